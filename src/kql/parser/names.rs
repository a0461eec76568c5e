//! Names: plain, bracketed, braced, with wildcards.

use super::Parser;
use crate::kql::lexer::TokenKind;
use crate::kql::literals;
use crate::kql::syntax::{Mark, Name, NameForm, Span};

impl Parser<'_> {
    pub(super) fn token_name(&mut self) -> Name {
        let token = self.next();
        Name {
            text: self.text_of(token).to_owned(),
            span: token.span,
            form: NameForm::Plain,
        }
    }

    /// A name as an expression may hold it.
    pub(super) fn name(&mut self) -> Option<Name> {
        match self.kind() {
            TokenKind::OpenBracket => self.bracketed_name(),
            TokenKind::OpenBrace => self.braced_name(),
            _ if self.peek().is_name() => Some(self.token_name()),
            _ => None,
        }
    }

    /// A name where only a name can be meant.
    pub(super) fn extended_name(&mut self) -> Option<Name> {
        match self.kind() {
            TokenKind::OpenBracket => self.bracketed_name(),
            TokenKind::OpenBrace => self.braced_name(),
            _ if self.peek().is_extended_name() => Some(self.token_name()),
            _ => None,
        }
    }

    pub(super) fn strings_at(&self, offset: usize) -> usize {
        let rest = self.tokens.get(self.pos + offset..).unwrap_or_default();
        rest.iter()
            .take_while(|t| t.kind == TokenKind::String)
            .count()
    }

    pub(super) fn scan_bracketed_name(&self, offset: usize) -> Option<usize> {
        if self.kind_at(offset) != TokenKind::OpenBracket {
            return None;
        }
        let n = self.strings_at(offset + 1);
        (n > 0 && self.kind_at(offset + 1 + n) == TokenKind::CloseBracket).then_some(n + 2)
    }

    pub(super) fn bracketed_name(&mut self) -> Option<Name> {
        let n = self.scan_bracketed_name(0)?;
        let open = self.next().span;
        let mut text = String::new();
        for _ in 0..n - 2 {
            let token = self.next();
            text.push_str(&literals::string(self.text_of(token)));
        }
        let close = self.next().span;
        Some(Name {
            text,
            span: open.to(close),
            form: NameForm::Bracketed,
        })
    }

    /// `{name}`, `{name[0]}`, `{name[-1]}`: a client's parameter, without any space.
    pub(super) fn scan_braced_name(&self, offset: usize) -> Option<usize> {
        let adjacent = |n: usize, kind| {
            let token = self.peek_at(offset + n);
            token.kind == kind && token.is_adjacent()
        };
        let name = self.peek_at(offset + 1);
        if self.kind_at(offset) != TokenKind::OpenBrace
            || !matches!(name.kind, TokenKind::Identifier | TokenKind::Keyword)
            || !name.is_adjacent()
        {
            return None;
        }
        let mut n = 2;
        if adjacent(n, TokenKind::OpenBracket) {
            n += 1 + usize::from(adjacent(n + 1, TokenKind::Minus));
            if !adjacent(n, TokenKind::Long) || !adjacent(n + 1, TokenKind::CloseBracket) {
                return None;
            }
            n += 2;
        }
        adjacent(n, TokenKind::CloseBrace).then_some(n + 1)
    }

    pub(super) fn braced_name(&mut self) -> Option<Name> {
        let n = self.scan_braced_name(0)?;
        let span = self.take_tokens(n);
        let inner = Span {
            start: span.start + 1,
            end: span.end - 1,
        };
        Some(Name {
            text: inner.text(self.text).to_owned(),
            span,
            form: NameForm::Braced,
        })
    }

    /// How many tokens a name takes here.
    pub(super) fn scan_name(&self, offset: usize) -> Option<usize> {
        match self.kind_at(offset) {
            TokenKind::OpenBracket => self.scan_bracketed_name(offset),
            TokenKind::OpenBrace => (self.peek_at(offset + 1).is_name()
                && self.kind_at(offset + 2) == TokenKind::CloseBrace)
                .then_some(3),
            _ => self.peek_at(offset).is_name().then_some(1),
        }
    }

    pub(super) fn scan_extended_name(&self, offset: usize) -> Option<usize> {
        self.scan_name(offset)
            .or_else(|| self.peek_at(offset).is_extended_name().then_some(1))
    }

    /// `*`, `Device*`, `*Name*`: adjacent tokens with a star among the first two.
    pub(super) fn scan_wildcard(&self, offset: usize) -> Option<usize> {
        let first = self.peek_at(offset);
        let mut n = if first.kind == TokenKind::Star {
            1
        } else if first.is_extended_name() && {
            let star = self.peek_at(offset + 1);
            star.kind == TokenKind::Star && star.is_adjacent()
        } {
            2
        } else {
            return None;
        };
        loop {
            let token = self.peek_at(offset + n);
            let part =
                matches!(token.kind, TokenKind::Long | TokenKind::Star) || token.is_extended_name();
            if !part || !token.is_adjacent() {
                return Some(n);
            }
            n += 1;
        }
    }

    pub(super) fn wildcard_name(&mut self) -> Option<Name> {
        let n = self.scan_wildcard(0)?;
        let span = self.take_tokens(n);
        self.mark(span, Mark::Identifier);
        Some(Name {
            text: span.text(self.text).to_owned(),
            span,
            form: NameForm::Wildcard,
        })
    }

    pub(super) fn name_declaration(&mut self) -> Name {
        self.name().unwrap_or_else(|| self.missing_name())
    }
}
