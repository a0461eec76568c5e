//! Hunting on the simulated tenant: the shape of answers, their errors, and that they tell what the
//! alerts tell. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use nightjar::sim::SimConfig;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Wire, text};

async fn hunt(wire: &Wire, query: &str) -> Value {
    let (status, body) = ask(wire, json!({ "Query": query })).await;
    assert_eq!(status, 200, "{query}: {body}");
    body
}

async fn ask(wire: &Wire, body: Value) -> (u16, Value) {
    wire.call(Method::POST, "/v1.0/security/runHuntingQuery", Some(body))
        .await
}

fn column<'a>(answer: &'a Value, name: &str) -> BTreeSet<&'a str> {
    answer["results"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|r| text(r, name))
        .filter(|t| !t.is_empty())
        .collect()
}

fn told() -> SimConfig {
    SimConfig {
        trickle: false,
        seed: 7,
        incidents: 30,
        alerts: 90,
        machines: 20,
        ..SimConfig::default()
    }
}

#[tokio::test]
async fn hunting_finds_what_the_evidence_names() {
    let wire = Wire::start(told()).await;
    wire.sim.advance(Duration::from_secs(900));
    let (alerts, _) = wire.drain("/v1.0/security/alerts_v2?$top=1000").await;
    let evidence = |title: &str, kind: &str| -> Vec<&Value> {
        let alert = alerts
            .iter()
            .find(|a| text(a, "title").contains(title))
            .expect("the alert");
        let all = alert["evidence"].as_array().expect("evidence");
        all.iter()
            .filter(|e| text(e, "@odata.type").ends_with(kind))
            .collect()
    };
    let mail = evidence("malicious file removed", "analyzedMessageEvidence")[0];
    let id = text(mail, "networkMessageId");
    let found = hunt(&wire, &format!("EmailEvents | where NetworkMessageId == '{id}' | project Subject, SenderFromAddress, SenderIPv4, RecipientEmailAddress, AuthenticationDetails")).await;
    let row = &found["results"][0];
    assert_eq!(
        (&row["Subject"], &row["SenderIPv4"]),
        (&mail["subject"], &mail["senderIp"])
    );
    assert_eq!(
        (&row["RecipientEmailAddress"], &row["SenderFromAddress"]),
        (
            &mail["recipientEmailAddress"],
            &mail["p2Sender"]["emailAddress"]
        )
    );
    assert!(
        text(row, "AuthenticationDetails").contains("\"CompAuth\":\"fail\""),
        "{row}"
    );
    let urls = hunt(
        &wire,
        &format!("EmailUrlInfo | where NetworkMessageId == '{id}'"),
    )
    .await;
    assert_eq!(
        column(&urls, "Url"),
        mail["urls"]
            .as_array()
            .expect("urls")
            .iter()
            .filter_map(Value::as_str)
            .collect()
    );

    let device = text(
        evidence("encoded script host", "deviceEvidence")[0],
        "mdeDeviceId",
    )
    .to_owned();
    let tree = hunt(&wire, &format!("DeviceProcessEvents | where DeviceId == '{device}' and InitiatingProcessFileName =~ 'WINWORD.EXE' and FileName =~ 'powershell.exe' | project FileName, ProcessId, ProcessCommandLine, SHA1")).await;
    let shell = evidence("encoded script host", "processEvidence")
        .into_iter()
        .find(|p| p["imageFile"]["fileName"] == "powershell.exe")
        .expect("the shell");
    let row = &tree["results"][0];
    assert_eq!(
        (&row["ProcessCommandLine"], &row["ProcessId"], &row["SHA1"]),
        (
            &shell["processCommandLine"],
            &shell["processId"],
            &shell["imageFile"]["sha1"]
        )
    );

    let address = text(evidence("rare address", "ipEvidence")[0], "ipAddress").to_owned();
    let talk = hunt(&wire, &format!("DeviceNetworkEvents | where RemoteIP == '{address}' | summarize Times = count() by DeviceName")).await;
    assert_eq!(
        talk["results"].as_array().map(Vec::len),
        Some(1),
        "only one device talks to it: {talk}"
    );
    let joined = hunt(&wire, "AlertInfo | join kind=inner (AlertEvidence | where EntityType == 'Machine') on AlertId | distinct Title, DeviceName").await;
    assert!(
        joined["results"].as_array().is_some_and(|r| r.len() > 5),
        "{joined}"
    );
    let known = hunt(&wire, "AlertInfo | project AlertId").await;
    let ids: BTreeSet<&str> = alerts.iter().map(|a| text(a, "id")).collect();
    assert_eq!(column(&known, "AlertId"), ids);
}

