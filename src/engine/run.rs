//! Running a query: text → bound tree → plan → rows, with limits and cancellation.

use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::catalog::Catalog;
use super::error::{EngineError, Result};
use super::limits::{Cancel, Control, LONGEST_VALUE, MAX_BYTES};
use super::{functions, plan, time, value};
use crate::kql::bound::{BoundQuery, Column};
use crate::kql::types::Value;

/// Virtual machine steps between two looks at the clock and the cancel flag: some microseconds, and
/// milliseconds where each step calls a function that costs.
const STEPS_BETWEEN_CHECKS: i32 = 1000;

/// Page cache where the connection has no other than SQLite's usual 2 MB, and the size of a sort before
/// it goes to disk: a sort of so much takes less time than cancelling may take.
const CACHE_KIB: i64 = 4 * 1024;

/// SQLite's own cache, in KiB and negative.
const USUAL_CACHE: i64 = -2000;

/// How far a query may go, and what time it thinks it is.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// At most this many rows are handed out; [`Summary::truncated`] says if there were more.
    pub max_rows: Option<usize>,
    /// Wall-clock limit from the start of planning.
    pub timeout: Option<Duration>,
    /// Bytes that lists, sets and percentiles being gathered, and a result that is kept, may have together;
    /// [`MAX_BYTES`] where `None`. Sorting, grouping and joining go to disk instead.
    pub max_bytes: Option<u64>,
    /// Raised to stop the query.
    pub cancel: Cancel,
    /// What `now()` and `ago()` see, in ticks since 0001-01-01; the system clock where `None`.
    pub now: Option<i64>,
}

/// What is known of a finished query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows handed out.
    pub rows: usize,
    /// There were more rows than [`Options::max_rows`], or the receiver had enough.
    pub truncated: bool,
}

/// Receives a result as it is made.
pub trait RowSink {
    /// Called once, before any row.
    fn columns(&mut self, columns: &[Column]);
    /// Called for every row; values are in column order and of the column's type or null.
    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()>;
}

/// A whole result in memory.
#[derive(Debug, Clone, Default)]
pub struct ResultSet {
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Rows in order; each has one value a column.
    pub rows: Vec<Vec<Value>>,
    /// Rows were left out, see [`Options::max_rows`].
    pub truncated: bool,
}

impl RowSink for ResultSet {
    fn columns(&mut self, columns: &[Column]) {
        self.columns = columns.to_vec();
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.rows.push(row);
        ControlFlow::Continue(())
    }
}

/// KQL over one SQLite connection.
///
/// The connection may hold any tables; a [`Catalog`] says which of them queries see. The engine only
/// reads them; what it must keep between the steps of a query lies in temporary tables that are gone
/// when the query is. `Engine` is `Send`; use one for each thread.
#[derive(Debug)]
pub struct Engine {
    connection: Connection,
    control: Control,
}

impl Engine {
    /// Takes a connection and adds the functions the language needs to it.
    pub fn new(mut connection: Connection) -> Result<Self> {
        let control = Control::default();
        control.of(connection.get_interrupt_handle());
        functions::register_with(&connection, &control)?;
        // Small sorts and temporary tables stay in the cache, large ones go to a file that is already
        // deleted when it is written, readable by its owner alone.
        connection.pragma_update(None, "temp_store", "FILE")?;
        let cache: i64 = connection.pragma_query_value(None, "cache_size", |row| row.get(0))?;
        if cache == USUAL_CACHE {
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        }
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
        let seen = control.clone();
        connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || seen.check().is_err()))?;
        Ok(Self {
            connection,
            control,
        })
    }

    /// An engine over an empty database in memory.
    pub fn in_memory() -> Result<Self> {
        Self::new(Connection::open_in_memory()?)
    }

    /// The connection, to fill tables with. The functions of the engine are there for SQL too.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for transactions.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs a query and keeps its result.
    pub fn run(&self, query: &str, catalog: &Catalog, options: &Options) -> Result<ResultSet> {
        let bound = super::bind(query, catalog)?;
        let watch = Watch::start(&self.control, options)?;
        let mut kept = Kept {
            result: ResultSet::default(),
            control: &self.control,
            bytes: 0,
        };
        let answer = self.execute(&bound, catalog, options, &mut kept);
        let summary = watch.explain(answer)?;
        if let Some(error) = self.control.too_large() {
            return Err(error);
        }
        let mut result = kept.result;
        result.truncated = summary.truncated;
        Ok(result)
    }

    /// Runs a query and hands its rows on one by one.
    pub fn stream(
        &self,
        query: &str,
        catalog: &Catalog,
        options: &Options,
        sink: &mut dyn RowSink,
    ) -> Result<Summary> {
        let bound = super::bind(query, catalog)?;
        self.stream_bound(&bound, catalog, options, sink)
    }

    /// Runs a query that is bound already (against the tables of the same catalog).
    pub fn stream_bound(
        &self,
        query: &BoundQuery,
        catalog: &Catalog,
        options: &Options,
        sink: &mut dyn RowSink,
    ) -> Result<Summary> {
        let watch = Watch::start(&self.control, options)?;
        let answer = self.execute(query, catalog, options, sink);
        watch.explain(answer)
    }

    /// The SQL a query becomes, for those who want to see it.
    pub fn explain(&self, query: &str, catalog: &Catalog, options: &Options) -> Result<String> {
        let bound = super::bind(query, catalog)?;
        let mut temporary = Temporary {
            engine: self,
            names: Vec::new(),
        };
        let plan = plan::Planner::new(&self.connection, catalog, &bound, now(options), &|| Ok(()));
        let (sql, _) = plan.finish(&mut temporary.names)?;
        Ok(sql)
    }

    fn execute(
        &self,
        query: &BoundQuery,
        catalog: &Catalog,
        options: &Options,
        sink: &mut dyn RowSink,
    ) -> Result<Summary> {
        let mut temporary = Temporary {
            engine: self,
            names: Vec::new(),
        };
        let check = || self.control.check();
        let planner = plan::Planner::new(&self.connection, catalog, query, now(options), &check);
        let (sql, columns) = planner.finish(&mut temporary.names)?;
        tracing::trace!(target: "nightjar::engine", %sql, "planned");
        let mut statement = self.connection.prepare(&sql)?;
        sink.columns(&columns);
        let mut rows = statement.query([])?;
        let mut summary = Summary::default();
        while let Some(row) = rows.next()? {
            if options.max_rows.is_some_and(|max| summary.rows >= max) {
                summary.truncated = true;
                break;
            }
            let mut values = Vec::with_capacity(columns.len());
            for (i, column) in columns.iter().enumerate() {
                values.push(value::from_cell(row.get_ref(i)?, column.ty));
            }
            summary.rows += 1;
            if sink.row(values).is_break() {
                summary.truncated = true;
                break;
            }
            // A row without a VM check between (a plain scan) must still see the flag.
            if summary.rows % 256 == 0 {
                self.control.check()?;
            }
        }
        Ok(summary)
    }
}

