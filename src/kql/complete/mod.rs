//! Completion: what can be written at a place, best first.
//!
//! Must not know how a list is shown or filtered while typing goes on.

use std::borrow::Cow;

use super::{Schema, Span, Type};

/// What an offered word is. The names are those of the official language service where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ItemKind {
    Column,
    Table,
    Variable,
    Parameter,
    Function,
    Aggregate,
    PlugIn,
    Operator,
    ScalarOperator,
    Keyword,
    /// a value of an operator's parameter, a member of a closed list
    Value,
    Type,
    /// a whole phrase ready to be filled in
    Snippet,
}

/// One thing that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// As it is shown and filtered by: `ago(timespan)`, `DeviceName`. Its name is the text before the first `(`.
    pub label: Cow<'a, str>,
    /// What is written in the place of [`Completions::replace`].
    pub insert: Cow<'a, str>,
    /// Where the caret stands afterwards, in bytes of `insert` (between the brackets of a call).
    pub caret: u32,
    /// What it is.
    pub kind: ItemKind,
    /// The type of a column, variable or function's result, where it is known.
    pub ty: Option<Type>,
}

/// What can be written at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions<'a> {
    /// What an accepted item replaces: the word at the caret, whole.
    pub replace: Span,
    /// Everything that fits the place, best first; what was typed of the word is not applied.
    pub items: Vec<Item<'a>>,
}

/// What can be written at `caret` (in bytes) of `text`. Nothing inside comments and strings.
pub fn complete<'a>(text: &str, caret: u32, schema: &'a Schema) -> Completions<'a> {
    let _ = (text, schema);
    Completions {
        replace: Span {
            start: caret,
            end: caret,
        },
        items: Vec::new(),
    }
}
