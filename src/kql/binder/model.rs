//! Values, tables, rows and names as the binder knows them while it binds.

use std::rc::Rc;
use std::sync::Arc;

use super::scope::Place;
use crate::kql::bound::{Column, Expr, ExprKind, LetId, Rel};
use crate::kql::columns::Columns;
use crate::kql::syntax::{FunctionDeclaration, Span};
use crate::kql::types::Type;

/// A tabular value.
#[derive(Clone, Debug)]
pub(in crate::kql) struct Table {
    pub(in crate::kql) rel: Rel,
    /// What `withsource` calls it.
    pub(in crate::kql) name: Option<String>,
    /// Several results (`fork`, `facet`): what follows sees none of their columns.
    pub(in crate::kql) group: bool,
    /// Where one expression stands for several tables (`Device*`).
    pub(in crate::kql) others: Vec<Table>,
    /// It is a graph, and no table: it has no columns of its own.
    pub(in crate::kql) graph: Option<Rc<Graph>>,
}

/// What the nodes and edges of a graph are like.
#[derive(Clone, Debug, Default)]
pub(in crate::kql) struct Graph {
    /// Columns of the edges.
    pub(in crate::kql) edges: Row,
    /// Columns of the nodes, where they are known.
    pub(in crate::kql) nodes: Option<Row>,
}

impl Table {
    pub(in crate::kql) fn columns(&self) -> &Columns {
        self.rel.columns()
    }

    pub(in crate::kql) fn open(&self) -> bool {
        self.rel.is_open()
    }
}

/// Type of an expression as the binder sees it.
#[derive(Clone, Debug)]
pub(in crate::kql) enum Ty {
    Scalar(Type),
    /// Several columns from one aggregate call.
    Tuple(Vec<TupleColumn>),
    Table(Box<Table>),
    /// A database or cluster.
    Database(super::places::Place),
    /// A pattern that is not called.
    Pattern(Rc<Pattern>),
    /// Several things with names, which a call of a pattern stands for.
    Members(Rc<Members>),
    /// A group of entities.
    Group(Rc<[Entity]>),
    /// Already reported.
    Error,
    /// No value: `consume`, a word.
    Void,
}

impl Ty {
    pub(in crate::kql) fn scalar(&self) -> Option<Type> {
        match self {
            Self::Scalar(t) => Some(*t),
            Self::Tuple(columns) if columns.len() == 1 => Some(columns[0].column.ty),
            _ => None,
        }
    }

    pub(in crate::kql) fn is_error(&self) -> bool {
        matches!(self, Self::Error)
    }

    /// The type to show in messages and to compute with.
    pub(in crate::kql) fn type_or_unknown(&self) -> Type {
        self.scalar().unwrap_or(Type::Unknown)
    }

    /// Nothing can be said about it.
    pub(in crate::kql) fn is_vague(&self) -> bool {
        matches!(self, Self::Error | Self::Scalar(Type::Unknown))
    }
}

/// One column of a tuple.
#[derive(Clone, Debug)]
pub(in crate::kql) struct TupleColumn {
    pub(in crate::kql) column: Column,
    /// The row's column it is, unchanged.
    pub(in crate::kql) identity: Option<usize>,
    /// Its argument in the bound call.
    pub(in crate::kql) argument: Expr,
}

/// A bound expression with what is known about it.
#[derive(Clone, Debug)]
pub(in crate::kql) struct Val {
    pub(in crate::kql) expr: Expr,
    pub(in crate::kql) ty: Ty,
    /// Refers to this column of the row, by name.
    pub(in crate::kql) column: Option<usize>,
    /// Refers to some column (also of the right side or an open table).
    pub(in crate::kql) is_column: bool,
    /// The column it is after parentheses and conversions that change nothing.
    pub(in crate::kql) same_as: Option<usize>,
    /// The name a column holding it would get.
    pub(in crate::kql) name: Option<String>,
    pub(in crate::kql) constant: bool,
    pub(in crate::kql) literal: bool,
    /// What the columns of a tuple are prefixed with.
    pub(in crate::kql) prefix: Option<&'static str>,
}

impl Val {
    pub(in crate::kql) fn new(expr: Expr) -> Self {
        Self {
            ty: Ty::Scalar(expr.ty),
            expr,
            column: None,
            is_column: false,
            same_as: None,
            name: None,
            constant: false,
            literal: false,
            prefix: None,
        }
    }

