//! Machines: list, count, get, find by address or tag, and who logged on.

use std::net::IpAddr;

use serde_json::json;

use super::super::clock::{self, DAY, MINUTE, Ticks};
use super::super::http::Reply;
use super::super::json::Object;
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::people::{Machine, NT_DOMAIN};
use super::super::quirks::{Quirks, RbacGroupId};
use super::super::world::World;
use super::call::{Call, not_found, push_time, time};
use super::state::DISCOVERED;
use super::{METADATA, Refusal, actions, support};

/// The entity type, with the documented filter properties.
const TYPE: Type = Type {
    name: "microsoft.windowsDefenderATP.api.Machine",
    properties: &[
        filterable("computerDnsName", Kind::Text),
        filterable("id", Kind::Text),
        filterable("version", Kind::Text),
        filterable("deviceValue", Kind::Text),
        filterable("aadDeviceId", Kind::Text),
        filterable("machineTags", Kind::Many),
        filterable("lastSeen", Kind::Time),
        filterable("exposureLevel", Kind::Text),
        filterable("onboardingStatus", Kind::Text),
        filterable("lastIpAddress", Kind::Text),
        filterable("healthStatus", Kind::Text),
        filterable("osPlatform", Kind::Text),
        filterable("riskScore", Kind::Text),
        filterable("rbacGroupId", Kind::Number),
    ],
};

/// How the service sees a device at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// `onboardingStatus`.
    pub onboarding: &'static str,
    /// `healthStatus`.
    pub health: &'static str,
}

/// The standing of a device: an offboarded one no longer reports, and could be onboarded again.
pub fn standing(world: &World, place: u32, now: Ticks) -> Standing {
    let machine = world.device(place);
    if place >= DISCOVERED {
        return Standing {
            onboarding: if machine.build > 0 {
                "CanBeOnboarded"
            } else {
                "InsufficientInfo"
            },
            health: machine.health,
        };
    }
    if actions::is_offboarded(world, place, now) {
        return Standing {
            onboarding: "CanBeOnboarded",
            health: "Inactive",
        };
    }
    Standing {
        onboarding: "Onboarded",
        health: machine.health,
    }
}

fn field(world: &World, place: u32, now: Ticks, property: usize) -> Field<'_> {
    let machine = world.device(place);
    match property {
        0 => Field::Text(&machine.dns),
        1 => Field::Text(&machine.id),
        2 => Field::Text(&machine.version),
        3 => Field::Text(machine.value),
        4 => Field::Text(&machine.aad_id),
        5 => Field::Many(&machine.tags),
        6 => Field::Time(machine.last_seen),
        7 => Field::Text(machine.exposure),
        8 => Field::Text(standing(world, place, now).onboarding),
        9 => Field::Text(&machine.ip),
        10 => Field::Text(standing(world, place, now).health),
        11 => Field::Text(&machine.os),
        12 => Field::Text(machine.risk),
        13 => Field::Number(machine.group_id),
        _ => Field::Null,
    }
}

/// The place of a machine by id or DNS name.
pub fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    world
        .find_device(id)
        .ok_or_else(|| not_found("Machine", id))
}

/// Answers with machines, whatever chose them.
pub fn answer(call: &Call<'_>, world: &World, places: Vec<u32>) -> Result<Reply, Refusal> {
    let page = call.page(TYPE, places, |place, property| {
        field(world, place, call.now, property)
    })?;
    Ok(call.write("Machines", &page, |out, place| {
        push(out, world, *place, call, None);
    }))
}

/// GET the collection. Nothing that matches is 404, not an empty list.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let groups = call.tenant.entra.device_groups(&call.claims.oid);
    // Devices that were only discovered are in no group.
    let group = |place: &u32| world.machines.get(*place as usize).map(|m| &m.group);
    let seen = |place: &u32| groups.is_empty() || group(place).is_some_and(|g| groups.contains(g));
    let rows = world.devices().filter(seen).collect();
    let page = call.page(TYPE, rows, |place, property| {
        field(&world, place, call.now, property)
    })?;
    if page.total == 0 && !call.counting {
        return Err(Refusal::new(
            404,
            "ResourceNotFound",
            "No machines were found.",
        ));
    }
    Ok(call.write("Machines", &page, |out, place| {
        push(out, &world, *place, call, None);
    }))
}

