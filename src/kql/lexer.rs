//! Text → tokens, without loss: white space and comments lie between tokens, and every byte of the
//! text belongs to exactly one token or to the trivia before one.
//!
//! Must not know: grammar. Follows the token rules of the official language service.

use super::diagnostics::Diagnostic;
use super::keywords::{self, AsName, WORDS};
use super::syntax::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TokenKind {
    Identifier,
    /// a reserved word; which one is in [`Token::word`]
    Keyword,
    String,
    Bool,
    Int,
    Long,
    Real,
    Decimal,
    DateTime,
    TimeSpan,
    Guid,
    /// a guid without `guid(...)`
    RawGuid,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Bar,
    LessBar,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Dot,
    DotDot,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    EqualEqual,
    NotEqual,
    LessGreater,
    EqualTilde,
    BangTilde,
    Bang,
    Colon,
    Semicolon,
    Comma,
    Equal,
    FatArrow,
    At,
    Question,
    /// `#...` to the end of the line
    Directive,
    /// a character that is not part of the language
    Bad,
    /// the end of the text
    End,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What.
    pub kind: TokenKind,
    /// Place in [`WORDS`] for a keyword.
    pub word: u16,
    /// Where the white space and comments before it start.
    pub trivia: u32,
    /// Its text.
    pub span: Span,
}

impl Token {
    /// The reserved word.
    pub fn keyword(&self) -> Option<&'static str> {
        (self.kind == TokenKind::Keyword).then(|| WORDS[usize::from(self.word)].0)
    }

    /// Is this reserved word?
    pub fn is_word(&self, word: &str) -> bool {
        self.keyword() == Some(word)
    }

    /// Can stand for a name anywhere.
    pub fn is_name(&self) -> bool {
        self.kind == TokenKind::Identifier
            || (self.kind == TokenKind::Keyword
                && WORDS[usize::from(self.word)].1 == AsName::Anywhere)
    }

    /// Can stand for a name where only a name can be meant.
    pub fn is_extended_name(&self) -> bool {
        self.kind == TokenKind::Identifier
            || (self.kind == TokenKind::Keyword && WORDS[usize::from(self.word)].1 != AsName::Never)
    }

    /// Follows the token before without white space or comment.
    pub fn is_adjacent(&self) -> bool {
        self.trivia == self.span.start
    }

    /// A literal.
    pub fn is_literal(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::String
                | TokenKind::Bool
                | TokenKind::Int
                | TokenKind::Long
                | TokenKind::Real
                | TokenKind::Decimal
                | TokenKind::DateTime
                | TokenKind::TimeSpan
                | TokenKind::Guid
                | TokenKind::RawGuid
        )
    }
}

/// White space of the language: ASCII and the Unicode spaces.
pub fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' '
            | '\r'
            | '\n'
            | '\u{b}'
            | '\u{c}'
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{180e}'
            | '\u{2000}'
            ..='\u{200b}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
                | '\u{feff}'
    )
}

pub(super) fn is_line_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || (!c.is_ascii() && c.is_alphabetic())
}

/// May start a name.
pub fn is_name_start(c: char) -> bool {
    is_letter(c) || c == '_' || c == '$'
}

/// May continue a name.
pub fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphanumeric())
}

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

