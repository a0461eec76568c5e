//! What fits the place of the caret, as lists still without names: which columns, functions, words.
//!
//! The rules that fill it in are those of the official language service, found by asking it about many
//! places: [`super::statement`], [`super::clause`], [`super::expression`].

use super::ItemKind;
use crate::kql::binder::probe::Question;
use crate::kql::types::Type;

/// Columns of which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Those piped in; where nothing is, those of all tables if the flag is set.
    Row,
    /// Those of a join's left side.
    Left,
    /// Those of its right side.
    Right,
    /// Those both sides have.
    Common,
    /// Those of all tables.
    All,
    /// Those of a node or edge of a graph's pattern.
    Element,
}

/// A list of things that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Columns.
    Columns(Side),
    /// Tables, functions that give tables, declared tables.
    Tables,
    /// Names of the nodes and edges of a graph's pattern.
    Elements,
    /// Scalar functions and declared values.
    Functions,
    /// Aggregates.
    Aggregates,
    /// Plug-ins of `evaluate`.
    PlugIns,
    /// Functions that take piped rows.
    Invoked,
    /// `datetime(`, `toscalar(` and the like.
    ValueStarts,
    /// Operators between operands, by the type of the operand before.
    Infix(Infix),
    /// `true`, `false` if the operand before is a bool.
    Truth,
    /// These words.
    Words(&'static [&'static str], ItemKind),
    /// Names of parameters, written with `=`.
    Parameters(&'static [&'static str]),
    /// Functions that give tables, where a call is written.
    Calls,
    /// Values the parameter of a function may have.
    Values(&'static [&'static str]),
}

/// What is known of the operand before an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Infix {
    /// A condition is wanted.
    pub(super) condition: bool,
    /// Anything is wanted (`let x = `).
    pub(super) anything: bool,
    /// There is an `and`, `or` before.
    pub(super) chained: bool,
    /// It was compared already.
    pub(super) compared: bool,
    /// It was calculated with.
    pub(super) calculated: bool,
    /// It ends in a list: `in (...)`.
    pub(super) listed: bool,
    /// It is a member of a dynamic value.
    pub(super) member: bool,
    /// It is a call.
    pub(super) called: bool,
}

/// What fits.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// The place's name in the ranking table.
    pub(super) context: &'static str,
    /// The operator before the pipe the caret is after.
    pub(super) after: Option<&'static str>,
    /// The lists.
    pub(super) offers: Vec<Offer>,
    /// Where the operator's word starts whose row is seen.
    pub(super) operator: Option<u32>,
    /// Where the pipe ends that the caret is behind.
    pub(super) pipe: Option<u32>,
    /// Where the operand ends whose type counts.
    pub(super) operand: Option<u32>,
    /// Where the function's body opens that the caret is in.
    pub(super) body: Option<u32>,
    /// The type that is wanted, where the function's argument says it.
    pub(super) wanted: Option<Type>,
    /// The token of the node or edge whose columns are wanted.
    pub(super) element: Option<usize>,
    /// Names written already that are not wanted again: places in the text.
    pub(super) written: Vec<usize>,
}

/// What an expression is written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) context: &'static str,
    pub(super) condition: bool,
    pub(super) anything: bool,
    pub(super) aggregates: bool,
    pub(super) columns: Option<Side>,
    /// Words that may follow an operand.
    pub(super) then: &'static [&'static str],
    /// `name =` heads the item.
    pub(super) named: bool,
}

pub(super) const VALUE: Wanted = Wanted {
    context: "value",
    condition: false,
    anything: false,
    aggregates: false,
    columns: Some(Side::Row),
    then: &[],
    named: true,
};

impl Slot {
    /// What the binder is asked.
    pub(super) fn question(&self) -> Question {
        Question {
            operator: self.operator,
            pipe: self.pipe,
            operand: self.operand,
            body: self.body,
        }
    }

    pub(super) fn add(&mut self, offer: Offer) {
        self.offers.push(offer);
    }

    pub(super) fn words(&mut self, words: &'static [&'static str]) {
        self.add(Offer::Words(words, ItemKind::Keyword));
    }

    pub(super) fn only(context: &'static str, offers: &[Offer]) -> Self {
        Self {
            context,
            offers: offers.to_vec(),
            ..Self::default()
        }
    }
}
