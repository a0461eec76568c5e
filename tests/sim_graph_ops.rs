//! What can be done through Graph of the simulated tenant: merging, moving, mail, identities, users,
//! risk, experts' tasks, and many requests in one.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use nightjar::sim::SimConfig;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{GRAPH, Wire, quiet, text};

const INCIDENTS: &str = "/v1.0/security/incidents";
const ALERTS: &str = "/v1.0/security/alerts_v2";
const MAILS: &str = "/v1.0/security/collaboration/analyzedEmails";
const IDENTITIES: &str = "/v1.0/security/identities/identityAccounts";
const RISKY: &str = "/v1.0/identityProtection/riskyUsers";

fn with_quirk(quirk: &str) -> SimConfig {
    let mut config = quiet();
    config.quirks.set(quirk).expect("a quirk");
    config
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().expect("a list")
}

async fn post(wire: &Wire, path: &str, body: Value) -> (u16, Value) {
    wire.call(Method::POST, path, Some(body)).await
}

/// Posts what must be refused with 400.
async fn refused(wire: &Wire, path: &str, body: Value, part: &str) {
    let (status, answer) = post(wire, path, body.clone()).await;
    assert_eq!(status, 400, "{path} {body}: {answer}");
    assert!(
        text(&answer["error"], "message").contains(part),
        "{path} {body}: {answer}"
    );
}

async fn open_incidents(wire: &Wire) -> Vec<Value> {
    list(
        &wire
            .get(&format!(
                "{INCIDENTS}?$expand=alerts&$filter=status eq 'active'"
            ))
            .await,
        "value",
    )
    .clone()
}

#[tokio::test]
async fn merged_incidents_lead_to_the_one_the_service_picked() {
    let wire = Wire::start(quiet()).await;
    let open = open_incidents(&wire).await;
    let ids: Vec<&str> = open.iter().take(3).map(|i| text(i, "id")).collect();
    let alerts: usize = open.iter().take(3).map(|i| list(i, "alerts").len()).sum();
    let merge = format!("{INCIDENTS}/microsoft.graph.security.mergeIncidents");
    for (body, part) in [
        (json!({}), "incidentIds parameter is required"),
        (json!({"incidentIds": []}), "empty"),
        (json!({"incidentIds": [ids[0]]}), "two different"),
        (json!({"incidentIds": [ids[0], ids[0]]}), "two different"),
        (json!({"incidentIds": "x"}), "Collection(Edm.String)"),
        (
            json!({"incidentIds": ids, "mergeReasons": "eventCausalSequence"}),
            "eventCausalSequence",
        ),
        (
            json!({"incidentIds": ids, "mergeReasons": "sameActor,"}),
            "correlationReason",
        ),
        (json!({"incidentIds": ids, "incidentComment": " "}), "empty"),
        (json!({"incidentIds": ids, "target": ids[0]}), "'target'"),
    ] {
        refused(&wire, &merge, body, part).await;
    }
    let (status, _) = post(&wire, &merge, json!({"incidentIds": [ids[0], "1"]})).await;
    assert_eq!(status, 404);
    // Names of parameters are matched without regard to case, as elsewhere.
    let body = json!({
        "IncidentIds": ids,
        "incidentComment": "One campaign.",
        "mergeReasons": "sameCampaign, eventCasualSequence",
    });
    let (status, answer) = post(&wire, &merge, body).await;
    assert_eq!(status, 200, "{answer}");
    let target = text(&answer, "targetIncidentId");
    assert!(ids.contains(&target), "{answer}");
    let merged = wire
        .get(&format!("{INCIDENTS}/{target}?$expand=alerts"))
        .await;
    assert_eq!(list(&merged, "alerts").len(), alerts);
    assert_eq!(merged["lastModifiedBy"], "API-App:nightjar");
    assert_eq!(
        text(
            list(&merged, "comments").last().expect("a comment"),
            "comment"
        ),
        "One campaign."
    );
    for id in ids.iter().filter(|id| **id != target) {
        let other = wire.get(&format!("{INCIDENTS}/{id}?$expand=alerts")).await;
        assert_eq!(
            (
                text(&other, "status"),
                text(&other, "redirectIncidentId"),
                list(&other, "alerts").len()
            ),
            ("redirected", target, 0)
        );
        let was = open.iter().find(|i| text(i, "id") == *id);
        assert_eq!(was.map(|i| &i["displayName"]), Some(&other["displayName"]));
        let path = format!("{INCIDENTS}/{id}");
        let (status, _) = wire
            .call(Method::PATCH, &path, Some(json!({"status": "active"})))
            .await;
        assert_eq!(status, 400, "merged away");
        let words =
            json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": "late"});
        refused(&wire, &format!("{path}/comments"), words, "merged into").await;
        refused(
            &wire,
            &merge,
            json!({"incidentIds": [id, target]}),
            "merged into",
        )
        .await;
    }
    assert!(
        list(&merged, "alerts")
            .iter()
            .all(|a| text(a, "incidentId") == target)
    );
}

