//! Dynamic values: making, walking and converting them.

use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Map, Value as Json};

use super::args::{bool_cell, json_cell, text_cell};
use super::{Args, Row, refuse};
use crate::engine::json_scan::{self, Found, Step};
use crate::engine::{dynamic, time};
use crate::kql::types::Type;

type Answer = rusqlite::Result<Cell>;

/// The functions of this file. "JSON" arguments are cells of type dynamic.
pub const TABLE: &[Row] = &[
    ("k_parse_json", |a| {
        if a.is_null(0) || a.text(0).trim().is_empty() {
            return Ok(Cell::Null);
        }
        let text = a.text(0);
        Ok(match json_scan::walk(&text, &[]) {
            Some(found) if found.plain => walked(found),
            _ => json_cell(&dynamic::parse_lenient(&text)),
        })
    }),
    // A cell of the type named second, as JSON.
    ("k_json", |a| {
        let ty = typed(a, 1)?;
        Ok(json_cell(&dynamic::from_cell(a.cell(0), ty)))
    }),
    // JSON as a cell of the type named second.
    ("k_to", |a| {
        let ty = typed(a, 1)?;
        Ok(dynamic::to_type(&a.json(0), ty))
    }),
    ("k_json_text", |a| {
        let text = a.text(0);
        let quick = json_scan::walk(&text, &[]).filter(|_| !a.is_null(0));
        Ok(text_cell(match quick.as_ref().and_then(json_scan::bare) {
            Some(bare) => bare.to_owned(),
            None => dynamic::text(&a.json(0)),
        }))
    }),
    ("k_path", |a| {
        Ok(
            with_steps(a, |text, steps| json_scan::walk(text, steps).map(walked))
                .unwrap_or_else(|| json_cell(&path(a))),
        )
    }),
    ("k_path_text", |a| {
        let quick = with_steps(a, |text, steps| {
            let found = json_scan::walk(text, steps)?;
            json_scan::bare(&found).map(text_cell)
        });
        Ok(quick.unwrap_or_else(|| text_cell(dynamic::text(&path(a)))))
    }),
    ("k_extract_json", |a| {
        let value = a.json(1);
        Ok(text_cell(
            dynamic::json_path(&value, &a.text(0))
                .map(dynamic::text)
                .unwrap_or_default(),
        ))
    }),
    ("k_gettype", |a| {
        Ok(text_cell(dynamic::type_name(&a.json(0))))
    }),
    ("k_json_equal", |a| {
        if a.is_null(0) || a.is_null(1) {
            return Ok(if a.is_null(0) && a.is_null(1) {
                Cell::Null
            } else {
                bool_cell(false)
            });
        }
        Ok(bool_cell(dynamic::equal(&a.json(0), &a.json(1))))
    }),
    ("k_json_compare", |a| {
        // (operator, x, y)
        let order = dynamic::compare(&a.json(1), &a.json(2));
        Ok(order.map_or(Cell::Null, |o| {
            bool_cell(match &*a.text(0) {
                "<" => o.is_lt(),
                "<=" => o.is_le(),
                ">" => o.is_gt(),
                _ => o.is_ge(),
            })
        }))
    }),
    // Cell number `i` of a row an aggregate packed.
    ("k_unpack", |a| {
        let (ValueRef::Blob(packed), Some(i)) = (a.cell(0), a.int(1)) else {
            return Ok(Cell::Null);
        };
        Ok(crate::engine::aggregates::unpack(packed, i as usize))
    }),
    // The number a dynamic value is; null for anything else.
    ("k_number", |a| {
        Ok(match a.json(0) {
            Json::Number(n) => match n.as_i64() {
                Some(i) => Cell::Integer(i),
                None => n.as_f64().map_or(Cell::Null, Cell::Real),
            },
            _ => Cell::Null,
        })
    }),
    ("k_array", |a| {
        Ok(json_cell(
            &(0..a.len()).map(|i| a.json(i)).collect::<Vec<_>>().into(),
        ))
    }),
    ("k_bag", |a| {
        let mut bag = Map::new();
        for i in (0..a.len()).step_by(2) {
            bag.insert(a.text(i).into_owned(), a.json(i + 1));
        }
        Ok(json_cell(&Json::Object(bag)))
    }),
    // As `k_bag`, leaving out nulls and empty strings.
    ("k_bag_full", |a| {
        let mut bag = Map::new();
        for i in (0..a.len()).step_by(2) {
            let value = a.json(i + 1);
            if !value.is_null() && value != Json::String(String::new()) {
                bag.insert(a.text(i).into_owned(), value);
            }
        }
        Ok(json_cell(&Json::Object(bag)))
    }),
    ("k_bag_keys", |a| {
        let Json::Object(bag) = a.json(0) else {
            return Ok(Cell::Null);
        };
        Ok(json_cell(
            &bag.keys()
                .map(|k| Json::from(k.as_str()))
                .collect::<Vec<_>>()
                .into(),
        ))
    }),
    ("k_bag_has_key", |a| {
        let value = a.json(0);
        let key = a.text(1);
        if !value.is_object() {
            return Ok(Cell::Null);
        }
        Ok(bool_cell(
            if key.starts_with("$.") || key.starts_with("$[") {
                dynamic::json_path(&value, &key).is_some_and(|v| !v.is_null())
            } else {
                value.get(&*key).is_some()
            },
        ))
    }),
    ("k_bag_merge", |a| {
        let mut out = Map::new();
        for i in 0..a.len() {
            if let Json::Object(bag) = a.json(i) {
                dynamic::merge_into(&mut out, &bag);
            }
        }
        Ok(json_cell(&Json::Object(out)))
    }),
    ("k_bag_remove_keys", bag_remove_keys),
    ("k_bag_set_key", |a| {
        let mut value = a.json(0);
        let key = a.text(1);
        let Some(bag) = value.as_object_mut() else {
            return Ok(Cell::Null);
        };
        if let Some(path) = key.strip_prefix("$.") {
            let mut at = bag;
            let names: Vec<&str> = path.split('.').collect();
            for name in &names[..names.len() - 1] {
                let next = at
                    .entry((*name).to_owned())
                    .or_insert_with(|| Json::Object(Map::new()));
                match next.as_object_mut() {
                    Some(next) => at = next,
                    None => return Ok(Cell::Null),
                }
            }
            at.insert(names[names.len() - 1].to_owned(), a.json(2));
        } else {
            bag.insert(key.into_owned(), a.json(2));
        }
        Ok(json_cell(&value))
    }),
    ("k_bag_zip", |a| {
        let Json::Array(keys) = a.json(0) else {
            return Ok(Cell::Null);
        };
        let values = match a.json(1) {
            Json::Array(values) => values,
            _ => Vec::new(),
        };
        let mut bag = Map::new();
        for (i, key) in keys.iter().enumerate() {
            if let Json::String(key) = key {
                bag.insert(key.clone(), values.get(i).cloned().unwrap_or(Json::Null));
            }
        }
        Ok(json_cell(&Json::Object(bag)))
    }),
    ("k_treepath", |a| {
        let mut paths = Vec::new();
        tree_paths(&a.json(0), "$", &mut paths);
        Ok(json_cell(&Json::Array(paths)))
    }),
    // What mv-expand iterates: (bags as pairs, JSON) gives a JSON array whose elements are the
    // JSON texts of the values, or null.
    ("k_expand", expand),
    // The range of values as a JSON array: (type, from, to, step).
    ("k_range", range),
    ("k_range_count", |a| {
        // (real?, from, to, step): how many values a range has
        if a.int(0) == Some(1) {
            let (Some(from), Some(to), Some(step)) = (a.real(1), a.real(2), a.real(3)) else {
                return Ok(Cell::Integer(0));
            };
            return Ok(Cell::Integer(real_count(from, to, step)?));
        }
        let (Some(from), Some(to), Some(step)) = (a.int(1), a.int(2), a.int(3)) else {
            return Ok(Cell::Integer(0));
        };
        Ok(Cell::Integer(int_count(from, to, step)?))
    }),
];

