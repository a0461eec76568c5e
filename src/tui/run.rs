//! The loop: keys first, messages in batches, one frame when something changed and at most about
//! sixty a second. Nothing is drawn on a timer: an age on screen asks for its own next frame.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::Event;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::data::{Level, Settings, TenantFacts};
use super::keymap::{Keymap, Override};
use super::msg::{Effect, Msg};
use super::outside;
use super::screens::hunt::{HuntAsk, HuntMsg};
use super::state::State;
use super::terminal::{Surface, Tty};
use super::theme::{Depth, Theme};
use super::update::{self, update};
use super::workers::Workers;
use crate::config::{Config, KeyTable, Paths, Problem, Profile, SignIn, TimeZone as Zone};
use crate::domain::{TenantNo, Timestamp};
use crate::hunt::local::Bounds;
use crate::tenant::Tenant;

/// What the console starts with.
pub struct Start {
    /// The tenants; none shows the first screen.
    pub tenants: Vec<Arc<Tenant>>,
    /// Profiles that could not be opened, and why. They stop none of the others.
    pub broken: Vec<(Profile, String)>,
    /// Settings.
    pub config: Config,
    /// Where files are.
    pub paths: Paths,
    /// No write is possible, whatever the profile says.
    pub read_only: bool,
    /// The tenants are simulated.
    pub demo: bool,
    /// What was wrong in the configuration, to be said.
    pub problems: Vec<Problem>,
    /// Further words for the message log, such as why a profile cannot be used.
    pub notices: Vec<String>,
}

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The analyst left.
    Quit,
    /// The first screen's offer was taken: start the demo.
    Demo,
    /// A signal asked the program to end.
    Signal(i32),
    /// The terminal is gone.
    Hangup,
}

/// Runs the console on the terminal until it is left. The caller has a tokio runtime with timers
/// and I/O; the terminal is restored when this returns, panics included.
///
/// # Errors
/// Where the terminal cannot be taken over or drawn to.
pub async fn run(start: Start) -> io::Result<ExitReason> {
    let mouse = start.config.ui.mouse;
    let notes = start.paths.state.clone();
    let (inbox, messages) = mpsc::channel(256);
    let (mut state, effects) = state(&start, Timestamp::now());
    let workers = Workers::start(
        &start.tenants,
        &start.config.feed,
        &start.paths,
        Bounds::from(&start.config),
        start.config.hunt.folder(&start.paths),
        start.read_only,
        inbox,
    );
    // Asked before the terminal is set up: the cache is read meanwhile.
    for effect in effects {
        workers.carry_out(effect);
    }
    let signals = Signals::new()?;
    let mut tty = Tty::set_up(mouse, &notes)?;
    let input = crossterm::event::EventStream::new;
    let reason = drive(&mut state, &mut tty, input, messages, &workers, signals).await;
    drop(tty);
    workers.shutdown().await;
    reason
}

/// The console's state at its start and what to ask for first.
pub fn state(start: &Start, now: Timestamp) -> (State, Vec<Effect>) {
    let depth = Depth::detect(|name| std::env::var(name).ok());
    let (theme, theme_problems) =
        Theme::load(&start.config.ui.theme, Some(&start.paths.themes()), depth);
    let file = start.paths.config_file().display().to_string();
    let (keymap, key_problems) = Keymap::new(&overrides(&start.config.keys, &file));
    let sla = &start.config.sla;
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let settings = Settings {
        tenants: facts(start),
        demo: start.demo,
        local_zone: jiff::tz::TimeZone::system(),
        sla: [sla.high, sla.medium, sla.low, sla.informational].map(seconds),
        config_file: file,
        vim_keys: start.config.hunt.vim,
    };
    let mut state = State::new(settings, keymap, theme);
    state.data.local_time = start.config.ui.time_zone == Zone::Local;
    for problem in &start.problems {
        state.say(Level::Warning, problem.to_string(), now);
    }
    for text in theme_problems
        .into_iter()
        .chain(key_problems)
        .chain(start.notices.clone())
    {
        state.say(Level::Warning, text, now);
    }
    for (no, tenant) in TenantNo::first(start.tenants.len()).zip(&start.tenants) {
        for warning in tenant.tokens.warnings() {
            let text = state.data.tenants.named(no, &warning);
            state.say(Level::Warning, text, now);
        }
        for aside in &tenant.set_aside {
            let level = if aside.journal {
                Level::Error
            } else {
                Level::Warning
            };
            state.say_of(no, level, &aside.to_string(), now);
        }
    }
    for (profile, why) in &start.broken {
        state.say(Level::Error, format!("{}: {why}", profile.name), now);
    }
    let effects = update::start(&mut state, now);
    (state, effects)
}

