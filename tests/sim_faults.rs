//! Bad days on demand: each kind of fault, as a client meets it. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nightjar::sim::{self, ALWAYS, Fault, FaultKind, RetryAfter, SimConfig};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{GRAPH, Wire, quiet, text};

const INCIDENTS: &str = "/v1.0/security/incidents?$top=20";

async fn struck(words: &str) -> Wire {
    let wire = Wire::start(quiet()).await;
    wire.sim.inject(sim::fault(words).expect(words));
    wire
}

#[tokio::test]
async fn refusals_come_with_the_right_bodies_and_headers() {
    let wire = Wire::start(quiet()).await;
    for (words, path, status, kind, body) in [
        (
            "kind=status status=503",
            INCIDENTS,
            503,
            "application/json",
            "ServiceUnavailable",
        ),
        (
            "kind=status status=500",
            "/api/machines",
            500,
            "application/json; charset=utf-8",
            "InternalServerError",
        ),
        (
            "kind=gateway status=502",
            INCIDENTS,
            502,
            "text/html",
            "<html>",
        ),
        (
            "kind=empty status=504",
            "/api/machines",
            504,
            "text/plain",
            "",
        ),
        (
            "kind=throttle form=none",
            INCIDENTS,
            429,
            "application/json",
            "TooManyRequests",
        ),
        (
            "kind=expired-token",
            "/api/machines",
            401,
            "application/json; charset=utf-8",
            "expired",
        ),
    ] {
        wire.sim
            .inject(sim::fault(&format!("{words} times=1")).expect(words));
        let answer = wire.send(Method::GET, path, None).await;
        assert_eq!(answer.status().as_u16(), status, "{words}");
        assert_eq!(answer.headers()["content-type"], kind, "{words}");
        assert!(!answer.headers().contains_key("retry-after"), "{words}");
        let answer = answer.text().await.expect("a body");
        assert!(
            answer.contains(body) && answer.is_empty() == body.is_empty(),
            "{words}: {answer}"
        );
        assert_eq!(wire.sim.pending_faults(), 0);
        assert_eq!(
            wire.send(Method::GET, path, None).await.status(),
            200,
            "{words}"
        );
    }
    for (form, value) in [("seconds", "7"), ("date", " GMT")] {
        wire.sim.inject(
            sim::fault(&format!("kind=throttle seconds=7 form={form} times=1")).expect("a fault"),
        );
        let answer = wire.send(Method::GET, INCIDENTS, None).await;
        let after = answer.headers()["retry-after"].to_str().expect("text");
        assert!(after.ends_with(value), "{after}");
    }
    assert_eq!(FaultKind::Throttle(RetryAfter::Missing).name(), "throttle");
}

#[tokio::test]
async fn answers_that_never_come_or_break_off() {
    let mut wire = Wire::start(quiet()).await;
    wire.http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(1500))
        .build()
        .expect("a client");
    let request = |wire: &Wire| {
        wire.http
            .get(format!("{}{INCIDENTS}", wire.sim.base_url()))
            .bearer_auth(&wire.graph)
    };
    wire.sim
        .inject(Fault::once("incidents", FaultKind::Timeout));
    let error = request(&wire).send().await.expect_err("no answer");
    assert!(error.is_timeout(), "{error:?}");
    wire.sim
        .inject(Fault::once("incidents", FaultKind::DropBefore));
    let error = request(&wire).send().await.expect_err("no answer");
    assert!(!error.is_timeout(), "{error:?}");
    // The headers are fine, and then the body ends too soon.
    wire.sim.inject(Fault::once("incidents", FaultKind::Cut));
    let answer = request(&wire).send().await.expect("headers");
    assert_eq!(answer.status(), 200);
    let length = answer.content_length().expect("a length");
    answer.bytes().await.expect_err("half a body");
    let whole = request(&wire).send().await.expect("headers");
    assert_eq!(whole.bytes().await.expect("a body").len() as u64, length);
    // Carried out, but nobody is told.
    let first = wire.get(INCIDENTS).await["value"][0].clone();
    let path = format!("/v1.0/security/incidents/{}", text(&first, "id"));
    wire.sim
        .inject(Fault::once(&path, FaultKind::DropAfter).method("PATCH"));
    let patch = wire.http.patch(format!("{}{path}", wire.sim.base_url()));
    let patch = patch
        .bearer_auth(&wire.graph)
        .json(&json!({"assignedTo": "dana@contoso.com"}));
    patch.send().await.expect_err("no answer");
    assert_eq!(wire.get(&path).await["assignedTo"], "dana@contoso.com");
    // It drips, and is whole in the end.
    wire.sim
        .inject(sim::fault("kind=drip every=10ms times=1").expect("a fault"));
    let begun = Instant::now();
    let page = wire.get(INCIDENTS).await;
    assert_eq!(page["value"].as_array().map(Vec::len), Some(20));
    assert!(begun.elapsed() > Duration::from_millis(100));
}

