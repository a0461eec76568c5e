//! What can be decided without a service: guards, merges, undo.

use super::*;
use crate::respond::{Danger, spec};

fn incident(json: &str) -> Incident {
    serde_json::from_str(json).expect("decodes")
}

fn texts(tags: &[&str]) -> Vec<Arc<str>> {
    tags.iter().map(|tag| (*tag).into()).collect()
}

#[test]
fn others_tags_stay_and_ours_come_and_go() {
    let wanted = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    // the analyst saw a and b, took b away and added c; meanwhile somebody added d
    let merged = merge_tags(
        &texts(&["a", "b"]),
        &wanted(&["a", "c"]),
        &texts(&["a", "b", "d"]),
    );
    assert_eq!(merged, ["a", "d", "c"]);
    // what somebody else took away is not brought back
    assert_eq!(
        merge_tags(
            &texts(&["a", "b"]),
            &wanted(&["a", "b", "c"]),
            &texts(&["b"])
        ),
        ["b", "c"]
    );
    assert_eq!(merge_tags(&[], &wanted(&["x"]), &texts(&["x"])), ["x"]);
}

#[test]
fn what_others_changed_meanwhile_is_in_the_way_unless_it_is_what_is_wanted() {
    let seen = Seen::of_incident(&incident(
        r#"{"id":"7","status":"active","assignedTo":" "}"#,
    ));
    let now = Seen::of_incident(&incident(
        r#"{"id":"7","status":"inProgress","assignedTo":"r.ohara","classification":"unknown"}"#,
    ));
    let mine = IncidentPatch {
        assigned_to: Some(Some("dana".into())),
        ..IncidentPatch::default()
    };
    let theirs = Wanted::of_incident(&mine).in_the_way(&seen, &now);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        theirs,
        [
            (text("status"), text("active"), text("inProgress")),
            (text("owner"), text("—"), text("r.ohara"))
        ]
    );
    let same = IncidentPatch {
        status: Some(IncidentStatus::InProgress),
        assigned_to: Some(Some("r.ohara".into())),
        ..IncidentPatch::default()
    };
    assert!(
        Wanted::of_incident(&same)
            .in_the_way(&seen, &now)
            .is_empty()
    );
    assert!(Wanted::of_incident(&mine).in_the_way(&now, &now).is_empty());
    // taking the owner away, which somebody did already
    let nobody = IncidentPatch {
        assigned_to: Some(None),
        ..IncidentPatch::default()
    };
    assert!(
        Wanted::of_incident(&nobody)
            .in_the_way(
                &Seen {
                    status: Some("active".into()),
                    assigned_to: Some("x".into()),
                    classification: None
                },
                &seen
            )
            .is_empty()
    );
}

#[test]
fn undo_sets_back_exactly_what_was_written() {
    let before = Before::Incident(Box::new(incident(
        r#"{"id":"7","status":"active","severity":"high","customTags":["a"]}"#,
    )));
    let operation = Operation::UpdateIncident {
        id: "7".into(),
        patch: IncidentPatch {
            status: Some(IncidentStatus::Resolved),
            classification: Some(Classification::TruePositive),
            assigned_to: Some(Some("dana".into())),
            ..IncidentPatch::default()
        },
    };
    let Some(Operation::UpdateIncident { patch, .. }) = undo_of_update(&operation, &before) else {
        panic!("it can be undone")
    };
    assert_eq!(
        serde_json::to_string(&patch).expect("encodes"),
        r#"{"status":"active","classification":"unknown","determination":"unknown","assignedTo":null}"#
    );
}

#[test]
fn what_cannot_be_meant_is_not_sent() {
    let update = |patch| Operation::UpdateIncident {
        id: "7".into(),
        patch,
    };
    assert!(nonsense(&update(IncidentPatch::default())).is_some());
    let status = IncidentPatch {
        status: Some(IncidentStatus::Redirected),
        ..IncidentPatch::default()
    };
    assert!(nonsense(&update(status)).is_some());
    let pair = |determination| IncidentPatch {
        classification: Some(Classification::FalsePositive),
        determination: Some(determination),
        ..IncidentPatch::default()
    };
    assert!(nonsense(&update(pair(Determination::Malware))).is_some());
    assert!(nonsense(&update(pair(Determination::NotMalicious))).is_none());
    let blank = Operation::Unisolate {
        machine: "m".into(),
        comment: " \n".into(),
    };
    assert!(nonsense(&blank).is_some());
}

#[test]
fn what_isolates_is_taken_back_by_a_release() {
    let action: MachineAction =
        serde_json::from_str(r#"{"id":"A","type":"Isolate","status":"Pending"}"#).expect("decodes");
    for operation in crate::respond::all_operations() {
        let undo = undo_of_action(&operation, &action);
        match operation {
            Operation::Isolate { .. } => assert!(matches!(undo, Some(Operation::Unisolate { .. }))),
            Operation::Scan { .. } => assert!(matches!(undo, Some(Operation::CancelAction { .. }))),
            Operation::Unisolate { .. } => {
                let again = undo.expect("isolate again");
                assert_eq!(spec(&again).danger, Danger::High);
            }
            _ => assert_eq!(undo, None),
        }
    }
}
