//! Single incidents read anew with their alerts: the one open on screen, young ones whose entities arrive
//! late, and those that others were merged into.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Level;
use super::hub::Hub;
use crate::api::{ApiErrorKind, Priority};
use crate::domain::{Change, IncidentId, Timestamp};
use crate::store::Endpoint;

/// Young incidents kept in mind; more than that in ten minutes is a storm no ladder helps against.
const YOUNG_AT_MOST: usize = 200;

/// What the other tasks and the console ask for.
#[derive(Debug)]
pub(super) enum Ask {
    /// This one is open on screen; `None` = none is.
    Watch(Option<IncidentId>),
    /// This one changed and was made then: young ones are read again.
    Young(IncidentId, Timestamp),
    /// This one was merged away: read the one it went to.
    Merged(IncidentId),
}

/// Why an incident is read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Watched,
    Young,
    /// These were merged into it.
    Target(IncidentId),
}

struct Plan {
    due: BTreeMap<(Instant, u64), (IncidentId, Why)>,
    count: u64,
    young: HashSet<IncidentId>,
    watched: Option<IncidentId>,
}

impl Plan {
    fn add(&mut self, at: Instant, id: IncidentId, why: Why) {
        self.count += 1;
        self.due.insert((at, self.count), (id, why));
    }

    fn take(&mut self, ask: Ask, hub: &Hub) {
        let now = Instant::now();
        match ask {
            Ask::Watch(id) => {
                if self.watched != id {
                    self.due.retain(|_, (_, why)| *why != Why::Watched);
                }
                self.watched.clone_from(&id);
                if let Some(id) = id {
                    self.due.retain(|_, (_, why)| *why != Why::Watched);
                    self.add(now, id, Why::Watched);
                }
            }
            Ask::Young(id, created) => {
                let age = Timestamp::now().duration_since(created);
                let age = Duration::try_from(age).unwrap_or_default();
                let Some(last) = hub.habits.ladder.last() else {
                    return;
                };
                if age >= *last
                    || self.young.len() >= YOUNG_AT_MOST
                    || !self.young.insert(id.clone())
                {
                    return;
                }
                // Counted from now, when it was first seen: what is late is late after that.
                for step in &hub.habits.ladder {
                    self.add(now + hub.jittered(*step), id.clone(), Why::Young);
                }
            }
            Ask::Merged(from) => self.add(now, from.clone(), Why::Target(from)),
        }
    }
}

/// Reads what is due until the feed stops.
pub(super) async fn run(hub: Arc<Hub>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let stop = hub.stop.clone();
    let mut plan = Plan {
        due: BTreeMap::new(),
        count: 0,
        young: HashSet::new(),
        watched: None,
    };
    loop {
        let next = plan.due.first_key_value().map(|((at, _), _)| *at);
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            ask = asks.recv() => match ask {
                Some(ask) => plan.take(ask, &hub),
                None => return,
            },
            () = due => {
                let Some((_, (id, why))) = plan.due.pop_first() else { continue };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = read(&hub, &id, &why) => {}
                }
                match why {
                    Why::Watched if plan.watched.as_ref() == Some(&id) => {
                        let at = Instant::now() + hub.jittered(hub.habits.watched_every);
                        plan.add(at, id, why);
                    }
                    Why::Young if !plan.due.values().any(|(other, why)| *other == id && *why == Why::Young) => {
                        // The last step: from here on it is as any other.
                        plan.young.remove(&id);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Reads one incident into the cache.
async fn read(hub: &Hub, id: &IncidentId, why: &Why) {
    let target = match why {
        Why::Target(from) => {
            let from = from.clone();
            match hub.blocking(move |store| store.merged_into(&from)).await {
                Ok(Some(to)) => to,
                _ => return,
            }
        }
        Why::Watched | Why::Young => id.clone(),
    };
    let priority = match why {
        Why::Watched => Priority::Interactive,
        Why::Young | Why::Target(_) => Priority::Background,
    };
    let found = match hub.tenant.graph.incident(&target, true, priority).await {
        Ok(found) => found,
        Err(error) => {
            // Polls tell of trouble with the service; here only what concerns this one incident.
            if matches!(error.kind, ApiErrorKind::NotFound | ApiErrorKind::Decode) {
                hub.notice(
                    Level::Warning,
                    format!("incident {target} could not be read: {error}"),
                )
                .await;
            } else {
                tracing::info!(incident = %target, %error, "not read again");
            }
            return;
        }
    };
    let as_of = found.as_of;
    let json = found.incident.json.get().to_owned();
    let alerts = found.alerts.unwrap_or_default();
    let mut rows: Vec<String> = alerts.iter().map(|raw| raw.json.get().to_owned()).collect();
    rows.extend(found.bad.into_iter().map(|bad| bad.json));
    let stored = async {
        hub.take_in(Endpoint::Incidents, move |store| {
            store.put_incidents(&[json], None, as_of)
        })
        .await?;
        hub.take_in(Endpoint::Alerts, move |store| {
            store.put_alerts(&rows, None, as_of)
        })
        .await
    };
    if let Err(error) = stored.await {
        hub.notice(
            Level::Error,
            format!("incident {target} was read but not kept: {error}"),
        )
        .await;
    }
    if let Why::Target(from) = why {
        follow_on(hub, from, &target).await;
    }
}

/// The target may itself have been merged on: then the first one ends further along.
async fn follow_on(hub: &Hub, from: &IncidentId, went: &IncidentId) {
    let asked = from.clone();
    if let Ok(to) = hub.blocking(move |store| store.merged_into(&asked)).await
        && to.as_ref() != Some(went)
    {
        hub.changes(vec![Change::Redirected {
            from: from.clone(),
            to,
        }])
        .await;
    }
}
