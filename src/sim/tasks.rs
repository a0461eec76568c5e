//! Tasks that Microsoft's experts leave on incidents, and which of them were carried out.
//!
//! What a task asks for follows from its incident; only what was done is kept. Knows nothing of HTTP.

use std::collections::BTreeMap;

use super::clock::{MINUTE, SECOND, Ticks};
use super::ids::{self, Dice};
use super::world::{Body, Incident, World};

/// A task carried out.
#[derive(Debug, Clone)]
pub struct Done {
    /// When it was begun.
    pub at: Ticks,
    /// Who began it.
    pub by: String,
}

/// What was carried out, by the task's id.
#[derive(Debug, Default)]
pub struct Tasks {
    /// The tasks.
    pub done: BTreeMap<String, Done>,
}

/// What a task asks for.
#[derive(Debug)]
pub struct Kind {
    /// `incidentTaskActionType`.
    pub action: &'static str,
    /// `type` of the machine action behind it.
    pub machine_action: Option<&'static str>,
    /// Type of the response action, nothing for a text.
    pub response: Option<&'static str>,
    /// Title.
    pub title: &'static str,
    /// Text.
    pub text: &'static str,
    /// Whether it is about the device; if not, about the person.
    pub device: bool,
}

/// What experts ask for, in the order they do.
const KINDS: &[Kind] = &[
    Kind {
        action: "isolateDevice",
        machine_action: Some("Isolate"),
        response: Some("isolateDeviceIncidentTaskResponseAction"),
        title: "Isolate the device",
        text: "The device talks to an address of the attacker. Isolate it until it has been looked at.",
        device: true,
    },
    Kind {
        action: "runAntiVirusScan",
        machine_action: Some("RunAntiVirusScan"),
        response: Some("runAntivirusScanIncidentTaskResponseAction"),
        title: "Scan the device",
        text: "Run a full scan and attach its result.",
        device: true,
    },
    Kind {
        action: "collectInvestigationPackage",
        machine_action: Some("CollectInvestigationPackage"),
        response: Some("collectInvestigationPackageIncidentTaskResponseAction"),
        title: "Collect an investigation package",
        text: "Collect the package before the device is reimaged.",
        device: true,
    },
    Kind {
        action: "forceUserPasswordReset",
        machine_action: None,
        response: Some("forceUserPasswordResetIncidentTaskResponseAction"),
        title: "Have the password changed",
        text: "The password was typed on a page of the attacker. Have it changed.",
        device: false,
    },
    Kind {
        action: "text",
        machine_action: None,
        response: None,
        title: "Tell the owner",
        text: "Tell the owner of the device what happened and what happens next.",
        device: false,
    },
];

/// One task.
#[derive(Debug)]
pub struct Task {
    /// GUID.
    pub id: String,
    /// Place of its incident.
    pub incident: u32,
    /// What it asks for.
    pub kind: &'static Kind,
    /// Device id or object id; nothing for a text.
    pub target: Option<String>,
    /// Place of the device.
    pub machine: Option<u32>,
    /// When it was written.
    pub created: Ticks,
}

/// How long an action of a task runs, in story time.
const RUNS: Ticks = 90 * SECOND;
/// In this share of the high everyday incidents the experts have a say.
const SHARE: u64 = 12;
/// Place of `high` among the severities.
const HIGH: u8 = 4;

impl World {
    /// Every task of the tenant at this moment, by incident.
    pub fn tasks(&self, now: Ticks) -> Vec<Task> {
        (0..self.incidents.len() as u32)
            .filter(|place| self.experts_looked(&self.incidents[*place as usize], *place))
            .flat_map(|place| self.tasks_of(place, now))
            .collect()
    }

    /// They look at every high incident of a story and at some of the others.
    fn experts_looked(&self, incident: &Incident, place: u32) -> bool {
        let told = |alert: &u32| matches!(self.alerts[*alert as usize].body, Body::Told(_));
        incident.severity >= HIGH
            && (incident.alerts.iter().any(told)
                || Dice::of(self.seed, 31, u64::from(place)).chance(SHARE))
    }

    fn tasks_of(&self, place: u32, now: Ticks) -> Vec<Task> {
        let incident = &self.incidents[place as usize];
        let (machine, person) = self.subject(incident);
        let mut dice = Dice::of(self.seed, 32, u64::from(place));
        KINDS
            .iter()
            .enumerate()
            .filter_map(|(n, kind)| {
                let wanted = n == 0 || dice.chance(45);
                let created = incident.created + MINUTE * (6 + 2 * n as i64);
                let target = match (kind.response, kind.device) {
                    (None, _) => None,
                    (_, true) => Some(self.machines[machine? as usize].id.clone()),
                    (_, false) => Some(self.people[person? as usize].object_id.clone()),
                };
                (wanted && created <= now).then(|| Task {
                    id: ids::guid(self.seed, &format!("incident task {place} {n}")),
                    incident: place,
                    kind,
                    target,
                    machine: machine.filter(|_| kind.device),
                    created,
                })
            })
            .collect()
    }

    /// The device and the person an incident is about first.
    fn subject(&self, incident: &Incident) -> (Option<u32>, Option<u32>) {
        let mut found = (None, None);
        for alert in &incident.alerts {
            match &self.alerts[*alert as usize].body {
                Body::Everyday {
                    machine, person, ..
                } => return (Some(*machine), Some(*person)),
                Body::Told(told) => {
                    for evidence in &told.evidence {
                        if evidence.kind == "deviceEvidence" && found.0.is_none() {
                            found.0 = evidence
                                .id("mdeDeviceId")
                                .and_then(|id| self.find_machine(id));
                        }
                        if evidence.kind == "userEvidence" && found.1.is_none() {
                            found.1 = evidence
                                .id("azureAdUserId")
                                .and_then(|id| self.find_person(id));
                        }
                    }
                }
            }
        }
        found
    }

    /// `actionStatus` and `status` of a task, and when and by whom it was changed last.
    pub fn task_state(
        &self,
        task: &Task,
        now: Ticks,
    ) -> (&'static str, &'static str, Ticks, Option<&str>) {
        match self.tasks.done.get(&task.id) {
            None => ("notStarted", "open", task.created, None),
            Some(done) => {
                let ends = done.at + self.clock.scaled(RUNS);
                if now < ends {
                    ("inProgress", "inProgress", done.at, Some(&done.by))
                } else {
                    ("completed", "completed", ends, Some(&done.by))
                }
            }
        }
    }
}
