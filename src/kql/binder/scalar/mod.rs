//! Expressions: the walk over them, what is wanted of their type, types and tables as values.
//! Operators and paths are in rooms of their own.

mod operators;
mod path;

use crate::kql::binder::values::{Conversion, assignable};
use crate::kql::binder::{Binder, Reference, Scope, Ty, Val, unknown};
use crate::kql::bound::ExprKind;
use crate::kql::syntax::{self, ExprKind as S, Span};
use crate::kql::types::{Type, Value};

/// Bound operators nest; longer chains are typed but not bound.
const MAX_CHAIN: usize = 300;

fn too_long() -> ExprKind {
    ExprKind::Unsupported {
        what: "an expression of so many parts".to_owned(),
    }
}

impl Binder<'_> {
    /// Binds any expression. `tabular` says that a table is wanted.
    pub(super) fn expr(&mut self, e: &syntax::Expr, tabular: bool) -> Val {
        let is_operation = matches!(
            e.kind,
            S::Chain { .. }
                | S::In { .. }
                | S::Between { .. }
                | S::Sign { .. }
                | S::Pipeline { .. }
        );
        if !is_operation || self.enclosing == Reference::Identifier {
            let val = self.expr_inner(e, tabular);
            self.probe_operand(e.span, &val.ty);
            return val;
        }
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Identifier);
        let val = self.expr_inner(e, tabular);
        self.enclosing = enclosing;
        self.probe_operand(e.span, &val.ty);
        val
    }

    fn expr_inner(&mut self, e: &syntax::Expr, tabular: bool) -> Val {
        match &e.kind {
            S::Missing | S::At | S::Pack => Val::error(e.span),
            S::Literal(kind) => self.literal(*kind, e.span),
            S::Strings(parts) => self.strings(parts, e.span),
            S::Name(name) => {
                let mut val = self.name(name, tabular);
                val.expr.span = e.span;
                val
            }
            S::Star => Val::new(unknown(e.span)).typed(Ty::Scalar(Type::Dynamic)),
            S::Paren(inner) => {
                let mut val = self.expr(inner, tabular);
                val.expr.span = e.span;
                val.column = None;
                val.is_column = false;
                if let Ty::Table(table) = &mut val.ty
                    && !table.rel.ops.is_empty()
                {
                    table.name = None;
                }
                val
            }
            S::Sign { minus, op, operand } => self.sign(*minus, *op, operand, e.span),
            S::Chain { first, rest } => self.chain(first, rest, e.span),
            S::In {
                op,
                op_span,
                left,
                list,
            } => self.in_list(op, *op_span, left, list, e.span),
            S::Between {
                negated,
                op_span,
                left,
                low,
                high,
            } => self.between(*negated, *op_span, left, low, high, e.span),
            S::Path { base, steps } => self.path(base, steps, e.span, tabular),
            S::Call(call) => self.call(call, e.span, tabular),
            S::Named { value, .. } | S::NamedList { value, .. } => self.expr(value, false),
            S::Ordered { value, .. } => self.expr(value, false),
            S::TypedColumn { name, .. } => self.name(name, false),
            S::Dynamic(json) => self.dynamic(json, e.span),
            S::TypeOf(items) => self.type_of(items, e.span),
            S::ToScalar(inner) => self.scalar_of_table(inner, e.span),
            S::ToTable(inner) => {
                let row = self.row.take();
                let val = self.expr(inner, true);
                self.row = row;
                let table = self.table_of(val, inner.span);
                table.map_or_else(|| Val::error(e.span), |t| Self::table_val(t, e.span))
            }
            S::DataTable {
                columns,
                values,
                list,
            } => self.datatable(columns, values, *list, e.span),
            S::ExternalData {
                columns,
                uris,
                properties,
            } => self.external_data(columns, uris, properties, e.span),
            S::Pipeline { source, ops } => self.pipeline(source.as_deref(), ops, e.span),
        }
    }

    /// A scalar value is wanted; anything else is reported.
    pub(super) fn scalar_expr(&mut self, e: &syntax::Expr) -> Val {
        let val = self.expr(e, false);
        self.check_scalar(&val, e.span);
        val
    }

    fn single_value(&mut self, span: Span) {
        let message = "A single value is expected here, not a table.";
        self.report("KS108", span, message);
    }

    pub(super) fn check_scalar(&mut self, val: &Val, span: Span) -> bool {
        match &val.ty {
            Ty::Scalar(_) | Ty::Tuple(_) => true,
            Ty::Error => false,
            _ => {
                self.single_value(span);
                false
            }
        }
    }

    pub(super) fn check_type(
        &mut self,
        val: &Val,
        ty: Type,
        conversion: Conversion,
        span: Span,
    ) -> bool {
        match val.ty.scalar() {
            Some(actual) if assignable(ty, actual, conversion) => true,
            Some(actual) => {
                let advice = self.not_of_type(&[ty], actual, span);
                self.report_with("KS141", span, advice);
                false
            }
            None => {
                if matches!(val.ty, Ty::Table(_) | Ty::Void) {
                    self.report(
                        "KS141",
                        span,
                        format!("A value of type {ty} is expected here, not a table."),
                    );
                }
                false
            }
        }
    }

    fn type_of(&mut self, items: &[syntax::TypeOfItem], span: Span) -> Val {
        let mut ty = Type::Unknown;
        for item in items {
            match item {
                syntax::TypeOfItem::Type(s) => match Type::from_name(s.text(self.text)) {
                    Some(t) => ty = t,
                    None if !s.is_empty() => {
                        let name = s.text(self.text).to_owned();
                        let message = format!("There is no type '{name}'.");
                        self.report("KS160", *s, message);
                    }
                    None => {}
                },
                syntax::TypeOfItem::Star(s) => {
                    if self.row.is_none() {
                        self.report(
                            "KS199",
                            *s,
                            "No rows are read here, so '*' stands for nothing.",
                        );
                    }
                }
                syntax::TypeOfItem::Column(_) => {}
            }
        }
        // the type named travels in the literal's text
        let kind = ExprKind::Literal(Value::String(ty.name().to_owned()));
        let mut val = Val::scalar(kind, Type::TypeLiteral, span);
        val.constant = true;
        val.literal = true;
        val
    }

    fn scalar_of_table(&mut self, inner: &syntax::Expr, span: Span) -> Val {
        let (row, right, scope) = (self.row.take(), self.right.take(), self.scope);
        self.scope = Scope::Normal;
        let val = self.expr(inner, true);
        (self.row, self.right, self.scope) = (row, right, scope);
        let mut out = match val.ty {
            Ty::Table(table) => match table.columns().first() {
                Some(column) => {
                    let ty = column.ty;
                    Val::scalar(ExprKind::ToScalar(Box::new(table.rel)), ty, span)
                }
                None => {
                    self.report("KS190", inner.span, "The table has no columns.");
                    Val::error(span)
                }
            },
            Ty::Scalar(ty) => Val::scalar(val.expr.kind, ty, span),
            Ty::Error => Val::error(span),
            _ => {
                self.report("KS112", inner.span, "A table or a value is expected here.");
                Val::error(span)
            }
        };
        out.constant = true;
        out
    }
}

pub(super) fn type_word(ty: &Ty) -> String {
    match ty {
        Ty::Table(table) => {
            let columns: Vec<String> = table
                .columns()
                .iter()
                .map(|c| format!("{}: {}", c.name, c.ty))
                .collect();
            format!("({})", columns.join(", "))
        }
        _ => ty.type_or_unknown().name().to_owned(),
    }
}

pub(super) fn join_words(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
