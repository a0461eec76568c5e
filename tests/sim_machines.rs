//! The endpoint service on the wire: machines, what is installed on them, and their alerts.

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;

use endpoint::{ROLES, count, machine, machines, post, refused, rows, start, token, with_quirks};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

#[tokio::test]
async fn machines_are_found_by_address_and_tag() {
    let wire = start(quiet()).await;
    let all = rows(&wire, "/api/machines?$filter=healthStatus eq 'Active'").await;
    let (one, now) = (&all[0], text(&all[0], "lastSeen"));
    let by_ip = |ip: &str, at: &str| format!("/api/machines/findbyip(ip='{ip}',timestamp={at})");
    let found = rows(&wire, &by_ip(text(one, "lastIpAddress"), now)).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], one["id"]);
    assert!(rows(&wire, &by_ip("10.99.99.99", now)).await.is_empty());
    for (path, code) in [
        (by_ip("10.1", now), "InvalidIpAddress"),
        (by_ip("10.0.0.1", "2020-01-01T00:00:00Z"), "BadRequest"),
        (by_ip("10.0.0.1", "yesterday"), "BadRequest"),
        ("/api/machines/findbyip(ip='10.0.0.1')".into(), "BadRequest"),
    ] {
        let (status, body) = wire.call(Method::GET, &path, None).await;
        assert_eq!(
            (status, text(&body["error"], "code")),
            (400, code),
            "{path}"
        );
    }

    let id = text(one, "id");
    let tags = format!("/api/machines/{id}/tags");
    let tagged = post(&wire, &tags, json!({"Value": "tier-one", "Action": "Add"})).await;
    let has = |m: &Value, tag: &str| {
        let tags = m["machineTags"].as_array().expect("tags");
        tags.iter().any(|t| t == tag)
    };
    assert!(has(&tagged, "tier-one"));
    for (path, n) in [
        ("/api/machines/findbytag?tag=tier-one", 1),
        ("/api/machines/findbytag?tag=tier", 0),
        (
            "/api/machines/findbytag?tag=tier&useStartsWithFilter=true",
            1,
        ),
        (
            "/api/machines?$filter=machineTags/any(t: t eq 'tier-one')",
            1,
        ),
    ] {
        assert_eq!(rows(&wire, path).await.len(), n, "{path}");
    }
    // Names of parameters keep their case.
    for (body, code) in [
        (
            json!({"value": "x", "Action": "Add"}),
            "MissingRequiredParameter",
        ),
        (json!({"Value": "x", "Action": "add"}), "InvalidInput"),
        (json!({"Value": "x"}), "MissingRequiredParameter"),
        (
            json!({"Value": ["x"], "Action": "Add"}),
            "InvalidRequestBody",
        ),
        (
            json!({"Value": "x", "Action": "Add", "Also": 1}),
            "InvalidRequestBody",
        ),
    ] {
        assert_eq!(refused(&wire, &tags, body, 400).await.0, code);
    }
    let gone = post(
        &wire,
        &tags,
        json!({"Value": "tier-one", "Action": "Remove"}),
    )
    .await;
    assert!(!has(&gone, "tier-one"));

    let value = format!("/api/machines/{id}/setDeviceValue");
    assert_eq!(
        post(&wire, &value, json!({"DeviceValue": "Low"})).await["deviceValue"],
        "Low"
    );
    assert_eq!(
        refused(&wire, &value, json!({"DeviceValue": "Highest"}), 400)
            .await
            .0,
        "InvalidInput"
    );
    let (status, _) = wire
        .call(
            Method::POST,
            "/api/machines/none/tags",
            Some(json!({"Value": "x", "Action": "Add"})),
        )
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn many_machines_are_tagged_at_once_or_not_at_all() {
    let wire = start(quiet()).await;
    let ids = machines(&wire, "onboardingStatus eq 'Onboarded'").await;
    let path = "/api/machines/AddOrRemoveTagForMultipleMachines";
    let body = |ids: &[String]| json!({"Value": "wave", "Action": "Add", "MachineIds": ids});
    let tagged = post(&wire, path, body(&ids[..3])).await;
    assert_eq!(tagged["value"].as_array().map(Vec::len), Some(3));
    let mut with_stranger = ids[3..5].to_vec();
    with_stranger.push("0".repeat(40));
    assert_eq!(
        refused(&wire, path, body(&with_stranger), 404).await.0,
        "ResourceNotFound"
    );
    assert_eq!(
        rows(&wire, "/api/machines/findbytag?tag=wave").await.len(),
        3
    );
    let many = vec![ids[0].clone(); 501];
    let (code, message) = refused(&wire, path, body(&many), 400).await;
    assert_eq!(code, "MaximumBatchSizeExceeded");
    assert!(
        message.contains("501") && message.contains("500"),
        "{message}"
    );
}

