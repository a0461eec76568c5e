//! From the text of a literal to its value. Instants and durations are ticks of 100 ns.

use super::types::{TICKS_PER_DAY, TICKS_PER_SECOND};

/// The text a string literal stands for: prefixes, quotes and escapes undone. Unclosed literals
/// give what they have.
pub fn string(raw: &str) -> String {
    let raw = raw.strip_prefix(['h', 'H']).unwrap_or(raw);
    let (verbatim, raw) = raw.strip_prefix('@').map_or((false, raw), |r| (true, r));
    for fence in ["```", "~~~"] {
        if let Some(body) = raw.strip_prefix(fence) {
            return body.strip_suffix(fence).unwrap_or(body).to_owned();
        }
    }
    let Some(quote) = raw.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return raw.to_owned();
    };
    let body = &raw[1..];
    if verbatim {
        let body = body.strip_suffix(quote).unwrap_or(body);
        return body.replace(&format!("{quote}{quote}"), &quote.to_string());
    }
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        if c == quote {
            break;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut code = |digits: usize, chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let hex: String = chars.by_ref().take(digits).collect();
            out.push(
                u32::from_str_radix(&hex, 16)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or('\u{fffd}'),
            );
        };
        match chars.next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('x') => code(2, &mut chars),
            Some('u') => code(4, &mut chars),
            Some('U') => code(8, &mut chars),
            Some(d @ '0'..='7') => {
                let mut value = d as u32 - 48;
                let limit = if d <= '3' { 2 } else { 1 };
                for _ in 0..limit {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    value = value * 8 + next;
                    chars.next();
                }
                out.push(char::from_u32(value).unwrap_or('\u{fffd}'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// What stands between the parentheses of `datetime(...)`, without white space around; the whole text
/// if there are none.
pub fn inner(raw: &str) -> &str {
    let Some(open) = raw.find('(') else {
        return raw.trim();
    };
    let body = &raw[open + 1..];
    let body = body.strip_suffix(')').unwrap_or(body).trim();
    for quote in ['"', '\''] {
        if let Some(b) = body.strip_prefix(quote).and_then(|b| b.strip_suffix(quote)) {
            return b;
        }
    }
    body
}

/// A whole number: decimal or `0x`, with a sign.
pub fn long(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |t| (true, t.trim_start()));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let value = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()? as i64),
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<i128>().ok()?,
        None => return None,
    };
    i64::try_from(if negative { -value } else { value }).ok()
}

/// A floating point number; `nan`, `+inf`, `-inf` too.
pub fn real(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Some(f64::NAN),
        "inf" | "+inf" | "infinity" => return Some(f64::INFINITY),
        "-inf" | "-infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    text.parse().ok()
}

/// A duration in ticks: `1.5h`, `2d`, `100ms`, `1.02:03:04.5`, `02:03`, `3` (days), with a sign.
pub fn timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('-') {
        return timespan_positive(rest).map(|t| -t);
    }
    timespan_positive(text.strip_prefix('+').unwrap_or(text))
}

fn timespan_positive(text: &str) -> Option<i64> {
    if text.is_empty() || !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if text.contains(':') {
        let mut parts: Vec<&str> = text.split(':').collect();
        let (days, hours) = match parts[0].split_once('.') {
            Some((d, h)) => (d.parse::<i64>().ok()?, h),
            None => (0, parts[0]),
        };
        if parts.len() == 4 {
            // d:hh:mm:ss
            let days = parts.remove(0).parse::<i64>().ok()?;
            return clock(&parts).and_then(|t| t.checked_add(days.checked_mul(TICKS_PER_DAY)?));
        }
        parts[0] = hours;
        return clock(&parts)?.checked_add(days.checked_mul(TICKS_PER_DAY)?);
    }
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let ticks: i64 = match unit.trim() {
        "" | "d" | "day" | "days" => TICKS_PER_DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * TICKS_PER_SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * TICKS_PER_SECOND,
        "s" | "sec" | "second" | "seconds" => TICKS_PER_SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => {
            TICKS_PER_SECOND / 1000
        }
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => 10,
        "nano" | "nanos" | "nanosec" | "nanosecond" | "nanoseconds" => {
            return number.parse::<f64>().ok().map(|n| (n / 100.0) as i64);
        }
        "tick" | "ticks" => 1,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(ticks);
    }
    let value = number.parse::<f64>().ok()? * ticks as f64;
    (value.abs() < 9.2e18).then(|| value.round() as i64)
}

/// `hh:mm[:ss[.fffffff]]` in ticks.
fn clock(parts: &[&str]) -> Option<i64> {
    let number = |s: &str| {
        (!s.is_empty() && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<i64>().ok())?
    };
    let (hours, minutes) = (number(parts.first()?)?, number(parts.get(1)?)?);
    // checked before any sum: the digits may be too many for one
    if hours >= 24 || minutes >= 60 || parts.len() > 3 {
        return None;
    }
    let ticks = (hours * 3600 + minutes * 60) * TICKS_PER_SECOND;
    let Some(seconds) = parts.get(2) else {
        return Some(ticks);
    };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let seconds = number(whole)?.checked_mul(TICKS_PER_SECOND)?;
    ticks
        .checked_add(seconds)?
        .checked_add(fraction_ticks(fraction)?)
}

