//! One write, from the analyst's yes to what came of it.
//!
//! Look again just before, write *intended* to the journal and sync it, send once, write down the answer.
//! When the answer is lost the service is asked what happened ([`settle`](super::settle)); nothing is ever
//! sent a second time from here.

use std::sync::Arc;

use super::catalogue::spec;
use super::preflight::conflict;
use super::settle::Verified;
use super::writes::Answer;
use super::{Confirm, Conflict, Operation, Outcome, Responder, Seen};
use crate::api::{
    ActionFilter, AlertPatch, ApiError, ApiErrorKind, IncidentPatch, Priority, Reached,
};
use crate::domain::{
    ActionId, ActionStatus, ActionType, Alert, AlertStatus, Change, Classification, Incident,
    IncidentStatus, MachineAction, MachineId, Raw, Timestamp,
};
use crate::store::{JournalEntry, JournalId, JournalState, JournalStep, NewEntry, StoreError};

/// What the service shows of the target just before the write.
#[derive(Clone)]
pub(super) enum Before {
    Incident(Box<Incident>),
    Alert(Box<Alert>),
    /// The machine's open actions, or the action to be called off.
    Actions(Vec<MachineAction>),
}

/// Why nothing is sent after the look.
pub(super) enum Stop {
    Outcome(Box<Outcome>),
    /// The same is open already: follow that one.
    Attach(Box<MachineAction>),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(Box::new(outcome))
    }
}

fn refused(why: impl Into<String>) -> Outcome {
    Outcome::Refused { why: why.into(), error: None, entry: None }
}

impl Responder {
    /// Sends it, once. `typed` is what the analyst typed to confirm, where the catalogue asks for it;
    /// `seen` what the incident or alert looked like when they decided (without it, what is cached).
    ///
    /// Runs to its end even when the caller stops waiting: a request that has left cannot be called back.
    pub async fn submit(&self, operation: Operation, typed: Option<&str>, seen: Option<Seen>) -> Outcome {
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
            Err(panic) => refused(format!("something went wrong here: {panic}; see the journal")),
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
        let entry = match self.intend(&operation).await {
            Ok(entry) => entry,
            Err(error) => return refused(format!("the journal cannot be written, so nothing was sent: {error}")),
        };
        let Some(writes) = &self.writes else { return Outcome::ReadOnly };
        match writes.send(&operation, &entry.client_request_id).await {
            Ok(answer) => self.answered(operation, before, entry, answer).await,
            Err(error) => self.failed(operation, before, entry, error).await,
        }
    }

    async fn confirmed(&self, operation: &Operation, typed: Option<&str>) -> Result<bool, ApiError> {
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
        let open = self.blocking(|store| store.journal_unsettled()).await;
        let open = open.map_err(|error| Box::new(refused(format!("the journal cannot be read: {error}"))))?;
        let (id, target) = (spec(operation).id, operation.target());
        for entry in open {
            let same = entry.operation == id && entry.target == target;
            if !same || entry.state == JournalState::Accepted {
                continue;
            }
            let settled = self.settle_entry(entry).await;
            if matches!(settled.entry.state, JournalState::Intended | JournalState::Unknown) {
                let why = "the same was sent before and its answer lost; whether it was carried out is not known yet";
                return Err(Box::new(Outcome::Unknown { why: why.to_owned(), entry: settled.entry }));
            }
        }
        Ok(())
    }

