//! What the feed's tasks share: the way out, the feed's health, and when to try again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reread::Ask;
use super::{FeedEvent, FeedHealth, FeedRefusal, FeedState, Habits, Level, Notice, Progress};
use crate::api::{ApiError, ApiErrorKind, Quota};
use crate::auth::Resource;
use crate::config::FeedSettings;
use crate::domain::{Change, Timestamp};
use crate::store::{Endpoint, Put, Store, StoreError};
use crate::tenant::Tenant;

/// Rows told at once.
const BATCH: usize = 1000;

/// Failed polls in a row before trouble at the service counts as being offline.
const PATIENCE: u32 = 3;

/// What a poll can fail with.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The service or the way to it.
    Api(ApiError),
    /// The cache.
    Store(StoreError),
    /// The service left something out of its answer and said so.
    Incomplete(String),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What to do after a failed poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this long.
    After(Duration),
    /// Rest until somebody refreshes.
    Rest,
}

/// What the tasks share.
pub(super) struct Hub {
    pub(super) tenant: Arc<Tenant>,
    pub(super) settings: FeedSettings,
    pub(super) habits: Habits,
    pub(super) stop: CancellationToken,
    /// Work for the disk counts as a task: shutting down waits for it.
    tasks: TaskTracker,
    events: mpsc::Sender<FeedEvent>,
    asks: mpsc::UnboundedSender<Ask>,
    refresh: watch::Receiver<u64>,
    idle: watch::Receiver<bool>,
    health: Mutex<Inner>,
    moved: watch::Sender<u64>,
    /// Held from writing rows until they are told: listeners hear of rows in the order they were
    /// written.
    order: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Inner {
    sources: [Source; 3],
    syncing: [bool; 2],
    progress: Progress,
    rejected: u64,
    told: Option<FeedHealth>,
}

/// How one endpoint is doing.
#[derive(Default)]
struct Source {
    as_of: Option<Timestamp>,
    /// When we last got a complete answer, by our own clock.
    good: Option<Timestamp>,
    failures: u32,
    failing_since: Option<Timestamp>,
    why: Option<(Reason, String)>,
}

/// What keeps an endpoint from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Api(ApiErrorKind),
    Store,
    Incomplete,
}

impl Reason {
    /// Whether it is the same trouble as before, which is told once.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Api(one), Self::Api(other)) => {
                std::mem::discriminant(&one) == std::mem::discriminant(&other)
            }
            _ => self == other,
        }
    }
}

impl Hub {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(super) fn new(
        tenant: Arc<Tenant>,
        settings: FeedSettings,
        habits: Habits,
        events: mpsc::Sender<FeedEvent>,
        asks: mpsc::UnboundedSender<Ask>,
        refresh: watch::Receiver<u64>,
        idle: watch::Receiver<bool>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            tenant,
            settings,
            habits,
            stop,
            tasks,
            events,
            asks,
            refresh,
            idle,
            health: Mutex::default(),
            moved: watch::channel(0).0,
            order: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.tenant.store
    }

