//! Statements, pipelines and expressions: where their lines may break.

use super::plan::{Plan, Rule, Space};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{
    BinaryToken, Call, ColumnDeclaration, Expr, ExprKind, FunctionDeclaration, FunctionParameter,
    LetValue, Name, NameForm, Span, Statement, StatementKind, Step, Syntax, TypeOfItem, TypeSyntax,
};

/// Brackets with less inside are never broken.
const SMALL: usize = 30;

/// How the items of a bracket stand when it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// One a line.
    Lines,
    /// As many a line as fit.
    Fill,
    /// Two a line: condition and value, key and value.
    Pairs,
}

/// Reads the tree into a plan.
pub(super) fn plan<'t>(text: &'t str, syntax: &'t Syntax) -> Plan<'t> {
    let mut plan = Plan::new(text, &syntax.tokens);
    let last = syntax.tokens.len() - 1;
    let root = plan.open(0);
    plan.must(root);
    let mut start = 0;
    while plan.is(start, TokenKind::Directive) {
        start += 1;
        plan.line(start, root, 0);
    }
    statements(&mut plan, &syntax.statements, root, 0);
    plan.line(last, root, 0);
    plan.gaps[0].statement = true;
    plan.gaps[last].statement = true;
    plan.close(root, last + 1);
    plan
}

fn statements(plan: &mut Plan<'_>, list: &[Statement], group: usize, steps: usize) {
    for statement in list {
        let start = plan.first(statement.span);
        if start > 0 {
            plan.line(start, group, steps);
            plan.gaps[start].statement = true;
        }
        let own = plan.open(start);
        let end = plan.end(statement.span);
        match &statement.kind {
            StatementKind::Let { name, value } => let_value(plan, name, value, end),
            StatementKind::Set { value, .. } => {
                if let Some(value) = value {
                    expr(plan, value);
                }
            }
            StatementKind::Parameters(parameters) => {
                let items = declare(plan, parameters);
                if let Some(&first) = items.first() {
                    plan.space(first - 1, Space::Tight);
                    bracket(plan, first - 1, end - 1, &items, Items::Lines, |_| ());
                }
            }
            StatementKind::Pattern(_) | StatementKind::Other { .. } => {
                for gap in start + 1..end {
                    plan.gaps[gap].verbatim = true;
                }
            }
            StatementKind::Query(query) => {
                if let ExprKind::Pipeline { .. } = query.kind {
                    pipeline(plan, query, true);
                } else {
                    expr(plan, query);
                }
            }
        }
        let close = end + usize::from(plan.is(end, TokenKind::Semicolon));
        plan.close(own, close);
    }
}

fn let_value(plan: &mut Plan<'_>, name: &Name, value: &LetValue, end: usize) {
    let equal = plan.end(name.span);
    match value {
        LetValue::Expr(value) if matches!(value.kind, ExprKind::Pipeline { .. }) => {
            let group = plan.open(equal);
            plan.line(plan.first(value.span), group, 1);
            pipeline(plan, value, false);
            plan.close(group, end);
        }
        LetValue::Expr(value) => expr(plan, value),
        LetValue::Materialize(inner) => {
            let open = equal + 2;
            plan.space(open, Space::Tight);
            body(plan, open, end - 1, inner);
        }
        LetValue::Function(function) => declaration(plan, function),
        LetValue::EntityGroup(list) => {
            let items: Vec<usize> = list.iter().map(|e| plan.first(e.span)).collect();
            if let Some(&first) = items.first() {
                plan.space(first - 1, Space::Blank);
                bracket(plan, first - 1, end - 1, &items, Items::Lines, |plan| {
                    exprs(plan, list);
                });
            }
        }
    }
}

