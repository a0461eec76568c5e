//! Joins: which side is the larger, and what happens to rows with the same key.

use super::cx::Cx;
use super::rules::{JOIN_WITHOUT_KIND, LARGE_LEFT_JOIN};
use super::volume::{Volume, volume};
use crate::kql::binder::Reference;
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax::{
    Expr, ExprKind, JoinOn, LetValue, Operator, OperatorKind, ParameterValue, Span, Statement,
    StatementKind, Step,
};

/// How far names are followed.
const STEPS: usize = 8;

pub(super) fn pipeline(cx: &mut Cx<'_>, ops: &[Operator], source: Option<&Expr>) {
    if !cx.ok {
        return;
    }
    for (i, op) in ops.iter().enumerate() {
        let OperatorKind::Join { right, on } = &op.kind else {
            continue;
        };
        let kind = op.parameters.iter().find(|p| p.name.text == "kind");
        if kind.is_none() && !is_unique(cx, source, &ops[..i], on) {
            let at = Span {
                start: op.keyword.end,
                end: op.keyword.end,
            };
            let message = "Of the left rows with the same key this keeps only one, whichever: say \
                           kind=inner to keep all, or kind=innerunique if that is meant."
                .to_owned();
            let fix = Fix {
                title: "Write kind=inner".to_owned(),
                edits: vec![Edit {
                    span: at,
                    text: " kind=inner".to_owned(),
                }],
            };
            cx.say(JOIN_WITHOUT_KIND, op.keyword, message, Some(fix));
        }
        let inner = kind.is_none_or(|k| match k.value {
            ParameterValue::Word(span) => matches!(cx.at(span), "inner" | "innerunique"),
            _ => false,
        });
        if inner
            && let Some((left, Some(Volume::Huge))) =
                source.map(|s| (cx.at(s.span), amount(cx, s, &ops[..i], true, STEPS)))
            && let Some(size) = amount(cx, right, &[], false, STEPS)
            && size < Volume::Huge
        {
            let message = format!(
                "{left} is the larger side and nothing reduces it: put the smaller one on the left."
            );
            cx.say(LARGE_LEFT_JOIN, op.keyword, message, None);
        }
    }
}

/// Has the left side one row a key already?
fn is_unique<'k>(
    cx: &Cx<'k>,
    source: Option<&'k Expr>,
    ops: &'k [Operator],
    on: &'k JoinOn,
) -> bool {
    let keys: Vec<&str> = match on {
        JoinOn::On(list) => list.iter().filter_map(left_key).collect(),
        _ => return false,
    };
    unique_by(cx, source, ops, keys, STEPS)
}

fn unique_by<'k>(
    cx: &Cx<'k>,
    source: Option<&'k Expr>,
    ops: &'k [Operator],
    mut keys: Vec<&'k str>,
    steps: usize,
) -> bool {
    for op in ops.iter().rev() {
        match &op.kind {
            // a key under its earlier name; one that is computed anew is none any more
            OperatorKind::Extend(items)
            | OperatorKind::Project(items)
            | OperatorKind::ProjectRename(items) => {
                keys = keys.iter().filter_map(|k| earlier(items, k)).collect();
            }
            OperatorKind::Where(_)
            | OperatorKind::ProjectAway(_)
            | OperatorKind::ProjectKeep(_)
            | OperatorKind::ProjectReorder(_)
            | OperatorKind::Sort(_)
            | OperatorKind::Top { .. }
            | OperatorKind::Take(_) => {}
            OperatorKind::Summarize { by: None, .. } | OperatorKind::Count(_) => return true,
            OperatorKind::Summarize { by: Some(list), .. } | OperatorKind::Distinct(list) => {
                return list
                    .iter()
                    .all(|e| name_of(e).is_some_and(|n| keys.contains(&n)));
            }
            _ => return false,
        }
    }
    let (Some(source), Some(steps)) = (source, steps.checked_sub(1)) else {
        return false;
    };
    match resolve(cx, source) {
        Some(Expr {
            kind: ExprKind::Pipeline { source, ops },
            ..
        }) => unique_by(cx, source.as_deref(), ops, keys, steps),
        _ => false,
    }
}

