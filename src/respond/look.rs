//! The look before the leap: the target as it is now, who was faster, and what is open already.

use super::guard::{Wanted, merge_tags};
use super::preflight::conflict;
use super::{Conflict, Operation, Outcome, Responder, Seen};
use crate::api::{ActionFilter, ApiError, Priority};
use crate::domain::{
    Alert, AlertId, Change, Incident, IncidentStatus, MachineAction, MachineId, Timestamp,
};

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

pub(super) fn refused(why: impl Into<String>) -> Outcome {
    Outcome::Refused {
        why: why.into(),
        error: None,
        entry: None,
    }
}

impl Responder {
    /// Reads the target anew: the guard against overwriting what somebody else just did.
    pub(super) async fn look(
        &self,
        operation: &mut Operation,
        seen: Option<Seen>,
    ) -> Result<Before, Stop> {
        match operation {
            Operation::UpdateIncident { id, .. } => {
                let id = id.clone();
                let cached = self
                    .blocking(move |store| store.incident(&id))
                    .await
                    .ok()
                    .flatten();
                let fresh = self.fresh_incident(operation).await?;
                let Operation::UpdateIncident {
                    patch: patch_now, ..
                } = operation
                else {
                    unreachable!("it is an incident's")
                };
                let seen = seen.or_else(|| cached.as_ref().map(Seen::of_incident));
                self.guard(
                    seen,
                    &Seen::of_incident(&fresh.0),
                    &Wanted::of_incident(patch_now),
                    fresh.1,
                )?;
                if let (Some(wanted), base) = (&mut patch_now.custom_tags, cached.as_ref()) {
                    *wanted = merge_tags(
                        base.map_or(&[][..], |base| &base.custom_tags),
                        wanted,
                        &fresh.0.custom_tags,
                    );
                }
                Ok(Before::Incident(fresh.0))
            }
            Operation::CommentIncident { .. } => {
                Ok(Before::Incident(self.fresh_incident(operation).await?.0))
            }
            Operation::UpdateAlert { id, patch } => {
                let (id, patch) = (id.clone(), patch.clone());
                let asked = id.clone();
                let cached = self
                    .blocking(move |store| store.alert(&asked))
                    .await
                    .ok()
                    .flatten();
                let (fresh, changes) = self.fresh_alert(&id).await?;
                let seen = seen.or_else(|| cached.as_ref().map(Seen::of_alert));
                self.guard(
                    seen,
                    &Seen::of_alert(&fresh),
                    &Wanted::of_alert(&patch),
                    changes,
                )?;
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
                let (own, opposite) = operation
                    .action_types()
                    .expect("these become machine actions");
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
                let read = self
                    .tenant
                    .defender
                    .action(action, Priority::Interactive)
                    .await;
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

    async fn fresh_incident(
        &self,
        operation: &Operation,
    ) -> Result<(Box<Incident>, Vec<Change>), Stop> {
        let (Operation::UpdateIncident { id, .. } | Operation::CommentIncident { id, .. }) =
            operation
        else {
            unreachable!("asked for incidents alone")
        };
        let found = self
            .tenant
            .graph
            .incident(id, false, Priority::Interactive)
            .await;
        let found = found.map_err(not_looked)?;
        let (json, as_of) = (found.incident.json.get().to_owned(), found.as_of);
        let put = self
            .blocking(move |store| store.put_incidents(&[json], None, as_of))
            .await;
        let incident = found.incident.value;
        if incident.status == Some(IncidentStatus::Redirected) {
            let to = incident.redirect_incident_id.as_ref();
            let went = to.map_or_else(String::new, |to| format!(" into incident {to}"));
            return Err(refused(format!("incident {id} was merged{went}: write there")).into());
        }
        Ok((
            Box::new(incident),
            put.map(|put| put.changes).unwrap_or_default(),
        ))
    }

    async fn fresh_alert(&self, id: &AlertId) -> Result<(Box<Alert>, Vec<Change>), Stop> {
        let found = self
            .tenant
            .graph
            .alert(id, Priority::Interactive)
            .await
            .map_err(not_looked)?;
        let json = found.json.get().to_owned();
        let put = self
            .blocking(move |store| store.put_alerts(&[json], None, Timestamp::now()))
            .await;
        Ok((
            Box::new(found.value),
            put.map(|put| put.changes).unwrap_or_default(),
        ))
    }

    #[expect(
        clippy::unused_self,
        reason = "reads as what it is: a guard of the responder"
    )]
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

    pub(super) async fn open_actions(
        &self,
        machine: &MachineId,
    ) -> Result<Vec<MachineAction>, ApiError> {
        let filter = ActionFilter {
            machine: Some(machine.clone()),
            ..ActionFilter::default()
        };
        let found = self
            .tenant
            .defender
            .actions(&filter, Priority::Interactive)
            .await?;
        let mut open: Vec<_> = found.into_iter().map(|raw| raw.value).collect();
        open.retain(|action| !action.status.is_final());
        Ok(open)
    }
}

pub(super) fn not_looked(error: ApiError) -> Outcome {
    let why = format!("nothing was sent, because its present state could not be read: {error}");
    Outcome::Refused {
        why,
        error: Some(error),
        entry: None,
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        not_looked(error).into()
    }
}
