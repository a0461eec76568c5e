//! Words, substrings, regular expressions, replacing and splitting.

use regex::Regex;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value as Json;

use super::args::{bool_cell, json_cell, text_cell};
use super::{Args, Row, refuse};
use crate::engine::dynamic;
use crate::engine::terms::{self, Bound, Needle};

type Answer = rusqlite::Result<Cell>;

/// The functions of this file.
pub const TABLE: &[Row] = &[
    ("k_fold", |a| Ok(text_cell(terms::fold(&a.text(0))))),
    ("k_same", |a| {
        Ok(bool_cell(a.needle(1, true)?.equals(&a.text(0))))
    }),
    ("k_has", |a| find(a, Bound::Both, true)),
    ("k_has_cs", |a| find(a, Bound::Both, false)),
    ("k_hasprefix", |a| find(a, Bound::Start, true)),
    ("k_hasprefix_cs", |a| find(a, Bound::Start, false)),
    ("k_hassuffix", |a| find(a, Bound::End, true)),
    ("k_hassuffix_cs", |a| find(a, Bound::End, false)),
    ("k_contains", |a| find(a, Bound::None, true)),
    ("k_contains_cs", |a| find(a, Bound::None, false)),
    ("k_startswith", |a| {
        Ok(bool_cell(a.needle(1, true)?.starts(&a.text(0))))
    }),
    ("k_startswith_cs", |a| {
        Ok(bool_cell(a.needle(1, false)?.starts(&a.text(0))))
    }),
    ("k_endswith", |a| {
        Ok(bool_cell(a.needle(1, true)?.ends(&a.text(0))))
    }),
    ("k_endswith_cs", |a| {
        Ok(bool_cell(a.needle(1, false)?.ends(&a.text(0))))
    }),
    ("k_regex", |a| {
        Ok(bool_cell(a.regex(1)?.is_match(&a.text(0))))
    }),
    ("k_like", |a| {
        Ok(bool_cell(
            a.cached(1, |p| like(p, true))?.is_match(&a.text(0)),
        ))
    }),
    ("k_like_cs", |a| {
        Ok(bool_cell(
            a.cached(1, |p| like(p, false))?.is_match(&a.text(0)),
        ))
    }),
    ("k_has_any", |a| Ok(bool_cell(any_index(a)?.is_some()))),
    ("k_has_any_index", |a| {
        Ok(Cell::Integer(any_index(a)?.map_or(-1, |i| i as i64)))
    }),
    ("k_has_all", has_all),
    ("k_in", |a| in_list(a, false)),
    ("k_in_ci", |a| in_list(a, true)),
    ("k_strlen", |a| {
        Ok(Cell::Integer(a.text(0).chars().count() as i64))
    }),
    ("k_tolower", |a| Ok(text_cell(a.text(0).to_lowercase()))),
    ("k_toupper", |a| Ok(text_cell(a.text(0).to_uppercase()))),
    ("k_reverse", |a| {
        Ok(text_cell(a.text(0).chars().rev().collect::<String>()))
    }),
    ("k_substring", substring),
    ("k_indexof", indexof),
    ("k_indexof_regex", indexof_regex),
    ("k_countof", countof),
    ("k_replace_string", |a| {
        let from = a.text(1);
        if from.is_empty() {
            return Ok(text_cell(a.text(0)));
        }
        Ok(text_cell(a.text(0).replace(&*from, &a.text(2))))
    }),
    ("k_replace_strings", replace_strings),
    ("k_replace_regex", |a| {
        let with = a.cached(2, |t| Ok(rewrite(t)))?;
        Ok(text_cell(
            a.regex(1)?
                .replace_all(&a.text(0), with.as_str())
                .into_owned(),
        ))
    }),
    ("k_trim", |a| trim(a, true, true)),
    ("k_trim_start", |a| trim(a, true, false)),
    ("k_trim_end", |a| trim(a, false, true)),
    ("k_extract", extract),
    ("k_extract_all", extract_all),
    ("k_split", split),
    ("k_strcat_array", |a| {
        let Json::Array(items) = a.json(0) else {
            return Ok(text_cell(""));
        };
        let parts: Vec<String> = items.iter().map(dynamic::text).collect();
        Ok(text_cell(parts.join(&a.text(1))))
    }),
    ("k_strcat_delim", |a| {
        let parts: Vec<String> = (1..a.len()).map(|i| a.text(i).into_owned()).collect();
        Ok(text_cell(parts.join(&a.text(0))))
    }),
    ("k_strrep", |a| {
        let n = a.int(1).unwrap_or(0).clamp(0, 1024) as usize;
        Ok(text_cell(vec![a.text(0); n].join(&a.text(2))))
    }),
    ("k_strcmp", |a| {
        Ok(Cell::Integer(
            a.text(0).as_bytes().cmp(a.text(1).as_bytes()) as i64,
        ))
    }),
    ("k_translate", translate),
    ("k_codepoints", |a| {
        Ok(json_cell(
            &a.text(0)
                .chars()
                .map(|c| Json::from(c as u32))
                .collect::<Vec<_>>()
                .into(),
        ))
    }),
    ("k_from_codepoints", |a| {
        let mut out = String::new();
        for i in 0..a.len() {
            let value = a.json(i);
            let items = match value {
                Json::Array(items) => items,
                other => vec![other],
            };
            for item in items {
                let code = dynamic::to_long(&item).and_then(|c| u32::try_from(c).ok());
                out.extend(code.and_then(char::from_u32));
            }
        }
        Ok(text_cell(out))
    }),
    ("k_isascii", |a| Ok(bool_cell(a.text(0).is_ascii()))),
    ("k_regex_quote", |a| {
        Ok(text_cell(regex::escape(&a.text(0))))
    }),
    ("k_search_term", |a| {
        // (needle, leading star, trailing star, case-sensitive, column texts…)
        let bound = match (a.bool(1), a.bool(2)) {
            (Some(true), Some(true)) => Bound::None,
            (Some(true), _) => Bound::End,
            (_, Some(true)) => Bound::Start,
            _ => Bound::Both,
        };
        let needle = a.needle(0, a.bool(3) != Some(true))?;
        Ok(bool_cell(
            (4..a.len()).any(|i| needle.found_in(&a.text(i), bound)),
        ))
    }),
];

