//! Changing machines: tags, one or many at a time, and what a device is worth.

use serde_json::{Map, Value as Json};

use super::super::http::Reply;
use super::super::people::Machine;
use super::super::quirks::MachineTagsPatch;
use super::Refusal;
use super::call::{Call, maybe_text, member, only, text, texts, too_many};
use super::machines::{answer, entity, find};

/// The most machines one call tags.
const MOST_MACHINES: usize = 500;
/// The longest tag.
const LONGEST_TAG: usize = 200;
/// `deviceValue`.
const VALUES: &[&str] = &["Normal", "Low", "High"];

/// What a call does with a tag.
struct Change {
    tag: String,
    add: bool,
}

impl Change {
    fn read(body: &Map<String, Json>) -> Result<Self, Refusal> {
        let tag = text(body, "Value")?.to_owned();
        checked_tag(&tag)?;
        let add = member(body, "Action", &["Add", "Remove"])? == "Add";
        Ok(Self { tag, add })
    }

    fn apply(&self, machine: &mut Machine) {
        if self.add {
            if !machine.tags.contains(&self.tag) {
                machine.tags.push(self.tag.clone());
            }
        } else {
            machine.tags.retain(|t| *t != self.tag);
        }
    }
}

fn checked_tag(tag: &str) -> Result<(), Refusal> {
    if tag.chars().count() > LONGEST_TAG {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            format!("A tag has at most {LONGEST_TAG} characters."),
        ));
    }
    Ok(())
}

/// POST a tag to one machine, or take it away.
pub fn tag(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let change = Change::read(&body)?;
    only(&body, &["Value", "Action"])?;
    let mut world = call.tenant.world_mut();
    let place = find(&world, call.args[0])?;
    change.apply(world.device_mut(place));
    Ok(entity(call, &world, place))
}

/// POST a tag to many machines. One that is not there refuses them all.
pub fn tag_many(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let change = Change::read(&body)?;
    let wanted = texts(&body, "MachineIds")?;
    only(&body, &["Value", "Action", "MachineIds"])?;
    if wanted.is_empty() {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            "MachineIds cannot be empty.",
        ));
    }
    if wanted.len() > MOST_MACHINES {
        return Err(too_many(wanted.len(), MOST_MACHINES));
    }
    let mut world = call.tenant.world_mut();
    let places = wanted
        .iter()
        .map(|id| find(&world, id))
        .collect::<Result<Vec<_>, _>>()?;
    for place in &places {
        change.apply(world.device_mut(*place));
    }
    answer(call, &world, places)
}

/// POST what a device is worth.
pub fn set_value(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let value = member(&body, "DeviceValue", VALUES)?;
    only(&body, &["DeviceValue"])?;
    let value = VALUES.iter().copied().find(|v| *v == value);
    let mut world = call.tenant.world_mut();
    let place = find(&world, call.args[0])?;
    let machine = world.device_mut(place);
    machine.value = value.unwrap_or(machine.value);
    Ok(entity(call, &world, place))
}

/// PATCH tags and value of a machine.
pub fn patch(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    only(&body, &["machineTags", "deviceValue"])?;
    let tags = match body.get("machineTags") {
        Some(_) => Some(texts(&body, "machineTags")?),
        None => None,
    };
    for tag in tags.iter().flatten() {
        checked_tag(tag)?;
    }
    let value = if maybe_text(&body, "deviceValue")?.is_some() {
        let value = member(&body, "deviceValue", VALUES)?;
        VALUES.iter().copied().find(|v| *v == value)
    } else {
        None
    };
    let mut world = call.tenant.world_mut();
    let place = find(&world, call.args[0])?;
    let machine = world.device_mut(place);
    if let Some(tags) = tags {
        match call.tenant.quirks.machine_tags_patch {
            MachineTagsPatch::Replace => machine.tags = tags,
            MachineTagsPatch::Append => {
                for tag in tags {
                    if !machine.tags.contains(&tag) {
                        machine.tags.push(tag);
                    }
                }
            }
        }
    }
    machine.value = value.unwrap_or(machine.value);
    Ok(entity(call, &world, place))
}
