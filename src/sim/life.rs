//! What happens to everyday incidents after they have come: automation closes what the service has
//! dealt with, tuning rules what nobody wants to see, a team takes up the rest at a human pace, related
//! ones are merged, alerts get more evidence late, and something closed comes back.
//!
//! All of it is a function of the seed and the tenant's time, applied when somebody asks. It keeps away
//! from the stories, and from whatever somebody outside has taken or changed.

use std::collections::BTreeMap;

use super::churn::Sort;
use super::clock::{HOUR, MINUTE, SECOND, Ticks};
use super::graph::incidents::resolve_alerts;
use super::ids::Dice;
use super::noise::rhythm;
use super::words;
use super::world::{ACTIVE, Body, Comment, IN_PROGRESS, Name, RESOLVED, World};

/// What is still to happen to everyday incidents.
#[derive(Debug)]
pub struct Life {
    /// How many times the usual number of everyday incidents comes; the team grows with it.
    pub rate: f64,
    /// By time, and in the order of their making.
    chores: BTreeMap<(Ticks, u64), Chore>,
    made: u64,
    /// Number and time of the next incident the team takes up.
    team: Option<(u64, Ticks)>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            rate: 1.0,
            chores: BTreeMap::new(),
            made: 0,
            team: None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Chore {
    /// Automation closes an incident.
    Close(u32),
    /// Somebody writes under the incident they took.
    Comment(u32, Name),
    /// Somebody closes the incident they took.
    Resolve(u32, Name),
    /// An alert gets more evidence.
    Evidence(u32),
    /// A closed incident gets a new alert.
    Reopen(u32),
    /// An incident turns out to be part of another.
    Merge(u32, u32),
}

/// One of the team takes so long for an incident, on average.
const CASE: Ticks = 15 * MINUTE;
/// The team looks at so many of the newest incidents.
const SIGHT: usize = 300;
/// What the service itself signs with.
const AUTOMATION: &str = "Microsoft 365 Defender-Automation";

impl Life {
    /// When something happens next.
    pub fn next(&self) -> Ticks {
        let chore = self
            .chores
            .first_key_value()
            .map_or(Ticks::MAX, |(k, _)| k.0);
        self.team.map_or(chore, |(_, at)| chore.min(at))
    }

    fn line_up(&mut self, at: Ticks, chore: Chore) {
        self.chores.insert((at, self.made), chore);
        self.made += 1;
    }
}

impl World {
    /// From `at` on a team works the queue.
    pub(super) fn gather_team(&mut self, at: Ticks) {
        self.life.team = Some((0, self.next_case(0, at)));
    }

    fn next_case(&self, n: u64, after: Ticks) -> Ticks {
        let half = (CASE / 2) as u64;
        let length = CASE / 2 + Dice::of(self.seed, 44, n).below(2 * half) as i64;
        let people = f64::from(rhythm::staff(after)) * self.life.rate;
        after + self.clock.scaled((length as f64 / people) as Ticks).max(1)
    }

    /// A stretch of story time between two spans, from `at` on.
    fn soon(&self, dice: &mut Dice, at: Ticks, least: Ticks, most: Ticks) -> Ticks {
        let span = least + dice.below((most - least).max(1) as u64) as i64;
        at + self.clock.scaled(span)
    }

    /// Decides what becomes of an everyday incident that has just come.
    pub(super) fn follow_up(&mut self, n: u64, place: u32, at: Ticks) {
        let mut dice = Dice::of(self.seed, 42, n);
        if dice.chance(4)
            && let Some(other) = self.relative(&mut dice, place, at)
        {
            let when = self.soon(&mut dice, at, 3 * MINUTE, 14 * MINUTE);
            self.life.line_up(when, Chore::Merge(place, other));
            return;
        }
        if dice.chance(12) {
            let when = self.soon(&mut dice, at, 6 * MINUTE, 50 * MINUTE);
            self.life.line_up(when, Chore::Evidence(place));
        }
        let alerts = &self.incidents[place as usize].alerts;
        let recipes = || {
            alerts
                .iter()
                .filter_map(|a| match &self.alerts[*a as usize].body {
                    Body::Everyday { recipe, .. } => {
                        Some(&self.catalogue.recipes[*recipe as usize])
                    }
                    Body::Told(_) => None,
                })
        };
        let (dealt, severity) = (
            recipes().all(super::noise::Recipe::is_dealt_with),
            self.incidents[place as usize].severity,
        );
        if dealt && dice.chance(75) {
            let when = self.soon(&mut dice, at, 4 * MINUTE, 40 * MINUTE);
            self.life.line_up(when, Chore::Close(place));
        } else if severity <= 1 && dice.chance(70) || severity == 2 && dice.chance(35) {
            let when = self.soon(&mut dice, at, HOUR, 7 * HOUR);
            self.life.line_up(when, Chore::Close(place));
        }
    }

