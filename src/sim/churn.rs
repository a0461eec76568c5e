//! Believable change on demand: what analysts and the service do to incidents and alerts all day, in
//! any amount, chosen by a seed.
//!
//! Works on the world alone, through the same doors as the story. The same seed on the same world at
//! the same time makes the same changes.

use std::collections::HashMap;

use super::clock::{MINUTE, Ticks};
use super::evidence::Evidence;
use super::graph::incidents::resolve_alerts;
use super::ids::Dice;
use super::words;
use super::world::{ACTIVE, Comment, IN_PROGRESS, REDIRECTED, RESOLVED, World};

/// What changes on demand have left behind in the world.
#[derive(Debug, Default)]
pub struct Churn {
    /// Everyday incidents made on demand so far; their content depends on it.
    made: u64,
    /// Evidence that everyday alerts got after they were written, by the alert's place.
    late: HashMap<u32, Vec<Evidence>>,
}

impl Churn {
    /// Appends late evidence of an alert to its list of evidence, which was just closed.
    pub fn push_late(&self, out: &mut Vec<u8>, place: u32, unknown_members: bool) {
        let Some(late) = self.late.get(&place) else {
            return;
        };
        out.pop();
        for evidence in late {
            if out.last() != Some(&b'[') {
                out.push(b',');
            }
            evidence.push(out, unknown_members);
        }
        out.push(b']');
    }
}

/// A sort of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Somebody takes an incident, or hands it to somebody else.
    Assign,
    /// An incident moves between active and in progress.
    Status,
    /// An alert and with it its incident becomes more or less severe.
    Severity,
    /// Somebody comments on an incident.
    Comment,
    /// Somebody comments on an alert.
    AlertComment,
    /// A tag is set.
    Tag,
    /// An open incident gets another alert.
    Alert,
    /// An incident comes into being.
    Incident,
    /// Two incidents are merged.
    Merge,
    /// An alert gets more evidence.
    Evidence,
    /// An incident is resolved, and its alerts with it.
    Resolve,
    /// One alert is resolved; with the last one its incident.
    ResolveAlert,
    /// A resolved incident is opened again.
    Reopen,
    /// An automation tags many incidents at the very same moment, more than fit on a page.
    Bulk,
}

/// Every sort, its name and how often it comes.
pub const SORTS: &[(Sort, &str, u64)] = &[
    (Sort::Assign, "assign", 14),
    (Sort::Status, "status", 10),
    (Sort::Severity, "severity", 6),
    (Sort::Comment, "comment", 12),
    (Sort::AlertComment, "alert-comment", 6),
    (Sort::Tag, "tag", 5),
    (Sort::Alert, "alert", 14),
    (Sort::Incident, "incident", 9),
    (Sort::Merge, "merge", 4),
    (Sort::Evidence, "evidence", 8),
    (Sort::Resolve, "resolve", 7),
    (Sort::ResolveAlert, "resolve-alert", 5),
    (Sort::Reopen, "reopen", 4),
    (Sort::Bulk, "bulk", 1),
];

/// So many incidents an automation tags at once: a page has 50.
const BULK: usize = 70;

impl Sort {
    /// The sort with this name.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = SORTS.iter().find(|(_, n, _)| *n == name).map(|s| s.0);
        found.ok_or_else(|| {
            let names: Vec<&str> = SORTS.iter().map(|s| s.1).collect();
            format!("no change is called {name}; there are {}", names.join(", "))
        })
    }

    fn name(self) -> &'static str {
        SORTS.iter().find(|(s, ..)| *s == self).map_or("", |s| s.1)
    }
}

impl World {
    /// Makes `n` changes chosen by `seed`, from `now` on, each a tick after the other. Gives one line a
    /// change: its sort and the id it concerns.
    pub fn churn(&mut self, n: u32, seed: u64, now: Ticks) -> Vec<String> {
        (0..n)
            .filter_map(|at| {
                let mut dice = Dice::of(seed, 40, u64::from(at));
                let sort = SORTS[super::people::weighted(SORTS.iter().map(|s| s.2), &mut dice)].0;
                self.change_any(sort, &mut dice, now + Ticks::from(at))
            })
            .collect()
    }

