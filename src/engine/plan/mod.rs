//! Bound tree → SQL.

use rusqlite::Connection;

use super::catalog::Catalog;
use super::error::{EngineError, Result};
use crate::kql::bound::{BoundQuery, Column};
use crate::kql::syntax::Span;

/// Turns one bound query into one SELECT.
pub struct Planner<'a> {
    _all: (&'a Connection, &'a Catalog, &'a BoundQuery, i64),
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
            _all: (connection, catalog, query, now),
        }
    }

    /// The SQL and the columns of the result.
    pub fn finish(self) -> Result<(String, Vec<Column>)> {
        self.finish_into(&mut Vec::new())
    }

    /// As [`Planner::finish`]; names of temporary tables it makes are added to `temporary`.
    pub fn finish_into(self, _temporary: &mut Vec<String>) -> Result<(String, Vec<Column>)> {
        Err(EngineError::unsupported("planning", Span::default()))
    }
}
