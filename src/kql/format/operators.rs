//! Query operators: where their lines may break.

use super::data::{options, parameters};
use super::plan::{Plan, Rule, Space};
use super::walk::{
    Items, before, body, bracket, call, declare, expr, exprs, firsts, is_plain, pipeline, schema,
};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{
    ExpandSyntax, Expr, ExprKind, JoinOn, Operator, OperatorKind, Parameter, ParameterValue,
    PatternPart, ScanStepSyntax, SeriesRange,
};

pub(super) fn operator(plan: &mut Plan<'_>, op: &Operator) {
    use OperatorKind as O;
    let (keyword, end) = (plan.first(op.span), plan.end(op.span));
    parameters(plan, &op.parameters);
    match &op.kind {
        O::As(_) | O::Bad | O::Consume | O::Count(_) | O::ExecuteAndCache | O::GetSchema => {}
        O::AssertSchema(columns) => schema(plan, keyword + 1, end - 1, columns),
        O::Distinct(list)
        | O::Extend(list)
        | O::Print(list)
        | O::Project(list)
        | O::ProjectAway(list)
        | O::ProjectByNames(list)
        | O::ProjectKeep(list)
        | O::ProjectRename(list)
        | O::ProjectReorder(list)
        | O::Serialize(list)
        | O::Sort(list)
        | O::Union(list) => items(plan, keyword, end, list),
        O::Evaluate {
            call: plugin,
            call_span,
            schema: declared,
        } => {
            call(plan, plugin);
            if let Some(declared) = declared {
                let colon = plan.end(*call_span);
                plan.blank_around(colon);
                schema(plan, colon + 1, end - 1, &declared.columns);
            }
        }
        O::Facet { by, with } => {
            exprs(plan, by);
            if let Some(with) = with {
                sub_query(plan, with);
            }
        }
        O::Find {
            tables,
            predicate,
            project,
            away,
        } => {
            let group = plan.open(keyword);
            plan.groups[group].hanging = true;
            sources(plan, tables.as_deref());
            let mut clauses = vec![before(plan, predicate.span)];
            for list in [project, away].into_iter().flatten() {
                clauses.extend(list.first().map(|e| before(plan, e.span)));
            }
            clauses.retain(|&at| at > keyword);
            lines(plan, group, &clauses);
            expr(plan, predicate);
            for list in [project, away].into_iter().flatten() {
                exprs(plan, list);
            }
            plan.close(group, end);
        }
        O::Fork(branches) => {
            let group = plan.open(keyword);
            plan.must(group);
            for (name, branch) in branches {
                if matches!(branch.kind, ExprKind::Missing) {
                    continue;
                }
                let open = before(plan, branch.span);
                let start = name.as_ref().map_or(open, |n| plan.first(n.span));
                plan.space(open, Space::Blank);
                plan.line(start, group, 1);
                sub_query(plan, branch);
            }
            plan.close(group, end);
        }
        O::Graph(syntax) => graph(plan, keyword, end, &syntax.exprs()),
        O::MacroExpand(_) => {
            for gap in keyword + 1..end {
                plan.gaps[gap].verbatim = true;
            }
        }
        O::Invoke(value) | O::Sample(value) | O::Take(value) | O::Where(value) => expr(plan, value),
        O::Join { right, on } | O::Lookup { right, on } => join(plan, keyword, end, right, on),
        O::MakeSeries {
            items,
            on,
            range,
            by,
        } => {
            let group = plan.open(keyword);
            plan.groups[group].hanging = items.len() < 2;
            let range_start = match range {
                SeriesRange::FromToStep { from, step, .. } => from
                    .as_deref()
                    .map_or_else(|| before(plan, step.span), |from| before(plan, from.span)),
                SeriesRange::InRange(list) => {
                    list.first().map_or(end, |e| before(plan, e.span) - 2)
                }
            };
            let mut clauses = vec![before(plan, on.span), range_start];
            clauses.extend(by.first().map(|e| before(plan, e.span)));
            clauses.retain(|&at| at < end);
            lines(plan, group, &clauses);
            let starts: Vec<usize> = items.iter().map(|(e, _)| plan.first(e.span)).collect();
            let inner = list(plan, keyword, clauses[0], &starts);
            for (series, default) in items {
                expr(plan, series);
                if let Some(default) = default {
                    plan.tight_around(before(plan, default.span));
                    expr(plan, default);
                }
            }
            if let Some(inner) = inner {
                plan.close(inner, clauses[0]);
            }
            expr(plan, on);
            match range {
                SeriesRange::FromToStep { from, to, step } => {
                    for part in [from, to].into_iter().flatten() {
                        expr(plan, part);
                    }
                    expr(plan, step);
                }
                SeriesRange::InRange(list) => exprs(plan, list),
            }
            filled(plan, by, true);
            plan.close(group, end);
        }
        O::MvApply {
            items,
            limit,
            body: inner,
        } => {
            expand(plan, items, limit.as_deref());
            sub_query(plan, inner);
        }
        O::MvExpand { items, limit } => {
            let starts: Vec<usize> = items
                .iter()
                .filter_map(|i| i.expr.as_ref())
                .map(|e| plan.first(e.span))
                .collect();
            let group = list(plan, keyword, end, &starts);
            expand(plan, items, limit.as_deref());
            if let Some(group) = group {
                plan.close(group, end);
            }
        }
        O::Parse { source, pattern } => parse(plan, source, pattern, end),
        O::ParseKv {
            source,
            keys,
            properties,
        } => {
            expr(plan, source);
            let open = plan.end(source.span) + 1;
            let close = keys.last().map_or(open + 1, |k| plan.end(k.span));
            plan.space(open, Space::Blank);
            schema(plan, open, close, keys);
            options(plan, properties);
        }
        O::Partition {
            by, body: inner, ..
        } => {
            expr(plan, by);
            sub_query(plan, inner);
        }
        O::Range { from, to, step, .. } => {
            for part in [from, to, step] {
                expr(plan, part);
            }
        }
        O::Reduce { by, properties } => {
            expr(plan, by);
            parameters(plan, properties);
        }
        O::Render { properties, .. } => render(plan, properties),
        O::SampleDistinct { count, of } => {
            expr(plan, count);
            expr(plan, of);
        }
        O::Scan {
            order,
            partition,
            declare: declared,
            steps,
        } => {
            exprs(plan, order);
            exprs(plan, partition);
            let names = declare(plan, declared);
            if let (Some(&first), Some(last)) = (names.first(), declared.last()) {
                plan.space(first - 1, Space::Blank);
                let close = plan.end(last.span);
                bracket(plan, first - 1, close, &names, Items::Fill, |_| ());
            }
            scan(plan, steps, end);
        }
        O::Search { tables, predicate } => {
            sources(plan, tables.as_deref());
            expr(plan, predicate);
        }
        O::Summarize { aggregates, by } => summarize(plan, keyword, end, aggregates, by.as_deref()),
        O::Top { count, by } => {
            expr(plan, count);
            expr(plan, by);
        }
        O::TopHitters { count, of, by } => {
            expr(plan, count);
            expr(plan, of);
            if let Some(by) = by {
                expr(plan, by);
            }
        }
        O::TopNested(levels) => {
            let group = plan.open(keyword);
            for (n, level) in levels.iter().enumerate() {
                for part in [&level.count, &level.others].into_iter().flatten() {
                    expr(plan, part);
                }
                expr(plan, &level.of);
                expr(plan, &level.by);
                let next = plan.end(level.by.span) + 1;
                if n + 1 < levels.len() && next < end {
                    plan.line(next, group, 1);
                    if plan.newline(next) {
                        plan.must(group);
                    }
                }
            }
            plan.close(group, end);
        }
    }
}

