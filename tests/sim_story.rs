//! The story of the simulated tenant, as it is served: how it unfolds, what it carries, and that every
//! property is named and typed as the published schema has it.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use nightjar::sim::{SimConfig, Tale};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, text};

fn told() -> SimConfig {
    SimConfig {
        trickle: false,
        seed: 7,
        incidents: 30,
        alerts: 90,
        machines: 20,
        ..SimConfig::default()
    }
}

async fn incidents(wire: &Wire) -> Vec<Value> {
    wire.drain("/v1.0/security/incidents").await.0
}

async fn alerts(wire: &Wire) -> Vec<Value> {
    wire.drain("/v1.0/security/alerts_v2?$top=1000").await.0
}

fn titled<'a>(rows: &'a [Value], field: &str, part: &str) -> Option<&'a Value> {
    rows.iter().find(|r| text(r, field).contains(part))
}

#[tokio::test]
async fn the_attack_unfolds_and_a_colleague_works_beside_us() {
    let wire = Wire::start(told()).await;
    // The first screen is full: some of it has already happened.
    let before = incidents(&wire).await;
    let mail = titled(&before, "displayName", "malicious file removed")
        .expect("the mail")
        .clone();
    let attack = titled(&before, "displayName", "Execution on one endpoint")
        .expect("the attack")
        .clone();
    let leaver = titled(&before, "displayName", "Mass download")
        .expect("the leaver")
        .clone();
    assert_eq!(
        (text(&mail, "status"), text(&attack, "severity")),
        ("active", "high")
    );
    let macro_alert = titled(&alerts(&wire).await, "title", "encoded script host")
        .expect("an alert")
        .clone();
    assert!(titled(&alerts(&wire).await, "title", "LSASS").is_none());

    wire.sim.advance(Duration::from_secs(60));
    let now = alerts(&wire).await;
    assert!(
        titled(&now, "title", "LSASS").is_some(),
        "new within the first minute"
    );
    let grown = titled(&now, "title", "encoded script host").expect("an alert");
    let count = |alert: &Value| alert["evidence"].as_array().map_or(0, Vec::len);
    assert_eq!(count(grown), count(&macro_alert) + 2, "evidence came late");
    assert_ne!(
        grown["lastUpdateDateTime"],
        macro_alert["lastUpdateDateTime"]
    );
    let leaver = wire
        .get(&format!("/v1.0/security/incidents/{}", text(&leaver, "id")))
        .await;
    assert_eq!(
        (text(&leaver, "assignedTo"), text(&leaver, "status")),
        ("amira.haddad@contoso.com", "inProgress")
    );
    assert_eq!(leaver["comments"].as_array().map(Vec::len), Some(1));

    wire.sim.advance(Duration::from_secs(90));
    let merged = wire
        .get(&format!(
            "/v1.0/security/incidents/{}?$expand=alerts",
            text(&mail, "id")
        ))
        .await;
    assert_eq!(
        (text(&merged, "status"), &merged["redirectIncidentId"]),
        ("redirected", &attack["id"])
    );
    assert_eq!(merged["alerts"], json!([]));
    let target = wire
        .get(&format!(
            "/v1.0/security/incidents/{}?$expand=alerts",
            text(&attack, "id")
        ))
        .await;
    let moved = titled(
        target["alerts"].as_array().expect("alerts"),
        "title",
        "malicious file",
    )
    .expect("the alert moved");
    assert_eq!(moved["incidentId"], attack["id"]);
    let (status, answer) = wire
        .call(
            Method::PATCH,
            &format!("/v1.0/security/incidents/{}", text(&mail, "id")),
            Some(json!({"status": "resolved"})),
        )
        .await;
    assert_eq!(status, 400, "{answer}");
    let leaver = wire
        .get(&format!("/v1.0/security/incidents/{}", text(&leaver, "id")))
        .await;
    assert_eq!(
        (text(&leaver, "status"), text(&leaver, "determination")),
        ("resolved", "confirmedActivity")
    );

    wire.sim.advance(Duration::from_secs(600));
    let all = alerts(&wire).await;
    for part in [
        "lateral movement",
        "Anomalous Token",
        "inbox manipulation",
        "access to all mail",
        "SilverFern",
    ] {
        let alert = titled(&all, "title", part).unwrap_or_else(|| panic!("no alert about {part}"));
        assert_eq!(alert["incidentId"], attack["id"], "{part}");
    }
    let mail = titled(&all, "title", "malicious file removed").expect("the mail alert");
    assert_eq!(mail["evidence"][0]["remediationStatus"], "remediated");
    let actions = wire.get("/api/machineactions?$filter=requestor eq 'jonas.weber@contoso.com' and type eq 'RunAntiVirusScan'").await;
    assert_eq!(
        actions["value"][0]["computerDnsName"],
        "lt-0233.corp.contoso.com"
    );
}

