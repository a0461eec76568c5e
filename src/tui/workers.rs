//! Effects → tasks → messages. The only part of the console that waits for disk and network; every
//! answer carries the id or ticket of its question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data::{Level, Story};
use super::msg::{Effect, Msg};
use super::screens;
use crate::config::{FeedSettings, Paths};
use crate::domain::{IncidentId, Timestamp};
use crate::feed::{self, Feed, FeedEvent, FeedHandle, FeedState};
use crate::respond::Responder;
use crate::store::{self, Store};
use crate::tenant::Tenant;

/// Where answers go.
pub type Inbox = mpsc::Sender<Msg>;

/// The workers of one console.
pub struct Workers {
    inbox: Inbox,
    tasks: TaskTracker,
    stop: CancellationToken,
    state_folder: PathBuf,
    connected: Option<Connected>,
}

struct Connected {
    tenant: Arc<Tenant>,
    responder: Responder,
    feed: FeedHandle,
    /// The story wanted last: newer questions overwrite one that still waits.
    story: watch::Sender<Option<IncidentId>>,
}

impl Workers {
    /// Starts the feed and what answers questions, where there is a tenant.
    pub fn start(
        tenant: Option<Arc<Tenant>>,
        settings: &FeedSettings,
        paths: &Paths,
        read_only: bool,
        inbox: Inbox,
    ) -> Self {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let connected = tenant.map(|tenant| {
            let responder = Responder::new(Arc::clone(&tenant), read_only);
            let (events, heard) = mpsc::channel(64);
            let feed = Feed::start(Arc::clone(&tenant), settings.clone(), events);
            let (live, reconnected) = watch::channel(false);
            tasks.spawn(listen(heard, inbox.clone(), live));
            tasks.spawn(budgets(Arc::clone(&tenant), inbox.clone(), stop.clone()));
            let (story, wanted) = watch::channel(None);
            tasks.spawn(stories(tenant.store.clone(), wanted, inbox.clone()));
            if !responder.read_only() {
                let settling = settle(responder.clone(), inbox.clone(), reconnected);
                let stop = stop.clone();
                tasks.spawn(async move {
                    stop.run_until_cancelled_owned(Box::pin(settling)).await;
                });
            }
            Connected {
                tenant,
                responder,
                feed,
                story,
            }
        });
        Self {
            inbox,
            tasks,
            stop,
            state_folder: paths.state.clone(),
            connected,
        }
    }

