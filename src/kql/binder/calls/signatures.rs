//! Which signature of a built-in fits, and what its arguments must be.

use crate::kql::binder::Binder;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::values::Conversion;
use crate::kql::binder::values::assignable;
use crate::kql::binder::values::common;
use crate::kql::binder::values::is_array;
use crate::kql::binder::values::is_bag;
use crate::kql::binder::values::is_literal_dynamic;
use crate::kql::binder::values::widest;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::Source;
use crate::kql::builtins::ArgumentForm;
use crate::kql::builtins::Builtin;
use crate::kql::builtins::Kind;
use crate::kql::builtins::Param;
use crate::kql::builtins::ParamKind;
use crate::kql::builtins::Returns;
use crate::kql::builtins::Signature;
use crate::kql::syntax::Span;
use crate::kql::types::Type;
use crate::kql::types::Value;

impl Binder<'_> {
    // ---- signatures

    pub(super) fn fit(
        &self,
        signature: &Signature,
        layout: &[Option<usize>],
        vals: &[Val],
        i: usize,
        lenient: bool,
    ) -> Fit {
        let Some(param) = layout
            .get(i)
            .copied()
            .flatten()
            .map(|p| &signature.params[p])
        else {
            return Fit::None;
        };
        fit_kind(signature, layout, vals, param, &vals[i], lenient)
    }

    /// The signatures that fit best: one, or several where it cannot be told.
    pub(in crate::kql::binder) fn best_signatures<'s>(
        &self,
        signatures: &'s [Signature],
        vals: &[Val],
        all_must_fit: bool,
        lenient: bool,
    ) -> Vec<&'s Signature> {
        if signatures.len() == 1 {
            return vec![&signatures[0]];
        }
        let count = vals.len();
        let literal_last = vals
            .last()
            .is_some_and(|v| v.literal && v.type_or_unknown() == Type::Bool);
        let mut candidates: Vec<&Signature> = signatures
            .iter()
            .filter(|s| (s.min()..=s.max()).contains(&count))
            .collect();
        if candidates.is_empty() {
            let most = signatures.iter().map(Signature::max).max().unwrap_or(0);
            candidates = signatures
                .iter()
                .filter(|s| (s.min()..=s.max()).contains(&most))
                .collect();
        }
        let fits = |s: &Signature| -> Vec<Fit> {
            let layout = s.layout(count, literal_last);
            (0..count)
                .map(|i| self.fit(s, &layout, vals, i, lenient))
                .collect()
        };
        if candidates.len() < 2 {
            return candidates;
        }
        let mut ranked: Vec<(&Signature, Vec<Fit>)> =
            candidates.into_iter().map(|s| (s, fits(s))).collect();
        let matches = |f: &[Fit]| f.iter().filter(|f| **f != Fit::None).count();
        let mut most = ranked.iter().map(|(_, f)| matches(f)).max().unwrap_or(0);
        if all_must_fit {
            most = most.max(count);
        }
        ranked.retain(|(_, f)| matches(f) == most);
        if ranked.len() > 1 {
            let rank = |f: &[Fit]| {
                (
                    f.iter().min().copied().unwrap_or(Fit::Exact),
                    f.iter().max().copied().unwrap_or(Fit::None),
                )
            };
            let best = ranked.iter().map(|(_, f)| rank(f)).max();
            let winners: Vec<&Signature> = ranked
                .iter()
                .filter(|(_, f)| Some(rank(f)) == best)
                .map(|(s, _)| *s)
                .collect();
            if winners.len() == 1 {
                return winners;
            }
        }
        ranked.into_iter().map(|(s, _)| s).collect()
    }

    /// Reports arguments that do not fit.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call from three places, all of it needed"
    )]
    pub(in crate::kql::binder) fn check_signature(
        &mut self,
        name: &str,
        signature: &Signature,
        vals: &[Val],
        spans: &[Span],
        place: Span,
        lenient: bool,
        operator: bool,
    ) {
        let count = vals.len();
        if !signature.takes(count) {
            let (min, max) = (signature.min(), signature.max());
            if signature.repeats() {
                if count < min || count > max {
                    let message = super::range_words(name, min, max);
                    self.report("KS120", place, message);
                } else {
                    self.report("KS121", place, "The arguments do not pair up.");
                }
                return;
            } else if count != signature.params.len() {
                let all = signature.params.len();
                self.argument_count(name, all, all, place);
                return;
            }
        }
        let literal_last = vals
            .last()
            .is_some_and(|v| v.literal && v.type_or_unknown() == Type::Bool);
        let layout = signature.layout(count, literal_last);
        let has_common = layout
            .iter()
            .flatten()
            .any(|p| is_common(&signature.params[*p].kind));
        let shared = if has_common {
            common_argument(signature, &layout, vals, false)
        } else {
            None
        };
        if has_common && shared.is_none() {
            self.report("KS232", place, "The arguments must be of one type.");
            return;
        }
        for i in 0..count {
            if let Some(param) = layout[i].map(|p| &signature.params[p]) {
                self.check_argument(
                    signature, &layout, vals, i, param, shared, spans[i], lenient, operator,
                );
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "split from its only caller for length"
    )]
    pub(super) fn check_argument(
        &mut self,
        signature: &Signature,
        layout: &[Option<usize>],
        vals: &[Val],
        i: usize,
        param: &Param,
        shared: Option<Type>,
        span: Span,
        lenient: bool,
        operator: bool,
    ) {
        let val = &vals[i];
        if matches!(val.ty, Ty::Void) && !operator {
            if !matches!(
                param.form,
                ArgumentForm::StarOnly | ArgumentForm::StarAllowed
            ) {
                self.report("KS189", span, "'*' cannot stand here.");
            }
            return;
        }
        if param.tilde && crate::kql::binder::constant_text(&val.expr) == Some("~") {
            return;
        }
        let vague = val.ty.is_vague();
        let fits = match &param.kind {
            ParamKind::Parameter(p) => vals.get(*p).is_none_or(|v| {
                assignable(v.type_or_unknown(), val.type_or_unknown(), Conversion::None)
            }),
            kind if is_common(kind) && val.ty.scalar().is_some() => {
                let ty = val.type_or_unknown();
                *kind == ParamKind::CommonScalarOrDynamic
                    || shared.is_none_or(|shared| assignable(shared, ty, Conversion::Promotable))
            }
            _ => self.fit(signature, layout, vals, i, lenient) != Fit::None,
        };
        let untyped = val.ty.is_error() && matches!(param.kind, ParamKind::Types(_));
        if !fits && (!vague || untyped) {
            let is_scalar = val.ty.scalar().is_some();
            let (code, message): (&'static str, String) = match &param.kind {
                ParamKind::Types(types) if !lenient => {
                    let words: Vec<&str> = types.iter().map(|t| t.name()).collect();
                    (
                        "KS107",
                        format!("A value of type {} is expected here.", or_words(&words)),
                    )
                }
                ParamKind::Integer => ("KS134", "An integer is expected here.".to_owned()),
                ParamKind::IntegerOrArray => (
                    "KS136",
                    "An integer or an array of integers is expected here.".to_owned(),
                ),
                ParamKind::StringOrDynamic => ("KS141", "A text is expected here.".to_owned()),
                ParamKind::StringOrArray => (
                    "KS233",
                    "A text or an array of texts is expected here.".to_owned(),
                ),
                ParamKind::DynamicArray => ("KS234", "An array is expected here.".to_owned()),
                ParamKind::DynamicBag => ("KS235", "A property bag is expected here.".to_owned()),
                ParamKind::Number => ("KS137", "A number is expected here.".to_owned()),
                ParamKind::NumberOrBool => (
                    "KS137",
                    "A number, true or false is expected here.".to_owned(),
                ),
                ParamKind::Summable => (
                    "KS138",
                    "A number, time or duration is expected here.".to_owned(),
                ),
                ParamKind::Orderable => (
                    "KS206",
                    "A value that has an order is expected here.".to_owned(),
                ),
                ParamKind::Tabular => ("KS111", "A table is expected here.".to_owned()),
                ParamKind::Scalar => (
                    "KS108",
                    "A single value is expected here, not a table.".to_owned(),
                ),
                ParamKind::NotDynamic | ParamKind::NotBool | ParamKind::NotRealOrBool
                    if !is_scalar =>
                {
                    (
                        "KS108",
                        "A single value is expected here, not a table.".to_owned(),
                    )
                }
                ParamKind::NotDynamic | ParamKind::NotBool | ParamKind::NotRealOrBool => {
                    let ty = val.type_or_unknown();
                    ("KS116", format!("A value of type {ty} cannot stand here."))
                }
                ParamKind::Parameter(p) => {
                    let ty = vals.get(*p).map_or(Type::Unknown, Val::type_or_unknown);
                    ("KS141", format!("A value of type {ty} is expected here."))
                }
                ParamKind::CommonScalar
                | ParamKind::CommonOrderable
                | ParamKind::CommonScalarOrDynamic => {
                    let ty = shared.unwrap_or(Type::Unknown);
                    if param.kind == ParamKind::CommonScalarOrDynamic && ty != Type::Dynamic {
                        (
                            "KS141",
                            format!("A value of type {ty} or dynamic is expected here."),
                        )
                    } else {
                        ("KS141", format!("A value of type {ty} is expected here."))
                    }
                }
                _ => return,
            };
            let actual = val.type_or_unknown();
            let advice = match &param.kind {
                ParamKind::Types(types) if !lenient && is_scalar => {
                    self.not_of_type(types, actual, span)
                }
                ParamKind::StringOrDynamic if is_scalar => {
                    self.not_of_type(&[Type::String, Type::Dynamic], actual, span)
                }
                ParamKind::NotDynamic if is_scalar => self.not_dynamic_here(span),
                _ if actual == Type::Unknown => (message, None),
                _ => (format!("{message} This is {actual}."), None),
            };
            self.report_with(code, span, advice);
        }
        if val.ty.is_error() {
            return;
        }
        match param.form {
            ArgumentForm::Column
            | ArgumentForm::ColumnOfFirst
            | ArgumentForm::CommonColumnOfFirst
                if !val.is_column =>
            {
                self.report("KS109", span, "The name of a column is expected here.");
            }
            ArgumentForm::Constant if !val.constant => {
                self.report(
                    "KS129",
                    span,
                    "A constant is expected here: a value that depends on no row.",
                );
            }
            ArgumentForm::Literal | ArgumentForm::LiteralNotEmpty => {
                if !val.literal {
                    self.report("KS131", span, "A literal is expected here.");
                } else if !param.values.is_empty() {
                    let shown = literal_text(&val.expr);
                    if !param.values.iter().any(|v| v.eq_ignore_ascii_case(&shown)) {
                        let message = format!(
                            "One of these is expected here: {}.",
                            or_words(&param.values)
                        );
                        self.report("KS140", span, message);
                    }
                } else if param.form == ArgumentForm::LiteralNotEmpty
                    && literal_text(&val.expr).is_empty()
                {
                    self.report("KS133", span, "An empty text cannot stand here.");
                }
            }
            _ => {}
        }
    }

    pub(in crate::kql::binder) fn result_type(
        &mut self,
        builtin: &Builtin,
        signature: &Signature,
        vals: &[Val],
        span: Span,
    ) -> Ty {
        let literal_last = vals
            .last()
            .is_some_and(|v| v.literal && v.type_or_unknown() == Type::Bool);
        let layout = signature.layout(vals.len(), literal_last);
        let argument = |p: usize| {
            layout
                .iter()
                .position(|l| *l == Some(p))
                .and_then(|i| vals.get(i))
        };
        match &signature.returns {
            Returns::Type(ty) => Ty::Scalar(*ty),
            Returns::Parameter(p) => argument(*p).map_or(Ty::Error, |v| match &v.ty {
                Ty::Error => Ty::Error,
                other => Ty::Scalar(other.type_or_unknown()),
            }),
            Returns::Parameter0Promoted => argument(0).map_or(Ty::Error, |v| match v.ty.scalar() {
                Some(Type::Int) => Ty::Scalar(Type::Long),
                Some(ty) => Ty::Scalar(ty),
                None => Ty::Error,
            }),
            Returns::NamedType => vals
                .iter()
                .find(|v| v.type_or_unknown() == Type::TypeLiteral)
                .and_then(|v| crate::kql::binder::constant_text(&v.expr))
                .and_then(Type::from_name)
                .map_or(Ty::Scalar(Type::Unknown), Ty::Scalar),
            Returns::Common => {
                common_argument(signature, &layout, vals, false).map_or(Ty::Error, Ty::Scalar)
            }
            Returns::CommonNonDynamic => {
                common_argument(signature, &layout, vals, true).map_or(Ty::Error, Ty::Scalar)
            }
            Returns::Widest => {
                let types: Vec<Type> = vals.iter().map(Val::type_or_unknown).collect();
                match widest(&types) {
                    Some(ty) if !types.contains(&Type::Unknown) => Ty::Scalar(ty),
                    _ => Ty::Scalar(Type::Unknown),
                }
            }
            Returns::Table(columns) => {
                let columns = columns.clone();
                let source = Source::Unsupported {
                    what: format!("function '{}'", builtin.name),
                };
                Ty::Table(Box::new(Self::source(source, columns, false, span, None)))
            }
            Returns::Shape(parts) => self.plug_in_shape(builtin, parts, vals, span),
            Returns::Custom => match builtin.kind {
                Kind::Operator => match vals.first().and_then(|v| v.ty.scalar()) {
                    Some(ty) => Ty::Scalar(ty),
                    None => Ty::Error,
                },
                _ => Ty::Scalar(Type::Dynamic),
            },
            Returns::Open => {
                let source = Source::Unsupported {
                    what: format!("function '{}'", builtin.name),
                };
                Ty::Table(Box::new(Self::source(source, Vec::new(), true, span, None)))
            }
        }
    }
}