/// `project a, b, c`: one a line where they do not fit, or where the author has it so.
fn items(plan: &mut Plan<'_>, keyword: usize, end: usize, all: &[Expr]) {
    let starts = firsts(plan, all);
    let group = list(plan, keyword, end, &starts);
    exprs(plan, all);
    if let Some(group) = group {
        plan.close(group, end);
    }
}

/// Opens the group of a list with more than one item.
fn list(plan: &mut Plan<'_>, keyword: usize, end: usize, starts: &[usize]) -> Option<usize> {
    let &first = starts.first()?;
    if starts.len() < 2 && !plan.any_comment(keyword, end) {
        return None;
    }
    let group = plan.open(keyword);
    if plan.one_a_line(starts) || (starts.len() > 1 && plan.newline(first)) {
        plan.must(group);
    }
    for &start in starts {
        plan.line(start, group, 1);
    }
    Some(group)
}

/// Clauses on lines of their own.
fn lines(plan: &mut Plan<'_>, group: usize, clauses: &[usize]) {
    for &at in clauses {
        plan.line(at, group, 1);
        if plan.newline(at) {
            plan.must(group);
        }
    }
}

/// The list after `by` or `on`: filled, or one a line where the author has it so; with `own_line` the
/// first one as well.
fn filled(plan: &mut Plan<'_>, by: &[Expr], own_line: bool) {
    let starts = firsts(plan, by);
    let (Some(&first), Some(last)) = (starts.first(), by.last()) else {
        return;
    };
    let group = plan.open(first - 1);
    let meant = if own_line {
        starts.len() > 1 && plan.newline(first)
    } else {
        plan.one_a_line(&starts)
    };
    let each = meant || !by.iter().all(|e| is_short(plan, e));
    if each && own_line && starts.len() > 1 {
        plan.line(first, group, 1);
    }
    if meant {
        plan.must(group);
    }
    for &start in &starts[1..] {
        let rule = if each { Rule::Always } else { Rule::Fill };
        plan.line_by(start, group, 1, rule);
    }
    exprs(plan, by);
    plan.close(group, plan.end(last.span));
}

