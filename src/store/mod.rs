//! What one profile keeps, in two SQLite files: the cache with the queue, the watermarks and the hunting
//! history, which can be read anew at any time, and the journal of writes, which cannot.
//!
//! The console starts from it at once and works from it while the service is away. Lists are compact
//! rows, read in one scan; the whole objects stay as the service sent them, compressed, and are decoded
//! when looked at. Rows and watermark are written in one transaction, and the difference against what was
//! cached comes back as [`Change`]s. Journal entries are on disk before the call returns.
//!
//! This room knows no network and no screen. All methods are synchronous and may wait for the disk: call
//! them from `spawn_blocking` or a thread of your own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::{AlertId, BadRow, Change, IncidentId, Severity, Timestamp};

mod aside;
mod codec;
mod db;
mod digest;
pub mod history;
pub mod hunted;
pub mod hunting;
pub mod journal;
mod keep;
mod mark;
mod read;
pub mod remains;
mod write;

use db::Db;

pub use db::{private_file, private_folder};
pub use history::HuntRecord;
pub use hunting::{KeptTab, TableFacts};
pub use journal::{JournalEntry, JournalId, JournalState, JournalStep, NewEntry};

/// What can go wrong with the cache file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not a database, or a damaged one. It is left where it is, untouched.
    #[error("{path} is damaged ({why}); start again: it is then set aside and begun anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The file was written by a newer version.
    #[error(
        "{path} was written by a newer version (schema {found}, known {known}); use that version, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The newest this version knows.
        known: i64,
    },
    /// The file is a database of another program, left untouched.
    #[error(
        "{path} is a database of another program; move it away, or set NIGHTJAR_DATA_DIR to another folder"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no room.
    #[error("no room left to write {path}; make room on the disk")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another console holds the file for writing; this one only reads.
    #[error("another console is using this profile's cache; this one can only read it")]
    ReadOnly,
    /// The folder or file cannot be made, read or written.
    #[error(
        "cannot use {path}: {source}; see that there is room and that you may write there, or set NIGHTJAR_DATA_DIR to another folder"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("cache: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A stored object cannot be read back.
    #[error("cache: stored object unreadable: {0}")]
    Content(String),
}

/// Shorthand.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Whether this console may write the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The only console of this profile, or the first.
    Owner,
    /// Another console holds the file: reads are fine, nothing is written.
    Reader,
}

/// What is polled, each with its own watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `security/incidents`.
    Incidents,
    /// `security/alerts_v2`.
    Alerts,
    /// `api/machineactions`.
    Actions,
}

impl Endpoint {
    /// Its name in the file and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Alerts => "alerts",
            Self::Actions => "actions",
        }
    }
}

/// How far an endpoint has been read: everything updated in `floor..=forward` is in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Newest end: polls go on from here, less the overlap.
    pub forward: Timestamp,
    /// Oldest end so far of the first sync; `None` when the backlog is complete.
    pub floor: Option<Timestamp>,
    /// How far back the first sync goes.
    pub target: Timestamp,
    /// The service's clock at the last complete read; `None` before the first.
    pub as_of: Option<Timestamp>,
}

/// How a page moves its watermark; written with the page's rows or not at all. How far is read off the
/// rows themselves, and only where they came in the order asked for ([`Put::ordered`]) and were understood
/// ([`Put::doubtful`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The first page of a first sync, newest first, on its way down to `target`.
    Begin {
        /// How far back the first sync goes.
        target: Timestamp,
    },
    /// A further page of the first sync, newest first.
    Down,
    /// The first sync has reached its target.
    Bottom,
    /// A page of news, oldest first.
    Up {
        /// It is the last one: everything since the watermark has been read.
        last: bool,
    },
    /// All news up to `forward` have been read, in whatever order.
    News {
        /// Newest end.
        forward: Timestamp,
    },
    /// Everything there is between `target` and `forward` has been read, in whatever order.
    All {
        /// Newest end.
        forward: Timestamp,
        /// Oldest end.
        target: Timestamp,
    },
}

