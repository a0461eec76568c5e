//! One local hunt: what it may take, how it is stopped, and what came of it in the words of this room.

#![expect(
    clippy::result_large_err,
    reason = "an error of a hunt is made once and shown; a box would be one more thing to open"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::catalog::{Of, Seen, catalog, elsewhere, kinds};
use super::cells::{Gather, Most};
use super::kept::KeptResult;
use super::queue::{Filled, Seat};
use super::{Local, LocalError, Result};
use crate::domain::{ResultTable, Timestamp};
use crate::engine::{Cancel, Engine, EngineError, Options};
use crate::hunt::{HuntError, HuntErrorKind, HuntResult, Place, language};
use crate::kql::binder::Reference;
use crate::kql::{self, Analysis};
use crate::store::HuntRecord;

/// Rows one local hunt gives at most; what is more is left out and told.
pub const MOST_ROWS: usize = 500_000;

/// Bytes of them.
const MOST_BYTES: usize = 256 << 20;

/// Over what a local hunt ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Over {
    /// The tables the query named.
    pub tables: Vec<OverTable>,
    /// What bound cut the result, in words.
    pub cut: Option<String>,
}

/// A table a local hunt ran over.
#[derive(Clone, Debug, PartialEq)]
pub struct OverTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// The tenants or the file it is of.
    pub of: String,
    /// As of when.
    pub as_of: Option<Timestamp>,
}

impl Over {
    /// In a line: `$3 (120 rows of contoso), Incidents (90 rows of contoso)`.
    pub fn words(&self) -> String {
        let mut out = String::new();
        for (nth, table) in self.tables.iter().enumerate() {
            if nth == 3 && self.tables.len() > 4 {
                let _ = write!(out, " and {} more", self.tables.len() - 3);
                break;
            }
            let comma = if nth == 0 { "" } else { ", " };
            let word = if table.rows == 1 { "row" } else { "rows" };
            let _ = write!(out, "{comma}{} ({} {word}", table.name, table.rows);
            if !table.of.is_empty() {
                let _ = write!(out, " of {}", table.of);
            }
            out.push(')');
        }
        out
    }
}

impl Local {
    /// Runs a query over the queues of these profiles, the kept results and the files, on a thread of its
    /// own. It is written to the history of the first profile that has one open.
    ///
    /// # Errors
    /// With the places of what is wrong, or what the engine does not do; it never answers something else.
    pub async fn hunt(
        self: &Arc<Self>,
        query: &str,
        seats: Vec<Seat>,
        history: Option<crate::store::Store>,
        token: CancellationToken,
    ) -> Result<HuntResult, HuntError> {
        let (started, at) = (Instant::now(), Timestamp::now());
        let cancel = Cancel::new();
        let work = {
            let (local, cancel) = (Arc::clone(self), cancel.clone());
            let query = query.to_owned();
            tokio::task::spawn_blocking(move || local.run(&query, &seats, &cancel))
        };
        let answer = tokio::select! {
            done = work => match done {
                Ok(answer) => answer,
                Err(why) => Err(HuntError::new(HuntErrorKind::Engine, why.to_string())),
            },
            () = token.cancelled() => {
                // The thread sees it within a blink; nobody waits for that.
                cancel.cancel();
                Err(cancelled())
            }
        };
        if let Some(store) = history
            && !matches!(&answer, Err(error) if error.kind == HuntErrorKind::Local)
        {
            let record = HuntRecord {
                id: 0,
                at,
                query: query.to_owned(),
                took: started.elapsed(),
                rows: answer.as_ref().ok().map(|it| it.table.rows() as u64),
                error: answer.as_ref().err().map(ToString::to_string),
                engine: Place::Local.name().to_owned(),
            };
            let written = tokio::task::spawn_blocking(move || store.hunt_add(&record)).await;
            if let Ok(Err(why)) = written {
                tracing::warn!(%why, "a hunt was not written to the history");
            }
        }
        answer
    }