    /// Runs on a thread that may wait for the disk.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store().clone();
        match self.tasks.spawn_blocking(move || work(&store)).await {
            Ok(done) => done,
            Err(panic) => Err(StoreError::Content(panic.to_string())),
        }
    }

    /// The next request fetches a new token.
    pub(super) fn forget_token(&self, resource: Resource) {
        if let Some(token) = self.tenant.tokens.peek(resource) {
            self.tenant.tokens.invalidate(resource, &token);
        }
    }

    pub(super) fn ask(&self, ask: Ask) {
        // The task that would answer has stopped only when all are stopping.
        let _ = self.asks.send(ask);
    }

    async fn send(&self, event: FeedEvent) {
        tokio::select! {
            sent = self.events.send(event) => if sent.is_err() {
                self.stop.cancel(); // nobody listens any more
            },
            () = self.stop.cancelled() => {}
        }
    }

    pub(super) async fn changes(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.send(FeedEvent::Changes(changes)).await;
        }
    }

    pub(super) async fn notice(&self, level: Level, text: impl Into<String>) {
        self.notice_of(level, text, None).await;
    }

    async fn notice_of(
        &self,
        level: Level,
        text: impl Into<String>,
        refused: Option<Box<FeedRefusal>>,
    ) {
        let notice = Notice {
            level,
            text: text.into(),
            at: Timestamp::now(),
            refused,
        };
        self.send(FeedEvent::Notice(notice)).await;
    }

    /// Writes rows and tells what that changed.
    pub(super) async fn take_in(
        &self,
        endpoint: Endpoint,
        work: impl FnOnce(&Store) -> Result<Put, StoreError> + Send + 'static,
    ) -> Result<Put, StoreError> {
        let _mine = self.order.lock().await;
        let mut put = self.blocking(work).await?;
        self.told(endpoint, &mut put).await;
        Ok(put)
    }

    /// Takes rows out and tells which.
    pub(super) async fn take_out(
        &self,
        work: impl FnOnce(&Store) -> Result<Vec<Change>, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let _mine = self.order.lock().await;
        for batch in self.blocking(work).await?.chunks(BATCH) {
            self.changes(batch.to_vec()).await;
        }
        Ok(())
    }

    /// Tells what writing a page did: changes, refused rows, merges to follow, young incidents.
    async fn told(&self, endpoint: Endpoint, put: &mut Put) {
        if let Some(first) = put.bad.first() {
            self.lock().rejected += put.bad.len() as u64;
            let text = format!(
                "{} of {} could not be understood and {} kept aside as JSON: {}",
                match put.bad.len() {
                    1 => "a row".to_owned(),
                    count => format!("{count} rows"),
                },
                endpoint.name(),
                if put.bad.len() == 1 { "is" } else { "are" },
                first.why
            );
            self.notice(Level::Warning, text).await;
            self.health_changed().await;
        }
        for change in &put.changes {
            match change {
                Change::Redirected { from, to: Some(_) } => self.ask(Ask::Merged(from.clone())),
                Change::Redirected { from, to: None } => {
                    let text =
                        format!("incident {from} was merged, but where it went leads nowhere");
                    self.notice(Level::Warning, text).await;
                }
                Change::Incident(row) => self.ask(Ask::Young(row.id.clone(), row.created)),
                _ => {}
            }
        }
        self.changes(std::mem::take(&mut put.changes)).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A first sync has begun or gone on.
    pub(super) async fn syncing(&self, endpoint: Endpoint, rows: usize) {
        {
            let mut inner = self.lock();
            match endpoint {
                Endpoint::Incidents => {
                    inner.syncing[0] = true;
                    inner.progress.incidents += rows as u64;
                }
                Endpoint::Alerts => {
                    inner.syncing[1] = true;
                    inner.progress.alerts += rows as u64;
                }
                Endpoint::Actions => {}
            }
        }
        self.health_changed().await;
    }

    /// More rows of what may be a first sync.
    pub(super) async fn syncing_on(&self, endpoint: Endpoint, rows: usize) {
        if self.lock().syncing.get(endpoint as usize) == Some(&true) {
            self.syncing(endpoint, rows).await;
        }
    }

    /// A first sync has ended.
    pub(super) async fn synced(&self, endpoint: Endpoint) {
        let first = self
            .lock()
            .syncing
            .get_mut(endpoint as usize)
            .is_some_and(std::mem::take);
        // A first reading fills pages that nobody wants again soon: with many tenants they would be most
        // of the memory.
        if first && let Err(error) = self.blocking(Store::release_memory).await {
            tracing::debug!(%error, "the cache keeps its pages");
        }
        self.health_changed().await;
    }

    /// An endpoint has been read completely, the service's clock being at `as_of`.
    pub(super) async fn good(&self, endpoint: Endpoint, as_of: Timestamp) {
        {
            let mut inner = self.lock();
            let source = &mut inner.sources[endpoint as usize];
            *source = Source {
                as_of: source.as_of.max(Some(as_of)),
                good: Some(Timestamp::now()),
                ..Source::default()
            };
        }
        self.moved.send_modify(|count| *count += 1);
        self.health_changed().await;
    }

    /// An endpoint could not be read. `every` is its usual interval.
    pub(super) async fn bad(&self, endpoint: Endpoint, trouble: Trouble, every: Duration) -> Next {
        let error = match trouble {
            Trouble::Api(error) => error,
            Trouble::Store(error) => {
                let text = format!("{} were read but not kept: {error}", endpoint.name());
                return self.held_up(endpoint, Reason::Store, text, every).await;
            }
            Trouble::Incomplete(missing) => {
                let text = format!(
                    "{} are incomplete: the service left out {missing}",
                    endpoint.name()
                );
                return self
                    .held_up(endpoint, Reason::Incomplete, text, every)
                    .await;
            }
        };
        if error.kind == ApiErrorKind::Cancelled {
            return Next::After(every);
        }
        let why = match &*error.advice {
            "" => error.to_string(),
            advice => format!("{error}; {advice}"),
        };
        let (failures, news) = {
            let mut inner = self.lock();
            let source = &mut inner.sources[endpoint as usize];
            source.failures += 1;
            source.failing_since.get_or_insert_with(Timestamp::now);
            let reason = Reason::Api(error.kind);
            let news = !source
                .why
                .as_ref()
                .is_some_and(|(old, _)| old.is_like(reason));
            source.why = Some((reason, why.clone()));
            (source.failures, news)
        };
        let rest = matches!(error.kind, ApiErrorKind::SignIn | ApiErrorKind::Forbidden);
        if news {
            let what = endpoint.name();
            let (level, text) = match error.kind {
                _ if rest => (
                    Level::Error,
                    format!("{what} rest for a while, or until refreshed: {why}"),
                ),
                _ => (Level::Warning, format!("{what} could not be read: {why}")),
            };
            let refused = rest.then(|| {
                Box::new(FeedRefusal {
                    what: endpoint,
                    error: error.clone(),
                })
            });
            self.notice_of(level, text, refused).await;
        }
        self.health_changed().await;
        if rest {
            return Next::Rest;
        }
        if let Some(until) = error.retry_at() {
            let wait = until.duration_since(Timestamp::now());
            return Next::After(Duration::try_from(wait).unwrap_or_default());
        }
        let doubled = self
            .habits
            .retry_after
            .saturating_mul(1 << (failures - 1).min(16));
        Next::After(doubled.min(every.max(self.habits.retry_after)))
    }

    /// The service answers, but what it says is not all there or cannot be kept: told once.
    async fn held_up(
        &self,
        endpoint: Endpoint,
        reason: Reason,
        text: String,
        every: Duration,
    ) -> Next {
        let news = {
            let mut inner = self.lock();
            let source = &mut inner.sources[endpoint as usize];
            source.failing_since.get_or_insert_with(Timestamp::now);
            let known = source.why.as_ref();
            let news = !known.is_some_and(|(old, said)| old.is_like(reason) && *said == text);
            source.why = Some((reason, text.clone()));
            news
        };
        if news {
            let level = match reason {
                Reason::Store => Level::Error,
                _ => Level::Warning,
            };
            self.notice(level, text).await;
        }
        self.health_changed().await;
        Next::After(every)
    }

    /// Sends the health if it differs from what was sent last.
    async fn health_changed(&self) {
        let news = {
            let mut inner = self.lock();
            let health = inner.assess(self, Timestamp::now());
            (inner.told.as_ref() != Some(&health)).then(|| {
                inner.told = Some(health.clone());
                health
            })
        };
        if let Some(health) = news {
            self.send(FeedEvent::Health(health)).await;
        }
    }

    /// The usual interval of an endpoint, as long as nobody idles.
    pub(super) fn every(&self, endpoint: Endpoint) -> Duration {
        let every = match endpoint {
            Endpoint::Incidents => self.settings.incidents_every,
            Endpoint::Alerts => self.settings.alerts_every,
            Endpoint::Actions => self.settings.actions_every,
        };
        if *self.idle.borrow() {
            every.max(self.settings.idle_every)
        } else {
            every
        }
    }

    /// A wait, a little longer or shorter by chance.
    pub(super) fn jittered(&self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 + self.habits.jitter * (fastrand::f64() * 2.0 - 1.0))
    }

    pub(super) fn refreshes(&self) -> watch::Receiver<u64> {
        let mut refreshes = self.refresh.clone();
        refreshes.mark_unchanged();
        refreshes
    }

    pub(super) fn idling(&self) -> watch::Receiver<bool> {
        let mut idling = self.idle.clone();
        idling.mark_unchanged();
        idling
    }

    /// How long after a good answer the feed counts as lagging.
    fn lag(&self) -> Duration {
        let every = self.every(Endpoint::Incidents);
        every
            .saturating_mul(2)
            .saturating_add(every.min(Duration::from_secs(30)))
    }
}

