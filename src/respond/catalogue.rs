//! The catalogue of operations: names, danger, permissions and confirmations, as one table
//! (`defender-endpoint.md` sections 4 and 6.1, `graph-security.md` "Endpoints at a glance").

use serde_json::{Value, json};

use super::{Confirm, Danger, Operation, OperationSpec};
use crate::auth::Resource;
use crate::domain::{ActionType, IsolationType, ScanType};

const WRITE_INCIDENTS: &[&str] = &["SecurityIncident.ReadWrite.All"];
const WRITE_ALERTS: &[&str] = &["SecurityAlert.ReadWrite.All"];

/// Every operation. What calls off an action keeps its name: the cache knows it by that.
pub static CATALOGUE: [OperationSpec; 10] = [
    OperationSpec {
        id: "incident.update",
        title: "Update incident",
        danger: Danger::Low,
        permission: WRITE_INCIDENTS,
        resource: Resource::Graph,
        undo: Some("set back"),
        confirm: Confirm::None,
    },
    OperationSpec {
        id: "alert.update",
        title: "Update alert",
        danger: Danger::Low,
        permission: WRITE_ALERTS,
        resource: Resource::Graph,
        undo: Some("set back"),
        confirm: Confirm::None,
    },
    OperationSpec {
        id: "incident.comment",
        title: "Comment on incident",
        danger: Danger::Low,
        permission: WRITE_INCIDENTS,
        resource: Resource::Graph,
        undo: None,
        confirm: Confirm::None,
    },
    OperationSpec {
        id: "alert.comment",
        title: "Comment on alert",
        danger: Danger::Low,
        permission: WRITE_ALERTS,
        resource: Resource::Graph,
        undo: None,
        confirm: Confirm::None,
    },
    OperationSpec {
        id: "machine.isolate",
        title: "Isolate device, full",
        danger: Danger::High,
        permission: &["Machine.Isolate"],
        resource: Resource::Defender,
        undo: Some("release"),
        confirm: Confirm::TypeName,
    },
    OperationSpec {
        id: "machine.isolate-selective",
        title: "Isolate device, selective",
        danger: Danger::High,
        permission: &["Machine.Isolate"],
        resource: Resource::Defender,
        undo: Some("release"),
        confirm: Confirm::TypeName,
    },
    OperationSpec {
        id: "machine.release",
        title: "Release device from isolation",
        danger: Danger::Medium,
        permission: &["Machine.Isolate"],
        resource: Resource::Defender,
        undo: Some("isolate again, in full"),
        confirm: Confirm::Yes,
    },
    OperationSpec {
        id: "machine.scan",
        title: "Antivirus scan, quick",
        danger: Danger::Low,
        permission: &["Machine.Scan"],
        resource: Resource::Defender,
        undo: Some("cancel"),
        confirm: Confirm::Yes,
    },
    OperationSpec {
        id: "machine.scan-full",
        title: "Antivirus scan, full",
        danger: Danger::Low,
        permission: &["Machine.Scan"],
        resource: Resource::Defender,
        undo: Some("cancel"),
        confirm: Confirm::Yes,
    },
    OperationSpec {
        id: "action.cancel",
        title: "Cancel machine action",
        danger: Danger::Medium,
        permission: &[
            "Machine.CollectForensics",
            "Machine.Isolate",
            "Machine.RestrictExecution",
            "Machine.Scan",
            "Machine.Offboard",
            "Machine.StopAndQuarantine",
            "Machine.LiveResponse",
        ],
        resource: Resource::Defender,
        undo: None,
        confirm: Confirm::Yes,
    },
];

/// The catalogue's row of an operation.
pub fn spec(operation: &Operation) -> &'static OperationSpec {
    let id = match operation {
        Operation::UpdateIncident { .. } => "incident.update",
        Operation::UpdateAlert { .. } => "alert.update",
        Operation::CommentIncident { .. } => "incident.comment",
        Operation::CommentAlert { .. } => "alert.comment",
        Operation::Isolate {
            kind: IsolationType::Selective,
            ..
        } => "machine.isolate-selective",
        Operation::Isolate { .. } => "machine.isolate",
        Operation::Unisolate { .. } => "machine.release",
        Operation::Scan {
            kind: ScanType::Full,
            ..
        } => "machine.scan-full",
        Operation::Scan { .. } => "machine.scan",
        Operation::CancelAction { .. } => "action.cancel",
    };
    CATALOGUE
        .iter()
        .find(|spec| spec.id == id)
        .expect("every operation stands in the catalogue: a test walks them all")
}

