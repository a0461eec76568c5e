//! What is installed on a machine, what is wrong with it, and what should be done.
//!
//! Products and weaknesses are data; which version a machine has is chosen by the seed, so the four
//! views of a machine and the counts over all of them agree.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::clock::{DAY, Ticks};
use super::super::http::Reply;
use super::super::ids::Dice;
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::people::weighted;
use super::super::world::World;
use super::Refusal;
use super::call::{Call, time};
use super::machines;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SoftwareFile {
    product: Vec<Product>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    id: String,
    vendor: String,
    name: String,
    os: String,
    share: u64,
    versions: Vec<String>,
    spread: Vec<u64>,
    #[serde(default)]
    weakness: Vec<Weakness>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weakness {
    id: String,
    fixed: String,
    severity: String,
    cvss: f64,
    days: i64,
    exploit: bool,
    description: String,
    kb: Option<String>,
    update: Option<String>,
}

fn products() -> &'static [Product] {
    static FILE: OnceLock<SoftwareFile> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/endpoint/software.toml"))
            .expect("software.toml is part of the program")
    });
    &file.product
}

impl Product {
    fn place(&self, version: &str) -> usize {
        self.versions.iter().position(|v| v == version).unwrap_or(0)
    }

    /// What is wrong with a version.
    fn open(&self, version: usize) -> impl Iterator<Item = &Weakness> {
        self.weakness
            .iter()
            .filter(move |w| version < self.place(&w.fixed))
    }

    fn latest(&self) -> &str {
        self.versions.last().map_or("", String::as_str)
    }
}

/// Products of a machine of the fleet, with the place of the version it has.
fn installed(world: &World, place: u32) -> Vec<(&'static Product, usize)> {
    if place as usize >= world.machines.len() {
        return Vec::new();
    }
    let os = &world.machines[place as usize].os;
    (0u64..)
        .zip(products())
        .filter(|(_, product)| os.starts_with(&product.os))
        .filter_map(|(n, product)| {
            let mut dice = Dice::of(world.seed, 59, u64::from(place) * 64 + n);
            dice.chance(product.share).then(|| {
                let version = weighted(product.spread.iter().copied(), &mut dice);
                (product, version)
            })
        })
        .collect()
}

/// How many machines have a product, and how many have it with something open, by a test.
fn counted(world: &World, id: &str, test: impl Fn(&Product, usize) -> bool) -> (usize, usize) {
    let (mut all, mut exposed) = (0, 0);
    for place in 0..world.machines.len() as u32 {
        for (product, version) in installed(world, place) {
            if product.id == id {
                all += 1;
                exposed += usize::from(test(product, version));
            }
        }
    }
    (all, exposed)
}

const BY_NAME: Type = Type {
    name: "microsoft.windowsDefenderATP.api.Software",
    properties: &[
        filterable("id", Kind::Text),
        filterable("name", Kind::Text),
        filterable("vendor", Kind::Text),
        filterable("severity", Kind::Text),
        filterable("productName", Kind::Text),
        filterable("recommendationCategory", Kind::Text),
    ],
};

/// Answers with rows of JSON, filtered on their own texts.
fn answer(call: &Call<'_>, set: &str, rows: &[Json]) -> Result<Reply, Refusal> {
    let page = call.page(BY_NAME, rows.iter().collect(), |row: &Json, property| {
        row[BY_NAME.properties[property].name]
            .as_str()
            .map_or(Field::Null, Field::Text)
    })?;
    Ok(call.write(set, &page, |out, row| {
        out.extend_from_slice(row.to_string().as_bytes());
    }))
}

fn machine(call: &Call<'_>, world: &World) -> Result<u32, Refusal> {
    machines::find(world, call.args[0])
}

/// GET the software of a machine.
pub fn software(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let rows: Vec<Json> = installed(&world, place)
        .into_iter()
        .map(|(product, _)| {
            let (_, exposed) = counted(&world, &product.id, |p, v| p.open(v).next().is_some());
            let impact: f64 = product.weakness.iter().map(|w| w.cvss).sum::<f64>() / 10.0;
            json!({
                "id": product.id,
                "name": product.name,
                "vendor": product.vendor,
                "weaknesses": product.weakness.len(),
                "publicExploit": product.weakness.iter().any(|w| w.exploit),
                "activeAlert": false,
                "exposedMachines": exposed,
                "impactScore": impact,
            })
        })
        .collect();
    answer(call, "Software", &rows)
}

