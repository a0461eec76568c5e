//! Tree → bound tree: names, types, columns, and what is wrong with them.
//!
//! One walk does both jobs of the official service: it says what is wrong where that service says it,
//! and it builds what can be planned and run. Functions of the user are read twice: once where they are
//! declared (faults and colours), and once for each call (the expansion, in silence).

#![expect(
    clippy::single_match_else,
    clippy::unnecessary_wraps,
    reason = "lookups read best with both arms side by side; operators share one shape: a table or nothing"
)]
#![expect(
    clippy::unused_self,
    reason = "methods of one binder, with or without its state"
)]

mod advice;
mod aggregates;
mod calls;
mod model;
mod names;
mod operators;
mod patterns;
mod places;
mod plugins;
pub mod probe;
mod projection;
mod record;
mod scalar;
mod scope;
mod tables;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::bound::{BoundLet, BoundQuery, Column, Expr, ExprKind, LetId, Rel, Render, Source};
use super::columns::Columns;
use super::diagnostics::Diagnostic;
use super::schema::Schema;
use super::stack;
use super::symbols::{Origin, Shape, SymbolKind, Symbols};
use super::syntax::{self, LetValue, Span, StatementKind, Syntax};
use super::types::{Type, Value};
use model::{Graph, Local, Row, Table, TupleColumn, Ty, UserFunction, Val, unknown};
use scope::Scopes;

/// What a name in the text turned out to be, for colouring and completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A column.
    Column,
    /// A table of the schema.
    Table,
    /// A `let`, an `as`, a step.
    Variable,
    /// A parameter of a user's function.
    Parameter,
    /// A function, aggregate or plug-in.
    Function,
    /// A database or other service.
    Database,
    /// A member of a dynamic value, or a name that was not found.
    Identifier,
}

/// Columns of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultShape {
    /// Those known, in order.
    pub columns: Columns,
    /// More may come.
    pub open: bool,
}

/// Everything the binder found out.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Faults of names and types, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What names refer to, by place.
    pub references: Vec<(Span, Reference)>,
    /// Where names come from.
    pub symbols: Symbols,
    /// The bound query, if there is one; only meaningful without errors.
    pub bound: Option<BoundQuery>,
    /// The result's columns, if the query gives a table.
    pub result: Option<ResultShape>,
}

/// Expansions of user functions allowed in one query.
const MAX_EXPANSIONS: usize = 3000;

/// Text of function bodies read in expansions, in bytes.
const MAX_EXPANDED: usize = 2_000_000;

/// Columns copied from operator to operator in one query. Beyond that, columns are no longer written
/// down for each operator: the query is checked, not planned.
const MAX_COPIED: usize = 500_000;

/// How deep expansions may nest.
const MAX_EXPANSION_DEPTH: usize = 24;

/// Where a call stands, as to which functions may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Normal,
    Aggregate,
    PlugIn,
}

pub(super) struct Binder<'a> {
    pub(super) text: &'a str,
    pub(super) schema: &'a Schema,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) references: Vec<(Span, Reference)>,
    record: record::Record,
    pub(super) lets: Vec<BoundLet>,
    locals: Scopes,
    pub(super) row: Option<Row>,
    pub(super) right: Option<Row>,
    pub(super) scope: Scope,
    pub(super) fuzzy: bool,
    /// Above 0 nothing is reported.
    pub(super) silent: usize,
    /// How many plug-ins' arguments are being bound a second time, one in another.
    pub(super) again: u32,
    pub(super) expansions: usize,
    /// Bytes of bodies read in expansions.
    pub(super) expanded: usize,
    /// Faults that got advice by searching so far.
    searched: usize,
    /// A text would fit where a name stands.
    wants_text: bool,
    /// Columns copied so far.
    pub(super) copied: usize,
    pub(super) expansion_depth: usize,
    pub(super) column_number: usize,
    pub(super) render: Option<Render>,
    /// Group keys of the `summarize` being bound: ordinals of row columns used unchanged.
    pub(super) group_columns: Vec<usize>,
    /// The table piped into `invoke`.
    pub(super) piped: Option<Box<Table>>,
    /// What a name that refers to nothing is coloured as: the call around it, if there is one.
    pub(super) enclosing: Reference,
    /// The graph whose pattern is being matched: functions of nodes and edges may be called.
    pub(super) matched: Option<Rc<Graph>>,
    /// The graph of the `partitioned-by` being bound.
    pub(super) parted: Option<Rc<Graph>>,
    /// Databases by their aliases.
    aliases: HashMap<String, places::Place>,
    /// What is asked about one place of the text.
    pub(super) probe: Option<Box<probe::Probe>>,
}

