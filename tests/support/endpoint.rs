//! What tests of the endpoint service share: tokens with chosen roles, devices of a kind, refusals.

#![allow(dead_code, reason = "each test takes what it needs")]

use nightjar::sim::SimConfig;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{DEFENDER, Wire, quiet, text};

/// A tenant with these quirks.
pub fn with_quirks(quirks: &[&str]) -> SimConfig {
    let mut config = SimConfig {
        machines: 300,
        ..quiet()
    };
    for quirk in quirks {
        config.quirks.set(quirk).expect("a quirk");
    }
    config
}

/// A token of the endpoint service that lives for days, with these roles alone.
pub fn token(wire: &Wire, roles: &[&str]) -> String {
    wire.sim
        .mint(DEFENDER, wire.sim.tenant_id(), roles, 20 * 86_400)
}

/// Every role of the endpoint service.
pub const ROLES: &[&str] = &[
    "Machine.Read.All",
    "Machine.ReadWrite.All",
    "Machine.Isolate",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.CollectForensics",
    "Machine.Offboard",
    "Machine.StopAndQuarantine",
    "Machine.LiveResponse",
    "Library.Manage",
    "Alert.Read.All",
    "Alert.ReadWrite.All",
    "Ti.ReadWrite",
    "Ti.ReadWrite.All",
    "AdvancedQuery.Read.All",
    "File.Read.All",
    "Ip.Read.All",
    "Url.Read.All",
    "User.Read.All",
    "Software.Read.All",
    "Vulnerability.Read.All",
    "SecurityRecommendation.Read.All",
];

/// A tenant, and a token for everything that outlives the test's leaps in time.
pub async fn start(config: SimConfig) -> Wire {
    let wire = Wire::start(config).await;
    let defender = token(&wire, ROLES);
    Wire { defender, ..wire }
}

/// Ids of machines that pass a filter.
pub async fn machines(wire: &Wire, filter: &str) -> Vec<String> {
    let found = wire.get(&format!("/api/machines?$filter={filter}")).await;
    let rows = found["value"].as_array().expect("machines");
    rows.iter().map(|m| text(m, "id").to_owned()).collect()
}

/// The first machine that passes a filter.
pub async fn machine(wire: &Wire, filter: &str) -> String {
    machines(wire, filter).await.swap_remove(0)
}

/// POSTs and expects a refusal; gives its code and message.
pub async fn refused(wire: &Wire, path: &str, body: Value, status: u16) -> (String, String) {
    let (got, answer) = wire.call(Method::POST, path, Some(body.clone())).await;
    assert_eq!(got, status, "{path} {body}: {answer}");
    let error = &answer["error"];
    assert!(
        text(error, "target").len() == 36,
        "a refusal has the id to quote: {answer}"
    );
    (
        text(error, "code").to_owned(),
        text(error, "message").to_owned(),
    )
}

/// POSTs and expects to be heard.
pub async fn post(wire: &Wire, path: &str, body: Value) -> Value {
    let (status, answer) = wire.call(Method::POST, path, Some(body.clone())).await;
    assert!(
        (200..300).contains(&status),
        "{path} {body}: {status} {answer}"
    );
    answer
}

/// Starts an action that asks for a comment alone.
pub async fn act(wire: &Wire, machine: &str, verb: &str) -> Value {
    let path = format!("/api/machines/{machine}/{verb}");
    post(wire, &path, json!({ "Comment": "test" })).await
}

/// The bare number of a count.
pub async fn count(wire: &Wire, path: &str) -> u64 {
    wire.get(path).await.as_u64().expect("a number")
}

/// The rows of a collection.
pub async fn rows(wire: &Wire, path: &str) -> Vec<Value> {
    let mut answer = wire.get(path).await;
    match answer["value"].take() {
        Value::Array(rows) => rows,
        _ => panic!("{path}: {answer}"),
    }
}