fn declaration(plan: &mut Plan<'_>, function: &FunctionDeclaration) {
    let open = plan.first(function.body);
    let close = plan.end(function.body) - 1;
    let items = declare(plan, &function.parameters);
    if let Some(&first) = items.first() {
        bracket(plan, first - 1, open - 1, &items, Items::Lines, |_| ());
    }
    plan.space(open, Space::Blank);
    if close <= open + 1 {
        return;
    }
    plan.space(open + 1, Space::Blank);
    plan.space(close, Space::Blank);
    let group = plan.open(open);
    if !function.statements.is_empty() || plan.any_newline(open, close + 1) {
        plan.must(group);
    }
    statements(plan, &function.statements, group, 1);
    plan.line(open + 1, group, 1);
    plan.gaps[open + 1].statement = false;
    if let Some(result) = &function.result {
        let start = plan.first(result.span);
        plan.line(start, group, 1);
        plan.gaps[start].statement = start > open + 1;
        let own = plan.open(start);
        pipeline(plan, result, false);
        plan.close(own, close);
    }
    plan.line(close, group, 0);
    plan.close(group, close + 1);
}

/// Parameters with their types and defaults; their first tokens.
pub(super) fn declare(plan: &mut Plan<'_>, parameters: &[FunctionParameter]) -> Vec<usize> {
    for parameter in parameters {
        column(plan, &parameter.declaration);
        if let Some(default) = &parameter.default {
            expr(plan, default);
        }
    }
    parameters.iter().map(|p| plan.first(p.span)).collect()
}

fn column(plan: &mut Plan<'_>, column: &ColumnDeclaration) {
    named(plan, &column.name);
    if let TypeSyntax::Table(columns) = &column.ty {
        let open = plan.end(column.name.span) + 1;
        plan.space(open, Space::Blank);
        let columns = columns.as_deref().unwrap_or_default();
        schema(plan, open, plan.end(column.span) - 1, columns);
    }
}

/// `(a: long, b: string)`
pub(super) fn schema(
    plan: &mut Plan<'_>,
    open: usize,
    close: usize,
    columns: &[ColumnDeclaration],
) {
    let items: Vec<usize> = columns.iter().map(|c| plan.first(c.span)).collect();
    bracket(plan, open, close, &items, Items::Fill, |plan| {
        for c in columns {
            column(plan, c);
        }
    });
}

/// `source | op | op`, or an expression.
pub(super) fn pipeline(plan: &mut Plan<'_>, query: &Expr, top: bool) {
    let ExprKind::Pipeline { source, ops } = &query.kind else {
        expr(plan, query);
        return;
    };
    let (start, end) = (plan.first(query.span), plan.end(query.span));
    let group = plan.open(start);
    let pipes = ops.len() > usize::from(source.is_none());
    if top || (pipes && plan.any_newline(start, end)) {
        plan.must(group);
    }
    if let Some(source) = source {
        expr(plan, source);
    }
    for op in ops {
        let keyword = plan.first(op.span);
        if keyword > start && plan.is(keyword - 1, TokenKind::Bar) {
            plan.line(keyword - 1, group, 0);
        }
        super::operators::operator(plan, op);
    }
    plan.close(group, end);
}

/// A query in brackets.
pub(super) fn body(plan: &mut Plan<'_>, open: usize, close: usize, inner: &Expr) {
    if matches!(inner.kind, ExprKind::Pipeline { .. }) || is_condition(inner) {
        bracket(
            plan,
            open,
            close,
            &[open + 1],
            Items::Lines,
            |plan| match &inner.kind {
                ExprKind::Chain { .. } => condition(plan, inner, 0),
                _ => pipeline(plan, inner, false),
            },
        );
    } else {
        expr(plan, inner);
    }
}