#[tokio::test]
async fn moved_alerts_are_where_they_were_sent_or_in_an_incident_of_their_own() {
    let wire = Wire::start(quiet()).await;
    let open = open_incidents(&wire).await;
    let from = open
        .iter()
        .find(|i| list(i, "alerts").len() > 1)
        .expect("several alerts");
    let to = open
        .iter()
        .find(|i| i["id"] != from["id"])
        .expect("another");
    let alert = &list(from, "alerts")[0];
    let path = format!("{ALERTS}/moveAlerts");
    for (body, part) in [
        (
            json!({"incidentId": null}),
            "alertIds parameter is required",
        ),
        (
            json!({"alertIds": [alert["id"]], "incidentId": 5}),
            "Edm.String",
        ),
        (
            json!({"alertIds": [alert["id"]], "newCorrelationReasons": "because"}),
            "correlationReason",
        ),
    ] {
        refused(&wire, &path, body, part).await;
    }
    assert_eq!(post(&wire, &path, json!({"alertIds": ["x"]})).await.0, 404);
    let body = json!({"alertIds": [alert["id"]], "incidentId": to["id"], "alertComment": "Belongs there."});
    let (status, answer) = post(&wire, &path, body).await;
    assert_eq!(
        (status, &answer["targetIncidentId"]),
        (200, &to["id"]),
        "{answer}"
    );
    let moved = wire.get(&format!("{ALERTS}/{}", text(alert, "id"))).await;
    assert_eq!(moved["incidentId"], to["id"]);
    assert_eq!(
        text(&list(&moved, "comments")[0], "comment"),
        "Belongs there."
    );
    // Nobody named: a new incident. The one that was left without alerts keeps its name.
    let rest: Vec<&Value> = list(from, "alerts")[1..].iter().map(|a| &a["id"]).collect();
    let (status, answer) = post(&wire, &path, json!({"alertIds": rest, "incidentId": null})).await;
    assert_eq!(status, 200, "{answer}");
    let target = text(&answer, "targetIncidentId");
    let made = wire
        .get(&format!("{INCIDENTS}/{target}?$expand=alerts"))
        .await;
    assert_eq!(list(&made, "alerts").len(), rest.len());
    assert_eq!(made["status"], "active");
    let left = wire
        .get(&format!("{INCIDENTS}/{}?$expand=alerts", text(from, "id")))
        .await;
    assert_eq!(
        (list(&left, "alerts").len(), &left["displayName"]),
        (0, &from["displayName"])
    );
    assert_eq!(left["status"], "resolved", "nothing is open in it");
    let newest = wire.get(&format!("{INCIDENTS}?$top=1")).await;
    assert_eq!(newest["value"][0]["id"], made["id"], "newest first");
}

#[tokio::test]
async fn comments_come_as_an_object_or_as_generated_clients_send_them() {
    let wire = Wire::start(quiet()).await;
    let id = text(
        &wire.get(&format!("{INCIDENTS}?$top=1")).await["value"][0],
        "id",
    )
    .to_owned();
    let path = format!("{INCIDENTS}/{id}/comments");
    let body = json!([{"@odata.type": "microsoft.graph.security.alertComment", "comment": "one"}, {"comment": "two"}]);
    let (status, answer) = post(&wire, &path, body).await;
    assert_eq!(status, 200, "{answer}");
    let (_, answer) = post(&wire, &path, json!({"comment": "three"})).await;
    let texts: Vec<&str> = list(&answer, "value")
        .iter()
        .map(|c| text(c, "comment"))
        .collect();
    assert_eq!(
        &texts[texts.len() - 3..],
        ["one", "two", "three"],
        "newest last"
    );
    for (body, part) in [
        (json!([]), "empty"),
        (json!({"comment": 5}), "Edm.String"),
        (json!({"comment": "x".repeat(30_001)}), "too long"),
        (
            json!({"@odata.type": "#microsoft.graph.security.alert", "comment": "x"}),
            "could not be resolved",
        ),
    ] {
        refused(&wire, &path, body, part).await;
    }
}

