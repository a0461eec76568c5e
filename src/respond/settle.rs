//! What became of a request whose answer was lost: the service is asked, never told again.

use serde::{Deserialize, Serialize};

use super::guard::is_of;
use super::look::Before;
use super::{Operation, Responder, Settled};
use crate::api::{ActionFilter, AlertPatch, ApiError, IncidentPatch, Priority};
use crate::domain::{Alert, Change, Comment, Incident, MachineAction, Timestamp};
use crate::store::{JournalEntry, JournalState};

/// How far the service's clock may be behind ours.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

/// What the service shows of it.
pub(super) enum Verified {
    /// It was done.
    Done(Vec<Change>),
    /// It became this action.
    Accepted(Box<MachineAction>, Vec<Change>),
    /// Nothing of it can be seen.
    NoTrace,
    /// What it would have changed was changed again since: it cannot be seen whether it was done.
    Overwritten,
    /// Not all that might be it was understood.
    Unclear,
}

/// What is kept of the target beside the operation, to tell later whether anything happened to it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Base {
    /// When it had changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_update_date_time: Option<Timestamp>,
}

/// The operation as the journal keeps it.
#[derive(Serialize)]
struct Request<'a> {
    #[serde(flatten)]
    operation: &'a Operation,
    #[serde(flatten)]
    base: Base,
}

/// Writes an operation for the journal, with what is needed to settle it.
pub(super) fn request(
    operation: &Operation,
    before: Option<&Before>,
) -> serde_json::Result<String> {
    let last_update_date_time = match (operation, before) {
        (Operation::UpdateIncident { .. }, Some(Before::Incident(old))) => {
            old.last_update_date_time
        }
        (Operation::UpdateAlert { .. }, Some(Before::Alert(old))) => old.last_update_date_time,
        _ => None,
    };
    serde_json::to_string(&Request {
        operation,
        base: Base {
            last_update_date_time,
        },
    })
}

/// What an update left: done, undone by somebody else since, or never there.
fn seen(
    done: bool,
    changes: Vec<Change>,
    now: Option<Timestamp>,
    entry: &JournalEntry,
    since: Timestamp,
) -> Verified {
    if done {
        return Verified::Done(changes);
    }
    let base: Base = serde_json::from_str(&entry.request).unwrap_or_default();
    let untouched = match (base.last_update_date_time, now) {
        (Some(then), Some(now)) => now <= then,
        (None, Some(now)) => now < since,
        (_, None) => true,
    };
    if untouched {
        Verified::NoTrace
    } else {
        Verified::Overwritten
    }
}

impl Responder {
    /// Settles what is open in the journal, by asking the service: what a former run left behind, and
    /// what had no certainty yet. Call once at start, and again when the connection is back. Sends nothing
    /// that changes anything.
    pub async fn recover(&self) -> Vec<Settled> {
        self.settle(JournalState::is_open).await
    }

    /// The same for those alone whose request may never have arrived; the feed follows the others.
    pub async fn recover_lost(&self) -> Vec<Settled> {
        self.settle(|state| matches!(state, JournalState::Intended | JournalState::Unknown))
            .await
    }

