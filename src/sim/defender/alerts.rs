//! Alerts in the endpoint service's own form: the same rows that Graph serves, those of this service.

use serde_json::{Value as Json, json};

use super::super::clock::{self, Ticks};
use super::super::http::Reply;
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::quirks::{AlertIds, ConfirmedActivity, NotMalicious, Quirks};
use super::super::words;
use super::super::world::World;
use super::call::{Call, entity as with_context, not_found, time};
use super::{Refusal, facts, investigations, machines, pivots};

/// `severity`, in the order of [`words::SEVERITY`].
pub const SEVERITY: &[&str] = &["UnSpecified", "Informational", "Low", "Medium", "High"];
/// `status`, in the order of [`words::ALERT_STATUS`].
pub const STATUS: &[&str] = &["Unknown", "New", "InProgress", "Resolved"];
/// `classification`, in the order of [`words::CLASSIFICATION`].
pub const CLASSIFICATION: &[&str] = &[
    "",
    "Unknown",
    "FalsePositive",
    "TruePositive",
    "InformationalExpectedActivity",
];
/// `determination`, in the order of [`words::DETERMINATION`].
pub const DETERMINATION: &[&str] = &[
    "",
    "NotAvailable",
    "Apt",
    "Malware",
    "SecurityPersonnel",
    "SecurityTesting",
    "UnwantedSoftware",
    "Other",
    "MultiStagedAttack",
    "CompromisedUser",
    "Phishing",
    "MaliciousUserActivity",
    "NotMalicious",
    "InsufficientData",
    "ConfirmedActivity",
    "LineOfBusinessApplication",
];
/// `detectionSource` by the source's name.
const DETECTION: &[(&str, &str)] = &[
    ("antivirus", "WindowsDefenderAv"),
    ("endpoint", "WindowsDefenderAtp"),
    ("custom", "CustomerTI"),
];

const TYPE: Type = Type {
    name: "microsoft.windowsDefenderATP.api.Alert",
    properties: &[
        filterable("alertCreationTime", Kind::Time),
        filterable("lastUpdateTime", Kind::Time),
        filterable("incidentId", Kind::Number),
        filterable("investigationId", Kind::Number),
        filterable("id", Kind::Text),
        filterable("assignedTo", Kind::Text),
        filterable("detectionSource", Kind::Text),
        filterable("lastEventTime", Kind::Time),
        filterable("status", Kind::Text),
        filterable("severity", Kind::Text),
        filterable("category", Kind::Text),
    ],
};

/// An alert and what has to be worked out to filter on it.
#[derive(Debug)]
struct Head {
    place: u32,
    id: String,
    investigation: Option<i64>,
}

/// A determination as this tenant spells it.
pub fn determination(member: u8, quirks: &Quirks) -> &'static str {
    match DETERMINATION[member as usize] {
        "NotMalicious" if quirks.not_malicious == NotMalicious::Clean => "Clean",
        "ConfirmedActivity" if quirks.confirmed_activity == ConfirmedActivity::Long => {
            "ConfirmedUserActivity"
        }
        name => name,
    }
}

fn detection(world: &World, place: u32) -> &'static str {
    let name = world.shell(&world.alerts[place as usize]).source.name;
    DETECTION
        .iter()
        .find(|(n, _)| *n == name)
        .map_or("WindowsDefenderAtp", |(_, d)| d)
}

/// The id of an alert at this service: what Graph calls the provider's.
pub fn id_of(world: &World, place: u32, quirks: &Quirks) -> String {
    match quirks.alert_ids {
        AlertIds::Endpoint => world.provider_alert_id(place),
        AlertIds::Graph => world.alert_id(place),
    }
}

/// The place of an alert of this service, by either form of its id.
pub fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    let by_ticks = || {
        let (ticks, number) = id.strip_prefix("da")?.split_once('_')?;
        let (ticks, number): (Ticks, i32) = (ticks.parse().ok()?, number.parse().ok()?);
        world
            .alert_index
            .created
            .range((ticks, 0)..=(ticks, u32::MAX))
            .map(|(_, place)| *place)
            .find(|place| world.alerts[*place as usize].key as u32 as i32 == number)
    };
    by_ticks()
        .or_else(|| world.find_alert(id))
        .filter(|place| facts::is_endpoint(world, *place))
        .ok_or_else(|| not_found("Alert", id))
}

