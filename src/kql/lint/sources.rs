//! Where rows come from: everything at once, or tables that are being retired.

use super::cx::Cx;
use super::rules::{ALL_TABLES, OLD_TABLE};
use crate::kql::binder::Reference;
use crate::kql::diagnostics::Fix;
use crate::kql::syntax::{Expr, ExprKind, NameForm, Operator, OperatorKind, Span};

pub(super) fn pipeline(cx: &mut Cx<'_>, ops: &[Operator], source: Option<&Expr>) {
    if source.is_none()
        && let Some(first) = ops.first()
    {
        let all = match &first.kind {
            OperatorKind::Search { tables: None, .. } => Some("Search in (Table, ...) instead"),
            OperatorKind::Find { tables: None, .. } => {
                Some("Name the tables: find in (Table, ...)")
            }
            OperatorKind::Union(list) if list.iter().any(is_all) => Some("Name the tables"),
            _ => None,
        };
        if let Some(advice) = all {
            let message = format!("This reads every table there is. {advice}.");
            cx.say(ALL_TABLES, first.keyword, message, None);
        }
    }
    for op in ops {
        if let OperatorKind::Union(list)
        | OperatorKind::Search {
            tables: Some(list), ..
        }
        | OperatorKind::Find {
            tables: Some(list), ..
        } = &op.kind
        {
            for e in list {
                old_table(cx, e);
            }
        }
        if let OperatorKind::Join { right, .. } | OperatorKind::Lookup { right, .. } = &op.kind {
            old_table(cx, right);
        }
    }
    if let Some(source) = source {
        old_table(cx, source);
    }
}

/// `*` alone.
fn is_all(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Star => true,
        ExprKind::Name(name) => name.form == NameForm::Wildcard && name.text == "*",
        _ => false,
    }
}

fn old_table(cx: &mut Cx<'_>, mut e: &Expr) {
    while let ExprKind::Paren(inner) = &e.kind {
        e = inner;
    }
    let ExprKind::Name(name) = &e.kind else {
        return;
    };
    if cx.reference(name.span) == Some(Reference::Table) {
        retired(cx, &name.text, name.span);
    }
}

fn retired(cx: &mut Cx<'_>, table: &str, span: Span) {
    let Some(new) = cx.schema.table(table).and_then(|t| t.replaced_by.clone()) else {
        return;
    };
    let message = format!("{table} is being retired; {new} takes its place.");
    let fix = cx.proved(Fix::replace(format!("Read {new}"), span, new));
    cx.say(OLD_TABLE, span, message, fix);
}
