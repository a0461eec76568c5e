//! The simulated tenant on the wire: machines and machine actions, bad days and call limits. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::{Duration, Instant};

use nightjar::sim::{Fault, FaultKind, RetryAfter, SimConfig};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, Wire, quiet, text};

#[tokio::test]
async fn machines_are_listed_found_and_counted() {
    let wire = Wire::start(quiet()).await;
    let all = wire.get("/api/machines").await;
    let machines = all["value"].as_array().expect("machines");
    assert_eq!(
        machines.len(),
        31,
        "thirty of the fleet, and one that was only seen"
    );
    let one = &machines[3];
    assert_eq!(text(one, "id").len(), 40);
    assert!(
        text(one, "lastSeen").len() == "2022-01-25T14:25:52.6227941Z".len(),
        "seven digits"
    );
    for id in [text(one, "id"), text(one, "computerDnsName")] {
        assert_eq!(
            wire.get(&format!("/api/machines/{id}")).await["id"],
            one["id"]
        );
    }
    assert_eq!(
        wire.get(&format!("/api/machines/{}/logonusers", text(one, "id")))
            .await["value"][0]["accountDomain"],
        "CONTOSO"
    );
    let windows = wire.get("/api/machines?$filter=osPlatform eq 'Windows11' and riskScore ne 'High'&$top=3&$skip=1").await;
    assert!(
        windows["value"]
            .as_array()
            .is_some_and(|m| m.len() == 3 && m.iter().all(|m| m["osPlatform"] == "Windows11"))
    );
    let (_, count) = wire
        .call(
            Method::GET,
            "/api/machines/$count?$filter=osPlatform eq 'Windows11'",
            None,
        )
        .await;
    assert_eq!(
        count.as_u64(),
        Some(
            machines
                .iter()
                .filter(|m| m["osPlatform"] == "Windows11")
                .count() as u64
        )
    );
    let (status, body) = wire
        .call(
            Method::GET,
            "/api/machines?$filter=computerDnsName eq 'nobody'",
            None,
        )
        .await;
    assert_eq!(
        (status, text(&body["error"], "code")),
        (404, "ResourceNotFound")
    );
    let (status, body) = wire
        .call(
            Method::GET,
            "/api/machines?$filter=osProcessor eq 'x'",
            None,
        )
        .await;
    assert_eq!((status, text(&body["error"], "code")), (400, "ODataError"));
}

async fn a_machine(wire: &Wire, health: &str) -> String {
    let found = wire
        .get(&format!(
            "/api/machines?$filter=healthStatus eq '{health}'&$top=1"
        ))
        .await;
    text(&found["value"][0], "id").to_owned()
}

