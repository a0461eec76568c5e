//! The operators with many clauses: evaluate, render, mv-apply, make-series, partition, fork, scan.

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::expected;
use crate::kql::parser::name_expr;
use crate::kql::parser::parameter_sets as sets;
use crate::kql::parser::pipeline::CHARTS;
use crate::kql::syntax::Call;
use crate::kql::syntax::EntityGroup;
use crate::kql::syntax::EvaluateSchema;
use crate::kql::syntax::ExpandSyntax;
use crate::kql::syntax::Expr;
use crate::kql::syntax::ExprKind;
use crate::kql::syntax::MacroExpandSyntax;
use crate::kql::syntax::Mark;
use crate::kql::syntax::Name;
use crate::kql::syntax::NameForm;
use crate::kql::syntax::OperatorKind;
use crate::kql::syntax::Parameter;
use crate::kql::syntax::ParameterValue;
use crate::kql::syntax::PatternPart;
use crate::kql::syntax::ScanStepSyntax;
use crate::kql::syntax::SeriesRange;

impl Parser<'_> {
    pub(super) fn evaluate(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::NONE);
        let start = self.peek().span;
        let call = if self.scan_call(0) {
            self.call()
        } else if let Some(name) = self.name() {
            let place = self.missing_place();
            self.report("KS005", place, "Expected: (".to_owned());
            self.report("KS005", place, "Expected: )".to_owned());
            Some(Call {
                name,
                args: Vec::new(),
                list: self.here(),
            })
        } else {
            None
        };
        let call = call.unwrap_or_else(|| {
            let made_up = self.missing_with("Missing function call".to_owned());
            let name = Name {
                text: String::new(),
                span: made_up.span,
                form: NameForm::Missing,
            };
            Call {
                name,
                args: Vec::new(),
                list: made_up.span,
            }
        });
        let call_span = if call.name.is_missing() {
            call.list
        } else {
            start.to(call.list)
        };
        let schema = self.eat(TokenKind::Colon).map(|_| {
            let mut star = false;
            if self.kind() == TokenKind::OpenParen {
                let comma = usize::from(self.kind_at(1) == TokenKind::Comma);
                if self.kind_at(1 + comma) == TokenKind::Star {
                    star = true;
                    self.next();
                    self.eat(TokenKind::Comma);
                    self.next();
                    self.eat(TokenKind::Comma);
                    let columns = self.comma_list(
                        Self::column_declaration,
                        Self::missing_column_declaration,
                        Some(&Self::at_list_end),
                        false,
                        true,
                    );
                    self.expect(TokenKind::CloseParen, ")");
                    return EvaluateSchema { star, columns };
                }
            }
            EvaluateSchema {
                star,
                columns: self.row_schema(),
            }
        });
        OperatorKind::Evaluate {
            call,
            call_span,
            schema,
        }
    }

    pub(super) fn render(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        let chart = CHARTS.iter().find(|c| self.scan_text(c, 0).is_some());
        let span = match chart {
            Some(chart) => self.eat_text(chart),
            None => self.eat(TokenKind::Identifier),
        };
        if let Some(span) = span {
            self.mark(span, Mark::Keyword);
        } else {
            let place = self.missing_place();
            self.report("KS005", place, expected(CHARTS));
        }
        let chart = span.map_or_else(String::new, |s| s.text(self.text).to_owned());
        let outer = self.parameters.replace(sets::RENDER);
        while let Some(parameter) = self.render_parameter() {
            parameters.push(parameter);
        }
        self.parameters = outer;
        let mut properties = Vec::new();
        if self.eat_word("with").is_some() {
            self.expect(TokenKind::OpenParen, "(");
            self.eat(TokenKind::Comma);
            properties = self.parameter_comma_list(sets::RENDER);
            self.expect(TokenKind::CloseParen, ")");
        }
        OperatorKind::Render { chart, properties }
    }

    /// The old form of the chart's properties, without parentheses.
    fn render_parameter(&mut self) -> Option<Parameter> {
        let (kind, of_kind) = sets::CHART_KIND;
        let found = self
            .one_parameter(kind, of_kind)
            .or_else(|| self.one_parameter("title", sets::Value::Text))
            .or_else(|| self.one_parameter("accumulate", sets::Value::Literal("boolean")));
        if found.is_some() {
            return found;
        }
        let word = self.peek();
        let value = if word.is_word("with") && self.kind_at(1) != TokenKind::OpenParen {
            self.next();
            self.mark(word.span, Mark::Parameter);
            self.parameter_value(sets::Value::Literal("string"))
        } else if word.is_word("by") {
            self.next();
            self.mark(word.span, Mark::Parameter);
            let end = |p: &Self| {
                ["kind", "title", "accumulate", "with", "by"]
                    .iter()
                    .any(|w| p.scan_text(w, 0).is_some())
            };
            ParameterValue::Columns(self.column_names(&end))
        } else {
            return None;
        };
        let name = Name {
            text: self.text_of(word).to_owned(),
            span: word.span,
            form: NameForm::Plain,
        };
        Some(Parameter {
            name,
            value,
            span: word.span.to(self.here()),
        })
    }

    pub(super) fn pattern_part(&mut self) -> Option<PatternPart> {
        if let Some(span) = self.eat(TokenKind::Star) {
            return Some(PatternPart::Star(span));
        }
        if let Some(text) = self.strings() {
            return Some(PatternPart::Text(text));
        }
        if self.kind() == TokenKind::Colon {
            let name = self.missing_name();
            self.next();
            let ty = self.declared_type(false);
            return Some(PatternPart::Column(name, Some(ty)));
        }
        let name = self.extended_name()?;
        let ty = self
            .eat(TokenKind::Colon)
            .map(|_| self.declared_type(false));
        Some(PatternPart::Column(name, ty))
    }

    pub(super) fn expand_items(&mut self, end: &dyn Fn(&Self) -> bool) -> Vec<ExpandSyntax> {
        self.comma_list(
            |p| {
                if p.at_word("to") {
                    let expr = p.missing_expr();
                    return Some(ExpandSyntax {
                        expr: Some(expr),
                        to: p.to_type_of(),
                    });
                }
                let expr = p.named_expr()?;
                Some(ExpandSyntax {
                    expr: Some(expr),
                    to: p.to_type_of(),
                })
            },
            |p| ExpandSyntax {
                expr: Some(p.missing_expr()),
                to: None,
            },
            Some(end),
            true,
            false,
        )
    }

    pub(super) fn to_type_of(&mut self) -> Option<Expr> {
        self.eat_word("to")?;
        Some(
            self.type_of()
                .unwrap_or_else(|| self.missing_with("Missing typeof".to_owned())),
        )
    }

    pub(super) fn mv_apply(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::NONE_EQUALS);
        let start = self.pos;
        let mut items = Vec::new();
        if self.at_word("to") {
            let to = self.to_type_of();
            if self.kind() == TokenKind::Comma {
                self.pos = start;
            } else {
                items.push(ExpandSyntax { expr: None, to });
            }
        }
        if items.is_empty() {
            let end = |p: &Self| {
                let word = p.at_word("limit") || p.at_word("id") || p.at_word("on");
                let next = p.peek_at(1);
                (word
                    && !matches!(next.kind, TokenKind::Comma | TokenKind::Equal)
                    && !next.is_word("to"))
                    || p.at_list_end()
            };
            items = self.expand_items(&end);
        }
        let limit = self
            .eat_word("limit")
            .map(|_| self.required(Self::unnamed_expr));
        if self.eat_word("id").is_some() {
            self.required(Self::unnamed_expr);
        }
        self.expect_word("on");
        let body = if self.kind() == TokenKind::OpenParen {
            self.next();
            let body = self.contextual_pipeline();
            self.expect(TokenKind::CloseParen, ")");
            body
        } else {
            let place = self.missing_place();
            self.report("KS005", place, "Expected: (".to_owned());
            let body = self.missing_expr();
            self.report("KS005", place, "Expected: )".to_owned());
            body
        };
        OperatorKind::MvApply {
            items,
            limit,
            body: Box::new(body),
        }
    }

    pub(super) fn make_series(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::MAKE_SERIES);
        let end =
            |p: &Self| p.at_word("on") || p.at_word("from") || p.at_word("in") || p.at_list_end();
        let items = self.comma_list(
            |p| {
                let expr = p.named_expr()?;
                let default = p.eat_word("default").map(|_| {
                    p.expect(TokenKind::Equal, "=");
                    *p.required(Self::named_expr)
                });
                Some((expr, default))
            },
            |p| (p.missing_expr(), None),
            Some(&end),
            true,
            false,
        );
        self.expect_word("on");
        let on = self.required(Self::named_expr);
        let range = if self.at_word("from") || self.at_word("to") || self.at_word("step") {
            let from = self
                .eat_word("from")
                .map(|_| self.required(Self::unnamed_expr));
            let to = self
                .eat_word("to")
                .map(|_| self.required(Self::unnamed_expr));
            self.expect_word("step");
            SeriesRange::FromToStep {
                from,
                to,
                step: self.required(Self::unnamed_expr),
            }
        } else {
            self.expect_word("in");
            self.expect_word("range");
            self.expect(TokenKind::OpenParen, "(");
            let list = self.expr_list(false);
            self.expect(TokenKind::CloseParen, ")");
            SeriesRange::InRange(list)
        };
        let by = if self.eat_word("by").is_some() {
            self.comma_list(Self::named_expr, Self::missing_expr, None, true, false)
        } else {
            Vec::new()
        };
        OperatorKind::MakeSeries {
            items,
            on,
            range,
            by,
        }
    }

    pub(super) fn partition(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::PARTITION);
        self.expect_word("by");
        let by = self
            .simple_path()
            .unwrap_or_else(|| self.missing_name_expr());
        if self.eat_word("in").is_some() {
            let scope = if self.scan_call(0) {
                self.call().is_some()
            } else {
                self.dynamic().is_some()
            };
            if !scope {
                self.missing_expr();
            }
        }
        let braces = self.kind() == TokenKind::OpenBrace;
        let body = if braces {
            self.next();
            let body = self
                .deeper(Self::pipe_expr, |span| Expr {
                    kind: ExprKind::Missing,
                    span,
                })
                .unwrap_or_else(|| self.missing_expr());
            self.expect(TokenKind::CloseBrace, "}");
            body
        } else if self.kind() == TokenKind::OpenParen {
            self.next();
            let body = self.sub_pipeline();
            self.expect(TokenKind::CloseParen, ")");
            body
        } else {
            let place = self.missing_place();
            self.report("KS005", place, "Expected: (".to_owned());
            let body = self.missing_expr();
            self.report("KS005", place, "Expected: )".to_owned());
            body
        };
        OperatorKind::Partition {
            by: Box::new(by),
            body: Box::new(body),
            braces,
        }
    }

    pub(super) fn fork(&mut self) -> Vec<(Option<Name>, Expr)> {
        let mut list = Vec::new();
        loop {
            let name = match self.scan_name(0) {
                Some(n) if self.kind_at(n) == TokenKind::Equal => {
                    let name = self.name();
                    self.next();
                    name
                }
                _ => None,
            };
            if name.is_none() && self.kind() != TokenKind::OpenParen {
                break;
            }
            self.expect(TokenKind::OpenParen, "(");
            let body = self
                .fork_pipeline()
                .or_else(|| self.pipe_expr())
                .unwrap_or_else(|| self.missing_expr());
            self.expect(TokenKind::CloseParen, ")");
            list.push((name, body));
        }
        if list.is_empty() {
            let place = self.missing_place();
            self.report("KS005", place, "Expected: (".to_owned());
            let body = self.missing_expr();
            self.report("KS005", place, "Expected: )".to_owned());
            list.push((None, body));
        }
        list
    }

    pub(super) fn scan(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::SCAN);
        let end = |p: &Self| {
            ["partition", "order", "by", "declare", "with"]
                .iter()
                .any(|w| p.at_word(w))
                || p.at_list_end()
        };
        let mut order = Vec::new();
        if self.eat_word("order").is_some() {
            self.expect_word("by");
            order = self.ordered_list(&end);
        }
        let mut partition = Vec::new();
        if self.eat_word("partition").is_some() {
            self.expect_word("by");
            partition = self.comma_list(
                Self::unnamed_expr,
                Self::missing_expr,
                Some(&end),
                true,
                false,
            );
        }
        let mut declare = Vec::new();
        if self.eat_word("declare").is_some() {
            self.expect(TokenKind::OpenParen, "(");
            declare = self.function_parameters(false);
            self.expect(TokenKind::CloseParen, ")");
        }
        self.expect_word("with");
        self.expect(TokenKind::OpenParen, "(");
        let mut steps = Vec::new();
        while !self.at_list_end() && self.eat_word("step").is_some() {
            let name = self.extended_name().unwrap_or_else(|| self.missing_name());
            let optional = self.eat_word("optional").is_some();
            let output = self.eat_word("output").and_then(|span| {
                self.mark(span, Mark::Keyword);
                self.expect(TokenKind::Equal, "=");
                self.expect_one_of(&["all", "last", "none"])
            });
            self.expect(TokenKind::Colon, ":");
            let condition = *self.required(Self::unnamed_expr);
            let mut assignments = Vec::new();
            if self.eat(TokenKind::FatArrow).is_some() {
                assignments = self.comma_list(
                    |p| {
                        let name = p.extended_name()?;
                        p.expect(TokenKind::Equal, "=");
                        let value = *p.required(Self::unnamed_expr);
                        Some((name, value))
                    },
                    |p| {
                        let name = p.missing_name();
                        let span = name.span;
                        (
                            name,
                            Expr {
                                kind: ExprKind::Missing,
                                span,
                            },
                        )
                    },
                    Some(&Self::at_list_end),
                    true,
                    false,
                );
            }
            self.expect(TokenKind::Semicolon, ";");
            steps.push(ScanStepSyntax {
                name,
                optional,
                output,
                condition,
                assignments,
            });
        }
        self.expect(TokenKind::CloseParen, ")");
        OperatorKind::Scan {
            order,
            partition,
            declare,
            steps,
        }
    }

    pub(super) fn macro_expand(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::UNION);
        let group = self.entity_group_reference();
        let name = self.eat_word("as").map(|_| self.name_declaration());
        self.expect(TokenKind::OpenParen, "(");
        let statements = self.deeper(|p| Some(p.statements()), |_| Vec::new());
        self.expect(TokenKind::CloseParen, ")");
        OperatorKind::MacroExpand(Box::new(MacroExpandSyntax {
            group,
            name,
            statements: statements.unwrap_or_default(),
        }))
    }

    /// `entity_group [...]`, `entity_group(...)`, `cluster(...).x`, or a name.
    fn entity_group_reference(&mut self) -> EntityGroup {
        if self.at_word("entity_group") && !self.scan_call(0) {
            return EntityGroup::List(self.entity_group());
        }
        let group = self.required(|p| {
            if p.at_word("entity_group") {
                return p.path_call();
            }
            let qualified = matches!(p.text_of(p.peek()), "database" | "cluster");
            if qualified && p.kind_at(1) == TokenKind::OpenParen {
                return p.entity_path();
            }
            p.name().map(name_expr)
        });
        match group.kind {
            ExprKind::Missing => EntityGroup::Missing,
            _ => EntityGroup::Named(*group),
        }
    }
}
