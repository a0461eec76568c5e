//! Machine actions on the wire: every row of the shared table of actions is carried out, and the life
//! of an action with its ends, duplicates, cancellations and consequences.

#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use endpoint::{
    ROLES, act, count, machine, machines, post, refused, rows, start, token, with_quirks,
};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, text};

/// What the rows are carried out with.
struct Stage {
    wire: Wire,
    active: Vec<String>,
    unmanaged: Vec<String>,
    everything: String,
}

impl Stage {
    async fn new() -> Self {
        let wire = start(with_quirks(&[])).await;
        let active = machines(
            &wire,
            "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
        )
        .await;
        let unmanaged = machines(&wire, "onboardingStatus eq 'CanBeOnboarded'").await;
        let everything = token(&wire, ROLES);
        Self {
            wire,
            active,
            unmanaged,
            everything,
        }
    }

    /// The path of a row with its gaps filled, on a device that has not been used yet.
    async fn path(&mut self, row: &Value) -> String {
        self.wire.defender.clone_from(&self.everything);
        let mut path = text(row, "path").to_owned();
        if path.contains("{machineId}") {
            let id = match text(row, "id") {
                "contain" => self.unmanaged.pop(),
                _ => self.active.pop(),
            };
            path = path.replace("{machineId}", &id.expect("enough devices"));
        }
        if path.contains("{actionId}") {
            let machine = self.active.pop().expect("enough devices");
            let action = match text(row, "id") {
                "getPackageUri" => act(&self.wire, &machine, "collectInvestigationPackage").await,
                "liveResponseResult" => {
                    let body = json!({"Commands": commands(&["RunScript"])});
                    let path = format!("/api/machines/{machine}/runliveresponse");
                    post(&self.wire, &path, body).await
                }
                _ => {
                    let body = json!({"Comment": "x", "ScanType": "Quick"});
                    post(
                        &self.wire,
                        &format!("/api/machines/{machine}/runAntiVirusScan"),
                        body,
                    )
                    .await
                }
            };
            if matches!(text(row, "id"), "getPackageUri" | "liveResponseResult") {
                self.wire.sim.advance(Duration::from_secs(200));
            }
            path = path
                .replace("{actionId}", text(&action, "id"))
                .replace("{index}", "0");
        }
        if path.contains("{indicatorId}") {
            let made = post(&self.wire, "/api/indicators", indicator(self.active.len())).await;
            path = path.replace("{indicatorId}", text(&made, "id"));
        }
        path
    }

    /// A body that says all that the row asks for.
    fn body(&mut self, row: &Value) -> Value {
        if row["id"] == "indicatorSubmit" {
            return indicator(1000 + self.active.len());
        }
        let mut body = json!({});
        for field in row["body"].as_array().expect("fields") {
            let name = text(field, "name");
            body[name] = match (name, text(field, "type")) {
                ("Sha1", _) => json!("0123456789012345678901234567890123456789"),
                ("Commands", _) => commands(&["PutFile", "RunScript", "GetFile"]),
                ("MachineIds", _) => json!(self.active[..2]),
                _ if field["values"].is_array() => field["values"][0].clone(),
                _ => json!("as a test"),
            };
        }
        body
    }
}

fn commands(kinds: &[&str]) -> Value {
    kinds
        .iter()
        .map(|kind| {
            let (key, value) = match *kind {
                "GetFile" => ("Path", "C:\\Windows\\Temp\\logs.zip"),
                "PutFile" => ("FileName", "Get-Autoruns.ps1"),
                _ => ("ScriptName", "Collect-Logs.ps1"),
            };
            json!({"type": kind, "params": [{"key": key, "value": value}]})
        })
        .collect()
}

fn indicator(n: usize) -> Value {
    json!({
        "indicatorValue": format!("host-{n}.example.net"),
        "indicatorType": "DomainName",
        "action": "Block",
        "title": "test",
        "description": "test",
    })
}

