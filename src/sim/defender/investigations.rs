//! Automated investigations: those that alerts of the past had, and those that are started.

use serde_json::{Value as Json, json};

use super::super::clock::{MINUTE, SECOND, Ticks};
use super::super::http::Reply;
use super::super::ids::Dice;
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::people::lower_first;
use super::super::words;
use super::super::world::World;
use super::call::{Call, entity, not_found, only, text, time};
use super::effects::Effect;
use super::{Refusal, alerts, facts, machines, support};

/// Investigations of alerts of the past have this number and the alert's place.
const OF_ALERTS: i64 = 20_000;
/// Started ones have this number and their place.
const STARTED: i64 = 50_000_000;

/// One that was started.
#[derive(Debug, Clone)]
pub struct Investigation {
    machine: u32,
    alert: Option<u32>,
    start: Ticks,
    /// When it ends; `Ticks::MAX` while the device cannot be reached.
    end: Ticks,
    outcome: &'static str,
    details: Option<&'static str>,
}

/// How investigations end, and in how many of a hundred cases.
const OUTCOMES: &[(&str, u64)] = &[
    ("Benign", 55),
    ("SuccessfullyRemediated", 25),
    ("PartiallyInvestigated", 10),
    ("PendingApproval", 10),
];

const TYPE: Type = Type {
    name: "microsoft.windowsDefenderATP.api.Investigation",
    properties: &[
        filterable("startTime", Kind::Time),
        filterable("id", Kind::Text),
        filterable("state", Kind::Text),
        filterable("machineId", Kind::Text),
        filterable("triggeringAlertId", Kind::Text),
    ],
};

/// One as it is written.
#[derive(Debug)]
struct Row {
    id: String,
    start: Ticks,
    end: Ticks,
    state: String,
    machine: Option<u32>,
    alert: Option<String>,
    details: Option<&'static str>,
}

/// States of an alert that say that nothing was investigated.
const NONE: &[&str] = &[
    "unknown",
    "unsupportedOs",
    "unsupportedAlertType",
    "suppressedAlert",
    "preexistingAlert",
];
/// States of one that goes on.
const OPEN: &[&str] = &["running", "queued", "pendingApproval", "pendingResource"];

/// The number of the investigation of an alert.
pub fn of_alert(world: &World, alert: u32) -> Option<i64> {
    if let Some(place) = world.endpoint.investigated.get(&alert) {
        return Some(STARTED + *place as i64);
    }
    let state = words::INVESTIGATION[world.alerts[alert as usize].investigation as usize];
    (!NONE.contains(&state) && facts::machine_of(world, alert).is_some())
        .then_some(OF_ALERTS + i64::from(alert))
}

fn of_past(call: &Call<'_>, world: &World, place: u32) -> Row {
    let alert = &world.alerts[place as usize];
    let state = words::INVESTIGATION[alert.investigation as usize];
    let start = alert.created + 20 * SECOND;
    Row {
        id: (OF_ALERTS + i64::from(place)).to_string(),
        start,
        end: if OPEN.contains(&state) {
            0
        } else {
            start + 6 * MINUTE
        },
        state: capital(state),
        machine: facts::machine_of(world, place),
        alert: Some(alerts::id_of(world, place, &call.tenant.quirks)),
        details: None,
    }
}

fn capital(state: &str) -> String {
    format!("{}{}", state[..1].to_uppercase(), &state[1..])
}

fn started(call: &Call<'_>, world: &World, place: usize) -> Row {
    let one = &world.endpoint.investigations[place];
    let over = one.end <= call.now;
    let state = if over {
        one.outcome
    } else if one.end == Ticks::MAX {
        "PendingResource"
    } else if call.now < one.start + 5 * SECOND {
        "Queued"
    } else {
        "Running"
    };
    Row {
        id: (STARTED + place as i64).to_string(),
        start: one.start,
        end: if over { one.end } else { 0 },
        state: state.into(),
        machine: Some(one.machine),
        alert: one
            .alert
            .map(|a| alerts::id_of(world, a, &call.tenant.quirks)),
        details: one.details,
    }
}

fn written(world: &World, row: &Row) -> Json {
    let machine = row.machine.map(|m| world.device(m));
    json!({
        "id": row.id,
        "startTime": time(row.start),
        "endTime": time(row.end),
        "state": row.state,
        "cancelledBy": null,
        "statusDetails": row.details,
        "machineId": machine.map(|m| &m.id),
        "computerDnsName": machine.map(|m| &m.dns),
        "triggeringAlertId": row.alert,
    })
}