/// What writing a page did.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// What is new or different, rows as they now are, counts included.
    pub changes: Vec<Change>,
    /// Rows that could not be understood and were not seen before; kept in the cache with their JSON.
    pub bad: Vec<BadRow>,
    /// Rows that could not be understood and may be fine when asked for again: new ones, and those
    /// that do not say which object they are. While there are any the watermark does not move.
    pub doubtful: usize,
    /// Rows that were there already, byte for byte.
    pub unchanged: usize,
    /// Newest and oldest `lastUpdateDateTime` of the page's rows.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether the rows came in the order the mark stands for; true where it stands for none. When
    /// false the watermark has not moved.
    pub ordered: bool,
}

/// Another place where an entity occurs.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// In this alert.
    pub alert: AlertId,
    /// Of this incident.
    pub incident: Option<IncidentId>,
    /// The alert's title.
    pub title: Arc<str>,
    /// The alert's severity.
    pub severity: Severity,
    /// When the alert was made.
    pub created: Timestamp,
}

/// A row that was refused, with what the service sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// When.
    pub at: Timestamp,
    /// Of which endpoint.
    pub endpoint: String,
    /// What and why.
    pub row: BadRow,
}

/// A damaged file that was moved out of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub to: PathBuf,
    /// It is the journal's file, not the cache's.
    pub journal: bool,
    /// Journal entries that could be carried over from it.
    pub entries: usize,
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.display();
        if self.journal {
            write!(
                f,
                "the journal was damaged: {} entries could be carried over, the damaged file is kept as {to}",
                self.entries
            )
        } else {
            write!(
                f,
                "the cache was damaged and is kept as {to}; a new one was begun, and the journal is untouched"
            )
        }
    }
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Closed incidents (and their alerts) not updated for so many days leave the cache.
    pub days: u32,
    /// Above this many bytes the longest untouched closed incidents leave as well.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 30,
            bytes: 500 * 1024 * 1024,
        }
    }
}

/// The cache of one profile. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Arc<Db>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.db.path())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens (makes) the file. A second console on the same file becomes a [`Access::Reader`].
    pub fn open(path: &Path) -> Result<Self> {
        let store = Self {
            db: Arc::new(Db::open(path)?),
        };
        if store.access() == Access::Owner {
            store.rebuild_if_stale()?;
        }
        Ok(store)
    }

    /// A setting of the cache in a file, which is neither made nor written, and may be in use; `None` where
    /// either is not there.
    pub fn peek_setting(path: &Path, key: &str) -> Result<Option<String>> {
        let value = db::peek(path, |db| read::setting(db, key))?;
        Ok(value.flatten())
    }

    /// The same, but a damaged file is moved aside (never deleted) and begun anew; what can still be
    /// read of a damaged journal is carried over. The second value is what was moved.
    pub fn open_or_set_aside(path: &Path, now: Timestamp) -> Result<(Self, Vec<SetAside>)> {
        let mut moved = Vec::new();
        // The cache and the journal, each once.
        loop {
            let file = match Self::open(path) {
                Err(StoreError::Damaged { path: file, .. }) if moved.len() < 2 => file,
                // Stored objects that cannot be laid out anew.
                Err(StoreError::Content(_)) if moved.is_empty() => path.to_owned(),
                Err(error) => return Err(error),
                Ok(store) => {
                    for aside in &mut moved {
                        aside::carry_over(&store, path, aside);
                    }
                    return Ok((store, moved));
                }
            };
            let to = aside::set_aside(&file, now).map_err(|source| StoreError::Io {
                path: file.clone(),
                source,
            })?;
            moved.push(SetAside {
                journal: file != path,
                to,
                entries: 0,
            });
        }
    }

    /// A cache that dies with the program.
    pub fn in_memory() -> Result<Self> {
        let store = Self {
            db: Arc::new(Db::in_memory()?),
        };
        store.rebuild_if_stale()?;
        Ok(store)
    }

    /// Whether this console may write.
    pub fn access(&self) -> Access {
        self.db.access
    }

    /// The file; `None` for a cache in memory.
    pub fn path(&self) -> Option<&Path> {
        self.db.path()
    }

    /// Gives back the memory that pages of the file take; what is wanted again is read again.
    pub fn release_memory(&self) -> Result<()> {
        self.db.release_memory()
    }

    fn db(&self) -> &Db {
        &self.db
    }
}

#[cfg(test)]
mod tests;
