//! Several tenants behind one port: which one a request is for, and which of its services answers.
//!
//! Knows nothing of sockets.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::clock::{self, Clock, Ticks};
use super::faults::{Faults, RetryAfter};
use super::http::{Ask, Reply};
use super::quirks::RetryAfterForm;
use super::state::Journal;
use super::tenant::Tenant;
use super::{LogLine, SimConfig, SimError, defender, graph, ids, make, mishap, steps};

/// What is served: one tenant or many, with one clock.
pub struct Host {
    /// The tenants, at least one. The first answers what names none.
    pub tenants: Vec<Arc<Tenant>>,
    /// The clock they share.
    pub clock: Arc<Clock>,
    /// Mishaps to come.
    pub faults: Faults,
    /// Requests received so far.
    pub requests: AtomicU64,
    /// Where log lines go.
    pub log: Option<LogLine>,
    /// What happened so far, to be repeated.
    pub journal: Journal,
    /// What it was made from.
    pub config: SimConfig,
    /// The administrator's bearer; `None` where nobody needs one.
    pub admin: Option<String>,
    /// Whether the host is about to stop: what waits on purpose need not wait any longer.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("tenants", &self.tenants)
            .finish_non_exhaustive()
    }
}

/// The one claim that says whose token it is.
#[derive(Deserialize)]
struct Tid {
    tid: String,
}

impl Host {
    /// Makes the tenants of these settings or, when there is a state, the tenants as it left them.
    pub async fn open(mut config: SimConfig) -> Result<Self, SimError> {
        let wrong = |why: String| SimError::State {
            path: config.state.clone().unwrap_or_default(),
            why,
        };
        let (journal, before) = match &config.state {
            Some(path) => Journal::open(path).map_err(|e| wrong(e.to_string()))?,
            None => (Journal::default(), None),
        };
        let (head, entries) = if let Some((head, entries)) = before {
            let mut kept = config.clone();
            make::adopt(&mut kept, &head.made).map_err(wrong)?;
            let other = head.made.differences(&make::head(&config).made);
            if let (Some(log), Some(path), false) = (&config.log, &config.state, other.is_empty()) {
                log(&format!(
                    "{} goes on as it was made, with seed {}; what this start says otherwise is not used: {}",
                    path.display(),
                    head.made.seed,
                    other.join(", ")
                ));
            }
            config = kept;
            (head, entries)
        } else {
            let head = make::head(&config);
            journal
                .replace(&head, &[])
                .map_err(|e| wrong(e.to_string()))?;
            (head, Vec::new())
        };
        let hands = steps::hands_after(&head, &entries);
        let clock = Arc::new(Clock::with(head.start, hands, config.speed));
        let mut tenants = Vec::new();
        for place in 0..config.tenants.max(1) {
            let tenant = make::tenant(&config, place, &clock, head.hands.at).await?;
            tenants.push(Arc::new(tenant));
        }
        if tenants.len() > 1 {
            let all = tenants.iter();
            let all: Vec<_> = all
                .map(|t| (t.entra.tenant.clone(), t.persona.name.clone()))
                .collect();
            for tenant in &tenants {
                tenant.entra.meet(&all);
            }
        }
        let host = Self {
            tenants,
            clock,
            faults: Faults::new(config.fault_seed),
            requests: AtomicU64::new(0),
            log: config.log.clone(),
            journal,
            admin: (!config.open_admin).then(|| format!("admin-{}", uuid::Uuid::new_v4().simple())),
            config,
            stopping: CancellationToken::new(),
        };
        host.replay(&entries).await.map_err(|why| SimError::State {
            path: host.config.state.clone().unwrap_or_default(),
            why,
        })?;
        for tenant in host.tenants.iter().filter(|_| host.tenants.len() > 1) {
            let faults = tenant.persona.faults(tenant.place + 1);
            for fault in faults.map_err(SimError::Scenario)? {
                host.faults.add(fault);
            }
        }
        for fault in &host.config.faults {
            host.faults.add(fault.clone());
        }
        if host.config.prepare_hunting {
            host.tenants.iter().for_each(graph::hunting::prepare);
        }
        Ok(host)
    }

    /// The id of a request: while time is frozen the same in every run, so that answers are the same to
    /// the byte.
    pub fn request_id(&self, number: u64) -> String {
        if self.clock.rate() == 0.0 {
            ids::guid(self.tenants[0].seed, &format!("request {number}"))
        } else {
            uuid::Uuid::new_v4().to_string()
        }
    }