fn field<'a>(world: &'a World, head: &'a Head, property: usize) -> Field<'a> {
    let alert = &world.alerts[head.place as usize];
    match property {
        0 => Field::Time(alert.created),
        1 => Field::Time(alert.updated),
        2 => Field::Number(i64::from(world.incidents[alert.incident as usize].id)),
        3 => head.investigation.map_or(Field::Null, Field::Number),
        4 => Field::Text(&head.id),
        5 => world.text(alert.assigned).map_or(Field::Null, Field::Text),
        6 => Field::Text(detection(world, head.place)),
        7 => Field::Time(alert.last),
        8 => Field::Text(STATUS[alert.status as usize]),
        9 => Field::Text(SEVERITY[alert.severity as usize]),
        10 => world
            .shell(alert)
            .categories
            .first()
            .map_or(Field::Null, |c| Field::Text(c)),
        _ => Field::Null,
    }
}

/// Answers with alerts, whatever chose them.
pub fn answer(call: &Call<'_>, world: &World, places: Vec<u32>) -> Result<Reply, Refusal> {
    let heads: Vec<Head> = places
        .into_iter()
        .map(|place| Head {
            place,
            id: id_of(world, place, &call.tenant.quirks),
            investigation: investigations::of_alert(world, place),
        })
        .collect();
    let page = call.page(TYPE, heads.iter().collect(), |head: &Head, property| {
        field(world, head, property)
    })?;
    let expanded = page.expands("evidence");
    Ok(call.write("Alerts", &page, |out, head| {
        let alert = written(call, world, head.place, expanded);
        out.extend_from_slice(alert.to_string().as_bytes());
    }))
}

/// GET the collection, newest first.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    answer(call, &world, facts::endpoint_alerts(&world))
}

/// GET the alerts of a machine.
pub fn of_machine(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let machine = machines::find(&world, call.args[0])?;
    let mut places = facts::endpoint_alerts(&world);
    places.retain(|place| facts::machine_of(&world, *place) == Some(machine));
    answer(call, &world, places)
}

/// GET one: its evidence is there without being asked for.
pub fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    Ok(entity(call, &world, place))
}

