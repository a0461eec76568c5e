//! Making the tenant: fleet, people, thirty days of incidents, and the trickle that goes on.

use std::collections::HashMap;
use std::sync::Arc;

use super::accounts::Accounts;
use super::churn::Churn;
use super::clock::{Clock, DAY, HOUR, MINUTE, SECOND, Ticks};
use super::defender::state::Endpoint;
use super::ids::{self, Dice};
use super::life::Life;
use super::mail::Mail;
use super::noise::Catalogue;
use super::noise::rhythm::Stretch;
use super::people::{Machine, Person};
use super::scenario::Scenario;
use super::story::Story;
use super::tasks::Tasks;
use super::words;
use super::world::{ACTIVE, Alert, Body, Comment, IN_PROGRESS, Incident, Index, RESOLVED, World};

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Everyday incidents.
    pub incidents: usize,
    /// Everyday alerts.
    pub alerts: usize,
    /// Devices.
    pub machines: usize,
}

/// The oldest everyday incident is at most this old: hunting, which reaches thirty days back, finds it
/// for some hours more.
const SPAN: Ticks = 30 * DAY - 6 * HOUR;

impl World {
    /// The tenant as it stands when it starts, before the first story event.
    pub fn build(
        seed: u64,
        tenant: &str,
        clock: Arc<Clock>,
        scale: Scale,
        trickle: bool,
        scenarios: Vec<Scenario>,
    ) -> Result<Self, String> {
        let catalogue = Catalogue::load(seed)?;
        let start = clock.start();
        let mut world = Self {
            seed,
            tenant: tenant.into(),
            portal: super::clouds::Cloud::Global.portal(),
            clock,
            people: Vec::with_capacity(scale.machines),
            machines: Vec::with_capacity(scale.machines),
            names: vec![String::new()],
            incidents: Vec::with_capacity(scale.incidents + 64),
            alerts: Vec::with_capacity(scale.alerts + 256),
            incident_index: Index::default(),
            alert_index: Index::default(),
            actions: Vec::new(),
            accounts: Accounts::default(),
            mail: Mail::default(),
            tasks: Tasks::default(),
            story: Story::quiet(trickle),
            churn: Churn::default(),
            life: Life::default(),
            endpoint: Endpoint::default(),
            alert_places: HashMap::with_capacity(scale.alerts + 256),
            machine_places: HashMap::with_capacity(scale.machines * 2),
            first_incident: 1000 + (ids::mix(seed ^ 0x1d) % 90_000) as u32,
            catalogue,
        };
        let taken: Vec<String> = scenarios
            .iter()
            .flat_map(|s| s.machine.iter().map(|m| m.host.clone()))
            .collect();
        world.populate(scale.machines.max(1), &taken, start);
        for scenario in scenarios {
            world.tell(scenario)?;
        }
        world.line_up();
        world.queue(scale, start);
        Ok(world)
    }

    fn populate(&mut self, machines: usize, taken: &[String], start: Ticks) {
        for n in 0..machines {
            let mut dice = Dice::of(self.seed, 10, n as u64);
            let first = dice.pick(&self.catalogue.first_names).clone();
            let last = dice.pick(&self.catalogue.last_names).clone();
            // Names repeat in a large company: a number keeps the accounts apart.
            let mut account = format!("{}{}", first[..1].to_lowercase(), last.to_lowercase());
            let mut display = format!("{first} {last}");
            if n >= 40 || self.people.iter().any(|p| p.account == account) {
                account = format!("{account}{n}");
                display = format!("{display}{n}");
            }
            self.people
                .push(Person::new(self.seed, n as u32, &display, &account));
            let machine = Machine::new(
                self.seed,
                n as u32,
                &self.catalogue.fleet,
                &self.people[n],
                taken,
                start,
            );
            self.push_machine(machine);
        }
    }

    /// Adds a machine and gives its place.
    pub fn push_machine(&mut self, machine: Machine) -> u32 {
        let place = self.machines.len() as u32;
        self.machine_places.insert(machine.id.clone(), place);
        self.machine_places
            .insert(machine.dns.to_ascii_lowercase(), place);
        self.machines.push(machine);
        place
    }

