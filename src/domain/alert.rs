//! An alert: one detection, with its evidence inline (Graph `security/alerts_v2`).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::enums::{
    AlertStatus, Classification, Determination, ServiceSource, Severity, Tactic, TacticSet,
};
use super::evidence::Evidence;
use super::incident::Comment;
use super::{AlertId, IncidentId, TenantId, lenient};

/// An alert as the service describes it. The raw JSON is kept by the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Its id; the one field without which a row is not an alert.
    pub id: AlertId,
    /// The incident it belongs to.
    #[serde(default, deserialize_with = "lenient::option")]
    pub incident_id: Option<IncidentId>,
    /// The tenant it belongs to.
    #[serde(default, deserialize_with = "lenient::option")]
    pub tenant_id: Option<TenantId>,
    /// Title.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<Arc<str>>,
    /// Description.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<Arc<str>>,
    /// What to do, long text of several lines.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recommended_actions: Option<Arc<str>>,
    /// State.
    #[serde(default, deserialize_with = "lenient::option")]
    pub status: Option<AlertStatus>,
    /// Severity.
    #[serde(default, deserialize_with = "lenient::option")]
    pub severity: Option<Severity>,
    /// Owner.
    #[serde(default, deserialize_with = "lenient::text")]
    pub assigned_to: Option<Arc<str>>,
    /// Classification.
    #[serde(default, deserialize_with = "lenient::option")]
    pub classification: Option<Classification>,
    /// Determination.
    #[serde(default, deserialize_with = "lenient::option")]
    pub determination: Option<Determination>,
    /// The product that raised it.
    #[serde(default, deserialize_with = "lenient::option")]
    pub service_source: Option<ServiceSource>,
    /// The technology that detected it, as the service names it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detection_source: Option<Arc<str>>,
    /// The product's display name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub product_name: Option<Arc<str>>,
    /// The old single category; `categories` replaces it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub category: Option<Arc<str>>,
    /// Categories, mostly ATT&CK tactics.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub categories: Vec<Arc<str>>,
    /// ATT&CK technique ids such as `T1059.001`.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub mitre_techniques: Vec<Arc<str>>,
    /// Actor, where known.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_display_name: Option<Arc<str>>,
    /// Threat, where known.
    #[serde(default, deserialize_with = "lenient::text")]
    pub threat_display_name: Option<Arc<str>>,
    /// State of the automated investigation, as the service names it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub investigation_state: Option<Arc<str>>,
    /// When the service made it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<Timestamp>,
    /// The oldest activity in it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_activity_date_time: Option<Timestamp>,
    /// The newest activity in it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_activity_date_time: Option<Timestamp>,
    /// When anything in it last changed; the watermark of polling.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_date_time: Option<Timestamp>,
    /// When it was resolved.
    #[serde(default, deserialize_with = "lenient::time")]
    pub resolved_date_time: Option<Timestamp>,
    /// The portal page.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_web_url: Option<Arc<str>>,
    /// Comments, oldest first.
    #[serde(default, deserialize_with = "lenient::items")]
    pub comments: Vec<Comment>,
    /// Tags of the service.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub system_tags: Vec<Arc<str>>,
    /// What it is about: entities with verdicts. Kinds repeat.
    #[serde(default, deserialize_with = "lenient::items")]
    pub evidence: Vec<Evidence>,
}

/// The part of an alert a list shows; a few hundred bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertRow {
    /// Id.
    pub id: AlertId,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// Title; hostile until sanitised.
    pub title: Arc<str>,
    /// State.
    pub status: AlertStatus,
    /// Severity.
    pub severity: Severity,
    /// The product that raised it.
    pub source: ServiceSource,
    /// First category, as the service names it.
    pub category: Option<Arc<str>>,
    /// Tactics among its categories.
    pub tactics: TacticSet,
    /// Owner.
    pub assigned_to: Option<Arc<str>>,
    /// Classification.
    pub classification: Classification,
    /// When the service made it.
    pub created: Timestamp,
    /// When anything in it last changed.
    pub updated: Timestamp,
    /// The oldest activity in it.
    pub first_activity: Timestamp,
    /// What it is mostly about: the first device, else mailbox or user, else the first entity.
    pub subject: Arc<str>,
    /// Entities in its evidence.
    pub evidence: u32,
}

impl Alert {
    /// The tactics its categories name.
    pub fn tactics(&self) -> TacticSet {
        let mut set = TacticSet::default();
        for category in self.categories.iter().chain(&self.category) {
            if let Some(tactic) = Tactic::from_category(category) {
                set.insert(tactic);
            }
        }
        set
    }

    /// The list row. `now` stands in for missing times.
    pub fn to_row(&self, now: Timestamp) -> AlertRow {
        let created = self
            .created_date_time
            .or(self.last_update_date_time)
            .unwrap_or(now);
        AlertRow {
            id: self.id.clone(),
            incident: self.incident_id.clone(),
            title: self.title.clone().unwrap_or_else(|| "(no title)".into()),
            status: self.status.clone().unwrap_or(AlertStatus::Unknown),
            severity: self.severity.clone().unwrap_or(Severity::Unknown),
            source: self
                .service_source
                .clone()
                .unwrap_or(ServiceSource::Unknown),
            category: self.categories.first().or(self.category.as_ref()).cloned(),
            tactics: self.tactics(),
            assigned_to: self
                .assigned_to
                .clone()
                .filter(|owner| !owner.trim().is_empty()),
            classification: self
                .classification
                .clone()
                .unwrap_or(Classification::Unknown),
            created,
            updated: self.last_update_date_time.unwrap_or(created),
            first_activity: self.first_activity_date_time.unwrap_or(created),
            subject: self.subject(),
            evidence: self.evidence.len() as u32,
        }
    }

    fn subject(&self) -> Arc<str> {
        let rank = |evidence: &Evidence| match evidence.kind.name() {
            "device" => 0,
            "user" => 1,
            "mailbox" => 2,
            "analyzedMessage" => 3,
            _ => 4,
        };
        self.evidence
            .iter()
            .min_by_key(|evidence| rank(evidence))
            .map_or_else(|| "".into(), |evidence| evidence.title().into())
    }
}
