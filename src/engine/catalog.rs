//! Which tables a query may name, and where their rows lie in SQLite.

use std::collections::BTreeMap;

use crate::kql::types::Type;

use super::external::{External, FileFacts, Places};
use super::sql::{ident, type_affinity};

/// The tables of one database. Names are case-sensitive, as in the language.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    tables: BTreeMap<String, TableDef>,
    /// What `externaldata` may read.
    pub external: External,
    /// What is known of files, by hash, for `invoke FileProfile`.
    pub file_facts: FileFacts,
    /// Where addresses lie, for `geo_info_from_ip_address`.
    pub places: Places,
    ingestion: BTreeMap<String, String>,
}

impl Catalog {
    /// A catalog without tables: a query may still bring its own rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table, or replaces the one of that name.
    pub fn insert(&mut self, table: TableDef) {
        self.tables.insert(table.name.clone(), table);
    }

    /// The table of a name.
    pub fn get(&self, name: &str) -> Option<&TableDef> {
        self.tables.get(name)
    }

    /// Says when the rows of a table came in (`ingestion_time()`): SQL over the row that gives ticks.
    pub fn set_ingestion(&mut self, table: impl Into<String>, sql: impl Into<String>) {
        self.ingestion.insert(table.into(), sql.into());
    }

    /// When the rows of a table came in, if that is known.
    pub fn ingestion(&self, table: &str) -> Option<&str> {
        self.ingestion.get(table).map(String::as_str)
    }

    /// All tables by name.
    pub fn tables(&self) -> impl Iterator<Item = &TableDef> {
        self.tables.values()
    }
}

impl FromIterator<TableDef> for Catalog {
    fn from_iter<I: IntoIterator<Item = TableDef>>(tables: I) -> Self {
        let mut catalog = Self::new();
        for table in tables {
            catalog.insert(table);
        }
        catalog
    }
}

/// A table of the language over a table or view of SQLite.
#[derive(Debug, Clone)]
pub struct TableDef {
    /// Name in queries.
    pub name: String,
    /// Name of the SQLite table or view, unquoted.
    pub sql_name: String,
    /// Columns in the order queries see them.
    pub columns: Vec<ColumnDef>,
}

impl TableDef {
    /// A table whose SQLite twin has the same name and, for every column, one of the same name in
    /// the engine's own form ([`super::value`]), strings `NOT NULL`: what [`TableDef::create_sql`] makes.
    pub fn native<'a>(
        name: impl Into<String>,
        columns: impl IntoIterator<Item = (&'a str, Type)>,
    ) -> Self {
        let name = name.into();
        Self {
            sql_name: name.clone(),
            name,
            columns: columns
                .into_iter()
                .map(|(name, ty)| ColumnDef::native(name, ty))
                .collect(),
        }
    }

    /// `CREATE TABLE` for a table in the engine's own form. Only meaningful where every column is
    /// [`ColumnDef::native`].
    pub fn create_sql(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|c| {
                let default = if c.ty == Type::String {
                    " NOT NULL DEFAULT ''"
                } else {
                    ""
                };
                format!("{} {}{default}", ident(&c.name), type_affinity(c.ty))
            })
            .collect();
        format!(
            "CREATE TABLE {} ({})",
            ident(&self.sql_name),
            columns.join(", ")
        )
    }

    /// `INSERT INTO … VALUES (?, …)` with one place a column, in order; bind [`super::to_cell`] values.
    pub fn insert_sql(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| ident(&c.name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        format!(
            "INSERT INTO {} ({}) VALUES ({places})",
            ident(&self.sql_name),
            names.join(", ")
        )
    }
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct ColumnDef {
    /// Name in queries.
    pub name: String,
    /// Type in queries.
    pub ty: Type,
    /// SQL over the row of the SQLite table that gives the cell in the engine's own form: mostly
    /// the quoted column, so that an index on it can serve; an expression where the rows are
    /// stored otherwise, e.g. `"created_ms" * 10000 + 621355968000000000`.
    pub sql: String,
    /// The SQL is never NULL. A `string` that may be NULL costs a `coalesce`.
    pub not_null: bool,
}

impl ColumnDef {
    /// A column stored in the engine's own form under its own name; strings are taken to be `NOT NULL`.
    pub fn native(name: impl Into<String>, ty: Type) -> Self {
        let name = name.into();
        Self {
            sql: ident(&name),
            ty,
            not_null: ty == Type::String,
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_of_a_native_table() {
        let t = TableDef::native(
            "Device\"s",
            [("At", Type::DateTime), ("Name", Type::String)],
        );
        assert_eq!(
            t.create_sql(),
            "CREATE TABLE \"Device\"\"s\" (\"At\" INTEGER, \"Name\" TEXT NOT NULL DEFAULT '')"
        );
        assert_eq!(
            t.insert_sql(),
            "INSERT INTO \"Device\"\"s\" (\"At\", \"Name\") VALUES (?, ?)"
        );
    }
}
