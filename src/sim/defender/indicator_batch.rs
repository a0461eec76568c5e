//! Indicators by the hundred: import, whose rows succeed or fail one by one, and deletion, which does
//! not.

use serde_json::{Value as Json, json};

use super::super::http::Reply;
use super::Refusal;
use super::call::{Call, missing, not_found, only, texts, too_many, wrong_kind};
use super::indicators::{is_theirs, not_yours, put};

/// The most indicators in a call.
const MOST: usize = 500;

/// POST many. 200 does not mean that all were taken.
pub fn import(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let rows = match body.get("Indicators") {
        Some(Json::Array(rows)) => rows,
        Some(_) => return Err(wrong_kind("Indicators", "an array")),
        None => return Err(missing("Indicators")),
    };
    only(&body, &["Indicators"])?;
    if rows.len() > MOST {
        return Err(too_many(rows.len(), MOST));
    }
    let mut world = call.tenant.world_mut();
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        let value = row.get("indicatorValue").cloned().unwrap_or(Json::Null);
        let result = match row.as_object() {
            Some(row) => put(call, &mut world, row),
            None => Err(wrong_kind("Indicators", "an array of objects")),
        };
        outcomes.push(match result {
            Ok(id) => json!({
                "id": id.to_string(),
                "indicator": value,
                "isFailed": false,
                "failureReason": null,
            }),
            Err(refusal) => json!({
                "id": null,
                "indicator": value,
                "isFailed": true,
                "failureReason": refusal.message,
            }),
        });
    }
    Ok(call.all(
        "Collection(microsoft.windowsDefenderATP.api.ImportIndicatorResult)",
        &outcomes,
    ))
}

/// POST the deletion of many: all of them or none.
pub fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let wanted = texts(&body, "IndicatorIds")?;
    only(&body, &["IndicatorIds"])?;
    let invalid = |message: String| Refusal::new(400, "InvalidInput", message);
    if wanted.is_empty() {
        return Err(invalid("IndicatorIds cannot be empty.".into()));
    }
    if wanted.len() > MOST {
        return Err(too_many(wanted.len(), MOST));
    }
    if let Some(id) = wanted.iter().find(|id| id.parse::<u64>().is_err()) {
        return Err(invalid(format!("{id} is not a valid indicator id.")));
    }
    let mut world = call.tenant.world_mut();
    let all = &mut world.endpoint.indicators;
    for id in &wanted {
        let row = all.get(id).ok_or_else(|| not_found("Indicator", id))?;
        if !is_theirs(call, row) {
            return Err(not_yours(&row.value));
        }
    }
    for id in &wanted {
        all.remove(id);
    }
    Ok(Reply::json(204, Vec::new()))
}
