//! The bound tree: a query with every name resolved and every expression typed.
//!
//! This is the contract between the language (`kql::binder` fills it) and whoever runs a query
//! (`engine` plans it). Rules that hold everywhere:
//!
//! - **Pipelines are flat.** A [`Rel`] is a [`Source`] and a list of [`Op`]s; no operator nests its
//!   input, so thousands of pipes cost no stack.
//! - **Columns are ordinals.** An expression of an operator names columns by their position in the
//!   columns that operator is given: those of the operator before it, or of the source for the first.
//!   `Op::columns` says what comes out, in order. Only columns that cannot be known before the
//!   query runs (`evaluate bag_unpack`, `pivot`, tables without a schema) are named instead
//!   ([`ExprKind::OpenColumn`]).
//! - **User functions are expanded** where they are called: scalar parameters are substituted,
//!   tabular ones become lets. No function of the user is left in the tree.
//! - **Lets are numbered** ([`LetId`] indexes [`BoundQuery::lets`]) and each refers only to lets
//!   before it. A let used twice is one entry, so it can be computed once (`materialize` says it must).
//! - **What is not bound says its name**: [`OpKind::Unsupported`], [`Source::Unsupported`],
//!   [`ExprKind::Unsupported`]; run none of it silently.
//!
//! A bound tree exists only for a query without errors.

use super::columns::Columns;
use super::symbols::Origin;
use super::syntax::Span;
use super::types::{Type, Value};

/// A query ready to be planned.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    /// Everything `let` (and `as`, tabular arguments, piped inputs of `invoke`) gave a name,
    /// in order of definition.
    pub lets: Vec<BoundLet>,
    /// What the query returns.
    pub body: Rel,
    /// The last `render`, if any: a hint for charts; it changes no row.
    pub render: Option<Render>,
}

/// Index into [`BoundQuery::lets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetId(pub u32);

/// One named value.
#[derive(Clone, Debug)]
pub struct BoundLet {
    /// The name in the query; empty for those the binder made up.
    pub name: String,
    /// What it stands for.
    pub value: LetValue,
}

/// What a let stands for.
#[derive(Clone, Debug)]
pub enum LetValue {
    /// A scalar that depends on no row: compute once.
    Scalar(Expr),
    /// A table. `materialize` is true for `let x = materialize(...)`: all uses must see the same rows.
    Table {
        /// The rows.
        rel: Box<Rel>,
        /// Must be computed once.
        materialize: bool,
    },
}

/// A column coming out of a source or operator.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name, case-sensitive, unique among its neighbours (but for broken queries).
    pub name: String,
    /// Type.
    pub ty: Type,
    /// The table or the place in the query it comes from; of no account when columns are compared.
    pub origin: Origin,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.ty == other.ty
    }
}

impl Eq for Column {}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self {
            name: name.into(),
            ty,
            origin: Origin::UNKNOWN,
        }
    }

    /// The same column, which comes from there.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }
}

/// A table expression: where rows come from, and what is done with them in order.
#[derive(Clone, Debug)]
pub struct Rel {
    /// Where rows come from.
    pub source: Source,
    /// Columns of the source.
    pub source_columns: Columns,
    /// More columns than `source_columns` may exist.
    pub source_open: bool,
    /// Place of the source in the query.
    pub span: Span,
    /// What is done with the rows, first to last.
    pub ops: Vec<Op>,
}

impl Rel {
    /// Columns coming out at the end.
    pub fn columns(&self) -> &Columns {
        self.ops
            .last()
            .map_or(&self.source_columns, |op| &op.columns)
    }

