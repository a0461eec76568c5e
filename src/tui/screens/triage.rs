//! What an analyst decides: assign, status, classification, comment, and what is asked of devices.
//! Builds operations; sending them is `respond`'s, asking first is the preflight card's.

use std::sync::Arc;

use super::picker::Picker;
use super::preflight::Preflight;
use super::prompt::Prompt;
use crate::api::{AlertPatch, IncidentPatch};
use crate::domain::{
    AlertId, AlertRow, AlertStatus, Classification, Determination, IncidentId, IncidentRow,
    IncidentStatus, MachineAction, Of, TenantNo,
};
use crate::respond::{Operation, Seen};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Act, Write};
use crate::tui::screen::Cx;
use crate::tui::widgets::list::Row;

fn seen_incident(row: &IncidentRow) -> Seen {
    Seen {
        status: Some(row.status.as_str().into()),
        assigned_to: row.assigned_to.clone(),
        classification: Some(row.classification.clone()),
    }
}

fn seen_alert(row: &AlertRow) -> Seen {
    Seen {
        status: Some(row.status.as_str().into()),
        assigned_to: row.assigned_to.clone(),
        classification: Some(row.classification.clone()),
    }
}

/// "incident 4211" or "3 incidents".
fn these(ids: usize, one: &str, id: &str) -> String {
    if ids == 1 {
        format!("{one} {id}")
    } else {
        format!("{ids} {one}s")
    }
}

/// A title that names whose it is about, in full, where there are several tenants.
fn whose(title: String, tenants: impl Iterator<Item = TenantNo>, data: &Data) -> String {
    let mut tenants: Vec<TenantNo> = tenants.collect();
    tenants.sort_unstable();
    tenants.dedup();
    match tenants.as_slice() {
        [one] if data.tenants.several() => format!("{title} · {}", data.tenants.title(*one)),
        [_] | [] => title,
        many => format!("{title} in {} tenants", many.len()),
    }
}

fn incidents<'a>(ids: &[Of<IncidentId>], data: &'a Data) -> Vec<&'a Of<IncidentRow>> {
    let rows = ids.iter().filter_map(|id| data.incidents.get(id));
    rows.filter(|row| row.status != IncidentStatus::Redirected)
        .collect()
}

/// Sends a change of incidents; in each tenant as `patch` says for it.
fn write_incidents(
    ids: &[Of<IncidentId>],
    what: &str,
    patch: impl Fn(TenantNo, &Data) -> IncidentPatch,
    cx: &mut Cx<'_>,
) {
    let rows = incidents(ids, cx.data);
    let Some(first) = rows.first() else {
        cx.notice(Level::Info, "no incident in focus that can be changed");
        return;
    };
    let label = format!(
        "{} {what}",
        these(rows.len(), "incident", first.id.as_str())
    );
    let operations = rows
        .iter()
        .map(|row| {
            let operation = Operation::UpdateIncident {
                id: row.id.clone(),
                patch: patch(row.tenant, cx.data),
            };
            (row.with(operation), Some(seen_incident(row)))
        })
        .collect();
    cx.act(Act::Write(Write {
        label,
        operations,
        agreed: false,
    }));
}

/// The same for alerts.
fn write_alerts(
    rows: &[Of<AlertRow>],
    what: &str,
    patch: impl Fn(TenantNo, &Data) -> AlertPatch,
    cx: &mut Cx<'_>,
) {
    let Some(first) = rows.first() else {
        cx.notice(Level::Info, "no alert in focus");
        return;
    };
    let label = format!("{} {what}", these(rows.len(), "alert", first.id.as_str()));
    let operations = rows
        .iter()
        .map(|row| {
            let operation = Operation::UpdateAlert {
                id: row.id.clone(),
                patch: patch(row.tenant, cx.data),
            };
            (row.with(operation), Some(seen_alert(row)))
        })
        .collect();
    cx.act(Act::Write(Write {
        label,
        operations,
        agreed: false,
    }));
}

/// What an assignment comes to: given back where all are mine already, else mine.
#[derive(Clone, Copy)]
enum Assign {
    Mine,
    Nobody,
}

impl Assign {
    fn of<'a>(mut owners: impl Iterator<Item = Of<Option<&'a Arc<str>>>>, data: &Data) -> Self {
        let mine = |owner: Of<Option<&Arc<str>>>| {
            let name = owner.it;
            name.is_some_and(|name| data.is_me(owner.tenant, name))
        };
        if owners.all(mine) {
            Self::Nobody
        } else {
            Self::Mine
        }
    }

    /// I may be another in each tenant.
    fn owner(self, tenant: TenantNo, data: &Data) -> Option<String> {
        match self {
            Self::Mine => Some(data.tenants.me(tenant).to_owned()),
            Self::Nobody => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Mine => "assigned to you",
            Self::Nobody => "given back to nobody",
        }
    }
}

