//! Scalar expressions, by rank: or, and, equality, comparison, sum, product, text operators, sign,
//! paths, primaries.

use super::{Parser, name_expr, word_of};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{BinaryToken, Call, Expr, ExprKind, Mark, Name, NameForm, Span, Step};

/// Ranks of operators, weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const EQUALITY: u8 = 3;
const COMPARISON: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const TEXT: u8 = 7;

enum Infix {
    Binary(BinaryToken),
    In(&'static str),
    Between(bool),
}

impl Parser<'_> {
    /// `name = value`, `(a, b) = value`, or a plain expression.
    pub(super) fn named_expr(&mut self) -> Option<Expr> {
        let start = self.peek().span;
        if let Some(n) = self.scan_rename_name(0)
            && self.kind_at(n) == TokenKind::Equal
        {
            let name = self.extended_name()?;
            self.next();
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let span = start.to(value.span);
            return Some(Expr {
                kind: ExprKind::Named {
                    name,
                    value: Box::new(value),
                },
                span,
            });
        }
        if let Some(n) = self.scan_dashed_name()
            && self.kind_at(n) == TokenKind::Equal
        {
            let mut span = start;
            for _ in 0..n {
                span = start.to(self.next().span);
            }
            let text = span.text(self.text).to_owned();
            self.report(
                "KS228",
                span,
                format!("The name '{text}' needs to be bracketed as ['{text}'] to be used in this context."),
            );
            self.next();
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let name = Name {
                text,
                span,
                form: NameForm::Plain,
            };
            let span = start.to(value.span);
            return Some(Expr {
                kind: ExprKind::Named {
                    name,
                    value: Box::new(value),
                },
                span,
            });
        }
        if let Some(n) = self.scan_rename_list()
            && self.kind_at(n) == TokenKind::Equal
        {
            let open = self.next().span;
            let names = self.comma_list(
                Self::extended_name,
                Self::missing_name,
                Some(&Self::at_list_end),
                true,
                false,
            );
            let close = self.expect(TokenKind::CloseParen, ")");
            self.expect(TokenKind::Equal, "=");
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let span = start.to(value.span);
            let kind = ExprKind::NamedList {
                names,
                list: open.to(close),
                value: Box::new(value),
            };
            return Some(Expr { kind, span });
        }
        self.unnamed_expr()
    }

    fn scan_rename_name(&self, offset: usize) -> Option<usize> {
        match self.kind_at(offset) {
            TokenKind::OpenBracket => self.scan_bracketed_name(offset),
            TokenKind::OpenBrace => self.scan_name(offset),
            _ => self.peek_at(offset).is_extended_name().then_some(1),
        }
    }

    /// `a-b-c`: names and reserved words joined by dashes without space.
    fn scan_dashed_name(&self) -> Option<usize> {
        if !matches!(self.kind(), TokenKind::Identifier | TokenKind::Keyword) {
            return None;
        }
        let mut n = 1;
        loop {
            let token = self.peek_at(n);
            let part = matches!(
                token.kind,
                TokenKind::Identifier | TokenKind::Keyword | TokenKind::Minus
            );
            if !part || !token.is_adjacent() {
                return Some(n);
            }
            n += 1;
        }
    }

    fn scan_rename_list(&self) -> Option<usize> {
        if self.kind() != TokenKind::OpenParen {
            return None;
        }
        let mut at = 1;
        while !self.list_end_at(at) {
            at += self.scan_rename_name(at)?;
            if self.kind_at(at) != TokenKind::Comma {
                break;
            }
            at += 1;
        }
        (self.kind_at(at) == TokenKind::CloseParen).then_some(at + 1)
    }

    pub(super) fn unnamed_expr(&mut self) -> Option<Expr> {
        self.deeper(
            |p| p.binary(OR),
            |span| Expr {
                kind: ExprKind::Missing,
                span,
            },
        )
    }

