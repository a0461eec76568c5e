//! Calls: which signature fits, what its arguments must be, what comes back, what it is called.

use std::rc::Rc;

use super::scalar::type_word;
use super::values::{Conversion, assignable, common, convert, widest};
use super::{
    Binder, Local, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS, Reference, Scope, Table, Ty, UserFunction,
    Val, unknown,
};
use crate::kql::bound::{Argument, Column, Expr, ExprKind, LetValue, Source};
use crate::kql::builtins::{
    ArgumentForm, Builtin, Kind, Naming, Param, ParamKind, Returns, Signature, builtins,
    canonical_name,
};
use crate::kql::diagnostics::nearest;
use crate::kql::schema::{FunctionKind, SchemaFunction};
use crate::kql::syntax::{self, Call, ExprKind as S, FunctionDeclaration, Span, TypeSyntax};
use crate::kql::types::{Type, Value};

/// How well an argument fits, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
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

impl Binder<'_> {
    pub(super) fn call(&mut self, call: &Call, span: Span, tabular: bool) -> Val {
        let name = call.name.text.as_str();
        let scope = self.scope;
        if scope != Scope::PlugIn {
            if let Some(local) = self.local(name)
                && let Local::Function(function) = &*local
            {
                self.refer(call.name.span, Reference::Function);
                return self.user_call(function, call, span);
            }
            if let Some(function) = self.schema.function(name) {
                let function = function.clone();
                self.refer(call.name.span, Reference::Function);
                return self.schema_call(&function, call, span);
            }
            if scope == Scope::Aggregate
                && let Some(builtin) = builtins().get(Kind::Aggregate, name)
            {
                self.refer(call.name.span, Reference::Function);
                return self.builtin_call(builtin, call, span);
            }
            if let Some(builtin) = builtins().get(Kind::Function, name) {
                self.refer(call.name.span, Reference::Function);
                return self.builtin_call(builtin, call, span);
            }
        } else if let Some(builtin) = builtins().get(Kind::PlugIn, name) {
            self.refer(call.name.span, Reference::Function);
            return self.builtin_call(builtin, call, span);
        }
        self.unknown_call(call, span, tabular)
    }

    fn unknown_call(&mut self, call: &Call, span: Span, tabular: bool) -> Val {
        let name = call.name.text.as_str();
        let place = call.name.span;
        let in_evaluate = self.scope == Scope::PlugIn;
        if in_evaluate {
            self.scope = Scope::Normal;
        }
        for arg in &call.args {
            if !matches!(arg.kind, S::Star) {
                self.expr(arg, false);
            }
        }
        if in_evaluate {
            self.scope = Scope::PlugIn;
        }
        if name.is_empty() {
            return Val::error(span);
        }
        self.refer(place, Reference::Identifier);
        if builtins().get(Kind::Aggregate, name).is_some() && self.scope != Scope::Aggregate {
            let message =
                format!("The aggregate function '{name}' is not allowed in this context.");
            self.report("KS144", place, message);
            return Val::error(span);
        }
        if builtins().get(Kind::PlugIn, name).is_some() && !in_evaluate {
            let message = format!("The plug-in function '{name}' is not allowed in this context.");
            self.report("KS126", place, message);
            return Val::error(span);
        }
        if in_evaluate {
            let meant =
                nearest(name, builtins().of(Kind::PlugIn).map(|b| b.name)).map(str::to_owned);
            self.suggest(
                "KS124",
                place,
                format!("The plug-in function '{name}' is not defined."),
                meant,
            );
            return Val::error(span);
        }
        let open = |s: Span| {
            let source = Source::Unsupported {
                what: format!("function '{name}'"),
            };
            Self::table_val(Self::source(source, Vec::new(), true, s, None), s)
        };
        if self.fuzzy && tabular {
            return open(span);
        }
        if !tabular && name.starts_with("__") {
            return Val::new(unknown(span));
        }
        let functions = builtins()
            .of(Kind::Function)
            .filter(|b| !b.hidden)
            .map(|b| b.name);
        let aggregates = builtins()
            .of(Kind::Aggregate)
            .filter(|b| !b.hidden)
            .map(|b| b.name);
        let meant = if self.scope == Scope::Aggregate {
            nearest(name, aggregates.chain(functions)).map(str::to_owned)
        } else {
            nearest(name, functions).map(str::to_owned)
        };
        let message = format!("The name '{name}' does not refer to any known function.");
        self.suggest("KS211", place, message, meant);
        if tabular {
            open(span)
        } else {
            Val::error(span)
        }
    }

    fn builtin_call(&mut self, builtin: &'static Builtin, call: &Call, span: Span) -> Val {
        let outer = self.scope;
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let inner = match (builtin.kind, outer) {
            (Kind::Aggregate, _) => Scope::Normal,
            (_, Scope::Aggregate) => Scope::Aggregate,
            _ => Scope::Normal,
        };
        let only = (builtin.signatures.len() == 1).then(|| &builtin.signatures[0]);
        let layout = only.map(|s| s.layout(call.args.len(), is_bool_literal(call.args.last())));
        let mut vals: Vec<Val> = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            let form = layout
                .as_ref()
                .and_then(|l| l.get(i).copied().flatten())
                .and_then(|p| only.map(|s| s.params[p].form));
            self.scope = if form == Some(ArgumentForm::Aggregate) {
                Scope::Aggregate
            } else {
                inner
            };
            let in_first = matches!(
                form,
                Some(ArgumentForm::ColumnOfFirst | ArgumentForm::CommonColumnOfFirst)
            );
            if in_first && let Some(Ty::Table(first)) = vals.first().map(|v| v.ty.clone()) {
                let row = super::Row {
                    columns: first.columns().to_vec(),
                    open: first.open(),
                    inferred: Vec::new(),
                };
                let outer = self.row.replace(row);
                vals.push(self.expr(arg, false));
                self.row = outer;
            } else if matches!(arg.kind, S::Star) {
                vals.push(Val::new(unknown(arg.span)).typed(Ty::Void));
            } else {
                vals.push(self.expr(arg, false));
            }
        }
        self.scope = outer;
        self.enclosing = enclosing;
        let spans: Vec<Span> = call.args.iter().map(value_span).collect();
        let matching = self.best_signatures(&builtin.signatures, &vals, false, false);
        let place = call.name.span;
        let stars: Vec<bool> = call
            .args
            .iter()
            .map(|a| matches!(a.kind, S::Star))
            .collect();
        let ty = if let [signature] = matching[..] {
            self.check_signature(builtin.name, signature, &vals, &spans, place, false, false);
            match &signature.returns {
                Returns::Custom => self.custom_result(builtin, call, &vals, &stars, span),
                _ => self.result_type(builtin, signature, &vals, span),
            }
        } else {
            let (min, max) = bounds(builtin);
            if vals.is_empty() && min > 0 {
                self.argument_count(builtin.name, min, max, place);
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let types: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let message = format!(
                    "The function '{}' is not compatible with arguments ({})",
                    builtin.name,
                    types.join(", ")
                );
                self.report("KS127", place, message);
            }
            let mut types = matching
                .iter()
                .map(|s| self.result_type(builtin, s, &vals, span));
            match types.next() {
                Some(Ty::Scalar(first))
                    if types.all(|t| matches!(t, Ty::Scalar(t) if t == first)) =>
                {
                    Ty::Scalar(first)
                }
                _ => Ty::Error,
            }
        };
        self.call_val(builtin, call, vals, ty, span)
    }

    fn call_val(
        &mut self,
        builtin: &'static Builtin,
        call: &Call,
        vals: Vec<Val>,
        ty: Ty,
        span: Span,
    ) -> Val {
        let constant = builtin.constant && vals.iter().all(|v| v.constant);
        let name = self.call_name(builtin, call, &vals);
        let first_column = match &vals[..] {
            [only] if is_conversion(builtin.name) && only.ty.scalar() == ty.scalar() => only.column,
            _ => None,
        };
        if builtin.name == "materialize" {
            return vals.into_iter().next().unwrap_or_else(|| Val::error(span));
        }
        if matches!(builtin.name, "cluster" | "database") {
            return Val::new(unknown(span)).typed(Ty::Database);
        }
        let args: Vec<Expr> = vals
            .into_iter()
            .map(|v| match v.ty {
                Ty::Table(table) => Expr {
                    kind: ExprKind::ToScalar(Box::new(table.rel)),
                    ty: Type::Unknown,
                    span,
                },
                _ => v.expr,
            })
            .collect();
        let function = canonical_name(builtin).to_owned();
        let kind = if builtin.kind == Kind::Aggregate {
            ExprKind::Aggregate { function, args }
        } else {
            ExprKind::Call { function, args }
        };
        let mut val = Val::new(Expr {
            kind,
            ty: ty.type_or_unknown(),
            span,
        })
        .typed(ty);
        val.constant = constant;
        val.name = name;
        val.same_as = first_column;
        if builtin.kind == Kind::Aggregate {
            val.prefix = builtin.prefix;
        }
        val
    }

    /// The name a column gets that holds the result.
    fn call_name(&self, builtin: &Builtin, call: &Call, vals: &[Val]) -> Option<String> {
        let first = || match call.args.first().map(|a| &a.kind) {
            Some(S::Named { name, .. }) => Some(name.text.clone()),
            _ => vals.first().and_then(|v| v.name.clone()),
        };
        let prefixed = |prefix: Option<&str>| match prefix {
            Some(prefix) if vals.is_empty() => Some(format!("{prefix}_")),
            Some(prefix) => Some(format!("{prefix}_{}", first().unwrap_or_default())),
            None if vals.is_empty() => None,
            None => first(),
        };
        match builtin.naming {
            Naming::None => None,
            Naming::FirstArgument => first(),
            Naming::PrefixAndFirstArgument => prefixed(builtin.prefix),
            Naming::NameAndFirstArgument => prefixed(Some(builtin.name)),
            Naming::PrefixOnly => builtin.prefix.map(str::to_owned),
            Naming::OnlyArgument if vals.len() == 1 => first(),
            Naming::OnlyArgument => None,
            Naming::FirstArgumentValueIfColumn => vals
                .first()
                .and_then(|v| super::constant_text(&v.expr))
                .filter(|n| self.row.as_ref().is_some_and(|r| r.find(n).is_some()))
                .map(str::to_owned),
        }
    }

    fn argument_count(&mut self, name: &str, min: usize, max: usize, place: Span) {
        if min == max {
            let what = match min {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                n => format!("{n} arguments"),
            };
            self.report(
                "KS119",
                place,
                format!("The function '{name}' expects {what}."),
            );
        } else {
            let message =
                format!("The function '{name}' expects between {min} and {max} arguments.");
            self.report("KS120", place, message);
        }
    }

    // ---- signatures

    fn fit(
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
    pub(super) fn best_signatures<'s>(
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
    pub(super) fn check_signature(
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
                    let message =
                        format!("The function '{name}' expects between {min} and {max} arguments.");
                    self.report("KS120", place, message);
                } else {
                    self.report(
                        "KS121",
                        place,
                        "The function call has an incorrect number of arguments.",
                    );
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
        if has_common && common_argument(signature, &layout, vals, false).is_none() {
            if !vals.iter().any(|v| v.ty.is_error()) {
                self.report(
                    "KS232",
                    place,
                    "No common type can be determined from the arguments.",
                );
            }
            return;
        }
        for i in 0..count {
            if let Some(param) = layout[i].map(|p| &signature.params[p]) {
                self.check_argument(
                    signature, &layout, vals, i, param, spans[i], lenient, operator,
                );
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "split from its only caller for length"
    )]
    fn check_argument(
        &mut self,
        signature: &Signature,
        layout: &[Option<usize>],
        vals: &[Val],
        i: usize,
        param: &Param,
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
                self.report("KS189", span, "The * expression is not allowed here.");
            }
            return;
        }
        if param.tilde && super::constant_text(&val.expr) == Some("~") {
            return;
        }
        let vague = val.ty.is_vague();
        let fits = self.fit(signature, layout, vals, i, lenient) != Fit::None;
        let untyped = val.ty.is_error() && matches!(param.kind, ParamKind::Types(_));
        if !fits && (!vague || untyped) {
            let is_scalar = val.ty.scalar().is_some();
            let (code, message): (&'static str, String) = match &param.kind {
                ParamKind::Types(types) if !lenient => {
                    let words: Vec<&str> = types.iter().map(|t| t.name()).collect();
                    ("KS107", format!("A value of type {} expected.", or_words(&words)))
                }
                ParamKind::Integer => ("KS134", "The expression value must be an integer.".to_owned()),
                ParamKind::IntegerOrArray => {
                    ("KS136", "The expression value must be an integer or a dynamic array of integers.".to_owned())
                }
                ParamKind::StringOrDynamic => {
                    ("KS141", "The expression must have one of the types: string or dynamic.".to_owned())
                }
                ParamKind::StringOrArray => {
                    ("KS233", "The expression value must be a string or a dynamic array of strings.".to_owned())
                }
                ParamKind::DynamicArray => ("KS234", "The expression value must be a dynamic array.".to_owned()),
                ParamKind::DynamicBag => ("KS235", "The expression must be a dynamic bag.".to_owned()),
                ParamKind::Number => ("KS137", "The expression value must be a number.".to_owned()),
                ParamKind::NumberOrBool => {
                    ("KS137", "The expression value must be a number or boolean true/false.".to_owned())
                }
                ParamKind::Summable => {
                    ("KS138", "The argument value must be summable: a number, timespan or datetime.".to_owned())
                }
                ParamKind::Orderable => (
                    "KS206",
                    "The argument value must be orderable: a number, timespan, datetime, string or boolean.".to_owned(),
                ),
                ParamKind::Tabular => ("KS111", "Tabular value expected.".to_owned()),
                ParamKind::Scalar => ("KS108", "Scalar value expected.".to_owned()),
                ParamKind::NotDynamic | ParamKind::NotBool | ParamKind::NotRealOrBool if !is_scalar => {
                    ("KS108", "Scalar value expected.".to_owned())
                }
                ParamKind::NotDynamic | ParamKind::NotBool | ParamKind::NotRealOrBool => {
                    let ty = val.type_or_unknown();
                    ("KS116", format!("The value of type '{ty}' is not allowed in this context."))
                }
                ParamKind::Parameter(p) => {
                    let ty = vals.get(*p).map_or(Type::Unknown, Val::type_or_unknown);
                    ("KS141", format!("The expression must have the type {ty}."))
                }
                ParamKind::CommonScalar | ParamKind::CommonOrderable | ParamKind::CommonScalarOrDynamic => {
                    let ty = common_argument(signature, layout, vals, false).unwrap_or(Type::Unknown);
                    if param.kind == ParamKind::CommonScalarOrDynamic && ty != Type::Dynamic {
                        ("KS141", format!("The expression must have one of the types: {ty} or dynamic."))
                    } else {
                        ("KS141", format!("The expression must have the type {ty}."))
                    }
                }
                _ => return,
            };
            self.report(code, span, message);
        } else if let ParamKind::Parameter(p) = &param.kind {
            let wanted = vals.get(*p).map_or(Type::Unknown, Val::type_or_unknown);
            if !vague && !assignable(wanted, val.type_or_unknown(), Conversion::None) {
                self.report(
                    "KS141",
                    span,
                    format!("The expression must have the type {wanted}."),
                );
            }
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
                self.report("KS109", span, "Column name expected.");
            }
            ArgumentForm::Constant if !val.constant => {
                self.report("KS129", span, "The expression must be a constant.");
            }
            ArgumentForm::Literal | ArgumentForm::LiteralNotEmpty => {
                if !val.literal {
                    self.report("KS131", span, "The expression must be a literal.");
                } else if !param.values.is_empty() {
                    let shown = literal_text(&val.expr);
                    if !param.values.iter().any(|v| v.eq_ignore_ascii_case(&shown)) {
                        let message = format!(
                            "The expression must be one of the values: {}",
                            or_words(&param.values)
                        );
                        self.report("KS140", span, message);
                    }
                } else if param.form == ArgumentForm::LiteralNotEmpty
                    && literal_text(&val.expr).is_empty()
                {
                    self.report("KS133", span, "The expression value must not be empty.");
                }
            }
            _ => {}
        }
    }

    pub(super) fn result_type(
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
                .and_then(|v| super::constant_text(&v.expr))
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
            Returns::Custom => match builtin.kind {
                Kind::Operator => match vals.first().and_then(|v| v.ty.scalar()) {
                    Some(ty) => Ty::Scalar(ty),
                    None => Ty::Error,
                },
                _ => Ty::Scalar(Type::Dynamic),
            },
            Returns::Open => match builtin.name {
                "cluster" | "database" => Ty::Database,
                _ => {
                    let source = Source::Unsupported {
                        what: format!("function '{}'", builtin.name),
                    };
                    Ty::Table(Box::new(Self::source(source, Vec::new(), true, span, None)))
                }
            },
        }
    }

    // ---- functions of the user

    fn user_call(&mut self, function: &Rc<UserFunction>, call: &Call, span: Span) -> Val {
        let parameters = &function.declaration.parameters;
        let mut given: Vec<(usize, Val)> = Vec::new();
        let piped = self.piped.take();
        let offset = usize::from(piped.is_some());
        let mut given_span = call.name.span;
        if let Some(table) = piped {
            let at = table.rel.span;
            given_span = table.rel.ops.last().map_or(at, |op| at.to(op.span));
            given.push((0, Self::table_val(*table, at)));
        }
        let outer = self.scope;
        if self.scope == Scope::PlugIn {
            self.scope = Scope::Normal;
        }
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let mut faults = false;
        let mut out_of_order = false;
        for (i, arg) in call.args.iter().enumerate() {
            let mut target = i + offset;
            if let S::Named { name, .. } = &arg.kind {
                match parameters
                    .iter()
                    .position(|p| p.declaration.name.text == name.text)
                {
                    Some(p) => {
                        out_of_order |= p != target;
                        target = p;
                    }
                    None => {
                        self.report(
                            "KS196",
                            name.span,
                            "The argument name does not refer to a declared parameter.",
                        );
                        faults = true;
                    }
                }
            } else if out_of_order {
                self.report(
                    "KS195",
                    arg.span,
                    "All arguments after an unordered named argument must be named.",
                );
                faults = true;
            }
            let tabular = parameters
                .get(target)
                .is_some_and(|p| matches!(p.declaration.ty, TypeSyntax::Table(_)));
            let val = self.expr(arg, tabular);
            given.push((target, val));
        }
        self.enclosing = enclosing;
        self.scope = outer;
        let required = parameters.iter().filter(|p| p.default.is_none()).count();
        let count = given.len();
        if count < required || count > parameters.len() {
            self.argument_count(
                &function.name,
                parameters.len(),
                parameters.len(),
                call.name.span,
            );
            faults = true;
        }
        for (i, (target, val)) in given.iter().enumerate() {
            let Some(parameter) = parameters.get(*target) else {
                continue;
            };
            let place = if i < offset {
                given_span
            } else {
                value_span(&call.args[i - offset])
            };
            match (&parameter.declaration.ty, &val.ty) {
                (_, Ty::Error) => {}
                (TypeSyntax::Table(columns), Ty::Table(table)) => {
                    let missing = columns.iter().flatten().any(|c| {
                        let ty = self.declared_type(&c.ty);
                        !table.open()
                            && !table.columns().iter().any(|t| {
                                t.name == c.name.text && assignable(ty, t.ty, Conversion::None)
                            })
                    });
                    if missing && !faults {
                        self.report(
                            "KS249",
                            place,
                            "The tabular value does not have the required columns.",
                        );
                    }
                }
                (TypeSyntax::Table(_), _) if !faults => {
                    self.report("KS111", place, "Tabular value expected.");
                }
                _ => {}
            }
        }
        let mut val = self.expand(function, given, span);
        val.name = None;
        val
    }

    /// The body of a function with arguments in the place of its parameters. Silent.
    pub(super) fn expand(
        &mut self,
        function: &Rc<UserFunction>,
        given: Vec<(usize, Val)>,
        span: Span,
    ) -> Val {
        self.expansions += 1;
        if self.expansions > MAX_EXPANSIONS || self.expansion_depth >= MAX_EXPANSION_DEPTH {
            return Val::new(Expr {
                kind: ExprKind::Unsupported {
                    what: "so many calls of functions within functions".to_owned(),
                },
                ty: Type::Unknown,
                span,
            });
        }
        let constant = given.iter().all(|(_, v)| v.constant);
        let mut locals = function.scope.clone();
        let mut given: Vec<Option<Val>> = {
            let mut slots: Vec<Option<Val>> = function
                .declaration
                .parameters
                .iter()
                .map(|_| None)
                .collect();
            for (i, val) in given {
                if let Some(slot) = slots.get_mut(i) {
                    *slot = Some(val);
                }
            }
            slots
        };
        self.silent += 1;
        for (parameter, slot) in function.declaration.parameters.iter().zip(given.iter_mut()) {
            let name: Rc<str> = Rc::from(parameter.declaration.name.text.as_str());
            let val = match slot.take() {
                Some(val) => Some(val),
                None => parameter.default.as_ref().map(|d| self.expr(d, false)),
            };
            let local = match (&parameter.declaration.ty, val) {
                (
                    TypeSyntax::Table(_),
                    Some(Val {
                        ty: Ty::Table(table),
                        ..
                    }),
                ) => {
                    let (id, columns, open) = self.let_table("", *table, false);
                    Local::Table {
                        id,
                        columns,
                        open,
                        parameter: true,
                    }
                }
                (TypeSyntax::Table(_), _) => Local::Error,
                (ty, Some(val)) => {
                    let ty = self.declared_type(ty);
                    let (constant, literal) = (val.constant, val.literal);
                    let expr = convert(val.expr, ty);
                    let expr = if expr.ty == ty {
                        expr
                    } else {
                        Expr { ty, ..expr }
                    };
                    Local::Scalar {
                        expr,
                        constant,
                        literal,
                        parameter: true,
                    }
                }
                (ty, None) => {
                    let ty = self.declared_type(ty);
                    let expr = Expr {
                        ty,
                        ..unknown(span)
                    };
                    Local::Scalar {
                        expr,
                        constant: true,
                        literal: true,
                        parameter: true,
                    }
                }
            };
            locals.push((name, Rc::new(local)));
        }
        let outer_locals = std::mem::replace(&mut self.locals, locals);
        let outer = (
            self.row.take(),
            self.right.take(),
            self.scope,
            self.column_number,
            self.piped.take(),
        );
        self.scope = Scope::Normal;
        self.column_number = 1;
        self.expansion_depth += 1;
        let mut val = self.body(&function.declaration, span);
        self.expansion_depth -= 1;
        (
            self.row,
            self.right,
            self.scope,
            self.column_number,
            self.piped,
        ) = outer;
        self.locals = outer_locals;
        self.silent -= 1;
        if val.ty.is_error() {
            val = Val::new(unknown(span));
        }
        val.expr.span = span;
        val.constant = constant;
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.name = None;
        if let Ty::Table(table) = &mut val.ty {
            table.name = Some(function.name.clone());
        }
        val
    }

    fn body(&mut self, declaration: &FunctionDeclaration, span: Span) -> Val {
        for statement in &declaration.statements {
            self.statement(&statement.kind);
        }
        match &declaration.result {
            Some(result) => self.expr(result, false),
            None => Val::error(span),
        }
    }

    /// Reads a declared function once for its faults and colours.
    pub(super) fn check_declaration(&mut self, function: &UserFunction) {
        let lets = self.lets.len();
        let depth = self.locals.len();
        let mut can_be_table = true;
        for parameter in &function.declaration.parameters {
            let name = &parameter.declaration.name;
            self.refer(name.span, Reference::Parameter);
            if let Some(default) = &parameter.default {
                self.expr(default, false);
            }
            let is_table = matches!(parameter.declaration.ty, TypeSyntax::Table(_));
            if is_table && !can_be_table {
                self.report(
                    "KS226",
                    parameter.span,
                    "Tabular parameters must be declared first.",
                );
            }
            can_be_table = is_table;
            let local = match &parameter.declaration.ty {
                TypeSyntax::Table(columns) => {
                    let columns = columns
                        .as_deref()
                        .map(|c| self.declared_columns(c))
                        .unwrap_or_default();
                    let source = Source::Unsupported {
                        what: "a parameter".to_owned(),
                    };
                    let table = Self::source(source, columns.clone(), false, name.span, None);
                    let id = self.add_let(
                        "",
                        LetValue::Table {
                            rel: Box::new(table.rel),
                            materialize: false,
                        },
                    );
                    Local::Table {
                        id,
                        columns,
                        open: false,
                        parameter: true,
                    }
                }
                ty => {
                    let ty = self.declared_type(ty);
                    let expr = Expr {
                        ty,
                        ..unknown(name.span)
                    };
                    Local::Scalar {
                        expr,
                        constant: true,
                        literal: true,
                        parameter: true,
                    }
                }
            };
            self.push_local(&name.text, local);
        }
        let outer = (
            self.row.take(),
            self.right.take(),
            self.scope,
            self.column_number,
        );
        self.scope = Scope::Normal;
        self.column_number = 1;
        // names declared inside may repeat those outside
        self.expansion_depth += 1;
        self.body(&function.declaration, function.declaration.body);
        self.expansion_depth -= 1;
        (self.row, self.right, self.scope, self.column_number) = outer;
        self.locals.truncate(depth);
        self.lets.truncate(lets);
    }

    // ---- functions of the schema

    fn schema_call(&mut self, function: &SchemaFunction, call: &Call, span: Span) -> Val {
        let piped = self.piped.take();
        let outer = self.scope;
        self.scope = Scope::Normal;
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let vals: Vec<Val> = call.args.iter().map(|a| self.expr(a, false)).collect();
        self.enclosing = enclosing;
        self.scope = outer;
        for (val, arg) in vals.iter().zip(&call.args) {
            self.check_scalar(val, arg.span);
        }
        let required = function.parameters.iter().filter(|p| p.required).count();
        let extra = usize::from(function.kind == FunctionKind::Invoked);
        let given = vals.len() + usize::from(piped.is_some());
        if given < required + extra || given > function.parameters.len() + extra {
            let all = function.parameters.len() + extra;
            self.argument_count(&function.name, all, all, call.name.span);
        }
        let args: Vec<Argument> = vals.into_iter().map(|v| Argument::Scalar(v.expr)).collect();
        match function.kind {
            FunctionKind::CrossService => Val::new(unknown(span)).typed(Ty::Database),
            FunctionKind::Tabular => {
                let source = Source::Function {
                    name: function.name.clone(),
                    args,
                };
                let table = Self::source(source, function.columns.clone(), false, span, None);
                Self::table_val(table, span)
            }
            FunctionKind::Invoked => {
                let Some(mut table) = piped else {
                    let source = Source::Unsupported {
                        what: format!("function '{}' without input", function.name),
                    };
                    let table = Self::source(source, function.columns.clone(), false, span, None);
                    return Self::table_val(table, span);
                };
                let mut columns: Vec<Column> = if function.keeps {
                    table.columns().to_vec()
                } else {
                    Vec::new()
                };
                for column in &function.columns {
                    if !columns.iter().any(|c| c.name == column.name) {
                        columns.push(column.clone());
                    }
                }
                let open = function.keeps && table.open();
                self.push_op(
                    &mut table,
                    crate::kql::bound::OpKind::Invoke {
                        function: function.name.clone(),
                        args,
                    },
                    columns,
                    open,
                    span,
                );
                Self::table_val(*table, span)
            }
        }
    }

    pub(super) fn push_op(
        &self,
        table: &mut Table,
        kind: crate::kql::bound::OpKind,
        columns: Vec<Column>,
        open: bool,
        span: Span,
    ) {
        table.rel.ops.push(crate::kql::bound::Op {
            kind,
            columns,
            open,
            span,
        });
    }
}