    async fn settle(&self, which: impl Fn(JournalState) -> bool) -> Vec<Settled> {
        if self.tenant.store.access() == crate::store::Access::Reader {
            return Vec::new(); // the console that owns the journal does it
        }
        let open = match self.blocking(crate::store::Store::journal_unsettled).await {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "the journal could not be read");
                return Vec::new();
            }
        };
        let mut settled = Vec::new();
        for entry in open.into_iter().filter(|entry| which(entry.state)) {
            let turn = self.turn(entry.target.clone());
            let _mine = turn.lock().await;
            // A write may have settled it while this one waited for its turn.
            let entry = self.entry_now(entry).await;
            if which(entry.state) {
                settled.push(self.settle_entry(entry).await);
            }
        }
        settled
    }

    /// Asks the service about one open entry.
    pub(super) async fn settle_entry(&self, entry: JournalEntry) -> Settled {
        if let (JournalState::Accepted, Some(action)) = (entry.state, &entry.action) {
            let changes = match self
                .tenant
                .defender
                .action(action, Priority::Background)
                .await
            {
                Ok(raw) => self.keep_action(&raw).await, // ends the entry with the action
                Err(error) => {
                    tracing::info!(%error, %action, "an open action could not be read");
                    Vec::new()
                }
            };
            return Settled {
                entry: self.entry_now(entry).await,
                changes,
                again: false,
            };
        }
        let Ok(operation) = serde_json::from_str::<Operation>(&entry.request) else {
            let detail =
                "its request cannot be read any more: look at the service what became of it";
            let entry = self
                .step(&entry, JournalState::Unknown, detail, None, None)
                .await;
            return Settled {
                entry,
                changes: Vec::new(),
                again: false,
            };
        };
        match self.verify(&operation, &entry, None).await {
            Ok(Verified::Done(changes)) => {
                let detail = "its answer was lost; reading it again shows that it was done";
                let entry = self
                    .step(&entry, JournalState::Succeeded, detail, None, None)
                    .await;
                Settled {
                    entry,
                    changes,
                    again: false,
                }
            }
            Ok(Verified::Accepted(action, changes)) => {
                let detail = "its answer was lost; the service shows the action";
                let id = Some(action.id.clone());
                let entry = self
                    .step(&entry, JournalState::Accepted, detail, id, None)
                    .await;
                // It may have ended long ago.
                let mut changes = changes;
                if let Ok(raw) = self
                    .tenant
                    .defender
                    .action(&action.id, Priority::Background)
                    .await
                {
                    changes.extend(self.keep_action(&raw).await);
                }
                Settled {
                    entry: self.entry_now(entry).await,
                    changes,
                    again: false,
                }
            }
            Ok(Verified::Overwritten) => {
                let detail = "it was changed again since: whether this was carried out can no longer be seen";
                let entry = self
                    .step(&entry, JournalState::Unknown, detail, None, None)
                    .await;
                Settled {
                    entry,
                    changes: Vec::new(),
                    again: false,
                }
            }
            Ok(Verified::NoTrace) => {
                let entry = if self.long_ago(&entry) {
                    let detail = "the service shows no trace of it: it was never carried out";
                    self.step(&entry, JournalState::NotSent, detail, None, None)
                        .await
                } else {
                    let detail = "the service shows no trace of it yet";
                    self.step(&entry, JournalState::Unknown, detail, None, None)
                        .await
                };
                Settled {
                    again: entry.state.is_open(),
                    entry,
                    changes: Vec::new(),
                }
            }
            Ok(Verified::Unclear) => {
                let detail = "not every action of the device could be read";
                let entry = self
                    .step(&entry, JournalState::Unknown, detail, None, None)
                    .await;
                Settled {
                    entry,
                    changes: Vec::new(),
                    again: true,
                }
            }
            Err(error) => {
                let detail = format!("the service could not be asked what became of it: {error}");
                let entry = self
                    .step(&entry, JournalState::Unknown, detail, None, None)
                    .await;
                Settled {
                    entry,
                    changes: Vec::new(),
                    again: true,
                }
            }
        }
    }

    /// Whether a request of that time without a trace was never carried out.
    pub(super) fn long_ago(&self, entry: &JournalEntry) -> bool {
        let age = Timestamp::now().duration_since(entry.at);
        jiff::SignedDuration::try_from(self.patience.no_trace_after)
            .is_ok_and(|enough| age >= enough)
    }

    /// How often the same comment is accounted for by other entries.
    async fn repeats(&self, entry: &JournalEntry, since: Timestamp) -> usize {
        let entry = entry.clone();
        self.blocking(move |store| store.journal_repeats(&entry, since))
            .await
            .unwrap_or_default()
    }

    /// Asks the service whether an operation took effect.
    pub(super) async fn verify(
        &self,
        operation: &Operation,
        entry: &JournalEntry,
        before: Option<&Before>,
    ) -> Result<Verified, ApiError> {
        let since = entry.at.checked_sub(SKEW).unwrap_or(entry.at);
        match operation {
            Operation::UpdateIncident { id, patch } => {
                let found = self
                    .tenant
                    .graph
                    .incident(id, false, Priority::Interactive)
                    .await?;
                let changes = self.keep_incident(&found.incident).await;
                let now = &found.incident.value;
                let done = incident_has(now, patch);
                Ok(seen(done, changes, now.last_update_date_time, entry, since))
            }
            Operation::UpdateAlert { id, patch } => {
                let found = self.tenant.graph.alert(id, Priority::Interactive).await?;
                let changes = self.keep_alert(&found).await;
                let now = &found.value;
                let done = alert_has(now, patch);
                Ok(seen(done, changes, now.last_update_date_time, entry, since))
            }
            Operation::CommentIncident { id, text } => {
                let found = self
                    .tenant
                    .graph
                    .incident(id, false, Priority::Interactive)
                    .await?;
                let changes = self.keep_incident(&found.incident).await;
                let old = match before {
                    Some(Before::Incident(old)) => Some(&old.comments[..]),
                    _ => None,
                };
                let known = self.repeats(entry, since).await;
                Ok(
                    if commented(&found.incident.value.comments, old, text, since, known) {
                        Verified::Done(changes)
                    } else {
                        Verified::NoTrace
                    },
                )
            }
            Operation::CommentAlert { id, text } => {
                let found = self.tenant.graph.alert(id, Priority::Interactive).await?;
                let changes = self.keep_alert(&found).await;
                let old = match before {
                    Some(Before::Alert(old)) => Some(&old.comments[..]),
                    _ => None,
                };
                let known = self.repeats(entry, since).await;
                Ok(
                    if commented(&found.value.comments, old, text, since, known) {
                        Verified::Done(changes)
                    } else {
                        Verified::NoTrace
                    },
                )
            }
            Operation::Isolate {
                machine, comment, ..
            }
            | Operation::Unisolate { machine, comment }
            | Operation::Scan {
                machine, comment, ..
            } => {
                let (kind, _) = operation
                    .action_types()
                    .expect("these become machine actions");
                let filter = ActionFilter {
                    machine: Some(machine.clone()),
                    kind: Some(kind.clone()),
                    since: Some(since),
                    ..ActionFilter::default()
                };
                let found = self
                    .tenant
                    .defender
                    .actions(&filter, Priority::Interactive)
                    .await?;
                let whole = found.is_whole();
                let own = entry.id;
                let others = self
                    .blocking(move |store| store.journal_actions(own))
                    .await
                    .unwrap_or_default();
                let ours = found
                    .into_iter()
                    .filter(|raw| !others.contains(&raw.value.id))
                    .filter(|raw| is_of(&raw.value, &kind, comment, since))
                    .filter(|raw| match before {
                        Some(Before::Actions(open)) => {
                            open.iter().all(|old| old.id != raw.value.id)
                        }
                        _ => true,
                    })
                    .max_by_key(|raw| raw.value.creation_date_time_utc);
                match ours {
                    Some(raw) => {
                        let changes = self.keep_action(&raw).await;
                        Ok(Verified::Accepted(Box::new(raw.value), changes))
                    }
                    // What was not understood may be it.
                    None if !whole => Ok(Verified::Unclear),
                    None => Ok(Verified::NoTrace),
                }
            }
            Operation::CancelAction { action, .. } => {
                let raw = self
                    .tenant
                    .defender
                    .action(action, Priority::Interactive)
                    .await?;
                let changes = self.keep_action(&raw).await;
                let taken_on = raw.value.status == crate::domain::ActionStatus::Cancelled
                    || raw.value.cancellation_requestor.is_some()
                    || raw.value.cancellation_comment.is_some();
                Ok(if taken_on {
                    Verified::Accepted(Box::new(raw.value), changes)
                } else {
                    Verified::NoTrace
                })
            }
        }
    }
}

