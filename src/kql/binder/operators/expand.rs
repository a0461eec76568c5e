//! Operators that make columns or rows out of values: parse, mv-expand, mv-apply, make-series, scan.

use std::collections::HashSet;

use crate::kql::binder::Binder;
use crate::kql::binder::Reference;
use crate::kql::binder::Row;
use crate::kql::binder::Scope;
use crate::kql::binder::Table;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::projection::Projection;
use crate::kql::binder::projection::Style;
use crate::kql::binder::unknown;
use crate::kql::binder::values::Conversion;
use crate::kql::bound::ApplyOutput;
use crate::kql::bound::Column;
use crate::kql::bound::ExpandItem;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::OpKind;
use crate::kql::bound::ParseMode;
use crate::kql::bound::ParsePart;
use crate::kql::bound::ScanStep;
use crate::kql::bound::SeriesItem;
use crate::kql::columns::Columns;
use crate::kql::symbols::Shape;
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax;
use crate::kql::syntax::ExpandSyntax;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::Operator;
use crate::kql::syntax::PatternPart;
use crate::kql::syntax::SeriesRange;
use crate::kql::syntax::Span;
use crate::kql::types::Type;
use crate::kql::types::Value;

impl Binder<'_> {
    pub(super) fn parse(
        &mut self,
        table: Table,
        op: &Operator,
        source: &syntax::Expr,
        pattern: &[PatternPart],
        span: Span,
    ) -> Option<Table> {
        let source = self.scalar_expr(source);
        let mut columns = self.row_columns();
        let mut parts = Vec::new();
        let mut declared: HashSet<&str> = HashSet::new();
        for (i, part) in pattern.iter().enumerate() {
            let before = i.checked_sub(1).map(|p| &pattern[p]);
            match part {
                PatternPart::Star(star) => {
                    if pattern
                        .get(i + 1)
                        .is_some_and(|n| !matches!(n, PatternPart::Text(_)))
                    {
                        self.report("KS102", *star, "A text must follow '*'.");
                    }
                    let after_text = match before {
                        Some(PatternPart::Column(_, None)) => true,
                        Some(PatternPart::Column(_, Some(ty))) => {
                            self.declared_type(ty) == Type::String
                        }
                        _ => false,
                    };
                    if after_text {
                        self.report(
                            "KS103",
                            *star,
                            "'*' after a text column: where the column ends cannot be told.",
                        );
                    }
                    parts.push(ParsePart::Skip);
                }
                PatternPart::Text(text) => {
                    let val = self.expr(text, false);
                    if let ExprKind::Literal(Value::String(text)) = val.expr.kind {
                        parts.push(ParsePart::Literal(text));
                    }
                }
                PatternPart::Column(name, ty) => {
                    if before.is_some_and(|b| !matches!(b, PatternPart::Text(_))) {
                        self.report("KS101", name.span, "A column must follow a text.");
                    }
                    let ty = ty.as_ref().map_or(Type::String, |t| self.declared_type(t));
                    self.refer(name.span, Reference::Column);
                    if name.is_missing() {
                        continue;
                    }
                    if !declared.insert(&name.text) {
                        let message = format!("The column '{}' is given twice.", name.text);
                        self.report("KS171", name.span, message);
                        continue;
                    }
                    let column = self.define_column(name, ty, op.span);
                    if self.spent() {
                        continue;
                    }
                    let index = match columns.find(&name.text) {
                        Some(at) => {
                            columns.set(at, column);
                            at
                        }
                        None => {
                            columns.push(column);
                            columns.len() - 1
                        }
                    };
                    parts.push(ParsePart::Column { index, ty });
                }
            }
        }
        if self.spent() {
            return self.left_open(table, span);
        }
        let flags = self
            .parameter_word(op, "flags")
            .map(|(f, _)| f)
            .unwrap_or_default();
        let mode = match self.parameter_word(op, "kind").map(|(k, _)| k).as_deref() {
            Some("regex") => ParseMode::Regex { flags },
            Some("relaxed") => ParseMode::Relaxed,
            _ => ParseMode::Simple,
        };
        let open = table.open();
        let kind = OpKind::Parse {
            source: source.expr,
            mode,
            pattern: parts,
            filter: op.word == "parse-where",
        };
        self.shape(table, kind, columns, open, span)
    }

    /// What `mv-expand` and `mv-apply` expand, as columns; and which columns of the row are expanded
    /// under their own names.
    pub(super) fn expand_columns(
        &mut self,
        items: &[ExpandSyntax],
        into: &mut Projection,
    ) -> (Vec<ExpandItem>, Vec<usize>) {
        let mut bound = Vec::new();
        let mut own = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let Some(e) = &item.expr else { continue };
            let mut to = None;
            if let Some(type_of) = &item.to {
                let val = self.expr(type_of, false);
                to = crate::kql::binder::constant_text(&val.expr).and_then(Type::from_name);
            }
            let as_type = |val: &Val| {
                let own = val.ty.scalar().filter(|ty| *ty != Type::Dynamic);
                to.or_else(|| own.map(|_| val.type_or_unknown()))
                    .or(Some(Type::Dynamic))
            };
            let val = self.project_typed(e, into, Style::Replace, as_type, n);
            if !matches!(e.kind, S::Named { .. }) {
                own.extend(val.column);
            }
            if let Some(actual) = val.ty.scalar()
                && !matches!(actual, Type::Dynamic | Type::Unknown)
            {
                self.report("KS141", e.span, "A dynamic value is expected here.");
            }
            let index = into.changes().find(|(_, c)| c.item == n).map(|(i, _)| i);
            if let Some(index) = index {
                bound.push(ExpandItem {
                    index,
                    expr: val.expr,
                    to,
                });
            }
        }
        (bound, own)
    }

    pub(super) fn mv_expand(
        &mut self,
        table: Table,
        op: &Operator,
        items: &[ExpandSyntax],
        limit: Option<&syntax::Expr>,
        span: Span,
    ) -> Option<Table> {
        let row = self.row_columns();
        let mut into = Projection::over(row.clone());
        let (items, _) = self.expand_columns(items, &mut into);
        let mut item_index = None;
        if let Some((name, place)) = self.parameter_word(op, "with_itemindex") {
            self.refer(place, Reference::Column);
            item_index = Some(into.place_of_added(into.added.len()));
            let column = self.define_column_at(name, place, Type::Long);
            into.add(column, None, unknown(span), false);
        }
        let limit = limit.map(|l| self.integer(l));
        if self.spent() {
            return self.left_open(table, span);
        }
        let before = into.place_of_added(0);
        into.pass_inferred(&self.row_columns());
        let moved = into.place_of_added(0) - before;
        let shift = |i: usize| if i < row.len() { i } else { i + moved };
        let items = items
            .into_iter()
            .map(|i| ExpandItem {
                index: shift(i.index),
                ..i
            })
            .collect();
        let item_index = item_index.map(shift);
        let columns = into.output();
        let word = |name| self.parameter_word(op, name).map(|(w, _)| w);
        let bag_as_array =
            word("bagexpansion").or_else(|| word("kind")).as_deref() == Some("array");
        let open = table.open();
        let kind = OpKind::MvExpand {
            items,
            bag_as_array,
            item_index,
            limit,
        };
        self.shape(table, kind, columns, open, span)
    }

    pub(super) fn mv_apply(
        &mut self,
        table: Table,
        op: &Operator,
        items: &[ExpandSyntax],
        limit: Option<&syntax::Expr>,
        body: &syntax::Expr,
        span: Span,
    ) -> Option<Table> {
        let row = self.row_columns();
        let mut into = Projection::over(row.clone());
        let (bound, applied) = self.expand_columns(items, &mut into);
        let mut item_index = None;
        if let Some((name, place)) = self.parameter_word(op, "with_itemindex") {
            self.refer(place, Reference::Column);
            item_index = Some(into.place_of_added(into.added.len()));
            let column = self.define_column_at(name, place, Type::Long);
            into.add(column, None, unknown(span), false);
        }
        let limit = limit.map(|l| self.integer(l));
        let piped = into.output();
        let open = table.open();
        let outer = self.row.replace(Row {
            columns: piped.clone(),
            open,
            inferred: Columns::default(),
        });
        let val = self.expr(body, true);
        self.row = outer;
        if self.spent() {
            return self.left_open(table, span);
        }
        let mut out = Columns::default();
        let mut output = Vec::new();
        for (i, column) in row.iter().enumerate() {
            if !applied.contains(&i) {
                out.push(column.clone());
                output.push(ApplyOutput::Input(i));
            }
        }
        let Ty::Table(body) = val.ty else {
            let kind = OpKind::Unsupported {
                what: "operator 'mv-apply' without a body".to_owned(),
            };
            return self.shape(table, kind, out, open, span);
        };
        for (i, column) in body.columns().iter().enumerate() {
            match out.find(&column.name) {
                Some(at) => {
                    out.set(at, column.clone());
                    output[at] = ApplyOutput::Body(i);
                }
                None => {
                    out.push(column.clone());
                    output.push(ApplyOutput::Body(i));
                }
            }
        }
        let kind = OpKind::MvApply {
            items: bound,
            item_index,
            limit,
            piped,
            body: body.rel,
            output,
        };
        self.shape(table, kind, out, open, span)
    }

    pub(super) fn make_series(
        &mut self,
        table: Table,
        items: &[(syntax::Expr, Option<syntax::Expr>)],
        on: &syntax::Expr,
        range: &SeriesRange,
        by: &[syntax::Expr],
        span: Span,
    ) -> Option<Table> {
        let mut into = Projection::new();
        for (i, e) in by.iter().enumerate() {
            self.project(e, &mut into, Style::Default, None, i);
        }
        let keys = into.added.len();
        let mut series = Vec::new();
        self.scope = Scope::Aggregate;
        for (i, (e, default)) in items.iter().enumerate() {
            let val = self.project(
                e,
                &mut into,
                Style::Summarize,
                Some(Type::Dynamic),
                keys + i,
            );
            self.scope = Scope::Normal;
            let default = default.as_ref().map(|d| {
                let val = self.expr(d, false);
                if !val.literal && !val.ty.is_error() {
                    self.report("KS131", d.span, "A literal is expected here.");
                }
                val.expr
            });
            self.scope = Scope::Aggregate;
            series.push(SeriesItem {
                expr: val.expr,
                default,
            });
        }
        self.scope = Scope::Normal;
        let axis = self.project(
            on,
            &mut into,
            Style::Default,
            Some(Type::Dynamic),
            keys + items.len(),
        );
        let axis_ty = axis.type_or_unknown();
        let (from, to, step) = match range {
            SeriesRange::FromToStep { from, to, step } => {
                let bound = |b: &mut Self, e: &Option<Box<syntax::Expr>>| {
                    e.as_ref().map(|e| {
                        let val = b.expr(e, false);
                        b.check_type(&val, axis_ty, Conversion::Promotable, e.span);
                        val.expr
                    })
                };
                (
                    bound(self, from),
                    bound(self, to),
                    Some(self.interval(step, axis_ty)),
                )
            }
            SeriesRange::InRange(list) => {
                let mut parts = Vec::new();
                for (i, e) in list.iter().enumerate() {
                    if i == 2 {
                        parts.push(self.interval(e, axis_ty));
                    } else {
                        let val = self.expr(e, false);
                        self.check_type(&val, axis_ty, Conversion::Promotable, e.span);
                        parts.push(val.expr);
                    }
                }
                if list.len() != 3 {
                    self.report(
                        "KS118",
                        list.first().map_or(span, |e| e.span),
                        "3 arguments expected.",
                    );
                }
                let mut parts = parts.into_iter();
                (parts.next(), parts.next(), parts.next())
            }
        };
        let by = into.added[..keys].iter().map(|c| c.expr.clone()).collect();
        let step = step.unwrap_or_else(|| unknown(span));
        let open = table.open();
        let kind = OpKind::MakeSeries {
            aggregates: series,
            axis: axis.expr,
            from,
            to,
            step,
            by,
            nonempty: false,
        };
        self.shape(table, kind, into.output(), open, span)
    }

    pub(super) fn interval(&mut self, e: &syntax::Expr, range: Type) -> Expr {
        let val = self.expr(e, false);
        let ty = val.type_or_unknown();
        let fits = match range {
            Type::DateTime | Type::TimeSpan => !ty.is_number() && ty != Type::Bool,
            Type::Unknown => true,
            _ => ty.is_number() || matches!(ty, Type::Unknown | Type::Dynamic),
        };
        if !fits && !val.ty.is_error() {
            let message = format!("A step of type {ty} does not go with {range}.");
            self.report("KS178", e.span, message);
        }
        val.expr
    }

    #[expect(clippy::too_many_arguments, reason = "the clauses of the operator")]
    pub(super) fn scan(
        &mut self,
        table: Table,
        op: &Operator,
        order: &[syntax::Expr],
        partition: &[syntax::Expr],
        declare: &[syntax::FunctionParameter],
        steps: &[syntax::ScanStepSyntax],
        span: Span,
    ) -> Option<Table> {
        for e in order {
            self.sort_key(e);
        }
        let partition_by = partition.iter().map(|e| self.scalar_expr(e).expr).collect();
        let mut columns = self.row_columns();
        let mut declared = Vec::new();
        for parameter in declare {
            let name = &parameter.declaration.name;
            let ty = self.declared_type(&parameter.declaration.ty);
            self.refer(name.span, Reference::Column);
            let default = parameter.default.as_ref().map(|d| self.expr(d, false).expr);
            declared.push((columns.len(), default));
            let column = self.define_column(name, ty, parameter.span);
            columns.push(column);
        }
        let outer_locals = self.locals.enter(Some(self.locals.place()));
        for (i, step) in steps.iter().enumerate() {
            self.refer(step.name.span, Reference::Variable);
            let shape = Shape::Unknown;
            let origin = self.define(&step.name, SymbolKind::Step, shape, step.condition.span);
            let local = crate::kql::binder::Local::Step(i);
            self.push_local(&step.name.text, local, origin);
        }
        let open = table.open();
        let outer = self.row.replace(Row {
            columns: columns.clone(),
            open,
            inferred: Columns::default(),
        });
        let mut bound = Vec::new();
        for step in steps {
            let val = self.expr(&step.condition, false);
            let mut assignments = Vec::new();
            for (name, value) in &step.assignments {
                let target = self.name(name, false);
                let value = self.scalar_expr(value);
                if let Some(i) = target.column {
                    assignments.push((i, value.expr));
                }
            }
            bound.push(ScanStep {
                name: step.name.text.clone(),
                output: step
                    .output
                    .map_or_else(|| "all".to_owned(), |s| s.text(self.text).to_owned()),
                optional: step.optional,
                condition: val.expr,
                assignments,
            });
        }
        self.row = outer;
        self.locals.leave(outer_locals);
        let mut match_id = None;
        if let Some((name, place)) = self.parameter_word(op, "with_match_id") {
            self.refer(place, Reference::Column);
            match_id = Some(columns.len());
            let column = self.define_column_at(name, place, Type::Long);
            columns.push(column);
        } else {
            columns.push(Column::new("match_id", Type::Long));
            match_id = match_id.or(Some(columns.len() - 1));
        }
        let kind = OpKind::Scan {
            partition_by,
            match_id,
            declared,
            steps: bound,
        };
        self.shape(table, kind, columns, open, span)
    }
}
