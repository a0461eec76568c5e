//! The console's own audit: who asked what of which service when, and what came of it.
//!
//! An entry is written and synced before the request leaves, so that a request whose answer was lost is
//! known to have been sent.

use serde::{Deserialize, Serialize};

use crate::domain::{ActionId, Timestamp};

/// The number of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournalId(pub i64);

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalState {
    /// Written down; the request may or may not have left.
    Intended,
    /// The request is on its way.
    Sent,
    /// The service took it on and will work on it (machine actions).
    Accepted,
    /// Done.
    Succeeded,
    /// The service tried and failed.
    Failed,
    /// Called off before it was done.
    Cancelled,
    /// The service said no; nothing happened.
    Refused,
    /// The request certainly never reached the service.
    NotSent,
    /// The answer was lost: the service has to be asked.
    Unknown,
}

impl JournalState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Intended,
        Self::Sent,
        Self::Accepted,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
        Self::NotSent,
        Self::Unknown,
    ];

    /// The word in the file and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::NotSent => "not sent",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the outcome is still open.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Intended | Self::Sent | Self::Accepted | Self::Unknown
        )
    }
}

/// What is written down before a request leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// When.
    pub at: Timestamp,
    /// Who asked: the analyst of the profile.
    pub who: String,
    /// Tenant of the profile.
    pub tenant: String,
    /// The operation's id in the catalogue, `machine.isolate`.
    pub operation: String,
    /// Its title, "Isolate device, full".
    pub title: String,
    /// What it is done to, in words: `incident 4211`, `fin-07 (1f3c…)`.
    pub target: String,
    /// The operation as JSON, for recovery.
    pub request: String,
    /// The `client-request-id` the request carries.
    pub client_request_id: String,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JournalEntry {
    /// Number.
    pub id: JournalId,
    /// When it was intended.
    pub at: Timestamp,
    /// When its state last changed.
    pub updated: Timestamp,
    /// Who asked.
    pub who: String,
    /// Tenant.
    pub tenant: String,
    /// The operation's id in the catalogue.
    pub operation: String,
    /// Its title.
    pub title: String,
    /// What it was done to.
    pub target: String,
    /// The operation as JSON.
    pub request: String,
    /// Where it stands.
    pub state: JournalState,
    /// The service's words, or ours; empty where there is nothing to add.
    pub detail: String,
    /// The machine action it became.
    pub action: Option<ActionId>,
    /// The id we sent.
    pub client_request_id: String,
    /// The service's id, to quote to its support.
    pub request_id: Option<String>,
}

/// A move of an entry to a new state.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalStep {
    /// When.
    pub at: Timestamp,
    /// To which state.
    pub state: JournalState,
    /// The service's words, or ours.
    pub detail: String,
    /// The machine action it became, when just learnt.
    pub action: Option<ActionId>,
    /// The service's id, when just learnt.
    pub request_id: Option<String>,
}
