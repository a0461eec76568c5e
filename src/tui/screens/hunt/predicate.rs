//! The line a condition over a list is typed into: the query editor in one line, with colours, words
//! offered and what is wrong in words below.
//!
//! Knows the list by its table's name and schema alone.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::completion::{self, Popup};
use super::language::role_of;
use crate::engine::mirror;
use crate::hunt::lists::{self, Reading};
use crate::kql::{self, Schema};
use crate::tui::keys::Chord;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::editor::change::Change;
use crate::tui::widgets::editor::{Editor, Mark, Paint, words};
use crate::tui::widgets::paint;

/// The line.
pub(in crate::tui) struct Predicate {
    table: &'static str,
    schema: Schema,
    editor: Editor,
    reading: Reading,
    popup: Option<Popup>,
    /// The words were closed: until the next one begins none are offered.
    muted: bool,
}

impl Predicate {
    /// A line with a text, the caret at its end.
    pub(in crate::tui) fn new(table: &'static str, schema: Schema, text: &str) -> Self {
        let mut line = Self {
            table,
            schema,
            editor: Editor::new(text),
            reading: Reading::default(),
            popup: None,
            muted: false,
        };
        line.read();
        line
    }

    /// What is written.
    pub(in crate::tui) fn text(&self) -> &str {
        self.editor.text()
    }

    /// Whether words are offered.
    pub(in crate::tui) fn offers(&self) -> bool {
        self.popup.is_some()
    }

    /// The condition, where it is one: nothing where something is wrong.
    pub(in crate::tui) fn sound(&self) -> Option<&str> {
        let text = self.text().trim();
        (text.is_empty() || self.reading.problem().is_none()).then_some(text)
    }

    /// What is wrong, in words.
    pub(in crate::tui) fn problem(&self) -> Option<&str> {
        let problem = self
            .reading
            .problem()
            .filter(|_| !self.text().trim().is_empty());
        problem.map(|it| it.message.as_str())
    }

    /// Takes a key; true when the text changed.
    pub(in crate::tui) fn key(&mut self, chord: Chord) -> bool {
        let took = self.editor.key(chord);
        self.after(took.changed, took.typed);
        took.changed
    }

    /// Takes pasted text: line breaks become spaces.
    pub(in crate::tui) fn paste(&mut self, text: &str) {
        let line = text.trim().replace(['\n', '\r'], " ");
        self.editor.paste(&line);
        self.after(true, None);
    }

    /// Takes the last change back; true when there was one.
    pub(in crate::tui) fn undo(&mut self) -> bool {
        let changed = self.editor.undo(false);
        self.after(changed, None);
        changed
    }

    fn after(&mut self, changed: bool, typed: Option<char>) {
        if changed {
            self.read();
        }
        self.offer(typed.filter(|_| changed));
    }

    fn read(&mut self) {
        self.reading = lists::read(self.table, self.editor.text(), &self.schema);
        let paints = self.reading.kinds.iter().map(|(span, kind)| Paint {
            range: span.start as usize..span.end as usize,
            role: role_of(*kind),
        });
        let marks = self.reading.findings.iter().map(|it| Mark {
            range: it.start..it.end,
            role: if it.error {
                Role::KqlError
            } else {
                Role::KqlWarning
            },
        });
        let (paints, marks) = (paints.collect(), marks.collect());
        self.editor.set_language(paints, marks);
    }

    /// The text as the query that asks it, with the caret in it.
    fn asked(&self) -> (String, usize) {
        let asked = mirror::ask(self.table, self.editor.text());
        let caret = asked.at + self.editor.caret();
        (asked.query, caret)
    }

    fn offer(&mut self, typed: Option<char>) {
        if typed.is_some_and(|c| words::class(c) != words::Class::Word) {
            self.muted = false;
        }
        let (query, at) = self.asked();
        if let Some(mut popup) = self.popup.take()
            && popup.narrow(&query, at)
        {
            popup.look_up(&query, 0, &self.schema);
            self.popup = Some(popup);
            return;
        }
        let Some(c) = typed.filter(|_| !self.muted) else {
            return;
        };
        let before = &self.text()[..self.editor.caret()];
        let last = before.trim_end().len().checked_sub(1);
        let role = last.and_then(|at| self.editor.role_at(at));
        let here = self.editor.caret().checked_sub(1);
        let here = here.and_then(|at| self.editor.role_at(at));
        let quoted = matches!(here, Some(Role::KqlComment | Role::KqlString));
        if !quoted && completion::opens(before, c, role) {
            self.complete(false);
        }
    }

    /// Offers what can be written at the caret; false where there is nothing.
    pub(in crate::tui) fn complete(&mut self, asked: bool) -> bool {
        let (query, at) = self.asked();
        if query.len() > mirror::LONGEST_PREDICATE {
            return false;
        }
        let mut found = kql::complete(&query, at as u32, &self.schema);
        // phrases are whole queries' stuff
        found.snippets.clear();
        self.popup = Popup::new(completion::own(found), 0, &query, at, asked);
        if let Some(popup) = &mut self.popup {
            popup.look_up(&query, 0, &self.schema);
        }
        self.popup.is_some()
    }

