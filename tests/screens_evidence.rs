//! The Evidence screen: keys in, effects and frames out.

#[path = "support/console.rs"]
mod console;

use std::sync::Arc;
use std::time::Duration;

use console::Console;
use nightjar::domain::hunting::{Cell, Column};
use nightjar::domain::{Alert, AlertId, IncidentId, Of, ResultTable, Severity, TenantNo};
use nightjar::hunt::{HuntError, HuntErrorKind, HuntResult, Place};
use nightjar::store::Sighting;
use nightjar::tui::data::Story;
use nightjar::tui::msg::{Effect, Msg, Sightings};
use nightjar::tui::screens::evidence::{EvidenceAsk, EvidenceMsg, EvidenceScreen};
use nightjar::tui::screens::hunt::HuntAsk;

fn base(kind: &str, verdict: &str, rest: serde_json::Value) -> serde_json::Value {
    let mut value = serde_json::json!({
        "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"),
        "createdDateTime": "2026-08-19T20:59:00Z",
        "verdict": verdict, "remediationStatus": "active", "roles": ["compromised"], "tags": ["finance"],
    });
    let fields = value.as_object_mut().expect("an object");
    fields.extend(rest.as_object().expect("an object").clone());
    value
}

fn process(
    pid: i64,
    at: &str,
    parent: i64,
    parent_at: &str,
    image: &str,
    line: &str,
) -> serde_json::Value {
    base(
        "process",
        if pid == 7312 {
            "malicious"
        } else {
            "suspicious"
        },
        serde_json::json!({
            "mdeDeviceId": "00000000000000000000000000000000000000d1",
            "processId": pid, "processCreationDateTime": format!("2026-08-19T20:{at}.2204417Z"),
            "processCommandLine": line, "detectionStatus": "detected",
            "imageFile": {"fileName": image, "filePath": "C:\\Windows\\System32", "sha256": format!("{pid:064x}"), "fileSize": 454_656},
            "parentProcessId": parent, "parentProcessCreationDateTime": format!("2026-08-19T20:{parent_at}.2204417Z"),
            "parentProcessImageFile": {"fileName": "explorer.exe"},
            "userAccount": {"accountName": "jdoe", "domainName": "CONTOSO"},
        }),
    )
}

fn mail(subject: &str) -> serde_json::Value {
    base(
        "analyzedMessage",
        "malicious",
        serde_json::json!({
            "networkMessageId": "5d7c9a10-2b44-4e0e-8f3d-08dd5a000001",
            "internetMessageId": "<0919.invoice@mailer.example.net>",
            "subject": subject, "language": "en", "receivedDateTime": "2026-08-19T20:57:41Z",
            "recipientEmailAddress": "j.doe@contoso.com",
            "p1Sender": {"emailAddress": "bounce@mailer.example.net", "displayName": null, "domainName": "mailer.example.net"},
            "p2Sender": {"emailAddress": "jane.doe@contoso-billing.com", "displayName": "Jane Doe", "domainName": "contoso-billing.com"},
            "senderIp": "203.0.113.25", "antiSpamDirection": "Inbound", "deliveryAction": "Delivered", "deliveryLocation": "Inbox",
            "attachmentsCount": 1, "urlCount": 1, "urls": ["https://contoso-billing.com/inv/0919?u=a.b"],
            "threats": ["Phish"], "threatDetectionMethods": ["URL detonation", "Impersonation"],
        }),
    )
}

