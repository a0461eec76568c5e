//! A second console on the same cache: it polls nothing and follows what the first one writes.

use std::collections::HashMap;
use std::sync::Arc;

use super::Level;
use super::hub::Hub;
use super::queue::rest;
use crate::domain::{ActionId, AlertId, AlertRow, Change, IncidentId, IncidentRow, MachineAction};
use crate::store::{Endpoint, Store, StoreError};

/// Rows told at once.
const BATCH: usize = 1000;

const QUEUES: [Endpoint; 2] = [Endpoint::Incidents, Endpoint::Alerts];

#[derive(Default)]
struct Seen {
    incidents: HashMap<IncidentId, IncidentRow>,
    alerts: HashMap<AlertId, AlertRow>,
    actions: HashMap<ActionId, MachineAction>,
}

/// Compares the cache with what it was until the feed stops.
pub(super) async fn run(hub: Arc<Hub>) {
    let text = "another console is using this profile: this one shows what that one reads, and writes nothing";
    hub.notice(Level::Warning, text).await;
    let mut seen = None;
    let mut told = [None; 2];
    loop {
        let before = seen.take();
        let read = hub
            .blocking(move |store| {
                // The marks first: what they stand for is in the rows read after them.
                let marks = [
                    store.watermark(Endpoint::Incidents)?,
                    store.watermark(Endpoint::Alerts)?,
                ];
                let (now, changes) = compare(store, before)?;
                Ok((marks, now, changes))
            })
            .await;
        match read {
            Ok((marks, now, changes)) => {
                for batch in changes.chunks(BATCH) {
                    hub.changes(batch.to_vec()).await;
                }
                for (endpoint, (mark, told)) in QUEUES.into_iter().zip(marks.iter().zip(&mut told))
                {
                    match mark {
                        Some(mark) if mark.floor.is_none() => hub.synced(endpoint).await,
                        _ => hub.syncing(endpoint, 0).await,
                    }
                    // The same again is no news: the other console may have stopped.
                    let as_of = mark.and_then(|mark| mark.as_of);
                    if let Some(now) = as_of.filter(|_| as_of != *told) {
                        *told = as_of;
                        hub.good(endpoint, now).await;
                    }
                }
                seen = Some(now);
            }
            Err(error) => {
                hub.notice(
                    Level::Warning,
                    format!("the cache could not be read: {error}"),
                )
                .await;
            }
        }
        if !rest(&hub, hub.every(Endpoint::Incidents)).await {
            return;
        }
    }
}

/// What is in the cache now, and what differs from before. The first look tells nothing: the console has
/// read the same rows itself.
fn compare(store: &Store, before: Option<Seen>) -> Result<(Seen, Vec<Change>), StoreError> {
    let now = Seen {
        incidents: store
            .incident_rows()?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect(),
        alerts: store
            .alert_rows()?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect(),
        actions: store
            .actions()?
            .into_iter()
            .map(|action| (action.id.clone(), action))
            .collect(),
    };
    let Some(before) = before else {
        return Ok((now, Vec::new()));
    };
    let mut changes = Vec::new();
    let news = |old: Option<&IncidentRow>, row: &IncidentRow| old != Some(row);
    for (id, row) in &now.incidents {
        if news(before.incidents.get(id), row) {
            changes.push(Change::Incident(row.clone()));
        }
    }
    for (id, row) in &now.alerts {
        if before.alerts.get(id) != Some(row) {
            changes.push(Change::Alert(row.clone()));
        }
    }
    for (id, action) in &now.actions {
        if before.actions.get(id) != Some(action) {
            changes.push(Change::Action(action.clone()));
        }
    }
    let left = |id: &&IncidentId| !now.incidents.contains_key(*id);
    changes.extend(
        before
            .incidents
            .keys()
            .filter(left)
            .cloned()
            .map(Change::IncidentGone),
    );
    let left = |id: &&AlertId| !now.alerts.contains_key(*id);
    changes.extend(
        before
            .alerts
            .keys()
            .filter(left)
            .cloned()
            .map(Change::AlertGone),
    );
    Ok((now, changes))
}
