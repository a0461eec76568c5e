//! Effects → tasks → messages. The only part of the console that waits for disk and network; every
//! answer carries the id or ticket of its question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data::{Level, Story};
use super::msg::{Effect, Msg, Sightings, TokenFacts};
use super::screens;
use super::screens::hunt::work::keep_tabs;
use super::screens::hunt::{HuntAsk, OpenTab};
use super::screens::sign_in::SignInMsg;
use crate::auth::{Resource, TokenSource};
use crate::config::{FeedSettings, Paths};
use crate::domain::{ActionId, EntityKey, IncidentId, Of, TenantNo, Timestamp};
use crate::feed::{self, Feed, FeedEvent, FeedHandle, FeedState};
use crate::hunt::local::{Bounds, Local};
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
    /// The user's own queries.
    queries: PathBuf,
    paths: Paths,
    /// By the tenants' numbers.
    connected: Vec<Connected>,
    /// The story wanted last: newer questions overwrite one that still waits.
    story: watch::Sender<Option<Of<IncidentId>>>,
    /// What is held here to be hunted in.
    local: Arc<Local>,
    /// The hunting tabs as they are now, to be kept.
    tabs: watch::Sender<Vec<OpenTab>>,
}

struct Connected {
    tenant: Arc<Tenant>,
    responder: Responder,
    /// The same without a way to write.
    reader: Responder,
    /// Whether writes are impossible for this session.
    read_only: AtomicBool,
    feed: FeedHandle,
}

impl Connected {
    fn responder(&self) -> Responder {
        if self.read_only.load(Ordering::Relaxed) {
            self.reader.clone()
        } else {
            self.responder.clone()
        }
    }
}

impl Workers {
    /// Starts the feeds and what answers questions. Each tenant has a feed of its own: none waits
    /// for another, but that all speak through one inbox, in turn.
    pub fn start(
        tenants: &[Arc<Tenant>],
        settings: &FeedSettings,
        paths: &Paths,
        bounds: Bounds,
        queries: PathBuf,
        read_only: bool,
        inbox: Inbox,
    ) -> Self {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let connect = |(no, tenant): (TenantNo, &Arc<Tenant>)| {
            let responder = Responder::new(Arc::clone(tenant), read_only);
            let (events, heard) = mpsc::channel(64);
            let feed = Feed::start(Arc::clone(tenant), settings.clone(), events);
            let (live, reconnected) = watch::channel(false);
            let tokens = tenant.tokens.clone();
            tasks.spawn(listen(no, tokens, heard, inbox.clone(), live));
            let news = budgets(no, Arc::clone(tenant), inbox.clone(), stop.clone());
            tasks.spawn(news);
            if !responder.read_only() {
                let settling = settle(no, responder.clone(), inbox.clone(), reconnected);
                let stop = stop.clone();
                tasks.spawn(async move {
                    stop.run_until_cancelled_owned(Box::pin(settling)).await;
                });
            }
            Connected {
                tenant: Arc::clone(tenant),
                reader: Responder::new(Arc::clone(tenant), true),
                read_only: AtomicBool::new(false),
                responder,
                feed,
            }
        };
        let numbers = TenantNo::first(tenants.len());
        let connected = numbers.zip(tenants).map(connect).collect();
        let (story, wanted) = watch::channel(None);
        let (tabs, latest) = watch::channel(Vec::new());
        tasks.spawn(keep_tabs(tenants.to_vec(), latest, stop.clone()));
        let stores = tenants.iter().map(|tenant| tenant.store.clone()).collect();
        tasks.spawn(stories(stores, wanted, inbox.clone()));
        Self {
            inbox,
            tasks,
            stop,
            state_folder: paths.state.clone(),
            queries,
            paths: paths.clone(),
            connected,
            story,
            local: Arc::new(Local::new(&paths.data, bounds)),
            tabs,
        }
    }

    fn of(&self, tenant: TenantNo) -> Option<&Connected> {
        self.connected.get(tenant.index())
    }

