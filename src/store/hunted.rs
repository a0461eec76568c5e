//! The cache as local hunting reads it: every object with a stamp that changes when the object does, so
//! that whoever keeps something made of it makes only what changed anew. Opened read-only, in a file that
//! may be in use.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use super::codec::{self, Interner};
use super::journal::JournalEntry;
use super::{Result, StoreError, db, digest, journal};
use crate::domain::{IncidentRow, MachineAction, Timestamp};

/// A cache opened to be read.
#[derive(Debug)]
pub struct Peek {
    connection: Connection,
}

/// Which objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Incidents.
    Incidents,
    /// Alerts.
    Alerts,
}

impl Kind {
    fn table(self) -> &'static str {
        match self {
            Self::Incidents => "incident",
            Self::Alerts => "alert",
        }
    }
}

impl Peek {
    /// Opens the cache in a file; `None` where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no cache.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let opened = db::peek_open(path)?;
        Ok(opened.map(|connection| Self { connection }))
    }

    /// A number that changes whenever somebody else writes to the file, while this stays open.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn version(&self) -> Result<i64> {
        // A read makes SQLite look at the file; the pragma alone may answer from memory.
        self.connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// Everything the service showed before this moment is in the cache; none before the first read.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn as_of(&self) -> Result<Option<Timestamp>> {
        let nanos: Option<i64> = self.connection.query_row(
            "SELECT min(as_of) FROM sync WHERE endpoint IN ('incidents', 'alerts')",
            [],
            |row| row.get(0),
        )?;
        Ok(nanos.filter(|nanos| *nanos > 0).map(codec::time))
    }

    /// The number of every object and a stamp of what it is now.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn stamps(&self, kind: Kind) -> Result<HashMap<i64, i64>> {
        let table = kind.table();
        let more = match kind {
            Kind::Incidents => "coalesce(o.last_viewed, 0)",
            Kind::Alerts => "0",
        };
        // The length of a blob is known without reading it.
        let sql = format!(
            "SELECT o.n, o.updated, {more}, o.row, length(j.json) FROM {table} o JOIN {table}_json j ON j.n = o.n"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut stamps = HashMap::new();
        while let Some(row) = rows.next()? {
            let mut stamp = Stamp::default();
            for column in [1, 2, 4] {
                stamp.add(&row.get::<_, i64>(column)?.to_le_bytes());
            }
            stamp.add(row.get_ref(3)?.as_blob().unwrap_or_default());
            stamps.insert(row.get(0)?, stamp.0 as i64);
        }
        Ok(stamps)
    }

    /// An object as the service sent it; `None` where it is gone.
    ///
    /// # Errors
    /// Where it cannot be read back.
    pub fn json(&self, kind: Kind, n: i64) -> Result<Option<String>> {
        let sql = format!("SELECT json FROM {}_json WHERE n = ?1", kind.table());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([n])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
        let json = digest::unpack(bytes);
        json.map(Some)
            .ok_or_else(|| StoreError::Content(format!("{} {n}", kind.table())))
    }

    /// The list row of an incident, counts of its alerts included.
    ///
    /// # Errors
    /// Where it cannot be read back.
    pub fn incident(&self, n: i64) -> Result<Option<IncidentRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, first_seen, last_viewed, row FROM incident WHERE n = ?1")?;
        let mut rows = statement.query([n])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let id: String = row.get(0)?;
        let bytes = row.get_ref(3)?.as_blob().unwrap_or_default();
        let texts = &mut Interner::default();
        let found = codec::decode_incident(bytes, &id, row.get(1)?, row.get(2)?, texts);
        found
            .map(Some)
            .ok_or_else(|| StoreError::Content(format!("incident {id}")))
    }

    /// Every cached machine action.
    ///
    /// # Errors
    /// Where one cannot be read back.
    pub fn actions(&self) -> Result<Vec<MachineAction>> {
        let mut statement = self.connection.prepare_cached("SELECT json FROM action")?;
        let mut rows = statement.query([])?;
        let mut actions = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
            let broken = || StoreError::Content("action".to_owned());
            let json = digest::unpack(bytes).ok_or_else(broken)?;
            actions.push(serde_json::from_str(&json).map_err(|_| broken())?);
        }
        Ok(actions)
    }

    /// The journal beside the cache, newest first, at most so many entries; none where there is no journal.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn journal(&self, path: &Path, most: usize) -> Result<Vec<JournalEntry>> {
        if !db::journal_file(path).is_file() {
            return Ok(Vec::new());
        }
        db::attach_file(&self.connection, path)?;
        let read = journal::read(&self.connection, most);
        self.connection.execute_batch("DETACH keep")?;
        read
    }
}

/// FNV-1a: a stamp tells versions of one object apart, nobody gains by making two meet.
#[derive(Clone, Copy)]
struct Stamp(u64);

impl Default for Stamp {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Stamp {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