fn fraction_ticks(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seven: String = digits.chars().chain("0000000".chars()).take(7).collect();
    seven.parse().ok()
}

/// Days since 0001-01-01 of a date of the Gregorian calendar.
pub fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let months: i64 = lengths[..(month - 1) as usize].iter().sum();
    Some(before * 365 + before / 4 - before / 100 + before / 400 + months + day - 1)
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// An instant in ticks since 0001-01-01T00:00:00Z: ISO 8601 in its many forms, `M/D/YYYY`, RFC 822/850.
pub fn datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "min" => return Some(0),
        "max" => return Some(days_of(9999, 12, 31)? * TICKS_PER_DAY + TICKS_PER_DAY - 1),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic())
        || text.chars().any(|c| {
            c.is_ascii_alphabetic()
                && !matches!(c, 'T' | 't' | 'Z' | 'z' | 'A' | 'P' | 'M' | 'a' | 'p' | 'm')
        })
    {
        return rfc822(text);
    }
    let split = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, rest) = text.split_at(split);
    let days = if date.contains('/') {
        let parts: Vec<i64> = date
            .split('/')
            .map(|p| p.parse().ok())
            .collect::<Option<_>>()?;
        match parts[..] {
            [y, m, d] if y > 31 => days_of(y, m, d)?,
            [m, d, y] => days_of(y, m, d)?,
            _ => return None,
        }
    } else if date.contains('-') {
        let parts: Vec<i64> = date
            .split('-')
            .map(|p| p.parse().ok())
            .collect::<Option<_>>()?;
        match parts[..] {
            [y, m, d] => days_of(y, m, d)?,
            [y, m] => days_of(y, m, 1)?,
            _ => return None,
        }
    } else if date.bytes().all(|b| b.is_ascii_digit()) {
        let n: i64 = date.parse().ok()?;
        match date.len() {
            4 => days_of(n, 1, 1)?,
            6 => days_of(n / 100, n % 100, 1)?,
            8 => days_of(n / 10_000, n / 100 % 100, n % 100)?,
            _ => return None,
        }
    } else {
        return None;
    };
    let time = time_of_day(rest.trim_start_matches(['T', 't', ' ']))?;
    (days * TICKS_PER_DAY).checked_add(time)
}

/// `hh:mm[:ss[.f]]`, with `AM`/`PM`, `Z` or `+hh:mm`; empty for midnight.
fn time_of_day(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    let (text, mut offset) = match text.strip_suffix(['Z', 'z']) {
        Some(t) => (t.trim(), 0),
        None => (text, 0),
    };
    let mut text = text
        .strip_suffix("GMT")
        .or_else(|| text.strip_suffix("UTC"))
        .unwrap_or(text)
        .trim();
    if let Some(sign) = text.rfind(['+', '-']) {
        let zone = &text[sign + 1..];
        let (h, m) = match zone.split_once(':') {
            Some((h, m)) => (h.parse::<i64>().ok()?, m.parse::<i64>().ok()?),
            None if zone.len() == 4 => (
                zone[..2].parse::<i64>().ok()?,
                zone[2..].parse::<i64>().ok()?,
            ),
            None => (zone.parse::<i64>().ok()?, 0),
        };
        offset = (h * 3600 + m * 60) * TICKS_PER_SECOND;
        if text[sign..].starts_with('-') {
            offset = -offset;
        }
        text = text[..sign].trim();
    }
    let upper = text.to_ascii_uppercase();
    let (half, clock_text) = if let Some(t) = upper.strip_suffix("AM") {
        (Some(0), t.trim().to_owned())
    } else if let Some(t) = upper.strip_suffix("PM") {
        (Some(12), t.trim().to_owned())
    } else {
        (None, upper)
    };
    let parts: Vec<&str> = clock_text.split(':').collect();
    let mut ticks = if parts.len() == 1 {
        parts[0]
            .parse::<i64>()
            .ok()
            .filter(|h| (0..24).contains(h))?
            * 3600
            * TICKS_PER_SECOND
    } else {
        clock(&parts)?
    };
    if let Some(half) = half {
        let hour = 3600 * TICKS_PER_SECOND;
        ticks = ticks % (12 * hour) + half * hour;
    }
    Some(ticks - offset)
}

