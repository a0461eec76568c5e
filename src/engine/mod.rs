//! KQL run locally: bound tree → plan → SQL on SQLite, with the functions SQL lacks.
//!
//! Stands on `kql` and SQLite alone: it knows tables only by what a [`Catalog`] says of them.
//!
//! ```no_run
//! use nightjar::engine::{Catalog, Engine, Options, TableDef, Type, Value, to_cell};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let table = TableDef::native("DeviceInfo", [("Timestamp", Type::DateTime), ("DeviceName", Type::String)]);
//! let engine = Engine::in_memory()?;
//! engine.connection().execute_batch(&table.create_sql())?;
//! let row = [Value::DateTime(638_000_000_000_000_000), Value::String("host-1".into())];
//! engine.connection().execute(&table.insert_sql(), rusqlite::params_from_iter(row.iter().map(to_cell)))?;
//! let catalog: Catalog = [table].into_iter().collect();
//! let result = engine.run("DeviceInfo | where DeviceName has 'host' | count", &catalog, &Options::default())?;
//! assert_eq!(result.rows, [[Value::Long(1)]]);
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it is for |
//! |---|---|
//! | [`run`](Engine), `limits` | rows; time, memory, cancellation |
//! | [`Catalog`] | tables and where their rows lie |
//! | [`External`] | files that stand for the names in `externaldata` |
//! | `value`, `time`, `dynamic`, `terms` | values, calendars, JSON, words |
//! | `json_scan` | JSON walked as text, where that is enough |
//! | `functions`, `aggregates` | what SQL lacks, registered on the connection |
//! | [`mirror`] | a list's rows, asked by a predicate |
//! | `plan` | bound tree → SQL |

#![expect(
    clippy::many_single_char_names,
    reason = "x, y, a, b are the operands of operators and functions all over this room"
)]

mod aggregates;
#[cfg(test)]
mod bounds_tests;
mod catalog;
mod dynamic;
mod error;
mod external;
mod functions;
mod json_scan;
mod limits;
pub mod mirror;
mod plan;
mod run;
mod sql;
mod terms;
#[cfg(test)]
mod tests;
pub mod time;
mod value;

pub use catalog::{Catalog, ColumnDef, TableDef};
pub use error::{EngineError, Fault};
pub use external::{External, FileFacts, Places};
pub use limits::{Cancel, LONGEST_VALUE, MAX_BYTES};
pub use run::{Engine, Options, ResultSet, RowSink, Summary};
pub use value::{to_cell, to_json, to_text};

pub use crate::kql::bound::Column;
pub use crate::kql::types::{Type, Value};

use crate::kql::bound::BoundQuery;
use crate::kql::{Schema, analyze};

/// Binds a query against the tables of a catalogue.
fn bind(query: &str, catalog: &Catalog) -> error::Result<BoundQuery> {
    let mut schema = Schema::with_hunting_functions();
    for table in catalog.tables() {
        let columns = table
            .columns
            .iter()
            .map(|c| Column::new(c.name.clone(), c.ty));
        schema.add_table(table.name.clone(), columns);
    }
    let analysis = analyze(query, &schema);
    if let Some(bound) = analysis.bound {
        return Ok(bound);
    }
    let faults: Vec<Fault> = analysis
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .map(|d| Fault {
            code: Some(d.code.to_owned()),
            span: d.span,
            message: d.message.clone(),
        })
        .collect();
    if faults.is_empty() {
        let message = "there is no query to run".to_owned();
        return Err(EngineError::Failed {
            message,
            span: None,
        });
    }
    Err(EngineError::Query(faults))
}