    fn numbered(&self) -> impl Iterator<Item = Of<&Connected>> {
        TenantNo::first(self.connected.len())
            .zip(&self.connected)
            .map(|(no, connected)| Of::new(no, connected))
    }

    /// Carries an effect out. Effects of the terminal itself are not for workers and pass over; so do
    /// those for a tenant that could not be opened.
    pub fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::LoadQueue => self.read_all("incidents", |no, store| {
                store.incident_rows().map(|rows| Msg::Queue(no, rows))
            }),
            Effect::LoadAlerts => self.read_all("alerts", |no, store| {
                store.alert_rows().map(|rows| Msg::Alerts(no, rows))
            }),
            Effect::LoadActions => self.read_all("actions", |no, store| {
                store.actions().map(|rows| Msg::Actions(no, rows))
            }),
            Effect::LoadStory(id) => {
                self.story.send_replace(Some(id));
            }
            Effect::LoadAlert(id) => self.answer_of(id.tenant, move |store| {
                let alert = store.alert(&id).map(|alert| alert.map(Arc::new));
                Msg::Alert(id, alert.map_err(|error| error.to_string()))
            }),
            Effect::LoadSightings(key) => self.sightings(key),
            Effect::LoadJournal(no) => self.answer_of(no, move |store| {
                let entries = store.journal(5_000).map_err(|error| error.to_string());
                Msg::Journal(no, entries)
            }),
            Effect::ExportJournal => {
                let folder = self.state_folder.clone();
                let stores: Vec<Store> = self.stores().collect();
                self.answer(move || Msg::Exported("journal", export_journal(&stores, &folder)));
            }
            Effect::MarkViewed(id) => {
                self.answer_of(id.tenant, move |store| {
                    match store.mark_viewed(&id, Timestamp::now()) {
                        Ok(()) => Msg::Tick,
                        Err(error) => Msg::TenantNotice(
                            id.tenant,
                            Level::Warning,
                            format!("not remembered as looked at: {error}"),
                        ),
                    }
                });
            }
            Effect::LoadTokens(no) => {
                if let Some(connected) = self.of(no) {
                    let tokens = token_facts(&connected.tenant.tokens);
                    self.answer(move || Msg::Tokens(Of::new(no, tokens)));
                }
            }
            Effect::ReadOnly(no, on) => {
                if let Some(connected) = self.of(no) {
                    connected.read_only.store(on, Ordering::Relaxed);
                }
            }
            Effect::Refresh(tenants) => {
                for connected in tenants.into_iter().filter_map(|no| self.of(no)) {
                    connected.feed.refresh();
                }
            }
            Effect::Watch(watched) => {
                for connected in self.numbered() {
                    let its = watched
                        .as_ref()
                        .filter(|watched| watched.tenant == connected.tenant)
                        .map(|watched| watched.it.clone());
                    connected.feed.watch(its);
                }
            }
            Effect::Idle(idle) => {
                for connected in &self.connected {
                    connected.feed.set_idle(idle);
                }
            }
            Effect::Preflight { ticket, operation } => {
                let Some(connected) = self.of(operation.tenant) else {
                    return;
                };
                let responder = connected.responder();
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
                let Some(connected) = self.of(operation.tenant) else {
                    return;
                };
                let responder = connected.responder();
                let inbox = self.inbox.clone();
                // Tracked, never cancelled: what is on its way is waited for when leaving.
                self.tasks.spawn(async move {
                    let outcome = responder
                        .submit(operation.it.clone(), typed.as_deref(), seen)
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
            Effect::Hunt(HuntAsk::Library) => {
                let folder = self.queries.clone();
                self.answer(move || screens::hunt::work::library(folder));
            }
            Effect::Hunt(HuntAsk::Save { title, query }) => {
                let folder = self.queries.clone();
                self.answer(move || screens::hunt::work::save(&folder, &title, &query));
            }
            Effect::Hunt(HuntAsk::KeepTabs(tabs)) => {
                self.tabs.send_replace(tabs);
            }
            Effect::Hunt(ask) => {
                let tenants = self.connected.iter();
                let tenants = tenants.map(|it| Arc::clone(&it.tenant)).collect();
                let folder = self.state_folder.clone();
                let local = Arc::clone(&self.local);
                self.look_up(screens::hunt::work::carry_out(ask, tenants, local, folder));
            }
            Effect::Doctor(ask) => {
                if let Some(connected) = self.of(ask.tenant()) {
                    let tenant = Arc::clone(&connected.tenant);
                    let (paths, inbox) = (self.paths.clone(), self.inbox.clone());
                    self.look_up(screens::doctor::work::carry_out(ask, tenant, paths, inbox));
                }
            }
            Effect::Evidence(ask) => {
                if let Some(connected) = self.of(ask.tenant()) {
                    let tenant = Arc::clone(&connected.tenant);
                    self.look_up(screens::evidence::work::carry_out(ask, tenant));
                }
            }
            Effect::Judge(judge) => self.answer(move || Msg::Judged(judge.run())),
            Effect::Views(ask) => {
                let file = self.paths.views();
                self.answer(move || screens::views::carry_out(ask, &file));
            }
            Effect::SignIn(ask) => {
                if let Some(connected) = self.of(ask.tenant) {
                    let (tenant, inbox) = (Arc::clone(&connected.tenant), self.inbox.clone());
                    self.look_up(screens::sign_in::work::carry_out(ask, tenant, inbox));
                }
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
    pub fn track(&self, action: Of<ActionId>) {
        if let Some(connected) = self.of(action.tenant) {
            connected.feed.track(action.it);
        }
    }

    fn stores(&self) -> impl Iterator<Item = Store> {
        self.connected.iter().map(|it| it.tenant.store.clone())
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

    /// The same with a tenant's cache.
    fn answer_of(&self, tenant: TenantNo, work: impl FnOnce(&Store) -> Msg + Send + 'static) {
        if let Some(connected) = self.of(tenant) {
            let store = connected.tenant.store.clone();
            self.answer(move || work(&store));
        }
    }

    /// Reads from every tenant's cache; each answers for itself, and a failure is a notice.
    fn read_all(
        &self,
        what: &'static str,
        work: impl Fn(TenantNo, &Store) -> store::Result<Msg> + Copy + Send + 'static,
    ) {
        for no in TenantNo::first(self.connected.len()) {
            self.answer_of(no, move |store| match work(no, store) {
                Ok(msg) => msg,
                Err(error) => Msg::TenantNotice(
                    no,
                    Level::Error,
                    format!("the cached {what} cannot be read: {error}"),
                ),
            });
        }
    }

    /// Looks an entity up in every tenant's cache.
    fn sightings(&self, key: EntityKey) {
        let stores: Vec<Store> = self.stores().collect();
        self.answer(move || {
            let mut answer = Sightings::default();
            for (no, store) in TenantNo::first(stores.len()).zip(&stores) {
                match store.where_else(&key, 500) {
                    Ok(found) => answer
                        .found
                        .extend(found.into_iter().map(|it| Of::new(no, it))),
                    Err(error) => answer.unread.push(Of::new(no, error.to_string())),
                }
            }
            answer
                .found
                .sort_by_key(|sighting| std::cmp::Reverse(sighting.created));
            Msg::Sightings(key, answer)
        });
    }

    /// Stops the feeds and waits for what is on its way, but not for ever.
    pub async fn shutdown(self) {
        let Self {
            tasks,
            stop,
            connected,
            inbox,
            story,
            tabs,
            ..
        } = self;
        stop.cancel();
        drop((inbox, story, tabs));
        let rest = async {
            let feeds = connected.into_iter().map(|it| it.feed.shutdown());
            futures_util::future::join_all(feeds).await;
            tasks.close();
            tasks.wait().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
    }
}

/// What the tokens held say about themselves; none is asked for.
fn token_facts(tokens: &TokenSource) -> Vec<TokenFacts> {
    let held = Resource::ALL
        .into_iter()
        .filter_map(|resource| Some((resource, tokens.peek(resource)?)));
    let facts = held.map(|(resource, token)| {
        let claims = token.claims.clone().unwrap_or_default();
        TokenFacts {
            resource: resource.title(),
            who: claims.upn.or(claims.app_id).unwrap_or_default(),
            audience: claims.aud.unwrap_or_default(),
            may: if claims.roles.is_empty() {
                claims.scopes
            } else {
                claims.roles
            },
            expires: token.expires,
        }
    });
    facts.collect()
}

async fn send(inbox: &Inbox, msg: Msg) {
    // The console is gone: nobody wants the answer.
    let _ = inbox.send(msg).await;
}

/// A feed's words as messages.
async fn listen(
    no: TenantNo,
    tokens: TokenSource,
    mut heard: mpsc::Receiver<FeedEvent>,
    inbox: Inbox,
    live: watch::Sender<bool>,
) {
    // Whether a sign-in was asked for already: once, until it works again.
    let mut asked = false;
    while let Some(event) = heard.recv().await {
        let msg = match event {
            FeedEvent::Changes(changes) => {
                Msg::Changes(changes.into_iter().map(|it| Of::new(no, it)).collect())
            }
            FeedEvent::Health(health) => {
                live.send_replace(health.state == FeedState::Live);
                let refused = matches!(health.state, FeedState::SignIn { .. });
                asked &= health.state != FeedState::Live;
                if let (true, false, Some(error)) = (refused, asked, tokens.needs_person()) {
                    asked = true;
                    let needed = SignInMsg::Needed(no, error.message);
                    send(&inbox, Msg::SignIn(needed)).await;
                }
                Msg::Health(Of::new(no, health))
            }
            FeedEvent::Notice(notice) => {
                if let Some(refused) = notice
                    .refused
                    .as_deref()
                    .and_then(screens::doctor::refusal_of_feed)
                {
                    let _ = inbox
                        .send(Msg::Refused(Box::new(Of::new(no, refused))))
                        .await;
                }
                let level = match notice.level {
                    feed::Level::Info => Level::Info,
                    feed::Level::Warning => Level::Warning,
                    feed::Level::Error => Level::Error,
                };
                Msg::TenantNotice(no, level, notice.text)
            }
        };
        if inbox.send(msg).await.is_err() {
            return;
        }
    }
}

/// What the services still let us ask, whenever that changes.
async fn budgets(no: TenantNo, tenant: Arc<Tenant>, inbox: Inbox, stop: CancellationToken) {
    let mut known = tenant.budgets();
    let mut last = None;
    loop {
        let now = known.borrow_and_update().clone();
        if last.as_ref() != Some(&now) {
            last = Some(now.clone());
            if inbox.send(Msg::Budgets(Of::new(no, now))).await.is_err() {
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
async fn stories(
    stores: Vec<Store>,
    mut wanted: watch::Receiver<Option<Of<IncidentId>>>,
    inbox: Inbox,
) {
    while wanted.changed().await.is_ok() {
        let Some(id) = wanted.borrow_and_update().clone() else {
            continue;
        };
        let Some(store) = stores.get(id.tenant.index()).cloned() else {
            continue;
        };
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
async fn settle(no: TenantNo, responder: Responder, inbox: Inbox, mut live: watch::Receiver<bool>) {
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
                send(&inbox, Msg::TenantNotice(no, level, text)).await;
                send(&inbox, Msg::JournalChanged(no)).await;
            }
            if !settled.changes.is_empty() {
                let changes = settled.changes.into_iter().map(|it| Of::new(no, it));
                send(&inbox, Msg::Changes(changes.collect())).await;
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

/// Entries of all tenants, newest first; each names its tenant.
fn export_journal(stores: &[Store], folder: &std::path::Path) -> Result<PathBuf, String> {
    let mut entries = Vec::new();
    for store in stores {
        let read = store.journal(usize::MAX >> 1);
        entries.extend(read.map_err(|error| error.to_string())?);
    }
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.id.0)));
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
