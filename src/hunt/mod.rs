//! A hunt as the analyst knows it: where it runs, what comes back, why it failed, how it is kept.
//!
//! Stands on `tenant` (Defender through Graph) and on `kql`. Must not know screens: the console and
//! the command line both stand on this room.

pub mod error;
pub mod export;
pub mod prepared;

pub use error::{Finding, HuntError, HuntErrorKind};
