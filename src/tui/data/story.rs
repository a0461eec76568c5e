//! Whole incidents with their alerts: a few, those looked at last.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::{Alert, Incident, IncidentId};

/// An incident with its alerts in the order of their first activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// The incident.
    pub incident: Incident,
    /// Its alerts.
    pub alerts: Vec<Alert>,
}

impl Story {
    /// Puts the alerts into the order they happened in.
    pub fn new(incident: Incident, mut alerts: Vec<Alert>) -> Self {
        alerts.sort_by_key(|alert| {
            alert
                .first_activity_date_time
                .or(alert.created_date_time)
                .or(alert.last_update_date_time)
        });
        Self { incident, alerts }
    }
}

#[derive(Debug)]
struct Slot {
    id: IncidentId,
    story: Option<Arc<Story>>,
    problem: Option<String>,
    /// Something changed since it was read.
    stale: bool,
}

/// The stories looked at last.
#[derive(Debug, Default)]
pub struct Stories {
    slots: VecDeque<Slot>,
    /// The newest question; older ones may go unanswered.
    asked: Option<IncidentId>,
}

const KEPT: usize = 24;

impl Stories {
    fn slot(&self, id: &IncidentId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.id == *id)
    }

    /// The story of an incident, if it has been read (stale or not).
    pub fn get(&self, id: &IncidentId) -> Option<&Arc<Story>> {
        self.slot(id).and_then(|slot| slot.story.as_ref())
    }

    /// Why it could not be read.
    pub fn problem(&self, id: &IncidentId) -> Option<&str> {
        self.slot(id).and_then(|slot| slot.problem.as_deref())
    }

    /// Whether the store has been asked and knows no such incident.
    pub fn is_missing(&self, id: &IncidentId) -> bool {
        self.slot(id)
            .is_some_and(|slot| slot.story.is_none() && slot.problem.is_none())
    }

    /// Whether it must be read (again).
    pub fn wants(&self, id: &IncidentId) -> bool {
        self.asked.as_ref() != Some(id) && self.slot(id).is_none_or(|slot| slot.stale)
    }

    /// Something about the incident changed. An answer already on its way may be too old.
    pub fn stale(&mut self, id: &IncidentId) {
        if self.asked.as_ref() == Some(id) {
            self.asked = None;
        }
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == *id) {
            slot.stale = true;
        }
    }

    /// It has been asked for: until the answer it is wanted no more.
    pub fn asked(&mut self, id: &IncidentId) {
        self.asked = Some(id.clone());
    }

    /// Takes an answer.
    pub fn put(&mut self, id: &IncidentId, answer: Result<Option<Arc<Story>>, String>) {
        if self.asked.as_ref() == Some(id) {
            self.asked = None;
        }
        let at = self.slots.iter().position(|slot| slot.id == *id);
        let mut slot = at.and_then(|at| self.slots.remove(at)).unwrap_or(Slot {
            id: id.clone(),
            story: None,
            problem: None,
            stale: false,
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
