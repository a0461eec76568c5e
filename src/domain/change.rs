//! What a poll or a write changed in the cache: the news the console is told.

use super::{AlertId, AlertRow, IncidentId, IncidentRow, MachineAction};

/// One change, with the row as it now is.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An incident arrived or changed, its counts of alerts and entities included.
    Incident(IncidentRow),
    /// An alert arrived or changed.
    Alert(AlertRow),
    /// An incident was merged away; `to` is the end of the chain, where known.
    Redirected {
        /// The incident that is no more.
        from: IncidentId,
        /// Where its alerts are now.
        to: Option<IncidentId>,
    },
    /// A machine action arrived or changed.
    Action(MachineAction),
    /// An incident left the cache (retention).
    IncidentGone(IncidentId),
    /// An alert left the cache (retention).
    AlertGone(AlertId),
}
