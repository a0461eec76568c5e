//! The syntax tree: what the parser understood, with places, and what it had to make up.
//!
//! Lossless together with its tokens: [`Syntax::tokens`] covers every byte of the text, and nodes hold
//! spans into it. Broken text gives a tree as well: missing parts are [`ExprKind::Missing`], names with
//! [`NameForm::Missing`], and what could not be read is in [`Syntax::skipped`].
//!
//! Chains (`a or b or c`, `a + b - c`, `a.b[0].c`, pipes) are flat lists, so long queries cost no stack.

mod graphs;
mod operators;
mod patterns;

pub use graphs::{GraphElement, GraphOutput, GraphSyntax};
pub use operators::{
    EvaluateSchema, ExpandSyntax, JoinOn, Operator, OperatorKind, Parameter, ParameterValue,
    PatternPart, ScanStepSyntax, SeriesRange, TopNestedSyntax,
};
pub use patterns::{EntityGroup, MacroExpandSyntax, PatternDeclaration, PatternMatch};

use std::sync::Arc;

use super::diagnostics::Diagnostic;
use super::lexer::{Token, TokenKind};

/// A place in the query text: byte offsets, `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of two byte offsets.
    pub const fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The text it covers.
    pub fn text(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// From the start of this to the end of `other`.
    #[must_use]
    pub const fn to(self, other: Self) -> Self {
        let end = if other.end > self.end {
            other.end
        } else {
            self.end
        };
        Self {
            start: self.start,
            end,
        }
    }

    /// No text.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A parsed query text.
#[derive(Clone, Debug)]
pub struct Syntax {
    /// All tokens, the last one [`TokenKind::End`].
    pub tokens: Vec<Token>,
    /// The statements in order.
    pub statements: Vec<Statement>,
    /// Text after the last statement that could not be read.
    pub skipped: Option<Span>,
    /// Faults of tokens and grammar, by place.
    pub errors: Vec<Diagnostic>,
    /// What some tokens are for (parameter names and the like), for colouring.
    pub marks: Vec<(Span, Mark)>,
    /// How many levels of brackets the tree nests; who walks it by recursion asks
    /// [`with_room`](super::stack::with_room) for a stack.
    pub depth: usize,
}

/// What a token is for where its kind alone does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The name of an operator's parameter (`kind`, `hint.strategy`, names in `with (...)`).
    Parameter,
    /// A word that is a value or clause of an operator.
    Keyword,
    /// The word of a query operator.
    Operator,
    /// A name that is only a name (no reference).
    Identifier,
    /// A type name.
    Type,
    /// A text that is a literal.
    Literal,
    /// Tokens that have no colour of their own: the arrows of graphs.
    Plain,
}

/// A name as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name itself, without brackets and quotes.
    pub text: String,
    /// Place, with brackets.
    pub span: Span,
    /// How it is written.
    pub form: NameForm,
}

impl Name {
    /// Was it made up by the parser?
    pub fn is_missing(&self) -> bool {
        self.form == NameForm::Missing
    }
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameForm {
    /// `Name`
    Plain,
    /// `['a name']`
    Bracketed,
    /// `{name}`: a client's parameter
    Braced,
    /// `Device*`
    Wildcard,
    /// Not there.
    Missing,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What.
    pub kind: StatementKind,
    /// Place.
    pub span: Span,
}

/// Kinds of statement.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `let name = value`
    Let {
        /// The name.
        name: Name,
        /// The value.
        value: LetValue,
    },
    /// `set name = value`
    Set {
        /// The option.
        name: Name,
        /// Its value.
        value: Option<Expr>,
    },
    /// `declare query_parameters (...)`
    Parameters(Vec<FunctionParameter>),
    /// `declare pattern name = ...`
    Pattern(Box<PatternDeclaration>),
    /// `restrict access`, `alias database`.
    Other {
        /// The word it starts with.
        what: &'static str,
        /// The name declared, if any.
        name: Option<Name>,
        /// What an alias stands for; what access is restricted to.
        exprs: Vec<Expr>,
    },
    /// A query.
    Query(Expr),
}

/// The right side of a `let`.
#[derive(Clone, Debug)]
pub enum LetValue {
    /// A scalar or tabular expression.
    Expr(Expr),
    /// `materialize (...)`
    Materialize(Expr),
    /// `(params) { body }`
    Function(Arc<FunctionDeclaration>),
    /// `entity_group [...]`
    EntityGroup(Vec<Expr>),
}

/// A function of the user.
#[derive(Clone, Debug)]
pub struct FunctionDeclaration {
    /// `view`
    pub view: bool,
    /// Its parameters.
    pub parameters: Vec<FunctionParameter>,
    /// Statements before the result.
    pub statements: Vec<Statement>,
    /// The result.
    pub result: Option<Expr>,
    /// Place of the body.
    pub body: Span,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct FunctionParameter {
    /// Name and type.
    pub declaration: ColumnDeclaration,
    /// Its default.
    pub default: Option<Expr>,
    /// Place.
    pub span: Span,
}

/// `name: type`
#[derive(Clone, Debug)]
pub struct ColumnDeclaration {
    /// Name.
    pub name: Name,
    /// Type.
    pub ty: TypeSyntax,
    /// Place.
    pub span: Span,
}

/// A type as written.
#[derive(Clone, Debug)]
pub enum TypeSyntax {
    /// `long`
    Named(Span),
    /// `(a: long, b: string)`; `None` inside for `(*)`
    Table(Option<Vec<ColumnDeclaration>>),
    /// Not there or not a type.
    Missing,
}

/// An expression, scalar or tabular.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Place.
    pub span: Span,
}

/// Kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Not there (already reported).
    Missing,
    /// A literal of one token (or a sign and a number).
    Literal(TokenKind),
    /// Adjacent string literals, or one.
    Strings(Vec<Span>),
    /// A name.
    Name(Name),
    /// `*`
    Star,
    /// `@`
    At,
    /// `(expr)`; may hold a pipeline
    Paren(Box<Expr>),
    /// `-x`, `+x`
    Sign {
        /// `-`
        minus: bool,
        /// Place of the sign.
        op: Span,
        /// The operand.
        operand: Box<Expr>,
    },
    /// Operators of one rank, read from the left.
    Chain {
        /// The first operand.
        first: Box<Expr>,
        /// Operator, its place, operand.
        rest: Vec<(BinaryToken, Span, Expr)>,
    },
    /// `x in (...)`, `has_any`, `has_all` and their kin.
    In {
        /// The operator's word.
        op: &'static str,
        /// Its place.
        op_span: Span,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        list: Vec<Expr>,
    },
    /// `x between (a .. b)`
    Between {
        /// `!between`
        negated: bool,
        /// Place of the operator.
        op_span: Span,
        /// Left side.
        left: Box<Expr>,
        /// Lower bound.
        low: Box<Expr>,
        /// Upper bound.
        high: Box<Expr>,
    },
    /// `a.b`, `a["b"]`, `a.f()`
    Path {
        /// What it starts with.
        base: Box<Expr>,
        /// Steps.
        steps: Vec<Step>,
    },
    /// `f(a, b)`
    Call(Call),
    /// `name = value`
    Named {
        /// The name.
        name: Name,
        /// The value.
        value: Box<Expr>,
    },
    /// `(a, b) = value`
    NamedList {
        /// The names.
        names: Vec<Name>,
        /// Place of the list.
        list: Span,
        /// The value.
        value: Box<Expr>,
    },
    /// `x asc nulls first`
    Ordered {
        /// The value.
        value: Box<Expr>,
        /// `asc`, `desc`, `granny-asc`, `granny-desc`
        direction: Option<&'static str>,
        /// `first`, `last`
        nulls: Option<&'static str>,
    },
    /// `dynamic(...)`
    Dynamic(Box<Json>),
    /// `typeof(long)`, `typeof(a: long, *)`
    TypeOf(Vec<TypeOfItem>),
    /// `toscalar(...)`
    ToScalar(Box<Expr>),
    /// `totable(...)`
    ToTable(Box<Expr>),
    /// `datatable (...) [...]`
    DataTable {
        /// Columns.
        columns: Vec<ColumnDeclaration>,
        /// Values, row by row.
        values: Vec<Expr>,
        /// Place of the list of values.
        list: Span,
    },
    /// `externaldata (...) [...] with (...)`
    ExternalData {
        /// Columns.
        columns: Vec<ColumnDeclaration>,
        /// Where.
        uris: Vec<Expr>,
        /// Options.
        properties: Vec<Parameter>,
    },
    /// `source | op | op`; without a source the first operator starts the query
    Pipeline {
        /// What is piped.
        source: Option<Box<Expr>>,
        /// The operators.
        ops: Vec<Operator>,
    },
    /// `pack(*)` in `find`
    Pack,
    /// `name: type` in `find ... project`
    TypedColumn {
        /// The column.
        name: Name,
        /// The type.
        ty: TypeSyntax,
    },
}

/// One entry of `typeof(...)`.
#[derive(Clone, Debug)]
pub enum TypeOfItem {
    /// A type.
    Type(Span),
    /// `*`
    Star(Span),
    /// `name: type`
    Column(ColumnDeclaration),
}

/// One step of a path.
#[derive(Clone, Debug)]
pub enum Step {
    /// `.name`
    Member(Name),
    /// `.f(...)`
    Call(Call, Span),
    /// `[expr]` (or `.[expr]`)
    Index(Box<Expr>, Span),
    /// `.*` or `.Device*`
    Wildcard(Name),
}

/// A function call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub name: Name,
    /// The arguments.
    pub args: Vec<Expr>,
    /// Place of the argument list with its parentheses.
    pub list: Span,
}

/// A value inside `dynamic(...)`.
#[derive(Clone, Debug)]
pub enum Json {
    /// Not there (already reported).
    Missing,
    /// `null`
    Null,
    /// A literal; `-` before a number belongs to its span.
    Literal(Expr),
    /// `[...]`
    Array(Vec<Json>),
    /// `{...}`
    Object(Vec<(Span, Json)>),
}

/// Operators between two operands, as the parser reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryToken {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `has`, `=~`, `!contains_cs`, `matches regex`, ... by its spelling
    Text(&'static str),
    /// `:` in a search predicate
    Search,
}
