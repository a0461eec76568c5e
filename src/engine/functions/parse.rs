//! What `parse` and `parse-kv` do with one text. The answer is a JSON array of one element, the array
//! of the texts found (null where nothing was), so that `json_each` gives it once a row; an empty
//! array drops the row.

use regex::Regex;
use rusqlite::types::Value as Cell;
use serde_json::{Value as Json, json};

use super::args::{compile, text_cell};
use super::{Args, Row, refuse};
use crate::engine::dynamic;
use crate::kql::types::Type;

/// The functions of this file: `(specification as JSON, text)`.
pub const TABLE: &[Row] = &[("k_parse", parse), ("k_parse_kv", parse_kv)];

struct Pattern {
    regex: Regex,
    types: Vec<Type>,
    relaxed: bool,
    filter: bool,
}

fn pattern(spec: &str) -> rusqlite::Result<Pattern> {
    let Ok(spec) = serde_json::from_str::<Json>(spec) else {
        return refuse("parse: a broken pattern");
    };
    Ok(Pattern {
        regex: compile(spec["regex"].as_str().unwrap_or_default())?,
        types: types(&spec),
        relaxed: spec["relaxed"] == json!(true),
        filter: spec["where"] == json!(true),
    })
}

fn types(spec: &Json) -> Vec<Type> {
    let all = spec["types"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|t| Type::from_name(t.as_str()?))
        .collect()
}

/// Whether a text reads as a type.
fn reads(text: &str, ty: Type) -> bool {
    ty == Type::String || dynamic::to_type(&Json::from(text), ty) != Cell::Null
}

fn parse(a: &Args<'_, '_>) -> rusqlite::Result<Cell> {
    let pattern = a.cached(0, pattern)?;
    let text = a.text(1);
    let n = pattern.types.len();
    let found = pattern.regex.captures(&text).map(|captures| {
        (0..n)
            .map(|i| captures.get(i + 1).map_or("", |m| m.as_str()))
            .collect::<Vec<_>>()
    });
    let good = found.filter(|found| {
        pattern.relaxed
            || found
                .iter()
                .zip(&pattern.types)
                .all(|(text, ty)| reads(text, *ty))
    });
    Ok(text_cell(match good {
        Some(found) => json!([found]).to_string(),
        None if pattern.filter => "[]".to_owned(),
        None => json!([vec![Json::Null; n]]).to_string(),
    }))
}

struct Pairs {
    keys: Vec<String>,
    /// No delimiters are given: whatever is no letter or digit parts words.
    words: bool,
    pair: String,
    kv: String,
    quotes: Option<(char, char)>,
    escape: Option<char>,
    greedy: bool,
    regex: Option<Regex>,
}