    /// The place of the tenant a request is for: the one its bearer token was issued by (read, not verified: that is
    /// the tenant's own business), else the one its path begins with, else the first.
    pub fn choose(&self, ask: &Ask) -> usize {
        let named = if is_service(ask) {
            token_tenant(ask)
        } else {
            ask.path.split('/').nth(1).map(str::to_owned)
        };
        named
            .and_then(|name| self.tenants.iter().position(|t| t.entra.is_named(&name)))
            .unwrap_or(0)
    }
}

/// The tenant a bearer token says it is from.
fn token_tenant(ask: &Ask) -> Option<String> {
    let (scheme, token) = ask.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Tid>(&payload).ok().map(|t| t.tid)
}

/// Paths that are asked with POST but change nothing.
const QUESTIONS: &[&str] = &["runhuntingquery", "/run"];

/// Whether a request may change what a service holds.
fn may_write(ask: &Ask) -> bool {
    let path = ask.path.trim_end_matches('/').to_ascii_lowercase();
    is_service(ask)
        && !matches!(ask.method, Method::GET | Method::HEAD)
        && !QUESTIONS.iter().any(|q| path.ends_with(q))
}

fn is_service(ask: &Ask) -> bool {
    ["/v1.0/", "/beta/", "/api/"]
        .iter()
        .any(|p| ask.path.starts_with(p))
}

/// What the tenant answers, quotas kept. The clock stands still for the request: all parts of an answer
/// and all changes of a write have one time. Writes go one after the other, and no story event happens
/// between the time of a write and the write, so that writes repeated at their times lead to the same world.
pub async fn answer(host: &Host, tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    if let Some(reply) = over_quota(tenant, ask, tenant.clock.now()) {
        return reply;
    }
    if may_write(ask) {
        let _turn = tenant.turn.write().await;
        let now = tenant.clock.now();
        let reply = clock::at(now, services(tenant, ask)).await;
        if (200..300).contains(&reply.status) {
            host.keep_write(now, tenant.place, ask);
        }
        return reply;
    }
    if !is_service(ask) && ask.method == Method::POST {
        // Somebody may consent: that is a change of the tenant, and has its turn.
        let _turn = tenant.turn.write().await;
        let now = tenant.clock.now();
        let reply = clock::at(now, services(tenant, ask)).await;
        for consent in tenant.entra.take_consents() {
            host.keep_consent(now, tenant.place, consent);
        }
        return reply;
    }
    let now = {
        let _turn = tenant.turn.read().await;
        let now = tenant.clock.now();
        clock::at(now, async { tenant.catch_up() }).await;
        now
    };
    clock::at(now, services(tenant, ask)).await
}

/// What the service that has the path answers, whatever the quotas.
pub async fn services(tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    if ask.path.starts_with("/v1.0/") || ask.path.starts_with("/beta/") {
        return graph::answer(tenant, ask).await;
    }
    if ask.path.starts_with("/api/") {
        return defender::answer(tenant, ask).await;
    }
    if let Some(reply) = defender::blobs::answer(tenant, ask) {
        return reply;
    }
    tenant
        .entra
        .answer(ask, tenant.clock.now())
        .unwrap_or_else(|| {
            let mut reply = Reply::json(404, b"Not Found".to_vec());
            reply.content_type = "text/plain";
            reply.why = Some("no service has this path".into());
            reply
        })
}

/// The answer to a request that is one too many.
pub fn over_quota(tenant: &Tenant, ask: &Ask, now: Ticks) -> Option<Reply> {
    if !is_service(ask) {
        return None;
    }
    let claims = steps::claims_of(ask).unwrap_or_default();
    let app = claims["appid"].as_str().or(claims["azp"].as_str());
    let over = tenant
        .quotas
        .as_ref()?
        .ask(ask, app.unwrap_or_default(), now)
        .err()?;
    // The client waits in wall time.
    let rate = tenant.clock.rate().max(1.0);
    let after = over.wait.map_or(RetryAfter::Missing, |wait| {
        let wait = (wait as f64 / rate).ceil() as u64;
        match tenant.quirks.retry_after {
            RetryAfterForm::Seconds => RetryAfter::Seconds(wait),
            RetryAfterForm::Date => RetryAfter::Date(wait),
            RetryAfterForm::Missing => RetryAfter::Missing,
        }
    });
    let words = format!("API calls quota exceeded! maximum allowed {}", over.words);
    Some(mishap::throttled(tenant, ask, after, &words))
}
