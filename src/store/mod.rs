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

use crate::domain::{
    ActionId, Alert, AlertId, AlertRow, BadRow, Change, EntityKey, Incident, IncidentId,
    IncidentRow, Machine, MachineAction, MachineId, Severity, Timestamp,
};

pub mod history;
pub mod journal;

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
    /// The service's clock at the last complete read.
    pub as_of: Timestamp,
}

/// How a page moves its watermark; written with the page's rows or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The first page of a first sync: read newest first down to `target`.
    Begin {
        /// Newest end.
        forward: Timestamp,
        /// How far back to go.
        target: Timestamp,
    },
    /// The backlog is complete down to here.
    Floor(Timestamp),
    /// The backlog is complete.
    BacklogDone,
    /// Everything up to here has been read. Never moves back.
    Forward(Timestamp),
}

/// What writing a page did.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// What is new or different, rows as they now are, counts included.
    pub changes: Vec<Change>,
    /// Rows that could not be understood; kept in the cache with their JSON.
    pub bad: Vec<BadRow>,
    /// Rows that were there already, byte for byte.
    pub unchanged: usize,
    /// Newest and oldest `lastUpdateDateTime` of the page's rows.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether the rows came in order: `Some(true)` ascending, `Some(false)` descending.
    pub ascending: Option<bool>,
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
    inner: Arc<()>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[allow(
    unused_variables,
    clippy::unused_self,
    clippy::todo,
    clippy::missing_errors_doc
)]
impl Store {
    /// Opens (makes) the file. A second console on the same file becomes a [`Access::Reader`].
    pub fn open(path: &Path) -> Result<Self> {
        todo!()
    }
    /// A cache that dies with the program.
    pub fn in_memory() -> Result<Self> {
        todo!()
    }
    /// Whether this console may write.
    pub fn access(&self) -> Access {
        todo!()
    }

    /// Every cached incident, as list rows, in no particular order.
    pub fn incident_rows(&self) -> Result<Vec<IncidentRow>> {
        todo!()
    }
    /// Every cached alert, as list rows, in no particular order.
    pub fn alert_rows(&self) -> Result<Vec<AlertRow>> {
        todo!()
    }
    /// One incident's list row.
    pub fn incident_row(&self, id: &IncidentId) -> Result<Option<IncidentRow>> {
        todo!()
    }
    /// One incident in full.
    pub fn incident(&self, id: &IncidentId) -> Result<Option<Incident>> {
        todo!()
    }
    /// One incident as the service sent it.
    pub fn incident_json(&self, id: &IncidentId) -> Result<Option<String>> {
        todo!()
    }
    /// One alert in full.
    pub fn alert(&self, id: &AlertId) -> Result<Option<Alert>> {
        todo!()
    }
    /// One alert as the service sent it.
    pub fn alert_json(&self, id: &AlertId) -> Result<Option<String>> {
        todo!()
    }
    /// The cached alerts of an incident in full, oldest activity first.
    pub fn alerts_of(&self, id: &IncidentId) -> Result<Vec<Alert>> {
        todo!()
    }
    /// The list rows of an incident's cached alerts, oldest activity first.
    pub fn alert_rows_of(&self, id: &IncidentId) -> Result<Vec<AlertRow>> {
        todo!()
    }
    /// Where an entity occurs, newest alert first, at most `limit`.
    pub fn where_else(&self, key: &EntityKey, limit: usize) -> Result<Vec<Sighting>> {
        todo!()
    }

    /// Writes incidents (JSON rows as the service sent them) and moves the watermark with them.
    pub fn put_incidents<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        todo!()
    }
    /// Writes alerts (JSON rows as the service sent them) and moves the watermark with them.
    pub fn put_alerts<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        todo!()
    }
    /// Writes machine actions (JSON rows as the service sent them).
    pub fn put_actions<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        todo!()
    }
    /// How far an endpoint has been read; `None` before the first page.
    pub fn watermark(&self, endpoint: Endpoint) -> Result<Option<Watermark>> {
        todo!()
    }
    /// Remembers that the analyst has opened an incident.
    pub fn mark_viewed(&self, id: &IncidentId, now: Timestamp) -> Result<()> {
        todo!()
    }

    /// Every cached machine action, newest first.
    pub fn actions(&self) -> Result<Vec<MachineAction>> {
        todo!()
    }
    /// One machine action.
    pub fn action(&self, id: &ActionId) -> Result<Option<MachineAction>> {
        todo!()
    }
    /// A machine as last read, and when.
    pub fn machine(&self, id: &MachineId) -> Result<Option<(Machine, Timestamp)>> {
        todo!()
    }
    /// Keeps a machine as the service sent it.
    pub fn put_machine(&self, json: &str, now: Timestamp) -> Result<()> {
        todo!()
    }

    /// Rows that were refused, newest first.
    pub fn rejected(&self, limit: usize) -> Result<Vec<Rejected>> {
        todo!()
    }
    /// A setting the console remembers (sort order, split…).
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        todo!()
    }
    /// Remembers a setting.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        todo!()
    }
    /// Drops what is too old or too much; returns what left.
    pub fn retain(&self, retention: &Retention, now: Timestamp) -> Result<Vec<Change>> {
        todo!()
    }

    // the journal

    /// Writes an entry in state [`JournalState::Intended`]; on disk when this returns.
    pub fn journal_append(&self, entry: &NewEntry) -> Result<JournalEntry> {
        todo!()
    }
    /// Moves an entry on; on disk when this returns.
    pub fn journal_step(&self, id: JournalId, step: &JournalStep) -> Result<JournalEntry> {
        todo!()
    }
    /// The journal, newest first, at most `limit`.
    pub fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>> {
        todo!()
    }
    /// Entries whose outcome is open: intended, sent, accepted, unknown; oldest first.
    pub fn journal_unsettled(&self) -> Result<Vec<JournalEntry>> {
        todo!()
    }
    /// One entry.
    pub fn journal_entry(&self, id: JournalId) -> Result<Option<JournalEntry>> {
        todo!()
    }

    // hunting history

    /// Adds a hunt; returns its number.
    pub fn hunt_add(&self, record: &HuntRecord) -> Result<i64> {
        todo!()
    }
    /// Hunts whose text contains `text` (ignoring case; empty = all), newest first, at most `limit`.
    pub fn hunts(&self, text: &str, limit: usize) -> Result<Vec<HuntRecord>> {
        todo!()
    }
}
