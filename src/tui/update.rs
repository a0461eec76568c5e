//! The one place that changes state: a message in, effects out. No I/O, no waiting, no clock.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::Timestamp;

use super::commands::{Command, Danger};
use super::data::Level;
use super::keymap::Found;
use super::keys::Chord;
use super::msg::{Act, Effect, EvidenceOf, Msg, Root};
use super::screen::{Cx, Screen};
use super::screens;
use super::screens::doctor::{DoctorAsk, DoctorMsg};
use super::screens::sign_in::{self, SignInMsg, SignInPopup};
use super::state::State;
use super::writes;
use crate::cloud;
use crate::domain::{TenantNo, text};

/// Takes a message in; what must happen outside comes back.
#[must_use]
pub fn update(state: &mut State, msg: Msg, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(event) => key(state, &event, now, &mut effects),
        Msg::Paste(text) => {
            state.dirty = true;
            if state.front().typing() {
                with_front(state, now, &mut effects, |screen, cx| {
                    screen.paste(&text, cx);
                });
            }
        }
        Msg::Mouse(event) => {
            with_front(state, now, &mut effects, |screen, cx| {
                screen.mouse(event, cx);
            });
            state.dirty = true;
        }
        Msg::Resize(width, height) => {
            state.size = ratatui::layout::Rect::new(0, 0, width, height);
            state.dirty = true;
        }
        Msg::Focus(gained) => {
            state.dirty |= state.has_focus != gained;
            state.has_focus = gained;
        }
        Msg::Tick => {
            if state
                .toast
                .as_ref()
                .is_some_and(|(_, _, until)| *until <= now)
            {
                state.toast = None;
            }
            told(state, &Msg::Tick, now, &mut effects);
        }
        msg => told(state, &msg, now, &mut effects),
    }
    effects
}

/// News: into the shared data first, then to every screen alive.
fn told(state: &mut State, msg: &Msg, now: Timestamp, effects: &mut Vec<Effect>) {
    state.dirty = true;
    if let Some(refused) = screens::doctor::refusal_in(msg) {
        state.data.keep_refusal(refused);
    }
    match msg {
        Msg::Doctor(DoctorMsg::Card(card)) => state.open(Box::new(screens::doctor::card(card))),
        Msg::Queue(tenant, rows) => {
            state.data.incidents.load(*tenant, rows.clone());
            state.data.recount();
        }
        Msg::Alerts(tenant, rows) => state.data.alerts.load(*tenant, rows.clone()),
        Msg::Actions(tenant, rows) => state.data.actions.load(*tenant, rows.clone()),
        Msg::Changes(changes) => state.data.apply(changes),
        Msg::Health(health) => {
            if let Some(tenant) = state.data.tenants.get_mut(health.tenant) {
                tenant.health = Some(health.it.clone());
            }
        }
        Msg::Budgets(budgets) => {
            if let Some(tenant) = state.data.tenants.get_mut(budgets.tenant) {
                tenant.budgets = Some(budgets.it.clone());
            }
        }
        Msg::Show(tenants) => {
            state.data.tenants.show(tenants);
            state.data.recount();
        }
        Msg::Notice(level, text) => state.say(*level, text.clone(), now),
        Msg::SignIn(SignInMsg::Needed(tenant, why)) => sign_in_needed(state, *tenant, why, now),
        Msg::TenantNotice(tenant, level, text) => state.say_of(*tenant, *level, text, now),
        Msg::Story(id, answer) => {
            state.data.stories.put(id, answer.clone());
            let rows = state.data.incidents.rows().iter();
            let merged = rows.filter(|row| {
                row.tenant == id.tenant && row.redirected_to.as_ref() == Some(&id.it)
            });
            let merged = merged.map(|row| row.id.clone()).collect();
            state.data.stories.set_merged(id, merged);
        }
        Msg::Outcome {
            ticket,
            label,
            operation,
            outcome,
        } => {
            writes::settled(state, *ticket, label, operation.tenant, outcome, now);
        }
        Msg::Exported(what, answer) => match answer {
            Ok(path) => {
                let text = format!("{what} written to {}", path.display());
                state.say(Level::Info, text, now);
            }
            Err(why) => state.say(Level::Error, format!("{what} not written: {why}"), now),
        },
        _ => {}
    }
    let (screens, data) = state.all_mut();
    let mut cx = Cx::new(data, now);
    for screen in screens {
        screen.message(msg, &mut cx);
    }
    let acts = cx.acts;
    carry_out(state, acts, now, effects);
    if let Msg::Outcome {
        outcome, operation, ..
    } = msg
    {
        let changes = writes::changes(outcome);
        if !changes.is_empty() {
            let changes = changes.iter().map(|change| operation.with(change.clone()));
            told(state, &Msg::Changes(changes.collect()), now, effects);
        }
        told(state, &Msg::JournalChanged(operation.tenant), now, effects);
    }
}

