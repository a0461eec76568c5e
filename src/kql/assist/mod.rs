//! Help at a place of a query: what a name is, what a call wants, where a name comes from, and
//! everywhere it goes when it is renamed.
//!
//! Sentences about the language and the hunting tables are in `assets/kql/words.txt`; what names of the
//! query are is in the [`super::Symbols`] of its analysis. Nothing here knows of editors or protocols.

mod describe;
mod form;
mod hover;
mod names;
mod rename;
mod signature;
#[cfg(test)]
mod tests;
pub mod words;

use std::ops::Range;

use super::Span;

pub use hover::hover;
pub use names::{OutlineEntry, definition, occurrences, outline};
pub use rename::rename;
pub use signature::signature_help;

/// What is known of the thing at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The thing.
    pub span: Span,
    /// Its declaration as KQL: `(column) DeviceName: string`, `ago(timespan): datetime`.
    pub title: String,
    /// Paragraphs of plain text.
    pub body: Vec<String>,
}

/// One way to call a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `bin(value, roundTo): datetime`.
    pub label: String,
    /// The parameters, as byte ranges of `label`.
    pub parameters: Vec<Range<usize>>,
}

/// The call around a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHelp {
    /// All ways to call it.
    pub signatures: Vec<Signature>,
    /// The one that fits what is written so far.
    pub active: usize,
    /// Which of its parameters the caret is in.
    pub parameter: Option<usize>,
    /// What the function is for, in a sentence; empty where nothing is known.
    pub summary: String,
}

/// Why a name cannot be renamed. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameRefused(pub String);

impl std::fmt::Display for RenameRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RenameRefused {}