    fn queue(&mut self, scale: Scale, start: Ticks) {
        let analysts: Vec<u32> = self
            .catalogue
            .analysts
            .clone()
            .iter()
            .map(|a| self.name(a))
            .collect();
        let service = self.name("Microsoft 365 Defender-Automation");
        let count = scale.incidents;
        let past = Stretch::new(start - SPAN, start);
        for n in 0..count {
            let mut dice = Dice::of(self.seed, 1, n as u64);
            // Oldest first, so that ids grow with time; the newest everyday incident is some minutes old.
            let share = (n as f64 + dice.below(1000) as f64 / 1000.0) / count.max(1) as f64;
            let created = past.moment(share).min(start - 25 * MINUTE);
            let incident = self.everyday_incident(&mut dice, created, &analysts, service, start);
            self.push_incident(incident);
        }
        if count == 0 {
            return;
        }
        for n in 0..scale.alerts {
            let mut dice = Dice::of(self.seed, 2, n as u64);
            // Every incident gets one; the rest gather on few, as they do.
            let place = if n < count {
                n
            } else {
                let at = dice.below(count as u64);
                if dice.chance(55) {
                    at as usize
                } else {
                    (at * at / count as u64) as usize
                }
            };
            let alert = self.everyday_alert(&mut dice, place as u32, start);
            self.push_alert(alert);
        }
        self.settle(start);
    }

    fn everyday_incident(
        &self,
        dice: &mut Dice,
        created: Ticks,
        analysts: &[u32],
        service: u32,
        start: Ticks,
    ) -> Incident {
        let age = start - created;
        let resolved = dice.chance(if age > 3 * DAY {
            84
        } else if age > DAY {
            60
        } else {
            18
        });
        let status = if resolved {
            RESOLVED
        } else if dice.chance(35) {
            IN_PROGRESS
        } else {
            ACTIVE
        };
        let assigned = if status == ACTIVE && dice.chance(80) || dice.chance(12) {
            0
        } else {
            *dice.pick(analysts)
        };
        let span = (age / 2).clamp(MINUTE, 9 * HOUR);
        let updated = created + MINUTE + dice.below(span as u64) as i64;
        let mut incident = Incident {
            id: self.incident_id(self.incidents.len() as u32),
            created,
            updated: updated.min(start - SECOND),
            severity: 1,
            status,
            classification: 1,
            determination: 1,
            priority: dice.chance(90).then(|| (dice.below(60) + 5) as u8),
            assigned,
            modified_by: if assigned == 0 { service } else { assigned },
            redirect: 0,
            alerts: Vec::new(),
            extra: None,
        };
        if dice.chance(10) {
            let tag = dice.pick(&self.catalogue.custom_tags).clone();
            incident.extra_mut().custom_tags.push(tag);
        }
        if dice.chance(6) {
            let tag = dice.pick(&self.catalogue.system_tags).clone();
            incident.extra_mut().system_tags.push(tag);
        }
        if assigned != 0 && dice.chance(25) {
            let text = dice.pick(&self.catalogue.comments).clone();
            let by = self.names[assigned as usize].clone();
            let at = incident.updated - SECOND;
            incident.extra_mut().comments.push(Comment { text, by, at });
        }
        incident
    }

