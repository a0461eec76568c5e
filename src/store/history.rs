//! Hunts that were run.

use std::time::Duration;

use rusqlite::params;

use super::{Result, Store, codec};
use crate::domain::Timestamp;

/// One hunt that was run, here or at the service.
#[derive(Clone, Debug, PartialEq)]
pub struct HuntRecord {
    /// Its number; 0 before it is stored.
    pub id: i64,
    /// When it was started.
    pub at: Timestamp,
    /// The KQL text.
    pub query: String,
    /// How long it took.
    pub took: Duration,
    /// Rows it gave; `None` when it failed.
    pub rows: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where it ran: `defender`, `local`.
    pub engine: String,
}

impl Store {
    /// Adds a hunt; returns its number.
    pub fn hunt_add(&self, record: &HuntRecord) -> Result<i64> {
        self.db().write(|tx| {
            tx.prepare_cached(
                "INSERT INTO hunt (at, query, took, rows, error, engine) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                codec::nanos(record.at),
                record.query,
                i64::try_from(record.took.as_nanos()).unwrap_or(i64::MAX),
                record.rows.and_then(|rows| i64::try_from(rows).ok()),
                record.error,
                record.engine
            ])?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Hunts whose text contains `text` (ignoring case; empty = all), newest first, at most `limit`.
    pub fn hunts(&self, text: &str, limit: usize) -> Result<Vec<HuntRecord>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT id, at, query, took, rows, error, engine FROM hunt \
                 WHERE ?1 = '' OR instr(lower(query), lower(?1)) > 0 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![text, limit as i64], |row| {
                Ok(HuntRecord {
                    id: row.get(0)?,
                    at: codec::time(row.get(1)?),
                    query: row.get(2)?,
                    took: Duration::from_nanos(row.get::<_, i64>(3)?.unsigned_abs()),
                    rows: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                    error: row.get(5)?,
                    engine: row.get(6)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
