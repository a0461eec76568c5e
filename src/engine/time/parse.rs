//! Reading datetimes and timespans.

use super::{DAY, HOUR, MAX_DATETIME, MICROSECOND, MILLISECOND, MINUTE, Parts, SECOND, from_parts};

/// Reads digits as a fraction of a second in ticks (digits past the seventh are cut).
fn fraction_ticks(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut ticks = 0;
    for i in 0..7 {
        ticks = ticks * 10 + i64::from(digits.as_bytes().get(i).map_or(0, |b| b - b'0'));
    }
    Some(ticks)
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `hh:mm[:ss[.fffffff]]` with an optional ` AM`/` PM`, in ticks of the day.
fn clock(text: &str) -> Option<i64> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let (body, half) = if let Some(body) = upper.strip_suffix("AM") {
        (body.trim_end(), Some(0))
    } else if let Some(body) = upper.strip_suffix("PM") {
        (body.trim_end(), Some(12))
    } else {
        (upper.as_str(), None)
    };
    let mut pieces = body.split(':');
    let mut hour = number(pieces.next()?)?;
    let minute = match pieces.next() {
        Some(m) => number(m)?,
        None if half.is_some() => 0,
        None => return None,
    };
    let (second, fraction) = match pieces.next() {
        None => (0, 0),
        Some(s) => match s.split_once(['.', ',']) {
            Some((s, f)) => (number(s)?, fraction_ticks(f)?),
            None => (number(s)?, 0),
        },
    };
    if pieces.next().is_some() || minute > 59 || second > 59 {
        return None;
    }
    if let Some(add) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + add;
    }
    // 24:00:00 is the end of the day, as in ISO 8601.
    if hour > 24 || (hour == 24 && (minute, second, fraction) != (0, 0, 0)) {
        return None;
    }
    Some(hour * HOUR + minute * MINUTE + second * SECOND + fraction)
}

/// Splits a trailing zone (`Z`, `UTC`, `GMT`, `+02:00`, `-0530`) off a clock text; offset in ticks.
fn split_zone(text: &str) -> Option<(&str, i64)> {
    let text = text.trim();
    for name in ["Z", "z", "UTC", "GMT", "utc", "gmt"] {
        if let Some(rest) = text.strip_suffix(name) {
            return Some((rest.trim_end(), 0));
        }
    }
    if let Some(at) = text.rfind(['+', '-']) {
        let (head, zone) = text.split_at(at);
        let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
        let (h, m) = match digits.len() {
            1 | 2 => (number(&digits)?, 0),
            4 => (number(&digits[..2])?, number(&digits[2..])?),
            _ => return None,
        };
        let offset = h * HOUR + m * MINUTE;
        let offset = if zone.starts_with('-') {
            -offset
        } else {
            offset
        };
        return Some((head.trim_end(), offset));
    }
    Some((text, 0))
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

fn month_name(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let found = MONTHS.iter().position(|m| lower.starts_with(m))?;
    Some(found as i64 + 1)
}

/// Reads a datetime in the formats the language knows: ISO 8601 and its shortenings, the RFC 822 and
/// RFC 850 forms, `MM/dd/yyyy` with a clock. `None` for anything else.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let in_range = |t: i64| (0..=MAX_DATETIME).contains(&t).then_some(t);
    let date = |y: i64, m: i64, d: i64| {
        from_parts(Parts {
            year: y,
            month: m,
            day: d,
            hour: 0,
            minute: 0,
            second: 0,
            fraction: 0,
        })
    };
    let first = text.bytes().next()?;
    if first.is_ascii_digit() {
        let head_len = text
            .find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '/'))
            .unwrap_or(text.len());
        let (head, rest) = text.split_at(head_len);
        let day = if head.contains('/') {
            let p: Vec<&str> = head.split('/').collect();
            match p.as_slice() {
                [y, m, d] if y.len() == 4 => date(number(y)?, number(m)?, number(d)?)?,
                [m, d, y] => date(number(y)?, number(m)?, number(d)?)?,
                _ => return None,
            }
        } else if head.contains('-') {
            let p: Vec<&str> = head.split('-').collect();
            match p.as_slice() {
                [y, m, d] if y.len() == 4 => date(number(y)?, number(m)?, number(d)?)?,
                [m, d, y] if y.len() == 4 => date(number(y)?, number(m)?, number(d)?)?,
                [y, m] if y.len() == 4 => date(number(y)?, number(m)?, 1)?,
                _ => return None,
            }
        } else if head.len() == 8 {
            date(
                number(&head[..4])?,
                number(&head[4..6])?,
                number(&head[6..])?,
            )?
        } else if head.len() == 4 && rest.is_empty() {
            date(number(head)?, 1, 1)?
        } else {
            return parse_rfc(text);
        };
        let rest = rest.strip_prefix(['T', 't', ',']).unwrap_or(rest).trim();
        if rest.is_empty() {
            return in_range(day);
        }
        let (body, offset) = split_zone(rest)?;
        let clock = if body.is_empty() { 0 } else { clock(body)? };
        return in_range(day + clock - offset);
    }
    parse_rfc(text)
}

