//! Where the rows lie: a temporary SQLite file with one writer and any number of readers.
//!
//! The file stands in a folder of its own that only its owner may enter, and both are gone when the
//! last user is. Knows nothing of what the rows mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

use super::TablesError;
use super::row::{Cell, Row};
use crate::engine::{Catalog, Engine, TableDef, Type, Value, to_cell};
use crate::sim::clock::{self, Ticks};

/// A folder for this run alone, and the lock that says that the run goes on.
#[derive(Debug)]
struct Folder(PathBuf, #[expect(dead_code, reason = "held")] File);

/// What names of folders begin with.
const PREFIX: &str = "nightjar-sim-";
/// A folder younger than this may not have its lock yet.
const YOUNG: Duration = Duration::from_secs(60);

impl Folder {
    fn make() -> std::io::Result<Self> {
        Self::sweep();
        let path = std::env::temp_dir().join(format!(
            "{PREFIX}{}-{}",
            std::process::id(),
            uuid::Uuid::new_v4().simple()
        ));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        let lock = File::create(path.join("lock"))?;
        lock.lock()?;
        Ok(Self(path, lock))
    }

    /// Removes what killed runs left behind: folders whose lock nobody holds.
    fn sweep() {
        let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
            return;
        };
        for entry in entries.flatten() {
            let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
            if entry.file_name().to_string_lossy().starts_with(PREFIX)
                && old().is_some_and(|age| age > YOUNG)
                && File::open(entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_ok())
            {
                // It may be another's, who must remove it then.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(self.0.join(FILE))?;
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing can be done about a file that does not go; it is in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The file in it.
const FILE: &str = "hunting.db";
/// Page cache of each connection, and the size of a sort before it goes to disk.
const CACHE_KIB: i64 = 16 * 1024;
/// Prepared inserts that are kept: one for each set of columns that rows come with.
const STATEMENTS: usize = 512;
/// Readers that are kept open between queries.
const IDLE: usize = 4;

/// Indexes that queries need, made when the tables are filled for the first time. The one by time is
/// there from the beginning: rows come in its order, so it costs next to nothing.
const INDEXED: &[&str] = &["DeviceId", "SHA1", "NetworkMessageId", "AlertId"];

/// How a set of columns is written.
#[derive(Debug)]
struct Shape {
    sql: String,
    types: Vec<Type>,
}

/// Adds rows.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    types: HashMap<&'static str, HashMap<&'static str, Type>>,
    shapes: HashMap<u64, Shape>,
    shared: Arc<Shared>,
    counts: BTreeMap<&'static str, u64>,
}

/// What writer and readers have in common.
#[derive(Debug)]
struct Shared {
    folder: Folder,
    catalog: Catalog,
    idle: Mutex<Vec<Engine>>,
}

/// Hands out readers.
#[derive(Debug, Clone)]
pub struct Readers(Arc<Shared>);

impl Writer {
    /// A new file with every table of the tenant's schema, empty.
    pub fn new() -> Result<Self, TablesError> {
        let folder = Folder::make().map_err(TablesError::Folder)?;
        let connection = folder.open()?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A crash loses nothing that is not made again, so nothing need be synced.
        connection.execute_batch(
            "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;",
        )?;
        let mut catalog = Catalog::new();
        let mut types: HashMap<&'static str, HashMap<&'static str, Type>> = HashMap::new();
        for table in super::schema().tables() {
            let columns = table.columns.iter().map(|c| (c.name.as_str(), c.ty));
            let def = TableDef::native(table.name.clone(), columns.clone());
            connection.execute_batch(&def.create_sql())?;
            if def.columns.iter().any(|c| c.name == "Timestamp") {
                connection.execute_batch(&format!(
                    "CREATE INDEX \"{0}~Timestamp\" ON \"{0}\" (\"Timestamp\")",
                    table.name
                ))?;
            }
            types.insert(&table.name, columns.collect());
            catalog.insert(def);
        }
        Ok(Self {
            connection,
            types,
            shapes: HashMap::new(),
            shared: Arc::new(Shared {
                folder,
                catalog,
                idle: Mutex::default(),
            }),
            counts: BTreeMap::new(),
        })
    }

    /// Ends the first filling: makes the indexes, and lets readers in beside the writer.
    pub fn settle(&mut self) -> Result<(), TablesError> {
        // Sorting for the indexes is the one time that more memory pays.
        self.connection
            .execute_batch("PRAGMA cache_size=-98304; PRAGMA threads=2;")?;
        for (table, columns) in &self.types {
            // What is read whole anyway needs no index.
            if self.counts.get(table).copied().unwrap_or(0) < 2_000 {
                continue;
            }
            for column in INDEXED.iter().filter(|c| columns.contains_key(**c)) {
                self.connection.execute_batch(&format!(
                    "CREATE INDEX \"{table}~{column}\" ON \"{table}\" (\"{column}\")"
                ))?;
            }
        }
        self.connection
            .pragma_update(None, "cache_size", -CACHE_KIB)?;
        self.connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA analysis_limit=400; ANALYZE;",
        )?;
        Ok(())
    }

    /// Lets the file stay under a path, as one file without a journal beside it.
    pub fn keep(self, path: &Path) -> Result<(), TablesError> {
        self.connection
            .pragma_update(None, "journal_mode", "DELETE")?;
        let made = self.shared.folder.0.join(FILE);
        self.connection.close().map_err(|(_, error)| error)?;
        // The temporary folder may lie on another disk.
        std::fs::rename(&made, path)
            .or_else(|_| std::fs::copy(&made, path).map(|_| ()))
            .map_err(TablesError::Folder)
    }

    /// Adds rows, in one transaction.
    pub fn insert(&mut self, rows: &[Row]) -> Result<(), TablesError> {
        if rows.is_empty() {
            return Ok(());
        }
        let Self {
            connection,
            types,
            shapes,
            counts,
            ..
        } = self;
        for row in rows {
            if let std::collections::hash_map::Entry::Vacant(slot) = shapes.entry(shape_of(row)) {
                slot.insert(Shape::new(row, types)?);
            }
            *counts.entry(row.table).or_default() += 1;
        }
        let transaction = connection.transaction()?;
        {
            let mut statements: HashMap<u64, CachedStatement<'_>> = HashMap::new();
            for row in rows {
                let key = shape_of(row);
                let Some(shape) = shapes.get(&key) else {
                    continue;
                };
                let statement = match statements.entry(key) {
                    std::collections::hash_map::Entry::Occupied(slot) => slot.into_mut(),
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        slot.insert(transaction.prepare_cached(&shape.sql)?)
                    }
                };
                for (at, ((_, cell), ty)) in row.cells.iter().zip(&shape.types).enumerate() {
                    bind(statement, at + 1, cell, *ty)?;
                }
                statement.raw_execute()?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// What is known of a mail that was delivered: internet message id, sender, direction, where it is, and
    /// what it was taken for.
    pub fn mail(&self, message: &str, recipient: &str) -> Result<Option<[String; 5]>, TablesError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT InternetMessageId, SenderFromAddress, EmailDirection, LatestDeliveryLocation, ThreatTypes \
                 FROM EmailEvents WHERE NetworkMessageId = ?1 AND RecipientEmailAddress = ?2 COLLATE NOCASE",
            )?
            .query_row([message, recipient], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
            })
            .optional()?)
    }

    /// Lets a mail say where it is now.
    pub fn move_mail(
        &mut self,
        message: &str,
        recipient: &str,
        action: &str,
        location: &str,
    ) -> Result<(), TablesError> {
        self.connection
            .prepare_cached(
                "UPDATE EmailEvents SET LatestDeliveryAction = ?3, LatestDeliveryLocation = ?4 \
                 WHERE NetworkMessageId = ?1 AND RecipientEmailAddress = ?2 COLLATE NOCASE",
            )?
            .execute([message, recipient, action, location])?;
        Ok(())
    }

    /// Whether a table has a column.
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.types
            .get(table)
            .is_some_and(|columns| columns.contains_key(column))
    }

    /// How many rows each table has.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Readers of this file.
    pub fn readers(&self) -> Readers {
        Readers(Arc::clone(&self.shared))
    }

    /// The connection, to look into the tables.
    #[cfg(test)]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Tells sets of columns apart. Names live as long as the program, so where they lie is enough.
