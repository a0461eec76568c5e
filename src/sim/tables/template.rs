//! Text with places to fill in, as the data files have it: `${person.upn} opened ${file.name}`.
//!
//! | place | stands for |
//! |---|---|
//! | `person.*`, `other.*` | `account upn display given surname sid oid n` of somebody, and of somebody else |
//! | `machine.*`, `server.*` | `id dns host ip external mac aad os version build group health exposure value tags hw type join joined` |
//! | `host.*` | `name ip port` of an address on the network |
//! | `file.*` | `name stem ext sha1 sha256 md5 size` of a document |
//! | `guid`, `id1` … `id3` | a new id; one that stays the same for all rows made together |
//! | `guid:name`, `sha1:name`, `sha256:name` | what the seed gives this name |
//! | `hex:8`, `n:1-9`, `ip` | digits, a number, an outside address |
//! | `list:name`, `same:name` | one of a list; the one that belongs to the machine |
//! | `time`, `time:-30d`, `then:-400d` | the row's time, moved; a time that belongs to the machine |
//! | `tenant` | the tenant's id |

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::clock::{self, DAY, HOUR, MINUTE, SECOND, Ticks};
use super::super::ids::{self, Dice};
use super::estate::{Class, Device, Estate, Soul, number};
use super::row::Cell;

/// Lists that places pick from.
pub type Lists = BTreeMap<String, Vec<Arc<str>>>;

/// An address on the network.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub name: Arc<str>,
    /// Its address, always the same.
    pub ip: Arc<str>,
    /// Its port.
    pub port: i64,
}

#[derive(Debug, Clone, Copy)]
enum Who {
    Person,
    Other,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Arc<str>),
    Soul(Who, fn(&Soul) -> Cell),
    Device(bool, fn(&Device) -> Cell),
    Host(fn(&Host) -> Cell),
    File(usize),
    Guid,
    Id(usize),
    Hex(usize),
    Number(i64, i64),
    Address,
    List(Arc<[Arc<str>]>),
    Same(u64, Arc<[Arc<str>]>),
    Time(Ticks),
    Then(Ticks),
    Tenant,
}

/// A text with places, read once.
#[derive(Debug, Clone)]
pub struct Template(Vec<Part>);

/// What one row, or rows made together, are about.
#[derive(Debug)]
pub struct Scene<'a> {
    /// People and devices.
    pub estate: &'a Estate,
    /// The choices still to come.
    pub dice: Dice,
    /// When.
    pub at: Ticks,
    /// Who.
    pub person: usize,
    /// Somebody else.
    pub other: usize,
    /// Where.
    pub device: usize,
    /// A server.
    pub server: usize,
    /// The address spoken to.
    pub host: Option<Host>,
    /// The document: name and number.
    pub file: (Arc<str>, u64),
    /// Ids that stay.
    pub ids: [u128; 3],
}

fn soul_field(name: &str) -> Option<fn(&Soul) -> Cell> {
    Some(match name {
        "account" => |p| Cell::from(&p.account),
        "upn" => |p| Cell::from(&p.upn),
        "display" => |p| Cell::from(&p.display),
        "given" => |p| Cell::from(p.given().to_owned()),
        "surname" => |p| Cell::from(p.surname().to_owned()),
        "sid" => |p| Cell::from(&p.sid),
        "oid" => |p| Cell::from(&p.object_id),
        "n" => |p| Cell::Number((p.number() % 90_000) as i64 + 10_000),
        _ => return None,
    })
}

fn device_field(name: &str) -> Option<fn(&Device) -> Cell> {
    Some(match name {
        "id" => |d| Cell::from(&d.id),
        "dns" => |d| Cell::from(&d.dns),
        "host" => |d| Cell::from(&d.host),
        "ip" => |d| Cell::from(&d.ip),
        "external" => |d| Cell::from(&d.external),
        "mac" => |d| Cell::from(&d.mac),
        "aad" => |d| Cell::from(&d.aad),
        "os" => |d| Cell::from(&d.os),
        "version" => |d| Cell::from(&d.version),
        "build" => |d| Cell::Number(d.build),
        "group" => |d| Cell::from(&d.group),
        "health" => |d| Cell::from(d.health),
        "exposure" => |d| Cell::from(d.exposure),
        "value" => |d| Cell::from(d.value),
        "tags" => |d| Cell::from(&d.tags),
        "type" => |d| {
            Cell::from(match d.class {
                Class::Client | Class::Mac => "Workstation",
                Class::Server | Class::Linux => "Server",
            })
        },
        "joined" => |d| Cell::from(d.class == Class::Client),
        "join" => |d| {
            Cell::from(match d.class {
                Class::Client => "Hybrid Azure AD Join",
                Class::Server => "Domain Joined",
                Class::Mac | Class::Linux => "",
            })
        },
        "hw" => |d| Cell::from(d.id.get(..32).unwrap_or_default().to_owned()),
        _ => return None,
    })
}

const FILE: [&str; 7] = ["name", "stem", "ext", "sha1", "sha256", "md5", "size"];

/// `-30d`, `10m`, `2h`, `-5s`.
fn span(text: &str) -> Option<Ticks> {
    let unit = match text.chars().last()? {
        'd' => DAY,
        'h' => HOUR,
        'm' => MINUTE,
        's' => SECOND,
        _ => return None,
    };
    Some(text[..text.len() - 1].parse::<i64>().ok()? * unit)
}

