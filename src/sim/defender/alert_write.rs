//! Changing alerts: one, or several at once.

use serde_json::{Map, Value as Json};

use super::super::http::Reply;
use super::super::quirks::ClassificationPairs;
use super::super::words;
use super::super::world::{Comment, World};
use super::Refusal;
use super::alerts::{CLASSIFICATION, DETERMINATION, STATUS, entity, find};
use super::call::{Call, maybe_text, member, only, text, texts};

/// Classifications, and the determinations that pages list with them.
const PAIRS: &[(&str, &[&str])] = &[
    (
        "TruePositive",
        &[
            "MultiStagedAttack",
            "MaliciousUserActivity",
            "CompromisedUser",
            "Malware",
            "Phishing",
            "UnwantedSoftware",
            "Other",
        ],
    ),
    (
        "InformationalExpectedActivity",
        &[
            "SecurityTesting",
            "LineOfBusinessApplication",
            "ConfirmedActivity",
            "Other",
        ],
    ),
    (
        "FalsePositive",
        &["NotMalicious", "InsufficientData", "Other"],
    ),
];

/// What is to be changed.
#[derive(Debug, Default)]
struct Change {
    status: Option<u8>,
    classification: Option<u8>,
    determination: Option<u8>,
    assigned: Option<String>,
    comment: Option<String>,
}

const FIELDS: &[&str] = &[
    "status",
    "assignedTo",
    "classification",
    "determination",
    "comment",
];

fn place(list: &[&str], value: &str) -> u8 {
    words::place(list, value).unwrap_or(0)
}

impl Change {
    fn read(call: &Call<'_>, body: &Map<String, Json>) -> Result<Self, Refusal> {
        let given = |name: &str| Ok::<bool, Refusal>(maybe_text(body, name)?.is_some());
        let mut change = Self {
            assigned: maybe_text(body, "assignedTo")?,
            comment: maybe_text(body, "comment")?.filter(|c| !c.trim().is_empty()),
            ..Self::default()
        };
        if given("status")? {
            let status = member(body, "status", &["New", "InProgress", "Resolved"])?;
            change.status = Some(place(STATUS, status));
        }
        let mut classification = None;
        if given("classification")? {
            let values: Vec<&str> = PAIRS.iter().map(|(c, _)| *c).collect();
            let value = member(body, "classification", &values)?;
            classification = Some(value);
            change.classification = Some(place(CLASSIFICATION, value));
        }
        if given("determination")? {
            let value = match text(body, "determination")? {
                // Pages disagree on two names: both are taken.
                "Clean" => "NotMalicious",
                "ConfirmedUserActivity" => "ConfirmedActivity",
                other => other,
            };
            let known = PAIRS.iter().any(|(_, d)| d.contains(&value));
            if !known {
                return Err(Refusal::new(
                    400,
                    "InvalidInput",
                    format!("{value} is not a valid determination."),
                ));
            }
            let fits = classification
                .and_then(|c| PAIRS.iter().find(|(name, _)| *name == c))
                .is_none_or(|(_, d)| d.contains(&value));
            if !fits && call.tenant.quirks.classification_pairs == ClassificationPairs::Checked {
                return Err(Refusal::new(
                    400,
                    "InvalidInput",
                    format!(
                        "Determination {value} does not belong to classification {}.",
                        classification.unwrap_or_default()
                    ),
                ));
            }
            change.determination = Some(place(DETERMINATION, value));
        }
        Ok(change)
    }

    fn apply(&self, call: &Call<'_>, world: &mut World, alert: u32) {
        let assigned = self.assigned.as_deref().map(|who| world.name(who.trim()));
        let row = &mut world.alerts[alert as usize];
        row.classification = self.classification.unwrap_or(row.classification);
        row.determination = self.determination.unwrap_or(row.determination);
        row.assigned = assigned.unwrap_or(row.assigned);
        if let Some(comment) = &self.comment {
            row.comments.push(Comment {
                text: comment.clone(),
                by: call.requestor(),
                at: call.now,
            });
        }
        let incident = row.incident;
        world.touch_alert(alert, call.now);
        let by = world.incidents[incident as usize].modified_by;
        world.touch_incident(incident, call.now, by);
        if let Some(status) = self.status {
            world.set_alert_status(alert, status, call.now);
        }
    }
}

/// PATCH one.
pub fn patch(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let change = Change::read(call, &body)?;
    only(&body, FIELDS)?;
    let mut world = call.tenant.world_mut();
    let alert = find(&world, call.args[0])?;
    change.apply(call, &mut world, alert);
    Ok(entity(call, &world, alert))
}

/// POST a change of several. One that is not there refuses them all.
pub fn batch(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let wanted = texts(&body, "alertIds")?;
    let change = Change::read(call, &body)?;
    let mut known = FIELDS.to_vec();
    known.push("alertIds");
    only(&body, &known)?;
    if wanted.is_empty() {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            "alertIds cannot be empty.",
        ));
    }
    let mut world = call.tenant.world_mut();
    let alerts = wanted
        .iter()
        .map(|id| find(&world, id))
        .collect::<Result<Vec<_>, _>>()?;
    for alert in alerts {
        change.apply(call, &mut world, alert);
    }
    Ok(Reply::json(200, Vec::new()))
}