    /// Resolves those alerts of an incident that tuning rules are meant for.
    pub(super) fn tune_some(&mut self, n: u64, place: u32, at: Ticks) {
        let mut dice = Dice::of(self.seed, 43, n);
        for alert in self.incidents[place as usize].alerts.clone() {
            let Body::Everyday { recipe, .. } = self.alerts[alert as usize].body else {
                continue;
            };
            let rule = self.catalogue.recipes[recipe as usize].tuned.clone();
            if let Some(rule) = rule
                && dice.chance(40)
            {
                self.tune(alert, &rule, at);
            }
        }
    }

    /// Makes a new incident be about the device and the person of an open one, which it gives.
    fn relative(&mut self, dice: &mut Dice, place: u32, at: Ticks) -> Option<u32> {
        let open: Vec<u32> = (0..place)
            .rev()
            .take(40)
            .filter(|p| self.is_untouched(*p) && self.incidents[*p as usize].created < at)
            .collect();
        if open.is_empty() {
            return None;
        }
        let other = *dice.pick(&open);
        let first = *self.incidents[other as usize].alerts.first()?;
        let Body::Everyday {
            machine, person, ..
        } = self.alerts[first as usize].body
        else {
            return None;
        };
        for alert in self.incidents[place as usize].alerts.clone() {
            if let Body::Everyday {
                machine: m,
                person: p,
                ..
            } = &mut self.alerts[alert as usize].body
            {
                (*m, *p) = (machine, person);
            }
        }
        Some(other)
    }

    /// An open everyday incident that nobody has taken and only the service has changed.
    fn is_untouched(&self, place: u32) -> bool {
        let row = &self.incidents[place as usize];
        let by = self.text(row.modified_by).unwrap_or_default();
        row.status == ACTIVE
            && row.assigned == 0
            && by.starts_with("Microsoft 365 Defender-")
            && self.is_everyday(place)
    }

    fn is_everyday(&self, place: u32) -> bool {
        let alerts = &self.incidents[place as usize].alerts;
        !alerts.is_empty()
            && alerts
                .iter()
                .all(|a| matches!(self.alerts[*a as usize].body, Body::Everyday { .. }))
    }

    /// Lets the next of what is due happen.
    pub(super) fn live(&mut self, now: Ticks) {
        let chore = self.life.chores.first_key_value().map(|(k, c)| (*k, *c));
        let team = self.life.team.filter(|(_, at)| *at <= now);
        match (chore.filter(|((at, _), _)| *at <= now), team) {
            (Some((key, chore)), other) if other.is_none_or(|(_, at)| key.0 <= at) => {
                self.life.chores.remove(&key);
                self.do_chore(chore, key);
            }
            (_, Some((n, at))) => {
                self.take_up(n, at);
                self.life.team = Some((n + 1, self.next_case(n + 1, at)));
            }
            _ => {}
        }
    }

    /// Somebody of the team takes the worst of what lies there.
    fn take_up(&mut self, n: u64, at: Ticks) {
        let worst = self
            .incident_index
            .created
            .range(..(at - self.clock.scaled(4 * MINUTE), 0))
            .rev()
            .take(SIGHT)
            .map(|(_, place)| *place)
            .filter(|place| self.is_untouched(*place))
            .max_by_key(|p| {
                let row = &self.incidents[*p as usize];
                (row.severity, std::cmp::Reverse(row.created), row.id)
            });
        let Some(place) = worst else { return };
        let mut dice = Dice::of(self.seed, 45, n);
        let who = dice.pick(&self.catalogue.analysts).clone();
        let who = self.name(&who);
        self.take(place, who, at);
        if dice.chance(60) {
            let when = self.soon(&mut dice, at, 2 * MINUTE, 6 * MINUTE);
            self.life.line_up(when, Chore::Comment(place, who));
        }
        // Some cases stay open until somebody outside answers.
        if dice.chance(88) {
            let when = self.soon(&mut dice, at, 7 * MINUTE, 24 * MINUTE);
            self.life.line_up(when, Chore::Resolve(place, who));
        }
    }

    /// Somebody takes an incident in hand, and with it those of its open alerts that nobody has.
    pub(super) fn take(&mut self, place: u32, who: Name, at: Ticks) {
        let row = &mut self.incidents[place as usize];
        row.assigned = who;
        if row.status == ACTIVE {
            row.status = IN_PROGRESS;
        }
        for alert in row.alerts.clone() {
            let row = &mut self.alerts[alert as usize];
            if row.resolved == 0 && (row.assigned == 0 || row.assigned == who) {
                row.assigned = who;
                self.set_alert_status(alert, 2, at);
                self.touch_alert(alert, at);
            }
        }
        self.touch_incident(place, at, who);
    }

