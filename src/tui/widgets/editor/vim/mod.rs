//! vim's keys: normal, insert and visual modes over the editor's own changes.
//!
//! A state machine without side effects: a key and the text in, what shall be done out. Insert mode is
//! the editor as it is. What needs more than the text (finding, help, going elsewhere) comes out as a
//! [`Wish`].

mod motions;
mod operators;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crossterm::event::{KeyCode, KeyModifiers};

use self::motions::{Motion, Reach};
use super::change::{Caret, Change};
use super::{lines, words};
use crate::tui::keys::Chord;

/// A mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Keys are commands.
    #[default]
    Normal,
    /// Keys are text.
    Insert,
    /// Keys are commands on what is selected.
    Visual,
    /// The same on whole lines.
    Lines,
}

impl Mode {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Insert => "INSERT",
            Self::Visual => "VISUAL",
            Self::Lines => "V-LINE",
        }
    }
}

/// What a key asks for beyond the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Look for something.
    Find,
    /// Go to the next match, or the one before.
    FindNext {
        /// The one before.
        back: bool,
    },
    /// Look for the word at the caret.
    FindWord {
        /// Go to the one before.
        back: bool,
    },
    /// Say what stands at the caret.
    Hover,
    /// Go where the name at the caret comes from.
    Definition,
    /// Give the name at the caret another.
    Rename,
    /// Go to the next finding, or the one before.
    Problem {
        /// The one before.
        back: bool,
    },
    /// Lay the query out.
    Format,
    /// Choose a command by name.
    Palette,
    /// The next tab.
    NextTab,
}

/// What shall be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Change the text.
    Change(Change),
    /// Move the caret.
    Go(usize),
    /// Take a step back, or do it again.
    Undo {
        /// Again.
        redo: bool,
    },
    /// Begin to insert; what follows up to the end of it is one step.
    Insert,
    /// Do these keys again, then write this.
    Again(Vec<Chord>, Option<String>),
    /// Ask for something.
    Wish(Wish),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pending {
    #[default]
    None,
    /// `g`
    G,
    /// `f`, `F`, `t`, `T`
    Find(char),
    /// `r`
    Replace,
    /// `i` or `a` of a text object
    Object(char),
    /// `[` or `]`
    Bracket(char),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Delete,
    Change,
    Yank,
    Right,
    Left,
    Comment,
    Format,
}

#[derive(Clone, Debug, Default)]
struct Register {
    text: String,
    lines: bool,
}

/// The machine.
#[derive(Clone, Debug, Default)]
pub struct Vim {
    mode: Mode,
    /// Where a visual selection began.
    start: usize,
    count: Option<usize>,
    operator: Option<(Operator, Option<usize>)>,
    pending: Pending,
    /// The last `f`, `F`, `t` or `T` with its letter.
    found: Option<(char, char)>,
    register: Register,
    /// The column that moving up and down keeps to.
    goal: Option<usize>,
    /// The keys of the command being given.
    keys: Vec<Chord>,
    /// The keys of the last change, and what was then inserted.
    last: Option<(Vec<Chord>, Option<String>)>,
    /// Where inserting began.
    inserting: Option<usize>,
    /// Keys are being done again: they are not kept a second time.
    pub(super) replaying: bool,
}

impl Vim {
    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What has been pressed of a command not yet complete: `2d`.
    pub fn pressed(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect()
    }

    /// What is selected in a visual mode: with the character under the caret, or whole lines.
    pub fn selected(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let (from, to) = (self.start.min(at), self.start.max(at));
        let to = to.min(text.len());
        match self.mode {
            Mode::Visual => Some(from..words::right(text, to)),
            Mode::Lines => Some(words::line_start(text, from)..words::line_end(text, to)),
            _ => None,
        }
    }

    /// Whether something is under way that escape ends before it means anything else.
    pub fn escapes(&self) -> bool {
        self.mode != Mode::Normal || self.is_waiting()
    }

    fn is_waiting(&self) -> bool {
        self.operator.is_some() || self.pending != Pending::None || self.count.is_some()
    }

    /// Back to normal mode; where the caret goes.
    pub fn escape(&mut self, text: &str, at: usize) -> usize {
        let to = if self.mode == Mode::Insert {
            let written = self.inserting.take().and_then(|from| text.get(from..at));
            if let (Some((_, inserted)), Some(written), false) =
                (&mut self.last, written, self.replaying)
                && inserted.is_some()
            {
                *inserted = Some(written.to_owned());
            }
            words::left(text, at).max(words::line_start(text, at))
        } else {
            at
        };
        self.mode = Mode::Normal;
        self.forget();
        self.keys.clear();
        on_letter(text, to)
    }