/// GET the weaknesses of a machine.
pub fn vulnerabilities(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let start = world.clock.start();
    let mut rows = Vec::new();
    for (product, version) in installed(&world, place) {
        for weakness in product.open(version) {
            let fixed = product.place(&weakness.fixed);
            let (_, exposed) = counted(&world, &product.id, |_, v| v < fixed);
            let published = day(start) - DAY * weakness.days;
            rows.push(json!({
                "id": weakness.id,
                "name": weakness.id,
                "description": weakness.description,
                "severity": weakness.severity,
                "cvssV3": weakness.cvss,
                "exposedMachines": exposed,
                "publishedOn": time(published),
                "updatedOn": time(published + DAY * 3),
                "publicExploit": weakness.exploit,
                "exploitVerified": false,
                "exploitInKit": false,
                "exploitTypes": [],
                "exploitUris": [],
            }));
        }
    }
    answer(call, "PublicVulnerabilityDtos", &rows)
}

fn day(at: Ticks) -> Ticks {
    at - at.rem_euclid(DAY)
}

/// GET what should be done on a machine.
pub fn recommendations(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let rows: Vec<Json> = installed(&world, place)
        .into_iter()
        .filter(|(product, version)| product.open(*version).next().is_some())
        .map(|(product, version)| {
            let open: Vec<&Weakness> = product.open(version).collect();
            let (all, exposed) = counted(&world, &product.id, |p, v| p.open(v).next().is_some());
            json!({
                "id": format!("va-_-{}", product.id),
                "productName": product.name,
                "recommendationName": format!("Update {} to version {}", product.name, product.latest()),
                "weaknesses": open.len(),
                "vendor": product.vendor,
                "recommendedVersion": product.latest(),
                "recommendedVendor": "",
                "recommendedProgram": "",
                "recommendationCategory": "Application",
                "subCategory": "",
                "severityScore": open.iter().map(|w| w.cvss).fold(0.0, f64::max),
                "publicExploit": open.iter().any(|w| w.exploit),
                "activeAlert": false,
                "associatedThreats": [],
                "remediationType": "Update",
                "status": "Active",
                "configScoreImpact": 0,
                "exposureImpact": open.iter().map(|w| w.cvss).sum::<f64>() / 10.0,
                "totalMachineCount": all,
                "exposedMachinesCount": exposed,
                "nonProductivityImpactedAssets": 0,
                "relatedComponent": product.name,
            })
        })
        .collect();
    answer(call, "Recommendations", &rows)
}

/// GET the updates a machine has missed.
pub fn missing_kbs(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let mut rows: Vec<Json> = Vec::new();
    for (product, version) in installed(&world, place) {
        let mut numbers: Vec<&str> = Vec::new();
        for weakness in product.open(version) {
            let Some(kb) = weakness.kb.as_deref().filter(|kb| !numbers.contains(kb)) else {
                continue;
            };
            numbers.push(kb);
            let fixed = product.place(&weakness.fixed);
            let (_, missed) = counted(&world, &product.id, |_, v| v < fixed);
            let addressed = product
                .weakness
                .iter()
                .filter(|w| w.kb.as_deref() == Some(kb))
                .count();
            rows.push(json!({
                "id": kb,
                "name": weakness.update,
                "osBuild": world.device(place).build,
                "productsNames": [product.name],
                "url": format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{kb}"),
                "machineMissedOn": missed,
                "cveAddressed": addressed,
            }));
        }
    }
    answer(call, "PublicProductFixDto", &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weakness_is_fixed_in_a_version_of_its_product() {
        for product in products() {
            assert_eq!(
                product.versions.len(),
                product.spread.len(),
                "{}",
                product.id
            );
            for weakness in &product.weakness {
                assert!(
                    product.place(&weakness.fixed) > 0,
                    "{}: {} is none of its versions, or the first",
                    weakness.id,
                    weakness.fixed
                );
                assert_eq!(weakness.kb.is_some(), weakness.update.is_some());
            }
        }
    }
}
