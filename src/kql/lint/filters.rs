//! Filters that stand too late, or look the wrong way.

use super::cx::Cx;
use super::rules::{LATE_FILTER, REGEX_FIRST, TIME_BACKWARDS};
use super::walk::{Node, parts, walk, within};
use crate::kql::Type;
use crate::kql::binder::Reference;
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::symbols::Source;
use crate::kql::syntax::{
    BinaryToken, Expr, ExprKind, Operator, OperatorKind, Span, StatementKind,
};

pub(super) fn pipeline(cx: &mut Cx<'_>, ops: &[Operator]) {
    for (i, op) in ops.iter().enumerate() {
        if let OperatorKind::Where(predicate) = &op.kind {
            regex_first(cx, predicate);
            if let Some(before) = i.checked_sub(1).map(|i| &ops[i]) {
                late(cx, before, op, predicate);
            }
        }
    }
}

/// `x matches regex "..." and y == 1`
fn regex_first(cx: &mut Cx<'_>, predicate: &Expr) {
    let ExprKind::Chain { first, rest } = &predicate.kind else {
        return;
    };
    if !rest.iter().all(|(op, ..)| *op == BinaryToken::And) {
        return;
    }
    let operands: Vec<&Expr> = std::iter::once(&**first)
        .chain(rest.iter().map(|(_, _, e)| e))
        .collect();
    let Some((at, place)) = operands
        .iter()
        .enumerate()
        .find_map(|(n, e)| regex_of(e).map(|span| (n, span)))
    else {
        return;
    };
    if !operands[at + 1..].iter().any(|e| is_cheap(cx, e)) {
        return;
    }
    let message =
        "The regular expression stands before a cheaper test, which should come first.".to_owned();
    let fix = (!cx.has_comment(predicate.span)).then(|| {
        let (late, early): (Vec<&Expr>, Vec<&Expr>) = operands
            .iter()
            .copied()
            .partition(|e| regex_of(e).is_some());
        let ordered = early.into_iter().chain(late);
        let edits = operands
            .iter()
            .zip(ordered)
            .filter(|(old, new)| old.span != new.span)
            .map(|(old, new)| Edit {
                span: old.span,
                text: cx.at(new.span).to_owned(),
            })
            .collect();
        Fix {
            title: "Put the regular expression last".to_owned(),
            edits,
        }
    });
    cx.say(REGEX_FIRST, place, message, fix);
}

/// Where an operand is nothing but a regular expression.
fn regex_of(e: &Expr) -> Option<Span> {
    match &e.kind {
        ExprKind::Chain { rest, .. } => match rest.as_slice() {
            [(BinaryToken::Text("matches regex"), span, _)] => Some(*span),
            _ => None,
        },
        _ => None,
    }
}

/// A column compared with literals, names or times.
fn is_cheap(cx: &Cx<'_>, e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Chain { first, rest } => match rest.as_slice() {
            [(op, _, right)] => {
                !matches!(op, BinaryToken::Text("matches regex"))
                    && !matches!(op, BinaryToken::And | BinaryToken::Or)
                    && cx.column(first).is_some()
                    && matches!(
                        right.kind,
                        ExprKind::Strings(_) | ExprKind::Literal(_) | ExprKind::Call(_)
                    )
            }
            _ => false,
        },
        ExprKind::In { left, list, .. } => {
            cx.column(left).is_some()
                && list
                    .iter()
                    .all(|e| matches!(e.kind, ExprKind::Strings(_) | ExprKind::Literal(_)))
        }
        ExprKind::Between { left, .. } => cx.column(left).is_some(),
        _ => false,
    }
}

/// `summarize ... by a | where a == 1`
fn late(cx: &mut Cx<'_>, before: &Operator, op: &Operator, predicate: &Expr) {
    let OperatorKind::Summarize { by: Some(by), .. } = &before.kind else {
        return;
    };
    let keys: Vec<&str> = by
        .iter()
        .filter_map(|e| cx.column(e).map(|n| n.text.as_str()))
        .collect();
    let (mut columns, mut only_keys) = (0, true);
    within(predicate, &mut |node| match node {
        Node::Expr(Expr {
            kind: ExprKind::Name(name),
            ..
        }) => match cx.reference(name.span) {
            Some(Reference::Column) => {
                columns += 1;
                only_keys &= keys.contains(&name.text.as_str());
            }
            Some(Reference::Variable | Reference::Parameter) => {}
            _ => only_keys = false,
        },
        Node::Pipeline(..) => only_keys = false,
        // another answer for every row: a group is not its rows
        Node::Call(call) if matches!(call.name.text.as_str(), "rand" | "new_guid") => {
            only_keys = false;
        }
        _ => {}
    });
    if columns == 0 || !only_keys || !cx.ok {
        return;
    }
    let whole = before.span.to(op.span);
    let fix = (!cx.has_comment(whole)).then(|| Fix {
        title: "Filter before the summarize".to_owned(),
        edits: vec![
            Edit {
                span: before.span,
                text: cx.at(op.span).to_owned(),
            },
            Edit {
                span: op.span,
                text: cx.at(before.span).to_owned(),
            },
        ],
    });
    let message =
        "This filter only looks at what is grouped by, so it can stand before the summarize \
                   and save its work."
            .to_owned();
    cx.say(LATE_FILTER, op.keyword, message, fix);
}