    /// Makes one change of this sort somewhere.
    pub fn change_some(&mut self, sort: Sort, seed: u64, now: Ticks) -> Option<String> {
        self.change_any(sort, &mut Dice::of(seed, 41, 0), now)
    }

    /// Makes one change of this sort somewhere; when there is no place for it, an incident comes instead.
    fn change_any(&mut self, sort: Sort, dice: &mut Dice, at: Ticks) -> Option<String> {
        let open = |i: &super::world::Incident| i.status == ACTIVE || i.status == IN_PROGRESS;
        let place = match sort {
            Sort::Incident | Sort::Bulk => None,
            Sort::Reopen => self.some_incident(dice, |i| i.status == RESOLVED),
            Sort::Evidence | Sort::AlertComment | Sort::Severity => {
                self.some_incident(dice, |i| i.status != REDIRECTED && !i.alerts.is_empty())
            }
            _ => self.some_incident(dice, open),
        };
        match (sort, place) {
            (Sort::Bulk, _) => self.change(Sort::Bulk, 0, dice, at),
            (Sort::Incident, _) | (_, None) => self.change(Sort::Incident, 0, dice, at),
            (sort, Some(place)) => self.change(sort, place, dice, at),
        }
    }

    /// One of the incidents that are like this, newer ones more often than old ones.
    fn some_incident(
        &self,
        dice: &mut Dice,
        like: impl Fn(&super::world::Incident) -> bool,
    ) -> Option<u32> {
        let count = self.incidents.len();
        if count == 0 {
            return None;
        }
        let near = if dice.chance(70) {
            count.min(200)
        } else {
            count
        };
        let from = count - 1 - dice.index(near);
        (0..count)
            .map(|step| (from + count - step) % count)
            .find(|place| like(&self.incidents[*place]))
            .map(|place| place as u32)
    }

