//! Written data: `dynamic(...)`, `datatable`, `externaldata`, and the options of operators.

use super::plan::{Plan, Rule, Space};
use super::walk::{Items, bracket, exprs, schema};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{ColumnDeclaration, Expr, Parameter, Span};

/// Options with less in them are never broken.
const SHORT: usize = 60;

/// A bracket of JSON that is being read.
struct Level {
    open: usize,
    items: Vec<usize>,
    /// Holds other brackets.
    nested: bool,
    group: usize,
}

/// The value inside `dynamic(...)`, from token `start` up to `end`.
pub(super) fn json(plan: &mut Plan<'_>, start: usize, end: usize) {
    let mut levels: Vec<Level> = Vec::new();
    for i in start..end {
        match plan.tokens[i].kind {
            TokenKind::OpenBracket | TokenKind::OpenBrace => {
                if let Some(outer) = levels.last_mut() {
                    outer.nested = true;
                }
                let group = plan.open(i);
                plan.space(i + 1, Space::Tight);
                levels.push(Level {
                    open: i,
                    items: vec![i + 1],
                    nested: false,
                    group,
                });
            }
            TokenKind::Comma => {
                if let Some(level) = levels.last_mut() {
                    level.items.push(i + 1);
                }
            }
            TokenKind::CloseBracket | TokenKind::CloseBrace => {
                plan.space(i, Space::Tight);
                if let Some(level) = levels.pop() {
                    close(plan, level, i);
                }
            }
            TokenKind::Minus => plan.space(i + 1, Space::Tight),
            _ => {}
        }
    }
}

fn close(plan: &mut Plan<'_>, mut level: Level, end: usize) {
    // nothing inside, or a comma at the end
    level.items.retain(|&item| item < end);
    plan.close(level.group, end + 1);
    let Some(&first) = level.items.first() else {
        return;
    };
    let object = plan.is(level.open, TokenKind::OpenBrace);
    let each = plan.one_a_line(&level.items);
    if each || (object && plan.newline(first)) {
        plan.must(level.group);
    }
    plan.line(first, level.group, 1);
    for &item in &level.items[1..] {
        let fill = !object && !level.nested && !each;
        let rule = if fill { Rule::Fill } else { Rule::Always };
        plan.line_by(item, level.group, 1, rule);
    }
    plan.line(end, level.group, 0);
}

/// `datatable(a: long, b: string) [...]`: a row a line.
pub(super) fn datatable(
    plan: &mut Plan<'_>,
    start: usize,
    columns: &[ColumnDeclaration],
    values: &[Expr],
    list: Span,
) {
    let (open, close) = (plan.first(list), plan.end(list) - 1);
    let paren = columns.first().map(|c| plan.first(c.span) - 1);
    if let Some(paren) = paren {
        if paren == start + 1 {
            plan.space(paren, Space::Tight);
        }
        schema(plan, paren, open - 1, columns);
    }
    plan.space(open, Space::Blank);
    let width = columns.len().max(1);
    if width == 1 {
        let items: Vec<usize> = values.iter().map(|v| plan.first(v.span)).collect();
        bracket(plan, open, close, &items, Items::Fill, |plan| {
            exprs(plan, values);
        });
        return;
    }
    let Some(first) = values.first() else {
        return;
    };
    let group = plan.open(open);
    if plan.any_newline(open, close + 1) {
        plan.must(group);
    }
    plan.line(plan.first(first.span), group, 1);
    for row in values.chunks(width).skip(1) {
        plan.line(plan.first(row[0].span), group, 1);
    }
    exprs(plan, values);
    plan.line(close, group, 0);
    plan.close(group, close + 1);
}

/// `externaldata(a: string) [@"https://..."] with (format="txt")`
pub(super) fn external(
    plan: &mut Plan<'_>,
    span: Span,
    columns: &[ColumnDeclaration],
    uris: &[Expr],
    properties: &[Parameter],
) {
    let (start, end) = (plan.first(span), plan.end(span));
    let Some(uri) = uris.first() else {
        return;
    };
    let open = plan.first(uri.span).saturating_sub(1);
    if let Some(column) = columns.first() {
        let paren = plan.first(column.span) - 1;
        if paren == start + 1 {
            plan.space(paren, Space::Tight);
        }
        schema(plan, paren, open - 1, columns);
    }
    plan.space(open, Space::Blank);
    let close = (open..end)
        .rev()
        .find(|&i| plan.is(i, TokenKind::CloseBracket))
        .unwrap_or(open + 1);
    let items: Vec<usize> = uris.iter().map(|u| plan.first(u.span)).collect();
    bracket(plan, open, close, &items, Items::Lines, |plan| {
        exprs(plan, uris);
    });
    options(plan, properties);
}

/// `with (name=value, ...)`; the brackets stand around the list.
pub(super) fn options(plan: &mut Plan<'_>, properties: &[Parameter]) {
    parameters(plan, properties);
    let (Some(first), Some(last)) = (properties.first(), properties.last()) else {
        return;
    };
    let (open, close) = (
        plan.first(first.span).saturating_sub(1),
        plan.end(last.span),
    );
    if plan.is(open, TokenKind::OpenParen) && plan.is(close, TokenKind::CloseParen) {
        plan.space(open, Space::Blank);
        if plan.ink(open, close) < SHORT && !plan.any_comment(open, close) {
            return;
        }
        let items: Vec<usize> = properties.iter().map(|p| plan.first(p.span)).collect();
        bracket(plan, open, close, &items, Items::Fill, |_| ());
    }
}

/// `name=value` without blanks.
pub(super) fn parameters(plan: &mut Plan<'_>, list: &[Parameter]) {
    for parameter in list {
        let (start, end) = (plan.first(parameter.span), plan.end(parameter.span));
        if let Some(equal) = (start..end).find(|&i| plan.is(i, TokenKind::Equal)) {
            plan.tight_around(equal);
        }
    }
}