    /// Carries an effect out. Effects of the terminal itself are not for workers and pass over.
    pub fn carry_out(&self, effect: Effect) {
        let Some(connected) = &self.connected else {
            return;
        };
        let store = connected.tenant.store.clone();
        match effect {
            Effect::LoadQueue => {
                self.read("incidents", move || store.incident_rows().map(Msg::Queue));
            }
            Effect::LoadAlerts => self.read("alerts", move || store.alert_rows().map(Msg::Alerts)),
            Effect::LoadActions => self.read("actions", move || store.actions().map(Msg::Actions)),
            Effect::LoadStory(id) => {
                connected.story.send_replace(Some(id));
            }
            Effect::LoadAlert(id) => self.answer(move || {
                let alert = store.alert(&id).map(|alert| alert.map(Arc::new));
                Msg::Alert(id, alert.map_err(|error| error.to_string()))
            }),
            Effect::LoadSightings(key) => self.answer(move || {
                let found = store
                    .where_else(&key, 500)
                    .map_err(|error| error.to_string());
                Msg::Sightings(key, found)
            }),
            Effect::LoadJournal => self.answer(move || {
                Msg::Journal(store.journal(5_000).map_err(|error| error.to_string()))
            }),
            Effect::ExportJournal => {
                let folder = self.state_folder.clone();
                self.answer(move || Msg::Exported("journal", export_journal(&store, &folder)));
            }
            Effect::MarkViewed(id) => {
                self.answer(move || match store.mark_viewed(&id, Timestamp::now()) {
                    Ok(()) => Msg::Tick,
                    Err(error) => Msg::Notice(
                        Level::Warning,
                        format!("not remembered as looked at: {error}"),
                    ),
                });
            }
            Effect::Refresh => connected.feed.refresh(),
            Effect::Watch(id) => connected.feed.watch(id),
            Effect::Idle(idle) => connected.feed.set_idle(idle),
            Effect::Preflight { ticket, operation } => {
                let responder = connected.responder.clone();
                let inbox = self.inbox.clone();
                self.tasks.spawn(async move {
                    let card = responder.preflight(&operation).await;
                    let card = card.map(Box::new).map_err(|error| error.to_string());
                    send(&inbox, Msg::Preflight(ticket, card)).await;
                });
            }
            Effect::Submit {
                ticket,
                label,
                operation,
                typed,
                seen,
            } => {
                let responder = connected.responder.clone();
                let inbox = self.inbox.clone();
                // Tracked, never cancelled: what is on its way is waited for when leaving.
                self.tasks.spawn(async move {
                    let outcome = responder
                        .submit(operation.clone(), typed.as_deref(), seen)
                        .await;
                    send(
                        &inbox,
                        Msg::Outcome {
                            ticket,
                            label,
                            operation,
                            outcome,
                        },
                    )
                    .await;
                });
            }
            Effect::Hunt(ask) => {
                let tenant = Arc::clone(&connected.tenant);
                let folder = self.state_folder.clone();
                self.look_up(screens::hunt::work::carry_out(ask, tenant, folder));
            }
            Effect::Evidence(ask) => {
                let tenant = Arc::clone(&connected.tenant);
                self.look_up(screens::evidence::work::carry_out(ask, tenant));
            }
            Effect::OpenPortal(page) => self.answer(move || match open_page(&page) {
                Ok(()) => Msg::Tick,
                Err(why) => {
                    Msg::Notice(Level::Warning, format!("no browser opened ({why}): {page}"))
                }
            }),
            Effect::Quit | Effect::Demo | Effect::Suspend | Effect::Redraw | Effect::Copy(_) => {}
        }
    }

    /// Follows an action whose submission was accepted.
    pub fn track(&self, action: crate::domain::ActionId) {
        if let Some(connected) = &self.connected {
            connected.feed.track(action);
        }
    }

    /// Asks a service something that changes nothing: leaving does not wait for it.
    fn look_up(&self, work: impl Future<Output = Option<Msg>> + Send + 'static) {
        let (inbox, stop) = (self.inbox.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            if let Some(Some(msg)) = stop.run_until_cancelled_owned(work).await {
                send(&inbox, msg).await;
            }
        });
    }

    /// Does something that waits for the disk and sends its answer.
    fn answer(&self, work: impl FnOnce() -> Msg + Send + 'static) {
        let inbox = self.inbox.clone();
        self.tasks.spawn_blocking(move || {
            let answer = work();
            // The console is gone: nobody wants the answer.
            let _ = inbox.blocking_send(answer);
        });
    }

    /// The same for reads whose failure is a notice.
    fn read(&self, what: &'static str, work: impl FnOnce() -> store::Result<Msg> + Send + 'static) {
        self.answer(move || match work() {
            Ok(msg) => msg,
            Err(error) => Msg::Notice(
                Level::Error,
                format!("the cached {what} cannot be read: {error}"),
            ),
        });
    }

    /// Stops the feed and waits for what is on its way, but not for ever.
    pub async fn shutdown(self) {
        let Self {
            tasks,
            stop,
            connected,
            inbox,
            ..
        } = self;
        stop.cancel();
        drop(inbox);
        let rest = async {
            if let Some(Connected { feed, .. }) = connected {
                feed.shutdown().await;
            }
            tasks.close();
            tasks.wait().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
    }
}

async fn send(inbox: &Inbox, msg: Msg) {
    // The console is gone: nobody wants the answer.
    let _ = inbox.send(msg).await;
}

