//! Every pipeline, expression and call of a tree, outer ones first. No recursion: the depth of a query
//! costs no stack.

use crate::kql::syntax::{
    Call, EntityGroup, Expr, ExprKind, FunctionParameter, JoinOn, LetValue, Operator, OperatorKind,
    PatternPart, SeriesRange, Statement, StatementKind, Step,
};

/// What is met.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Expr(&'a Expr),
    /// The operators of a pipeline and its source.
    Pipeline(&'a [Operator], Option<&'a Expr>),
    Call(&'a Call),
}

pub(super) fn walk<'a>(statements: &'a [Statement], see: &mut dyn FnMut(Node<'a>)) {
    let mut open: Vec<&'a Expr> = Vec::new();
    let mut blocks: Vec<&'a [Statement]> = vec![statements];
    while let Some(block) = blocks.pop() {
        for statement in block {
            roots(statement, &mut open, &mut blocks);
        }
        open.reverse();
        walk_exprs(&mut open, see);
    }
}

/// One expression and all inside.
pub(super) fn within<'a>(e: &'a Expr, see: &mut dyn FnMut(Node<'a>)) {
    walk_exprs(&mut vec![e], see);
}

/// The expressions of an operator.
pub(super) fn parts<'a>(op: &'a Operator, see: &mut dyn FnMut(Node<'a>)) {
    let mut open = Vec::new();
    operator(op, &mut open);
    open.reverse();
    walk_exprs(&mut open, see);
}

fn walk_exprs<'a>(open: &mut Vec<&'a Expr>, see: &mut dyn FnMut(Node<'a>)) {
    while let Some(e) = open.pop() {
        see(Node::Expr(e));
        match &e.kind {
            ExprKind::Pipeline { source, ops } => see(Node::Pipeline(ops, source.as_deref())),
            ExprKind::Call(call) => see(Node::Call(call)),
            ExprKind::Path { steps, .. } => {
                for step in steps {
                    if let Step::Call(call, _) = step {
                        see(Node::Call(call));
                    }
                }
            }
            _ => {}
        }
        let from = open.len();
        children(e, open);
        open[from..].reverse();
    }
}

fn roots<'a>(
    statement: &'a Statement,
    open: &mut Vec<&'a Expr>,
    blocks: &mut Vec<&'a [Statement]>,
) {
    match &statement.kind {
        StatementKind::Let { value, .. } => match value {
            LetValue::Expr(e) | LetValue::Materialize(e) => open.push(e),
            LetValue::Function(function) => {
                blocks.push(&function.statements);
                defaults(&function.parameters, open);
                open.extend(&function.result);
            }
            LetValue::EntityGroup(list) => open.extend(list),
        },
        StatementKind::Set { value, .. } => open.extend(value),
        StatementKind::Parameters(parameters) => defaults(parameters, open),
        StatementKind::Pattern(pattern) => {
            open.extend(pattern.exprs());
            for line in &pattern.matches {
                blocks.push(&line.body.statements);
                open.extend(&line.body.result);
            }
        }
        StatementKind::Other { exprs, .. } => open.extend(exprs),
        StatementKind::Query(e) => open.push(e),
    }
}

fn defaults<'a>(parameters: &'a [FunctionParameter], open: &mut Vec<&'a Expr>) {
    open.extend(parameters.iter().filter_map(|p| p.default.as_ref()));
}

/// The expressions right inside one, in order.
pub(super) fn children<'a>(e: &'a Expr, out: &mut Vec<&'a Expr>) {
    match &e.kind {
        ExprKind::Missing
        | ExprKind::Literal(_)
        | ExprKind::Strings(_)
        | ExprKind::Name(_)
        | ExprKind::Star
        | ExprKind::At
        | ExprKind::Dynamic(_)
        | ExprKind::TypeOf(_)
        | ExprKind::Pack
        | ExprKind::TypedColumn { .. } => {}
        ExprKind::Paren(inner) | ExprKind::ToScalar(inner) | ExprKind::ToTable(inner) => {
            out.push(inner);
        }
        ExprKind::Sign { operand, .. } => out.push(operand),
        ExprKind::Chain { first, rest } => {
            out.push(first);
            out.extend(rest.iter().map(|(_, _, e)| e));
        }
        ExprKind::In { left, list, .. } => {
            out.push(left);
            out.extend(list);
        }
        ExprKind::Between {
            left, low, high, ..
        } => out.extend([&**left, &**low, &**high]),
        ExprKind::Path { base, steps } => {
            out.push(base);
            for step in steps {
                match step {
                    Step::Call(call, _) => out.extend(&call.args),
                    Step::Index(index, _) => out.push(index),
                    Step::Member(_) | Step::Wildcard(_) => {}
                }
            }
        }
        ExprKind::Call(call) => out.extend(&call.args),
        ExprKind::Named { value, .. }
        | ExprKind::NamedList { value, .. }
        | ExprKind::Ordered { value, .. } => out.push(value),
        ExprKind::DataTable { values, .. } => out.extend(values),
        ExprKind::ExternalData { uris, .. } => out.extend(uris),
        ExprKind::Pipeline { source, ops } => {
            out.extend(source.as_deref());
            for op in ops {
                operator(op, out);
            }
        }
    }
}

