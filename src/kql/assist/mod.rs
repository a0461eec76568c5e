//! Help at a place of a query: what a name is, what a call wants, where a name comes from, and
//! everywhere it goes when it is renamed.

use std::ops::Range;

use super::diagnostics::Edit;
use super::{Analysis, Schema, Span};

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

/// What is known of the thing at byte `at`.
pub fn hover(text: &str, analysis: &Analysis, schema: &Schema, at: u32) -> Option<Hover> {
    let _ = (text, analysis, schema, at);
    None
}

/// The call around byte `caret`, with the parameter being written.
pub fn signature_help(text: &str, caret: u32, schema: &Schema) -> Option<SignatureHelp> {
    let _ = (text, caret, schema);
    None
}

/// Where the name at byte `at` was defined in the query (a `let`, a parameter, an `as`, an `extend`).
pub fn definition(text: &str, analysis: &Analysis, at: u32) -> Option<Span> {
    let _ = (text, analysis, at);
    None
}

/// The name at byte `at` everywhere it stands, its definition included, by place.
pub fn occurrences(text: &str, analysis: &Analysis, at: u32) -> Vec<Span> {
    let _ = (text, analysis, at);
    Vec::new()
}

/// The edits that give the name at byte `at`, which the query defines, another name everywhere. The text
/// they make is analysed once, to be sure that it means the same.
///
/// # Errors
/// Where the query does not define it, the new name is none, or it is taken.
pub fn rename(
    text: &str,
    analysis: &Analysis,
    schema: &Schema,
    at: u32,
    to: &str,
) -> Result<Vec<Edit>, RenameRefused> {
    let _ = (text, analysis, schema, at, to);
    Err(RenameRefused(
        "this name is not defined in the query".into(),
    ))
}
