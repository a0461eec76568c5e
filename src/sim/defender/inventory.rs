//! What is installed on a machine, what is wrong with it, and what should be done: read from where the
//! vulnerability tables of hunting are made, so that both tell the same.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};

use super::super::clock::{self, DAY};
use super::super::http::Reply;
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::tables::{Class, Cve, Installed, Item, Software};
use super::super::world::World;
use super::Refusal;
use super::call::{Call, time};
use super::machines;

fn catalogue() -> &'static Software {
    static SOFTWARE: OnceLock<Software> = OnceLock::new();
    SOFTWARE.get_or_init(|| Software::load().expect("software.toml is part of the program"))
}

/// What a machine of the fleet has; nothing is known of others.
fn installed(world: &World, place: u32) -> Vec<Installed<'static>> {
    let Some(machine) = world.machines.get(place as usize) else {
        return Vec::new();
    };
    catalogue()
        .of(world.seed, Class::of(&machine.os), place as usize)
        .collect()
}

fn is_exposed(item: &Item, version: usize) -> bool {
    catalogue().open(item, version).next().is_some()
}

fn score(cve: &Cve) -> f64 {
    cve.score.parse().unwrap_or(0.0)
}

fn id_of(item: &Item) -> String {
    format!("{}-_-{}", item.vendor, item.name)
}

/// How many machines have each version of each thing.
struct Census(HashMap<*const Item, Vec<usize>>);

impl Census {
    fn of(world: &World) -> Self {
        let mut counts: HashMap<*const Item, Vec<usize>> = HashMap::new();
        for place in 0..world.machines.len() as u32 {
            for Installed { item, version, .. } in installed(world, place) {
                let versions = counts
                    .entry(std::ptr::from_ref(item))
                    .or_insert_with(|| vec![0; item.versions.len()]);
                versions[version] += 1;
            }
        }
        Self(counts)
    }

    /// How many machines have something in a version that passes a test.
    fn count(&self, item: &Item, test: impl Fn(usize) -> bool) -> usize {
        let versions = self.0.get(&std::ptr::from_ref(item));
        let passing = versions.into_iter().flatten().enumerate();
        passing.filter(|(v, _)| test(*v)).map(|(_, n)| n).sum()
    }
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
    let census = Census::of(&world);
    let rows: Vec<Json> = installed(&world, place)
        .into_iter()
        .map(|Installed { item, .. }| {
            let exposed = census.count(item, |v| is_exposed(item, v));
            let known: Vec<&Cve> = catalogue().known(item).collect();
            json!({
                "id": id_of(item),
                "name": item.name,
                "vendor": item.vendor,
                "weaknesses": known.len(),
                "publicExploit": known.iter().any(|c| c.exploit),
                "activeAlert": false,
                "exposedMachines": exposed,
                "impactScore": known.iter().map(|c| score(c)).sum::<f64>() / 10.0,
            })
        })
        .collect();
    answer(call, "Software", &rows)
}

/// GET the weaknesses of a machine.
pub fn vulnerabilities(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let census = Census::of(&world);
    let mut rows = Vec::new();
    for Installed { item, version, .. } in installed(&world, place) {
        for cve in catalogue().open(item, version) {
            let exposed = census.count(item, |v| v < cve.versions);
            let published = clock::parse(&cve.published).unwrap_or(0);
            rows.push(json!({
                "id": cve.id,
                "name": cve.id,
                "description": cve.text,
                "severity": cve.severity,
                "cvssV3": score(cve),
                "exposedMachines": exposed,
                "publishedOn": time(published),
                "updatedOn": time(published + 3 * DAY),
                "publicExploit": cve.exploit,
                "exploitVerified": false,
                "exploitInKit": false,
                "exploitTypes": [],
                "exploitUris": [],
            }));
        }
    }
    answer(call, "PublicVulnerabilityDtos", &rows)
}

/// GET what should be done on a machine.
pub fn recommendations(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let census = Census::of(&world);
    let rows: Vec<Json> = installed(&world, place)
        .into_iter()
        .filter(|i| is_exposed(i.item, i.version))
        .map(|Installed { item, version, .. }| {
            let open: Vec<&Cve> = catalogue().open(item, version).collect();
            let exposed = census.count(item, |v| is_exposed(item, v));
            let all = census.count(item, |_| true);
            let latest = item.versions.last();
            json!({
                "id": format!("va-_-{}", id_of(item)),
                "productName": item.name,
                "recommendationName": format!("Update {} to version {}", item.name, latest.map_or("", String::as_str)),
                "weaknesses": open.len(),
                "vendor": item.vendor,
                "recommendedVersion": latest,
                "recommendedVendor": "",
                "recommendedProgram": "",
                "recommendationCategory": "Application",
                "subCategory": "",
                "severityScore": open.iter().map(|c| score(c)).fold(0.0, f64::max),
                "publicExploit": open.iter().any(|c| c.exploit),
                "activeAlert": false,
                "associatedThreats": [],
                "remediationType": "Update",
                "status": "Active",
                "configScoreImpact": 0,
                "exposureImpact": open.iter().map(|c| score(c)).sum::<f64>() / 10.0,
                "totalMachineCount": all,
                "exposedMachinesCount": exposed,
                "nonProductivityImpactedAssets": 0,
                "relatedComponent": item.name,
            })
        })
        .collect();
    answer(call, "Recommendations", &rows)
}

/// GET the updates a machine has missed.
pub fn missing_kbs(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = machine(call, &world)?;
    let census = Census::of(&world);
    let mut rows: Vec<Json> = Vec::new();
    for Installed { item, version, .. } in installed(&world, place) {
        let mut told: Vec<&str> = Vec::new();
        for cve in catalogue().open(item, version) {
            let kb = cve.kb();
            let Some(number) = kb.strip_prefix("KB").filter(|_| !told.contains(&kb)) else {
                continue;
            };
            told.push(kb);
            let missed = census.count(item, |v| v < cve.versions);
            let addressed = catalogue().open(item, version).filter(|c| c.kb() == kb);
            rows.push(json!({
                "id": number,
                "name": cve.update.trim_end_matches(kb).trim_end(),
                "osBuild": world.device(place).build,
                "productsNames": [item.name],
                "url": format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={kb}"),
                "machineMissedOn": missed,
                "cveAddressed": addressed.count(),
            }));
        }
    }
    answer(call, "PublicProductFixDto", &rows)
}
