//! Bodies of answers, changed as services change them on bad days: pure functions over JSON text.
//!
//! A body that is not a JSON document of the expected form stays as it is.

use serde_json::{Value, json};

use super::clock::{self, Ticks};
use super::ids::Dice;

/// Changes a body that is a JSON document.
pub fn document(body: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        change(&mut value);
        *body = value.to_string().into_bytes();
    }
}

/// Changes the rows of a page.
pub fn rows(body: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Value>)) {
    document(body, |value| {
        if let Some(rows) = value.get_mut("value").and_then(Value::as_array_mut) {
            change(rows);
        }
    });
}

/// Makes the second row (or the only one) of a page into something the schema does not have.
pub fn bad_row(body: &mut Vec<u8>) {
    rows(body, |rows| {
        let at = usize::from(rows.len() > 1);
        if let Some(row) = rows.get_mut(at) {
            *row = json!({ "id": 17, "severity": ["high"], "evidence": "none", "createdDateTime": "soon" });
        }
    });
}

/// JSON of a shape that nobody documented.
pub fn wrong_shape(body: &mut Vec<u8>, salt: u64) {
    document(body, |value| {
        let inner = value.take();
        *value = match salt % 4 {
            0 => json!([inner]),
            1 => json!({ "value": { "0": inner } }),
            2 => Value::Null,
            _ => json!("OK"),
        };
    });
}

/// Puts bytes that are no UTF-8 into the first text of the rows.
pub fn not_utf8(body: &mut Vec<u8>) {
    const MARK: &str = "not-utf-8-goes-here";
    document(body, |value| {
        if let Some(text) = texts(value).into_iter().next() {
            *text = Value::String(MARK.into());
        }
    });
    if let Some(at) = body.windows(MARK.len()).position(|w| w == MARK.as_bytes()) {
        body.splice(at..at + MARK.len(), [b'c', 0xff, 0xfe, 0xc3, b'(']);
    }
}

/// The texts a person would read, so that ids and links stay whole.
fn texts(value: &mut Value) -> Vec<&mut Value> {
    let is_page = value.get("value").is_some_and(Value::is_array);
    let rows: Vec<&mut Value> = if is_page {
        let rows = value.get_mut("value").and_then(Value::as_array_mut);
        rows.into_iter().flatten().collect()
    } else {
        vec![value]
    };
    rows.into_iter()
        .filter_map(Value::as_object_mut)
        .flat_map(|row| row.iter_mut())
        .filter(|(name, value)| {
            value.is_string()
                && ["title", "displayName", "computerDnsName", "requestor"].contains(&name.as_str())
        })
        .map(|(_, value)| value)
        .collect()
}

/// Hides rows that came, or (where `updated`) changed, after `since`.
pub fn hide_newer(body: &mut Vec<u8>, since: Ticks, updated: bool) {
    rows(body, |rows| {
        rows.retain(|row| {
            let newer = |name: &str| {
                let text = row.get(name).and_then(Value::as_str).unwrap_or_default();
                clock::parse(text).is_some_and(|at| at > since)
            };
            !(newer("createdDateTime") || updated && newer("lastUpdateDateTime"))
        });
    });
}

/// Tells the times of last update in whole steps, rounded down: the order stays.
pub fn same_time(body: &mut Vec<u8>, step: Ticks) {
    let round = |row: &mut Value| {
        if let Some(text) = row.get_mut("lastUpdateDateTime")
            && let Some(at) = text.as_str().and_then(clock::parse)
        {
            *text = Value::String(clock::graph(at - at.rem_euclid(step.max(1))));
        }
    };
    document(body, |value| {
        round(value);
        if let Some(rows) = value.get_mut("value").and_then(Value::as_array_mut) {
            rows.iter_mut().for_each(round);
        }
    });
}

/// Puts the rows of a page into another order.
pub fn reorder(body: &mut Vec<u8>, salt: u64) {
    rows(body, |rows| {
        let mut dice = Dice::of(salt, 60, 0);
        for at in (1..rows.len()).rev() {
            rows.swap(at, dice.index(at + 1));
        }
    });
}

/// Repeats the last row of the page before at the beginning, and one row of this page. Gives this page's
/// last row.
pub fn duplicate(body: &mut Vec<u8>, before: impl FnOnce(Value) -> Option<Value>, salt: u64) {
    rows(body, |rows| {
        let Some(last) = rows.last().cloned() else {
            return;
        };
        let at = Dice::of(salt, 61, 0).index(rows.len());
        rows.insert(at, rows[at].clone());
        if let Some(row) = before(last) {
            rows.insert(0, row);
        }
    });
}

