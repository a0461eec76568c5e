//! The query editor: `tui-textarea` with KQL colours, marked findings and an undo of our own.
//!
//! | file | what it is for |
//! |---|---|
//! | [`change`] | a change of a text as a value |
//! | [`history`] | undo: words typed, everything else one step |
//! | [`keys`] | what the keys of a plain editor do |
//! | [`words`] | places: letters, words, lines, paragraphs |
//! | [`lines`] | comments, indents, moving and doubling lines |
//! | [`pairs`] | brackets and quotes |
//! | [`find`] | finding and replacing |
//! | [`vim`] | vim's keys |
//! | [`stops`] | places of a phrase to be filled in |
//! | [`draw`] | colours and marks on screen |
//!
//! Nothing unsafe gets into the text: see [`prepared::editable`].

pub mod change;
mod draw;
pub mod find;
mod history;
mod keys;
pub mod lines;
pub mod pairs;
mod stops;
#[cfg(test)]
mod tests;
pub mod vim;
pub mod words;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use ratatui::layout::Position;
use ratatui::style::Style;
use tui_textarea::{CursorMove, CursorRenderMode, TextArea};

use self::change::{Caret, Change, difference, shifted};
use self::history::{History, Kind, Step};
pub use self::keys::Took;
use self::stops::Stops;
use self::vim::{Mode, Vim};
use crate::hunt::prepared;
use crate::tui::theme::Role;

/// The longest text the editor takes, in bytes; the service's own limit lies far below.
pub const LONGEST: usize = 1 << 20;

/// A coloured piece of the text: bytes and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Byte range in the whole text.
    pub range: Range<usize>,
    /// What it is.
    pub role: Role,
}

/// Something to mark in the text over its colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte range in the whole text; an empty one marks the character before it.
    pub range: Range<usize>,
    /// How: [`Role::KqlError`], [`Role::Bracket`]…
    pub role: Role,
}

/// A text being edited.
pub struct Editor {
    // a cell, because the widget keeps the colours of the lines it is about to draw
    area: RefCell<TextArea<'static>>,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    paints: Vec<Paint>,
    /// Findings.
    marks: Vec<Mark>,
    /// What else is marked: brackets, matches, other places of a name.
    notes: Vec<Mark>,
    /// Lines whose numbers are lit.
    lit: Option<Range<usize>>,
    history: History,
    /// Brackets and quotes closed for the analyst, while the caret is between the two.
    closed: Vec<(usize, usize)>,
    /// What is being filled in.
    stops: Stops,
    /// The column that moving up and down keeps to.
    goal: Option<usize>,
    /// What was cut or copied last.
    taken: String,
    vim: Option<Vim>,
    /// How many lines were drawn last.
    height: Cell<u16>,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor")
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

impl Default for Editor {
    fn default() -> Self {
        Self::new("")
    }
}

impl Editor {
    /// An editor with a text, the caret at its end.
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::default();
        // it keeps no steps: see `history`
        area.set_max_histories(0);
        area.set_cursor_line_style(Style::new());
        area.set_cursor_render_mode(CursorRenderMode::Hidden);
        let mut editor = Self {
            area: RefCell::new(area),
            text: String::new(),
            lines: vec![0],
            paints: Vec::new(),
            marks: Vec::new(),
            notes: Vec::new(),
            lit: None,
            history: History::default(),
            closed: Vec::new(),
            stops: Stops::default(),
            goal: None,
            taken: String::new(),
            vim: None,
            height: Cell::new(0),
        };
        editor.set_text(text);
        editor
    }

    /// Replaces the whole text; `undo` brings the old one back. The caret goes to the end.
    pub fn set_text(&mut self, text: &str) {
        let text = limited(prepared::editable(text));
        if self.text.is_empty() {
            // nothing to undo: the text is the beginning
            self.text = text;
            self.changed();
            self.set_lines(self.place_of(self.text.len()));
        } else {
            let end = text.len();
            self.become_text(&text, Caret::at(end));
        }
    }