    /// The same on this thread, without a trace in any history.
    ///
    /// # Errors
    /// As [`Self::hunt`].
    pub fn run(
        &self,
        query: &str,
        seats: &[Seat],
        cancel: &Cancel,
    ) -> Result<HuntResult, HuntError> {
        let started = Instant::now();
        if query.trim_start().starts_with('.') {
            let words = "Control commands (lines that begin with a dot) are no queries.";
            return Err(HuntError::new(HuntErrorKind::Local, words));
        }
        let several = seats.len() > 1;
        let held = self.held().map_err(told)?;
        let schema = held.schema(several);
        let analysis = kql::analyze(query, &schema);
        let Some(bound) = &analysis.bound else {
            let mut findings = language::found(&analysis, 0);
            elsewhere(&mut findings, query, 0, &schema);
            findings.retain(|finding| finding.error);
            let words = findings.first().map(|it| it.message.clone());
            let words = words.unwrap_or_else(|| "there is no query to run".to_owned());
            return Err(HuntError {
                findings,
                ..HuntError::new(HuntErrorKind::Refused, words)
            });
        };
        let tables = held.tables(several);
        let used = used(query, &analysis, &tables);
        let mut filled: Vec<(&Seat, Filled)> = Vec::new();
        let wanted = kinds(&tables, &used);
        if !wanted.is_empty() {
            self.make_folder().map_err(told)?;
            for seat in seats {
                let found = self.queue.fill(seat, &wanted, cancel).map_err(told)?;
                filled.extend(found.map(|it| (seat, it)));
            }
        }
        let most = Most {
            rows: MOST_ROWS,
            bytes: MOST_BYTES,
        };
        let mut gather = Gather::new(most);
        let options = Options {
            timeout: Some(self.bounds.time),
            cancel: cancel.clone(),
            ..Options::default()
        };
        let numbered: Vec<(&Seat, i64)> =
            filled.iter().map(|(seat, it)| (*seat, it.number)).collect();
        let (mut catalog, views) = catalog(&tables, &numbered, several, &self.bounds.sla);
        catalog.external = self.bounds.external.clone();
        let engine = self.engine(&views).map_err(told)?;
        let summary = engine
            .stream_bound(bound, &catalog, &options, &mut gather)
            .map_err(|error| self.explain(&error))?;
        let mut over = Over::default();
        for table in tables.iter().filter(|it| used.contains(it.name.as_str())) {
            let sql_name = catalog.get(&table.name).map(|it| it.sql_name.as_str());
            over.tables
                .push(over_table(&engine, table, sql_name, &filled).map_err(told)?);
        }
        if gather.cut || summary.truncated {
            over.cut = Some(format!(
                "cut at {MOST_ROWS} rows or {} MB",
                MOST_BYTES >> 20
            ));
        }
        let as_of = over.tables.iter().filter_map(|table| table.as_of).min();
        Ok(HuntResult {
            table: Arc::new(gather.table()),
            bad_rows: 0,
            took: started.elapsed(),
            as_of: as_of.unwrap_or_else(Timestamp::now),
            render: language::render(query),
            place: Place::Local,
            over: Some(Arc::new(over)),
        })
    }

    /// A connection of its own, which reads the files of this room and writes to none.
    fn engine(&self, views: &str) -> Result<Engine> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_MEMORY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(":memory:", flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let engine = Engine::new(connection)?;
        let files = self.files().path().to_owned();
        for (path, name) in [
            (self.queue.path(), "queue"),
            (self.results.path(), "results"),
            (files.as_path(), "files"),
        ] {
            if path.is_file() {
                let sql = format!("ATTACH ?1 AS {name}");
                engine.connection().execute(&sql, [uri(path)])?;
            }
        }
        engine.connection().execute_batch(views)?;
        Ok(engine)
    }

    fn explain(&self, error: &EngineError) -> HuntError {
        match error {
            EngineError::Cancelled => cancelled(),
            EngineError::TimedOut => HuntError::new(
                HuntErrorKind::Engine,
                format!(
                    "It took longer than {} seconds, which is what a local hunt may take.",
                    self.bounds.time.as_secs()
                ),
            ),
            // What nobody gave is not had by asking for less: the sentence says what helps.
            EngineError::Unsupported { span, .. } | EngineError::Absent { span, .. } => {
                placed(HuntErrorKind::Unsupported, error, Some(*span))
            }
            EngineError::Failed { span, .. } => placed(HuntErrorKind::Engine, error, *span),
            _ => HuntError::new(HuntErrorKind::Engine, error.to_string()),
        }
    }
}