    /// More columns than [`Rel::columns`] may come out.
    pub fn is_open(&self) -> bool {
        self.ops.last().map_or(self.source_open, |op| op.open)
    }
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A table of the schema.
    Table {
        /// Its name.
        name: String,
    },
    /// A named table expression; columns map by position.
    Let(LetId),
    /// `print a = 1, b = 2`: one row, one expression a column (no column is in scope).
    Print(Vec<Expr>),
    /// `datatable (...) [...]`: rows of constant expressions, each already of its column's type.
    Datatable(Vec<Vec<Expr>>),
    /// `range x from a to b step c`: one column.
    Range {
        /// first value
        from: Expr,
        /// last value (included where the steps meet it)
        to: Expr,
        /// step
        step: Expr,
    },
    /// `union a, b` at the start of a query.
    Union(Union),
    /// `search in (a, b) term`: the rows of all legs laid over each other that match.
    /// Output columns: `$table` (name of the leg), then those of the mapping.
    Search {
        /// The tables searched; `withsource` is `$table`.
        union: Union,
        /// Over the output columns of the union.
        predicate: Expr,
    },
    /// `find in (a, b) where predicate project ...`.
    Find {
        /// The tables searched; `withsource` is on.
        union: Union,
        /// Columns of the union, without the name of the table.
        all: Columns,
        /// Over `all`.
        predicate: Expr,
        /// What each output column holds.
        output: Vec<FindColumn>,
    },
    /// A parenthesised expression with its own operators.
    Nested(Box<Rel>),
    /// The rows an enclosing operator hands to its sub-query (`mv-apply`, `partition`, `fork`, `facet`):
    /// its columns are those of the enclosing operator's description.
    Piped,
    /// `externaldata (...) [uris] with (...)`.
    ExternalData {
        /// Where the data lies, as written.
        uris: Vec<String>,
        /// Options of the `with` clause.
        options: Vec<(String, String)>,
    },
    /// A tabular function of the schema, e.g. `AssignedIPAddresses(...)`, or a plug-in as source.
    Function {
        /// Its name.
        name: String,
        /// Arguments in order; absent optional ones are left out.
        args: Vec<Argument>,
    },
    /// Understood and typed where possible, but not representable yet.
    Unsupported {
        /// What: `operator 'graph-match'`, `function 'cluster'`.
        what: String,
    },
}

/// The rows of several tables laid over each other.
#[derive(Clone, Debug)]
pub struct Union {
    /// `kind=inner`: only columns all legs share.
    pub inner: bool,
    /// `isfuzzy=true`: legs that could not be resolved were left out.
    pub fuzzy: bool,
    /// `withsource=Name`: the first output column holds the name of the leg's table
    /// ([`UnionLeg::name`]).
    pub with_source: bool,
    /// The legs; in the operator form (`T | union U`) the piped rows are the first leg,
    /// with `rel` [`None`].
    pub legs: Vec<UnionLeg>,
}

/// A column that `find` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindColumn {
    /// The name of the table.
    Source,
    /// A column of the union as a type; `None` where no table has it.
    Of(Option<usize>),
    /// A bag of all columns that do not come out themselves.
    Pack,
}

/// One leg of a union.
#[derive(Clone, Debug)]
pub struct UnionLeg {
    /// The rows; `None` stands for the piped rows.
    pub rel: Option<Rel>,
    /// What `withsource` says of it: the table's name, or `union_arg<n>`.
    pub name: String,
    /// For each output column (without the `withsource` column): the leg's ordinal, or `None` for null.
    pub mapping: Vec<Option<usize>>,
}

/// One operator of a pipeline.
#[derive(Clone, Debug)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// The columns that come out.
    pub columns: Columns,
    /// More columns than these may come out.
    pub open: bool,
    /// Place of the operator in the query.
    pub span: Span,
}

