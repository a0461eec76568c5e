//! The simulated tenant on the wire: tokens, lists, writes, machine actions, bad days. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nightjar::sim::{Fault, FaultKind, RetryAfter, SimConfig};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

#[tokio::test]
async fn tokens_are_issued_and_refused_as_entra_does() {
    let wire = Wire::start(quiet()).await;
    let (tenant, id, secret) = (
        wire.sim.tenant_id(),
        wire.sim.client_id(),
        wire.sim.client_secret(),
    );
    let scope = format!("{GRAPH}/.default");
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
        ("scope", &scope),
    ];
    let with = |name: &'static str, value: &'static str| {
        let mut form = good.to_vec();
        match form.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = value,
            None => form.push((name, value)),
        }
        form
    };
    for (form, at, status, code) in [
        (with("client_secret", "wrong"), tenant, 401, 7_000_215),
        (with("client_secret", ""), tenant, 401, 7_000_216),
        (
            with("client_id", "11111111-2222-4333-8444-555555555555"),
            tenant,
            400,
            700_016,
        ),
        (good.to_vec(), "nowhere.example", 400, 90_002),
        (
            with(
                "scope",
                "https://graph.microsoft.com/SecurityIncident.Read.All",
            ),
            tenant,
            400,
            70_011,
        ),
        (
            with("scope", "https://vault.azure.net/.default"),
            tenant,
            400,
            500_011,
        ),
        (
            with("resource", "https://graph.microsoft.com"),
            tenant,
            400,
            901_002,
        ),
        (with("grant_type", "password"), tenant, 400, 70_003),
        (good[1..].to_vec(), tenant, 400, 900_144),
    ] {
        let (got, body) = wire.ask_token(at, &form).await;
        assert_eq!(
            (got, &body["error_codes"]),
            (status, &json!([code])),
            "{body}"
        );
        assert!(
            text(&body, "error_description").starts_with(&format!("AADSTS{code}: ")),
            "{body}"
        );
        assert!(
            body["trace_id"].is_string()
                && body["correlation_id"].is_string()
                && body["error"].is_string()
        );
    }
    // The tenant can be named by its domain, and an audience may end in a slash.
    for (at, audience) in [
        (tenant, DEFENDER),
        ("contoso.com", GRAPH),
        (tenant, "https://api.securitycenter.microsoft.com/"),
    ] {
        let scope = format!("{audience}/.default");
        let mut form = good.to_vec();
        form[3].1 = &scope;
        let (status, body) = wire.ask_token(at, &form).await;
        assert_eq!(
            (status, body["expires_in"].as_u64()),
            (200, Some(3599)),
            "{body}"
        );
        let claims = claims(text(&body, "access_token"));
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["tid"], tenant);
        assert_eq!(claims["appid"], id);
        assert!(claims["roles"].as_array().is_some_and(|r| !r.is_empty()));
        assert_eq!(
            claims["exp"]
                .as_i64()
                .zip(claims["iat"].as_i64())
                .map(|(e, i)| e - i),
            Some(3600)
        );
    }
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a token has three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(parts[1])
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}