#[tokio::test]
async fn every_row_of_the_table_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/machine-actions.json");
    let Ok(table) = std::fs::read(&file) else {
        eprintln!("skipped: {} is not there", file.display());
        return;
    };
    let table: Vec<Value> = serde_json::from_slice(&table).expect("a table");
    assert!(table.len() > 15);
    let mut stage = Stage::new().await;
    for row in &table {
        let id = text(row, "id");
        let method: Method = text(row, "method").parse().expect("a method");
        let strings = |name: &str| -> Vec<String> {
            let list = row[name].as_array().expect("a list");
            list.iter()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect()
        };
        let expected: Vec<u64> = row["success"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        // Any one of the roles is enough.
        for role in strings("permissionApp") {
            let path = stage.path(row).await;
            let body = (method != Method::GET && method != Method::DELETE).then(|| stage.body(row));
            stage.wire.defender = token(&stage.wire, &[role.as_str()]);
            let (status, answer) = stage.wire.call(method.clone(), &path, body).await;
            assert!(
                expected.contains(&u64::from(status)),
                "{id} with {role}: {status} {answer}"
            );
            if let Some(kind) = row["machineActionType"].as_str() {
                assert_eq!(text(&answer, "type"), kind, "{id}");
                assert_eq!(text(&answer, "status"), "Pending", "{id}");
                for null in [
                    "lastUpdateDateTimeUtc",
                    "cancellationRequestor",
                    "title",
                    "troubleshootInfo",
                ] {
                    assert!(
                        answer[null].is_null() && answer.get(null).is_some(),
                        "{id}: {null}"
                    );
                }
            }
            if row["returns"] == "investigation" {
                assert!(
                    answer["machineId"].is_string() && answer["triggeringAlertId"].is_null(),
                    "{answer}"
                );
            }
        }
        // None of them is not.
        let path = stage.path(row).await;
        let others: Vec<&str> = ROLES
            .iter()
            .copied()
            .filter(|r| !strings("permissionApp").iter().any(|p| p == r))
            .collect();
        stage.wire.defender = token(&stage.wire, &others);
        let body = stage.body(row);
        let (status, answer) = stage
            .wire
            .call(method.clone(), &path, Some(body.clone()))
            .await;
        let message = text(&answer["error"], "message");
        assert!(
            status == 403 && strings("permissionApp").iter().all(|r| message.contains(r)),
            "{id}: {status} {answer}"
        );
        // What has to be there has to be there, with its case, and with a value of the list.
        stage.wire.defender.clone_from(&stage.everything);
        for field in row["body"].as_array().expect("fields") {
            let name = text(field, "name");
            let mut spoilt: Vec<(Value, &str)> = Vec::new();
            if field["required"] == true {
                let mut without = body.clone();
                without.as_object_mut().expect("an object").remove(name);
                spoilt.push((without, "MissingRequiredParameter"));
            }
            let mut misspelt = body.clone();
            let value = misspelt.as_object_mut().expect("an object").remove(name);
            if field["required"] == true || value.is_some() {
                misspelt[name.to_uppercase()] = value.unwrap_or_else(|| json!("x"));
                spoilt.push((misspelt, ""));
            }
            if field["values"].is_array() && name != "Commands" {
                let mut other = body.clone();
                other[name] = json!("Something");
                spoilt.push((other, "InvalidInput"));
            }
            if name == "Sha1" {
                let mut other = body.clone();
                other[name] = json!("0123");
                spoilt.push((other, "InvalidHashValue"));
            }
            for (body, code) in spoilt {
                let (status, answer) = stage
                    .wire
                    .call(method.clone(), &path, Some(body.clone()))
                    .await;
                let got = text(&answer["error"], "code");
                let fits = if code.is_empty() {
                    matches!(got, "MissingRequiredParameter" | "InvalidRequestBody")
                } else {
                    got == code
                };
                assert!(status == 400 && fits, "{id} {body}: {status} {answer}");
            }
        }
    }
}

