//! What each part of a text is, for colouring: every token and comment gets one kind.
//!
//! Names are coloured by what they refer to, so this binds the text; [`classify_analysis`] reuses an
//! analysis that is already there.

use super::binder::Reference;
use super::keywords::Roles;
use super::lexer::{Token, TokenKind, is_line_break, is_space};
use super::syntax::{Mark, Span, Syntax};
use super::{Analysis, Schema, analyze};

/// What a part of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `// ...`
    Comment,
    /// Brackets, `|`, `,`, `;`, `=` of a naming.
    Punctuation,
    /// `==`, `+`, `<`
    MathOperator,
    /// `and`, `has`, `contains`
    ScalarOperator,
    /// `where`, `summarize`
    QueryOperator,
    /// `let`, `by`, `on`
    Keyword,
    /// Numbers, times, booleans.
    Literal,
    /// Text.
    StringLiteral,
    /// A type name.
    Type,
    /// A column.
    Column,
    /// A table.
    Table,
    /// Another service.
    Database,
    /// A function, aggregate or plug-in.
    Function,
    /// A `let`.
    Variable,
    /// A parameter of a user's function.
    Parameter,
    /// A parameter of an operator.
    QueryParameter,
    /// A name that refers to nothing known.
    Identifier,
    /// `#...`
    Directive,
    /// Text that could not be read.
    PlainText,
}

impl Kind {
    /// The name the official language service gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comment => "Comment",
            Self::Punctuation => "Punctuation",
            Self::MathOperator => "MathOperator",
            Self::ScalarOperator => "ScalarOperator",
            Self::QueryOperator => "QueryOperator",
            Self::Keyword => "Keyword",
            Self::Literal => "Literal",
            Self::StringLiteral => "StringLiteral",
            Self::Type => "Type",
            Self::Column => "Column",
            Self::Table => "Table",
            Self::Database => "Database",
            Self::Function => "Function",
            Self::Variable => "Variable",
            Self::Parameter => "Parameter",
            Self::QueryParameter => "QueryParameter",
            Self::Identifier => "Identifier",
            Self::Directive => "Directive",
            Self::PlainText => "PlainText",
        }
    }
}

/// The parts of a text in order, neighbours of one kind joined.
pub fn classify(text: &str, schema: &Schema) -> Vec<(Span, Kind)> {
    classify_analysis(text, &analyze(text, schema))
}

/// The parts of a text that was analysed before.
pub fn classify_analysis(text: &str, analysis: &Analysis) -> Vec<(Span, Kind)> {
    classify_tokens(text, &analysis.syntax, &analysis.references)
}

/// Colours without binding: names are plain identifiers. For text being typed faster than it can be bound.
pub fn classify_syntax(text: &str, syntax: &Syntax) -> Vec<(Span, Kind)> {
    classify_tokens(text, syntax, &[])
}

fn classify_tokens(
    text: &str,
    syntax: &Syntax,
    references: &[(Span, Reference)],
) -> Vec<(Span, Kind)> {
    let mut out: Vec<(Span, Kind)> = Vec::with_capacity(syntax.tokens.len() * 2);
    let mut push = |span: Span, kind: Kind| {
        if span.is_empty() {
            return;
        }
        if let Some((last, last_kind)) = out.last_mut()
            && *last_kind == kind
            && last.end == span.start
        {
            last.end = span.end;
            return;
        }
        out.push((span, kind));
    };
    let mut marks = syntax.marks.clone();
    marks.sort_by_key(|(s, _)| (s.start, s.end));
    let (mut marks, mut references) = (Placed::new(&marks), Placed::new(references));
    let skipped = syntax.skipped.map_or(u32::MAX, |s| s.start);
    let mut covered = 0;
    for token in &syntax.tokens {
        comments(text, token, &mut push);
        if token.kind == TokenKind::End || token.span.start < covered {
            continue;
        }
        if token.span.start >= skipped && prefix_of(text, token) == 0 {
            push(token.span, Kind::PlainText);
            continue;
        }
        let reference = references.at(token.span.start);
        if let Some((span, what)) = reference
            && span.end > token.span.end
            && span.text(text).contains('*')
            && !matches!(token.kind, TokenKind::OpenBracket | TokenKind::String)
        {
            covered = span.end;
            let one = span.text(text) != "*" && what == Reference::Column;
            push(span, if one { Kind::Column } else { Kind::Identifier });
            continue;
        }
        let mark = marks.at(token.span.start);
        if let Some((span, mark)) = mark
            && span.end > token.span.end
            && let Some(kind) = kind_of_many(mark)
        {
            covered = span.end;
            push(span, kind);
            continue;
        }
        let mark = mark.map(|(_, m)| m);
        let kind = kind_of(token, mark, reference.map(|(_, r)| r));
        let prefix = prefix_of(text, token);
        if prefix > 0 {
            let middle = token.span.start + prefix;
            push(
                Span {
                    start: token.span.start,
                    end: middle,
                },
                Kind::Keyword,
            );
            push(
                Span {
                    start: middle,
                    end: token.span.end,
                },
                Kind::Literal,
            );
            continue;
        }
        push(token.span, kind);
    }
    out
}

