//! What the endpoint alerts mention: devices, files, addresses, hosts and accounts, read from the
//! evidence as Graph serves it, so that both sides always name the same things.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::graph::alerts::{Wanted, push};
use super::super::ids;
use super::super::noise::Kind;
use super::super::tables::{Class, classes};
use super::super::world::{Body, ENDPOINT_SERVICE, World};

/// Whether the endpoint service raised an alert.
pub fn is_endpoint(world: &World, alert: u32) -> bool {
    world.shell(&world.alerts[alert as usize]).source.service == ENDPOINT_SERVICE
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

/// A program of the estate, as hunting has it.
#[derive(Debug, Clone)]
pub struct Program {
    /// File name.
    pub name: &'static str,
    /// Kinds of devices that have it.
    pub on: Vec<Class>,
    /// What it belongs to.
    pub product: &'static Product,
    /// SHA-1.
    pub sha1: String,
    /// SHA-256.
    pub sha256: String,
}

/// What programs belong to, read from the data of the hunting tables.
#[derive(Debug, Deserialize)]
pub struct Product {
    key: String,
    /// Who makes it.
    pub company: String,
    /// Its name.
    pub name: String,
    version: String,
    /// Who signed it; empty where nobody did.
    #[serde(default)]
    pub signer: String,
    /// Who says who the signer is.
    #[serde(default)]
    pub issuer: String,
}

#[derive(Debug, Deserialize)]
struct Image {
    #[serde(rename = "image")]
    name: String,
    on: Vec<String>,
    product: String,
}

#[derive(Debug, Deserialize)]
struct ProgramsFile {
    product: Vec<Product>,
    program: Vec<Image>,
}

/// Name, address and port of hosts that devices talk to, by where they belong.
#[derive(Debug, Deserialize)]
struct HostsFile {
    hosts: BTreeMap<String, Vec<(String, String, u16)>>,
}

fn programs() -> &'static ProgramsFile {
    static FILE: OnceLock<ProgramsFile> = OnceLock::new();
    FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/sim/programs.toml"))
            .expect("programs.toml is part of the program")
    })
}

/// Whether a name or an address is one that everybody's devices talk to.
pub fn is_known_host(host: &str) -> bool {
    static FILE: OnceLock<HostsFile> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/sim/lists.toml"))
            .expect("lists.toml is part of the program")
    });
    let mut all = file.hosts.values().flatten();
    all.any(|(name, address, _)| name == host || address == host)
}

/// Who publishes what the system consists of.
const MICROSOFT: &str = "Microsoft Corporation";

/// The program of the estate with this hash.
pub fn program(world: &World, hash: &str) -> Option<Program> {
    let file = programs();
    file.program.iter().find_map(|image| {
        let product = file.product.iter().find(|p| p.key == image.product)?;
        // The convention of all tables: a program of the system has one hash everywhere.
        let key = if product.company == MICROSOFT {
            format!("system {}", image.name.to_lowercase())
        } else {
            format!("program {} {}", image.name, product.version)
        };
        let (sha1, sha256) = (ids::sha1(world.seed, &key), ids::sha256(world.seed, &key));
        let found = sha1.eq_ignore_ascii_case(hash) || sha256.eq_ignore_ascii_case(hash);
        found.then(|| Program {
            name: &image.name,
            on: classes(&image.on).unwrap_or_default(),
            product,
            sha1,
            sha256,
        })
    })
}

/// The details of a file as some alert has them.
pub fn details(world: &World, hash: &str) -> Option<Json> {
    alerts_with(world, &format!("\"{hash}\""))
        .into_iter()
        .find_map(|alert| {
            evidence(world, alert).iter().find_map(|item| {
                let files = files(item);
                let found = files.iter().find(|(d, _)| has_hash(d, hash));
                found.map(|(d, _)| (*d).clone())
            })
        })
}

/// Whether a hash is that of a program that Microsoft signed.
pub fn is_system(world: &World, hash: &str) -> bool {
    program(world, hash).is_some_and(|p| p.product.company == MICROSOFT)
        || details(world, hash).is_some_and(|d| d["filePublisher"] == MICROSOFT)
}
