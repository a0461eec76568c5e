//! The endpoint service on the wire: alerts in its own form over the rows that Graph serves, and
//! statistics and pivots that agree with them.

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;

use endpoint::{count, post, refused, rows, start, with_quirks};
use nightjar::sim::SimConfig;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, quiet, text};

fn told() -> SimConfig {
    SimConfig {
        trickle: false,
        incidents: 40,
        alerts: 160,
        machines: 40,
        ..SimConfig::default()
    }
}

/// Every alert with its evidence.
async fn alerts(wire: &Wire) -> Vec<Value> {
    rows(wire, "/api/alerts?$expand=evidence").await
}

/// Evidence of a kind, with its alert.
fn evidence<'a>(alerts: &'a [Value], kind: &str) -> Vec<(&'a Value, &'a Value)> {
    alerts
        .iter()
        .flat_map(|alert| {
            let items = alert["evidence"].as_array().expect("evidence");
            items.iter().map(move |item| (alert, item))
        })
        .filter(|(_, item)| item["entityType"] == kind)
        .collect()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|r| text(r, "id").to_owned()).collect()
}

#[tokio::test]
async fn a_change_on_one_side_shows_on_the_other() {
    let wire = start(quiet()).await;
    let all = rows(&wire, "/api/alerts").await;
    assert!(
        all.iter().all(|a| a["evidence"] == json!([])),
        "evidence comes when it is asked for"
    );
    let graph = wire.drain("/v1.0/security/alerts_v2?$top=500&$filter=serviceSource eq 'microsoftDefenderForEndpoint'").await.0;
    assert_eq!(all.len(), graph.len());
    let open = rows(&wire, "/api/alerts?$filter=status eq 'New'&$top=2").await;
    let one = &open[0];
    let id = text(one, "id");
    assert!(
        id.starts_with("da6") && id.contains('_') && id.len() > 20,
        "{id}"
    );
    let twin = graph
        .iter()
        .find(|g| {
            g["title"] == one["title"]
                && text(g, "createdDateTime")[..19] == text(one, "alertCreationTime")[..19]
        })
        .expect("the same row");
    assert_eq!(twin["providerAlertId"], one["id"]);
    let path = format!("/api/alerts/{id}");
    assert_eq!(
        wire.get(&format!("/api/alerts/{}", text(twin, "id"))).await["id"],
        one["id"],
        "either id finds it"
    );

    let change = json!({"status": "InProgress", "assignedTo": "amira.haddad@contoso.com", "classification": "TruePositive", "determination": "CompromisedUser", "comment": "looking"});
    let (status, changed) = wire.call(Method::PATCH, &path, Some(change)).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (text(&changed, "status"), text(&changed, "determination")),
        ("InProgress", "CompromisedUser")
    );
    let graph_path = format!("/v1.0/security/alerts_v2/{}", text(twin, "id"));
    let seen = wire.get(&graph_path).await;
    assert_eq!(
        (
            text(&seen, "status"),
            text(&seen, "classification"),
            text(&seen, "determination"),
            text(&seen, "assignedTo")
        ),
        (
            "inProgress",
            "truePositive",
            "compromisedAccount",
            "amira.haddad@contoso.com"
        )
    );
    assert_eq!(
        seen["comments"]
            .as_array()
            .and_then(|c| c.last())
            .map(|c| text(c, "comment")),
        Some("looking")
    );
    let (status, _) = wire
        .call(
            Method::PATCH,
            &graph_path,
            Some(json!({"status": "resolved"})),
        )
        .await;
    assert_eq!(status, 200);
    let back = wire.get(&path).await;
    assert!(back["status"] == "Resolved" && back["resolvedTime"].is_string());
    assert_eq!(
        rows(
            &wire,
            &format!("/api/alerts?$filter=id eq '{id}' and status ne 'Resolved'")
        )
        .await
        .len(),
        0
    );

    for (body, code) in [
        (json!({"Status": "New"}), "InvalidRequestBody"),
        (json!({"status": "Closed"}), "InvalidInput"),
        (json!({"determination": "Wrong"}), "InvalidInput"),
    ] {
        let (status, answer) = wire.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(
            (status, text(&answer["error"], "code")),
            (400, code),
            "{answer}"
        );
    }
    assert_eq!(
        wire.call(Method::GET, "/api/alerts/da637_1", None).await.0,
        404
    );

    let two = json!({"alertIds": [open[0]["id"], open[1]["id"]], "status": "Resolved"});
    let (status, answer) = wire
        .call(Method::POST, "/api/alerts/batchUpdate", Some(two))
        .await;
    assert_eq!((status, answer), (200, Value::String(String::new())));
    refused(
        &wire,
        "/api/alerts/batchUpdate",
        json!({"alertIds": ["da1_1"], "status": "New"}),
        404,
    )
    .await;
}