    fn infix(&self) -> Option<(Infix, u8)> {
        use BinaryToken as B;
        let token = self.peek();
        let (op, rank) = match token.kind {
            TokenKind::EqualEqual => (B::Equal, EQUALITY),
            TokenKind::NotEqual | TokenKind::LessGreater => (B::NotEqual, EQUALITY),
            TokenKind::Less => (B::Less, COMPARISON),
            TokenKind::LessEqual => (B::LessOrEqual, COMPARISON),
            TokenKind::Greater => (B::Greater, COMPARISON),
            TokenKind::GreaterEqual => (B::GreaterOrEqual, COMPARISON),
            TokenKind::Plus => (B::Add, SUM),
            TokenKind::Minus => (B::Subtract, SUM),
            TokenKind::Star => (B::Multiply, PRODUCT),
            TokenKind::Slash => (B::Divide, PRODUCT),
            TokenKind::Percent => (B::Modulo, PRODUCT),
            TokenKind::EqualTilde => (B::Text("=~"), TEXT),
            TokenKind::BangTilde => (B::Text("!~"), TEXT),
            TokenKind::Colon => (B::Search, TEXT),
            TokenKind::Keyword => match word_of(token) {
                "or" => (B::Or, OR),
                "and" => (B::And, AND),
                "in" if self.word_at(1, "range") => return None,
                word @ ("in" | "!in" | "in~" | "!in~" | "has_any" | "has_all") => {
                    return Some((Infix::In(word), EQUALITY));
                }
                "between" => return Some((Infix::Between(false), EQUALITY)),
                "!between" => return Some((Infix::Between(true), EQUALITY)),
                word if is_text_operator(word) => (B::Text(word), TEXT),
                _ => return None,
            },
            _ => return None,
        };
        Some((Infix::Binary(op), rank))
    }

    /// Operators of at least this rank. Ranks equality, comparison and text take one operator only.
    fn binary(&mut self, min: u8) -> Option<Expr> {
        let mut left = if self.kind() == TokenKind::Star && self.star_operand(min) {
            let span = self.next().span;
            Expr {
                kind: ExprKind::Star,
                span,
            }
        } else {
            self.sign()?
        };
        let mut cap = TEXT;
        while let Some((op, rank)) = self.infix() {
            if rank < min || rank > cap {
                break;
            }
            match op {
                Infix::Binary(op) => {
                    let op_span = self.next().span;
                    let not_equal = op == BinaryToken::NotEqual;
                    let right = self.binary(rank + 1).unwrap_or_else(|| {
                        if not_equal {
                            self.missing_with_code("KS005", "Expected: token")
                        } else {
                            self.missing_expr()
                        }
                    });
                    let span = left.span.to(right.span);
                    left = match left.kind {
                        ExprKind::Chain { first, mut rest }
                            if rest.first().is_some_and(|r| rank_of(r.0) == rank) =>
                        {
                            rest.push((op, op_span, right));
                            Expr {
                                kind: ExprKind::Chain { first, rest },
                                span,
                            }
                        }
                        _ => Expr {
                            kind: ExprKind::Chain {
                                first: Box::new(left),
                                rest: vec![(op, op_span, right)],
                            },
                            span,
                        },
                    };
                }
                Infix::In(op) => {
                    let op_span = self.next().span;
                    let list = self.in_list();
                    let span = left.span.to(self.here());
                    left = Expr {
                        kind: ExprKind::In {
                            op,
                            op_span,
                            left: Box::new(left),
                            list,
                        },
                        span,
                    };
                }
                Infix::Between(negated) => {
                    let op_span = self.next().span;
                    self.expect(TokenKind::OpenParen, "(");
                    let low = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
                    self.expect(TokenKind::DotDot, "..");
                    let high = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
                    self.expect(TokenKind::CloseParen, ")");
                    let span = left.span.to(self.here());
                    let kind = ExprKind::Between {
                        negated,
                        op_span,
                        left: Box::new(left),
                        low: Box::new(low),
                        high: Box::new(high),
                    };
                    left = Expr { kind, span };
                }
            }
            cap = match rank {
                EQUALITY | COMPARISON | TEXT => rank - 1,
                _ => rank,
            };
        }
        Some(left)
    }

