//! What the keys of a plain editor do to the text: typing, erasing, moving, selecting.
//!
//! What has a name of its own (format, find, comment…) is a command of the console and comes through
//! the methods at the end.

use crossterm::event::{KeyCode, KeyModifiers as M};

use super::change::{Caret, Change};
use super::history::Kind;
use super::vim::{Act, Mode, Wish};
use super::{Editor, LONGEST, lines, pairs, words};
use crate::domain::text;
use crate::hunt::prepared;
use crate::tui::keys::Chord;
use crate::tui::theme::Role;

/// What came of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// The text changed.
    pub changed: bool,
    /// This character was typed.
    pub typed: Option<char>,
    /// vim's keys ask for something.
    pub wish: Option<Wish>,
}

impl Took {
    fn changed(changed: bool) -> Self {
        Self {
            changed,
            ..Self::default()
        }
    }
}

/// Where a key of a plain editor leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Left,
    Right,
    WordLeft,
    WordRight,
    Up(usize),
    Down(usize),
    Home,
    End,
    Top,
    Bottom,
    ParagraphUp,
    ParagraphDown,
}

impl Editor {
    /// Takes a key.
    pub fn key(&mut self, chord: Chord) -> Took {
        if self.vim.is_some() && self.vim_mode() != Some(Mode::Insert) {
            return self.vim_key(chord);
        }
        if let Some(to) = self.motion(chord) {
            self.go(to, chord.modifiers.contains(M::SHIFT));
            return Took::default();
        }
        let control = chord.modifiers == M::CONTROL;
        let word = chord.modifiers.intersects(M::CONTROL | M::ALT);
        match chord.code {
            KeyCode::Char('h') if control => Took::changed(self.backspace(false)),
            KeyCode::Char('w') if control => Took::changed(self.backspace(true)),
            KeyCode::Char('v' | 'y') if control => Took::changed(self.put_back()),
            KeyCode::Char(c) if !word => self.letter(c),
            KeyCode::Enter => {
                let change = lines::break_line(&self.text, self.full_caret());
                Took {
                    changed: self.step(change, Kind::Whole),
                    typed: Some('\n'),
                    wish: None,
                }
            }
            KeyCode::Backspace => Took::changed(self.backspace(word)),
            KeyCode::Delete => Took::changed(self.delete(word)),
            KeyCode::Tab => Took::changed(self.tab()),
            KeyCode::Up | KeyCode::Down if chord.modifiers == M::ALT => {
                Took::changed(self.shift_lines(chord.code == KeyCode::Up))
            }
            _ => Took::default(),
        }
    }

    fn motion(&self, chord: Chord) -> Option<Move> {
        let plain = chord.modifiers - M::SHIFT;
        let page = usize::from(self.height.get().max(2) - 1);
        Some(match (chord.code, plain) {
            (KeyCode::Left, M::NONE) => Move::Left,
            (KeyCode::Right, M::NONE) => Move::Right,
            (KeyCode::Up, M::NONE) => Move::Up(1),
            (KeyCode::Down, M::NONE) => Move::Down(1),
            (KeyCode::Home, M::NONE) => Move::Home,
            (KeyCode::End, M::NONE) => Move::End,
            (KeyCode::PageUp, M::NONE) => Move::Up(page),
            (KeyCode::PageDown, M::NONE) => Move::Down(page),
            (KeyCode::Left, M::CONTROL | M::ALT) => Move::WordLeft,
            (KeyCode::Right, M::CONTROL | M::ALT) => Move::WordRight,
            (KeyCode::Up, M::CONTROL) => Move::ParagraphUp,
            (KeyCode::Down, M::CONTROL) => Move::ParagraphDown,
            (KeyCode::Home, M::CONTROL) => Move::Top,
            (KeyCode::End, M::CONTROL) => Move::Bottom,
            (KeyCode::Char('p'), M::CONTROL) => Move::Up(1),
            (KeyCode::Char('n'), M::CONTROL) => Move::Down(1),
            (KeyCode::Char('b'), M::CONTROL) => Move::Left,
            (KeyCode::Char('a'), M::CONTROL) => Move::Home,
            (KeyCode::Char('e'), M::CONTROL) => Move::End,
            (KeyCode::Char('b'), M::ALT) => Move::WordLeft,
            (KeyCode::Char('f'), M::ALT) => Move::WordRight,
            (KeyCode::Char('<'), M::ALT) => Move::Top,
            (KeyCode::Char('>'), M::ALT) => Move::Bottom,
            _ => return None,
        })
    }