#[tokio::test]
async fn bodies_that_are_not_what_was_promised() {
    let wire = Wire::start(quiet()).await;
    let body = async |kind: &str| {
        wire.sim
            .inject(sim::fault(&format!("kind={kind} times=1")).expect(kind));
        let answer = wire.send(Method::GET, INCIDENTS, None).await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body")
    };
    assert!(serde_json::from_slice::<Value>(&body("garbage").await).is_err());
    let odd: Value = serde_json::from_slice(&body("wrong-shape").await).expect("JSON");
    assert!(odd["value"].as_array().is_none(), "{odd}");
    assert!(std::str::from_utf8(&body("not-utf8").await).is_err());
    let page: Value = serde_json::from_slice(&body("bad-row").await).expect("JSON");
    assert_eq!(page["value"][1]["id"], 17);
    assert!(page["value"][2]["id"].is_string());
    wire.sim
        .inject(sim::fault("kind=partial times=1").expect("a fault"));
    let answer = wire.send(Method::GET, INCIDENTS, None).await;
    assert_eq!(answer.status(), 206);
    assert!(
        answer.headers()["warning"]
            .to_str()
            .expect("text")
            .starts_with("199 - \"")
    );
}

#[tokio::test]
async fn lists_that_repeat_reorder_and_hold_back() {
    let wire = struck("kind=duplicates path=/v1.0/*").await;
    let truth = wire.sim.snapshot().await.incidents;
    let (rows, pages) = wire.drain(INCIDENTS).await;
    assert!(
        pages > 3 && rows.len() >= truth.len() + 2 * pages - 1,
        "{} rows on {pages} pages",
        rows.len()
    );
    let ids = |rows: &[Value]| {
        rows.iter()
            .map(|r| text(r, "id").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&rows), truth.keys().cloned().collect());
    // The edge of a page: its first row was the last one of the page before.
    assert_eq!(rows[21]["id"], rows[20]["id"]);
    wire.sim.clear_faults();

    let (plain, full) = wire.drain(INCIDENTS).await;
    wire.sim
        .inject(sim::fault("kind=reordered").expect("a fault"));
    let (mixed, _) = wire.drain(INCIDENTS).await;
    assert_ne!(plain, mixed);
    assert_eq!(ids(&plain), ids(&mixed));
    wire.sim.clear_faults();

    // Every second page comes empty, and its rows on the next one.
    wire.sim
        .inject(sim::fault("kind=empty-page nth=2").expect("a fault"));
    let (rows, pages) = wire.drain(INCIDENTS).await;
    assert_eq!(rows, plain);
    assert_eq!(pages, full + full / 2);
    wire.sim.clear_faults();

    wire.sim
        .inject(sim::fault("kind=same-time step=1d").expect("a fault"));
    let (rows, _) = wire
        .drain("/v1.0/security/incidents?$orderby=lastUpdateDateTime&$top=20")
        .await;
    let times: Vec<&str> = rows.iter().map(|r| text(r, "lastUpdateDateTime")).collect();
    assert!(times.is_sorted() && times.iter().all(|t| t.ends_with("T00:00:00Z")));
    assert_eq!(ids(&rows), ids(&plain));
    wire.sim.clear_faults();

    // A change is seen only after a while, although it says that it is older.
    let id = text(&plain[0], "id").to_owned();
    let path = format!("/v1.0/security/incidents/{id}");
    wire.call(
        Method::PATCH,
        &path,
        Some(json!({"assignedTo": "late@contoso.com"})),
    )
    .await;
    let changed = text(&wire.get(&path).await, "lastUpdateDateTime").to_owned();
    wire.sim
        .inject(sim::fault("kind=late by=10m").expect("a fault"));
    let since = format!("/v1.0/security/incidents?$filter=lastUpdateDateTime ge {changed}");
    assert_eq!(wire.get(&since).await["value"], json!([]));
    wire.sim.advance(Duration::from_secs(601));
    let shown = wire.get(&since).await;
    assert_eq!(shown["value"][0]["id"], id.as_str());
    assert_eq!(shown["value"][0]["lastUpdateDateTime"], changed.as_str());
}

#[tokio::test]
async fn what_is_put_off_without_end_still_arrives() {
    let wire = Wire::start(quiet()).await;
    let (plain, pages) = wire.drain(INCIDENTS).await;
    for (words, requests) in [
        ("kind=redirects hops=3 path=*incidents*", 4),
        ("kind=empty-page path=*incidents*", 2),
    ] {
        wire.sim.inject(sim::fault(words).expect(words));
        let before = wire.sim.requests();
        let (rows, _) = wire.drain(INCIDENTS).await;
        assert_eq!(rows, plain, "{words}");
        assert_eq!(wire.sim.requests() - before, requests * pages as u64);
        wire.sim.clear_faults();
    }
}

