//! The nodes of `declare pattern`, and of `macro-expand` over a group of databases or tables.

use std::sync::Arc;

use super::{ColumnDeclaration, Expr, FunctionDeclaration, Name, Span, Statement};

/// `declare pattern Name = (a: string)[path: string] { ("x").["y"] = { query }; ... }`
#[derive(Clone, Debug)]
pub struct PatternDeclaration {
    /// Its name.
    pub name: Name,
    /// What a call gives it.
    pub parameters: Vec<ColumnDeclaration>,
    /// What stands after the dot of a call.
    pub path: Option<ColumnDeclaration>,
    /// What it stands for, by the values it is called with; none for a pattern that is only announced.
    pub matches: Vec<PatternMatch>,
}

/// One line of a pattern.
#[derive(Clone, Debug)]
pub struct PatternMatch {
    /// The values a call must give.
    pub values: Vec<Expr>,
    /// Their place, with parentheses.
    pub list: Span,
    /// The value after the dot, and the place from the dot to the bracket.
    pub path: Option<(Option<Expr>, Span)>,
    /// Place of the `=`.
    pub equal: Span,
    /// What such a call stands for, over the pattern's parameters and its path.
    pub body: Arc<FunctionDeclaration>,
}

/// `macro-expand group as name ( statements )`
#[derive(Clone, Debug)]
pub struct MacroExpandSyntax {
    /// The entities.
    pub group: EntityGroup,
    /// What the entity at hand is called.
    pub name: Option<Name>,
    /// What is done with each.
    pub statements: Vec<Statement>,
}

/// The entities of `macro-expand`.
#[derive(Clone, Debug)]
pub enum EntityGroup {
    /// `entity_group [...]`
    List(Vec<Expr>),
    /// A name, or a group of a database.
    Named(Expr),
    /// Not there.
    Missing,
}

impl PatternDeclaration {
    /// The expressions in it, in order.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.matches.iter().flat_map(|m| {
            m.values
                .iter()
                .chain(m.path.iter().filter_map(|(e, _)| e.as_ref()))
        })
    }
}
