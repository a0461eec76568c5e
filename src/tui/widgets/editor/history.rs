//! What was done to a text, to be taken back and done again.
//!
//! Letters typed one after another are one step up to the end of their word; everything else is a step
//! of its own, whatever it replaced.

use std::collections::VecDeque;

use super::change::Caret;

/// Steps kept.
const MOST: usize = 1_000;
/// Bytes of text kept in them.
const MOST_BYTES: usize = 16 << 20;

/// What kind of key made a step: those of one kind may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A letter was typed.
    Typing,
    /// A letter was taken away.
    Erasing,
    /// Anything else.
    Whole,
}

/// A step: at this place, this was replaced by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Byte offset.
    pub at: usize,
    /// What stood there before.
    pub removed: String,
    /// What stands there after.
    pub inserted: String,
    /// The caret before.
    pub before: Caret,
    /// The caret after.
    pub after: Caret,
    /// By what kind of key.
    pub kind: Kind,
    /// Steps of one group are taken back together; 0 is none.
    pub group: u64,
}

/// The steps of a text.
#[derive(Debug, Default)]
pub struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    bytes: usize,
    /// The next step may not join the last one.
    broken: bool,
    /// The group that steps belong to now, and the last one there was.
    group: u64,
    groups: u64,
}

impl History {
    /// What follows is taken back together, up to [`History::end`].
    pub fn begin(&mut self) {
        if self.group == 0 {
            self.groups += 1;
            self.group = self.groups;
        }
    }

    /// Ends a group.
    pub fn end(&mut self) {
        self.group = 0;
        self.broken = true;
    }

    /// Keeps a step; what had been taken back is forgotten.
    pub fn push(&mut self, mut step: Step) {
        step.group = self.group;
        self.undone.clear();
        self.bytes += step.removed.len() + step.inserted.len();
        let broken = std::mem::replace(&mut self.broken, false);
        match self.done.back_mut() {
            Some(last) if !broken && joins(last, &step) => join(last, step),
            _ => self.done.push_back(step),
        }
        while self.done.len() > MOST || (self.bytes > MOST_BYTES && self.done.len() > 1) {
            if let Some(oldest) = self.done.pop_front() {
                self.bytes -= oldest.removed.len() + oldest.inserted.len();
            }
        }
    }

    /// Ends a run of typing: the caret was moved.
    pub fn rest(&mut self) {
        self.broken = true;
    }

    /// The step to take back now, and whether another of its group comes before it.
    pub fn undo(&mut self) -> Option<(Step, bool)> {
        let step = self.done.pop_back()?;
        self.broken = true;
        self.undone.push(step.clone());
        let more = step.group != 0 && self.done.back().is_some_and(|it| it.group == step.group);
        Some((step, more))
    }

    /// The step to do again now, and whether another of its group follows.
    pub fn redo(&mut self) -> Option<(Step, bool)> {
        let step = self.undone.pop()?;
        self.broken = true;
        self.done.push_back(step.clone());
        let more = step.group != 0 && self.undone.last().is_some_and(|it| it.group == step.group);
        Some((step, more))
    }
}

fn joins(last: &Step, next: &Step) -> bool {
    if last.kind != next.kind || last.group != next.group || last.after != next.before {
        return false;
    }
    match next.kind {
        Kind::Typing => {
            let new_word = next.inserted.chars().all(char::is_whitespace)
                && !last.inserted.ends_with(char::is_whitespace);
            next.removed.is_empty()
                && next.at == last.at + last.inserted.len()
                && !next.inserted.contains('\n')
                && !last.inserted.contains('\n')
                && !new_word
        }
        Kind::Erasing => {
            next.inserted.is_empty()
                && last.inserted.is_empty()
                && (next.at + next.removed.len() == last.at || next.at == last.at)
                && !next.removed.contains('\n')
        }
        Kind::Whole => false,
    }
}

fn join(last: &mut Step, next: Step) {
    if next.kind == Kind::Typing {
        last.inserted.push_str(&next.inserted);
    } else if next.at == last.at {
        last.removed.push_str(&next.removed);
    } else {
        last.removed.insert_str(0, &next.removed);
        last.at = next.at;
    }
    last.after = next.after;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(history: &mut History, at: usize, text: &str) {
        history.push(Step {
            at,
            removed: String::new(),
            inserted: text.to_owned(),
            before: Caret::at(at),
            after: Caret::at(at + text.len()),
            kind: Kind::Typing,
            group: 0,
        });
    }

    #[test]
    fn a_word_is_a_step_and_moving_ends_it() {
        let mut history = History::default();
        for (at, letter) in "ab cd".char_indices() {
            typed(&mut history, at, &letter.to_string());
        }
        history.rest();
        typed(&mut history, 5, "e");
        let mut steps = Vec::new();
        while let Some((step, _)) = history.undo() {
            steps.push(step.inserted);
        }
        assert_eq!(steps, ["e", " cd", "ab"]);
        assert_eq!(
            history.redo().map(|(step, _)| step.inserted),
            Some("ab".into())
        );
        typed(&mut history, 2, "x");
        assert_eq!(history.redo(), None, "a new step forgets what was undone");
    }

    #[test]
    fn erasing_joins_in_both_directions() {
        let mut history = History::default();
        for (at, removed, before) in [(3, "d", 4), (2, "c", 3), (2, "e", 2)] {
            history.push(Step {
                at,
                removed: removed.to_owned(),
                inserted: String::new(),
                before: Caret::at(before),
                after: Caret::at(at),
                kind: Kind::Erasing,
                group: 0,
            });
        }
        let (step, _) = history.undo().expect("a step");
        assert_eq!((step.at, step.removed.as_str()), (2, "cde"));
        assert_eq!(history.undo(), None);
    }
}