    /// Reads the target anew: the guard against overwriting what somebody else just did.
    async fn look(&self, operation: &mut Operation, seen: Option<Seen>) -> Result<Before, Stop> {
        match operation {
            Operation::UpdateIncident { id, patch } => {
                let id = id.clone();
                let cached = self.blocking(move |store| store.incident(&id)).await.ok().flatten();
                let fresh = self.fresh_incident(operation).await?;
                let Operation::UpdateIncident { patch: patch_now, .. } = operation else {
                    unreachable!("it is an incident's")
                };
                let seen = seen.or_else(|| cached.as_ref().map(Seen::of_incident));
                self.guard(seen, &Seen::of_incident(&fresh.0), &Wanted::of_incident(patch_now), fresh.1)?;
                if let (Some(wanted), base) = (&mut patch_now.custom_tags, cached.as_ref()) {
                    *wanted = merge_tags(base.map_or(&[][..], |base| &base.custom_tags), wanted, &fresh.0.custom_tags);
                }
                Ok(Before::Incident(fresh.0))
            }
            Operation::CommentIncident { .. } => {
                Ok(Before::Incident(self.fresh_incident(operation).await?.0))
            }
            Operation::UpdateAlert { id, patch } => {
                let (id, patch) = (id.clone(), patch.clone());
                let asked = id.clone();
                let cached = self.blocking(move |store| store.alert(&asked)).await.ok().flatten();
                let (fresh, changes) = self.fresh_alert(&id).await?;
                let seen = seen.or_else(|| cached.as_ref().map(Seen::of_alert));
                self.guard(seen, &Seen::of_alert(&fresh), &Wanted::of_alert(&patch), changes)?;
                Ok(Before::Alert(fresh))
            }
            Operation::CommentAlert { id, .. } => {
                let id = id.clone();
                Ok(Before::Alert(self.fresh_alert(&id).await?.0))
            }
            Operation::Isolate { machine, .. }
            | Operation::Unisolate { machine, .. }
            | Operation::Scan { machine, .. } => {
                let open = self.open_actions(machine).await.map_err(not_looked)?;
                let (own, opposite) = operation.action_types().expect("these become machine actions");
                match conflict(&open, &own, opposite.as_ref()) {
                    Some(Conflict::InProgress(action)) => Err(Stop::Attach(Box::new(action))),
                    Some(Conflict::Opposite(action)) => Err(refused(format!(
                        "{} {} is still open on this device: cancel it or wait for its end, or the outcome depends on which ends last",
                        action.kind, action.id
                    ))
                    .into()),
                    _ => Ok(Before::Actions(open)),
                }
            }
            Operation::CancelAction { action, .. } => {
                let read = self.tenant.defender.action(action, Priority::Interactive).await;
                let action = read.map_err(not_looked)?;
                if action.value.status.is_final() {
                    let why = format!("it has ended already: {}", action.value.status);
                    self.keep_action(&action).await;
                    return Err(refused(why).into());
                }
                Ok(Before::Actions(vec![action.value]))
            }
        }
    }

    async fn fresh_incident(&self, operation: &Operation) -> Result<(Box<Incident>, Vec<Change>), Stop> {
        let (Operation::UpdateIncident { id, .. } | Operation::CommentIncident { id, .. }) = operation else {
            unreachable!("asked for incidents alone")
        };
        let found = self.tenant.graph.incident(id, false, Priority::Interactive).await;
        let found = found.map_err(not_looked)?;
        let (json, as_of) = (found.incident.json.get().to_owned(), found.as_of);
        let put = self.blocking(move |store| store.put_incidents(&[json], None, as_of)).await;
        let incident = found.incident.value;
        if incident.status == Some(IncidentStatus::Redirected) {
            let to = incident.redirect_incident_id.as_ref();
            let went = to.map_or_else(String::new, |to| format!(" into incident {to}"));
            return Err(refused(format!("incident {id} was merged{went}: write there")).into());
        }
        Ok((Box::new(incident), put.map(|put| put.changes).unwrap_or_default()))
    }