    /// Turns the text into another one in one step, changing what differs; the caret stays where it is
    /// in the text around it.
    pub fn turn_into(&mut self, text: &str) {
        let text = limited(prepared::editable(text));
        let caret = match difference(&self.text, &text) {
            Some((range, with)) => shifted(&[(range, with)], self.caret()),
            None => return,
        };
        self.become_text(&text, Caret::at(caret));
    }

    fn become_text(&mut self, text: &str, caret: Caret) {
        let edits = difference(&self.text, text).into_iter().collect();
        self.apply(Change { edits, caret });
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many lines it has.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The caret as a byte offset of the text.
    pub fn caret(&self) -> usize {
        let (line, column) = self.area.borrow().cursor();
        self.offset(line, column)
    }

    /// The caret with the other end of a selection.
    fn full_caret(&self) -> Caret {
        let at = self.caret();
        let anchor = self.selection().map(|range| {
            if range.start == at {
                range.end
            } else {
                range.start
            }
        });
        Caret { at, anchor }
    }

    /// The caret for what is done to lines or to what is selected: in vim's visual modes at the end of it.
    fn over(&self) -> Caret {
        match (self.selection(), &self.vim) {
            (Some(range), Some(_)) => Caret {
                at: range.end,
                anchor: Some(range.start),
            },
            _ => self.full_caret(),
        }
    }

    /// The caret as line and column, both from 1, columns in characters.
    pub fn place(&self) -> (usize, usize) {
        let (line, column) = self.area.borrow().cursor();
        (line + 1, column + 1)
    }

    /// The line and column, both from 1, of a byte offset.
    pub fn place_of(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset).max(1) - 1;
        let column = self
            .text
            .get(self.lines[line]..offset)
            .map_or(0, |before| before.chars().count());
        (line + 1, column + 1)
    }

    /// The selected part of the text, if any is selected.
    pub fn selection(&self) -> Option<Range<usize>> {
        if let Some(selected) = self
            .vim
            .as_ref()
            .and_then(|vim| vim.selected(&self.text, self.caret()))
        {
            return Some(selected);
        }
        let (start, end) = self.area.borrow().selection_range()?;
        let range = self.offset(start.0, start.1)..self.offset(end.0, end.1);
        (!range.is_empty()).then_some(range)
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        words::at_column(&self.text, start, column)
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        let mut text = prepared::editable(text);
        text.truncate(floor(&text, LONGEST.saturating_sub(self.text.len())));
        let caret = self.full_caret();
        let range = caret.selection().unwrap_or(caret.at..caret.at);
        self.apply(Change::replace(range, text));
    }

    /// Selects the whole text.
    pub fn select_all(&mut self) {
        self.set_caret(Caret {
            at: self.text.len(),
            anchor: Some(0),
        });
    }

    /// What is selected, else the line: kept for [`Editor::put_back`], and returned.
    pub fn copy(&mut self) -> String {
        let range = self
            .selection()
            .unwrap_or_else(|| lines::touched(&self.text, Caret::at(self.caret())));
        self.text[range].clone_into(&mut self.taken);
        if let Some(vim) = &mut self.vim {
            vim.keep(&self.taken);
        }
        self.taken.clone()
    }

    /// Takes what is selected, else the line, out of the text; kept and returned.
    pub fn cut(&mut self) -> String {
        let taken = self.copy();
        let range = self.selection().unwrap_or_else(|| {
            let line = lines::touched(&self.text, Caret::at(self.caret()));
            line.start..(line.end + 1).min(self.text.len())
        });
        self.apply(Change::replace(range, ""));
        taken
    }

    /// Writes what was cut or copied last.
    pub fn put_back(&mut self) -> bool {
        let taken = self.taken.clone();
        self.paste(&taken);
        !taken.is_empty()
    }

    /// Does a change as one step of undo. A longer text than the editor takes is refused.
    pub fn apply(&mut self, change: Change) -> bool {
        let visual = self.selection().is_some();
        let done = self.step(change, Kind::Whole);
        if visual && let Some(vim) = &mut self.vim {
            vim.disturbed();
        }
        done
    }