fn shape_of(row: &Row) -> u64 {
    let mut hash = row.table.as_ptr() as u64;
    for (name, _) in &row.cells {
        hash = (hash.rotate_left(5) ^ name.as_ptr() as u64 ^ (name.len() as u64) << 56)
            .wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    hash
}

impl Shape {
    fn new(
        row: &Row,
        types: &HashMap<&'static str, HashMap<&'static str, Type>>,
    ) -> Result<Self, TablesError> {
        let unknown = |column: &str| TablesError::Column {
            table: row.table.into(),
            column: column.into(),
        };
        let columns = types.get(row.table).ok_or_else(|| unknown("Timestamp"))?;
        let mut names = Vec::with_capacity(row.cells.len());
        let mut shape_types = Vec::with_capacity(row.cells.len());
        for (name, _) in &row.cells {
            shape_types.push(*columns.get(name).ok_or_else(|| unknown(name))?);
            names.push(format!("\"{name}\""));
        }
        Ok(Self {
            sql: format!(
                "INSERT INTO \"{}\" ({}) VALUES ({})",
                row.table,
                names.join(","),
                vec!["?"; names.len()].join(",")
            ),
            types: shape_types,
        })
    }
}

fn bind(
    statement: &mut CachedStatement<'_>,
    at: usize,
    cell: &Cell,
    ty: Type,
) -> rusqlite::Result<()> {
    match (cell, ty) {
        (Cell::Number(n), Type::Long) | (Cell::Time(n), Type::DateTime) => {
            statement.raw_bind_parameter(at, n)
        }
        (_, Type::String | Type::Dynamic) if cell.text().is_some_and(|t| !t.is_empty()) => {
            statement.raw_bind_parameter(at, cell.text())
        }
        _ => statement.raw_bind_parameter(at, to_cell(&typed(cell, ty))),
    }
}

/// A cell as its column's type has it.
fn typed(cell: &Cell, ty: Type) -> Value {
    match (cell, ty) {
        (Cell::Time(at), Type::DateTime) => Value::DateTime(*at),
        (Cell::Time(at), _) => Value::String(clock::graph(*at)),
        (Cell::Number(n), Type::Bool) => Value::Bool(*n != 0),
        (Cell::Number(n), Type::Int) => i32::try_from(*n).map_or(Value::Null, Value::Int),
        (Cell::Number(n), Type::Real) => Value::Real(*n as f64),
        (Cell::Number(n), Type::String) => Value::String(n.to_string()),
        (Cell::Number(n), Type::Dynamic) => Value::Dynamic(n.to_string()),
        (Cell::Number(n), _) => Value::Long(*n),
        (_, ty) => {
            let text = cell.text().unwrap_or_default();
            match ty {
                Type::String => Value::String(text.into()),
                _ if text.is_empty() => Value::Null,
                Type::Dynamic => Value::Dynamic(text.into()),
                Type::Guid => Value::Guid(text.into()),
                Type::Long | Type::Int => text.parse().map_or(Value::Null, Value::Long),
                Type::Real => text.parse().map_or(Value::Null, Value::Real),
                Type::Bool => match text {
                    "true" | "1" => Value::Bool(true),
                    "false" | "0" => Value::Bool(false),
                    _ => Value::Null,
                },
                Type::DateTime => clock::parse(text).map_or(Value::Null, Value::DateTime),
                _ => Value::String(text.into()),
            }
        }
    }
}

/// One reader, given back when it is dropped.
#[derive(Debug)]
pub struct Reader {
    engine: Option<Engine>,
    shared: Arc<Shared>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut idle = self
            .shared
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.extend(self.engine.take());
        }
    }
}