#[tokio::test]
async fn platforms_sensors_and_plans_decide() {
    let wire = start(with_quirks(&[])).await;
    let on = |id: &str, verb: &str| format!("/api/machines/{id}/{verb}");
    let comment = json!({"Comment": "x"});
    let linux = machine(
        &wire,
        "osPlatform eq 'Linux' and onboardingStatus eq 'Onboarded'",
    )
    .await;
    for verb in ["restrictCodeExecution", "startInvestigation"] {
        let (code, message) = refused(&wire, &on(&linux, verb), comment.clone(), 400).await;
        assert!(
            code == "OsPlatformNotSupported" && message.contains("Linux"),
            "{message}"
        );
    }
    let selective = json!({"Comment": "x", "IsolationType": "Selective"});
    assert_eq!(
        refused(&wire, &on(&linux, "isolate"), selective, 400)
            .await
            .0,
        "OsPlatformNotSupported"
    );
    // An old sensor is told which one it takes.
    let macs = rows(
        &wire,
        "/api/machines?$filter=osPlatform eq 'macOS' and onboardingStatus eq 'Onboarded'",
    )
    .await;
    let old = macs
        .iter()
        .find(|m| m["agentVersion"] == "101.75.43")
        .expect("an old sensor");
    let (code, message) =
        refused(&wire, &on(text(old, "id"), "isolate"), comment.clone(), 400).await;
    assert!(
        code == "ClientVersionNotSupported" && message.contains("101.98.84"),
        "{message}"
    );

    let older = start(with_quirks(&["offboard-platforms=older"])).await;
    assert_eq!(
        refused(&older, &on(&linux, "offboard"), comment.clone(), 400)
            .await
            .0,
        "OsPlatformNotSupported"
    );

    for (plan, verb, body, fine) in [
        (
            "p1",
            "runAntiVirusScan",
            json!({"Comment": "x", "ScanType": "Quick"}),
            true,
        ),
        ("p1", "isolate", comment.clone(), true),
        ("p1", "collectInvestigationPackage", comment.clone(), false),
        (
            "p1",
            "runliveresponse",
            json!({"Commands": commands(&["GetFile"])}),
            false,
        ),
        ("business", "isolate", comment.clone(), true),
        ("business", "startInvestigation", comment.clone(), true),
        (
            "business",
            "StopAndQuarantineFile",
            json!({"Comment": "x", "Sha1": "a".repeat(40)}),
            false,
        ),
    ] {
        let wire = start(with_quirks(&[&format!("plan={plan}")])).await;
        let id = machine(
            &wire,
            "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
        )
        .await;
        if fine {
            post(&wire, &on(&id, verb), body).await;
        } else {
            assert_eq!(
                refused(&wire, &on(&id, verb), body, 403).await.0,
                "DisallowedOperation"
            );
        }
    }
}

#[tokio::test]
async fn a_second_action_gets_what_the_quirk_says() {
    for (quirk, verb, status) in [
        ("duplicate-action=usual", "isolate", 400),
        ("duplicate-action=usual", "runAntiVirusScan", 201),
        ("duplicate-action=existing", "isolate", 201),
        ("duplicate-action=refused", "runAntiVirusScan", 400),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(
            &wire,
            "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
        )
        .await;
        let path = format!("/api/machines/{id}/{verb}");
        let body = if verb == "isolate" {
            json!({"Comment": "x", "IsolationType": "Full"})
        } else {
            json!({"Comment": "x", "ScanType": "Quick"})
        };
        let first = post(&wire, &path, body.clone()).await;
        let (got, second) = wire.call(Method::POST, &path, Some(body)).await;
        assert_eq!(got, status, "{quirk} {verb}: {second}");
        if got == 201 {
            assert_eq!(second["id"], first["id"]);
            assert_eq!(second["creationDateTimeUtc"], first["creationDateTimeUtc"]);
        } else {
            assert_eq!(text(&second["error"], "code"), "ActiveRequestAlreadyExists");
        }
    }
}