    /// Something else changed the text or selected in it: a visual mode is over.
    pub fn disturbed(&mut self) {
        if matches!(self.mode, Mode::Visual | Mode::Lines) {
            self.mode = Mode::Normal;
        }
        self.forget();
        self.keys.clear();
    }

    fn forget(&mut self) {
        self.count = None;
        self.operator = None;
        self.pending = Pending::None;
    }

    /// What a key does; none where it is the editor's own.
    pub fn key(&mut self, text: &str, at: usize, chord: Chord) -> Option<Vec<Act>> {
        if self.mode == Mode::Insert {
            return None;
        }
        let c = letter(chord)?;
        if self.keys.len() < 16 {
            self.keys.push(chord);
        }
        let acts = self.letter(text, at, c);
        if !self.is_waiting() {
            let keys = std::mem::take(&mut self.keys);
            let changes = acts
                .iter()
                .any(|act| matches!(act, Act::Change(_) | Act::Insert));
            let inserts = acts.contains(&Act::Insert);
            let visual = matches!(self.mode, Mode::Visual | Mode::Lines);
            if changes && !visual && !self.replaying && c != 'v' && c != 'V' {
                self.last = Some((keys, inserts.then(String::new)));
            }
        }
        if !matches!(c, 'j' | 'k') {
            self.goal = None;
        }
        Some(acts)
    }

    fn letter(&mut self, text: &str, at: usize, c: char) -> Vec<Act> {
        let visual = matches!(self.mode, Mode::Visual | Mode::Lines);
        match std::mem::take(&mut self.pending) {
            Pending::None => {}
            Pending::G => return self.after_g(text, at, c),
            Pending::Find(kind) => {
                self.found = Some((kind, c));
                let motion = motions::find(text, at, kind, c, self.times(), false);
                return self.move_by(text, at, motion);
            }
            Pending::Replace => return self.replace_letter(text, at, c),
            Pending::Object(kind) => return self.object(text, at, kind, c),
            Pending::Bracket(kind) => {
                self.forget();
                return if c == 'd' {
                    vec![Act::Wish(Wish::Problem { back: kind == '[' })]
                } else {
                    Vec::new()
                };
            }
        }
        if c.is_ascii_digit() && (c != '0' || self.count.is_some()) {
            let digit = c as usize - '0' as usize;
            self.count = Some((self.count.unwrap_or(0) * 10 + digit).min(9_999));
            return Vec::new();
        }
        match c {
            'g' => self.pending = Pending::G,
            'f' | 'F' | 't' | 'T' => self.pending = Pending::Find(c),
            'i' | 'a' if visual || self.operator.is_some() => self.pending = Pending::Object(c),
            'r' if self.operator.is_none() => self.pending = Pending::Replace,
            '[' | ']' if self.operator.is_none() => self.pending = Pending::Bracket(c),
            'd' => return self.operate(text, at, Operator::Delete),
            'c' => return self.operate(text, at, Operator::Change),
            'y' => return self.operate(text, at, Operator::Yank),
            '>' => return self.operate(text, at, Operator::Right),
            '<' => return self.operate(text, at, Operator::Left),
            '=' => return self.operate(text, at, Operator::Format),
            ';' | ',' => {
                let motion = self.found.and_then(|(kind, letter)| {
                    let kind = if c == ',' { other_way(kind) } else { kind };
                    motions::find(text, at, kind, letter, self.times(), true)
                });
                return self.move_by(text, at, motion);
            }
            _ => {
                let motion = self.motion(text, at, c);
                if motion.is_some() {
                    return self.move_by(text, at, motion);
                }
                return self.command(text, at, c, visual);
            }
        }
        Vec::new()
    }

    fn times(&self) -> usize {
        let outer = self.operator.and_then(|(_, count)| count).unwrap_or(1);
        outer * self.count.unwrap_or(1)
    }

    fn motion(&mut self, text: &str, at: usize, c: char) -> Option<Motion> {
        let count = self.count.or(self.operator.and_then(|(_, count)| count));
        if matches!(c, 'j' | 'k') {
            let goal = *self.goal.get_or_insert_with(|| words::column(text, at));
            return motions::vertical(text, at, self.times(), c == 'j', goal);
        }
        let operator = self.operator.map(|(operator, _)| operator);
        motions::letter(text, at, c, count, operator)
    }

    /// Moves, selects or operates, as the state says.
    fn move_by(&mut self, text: &str, at: usize, motion: Option<Motion>) -> Vec<Act> {
        let Some(motion) = motion else {
            self.forget();
            return Vec::new();
        };
        if let Some((operator, _)) = self.operator {
            self.forget();
            let (range, lines) = motions::covered(text, at, motion);
            return self.over(text, at, operator, range, lines);
        }
        self.count = None;
        let to = if self.mode == Mode::Normal || motion.reach != Reach::Lines {
            on_letter(text, motion.to)
        } else {
            motion.to
        };
        vec![Act::Go(to)]
    }