/// Binds a parsed text.
pub fn bind(text: &str, syntax: &Syntax, schema: &Schema) -> Binding {
    bind_with(text, syntax, schema, None).0
}

fn bind_with(
    text: &str,
    syntax: &Syntax,
    schema: &Schema,
    question: Option<probe::Question>,
) -> (Binding, probe::Answer) {
    stack::with_room(syntax.depth, || bind_here(text, syntax, schema, question))
}

fn bind_here<'a>(
    text: &'a str,
    syntax: &'a Syntax,
    schema: &'a Schema,
    question: Option<probe::Question>,
) -> (Binding, probe::Answer) {
    let mut binder = Binder {
        text,
        schema,
        diagnostics: Vec::new(),
        references: Vec::new(),
        record: record::Record::default(),
        lets: Vec::new(),
        locals: Scopes::default(),
        row: None,
        right: None,
        scope: Scope::Normal,
        fuzzy: false,
        silent: 0,
        again: 0,
        expansions: 0,
        expanded: 0,
        copied: 0,
        searched: 0,
        wants_text: false,
        expansion_depth: 0,
        column_number: 1,
        render: None,
        group_columns: Vec::new(),
        piped: None,
        enclosing: Reference::Identifier,
        matched: None,
        parted: None,
        aliases: HashMap::new(),
        probe: question.map(|it| Box::new(probe::Probe::new(it))),
    };
    let mut last = None;
    for statement in &syntax.statements {
        last = None;
        match &statement.kind {
            StatementKind::Query(expr) => {
                let val = binder.expr(expr, false);
                last = Some(val);
            }
            _ => binder.statement(&statement.kind),
        }
    }
    let mut result = None;
    let mut bound = None;
    if let Some(val) = last {
        match val.ty {
            Ty::Table(table) => {
                result = (!table.group && table.graph.is_none()).then(|| ResultShape {
                    columns: table.columns().clone(),
                    open: table.open(),
                });
                bound = Some(BoundQuery {
                    lets: std::mem::take(&mut binder.lets),
                    body: table.rel,
                    render: binder.render.take(),
                });
            }
            Ty::Scalar(ty) => {
                // a bare scalar expression is a query of one row as well
                let expr = val.expr;
                let name = val.name.unwrap_or_else(|| "print_0".to_owned());
                let span = expr.span;
                bound = Some(BoundQuery {
                    lets: std::mem::take(&mut binder.lets),
                    body: Rel {
                        source: Source::Print(vec![expr]),
                        source_columns: vec![Column::new(name, ty)].into(),
                        source_open: false,
                        span,
                        ops: Vec::new(),
                    },
                    render: None,
                });
            }
            _ => {}
        }
    }
    if let Some(query) = bound.as_mut().filter(|_| binder.spent()) {
        query.lets.clear();
        query.body.ops.clear();
        query.body.source = Source::Unsupported {
            what: "so many columns in so many operators".to_owned(),
        };
    }
    binder
        .diagnostics
        .sort_by_key(|d| (d.span.start, d.span.end));
    binder.references.sort_by_key(|(s, _)| (s.start, s.end));
    binder.references.dedup_by_key(|(s, _)| *s);
    let answer = binder.probed();
    let binding = Binding {
        diagnostics: binder.diagnostics,
        references: binder.references,
        symbols: binder.record.finish(),
        bound,
        result,
    };
    (binding, answer)
}