/// Somebody has to sign in: that is offered where it takes the keyboard from nobody, else said.
fn sign_in_needed(state: &mut State, tenant: TenantNo, why: &str, now: Timestamp) {
    if state.front().typing() || state.popups().len() > 0 {
        let key = state.keymap.key_of(Command::SignIn).unwrap_or_default();
        let text = format!("somebody has to sign in ({key}): {why}");
        state.say_of(tenant, Level::Warning, &text, now);
    } else {
        state.open(Box::new(SignInPopup::offer(tenant, why)));
    }
}

fn key(state: &mut State, event: &KeyEvent, now: Timestamp, effects: &mut Vec<Effect>) {
    if event.kind == KeyEventKind::Release {
        return;
    }
    state.dirty = true;
    state.toast = None;
    let chord = Chord::of(event);
    if chord.modifiers == KeyModifiers::ALT
        && matches!(chord.code, KeyCode::Char(_))
        && state.front().splits_alt()
    {
        press(state, Chord::of(&KeyCode::Esc.into()), now, effects);
        press(state, Chord::of(&chord.code.into()), now, effects);
        return;
    }
    press(state, chord, now, effects);
}

fn press(state: &mut State, chord: Chord, now: Timestamp, effects: &mut Vec<Effect>) {
    let typing = state.front().typing();
    if typing && chord.prints() && state.pressed.is_empty() {
        with_front(state, now, effects, |screen, cx| screen.key(chord, cx));
        return;
    }
    state.pressed.push(chord);
    match state.keymap.find(state.scope(), &state.pressed) {
        Found::Command(found) => {
            state.pressed.clear();
            command(state, found, now, effects);
        }
        Found::Prefix => {}
        Found::Nothing => {
            let alone = state.pressed.len() == 1;
            state.pressed.clear();
            if typing && alone {
                with_front(state, now, effects, |screen, cx| screen.key(chord, cx));
            }
        }
    }
}

/// Does a command: the screen in front first, then what the console does everywhere.
fn command(state: &mut State, command: Command, now: Timestamp, effects: &mut Vec<Effect>) {
    let spec = command.spec();
    // Where only some tenants are read-only, what is in focus decides; a batch over several is
    // refused tenant by tenant when it is sent.
    if spec.danger != Danger::None {
        let focus = state.front().tenant(&state.data);
        let refused = match focus {
            _ if state.data.tenants.all_read_only() => true,
            // What is undone may be another tenant's.
            Some(no) if command != Command::Undo => state.data.tenants.is_read_only(no),
            _ => false,
        };
        if refused {
            let of = match focus.filter(|_| state.data.tenants.several()) {
                Some(no) => format!("{} is ", state.data.tenants.title(no)),
                None => String::new(),
            };
            let text = format!("{of}read-only: “{}” is not possible", spec.title);
            state.say(Level::Warning, text, now);
            return;
        }
    }
    let (front, data) = state.front_mut();
    let mut cx = Cx::new(data, now);
    let done = front.command(command, &mut cx);
    let acts = cx.acts;
    carry_out(state, acts, now, effects);
    if !done {
        everywhere(state, command, now, effects);
    }
}