/// What an operator does. Output columns are in [`Op::columns`].
#[derive(Clone, Debug)]
pub enum OpKind {
    /// `where`, `filter`: keeps rows for which this is true (not null, not false).
    Where(Expr),
    /// `extend`, `serialize a = ...`: each item sets one output column; the others pass in order.
    /// Output columns are the input columns, some replaced in place, then the new ones.
    Extend(Vec<ColumnSetter>),
    /// `project`, `project-away`, `project-keep`, `project-rename`, `project-reorder`:
    /// one expression an output column, in order. `rest` is true where unknown columns of an
    /// open input pass as well.
    Project {
        /// As many as [`Op::columns`].
        exprs: Vec<Expr>,
        /// Unknown columns pass.
        rest: bool,
    },
    /// `distinct`: one expression an output column; rows equal in all are one.
    Distinct(Vec<Expr>),
    /// `summarize`. Output: `by` in order, then the columns of `aggregates` in order.
    /// Without `by` one row always comes out.
    Summarize {
        /// Group keys.
        by: Vec<Expr>,
        /// Aggregates; each gives one or more columns.
        aggregates: Vec<AggregateItem>,
    },
    /// `count`: one row, one `long` column.
    Count,
    /// `sort by`, `order by`.
    Sort(Vec<SortKey>),
    /// `top n by`.
    Top {
        /// How many.
        count: Expr,
        /// The keys.
        keys: Vec<SortKey>,
    },
    /// `take`, `limit`.
    Take(Expr),
    /// `sample n`.
    Sample(Expr),
    /// `sample-distinct n of expr`: one column.
    SampleDistinct {
        /// How many.
        count: Expr,
        /// Of what.
        of: Expr,
    },
    /// `join`. Output: for the kinds that keep one side, its columns; otherwise left then right.
    Join {
        /// Which.
        kind: JoinKind,
        /// The right side.
        right: Rel,
        /// All must hold.
        on: Vec<JoinKey>,
    },
    /// `lookup`: a join whose output is left, then `right_columns` of the right side.
    Lookup {
        /// `LeftOuter` or `Inner`.
        kind: JoinKind,
        /// The dimension table.
        right: Rel,
        /// All must hold.
        on: Vec<JoinKey>,
        /// Ordinals of the right side that come out (its keys do not).
        right_columns: Vec<usize>,
    },
    /// `union` in a pipeline.
    Union(Union),
    /// `mv-expand`. Output columns are the input columns (expanded ones replaced in place or
    /// appended), with the item index column (see `item_index`).
    MvExpand {
        /// What is expanded, side by side.
        items: Vec<ExpandItem>,
        /// `bagexpansion=array`: bags give `[key, value]` pairs instead of one-property bags.
        bag_as_array: bool,
        /// Output ordinal of the `with_itemindex` column.
        item_index: Option<usize>,
        /// At most this many rows for each input row.
        limit: Option<Expr>,
    },
    /// `mv-apply`: for each row, the expanded rows go through `body`
    /// (whose source is [`Source::Piped`], with the columns of `piped`).
    /// Output: the input columns that were not expanded, then those of `body`.
    MvApply {
        /// What is expanded.
        items: Vec<ExpandItem>,
        /// Output ordinal of the item index in `piped`.
        item_index: Option<usize>,
        /// At most this many rows for each input row.
        limit: Option<Expr>,
        /// Columns handed to `body`.
        piped: Columns,
        /// The sub-query.
        body: Rel,
        /// For each output column: from the input row or from the body.
        output: Vec<ApplyOutput>,
    },
    /// `parse`, `parse-where`. New columns replace those of the same name or are appended.
    Parse {
        /// What is read.
        source: Expr,
        /// How.
        mode: ParseMode,
        /// The pattern.
        pattern: Vec<ParsePart>,
        /// `parse-where`: rows that do not match are dropped.
        filter: bool,
    },
    /// `parse-kv`.
    ParseKv {
        /// What is read.
        source: Expr,
        /// Output ordinal and key of each value.
        keys: Vec<(usize, String)>,
        /// Options as written: `pair_delimiter`, `kv_delimiter`, `quote`, `escape`, `greedy`.
        options: Vec<(String, Value)>,
    },
    /// `make-series`. Output: `by`, then one dynamic column an aggregate, then the axis (dynamic).
    /// `output` gives the order as ordinals of (by ++ aggregates ++ axis).
    MakeSeries {
        /// Series; `default` fills bins without rows.
        aggregates: Vec<SeriesItem>,
        /// The axis column.
        axis: Expr,
        /// `from`
        from: Option<Expr>,
        /// `to` (not included)
        to: Option<Expr>,
        /// `step`
        step: Expr,
        /// Group keys.
        by: Vec<Expr>,
        /// `kind=nonempty`: without rows there is still one series, of defaults.
        nonempty: bool,
    },
    /// `top-nested`.
    TopNested(Vec<TopNestedLevel>),
    /// `top-hitters n of expr by weight`.
    TopHitters {
        /// How many.
        count: Expr,
        /// Of what.
        of: Expr,
        /// The weight; `None` counts rows.
        by: Option<Expr>,
    },
    /// `serialize` alone: rows keep the order they have.
    Serialize,
    /// `getschema`: one row a column of the input: ColumnName, ColumnOrdinal, DataType, ColumnType.
    GetSchema,
    /// `as Name`: the rows so far are also the let `id`, for uses after it. Rows pass unchanged.
    As(LetId),
    /// `partition by column (body)`; body's source is [`Source::Piped`].
    Partition {
        /// The key.
        by: Expr,
        /// For each key's rows.
        body: Rel,
    },
    /// `scan`.
    Scan {
        /// The order keys, if rows are to be partitioned: `partition by`.
        partition_by: Vec<Expr>,
        /// `with_match_id` output ordinal.
        match_id: Option<usize>,
        /// Declared columns: output ordinal, default.
        declared: Vec<(usize, Option<Expr>)>,
        /// The steps.
        steps: Vec<ScanStep>,
    },
    /// `fork (a) (b)`: several results; the columns are the first branch's.
    Fork(Vec<(Option<String>, Rel)>),
    /// `facet by a, b with (body)`: several results.
    Facet {
        /// One result for each.
        by: Vec<Expr>,
        /// Applied to the rows.
        body: Option<Rel>,
    },
    /// `evaluate plugin(args)`.
    Evaluate {
        /// Plug-in name.
        plugin: String,
        /// Its arguments.
        args: Vec<Argument>,
        /// The columns the query declared: `evaluate pivot(...) : (a:long, *)`.
        declared: Option<Columns>,
    },
    /// `invoke F(args)` of a function of the schema (`FileProfile`, `SeenBy`...); rows piped in.
    Invoke {
        /// Its name.
        function: String,
        /// Its arguments.
        args: Vec<Argument>,
    },
    /// `search` in a pipeline: keeps rows that match.
    Search(Expr),
    /// `consume`: reads all, returns nothing.
    Consume,
    /// `reduce by expr`: Pattern, Count, Representative.
    Reduce {
        /// Of what.
        by: Expr,
        /// Options as written: `threshold`, `characters`.
        options: Vec<(String, Value)>,
    },
    /// Understood and typed where possible, but not representable yet.
    Unsupported {
        /// What: `operator 'graph-match'`.
        what: String,
    },
}

