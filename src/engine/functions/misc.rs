//! What fits nowhere else: chance, checks, keys.

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::args::{bool_cell, json_cell, text_cell};
use super::{Row, refuse};
use crate::engine::dynamic;

/// The functions of this file.
pub const TABLE: &[Row] = &[
    ("k_assert", |a| match a.bool(0) {
        Some(true) => Ok(bool_cell(true)),
        _ => refuse(a.text(1)),
    }),
    // A dynamic value as a key of `d[key]`.
    ("k_key", |a| {
        Ok(match a.json(0) {
            Json::String(s) => text_cell(s),
            Json::Number(n) => n.as_i64().map_or(Cell::Null, Cell::Integer),
            _ => Cell::Null,
        })
    }),
    // An array stays, anything else becomes an array of itself.
    ("k_as_array", |a| {
        Ok(match a.json(0) {
            Json::Array(items) => json_cell(&Json::Array(items)),
            Json::Null => text_cell("[]"),
            one => json_cell(&Json::Array(vec![one])),
        })
    }),
    // JSON with the keys of bags in order.
    ("k_canonical_json", |a| {
        fn sorted(value: Json) -> Json {
            match value {
                Json::Object(bag) => {
                    let mut items: Vec<(String, Json)> = bag.into_iter().collect();
                    items.sort_by(|x, y| x.0.cmp(&y.0));
                    Json::Object(items.into_iter().map(|(k, v)| (k, sorted(v))).collect())
                }
                Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
                other => other,
            }
        }
        let value = sorted(a.json(0));
        Ok(text_cell(dynamic::cell(&value).unwrap_or_default()))
    }),
];

/// Functions of chance: never the same twice.
pub const RANDOM: &[Row] = &[
    ("k_rand", |a| {
        Ok(match a.int(0) {
            Some(n) if n > 1 => Cell::Real(fastrand::i64(0..n) as f64),
            _ => Cell::Real(fastrand::f64()),
        })
    }),
    ("k_new_guid", |_| {
        Ok(text_cell(uuid::Uuid::new_v4().to_string()))
    }),
];