/// Sends the reader of the next page to another origin.
pub fn next_link_to(body: &mut Vec<u8>, base: &str, origin: &str) {
    document(body, |value| {
        if let Some(Value::String(link)) = value.get_mut("@odata.nextLink")
            && let Some(rest) = link.strip_prefix(base)
        {
            *link = format!("{}{rest}", origin.trim_end_matches('/'));
        }
    });
}

fn actions(value: &mut Value) -> Vec<&mut Value> {
    let rows: Vec<&mut Value> = if value.get("machineId").is_some() {
        vec![value]
    } else {
        let rows = value.get_mut("value").and_then(Value::as_array_mut);
        rows.into_iter().flatten().collect()
    };
    rows.into_iter()
        .filter(|row| row.get("machineId").is_some() && row.get("status").is_some())
        .collect()
}

/// Says of machine actions that are under way or over that they are pending.
pub fn actions_back(body: &mut Vec<u8>) {
    document(body, |value| {
        for row in actions(value) {
            if row["status"] == "InProgress" || row["status"] == "Succeeded" {
                row["status"] = json!("Pending");
            }
        }
    });
}

/// Says of the oldest machine action that succeeded that it is still under way.
pub fn oldest_action_open(body: &mut Vec<u8>) {
    document(body, |value| {
        let created = |row: &Value| {
            let text = row["creationDateTimeUtc"].as_str().unwrap_or_default();
            clock::parse(text).unwrap_or(Ticks::MAX)
        };
        let over = actions(value)
            .into_iter()
            .filter(|row| row["status"] == "Succeeded");
        if let Some(row) = over.min_by_key(|row| created(row)) {
            row["status"] = json!("InProgress");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] = br#"{"@odata.nextLink":"http://here/x?y","value":[{"id":"1","title":"a","createdDateTime":"2026-08-19T07:00:00Z","lastUpdateDateTime":"2026-08-19T07:02:10.98Z"},{"id":"2","title":"b","createdDateTime":"2026-08-19T07:01:00Z","lastUpdateDateTime":"2026-08-19T07:02:59Z"},{"id":"3","createdDateTime":"2026-08-19T07:05:00Z","lastUpdateDateTime":"2026-08-19T07:05:00Z"}]}"#;

    fn spoilt(change: impl FnOnce(&mut Vec<u8>)) -> Value {
        let mut body = PAGE.to_vec();
        change(&mut body);
        serde_json::from_slice(&body).expect("JSON")
    }

    fn ids(page: &Value) -> Vec<&str> {
        let rows = page["value"].as_array().expect("rows").iter();
        rows.map(|row| row["id"].as_str().unwrap_or("?")).collect()
    }

    #[test]
    fn pages_are_spoilt_as_they_should_be() {
        let page = spoilt(bad_row);
        assert_eq!(
            (ids(&page), &page["value"][1]["id"]),
            (vec!["1", "?", "3"], &json!(17))
        );
        let since = clock::parse("2026-08-19T07:02:30Z").expect("a time");
        assert_eq!(ids(&spoilt(|b| hide_newer(b, since, false))), ["1", "2"]);
        assert_eq!(ids(&spoilt(|b| hide_newer(b, since, true))), ["1"]);
        let page = spoilt(|b| same_time(b, clock::MINUTE));
        assert_eq!(
            page["value"][0]["lastUpdateDateTime"],
            "2026-08-19T07:02:00Z"
        );
        assert_eq!(
            page["value"][1]["lastUpdateDateTime"],
            "2026-08-19T07:02:00Z"
        );
        let page =
            spoilt(|b| duplicate(b, |last| (last["id"] == "3").then(|| json!({"id": "0"})), 1));
        assert_eq!((ids(&page).len(), ids(&page)[0]), (5, "0"));
        let page = spoilt(|b| next_link_to(b, "http://here", "https://there.example/"));
        assert_eq!(page["@odata.nextLink"], "https://there.example/x?y");
        let orders: std::collections::HashSet<Vec<String>> = (0..20)
            .map(|salt| {
                ids(&spoilt(|b| reorder(b, salt)))
                    .iter()
                    .map(|s| (*s).to_owned())
                    .collect()
            })
            .collect();
        assert!(orders.len() > 3);
        let mut body = PAGE.to_vec();
        not_utf8(&mut body);
        assert!(std::str::from_utf8(&body).is_err());
        assert!((0..4).all(|salt| spoilt(|b| wrong_shape(b, salt))["value"][0].is_null()));
    }
}