fn placed(kind: HuntErrorKind, error: &EngineError, span: Option<kql::Span>) -> HuntError {
    let finding = span.map(|span| crate::hunt::Finding {
        start: span.start as usize,
        end: span.end as usize,
        error: true,
        code: String::new(),
        message: error.to_string(),
        fix: None,
    });
    HuntError {
        findings: finding.into_iter().collect(),
        ..HuntError::new(kind, error.to_string())
    }
}

fn cancelled() -> HuntError {
    HuntError::new(HuntErrorKind::Cancelled, "Cancelled.")
}

/// A fault of this room's own files.
fn told(error: LocalError) -> HuntError {
    match error {
        LocalError::Cancelled => cancelled(),
        other => HuntError::new(HuntErrorKind::Engine, other.to_string()),
    }
}

/// A file opened to be read alone.
fn uri(path: &Path) -> String {
    let mut out = "file:".to_owned();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' | '?' | '#' => {
                let _ = write!(out, "%{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push_str("?mode=ro");
    out
}

/// The tables a query names. Where it asks for tables by pattern, all that may be meant.
fn used<'t>(query: &str, analysis: &Analysis, tables: &'t [Seen<'_>]) -> BTreeSet<&'t str> {
    let named: BTreeSet<&str> = analysis
        .references
        .iter()
        .filter(|(_, what)| *what == Reference::Table)
        .filter_map(|(span, _)| query.get(span.start as usize..span.end as usize))
        .map(|name| {
            let inner = name.strip_prefix("['").or(name.strip_prefix("[\""));
            inner.map_or(name, |inner| inner.get(..inner.len() - 2).unwrap_or(inner))
        })
        .collect();
    let words = |word: &str| {
        query
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .any(|it| it == word)
    };
    // `union *`, `search "x"`, `find where`, `table("x")`: no name need be there.
    let open = query.contains('*') || ["search", "find", "table"].into_iter().any(words);
    // What a pattern means is in the bound tree, by name.
    let bound = open.then(|| format!("{:?}", analysis.bound));
    let meant = |name: &str| {
        let name = format!("{name:?}");
        bound.as_ref().is_some_and(|bound| bound.contains(&name))
    };
    let all = tables.iter().map(|table| table.name.as_str());
    all.filter(|name| named.contains(name) || meant(name))
        .collect()
}

fn over_table(
    engine: &Engine,
    table: &Seen<'_>,
    sql_name: Option<&str>,
    filled: &[(&Seat, Filled)],
) -> Result<OverTable> {
    let (rows, of, as_of) = match table.of {
        Of::Kept(kept) => (kept.rows, kept.tenants.join(", "), Some(kept.as_of)),
        Of::File(file) => {
            let name = file.path.file_name().unwrap_or_default();
            (file.rows, name.to_string_lossy().into_owned(), file.written)
        }
        Of::Queue(_) => {
            let sql = format!(
                "SELECT count(*) FROM {}",
                super::ident(sql_name.unwrap_or_default())
            );
            let rows: i64 = engine.connection().query_row(&sql, [], |row| row.get(0))?;
            let of: Vec<&str> = filled
                .iter()
                .map(|(seat, _)| seat.tenant.as_str())
                .collect();
            let of = if of.len() > 3 {
                format!("{} tenants", of.len())
            } else {
                of.join(", ")
            };
            let as_of = filled.iter().filter_map(|(_, it)| it.as_of).min();
            (rows.unsigned_abs(), of, as_of)
        }
    };
    Ok(OverTable {
        name: table.name.clone(),
        rows,
        of,
        as_of,
    })
}

/// The rows of a kept result, as a hunt over it alone would give them.
pub(super) fn rows(local: &Local, kept: &KeptResult) -> Result<ResultTable> {
    let answer = local.run(&kept.number(), &[], &Cancel::new());
    match answer {
        Ok(result) => {
            let table = result.table;
            Ok(Arc::try_unwrap(table).unwrap_or_else(|shared| (*shared).clone()))
        }
        Err(why) => Err(LocalError::Unknown(format!("{}: {why}", kept.number()))),
    }
}
