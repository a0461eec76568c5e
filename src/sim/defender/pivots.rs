//! Statistics and pivots: files, hosts, addresses and accounts, counted over what the tenant's alerts
//! and devices show. What the rest of the world knows of them is chosen by the seed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::super::clock::{self, DAY, HOUR, Ticks};
use super::super::http::Reply;
use super::super::ids::{self, Dice};
use super::super::tables::Class;
use super::super::world::World;
use super::actions::{self, Kind};
use super::call::{Call, entity, not_found, time};
use super::{METADATA, Refusal, alerts, facts, indicators, machines};
use crate::engine::Value;

/// `lookBackHours`: the most, which is the usual too.
const LONGEST_LOOK: i64 = 720;
/// Devices that talked to a host are told up to this many.
const MOST_MACHINES: usize = 500;

/// Where something was seen in the tenant.
#[derive(Debug, Default)]
struct Sightings {
    alerts: Vec<u32>,
    machines: BTreeSet<u32>,
    first: Ticks,
    last: Ticks,
}

impl Sightings {
    fn add(&mut self, world: &World, alert: u32) {
        let row = &world.alerts[alert as usize];
        self.alerts.push(alert);
        self.machines.extend(facts::machine_of(world, alert));
        self.span(row.first, row.last);
    }

    fn span(&mut self, first: Ticks, last: Ticks) {
        self.first = if self.first == 0 {
            first
        } else {
            self.first.min(first)
        };
        self.last = self.last.max(last);
    }

    /// Everywhere: what every device, or every one of some kinds, does every day.
    fn everywhere(&mut self, world: &World, now: Ticks, on: Option<&[Class]>) {
        for place in 0..world.machines.len() as u32 {
            let machine = world.device(place);
            if on.is_some_and(|on| !on.contains(&Class::of(&machine.os))) {
                continue;
            }
            self.machines.insert(place);
            self.span(
                machine.first_seen,
                if machine.health == "Active" {
                    now
                } else {
                    machine.last_seen
                },
            );
        }
    }

    fn within(&self, since: Ticks) -> bool {
        self.last >= since && !self.machines.is_empty()
    }
}

/// Alerts whose evidence passes a test; `needle` narrows them down first.
fn seen(world: &World, needle: &str, test: impl Fn(&Json) -> bool, since: Ticks) -> Sightings {
    let mut sightings = Sightings::default();
    for alert in facts::alerts_with(world, needle) {
        let recent = world.alerts[alert as usize].last >= since;
        if recent && facts::evidence(world, alert).iter().any(&test) {
            sightings.add(world, alert);
        }
    }
    sightings
}

/// How far back a request looks.
fn look_back(call: &Call<'_>) -> Result<Ticks, Refusal> {
    let hours = match call.query("lookBackHours") {
        None => LONGEST_LOOK,
        Some(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|h| (1..=LONGEST_LOOK).contains(h))
            .ok_or_else(|| {
                Refusal::new(
                    400,
                    "InvalidInput",
                    format!("lookBackHours must be a number between 1 and {LONGEST_LOOK}."),
                )
            })?,
    };
    Ok(call.now - hours * HOUR)
}

fn global(seed: u64, name: &str, system: bool) -> (i64, Ticks, Ticks) {
    let number = ids::parse_guid(&ids::guid(seed, name)).unwrap_or(0) as u64;
    let mut dice = Dice::of(seed, 58, number);
    let prevalence = if system {
        900_000 + dice.below(4_000_000)
    } else {
        1 + dice.below(60)
    };
    let age = if system { 700 } else { 12 } + dice.below(40) as i64;
    (
        prevalence as i64,
        DAY * age + HOUR * dice.below(24) as i64,
        HOUR * (1 + dice.below(20) as i64),
    )
}

// ---------------------------------------------------------------- files

fn checked_hash(text: &str, sha1_only: bool) -> Result<String, Refusal> {
    let length = text.len() == 40 || (text.len() == 64 && !sha1_only);
    if length && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Refusal::new(
        400,
        "InvalidHashValue",
        format!(
            "{text} is not a valid {} hash.",
            if sha1_only {
                "SHA-1"
            } else {
                "SHA-1 or SHA-256"
            }
        ),
    ))
}