    fn go(&mut self, to: Move, select: bool) {
        let text = &self.text;
        let caret = self.full_caret();
        let at = caret.at;
        let vertical = match to {
            Move::Up(lines) => Some(-(lines as isize)),
            Move::Down(lines) => Some(lines as isize),
            _ => None,
        };
        let place = if let Some(by) = vertical {
            let goal = *self
                .goal
                .get_or_insert_with(|| words::column(&self.text, at));
            // as far as there are lines, then to the end of the last one
            words::vertical(text, at, by, goal).unwrap_or(if by < 0 {
                if by == -1 {
                    0
                } else {
                    words::at_column(text, 0, goal)
                }
            } else if by == 1 {
                text.len()
            } else {
                words::at_column(text, words::line_start(text, text.len()), goal)
            })
        } else {
            self.goal = None;
            let text = &self.text;
            match (to, caret.selection()) {
                (Move::Left, Some(range)) if !select => range.start,
                (Move::Right, Some(range)) if !select => range.end,
                (Move::Left, _) => words::left(text, at),
                (Move::Right, _) => words::right(text, at),
                (Move::WordLeft, _) => words::previous_word(text, at),
                (Move::WordRight, _) => words::next_word(text, at),
                (Move::Home, _) => {
                    let first = words::first_letter(text, at);
                    if at == first {
                        words::line_start(text, at)
                    } else {
                        first
                    }
                }
                (Move::End, _) => words::line_end(text, at),
                (Move::Top, _) => 0,
                (Move::Bottom, _) => text.len(),
                (Move::ParagraphUp, _) => words::paragraph_up(text, at),
                (Move::ParagraphDown, _) => words::paragraph_down(text, at),
                (Move::Up(_) | Move::Down(_), _) => at,
            }
        };
        let anchor = select.then(|| caret.anchor.unwrap_or(at));
        self.history.rest();
        self.set_caret(Caret { at: place, anchor });
    }

    fn letter(&mut self, c: char) -> Took {
        if self.text.len() >= LONGEST {
            return Took::default();
        }
        self.goal = None;
        let typed = Some(c);
        let caret = self.full_caret();
        if !text::is_safe(c) {
            let written = prepared::editable(c.encode_utf8(&mut [0; 4]));
            let range = caret.selection().unwrap_or(caret.at..caret.at);
            let changed = self.step(Change::replace(range, written), Kind::Whole);
            return Took {
                changed,
                ..Took::default()
            };
        }
        let closers: Vec<usize> = self.closed.iter().map(|(_, close)| *close).collect();
        if !self.in_long_string(caret.at)
            && let Some(change) = pairs::typed(&self.text, caret, c, &closers)
        {
            let closes = change.edits.len() == 1;
            let at = caret.at;
            let steps_over = change.edits.is_empty();
            let changed = self.step(change, Kind::Whole);
            if closes {
                self.closed.push((at, at + 1));
            }
            return Took {
                changed: changed || steps_over,
                typed,
                wish: None,
            };
        }
        if caret.selection().is_none()
            && let Some(change) = lines::lead(&self.text, caret.at, c)
        {
            let changed = self.step(change, Kind::Whole);
            return Took {
                changed,
                typed,
                wish: None,
            };
        }
        let (range, kind) = match caret.selection() {
            Some(range) => (range, Kind::Whole),
            None => (caret.at..caret.at, Kind::Typing),
        };
        let changed = self.step(Change::replace(range, c), kind);
        Took {
            changed,
            typed,
            wish: None,
        }
    }