fn operator<'a>(op: &'a Operator, out: &mut Vec<&'a Expr>) {
    use OperatorKind as O;
    match &op.kind {
        O::As(_)
        | O::AssertSchema(_)
        | O::Bad
        | O::Consume
        | O::Count(_)
        | O::ExecuteAndCache
        | O::GetSchema
        | O::Render { .. } => {}
        O::MacroExpand(syntax) => {
            match &syntax.group {
                EntityGroup::List(list) => out.extend(list),
                EntityGroup::Named(e) => out.push(e),
                EntityGroup::Missing => {}
            }
            let mut blocks = vec![&syntax.statements[..]];
            while let Some(block) = blocks.pop() {
                for statement in block {
                    roots(statement, out, &mut blocks);
                }
            }
        }
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
        | O::Union(list) => out.extend(list),
        O::Graph(syntax) => out.extend(syntax.exprs()),
        O::Evaluate { call, .. } => out.extend(&call.args),
        O::Facet { by, with } => {
            out.extend(by);
            out.extend(with.as_deref());
        }
        O::Find {
            tables,
            predicate,
            project,
            away,
        } => {
            out.extend(tables.iter().flatten());
            out.push(predicate);
            out.extend(project.iter().flatten());
            out.extend(away.iter().flatten());
        }
        O::Fork(list) => out.extend(list.iter().map(|(_, e)| e)),
        O::Invoke(e) | O::Sample(e) | O::Take(e) | O::Where(e) => out.push(e),
        O::Join { right, on } | O::Lookup { right, on } => {
            out.push(right);
            match on {
                JoinOn::On(list) => out.extend(list),
                JoinOn::Where(e) => out.push(e),
                JoinOn::Missing => {}
            }
        }
        O::MakeSeries {
            items,
            on,
            range,
            by,
        } => {
            for (e, default) in items {
                out.push(e);
                out.extend(default);
            }
            out.push(on);
            match range {
                SeriesRange::FromToStep { from, to, step } => {
                    out.extend(from.as_deref());
                    out.extend(to.as_deref());
                    out.push(step);
                }
                SeriesRange::InRange(list) => out.extend(list),
            }
            out.extend(by);
        }
        O::MvApply { items, limit, body } => {
            out.extend(items.iter().filter_map(|i| i.expr.as_ref()));
            out.extend(limit.as_deref());
            out.push(body);
        }
        O::MvExpand { items, limit } => {
            out.extend(items.iter().filter_map(|i| i.expr.as_ref()));
            out.extend(limit.as_deref());
        }
        O::Parse { source, pattern } => {
            out.push(source);
            out.extend(pattern.iter().filter_map(|p| match p {
                PatternPart::Text(e) => Some(e),
                _ => None,
            }));
        }
        O::ParseKv { source, .. } => out.push(source),
        O::Partition { by, body, .. } => out.extend([&**by, &**body]),
        O::Range { from, to, step, .. } => out.extend([&**from, &**to, &**step]),
        O::Reduce { by, .. } => out.push(by),
        O::SampleDistinct { count, of } => out.extend([&**count, &**of]),
        O::Scan {
            order,
            partition,
            declare,
            steps,
        } => {
            out.extend(order);
            out.extend(partition);
            defaults(declare, out);
            for step in steps {
                out.push(&step.condition);
                out.extend(step.assignments.iter().map(|(_, e)| e));
            }
        }
        O::Search { tables, predicate } => {
            out.extend(tables.iter().flatten());
            out.push(predicate);
        }
        O::Summarize { aggregates, by } => {
            out.extend(aggregates);
            out.extend(by.iter().flatten());
        }
        O::Top { count, by } => out.extend([&**count, &**by]),
        O::TopHitters { count, of, by } => {
            out.extend([&**count, &**of]);
            out.extend(by.as_deref());
        }
        O::TopNested(levels) => {
            for level in levels {
                out.extend(&level.count);
                out.push(&level.of);
                out.extend(&level.others);
                out.push(&level.by);
            }
        }
    }
}

/// The expressions right inside an operator, in order.
pub(super) fn parts_of<'a>(op: &'a Operator, see: &mut dyn FnMut(&'a Expr)) {
    let mut list = Vec::new();
    operator(op, &mut list);
    for e in list {
        see(e);
    }
}
