//! Encodings, hashes, and texts with a form of their own: URLs, paths, command lines, CSV, versions.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Map, Value as Json, json};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::args::{bool_cell, json_cell, text_cell};
use super::{Args, Row};
use crate::engine::dynamic;

type Answer = rusqlite::Result<Cell>;

/// The functions of this file.
pub const TABLE: &[Row] = &[
    ("k_base64_encode", |a| {
        Ok(text_cell(STANDARD.encode(a.text(0).as_bytes())))
    }),
    ("k_base64_decode", |a| {
        Ok(text_cell(
            unbase64(&a.text(0))
                .and_then(|b| String::from_utf8(b).ok())
                .unwrap_or_default(),
        ))
    }),
    ("k_base64_decode_array", |a| {
        Ok(unbase64(&a.text(0)).map_or(Cell::Null, |b| json_cell(&Json::from(b))))
    }),
    ("k_base64_encode_array", |a| {
        let Json::Array(items) = a.json(0) else {
            return Ok(text_cell(""));
        };
        let bytes: Option<Vec<u8>> = items
            .iter()
            .map(|v| dynamic::to_long(v).and_then(|b| u8::try_from(b).ok()))
            .collect();
        Ok(text_cell(
            bytes.map(|b| STANDARD.encode(b)).unwrap_or_default(),
        ))
    }),
    ("k_url_encode", |a| {
        Ok(text_cell(url_encode(&a.text(0), "-_.~!*'()", true)))
    }),
    ("k_url_encode_component", |a| {
        Ok(text_cell(url_encode(&a.text(0), "-_.~", false)))
    }),
    ("k_url_decode", |a| Ok(text_cell(url_decode(&a.text(0))))),
    // Text is hashed as its bytes, numbers and times as the eight bytes they are.
    ("k_hash", |a| {
        let hash = match a.cell(0) {
            ValueRef::Integer(i) => xxhash64(&i.to_le_bytes(), 0),
            ValueRef::Null => return Ok(Cell::Null),
            _ => xxhash64(a.text(0).as_bytes(), 0),
        };
        Ok(modulo(hash as i64, a.int(1)))
    }),
    ("k_hash_md5", |a| {
        Ok(text_cell(hex(&Md5::digest(a.text(0).as_bytes()))))
    }),
    ("k_hash_sha1", |a| {
        Ok(text_cell(hex(&Sha1::digest(a.text(0).as_bytes()))))
    }),
    ("k_hash_sha256", |a| {
        Ok(text_cell(hex(&Sha256::digest(a.text(0).as_bytes()))))
    }),
    ("k_tohex", |a| {
        let Some(value) = a.int(0) else {
            return Ok(text_cell(""));
        };
        let width = a.int(1).unwrap_or(0).clamp(0, 64) as usize;
        Ok(text_cell(format!("{value:0>width$x}")))
    }),
    ("k_parse_url", |a| Ok(json_cell(&parse_url(&a.text(0))))),
    ("k_parse_urlquery", |a| {
        Ok(json_cell(
            &json!({ "Query Parameters": query_parameters(a.text(0).trim_start_matches('?')) }),
        ))
    }),
    ("k_parse_path", |a| Ok(json_cell(&parse_path(&a.text(0))))),
    ("k_parse_command_line", |a| {
        let text = a.text(0);
        if text.trim().is_empty() || !a.text(1).eq_ignore_ascii_case("windows") {
            return Ok(Cell::Null);
        }
        Ok(json_cell(&Json::from(command_line(&text))))
    }),
    ("k_parse_csv", |a| {
        Ok(json_cell(&Json::from(parse_csv(&a.text(0)))))
    }),
    ("k_parse_version", |a| {
        Ok(parse_version(&a.text(0)).map_or(Cell::Null, text_cell))
    }),
    ("k_format_bytes", format_bytes),
    ("k_isutf8", |_| Ok(bool_cell(true))),
];

fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn modulo(hash: i64, by: Option<i64>) -> Cell {
    match by {
        None => Cell::Integer(hash),
        Some(0) => Cell::Null,
        // The remainder of the unsigned number.
        Some(m) => Cell::Integer(((hash as u64) % m.unsigned_abs()) as i64),
    }
}

fn url_encode(text: &str, keep: &str, plus: bool) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        let c = b as char;
        if c.is_ascii_alphanumeric() || keep.contains(c) {
            out.push(c);
        } else if plus && c == ' ' {
            out.push('+');
        } else {
            let _ = write!(out, "%{b:02x}");
        }
    }
    out
}

