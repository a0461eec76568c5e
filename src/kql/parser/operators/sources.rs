//! Where rows come from or are looked for: find, the predicate of search, datatable, externaldata.

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::name_expr;
use crate::kql::parser::parameter_sets as sets;
use crate::kql::syntax::Expr;
use crate::kql::syntax::ExprKind;
use crate::kql::syntax::NameForm;
use crate::kql::syntax::OperatorKind;
use crate::kql::syntax::Parameter;

impl Parser<'_> {
    pub(super) fn data_scope(&mut self) {
        if self.eat_word("datascope").is_some() {
            self.expect(TokenKind::Equal, "=");
            self.expect_one_of(&["all", "hotcache"]);
        }
    }

    /// `in (T, Device*, ...)`
    pub(super) fn find_in(&mut self) -> Option<Vec<Expr>> {
        self.eat_word("in")?;
        self.expect(TokenKind::OpenParen, "(");
        let list = self.comma_list(
            |p| {
                let expr = p.wildcard_entity()?;
                // only a plain name may be given another
                let plain = matches!(&expr.kind, ExprKind::Name(n) if n.form != NameForm::Wildcard);
                if !plain || p.eat(TokenKind::Bar).is_none() {
                    return Some(expr);
                }
                let op = p.as_operator();
                let span = expr.span.to(op.span);
                let kind = ExprKind::Pipeline {
                    source: Some(Box::new(expr)),
                    ops: vec![op],
                };
                Some(Expr { kind, span })
            },
            Self::missing_expr,
            Some(&Self::at_list_end),
            true,
            false,
        );
        self.expect(TokenKind::CloseParen, ")");
        Some(list)
    }

    pub(super) fn search_predicate(&mut self) -> Option<Expr> {
        if let Some(expr) = self.unnamed_expr() {
            return Some(expr);
        }
        let star = self.star_expr()?;
        let Some(op) = self.eat_word("and") else {
            return Some(star);
        };
        let right = *self.required(Self::unnamed_expr);
        let span = star.span.to(right.span);
        let rest = vec![(crate::kql::syntax::BinaryToken::And, op, right)];
        Some(Expr {
            kind: ExprKind::Chain {
                first: Box::new(star),
                rest,
            },
            span,
        })
    }

    pub(super) fn find(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        self.data_scope();
        *parameters = self.parameters(sets::NONE);
        let tables = self.find_in();
        if parameters.is_empty() && tables.is_none() {
            self.eat_word("where");
        } else {
            self.expect_word("where");
        }
        let predicate = self.required(Self::unnamed_expr);
        let column = |p: &mut Self| {
            if p.at_word("pack") {
                let start = p.next().span;
                p.expect(TokenKind::OpenParen, "(");
                p.expect(TokenKind::Star, "*");
                let close = p.expect(TokenKind::CloseParen, ")");
                return Some(Expr {
                    kind: ExprKind::Pack,
                    span: start.to(close),
                });
            }
            if let Some(star) = p.star_expr() {
                return Some(star);
            }
            let name = p.name()?;
            if p.eat(TokenKind::Colon).is_none() {
                return Some(name_expr(name));
            }
            let ty = p.declared_type(true);
            let span = name.span.to(p.here());
            Some(Expr {
                kind: ExprKind::TypedColumn { name, ty },
                span,
            })
        };
        let project = if self.eat_word("project").is_some() {
            Some(self.comma_list(column, Self::missing_expr, None, true, false))
        } else {
            self.eat_word("project-smart");
            None
        };
        let away = self
            .eat_word("__projectAway")
            .map(|_| self.comma_list(column, Self::missing_expr, None, true, false));
        OperatorKind::Find {
            tables,
            predicate,
            project,
            away,
        }
    }

    pub(in crate::kql::parser) fn datatable(&mut self) -> Expr {
        let start = self.next().span;
        self.parameters(sets::NONE);
        let columns = self.row_schema();
        let open = self.expect(TokenKind::OpenBracket, "[");
        self.eat(TokenKind::Comma);
        let values = self.comma_list(
            Self::literal,
            Self::missing_value,
            Some(&Self::at_list_end),
            false,
            true,
        );
        let close = self.expect(TokenKind::CloseBracket, "]");
        let list = open.to(close);
        Expr {
            kind: ExprKind::DataTable {
                columns,
                values,
                list,
            },
            span: start.to(close),
        }
    }

    pub(in crate::kql::parser) fn external_data(&mut self) -> Expr {
        let start = self.next().span;
        self.parameters(sets::NONE);
        let columns = self.row_schema();
        self.expect(TokenKind::OpenBracket, "[");
        let uris = self.comma_list(
            Self::pipe_expr,
            Self::missing_value,
            Some(&Self::at_list_end),
            false,
            true,
        );
        self.expect(TokenKind::CloseBracket, "]");
        let properties = self.free_properties();
        let span = start.to(self.here());
        Expr {
            kind: ExprKind::ExternalData {
                columns,
                uris,
                properties,
            },
            span,
        }
    }

    /// `__contextual_datatable id (a: long)`
    pub(in crate::kql::parser) fn contextual_datatable(&mut self) -> Expr {
        let start = self.next().span;
        if self.literal().or_else(|| self.unnamed_expr()).is_none() {
            self.missing_expr();
        }
        let columns = self.row_schema();
        Expr {
            kind: ExprKind::DataTable {
                columns,
                values: Vec::new(),
                list: self.here(),
            },
            span: start.to(self.here()),
        }
    }

    /// `materialized-view-combine (name) base (T) delta (T) aggregations (summarize ...)`
    pub(in crate::kql::parser) fn view_combine(&mut self) -> Expr {
        let start = self.next().span;
        self.bracketed_query(Self::pipe_expr);
        for clause in ["base", "delta", "aggregations"] {
            if self.eat_text(clause).is_none() {
                self.missing_with(format!("Missing {clause} clause"));
            } else if clause == "aggregations" {
                self.bracketed_query(|p| {
                    p.at_word("summarize").then(|| p.required_operator())?;
                    Some(p.nothing())
                });
            } else {
                self.bracketed_query(Self::pipe_expr);
            }
        }
        Expr {
            kind: ExprKind::Missing,
            span: start.to(self.here()),
        }
    }

    fn bracketed_query(&mut self, query: impl Fn(&mut Self) -> Option<Expr>) {
        self.expect(TokenKind::OpenParen, "(");
        if query(self).is_none() {
            self.missing_expr();
        }
        self.expect(TokenKind::CloseParen, ")");
    }

    /// An expression of which nothing is kept.
    fn nothing(&self) -> Expr {
        Expr {
            kind: ExprKind::Missing,
            span: self.here(),
        }
    }
}
