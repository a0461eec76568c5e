//! Pages into the file: rows, entity index, counts and watermark in one transaction, and what changed.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::codec::{self, Interner, nanos};
use super::digest::{self, AlertDigest, Entity, IncidentDigest};
use super::journal::{JournalId, JournalState, JournalStep};
use super::mark::finish;
use super::{Endpoint, Mark, Put, Result, Store};
use crate::domain::{
    ActionStatus, BadRow, Change, IncidentId, IncidentRow, MachineAction, MachineId, TacticSet,
    Timestamp,
};

/// Hops followed from a merged incident to where it ended; merges of merges are rare, loops are errors.
const MERGE_HOPS: usize = 16;

impl Store {
    /// Writes incidents (JSON rows as the service sent them) and moves the watermark with them.
    ///
    /// `now` is the service's clock when it answered. A row older than what is cached changes nothing.
    pub fn put_incidents<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        let mut put = Put::default();
        let digests = read_rows(rows, &mut put, |json| digest::incident(json, now));
        put.note_order(digests.iter().map(|digest| digest.row.updated), mark);
        self.db().write(|tx| {
            let mut merged = Vec::new();
            for digest in digests {
                put_incident(tx, digest, now, &mut put, &mut merged)?;
            }
            for from in merged {
                let to = end_of_merges(tx, &from)?;
                put.changes.push(Change::Redirected { from, to });
            }
            finish(tx, Endpoint::Incidents, &mut put, mark, now)?;
            Ok(put)
        })
    }

    /// Writes alerts (JSON rows as the service sent them) and moves the watermark with them. The counts
    /// of their incidents follow in the same transaction.
    pub fn put_alerts<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        let mut put = Put::default();
        let digests = read_rows(rows, &mut put, |json| digest::alert(json, now));
        put.note_order(digests.iter().map(|digest| digest.row.updated), mark);
        self.db().write(|tx| {
            let mut touched = BTreeSet::new();
            let mut sightings = Vec::new();
            for digest in digests {
                put_alert(tx, digest, &mut put, &mut touched, &mut sightings)?;
            }
            put_sightings(tx, sightings, mark)?;
            for incident in touched {
                if let Some(row) = recount(tx, &incident)? {
                    put.changes.push(Change::Incident(row));
                }
            }
            finish(tx, Endpoint::Alerts, &mut put, mark, now)?;
            Ok(put)
        })
    }

    /// Writes machine actions (JSON rows as the service sent them).
    pub fn put_actions<J: AsRef<str>>(
        &self,
        rows: &[J],
        mark: Option<Mark>,
        now: Timestamp,
    ) -> Result<Put> {
        let mut put = Put::default();
        let actions = read_rows(rows, &mut put, |json| {
            let read = serde_json::from_str::<MachineAction>(json);
            read.map(|action| (action, digest::pack(json)))
                .map_err(|error| BadRow {
                    json: json.to_owned(),
                    why: error.to_string(),
                })
        });
        self.db().write(|tx| {
            for (action, json) in actions {
                if put_action(tx, &action, &json, now)? {
                    put.changes.push(Change::Action(action));
                } else {
                    put.unchanged += 1;
                }
            }
            settle_journal(tx, now)?;
            finish(tx, Endpoint::Actions, &mut put, mark, now)?;
            Ok(put)
        })
    }
}

impl Put {
    fn note_order(&mut self, times: impl Iterator<Item = Timestamp>, mark: Option<Mark>) {
        let mut last: Option<Timestamp> = None;
        let (mut up, mut down) = (true, true);
        for time in times {
            if let Some(last) = last {
                up &= last <= time;
                down &= last >= time;
            }
            last = Some(time);
            self.span = Some(match self.span {
                None => (time, time),
                Some((oldest, newest)) => (oldest.min(time), newest.max(time)),
            });
        }
        self.ordered = match mark {
            Some(Mark::Begin { .. } | Mark::Down) => down,
            Some(Mark::Up { .. }) => up,
            Some(Mark::Bottom | Mark::News { .. } | Mark::All { .. }) | None => true,
        };
    }
}