/// How well an argument fits, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    None,
    Unknown,
    Dynamic,
    Compatible,
    Promoted,
    NotType,
    OneOfMany,
    Scalar,
    Summable,
    Orderable,
    Number,
    Integer,
    Tabular,
    Exact,
}

pub(super) fn is_common(kind: &ParamKind) -> bool {
    matches!(
        kind,
        ParamKind::CommonScalar | ParamKind::CommonScalarOrDynamic | ParamKind::CommonOrderable
    )
}

/// The type arguments of common kind share.
pub(super) fn common_argument(
    signature: &Signature,
    layout: &[Option<usize>],
    vals: &[Val],
    ignore_dynamic: bool,
) -> Option<Type> {
    let mut shared: Option<Type> = None;
    for (val, param) in vals.iter().zip(layout) {
        let Some(param) = param.map(|p| &signature.params[p]) else {
            continue;
        };
        if !is_common(&param.kind) {
            continue;
        }
        let Some(ty) = val.ty.scalar() else { continue };
        if ignore_dynamic && ty == Type::Dynamic {
            continue;
        }
        if param.kind == ParamKind::CommonOrderable && !is_orderable(ty) {
            continue;
        }
        let allowed = if param.kind == ParamKind::CommonScalarOrDynamic {
            Conversion::Dynamic
        } else {
            Conversion::Promotable
        };
        shared = Some(match shared {
            None => ty,
            Some(s) => common(s, ty, allowed)?,
        });
    }
    if shared.is_none() && ignore_dynamic {
        return common_argument(signature, layout, vals, false);
    }
    shared
}

