//! Names that are given and never used.

use std::collections::HashSet;

use super::cx::Cx;
use super::rules::{UNUSED_COLUMN, UNUSED_LET};
use super::walk::{Node, walk};
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::lexer::TokenKind;
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax::{ExprKind, NameForm, OperatorKind, Span, StatementKind};

/// `let x = ...;` without another `x`.
pub(super) fn lets(cx: &mut Cx<'_>) {
    let statements = &cx.analysis.syntax.statements;
    if !matches!(
        statements.last().map(|s| &s.kind),
        Some(StatementKind::Query(_))
    ) {
        return;
    }
    let symbols = &cx.analysis.symbols;
    let uses = uses(cx);
    let mut said = Vec::new();
    for statement in statements {
        let StatementKind::Let { name, .. } = &statement.kind else {
            continue;
        };
        let unused = cx
            .mention(name.span)
            .and_then(|m| m.origin.as_symbol())
            .is_some_and(|i| {
                uses[i] == 1
                    && matches!(
                        symbols.defined[i].kind,
                        SymbolKind::Let | SymbolKind::Function
                    )
            });
        if unused && !name.text.starts_with('_') {
            said.push((name.span, name.text.clone(), remove(cx, statement.span)));
        }
    }
    for (span, name, fix) in said {
        cx.say(UNUSED_LET, span, format!("{name} is never used."), fix);
    }
}

/// Takes a statement out with its `;` and the rest of its line.
fn remove(cx: &Cx<'_>, span: Span) -> Option<Fix> {
    let tokens = &cx.analysis.syntax.tokens;
    let at = tokens.partition_point(|t| t.span.start < span.end);
    let semicolon = tokens.get(at).filter(|t| t.kind == TokenKind::Semicolon)?;
    let mut end = semicolon.span.end as usize;
    let rest = &cx.text[end..];
    let line = rest.find('\n').map_or(rest.len(), |i| i + 1);
    if rest[..line].trim().is_empty() {
        end += line;
    }
    (!cx.has_comment(span)).then(|| Fix {
        title: "Remove it".to_owned(),
        edits: vec![Edit {
            span: Span::new(span.start as usize, end),
            text: String::new(),
        }],
    })
}

/// `extend x = ...` that is neither read again nor in the result.
pub(super) fn columns(cx: &mut Cx<'_>) {
    let Some(result) = cx.analysis.result.as_ref().filter(|r| !r.open) else {
        return;
    };
    if has_stars(cx) {
        return;
    }
    let symbols = &cx.analysis.symbols;
    let mut used = uses(cx);
    for (a, b) in &symbols.same {
        for index in [a, b].into_iter().filter_map(|o| o.as_symbol()) {
            used[index] = 2;
        }
    }
    let shown: HashSet<&str> = result.columns.iter().map(|c| c.name.as_str()).collect();
    // a join may show it under another name
    for index in result.columns.iter().filter_map(|c| c.origin.as_symbol()) {
        used[index] = 2;
    }
    let mut said = Vec::new();
    walk(&cx.analysis.syntax.statements, &mut |node| {
        let Node::Pipeline(ops, _) = node else {
            return;
        };
        for op in ops {
            let OperatorKind::Extend(items) = &op.kind else {
                continue;
            };
            for item in items {
                let ExprKind::Named { name, .. } = &item.kind else {
                    continue;
                };
                let unused = cx
                    .mention(name.span)
                    .and_then(|m| m.origin.as_symbol())
                    .is_some_and(|i| {
                        used[i] == 1
                            && symbols.defined[i].kind == SymbolKind::Column
                            && symbols.defined[i].span == name.span
                    });
                if unused && !shown.contains(name.text.as_str()) {
                    said.push((name.span, name.text.clone()));
                }
            }
        }
    });
    for (span, name) in said {
        let message = format!("{name} is computed, but neither used nor shown.");
        cx.say(UNUSED_COLUMN, span, message, None);
    }
}

/// How often each defined name stands, its definition included.
fn uses(cx: &Cx<'_>) -> Vec<usize> {
    let symbols = &cx.analysis.symbols;
    let mut uses = vec![0usize; symbols.defined.len()];
    for mention in &symbols.mentions {
        if let Some(index) = mention.origin.as_symbol() {
            uses[index] += 1;
        }
    }
    uses
}

/// Does anything in the query read columns without naming them?
fn has_stars(cx: &Cx<'_>) -> bool {
    let mut stars = false;
    walk(&cx.analysis.syntax.statements, &mut |node| match node {
        Node::Expr(e) => match &e.kind {
            ExprKind::Star | ExprKind::Pack => stars = true,
            ExprKind::Name(name) => stars |= name.form == NameForm::Wildcard,
            _ => {}
        },
        Node::Pipeline(ops, _) => {
            stars |= ops.iter().any(|op| {
                matches!(
                    op.kind,
                    OperatorKind::Union(_)
                        | OperatorKind::Search { .. }
                        | OperatorKind::Find { .. }
                        | OperatorKind::Invoke(_)
                        | OperatorKind::Evaluate { .. }
                        | OperatorKind::Distinct(_)
                        | OperatorKind::GetSchema
                        | OperatorKind::Graph(_)
                        | OperatorKind::MacroExpand(_)
                        | OperatorKind::Scan { .. }
                        | OperatorKind::Fork(_)
                )
            });
        }
        Node::Call(call) => {
            stars |= matches!(call.name.text.as_str(), "pack_all" | "column_ifexists");
        }
    });
    stars
        || cx.analysis.syntax.statements.iter().any(|s| {
            matches!(
                &s.kind,
                StatementKind::Let {
                    value: crate::kql::syntax::LetValue::Function(_),
                    ..
                }
            )
        })
}