/// What is settled of the tenants: first those opened, in the order of their numbers.
fn facts(start: &Start) -> Vec<TenantFacts> {
    let opened = start.tenants.iter().map(|tenant| {
        (
            &tenant.profile,
            tenant.who(),
            tenant.profile.read_only,
            None,
        )
    });
    let broken = start
        .broken
        .iter()
        .map(|(profile, why)| (profile, profile.name.clone(), true, Some(why.clone())));
    let all: Vec<_> = opened.chain(broken).collect();
    let domains: Vec<&str> = all.iter().map(|(it, ..)| it.tenant_id.as_str()).collect();
    let facts = all.iter().map(|(profile, me, read_only, broken)| {
        let id = &profile.tenant_id;
        let once = domains.iter().filter(|known| *known == id).count() == 1;
        TenantFacts {
            // Its domain, where that is one and says which: two profiles may lead to one tenant.
            name: if id.contains('.') && once {
                id.clone()
            } else {
                profile.name.clone()
            },
            title: format!("{} ({id})", profile.name),
            me: me.clone(),
            read_only: start.read_only || *read_only,
            cloud: profile.cloud.clone(),
            way: profile.sign_in.unwrap_or(SignIn::Secret).word().to_owned(),
            broken: broken.clone(),
        }
    });
    facts.collect()
}

/// The user's key bindings with the place each is written at.
pub fn overrides(keys: &KeyTable, file: &str) -> Vec<Override> {
    let mut out = Vec::new();
    for (scope, table) in &keys.scopes {
        for (command, binding) in &table.commands {
            out.push(Override {
                scope: scope.clone(),
                command: command.clone(),
                keys: binding.keys.iter().map(|(key, _)| key.clone()).collect(),
                place: format!("{file}:{}", binding.at.0),
            });
        }
    }
    out
}

