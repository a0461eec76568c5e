//! The types of a file's columns, guessed from all that stands in them.

use rusqlite::types::Value as SqlCell;
use serde_json::Value as Json;

use crate::engine::time::{parse_datetime, parse_timespan};
use crate::engine::{Type, Value, to_cell};

const BOOL: u8 = 1;
const LONG: u8 = 2;
const REAL: u8 = 4;
const TIME: u8 = 8;
const SPAN: u8 = 16;
const DYNAMIC: u8 = 32;
const TEXT: u8 = 64;

/// What a column may still be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    fits: u8,
    seen: bool,
    /// A list or an object was there.
    nested: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            fits: u8::MAX,
            seen: false,
            nested: false,
        }
    }
}

impl Guess {
    /// Looks at a cell of a text file; an empty one says nothing.
    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.take(fits(text));
        }
    }

    /// Looks at a value of a JSON file; a null says nothing.
    pub(super) fn json(&mut self, value: &Json) {
        match value {
            Json::Null => {}
            Json::Bool(_) => self.take(BOOL),
            Json::Number(number) if number.is_i64() => self.take(LONG | REAL),
            Json::Number(_) => self.take(REAL),
            // A text of digits is a text.
            Json::String(text) => self.take(fits(text) & TIME | TEXT),
            Json::Array(_) | Json::Object(_) => {
                self.nested = true;
                self.take(DYNAMIC);
            }
        }
    }

    fn take(&mut self, fits: u8) {
        self.fits &= fits;
        self.seen = true;
    }

    /// The narrowest type that takes everything.
    pub(super) fn ty(self) -> Type {
        let order = [
            (BOOL, Type::Bool),
            (LONG, Type::Long),
            (REAL, Type::Real),
            (TIME, Type::DateTime),
            (SPAN, Type::TimeSpan),
            (DYNAMIC, Type::Dynamic),
        ];
        let found = order.iter().find(|(bit, _)| self.fits & bit != 0);
        match found {
            Some((_, ty)) if self.seen => *ty,
            _ if self.nested => Type::Dynamic,
            _ => Type::String,
        }
    }
}

/// What a text may be.
fn fits(text: &str) -> u8 {
    let mut fits = TEXT;
    let first = text.as_bytes()[0];
    match first {
        b't' | b'T' | b'f' | b'F' if as_bool(text).is_some() => fits |= BOOL,
        b'-' | b'0'..=b'9' => {
            if as_long(text).is_some() {
                fits |= LONG;
            }
            if as_real(text).is_some() {
                fits |= REAL;
            }
            if as_time(text).is_some() {
                fits |= TIME;
            }
            if text.matches(':').count() == 2 && parse_timespan(text).is_some() {
                fits |= SPAN;
            }
        }
        b'{' | b'[' if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            fits |= DYNAMIC;
        }
        _ => {}
    }
    fits
}

fn as_bool(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A number with leading zeros is an id.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    !(digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit())
        && digits.first().is_some_and(u8::is_ascii_digit)
}

fn as_long(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| is_number(text))
}

fn as_real(text: &str) -> Option<f64> {
    let known = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    // Digits past what a float holds are an id too.
    let exact = text.bytes().filter(u8::is_ascii_digit).count() <= 17;
    let number: f64 = text
        .parse()
        .ok()
        .filter(|_| known && exact && is_number(text))?;
    number.is_finite().then_some(number)
}

/// A date as programs write it: `2026-08-19`, with or without a time behind it.
fn as_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let dated = bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[..4].iter().all(u8::is_ascii_digit);
    parse_datetime(text).filter(|_| dated)
}

/// The cell of nothing in a column of this type.
pub(super) fn empty(ty: Type) -> SqlCell {
    to_cell(&super::tables::empty(ty))
}

/// A cell of a text file in a column of this type; `None` where it is none.
pub(super) fn of_text(text: &str, ty: Type) -> Option<SqlCell> {
    if text.is_empty() {
        return Some(empty(ty));
    }
    let value = match ty {
        Type::Bool => Value::Bool(as_bool(text).or(match text {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        })?),
        Type::Int => Value::Int(text.trim().parse().ok()?),
        Type::Long => Value::Long(text.trim().parse().ok()?),
        Type::Real => Value::Real(text.trim().parse().ok()?),
        Type::DateTime => Value::DateTime(parse_datetime(text)?),
        Type::TimeSpan => Value::TimeSpan(parse_timespan(text)?),
        Type::Guid => Value::Guid(uuid::Uuid::parse_str(text).ok()?.to_string()),
        Type::Decimal => Value::Decimal(
            text.trim()
                .parse::<f64>()
                .ok()
                .map(|_| text.trim().to_owned())?,
        ),
        Type::Dynamic => match serde_json::from_str::<Json>(text) {
            Ok(json) => Value::Dynamic(json.to_string()),
            Err(_) => Value::Dynamic(Json::from(text).to_string()),
        },
        _ => Value::String(text.to_owned()),
    };
    Some(to_cell(&value))
}

/// A value of a JSON file in a column of this type; `None` where it is none.
pub(super) fn of_json(value: Json, ty: Type) -> Option<SqlCell> {
    let value = match (ty, value) {
        (_, Json::Null) => return Some(empty(ty)),
        (Type::Dynamic, value) => Value::Dynamic(value.to_string()),
        (Type::Bool, Json::Bool(flag)) => Value::Bool(flag),
        (Type::Real, Json::Number(number)) => Value::Real(number.as_f64()?),
        (Type::String, Json::String(text)) => Value::String(text),
        (_, Json::String(text)) => return of_text(&text, ty),
        (_, value) => return of_text(&value.to_string(), ty),
    };
    Some(to_cell(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_type_that_takes_everything() {
        for (texts, ty) in [
            (["1", "-20"], Type::Long),
            (["1", "2.5e3"], Type::Real),
            (["1", "x"], Type::String),
            (["true", "FALSE"], Type::Bool),
            (["true", "1"], Type::String),
            (["2026-08-19", "2026-08-19T01:02:03.5Z"], Type::DateTime),
            (["20260819", "1"], Type::Long),
            (["01:02:03", "1.00:00:00"], Type::TimeSpan),
            (["007", "1"], Type::String),
            (["12345678901234567890123", "1"], Type::String),
            (["[1]", "{}"], Type::Dynamic),
            (["[1", "{}"], Type::String),
            (["", ""], Type::String),
            (["1.2.3.4", "10.0.0.1"], Type::String),
        ] {
            let mut guess = Guess::default();
            for text in texts {
                guess.text(text);
            }
            assert_eq!(guess.ty(), ty, "{texts:?}");
        }
    }

    #[test]
    fn json_keeps_the_types_it_says() {
        for (values, ty) in [
            (vec![Json::from(1), Json::Null], Type::Long),
            (vec![Json::from(1), Json::from(0.5)], Type::Real),
            (vec![Json::from("1"), Json::from("2")], Type::String),
            (vec![Json::from("2026-08-19T00:00:00Z")], Type::DateTime),
            (vec![Json::from(1), Json::from("x")], Type::String),
            (vec![Json::from(1), Json::from(vec![1])], Type::Dynamic),
        ] {
            let mut guess = Guess::default();
            for value in &values {
                guess.json(value);
            }
            assert_eq!(guess.ty(), ty, "{values:?}");
            for value in values {
                assert!(of_json(value.clone(), ty).is_some(), "{value}");
            }
        }
        assert_eq!(of_json(Json::from("soon"), Type::DateTime), None);
        assert_eq!(of_text("maybe", Type::Bool), None);
    }
}