    fn missing_with_code(&mut self, code: &'static str, message: &str) -> Expr {
        let span = self.here();
        self.report(code, span, message.to_owned());
        Expr {
            kind: ExprKind::Missing,
            span,
        }
    }

    /// `* has x` and `* == x` may start an operation.
    fn star_operand(&self, min: u8) -> bool {
        let next = self.peek_at(1);
        match next.kind {
            TokenKind::EqualTilde | TokenKind::BangTilde | TokenKind::Colon => min <= TEXT,
            TokenKind::EqualEqual => min <= EQUALITY,
            TokenKind::Keyword => min <= TEXT && is_text_operator(word_of(next)),
            _ => false,
        }
    }

    fn in_list(&mut self) -> Vec<Expr> {
        self.expect(TokenKind::OpenParen, "(");
        let list = if self.scan_is_query() {
            vec![self.pipe_expr().unwrap_or_else(|| self.missing_expr())]
        } else {
            self.comma_list(
                Self::unnamed_expr,
                Self::missing_expr,
                Some(&Self::at_list_end),
                true,
                false,
            )
        };
        self.expect(TokenKind::CloseParen, ")");
        list
    }

    /// Does the list hold one query: an operator first, or a pipe before its end?
    fn scan_is_query(&self) -> bool {
        if self.scan_operator() {
            return true;
        }
        let mut open = 0usize;
        for token in &self.tokens[self.pos..] {
            match token.kind {
                TokenKind::End | TokenKind::Semicolon => return false,
                TokenKind::Comma | TokenKind::CloseParen if open == 0 => return false,
                TokenKind::CloseParen => open -= 1,
                TokenKind::OpenParen => open += 1,
                TokenKind::Bar if open == 0 => return true,
                _ => {}
            }
        }
        false
    }

    fn sign(&mut self) -> Option<Expr> {
        if !matches!(self.kind(), TokenKind::Minus | TokenKind::Plus) {
            return self.path();
        }
        let token = self.next();
        let operand = self.path().unwrap_or_else(|| self.missing_expr());
        let span = token.span.to(operand.span);
        let minus = token.kind == TokenKind::Minus;
        Some(Expr {
            kind: ExprKind::Sign {
                minus,
                op: token.span,
                operand: Box::new(operand),
            },
            span,
        })
    }

