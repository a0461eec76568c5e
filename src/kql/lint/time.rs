//! Does every large table that is read have a filter on time?
//!
//! A read has one when a `where` over a time stands anywhere between the table and the result: in its
//! own pipeline, or after the union or sub-query it is part of. What a `let` or function reads may also
//! be limited where its name is used. Each side of a join is asked for its own. Not asked: tables of a
//! row an alert, device or account (the volume table says which), reads cut by `take` at once, and
//! look-ups of one message.

use std::collections::HashSet;

use super::cx::Cx;
use super::rules::NO_TIME_FILTER;
use super::volume::{Volume, volume};
use super::walk::{Node, children, within};
use crate::kql::Type;
use crate::kql::binder::Reference;
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::syntax::{
    Expr, ExprKind, LetValue, Operator, OperatorKind, Span, Statement, StatementKind,
};

/// A table or name that is read.
struct Read<'a> {
    name: &'a crate::kql::syntax::Name,
    filtered: bool,
    /// The `let` it is part of, by its symbol.
    part_of: Option<usize>,
    /// What it starts, if it is the source of a pipeline: where a filter could go.
    first: Option<&'a Operator>,
}

pub(super) fn query(cx: &mut Cx<'_>) {
    let mut reads: Vec<Read<'_>> = Vec::new();
    statements(cx, &cx.analysis.syntax.statements, None, &mut reads);
    let symbol = |read: &Read<'_>| {
        cx.mention(read.name.span)
            .and_then(|m| m.origin.as_symbol())
    };
    // a name used under a filter limits what its let reads, and so on through lets of lets
    let mut limited: HashSet<usize> = HashSet::new();
    for read in reads.iter().rev() {
        if let Some(used) = symbol(read)
            && (read.filtered || read.part_of.is_some_and(|p| limited.contains(&p)))
        {
            limited.insert(used);
        }
    }
    let mut said: Vec<(Span, String, Option<Fix>)> = Vec::new();
    for read in &reads {
        let (name, span) = (read.name.text.as_str(), read.name.span);
        let open = !read.filtered
            && cx.reference(span) == Some(Reference::Table)
            && volume(name).is_some_and(|v| v >= Volume::Large)
            && !read.part_of.is_some_and(|p| limited.contains(&p));
        if !open {
            continue;
        }
        let time = "Timestamp";
        let Some(table) = cx.schema.table(name) else {
            continue;
        };
        if !table.columns.iter().any(|c| c.name == time) {
            continue;
        }
        let message = format!(
            "{name} is read without a filter on {time}: all of its 30 days are searched. \
             Say which, right after the table."
        );
        said.push((span, message, fix(cx, read)));
    }
    for (span, message, fix) in said {
        cx.say(NO_TIME_FILTER, span, message, fix);
    }
}

fn fix(cx: &Cx<'_>, read: &Read<'_>) -> Option<Fix> {
    let first = read.first?;
    let span = read.name.span;
    let between = cx.text.get(span.end as usize..first.span.start as usize)?;
    let gap = &between[..between.find('|')?];
    let gap = if gap.contains("//") { "\n" } else { gap };
    let gap = if gap.is_empty() { " " } else { gap };
    Some(Fix {
        title: "Search the last 7 days".to_owned(),
        edits: vec![Edit {
            span: Span {
                start: span.end,
                end: span.end,
            },
            text: format!("{gap}| where Timestamp > ago(7d)"),
        }],
    })
}

fn statements<'a>(
    cx: &Cx<'a>,
    list: &'a [Statement],
    part_of: Option<usize>,
    reads: &mut Vec<Read<'a>>,
) {
    for statement in list {
        match &statement.kind {
            StatementKind::Let { name, value } => {
                let own = cx
                    .mention(name.span)
                    .and_then(|m| m.origin.as_symbol())
                    .or(part_of);
                match value {
                    LetValue::Expr(e) | LetValue::Materialize(e) => flow(cx, e, false, own, reads),
                    LetValue::Function(function) => {
                        statements(cx, &function.statements, own, reads);
                        if let Some(result) = &function.result {
                            flow(cx, result, false, own, reads);
                        }
                    }
                    LetValue::EntityGroup(_) => {}
                }
            }
            StatementKind::Query(e) => flow(cx, e, false, part_of, reads),
            _ => {}
        }
    }
}