/// Takes incidents, or gives them back.
pub fn assign_incidents(ids: &[Of<IncidentId>], cx: &mut Cx<'_>) {
    let rows = incidents(ids, cx.data);
    let owners = rows.iter().map(|row| row.with(row.assigned_to.as_ref()));
    let assign = Assign::of(owners, cx.data);
    let patch = |tenant: TenantNo, data: &Data| IncidentPatch {
        assigned_to: Some(assign.owner(tenant, data)),
        ..IncidentPatch::default()
    };
    write_incidents(ids, assign.words(), patch, cx);
}

/// Takes alerts, or gives them back.
pub fn assign_alerts(rows: &[Of<AlertRow>], cx: &mut Cx<'_>) {
    let owners = rows.iter().map(|row| row.with(row.assigned_to.as_ref()));
    let assign = Assign::of(owners, cx.data);
    let patch = |tenant: TenantNo, data: &Data| AlertPatch {
        assigned_to: Some(assign.owner(tenant, data)),
        ..AlertPatch::default()
    };
    write_alerts(rows, assign.words(), patch, cx);
}

fn row(label: &str, current: bool) -> Row {
    Row {
        label: label.to_owned(),
        current,
        ..Row::default()
    }
}

/// Offers the statuses an analyst can set.
pub fn incident_status(ids: Vec<Of<IncidentId>>, cx: &mut Cx<'_>) {
    let rows = incidents(&ids, cx.data);
    let Some(first) = rows.first() else {
        return;
    };
    let now = first.status.clone();
    let choices = [
        (IncidentStatus::Active, "active"),
        (IncidentStatus::InProgress, "in progress"),
        (IncidentStatus::Resolved, "resolved"),
    ];
    let title = format!(
        "Status of {}",
        these(rows.len(), "incident", first.id.as_str())
    );
    let title = whose(title, rows.iter().map(|row| row.tenant), cx.data);
    let list = choices
        .iter()
        .map(|(status, word)| row(word, *status == now))
        .collect();
    cx.popup(Box::new(Picker::new(title, list, move |index, cx| {
        let (status, word) = &choices[index];
        let patch = IncidentPatch {
            status: Some(status.clone()),
            ..IncidentPatch::default()
        };
        write_incidents(&ids, &format!("set to {word}"), |_, _| patch.clone(), cx);
    })));
}

/// Offers the statuses an alert can have.
pub fn alert_status(rows: Vec<Of<AlertRow>>, cx: &mut Cx<'_>) {
    let Some(first) = rows.first() else {
        return;
    };
    let choices = [
        (AlertStatus::New, "new"),
        (AlertStatus::InProgress, "in progress"),
        (AlertStatus::Resolved, "resolved"),
    ];
    let title = format!(
        "Status of {}",
        these(rows.len(), "alert", first.id.as_str())
    );
    let title = whose(title, rows.iter().map(|row| row.tenant), cx.data);
    let list = choices
        .iter()
        .map(|(status, word)| row(word, *status == first.status))
        .collect();
    cx.popup(Box::new(Picker::new(title, list, move |index, cx| {
        let (status, word) = &choices[index];
        let patch = AlertPatch {
            status: Some(status.clone()),
            ..AlertPatch::default()
        };
        write_alerts(&rows, &format!("set to {word}"), |_, _| patch.clone(), cx);
    })));
}

/// Every classification with each determination that goes with it.
fn verdicts() -> Vec<(Classification, Determination)> {
    let order = [
        Classification::TruePositive,
        Classification::InformationalExpectedActivity,
        Classification::FalsePositive,
        Classification::Unknown,
    ];
    let mut out = Vec::new();
    for classification in order {
        for determination in classification.legal_determinations() {
            out.push((classification.clone(), determination.clone()));
        }
    }
    out
}

fn verdict_rows(current: &Classification, why: Option<&Determination>) -> Vec<Row> {
    verdicts()
        .iter()
        .map(|(classification, determination)| {
            let word = match classification {
                Classification::TruePositive => "true positive",
                Classification::InformationalExpectedActivity => "informational, expected",
                Classification::FalsePositive => "false positive",
                _ => "not classified",
            };
            let label = if *classification == Classification::Unknown {
                word.to_owned()
            } else {
                format!("{word} · {}", words(determination.as_str()))
            };
            let same = classification == current && why.is_none_or(|why| why == determination);
            Row {
                label,
                current: same && why.is_some(),
                ..Row::default()
            }
        })
        .collect()
}