/// A name, or about as long.
fn is_short(plan: &Plan<'_>, e: &Expr) -> bool {
    is_plain(e) || plan.ink(plan.first(e.span), plan.end(e.span)) < 40
}

fn summarize(
    plan: &mut Plan<'_>,
    keyword: usize,
    end: usize,
    aggregates: &[Expr],
    by: Option<&[Expr]>,
) {
    let group = plan.open(keyword);
    let starts = firsts(plan, aggregates);
    plan.groups[group].hanging = starts.len() < 2;
    let at = by
        .and_then(<[Expr]>::first)
        .map(|first| before(plan, first.span));
    if let Some(at) = at
        && !aggregates.is_empty()
    {
        lines(plan, group, &[at]);
    }
    let inner = list(plan, keyword, at.unwrap_or(end), &starts);
    exprs(plan, aggregates);
    if let Some(inner) = inner {
        plan.close(inner, at.unwrap_or(end));
    }
    if let Some(by) = by {
        filled(plan, by, true);
    }
    plan.close(group, end);
}

fn join(plan: &mut Plan<'_>, keyword: usize, end: usize, right: &Expr, on: &JoinOn) {
    let bracketed = matches!(right.kind, ExprKind::Paren(_));
    let group = plan.open(keyword);
    plan.groups[group].hanging = true;
    let conditions: &[Expr] = match on {
        JoinOn::On(list) => list,
        JoinOn::Where(condition) => std::slice::from_ref(condition),
        JoinOn::Missing => &[],
    };
    if bracketed {
        plan.space(plan.first(right.span), Space::Blank);
        plan.close(group, keyword + 1);
    } else if let Some(first) = conditions.first() {
        plan.line(before(plan, first.span), group, 1);
    }
    expr(plan, right);
    filled(plan, conditions, false);
    if !bracketed {
        plan.close(group, end);
    }
}

/// A query in the brackets around it, or an operator without them.
fn sub_query(plan: &mut Plan<'_>, inner: &Expr) {
    if matches!(inner.kind, ExprKind::Missing) {
        return;
    }
    let (open, close) = (before(plan, inner.span), plan.end(inner.span));
    if plan.is(open, TokenKind::OpenParen) && plan.is(close, TokenKind::CloseParen) {
        plan.space(open, Space::Blank);
        body(plan, open, close, inner);
    } else if plan.is(open, TokenKind::OpenBrace) && plan.is(close, TokenKind::CloseBrace) {
        plan.space(open, Space::Blank);
        plan.space(open + 1, Space::Blank);
        plan.space(close, Space::Blank);
        body(plan, open, close, inner);
    } else {
        pipeline(plan, inner, false);
    }
}