#[tokio::test]
async fn wrong_tokens_are_refused_in_the_services_own_words() {
    let mut wire = Wire::start(quiet()).await;
    let tenant = wire.sim.tenant_id().to_owned();
    let (graph, defender) = (wire.graph.clone(), wire.defender.clone());
    let incidents = "/v1.0/security/incidents?$top=1";
    let machines = "/api/machines?$top=1";
    let xdr = "https://api.security.microsoft.com";
    let read = ["SecurityIncident.Read.All", "Machine.Read.All"];
    let cases: Vec<(String, &str, u16, &str, &str)> = vec![
        (
            "not.a.token".into(),
            incidents,
            401,
            "InvalidAuthenticationToken",
            "Signature",
        ),
        (
            wire.sim.mint(GRAPH, &tenant, &read, -5),
            incidents,
            401,
            "InvalidAuthenticationToken",
            "expired",
        ),
        (
            wire.sim.mint(GRAPH, "other", &read, 600),
            incidents,
            401,
            "InvalidAuthenticationToken",
            "Invalid tenant",
        ),
        (
            defender,
            incidents,
            401,
            "InvalidAuthenticationToken",
            "Invalid audience",
        ),
        (
            wire.sim.mint(GRAPH, &tenant, &["User.Read.All"], 600),
            incidents,
            403,
            "Forbidden",
            "Missing application roles. API required roles: SecurityIncident.Read.All,SecurityIncident.ReadWrite.All, application roles: User.Read.All.",
        ),
        (
            "not.a.token".into(),
            machines,
            401,
            "Unauthorized",
            "Invalid Authorization payload",
        ),
        (
            wire.sim.mint(DEFENDER, &tenant, &read, -5),
            machines,
            401,
            "Unauthorized",
            "expired",
        ),
        // The trap: a token for another resource is forbidden, not unauthorized.
        (
            graph,
            machines,
            403,
            "Forbidden",
            "Missing application roles",
        ),
        (
            wire.sim.mint(xdr, &tenant, &["Incident.Read.All"], 600),
            machines,
            403,
            "Forbidden",
            "API required roles: Machine.Read.All,Machine.ReadWrite.All, application roles: Incident.Read.All.",
        ),
        (
            wire.sim.mint(DEFENDER, &tenant, &["Machine.Scan"], 600),
            machines,
            403,
            "Forbidden",
            "Missing application roles",
        ),
    ];
    for (token, path, status, code, part) in cases {
        wire.graph.clone_from(&token);
        wire.defender = token;
        let (got, body) = wire.call(Method::GET, path, None).await;
        let error = &body["error"];
        assert_eq!((got, text(error, "code")), (status, code), "{path}: {body}");
        assert!(text(error, "message").contains(part), "{body} lacks {part}");
        if path == machines {
            assert!(error["target"].is_string(), "{body}");
        } else {
            assert_eq!(
                error["innerError"]["client-request-id"],
                "6f0a5c0e-0000-4000-8000-00000000a002"
            );
            assert!(
                error["innerError"]["request-id"].is_string()
                    && !text(&error["innerError"], "date").ends_with('Z')
            );
        }
    }
    // Writes are refused in the older wording.
    wire.defender = wire.sim.mint(DEFENDER, &tenant, &["Machine.Read.All"], 600);
    let id = text(&wire.get("/api/machines?$top=1").await["value"][0], "id").to_owned();
    let (status, body) = wire
        .call(
            Method::POST,
            &format!("/api/machines/{id}/isolate"),
            Some(json!({"Comment": "x"})),
        )
        .await;
    assert_eq!(status, 403);
    assert_eq!(
        text(&body["error"], "message"),
        "The application does not have any of the required application permissions (Machine.Isolate) to access the resource."
    );
}

#[tokio::test]
async fn lists_are_paged_to_the_end_without_repeats() {
    let wire = Wire::start(quiet()).await;
    for (path, total, pages) in [
        ("/v1.0/security/incidents", 120, 3),
        (
            "/v1.0/security/incidents?$top=50&$orderby=lastUpdateDateTime asc&$filter=lastUpdateDateTime ge 2000-01-01T00:00:00Z",
            120,
            3,
        ),
        (
            "/v1.0/security/incidents?$orderby=severity desc&$top=33",
            120,
            4,
        ),
        ("/v1.0/security/alerts_v2?$top=1000", 400, 1),
        ("/v1.0/security/alerts_v2?$top=5000", 400, 1),
        (
            "/v1.0/security/alerts_v2?$top=90&$orderby=createdDateTime asc",
            400,
            5,
        ),
        (
            "/v1.0/security/alerts_v2?$filter=lastUpdateDateTime ge 2000-01-01T00:00:00Z&$top=150",
            400,
            3,
        ),
        (
            "/v1.0/security/alerts_v2?$orderby=assignedTo&$top=150",
            400,
            3,
        ),
    ] {
        let (rows, got) = wire.drain(path).await;
        let ids: HashSet<&str> = rows.iter().map(|r| text(r, "id")).collect();
        assert_eq!(
            (rows.len(), ids.len(), got),
            (total, total, pages),
            "{path}"
        );
    }
    let (rows, _) = wire
        .drain("/v1.0/security/alerts_v2?$top=90&$orderby=lastUpdateDateTime asc")
        .await;
    let times: Vec<String> = rows
        .iter()
        .map(|r| whole(text(r, "lastUpdateDateTime")))
        .collect();
    assert!(times.is_sorted(), "ascending");
    let (rows, _) = wire.drain("/v1.0/security/incidents").await;
    let times: Vec<String> = rows
        .iter()
        .map(|r| whole(text(r, "createdDateTime")))
        .collect();
    assert!(times.iter().rev().is_sorted(), "newest first by default");
    let page = wire
        .get("/v1.0/security/incidents?$count=true&$top=7&$skip=117")
        .await;
    assert_eq!(page["@odata.count"], 120);
    assert_eq!(page["value"].as_array().map(Vec::len), Some(3));
    assert!(page.get("@odata.nextLink").is_none());
}

