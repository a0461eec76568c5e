//! How a screen plugs in.
//!
//! A screen (or popup: a screen drawn over another) is a struct of its own state with the trait
//! [`Screen`]. It learns of the world by [`Msg`]s and by reading [`Data`], it changes itself alone,
//! and what must happen elsewhere it hands out as [`Act`]s through [`Cx`]. It draws from `&self`.
//!
//! ```
//! use nightjar::tui::commands::{Command, Scope};
//! use nightjar::tui::screen::{Ctx, Cx, Screen};
//! use nightjar::tui::theme::Role;
//! use nightjar::tui::widgets::paint;
//! use ratatui::{buffer::Buffer, layout::Rect};
//!
//! struct Count(u32);
//!
//! impl Screen for Count {
//!     fn scope(&self) -> Scope {
//!         Scope::List // which keys work here; new scopes and commands are rows in `commands`
//!     }
//!     fn title(&self) -> String {
//!         "Count".into()
//!     }
//!     fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
//!         match command {
//!             Command::Down => self.0 += 1,
//!             Command::Copy => cx.copy(self.0.to_string()),
//!             _ => return false, // not mine: the console's own commands come next
//!         }
//!         true
//!     }
//!     fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
//!         let style = ctx.style(Role::Text);
//!         paint::text(buf, area, area.x, area.y, area.width, &self.0.to_string(), style);
//!     }
//! }
//! ```
//!
//! To be reachable it is pushed (`cx.push(Box::new(Count(0)))`) or shown over the screen
//! (`cx.popup(…)`), or it is one of the first-level screens of [`crate::tui::screens::roots`].

use std::cell::Cell;

use crossterm::event::MouseEvent;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::commands::{Command, Scope};
use super::data::{Data, Level};
use super::keymap::Keymap;
use super::keys::Chord;
use super::msg::{Act, DeviceRef, Effect, Msg};
use super::theme::{Role, Theme};
use super::widgets::paint::RuleStyles;
use super::widgets::time;
use crate::domain::{IncidentId, Of, TenantNo};

/// A screen or popup.
pub trait Screen: Send {
    /// Where the keys that work now are looked up; it may change with what has the focus inside.
    fn scope(&self) -> Scope;

    /// Its name in the breadcrumb, cut when drawn.
    fn title(&self) -> String;

    /// Does a command; false when it is not this screen's, so that the console may do it.
    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool;

    /// Whether printable keys are text now. They then reach [`Screen::key`] and no command; other
    /// keys do so when they mean no command in [`Screen::scope`].
    fn typing(&self) -> bool {
        false
    }

    /// Whether alt with a letter is escape and that letter, pressed too fast to be told apart.
    fn splits_alt(&self) -> bool {
        false
    }