fn url_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'%' => {
                let code = text
                    .get(i + 1..i + 3)
                    .and_then(|h| u8::from_str_radix(h, 16).ok());
                if let Some(code) = code {
                    out.push(code);
                    i += 3;
                    continue;
                }
                out.push(b'%');
            }
            b'+' => out.push(b' '),
            b => out.push(b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// xxHash, 64 bits: what `hash()` and `hash_xxhash64()` are.
pub fn xxhash64(input: &[u8], seed: u64) -> u64 {
    const P1: u64 = 0x9E37_79B1_85EB_CA87;
    const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
    const P3: u64 = 0x1656_67B1_9E37_79F9;
    const P4: u64 = 0x85EB_CA77_C2B2_AE63;
    const P5: u64 = 0x27D4_EB2F_1656_67C5;
    let word = |b: &[u8]| u64::from_le_bytes(b.try_into().unwrap_or_default());
    let round = |acc: u64, lane: u64| {
        acc.wrapping_add(lane.wrapping_mul(P2))
            .rotate_left(31)
            .wrapping_mul(P1)
    };
    let mut rest = input;
    let mut h = if input.len() >= 32 {
        let mut v = [
            seed.wrapping_add(P1).wrapping_add(P2),
            seed.wrapping_add(P2),
            seed,
            seed.wrapping_sub(P1),
        ];
        while rest.len() >= 32 {
            for (i, lane) in v.iter_mut().enumerate() {
                *lane = round(*lane, word(&rest[i * 8..i * 8 + 8]));
            }
            rest = &rest[32..];
        }
        let mut h = v[0]
            .rotate_left(1)
            .wrapping_add(v[1].rotate_left(7))
            .wrapping_add(v[2].rotate_left(12))
            .wrapping_add(v[3].rotate_left(18));
        for lane in v {
            h = (h ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
        }
        h
    } else {
        seed.wrapping_add(P5)
    };
    h = h.wrapping_add(input.len() as u64);
    while rest.len() >= 8 {
        h = (h ^ round(0, word(&rest[..8])))
            .rotate_left(27)
            .wrapping_mul(P1)
            .wrapping_add(P4);
        rest = &rest[8..];
    }
    if rest.len() >= 4 {
        let lane = u64::from(u32::from_le_bytes(rest[..4].try_into().unwrap_or_default()));
        h = (h ^ lane.wrapping_mul(P1))
            .rotate_left(23)
            .wrapping_mul(P2)
            .wrapping_add(P3);
        rest = &rest[4..];
    }
    for b in rest {
        h = (h ^ u64::from(*b).wrapping_mul(P5))
            .rotate_left(11)
            .wrapping_mul(P1);
    }
    h = (h ^ (h >> 33)).wrapping_mul(P2);
    h = (h ^ (h >> 29)).wrapping_mul(P3);
    h ^ (h >> 32)
}

fn query_parameters(query: &str) -> Json {
    let mut out = Map::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
        out.insert(url_decode(k), Json::from(url_decode(v)));
    }
    Json::Object(out)
}

/// The parts of an absolute URL; all empty for text that is none.
fn parse_url(text: &str) -> Json {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() => (scheme, rest),
        _ => match text.split_once(':') {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphabetic()) => {
                (scheme, rest)
            }
            _ => ("", text),
        },
    };
    if scheme.is_empty() {
        return json!({"Scheme": "", "Host": "", "Port": "", "Path": "", "Username": "", "Password": "",
            "Query Parameters": {}, "Fragment": ""});
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let (host, port) = match host.rsplit_once(':') {
        Some((h, p)) if !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) => (h, p),
        _ => (host, ""),
    };
    json!({
        "Scheme": scheme, "Host": host, "Port": port, "Path": path,
        "Username": name, "Password": password,
        "Query Parameters": query_parameters(query), "Fragment": fragment,
    })
}

fn parse_path(text: &str) -> Json {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let rest = rest.trim_start_matches(if scheme.is_empty() { "\u{0}" } else { "/" });
    let is_separator = |c: char| c == '/' || c == '\\';
    let drive = rest.as_bytes().get(1) == Some(&b':') && rest.as_bytes()[0].is_ascii_alphabetic();
    let root = if drive {
        &rest[..2]
    } else {
        // A share and the root of Unix have no name of their own.
        ""
    };
    // A colon behind the root begins an alternate data stream.
    let tail = &rest[root.len()..];
    let (body, stream) = match tail.split_once(':') {
        Some((body, stream)) => (&rest[..root.len() + body.len()], stream),
        None => (rest, ""),
    };
    let (directory, file) = match body.rfind(is_separator) {
        Some(at) => (&body[..at], &body[at + 1..]),
        None => ("", body),
    };
    let name = directory.rsplit(is_separator).next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, e)| e);
    json!({
        "Scheme": scheme, "RootPath": root, "DirectoryPath": directory, "DirectoryName": name,
        "Filename": file, "Extension": extension, "AlternateDataStreamName": stream,
    })
}