/// One alert with its context.
pub fn entity(call: &Call<'_>, world: &World, place: u32) -> Reply {
    with_context(200, "Alerts", written(call, world, place, true))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Ready JSON of the catalogue as a value.
fn ready(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}

/// One alert.
fn written(call: &Call<'_>, world: &World, place: u32, with_evidence: bool) -> Json {
    let alert = &world.alerts[place as usize];
    let shell = world.shell(alert);
    let quirks = &call.tenant.quirks;
    let machine = facts::machine_of(world, place).map(|m| world.device(m));
    let items = facts::evidence(world, place);
    let evidence: Vec<Json> = if with_evidence {
        items.iter().filter_map(evidence_item).collect()
    } else {
        Vec::new()
    };
    let comments: Vec<Json> = alert
        .comments
        .iter()
        .map(|c| json!({ "comment": c.text, "createdBy": c.by, "createdTime": time(c.at) }))
        .collect();
    let user = related_user(&items);
    json!({
        "id": id_of(world, place, quirks),
        "incidentId": world.incidents[alert.incident as usize].id,
        "investigationId": investigations::of_alert(world, place),
        "assignedTo": world.text(alert.assigned),
        "severity": SEVERITY[alert.severity as usize],
        "status": STATUS[alert.status as usize],
        "classification": (alert.classification != 0).then(|| CLASSIFICATION[alert.classification as usize]),
        "determination": (alert.determination != 0).then(|| determination(alert.determination, quirks)),
        "investigationState": capital(words::INVESTIGATION[alert.investigation as usize]),
        "detectionSource": detection(world, place),
        "detectorId": ready(&shell.detector),
        "category": shell.categories.first(),
        "threatFamilyName": ready(&shell.family),
        "threatName": ready(&shell.threat),
        "title": shell.title,
        "description": ready(&shell.description),
        "alertCreationTime": time(alert.created),
        "firstEventTime": time(alert.first),
        "lastEventTime": time(alert.last),
        "lastUpdateTime": time(alert.updated),
        "resolvedTime": time(alert.resolved),
        "machineId": machine.map(|m| &m.id),
        "computerDnsName": machine.map(|m| &m.dns),
        "rbacGroupName": machine.map(|m| &m.group),
        "aadTenantId": world.tenant,
        "mitreTechniques": ready(&shell.techniques_json),
        "relatedUser": user.map(|u| json!({ "userName": u["accountName"], "domainName": u["domainName"] })),
        "loggedOnUsers": [],
        "comments": comments,
        "evidence": evidence,
    })
}

/// The account an alert is about.
fn related_user(items: &[Json]) -> Option<&Json> {
    items
        .iter()
        .map(|item| &item["userAccount"])
        .find(|account| account.is_object())
}

/// A piece of evidence in this service's form; the device is not among them.
fn evidence_item(item: &Json) -> Option<Json> {
    let entity = match facts::kind(item) {
        "userEvidence" => "User",
        "processEvidence" => "Process",
        "fileEvidence" => "File",
        "ipEvidence" => "Ip",
        "urlEvidence" => "Url",
        "registryKeyEvidence" | "registryValueEvidence" => "Registry",
        _ => return None,
    };
    let when = |value: &Json| {
        let at = value.as_str().and_then(clock::parse).unwrap_or(0);
        time(at)
    };
    let file = match entity {
        "Process" => &item["imageFile"],
        _ => &item["fileDetails"],
    };
    let parent = &item["parentProcessImageFile"];
    let account = &item["userAccount"];
    Some(json!({
        "entityType": entity,
        "evidenceCreationTime": when(&item["createdDateTime"]),
        "sha1": file["sha1"],
        "sha256": file["sha256"],
        "fileName": file["fileName"],
        "filePath": file["filePath"],
        "processId": item["processId"],
        "processCommandLine": item["processCommandLine"],
        "processCreationTime": when(&item["processCreationDateTime"]),
        "parentProcessId": item["parentProcessId"],
        "parentProcessCreationTime": when(&item["parentProcessCreationDateTime"]),
        "parentProcessFileName": parent["fileName"],
        "parentProcessFilePath": parent["filePath"],
        "ipAddress": item["ipAddress"],
        "url": item["url"],
        "registryKey": item["registryKey"],
        "registryHive": item["registryHive"],
        "registryValueType": item["registryValueType"],
        "registryValue": item["registryValue"],
        "accountName": account["accountName"],
        "domainName": account["domainName"],
        "userSid": account["userSid"],
        "aadUserId": account["azureAdUserId"],
        "userPrincipalName": account["userPrincipalName"],
        "detectionStatus": item["detectionStatus"].as_str().map(capital),
    }))
}

/// GET the machine of an alert.
pub fn machine(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    let machine = facts::machine_of(&world, place)
        .ok_or_else(|| not_found("The machine of alert", call.args[0]))?;
    Ok(machines::entity(call, &world, machine))
}

/// GET the user of an alert.
pub fn user(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    let items = facts::evidence(&world, place);
    let person = related_user(&items)
        .and_then(|u| u["accountName"].as_str())
        .and_then(|account| world.people.iter().position(|p| p.account == account))
        .ok_or_else(|| not_found("The user of alert", call.args[0]))?;
    Ok(with_context(
        200,
        "Users",
        machines::user_json(&world, person as u32),
    ))
}

/// GET the files of an alert.
pub fn files(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    let mut hashes: Vec<String> = Vec::new();
    for item in &facts::evidence(&world, place) {
        for (details, _) in facts::files(item) {
            if let Some(sha1) = details["sha1"].as_str()
                && !hashes.iter().any(|h| h == sha1)
            {
                hashes.push(sha1.into());
            }
        }
    }
    let rows: Vec<Json> = hashes
        .iter()
        .filter_map(|sha1| pivots::file_json(&world, sha1, call.now))
        .collect();
    Ok(call.all("Files", &rows))
}

/// GET the addresses of an alert.
pub fn ips(call: &Call<'_>) -> Result<Reply, Refusal> {
    distinct(call, "Ips", |item| {
        let ip = item["ipAddress"].as_str()?;
        Some(json!({ "id": ip }))
    })
}

/// GET the hosts of an alert.
pub fn domains(call: &Call<'_>) -> Result<Reply, Refusal> {
    distinct(call, "Domains", |item| {
        let host = pivots::host_of(item["url"].as_str()?);
        Some(json!({ "host": host }))
    })
}

fn distinct(
    call: &Call<'_>,
    set: &str,
    read: impl Fn(&Json) -> Option<Json>,
) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    let mut rows: Vec<Json> = Vec::new();
    for row in facts::evidence(&world, place).iter().filter_map(read) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    Ok(call.all(set, &rows))
}
