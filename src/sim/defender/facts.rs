//! What the endpoint alerts mention: devices, files, addresses, hosts and accounts, read from the
//! evidence as Graph serves it, so that both sides always name the same things.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::graph::alerts::{Wanted, push};
use super::super::ids;
use super::super::noise::Kind;
use super::super::world::{Body, World};

/// What endpoint alerts have as `serviceSource`.
const SERVICE: &str = "microsoftDefenderForEndpoint";

/// Whether the endpoint service raised an alert.
pub fn is_endpoint(world: &World, alert: u32) -> bool {
    world.shell(&world.alerts[alert as usize]).source.service == SERVICE
}

/// All alerts of the endpoint service, newest first.
pub fn endpoint_alerts(world: &World) -> Vec<u32> {
    let index = world.alert_index.created.iter().rev();
    index
        .map(|(_, place)| *place)
        .filter(|place| is_endpoint(world, *place))
        .collect()
}

/// The alert with its evidence alone, as JSON text.
fn text_of(world: &World, alert: u32) -> String {
    static ONLY: OnceLock<[String; 1]> = OnceLock::new();
    let mut out = Vec::with_capacity(4096);
    let select = ONLY.get_or_init(|| ["evidence".to_owned()]);
    push(
        &mut out,
        world,
        alert,
        Wanted {
            context: None,
            select: Some(select),
            unknown: true,
        },
    );
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// The evidence of an alert, as Graph has it.
pub fn evidence(world: &World, alert: u32) -> Vec<Json> {
    match serde_json::from_str::<Json>(&text_of(world, alert)) {
        Ok(mut alert) => match alert["evidence"].take() {
            Json::Array(list) => list,
            _ => Vec::new(),
        },
        Err(_) => Vec::new(),
    }
}

/// The kind of a piece of evidence: `fileEvidence`.
pub fn kind(item: &Json) -> &str {
    item["@odata.type"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("#microsoft.graph.security.")
}

/// Endpoint alerts whose evidence has a text in it, newest first.
pub fn alerts_with(world: &World, needle: &str) -> Vec<u32> {
    let mut found = endpoint_alerts(world);
    found.retain(|alert| text_of(world, *alert).contains(needle));
    found
}

/// The device an endpoint alert is about.
pub fn machine_of(world: &World, alert: u32) -> Option<u32> {
    match &world.alerts[alert as usize].body {
        Body::Everyday {
            recipe, machine, ..
        } => {
            let on_device = [Kind::Device, Kind::Process, Kind::File, Kind::Registry];
            world.catalogue.recipes[*recipe as usize]
                .evidence
                .iter()
                .any(|k| on_device.contains(k))
                .then_some(*machine)
        }
        Body::Told(told) => told.evidence.iter().find_map(|e| {
            let (_, rest) = e.own.split_once("\"mdeDeviceId\":\"")?;
            world.find_machine(rest.split('"').next()?)
        }),
    }
}

/// The files that a piece of evidence names: details, and the device they were on.
pub fn files(item: &Json) -> Vec<(&Json, Option<&str>)> {
    let device = item["mdeDeviceId"].as_str();
    ["fileDetails", "imageFile", "parentProcessImageFile"]
        .iter()
        .map(|name| &item[*name])
        .filter(|details| details.is_object())
        .map(|details| (details, device))
        .collect()
}

/// Whether details are those of a file with this SHA-1 or SHA-256.
pub fn has_hash(details: &Json, hash: &str) -> bool {
    ["sha1", "sha256"].iter().any(|n| {
        details[*n]
            .as_str()
            .is_some_and(|h| h.eq_ignore_ascii_case(hash))
    })
}

/// Whether some alert saw a file on a device.
pub fn file_is_on(world: &World, machine: u32, hash: &str) -> bool {
    let id = &world.device(machine).id;
    alerts_with(world, &format!("\"{hash}\""))
        .iter()
        .any(|alert| {
            evidence(world, *alert).iter().any(|item| {
                files(item)
                    .iter()
                    .any(|(details, device)| *device == Some(id) && has_hash(details, hash))
            })
        })
}

/// A program that every Windows device has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// File name.
    pub name: String,
    /// `fileProductName`.
    pub product: String,
}

/// A host that every device talks to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Host name.
    pub host: String,
    /// Address.
    pub ip: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EstateFile {
    program: Vec<Program>,
    host: Vec<Known>,
}

fn estate() -> &'static EstateFile {
    static FILE: OnceLock<EstateFile> = OnceLock::new();
    FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/endpoint/estate.toml"))
            .expect("estate.toml is part of the program")
    })
}

/// Hosts that every device talks to.
pub fn known_hosts() -> &'static [Known] {
    &estate().host
}

/// The program of the system with this hash: name, and both hashes.
pub fn system_program(world: &World, hash: &str) -> Option<(&'static Program, String, String)> {
    estate().program.iter().find_map(|program| {
        // The convention of all tables: a program of the system has one hash everywhere.
        let key = format!("system {}", program.name.to_lowercase());
        let (sha1, sha256) = (ids::sha1(world.seed, &key), ids::sha256(world.seed, &key));
        (sha1.eq_ignore_ascii_case(hash) || sha256.eq_ignore_ascii_case(hash))
            .then_some((program, sha1, sha256))
    })
}

/// Whether a hash is that of a program that Microsoft signed.
pub fn is_system(world: &World, hash: &str) -> bool {
    system_program(world, hash).is_some()
}
