//! The answer of `runHuntingQuery`, decoded straight into columns (`graph-security` sheet, "Hunting").
//!
//! Cells are read from the body's own bytes: no map a row, no value a cell. Oddities of the service
//! are met here: `Name`/`name`, booleans as 0 and 1, `{}` for null, annotations beside columns, rows
//! that lack columns.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{ApiError, ApiErrorKind};
use crate::domain::hunting::{Cell, Column, ColumnKind};
use crate::domain::text::clean;
use crate::domain::{ResultTable, parse_time};

/// A decoded answer.
#[derive(Clone, Debug, Default)]
pub struct HuntTable {
    /// Columns in the service's order, then any that only rows named.
    pub table: ResultTable,
    /// Rows that were no objects and were passed over.
    pub bad_rows: usize,
}

/// Decodes an answer.
///
/// # Errors
/// Where the body is not JSON of that shape.
pub fn decode(body: &[u8]) -> Result<HuntTable, ApiError> {
    let text: Cow<'_, str> = String::from_utf8_lossy(body);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let answer = Top
        .deserialize(&mut deserializer)
        .and_then(|answer| deserializer.end().map(|()| answer));
    answer.map_err(|why| {
        ApiError::local(
            ApiErrorKind::Decode,
            format!(
                "the answer is not a hunting result: {}",
                clean(&why.to_string())
            ),
        )
    })
}

struct Top;

impl<'de> DeserializeSeed<'de> for Top {
    type Value = HuntTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HuntTable, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top {
    type Value = HuntTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with schema and results")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HuntTable, A::Error> {
        let mut rows: Option<Rows> = None;
        // Results that came before their schema wait for it.
        let mut early: Option<&'de RawValue> = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key.eq_ignore_ascii_case("schema") {
                let schema: Vec<Value> = map.next_value::<Option<_>>()?.unwrap_or_default();
                rows = Some(Rows::of(&schema));
            } else if key.eq_ignore_ascii_case("results") {
                match &mut rows {
                    Some(rows) => map.next_value_seed(Results(rows))?,
                    None => early = Some(map.next_value()?),
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let mut rows = match (rows, early) {
            (None, None) => return Err(serde::de::Error::custom("neither schema nor results")),
            (rows, _) => rows.unwrap_or_default(),
        };
        if let Some(early) = early {
            Results(&mut rows)
                .deserialize(&mut serde_json::Deserializer::from_str(early.get()))
                .map_err(serde::de::Error::custom)?;
        }
        Ok(HuntTable {
            table: ResultTable::new(rows.columns),
            bad_rows: rows.bad,
        })
    }
}

/// The columns being filled.
#[derive(Default)]
struct Rows {
    columns: Vec<Column>,
    done: usize,
    bad: usize,
}

impl Rows {
    fn of(schema: &[Value]) -> Self {
        let text = |column: &Value, name: &str, other: &str| -> Option<String> {
            let value = column.get(name).or_else(|| column.get(other))?;
            value.as_str().map(str::to_owned)
        };
        let mut columns: Vec<Column> = Vec::with_capacity(schema.len());
        for column in schema {
            let Some(name) = text(column, "name", "Name") else {
                continue;
            };
            let kind = text(column, "type", "Type").unwrap_or_default();
            if columns.iter().all(|known| *known.name != *name) {
                columns.push(Column::new(&name, &kind));
            }
        }
        Self {
            columns,
            ..Self::default()
        }
    }

    /// The column of a name; they mostly come in order, so `expected` is looked at first.
    fn find(&self, name: &str, expected: usize) -> Option<usize> {
        let here = |at: &usize| self.columns.get(*at).is_some_and(|it| *it.name == *name);
        Some(expected)
            .filter(here)
            .or_else(|| self.columns.iter().position(|it| *it.name == *name))
    }

    /// A column the schema did not name: nothing the service sent is dropped.
    fn add(&mut self, name: &str) -> usize {
        let mut column = Column::new(name, "");
        for _ in 0..self.done {
            column.push(Cell::Null);
        }
        self.columns.push(column);
        self.columns.len() - 1
    }