/// The feed's words as messages.
async fn listen(mut heard: mpsc::Receiver<FeedEvent>, inbox: Inbox, live: watch::Sender<bool>) {
    while let Some(event) = heard.recv().await {
        let msg = match event {
            FeedEvent::Changes(changes) => Msg::Changes(changes),
            FeedEvent::Health(health) => {
                live.send_replace(health.state == FeedState::Live);
                Msg::Health(health)
            }
            FeedEvent::Notice(notice) => {
                let level = match notice.level {
                    feed::Level::Info => Level::Info,
                    feed::Level::Warning => Level::Warning,
                    feed::Level::Error => Level::Error,
                };
                Msg::Notice(level, notice.text)
            }
        };
        if inbox.send(msg).await.is_err() {
            return;
        }
    }
}

/// Hunting calls used, whenever that changes.
async fn budgets(tenant: Arc<Tenant>, inbox: Inbox, stop: CancellationToken) {
    let mut known = tenant.budgets();
    let mut last = None;
    loop {
        let now = {
            let budgets = known.borrow_and_update();
            (budgets.hunts_used, budgets.hunts_limit)
        };
        if last != Some(now) {
            last = Some(now);
            let msg = Msg::HuntBudget {
                used: now.0,
                allowed: now.1,
            };
            if inbox.send(msg).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = known.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

/// Reads stories one after another; of those wanted meanwhile only the newest.
async fn stories(store: Store, mut wanted: watch::Receiver<Option<IncidentId>>, inbox: Inbox) {
    while wanted.changed().await.is_ok() {
        let Some(id) = wanted.borrow_and_update().clone() else {
            continue;
        };
        let store = store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let story = read_story(&store, &id);
            Msg::Story(id, story.map_err(|error| error.to_string()))
        });
        let Ok(msg) = read.await else { return };
        if inbox.send(msg).await.is_err() {
            return;
        }
    }
}

fn read_story(store: &Store, id: &IncidentId) -> store::Result<Option<Arc<Story>>> {
    let Some(incident) = store.incident(id)? else {
        return Ok(None);
    };
    let alerts = store.alerts_of(id)?;
    Ok(Some(Arc::new(Story::new(incident, alerts))))
}

/// Between looks at what became of a request whose answer was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Settles what a former run left open; and again when the connection is back, and as long as asking
/// may tell more.
async fn settle(responder: Responder, inbox: Inbox, mut live: watch::Receiver<bool>) {
    let mut told = HashMap::new();
    let mut found = responder.recover().await;
    loop {
        let again = found.iter().any(|settled| settled.again);
        for settled in found {
            let entry = &settled.entry;
            if told.insert(entry.id, entry.state) != Some(entry.state) {
                let level = if entry.state.is_open() {
                    Level::Warning
                } else {
                    Level::Info
                };
                let text = format!(
                    "looked into: {} on {}: {}",
                    entry.title,
                    entry.target,
                    entry.state.as_str()
                );
                send(&inbox, Msg::Notice(level, text)).await;
                send(&inbox, Msg::JournalChanged).await;
            }
            if !settled.changes.is_empty() {
                send(&inbox, Msg::Changes(settled.changes)).await;
            }
        }
        let back = async {
            let _ = live.wait_for(|live| !live).await;
            live.wait_for(|live| *live).await.is_ok()
        };
        let later = async {
            if again {
                tokio::time::sleep(LOOK_AGAIN).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        found = tokio::select! {
            on = back => if on { responder.recover().await } else { return },
            () = later => responder.recover_lost().await,
        };
    }
}

fn export_journal(store: &Store, folder: &std::path::Path) -> Result<PathBuf, String> {
    let entries = store
        .journal(usize::MAX >> 1)
        .map_err(|error| error.to_string())?;
    let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let path = folder.join(format!("journal-{stamp}.jsonl"));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        store::journal::export_jsonl(&entries, &mut file)?;
        std::io::Write::flush(&mut file)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn open_page(page: &str) -> Result<(), String> {
    open::that_detached(page).map_err(|error| error.to_string())
}
