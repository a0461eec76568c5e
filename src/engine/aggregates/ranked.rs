//! Percentiles by nearest rank.

use rusqlite::Result;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value as Json;

use super::{Gather, compare};
use crate::engine::functions::Args;
use crate::engine::{dynamic, value};

/// Values with weights, for percentiles by nearest rank.
#[derive(Default)]
struct Ranked {
    /// As long as all are integers of weight 1, which is nearly always.
    integers: Vec<i64>,
    others: Vec<(Cell, i64)>,
    /// Bytes of the texts among them.
    texts: usize,
}

impl Ranked {
    fn push(&mut self, cell: ValueRef<'_>, weight: i64) {
        if matches!(cell, ValueRef::Null) || weight <= 0 {
            return;
        }
        if let (ValueRef::Integer(i), 1, true) = (cell, weight, self.others.is_empty()) {
            self.integers.push(i);
            return;
        }
        let before = std::mem::take(&mut self.integers).into_iter();
        self.others.extend(before.map(|i| (Cell::Integer(i), 1)));
        if let ValueRef::Text(text) = cell {
            self.texts += text.len();
        }
        self.others.push((value::owned(cell), weight));
    }

    fn held(&self) -> usize {
        self.integers.capacity() * size_of::<i64>()
            + self.others.capacity() * size_of::<(Cell, i64)>()
            + self.texts
    }

    /// Must be called once, after the last value.
    fn sort(&mut self) {
        self.others
            .sort_by(|a, b| compare(&a.0, ValueRef::from(&b.0)));
    }

    /// The value at a percentile; the values must be sorted.
    fn at(&mut self, percentile: f64) -> Cell {
        let count = self.integers.len() as i64;
        let total: i64 = count + self.others.iter().map(|v| v.1).sum::<i64>();
        let rank = ((percentile / 100.0 * total as f64).ceil() as i64).clamp(1, total.max(1));
        if count > 0 {
            let (_, value, _) = self.integers.select_nth_unstable(rank as usize - 1);
            return Cell::Integer(*value);
        }
        let mut seen = 0;
        for (cell, weight) in &self.others {
            seen += weight;
            if seen >= rank {
                return cell.clone();
            }
        }
        Cell::Null
    }
}

/// `(cell, percentile, weight)`.
#[derive(Default)]
pub struct Percentile {
    values: Ranked,
    percentile: f64,
}

impl Gather for Percentile {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        self.percentile = a.real(1).unwrap_or(50.0);
        self.values.push(
            a.cell(0),
            if a.len() > 2 {
                a.int(2).unwrap_or(0)
            } else {
                1
            },
        );
        Ok(())
    }

    fn held(&self) -> usize {
        self.values.held()
    }

    fn finish(mut self) -> Cell {
        self.values.sort();
        self.values.at(self.percentile)
    }
}

/// `(cell, type, weight, percentiles as JSON)`: an array of the values at each percentile.
#[derive(Default)]
pub struct PercentileArray {
    values: Ranked,
    ty: Option<crate::kql::types::Type>,
    percentiles: Vec<f64>,
}

impl Gather for PercentileArray {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if self.ty.is_none() {
            self.ty = crate::kql::types::Type::from_name(&a.text(1));
            if let Json::Array(items) = a.json(3) {
                self.percentiles = items.iter().filter_map(dynamic::to_real).collect();
            }
        }
        self.values.push(a.cell(0), a.int(2).unwrap_or(0));
        Ok(())
    }

    fn held(&self) -> usize {
        self.values.held()
    }

    fn finish(mut self) -> Cell {
        let Some(ty) = self.ty else { return Cell::Null };
        self.values.sort();
        let percentiles = std::mem::take(&mut self.percentiles);
        let all = percentiles
            .iter()
            .map(|p| dynamic::from_cell(ValueRef::from(&self.values.at(*p)), ty));
        Cell::Text(Json::Array(all.collect()).to_string())
    }
}