#[tokio::test]
async fn a_seed_gives_the_same_ids_and_another_seed_others() {
    let ids = async |seed| {
        let wire = Wire::start(SimConfig { seed, ..told() }).await;
        let mut ids: Vec<String> = alerts(&wire)
            .await
            .iter()
            .map(|a| text(a, "id").to_owned())
            .collect();
        ids.extend(
            wire.get("/api/machines").await["value"]
                .as_array()
                .expect("machines")
                .iter()
                .map(|m| text(m, "id").to_owned()),
        );
        ids.push(wire.sim.tenant_id().to_owned());
        ids.sort();
        ids
    };
    let first = ids(7).await;
    assert_eq!(first, ids(7).await);
    assert!(first.iter().zip(ids(8).await).all(|(a, b)| *a != b));
}

#[tokio::test]
async fn every_kind_of_evidence_and_the_worst_of_texts_are_there() {
    let mut config = told();
    let quirk = config.quirks.set("unknown-evidence=on");
    quirk.expect("a quirk");
    let wire = Wire::start(config).await;
    wire.sim.advance(Duration::from_secs(900));
    let all = alerts(&wire).await;
    let evidence: Vec<&Value> = all
        .iter()
        .flat_map(|a| a["evidence"].as_array().expect("evidence"))
        .collect();
    let kinds: BTreeSet<&str> = evidence
        .iter()
        .map(|e| text(e, "@odata.type").trim_start_matches("#microsoft.graph.security."))
        .collect();
    for kind in [
        "userEvidence",
        "deviceEvidence",
        "processEvidence",
        "fileEvidence",
        "ipEvidence",
        "urlEvidence",
        "analyzedMessageEvidence",
        "mailboxEvidence",
        "mailboxConfigurationEvidence",
        "registryValueEvidence",
        "cloudLogonSessionEvidence",
        "oauthApplicationEvidence",
        "malwareEvidence",
        "browserExtensionEvidence",
    ] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
    assert!(
        all.iter()
            .any(|a| a["detectionSource"] == "agentSupervision"),
        "a member of no published schema"
    );
    // The process chain hangs together.
    let chain = titled(&all, "title", "encoded script host").expect("the alert");
    let process = |name: &str| {
        chain["evidence"]
            .as_array()
            .expect("evidence")
            .iter()
            .find(|e| e["imageFile"]["fileName"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
            .clone()
    };
    let (word, shell, outlook) = (
        process("WINWORD.EXE"),
        process("powershell.exe"),
        process("OUTLOOK.EXE"),
    );
    assert_eq!(shell["parentProcessId"], word["processId"]);
    assert_eq!(
        shell["parentProcessCreationDateTime"],
        word["processCreationDateTime"]
    );
    assert_eq!(word["parentProcessId"], outlook["processId"]);
    assert!(text(&shell, "processCommandLine").contains("-EncodedCommand"));
    let device = &chain["evidence"][0];
    let machine = wire
        .get(&format!("/api/machines/{}", text(device, "mdeDeviceId")))
        .await;
    assert_eq!(machine["computerDnsName"], device["deviceDnsName"]);

    let everything = Value::Array(all).to_string();
    for (what, part) in [
        ("escape", "\\u001b"),
        ("clipboard", "]52;c;"),
        ("link", "]8;;"),
        ("override", "\u{202e}"),
        ("zero width", "\u{200b}"),
        ("C1", "\u{9b}"),
        ("null", "\\u0000"),
        ("newline", "\\r\\nBcc:"),
        ("formula", "=cmd|"),
        ("length", &"A".repeat(500)),
    ] {
        assert!(everything.contains(part), "no {what} among the texts");
    }
}

/// Every property by name, type and enumeration member against the published schema.
#[tokio::test]
async fn what_is_served_is_what_the_schema_has() {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/spec/graph-security.json"
    ));
    let Ok(schema) = std::fs::read_to_string(path) else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the published schema is not here"
        );
        return;
    };
    let schema: Value = serde_json::from_str(&schema).expect("the schema");
    let mut wire = Wire::start(SimConfig {
        incidents: 120,
        alerts: 600,
        scenarios: Tale::all(),
        ..told()
    })
    .await;
    // The last of the stories is told to its end.
    wire.sim.advance(Duration::from_secs(86_400));
    wire.graph = wire.token(support::GRAPH).await;
    let checker = Checker { schema: &schema };
    let mut faults = Vec::new();
    for incident in incidents(&wire).await {
        checker.entity(&incident, "incident", &mut faults);
    }
    let mut kinds = BTreeMap::new();
    for alert in alerts(&wire).await {
        checker.entity(&alert, "alert", &mut faults);
        for evidence in alert["evidence"].as_array().expect("evidence") {
            *kinds
                .entry(text(evidence, "@odata.type").to_owned())
                .or_insert(0) += 1;
        }
    }
    faults.sort();
    faults.dedup();
    // This one is meant to be unknown, and shows that the check objects.
    let unknown = "agentSupervision";
    assert!(faults.iter().any(|f| f.contains(unknown)), "{unknown}");
    faults.retain(|f| !f.contains(unknown));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(kinds.len(), 48, "{kinds:?}");
}