fn evidence() -> Vec<serde_json::Value> {
    vec![
        mail("Re: Invoice 0919 \u{202e}overdue"),
        base(
            "device",
            "suspicious",
            serde_json::json!({
                "mdeDeviceId": "00000000000000000000000000000000000000d1", "deviceDnsName": "fin-07.contoso.com",
                "hostName": "fin-07", "osPlatform": "Windows11", "osBuild": 26100, "version": "24H2", "healthStatus": "active",
                "riskScore": "high", "lastIpAddress": "192.0.2.41", "lastExternalIpAddress": "198.51.100.7",
                "loggedOnUsers": [{"accountName": "jdoe", "domainName": "CONTOSO"}, {"accountName": "svc-backup", "domainName": "CONTOSO"}],
            }),
        ),
        process(
            5120,
            "57:02",
            900,
            "10:00",
            "WINWORD.EXE",
            "WINWORD.EXE /n invoice_0919.docm",
        ),
        process(
            7312,
            "58:41",
            5120,
            "57:02",
            "powershell.exe",
            "powershell.exe -NoProfile -w hidden -EncodedCommand ZQBjAGgAbwA=\u{1b}[2J",
        ),
        process(7400, "58:50", 7312, "58:41", "whoami.exe", "whoami /all"),
        process(
            7312,
            "58:41",
            5120,
            "57:02",
            "powershell.exe",
            "powershell.exe -NoProfile",
        ),
        base(
            "ip",
            "suspicious",
            serde_json::json!({"ipAddress": "203.0.113.90", "countryLetterCode": "NL", "location": {"city": "Amsterdam"}}),
        ),
        base(
            "url",
            "malicious",
            serde_json::json!({"url": "https://contoso-billing.com/inv/0919?u=a.b"}),
        ),
        base(
            "user",
            "suspicious",
            serde_json::json!({"userAccount": {"accountName": "jdoe", "domainName": "CONTOSO",
            "displayName": "Jane Doe", "userPrincipalName": "j.doe@contoso.com", "userSid": "S-1-5-21-1-2-3-1104"}}),
        ),
        base(
            "quantumLink",
            "newVerdict",
            serde_json::json!({"linkLabel": "q\u{1b}[31m1", "peers": [{"hostName": "a.evil.example", "port": 7}],
            "seenAt": "2026-08-19T20:58:41Z", "note": "line one\nline two"}),
        ),
    ]
}

fn alert(id: &str, evidence: Vec<serde_json::Value>) -> Alert {
    serde_json::from_value(serde_json::json!({
        "id": id, "incidentId": "4211", "title": "Office application started an encoded script host",
        "firstActivityDateTime": "2026-08-19T20:58:40Z", "createdDateTime": "2026-08-19T20:59:10Z",
        "alertWebUrl": "https://security.microsoft.com/alerts/a1", "evidence": evidence,
    }))
    .expect("decodes")
}

fn open() -> Console {
    let mut console = Console::new(120, 40);
    let incident = serde_json::from_value(
        serde_json::json!({"id": "4211", "displayName": "Multi-stage attack on FIN-07"}),
    )
    .expect("decodes");
    let story = Story::new(incident, vec![alert("a1", evidence())]);
    let id = Of::new(TenantNo(0), IncidentId::new("4211"));
    console.state.push(Box::new(EvidenceScreen::new(
        nightjar::tui::msg::EvidenceOf::Incident(id.clone()),
    )));
    console.tell(Msg::Story(id, Ok(Some(Arc::new(story)))));
    console.effects();
    console
}

fn result(rows: &[[&str; 5]]) -> HuntResult {
    let names = [
        "SourceTable",
        "AuthenticationDetails",
        "DeliveryAction",
        "Url",
        "ActionType",
    ];
    let mut columns: Vec<Column> = names
        .iter()
        .map(|name| Column::new(name, "String"))
        .collect();
    for row in rows {
        for (column, text) in columns.iter_mut().zip(row) {
            column.push(if text.is_empty() {
                Cell::Null
            } else {
                Cell::Text(text)
            });
        }
    }
    HuntResult {
        table: Arc::new(ResultTable::new(columns)),
        bad_rows: 0,
        took: Duration::from_millis(412),
        as_of: "2026-08-19T21:43:00Z".parse().expect("a time"),
        render: None,
        place: Place::Defender,
        over: None,
    }
}