fn all(call: &Call<'_>, world: &World) -> Vec<Row> {
    let begun = 0..world.endpoint.investigations.len();
    let mut rows: Vec<Row> = begun.map(|place| started(call, world, place)).collect();
    let of_alerts = facts::endpoint_alerts(world).into_iter().filter(|alert| {
        !world.endpoint.investigated.contains_key(alert) && of_alert(world, *alert).is_some()
    });
    rows.extend(of_alerts.map(|alert| of_past(call, world, alert)));
    rows.sort_by_key(|r| std::cmp::Reverse(r.start));
    rows
}

/// GET the collection, newest first.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let rows = all(call, &world);
    let page = call.page(
        TYPE,
        rows.iter().collect(),
        |row: &Row, property| match property {
            0 => Field::Time(row.start),
            1 => Field::Text(&row.id),
            2 => Field::Text(&row.state),
            3 => row
                .machine
                .map_or(Field::Null, |m| Field::Text(&world.device(m).id)),
            4 => row.alert.as_deref().map_or(Field::Null, Field::Text),
            _ => Field::Null,
        },
    )?;
    Ok(call.write("Investigations", &page, |out, row| {
        out.extend_from_slice(written(&world, row).to_string().as_bytes());
    }))
}

/// GET one.
pub fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let number: Option<i64> = call.args[0].parse().ok();
    let place = number.and_then(|n| usize::try_from(n - STARTED).ok());
    let row = match (place, number) {
        (Some(place), _) if place < world.endpoint.investigations.len() => {
            Some(started(call, &world, place))
        }
        (_, Some(number)) => u32::try_from(number - OF_ALERTS)
            .ok()
            .filter(|alert| (*alert as usize) < world.alerts.len())
            .filter(|alert| facts::is_endpoint(&world, *alert))
            .filter(|alert| of_alert(&world, *alert) == Some(number))
            .map(|alert| of_past(call, &world, alert)),
        _ => None,
    };
    let row = row.ok_or_else(|| not_found("Investigation", call.args[0]))?;
    Ok(entity(200, "Investigations", written(&world, &row)))
}

/// Starts one, and gives its place.
pub fn begin(call: &Call<'_>, world: &mut World, machine: u32, alert: Option<u32>) -> usize {
    let place = world.endpoint.investigations.len();
    let mut dice = Dice::of(world.seed, 56, place as u64);
    let outcome = super::super::people::weighted(OUTCOMES.iter().map(|o| o.1), &mut dice);
    let health = machines::standing(world, machine, call.now).health;
    let seconds = 120 + dice.below(240) as i64;
    let end = if health == "Active" {
        call.now + call.tenant.clock.scaled(seconds * SECOND)
    } else {
        Ticks::MAX
    };
    world.endpoint.investigations.push(Investigation {
        machine,
        alert,
        start: call.now,
        end,
        outcome: OUTCOMES[outcome].0,
        details: (end == Ticks::MAX).then_some("Waiting for the device"),
    });
    if let Some(alert) = alert {
        world.endpoint.investigated.insert(alert, place);
        if end != Ticks::MAX {
            world.endpoint.line_up(end, Effect::Investigation(place));
            call.wake_at(end);
        }
    }
    place
}

/// An investigation that an alert started is over: the alert says so.
pub fn ended(world: &mut World, place: usize, at: Ticks) {
    let one = &world.endpoint.investigations[place];
    let (Some(alert), state) = (one.alert, lower_first(one.outcome)) else {
        return;
    };
    if let Some(state) = words::place(words::INVESTIGATION, &state) {
        world.alerts[alert as usize].investigation = state;
        world.touch_alert(alert, at);
    }
}

/// POST the start of one on a machine. The answer is an investigation, not a machine action.
pub fn start(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    text(&body, "Comment")?;
    only(&body, &["Comment", "ExternalId"])?;
    let name = "Automated investigation";
    support::licensed(call.tenant.quirks.plan, support::P2_BUSINESS, name)?;
    let mut world = call.tenant.world_mut();
    let machine = machines::find(&world, call.args[0])?;
    if machines::standing(&world, machine, call.now).onboarding != "Onboarded" {
        return Err(Refusal::new(
            400,
            "BadRequest",
            "An investigation is not supported on a device that is not onboarded.",
        ));
    }
    support::check(&world, machine, name, support::INVESTIGATION)?;
    let place = begin(call, &mut world, machine, None);
    let row = started(call, &world, place);
    Ok(entity(201, "Investigations", written(&world, &row)))
}