#[tokio::test]
async fn isolating_twice_may_outlive_the_release() {
    for (quirk, last) in [
        ("isolate-isolated=succeeds", "Unisolate"),
        ("isolate-isolated=lingers", "Isolate"),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(
            &wire,
            "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
        )
        .await;
        for verb in ["isolate", "isolate", "unisolate"] {
            act(&wire, &id, verb).await;
            wire.sim.advance(Duration::from_secs(60));
        }
        wire.sim.advance(Duration::from_secs(3600));
        let path = format!(
            "/api/machineactions?$filter=machineId eq '{id}' and status eq 'Succeeded' and creationDateTimeUtc gt 2020-01-01T00:00:00Z"
        );
        let mut done = rows(&wire, &path).await;
        done.retain(|a| a["requestSource"] == "PublicApi");
        done.sort_by(|a, b| text(a, "lastUpdateDateTimeUtc").cmp(text(b, "lastUpdateDateTimeUtc")));
        assert_eq!(done.last().map(|a| text(a, "type")), Some(last), "{quirk}");
    }
}

#[tokio::test]
async fn names_of_fields_follow_the_quirks() {
    let wire = start(with_quirks(&[
        "action-update-name=lastUpdateTimeUtc",
        "external-id-name=externalId",
    ]))
    .await;
    let id = machine(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await;
    let body = json!({"Comment": "x", "ExternalId": "case-17"});
    let action = post(&wire, &format!("/api/machines/{id}/isolate"), body).await;
    assert_eq!(text(&action, "externalId"), "case-17");
    assert!(
        action.get("lastUpdateTimeUtc").is_some() && action.get("lastUpdateDateTimeUtc").is_none()
    );
}

#[tokio::test]
async fn a_device_that_is_offboarded_leaves() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await;
    let before = count(
        &wire,
        "/api/machines/$count?$filter=onboardingStatus eq 'Onboarded'",
    )
    .await;
    assert_eq!(
        refused(
            &wire,
            &format!("/api/machines/{id}/offboard"),
            json!({}),
            400
        )
        .await
        .0,
        "MissingRequiredParameter"
    );
    act(&wire, &id, "offboard").await;
    wire.sim.advance(Duration::from_secs(120));
    let gone = wire.get(&format!("/api/machines/{id}")).await;
    assert_eq!(
        (text(&gone, "onboardingStatus"), text(&gone, "healthStatus")),
        ("CanBeOnboarded", "Inactive")
    );
    let after = count(
        &wire,
        "/api/machines/$count?$filter=onboardingStatus eq 'Onboarded'",
    )
    .await;
    assert_eq!(after, before - 1);
    refused(
        &wire,
        &format!("/api/machines/{id}/unisolate"),
        json!({"Comment": "x"}),
        400,
    )
    .await;
    // It can be contained like any other that nobody manages, and by default not released.
    let contain = json!({"Comment": "x", "IsolationType": "UnManagedDevice"});
    let action = post(&wire, &format!("/api/machines/{id}/isolate"), contain).await;
    assert_eq!(text(&action, "scope"), "UnManagedDevice");
}

#[tokio::test]
async fn containment_is_released_where_the_quirk_says_so() {
    for (quirk, status) in [
        ("release-containment=portal", 400),
        ("release-containment=unisolate", 201),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(&wire, "onboardingStatus eq 'CanBeOnboarded'").await;
        let contain = json!({"Comment": "x", "IsolationType": "UnManagedDevice"});
        post(&wire, &format!("/api/machines/{id}/isolate"), contain).await;
        wire.sim.advance(Duration::from_secs(400));
        let path = format!("/api/machines/{id}/unisolate");
        let (got, answer) = wire
            .call(Method::POST, &path, Some(json!({"Comment": "x"})))
            .await;
        assert_eq!(got, status, "{quirk}: {answer}");
    }
    let wire = start(with_quirks(&[])).await;
    let managed = machine(&wire, "healthStatus eq 'Active'").await;
    let contain = json!({"Comment": "x", "IsolationType": "UnManagedDevice"});
    assert_eq!(
        refused(
            &wire,
            &format!("/api/machines/{managed}/isolate"),
            contain,
            400
        )
        .await
        .0,
        "InvalidInput"
    );
}

