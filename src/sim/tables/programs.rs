//! The programs of the estate, read from data: where they run, who starts them, what they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::clock::{DAY, SECOND, Ticks};
use super::estate::{Class, Estate, Week, hashes, number};
use super::template::{Lists, Template};

/// The programs, as data.
const PROGRAMS: &str = include_str!("../../../assets/sim/programs.toml");
/// Devices start at least this often.
const LONGEST_UP: Ticks = 30 * DAY;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    product: Vec<ProductFile>,
    program: Vec<ProgramFile>,
}

/// Where programs come from: their version and signature.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductFile {
    key: String,
    company: String,
    name: String,
    version: String,
    #[serde(default)]
    signer: String,
    #[serde(default)]
    issuer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramFile {
    key: String,
    image: String,
    folder: String,
    command: String,
    on: Vec<String>,
    #[serde(default)]
    parent: String,
    #[serde(default = "user")]
    r#as: String,
    /// Seconds after the start of the device; without it, it comes and goes.
    base: Option<i64>,
    /// Percentage of the devices that have it.
    #[serde(default = "everywhere")]
    share: u64,
    /// How often it comes, beside others.
    #[serde(default)]
    weight: u64,
    product: String,
    #[serde(default)]
    text: String,
}

fn user() -> String {
    "user".into()
}

fn everywhere() -> u64 {
    100
}

/// A program.
#[derive(Debug)]
pub struct Program {
    /// File name.
    pub image: Arc<str>,
    /// Folder.
    pub folder: Template,
    /// Command line.
    pub command: Template,
    on: Vec<Class>,
    /// Who starts it; the first process of a device has nobody.
    pub parent: Option<usize>,
    /// Whom it runs as.
    pub account: &'static Account,
    /// How long after the start of the device it starts; `None`: it comes and goes.
    pub base: Option<Ticks>,
    share: u64,
    /// How often it comes, beside others.
    pub weight: u64,
    /// What it belongs to.
    pub product: Arc<Product>,
    /// What its file says of itself.
    pub text: Arc<str>,
    /// SHA-1, SHA-256 and MD5.
    pub hashes: [Arc<str>; 3],
    /// Size in bytes.
    pub size: i64,
}

/// What a program belongs to.
#[derive(Debug)]
pub struct Product {
    /// Who makes it.
    pub company: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// Who signed it; empty where nobody did.
    pub signer: Arc<str>,
    /// Who says who the signer is.
    pub issuer: Arc<str>,
}

/// An account programs run as.
#[derive(Debug)]
pub struct Account {
    /// `user` is whoever uses the device.
    pub key: &'static str,
    /// Domain.
    pub domain: &'static str,
    /// Name.
    pub name: &'static str,
    /// Security identifier.
    pub sid: &'static str,
    /// Integrity level.
    pub integrity: &'static str,
    /// Token elevation.
    pub elevation: &'static str,
    /// Logon session.
    pub logon: i64,
}

/// The accounts that belong to nobody, and `user`: whoever uses the device.
const ACCOUNTS: &[Account] = &[
    account("user", "", "", "", "Medium", "TokenElevationTypeLimited", 0),
    account(
        "system",
        "nt authority",
        "system",
        "S-1-5-18",
        "System",
        "TokenElevationTypeDefault",
        999,
    ),
    account(
        "local",
        "nt authority",
        "local service",
        "S-1-5-19",
        "System",
        "TokenElevationTypeDefault",
        997,
    ),
    account(
        "network",
        "nt authority",
        "network service",
        "S-1-5-20",
        "System",
        "TokenElevationTypeDefault",
        996,
    ),
    account("root", "", "root", "", "", "None", 0),
    account("www", "", "www-data", "", "", "None", 0),
];

const fn account(
    key: &'static str,
    domain: &'static str,
    name: &'static str,
    sid: &'static str,
    integrity: &'static str,
    elevation: &'static str,
    logon: i64,
) -> Account {
    Account {
        key,
        domain,
        name,
        sid,
        integrity,
        elevation,
        logon,
    }
}

/// All programs, and how often devices start.
#[derive(Debug)]
pub struct Programs {
    /// The programs, parents before children.
    pub list: Vec<Program>,
    places: HashMap<String, usize>,
    /// Which programs each device has, one bit each.
    installed: Vec<u128>,
    /// When devices are started.
    pub week: Week,
    /// Activity time between the starts of a device.
    pub up: Ticks,
    /// Activity time of the first start in the span.
    pub from: Ticks,
}

