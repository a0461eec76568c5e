//! One write, from the analyst's yes to what came of it.
//!
//! Look again just before, write *intended* to the journal and sync it, send once, write down the answer.
//! When the answer is lost the service is asked what happened ([`settle`](super::settle)); nothing is ever
//! sent a second time from here.

use super::catalogue::spec;
use super::guard::{nonsense, undo_of_action, undo_of_update};
use super::look::{Before, Stop, not_looked, refused};
use super::settle::Verified;
use super::writes::Answer;
use super::{Confirm, Operation, Outcome, Responder, Seen};
use crate::api::{ApiError, ApiErrorKind, Priority, Reached};
use crate::domain::{ActionId, Alert, Change, Incident, MachineAction, Raw, Timestamp};
use crate::store::{JournalEntry, JournalId, JournalState, JournalStep, NewEntry, StoreError};

impl Responder {
    /// Sends it, once. `typed` is what the analyst typed to confirm, where the catalogue asks for it;
    /// `seen` what the incident or alert looked like when they decided (without it, what is cached).
    ///
    /// Runs to its end even when the caller stops waiting: a request that has left cannot be called back.
    pub async fn submit(
        &self,
        operation: Operation,
        typed: Option<&str>,
        seen: Option<Seen>,
    ) -> Outcome {
        if self.read_only() {
            return Outcome::ReadOnly;
        }
        let (this, typed) = (self.clone(), typed.map(str::to_owned));
        let task = tokio::spawn(async move {
            let turn = this.turn(operation.target());
            let _mine = turn.lock().await;
            this.submit_alone(operation, typed, seen).await
        });
        match task.await {
            Ok(outcome) => outcome,
            Err(panic) => refused(format!(
                "something went wrong here: {panic}; see the journal"
            )),
        }
    }

    async fn submit_alone(
        &self,
        mut operation: Operation,
        typed: Option<String>,
        seen: Option<Seen>,
    ) -> Outcome {
        if let Some(why) = nonsense(&operation) {
            return refused(why);
        }
        match self.confirmed(&operation, typed.as_deref()).await {
            Ok(true) => {}
            Ok(false) => return Outcome::NotConfirmed,
            Err(error) => return not_looked(error),
        }
        if let Err(outcome) = self.settle_former(&operation).await {
            return *outcome;
        }
        let before = match self.look(&mut operation, seen).await {
            Ok(before) => before,
            Err(Stop::Outcome(outcome)) => return *outcome,
            Err(Stop::Attach(action)) => return self.attach(&operation, *action).await,
        };
        let entry = match self.intend(&operation, Some(&before)).await {
            Ok(entry) => entry,
            Err(error) => {
                return refused(format!(
                    "the journal cannot be written, so nothing was sent: {error}"
                ));
            }
        };
        let Some(writes) = &self.writes else {
            return Outcome::ReadOnly;
        };
        match writes.send(&operation, &entry.client_request_id).await {
            Ok(answer) => self.answered(operation, before, entry, answer).await,
            Err(error) => self.failed(operation, before, entry, error).await,
        }
    }

    async fn confirmed(
        &self,
        operation: &Operation,
        typed: Option<&str>,
    ) -> Result<bool, ApiError> {
        if spec(operation).confirm != Confirm::TypeName {
            return Ok(true);
        }
        let (Operation::Isolate { machine, .. }, Some(typed)) = (operation, typed) else {
            return Ok(false);
        };
        let machine = self.machine_names(machine).await?;
        let typed = typed.trim();
        Ok(!typed.is_empty()
            && (typed.eq_ignore_ascii_case(machine.short_name())
                || typed.eq_ignore_ascii_case(machine.name())))
    }

    /// The same asked before, with an open outcome: first find out about that one.
    async fn settle_former(&self, operation: &Operation) -> Result<(), Box<Outcome>> {
        let open = self.blocking(crate::store::Store::journal_unsettled).await;
        let open = open
            .map_err(|error| Box::new(refused(format!("the journal cannot be read: {error}"))))?;
        let (id, target) = (spec(operation).id, operation.target());
        for entry in open {
            let same = entry.operation == id && entry.target == target;
            if !same || entry.state == JournalState::Accepted {
                continue;
            }
            let settled = self.settle_entry(entry).await;
            // What can no longer be seen must not stand in the way for ever.
            let open = matches!(
                settled.entry.state,
                JournalState::Intended | JournalState::Unknown
            );
            if open && !self.long_ago(&settled.entry) {
                let why = "the same was sent before and its answer lost; whether it was carried out is not known yet";
                return Err(Box::new(Outcome::Unknown {
                    why: why.to_owned(),
                    entry: settled.entry,
                }));
            }
        }
        Ok(())
    }

