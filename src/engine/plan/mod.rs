//! Bound tree → SQL.
//!
//! A pipeline becomes a chain of SELECTs. Operators are gathered into one SELECT ([`frag::Frag`]) as
//! long as SQL allows; then it becomes a common table expression and a new one begins. Everything
//! stands in one flat WITH list, so a thousand pipes are a thousand lines and no deep nesting, and
//! SQLite flattens what it can: conditions on time and equality reach the table's indexes.
//!
//! Nothing is correlated. Sub-queries that run for each row or key (`mv-apply`, `partition`) are
//! planned once, with hidden keys ([`frag::Frag::parts`]) that every operator within respects.

mod aggregate;
mod call_table;
mod calls;
mod compare;
mod convert;
mod expand;
mod expr;
mod frag;
mod join;
mod nested;
mod ops;
mod parse;
mod plugins;
mod scan;
mod series;
mod source;
mod window;

use std::collections::HashMap;

use rusqlite::Connection;

use super::catalog::Catalog;
use super::error::{EngineError, Result};
use crate::kql::bound::{BoundQuery, Column, Expr, LetId, Rel};
use crate::kql::syntax::Span;
use crate::kql::types::Type;
use frag::{Col, Frag, Order, Sx};

/// Turns one bound query into one SELECT.
pub struct Planner<'a> {
    connection: &'a Connection,
    catalog: &'a Catalog,
    query: &'a BoundQuery,
    /// The moment the query believes in, in ticks.
    now: i64,
    /// Common table expressions, each over those before it.
    with: Vec<String>,
    /// Tabular lets planned so far.
    lets: HashMap<LetId, Stored>,
    /// Temporary tables made on the way.
    temporary: Vec<String>,
    /// What `Source::Piped` stands for, innermost last.
    piped: Vec<Frag>,
    /// Aggregates take only rows for which this holds (`pivot`).
    only_where: Option<String>,
    /// Inside `scan`: how many columns a step knows, and their types.
    scan_width: Option<(usize, Vec<Type>)>,
    /// Numbers names.
    next: usize,
}

/// Rows kept under a name: a common table expression.
#[derive(Debug, Clone)]
struct Stored {
    name: String,
    /// Columns; their SQL is over the name `?`.
    frag: Frag,
}

/// How SQLite should treat a common table expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// As it likes.
    None,
    /// Computed once.
    Materialized,
    /// Merged into every use, so that conditions reach its tables.
    Inline,
}

impl<'a> Planner<'a> {
    /// A planner for a query at a moment (`now` in ticks).
    pub fn new(
        connection: &'a Connection,
        catalog: &'a Catalog,
        query: &'a BoundQuery,
        now: i64,
    ) -> Self {
        Self {
            connection,
            catalog,
            query,
            now,
            with: Vec::new(),
            lets: HashMap::new(),
            temporary: Vec::new(),
            piped: Vec::new(),
            only_where: None,
            scan_width: None,
            next: 0,
        }
    }

    /// The SQL and the columns of the result. Names of temporary tables it makes are added to
    /// `temporary`, also when planning fails: the caller drops them.
    pub fn finish(mut self, temporary: &mut Vec<String>) -> Result<(String, Vec<Column>)> {
        let planned = self.rel(&self.query.body);
        temporary.append(&mut self.temporary);
        let frag = planned?;
        let columns = frag.columns();
        let sql = self.statement(&frag.select(false, true));
        Ok((sql, columns))
    }

    /// A SELECT with all common table expressions before it.
    fn statement(&self, select: &str) -> String {
        if self.with.is_empty() {
            return select.to_owned();
        }
        format!("WITH {}\n{select}", self.with.join(",\n"))
    }

    /// A name nothing else has.
    fn name(&mut self, prefix: char) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    /// Makes a SELECT a common table expression and begins a new one over it.
    fn wrap(&mut self, frag: Frag) -> Frag {
        let stored = self.store(&frag, Hint::None);
        self.over(&stored)
    }

    /// Makes a SELECT a common table expression.
    fn store(&mut self, frag: &Frag, hint: Hint) -> Stored {
        let name = self.name('q');
        let hint = match hint {
            Hint::None => "",
            Hint::Materialized => "MATERIALIZED ",
            Hint::Inline => "NOT MATERIALIZED ",
        };
        self.with
            .push(format!("{name} AS {hint}({})", frag.select(true, false)));
        Stored {
            name,
            frag: frag.clone(),
        }
    }

    /// A new SELECT over rows kept under a name.
    fn over(&mut self, stored: &Stored) -> Frag {
        let alias = self.name('t');
        let old = &stored.frag;
        let cols = old
            .cols
            .iter()
            .enumerate()
            .map(|(i, c)| Col {
                name: c.name.clone(),
                sx: Sx {
                    sql: format!("{alias}.c{i}"),
                    literal: c.sx.literal.clone(),
                    ..c.sx.clone()
                },
                simple: true,
            })
            .collect();
        Frag {
            from: format!("{} AS {alias}", stored.name),
            cols,
            known: old.known.clone(),
            order: old
                .order
                .iter()
                .enumerate()
                .map(|(i, o)| Order {
                    sql: format!("{alias}.o{i}"),
                    ..o.clone()
                })
                .collect(),
            serial: old.serial,
            parts: (0..old.parts.len())
                .map(|i| format!("{alias}.p{i}"))
                .collect(),
            ..Frag::default()
        }
    }

    /// Wraps a SELECT that nothing may be added to.
    fn open(&mut self, frag: Frag) -> Frag {
        if frag.is_finished() {
            self.wrap(frag)
        } else {
            frag
        }
    }

    /// Wraps where an expression over the columns would repeat something that costs.
    fn open_for(&mut self, frag: Frag, exprs: &[&Expr]) -> Frag {
        let frag = self.open(frag);
        let mut uses = vec![0usize; frag.cols.len()];
        for e in exprs {
            expr::columns_used(e, &frag, &mut uses);
        }
        let costs = uses
            .iter()
            .zip(&frag.cols)
            .any(|(n, c)| *n > 0 && !c.simple);
        if costs { self.wrap(frag) } else { frag }
    }

    /// Plans a table expression.
    fn rel(&mut self, rel: &Rel) -> Result<Frag> {
        let mut frag = self.source(rel)?;
        for op in &rel.ops {
            frag = self.op(frag, op)?;
        }
        Ok(frag)
    }

    /// A refusal.
    fn refuse<T>(what: impl Into<String>, span: Span) -> Result<T> {
        Err(EngineError::unsupported(what, span))
    }
}