/// Items between brackets, by their first tokens; `inside` walks them.
pub(super) fn bracket(
    plan: &mut Plan<'_>,
    open: usize,
    close: usize,
    items: &[usize],
    kind: Items,
    inside: impl FnOnce(&mut Plan<'_>),
) {
    let Some(&first) = items.first() else {
        inside(plan);
        return;
    };
    let meant = match kind {
        Items::Pairs => plan.newline(first),
        Items::Lines | Items::Fill => plan.one_a_line(items),
    };
    let small = items.len() > 1
        && plan.ink(first, close) < SMALL
        && !plan.any_comment(open, close + 1)
        && !meant;
    if small {
        inside(plan);
        return;
    }
    let group = plan.open(open);
    let each = meant && kind != Items::Pairs;
    if each || (kind != Items::Fill && items.len() > 1 && plan.newline(first)) {
        plan.must(group);
    }
    plan.line(first, group, 1);
    for (n, &item) in items.iter().enumerate().skip(1) {
        match kind {
            Items::Pairs if n % 2 == 1 => {}
            Items::Fill if !each => plan.line_by(item, group, 1, Rule::Fill),
            _ => plan.line(item, group, 1),
        }
    }
    inside(plan);
    plan.line(close, group, 0);
    plan.close(group, close + 1);
}

pub(super) fn exprs(plan: &mut Plan<'_>, list: &[Expr]) {
    for item in list {
        expr(plan, item);
    }
}

/// Is it joined by `and` or `or`?
fn is_condition(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Chain { rest, .. }
        if matches!(rest.first(), Some((BinaryToken::And | BinaryToken::Or, ..))))
}

/// `a and b and c`: broken before each word, `steps` to the right. Sums likewise, comparisons never.
fn condition(plan: &mut Plan<'_>, chain: &Expr, steps: usize) {
    let ExprKind::Chain { first, rest } = &chain.kind else {
        return;
    };
    let logical = is_condition(chain);
    let group = (logical || is_sum(chain)).then(|| plan.open(plan.first(chain.span)));
    if let Some(group) = group {
        plan.groups[group].hanging = steps > 0;
    }
    expr(plan, first);
    for (op, span, operand) in rest {
        let at = plan.first(*span);
        if *op == BinaryToken::Search {
            plan.tight_around(at);
        } else {
            plan.blank_around(at);
        }
        if let Some(group) = group {
            plan.line(at, group, steps);
            if logical && (plan.newline(at) || plan.newline(at + 1)) {
                plan.must(group);
            }
        }
        expr(plan, operand);
    }
    if let Some(group) = group {
        plan.close(group, plan.end(chain.span));
    }
}

/// Is it a sum or product?
fn is_sum(expr: &Expr) -> bool {
    use BinaryToken as B;
    matches!(&expr.kind, ExprKind::Chain { rest, .. }
        if matches!(rest.first(), Some((B::Add | B::Subtract | B::Multiply | B::Divide, ..))))
}

