//! The hunting endpoints of before Graph, their end, and alerts that are made from a row.

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use endpoint::{post, refused, start, token, with_quirks};
use nightjar::sim::SimConfig;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, quiet, text};

const ENDPOINT: &str = "/api/advancedqueries/run";
const XDR: &str = "/api/advancedhunting/run";

async fn xdr(wire: Wire) -> Wire {
    let defender = wire.token("https://api.security.microsoft.com").await;
    Wire { defender, ..wire }
}

#[tokio::test]
async fn both_services_answer_in_their_own_shapes() {
    let wire = start(quiet()).await;
    let query = |text: &str| json!({ "Query": text });
    let wanted = "DeviceInfo | where OnboardingStatus == 'Onboarded' | project Timestamp, DeviceId, IsAzureADJoined | top 3 by Timestamp";
    let answer = post(&wire, ENDPOINT, query(wanted)).await;
    assert_eq!(
        answer["Schema"],
        json!([{"Name": "Timestamp", "Type": "DateTime"}, {"Name": "DeviceId", "Type": "String"}, {"Name": "IsAzureADJoined", "Type": "SByte"}])
    );
    let rows = answer["Results"].as_array().expect("rows");
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[0].as_object().map(serde_json::Map::len),
        Some(3),
        "no annotations"
    );
    assert!(answer.get("Stats").is_none());
    // It has its own tables alone, and names keep their case.
    for (body, code) in [
        (query("EmailEvents | take 1"), "BadRequest"),
        (query("DeviceInfo | where Nothing == 1"), "BadRequest"),
        (query("DeviceInfo | wher"), "BadRequest"),
        (json!({"query": "DeviceInfo"}), "MissingRequiredParameter"),
        (
            json!({"Query": "DeviceInfo", "Timespan": "P1D"}),
            "InvalidRequestBody",
        ),
    ] {
        assert_eq!(refused(&wire, ENDPOINT, body, 400).await.0, code);
    }
    // A token of one service is not one of the other.
    refused(&wire, XDR, query(wanted), 403).await;
    let wire = xdr(wire).await;
    refused(&wire, ENDPOINT, query(wanted), 403).await;
    let answer = post(&wire, XDR, query("EmailEvents | count")).await;
    assert_eq!(
        answer["Schema"][0],
        json!({"Name": "Count", "Type": "Int64"})
    );
    assert!(answer["Results"][0]["Count"].as_u64() > Some(0));
    assert!(answer["Stats"]["ExecutionTime"].as_f64() > Some(0.0));
}

#[tokio::test]
async fn they_end_on_the_announced_day_or_when_they_are_told_to() {
    let wire = start(with_quirks(&["retired-hunting=on"])).await;
    let body = json!({"Query": "DeviceInfo | take 1"});
    let (_, message) = refused(&wire, ENDPOINT, body.clone(), 410).await;
    assert!(message.contains("runHuntingQuery"), "{message}");

    // The last day of January 2027, in ticks.
    let start_at = Some(639_369_936_000_000_000);
    let wire = Wire::start(SimConfig {
        start: start_at,
        ..quiet()
    })
    .await;
    let defender = token(&wire, &["AdvancedQuery.Read.All"]);
    let wire = Wire { defender, ..wire };
    post(&wire, ENDPOINT, body.clone()).await;
    wire.sim.advance(Duration::from_secs(86_400));
    refused(&wire, ENDPOINT, body, 410).await;
}

#[tokio::test]
async fn an_alert_is_made_from_exactly_one_row() {
    let wire = start(quiet()).await;
    let found = post(&wire, ENDPOINT, json!({"Query": "DeviceProcessEvents | where isnotempty(SHA1) | project Timestamp, ReportId, DeviceId, SHA1 | take 1"})).await;
    let row = &found["Results"][0];
    let wish = |title: &str| {
        json!({
            "eventTime": row["Timestamp"],
            "reportId": row["ReportId"].to_string(),
            "machineId": row["DeviceId"],
            "severity": "Medium",
            "title": title,
            "description": "made by a test",
            "recommendedAction": "none",
            "category": "Execution",
        })
    };
    let path = "/api/alerts/CreateAlertByReference";
    let alert = post(&wire, path, wish("A test")).await;
    assert_eq!(
        (
            text(&alert, "status"),
            text(&alert, "severity"),
            text(&alert, "category")
        ),
        ("New", "Medium", "Execution")
    );
    assert_eq!(alert["machineId"], row["DeviceId"]);
    assert!(
        alert["evidence"]
            .as_array()
            .is_some_and(|e| e.iter().any(|i| i["sha1"] == row["SHA1"])),
        "{alert}"
    );
    // It starts an investigation, which ends.
    let investigation = format!("/api/investigations/{}", alert["investigationId"]);
    assert_eq!(
        wire.get(&investigation).await["triggeringAlertId"],
        alert["id"]
    );
    // The same title on the same device is the same alert while it is open.
    assert_eq!(post(&wire, path, wish("A test")).await["id"], alert["id"]);
    assert_ne!(post(&wire, path, wish("Another")).await["id"], alert["id"]);
    let graph = wire
        .drain("/v1.0/security/alerts_v2?$top=5&$filter=status eq 'new'")
        .await
        .0;
    let twin = graph
        .iter()
        .find(|a| a["title"] == "A test")
        .expect("Graph has it too");
    assert_eq!(text(twin, "detectionSource"), "customTi");
    wire.sim.advance(Duration::from_secs(900));
    assert!(wire.get(&investigation).await["endTime"].is_string());

    let change = |name: &str, value: Value| {
        let mut body = wish("A test");
        body[name] = value;
        body
    };
    for (body, status, code) in [
        (
            change("eventTime", json!("2026-01-01T00:00:00Z")),
            404,
            "ResourceNotFound",
        ),
        (change("reportId", json!("1")), 404, "ResourceNotFound"),
        (
            change("machineId", json!("0".repeat(40))),
            404,
            "ResourceNotFound",
        ),
        (change("category", json!("Anything")), 400, "InvalidInput"),
        (
            change("severity", json!("Informational")),
            400,
            "InvalidInput",
        ),
        (change("reportId", json!("abc")), 400, "InvalidRequestBody"),
        (
            json!({"eventTime": row["Timestamp"]}),
            400,
            "MissingRequiredParameter",
        ),
    ] {
        assert_eq!(
            refused(&wire, path, body.clone(), status).await.0,
            code,
            "{body}"
        );
    }
    assert_eq!(
        wire.call(Method::GET, path, None).await.0,
        404,
        "there is no alert of that name"
    );
}