#[tokio::test]
async fn answers_have_the_documented_shape() {
    let wire = Wire::start(told()).await;
    let answer = hunt(&wire, "EmailEvents | take 0").await;
    assert_eq!(answer["results"], json!([]));
    assert_eq!(
        answer["schema"][0],
        json!({ "name": "Timestamp", "type": "DateTime" })
    );
    let answer = hunt(&wire, "print A = true, B = long(5), C = datetime(null), D = dynamic({'x': 1}), E = 1.5, F = 'text', G = int(3)").await;
    let types: Vec<&str> = answer["schema"]
        .as_array()
        .expect("schema")
        .iter()
        .map(|c| text(c, "type"))
        .collect();
    assert_eq!(
        types,
        [
            "SByte", "Int64", "DateTime", "Object", "Double", "String", "Int32"
        ]
    );
    let row = &answer["results"][0];
    assert_eq!(
        (&row["A"], &row["A@odata.type"], &row["B@odata.type"]),
        (&json!(1), &json!("#SByte"), &json!("#Int64"))
    );
    assert_eq!(
        (&row["C"], &row["E"], &row["G"]),
        (&json!({}), &json!(1.5), &json!(3))
    );
    assert_eq!(
        row["D"],
        json!({ "@odata.type": "#microsoft.graph.security.dynamicColumnValue", "x": 1 })
    );

    // Both spellings of the path and of the body.
    let (status, body) = wire
        .call(
            Method::POST,
            "/v1.0/security/microsoft.graph.security.runHuntingQuery",
            Some(json!({ "query": "print 1", "timespan": "P1D" })),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    let all = hunt(&wire, "DeviceLogonEvents | count").await["results"][0]["Count"].as_i64();
    let (_, day) = ask(
        &wire,
        json!({ "Query": "DeviceLogonEvents | count", "Timespan": "P1D" }),
    )
    .await;
    let day = day["results"][0]["Count"].as_i64();
    assert!(day > Some(0) && day < all, "{day:?} of {all:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_without_a_place() {
    let wire = Wire::start(told()).await;
    for (query, kind) in [
        ("NoSuchTable | take 1", "semantic"),
        ("DeviceInfo | where NoSuchColumn == 1", "semantic"),
        ("DeviceInfo | where", "syntax"),
        ("DeviceInfo | whree DeviceName == ''", "syntax"),
    ] {
        let (status, body) = ask(&wire, json!({ "Query": query })).await;
        assert_eq!(
            (status, text(&body["error"], "code")),
            (400, "BadRequest"),
            "{query}: {body}"
        );
        let message = text(&body["error"], "message");
        assert!(
            message.ends_with(&format!("Fix {kind} errors in your query.")),
            "{query}: {message}"
        );
    }
    let (_, body) = ask(
        &wire,
        json!({ "Query": "DeviceInfo | where NoSuchColumn == 1" }),
    )
    .await;
    assert!(
        text(&body["error"], "message").starts_with("'where' operator: Failed to resolve"),
        "{body}"
    );
    for body in [
        json!({}),
        json!({ "Query": " " }),
        json!({ "Query": "print 1", "Timespan": "soon" }),
        json!({ "Query": "print 1", "Colour": 1 }),
    ] {
        assert_eq!(ask(&wire, body).await.0, 400);
    }
    wire.sim.withhold_roles(&["ThreatHunting.Read.All"]);
    let wire = Wire {
        graph: wire.token(support::GRAPH).await,
        ..wire
    };
    let (status, body) = ask(&wire, json!({ "Query": "print 1" })).await;
    assert_eq!(status, 403);
    assert!(
        text(&body["error"], "message")
            .starts_with("Missing application roles. API required roles: ThreatHunting.Read.All"),
        "{body}"
    );
}