    fn end_row(&mut self) {
        self.done += 1;
        for column in &mut self.columns {
            if column.len() < self.done {
                column.push(Cell::Null);
            }
        }
    }
}

struct Results<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for Results<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Results<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

struct Row<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Row<'_> {
    fn bad(self) {
        self.0.bad += 1;
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let rows = self.0;
        let mut expected = 0;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if let Some(at) = rows.find(&key, expected) {
                expected = at + 1;
                let raw = map.next_value::<&RawValue>()?;
                let column = &mut rows.columns[at];
                // A name given twice: the first counts.
                if column.len() == rows.done {
                    push(column, raw.get());
                }
            } else if key.contains("@odata.") {
                map.next_value::<IgnoredAny>()?;
            } else {
                let raw = map.next_value::<&RawValue>()?;
                let at = rows.add(&key);
                push(&mut rows.columns[at], raw.get());
            }
        }
        rows.end_row();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.bad();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.bad();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.bad();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.bad();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.bad();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.bad();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.bad();
        Ok(())
    }
}

/// Adds a cell from its JSON, which is known to be well formed.
fn push(column: &mut Column, json: &str) {
    match json.as_bytes().first() {
        Some(b'"') => {
            let inner = &json[1..json.len() - 1];
            if inner.contains('\\') {
                match serde_json::from_str::<String>(json) {
                    Ok(text) => push_text(column, &text),
                    Err(_) => push_text(column, inner),
                }
            } else {
                push_text(column, inner);
            }
        }
        Some(b't') => column.push(Cell::Bool(true)),
        Some(b'f') => column.push(Cell::Bool(false)),
        Some(b'{') => match object(json) {
            Some(text) => column.push(Cell::Text(&text)),
            None => column.push(Cell::Null),
        },
        Some(b'[') => column.push(Cell::Text(&array(json))),
        Some(b'-' | b'0'..=b'9') => match column.kind {
            // A dynamic value may be a bare number; text keeps the digits as they came.
            ColumnKind::Text | ColumnKind::Dynamic | ColumnKind::Span => {
                column.push(Cell::Text(json));
            }
            ColumnKind::Real => match json.parse() {
                Ok(number) => column.push(Cell::Real(number)),
                Err(_) => column.push(Cell::Text(json)),
            },
            // A number too large for its column stays as it was written.
            ColumnKind::Long | ColumnKind::Bool | ColumnKind::Time => match json.parse() {
                Ok(number) => column.push(Cell::Long(number)),
                Err(_) => column.push(Cell::Text(json)),
            },
        },
        _ => column.push(Cell::Null),
    }
}

/// Adds a text to a column of any kind: numbers and times may come as text.
fn push_text(column: &mut Column, text: &str) {
    let cell = match column.kind {
        ColumnKind::Text | ColumnKind::Span | ColumnKind::Dynamic => Cell::Text(text),
        _ if text.is_empty() => Cell::Null,
        ColumnKind::Time => parse_time(text).map_or(Cell::Text(text), Cell::Time),
        ColumnKind::Long => text.parse().map_or(Cell::Text(text), Cell::Long),
        ColumnKind::Real => match text {
            "NaN" => Cell::Real(f64::NAN),
            "Infinity" => Cell::Real(f64::INFINITY),
            "-Infinity" => Cell::Real(f64::NEG_INFINITY),
            text => text.parse().map_or(Cell::Text(text), Cell::Real),
        },
        ColumnKind::Bool => match text {
            "0" => Cell::Bool(false),
            "1" => Cell::Bool(true),
            text if text.eq_ignore_ascii_case("true") => Cell::Bool(true),
            text if text.eq_ignore_ascii_case("false") => Cell::Bool(false),
            text => Cell::Text(text),
        },
    };
    column.push(cell);
}

/// A dynamic object without the service's annotations; `None` for `{}`, which is its null.
fn object(json: &str) -> Option<Cow<'_, str>> {
    if json[1..json.len() - 1].trim().is_empty() {
        return None;
    }
    if !json.contains("@odata.") {
        return Some(compact(json));
    }
    let mut value: Value = serde_json::from_str(json).unwrap_or_default();
    let only_annotations = value
        .as_object()
        .is_some_and(|map| map.keys().all(|key| key.contains("@odata.")));
    strip(&mut value);
    (!only_annotations).then(|| Cow::Owned(value.to_string()))
}

fn array(json: &str) -> Cow<'_, str> {
    if !json.contains("@odata.") {
        return compact(json);
    }
    let mut value: Value = serde_json::from_str(json).unwrap_or_default();
    strip(&mut value);
    Cow::Owned(value.to_string())
}

/// JSON without white space between its parts; borrowed where there is none to lose.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Cow::Borrowed(json);
    }
    serde_json::from_str::<Value>(json)
        .map_or(Cow::Borrowed(json), |value| Cow::Owned(value.to_string()))
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !key.contains("@odata."));
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
