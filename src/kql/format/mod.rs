//! Formatting: the same tokens and comments, laid out one way.
//!
//! A walk over the tree says where lines may break and what belongs together ([`plan`], [`walk`]), a
//! printer then writes the tokens one after another ([`print`]). Tokens are never made or dropped,
//! so the meaning cannot change; what authors lay out on purpose is kept where it shows a decision:
//! a list or condition they broke stays broken, a sub-query they wrote on one line stays there if it fits.
//!
//! - One operator a line, `| ` first; sub-queries and bodies are indented by a step.
//! - Blank lines between statements stay, one at most; inside a query they go, because editors and the
//!   portal split queries at them.
//! - Comments keep their own line or their place at the end of one.
//! - Line breaks are written as the first one between tokens is (`\r\n` or `\n`); breaks inside string
//!   literals stay as they are. A line break at the end of the text stays.

mod data;
mod operators;
mod plan;
mod print;
mod spacing;
mod walk;

use super::Diagnostic;
use super::lexer::{Token, tokenize};
use super::stack;

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

/// Queries laid out; formatting the result again changes nothing.
///
/// # Errors
/// The first fault of the grammar: a text that is not understood is not touched.
pub fn format(text: &str, style: Style) -> Result<String, Diagnostic> {
    let syntax = super::parse(text);
    if let Some(fault) = syntax.errors.iter().find(|e| e.is_error()) {
        return Err(fault.clone());
    }
    let out = stack::with_room(syntax.depth, || {
        print::print(&walk::plan(text, &syntax), style)
    });
    // A blank can make a keyword of a name (`project-away2` is a subtraction): such a text stays as it is.
    let same = same_tokens(text, &syntax.tokens, &out);
    Ok(if same { out } else { text.to_owned() })
}

/// The promise that matters most, checked every time: a layout that would change a token is not given.
fn same_tokens(text: &str, tokens: &[Token], out: &str) -> bool {
    let (after, _) = tokenize(out);
    after.len() == tokens.len()
        && tokens
            .iter()
            .zip(&after)
            .all(|(a, b)| a.kind == b.kind && a.span.text(text) == b.span.text(out))
}

/// The comments in the trivia before a token, without blanks at their ends.
fn comments(trivia: &str) -> impl Iterator<Item = &str> {
    trivia
        .split(super::lexer::is_line_break)
        .filter_map(|line| line.find("//").map(|at| line[at..].trim_end()))
}

#[cfg(test)]
mod tests;
