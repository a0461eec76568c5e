//! Numbers, times, guids, texts and typed literals (`datetime(...)`): where each of them ends.

use super::{Lexer, TokenKind, is_line_break};
use crate::kql::diagnostics::Diagnostic;
use crate::kql::syntax::Span;

/// Spellings of time units, longest first where one starts another.
const TIME_SUFFIXES: &[&str] = &[
    "milliseconds",
    "millisecond",
    "microseconds",
    "microsecond",
    "nanoseconds",
    "nanosecond",
    "millisec",
    "microsec",
    "nanosec",
    "minutes",
    "seconds",
    "minute",
    "second",
    "millis",
    "micros",
    "milli",
    "micro",
    "nanos",
    "hours",
    "ticks",
    "nano",
    "hour",
    "days",
    "tick",
    "min",
    "sec",
    "day",
    "hrs",
    "hr",
    "ms",
    "m",
    "s",
    "d",
    "h",
];

impl Lexer<'_> {
    /// The end of `(...)` after a type word: up to `)` on the same line.
    pub(super) fn parenthesized(&mut self, open: usize) -> usize {
        let mut stop = open;
        while let Some(c) = self.bytes.get(stop) {
            match c {
                b')' | b'\r' | b'\n' => break,
                0xe2 if self.char_at(stop).is_some_and(is_line_break) => break,
                _ => stop += 1,
            }
        }
        if self.byte(stop) == b')' {
            return stop + 1;
        }
        self.errors.push(Diagnostic::error(
            "KS001",
            Span::new(stop, stop),
            "Missing: )".to_owned(),
        ));
        stop
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    pub(super) fn long(&self, start: usize) -> Option<usize> {
        let mut end = self.digits(start);
        if end == start + 1 && self.bytes[start] == b'0' && matches!(self.byte(end), b'x' | b'X') {
            let mut at = end + 1;
            while self.byte(at).is_ascii_hexdigit() {
                at += 1;
            }
            if at == end + 1 {
                return None;
            }
            end = at;
        }
        (!self.is_name_byte(end)).then_some(end)
    }

    fn exponent(&self, at: usize) -> Option<usize> {
        if !matches!(self.byte(at), b'e' | b'E') {
            return None;
        }
        let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
        let end = self.digits(at + 1 + sign);
        (end > at + 1 + sign).then_some(end)
    }

    pub(super) fn real(&self, start: usize) -> Option<usize> {
        let mut at = self.digits(start);
        if self.byte(at) == b'.' && (self.byte(at + 1) != b'.' || self.byte(at + 2) == b'.') {
            at = self.digits(at + 1);
            at = self.exponent(at).unwrap_or(at);
        } else {
            at = self.exponent(at)?;
        }
        (!self.is_name_byte(at)).then_some(at)
    }

    pub(super) fn timespan(&self, start: usize) -> Option<usize> {
        let mut at = self.digits(start);
        if self.byte(at) == b'.' {
            let end = self.digits(at + 1);
            if end > at + 1 {
                at = end;
            }
        }
        if !self.byte(at).is_ascii_alphabetic() {
            return None;
        }
        let suffix = TIME_SUFFIXES
            .iter()
            .find(|s| self.bytes[at..].starts_with(s.as_bytes()))?;
        at += suffix.len();
        (!self.is_name_byte(at)).then_some(at)
    }

    pub(super) fn is_guid(&self, start: usize) -> bool {
        self.bytes.get(start..start + 36).is_some_and(|b| {
            b.iter().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => *c == b'-',
                _ => c.is_ascii_hexdigit(),
            })
        })
    }

    /// The end of the string literal at `start` (`h`, `@`, quote), if there is one.
    pub(super) fn string(&mut self, start: usize) -> Option<usize> {
        let mut at = start;
        if matches!(self.byte(at), b'h' | b'H') {
            at += 1;
        }
        let verbatim = self.byte(at) == b'@';
        if verbatim {
            at += 1;
        }
        let quote = self.byte(at);
        match quote {
            b'\'' | b'"' => {
                at += 1;
                loop {
                    match self.byte(at) {
                        b'\r' | b'\n' => break,
                        0 if at >= self.bytes.len() => break,
                        c if c == quote => {
                            if verbatim && self.byte(at + 1) == quote {
                                at += 2;
                                continue;
                            }
                            return Some(at + 1);
                        }
                        b'\\' if !verbatim => match self.escape(at) {
                            Some(len) => at += len,
                            None => break,
                        },
                        _ => at += 1,
                    }
                }
                let at = at.min(self.bytes.len());
                self.errors.push(Diagnostic::error(
                    "KS001",
                    Span::new(at, at),
                    format!("Missing: {}", char::from(quote)),
                ));
                Some(at)
            }
            b'`' | b'~' => {
                let fence = if quote == b'`' { "```" } else { "~~~" };
                if !self.bytes[at..].starts_with(fence.as_bytes()) {
                    return None;
                }
                if let Some(i) = self.text[at + 3..].find(fence) {
                    return Some(at + 3 + i + 3);
                }
                let end = self.text.len();
                self.errors.push(Diagnostic::error(
                    "KS001",
                    Span::new(end, end),
                    format!("Missing: {fence}"),
                ));
                Some(end)
            }
            _ => None,
        }
    }

    /// Length of the escape sequence at `at`.
    fn escape(&self, at: usize) -> Option<usize> {
        let hex = |n: usize| {
            let digits = self.bytes.get(at + 2..at + 2 + n)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(n + 2)
        };
        let octal = |i: usize| matches!(self.byte(at + i), b'0'..=b'7');
        match self.byte(at + 1) {
            b'\\' | b'\'' | b'"' | b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' => Some(2),
            b'u' => hex(4),
            b'U' => hex(8),
            b'x' => hex(2),
            b'0'..=b'3' if octal(2) && octal(3) => Some(4),
            b'0'..=b'7' if octal(2) => Some(3),
            b'0'..=b'7' => Some(2),
            _ => None,
        }
    }
}

/// The literal a type word makes with parentheses right behind it.
pub(super) fn parenthesized_literal(word: &str) -> Option<TokenKind> {
    Some(match word {
        "long" | "int64" => TokenKind::Long,
        "int" | "int32" => TokenKind::Int,
        "real" | "double" => TokenKind::Real,
        "decimal" => TokenKind::Decimal,
        "bool" => TokenKind::Bool,
        "datetime" | "date" => TokenKind::DateTime,
        "time" | "timespan" => TokenKind::TimeSpan,
        "guid" => TokenKind::Guid,
        _ => return None,
    })
}