/// Splits a Windows command line by the rules of `CommandLineToArgvW`.
pub fn command_line(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut chars = text.trim().chars().peekable();
    while chars.peek().is_some() {
        let mut arg = String::new();
        let mut quoted = false;
        while let Some(c) = chars.peek().copied() {
            match c {
                ' ' | '\t' if !quoted => break,
                '\\' => {
                    let mut n = 0;
                    while chars.next_if_eq(&'\\').is_some() {
                        n += 1;
                    }
                    if chars.peek() == Some(&'"') {
                        arg.extend(std::iter::repeat_n('\\', n / 2));
                        if n % 2 == 1 {
                            arg.push('"');
                            chars.next();
                        }
                    } else {
                        arg.extend(std::iter::repeat_n('\\', n));
                    }
                }
                '"' => {
                    chars.next();
                    if quoted && chars.peek() == Some(&'"') {
                        arg.push('"');
                        chars.next();
                    } else {
                        quoted = !quoted;
                    }
                }
                c => {
                    arg.push(c);
                    chars.next();
                }
            }
        }
        out.push(arg);
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }
    out
}

/// The fields of the first record of a CSV text.
fn parse_csv(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    let mut fresh = true;
    while let Some(c) = chars.next() {
        let field = out.last_mut().expect("there is always a field");
        match c {
            '"' if quoted => {
                if chars.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    quoted = false;
                }
            }
            '"' if fresh => quoted = true,
            ',' if !quoted => {
                out.push(String::new());
                fresh = true;
                continue;
            }
            '\r' | '\n' if !quoted => break,
            c => field.push(c),
        }
        fresh = false;
    }
    out
}

/// A version of up to four numbers as one comparable decimal number.
fn parse_version(text: &str) -> Option<String> {
    let mut value: i128 = 0;
    let parts: Vec<&str> = text.trim().split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    for i in 0..4 {
        let part = parts.get(i).copied().unwrap_or("0");
        if part.is_empty() || part.len() > 8 {
            return None;
        }
        value = value * 100_000_000 + part.parse::<u32>().ok().map(i128::from)?;
    }
    Some(value.to_string())
}

fn format_bytes(a: &Args<'_, '_>) -> Answer {
    const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let Some(bytes) = a.real(0) else {
        return Ok(text_cell(""));
    };
    let digits = a.int(1).unwrap_or(0).clamp(0, 15) as i32;
    let wanted = a.text(2);
    let mut unit = UNITS.iter().position(|u| u.eq_ignore_ascii_case(&wanted));
    let mut value = bytes;
    if let Some(unit) = unit {
        value /= 1024f64.powi(unit as i32);
    } else {
        let mut i = 0;
        while value.abs() >= 1024.0 && i + 1 < UNITS.len() {
            value /= 1024.0;
            i += 1;
        }
        unit = Some(i);
    }
    let scale = 10f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    let name = UNITS[unit.unwrap_or(0)];
    Ok(text_cell(format!(
        "{} {name}",
        crate::engine::value::real_text(rounded)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxhash_of_known_inputs() {
        assert_eq!(xxhash64(b"", 0), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxhash64(b"abc", 0), 0x44BC_2CF5_AD77_0999);
        let long: Vec<u8> = b"0123456789".iter().cycle().take(101).copied().collect();
        assert_ne!(xxhash64(&long, 0), xxhash64(&long[1..], 0));
    }

    #[test]
    fn command_lines_split_like_windows() {
        assert_eq!(
            command_line(r#"echo "hello world!""#),
            ["echo", "hello world!"]
        );
        assert_eq!(command_line(r#"a\\b d"e f"g h"#), [r"a\\b", "de fg", "h"]);
        assert_eq!(command_line(r#"a\\\"b c d"#), [r#"a\"b"#, "c", "d"]);
    }

    #[test]
    fn texts_of_known_form() {
        assert_eq!(parse_csv("a,\"b,\"\"c\",d\nx,y"), ["a", "b,\"c", "d"]);
        let url = parse_url("https://u:p@host:8443/a/b?x=1&y=%20#frag");
        assert_eq!(url["Host"], "host");
        assert_eq!(url["Port"], "8443");
        assert_eq!(url["Query Parameters"]["y"], " ");
        assert_eq!(parse_path(r"C:\temp\file.txt")["DirectoryName"], "temp");
        assert_eq!(
            parse_path(r"C:\temp\file.txt:x.exe")["AlternateDataStreamName"],
            "x.exe"
        );
        assert_eq!(url_decode("a%3ab%zz+c"), "a:b%zz c");
    }
}