/// Reads `client`, `server`, `mac`, `linux`, `windows`.
pub fn classes(names: &[String]) -> Result<Vec<Class>, String> {
    let mut found = Vec::new();
    for name in names {
        match name.as_str() {
            "client" => found.push(Class::Client),
            "server" => found.push(Class::Server),
            "windows" => found.extend([Class::Client, Class::Server]),
            "mac" => found.push(Class::Mac),
            "linux" => found.push(Class::Linux),
            other => return Err(format!("{other} is no kind of device")),
        }
    }
    Ok(found)
}

impl Programs {
    /// Reads the programs. Devices start once in `up`, as far as that is often enough.
    pub fn load(estate: &Estate, lists: &Lists, from: Ticks, up: Ticks) -> Result<Self, String> {
        let file: File = toml::from_str(PROGRAMS).map_err(|e| format!("programs: {e}"))?;
        let products: HashMap<&str, Arc<Product>> = file
            .product
            .iter()
            .map(|p| {
                let product = Product {
                    company: p.company.as_str().into(),
                    name: p.name.as_str().into(),
                    version: p.version.as_str().into(),
                    signer: p.signer.as_str().into(),
                    issuer: p.issuer.as_str().into(),
                };
                (p.key.as_str(), Arc::new(product))
            })
            .collect();
        let mut list: Vec<Program> = Vec::with_capacity(file.program.len());
        let mut places = HashMap::new();
        for p in file.program {
            let at = |what: &str| format!("programs: {}: {what}", p.key);
            let product = products
                .get(p.product.as_str())
                .ok_or_else(|| at(&format!("no product is called {}", p.product)))?;
            // Parents stand before their children.
            let parent = match p.parent.as_str() {
                "" => None,
                parent => Some(
                    *places
                        .get(parent)
                        .ok_or_else(|| at(&format!("no program before it is called {parent}")))?,
                ),
            };
            let account = ACCOUNTS
                .iter()
                .find(|a| a.key == p.r#as)
                .ok_or_else(|| at(&format!("no account is called {}", p.r#as)))?;
            // As stories name the programs of the system.
            let key = if &*product.company == "Microsoft Corporation" {
                format!("system {}", p.image.to_lowercase())
            } else {
                format!("program {} {}", p.image, product.version)
            };
            places.insert(p.key.clone(), list.len());
            list.push(Program {
                folder: Template::parse(&p.folder, estate.seed, lists).map_err(|e| at(&e))?,
                command: Template::parse(&p.command, estate.seed, lists).map_err(|e| at(&e))?,
                on: classes(&p.on).map_err(|e| at(&e))?,
                parent,
                account,
                base: p.base.map(|s| s * SECOND),
                share: p.share,
                weight: p.weight,
                product: Arc::clone(product),
                text: if p.text.is_empty() {
                    p.image.as_str()
                } else {
                    p.text.as_str()
                }
                .into(),
                hashes: hashes(estate.seed, &key),
                size: 30_000 + (number(estate.seed, 80, list.len() as u64, 0) % 3_000_000) as i64,
                image: p.image.into(),
            });
        }
        if list.len() > 128 {
            return Err("programs: more than 128".into());
        }
        let installed = (0..estate.devices.len())
            .map(|device| {
                let mut bits = 0_u128;
                // Parents stand before their children.
                for (at, p) in list.iter().enumerate() {
                    let has = p.on.contains(&estate.devices[device].class)
                        && p.parent.is_none_or(|parent| bits & (1 << parent) != 0)
                        && (p.share >= 100
                            || number(estate.seed, 81, at as u64, device as u64) % 100 < p.share);
                    bits |= u128::from(has) << at;
                }
                bits
            })
            .collect();
        let week = Week::office();
        Ok(Self {
            installed,
            from: week.activity(from),
            up: up.min(LONGEST_UP),
            week,
            list,
            places,
        })
    }

    /// The place of a program.
    pub fn place(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Whether a device has a program.
    pub fn has(&self, device: usize, program: usize) -> bool {
        self.installed[device] & (1 << program) != 0
    }
}
