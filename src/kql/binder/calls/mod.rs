//! Calls: which signature fits, what its arguments must be, what comes back, what it is called.

mod functions;
mod signatures;

pub(super) use signatures::{literal_text, or_words};

use crate::kql::binder::Binder;
use crate::kql::binder::Local;
use crate::kql::binder::Reference;
use crate::kql::binder::Scope;
use crate::kql::binder::Table;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::operators::graphs::GraphFunction;
use crate::kql::binder::places::Place;
use crate::kql::binder::scalar::type_word;
use crate::kql::binder::unknown;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::Source;
use crate::kql::builtins::ArgumentForm;
use crate::kql::builtins::Builtin;
use crate::kql::builtins::Kind;
use crate::kql::builtins::Naming;
use crate::kql::builtins::Returns;
use crate::kql::builtins::Signature;
use crate::kql::builtins::builtins;
use crate::kql::builtins::canonical_name;
use crate::kql::columns::Columns;
use crate::kql::diagnostics::nearest;
use crate::kql::symbols::Origin;
use crate::kql::syntax;
use crate::kql::syntax::Call;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::Span;
use crate::kql::types::Type;

impl Binder<'_> {
    pub(in crate::kql::binder) fn call(&mut self, call: &Call, span: Span, tabular: bool) -> Val {
        let name = call.name.text.as_str();
        let scope = self.scope;
        if let Some(of_graphs) = crate::kql::binder::operators::graphs::function(name)
            && scope != Scope::PlugIn
        {
            if let Some(graph) = self.matched.clone()
                && of_graphs != GraphFunction::InnerNodes
            {
                return self.graph_call(of_graphs, &graph, call, span);
            }
            // `any` is an aggregate too
            if scope == Scope::Normal {
                return self.unknown_call(call, span, tabular);
            }
        }
        if scope != Scope::PlugIn {
            let local = self.local(name);
            let local = local.as_ref().map(|(local, origin)| (&**local, *origin));
            if let Some((Local::Function(function), origin)) = local {
                self.mention(call.name.span, Reference::Function, Type::Unknown, origin);
                return self.user_call(function, call, span);
            }
            if let Some((Local::Pattern(pattern), origin)) = local {
                self.mention(call.name.span, Reference::Function, Type::Unknown, origin);
                return self.pattern_call(pattern, call, span);
            }
            if let Some(function) = self.schema.function(name) {
                self.refer(call.name.span, Reference::Function);
                return self.schema_call(function, call, span);
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
            let advice = self.aggregate_here(name, place, call.args.len());
            self.report_with("KS144", place, advice);
            return Val::error(span);
        }
        if builtins().get(Kind::PlugIn, name).is_some() && !in_evaluate {
            let message = format!("'{name}' is a plug-in: write evaluate {name}(...).");
            self.report("KS126", place, message);
            return Val::error(span);
        }
        if in_evaluate {
            let meant =
                nearest(name, builtins().of(Kind::PlugIn).map(|b| b.name)).map(str::to_owned);
            self.suggest(
                "KS124",
                place,
                format!("There is no plug-in '{name}'."),
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
        let advice = self.no_function(name, place, self.scope == Scope::Aggregate);
        self.report_with("KS211", place, advice);
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
                let row = crate::kql::binder::Row {
                    columns: first.columns().clone(),
                    open: first.open(),
                    inferred: Columns::default(),
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
                Returns::Open => {
                    self.called_by_name(builtin.name, Place::Here, &vals, &spans, span)
                }
                _ => self.result_type(builtin, signature, &vals, span),
            }
        } else {
            let (min, max) = bounds(builtin);
            if vals.is_empty() && min > 0 {
                self.argument_count(builtin.name, min, max, place);
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let types: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let message = format!(
                    "'{}' does not take arguments of these types: {}.",
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
        if matches!(ty, Ty::Database(_)) {
            return Val::new(unknown(span)).typed(ty);
        }
        if let (Ty::Table(_), Kind::Function) = (&ty, builtin.kind) {
            return Val::new(unknown(span)).typed(ty);
        }
        self.note(call.name.span, ty.type_or_unknown(), Origin::UNKNOWN);
        if let (
            "column_names_of",
            [
                Val {
                    ty: Ty::Table(table),
                    ..
                },
            ],
        ) = (builtin.name, &vals[..])
            && !table.open()
        {
            let names = table.columns().iter().map(|c| {
                let name = c.name.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{name}\"")
            });
            let list = format!("[{}]", names.collect::<Vec<_>>().join(","));
            let mut val = Val::new(Expr {
                kind: ExprKind::Literal(crate::kql::Value::Dynamic(list)),
                ty: Type::Dynamic,
                span,
            })
            .typed(ty);
            val.constant = constant;
            val.name = name;
            return val;
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
                .and_then(|v| crate::kql::binder::constant_text(&v.expr))
                .filter(|n| self.row.as_ref().is_some_and(|r| r.find(n).is_some()))
                .map(str::to_owned),
        }
    }

    pub(in crate::kql::binder) fn argument_count(
        &mut self,
        name: &str,
        min: usize,
        max: usize,
        place: Span,
    ) {
        if min == max {
            let what = match min {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                n => format!("{n} arguments"),
            };
            self.report("KS119", place, format!("'{name}' takes {what}."));
        } else {
            let message = range_words(name, min, max);
            self.report("KS120", place, message);
        }
    }

    pub(in crate::kql::binder) fn push_op(
        &self,
        table: &mut Table,
        kind: crate::kql::bound::OpKind,
        columns: Columns,
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

/// How many arguments a function takes.
fn range_words(name: &str, min: usize, max: usize) -> String {
    if max > 1000 {
        format!("'{name}' takes at least {min} arguments.")
    } else {
        format!("'{name}' takes {min} to {max} arguments.")
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
