//! Indicators on the wire: one, many, and those of others.

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use endpoint::{count, post, refused, rows, start, token};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, quiet, text};

fn indicator(value: &str, kind: &str, action: &str) -> Value {
    json!({
        "indicatorValue": value,
        "indicatorType": kind,
        "action": action,
        "title": "test",
        "description": "made by a test",
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test]
async fn an_indicator_is_made_updated_and_deleted() {
    let wire = start(quiet()).await;
    let path = "/api/indicators";
    let body = with(
        indicator("bad.example.net", "DomainName", "Block"),
        "application",
        json!("proxy"),
    );
    let body = with(body, "severity", json!("High"));
    let made = post(
        &wire,
        path,
        with(body, "rbacGroupNames", json!(["Workstations"])),
    )
    .await;
    assert_eq!(
        (
            text(&made, "sourceType"),
            text(&made, "createdByDisplayName")
        ),
        ("AadApp", "nightjar")
    );
    assert_eq!(made["rbacGroupIds"].as_array().map(Vec::len), Some(1));
    let changed = with(
        indicator("BAD.example.net", "DomainName", "Warn"),
        "application",
        json!("other"),
    );
    let updated = post(&wire, path, changed).await;
    assert_eq!(
        updated["id"], made["id"],
        "keyed on the value, whatever its case"
    );
    assert_eq!(
        (text(&updated, "action"), text(&updated, "application")),
        ("Warn", "proxy")
    );
    assert_eq!(
        updated["creationTimeDateTimeUtc"],
        made["creationTimeDateTimeUtc"]
    );
    let found = rows(&wire, "/api/indicators?$filter=indicatorType eq 'DomainName' and action eq 'Warn' and generateAlert eq false").await;
    assert_eq!(found.len(), 1);
    let one = format!("/api/indicators/{}", text(&made, "id"));
    assert_eq!(wire.call(Method::DELETE, &one, None).await.0, 204);
    assert_eq!(wire.call(Method::DELETE, &one, None).await.0, 404);
}

#[tokio::test]
async fn what_is_wrong_with_one_is_said() {
    let wire = start(quiet()).await;
    let domain = |action: &str| indicator("bad.example.net", "DomainName", action);
    let hash = |n: usize| "a".repeat(n);
    for (body, code) in [
        (json!({"indicatorValue": "x"}), "MissingRequiredParameter"),
        (
            with(domain("Block"), "Severity", json!("High")),
            "InvalidRequestBody",
        ),
        (
            with(domain("Block"), "severity", json!("Highest")),
            "InvalidInput",
        ),
        (domain("Deny"), "InvalidInput"),
        (domain("Audit"), "InvalidInput"),
        (
            with(domain("Audit"), "generateAlert", json!("true")),
            "InvalidRequestBody",
        ),
        (
            with(
                domain("Block"),
                "expirationTime",
                json!("2020-01-01T00:00:00Z"),
            ),
            "InvalidInput",
        ),
        (
            with(
                domain("Block"),
                "educateUrl",
                json!("https://intra.example.com"),
            ),
            "InvalidInput",
        ),
        (
            with(domain("Block"), "rbacGroupNames", json!(["No such group"])),
            "InvalidInput",
        ),
        (
            indicator(&hash(39), "FileSha1", "Block"),
            "InvalidHashValue",
        ),
        (
            indicator(&hash(40), "FileSha256", "Block"),
            "InvalidHashValue",
        ),
        (indicator(&hash(64), "FileSha256", "Warn"), "InvalidInput"),
        (
            indicator("203.0.113.0/24", "IpAddress", "Block"),
            "InvalidIpAddress",
        ),
        (
            indicator("not a domain", "DomainName", "Block"),
            "InvalidDomainName",
        ),
        (indicator("bad.example.net/x", "Url", "Block"), "InvalidUrl"),
    ] {
        assert_eq!(
            refused(&wire, "/api/indicators", body.clone(), 400).await.0,
            code,
            "{body}"
        );
    }
    for body in [
        with(domain("Audit"), "generateAlert", json!(true)),
        indicator(&hash(32), "FileMd5", "BlockAndRemediate"),
        indicator("2001:db8::66", "IpAddress", "Allowed"),
        with(
            indicator("https://bad.example.net/x", "Url", "Warn"),
            "educateUrl",
            json!("https://intra.example.com/why"),
        ),
    ] {
        post(&wire, "/api/indicators", body).await;
    }
}

#[tokio::test]
async fn the_narrow_role_sees_and_changes_only_its_own() {
    let wire = start(quiet()).await;
    let all = rows(&wire, "/api/indicators").await;
    assert!(!all.is_empty() && all.iter().all(|i| i["sourceType"] == "User"));
    let narrow = Wire {
        defender: token(&wire, &["Ti.ReadWrite"]),
        ..wire
    };
    assert!(rows(&narrow, "/api/indicators").await.is_empty());
    let own = post(
        &narrow,
        "/api/indicators",
        indicator("own.example.net", "DomainName", "Block"),
    )
    .await;
    assert_eq!(count(&narrow, "/api/indicators/$count").await, 1);
    let theirs = indicator(
        text(&all[0], "indicatorValue"),
        text(&all[0], "indicatorType"),
        "Allowed",
    );
    assert_eq!(
        refused(&narrow, "/api/indicators", theirs, 403).await.0,
        "DisallowedOperation"
    );
    let one = format!("/api/indicators/{}", text(&all[0], "id"));
    assert_eq!(narrow.call(Method::DELETE, &one, None).await.0, 403);
    let both = json!({"IndicatorIds": [own["id"], all[0]["id"]]});
    refused(&narrow, "/api/indicators/BatchDelete", both, 403).await;
    assert_eq!(
        count(&narrow, "/api/indicators/$count").await,
        1,
        "all or none"
    );
    let other = Wire {
        defender: token(&narrow, &["Machine.Read.All"]),
        ..narrow
    };
    assert_eq!(
        other.call(Method::GET, "/api/indicators", None).await.0,
        403
    );
}

#[tokio::test]
async fn imports_are_told_row_by_row_and_limits_are_kept() {
    let wire = start(quiet()).await;
    let many = |from: usize, n: usize| -> Vec<Value> {
        (from..from + n)
            .map(|i| indicator(&format!("h{i}.example.net"), "DomainName", "Block"))
            .collect()
    };
    let mixed =
        json!({"Indicators": [many(0, 1)[0], indicator("nonsense", "DomainName", "Block"), 7]});
    let answer = post(&wire, "/api/indicators/import", mixed).await;
    let told = answer["value"].as_array().expect("rows");
    assert_eq!(
        told.iter()
            .map(|r| r["isFailed"].as_bool())
            .collect::<Vec<_>>(),
        [Some(false), Some(true), Some(true)]
    );
    assert!(
        told[0]["failureReason"].is_null() && text(&told[1], "failureReason").contains("domain")
    );
    assert_eq!(text(&told[1], "indicator"), "nonsense");
    let (code, message) = refused(
        &wire,
        "/api/indicators/import",
        json!({"Indicators": many(0, 501)}),
        400,
    )
    .await;
    assert!(code == "MaximumBatchSizeExceeded" && message.contains("501"));

    let before = count(&wire, "/api/indicators/$count").await as usize;
    // The first of them expire; only active ones count towards the limit.
    let soon = "2099-01-01T00:00:00Z";
    let mut made = before;
    while made < 15_000 {
        let n = 500.min(15_000 - made);
        let rows: Vec<Value> = many(made + 10, n)
            .into_iter()
            .map(|r| with(r, "expirationTime", json!(soon)))
            .collect();
        post(&wire, "/api/indicators/import", json!({"Indicators": rows})).await;
        made += n;
    }
    assert_eq!(count(&wire, "/api/indicators/$count").await, 15_000);
    let one_more = indicator("one-more.example.net", "DomainName", "Block");
    let (code, message) = refused(&wire, "/api/indicators", one_more.clone(), 400).await;
    assert!(
        code == "BadRequest" && message.contains("15000"),
        "{message}"
    );
    let page = wire.get("/api/indicators").await;
    assert_eq!(page["value"].as_array().map(Vec::len), Some(10_000));
    assert!(page["@odata.nextLink"].is_string());
    let (all, pages) = wire.drain("/api/indicators").await;
    assert_eq!((all.len(), pages), (15_000, 2));

    let ids: Vec<&Value> = all.iter().rev().take(500).map(|i| &i["id"]).collect();
    assert_eq!(
        wire.call(
            Method::POST,
            "/api/indicators/BatchDelete",
            Some(json!({"IndicatorIds": ids}))
        )
        .await
        .0,
        204
    );
    post(&wire, "/api/indicators", one_more).await;
    for (body, status, code) in [
        (json!({"IndicatorIds": []}), 400, "InvalidInput"),
        (json!({}), 400, "MissingRequiredParameter"),
        (json!({"IndicatorIds": ["abc"]}), 400, "InvalidInput"),
        (
            json!({"IndicatorIds": vec!["1"; 501]}),
            400,
            "MaximumBatchSizeExceeded",
        ),
        (
            json!({"IndicatorIds": ["999999999"]}),
            404,
            "ResourceNotFound",
        ),
    ] {
        assert_eq!(
            refused(&wire, "/api/indicators/BatchDelete", body, status)
                .await
                .0,
            code
        );
    }
    wire.sim.advance(Duration::from_secs(1));
}
