//! What the console can do, as one table: what it needs and how to find out cheaply whether it works.
//!
//! Roles and licences are the permission's ([`crate::auth::Permission`]); what an operation needs is the
//! catalogue's ([`CATALOGUE`]). Plans are `machine-actions`' (`defender-endpoint` sheet section 4).

use crate::api::Probe;
use crate::auth::{Permission, Resource};
use crate::respond::CATALOGUE;

use Resource::{Defender, Graph};

/// What a tenant may have bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Defender for Endpoint Plan 1.
    One,
    /// Defender for Endpoint Plan 2.
    Two,
    /// Defender for Business.
    Business,
}

impl Plan {
    /// Its name, as the services spell it in refusals.
    pub fn title(self) -> &'static str {
        match self {
            Self::One => "Defender for Endpoint Plan 1",
            Self::Two => "Defender for Endpoint Plan 2",
            Self::Business => "Defender for Business",
        }
    }

    /// Every plan.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Business];
}

const EVERY: &[Plan] = &Plan::ALL;
const ENDPOINT: &[Plan] = &[Plan::One, Plan::Two];
const AUTOMATIC: &[Plan] = &[Plan::Two, Plan::Business];
const TWO: &[Plan] = &[Plan::Two];

/// What a feature needs of a token.
#[derive(Clone, Copy, Debug)]
pub enum Wants {
    /// One of these permissions, named as applications hold them.
    AnyOf(&'static [&'static str]),
    /// What the catalogue of operations says of this one.
    Operation(&'static str),
}

/// How to find out.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// This read: path and query options.
    Read(
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ),
    /// This question.
    Ask(&'static [&'static str], &'static str),
    /// Only doing it would tell: judged from the token and the answers to the reads.
    Judge,
}

/// One feature.
#[derive(Debug)]
pub struct Feature {
    /// A stable name.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Whose token.
    pub resource: Resource,
    /// What it needs of the token.
    pub wants: Wants,
    /// How to find out.
    pub look: Look,
    /// The plans of Defender for Endpoint that have it.
    pub plans: &'static [Plan],
    /// Where the facts are.
    pub spec: &'static str,
}

impl Feature {
    /// Permissions of which one is enough, named as applications hold them.
    pub fn any_of(&self) -> &'static [&'static str] {
        match self.wants {
            Wants::AnyOf(names) => names,
            Wants::Operation(id) => CATALOGUE
                .iter()
                .find(|spec| spec.id == id)
                .map_or(&[], |spec| spec.permission),
        }
    }

    /// The row of its first permission: role, licence, delegated name.
    pub fn permission(&self) -> Option<&'static Permission> {
        let mut names = self.any_of().iter();
        names.find_map(|name| Permission::find(self.resource, name))
    }

    /// The read that tells.
    pub fn probe(&self) -> Option<Probe> {
        let (path, options, body) = match self.look {
            Look::Read(path, options) => (path, options, None),
            Look::Ask(path, body) => (path, &[][..], Some(body)),
            Look::Judge => return None,
        };
        Some(Probe {
            operation: self.id,
            resource: self.resource,
            path,
            options,
            body,
            any_of: self.any_of(),
        })
    }

    /// Whether its read is about a device, whose id must be known first.
    pub fn is_of_machine(&self) -> bool {
        matches!(self.look, Look::Read(path, _) if path.contains(&"{machine}"))
    }
}

const ONE: &[(&str, &str)] = &[("$top", "1")];
const ALL: &[(&str, &str)] = &[];
const MACHINE_READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
const TI: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
const GRAPH_SHEET: &str = "graph-security, Endpoints at a glance";
const ACTIONS_SHEET: &str = "defender-endpoint 6.1";

const fn read(
    id: &'static str,
    title: &'static str,
    any_of: &'static [&'static str],
    path: &'static [&'static str],
    spec: &'static str,
) -> Feature {
    Feature {
        id,
        title,
        resource: Defender,
        wants: Wants::AnyOf(any_of),
        look: Look::Read(path, ONE),
        plans: EVERY,
        spec,
    }
}

const fn graph(
    id: &'static str,
    title: &'static str,
    any_of: &'static [&'static str],
    path: &'static [&'static str],
) -> Feature {
    Feature {
        resource: Graph,
        ..read(id, title, any_of, path, GRAPH_SHEET)
    }
}

/// A change whose needs are in the catalogue.
const fn change(id: &'static str, title: &'static str, operation: &'static str) -> Feature {
    Feature {
        resource: Graph,
        wants: Wants::Operation(operation),
        look: Look::Judge,
        ..read(id, title, &[], &[], GRAPH_SHEET)
    }
}

const fn catalogued(
    id: &'static str,
    title: &'static str,
    operation: &'static str,
    plans: &'static [Plan],
) -> Feature {
    Feature {
        resource: Defender,
        plans,
        spec: ACTIONS_SHEET,
        ..change(id, title, operation)
    }
}

const fn act(
    id: &'static str,
    title: &'static str,
    any_of: &'static [&'static str],
    plans: &'static [Plan],
) -> Feature {
    Feature {
        look: Look::Judge,
        plans,
        ..read(id, title, any_of, &[], ACTIONS_SHEET)
    }
}