impl Inner {
    fn assess(&self, hub: &Hub, now: Timestamp) -> FeedHealth {
        let [incidents, alerts, _] = &self.sources;
        let syncing = self.syncing.iter().any(|on| *on).then_some(self.progress);
        let state = [incidents, alerts]
            .into_iter()
            .find_map(Source::state)
            .or_else(|| cool_down(hub, now).map(|until| FeedState::Throttled { until }))
            .unwrap_or_else(|| match incidents.good.min(alerts.good) {
                None if syncing.is_some() => FeedState::Live,
                None => FeedState::Starting,
                // The older of the two: one that is late makes the whole late.
                Some(good) => {
                    let lag = jiff::SignedDuration::try_from(hub.lag()).unwrap_or_default();
                    if now.duration_since(good) > lag {
                        FeedState::Lagging { since: good }
                    } else {
                        FeedState::Live
                    }
                }
            });
        FeedHealth {
            state,
            // `None` is the least: nothing is claimed before both have been read.
            as_of: incidents.as_of.min(alerts.as_of),
            syncing,
            failures: incidents.failures.max(alerts.failures),
            rejected: self.rejected,
        }
    }
}

fn cool_down(hub: &Hub, now: Timestamp) -> Option<Timestamp> {
    hub.tenant
        .budgets()
        .borrow()
        .cool_down(Quota::GraphSecurity, now)
}

