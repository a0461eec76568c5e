//! Values: how each type of the language lies in an SQLite cell, and how it is written as JSON.
//!
//! | type | cell |
//! |---|---|
//! | `bool` | INTEGER 0 or 1 |
//! | `int`, `long` | INTEGER |
//! | `real` | REAL; not-a-number is the TEXT `NaN` (SQLite has none) |
//! | `decimal` | TEXT, plain digits |
//! | `string` | TEXT, never NULL |
//! | `datetime` | INTEGER, 100 ns ticks since 0001-01-01T00:00:00Z |
//! | `timespan` | INTEGER, 100 ns ticks |
//! | `guid` | TEXT, lower case with hyphens |
//! | `dynamic` | TEXT, compact JSON; SQL NULL for null |

use std::fmt::Write as _;

use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value as Json;

use super::time;
use crate::kql::types::{Type, Value};

/// The cell a value is stored in.
pub fn to_cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Integer(i64::from(*b)),
        Value::Int(i) => Cell::Integer(i64::from(*i)),
        Value::Long(i) | Value::DateTime(i) | Value::TimeSpan(i) => Cell::Integer(*i),
        Value::Real(r) => real_cell(*r),
        Value::Decimal(s) | Value::String(s) | Value::Guid(s) => Cell::Text(s.clone()),
        Value::Dynamic(s) if s.trim() == "null" => Cell::Null,
        Value::Dynamic(s) => Cell::Text(s.clone()),
    }
}

/// The cell of a real number.
pub fn real_cell(r: f64) -> Cell {
    if r.is_nan() {
        Cell::Text("NaN".to_owned())
    } else {
        Cell::Real(r)
    }
}

/// Text of a cell; broken UTF-8 is replaced, not refused.
pub fn cell_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A borrowed cell as one of its own; broken UTF-8 is replaced.
pub fn owned(cell: ValueRef<'_>) -> Cell {
    match cell {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(i) => Cell::Integer(i),
        ValueRef::Real(r) => Cell::Real(r),
        ValueRef::Text(t) => Cell::Text(cell_text(t)),
        ValueRef::Blob(b) => Cell::Blob(b.to_vec()),
    }
}

/// Reads a cell as a value of a type. A cell of another storage class than the type's own is read
/// as far as it makes sense (an INTEGER for a `real`) and is null where it makes none.
pub fn from_cell(cell: ValueRef<'_>, ty: Type) -> Value {
    match (ty, cell) {
        (Type::String, ValueRef::Text(t) | ValueRef::Blob(t)) => Value::String(cell_text(t)),
        (Type::String, ValueRef::Null) => Value::String(String::new()),
        (Type::String, ValueRef::Integer(i)) => Value::String(i.to_string()),
        (Type::String, ValueRef::Real(r)) => Value::String(real_text(r)),
        (_, ValueRef::Null) => Value::Null,
        (Type::Bool, ValueRef::Integer(i)) => Value::Bool(i != 0),
        (Type::Int, ValueRef::Integer(i)) => i32::try_from(i).map_or(Value::Null, Value::Int),
        (Type::Long, ValueRef::Integer(i)) => Value::Long(i),
        (Type::Real, ValueRef::Real(r)) => Value::Real(r),
        (Type::Real, ValueRef::Integer(i)) => Value::Real(i as f64),
        (Type::Real, ValueRef::Text(b"NaN")) => Value::Real(f64::NAN),
        (Type::Decimal, ValueRef::Text(t)) => Value::Decimal(cell_text(t)),
        (Type::Decimal, ValueRef::Integer(i)) => Value::Decimal(i.to_string()),
        (Type::Decimal, ValueRef::Real(r)) => Value::Decimal(real_text(r)),
        (Type::DateTime, ValueRef::Integer(i)) => Value::DateTime(i),
        (Type::TimeSpan, ValueRef::Integer(i)) => Value::TimeSpan(i),
        (Type::Guid, ValueRef::Text(t)) => Value::Guid(cell_text(t)),
        (Type::Dynamic | Type::Null | Type::Unknown, ValueRef::Text(t)) => {
            if t == b"null" {
                Value::Null
            } else {
                Value::Dynamic(cell_text(t))
            }
        }
        (Type::Dynamic | Type::Null | Type::Unknown, ValueRef::Integer(i)) => {
            Value::Dynamic(i.to_string())
        }
        (Type::Dynamic | Type::Null | Type::Unknown, ValueRef::Real(r)) => {
            Value::Dynamic(Json::from(r).to_string())
        }
        _ => Value::Null,
    }
}

