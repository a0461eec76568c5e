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
    // names are ASCII
    assert_eq!(kinds("café_1"), [T::Identifier, T::Bad, T::Identifier]);
    // the longest word that fits decides, even where it then proves to be a name
    assert_eq!(
        kinds("project-awayx"),
        [T::Identifier, T::Minus, T::Identifier]
    );
    assert_eq!(kinds("in~x"), [T::Identifier, T::Bad, T::Identifier]);
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

#[test]
fn spaces_and_line_ends() {
    assert_eq!(kinds("a\u{a0}b\u{feff}c\u{3000}d"), [T::Identifier; 4]);
    // a line separator ends a comment and belongs to it; elsewhere it is no space, like the vertical tab
    assert_eq!(kinds("a // b\u{2028}c"), [T::Identifier; 2]);
    assert_eq!(kinds("a\u{2028}c"), [T::Identifier, T::Bad, T::Identifier]);
    assert_eq!(kinds("a\u{b}c"), [T::Identifier, T::Bad, T::Identifier]);
    assert_eq!(kinds("a // b\r\nc // d\rE"), [T::Identifier; 3]);
}
