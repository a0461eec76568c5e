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
mod external;
mod frag;
mod invoke;
mod join;
mod nested;
mod ops;
mod parse;
mod plugins;
mod scan;
mod search;
mod series;
mod sessions;
mod source;
mod window;
mod with;

use std::collections::HashMap;

use rusqlite::Connection;

use super::catalog::Catalog;
use super::error::{EngineError, Result};
use crate::kql::bound::{BoundQuery, Column, Expr, LetId, OpKind, Rel};
use crate::kql::syntax::Span;
use crate::kql::types::Type;
use frag::{Col, Frag, Order, Sx};
use with::{Body, Entry, With};

/// Turns one bound query into one SELECT.
pub struct Planner<'a> {
    connection: &'a Connection,
    catalog: &'a Catalog,
    query: &'a BoundQuery,
    /// The moment the query believes in, in ticks.
    now: i64,
    /// Common table expressions, each over those before it.
    with: With,
    /// Tabular lets planned so far.
    lets: HashMap<LetId, Stored>,
    /// Temporary tables made on the way.
    temporary: Vec<String>,
    /// What `Source::Piped` stands for, innermost last.
    piped: Vec<Frag>,
    /// Aggregates take only rows for which this holds (`pivot`).
    only_where: Option<String>,
    /// Whether steps keep when their rows came in; `Some(false)` where one should have.
    arrivals: Option<bool>,
    /// Inside `search` and `find`: the column that terms do not look into.
    unsearched: Option<usize>,
    /// Inside `scan`: how many columns a step knows, and their types.
    scan_width: Option<(usize, Vec<Type>)>,
    /// Weights of the columns of table expressions (`t3.c1`).
    weights: HashMap<String, u64>,
    /// Numbers names.
    next: usize,
    /// Whether to go on: looked at before each operator.
    check: &'a dyn Fn() -> Result<()>,
    /// Why rows could not be computed on the way.
    stopped: Option<EngineError>,
}

/// Rows kept under a name: a common table expression.
#[derive(Debug, Clone)]
struct Stored {
    name: String,
    /// What it was made from.
    frag: Frag,
    /// How large each column grows when SQLite merges the SELECTs below it.
    weights: Vec<u64>,
}

/// Past this weight a SELECT is computed once instead of merged into what follows: expressions that
/// name a column more than once would grow without bound.
const HEAVIEST: u64 = 512;

/// Past this many table expressions above each other the rows so far are computed: SQLite has a limit.
const DEEPEST: usize = 250;

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
    /// A planner for a query at a moment (`now` in ticks). `check` says whether to go on.
    pub fn new(
        connection: &'a Connection,
        catalog: &'a Catalog,
        query: &'a BoundQuery,
        now: i64,
        check: &'a dyn Fn() -> Result<()>,
    ) -> Self {
        Self {
            connection,
            catalog,
            query,
            now,
            with: With::default(),
            lets: HashMap::new(),
            temporary: Vec::new(),
            piped: Vec::new(),
            only_where: None,
            arrivals: None,
            unsearched: None,
            scan_width: None,
            weights: HashMap::new(),
            next: 0,
            check,
            stopped: None,
        }
    }

    /// The SQL and the columns of the result. Names of temporary tables it makes are added to
    /// `temporary`, also when planning fails: the caller drops them.
    pub fn finish(mut self, temporary: &mut Vec<String>) -> Result<(String, Vec<Column>)> {
        let mut planned = self.rel(&self.query.body);
        if planned.is_err() && self.arrivals == Some(false) {
            // Now that it is asked for, every step keeps when its rows came in.
            self.arrivals = Some(true);
            self.with = With::default();
            self.lets.clear();
            self.piped.clear();
            self.weights.clear();
            (self.only_where, self.scan_width, self.unsearched) = (None, None, None);
            planned = self.rel(&self.query.body);
        }
        temporary.append(&mut self.temporary);
        let frag = planned?;
        let columns = frag.columns();
        let sql = self.statement(&frag.select(false, true));
        Ok((sql, columns))
    }

    /// A SELECT with the table expressions it stands on.
    fn statement(&self, select: &str) -> String {
        self.with.statement(select)
    }

    /// A name nothing else has.
    fn name(&mut self, prefix: char) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    /// Makes a SELECT a common table expression and begins a new one over it.
    fn wrap(&mut self, frag: Frag) -> Frag {
        if frag.depth >= DEEPEST && self.stopped.is_none() {
            match self.settle(&frag) {
                Ok(settled) => return settled,
                Err(error) => self.stopped = Some(error),
            }
        }
        let stored = self.store(&frag, Hint::None);
        self.over(&stored)
    }

    /// Makes a SELECT a common table expression.
    fn store(&mut self, frag: &Frag, hint: Hint) -> Stored {
        let name = self.name('q');
        let mut weights: Vec<u64> = frag.cols.iter().map(|c| self.weight(&c.sx.sql)).collect();
        let mut hint = hint;
        if weights.iter().any(|w| *w > HEAVIEST) {
            hint = Hint::Materialized;
        }
        if hint == Hint::Materialized || frag.is_finished() {
            weights.fill(0);
        }
        let hint = match hint {
            Hint::None => "",
            Hint::Materialized => "MATERIALIZED ",
            Hint::Inline => "NOT MATERIALIZED ",
        };
        self.with.push(Entry {
            name: name.clone(),
            how: format!(" AS {hint}"),
            body: Body::Legs(vec![frag.leg(true, false)]),
        });
        Stored {
            name,
            frag: frag.clone(),
            weights,
        }
    }

    /// How large an expression is once SQLite has merged the SELECTs below it; a plain column is 0.
    fn weight(&self, sql: &str) -> u64 {
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '"');
        let mut weight = u64::from(!sql.chars().all(bare));
        for word in sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')) {
            weight = weight.saturating_add(self.weights.get(word).copied().unwrap_or(0));
        }
        weight
    }

    /// A new SELECT over rows kept under a name.
    fn over(&mut self, stored: &Stored) -> Frag {
        let alias = self.name('t');
        let old = &stored.frag;
        for (i, weight) in stored.weights.iter().enumerate() {
            self.weights.insert(format!("{alias}.c{i}"), *weight);
        }
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
            depth: old.depth + 1,
            parts: (0..old.parts.len())
                .map(|i| format!("{alias}.p{i}"))
                .collect(),
            ingestion: old.arrived().map(|_| format!("{alias}.i0")),
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
            (self.check)()?;
            frag = match &op.kind {
                OpKind::Search(predicate) => self.searched(frag, predicate, &rel.source, op)?,
                _ => self.op(frag, op)?,
            };
            if let Some(error) = self.stopped.take() {
                return Err(error);
            }
        }
        Ok(frag)
    }

    /// A refusal.
    fn refuse<T>(what: impl Into<String>, span: Span) -> Result<T> {
        Err(EngineError::unsupported(what, span))
    }
}
