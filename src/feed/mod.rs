//! What keeps the cache true: polling with overlap, merge-following, young incidents, machine actions.
//!
//! Everything the service said is in the [store](crate::store) before anybody hears of it; then the
//! differences go out as [`FeedEvent::Changes`] in batches. An error never becomes an empty list: it
//! becomes a [`FeedHealth`] with its reason. This room knows no screen and writes nothing to the service.
//!
//! One task an endpoint ([`queue`] for incidents and alerts, [`actions`]), one that reads single
//! incidents anew ([`reread`]), one that watches over lag and old age ([`hub`], [`keeper`]). A console
//! that shares its cache with another one only follows what that one writes ([`follow`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::ApiError;
use crate::config::FeedSettings;
use crate::domain::{ActionId, Change, IncidentId, Timestamp};
use crate::store::{Access, Endpoint};
use crate::tenant::Tenant;

mod actions;
mod follow;
mod hub;
mod keeper;
mod queue;
mod reread;

use hub::Hub;
use reread::Ask;

/// What the feed tells its listener.
#[derive(Clone, Debug)]
pub enum FeedEvent {
    /// The cache has changed.
    Changes(Vec<Change>),
    /// How the feed is.
    Health(FeedHealth),
    /// A word for the message log.
    Notice(Notice),
}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be; work goes on.
    Warning,
    /// Something needs a person.
    Error,
}

/// A word for the message log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How bad.
    pub level: Level,
    /// What, and what to do. May quote the service: hostile until sanitised.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// The refusal it tells of, to be explained.
    pub refused: Option<Box<FeedRefusal>>,
}

/// A 401 or 403, or no token at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRefusal {
    /// What was read.
    pub what: Endpoint,
    /// What came of it.
    pub error: ApiError,
}

/// How the feed is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// No answer yet.
    Starting,
    /// Answers arrive on time.
    Live,
    /// The last good answer is older than it should be.
    Lagging {
        /// Since when.
        since: Timestamp,
    },
    /// The service asked us to wait.
    Throttled {
        /// Until when.
        until: Timestamp,
    },
    /// No answers.
    Offline {
        /// Since when.
        since: Timestamp,
        /// Why, in words a person can act on.
        why: String,
    },
    /// Sign-in or permission is refused: polling rests for some minutes, or until `refresh`.
    SignIn {
        /// Why, in words a person can act on.
        why: String,
    },
}

/// What the header shows of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHealth {
    /// How it is doing.
    pub state: FeedState,
    /// Everything that incidents and alerts showed at the service before this moment is in the cache,
    /// but for rows refused; of what lies before the start, as far as the first sync has come. By the
    /// service's clock or this machine's, whichever is behind.
    pub as_of: Option<Timestamp>,
    /// The first sync, until it is complete.
    pub syncing: Option<Progress>,
    /// Failed polls in a row.
    pub failures: u32,
    /// Rows refused since the start.
    pub rejected: u64,
}

/// How far the first sync is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Incidents read.
    pub incidents: u64,
    /// Alerts read.
    pub alerts: u64,
}

/// The feed's finer habits; the defaults are right for the services, tests make them faster.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// How much a wait may be longer or shorter by chance, so that consoles do not march in step.
    pub jitter: f64,
    /// When a new incident is read again with its alerts: its entities arrive late.
    pub ladder: Vec<Duration>,
    /// How often the incident that is open on screen is read again.
    pub watched_every: Duration,
    /// The first wait after a failed poll; doubles up to the poll's own interval.
    pub retry_after: Duration,
    /// After a refused sign-in nothing is asked for so long, unless somebody refreshes.
    pub rest: Duration,
    /// Rows asked for in a page of incidents; the service refuses more than 50.
    pub incidents_page: u32,
    /// Rows asked for in a page of alerts.
    pub alerts_page: u32,
    /// Between rounds of dropping what is too old.
    pub keep_every: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            jitter: 0.1,
            ladder: [60, 180, 600].map(Duration::from_secs).to_vec(),
            watched_every: Duration::from_secs(60),
            retry_after: Duration::from_secs(5),
            rest: Duration::from_secs(300),
            incidents_page: 50,
            alerts_page: 200,
            keep_every: Duration::from_secs(6 * 3600),
        }
    }
}

/// A running feed. Dropping it stops the tasks; [`FeedHandle::shutdown`] waits for them.
#[derive(Debug)]
pub struct FeedHandle {
    asks: mpsc::UnboundedSender<Ask>,
    tracked: mpsc::UnboundedSender<ActionId>,
    refresh: watch::Sender<u64>,
    idle: watch::Sender<bool>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts feeds.
#[derive(Debug)]
pub struct Feed;

impl Feed {
    /// Starts polling the tenant into its store; news goes to `events`. Must be called within a tokio
    /// runtime.
    pub fn start(
        tenant: Arc<Tenant>,
        settings: FeedSettings,
        events: mpsc::Sender<FeedEvent>,
    ) -> FeedHandle {
        Self::start_with(tenant, settings, Habits::default(), events)
    }

    /// The same with habits of one's own.
    pub fn start_with(
        tenant: Arc<Tenant>,
        settings: FeedSettings,
        habits: Habits,
        events: mpsc::Sender<FeedEvent>,
    ) -> FeedHandle {
        let (asks, asked) = mpsc::unbounded_channel();
        let (tracked, tracking) = mpsc::unbounded_channel();
        let (refresh, _) = watch::channel(0);
        let (idle, _) = watch::channel(false);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let reader = tenant.store.access() == Access::Reader;
        let hub = Arc::new(Hub::new(
            tenant,
            settings,
            habits,
            events,
            asks.clone(),
            refresh.subscribe(),
            idle.subscribe(),
            stop.clone(),
            tasks.clone(),
        ));
        if reader {
            tasks.spawn(follow::run(hub.clone()));
        } else {
            tasks.spawn(queue::run::<queue::Incidents>(hub.clone()));
            tasks.spawn(queue::run::<queue::Alerts>(hub.clone()));
            tasks.spawn(actions::run(hub.clone(), tracking));
            tasks.spawn(reread::run(hub.clone(), asked));
            tasks.spawn(keeper::run(hub.clone()));
        }
        tasks.spawn(hub::tell_of_the_door(hub.clone()));
        tasks.spawn(hub::watch_over(hub));
        tasks.close();
        FeedHandle {
            asks,
            tracked,
            refresh,
            idle,
            stop,
            tasks,
        }
    }
}

impl FeedHandle {
    /// Polls everything now; also ends the rest after a refused sign-in.
    pub fn refresh(&self) {
        self.refresh.send_modify(|count| *count += 1);
    }

    /// Re-reads this incident with its alerts now and keeps an eye on it; `None` = nothing is open.
    pub fn watch(&self, incident: Option<IncidentId>) {
        // A feed that has stopped has nobody to ask.
        let _ = self.asks.send(Ask::Watch(incident));
    }

    /// Follows a machine action quickly until it ends.
    pub fn track(&self, action: ActionId) {
        let _ = self.tracked.send(action);
    }

    /// Slows polling down while nobody looks.
    pub fn set_idle(&self, idle: bool) {
        self.idle
            .send_if_modified(|now| std::mem::replace(now, idle) != idle);
    }

    /// Stops all tasks and waits for them; what was being written is written whole or not at all.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
