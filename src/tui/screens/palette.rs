//! `:`: any command that works here, by name, ranked as one types.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Danger, Scope, Spec};
use crate::tui::keymap::Keymap;
use crate::tui::keys::Chord;
use crate::tui::msg::Act;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::list::{self, Row};
use crate::tui::widgets::{paint, popup};

/// The popup.
pub struct Palette {
    input: Input,
    all: Vec<(&'static Spec, String)>,
    shown: Vec<usize>,
    cursor: usize,
}

impl Palette {
    /// The commands alive in a scope, with their keys.
    pub fn new(scope: Scope, keymap: &Keymap) -> Self {
        let hidden = [
            Command::Palette,
            Command::PaletteAnywhere,
            Command::HelpAnywhere,
        ];
        let all: Vec<(&'static Spec, String)> = Keymap::alive(scope)
            .filter(|spec| !hidden.contains(&spec.command))
            .map(|spec| (spec, keymap.keys_of(spec.command).join(", ")))
            .collect();
        let mut palette = Self {
            input: Input::default(),
            all,
            shown: Vec::new(),
            cursor: 0,
        };
        palette.rank();
        palette
    }

    fn rank(&mut self) {
        self.cursor = 0;
        let text = self.input.text().trim();
        if text.is_empty() {
            self.shown = (0..self.all.len()).collect();
            return;
        }
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (index, (spec, _)) in self.all.iter().enumerate() {
            let haystack = format!("{} {}", spec.title, spec.name);
            let haystack = Utf32Str::new(&haystack, &mut buffer);
            if let Some(score) = pattern.score(haystack, &mut matcher) {
                scored.push((score, index));
            }
        }
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
        self.shown = scored.into_iter().map(|(_, index)| index).collect();
    }
}

impl Screen for Palette {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn title(&self) -> String {
        "Palette".into()
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        if self.input.key(chord) {
            self.rank();
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.input.paste(text);
        self.rank();
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::FormNext => {
                self.cursor = (self.cursor + 1).min(self.shown.len().saturating_sub(1));
            }
            Command::FormPrevious => self.cursor = self.cursor.saturating_sub(1),
            Command::FormSubmit => {
                if let Some(index) = self.shown.get(self.cursor) {
                    let command = self.all[*index].0.command;
                    cx.close();
                    cx.act(Act::Run(command));
                }
            }
            Command::PaletteAnywhere => cx.close(),
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let height = (self.all.len() as u16 + 3)
            .min(area.height.saturating_sub(2))
            .min(22);
        let place = popup::place(area, area.width.min(84), height.max(4));
        let extra = format!("{} of {}", self.shown.len(), self.all.len());
        let inside = popup::frame(buf, place, "Commands that work here", &extra, false, ctx);
        let line = Rect {
            height: 1,
            ..inside
        };
        let at = paint::text(buf, line, line.x, line.y, 2, ":", ctx.style(Role::Accent));
        let field = Rect {
            x: at,
            width: line.right().saturating_sub(at),
            ..line
        };
        self.input
            .draw(buf, field, ctx.style(Role::Popup), true, ctx);
        let rows: Vec<Row> = self
            .shown
            .iter()
            .map(|index| {
                let (spec, keys) = &self.all[*index];
                Row {
                    label: spec.title.to_owned(),
                    detail: format!("{keys:<10}  {}", spec.name),
                    current: false,
                    danger: spec.danger == Danger::High,
                }
            })
            .collect();
        let below = Rect {
            y: inside.y + 1,
            height: inside.height.saturating_sub(1),
            ..inside
        };
        list::draw(buf, below, &rows, self.cursor, ctx);
    }
}