    pub(in crate::kql) fn typed(mut self, ty: Ty) -> Self {
        self.expr.ty = ty.type_or_unknown();
        self.ty = ty;
        self
    }

    pub(in crate::kql) fn error(span: Span) -> Self {
        Self::new(unknown(span)).typed(Ty::Error)
    }

    pub(in crate::kql) fn scalar(kind: ExprKind, ty: Type, span: Span) -> Self {
        Self::new(Expr { kind, ty, span })
    }

    pub(in crate::kql) fn type_or_unknown(&self) -> Type {
        self.ty.type_or_unknown()
    }
}

/// A stand-in for what could not be bound.
pub(in crate::kql) fn unknown(span: Span) -> Expr {
    Expr {
        kind: ExprKind::Unsupported {
            what: "an expression with errors".to_owned(),
        },
        ty: Type::Unknown,
        span,
    }
}

/// The columns an expression may name.
#[derive(Clone, Debug, Default)]
pub(in crate::kql) struct Row {
    pub(in crate::kql) columns: Columns,
    pub(in crate::kql) open: bool,
    /// Columns of an open table that were named: they come after `columns`.
    pub(in crate::kql) inferred: Columns,
}

impl Row {
    pub(in crate::kql) fn of(table: &Table) -> Self {
        Self {
            columns: if table.group {
                Columns::default()
            } else {
                table.columns().clone()
            },
            open: table.open() && !table.group,
            inferred: Columns::default(),
        }
    }

    pub(in crate::kql) fn find(&self, name: &str) -> Option<usize> {
        self.columns.find(name)
    }

    /// A column of an open row, known from now on.
    pub(in crate::kql) fn infer(&mut self, name: &str) -> Type {
        if let Some(i) = self.inferred.find(name) {
            return self.inferred[i].ty;
        }
        self.inferred.push(Column::new(name, Type::Unknown));
        Type::Unknown
    }

    /// All columns, those named meanwhile included.
    pub(in crate::kql) fn all(&self) -> Columns {
        if self.inferred.is_empty() {
            return self.columns.clone();
        }
        self.columns.iter().chain(&self.inferred).cloned().collect()
    }
}

/// What a `let` or parameter stands for.
#[derive(Clone, Debug)]
pub(in crate::kql) enum Local {
    Scalar {
        expr: Expr,
        constant: bool,
        literal: bool,
        parameter: bool,
    },
    Table {
        id: LetId,
        columns: Columns,
        open: bool,
        parameter: bool,
        graph: Option<Rc<Graph>>,
    },
    Function(Rc<UserFunction>),
    /// A step of `scan`: its columns are the row's, then the declared ones.
    Step(usize),
    /// A node or edge of a graph pattern, with the columns it has.
    Element(Row),
    /// `declare pattern`
    Pattern(Rc<Pattern>),
    /// `entity_group [...]`
    Group(Rc<[Entity]>),
    /// The entity at hand in `macro-expand`.
    Entity(Entity),
    /// A column outside the row (`partition by`).
    Error,
}

/// A pattern: queries by the texts it is called with.
#[derive(Debug)]
pub(in crate::kql) struct Pattern {
    pub(super) parameters: usize,
    /// Type of the arguments.
    pub(super) ty: Type,
    pub(super) lines: Vec<PatternLine>,
}

/// One line of a pattern.
#[derive(Debug)]
pub(in crate::kql) struct PatternLine {
    pub(super) values: Vec<String>,
    pub(super) path: Option<String>,
    pub(super) body: Rc<UserFunction>,
}

/// What a call of a pattern may stand for: one of several lines, which a path chooses.
#[derive(Debug)]
pub(in crate::kql) struct Members {
    /// Paths and what they choose.
    pub(super) lines: Vec<(String, Rc<UserFunction>)>,
    /// The arguments of the call.
    pub(super) given: Vec<Val>,
}

/// A database, cluster or table of an entity group.
#[derive(Clone, Debug)]
pub(in crate::kql) enum Entity {
    Place(super::places::Place),
    Table(Box<Table>),
    /// The group was not found.
    Unknown,
}

/// A function of the user with the scope it was declared in.
#[derive(Debug)]
pub(in crate::kql) struct UserFunction {
    pub(in crate::kql) name: String,
    pub(in crate::kql) declaration: Arc<FunctionDeclaration>,
    /// What its body sees.
    pub(super) scope: Place,
}
