//! An incident: a story the service has correlated from alerts (Graph `security/incidents`).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::enums::{Classification, Determination, IncidentStatus, Severity, TacticSet};
use super::{IncidentId, TenantId, lenient};

/// A comment on an incident or alert. Cannot be edited or deleted once made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Comment {
    /// The text; hostile until sanitised.
    #[serde(deserialize_with = "lenient::text")]
    pub comment: Option<Arc<str>>,
    /// Who wrote it.
    #[serde(alias = "createdBy", deserialize_with = "lenient::text")]
    pub created_by_display_name: Option<Arc<str>>,
    /// When.
    #[serde(alias = "createdTime", deserialize_with = "lenient::time")]
    pub created_date_time: Option<Timestamp>,
}

/// An incident as the service describes it. The raw JSON is kept by the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id; the one field without which a row is not an incident.
    pub id: IncidentId,
    /// The tenant it belongs to.
    #[serde(default, deserialize_with = "lenient::option")]
    pub tenant_id: Option<TenantId>,
    /// Title.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<Arc<str>>,
    /// State.
    #[serde(default, deserialize_with = "lenient::option")]
    pub status: Option<IncidentStatus>,
    /// Severity.
    #[serde(default, deserialize_with = "lenient::option")]
    pub severity: Option<Severity>,
    /// Owner, a UPN by custom.
    #[serde(default, deserialize_with = "lenient::text")]
    pub assigned_to: Option<Arc<str>>,
    /// Classification.
    #[serde(default, deserialize_with = "lenient::option")]
    pub classification: Option<Classification>,
    /// Determination.
    #[serde(default, deserialize_with = "lenient::option")]
    pub determination: Option<Determination>,
    /// When the service made it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<Timestamp>,
    /// When anything in it last changed; the watermark of polling.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_date_time: Option<Timestamp>,
    /// Who changed it last.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_modified_by: Option<Arc<str>>,
    /// Where it was merged to, while `status` is `redirected`.
    #[serde(default, deserialize_with = "lenient::option")]
    pub redirect_incident_id: Option<IncidentId>,
    /// 0 to 100, over 85 top, under 15 low; `None` when off or pending.
    #[serde(default, deserialize_with = "lenient::option")]
    pub priority_score: Option<i64>,
    /// Tags of people. A PATCH replaces the whole list.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub custom_tags: Vec<Arc<str>>,
    /// Tags of the service.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub system_tags: Vec<Arc<str>>,
    /// Free text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<Arc<str>>,
    /// Free text, longer.
    #[serde(default, deserialize_with = "lenient::text")]
    pub summary: Option<Arc<str>>,
    /// Closing note.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resolving_comment: Option<Arc<str>>,
    /// Comments, oldest first.
    #[serde(default, deserialize_with = "lenient::items")]
    pub comments: Vec<Comment>,
    /// The portal page. Opened only when its host is a known portal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub incident_web_url: Option<Arc<str>>,
}

/// The part of an incident a list shows, with what its alerts add; a few hundred bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentRow {
    /// Id.
    pub id: IncidentId,
    /// Title; hostile until sanitised.
    pub title: Arc<str>,
    /// State.
    pub status: IncidentStatus,
    /// Severity.
    pub severity: Severity,
    /// Owner.
    pub assigned_to: Option<Arc<str>>,
    /// Classification.
    pub classification: Classification,
    /// Determination.
    pub determination: Determination,
    /// When the service made it.
    pub created: Timestamp,
    /// When anything in it last changed.
    pub updated: Timestamp,
    /// 0 to 100.
    pub priority: Option<u8>,
    /// Custom tags, then system tags.
    pub tags: Vec<Arc<str>>,
    /// Where it was merged to.
    pub redirected_to: Option<IncidentId>,
    /// Cached alerts in it.
    pub alerts: u32,
    /// Distinct devices among their evidence.
    pub devices: u32,
    /// Distinct users among their evidence.
    pub users: u32,
    /// Tactics among its alerts.
    pub tactics: TacticSet,
    /// When this console first saw it.
    pub first_seen: Timestamp,
    /// When its analyst last opened it here; `None` = never, so it is new.
    pub last_viewed: Option<Timestamp>,
}

impl Incident {
    /// The list row, before its alerts are counted in. `now` stands in for missing times.
    pub fn to_row(&self, now: Timestamp) -> IncidentRow {
        let created = self
            .created_date_time
            .or(self.last_update_date_time)
            .unwrap_or(now);
        IncidentRow {
            id: self.id.clone(),
            title: self
                .display_name
                .clone()
                .unwrap_or_else(|| "(no title)".into()),
            status: self
                .status
                .clone()
                .unwrap_or_else(|| IncidentStatus::Other("".into())),
            severity: self.severity.clone().unwrap_or(Severity::Unknown),
            assigned_to: self
                .assigned_to
                .clone()
                .filter(|owner| !owner.trim().is_empty()),
            classification: self
                .classification
                .clone()
                .unwrap_or(Classification::Unknown),
            determination: self.determination.clone().unwrap_or(Determination::Unknown),
            created,
            updated: self.last_update_date_time.unwrap_or(created),
            priority: self
                .priority_score
                .and_then(|score| u8::try_from(score).ok()),
            tags: self
                .custom_tags
                .iter()
                .chain(&self.system_tags)
                .cloned()
                .collect(),
            redirected_to: self.redirect_incident_id.clone(),
            alerts: 0,
            devices: 0,
            users: 0,
            tactics: TacticSet::default(),
            first_seen: now,
            last_viewed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_missing_fields_and_wrong_shapes_do_not_cost_the_row() {
        let incident: Incident = serde_json::from_str(
            r#"{"id":"9","displayName":null,"status":"TransferredToMars","priorityScore":"high",
                "customTags":null,"comments":[{"comment":"a","createdBy":"b"},7],"newField":{}}"#,
        )
        .expect("decodes");
        assert_eq!(
            incident.status,
            Some(IncidentStatus::Other("TransferredToMars".into()))
        );
        assert_eq!(incident.priority_score, None);
        assert_eq!(incident.comments.len(), 1);
        let row = incident.to_row(Timestamp::UNIX_EPOCH);
        assert_eq!(&*row.title, "(no title)");
    }

    #[test]
    fn seven_digit_fractions_are_kept() {
        let incident: Incident = serde_json::from_str(
            r#"{"id":"9","lastUpdateDateTime":"2026-08-19T07:02:11.4133333Z"}"#,
        )
        .expect("decodes");
        let time = incident.last_update_date_time.expect("a time");
        assert_eq!(time.to_string(), "2026-08-19T07:02:11.4133333Z");
    }
}