    /// Takes a key while typing.
    fn key(&mut self, _chord: Chord, _cx: &mut Cx<'_>) {}

    /// Takes pasted text while typing. Hostile.
    fn paste(&mut self, _text: &str, _cx: &mut Cx<'_>) {}

    /// Takes a click or wheel turn; coordinates are of the whole screen.
    fn mouse(&mut self, _event: MouseEvent, _cx: &mut Cx<'_>) {}

    /// Learns of something. Every screen alive is told of every message; what is no news to it, it
    /// passes over. Answers carry the ticket or id of their question.
    fn message(&mut self, _msg: &Msg, _cx: &mut Cx<'_>) {}

    /// It came to the front: the time to ask for what it shows.
    fn shown(&mut self, _cx: &mut Cx<'_>) {}

    /// Draws itself. Text goes through [`crate::tui::widgets::paint`] alone.
    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>);

    /// The devices what is in focus is about: what device commands mean here.
    fn devices(&self, _data: &Data) -> Vec<Of<DeviceRef>> {
        Vec::new()
    }

    /// The portal page of what is in focus.
    fn portal(&self, _data: &Data) -> Option<String> {
        None
    }

    /// The text of what is in focus, for the clipboard: defanged unless `raw`.
    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        None
    }

    /// The one tenant that a command would change something of here; none where that is not one.
    fn tenant(&self, data: &Data) -> Option<TenantNo> {
        self.incident(data).map(|id| id.tenant)
    }

    /// The ticket of the question it stands for, so that its answer can close it.
    fn ticket(&self) -> Option<u64> {
        None
    }

    /// The incident what is in focus belongs to: named in the reason of a device action.
    fn incident(&self, _data: &Data) -> Option<Of<IncidentId>> {
        None
    }
}

/// What a screen has at hand while it changes.
pub struct Cx<'a> {
    /// What the console knows.
    pub data: &'a mut Data,
    /// Now.
    pub now: Timestamp,
    /// What shall happen, in order.
    pub acts: Vec<Act>,
}

impl<'a> Cx<'a> {
    /// With nothing to happen yet.
    pub fn new(data: &'a mut Data, now: Timestamp) -> Self {
        Self {
            data,
            now,
            acts: Vec::new(),
        }
    }

    /// Asks a worker for something.
    pub fn effect(&mut self, effect: Effect) {
        self.acts.push(Act::Effect(effect));
    }

    /// Any act.
    pub fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// Shows a screen on top of this one.
    pub fn push(&mut self, screen: Box<dyn Screen>) {
        self.acts.push(Act::Push(screen));
    }

    /// Shows a popup.
    pub fn popup(&mut self, popup: Box<dyn Screen>) {
        self.acts.push(Act::Popup(popup));
    }

    /// Closes the uppermost popup.
    pub fn close(&mut self) {
        self.acts.push(Act::Close);
    }

    /// Says something on the last line and in the message log.
    pub fn notice(&mut self, level: Level, text: impl Into<String>) {
        self.acts.push(Act::Notice(level, text.into()));
    }

    /// Puts a text on the clipboard (OSC 52), sanitised, and says so.
    pub fn copy(&mut self, text: impl Into<String>) {
        self.acts.push(Act::Copy(text.into()));
    }

    /// A number no earlier question had, for the answer to carry.
    pub fn ticket(&mut self) -> u64 {
        self.data.ticket()
    }
}

/// What a screen has at hand while it draws.
pub struct Ctx<'a> {
    /// Roles to styles.
    pub theme: &'a Theme,
    /// Now.
    pub now: Timestamp,
    /// What the console knows.
    pub data: &'a Data,
    /// Keys, for hints.
    pub keymap: &'a Keymap,
    /// Whether the terminal has the focus and no popup is over the screen.
    pub focused: bool,
    cursor: Cell<Option<Position>>,
    wake: Cell<Option<Timestamp>>,
}

impl<'a> Ctx<'a> {
    /// With no cursor and no wish to wake.
    pub fn new(
        theme: &'a Theme,
        now: Timestamp,
        data: &'a Data,
        keymap: &'a Keymap,
        focused: bool,
    ) -> Self {
        Self {
            theme,
            now,
            data,
            keymap,
            focused,
            cursor: Cell::new(None),
            wake: Cell::new(None),
        }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// The inks of a rule above a pane.
    pub fn rule(&self, focused: bool) -> RuleStyles {
        RuleStyles {
            rule: self.style(if focused {
                Role::RuleFocused
            } else {
                Role::Rule
            }),
            title: self.style(Role::Title),
            extra: self.style(Role::Dim),
        }
    }

    /// The zone times are shown in.
    pub fn zone(&self) -> &TimeZone {
        self.data.zone()
    }

    /// How long ago, and a frame when that changes (`12m`, `3h`, `2d`).
    pub fn ago(&self, then: Timestamp) -> String {
        self.wake_next_minute();
        time::ago(then, self.now)
    }

    /// Time left until `due`, and a frame when that changes (`0:48`, `-0:12`).
    pub fn countdown(&self, due: Timestamp) -> String {
        self.wake_next_minute();
        time::countdown(due, self.now)
    }

    /// `20:58` in the zone shown.
    pub fn clock(&self, at: Timestamp) -> String {
        time::clock(at, self.zone())
    }

    /// Asks for a frame when the minute changes.
    pub fn wake_next_minute(&self) {
        let minute = time::minute_of(self.now);
        if let Ok(next) = minute.checked_add(jiff::SignedDuration::from_secs(60)) {
            self.wake_at(next);
        }
    }

    /// Asks for a frame at a time (the earliest wish counts). What is not asked again stops.
    pub fn wake_at(&self, at: Timestamp) {
        if self.wake.get().is_none_or(|known| at < known) {
            self.wake.set(Some(at));
        }
    }

    /// Asks for a frame in so many milliseconds, for what changes while it waits.
    pub fn wake_in(&self, milliseconds: i64) {
        let after = jiff::SignedDuration::from_millis(milliseconds);
        if let Ok(at) = self.now.checked_add(after) {
            self.wake_at(at);
        }
    }

    /// Shows the terminal's cursor at a cell.
    pub fn show_cursor(&self, x: u16, y: u16) {
        self.cursor.set(Some(Position { x, y }));
    }

    /// Where the cursor was asked for.
    pub fn cursor(&self) -> Option<Position> {
        self.cursor.get()
    }

    /// When the next frame was asked for.
    pub fn wake(&self) -> Option<Timestamp> {
        self.wake.get()
    }
}