/// `multiStagedAttack` as `multi staged attack`.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Offers every classification with its legal determinations.
pub fn classify_incidents(ids: Vec<Of<IncidentId>>, cx: &mut Cx<'_>) {
    let rows = incidents(&ids, cx.data);
    let Some(first) = rows.first() else {
        return;
    };
    let title = format!(
        "Classify {}",
        these(rows.len(), "incident", first.id.as_str())
    );
    let title = whose(title, rows.iter().map(|row| row.tenant), cx.data);
    let list = verdict_rows(&first.classification, Some(&first.determination));
    cx.popup(Box::new(Picker::new(title, list, move |index, cx| {
        let (classification, determination) = verdicts().swap_remove(index);
        let what = format!("classified {classification}: {determination}");
        let patch = IncidentPatch {
            classification: Some(classification),
            determination: Some(determination),
            ..IncidentPatch::default()
        };
        write_incidents(&ids, &what, |_, _| patch.clone(), cx);
    })));
}

/// The same for alerts.
pub fn classify_alerts(rows: Vec<Of<AlertRow>>, cx: &mut Cx<'_>) {
    let Some(first) = rows.first() else {
        return;
    };
    let title = format!("Classify {}", these(rows.len(), "alert", first.id.as_str()));
    let title = whose(title, rows.iter().map(|row| row.tenant), cx.data);
    let list = verdict_rows(&first.classification, None);
    cx.popup(Box::new(Picker::new(title, list, move |index, cx| {
        let (classification, determination) = verdicts().swap_remove(index);
        let what = format!("classified {classification}: {determination}");
        let patch = AlertPatch {
            classification: Some(classification),
            determination: Some(determination),
            ..AlertPatch::default()
        };
        write_alerts(&rows, &what, |_, _| patch.clone(), cx);
    })));
}

const COMMENT_HINT: &str = "⏎ sends   esc cancels   comments cannot be edited or taken back";

/// Asks for a comment on an incident.
pub fn comment_incident(id: Of<IncidentId>, cx: &mut Cx<'_>) {
    let title = format!("Comment on incident {id}");
    let title = whose(title, std::iter::once(id.tenant), cx.data);
    cx.popup(Box::new(Prompt::new(
        title,
        COMMENT_HINT,
        "",
        move |text, cx| {
            let label = format!("incident {id} commented");
            let Of { tenant, it: id } = id;
            let operation = Operation::CommentIncident { id, text };
            let operations = vec![(Of::new(tenant, operation), None)];
            cx.act(Act::Write(Write {
                label,
                operations,
                agreed: false,
            }));
        },
    )));
}

/// Asks for a comment on an alert.
pub fn comment_alert(id: Of<AlertId>, title: &str, cx: &mut Cx<'_>) {
    let title = format!("Comment on alert {title}");
    let title = whose(title, std::iter::once(id.tenant), cx.data);
    cx.popup(Box::new(Prompt::new(
        title,
        COMMENT_HINT,
        "",
        move |text, cx| {
            let label = format!("alert {id} commented");
            let Of { tenant, it: id } = id;
            let operation = Operation::CommentAlert { id, text };
            let operations = vec![(Of::new(tenant, operation), None)];
            cx.act(Act::Write(Write {
                label,
                operations,
                agreed: false,
            }));
        },
    )));
}

/// Shows the card for calling a machine action off.
pub fn cancel_action(action: &Of<MachineAction>, cx: &mut Cx<'_>) {
    let operation = Operation::CancelAction {
        action: action.id.clone(),
        comment: String::new(),
    };
    let card = Preflight::new(action.with(operation), String::new(), cx);
    cx.popup(Box::new(card));
}

/// A query about everything the tables of alerts know of an incident's alerts.
pub fn hunt_incident(id: &Of<IncidentId>, data: &Data) -> (String, String) {
    let alerts = data
        .stories
        .get(id)
        .map(|story| story.alerts.as_slice())
        .unwrap_or_default();
    let quoted: Vec<String> = alerts
        .iter()
        .take(100)
        .map(|alert| literal(alert.id.as_str()))
        .collect();
    let query = if quoted.is_empty() {
        "AlertInfo\n| where Timestamp > ago(7d)\n| take 100".to_owned()
    } else {
        format!(
            "AlertEvidence\n| where Timestamp > ago(30d)\n| where AlertId in ({})\n| project Timestamp, AlertId, EntityType, EvidenceRole, DeviceName, AccountUpn, FileName, SHA256, RemoteIP, RemoteUrl\n| order by Timestamp asc",
            quoted.join(", ")
        )
    };
    (format!("incident {id}"), query)
}

/// A query about everything the tables of alerts know of an alert.
pub fn hunt_alert(id: &AlertId) -> (String, String) {
    let query = format!(
        "AlertEvidence\n| where Timestamp > ago(30d)\n| where AlertId == {}\n| order by Timestamp asc",
        literal(id.as_str())
    );
    (format!("alert {id}"), query)
}

/// A KQL string, so that no value of the service can end it.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