impl Source {
    /// The state its failures amount to; `None` while they are not worth a word.
    fn state(&self) -> Option<FeedState> {
        let (reason, why) = self.why.as_ref()?;
        let since = self.good.or(self.failing_since)?;
        let offline = || FeedState::Offline {
            since,
            why: why.clone(),
        };
        let Reason::Api(kind) = reason else {
            return Some(FeedState::Lagging { since });
        };
        Some(match kind {
            ApiErrorKind::SignIn | ApiErrorKind::Forbidden => {
                FeedState::SignIn { why: why.clone() }
            }
            ApiErrorKind::Throttled {
                retry_at: Some(until),
            } => FeedState::Throttled { until: *until },
            ApiErrorKind::Offline => offline(),
            _ if self.failures >= PATIENCE => offline(),
            _ => FeedState::Lagging { since },
        })
    }
}

/// Tells of hosts that are not the ones to use any more, and of an audience that was learned.
pub(super) async fn tell_of_the_door(hub: Arc<Hub>) {
    for text in hub.tenant.endpoints.notices() {
        hub.notice(Level::Info, text).await;
    }
    let mut learned = hub.tenant.tokens.learned();
    // What was learned before this began is news as well.
    learned.mark_changed();
    loop {
        tokio::select! {
            changed = learned.changed() => if changed.is_err() { return },
            () = hub.stop.cancelled() => return,
        }
        let text = learned
            .borrow_and_update()
            .as_ref()
            .map(ToString::to_string);
        if let Some(text) = text {
            hub.notice(Level::Info, text).await;
        }
    }
}

/// Tells when answers are overdue, and of cool-downs others ran into.
pub(super) async fn watch_over(hub: Arc<Hub>) {
    let mut moved = hub.moved.subscribe();
    let mut budgets = hub.tenant.budgets();
    let mut idling = hub.idling();
    loop {
        let good = {
            let inner = hub.lock();
            let [incidents, alerts, _] = &inner.sources;
            incidents.good.min(alerts.good)
        };
        let overdue = async {
            match good {
                None => std::future::pending().await,
                Some(good) => {
                    let age = Timestamp::now().duration_since(good);
                    let age = Duration::try_from(age).unwrap_or_default();
                    match hub.lag().checked_sub(age) {
                        Some(left) => tokio::time::sleep(left + Duration::from_millis(1)).await,
                        None => std::future::pending().await,
                    }
                }
            }
        };
        tokio::select! {
            () = hub.stop.cancelled() => return,
            () = overdue => {}
            more = moved.changed() => if more.is_err() { return },
            more = budgets.changed() => if more.is_err() { return },
            more = idling.changed() => if more.is_err() { return },
        }
        hub.health_changed().await;
    }
}