/// At most about sixty frames a second.
const FRAME: Duration = Duration::from_millis(16);
/// After so long without a key the feed may slow down.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The loop itself, over any surface and any workers. `listen` begins to read keys: while another program
/// has the terminal, nobody does here.
///
/// # Errors
/// Where the surface fails.
pub async fn drive<S: Surface, I: Stream<Item = io::Result<Event>> + Unpin>(
    state: &mut State,
    surface: &mut S,
    listen: impl Fn() -> I,
    mut messages: mpsc::Receiver<Msg>,
    workers: &Workers,
    mut signals: Signals,
) -> io::Result<ExitReason> {
    let mut input = listen();
    let (width, height) = surface.size()?;
    let mut effects = update(state, Msg::Resize(width, height), Timestamp::now());
    let mut batch = Vec::with_capacity(64);
    // When the next frame is due although nothing happens, by the wall clock of what is shown.
    let mut wake: Option<Instant> = None;
    let mut last_frame: Option<Instant> = None;
    let mut last_key = Instant::now();
    let mut idle = false;
    loop {
        let mut later = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Quit => return Ok(ExitReason::Quit),
                Effect::Demo => return Ok(ExitReason::Demo),
                Effect::Suspend => {
                    surface.suspend()?;
                    let (width, height) = surface.size()?;
                    state.size = ratatui::layout::Rect::new(0, 0, width, height);
                    state.dirty = true;
                }
                Effect::Redraw => {
                    surface.clear()?;
                    state.dirty = true;
                }
                Effect::Copy(text) => surface.copy(&text)?,
                Effect::Hunt(HuntAsk::Outside { ticket, text }) => {
                    drop(input);
                    surface.give_away()?;
                    let answer = away(state, text, workers, &mut messages, &mut signals).await;
                    surface.take_back()?;
                    input = listen();
                    let answer = match answer {
                        Away::Back(answer) => answer,
                        Away::Ended(reason) => return Ok(reason),
                    };
                    let (width, height) = surface.size()?;
                    let msg = Msg::Hunt(HuntMsg::Outside { ticket, answer });
                    later.extend(update(state, Msg::Resize(width, height), Timestamp::now()));
                    later.extend(update(state, msg, Timestamp::now()));
                    state.dirty = true;
                }
                effect => workers.carry_out(effect),
            }
        }
        if !later.is_empty() {
            effects = later;
            continue;
        }
        let now = Instant::now();
        let free = last_frame.is_none_or(|last| now >= last + FRAME);
        if state.dirty && free {
            let at = Timestamp::now();
            let drawn = surface.draw(state, at)?;
            state.dirty = false;
            last_frame = Some(Instant::now());
            wake = drawn.wake.map(|due| {
                let wait = due.duration_since(at).as_millis().max(20);
                Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX))
            });
        }
        let due = if state.dirty {
            last_frame.map(|last| last + FRAME)
        } else {
            wake
        };
        let quiet = (!idle).then(|| last_key + IDLE);
        tokio::select! {
            biased; // keys first: a flood of data must not delay them
            event = input.next() => match event {
                Some(Ok(event)) => {
                    last_key = Instant::now();
                    if idle {
                        idle = false;
                        effects.push(Effect::Idle(false));
                    }
                    if matches!(event, Event::Resize(..)) {
                        // A window that shrank and grew back meanwhile has lost what was on it.
                        surface.clear()?;
                    }
                    if let Some(msg) = message_of(event) {
                        effects.extend(update(state, msg, Timestamp::now()));
                    }
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(ExitReason::Hangup),
            },
            signal = signals.next() => return Ok(ExitReason::Signal(signal)),
            count = messages.recv_many(&mut batch, 64) => {
                if count == 0 {
                    return Ok(ExitReason::Quit);
                }
                effects.extend(take_in(state, workers, batch.drain(..)));
            }
            () = at(due) => {
                if !state.dirty {
                    effects.extend(update(state, Msg::Tick, Timestamp::now()));
                }
            }
            () = at(quiet) => {
                idle = true;
                effects.push(Effect::Idle(true));
            }
        }
    }
}

/// Takes messages in; what must happen comes back.
fn take_in(state: &mut State, workers: &Workers, batch: impl Iterator<Item = Msg>) -> Vec<Effect> {
    let at = Timestamp::now();
    let mut effects = Vec::new();
    for msg in together(batch) {
        if let Msg::Outcome {
            operation,
            outcome: crate::respond::Outcome::Accepted { action, .. },
            ..
        } = &msg
        {
            workers.track(operation.with(action.id.clone()));
        }
        effects.extend(update(state, msg, at));
    }
    effects
}

/// How an absence ended.
enum Away {
    /// With the text, or why there is none.
    Back(Result<String, String>),
    /// The console shall end.
    Ended(ExitReason),
}