fn read_rows<J: AsRef<str>, T>(
    rows: &[J],
    put: &mut Put,
    read: impl Fn(&str) -> Result<T, BadRow>,
) -> Vec<T> {
    let mut good = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row.as_ref()) {
            Ok(value) => good.push(value),
            Err(bad) => put.bad.push(bad),
        }
    }
    good
}

fn put_incident(
    tx: &Transaction<'_>,
    digest: IncidentDigest,
    now: Timestamp,
    put: &mut Put,
    merged: &mut Vec<IncidentId>,
) -> Result<()> {
    let IncidentDigest { mut row, json } = digest;
    let id = row.id.clone();
    let known = tx
        .prepare_cached(
            "SELECT n, updated, row, first_seen, last_viewed FROM incident WHERE id = ?1",
        )?
        .query_row([id.as_str()], |found| {
            Ok((
                found.get::<_, i64>(0)?,
                found.get::<_, i64>(1)?,
                found.get::<_, Vec<u8>>(2)?,
                found.get::<_, i64>(3)?,
                found.get::<_, Option<i64>>(4)?,
            ))
        })
        .optional()?;
    if let Some((n, updated, old, first_seen, last_viewed)) = known {
        let same = || -> Result<bool> {
            Ok(tx
                .prepare_cached("SELECT json FROM incident_json WHERE n = ?1")?
                .query_row([n], |found| {
                    Ok(found.get_ref(0)?.as_blob()? == json.as_slice())
                })
                .optional()?
                == Some(true))
        };
        if updated > nanos(row.updated) || same()? {
            put.unchanged += 1;
            return Ok(());
        }
        let old = codec::decode_incident(
            &old,
            id.as_str(),
            first_seen,
            last_viewed,
            &mut Interner::default(),
        );
        if let Some(old) = &old {
            (row.alerts, row.devices, row.users, row.tactics) =
                (old.alerts, old.devices, old.users, old.tactics);
        }
        row.first_seen = codec::time(first_seen);
        row.last_viewed = last_viewed.map(codec::time);
        tx.prepare_cached("UPDATE incident SET updated = ?2, open = ?3, row = ?4 WHERE n = ?1")?
            .execute(params![
                n,
                nanos(row.updated),
                row.status.is_open(),
                codec::encode_incident(&row)
            ])?;
        tx.prepare_cached("INSERT OR REPLACE INTO incident_json (n, json) VALUES (?1, ?2)")?
            .execute(params![n, json])?;
        if is_merged(&row) && !old.as_ref().is_some_and(is_merged) {
            merged.push(id);
        }
    } else {
        count(tx, &mut row)?;
        row.first_seen = now;
        tx.prepare_cached(
            "INSERT INTO incident (id, updated, open, first_seen, row) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            id.as_str(),
            nanos(row.updated),
            row.status.is_open(),
            nanos(now),
            codec::encode_incident(&row)
        ])?;
        tx.prepare_cached("INSERT INTO incident_json (n, json) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), json])?;
        if is_merged(&row) {
            merged.push(id);
        }
    }
    put.changes.push(Change::Incident(row));
    Ok(())
}

fn is_merged(row: &IncidentRow) -> bool {
    row.status == crate::domain::IncidentStatus::Redirected
}

/// Where a merged incident's alerts are in the end, as far as the cache knows.
pub(super) fn end_of_merges(
    tx: &rusqlite::Connection,
    from: &IncidentId,
) -> Result<Option<IncidentId>> {
    let mut seen = vec![from.clone()];
    let mut at = from.clone();
    for _ in 0..MERGE_HOPS {
        let row = super::read::incident_row(tx, &at)?;
        match row.filter(is_merged).and_then(|row| row.redirected_to) {
            Some(next) if !seen.contains(&next) => {
                seen.push(next.clone());
                at = next;
            }
            Some(_) => return Ok(None), // a loop: nowhere
            None => break,
        }
    }
    Ok((at != *from).then_some(at))
}