/// The file entity; `None` for a file nobody has seen.
pub fn file_json(world: &World, hash: &str, now: Ticks) -> Option<Json> {
    let program = facts::program(world, hash);
    let details = facts::details(world, hash);
    if program.is_none() && details.is_none() {
        return None;
    }
    let details = details.unwrap_or(Json::Null);
    let (sha1, sha256) = match &program {
        Some(program) => (json!(program.sha1), json!(program.sha256)),
        None => (details["sha1"].clone(), details["sha256"].clone()),
    };
    let product = program.as_ref().map(|p| p.product);
    let publisher = match product {
        Some(product) if product.signer.is_empty() => Json::Null,
        Some(product) => json!(product.company),
        None => details["filePublisher"].clone(),
    };
    let signed = publisher.is_string();
    let name = program
        .as_ref()
        .map(|p| p.name.to_owned())
        .or_else(|| details["fileName"].as_str().map(str::to_owned))
        .unwrap_or_default();
    let (prevalence, first, last) = global(world.seed, &format!("file {sha1}"), signed);
    let is_pe = [".exe", ".dll", ".sys", ".scr"]
        .iter()
        .any(|e| name.to_lowercase().ends_with(e));
    let malicious = facts::alerts_with(world, &format!("\"{hash}\""))
        .iter()
        .any(|alert| {
            facts::evidence(world, *alert).iter().any(|item| {
                item["verdict"] == "malicious"
                    && facts::files(item)
                        .first()
                        .is_some_and(|(d, _)| facts::has_hash(d, hash))
            })
        });
    let (kind, value) = if malicious && !signed {
        ("Malware", json!("Trojan:Win32/Wacatac.B!ml"))
    } else if signed {
        ("Clean", json!(""))
    } else {
        ("Unknown", json!(""))
    };
    Some(json!({
        "sha1": sha1,
        "sha256": sha256,
        "md5": details["md5"],
        "globalPrevalence": prevalence,
        "globalFirstObserved": time(now - first - last),
        "globalLastObserved": time(now - last),
        "size": details["fileSize"],
        "fileType": if is_pe { json!("PortableExecutable") } else { Json::Null },
        "isPeFile": is_pe,
        "filePublisher": publisher,
        "fileProductName": product.map(|p| &p.name),
        "signer": product.map_or_else(|| publisher.clone(), |p| json!(p.signer)),
        "issuer": product.map_or_else(|| details["issuer"].clone(), |p| json!(p.issuer)),
        "signerHash": signed.then(|| ids::sha1(world.seed, &format!("signer {publisher}"))),
        "isValidCertificate": if signed { json!(true) } else { Json::Null },
        "determinationType": kind,
        "determinationValue": value,
    }))
}

/// Where an address lies as the tenant's alerts and devices have it: JSON as `geo_info_from_ip_address`
/// gives it. Addresses of no place, and those nobody saw, lie nowhere.
pub fn place(world: &World, address: &str) -> Option<String> {
    let ip: IpAddr = address.trim().parse().ok()?;
    let text = ip.to_string();
    let seen = facts::alerts_with(world, &format!("\"{text}\""))
        .into_iter()
        .find_map(|alert| {
            let evidence = facts::evidence(world, alert);
            let found = evidence
                .iter()
                .find(|item| item["ipAddress"] == json!(text));
            found
                .map(|item| item["location"].clone())
                .filter(Json::is_object)
        });
    if let Some(place) = seen {
        let bag = json!({
            "country": place["countryName"],
            "state": place["state"],
            "city": place["city"],
            "latitude": place["latitude"],
            "longitude": place["longitude"],
        });
        return Some(bag.to_string());
    }
    // The tenant's own devices stand where its rows say.
    let own = world.machines.iter().any(|m| m.external_ip == text);
    own.then(|| {
        json!({
            "country": "Germany", "state": "Hessen", "city": "Frankfurt am Main",
            "latitude": 50.11, "longitude": 8.68,
        })
        .to_string()
    })
}

/// What is known of a file, by the names of the columns that `FileProfile` gives.
pub fn profile(world: &World, hash: &str, now: Ticks) -> Vec<(&'static str, Value)> {
    let text = |value: &Json| Value::String(value.as_str().unwrap_or_default().to_owned());
    let Some(file) = file_json(world, hash, now) else {
        return vec![("ProfileAvailability", text(&json!("Missing")))];
    };
    let number = |value: &Json| match value.as_i64() {
        Some(n) => Value::Int(i32::try_from(n).unwrap_or(i32::MAX)),
        None => Value::Null,
    };
    let moment = |value: &Json| {
        let at = value.as_str().and_then(clock::parse);
        at.map_or(Value::Null, Value::DateTime)
    };
    let truth = |value: &Json| value.as_bool().map_or(Value::Null, Value::Bool);
    let signed = file["signer"].as_str().is_some_and(|s| !s.is_empty());
    let root = file["issuer"].as_str().unwrap_or_default();
    vec![
        ("SHA1", text(&file["sha1"])),
        ("SHA256", text(&file["sha256"])),
        ("MD5", text(&file["md5"])),
        ("FileSize", number(&file["size"])),
        ("GlobalPrevalence", number(&file["globalPrevalence"])),
        ("GlobalFirstSeen", moment(&file["globalFirstObserved"])),
        ("GlobalLastSeen", moment(&file["globalLastObserved"])),
        ("Signer", text(&file["signer"])),
        ("Issuer", text(&file["issuer"])),
        ("SignerHash", text(&file["signerHash"])),
        ("IsCertificateValid", truth(&file["isValidCertificate"])),
        (
            "IsRootSignerMicrosoft",
            Value::Bool(signed && root.contains("Microsoft")),
        ),
        (
            "SignatureState",
            text(&json!(if signed { "SignedValid" } else { "Unsigned" })),
        ),
        ("IsExecutable", truth(&file["isPeFile"])),
        ("ThreatName", text(&file["determinationValue"])),
        ("Publisher", text(&file["filePublisher"])),
        ("SoftwareName", text(&file["fileProductName"])),
        ("ProfileAvailability", text(&json!("Available"))),
    ]
}

