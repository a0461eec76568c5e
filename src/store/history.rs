//! Hunts that were run.

use std::time::Duration;

use crate::domain::Timestamp;

/// One hunt that was run, here or at the service.
#[derive(Clone, Debug, PartialEq)]
pub struct HuntRecord {
    /// Its number; 0 before it is stored.
    pub id: i64,
    /// When it was started.
    pub at: Timestamp,
    /// The KQL text.
    pub query: String,
    /// How long it took.
    pub took: Duration,
    /// Rows it gave; `None` when it failed.
    pub rows: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where it ran: `defender`, `local`.
    pub engine: String,
}