#[tokio::test]
async fn updates_check_every_property_and_pairs_where_somebody_looks() {
    let wire = Wire::start(quiet()).await;
    let id = text(
        &wire.get(&format!("{INCIDENTS}?$top=1")).await["value"][0],
        "id",
    )
    .to_owned();
    let path = format!("{INCIDENTS}/{id}");
    let whole = json!({
        "status": "INPROGRESS", "classification": "falsePositive", "determination": "phishing",
        "assignedTo": "dana@example.com", "customTags": ["a"], "description": "d", "displayName": "n",
        "severity": "low", "summary": "s", "resolvingComment": "r",
    });
    let (status, after) = wire.call(Method::PATCH, &path, Some(whole.clone())).await;
    assert_eq!(status, 200, "{after}");
    for (name, value) in whole.as_object().expect("an object") {
        if name != "status" {
            assert_eq!(&after[name], value, "{name}");
        }
    }
    assert_eq!(after["status"], "inProgress");
    for wrong in [
        json!({"customTags": null}),
        json!({"severity": 3}),
        json!({"status": "awaitingAction"}),
        json!({"classification": "unknownFutureValue"}),
        json!({"priorityScore": 5}),
        json!([]),
        json!("x"),
    ] {
        let (status, answer) = wire.call(Method::PATCH, &path, Some(wrong.clone())).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
    assert_eq!(wire.get(&path).await["customTags"], json!(["a"]));
    let strict = Wire::start(with_quirk("classification-pairs=checked")).await;
    let pair = |c: &str, d: &str| json!({"classification": c, "determination": d});
    for (c, d, expected) in [
        ("falsePositive", "phishing", 400),
        ("falsePositive", "notMalicious", 200),
        ("truePositive", "confirmedActivity", 400),
        ("informationalExpectedActivity", "confirmedActivity", 200),
        ("truePositive", "apt", 200),
    ] {
        let (status, answer) = strict.call(Method::PATCH, &path, Some(pair(c, d))).await;
        assert_eq!(status, expected, "{c} {d}: {answer}");
    }
    let read_only = Wire::start(with_quirk("resolving-comment=read-only")).await;
    let (status, answer) = read_only
        .call(Method::PATCH, &path, Some(json!({"resolvingComment": "r"})))
        .await;
    assert!(
        status == 400 && text(&answer["error"], "message").contains("read-only"),
        "{answer}"
    );
}

#[tokio::test]
async fn remediated_mail_is_elsewhere_everywhere() {
    for story in [false, true] {
        let wire = Wire::start(SimConfig {
            story,
            alerts: if story { 0 } else { 600 },
            incidents: if story { 0 } else { 150 },
            ..quiet()
        })
        .await;
        wire.sim.advance(Duration::from_secs(3600));
        let wire = Wire {
            graph: wire.token(GRAPH).await,
            ..wire
        };
        let (mails, _) = wire
            .drain(&format!("{MAILS}?startTime=2020-01-01&$top=50"))
            .await;
        let mail = mails
            .iter()
            .find(|m| {
                m["latestDelivery"]["location"] != "others"
                    && m["alertIds"].as_array().is_some_and(|a| !a.is_empty())
            })
            .expect("a mail of an alert that is still there");
        let alert_path = format!("{ALERTS}/{}", mail["alertIds"][0].as_str().expect("an id"));
        let before = wire.get(&alert_path).await;
        let evidence = |alert: &Value| {
            list(alert, "evidence")
                .iter()
                .find(|e| {
                    e["networkMessageId"] == mail["networkMessageId"]
                        && e["recipientEmailAddress"] == mail["recipientEmailAddress"]
                })
                .expect("the mail among the evidence")
                .clone()
        };
        let body = |action: &str, message: &Value| {
            json!({
                "displayName": "Purge invoice lure", "description": "d", "severity": "medium", "action": action,
                "remediateSendersCopy": "false",
                "analyzedEmails": [{
                    "networkMessageId": message, "recipientEmailAddress": mail["recipientEmailAddress"],
                }],
            })
        };
        let path = format!("{MAILS}/remediate");
        let id = &mail["networkMessageId"];
        refused(&wire, &path, body("moveToQuarantine", id), "not supported").await;
        refused(&wire, &path, body("shred", id), "remediationAction").await;
        let mut no_mail = body("softDelete", id);
        no_mail["analyzedEmails"] = json!([]);
        refused(&wire, &path, no_mail, "analyzedEmails").await;
        assert_eq!(
            post(&wire, &path, body("softDelete", &json!("x"))).await.0,
            404
        );
        let response = wire
            .send(Method::POST, &path, Some(body("softDelete", id)))
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let location = response.headers()["location"]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(
            location.contains('{') && location.contains('"'),
            "{location}"
        );
        assert_eq!(response.text().await.expect("a body"), "");

        let after = wire.get(&format!("{MAILS}/{}", text(mail, "id"))).await;
        assert_eq!(after["latestDelivery"]["location"], "others");
        assert_eq!(after["originalDelivery"], mail["originalDelivery"]);
        let last = list(&after, "timelineEvents")
            .last()
            .expect("an event")
            .clone();
        assert_eq!(
            (text(&last, "eventType"), text(&last, "eventSource")),
            ("air", "admin")
        );
        assert!(
            text(&last, "eventDetails").contains("Purge invoice lure"),
            "{last}"
        );
        let now = wire.get(&alert_path).await;
        assert_eq!(
            evidence(&now)["remediationStatus"],
            "remediated",
            "{}",
            evidence(&before)
        );
        assert!(text(&now, "lastUpdateDateTime") > text(&before, "lastUpdateDateTime"));
        // Beta names mails by their ids, and an approver.
        let mut by_id = body("hardDelete", id);
        by_id["analyzedEmails"] = json!([{ "id": mail["id"] }]);
        by_id["approverUpn"] = json!("dana@example.com");
        assert_eq!(post(&wire, &path, by_id.clone()).await.0, 400, "not v1.0");
        let beta = path.replace("/v1.0/", "/beta/");
        assert_eq!(post(&wire, &beta, by_id).await.0, 202);
        // And back again.
        assert_eq!(post(&wire, &path, body("moveToInbox", id)).await.0, 202);
        let back = wire.get(&format!("{MAILS}/{}", text(mail, "id"))).await;
        assert_eq!(back["latestDelivery"]["location"], "inbox_folder");
        assert_eq!(
            evidence(&wire.get(&alert_path).await)["remediationStatus"],
            "active"
        );
    }
}

#[tokio::test]
async fn mail_is_listed_by_dates_and_filters_or_as_one_project_saw_it() {
    // Both tenants begin at the same moment, in December 2025.
    let start = Some(639_000_000_000_000_000);
    let wire = Wire::start(SimConfig {
        alerts: 900,
        incidents: 200,
        start,
        ..quiet()
    })
    .await;
    let (all, _) = wire
        .drain(&format!("{MAILS}?startTime=2020-01-01&$top=30"))
        .await;
    let recent = wire.get(&format!("{MAILS}?$count=true")).await;
    assert!(
        recent["@odata.count"]
            .as_u64()
            .is_some_and(|n| n > 0 && n < all.len() as u64),
        "{}",
        recent["@odata.count"]
    );
    let one = &all[all.len() / 2];
    let day = &text(one, "loggedDateTime")[..10];
    let (on_day, _) = wire
        .drain(&format!("{MAILS}?startTime={day}&endTime={day}T23:59:59Z"))
        .await;
    assert!(
        !on_day.is_empty()
            && on_day
                .iter()
                .all(|m| text(m, "loggedDateTime").starts_with(day))
    );
    let filter = format!(
        "networkMessageId eq '{}' and recipientEmailAddress eq '{}'",
        text(one, "networkMessageId"),
        text(one, "recipientEmailAddress")
    );
    let found = wire
        .get(&format!("{MAILS}?startTime=2020-01-01&$filter={filter}"))
        .await;
    assert_eq!(list(&found, "value"), &vec![one.clone()]);
    for (query, part) in [
        ("$skip=1", "$skip"),
        ("$orderby=subject", "subject"),
        ("startTime=soon", "not a date"),
        ("startTime=2026-02-01&endTime=2026-01-01", "earlier"),
        ("$filter=subject eq 'x'", "cannot be used"),
    ] {
        let (status, answer) = wire
            .call(Method::GET, &format!("{MAILS}?{query}"), None)
            .await;
        assert_eq!(status, 400, "{query}: {answer}");
        assert!(
            text(&answer["error"], "message").contains(part),
            "{query}: {answer}"
        );
    }
    assert_eq!(
        wire.call(Method::GET, &format!("{MAILS}/nothing"), None)
            .await
            .0,
        404
    );
    // A person cannot read mail, whatever they may do.
    let person = wire.sim.mint_person(
        GRAPH,
        &["SecurityAnalyzedMessage.ReadWrite.All"],
        "Security Administrator",
        600,
    );
    let wire = Wire {
        graph: person,
        ..wire
    };
    assert_eq!(wire.call(Method::GET, MAILS, None).await.0, 403);

    let mut config = with_quirk("mail-dates=ignored");
    (config.alerts, config.incidents, config.start) = (900, 200, start);
    let wire = Wire::start(config).await;
    let page = wire
        .get(&format!("{MAILS}?startTime=2020-01-01&endTime=2020-01-02"))
        .await;
    assert_eq!(
        page["value"], recent["value"],
        "the last hours, whatever was asked"
    );
    for query in ["$filter=networkMessageId eq 'x'", "$count=true"] {
        assert_eq!(
            wire.call(Method::GET, &format!("{MAILS}?{query}"), None)
                .await
                .0,
            400
        );
    }
}

#[tokio::test]
async fn identities_take_what_the_matrix_allows() {
    let wire = Wire::start(quiet()).await;
    let (all, _) = wire.drain(IDENTITIES).await;
    let one = all
        .iter()
        .find(|i| list(i, "accounts").len() == 3)
        .expect("one with three accounts");
    let account = |provider: &str| {
        list(one, "accounts")
            .iter()
            .find(|a| a["identityProvider"] == provider)
            .map(|a| a["identifier"].clone())
            .expect("an account")
    };
    let path = format!("{IDENTITIES}/{}", text(one, "id"));
    let invoke = format!("{path}/microsoft.graph.security.invokeAction");
    let body = |provider: &str, action: &str| json!({"accountId": account(provider), "action": action, "identityProvider": provider});
    for (provider, action, allowed) in [
        ("activeDirectory", "disable", true),
        ("activeDirectory", "enable", true),
        ("activeDirectory", "forcePasswordReset", true),
        ("activeDirectory", "revokeAllSessions", false),
        ("okta", "disable", true),
        ("okta", "enable", true),
        ("okta", "revokeAllSessions", true),
        ("okta", "forcePasswordReset", false),
        ("entraID", "disable", false),
        ("entraID", "requireUserToSignInAgain", false),
    ] {
        let (status, answer) = post(&wire, &invoke, body(provider, action)).await;
        assert_eq!(status == 200, allowed, "{provider} {action}: {answer}");
        if allowed {
            assert_eq!(
                (text(&answer, "action"), text(&answer, "identityProvider")),
                (action, provider)
            );
            let enabled = wire.get(&path).await["isEnabled"].clone();
            assert_eq!(enabled, json!(action != "disable"), "{provider} {action}");
        }
    }
    let wrong =
        json!({"accountId": "S-1-5", "action": "disable", "identityProvider": "activeDirectory"});
    refused(&wire, &invoke, wrong, "does not belong").await;
    let (status, _) = post(
        &wire,
        &format!("{IDENTITIES}/x/invokeAction"),
        body("okta", "enable"),
    )
    .await;
    assert_eq!(status, 404);
    let found = wire
        .get(&format!(
            "{IDENTITIES}?$filter=userPrincipalName eq '{}'",
            text(one, "userPrincipalName")
        ))
        .await;
    assert_eq!(list(&found, "value").len(), 1);
    let wrapped = Wire::start(with_quirk("invoke-result=wrapped")).await;
    let (_, answer) = post(&wrapped, &invoke, body("okta", "disable")).await;
    assert_eq!(answer["value"]["provider"], "okta", "{answer}");
    let found = wrapped
        .get(&format!("{IDENTITIES}?$filter=isEnabled eq false"))
        .await;
    assert_eq!(list(&found, "value").len(), 2, "and petra.vogel");
}

#[tokio::test]
async fn users_are_found_disabled_and_signed_out() {
    let wire = Wire::start(quiet()).await;
    let first = wire.get("/v1.0/users?$top=1").await["value"][0].clone();
    assert!(first.get("accountEnabled").is_none(), "only with $select");
    let upn = text(&first, "userPrincipalName");
    let found = wire
        .get(&format!(
            "/v1.0/users?$filter=userPrincipalName eq '{upn}'&$select=id,accountEnabled"
        ))
        .await;
    assert_eq!(
        found["value"],
        json!([{"id": first["id"], "accountEnabled": true}])
    );
    let path = format!("/v1.0/users/{upn}");
    let select = format!("{path}?$select=accountEnabled,signInSessionsValidFromDateTime");
    let before = wire.get(&select).await;
    let response = wire
        .send(Method::PATCH, &path, Some(json!({"accountEnabled": false})))
        .await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let after = wire.get(&select).await;
    assert_eq!(
        (&before["accountEnabled"], &after["accountEnabled"]),
        (&json!(true), &json!(false))
    );
    let identity = wire
        .get(&format!(
            "{IDENTITIES}?$filter=userPrincipalName eq '{upn}'"
        ))
        .await;
    assert_eq!(identity["value"][0]["isEnabled"], false);
    let disabled = wire
        .get("/v1.0/users?$filter=accountEnabled eq false")
        .await;
    assert_eq!(list(&disabled, "value").len(), 2, "and petra.vogel");
    let revoke = format!("/v1.0/users/{}/revokeSignInSessions", text(&first, "id"));
    let (status, answer) = wire.call(Method::POST, &revoke, None).await;
    assert_eq!((status, &answer["value"]), (200, &json!(true)));
    assert!(wire.get(&select).await["signInSessionsValidFromDateTime"].is_string());
    for (body, expected) in [
        (json!({"accountEnabled": "false"}), 400),
        (json!({"colour": "red"}), 400),
        (json!({}), 400),
        (json!({"displayName": "x"}), 403),
    ] {
        let (status, answer) = wire.call(Method::PATCH, &path, Some(body.clone())).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let (status, answer) = wire
        .call(Method::GET, "/v1.0/users/nobody@contoso.com", None)
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("Request_ResourceNotFound"))
    );
    let quirk = Wire::start(with_quirk("revoke-status=204")).await;
    assert_eq!(quirk.call(Method::POST, &revoke, None).await.0, 204);
}