/// What an expression reads; `limited`: a filter on time follows.
fn flow<'a>(
    cx: &Cx<'a>,
    e: &'a Expr,
    limited: bool,
    part_of: Option<usize>,
    reads: &mut Vec<Read<'a>>,
) {
    match &e.kind {
        ExprKind::Name(name) => reads.push(Read {
            name,
            filtered: limited,
            part_of,
            first: None,
        }),
        ExprKind::Pipeline { source, ops } => {
            // is the time limited at this operator or after it?
            let mut from = vec![limited; ops.len() + 1];
            for (i, op) in ops.iter().enumerate().rev() {
                from[i] = from[i + 1] || limits(cx, op);
            }
            if let Some(source) = source {
                if let ExprKind::Name(name) = &source.kind {
                    reads.push(Read {
                        name,
                        filtered: from[0] || ops.first().is_some_and(is_cut),
                        part_of,
                        first: ops.first(),
                    });
                } else {
                    flow(cx, source, from[0], part_of, reads);
                }
            }
            for (i, op) in ops.iter().enumerate() {
                match &op.kind {
                    OperatorKind::Union(legs) => {
                        for leg in legs {
                            flow(cx, leg, from[i + 1], part_of, reads);
                        }
                    }
                    OperatorKind::Search {
                        tables: Some(tables),
                        ..
                    }
                    | OperatorKind::Find {
                        tables: Some(tables),
                        ..
                    } => {
                        for table in tables {
                            flow(cx, table, from[i], part_of, reads);
                        }
                    }
                    OperatorKind::Join { right, .. } | OperatorKind::Lookup { right, .. } => {
                        flow(cx, right, false, part_of, reads);
                    }
                    _ => super::walk::parts_of(op, &mut |inner| {
                        flow(cx, inner, false, part_of, reads);
                    }),
                }
            }
        }
        // what a function does with a table, its own body says
        ExprKind::Call(call) => {
            reads.push(Read {
                name: &call.name,
                filtered: limited,
                part_of,
                first: None,
            });
            for arg in &call.args {
                flow(cx, arg, true, part_of, reads);
            }
        }
        ExprKind::Paren(inner) => flow(cx, inner, limited, part_of, reads),
        _ => {
            let mut inner = Vec::new();
            children(e, &mut inner);
            for e in inner {
                flow(cx, e, limited, part_of, reads);
            }
        }
    }
}

/// Takes a few rows or none.
fn is_cut(op: &Operator) -> bool {
    matches!(
        op.kind,
        OperatorKind::Take(_) | OperatorKind::Sample(_) | OperatorKind::GetSchema
    )
}

/// Does it filter on a time, or look one message up?
fn limits(cx: &Cx<'_>, op: &Operator) -> bool {
    let predicate = match &op.kind {
        OperatorKind::Where(e)
        | OperatorKind::Search { predicate: e, .. }
        | OperatorKind::Find { predicate: e, .. } => e,
        OperatorKind::MakeSeries { range, .. } => {
            return matches!(
                range,
                crate::kql::syntax::SeriesRange::FromToStep { from: Some(_), .. }
            );
        }
        _ => return false,
    };
    let mut found = false;
    // what a sub-query tests limits its own reads, not these
    let mut inner = 0;
    within(predicate, &mut |node| match node {
        Node::Expr(e) if e.span.start < inner => {}
        Node::Expr(e) => {
            if let ExprKind::Pipeline { .. } = &e.kind {
                inner = e.span.end;
            }
            if let ExprKind::Name(name) = &e.kind {
                found |= matches!(name.text.as_str(), "NetworkMessageId" | "AlertId")
                    || cx
                        .mention(name.span)
                        .is_some_and(|m| m.ty == Type::DateTime);
            }
        }
        Node::Call(call) => {
            found |= call.name.span.start >= inner && call.name.text == "ingestion_time";
        }
        Node::Pipeline(..) => {}
    });
    found
}
