//! What the binder knows at one place of the text: asked before the walk, answered by it.
//!
//! Completion reads the text up to the caret, so the place is where the text ends; the row of the
//! operator there, the names declared so far and the type of the operand before it say what fits.

use super::{Binder, Local, Ty};
use crate::kql::columns::Columns;
use crate::kql::schema::Schema;
use crate::kql::syntax::{Operator, OperatorKind, Span, Syntax};
use crate::kql::types::Type;

/// What is asked. Offsets are bytes of the text that is bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question {
    /// Where the word of the operator starts whose row is wanted.
    pub operator: Option<u32>,
    /// Where the pipe ends behind which an operator is missing whose row is wanted.
    pub pipe: Option<u32>,
    /// Where the operand ends whose type is wanted.
    pub operand: Option<u32>,
    /// Where the function's body opens whose names are wanted.
    pub body: Option<u32>,
}

/// What a declared name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// A `let` with a value, of this type.
    Value(Type),
    /// A parameter of this type.
    Parameter(Type),
    /// A table.
    Table,
    /// A tabular parameter.
    TableParameter,
    /// A function that gives a value.
    Function(Type),
    /// A function that gives a table.
    TableFunction,
    /// Not known.
    Unknown,
}

/// A declared name in scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// What it is.
    pub what: Declared,
}

/// What is known at the place.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Columns piped into the operator.
    pub row: Option<Columns>,
    /// More columns may come in.
    pub open: bool,
    /// Columns of a join's right side.
    pub right: Option<Columns>,
    /// Names declared so far, the nearest first; hidden ones too.
    pub names: Vec<Name>,
    /// The type of the operand, if it has one.
    pub operand: Option<Type>,
    /// Nodes and edges of the pattern being matched, with their columns.
    pub elements: Vec<(String, Columns)>,
}

/// A question with what is found of its answer.
#[derive(Debug)]
pub(in crate::kql) struct Probe {
    question: Question,
    answer: Answer,
    found: bool,
    /// What functions of the user give.
    functions: Vec<(String, Declared)>,
}

impl Probe {
    pub(super) fn new(question: Question) -> Self {
        Self {
            question,
            answer: Answer::default(),
            found: false,
            functions: Vec::new(),
        }
    }
}

/// Binds a parsed text and says what is known at the place asked about.
pub fn probe(text: &str, syntax: &Syntax, schema: &Schema, question: Question) -> Answer {
    super::bind_with(text, syntax, schema, Some(question)).1
}

impl Binder<'_> {
    /// An operator is about to be bound over the row.
    pub(super) fn probe_operator(&mut self, op: &Operator) {
        let Some(probe) = &self.probe else { return };
        let start = op.keyword.start;
        let missing = matches!(op.kind, OperatorKind::Bad)
            && probe.question.pipe.is_some_and(|pipe| pipe <= start);
        if probe.found || !missing && probe.question.operator != Some(start) {
            return;
        }
        let row = self.row.as_ref().map(|r| (r.columns.clone(), r.open));
        let names = self.names_in_scope();
        if let Some(probe) = &mut self.probe {
            probe.found = true;
            probe.answer.names = names;
            if let Some((columns, open)) = row {
                probe.answer.row = Some(columns);
                probe.answer.open = open;
            }
        }
    }

    /// The pattern of this operator was read; its names are in scope.
    pub(super) fn probe_pattern(&mut self, op: &Operator) {
        let Some(probe) = &self.probe else { return };
        if probe.question.operator != Some(op.keyword.start) || !probe.answer.elements.is_empty() {
            return;
        }
        let elements = self
            .locals
            .visible()
            .filter_map(|(name, local)| match local {
                Local::Element(row) => Some((name.to_owned(), row.columns.clone())),
                _ => None,
            });
        let mut elements: Vec<_> = elements.collect();
        elements.reverse();
        if let Some(probe) = &mut self.probe {
            probe.answer.elements = elements;
        }
    }

    /// The right side of this join is known.
    pub(super) fn probe_right(&mut self, op: &Operator) {
        if let Some(probe) = &mut self.probe
            && probe.question.operator == Some(op.keyword.start)
            && probe.answer.right.is_none()
        {
            probe.answer.right = self.right.as_ref().map(|r| r.columns.clone());
        }
    }

    /// An expression was bound.
    pub(super) fn probe_operand(&mut self, span: Span, ty: &Ty) {
        if let Some(probe) = &mut self.probe
            && probe.question.operand == Some(span.end)
            && probe.answer.operand.is_none()
            && let Ty::Scalar(_) | Ty::Tuple(_) = ty
        {
            probe.answer.operand = ty.scalar();
        }
    }

    /// The body of a declared function was read; its names are still in scope.
    pub(super) fn probe_body(&mut self, name: &str, body: Span, gives: &Ty) {
        let Some(probe) = &self.probe else { return };
        let asked = !probe.found && probe.question.body == Some(body.start);
        let names = if asked {
            self.names_in_scope()
        } else {
            Vec::new()
        };
        let gives = match gives {
            Ty::Table(_) => Declared::TableFunction,
            Ty::Scalar(ty) => Declared::Function(*ty),
            _ => Declared::Unknown,
        };
        if let Some(probe) = &mut self.probe {
            probe.functions.push((name.to_owned(), gives));
            if asked {
                probe.found = true;
                probe.answer.names = names;
            }
        }
    }

    /// The answer, when the whole text was read.
    pub(super) fn probed(&mut self) -> Answer {
        let names = self.names_in_scope();
        let Some(probe) = self.probe.take() else {
            return Answer::default();
        };
        let mut answer = probe.answer;
        if !probe.found {
            answer.names = names;
        }
        answer
    }

    fn names_in_scope(&self) -> Vec<Name> {
        let functions = self.probe.as_ref().map_or(&[][..], |p| &p.functions);
        self.locals
            .visible()
            .map(|(name, local)| Name {
                name: name.to_owned(),
                what: match local {
                    Local::Scalar {
                        expr, parameter, ..
                    } => {
                        if *parameter {
                            Declared::Parameter(expr.ty)
                        } else {
                            Declared::Value(expr.ty)
                        }
                    }
                    Local::Table { parameter, .. } => {
                        if *parameter {
                            Declared::TableParameter
                        } else {
                            Declared::Table
                        }
                    }
                    Local::Function(_) => functions
                        .iter()
                        .rev()
                        .find(|(n, _)| n == name)
                        .map_or(Declared::Unknown, |(_, what)| *what),
                    _ => Declared::Unknown,
                },
            })
            .collect()
    }
}