fn bounds(builtin: &Builtin) -> (usize, usize) {
    let min = builtin
        .signatures
        .iter()
        .map(Signature::min)
        .min()
        .unwrap_or(0);
    let max = builtin
        .signatures
        .iter()
        .map(Signature::max)
        .max()
        .unwrap_or(0);
    (min, max)
}

fn is_common(kind: &ParamKind) -> bool {
    matches!(
        kind,
        ParamKind::CommonScalar | ParamKind::CommonScalarOrDynamic | ParamKind::CommonOrderable
    )
}

/// The type arguments of common kind share.
fn common_argument(
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

fn is_orderable(ty: Type) -> bool {
    ty.is_summable() || matches!(ty, Type::Bool | Type::String)
}

/// Functions whose result is their argument when the type is the same.
fn is_conversion(name: &str) -> bool {
    matches!(
        name,
        "tobool"
            | "todatetime"
            | "todecimal"
            | "todouble"
            | "todynamic"
            | "toguid"
            | "toint"
            | "tolong"
            | "toreal"
            | "tostring"
            | "totime"
            | "totimespan"
    )
}

fn is_bool_literal(arg: Option<&syntax::Expr>) -> bool {
    arg.is_some_and(|a| match &a.kind {
        S::Literal(kind) => *kind == crate::kql::lexer::TokenKind::Bool,
        S::Named { value, .. } => is_bool_literal(Some(value)),
        _ => false,
    })
}

/// The place of an argument's value.
fn value_span(arg: &syntax::Expr) -> Span {
    match &arg.kind {
        S::Named { value, .. } | S::NamedList { value, .. } => value.span,
        _ => arg.span,
    }
}

fn or_words(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn literal_text(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Value::String(s)) => s.clone(),
        ExprKind::Literal(Value::Long(n)) => n.to_string(),
        ExprKind::Literal(Value::Int(n)) => n.to_string(),
        ExprKind::Literal(Value::Bool(b)) => b.to_string(),
        ExprKind::Literal(Value::Real(r)) => r.to_string(),
        _ => "?".to_owned(),
    }
}

fn fit_kind(
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
    if param.tilde && super::constant_text(&val.expr) == Some("~") {
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
            } else if any(Conversion::Promotable) {
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
        ParamKind::DynamicArray | ParamKind::DynamicBag => {
            when(ty == Type::Dynamic, Fit::OneOfMany)
        }
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
