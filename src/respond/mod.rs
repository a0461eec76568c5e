//! What changes the world: the catalogue of operations, preflight, confirmation, journal, tracking.
//!
//! Every write of the console passes [`Responder::submit`]: written to the journal and synced, sent once,
//! settled by asking the service when the answer was lost. Nothing here is ever sent twice by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::{AlertPatch, ApiError, IncidentPatch};
use crate::auth::Resource;
use crate::domain::{
    ActionId, AlertId, Change, Classification, IncidentId, IsolationType, MachineAction, MachineId,
    ScanType, Timestamp,
};
use crate::store::{Access, JournalEntry, Store, StoreError};
use crate::tenant::Tenant;

mod catalogue;
mod guard;
mod look;
mod preflight;
mod settle;
mod submit;
mod writes;

pub use catalogue::{CATALOGUE, spec};
use writes::Writes;

/// Something an analyst can ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "camelCase")]
pub enum Operation {
    /// Assign, set status, classify, tag an incident.
    UpdateIncident {
        /// Which.
        id: IncidentId,
        /// What changes. `custom_tags` is the whole list wanted.
        patch: IncidentPatch,
    },
    /// Assign, set status, classify an alert.
    UpdateAlert {
        /// Which.
        id: AlertId,
        /// What changes.
        patch: AlertPatch,
    },
    /// Comment on an incident. Cannot be taken back.
    CommentIncident {
        /// Which.
        id: IncidentId,
        /// The text.
        text: String,
    },
    /// Comment on an alert. Cannot be taken back.
    CommentAlert {
        /// Which.
        id: AlertId,
        /// The text.
        text: String,
    },
    /// Cut a device off the network.
    Isolate {
        /// Which.
        machine: MachineId,
        /// How much.
        kind: IsolationType,
        /// Why.
        comment: String,
    },
    /// Release a device from isolation.
    Unisolate {
        /// Which.
        machine: MachineId,
        /// Why.
        comment: String,
    },
    /// Run an antivirus scan on a device.
    Scan {
        /// Which.
        machine: MachineId,
        /// How thorough.
        kind: ScanType,
        /// Why.
        comment: String,
    },
    /// Call off a machine action that has not ended.
    CancelAction {
        /// Which.
        action: ActionId,
        /// Why.
        comment: String,
    },
}

/// How much harm a mistake does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Reversible, touches records only.
    Low,
    /// Noticed by others, or not reversible.
    Medium,
    /// Disrupts a device or protection.
    High,
}

/// What the analyst must do before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Nothing: it applies at once and can be undone.
    None,
    /// A yes.
    Yes,
    /// Type the target's name.
    TypeName,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationSpec {
    /// Machine name, also in the journal: `machine.isolate`.
    pub id: &'static str,
    /// What it is called on screen.
    pub title: &'static str,
    /// How much harm a mistake does.
    pub danger: Danger,
    /// Permissions, any of which is enough. Compare ignoring case.
    pub permission: &'static [&'static str],
    /// Whose token carries them.
    pub resource: Resource,
    /// What takes it back, in words; `None` = nothing does.
    pub undo: Option<&'static str>,
    /// What the analyst must do first.
    pub confirm: Confirm,
}

/// What an incident or alert looked like when the analyst decided: the guard against lost updates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its status, wire name.
    pub status: Option<Arc<str>>,
    /// Its owner; blank counts as none.
    pub assigned_to: Option<Arc<str>>,
    /// Its classification.
    pub classification: Option<Classification>,
}

/// Whether the token carries the permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It does.
    Held(String),
    /// It does not: any of these would do.
    Missing(Vec<String>),
    /// The token could not be read.
    Unknown,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Conflict {
    /// An action of this kind is open on this machine already: submitting attaches to it.
    InProgress(MachineAction),
    /// An opposite action is open; the outcome would depend on which ends last.
    Opposite(MachineAction),
    /// The incident was merged away: write to the other one.
    Redirected(Option<IncidentId>),
}

/// What the analyst sees before a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Preflight {
    /// What is to be done.
    pub operation: Operation,
    /// "Isolate device, full".
    pub title: String,
    /// How much harm a mistake does.
    pub danger: Danger,
    /// The target in full: label and value, hostile until sanitised.
    pub target: Vec<(String, String)>,
    /// The derived state, in words: "isolated since 21:04 by s.kim (derived)".
    pub state: Option<String>,
    /// Open actions on the machine.
    pub pending: Vec<MachineAction>,
    /// Who is logged on, in words; `None` where it could not be read.
    pub logged_on: Option<Vec<String>>,
    /// Whether the token allows it.
    pub permission: Permission,
    /// What takes it back.
    pub undo: Option<String>,
    /// The request in one line: `POST /api/machines/1f3c…/isolate {"Comment":…}`.
    pub request: String,
    /// What to think about first.
    pub warnings: Vec<String>,
    /// What stands in the way.
    pub conflict: Option<Conflict>,
    /// What must be typed, case ignored; `None` = nothing.
    pub confirm_text: Option<String>,
    /// Nothing can be sent: the console is read-only.
    pub read_only: bool,
    /// As of when.
    pub as_of: Timestamp,
}

