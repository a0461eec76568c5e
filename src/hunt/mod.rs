//! A hunt as the analyst knows it: where it runs, what comes back, why it failed, how it is kept.
//!
//! Stands on `tenant` (Defender through Graph), on `kql` and on `engine` ([`local`]). Must not know screens:
//! the console and the command line both stand on this room.

pub mod chart;
pub mod diff;
pub mod error;
pub mod export;
pub mod fan;
mod hunter;
pub mod language;
pub mod library;
pub mod lines;
pub mod lists;
pub mod local;
pub mod pick;
pub mod prepared;
pub mod schema;
pub mod sheet;
pub mod slice;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{ResultTable, Timestamp};

pub use error::{Finding, HuntError, HuntErrorKind, Repair};
pub use hunter::Hunter;
pub use language::Render;
pub use schema::SharedSchema;

/// Rows one answer of the service holds at most; nothing else tells that it was cut.
pub const MOST_ROWS: usize = 100_000;

/// Where a hunt runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the service, through Graph `runHuntingQuery`.
    #[default]
    Defender,
    /// Here, by the engine, over what is held here.
    Local,
}

impl Place {
    /// Both, in the order of their use.
    pub const ALL: [Self; 2] = [Self::Defender, Self::Local];

    /// The place of a name in history; what is unknown was at the service.
    pub fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.unwrap_or_default()
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Defender => Self::Local,
            Self::Local => Self::Defender,
        }
    }

    /// Its name in history.
    pub fn name(self) -> &'static str {
        match self {
            Self::Defender => "defender",
            Self::Local => "local",
        }
    }

    /// Its name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Defender => "Defender",
            Self::Local => "local",
        }
    }
}

/// How far back the service looks. A filter in the query narrows within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Timespan {
    /// One hour.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// Thirty days, what the service keeps.
    #[default]
    Month,
}

impl Timespan {
    /// Shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The `Timespan` the service takes (ISO 8601).
    pub fn iso(self) -> &'static str {
        match self {
            Self::Hour => "PT1H",
            Self::Day => "P1D",
            Self::Week => "P7D",
            Self::Month => "P30D",
        }
    }

    /// The next longer; the shortest after the longest.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|it| *it == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        })
    }
}

/// What a hunt gave.
#[derive(Clone, Debug)]
pub struct HuntResult {
    /// The rows.
    pub table: Arc<ResultTable>,
    /// Rows of the answer that were no rows and were passed over.
    pub bad_rows: usize,
    /// From question to answer.
    pub took: Duration,
    /// The service's clock when it answered.
    pub as_of: Timestamp,
    /// How the query asks to be drawn.
    pub render: Option<Render>,
    /// Where it ran.
    pub place: Place,
    /// Over what it ran, where that was here.
    pub over: Option<Arc<local::Over>>,
}
