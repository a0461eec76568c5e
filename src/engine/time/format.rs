//! Writing datetimes and timespans by a pattern.

use std::fmt::Write as _;

use super::{DAY, HOUR, MINUTE, SECOND, parts};

/// Writes a datetime by a pattern (`yyyy-MM-dd HH:mm:ss.fff tt`); letters that are no pattern stay.
pub fn format_datetime(ticks: i64, pattern: &str) -> String {
    let p = parts(ticks);
    format_pattern(pattern, |letter, n, out| {
        match (letter, n) {
            ('d', 1) => push(out, p.day, 1),
            ('d', _) => push(out, p.day, 2),
            ('f', 1..=7) => fraction(out, p.fraction, n),
            ('F', 1..=7) => short_fraction(out, p.fraction, n),
            ('h', _) => push(out, (p.hour + 11) % 12 + 1, n.min(2)),
            ('H', _) => push(out, p.hour, n.min(2)),
            ('m', _) => push(out, p.minute, n.min(2)),
            ('M', _) => push(out, p.month, n.min(2)),
            ('s', _) => push(out, p.second, n.min(2)),
            ('y', 1) => push(out, p.year % 100, 1),
            ('y', 2) => push(out, p.year % 100, 2),
            ('y', _) => push(out, p.year, 4),
            ('t', _) => out.push_str(if p.hour < 12 { "AM" } else { "PM" }),
            _ => return false,
        }
        true
    })
}

/// Writes a timespan by a pattern (`ddd.hh:mm:ss.fff`).
pub fn format_timespan(ticks: i64, pattern: &str) -> String {
    let t = ticks.unsigned_abs() as i64;
    let text = format_pattern(pattern, |letter, n, out| {
        match (letter, n) {
            ('d' | 'D', _) => push(out, t / DAY, n),
            ('f', 1..=7) => fraction(out, t % SECOND, n),
            ('F', 1..=7) => short_fraction(out, t % SECOND, n),
            // A timespan has no noon: `h` counts like `H`.
            ('h' | 'H', _) => push(out, t / HOUR % 24, n.min(2)),
            ('m', _) => push(out, t / MINUTE % 60, n.min(2)),
            ('s', _) => push(out, t / SECOND % 60, n.min(2)),
            _ => return false,
        }
        true
    });
    if ticks < 0 { format!("-{text}") } else { text }
}

fn push(out: &mut String, value: i64, width: usize) {
    let _ = write!(out, "{value:0width$}");
}

fn fraction(out: &mut String, ticks: i64, digits: usize) {
    out.push_str(&format!("{ticks:07}")[..digits]);
}

fn short_fraction(out: &mut String, ticks: i64, digits: usize) {
    out.push_str(format!("{ticks:07}")[..digits].trim_end_matches('0'));
}

/// Walks runs of equal letters; `write` says whether it knew the run.
fn format_pattern(pattern: &str, write: impl Fn(char, usize, &mut String) -> bool) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(c).len();
        let n = run / c.len_utf8();
        if !(c.is_ascii_alphabetic() && write(c, n, &mut out)) {
            out.push_str(&rest[..run]);
        }
        rest = &rest[run..];
    }
    out
}
