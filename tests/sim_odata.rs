//! OData on the wire of the simulated tenant: filters, orders, pages, counts, media types, and what
//! becomes of requests that mean harm.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::HashSet;

use nightjar::sim::SimConfig;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use support::{Wire, quiet, text};

fn with_quirk(quirk: &str) -> SimConfig {
    let mut config = quiet();
    config.quirks.set(quirk).expect("a quirk");
    config
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|r| text(r, "id")).collect()
}

/// A GET whose headers are chosen; status, headers and body.
async fn raw(wire: &Wire, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let mut request = wire
        .http
        .get(format!("{}{path}", wire.sim.base_url()))
        .bearer_auth(&wire.graph);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    (status, headers, response.text().await.expect("a body"))
}

#[tokio::test]
async fn filters_find_what_a_walk_over_everything_finds() {
    let wire = Wire::start(quiet()).await;
    let (alerts, _) = wire.drain("/v1.0/security/alerts_v2?$top=1000").await;
    let middle = text(&alerts[alerts.len() / 2], "createdDateTime").to_owned();
    type Passes = Box<dyn Fn(&Value) -> bool>;
    let cases: Vec<(String, Passes)> = vec![
        (
            "severity in ('low','informational') and status ne 'resolved'".into(),
            Box::new(|a| {
                ["low", "informational"].contains(&text(a, "severity")) && a["status"] != "resolved"
            }),
        ),
        (
            "not (severity eq 'low' or severity eq 'medium')".into(),
            Box::new(|a| !["low", "medium"].contains(&text(a, "severity"))),
        ),
        (
            "severity ge 'medium'".into(),
            Box::new(|a| ["medium", "high"].contains(&text(a, "severity"))),
        ),
        ("assignedTo eq null".into(), Box::new(|a| a["assignedTo"].is_null())),
        ("assignedTo ne null".into(), Box::new(|a| !a["assignedTo"].is_null())),
        ("classification eq null".into(), Box::new(|a| a["classification"].is_null())),
        (
            "endswith(assignedTo,'@CONTOSO.com') and contains(assignedTo,'.')".into(),
            Box::new(|a| text(a, "assignedTo").ends_with("@contoso.com")),
        ),
        (
            "serviceSource eq microsoft.graph.security.serviceSource'microsoftDefenderForOffice365'".into(),
            Box::new(|a| a["serviceSource"] == "microsoftDefenderForOffice365"),
        ),
        (format!("createdDateTime eq {middle}"), {
            let middle = middle.clone();
            Box::new(move |a| text(a, "createdDateTime") == middle)
        }),
    ];
    for (filter, passes) in cases {
        let (found, _) = wire
            .drain(&format!(
                "/v1.0/security/alerts_v2?$top=1000&$filter={filter}"
            ))
            .await;
        let expected: Vec<&Value> = alerts.iter().filter(|a| passes(a)).collect();
        assert!(!expected.is_empty(), "{filter} finds something");
        assert_eq!(ids(&found).len(), expected.len(), "{filter}");
        assert!(found.iter().all(&passes), "{filter}");
        // The bare number is the same.
        let url = format!("/v1.0/security/alerts_v2/$count?$filter={filter}");
        let (status, _, body) = raw(&wire, &url, &[]).await;
        assert_eq!(
            (status, body),
            (200, expected.len().to_string()),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn several_sort_keys_are_kept_over_all_pages() {
    let wire = Wire::start(quiet()).await;
    let (rows, pages) = wire
        .drain(
            "/v1.0/security/incidents?$top=7&$orderby=severity desc,assignedTo,createdDateTime asc",
        )
        .await;
    assert_eq!((rows.len(), pages), (120, 18));
    let unique: HashSet<&str> = ids(&rows).into_iter().collect();
    assert_eq!(unique.len(), 120, "no repeats");
    let rank = |row: &Value| {
        let severities = ["high", "medium", "low", "informational"];
        let severity = severities.iter().position(|s| row["severity"] == *s);
        (
            severity,
            text(row, "assignedTo").to_owned(),
            text(row, "createdDateTime").to_owned(),
        )
    };
    assert!(rows.is_sorted_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        // Times of different lengths are compared elsewhere; here seconds are enough.
        (a.0, &a.1, &a.2[..19]) <= (b.0, &b.1, &b.2[..19])
    }));
    let (descending, _) = wire
        .drain(
            "/v1.0/security/incidents?$top=50&$orderby=assignedTo desc&$filter=severity ne 'high'",
        )
        .await;
    assert!(descending.is_sorted_by(|a, b| text(a, "assignedTo") >= text(b, "assignedTo")));
}

#[tokio::test]
async fn mistakes_are_refused_in_the_services_words() {
    let wire = Wire::start(quiet()).await;
    for (path, part) in [
        (
            "/v1.0/security/incidents?$filter=assignedTo eq dana",
            "property named 'dana'",
        ),
        (
            "/v1.0/security/incidents?$filter=severity eq high",
            "property named 'high'",
        ),
        (
            "/v1.0/security/incidents?$filter=severity eq 'High' or",
            "Syntax error at position",
        ),
        (
            "/v1.0/security/incidents?$filter=not severity eq 'high'",
            "operator kind 'Not'",
        ),
        (
            "/v1.0/security/incidents?$filter=customTags/any(t: t eq 'x')",
            "cannot be used",
        ),
        (
            "/v1.0/security/incidents?$filter=priorityScore gt 5",
            "cannot be used",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=investigationState eq 'queued'",
            "cannot be used",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=category eq 'Execution'",
            "cannot be used",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=productName eq 'x'",
            "cannot be used",
        ),
        (
            "/v1.0/security/incidents?$filter=severity eq 'high'&$filter=status eq 'active'",
            "more than once",
        ),
        ("/v1.0/security/incidents?$top=0x10", "non-negative integer"),
        ("/v1.0/security/incidents?$skiptoken=!", "Invalid skiptoken"),
        (
            "/v1.0/security/incidents?$expand=evidence",
            "property named 'evidence'",
        ),
        (
            "/v1.0/security/incidents?$format=xml",
            "'$format' is not supported",
        ),
        (
            "/v1.0/security/incidents?$select=recommendedActions",
            "property named 'recommendedActions'",
        ),
        ("/v1.0/security/alerts_v2?$skip=501", "'500' for Skip"),
        ("/v1.0/users?$skip=2", "'$skip' is not supported"),
        ("/v1.0/users?$top=1000", "Invalid page size"),
        ("/v1.0/users?$count=true", "ConsistencyLevel"),
    ] {
        let (status, body) = wire.call(Method::GET, path, None).await;
        assert_eq!(status, 400, "{path}: {body}");
        assert!(
            text(&body["error"], "message").contains(part),
            "{path}: {body}"
        );
        assert!(
            body["error"]["innerError"]["request-id"].is_string(),
            "{body}"
        );
    }
    let (_, body) = wire
        .call(Method::GET, "/v1.0/security/incidents?$top=51", None)
        .await;
    assert_eq!(body["error"]["code"], "");
    assert!(
        text(&body["error"], "message")
            .starts_with("The limit of '50' for Top query has been exceeded."),
        "{body}"
    );
    let page = wire.get("/v1.0/security/alerts_v2?$top=5000").await;
    assert_eq!(
        page["value"].as_array().map(Vec::len),
        Some(400),
        "clamped, not refused"
    );
    let empty = wire
        .get("/v1.0/security/incidents?$top=0&$count=true")
        .await;
    assert_eq!(
        (&empty["@odata.count"], &empty["value"]),
        (&json!(120), &json!([]))
    );
}

#[tokio::test]
async fn quirks_choose_the_other_way() {
    let wire = Wire::start(with_quirk("alert-top=refused")).await;
    let (status, _) = wire
        .call(Method::GET, "/v1.0/security/alerts_v2?$top=1001", None)
        .await;
    assert_eq!(status, 400);
    let wire = Wire::start(with_quirk("alert-skip=served")).await;
    let page = wire.get("/v1.0/security/alerts_v2?$skip=501").await;
    assert_eq!(page["value"], json!([]));
    let mut config = with_quirk("incident-skip=dries-up");
    config.incidents = 1100;
    let wire = Wire::start(config).await;
    let page = wire.get("/v1.0/security/incidents?$skip=1000").await;
    assert_eq!(
        (&page["value"], page.get("@odata.nextLink")),
        (&json!([]), None)
    );
    let (rows, _) = wire.drain("/v1.0/security/incidents").await;
    assert_eq!(rows.len(), 1000, "next links dry up as well");
    let mut config = with_quirk("expand-filtered=fails");
    (config.incidents, config.alerts) = (4, 400);
    let wire = Wire::start(config).await;
    let url = "/v1.0/security/incidents?$expand=alerts&$filter=createdDateTime ge 2020-01-01";
    assert_eq!(wire.call(Method::GET, url, None).await.0, 500);
    assert_eq!(wire.call(Method::GET, url, None).await.0, 500, "steadily");
    wire.get("/v1.0/security/incidents?$expand=alerts").await;
}

#[tokio::test]
async fn media_types_preferences_and_ids_of_requests() {
    let wire = Wire::start(quiet()).await;
    let count = "/v1.0/security/incidents/$count";
    for accept in ["text/plain", "*/*", "application/json, text/plain;q=0.5"] {
        let (status, headers, body) = raw(&wire, count, &[("accept", accept)]).await;
        assert_eq!((status, body.as_str()), (200, "120"), "{accept}");
        assert!(
            headers["content-type"]
                .to_str()
                .is_ok_and(|t| t.starts_with("text/plain"))
        );
    }
    let (status, _, body) = raw(&wire, count, &[("accept", "application/json")]).await;
    assert_eq!(status, 415, "{body}");
    let list = "/v1.0/security/incidents?$top=1";
    assert_eq!(raw(&wire, list, &[("accept", "text/html")]).await.0, 415);
    let (status, headers, _) = raw(&wire, list, &[]).await;
    assert_eq!(status, 200);
    for name in [
        "request-id",
        "client-request-id",
        "date",
        "x-ms-ags-diagnostic",
    ] {
        assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
    }
    assert!(headers.get("preference-applied").is_none());
    let prefer = [
        (
            "prefer",
            "odata.maxpagesize=5, include-unknown-enum-members",
        ),
        ("client-request-id", "6f0a5c0e-0000-4000-8000-00000000a003"),
    ];
    let (_, headers, _) = raw(&wire, list, &prefer).await;
    assert_eq!(
        headers["preference-applied"],
        "include-unknown-enum-members"
    );
    assert_eq!(
        headers["client-request-id"],
        "6f0a5c0e-0000-4000-8000-00000000a003"
    );
    // A body says what it is.
    let id = text(&wire.get(list).await["value"][0], "id").to_owned();
    let url = format!("{}/v1.0/security/incidents/{id}", wire.sim.base_url());
    for (content_type, expected) in [
        (Some("application/json; charset=utf-8"), 200),
        (Some("text/plain"), 415),
        (None, 400),
    ] {
        let mut request = wire
            .http
            .patch(&url)
            .bearer_auth(&wire.graph)
            .body(r#"{"status":"active"}"#);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let status = request.send().await.expect("an answer").status().as_u16();
        assert_eq!(status, expected, "{content_type:?}");
    }
}

/// Sends a request line as it stands, and reads the status.
async fn line(wire: &Wire, target: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(wire.sim.addr())
        .await
        .expect("a connection");
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        wire.sim.addr(),
        wire.graph
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    answer
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .expect("a status")
}

#[tokio::test]
async fn raw_spaces_are_refused_and_raw_quotes_where_somebody_minds() {
    let raw = "/v1.0/security/incidents?$filter=severity%20eq%20'high'";
    let encoded = "/v1.0/security/incidents?$filter=severity%20eq%20%27high%27";
    let spaces = "/v1.0/security/incidents?$filter=severity eq 'high'";
    let wire = Wire::start(quiet()).await;
    for (target, expected) in [(raw, 200), (encoded, 200), (spaces, 400)] {
        assert_eq!(line(&wire, target).await, expected, "{target}");
    }
    let wire = Wire::start(with_quirk("raw-quotes=refused")).await;
    for (target, expected) in [(raw, 400), (encoded, 200), (spaces, 400)] {
        assert_eq!(line(&wire, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn nothing_has_an_etag_and_the_last_writer_wins() {
    let wire = Wire::start(quiet()).await;
    let first = wire.get("/v1.0/security/incidents?$top=1").await["value"][0].clone();
    assert!(first.get("@odata.etag").is_none());
    let url = format!(
        "{}/v1.0/security/incidents/{}",
        wire.sim.base_url(),
        text(&first, "id")
    );
    let response = wire
        .http
        .patch(url)
        .bearer_auth(&wire.graph)
        .header("if-match", "W/\"of another time\"")
        .json(&json!({"assignedTo": "dana@example.com"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("etag").is_none());
}

#[tokio::test]
async fn other_methods_and_paths_are_told_apart() {
    let wire = Wire::start(quiet()).await;
    let id = text(
        &wire.get("/v1.0/security/incidents?$top=1").await["value"][0],
        "id",
    )
    .to_owned();
    for spelled in [
        format!("/v1.0/security/incidents/{id}"),
        format!("/v1.0/security/incidents('{id}')"),
        format!("/v1.0/Security/Incidents({id})"),
    ] {
        assert_eq!(text(&wire.get(&spelled).await, "id"), id, "{spelled}");
    }
    for (method, path, expected) in [
        (Method::HEAD, "/v1.0/security/incidents", 405),
        (Method::PUT, "/v1.0/security/incidents/1", 405),
        (Method::DELETE, "/v1.0/security/alerts_v2/x", 405),
        (Method::POST, "/v1.0/security/alerts_v2", 405),
        (Method::GET, "/v1.0/security/runHuntingQuery", 405),
        (Method::GET, "/v1.0/security/incidents/999", 404),
        (Method::GET, "/v1.0/security/incidents/0001", 404),
        (Method::GET, "/v1.0/security/alerts_v2/%F0%9F%A6%89", 404),
        (Method::GET, "/v1.0/security/threatIntelligence", 400),
        (Method::GET, "/v1.0/me", 400),
        (Method::GET, "/v1.0/security/incidentTasks", 400),
        (Method::GET, "/beta/security/incidents", 200),
    ] {
        let (status, body) = wire.call(method.clone(), path, None).await;
        assert_eq!(status, expected, "{method} {path}: {body}");
    }
}

/// Pieces that filters are made of, good ones and bad ones.
fn piece() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = vec![
        "severity",
        "status",
        "assignedTo",
        "createdDateTime",
        "lastUpdateDateTime",
        "customTags",
        "alerts",
        "eq",
        "ne",
        "gt",
        "le",
        "in",
        "and",
        "or",
        "not",
        "(",
        ")",
        ",",
        "'",
        "''",
        "'high'",
        "'new'",
        "null",
        "true",
        "startswith(",
        "endswith(",
        "contains(",
        "/any(t:",
        "/all(t:",
        "t",
        ":",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "0000-01-01",
        "-1",
        "1e999",
        "99999999999999999999",
        "\u{0}",
        "\u{202e}",
        "\u{1f989}",
        "é",
        "'\u{feff}'",
        "%",
        "%27",
        "+",
        "#",
        "&",
        "$",
        "\\",
        "\"",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[('] {0,3}",
        1 => (1usize..4000).prop_map(|n| "(".repeat(n)),
        1 => (1usize..4000).prop_map(|n| format!("'{}'", "x".repeat(n))),
        1 => (1usize..900).prop_map(|n| "not ".repeat(n)),
    ]
}

#[test]
fn hostile_queries_are_answered_and_never_break_anything() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wire = runtime.block_on(Wire::start(quiet()));
    let mut runner = TestRunner::new(Config {
        cases: 160,
        failure_persistence: None,
        ..Config::default()
    });
    let query = (
        proptest::sample::select(vec![
            "$filter",
            "$orderby",
            "$select",
            "$skiptoken",
            "$top",
            "$skip",
            "$expand",
            "$count",
        ]),
        proptest::collection::vec(piece(), 1..14),
        proptest::sample::select(vec![
            "/v1.0/security/incidents",
            "/v1.0/security/alerts_v2",
            "/v1.0/security/alerts_v2/$count",
            "/v1.0/users",
            "/v1.0/identityProtection/riskyUsers",
            "/v1.0/security/identities/identityAccounts",
            "/v1.0/security/collaboration/analyzedEmails",
        ]),
    );
    runner
        .run(&query, |(option, pieces, path)| {
            let value = pieces.join(" ");
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair(option, &value)
                .finish();
            let url = format!("{path}?{query}");
            let (status, _, body) = runtime.block_on(raw(&wire, &url, &[]));
            prop_assert!(
                status < 500,
                "{status} for {option}={value:?} at {path}: {body}"
            );
            prop_assert!([200, 400, 403, 414].contains(&status), "{status}: {body}");
            Ok(())
        })
        .expect("no filter breaks the tenant");
    // It is still well.
    runtime.block_on(async {
        wire.get("/v1.0/security/incidents?$top=1").await;
    });
}

#[test]
fn keys_of_any_kind_are_not_found_at_worst() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wire = runtime.block_on(Wire::start(quiet()));
    let mut runner = TestRunner::new(Config {
        cases: 80,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&"\\PC{1,60}", |key| {
            let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            for path in [
                "security/incidents",
                "security/alerts_v2",
                "users",
                "identityProtection/riskyUsers",
            ] {
                let url = format!("/v1.0/{path}/{}", key.replace('+', "%20"));
                let (status, _, body) = runtime.block_on(raw(&wire, &url, &[]));
                prop_assert!(
                    [200, 400, 403, 404, 405].contains(&status),
                    "{url}: {status} {body}"
                );
            }
            Ok(())
        })
        .expect("no key breaks the tenant");
}
