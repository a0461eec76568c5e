//! The hunting tables: every table of advanced hunting as SQLite rows, telling the same story as the alerts.
//!
//! Rows come when their time has come: before a query runs, everything that is due is added. What an
//! alert's evidence names is taken from the alert itself, what the story does from its cast.

mod background;
mod from_alerts;
mod from_story;

use std::collections::HashMap;

use crate::engine::{Catalog, Engine, EngineError, TableDef, Type, Value, to_cell};
use crate::kql::schema::Schema;

use super::clock::Ticks;
use super::world::World;

/// A cell of a row before its column's type is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text; for a dynamic column, JSON.
    Text(String),
    /// A number; for a bool column, 0 or 1.
    Number(i64),
    /// A time.
    Time(Ticks),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Number(i64::from(yes))
    }
}

/// A row of a hunting table: the columns that are not empty.
#[derive(Debug, Clone)]
pub struct Row {
    /// The table.
    pub table: &'static str,
    /// Its time.
    pub at: Ticks,
    /// Columns and cells.
    pub cells: Vec<(&'static str, Cell)>,
}

impl Row {
    /// A row with its time.
    pub fn new(table: &'static str, at: Ticks) -> Self {
        Self {
            table,
            at,
            cells: vec![("Timestamp", Cell::Time(at))],
        }
    }

    /// Adds a cell.
    pub fn with(mut self, column: &'static str, cell: impl Into<Cell>) -> Self {
        self.cells.push((column, cell.into()));
        self
    }

    /// Adds a cell when there is something to put into it.
    pub fn maybe(self, column: &'static str, cell: Option<impl Into<Cell>>) -> Self {
        match cell {
            Some(cell) => self.with(column, cell),
            None => self,
        }
    }
}

/// Why the tables could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The engine or SQLite failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// SQLite failed.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row names what its table does not have.
    #[error("{table} has no column {column}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The scenario refers to nothing.
    #[error("scenario: {0}")]
    Scenario(String),
}

/// The tables of one tenant.
#[derive(Debug)]
pub struct Tables {
    engine: Engine,
    /// What queries see.
    catalog: Catalog,
    /// Columns that a table of this tenant has although the published schema does not list them.
    types: HashMap<&'static str, HashMap<&'static str, Type>>,
    background: background::Background,
    story: from_story::Pending,
    alerts: from_alerts::Seen,
    next_report: i64,
}

impl Tables {
    /// Makes all tables, empty.
    pub fn new(world: &World) -> Result<Self, TablesError> {
        let engine = Engine::in_memory()?;
        let mut catalog = Catalog::new();
        let mut types: HashMap<&'static str, HashMap<&'static str, Type>> = HashMap::new();
        for table in Schema::hunting().tables() {
            let def = TableDef::native(
                table.name.clone(),
                table.columns.iter().map(|c| (c.name.as_str(), c.ty)),
            );
            engine.connection().execute_batch(&def.create_sql())?;
            types.insert(
                &table.name,
                table
                    .columns
                    .iter()
                    .map(|c| (c.name.as_str(), c.ty))
                    .collect(),
            );
            catalog.insert(def);
        }
        Ok(Self {
            engine,
            catalog,
            types,
            background: background::Background::new(world),
            story: from_story::Pending::new(world).map_err(TablesError::Scenario)?,
            alerts: from_alerts::Seen::default(),
            next_report: 1000,
        })
    }

    /// Every row whose time has come since the last call; they are then to be [inserted](Self::insert).
    pub fn due(&mut self, world: &World, now: Ticks) -> Vec<Row> {
        let mut rows = Vec::new();
        self.background.due(world, now, &mut rows);
        self.story.due(world, now, &mut rows);
        self.alerts.due(world, now, &mut rows);
        rows
    }

