//! Machine actions: read quickly only while one is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Level;
use super::hub::{Hub, Next, Trouble};
use crate::api::{ActionFilter, ApiErrorKind, Priority};
use crate::auth::Resource;
use crate::domain::{ActionId, ActionType, Change, Isolation, MachineAction, MachineId, Timestamp};
use crate::store::Endpoint;

/// How far back the first read goes.
const REACH_BACK: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// An action open for longer waits for its machine: it is looked at less often.
const STUCK: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// How much slower.
const STUCK_SLOWER: u32 = 6;

/// Keeps the actions true until the feed stops.
pub(super) async fn run(hub: Arc<Hub>, mut tracking: mpsc::UnboundedReceiver<ActionId>) {
    let stop = hub.stop.clone();
    let mut refreshes = hub.refreshes();
    let mut tracked = BTreeSet::new();
    let mut read_once = false;
    loop {
        while let Ok(id) = tracking.try_recv() {
            tracked.insert(id);
        }
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = poll(&hub, &mut tracked, read_once) => read,
        };
        let every = hub.every(Endpoint::Actions);
        let wait = match read {
            Ok(wait) => {
                read_once = true;
                Next::After(wait)
            }
            Err(trouble) => hub.bad(Endpoint::Actions, trouble, every).await,
        };
        let due = async {
            match wait {
                Next::After(wait) => tokio::time::sleep(hub.jittered(wait)).await,
                Next::Rest => tokio::time::sleep(hub.jittered(hub.habits.rest)).await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
            asked = refreshes.changed() => if asked.is_err() {
                return;
            },
            id = tracking.recv() => match id {
                Some(id) => { tracked.insert(id); }
                None => return,
            },
        }
        if wait == Next::Rest {
            hub.forget_token(Resource::Defender);
        }
    }
}

/// Reads what may have changed; gives how long to wait for the next time.
async fn poll(
    hub: &Hub,
    tracked: &mut BTreeSet<ActionId>,
    read_once: bool,
) -> Result<Duration, Trouble> {
    let now = Timestamp::now();
    let open = open_actions(hub).await?;
    // All that is open lies behind the oldest of them; everything new comes after the last read.
    let overlap = jiff::SignedDuration::try_from(hub.settings.overlap).unwrap_or_default();
    let reach = if read_once {
        let slack = jiff::SignedDuration::try_from(hub.settings.actions_every).unwrap_or_default();
        overlap + slack
    } else {
        REACH_BACK
    };
    let since = open
        .iter()
        .filter_map(|action| action.creation_date_time_utc)
        .chain(now.checked_sub(reach).ok())
        .min();
    let filter = ActionFilter {
        since,
        ..ActionFilter::default()
    };
    let found = hub
        .tenant
        .defender
        .actions(&filter, Priority::Background)
        .await?;
    let missing = found.partial.clone();
    let mut rows: Vec<String> = found.iter().map(|raw| raw.json.get().to_owned()).collect();
    rows.extend(found.bad.iter().map(|bad| bad.json.clone()));
    let mut unknown = Vec::new();
    for id in tracked.iter() {
        if found.iter().any(|raw| raw.value.id == *id) {
            continue;
        }
        match hub.tenant.defender.action(id, Priority::Background).await {
            Ok(one) => rows.push(one.json.get().to_owned()),
            // One that is not there must not keep the others from being followed.
            Err(error) if error.kind == ApiErrorKind::NotFound => unknown.push(id.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    for id in unknown {
        tracked.remove(&id);
        let text = format!("machine action {id} is not known to the service and is not followed");
        hub.notice(Level::Warning, text).await;
    }
    let as_of = Timestamp::now();
    let put = hub
        .take_in(Endpoint::Actions, move |store| {
            store.put_actions(&rows, None, as_of)
        })
        .await?;
    let ended: Vec<MachineId> = put
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Action(action)
                if action.status.is_final()
                    && matches!(action.kind, ActionType::Isolate | ActionType::Unisolate) =>
            {
                action.machine_id.clone()
            }
            _ => None,
        })
        .collect();
    if read_once {
        for machine in ended {
            tell_if_out_of_order(hub, machine).await?;
        }
    }
    if let Some(missing) = missing {
        return Err(Trouble::Incomplete(missing));
    }
    hub.good(Endpoint::Actions, as_of).await;

    let open = open_actions(hub).await?;
    tracked.retain(|id| open.iter().any(|action| action.id == *id));
    let stuck = |action: &MachineAction| {
        let asked = action.creation_date_time_utc.unwrap_or(as_of);
        as_of.duration_since(asked) > STUCK
    };
    let usual = hub.every(Endpoint::Actions);
    let quick = hub.settings.open_actions_every;
    Ok(if open.iter().any(|action| !stuck(action)) {
        quick
    } else if open.is_empty() {
        usual
    } else {
        (quick * STUCK_SLOWER).min(usual)
    })
}

async fn open_actions(hub: &Hub) -> Result<Vec<MachineAction>, Trouble> {
    let mut actions = hub.blocking(crate::store::Store::actions).await?;
    actions.retain(|action| !action.status.is_final());
    Ok(actions)
}

/// An isolation that ended after a release asked for later leaves the device cut off, whatever the last
/// wish was.
async fn tell_if_out_of_order(hub: &Hub, machine: MachineId) -> Result<(), Trouble> {
    let id = machine.clone();
    let actions = hub.blocking(move |store| store.actions_of(&id)).await?;
    if let Some(state) = Isolation::derive(&actions).filter(|state| state.out_of_order) {
        let name = actions
            .iter()
            .find_map(|action| action.computer_dns_name.clone())
            .unwrap_or_else(|| machine.as_str().into());
        let text = format!(
            "{name} is now {}: an action asked for earlier ended later than the newest one",
            if state.isolated {
                "isolated"
            } else {
                "released"
            }
        );
        hub.notice(Level::Warning, text).await;
    }
    Ok(())
}
