//! One private `send` does tokens, waiting, sending, retrying, tracing and errors; every endpoint
//! method of the two clients is a few lines over it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, StatusCode};
use tokio::sync::watch;
use url::Url;

use super::budget::{Budgets, HuntQuota, Ledger, Quota, read_hunt_quota};
use super::error::{
    ApiError, ApiErrorKind, Reached, Said, excerpt, kind_of, reached_of, read_body,
};
use super::gate::{Gate, Permit, Priority};
use super::refused::Refused;
use super::retry::{Case, Outcome, Repeat, Verdict, backoff, retry_after, verdict};
use super::told::{after, lost_error, somebody_else, throttled, what_to_do};
use crate::auth::judge::{self, Needs, Reason};
use crate::auth::{AccessToken, Claims, Resource, SharedToken, TokenSource, clock, trouble};
use crate::cloud::Endpoints;
use crate::domain::text::clean;

/// The longest silence inside an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// A wait a person is kept for; longer ones are told instead.
const PERSON_WAITS: Duration = Duration::from_secs(5);
/// A wait polling bears before it is told.
const POLL_WAITS: Duration = Duration::from_secs(60);

/// The one way out of the program. Cheap to clone; clones share connections, tokens and budgets.
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
    /// The `client-request-id` to use in place of a fresh one.
    tag: Option<Arc<str>>,
}

struct Inner {
    http: reqwest::Client,
    tokens: TokenSource,
    endpoints: Endpoints,
    ledger: Ledger,
    gates: [Gate; 3],
}

/// A call to make.
pub(super) struct Call {
    /// What it is, for traces: `incidents.list`.
    pub(super) operation: &'static str,
    pub(super) resource: Resource,
    pub(super) quota: Quota,
    pub(super) method: Method,
    pub(super) url: Url,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    pub(super) repeat: Repeat,
    pub(super) priority: Priority,
    /// Attempts at most.
    pub(super) attempts: u32,
    /// How long the service may think before it begins to answer.
    pub(super) patience: Duration,
    /// The largest answer taken, in bytes.
    pub(super) largest: usize,
    /// Permissions of which one is enough.
    pub(super) any_of: &'static [&'static str],
}

/// A 2xx answer, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The moment the answer holds for at least: the service's clock when it was asked, and never later
    /// than this machine's.
    pub(super) as_of: Timestamp,
    pub(super) request_id: Option<Box<str>>,
    pub(super) client_request_id: Box<str>,
    /// What a 206 said is missing.
    pub(super) partial: Option<String>,
}

impl Answer {
    /// An error about this answer. A write's answer that is not understood leaves open what was done.
    pub(super) fn not_understood(&self, why: &str) -> ApiError {
        ApiError {
            status: Some(self.status),
            request_id: self.request_id.clone(),
            client_request_id: Some(self.client_request_id.clone()),
            ..ApiError::local(
                ApiErrorKind::Decode,
                format!("the answer was not understood: {}", clean(why)),
            )
        }
        .reached(Reached::Maybe)
    }
}

/// What one attempt brought.
enum Attempt {
    Answered {
        status: u16,
        headers: HeaderMap,
        body: Vec<u8>,
        /// When it was sent, by this machine's clock.
        asked: Timestamp,
        /// From sending to the head of the answer.
        thought: Duration,
    },
    Failed {
        outcome: Outcome,
        why: String,
        /// What to do about it.
        cure: &'static str,
        /// Too large to take: sending again changes nothing.
        too_large: bool,
    },
}

impl Transport {
    /// A transport of one tenant.
    pub fn new(endpoints: &Endpoints, tokens: TokenSource, http: reqwest::Client) -> Self {
        Self {
            inner: Arc::new(Inner {
                http,
                tokens,
                endpoints: endpoints.clone(),
                ledger: Ledger::new(),
                // Places, and how many of them polling may hold. Hunts cost the tenant's processing
                // budget, so no more than two at once.
                gates: [Gate::new(8, 6), Gate::new(2, 1), Gate::new(4, 3)],
            }),
            tag: None,
        }
    }