#[tokio::test]
async fn redirects_near_and_far() {
    let wire = struck("kind=redirects hops=3 path=/v1.0/security/incidents times=1").await;
    let before = wire.sim.requests();
    // The client follows as long as host and port stay: the token goes along.
    let page = wire
        .get("/v1.0/security/incidents?$top=3&$filter=severity eq 'high'")
        .await;
    assert!(
        page["value"]
            .as_array()
            .is_some_and(|rows| rows.iter().all(|r| r["severity"] == "high"))
    );
    assert_eq!(wire.sim.requests() - before, 4);
    let still = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let location = async |words: &str| {
        wire.sim
            .inject(sim::fault(&format!("{words} times=1")).expect(words));
        let url = format!("{}{INCIDENTS}", wire.sim.base_url());
        let answer = still
            .get(url)
            .bearer_auth(&wire.graph)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        answer.headers()["location"]
            .to_str()
            .expect("text")
            .to_owned()
    };
    let away = location("kind=redirect-to to=https://evil.example").await;
    assert_eq!(away, format!("https://evil.example{INCIDENTS}"));
    let mut next = location("kind=redirect-loop").await;
    for _ in 0..30 {
        let answer = still
            .get(&next)
            .bearer_auth(&wire.graph)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        next = answer.headers()["location"]
            .to_str()
            .expect("text")
            .to_owned();
    }
    wire.sim
        .inject(sim::fault("kind=next-link-to to=https://evil.example times=1").expect("a fault"));
    let page = wire.get(INCIDENTS).await;
    assert!(
        text(&page, "@odata.nextLink").starts_with("https://evil.example/v1.0/security/incidents?")
    );
}

#[tokio::test]
async fn actions_end_in_the_wrong_order_and_go_back() {
    let wire = Wire::start(quiet()).await;
    let over = "/api/machineactions?$filter=status eq 'Succeeded'&$orderby=creationDateTimeUtc";
    let plain = wire.get(over).await;
    let rows = plain["value"].as_array().expect("rows");
    assert!(rows.len() > 2);
    wire.sim
        .inject(sim::fault("kind=action-order times=1").expect("a fault"));
    let odd = wire.get(over).await;
    assert_eq!(
        (&odd["value"][0]["status"], &odd["value"][1]["status"]),
        (&json!("InProgress"), &json!("Succeeded"))
    );
    let one = format!("/api/machineactions/{}", text(&rows[0], "id"));
    wire.sim
        .inject(sim::fault("kind=action-back times=1").expect("a fault"));
    assert_eq!(wire.get(&one).await["status"], "Pending");
    assert_eq!(wire.get(&one).await["status"], "Succeeded");
}

#[tokio::test]
async fn a_skewed_clock_shows_in_dates_and_tokens() {
    let wire = struck("kind=skew by=-10m").await;
    let answer = wire.send(Method::GET, INCIDENTS, None).await;
    let date = answer.headers()["date"].to_str().expect("text").to_owned();
    let date = httpdate::parse_http_date(&date).expect("a date");
    let off = std::time::SystemTime::now()
        .duration_since(date)
        .expect("in the past");
    assert!((590..660).contains(&off.as_secs()), "{off:?}");
    let old = wire.token(GRAPH).await;
    wire.sim.clear_faults();
    let new = wire.token(GRAPH).await;
    let times = |token: &str| {
        use base64::Engine as _;
        let payload = token.split('.').nth(1).expect("a payload");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(payload)
            .expect("base64url");
        let claims: Value = serde_json::from_slice(&bytes).expect("claims");
        claims["iat"].as_i64().expect("iat")
    };
    assert!((595..=660).contains(&(times(&new) - times(&old))));
}

#[tokio::test]
async fn a_bad_day_repeats_with_its_seed_and_every_strike_is_logged() {
    let day = async |seed| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let config = SimConfig {
            fault_seed: seed,
            faults: vec![
                sim::fault("rate=0.3 kind=status status=503 path=/v1.0/*").expect("a fault"),
                sim::fault("rate=0.3 kind=throttle seconds=1").expect("a fault"),
            ],
            log: Some(Arc::new(move |line: &str| {
                kept.lock().expect("no panic").push(line.to_owned());
            })),
            ..quiet()
        };
        let sim = nightjar::sim::Sim::start(config).await.expect("a tenant");
        let token = sim.mint(GRAPH, sim.tenant_id(), &["SecurityIncident.Read.All"], 3600);
        let http = support::http();
        let mut statuses = Vec::new();
        for _ in 0..60 {
            let answer = http
                .get(format!("{}{INCIDENTS}", sim.base_url()))
                .bearer_auth(&token)
                .send()
                .await;
            statuses.push(answer.expect("an answer").status().as_u16());
        }
        let logged = lines
            .lock()
            .expect("no panic")
            .iter()
            .filter(|l| l.contains("[fault: "))
            .count();
        assert_eq!(logged, statuses.iter().filter(|s| **s != 200).count());
        statuses
    };
    let first = day(1).await;
    for status in [200, 429, 503] {
        assert!(first.contains(&status), "{first:?}");
    }
    assert_eq!(first, day(1).await);
    assert_ne!(first, day(2).await);
    assert_eq!(Fault::always("", FaultKind::Cut).times, ALWAYS);
}