impl Binder<'_> {
    pub(super) fn report(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        if self.silent == 0 {
            self.diagnostics
                .push(Diagnostic::semantic(code, span, message.into()));
        }
    }

    pub(super) fn refer(&mut self, span: Span, what: Reference) {
        if self.silent == 0 && !span.is_empty() {
            let what = if what == Reference::Identifier {
                self.enclosing
            } else {
                what
            };
            self.references.push((span, what));
        }
    }

    /// So many columns were copied that no operator gets its own any more.
    pub(super) fn spent(&self) -> bool {
        self.copied > MAX_COPIED
    }

    pub(super) fn push_local(&mut self, name: &str, local: Local, origin: Origin) {
        self.locals.push(name, local, origin);
    }

    pub(super) fn local(&self, name: &str) -> Option<(Rc<Local>, Origin)> {
        let (local, origin) = self.locals.find(name)?;
        Some((Rc::clone(local), origin))
    }

    pub(super) fn add_let(&mut self, name: &str, value: super::bound::LetValue) -> LetId {
        let id = LetId(self.lets.len() as u32);
        self.lets.push(BoundLet {
            name: name.to_owned(),
            value,
        });
        id
    }

    /// A table as a numbered let.
    pub(super) fn let_table(
        &mut self,
        name: &str,
        table: Table,
        materialize: bool,
    ) -> (LetId, Columns, bool) {
        let columns = table.columns().clone();
        let open = table.open();
        let value = super::bound::LetValue::Table {
            rel: Box::new(table.rel),
            materialize,
        };
        (self.add_let(name, value), columns, open)
    }

    pub(super) fn statement(&mut self, statement: &StatementKind) {
        match statement {
            StatementKind::Let { name, value } => self.let_statement(name, value),
            StatementKind::Set { name, value } => {
                self.refer(name.span, Reference::Identifier);
                if let Some(value) = value {
                    self.silent += 1;
                    self.expr(value, false);
                    self.silent -= 1;
                }
            }
            StatementKind::Parameters(parameters) => {
                for parameter in parameters {
                    let name = &parameter.declaration.name;
                    self.refer(name.span, Reference::Variable);
                    let ty = self.declared_type(&parameter.declaration.ty);
                    let expr = match &parameter.default {
                        Some(default) => {
                            self.default_value(&parameter.declaration.ty, default).expr
                        }
                        None => unknown(name.span),
                    };
                    let expr = Expr { ty, ..expr };
                    let shape = Shape::Scalar(ty);
                    let origin =
                        self.define(name, SymbolKind::QueryParameter, shape, parameter.span);
                    self.push_local(
                        &name.text,
                        Local::Scalar {
                            expr,
                            constant: true,
                            literal: true,
                            parameter: false,
                        },
                        origin,
                    );
                }
            }
            StatementKind::Other {
                what: "alias",
                name: Some(name),
                exprs,
            } => self.alias_database(name, exprs),
            StatementKind::Pattern(pattern) => self.pattern_statement(pattern),
            StatementKind::Other { exprs, .. } => {
                for e in exprs {
                    self.restricted_to(e);
                }
            }
            StatementKind::Query(expr) => {
                self.expr(expr, false);
            }
        }
    }

    fn let_statement(&mut self, name: &syntax::Name, value: &LetValue) {
        let mut shape = Shape::Unknown;
        let mut place = Span::default();
        let local = match value {
            LetValue::Function(declaration) => {
                let function = UserFunction {
                    name: name.text.clone(),
                    declaration: Arc::clone(declaration),
                    scope: self.locals.place(),
                };
                shape = self.check_declaration(&function);
                place = declaration.body;
                Local::Function(Rc::new(function))
            }
            LetValue::Materialize(expr) => {
                place = expr.span;
                let val = self.expr(expr, false);
                shape = shape_of(&val);
                match val.ty {
                    Ty::Table(table) => {
                        let graph = table.graph.clone();
                        let (id, columns, open) = self.let_table(&name.text, *table, true);
                        Local::Table {
                            id,
                            columns,
                            open,
                            graph,
                            parameter: false,
                        }
                    }
                    Ty::Error => Local::Error,
                    _ => {
                        self.report("KS231", expr.span, "A table is expected here.");
                        Local::Error
                    }
                }
            }
            LetValue::Expr(expr) => {
                place = expr.span;
                let val = self.expr(expr, false);
                shape = shape_of(&val);
                match val.ty {
                    Ty::Table(table) => {
                        let graph = table.graph.clone();
                        let (id, columns, open) = self.let_table(&name.text, *table, false);
                        Local::Table {
                            id,
                            columns,
                            open,
                            graph,
                            parameter: false,
                        }
                    }
                    Ty::Scalar(_) | Ty::Tuple(_) => {
                        let (constant, literal) = (val.constant, val.literal);
                        let expr = self.shared(&name.text, val.expr);
                        Local::Scalar {
                            expr,
                            constant,
                            literal,
                            parameter: false,
                        }
                    }
                    Ty::Pattern(pattern) => Local::Pattern(pattern),
                    Ty::Group(_) => {
                        // the official language service declares the group's own name once more
                        self.refer(name.span, Reference::Identifier);
                        return;
                    }
                    _ => Local::Error,
                }
            }
            LetValue::EntityGroup(list) => Local::Group(self.entities(list)),
        };
        if !name.is_missing() {
            if self.expansion_depth == 0 && self.locals.find(&name.text).is_some() {
                let message = format!("'{}' is declared twice.", name.text);
                self.report("KS201", name.span, message);
            }
            let what = match local {
                Local::Function(_) => Reference::Function,
                Local::Group(_) => Reference::Identifier,
                _ => Reference::Variable,
            };
            self.refer(name.span, what);
            let kind = if what == Reference::Function {
                SymbolKind::Function
            } else {
                SymbolKind::Let
            };
            let origin = self.define(name, kind, shape, place);
            self.push_local(&name.text, local, origin);
        }
    }

    /// A scalar that depends on no row becomes a let, unless it is only a literal.
    fn shared(&mut self, name: &str, expr: Expr) -> Expr {
        if matches!(expr.kind, ExprKind::Literal(_) | ExprKind::Let(_))
            || self.row.is_some()
            || depends_on_row(&expr)
        {
            return expr;
        }
        let (ty, span) = (expr.ty, expr.span);
        let id = self.add_let(name, super::bound::LetValue::Scalar(expr));
        Expr {
            kind: ExprKind::Let(id),
            ty,
            span,
        }
    }

    pub(super) fn declared_type(&mut self, ty: &syntax::TypeSyntax) -> Type {
        match ty {
            syntax::TypeSyntax::Named(span) => {
                Type::from_name(span.text(self.text)).unwrap_or(Type::Unknown)
            }
            _ => Type::Unknown,
        }
    }

    pub(super) fn declared_columns(&mut self, list: &[syntax::ColumnDeclaration]) -> Columns {
        let mut columns = Columns::default();
        for declaration in list {
            if declaration.name.is_missing() {
                continue;
            }
            let ty = self.declared_type(&declaration.ty);
            self.refer(declaration.name.span, Reference::Column);
            let column = self.define_column(&declaration.name, ty, Span::default());
            if columns.has(&declaration.name.text) {
                let message = format!("The column '{}' is given twice.", declaration.name.text);
                self.report("KS171", declaration.name.span, message);
            } else {
                columns.push(column);
            }
        }
        columns
    }
}