#[tokio::test]
async fn a_machine_action_lives_its_life() {
    let wire = Wire::start(quiet()).await;
    let id = a_machine(&wire, "Active").await;
    let isolate = format!("/api/machines/{id}/isolate");
    for (body, code) in [
        (
            json!({"comment": "x", "IsolationType": "Full"}),
            "MissingRequiredParameter",
        ),
        (
            json!({"Comment": "x", "isolationtype": "Full"}),
            "InvalidRequestBody",
        ),
        (
            json!({"Comment": "x", "IsolationType": "Most"}),
            "InvalidInput",
        ),
        (json!({"Comment": 1}), "InvalidRequestBody"),
        (json!([1]), "InvalidRequestBody"),
    ] {
        let (status, answer) = wire.call(Method::POST, &isolate, Some(body)).await;
        assert_eq!(
            (status, text(&answer["error"], "code")),
            (400, code),
            "{answer}"
        );
    }
    let (status, answer) = wire
        .call(
            Method::POST,
            &format!("/api/machines/{id}/runAntiVirusScan"),
            Some(json!({"Comment": "x"})),
        )
        .await;
    assert_eq!(
        (status, text(&answer["error"], "code")),
        (400, "MissingRequiredParameter")
    );

    let ask = json!({"Comment": "Incident 4127", "IsolationType": "Selective"});
    let (status, action) = wire.call(Method::POST, &isolate, Some(ask.clone())).await;
    assert_eq!(status, 201, "{action}");
    assert_eq!(
        (
            text(&action, "type"),
            text(&action, "status"),
            text(&action, "scope")
        ),
        ("Isolate", "Pending", "Selective")
    );
    for null in [
        "lastUpdateDateTimeUtc",
        "cancellationRequestor",
        "cancellationDateTimeUtc",
        "relatedFileInfo",
    ] {
        assert!(action[null].is_null(), "{null}");
    }
    let (status, answer) = wire.call(Method::POST, &isolate, Some(ask.clone())).await;
    assert_eq!(
        (status, text(&answer["error"], "code")),
        (400, "ActiveRequestAlreadyExists")
    );
    assert_eq!(
        text(&answer["error"], "message"),
        "Action is already in progress"
    );

    let path = format!("/api/machineactions/{}", text(&action, "id"));
    wire.sim.advance(Duration::from_secs(6));
    assert_eq!(wire.get(&path).await["status"], "InProgress");
    wire.sim.advance(Duration::from_secs(30));
    let done = wire.get(&path).await;
    assert_eq!(done["status"], "Succeeded");
    assert!(text(&done, "lastUpdateDateTimeUtc") > text(&done, "creationDateTimeUtc"));
    let (status, answer) = wire
        .call(
            Method::POST,
            &format!("{path}/cancel"),
            Some(json!({"Comment": "late"})),
        )
        .await;
    assert_eq!(status, 400, "{answer}");

    let filter = format!(
        "/api/machineactions?$filter=machineId eq '{id}' and type eq 'Isolate' and status eq 'Succeeded'&$orderby=creationDateTimeUtc desc&$top=1"
    );
    assert_eq!(wire.get(&filter).await["value"][0]["id"], action["id"]);

    // A second scan is answered with the first, and can be cancelled once.
    let scan = json!({"Comment": "look", "ScanType": "Full"});
    let scan_path = format!("/api/machines/{id}/runAntiVirusScan");
    let (_, one) = wire
        .call(Method::POST, &scan_path, Some(scan.clone()))
        .await;
    let (status, two) = wire.call(Method::POST, &scan_path, Some(scan)).await;
    assert_eq!((status, &two["id"]), (201, &one["id"]));
    let cancel = format!("/api/machineactions/{}/cancel", text(&one, "id"));
    let (status, cancelled) = wire
        .call(
            Method::POST,
            &cancel,
            Some(json!({"Comment": "not needed"})),
        )
        .await;
    assert_eq!(
        (
            status,
            text(&cancelled, "status"),
            text(&cancelled, "cancellationComment")
        ),
        (200, "Cancelled", "not needed")
    );
    assert_eq!(cancelled["id"], one["id"]);
    assert_eq!(
        wire.call(Method::POST, &cancel, Some(json!({}))).await.0,
        400
    );
    assert_eq!(
        wire.call(Method::GET, "/api/machineactions/none", None)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn an_action_on_a_device_that_is_off_stays_pending() {
    let wire = Wire::start(SimConfig {
        machines: 200,
        ..quiet()
    })
    .await;
    let id = a_machine(&wire, "Inactive").await;
    let ask = json!({"Comment": "x", "IsolationType": "Full"});
    let (_, action) = wire
        .call(
            Method::POST,
            &format!("/api/machines/{id}/isolate"),
            Some(ask),
        )
        .await;
    let path = format!("/api/machineactions/{}", text(&action, "id"));
    wire.sim.advance(Duration::from_secs(3600));
    assert_eq!(
        wire.call(Method::GET, &path, None).await.0,
        401,
        "the token has expired meanwhile"
    );
    let wire = Wire {
        defender: wire.token(DEFENDER).await,
        ..wire
    };
    assert_eq!(wire.get(&path).await["status"], "Pending");
    wire.sim.advance(Duration::from_secs(72 * 3600));
    let wire = Wire {
        defender: wire.token(DEFENDER).await,
        ..wire
    };
    assert_eq!(wire.get(&path).await["status"], "TimeOut");
}

#[tokio::test]
async fn bad_days_come_when_they_are_injected() {
    let wire = Wire::start(quiet()).await;
    let incidents = "/v1.0/security/incidents?$top=3";
    wire.sim.inject(Fault::once(
        "/incidents",
        FaultKind::Throttle(RetryAfter::Seconds(7)),
    ));
    let response = wire.send(Method::GET, incidents, None).await;
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["retry-after"].to_str().ok()
        ),
        (429, Some("7"))
    );
    wire.sim.inject(Fault::once(
        "/incidents",
        FaultKind::Throttle(RetryAfter::Date(30)),
    ));
    let response = wire.send(Method::GET, incidents, None).await;
    let after =
        httpdate::parse_http_date(response.headers()["retry-after"].to_str().expect("text"))
            .expect("a date");
    assert!(after > std::time::SystemTime::now());

    wire.sim
        .inject(Fault::once("/incidents", FaultKind::Status(503)));
    assert_eq!(wire.call(Method::GET, incidents, None).await.0, 503);
    wire.sim
        .inject(Fault::once("/incidents", FaultKind::ExpiredToken));
    assert_eq!(wire.call(Method::GET, incidents, None).await.0, 401);
    wire.sim
        .inject(Fault::once("/incidents", FaultKind::Garbage));
    assert!(
        matches!(
            wire.call(Method::GET, incidents, None).await.1,
            Value::String(_)
        ),
        "cut JSON"
    );
    wire.sim
        .inject(Fault::once("/incidents", FaultKind::BadRow));
    let page = wire.get(incidents).await;
    assert!(
        page["value"][0]["id"].is_string()
            && page["value"][1]["id"].is_number()
            && page["value"][2]["id"].is_string()
    );
    wire.sim.inject(Fault::once(
        "/incidents",
        FaultKind::Slow(Duration::from_millis(80)),
    ));
    let begun = Instant::now();
    wire.get(incidents).await;
    assert!(begun.elapsed() >= Duration::from_millis(80));

    // The connection breaks: before, nothing has happened; after, everything has.
    let id = a_machine(&wire, "Active").await;
    let url = format!("{}/api/machines/{id}/isolate", wire.sim.base_url());
    let ask = json!({"Comment": "lost", "IsolationType": "Full"});
    let open = format!("/api/machineactions?$filter=machineId eq '{id}' and status eq 'Pending'");
    for (kind, actions) in [(FaultKind::DropBefore, 0), (FaultKind::DropAfter, 1)] {
        wire.sim
            .inject(Fault::once("/isolate", kind).method("POST"));
        let lost = wire
            .http
            .post(&url)
            .bearer_auth(&wire.defender)
            .json(&ask)
            .send()
            .await;
        assert!(lost.is_err(), "no answer comes");
        assert_eq!(
            wire.get(&open).await["value"].as_array().map(Vec::len),
            Some(actions)
        );
    }
    assert_eq!(wire.sim.pending_faults(), 0);
}

#[tokio::test]
async fn documented_limits_are_kept_when_asked_for() {
    let wire = Wire::start(SimConfig {
        throttle: true,
        ..quiet()
    })
    .await;
    for _ in 0..100 {
        wire.get("/api/machines?$top=1").await;
    }
    let response = wire.send(Method::GET, "/api/machines?$top=1", None).await;
    assert_eq!(response.status().as_u16(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], "TooManyRequests");
    wire.get("/v1.0/security/incidents?$top=1").await;
    wire.sim.advance(Duration::from_secs(wait + 60));
    wire.get("/api/machines?$top=1").await;
}