    /// The same transport whose requests carry this `client-request-id`: a journal that writes it down
    /// before the request leaves can be matched with the service's records.
    #[must_use]
    pub fn tagged(&self, client_request_id: &str) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            tag: Some(client_request_id.into()),
        }
    }

    /// News of the budgets, sent when a request changes them.
    pub fn budgets(&self) -> watch::Receiver<Budgets> {
        self.inner.ledger.subscribe()
    }

    /// The budgets now, with what has run out since the last request taken off.
    pub fn budgets_now(&self) -> Budgets {
        self.inner.ledger.now()
    }

    /// Where requests go.
    pub fn endpoints(&self) -> &Endpoints {
        &self.inner.endpoints
    }

    /// The connections requests are made on.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    /// Where their tokens come from.
    pub fn tokens(&self) -> &TokenSource {
        &self.inner.tokens
    }

    /// Makes a call: waits for its turn, sends, renews the token once, tries again where that is
    /// safe, and gives a 2xx answer or an error that says what to do.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, ApiError> {
        let bears = match call.priority {
            Priority::Interactive => PERSON_WAITS,
            Priority::Background => POLL_WAITS,
        };
        let mut attempt = 0;
        let mut renewed = false;
        let mut answered_demand = false;
        // The audience that was refused, once another is in use.
        let mut switched: Option<Arc<str>> = None;
        loop {
            self.bearable(&call, bears)?;
            let audience = self.inner.tokens.audience(call.resource);
            // Before taking a place: a slow sign-in service must not hold others up.
            let token = self.token(&call).await?;
            let permit = self.turn(&call, bears).await?;
            attempt += 1;
            let client_request_id = match &self.tag {
                Some(tag) => tag.to_string(),
                None => uuid::Uuid::new_v4().to_string(),
            };
            let started = Instant::now();
            self.inner.ledger.sent(call.quota);
            let came = self.once(&call, &token, &client_request_id).await;
            drop(permit);
            trace(&call, attempt, &client_request_id, started.elapsed(), &came);
            let (outcome, asked_wait) = match &came {
                Attempt::Answered {
                    status, headers, ..
                } => (Outcome::Status(*status), wait_of(headers)),
                Attempt::Failed { outcome, .. } => (*outcome, None),
            };
            let mut case = Case {
                outcome,
                retry_after: asked_wait,
                attempt,
                attempts: call.attempts,
                renewed,
                repeat: call.repeat,
                patience: bears,
                jitter: fastrand::f64(),
            };
            if let Attempt::Answered {
                status: 429, body, ..
            } = &came
            {
                case.retry_after = Some(self.cool(&call, case, body));
            }
            let refused = match &came {
                Attempt::Answered {
                    status: status @ (401 | 403),
                    headers,
                    body,
                    ..
                } => Some(Refused::read(*status, headers, body)),
                _ => None,
            };
            if let Some(refused) = &refused {
                // A 401 or 403 turns a call away at the door, before anything is done: whatever the
                // call, a write too, it may be sent once more when what it was turned away for has changed.
                if let Some(claims) = refused.demand.clone().filter(|_| !answered_demand) {
                    tracing::info!(
                        operation = call.operation,
                        "the service demands more claims"
                    );
                    self.inner.tokens.demand(call.resource, claims, &token);
                    answered_demand = true;
                    attempt -= 1;
                    continue;
                }
                if switched.is_none() && self.switch(&call, refused, &audience, &token).await {
                    switched = Some(audience);
                    attempt -= 1;
                    continue;
                }
            }
            let challenged = refused.as_ref().is_some_and(|refused| refused.challenged);
            let next = match verdict(case) {
                Verdict::Renew if challenged => Verdict::GiveUp,
                Verdict::Again(_)
                    if matches!(
                        &came,
                        Attempt::Failed {
                            too_large: true,
                            ..
                        }
                    ) =>
                {
                    Verdict::GiveUp
                }
                next => next,
            };
            // The other audience does not do either.
            let mut neither = false;
            if let (Some(before), Some(refused), Verdict::GiveUp) = (&switched, &refused, next) {
                neither = self.is_audience(&call, refused, &token);
                if neither {
                    self.inner.tokens.switch_back(call.resource, before);
                }
            }
            match next {
                Verdict::Renew => {
                    self.inner.tokens.invalidate(call.resource, &token);
                    renewed = true;
                    // A refused token is no attempt at the call itself.
                    attempt -= 1;
                }
                Verdict::Again(wait) => tokio::time::sleep(wait).await,
                Verdict::Accept => {
                    if let Attempt::Answered {
                        status,
                        headers,
                        body,
                        asked,
                        thought,
                    } = came
                    {
                        if let Some(trouble) = trouble::intercepted(&call.url, status, &headers) {
                            return Err(ApiError {
                                client_request_id: Some(client_request_id.into()),
                                ..somebody_else(status, trouble)
                            });
                        }
                        self.inner.tokens.accepted(call.resource);
                        let as_of = as_of(&headers, asked, thought);
                        return Ok(answer(status, &headers, body, client_request_id, as_of));
                    }
                }
                Verdict::GiveUp => {
                    // The service looked at the request itself, so the token was taken.
                    if matches!(case.outcome, Outcome::Status(400 | 404 | 409 | 412)) {
                        self.inner.tokens.accepted(call.resource);
                    }
                    let mut error =
                        self.error(&call, came, case.retry_after, refused.as_ref(), &token);
                    if let (Some(before), true) = (&switched, neither) {
                        error.advice = format!(
                            "tokens for {before} and for {audience} were both refused: see that the permissions \
                             are granted under {} and consented, then set defender_audience in the profile",
                            call.resource.api_name()
                        )
                        .into();
                    }
                    return Err(ApiError {
                        client_request_id: Some(client_request_id.into()),
                        ..error
                    });
                }
            }
        }
    }

    /// A token for a call. Where there is none and this machine's clock is off, that is said.
    async fn token(&self, call: &Call) -> Result<SharedToken, ApiError> {
        let answer = self.inner.tokens.token(call.resource).await;
        answer.map_err(|error| {
            let timely = matches!(error.aadsts, Some(700_024 | 50_012 | 500_133));
            let off = timely.then(|| clock::off(&self.inner.endpoints.authority));
            let mut error = ApiError::from(error);
            if let Some(skew) = off.flatten() {
                error.advice = judge::clock(skew).to_string().into();
            }
            error
        })
    }

    /// Whether a token for another audience is in use now, one that may do: the service refused this one
    /// for a reason of audience, or because it carries nothing.
    async fn switch(
        &self,
        call: &Call,
        refused: &Refused,
        audience: &str,
        token: &SharedToken,
    ) -> bool {
        let verdict = self.verdict(call, refused, token);
        if !matches!(verdict.reason, Reason::Audience | Reason::NoPermission) {
            return false;
        }
        let serves = |other: &AccessToken| {
            // An opaque token says nothing: the service will. One that carries none of the permissions
            // is not worth a request.
            let holds = |claims: &Claims| {
                call.any_of
                    .iter()
                    .any(|name| claims.carries(call.resource, name))
            };
            call.any_of.is_empty() || other.claims.as_ref().is_none_or(holds)
        };
        let tokens = &self.inner.tokens;
        tokens.switch(call.resource, audience, serves).await
    }

    fn is_audience(&self, call: &Call, refused: &Refused, token: &SharedToken) -> bool {
        self.verdict(call, refused, token).reason == Reason::Audience
    }

    /// How far this machine's clock is ahead of the services' (negative: behind), where it is furthest off
    /// among the hosts of this tenant that have answered; `None` before the first answer.
    pub fn skew(&self) -> Option<SignedDuration> {
        let endpoints = &self.inner.endpoints;
        [&endpoints.authority, &endpoints.graph, &endpoints.defender]
            .into_iter()
            .filter_map(clock::skew)
            .max_by_key(|skew| skew.abs())
    }

    /// How long the quota wants the call to wait; longer than the caller bears is an error at once.
    fn bearable(&self, call: &Call, bears: Duration) -> Result<Option<Duration>, ApiError> {
        match self.inner.ledger.wait(call.quota) {
            Some(wait) if wait > bears => Err(throttled(call.quota, wait)),
            wait => Ok(wait),
        }
    }

    /// Waits out the quota's cool-down and takes a place.
    async fn turn(&self, call: &Call, bears: Duration) -> Result<Permit, ApiError> {
        let ledger = &self.inner.ledger;
        loop {
            if let Some(wait) = self.bearable(call, bears)? {
                tokio::time::sleep(wait).await;
                continue;
            }
            let permit = self.inner.gates[call.quota as usize]
                .enter(call.priority)
                .await;
            // Somebody may have been told to wait while we queued.
            if ledger.wait(call.quota).is_none() {
                return Ok(permit);
            }
        }
    }

    /// One attempt, without judgement.
    async fn once(&self, call: &Call, token: &SharedToken, client_request_id: &str) -> Attempt {
        let mut request = self
            .inner
            .http
            .request(call.method.clone(), call.url.clone())
            .bearer_auth(token.expose())
            .header(header::ACCEPT, "application/json")
            .header("client-request-id", client_request_id)
            .header("Prefer", "include-unknown-enum-members");
        if let Some(body) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.clone());
        }
        let (sent, asked) = (Instant::now(), Timestamp::now());
        let failed = |outcome, why| Attempt::Failed {
            outcome,
            why,
            cure: "check the network and the proxy",
            too_large: false,
        };
        let lost = |error: &reqwest::Error| {
            let reached = if error.is_connect() || error.is_builder() {
                Reached::No
            } else {
                Reached::Maybe
            };
            let outcome = if error.is_timeout() {
                Outcome::TimedOut(reached)
            } else {
                Outcome::Failed(reached)
            };
            let lost = trouble::lost(error);
            Attempt::Failed {
                outcome,
                why: lost.why,
                cure: lost.cure,
                too_large: false,
            }
        };
        let mut response = match tokio::time::timeout(call.patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return lost(&error),
            Err(_) => {
                let why = format!("no answer within {} seconds", call.patience.as_secs());
                return failed(Outcome::TimedOut(Reached::Maybe), why);
            }
        };
        let thought = sent.elapsed();
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        clock::note(&call.url, &headers, Timestamp::now());
        let expected = response.content_length().unwrap_or(0);
        let mut body = Vec::with_capacity(expected.min(call.largest as u64).min(1 << 24) as usize);
        loop {
            match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > call.largest => {
                    return Attempt::Failed {
                        outcome: Outcome::Failed(Reached::Maybe),
                        why: format!(
                            "the answer is larger than {} MB and was dropped",
                            call.largest >> 20
                        ),
                        cure: "ask for less: fewer rows, fewer columns, a shorter time",
                        too_large: true,
                    };
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    let why = format!(
                        "the connection broke in the middle: {}",
                        trouble::lost(&error).why
                    );
                    return failed(Outcome::Failed(Reached::Maybe), why);
                }
                Err(_) => {
                    let why = format!("the answer stopped for {} seconds", SILENCE.as_secs());
                    return failed(Outcome::TimedOut(Reached::Maybe), why);
                }
            }
        }
        Attempt::Answered {
            status,
            headers,
            body,
            asked,
            thought,
        }
    }

    /// Books a 429 for everybody who draws on the quota; gives how long.
    fn cool(&self, call: &Call, case: Case, body: &[u8]) -> Duration {
        let quota = if call.quota == Quota::GraphHunting {
            let message = read_body(body).map(|said| said.message).unwrap_or_default();
            read_hunt_quota(&message)
        } else {
            HuntQuota::default()
        };
        if let Some(limit) = quota.per_minute {
            self.inner.ledger.limit_hunts(limit);
        }
        let wait = case
            .retry_after
            .or(quota.again_in)
            .unwrap_or_else(|| backoff(case.attempt, case.jitter));
        self.inner.ledger.cool(call.quota, wait);
        wait
    }

    fn error(
        &self,
        call: &Call,
        came: Attempt,
        wait: Option<Duration>,
        refused: Option<&Refused>,
        token: &SharedToken,
    ) -> ApiError {
        let (status, headers, body) = match came {
            Attempt::Failed {
                outcome,
                why,
                cure,
                too_large,
            } => {
                return lost_error(call, outcome, &why, cure, too_large);
            }
            Attempt::Answered {
                status,
                headers,
                body,
                ..
            } => (status, headers, body),
        };
        if let Some(trouble) = trouble::intercepted(&call.url, status, &headers) {
            return somebody_else(status, trouble);
        }
        let said = read_body(&body);
        let understood = said.is_some();
        let said = said.unwrap_or_default();
        let mut kind = kind_of(status, &said);
        if refused.is_some_and(|refused| refused.challenged) {
            kind = ApiErrorKind::SignIn;
        }
        if let ApiErrorKind::Throttled { retry_at } = &mut kind {
            *retry_at = wait.and_then(after);
        }
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("no reason given");
        let message = if !said.message.trim().is_empty() {
            clean(said.message.trim()).into_owned()
        } else if understood || body.is_empty() {
            reason.to_owned()
        } else {
            format!(
                "{reason}, and not in the service's words: {}",
                excerpt(&body)
            )
        };
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(clean(value).into_owned().into_boxed_str())
        };
        let request_id = said
            .request_id
            .as_deref()
            .map(|id| clean(id).into())
            .or_else(|| header("request-id"))
            .or_else(|| header("x-ms-request-id"));
        let advice = self.advice(call, kind, status, &said, refused, token);
        ApiError {
            kind,
            status: Some(status),
            code: clean(&said.code).into(),
            message: message.into(),
            request_id,
            client_request_id: None,
            advice: advice.into(),
            reached: reached_of(status),
        }
    }

    /// What to do about a refusal.
    fn advice(
        &self,
        call: &Call,
        kind: ApiErrorKind,
        status: u16,
        said: &Said,
        refused: Option<&Refused>,
        token: &SharedToken,
    ) -> String {
        let service = call.resource.title();
        match (kind, refused) {
            (ApiErrorKind::SignIn | ApiErrorKind::Forbidden, Some(refused)) => {
                self.verdict(call, refused, token).to_string()
            }
            (kind, _) => what_to_do(call, kind, status, said, service),
        }
    }

    /// Why a call was refused.
    fn verdict(&self, call: &Call, refused: &Refused, token: &SharedToken) -> judge::Verdict {
        let refusal = judge::Refusal {
            status: refused.status,
            code: &refused.said.code,
            message: &refused.said.message,
            challenged: refused.challenged,
            skew: clock::skew(&call.url),
        };
        let needs = Needs {
            resource: call.resource,
            any_of: call.any_of,
            tenant: self.inner.tokens.tenant(),
            settled: self.inner.tokens.is_settled(call.resource),
        };
        judge::judge(refusal, token.claims.as_ref(), needs, &self.inner.endpoints)
    }
}