/// Ticks of the moment the query believes in.
fn now(options: &Options) -> i64 {
    options.now.unwrap_or_else(|| {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        time::UNIX_EPOCH
            + since.as_secs() as i64 * time::SECOND
            + i64::from(since.subsec_nanos()) / 100
    })
}

/// Drops the temporary tables of one query, however it ends.
struct Temporary<'a> {
    engine: &'a Engine,
    names: Vec<String>,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.names.is_empty() {
            return;
        }
        // Neither time limit nor cancelling may stop the cleaning up.
        self.engine.control.end();
        for name in self.names.drain(..) {
            let sql = format!("DROP TABLE IF EXISTS temp.{name}");
            if let Err(error) = self.engine.connection.execute_batch(&sql) {
                tracing::warn!(target: "nightjar::engine", %error, "a temporary table stayed");
            }
        }
    }
}

/// Keeps a result as long as there is room for it.
struct Kept<'a> {
    result: ResultSet,
    control: &'a Control,
    bytes: usize,
}

impl RowSink for Kept<'_> {
    fn columns(&mut self, columns: &[Column]) {
        self.result.columns(columns);
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        let texts = row.iter().map(|value| match value {
            Value::Decimal(s) | Value::String(s) | Value::Guid(s) | Value::Dynamic(s) => {
                s.capacity()
            }
            _ => 0,
        });
        let size =
            texts.sum::<usize>() + size_of::<Vec<Value>>() + row.capacity() * size_of::<Value>();
        if !self
            .control
            .keep("the result", self.bytes, self.bytes + size)
        {
            return ControlFlow::Break(());
        }
        self.bytes += size;
        self.result.row(row)
    }
}

/// The limits of one query, lifted when it ends.
struct Watch<'a> {
    control: &'a Control,
    cancel: Cancel,
}

impl<'a> Watch<'a> {
    fn start(control: &'a Control, options: &Options) -> Result<Self> {
        let deadline = options.timeout.map(|t| Instant::now() + t);
        let watch = Self {
            control,
            cancel: options.cancel.clone(),
        };
        control.begin(
            deadline,
            &options.cancel,
            options.max_bytes.unwrap_or(MAX_BYTES),
        )?;
        Ok(watch)
    }

    /// Gives SQLite's "interrupted" its reason, and errors of our functions their own words.
    fn explain<T>(&self, answer: Result<T>) -> Result<T> {
        let error = match answer {
            Err(EngineError::Storage(error)) => error,
            other => return other,
        };
        // A function that is told to stop fails in its own way.
        if self.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        if let Some(error) = self.control.too_large() {
            return Err(error);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Err(EngineError::TimedOut),
            Some(ErrorCode::TooBig) => Err(EngineError::TooLarge {
                what: "one value".to_owned(),
                limit: LONGEST_VALUE as u64,
            }),
            _ => Err(functions::explain(error)),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.control.end();
    }
}
