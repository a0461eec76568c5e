//! What the console is in: shared data, the stacks of screens, the popups, the keys pressed so far.

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::commands::Scope;
use super::data::{Data, Level, Settings};
use super::keymap::Keymap;
use super::keys::Chord;
use super::msg::Root;
use super::screen::Screen;
use super::screens;
use super::theme::Theme;
use crate::domain::TenantNo;

/// The whole state. Changed by [`super::update::update`] alone, drawn by [`super::draw::draw`].
pub struct State {
    /// What the console knows.
    pub data: Data,
    /// The keys in force.
    pub keymap: Keymap,
    /// The looks in force.
    pub theme: Theme,
    /// One stack for each first-level screen, which is its lowest and never leaves.
    stacks: Vec<Vec<Box<dyn Screen>>>,
    current: usize,
    popups: Vec<Box<dyn Screen>>,
    /// Keys of a sequence not yet complete.
    pub(super) pressed: Vec<Chord>,
    /// The newest message, on the last line until a key is pressed or its time is over.
    pub(super) toast: Option<(Level, String, Timestamp)>,
    /// The terminal's size.
    pub size: Rect,
    /// Whether the terminal has the focus.
    pub has_focus: bool,
    /// Whether anything changed since the last frame.
    pub dirty: bool,
}

impl State {
    /// A console with these settings, nothing known yet.
    pub fn new(settings: Settings, keymap: Keymap, theme: Theme) -> Self {
        let connected = !settings.tenants.is_empty();
        let mut stacks: Vec<Vec<Box<dyn Screen>>> = screens::roots()
            .into_iter()
            .map(|root| vec![root])
            .collect();
        if !connected {
            stacks[0].push(screens::first_run());
        }
        Self {
            data: Data::new(settings),
            keymap,
            theme,
            stacks,
            current: 0,
            popups: Vec::new(),
            pressed: Vec::new(),
            toast: None,
            size: Rect::new(0, 0, 80, 24),
            has_focus: true,
            dirty: true,
        }
    }

    /// The screen shown, popups aside.
    pub fn screen(&self) -> &dyn Screen {
        let stack = &self.stacks[self.current];
        stack
            .last()
            .expect("a stack keeps its first-level screen")
            .as_ref()
    }

    /// The popups, uppermost last.
    pub fn popups(&self) -> impl ExactSizeIterator<Item = &dyn Screen> + DoubleEndedIterator {
        self.popups.iter().map(AsRef::as_ref)
    }

    /// What has the keyboard: the uppermost popup, else the screen.
    pub fn front(&self) -> &dyn Screen {
        self.popups
            .last()
            .map_or_else(|| self.screen(), AsRef::as_ref)
    }

    /// Where keys are looked up now.
    pub fn scope(&self) -> Scope {
        self.front().scope()
    }

    /// The names of the screens one on the other: `Incidents > 4211`.
    pub fn breadcrumb(&self) -> String {
        let names: Vec<String> = self.stacks[self.current]
            .iter()
            .map(|screen| screen.title())
            .chain(self.popups.iter().map(|popup| popup.title()))
            .collect();
        names.join(" > ")
    }

    /// How deep the current stack is.
    pub fn depth(&self) -> usize {
        self.stacks[self.current].len()
    }

    /// The first-level screen whose stack is shown.
    pub fn root(&self) -> Root {
        Root::ALL[self.current]
    }

    /// The uppermost of popups and screens, and the data, both to be changed.
    pub(super) fn front_mut(&mut self) -> (&mut dyn Screen, &mut Data) {
        let front = match self.popups.last_mut() {
            Some(popup) => popup,
            None => self.stacks[self.current]
                .last_mut()
                .expect("a stack keeps its first-level screen"),
        };
        (front.as_mut(), &mut self.data)
    }

    /// The screen below all popups, and the data.
    pub(super) fn screen_mut(&mut self) -> (&mut dyn Screen, &mut Data) {
        let screen = self.stacks[self.current]
            .last_mut()
            .expect("a stack keeps its first-level screen");
        (screen.as_mut(), &mut self.data)
    }

    /// Every screen and popup alive, and the data.
    pub(super) fn all_mut(&mut self) -> (impl Iterator<Item = &mut Box<dyn Screen>>, &mut Data) {
        let screens = self.stacks.iter_mut().flatten().chain(&mut self.popups);
        (screens, &mut self.data)
    }

    /// Shows a screen on top of those of the current stack.
    pub fn push(&mut self, screen: Box<dyn Screen>) {
        self.stacks[self.current].push(screen);
    }

    /// Takes the uppermost screen away; false where it is the first-level one.
    pub(super) fn pop(&mut self) -> bool {
        let stack = &mut self.stacks[self.current];
        if stack.len() > 1 {
            stack.pop();
            true
        } else {
            false
        }
    }

    /// Shows a first-level screen; asked for again, takes away what lies on it.
    pub(super) fn go(&mut self, root: Root) {
        let index = Root::ALL.iter().position(|known| *known == root);
        let index = index.unwrap_or(0);
        if index == self.current {
            self.stacks[index].truncate(1);
        }
        self.current = index;
        self.popups.clear();
    }

    pub(super) fn open(&mut self, popup: Box<dyn Screen>) {
        self.popups.push(popup);
    }

    pub(super) fn close(&mut self) -> bool {
        self.popups.pop().is_some()
    }

    pub(super) fn close_ticket(&mut self, ticket: u64) {
        self.popups.retain(|popup| popup.ticket() != Some(ticket));
    }

    /// Says something on the last line and in the log.
    pub fn say(&mut self, level: Level, text: impl Into<String>, now: Timestamp) {
        let text = text.into();
        let seconds = if level == Level::Info { 5 } else { 12 };
        let until = now
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(now);
        self.toast = Some((level, text.clone(), until));
        self.data.notices.push(level, text, now);
        self.dirty = true;
    }

    /// Says something of a tenant, which is named where there are several.
    pub fn say_of(&mut self, tenant: TenantNo, level: Level, text: &str, now: Timestamp) {
        if level > Level::Info
            && let Some(tenant) = self.data.tenants.get_mut(tenant)
        {
            tenant.trouble = Some((now, level, text.to_owned()));
        }
        self.say(level, self.data.tenants.named(tenant, text), now);
    }
}
