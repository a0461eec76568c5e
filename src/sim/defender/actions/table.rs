//! The table of machine actions: what each asks for, how long it takes, where it works.

use super::super::super::quirks::Plan;
use super::super::support::{self, Platform};

/// What is done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `isolate`
    Isolate,
    /// `unisolate`
    Unisolate,
    /// `runAntiVirusScan`
    Scan,
    /// `restrictCodeExecution`
    Restrict,
    /// `unrestrictCodeExecution`
    Unrestrict,
    /// `collectInvestigationPackage`
    Collect,
    /// `StopAndQuarantineFile`
    Quarantine,
    /// `offboard`
    Offboard,
    /// `runliveresponse`
    LiveResponse,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub kind: Kind,
    /// Last segment of its path, in lower case.
    pub path: &'static str,
    /// `type`.
    pub name: &'static str,
    /// Name, values and whether it may be left out, of a parameter that is a choice.
    pub choice: Option<(&'static str, &'static [&'static str], bool)>,
    /// Another parameter that has to be there.
    pub parameter: Option<&'static str>,
    /// Whether a comment has to be there.
    pub comment: bool,
    /// How long it is pending, and how long it then runs, in seconds of story time.
    pub seconds: (i64, i64),
    /// Whether a second request is refused; if not, it is answered with the action that is open.
    pub refuses_second: bool,
    /// Plans that include it.
    pub plans: &'static [Plan],
    /// Devices that can do it.
    pub platforms: &'static [Platform],
}

const USUAL: Row = Row {
    kind: Kind::Isolate,
    path: "",
    name: "",
    choice: None,
    parameter: None,
    comment: true,
    seconds: (4, 12),
    refuses_second: true,
    plans: support::EVERY_PLAN,
    platforms: support::ISOLATE,
};

/// What `IsolationType` contains an unmanaged device.
pub const CONTAIN: &str = "UnManagedDevice";

/// The table.
pub const ROWS: &[Row] = &[
    Row {
        kind: Kind::Isolate,
        path: "isolate",
        name: "Isolate",
        choice: Some(("IsolationType", &["Full", "Selective", CONTAIN], true)),
        seconds: (4, 14),
        ..USUAL
    },
    Row {
        kind: Kind::Unisolate,
        path: "unisolate",
        name: "Unisolate",
        seconds: (4, 10),
        ..USUAL
    },
    Row {
        kind: Kind::Scan,
        path: "runantivirusscan",
        name: "RunAntiVirusScan",
        choice: Some(("ScanType", &["Quick", "Full"], false)),
        seconds: (5, 60),
        refuses_second: false,
        plans: support::P1_P2,
        platforms: support::SCAN,
        ..USUAL
    },
    Row {
        kind: Kind::Restrict,
        path: "restrictcodeexecution",
        name: "RestrictCodeExecution",
        plans: support::P2,
        platforms: support::RESTRICT,
        ..USUAL
    },
    Row {
        kind: Kind::Unrestrict,
        path: "unrestrictcodeexecution",
        name: "UnrestrictCodeExecution",
        plans: support::P2,
        platforms: support::RESTRICT,
        ..USUAL
    },
    Row {
        kind: Kind::Collect,
        path: "collectinvestigationpackage",
        name: "CollectInvestigationPackage",
        seconds: (6, 90),
        plans: support::P2,
        platforms: support::COLLECT,
        ..USUAL
    },
    Row {
        kind: Kind::Quarantine,
        path: "stopandquarantinefile",
        name: "StopAndQuarantineFile",
        parameter: Some("Sha1"),
        seconds: (4, 20),
        refuses_second: false,
        plans: support::P1_P2,
        platforms: support::QUARANTINE,
        ..USUAL
    },
    Row {
        kind: Kind::Offboard,
        path: "offboard",
        name: "Offboard",
        seconds: (5, 25),
        plans: support::P1_P2,
        platforms: support::OFFBOARD,
        ..USUAL
    },
    Row {
        kind: Kind::LiveResponse,
        path: "runliveresponse",
        name: "LiveResponse",
        parameter: Some("Commands"),
        comment: false,
        seconds: (5, 0),
        plans: support::P2,
        platforms: support::LIVE_RESPONSE,
        ..USUAL
    },
];

impl Kind {
    /// The action a path names, whatever its case.
    pub fn of_path(verb: &str) -> Option<Self> {
        ROWS.iter()
            .find(|r| r.path == verb.to_ascii_lowercase())
            .map(|r| r.kind)
    }

    /// The action with this `type`.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter().find(|r| r.name == name).map(|r| r.kind)
    }

    /// Its row.
    pub fn row(self) -> &'static Row {
        ROWS.iter()
            .find(|r| r.kind == self)
            .expect("every kind has a row")
    }

    /// `type`.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}
