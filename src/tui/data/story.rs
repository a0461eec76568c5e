//! Whole incidents with their alerts: a few, those looked at last.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::{Alert, EvidenceKind, Incident, IncidentId, Of, Timestamp, Verdict};

/// An entity of an incident, counted over its alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its kind.
    pub kind: EvidenceKind,
    /// Its name; hostile.
    pub title: String,
    /// The worst verdict on it.
    pub verdict: Verdict,
    /// How many alerts name it.
    pub alerts: u32,
}

/// An incident with its alerts in the order of their first activity, and what they add up to.
/// Made once by a worker, drawn many times.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// The incident.
    pub incident: Incident,
    /// Its alerts.
    pub alerts: Vec<Alert>,
    /// Their entities: devices, users, mailboxes, e-mails, files, the rest; worst first.
    pub entities: Vec<Entity>,
    /// When each piece of evidence arrived, newest first; for "filling in".
    pub arrivals: Vec<Timestamp>,
}

impl Story {
    /// Puts the alerts into the order they happened in and counts their entities.
    pub fn new(incident: Incident, mut alerts: Vec<Alert>) -> Self {
        alerts.sort_by_key(|alert| {
            alert
                .first_activity_date_time
                .or(alert.created_date_time)
                .or(alert.last_update_date_time)
        });
        let mut found: HashMap<(EvidenceKind, String), (Entity, usize)> = HashMap::new();
        let mut arrivals = Vec::new();
        for (at, alert) in alerts.iter().enumerate() {
            for evidence in &alert.evidence {
                arrivals.extend(evidence.created());
                let title = evidence.title().into_owned();
                let entry = found
                    .entry((evidence.kind.clone(), title.to_lowercase()))
                    .or_insert_with(|| {
                        let entity = Entity {
                            kind: evidence.kind.clone(),
                            title,
                            verdict: evidence.verdict(),
                            alerts: 0,
                        };
                        (entity, usize::MAX)
                    });
                if entry.1 != at {
                    entry.0.alerts += 1;
                    entry.1 = at;
                }
                let verdict = evidence.verdict();
                if badness(&verdict) > badness(&entry.0.verdict) {
                    entry.0.verdict = verdict;
                }
            }
        }
        arrivals.sort_unstable_by(|a, b| b.cmp(a));
        let mut entities: Vec<Entity> = found.into_values().map(|(entity, _)| entity).collect();
        entities.sort_by(|a, b| {
            (kind_rank(&a.kind), b.alerts, badness(&b.verdict))
                .cmp(&(kind_rank(&b.kind), a.alerts, badness(&a.verdict)))
                .then_with(|| a.title.cmp(&b.title))
        });
        Self {
            incident,
            alerts,
            entities,
            arrivals,
        }
    }

    /// How many pieces of evidence arrived in the last so many seconds.
    pub fn arrived_within(&self, seconds: i64, now: Timestamp) -> usize {
        let young = |at: &&Timestamp| now.duration_since(**at).as_secs() < seconds;
        self.arrivals.iter().take_while(young).count()
    }
}

fn badness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Malicious => 3,
        Verdict::Suspicious => 2,
        Verdict::Other(_) => 1,
        Verdict::Unknown | Verdict::NoThreatsFound => 0,
    }
}

/// What an analyst asks for first comes first.
fn kind_rank(kind: &EvidenceKind) -> usize {
    use EvidenceKind as K;
    let first = [
        K::Device,
        K::User,
        K::Mailbox,
        K::AnalyzedMessage,
        K::File,
        K::Process,
        K::Url,
        K::Ip,
        K::Dns,
    ];
    first
        .iter()
        .position(|known| known == kind)
        .unwrap_or(first.len())
}

#[derive(Debug)]
struct Slot {
    id: Of<IncidentId>,
    story: Option<Arc<Story>>,
    problem: Option<String>,
    /// Something changed since it was read.
    stale: bool,
    /// The incidents that were merged into it.
    merged: Vec<IncidentId>,
}

/// The stories looked at last.
#[derive(Debug, Default)]
pub struct Stories {
    slots: VecDeque<Slot>,
    /// The newest question; older ones may go unanswered.
    asked: Option<Of<IncidentId>>,
}

const KEPT: usize = 24;

impl Stories {
    fn slot(&self, id: &Of<IncidentId>) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.id == *id)
    }

    /// The story of an incident, if it has been read (stale or not).
    pub fn get(&self, id: &Of<IncidentId>) -> Option<&Arc<Story>> {
        self.slot(id).and_then(|slot| slot.story.as_ref())
    }

    /// Why it could not be read.
    pub fn problem(&self, id: &Of<IncidentId>) -> Option<&str> {
        self.slot(id).and_then(|slot| slot.problem.as_deref())
    }

    /// Whether the store has been asked and knows no such incident.
    pub fn is_missing(&self, id: &Of<IncidentId>) -> bool {
        self.slot(id)
            .is_some_and(|slot| slot.story.is_none() && slot.problem.is_none())
    }

    /// The incidents that were merged into it.
    pub fn merged(&self, id: &Of<IncidentId>) -> &[IncidentId] {
        self.slot(id)
            .map(|slot| slot.merged.as_slice())
            .unwrap_or_default()
    }

    /// Notes the incidents that were merged into it.
    pub fn set_merged(&mut self, id: &Of<IncidentId>, merged: Vec<IncidentId>) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == *id) {
            slot.merged = merged;
        }
    }

    /// Whether it must be read (again).
    pub fn wants(&self, id: &Of<IncidentId>) -> bool {
        self.asked.as_ref() != Some(id) && self.slot(id).is_none_or(|slot| slot.stale)
    }

    /// Something about the incident changed. An answer already on its way may be too old.
    pub fn stale(&mut self, id: &Of<IncidentId>) {
        if self.asked.as_ref() == Some(id) {
            self.asked = None;
        }
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == *id) {
            slot.stale = true;
        }
    }

    /// It has been asked for: until the answer it is wanted no more.
    pub fn asked(&mut self, id: &Of<IncidentId>) {
        self.asked = Some(id.clone());
    }

    /// Takes an answer.
    pub fn put(&mut self, id: &Of<IncidentId>, answer: Result<Option<Arc<Story>>, String>) {
        if self.asked.as_ref() == Some(id) {
            self.asked = None;
        }
        let at = self.slots.iter().position(|slot| slot.id == *id);
        let mut slot = at.and_then(|at| self.slots.remove(at)).unwrap_or(Slot {
            id: id.clone(),
            story: None,
            problem: None,
            stale: false,
            merged: Vec::new(),
        });
        slot.stale = false;
        match answer {
            Ok(story) => {
                slot.story = story;
                slot.problem = None;
            }
            Err(problem) => slot.problem = Some(problem),
        }
        self.slots.push_front(slot);
        self.slots.truncate(KEPT);
    }
}
