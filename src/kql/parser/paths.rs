//! Paths and what they start with: calls, parentheses, literals, names.

use super::parameter_sets::Value;
use super::{Parser, name_expr, word_of};
use crate::kql::keywords::Roles;
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{Call, Expr, ExprKind, Name, NameForm, Span, Step};

impl Parser<'_> {
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
                TokenKind::OpenBracket => steps.push(self.index_step(false)),
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
        match self.kind() {
            TokenKind::OpenBracket => self.bracketed_step(),
            TokenKind::At => Step::Index(Box::new(self.at_expr()), self.here()),
            _ => match self.selector_name() {
                Some(name) => Step::Member(name),
                None => Step::Member(self.missing_name()),
            },
        }
    }

    fn at_expr(&mut self) -> Expr {
        Expr {
            span: self.next().span,
            kind: ExprKind::At,
        }
    }

    /// `[Device*]`, `['name']` or `[expr]`, where each of them is a step.
    pub(super) fn bracketed_step(&mut self) -> Step {
        if self.scan_wildcard(1).is_none()
            && let Some(name) = self.bracketed_name()
        {
            return Step::Member(name);
        }
        self.index_step(true)
    }

    /// `[expr]`, or `[Device*]` where `wildcards` are allowed.
    pub(super) fn index_step(&mut self, wildcards: bool) -> Step {
        let open = self.next().span;
        let expr = if wildcards && let Some(name) = self.wildcard_name() {
            Some(name_expr(name))
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
                "__contextual_datatable" => return Some(self.contextual_datatable()),
                "materialized-view-combine" => return Some(self.view_combine()),
                _ => {}
            },
            _ => {}
        }
        if self.scan_call(0) {
            return self.path_call();
        }
        if let Some(mut selector) = self.selector() {
            if self.eat_word("datascope").is_some() {
                self.expect(TokenKind::Equal, "=");
                self.expect_one_of(&["all", "hotcache"]);
                selector.span = selector.span.to(self.here());
            }
            return Some(selector);
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

    /// A name, `@`, or what stands in brackets in the place of a name.
    pub(super) fn selector(&mut self) -> Option<Expr> {
        match self.kind() {
            TokenKind::At => return Some(self.at_expr()),
            TokenKind::OpenBracket => {}
            _ => return self.selector_name().map(name_expr),
        }
        match self.bracketed_step() {
            Step::Member(name) => Some(name_expr(name)),
            // `[name]` where `['name']` was meant: the binder says so
            Step::Index(inner, span) => Some(Expr {
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
            }),
            Step::Call(..) | Step::Wildcard(_) => None,
        }
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
                next.has_role(Roles::TEXT_OPERATOR)
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

    pub(super) fn parenthesized(&mut self) -> Option<Expr> {
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
        self.one_parameter("kind", Value::Word(&["nooptimization"]));
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

    /// A call as an expression.
    pub(super) fn path_call(&mut self) -> Option<Expr> {
        let start = self.peek().span;
        let call = self.call()?;
        let span = start.to(call.list);
        Some(Expr {
            kind: ExprKind::Call(call),
            span,
        })
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