fn find(a: &Args<'_, '_>, bound: Bound, ignore_case: bool) -> Answer {
    let needle = a.needle(1, ignore_case)?;
    Ok(bool_cell(match a.bytes(0) {
        Some(hay) => needle.found_in_bytes(hay, bound),
        None => needle.found_in(&a.text(0), bound),
    }))
}

/// `like` patterns: `*` and `%` are any text, `?` and `_` stay themselves.
fn like(pattern: &str, ignore_case: bool) -> rusqlite::Result<Regex> {
    let mut out = String::from(if ignore_case { "(?si)^" } else { "(?s)^" });
    for c in pattern.chars() {
        match c {
            '*' | '%' => out.push_str(".*"),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    super::args::compile(&out)
}

/// The needles of a JSON array of values (`has_any`, `has_all`).
fn needles(a: &Args<'_, '_>, ignore_case: bool) -> rusqlite::Result<std::sync::Arc<Vec<Needle>>> {
    a.cached(1, |text| {
        let items = match dynamic::parse_lenient(text) {
            Json::Array(items) => items,
            Json::Null => Vec::new(),
            one => vec![one],
        };
        Ok(items
            .iter()
            .map(|v| Needle::new(&dynamic::text(v), ignore_case))
            .collect())
    })
}

fn any_index(a: &Args<'_, '_>) -> rusqlite::Result<Option<usize>> {
    let hay = a.text(0);
    Ok(needles(a, true)?
        .iter()
        .position(|n| n.found_in(&hay, Bound::Both)))
}

fn has_all(a: &Args<'_, '_>) -> Answer {
    let hay = a.text(0);
    Ok(bool_cell(
        needles(a, true)?
            .iter()
            .all(|n| n.found_in(&hay, Bound::Both)),
    ))
}

/// `x in (dynamic array)`: elements compared as text (the planner passes both sides as text).
fn in_list(a: &Args<'_, '_>, ignore_case: bool) -> Answer {
    let set = a.cached(1, |text| {
        let items = match dynamic::parse_lenient(text) {
            Json::Array(items) => items,
            Json::Null => Vec::new(),
            one => vec![one],
        };
        Ok(items
            .iter()
            .map(|v| {
                if ignore_case {
                    terms::fold(&dynamic::text(v))
                } else {
                    dynamic::text(v)
                }
            })
            .collect::<std::collections::HashSet<String>>())
    })?;
    if matches!(a.cell(0), ValueRef::Null) {
        return Ok(bool_cell(false));
    }
    let value = a.text(0);
    let found = if ignore_case {
        set.contains(&terms::fold(&value))
    } else {
        set.contains(&*value)
    };
    Ok(bool_cell(found))
}

/// `substring(text, start, length)` by code points; a negative start counts as 0... from the end.
fn substring(a: &Args<'_, '_>) -> Answer {
    let text = a.text(0);
    let mut start = a.int(1).unwrap_or(0);
    if start < 0 {
        start = (start + text.chars().count() as i64).max(0);
    }
    let rest = text.chars().skip(start as usize);
    let out: String = match a.int(2) {
        Some(n) if a.len() > 2 => rest.take(n.max(0) as usize).collect(),
        _ => rest.collect(),
    };
    Ok(text_cell(out))
}

/// Window of code points `[start, start + length)` as byte offsets, `start` counted from the end
/// where negative and `length` without end where negative.
fn window(text: &str, start: i64, length: i64) -> Option<(usize, usize)> {
    let count = text.chars().count() as i64;
    let start = if start < 0 {
        (start + count).max(0)
    } else {
        start
    };
    if start > count {
        return None;
    }
    let end = if length < 0 {
        count
    } else {
        (start + length).min(count)
    };
    let byte = |n: i64| {
        text.char_indices()
            .nth(n as usize)
            .map_or(text.len(), |(i, _)| i)
    };
    Some((byte(start), byte(end)))
}

fn indexof(a: &Args<'_, '_>) -> Answer {
    let (text, what) = (a.text(0), a.text(1));
    let (start, length) = (a.int(2).unwrap_or(0), a.int(3).unwrap_or(-1));
    let occurrence = a.int(4).unwrap_or(1);
    if occurrence < 1 {
        return Ok(Cell::Null);
    }
    // Each further occurrence is looked for in as long a stretch behind the one before.
    let mut start = start;
    let mut found = -1;
    for _ in 0..occurrence {
        let Some((from, to)) = window(&text, start, length) else {
            return Ok(Cell::Integer(-1));
        };
        let Some(at) = text[from..to].find(&*what) else {
            return Ok(Cell::Integer(-1));
        };
        found = text[..from + at].chars().count() as i64;
        start = found + 1;
    }
    Ok(Cell::Integer(found))
}

fn indexof_regex(a: &Args<'_, '_>) -> Answer {
    let text = a.text(0);
    let regex = a.regex(1)?;
    let (start, length) = (a.int(2).unwrap_or(0), a.int(3).unwrap_or(-1));
    let occurrence = a.int(4).unwrap_or(1);
    if occurrence < 1 || start < 0 {
        return Ok(Cell::Null);
    }
    let Some((from, to)) = window(&text, start, length) else {
        return Ok(Cell::Integer(-1));
    };
    let found = regex
        .find_iter(&text[from..to])
        .nth(occurrence as usize - 1);
    Ok(Cell::Integer(found.map_or(-1, |m| {
        text[..from + m.start()].chars().count() as i64
    })))
}

/// `countof(text, what, 'normal'|'regex')`; plain matches may overlap, regex matches do not.
fn countof(a: &Args<'_, '_>) -> Answer {
    let text = a.text(0);
    if a.text(2) == "regex" {
        return Ok(Cell::Integer(a.regex(1)?.find_iter(&text).count() as i64));
    }
    let what = a.text(1);
    if what.is_empty() {
        return Ok(Cell::Integer(0));
    }
    let count = text
        .char_indices()
        .filter(|(i, _)| text[*i..].starts_with(&*what))
        .count();
    Ok(Cell::Integer(count as i64))
}

/// Replaces several texts in one pass: what was put in is not looked at again.
fn replace_strings(a: &Args<'_, '_>) -> Answer {
    let text = a.text(0);
    let (Json::Array(from), to) = (a.json(1), a.json(2)) else {
        return Ok(text_cell(text));
    };
    let pairs: Vec<(String, String)> = from
        .iter()
        .enumerate()
        .map(|(i, what)| {
            let what = dynamic::text(what);
            let with = match &to {
                Json::Array(with) => with.get(i).unwrap_or(&Json::Null),
                one => one,
            };
            // Only text is put in; what has none to take its place stays.
            let with = with.as_str().map_or_else(|| what.clone(), str::to_owned);
            (what, with)
        })
        .filter(|(what, _)| !what.is_empty())
        .collect();
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(c) = rest.chars().next() {
        if let Some((what, with)) = pairs
            .iter()
            .find(|(what, _)| rest.starts_with(what.as_str()))
        {
            out.push_str(with);
            rest = &rest[what.len()..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(text_cell(out))
}

/// Back references are `\1`; the regex crate wants `${1}` and `$$` for a dollar.
fn rewrite(with: &str) -> String {
    let mut out = String::new();
    let mut chars = with.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' => out.push_str("$$"),
            '\\' => match chars.peek().copied() {
                Some(d) if d.is_ascii_digit() => {
                    chars.next();
                    out.push_str("${");
                    out.push(d);
                    out.push('}');
                }
                Some('\\') => {
                    chars.next();
                    out.push('\\');
                }
                _ => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

fn trim(a: &Args<'_, '_>, start: bool, end: bool) -> Answer {
    let at_start = a.cached(0, |p| super::args::compile(&format!("^(?:{p})")))?;
    let text = a.text(1);
    let mut from = 0;
    let mut to = text.len();
    if start && let Some(m) = at_start.find(&text) {
        from = m.end();
    }
    if end {
        // The match that reaches the end and begins first.
        let at_end = super::args::compile(&format!("(?:{})$", a.text(0)))?;
        if let Some(m) = at_end.find(&text[from..to]) {
            to = from + m.start();
        }
    }
    Ok(text_cell(&text[from..to]))
}

fn extract(a: &Args<'_, '_>) -> Answer {
    let regex = a.regex(0)?;
    let text = a.text(2);
    let captures = regex.captures(&text);
    let found = captures.as_ref().and_then(|c| match a.cell(1) {
        ValueRef::Text(name) => c.name(std::str::from_utf8(name).ok()?),
        _ => c.get(usize::try_from(a.int(1).unwrap_or(0)).ok()?),
    });
    Ok(text_cell(found.map_or("", |m| m.as_str())))
}

/// `extract_all(regex, [groups,] text)`: the planner passes (regex, groups or NULL, text).
fn extract_all(a: &Args<'_, '_>) -> Answer {
    let regex = a.regex(0)?;
    let text = a.text(2);
    if regex.captures_len() == 1 {
        let all: Vec<Json> = regex
            .find_iter(&text)
            .map(|m| Json::from(m.as_str()))
            .collect();
        return Ok(if all.is_empty() {
            Cell::Null
        } else {
            json_cell(&Json::Array(all))
        });
    }
    let groups: Vec<usize> = match a.json(1) {
        Json::Array(items) => {
            let mut groups = Vec::new();
            for item in &items {
                let group = match item {
                    Json::String(name) => regex.capture_names().position(|n| n == Some(name)),
                    other => dynamic::to_long(other).and_then(|i| usize::try_from(i).ok()),
                };
                match group.filter(|g| *g < regex.captures_len()) {
                    Some(group) => groups.push(group),
                    None => return refuse(format!("extract_all: there is no group {item}")),
                }
            }
            groups
        }
        _ => (1..regex.captures_len()).collect(),
    };
    let mut all = Vec::new();
    for captures in regex.captures_iter(&text) {
        let mut row: Vec<Json> = groups
            .iter()
            .map(|g| Json::from(captures.get(*g).map_or("", |m| m.as_str())))
            .collect();
        all.push(if row.len() == 1 {
            row.remove(0)
        } else {
            Json::Array(row)
        });
    }
    Ok(if all.is_empty() {
        Cell::Null
    } else {
        json_cell(&Json::Array(all))
    })
}

fn split(a: &Args<'_, '_>) -> Answer {
    let (text, by) = (a.text(0), a.text(1));
    let parts: Vec<&str> = if by.is_empty() {
        vec![&*text]
    } else {
        text.split(&*by).collect()
    };
    let parts: Vec<Json> = match a.int(2) {
        None => parts.into_iter().map(Json::from).collect(),
        Some(i) => {
            let i = if i < 0 { i + parts.len() as i64 } else { i };
            usize::try_from(i)
                .ok()
                .and_then(|i| parts.get(i))
                .map(|p| Json::from(*p))
                .into_iter()
                .collect()
        }
    };
    Ok(json_cell(&Json::Array(parts)))
}

/// `translate(from, to, text)`; a short `to` repeats its last character, an empty one deletes.
fn translate(a: &Args<'_, '_>) -> Answer {
    let from: Vec<char> = a.text(0).chars().collect();
    let to: Vec<char> = a.text(1).chars().collect();
    let out: String = a
        .text(2)
        .chars()
        .filter_map(|c| match from.iter().position(|f| *f == c) {
            None => Some(c),
            Some(i) => to.get(i).or(to.last()).copied(),
        })
        .collect();
    Ok(text_cell(out))
}