struct Checker<'a> {
    schema: &'a Value,
}

impl Checker<'_> {
    fn entity(&self, value: &Value, name: &str, faults: &mut Vec<String>) {
        let properties = self.schema["entityTypes"][name]["properties"]
            .as_array()
            .expect("properties");
        self.properties(value, name, &[properties], faults);
    }

    fn evidence(&self, value: &Value, declared: Option<&str>, faults: &mut Vec<String>) {
        let named = value["@odata.type"]
            .as_str()
            .map(|t| t.trim_start_matches("#microsoft.graph.security."));
        let Some(kind) = named.or(declared) else {
            faults.push(format!("evidence without a kind: {value}"));
            return;
        };
        let types = &self.schema["evidenceTypes"];
        let Some(own) = types[kind]["properties"].as_array() else {
            faults.push(format!("no evidence type {kind}"));
            return;
        };
        let base = types["alertEvidence"]["properties"]
            .as_array()
            .expect("the base");
        for property in base {
            if value.get(text(property, "name")).is_none() {
                faults.push(format!("{kind} lacks {}", text(property, "name")));
            }
        }
        self.properties(value, kind, &[base, own], faults);
    }

    fn properties(&self, value: &Value, of: &str, lists: &[&Vec<Value>], faults: &mut Vec<String>) {
        let Some(map) = value.as_object() else {
            faults.push(format!("{of} is not an object: {value}"));
            return;
        };
        for (name, value) in map {
            if name.starts_with("@odata.") {
                continue;
            }
            let Some(property) = lists
                .iter()
                .flat_map(|l| l.iter())
                .find(|p| p["name"] == name.as_str())
            else {
                faults.push(format!("{of} has no property {name}"));
                continue;
            };
            if value.is_null() {
                if property["nullable"] == false && property["kind"] != "primitive" {
                    faults.push(format!("{of}.{name} is null"));
                }
                continue;
            }
            let place = format!("{of}.{name}");
            if property["collection"] == true {
                match value.as_array() {
                    Some(items) => items
                        .iter()
                        .for_each(|item| self.value(item, property, &place, faults)),
                    None => faults.push(format!("{place} is not a collection")),
                }
            } else {
                self.value(value, property, &place, faults);
            }
        }
    }

    fn value(&self, value: &Value, property: &Value, place: &str, faults: &mut Vec<String>) {
        let ty = text(property, "type");
        let fits = match ty {
            "String" => value.is_string(),
            "Guid" => value.as_str().is_some_and(|t| t.len() == 36),
            "Boolean" => value.is_boolean(),
            "Int32" | "Int64" | "Integer" => value.is_i64(),
            "Double" => value.is_number(),
            "DateTimeOffset" => value
                .as_str()
                .is_some_and(|t| t.ends_with('Z') && t.contains('T')),
            "dictionary" => value.is_object(),
            _ => {
                if let Some(members) = self.schema["enums"][ty]["members"].as_array() {
                    let known = members.iter().any(|m| m == value);
                    if !known {
                        faults.push(format!("{place}: {ty} has no member {value}"));
                    }
                } else if ty == "alertEvidence" || self.schema["evidenceTypes"].get(ty).is_some() {
                    self.evidence(value, (ty != "alertEvidence").then_some(ty), faults);
                } else if let Some(list) = self.schema["complexTypes"][ty]["properties"].as_array()
                {
                    self.properties(value, ty, &[list], faults);
                } else if ty == "alert" {
                    self.entity(value, "alert", faults);
                } else {
                    faults.push(format!("{place}: what is a {ty}?"));
                }
                return;
            }
        };
        if !fits {
            faults.push(format!("{place}: {value} is no {ty}"));
        }
    }
}
