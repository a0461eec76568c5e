//! The message log: what was said, kept until cleared or crowded out.

use std::collections::VecDeque;

use jiff::Timestamp;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For information.
    Info,
    /// Something to know.
    Warning,
    /// Something failed.
    Error,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its number; grows.
    pub id: u64,
    /// When it was said first.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// What it says; may hold hostile text.
    pub text: String,
    /// How often it was said in a row.
    pub times: u32,
}

/// The newest messages, newest first.
#[derive(Debug, Default)]
pub struct Notices {
    notes: VecDeque<Note>,
    next: u64,
}

const KEPT: usize = 500;

impl Notices {
    /// Adds a message; said again in a row, it is counted.
    pub fn push(&mut self, level: Level, text: String, at: Timestamp) {
        if let Some(newest) = self.notes.front_mut()
            && newest.text == text
        {
            newest.times += 1;
            newest.at = at;
            return;
        }
        self.next += 1;
        self.notes.push_front(Note {
            id: self.next,
            at,
            level,
            text,
            times: 1,
        });
        self.notes.truncate(KEPT);
    }

    /// The message at a row, newest first.
    pub fn get(&self, row: usize) -> Option<&Note> {
        self.notes.get(row)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// All, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter()
    }

    /// Empties the log.
    pub fn clear(&mut self) {
        self.notes.clear();
    }
}