fn typed(a: &Args<'_, '_>, i: usize) -> rusqlite::Result<Type> {
    let name = a.text(i);
    match Type::from_name(&name) {
        Some(ty) => Ok(ty),
        None => refuse(format!("'{name}' is no type")),
    }
}

/// A value that was walked to, as a cell.
fn walked(found: Found<'_>) -> Cell {
    match found.value {
        None | Some("null") => Cell::Null,
        Some(value) if found.plain => text_cell(value),
        Some(value) => json_cell(&json_scan::read(value)),
    }
}

/// Gives the text of argument 0 and the keys behind it as steps to walk, where they can be walked.
fn with_steps<T>(a: &Args<'_, '_>, walk: impl FnOnce(&str, &[Step<'_>]) -> Option<T>) -> Option<T> {
    const MOST: usize = 8;
    let count = a.len() - 1;
    let mut steps = [Step::At(0); MOST];
    for (i, step) in steps.get_mut(..count)?.iter_mut().enumerate() {
        *step = match a.cell(i + 1) {
            ValueRef::Text(name) => Step::Name(std::str::from_utf8(name).ok()?),
            ValueRef::Integer(at) => Step::At(usize::try_from(at).ok()?),
            _ => return None,
        };
    }
    match a.cell(0) {
        ValueRef::Text(text) => walk(std::str::from_utf8(text).ok()?, &steps[..count]),
        _ => None,
    }
}

/// `(value, key…)`: text keys are names, integers are positions.
fn path(a: &Args<'_, '_>) -> Json {
    let value = a.json(0);
    let mut at = &value;
    for i in 1..a.len() {
        at = match a.cell(i) {
            ValueRef::Text(_) => dynamic::member(at, &a.text(i)),
            ValueRef::Integer(i) => dynamic::element(at, i),
            ValueRef::Real(r) => dynamic::element(at, r as i64),
            _ => &Json::Null,
        };
    }
    at.clone()
}

fn bag_remove_keys(a: &Args<'_, '_>) -> Answer {
    let mut value = a.json(0);
    let Json::Array(keys) = a.json(1) else {
        return Ok(json_cell(&value));
    };
    if !value.is_object() {
        return Ok(Cell::Null);
    }
    for key in &keys {
        let Json::String(key) = key else { continue };
        let names: Vec<&str> = match key.strip_prefix("$.") {
            Some(path) => path.split('.').collect(),
            None => vec![key],
        };
        let mut at = Some(&mut value);
        for name in &names[..names.len() - 1] {
            at = at.and_then(|v| v.get_mut(*name));
        }
        if let Some(Json::Object(bag)) = at {
            bag.shift_remove(names[names.len() - 1]);
        }
    }
    Ok(json_cell(&value))
}

fn tree_paths(value: &Json, at: &str, out: &mut Vec<Json>) {
    match value {
        Json::Object(bag) => {
            for (k, v) in bag {
                let path = format!("{at}['{k}']");
                out.push(Json::from(path.as_str()));
                tree_paths(v, &path, out);
            }
        }
        Json::Array(items) => {
            let path = format!("{at}[0]");
            if let Some(first) = items.first() {
                out.push(Json::from(path.as_str()));
                tree_paths(first, &path, out);
            }
        }
        _ => {}
    }
}

/// Arguments: bags as `[key, value]` pairs (0/1), then the values expanded side by side. The answer
/// has one element a row: an array of the JSON texts of the columns, shorter ones padded with null.
/// A null or scalar value is one row of itself; an empty array or bag is none.
fn expand(a: &Args<'_, '_>) -> Answer {
    let pairs = a.int(0) == Some(1);
    if let (2, ValueRef::Text(text)) = (a.len(), a.cell(1))
        && let Some(all) = std::str::from_utf8(text).ok().and_then(json_scan::elements)
    {
        let mut out = String::with_capacity(text.len() + 16);
        for (i, one) in all.into_iter().enumerate() {
            out.push(if i == 0 { '[' } else { ',' });
            match one {
                "null" => out.push_str(one),
                one => out.push_str(&Json::from(one).to_string()),
            }
        }
        out.push_str(if out.is_empty() { "[]" } else { "]" });
        return Ok(text_cell(out));
    }
    let mut columns: Vec<Vec<Json>> = Vec::new();
    for i in 1..a.len() {
        columns.push(match a.json(i) {
            Json::Array(items) => items,
            Json::Object(bag) => bag
                .into_iter()
                .map(|(k, v)| {
                    if pairs {
                        Json::Array(vec![Json::String(k), v])
                    } else {
                        Json::Object(Map::from_iter([(k, v)]))
                    }
                })
                .collect(),
            one => vec![one],
        });
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let one = columns.len() == 1;
    let quoted = |v: Option<&Json>| match v {
        None | Some(Json::Null) => Json::Null,
        Some(v) => Json::String(v.to_string()),
    };
    let rows: Vec<Json> = (0..rows)
        .map(|i| {
            if one {
                quoted(columns[0].get(i))
            } else {
                Json::Array(columns.iter().map(|c| quoted(c.get(i))).collect())
            }
        })
        .collect();
    Ok(text_cell(Json::Array(rows).to_string()))
}

/// The longest array `range()` gives, as the service has it.
const LONGEST_RANGE: i64 = 1_048_576;

fn int_count(from: i64, to: i64, step: i64) -> rusqlite::Result<i64> {
    if step == 0 {
        return refuse("range: a step of 0 never ends");
    }
    let span = i128::from(to) - i128::from(from);
    let count = span.div_euclid(i128::from(step)) + 1;
    // A negative step rounds the other way.
    let count = if step < 0 {
        (-span) / (-i128::from(step)) + 1
    } else {
        count
    };
    let none = (step > 0 && span < 0) || (step < 0 && span > 0);
    if none {
        return Ok(0);
    }
    i64::try_from(count).or_else(|_| refuse("range: too many values"))
}

fn real_count(from: f64, to: f64, step: f64) -> rusqlite::Result<i64> {
    if step == 0.0 || !step.is_finite() {
        return refuse("range: a step of 0 never ends");
    }
    let count = ((to - from) / step + 1e-9).floor() + 1.0;
    if count > 1e12 {
        return refuse("range: too many values");
    }
    Ok(if count < 1.0 || count.is_nan() {
        0
    } else {
        count as i64
    })
}

fn range(a: &Args<'_, '_>) -> Answer {
    let ty = typed(a, 0)?;
    if (1..4).any(|i| a.is_null(i)) {
        return Ok(Cell::Null);
    }
    if ty == Type::Real {
        let (from, to, step) = (
            a.real(1).unwrap_or(0.0),
            a.real(2).unwrap_or(0.0),
            a.real(3).unwrap_or(1.0),
        );
        let n = real_count(from, to, step)?.min(LONGEST_RANGE);
        let all: Vec<Json> = (0..n)
            .map(|i| dynamic::real(from + i as f64 * step))
            .collect();
        return Ok(json_cell(&Json::Array(all)));
    }
    let (Some(from), Some(to), Some(step)) = (a.int(1), a.int(2), a.int(3)) else {
        return Ok(Cell::Null);
    };
    let n = int_count(from, to, step)?.min(LONGEST_RANGE);
    let value = |i: i64| {
        let v = from + i * step;
        match ty {
            Type::DateTime => Json::from(time::datetime_text(v)),
            Type::TimeSpan => Json::from(time::timespan_text(v)),
            _ => Json::from(v),
        }
    };
    Ok(json_cell(&Json::Array((0..n).map(value).collect())))
}