    /// An everyday alert for an incident, created with it or some time after.
    pub fn everyday_alert(&self, dice: &mut Dice, place: u32, start: Ticks) -> Alert {
        let incident = &self.incidents[place as usize];
        let first_of_incident = incident.alerts.is_empty();
        let (machine, person, recipe) = match incident
            .alerts
            .first()
            .map(|a| &self.alerts[*a as usize].body)
        {
            // Alerts of one incident are about the same device and person, mostly.
            Some(Body::Everyday {
                machine,
                person,
                recipe,
            }) if dice.chance(85) => {
                let recipe = if dice.chance(60) {
                    *recipe
                } else {
                    self.catalogue.choose(dice)
                };
                (*machine, *person, recipe)
            }
            _ => {
                let machine = dice.index(self.machines.len().min(self.people.len())) as u32;
                (
                    machine,
                    self.machines[machine as usize].person,
                    self.catalogue.choose(dice),
                )
            }
        };
        let source = &self.catalogue.recipes[recipe as usize];
        let later = if first_of_incident {
            0
        } else {
            dice.below((4 * HOUR) as u64) as i64
        };
        let created = (incident.created + later)
            .min(start - 20 * MINUTE)
            .max(incident.created);
        let resolved = incident.status == RESOLVED;
        let updated = (created + dice.below((40 * MINUTE) as u64) as i64)
            .min(start - SECOND)
            .max(created);
        let status = if resolved {
            3
        } else if incident.status == IN_PROGRESS {
            2
        } else {
            1
        };
        let last = created - MINUTE - dice.below((5 * MINUTE) as u64) as i64;
        let verdict = self.catalogue.verdict(recipe, dice);
        Alert {
            key: ids::as_v4(dice.wide()),
            incident: place,
            created,
            updated,
            first: last - dice.below((20 * MINUTE) as u64) as i64,
            last,
            resolved: if resolved {
                incident.updated.max(updated)
            } else {
                0
            },
            severity: *dice.pick(&source.severity),
            status,
            classification: if resolved { verdict.0 } else { 0 },
            determination: if resolved { verdict.1 } else { 0 },
            investigation: words::place(
                words::INVESTIGATION,
                match source.shell.source.name {
                    "antivirus" if resolved => "successfullyRemediated",
                    "office" if dice.chance(30) && !resolved => "pendingApproval",
                    "antivirus" | "endpoint" => "queued",
                    _ => "unsupportedAlertType",
                },
            )
            .unwrap_or(0),
            assigned: incident.assigned,
            body: Body::Everyday {
                recipe,
                machine,
                person,
            },
            comments: Vec::new(),
        }
    }

    /// Gives incidents what follows from their alerts: severity, verdict, time of last change.
    fn settle(&mut self, start: Ticks) {
        for place in 0..self.incidents.len() as u32 {
            let incident = &self.incidents[place as usize];
            let mut severity = 1;
            let mut updated = incident.updated;
            let mut closing = (1, 1);
            for alert in &incident.alerts {
                let alert = &self.alerts[*alert as usize];
                severity = severity.max(alert.severity);
                updated = updated.max(alert.updated);
                if alert.classification != 0 {
                    closing = (alert.classification, alert.determination);
                }
            }
            let old = incident.updated;
            if incident.status == RESOLVED {
                // One case has one verdict.
                for alert in &incident.alerts {
                    let alert = &mut self.alerts[*alert as usize];
                    (alert.classification, alert.determination) = closing;
                }
            }
            let incident = &mut self.incidents[place as usize];
            incident.severity = severity;
            if incident.status == RESOLVED {
                (incident.classification, incident.determination) = closing;
            }
            incident.priority = incident.priority.map(|p| (p / 2 + severity * 12).min(100));
            incident.updated = updated.min(start - SECOND);
            let new = incident.updated;
            if new != old {
                self.incident_index.updated.remove(&(old, place));
                self.incident_index.updated.insert((new, place));
            }
        }
    }

    /// One more everyday incident, created at `at`. Gives its place.
    pub fn trickle(&mut self, n: u64, at: Ticks) -> u32 {
        let mut dice = Dice::of(self.seed, 3, n);
        let service = self.name("Microsoft 365 Defender-Automation");
        let incident = Incident {
            id: self.incident_id(self.incidents.len() as u32),
            created: at,
            updated: at,
            severity: 1,
            status: ACTIVE,
            classification: 1,
            determination: 1,
            priority: None,
            assigned: 0,
            modified_by: service,
            redirect: 0,
            alerts: Vec::new(),
            extra: None,
        };
        let place = self.push_incident(incident);
        // Most have one alert, few have many.
        let alerts = match dice.below(100) {
            0..40 => 1,
            40..60 => 2,
            60..85 => 3 + dice.below(2),
            _ => 5 + dice.below(5),
        };
        for _ in 0..alerts {
            let mut alert = self.everyday_alert(&mut dice, place, at + 20 * MINUTE);
            alert.created = at;
            alert.updated = at;
            let severity = alert.severity;
            self.push_alert(alert);
            let row = &mut self.incidents[place as usize];
            row.severity = row.severity.max(severity);
        }
        let row = &mut self.incidents[place as usize];
        row.priority = Some((row.severity * 14 + dice.below(30) as u8).min(100));
        place
    }
}