/// A time with seven fraction digits, so that text order is time order.
fn whole(time: &str) -> String {
    let (seconds, fraction) = time
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((time.trim_end_matches('Z'), ""));
    format!("{seconds}.{fraction:0<7}Z")
}

#[tokio::test]
async fn filters_select_and_their_mistakes() {
    let wire = Wire::start(quiet()).await;
    let (all, _) = wire.drain("/v1.0/security/alerts_v2?$top=1000").await;
    let medium = all
        .iter()
        .filter(|a| a["severity"] == "medium" && a["status"] != "resolved")
        .count();
    let (found, _) = wire
        .drain(
            "/v1.0/security/alerts_v2?$filter=severity eq 'medium' and not (status eq 'resolved')",
        )
        .await;
    assert!(medium > 0, "the noise has open alerts of medium severity");
    assert_eq!(found.len(), medium);
    let (mail, _) = wire.drain("/v1.0/security/alerts_v2?$filter=serviceSource eq 'microsoftDefenderForOffice365'&$top=500").await;
    assert!(
        !mail.is_empty()
            && mail
                .iter()
                .all(|a| a["serviceSource"] == "microsoftDefenderForOffice365")
    );
    let mine = wire
        .get("/v1.0/security/incidents?$filter=startswith(assignedTo,'AMIRA')&$count=true")
        .await;
    assert!(mine["value"].as_array().is_some_and(|v| {
        !v.is_empty()
            && v.iter()
                .all(|i| i["assignedTo"] == "amira.haddad@contoso.com")
    }));
    let slim = wire
        .get("/v1.0/security/alerts_v2?$select=id,title&$top=2")
        .await;
    let names: Vec<&String> = slim["value"][0]
        .as_object()
        .expect("a row")
        .keys()
        .collect();
    assert_eq!(names, ["id", "title"]);
    for (path, part) in [
        (
            "/v1.0/security/incidents?$top=51",
            "The limit of '50' for Top query has been exceeded.",
        ),
        (
            "/v1.0/security/incidents?$filter=displayName eq 'x'",
            "displayName",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=incidentId eq '1'",
            "incidentId",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=createdDateTime ge '2026-01-01'",
            "incompatible types",
        ),
        (
            "/v1.0/security/alerts_v2?$filter=severity eq 'worst'",
            "enumeration",
        ),
        ("/v1.0/security/alerts_v2?$expand=evidence", "$expand"),
        ("/v1.0/security/incidents?$select=colour", "colour"),
        ("/v1.0/security/incidents?$search=\"x\"", "$search"),
        ("/v1.0/security/nothing", "nothing"),
    ] {
        let (status, body) = wire.call(Method::GET, path, None).await;
        assert_eq!(status, 400, "{path}: {body}");
        assert!(
            text(&body["error"], "message").contains(part),
            "{path}: {body}"
        );
    }
    for path in [
        "/v1.0/security/incidents/1",
        "/v1.0/security/alerts_v2/da00000000-0000-4000-8000-000000000000_1",
        "/api/machines/x",
    ] {
        assert_eq!(wire.call(Method::GET, path, None).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn incidents_and_alerts_are_updated_and_commented() {
    let wire = Wire::start(quiet()).await;
    let first = wire
        .get("/v1.0/security/incidents?$filter=status eq 'active'&$top=1")
        .await["value"][0]
        .clone();
    let path = format!("/v1.0/security/incidents/{}", text(&first, "id"));
    let patch = json!({"status": "inProgress", "assignedTo": "dana@example.com", "customTags": ["a", "b"],
        "classification": "truePositive", "determination": "phishing"});
    let (status, after) = wire.call(Method::PATCH, &path, Some(patch)).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["assignedTo"], "dana@example.com");
    assert_eq!(after["customTags"], json!(["a", "b"]));
    assert_eq!(after["lastModifiedBy"], "API-App:nightjar");
    assert!(whole(text(&after, "lastUpdateDateTime")) > whole(text(&first, "lastUpdateDateTime")));
    // What changed is first among the newest changes.
    let newest = wire
        .get("/v1.0/security/incidents?$orderby=lastUpdateDateTime desc&$top=1")
        .await;
    assert_eq!(newest["value"][0]["id"], first["id"]);
    let (status, after) = wire
        .call(Method::PATCH, &path, Some(json!({"assignedTo": null})))
        .await;
    assert_eq!(
        (status, &after["assignedTo"], &after["status"]),
        (200, &Value::Null, &json!("inProgress"))
    );
    for (body, part) in [
        (json!({"status": "redirected"}), "redirected"),
        (json!({"status": "new"}), "new"),
        (json!({"determination": "clean"}), "clean"),
        (json!({"colour": "red"}), "colour"),
        (
            json!({"createdDateTime": "2026-01-01T00:00:00Z"}),
            "read-only",
        ),
        (
            json!({"status": "resolved", "customTags": "x"}),
            "customTags",
        ),
    ] {
        let (status, answer) = wire.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(status, 400, "{answer}");
        assert!(text(&answer["error"], "message").contains(part), "{answer}");
    }
    assert_eq!(
        wire.get(&path).await["status"],
        "inProgress",
        "a refused update changes nothing"
    );
    let comment = json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": "Host reimaged."});
    let (status, answer) = wire
        .call(Method::POST, &format!("{path}/comments"), Some(comment))
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        answer["value"]
            .as_array()
            .and_then(|c| c.last())
            .map(|c| text(c, "comment")),
        Some("Host reimaged.")
    );
    assert_eq!(
        wire.call(
            Method::POST,
            &format!("{path}/comments"),
            Some(json!({"comment": " "}))
        )
        .await
        .0,
        400
    );

    // Resolving an incident resolves its alerts; resolving the last alert resolves its incident.
    let (_, resolved) = wire
        .call(Method::PATCH, &path, Some(json!({"status": "resolved"})))
        .await;
    assert_eq!(resolved["status"], "resolved");
    let whole_story = wire.get(&format!("{path}?$expand=alerts")).await;
    let alerts = whole_story["alerts"].as_array().expect("alerts");
    assert!(
        !alerts.is_empty()
            && alerts
                .iter()
                .all(|a| a["status"] == "resolved" && a["resolvedDateTime"].is_string())
    );
    assert_eq!(alerts[0]["incidentId"], first["id"]);

    let other = wire
        .get("/v1.0/security/incidents?$filter=status eq 'active'&$top=1")
        .await["value"][0]
        .clone();
    let other_path = format!("/v1.0/security/incidents/{}", text(&other, "id"));
    for alert in wire.get(&format!("{other_path}?$expand=alerts")).await["alerts"]
        .as_array()
        .expect("alerts")
    {
        let path = format!("/v1.0/security/alerts_v2/{}", text(alert, "id"));
        let body = json!({"status": "resolved", "classification": "falsePositive", "determination": "notMalicious"});
        let (status, after) = wire.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(
            (status, text(&after, "determination")),
            (200, "notMalicious")
        );
        assert_eq!(
            wire.call(Method::PATCH, &path, Some(json!({"title": "x"})))
                .await
                .0,
            400
        );
        assert_eq!(
            wire.call(
                Method::POST,
                &format!("{path}/comments"),
                Some(json!({"comment": "seen"}))
            )
            .await
            .0,
            200
        );
        assert_eq!(wire.get(&path).await["comments"][0]["comment"], "seen");
    }
    assert_eq!(wire.get(&other_path).await["status"], "resolved");
}

#[tokio::test]
async fn machines_are_listed_found_and_counted() {
    let wire = Wire::start(quiet()).await;
    let all = wire.get("/api/machines").await;
    let machines = all["value"].as_array().expect("machines");
    assert_eq!(machines.len(), 30);
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
    wire.sim.advance(Duration::from_hours(72));
    let wire = Wire {
        defender: wire.token(DEFENDER).await,
        ..wire
    };
    assert_eq!(wire.get(&path).await["status"], "TimeOut");
}

#[tokio::test]
async fn members_a_client_does_not_know_are_held_back_until_it_asks() {
    let wire = Wire::start(quiet()).await;
    let url = format!(
        "{}/v1.0/security/alerts_v2?$filter=serviceSource eq 'microsoftSentinel'&$top=1",
        wire.sim.base_url()
    );
    let plain: Value = wire
        .http
        .get(&url)
        .bearer_auth(&wire.graph)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(plain["value"][0]["serviceSource"], "unknownFutureValue");
    let asked = wire.get(&url).await;
    assert_eq!(asked["value"][0]["serviceSource"], "microsoftSentinel");
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
