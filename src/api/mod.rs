//! The one way out: every request to a service passes [`Transport`].
//!
//! It alone knows tokens, Retry-After, quotas, request ids, tracing and decoding. Two thin typed
//! clients stand on it, [`GraphClient`] and [`DefenderClient`]: a method is an address, a body and
//! what kind of call it is. Cancel by dropping the future (or with the token a hunt takes).
//!
//! Rows are decoded leniently and one by one: a bad row is a [`BadRow`](crate::domain::BadRow) with
//! its JSON beside the good ones. A [`RawPage`] holds a page undecoded, so that the next one can be
//! asked for while this one is taken in elsewhere.
//!
//! This room knows no database, no journal and no screen. Start reading at `transport.rs`.

mod budget;
mod defender;
mod error;
mod gate;
mod graph;
mod hunting;
mod knock;
mod page;
mod patch;
mod refused;
mod retry;
mod told;
mod transport;
mod url;

pub use crate::auth::{HttpError, http_client};
pub use crate::domain::{IsolationType, ScanType};
pub use budget::{Budgets, Quota};
pub use defender::{ActionFilter, DefenderClient, MachineFilter};
pub use error::{ApiError, ApiErrorKind, Reached};
pub use gate::Priority;
pub use graph::{GraphClient, HuntAnswer, HuntRequest, IncidentWithAlerts, ListQuery};
pub use hunting::{HuntTable, decode as decode_hunt};
pub use knock::{Knock, Probe};
pub use page::{Listing, NextLink, Page, RawPage};
pub use patch::{AlertPatch, IncidentPatch};
pub use retry::{Case, Outcome, Repeat, Verdict, backoff, retry_after, verdict};
pub use transport::Transport;