#[tokio::test]
async fn a_cancellation_may_come_too_late() {
    // Offboarding shows on the machine whether its work was done.
    for (quirk, status) in [
        ("cancel-race=stops", "Onboarded"),
        ("cancel-race=too-late", "CanBeOnboarded"),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(
            &wire,
            "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
        )
        .await;
        let action = act(&wire, &id, "offboard").await;
        wire.sim.advance(Duration::from_secs(8));
        let path = format!("/api/machineactions/{}", text(&action, "id"));
        assert_eq!(wire.get(&path).await["status"], "InProgress");
        let cancelled = post(&wire, &format!("{path}/cancel"), json!({"Comment": "stop"})).await;
        assert_eq!(
            (text(&cancelled, "status"), &cancelled["id"]),
            ("Cancelled", &action["id"])
        );
        wire.sim.advance(Duration::from_secs(60));
        assert_eq!(wire.get(&path).await["status"], "Cancelled");
        assert_eq!(
            wire.get(&format!("/api/machines/{id}")).await["onboardingStatus"],
            status,
            "{quirk}"
        );
        refused(&wire, &format!("{path}/cancel"), json!({}), 400).await;
    }
    let wire = start(with_quirks(&["cancel-collect-only=refused"])).await;
    let id = machine(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await;
    let action = act(&wire, &id, "collectInvestigationPackage").await;
    let cancel = format!("/api/machineactions/{}/cancel", text(&action, "id"));
    let alone = Wire {
        defender: token(&wire, &["Machine.CollectForensics"]),
        ..wire
    };
    refused(&alone, &cancel, json!({}), 403).await;
}

#[tokio::test]
async fn a_quarantined_file_is_gone_from_its_device() {
    let wire = start(nightjar::sim::SimConfig {
        trickle: false,
        incidents: 20,
        alerts: 60,
        machines: 40,
        ..Default::default()
    })
    .await;
    // A file that an alert of the story saw on a device.
    let mut found = None;
    for alert in rows(
        &wire,
        "/api/alerts?$expand=evidence&$filter=detectionSource eq 'WindowsDefenderAtp'",
    )
    .await
    {
        let evidence = alert["evidence"].as_array().expect("evidence").clone();
        for item in evidence
            .iter()
            .filter(|e| e["entityType"] == "File" && e["sha1"].is_string())
        {
            found = Some((
                text(&alert, "machineId").to_owned(),
                text(item, "sha1").to_owned(),
            ));
        }
    }
    let (machine, sha1) = found.expect("an alert about a file");
    let on = format!("/api/files/{sha1}/machines");
    let has = |rows: &[Value]| rows.iter().any(|m| text(m, "id") == machine);
    assert!(has(&rows(&wire, &on).await));
    let path = format!("/api/machines/{machine}/StopAndQuarantineFile");
    let action = post(
        &wire,
        &path,
        json!({"Comment": "x", "Sha1": sha1.to_uppercase()}),
    )
    .await;
    assert_eq!(
        action["relatedFileInfo"],
        json!({"fileIdentifier": sha1, "fileIdentifierType": "Sha1"})
    );
    // What is not there cannot be taken away.
    let other = machines(
        &wire,
        &format!("healthStatus eq 'Active' and osPlatform eq 'Windows11' and id ne '{machine}'"),
    )
    .await;
    let absent = post(
        &wire,
        &format!("/api/machines/{}/StopAndQuarantineFile", other[0]),
        json!({"Comment": "x", "Sha1": "b".repeat(40)}),
    )
    .await;
    wire.sim.advance(Duration::from_secs(90));
    let done = wire
        .get(&format!("/api/machineactions/{}", text(&action, "id")))
        .await;
    assert_eq!(done["status"], "Succeeded");
    let failed = wire
        .get(&format!("/api/machineactions/{}", text(&absent, "id")))
        .await;
    assert!(failed["status"] == "Failed" && failed["errorHResult"] != 0);
    assert!(!has(&rows(&wire, &on).await));
}

#[tokio::test]
async fn scans_find_something_now_and_then() {
    let wire = start(with_quirks(&[])).await;
    let before = count(&wire, "/api/alerts/$count").await;
    for id in machines(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await
    .iter()
    .take(40)
    {
        post(
            &wire,
            &format!("/api/machines/{id}/runAntiVirusScan"),
            json!({"Comment": "x", "ScanType": "Full"}),
        )
        .await;
    }
    wire.sim.advance(Duration::from_secs(400));
    let found = count(&wire, "/api/alerts/$count").await - before;
    assert!((2..30).contains(&found), "{found} findings");
    let newest = &rows(&wire, "/api/alerts?$top=1").await[0];
    assert_eq!(
        (text(newest, "status"), text(newest, "detectionSource")),
        ("New", "WindowsDefenderAv")
    );
}

#[tokio::test]
async fn investigations_are_started_and_end() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await;
    let one = act(&wire, &id, "startInvestigation").await;
    assert_eq!(
        (text(&one, "state"), text(&one, "machineId")),
        ("Queued", id.as_str())
    );
    let path = format!("/api/investigations/{}", text(&one, "id"));
    wire.sim.advance(Duration::from_secs(30));
    assert_eq!(wire.get(&path).await["state"], "Running");
    wire.sim.advance(Duration::from_secs(600));
    let done = wire.get(&path).await;
    assert!(
        done["endTime"].is_string() && done["state"] != "Running",
        "{done}"
    );
    let mine = rows(
        &wire,
        &format!("/api/investigations?$filter=machineId eq '{id}'"),
    )
    .await;
    assert!(mine.iter().any(|i| i["id"] == one["id"]));
    // Alerts of the past had theirs, and say which.
    let of_alerts = rows(
        &wire,
        "/api/investigations?$filter=triggeringAlertId ne null&$top=5",
    )
    .await;
    for row in &of_alerts {
        let alert = wire
            .get(&format!("/api/alerts/{}", text(row, "triggeringAlertId")))
            .await;
        assert_eq!(alert["investigationId"].to_string(), text(row, "id"));
    }
    assert_eq!(of_alerts.len(), 5);
    assert_eq!(
        wire.call(Method::GET, "/api/investigations/1", None)
            .await
            .0,
        404
    );
}

/// A token of a person for everything the application may ask for in their name.
async fn person(wire: &Wire, who: &str) -> String {
    let form = [
        ("grant_type", "password"),
        ("client_id", wire.sim.client_id()),
        ("username", who),
        ("password", wire.sim.password()),
        ("scope", &format!("{}/.default", support::DEFENDER)),
    ];
    let (status, body) = wire.ask_token(wire.sim.tenant_id(), &form).await;
    assert_eq!(status, 200, "{body}");
    text(&body, "access_token").to_owned()
}

#[tokio::test]
async fn people_do_what_their_role_allows_and_are_named() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(
        &wire,
        "healthStatus eq 'Active' and osPlatform eq 'Windows11'",
    )
    .await;
    let reader = person(&wire, "noor.devries@contoso.com").await;
    let operator = person(&wire, "jonas.weber@contoso.com").await;
    let wire = Wire {
        defender: reader,
        ..wire
    };
    let collect = format!("/api/machines/{id}/collectInvestigationPackage");
    assert_eq!(wire.get(&format!("/api/machines/{id}")).await["id"], id);
    refused(&wire, &collect, json!({"Comment": "x"}), 403).await;
    let wire = Wire {
        defender: operator,
        ..wire
    };
    let action = post(&wire, &collect, json!({"Comment": "x"})).await;
    assert_eq!(text(&action, "requestor"), "jonas.weber@contoso.com");
    let value = format!("/api/machines/{id}/setDeviceValue");
    refused(&wire, &value, json!({"DeviceValue": "Low"}), 403).await;
    wire.sim.advance(Duration::from_secs(200));
    // The link to a package takes the right to collect one, not the right to read machines.
    let link = format!("/api/machineactions/{}/getPackageUri", text(&action, "id"));
    assert!(text(&wire.get(&link).await, "value").contains("sig="));
}
