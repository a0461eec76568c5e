//! The only place that calls what changes something at a service. A read-only console has no [`Writes`],
//! so that no path leads here; a test sees to it that no other file of the crate calls these.

use std::fmt;

use super::Operation;
use crate::api::{ApiError, DefenderClient, GraphClient};
use crate::domain::{Alert, Incident, MachineAction, Raw};
use crate::tenant::Tenant;

/// The clients' writing halves.
#[derive(Clone)]
pub(super) struct Writes {
    graph: GraphClient,
    defender: DefenderClient,
}

impl fmt::Debug for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writes")
    }
}

/// What a write answers with.
pub(super) enum Answer {
    Incident(Box<Raw<Incident>>),
    Alert(Box<Raw<Alert>>),
    Comments,
    Action(Box<Raw<MachineAction>>),
}

impl Writes {
    pub(super) fn new(tenant: &Tenant) -> Self {
        Self {
            graph: tenant.graph.clone(),
            defender: tenant.defender.clone(),
        }
    }

    /// Sends it, once. `id` is the `client-request-id` the journal knows it by.
    pub(super) async fn send(&self, operation: &Operation, id: &str) -> Result<Answer, ApiError> {
        let (graph, defender) = (self.graph.tagged(id), self.defender.tagged(id));
        Ok(match operation {
            Operation::UpdateIncident { id, patch } => {
                Answer::Incident(Box::new(graph.update_incident(id, patch).await?))
            }
            Operation::UpdateAlert { id, patch } => {
                Answer::Alert(Box::new(graph.update_alert(id, patch).await?))
            }
            Operation::CommentIncident { id, text } => {
                graph.comment_incident(id, text).await?;
                Answer::Comments
            }
            Operation::CommentAlert { id, text } => {
                graph.comment_alert(id, text).await?;
                Answer::Comments
            }
            Operation::Isolate {
                machine,
                kind,
                comment,
            } => Answer::Action(Box::new(
                defender.isolate(machine, kind.clone(), comment).await?,
            )),
            Operation::Unisolate { machine, comment } => {
                Answer::Action(Box::new(defender.unisolate(machine, comment).await?))
            }
            Operation::Scan {
                machine,
                kind,
                comment,
            } => Answer::Action(Box::new(
                defender.scan(machine, kind.clone(), comment).await?,
            )),
            Operation::CancelAction { action, comment } => {
                Answer::Action(Box::new(defender.cancel(action, comment).await?))
            }
        })
    }
}