/// What a value is, for those who ask what a name stands for.
fn shape_of(val: &Val) -> Shape {
    match &val.ty {
        Ty::Table(table) => Shape::Table(table.columns().clone(), table.open()),
        Ty::Error | Ty::Void | Ty::Database(_) | Ty::Pattern(_) | Ty::Members(_) | Ty::Group(_) => {
            Shape::Unknown
        }
        ty => Shape::Scalar(ty.type_or_unknown()),
    }
}

/// Does any part name a column?
pub(super) fn depends_on_row(expr: &Expr) -> bool {
    use super::bound::InList;
    match &expr.kind {
        ExprKind::Column(_)
        | ExprKind::OpenColumn(_)
        | ExprKind::ScanState { .. }
        | ExprKind::SearchTerm { .. } => true,
        ExprKind::Literal(_)
        | ExprKind::Let(_)
        | ExprKind::ToScalar(_)
        | ExprKind::Unsupported { .. } => false,
        ExprKind::Negate(e) | ExprKind::Convert(e) | ExprKind::Member(e, _) => depends_on_row(e),
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().any(depends_on_row),
        ExprKind::Call { args, .. } | ExprKind::Aggregate { args, .. } => {
            args.iter().any(depends_on_row)
        }
        ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => depends_on_row(a) || depends_on_row(b),
        ExprKind::Between {
            value, low, high, ..
        } => [value, low, high].iter().any(|e| depends_on_row(e)),
        ExprKind::In { value, list, .. } => {
            depends_on_row(value)
                || match list {
                    InList::Values(list) => list.iter().any(depends_on_row),
                    InList::Rel(_) => false,
                }
        }
    }
}

/// The text of a constant string, if it is one.
pub(super) fn constant_text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Value::String(text)) => Some(text),
        _ => None,
    }
}
