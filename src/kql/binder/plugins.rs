//! What plug-ins of `evaluate` give: the columns known before the query runs.

use std::collections::HashSet;

use super::tables::make_unique;
use super::{Binder, Ty, Val, constant_text};
use crate::kql::bound::{Column, Expr, ExprKind, Source};
use crate::kql::builtins::{Builtin, ShapePart};
use crate::kql::columns::Columns;
use crate::kql::syntax::{Call, ExprKind as S, Span, TypeOfItem};
use crate::kql::types::{Type, Value};

/// Arguments by the names of their parameters.
struct Arguments<'v> {
    vals: &'v [Val],
    of: Vec<&'static str>,
}

impl<'v> Arguments<'v> {
    fn new(builtin: &Builtin, vals: &'v [Val]) -> Self {
        let fits = |n: usize| builtin.signatures.iter().find(move |s| s.takes(n));
        let signature = fits(vals.len()).unwrap_or(&builtin.signatures[0]);
        let of = signature
            .layout(vals.len(), false)
            .into_iter()
            .map(|p| p.map_or("", |p| signature.params[p].name))
            .collect();
        Self { vals, of }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'v Val> {
        let vals = self.vals;
        self.of
            .iter()
            .zip(vals)
            .filter(move |(of, _)| **of == name)
            .map(|(_, val)| val)
    }

    fn get(&self, name: &str) -> Option<&'v Val> {
        self.all(name).next()
    }
}

fn name_of(val: &Val) -> &str {
    val.name.as_deref().unwrap_or_default()
}

/// Columns that arguments name, as they are.
fn columns_of<'v>(vals: impl Iterator<Item = &'v Val>) -> impl Iterator<Item = Column> {
    vals.filter(|v| v.is_column && !name_of(v).is_empty())
        .map(|v| Column::new(name_of(v), v.type_or_unknown()))
}

