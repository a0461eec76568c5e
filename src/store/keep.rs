//! What the console itself keeps in the file, what leaves it with time, and rows made anew.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::codec::{self, nanos};
use super::digest;
use super::write::{forget_sightings, recount};
use super::{Result, Retention, Store, StoreError};
use crate::domain::{AlertId, Change, IncidentId, Machine, Timestamp};

/// Incidents dropped in one transaction, so that nothing waits long behind it.
const DROPPED_AT_ONCE: usize = 200;

/// The setting that names the row layout the file was written with.
const LAYOUT: &str = "row-layout";

impl Store {
    /// Remembers that the analyst has opened an incident.
    pub fn mark_viewed(&self, id: &IncidentId, now: Timestamp) -> Result<()> {
        self.db().write(|tx| {
            tx.prepare_cached("UPDATE incident SET last_viewed = ?2 WHERE id = ?1")?
                .execute(params![id.as_str(), nanos(now)])?;
            Ok(())
        })
    }

    /// Keeps a machine as the service sent it.
    pub fn put_machine(&self, json: &str, now: Timestamp) -> Result<()> {
        let machine: Machine = serde_json::from_str(json)
            .map_err(|error| StoreError::Content(format!("machine: {error}")))?;
        self.db().write(|tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO machine (id, at, json) VALUES (?1, ?2, ?3)")?
                .execute(params![machine.id.as_str(), nanos(now), digest::pack(json)])?;
            Ok(())
        })
    }

    /// Remembers a setting.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        self.db().write(|tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")?
                .execute([key, value])?;
            Ok(())
        })
    }

    /// Drops closed incidents (with their alerts) that are too old or too much; returns what left.
    /// Open ones stay, whatever their age. The journal and the hunts are never dropped.
    pub fn retain(&self, retention: &Retention, now: Timestamp) -> Result<Vec<Change>> {
        let limit = jiff::SignedDuration::from_hours(i64::from(retention.days) * 24);
        let oldest = nanos(now.checked_sub(limit).unwrap_or(Timestamp::MIN));
        let mut gone = Vec::new();
        loop {
            let before = gone.len();
            self.db().write(|tx| {
                let too_much = used_bytes(tx)? > retention.bytes;
                let cutoff = if too_much { i64::MAX } else { oldest };
                let mut statement = tx.prepare_cached(
                    "SELECT n, id FROM incident WHERE open = 0 AND updated < ?1 ORDER BY updated LIMIT ?2",
                )?;
                let victims = statement
                    .query_map(params![cutoff, DROPPED_AT_ONCE as i64], |row| {
                        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                    })?
                    .collect::<Result<Vec<_>, _>>()?;
                for (n, id) in victims {
                    drop_alerts(tx, "incident = ?1", &id, &mut gone)?;
                    tx.prepare_cached("DELETE FROM incident WHERE n = ?1")?.execute([n])?;
                    tx.prepare_cached("DELETE FROM incident_json WHERE n = ?1")?.execute([n])?;
                    gone.push(Change::IncidentGone(IncidentId::new(id)));
                }
                Ok(())
            })?;
            if gone.len() == before {
                break;
            }
        }
        // Alerts whose incident was never cached, or left before them.
        self.db().write(|tx| {
            drop_alerts(
                tx,
                "updated < ?1 AND (incident IS NULL OR incident NOT IN (SELECT id FROM incident))",
                &oldest,
                &mut gone,
            )?;
            tx.prepare_cached("DELETE FROM rejected WHERE at < ?1")?
                .execute([oldest])?;
            tx.prepare_cached("DELETE FROM machine WHERE at < ?1")?
                .execute([oldest])?;
            Ok(())
        })?;
        Ok(gone)
    }

    /// Bytes the file holds, free pages not counted.
    pub fn size(&self) -> Result<u64> {
        self.db().read(used_bytes)
    }

    /// Makes all rows anew from the services' JSON when this version lays them out differently.
    pub(super) fn rebuild_if_stale(&self) -> Result<()> {
        let layout = codec::fingerprint();
        if self.setting(LAYOUT)?.as_deref() == Some(&layout) {
            return Ok(());
        }
        self.db().write(rebuild)?;
        self.set_setting(LAYOUT, &layout)
    }
}

fn used_bytes(db: &rusqlite::Connection) -> Result<u64> {
    let pragma = |name: &str| -> Result<i64> {
        Ok(db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
    };
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok((pages * pragma("page_size")?).unsigned_abs())
}

fn drop_alerts(
    tx: &Transaction<'_>,
    which: &str,
    value: &dyn rusqlite::ToSql,
    gone: &mut Vec<Change>,
) -> Result<()> {
    let sql = format!("SELECT n, id, entities FROM alert WHERE {which}");
    let mut statement = tx.prepare_cached(&sql)?;
    let alerts = statement
        .query_map([value], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for (n, id, entities) in alerts {
        forget_sightings(tx, n, &entities)?;
        tx.prepare_cached("DELETE FROM alert WHERE n = ?1")?
            .execute([n])?;
        tx.prepare_cached("DELETE FROM alert_json WHERE n = ?1")?
            .execute([n])?;
        gone.push(Change::AlertGone(AlertId::new(id)));
    }
    Ok(())
}

fn rebuild(tx: &Transaction<'_>) -> Result<()> {
    let known: Option<i64> = tx
        .query_row(
            "SELECT 1 FROM incident UNION ALL SELECT 1 FROM alert LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if known.is_none() {
        return Ok(());
    }
    tx.execute_batch("DELETE FROM sighting; DELETE FROM sighting_new;")?;
    let unreadable = || StoreError::Content("a cached object".to_owned());
    let mut alerts = tx.prepare("SELECT n, json FROM alert_json")?;
    let mut found = alerts.query([])?;
    while let Some(row) = found.next()? {
        let n: i64 = row.get(0)?;
        let json = digest::unpack(&row.get::<_, Vec<u8>>(1)?).ok_or_else(unreadable)?;
        let digest = digest::alert(&json, Timestamp::UNIX_EPOCH).map_err(|_| unreadable())?;
        tx.prepare_cached(
            "UPDATE alert SET incident = ?2, updated = ?3, row = ?4, entities = ?5 WHERE n = ?1",
        )?
        .execute(params![
            n,
            digest.row.incident.as_ref().map(IncidentId::as_str),
            digest.updated,
            codec::encode_alert(&digest.row),
            digest::encode_entities(digest.row.tactics, &digest.entities)
        ])?;
        for entity in &digest.entities {
            tx.prepare_cached("INSERT OR IGNORE INTO sighting (hash, alert) VALUES (?1, ?2)")?
                .execute(params![entity.hash, n])?;
        }
    }
    let mut incidents = tx.prepare(
        "SELECT i.n, i.first_seen, j.json FROM incident i JOIN incident_json j ON j.n = i.n",
    )?;
    let mut found = incidents.query([])?;
    while let Some(row) = found.next()? {
        let n: i64 = row.get(0)?;
        let json = digest::unpack(&row.get::<_, Vec<u8>>(2)?).ok_or_else(unreadable)?;
        let digest = digest::incident(&json, codec::time(row.get(1)?)).map_err(|_| unreadable())?;
        tx.prepare_cached("UPDATE incident SET updated = ?2, open = ?3, row = ?4 WHERE n = ?1")?
            .execute(params![
                n,
                nanos(digest.row.updated),
                digest.row.status.is_open(),
                codec::encode_incident(&digest.row)
            ])?;
        recount(tx, digest.row.id.as_str())?;
    }
    Ok(())
}
