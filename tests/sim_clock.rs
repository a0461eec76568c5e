//! Tenant time: frozen, faster than life, and begun in the past. The same steps give the same bytes.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::{Duration, Instant};

use nightjar::sim::{self, SimConfig};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

const START: &str = "2026-08-01T00:00:00Z";

fn frozen() -> SimConfig {
    SimConfig {
        start: sim::moment(START),
        clock_rate: 0.0,
        story: true,
        trickle: true,
        incidents: 60,
        alerts: 150,
        ..quiet()
    }
}

/// Plays the same mixed day on a tenant: reads, writes, refusals, steps of time. Every body is kept.
async fn day(wire: &Wire) -> Vec<String> {
    let mut bodies = Vec::new();
    for step in 0..12_u64 {
        let list = wire
            .get("/v1.0/security/incidents?$orderby=lastUpdateDateTime desc&$top=9")
            .await;
        let newest = format!(
            "/v1.0/security/incidents/{}",
            text(&list["value"][step as usize % 9], "id")
        );
        let alerts = wire
            .get("/v1.0/security/alerts_v2?$orderby=createdDateTime desc&$top=4")
            .await;
        let alert = format!(
            "/v1.0/security/alerts_v2/{}",
            text(&alerts["value"][0], "id")
        );
        let machines = wire.get("/api/machines?$top=5").await;
        let machine = format!(
            "/api/machines/{}",
            text(&machines["value"][step as usize % 5], "id")
        );
        let hunt = json!({"Query": "AlertInfo | summarize n=count() by ServiceSource | order by ServiceSource asc"});
        for (method, path, body) in [
            (
                Method::PATCH,
                newest.clone(),
                Some(
                    json!({"assignedTo": format!("dana{step}@contoso.com"), "status": "inProgress"}),
                ),
            ),
            (
                Method::POST,
                format!("{newest}/comments"),
                Some(json!({"comment": format!("step {step}")})),
            ),
            (
                Method::PATCH,
                newest.clone(),
                Some(json!({"colour": "red"})),
            ),
            (Method::GET, format!("{newest}?$expand=alerts"), None),
            (
                Method::PATCH,
                alert.clone(),
                Some(json!({"status": "resolved"})),
            ),
            (
                Method::POST,
                format!("{machine}/isolate"),
                Some(json!({"Comment": "x", "IsolationType": "Full"})),
            ),
            (
                Method::POST,
                format!("{machine}/isolate"),
                Some(json!({"Comment": "x", "IsolationType": "Full"})),
            ),
            (Method::GET, "/api/machineactions".into(), None),
            (Method::GET, "/api/machines/nothing".into(), None),
            (Method::GET, alert, None),
            (
                Method::POST,
                "/v1.0/security/runHuntingQuery".into(),
                Some(hunt),
            ),
        ] {
            let answer = wire.send(method, &path, body).await;
            let head = format!(
                "{} {path} {}",
                answer.status(),
                answer.headers()["date"].to_str().expect("text")
            );
            let body = answer
                .text()
                .await
                .expect("a body")
                .replace(wire.sim.base_url(), "");
            bodies.push(format!("{head} {body}"));
        }
        if step == 5 {
            bodies.extend(wire.sim.churn(20, 3).await);
        }
        wire.sim.advance(Duration::from_millis(40_500));
    }
    bodies
}

#[tokio::test]
async fn two_frozen_tenants_say_the_same_to_the_byte() {
    let (one, two) = (Wire::start(frozen()).await, Wire::start(frozen()).await);
    let (first, second) = (day(&one).await, day(&two).await);
    assert!(first.len() > 130);
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a, b);
    }
    let fine = first
        .iter()
        .filter(|l| l.starts_with("200") || l.starts_with("201"))
        .count();
    assert!(fine > 90, "most of it succeeds: {fine}");
    assert_eq!(one.sim.snapshot().await, two.sim.snapshot().await);
    let other = Wire::start(SimConfig {
        seed: 2,
        ..frozen()
    })
    .await;
    assert_ne!(first, day(&other).await);
}

#[tokio::test]
async fn frozen_time_moves_only_when_it_is_stepped() {
    let wire = Wire::start(SimConfig {
        token_lifetime: Duration::from_secs(600),
        ..frozen()
    })
    .await;
    let date = async || {
        let answer = wire
            .send(Method::GET, "/v1.0/security/incidents?$top=1", None)
            .await;
        (
            answer.status().as_u16(),
            answer.headers()["date"].to_str().expect("text").to_owned(),
        )
    };
    assert_eq!(date().await, (200, "Sat, 01 Aug 2026 00:00:00 GMT".into()));
    assert_eq!(date().await.1, "Sat, 01 Aug 2026 00:00:00 GMT");
    let before = wire.sim.snapshot().await.incidents.len();
    wire.sim.advance(Duration::from_secs(599));
    assert_eq!(date().await, (200, "Sat, 01 Aug 2026 00:09:59 GMT".into()));
    assert!(
        wire.sim.snapshot().await.incidents.len() > before,
        "the story went on"
    );
    wire.sim.advance(Duration::from_secs(1));
    assert_eq!(date().await.0, 401, "tokens live in tenant time");
}

#[tokio::test]
async fn fast_time_carries_actions_and_tokens_along() {
    let wire = Wire::start(SimConfig {
        clock_rate: 600.0,
        ..quiet()
    })
    .await;
    let machines = wire
        .get("/api/machines?$filter=healthStatus eq 'Active'&$top=1")
        .await;
    let path = format!(
        "/api/machines/{}/runAntiVirusScan",
        text(&machines["value"][0], "id")
    );
    let begun = Instant::now();
    let (status, action) = wire
        .call(
            Method::POST,
            &path,
            Some(json!({"Comment": "x", "ScanType": "Quick"})),
        )
        .await;
    assert_eq!(status, 201, "{action}");
    let mut wire = wire;
    // Over a minute of tenant time: a moment here. A token of an hour lasts six seconds.
    let one = format!("/api/machineactions/{}", text(&action, "id"));
    loop {
        let (status, now) = wire.call(Method::GET, &one, None).await;
        if status == 401 {
            wire.defender = wire.token(DEFENDER).await;
        } else if now["status"] == "Succeeded" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{now}");
    }
    loop {
        if wire
            .send(Method::GET, "/v1.0/security/incidents?$top=1", None)
            .await
            .status()
            == 401
        {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the token lives on"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    wire.graph = wire.token(GRAPH).await;
    wire.get("/v1.0/security/incidents?$top=1").await;
}

#[tokio::test]
async fn a_tenant_that_began_days_ago_has_a_past() {
    let config = SimConfig {
        start_ago: Duration::from_secs(2 * 86_400),
        story: true,
        ..frozen()
    };
    let wire = Wire::start(config).await;
    let snapshot = wire.sim.snapshot().await;
    let newest = snapshot
        .incidents
        .values()
        .map(|i| text(i, "createdDateTime"))
        .max()
        .expect("incidents");
    assert!(newest < START && newest > "2026-07-31T23", "{newest}");
    let times = snapshot
        .incidents
        .values()
        .filter(|i| text(i, "createdDateTime") > "2026-07-30");
    assert!(times.count() > 1000, "two days of trickle");
    let answer = wire
        .send(Method::GET, "/v1.0/security/incidents?$top=1", None)
        .await;
    assert_eq!(answer.headers()["date"], "Sat, 01 Aug 2026 00:00:00 GMT");
    let all: Vec<&Value> = snapshot.alerts.values().collect();
    assert!(all.iter().all(|a| text(a, "lastUpdateDateTime") <= START));
}
