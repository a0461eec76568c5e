//! Hunting on the simulated tenant: the shape of answers, their errors, and that they tell what the
//! alerts tell. Raw requests only.

#![allow(
    clippy::print_stdout,
    reason = "what is skipped, and the figures, are said aloud"
)]

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
async fn a_query_that_is_too_large_is_refused_unread() {
    let wire = Wire::start(told()).await;
    let query = format!("print x = 1 // {}", "x".repeat(1_000_000));
    let (status, body) = ask(&wire, json!({ "Query": query })).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(
        text(&body["error"], "message"),
        "The query cannot run because it exceeds the allowed size limit when processed."
    );
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

/// A tenant whose clock stands still.
fn frozen() -> SimConfig {
    SimConfig {
        // 2026-09-21T14:13:20Z
        start: Some(639_255_824_000_000_000),
        clock_rate: 0.0,
        ..told()
    }
}

#[tokio::test]
async fn every_published_table_has_its_columns() {
    let Ok(published) = std::fs::read_to_string("../shared/spec/hunting-schema.json") else {
        println!("skipped: the published schema is not here");
        return;
    };
    let published: Value = serde_json::from_str(&published).expect("JSON");
    let wire = Wire::start(told()).await;
    let tables = published["tables"].as_array().expect("tables");
    assert_eq!(tables.len(), 66);
    for table in tables {
        let answer = hunt(&wire, &format!("{} | take 0", text(table, "name"))).await;
        let expected: Vec<Value> = table["columns"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|c| {
                let ty = match text(c, "type") {
                    "bool" => "SByte",
                    "int" => "Int32",
                    "long" => "Int64",
                    "real" => "Double",
                    "datetime" => "DateTime",
                    "dynamic" => "Object",
                    "guid" => "Guid",
                    "string" => "String",
                    other => panic!("{other} is new"),
                };
                json!({ "name": c["name"], "type": ty })
            })
            .collect();
        // A tenant may have more behind them, as real ones do.
        let columns = answer["schema"].as_array().expect("columns");
        let published = &columns[..expected.len().min(columns.len())];
        assert_eq!(published, expected, "{}", text(table, "name"));
    }
}

/// Kind of evidence, what names it, and the tables and columns of which one must have it.
type Witness = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Every kind that is looked for.
const WITNESSES: &[Witness] = &[
    (
        "deviceEvidence",
        "/mdeDeviceId",
        &[("DeviceInfo", "DeviceId")],
    ),
    (
        "processEvidence",
        "/imageFile/sha1",
        &[
            ("DeviceProcessEvents", "SHA1"),
            ("DeviceProcessEvents", "InitiatingProcessSHA1"),
        ],
    ),
    (
        "analyzedMessageEvidence",
        "/networkMessageId",
        &[("EmailEvents", "NetworkMessageId")],
    ),
];

#[tokio::test]
async fn what_told_alerts_name_is_in_the_tables() {
    let wire = Wire::start(told()).await;
    wire.sim.advance(Duration::from_secs(3000));
    let (alerts, _) = wire.drain("/v1.0/security/alerts_v2?$top=1000").await;
    let mut lost = Vec::new();
    for (kind, pointer, places) in WITNESSES {
        let wanted: BTreeSet<String> = alerts
            .iter()
            .flat_map(|a| a["evidence"].as_array().into_iter().flatten())
            .filter(|e| text(e, "@odata.type").ends_with(kind))
            .filter_map(|e| e.pointer(pointer)?.as_str().map(str::to_owned))
            .collect();
        assert!(!wanted.is_empty(), "{kind}");
        let mut found = BTreeSet::new();
        for (table, column) in *places {
            let answer = hunt(&wire, &format!("{table} | distinct {column}")).await;
            found.extend(
                answer["results"]
                    .as_array()
                    .expect("rows")
                    .iter()
                    .map(|r| text(r, column).to_owned()),
            );
        }
        lost.extend(wanted.difference(&found).map(|id| format!("{kind} {id}")));
    }
    assert_eq!(lost, Vec::<String>::new());
    let known = hunt(&wire, "AlertInfo | project AlertId").await;
    assert_eq!(
        known["results"].as_array().map(Vec::len),
        Some(alerts.len())
    );
}

#[tokio::test]
async fn the_same_seed_at_the_same_time_gives_the_same_bytes() {
    let query = json!({ "Query": "union withsource=T DeviceProcessEvents, EmailEvents, EntraIdSignInEvents, AlertEvidence, DeviceTvmSoftwareInventory | take 4000" });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let wire = Wire::start(frozen()).await;
        let response = wire
            .send(
                Method::POST,
                "/v1.0/security/runHuntingQuery",
                Some(query.clone()),
            )
            .await;
        answers.push(response.bytes().await.expect("a body"));
    }
    assert!(answers[0].len() > 1_000_000, "{}", answers[0].len());
    assert!(answers[0] == answers[1], "two tenants of one seed differ");
}

/// Runs for minutes if nobody stops it.
const ENDLESS: &str = "range x from 1 to 100000000000 step 1 | summarize count() by x % 3";

#[tokio::test]
async fn queries_run_beside_each_other_and_stop_when_nobody_waits() {
    let wire = Wire::start(told()).await;
    hunt(&wire, "DeviceInfo | count").await;
    let endless = async {
        ask(&wire, json!({ "Query": ENDLESS })).await;
    };
    let quick = async {
        for _ in 0..5 {
            hunt(&wire, "DeviceInfo | count").await;
        }
    };
    tokio::select! {
        () = endless => panic!("it ends"),
        () = quick => {}
    }
    // More than may run at once: unless each is stopped when it is given up, the last never gets a place.
    for _ in 0..12 {
        let given_up = wire
            .http
            .post(format!(
                "{}/v1.0/security/runHuntingQuery",
                wire.sim.base_url()
            ))
            .bearer_auth(&wire.graph)
            .json(&json!({ "Query": ENDLESS }))
            .timeout(Duration::from_millis(50))
            .send()
            .await;
        assert!(given_up.is_err(), "it ends");
    }
    hunt(&wire, "DeviceInfo | count").await;
}