#[tokio::test]
async fn spellings_follow_the_quirks() {
    let wire = start(with_quirks(&[
        "alert-ids=graph",
        "not-malicious=Clean",
        "confirmed-activity=ConfirmedUserActivity",
        "classification-pairs=checked",
        "rbac-group-id=string",
    ]))
    .await;
    let one = &rows(&wire, "/api/alerts?$filter=status eq 'New'&$top=1").await[0];
    let id = text(one, "id");
    assert_eq!(
        wire.get(&format!("/v1.0/security/alerts_v2/{id}")).await["id"],
        one["id"]
    );
    let path = format!("/api/alerts/{id}");
    for (sent, seen) in [("NotMalicious", "Clean"), ("Clean", "Clean")] {
        let body = json!({"classification": "FalsePositive", "determination": sent});
        let (_, answer) = wire.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(text(&answer, "determination"), seen, "{answer}");
    }
    let pair = json!({"classification": "FalsePositive", "determination": "Malware"});
    assert_eq!(
        wire.call(Method::PATCH, &path, Some(pair.clone())).await.0,
        400
    );
    assert!(wire.get("/api/machines?$top=1").await["value"][0]["rbacGroupId"].is_string());
    let unchecked = start(quiet()).await;
    let id = rows(&unchecked, "/api/alerts?$top=1").await[0]["id"].clone();
    let path = format!("/api/alerts/{}", id.as_str().expect("an id"));
    assert_eq!(
        unchecked.call(Method::PATCH, &path, Some(pair)).await.0,
        200
    );
}

#[tokio::test]
async fn what_an_alert_names_is_found_from_it() {
    let wire = start(told()).await;
    let all = alerts(&wire).await;
    let (alert, file) = evidence(&all, "File")[0];
    let of = |what: &str| format!("/api/alerts/{}/{what}", text(alert, "id"));
    assert_eq!(wire.get(&of("machine")).await["id"], alert["machineId"]);
    let files = rows(&wire, &of("files")).await;
    assert!(files.iter().any(|f| f["sha1"] == file["sha1"]));
    let machine = text(alert, "machineId");
    let on_machine = rows(&wire, &format!("/api/machines/{machine}/alerts")).await;
    assert!(ids(&on_machine).contains(text(alert, "id")));
    assert_eq!(
        count(&wire, &format!("/api/machines/{machine}/alerts/$count")).await,
        on_machine.len() as u64
    );
    let (alert, user) = evidence(&all, "User")[0];
    let found = wire
        .get(&format!("/api/alerts/{}/user", text(alert, "id")))
        .await;
    assert_eq!(found["accountName"], user["accountName"]);
    if let Some((alert, ip)) = evidence(&all, "Ip").first() {
        let ips = rows(&wire, &format!("/api/alerts/{}/ips", text(alert, "id"))).await;
        assert!(ips.iter().any(|i| i["id"] == ip["ipAddress"]));
    }
    assert!(
        rows(&wire, &format!("/api/alerts/{}/domains", text(alert, "id")))
            .await
            .len()
            < 50
    );
}

#[tokio::test]
async fn files_are_counted_over_alerts_and_devices() {
    let wire = start(told()).await;
    let all = alerts(&wire).await;
    let (_, item) = *evidence(&all, "File")
        .iter()
        .find(|(_, f)| f["sha1"].is_string())
        .expect("a file");
    let (sha1, sha256) = (text(item, "sha1"), text(item, "sha256"));
    let expected: BTreeSet<String> = evidence(&all, "File")
        .iter()
        .chain(&evidence(&all, "Process"))
        .filter(|(_, f)| f["sha1"] == item["sha1"])
        .map(|(a, _)| text(a, "id").to_owned())
        .collect();
    let found = rows(&wire, &format!("/api/files/{sha1}/alerts")).await;
    assert!(ids(&found).is_superset(&expected), "{expected:?}");
    let machines = rows(&wire, &format!("/api/files/{sha1}/machines")).await;
    let named: BTreeSet<String> = found
        .iter()
        .map(|a| text(a, "machineId").to_owned())
        .collect();
    assert_eq!(ids(&machines), named);
    let stats = wire.get(&format!("/api/files/{sha256}/stats")).await;
    assert_eq!(
        stats["organizationPrevalence"].as_u64(),
        Some(named.len() as u64)
    );
    assert!(
        stats["globallyPrevalence"].as_u64() > Some(0) && stats.get("globalPrevalence").is_none()
    );
    assert!(
        stats["topFileNames"]
            .as_array()
            .is_some_and(|n| n.contains(&item["fileName"]))
    );
    let file = wire.get(&format!("/api/files/{sha1}")).await;
    assert_eq!(file["globalPrevalence"], stats["globallyPrevalence"]);
    assert_eq!(file["sha256"], sha256);

    let unknown = "c".repeat(40);
    for (path, status) in [
        (format!("/api/files/{unknown}"), 404),
        (format!("/api/files/{unknown}/stats"), 404),
        (format!("/api/files/{unknown}/machines"), 200),
        (format!("/api/files/{unknown}/alerts"), 200),
        ("/api/files/xyz".into(), 400),
        (format!("/api/files/{sha256}/machines"), 400),
        (format!("/api/files/{sha1}/stats?lookBackHours=721"), 400),
        (format!("/api/files/{sha1}/stats?lookBackHours=0"), 400),
        (format!("/api/files/{sha1}/stats?lookBackHours=720"), 200),
    ] {
        assert_eq!(
            wire.call(Method::GET, &path, None).await.0,
            status,
            "{path}"
        );
    }
}

