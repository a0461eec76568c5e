//! The administrator's door, and the access log. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::sync::{Arc, Mutex};

use nightjar::sim::{self, SimConfig};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

fn config() -> SimConfig {
    SimConfig {
        start: sim::moment("2026-08-01T00:00:00Z"),
        clock_rate: 0.0,
        tenants: 2,
        ..quiet()
    }
}

async fn admin(wire: &Wire, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = wire
        .http
        .request(method, format!("{}/_sim/{path}", wire.sim.base_url()));
    if let Some(token) = wire.sim.admin_token() {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_door_opens_only_to_its_own_bearer() {
    let wire = Wire::start(config()).await;
    let url = format!("{}/_sim/status", wire.sim.base_url());
    for token in ["", &wire.graph, &wire.defender] {
        let answer = wire
            .http
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    let (status, body) = admin(&wire, Method::GET, "status", None).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["tenants"].as_array().map(Vec::len), Some(2));
    assert_eq!(body["clock"]["now"], "2026-08-01T00:00:00Z");
    let open = Wire::start(SimConfig {
        open_admin: true,
        ..config()
    })
    .await;
    assert_eq!(open.sim.admin_token(), None);
    assert_eq!(admin(&open, Method::GET, "status", None).await.0, 200);
    let url = format!("{}/_sim/reset", open.sim.base_url());
    let page = open
        .http
        .post(&url)
        .header("origin", "https://evil.example")
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 403);
    let page = open
        .http
        .post(&url)
        .header("host", "evil.example")
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 403);
}

#[tokio::test]
async fn clock_faults_changes_and_state_are_moved() {
    let wire = Wire::start(config()).await;
    let post = async |path: &str, body: Value| admin(&wire, Method::POST, path, Some(body)).await;
    let (status, clock) = post("clock", json!({"step": "90s"})).await;
    assert_eq!(
        (status, &clock["now"]),
        (200, &json!("2026-08-01T00:01:30Z"))
    );
    assert_eq!(post("clock", json!({"rate": "60x"})).await.1["rate"], 60.0);
    assert_eq!(
        post("clock", json!({"rate": "frozen"})).await.1["rate"],
        0.0
    );

    let (status, faults) = post(
        "faults",
        json!({"add": [{"kind": "status", "status": 503, "path": "/v1.0/*", "times": 1}]}),
    )
    .await;
    // The second tenant has an ailment of its own.
    let newest = faults["faults"].as_array().and_then(|rules| rules.last());
    assert_eq!(
        (status, newest.map(|rule| &rule["kind"])),
        (200, Some(&json!("status"))),
        "{faults}"
    );
    let list = "/v1.0/security/incidents?$top=1";
    assert_eq!(wire.send(Method::GET, list, None).await.status(), 503);
    assert_eq!(wire.send(Method::GET, list, None).await.status(), 200);
    post("faults", json!({"add": {"kind": "reset"}})).await;
    assert_eq!(
        post("faults", json!({"clear": true})).await.1["faults"],
        json!([])
    );

    let before = wire.sim.snapshot().await;
    let (_, done) = post("change", json!({"n": 20, "seed": 3})).await;
    assert_eq!(done["changes"].as_array().map(Vec::len), Some(20), "{done}");
    let (_, done) = post("change", json!({"sort": "merge"})).await;
    assert!(
        done["changes"][0]
            .as_str()
            .is_some_and(|c| c.starts_with("merge ")),
        "{done}"
    );
    assert_ne!(wire.sim.snapshot().await, before);
    let (status, told) = post("scenario", json!({"name": "invoice"})).await;
    assert_eq!(status, 200, "{told}");
    post("clock", json!({"step": "1h"})).await;
    let after = wire.sim.snapshot().await;
    assert!(
        after.alerts.len() > before.alerts.len() + 5,
        "the story is told"
    );

    let url = format!("{}/_sim/export", wire.sim.base_url());
    let token = wire.sim.admin_token().expect("a bearer");
    let state = wire
        .http
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer")
        .bytes()
        .await
        .expect("a state");
    assert_eq!(post("reset", json!({})).await.0, 200);
    assert_eq!(wire.sim.snapshot().await, before);
    let url = format!("{}/_sim/import", wire.sim.base_url());
    let answer = wire
        .http
        .post(url)
        .bearer_auth(token)
        .body(state)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(wire.sim.snapshot().await, after);

    for (path, body, part) in [
        ("clock", json!({}), "step"),
        ("clock", json!({"step": "soon"}), "soon"),
        ("clock", json!({"rate": "fast"}), "60x"),
        ("clock", json!({"colour": 1}), "colour"),
        ("faults", json!({"add": {"kind": "explode"}}), "explode"),
        ("faults", json!([]), "object"),
        ("change", json!({"sort": "explode"}), "explode"),
        ("change", json!({"n": 1, "tenant": 3}), "from 1 to 2"),
        ("scenario", json!({"name": "nothing"}), "invoice"),
        ("certificates", json!({}), "pem"),
        ("import", json!({}), "not the state"),
    ] {
        let (status, answer) = post(path, body).await;
        assert_eq!(status, 400, "{path}: {answer}");
        assert!(text(&answer, "error").contains(part), "{path}: {answer}");
    }
    assert_eq!(admin(&wire, Method::GET, "clock", None).await.0, 405);
    assert_eq!(admin(&wire, Method::GET, "nothing", None).await.0, 404);
    assert_eq!(wire.sim.snapshot().await, after, "refusals change nothing");
}

#[tokio::test]
async fn the_log_says_why() {
    for json in [false, true] {
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let kept = Arc::clone(&lines);
        let log =
            Some(
                Arc::new(move |line: &str| kept.lock().expect("no panic").push(line.to_owned()))
                    as sim::LogLine,
            );
        let wire = Wire::start(SimConfig {
            log,
            log_json: json,
            ..quiet()
        })
        .await;
        let get = async |token: &str, path: &str| {
            let url = format!("{}{path}", wire.sim.base_url());
            wire.http
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .expect("an answer");
            lines
                .lock()
                .expect("no panic")
                .last()
                .cloned()
                .expect("a line")
        };
        let tenant = wire.sim.tenant_id();
        let few = wire.sim.mint(DEFENDER, tenant, &["Alert.Read.All"], 600);
        let none = wire.sim.mint(GRAPH, tenant, &[], 600);
        for (token, path, part) in [
            (
                &wire.graph,
                "/api/machines",
                "token audience is Graph, this is the Defender API",
            ),
            (
                &wire.defender,
                "/v1.0/security/incidents",
                "token audience is the Defender API, this is Graph",
            ),
            (&few, "/api/machines", "token has Alert.Read.All"),
            (
                &none,
                "/v1.0/security/incidents",
                "token has no permissions",
            ),
            (&wire.graph, "/v1.0/security/incidents?$top=99", "400: "),
        ] {
            let line = get(token, path).await;
            assert!(line.contains(part), "{line}");
        }
        let line = get(&wire.graph, "/v1.0/security/%1b%5b31m?x=%00%07").await;
        assert!(!line.chars().any(char::is_control), "{line:?}");
        if json {
            let value: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(value["method"], "GET");
            assert!(value["why"].is_string());
        }
    }
}
