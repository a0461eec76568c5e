//! The things an analyst talks about: incident, alert, evidence, device, machine action, hunting
//! result; their ids and open enums; and the one sanitiser every service string passes.
//!
//! This room knows no network, file, database or terminal. Its types decode themselves from the
//! services' JSON leniently: a missing field is `None` or empty, an unknown enum member is kept as
//! it came, an unknown evidence kind keeps all its fields.

pub mod action;
pub mod alert;
pub mod change;
pub mod enums;
pub mod evidence;
pub mod hunting;
pub mod ids;
pub mod incident;
mod lenient;
pub mod machine;
mod open_enum;
mod raw;
pub mod tenant;
pub mod text;

pub use action::{ActionStatus, ActionType, Isolation, IsolationType, MachineAction, ScanType};
pub use alert::{Alert, AlertRow};
pub use change::Change;
pub use enums::{
    AlertStatus, Classification, Determination, IncidentStatus, RemediationStatus, ServiceSource,
    Severity, Tactic, TacticSet, Verdict,
};
pub use evidence::{EntityKey, Evidence, EvidenceKind};
pub use hunting::ResultTable;
pub use ids::{ActionId, AlertId, IncidentId, MachineId, TenantId};
pub use incident::{Comment, Incident, IncidentRow};
pub use machine::{LogonUser, Machine};
pub use tenant::{Of, TenantNo};

pub use lenient::parse_time;
pub use raw::{BadRow, Raw};

/// An instant in UTC. The services send 0 to 7 fraction digits; all are kept.
pub use jiff::Timestamp;
