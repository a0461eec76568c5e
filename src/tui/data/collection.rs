//! Rows by id: found, replaced and removed in constant time, walked in a row.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::{ActionId, AlertId, AlertRow, IncidentId, IncidentRow, MachineAction};

/// A row with an id.
pub trait Keyed {
    /// The id's type.
    type Key: Clone + Eq + Hash;
    /// Its id.
    fn key(&self) -> &Self::Key;
    /// Whether it is at least as new as what is shown under its id: polls and writes tell of rows
    /// independently, and the older word may come last.
    fn replaces(&self, shown: &Self) -> bool;
}

impl Keyed for IncidentRow {
    type Key = IncidentId;
    fn key(&self) -> &IncidentId {
        &self.id
    }
    fn replaces(&self, shown: &Self) -> bool {
        self.updated >= shown.updated
    }
}

impl Keyed for AlertRow {
    type Key = AlertId;
    fn key(&self) -> &AlertId {
        &self.id
    }
    fn replaces(&self, shown: &Self) -> bool {
        self.updated >= shown.updated
    }
}

impl Keyed for MachineAction {
    type Key = ActionId;
    fn key(&self) -> &ActionId {
        &self.id
    }
    fn replaces(&self, shown: &Self) -> bool {
        self.status.is_final() || !shown.status.is_final()
    }
}

/// Rows by id. `version` grows with every change.
#[derive(Clone, Debug)]
pub struct Collection<R: Keyed> {
    rows: Vec<R>,
    index: HashMap<R::Key, u32>,
    version: u64,
    loaded: bool,
}

impl<R: Keyed> Default for Collection<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            index: HashMap::new(),
            version: 0,
            loaded: false,
        }
    }
}

impl<R: Keyed> Collection<R> {
    /// Replaces everything by what the cache holds. Rows that arrived meanwhile are newer than the
    /// cache's and stay.
    pub fn load(&mut self, rows: Vec<R>) {
        let newer = std::mem::take(&mut self.rows);
        let keys = rows.iter().enumerate();
        self.index = keys
            .map(|(at, row)| (row.key().clone(), at as u32))
            .collect();
        self.rows = rows;
        for row in newer {
            self.put(row);
        }
        self.loaded = true;
        self.version += 1;
    }

    /// Whether the cache has been read.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Adds a row or replaces the one with its id, unless that is newer.
    pub fn put(&mut self, row: R) {
        if let Some(at) = self.index.get(row.key()) {
            let shown = &mut self.rows[*at as usize];
            if row.replaces(shown) {
                *shown = row;
                self.version += 1;
            }
        } else {
            self.version += 1;
            self.index.insert(row.key().clone(), self.rows.len() as u32);
            self.rows.push(row);
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, key: &R::Key) {
        let Some(at) = self.index.remove(key) else {
            return;
        };
        self.version += 1;
        self.rows.swap_remove(at as usize);
        if let Some(moved) = self.rows.get(at as usize) {
            self.index.insert(moved.key().clone(), at);
        }
    }

    /// The row with an id.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.index.get(key).map(|at| &self.rows[*at as usize])
    }

    /// Where the row with an id is in [`Collection::rows`].
    pub fn position(&self, key: &R::Key) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// All rows, in no order.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }
}