fn everywhere(state: &mut State, command: Command, now: Timestamp, effects: &mut Vec<Effect>) {
    match command {
        Command::QuitNow => effects.push(Effect::Quit),
        Command::Suspend => effects.push(Effect::Suspend),
        Command::Redraw => effects.push(Effect::Redraw),
        Command::Refresh => {
            let shown = state.data.tenants.shown();
            effects.push(Effect::Refresh(shown.map(|tenant| tenant.tenant).collect()));
            state.say(Level::Info, "asking the services…", now);
        }
        Command::Quit => {
            if state.pop() {
                left(state, now, effects);
            } else {
                effects.push(Effect::Quit);
            }
        }
        Command::Back => {
            if state.pop() {
                left(state, now, effects);
            } else if !state.data.tenants.is_empty() {
                state.say(
                    Level::Info,
                    "this is the first level: q leaves nightjar",
                    now,
                );
            }
        }
        Command::PopupClose | Command::FormCancel => {
            state.close();
        }
        Command::Help | Command::HelpAnywhere => {
            let scope = state.scope();
            let popup = screens::help(scope, &state.keymap);
            state.open(popup);
        }
        Command::Palette | Command::PaletteAnywhere => {
            let scope = state.scope();
            let popup = screens::palette(scope, &state.keymap);
            state.open(popup);
        }
        Command::GoIncidents => go(state, Root::Incidents, now, effects),
        Command::GoAlerts => go(state, Root::Alerts, now, effects),
        Command::GoHunt => go(state, Root::Hunt, now, effects),
        Command::GoActions => go(state, Root::Actions, now, effects),
        Command::GoJournal => go(state, Root::Journal, now, effects),
        Command::GoMessages => go(state, Root::Messages, now, effects),
        Command::GoTenants => go(state, Root::Tenants, now, effects),
        Command::Where | Command::Views | Command::ViewKeep => {
            state.say(Level::Info, "this list has no filter", now);
        }
        Command::TenantChoose | Command::TenantNext | Command::TenantPrevious
            if !state.data.tenants.several() =>
        {
            state.say(Level::Info, "only one tenant is connected", now);
        }
        Command::TenantChoose => {
            let popup = screens::choose_tenants(&state.data);
            state.open(popup);
        }
        Command::TenantNext => step_tenant(state, true, now, effects),
        Command::TenantPrevious => step_tenant(state, false, now, effects),
        Command::GoDoctor => doctor(state, now, effects),
        Command::Explain | Command::PopupExplain => explain(state, now, effects),
        Command::TimeZone => {
            state.data.local_time = !state.data.local_time;
            let zone = if state.data.local_time {
                "local time"
            } else {
                "UTC"
            };
            state.say(Level::Info, format!("times in {zone}"), now);
        }
        Command::SignIn => {
            let popup = SignInPopup::begin(sign_in::meant(&state.data));
            carry_out(state, vec![Act::Popup(Box::new(popup))], now, effects);
        }
        Command::Undo => writes::undo(state, now, effects),
        Command::DeviceIsolateFull
        | Command::DeviceIsolateSelective
        | Command::DeviceRelease
        | Command::DeviceScanQuick
        | Command::DeviceScanFull => {
            let acts = writes::device(state, command, now);
            carry_out(state, acts, now, effects);
        }
        Command::Portal => match state.front().portal(&state.data) {
            Some(page) if cloud::is_portal_url(&page) => {
                state.say(Level::Info, format!("opening {page}"), now);
                effects.push(Effect::OpenPortal(page));
            }
            Some(page) => {
                let text = format!("not opened, no known portal: {}", text::defang(&page));
                state.say(Level::Warning, text, now);
            }
            None => state.say(Level::Info, "no portal page here", now),
        },
        Command::Copy | Command::CopyRaw | Command::PopupCopy => {
            match state
                .front()
                .copied(command == Command::CopyRaw, &state.data)
            {
                Some(text) => copy(state, &text, now, effects),
                None => state.say(Level::Info, "nothing to copy here", now),
            }
        }
        _ => {}
    }
}

/// Shows the next tenant alone, or the one before; past the ends, all.
fn step_tenant(state: &mut State, forward: bool, now: Timestamp, effects: &mut Vec<Effect>) {
    let tenants = &state.data.tenants;
    let last = tenants.numbers().next_back();
    let next = match (tenants.only(), forward) {
        (None, true) => tenants.numbers().next(),
        (None, false) => last,
        (only, true) if only == last => None,
        (Some(no), true) => Some(TenantNo(no.0 + 1)),
        (Some(no), false) => no.0.checked_sub(1).map(TenantNo),
    };
    let text = match next {
        Some(no) => format!("{} alone", tenants.title(no)),
        None => format!("all {} tenants", tenants.len()),
    };
    state.say(Level::Info, text, now);
    told(state, &Msg::Show(next.into_iter().collect()), now, effects);
}

fn copy(state: &mut State, content: &str, now: Timestamp, effects: &mut Vec<Effect>) {
    let clean = text::clean_block(content).into_owned();
    let lines = clean.lines().count();
    let said = if lines > 1 {
        format!("copied {lines} lines")
    } else {
        format!("copied {clean}")
    };
    effects.push(Effect::Copy(clean));
    state.say(Level::Info, said, now);
}

