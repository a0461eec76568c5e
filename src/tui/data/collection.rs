//! Rows by tenant and id: found, replaced and removed in constant time, walked in a row.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::{
    ActionId, AlertId, AlertRow, IncidentId, IncidentRow, MachineAction, Of, TenantNo,
};

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

impl<R: Keyed> Of<R> {
    /// What it is recognised by among the rows of all tenants.
    pub fn key(&self) -> Of<R::Key> {
        self.with(self.it.key().clone())
    }
}

/// Rows by tenant and id. `version` grows with every change.
#[derive(Clone, Debug)]
pub struct Collection<R: Keyed> {
    rows: Vec<Of<R>>,
    /// The version that brought each place its row, and the one that changed it last.
    stamps: Vec<(u64, u64)>,
    index: HashMap<Of<R::Key>, u32>,
    version: u64,
    loaded: bool,
}

impl<R: Keyed> Default for Collection<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            stamps: Vec::new(),
            index: HashMap::new(),
            version: 0,
            loaded: false,
        }
    }
}

impl<R: Keyed> Collection<R> {
    /// Takes in what a tenant's cache holds. Rows that arrived meanwhile are newer than the cache's
    /// and stay.
    pub fn load(&mut self, tenant: TenantNo, rows: Vec<R>) {
        self.rows.reserve(rows.len());
        self.index.reserve(rows.len());
        for row in rows {
            let row = Of::new(tenant, row);
            let newer = |shown: &Of<R>| shown.replaces(&row);
            if !self.get(&row.key()).is_some_and(newer) {
                self.put(row);
            }
        }
        self.loaded = true;
        self.version += 1;
    }

    /// Whether a cache has been read.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Adds a row or replaces the one with its id, unless that is newer.
    pub fn put(&mut self, row: Of<R>) {
        let key = row.key();
        if let Some(at) = self.index.get(&key) {
            let shown = &mut self.rows[*at as usize];
            if row.replaces(shown) {
                *shown = row;
                self.version += 1;
                self.stamps[*at as usize].1 = self.version;
            }
        } else {
            self.version += 1;
            self.index.insert(key, self.rows.len() as u32);
            self.rows.push(row);
            self.stamps.push((self.version, self.version));
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, key: &Of<R::Key>) {
        let Some(at) = self.index.remove(key) else {
            return;
        };
        self.version += 1;
        self.rows.swap_remove(at as usize);
        self.stamps.swap_remove(at as usize);
        if let Some(moved) = self.rows.get(at as usize) {
            self.index.insert(moved.key(), at);
            self.stamps[at as usize] = (self.version, self.version);
        }
    }

    /// The row with an id.
    pub fn get(&self, key: &Of<R::Key>) -> Option<&Of<R>> {
        self.index.get(key).map(|at| &self.rows[*at as usize])
    }

    /// Where the row with an id is in [`Collection::rows`].
    pub fn position(&self, key: &Of<R::Key>) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// All rows, in no order.
    pub fn rows(&self) -> &[Of<R>] {
        &self.rows
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version since which a place has had the row it has.
    pub fn placed(&self, at: u32) -> u64 {
        self.stamps.get(at as usize).map_or(0, |stamp| stamp.0)
    }

    /// The places whose row is another, or changed, since a version.
    pub fn changed_since(&self, version: u64) -> impl Iterator<Item = u32> {
        let all = (0..).zip(&self.stamps);
        all.filter_map(move |(at, stamp)| (stamp.1 > version).then_some(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Row(IncidentId, u32);

    impl Keyed for Row {
        type Key = IncidentId;
        fn key(&self) -> &IncidentId {
            &self.0
        }
        fn replaces(&self, shown: &Self) -> bool {
            self.1 >= shown.1
        }
    }

    fn row(tenant: u16, version: u32) -> Of<Row> {
        Of::new(TenantNo(tenant), Row("4211".into(), version))
    }

    #[test]
    fn equal_ids_of_two_tenants_are_two_rows() {
        let mut rows = Collection::default();
        rows.load(TenantNo(0), vec![row(0, 1).it]);
        rows.put(row(1, 7));
        rows.put(row(0, 2));
        assert_eq!(rows.get(&row(0, 0).key()), Some(&row(0, 2)));
        assert_eq!(rows.get(&row(1, 0).key()), Some(&row(1, 7)));
        rows.remove(&row(0, 0).key());
        assert_eq!(rows.rows(), [row(1, 7)]);
        assert_eq!(rows.position(&row(1, 0).key()), Some(0));
    }

    #[test]
    fn what_changed_since_a_version_is_known_by_place() {
        let mut rows = Collection::default();
        let of = |id: &str, version| Of::new(TenantNo(0), Row(id.into(), version));
        for id in ["1", "2", "3"] {
            rows.put(of(id, 1));
        }
        let seen = rows.version();
        let changed = |rows: &Collection<Row>| rows.changed_since(seen).collect::<Vec<u32>>();
        assert!(changed(&rows).is_empty());
        rows.put(of("2", 2));
        assert_eq!(changed(&rows), [1]);
        assert!(rows.placed(1) <= seen, "the same row");
        rows.remove(&of("1", 0).key());
        assert_eq!(changed(&rows), [0, 1]);
        assert!(rows.placed(0) > seen, "another row");
        rows.put(of("4", 1));
        assert_eq!(changed(&rows), [0, 1, 2]);
    }

    #[test]
    fn a_cache_read_late_takes_nothing_newer_away() {
        let mut rows = Collection::default();
        rows.put(row(0, 3));
        rows.load(TenantNo(0), vec![row(0, 2).it]);
        assert_eq!(rows.rows(), [row(0, 3)]);
        rows.load(TenantNo(0), vec![row(0, 4).it]);
        assert_eq!(rows.rows(), [row(0, 4)]);
    }
}
