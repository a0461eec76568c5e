//! Tokens → tree. Never fails: what is missing is made up and reported where the official language
//! service reports it; what fits nowhere is skipped and reported once.
//!
//! Recursion is bounded by [`MAX_DEPTH`]; deeper text is skipped as a whole and reported.

#![expect(
    clippy::single_match_else,
    clippy::unnecessary_wraps,
    clippy::unnecessary_box_returns,
    clippy::wrong_self_convention,
    reason = "rules of the grammar share one shape, and are named after what they read"
)]

mod expressions;
mod literals;
mod operators;
mod parameters;
mod pipeline;
mod statements;

pub(super) use expressions::is_text_operator;
pub(super) use pipeline::is_operator;

use super::diagnostics::Diagnostic;
use super::keywords;
use super::lexer::{Token, TokenKind, tokenize};
use super::syntax::{Expr, ExprKind, Mark, Name, NameForm, Span, Syntax};

/// How deep parentheses, calls and sub-queries may nest.
pub const MAX_DEPTH: usize = 120;

/// Reads a query text.
pub fn parse(text: &str) -> Syntax {
    let (tokens, errors) = tokenize(text);
    let mut parser = Parser {
        text,
        tokens: &tokens,
        pos: 0,
        depth: 0,
        errors,
        marks: Vec::new(),
        parameters: None,
    };
    let statements = parser.query();
    let skipped = parser.skip_rest();
    let mut errors = parser.errors;
    let marks = parser.marks;
    errors.sort_by_key(|e| (e.span.start, e.span.end));
    Syntax {
        tokens,
        statements,
        skipped,
        errors,
        marks,
    }
}

/// Which names an operator's parameters may have.
#[derive(Clone, Copy)]
struct ParameterSet {
    own: &'static [&'static str],
    /// Also all known parameters of any operator.
    known: bool,
    /// Only where `=` follows.
    equals: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    pos: usize,
    depth: usize,
    errors: Vec<Diagnostic>,
    marks: Vec<(Span, Mark)>,
    parameters: Option<ParameterSet>,
}

impl<'t> Parser<'t> {
    // ---- tokens

    fn peek(&self) -> Token {
        self.peek_at(0)
    }

    fn peek_at(&self, offset: usize) -> Token {
        self.tokens[(self.pos + offset).min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> TokenKind {
        self.peek().kind
    }

    fn kind_at(&self, offset: usize) -> TokenKind {
        self.peek_at(offset).kind
    }

    fn text_of(&self, token: Token) -> &'t str {
        token.span.text(self.text)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.pos += 1;
        }
        token
    }

    fn at_end(&self) -> bool {
        self.kind() == TokenKind::End
    }

    fn at_word(&self, word: &str) -> bool {
        self.peek().is_word(word)
    }

    fn word_at(&self, offset: usize, word: &str) -> bool {
        self.peek_at(offset).is_word(word)
    }

    fn eat(&mut self, kind: TokenKind) -> Option<Span> {
        (self.kind() == kind).then(|| self.next().span)
    }

    fn eat_word(&mut self, word: &str) -> Option<Span> {
        self.at_word(word).then(|| self.next().span)
    }

    /// The place right after the last token taken.
    fn here(&self) -> Span {
        let at = if self.pos == 0 {
            0
        } else {
            self.tokens[self.pos - 1].span.end
        };
        Span { start: at, end: at }
    }

    /// Where a missing token is reported: on the next token if it stands close by on the same line,
    /// else right after the last one.
    fn missing_place(&self) -> Span {
        let here = self.here();
        let next = self.peek();
        let gap = &self.text[here.end as usize..next.span.start as usize];
        if gap.chars().count() < 2 && !gap.contains(['\r', '\n']) {
            next.span
        } else {
            here
        }
    }

    fn expect(&mut self, kind: TokenKind, text: &str) -> Span {
        self.eat(kind).unwrap_or_else(|| {
            self.report("KS005", self.missing_place(), format!("Expected: {text}"));
            self.here()
        })
    }

    fn expect_word(&mut self, word: &str) -> Span {
        self.eat_word(word).unwrap_or_else(|| {
            self.report("KS005", self.missing_place(), format!("Expected: {word}"));
            self.here()
        })
    }

    fn expect_one_of(&mut self, texts: &[&str]) -> Option<Span> {
        for text in texts {
            if let Some(span) = self.eat_text(text) {
                self.marks.push((span, Mark::Keyword));
                return Some(span);
            }
        }
        self.report("KS005", self.missing_place(), expected(texts));
        None
    }

    /// How many adjacent tokens together read `text`.
    fn scan_text(&self, text: &str, offset: usize) -> Option<usize> {
        let mut rest = text;
        let mut n = 0;
        loop {
            let token = self.peek_at(offset + n);
            if token.kind == TokenKind::End || (n > 0 && !token.is_adjacent()) {
                return None;
            }
            rest = rest.strip_prefix(self.text_of(token))?;
            n += 1;
            if rest.is_empty() {
                return Some(n);
            }
        }
    }

