//! What lists of queries have in common: typing narrows them, keys go through them and open what is chosen,
//! and a query is drawn in its colours.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::language::role_of;
use crate::kql::classify;
use crate::tui::commands::Command;
use crate::tui::keys::Chord;
use crate::tui::screen::{Ctx, Cx};
use crate::tui::theme::Role;
use crate::tui::widgets::{input::Input, paint};

/// A longer text is drawn without colours.
const MOST_COLOURED: usize = 8 * 1024;

/// A list of queries that is narrowed by what is typed.
pub(super) trait Picker {
    /// What is typed.
    fn input(&mut self) -> &mut Input;

    /// It is another text now.
    fn narrow(&mut self);

    /// Moves by so many queries.
    fn step(&mut self, by: isize);

    /// Opens the chosen query in a tab, and runs it where that is wanted.
    fn open(&self, run: bool, cx: &mut Cx<'_>);

    /// A key of the text.
    fn typed(&mut self, chord: Chord) {
        if self.input().key(chord) {
            self.narrow();
        }
    }

    /// A text for the text.
    fn pasted(&mut self, text: &str) {
        self.input().paste(text);
        self.narrow();
    }

    /// A command; false where it is none of a list.
    fn commanded(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let mut arrow = |code| {
            let modifiers = KeyModifiers::NONE;
            self.input().key(Chord { code, modifiers });
        };
        match command {
            Command::PopupLeft => arrow(KeyCode::Left),
            Command::PopupRight => arrow(KeyCode::Right),
            Command::PickerDown => self.step(1),
            Command::PickerUp => self.step(-1),
            Command::PopupDown => self.step(10),
            Command::PopupUp => self.step(-10),
            Command::PickerChoose => self.open(false, cx),
            Command::QueryRun => self.open(true, cx),
            _ => return false,
        }
        true
    }
}

/// Draws the first lines of a query in its colours, each cut at the edge.
pub(super) fn draw_code(query: &str, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let schema = ctx.data.schemas.shared();
    let parts = if query.len() <= MOST_COLOURED {
        classify(query, schema)
    } else {
        Vec::new()
    };
    let mut parts = parts.into_iter().peekable();
    let mut start = 0;
    for (row, line) in query.split('\n').take(usize::from(area.height)).enumerate() {
        let y = area.y + row as u16;
        let end = start + line.len();
        let mut x = area.x;
        let mut at = start;
        let mut put = |piece: &str, role: Role| {
            let room = area.right().saturating_sub(x);
            x = paint::text(buf, area, x, y, room, piece, ctx.style(role));
        };
        while let Some((span, kind)) = parts.peek() {
            let (from, to) = (span.start as usize, span.end as usize);
            if from >= end {
                break;
            }
            if let Some(between) = query.get(at..from.max(at)) {
                put(between, Role::Text);
            }
            if let Some(piece) = query.get(from.max(at)..to.min(end)) {
                put(piece, role_of(*kind));
            }
            at = to.min(end).max(at);
            if to > end {
                // It goes on in the next line.
                break;
            }
            parts.next();
        }
        if let Some(rest) = query.get(at..end) {
            put(rest, Role::Text);
        }
        start = end + 1;
    }
}