/// Lets another program edit a text. News are taken in meanwhile, nothing is drawn; interrupting that
/// program does not end this one.
async fn away(
    state: &mut State,
    text: String,
    workers: &Workers,
    messages: &mut mpsc::Receiver<Msg>,
    signals: &mut Signals,
) -> Away {
    let editing = tokio::task::spawn_blocking(move || outside::edit(&text));
    tokio::pin!(editing);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            done = &mut editing => {
                let answer = done.unwrap_or_else(|why| Err(why.to_string()));
                return Away::Back(answer);
            }
            signal = signals.next() => match signal {
                2 => {}
                signal => return Away::Ended(ExitReason::Signal(signal)),
            },
            count = messages.recv_many(&mut batch, 64) => {
                if count == 0 {
                    return Away::Ended(ExitReason::Quit);
                }
                for effect in take_in(state, workers, batch.drain(..)) {
                    match effect {
                        // the terminal is not ours now
                        Effect::Quit | Effect::Demo | Effect::Suspend | Effect::Redraw | Effect::Copy(_) => {}
                        effect => workers.carry_out(effect),
                    }
                }
            }
        }
    }
}

/// The same messages, news of rows in one: many feeds speak at once while they read for the first
/// time, and lists are put in order once a message. How a feed is may overtake its rows; nothing else
/// overtakes anything.
fn together(batch: impl Iterator<Item = Msg>) -> Vec<Msg> {
    let mut out: Vec<Msg> = Vec::new();
    let mut open: Option<usize> = None;
    for msg in batch {
        match (msg, open.and_then(|at| out.get_mut(at))) {
            (Msg::Changes(more), Some(Msg::Changes(changes))) => changes.extend(more),
            (Msg::Changes(changes), _) => {
                open = Some(out.len());
                out.push(Msg::Changes(changes));
            }
            (msg @ (Msg::Health(_) | Msg::Budgets(_)), _) => out.push(msg),
            (msg, _) => {
                open = None;
                out.push(msg);
            }
        }
    }
    out
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn message_of(event: Event) -> Option<Msg> {
    Some(match event {
        Event::Key(key) => Msg::Key(key),
        Event::Paste(text) => Msg::Paste(text),
        Event::Mouse(mouse) => match mouse.kind {
            crossterm::event::MouseEventKind::Moved | crossterm::event::MouseEventKind::Drag(_) => {
                return None;
            }
            _ => Msg::Mouse(mouse),
        },
        Event::Resize(width, height) => Msg::Resize(width, height),
        Event::FocusGained => Msg::Focus(true),
        Event::FocusLost => Msg::Focus(false),
    })
}

/// Signals that ask the program to end.
pub struct Signals {
    #[cfg(unix)]
    each: Option<[tokio::signal::unix::Signal; 3]>,
}

impl Signals {
    /// Listens for SIGTERM, SIGHUP and SIGINT.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let each = [
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
            ];
            Ok(Self { each: Some(each) })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Never hears any; for tests.
    pub fn none() -> Self {
        Self {
            #[cfg(unix)]
            each: None,
        }
    }

    async fn next(&mut self) -> i32 {
        #[cfg(unix)]
        if let Some([terminate, hangup, interrupt]) = &mut self.each {
            tokio::select! {
                _ = terminate.recv() => return 15,
                _ = hangup.recv() => return 1,
                _ = interrupt.recv() => return 2,
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, Of};

    #[test]
    fn news_of_many_feeds_become_one_message_in_their_order() {
        let gone = |tenant: u16, id: &str| {
            let change = Change::IncidentGone(id.into());
            Msg::Changes(vec![Of::new(TenantNo(tenant), change)])
        };
        let quiet = || Msg::Budgets(Of::new(TenantNo(1), crate::api::Budgets::default()));
        let batch = vec![
            gone(0, "1"),
            quiet(),
            gone(1, "1"),
            Msg::Tick,
            gone(0, "2"),
            gone(1, "2"),
        ];
        let out = together(batch.into_iter());
        let told: Vec<String> = out
            .iter()
            .map(|msg| match msg {
                Msg::Changes(changes) => {
                    let each = changes.iter().map(|it| match &it.it {
                        Change::IncidentGone(id) => format!("{}/{id}", it.tenant.0),
                        other => format!("{other:?}"),
                    });
                    each.collect::<Vec<_>>().join(" ")
                }
                Msg::Budgets(_) => "budgets".to_owned(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["0/1 1/1", "budgets", "Tick", "0/2 1/2"]);
    }
}