/// An expression that is no pipeline of its own line.
pub(super) fn expr(plan: &mut Plan<'_>, e: &Expr) {
    let (start, end) = (plan.first(e.span), plan.end(e.span));
    match &e.kind {
        ExprKind::Missing | ExprKind::Star | ExprKind::At | ExprKind::Strings(_) => {}
        ExprKind::Literal(_) => {
            if end == start + 2 {
                plan.space(start + 1, Space::Tight);
            }
        }
        ExprKind::Name(name) => named(plan, name),
        ExprKind::Paren(inner) => body(plan, start, end - 1, inner),
        ExprKind::Sign { operand, .. } => {
            plan.space(start + 1, Space::Tight);
            expr(plan, operand);
        }
        ExprKind::Chain { .. } => condition(plan, e, 1),
        ExprKind::In {
            op_span,
            left,
            list,
            ..
        } => {
            expr(plan, left);
            let open = plan.end(*op_span);
            plan.space(open, Space::Blank);
            match list.as_slice() {
                [query] if matches!(query.kind, ExprKind::Pipeline { .. }) => {
                    body(plan, open, end - 1, query);
                }
                [one] => expr(plan, one),
                _ => {
                    let items: Vec<usize> = list.iter().map(|e| plan.first(e.span)).collect();
                    bracket(plan, open, end - 1, &items, Items::Fill, |plan| {
                        exprs(plan, list);
                    });
                }
            }
        }
        ExprKind::Between {
            op_span,
            left,
            low,
            high,
            ..
        } => {
            expr(plan, left);
            plan.space(plan.end(*op_span), Space::Blank);
            expr(plan, low);
            expr(plan, high);
        }
        ExprKind::Path { base, steps } => {
            expr(plan, base);
            for step in steps {
                match step {
                    Step::Member(name) | Step::Wildcard(name) => named(plan, name),
                    Step::Call(call, _) => self::call(plan, call),
                    Step::Index(index, span) => {
                        plan.space(plan.first(*span), Space::Tight);
                        expr(plan, index);
                    }
                }
            }
        }
        ExprKind::Call(call) => self::call(plan, call),
        ExprKind::Named { name, value } => {
            named(plan, name);
            expr(plan, value);
        }
        ExprKind::NamedList { names, value, .. } => {
            for name in names {
                named(plan, name);
            }
            expr(plan, value);
        }
        ExprKind::Ordered { value, .. } => expr(plan, value),
        ExprKind::Dynamic(_) => {
            plan.space(start + 1, Space::Tight);
            super::data::json(plan, start + 2, end - 1);
        }
        ExprKind::TypeOf(items) => {
            plan.space(start + 1, Space::Tight);
            for item in items {
                if let TypeOfItem::Column(c) = item {
                    column(plan, c);
                }
            }
        }
        ExprKind::ToScalar(inner) | ExprKind::ToTable(inner) => {
            let open = plan.first(inner.span) - 1;
            if open == start + 1 {
                plan.space(open, Space::Tight);
            }
            body(plan, open, end - 1, inner);
        }
        ExprKind::DataTable {
            columns,
            values,
            list,
        } => super::data::datatable(plan, start, columns, values, *list),
        ExprKind::ExternalData {
            columns,
            uris,
            properties,
        } => super::data::external(plan, e.span, columns, uris, properties),
        ExprKind::Pipeline { .. } => pipeline(plan, e, false),
        ExprKind::Pack => plan.space(start + 1, Space::Tight),
        ExprKind::TypedColumn { .. } => plan.space(start + 2, Space::Tight),
    }
}

/// Names in braces are one word to the service.
pub(super) fn named(plan: &mut Plan<'_>, name: &Name) {
    if name.form == NameForm::Braced {
        let start = plan.first(name.span);
        plan.tight_around(start + 1);
    }
}

pub(super) fn call(plan: &mut Plan<'_>, call: &Call) {
    let (open, close) = (plan.first(call.list), plan.end(call.list) - 1);
    plan.space(open, Space::Tight);
    named(plan, &call.name);
    let items: Vec<usize> = call.args.iter().map(|e| plan.first(e.span)).collect();
    match call.args.as_slice() {
        [] => {}
        [one] => {
            if is_sum(one) && plan.ink(open, close) > SMALL {
                bracket(plan, open, close, &items, Items::Lines, |plan| {
                    condition(plan, one, 0);
                });
            } else {
                body(plan, open, close, one);
            }
        }
        args => {
            let kind = match call.name.text.as_str() {
                "case" | "bag_pack" | "pack" | "pack_dictionary" => Items::Pairs,
                _ if args.len() > 4 && args.iter().all(is_plain) => Items::Fill,
                _ => Items::Lines,
            };
            bracket(plan, open, close, &items, kind, |plan| exprs(plan, args));
        }
    }
}

/// A literal or a name.
pub(super) fn is_plain(e: &Expr) -> bool {
    matches!(
        e.kind,
        ExprKind::Literal(_) | ExprKind::Strings(_) | ExprKind::Name(_)
    )
}

/// The first tokens of expressions.
pub(super) fn firsts(plan: &Plan<'_>, list: &[Expr]) -> Vec<usize> {
    list.iter().map(|e| plan.first(e.span)).collect()
}

/// The token before a place.
pub(super) fn before(plan: &Plan<'_>, span: Span) -> usize {
    plan.first(span).saturating_sub(1)
}
