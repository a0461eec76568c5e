//! Text → tokens, without loss: white space and comments lie between tokens, and every byte of the
//! text belongs to exactly one token or to the trivia before one.
//!
//! Must not know: grammar. Follows the token rules of the official language service.

mod literals;

use super::diagnostics::Diagnostic;
use super::keywords::{self, AsName, Roles, WORDS};
use super::syntax::Span;
use literals::parenthesized_literal;

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

    /// Is a reserved word with these roles.
    pub fn has_role(&self, role: Roles) -> bool {
        self.kind == TokenKind::Keyword && keywords::roles(usize::from(self.word)).has(role)
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

/// White space of the language. The vertical tab and the line separators are none.
pub fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\r' | '\n' | '\u{c}' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'
            ..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Ends a line, and with it a comment, a directive and the text of a typed literal.
pub fn is_line_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{2028}' | '\u{2029}')
}

/// May start a name. Names are ASCII; others stand in brackets and quotes.
pub fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$'
}

/// May continue a name.
pub fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

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

/// The bytes of names, so that most of a text is read without decoding characters.
const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

impl Lexer<'_> {
    /// The byte there; 0 past the end.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn is_name_byte(&self, at: usize) -> bool {
        NAME[usize::from(self.byte(at))]
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    /// The first line break from `at`, or the end.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        let stop = rest.iter().enumerate().position(|(i, b)| match b {
            b'\r' | b'\n' => true,
            // the first byte of U+2028 and U+2029
            0xe2 => self.char_at(at + i).is_some_and(is_line_break),
            _ => false,
        });
        stop.map_or(self.bytes.len(), |i| at + i)
    }

    fn skip_trivia(&mut self) {
        loop {
            match self.byte(self.pos) {
                b' ' | b'\n' | b'\r' | b'\t' | 0xc => self.pos += 1,
                b'/' if self.byte(self.pos + 1) == b'/' => {
                    self.pos = self.line_end(self.pos);
                    // a separator of Unicode belongs to the comment it ends; elsewhere it is no space
                    if self.byte(self.pos) == 0xe2 {
                        self.pos += 3;
                    }
                }
                0x80.. => match self.char_at(self.pos) {
                    Some(c) if is_space(c) => self.pos += c.len_utf8(),
                    _ => return,
                },
                _ => return,
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

    fn take(&mut self, kind: TokenKind, end: usize) -> (TokenKind, u16) {
        self.pos = end;
        (kind, 0)
    }

    fn scan(&mut self, start: usize) -> (TokenKind, u16) {
        let Some(&byte) = self.bytes.get(start) else {
            return (TokenKind::End, 0);
        };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => return self.word(start),
            b'0'..=b'9' => return self.number(start),
            b'\'' | b'"' | b'`' | b'~' => {
                if let Some(end) = self.string(start) {
                    return self.take(TokenKind::String, end);
                }
            }
            b'@' if matches!(self.byte(start + 1), b'\'' | b'"' | b'`' | b'~') => {
                if let Some(end) = self.string(start) {
                    return self.take(TokenKind::String, end);
                }
            }
            b'#' => {
                let end = self.line_end(start);
                return self.take(TokenKind::Directive, end);
            }
            _ => {
                if let Some((kind, len)) = self.punctuation(start) {
                    return self.take(kind, start + len);
                }
            }
        }
        if byte == b'!' {
            let end = self.name_end(start + 1);
            if let Some((len, word)) = keywords::at(&self.bytes[start..], end - start)
                && !self.is_name_byte(start + len)
            {
                self.pos = start + len;
                return (TokenKind::Keyword, word as u16);
            }
            if end == start + 1 {
                return self.take(TokenKind::Bang, end);
            }
        }
        let c = self.char_at(start).unwrap_or_default();
        self.pos = start + c.len_utf8();
        self.errors.push(Diagnostic::error(
            "KS002",
            Span::new(start, self.pos),
            format!("Unexpected: {c}"),
        ));
        (TokenKind::Bad, 0)
    }

    /// A reserved word, and the literal it may begin.
    fn reserved(&mut self, start: usize, end: usize) -> Option<(TokenKind, u16)> {
        let (len, word) = keywords::at(&self.bytes[start..], end - start)?;
        let after = start + len;
        if self.byte(after) == b'('
            && let Some(kind) = parenthesized_literal(WORDS[word].0)
        {
            self.pos = self.parenthesized(after);
            return Some((kind, 0));
        }
        if self.is_name_byte(after) {
            return None;
        }
        self.pos = after;
        Some((TokenKind::Keyword, word as u16))
    }

    /// What starts with a letter: a reserved word, a truth value, a guid, a hidden text, a name.
    fn word(&mut self, start: usize) -> (TokenKind, u16) {
        let end = self.name_end(start + 1);
        if let Some(found) = self.reserved(start, end) {
            return found;
        }
        if let b"true" | b"True" | b"TRUE" | b"false" | b"False" | b"FALSE" =
            &self.bytes[start..end]
        {
            return self.take(TokenKind::Bool, end);
        }
        if end == start + 8 && self.is_guid(start) {
            return self.take(TokenKind::RawGuid, start + 36);
        }
        if end == start + 1
            && matches!(self.bytes[start], b'h' | b'H')
            && let Some(end) = self.string(start)
        {
            return self.take(TokenKind::String, end);
        }
        self.take(TokenKind::Identifier, end)
    }

    /// What starts with a digit.
    fn number(&mut self, start: usize) -> (TokenKind, u16) {
        let end = self.name_end(start);
        if let Some(found) = self.reserved(start, end) {
            return found;
        }
        if end == start + 8 && self.is_guid(start) {
            return self.take(TokenKind::RawGuid, start + 36);
        }
        if let Some(end) = self.real(start) {
            return self.take(TokenKind::Real, end);
        }
        if let Some(end) = self.timespan(start) {
            return self.take(TokenKind::TimeSpan, end);
        }
        if let Some(end) = self.long(start) {
            return self.take(TokenKind::Long, end);
        }
        self.take(TokenKind::Identifier, end)
    }

    fn name_end(&self, mut at: usize) -> usize {
        while self.is_name_byte(at) {
            at += 1;
        }
        at
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
}

#[cfg(test)]
mod tests;
