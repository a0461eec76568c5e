//! Hunting lints: what runs, but slowly, wrongly or not for long. Each has a reason and, where it
//! can be done safely, a repair.
//!
//! Lints are warnings ([`Severity::Warning`](super::diagnostics::Severity)) with codes of our own
//! (`NJ001`…), apart from what the language service says.

use super::{Analysis, Diagnostic, Schema};

/// A lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `NJ001`.
    pub code: &'static str,
    /// Its name, as it is written to silence it: `no-time-filter`.
    pub name: &'static str,
    /// Why it matters, in a sentence or two.
    pub reason: &'static str,
}

/// All lints, by code.
pub fn rules() -> &'static [Rule] {
    &[]
}

/// What the lints say of a query, by place. Silent on queries that do not parse.
pub fn lint(text: &str, analysis: &Analysis, schema: &Schema) -> Vec<Diagnostic> {
    let _ = (text, analysis, schema);
    Vec::new()
}
