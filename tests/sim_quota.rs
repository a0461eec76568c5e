//! The documented call limits, as a client meets them. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use nightjar::sim::{self, Quirks, SimConfig};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

fn config(scale: f64) -> SimConfig {
    SimConfig {
        start: sim::moment("2026-08-01T00:00:00Z"),
        clock_rate: 0.0,
        throttle: true,
        throttle_scale: scale,
        token_lifetime: Duration::from_secs(86_400),
        ..quiet()
    }
}

/// Asks until it is refused: how often it was not, and the refusal.
async fn until_refused(
    wire: &Wire,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (usize, Response) {
    for n in 0..400 {
        let answer = wire.send(method.clone(), path, body.clone()).await;
        if answer.status() == 429 {
            return (n, answer);
        }
    }
    panic!("{path} is never refused");
}

#[tokio::test]
async fn each_limit_has_its_number_and_its_words() {
    // A tenth of the documented numbers, rounded, at least one.
    let wire = Wire::start(config(0.1)).await;
    let machine = wire.get("/api/machines?$top=1").await["value"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    wire.sim.advance(Duration::from_secs(3600));
    let query = json!({"Query": "AlertInfo | take 1"});
    for (method, path, body, calls, words, after) in [
        (
            Method::GET,
            "/v1.0/security/incidents?$top=1".to_owned(),
            None,
            15,
            "15 per 00:01:00",
            Some("60"),
        ),
        (
            Method::POST,
            "/v1.0/security/runHuntingQuery".into(),
            Some(query),
            5,
            "5 per 00:01:00",
            Some("60"),
        ),
        (
            Method::GET,
            "/v1.0/identityProtection/riskyUsers".into(),
            None,
            1,
            "1 per 00:00:01",
            None,
        ),
        (
            Method::GET,
            "/api/machines?$top=1".into(),
            None,
            10,
            "10 per 00:01:00",
            Some("60"),
        ),
        (
            Method::POST,
            format!("/api/machines/{machine}/startInvestigation"),
            Some(json!({"Comment": "x"})),
            5,
            "5 per 01:00:00",
            Some("3600"),
        ),
        (
            Method::POST,
            "/api/alerts/batchUpdate".into(),
            Some(json!({})),
            1,
            "1 per 00:01:00",
            Some("60"),
        ),
        (
            Method::POST,
            "/api/indicators/import".into(),
            Some(json!({})),
            3,
            "3 per 00:01:00",
            Some("60"),
        ),
        (
            Method::POST,
            "/api/alerts/CreateAlertByReference".into(),
            Some(json!({})),
            2,
            "2 per 00:01:00",
            Some("60"),
        ),
    ] {
        let (fine, refusal) = until_refused(&wire, method, &path, body).await;
        assert_eq!(fine, calls, "{path}");
        let header = refusal
            .headers()
            .get("retry-after")
            .map(|v| v.to_str().expect("text").to_owned());
        assert_eq!(header.as_deref(), after, "{path}");
        let body: Value = refusal.json().await.expect("JSON");
        assert_eq!(body["error"]["code"], "TooManyRequests");
        assert!(
            text(&body["error"], "message").ends_with(&format!("maximum allowed {words}")),
            "{body}"
        );
    }
    // Another path of the endpoint service has a count of its own, and so has another application's turn.
    assert_eq!(
        wire.send(Method::GET, "/api/machineactions", None)
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn refused_calls_count_and_waiting_helps() {
    let wire = Wire::start(config(0.1)).await;
    let path = "/v1.0/security/incidents?$top=1";
    until_refused(&wire, Method::GET, path, None).await;
    wire.sim.advance(Duration::from_secs(59));
    // Too early, and it counts: a minute from here there is one less.
    assert_eq!(wire.send(Method::GET, path, None).await.status(), 429);
    wire.sim.advance(Duration::from_secs(1));
    let (fine, _) = until_refused(&wire, Method::GET, path, None).await;
    assert_eq!(fine, 14);
    let token = wire.token(GRAPH).await;
    assert!(
        !token.is_empty() && !wire.token(DEFENDER).await.is_empty(),
        "signing in has no limit here"
    );
}

#[tokio::test]
async fn a_refusal_says_when_as_the_quirk_wants_it() {
    for (form, expected) in [
        ("date", Some("Sat, 01 Aug 2026 00:01:00 GMT")),
        ("none", None),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(&format!("retry-after={form}")).expect("a quirk");
        let wire = Wire::start(SimConfig {
            quirks,
            ..config(0.1)
        })
        .await;
        let (_, refusal) =
            until_refused(&wire, Method::GET, "/v1.0/security/incidents?$top=1", None).await;
        let header = refusal
            .headers()
            .get("retry-after")
            .map(|v| v.to_str().expect("text"));
        assert_eq!(header, expected);
    }
}