/// What came of a write.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a write, moved once")]
pub enum Outcome {
    /// Done, with the rows as they now are.
    Done {
        /// What changed in the cache.
        changes: Vec<Change>,
        /// What takes it back.
        undo: Option<Operation>,
        /// Its journal entry.
        entry: JournalEntry,
    },
    /// The service works on it: follow the action.
    Accepted {
        /// The action.
        action: MachineAction,
        /// What changed in the cache.
        changes: Vec<Change>,
        /// It was open already: nothing new was started.
        attached: bool,
        /// What takes it back.
        undo: Option<Operation>,
        /// Its journal entry.
        entry: JournalEntry,
    },
    /// The service said no, or it never got there: nothing happened.
    Refused {
        /// Why, with what to do.
        why: String,
        /// The service's answer, where there was one.
        error: Option<ApiError>,
        /// Its journal entry, where it got that far.
        entry: Option<JournalEntry>,
    },
    /// The answer was lost and asking gave no certainty yet: do not send again.
    Unknown {
        /// What is known.
        why: String,
        /// Its journal entry.
        entry: JournalEntry,
    },
    /// Somebody changed it since the analyst looked: nothing was sent.
    Changed {
        /// What they did, field by field: name, what the analyst saw, what it is now.
        theirs: Vec<(String, String, String)>,
        /// The object as it now is, stored.
        changes: Vec<Change>,
    },
    /// The typed confirmation does not match: nothing was sent.
    NotConfirmed,
    /// The console is read-only: nothing was sent.
    ReadOnly,
}

/// What became of an entry that a former run left open.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The entry as it now is.
    pub entry: JournalEntry,
    /// What changed in the cache.
    pub changes: Vec<Change>,
    /// Asking later may tell more.
    pub again: bool,
}

/// How patiently lost answers are looked into; the defaults are right for the services, tests make them
/// faster.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    /// After a lost answer the service is asked again after each of these waits.
    pub verify_after: Vec<Duration>,
    /// So long after it was intended a request without a trace at the service counts as never carried
    /// out. Until then it stays unknown and is not sent again.
    pub no_trace_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            verify_after: [0, 2, 5].map(Duration::from_secs).to_vec(),
            no_trace_after: Duration::from_secs(300),
        }
    }
}

/// The one way to change anything at the services. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Responder {
    tenant: Arc<Tenant>,
    /// The only way to a write; a read-only responder has none.
    writes: Option<Writes>,
    patience: Arc<Patience>,
    /// One write at a time for each target: two key presses cannot overtake the look before the leap.
    busy: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Responder {
    /// `read_only`, a profile that is, and a cache that another console owns make every write impossible.
    pub fn new(tenant: Arc<Tenant>, read_only: bool) -> Self {
        Self::with_patience(tenant, read_only, Patience::default())
    }

    /// The same with patience of one's own.
    pub fn with_patience(tenant: Arc<Tenant>, read_only: bool, patience: Patience) -> Self {
        let read_only =
            read_only || tenant.profile.read_only || tenant.store.access() == Access::Reader;
        Self {
            writes: (!read_only).then(|| Writes::new(&tenant)),
            tenant,
            patience: Arc::new(patience),
            busy: Arc::default(),
        }
    }

    /// Whether writes are impossible here.
    pub fn read_only(&self) -> bool {
        self.writes.is_none()
    }

    fn turn(&self, target: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, turn| Arc::strong_count(turn) > 1);
        busy.entry(target).or_default().clone()
    }

    /// Runs on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.tenant.store.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(done) => done,
            Err(panic) => Err(StoreError::Content(panic.to_string())),
        }
    }
}

/// One of each kind.
#[cfg(test)]
fn all_operations() -> Vec<Operation> {
    let comment = || "why".to_owned();
    vec![
        Operation::UpdateIncident {
            id: "7".into(),
            patch: IncidentPatch {
                assigned_to: Some(None),
                ..IncidentPatch::default()
            },
        },
        Operation::UpdateAlert {
            id: "a".into(),
            patch: AlertPatch::default(),
        },
        Operation::CommentIncident {
            id: "7".into(),
            text: comment(),
        },
        Operation::CommentAlert {
            id: "a".into(),
            text: comment(),
        },
        Operation::Isolate {
            machine: "m".into(),
            kind: IsolationType::Full,
            comment: comment(),
        },
        Operation::Isolate {
            machine: "m".into(),
            kind: IsolationType::Selective,
            comment: comment(),
        },
        Operation::Unisolate {
            machine: "m".into(),
            comment: comment(),
        },
        Operation::Scan {
            machine: "m".into(),
            kind: ScanType::Quick,
            comment: comment(),
        },
        Operation::Scan {
            machine: "m".into(),
            kind: ScanType::Full,
            comment: comment(),
        },
        Operation::CancelAction {
            action: "x".into(),
            comment: comment(),
        },
    ]
}