    async fn intend(
        &self,
        operation: &Operation,
        before: Option<&Before>,
    ) -> Result<JournalEntry, StoreError> {
        let spec = spec(operation);
        let request = super::settle::request(operation, before)
            .map_err(|error| StoreError::Content(error.to_string()))?;
        let entry = NewEntry {
            at: Timestamp::now(),
            who: self.tenant.who(),
            tenant: self.tenant.profile.tenant_id.clone(),
            operation: spec.id.to_owned(),
            title: spec.title.to_owned(),
            target: operation.target(),
            request,
            client_request_id: uuid::Uuid::new_v4().to_string(),
        };
        self.blocking(move |store| store.journal_append(&entry))
            .await
    }

    /// Moves an entry on. Where even that fails the entry stays as it was, and is settled at the next
    /// start: nothing is lost but the word.
    pub(super) async fn step(
        &self,
        entry: &JournalEntry,
        state: JournalState,
        detail: impl Into<String>,
        action: Option<ActionId>,
        request_id: Option<&str>,
    ) -> JournalEntry {
        let (id, detail): (JournalId, String) = (entry.id, detail.into());
        let request_id = request_id.map(str::to_owned);
        let step = JournalStep {
            at: Timestamp::now(),
            state,
            detail,
            action,
            request_id,
        };
        match self
            .blocking(move |store| store.journal_step(id, &step))
            .await
        {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(%error, entry = id.0, "the journal could not be written");
                entry.clone()
            }
        }
    }

    /// The same is open already: nothing new is sent, the open one is followed.
    async fn attach(&self, operation: &Operation, action: MachineAction) -> Outcome {
        let entry = match self.intend(operation, None).await {
            Ok(entry) => entry,
            Err(error) => return refused(format!("the journal cannot be written: {error}")),
        };
        self.attached(operation, entry, action).await
    }

    pub(super) async fn attached(
        &self,
        operation: &Operation,
        entry: JournalEntry,
        action: MachineAction,
    ) -> Outcome {
        let asked_by = action.requestor.as_deref().unwrap_or("somebody");
        let detail =
            format!("in progress already, asked for by {asked_by}: nothing new was started");
        let entry = self
            .step(
                &entry,
                JournalState::Accepted,
                detail,
                Some(action.id.clone()),
                None,
            )
            .await;
        let changes = match self
            .tenant
            .defender
            .action(&action.id, Priority::Interactive)
            .await
        {
            Ok(raw) => self.keep_action(&raw).await,
            Err(_) => Vec::new(),
        };
        let undo = undo_of_action(operation, &action);
        Outcome::Accepted {
            action,
            changes,
            attached: true,
            undo,
            entry,
        }
    }

    pub(super) async fn keep_action(&self, raw: &Raw<MachineAction>) -> Vec<Change> {
        let json = raw.json.get().to_owned();
        let put = self
            .blocking(move |store| store.put_actions(&[json], None, Timestamp::now()))
            .await;
        put.map(|put| put.changes).unwrap_or_default()
    }

    async fn answered(
        &self,
        operation: Operation,
        before: Before,
        entry: JournalEntry,
        answer: Answer,
    ) -> Outcome {
        match answer {
            Answer::Action(raw) => {
                let known = matches!(&before, Before::Actions(open) if open.iter().any(|old| old.id == raw.value.id));
                let cancel = matches!(operation, Operation::CancelAction { .. });
                let attached = known && !cancel;
                let detail = if attached {
                    "the service gave the action that was open already"
                } else if cancel {
                    "the service took the cancellation on; the action may still end otherwise"
                } else {
                    "the service took it on"
                };
                let action = raw.value.clone();
                let entry = self
                    .step(
                        &entry,
                        JournalState::Accepted,
                        detail,
                        Some(action.id.clone()),
                        None,
                    )
                    .await;
                let changes = self.keep_action(&raw).await;
                let entry = self.entry_now(entry).await;
                let undo = undo_of_action(&operation, &action);
                Outcome::Accepted {
                    action,
                    changes,
                    attached,
                    undo,
                    entry,
                }
            }
            Answer::Incident(raw) => {
                let changes = self.keep_incident(&raw).await;
                let entry = self
                    .step(&entry, JournalState::Succeeded, "", None, None)
                    .await;
                Outcome::Done {
                    changes,
                    undo: undo_of_update(&operation, &before),
                    entry,
                }
            }
            Answer::Alert(raw) => {
                let changes = self.keep_alert(&raw).await;
                let entry = self
                    .step(&entry, JournalState::Succeeded, "", None, None)
                    .await;
                Outcome::Done {
                    changes,
                    undo: undo_of_update(&operation, &before),
                    entry,
                }
            }
            Answer::Comments => {
                let entry = self
                    .step(&entry, JournalState::Succeeded, "", None, None)
                    .await;
                // The answer carries the comments alone: the object is read once more, for its cache.
                let changes = match &operation {
                    Operation::CommentIncident { id, .. } => {
                        match self
                            .tenant
                            .graph
                            .incident(id, false, Priority::Interactive)
                            .await
                        {
                            Ok(found) => self.keep_incident(&found.incident).await,
                            Err(_) => Vec::new(),
                        }
                    }
                    Operation::CommentAlert { id, .. } => {
                        match self.tenant.graph.alert(id, Priority::Interactive).await {
                            Ok(raw) => self.keep_alert(&raw).await,
                            Err(_) => Vec::new(),
                        }
                    }
                    _ => Vec::new(),
                };
                Outcome::Done {
                    changes,
                    undo: None,
                    entry,
                }
            }
        }
    }

    pub(super) async fn entry_now(&self, entry: JournalEntry) -> JournalEntry {
        let id = entry.id;
        match self.blocking(move |store| store.journal_entry(id)).await {
            Ok(Some(now)) => now,
            _ => entry,
        }
    }

    pub(super) async fn keep_incident(&self, raw: &Raw<Incident>) -> Vec<Change> {
        let json = raw.json.get().to_owned();
        let put = self
            .blocking(move |store| store.put_incidents(&[json], None, Timestamp::now()))
            .await;
        put.map(|put| put.changes).unwrap_or_default()
    }

    pub(super) async fn keep_alert(&self, raw: &Raw<Alert>) -> Vec<Change> {
        let json = raw.json.get().to_owned();
        let put = self
            .blocking(move |store| store.put_alerts(&[json], None, Timestamp::now()))
            .await;
        put.map(|put| put.changes).unwrap_or_default()
    }

    async fn failed(
        &self,
        operation: Operation,
        before: Before,
        entry: JournalEntry,
        error: ApiError,
    ) -> Outcome {
        let words = match &*error.advice {
            "" => error.to_string(),
            advice => format!("{error}; {advice}"),
        };
        let request_id = error.request_id.as_deref();
        match error.reached {
            Reached::No => {
                let entry = self
                    .step(&entry, JournalState::NotSent, &words, None, request_id)
                    .await;
                Outcome::Refused {
                    why: words,
                    error: Some(error),
                    entry: Some(entry),
                }
            }
            Reached::Yes => {
                if in_progress(&error)
                    && let Some(action) = self.open_like(&operation).await
                {
                    return self.attached(&operation, entry, action).await;
                }
                let entry = self
                    .step(&entry, JournalState::Refused, &words, None, request_id)
                    .await;
                Outcome::Refused {
                    why: words,
                    error: Some(error),
                    entry: Some(entry),
                }
            }
            Reached::Maybe => self.look_into(operation, before, entry, error, words).await,
        }
    }

    /// The open action of the same kind on the same machine.
    async fn open_like(&self, operation: &Operation) -> Option<MachineAction> {
        let (Operation::Isolate { machine, .. }
        | Operation::Unisolate { machine, .. }
        | Operation::Scan { machine, .. }) = operation
        else {
            return None;
        };
        let (own, _) = operation.action_types()?;
        let open = self.open_actions(machine).await.ok()?;
        open.into_iter().find(|action| action.kind == own)
    }

    /// The answer was lost: ask what happened, a few times, before anything else.
    async fn look_into(
        &self,
        operation: Operation,
        before: Before,
        entry: JournalEntry,
        error: ApiError,
        words: String,
    ) -> Outcome {
        let detail = format!("the answer was lost: {words}");
        let request_id = error.request_id.as_deref();
        let entry = self
            .step(&entry, JournalState::Unknown, &detail, None, request_id)
            .await;
        let mut asked = false;
        for wait in &self.patience.verify_after {
            tokio::time::sleep(*wait).await;
            match self.verify(&operation, &entry, Some(&before)).await {
                Ok(Verified::Done(changes)) => {
                    let detail = "the answer was lost; reading it again shows that it was done";
                    let entry = self
                        .step(&entry, JournalState::Succeeded, detail, None, None)
                        .await;
                    return Outcome::Done {
                        changes,
                        undo: undo_of_update(&operation, &before),
                        entry,
                    };
                }
                Ok(Verified::Accepted(action, changes)) => {
                    let detail = "the answer was lost; the service shows the action";
                    let id = Some(action.id.clone());
                    let entry = self
                        .step(&entry, JournalState::Accepted, detail, id, None)
                        .await;
                    let undo = undo_of_action(&operation, &action);
                    return Outcome::Accepted {
                        action: *action,
                        changes,
                        attached: false,
                        undo,
                        entry,
                    };
                }
                Ok(Verified::NoTrace | Verified::Overwritten) => asked = true,
                Ok(Verified::Unclear) => {}
                Err(error) => tracing::info!(%error, "a lost answer could not be looked into yet"),
            }
        }
        let why = if asked {
            format!(
                "{words}. The service shows no trace of it yet; do not send it again until that is certain"
            )
        } else {
            format!(
                "{words}. The service could not be asked what became of it; do not send it again"
            )
        };
        Outcome::Unknown { why, entry }
    }
}

/// The two ways the service says that an action is open already.
fn in_progress(error: &ApiError) -> bool {
    error.kind == ApiErrorKind::Conflict
        || error
            .code
            .eq_ignore_ascii_case("ActiveRequestAlreadyExists")
        || error
            .message
            .to_ascii_lowercase()
            .contains("already in progress")
}
