//! The simulated tenant against the published schema: everything Graph serves, property by property;
//! every endpoint with its permissions; every operation with its request and answer; every cloud.

#![allow(
    clippy::print_stderr,
    reason = "what is skipped, and the figures, are said aloud"
)]

#[path = "support/schema.rs"]
mod schema;
#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use nightjar::sim::{Cloud, SimConfig, Tale};
use reqwest::Method;
use schema::{Found, How, Schema};
use serde_json::{Value, json};
use support::{GRAPH, Wire, text};

/// Kinds of evidence that occur in no story and no everyday alert yet.
const NOT_YET: &[&str] = &[];

/// A tenant in which every story has been told.
fn told() -> SimConfig {
    SimConfig {
        scenarios: Tale::all(),
        trickle: false,
        incidents: 150,
        alerts: 500,
        machines: 40,
        ..SimConfig::default()
    }
}

async fn wire(config: SimConfig) -> Wire {
    let graph = config.cloud.graph();
    let mut wire = Wire::start(config).await;
    wire.sim.advance(Duration::from_secs(6 * 3600));
    wire.graph = every_role(&wire, graph);
    wire
}

/// A token with every permission that any endpoint takes.
fn every_role(wire: &Wire, graph: &str) -> String {
    let roles = [
        "SecurityIncident.ReadWrite.All",
        "SecurityAlert.ReadWrite.All",
        "SecurityData.Manage.All",
        "ThreatHunting.Read.All",
        "SecurityAnalyzedMessage.ReadWrite.All",
        "SecurityIdentitiesAccount.Read.All",
        "SecurityIdentitiesActions.ReadWrite.All",
        "User.ReadWrite.All",
        "IdentityRiskyUser.Read.All",
        "IdentityRiskyUser.ReadWrite.All",
    ];
    wire.sim.mint(graph, wire.sim.tenant_id(), &roles, 86_400)
}

