//! Runs hunts at the service and remembers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{
    HuntError, HuntErrorKind, HuntResult, Place, SharedSchema, Timespan, language, schema,
};
use crate::api::{ApiError, ApiErrorKind, HuntRequest};
use crate::domain::Timestamp;
use crate::store::HuntRecord;
use crate::tenant::Tenant;

/// Runs hunts of one tenant.
#[derive(Clone, Debug)]
pub struct Hunter {
    tenant: Arc<Tenant>,
}

impl Hunter {
    /// A hunter of a tenant.
    pub fn new(tenant: Arc<Tenant>) -> Self {
        Self { tenant }
    }

    /// Whose hunts these are.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Runs a query and writes it to the history, whatever comes of it.
    ///
    /// # Errors
    /// By kind, with the service's words and what to do; where the query itself was refused, with the
    /// places local diagnostics find.
    pub async fn run(
        &self,
        query: &str,
        timespan: Option<Timespan>,
        cancel: CancellationToken,
    ) -> Result<HuntResult, HuntError> {
        let started = Instant::now();
        let at = Timestamp::now();
        let answer = self.ask(query, timespan, cancel).await;
        if !matches!(&answer, Err(error) if error.kind == HuntErrorKind::Local) {
            self.remember(query, at, started.elapsed(), &answer).await;
        }
        answer
    }

    /// The same without a trace in the history: for what the console looks up by itself.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn ask(
        &self,
        query: &str,
        timespan: Option<Timespan>,
        cancel: CancellationToken,
    ) -> Result<HuntResult, HuntError> {
        if query.trim_start().starts_with('.') {
            let words = "Control commands (lines that begin with a dot) are no queries; the hunting service has none.";
            return Err(HuntError::new(HuntErrorKind::Local, words));
        }
        let request = HuntRequest {
            query: query.to_owned(),
            timespan: timespan.map(|span| span.iso().to_owned()),
        };
        match self.tenant.graph.hunt(&request, cancel).await {
            Ok(answer) => Ok(HuntResult {
                table: Arc::new(answer.table),
                bad_rows: answer.bad_rows,
                took: answer.took,
                as_of: answer.as_of,
                render: language::render(query),
                place: Place::Defender,
                over: None,
            }),
            Err(error) => {
                let mut error = error_of(&error, Timestamp::now());
                if matches!(error.kind, HuntErrorKind::Syntax | HuntErrorKind::Semantic) {
                    let schema = self.schema().await;
                    error.findings = language::findings(query, 0, &schema);
                }
                Err(error)
            }
        }
    }

    /// The schema of the tenant, as far as it is known.
    async fn schema(&self) -> SharedSchema {
        let store = self.tenant.store.clone();
        let known = tokio::task::spawn_blocking(move || schema::known(&store)).await;
        match known {
            Ok(Ok(learnt)) => SharedSchema::of([&learnt]),
            Ok(Err(_)) | Err(_) => SharedSchema::default(),
        }
    }

    async fn remember(
        &self,
        query: &str,
        at: Timestamp,
        took: Duration,
        answer: &Result<HuntResult, HuntError>,
    ) {
        let record = HuntRecord {
            id: 0,
            at,
            query: query.to_owned(),
            took,
            rows: answer
                .as_ref()
                .ok()
                .map(|result| result.table.rows() as u64),
            error: answer.as_ref().err().map(ToString::to_string),
            engine: Place::Defender.name().to_owned(),
        };
        let store = self.tenant.store.clone();
        let written = tokio::task::spawn_blocking(move || store.hunt_add(&record)).await;
        match written {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => tracing::warn!(%why, "a hunt was not written to the history"),
            Err(why) => tracing::warn!(%why, "a hunt was not written to the history"),
        }
    }
}

/// What a failed request means to the hunter.
fn error_of(error: &ApiError, now: Timestamp) -> HuntError {
    let own = |kind: HuntErrorKind| HuntError {
        status: error.status,
        code: error.code.to_string(),
        ..HuntError::new(kind, error.message.to_string())
    };
    let mut out = match &error.kind {
        ApiErrorKind::BadRequest | ApiErrorKind::Conflict => HuntError::from_service(
            error.status.unwrap_or(400),
            &error.code,
            &error.message,
            now,
        ),
        ApiErrorKind::Throttled { retry_at } => {
            let read = HuntError::from_service(429, &error.code, &error.message, now);
            HuntError {
                retry_at: retry_at.or(read.retry_at),
                status: error.status,
                ..read
            }
        }
        ApiErrorKind::Service if error.message.trim().is_empty() => {
            HuntError::from_service(error.status.unwrap_or(500), &error.code, "", now)
        }
        ApiErrorKind::Service
        | ApiErrorKind::Decode
        | ApiErrorKind::NotFound
        | ApiErrorKind::Timeout => own(HuntErrorKind::Service),
        ApiErrorKind::SignIn => own(HuntErrorKind::SignIn),
        ApiErrorKind::Forbidden => own(HuntErrorKind::Forbidden),
        ApiErrorKind::Offline => own(HuntErrorKind::Connection),
        ApiErrorKind::Cancelled => HuntError::new(
            HuntErrorKind::Cancelled,
            "Cancelled before the answer came.",
        ),
    };
    out.request_id = error
        .request_id
        .as_deref()
        .or(error.client_request_id.as_deref())
        .map(str::to_owned);
    out
}