fn put_alert(
    tx: &Transaction<'_>,
    digest: AlertDigest,
    put: &mut Put,
    touched: &mut BTreeSet<String>,
    sightings: &mut Vec<(i64, i64)>,
) -> Result<()> {
    let AlertDigest {
        row,
        entities,
        updated,
        json,
    } = digest;
    let incident = row.incident.as_ref().map(IncidentId::as_str);
    let packed = digest::encode_entities(row.tactics, &entities);
    let inserted = tx
        .prepare_cached(
            "INSERT INTO alert (id, incident, updated, row, entities) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            row.id.as_str(),
            incident,
            updated,
            codec::encode_alert(&row),
            packed
        ])?;
    let n =
        if inserted == 1 {
            let n = tx.last_insert_rowid();
            tx.prepare_cached("INSERT INTO alert_json (n, json) VALUES (?1, ?2)")?
                .execute(params![n, json])?;
            sightings.extend(entities.iter().map(|entity| (entity.hash, n)));
            n
        } else {
            let (n, known, old_incident, old_entities) = tx
                .prepare_cached("SELECT n, updated, incident, entities FROM alert WHERE id = ?1")?
                .query_row([row.id.as_str()], |found| {
                    Ok((
                        found.get::<_, i64>(0)?,
                        found.get::<_, i64>(1)?,
                        found.get::<_, Option<String>>(2)?,
                        found.get::<_, Vec<u8>>(3)?,
                    ))
                })?;
            let same = || -> Result<bool> {
                Ok(tx
                    .prepare_cached("SELECT json FROM alert_json WHERE n = ?1")?
                    .query_row([n], |found| {
                        Ok(found.get_ref(0)?.as_blob()? == json.as_slice())
                    })
                    .optional()?
                    == Some(true))
            };
            if known > updated || same()? {
                put.unchanged += 1;
                return Ok(());
            }
            tx.prepare_cached(
            "UPDATE alert SET incident = ?2, updated = ?3, row = ?4, entities = ?5 WHERE n = ?1",
        )?
        .execute(params![n, incident, updated, codec::encode_alert(&row), packed])?;
            tx.prepare_cached("INSERT OR REPLACE INTO alert_json (n, json) VALUES (?1, ?2)")?
                .execute(params![n, json])?;
            if old_entities != packed {
                forget_sightings(tx, n, &old_entities)?;
                sightings.extend(entities.iter().map(|entity| (entity.hash, n)));
            }
            if old_incident.as_deref() != incident {
                touched.extend(old_incident);
            }
            n
        };
    debug_assert!(n > 0, "rows are numbered from 1");
    touched.extend(incident.map(str::to_owned));
    put.changes.push(Change::Alert(row));
    Ok(())
}

/// Writes entries of the entity index: aside while a first sync runs, else where they belong.
fn put_sightings(
    tx: &Transaction<'_>,
    mut sightings: Vec<(i64, i64)>,
    mark: Option<Mark>,
) -> Result<()> {
    if matches!(mark, Some(Mark::Begin { .. } | Mark::Down)) {
        let mut append =
            tx.prepare_cached("INSERT INTO sighting_new (hash, alert) VALUES (?1, ?2)")?;
        for (hash, alert) in sightings {
            append.execute(params![hash, alert])?;
        }
        return Ok(());
    }
    if matches!(mark, Some(Mark::Bottom | Mark::All { .. })) {
        merge_sightings(tx)?;
    }
    // In key order: neighbours in the index are written together.
    sightings.sort_unstable();
    let mut insert =
        tx.prepare_cached("INSERT OR IGNORE INTO sighting (hash, alert) VALUES (?1, ?2)")?;
    for (hash, alert) in sightings {
        insert.execute(params![hash, alert])?;
    }
    Ok(())
}

/// Brings what a first sync put aside into the index.
fn merge_sightings(tx: &Transaction<'_>) -> Result<()> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO sighting (hash, alert) \
         SELECT hash, alert FROM sighting_new ORDER BY hash, alert",
    )?
    .execute([])?;
    tx.prepare_cached("DELETE FROM sighting_new")?.execute([])?;
    Ok(())
}

/// Takes an alert's entities out of the index, wherever they stand.
pub(super) fn forget_sightings(tx: &Transaction<'_>, alert: i64, entities: &[u8]) -> Result<()> {
    let aside: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sighting_new)")?
        .query_row([], |row| row.get(0))?;
    if aside {
        merge_sightings(tx)?;
    }
    let mut delete = tx.prepare_cached("DELETE FROM sighting WHERE hash = ?1 AND alert = ?2")?;
    let (_, entities) = digest::decode_entities(entities);
    for Entity { hash, .. } in entities {
        delete.execute(params![hash, alert])?;
    }
    Ok(())
}