impl Readers {
    /// A reader of its own: what one does never waits for another.
    pub fn take(&self) -> Result<Reader, TablesError> {
        let idle = self
            .0
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let engine = if let Some(engine) = idle {
            engine
        } else {
            let engine = Engine::new(self.0.folder.open()?)?;
            // A sort of millions of rows goes to disk, not into memory.
            engine
                .connection()
                .pragma_update(None, "temp_store", "FILE")?;
            engine
        };
        Ok(Reader {
            engine: Some(engine),
            shared: Arc::clone(&self.0),
        })
    }
}

impl Reader {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("there until it is dropped")
    }

    /// A catalog for one query, without the hidden tables; tables that its text may name show only
    /// rows between two times. `covers`: nothing is older than the first, so that no index is used
    /// to leave nothing out.
    pub fn within(
        &self,
        query: &str,
        (from, to): (Ticks, Ticks),
        covers: bool,
        hidden: &BTreeSet<String>,
    ) -> Result<Catalog, TablesError> {
        let connection = self.engine().connection();
        let mut catalog = Catalog::new();
        let plus = if covers { "+" } else { "" };
        for table in self.shared.catalog.tables() {
            if hidden.contains(&table.name) {
                continue;
            }
            let mut seen = table.clone();
            if names(query, &table.name) && table.columns.iter().any(|c| c.name == "Timestamp") {
                let view = format!("{}~span", table.name);
                connection.execute_batch(&format!(
                    "DROP VIEW IF EXISTS temp.\"{view}\"; CREATE TEMP VIEW \"{view}\" AS SELECT * FROM main.\"{0}\" \
                     WHERE {plus}\"Timestamp\" >= {from} AND +\"Timestamp\" <= {to}",
                    table.name
                ))?;
                seen.sql_name = view;
                // Rows come in when they happen.
                catalog.set_ingestion(table.name.clone(), "\"Timestamp\"");
            }
            catalog.insert(seen);
        }
        Ok(catalog)
    }
}

/// Whether a query may read a table: its name is in the text, or names stand there by pattern
/// (`union Device*`, `search`, `find`).
pub fn names(query: &str, table: &str) -> bool {
    query.contains(table)
        || query.contains("search")
        || query.contains("find")
        || (query.contains('*') && query.contains("union"))
}
