//! What work on devices changes in the tenant once it is done.
//!
//! An effect has its time; whatever is due happens before the next answer, in the order of the times,
//! together with what the story does.

use super::super::clock::{MINUTE, SECOND, Ticks};
use super::super::ids::{self, Dice};
use super::super::noise;
use super::super::words;
use super::super::world::{ACTIVE, Alert, Body, Incident, World};
use super::actions::Kind;

/// Something that is going to have an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The machine action at this place ends.
    Action(usize),
    /// The investigation at this place ends.
    Investigation(usize),
}

/// Lets the first effect happen.
pub fn happen(world: &mut World) {
    let Some(((at, _), effect)) = world.endpoint.effects.pop_first() else {
        return;
    };
    match effect {
        Effect::Action(place) => {
            let action = &world.actions[place];
            if !action.took_effect(at) {
                return;
            }
            let (kind, machine) = (action.kind, action.machine);
            let file = action.more.as_ref().and_then(|m| m.file.clone());
            match (kind, file) {
                (Kind::Quarantine, Some(sha1)) => quarantined(world, machine, &sha1, at),
                (Kind::Scan, _) => scanned(world, place, machine, at),
                _ => {}
            }
        }
        Effect::Investigation(place) => super::investigations::ended(world, place, at),
    }
}

/// Evidence that names the file on the device is remediated.
fn quarantined(world: &mut World, machine: u32, sha1: &str, at: Ticks) {
    let device = format!("\"mdeDeviceId\":\"{}\"", world.device(machine).id);
    let hash = format!("\"sha1\":\"{sha1}\"");
    let mut touched = Vec::new();
    for (place, alert) in world.alerts.iter_mut().enumerate() {
        let Body::Told(told) = &mut alert.body else {
            continue;
        };
        let mut changed = false;
        for evidence in &mut told.evidence {
            let is_file = matches!(evidence.kind.as_str(), "fileEvidence" | "processEvidence");
            if is_file && evidence.own.contains(&device) && evidence.own.contains(&hash) {
                evidence.remediation = "remediated".into();
                evidence.details = Some("Entity was quarantined by a machine action".into());
                changed = true;
            }
        }
        if changed {
            touched.push(place as u32);
        }
    }
    for place in touched {
        world.touch_alert(place, at);
        let incident = world.alerts[place as usize].incident;
        let by = world.incidents[incident as usize].modified_by;
        world.touch_incident(incident, at, by);
    }
}

/// A scan may find something: then there is an antivirus alert, in an incident of its own.
fn scanned(world: &mut World, action: usize, machine: u32, at: Ticks) {
    let full = world.actions[action].scope.as_deref() == Some("Full");
    let mut dice = Dice::of(world.seed, 53, action as u64);
    if machine as usize >= world.machines.len() || !dice.chance(if full { 30 } else { 12 }) {
        return;
    }
    let antivirus: Vec<u16> = (0u16..)
        .zip(&world.catalogue.recipes)
        .filter(|(_, r)| {
            r.shell.source.name == "antivirus" && r.evidence.contains(&noise::Kind::File)
        })
        .map(|(n, _)| n)
        .collect();
    if antivirus.is_empty() {
        return;
    }
    let recipe = *dice.pick(&antivirus);
    let severity = *dice.pick(&world.catalogue.recipes[recipe as usize].severity);
    let by = world.name("Microsoft 365 Defender-Automation");
    let incident = world.push_incident(Incident {
        id: world.incident_id(world.incidents.len() as u32),
        created: at,
        updated: at,
        severity,
        status: ACTIVE,
        classification: 1,
        determination: 1,
        priority: Some(severity * 14),
        assigned: 0,
        modified_by: by,
        redirect: 0,
        alerts: Vec::new(),
        extra: None,
    });
    world.push_alert(Alert {
        key: ids::as_v4(dice.wide()),
        incident,
        created: at,
        updated: at,
        first: at - MINUTE,
        last: at - 20 * SECOND,
        resolved: 0,
        severity,
        status: 1,
        classification: 0,
        determination: 0,
        investigation: words::place(words::INVESTIGATION, "queued").unwrap_or(0),
        assigned: 0,
        body: Body::Everyday {
            recipe,
            machine,
            person: world.machines[machine as usize].person,
        },
        comments: Vec::new(),
    });
}