    fn after_g(&mut self, text: &str, at: usize, c: char) -> Vec<Act> {
        match c {
            'g' => {
                let line = self.count.unwrap_or(1);
                let motion = motions::to_line(text, line);
                return self.move_by(text, at, Some(motion));
            }
            'c' => return self.operate(text, at, Operator::Comment),
            'd' if self.operator.is_none() => {
                self.forget();
                return vec![Act::Wish(Wish::Definition)];
            }
            'r' if self.operator.is_none() => {
                self.forget();
                return vec![Act::Wish(Wish::Rename)];
            }
            't' if self.operator.is_none() => {
                self.forget();
                return vec![Act::Wish(Wish::NextTab)];
            }
            _ => self.forget(),
        }
        Vec::new()
    }

    /// An operator's key: waits for a motion; twice, it means the line; in a visual mode, what is selected.
    fn operate(&mut self, text: &str, at: usize, operator: Operator) -> Vec<Act> {
        if let Some(range) = self.selected(text, at) {
            let lines = self.mode == Mode::Lines;
            self.mode = Mode::Normal;
            self.forget();
            return self.over(text, range.start, operator, range, lines);
        }
        // `gc` is doubled by its last letter
        let again = |waiting| {
            waiting == operator || (waiting, operator) == (Operator::Comment, Operator::Change)
        };
        match self.operator {
            Some((operator, _)) if again(operator) => {
                let times = self.times();
                self.forget();
                let last = words::vertical(text, at, times as isize - 1, 0);
                let end = words::line_end(text, last.unwrap_or(text.len()));
                let range = words::line_start(text, at)..end;
                self.over(text, at, operator, range, true)
            }
            Some(_) => {
                self.forget();
                Vec::new()
            }
            None => {
                self.operator = Some((operator, self.count.take()));
                Vec::new()
            }
        }
    }

    fn object(&mut self, text: &str, at: usize, kind: char, c: char) -> Vec<Act> {
        let Some(range) = motions::object(text, at, kind, c) else {
            self.forget();
            return Vec::new();
        };
        if let Some((operator, _)) = self.operator {
            self.forget();
            return self.over(text, at, operator, range, c == 'p');
        }
        self.start = range.start;
        self.mode = if c == 'p' { Mode::Lines } else { Mode::Visual };
        vec![Act::Go(words::left(text, range.end).max(range.start))]
    }

    fn begin_insert(&mut self, at: usize) -> Act {
        self.mode = Mode::Insert;
        self.inserting = Some(at);
        self.forget();
        Act::Insert
    }

    /// Ends a change made in insert mode: the caret there is where the insertion begins.
    pub(super) fn inserts_from(&mut self, at: usize) {
        if self.mode == Mode::Insert {
            self.inserting = Some(at);
        }
    }
}

/// The letter a key stands for in normal mode: arrows and the like have one too.
fn letter(chord: Chord) -> Option<char> {
    if !chord.modifiers.difference(KeyModifiers::SHIFT).is_empty() {
        return None;
    }
    Some(match chord.code {
        KeyCode::Char(c) => c,
        KeyCode::Left | KeyCode::Backspace => 'h',
        KeyCode::Right => 'l',
        KeyCode::Up => 'k',
        KeyCode::Down => 'j',
        KeyCode::Home => '0',
        KeyCode::End => '$',
        KeyCode::Delete => 'x',
        KeyCode::Enter => '+',
        _ => return None,
    })
}

fn other_way(kind: char) -> char {
    if kind.is_ascii_lowercase() {
        kind.to_ascii_uppercase()
    } else {
        kind.to_ascii_lowercase()
    }
}

/// In normal mode the caret is on a letter, not behind the last one of a line.
fn on_letter(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    let start = words::line_start(text, at);
    if at > start && at == words::line_end(text, at) {
        words::left(text, at)
    } else {
        at
    }
}

fn caret_over(range: &Range<usize>) -> Caret {
    Caret {
        at: range.end,
        anchor: Some(range.start),
    }
}

/// The lines of a range with one line break, as they are taken away.
fn whole_lines(text: &str, range: &Range<usize>) -> Range<usize> {
    let lines = lines::touched(text, caret_over(range));
    let lines = lines.start.min(range.start)..lines.end.max(range.end);
    if lines.end < text.len() {
        lines.start..lines.end + 1
    } else {
        lines.start.saturating_sub(1)..lines.end
    }
}
