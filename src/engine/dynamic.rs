//! Dynamic values: JSON read, walked, compared and written as the language does.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value as Json};

use super::{time, value};
use crate::kql::types::Type;

/// Reads JSON text; text that is no JSON is a string of its own, as `parse_json` has it.
pub fn parse_lenient(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

/// A property of a bag; null where there is none.
pub fn member<'a>(value: &'a Json, name: &str) -> &'a Json {
    value
        .as_object()
        .and_then(|o| o.get(name))
        .unwrap_or(&Json::Null)
}

/// An element of an array, counted from the end where negative; null where there is none.
pub fn element(value: &Json, index: i64) -> &Json {
    let found = value.as_array().and_then(|a| {
        let i = if index < 0 {
            index + a.len() as i64
        } else {
            index
        };
        usize::try_from(i).ok().and_then(|i| a.get(i))
    });
    found.unwrap_or(&Json::Null)
}

/// Text as `tostring` gives it: strings bare, null empty, the rest compact JSON.
pub fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(s) => s.clone(),
        Json::Number(n) if n.is_f64() => value::real_text(n.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}

/// The cell text of a dynamic value: `None` for null.
pub fn cell(value: &Json) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

/// A real number as JSON; one that JSON cannot hold becomes its name.
pub fn real(r: f64) -> Json {
    Number::from_f64(r).map_or_else(|| Json::String(value::real_text(r)), Json::Number)
}

/// An integer: numbers cut, strings of digits read, booleans 0 and 1; `None` for the rest.
pub fn to_long(value: &Json) -> Option<i64> {
    match value {
        Json::Number(n) => n.as_i64().or_else(|| n.as_f64().and_then(real_to_long)),
        Json::String(s) => parse_long(s),
        Json::Bool(b) => Some(i64::from(*b)),
        _ => None,
    }
}

/// A real number from a number, a string of one or a boolean.
pub fn to_real(value: &Json) -> Option<f64> {
    match value {
        Json::Number(n) => n.as_f64(),
        Json::String(s) => parse_real(s),
        Json::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

/// A boolean from a boolean, a number or its words.
pub fn to_bool(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(b) => Some(*b),
        Json::Number(n) => n.as_f64().map(|f| f != 0.0),
        Json::String(s) => parse_bool(s),
        _ => None,
    }
}

/// Cuts a real number to an integer; `None` outside of 64 bits.
pub fn real_to_long(r: f64) -> Option<i64> {
    (r.is_finite() && r > -9.3e18 && r < 9.223_372_036_854_775e18).then_some(r as i64)
}

/// Reads an integer as `tolong` does: decimal, `0x` hexadecimal, or a real number cut.
pub fn parse_long(text: &str) -> Option<i64> {
    let t = text.trim();
    if let Ok(i) = t.parse::<i64>() {
        return Some(i);
    }
    let (sign, digits) = match t.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, t),
    };
    if let Some(hex) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        return i64::from_str_radix(hex, 16)
            .ok()
            .or_else(|| u64::from_str_radix(hex, 16).ok().map(|u| u as i64))
            .map(|i| i.wrapping_mul(sign));
    }
    parse_real(t).and_then(real_to_long)
}

/// Reads a real number; `None` for anything with other characters in it.
pub fn parse_real(text: &str) -> Option<f64> {
    let t = text.trim();
    match t.to_ascii_lowercase().as_str() {
        "nan" => return Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => return Some(f64::INFINITY),
        "-inf" | "-infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let first = t.bytes().next()?;
    (first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.'))
        .then(|| t.parse::<f64>().ok())
        .flatten()
        .filter(|f| f.is_finite())
}

/// Reads `true`, `false` (any case) or a number.
pub fn parse_bool(text: &str) -> Option<bool> {
    let t = text.trim();
    if t.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    if t.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    parse_long(t).map(|i| i != 0)
}

/// Reads a guid with or without hyphens or braces; lower case with hyphens comes out.
pub fn parse_guid(text: &str) -> Option<String> {
    let t = text
        .trim()
        .trim_start_matches(['{', '('])
        .trim_end_matches(['}', ')']);
    let hex: String = t.chars().filter(|c| *c != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    if t.len() != 32 && t.len() != 36 {
        return None;
    }
    let h = hex.to_ascii_lowercase();
    Some(format!(
        "{}-{}-{}-{}-{}",
        &h[..8],
        &h[8..12],
        &h[12..16],
        &h[16..20],
        &h[20..]
    ))
}

/// Name of the type of a dynamic value as `gettype` gives it.
pub fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(n) if n.is_f64() => "double",
        Json::Number(_) => "long",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "dictionary",
    }
}

/// A cell of a static type as JSON inside a dynamic value.
pub fn from_cell(cell: rusqlite::types::ValueRef<'_>, ty: Type) -> Json {
    use crate::kql::types::Value;
    match value::from_cell(cell, ty) {
        Value::Real(r) => real(r),
        Value::Decimal(s) => s.parse::<f64>().map_or(Json::Null, real),
        other => value::to_json(&other),
    }
}

/// A dynamic value as a cell of a static type, as `to typeof(T)` and the conversions do.
pub fn to_type(json: &Json, ty: Type) -> rusqlite::types::Value {
    use rusqlite::types::Value as Cell;
    let int = |i: Option<i64>| i.map_or(Cell::Null, Cell::Integer);
    match ty {
        Type::Bool => int(to_bool(json).map(i64::from)),
        Type::Int => int(to_long(json).filter(|i| i32::try_from(*i).is_ok())),
        Type::Long => int(to_long(json)),
        Type::Real => to_real(json).map_or(Cell::Null, value::real_cell),
        Type::Decimal => match json {
            Json::Number(n) => Cell::Text(n.to_string()),
            Json::String(s) if parse_real(s).is_some() => Cell::Text(s.trim().to_owned()),
            _ => Cell::Null,
        },
        Type::String => Cell::Text(text(json)),
        Type::DateTime => int(match json {
            Json::String(s) => time::parse_datetime(s),
            Json::Number(n) => n.as_i64().filter(|t| (0..=time::MAX_DATETIME).contains(t)),
            _ => None,
        }),
        Type::TimeSpan => int(match json {
            Json::String(s) => time::parse_timespan(s),
            Json::Number(n) => n.as_i64(),
            _ => None,
        }),
        Type::Guid => match json {
            Json::String(s) => parse_guid(s).map_or(Cell::Null, Cell::Text),
            _ => Cell::Null,
        },
        Type::Dynamic | Type::Null | Type::Unknown | Type::TypeLiteral => {
            cell(json).map_or(Cell::Null, Cell::Text)
        }
    }
}

/// Whether two dynamic values are equal: numbers by value, bags in any order.
pub fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x == y,
            _ => x.as_f64() == y.as_f64(),
        },
        (Json::Array(x), Json::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(a, b)| equal(a, b))
        }
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal(v, w)))
        }
        _ => a == b,
    }
}