/// `Timestamp < ago(1d)` where nothing else bounds the time. Only asked of what the query itself reads:
/// a baseline (`let known = ... | where Timestamp < ago(7d)`) and what is left after a `summarize` (devices
/// not seen for a week) look back on purpose.
pub(super) fn backwards(cx: &mut Cx<'_>) {
    let statements = &cx.analysis.syntax.statements;
    let Some(StatementKind::Query(query)) = statements.last().map(|s| &s.kind) else {
        return;
    };
    let ExprKind::Pipeline {
        source: Some(source),
        ops,
    } = &query.kind
    else {
        return;
    };
    if !matches!(&source.kind, ExprKind::Name(name) if cx.reference(name.span) == Some(Reference::Table))
    {
        return;
    }
    let mut found: Vec<(Span, Span)> = Vec::new();
    for op in ops {
        match &op.kind {
            OperatorKind::Where(predicate) => {
                conjuncts(predicate, &mut |e| found.extend(older(cx, e)));
            }
            OperatorKind::Extend(_) | OperatorKind::Project(_) => {}
            _ => break,
        }
    }
    let [(op, whole)] = found[..] else {
        return;
    };
    let mut bounded = false;
    walk(statements, &mut |node| {
        if let Node::Pipeline(ops, _) = node {
            for op in ops {
                bounded |= bounds(cx, op, whole);
            }
        }
    });
    if bounded {
        return;
    }
    let message = format!(
        "{} keeps what is older, not what is newer, and nothing else limits the time.",
        cx.at(whole)
    );
    let turned = cx.at(op).replace('<', ">");
    let fix = Fix::replace(format!("Write {turned}"), op, turned);
    cx.say(TIME_BACKWARDS, op, message, Some(fix));
}

/// The tests that must all hold.
fn conjuncts<'e>(predicate: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    let mut open = vec![predicate];
    while let Some(e) = open.pop() {
        match &e.kind {
            ExprKind::Paren(inner) => open.push(inner),
            ExprKind::Chain { first, rest }
                if rest.iter().all(|(op, ..)| *op == BinaryToken::And) =>
            {
                open.push(first);
                open.extend(rest.iter().map(|(_, _, e)| e));
            }
            _ => see(e),
        }
    }
}

/// Where `Timestamp < ago(...)` has its operator, and all of it.
fn older(cx: &Cx<'_>, e: &Expr) -> Option<(Span, Span)> {
    let ExprKind::Chain { first, rest } = &e.kind else {
        return None;
    };
    let [(BinaryToken::Less | BinaryToken::LessOrEqual, op, right)] = rest.as_slice() else {
        return None;
    };
    let name = cx.column(first)?;
    let of_table = matches!(cx.mention(name.span)?.origin.source(), Source::Table { .. });
    let ago = matches!(&right.kind, ExprKind::Call(call) if call.name.text == "ago");
    (name.text == "Timestamp" && of_table && ago).then_some((*op, e.span))
}

/// Does an operator test a time anywhere but at this place?
fn bounds(cx: &Cx<'_>, op: &Operator, but: Span) -> bool {
    if !matches!(
        op.kind,
        OperatorKind::Where(_) | OperatorKind::Search { .. } | OperatorKind::Find { .. }
    ) {
        return false;
    }
    let mut found = false;
    parts(op, &mut |node| match node {
        Node::Expr(e) => {
            found |= !(but.start <= e.span.start && e.span.end <= but.end)
                && cx.column_of(e, Type::DateTime).is_some();
        }
        Node::Call(call) => found |= call.name.text == "ingestion_time",
        Node::Pipeline(..) => {}
    });
    found
}