#[tokio::test]
async fn results_and_processing_time_have_an_end() {
    let wire = Wire::start(SimConfig {
        hunting_cpu: Some(Duration::from_millis(90)),
        ..frozen()
    })
    .await;
    let rows = hunt(&wire, "range x from 1 to 150000 step 1").await;
    assert_eq!(
        rows["results"].as_array().map(Vec::len),
        Some(100_000),
        "cut without a word"
    );
    let long = format!(
        "range x from 1 to 100000 step 1 | extend s = '{}'",
        "x".repeat(600)
    );
    let (status, body) = ask(&wire, json!({ "Query": long })).await;
    assert_eq!(status, 400);
    assert!(
        text(&body["error"], "message")
            .starts_with("Query execution has exceeded the allowed result size."),
        "{body}"
    );
    // Each costs a fiftieth of a second and what it reads.
    let mut last = (200, Value::Null);
    for _ in 0..5 {
        last = ask(&wire, json!({ "Query": "DeviceInfo | count" })).await;
    }
    assert_eq!(
        (last.0, text(&last.1["error"], "code")),
        (429, "TooManyRequests")
    );
    assert_eq!(
        text(&last.1["error"], "message"),
        "You have exceeded processing resources allocated to this tenant. You can run queries again in 00:01:40."
    );
    wire.sim.advance(Duration::from_secs(100));
    hunt(&wire, "DeviceInfo | count").await;
}

#[tokio::test]
async fn tables_without_a_licence_are_not_there() {
    let wire = Wire::start(SimConfig {
        hidden_tables: vec!["EmailEvents".into()],
        ..told()
    })
    .await;
    let (status, body) = ask(&wire, json!({ "Query": "EmailEvents | take 1" })).await;
    assert_eq!(status, 400);
    let message = text(&body["error"], "message");
    assert!(
        message.contains("Failed to resolve table or column expression named 'EmailEvents'"),
        "{message}"
    );
    hunt(&wire, "EmailUrlInfo | take 1").await;
}

#[tokio::test]
async fn a_workspace_can_be_named_in_beta_only() {
    let wire = Wire::start(told()).await;
    let body = json!({ "query": "print 1", "workspaceId": "6f0a5c0e-0000-4000-8000-00000000a002" });
    let (status, _) = ask(&wire, body.clone()).await;
    assert_eq!(status, 400);
    let beta = "/beta/security/runHuntingQuery";
    let (status, answer) = wire.call(Method::POST, beta, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    let wrong = json!({ "query": "print 1", "workspaceId": "mine" });
    assert_eq!(wire.call(Method::POST, beta, Some(wrong)).await.0, 400);
}

#[tokio::test]
async fn time_reaches_thirty_days_back_and_no_further() {
    let wire = Wire::start(told()).await;
    let oldest = hunt(
        &wire,
        "union DeviceProcessEvents, AlertInfo, AlertEvidence | summarize min(Timestamp), max(Timestamp) | extend Ok = min_Timestamp >= ago(30d) and max_Timestamp <= now()",
    )
    .await;
    assert_eq!(oldest["results"][0]["Ok"], 1, "{oldest}");
    let (_, year) = ask(
        &wire,
        json!({ "Query": "AlertInfo | count", "Timespan": "P365D" }),
    )
    .await;
    let month = hunt(&wire, "AlertInfo | count").await;
    assert_eq!(year["results"], month["results"]);
}

#[tokio::test]
async fn published_queries_bind_and_run() {
    let Ok(corpus) = std::fs::read_to_string("../shared/kql/corpus-dev.jsonl") else {
        println!("skipped: the published queries are not here");
        return;
    };
    // All of them take a minute: every eighth does for the everyday run.
    let step = if std::env::var_os("WHOLE_CORPUS").is_some() {
        1
    } else {
        8
    };
    let wire = Wire::start(SimConfig {
        hunting_rows: Some(4_000),
        ..frozen()
    })
    .await;
    let (mut tried, mut ran, mut with_rows) = (0, 0, 0);
    let mut refused = std::collections::BTreeMap::<String, u32>::new();
    for line in corpus.lines().step_by(step) {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        // Those that are sound and name only tables of advanced hunting.
        if entry["ok"] != true || entry["tables_known"] != true {
            continue;
        }
        tried += 1;
        let (status, body) = ask(&wire, json!({ "Query": entry["query"] })).await;
        match status {
            200 => {
                ran += 1;
                with_rows += u32::from(body["results"].as_array().is_some_and(|r| !r.is_empty()));
            }
            400 => {
                let message = text(&body["error"], "message");
                *refused
                    .entry(message.chars().take(70).collect())
                    .or_default() += 1;
            }
            _ => {
                let id = format!("{status} {}", text(&entry, "id"));
                *refused.entry(id).or_default() += 1;
            }
        }
    }
    println!(
        "{tried} published queries: {ran} run, {with_rows} of them find rows; refused: {refused:#?}"
    );
    // What fetches from outside is not run here; nothing may break.
    let broken: u32 = refused
        .iter()
        .filter(|(why, _)| why.starts_with("50"))
        .map(|(_, n)| n)
        .sum();
    assert!(broken <= tried / 100, "{refused:#?}");
    assert!(ran * 100 > tried * 80, "{ran} of {tried}: {refused:#?}");
}