/// An order for sorting arrays: numbers by value, strings by code point; `None` for mixed kinds.
pub fn compare(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => Some(x.cmp(&y)),
            _ => x.as_f64()?.partial_cmp(&y.as_f64()?),
        },
        (Json::String(x), Json::String(y)) => {
            match (time::parse_timespan(x), time::parse_timespan(y)) {
                // Times inside dynamic values are text; compare durations as durations.
                (Some(s), Some(t)) if x.contains(':') && y.contains(':') => Some(s.cmp(&t)),
                _ => Some(x.cmp(y)),
            }
        }
        (Json::Bool(x), Json::Bool(y)) => Some(x.cmp(y)),
        _ => None,
    }
}

/// Merges bags; of a name that is there twice the first stays.
pub fn merge_into(target: &mut Map<String, Json>, bag: &Map<String, Json>) {
    for (k, v) in bag {
        if !target.contains_key(k) {
            target.insert(k.clone(), v.clone());
        }
    }
}

/// Walks a JSON path: `$.a.b[0]['c d']`. `None` for text that is no path.
pub fn json_path<'a>(root: &'a Json, path: &str) -> Option<&'a Json> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut at = root;
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix('.') {
            let end = r.find(['.', '[']).unwrap_or(r.len());
            if end == 0 {
                return None;
            }
            at = member(at, &r[..end]);
            rest = &r[end..];
        } else if let Some(r) = rest.strip_prefix('[') {
            let end = r.find(']')?;
            let key = r[..end].trim();
            let name = key
                .strip_prefix('\'')
                .and_then(|k| k.strip_suffix('\''))
                .or_else(|| key.strip_prefix('"').and_then(|k| k.strip_suffix('"')));
            at = match name {
                Some(name) => member(at, name),
                None => element(at, key.parse().ok()?),
            };
            rest = &r[end + 1..];
        } else {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn access_never_fails() {
        let d = json!({"a": {"b": [10, 20]}, "s": "x"});
        assert_eq!(element(member(member(&d, "a"), "b"), -1), &json!(20));
        assert_eq!(element(member(member(&d, "a"), "b"), 9), &Json::Null);
        assert_eq!(member(member(&d, "s"), "t"), &Json::Null);
        assert_eq!(json_path(&d, "$.a['b'][0]"), Some(&json!(10)));
        assert_eq!(json_path(&d, "a.b"), None);
    }

    #[test]
    fn conversions_fail_to_nothing() {
        assert_eq!(parse_long("12abc"), None);
        assert_eq!(parse_long(" 42 "), Some(42));
        assert_eq!(parse_long("0x1F"), Some(31));
        assert_eq!(parse_long("2.9"), Some(2));
        assert_eq!(parse_long("infinity"), None);
        assert_eq!(parse_real("1e3"), Some(1000.0));
        assert_eq!(parse_bool("TRUE"), Some(true));
        assert_eq!(to_long(&json!("5")), Some(5));
        assert_eq!(to_long(&json!([5])), None);
        assert_eq!(
            parse_guid("74BE27DE1E4E49D9B579FE0B331D3642").as_deref(),
            Some("74be27de-1e4e-49d9-b579-fe0b331d3642")
        );
        assert_eq!(parse_guid("74be27de"), None);
    }

    #[test]
    fn equality_is_by_value() {
        assert!(equal(
            &json!({"a": 1, "b": [2.0]}),
            &json!({"b": [2], "a": 1})
        ));
        assert!(!equal(&json!([1, 2]), &json!([2, 1])));
        assert_eq!(text(&json!({"k": [1, 2]})), "{\"k\":[1,2]}");
        assert_eq!(text(&json!("x")), "x");
    }
}
