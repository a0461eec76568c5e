//! Making an alert from a row of the hunting tables.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::clock;
use super::super::evidence::Evidence;
use super::super::http::Reply;
use super::super::ids;
use super::super::json;
use super::super::noise::{Shell, ShellText};
use super::super::words;
use super::super::world::{ACTIVE, Alert, Body, Incident, Told, World};
use super::alerts::{SEVERITY, entity};
use super::call::{Call, member, missing, only, text, wrong_kind};
use super::{Refusal, facts, hunting, investigations, machines};

/// `category` of an alert that is made by a client.
const CATEGORIES: &[&str] = &[
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];

/// POST an alert from a row: exactly this time, report and device.
pub async fn by_reference(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let event_time = text(&body, "eventTime")?;
    let report = match body.get("reportId") {
        Some(Json::String(text)) => text.trim().parse::<i64>().ok(),
        Some(Json::Number(number)) => number.as_i64(),
        Some(_) => return Err(wrong_kind("reportId", "a number")),
        None => return Err(missing("reportId")),
    };
    let report = report.ok_or_else(|| wrong_kind("reportId", "a number"))?;
    let machine_id = text(&body, "machineId")?.to_owned();
    let severity = member(&body, "severity", &["Low", "Medium", "High"])?;
    let severity = words::place(SEVERITY, severity).unwrap_or(0);
    let title = text(&body, "title")?.to_owned();
    let description = text(&body, "description")?.to_owned();
    let actions = text(&body, "recommendedAction")?.to_owned();
    let category = member(&body, "category", CATEGORIES)?.to_owned();
    only(
        &body,
        &[
            "eventTime",
            "reportId",
            "machineId",
            "severity",
            "title",
            "description",
            "recommendedAction",
            "category",
        ],
    )?;
    let at = clock::parse(event_time).ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidInput",
            format!("{event_time} is not a valid eventTime."),
        )
    })?;
    let device = {
        let world = call.tenant.world();
        let machine = machines::find(&world, &machine_id)?;
        world.device(machine).id.clone()
    };
    let Some(row) = hunting::device_row(call, at, report, &device).await? else {
        return Err(Refusal::new(
            404,
            "ResourceNotFound",
            format!(
                "Event with report id {report} at {event_time} was not found on machine {machine_id}."
            ),
        ));
    };
    let mut world = call.tenant.world_mut();
    let machine = machines::find(&world, &device)?;
    // An open alert of the same device and title takes the event in.
    let open = facts::endpoint_alerts(&world).into_iter().find(|alert| {
        let row = &world.alerts[*alert as usize];
        row.resolved == 0
            && world.shell(row).title == title
            && facts::machine_of(&world, *alert) == Some(machine)
    });
    let evidence = evidence(call, &world, machine, &row);
    if let Some(alert) = open {
        let row = &mut world.alerts[alert as usize];
        (row.first, row.last) = (row.first.min(at), row.last.max(at));
        if let Body::Told(told) = &mut row.body {
            // The device is there already.
            told.evidence.extend(evidence.into_iter().skip(1));
        }
        let incident = row.incident;
        world.touch_alert(alert, call.now);
        let by = world.incidents[incident as usize].modified_by;
        world.touch_incident(incident, call.now, by);
        return Ok(entity(call, &world, alert));
    }
    let source = words::source_named("custom").expect("the table of sources has it");
    let shell = Shell::new(
        world.seed,
        ShellText {
            source,
            title: &title,
            description: &description,
            actions: &actions,
            categories: vec![category],
            techniques: Vec::new(),
            threat: None,
        },
    );
    let by = world.name("Microsoft 365 Defender-Correlation");
    let id = world.incident_id(world.incidents.len() as u32);
    let incident = world.push_incident(Incident {
        id,
        created: call.now,
        updated: call.now,
        severity,
        status: ACTIVE,
        classification: 1,
        determination: 1,
        priority: Some(severity * 14),
        assigned: 0,
        modified_by: by,
        redirect: 0,
        alerts: Vec::new(),
        extra: None,
    });
    let alert = Alert {
        key: ids::parse_guid(&ids::guid(
            world.seed,
            &format!("created alert {}", world.alerts.len()),
        ))
        .unwrap_or_default(),
        incident,
        created: call.now,
        updated: call.now,
        first: at,
        last: at,
        resolved: 0,
        severity,
        status: 1,
        classification: 0,
        determination: 0,
        investigation: words::place(words::INVESTIGATION, "running").unwrap_or(0),
        assigned: 0,
        body: Body::Told(Box::new(Told {
            shell: Arc::new(shell),
            evidence,
            additional: "{}".into(),
            custom: "{}".into(),
            actor: None,
            tags: Vec::new(),
        })),
        comments: Vec::new(),
    };
    let alert = world.push_alert(alert);
    investigations::begin(call, &mut world, machine, Some(alert));
    Ok(entity(call, &world, alert))
}

/// The device, and the file the row is about.
fn evidence(
    call: &Call<'_>,
    world: &World,
    machine: u32,
    row: &hunting::DeviceRow,
) -> Vec<Evidence> {
    let device = world.device(machine);
    let piece = |kind: &str, own: String| Evidence {
        kind: kind.into(),
        created: call.now,
        verdict: "unknown".into(),
        remediation: "none".into(),
        details: None,
        roles: Vec::new(),
        detailed_roles: Vec::new(),
        tags: Vec::new(),
        own,
        entity: String::new(),
    };
    let mut out = vec![piece("deviceEvidence", device.json.clone())];
    if let Some(sha1) = &row.sha1 {
        let quoted = |text: &Option<String>| text.as_deref().map_or("null".into(), json::quoted);
        out.push(piece(
            "fileEvidence",
            format!(
                ",\"detectionStatus\":\"detected\",\"mdeDeviceId\":{},\"fileDetails\":{{\"fileName\":{},\"filePath\":{},\
                 \"fileSize\":null,\"sha1\":{},\"sha256\":{},\"md5\":null,\"sha256Ac\":null,\"filePublisher\":null,\
                 \"signer\":null,\"issuer\":null}}",
                json::quoted(&device.id),
                quoted(&row.file),
                quoted(&row.folder),
                json::quoted(sha1),
                quoted(&row.sha256),
            ),
        ));
    }
    out
}