impl Binder<'_> {
    pub(super) fn plug_in_result(
        &mut self,
        builtin: &Builtin,
        call: &Call,
        vals: &[Val],
        span: Span,
    ) -> Ty {
        let row = self.row_columns();
        let row_open = self.row.as_ref().is_some_and(|r| r.open);
        let (columns, open) = self.plug_in_columns(builtin, call, vals, &row, row_open);
        let source = Source::Unsupported {
            what: format!("plug-in '{}'", builtin.name),
        };
        let mut table = Self::source(source, columns, open, span, None);
        table.group = builtin.name == "preview";
        Ty::Table(Box::new(table))
    }

    /// Columns put together as the table of built-ins says.
    pub(super) fn plug_in_shape(
        &mut self,
        builtin: &Builtin,
        parts: &[ShapePart],
        vals: &[Val],
        span: Span,
    ) -> Ty {
        let arguments = Arguments::new(builtin, vals);
        let mut columns: Vec<Column> = Vec::new();
        let mut open = false;
        for part in parts {
            match part {
                ShapePart::Row => {
                    columns.extend_from_slice(&self.row_columns());
                    open |= self.row.as_ref().is_some_and(|r| r.open);
                }
                ShapePart::Argument(name) => columns.extend(columns_of(arguments.all(name))),
                ShapePart::Column(column) => columns.push(column.clone()),
            }
        }
        let source = Source::Unsupported {
            what: format!("plug-in '{}'", builtin.name),
        };
        Ty::Table(Box::new(Self::source(source, columns, open, span, None)))
    }

    fn plug_in_columns(
        &mut self,
        builtin: &Builtin,
        call: &Call,
        vals: &[Val],
        row: &Columns,
        row_open: bool,
    ) -> (Columns, bool) {
        let arguments = Arguments::new(builtin, vals);
        match builtin.name {
            "bag_unpack" => {
                let gone = vals.first().and_then(|v| v.column);
                let kept = row.iter().enumerate().filter(|(i, _)| Some(*i) != gone);
                (kept.map(|(_, c)| c.clone()).collect(), true)
            }
            "pivot" => (pivot(vals, row), true),
            "ipv4_lookup" | "ipv6_lookup" | "geo_polygon_lookup" | "geo_line_lookup" => {
                (looked_up(builtin.name, call, vals, row), row_open)
            }
            "preview" | "identity" | "identity_v3" | "rows_near" => (row.clone(), row_open),
            "dcount_intersect" => {
                let counts = (0..vals.len()).map(|i| Column::new(format!("s{i}"), Type::Long));
                (row.iter().cloned().chain(counts).collect(), row_open)
            }
            "new_activity_metrics" => (new_activity(vals), false),
            "sequence_detect" => (sequence(vals), false),
            "funnel_sequence" | "funnel_sequence_completion" => {
                let mut columns: Vec<Column> =
                    columns_of(arguments.all("TimelineColumn")).collect();
                let state = arguments.get("StateColumn");
                if builtin.name == "funnel_sequence" {
                    let ty = state.map(Val::type_or_unknown);
                    columns.extend(
                        ty.into_iter()
                            .flat_map(|ty| ["prev", "next"].map(|name| Column::new(name, ty))),
                    );
                    columns.push(Column::new("dcount", Type::Long));
                    columns.push(Column::new("samples", Type::Dynamic));
                } else {
                    columns.extend(state.map(|s| Column::new(name_of(s), Type::String)));
                    columns.push(Column::new("Period", Type::TimeSpan));
                    columns.push(Column::new("dcount", Type::Long));
                }
                (columns.into(), false)
            }
            "rolling_percentile" => {
                let mut columns: Vec<Column> = columns_of(arguments.all("IndexColumn"))
                    .chain(columns_of(arguments.all("Dimension")))
                    .collect();
                let text = |name| arguments.get(name).map_or_else(|| "0".to_owned(), number);
                let value = arguments.get("ValueColumn").filter(|v| v.is_column);
                let name = format!(
                    "rolling_{}_percentile_{}_{}",
                    text("BinsPerWindow"),
                    value.map_or("value", name_of),
                    text("Percentile")
                );
                let ty = value.map_or(Type::Long, Val::type_or_unknown);
                columns.push(Column::new(name, ty));
                (columns.into(), false)
            }
            "ai_embed_text"
            | "ai_embeddings"
            | "ai_chat_completion"
            | "ai_chat_completion_prompt" => {
                let (what, ty) = match builtin.name {
                    "ai_embed_text" => ("embedding", Type::Dynamic),
                    "ai_embeddings" => ("embeddings", Type::Dynamic),
                    _ => ("completion", Type::String),
                };
                let of = vals.first().map_or("", name_of);
                let mut columns = row.to_vec();
                columns.push(Column::new(format!("{of}_{what}"), ty));
                let with_errors = arguments.get("IncludeErrorMessages");
                if with_errors
                    .is_some_and(|v| matches!(v.expr.kind, ExprKind::Literal(Value::Bool(true))))
                {
                    columns.push(Column::new(format!("{of}_{what}_error"), Type::String));
                }
                (columns.into(), false)
            }
            "python" | "r" | "csharp" => self.declared_by_type(call, row, row_open),
            _ => (Columns::default(), true),
        }
    }

    /// `typeof(*, a: long)`
    fn declared_by_type(&mut self, call: &Call, row: &Columns, row_open: bool) -> (Columns, bool) {
        let Some(S::TypeOf(items)) = call.args.first().map(|a| &a.kind) else {
            return (Columns::default(), true);
        };
        let mut columns: Vec<Column> = Vec::new();
        let mut open = false;
        for item in items {
            match item {
                TypeOfItem::Star(_) => {
                    columns.extend_from_slice(row);
                    open |= row_open;
                }
                TypeOfItem::Column(c) => {
                    let ty = self.declared_type(&c.ty);
                    match columns.iter_mut().find(|known| known.name == c.name.text) {
                        Some(known) => known.ty = ty,
                        None => columns.push(Column::new(c.name.text.clone(), ty)),
                    }
                }
                TypeOfItem::Type(_) => open = true,
            }
        }
        (columns.into(), open)
    }
}

fn pivot(vals: &[Val], row: &Columns) -> Columns {
    let mut gone: HashSet<usize> = vals.first().and_then(|v| v.column).into_iter().collect();
    if let Some(aggregate) = vals.get(1) {
        columns_in(&aggregate.expr, &mut gone);
    }
    let kept: Vec<usize> = vals.iter().skip(2).filter_map(|v| v.column).collect();
    if kept.is_empty() {
        let rest = row.iter().enumerate().filter(|(i, _)| !gone.contains(i));
        rest.map(|(_, c)| c.clone()).collect()
    } else {
        kept.iter().filter_map(|i| row.get(*i).cloned()).collect()
    }
}