fn go(state: &mut State, root: Root, now: Timestamp, effects: &mut Vec<Effect>) {
    if state.data.tenants.is_empty() && !matches!(root, Root::Messages) {
        state.say(Level::Info, "no profile yet: nothing to show there", now);
        return;
    }
    state.go(root);
    shown(state, now, effects);
}

/// Examines the tenant in focus, else the one shown alone, else the one that refused something last, else
/// the first shown.
fn doctor(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let data = &state.data;
    let refused = data.refused.last().map(|refused| refused.tenant);
    let first = data.tenants.shown().map(|tenant| tenant.tenant).next();
    let focus = state.front().tenant(data);
    let Some(tenant) = focus.or(data.tenants.only()).or(refused).or(first) else {
        state.say(
            Level::Info,
            "no profile yet: `nightjar doctor` says how to get one",
            now,
        );
        return;
    };
    state.push(Box::new(screens::doctor::DoctorScreen::new(tenant)));
    shown(state, now, effects);
}

/// Explains the last refusal of the tenant in focus, else the last of all.
fn explain(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let data = &state.data;
    let focus = state.front().tenant(data);
    let of_focus = data
        .refused
        .iter()
        .find(|refused| Some(refused.tenant) == focus);
    match of_focus.or(data.refused.last()).cloned() {
        Some(refused) => effects.push(Effect::Doctor(DoctorAsk::Explain(Box::new(refused)))),
        None => state.say(Level::Info, "no service has refused anything so far", now),
    }
}

/// A screen was left for the one below it.
fn left(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    if state.depth() == 1 {
        effects.push(Effect::Watch(None));
    }
    shown(state, now, effects);
}

/// Tells the screen in front that it came there.
fn shown(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let (screen, data) = state.screen_mut();
    let mut cx = Cx::new(data, now);
    screen.shown(&mut cx);
    let acts = cx.acts;
    carry_out(state, acts, now, effects);
}

fn with_front(
    state: &mut State,
    now: Timestamp,
    effects: &mut Vec<Effect>,
    act: impl FnOnce(&mut dyn Screen, &mut Cx<'_>),
) {
    let (front, data) = state.front_mut();
    let mut cx = Cx::new(data, now);
    act(front, &mut cx);
    let acts = cx.acts;
    carry_out(state, acts, now, effects);
}

/// Does what screens asked for, in order.
fn carry_out(state: &mut State, acts: Vec<Act>, now: Timestamp, effects: &mut Vec<Effect>) {
    for act in acts {
        match act {
            Act::Effect(effect) => effects.push(effect),
            Act::Push(screen) => {
                state.push(screen);
                shown(state, now, effects);
            }
            Act::Back => {
                state.pop();
                left(state, now, effects);
            }
            Act::Go(root) => go(state, root, now, effects),
            Act::Popup(popup) => {
                state.open(popup);
                with_front(state, now, effects, |popup, cx| popup.shown(cx));
            }
            Act::Close => {
                state.close();
            }
            Act::CloseTicket(ticket) => state.close_ticket(ticket),
            Act::Write(write) => writes::send(state, write, now, effects),
            Act::Notice(level, text) => state.say(level, text, now),
            Act::Tell(msg) => told(state, &msg, now, effects),
            Act::Copy(text) => copy(state, &text, now, effects),
            Act::Run(found) => command(state, found, now, effects),
            Act::Evidence(of) => evidence(state, of, now, effects),
            Act::ShowIncident(id) => {
                state.go(Root::Incidents);
                shown(state, now, effects);
                let msg = Msg::ShowIncident(id);
                told(state, &msg, now, effects);
            }
            Act::Hunt {
                tenants,
                title,
                query,
                run,
            } => {
                state.go(Root::Hunt);
                shown(state, now, effects);
                let msg = Msg::OpenQuery {
                    tenants,
                    title,
                    query,
                    run,
                };
                told(state, &msg, now, effects);
            }
        }
    }
}

fn evidence(state: &mut State, of: EvidenceOf, now: Timestamp, effects: &mut Vec<Effect>) {
    state.push(screens::evidence(of));
    shown(state, now, effects);
}

/// What to ask for when the console starts.
pub fn start(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    state.data.started = now;
    if !state.data.tenants.is_empty() {
        effects.push(Effect::LoadQueue);
    }
    shown(state, now, &mut effects);
    effects
}