fn part(place: &str, seed: u64, lists: &Lists) -> Option<Part> {
    let (kind, rest) = place.split_once([':', '.']).unwrap_or((place, ""));
    let list = |name: &str| Some(lists.get(name)?.clone().into());
    Some(match (kind, rest) {
        ("person", field) => Part::Soul(Who::Person, soul_field(field)?),
        ("other", field) => Part::Soul(Who::Other, soul_field(field)?),
        ("machine", field) => Part::Device(false, device_field(field)?),
        ("server", field) => Part::Device(true, device_field(field)?),
        ("host", "name") => Part::Host(|h| Cell::from(&h.name)),
        ("host", "ip") => Part::Host(|h| Cell::from(&h.ip)),
        ("host", "port") => Part::Host(|h| Cell::Number(h.port)),
        ("file", field) => Part::File(FILE.iter().position(|f| *f == field)?),
        ("guid", "") => Part::Guid,
        ("guid", name) => Part::Text(ids::guid(seed, name).into()),
        ("sha1", name) => Part::Text(ids::sha1(seed, name).into()),
        ("sha256", name) => Part::Text(ids::sha256(seed, name).into()),
        ("id1", "") => Part::Id(0),
        ("id2", "") => Part::Id(1),
        ("id3", "") => Part::Id(2),
        ("hex", digits) => Part::Hex(digits.parse().ok().filter(|d| *d <= 32)?),
        ("n", range) => {
            let (low, high) = range.split_once('-')?;
            Part::Number(low.parse().ok()?, high.parse().ok()?)
        }
        ("ip", "") => Part::Address,
        ("list", name) => Part::List(list(name).filter(|l: &Arc<[_]>| !l.is_empty())?),
        ("same", name) => Part::Same(
            ids::mix(name.len() as u64 ^ u64::from(name.as_bytes()[0]) << 8),
            list(name).filter(|l: &Arc<[_]>| !l.is_empty())?,
        ),
        ("time", "") => Part::Time(0),
        ("time", by) => Part::Time(span(by)?),
        ("then", by) => Part::Then(span(by)?),
        ("tenant", "") => Part::Tenant,
        _ => return None,
    })
}

impl Template {
    /// Reads a text. The error names the place that stands for nothing.
    pub fn parse(text: &str, seed: u64, lists: &Lists) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(from) = rest.find("${") {
            if from > 0 {
                parts.push(Part::Text(rest[..from].into()));
            }
            let to = rest[from..]
                .find('}')
                .ok_or_else(|| format!("{text}: a place without end"))?
                + from;
            let place = &rest[from + 2..to];
            let part = part(place, seed, lists)
                .ok_or_else(|| format!("{text}: {place} stands for nothing"))?;
            parts.push(part);
            rest = &rest[to + 1..];
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self(parts))
    }

    /// The cell it becomes.
    pub fn fill(&self, scene: &mut Scene<'_>) -> Cell {
        match self.0.as_slice() {
            [Part::Text(text)] => Cell::Shared(Arc::clone(text)),
            [part] => scene.cell(part),
            parts => {
                let mut out = String::with_capacity(64);
                for part in parts {
                    match scene.cell(part) {
                        Cell::Number(n) => out.push_str(&n.to_string()),
                        Cell::Time(at) => out.push_str(&clock::graph(at)),
                        cell => out.push_str(cell.text().unwrap_or_default()),
                    }
                }
                Cell::Text(out)
            }
        }
    }
}

impl Scene<'_> {
    fn cell(&mut self, part: &Part) -> Cell {
        let device = &self.estate.devices[self.device];
        match part {
            Part::Text(text) => Cell::Shared(Arc::clone(text)),
            Part::Soul(Who::Person, field) => field(&self.estate.people[self.person]),
            Part::Soul(Who::Other, field) => field(&self.estate.people[self.other]),
            Part::Device(false, field) => field(device),
            Part::Device(true, field) => field(&self.estate.devices[self.server]),
            Part::Host(field) => self.host.as_ref().map_or(Cell::Fixed(""), field),
            Part::File(field) => self.document(*field),
            Part::Guid => Cell::Text(ids::guid_of(self.dice.wide())),
            Part::Id(at) => Cell::Text(ids::guid_of(self.ids[*at])),
            Part::Hex(digits) => {
                let mut text = format!("{:032x}", self.dice.wide());
                text.truncate(*digits);
                Cell::Text(text)
            }
            Part::Number(low, high) => {
                Cell::Number(low + self.dice.below((high - low + 1).max(1) as u64) as i64)
            }
            Part::Address => Cell::Text(format!("203.0.113.{}", 1 + self.dice.below(250))),
            Part::List(list) => Cell::Shared(Arc::clone(self.dice.pick(list))),
            Part::Same(salt, list) => {
                let n = number(self.estate.seed, 71, *salt, self.device as u64);
                Cell::Shared(Arc::clone(&list[(n % list.len() as u64) as usize]))
            }
            Part::Time(by) => Cell::Time(self.at + by),
            Part::Then(by) => {
                let n = number(self.estate.seed, 72, *by as u64, self.device as u64);
                let spread = (by.abs() / 2).max(1);
                Cell::Time(self.estate.start + by + (n % spread as u64) as i64)
            }
            Part::Tenant => Cell::Shared(Arc::clone(&self.estate.tenant)),
        }
    }

    fn document(&self, field: usize) -> Cell {
        let (name, number) = &self.file;
        let (stem, ext) = name.rsplit_once('.').unwrap_or((name, ""));
        let key = || format!("document {name} {number}");
        match FILE[field] {
            "name" => Cell::Shared(Arc::clone(name)),
            "stem" => Cell::Text(stem.into()),
            "ext" => Cell::Text(ext.into()),
            "sha1" => Cell::Text(ids::sha1(self.estate.seed, &key())),
            "sha256" => Cell::Text(ids::sha256(self.estate.seed, &key())),
            "md5" => Cell::Text(ids::md5(self.estate.seed, &key())),
            _ => Cell::Number(4_000 + (ids::mix(*number) % 4_000_000) as i64),
        }
    }
}