fn same_owner(now: Option<&str>, wanted: Option<&str>) -> bool {
    now.map(str::trim).filter(|owner| !owner.is_empty()) == wanted.filter(|owner| !owner.is_empty())
}

/// Whether everything a patch writes stands there.
fn incident_has(now: &Incident, patch: &IncidentPatch) -> bool {
    let is = |wanted: &Option<String>, now: Option<&str>| {
        wanted
            .as_deref()
            .is_none_or(|wanted| now.unwrap_or_default() == wanted)
    };
    patch
        .status
        .as_ref()
        .is_none_or(|wanted| now.status.as_ref() == Some(wanted))
        && patch
            .classification
            .as_ref()
            .is_none_or(|wanted| now.classification.as_ref() == Some(wanted))
        && patch
            .determination
            .as_ref()
            .is_none_or(|wanted| now.determination.as_ref() == Some(wanted))
        && patch
            .severity
            .as_ref()
            .is_none_or(|wanted| now.severity.as_ref() == Some(wanted))
        && patch
            .assigned_to
            .as_ref()
            .is_none_or(|wanted| same_owner(now.assigned_to.as_deref(), wanted.as_deref()))
        && patch.custom_tags.as_ref().is_none_or(|wanted| {
            wanted.len() == now.custom_tags.len()
                && wanted
                    .iter()
                    .all(|tag| now.custom_tags.iter().any(|own| **own == **tag))
        })
        && is(&patch.display_name, now.display_name.as_deref())
        && is(&patch.description, now.description.as_deref())
        && is(&patch.summary, now.summary.as_deref())
        && is(&patch.resolving_comment, now.resolving_comment.as_deref())
}

fn alert_has(now: &Alert, patch: &AlertPatch) -> bool {
    patch
        .status
        .as_ref()
        .is_none_or(|wanted| now.status.as_ref() == Some(wanted))
        && patch
            .classification
            .as_ref()
            .is_none_or(|wanted| now.classification.as_ref() == Some(wanted))
        && patch
            .determination
            .as_ref()
            .is_none_or(|wanted| now.determination.as_ref() == Some(wanted))
        && patch
            .assigned_to
            .as_ref()
            .is_none_or(|wanted| same_owner(now.assigned_to.as_deref(), wanted.as_deref()))
}

/// Whether the comment is there and was not before. Without a look from before the time decides, and
/// `known` of that time are accounted for.
fn commented(
    now: &[Comment],
    before: Option<&[Comment]>,
    text: &str,
    since: Timestamp,
    known: usize,
) -> bool {
    let says = |comment: &&Comment| {
        comment
            .comment
            .as_deref()
            .is_some_and(|own| own.trim() == text.trim())
    };
    if let Some(before) = before {
        return now.iter().filter(says).count() > before.iter().filter(says).count();
    }
    let new = |comment: &&Comment| {
        comment
            .created_date_time
            .is_none_or(|created| created >= since)
    };
    now.iter().filter(says).filter(new).count() > known
}