/// `in (A, B, Device*)`
fn sources(plan: &mut Plan<'_>, tables: Option<&[Expr]>) {
    let (Some(tables), Some(last)) = (tables, tables.and_then(<[Expr]>::last)) else {
        return;
    };
    let starts = firsts(plan, tables);
    let (open, close) = (starts[0] - 1, plan.end(last.span));
    plan.space(open, Space::Blank);
    bracket(plan, open, close, &starts, Items::Fill, |plan| {
        exprs(plan, tables);
    });
}

fn expand(plan: &mut Plan<'_>, items: &[ExpandSyntax], limit: Option<&Expr>) {
    for item in items {
        for part in [&item.expr, &item.to].into_iter().flatten() {
            expr(plan, part);
        }
    }
    if let Some(limit) = limit {
        expr(plan, limit);
    }
}

/// `parse x with * "a" Column:long "b" *`: filled, broken before texts.
fn parse(plan: &mut Plan<'_>, source: &Expr, pattern: &[PatternPart], end: usize) {
    expr(plan, source);
    let group = plan.open(plan.end(source.span));
    for (n, part) in pattern.iter().enumerate() {
        let start = match part {
            PatternPart::Star(span) => plan.first(*span),
            PatternPart::Text(text) => plan.first(text.span),
            PatternPart::Column(name, ty) => {
                if ty.is_some() {
                    plan.tight_around(plan.end(name.span));
                }
                plan.first(name.span)
            }
        };
        plan.space(start, Space::Blank);
        if n > 0 && matches!(part, PatternPart::Text(_)) {
            plan.line_by(start, group, 1, Rule::Fill);
        }
    }
    plan.close(group, end);
}

fn render(plan: &mut Plan<'_>, properties: &[Parameter]) {
    options(plan, properties);
    for property in properties {
        if let ParameterValue::Columns(names) = &property.value {
            for name in names {
                super::walk::named(plan, name);
            }
        }
    }
}

fn scan(plan: &mut Plan<'_>, steps: &[ScanStepSyntax], end: usize) {
    let Some(first) = steps.first() else {
        return;
    };
    let open = before(plan, first.name.span).saturating_sub(1);
    let group = plan.open(open);
    plan.must(group);
    plan.space(open, Space::Blank);
    for step in steps {
        let start = before(plan, step.name.span);
        plan.line(start, group, 1);
        let own = plan.open(start);
        plan.groups[own].hanging = true;
        if let Some(output) = step.output {
            plan.tight_around(before(plan, output));
        }
        expr(plan, &step.condition);
        let mut last = plan.end(step.condition.span);
        if let Some((name, _)) = step.assignments.first() {
            let arrow = before(plan, name.span);
            plan.line(arrow, own, 1);
            if plan.newline(arrow) {
                plan.must(own);
            }
        }
        for (_, value) in &step.assignments {
            expr(plan, value);
            last = plan.end(value.span);
        }
        plan.close(own, last + 1);
    }
    plan.line(end - 1, group, 0);
    plan.close(group, end);
}

/// Patterns keep their spacing; what follows them is broken by clause.
fn graph(plan: &mut Plan<'_>, keyword: usize, end: usize, list: &[&Expr]) {
    for gap in keyword + 1..end {
        plan.space(gap, Space::AsWritten);
    }
    let group = plan.open(keyword);
    plan.groups[group].hanging = true;
    for e in list {
        let clause = before(plan, e.span);
        if plan.tokens[clause].is_word("where") || plan.tokens[clause].is_word("project") {
            lines(plan, group, &[clause]);
        }
        let (start, stop) = (plan.first(e.span), plan.end(e.span));
        for gap in start + 1..stop {
            plan.space(gap, Space::Default);
        }
        plan.space(stop, Space::Default);
        expr(plan, e);
    }
    plan.close(group, end);
}
