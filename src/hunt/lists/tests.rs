use super::*;
use crate::domain::{Alert, AlertRow, Incident, IncidentRow};
use crate::kql::assist::hover;
use std::sync::Arc;

fn now() -> Timestamp {
    "2026-08-19T21:42:07Z".parse().expect("a time")
}

fn incident(id: &str, severity: &str, status: &str, owner: Option<&str>) -> Of<IncidentRow> {
    let incident: Incident = serde_json::from_value(serde_json::json!({
        "id": id, "displayName": "Spray", "severity": severity, "status": status,
        "assignedTo": owner, "customTags": ["vip", "fin"],
        "createdDateTime": "2026-08-19T21:00:07Z", "lastUpdateDateTime": "2026-08-19T21:30:00Z",
    }))
    .expect("an incident");
    let mut row = incident.to_row(now());
    row.alerts = 3;
    Of::new(TenantNo(0), row)
}

fn facts() -> Arc<Facts> {
    Arc::new(Facts {
        tenants: vec![("contoso.com".into(), "you@contoso.com".into())],
        sla: [1800, 7200, 28800, 86400],
    })
}

fn desk(rows: &[Of<IncidentRow>]) -> Arc<Desk<IncidentRow>> {
    let desk = Arc::new(Desk::default());
    desk.lay(Batch {
        version: 7,
        rows: (0..).zip(rows.iter().cloned()).collect(),
        len: rows.len(),
        facts: facts(),
    });
    desk
}

fn passing(desk: &Arc<Desk<IncidentRow>>, predicate: &str) -> Result<Vec<usize>, String> {
    let judged = desk.ask(1, predicate, now()).run();
    let verdict = judged.answer.expect("it was not cancelled");
    verdict.map_err(|it| it.message).map(|it| {
        let places = it.passes.iter().enumerate().filter(|(_, passes)| **passes);
        places.map(|(at, _)| at).collect()
    })
}

#[test]
fn every_column_of_the_queue_is_asked_and_means_what_it_says() {
    let desk = desk(&[
        incident("1", "high", "active", None),
        incident("2", "medium", "inProgress", Some("You@contoso.com")),
        incident("3", "low", "resolved", Some("r.ohara@contoso.com")),
    ]);
    for (predicate, places) in [
        ("Severity == 'High'", vec![0]),
        ("SeverityRank >= 3", vec![0, 1]),
        ("IsOpen and not(IsMine)", vec![0]),
        ("AssignedTo == ''", vec![0]),
        ("IsMine", vec![1]),
        ("Tags has 'vip' and AlertCount == 3", vec![0, 1, 2]),
        // 42 minutes after it was made, half an hour was given
        ("SlaDue < now()", vec![0]),
        ("isnull(SlaDue)", vec![1, 2]),
        ("SlaTarget == 2h", vec![1]),
        ("LastUpdateTime between (ago(15m) .. now())", vec![0, 1, 2]),
        (
            "TenantName has 'contoso' and IncidentId in ('1', '3')",
            vec![0, 2],
        ),
        ("Status =~ 'ACTIVE' and isnull(LastViewed)", vec![0]),
        (
            "Determination == 'unknown' and array_length(Tactics) == 0",
            vec![0, 1, 2],
        ),
    ] {
        assert_eq!(passing(&desk, predicate), Ok(places), "{predicate}");
    }
}

