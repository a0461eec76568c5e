//! Tokens → tree. Never fails: what is missing is made up and reported where the official language
//! service reports it; what fits nowhere is skipped and reported once.
//!
//! Rules that nest count levels ([`MAX_DEPTH`] at most); what lies deeper is skipped as a whole, bracket by
//! bracket, and reported once. So a tree is never deeper than that, whatever the text.

#![expect(
    clippy::single_match_else,
    clippy::unnecessary_wraps,
    clippy::unnecessary_box_returns,
    clippy::wrong_self_convention,
    reason = "rules of the grammar share one shape, and are named after what they read"
)]

mod expressions;
mod literals;
mod names;
mod operators;
mod parameter_sets;
mod parameters;
mod paths;
mod pipeline;
mod statements;

pub(super) use super::keywords::is_operator;

use super::diagnostics::Diagnostic;
use super::keywords::Roles;
use super::lexer::{Token, TokenKind, is_line_break, tokenize};
use super::stack;
use super::syntax::{Expr, ExprKind, Mark, Name, NameForm, Span, Statement, Syntax};
use parameter_sets::ParameterSet;

/// How deep parentheses, calls, lists and sub-queries may nest; real queries reach 30. The official language
/// service reads on, but analyses no tree of more than 500 nodes from root to leaf: some 120 calls within
/// each other, or 490 parentheses. Here one such bracket is a level. What clones or prints a tree takes up to
/// 10 kB of stack a level in a build without optimisation, so that this many fit the 2 MB of a thread.
pub const MAX_DEPTH: usize = 160;

/// Levels read on the caller's own stack. A level takes up to 20 kB of it in a build without optimisation
/// and 2 kB in a release, so this is well within the 2 MB of a thread. Deeper text is read on a stack made
/// for it, see [`stack`](super::stack).
const SHALLOW: usize = 32;

/// Reads a query text.
pub fn parse(text: &str) -> Syntax {
    let (tokens, errors) = tokenize(text);
    let shallow = Parser::new(text, &tokens, SHALLOW).read();
    let read = if shallow.too_deep {
        stack::roomy(|| Parser::new(text, &tokens, MAX_DEPTH).read()).unwrap_or(shallow)
    } else {
        shallow
    };
    let mut errors = errors;
    errors.extend(read.errors);
    errors.sort_by_key(|e| (e.span.start, e.span.end));
    Syntax {
        tokens,
        statements: read.statements,
        skipped: read.skipped,
        errors,
        marks: read.marks,
        depth: read.depth,
    }
}

/// What one reading of the tokens gives.
struct Reading {
    statements: Vec<Statement>,
    skipped: Option<Span>,
    errors: Vec<Diagnostic>,
    marks: Vec<(Span, Mark)>,
    depth: usize,
    too_deep: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    pos: usize,
    /// Levels open here, the most there were, and the most there may be.
    depth: usize,
    deepest: usize,
    limit: usize,
    /// Where a scan from each token meets a pipe first, see `scan_is_query`.
    pipes: Option<Vec<bool>>,
    errors: Vec<Diagnostic>,
    marks: Vec<(Span, Mark)>,
    parameters: Option<ParameterSet>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, tokens: &'t [Token], limit: usize) -> Self {
        Self {
            text,
            tokens,
            pos: 0,
            depth: 0,
            deepest: 0,
            limit,
            pipes: None,
            errors: Vec::new(),
            marks: Vec::with_capacity(16),
            parameters: None,
        }
    }

    fn read(mut self) -> Reading {
        let statements = self.query();
        let skipped = self.skip_rest();
        Reading {
            statements,
            skipped,
            errors: self.errors,
            marks: self.marks,
            depth: self.deepest,
            too_deep: self.deepest > self.limit,
        }
    }

    // ---- tokens

    /// The next token. There always is one: nothing goes past the end.
    fn peek(&self) -> &'t Token {
        &self.tokens[self.pos]
    }

    fn peek_at(&self, offset: usize) -> &'t Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.pos + offset).min(last)]
    }

    fn kind(&self) -> TokenKind {
        self.peek().kind
    }

    fn kind_at(&self, offset: usize) -> TokenKind {
        self.peek_at(offset).kind
    }

    fn text_of(&self, token: &Token) -> &'t str {
        token.span.text(self.text)
    }

    fn next(&mut self) -> &'t Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.pos += 1;
        }
        token
    }

    /// Takes so many tokens as one.
    fn take_tokens(&mut self, n: usize) -> Span {
        let mut span = self.next().span;
        for _ in 1..n {
            span = span.to(self.next().span);
        }
        span
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

    /// A word that begins a clause. Where it could begin an operator as well, it is marked as none.
    fn eat_word(&mut self, word: &str) -> Option<Span> {
        if !self.at_word(word) {
            return None;
        }
        let token = self.next();
        if token.has_role(Roles::OPERATOR) {
            self.mark(token.span, Mark::Keyword);
        }
        Some(token.span)
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
        // counted no further than needed: a comment may be long
        if gap.chars().take(2).count() < 2 && !gap.contains(is_line_break) {
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
        Some(self.take_tokens(n))
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
        if self.depth >= self.limit {
            // what takes nothing is nothing: lists would go on for ever
            let before = self.pos;
            let skipped = self.skip_bracket();
            return (self.pos > before).then(|| too_deep(skipped));
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Skips what is in the bracket here, and says once that the text nests too deep. The fault is one of
    /// analysis: the official language service finds nothing wrong with the grammar of such a text.
    fn skip_bracket(&mut self) -> Span {
        let start = self.peek().span;
        let mut open = 0usize;
        while !self.at_end() {
            match self.kind() {
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => open += 1,
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
        if !start.is_empty() && self.here().end > start.start && self.deepest <= self.limit {
            self.deepest = self.limit + 1;
            self.errors.push(Diagnostic::semantic(
                "KS245",
                start,
                format!(
                    "The query nests more than {} levels deep: too deep to be analysed.",
                    self.limit
                ),
            ));
        }
        start.to(self.here())
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
fn word_of(token: &Token) -> &'static str {
    token.keyword().unwrap_or_default()
}

fn name_expr(name: Name) -> Expr {
    Expr {
        span: name.span,
        kind: ExprKind::Name(name),
    }
}

#[cfg(test)]
mod tests;