/// GET one.
pub fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    Ok(entity(call, &world, place))
}

/// One machine with its context.
pub fn entity(call: &Call<'_>, world: &World, place: u32) -> Reply {
    let mut out = Vec::with_capacity(1024);
    let context = format!("{METADATA}Machines/$entity");
    push(&mut out, world, place, call, Some(&context));
    Reply::json(200, out)
}

/// `findbyip(ip='10.1.1.1',timestamp=2026-11-20T08:44:05Z)`: who had an inner address within 15 minutes
/// of a time.
pub fn find_by_ip(call: &Call<'_>) -> Result<Reply, Refusal> {
    let bad = |message: String| Refusal::new(400, "BadRequest", message);
    let mut ip = None;
    let mut stamp = None;
    for part in call.args[0].split(',') {
        match part.split_once('=').map(|(n, v)| (n.trim(), v.trim())) {
            Some(("ip", value)) => ip = Some(value.trim_matches('\'').to_owned()),
            Some(("timestamp", value)) => stamp = Some(value.trim_matches('\'').to_owned()),
            _ => return Err(bad(format!("'{part}' is not a parameter of FindByIp."))),
        }
    }
    let (Some(ip), Some(stamp)) = (ip, stamp) else {
        return Err(bad("FindByIp takes the parameters ip and timestamp.".into()));
    };
    if ip.parse::<IpAddr>().is_err() {
        return Err(Refusal::new(
            400,
            "InvalidIpAddress",
            format!("{ip} is not a valid IP address."),
        ));
    }
    let at =
        clock::parse(&stamp).ok_or_else(|| bad(format!("'{stamp}' is not a valid timestamp.")))?;
    if at < call.now - 30 * DAY {
        return Err(bad("The timestamp must be within the past 30 days.".into()));
    }
    let world = call.tenant.world();
    let near = 15 * MINUTE;
    let places = world
        .devices()
        .filter(|place| {
            let machine = world.device(*place);
            // A device that reports has its address to this day.
            let until = if machine.health == "Active" {
                call.now
            } else {
                machine.last_seen
            };
            machine.ip == ip && machine.first_seen <= at + near && at - near <= until
        })
        .collect();
    answer(call, &world, places)
}

/// `findbytag?tag=…&useStartsWithFilter=…`.
pub fn find_by_tag(call: &Call<'_>) -> Result<Reply, Refusal> {
    let tag = call
        .query("tag")
        .filter(|t| !t.is_empty())
        .ok_or_else(|| super::call::missing("tag"))?
        .to_lowercase();
    let starts = match call.query("useStartsWithFilter").as_deref() {
        None | Some("false" | "False") => false,
        Some("true" | "True") => true,
        Some(other) => {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                format!("'{other}' is not a valid value of useStartsWithFilter."),
            ));
        }
    };
    let world = call.tenant.world();
    let places = world
        .devices()
        .filter(|place| {
            world.device(*place).tags.iter().any(|t| {
                let t = t.to_lowercase();
                t == tag || starts && t.starts_with(&tag)
            })
        })
        .collect();
    answer(call, &world, places)
}

/// The user entity of the person who uses a machine.
pub fn user_json(world: &World, person: u32) -> serde_json::Value {
    let user = &world.people[person as usize];
    let machines: Vec<&Machine> = world
        .machines
        .iter()
        .filter(|m| m.person == person)
        .collect();
    json!({
        "id": format!("{}\\{}", NT_DOMAIN.to_lowercase(), user.account),
        "accountName": user.account,
        "accountDomain": NT_DOMAIN,
        "accountSid": user.sid,
        "firstSeen": time(machines.iter().map(|m| m.first_seen).min().unwrap_or(0)),
        "lastSeen": time(machines.iter().map(|m| m.last_seen).max().unwrap_or(0)),
        "mostPrevalentMachineId": machines.first().map(|m| &m.id),
        "leastPrevalentMachineId": machines.last().map(|m| &m.id),
        "logonTypes": "Interactive",
        "logOnMachinesCount": machines.len(),
        "isDomainAdmin": machines.iter().any(|m| m.group == "Domain Controllers"),
        "isOnlyNetworkUser": false,
    })
}

