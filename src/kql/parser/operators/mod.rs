//! The bodies of query operators, after their word.

mod clauses;
mod external;
mod graphs;
mod sources;

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::name_expr;
use crate::kql::parser::parameter_sets as sets;
use crate::kql::syntax::Expr;
use crate::kql::syntax::ExprKind;
use crate::kql::syntax::JoinOn;
use crate::kql::syntax::Mark;
use crate::kql::syntax::Name;
use crate::kql::syntax::NameForm;
use crate::kql::syntax::OperatorKind;
use crate::kql::syntax::Parameter;
use crate::kql::syntax::Span;
use crate::kql::syntax::Step;
use crate::kql::syntax::TopNestedSyntax;

impl Parser<'_> {
    fn required(&mut self, parse: impl Fn(&mut Self) -> Option<Expr>) -> Box<Expr> {
        let expr = parse(self).unwrap_or_else(|| self.missing_expr());
        Box::new(expr)
    }

    pub(in crate::kql::parser) fn operator_body(
        &mut self,
        word: &'static str,
        parameters: &mut Vec<Parameter>,
    ) -> OperatorKind {
        use OperatorKind as O;
        match word {
            "where" | "filter" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::Where(self.required(Self::named_expr))
            }
            "extend" => O::Extend(self.expr_list(true)),
            "project" => O::Project(self.expr_list(false)),
            "project-rename" => O::ProjectRename(self.expr_list(false)),
            "project-away" => O::ProjectAway(self.wildcard_list()),
            "project-keep" => O::ProjectKeep(self.wildcard_list()),
            "project-reorder" => O::ProjectReorder(self.reorder_list()),
            "project-by-names" => O::ProjectByNames(self.comma_list(
                Self::unnamed_expr,
                Self::missing_expr,
                Some(&Self::at_list_end),
                false,
                false,
            )),
            "summarize" => self.summarize(parameters),
            "distinct" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::Distinct(self.comma_list(
                    |p| p.star_expr().or_else(|| p.named_expr()),
                    Self::missing_expr,
                    Some(&Self::at_list_end),
                    true,
                    false,
                ))
            }
            "take" | "limit" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::Take(self.required(Self::named_expr))
            }
            "sample" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::Sample(self.required(Self::named_expr))
            }
            "sample-distinct" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                let count = self.required(Self::named_expr);
                self.expect_word("of");
                O::SampleDistinct {
                    count,
                    of: self.required(Self::named_expr),
                }
            }
            "count" => O::Count(self.eat_word("as").map(|_| {
                if self.kind() == TokenKind::Identifier {
                    self.token_name()
                } else {
                    self.missing_name_token()
                }
            })),
            "sort" | "order" => {
                *parameters = self.parameters(sets::SORT);
                self.expect_word("by");
                O::Sort(self.ordered_list(&Self::at_list_end))
            }
            "top" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                let count = self.required(Self::named_expr);
                self.expect_word("by");
                O::Top {
                    count,
                    by: self.required(Self::ordered_expr),
                }
            }
            "top-hitters" => {
                let count = self.required(Self::named_expr);
                self.expect_word("of");
                let of = self.required(Self::named_expr);
                let by = self.eat_word("by").map(|_| self.required(Self::named_expr));
                O::TopHitters { count, of, by }
            }
            "top-nested" => O::TopNested(self.top_nested()),
            "join" => {
                *parameters = self.parameters(sets::JOIN);
                let right = self.required(Self::unnamed_expr);
                O::Join {
                    right,
                    on: self.join_on(),
                }
            }
            "lookup" => {
                *parameters = self.parameters(sets::LOOKUP);
                let right = self.required(Self::unnamed_expr);
                let on = if self.at_word("on") {
                    self.join_on()
                } else {
                    JoinOn::Missing
                };
                if matches!(on, JoinOn::Missing) {
                    self.missing_with("Missing join on condition clause".to_owned());
                }
                O::Lookup { right, on }
            }
            "union" => {
                *parameters = self.parameters(sets::UNION);
                O::Union(self.comma_list(
                    Self::union_operand,
                    Self::missing_expr,
                    Some(&Self::at_list_end),
                    true,
                    false,
                ))
            }
            "as" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::As(self.name_declaration())
            }
            "serialize" => {
                *parameters = self.parameters(sets::NONE_EQUALS);
                O::Serialize(self.expr_list(false))
            }
            "print" => O::Print(self.expr_list(true)),
            "range" => {
                let name = self.name_declaration();
                self.expect_word("from");
                let from = self.required(Self::unnamed_expr);
                self.expect_word("to");
                let to = self.required(Self::unnamed_expr);
                self.expect_word("step");
                O::Range {
                    name,
                    from,
                    to,
                    step: self.required(Self::unnamed_expr),
                }
            }
            "getschema" => {
                parameters.extend(self.one_parameter("kind", sets::Value::Word(&["csl"])));
                O::GetSchema
            }
            "consume" => {
                *parameters = self.parameters(sets::NONE);
                O::Consume
            }
            "__executeAndCache" => O::ExecuteAndCache,
            "assert-schema" => O::AssertSchema(self.row_schema()),
            "invoke" => O::Invoke(self.required(Self::dotted_call)),
            "evaluate" => self.evaluate(parameters),
            "render" => self.render(parameters),
            "parse" | "parse-where" => {
                *parameters = self.parameters(sets::PARSE);
                let source = self.required(Self::unnamed_expr);
                self.expect_word("with");
                let mut pattern = Vec::new();
                while let Some(part) = self.pattern_part() {
                    pattern.push(part);
                }
                O::Parse { source, pattern }
            }
            "parse-kv" => {
                let source = self.required(Self::unnamed_expr);
                self.expect_word("as");
                let keys = self.row_schema();
                let mut properties = Vec::new();
                if self.eat_word("with").is_some() {
                    self.expect(TokenKind::OpenParen, "(");
                    properties = self.parameter_comma_list(sets::PARSE_KV);
                    self.expect(TokenKind::CloseParen, ")");
                }
                O::ParseKv {
                    source,
                    keys,
                    properties,
                }
            }
            "mv-expand" | "mvexpand" => {
                *parameters = self.parameters(sets::MV_EXPAND);
                let end = |p: &Self| p.at_word("limit") || p.at_list_end();
                let items = self.expand_items(&end);
                let limit = self
                    .eat_word("limit")
                    .map(|_| self.required(Self::unnamed_expr));
                O::MvExpand { items, limit }
            }
            "mv-apply" | "mvapply" => self.mv_apply(parameters),
            "make-series" => self.make_series(parameters),
            "search" => {
                *parameters = self.parameters(sets::SEARCH);
                self.data_scope();
                let tables = self.find_in();
                let predicate = self.required(Self::search_predicate);
                O::Search { tables, predicate }
            }
            "find" => self.find(parameters),
            "partition" => self.partition(parameters),
            "__partitionby" => {
                *parameters = self.parameters(sets::PARTITION);
                let by = self
                    .simple_path()
                    .unwrap_or_else(|| self.missing_name_expr());
                if self.eat_word("id").is_some() && self.literal().is_none() {
                    self.missing_value();
                }
                self.expect(TokenKind::OpenParen, "(");
                let body = self.contextual_pipeline();
                self.expect(TokenKind::CloseParen, ")");
                O::Partition {
                    by: Box::new(by),
                    body: Box::new(body),
                    braces: false,
                }
            }
            "fork" => O::Fork(self.fork()),
            "facet" => {
                self.expect_word("by");
                let end = |p: &Self| p.at_word("with") || p.at_list_end();
                let by = self.comma_list(
                    Self::simple_path,
                    Self::missing_name_expr,
                    Some(&end),
                    true,
                    false,
                );
                let with = self.eat_word("with").map(|_| {
                    if self.eat(TokenKind::OpenParen).is_some() {
                        let body = self
                            .fork_pipeline()
                            .unwrap_or_else(|| self.missing_operator());
                        self.expect(TokenKind::CloseParen, ")");
                        Box::new(body)
                    } else {
                        let op = self.required_operator();
                        let span = op.span;
                        Box::new(Expr {
                            kind: ExprKind::Pipeline {
                                source: None,
                                ops: vec![op],
                            },
                            span,
                        })
                    }
                });
                O::Facet { by, with }
            }
            "reduce" => {
                *parameters = self.parameters(sets::REDUCE);
                self.expect_word("by");
                let by = self.required(Self::named_expr);
                let mut properties = Vec::new();
                if self.eat_word("with").is_some() {
                    properties = self.parameter_comma_list(sets::REDUCE);
                }
                O::Reduce { by, properties }
            }
            "scan" => self.scan(parameters),
            "macro-expand" => self.macro_expand(parameters),
            "inline_external_table" => self.inline_external_table(),
            _ => O::Graph(Box::new(self.graph(word, parameters))),
        }
    }

    fn missing_operator(&mut self) -> Expr {
        let span = self.here();
        self.report("KS176", span, "Query operator expected.".to_owned());
        Expr {
            kind: ExprKind::Missing,
            span,
        }
    }

    fn missing_name_token(&mut self) -> Name {
        let span = self.missing_place();
        self.report("KS006", span, "Missing name".to_owned());
        Name {
            text: String::new(),
            span: self.here(),
            form: NameForm::Missing,
        }
    }

    fn star_expr(&mut self) -> Option<Expr> {
        self.eat(TokenKind::Star).map(|span| Expr {
            kind: ExprKind::Star,
            span,
        })
    }

    fn wildcard_or_name(&mut self) -> Option<Expr> {
        self.wildcard_name().or_else(|| self.name()).map(name_expr)
    }

    fn wildcard_list(&mut self) -> Vec<Expr> {
        self.comma_list(
            Self::wildcard_or_name,
            Self::missing_expr,
            Some(&Self::at_list_end),
            false,
            false,
        )
    }

    fn reorder_list(&mut self) -> Vec<Expr> {
        self.comma_list(
            |p| {
                let value = p.wildcard_or_name()?;
                let direction = p.direction();
                if direction.is_none() {
                    return Some(value);
                }
                let span = value.span.to(p.here());
                Some(Expr {
                    kind: ExprKind::Ordered {
                        value: Box::new(value),
                        direction,
                        nulls: None,
                    },
                    span,
                })
            },
            Self::missing_expr,
            Some(&Self::at_list_end),
            false,
            false,
        )
    }

    fn direction(&mut self) -> Option<&'static str> {
        let word = self.peek().keyword()?;
        matches!(word, "asc" | "desc" | "granny-asc" | "granny-desc").then(|| {
            self.next();
            word
        })
    }

    fn ordered_expr(&mut self) -> Option<Expr> {
        let value = self.named_expr()?;
        let direction = self.direction();
        let mut nulls = None;
        let has_nulls = self.eat_word("nulls").is_some();
        if has_nulls {
            let word = self
                .peek()
                .keyword()
                .filter(|w| matches!(*w, "first" | "last"));
            if word.is_some() {
                self.next();
                nulls = word;
            } else {
                let place = self.missing_place();
                self.report("KS006", place, "Missing first or last".to_owned());
            }
        }
        if direction.is_none() && !has_nulls {
            return Some(value);
        }
        let span = value.span.to(self.here());
        Some(Expr {
            kind: ExprKind::Ordered {
                value: Box::new(value),
                direction,
                nulls,
            },
            span,
        })
    }

    fn ordered_list(&mut self, end: &dyn Fn(&Self) -> bool) -> Vec<Expr> {
        self.comma_list(
            Self::ordered_expr,
            Self::missing_expr,
            Some(end),
            true,
            false,
        )
    }

    fn summarize(&mut self, parameters: &mut Vec<Parameter>) -> OperatorKind {
        *parameters = self.parameters(sets::SUMMARIZE);
        let end = |p: &Self| p.at_word("by") || p.at_list_end();
        let aggregates = self.comma_list(
            Self::named_expr,
            Self::missing_expr,
            Some(&end),
            false,
            false,
        );
        let by = self.eat_word("by").map(|_| {
            let legacy = |p: &Self| {
                p.at_word("bin") && p.kind_at(1) == TokenKind::Equal && p.peek_at(2).is_literal()
            };
            let end = |p: &Self| legacy(p) || p.at_list_end();
            let list = self.comma_list(
                Self::named_expr,
                Self::missing_expr,
                Some(&end),
                true,
                false,
            );
            if self.at_word("bin") && self.kind_at(1) == TokenKind::Equal {
                let word = self.next().span;
                self.mark(word, Mark::Identifier);
                self.next();
                self.required(Self::unnamed_expr);
            }
            list
        });
        OperatorKind::Summarize { aggregates, by }
    }

    fn top_nested(&mut self) -> Vec<TopNestedSyntax> {
        let mut first = true;
        let mut levels = Vec::new();
        loop {
            if !first {
                if !self.at_word("top-nested") {
                    self.missing_with("Missing clause".to_owned());
                    break;
                }
                self.next();
            }
            first = false;
            let count = self.named_expr();
            self.expect_word("of");
            let of = *self.required(Self::named_expr);
            let others = self.eat_word("with").map(|_| {
                self.expect_word("others");
                self.expect(TokenKind::Equal, "=");
                *self.required(|p| p.literal().or_else(|| p.unnamed_expr()))
            });
            self.expect_word("by");
            let by = *self.required(Self::ordered_expr);
            levels.push(TopNestedSyntax {
                count,
                of,
                others,
                by,
            });
            if self.at_word("top-nested") {
                let place = self.missing_place();
                self.report("KS005", place, "Expected: ,".to_owned());
                continue;
            }
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
        }
        levels
    }

    fn join_on(&mut self) -> JoinOn {
        if self.eat_word("on").is_some() {
            return JoinOn::On(self.comma_list(
                Self::unnamed_expr,
                Self::missing_expr,
                None,
                true,
                false,
            ));
        }
        if self.eat_word("where").is_some() {
            return JoinOn::Where(self.required(Self::unnamed_expr));
        }
        JoinOn::Missing
    }

    /// `(query)`, a name with wildcards, or a path.
    pub(in crate::kql::parser) fn union_operand(&mut self) -> Option<Expr> {
        if self.kind() == TokenKind::OpenParen {
            return self.deeper(Self::parenthesized, |span| Expr {
                kind: ExprKind::Missing,
                span,
            });
        }
        self.wildcard_entity()
    }

    /// `Device*`, `T`, `f()`, `database("x").T`, `workspace("y").*`
    pub(in crate::kql::parser) fn wildcard_entity(&mut self) -> Option<Expr> {
        if let Some(name) = self.wildcard_name() {
            return Some(name_expr(name));
        }
        let base = self.selector_or_call()?;
        Some(self.entity_steps(base, true))
    }

    /// `cluster("x").database("y")`: a path without wildcard names after its dots.
    pub(in crate::kql::parser) fn entity_path(&mut self) -> Option<Expr> {
        let base = self.selector_or_call()?;
        Some(self.entity_steps(base, false))
    }

    fn entity_steps(&mut self, base: Expr, wildcards: bool) -> Expr {
        let mut steps = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Dot => {
                    self.next();
                    if wildcards && let Some(name) = self.wildcard_name() {
                        steps.push(Step::Wildcard(name));
                        break;
                    }
                    steps.push(self.path_step());
                }
                TokenKind::OpenBracket => steps.push(self.index_step(true)),
                _ => break,
            }
        }
        with_steps(base, steps, self.here())
    }

    fn selector_or_call(&mut self) -> Option<Expr> {
        if self.scan_call(0) {
            self.path_call()
        } else {
            self.entity()
        }
    }

    /// A name, `@`, or `[Device*]`.
    fn entity(&mut self) -> Option<Expr> {
        let selector = self.selector()?;
        let span = selector.span;
        let ExprKind::Path { base, mut steps } = selector.kind else {
            return Some(selector);
        };
        debug_assert!(matches!(base.kind, ExprKind::Missing));
        let kind = match steps.pop() {
            Some(Step::Index(inner, _)) => match inner.kind {
                ExprKind::Name(name) if name.form == NameForm::Wildcard => ExprKind::Name(name),
                _ => ExprKind::Missing,
            },
            _ => ExprKind::Missing,
        };
        Some(Expr { kind, span })
    }

    /// A name with members: what `partition by`, `facet by` take.
    fn simple_path(&mut self) -> Option<Expr> {
        let base = self.entity()?;
        let mut steps = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Dot => {
                    self.next();
                    let step = match self.kind() {
                        TokenKind::OpenBracket => self.bracketed_step(),
                        _ => match self.selector_name() {
                            Some(name) => Step::Member(name),
                            None => Step::Member(self.missing_name()),
                        },
                    };
                    steps.push(step);
                }
                TokenKind::OpenBracket => steps.push(self.index_step(true)),
                _ => break,
            }
        }
        Some(with_steps(base, steps, self.here()))
    }

    fn dotted_call(&mut self) -> Option<Expr> {
        if !self.scan_call(0) {
            return None;
        }
        let start = self.peek().span;
        let call = self.call()?;
        let mut expr = Expr {
            span: start.to(call.list),
            kind: ExprKind::Call(call),
        };
        while self.kind() == TokenKind::Dot && self.scan_call(1) {
            self.next();
            let step = self.path_step();
            let span = start.to(self.here());
            expr = match expr.kind {
                ExprKind::Path { base, mut steps } => {
                    steps.push(step);
                    Expr {
                        kind: ExprKind::Path { base, steps },
                        span,
                    }
                }
                _ => Expr {
                    kind: ExprKind::Path {
                        base: Box::new(expr),
                        steps: vec![step],
                    },
                    span,
                },
            };
        }
        Some(expr)
    }
}

/// The path of these steps, which ends `here`.
fn with_steps(base: Expr, steps: Vec<Step>, here: Span) -> Expr {
    if steps.is_empty() {
        return base;
    }
    let span = base.span.to(here);
    Expr {
        kind: ExprKind::Path {
            base: Box::new(base),
            steps,
        },
        span,
    }
}