    fn eat_text(&mut self, text: &str) -> Option<Span> {
        let n = self.scan_text(text, 0)?;
        let first = self.next().span;
        let mut last = first;
        for _ in 1..n {
            last = self.next().span;
        }
        Some(first.to(last))
    }

    fn report(&mut self, code: &'static str, span: Span, message: String) {
        self.errors.push(Diagnostic::error(code, span, message));
    }

    fn mark(&mut self, span: Span, mark: Mark) {
        self.marks.push((span, mark));
    }

    /// Runs `f` one level deeper, or skips to the end of the bracket and reports.
    fn deeper<T>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Option<T>,
        too_deep: impl FnOnce(Span) -> T,
    ) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            let start = self.peek().span;
            let mut open = 0usize;
            while !self.at_end() {
                match self.kind() {
                    TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                        open += 1;
                    }
                    TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                        if open == 0 {
                            break;
                        }
                        open -= 1;
                    }
                    _ => {}
                }
                self.next();
            }
            let span = start.to(self.here());
            if !self.errors.iter().any(|e| e.code == "KS245") {
                self.report(
                    "KS245",
                    start,
                    "Query syntax depth exceeds maximum safe limit.".to_owned(),
                );
            }
            return Some(too_deep(span));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    // ---- made-up parts

    fn missing_expr(&mut self) -> Expr {
        self.missing_message("expression", "be part of an expression it needs")
    }

    fn missing_message(&mut self, what: &str, hint: &str) -> Expr {
        let next = self.peek();
        let message = match next.keyword() {
            Some(word) => format!(
                "Missing {what}: If the keyword '{word}' is intended to {hint} to be bracketted as ['{word}']."
            ),
            None => format!("Missing {what}"),
        };
        self.missing_with(message)
    }

    fn missing_with(&mut self, message: String) -> Expr {
        let span = self.here();
        self.report("KS006", span, message);
        Expr {
            kind: ExprKind::Missing,
            span,
        }
    }

    fn missing_value(&mut self) -> Expr {
        self.missing_with("Missing value".to_owned())
    }

    fn missing_name(&mut self) -> Name {
        let expr = self.missing_message("name", "be used as the name it needs");
        Name {
            text: String::new(),
            span: expr.span,
            form: NameForm::Missing,
        }
    }

    fn missing_name_expr(&mut self) -> Expr {
        let name = self.missing_name();
        Expr {
            span: name.span,
            kind: ExprKind::Missing,
        }
    }

    // ---- lists

    /// Ends most lists.
    fn at_list_end(&self) -> bool {
        self.list_end_at(0)
    }

    fn list_end_at(&self, offset: usize) -> bool {
        matches!(
            self.kind_at(offset),
            TokenKind::CloseParen
                | TokenKind::CloseBracket
                | TokenKind::CloseBrace
                | TokenKind::Bar
                | TokenKind::Semicolon
                | TokenKind::End
        )
    }

    /// A list with commas. `end` says where it ends; without it the list ends after the first element
    /// without a comma. With it, an element without a comma before it is read and the comma reported.
    fn comma_list<T>(
        &mut self,
        element: impl Fn(&mut Self) -> Option<T>,
        missing: impl Fn(&mut Self) -> T,
        end: Option<&dyn Fn(&Self) -> bool>,
        one_or_more: bool,
        trailing: bool,
    ) -> Vec<T> {
        let ended = |p: &Self| end.is_some_and(|end| end(p));
        let mut list = Vec::new();
        let mut current = if ended(self) { None } else { element(self) };
        if current.is_none() && self.kind() == TokenKind::Comma {
            current = Some(missing(self));
        }
        while let Some(item) = current {
            list.push(item);
            if self.at_end() || ended(self) {
                break;
            }
            if self.eat(TokenKind::Comma).is_some() {
                current = if ended(self) { None } else { element(self) };
                if current.is_some() {
                    continue;
                }
                if !trailing {
                    let made_up = missing(self);
                    list.push(made_up);
                }
                break;
            }
            if end.is_none() {
                break;
            }
            let (place, at) = (self.missing_place(), self.errors.len());
            current = element(self);
            if current.is_some() {
                let error = Diagnostic::error("KS005", place, "Expected: ,".to_owned());
                self.errors.insert(at, error);
            }
        }
        if one_or_more && list.is_empty() {
            let made_up = missing(self);
            list.push(made_up);
        }
        list
    }

    fn expr_list(&mut self, one_or_more: bool) -> Vec<Expr> {
        self.comma_list(
            Self::named_expr,
            Self::missing_expr,
            Some(&Self::at_list_end),
            one_or_more,
            false,
        )
    }

    // ---- names

    fn token_name(&mut self) -> Name {
        let token = self.next();
        Name {
            text: self.text_of(token).to_owned(),
            span: token.span,
            form: NameForm::Plain,
        }
    }

    /// A name as an expression may hold it.
    fn name(&mut self) -> Option<Name> {
        match self.kind() {
            TokenKind::OpenBracket => self.bracketed_name(),
            TokenKind::OpenBrace => self.braced_name(),
            _ if self.peek().is_name() => Some(self.token_name()),
            _ => None,
        }
    }

    /// A name where only a name can be meant.
    fn extended_name(&mut self) -> Option<Name> {
        match self.kind() {
            TokenKind::OpenBracket => self.bracketed_name(),
            TokenKind::OpenBrace => self.braced_name(),
            _ if self.peek().is_extended_name() => Some(self.token_name()),
            _ => None,
        }
    }

    fn strings_at(&self, offset: usize) -> usize {
        let rest = self.tokens.get(self.pos + offset..).unwrap_or_default();
        rest.iter()
            .take_while(|t| t.kind == TokenKind::String)
            .count()
    }

    fn scan_bracketed_name(&self, offset: usize) -> Option<usize> {
        if self.kind_at(offset) != TokenKind::OpenBracket {
            return None;
        }
        let n = self.strings_at(offset + 1);
        (n > 0 && self.kind_at(offset + 1 + n) == TokenKind::CloseBracket).then_some(n + 2)
    }

    fn bracketed_name(&mut self) -> Option<Name> {
        let n = self.scan_bracketed_name(0)?;
        let open = self.next().span;
        let mut text = String::new();
        for _ in 0..n - 2 {
            let token = self.next();
            text.push_str(&super::literals::string(self.text_of(token)));
        }
        let close = self.next().span;
        Some(Name {
            text,
            span: open.to(close),
            form: NameForm::Bracketed,
        })
    }

    fn scan_braced_name(&self, offset: usize) -> Option<usize> {
        let name = self.peek_at(offset + 1);
        let close = self.peek_at(offset + 2);
        (self.kind_at(offset) == TokenKind::OpenBrace
            && matches!(name.kind, TokenKind::Identifier | TokenKind::Keyword)
            && name.is_adjacent()
            && close.kind == TokenKind::CloseBrace
            && close.is_adjacent())
        .then_some(3)
    }

    fn braced_name(&mut self) -> Option<Name> {
        self.scan_braced_name(0)?;
        let open = self.next().span;
        let name = self.next();
        let close = self.next().span;
        Some(Name {
            text: self.text_of(name).to_owned(),
            span: open.to(close),
            form: NameForm::Braced,
        })
    }

    /// How many tokens a name takes here.
    fn scan_name(&self, offset: usize) -> Option<usize> {
        match self.kind_at(offset) {
            TokenKind::OpenBracket => self.scan_bracketed_name(offset),
            TokenKind::OpenBrace => (self.peek_at(offset + 1).is_name()
                && self.kind_at(offset + 2) == TokenKind::CloseBrace)
                .then_some(3),
            _ => self.peek_at(offset).is_name().then_some(1),
        }
    }

    fn scan_extended_name(&self, offset: usize) -> Option<usize> {
        self.scan_name(offset)
            .or_else(|| self.peek_at(offset).is_extended_name().then_some(1))
    }

    /// `*`, `Device*`, `*Name*`: adjacent tokens with a star among the first two.
    fn scan_wildcard(&self, offset: usize) -> Option<usize> {
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

    fn wildcard_name(&mut self) -> Option<Name> {
        let n = self.scan_wildcard(0)?;
        let first = self.next().span;
        let mut span = first;
        for _ in 1..n {
            span = first.to(self.next().span);
        }
        Some(Name {
            text: span.text(self.text).to_owned(),
            span,
            form: NameForm::Wildcard,
        })
    }

    fn name_declaration(&mut self) -> Name {
        self.name().unwrap_or_else(|| self.missing_name())
    }

    /// Takes everything that is left and reports it once.
    fn skip_rest(&mut self) -> Option<Span> {
        if self.at_end() {
            return None;
        }
        let first = self.peek().span;
        self.report(
            "KS198",
            first,
            "The incomplete fragment is unexpected.".to_owned(),
        );
        let mut last = first;
        while !self.at_end() {
            last = self.next().span;
        }
        Some(first.to(last))
    }
}

fn expected(texts: &[&str]) -> String {
    if texts.len() == 1 {
        format!("Expected: {}", texts[0])
    } else {
        format!("Expected one of: {}", texts.join(", "))
    }
}

/// The word table's own copy of this word (so that trees need no lifetime).
fn word_of(token: Token) -> &'static str {
    token.keyword().unwrap_or_default()
}

fn name_expr(name: Name) -> Expr {
    Expr {
        span: name.span,
        kind: ExprKind::Name(name),
    }
}

fn is_reserved(word: &str) -> bool {
    keywords::find(word).is_some()
}

#[cfg(test)]
mod tests;