    /// Whether a place is in a string that goes over lines.
    fn in_long_string(&self, at: usize) -> bool {
        let from = self.paints.partition_point(|paint| paint.range.end <= at);
        self.paints.get(from).is_some_and(|paint| {
            paint.role == Role::KqlString
                && paint.range.start < at
                && self.text[paint.range.clone()].contains('\n')
        })
    }

    fn backspace(&mut self, word: bool) -> bool {
        self.goal = None;
        let caret = self.full_caret();
        let at = caret.at;
        if let Some(range) = caret.selection() {
            return self.step(Change::replace(range, ""), Kind::Whole);
        }
        if at == 0 {
            return false;
        }
        let start = words::line_start(&self.text, at);
        if word {
            let from = words::previous_word(&self.text, at);
            let from = if at == start { at - 1 } else { from.max(start) };
            return self.step(Change::replace(from..at, ""), Kind::Whole);
        }
        if let Some(both) = pairs::both(&self.text, at) {
            return self.step(Change::replace(both, ""), Kind::Whole);
        }
        let before = &self.text[start..at];
        let from = if !before.is_empty() && before.chars().all(|c| c == ' ') {
            // in the indent, a step back
            at - ((before.len() - 1) % lines::STEP + 1)
        } else {
            words::left(&self.text, at)
        };
        self.step(Change::replace(from..at, ""), Kind::Erasing)
    }

    fn delete(&mut self, word: bool) -> bool {
        self.goal = None;
        let caret = self.full_caret();
        let (range, kind) = match caret.selection() {
            Some(range) => (range, Kind::Whole),
            None if word => (caret.at..words::word_end(&self.text, caret.at), Kind::Whole),
            None => (caret.at..words::right(&self.text, caret.at), Kind::Erasing),
        };
        !range.is_empty() && self.step(Change::replace(range, ""), kind)
    }

    /// What tab means in a plain text: lines that are selected go right, else spaces to the next step.
    pub fn tab(&mut self) -> bool {
        if self
            .selection()
            .is_some_and(|it| self.text[it].contains('\n'))
        {
            return self.indent();
        }
        let caret = self.full_caret();
        let range = caret.selection().unwrap_or(caret.at..caret.at);
        let column = words::column(&self.text, range.start);
        let spaces = " ".repeat(lines::STEP - column % lines::STEP);
        self.step(Change::replace(range, spaces), Kind::Whole)
    }

    /// Moves the lines that are selected, or the caret's, a step to the right.
    pub fn indent(&mut self) -> bool {
        let change = lines::indent(&self.text, self.over());
        self.apply(change)
    }

    /// Moves them a step back.
    pub fn dedent(&mut self) -> bool {
        let change = lines::dedent(&self.text, self.over());
        change.is_some_and(|change| self.apply(change))
    }

    /// Puts them into comments, or takes the comments away.
    pub fn comment(&mut self) -> bool {
        let change = lines::comment(&self.text, self.over());
        change.is_some_and(|change| self.apply(change))
    }

    /// Writes what is selected a second time, else the caret's line.
    pub fn double(&mut self) -> bool {
        let change = lines::double(&self.text, self.over());
        self.apply(change)
    }

    /// Moves the lines that are selected, or the caret's, past the one above or below.
    pub fn shift_lines(&mut self, up: bool) -> bool {
        let change = lines::shift(&self.text, self.over(), up);
        change.is_some_and(|change| self.apply(change))
    }

    /// Goes to the bracket that belongs to the one at the caret.
    pub fn go_to_match(&mut self) -> bool {
        let Some((_, other)) = self.brackets() else {
            return false;
        };
        self.go_to(other);
        true
    }