/// Entries by place, asked for in rising order.
struct Placed<'a, T>(&'a [(Span, T)]);

impl<'a, T: Copy> Placed<'a, T> {
    fn new(list: &'a [(Span, T)]) -> Self {
        Self(list)
    }

    /// The first entry that starts at this byte.
    fn at(&mut self, start: u32) -> Option<(Span, T)> {
        while let Some((entry, rest)) = self.0.split_first() {
            if entry.0.start >= start {
                return (entry.0.start == start).then_some(*entry);
            }
            self.0 = rest;
        }
        None
    }
}

/// Bytes of the type word before `(...)` in a literal.
fn prefix_of(text: &str, token: &Token) -> u32 {
    if !token.is_literal() || token.kind == TokenKind::String {
        return 0;
    }
    token.span.text(text).find('(').map_or(0, |i| i as u32)
}

fn comments(text: &str, token: &Token, push: &mut impl FnMut(Span, Kind)) {
    let mut at = token.trivia as usize;
    let end = token.span.start as usize;
    while at < end {
        let Some(c) = text[at..end].chars().next() else {
            return;
        };
        if is_space(c) {
            at += c.len_utf8();
            continue;
        }
        let stop = text[at..end].find(is_line_break).map_or(end, |i| at + i);
        push(Span::new(at, stop), Kind::Comment);
        at = stop;
    }
}

/// The kind of several tokens that are one.
fn kind_of_many(mark: Mark) -> Option<Kind> {
    match mark {
        Mark::Identifier => Some(Kind::Identifier),
        Mark::Plain => Some(Kind::PlainText),
        Mark::Parameter | Mark::Keyword | Mark::Operator | Mark::Type | Mark::Literal => None,
    }
}

fn kind_of(token: &Token, mark: Option<Mark>, reference: Option<Reference>) -> Kind {
    use TokenKind as T;
    match token.kind {
        T::Identifier | T::Keyword => {
            match mark {
                Some(Mark::Parameter) => return Kind::QueryParameter,
                Some(Mark::Type) => return Kind::Type,
                Some(Mark::Operator) => return Kind::QueryOperator,
                Some(Mark::Literal) => return Kind::Literal,
                Some(Mark::Keyword) if reference.is_none() => return Kind::Keyword,
                Some(Mark::Identifier) => return Kind::Identifier,
                _ => {}
            }
            if let Some(reference) = reference {
                return match reference {
                    Reference::Column => Kind::Column,
                    Reference::Table => Kind::Table,
                    Reference::Variable => Kind::Variable,
                    Reference::Parameter => Kind::Parameter,
                    Reference::Function => Kind::Function,
                    Reference::Database => Kind::Database,
                    Reference::Identifier => Kind::Identifier,
                };
            }
            if token.kind == T::Identifier {
                return Kind::Identifier;
            }
            word_kind(token)
        }
        T::String => Kind::StringLiteral,
        T::Bool
        | T::Int
        | T::Long
        | T::Real
        | T::Decimal
        | T::DateTime
        | T::TimeSpan
        | T::Guid
        | T::RawGuid => Kind::Literal,
        T::OpenParen
        | T::CloseParen
        | T::OpenBracket
        | T::CloseBracket
        | T::OpenBrace
        | T::CloseBrace
        | T::Bar
        | T::LessBar
        | T::Dot
        | T::DotDot
        | T::Bang
        | T::Colon
        | T::Semicolon
        | T::Comma
        | T::Equal
        | T::FatArrow
        | T::At
        | T::Question => Kind::Punctuation,
        T::Star if mark == Some(Mark::Identifier) => Kind::Identifier,
        T::Plus
        | T::Minus
        | T::Star
        | T::Slash
        | T::Percent
        | T::Less
        | T::LessEqual
        | T::Greater
        | T::GreaterEqual
        | T::EqualEqual
        | T::NotEqual
        | T::LessGreater
        | T::EqualTilde
        | T::BangTilde => Kind::MathOperator,
        T::Directive => Kind::Directive,
        T::Bad | T::End => Kind::PlainText,
    }
}

