//! The simulated tenant on the wire: tokens, lists and writes of Entra and Graph. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
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
        (with("grant_type", "implicit"), tenant, 400, 70_003),
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