/// Every feature, in the order of the matrix.
pub static FEATURES: &[Feature] = &[
    graph(
        "incidents.read",
        "Read incidents",
        &[
            "SecurityIncident.Read.All",
            "SecurityIncident.ReadWrite.All",
        ],
        &["v1.0", "security", "incidents"],
    ),
    change("incidents.change", "Change incidents", "incident.update"),
    change(
        "incidents.comment",
        "Comment on incidents",
        "incident.comment",
    ),
    graph(
        "alerts.read",
        "Read alerts",
        &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
        &["v1.0", "security", "alerts_v2"],
    ),
    change("alerts.change", "Change alerts", "alert.update"),
    change("alerts.comment", "Comment on alerts", "alert.comment"),
    Feature {
        look: Look::Ask(
            &["v1.0", "security", "runHuntingQuery"],
            r#"{"Query":"print nightjar = 1"}"#,
        ),
        plans: TWO,
        spec: "hunting 1, defender-endpoint 4",
        ..graph("hunting", "Hunting", &["ThreatHunting.Read.All"], &[])
    },
    read(
        "devices.read",
        "Read devices",
        MACHINE_READ,
        &["api", "machines"],
        "defender-endpoint 6.2",
    ),
    Feature {
        look: Look::Read(&["api", "machines", "{machine}", "logonusers"], ALL),
        ..read(
            "devices.users",
            "Users of a device",
            &["User.Read.All"],
            &[],
            "defender-endpoint 6.2",
        )
    },
    act(
        "devices.tag",
        "Tag devices",
        &["Machine.ReadWrite.All"],
        EVERY,
    ),
    read(
        "actions.read",
        "Read machine actions",
        MACHINE_READ,
        &["api", "machineactions"],
        ACTIONS_SHEET,
    ),
    catalogued(
        "machine.isolate",
        "Isolate devices",
        "machine.isolate",
        EVERY,
    ),
    catalogued(
        "machine.release",
        "Release devices",
        "machine.release",
        EVERY,
    ),
    catalogued("machine.scan", "Antivirus scan", "machine.scan", ENDPOINT),
    act(
        "machine.restrict",
        "Restrict code execution",
        &["Machine.RestrictExecution"],
        TWO,
    ),
    act(
        "machine.collect",
        "Collect packages",
        &["Machine.CollectForensics"],
        TWO,
    ),
    act(
        "machine.quarantine",
        "Stop and quarantine",
        &["Machine.StopAndQuarantine"],
        ENDPOINT,
    ),
    act(
        "machine.live-response",
        "Live response",
        &["Machine.LiveResponse"],
        TWO,
    ),
    act(
        "machine.investigate",
        "Start investigations",
        &["Alert.ReadWrite.All"],
        AUTOMATIC,
    ),
    act(
        "machine.offboard",
        "Offboard devices",
        &["Machine.Offboard"],
        ENDPOINT,
    ),
    catalogued("actions.cancel", "Cancel actions", "action.cancel", EVERY),
    read(
        "indicators.read",
        "Read indicators",
        TI,
        &["api", "indicators"],
        "defender-endpoint 6.4",
    ),
    Feature {
        spec: "defender-endpoint 6.4",
        ..act("indicators.change", "Change indicators", TI, ENDPOINT)
    },
    Feature {
        look: Look::Read(&["api", "libraryfiles"], ALL),
        plans: TWO,
        ..read(
            "library",
            "Live response library",
            &["Library.Manage"],
            &[],
            "defender-endpoint 6.5",
        )
    },
    read(
        "software.read",
        "Software inventory",
        &["Software.Read.All"],
        &["api", "machines", "{machine}", "software"],
        "defender-endpoint 6.2",
    ),
    read(
        "vulnerabilities.read",
        "Vulnerabilities",
        &["Vulnerability.Read.All"],
        &["api", "machines", "{machine}", "vulnerabilities"],
        "defender-endpoint 6.2",
    ),
    read(
        "recommendations.read",
        "Recommendations",
        &["SecurityRecommendation.Read.All"],
        &["api", "machines", "{machine}", "recommendations"],
        "defender-endpoint 6.2",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_feature_is_named_once_and_its_permissions_are_known() {
        let mut seen = HashSet::new();
        for feature in FEATURES {
            assert!(seen.insert(feature.id), "{} twice", feature.id);
            assert!(feature.title.len() <= 24, "{}", feature.title);
            assert!(!feature.any_of().is_empty(), "{}", feature.id);
            for name in feature.any_of() {
                let row = Permission::find(feature.resource, name);
                assert!(row.is_some(), "{}: {name} has no row", feature.id);
            }
        }
    }

    #[test]
    fn every_operation_of_the_console_is_in_the_matrix() {
        for spec in &CATALOGUE {
            let found = FEATURES.iter().any(|feature| {
                feature.resource == spec.resource
                    && spec
                        .permission
                        .iter()
                        .all(|name| feature.any_of().contains(name))
            });
            assert!(found, "{} is in no feature", spec.id);
        }
    }

    #[test]
    fn reads_ask_and_changes_are_judged() {
        for feature in FEATURES {
            let changes = feature
                .any_of()
                .iter()
                .all(|name| !name.contains("Read.All"))
                && !matches!(feature.id, "indicators.read" | "library");
            assert_eq!(feature.probe().is_none(), changes, "{}", feature.id);
        }
    }
}
