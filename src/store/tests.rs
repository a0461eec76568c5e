//! The cache: what goes in comes out, and what changed is told.

use super::*;
use crate::domain::{EntityKey, IncidentRow, Severity};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-08-19T09:00:00Z")
}

fn incident(id: &str, updated: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","displayName":"Incident {id}","status":"active","severity":"high",
            "createdDateTime":"2026-08-19T07:00:00Z","lastUpdateDateTime":"{updated}"{more}}}"#
    )
}

fn alert(id: &str, incident: &str, updated: &str, device: &str, user: &str) -> String {
    format!(
        r##"{{"id":"{id}","incidentId":"{incident}","title":"Alert {id}","status":"new","severity":"medium",
            "categories":["Execution"],"createdDateTime":"2026-08-19T07:00:00Z",
            "firstActivityDateTime":"2026-08-19T06:00:00Z","lastUpdateDateTime":"{updated}","evidence":[
            {{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"{device}","hostName":"h"}},
            {{"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{{"userPrincipalName":"{user}"}}}}]}}"##
    )
}

fn incidents(put: &Put) -> Vec<&IncidentRow> {
    put.changes
        .iter()
        .filter_map(|change| match change {
            Change::Incident(row) => Some(row),
            _ => None,
        })
        .collect()
}

#[test]
fn objects_come_back_whole_and_rows_carry_counts_whichever_came_first() {
    for alerts_first in [false, true] {
        let store = Store::in_memory().expect("opens");
        let incident = incident("7", "2026-08-19T07:10:00Z", r#","fromTomorrow":{"a":[1]}"#);
        let alerts = [
            alert("a1", "7", "2026-08-19T07:11:00Z", "D1", "u@x"),
            alert("a2", "7", "2026-08-19T07:12:00Z", "D2", "U@x"),
            alert("a3", "8", "2026-08-19T07:12:00Z", "D1", "v@x"),
        ];
        if !alerts_first {
            store
                .put_incidents(&[&incident], None, now())
                .expect("writes");
        }
        let put = store.put_alerts(&alerts, None, now()).expect("writes");
        assert_eq!(incidents(&put).len(), usize::from(!alerts_first));
        if alerts_first {
            store
                .put_incidents(&[&incident], None, now())
                .expect("writes");
        }
        let row = store
            .incident_row(&"7".into())
            .expect("reads")
            .expect("is there");
        assert_eq!((row.alerts, row.devices, row.users), (2, 2, 1));
        assert_eq!(row.tactics.to_string(), "EX");
        assert_eq!(store.incident_rows().expect("reads"), [row]);
        assert_eq!(
            store.incident_json(&"7".into()).expect("reads"),
            Some(incident)
        );
        assert_eq!(
            store.alert_json(&"a1".into()).expect("reads").as_deref(),
            Some(&*alerts[0])
        );
        assert_eq!(store.alerts_of(&"7".into()).expect("reads").len(), 2);
        assert_eq!(store.alert_rows().expect("reads").len(), 3);
        assert_eq!(store.alert(&"nope".into()).expect("reads"), None);
    }
}

#[test]
fn an_alert_that_moves_takes_its_counts_along() {
    let store = Store::in_memory().expect("opens");
    let rows = [
        incident("7", "2026-08-19T07:00:00Z", ""),
        incident("8", "2026-08-19T07:00:00Z", ""),
    ];
    store.put_incidents(&rows, None, now()).expect("writes");
    store
        .put_alerts(
            &[alert("a1", "7", "2026-08-19T07:11:00Z", "D1", "u")],
            None,
            now(),
        )
        .expect("writes");
    let put = store
        .put_alerts(
            &[alert("a1", "8", "2026-08-19T07:12:00Z", "D2", "u")],
            None,
            now(),
        )
        .expect("writes");
    let counts: Vec<_> = incidents(&put)
        .iter()
        .map(|row| (row.id.to_string(), row.alerts, row.devices))
        .collect();
    assert_eq!(counts, [("7".to_owned(), 0, 0), ("8".to_owned(), 1, 1)]);
    let key = |value: &str| EntityKey {
        kind: "device".into(),
        value: value.into(),
    };
    assert!(store.where_else(&key("d1"), 9).expect("reads").is_empty());
    let seen = store.where_else(&key("d2"), 9).expect("reads");
    assert_eq!(
        (seen[0].alert.as_str(), &seen[0].severity),
        ("a1", &Severity::Medium)
    );
}

#[test]
fn entities_are_found_while_a_first_sync_runs_and_after_it() {
    let store = Store::in_memory().expect("opens");
    let begin = Mark::Begin {
        target: "2026-07-19T00:00:00Z".parse().expect("a time"),
    };
    let seen = |value: &str| {
        let key = EntityKey {
            kind: "device".into(),
            value: value.into(),
        };
        let found = store.where_else(&key, 9).expect("reads");
        found
            .iter()
            .map(|sighting| sighting.alert.to_string())
            .collect::<Vec<_>>()
    };
    let put = |rows: &[String], mark| store.put_alerts(rows, mark, now()).expect("writes");
    let first = alert("a2", "7", "2026-08-19T07:12:00Z", "D1", "u");
    put(&[first], Some(begin));
    assert_eq!(seen("d1"), ["a2"]);
    // Read again before the end, now about another device: the old entry goes, wherever it stood.
    let again = alert("a2", "7", "2026-08-19T07:13:00Z", "D2", "u");
    let older = alert("a1", "7", "2026-08-19T07:11:00Z", "D1", "u");
    put(&[again, older], Some(Mark::Down));
    assert_eq!(
        (seen("d1"), seen("d2")),
        (vec!["a1".to_owned()], vec!["a2".to_owned()])
    );
    put(&[], Some(Mark::Bottom));
    assert_eq!(
        (seen("d1"), seen("d2")),
        (vec!["a1".to_owned()], vec!["a2".to_owned()])
    );
}

#[test]
fn repeats_change_nothing_and_older_versions_never_win() {
    let store = Store::in_memory().expect("opens");
    let new = incident("7", "2026-08-19T08:00:00Z", r#","assignedTo":"dana""#);
    let old = incident("7", "2026-08-19T07:00:00Z", "");
    assert_eq!(
        store
            .put_incidents(&[&new], None, now())
            .expect("writes")
            .changes
            .len(),
        1
    );
    for row in [&new, &old] {
        let put = store.put_incidents(&[row], None, now()).expect("writes");
        assert_eq!((put.changes.len(), put.unchanged), (0, 1));
    }
    let alerts = [
        alert("a", "7", "2026-08-19T08:00:00Z", "D", "u"),
        alert("a", "7", "2026-08-19T07:00:00Z", "E", "u"),
    ];
    let put = store.put_alerts(&alerts, None, now()).expect("writes");
    assert_eq!(put.unchanged, 1);
    assert!(put.ordered, "no mark, no order");
    assert_eq!(
        put.span,
        Some((at("2026-08-19T07:00:00Z"), at("2026-08-19T08:00:00Z")))
    );
    // the same time but other content: the service does that when evidence arrives late
    let put = store
        .put_alerts(
            &[alert("a", "7", "2026-08-19T08:00:00Z", "F", "u")],
            None,
            now(),
        )
        .expect("writes");
    assert_eq!(put.unchanged, 0);
}

#[test]
fn what_the_analyst_saw_survives_updates_and_a_reopened_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/cache.db");
    {
        let store = Store::open(&path).expect("opens");
        store
            .put_incidents(&[incident("7", "2026-08-19T07:00:00Z", "")], None, now())
            .expect("writes");
        store.mark_viewed(&"7".into(), now()).expect("writes");
        store
            .put_incidents(
                &[incident("7", "2026-08-19T08:00:00Z", "")],
                None,
                at("2026-08-19T10:00:00Z"),
            )
            .expect("writes");
        store.set_setting("sort", "sla").expect("writes");
    }
    let store = Store::open(&path).expect("opens again");
    let row = store
        .incident_row(&"7".into())
        .expect("reads")
        .expect("is there");
    assert_eq!((row.first_seen, row.last_viewed), (now(), Some(now())));
    assert_eq!(row.updated, at("2026-08-19T08:00:00Z"));
    assert_eq!(
        store.setting("sort").expect("reads").as_deref(),
        Some("sla")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for name in [path.clone(), db::beside(&path, "-wal")] {
            let mode = std::fs::metadata(&name)
                .expect("is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{}", name.display());
        }
    }
}

#[test]
fn rows_of_an_older_layout_are_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache.db");
    let before = {
        let store = Store::open(&path).expect("opens");
        store
            .put_incidents(&[incident("7", "2026-08-19T07:00:00Z", "")], None, now())
            .expect("writes");
        store
            .put_alerts(
                &[alert("a1", "7", "2026-08-19T07:11:00Z", "D1", "u")],
                None,
                now(),
            )
            .expect("writes");
        let before = (
            store.incident_rows().expect("reads"),
            store.alert_rows().expect("reads"),
        );
        store
            .db()
            .write(|tx| {
                tx.execute_batch(
                    "UPDATE incident SET row = x'00'; UPDATE alert SET row = x'00', entities = x''; \
                     UPDATE setting SET value = 'older' WHERE key = 'row-layout';",
                )?;
                Ok(())
            })
            .expect("writes");
        before
    };
    let store = Store::open(&path).expect("opens again");
    assert_eq!(
        (
            store.incident_rows().expect("reads"),
            store.alert_rows().expect("reads")
        ),
        before
    );
    let key = EntityKey {
        kind: "device".into(),
        value: "d1".into(),
    };
    assert_eq!(store.where_else(&key, 9).expect("reads").len(), 1);
}

#[test]
fn a_merge_is_told_once_with_the_end_of_its_chain_and_loops_end() {
    let store = Store::in_memory().expect("opens");
    let merged = |id: &str, to: &str, minute: u32| {
        incident(id, &format!("2026-08-19T08:{minute:02}:00Z"), "").replace(
            r#""active""#,
            &format!(r#""redirected","redirectIncidentId":"{to}""#),
        )
    };
    let told = |put: Put| -> Vec<_> {
        put.changes
            .into_iter()
            .filter_map(|change| match change {
                Change::Redirected { from, to } => {
                    Some((from.to_string(), to.map(|to| to.to_string())))
                }
                _ => None,
            })
            .collect()
    };
    let rows = [
        merged("1", "2", 0),
        merged("2", "3", 0),
        incident("3", "2026-08-19T08:00:00Z", ""),
    ];
    let put = store.put_incidents(&rows, None, now()).expect("writes");
    let end = || Some("3".to_owned());
    assert_eq!(
        told(put),
        [("1".to_owned(), end()), ("2".to_owned(), end())]
    );
    let put = store
        .put_incidents(&[merged("1", "2", 5)], None, now())
        .expect("writes");
    assert_eq!(put.changes.len(), 1, "changed, but not merged anew");
    let put = store
        .put_incidents(&[merged("3", "1", 6)], None, now())
        .expect("writes");
    assert_eq!(told(put), [("3".to_owned(), None)]);
    assert_eq!(store.merged_into(&"1".into()).expect("reads"), None);
}

#[test]
fn rows_and_watermark_stand_or_fall_together() {
    let store = Store::in_memory().expect("opens");
    assert_eq!(store.watermark(Endpoint::Incidents).expect("reads"), None);
    let (forward, target) = (at("2026-08-19T08:00:00Z"), at("2026-07-20T00:00:00Z"));
    let rows = [
        incident("7", "2026-08-19T08:00:00Z", ""),
        incident("6", "2026-08-18T08:00:00Z", ""),
    ];
    let up = [rows[1].clone(), rows[0].clone()];
    let put =
        |rows: &[String], mark, now| store.put_incidents(rows, Some(mark), now).expect("writes");
    let mark = || store.watermark(Endpoint::Incidents).expect("reads");
    assert!(!put(&up, Mark::Begin { target }, now()).ordered);
    assert_eq!(mark(), None, "rows in the wrong order move nothing");
    assert!(put(&rows, Mark::Begin { target }, now()).ordered);
    let floor = Some(at("2026-08-18T08:00:00Z"));
    assert_eq!(
        mark(),
        Some(Watermark {
            forward,
            floor,
            target,
            as_of: None
        })
    );
    put(
        &[incident("5", "2026-08-01T00:00:00Z", "")],
        Mark::Down,
        now(),
    );
    put(
        &up[..1],
        Mark::Up { last: true },
        at("2026-08-19T09:05:00Z"),
    );
    let moved = mark().expect("is there");
    assert_eq!(moved.forward, forward, "never back");
    assert_eq!(moved.floor, Some(at("2026-08-01T00:00:00Z")));
    assert_eq!(moved.as_of, Some(at("2026-08-19T09:05:00Z")));
    put(&[], Mark::Bottom, now());
    assert_eq!(mark().expect("is there").floor, None);
    put(
        &[incident("4", "2026-07-25T00:00:00Z", "")],
        Mark::Down,
        now(),
    );
    assert_eq!(
        mark().expect("is there").floor,
        None,
        "what is complete stays complete"
    );

    // a transaction that fails leaves neither rows nor mark
    store
        .db()
        .write(|tx| {
            tx.execute_batch(
                "CREATE TRIGGER boom BEFORE UPDATE ON sync BEGIN SELECT raise(ABORT, 'boom'); END",
            )?;
            Ok(())
        })
        .expect("writes");
    let next = [incident("8", "2026-08-19T09:00:00Z", "")];
    let failed = store.put_incidents(&next, Some(Mark::Up { last: true }), now());
    assert!(failed.is_err());
    assert_eq!(store.incident_row(&"8".into()).expect("reads"), None);
}

#[test]
fn a_bad_row_is_kept_and_told_and_the_others_are_written() {
    let store = Store::in_memory().expect("opens");
    let good = incident("7", "2026-08-19T08:00:00Z", "");
    let put = store
        .put_incidents(
            &[r#"{"displayName":"who am I"}"#, &*good, "[]"],
            None,
            now(),
        )
        .expect("writes");
    assert_eq!((put.bad.len(), put.changes.len()), (2, 1));
    let kept = store.rejected(10).expect("reads");
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[1].row.json, r#"{"displayName":"who am I"}"#);
    assert_eq!(kept[1].endpoint, "incidents");
    // the same row again is not kept twice
    store.put_incidents(&["[]"], None, now()).expect("writes");
    assert_eq!(store.rejected(10).expect("reads").len(), 2);
}

#[test]
fn actions_never_leave_their_end_and_newer_news_wins() {
    let store = Store::in_memory().expect("opens");
    let action = |status: &str, updated: &str| {
        format!(
            r#"{{"id":"A","type":"Isolate","status":"{status}","machineId":"m1",
                "creationDateTimeUtc":"2026-08-19T08:00:00Z","lastUpdateDateTimeUtc":{updated}}}"#
        )
    };
    let put = |status: &str, updated: &str| {
        store
            .put_actions(&[action(status, updated)], None, now())
            .expect("writes")
            .changes
            .len()
    };
    assert_eq!(put("Pending", "null"), 1);
    assert_eq!(put("Pending", "null"), 0);
    assert_eq!(put("Succeeded", r#""2026-08-19T08:03:00Z""#), 1);
    assert_eq!(put("InProgress", r#""2026-08-19T08:03:00Z""#), 0);
    assert_eq!(
        store.actions_of(&"m1".into()).expect("reads")[0]
            .status
            .as_str(),
        "Succeeded"
    );
    assert_eq!(
        store.action(&"A".into()).expect("reads"),
        Some(store.actions().expect("reads").remove(0))
    );
}

#[test]
fn closed_incidents_leave_by_age_and_open_ones_stay() {
    let store = Store::in_memory().expect("opens");
    let closed = incident("1", "2026-01-01T00:00:00Z", "").replace("active", "resolved");
    let open = incident("2", "2026-01-01T00:00:00Z", "");
    let fresh = incident("3", "2026-08-19T00:00:00Z", "").replace("active", "resolved");
    store
        .put_incidents(&[closed, open, fresh], None, now())
        .expect("writes");
    let alerts = [
        alert("a1", "1", "2026-01-01T00:00:00Z", "D", "u"),
        alert("a2", "2", "2026-01-01T00:00:00Z", "D", "u"),
        alert("a9", "9", "2026-01-01T00:00:00Z", "D", "u"),
    ];
    store.put_alerts(&alerts, None, now()).expect("writes");
    let gone = store.retain(&Retention::default(), now()).expect("drops");
    assert_eq!(
        gone,
        [
            Change::AlertGone("a1".into()),
            Change::IncidentGone("1".into()),
            Change::AlertGone("a9".into())
        ]
    );
    let key = EntityKey {
        kind: "device".into(),
        value: "d".into(),
    };
    assert_eq!(store.where_else(&key, 9).expect("reads").len(), 1);
    let gone = store
        .retain(&Retention { days: 30, bytes: 1 }, now())
        .expect("drops");
    assert_eq!(
        gone,
        [Change::IncidentGone("3".into())],
        "too much: what is closed goes, what is open stays"
    );
}

#[test]
fn the_journal_tells_every_move_and_survives_a_process_that_ends_between_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache.db");
    let new = NewEntry {
        at: now(),
        who: "dana".into(),
        tenant: "contoso".into(),
        operation: "machine.isolate".into(),
        title: "Isolate device, full".into(),
        target: "=fin-07\u{202e}".into(),
        request: "{}".into(),
        client_request_id: "c-1".into(),
    };
    let id = {
        let store = Store::open(&path).expect("opens");
        let entry = store.journal_append(&new).expect("writes");
        assert_eq!(entry.state, JournalState::Intended);
        // no step follows: as if the process had been killed
        entry.id
    };
    let store = Store::open(&path).expect("opens again");
    let open = store.journal_unsettled().expect("reads");
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, &*open[0].client_request_id), (id, "c-1"));
    let step = |state, action: Option<&str>| JournalStep {
        at: now(),
        state,
        detail: "ok".into(),
        action: action.map(Into::into),
        request_id: None,
    };
    store
        .journal_step(id, &step(JournalState::Accepted, Some("A")))
        .expect("writes");
    let ended = r#"{"id":"A","type":"Isolate","status":"Succeeded"}"#;
    store.put_actions(&[ended], None, now()).expect("writes");
    let entry = store.journal_entry(id).expect("reads").expect("is there");
    assert_eq!(
        entry.state,
        JournalState::Succeeded,
        "it ends with its action"
    );
    assert_eq!(
        entry.action,
        Some("A".into()),
        "what is learnt is not unlearnt"
    );
    assert!(store.journal_unsettled().expect("reads").is_empty());
    let moves: Vec<_> = store
        .journal_steps(id)
        .expect("reads")
        .iter()
        .map(|step| step.state)
        .collect();
    assert_eq!(
        moves,
        [
            JournalState::Intended,
            JournalState::Accepted,
            JournalState::Succeeded
        ]
    );

    let entries = store.journal(10).expect("reads");
    let (mut csv, mut jsonl) = (Vec::new(), Vec::new());
    journal::export_csv(&entries, &mut csv).expect("writes");
    journal::export_jsonl(&entries, &mut jsonl).expect("writes");
    let (csv, jsonl) = (
        String::from_utf8(csv).expect("text"),
        String::from_utf8(jsonl).expect("text"),
    );
    assert!(csv.contains("'=fin-07⟪U+202E⟫"), "{csv}");
    assert!(jsonl.contains(r#""target":"=fin-07⟪U+202E⟫""#), "{jsonl}");
    assert_eq!(jsonl.lines().count(), 1);
}

#[test]
fn hunts_are_found_by_their_text() {
    let store = Store::in_memory().expect("opens");
    let record = |query: &str| HuntRecord {
        id: 0,
        at: now(),
        query: query.into(),
        took: std::time::Duration::from_millis(1800),
        rows: Some(37),
        error: None,
        engine: "defender".into(),
    };
    for query in [
        "DeviceProcessEvents | take 1",
        "EmailEvents | where a == '%'",
    ] {
        store.hunt_add(&record(query)).expect("writes");
    }
    let found = store.hunts("deviceprocess", 10).expect("reads");
    assert_eq!(
        found,
        [HuntRecord {
            id: 1,
            ..record("DeviceProcessEvents | take 1")
        }]
    );
    assert_eq!(store.hunts("%", 10).expect("reads").len(), 1);
    assert_eq!(store.hunts("", 1).expect("reads")[0].id, 2);
}

#[test]
fn a_second_console_reads_and_cannot_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache.db");
    let first = Store::open(&path).expect("opens");
    let second = Store::open(&path).expect("opens too");
    assert_eq!(
        (first.access(), second.access()),
        (Access::Owner, Access::Reader)
    );
    first
        .put_incidents(&[incident("7", "2026-08-19T07:00:00Z", "")], None, now())
        .expect("writes");
    assert_eq!(second.incident_rows().expect("reads").len(), 1);
    let refused = second.put_incidents(&[incident("8", "2026-08-19T07:00:00Z", "")], None, now());
    assert!(matches!(refused, Err(StoreError::ReadOnly)));
    drop(first);
    drop(second);
    assert_eq!(Store::open(&path).expect("opens").access(), Access::Owner);
}

#[test]
fn damage_is_told_kept_aside_and_newer_files_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache.db");
    std::fs::write(
        &path,
        "this is not a database, whatever its name says".repeat(300),
    )
    .expect("writes");
    let error = Store::open(&path).expect_err("refuses");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let (store, aside) = Store::open_or_set_aside(&path, now()).expect("begins anew");
    let [aside] = &aside[..] else {
        panic!("one file was moved: {aside:?}")
    };
    assert!(!aside.journal);
    assert!(
        std::fs::read_to_string(&aside.to)
            .expect("is there")
            .starts_with("this is not")
    );
    assert!(store.incident_rows().expect("reads").is_empty());
    drop(store);

    let raw = rusqlite::Connection::open(&path).expect("opens");
    raw.pragma_update(None, "user_version", 999)
        .expect("writes");
    drop(raw);
    let error = Store::open_or_set_aside(&path, now()).expect_err("refuses");
    assert!(
        matches!(error, StoreError::Newer { found: 999, .. }),
        "{error}"
    );
}