    async fn fresh_alert(&self, id: &crate::domain::AlertId) -> Result<(Box<Alert>, Vec<Change>), Stop> {
        let found = self.tenant.graph.alert(id, Priority::Interactive).await.map_err(not_looked)?;
        let json = found.json.get().to_owned();
        let put = self.blocking(move |store| store.put_alerts(&[json], None, Timestamp::now())).await;
        Ok((Box::new(found.value), put.map(|put| put.changes).unwrap_or_default()))
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: a guard of the responder")]
    fn guard(
        &self,
        seen: Option<Seen>,
        now: &Seen,
        wanted: &Wanted,
        changes: Vec<Change>,
    ) -> Result<(), Stop> {
        let Some(seen) = seen else { return Ok(()) };
        let theirs = wanted.in_the_way(&seen, now);
        if theirs.is_empty() {
            return Ok(());
        }
        Err(Outcome::Changed { theirs, changes }.into())
    }

    pub(super) async fn open_actions(&self, machine: &MachineId) -> Result<Vec<MachineAction>, ApiError> {
        let filter = ActionFilter { machine: Some(machine.clone()), ..ActionFilter::default() };
        let found = self.tenant.defender.actions(&filter, Priority::Interactive).await?;
        let mut open: Vec<_> = found.into_iter().map(|raw| raw.value).collect();
        open.retain(|action| !action.status.is_final());
        Ok(open)
    }

    async fn intend(&self, operation: &Operation) -> Result<JournalEntry, StoreError> {
        let spec = spec(operation);
        let request = serde_json::to_string(operation)
            .map_err(|error| StoreError::Content(error.to_string()))?;
        let entry = NewEntry {
            at: Timestamp::now(),
            who: self.tenant.who().to_owned(),
            tenant: self.tenant.profile.tenant_id.clone(),
            operation: spec.id.to_owned(),
            title: spec.title.to_owned(),
            target: operation.target(),
            request,
            client_request_id: uuid::Uuid::new_v4().to_string(),
        };
        self.blocking(move |store| store.journal_append(&entry)).await
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
        let step = JournalStep { at: Timestamp::now(), state, detail, action, request_id };
        match self.blocking(move |store| store.journal_step(id, &step)).await {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(%error, entry = id.0, "the journal could not be written");
                entry.clone()
            }
        }
    }

