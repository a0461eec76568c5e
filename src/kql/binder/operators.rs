//! Query operators: the columns each gives, and its bound form.

use super::projection::{Projected, Projection, Style, column_expr};
use super::values::{Conversion, assignable};
use super::{Binder, Reference, Row, Scope, Table, Ty, Val, unknown};
use crate::kql::bound::{
    AggregateItem, ApplyOutput, Argument, Column, ColumnSetter, ExpandItem, Expr, ExprKind, OpKind,
    ParseMode, ParsePart, Rel, Render, ScanStep, SeriesItem, SortKey, Source, TopNestedLevel,
};
use crate::kql::literals;
use crate::kql::syntax::{
    self, ExpandSyntax, ExprKind as S, NameForm, Operator, OperatorKind as O, Parameter,
    ParameterValue, PatternPart, SeriesRange, Span,
};
use crate::kql::types::{Type, Value};

impl Binder<'_> {
    pub(super) fn pipeline(
        &mut self,
        source: Option<&syntax::Expr>,
        ops: &[Operator],
        span: Span,
    ) -> Val {
        let starts = source.is_none();
        let outer = (self.right.take(), self.scope);
        self.scope = Scope::Normal;
        let mut input = None;
        let outer_row = self.row.clone();
        if let Some(source) = source {
            let fuzzy = self.fuzzy;
            if ops.first().is_some_and(is_fuzzy_union) {
                self.fuzzy = true;
            }
            let val = self.expr(source, true);
            self.fuzzy = fuzzy;
            input = match val.ty {
                Ty::Table(table) => Some(*table),
                _ => None,
            };
        } else if let Some(row) = self.row.take() {
            // the body of `mv-apply`, `partition`, ...: rows come from the enclosing operator
            if !matches!(
                ops.first().map(|o| &o.kind),
                Some(O::Print(_) | O::Range { .. })
            ) {
                input = Some(Self::source(
                    Source::Piped,
                    row.columns,
                    row.open,
                    span,
                    None,
                ));
            }
        }
        let mut dead = false;
        for (i, op) in ops.iter().enumerate() {
            let first = starts && i == 0;
            if first && input.is_none() && needs_input(&op.kind) {
                self.report(
                    "KS174",
                    op.keyword,
                    "The operator cannot be the first operator in a query.",
                );
            }
            if !first && matches!(op.kind, O::Print(_) | O::Range { .. }) {
                self.report(
                    "KS175",
                    op.keyword,
                    "The operator must be the first operator in the query.",
                );
            }
            input = self.operator(input, op);
            dead = input.is_none() && matches!(op.kind, O::Bad | O::Consume);
        }
        self.row = outer_row;
        (self.right, self.scope) = outer;
        match input {
            Some(mut table) => {
                if !ops.is_empty() && !matches!(ops.last().map(|o| &o.kind), Some(O::As(_))) {
                    table.name = None;
                }
                Self::table_val(table, span)
            }
            None if dead => Val::error(span),
            None => Val::error(span),
        }
    }

    fn set_row(&mut self, input: Option<&Table>) {
        self.row = Some(input.map_or_else(Row::default, |t| Row {
            columns: t.columns().to_vec(),
            open: t.open(),
            inferred: Vec::new(),
        }));
        self.column_number = self.column_number.max(1);
    }

    /// An operator over its input (none where the input could not be bound, or it starts the query).
    fn operator(&mut self, input: Option<Table>, op: &Operator) -> Option<Table> {
        self.set_row(input.as_ref());
        let had_input = input.is_some();
        let open = input.as_ref().is_some_and(Table::open);
        let missing_input = || {
            Self::source(
                Source::Unsupported {
                    what: "a missing input".to_owned(),
                },
                Vec::new(),
                false,
                op.span,
                None,
            )
        };
        let table = |input: Option<Table>| input.unwrap_or_else(missing_input);
        let span = op.span;
        match &op.kind {
            O::Bad => None,
            O::Where(condition) => {
                let val = self.expr(condition, false);
                self.check_type(&val, Type::Bool, Conversion::None, condition.span);
                self.same_shape(table(input), OpKind::Where(val.expr), span)
            }
            O::Take(count) => {
                let count = self.integer(count);
                self.same_shape(table(input), OpKind::Take(count), span)
            }
            O::Sample(count) => {
                let count = self.integer(count);
                self.same_shape(table(input), OpKind::Sample(count), span)
            }
            O::SampleDistinct { count, of } => {
                let count = self.integer(count);
                let val = self.expr(of, false);
                if !val.is_column && !val.ty.is_error() {
                    self.report("KS109", of.span, "Column name expected.");
                }
                let name = val.name.clone().unwrap_or_else(|| "Column1".to_owned());
                let columns = vec![Column::new(name, val.type_or_unknown())];
                self.shape(
                    table(input),
                    OpKind::SampleDistinct {
                        count,
                        of: val.expr,
                    },
                    columns,
                    open,
                    span,
                )
            }
            O::Count(name) => {
                let name = match name {
                    Some(name) => {
                        self.refer(name.span, Reference::Column);
                        name.text.clone()
                    }
                    None => "Count".to_owned(),
                };
                let columns = vec![Column::new(name, Type::Long)];
                self.shape(table(input), OpKind::Count, columns, false, span)
            }
            O::Project(list) => {
                let mut into = Projection::new();
                for (i, e) in list.iter().enumerate() {
                    self.project(e, &mut into, Style::Default, None, i);
                }
                let kind = OpKind::Project {
                    exprs: exprs_of(&into),
                    rest: false,
                };
                self.shape(table(input), kind, into.output(), open, span)
            }
            O::ProjectAway(list) => self.pick(table(input), list, false, span),
            O::ProjectKeep(list) => self.pick(table(input), list, true, span),
            O::ProjectRename(list) => self.rename(table(input), list, span),
            O::ProjectReorder(list) => self.reorder(table(input), list, span),
            O::ProjectByNames(list) => {
                for e in list {
                    self.expr(e, false);
                }
                let columns = self.row_columns();
                let kind = OpKind::Unsupported {
                    what: "operator 'project-by-names'".to_owned(),
                };
                self.shape(table(input), kind, columns, true, span)
            }
            O::Extend(list) => self.extend(table(input), list, Style::Extend, span, OpKind::Extend),
            O::Serialize(list) if list.is_empty() => {
                self.same_shape(table(input), OpKind::Serialize, span)
            }
            O::Serialize(list) => {
                self.extend(table(input), list, Style::Default, span, OpKind::Extend)
            }
            O::Summarize { aggregates, by } => {
                self.check_parameters(
                    op,
                    &["hint.shufflekey", "hint.strategy", "hint.num_partitions"],
                );
                self.summarize(table(input), aggregates, by.as_deref(), span)
            }
            O::Distinct(list) => {
                let mut into = Projection::new();
                for (i, e) in list.iter().enumerate() {
                    let val = self.project(e, &mut into, Style::Default, None, i);
                    if !matches!(e.kind, S::Star) {
                        self.not_dynamic(&val, e.span);
                    } else if into.columns.iter().any(|c| c.column.ty == Type::Dynamic) {
                        self.report(
                            "KS116",
                            e.span,
                            "The value of type 'dynamic' is not allowed in this context.",
                        );
                    }
                }
                let kind = OpKind::Distinct(exprs_of(&into));
                self.shape(table(input), kind, into.output(), open, span)
            }
            O::Sort(list) => {
                let mut keys = Vec::new();
                let mut fine = true;
                for e in list {
                    let (key, val) = self.sort_key(e);
                    fine = fine && self.not_dynamic(&val, e.span);
                    keys.push(key);
                }
                self.same_shape(table(input), OpKind::Sort(keys), span)
            }
            O::Top { count, by } => {
                let count = self.integer(count);
                let (key, _) = self.sort_key(by);
                self.same_shape(
                    table(input),
                    OpKind::Top {
                        count,
                        keys: vec![key],
                    },
                    span,
                )
            }
            O::TopHitters { count, of, by } => {
                let count = self.integer(count);
                let mut into = Projection::new();
                let of_val = self.project(of, &mut into, Style::Default, None, 0);
                let (name, ty, by) = match by {
                    Some(by) => {
                        let val = self.scalar_expr(by);
                        let name =
                            format!("approximate_sum_{}", val.name.clone().unwrap_or_default());
                        (name, val.type_or_unknown(), Some(val.expr))
                    }
                    None => {
                        let name = format!(
                            "approximate_count_{}",
                            of_val.name.clone().unwrap_or_default()
                        );
                        (name, Type::Long, None)
                    }
                };
                into.add(Column::new(name, ty), None, unknown(span), false, false);
                let kind = OpKind::TopHitters {
                    count,
                    of: of_val.expr,
                    by,
                };
                self.shape(table(input), kind, into.output(), open, span)
            }
            O::TopNested(levels) => self.top_nested(table(input), levels, span),
            O::Join { right, on } => self.join(table(input), op, right, on, span),
            O::Lookup { right, on } => self.lookup(table(input), op, right, on, span),
            O::Union(list) => self.union(input, op, list, span),
            O::As(name) => {
                let table = table(input);
                self.refer(name.span, Reference::Variable);
                self.named_so_far(table, name, span)
            }
            O::Print(list) => {
                self.row = None;
                let mut into = Projection::new();
                for (i, e) in list.iter().enumerate() {
                    self.project(e, &mut into, Style::Print, None, i);
                }
                let source = Source::Print(exprs_of(&into));
                Some(Self::source(source, into.output(), false, span, None))
            }
            O::Range {
                name,
                from,
                to,
                step,
            } => self.range(name, from, to, step, span),
            O::GetSchema => {
                let columns = vec![
                    Column::new("ColumnName", Type::String),
                    Column::new("ColumnOrdinal", Type::Long),
                    Column::new("DataType", Type::String),
                    Column::new("ColumnType", Type::String),
                ];
                self.shape(table(input), OpKind::GetSchema, columns, false, span)
            }
            O::Consume => {
                // nothing comes out, but the rows are read
                None
            }
            O::ExecuteAndCache | O::AssertSchema(_) => {
                let kind = OpKind::Unsupported {
                    what: format!("operator '{}'", op.word),
                };
                self.same_shape(table(input), kind, span)
            }
            O::Invoke(call) => self.invoke(table(input), call, span),
            O::Evaluate {
                call,
                call_span,
                schema,
            } => self.evaluate(input, call, *call_span, schema.as_ref(), span),
            O::Render { chart, properties } => {
                self.render(chart, &op.parameters, properties);
                input
            }
            O::Parse { source, pattern } => self.parse(table(input), op, source, pattern, span),
            O::ParseKv {
                source,
                keys,
                properties,
            } => {
                let source = self.scalar_expr(source);
                let mut columns = self.row_columns();
                let declared = self.declared_columns(keys);
                let mut targets = Vec::new();
                for column in declared {
                    let at = match columns.iter().position(|c| c.name == column.name) {
                        Some(at) => {
                            columns[at] = column.clone();
                            at
                        }
                        None => {
                            columns.push(column.clone());
                            columns.len() - 1
                        }
                    };
                    targets.push((at, column.name));
                }
                let options = self.options(properties);
                let kind = OpKind::ParseKv {
                    source: source.expr,
                    keys: targets,
                    options,
                };
                self.shape(table(input), kind, columns, open, span)
            }
            O::MvExpand { items, limit } => {
                self.mv_expand(table(input), op, items, limit.as_deref(), span)
            }
            O::MvApply { items, limit, body } => {
                self.mv_apply(table(input), op, items, limit.as_deref(), body, span)
            }
            O::MakeSeries {
                items,
                on,
                range,
                by,
            } => {
                let kind = self.parameter_word(op, "kind");
                let mut made = self.make_series(table(input), items, on, range, by, span)?;
                let last = made.rel.ops.last_mut().map(|op| &mut op.kind);
                if let Some(OpKind::MakeSeries { nonempty, .. }) = last {
                    *nonempty = kind.is_some_and(|(word, _)| word == "nonempty");
                }
                Some(made)
            }
            O::Search { tables, predicate } => {
                self.search(input, tables.as_deref(), predicate, had_input, span)
            }
            O::Find {
                tables,
                predicate,
                project,
                away,
            } => self.find(
                op,
                tables.as_deref(),
                predicate,
                project.as_deref(),
                away.as_deref(),
                span,
            ),
            O::Partition { by, body, braces } => {
                self.partition(table(input), by, body, *braces, span)
            }
            O::Fork(branches) => self.fork(table(input), branches, span),
            O::Facet { by, with } => {
                let by = by.iter().map(|e| self.scalar_expr(e).expr).collect();
                let mut body = None;
                if let Some(with) = with {
                    let val = self.expr(with, true);
                    if let Ty::Table(t) = val.ty {
                        body = Some(t.rel);
                    }
                }
                let columns = self.row_columns();
                self.shape(
                    table(input),
                    OpKind::Facet { by, body },
                    columns,
                    open,
                    span,
                )
            }
            O::Reduce { by, properties } => {
                let val = self.scalar_expr(by);
                self.check_type(&val, Type::String, Conversion::None, by.span);
                let columns = vec![
                    Column::new("Pattern", Type::String),
                    Column::new("Count", Type::Long),
                    Column::new("Representative", Type::String),
                ];
                let options = self.options(properties);
                self.shape(
                    table(input),
                    OpKind::Reduce {
                        by: val.expr,
                        options,
                    },
                    columns,
                    false,
                    span,
                )
            }
            O::Scan {
                order,
                partition,
                declare,
                steps,
            } => self.scan(table(input), op, order, partition, declare, steps, span),
            O::Graph(exprs) => {
                self.silent += 1;
                for e in exprs {
                    self.expr(e, false);
                }
                self.silent -= 1;
                let kind = OpKind::Unsupported {
                    what: format!("operator '{}'", op.word),
                };
                self.shape(table(input), kind, Vec::new(), true, span)
            }
            O::MacroExpand => {
                let source = Source::Unsupported {
                    what: "operator 'macro-expand'".to_owned(),
                };
                Some(Self::source(source, Vec::new(), true, span, None))
            }
        }
    }

    /// The columns of the input, and those of an open input that were named.
    fn same_shape(&mut self, table: Table, kind: OpKind, span: Span) -> Option<Table> {
        let columns = self.row_columns();
        let open = table.open();
        self.shape(table, kind, columns, open, span)
    }

    pub(super) fn shape(
        &mut self,
        mut table: Table,
        kind: OpKind,
        columns: Vec<Column>,
        open: bool,
        span: Span,
    ) -> Option<Table> {
        self.push_op(&mut table, kind, columns, open, span);
        table.others.clear();
        Some(table)
    }

    fn integer(&mut self, e: &syntax::Expr) -> Expr {
        let val = self.expr(e, false);
        match val.ty.scalar() {
            Some(ty) if ty.is_integer() || ty == Type::Unknown => {}
            _ if val.ty.is_error() => {}
            _ => self.report("KS134", e.span, "The expression value must be an integer."),
        }
        val.expr
    }

    fn not_dynamic(&mut self, val: &Val, span: Span) -> bool {
        if val.ty.scalar() == Some(Type::Dynamic) {
            self.report(
                "KS116",
                span,
                "The value of type 'dynamic' is not allowed in this context.",
            );
            return false;
        }
        true
    }

    fn sort_key(&mut self, e: &syntax::Expr) -> (SortKey, Val) {
        let (value, direction, nulls) = match &e.kind {
            S::Ordered {
                value,
                direction,
                nulls,
            } => (&**value, *direction, *nulls),
            _ => (e, None, None),
        };
        let val = self.scalar_expr(value);
        let descending = !matches!(direction, Some("asc" | "granny-asc"));
        let nulls_first = match nulls {
            Some("first") => true,
            Some(_) => false,
            None => !descending,
        };
        (
            SortKey {
                expr: val.expr.clone(),
                descending,
                nulls_first,
            },
            val,
        )
    }

    fn extend(
        &mut self,
        table: Table,
        list: &[syntax::Expr],
        style: Style,
        span: Span,
        make: impl Fn(Vec<ColumnSetter>) -> OpKind,
    ) -> Option<Table> {
        let row = self.row_columns();
        let mut into = Projection::new();
        into.pass_all(&row, false);
        for (i, e) in list.iter().enumerate() {
            let before = into.columns.len();
            let val = self.project(e, &mut into, style, None, i);
            // `extend a` of a column as it is changes nothing
            if let Some(same) = val.same_as
                && !matches!(e.kind, S::Named { .. } | S::NamedList { .. })
                && into.columns.len() > before
                && into.columns[before].identity.is_none()
                && row
                    .get(same)
                    .is_some_and(|c| into.columns[before].column.name != c.name)
            {
                into.columns.truncate(before);
            }
        }
        into.pass_inferred(row.len(), &self.row_columns());
        let open = table.open();
        let setters = setters(&into);
        self.shape(table, make(setters), into.output(), open, span)
    }

    fn pick(
        &mut self,
        table: Table,
        list: &[syntax::Expr],
        keep: bool,
        span: Span,
    ) -> Option<Table> {
        let mut picked: Vec<usize> = Vec::new();
        for e in list {
            self.pick_columns(e, &mut picked);
        }
        let columns = self.row_columns();
        let chosen: Vec<usize> = (0..columns.len())
            .filter(|i| picked.contains(i) == keep)
            .collect();
        let open = table.open();
        let exprs = chosen
            .iter()
            .map(|&i| column_expr(i, &columns[i]))
            .collect();
        let out = chosen.iter().map(|&i| columns[i].clone()).collect();
        self.shape(
            table,
            OpKind::Project {
                exprs,
                rest: open && !keep,
            },
            out,
            open,
            span,
        )
    }

    /// Ordinals an entry of `project-away` and its kin names.
    fn pick_columns(&mut self, e: &syntax::Expr, picked: &mut Vec<usize>) {
        if let S::Name(name) = &e.kind
            && name.form == NameForm::Wildcard
        {
            let found: Vec<usize> = self
                .row
                .iter()
                .flat_map(|r| matching(&name.text, &r.columns))
                .collect();
            self.refer(e.span, Reference::Column);
            if found.is_empty() && !self.row.as_ref().is_some_and(|r| r.open) {
                self.report("KS109", e.span, "Column name expected.");
                let message = format!(
                    "The name '{}' does not refer to any known column.",
                    name.text
                );
                self.report("KS142", e.span, message);
            }
            picked.extend(found);
            return;
        }
        let val = self.expr(e, false);
        if let Some(i) = val.column {
            picked.push(i);
        } else if !val.is_column && !matches!(e.kind, S::Missing) {
            self.report("KS109", e.span, "Column name expected.");
        }
    }

    fn rename(&mut self, table: Table, list: &[syntax::Expr], span: Span) -> Option<Table> {
        let mut columns = self.row_columns();
        let mut taken: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        for e in list {
            let S::Named { name, value } = &e.kind else {
                self.expr(e, false);
                if !matches!(e.kind, S::Missing) {
                    self.report("KS110", e.span, "Column rename assignment expected.");
                }
                continue;
            };
            let val = self.expr(value, false);
            self.refer(name.span, Reference::Column);
            let Some(i) = val.column else {
                if !val.is_column {
                    self.report("KS109", value.span, "Column name expected.");
                }
                continue;
            };
            if taken.contains(&name.text) {
                let message = format!(
                    "A column with the name '{}' is already declared.",
                    name.text
                );
                self.report("KS171", name.span, message);
            } else {
                taken.push(name.text.clone());
                columns[i].name.clone_from(&name.text);
            }
        }
        let open = table.open();
        let exprs = columns
            .iter()
            .enumerate()
            .map(|(i, c)| column_expr(i, c))
            .collect();
        self.shape(
            table,
            OpKind::Project { exprs, rest: open },
            columns,
            open,
            span,
        )
    }

    fn reorder(&mut self, table: Table, list: &[syntax::Expr], span: Span) -> Option<Table> {
        let mut order: Vec<usize> = Vec::new();
        for e in list {
            let (value, direction) = match &e.kind {
                S::Ordered {
                    value, direction, ..
                } => (&**value, *direction),
                _ => (e, None),
            };
            let mut found = Vec::new();
            if let S::Name(name) = &value.kind
                && name.form == NameForm::Wildcard
            {
                self.refer(value.span, Reference::Column);
                let columns = self
                    .row
                    .as_ref()
                    .map(|r| r.columns.clone())
                    .unwrap_or_default();
                found = matching(&name.text, &columns);
                if found.is_empty() && !self.row.as_ref().is_some_and(|r| r.open) {
                    let message = format!(
                        "The name '{}' does not refer to any known column.",
                        name.text
                    );
                    self.report("KS142", value.span, message);
                }
                let key = |i: &usize| columns[*i].name.to_lowercase();
                match direction {
                    Some("asc") => found.sort_by_key(key),
                    Some("desc") => found.sort_by_key(|i| std::cmp::Reverse(key(i))),
                    Some("granny-asc") => found.sort_by_key(|i| natural(&columns[*i].name)),
                    Some("granny-desc") => {
                        found.sort_by_key(|i| std::cmp::Reverse(natural(&columns[*i].name)));
                    }
                    _ => {}
                }
            } else {
                let val = self.expr(value, false);
                found.extend(val.column);
                if let ExprKind::OpenColumn(name) = &val.expr.kind {
                    found.extend(self.row_columns().iter().position(|c| c.name == *name));
                }
                if let Some(name) = found.first().filter(|i| order.contains(i)).and(val.name) {
                    self.report(
                        "KS171",
                        value.span,
                        format!("A column with the name '{name}' is already declared."),
                    );
                }
            }
            for i in found {
                if !order.contains(&i) {
                    order.push(i);
                }
            }
        }
        let columns = self.row_columns();
        for i in 0..columns.len() {
            if !order.contains(&i) {
                order.push(i);
            }
        }
        let open = table.open();
        let exprs = order.iter().map(|&i| column_expr(i, &columns[i])).collect();
        let out = order.iter().map(|&i| columns[i].clone()).collect();
        self.shape(
            table,
            OpKind::Project { exprs, rest: open },
            out,
            open,
            span,
        )
    }

    fn summarize(
        &mut self,
        table: Table,
        aggregates: &[syntax::Expr],
        by: Option<&[syntax::Expr]>,
        span: Span,
    ) -> Option<Table> {
        let mut into = Projection::new();
        let mut fine = true;
        for (i, e) in by.unwrap_or_default().iter().enumerate() {
            let val = self.project(e, &mut into, Style::Default, None, i);
            fine = fine && self.not_dynamic(&val, e.span);
        }
        let keys = into.columns.len();
        into.skip_present();
        self.group_columns = into.columns.iter().filter_map(|c| c.identity).collect();
        self.scope = Scope::Aggregate;
        let mut vals = Vec::new();
        for (i, e) in aggregates.iter().enumerate() {
            vals.push(self.project(e, &mut into, Style::Summarize, None, keys + i));
        }
        self.scope = Scope::Normal;
        self.group_columns.clear();
        let by = into.columns[..keys]
            .iter()
            .map(|c| c.expr.clone())
            .collect();
        let items = aggregate_items(&into.columns[keys..], &vals, keys);
        let open = table.open();
        self.shape(
            table,
            OpKind::Summarize {
                by,
                aggregates: items,
            },
            into.output(),
            open,
            span,
        )
    }

    fn top_nested(
        &mut self,
        table: Table,
        levels: &[syntax::TopNestedSyntax],
        span: Span,
    ) -> Option<Table> {
        let mut columns: Vec<Column> = Vec::new();
        let mut bound = Vec::new();
        for level in levels {
            let count = level.count.as_ref().map(|c| self.integer(c));
            let of = self.scalar_expr(&level.of);
            let others = level.others.as_ref().map(|e| self.scalar_expr(e).expr);
            self.scope = Scope::Aggregate;
            let (key, by) = self.sort_key(&level.by);
            self.scope = Scope::Normal;
            let of_name = named(&level.of)
                .or_else(|| of.name.clone())
                .unwrap_or_default();
            columns.push(Column::new(of_name.clone(), of.type_or_unknown()));
            let by_name = named(&level.by).unwrap_or_else(|| format!("aggregated_{of_name}"));
            columns.push(Column::new(by_name, by.type_or_unknown()));
            let ascending = !key.descending;
            bound.push(TopNestedLevel {
                count,
                of: of.expr,
                others,
                by: by.expr,
                ascending,
            });
        }
        super::tables::make_unique(&mut columns);
        let open = table.open();
        self.shape(table, OpKind::TopNested(bound), columns, open, span)
    }

    fn range(
        &mut self,
        name: &syntax::Name,
        from: &syntax::Expr,
        to: &syntax::Expr,
        step: &syntax::Expr,
        span: Span,
    ) -> Option<Table> {
        self.row = None;
        let vals: Vec<Val> = [from, to, step]
            .into_iter()
            .map(|e| self.expr(e, false))
            .collect();
        for (val, e) in vals.iter().zip([from, to, step]) {
            match val.ty.scalar() {
                Some(ty) if ty.is_summable() || ty == Type::Unknown => {}
                _ if val.ty.is_error() => {}
                _ => self.report(
                    "KS138",
                    e.span,
                    "The argument value must be summable: a number, timespan or datetime.",
                ),
            }
        }
        let types: Vec<Type> = vals.iter().map(Val::type_or_unknown).collect();
        let ty = match types[..] {
            [Type::Int, Type::Int, Type::Int] => Type::Int,
            [a, b, _] if a == Type::DateTime || b == Type::DateTime => Type::DateTime,
            [a, b, _] if a == Type::TimeSpan || b == Type::TimeSpan => Type::TimeSpan,
            _ => super::values::widest(&types).unwrap_or(Type::Unknown),
        };
        self.refer(name.span, Reference::Column);
        let mut parts = vals.into_iter().map(|v| v.expr);
        let (Some(from), Some(to), Some(step)) = (parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        let columns = vec![Column::new(name.text.clone(), ty)];
        Some(Self::source(
            Source::Range { from, to, step },
            columns,
            false,
            span,
            None,
        ))
    }

    /// `as Name`: the rows so far become a let; the query goes on from it.
    fn named_so_far(&mut self, table: Table, name: &syntax::Name, span: Span) -> Option<Table> {
        let (id, columns, open) = self.let_table(&name.text, table, true);
        self.push_local(
            &name.text,
            super::Local::Table {
                id,
                columns: columns.clone(),
                open,
                parameter: false,
            },
        );
        let mut table = Self::source(
            Source::Let(id),
            columns.clone(),
            open,
            span,
            Some(name.text.clone()),
        );
        self.push_op(&mut table, OpKind::As(id), columns, open, span);
        Some(table)
    }

    fn invoke(&mut self, table: Table, call: &syntax::Expr, span: Span) -> Option<Table> {
        let is_schema =
            matches!(&call.kind, S::Call(c) if self.schema.function(&c.name.text).is_some());
        let row = self.row.clone();
        if !is_schema {
            self.row = None;
        }
        self.piped = Some(Box::new(table));
        let val = match &call.kind {
            S::Call(c) => self.call(c, call.span, true),
            _ => self.expr(call, true),
        };
        self.piped = None;
        self.row = row;
        match val.ty {
            Ty::Table(table) => Some(*table),
            Ty::Error => None,
            _ => {
                let source = Source::Unsupported {
                    what: "invoke of a scalar function".to_owned(),
                };
                Some(Self::source(source, Vec::new(), true, span, None))
            }
        }
    }

    fn evaluate(
        &mut self,
        input: Option<Table>,
        call: &syntax::Call,
        call_span: Span,
        schema: Option<&syntax::EvaluateSchema>,
        span: Span,
    ) -> Option<Table> {
        if input.is_none() {
            self.row = None;
        }
        self.scope = Scope::PlugIn;
        let val = self.call(call, call_span, true);
        self.scope = Scope::Normal;
        let Ty::Table(result) = val.ty else {
            return None;
        };
        let declared = schema.map(|s| {
            let columns = self.declared_columns(&s.columns);
            if s.star {
                let kept = result
                    .columns()
                    .iter()
                    .filter(|c| !columns.iter().any(|d| d.name == c.name))
                    .cloned();
                kept.chain(columns.clone()).collect()
            } else {
                columns
            }
        });
        // the arguments again, as the engine wants them
        self.silent += 1;
        let mut args = Vec::new();
        for arg in &call.args {
            if matches!(arg.kind, S::Star) {
                args.push(Argument::Star);
                continue;
            }
            self.scope = Scope::Aggregate;
            let is_aggregate = matches!(&arg.kind, S::Call(c)
                if crate::kql::builtins::builtins().get(crate::kql::builtins::Kind::Aggregate, &c.name.text).is_some());
            if !is_aggregate {
                self.scope = Scope::Normal;
            }
            let val = self.expr(arg, false);
            self.scope = Scope::Normal;
            args.push(match (&arg.kind, val.ty) {
                (_, Ty::Table(t)) => Argument::Table(t.rel),
                (S::Named { name, .. }, _) => Argument::Named(name.text.clone(), val.expr),
                // a column of another table than the piped one (`ipv4_lookup`)
                (S::Name(name), ty) if ty.is_error() => Argument::Scalar(Expr {
                    kind: ExprKind::OpenColumn(name.text.clone()),
                    ..val.expr
                }),
                _ => Argument::Scalar(val.expr),
            });
        }
        self.silent -= 1;
        let columns = declared
            .clone()
            .unwrap_or_else(|| result.columns().to_vec());
        let open = declared.is_none() && result.open();
        let kind = OpKind::Evaluate {
            plugin: call.name.text.clone(),
            args,
            declared,
        };
        let table = input.unwrap_or_else(|| {
            let source = Source::Print(Vec::new());
            Self::source(source, Vec::new(), false, span, None)
        });
        self.shape(table, kind, columns, open, span)
    }

    fn render(&mut self, chart: &str, parameters: &[Parameter], properties: &[Parameter]) {
        let mut list = Vec::new();
        for property in parameters.iter().chain(properties) {
            let text = match &property.value {
                ParameterValue::Word(span) => span.text(self.text).to_owned(),
                ParameterValue::Columns(names) => {
                    for name in names {
                        self.name(name, false);
                    }
                    names
                        .iter()
                        .map(|n| n.text.as_str())
                        .collect::<Vec<_>>()
                        .join(",")
                }
                ParameterValue::Expr(e) => {
                    let val = self.expr(e, false);
                    if matches!(property.name.text.as_str(), "title" | "xtitle" | "ytitle")
                        && val.ty.scalar().is_some_and(|t| {
                            !matches!(t, Type::String | Type::Dynamic | Type::Unknown)
                        })
                    {
                        let message =
                            "The expression must have one of the types: string or dynamic.";
                        self.report("KS141", e.span, message);
                    }
                    match &val.expr.kind {
                        ExprKind::Literal(Value::String(s)) => s.clone(),
                        _ => e.span.text(self.text).to_owned(),
                    }
                }
                ParameterValue::Declaration(name) => name.text.clone(),
                ParameterValue::Missing => continue,
            };
            list.push((property.name.text.clone(), text));
        }
        if self.silent == 0 {
            self.render = Some(Render {
                kind: chart.to_owned(),
                properties: list,
            });
        }
    }

    fn options(&mut self, properties: &[Parameter]) -> Vec<(String, Value)> {
        properties
            .iter()
            .filter_map(|p| match &p.value {
                ParameterValue::Expr(e) => {
                    let val = self.expr(e, false);
                    match val.expr.kind {
                        ExprKind::Literal(value) => Some((p.name.text.clone(), value)),
                        _ => None,
                    }
                }
                ParameterValue::Word(span) => Some((
                    p.name.text.clone(),
                    Value::String(span.text(self.text).to_owned()),
                )),
                _ => None,
            })
            .collect()
    }

    /// Columns named by parameters are looked up; the rest of a parameter is words.
    pub(super) fn check_parameters(&mut self, op: &Operator, _known: &[&str]) {
        for parameter in &op.parameters {
            if let ParameterValue::Columns(names) = &parameter.value {
                for name in names {
                    let val = self.name(name, false);
                    if !val.is_column && !val.ty.is_error() {
                        self.report("KS109", name.span, "Column name expected.");
                    }
                }
            }
        }
    }

    /// The word a parameter has as its value.
    pub(super) fn parameter_word(&self, op: &Operator, name: &str) -> Option<(String, Span)> {
        let parameter = op.parameters.iter().find(|p| p.name.text == name)?;
        match &parameter.value {
            ParameterValue::Word(span) => Some((span.text(self.text).to_owned(), *span)),
            ParameterValue::Declaration(name) => Some((name.text.clone(), name.span)),
            ParameterValue::Expr(e) => match &e.kind {
                S::Strings(_) => Some((literals::string(e.span.text(self.text)), e.span)),
                _ => Some((e.span.text(self.text).to_owned(), e.span)),
            },
            _ => None,
        }
    }

    fn parse(
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
        let mut declared: Vec<String> = Vec::new();
        for (i, part) in pattern.iter().enumerate() {
            let before = i.checked_sub(1).map(|p| &pattern[p]);
            match part {
                PatternPart::Star(star) => {
                    if pattern
                        .get(i + 1)
                        .is_some_and(|n| !matches!(n, PatternPart::Text(_)))
                    {
                        self.report("KS102", *star, "A string literal must follow a *");
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
                            "Using * after parsing a string column is ambiguous.",
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
                        self.report(
                            "KS101",
                            name.span,
                            "The column name must follow a string literal",
                        );
                    }
                    let ty = ty.as_ref().map_or(Type::String, |t| self.declared_type(t));
                    self.refer(name.span, Reference::Column);
                    if name.is_missing() {
                        continue;
                    }
                    if declared.contains(&name.text) {
                        let message = format!(
                            "A column with the name '{}' is already declared.",
                            name.text
                        );
                        self.report("KS171", name.span, message);
                        continue;
                    }
                    declared.push(name.text.clone());
                    let column = Column::new(name.text.clone(), ty);
                    let index = match columns.iter().position(|c| c.name == name.text) {
                        Some(at) => {
                            columns[at] = column;
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

    /// What `mv-expand` and `mv-apply` expand, as columns.
    fn expand_columns(&mut self, items: &[ExpandSyntax], into: &mut Projection) -> Vec<ExpandItem> {
        let mut bound = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let Some(e) = &item.expr else { continue };
            let mut ty = Type::Dynamic;
            let mut to = None;
            if let Some(type_of) = &item.to {
                let val = self.expr(type_of, false);
                if let Some(named) = super::constant_text(&val.expr).and_then(Type::from_name) {
                    ty = named;
                    to = Some(named);
                }
            }
            self.silent += 1;
            let probe = self.expr(e, false);
            self.silent -= 1;
            let item_ty = probe.ty.scalar();
            if to.is_none() && item_ty.is_some_and(|t| t != Type::Dynamic) {
                ty = probe.type_or_unknown();
            }
            let val = self.project(e, into, Style::Replace, Some(ty), n);
            if let Some(actual) = val.ty.scalar()
                && !matches!(actual, Type::Dynamic | Type::Unknown)
            {
                self.report(
                    "KS141",
                    e.span,
                    "The expression must have the type dynamic.",
                );
            }
            let index = into.columns.iter().position(|c| !c.passed && c.item == n);
            if let Some(index) = index {
                bound.push(ExpandItem {
                    index,
                    expr: val.expr,
                    to,
                });
            }
        }
        bound
    }

    fn mv_expand(
        &mut self,
        table: Table,
        op: &Operator,
        items: &[ExpandSyntax],
        limit: Option<&syntax::Expr>,
        span: Span,
    ) -> Option<Table> {
        let row = self.row_columns();
        let mut into = Projection::new();
        into.pass_all(&row, false);
        let items = self.expand_columns(items, &mut into);
        let mut item_index = None;
        if let Some((name, place)) = self.parameter_word(op, "with_itemindex") {
            self.refer(place, Reference::Column);
            item_index = Some(into.columns.len());
            into.add(
                Column::new(name, Type::Long),
                None,
                unknown(span),
                false,
                false,
            );
        }
        let limit = limit.map(|l| self.integer(l));
        let before = into.columns.len();
        into.pass_inferred(row.len(), &self.row_columns());
        let moved = into.columns.len() - before;
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

    fn mv_apply(
        &mut self,
        table: Table,
        op: &Operator,
        items: &[ExpandSyntax],
        limit: Option<&syntax::Expr>,
        body: &syntax::Expr,
        span: Span,
    ) -> Option<Table> {
        let row = self.row_columns();
        let mut into = Projection::new();
        into.pass_all(&row, false);
        let applied: Vec<Option<usize>> = items
            .iter()
            .map(|i| {
                self.silent += 1;
                let column = i.expr.as_ref().and_then(|e| match &e.kind {
                    S::Named { .. } => None,
                    _ => self.expr(e, false).column,
                });
                self.silent -= 1;
                column
            })
            .collect();
        let bound = self.expand_columns(items, &mut into);
        let mut item_index = None;
        if let Some((name, place)) = self.parameter_word(op, "with_itemindex") {
            self.refer(place, Reference::Column);
            item_index = Some(into.columns.len());
            into.add(
                Column::new(name, Type::Long),
                None,
                unknown(span),
                false,
                false,
            );
        }
        let limit = limit.map(|l| self.integer(l));
        let piped = into.output();
        let open = table.open();
        let outer = self.row.replace(Row {
            columns: piped.clone(),
            open,
            inferred: Vec::new(),
        });
        let val = self.expr(body, true);
        self.row = outer;
        let mut out = Projection::new();
        let mut output = Vec::new();
        for (i, column) in row.iter().enumerate() {
            if !applied.contains(&Some(i))
                && out.add(column.clone(), Some(i), column_expr(i, column), true, false)
            {
                output.push(ApplyOutput::Input(i));
            }
        }
        let Ty::Table(body) = val.ty else {
            let kind = OpKind::Unsupported {
                what: "operator 'mv-apply' without a body".to_owned(),
            };
            return self.shape(table, kind, out.output(), open, span);
        };
        for (i, column) in body.columns().iter().enumerate() {
            let at = out
                .columns
                .iter()
                .position(|c| c.column.name == column.name);
            out.add(column.clone(), None, unknown(span), false, true);
            match at {
                Some(at) => output[at] = ApplyOutput::Body(i),
                None => output.push(ApplyOutput::Body(i)),
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
        self.shape(table, kind, out.output(), open, span)
    }

    fn make_series(
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
        let keys = into.columns.len();
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
                    self.report("KS131", d.span, "The expression must be a literal.");
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
        let by = into.columns[..keys]
            .iter()
            .map(|c| c.expr.clone())
            .collect();
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

    fn interval(&mut self, e: &syntax::Expr, range: Type) -> Expr {
        let val = self.expr(e, false);
        let ty = val.type_or_unknown();
        let fits = match range {
            Type::DateTime | Type::TimeSpan => !ty.is_number() && ty != Type::Bool,
            Type::Unknown => true,
            _ => ty.is_number() || matches!(ty, Type::Unknown | Type::Dynamic),
        };
        if !fits && !val.ty.is_error() {
            let message =
                format!("The type '{ty}' is not an appropriate interval type for '{range}'");
            self.report("KS178", e.span, message);
        }
        val.expr
    }

    fn partition(
        &mut self,
        table: Table,
        by: &syntax::Expr,
        body: &syntax::Expr,
        braces: bool,
        span: Span,
    ) -> Option<Table> {
        let key = self.expr(by, false);
        if !key.is_column && !key.ty.is_error() {
            self.report("KS109", by.span, "Column name expected.");
        } else {
            self.not_dynamic(&key, by.span);
        }
        let row = self.row.clone();
        let open = table.open();
        if braces {
            let depth = self.locals.len();
            if let Some(name) = &key.name {
                let mut expr = unknown(by.span);
                expr.ty = key.type_or_unknown();
                self.push_local(
                    name,
                    super::Local::Scalar {
                        expr,
                        constant: true,
                        literal: false,
                        parameter: false,
                    },
                );
            }
            self.row = None;
            let val = self.expr(body, true);
            self.row = row;
            self.locals.truncate(depth);
            let Ty::Table(inner) = val.ty else {
                return Some(table);
            };
            let kind = OpKind::Unsupported {
                what: "operator 'partition' with a whole query".to_owned(),
            };
            return self.shape(table, kind, inner.columns().to_vec(), open, span);
        }
        let val = self.expr(body, true);
        self.row = row;
        match val.ty {
            Ty::Table(inner) => {
                let columns = inner.columns().to_vec();
                let kind = OpKind::Partition {
                    by: key.expr,
                    body: inner.rel,
                };
                self.shape(table, kind, columns, open, span)
            }
            _ => Some(table),
        }
    }

    fn fork(
        &mut self,
        table: Table,
        branches: &[(Option<syntax::Name>, syntax::Expr)],
        span: Span,
    ) -> Option<Table> {
        let row = self.row.clone();
        let mut bound: Vec<(Option<String>, Rel)> = Vec::new();
        for (name, body) in branches {
            self.row.clone_from(&row);
            let val = self.expr(body, true);
            if let Ty::Table(t) = val.ty {
                bound.push((name.as_ref().map(|n| n.text.clone()), t.rel));
            }
        }
        self.row = row;
        let columns = bound
            .first()
            .map(|(_, r)| r.columns().to_vec())
            .unwrap_or_default();
        let open = table.open();
        self.shape(table, OpKind::Fork(bound), columns, open, span)
    }

    #[expect(clippy::too_many_arguments, reason = "the clauses of the operator")]
    fn scan(
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
            columns.push(Column::new(name.text.clone(), ty));
        }
        let depth = self.locals.len();
        for (i, step) in steps.iter().enumerate() {
            self.refer(step.name.span, Reference::Variable);
            self.push_local(&step.name.text, super::Local::Step(i));
        }
        let open = table.open();
        let outer = self.row.replace(Row {
            columns: columns.clone(),
            open,
            inferred: Vec::new(),
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
        self.locals.truncate(depth);
        let mut match_id = None;
        if let Some((name, place)) = self.parameter_word(op, "with_match_id") {
            self.refer(place, Reference::Column);
            match_id = Some(columns.len());
            columns.push(Column::new(name, Type::Long));
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

    /// A table value, or a report that one was wanted.
    pub(super) fn table_of(&mut self, val: Val, span: Span) -> Option<Table> {
        match val.ty {
            Ty::Table(table) => Some(*table),
            Ty::Error => None,
            _ => {
                self.report("KS111", span, "Tabular value expected.");
                None
            }
        }
    }

    /// Checks that a type may stand for another in a join.
    pub(super) fn comparable(left: Type, right: Type) -> bool {
        let wide = |t| if t == Type::Int { Type::Long } else { t };
        assignable(wide(left), wide(right), Conversion::None)
    }
}

fn exprs_of(into: &Projection) -> Vec<Expr> {
    into.columns.iter().map(|c| c.expr.clone()).collect()
}

/// Everything that is not merely passed on.
fn setters(into: &Projection) -> Vec<ColumnSetter> {
    into.columns
        .iter()
        .enumerate()
        .filter(|(_, c)| !c.passed)
        .map(|(index, c)| ColumnSetter {
            index,
            expr: c.expr.clone(),
        })
        .collect()
}

/// Columns of `summarize` after its keys, grouped by the item they came from.
fn aggregate_items(columns: &[Projected], vals: &[Val], first_item: usize) -> Vec<AggregateItem> {
    let mut items: Vec<AggregateItem> = Vec::new();
    let mut at = 0;
    while at < columns.len() {
        let item = columns[at].item;
        let width = columns[at..].iter().take_while(|c| c.item == item).count();
        let group = &columns[at..at + width];
        at += width;
        let val = item.checked_sub(first_item).and_then(|i| vals.get(i));
        let call = val.and_then(|v| match (&v.ty, &v.expr.kind) {
            (Ty::Tuple(tuple), ExprKind::Aggregate { function, args }) if tuple.len() > 1 => {
                Some((function, args))
            }
            _ => None,
        });
        let Some((function, args)) = call else {
            items.extend(group.iter().map(|c| AggregateItem::One(c.expr.clone())));
            continue;
        };
        let lead = match function.as_str() {
            "percentiles" => 1,
            "percentilesw" => 2,
            _ => 0,
        };
        let mut list: Vec<Expr> = args.iter().take(lead).cloned().collect();
        list.extend(group.iter().map(|c| c.expr.clone()));
        items.push(AggregateItem::Many {
            function: function.clone(),
            args: list,
            width,
        });
    }
    items
}

/// The name given to an expression where it stands.
fn named(e: &syntax::Expr) -> Option<String> {
    match &e.kind {
        S::Named { name, .. } => Some(name.text.clone()),
        S::Ordered { value, .. } => named(value),
        _ => None,
    }
}

fn is_fuzzy_union(op: &Operator) -> bool {
    matches!(op.kind, O::Union(_)) && super::tables::fuzzy(op)
}

/// Operators that cannot start a query.
fn needs_input(kind: &O) -> bool {
    !matches!(
        kind,
        O::Print(_)
            | O::Range { .. }
            | O::Union(_)
            | O::Search { .. }
            | O::Find { .. }
            | O::Evaluate { .. }
            | O::MacroExpand
            | O::Bad
    )
}

/// Ordinals of columns a pattern with stars fits.
pub(super) fn matching(pattern: &str, columns: &[Column]) -> Vec<usize> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, c)| fits(pattern, &c.name))
        .map(|(i, _)| i)
        .collect()
}

/// `*` is any text.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = &parts[..] else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A name cut into texts and numbers, for the order people expect.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut number = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_digit() {
            number.push(c);
        } else {
            if !number.is_empty() {
                parts.push((
                    number.parse().unwrap_or(u64::MAX),
                    std::mem::take(&mut text),
                ));
                number.clear();
            }
            text.push(c);
        }
    }
    parts.push((number.parse().unwrap_or(0), text));
    parts
}