/// Text of a real number as `tostring` gives it: the shortest that reads back, whole numbers bare.
pub fn real_text(r: f64) -> String {
    if r.is_nan() {
        return "NaN".to_owned();
    }
    if r.is_infinite() {
        return if r > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = r.abs();
    if magnitude != 0.0 && !(1e-5..1e15).contains(&magnitude) {
        let text = format!("{r:E}");
        // .NET writes at least two digits of exponent, with its sign.
        if let Some((mantissa, exponent)) = text.split_once('E') {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            return format!("{mantissa}E{sign}{digits:0>2}");
        }
        return text;
    }
    let mut out = String::new();
    let _ = write!(out, "{r}");
    out
}

/// The JSON of a value as a result row carries it: times as ISO text, `decimal` as a string of
/// digits, numbers that JSON has no form for as strings, `dynamic` as itself.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => Json::from(*i),
        Value::Long(i) => Json::from(*i),
        Value::Real(r) if r.is_finite() => Json::from(*r),
        Value::Real(r) => Json::String(real_text(*r)),
        Value::Decimal(s) | Value::String(s) | Value::Guid(s) => Json::String(s.clone()),
        Value::DateTime(t) => Json::String(time::datetime_text(*t)),
        Value::TimeSpan(t) => Json::String(time::timespan_text(*t)),
        Value::Dynamic(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
        }
    }
}

/// The text of a value as a reader of a table sees it (`dynamic` as its JSON, null as nothing).
pub fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Long(i) => i.to_string(),
        Value::Real(r) => real_text(*r),
        Value::Decimal(s) | Value::String(s) | Value::Guid(s) | Value::Dynamic(s) => s.clone(),
        Value::DateTime(t) => time::datetime_text(*t),
        Value::TimeSpan(t) => time::timespan_text(*t),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_values_are_inverse() {
        let all = [
            (Type::Bool, Value::Bool(true)),
            (Type::Int, Value::Int(-3)),
            (Type::Long, Value::Long(i64::MIN)),
            (Type::Real, Value::Real(0.5)),
            (Type::Real, Value::Real(f64::INFINITY)),
            (Type::Decimal, Value::Decimal("1.50".into())),
            (Type::String, Value::String("é".into())),
            (Type::DateTime, Value::DateTime(7)),
            (Type::TimeSpan, Value::TimeSpan(-7)),
            (
                Type::Guid,
                Value::Guid("74be27de-1e4e-49d9-b579-fe0b331d3642".into()),
            ),
            (Type::Dynamic, Value::Dynamic("[1,null]".into())),
            (Type::Long, Value::Null),
        ];
        for (ty, value) in all {
            let cell = to_cell(&value);
            assert_eq!(from_cell(ValueRef::from(&cell), ty), value);
        }
        let nan = to_cell(&Value::Real(f64::NAN));
        assert!(
            matches!(from_cell(ValueRef::from(&nan), Type::Real), Value::Real(r) if r.is_nan())
        );
        assert_eq!(
            from_cell(ValueRef::Null, Type::String),
            Value::String(String::new())
        );
    }

    #[test]
    fn numbers_as_text() {
        assert_eq!(real_text(3.0), "3");
        assert_eq!(real_text(0.1), "0.1");
        assert_eq!(real_text(1e20), "1E+20");
        assert_eq!(real_text(-2.5e-7), "-2.5E-07");
        assert_eq!(to_json(&Value::Real(f64::NAN)), Json::from("NaN"));
        assert_eq!(
            to_json(&Value::Long(i64::MAX)).to_string(),
            "9223372036854775807"
        );
    }
}
