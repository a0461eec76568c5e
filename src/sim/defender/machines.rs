//! Machines: list, count, get, and who logged on.

use super::super::http::{Ask, Reply};
use super::super::json::Object;
use super::super::odata::{Field, Kind, Options, Type, filterable};
use super::super::people::{Machine, NT_DOMAIN};
use super::super::server::Tenant;
use super::super::world::World;
use super::{METADATA, Refusal, next_link, push_time};

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

/// The largest and the usual page.
const LARGEST_PAGE: usize = 10_000;

fn field(machine: &Machine, property: usize) -> Field<'_> {
    match property {
        0 => Field::Text(&machine.dns),
        1 => Field::Text(&machine.id),
        2 => Field::Text(&machine.version),
        3 => Field::Text(machine.value),
        4 => Field::Text(&machine.aad_id),
        5 => Field::Many(&machine.tags),
        6 => Field::Time(machine.last_seen),
        7 => Field::Text(machine.exposure),
        8 => Field::Text("Onboarded"),
        9 => Field::Text(&machine.ip),
        10 => Field::Text(machine.health),
        11 => Field::Text(&machine.os),
        12 => Field::Text(machine.risk),
        13 => Field::Number(machine.group_id),
        _ => Field::Null,
    }
}

fn matching(world: &World, options: &Options) -> Vec<u32> {
    (0..world.machines.len() as u32)
        .filter(|place| {
            let machine = &world.machines[*place as usize];
            options
                .filter
                .as_ref()
                .is_none_or(|f| f.passes(&|property| field(machine, property)))
        })
        .collect()
}

fn options(ask: &Ask) -> Result<Options, Refusal> {
    let options =
        Options::parse(&ask.query, TYPE).map_err(|m| Refusal::new(400, "ODataError", m))?;
    if options.top.is_some_and(|top| top > LARGEST_PAGE) {
        return Err(Refusal::new(
            400,
            "ODataError",
            format!("The limit of '{LARGEST_PAGE}' for Top query has been exceeded."),
        ));
    }
    Ok(options)
}

/// GET the collection. Nothing that matches is 404, not an empty list.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let found = matching(&world, &options);
    if found.is_empty() {
        return Err(Refusal::new(
            404,
            "ResourceNotFound",
            "No machines were found.",
        ));
    }
    let size = options.top.unwrap_or(LARGEST_PAGE);
    let more = options.top.is_none() && found.len() > options.skip + size;
    let mut out = Vec::with_capacity(found.len().min(size) * 900 + 256);
    let mut document = Object::open(&mut out, None);
    document.str("@odata.context", &format!("{METADATA}Machines"));
    if options.count {
        document.int("@odata.count", found.len() as i64);
    }
    document.always("value");
    document.out.push(b'[');
    for (at, place) in found.iter().skip(options.skip).take(size).enumerate() {
        if at > 0 {
            document.out.push(b',');
        }
        push(document.out, &world.machines[*place as usize], None);
    }
    document.out.push(b']');
    if more {
        document.str("@odata.nextLink", &next_link(ask, options.skip + size));
    }
    document.close();
    Ok(Reply::json(200, out))
}

/// GET the number of machines, as a bare number.
pub fn count(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let mut reply = Reply::json(
        200,
        matching(&world, &options).len().to_string().into_bytes(),
    );
    reply.content_type = "text/plain";
    Ok(reply)
}

/// The place of a machine by id or DNS name.
pub fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    world.find_machine(id).ok_or_else(|| {
        Refusal::new(
            404,
            "ResourceNotFound",
            format!("Machine {id} was not found."),
        )
    })
}

/// GET one.
pub fn get(tenant: &Tenant, id: &str) -> Result<Reply, Refusal> {
    let world = tenant.world();
    let place = find(&world, id)?;
    let mut out = Vec::with_capacity(1024);
    push(
        &mut out,
        &world.machines[place as usize],
        Some(&format!("{METADATA}Machines/$entity")),
    );
    Ok(Reply::json(200, out))
}

/// GET the users that logged on to one.
pub fn logon_users(tenant: &Tenant, id: &str) -> Result<Reply, Refusal> {
    let world = tenant.world();
    let machine = &world.machines[find(&world, id)? as usize];
    let user = &world.people[machine.person as usize];
    let mut out = Vec::with_capacity(512);
    let mut document = Object::open(&mut out, None);
    document.str("@odata.context", &format!("{METADATA}Users"));
    document.always("value");
    document.out.push(b'[');
    let mut o = Object::open(document.out, None);
    o.str(
        "id",
        &format!("{}\\{}", NT_DOMAIN.to_lowercase(), user.account),
    );
    o.str("accountName", &user.account);
    o.str("accountDomain", NT_DOMAIN);
    o.str("accountSid", &user.sid);
    o.always("firstSeen");
    push_time(o.out, machine.first_seen);
    o.always("lastSeen");
    push_time(o.out, machine.last_seen);
    o.str("mostPrevalentMachineId", &machine.id);
    o.str("leastPrevalentMachineId", &machine.id);
    o.str("logonTypes", "Interactive");
    o.int("logOnMachinesCount", 1);
    o.raw("isDomainAdmin", "false");
    o.raw("isOnlyNetworkUser", "false");
    o.close();
    document.out.push(b']');
    document.close();
    Ok(Reply::json(200, out))
}

/// Appends one machine.
pub fn push(out: &mut Vec<u8>, machine: &Machine, context: Option<&str>) {
    let mut o = Object::open(out, None);
    if let Some(context) = context {
        o.str("@odata.context", context);
    }
    o.str("id", &machine.id);
    o.str("computerDnsName", &machine.dns);
    o.always("firstSeen");
    push_time(o.out, machine.first_seen);
    o.always("lastSeen");
    push_time(o.out, machine.last_seen);
    o.str("osPlatform", &machine.os);
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
    o.str(
        "agentVersion",
        if machine.build == 0 {
            "101.25072.0000"
        } else {
            "10.8800.26100.4484"
        },
    );
    o.str("healthStatus", machine.health);
    o.plain("onboardingStatus", "Onboarded");
    o.str("deviceValue", machine.value);
    o.int("rbacGroupId", machine.group_id);
    o.str("rbacGroupName", &machine.group);
    o.str("riskScore", machine.risk);
    o.str("exposureLevel", machine.exposure);
    o.raw(
        "isAadJoined",
        if machine.build > 0 && machine.group != "Servers" {
            "true"
        } else {
            "false"
        },
    );
    o.str("aadDeviceId", &machine.aad_id);
    o.plain(
        "defenderAvStatus",
        if machine.health == "Active" {
            "Updated"
        } else {
            "Unknown"
        },
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