fn word_kind(token: &Token) -> Kind {
    if token.has_role(Roles::TEXT_OPERATOR) || token.is_word("and") || token.is_word("or") {
        Kind::ScalarOperator
    } else if token.has_role(Roles::OPERATOR) {
        Kind::QueryOperator
    } else {
        Kind::Keyword
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_kinds() {
        let text = "// x\nlet a = 1d;\nDeviceInfo | where DeviceId has 'q' and Timestamp > datetime(2024-01-01) | take 5";
        let parts: Vec<(&str, Kind)> = classify(text, Schema::hunting())
            .into_iter()
            .map(|(s, k)| (s.text(text), k))
            .collect();
        for (part, kind) in [
            ("// x", Kind::Comment),
            ("let", Kind::Keyword),
            ("a", Kind::Variable),
            ("1d", Kind::Literal),
            ("DeviceInfo", Kind::Table),
            ("where", Kind::QueryOperator),
            ("DeviceId", Kind::Column),
            ("has", Kind::ScalarOperator),
            ("'q'", Kind::StringLiteral),
            ("datetime", Kind::Keyword),
            ("(2024-01-01)", Kind::Literal),
            ("5", Kind::Literal),
        ] {
            assert!(
                parts.contains(&(part, kind)),
                "{part} {kind:?} in {parts:?}"
            );
        }
    }

    #[test]
    fn words_of_clauses_are_no_operators() {
        let kind_in = |text: &str, part: &str| {
            let at = text.rfind(part).expect("a part") as u32;
            classify(text, Schema::hunting())
                .into_iter()
                .find(|(s, _)| s.start <= at && at < s.end)
                .map(|(_, k)| k)
        };
        for (text, part, kind) in [
            (
                "DeviceInfo | mv-expand a = dynamic([1]) limit 5",
                "limit",
                Kind::Keyword,
            ),
            ("DeviceInfo | limit 5", "limit", Kind::QueryOperator),
            (
                "find in (DeviceInfo) where DeviceId == ''",
                "where",
                Kind::Keyword,
            ),
            (
                "DeviceInfo | parse-kv DeviceId as (a:long)",
                "as",
                Kind::Keyword,
            ),
            (
                "DeviceInfo | scan order by DeviceId with ()",
                "order",
                Kind::Keyword,
            ),
            (
                "DeviceInfo | top-nested of DeviceId by count(), top-nested of DeviceName by count()",
                "top-nested",
                Kind::QueryOperator,
            ),
            ("DeviceInfo | whre DeviceId", "whre", Kind::Keyword),
            ("print dynamic(null)", "null", Kind::Keyword),
            ("datatable(a:uint) [1]", "uint", Kind::Type),
            ("union *", "*", Kind::Identifier),
            (
                "DeviceInfo | make-graph DeviceId --> DeviceName",
                "->",
                Kind::PlainText,
            ),
            (
                "DeviceInfo ) 5 datetime(2024-01-01)",
                "datetime",
                Kind::Keyword,
            ),
            ("DeviceInfo ) 5 datetime(2024-01-01)", "5 ", Kind::PlainText),
        ] {
            assert_eq!(kind_in(text, part), Some(kind), "{part} in {text}");
        }
    }
}