    fn do_chore(&mut self, chore: Chore, (at, number): (Ticks, u64)) {
        let mut dice = Dice::of(self.seed, 46, number);
        match chore {
            Chore::Close(place) if self.is_untouched(place) => {
                let by = self.name(AUTOMATION);
                self.close(place, &mut dice, at, by);
                for alert in self.incidents[place as usize].alerts.clone() {
                    let row = &mut self.alerts[alert as usize];
                    if words::INVESTIGATION[row.investigation as usize] == "queued" {
                        row.investigation =
                            words::place(words::INVESTIGATION, "successfullyRemediated")
                                .unwrap_or(0);
                    }
                }
            }
            Chore::Comment(place, who) if self.is_worked_on(place, who) => {
                let text = dice.pick(&self.catalogue.comments).clone();
                let by = self.names[who as usize].clone();
                let extra = self.incidents[place as usize].extra_mut();
                extra.comments.push(Comment { text, by, at });
                self.touch_incident(place, at, who);
            }
            Chore::Resolve(place, who) if self.is_worked_on(place, who) => {
                let text = dice.pick(&self.catalogue.reasons).clone();
                self.incidents[place as usize].extra_mut().resolving_comment = Some(text);
                self.close(place, &mut dice, at, who);
                if dice.chance(4) {
                    let when = self.soon(&mut dice, at, 25 * MINUTE, 5 * HOUR);
                    self.life.line_up(when, Chore::Reopen(place));
                }
            }
            Chore::Evidence(place) if self.incidents[place as usize].redirect == 0 => {
                let by = self.incidents[place as usize].modified_by;
                self.change(Sort::Evidence, place, &mut dice, at);
                // More evidence is nobody's work.
                self.incidents[place as usize].modified_by = by;
            }
            Chore::Reopen(place) if self.incidents[place as usize].status == RESOLVED => {
                self.reopen(place, &mut dice, at);
            }
            Chore::Merge(place, into) if self.is_untouched(place) && self.is_untouched(into) => {
                self.merge(place, into, at);
            }
            // Somebody else was quicker, or has other plans.
            _ => {}
        }
    }

    /// Whether the one who took an incident still has it.
    fn is_worked_on(&self, place: u32, who: Name) -> bool {
        let row = &self.incidents[place as usize];
        row.status == IN_PROGRESS
            && row.assigned == who
            && row.modified_by == who
            && self.is_everyday(place)
    }

    /// Closes an incident with the verdict of its first alert's recipe, now and then with another one.
    fn close(&mut self, place: u32, dice: &mut Dice, at: Ticks, by: Name) {
        let row = &self.incidents[place as usize];
        let verdict = row.alerts.first().and_then(|a| {
            let Body::Everyday { recipe, .. } = self.alerts[*a as usize].body else {
                return None;
            };
            Some(self.catalogue.verdict(recipe, dice))
        });
        let row = &mut self.incidents[place as usize];
        row.status = RESOLVED;
        let verdict = verdict.unwrap_or((1, 1));
        (row.classification, row.determination) = verdict;
        self.touch_incident(place, at, by);
        resolve_alerts(self, place, at);
        // One case has one verdict, also where some of it was closed before.
        for alert in self.incidents[place as usize].alerts.clone() {
            let row = &mut self.alerts[alert as usize];
            if (row.classification, row.determination) != verdict {
                (row.classification, row.determination) = verdict;
                self.touch_alert(alert, at);
            }
        }
    }

    /// A closed incident gets a new alert and is open again. The verdict stays as it was given, until
    /// somebody gives another: so does the assignment.
    fn reopen(&mut self, place: u32, dice: &mut Dice, at: Ticks) {
        let mut alert = self.everyday_alert(dice, place, at + 20 * MINUTE);
        (alert.created, alert.updated) = (at, at);
        (alert.status, alert.resolved) = (1, 0);
        (alert.classification, alert.determination) = (0, 0);
        alert.last = at - MINUTE;
        alert.first = alert.first.min(alert.last - SECOND);
        let severity = alert.severity;
        self.push_alert(alert);
        let by = self.name("Microsoft 365 Defender-Correlation");
        let row = &mut self.incidents[place as usize];
        row.status = ACTIVE;
        row.severity = row.severity.max(severity);
        self.touch_incident(place, at, by);
    }
}

#[cfg(test)]
mod tests;
