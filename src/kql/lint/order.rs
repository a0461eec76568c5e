//! Sorting for nothing, counting what was cut.

use super::cx::Cx;
use super::rules::{COUNT_AFTER_TAKE, LOST_SORT, SORT_THEN_TAKE};
use super::walk::{Node, parts};
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::syntax::{Expr, ExprKind, Operator, OperatorKind, Span};

/// Functions whose answer depends on the order of rows, and aggregates that keep it.
const ORDERED: &[&str] = &[
    "prev",
    "next",
    "row_number",
    "row_cumsum",
    "row_rank_dense",
    "row_rank_min",
    "row_window_session",
    "make_list",
    "make_list_if",
    "make_list_with_nulls",
    "makelist",
    "make_set",
    "make_set_if",
    "makeset",
    "make_bag",
    "make_bag_if",
    "take_any",
    "take_anyif",
    "any",
    "anyif",
    "arg_max",
    "arg_min",
];

pub(super) fn pipeline(cx: &mut Cx<'_>, ops: &[Operator]) {
    for (i, op) in ops.iter().enumerate() {
        let next = ops.get(i + 1);
        match &op.kind {
            OperatorKind::Sort(keys) => {
                if let (Some(take), [key]) = (next, keys.as_slice())
                    && let OperatorKind::Take(count) = &take.kind
                    && op.parameters.is_empty()
                    && take.parameters.is_empty()
                {
                    let whole = op.span.to(take.span);
                    let text = format!("top {} by {}", cx.at(count.span), cx.at(key.span));
                    let message = format!("{text} says the same, without sorting all rows.");
                    let fix =
                        (!cx.has_comment(whole)).then(|| Fix::replace("Write top", whole, text));
                    cx.say(SORT_THEN_TAKE, op.keyword, message, fix);
                } else if let Some(loser) = lost(&ops[i + 1..]) {
                    let message = format!("{loser} does not keep this order.");
                    let fix = remove(cx, op.span);
                    cx.say(LOST_SORT, op.keyword, message, fix);
                }
            }
            OperatorKind::Take(_) => {
                if let Some(count) = next.filter(|op| counts(op)) {
                    let message = "This counts the rows that take has left, not the events.";
                    cx.say(COUNT_AFTER_TAKE, count.keyword, message.to_owned(), None);
                }
            }
            _ => {}
        }
    }
}

/// `count`, or `summarize count()` of all rows.
fn counts(op: &Operator) -> bool {
    let OperatorKind::Summarize {
        aggregates,
        by: None,
    } = &op.kind
    else {
        return matches!(op.kind, OperatorKind::Count(_));
    };
    let [Expr { kind, .. }] = aggregates.as_slice() else {
        return false;
    };
    let kind = match kind {
        ExprKind::Named { value, .. } => &value.kind,
        other => other,
    };
    matches!(kind, ExprKind::Call(call) if call.name.text == "count")
}

/// The operator that loses the order before anything makes use of it.
fn lost(rest: &[Operator]) -> Option<&'static str> {
    for op in rest {
        let mut ordered = false;
        parts(op, &mut |node| {
            if let Node::Call(call) = node {
                ordered |= ORDERED.contains(&call.name.text.as_str())
                    || call.name.text.starts_with("series_");
            }
        });
        if ordered {
            return None;
        }
        match &op.kind {
            OperatorKind::Where(_)
            | OperatorKind::Extend(_)
            | OperatorKind::Project(_)
            | OperatorKind::ProjectAway(_)
            | OperatorKind::ProjectKeep(_)
            | OperatorKind::ProjectRename(_)
            | OperatorKind::ProjectReorder(_) => {}
            OperatorKind::Summarize { aggregates, .. } => {
                let calls = |e: &Expr| {
                    let mut e = e;
                    while let ExprKind::Named { value, .. } = &e.kind {
                        e = value;
                    }
                    matches!(e.kind, ExprKind::Call(_))
                };
                return aggregates.iter().all(calls).then_some("summarize");
            }
            OperatorKind::Count(_) => return Some("count"),
            OperatorKind::Distinct(_) => return Some("distinct"),
            OperatorKind::Sort(_) => return Some("the next sort"),
            _ => return None,
        }
    }
    None
}

/// Takes an operator out, with the pipe and the white space before it.
fn remove(cx: &Cx<'_>, span: Span) -> Option<Fix> {
    let tokens = &cx.analysis.syntax.tokens;
    let at = tokens.partition_point(|t| t.span.start < span.start);
    let bar = tokens.get(at.checked_sub(1)?)?;
    let before = tokens.get(at.checked_sub(2)?)?;
    let whole = Span {
        start: before.span.end,
        end: span.end,
    };
    let clean = bar.kind == crate::kql::lexer::TokenKind::Bar
        && !cx.at(whole).contains("//")
        && !cx.has_comment(whole);
    clean.then(|| Fix {
        title: "Remove the sort".to_owned(),
        edits: vec![Edit {
            span: whole,
            text: String::new(),
        }],
    })
}