    /// The same is open already: nothing new is sent, the open one is followed.
    async fn attach(&self, operation: &Operation, action: MachineAction) -> Outcome {
        let entry = match self.intend(operation).await {
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
        let detail = format!("in progress already, asked for by {asked_by}: nothing new was started");
        let entry = self.step(&entry, JournalState::Accepted, detail, Some(action.id.clone()), None).await;
        let changes = match self.tenant.defender.action(&action.id, Priority::Interactive).await {
            Ok(raw) => self.keep_action(&raw).await,
            Err(_) => Vec::new(),
        };
        let undo = undo_of_action(operation, &action);
        Outcome::Accepted { action, changes, attached: true, undo, entry }
    }

    pub(super) async fn keep_action(&self, raw: &Raw<MachineAction>) -> Vec<Change> {
        let json = raw.json.get().to_owned();
        let put = self.blocking(move |store| store.put_actions(&[json], None, Timestamp::now())).await;
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
                    .step(&entry, JournalState::Accepted, detail, Some(action.id.clone()), None)
                    .await;
                let changes = self.keep_action(&raw).await;
                let entry = self.entry_now(entry).await;
                let undo = undo_of_action(&operation, &action);
                Outcome::Accepted { action, changes, attached, undo, entry }
            }
            Answer::Incident(raw) => {
                let changes = self.keep_incident(&raw).await;
                let entry = self.step(&entry, JournalState::Succeeded, "", None, None).await;
                Outcome::Done { changes, undo: undo_of_update(&operation, &before), entry }
            }
            Answer::Alert(raw) => {
                let changes = self.keep_alert(&raw).await;
                let entry = self.step(&entry, JournalState::Succeeded, "", None, None).await;
                Outcome::Done { changes, undo: undo_of_update(&operation, &before), entry }
            }
            Answer::Comments(_) => {
                let entry = self.step(&entry, JournalState::Succeeded, "", None, None).await;
                // The answer carries the comments alone: the object is read once more, for its cache.
                let changes = match &operation {
                    Operation::CommentIncident { id, .. } => {
                        match self.tenant.graph.incident(id, false, Priority::Interactive).await {
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
                Outcome::Done { changes, undo: None, entry }
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
        let put = self.blocking(move |store| store.put_incidents(&[json], None, Timestamp::now())).await;
        put.map(|put| put.changes).unwrap_or_default()
    }

    pub(super) async fn keep_alert(&self, raw: &Raw<Alert>) -> Vec<Change> {
        let json = raw.json.get().to_owned();
        let put = self.blocking(move |store| store.put_alerts(&[json], None, Timestamp::now())).await;
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
                let entry = self.step(&entry, JournalState::NotSent, &words, None, request_id).await;
                Outcome::Refused { why: words, error: Some(error), entry: Some(entry) }
            }
            Reached::Yes if error.kind == ApiErrorKind::Decode => {
                // A yes that could not be read: the service is asked what it has now.
                self.look_into(operation, before, entry, error, words).await
            }
            Reached::Yes => {
                if in_progress(&error)
                    && let Some(action) = self.open_like(&operation).await
                {
                    return self.attached(&operation, entry, action).await;
                }
                let entry = self.step(&entry, JournalState::Refused, &words, None, request_id).await;
                Outcome::Refused { why: words, error: Some(error), entry: Some(entry) }
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
        let entry = self.step(&entry, JournalState::Unknown, &detail, None, request_id).await;
        let mut asked = false;
        for wait in &self.patience.verify_after {
            tokio::time::sleep(*wait).await;
            match self.verify(&operation, &entry, Some(&before)).await {
                Ok(Verified::Done(changes)) => {
                    let detail = "the answer was lost; reading it again shows that it was done";
                    let entry = self.step(&entry, JournalState::Succeeded, detail, None, None).await;
                    return Outcome::Done { changes, undo: undo_of_update(&operation, &before), entry };
                }
                Ok(Verified::Accepted(action, changes)) => {
                    let detail = "the answer was lost; the service shows the action";
                    let id = Some(action.id.clone());
                    let entry = self.step(&entry, JournalState::Accepted, detail, id, None).await;
                    let undo = undo_of_action(&operation, &action);
                    return Outcome::Accepted { action: *action, changes, attached: false, undo, entry };
                }
                Ok(Verified::NoTrace) => asked = true,
                Err(error) => tracing::info!(%error, "a lost answer could not be looked into yet"),
            }
        }
        let why = if asked {
            format!("{words}. The service shows no trace of it yet; do not send it again until that is certain")
        } else {
            format!("{words}. The service could not be asked what became of it; do not send it again")
        };
        Outcome::Unknown { why, entry }
    }
}

fn not_looked(error: ApiError) -> Outcome {
    let why = format!("nothing was sent, because its present state could not be read: {error}");
    Outcome::Refused { why, error: Some(error), entry: None }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        not_looked(error).into()
    }
}

/// The two ways the service says that an action is open already.
fn in_progress(error: &ApiError) -> bool {
    error.kind == ApiErrorKind::Conflict
        || error.code.eq_ignore_ascii_case("ActiveRequestAlreadyExists")
        || error.message.to_ascii_lowercase().contains("already in progress")
}

/// What cannot be meant; in words for a person.
fn nonsense(operation: &Operation) -> Option<String> {
    if operation.comment().is_some_and(|comment| comment.trim().is_empty()) {
        return Some("a comment is needed: say why".to_owned());
    }
    let (classification, determination, empty) = match operation {
        Operation::UpdateIncident { patch, .. } => {
            if matches!(patch.status, Some(IncidentStatus::Redirected | IncidentStatus::AwaitingAction)) {
                return Some("that status is the service's own".to_owned());
            }
            (&patch.classification, &patch.determination, *patch == IncidentPatch::default())
        }
        Operation::UpdateAlert { patch, .. } => {
            (&patch.classification, &patch.determination, *patch == AlertPatch::default())
        }
        _ => return None,
    };
    if empty {
        return Some("nothing to change".to_owned());
    }
    match (classification, determination) {
        (Some(classification), Some(determination))
            if !classification.legal_determinations().contains(determination) =>
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
            status: incident.status.as_ref().map(|status| status.as_str().into()),
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
struct Wanted {
    status: Option<String>,
    assigned_to: Option<String>,
    classification: Option<Classification>,
}

impl Wanted {
    fn of_incident(patch: &IncidentPatch) -> Self {
        Self {
            status: patch.status.as_ref().map(|status: &IncidentStatus| status.as_str().to_owned()),
            assigned_to: patch.assigned_to.clone().map(Option::unwrap_or_default),
            classification: patch.classification.clone(),
        }
    }

    fn of_alert(patch: &AlertPatch) -> Self {
        Self {
            status: patch.status.as_ref().map(|status: &AlertStatus| status.as_str().to_owned()),
            assigned_to: patch.assigned_to.clone().map(Option::unwrap_or_default),
            classification: patch.classification.clone(),
        }
    }

    /// What somebody else changed since the analyst looked: any of the guarded fields, whether this
    /// write touches it or not, since the decision was made on it; unless they did just what is wanted.
    fn in_the_way(&self, seen: &Seen, now: &Seen) -> Vec<(String, String, String)> {
        let none = "—";
        let word = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or(none).to_owned();
        let class = |class: Option<&Classification>| {
            class.filter(|class| **class != Classification::Unknown).map(Classification::as_str)
        };
        let fields = [
            ("status", seen.status.as_deref(), now.status.as_deref(), self.status.as_deref()),
            ("owner", seen.assigned_to.as_deref(), now.assigned_to.as_deref(), self.assigned_to.as_deref()),
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
fn merge_tags(base: &[Arc<str>], wanted: &[String], now: &[Arc<str>]) -> Vec<String> {
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
fn undo_of_update(operation: &Operation, before: &Before) -> Option<Operation> {
    match (operation, before) {
        (Operation::UpdateIncident { id, patch }, Before::Incident(old)) => {
            let own = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
            let undo = IncidentPatch {
                status: patch.status.as_ref().and(old.status.clone()),
                classification: patch
                    .classification
                    .as_ref()
                    .map(|_| old.classification.clone().unwrap_or(Classification::Unknown)),
                determination: (patch.classification.is_some() || patch.determination.is_some())
                    .then(|| old.determination.clone().unwrap_or(crate::domain::Determination::Unknown)),
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
                resolving_comment: patch.resolving_comment.as_ref().map(|_| own(&old.resolving_comment)),
            };
            Some(Operation::UpdateIncident { id: id.clone(), patch: undo })
        }
        (Operation::UpdateAlert { id, patch }, Before::Alert(old)) => {
            let undo = AlertPatch {
                status: patch.status.as_ref().and(old.status.clone()),
                classification: patch
                    .classification
                    .as_ref()
                    .map(|_| old.classification.clone().unwrap_or(Classification::Unknown)),
                determination: (patch.classification.is_some() || patch.determination.is_some())
                    .then(|| old.determination.clone().unwrap_or(crate::domain::Determination::Unknown)),
                assigned_to: patch
                    .assigned_to
                    .as_ref()
                    .map(|_| owner(old.assigned_to.as_ref()).map(|owner| owner.to_string())),
            };
            Some(Operation::UpdateAlert { id: id.clone(), patch: undo })
        }
        _ => None,
    }
}

/// What takes an action back.
pub(super) fn undo_of_action(operation: &Operation, action: &MachineAction) -> Option<Operation> {
    match operation {
        Operation::Isolate { machine, comment, .. } => Some(Operation::Unisolate {
            machine: machine.clone(),
            comment: format!("taken back: {comment}"),
        }),
        Operation::Scan { .. } if !action.status.is_final() => Some(Operation::CancelAction {
            action: action.id.clone(),
            comment: "taken back".to_owned(),
        }),
        Operation::Unisolate { machine, comment } => Some(Operation::Isolate {
            machine: machine.clone(),
            kind: crate::domain::IsolationType::Full,
            comment: format!("taken back: {comment}"),
        }),
        _ => None,
    }
}

/// Whether an action is the one an operation asks for.
pub(super) fn is_of(action: &MachineAction, kind: &ActionType, comment: &str, since: Timestamp) -> bool {
    action.kind == *kind
        && action.requestor_comment.as_deref().is_none_or(|own| own.trim() == comment.trim())
        && action.creation_date_time_utc.is_none_or(|created| created >= since)
        && action.status != ActionStatus::Other("".into())
}

#[cfg(test)]
mod tests;