/// Sets one output column.
#[derive(Clone, Debug)]
pub struct ColumnSetter {
    /// Ordinal among the output columns.
    pub index: usize,
    /// The value, over the input columns.
    pub expr: Expr,
}

/// One item of `summarize`.
#[derive(Clone, Debug)]
pub enum AggregateItem {
    /// One column: a scalar expression with [`ExprKind::Aggregate`] calls inside
    /// (`round(sum(a) / count(), 2)`).
    One(Expr),
    /// One call with several columns:
    /// - `arg_max`/`arg_min`: `args[0]` is maximised, all `args` come out, in order (`*` already expanded);
    /// - `take_any`: all `args` come out;
    /// - `percentiles(x, p1, p2)`: `args[0]` is measured, one column for each further argument;
    /// - `percentilesw(x, w, p1, p2)`: likewise from `args[2]`.
    Many {
        /// Canonical name of the aggregate.
        function: String,
        /// Arguments.
        args: Vec<Expr>,
        /// How many output columns.
        width: usize,
    },
}

impl AggregateItem {
    /// How many output columns it gives.
    pub const fn width(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many { width, .. } => *width,
        }
    }
}

/// One key of an order.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// The value.
    pub expr: Expr,
    /// Descending (the default of the language).
    pub descending: bool,
    /// Nulls first (default: ascending yes, descending no).
    pub nulls_first: bool,
}

/// Kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// The default: the left side keeps one row a key, then inner.
    InnerUnique,
    /// All pairs.
    Inner,
    /// All of the left side.
    LeftOuter,
    /// All of the right side.
    RightOuter,
    /// All of both.
    FullOuter,
    /// Left rows without a match (also spelt `anti`, `leftantisemi`).
    LeftAnti,
    /// Left rows with a match.
    LeftSemi,
    /// Right rows without a match.
    RightAnti,
    /// Right rows with a match.
    RightSemi,
}

/// One equality of a join.
#[derive(Clone, Debug)]
pub struct JoinKey {
    /// Over the columns of the left (piped) side.
    pub left: Expr,
    /// Over the columns of the right side.
    pub right: Expr,
}

/// One expression that `mv-expand` or `mv-apply` turns into rows.
#[derive(Clone, Debug)]
pub struct ExpandItem {
    /// Ordinal among the output columns (`mv-expand`) or the `piped` columns (`mv-apply`).
    pub index: usize,
    /// The array or bag.
    pub expr: Expr,
    /// `to typeof(T)`: elements are converted.
    pub to: Option<Type>,
}

/// Where a column of `mv-apply` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyOutput {
    /// Ordinal of the row given to the operator.
    Input(usize),
    /// Ordinal of the body's columns.
    Body(usize),
}

/// How `parse` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseMode {
    /// Literals as they are; a value that does not convert fails the match.
    Simple,
    /// Like simple, but a value that does not convert is null.
    Relaxed,
    /// Literals are regular expressions.
    Regex {
        /// `flags=`, e.g. `Ui`
        flags: String,
    },
}

/// One part of a `parse` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsePart {
    /// `*`
    Skip,
    /// Text to find.
    Literal(String),
    /// A column to fill: output ordinal and type.
    Column {
        /// Output ordinal.
        index: usize,
        /// Declared type (string by default).
        ty: Type,
    },
}

/// One aggregate of `make-series`.
#[derive(Clone, Debug)]
pub struct SeriesItem {
    /// Contains [`ExprKind::Aggregate`] calls.
    pub expr: Expr,
    /// `default=`
    pub default: Option<Expr>,
}

/// One level of `top-nested`.
#[derive(Clone, Debug)]
pub struct TopNestedLevel {
    /// How many; `None` for all.
    pub count: Option<Expr>,
    /// Of what.
    pub of: Expr,
    /// `with others = "..."`.
    pub others: Option<Expr>,
    /// The aggregate ordered by.
    pub by: Expr,
    /// Ascending order.
    pub ascending: bool,
}

/// One step of `scan`.
#[derive(Clone, Debug)]
pub struct ScanStep {
    /// Its name.
    pub name: String,
    /// `output=` : `all`, `last`, `none`
    pub output: String,
    /// `optional`
    pub optional: bool,
    /// The condition.
    pub condition: Expr,
    /// Assignments: declared output ordinal, value.
    pub assignments: Vec<(usize, Expr)>,
}

/// An argument of a plug-in or tabular function.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A scalar over the piped columns.
    Scalar(Expr),
    /// A table.
    Table(Rel),
    /// `name = value` given by name.
    Named(String, Expr),
    /// `*`
    Star,
}

/// `render kind with (name = value, ...)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    /// `timechart`, `piechart`, ...
    pub kind: String,
    /// Properties in order: `title`, `xcolumn`, `series`...; lists joined by commas.
    pub properties: Vec<(String, String)>,
}

/// A typed scalar expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Type of the value.
    pub ty: Type,
    /// Place in the query.
    pub span: Span,
}

