use std::time::Duration;

use super::*;
use crate::domain::hunting::Column;
use crate::hunt::Place;
use crate::tui::screens::evidence::layout;

fn mail(p1: &str, p2: &str, name: &str, to: &str) -> Evidence {
    serde_json::from_value(serde_json::json!({
        "@odata.type": "#microsoft.graph.security.analyzedMessageEvidence",
        "p1Sender": {"emailAddress": p1}, "p2Sender": {"emailAddress": p2, "displayName": name},
        "recipientEmailAddress": to, "antiSpamDirection": "Inbound", "networkMessageId": "n1"
    }))
    .expect("decodes")
}

fn notes(evidence: &Evidence) -> Vec<String> {
    let mut lines = layout::lines(evidence, &|time| time.to_string());
    mark_senders(evidence, &mut lines);
    let bad = lines.into_iter().flat_map(|line| line.notes);
    bad.filter(|(_, tone)| *tone == Tone::Bad)
        .map(|(note, _)| note)
        .collect()
}

#[test]
fn senders_that_do_not_agree_are_marked() {
    for (p1, p2, name, to, expected) in [
        (
            "bounce@mailer.example.net",
            "jane@contoso-billing.com",
            "Jane",
            "j.doe@contoso.com",
            &[
                "looks like contoso[.]com (contains its name)",
                "≠ header domain",
            ][..],
        ),
        (
            "a@bounces.example.org",
            "a@example.org",
            "A",
            "b@contoso.com",
            &[],
        ),
        (
            "x@evil.example",
            "ceo@contoso.com",
            "CEO",
            "b@contoso.com",
            &[
                "says it is from inside, came from outside",
                "≠ header domain",
            ],
        ),
        (
            "x@c0ntoso.com",
            "x@c0ntoso.com",
            "x",
            "b@contoso.com",
            &["looks like contoso[.]com (1 letters differ)"],
        ),
        (
            "x@evil.example",
            "x@evil.example",
            "boss@contoso.com",
            "b@contoso.com",
            &["name says contoso[.]com"],
        ),
        (
            "x@contoso.net",
            "x@contoso.net",
            "x",
            "b@contoso.com",
            &["looks like contoso[.]com (another ending)"],
        ),
    ] {
        assert_eq!(notes(&mail(p1, p2, name, to)), expected, "{p1} {p2} {to}");
    }
}

fn result(rows: &[(&str, &str, &str)]) -> HuntResult {
    let names = ["SourceTable", "AuthenticationDetails", "Url"];
    let mut columns: Vec<Column> = names
        .iter()
        .map(|name| Column::new(name, "String"))
        .collect();
    for (source, details, url) in rows {
        for (column, text) in columns.iter_mut().zip([source, details, url]) {
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
        took: Duration::from_millis(5),
        as_of: "2026-08-19T21:43:00Z".parse().expect("a time"),
        render: None,
        place: Place::Defender,
        over: None,
    }
}

fn shown(result: HuntResult) -> Vec<(String, String, Tone)> {
    let facts = Facts::Known(Arc::new(result));
    let lines = lines(
        Some(&facts),
        &|time| time.to_string(),
        Timestamp::UNIX_EPOCH,
    );
    lines
        .into_iter()
        .map(|line| (line.label, line.value, line.tone))
        .collect()
}

#[test]
fn authentication_is_read_from_the_rows_with_its_source() {
    let details = r#"{"SPF":"pass","DKIM":"none","DMARC":"fail","CompAuth":"fail (001)"}"#;
    let lines = shown(result(&[
        ("EmailEvents", details, ""),
        ("EmailUrlInfo", "", "https://evil.example/x\u{202e}"),
    ]));
    let has = |label: &str, value: &str, tone: Tone| {
        assert!(
            lines.contains(&(label.to_owned(), value.to_owned(), tone)),
            "{label} {value}: {lines:?}"
        );
    };
    has("SPF", "pass", Tone::Good);
    has("DKIM", "none", Tone::Plain);
    has("DMARC", "fail", Tone::Bad);
    has("CompAuth", "fail (001)", Tone::Bad);
    has("", "hxxps://evil[.]example/x⟪U+202E⟫", Tone::Plain);
}

#[test]
fn nothing_found_is_said_and_odd_details_are_shown() {
    assert!(
        shown(result(&[]))
            .iter()
            .any(|(_, value, _)| value.contains("no hunting table knows"))
    );
    let lines = shown(result(&[("EmailEvents", "not json\u{1b}", "")]));
    assert!(
        lines
            .iter()
            .any(|(_, value, _)| value == "not json⟪U+001B⟫"),
        "{lines:?}"
    );
}

#[test]
fn the_id_cannot_leave_the_query() {
    assert!(query("x\" or true //").contains(r#"== "x\" or true //""#));
}