    /// The bracket at the caret and the one that belongs to it, strings and comments passed over.
    pub fn brackets(&self) -> Option<(usize, usize)> {
        let skip = |at: usize| matches!(self.role_at(at), Some(Role::KqlString | Role::KqlComment));
        pairs::matching(&self.text, self.caret(), skip)
    }

    /// A bracket was opened and closed by what was written: the closing one may be typed over.
    pub fn closes(&mut self, open: usize, close: usize) {
        self.closed.push((open, close));
    }

    /// Moves the caret a page, or half of one.
    pub fn page(&mut self, half: bool, down: bool) {
        let lines = usize::from(self.height.get().max(2)) - 1;
        let lines = if half { (lines / 2).max(1) } else { lines };
        self.go(
            if down {
                Move::Down(lines)
            } else {
                Move::Up(lines)
            },
            false,
        );
        self.rest_on_letter();
    }

    /// Takes a selection away; says whether there was one.
    pub fn unselect(&mut self) -> bool {
        let any = self.area.borrow().is_selecting() && self.selection().is_some();
        self.area.get_mut().cancel_selection();
        any
    }

    /// Ends what vim's keys have under way; false where nothing is.
    pub fn escape(&mut self) -> bool {
        let at = self.caret();
        let Some(vim) = self.vim.as_mut().filter(|vim| vim.escapes()) else {
            return false;
        };
        let to = vim.escape(&self.text, at);
        self.history.end();
        self.set_caret(Caret::at(to));
        true
    }

    /// In vim's normal mode the caret is on a letter.
    pub(super) fn rest_on_letter(&mut self) {
        if self.vim_mode() == Some(Mode::Normal) {
            let at = self.caret();
            let start = words::line_start(&self.text, at);
            if at > start && at == words::line_end(&self.text, at) {
                self.set_caret(Caret::at(words::left(&self.text, at)));
            }
        }
    }

    fn vim_key(&mut self, chord: Chord) -> Took {
        let at = self.caret();
        let acts = self
            .vim
            .as_mut()
            .and_then(|vim| vim.key(&self.text, at, chord));
        let Some(acts) = acts else {
            // moving works in every mode
            if let Some(to) = self.motion(chord) {
                self.go(to, false);
                self.rest_on_letter();
            }
            return Took::default();
        };
        self.history.rest();
        let mut took = Took::default();
        for act in acts {
            match act {
                Act::Insert => self.history.begin(),
                Act::Change(change) => {
                    let at = change.caret.at;
                    took.changed |= self.step(change, Kind::Whole);
                    if let Some(vim) = &mut self.vim {
                        vim.inserts_from(at);
                    }
                }
                Act::Go(to) => {
                    self.set_caret(Caret::at(to));
                    if let Some(vim) = &mut self.vim {
                        vim.inserts_from(to);
                    }
                }
                Act::Undo { redo } => took.changed |= self.undo(redo),
                Act::Again(keys, inserted) => {
                    took.changed |= self.again(&keys, inserted.as_deref());
                }
                Act::Wish(wish) => took.wish = Some(wish),
            }
        }
        took
    }

    /// Does the keys of a command again, and writes what was inserted then.
    fn again(&mut self, keys: &[Chord], inserted: Option<&str>) -> bool {
        let replaying = |editor: &mut Self, on: bool| {
            if let Some(vim) = &mut editor.vim {
                vim.replaying = on;
            }
        };
        replaying(self, true);
        self.history.begin();
        let mut changed = false;
        for key in keys {
            changed |= self.vim_key(*key).changed;
        }
        if let Some(inserted) = inserted {
            let at = self.caret();
            changed |= self.step(Change::replace(at..at, inserted), Kind::Whole);
            self.escape();
        }
        self.history.end();
        replaying(self, false);
        changed
    }
}
