//! Paths: members and elements of dynamic values, the sides of a join, steps of `scan`, other services.

use crate::kql::binder::scalar::{MAX_CHAIN, too_long};
use crate::kql::binder::values::{is_array, is_bag};
use crate::kql::binder::{Binder, Local, Reference, Ty, Val, constant_text, unknown};
use crate::kql::bound::ExprKind;
use crate::kql::symbols::Origin;
use crate::kql::syntax::{self, ExprKind as S, Span, Step};
use crate::kql::types::{Type, Value};

impl Binder<'_> {
    pub(super) fn path(
        &mut self,
        base: &syntax::Expr,
        steps: &[Step],
        span: Span,
        tabular: bool,
    ) -> Val {
        if matches!(base.kind, S::Missing) {
            // `[x]` where `['x']` was meant
            if let Some(Step::Index(inner, _)) = steps.first() {
                let val = self.expr(inner, false);
                if !val.ty.is_error() && val.type_or_unknown() != Type::String {
                    self.report("KS141", inner.span, "A text is expected here.");
                }
            }
            return Val::error(span);
        }
        if let S::Name(name) = &base.kind
            && let Some(val) = self.side_path(name, steps, span)
        {
            return val;
        }
        let asked = match (&base.kind, steps.first()) {
            (S::Name(name), Some(Step::Member(member))) => self.asked_of_entity(name, member),
            _ => None,
        };
        let done = usize::from(asked.is_some());
        let mut val = asked.unwrap_or_else(|| self.expr(base, false));
        for (i, step) in steps.iter().enumerate().skip(done) {
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
        let row = match self.local(&name.text) {
            Some((local, origin)) => match &*local {
                Local::Element(row) if !self.is_column(name) => Some((row.clone(), origin)),
                _ => None,
            },
            None => None,
        };
        if let Some((row, origin)) = row {
            return Some(self.element_path(name, (&row, origin), steps, span));
        }
        let [Step::Member(member), rest @ ..] = steps else {
            return None;
        };
        let row = match name.text.as_str() {
            "$left" if self.right.is_some() => self.row.take(),
            "$right" if self.right.is_some() => self.right.take(),
            _ => {
                if let Some((local, origin)) = self.local(&name.text)
                    && let Local::Step(step) = &*local
                {
                    self.mention(name.span, Reference::Variable, Type::Unknown, origin);
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
        let locals = self.locals.enter(None);
        let mut val = self.member_of_row(member);
        self.locals.leave(locals);
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

    pub(in crate::kql::binder) fn member_of_row(&mut self, member: &syntax::Name) -> Val {
        let found = self
            .row
            .as_ref()
            .and_then(|r| r.find(&member.text).map(|i| (i, &r.columns[i])))
            .map(|(i, c)| (i, c.ty, c.origin));
        if let Some((i, ty, origin)) = found {
            self.mention(member.span, Reference::Column, ty, origin);
            let mut val = Val::scalar(ExprKind::Column(i), ty, member.span);
            val.is_column = true;
            val.name = Some(member.text.clone());
            return val;
        }
        if let Some(row) = &mut self.row
            && row.open
            && !member.is_missing()
        {
            row.infer(&member.text);
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
        if self.silent == 0 {
            let advice = self.no_column(member);
            self.report_with("KS142", member.span, advice);
        }
        self.refer(member.span, Reference::Identifier);
        Val::error(member.span)
    }

    pub(in crate::kql::binder) fn step(
        &mut self,
        base: Val,
        step: &Step,
        base_span: Span,
        tabular: bool,
    ) -> Val {
        match step {
            Step::Member(name) | Step::Wildcard(name) => self.member(base, name),
            Step::Call(call, span) => {
                if let Ty::Database(place) = base.ty {
                    return self.call_in(place, call, *span);
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

    fn member(&mut self, base: Val, name: &syntax::Name) -> Val {
        if name.is_missing() {
            return Val::error(name.span);
        }
        let left_name = base.name.clone();
        match base.ty {
            Ty::Database(place) => self.member_of_place(place, name),
            Ty::Members(members) => self.member_of_pattern(&members, name),
            Ty::Error => {
                self.refer(name.span, Reference::Identifier);
                Val::error(name.span)
            }
            Ty::Scalar(ty @ (Type::Dynamic | Type::Unknown)) => {
                self.mention(name.span, Reference::Identifier, ty, Origin::UNKNOWN);
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
                let of = base.ty.type_or_unknown();
                let advice = self.no_member(of, base.expr.span, name);
                self.report_with("KS142", name.span, advice);
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
                "Only dynamic values have elements to take with [...].",
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
                "An integer or a text is expected here.",
            );
        } else if !matches!(index_ty, Type::Dynamic | Type::Unknown) {
            let is_text = index_ty == Type::String;
            if is_bag(&base.expr) && !is_text {
                let message = "A text is expected here.";
                self.report("KS141", inner.span, message);
            } else if is_array(&base.expr) && is_text {
                let message = "An integer is expected here: this is an array.";
                self.report("KS141", inner.span, message);
            }
        }
        let signed = inner.span.text(self.text).starts_with(['-', '+']);
        let part = match &index.expr.kind {
            _ if signed => None,
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