    /// A primary with its members, indexes and calls.
    pub(super) fn path(&mut self) -> Option<Expr> {
        if self.at_word("totable") {
            return self.to_scalar("totable");
        }
        let base = self.primary()?;
        let mut steps = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Dot => {
                    self.next();
                    steps.push(self.path_step());
                }
                TokenKind::OpenBracket => steps.push(self.index_step()),
                _ => break,
            }
        }
        if steps.is_empty() {
            return Some(base);
        }
        let span = base.span.to(self.here());
        Some(Expr {
            kind: ExprKind::Path {
                base: Box::new(base),
                steps,
            },
            span,
        })
    }

    /// What follows a dot.
    pub(super) fn path_step(&mut self) -> Step {
        if self.scan_call(0) {
            let start = self.peek().span;
            if let Some(call) = self.call() {
                let span = start.to(call.list);
                return Step::Call(call, span);
            }
        }
        if self.kind() == TokenKind::OpenBracket {
            if let Some(name) = self.bracketed_name() {
                return Step::Member(name);
            }
            return self.index_step();
        }
        match self.selector_name() {
            Some(name) => Step::Member(name),
            None => Step::Member(self.missing_name()),
        }
    }

    pub(super) fn index_step(&mut self) -> Step {
        let open = self.next().span;
        let expr = if let Some(n) = self.scan_wildcard(0)
            && self.kind_at(n) == TokenKind::CloseBracket
            && self.kind() != TokenKind::Long
        {
            self.wildcard_name().map(name_expr)
        } else {
            self.unnamed_expr()
        };
        let expr = expr.unwrap_or_else(|| self.missing_name_expr());
        let close = self.expect(TokenKind::CloseBracket, "]");
        Step::Index(Box::new(expr), open.to(close))
    }

    /// A name in a path: also `kind`, `withsource`.
    pub(super) fn selector_name(&mut self) -> Option<Name> {
        if ["kind", "withsource", "with_source"]
            .iter()
            .any(|w| self.at_word(w))
        {
            return Some(self.token_name());
        }
        self.name()
    }

    fn primary(&mut self) -> Option<Expr> {
        let token = self.peek();
        match token.kind {
            TokenKind::OpenParen => return self.parenthesized(),
            _ if token.is_literal() => return self.literal(),
            TokenKind::Keyword => match word_of(token) {
                "dynamic" => return self.dynamic(),
                "datatable" => return Some(self.datatable()),
                "externaldata" | "external_data" => return Some(self.external_data()),
                "toscalar" => return self.to_scalar("toscalar"),
                "typeof" if self.scan_type_of() => return self.type_of(),
                _ => {}
            },
            _ => {}
        }
        if self.scan_call(0) {
            let call = self.call()?;
            let span = token.span.to(call.list);
            return Some(Expr {
                kind: ExprKind::Call(call),
                span,
            });
        }
        match token.kind {
            TokenKind::At => {
                self.next();
                return Some(Expr {
                    kind: ExprKind::At,
                    span: token.span,
                });
            }
            TokenKind::OpenBracket => {
                if let Some(name) = self.bracketed_name() {
                    return Some(name_expr(name));
                }
                let Step::Index(inner, span) = self.index_step() else {
                    return None;
                };
                // `[name]` where `['name']` was meant: the binder says so
                return Some(Expr {
                    kind: ExprKind::Path {
                        base: Box::new(Expr {
                            kind: ExprKind::Missing,
                            span: Span {
                                start: span.start,
                                end: span.start,
                            },
                        }),
                        steps: vec![Step::Index(inner, span)],
                    },
                    span,
                });
            }
            _ => {}
        }
        if let Some(name) = self.selector_name() {
            let mut span = name.span;
            if self.eat_word("datascope").is_some() {
                self.expect(TokenKind::Equal, "=");
                self.expect_one_of(&["all", "hotcache"]);
                span = span.to(self.here());
                return Some(Expr {
                    kind: ExprKind::Name(name),
                    span,
                });
            }
            return Some(name_expr(name));
        }
        if token.kind == TokenKind::Keyword && self.keyword_in_name_position() {
            self.next();
            let word = self.text_of(token).to_owned();
            self.report(
                "KS228",
                token.span,
                format!("The name '{word}' needs to be bracketed as ['{word}'] to be used in this context."),
            );
            return Some(name_expr(Name {
                text: word,
                span: token.span,
                form: NameForm::Plain,
            }));
        }
        None
    }

    /// A reserved word before something that only follows a name.
    fn keyword_in_name_position(&self) -> bool {
        use TokenKind as T;
        let next = self.peek_at(1);
        match next.kind {
            T::EqualEqual
            | T::NotEqual
            | T::EqualTilde
            | T::BangTilde
            | T::Greater
            | T::GreaterEqual
            | T::Less
            | T::LessEqual
            | T::Star
            | T::Slash
            | T::Percent
            | T::CloseParen
            | T::CloseBracket
            | T::CloseBrace
            | T::Dot
            | T::Comma
            | T::Colon
            | T::Bar => true,
            T::Keyword => {
                let word = word_of(next);
                is_text_operator(word)
                    || matches!(
                        word,
                        "and"
                            | "or"
                            | "in"
                            | "in~"
                            | "!in"
                            | "!in~"
                            | "has_any"
                            | "has_all"
                            | "between"
                            | "!between"
                    )
            }
            _ => false,
        }
    }

    fn parenthesized(&mut self) -> Option<Expr> {
        let open = self.next().span;
        let inner = self.pipe_expr().unwrap_or_else(|| self.missing_expr());
        let close = self.expect(TokenKind::CloseParen, ")");
        Some(Expr {
            kind: ExprKind::Paren(Box::new(inner)),
            span: open.to(close),
        })
    }

    fn to_scalar(&mut self, word: &str) -> Option<Expr> {
        let start = self.eat_word(word)?;
        if self.at_word("kind") && self.kind_at(1) == TokenKind::Equal {
            let name = self.next().span;
            self.mark(name, Mark::Parameter);
            self.next();
            self.expect_one_of(&["nooptimization"]);
        }
        self.expect(TokenKind::OpenParen, "(");
        let inner = self.pipe_expr().unwrap_or_else(|| self.missing_expr());
        let close = self.expect(TokenKind::CloseParen, ")");
        let inner = Box::new(inner);
        let kind = if word == "toscalar" {
            ExprKind::ToScalar(inner)
        } else {
            ExprKind::ToTable(inner)
        };
        Some(Expr {
            kind,
            span: start.to(close),
        })
    }

    /// A function name with `(` behind it.
    pub(super) fn scan_call(&self, offset: usize) -> bool {
        self.scan_name(offset)
            .is_some_and(|n| self.kind_at(offset + n) == TokenKind::OpenParen)
    }

    pub(super) fn call(&mut self) -> Option<Call> {
        let name = self.name()?;
        let open = self.expect(TokenKind::OpenParen, "(");
        let args = self.comma_list(
            Self::argument,
            Self::missing_expr,
            Some(&Self::at_list_end),
            false,
            false,
        );
        let close = self.expect(TokenKind::CloseParen, ")");
        Some(Call {
            name,
            args,
            list: open.to(close),
        })
    }

    fn argument(&mut self) -> Option<Expr> {
        if self.kind() == TokenKind::Star
            && matches!(self.kind_at(1), TokenKind::CloseParen | TokenKind::Comma)
        {
            let span = self.next().span;
            return Some(Expr {
                kind: ExprKind::Star,
                span,
            });
        }
        self.named_expr()
    }
}

