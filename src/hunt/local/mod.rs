//! Hunting locally: the engine over the cached queue, over what cloud hunts gave, and over files. Nothing of
//! it needs a connection.
//!
//! | file | what it is for |
//! |---|---|
//! | `tables` | the queue's tables as data |
//! | `queue` | the queue, laid out in a file of its own |
//! | `kept` | results of cloud hunts, `$1`, `$2`… |
//! | `files`, `rows`, `guess` | files as tables, their rows, and the types of their columns |
//! | `cells` | results as rows of SQLite and back |
//! | `catalog` | what a query may name, and where it lies |
//! | `run` | one hunt: bounds, cancelling, errors in the words of this room |
//!
//! Results and files of this room are tenant data: its owner alone can read them, and they go with the
//! profile ([`forget`]).

mod catalog;
mod cells;
mod files;
mod guess;
mod kept;
mod queue;
mod rows;
mod run;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::config::{Config, Sla};
use crate::domain::{ResultTable, Timestamp};
use crate::engine::{Cancel, EngineError, External};
use crate::store::{StoreError, private_folder};

pub use catalog::{Held, NOT_HELD, about, elsewhere, queue_tables};
pub use files::{BadRow, FileTable, Wanted};
pub use kept::{Fresh, Keeping, KeptResult, Room, check_name};
pub use queue::Seat;
pub use run::{MOST_ROWS, Over, OverTable};

/// What can go wrong here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A file or folder of this room cannot be made or opened.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of this room was written by a newer version.
    #[error(
        "{0} was written by a newer version (layout {1}); use that version, or move the file away"
    )]
    Newer(PathBuf, i64),
    /// SQLite refused.
    #[error("local tables: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The cache cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query gave no answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file of the analyst's cannot be read as a table.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A table cannot be called so.
    #[error("{0}")]
    Name(String),
    /// A result is larger than all that may be kept.
    #[error("the result has {} MB, more than the {} MB that are kept", bytes >> 20, most >> 20)]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// The most.
        most: u64,
    },
    /// There is no such result.
    #[error("{0} is not kept")]
    Unknown(String),
    /// Somebody cancelled it.
    #[error("cancelled")]
    Cancelled,
}

/// Shorthand.
pub type Result<T, E = LocalError> = std::result::Result<T, E>;

/// What the settings say of local hunting.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How many results are kept.
    pub room: Room,
    /// What one hunt may take.
    pub time: Duration,
    /// Time to the first action on an incident.
    pub sla: Sla,
    /// Files that stand for what `externaldata` names; none unless the user says so.
    pub external: External,
}

impl From<&Config> for Bounds {
    fn from(config: &Config) -> Self {
        Self {
            room: Room {
                results: config.hunt.keep_results,
                bytes: config.hunt.keep_bytes,
            },
            time: config.hunt.local_time,
            sla: config.sla.clone(),
            external: External::default(),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}

/// Local hunting of one program: the files it keeps, and those that were opened in it. All methods may wait
/// for the disk: call them from a thread of your own.
#[derive(Debug)]
pub struct Local {
    folder: PathBuf,
    bounds: Bounds,
    queue: queue::Queue,
    results: kept::Results,
    files: Mutex<files::Files>,
}

impl Local {
    /// Local hunting with its files in the folder of the caches. Nothing is made before it is needed.
    pub fn new(data: &Path, bounds: Bounds) -> Self {
        let folder = folder(data);
        Self {
            bounds,
            queue: queue::Queue::new(folder.join(QUEUE)),
            results: kept::Results::new(folder.join(RESULTS)),
            files: Mutex::new(files::Files::new(&folder)),
            folder,
        }
    }

    fn make_folder(&self) -> Result<()> {
        private_folder(&self.folder).map_err(|source| LocalError::Io {
            path: self.folder.clone(),
            source,
        })
    }

    fn files(&self) -> MutexGuard<'_, files::Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is to be asked, but for the queue, which is always there.
    ///
    /// # Errors
    /// Where the kept results cannot be read.
    pub fn held(&self) -> Result<Held> {
        Ok(Held {
            kept: self.results.list()?,
            files: self.files().tables().to_vec(),
        })
    }

    /// Keeps a result; the oldest make room. `None` where the settings keep none.
    ///
    /// # Errors
    /// Where it is too large, or cannot be written.
    pub fn keep(&self, fresh: Fresh<'_>, now: Timestamp) -> Result<Option<Keeping>> {
        if self.bounds.room.results == 0 {
            return Ok(None);
        }
        self.make_folder()?;
        self.results.keep(fresh, self.bounds.room, now).map(Some)
    }

    /// The rows of a kept result.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn rows(&self, kept: &KeptResult) -> Result<ResultTable> {
        run::rows(self, kept)
    }

    /// Gives a kept result a name, or takes it away.
    ///
    /// # Errors
    /// Where the name is none or taken.
    pub fn rename(&self, id: i64, name: Option<&str>) -> Result<()> {
        self.results.rename(id, name)
    }

    /// Drops a kept result.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn drop_result(&self, id: i64) -> Result<()> {
        self.results.drop_one(id)
    }

    /// Reads a file as a table of this run.
    ///
    /// # Errors
    /// Where it cannot be read as one.
    pub fn open_file(&self, wanted: &Wanted, cancel: &Cancel) -> Result<FileTable> {
        self.make_folder()?;
        let (path, sql_name) = {
            let mut files = self.files();
            let name = files.begin()?;
            (files.path().to_owned(), name)
        };
        // Long reading keeps nobody else waiting.
        let table = files::load(&path, sql_name, wanted, cancel)?;
        self.files().put(table.clone());
        Ok(table)
    }
}

/// The queue's tables, laid out.
const QUEUE: &str = "queue.sqlite";
/// Kept results.
const RESULTS: &str = "results.sqlite";

/// Where local hunting keeps its files: beside the caches.
fn folder(data: &Path) -> PathBuf {
    data.join("local")
}

/// What a profile left behind here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Its queue was laid out.
    pub queue: bool,
    /// So many kept results were of it, alone or among others.
    pub results: usize,
}

/// Drops everything of a profile, as its cache is deleted.
///
/// # Errors
/// Where the files cannot be written.
pub fn forget(data: &Path, profile: &str) -> Result<Forgotten> {
    let folder = folder(data);
    Ok(Forgotten {
        queue: queue::forget(&folder.join(QUEUE), profile)?,
        results: kept::Results::new(folder.join(RESULTS)).forget(profile)?,
    })
}

/// Opens a file of this room to write to it.
fn connect(path: &Path) -> Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(10))?;
    // Counts in a file without tables alone.
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(db)
}

/// A name of SQLite, quoted.
fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
