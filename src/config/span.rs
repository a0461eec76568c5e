//! Spans of time as people write them: `30s`, `5m`, `2h 30m`, `30d`.

use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Reads a span; `None` where it is not one. A bare number is not: its unit would be a guess.
pub(super) fn read(text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let mut after = rest[digits..].chars();
        let letter = after.next()?.to_ascii_lowercase();
        let (_, seconds) = UNITS.iter().find(|(unit, _)| *unit == letter)?;
        total = total.checked_add(number.checked_mul(*seconds)?)?;
        rest = after.as_str().trim_start();
    }
    Some(Duration::from_secs(total))
}

/// Writes a span the way [`read`] takes it.
pub(super) fn write(seconds: u64) -> String {
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (letter, unit) in UNITS {
        if rest >= unit {
            parts.push(format!("{}{letter}", rest / unit));
            rest %= unit;
        }
    }
    if parts.is_empty() {
        return "0s".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        let cases = [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("2h 30m", Some(9000)),
            ("1d2h", Some(93_600)),
            ("30", None),
            ("", None),
            ("h", None),
            ("5 m", None),
            ("-5m", None),
            ("1y", None),
            ("99999999999999999999d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(read(text), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(write(9000), "2h 30m");
        assert_eq!(read(&write(93_661)), Some(Duration::from_secs(93_661)));
    }
}