#[tokio::test]
async fn risk_is_seen_in_alerts_and_decided_on() {
    let wire = Wire::start(SimConfig {
        alerts: 900,
        incidents: 200,
        ..quiet()
    })
    .await;
    let at_risk = wire
        .get(&format!(
            "{RISKY}?$filter=riskState eq 'atRisk'&$count=true"
        ))
        .await;
    let user = list(&at_risk, "value")[0].clone();
    assert_eq!(at_risk["@odata.count"], list(&at_risk, "value").len());
    let path = format!("{RISKY}/{}", text(&user, "id"));
    for (operation, state, level, detail) in [
        (
            "confirmCompromised",
            "confirmedCompromised",
            "high",
            "adminConfirmedUserCompromised",
        ),
        (
            "confirmSafe",
            "confirmedSafe",
            "none",
            "adminConfirmedAccountSafe",
        ),
        (
            "dismiss",
            "dismissed",
            "none",
            "adminDismissedAllRiskForUser",
        ),
    ] {
        let response = wire
            .send(
                Method::POST,
                &format!("{RISKY}/{operation}"),
                Some(json!({"userIds": [user["id"]]})),
            )
            .await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let after = wire.get(&path).await;
        assert_eq!(
            (
                text(&after, "riskState"),
                text(&after, "riskLevel"),
                text(&after, "riskDetail")
            ),
            (state, level, detail)
        );
    }
    // Anybody can be found compromised, and is at risk from then on.
    let (users, _) = wire.drain("/v1.0/users").await;
    let (risky, _) = wire.drain(RISKY).await;
    let calm = users
        .iter()
        .find(|u| !risky.iter().any(|r| r["id"] == u["id"]))
        .expect("a calm user");
    assert_eq!(
        wire.call(Method::GET, &format!("{RISKY}/{}", text(calm, "id")), None)
            .await
            .0,
        404
    );
    let body = json!({"userIds": [calm["id"]]});
    assert_eq!(
        post(&wire, &format!("{RISKY}/confirmCompromised"), body)
            .await
            .0,
        204
    );
    assert_eq!(
        wire.get(&format!("{RISKY}/{}", text(calm, "id"))).await["riskLevel"],
        "high"
    );
    let many: Vec<String> = (0..61).map(|n| n.to_string()).collect();
    for body in [
        json!({"userIds": []}),
        json!({"userIds": [5]}),
        json!({}),
        json!({"userIds": many}),
    ] {
        assert_eq!(post(&wire, &format!("{RISKY}/dismiss"), body).await.0, 400);
    }
    let both = json!({"userIds": [user["id"], "nobody"]});
    assert_eq!(
        post(&wire, &format!("{RISKY}/confirmCompromised"), both)
            .await
            .0,
        404
    );
    assert_eq!(
        wire.get(&path).await["riskState"],
        "dismissed",
        "a refused request changes nothing"
    );
    let quirk = Wire::start(with_quirk("risk-licence=missing")).await;
    assert_eq!(quirk.call(Method::GET, RISKY, None).await.0, 403);
}

