//! Expressions: operators, paths, literals, sub-queries.

use super::values::{Conversion, assignable};
use super::{Binder, Reference, Row, Scope, Ty, Val, constant_text, unknown};
use crate::kql::bound::{BinaryOp, Expr, ExprKind, InList, InOp, TextTest};
use crate::kql::builtins::{Kind, builtins};
use crate::kql::syntax::{self, BinaryToken, ExprKind as S, Span, Step};
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
            return self.expr_inner(e, tabular);
        }
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Identifier);
        let val = self.expr_inner(e, tabular);
        self.enclosing = enclosing;
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

    pub(super) fn check_scalar(&mut self, val: &Val, span: Span) -> bool {
        match &val.ty {
            Ty::Scalar(_) | Ty::Tuple(_) => true,
            Ty::Error => false,
            _ => {
                self.report("KS108", span, "Scalar value expected.");
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
            Some(_) => {
                self.report(
                    "KS141",
                    span,
                    format!("The expression must have the type {ty}."),
                );
                false
            }
            None => {
                if matches!(val.ty, Ty::Table(_) | Ty::Void) {
                    self.report(
                        "KS141",
                        span,
                        format!("The expression must have the type {ty}."),
                    );
                }
                false
            }
        }
    }

    fn sign(&mut self, minus: bool, op: Span, operand: &syntax::Expr, span: Span) -> Val {
        let mut val = self.expr(operand, false);
        let ty = val.type_or_unknown();
        if !(val.ty.is_vague() || ty.is_summable() || ty == Type::Dynamic) {
            let sign = if minus { '-' } else { '+' };
            self.report(
                "KS106",
                op,
                format!("The operator '{sign}' is not defined for the operand type {ty}."),
            );
            return Val::error(span);
        }
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.name = None;
        if minus {
            val.expr.kind = match val.expr.kind {
                ExprKind::Literal(Value::Long(n)) if n != i64::MIN => {
                    ExprKind::Literal(Value::Long(-n))
                }
                ExprKind::Literal(Value::Int(n)) if n != i32::MIN => {
                    ExprKind::Literal(Value::Int(-n))
                }
                ExprKind::Literal(Value::Real(n)) => ExprKind::Literal(Value::Real(-n)),
                ExprKind::Literal(Value::TimeSpan(n)) if n != i64::MIN => {
                    ExprKind::Literal(Value::TimeSpan(-n))
                }
                kind => ExprKind::Negate(Box::new(Expr {
                    kind,
                    ty: val.expr.ty,
                    span: val.expr.span,
                })),
            };
        }
        val.expr.span = span;
        val
    }

    fn chain(
        &mut self,
        first: &syntax::Expr,
        rest: &[(BinaryToken, Span, syntax::Expr)],
        span: Span,
    ) -> Val {
        let is_logic = matches!(rest[0].0, BinaryToken::And | BinaryToken::Or);
        let mut left = self.expr(first, false);
        let mut constant = left.constant;
        let mut left_ty = left.ty.clone();
        let mut terms = Vec::new();
        for (n, (op, op_span, operand)) in rest.iter().enumerate() {
            let right = self.expr(operand, false);
            constant &= right.constant;
            let ty = self.operator_type(*op, *op_span, &left_ty, &right.ty);
            if is_logic {
                if terms.is_empty() {
                    terms.push(left.expr.clone());
                }
                terms.push(right.expr);
            } else {
                let kind = if n < MAX_CHAIN {
                    binary(*op, left.expr, right.expr)
                } else {
                    too_long()
                };
                let to = Span {
                    start: span.start,
                    end: operand.span.end,
                };
                left = Val::scalar(kind, ty.type_or_unknown(), to);
            }
            left_ty = ty;
        }
        let mut val = if is_logic {
            let kind = if rest[0].0 == BinaryToken::And {
                ExprKind::And(terms)
            } else {
                ExprKind::Or(terms)
            };
            Val::scalar(kind, Type::Bool, span)
        } else {
            left
        };
        val = val.typed(left_ty);
        val.constant = constant;
        val.name = None;
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.expr.span = span;
        val
    }

    /// The type an operator gives, or a report that it is not defined.
    fn operator_type(&mut self, op: BinaryToken, span: Span, left: &Ty, right: &Ty) -> Ty {
        let name = operator_name(op);
        let Some(operator) = builtins().get(Kind::Operator, name) else {
            return Ty::Error;
        };
        let vals = [
            Val::new(unknown(span)).typed(left.clone()),
            Val::new(unknown(span)).typed(right.clone()),
        ];
        let matching = self.best_signatures(&operator.signatures, &vals, true, false);
        if let [signature] = matching[..] {
            return self.result_type(operator, signature, &vals, span);
        }
        if !vals.iter().any(|v| v.ty.is_vague()) {
            let shown = span.text(self.text).to_owned();
            let words: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
            let message = format!(
                "The operator '{shown}' is not defined for the operand types {}.",
                words.join(" and ")
            );
            self.report("KS106", span, message);
        }
        let matching = if matching.is_empty() {
            self.best_signatures(&operator.signatures, &vals, false, false)
        } else {
            matching
        };
        let mut types = matching
            .iter()
            .map(|s| self.result_type(operator, s, &vals, span));
        let Some(Ty::Scalar(first)) = types.next() else {
            return Ty::Error;
        };
        if types.all(|t| matches!(t, Ty::Scalar(t) if t == first)) {
            Ty::Scalar(first)
        } else if vals.iter().any(|v| v.ty.is_vague()) {
            Ty::Scalar(Type::Unknown)
        } else {
            Ty::Error
        }
    }

    fn in_list(
        &mut self,
        op: &str,
        op_span: Span,
        left: &syntax::Expr,
        list: &[syntax::Expr],
        span: Span,
    ) -> Val {
        let value = self.expr(left, false);
        let row = self.row.clone();
        let mut items: Vec<Val> = list.iter().map(|e| self.expr(e, false)).collect();
        self.keep_inferred(row);
        let (in_op, name) = match op {
            "!in" => (InOp::NotIn, "NotIn"),
            "in~" => (InOp::InTilde, "InCs"),
            "!in~" => (InOp::NotInTilde, "NotInCs"),
            "has_any" => (InOp::HasAny, "HasAny"),
            "has_all" => (InOp::HasAll, "HasAll"),
            _ => (InOp::In, "In"),
        };
        let constant = value.constant && items.iter().all(|i| i.constant);
        let mut vals = vec![value];
        vals.append(&mut items);
        let spans: Vec<Span> = std::iter::once(left.span)
            .chain(list.iter().map(|e| e.span))
            .collect();
        if let Some(operator) = builtins().get(Kind::Operator, name) {
            let matching = self.best_signatures(&operator.signatures, &vals, false, false);
            if let [signature] = matching[..] {
                self.check_signature(
                    operator.name,
                    signature,
                    &vals,
                    &spans,
                    op_span,
                    false,
                    true,
                );
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let words: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let shown = op_span.text(self.text).to_owned();
                let message = format!(
                    "The operator '{shown}' is not defined for the operand types {}.",
                    join_words(&words)
                );
                self.report("KS106", op_span, message);
            }
        }
        let mut vals = vals.into_iter();
        let value = vals.next().map_or_else(|| unknown(span), |v| v.expr);
        let mut rest: Vec<Val> = vals.collect();
        let list = if rest.len() == 1 && matches!(rest[0].ty, Ty::Table(_)) {
            match rest.remove(0).ty {
                Ty::Table(table) => InList::Rel(Box::new(table.rel)),
                _ => InList::Values(Vec::new()),
            }
        } else {
            InList::Values(rest.into_iter().map(|v| v.expr).collect())
        };
        let kind = ExprKind::In {
            op: in_op,
            value: Box::new(value),
            list,
        };
        let mut val = Val::scalar(kind, Type::Bool, span);
        val.constant = constant;
        val
    }

    /// Columns of an open table named meanwhile stay known.
    fn keep_inferred(&mut self, before: Option<Row>) {
        if self.row.is_none() {
            self.row = before;
        }
    }

    fn between(
        &mut self,
        negated: bool,
        op_span: Span,
        left: &syntax::Expr,
        low: &syntax::Expr,
        high: &syntax::Expr,
        span: Span,
    ) -> Val {
        let vals = [
            self.expr(left, false),
            self.expr(low, false),
            self.expr(high, false),
        ];
        let spans = [left.span, low.span, high.span];
        let name = if negated { "NotBetween" } else { "Between" };
        if let Some(operator) = builtins().get(Kind::Operator, name) {
            let matching = self.best_signatures(&operator.signatures, &vals, false, false);
            if let [signature] = matching[..] {
                self.check_signature(name, signature, &vals, &spans, op_span, false, true);
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let words: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let shown = op_span.text(self.text).to_owned();
                let message = format!(
                    "The operator '{shown}' is not defined for the operand types {}.",
                    join_words(&words)
                );
                self.report("KS106", op_span, message);
            }
        }
        let constant = vals.iter().all(|v| v.constant);
        let [value, low, high] = vals;
        let high = if low.expr.ty == Type::DateTime && high.expr.ty == Type::TimeSpan {
            let span = high.expr.span;
            Expr {
                kind: ExprKind::Binary(
                    BinaryOp::Add,
                    Box::new(low.expr.clone()),
                    Box::new(high.expr),
                ),
                ty: Type::DateTime,
                span,
            }
        } else {
            high.expr
        };
        let kind = ExprKind::Between {
            value: Box::new(value.expr),
            low: Box::new(low.expr),
            high: Box::new(high),
            negated,
        };
        let mut val = Val::scalar(kind, Type::Bool, span);
        val.constant = constant;
        val
    }

    fn type_of(&mut self, items: &[syntax::TypeOfItem], span: Span) -> Val {
        let mut ty = Type::Unknown;
        for item in items {
            match item {
                syntax::TypeOfItem::Type(s) => match Type::from_name(s.text(self.text)) {
                    Some(t) => ty = t,
                    None if !s.is_empty() => {
                        let name = s.text(self.text).to_owned();
                        let message = format!(
                            "The name '{name}' is not a valid type name that can be used here."
                        );
                        self.report("KS160", *s, message);
                    }
                    None => {}
                },
                syntax::TypeOfItem::Star(s) => {
                    if self.row.is_none() {
                        self.report("KS199", *s, "No columns are currently in scope.");
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
                    self.report("KS190", inner.span, "The table has no columns");
                    Val::error(span)
                }
            },
            Ty::Scalar(ty) => Val::scalar(val.expr.kind, ty, span),
            Ty::Error => Val::error(span),
            _ => {
                self.report("KS112", inner.span, "A tabular or scalar value expected.");
                Val::error(span)
            }
        };
        out.constant = true;
        out
    }

    fn path(&mut self, base: &syntax::Expr, steps: &[Step], span: Span, tabular: bool) -> Val {
        if matches!(base.kind, S::Missing) {
            // `[x]` where `['x']` was meant
            if let Some(Step::Index(inner, _)) = steps.first() {
                let val = self.expr(inner, false);
                if !val.ty.is_error() && val.type_or_unknown() != Type::String {
                    self.report(
                        "KS141",
                        inner.span,
                        "The expression must have the type string.",
                    );
                }
            }
            return Val::error(span);
        }
        if let S::Name(name) = &base.kind
            && let Some(val) = self.side_path(name, steps, span)
        {
            return val;
        }
        let mut val = self.expr(base, false);
        for (i, step) in steps.iter().enumerate() {
            let last = i + 1 == steps.len();
            val = self.step(val, step, base.span, tabular && last);
            if i >= MAX_CHAIN {
                val.expr.kind = too_long();
                val.name = None;
            }
        }
        val.expr.span = span;
        val
    }

    /// `$left.x`, `$right.x`, and steps of `scan`.
    fn side_path(&mut self, name: &syntax::Name, steps: &[Step], span: Span) -> Option<Val> {
        let [Step::Member(member), rest @ ..] = steps else {
            return None;
        };
        let row = match name.text.as_str() {
            "$left" if self.right.is_some() => self.row.take(),
            "$right" if self.right.is_some() => self.right.take(),
            _ => {
                if let Some(local) = self.local(&name.text)
                    && let super::Local::Step(step) = &*local
                {
                    self.refer(name.span, Reference::Variable);
                    let mut val = self.name(member, false);
                    if let ExprKind::Column(column) = val.expr.kind {
                        val.expr.kind = ExprKind::ScanState {
                            step: *step,
                            column,
                        };
                        val.column = None;
                        val.same_as = None;
                    }
                    for step in rest {
                        val = self.step(val, step, member.span, false);
                    }
                    return Some(val);
                }
                return None;
            }
        };
        self.refer(name.span, Reference::Identifier);
        let is_left = name.text == "$left";
        let other_row = std::mem::replace(&mut self.row, row);
        let other_right = self.right.take();
        let locals = std::mem::take(&mut self.locals);
        let mut val = self.member_of_row(member);
        self.locals = locals;
        for step in rest {
            val = self.step(val, step, member.span, false);
        }
        let row = std::mem::replace(&mut self.row, other_row);
        self.right = other_right;
        if is_left {
            self.row = row;
        } else {
            self.right = row;
        }
        val.column = None;
        val.expr.span = span;
        Some(val)
    }

    fn member_of_row(&mut self, member: &syntax::Name) -> Val {
        let found = self
            .row
            .as_ref()
            .and_then(|r| r.find(&member.text).map(|i| (i, r.columns[i].ty)));
        if let Some((i, ty)) = found {
            self.refer(member.span, Reference::Column);
            let mut val = Val::scalar(ExprKind::Column(i), ty, member.span);
            val.is_column = true;
            val.name = Some(member.text.clone());
            return val;
        }
        if let Some(row) = &mut self.row
            && row.open
            && !member.is_missing()
        {
            if !row.inferred.iter().any(|c| c.name == member.text) {
                row.inferred.push(crate::kql::bound::Column::new(
                    member.text.clone(),
                    Type::Unknown,
                ));
            }
            self.refer(member.span, Reference::Column);
            let kind = ExprKind::OpenColumn(member.text.clone());
            let mut val = Val::scalar(kind, Type::Unknown, member.span);
            val.is_column = true;
            val.name = Some(member.text.clone());
            return val;
        }
        if member.is_missing() {
            return Val::error(member.span);
        }
        let names: Vec<String> = self
            .row
            .iter()
            .flat_map(|r| r.columns.iter().map(|c| c.name.clone()))
            .collect();
        let meant =
            crate::kql::diagnostics::nearest(&member.text, names.iter().map(String::as_str))
                .map(str::to_owned);
        let message = format!(
            "The name '{}' does not refer to any known column, table, variable or function.",
            member.text
        );
        self.suggest("KS142", member.span, message, meant);
        self.refer(member.span, Reference::Identifier);
        Val::error(member.span)
    }

    fn step(&mut self, base: Val, step: &Step, base_span: Span, tabular: bool) -> Val {
        match step {
            Step::Member(name) | Step::Wildcard(name) => self.member(base, name, tabular),
            Step::Call(call, span) => {
                if matches!(base.ty, Ty::Database) {
                    for arg in &call.args {
                        self.expr(arg, false);
                    }
                    self.refer(call.name.span, Reference::Function);
                    if call.name.text == "database" {
                        return Val::new(unknown(*span)).typed(Ty::Database);
                    }
                    return Self::table_val(self.far_table(&call.name.text, *span), *span);
                }
                if base.ty.is_error() {
                    return Val::error(*span);
                }
                let val = self.call(call, *span, tabular);
                if val.ty.is_error() {
                    val
                } else {
                    Val::new(unknown(*span))
                }
            }
            Step::Index(inner, span) => self.index(base, inner, *span, base_span),
        }
    }

    fn far_table(&mut self, name: &str, span: Span) -> super::Table {
        let source = crate::kql::bound::Source::Unsupported {
            what: format!("table '{name}' of another service"),
        };
        Self::source(source, Vec::new(), true, span, Some(name.to_owned()))
    }

    fn member(&mut self, base: Val, name: &syntax::Name, tabular: bool) -> Val {
        if name.is_missing() {
            return Val::error(name.span);
        }
        let left_name = base.name.clone();
        match base.ty {
            Ty::Database => {
                self.refer(name.span, Reference::Table);
                let table = self.far_table(&name.text, name.span);
                Self::table_val(table, name.span)
            }
            Ty::Error => {
                self.refer(name.span, Reference::Identifier);
                Val::error(name.span)
            }
            Ty::Scalar(ty @ (Type::Dynamic | Type::Unknown)) => {
                self.refer(name.span, Reference::Identifier);
                let span = base.expr.span.to(name.span);
                let constant = base.constant;
                let kind = ExprKind::Member(Box::new(base.expr), name.text.clone());
                let mut val = Val::scalar(kind, ty, span);
                val.constant = constant;
                val.name = Some(joined(left_name, Some(&name.text)));
                val
            }
            _ => {
                self.refer(name.span, Reference::Identifier);
                let message = format!(
                    "The name '{}' does not refer to any known column, table, variable or function.",
                    name.text
                );
                let code = if tabular { "KS204" } else { "KS142" };
                let message = if tabular {
                    format!(
                        "The name '{}' does not refer to any known table, tabular variable or function.",
                        name.text
                    )
                } else {
                    message
                };
                self.report(code, name.span, message);
                let mut val = Val::error(name.span);
                val.name = Some(name.text.clone());
                val
            }
        }
    }

    fn index(&mut self, base: Val, inner: &syntax::Expr, span: Span, base_span: Span) -> Val {
        let index = self.expr(inner, false);
        let whole = base_span.to(span);
        if index.ty.is_error() || base.ty.is_error() {
            return Val::error(whole);
        }
        let base_ty = base.type_or_unknown();
        if !matches!(base_ty, Type::Dynamic | Type::Unknown)
            || !matches!(base.ty, Ty::Scalar(_) | Ty::Tuple(_))
        {
            self.report(
                "KS147",
                span,
                "The element access operator [] is not allowed in this context.",
            );
            return Val::error(whole);
        }
        let index_ty = index.type_or_unknown();
        if base_ty == Type::Dynamic
            && !matches!(
                index_ty,
                Type::String | Type::Int | Type::Long | Type::Dynamic | Type::Unknown
            )
        {
            self.report(
                "KS141",
                inner.span,
                "The expression must have one of the types: int, long or string.",
            );
        }
        let part = match &index.expr.kind {
            ExprKind::Literal(Value::String(text)) if index.literal => Some(text.clone()),
            ExprKind::Literal(Value::Long(n)) if index.literal => Some(n.to_string()),
            ExprKind::Literal(Value::Int(n)) if index.literal => Some(n.to_string()),
            _ => None,
        };
        let name = joined(base.name.clone(), part.as_deref());
        let constant = base.constant && index.constant;
        let kind = match constant_text(&index.expr) {
            Some(member) if index.literal => {
                ExprKind::Member(Box::new(base.expr), member.to_owned())
            }
            _ => ExprKind::Index(Box::new(base.expr), Box::new(index.expr)),
        };
        let mut val = Val::scalar(kind, base_ty, whole);
        val.constant = constant;
        val.name = (!name.is_empty()).then_some(name);
        val
    }
}

/// `left_right`, or what there is of it.
fn joined(left: Option<String>, right: Option<&str>) -> String {
    let right = right.unwrap_or_default();
    match left {
        Some(left) if !left.trim().is_empty() => format!("{left}_{right}"),
        _ => right.to_owned(),
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

/// The language service's name of an operator.
fn operator_name(op: BinaryToken) -> &'static str {
    match op {
        BinaryToken::Or => "Or",
        BinaryToken::And => "And",
        BinaryToken::Equal => "Equal",
        BinaryToken::NotEqual => "NotEqual",
        BinaryToken::Less => "LessThan",
        BinaryToken::LessOrEqual => "LessThanOrEqual",
        BinaryToken::Greater => "GreaterThan",
        BinaryToken::GreaterOrEqual => "GreaterThanOrEqual",
        BinaryToken::Add => "Add",
        BinaryToken::Subtract => "Subtract",
        BinaryToken::Multiply => "Multiply",
        BinaryToken::Divide => "Divide",
        BinaryToken::Modulo => "Modulo",
        BinaryToken::Search => "Search",
        BinaryToken::Text(word) => match word {
            "=~" => "EqualTilde",
            "!~" => "BangTilde",
            "has" => "Has",
            "!has" => "NotHas",
            "has_cs" => "HasCs",
            "!has_cs" => "NotHasCs",
            "hasprefix" => "HasPrefix",
            "!hasprefix" => "NotHasPrefix",
            "hasprefix_cs" => "HasPrefixCs",
            "!hasprefix_cs" => "NotHasPrefixCs",
            "hassuffix" => "HasSuffix",
            "!hassuffix" => "NotHasSuffix",
            "hassuffix_cs" => "HasSuffixCs",
            "!hassuffix_cs" => "NotHasSuffixCs",
            "like" => "Like",
            "notlike" => "NotLike",
            "likecs" => "LikeCs",
            "notlikecs" => "NotLikeCs",
            "contains" => "Contains",
            "notcontains" | "!contains" => "NotContains",
            "containscs" | "contains_cs" => "ContainsCs",
            "notcontainscs" | "!contains_cs" => "NotContainsCs",
            "startswith" => "StartsWith",
            "!startswith" => "NotStartsWith",
            "startswith_cs" => "StartsWithCs",
            "!startswith_cs" => "NotStartsWithCs",
            "endswith" => "EndsWith",
            "!endswith" => "NotEndsWith",
            "endswith_cs" => "EndsWithCs",
            "!endswith_cs" => "NotEndsWithCs",
            _ => "MatchRegex",
        },
    }
}

fn binary(op: BinaryToken, left: Expr, right: Expr) -> ExprKind {
    let op = match op {
        BinaryToken::Or => return ExprKind::Or(vec![left, right]),
        BinaryToken::And => return ExprKind::And(vec![left, right]),
        BinaryToken::Equal => BinaryOp::Equal,
        BinaryToken::NotEqual => BinaryOp::NotEqual,
        BinaryToken::Less => BinaryOp::Less,
        BinaryToken::LessOrEqual => BinaryOp::LessOrEqual,
        BinaryToken::Greater => BinaryOp::Greater,
        BinaryToken::GreaterOrEqual => BinaryOp::GreaterOrEqual,
        BinaryToken::Add => BinaryOp::Add,
        BinaryToken::Subtract => BinaryOp::Subtract,
        BinaryToken::Multiply => BinaryOp::Multiply,
        BinaryToken::Divide => BinaryOp::Divide,
        BinaryToken::Modulo => BinaryOp::Modulo,
        BinaryToken::Search => BinaryOp::Text {
            test: TextTest::Has,
            negated: false,
            case_sensitive: false,
        },
        BinaryToken::Text(word) => text_op(word),
    };
    ExprKind::Binary(op, Box::new(left), Box::new(right))
}

fn text_op(word: &str) -> BinaryOp {
    let negated = word.starts_with('!') || word.starts_with("not");
    let bare = word.trim_start_matches('!');
    let bare = bare.strip_prefix("not").unwrap_or(bare);
    let (bare, case_sensitive) = match bare.strip_suffix("_cs").or_else(|| bare.strip_suffix("cs"))
    {
        Some(bare) => (bare, true),
        None => (bare, false),
    };
    let test = match bare {
        "has" => TextTest::Has,
        "hasprefix" => TextTest::HasPrefix,
        "hassuffix" => TextTest::HasSuffix,
        "contains" => TextTest::Contains,
        "startswith" => TextTest::StartsWith,
        "endswith" => TextTest::EndsWith,
        "like" => TextTest::Like,
        "matches regex" => TextTest::Regex,
        _ => TextTest::Same,
    };
    BinaryOp::Text {
        test,
        negated,
        case_sensitive: case_sensitive || test == TextTest::Regex,
    }
}
