//! What is decided without asking anybody: what cannot be meant, what others did in between, how tags
//! meet, what takes a write back.

use std::sync::Arc;

use super::look::Before;
use super::{Operation, Seen};
use crate::api::{AlertPatch, IncidentPatch};
use crate::domain::{
    ActionStatus, ActionType, Alert, AlertStatus, Classification, Determination, Incident,
    IncidentStatus, IsolationType, MachineAction, Timestamp,
};

/// What cannot be meant; in words for a person.
pub(super) fn nonsense(operation: &Operation) -> Option<String> {
    if operation
        .comment()
        .is_some_and(|comment| comment.trim().is_empty())
    {
        return Some("a comment is needed: say why".to_owned());
    }
    let (classification, determination, empty) = match operation {
        Operation::UpdateIncident { patch, .. } => {
            if matches!(
                patch.status,
                Some(IncidentStatus::Redirected | IncidentStatus::AwaitingAction)
            ) {
                return Some("that status is the service's own".to_owned());
            }
            (
                &patch.classification,
                &patch.determination,
                *patch == IncidentPatch::default(),
            )
        }
        Operation::UpdateAlert { patch, .. } => (
            &patch.classification,
            &patch.determination,
            *patch == AlertPatch::default(),
        ),
        _ => return None,
    };
    if empty {
        return Some("nothing to change".to_owned());
    }
    match (classification, determination) {
        (Some(classification), Some(determination))
            if !classification
                .legal_determinations()
                .contains(determination) =>
        {
            Some(format!("{determination} does not go with {classification}"))
        }
        _ => None,
    }
}

impl Seen {
    /// Of an incident.
    pub fn of_incident(incident: &Incident) -> Self {
        Self {
            status: incident
                .status
                .as_ref()
                .map(|status| status.as_str().into()),
            assigned_to: owner(incident.assigned_to.as_ref()),
            classification: incident.classification.clone(),
        }
    }

    /// Of an alert.
    pub fn of_alert(alert: &Alert) -> Self {
        Self {
            status: alert.status.as_ref().map(|status| status.as_str().into()),
            assigned_to: owner(alert.assigned_to.as_ref()),
            classification: alert.classification.clone(),
        }
    }
}

fn owner(owner: Option<&Arc<str>>) -> Option<Arc<str>> {
    owner.filter(|owner| !owner.trim().is_empty()).cloned()
}

/// The guarded fields a patch writes.
pub(super) struct Wanted {
    status: Option<String>,
    assigned_to: Option<String>,
    classification: Option<Classification>,
}

impl Wanted {
    pub(super) fn of_incident(patch: &IncidentPatch) -> Self {
        Self {
            status: patch
                .status
                .as_ref()
                .map(|status: &IncidentStatus| status.as_str().to_owned()),
            assigned_to: patch.assigned_to.clone().map(Option::unwrap_or_default),
            classification: patch.classification.clone(),
        }
    }

    pub(super) fn of_alert(patch: &AlertPatch) -> Self {
        Self {
            status: patch
                .status
                .as_ref()
                .map(|status: &AlertStatus| status.as_str().to_owned()),
            assigned_to: patch.assigned_to.clone().map(Option::unwrap_or_default),
            classification: patch.classification.clone(),
        }
    }

    /// What somebody else changed since the analyst looked: any of the guarded fields, whether this
    /// write touches it or not, since the decision was made on it; unless they did just what is wanted.
    pub(super) fn in_the_way(&self, seen: &Seen, now: &Seen) -> Vec<(String, String, String)> {
        let none = "—";
        let word = |text: Option<&str>| {
            text.filter(|text| !text.is_empty())
                .unwrap_or(none)
                .to_owned()
        };

        let fields = [
            (
                "status",
                seen.status.as_deref(),
                now.status.as_deref(),
                self.status.as_deref(),
            ),
            (
                "owner",
                seen.assigned_to.as_deref(),
                now.assigned_to.as_deref(),
                self.assigned_to.as_deref(),
            ),
            (
                "classification",
                class(seen.classification.as_ref()),
                class(now.classification.as_ref()),
                class(self.classification.as_ref()),
            ),
        ];
        fields
            .into_iter()
            .filter(|(_, seen, now, wanted)| {
                seen != now && wanted.is_none_or(|wanted| wanted != now.unwrap_or_default())
            })
            .map(|(name, seen, now, _)| (name.to_owned(), word(seen), word(now)))
            .collect()
    }
}