#[tokio::test]
async fn experts_tasks_are_carried_out_once() {
    let wire = Wire::start(SimConfig {
        alerts: 900,
        incidents: 300,
        ..quiet()
    })
    .await;
    let (tasks, _) = wire
        .drain("/beta/security/incidentTasks?$expand=incident")
        .await;
    let task = tasks
        .iter()
        .find(|t| t["actionType"] == "isolateDevice")
        .expect("a task");
    assert_eq!(text(task, "actionStatus"), "notStarted");
    assert_eq!(task["incident"]["severity"], "high");
    let path = format!("/beta/security/incidentTasks/{}", text(task, "id"));
    let execute = format!("{path}/executeResponseAction");
    let response = wire.send(Method::POST, &execute, None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(wire.get(&path).await["actionStatus"], "inProgress");
    assert_eq!(wire.call(Method::POST, &execute, None).await.0, 400, "once");
    // It is a machine action like any other.
    let device = text(&task["responseAction"], "identifierValue");
    let actions = wire
        .get(&format!(
            "/api/machineactions?$filter=machineId eq '{device}' and type eq 'Isolate'"
        ))
        .await;
    assert!(!list(&actions, "value").is_empty(), "{actions}");
    wire.sim.advance(Duration::from_secs(300));
    let after = wire.get(&path).await;
    assert_eq!(
        (text(&after, "actionStatus"), text(&after, "status")),
        ("completed", "completed")
    );
    let words = tasks
        .iter()
        .find(|t| t["actionType"] == "text")
        .expect("a task of words");
    let path = format!(
        "/beta/security/incidentTasks/{}/executeResponseAction",
        text(words, "id")
    );
    assert_eq!(wire.call(Method::POST, &path, None).await.0, 400);
}

#[tokio::test]
async fn a_batch_answers_each_request_on_its_own() {
    let wire = Wire::start(quiet()).await;
    let id = text(
        &wire.get(&format!("{INCIDENTS}?$top=1")).await["value"][0],
        "id",
    )
    .to_owned();
    let json_type = json!({"Content-Type": "application/json"});
    let body = json!({"requests": [
        {"id": "a", "method": "GET", "url": format!("/security/incidents/{id}?$select=id,status")},
        {"id": "b", "method": "PATCH", "url": format!("security/incidents/{id}"), "headers": json_type,
            "body": {"status": "inProgress"}, "dependsOn": ["A"]},
        {"id": "c", "method": "GET", "url": "/security/incidents/1", "dependsOn": ["b"]},
        {"id": "d", "method": "GET", "url": "/security/alerts_v2?$top=1", "dependsOn": ["c"]},
        {"id": "e", "method": "GET", "url": "/security/incidents/$count?$filter=severity eq 'high'"},
        {"id": "f", "method": "POST", "url": "/$batch", "headers": json_type, "body": {"requests": []}},
        {"id": "g", "method": "GET", "url": "/security/alerts_v2?$filter=serviceSource%20eq%20'microsoftSentinel'&$top=1"},
        {"id": "h", "method": "GET", "url": "/security/alerts_v2?$filter=serviceSource eq 'microsoftSentinel'&$top=1",
            "headers": {"Prefer": "include-unknown-enum-members"}},
    ]});
    let (status, answer) = post(&wire, "/v1.0/$batch", body).await;
    assert_eq!(status, 200, "{answer}");
    let of = |id: &str| {
        list(&answer, "responses")
            .iter()
            .find(|r| r["id"] == id)
            .unwrap_or_else(|| panic!("{id}: {answer}"))
            .clone()
    };
    let statuses: Vec<u64> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .filter_map(|i| of(i)["status"].as_u64())
        .collect();
    assert_eq!(statuses, [200, 200, 404, 424, 200, 400], "{answer}");
    assert_eq!(of("a")["body"]["id"], *id);
    assert_eq!(of("b")["body"]["status"], "inProgress");
    assert!(of("d")["body"]["error"]["code"] == "FailedDependency");
    assert_eq!(
        of("g")["body"]["value"][0]["serviceSource"],
        "unknownFutureValue"
    );
    assert_eq!(
        of("h")["body"]["value"][0]["serviceSource"],
        "microsoftSentinel"
    );
    assert_eq!(
        of("h")["headers"]["preference-applied"],
        "include-unknown-enum-members"
    );
    assert_eq!(
        wire.get(&format!("{INCIDENTS}/{id}")).await["status"],
        "inProgress"
    );
    // Beta is beta.
    let task =
        json!({"requests": [{"id": "1", "method": "GET", "url": "/security/incidentTasks"}]});
    let (_, answer) = post(&wire, "/beta/$batch", task.clone()).await;
    assert_eq!(answer["responses"][0]["status"], 200);
    let (_, answer) = post(&wire, "/v1.0/$batch", task).await;
    assert_eq!(answer["responses"][0]["status"], 400);

    let get = |id: &str| json!({"id": id, "method": "GET", "url": "/users?$top=1"});
    let requests = |list: Vec<Value>| json!({ "requests": list });
    for (body, part) in [
        (json!({}), "must be an array"),
        (requests(vec![]), "no requests"),
        (
            requests((0..21).map(|n| get(&n.to_string())).collect()),
            "maximum value of 20",
        ),
        (requests(vec![get("x"), get("X")]), "not unique"),
        (
            requests(vec![json!({"method": "GET", "url": "/users"})]),
            "no 'id'",
        ),
        (
            requests(vec![json!({"id": "1", "url": "/users"})]),
            "no 'method'",
        ),
        (
            requests(vec![
                json!({"id": "1", "method": "GET", "url": "https://elsewhere.example/v1.0/users"}),
            ]),
            "relative",
        ),
        (
            requests(vec![
                json!({"id": "1", "method": "GET", "url": "/users", "dependsOn": ["1"]}),
            ]),
            "depends on '1'",
        ),
        (
            requests(vec![
                json!({"id": "1", "method": "GET", "url": "/users", "dependsOn": "x"}),
            ]),
            "dependsOn",
        ),
        (
            requests(vec![
                json!({"id": "1", "method": "POST", "url": "/x", "body": {}}),
            ]),
            "Content-Type",
        ),
        (
            requests(vec![
                json!({"id": "1", "method": "POST", "url": "/x", "headers": {"content-type": "application/json"}, "body": 5}),
            ]),
            "JSON object",
        ),
        (requests(vec![json!("x")]), "no 'id'"),
    ] {
        refused(&wire, "/v1.0/$batch", body, part).await;
    }
}

#[tokio::test]
async fn requests_of_a_batch_are_authorised_and_throttled_each() {
    let wire = Wire::start(SimConfig {
        throttle: true,
        ..quiet()
    })
    .await;
    let tenant = wire.sim.tenant_id().to_owned();
    let wire = Wire {
        graph: wire
            .sim
            .mint(GRAPH, &tenant, &["SecurityAlert.Read.All"], 600),
        ..wire
    };
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/security/alerts_v2?$top=1"},
        {"id": "2", "method": "GET", "url": "/security/incidents?$top=1"},
    ]});
    let (_, answer) = post(&wire, "/v1.0/$batch", body).await;
    assert_eq!(
        (
            &answer["responses"][0]["status"],
            &answer["responses"][1]["status"]
        ),
        (&json!(200), &json!(403))
    );
    let many: Vec<Value> = (0..19)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": "/security/alerts_v2?$top=1"}))
        .collect();
    let mut throttled = None;
    for _ in 0..9 {
        let (status, answer) = post(&wire, "/v1.0/$batch", json!({ "requests": many })).await;
        assert_eq!(status, 200, "{answer}");
        throttled = throttled.or_else(|| {
            list(&answer, "responses")
                .iter()
                .find(|r| r["status"] == 429)
                .cloned()
        });
        if throttled.is_some() {
            break;
        }
    }
    let one = throttled.expect("150 requests a minute are the limit");
    assert!(one["headers"]["retry-after"].is_string(), "{one}");
}