    /// Adds rows to their tables.
    pub fn insert(&mut self, rows: &[Row]) -> Result<(), TablesError> {
        let transaction = self.engine.connection_mut().transaction()?;
        let mut sql = String::new();
        for row in rows {
            let columns = self.types.get(row.table);
            let unknown = |column: &str| TablesError::Column {
                table: row.table.into(),
                column: column.into(),
            };
            let columns = columns.ok_or_else(|| unknown("Timestamp"))?;
            sql.clear();
            sql.push_str("INSERT INTO \"");
            sql.push_str(row.table);
            sql.push_str("\" (");
            let mut values = Vec::with_capacity(row.cells.len() + 1);
            for (name, cell) in &row.cells {
                let ty = *columns.get(name).ok_or_else(|| unknown(name))?;
                push_name(&mut sql, values.len(), name);
                values.push(to_cell(&typed(cell, ty)));
            }
            if let Some(ty) = columns.get("ReportId")
                && !row.cells.iter().any(|(name, _)| *name == "ReportId")
            {
                self.next_report += 1;
                push_name(&mut sql, values.len(), "ReportId");
                values.push(to_cell(&typed(&Cell::Number(self.next_report), *ty)));
            }
            sql.push_str(") VALUES (");
            for at in 0..values.len() {
                sql.push_str(if at == 0 { "?" } else { ",?" });
            }
            sql.push(')');
            transaction
                .prepare_cached(&sql)?
                .execute(rusqlite::params_from_iter(values))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The engine, and a catalog in which every table shows only rows between two times.
    pub fn within(&self, span: Option<(Ticks, Ticks)>) -> Result<(&Engine, Catalog), TablesError> {
        let mut catalog = self.catalog.clone();
        if let Some((from, to)) = span {
            for table in self.catalog.tables() {
                if !table.columns.iter().any(|c| c.name == "Timestamp") {
                    continue;
                }
                let view = format!("{}~span", table.name);
                self.engine.connection().execute_batch(&format!(
                    "DROP VIEW IF EXISTS temp.\"{view}\"; CREATE TEMP VIEW \"{view}\" AS SELECT * FROM main.\"{}\" \
                     WHERE \"Timestamp\" BETWEEN {from} AND {to}",
                    table.name
                ))?;
                let mut seen = table.clone();
                seen.sql_name = view;
                catalog.insert(seen);
            }
        }
        Ok((&self.engine, catalog))
    }

    /// How many rows a table has.
    #[cfg(test)]
    pub fn rows(&self, table: &str) -> i64 {
        self.engine
            .connection()
            .query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |r| {
                r.get(0)
            })
            .unwrap_or(-1)
    }
}

/// Every row of a story: made once when it is read, so that a mistake in one is told then.
pub fn story_rows(cast: &super::cast::Cast) -> Result<Vec<Row>, String> {
    let rows = from_story::rows_of(cast)?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

fn push_name(sql: &mut String, at: usize, name: &str) {
    sql.push_str(if at == 0 { "\"" } else { ",\"" });
    sql.push_str(name);
    sql.push('"');
}

/// A cell as its column's type has it.
fn typed(cell: &Cell, ty: Type) -> Value {
    match (cell, ty) {
        (Cell::Time(at), Type::DateTime) => Value::DateTime(*at),
        (Cell::Time(at), _) => Value::String(super::clock::graph(*at)),
        (Cell::Number(n), Type::Bool) => Value::Bool(*n != 0),
        (Cell::Number(n), Type::Int) => i32::try_from(*n).map_or(Value::Null, Value::Int),
        (Cell::Number(n), Type::Real) => Value::Real(*n as f64),
        (Cell::Number(n), Type::String) => Value::String(n.to_string()),
        (Cell::Number(n), Type::Dynamic) => Value::Dynamic(n.to_string()),
        (Cell::Number(n), _) => Value::Long(*n),
        (Cell::Text(text), Type::Dynamic) => Value::Dynamic(text.clone()),
        (Cell::Text(text), Type::Guid) => Value::Guid(text.clone()),
        (Cell::Text(text), Type::Long | Type::Int) => text.parse().map_or(Value::Null, Value::Long),
        (Cell::Text(text), _) => Value::String(text.clone()),
    }
}

#[cfg(test)]
mod tests;