    fn step(&mut self, change: Change, kind: Kind) -> bool {
        let before = self.full_caret();
        let (Some((first, _)), Some((last, _))) = (change.edits.first(), change.edits.last())
        else {
            self.set_caret(change.caret);
            return false;
        };
        let (first, last) = (first.start, last.end);
        // one replacement from the first to the last place that changes
        let mut with = String::new();
        let mut at = first;
        for (range, text) in &change.edits {
            with.push_str(&self.text[at..range.start]);
            with.push_str(text);
            at = range.end;
        }
        let longer = with.len().saturating_sub(last - first);
        if longer > 0 && self.text.len() + longer > LONGEST {
            return false;
        }
        self.history.push(Step {
            at: first,
            removed: self.text[first..last].to_owned(),
            inserted: with.clone(),
            before,
            after: change.caret,
            kind,
            group: 0,
        });
        self.carry_closed(&change);
        self.stops.carry(&change);
        self.splice(first..last, &with);
        self.set_caret(change.caret);
        true
    }

    /// Closed brackets move with the text; those that were written over are forgotten.
    fn carry_closed(&mut self, change: &Change) {
        let moved = |place: usize| {
            let touched =
                |(range, _): &&(Range<usize>, String)| range.start < place + 1 && place < range.end;
            (change.edits.iter().find(touched).is_none()).then(|| shifted(&change.edits, place))
        };
        self.closed = self
            .closed
            .iter()
            .filter_map(|(open, close)| Some((moved(*open)?, moved(*close)?)))
            .collect();
    }

    fn splice(&mut self, range: Range<usize>, with: &str) {
        let (start, end) = (self.place_of(range.start), self.place_of(range.end));
        if is_far(start) || is_far(end) {
            self.text.replace_range(range, with);
            self.changed();
            // where the caret goes follows
            self.set_lines((1, 1));
            return;
        }
        let area = self.area.get_mut();
        area.cancel_selection();
        jump(area, start);
        if !range.is_empty() {
            area.start_selection();
            jump(area, end);
        }
        area.insert_str(with);
        area.cancel_selection();
        self.text.replace_range(range, with);
        self.changed();
    }

    /// Takes back the last change, or makes it again. Says whether there was one.
    pub fn undo(&mut self, redo: bool) -> bool {
        let mut changed = false;
        loop {
            let next = if redo {
                self.history.redo()
            } else {
                self.history.undo()
            };
            let Some((step, more)) = next else { break };
            let (gone, back, caret) = if redo {
                (step.removed.len(), &step.inserted, step.after)
            } else {
                (step.inserted.len(), &step.removed, step.before)
            };
            self.splice(step.at..step.at + gone, back);
            self.set_caret(caret);
            changed = true;
            if !more {
                break;
            }
        }
        self.closed.clear();
        self.stops.clear();
        if changed {
            if let Some(vim) = &mut self.vim {
                vim.disturbed();
            }
            self.rest_on_letter();
        }
        changed
    }