/// The columns of the row, then those of the table looked up, without the keys that both have.
fn looked_up(name: &str, call: &Call, vals: &[Val], row: &Columns) -> Columns {
    let Some(Ty::Table(table)) = vals.first().map(|v| &v.ty) else {
        return row.clone();
    };
    let keys: Vec<String> = match name {
        "ipv4_lookup" => {
            let extra = vals.iter().skip(3).filter(|v| v.is_column);
            extra.map(|v| name_of(v).to_lowercase()).collect()
        }
        "ipv6_lookup" => Vec::new(),
        _ => {
            let named = call
                .args
                .iter()
                .zip(vals)
                .enumerate()
                .find(|(i, (arg, _))| match &arg.kind {
                    S::Named { name, .. } => name.text.eq_ignore_ascii_case("return_lookup_key"),
                    _ => *i == 7,
                });
            let keep = named.is_some_and(|(_, (_, v))| {
                matches!(v.expr.kind, ExprKind::Literal(Value::Bool(true)))
            });
            let key = vals.get(1).map(|v| name_of(v).to_lowercase());
            key.filter(|_| !keep).into_iter().collect()
        }
    };
    let mut columns = row.to_vec();
    let others = table.columns().iter();
    columns.extend(
        others
            .filter(|c| !keys.contains(&c.name.to_lowercase()))
            .cloned(),
    );
    make_unique(&mut columns);
    columns.into()
}

fn new_activity(vals: &[Val]) -> Columns {
    let mut columns = Vec::new();
    if let Some(time) = vals.get(1) {
        for end in ["from", "to"] {
            let name = format!("{end}_{}", name_of(time));
            columns.push(Column::new(name, time.type_or_unknown()));
        }
    }
    // the sixth argument is the cohort where it is constant or no column
    let cohort = vals.get(5).is_some_and(|v| v.constant || !v.is_column);
    let dimensions = vals.iter().skip(5 + usize::from(cohort));
    columns.extend(columns_of(dimensions));
    for name in [
        "dcount_new_values",
        "dcount_retained_values",
        "dcount_churn_values",
    ] {
        columns.push(Column::new(name, Type::Long));
    }
    columns.push(Column::new("retention_rate", Type::Real));
    columns.push(Column::new("churn_rate", Type::Real));
    columns.into()
}

fn sequence(vals: &[Val]) -> Columns {
    // after the first step, steps are what is bool; the rest are dimensions
    let is_step = |v: &&Val| v.ty.scalar() == Some(Type::Bool);
    let steps = 1 + vals.iter().skip(4).take_while(is_step).count();
    let mut columns: Vec<Column> = columns_of(vals.iter().skip(3 + steps)).collect();
    if let Some(time) = vals.first() {
        for step in vals.iter().skip(3).take(steps) {
            let name = format!("{}_{}", name_of(step), name_of(time));
            columns.push(Column::new(name, time.type_or_unknown()));
        }
    }
    columns.push(Column::new("Duration", Type::TimeSpan));
    columns.into()
}

/// A literal as the service writes it in a column's name.
fn number(val: &Val) -> String {
    match &val.expr.kind {
        ExprKind::Literal(Value::Long(n)) => n.to_string(),
        ExprKind::Literal(Value::Int(n)) => n.to_string(),
        ExprKind::Literal(Value::Real(n)) => n.to_string(),
        ExprKind::Literal(Value::Decimal(n)) => n.clone(),
        _ => constant_text(&val.expr).unwrap_or("0").to_owned(),
    }
}

/// Ordinals of all columns an expression names.
fn columns_in(expr: &Expr, into: &mut HashSet<usize>) {
    match &expr.kind {
        ExprKind::Column(i) => {
            into.insert(*i);
        }
        ExprKind::Aggregate { args, .. } | ExprKind::Call { args, .. } => {
            for arg in args {
                columns_in(arg, into);
            }
        }
        ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => {
            columns_in(a, into);
            columns_in(b, into);
        }
        ExprKind::Member(a, _) | ExprKind::Negate(a) | ExprKind::Convert(a) => columns_in(a, into),
        ExprKind::And(list) | ExprKind::Or(list) => {
            for part in list {
                columns_in(part, into);
            }
        }
        _ => {}
    }
}