    /// Goes through the words offered.
    pub(in crate::tui) fn step(&mut self, by: isize) {
        let (query, _) = self.asked();
        if let Some(popup) = &mut self.popup {
            popup.step(by);
            popup.look_up(&query, 0, &self.schema);
        }
    }

    /// Whether enter takes the word in focus.
    pub(in crate::tui) fn takes_enter(&self) -> bool {
        let (query, at) = self.asked();
        let popup = self.popup.as_ref();
        popup.is_some_and(|popup| popup.takes_enter(&query, at))
    }

    /// Writes the word in focus; true when the text changed.
    pub(in crate::tui) fn take(&mut self) -> bool {
        let (query, at) = self.asked();
        let shift = at - self.editor.caret();
        let Some(taken) = self.popup.take().and_then(|popup| popup.taken(&query, at)) else {
            return false;
        };
        let Some(edits) = inside(taken.change.edits, shift) else {
            return false;
        };
        let mut caret = taken.change.caret;
        caret.at = caret.at.saturating_sub(shift);
        self.editor.apply(Change { edits, caret });
        if let Some((open, close)) = taken.closed {
            self.editor.closes(open - shift, close - shift);
        }
        let stops = taken.stops.into_iter();
        let stops = stops.map(|it| it.start - shift..it.end - shift);
        self.editor.fill_in(stops.collect());
        let last = self.text()[..self.editor.caret()].chars().next_back();
        self.after(true, last.filter(|c| *c == ' '));
        true
    }

    /// Closes the words until the next one begins.
    pub(in crate::tui) fn close(&mut self) {
        self.popup = None;
        self.muted = true;
    }

    /// Draws the line; `label` stands before it.
    pub(in crate::tui) fn draw(
        &self,
        buf: &mut Buffer,
        line: Rect,
        label: &str,
        ctx: &Ctx<'_>,
    ) -> Option<Position> {
        let ground = ctx.style(Role::InputFocused);
        paint::fill(buf, line, ground);
        let caret = self.editor.draw(line, buf, ctx.theme);
        // a line has no number: its cells say what the line is
        let number = Rect {
            width: 3.min(line.width),
            ..line
        };
        paint::fill(buf, number, ctx.style(Role::Text));
        paint::text(
            buf,
            number,
            number.x,
            number.y,
            3,
            label,
            ctx.style(Role::Accent),
        );
        if let Some(at) = caret.filter(|_| ctx.focused) {
            ctx.show_cursor(at.x, at.y);
        }
        caret
    }

    /// Draws the words offered over what stands below the caret.
    pub(in crate::tui) fn draw_words(
        &self,
        buf: &mut Buffer,
        area: Rect,
        caret: Option<Position>,
        ctx: &Ctx<'_>,
    ) {
        let (Some(popup), Some(caret)) = (&self.popup, caret) else {
            return;
        };
        let (query, at) = self.asked();
        let word = query.get(popup.start..at);
        popup.draw(buf, area, caret, word.map_or(0, paint::width), ctx);
    }
}

/// Edits of the query as edits of the text in it; nothing where one lies outside.
fn inside(
    edits: Vec<(std::ops::Range<usize>, String)>,
    shift: usize,
) -> Option<Vec<(std::ops::Range<usize>, String)>> {
    let moved = edits.into_iter().map(|(range, with)| {
        let start = range.start.checked_sub(shift)?;
        Some((start..range.end.checked_sub(shift)?, with))
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::IncidentRow;
    use crate::hunt::lists::schema;

    fn typed(text: &str) -> Predicate {
        let mut line = Predicate::new("Incidents", schema::<IncidentRow>(), "");
        for c in text.chars() {
            let name = if c == ' ' {
                "space".into()
            } else {
                c.to_string()
            };
            line.key(Chord::parse(&name).expect("a key"));
        }
        line
    }

    #[test]
    fn columns_are_offered_and_taken_as_if_typed() {
        let mut line = typed("De");
        line.key(Chord::parse("t").expect("a key"));
        assert!(line.offers());
        assert!(line.takes_enter() && line.take());
        assert_eq!(line.text().trim(), "Determination");
        let mut line = typed("IsOpen and Alert");
        assert!(line.complete(true) && line.take());
        assert_eq!(line.text().trim(), "IsOpen and AlertCount");
        line.paste(" > 3\n");
        assert!(line.sound().is_some_and(|it| it.ends_with("> 3")));
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_asked() {
        let line = typed("IsOpen | take 5");
        assert_eq!(line.sound(), None);
        assert!(line.problem().is_some_and(|it| it.contains("without |")));
        let mut line = typed("");
        assert_eq!((line.sound(), line.problem()), (Some(""), None));
        line.paste(&"x".repeat(3 << 20));
        assert!(line.problem().is_some_and(|it| it.contains("longer")));
        assert!(!line.complete(true));
        assert!(line.undo());
        assert_eq!(line.text(), "");
    }
}