/// The tags wanted, on top of what others have added or taken away meanwhile.
pub(super) fn merge_tags(base: &[Arc<str>], wanted: &[String], now: &[Arc<str>]) -> Vec<String> {
    let has = |list: &[Arc<str>], tag: &str| list.iter().any(|own| **own == *tag);
    let mut merged: Vec<String> = now
        .iter()
        .filter(|tag| !has(base, tag) || wanted.iter().any(|own| **own == ***tag))
        .map(ToString::to_string)
        .collect();
    for tag in wanted {
        if !has(base, tag) && !merged.contains(tag) {
            merged.push(tag.clone());
        }
    }
    merged
}

/// What sets the fields back that an update wrote.
pub(super) fn undo_of_update(operation: &Operation, before: &Before) -> Option<Operation> {
    match (operation, before) {
        (Operation::UpdateIncident { id, patch }, Before::Incident(old)) => {
            let own = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
            let undo = IncidentPatch {
                status: patch.status.as_ref().and(old.status.clone()),
                classification: patch.classification.as_ref().map(|_| {
                    old.classification
                        .clone()
                        .unwrap_or(Classification::Unknown)
                }),
                determination: (patch.classification.is_some() || patch.determination.is_some())
                    .then(|| old.determination.clone().unwrap_or(Determination::Unknown)),
                assigned_to: patch
                    .assigned_to
                    .as_ref()
                    .map(|_| owner(old.assigned_to.as_ref()).map(|owner| owner.to_string())),
                custom_tags: patch
                    .custom_tags
                    .as_ref()
                    .map(|_| old.custom_tags.iter().map(ToString::to_string).collect()),
                severity: patch.severity.as_ref().and(old.severity.clone()),
                display_name: patch.display_name.as_ref().map(|_| own(&old.display_name)),
                description: patch.description.as_ref().map(|_| own(&old.description)),
                summary: patch.summary.as_ref().map(|_| own(&old.summary)),
                resolving_comment: patch
                    .resolving_comment
                    .as_ref()
                    .map(|_| own(&old.resolving_comment)),
            };
            Some(Operation::UpdateIncident {
                id: id.clone(),
                patch: undo,
            })
        }
        (Operation::UpdateAlert { id, patch }, Before::Alert(old)) => {
            let undo = AlertPatch {
                status: patch.status.as_ref().and(old.status.clone()),
                classification: patch.classification.as_ref().map(|_| {
                    old.classification
                        .clone()
                        .unwrap_or(Classification::Unknown)
                }),
                determination: (patch.classification.is_some() || patch.determination.is_some())
                    .then(|| old.determination.clone().unwrap_or(Determination::Unknown)),
                assigned_to: patch
                    .assigned_to
                    .as_ref()
                    .map(|_| owner(old.assigned_to.as_ref()).map(|owner| owner.to_string())),
            };
            Some(Operation::UpdateAlert {
                id: id.clone(),
                patch: undo,
            })
        }
        _ => None,
    }
}

/// What takes an action back.
pub(super) fn undo_of_action(operation: &Operation, action: &MachineAction) -> Option<Operation> {
    match operation {
        Operation::Isolate {
            machine, comment, ..
        } => Some(Operation::Unisolate {
            machine: machine.clone(),
            comment: format!("taken back: {comment}"),
        }),
        Operation::Scan { .. } if !action.status.is_final() => Some(Operation::CancelAction {
            action: action.id.clone(),
            comment: "taken back".to_owned(),
        }),
        Operation::Unisolate { machine, comment } => Some(Operation::Isolate {
            machine: machine.clone(),
            kind: IsolationType::Full,
            comment: format!("taken back: {comment}"),
        }),
        _ => None,
    }
}

/// Whether an action is the one an operation asks for.
pub(super) fn is_of(
    action: &MachineAction,
    kind: &ActionType,
    comment: &str,
    since: Timestamp,
) -> bool {
    action.kind == *kind
        && action
            .requestor_comment
            .as_deref()
            .is_none_or(|own| own.trim() == comment.trim())
        && action
            .creation_date_time_utc
            .is_none_or(|created| created >= since)
        && action.status != ActionStatus::Other("".into())
}

/// A classification that says something.
fn class(class: Option<&Classification>) -> Option<&str> {
    class
        .filter(|class| **class != Classification::Unknown)
        .map(Classification::as_str)
}

#[cfg(test)]
mod tests;
