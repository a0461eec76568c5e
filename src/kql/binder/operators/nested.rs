//! Operators that hand rows on: invoke, evaluate, partition, fork; and what parameters say.

use crate::kql::binder::Binder;
use crate::kql::binder::Reference;
use crate::kql::binder::Scope;
use crate::kql::binder::Table;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::unknown;
use crate::kql::binder::values::Conversion;
use crate::kql::binder::values::common;
use crate::kql::bound::Argument;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::OpKind;
use crate::kql::bound::Rel;
use crate::kql::bound::Render;
use crate::kql::bound::Source;
use crate::kql::literals;
use crate::kql::symbols::Shape;
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::Operator;
use crate::kql::syntax::Parameter;
use crate::kql::syntax::ParameterValue;
use crate::kql::syntax::Span;
use crate::kql::types::Type;
use crate::kql::types::Value;

/// The arguments of plug-ins are bound twice: so deep in one another, and no deeper, or the work
/// would double with each.
const MOST_AGAIN: u32 = 2;

impl Binder<'_> {
    pub(super) fn range(
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
                    "A number, time or duration is expected here.",
                ),
            }
        }
        if matches!(
            vals[2].expr.kind,
            ExprKind::Literal(Value::Long(0) | Value::Int(0))
        ) {
            self.report("KS140", step.span, "A step of 0 leads nowhere.");
        }
        let scalar = |i: usize| vals[i].type_or_unknown();
        let ends = common(scalar(0), scalar(1), Conversion::Promotable).unwrap_or(Type::Unknown);
        let ty = if ends == Type::Int && scalar(2) == Type::Int {
            Type::Int
        } else {
            let ends = Ty::Scalar(ends);
            self.operator_type(
                syntax::BinaryToken::Add,
                step.span,
                &ends,
                &vals[2].ty,
                (None, None),
            )
            .type_or_unknown()
        };
        self.refer(name.span, Reference::Column);
        let column = self.define_column(name, ty, span);
        let mut parts = vals.into_iter().map(|v| v.expr);
        let (Some(from), Some(to), Some(step)) = (parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        let columns = vec![column];
        Some(Self::source(
            Source::Range { from, to, step },
            columns,
            false,
            span,
            None,
        ))
    }

    /// `as Name`: the rows so far become a let; the query goes on from it.
    pub(super) fn named_so_far(
        &mut self,
        table: Table,
        name: &syntax::Name,
        span: Span,
    ) -> Option<Table> {
        let (id, columns, open) = self.let_table(&name.text, table, true);
        let shape = Shape::Table(columns.clone(), open);
        let origin = self.define(name, SymbolKind::As, shape, Span::default());
        self.push_local(
            &name.text,
            crate::kql::binder::Local::Table {
                id,
                columns: columns.clone(),
                open,
                parameter: false,
                graph: None,
            },
            origin,
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

    pub(super) fn invoke(
        &mut self,
        table: Table,
        call: &syntax::Expr,
        span: Span,
    ) -> Option<Table> {
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

    pub(super) fn evaluate(
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
                    .filter(|c| !columns.has(&c.name))
                    .cloned();
                kept.chain(columns.iter().cloned()).collect()
            } else {
                columns
            }
        });
        let columns = declared.clone().unwrap_or_else(|| result.columns().clone());
        let open = declared.is_none() && result.open();
        let table = input.unwrap_or_else(|| {
            let source = Source::Print(Vec::new());
            Self::source(source, Vec::new(), false, span, None)
        });
        let kind = if self.again < MOST_AGAIN {
            OpKind::Evaluate {
                plugin: call.name.text.clone(),
                args: self.plugin_arguments(call),
                declared,
            }
        } else {
            OpKind::Unsupported {
                what: "a plug-in so deep in the arguments of others".to_owned(),
            }
        };
        let group = result.group;
        let mut table = self.shape(table, kind, columns, open, span)?;
        table.group = group;
        Some(table)
    }

    /// The arguments of a plug-in once more, as the engine wants them.
    fn plugin_arguments(&mut self, call: &syntax::Call) -> Vec<Argument> {
        self.silent += 1;
        self.again += 1;
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
        self.again -= 1;
        self.silent -= 1;
        args
    }

    pub(super) fn render(
        &mut self,
        chart: &str,
        parameters: &[Parameter],
        properties: &[Parameter],
    ) {
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
                        let message = "A text is expected here.";
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

    pub(super) fn options(&mut self, properties: &[Parameter]) -> Vec<(String, Value)> {
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
    pub(in crate::kql::binder) fn check_parameters(&mut self, op: &Operator, _known: &[&str]) {
        for parameter in &op.parameters {
            if let ParameterValue::Columns(names) = &parameter.value {
                for name in names {
                    let val = self.name(name, false);
                    if !val.is_column && !val.ty.is_error() {
                        self.report("KS109", name.span, "The name of a column is expected here.");
                    }
                }
            }
        }
    }

    /// The word a parameter has as its value.
    pub(in crate::kql::binder) fn parameter_word(
        &self,
        op: &Operator,
        name: &str,
    ) -> Option<(String, Span)> {
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

    pub(super) fn partition(
        &mut self,
        table: Table,
        by: &syntax::Expr,
        body: &syntax::Expr,
        braces: bool,
        span: Span,
    ) -> Option<Table> {
        let key = self.expr(by, false);
        if !key.is_column && !key.ty.is_error() {
            self.report("KS109", by.span, "The name of a column is expected here.");
        } else {
            self.not_dynamic(&key, by.span);
        }
        let row = self.row.clone();
        let open = table.open();
        if braces {
            let outer_locals = self.locals.enter(Some(self.locals.place()));
            if let Some(name) = &key.name {
                let mut expr = unknown(by.span);
                expr.ty = key.type_or_unknown();
                let origin = self.origin_of(&key);
                self.push_local(
                    name,
                    crate::kql::binder::Local::Scalar {
                        expr,
                        constant: true,
                        literal: false,
                        parameter: false,
                    },
                    origin,
                );
            }
            self.row = None;
            let val = self.expr(body, true);
            self.row = row;
            self.locals.leave(outer_locals);
            let Ty::Table(inner) = val.ty else {
                return Some(table);
            };
            let kind = OpKind::Unsupported {
                what: "operator 'partition' with a whole query".to_owned(),
            };
            return self.shape(table, kind, inner.columns().clone(), open, span);
        }
        let val = self.expr(body, true);
        self.row = row;
        match val.ty {
            Ty::Table(inner) => {
                let columns = inner.columns().clone();
                let kind = OpKind::Partition {
                    by: key.expr,
                    body: inner.rel,
                };
                self.shape(table, kind, columns, open, span)
            }
            _ => Some(table),
        }
    }

    pub(super) fn fork(
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
            .map(|(_, r)| r.columns().clone())
            .unwrap_or_default();
        let open = table.open();
        let mut table = self.shape(table, OpKind::Fork(bound), columns, open, span)?;
        table.group = true;
        Some(table)
    }

    /// What `facet` counts by: columns that are not dynamic.
    pub(super) fn facet_keys(&mut self, by: &[syntax::Expr]) -> Vec<Expr> {
        let mut keys = Vec::new();
        for e in by {
            let val = self.scalar_expr(e);
            self.not_dynamic(&val, e.span);
            keys.push(val.expr);
        }
        keys
    }
}