#[tokio::test]
async fn hosts_addresses_and_accounts_have_their_edges() {
    let wire = start(told()).await;
    let all = alerts(&wire).await;
    for (path, status, key, value) in [
        (
            "/api/domains/unseen.example.org/stats",
            200,
            "host",
            "unseen.example.org",
        ),
        (
            "/api/ips/203.0.113.250/stats",
            200,
            "ipAddress",
            "203.0.113.250",
        ),
    ] {
        let (got, answer) = wire.call(Method::GET, path, None).await;
        assert_eq!((got, text(&answer, key)), (status, value));
        assert!(
            answer["organizationPrevalence"] == 0 && answer["orgFirstSeen"].is_null(),
            "{answer}"
        );
    }
    for (path, code) in [
        ("/api/domains/nonsense/stats", "InvalidDomainName"),
        ("/api/ips/300.1.1.1/stats", "InvalidIpAddress"),
        ("/api/ips/abc/alerts", "InvalidIpAddress"),
    ] {
        let (status, answer) = wire.call(Method::GET, path, None).await;
        assert_eq!(
            (status, text(&answer["error"], "code")),
            (400, code),
            "{path}"
        );
    }
    // What every device talks to, every device has.
    let everywhere = wire.get("/api/domains/update.contoso.com/stats").await;
    let fleet = count(
        &wire,
        "/api/machines/$count?$filter=onboardingStatus eq 'Onboarded'",
    )
    .await;
    assert_eq!(everywhere["organizationPrevalence"].as_u64(), Some(fleet));
    assert_eq!(
        rows(&wire, "/api/domains/update.contoso.com/machines")
            .await
            .len() as u64,
        fleet
    );
    let (alert, ip) = evidence(&all, "Ip")[0];
    let about = rows(&wire, &format!("/api/ips/{}/alerts", text(ip, "ipAddress"))).await;
    assert!(ids(&about).contains(text(alert, "id")));

    let (alert, user) = evidence(&all, "User")[0];
    let name = text(user, "accountName");
    assert!(
        ids(&rows(&wire, &format!("/api/users/{name}/alerts")).await).contains(text(alert, "id"))
    );
    assert!(
        !rows(&wire, &format!("/api/users/{name}/machines"))
            .await
            .is_empty()
    );
    for unknown in ["nobody", &format!("{name}@contoso.com")] {
        for what in ["machines", "alerts"] {
            assert!(
                rows(&wire, &format!("/api/users/{unknown}/{what}"))
                    .await
                    .is_empty(),
                "{unknown}"
            );
        }
    }
}

#[tokio::test]
async fn the_same_steps_with_the_same_seed_lead_to_the_same_answers() {
    let mut told_twice = Vec::new();
    for _ in 0..2 {
        let wire = start(SimConfig {
            clock_rate: 0.0,
            start: Some(639_000_000_000_000_000),
            ..quiet()
        })
        .await;
        let machine = text(&wire.get("/api/machines?$filter=osPlatform eq 'Windows11' and healthStatus eq 'Active'&$top=1").await["value"][0], "id").to_owned();
        let said = vec![
            post(&wire, &format!("/api/machines/{machine}/isolate"), json!({"Comment": "x", "IsolationType": "Full"})).await,
            post(&wire, "/api/indicators", json!({"indicatorValue": "a.example.net", "indicatorType": "DomainName", "action": "Block", "title": "t", "description": "d"})).await,
            post(&wire, &format!("/api/machines/{machine}/startInvestigation"), json!({"Comment": "x"})).await,
            wire.get(&format!("/api/machines/{machine}/software")).await,
            wire.get(&format!("/api/machines/{machine}")).await,
        ];
        told_twice.push(said);
    }
    assert_eq!(told_twice[0], told_twice[1]);
}
