//! Blank or nothing between two tokens, where the tree does not say it.

use super::plan::{Plan, Space};
use crate::kql::lexer::{Token, TokenKind};

/// Is there a blank before token `i` where it stands on the line of the one before?
pub(super) fn blank(plan: &Plan<'_>, i: usize) -> bool {
    if i == 0 {
        return false;
    }
    let (a, b) = (plan.tokens[i - 1], plan.tokens[i]);
    let written = !b.is_adjacent();
    match plan.gaps[i].space {
        // words must not run together
        Space::Tight => written && is_word(a) && is_word(b),
        Space::Blank => true,
        Space::AsWritten => written,
        Space::Default => by_kind(a, b, written),
    }
}

fn by_kind(a: Token, b: Token, written: bool) -> bool {
    use TokenKind as T;
    match (a.kind, b.kind) {
        (_, T::End) => false,
        (T::OpenParen | T::OpenBracket, _)
        | (_, T::CloseParen | T::CloseBracket | T::Comma | T::Semicolon) => false,
        (T::Comma | T::Semicolon, _) => true,
        (T::Dot, _) | (_, T::Dot) => false,
        (_, T::Colon) => false,
        (T::Colon, _) => true,
        (
            T::DotDot
            | T::Bar
            | T::LessBar
            | T::FatArrow
            | T::Equal
            | T::EqualEqual
            | T::NotEqual
            | T::LessGreater
            | T::EqualTilde
            | T::BangTilde,
            _,
        )
        | (
            _,
            T::DotDot
            | T::Bar
            | T::LessBar
            | T::FatArrow
            | T::Equal
            | T::EqualEqual
            | T::NotEqual
            | T::LessGreater
            | T::EqualTilde
            | T::BangTilde,
        ) => true,
        (T::String, T::String) => true,
        (_, T::OpenParen | T::OpenBracket) if is_word(a) => written || a.kind == T::Keyword,
        (T::CloseParen | T::CloseBracket, _) if is_word(b) => true,
        _ => written,
    }
}

fn is_word(token: Token) -> bool {
    matches!(token.kind, TokenKind::Identifier | TokenKind::Keyword) || token.is_literal()
}