fn file_sightings(call: &Call<'_>, world: &World, hash: &str, since: Ticks) -> Sightings {
    let mut sightings = seen(
        world,
        &format!("\"{hash}\""),
        |item| {
            let files = facts::files(item);
            files.iter().any(|(d, _)| facts::has_hash(d, hash))
        },
        since,
    );
    if let Some(program) = facts::program(world, hash) {
        sightings.everywhere(world, call.now, Some(&program.on));
    }
    // Where it was quarantined it no longer is.
    sightings.machines.retain(|machine| {
        !world.actions.iter().any(|a| {
            a.kind == Kind::Quarantine
                && a.machine == *machine
                && a.took_effect(call.now)
                && a.more.as_ref().and_then(|m| m.file.as_deref()) == Some(hash)
        })
    });
    sightings
}

/// GET a file.
pub fn file(call: &Call<'_>) -> Result<Reply, Refusal> {
    let hash = checked_hash(call.args[0], false)?;
    let world = call.tenant.world();
    let file = file_json(&world, &hash, call.now).ok_or_else(|| not_found("File", &hash))?;
    Ok(entity(200, "Files", file))
}

/// GET the statistics of a file.
pub fn file_stats(call: &Call<'_>) -> Result<Reply, Refusal> {
    let hash = checked_hash(call.args[0], false)?;
    let since = look_back(call)?;
    let world = call.tenant.world();
    let file = file_json(&world, &hash, call.now).ok_or_else(|| not_found("File", &hash))?;
    let sightings = file_sightings(call, &world, &hash, since);
    let mut names = BTreeSet::new();
    for alert in &sightings.alerts {
        for item in &facts::evidence(&world, *alert) {
            for (details, _) in facts::files(item) {
                if facts::has_hash(details, &hash) {
                    names.extend(details["fileName"].as_str().map(str::to_owned));
                }
            }
        }
    }
    names.extend(facts::program(&world, &hash).map(|p| p.name.to_owned()));
    let names: Vec<String> = names.into_iter().take(10).collect();
    Ok(Reply::value(
        200,
        &json!({
            "@odata.context": format!("{METADATA}microsoft.windowsDefenderATP.api.InOrgFileStats"),
            "sha1": file["sha1"],
            "organizationPrevalence": sightings.machines.len(),
            "orgFirstSeen": time(sightings.first),
            "orgLastSeen": time(sightings.last),
            // The service's own spelling.
            "globallyPrevalence": file["globalPrevalence"],
            "globalFirstObserved": file["globalFirstObserved"],
            "globalLastObserved": file["globalLastObserved"],
            "topFileNames": names,
        }),
    ))
}

/// GET the machines that have a file.
pub fn file_machines(call: &Call<'_>) -> Result<Reply, Refusal> {
    let hash = checked_hash(call.args[0], true)?;
    let world = call.tenant.world();
    let sightings = file_sightings(call, &world, &hash, Ticks::MIN);
    machines::answer(call, &world, sightings.machines.into_iter().collect())
}

/// GET the alerts about a file.
pub fn file_alerts(call: &Call<'_>) -> Result<Reply, Refusal> {
    let hash = checked_hash(call.args[0], true)?;
    let world = call.tenant.world();
    let sightings = file_sightings(call, &world, &hash, Ticks::MIN);
    alerts::answer(call, &world, sightings.alerts)
}

// ---------------------------------------------------------------- hosts and addresses

/// The host of a URL, or the text itself.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or(rest)
}

fn host_sightings(call: &Call<'_>, world: &World, host: &str, since: Ticks) -> Sightings {
    let mut sightings = seen(
        world,
        host,
        |item| {
            item["url"]
                .as_str()
                .is_some_and(|url| host_of(url).eq_ignore_ascii_case(host))
        },
        since,
    );
    if facts::is_known_host(host) {
        sightings.everywhere(world, call.now, None);
    }
    sightings
}

