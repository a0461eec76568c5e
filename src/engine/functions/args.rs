//! Arguments of a scalar function, read leniently.

use std::borrow::Cow;
use std::sync::Arc;

use regex::Regex;
use rusqlite::functions::Context;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value as Json;

use super::refuse;
use crate::engine::dynamic;
use crate::engine::terms::Needle;

/// The arguments of one call.
pub struct Args<'a, 'c>(&'a Context<'c>);

impl<'a, 'c> Args<'a, 'c> {
    /// Wraps a call.
    pub fn new(context: &'a Context<'c>) -> Self {
        Self(context)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The cell itself; NULL past the end.
    pub fn cell(&self, i: usize) -> ValueRef<'_> {
        if i < self.0.len() {
            self.0.get_raw(i)
        } else {
            ValueRef::Null
        }
    }

    /// Whether it is NULL (or not there).
    pub fn is_null(&self, i: usize) -> bool {
        matches!(self.cell(i), ValueRef::Null)
    }

    /// As text; NULL is the empty text.
    pub fn text(&self, i: usize) -> Cow<'_, str> {
        match self.cell(i) {
            ValueRef::Text(t) | ValueRef::Blob(t) => String::from_utf8_lossy(t),
            ValueRef::Null => Cow::Borrowed(""),
            ValueRef::Integer(i) => Cow::Owned(i.to_string()),
            ValueRef::Real(r) => Cow::Owned(crate::engine::value::real_text(r)),
        }
    }

    /// The bytes of a text, not checked; `None` for what is no text.
    pub fn bytes(&self, i: usize) -> Option<&[u8]> {
        match self.cell(i) {
            ValueRef::Text(t) | ValueRef::Blob(t) => Some(t),
            ValueRef::Null => Some(b""),
            _ => None,
        }
    }

    /// As an integer; a real number is cut.
    pub fn int(&self, i: usize) -> Option<i64> {
        match self.cell(i) {
            ValueRef::Integer(i) => Some(i),
            ValueRef::Real(r) => dynamic::real_to_long(r),
            _ => None,
        }
    }

    /// As a real number (`NaN` is stored as text).
    pub fn real(&self, i: usize) -> Option<f64> {
        match self.cell(i) {
            ValueRef::Integer(i) => Some(i as f64),
            ValueRef::Real(r) => Some(r),
            ValueRef::Text(b"NaN") => Some(f64::NAN),
            _ => None,
        }
    }

    /// As a truth value.
    pub fn bool(&self, i: usize) -> Option<bool> {
        self.int(i).map(|i| i != 0)
    }

    /// As a dynamic value; NULL is `null`.
    pub fn json(&self, i: usize) -> Json {
        match self.cell(i) {
            ValueRef::Text(t) => dynamic::parse_lenient(&String::from_utf8_lossy(t)),
            ValueRef::Integer(i) => Json::from(i),
            ValueRef::Real(r) => dynamic::real(r),
            _ => Json::Null,
        }
    }

    /// Something made from argument `i`, made once where the argument is a constant of the query.
    pub fn cached<T: Send + Sync + 'static>(
        &self,
        i: usize,
        make: impl FnOnce(&str) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Arc<T>> {
        self.0.get_or_create_aux(i as i32, |cell| match cell {
            ValueRef::Text(t) | ValueRef::Blob(t) => make(&String::from_utf8_lossy(t)),
            ValueRef::Integer(i) => make(&i.to_string()),
            _ => make(""),
        })
    }

    /// A regular expression in argument `i`.
    pub fn regex(&self, i: usize) -> rusqlite::Result<Arc<Regex>> {
        self.cached(i, compile)
    }

    /// A text to search for in argument `i`.
    pub fn needle(&self, i: usize, ignore_case: bool) -> rusqlite::Result<Arc<Needle>> {
        self.cached(i, |t| Ok(Needle::new(t, ignore_case)))
    }
}

/// Compiles a regular expression of the language. What does not read as such is tried once more as RE2
/// has it, in which a bracket within a class is a bracket.
pub fn compile(pattern: &str) -> rusqlite::Result<Regex> {
    Regex::new(pattern).or_else(|error| {
        Regex::new(&plain_classes(pattern))
            .or_else(|_| refuse(format!("regular expression '{pattern}': {error}")))
    })
}

/// A pattern with the brackets within its classes escaped, but for those of `[:alpha:]`.
fn plain_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 4);
    let (mut inside, mut first) = (false, false);
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        let was_first = std::mem::take(&mut first);
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next().map(|(_, next)| next));
                continue;
            }
            '[' if !inside => (inside, first) = (true, true),
            '[' if !pattern[at..].starts_with("[:") => out.push('\\'),
            '[' => {
                // A named class is copied whole.
                if let Some(length) = pattern[at..].find(":]") {
                    out.push_str(&pattern[at..at + length + 2]);
                    while chars.next().is_some_and(|(i, _)| i < at + length + 1) {}
                    continue;
                }
                out.push('\\');
            }
            '^' if was_first => first = true,
            ']' if was_first => out.push('\\'),
            ']' => inside = false,
            '&' | '~' | '-' if inside && pattern[at + 1..].starts_with(c) => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// An optional integer as a cell.
pub fn int_cell(value: Option<i64>) -> Cell {
    value.map_or(Cell::Null, Cell::Integer)
}

/// An optional real number as a cell.
pub fn real_cell(value: Option<f64>) -> Cell {
    value.map_or(Cell::Null, crate::engine::value::real_cell)
}

/// A truth value as a cell.
pub fn bool_cell(value: bool) -> Cell {
    Cell::Integer(i64::from(value))
}

/// Text as a cell.
pub fn text_cell(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

/// A dynamic value as a cell.
pub fn json_cell(value: &Json) -> Cell {
    dynamic::cell(value).map_or(Cell::Null, Cell::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_either_dialect() {
        assert!(compile(r"[a[bc]]+$").expect("nested").is_match("cab"));
        let brackets = compile(r#"[["',\]]"#).expect("brackets within a class");
        assert!(["[", "]", "'"].iter().all(|t| brackets.is_match(t)));
        assert!(!brackets.is_match("a"));
        let named = compile(r"[[[:digit:]x]").expect("a named class beside a bracket");
        assert!(named.is_match("7") && named.is_match("[") && !named.is_match(":"));
        assert!(compile("(").is_err());
    }
}