/// One request with a token and with or without `Prefer`.
async fn ask(
    wire: &Wire,
    method: Method,
    path: &str,
    how: How,
    token: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let url = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{}{path}", wire.sim.base_url())
    };
    let mut request = wire.http.request(method, url).bearer_auth(token);
    if how.prefer {
        request = request.header("prefer", "include-unknown-enum-members");
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Reads a collection to its end and compares each row with a type.
async fn compare(
    wire: &Wire,
    schema: &Schema,
    path: &str,
    ty: &str,
    how: How,
    found: &mut Found,
) -> Vec<Value> {
    let mut next = Some(path.to_owned());
    let mut rows = Vec::new();
    while let Some(path) = next {
        let (status, page) = ask(wire, Method::GET, &path, how, &wire.graph, None).await;
        assert_eq!(status, 200, "{path}: {page}");
        for key in page.as_object().expect("a document").keys() {
            assert!(
                ["@odata.context", "@odata.count", "@odata.nextLink", "value"]
                    .contains(&key.as_str()),
                "{path}: {key}"
            );
        }
        for row in page["value"].as_array().expect("rows") {
            schema.object(ty, row, "", how, found);
            rows.push(row.clone());
        }
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    rows
}

#[tokio::test]
async fn every_served_object_has_what_its_type_has_and_nothing_else() {
    let Some(schema) = Schema::load() else { return };
    let wire = wire(told()).await;
    let mut found = Found::default();
    let mut kinds = BTreeSet::new();
    for (beta, prefer) in [(false, true), (false, false), (true, true)] {
        let how = How { beta, prefer };
        let root = if beta { "/beta" } else { "/v1.0" };
        for (path, ty) in [
            ("/security/incidents?$expand=alerts", "incident"),
            ("/security/alerts_v2?$top=1000", "alert"),
            (
                "/security/collaboration/analyzedEmails?startTime=2020-01-01&$top=1000",
                "analyzedEmail",
            ),
            ("/security/identities/identityAccounts", "identityAccounts"),
            (
                "/identityProtection/riskyUsers",
                "microsoft.graph.riskyUser",
            ),
        ] {
            let rows = compare(
                &wire,
                &schema,
                &format!("{root}{path}"),
                ty,
                how,
                &mut found,
            )
            .await;
            assert!(!rows.is_empty(), "{root}{path} has no rows");
            for evidence in rows
                .iter()
                .flat_map(|r| r["evidence"].as_array().into_iter().flatten())
            {
                let kind = text(evidence, "@odata.type");
                kinds.insert(
                    kind.trim_start_matches("#microsoft.graph.security.")
                        .to_owned(),
                );
            }
            // One alone is the same, with its context.
            let collection = path.split('?').next().unwrap_or(path);
            let one = format!("{root}{collection}/{}", text(&rows[0], "id"));
            let (status, alone) = ask(&wire, Method::GET, &one, how, &wire.graph, None).await;
            assert_eq!(status, 200, "{one}: {alone}");
            schema.object(ty, &alone, "", how, &mut found);
            let mut alone = alone;
            let map = alone.as_object_mut().expect("an object");
            let context = map.shift_remove("@odata.context").unwrap_or_default();
            assert!(
                context.as_str().is_some_and(|c| c.ends_with("/$entity")),
                "{one}: {context}"
            );
            let mut row = rows[0].clone();
            row.as_object_mut().expect("an object").remove("alerts");
            assert_eq!(alone, row, "{one}");
        }
        if beta {
            let rows = compare(
                &wire,
                &schema,
                "/beta/security/incidentTasks?$expand=incident",
                "incidentTask",
                how,
                &mut found,
            )
            .await;
            assert!(rows.iter().any(|t| t["responseAction"].is_object()));
            let (status, answer) = ask(
                &wire,
                Method::GET,
                "/beta/security/getHuntingSchema",
                how,
                &wire.graph,
                None,
            )
            .await;
            assert_eq!(status, 200);
            schema.object("huntingSchemaResult", &answer, "", how, &mut found);
        }
    }
    let faults: Vec<&String> = found.faults.iter().collect();
    assert!(faults.is_empty(), "{} objects: {faults:#?}", found.objects);
    eprintln!(
        "{} objects of {} types compared",
        found.objects,
        found.types.len()
    );

    let missing: BTreeSet<String> = schema
        .evidence_kinds()
        .into_iter()
        .filter(|kind| !kinds.contains(kind))
        .collect();
    let expected: BTreeSet<String> = NOT_YET.iter().map(|k| (*k).to_owned()).collect();
    assert_eq!(missing, expected, "kinds of evidence that occur nowhere");
}

/// Ids that paths and bodies need.
struct Ids {
    incidents: Vec<String>,
    alerts: Vec<String>,
    mail: Value,
    identity: Value,
    user: String,
    task: String,
}

async fn ids(wire: &Wire) -> Ids {
    let values = |page: &Value| -> Vec<String> {
        page["value"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|r| text(r, "id").to_owned())
            .collect()
    };
    let incidents = wire
        .get("/v1.0/security/incidents?$filter=status ne 'redirected'")
        .await;
    let alerts = wire.get("/v1.0/security/alerts_v2").await;
    let mails = wire
        .get("/v1.0/security/collaboration/analyzedEmails?startTime=2020-01-01")
        .await;
    let identities = wire.get("/v1.0/security/identities/identityAccounts").await;
    let risky = wire.get("/v1.0/identityProtection/riskyUsers").await;
    let tasks = wire.get("/beta/security/incidentTasks").await;
    let task = tasks["value"]
        .as_array()
        .expect("tasks")
        .iter()
        .find(|t| t["actionType"] == "isolateDevice")
        .expect("a task about a device");
    Ids {
        incidents: values(&incidents),
        alerts: values(&alerts),
        mail: mails["value"][0].clone(),
        identity: identities["value"][0].clone(),
        user: values(&risky)[0].clone(),
        task: text(task, "id").to_owned(),
    }
}

/// The path of an endpoint with a living id in it.
fn filled(path: &str, ids: &Ids) -> String {
    let id = match path {
        p if p.starts_with("/security/incidents") => &ids.incidents[0],
        p if p.starts_with("/security/alerts_v2") => &ids.alerts[0],
        p if p.contains("analyzedEmails") => text(&ids.mail, "id"),
        p if p.contains("identityAccounts") => text(&ids.identity, "id"),
        p if p.contains("incidentTasks") => &ids.task,
        _ => ids.user.as_str(),
    };
    path.replace("{id}", id)
}

/// A good body for an endpoint, with every parameter its operation has.
fn body(name: &str, ids: &Ids) -> Option<Value> {
    let account = |identity: &Value| {
        identity["accounts"]
            .as_array()
            .and_then(|l| {
                l.iter()
                    .find(|a| a["identityProvider"] == "activeDirectory")
            })
            .map(|a| a["identifier"].clone())
            .unwrap_or_default()
    };
    Some(match name {
        "update incident" => json!({"status": "inProgress", "classification": "unknown"}),
        "update alert" => json!({"status": "inProgress"}),
        "addAlertComment" | "addIncidentComment" | "add incident comment" | "add alert comment" => {
            json!({"@odata.type": "#microsoft.graph.security.alertComment", "comment": "Seen."})
        }
        "runHuntingQuery" | "advanced hunting" => {
            json!({"query": "AlertInfo | take 3", "timespan": "P7D"})
        }
        "mergeIncidents" | "merge incidents" => json!({
            "incidentIds": [ids.incidents[1], ids.incidents[2]],
            "incidentComment": "Same actor.",
            "mergeReasons": "sameActor, eventCasualSequence",
        }),
        "moveAlerts" | "move alerts between incidents" => json!({
            "alertIds": [ids.alerts[0]],
            "incidentId": ids.incidents[0],
            "alertComment": "Belongs here.",
            "newCorrelationReasons": "sharedIndicators",
        }),
        "remediate" | "remediate emails" => json!({
            "displayName": "Purge",
            "description": "Incident 1",
            "severity": "medium",
            "action": "softDelete",
            "remediateSendersCopy": false,
            "analyzedEmails": [{
                "networkMessageId": ids.mail["networkMessageId"],
                "recipientEmailAddress": ids.mail["recipientEmailAddress"],
            }],
        }),
        "invokeAction" | "act on identity account" => json!({
            "accountId": account(&ids.identity),
            "action": "disable",
            "identityProvider": "activeDirectory",
        }),
        "confirmCompromised"
        | "confirmSafe"
        | "dismiss"
        | "confirm users compromised"
        | "confirm users safe"
        | "dismiss user risk" => json!({"userIds": [ids.user]}),
        _ => return None,
    })
}

#[tokio::test]
async fn every_operation_takes_its_parameters_and_returns_its_type() {
    let Some(schema) = Schema::load() else { return };
    let wire = wire(told()).await;
    let ids = ids(&wire).await;
    let mut found = Found::default();
    for action in schema.0["actions"].as_array().expect("actions") {
        let name = text(action, "name");
        let how = How {
            beta: action["version"] == "beta",
            prefer: true,
        };
        let version = text(action, "version");
        let method = Method::from_bytes(text(action, "http").as_bytes()).expect("a method");
        let path = format!("/{version}{}", filled(text(action, "path"), &ids));
        let body = body(name, &ids);
        // The request has every parameter of this version, each of its type.
        let parameters: Vec<&Value> = action["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|p| how.beta || p["beta"] != true)
            .collect();
        for parameter in &parameters {
            let own = text(parameter, "name");
            let given = body
                .as_ref()
                .and_then(|b| b.get(own))
                .unwrap_or_else(|| panic!("{name}: the test gives no {own}"));
            let list = match given {
                Value::Array(list) if parameter["collection"] == true => list.clone(),
                one => vec![one.clone()],
            };
            for one in &list {
                // Mails to remediate are named by two of their properties.
                if text(parameter, "type") != "analyzedEmail" {
                    schema.single(own, parameter, one, name, how, &mut found);
                }
            }
        }
        // A parameter the operation does not have is refused, a required one missing as well.
        if action["kind"] == "action" && !parameters.is_empty() && name != "runHuntingQuery" {
            let mut more = body.clone().expect("a body");
            more["colour"] = json!("red");
            let (status, answer) =
                ask(&wire, method.clone(), &path, how, &wire.graph, Some(&more)).await;
            assert_eq!(status, 400, "{name}: {answer}");
            let (status, answer) = ask(
                &wire,
                method.clone(),
                &path,
                how,
                &wire.graph,
                Some(&json!({})),
            )
            .await;
            assert_eq!(status, 400, "{name}: {answer}");
        }
        let (status, answer) = ask(&wire, method, &path, how, &wire.graph, body.as_ref()).await;
        match text(action, "returns") {
            "" => {
                let expected = if name == "remediate" { 202 } else { 204 };
                assert_eq!((status, &answer), (expected, &Value::Null), "{name}");
            }
            "Boolean" => assert_eq!((status, &answer["value"]), (200, &json!(true)), "{name}"),
            "Collection(alertComment)" => {
                assert_eq!(status, 200, "{name}: {answer}");
                let comments = answer["value"].as_array().expect("comments");
                assert!(!comments.is_empty());
                for comment in comments {
                    schema.object("alertComment", comment, name, how, &mut found);
                }
            }
            ty => {
                assert_eq!(status, 200, "{name}: {answer}");
                schema.object(ty, &answer, name, how, &mut found);
            }
        }
    }
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    assert_eq!(schema.0["counts"]["actions"], 13);
}

#[tokio::test]
async fn every_endpoint_takes_the_permissions_of_the_table_and_no_others() {
    let Some(schema) = Schema::load() else { return };
    let wire = wire(told()).await;
    let ids = ids(&wire).await;
    let how = How {
        beta: false,
        prefer: true,
    };
    let tenant = wire.sim.tenant_id().to_owned();
    let endpoints = schema.0["endpoints"].as_array().expect("endpoints");
    let every: BTreeSet<&str> = endpoints
        .iter()
        .flat_map(|e| ["least", "higher"].map(|k| &e["permissions"]["application"][k]))
        .flat_map(|l| l.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    for endpoint in endpoints {
        let what = text(endpoint, "what");
        let method = Method::from_bytes(text(endpoint, "http").as_bytes()).expect("a method");
        let path = format!(
            "/{}{}",
            text(endpoint, "version"),
            filled(text(endpoint, "path"), &ids)
        );
        // Nothing is changed here: a body that is no object is refused after the permission was checked.
        let writes = method != Method::GET
            && !what.contains("hunting")
            && !what.contains("task")
            && !what.contains("revoke");
        let body = if writes {
            Some(json!([]))
        } else {
            body(what, &ids)
        };
        let call = async |token: String| {
            let (status, answer) =
                ask(&wire, method.clone(), &path, how, &token, body.as_ref()).await;
            (status, answer)
        };
        let permissions = &endpoint["permissions"];
        let listed = |of: &str| -> Vec<&str> {
            ["least", "higher"]
                .iter()
                .flat_map(|k| permissions[of][k].as_array().into_iter().flatten())
                .filter_map(Value::as_str)
                .collect()
        };
        let (status, answer) = call(wire.sim.mint(GRAPH, &tenant, &[], 3600)).await;
        assert_eq!(status, 403, "{what} without a permission: {answer}");
        assert!(!text(&answer["error"], "message").is_empty());
        if permissions.is_null() {
            continue;
        }
        let allowed = listed("application");
        for role in &every {
            let (status, answer) = call(wire.sim.mint(GRAPH, &tenant, &[role], 3600)).await;
            if allowed.contains(role) {
                assert_ne!(status, 403, "{what} with {role}: {answer}");
                assert!(
                    status < 300 || writes && status == 400,
                    "{what} with {role}: {status} {answer}"
                );
            } else {
                assert_eq!(status, 403, "{what} with {role}: {answer}");
            }
        }
        // A person needs the permission and a role; mail is for applications alone.
        let delegated = listed("delegated");
        let least = listed("application")[0];
        let with_role = wire
            .sim
            .mint_person(GRAPH, &[least], "Security Administrator", 3600);
        let without = wire.sim.mint_person(GRAPH, &[least], "", 3600);
        let (status, answer) = call(with_role).await;
        assert_eq!(
            status != 403,
            !delegated.is_empty(),
            "{what} for a person: {answer}"
        );
        assert_eq!(
            call(without).await.0,
            403,
            "{what} for a person without a role"
        );
    }
    assert_eq!(endpoints.len(), 26);
}

#[tokio::test]
async fn query_options_of_the_schema_are_taken() {
    let Some(schema) = Schema::load() else { return };
    let wire = wire(told()).await;
    for (ty, path, filter) in [
        ("incident", "/v1.0/security/incidents", "severity eq 'high'"),
        ("alert", "/v1.0/security/alerts_v2", "severity eq 'high'"),
        (
            "microsoft.graph.riskyUser",
            "/v1.0/identityProtection/riskyUsers",
            "riskLevel ne 'none'",
        ),
    ] {
        let options = schema.0["entityTypes"][ty]["query"]
            .as_object()
            .expect("options");
        for (name, taken) in options {
            let value = match name.as_str() {
                "$count" => "true",
                "$filter" => filter,
                "$select" => "id",
                "$skip" | "$top" => "3",
                "$orderby" => "createdDateTime asc",
                other => panic!("{ty}: {other}"),
            };
            assert_eq!(taken, true);
            wire.get(&format!("{path}?{name}={value}")).await;
        }
    }
}

#[tokio::test]
async fn clouds_have_what_their_own_schema_has() {
    let Some(schema) = Schema::load() else { return };
    for (name, cloud) in [
        ("global", Cloud::Global),
        ("global", Cloud::Gcc),
        ("usGov", Cloud::GccHigh),
        ("usGov", Cloud::Dod),
        ("china21Vianet", Cloud::China),
    ] {
        let has = &schema.0["clouds"][name];
        let wire = wire(SimConfig {
            cloud,
            ..support::quiet()
        })
        .await;
        let user = text(&wire.get("/v1.0/users?$top=1").await["value"][0], "id").to_owned();
        for (what, method, path) in [
            ("alerts_v2", Method::GET, "/v1.0/security/alerts_v2?$top=1"),
            ("incidents", Method::GET, "/v1.0/security/incidents?$top=1"),
            (
                "analyzedEmails",
                Method::GET,
                "/v1.0/security/collaboration/analyzedEmails",
            ),
            (
                "identityAccounts",
                Method::GET,
                "/v1.0/security/identities/identityAccounts",
            ),
            (
                "runHuntingQuery",
                Method::POST,
                "/v1.0/security/runHuntingQuery",
            ),
            (
                "mergeIncidents",
                Method::POST,
                "/v1.0/security/incidents/mergeIncidents",
            ),
            (
                "moveAlerts",
                Method::POST,
                "/v1.0/security/alerts_v2/moveAlerts",
            ),
            (
                "invokeAction",
                Method::POST,
                "/v1.0/security/identities/identityAccounts/x/invokeAction",
            ),
            (
                "revokeSignInSessions",
                Method::POST,
                &format!("/v1.0/users/{user}/revokeSignInSessions"),
            ),
        ] {
            // An empty object is refused with 400 where the operation exists.
            let body =
                (method == Method::POST && what != "revokeSignInSessions").then(|| json!({}));
            let how = How {
                beta: false,
                prefer: true,
            };
            let (status, answer) = ask(&wire, method, path, how, &wire.graph, body.as_ref()).await;
            assert_eq!(
                status != 404,
                has[what] == true,
                "{name} {what}: {status} {answer}"
            );
        }
    }
}
