//! Aggregates over many values at once: schemas of dynamic values, and how two columns move together.

use rusqlite::Result;
use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::Gather;
use crate::engine::functions::Args;
use crate::engine::functions::codes::{merge_schema, schema_of};
use crate::engine::functions::{json_cell, real_cell};

/// `(JSON)`: a schema all values fit.
#[derive(Default)]
pub struct Schema(Option<Json>);

impl Gather for Schema {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if a.is_null(0) {
            return Ok(());
        }
        let one = schema_of(&a.json(0));
        self.0 = Some(match self.0.take() {
            Some(all) => merge_schema(all, one),
            None => one,
        });
        Ok(())
    }

    fn finish(self) -> Cell {
        self.0.map_or(Cell::Null, |all| json_cell(&all))
    }
}

/// `(x, y)`: the covariance of a population, or of a sample.
#[derive(Default)]
pub struct Covariance<const SAMPLE: bool> {
    n: f64,
    x: f64,
    y: f64,
    together: f64,
}

impl<const SAMPLE: bool> Gather for Covariance<SAMPLE> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        let (Some(x), Some(y)) = (a.real(0), a.real(1)) else {
            return Ok(());
        };
        // Welford's way: sums of large numbers lose no digits.
        self.n += 1.0;
        let off = x - self.x;
        self.x += off / self.n;
        self.y += (y - self.y) / self.n;
        self.together += off * (y - self.y);
        Ok(())
    }

    fn finish(self) -> Cell {
        let n = if SAMPLE { self.n - 1.0 } else { self.n };
        let value = match (self.n > 0.0, n > 0.0) {
            (false, _) => None,
            (true, false) => Some(0.0),
            (true, true) => Some(self.together / n),
        };
        real_cell(value)
    }
}
