//! The console without a terminal: keys in, screens and effects out.

#![allow(dead_code, reason = "each test file uses its own part")]

use crossterm::event::KeyEvent;
use jiff::Timestamp;
use nightjar::tui::data::{Settings, TenantFacts};
use nightjar::tui::draw::draw;
use nightjar::tui::keymap::Keymap;
use nightjar::tui::keys::Chord;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::state::State;
use nightjar::tui::theme::Theme;
use nightjar::tui::update::{start, update};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A console under test.
pub struct Console {
    pub state: State,
    pub now: Timestamp,
    pub effects: Vec<Effect>,
}

impl Console {
    /// A connected console of a size, its clock standing still.
    pub fn new(width: u16, height: u16) -> Self {
        let settings = Settings {
            tenants: vec![TenantFacts {
                name: "contoso.com".to_owned(),
                me: "you@contoso.com".to_owned(),
                ..TenantFacts::default()
            }],
            ..Settings::default()
        };
        let mut state = State::new(settings, Keymap::default(), Theme::default());
        state.size = Rect::new(0, 0, width, height);
        let now = "2026-08-19T21:44:05Z".parse().expect("a time");
        let effects = start(&mut state, now);
        Self {
            state,
            now,
            effects,
        }
    }

    /// Presses keys, named and separated by spaces.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let chord = Chord::parse(key).unwrap_or_else(|| panic!("no key {key}"));
            self.tell(Msg::Key(chord.event()));
        }
        self
    }

    /// Types a text, line breaks as enter.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            let code = match c {
                '\n' => crossterm::event::KeyCode::Enter,
                c => crossterm::event::KeyCode::Char(c),
            };
            self.tell(Msg::Key(KeyEvent::from(code)));
        }
        self
    }

    /// Tells it something.
    pub fn tell(&mut self, msg: Msg) -> &mut Self {
        self.effects.extend(update(&mut self.state, msg, self.now));
        self
    }

    /// The effects since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The frame at a size, trailing spaces cut.
    pub fn screen_at(&mut self, width: u16, height: u16) -> String {
        self.tell(Msg::Resize(width, height));
        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
        let _ = draw(&self.state, &mut buf, self.now);
        let mut out = String::new();
        for y in 0..height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..width {
                let symbol = buf[(x, y)].symbol();
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// The frame at its own size.
    pub fn screen(&mut self) -> String {
        let size = self.state.size;
        self.screen_at(size.width, size.height)
    }
}