fn pairs(spec: &str) -> rusqlite::Result<Pairs> {
    let Ok(spec) = serde_json::from_str::<Json>(spec) else {
        return refuse("parse-kv: broken options");
    };
    let text = |name: &str| spec[name].as_str().map(str::to_owned);
    let quote: Vec<char> = text("quote").unwrap_or_default().chars().collect();
    Ok(Pairs {
        keys: spec["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect(),
        words: text("pair").is_none() && text("kv").is_none(),
        pair: text("pair").unwrap_or_default(),
        kv: text("kv").unwrap_or_default(),
        quotes: match quote.as_slice() {
            [one] => Some((*one, *one)),
            [open, close] => Some((*open, *close)),
            _ => None,
        },
        escape: text("escape").and_then(|e| e.chars().next()),
        greedy: spec["greedy"] == json!(true),
        regex: text("regex").map(|r| compile(&r)).transpose()?,
    })
}

fn parse_kv(a: &Args<'_, '_>) -> rusqlite::Result<Cell> {
    let spec = a.cached(0, pairs)?;
    let text = a.text(1);
    let mut found: Vec<Option<String>> = vec![None; spec.keys.len()];
    let mut note = |key: &str, value: String| {
        let mut key = key.trim();
        if let Some((open, close)) = spec.quotes {
            key = key
                .strip_prefix(open)
                .and_then(|k| k.strip_suffix(close))
                .unwrap_or(key);
        }
        if let Some(i) = spec.keys.iter().position(|k| k == key)
            && found[i].is_none()
        {
            found[i] = Some(value);
        }
    };
    if let Some(regex) = &spec.regex {
        for found in regex.captures_iter(&text) {
            if let (Some(key), Some(value)) = (found.get(1), found.get(2)) {
                note(key.as_str(), value.as_str().to_owned());
            }
        }
    } else if spec.words {
        // A key is the word before its value.
        let mut rest: &str = &text;
        let mut key = String::new();
        while let Some(at) = rest.find(|c: char| c.is_alphanumeric() || opens(&spec, c)) {
            rest = &rest[at..];
            let quoted = rest.chars().next().is_some_and(|c| opens(&spec, c));
            let (word, left) = if quoted {
                value_of(rest, &spec)
            } else {
                let end = rest.find(|c: char| !c.is_alphanumeric());
                let (word, left) = rest.split_at(end.unwrap_or(rest.len()));
                (word.to_owned(), left)
            };
            note(&key, word.clone());
            key = if quoted { String::new() } else { word };
            rest = left;
        }
    } else if spec.greedy {
        // A value goes on to the pair delimiter before the next key.
        let mut starts: Vec<(usize, usize, &str)> = Vec::new();
        for key in &spec.keys {
            let head = format!("{key}{}", spec.kv);
            for (at, _) in text.match_indices(&head) {
                if at == 0 || text[..at].ends_with(&spec.pair) {
                    starts.push((at, at + head.len(), key));
                }
            }
        }
        starts.sort_unstable();
        // Any word before the delimiter of key and value ends the value before it, asked for or not.
        for (i, (_, from, key)) in starts.iter().enumerate() {
            let to = starts.get(i + 1).map_or(text.len(), |next| next.0);
            let mut value = &text[*from..to];
            if let Some(next) = value.find(&spec.kv)
                && let Some(end) = value[..next].rfind(&spec.pair)
            {
                value = &value[..end];
            }
            note(
                key,
                value.strip_suffix(&spec.pair).unwrap_or(value).to_owned(),
            );
        }
    } else {
        let mut rest: &str = &text;
        while !rest.is_empty() {
            // The key reaches to the delimiter; pairs without one are passed over.
            let Some(at) = rest.find(&spec.kv) else { break };
            let key_from = rest[..at]
                .rfind(&spec.pair)
                .map_or(0, |i| i + spec.pair.len());
            let quoted = spec
                .quotes
                .filter(|(_, close)| rest[..at].ends_with(*close));
            let key_from = quoted
                .and_then(|(open, _)| rest[..at].rfind(open))
                .unwrap_or(key_from);
            let key = &rest[key_from..at];
            let after = &rest[at + spec.kv.len()..];
            let (value, left) = value_of(after, &spec);
            note(key, value);
            rest = left;
        }
    }
    Ok(text_cell(json!([found]).to_string()))
}

/// Whether a letter opens a quoted value.
fn opens(spec: &Pairs, c: char) -> bool {
    spec.quotes.is_some_and(|(open, _)| open == c)
}

/// A value, quoted or up to the next pair, and what follows it.
fn value_of<'t>(text: &'t str, spec: &Pairs) -> (String, &'t str) {
    if let Some((open, close)) = spec.quotes
        && text.starts_with(open)
    {
        let mut out = String::new();
        let mut chars = text.char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            if Some(c) == spec.escape {
                out.extend(chars.next().map(|(_, c)| c));
            } else if c == close {
                return (out, &text[i + c.len_utf8()..]);
            } else {
                out.push(c);
            }
        }
        return (out, "");
    }
    match text.find(&spec.pair) {
        Some(end) => (text[..end].to_owned(), &text[end + spec.pair.len()..]),
        None => (text.to_owned(), ""),
    }
}
