//! Changes on demand, and everything the services serve at one moment, for comparison.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use nightjar::sim::Snapshot;
use serde_json::Value;
use support::{Wire, quiet, text};

/// Ids of rows that are new or differ, and none may be gone.
fn changed(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> BTreeSet<String> {
    assert!(before.keys().all(|id| after.contains_key(id)));
    after
        .iter()
        .filter(|(id, row)| before.get(*id) != Some(row))
        .map(|(id, _)| id.clone())
        .collect()
}

fn update(rows: &BTreeMap<String, Value>, id: &str) -> String {
    // Graph drops trailing zeros: as far as the comparison goes they are put back.
    let time = rows
        .get(id)
        .map_or("", |row| text(row, "lastUpdateDateTime"));
    let (whole, fraction) = time
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((time, ""));
    format!("{whole}.{fraction:0<7}")
}

#[tokio::test]
async fn every_sort_of_change_is_seen_where_clients_look_for_it() {
    let wire = Wire::start(quiet()).await;
    for sort in [
        "assign",
        "status",
        "severity",
        "comment",
        "alert-comment",
        "tag",
        "alert",
        "incident",
        "merge",
        "evidence",
        "resolve",
        "resolve-alert",
        "reopen",
        "bulk",
    ] {
        // A choice can change nothing (the same person again): some seed does.
        let mut seen = false;
        for seed in 0..20 {
            let before = wire.sim.snapshot().await;
            let what = wire.sim.change(sort, seed).await.expect("a change");
            let after = wire.sim.snapshot().await;
            let incidents = changed(&before.incidents, &after.incidents);
            let alerts = changed(&before.alerts, &after.alerts);
            assert!(!incidents.is_empty(), "{what}");
            for id in &incidents {
                assert!(
                    update(&after.incidents, id) > update(&before.incidents, id),
                    "{what}"
                );
            }
            for id in &alerts {
                assert!(
                    update(&after.alerts, id) > update(&before.alerts, id),
                    "{what}: {id}"
                );
            }
            let any = |rows: &BTreeMap<String, Value>,
                       ids: &BTreeSet<String>,
                       test: &dyn Fn(&Value, &Value) -> bool,
                       old: &BTreeMap<String, Value>| {
                ids.iter()
                    .any(|id| test(old.get(id).unwrap_or(&Value::Null), &rows[id]))
            };
            let incident = |test: &dyn Fn(&Value, &Value) -> bool| {
                any(&after.incidents, &incidents, test, &before.incidents)
            };
            let alert = |test: &dyn Fn(&Value, &Value) -> bool| {
                any(&after.alerts, &alerts, test, &before.alerts)
            };
            let count = |v: &Value| v.as_array().map_or(0, Vec::len);
            seen = match sort {
                "assign" => incident(&|old, new| old["assignedTo"] != new["assignedTo"]),
                "status" => incident(&|old, new| old["status"] != new["status"]),
                "severity" => alert(&|old, new| old["severity"] != new["severity"]),
                "comment" => {
                    incident(&|old, new| count(&new["comments"]) == count(&old["comments"]) + 1)
                }
                "alert-comment" => {
                    alert(&|old, new| count(&new["comments"]) == count(&old["comments"]) + 1)
                }
                "tag" => {
                    incident(&|old, new| count(&new["customTags"]) == count(&old["customTags"]) + 1)
                }
                "alert" => alert(&|old, _| old.is_null()) && incident(&|old, _| old.is_object()),
                "incident" => incident(&|old, _| old.is_null()) && alert(&|old, _| old.is_null()),
                "bulk" => {
                    let times: BTreeSet<String> = incidents
                        .iter()
                        .map(|id| update(&after.incidents, id))
                        .collect();
                    incidents.len() > 50 && times.len() == 1
                }
                "merge" => {
                    incident(&|_, new| {
                        new["status"] == "redirected" && new["redirectIncidentId"].is_string()
                    }) && alert(&|old, new| old["incidentId"] != new["incidentId"])
                }
                "evidence" => {
                    alert(&|old, new| count(&new["evidence"]) == count(&old["evidence"]) + 1)
                }
                "resolve" => {
                    incident(&|_, new| new["status"] == "resolved")
                        && alert(&|_, new| new["status"] == "resolved")
                }
                "resolve-alert" => {
                    alert(&|old, new| old["status"] != "resolved" && new["status"] == "resolved")
                }
                _ => incident(&|old, new| old["status"] == "resolved" && new["status"] == "active"),
            };
            if seen {
                break;
            }
        }
        assert!(seen, "{sort}");
    }
    let wrong = wire
        .sim
        .change("explode", 1)
        .await
        .expect_err("no such change");
    assert!(wrong.contains("merge"), "{wrong}");
}

#[tokio::test]
async fn churn_repeats_with_its_seed_and_is_what_lists_serve() {
    let (one, two) = (Wire::start(quiet()).await, Wire::start(quiet()).await);
    let changes = one.sim.churn(300, 9).await;
    assert!(changes.len() > 280, "{}", changes.len());
    assert_eq!(changes, two.sim.churn(300, 9).await);
    assert_ne!(changes, two.sim.churn(300, 10).await);
    let Snapshot {
        incidents,
        alerts,
        actions,
    } = one.sim.snapshot().await;
    let (rows, _) = one.drain("/v1.0/security/incidents").await;
    let listed: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| (text(&row, "id").to_owned(), row))
        .collect();
    assert_eq!(incidents, listed);
    assert!(alerts.len() > 400 && !actions.is_empty());
    // Every alert belongs to an incident that was not merged away.
    for alert in alerts.values() {
        assert_ne!(incidents[text(alert, "incidentId")]["status"], "redirected");
    }
}