fn rank_of(op: BinaryToken) -> u8 {
    use BinaryToken as B;
    match op {
        B::Or => OR,
        B::And => AND,
        B::Equal | B::NotEqual => EQUALITY,
        B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual => COMPARISON,
        B::Add | B::Subtract => SUM,
        B::Multiply | B::Divide | B::Modulo => PRODUCT,
        B::Text(_) | B::Search => TEXT,
    }
}

/// Word operators between two texts.
pub(in crate::kql) fn is_text_operator(word: &str) -> bool {
    matches!(
        word,
        "has"
            | "!has"
            | "has_cs"
            | "!has_cs"
            | "hasprefix"
            | "!hasprefix"
            | "hasprefix_cs"
            | "!hasprefix_cs"
            | "hassuffix"
            | "!hassuffix"
            | "hassuffix_cs"
            | "!hassuffix_cs"
            | "like"
            | "notlike"
            | "likecs"
            | "notlikecs"
            | "contains"
            | "notcontains"
            | "!contains"
            | "containscs"
            | "contains_cs"
            | "notcontainscs"
            | "!contains_cs"
            | "startswith"
            | "!startswith"
            | "startswith_cs"
            | "!startswith_cs"
            | "endswith"
            | "!endswith"
            | "endswith_cs"
            | "!endswith_cs"
            | "matches regex"
    )
}