    /// Replaces a byte range, as one step of undo; the caret goes behind it.
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        self.apply(Change::replace(range, prepared::editable(with)));
    }

    /// Puts the caret at a byte offset.
    pub fn go_to(&mut self, offset: usize) {
        self.history.rest();
        self.goal = None;
        self.set_caret(Caret::at(offset));
    }

    /// Selects a byte range, the caret at its end.
    pub fn select(&mut self, range: Range<usize>) {
        self.history.rest();
        self.set_caret(Caret {
            at: range.end,
            anchor: Some(range.start),
        });
    }

    fn set_caret(&mut self, caret: Caret) {
        let at = self.place_of(floor(&self.text, caret.at));
        let anchor = caret
            .anchor
            .filter(|anchor| *anchor != caret.at)
            .map(|anchor| self.place_of(floor(&self.text, anchor)));
        if is_far(at) || anchor.is_some_and(is_far) {
            // nothing can be selected out there
            self.set_lines(at);
        } else {
            let area = self.area.get_mut();
            area.cancel_selection();
            if let Some(anchor) = anchor {
                jump(area, anchor);
                area.start_selection();
            }
            jump(area, at);
        }
        let here = caret.at;
        self.closed
            .retain(|(open, close)| *open < here && here <= *close);
        self.stops.keep_near(here);
    }

    /// Hands the whole text to the widget, the caret at a line and column from 1.
    fn set_lines(&mut self, (line, column): (usize, usize)) {
        let lines = self.text.split('\n').map(str::to_owned).collect();
        self.area.get_mut().set_lines(lines, (line - 1, column - 1));
    }

    /// Moves the caret to a place of the last frame; the mouse does.
    pub fn point(&mut self, at: Position) {
        let found = self.area.get_mut().cursor_at_position(at);
        if let Some((line, column)) = found {
            self.go_to(self.offset(line, column));
            self.rest_on_letter();
        }
    }

    /// Moves the lines on screen without the keyboard; the caret comes along where it must.
    pub fn scroll(&mut self, down: bool) {
        let area = self.area.get_mut();
        area.scroll((if down { 3 } else { -3 }, 0));
    }

    fn changed(&mut self) {
        self.lines.clear();
        self.lines.push(0);
        self.lines
            .extend(self.text.match_indices('\n').map(|(at, _)| at + 1));
        // the old ranges no longer fit; new ones follow in the same update
        self.paints.clear();
        self.marks.clear();
        self.notes.clear();
        self.lit = None;
    }

    /// Takes the colours and findings of the present text. Ranges outside it are passed over.
    pub fn set_language(&mut self, mut paints: Vec<Paint>, marks: Vec<Mark>) {
        paints.retain(|paint| self.fits(&paint.range));
        paints.sort_by_key(|paint| paint.range.start);
        self.paints = paints;
        self.marks = self.within(marks);
    }

    /// Takes what else is to be marked: brackets, matches, other places of a name.
    pub fn set_notes(&mut self, notes: Vec<Mark>) {
        self.notes = self.within(notes);
    }

    /// Lights the numbers of these lines (from 1, the last one excluded).
    pub fn set_lit(&mut self, lines: Option<Range<usize>>) {
        self.lit = lines;
    }

    fn within(&self, mut marks: Vec<Mark>) -> Vec<Mark> {
        marks.retain(|mark| {
            self.text
                .is_char_boundary(mark.range.start.min(self.text.len()))
        });
        marks
    }

    /// The role of the paint that covers a byte.
    pub fn role_at(&self, at: usize) -> Option<Role> {
        let from = self.paints.partition_point(|paint| paint.range.end <= at);
        let paint = self.paints.get(from)?;
        (paint.range.start <= at).then_some(paint.role)
    }

    fn fits(&self, range: &Range<usize>) -> bool {
        range.start < range.end && self.text.get(range.clone()).is_some()
    }

    /// Turns vim's keys on, in normal mode, or off.
    pub fn set_vim(&mut self, on: bool) {
        if on != self.vim.is_some() {
            self.vim = on.then(Vim::default);
            self.rest_on_letter();
        }
    }

    /// vim's mode, where its keys are on.
    pub fn vim_mode(&self) -> Option<Mode> {
        self.vim.as_ref().map(Vim::mode)
    }

    /// What has been pressed of a command of vim's.
    pub fn vim_pressed(&self) -> String {
        self.vim.as_ref().map_or_else(String::new, Vim::pressed)
    }
}

/// Jumps to a line and column, both from 1.
fn jump(area: &mut TextArea<'static>, (line, column): (usize, usize)) {
    let near = |place: usize| u16::try_from(place - 1).unwrap_or(u16::MAX);
    area.move_cursor(CursorMove::Jump(near(line), near(column)));
}

/// Whether the widget cannot jump there: it counts to 65,535.
fn is_far((line, column): (usize, usize)) -> bool {
    line.max(column) > usize::from(u16::MAX)
}

fn limited(mut text: String) -> String {
    text.truncate(floor(&text, LONGEST));
    text
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