    /// Makes one change of this sort to the incident at `place`. Gives its sort and the id it concerns,
    /// or nothing when that incident cannot be changed so.
    pub fn change(&mut self, sort: Sort, place: u32, dice: &mut Dice, at: Ticks) -> Option<String> {
        let analyst = {
            let who = dice.pick(&self.catalogue.analysts).clone();
            self.name(&who)
        };
        if sort == Sort::Bulk {
            let tag = dice.pick(&self.catalogue.custom_tags).clone();
            let by = self.name("Microsoft 365 Defender-Automation");
            let newest = (0..self.incidents.len() as u32).rev().take(BULK);
            for place in newest.collect::<Vec<_>>() {
                let row = &mut self.incidents[place as usize];
                if row.status != REDIRECTED {
                    let tags = &mut row.extra_mut().custom_tags;
                    if !tags.contains(&tag) {
                        tags.push(tag.clone());
                    }
                    self.touch_incident(place, at, by);
                }
            }
            return Some(format!("bulk {tag}"));
        }
        if sort == Sort::Incident {
            let n = self.churn.made;
            self.churn.made += 1;
            let place = self.incidents.len() as u32;
            // Apart from those that come by themselves.
            self.trickle(1 << 40 | n, at);
            return Some(format!("incident {}", self.incident_id(place)));
        }
        let incident = self.incidents.get(place as usize)?;
        if incident.status == REDIRECTED {
            return None;
        }
        let alerts = incident.alerts.clone();
        let alert = (!alerts.is_empty()).then(|| *dice.pick(&alerts));
        let row = &mut self.incidents[place as usize];
        let mut concerns = None;
        match sort {
            Sort::Assign => {
                row.assigned = if row.assigned != 0 && dice.chance(15) {
                    0
                } else {
                    analyst
                };
            }
            Sort::Status => {
                row.status = if row.status == ACTIVE {
                    IN_PROGRESS
                } else {
                    ACTIVE
                };
            }
            Sort::Tag => {
                let tag = dice.pick(&self.catalogue.custom_tags).clone();
                let tags = &mut row.extra_mut().custom_tags;
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
            Sort::Comment => {
                let text = dice.pick(&self.catalogue.comments).clone();
                let by = self.names[analyst as usize].clone();
                let row = &mut self.incidents[place as usize];
                row.extra_mut().comments.push(Comment { text, by, at });
            }
            Sort::AlertComment => {
                let alert = alert?;
                let text = dice.pick(&self.catalogue.comments).clone();
                let by = self.names[analyst as usize].clone();
                self.alerts[alert as usize]
                    .comments
                    .push(Comment { text, by, at });
                concerns = Some(alert);
            }
            Sort::Severity => {
                let alert = alert?;
                let row = &mut self.alerts[alert as usize];
                row.severity = 1 + (row.severity + dice.below(3) as u8) % 4;
                let highest = alerts.iter().map(|a| self.alerts[*a as usize].severity);
                self.incidents[place as usize].severity = highest.max().unwrap_or(1);
                concerns = Some(alert);
            }
            Sort::Alert => {
                let mut new = self.everyday_alert(dice, place, at + 20 * MINUTE);
                new.created = at;
                new.updated = at;
                new.last = at - MINUTE;
                new.first = new.first.min(new.last);
                new.status = if row_is_open(self, place) { 1 } else { 3 };
                let severity = new.severity;
                let alert = self.push_alert(new);
                let row = &mut self.incidents[place as usize];
                row.severity = row.severity.max(severity);
                self.touch_incident(place, at, analyst);
                return Some(format!("alert {}", self.alert_id(alert)));
            }
            Sort::Merge => {
                let into = self.some_incident(dice, |i| {
                    (i.status == ACTIVE || i.status == IN_PROGRESS)
                        && i.id != self.incidents[place as usize].id
                })?;
                self.merge(place, into, at);
                return Some(format!(
                    "merge {} into {}",
                    self.incident_id(place),
                    self.incident_id(into)
                ));
            }
            Sort::Evidence => {
                let alert = alert?;
                let evidence = self.another_device(dice, at);
                self.churn.late.entry(alert).or_default().push(evidence);
                self.alerts[alert as usize].last = at - MINUTE;
                concerns = Some(alert);
            }
            Sort::Resolve => {
                row.status = RESOLVED;
                (row.classification, row.determination) = verdict(dice);
                row.assigned = analyst;
                row.extra_mut().resolving_comment = Some("Closed after review.".into());
                self.touch_incident(place, at, analyst);
                resolve_alerts(self, place, at);
                return Some(format!("resolve {}", self.incident_id(place)));
            }
            Sort::ResolveAlert => {
                let alert = alert?;
                let row = &mut self.alerts[alert as usize];
                (row.classification, row.determination) = verdict(dice);
                self.set_alert_status(alert, 3, at);
                concerns = Some(alert);
            }
            Sort::Reopen => {
                row.status = ACTIVE;
                if let Some(alert) = alert {
                    self.set_alert_status(alert, 1, at);
                    concerns = Some(alert);
                }
            }
            Sort::Incident | Sort::Bulk => {}
        }
        if let Some(alert) = concerns {
            self.touch_alert(alert, at);
        }
        self.touch_incident(place, at, analyst);
        Some(match concerns {
            Some(alert) => format!("{} {}", sort.name(), self.alert_id(alert)),
            None => format!("{} {}", sort.name(), self.incident_id(place)),
        })
    }

    /// A device that turns out to be concerned as well.
    fn another_device(&self, dice: &mut Dice, at: Ticks) -> Evidence {
        let machine = dice.pick(&self.machines);
        Evidence {
            kind: "deviceEvidence".into(),
            created: at,
            verdict: "suspicious".into(),
            remediation: "none".into(),
            details: None,
            roles: vec!["contextual".into()],
            detailed_roles: Vec::new(),
            tags: Vec::new(),
            own: machine.json.clone(),
            entity: String::new(),
        }
    }
}

fn row_is_open(world: &World, place: u32) -> bool {
    world.incidents[place as usize].status != RESOLVED
}

/// A classification and a determination that go together.
fn verdict(dice: &mut Dice) -> (u8, u8) {
    let (class, determination) = *dice.pick(&[
        ("truePositive", "malware"),
        ("truePositive", "phishing"),
        ("falsePositive", "notMalicious"),
        ("informationalExpectedActivity", "securityTesting"),
        ("informationalExpectedActivity", "lineOfBusinessApplication"),
    ]);
    (
        words::place(words::CLASSIFICATION, class).unwrap_or(1),
        words::place(words::DETERMINATION, determination).unwrap_or(1),
    )
}