#[tokio::test]
async fn a_patch_of_tags_appends_or_replaces() {
    for (quirk, left) in [
        ("machine-tags-patch=append", vec!["one", "two"]),
        ("machine-tags-patch=replace", vec!["two"]),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(&wire, "healthStatus eq 'Active'").await;
        let path = format!("/api/machines/{id}");
        let kept: Vec<Value> = wire.get(&path).await["machineTags"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let add = json!({"Value": "one", "Action": "Add"});
        post(&wire, &format!("{path}/tags"), add).await;
        let body = json!({"machineTags": ["two"], "deviceValue": "High"});
        let (status, answer) = wire.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!((status, text(&answer, "deviceValue")), (200, "High"));
        let mut tags = answer["machineTags"].as_array().cloned().expect("tags");
        tags.retain(|t| !kept.contains(t));
        assert_eq!(tags, left, "{quirk}");
    }
}

#[tokio::test]
async fn machines_that_were_only_seen_are_listed_and_cannot_be_worked_on() {
    let wire = start(with_quirks(&[])).await;
    let seen = rows(
        &wire,
        "/api/machines?$filter=onboardingStatus eq 'CanBeOnboarded'",
    )
    .await;
    assert!(!seen.is_empty());
    assert!(seen[0]["agentVersion"].is_null());
    let id = text(&seen[0], "id");
    assert_eq!(
        wire.get(&format!("/api/machines/{id}")).await["id"],
        seen[0]["id"]
    );
    assert!(
        rows(&wire, &format!("/api/machines/{id}/logonusers"))
            .await
            .is_empty()
    );
    let all = count(&wire, "/api/machines/$count").await;
    let onboarded = count(
        &wire,
        "/api/machines/$count?$filter=onboardingStatus eq 'onboarded'",
    )
    .await;
    assert!(onboarded == 300 && all > onboarded);
    let scan = format!("/api/machines/{id}/runAntiVirusScan");
    refused(
        &wire,
        &scan,
        json!({"Comment": "x", "ScanType": "Quick"}),
        400,
    )
    .await;
}

#[tokio::test]
async fn what_is_installed_agrees_with_what_is_wrong_and_what_to_do() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(&wire, "osPlatform eq 'Windows11'").await;
    let of = |what: &str| format!("/api/machines/{id}/{what}");
    let software = rows(&wire, &of("software")).await;
    assert!(software.len() > 3);
    let names: BTreeSet<&str> = software.iter().map(|s| text(s, "name")).collect();
    let todo = rows(&wire, &of("recommendations")).await;
    let weak = rows(&wire, &of("vulnerabilities")).await;
    let open: u64 = todo
        .iter()
        .map(|r| r["weaknesses"].as_u64().expect("a number"))
        .sum();
    assert_eq!(
        open,
        weak.len() as u64,
        "every weakness has its recommendation"
    );
    for row in &todo {
        assert!(names.contains(text(row, "productName")), "{row}");
        assert!(row["exposedMachinesCount"].as_u64() > Some(0));
    }
    for row in &weak {
        assert!(
            text(row, "id").starts_with("CVE-2026-99") && row["exposedMachines"].as_u64() > Some(0)
        );
    }
    for kb in rows(&wire, &of("getmissingkbs")).await {
        assert!(text(&kb, "url").contains(text(&kb, "id")));
        assert!(weak.len() as u64 >= kb["cveAddressed"].as_u64().expect("a number"));
    }
    assert_eq!(
        count(&wire, &of("software/$count?$filter=vendor eq 'microsoft'")).await,
        software
            .iter()
            .filter(|s| s["vendor"] == "microsoft")
            .count() as u64
    );
    assert_eq!(
        rows(&wire, &of("software")).await,
        software,
        "asked twice, answered alike"
    );
}

#[tokio::test]
async fn a_refusal_names_the_roles_in_both_wordings() {
    let wire = start(quiet()).await;
    let id = machine(&wire, "healthStatus eq 'Active'").await;
    let none = Wire {
        defender: token(&wire, &["Machine.Scan"]),
        ..wire
    };
    let (status, body) = none.call(Method::GET, "/api/machines", None).await;
    assert_eq!(status, 403);
    assert_eq!(
        text(&body["error"], "message"),
        "Missing application roles. API required roles: Machine.Read.All,Machine.ReadWrite.All, application roles: Machine.Scan."
    );
    let tags = format!("/api/v1.0/machines/{id}/tags");
    let (_, message) = refused(&none, &tags, json!({"Value": "x", "Action": "Add"}), 403).await;
    assert_eq!(
        message,
        "The application does not have any of the required application permissions (Machine.ReadWrite.All) to access the resource."
    );
    // A token for the XDR service is another resource's, whatever it may do there.
    let xdr = none.sim.mint(
        "https://api.security.microsoft.com",
        none.sim.tenant_id(),
        &["Incident.Read.All"],
        900,
    );
    let xdr = Wire {
        defender: xdr,
        ..none
    };
    let (status, body) = xdr.call(Method::GET, "/api/alerts", None).await;
    assert_eq!(status, 403);
    assert!(
        text(&body["error"], "message").contains(
            "API required roles: Alert.Read.All,Alert.ReadWrite.All, application roles: Incident.Read.All."
        ),
        "{body}"
    );
    // Nobody is told which roles a path needs that there is not.
    for (method, path, expected) in [
        (Method::GET, "/api/nothing", 404),
        (Method::DELETE, "/api/alerts", 405),
    ] {
        let (status, body) = xdr.call(method, path, None).await;
        assert_eq!(status, expected, "{path}: {body}");
    }

    let rewritten = Wire::start(with_quirks(&["read-roles=rewritten", "wrong-audience=401"])).await;
    let reader = Wire {
        defender: token(&rewritten, &["Machine.Read.All"]),
        ..rewritten
    };
    let (status, body) = reader.call(Method::GET, "/api/machines?$top=1", None).await;
    assert_eq!(status, 200, "{body}");
    let one = format!("/api/machines/{}", text(&body["value"][0], "id"));
    assert_eq!(reader.call(Method::GET, &one, None).await.0, 403);
    let lost = Wire {
        defender: reader.token(GRAPH).await,
        ..reader
    };
    assert_eq!(lost.call(Method::GET, &one, None).await.0, 401);
}

#[tokio::test]
async fn every_granted_role_is_in_a_token() {
    let wire = Wire::start(quiet()).await;
    let token = wire.token(DEFENDER).await;
    for role in ROLES {
        assert!(payload(&token).contains(role), "{role} is not granted");
    }
}

fn payload(token: &str) -> String {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("a token");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    String::from_utf8(bytes.expect("base64url")).expect("text")
}
