//! Texts packed or written otherwise: Punycode, compressed text, GUIDs as bytes, ranges of addresses;
//! and times of places.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime as Civil;
use jiff::tz::{Disambiguation, TimeZone};
use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::args::{int_cell, json_cell, text_cell};
use super::{Args, Row, refuse};
use crate::engine::{dynamic, time};

type Answer = rusqlite::Result<Cell>;

/// Most bytes a packed text may grow to.
const MOST_BYTES: u64 = 64 << 20;

/// The functions of this file.
pub const TABLE: &[Row] = &[
    ("k_punycode_encode", |a| {
        Ok(text_cell(encode(&a.text(0)).unwrap_or_default()))
    }),
    ("k_punycode_decode", |a| {
        Ok(text_cell(decode(&a.text(0)).unwrap_or_default()))
    }),
    ("k_punycode_domain_decode", |a| {
        let text = a.text(0);
        let parts: Option<Vec<String>> = text
            .split('.')
            .map(|part| match part.get(..4) {
                Some(head) if head.eq_ignore_ascii_case("xn--") => decode(&part[4..]),
                _ => Some(part.to_owned()),
            })
            .collect();
        Ok(text_cell(parts.map(|p| p.join(".")).unwrap_or_default()))
    }),
    ("k_gunzip", |a| {
        unpacked(a, |bytes| {
            Box::new(flate2::read::MultiGzDecoder::new(bytes))
        })
    }),
    ("k_inflate", |a| {
        unpacked(a, |bytes| Box::new(flate2::read::ZlibDecoder::new(bytes)))
    }),
    ("k_base64_of_guid", |a| {
        let bytes = uuid::Uuid::parse_str(&a.text(0)).map(|id| id.to_bytes_le());
        Ok(text_cell(
            bytes.map_or_else(|_| String::new(), |b| STANDARD.encode(b)),
        ))
    }),
    ("k_guid_of_base64", |a| {
        let bytes = STANDARD.decode(a.text(0).trim()).ok();
        let id = bytes.and_then(|b| <[u8; 16]>::try_from(b).ok());
        Ok(id.map_or(Cell::Null, |b| {
            text_cell(uuid::Uuid::from_bytes_le(b).to_string())
        }))
    }),
    ("k_cidr_list", |a| {
        let end = |i: usize| a.text(i).trim().parse::<std::net::Ipv4Addr>();
        let (Ok(from), Ok(to)) = (end(0), end(1)) else {
            return Ok(Cell::Null);
        };
        let (from, to) = (u32::from(from), u32::from(to));
        Ok(json_cell(&networks(from, to)))
    }),
    ("k_utc_to_local", |a| {
        let (Some(ticks), Some(zone)) = (a.int(0), zone(a)?) else {
            return Ok(Cell::Null);
        };
        let moment = civil(ticks).and_then(|c| c.to_zoned(TimeZone::UTC).ok());
        Ok(int_cell(moment.and_then(|m| {
            from_civil(m.with_time_zone(zone).datetime(), ticks)
        })))
    }),
    ("k_local_to_utc", |a| {
        let (Some(ticks), Some(zone)) = (a.int(0), zone(a)?) else {
            return Ok(Cell::Null);
        };
        // A time that no clock shows is told from the offset after it, one shown twice from the first.
        let moment = civil(ticks).and_then(|c| {
            let ambiguous = zone.into_ambiguous_zoned(c);
            ambiguous.disambiguate(Disambiguation::Earlier).ok()
        });
        Ok(int_cell(moment.and_then(|m| {
            from_civil(m.with_time_zone(TimeZone::UTC).datetime(), ticks)
        })))
    }),
    ("k_erf", |a| Ok(real(a.real(0).map(erf)))),
    ("k_erfc", |a| Ok(real(a.real(0).map(|x| 1.0 - erf(x))))),
    ("k_beta_cdf", |a| {
        beta(a, |x, p, q| {
            if (0.0..=1.0).contains(&x) {
                Some(incomplete(x, p, q))
            } else {
                Some(f64::NAN)
            }
        })
    }),
    ("k_beta_pdf", |a| {
        beta(a, |x, p, q| {
            if !(0.0..=1.0).contains(&x) {
                return Some(f64::NAN);
            }
            Some(((p - 1.0) * x.ln() + (q - 1.0) * (1.0 - x).ln() - log_beta(p, q)).exp())
        })
    }),
    ("k_beta_inv", |a| {
        beta(a, |p_wanted, p, q| {
            if !(0.0..=1.0).contains(&p_wanted) {
                return None;
            }
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..200 {
                let middle = f64::midpoint(low, high);
                if incomplete(middle, p, q) < p_wanted {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Some(f64::midpoint(low, high))
        })
    }),
];

fn real(value: Option<f64>) -> Cell {
    super::args::real_cell(value)
}

/// Base64 text of packed text; what does not unpack to text is empty.
fn unpacked(a: &Args<'_, '_>, open: fn(&[u8]) -> Box<dyn Read + '_>) -> Answer {
    let Ok(bytes) = STANDARD.decode(a.text(0).trim()) else {
        return Ok(text_cell(""));
    };
    let mut text = String::new();
    let read = open(&bytes).take(MOST_BYTES + 1).read_to_string(&mut text);
    if text.len() as u64 > MOST_BYTES {
        return refuse("a packed text grows too large");
    }
    Ok(text_cell(if read.is_ok() { text } else { String::new() }))
}

// ---------------------------------------------------------------- Punycode, RFC 3492

/// The bias after `delta`, over `count` letters.
fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(1, 26)
}

fn encode(text: &str) -> Option<String> {
    let digit = |d: u32| {
        char::from(if d < 26 {
            b'a' + d as u8
        } else {
            b'0' + (d - 26) as u8
        })
    };
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    let mut done = basic;
    if basic > 0 {
        out.push('-');
    }
    let total = u32::try_from(text.chars().count()).ok()?;
    let (mut n, mut delta, mut bias) = (128u32, 0u32, 72u32);
    while done < total {
        let next = text.chars().map(u32::from).filter(|c| *c >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for c in text.chars().map(u32::from) {
            if c < n {
                delta = delta.checked_add(1)?;
            } else if c == n {
                let (mut q, mut k) = (delta, 36);
                loop {
                    let t = threshold(k, bias);
                    if q < t {
                        break;
                    }
                    out.push(digit(t + (q - t) % (36 - t)));
                    q = (q - t) / (36 - t);
                    k += 36;
                }
                out.push(digit(q));
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

fn decode(text: &str) -> Option<String> {
    let (mut out, rest): (Vec<char>, &str) = match text.rsplit_once('-') {
        Some((basic, rest)) => (basic.chars().collect(), rest),
        None => (Vec::new(), text),
    };
    let (mut n, mut i, mut bias) = (128u32, 0u32, 72u32);
    let mut digits = rest.bytes();
    while digits.len() > 0 {
        let (before, mut w, mut k) = (i, 1u32, 36);
        loop {
            let digit = match digits.next()? {
                d @ b'a'..=b'z' => u32::from(d - b'a'),
                d @ b'A'..=b'Z' => u32::from(d - b'A'),
                d @ b'0'..=b'9' => u32::from(d - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(w)?)?;
            let t = threshold(k, bias);
            if digit < t {
                break;
            }
            w = w.checked_mul(36 - t)?;
            k += 36;
        }
        let count = u32::try_from(out.len()).ok()? + 1;
        bias = adapt(i - before, count, before == 0);
        n = n.checked_add(i / count)?;
        i %= count;
        out.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

// ---------------------------------------------------------------- addresses

/// The fewest networks that hold the addresses from one to another.
fn networks(from: u32, to: u32) -> Json {
    let (mut at, to) = (u64::from(from), u64::from(to));
    let mut out = Vec::new();
    while at <= to {
        let mut size = if at == 0 {
            1 << 32
        } else {
            1u64 << at.trailing_zeros().min(32)
        };
        while at + size - 1 > to {
            size /= 2;
        }
        let address = std::net::Ipv4Addr::from(at as u32);
        out.push(Json::from(format!(
            "{address}/{}",
            32 - size.trailing_zeros()
        )));
        at += size;
    }
    Json::Array(out)
}

// ---------------------------------------------------------------- times of places

/// The zone named by argument 1; `None` where the name is null.
fn zone(a: &Args<'_, '_>) -> rusqlite::Result<Option<TimeZone>> {
    if a.is_null(1) {
        return Ok(None);
    }
    let zone = a.cached(1, |name| {
        TimeZone::get(name).or_else(|_| refuse(format!("there is no time zone '{name}'")))
    })?;
    Ok(Some(zone.as_ref().clone()))
}

/// A time as a calendar has it, whole seconds.
fn civil(ticks: i64) -> Option<Civil> {
    let p = time::parts(ticks);
    Civil::new(
        i16::try_from(p.year).ok()?,
        i8::try_from(p.month).ok()?,
        i8::try_from(p.day).ok()?,
        i8::try_from(p.hour).ok()?,
        i8::try_from(p.minute).ok()?,
        i8::try_from(p.second).ok()?,
        0,
    )
    .ok()
}

/// Ticks of a time of a calendar, with the parts of a second of other ticks.
fn from_civil(c: Civil, like: i64) -> Option<i64> {
    let days = time::days_from_civil(
        i64::from(c.year()),
        i64::from(c.month()),
        i64::from(c.day()),
    );
    let first = time::days_from_civil(1, 1, 1);
    let seconds = i64::from(c.hour()) * 3600 + i64::from(c.minute()) * 60 + i64::from(c.second());
    let ticks = (days - first) * time::DAY + seconds * time::SECOND + like.rem_euclid(time::SECOND);
    (0..=time::MAX_DATETIME).contains(&ticks).then_some(ticks)
}

// ---------------------------------------------------------------- distributions

/// The error function: its series near 0, else a continued fraction.
fn erf(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let z = x.abs();
    let value = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -z * z / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else if z > 6.0 {
        1.0
    } else {
        let tail = (1..120)
            .rev()
            .fold(0.0, |f, k| f64::from(k) / 2.0 / (z + f));
        1.0 - (-z * z).exp() / (z + tail) * std::f64::consts::FRAC_2_SQRT_PI / 2.0
    };
    value.copysign(x)
}

/// `(x, alpha, beta)`; without positive parameters not a number.
fn beta(a: &Args<'_, '_>, f: fn(f64, f64, f64) -> Option<f64>) -> Answer {
    let (Some(x), Some(p), Some(q)) = (a.real(0), a.real(1), a.real(2)) else {
        return Ok(Cell::Null);
    };
    if p <= 0.0 || q <= 0.0 || p.is_nan() || q.is_nan() || x.is_nan() {
        return Ok(real(Some(f64::NAN)));
    }
    Ok(real(f(x, p, q)))
}

fn log_beta(p: f64, q: f64) -> f64 {
    super::math::log_gamma(p) + super::math::log_gamma(q) - super::math::log_gamma(p + q)
}

/// The regularised incomplete beta function by its continued fraction (Lentz).
fn incomplete(x: f64, p: f64, q: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (p + 1.0) / (p + q + 2.0) {
        return 1.0 - incomplete(1.0 - x, q, p);
    }
    let front = (p * x.ln() + q * (1.0 - x).ln() - log_beta(p, q)).exp() / p;
    let small = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut f, mut c, mut d) = (1.0, 1.0, 0.0);
    for i in 0..500 {
        let m = f64::from(i / 2);
        let step = if i == 0 {
            1.0
        } else if i % 2 == 0 {
            m * (q - m) * x / ((p + 2.0 * m - 1.0) * (p + 2.0 * m))
        } else {
            -(p + m) * (p + q + m) * x / ((p + 2.0 * m) * (p + 2.0 * m + 1.0))
        };
        d = 1.0 / small(1.0 + step * d);
        c = small(1.0 + step / c);
        f *= c * d;
        if (1.0 - c * d).abs() < 1e-14 {
            break;
        }
    }
    front * (f - 1.0)
}

/// The elements of a bag or array as `buildschema` names types.
pub fn schema_of(value: &Json) -> Json {
    match value {
        Json::Null => Json::from("null"),
        Json::Bool(_) => Json::from("bool"),
        Json::Number(n) if n.is_f64() => Json::from("double"),
        Json::Number(_) => Json::from("long"),
        Json::String(s) if dynamic::parse_guid(s).is_some() => Json::from("guid"),
        Json::String(_) => Json::from("string"),
        Json::Array(items) => {
            let inner = items.iter().map(schema_of).reduce(merge_schema);
            let mut bag = serde_json::Map::new();
            bag.insert(
                "`indexer`".to_owned(),
                inner.unwrap_or_else(|| Json::from("null")),
            );
            Json::Object(bag)
        }
        Json::Object(bag) => {
            Json::Object(bag.iter().map(|(k, v)| (k.clone(), schema_of(v))).collect())
        }
    }
}

/// Two schemas as one: bags are merged, different types stand side by side.
pub fn merge_schema(a: Json, b: Json) -> Json {
    if a == b {
        return a;
    }
    let list = |v: Json| match v {
        Json::Array(items) => items,
        one => vec![one],
    };
    let mut all = list(a);
    for item in list(b) {
        let same = all
            .iter_mut()
            .find(|known| **known == item || (known.is_object() && item.is_object()));
        match (same, item) {
            (Some(Json::Object(known)), Json::Object(bag)) => {
                for (key, value) in bag {
                    let merged = match known.remove(&key) {
                        Some(before) => merge_schema(before, value),
                        None => value,
                    };
                    known.insert(key, merged);
                }
            }
            (Some(_), _) => {}
            (None, item) => all.push(item),
        }
    }
    if all.len() == 1 {
        all.swap_remove(0)
    } else {
        Json::Array(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punycode_both_ways() {
        for (plain, coded) in [
            ("bücher", "bcher-kva"),
            ("münchen", "mnchen-3ya"),
            ("例え", "r8jz45g"),
            ("abc", "abc-"),
            ("", ""),
        ] {
            assert_eq!(encode(plain).as_deref(), Some(coded));
            assert_eq!(decode(coded).as_deref(), Some(plain));
        }
        assert_eq!(decode("a!"), None);
        assert_eq!(decode("99999999"), None);
    }

    #[test]
    fn networks_of_a_range() {
        let of = |from: [u8; 4], to: [u8; 4]| {
            networks(u32::from_be_bytes(from), u32::from_be_bytes(to)).to_string()
        };
        assert_eq!(of([10, 0, 0, 0], [10, 0, 0, 255]), "[\"10.0.0.0/24\"]");
        assert_eq!(
            of([10, 0, 0, 1], [10, 0, 0, 4]),
            "[\"10.0.0.1/32\",\"10.0.0.2/31\",\"10.0.0.4/32\"]"
        );
        assert_eq!(of([0; 4], [255; 4]), "[\"0.0.0.0/0\"]");
        assert_eq!(of([2, 0, 0, 0], [1, 0, 0, 0]), "[]");
    }

    #[test]
    fn distributions() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(erf(0.5), 0.520_499_877_813_046_5);
        near(erf(-3.5), -0.999_999_256_901_627_7);
        near(incomplete(0.5, 2.0, 3.0), 0.6875);
        near(
            incomplete(0.9, 10.0, 20.0) + incomplete(0.1, 20.0, 10.0),
            1.0,
        );
    }

    #[test]
    fn schemas_merge() {
        let of = |items: &[&str]| {
            let all = items
                .iter()
                .map(|t| schema_of(&serde_json::from_str(t).expect("JSON")));
            all.reduce(merge_schema).expect("some").to_string()
        };
        assert_eq!(of(&["{\"a\":1}", "{\"a\":2}"]), "{\"a\":\"long\"}");
        assert_eq!(
            of(&["{\"a\":1,\"b\":[1,\"x\"]}", "{\"a\":\"y\"}"]),
            "{\"b\":{\"`indexer`\":[\"long\",\"string\"]},\"a\":[\"long\",\"string\"]}"
        );
    }
}
