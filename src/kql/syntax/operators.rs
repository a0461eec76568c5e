//! The nodes of query operators: their words, parameters and clauses.

use super::{
    Call, ColumnDeclaration, Expr, FunctionParameter, GraphSyntax, MacroExpandSyntax, Name, Span,
    TypeSyntax,
};

/// An operator's parameter: `kind = inner`.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: ParameterValue,
    /// Place.
    pub span: Span,
}

/// The value of a parameter.
#[derive(Clone, Debug)]
pub enum ParameterValue {
    /// A literal or path.
    Expr(Expr),
    /// A word.
    Word(Span),
    /// A new name.
    Declaration(Name),
    /// Columns.
    Columns(Vec<Name>),
    /// Not there.
    Missing,
}

/// A query operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// What.
    pub kind: OperatorKind,
    /// The operator's word as in the language (`where` for `filter` stays `filter`); empty for a bad one.
    pub word: &'static str,
    /// Place of the word.
    pub keyword: Span,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Place.
    pub span: Span,
}

/// Kinds of query operator.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "each is the operator of the language with that name"
)]
pub enum OperatorKind {
    As(Name),
    AssertSchema(Vec<ColumnDeclaration>),
    /// Not an operator (already reported).
    Bad,
    Consume,
    Count(Option<Name>),
    Distinct(Vec<Expr>),
    Evaluate {
        call: Call,
        call_span: Span,
        schema: Option<EvaluateSchema>,
    },
    ExecuteAndCache,
    Extend(Vec<Expr>),
    Facet {
        by: Vec<Expr>,
        with: Option<Box<Expr>>,
    },
    Find {
        tables: Option<Vec<Expr>>,
        predicate: Box<Expr>,
        project: Option<Vec<Expr>>,
        away: Option<Vec<Expr>>,
    },
    Fork(Vec<(Option<Name>, Expr)>),
    GetSchema,
    Graph(Box<GraphSyntax>),
    Invoke(Box<Expr>),
    Join {
        right: Box<Expr>,
        on: JoinOn,
    },
    Lookup {
        right: Box<Expr>,
        on: JoinOn,
    },
    MakeSeries {
        items: Vec<(Expr, Option<Expr>)>,
        on: Box<Expr>,
        range: SeriesRange,
        by: Vec<Expr>,
    },
    MvApply {
        items: Vec<ExpandSyntax>,
        limit: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    MvExpand {
        items: Vec<ExpandSyntax>,
        limit: Option<Box<Expr>>,
    },
    Parse {
        source: Box<Expr>,
        pattern: Vec<PatternPart>,
    },
    ParseKv {
        source: Box<Expr>,
        keys: Vec<ColumnDeclaration>,
        properties: Vec<Parameter>,
    },
    Partition {
        by: Box<Expr>,
        body: Box<Expr>,
        braces: bool,
    },
    Print(Vec<Expr>),
    Project(Vec<Expr>),
    ProjectAway(Vec<Expr>),
    ProjectByNames(Vec<Expr>),
    ProjectKeep(Vec<Expr>),
    ProjectRename(Vec<Expr>),
    ProjectReorder(Vec<Expr>),
    Range {
        name: Name,
        from: Box<Expr>,
        to: Box<Expr>,
        step: Box<Expr>,
    },
    Reduce {
        by: Box<Expr>,
        properties: Vec<Parameter>,
    },
    Render {
        chart: String,
        properties: Vec<Parameter>,
    },
    Sample(Box<Expr>),
    SampleDistinct {
        count: Box<Expr>,
        of: Box<Expr>,
    },
    Scan {
        order: Vec<Expr>,
        partition: Vec<Expr>,
        declare: Vec<FunctionParameter>,
        steps: Vec<ScanStepSyntax>,
    },
    Search {
        tables: Option<Vec<Expr>>,
        predicate: Box<Expr>,
    },
    Serialize(Vec<Expr>),
    Sort(Vec<Expr>),
    Summarize {
        aggregates: Vec<Expr>,
        by: Option<Vec<Expr>>,
    },
    Take(Box<Expr>),
    Top {
        count: Box<Expr>,
        by: Box<Expr>,
    },
    TopHitters {
        count: Box<Expr>,
        of: Box<Expr>,
        by: Option<Box<Expr>>,
    },
    TopNested(Vec<TopNestedSyntax>),
    Union(Vec<Expr>),
    Where(Box<Expr>),
    MacroExpand(Box<MacroExpandSyntax>),
}

/// The condition of a join.
#[derive(Clone, Debug)]
pub enum JoinOn {
    /// `on a, $left.b == $right.c`
    On(Vec<Expr>),
    /// `where condition`
    Where(Box<Expr>),
    /// None given.
    Missing,
}

/// The range of `make-series`.
#[derive(Clone, Debug)]
pub enum SeriesRange {
    /// `from a to b step c`
    FromToStep {
        /// `from`
        from: Option<Box<Expr>>,
        /// `to`
        to: Option<Box<Expr>>,
        /// `step`
        step: Box<Expr>,
    },
    /// `in range(a, b, c)`
    InRange(Vec<Expr>),
}

/// The schema declared after `evaluate ...`.
#[derive(Clone, Debug)]
pub struct EvaluateSchema {
    /// `*` first: the input's columns too.
    pub star: bool,
    /// The columns.
    pub columns: Vec<ColumnDeclaration>,
}

/// One item of `mv-expand` or `mv-apply`.
#[derive(Clone, Debug)]
pub struct ExpandSyntax {
    /// What is expanded; absent in `mv-apply to typeof(...)`.
    pub expr: Option<Expr>,
    /// `to typeof(...)`
    pub to: Option<Expr>,
}

/// One part of a `parse` pattern.
#[derive(Clone, Debug)]
pub enum PatternPart {
    /// `*`
    Star(Span),
    /// A text.
    Text(Expr),
    /// A column, with its type if declared.
    Column(Name, Option<TypeSyntax>),
}

/// One step of `scan`.
#[derive(Clone, Debug)]
pub struct ScanStepSyntax {
    /// Its name.
    pub name: Name,
    /// `optional`
    pub optional: bool,
    /// `output = ...`
    pub output: Option<Span>,
    /// The condition.
    pub condition: Expr,
    /// The assignments.
    pub assignments: Vec<(Name, Expr)>,
}

/// One level of `top-nested`.
#[derive(Clone, Debug)]
pub struct TopNestedSyntax {
    /// How many.
    pub count: Option<Expr>,
    /// Of what.
    pub of: Expr,
    /// `with others = ...`
    pub others: Option<Expr>,
    /// By what.
    pub by: Expr,
}