/// `Sat, 8 Nov 14 15:05:02 GMT`, `Saturday, 08-Nov-14 15:05:02 UTC`.
fn rfc822(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest).trim();
    let mut words = text.splitn(2, ' ');
    let first = words.next()?;
    let (day, month, year, rest) = if first.contains('-') {
        let parts: Vec<&str> = first.split('-').collect();
        let [d, m, y] = parts[..] else { return None };
        (d, m, y, words.next().unwrap_or(""))
    } else {
        let mut parts = text.splitn(4, ' ');
        (
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next().unwrap_or(""),
        )
    };
    let month = MONTHS
        .iter()
        .position(|m| month.to_ascii_lowercase().starts_with(m))? as i64
        + 1;
    let mut year: i64 = year.parse().ok()?;
    if year < 100 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    Some(days_of(year, month, day.parse().ok()?)? * TICKS_PER_DAY + time_of_day(rest)?)
}

/// The calendar date of days since 0001-01-01.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    // days in 400, 100, 4 and 1 years of the Gregorian calendar
    let (n400, rest) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let n100 = (rest / 36_524).min(3);
    let rest = rest - n100 * 36_524;
    let n4 = rest / 1_461;
    let rest = rest - n4 * 1_461;
    let n1 = (rest / 365).min(3);
    let mut day = rest - n1 * 365;
    let year = n400 * 400 + n100 * 100 + n4 * 4 + n1 + 1;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in lengths {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

/// `2024-01-02T03:04:05.0000000Z`
pub fn datetime_text(ticks: i64) -> String {
    let (year, month, day) = date_of(ticks.div_euclid(TICKS_PER_DAY));
    let time = ticks.rem_euclid(TICKS_PER_DAY);
    let seconds = time / TICKS_PER_SECOND;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:07}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        time % TICKS_PER_SECOND
    )
}

/// `[-][d.]hh:mm:ss[.fffffff]`
pub fn timespan_text(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let second = TICKS_PER_SECOND.unsigned_abs();
    let (days, time) = (
        ticks / TICKS_PER_DAY.unsigned_abs(),
        ticks % TICKS_PER_DAY.unsigned_abs(),
    );
    let seconds = time / second;
    let days = if days > 0 {
        format!("{days}.")
    } else {
        String::new()
    };
    let fraction = if time % second > 0 {
        format!(".{:07}", time % second)
    } else {
        String::new()
    };
    format!(
        "{sign}{days}{:02}:{:02}:{:02}{fraction}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Text as a JSON string.
pub fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                use std::fmt::Write as _;
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        assert_eq!(string(r#""a\"b\n\x41\u0042\101""#), "a\"b\nABA");
        assert_eq!(string("@'C:\\x''y'"), "C:\\x'y");
        assert_eq!(string("h@\"a\""), "a");
        assert_eq!(string("```\na```"), "\na");
        assert_eq!(string("'open"), "open");
    }

    #[test]
    fn durations() {
        assert_eq!(timespan("1.5h"), Some(54_000_000_000));
        assert_eq!(timespan("2"), Some(2 * TICKS_PER_DAY));
        assert_eq!(
            timespan("-1.02:03:04.5"),
            Some(-(TICKS_PER_DAY + 73_845_000_000))
        );
        assert_eq!(timespan("100ms"), Some(1_000_000));
        assert_eq!(timespan("1tick"), Some(1));
        assert_eq!(timespan("x"), None);
        for too_long in [
            "000000000800000003:04",
            "1:02:8000000000000000",
            "99999999999999999d",
        ] {
            assert_eq!(timespan(too_long), None, "{too_long}");
        }
    }

    #[test]
    fn times_as_text() {
        let ticks = datetime("2024-02-29 03:04:05.0000001").unwrap_or(0);
        assert_eq!(datetime_text(ticks), "2024-02-29T03:04:05.0000001Z");
        assert_eq!(date_of(days_of(9999, 12, 31).unwrap_or(0)), (9999, 12, 31));
        assert_eq!(timespan_text(-(TICKS_PER_DAY + 5)), "-1.00:00:00.0000005");
        assert_eq!(timespan_text(90 * TICKS_PER_SECOND), "00:01:30");
    }

    #[test]
    fn instants() {
        let epoch = crate::kql::types::UNIX_EPOCH_TICKS;
        assert_eq!(datetime("1970-01-01"), Some(epoch));
        assert_eq!(datetime("1970-01-01T00:00:01.5Z"), Some(epoch + 15_000_000));
        assert_eq!(datetime("1970-01-01 02:00+02:00"), Some(epoch));
        assert_eq!(
            datetime("1/2/1970 1:00 PM"),
            Some(epoch + 37 * 3600 * TICKS_PER_SECOND)
        );
        assert_eq!(
            datetime("Thu, 1 Jan 70 00:00:01 GMT"),
            Some(epoch + TICKS_PER_SECOND)
        );
        assert_eq!(
            datetime("2024"),
            Some(days_of(2024, 1, 1).unwrap_or(0) * TICKS_PER_DAY)
        );
        assert_eq!(datetime("2023-02-29"), None);
        assert_eq!(datetime("garbage"), None);
    }
}