impl Operation {
    /// What it is done to, in words and with the whole id.
    pub fn target(&self) -> String {
        match self {
            Self::UpdateIncident { id, .. } | Self::CommentIncident { id, .. } => {
                format!("incident {id}")
            }
            Self::UpdateAlert { id, .. } | Self::CommentAlert { id, .. } => format!("alert {id}"),
            Self::Isolate { machine, .. }
            | Self::Unisolate { machine, .. }
            | Self::Scan { machine, .. } => {
                format!("device {machine}")
            }
            Self::CancelAction { action, .. } => format!("action {action}"),
        }
    }

    /// The request as it will be sent: method, path and body.
    pub fn request(&self) -> (&'static str, String, Value) {
        match self {
            Self::UpdateIncident { id, patch } => (
                "PATCH",
                format!("/v1.0/security/incidents/{id}"),
                body(patch),
            ),
            Self::UpdateAlert { id, patch } => (
                "PATCH",
                format!("/v1.0/security/alerts_v2/{id}"),
                body(patch),
            ),
            Self::CommentIncident { id, text } => (
                "POST",
                format!("/v1.0/security/incidents/{id}/comments"),
                json!({ "comment": text }),
            ),
            Self::CommentAlert { id, text } => (
                "POST",
                format!("/v1.0/security/alerts_v2/{id}/comments"),
                json!({ "comment": text }),
            ),
            Self::Isolate {
                machine,
                kind,
                comment,
            } => (
                "POST",
                format!("/api/machines/{machine}/isolate"),
                json!({ "Comment": comment, "IsolationType": kind }),
            ),
            Self::Unisolate { machine, comment } => (
                "POST",
                format!("/api/machines/{machine}/unisolate"),
                json!({ "Comment": comment }),
            ),
            Self::Scan {
                machine,
                kind,
                comment,
            } => (
                "POST",
                format!("/api/machines/{machine}/runAntiVirusScan"),
                json!({ "Comment": comment, "ScanType": kind }),
            ),
            Self::CancelAction { action, comment } => (
                "POST",
                format!("/api/machineactions/{action}/cancel"),
                json!({ "Comment": comment }),
            ),
        }
    }

    /// The type of the machine action it becomes, and the type that would undo it.
    pub(super) fn action_types(&self) -> Option<(ActionType, Option<ActionType>)> {
        match self {
            Self::Isolate { .. } => Some((ActionType::Isolate, Some(ActionType::Unisolate))),
            Self::Unisolate { .. } => Some((ActionType::Unisolate, Some(ActionType::Isolate))),
            Self::Scan { .. } => Some((ActionType::RunAntiVirusScan, None)),
            _ => None,
        }
    }

    /// The comment that goes with it.
    pub(super) fn comment(&self) -> Option<&str> {
        match self {
            Self::CommentIncident { text, .. } | Self::CommentAlert { text, .. } => Some(text),
            Self::Isolate { comment, .. }
            | Self::Unisolate { comment, .. }
            | Self::Scan { comment, .. }
            | Self::CancelAction { comment, .. } => Some(comment),
            Self::UpdateIncident { .. } | Self::UpdateAlert { .. } => None,
        }
    }
}

fn body(patch: &impl serde::Serialize) -> Value {
    serde_json::to_value(patch).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::respond::all_operations;

    #[test]
    fn every_operation_has_its_row_and_tells_its_request() {
        for operation in all_operations() {
            let spec = spec(&operation);
            assert!(!spec.permission.is_empty(), "{}", spec.id);
            let (method, path, body) = operation.request();
            assert!(path.starts_with('/') && body.is_object(), "{method} {path}");
            let text = serde_json::to_string(&operation).expect("encodes");
            let back: Operation = serde_json::from_str(&text).expect("decodes");
            assert_eq!(back, operation, "the journal can be read back");
        }
    }

    #[test]
    fn what_cuts_a_device_off_wants_its_name_typed() {
        for spec in &CATALOGUE {
            let high = spec.danger == Danger::High;
            assert_eq!(spec.confirm == Confirm::TypeName, high, "{}", spec.id);
        }
    }
}