/// Counts an incident's alerts, devices, users and tactics into its row.
fn count(tx: &Transaction<'_>, row: &mut IncidentRow) -> Result<()> {
    let mut statement = tx.prepare_cached("SELECT entities FROM alert WHERE incident = ?1")?;
    let mut found = statement.query([row.id.as_str()])?;
    let (mut alerts, mut tactics) = (0, TacticSet::default());
    let mut named = Vec::new();
    while let Some(alert) = found.next()? {
        alerts += 1;
        let (own, entities) =
            digest::decode_entities(alert.get_ref(0)?.as_blob().unwrap_or_default());
        tactics.extend(own);
        named.extend(entities.filter(|entity| entity.class != 0));
    }
    named.sort_unstable();
    named.dedup();
    row.alerts = alerts;
    row.tactics = tactics;
    row.devices = named.iter().filter(|entity| entity.class == 1).count() as u32;
    row.users = named.len() as u32 - row.devices;
    Ok(())
}

/// Counts again; the row as it now is, if that changed anything and the incident is cached.
pub(super) fn recount(tx: &Transaction<'_>, id: &str) -> Result<Option<IncidentRow>> {
    let Some(mut row) = super::read::incident_row(tx, &id.into())? else {
        return Ok(None);
    };
    let before = (row.alerts, row.devices, row.users, row.tactics);
    count(tx, &mut row)?;
    if before == (row.alerts, row.devices, row.users, row.tactics) {
        return Ok(None);
    }
    tx.prepare_cached("UPDATE incident SET row = ?2 WHERE id = ?1")?
        .execute(params![id, codec::encode_incident(&row)])?;
    Ok(Some(row))
}

/// Writes an action unless what is cached is newer, or an end it cannot come back from.
fn put_action(
    tx: &Transaction<'_>,
    action: &MachineAction,
    json: &[u8],
    now: Timestamp,
) -> Result<bool> {
    let created = action.creation_date_time_utc.unwrap_or(now);
    let updated = action.last_update_date_time_utc.unwrap_or(created);
    let known = tx
        .prepare_cached("SELECT updated, json FROM action WHERE id = ?1")?
        .query_row([action.id.as_str()], |found| {
            Ok((found.get::<_, i64>(0)?, found.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    if let Some((known, old)) = known {
        if old == json || known > nanos(updated) {
            return Ok(false);
        }
        let ended = digest::unpack(&old)
            .and_then(|old| serde_json::from_str::<MachineAction>(&old).ok())
            .is_some_and(|old| old.status.is_final());
        if ended && !action.status.is_final() {
            return Ok(false);
        }
    }
    tx.prepare_cached(
        "INSERT OR REPLACE INTO action (id, created, updated, machine, json) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        action.id.as_str(),
        nanos(created),
        nanos(updated),
        action.machine_id.as_ref().map(MachineId::as_str),
        json
    ])?;
    Ok(true)
}

/// The journal entries that became actions end with them.
fn settle_journal(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    let accepted = tx
        .prepare_cached(
            "SELECT j.id, j.operation, a.json FROM journal j JOIN action a ON a.id = j.action \
             WHERE j.state = 'accepted'",
        )?
        .query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for (entry, operation, json) in accepted {
        let action = digest::unpack(&json)
            .and_then(|json| serde_json::from_str::<MachineAction>(&json).ok());
        let Some(action) = action.filter(|action| action.status.is_final()) else {
            continue;
        };
        // A cancellation ends well when what it called off ends as cancelled.
        let state = match (operation.as_str(), &action.status) {
            (CANCEL, ActionStatus::Cancelled) => JournalState::Succeeded,
            (CANCEL, _) => JournalState::Failed,
            (_, ActionStatus::Succeeded) => JournalState::Succeeded,
            (_, ActionStatus::Cancelled) => JournalState::Cancelled,
            _ => JournalState::Failed,
        };
        let detail = format!("the action ended: {}", action.status);
        let step = JournalStep {
            at: now,
            state,
            detail,
            action: None,
            request_id: None,
        };
        super::journal::step(tx, JournalId(entry), &step)?;
    }
    Ok(())
}

/// The catalogue's name of calling off an action.
const CANCEL: &str = "action.cancel";
