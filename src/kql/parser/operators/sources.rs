//! Where rows come from or are looked for: find, the predicate of search, datatable, externaldata.

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::name_expr;
use crate::kql::parser::parameters;
use crate::kql::syntax::Expr;
use crate::kql::syntax::ExprKind;
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
                if p.kind() == TokenKind::Bar && p.word_at(1, "as") {
                    p.next();
                    let op = p.required_operator();
                    let span = expr.span.to(op.span);
                    let kind = ExprKind::Pipeline {
                        source: Some(Box::new(expr)),
                        ops: vec![op],
                    };
                    return Some(Expr { kind, span });
                }
                Some(expr)
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
        *parameters = self.parameters(parameters::NONE);
        let tables = self.find_in();
        if parameters.is_empty() && tables.is_none() {
            self.eat_word("where");
        } else {
            self.expect_word("where");
        }
        let predicate = self.required(Self::unnamed_expr);
        let column = |p: &mut Self| {
            if p.at_word("pack") && p.kind_at(1) == TokenKind::OpenParen {
                let start = p.next().span;
                p.next();
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
        self.parameters(parameters::NONE);
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
        self.parameters(parameters::NONE);
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
}
