//! Changes to incidents and alerts: only what is set is sent.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{AlertStatus, Classification, Determination, IncidentStatus, Severity};

/// Tells "leave alone" (absent) from "empty it" (null).
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
fn nullable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// A change to an incident (`PATCH /security/incidents/{id}`). `None` leaves a field alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IncidentPatch {
    /// `active`, `inProgress` or `resolved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// Classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// Determination, one that goes with the classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<Determination>,
    /// Owner, a UPN by custom; `Some(None)` unassigns.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    pub assigned_to: Option<Option<String>>,
    /// The whole list of custom tags: it replaces the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_tags: Option<Vec<String>>,
    /// Severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Closing note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolving_comment: Option<String>,
}

/// A change to an alert (`PATCH /security/alerts_v2/{id}`). `None` leaves a field alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlertPatch {
    /// `new`, `inProgress` or `resolved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<AlertStatus>,
    /// Classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// Determination, one that goes with the classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<Determination>,
    /// Owner, a UPN by custom; `Some(None)` unassigns.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    pub assigned_to: Option<Option<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_is_sent_and_unassigning_is_null() {
        let patch = IncidentPatch {
            status: Some(IncidentStatus::InProgress),
            assigned_to: Some(None),
            ..IncidentPatch::default()
        };
        let json = serde_json::to_string(&patch).expect("encodes");
        assert_eq!(json, r#"{"status":"inProgress","assignedTo":null}"#);
        let back: IncidentPatch = serde_json::from_str(&json).expect("decodes");
        assert_eq!(back, patch);
        let empty: AlertPatch = serde_json::from_str("{}").expect("decodes");
        assert_eq!(empty, AlertPatch::default());
    }
}