#[test]
fn rows_that_change_are_judged_as_they_are_now() {
    let desk = desk(&[incident("1", "high", "active", None)]);
    assert_eq!(passing(&desk, "IsOpen"), Ok(vec![0]));
    desk.lay(Batch {
        version: 9,
        rows: vec![
            (0, incident("1", "high", "resolved", None)),
            (1, incident("2", "low", "active", None)),
        ],
        len: 2,
        facts: facts(),
    });
    assert_eq!(passing(&desk, "IsOpen"), Ok(vec![1]));
    let judged = desk.ask(4, "true", now()).run();
    let verdict = judged.answer.expect("an answer").expect("it is sound");
    assert_eq!((judged.ticket, verdict.version, verdict.count), (4, 9, 2));
    let asked = desk.ask(5, "true", now());
    asked.cancel.cancel();
    assert!(asked.run().answer.is_none());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let schema = schema::<IncidentRow>();
    for (text, start, words) in [
        ("Severity == 'High' | take 1", 19, "without |"),
        ("Severty == 'High'", 0, "Severty"),
        ("AlertCount > ", 13, ""),
        ("Title", 0, ""),
    ] {
        let reading = read("Incidents", text, &schema);
        let problem = reading
            .problem()
            .unwrap_or_else(|| panic!("{text} is sound"));
        assert!(
            problem.start >= start.min(text.len() - 1) && problem.end <= text.len(),
            "{text} {problem:?}"
        );
        assert!(problem.message.contains(words), "{problem:?}");
    }
    let fine = read("Incidents", "Severity == \"High\" // worst", &schema);
    assert!(fine.problem().is_none(), "{fine:?}");
    assert!(fine.kinds.iter().any(|(_, kind)| *kind == Kind::Column));
    let long = "x ".repeat(1 << 20);
    assert!(read("Incidents", &long, &schema).problem().is_some());
}

#[test]
fn every_column_of_every_list_has_a_sentence() {
    fn check<R: Listed>() {
        let schema = schema::<R>();
        for column in R::COLUMNS {
            let asked = mirror::ask(R::LIST, column.name);
            let analysis = analyze(&asked.query, &schema);
            let about = hover(&asked.query, &analysis, &schema, asked.at as u32);
            let said = about.is_some_and(|it| !it.body.is_empty());
            assert!(said, "{}.{}", R::LIST, column.name);
        }
    }
    check::<IncidentRow>();
    check::<AlertRow>();
    check::<crate::domain::MachineAction>();
}

#[test]
fn an_alert_is_named_as_hunting_names_it() {
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "id": "a1", "incidentId": "4211", "title": "Phish", "severity": "high", "status": "new",
        "serviceSource": "microsoftDefenderForOffice365", "categories": ["InitialAccess"],
    }))
    .expect("an alert");
    let row = Of::new(TenantNo(0), alert.to_row(now()));
    let values = cells(&row, &facts());
    let cell = |name: &str| {
        let at = AlertRow::COLUMNS.iter().position(|it| it.name == name);
        values[at.expect("a column")].clone()
    };
    assert_eq!(cell("Severity"), Value::String("High".into()));
    assert_eq!(
        cell("ServiceSource"),
        Value::String("Microsoft Defender for Office 365".into())
    );
    assert_eq!(
        cell("Tactics"),
        Value::Dynamic("[\"InitialAccess\"]".into())
    );
    assert_eq!(cell("Timestamp"), Value::DateTime(ticks(now())));
}

#[test]
fn views_are_kept_by_list_and_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/views.toml");
    assert_eq!(Views::load(&path), Ok(Views::default()));
    let view = |list: &str, name: &str, predicate: &str| View {
        name: name.into(),
        list: list.into(),
        predicate: predicate.into(),
        ..View::default()
    };
    let mut views = Views::default();
    views.put(view("Incidents", "Worst", "Severity == \"High\""));
    views.put(view("Alerts", "worst", "SeverityRank > 2"));
    views.put(view("incidents", "WORST", "SeverityRank == 4"));
    views.save(&path).expect("written");
    let mut again = Views::load(&path).expect("read");
    assert_eq!(again, views);
    assert_eq!(again.view.len(), 2);
    assert_eq!(
        again.find("Incidents", "worst").expect("there").predicate,
        "SeverityRank == 4"
    );
    assert!(again.remove("Alerts", "Worst") && !again.remove("Alerts", "Worst"));
    std::fs::write(&path, "[[view]]\nname = 3").expect("written");
    assert!(Views::load(&path).is_err_and(|why| why.contains("views.toml")));
}