pub(super) fn is_orderable(ty: Type) -> bool {
    ty.is_summable() || matches!(ty, Type::Bool | Type::String)
}

pub(in crate::kql::binder) fn or_words(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

pub(in crate::kql::binder) fn literal_text(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Value::String(s)) => s.clone(),
        ExprKind::Literal(Value::Long(n)) => n.to_string(),
        ExprKind::Literal(Value::Int(n)) => n.to_string(),
        ExprKind::Literal(Value::Bool(b)) => b.to_string(),
        ExprKind::Literal(Value::Real(r)) => r.to_string(),
        _ => "?".to_owned(),
    }
}

pub(super) fn fit_kind(
    signature: &Signature,
    layout: &[Option<usize>],
    vals: &[Val],
    param: &Param,
    val: &Val,
    lenient: bool,
) -> Fit {
    if matches!(val.ty, Ty::Scalar(Type::Unknown)) {
        return Fit::Unknown;
    }
    if param.tilde && crate::kql::binder::constant_text(&val.expr) == Some("~") {
        return Fit::Exact;
    }
    if matches!(val.ty, Ty::Void) {
        let allowed = matches!(
            param.form,
            ArgumentForm::StarOnly | ArgumentForm::StarAllowed
        );
        return if allowed { Fit::Exact } else { Fit::None };
    }
    if param.form == ArgumentForm::StarOnly {
        return Fit::None;
    }
    let ty = val.ty.scalar();
    let when = |yes: bool, fit: Fit| if yes { fit } else { Fit::None };
    let Some(ty) = ty else {
        return match (&val.ty, &param.kind) {
            (Ty::Table(_), ParamKind::Tabular) => Fit::Tabular,
            (_, ParamKind::Any) => Fit::Unknown,
            _ => Fit::None,
        };
    };
    match &param.kind {
        ParamKind::Any => Fit::Unknown,
        ParamKind::Types(types) => {
            let any = |c| types.iter().any(|t| assignable(*t, ty, c));
            if any(Conversion::None) {
                if types.len() == 1 {
                    Fit::Exact
                } else {
                    Fit::OneOfMany
                }
            } else if any(Conversion::Promotable) && !is_literal_dynamic(&val.expr) {
                Fit::Promoted
            } else if lenient && any(Conversion::Dynamic) {
                Fit::Dynamic
            } else if lenient && any(Conversion::Compatible) {
                Fit::Compatible
            } else {
                Fit::None
            }
        }
        ParamKind::Scalar => Fit::Scalar,
        ParamKind::Number => when(ty.is_number(), Fit::Number),
        ParamKind::NumberOrBool => when(ty.is_number() || ty == Type::Bool, Fit::Number),
        ParamKind::Integer => when(ty.is_integer(), Fit::Integer),
        ParamKind::IntegerOrArray => when(ty.is_integer() || ty == Type::Dynamic, Fit::OneOfMany),
        ParamKind::StringOrDynamic | ParamKind::StringOrArray => {
            when(matches!(ty, Type::String | Type::Dynamic), Fit::OneOfMany)
        }
        ParamKind::DynamicArray => when(ty == Type::Dynamic && !is_bag(&val.expr), Fit::OneOfMany),
        ParamKind::DynamicBag => when(ty == Type::Dynamic && !is_array(&val.expr), Fit::OneOfMany),
        ParamKind::NotDynamic => when(ty != Type::Dynamic, Fit::NotType),
        ParamKind::NotBool => when(ty != Type::Bool, Fit::NotType),
        ParamKind::NotRealOrBool => when(!matches!(ty, Type::Real | Type::Bool), Fit::NotType),
        ParamKind::Summable => when(ty.is_summable(), Fit::Summable),
        ParamKind::Orderable => when(is_orderable(ty), Fit::Orderable),
        ParamKind::Tabular => Fit::None,
        ParamKind::CommonScalar | ParamKind::CommonScalarOrDynamic | ParamKind::CommonOrderable => {
            let Some(shared) = common_argument(signature, layout, vals, false) else {
                return Fit::None;
            };
            if assignable(shared, ty, Conversion::None) {
                Fit::Exact
            } else if assignable(shared, ty, Conversion::Promotable) {
                Fit::Promoted
            } else if assignable(shared, ty, Conversion::Dynamic) {
                Fit::Dynamic
            } else {
                when(
                    param.kind == ParamKind::CommonScalarOrDynamic && ty == Type::Dynamic,
                    Fit::Exact,
                )
            }
        }
        ParamKind::Parameter(p) => {
            let other = &signature.params[*p];
            if matches!(other.kind, ParamKind::Parameter(_)) {
                return Fit::None;
            }
            fit_kind(signature, layout, vals, other, val, lenient)
        }
    }
}