/// Cuts the text into tokens; the last one is always [`TokenKind::End`].
pub fn tokenize(text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        pos: 0,
        errors: Vec::new(),
    };
    let mut tokens = Vec::with_capacity(text.len() / 5 + 2);
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.kind == TokenKind::End {
            return (tokens, lexer.errors);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    errors: Vec<Diagnostic>,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn char_at(&self, at: usize) -> Option<char> {
        let b = *self.bytes.get(at)?;
        if b < 128 {
            Some(char::from(b))
        } else {
            self.text[at..].chars().next()
        }
    }

    fn name_char_at(&self, at: usize) -> bool {
        self.char_at(at).is_some_and(is_name_char)
    }

    fn skip_trivia(&mut self) {
        while let Some(c) = self.char_at(self.pos) {
            if is_space(c) {
                self.pos += c.len_utf8();
            } else if c == '/' && self.byte(self.pos + 1) == b'/' {
                let rest = &self.text[self.pos..];
                self.pos = rest
                    .find(is_line_break)
                    .map_or(self.text.len(), |i| self.pos + i);
            } else {
                break;
            }
        }
    }

    fn next(&mut self) -> Token {
        let trivia = self.pos;
        self.skip_trivia();
        let start = self.pos;
        let (kind, word) = self.scan(start);
        debug_assert!(self.pos > start || kind == TokenKind::End);
        Token {
            kind,
            word,
            trivia: trivia as u32,
            span: Span::new(start, self.pos),
        }
    }

    fn take(&mut self, kind: TokenKind, len: usize) -> (TokenKind, u16) {
        self.pos += len;
        (kind, 0)
    }

    fn scan(&mut self, start: usize) -> (TokenKind, u16) {
        let Some(c) = self.char_at(start) else {
            return (TokenKind::End, 0);
        };
        if !(c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric())) {
            if let Some((kind, len)) = self.punctuation(start) {
                return self.take(kind, len);
            }
            match c {
                '\'' | '"' | '`' | '~' | '@' => {
                    if let Some(end) = self.string(start) {
                        self.pos = end;
                        return (TokenKind::String, 0);
                    }
                }
                '#' => {
                    self.pos = self.text[start..]
                        .find(is_line_break)
                        .map_or(self.text.len(), |i| start + i);
                    return (TokenKind::Directive, 0);
                }
                _ => {}
            }
        }
        if let Some((len, word)) = keywords::longest(&self.bytes[start..]) {
            let after = start + len;
            if self.byte(after) == b'('
                && let Some(kind) = parenthesized_literal(WORDS[word].0)
            {
                self.pos = self.parenthesized(after);
                return (kind, 0);
            }
            if !self.name_char_at(after) {
                self.pos = after;
                return (TokenKind::Keyword, word as u16);
            }
        }
        if is_name_start(c) {
            for value in ["true", "True", "TRUE", "false", "False", "FALSE"] {
                if self.bytes[start..].starts_with(value.as_bytes())
                    && !self.name_char_at(start + value.len())
                {
                    return self.take(TokenKind::Bool, value.len());
                }
            }
            if self.is_guid(start) {
                return self.take(TokenKind::RawGuid, 36);
            }
            let end = self.name_end(start);
            if end == start + 1
                && matches!(c, 'h' | 'H')
                && let Some(end) = self.string(start)
            {
                self.pos = end;
                return (TokenKind::String, 0);
            }
            self.pos = end;
            return (TokenKind::Identifier, 0);
        }
        if c.is_ascii_digit() {
            if self.is_guid(start) {
                return self.take(TokenKind::RawGuid, 36);
            }
            for (kind, end) in [
                (TokenKind::Real, self.real(start)),
                (TokenKind::TimeSpan, self.timespan(start)),
                (TokenKind::Long, self.long(start)),
            ] {
                if let Some(end) = end {
                    self.pos = end;
                    return (kind, 0);
                }
            }
            let digits = self.digits(start);
            if self.name_char_at(digits) {
                self.pos = self.name_end(digits);
                return (TokenKind::Identifier, 0);
            }
        }
        if c == '!' && !self.name_char_at(start + 1) {
            return self.take(TokenKind::Bang, 1);
        }
        self.pos = start + c.len_utf8();
        self.errors.push(Diagnostic::error(
            "KS002",
            Span::new(start, self.pos),
            format!("Unexpected: {c}"),
        ));
        (TokenKind::Bad, 0)
    }

    fn punctuation(&self, at: usize) -> Option<(TokenKind, usize)> {
        use TokenKind as T;
        let next = self.byte(at + 1);
        Some(match self.bytes[at] {
            b'(' => (T::OpenParen, 1),
            b')' => (T::CloseParen, 1),
            b'[' => (T::OpenBracket, 1),
            b']' => (T::CloseBracket, 1),
            b'{' => (T::OpenBrace, 1),
            b'}' => (T::CloseBrace, 1),
            b'|' => (T::Bar, 1),
            b'.' if next == b'.' => (T::DotDot, 2),
            b'.' => (T::Dot, 1),
            b'+' => (T::Plus, 1),
            b'-' => (T::Minus, 1),
            b'*' => (T::Star, 1),
            b'/' => (T::Slash, 1),
            b'%' => (T::Percent, 1),
            b'<' if next == b'=' => (T::LessEqual, 2),
            b'<' if next == b'|' => (T::LessBar, 2),
            b'<' if next == b'>' => (T::LessGreater, 2),
            b'<' => (T::Less, 1),
            b'>' if next == b'=' => (T::GreaterEqual, 2),
            b'>' => (T::Greater, 1),
            b'=' if next == b'=' => (T::EqualEqual, 2),
            b'=' if next == b'>' => (T::FatArrow, 2),
            b'=' if next == b'~' => (T::EqualTilde, 2),
            b'=' => (T::Equal, 1),
            b'!' if next == b'=' => (T::NotEqual, 2),
            b'!' if next == b'~' => (T::BangTilde, 2),
            b':' => (T::Colon, 1),
            b';' => (T::Semicolon, 1),
            b',' => (T::Comma, 1),
            b'@' if !matches!(next, b'\'' | b'"' | b'`' | b'~') => (T::At, 1),
            b'?' => (T::Question, 1),
            _ => return None,
        })
    }

    /// The end of `(...)` after a type word: up to `)` on the same line.
    fn parenthesized(&mut self, open: usize) -> usize {
        let rest = &self.text[open..];
        let stop = rest
            .find(|c| c == ')' || is_line_break(c))
            .map_or(self.text.len(), |i| open + i);
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

    fn name_end(&self, start: usize) -> usize {
        let mut at = start + self.char_at(start).map_or(0, char::len_utf8);
        while let Some(c) = self.char_at(at).filter(|c| is_name_char(*c)) {
            at += c.len_utf8();
        }
        at
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    fn long(&self, start: usize) -> Option<usize> {
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
        (!self.name_char_at(end)).then_some(end)
    }

    fn exponent(&self, at: usize) -> Option<usize> {
        if !matches!(self.byte(at), b'e' | b'E') {
            return None;
        }
        let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
        let end = self.digits(at + 1 + sign);
        (end > at + 1 + sign).then_some(end)
    }

    fn real(&self, start: usize) -> Option<usize> {
        let mut at = self.digits(start);
        if self.byte(at) == b'.' && (self.byte(at + 1) != b'.' || self.byte(at + 2) == b'.') {
            at = self.digits(at + 1);
            at = self.exponent(at).unwrap_or(at);
        } else {
            at = self.exponent(at)?;
        }
        (!self.name_char_at(at)).then_some(at)
    }

    fn timespan(&self, start: usize) -> Option<usize> {
        let mut at = self.digits(start);
        if self.byte(at) == b'.' {
            let end = self.digits(at + 1);
            if end > at + 1 {
                at = end;
            }
        }
        let suffix = TIME_SUFFIXES
            .iter()
            .find(|s| self.bytes[at..].starts_with(s.as_bytes()))?;
        at += suffix.len();
        (!self.name_char_at(at)).then_some(at)
    }

    fn is_guid(&self, start: usize) -> bool {
        self.bytes.get(start..start + 36).is_some_and(|b| {
            b.iter().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => *c == b'-',
                _ => c.is_ascii_hexdigit(),
            })
        })
    }

    /// The end of the string literal at `start` (`h`, `@`, quote), if there is one.
    fn string(&mut self, start: usize) -> Option<usize> {
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
fn parenthesized_literal(word: &str) -> Option<TokenKind> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind as T;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let (tokens, _) = tokenize(text);
        let mut at = 0;
        for t in &tokens {
            assert_eq!(
                t.trivia, at,
                "trivia starts where the token before ends: {text}"
            );
            at = t.span.end;
        }
        assert_eq!(at as usize, text.len());
        tokens
            .iter()
            .map(|t| t.kind)
            .filter(|k| *k != T::End)
            .collect()
    }

    #[test]
    fn words_and_names() {
        assert_eq!(
            kinds("T | mv-expand x"),
            [T::Identifier, T::Bar, T::Keyword, T::Identifier]
        );
        assert_eq!(kinds("projected"), [T::Identifier]);
        assert_eq!(
            kinds("a !in~ b"),
            [T::Identifier, T::Keyword, T::Identifier]
        );
        assert_eq!(
            kinds("a matches regex b"),
            [T::Identifier, T::Keyword, T::Identifier]
        );
        assert_eq!(kinds("$left.x"), [T::Identifier, T::Dot, T::Identifier]);
        assert_eq!(kinds("café_1"), [T::Identifier]);
    }

    #[test]
    fn literals() {
        assert_eq!(
            kinds("1 1.5 1e3 1d 1.5h 0x1F 100ms"),
            [
                T::Long,
                T::Real,
                T::Real,
                T::TimeSpan,
                T::TimeSpan,
                T::Long,
                T::TimeSpan
            ]
        );
        assert_eq!(kinds("1..2"), [T::Long, T::DotDot, T::Long]);
        assert_eq!(
            kinds("datetime(2024-01-01) long(null) guid(x)"),
            [T::DateTime, T::Long, T::Guid]
        );
        assert_eq!(
            kinds(r#""a\"b" @'C:\' h"x" h@'y' 'it''s'"#),
            [
                T::String,
                T::String,
                T::String,
                T::String,
                T::String,
                T::String
            ]
        );
        assert_eq!(kinds("```\nmany\nlines```"), [T::String]);
        assert_eq!(kinds("74be27de-1e4e-49d9-b579-fe0b331d3642"), [T::RawGuid]);
    }

    #[test]
    fn faults_are_placed() {
        let (_, errors) = tokenize("print \"abc\n| take 1");
        assert_eq!(
            (errors[0].code, errors[0].span),
            ("KS001", Span::new(10, 10))
        );
        let (_, errors) = tokenize("print \u{201c}x\u{201d}");
        assert_eq!((errors[0].code, errors[0].span), ("KS002", Span::new(6, 9)));
        let (_, errors) = tokenize("print datetime(2024-01-01\n");
        assert_eq!(
            (errors[0].code, errors[0].span),
            ("KS001", Span::new(25, 25))
        );
    }
}