/// The latest moment whose state an answer is sure to show, by the service's clock. The service may have
/// looked at its data as soon as it was asked and stamped the answer when it left; and a stamp later than
/// the question (its clock, or a gateway's) promises nothing.
fn as_of(headers: &HeaderMap, asked: Timestamp, thought: Duration) -> Timestamp {
    let thought = SignedDuration::try_from(thought).unwrap_or_default();
    clock::stamped(headers)
        .and_then(|date| date.checked_sub(thought).ok())
        .map_or(asked, |date| date.min(asked))
}

fn answer(
    status: u16,
    headers: &HeaderMap,
    body: Vec<u8>,
    client_request_id: String,
    as_of: Timestamp,
) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let partial = (status == 206).then(|| {
        let warning = text("warning").unwrap_or("no reason given");
        clean(warning).into_owned()
    });
    Answer {
        status,
        body,
        as_of,
        request_id: text("request-id")
            .or_else(|| text("x-ms-request-id"))
            .map(|id| clean(id).into_owned().into()),
        client_request_id: client_request_id.into(),
        partial,
    }
}

fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(value, SystemTime::now())
}

/// One line an attempt: no token, no body, no query.
fn trace(call: &Call, attempt: u32, id: &str, took: Duration, came: &Attempt) {
    let took_ms = took.as_millis() as u64;
    let (operation, method, path) = (call.operation, &call.method, call.url.path());
    match came {
        Attempt::Answered {
            status,
            headers,
            body,
            ..
        } => {
            let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
            tracing::debug!(
                operation, %method, path, attempt, status, took_ms,
                bytes = body.len(),
                client_request_id = id,
                request_id = text("request-id"),
                diagnostic = text("x-ms-ags-diagnostic"),
                "answered"
            );
        }
        Attempt::Failed { why, .. } => {
            tracing::warn!(operation, %method, path, attempt, took_ms, client_request_id = id, why, "no answer");
        }
    }
}