/// GET the users that logged on to one. Nobody is known on a device that is not onboarded.
pub fn logon_users(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    let users = if place >= DISCOVERED {
        Vec::new()
    } else {
        vec![user_json(&world, world.device(place).person)]
    };
    Ok(call.all("Users", &users))
}

fn push_group(o: &mut Object<'_>, machine: &Machine, quirks: &Quirks) {
    match quirks.rbac_group_id {
        RbacGroupId::Number => o.int("rbacGroupId", machine.group_id),
        RbacGroupId::Text => o.str("rbacGroupId", &machine.group_id.to_string()),
    }
    o.str("rbacGroupName", &machine.group);
}

/// Appends one machine.
pub fn push(out: &mut Vec<u8>, world: &World, place: u32, call: &Call<'_>, context: Option<&str>) {
    let machine = world.device(place);
    let standing = standing(world, place, call.now);
    let managed = standing.onboarding == "Onboarded";
    let windows = machine.build > 0;
    let mut o = Object::open(out, None);
    if let Some(context) = context {
        o.str("@odata.context", context);
    }
    o.str("id", &machine.id);
    o.raw("mergedIntoMachineId", "null");
    o.raw("isPotentialDuplication", "false");
    o.raw("isExcluded", "false");
    o.raw("exclusionReason", "null");
    o.str("computerDnsName", &machine.dns);
    o.always("firstSeen");
    push_time(o.out, machine.first_seen);
    o.always("lastSeen");
    push_time(o.out, machine.last_seen);
    o.str("osPlatform", &machine.os);
    o.raw("osVersion", "null");
    o.raw(
        "osProcessor",
        if machine.os == "macOS" {
            "\"arm64\""
        } else {
            "\"x64\""
        },
    );
    o.raw("osArchitecture", "\"64-bit\"");
    o.str("version", &machine.version);
    match machine.build {
        0 => o.raw("osBuild", "null"),
        build => o.int("osBuild", build),
    }
    o.str("lastIpAddress", &machine.ip);
    o.str("lastExternalIpAddress", &machine.external_ip);
    o.opt(
        "agentVersion",
        (place < DISCOVERED).then(|| support::agent_version(world, place)),
    );
    o.str("healthStatus", standing.health);
    o.plain("onboardingStatus", standing.onboarding);
    o.str("deviceValue", machine.value);
    push_group(&mut o, machine, &call.tenant.quirks);
    o.str("riskScore", machine.risk);
    o.str("exposureLevel", machine.exposure);
    o.raw(
        "isAadJoined",
        if windows && machine.group != "Servers" && place < DISCOVERED {
            "true"
        } else {
            "false"
        },
    );
    o.opt(
        "aadDeviceId",
        (place < DISCOVERED).then_some(machine.aad_id.as_str()),
    );
    o.plain(
        "defenderAvStatus",
        if managed && standing.health == "Active" {
            "Updated"
        } else {
            "Unknown"
        },
    );
    o.plain(
        "managedBy",
        match (managed, machine.group.as_str()) {
            (false, _) => "Unknown",
            (true, "Workstations" | "Laptops") => "Intune",
            (true, _) => "MicrosoftDefenderForEndpoint",
        },
    );
    o.plain(
        "managedByStatus",
        if managed { "Success" } else { "Unknown" },
    );
    o.list("machineTags", &machine.tags);
    o.always("ipAddresses");
    o.out.push(b'[');
    for (at, (address, mac, status)) in [
        (machine.ip.as_str(), Some(machine.mac.as_str()), "Up"),
        ("127.0.0.1", None, "Up"),
    ]
    .into_iter()
    .enumerate()
    {
        if at > 0 {
            o.out.push(b',');
        }
        let mut inner = Object::open(o.out, None);
        inner.str("ipAddress", address);
        inner.opt("macAddress", mac);
        inner.plain("operationalStatus", status);
        inner.plain(
            "type",
            if mac.is_some() {
                "Ethernet"
            } else {
                "SoftwareLoopback"
            },
        );
        inner.close();
    }
    o.out.push(b']');
    o.raw("vmMetadata", "null");
    o.close();
}
