//! The cache of one profile: one SQLite file with the queue, the watermarks, the journal and the
//! hunting history.
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

mod codec;
mod db;
mod digest;
pub mod history;
pub mod journal;
mod keep;
mod mark;
mod read;
mod write;

use db::Db;

pub use history::HuntRecord;
pub use journal::{JournalEntry, JournalId, JournalState, JournalStep, NewEntry};

/// What can go wrong with the cache file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not a database, or a damaged one. It is left where it is, untouched.
    #[error("the cache {path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The file was written by a newer version.
    #[error("the cache {path} was written by a newer version (schema {found}, known {known})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The newest this version knows.
        known: i64,
    },
    /// Another console holds the file for writing; this one only reads.
    #[error("another console is using this profile's cache; this one can only read it")]
    ReadOnly,
    /// The folder or file cannot be made, read or written.
    #[error("cannot use the cache {path}: {source}")]
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

    /// The same, but a damaged file is moved aside (never deleted) and a new one begun; the second
    /// value is where the damaged one is now.
    pub fn open_or_set_aside(path: &Path, now: Timestamp) -> Result<(Self, Option<PathBuf>)> {
        match Self::open(path) {
            Err(StoreError::Damaged { .. }) => {
                let aside = set_aside(path, now).map_err(|source| StoreError::Io {
                    path: path.to_owned(),
                    source,
                })?;
                Ok((Self::open(path)?, Some(aside)))
            }
            opened => Ok((opened?, None)),
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

    fn db(&self) -> &Db {
        &self.db
    }
}

/// Moves a file and its companions to a name that says when and why.
fn set_aside(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut aside = db::beside(path, &format!(".damaged-{stamp}"));
    for again in 1.. {
        if !aside.exists() {
            break;
        }
        aside = db::beside(path, &format!(".damaged-{stamp}-{again}"));
    }
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let companion = db::beside(path, suffix);
        if companion.exists() {
            std::fs::rename(companion, db::beside(&aside, suffix))?;
        }
    }
    Ok(aside)
}

#[cfg(test)]
mod tests;
