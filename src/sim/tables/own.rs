//! The schema of the tenant: the published one with what this tenant has beyond it.

use std::sync::OnceLock;

use crate::kql::schema::{Learnt, Schema};

/// Tables and columns that can be queried in every simulated tenant.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let published = Schema::hunting();
        let own = Schema::read(include_str!("../../../assets/sim/own-tables.txt"));
        let mut has = Learnt::default();
        for table in own.tables() {
            let known = published.table(&table.name);
            let mut columns = known.map_or_else(Vec::new, |it| it.columns.to_vec());
            columns.extend(table.columns.iter().cloned());
            has.tables.insert(table.name.clone(), Some(columns));
        }
        published.merged(&has)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_has_what_nobody_documents() {
        let published = Schema::hunting();
        let own = schema();
        assert!(own.tables().len() > published.tables().len());
        for table in published.tables() {
            let ours = own.table(&table.name).expect("every published table");
            assert!(ours.columns.starts_with(&table.columns), "{}", table.name);
        }
        let more = |name: &str| {
            let ours = own.table(name).map_or(0, |it| it.columns.len());
            ours - published.table(name).map_or(0, |it| it.columns.len())
        };
        assert_eq!(more("DeviceNetworkEvents"), 1);
        assert!(more("DoorBadge_CL") > 5);
    }
}