/// The name a column had before some were named or computed.
fn earlier<'k>(items: &'k [Expr], key: &'k str) -> Option<&'k str> {
    let named = items.iter().find_map(|e| match &e.kind {
        ExprKind::Named { name, value } if name.text == key => Some(value),
        _ => None,
    });
    match named.map(|value| &value.kind) {
        None => Some(key),
        Some(ExprKind::Name(name)) => Some(&name.text),
        Some(_) => None,
    }
}

/// The name a key or grouping gives.
fn name_of(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Name(name) | ExprKind::Named { name, .. } => Some(&name.text),
        _ => None,
    }
}

/// The column of the left side in `a` or `$left.a == $right.b`.
fn left_key(e: &Expr) -> Option<&str> {
    let member = |e: &'_ Expr| -> bool {
        matches!(&e.kind, ExprKind::Path { base, .. }
            if matches!(&base.kind, ExprKind::Name(n) if n.text == "$left"))
    };
    match &e.kind {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::Paren(inner) => left_key(inner),
        ExprKind::Chain { first, rest } => {
            let [(_, _, right)] = rest.as_slice() else {
                return None;
            };
            let side = if member(first) { &**first } else { right };
            match &side.kind {
                ExprKind::Path { steps, .. } => match steps.as_slice() {
                    [Step::Member(name)] => Some(&name.text),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// How much a table expression gives; `None` where a filter or a name we cannot follow decides. On the
/// left any filter counts, on the right the table's own size is the least that can be said.
fn amount(
    cx: &Cx<'_>,
    source: &Expr,
    ops: &[Operator],
    left: bool,
    steps: usize,
) -> Option<Volume> {
    for op in ops.iter().rev() {
        match &op.kind {
            OperatorKind::Summarize { .. }
            | OperatorKind::Distinct(_)
            | OperatorKind::Top { .. }
            | OperatorKind::Take(_)
            | OperatorKind::Sample(_)
            | OperatorKind::Count(_) => return Some(Volume::Small),
            OperatorKind::Where(predicate) if left && !is_time_filter(cx, predicate) => {
                return None;
            }
            OperatorKind::Join { .. }
            | OperatorKind::Union(_)
            | OperatorKind::Evaluate { .. }
            | OperatorKind::Invoke(_)
            | OperatorKind::Lookup { .. } => return None,
            _ => {}
        }
    }
    let steps = steps.checked_sub(1)?;
    match &source.kind {
        ExprKind::Paren(inner) => amount(cx, inner, &[], left, steps),
        ExprKind::Pipeline {
            source: Some(source),
            ops,
        } => amount(cx, source, ops, left, steps),
        ExprKind::DataTable { .. } => Some(Volume::Small),
        ExprKind::Name(name) if cx.reference(name.span) == Some(Reference::Table) => {
            volume(&name.text)
        }
        ExprKind::Name(_) => amount(cx, resolve(cx, source)?, &[], left, steps),
        _ => None,
    }
}

/// A predicate over nothing but times.
fn is_time_filter(cx: &Cx<'_>, predicate: &Expr) -> bool {
    let mut times = true;
    super::walk::within(predicate, &mut |node| {
        let super::walk::Node::Expr(e) = node else {
            return;
        };
        if matches!(e.kind, ExprKind::Star) {
            times = false;
        }
        if let Some(column) = cx.column(e) {
            times &= cx
                .mention(column.span)
                .is_some_and(|m| m.ty == crate::kql::Type::DateTime);
        }
    });
    times
}

/// The expression behind the name of a `let`, or inside brackets.
fn resolve<'a>(cx: &Cx<'a>, e: &'a Expr) -> Option<&'a Expr> {
    match &e.kind {
        ExprKind::Paren(inner) => Some(inner),
        ExprKind::Pipeline { .. } => Some(e),
        ExprKind::Name(name) => {
            let index = cx.mention(name.span)?.origin.as_symbol()?;
            let symbol = &cx.analysis.symbols.defined[index];
            if symbol.kind != SymbolKind::Let {
                return None;
            }
            let value = find_let(&cx.analysis.syntax.statements, symbol.span)?;
            match value {
                LetValue::Expr(e) | LetValue::Materialize(e) => Some(e),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The `let` of this name at the top of a query.
fn find_let(statements: &[Statement], name_span: Span) -> Option<&LetValue> {
    statements.iter().find_map(|s| match &s.kind {
        StatementKind::Let { name, value } if name.span == name_span => Some(value),
        _ => None,
    })
}