/// `Sat, 8 Nov 2014 15:05:02 GMT`, `Saturday, 08-Nov-14 15:05:02 GMT` and the same without the weekday.
fn parse_rfc(text: &str) -> Option<i64> {
    let text = match text.split_once(',') {
        Some((weekday, rest)) if weekday.bytes().all(|b| b.is_ascii_alphabetic()) => rest.trim(),
        _ => text,
    };
    let spaced: String = match text.find(' ') {
        Some(at) if text[..at].contains('-') => text.replacen('-', " ", 2),
        _ => text.to_owned(),
    };
    let mut words = spaced.split_whitespace();
    let day = number(words.next()?)?;
    let month = month_name(words.next()?)?;
    let year_text = words.next()?;
    let mut year = number(year_text)?;
    if year_text.len() == 2 {
        year += if year < 30 { 2000 } else { 1900 };
    }
    let rest = words.collect::<Vec<_>>().join(" ");
    let (body, offset) = split_zone(&rest)?;
    let clock = if body.is_empty() { 0 } else { clock(body)? };
    let parts = Parts {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        fraction: 0,
    };
    let ticks = from_parts(parts)? + clock - offset;
    (0..=MAX_DATETIME).contains(&ticks).then_some(ticks)
}

/// Reads a timespan: `[-][d.]hh:mm[:ss[.fffffff]]`, a bare number of days, or a number with a unit
/// (`1d`, `1.5h`, `100ms`, `1tick`, `2 seconds`). `None` for anything else.
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    if body.is_empty() {
        return None;
    }
    let ticks = if body.contains(':') {
        let (days, clock_text) = match body.split_once(':') {
            Some((head, _)) if head.contains('.') => {
                let (d, _) = head.split_once('.')?;
                (number(d)?, &body[d.len() + 1..])
            }
            _ => (0, body),
        };
        let mut p = clock_text.split(':');
        let mut fields = vec![p.next()?, p.next()?];
        fields.extend(p);
        let (days, h, m, s) = match fields.as_slice() {
            [h, m] => (days, *h, *m, "0"),
            [h, m, s] => (days, *h, *m, *s),
            // `d:hh:mm:ss`
            [d, h, m, s] if days == 0 => (number(d)?, *h, *m, *s),
            _ => return None,
        };
        let (s, f) = match s.split_once('.') {
            Some((s, f)) => (number(s)?, fraction_ticks(f)?),
            None => (number(s)?, 0),
        };
        let (h, m) = (number(h)?, number(m)?);
        if h > 23 || m > 59 || s > 59 {
            return None;
        }
        days.checked_mul(DAY)?
            .checked_add(h * HOUR + m * MINUTE + s * SECOND + f)?
    } else {
        let split = body
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(body.len());
        let (count, unit) = body.split_at(split);
        let unit = timespan_unit(unit.trim())?;
        if let Some(whole) = number(count) {
            whole.checked_mul(unit)?
        } else {
            let scaled = count.parse::<f64>().ok()? * unit as f64;
            (scaled.abs() < 9.2e18).then(|| scaled.round() as i64)?
        }
    };
    Some(if negative { -ticks } else { ticks })
}

/// Ticks of a unit of a timespan literal; the empty unit is days.
pub fn timespan_unit(unit: &str) -> Option<i64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "d" | "day" | "days" => DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => MILLISECOND,
        "us" | "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => MICROSECOND,
        "tick" | "ticks" => 1,
        _ => return None,
    })
}
