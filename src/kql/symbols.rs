//! Where names of a query come from: what the query itself defines, where each such name stands
//! again, and which table of the schema a column belongs to.
//!
//! The binder fills this in while it binds; [`super::assist`] reads it. Nothing here decides what a
//! query means.

use super::columns::Columns;
use super::syntax::Span;
use super::types::Type;

/// Where a column (or another name) comes from, in four bytes that travel with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(u32);

/// What an [`Origin`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing is known.
    Unknown,
    /// A table of the schema, by its index in [`super::Schema::tables`]; `more` says that other tables
    /// have given rows to the same column.
    Table {
        /// The index.
        index: usize,
        /// Other tables too.
        more: bool,
    },
    /// A name the query defines: an index into [`Symbols::defined`].
    Symbol(usize),
}

const TABLE: u32 = 1 << 31;
const MORE: u32 = 1 << 30;

impl Origin {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self(0);

    /// A table of the schema.
    pub const fn table(index: usize) -> Self {
        Self(TABLE | index as u32)
    }

    /// A name the query defines.
    pub const fn symbol(index: usize) -> Self {
        Self(index as u32 + 1)
    }

    /// What it says.
    pub const fn source(self) -> Source {
        if self.0 == 0 {
            Source::Unknown
        } else if self.0 & TABLE != 0 {
            Source::Table {
                index: (self.0 & !(TABLE | MORE)) as usize,
                more: self.0 & MORE != 0,
            }
        } else {
            Source::Symbol(self.0 as usize - 1)
        }
    }

    /// The same column, with rows of other tables too.
    #[must_use]
    pub const fn and_more(self) -> Self {
        if self.0 & TABLE != 0 {
            Self(self.0 | MORE)
        } else {
            self
        }
    }

    /// The index of the name the query defines, if it is one.
    pub const fn as_symbol(self) -> Option<usize> {
        match self.source() {
            Source::Symbol(index) => Some(index),
            _ => None,
        }
    }
}

/// What kind of name the query defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// `let x = ...` of a value or table.
    Let,
    /// `let f = (...) {...}`
    Function,
    /// A parameter of a function of the query.
    Parameter,
    /// `declare query_parameters (x: ...)`
    QueryParameter,
    /// `| as x`
    As,
    /// A column.
    Column,
    /// A step of `scan`.
    Step,
    /// A node or edge of a graph pattern.
    Element,
    /// `declare pattern x`
    Pattern,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It cannot be told.
    Unknown,
    /// A value.
    Scalar(Type),
    /// A table: its columns, and whether more may come.
    Table(Columns, bool),
}

/// A name the query defines.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Where it is given; for a name that was made up, the expression it is made of.
    pub span: Span,
    /// What kind.
    pub kind: SymbolKind,
    /// What it stands for.
    pub shape: Shape,
    /// The expression, statement or body it stands for; empty where there is none.
    pub value: Span,
    /// The name, where the language made it up (`count_`, `max_Timestamp`).
    pub made_up: Option<Box<str>>,
    /// For a name that was made up: the name of the query it is made after.
    pub after: Origin,
}

/// One place where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The place.
    pub span: Span,
    /// Where the name comes from.
    pub origin: Origin,
    /// The type of what it stands for, here.
    pub ty: Type,
}

/// What a query defines and where it is named.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// The names the query defines.
    pub defined: Vec<Symbol>,
    /// All places where a name stands that means something, definitions included, by place.
    pub mentions: Vec<Mention>,
    /// Names that stand for one thing: a column two legs of a union have, the key of a join, a column
    /// computed anew under its own name. Renaming one renames the other.
    pub same: Vec<(Origin, Origin)>,
}

impl Symbols {
    /// The mention at byte `at`: the one around it, or the one that ends there.
    pub fn at(&self, at: u32) -> Option<&Mention> {
        let i = self.mentions.partition_point(|m| m.span.start <= at);
        self.mentions[..i].last().filter(|m| at <= m.span.end)
    }
}