fn checked_host(call: &Call<'_>) -> Result<String, Refusal> {
    let host = call.args[0].trim_end_matches('.').to_lowercase();
    if indicators::is_domain(&host) {
        return Ok(host);
    }
    Err(Refusal::new(
        400,
        "InvalidDomainName",
        format!("{host} is not a valid domain name."),
    ))
}

fn stats(kind: &str, key: &str, value: &str, sightings: &Sightings, since: Ticks) -> Reply {
    let inside = sightings.within(since);
    Reply::value(
        200,
        &json!({
            "@odata.context": format!("{METADATA}microsoft.windowsDefenderATP.api.{kind}"),
            key: value,
            "organizationPrevalence": if inside { sightings.machines.len() } else { 0 },
            "orgFirstSeen": time(if inside { sightings.first } else { 0 }),
            "orgLastSeen": time(if inside { sightings.last } else { 0 }),
        }),
    )
}

/// GET the statistics of a host. One that nobody has seen has a prevalence of 0.
pub fn domain_stats(call: &Call<'_>) -> Result<Reply, Refusal> {
    let host = checked_host(call)?;
    let since = look_back(call)?;
    let world = call.tenant.world();
    let sightings = host_sightings(call, &world, &host, since);
    Ok(stats("InOrgDomainStats", "host", &host, &sightings, since))
}

/// GET the machines that talked to a host.
pub fn domain_machines(call: &Call<'_>) -> Result<Reply, Refusal> {
    let host = checked_host(call)?;
    let world = call.tenant.world();
    let sightings = host_sightings(call, &world, &host, Ticks::MIN);
    let machines = sightings.machines.into_iter().take(MOST_MACHINES).collect();
    machines::answer(call, &world, machines)
}

/// GET the alerts about a host.
pub fn domain_alerts(call: &Call<'_>) -> Result<Reply, Refusal> {
    let host = checked_host(call)?;
    let world = call.tenant.world();
    let sightings = host_sightings(call, &world, &host, Ticks::MIN);
    alerts::answer(call, &world, sightings.alerts)
}

fn ip_sightings(call: &Call<'_>, world: &World, ip: &str, since: Ticks) -> Sightings {
    let needle = format!("\"{ip}\"");
    let mut sightings = seen(world, &needle, |item| item["ipAddress"] == ip, since);
    if facts::is_known_host(ip) {
        sightings.everywhere(world, call.now, None);
    }
    sightings
}

fn checked_ip(call: &Call<'_>) -> Result<String, Refusal> {
    let text = call.args[0];
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_string()),
        Err(_) => Err(Refusal::new(
            400,
            "InvalidIpAddress",
            format!("{text} is not a valid IP address."),
        )),
    }
}

/// GET the statistics of an address. A valid one that nobody has seen has a prevalence of 0.
pub fn ip_stats(call: &Call<'_>) -> Result<Reply, Refusal> {
    let ip = checked_ip(call)?;
    let since = look_back(call)?;
    let world = call.tenant.world();
    let sightings = ip_sightings(call, &world, &ip, since);
    Ok(stats("InOrgIPStats", "ipAddress", &ip, &sightings, since))
}

/// GET the alerts about an address.
pub fn ip_alerts(call: &Call<'_>) -> Result<Reply, Refusal> {
    let ip = checked_ip(call)?;
    let world = call.tenant.world();
    let sightings = ip_sightings(call, &world, &ip, Ticks::MIN);
    alerts::answer(call, &world, sightings.alerts)
}

// ---------------------------------------------------------------- accounts

/// GET the machines of an account, named without its domain. An unknown name has none.
pub fn user_machines(call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.args[0];
    let world = call.tenant.world();
    let places = (0..world.machines.len() as u32)
        .filter(|place| {
            let person = world.machines[*place as usize].person;
            let person = world.people.get(person as usize);
            person.is_some_and(|p| p.account.eq_ignore_ascii_case(name))
                && !actions::is_offboarded(&world, *place, call.now)
        })
        .collect();
    machines::answer(call, &world, places)
}

/// GET the alerts about an account, named without its domain.
pub fn user_alerts(call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.args[0].to_lowercase();
    let world = call.tenant.world();
    let account = world
        .people
        .iter()
        .find(|p| p.account.eq_ignore_ascii_case(&name));
    let alerts = match account {
        Some(person) => {
            let needle = format!("\"accountName\":\"{}\"", person.account);
            facts::alerts_with(&world, &needle)
        }
        None => Vec::new(),
    };
    alerts::answer(call, &world, alerts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url() {
        for (url, host) in [
            ("https://a.example.com:8443/x?y#z", "a.example.com"),
            ("b.example.net/path", "b.example.net"),
            ("c.example.org", "c.example.org"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
