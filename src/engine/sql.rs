//! Small pieces of SQL text: quoted names, literals, column affinities.

use std::fmt::Write as _;

use crate::kql::types::{Type, Value};

/// A quoted identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

/// A string literal.
pub fn text(s: &str) -> String {
    if s.contains('\0') {
        // The tokenizer stops at a NUL, so such text goes as bytes.
        let mut out = String::from("CAST(x'");
        for b in s.bytes() {
            let _ = write!(out, "{b:02x}");
        }
        out.push_str("' AS TEXT)");
        return out;
    }
    format!("'{}'", s.replace('\'', "''"))
}

/// An integer literal.
pub fn integer(i: i64) -> String {
    // The most negative integer has no literal: its digits alone would be a REAL.
    if i == i64::MIN {
        "(-9223372036854775807-1)".to_owned()
    } else {
        i.to_string()
    }
}

/// A literal of a real number.
pub fn real(r: f64) -> String {
    if r.is_nan() {
        "'NaN'".to_owned()
    } else if r.is_infinite() {
        if r > 0.0 { "9e999" } else { "-9e999" }.to_owned()
    } else {
        format!("{r:?}")
    }
}

/// The literal of a value in its own cell form.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(b) => i64::from(*b).to_string(),
        Value::Int(i) => i.to_string(),
        Value::Long(i) | Value::DateTime(i) | Value::TimeSpan(i) => integer(*i),
        Value::Real(r) => real(*r),
        Value::Decimal(s) | Value::String(s) | Value::Guid(s) => text(s),
        Value::Dynamic(s) if s.trim() == "null" => "NULL".to_owned(),
        Value::Dynamic(s) => text(s),
    }
}

/// The declared type of a column that stores a type in the engine's own form.
pub const fn type_affinity(ty: Type) -> &'static str {
    match ty {
        Type::Bool | Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => "INTEGER",
        Type::Real => "REAL",
        _ => "TEXT",
    }
}

/// Joins conditions with `AND` or `OR` as a balanced tree, so that thousands of them stay within
/// SQLite's limit on the depth of expressions. No condition gives `empty`.
pub fn balanced(parts: &[String], word: &str, empty: &str) -> String {
    match parts {
        [] => empty.to_owned(),
        [one] => one.clone(),
        _ => {
            let (a, b) = parts.split_at(parts.len() / 2);
            format!(
                "({} {word} {})",
                balanced(a, word, empty),
                balanced(b, word, empty)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_read_back() {
        let db = rusqlite::Connection::open_in_memory().expect("works");
        let one = |sql: String| -> rusqlite::types::Value {
            db.query_row(&format!("SELECT {sql}"), [], |r| r.get(0))
                .expect("works")
        };
        assert_eq!(
            one(text("it's\0x")),
            rusqlite::types::Value::Text("it's\0x".into())
        );
        assert_eq!(
            one(integer(i64::MIN)),
            rusqlite::types::Value::Integer(i64::MIN)
        );
        assert_eq!(one(real(0.1)), rusqlite::types::Value::Real(0.1));
        assert_eq!(one(real(1e300)), rusqlite::types::Value::Real(1e300));
        assert_eq!(
            one(real(f64::INFINITY)),
            rusqlite::types::Value::Real(f64::INFINITY)
        );
        let many: Vec<String> = (0..5000).map(|_| "1".to_owned()).collect();
        assert_eq!(
            one(balanced(&many, "AND", "1")),
            rusqlite::types::Value::Integer(1)
        );
    }
}
