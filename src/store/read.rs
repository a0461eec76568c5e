//! What the console looks at: rows in one scan, whole objects one by one.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec::{self, Interner};
use super::digest;
use super::{Endpoint, Rejected, Result, Sighting, Store, StoreError, Watermark};
use crate::domain::{
    ActionId, Alert, AlertId, AlertRow, BadRow, EntityKey, Incident, IncidentId, IncidentRow,
    Machine, MachineAction, MachineId, Timestamp,
};

/// Sightings looked at to find the newest; an address seen more often than that says little anyway.
const SIGHTINGS_READ: i64 = 5000;

/// A setting of a cache.
pub(super) fn setting(db: &rusqlite::Connection, key: &str) -> Result<Option<String>> {
    Ok(db
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

impl Store {
    /// Every cached incident, as list rows, in no particular order.
    pub fn incident_rows(&self) -> Result<Vec<IncidentRow>> {
        self.db().read(|db| {
            let count: i64 = db.query_row("SELECT count(*) FROM incident", [], |row| row.get(0))?;
            let mut rows = Vec::with_capacity(count as usize);
            let mut texts = Interner::default();
            let mut statement =
                db.prepare_cached("SELECT id, first_seen, last_viewed, row FROM incident")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let (id, bytes) = (text(row, 0)?, blob(row, 3)?);
                let decoded =
                    codec::decode_incident(bytes, id, row.get(1)?, row.get(2)?, &mut texts);
                rows.push(decoded.ok_or_else(|| unreadable("incident", id))?);
            }
            Ok(rows)
        })
    }

    /// Every cached alert, as list rows, in no particular order.
    pub fn alert_rows(&self) -> Result<Vec<AlertRow>> {
        self.db().read(|db| {
            let count: i64 = db.query_row("SELECT count(*) FROM alert", [], |row| row.get(0))?;
            let mut rows = Vec::with_capacity(count as usize);
            let mut texts = Interner::default();
            let mut statement = db.prepare_cached("SELECT id, row FROM alert")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let id = text(row, 0)?;
                let decoded = codec::decode_alert(blob(row, 1)?, id, &mut texts);
                rows.push(decoded.ok_or_else(|| unreadable("alert", id))?);
            }
            Ok(rows)
        })
    }

    /// One incident's list row.
    pub fn incident_row(&self, id: &IncidentId) -> Result<Option<IncidentRow>> {
        self.db().read(|db| incident_row(db, id))
    }

    /// One alert's list row.
    pub fn alert_row(&self, id: &AlertId) -> Result<Option<AlertRow>> {
        self.db().read(|db| {
            db.prepare_cached("SELECT row FROM alert WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get::<_, Vec<u8>>(0))
                .optional()?
                .map(|bytes| {
                    codec::decode_alert(&bytes, id.as_str(), &mut Interner::default())
                        .ok_or_else(|| unreadable("alert", id.as_str()))
                })
                .transpose()
        })
    }

    /// One incident in full.
    pub fn incident(&self, id: &IncidentId) -> Result<Option<Incident>> {
        self.incident_json(id)?
            .map(|json| decode(&json, "incident", id.as_str()))
            .transpose()
    }

    /// One incident as the service sent it.
    pub fn incident_json(&self, id: &IncidentId) -> Result<Option<String>> {
        self.json(
            "SELECT j.json FROM incident i JOIN incident_json j ON j.n = i.n WHERE i.id = ?1",
            id.as_str(),
        )
    }

    /// One alert in full.
    pub fn alert(&self, id: &AlertId) -> Result<Option<Alert>> {
        self.alert_json(id)?
            .map(|json| decode(&json, "alert", id.as_str()))
            .transpose()
    }

    /// One alert as the service sent it.
    pub fn alert_json(&self, id: &AlertId) -> Result<Option<String>> {
        self.json(
            "SELECT j.json FROM alert a JOIN alert_json j ON j.n = a.n WHERE a.id = ?1",
            id.as_str(),
        )
    }

    /// The cached alerts of an incident in full, oldest activity first.
    pub fn alerts_of(&self, id: &IncidentId) -> Result<Vec<Alert>> {
        let mut alerts = self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT a.id, j.json FROM alert a JOIN alert_json j ON j.n = a.n WHERE a.incident = ?1",
            )?;
            let mut found = statement.query([id.as_str()])?;
            let mut alerts = Vec::new();
            while let Some(row) = found.next()? {
                let id = text(row, 0)?;
                let json = digest::unpack(blob(row, 1)?).ok_or_else(|| unreadable("alert", id))?;
                alerts.push(decode::<Alert>(&json, "alert", id)?);
            }
            Ok(alerts)
        })?;
        alerts.sort_by_key(|alert| (alert.first_activity_date_time, alert.created_date_time));
        Ok(alerts)
    }

    /// The list rows of an incident's cached alerts, oldest activity first.
    pub fn alert_rows_of(&self, id: &IncidentId) -> Result<Vec<AlertRow>> {
        let mut rows = self.db().read(|db| {
            let mut statement =
                db.prepare_cached("SELECT id, row FROM alert WHERE incident = ?1")?;
            let mut found = statement.query([id.as_str()])?;
            let (mut rows, mut texts) = (Vec::new(), Interner::default());
            while let Some(row) = found.next()? {
                let id = text(row, 0)?;
                let decoded = codec::decode_alert(blob(row, 1)?, id, &mut texts);
                rows.push(decoded.ok_or_else(|| unreadable("alert", id))?);
            }
            Ok(rows)
        })?;
        rows.sort_by_key(|row| (row.first_activity, row.created));
        Ok(rows)
    }

    /// Where an entity occurs, newest alert first, at most `limit`.
    pub fn where_else(&self, key: &EntityKey, limit: usize) -> Result<Vec<Sighting>> {
        let hash = digest::of_key(key).hash;
        let mut sightings = self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT a.id, a.row FROM \
                 (SELECT alert FROM sighting WHERE hash = ?1 \
                  UNION SELECT alert FROM sighting_new WHERE hash = ?1) s \
                 JOIN alert a ON a.n = s.alert ORDER BY s.alert DESC LIMIT ?2",
            )?;
            let mut found = statement.query(params![hash, SIGHTINGS_READ])?;
            let (mut sightings, mut texts) = (Vec::new(), Interner::default());
            while let Some(row) = found.next()? {
                let id = text(row, 0)?;
                let alert = codec::decode_alert(blob(row, 1)?, id, &mut texts)
                    .ok_or_else(|| unreadable("alert", id))?;
                sightings.push(Sighting {
                    alert: alert.id,
                    incident: alert.incident,
                    title: alert.title,
                    severity: alert.severity,
                    created: alert.created,
                });
            }
            Ok(sightings)
        })?;
        sightings.sort_by_key(|sighting| std::cmp::Reverse(sighting.created));
        sightings.truncate(limit);
        Ok(sightings)
    }

    /// How far an endpoint has been read; `None` before the first page.
    pub fn watermark(&self, endpoint: Endpoint) -> Result<Option<Watermark>> {
        self.db().read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT forward, floor, target, as_of FROM sync WHERE endpoint = ?1",
                )?
                .query_row([endpoint.name()], |row| {
                    Ok(Watermark {
                        forward: codec::time(row.get(0)?),
                        floor: row.get::<_, Option<i64>>(1)?.map(codec::time),
                        target: codec::time(row.get(2)?),
                        as_of: Some(row.get(3)?).filter(|at| *at > 0).map(codec::time),
                    })
                })
                .optional()?)
        })
    }

    /// Where a merged incident ended, as far as the cache knows: through merges of merges.
    pub fn merged_into(&self, id: &IncidentId) -> Result<Option<IncidentId>> {
        self.db().read(|db| super::write::end_of_merges(db, id))
    }

    /// Every cached machine action, newest first.
    pub fn actions(&self) -> Result<Vec<MachineAction>> {
        self.action_rows("SELECT json FROM action ORDER BY created DESC", None)
    }

    /// The cached actions of one machine, newest first.
    pub fn actions_of(&self, machine: &MachineId) -> Result<Vec<MachineAction>> {
        self.action_rows(
            "SELECT json FROM action WHERE machine = ?1 ORDER BY created DESC",
            Some(machine.as_str()),
        )
    }

    fn action_rows(&self, sql: &str, machine: Option<&str>) -> Result<Vec<MachineAction>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut found = statement.query(rusqlite::params_from_iter(machine))?;
            let mut actions = Vec::new();
            while let Some(row) = found.next()? {
                let json =
                    digest::unpack(blob(row, 0)?).ok_or_else(|| unreadable("action", "?"))?;
                actions.push(decode(&json, "action", "?")?);
            }
            Ok(actions)
        })
    }

    /// One machine action.
    pub fn action(&self, id: &ActionId) -> Result<Option<MachineAction>> {
        self.json("SELECT json FROM action WHERE id = ?1", id.as_str())?
            .map(|json| decode(&json, "action", id.as_str()))
            .transpose()
    }

    /// A machine as last read, and when.
    pub fn machine(&self, id: &MachineId) -> Result<Option<(Machine, Timestamp)>> {
        let found = self.db().read(|db| {
            Ok(db
                .prepare_cached("SELECT json, at FROM machine WHERE id = ?1")?
                .query_row([id.as_str()], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))
                })
                .optional()?)
        })?;
        let Some((bytes, at)) = found else {
            return Ok(None);
        };
        let json = digest::unpack(&bytes).ok_or_else(|| unreadable("machine", id.as_str()))?;
        Ok(Some((
            decode(&json, "machine", id.as_str())?,
            codec::time(at),
        )))
    }

    /// Rows that were refused, newest first.
    pub fn rejected(&self, limit: usize) -> Result<Vec<Rejected>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT at, endpoint, why, json FROM rejected ORDER BY n DESC LIMIT ?1",
            )?;
            let mut found = statement.query([limit as i64])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                rows.push(Rejected {
                    at: codec::time(row.get(0)?),
                    endpoint: row.get(1)?,
                    row: BadRow {
                        why: row.get(2)?,
                        json: digest::unpack(blob(row, 3)?)
                            .ok_or_else(|| unreadable("row", "?"))?,
                    },
                });
            }
            Ok(rows)
        })
    }

    /// A setting the console remembers (sort order, split…).
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        self.db().read(|db| setting(db, key))
    }

    fn json(&self, sql: &str, id: &str) -> Result<Option<String>> {
        self.db().read(|db| {
            db.prepare_cached(sql)?
                .query_row([id], |row| row.get::<_, Vec<u8>>(0))
                .optional()?
                .map(|bytes| digest::unpack(&bytes).ok_or_else(|| unreadable("object", id)))
                .transpose()
        })
    }
}

pub(super) fn incident_row(db: &Connection, id: &IncidentId) -> Result<Option<IncidentRow>> {
    let mut statement =
        db.prepare_cached("SELECT first_seen, last_viewed, row FROM incident WHERE id = ?1")?;
    let mut found = statement.query([id.as_str()])?;
    let Some(row) = found.next()? else {
        return Ok(None);
    };
    codec::decode_incident(
        blob(row, 2)?,
        id.as_str(),
        row.get(0)?,
        row.get(1)?,
        &mut Interner::default(),
    )
    .map(Some)
    .ok_or_else(|| unreadable("incident", id.as_str()))
}

fn text<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a str> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::Content(error.to_string()))
}

fn blob<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a [u8]> {
    row.get_ref(column)?
        .as_blob()
        .map_err(|error| StoreError::Content(error.to_string()))
}

fn unreadable(what: &str, id: &str) -> StoreError {
    StoreError::Content(format!("{what} {id}"))
}

fn decode<T: serde::de::DeserializeOwned>(json: &str, what: &str, id: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| StoreError::Content(format!("{what} {id}: {error}")))
}
