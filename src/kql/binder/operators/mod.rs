//! Query operators: the columns each gives, and its bound form.

pub(super) mod columns;
mod expand;
pub(super) mod graphs;
mod nested;

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
use crate::kql::binder::values::assignable;
use crate::kql::bound::Column;
use crate::kql::bound::Expr;
use crate::kql::bound::OpKind;
use crate::kql::bound::SortKey;
use crate::kql::bound::Source;
use crate::kql::columns::Columns;
use crate::kql::syntax;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::Operator;
use crate::kql::syntax::OperatorKind as O;
use crate::kql::syntax::Span;
use crate::kql::types::Type;

impl Binder<'_> {
    pub(in crate::kql::binder) fn pipeline(
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
            // a fuzzy union does without tables it cannot find, wherever before it they stand
            if ops.iter().any(is_fuzzy_union) {
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
                    format!("'{}' needs rows before it: begin with a table.", op.word),
                );
            }
            if !first && matches!(op.kind, O::Print(_) | O::Range { .. }) {
                self.report(
                    "KS175",
                    op.keyword,
                    format!("'{}' can only begin a query.", op.word),
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
        self.row = Some(input.map_or_else(Row::default, Row::of));
        self.column_number = self.column_number.max(1);
    }

    /// An operator over its input (none where the input could not be bound, or it starts the query).
    fn operator(&mut self, input: Option<Table>, op: &Operator) -> Option<Table> {
        self.set_row(input.as_ref());
        self.probe_operator(op);
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
                match val.ty.scalar() {
                    Some(ty) if !assignable(Type::Bool, ty, Conversion::None) => {
                        let advice = self.not_a_condition(ty, condition);
                        self.report_with("KS141", condition.span, advice);
                    }
                    _ => {
                        self.check_type(&val, Type::Bool, Conversion::None, condition.span);
                    }
                }
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
                    self.report("KS109", of.span, "The name of a column is expected here.");
                } else {
                    self.not_dynamic(&val, of.span);
                }
                let name = val.name.clone().unwrap_or_else(|| "Column1".to_owned());
                let origin = self.origin_of(&val);
                let columns = vec![Column::new(name, val.type_or_unknown()).from(origin)];
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
                let column = match name {
                    Some(name) => {
                        self.refer(name.span, Reference::Column);
                        self.define_column(name, Type::Long, span)
                    }
                    None => Column::new("Count", Type::Long),
                };
                let columns = vec![column];
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
                let (columns, kind) = self.by_names(list, open);
                self.shape(table(input), kind, columns, open, span)
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
                let mut fine = true;
                for (i, e) in list.iter().enumerate() {
                    let val = self.project(e, &mut into, Style::Default, None, i);
                    if !matches!(e.kind, S::Star) {
                        fine = fine && self.not_dynamic(&val, e.span);
                    } else if into.added.iter().any(|c| c.column.ty == Type::Dynamic) {
                        self.report(
                            "KS116",
                            e.span,
                            "Dynamic values cannot be told apart: name the other columns, or make them texts.",
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
                        let val = self.expr(by, false);
                        let ty = val.type_or_unknown();
                        if !val.ty.is_vague() && !ty.is_number() {
                            let message = "A number is expected here.";
                            self.report("KS137", by.span, message);
                        }
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
                into.add(Column::new(name, ty), None, unknown(span), false);
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
                for column in &declared {
                    let at = match columns.find(&column.name) {
                        Some(at) => {
                            columns.set(at, column.clone());
                            at
                        }
                        None => {
                            columns.push(column.clone());
                            columns.len() - 1
                        }
                    };
                    targets.push((at, column.name.clone()));
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
                let by = self.facet_keys(by);
                let mut body = None;
                if let Some(with) = with {
                    let val = self.expr(with, true);
                    if let Ty::Table(t) = val.ty {
                        body = Some(t.rel);
                    }
                }
                let columns = self.row_columns();
                let mut facets = self.shape(
                    table(input),
                    OpKind::Facet { by, body },
                    columns,
                    open,
                    span,
                )?;
                facets.group = true;
                Some(facets)
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
            O::Graph(syntax) => self.graph_operator(input, op, syntax),
            O::MacroExpand(syntax) => self.macro_expand(op, syntax),
        }
    }

    /// An operator of a query too large for its columns to be followed.
    pub(in crate::kql::binder) fn left_open(&mut self, table: Table, span: Span) -> Option<Table> {
        let columns = table.columns().clone();
        let kind = OpKind::Unsupported {
            what: "so many columns in so many operators".to_owned(),
        };
        self.shape(table, kind, columns, true, span)
    }

    /// The columns of the input, and those of an open input that were named.
    fn same_shape(&mut self, table: Table, kind: OpKind, span: Span) -> Option<Table> {
        let columns = self.row_columns();
        let open = table.open();
        self.shape(table, kind, columns, open, span)
    }

    pub(in crate::kql::binder) fn shape(
        &mut self,
        mut table: Table,
        kind: OpKind,
        columns: impl Into<Columns>,
        open: bool,
        span: Span,
    ) -> Option<Table> {
        let columns = columns.into();
        if !columns.shares(table.columns()) {
            self.copied += columns.len();
        }
        self.push_op(&mut table, kind, columns, open, span);
        table.group = false;
        table.graph = None;
        table.others.clear();
        Some(table)
    }

    fn integer(&mut self, e: &syntax::Expr) -> Expr {
        let val = self.expr(e, false);
        match val.ty.scalar() {
            Some(ty) if ty.is_integer() || ty == Type::Unknown => {}
            _ if val.ty.is_error() => {}
            _ => self.report("KS134", e.span, "An integer is expected here."),
        }
        val.expr
    }

    fn not_dynamic(&mut self, val: &Val, span: Span) -> bool {
        if val.ty.scalar() == Some(Type::Dynamic) {
            let advice = self.not_dynamic_here(span);
            self.report_with("KS116", span, advice);
            return false;
        }
        !val.ty.is_error()
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

    /// A table value, or a report that one was wanted.
    pub(in crate::kql::binder) fn table_of(&mut self, val: Val, span: Span) -> Option<Table> {
        match val.ty {
            Ty::Table(table) if table.graph.is_none() => Some(*table),
            Ty::Error => None,
            _ => {
                self.report("KS111", span, "A table is expected here.");
                None
            }
        }
    }

    /// Checks that a type may stand for another in a join.
    pub(in crate::kql::binder) fn comparable(left: Type, right: Type) -> bool {
        let wide = |t| if t == Type::Int { Type::Long } else { t };
        assignable(wide(left), wide(right), Conversion::None)
    }
}

fn exprs_of(into: &Projection) -> Vec<Expr> {
    into.added.iter().map(|c| c.expr.clone()).collect()
}

fn is_fuzzy_union(op: &Operator) -> bool {
    matches!(op.kind, O::Union(_)) && crate::kql::binder::tables::fuzzy(op)
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
            | O::MacroExpand(_)
            | O::Bad
    )
}