/// Which input a column is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The only input, or the left one.
    Left,
    /// The right side of a join key.
    Right,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// A column of the operator's input, by ordinal.
    Column(usize),
    /// A column that only the running query will show (open inputs).
    OpenColumn(String),
    /// A scalar let.
    Let(LetId),
    /// A scan step's state: `s1.x` is the declared or input column `column` at step `step`.
    ScanState {
        /// Step ordinal.
        step: usize,
        /// Column ordinal (input columns, then declared).
        column: usize,
    },
    /// `-x`
    Negate(Box<Expr>),
    /// All of two or more, three-valued.
    And(Vec<Expr>),
    /// Any of two or more, three-valued.
    Or(Vec<Expr>),
    /// An operator of two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `x between (a .. b)`; the bounds are included; a timespan `high` beside a datetime `low` is
    /// already added to it.
    Between {
        /// The value.
        value: Box<Expr>,
        /// Lower bound.
        low: Box<Expr>,
        /// Upper bound.
        high: Box<Expr>,
        /// `!between`
        negated: bool,
    },
    /// `in`, `!in`, `in~`, `!in~`, `has_any`, `has_all`.
    In {
        /// Which.
        op: InOp,
        /// The value searched for (or in, for `has_any`).
        value: Box<Expr>,
        /// Where.
        list: InList,
    },
    /// A built-in scalar function. Names are canonical: obsolete and second spellings are already
    /// replaced (`parse_json` for `todynamic`, `iff` for `iif`, `isnotempty` for `notempty`).
    Call {
        /// Canonical name.
        function: String,
        /// Arguments in order. `datetime_diff('day', ...)`: parts are string literals.
        args: Vec<Expr>,
    },
    /// An aggregate; only inside `summarize`, `make-series`, `top-nested`, `evaluate pivot`.
    Aggregate {
        /// Canonical name.
        function: String,
        /// Arguments in order.
        args: Vec<Expr>,
    },
    /// `d.name` and `d["name"]` with a constant name.
    Member(Box<Expr>, String),
    /// `d[expr]`
    Index(Box<Expr>, Box<Expr>),
    /// `toscalar(rel)`: first column of the first row.
    ToScalar(Box<Rel>),
    /// A conversion the binder put in: a parameter's declared type, a datatable cell's column type.
    Convert(Box<Expr>),
    /// `search` terms: any column of the row (as text) has / contains / starts / ends with the text.
    SearchTerm {
        /// The text without its stars.
        text: String,
        /// Where stars stood: `(leading, trailing)`; without any the match is `has`.
        stars: (bool, bool),
        /// Case-sensitive.
        case_sensitive: bool,
    },
    /// Understood and typed where possible, but not representable yet.
    Unsupported {
        /// What: `function 'row_window_session'`.
        what: String,
    },
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
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
    /// `=~`, `!~` and all word operators on text
    Text {
        /// What is asked.
        test: TextTest,
        /// `!`
        negated: bool,
        /// Letters' case matters.
        case_sensitive: bool,
    },
}

/// What a word operator asks of its left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// `=~` (always ignoring case; `==` is [`BinaryOp::Equal`])
    Same,
    /// `has`
    Has,
    /// `hasprefix`
    HasPrefix,
    /// `hassuffix`
    HasSuffix,
    /// `contains`
    Contains,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `like` (`*` is any text)
    Like,
    /// `matches regex`, always case-sensitive
    Regex,
}

/// Operators with a list on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InOp {
    /// `in`
    In,
    /// `!in`
    NotIn,
    /// `in~`
    InTilde,
    /// `!in~`
    NotInTilde,
    /// `has_any`
    HasAny,
    /// `has_all`
    HasAll,
}

/// The right side of [`ExprKind::In`].
#[derive(Clone, Debug)]
pub enum InList {
    /// Values; one of type dynamic stands for its elements.
    Values(Vec<Expr>),
    /// The first column of a table.
    Rel(Box<Rel>),
}