/// Moves the cursor to the row that shows a text.
fn go_to(console: &mut Console, text: &str) {
    console.keys("g");
    for _ in 0..60 {
        let screen = console.screen_at(120, 40);
        if screen
            .lines()
            .any(|line| line.starts_with('▌') && line.contains(text))
        {
            return;
        }
        console.keys("j");
    }
    panic!("no row with {text}: {}", console.screen());
}

#[test]
fn a_mail_shows_who_it_pretends_to_be_from() {
    let mut console = open();
    insta::assert_snapshot!("mail_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("mail_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("mail_200x60", console.screen_at(200, 60));
    console.keys("d");
    let effects = console.effects();
    let [Effect::Evidence(EvidenceAsk::Mail { id, query })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(
        query.contains("NetworkMessageId == \"5d7c9a10-2b44-4e0e-8f3d-08dd5a000001\""),
        "{query}"
    );
    console.keys("d");
    assert!(console.effects().is_empty(), "it is asked once");
    assert!(console.screen().contains("asking the hunting tables"));
    let details = r#"{"SPF":"pass","DKIM":"none","DMARC":"fail","CompAuth":"fail (001)"}"#;
    let found = result(&[
        ["EmailEvents", details, "Delivered", "", ""],
        ["EmailPostDeliveryEvents", "", "", "", "Phish ZAP"],
        [
            "EmailUrlInfo",
            "",
            "",
            "https://contoso-billing.com/inv/0919?u=a.b",
            "",
        ],
    ]);
    console.tell(Msg::Evidence(EvidenceMsg::Mail {
        id: id.clone(),
        answer: Ok(Arc::new(found)),
    }));
    insta::assert_snapshot!("mail_facts_120x40", console.screen_at(120, 40));
}

#[test]
fn facts_that_cannot_be_had_say_why() {
    let mut console = open();
    console.keys("d");
    let error = HuntError::new(HuntErrorKind::Forbidden, "no ThreatHunting.Read.All");
    let id = "5d7c9a10-2b44-4e0e-8f3d-08dd5a000001".to_owned();
    let id = Of::new(TenantNo(0), id);
    console.tell(Msg::Evidence(EvidenceMsg::Mail {
        id,
        answer: Err(Arc::new(error)),
    }));
    let screen = console.screen_at(120, 60);
    assert!(
        screen.contains("not permitted: no ThreatHunting.Read.All"),
        "{screen}"
    );
    console.effects();
    console.keys("d");
    assert_eq!(console.effects().len(), 1, "it may be asked again");
}

#[test]
fn processes_are_a_tree_and_repeated_entities_are_folded() {
    let mut console = open();
    go_to(&mut console, "powershell.exe (7312)");
    insta::assert_snapshot!("process_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("process_120x40", console.screen_at(120, 40));
    assert!(console.screen_at(120, 40).contains("×2"));
    console.keys("left");
    assert!(!console.screen_at(120, 40).contains("whoami.exe"), "folded");
    console.keys("enter");
    assert!(
        console.screen_at(120, 40).contains("whoami.exe"),
        "open again"
    );
}

#[test]
fn a_kind_nobody_knows_is_shown_whole() {
    let mut console = open();
    console.keys("G");
    insta::assert_snapshot!("unknown_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("unknown_80x24", console.screen_at(80, 24));
    console.keys("J");
    insta::assert_snapshot!("source_80x24", console.screen_at(80, 24));
}

#[test]
fn nothing_hostile_reaches_the_screen() {
    let mut console = open();
    console.keys("g");
    for _ in 0..30 {
        for (width, height) in [(80, 24), (200, 60)] {
            let screen = console.screen_at(width, height);
            assert!(
                screen
                    .chars()
                    .all(|c| c == '\n' || nightjar::domain::text::is_safe(c)),
                "{screen}"
            );
            assert!(
                !screen.contains("https://contoso-billing.com"),
                "links are defanged: {screen}"
            );
        }
        console.keys("j");
    }
}

#[test]
fn what_is_copied_is_defanged_unless_asked_otherwise() {
    let mut console = open();
    go_to(&mut console, "hxxps://");
    console.effects();
    console.keys("y");
    assert!(
        matches!(&console.effects()[..], [Effect::Copy(text)] if text.starts_with("hxxps://contoso-billing[.]com/"))
    );
    console.keys("Y");
    assert!(
        matches!(&console.effects()[..], [Effect::Copy(text)] if text.starts_with("https://contoso-billing.com/"))
    );
}

#[test]
fn where_else_leads_to_other_alerts_of_the_same_thing() {
    let mut console = open();
    go_to(&mut console, "203[.]0[.]113[.]90");
    console.effects();
    console.keys("w");
    let effects = console.effects();
    let [Effect::LoadSightings(key)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((&*key.kind, &*key.value), ("ip", "203.0.113.90"));
    let sighting = |alert: &str, title: &str| {
        let sighting = Sighting {
            alert: AlertId::new(alert),
            incident: Some(IncidentId::new("4198")),
            title: title.into(),
            severity: Severity::Medium,
            created: "2026-08-19T18:00:00Z".parse().expect("a time"),
        };
        Of::new(TenantNo(0), sighting)
    };
    let found = vec![
        sighting("a1", "this one"),
        sighting("b7", "Password spray\u{1b}"),
    ];
    let answer = Sightings {
        found,
        ..Sightings::default()
    };
    console.tell(Msg::Sightings(key.clone(), answer));
    insta::assert_snapshot!("elsewhere_80x24", console.screen_at(80, 24));
    console.keys("enter");
    assert!(matches!(&console.effects()[..], [Effect::LoadAlert(id)] if id.as_str() == "b7"));
}

#[test]
fn hunting_around_opens_a_prepared_query() {
    let mut console = open();
    go_to(&mut console, "powershell.exe (7312)");
    console.keys("H");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("let pid = 7312;") && screen.contains("DeviceProcessEvents"),
        "{screen}"
    );
    assert!(
        !console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Hunt(HuntAsk::Run { .. }))),
        "nothing runs by itself"
    );
}

#[test]
fn device_commands_know_the_device_of_what_is_in_focus() {
    let mut console = open();
    go_to(&mut console, "whoami.exe");
    let devices = console.state.front().devices(&console.state.data);
    assert_eq!(devices[0].name, "fin-07.contoso.com");
    assert_eq!(
        devices[0].id.as_str(),
        "00000000000000000000000000000000000000d1"
    );
}

#[test]
fn reading_missing_and_failing_are_told_apart() {
    let id = || Of::new(TenantNo(0), AlertId::new("a1"));
    let of = || nightjar::tui::msg::EvidenceOf::Alert(id());
    for (msg, words) in [
        (None, "reading…"),
        (Some(Msg::Alert(id(), Ok(None))), "Not in the cache"),
        (
            Some(Msg::Alert(id(), Err("disk on fire".to_owned()))),
            "disk on fire",
        ),
        (
            Some(Msg::Alert(id(), Ok(Some(Arc::new(alert("a1", vec![])))))),
            "no evidence",
        ),
    ] {
        let mut console = Console::new(80, 24);
        console.state.push(Box::new(EvidenceScreen::new(of())));
        if let Some(msg) = msg {
            console.tell(msg);
        }
        assert!(
            console.screen().contains(words),
            "{words}: {}",
            console.screen()
        );
    }
}

#[test]
fn no_size_is_too_small() {
    let mut console = open();
    for keys in ["g", "j", "G", "tab", "J"] {
        console.keys(keys);
        for (width, height) in [
            (1, 1),
            (2, 3),
            (5, 4),
            (8, 6),
            (20, 5),
            (30, 9),
            (101, 3),
            (100, 2),
        ] {
            console.screen_at(width, height);
        }
    }
}