/// Names that bodies have, and one that none has.
const NAMES: &[&str] = &[
    "status",
    "classification",
    "customTags",
    "comment",
    "incidentIds",
    "mergeReasons",
    "alertIds",
    "incidentId",
    "userIds",
    "accountEnabled",
    "accountId",
    "action",
    "identityProvider",
    "displayName",
    "severity",
    "analyzedEmails",
    "networkMessageId",
    "requests",
    "id",
    "method",
    "url",
    "headers",
    "body",
    "dependsOn",
    "@odata.type",
    "colour",
];

fn any_json() -> impl Strategy<Value = Value> {
    let texts = vec![
        "",
        "1",
        "GET",
        "/users",
        "active",
        "high",
        "softDelete",
        "okta",
        "//x",
        "../..",
        "\u{0}",
        "\u{1f989}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(texts).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(NAMES), inner), 0..5).prop_map(
                |pairs| {
                    Value::Object(pairs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
                }
            ),
        ]
    })
}

#[test]
fn hostile_bodies_are_refused_and_never_break_anything() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wire = runtime.block_on(Wire::start(quiet()));
    let first = runtime.block_on(wire.get(&format!("{INCIDENTS}?$top=1&$expand=alerts")))["value"]
        [0]
    .clone();
    let (incident, alert) = (text(&first, "id"), text(&first["alerts"][0], "id"));
    let targets = [
        (Method::PATCH, format!("{INCIDENTS}/{incident}")),
        (Method::POST, format!("{INCIDENTS}/{incident}/comments")),
        (Method::POST, format!("{INCIDENTS}/mergeIncidents")),
        (Method::PATCH, format!("{ALERTS}/{alert}")),
        (Method::POST, format!("{ALERTS}/moveAlerts")),
        (Method::POST, format!("{MAILS}/remediate")),
        (Method::POST, format!("{IDENTITIES}/x/invokeAction")),
        (Method::POST, format!("{RISKY}/confirmSafe")),
        (Method::PATCH, "/v1.0/users/x".to_owned()),
        (Method::POST, "/v1.0/$batch".to_owned()),
        (Method::POST, "/beta/$batch".to_owned()),
    ];
    let mut runner = TestRunner::new(Config {
        cases: 250,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&(0..targets.len(), any_json()), |(at, body)| {
            let (method, path) = &targets[at];
            let (status, answer) =
                runtime.block_on(wire.call(method.clone(), path, Some(body.clone())));
            prop_assert!(status < 500, "{method} {path} {body}: {status} {answer}");
            Ok(())
        })
        .expect("no body breaks the tenant");
    runtime.block_on(async {
        wire.get(&format!("{INCIDENTS}?$top=1")).await;
    });
}
