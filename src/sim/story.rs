//! The stories: what is still to happen, and letting it happen.
//!
//! Nothing runs while nobody asks: whatever is due is applied before the next answer, with the time
//! it was due at.

use std::collections::HashMap;
use std::sync::Arc;

use super::cast::{Cast, Setting};
use super::clock::{Clock, SECOND, Ticks};
use super::defender::actions::{Action, Kind};
use super::ids::{self, Dice};
use super::noise::{Shell, ShellText, rhythm};
use super::scenario::{AlertFile, EventFile, EvidenceFile, IncidentFile, Scenario, When};
use super::words;
use super::world::{ACTIVE, Alert, Body, Comment, Incident, RESOLVED, Told, World};

/// What is still to happen.
#[derive(Debug, Default)]
pub struct Story {
    /// The stories that are told.
    pub tales: Vec<Tale>,
    /// What happens, by time.
    events: Vec<(Ticks, Event)>,
    next: usize,
    /// Number and time of the next everyday incident.
    trickle: Option<(u64, Ticks)>,
}

/// One story, and where what it is about stands in the tenant. Keys are its own.
#[derive(Debug)]
pub struct Tale {
    /// Its entities.
    pub cast: Arc<Cast>,
    incidents: HashMap<String, u32>,
    alerts: HashMap<String, u32>,
    machines: HashMap<String, u32>,
}

#[cfg(test)]
impl Tale {
    /// The places of its incidents so far.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        self.incidents.values().copied()
    }
}

#[derive(Debug, Clone, Copy)]
struct Event {
    /// Place of the story.
    tale: usize,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Incident(usize),
    Alert(usize),
    Other(usize),
}

/// Everyday incidents come this far apart, in seconds of story time at an average hour: from, and
/// how much more at most. About 700 a day, which is about 1,900 alerts.
const TRICKLE: (i64, u64) = (75, 96);

impl Story {
    /// A tenant in which only everyday things happen, or nothing at all.
    pub fn quiet(trickle: bool) -> Self {
        Self {
            trickle: trickle.then_some((0, 0)),
            ..Self::default()
        }
    }
}

impl World {
    /// Brings people and devices of a scenario into the tenant and lines up what will happen.
    pub fn tell(&mut self, scenario: Scenario) -> Result<(), String> {
        let clock = Arc::clone(&self.clock);
        self.tell_by(scenario, clock)
    }

    /// Brings in a further story, which begins at `now`. What it says happened before that happens at once.
    pub fn tell_at(&mut self, scenario: Scenario, now: Ticks) -> Result<(), String> {
        let hands = self.clock.hands();
        let clock = Clock::with(now, hands, self.clock.speed());
        self.tell_by(scenario, Arc::new(clock))?;
        self.story.events[self.story.next..].sort_by_key(|(at, _)| *at);
        self.advance(now)
    }

    /// A story whose times are those of a clock.
    fn tell_by(&mut self, scenario: Scenario, clock: Arc<Clock>) -> Result<(), String> {
        let name = scenario.story.name.clone();
        let told = |e| format!("{name}: {e}");
        let setting = Setting {
            seed: self.seed,
            fleet: &self.catalogue.fleet,
            people: &self.people,
            names: [&self.catalogue.first_names, &self.catalogue.last_names],
            machines: self.machines.len() as u32,
        };
        let cast = Cast::new(scenario, clock, setting).map_err(told)?;
        if self.tale_named(&name).is_some() {
            return Err(format!("two stories are called {name}"));
        }
        self.people.extend(cast.newcomers.iter().cloned());
        let mut machines = HashMap::new();
        for file in &cast.scenario.machine {
            let machine = cast.machines[&file.key].clone();
            if self.find_machine(&machine.id).is_some() {
                return Err(told(format!("another story has a machine {}", file.host)));
            }
            machines.insert(file.key.clone(), self.push_machine(machine));
        }
        let tale = self.story.tales.len();
        let s = &cast.scenario;
        let mut push = |at: When, what| {
            self.story.events.push((cast.at(at), Event { tale, what }));
        };
        for (n, incident) in s.incident.iter().enumerate() {
            push(incident.at, What::Incident(n));
        }
        for (n, alert) in s.alert.iter().enumerate() {
            push(alert.at, What::Alert(n));
        }
        for (n, event) in s.event.iter().enumerate() {
            push(event.at(), What::Other(n));
        }
        self.story.tales.push(Tale {
            cast: Arc::new(cast),
            incidents: HashMap::new(),
            alerts: HashMap::new(),
            machines,
        });
        Ok(())
    }

    fn tale_named(&self, name: &str) -> Option<&Tale> {
        let mut tales = self.story.tales.iter();
        tales.find(|t| t.cast.scenario.story.name == name)
    }

    /// Puts what happens in all stories into one order.
    pub fn line_up(&mut self) {
        // A stable sort: what a file says first happens first.
        self.story.events.sort_by_key(|(at, _)| *at);
    }

    /// When something happens next.
    pub fn next_event(&self) -> Ticks {
        let everyday = self.story.trickle.map_or(Ticks::MAX, |(_, at)| at);
        let effect = self.endpoint.next_effect().unwrap_or(Ticks::MAX);
        let told = self.next_told().min(effect);
        told.min(everyday).min(self.life.next())
    }

    /// When the stories go on.
    fn next_told(&self) -> Ticks {
        let next = self.story.events.get(self.story.next);
        next.map_or(Ticks::MAX, |(at, _)| *at)
    }

    /// Lets everything happen that is due. The error names the entry of the scenario that is wrong.
    pub fn advance(&mut self, now: Ticks) -> Result<(), String> {
        if let Some((n, 0)) = self.story.trickle {
            let start = self.clock.start();
            self.story.trickle = Some((n, self.next_trickle(n, start)));
            self.gather_team(start);
        }
        loop {
            let next = self.next_event();
            if next > now {
                return Ok(());
            }
            if self.endpoint.next_effect() == Some(next) {
                super::defender::effects::happen(self);
            } else if self.next_told() == next {
                let event = self.story.events[self.story.next].1;
                self.story.next += 1;
                self.happen(event, next)?;
            } else if let Some((n, at)) = self.story.trickle.filter(|(_, at)| *at == next) {
                let place = self.trickle(n, at);
                self.tune_some(n, place, at);
                self.follow_up(n, place, at);
                self.story.trickle = Some((n + 1, self.next_trickle(n + 1, at)));
            } else {
                self.live(next);
            }
        }
    }

    fn next_trickle(&self, n: u64, after: Ticks) -> Ticks {
        let seconds = TRICKLE.0 + Dice::of(self.seed, 4, n).below(TRICKLE.1) as i64;
        let pace = rhythm::busy(after) * self.life.rate;
        let span = (seconds * SECOND) as f64 / pace;
        after + self.clock.scaled(span as Ticks).max(1)
    }

    fn happen(&mut self, event: Event, at: Ticks) -> Result<(), String> {
        let cast = Arc::clone(&self.story.tales[event.tale].cast);
        let s = &cast.scenario;
        let tale = event.tale;
        match event.what {
            What::Incident(n) => self
                .open_incident(tale, &s.incident[n], at)
                .map_err(|e| format!("incident {}: {e}", s.incident[n].key)),
            What::Alert(n) => self
                .open_alert(tale, &cast, &s.alert[n], at)
                .map_err(|e| format!("alert {}: {e}", s.alert[n].key)),
            What::Other(n) => self.other(tale, &cast, &s.event[n], at),
        }
        .map_err(|e| format!("{}: {e}", s.story.name))
    }

    /// Whether a device of a story is isolated at a moment: what the attacker does there no longer works.
    pub fn is_isolated(&self, tale: usize, key: &str, at: Ticks) -> bool {
        let Some(place) = self.story.tales[tale].machines.get(key) else {
            return false;
        };
        self.actions
            .iter()
            .filter(|a| a.machine == *place && matches!(a.kind, Kind::Isolate | Kind::Unisolate))
            .filter(|a| a.took_effect(at))
            .max_by_key(|a| a.ends)
            .is_some_and(|a| a.kind == Kind::Isolate)
    }

    fn open_incident(&mut self, tale: usize, file: &IncidentFile, at: Ticks) -> Result<(), String> {
        let by = self.name("Microsoft 365 Defender-Correlation");
        let severity = words::place(words::SEVERITY, &file.severity).ok_or("no such severity")?;
        let mut incident = Incident {
            id: self.incident_id(self.incidents.len() as u32),
            created: at,
            updated: at,
            severity,
            status: ACTIVE,
            classification: 1,
            determination: 1,
            priority: file.priority,
            assigned: 0,
            modified_by: by,
            redirect: 0,
            alerts: Vec::new(),
            extra: None,
        };
        let extra = incident.extra_mut();
        extra.title = Some(file.title.clone());
        extra.summary.clone_from(&file.summary);
        extra.custom_tags.clone_from(&file.custom_tags);
        extra.system_tags.clone_from(&file.system_tags);
        let place = self.push_incident(incident);
        self.story.tales[tale]
            .incidents
            .insert(file.key.clone(), place);
        Ok(())
    }

    /// The incident a key stands for, merges followed.
    fn story_incident(&self, tale: usize, key: &str) -> Result<u32, String> {
        let mut place = *self.story.tales[tale]
            .incidents
            .get(key)
            .ok_or_else(|| format!("no incident is called {key} yet"))?;
        while self.incidents[place as usize].redirect != 0 {
            place = self.incidents[place as usize].redirect - self.first_incident;
        }
        Ok(place)
    }

    fn open_alert(
        &mut self,
        tale: usize,
        cast: &Cast,
        file: &AlertFile,
        at: Ticks,
    ) -> Result<(), String> {
        if file
            .unless_isolated
            .as_deref()
            .is_some_and(|key| self.is_isolated(tale, key, cast.at(file.first)))
        {
            return Ok(());
        }
        let source = words::source_named(&file.source).ok_or("no such source")?;
        let shell = Shell::new(
            self.seed,
            ShellText {
                source,
                title: &file.title,
                description: &file.description,
                actions: &file.actions,
                categories: file.categories.clone(),
                techniques: file.techniques.clone(),
                threat: file.threat.as_deref(),
            },
        );
        let evidence = file
            .evidence
            .iter()
            .map(|e| cast.evidence(e, at))
            .collect::<Result<Vec<_>, _>>()?;
        let incident = self.story_incident(tale, &file.incident)?;
        let alert = Alert {
            key: cast.alert_key(&file.key),
            incident,
            created: at,
            updated: at,
            first: cast.at(file.first),
            last: cast.at(file.last),
            resolved: 0,
            severity: words::place(words::SEVERITY, &file.severity).ok_or("no such severity")?,
            status: 1,
            classification: 0,
            determination: 0,
            investigation: words::place(words::INVESTIGATION, &file.state)
                .ok_or("no such investigation state")?,
            assigned: self.incidents[incident as usize].assigned,
            body: Body::Told(Box::new(Told {
                shell: Arc::new(shell),
                evidence,
                additional: "{\"Intent\":0,\"Intent@odata.type\":\"#Int64\"}".into(),
                custom: cast.object(&file.custom)?.to_string(),
                actor: file.actor.clone(),
                tags: file.tags.clone(),
            })),
            comments: Vec::new(),
        };
        let severity = alert.severity;
        let place = self.push_alert(alert);
        self.story.tales[tale]
            .alerts
            .insert(file.key.clone(), place);
        let row = &mut self.incidents[incident as usize];
        row.severity = row.severity.max(severity);
        let by = row.modified_by;
        // A resolved incident that gets a new alert is open again; the old verdict stays until
        // somebody gives another.
        if row.status == RESOLVED && file.tuned.is_none() {
            row.status = ACTIVE;
        }
        self.touch_incident(incident, at, by);
        if let Some(rule) = &file.tuned {
            self.tune(place, rule, at);
        }
        Ok(())
    }

    /// Whether somebody outside the team has an incident: colleagues then leave it alone.
    fn is_taken(&self, place: u32) -> bool {
        let row = &self.incidents[place as usize];
        self.text(row.assigned)
            .is_some_and(|who| !self.catalogue.analysts.iter().any(|a| a == who))
    }

    /// An alert that a tuning rule resolves as it comes.
    pub(super) fn tune(&mut self, place: u32, rule: &str, at: Ticks) {
        let alert = &mut self.alerts[place as usize];
        alert.investigation = words::place(words::INVESTIGATION, "suppressedAlert").unwrap_or(0);
        alert.comments.push(Comment {
            text: format!("Resolved by the alert tuning rule \"{rule}\"."),
            by: "Alert tuning".into(),
            at,
        });
        self.touch_alert(place, at);
        self.set_alert_status(place, 3, at);
    }

    fn told(&mut self, tale: usize, key: &str) -> Option<(u32, &mut Told)> {
        let place = *self.story.tales[tale].alerts.get(key)?;
        match &mut self.alerts[place as usize].body {
            Body::Told(told) => Some((place, told)),
            Body::Everyday { .. } => None,
        }
    }

    fn add_evidence(
        &mut self,
        tale: usize,
        cast: &Cast,
        alert: &str,
        files: &[EvidenceFile],
        at: Ticks,
    ) -> Result<(), String> {
        let evidence = files
            .iter()
            .map(|e| cast.evidence(e, at))
            .collect::<Result<Vec<_>, _>>()?;
        // An alert that did not come about gets nothing either.
        let Some((place, told)) = self.told(tale, alert) else {
            return Ok(());
        };
        told.evidence.extend(evidence);
        self.touch_with_incident(place, at);
        Ok(())
    }

    fn touch_with_incident(&mut self, alert: u32, at: Ticks) {
        self.touch_alert(alert, at);
        let incident = self.alerts[alert as usize].incident;
        let by = self.incidents[incident as usize].modified_by;
        self.touch_incident(incident, at, by);
    }

    fn other(
        &mut self,
        tale: usize,
        cast: &Cast,
        event: &EventFile,
        at: Ticks,
    ) -> Result<(), String> {
        match event {
            EventFile::Evidence {
                alert, evidence, ..
            } => self.add_evidence(tale, cast, alert, evidence, at)?,
            EventFile::Remediation {
                alert,
                of,
                verdict,
                remediation,
                text,
                ..
            } => {
                if let Some((place, told)) = self.told(tale, alert) {
                    for evidence in told.evidence.iter_mut().filter(|e| e.entity == *of) {
                        evidence.verdict.clone_from(verdict);
                        evidence.remediation.clone_from(remediation);
                        evidence.details.clone_from(text);
                    }
                    self.touch_with_incident(place, at);
                }
            }
            EventFile::Merge { incident, into, .. } => {
                let (from, into) = (
                    self.story_incident(tale, incident)?,
                    self.story_incident(tale, into)?,
                );
                self.merge(from, into, at);
            }
            EventFile::Title { incident, text, .. } => {
                let place = self.story_incident(tale, incident)?;
                self.incidents[place as usize].extra_mut().title = Some(text.clone());
                let by = self.name("Microsoft 365 Defender-Correlation");
                self.touch_incident(place, at, by);
            }
            EventFile::Assign { incident, who, .. } => {
                let place = self.story_incident(tale, incident)?;
                if self.is_taken(place) {
                    return Ok(());
                }
                let name = self.name(who);
                self.take(place, name, at);
            }
            EventFile::Comment {
                incident,
                who,
                text,
                ..
            } => {
                let place = self.story_incident(tale, incident)?;
                let comment = Comment {
                    text: text.clone(),
                    by: who.clone(),
                    at,
                };
                self.incidents[place as usize]
                    .extra_mut()
                    .comments
                    .push(comment);
                let name = self.name(who);
                self.touch_incident(place, at, name);
            }
            EventFile::Resolve {
                incident,
                who,
                classification,
                determination,
                text,
                ..
            } => {
                let place = self.story_incident(tale, incident)?;
                if self.is_taken(place) {
                    return Ok(());
                }
                let name = self.name(who);
                let row = &mut self.incidents[place as usize];
                row.status = RESOLVED;
                row.classification = words::place(words::CLASSIFICATION, classification)
                    .ok_or("no such classification")?;
                row.determination = words::place(words::DETERMINATION, determination)
                    .ok_or("no such determination")?;
                row.extra_mut().resolving_comment = Some(text.clone());
                self.touch_incident(place, at, name);
                super::graph::incidents::resolve_alerts(self, place, at);
            }
            EventFile::Action {
                machine,
                kind,
                scope,
                who,
                text,
                ..
            } => {
                let place = *self.story.tales[tale]
                    .machines
                    .get(machine)
                    .ok_or_else(|| format!("no machine is called {machine}"))?;
                self.portal_action(place, kind, scope.clone(), who, text, at)?;
            }
        }
        Ok(())
    }

    /// A machine action that somebody starts in the portal: `kind` is its `type`.
    pub fn portal_action(
        &mut self,
        machine: u32,
        kind: &str,
        scope: Option<String>,
        who: &str,
        text: &str,
        at: Ticks,
    ) -> Result<(), String> {
        let kind =
            Kind::named(kind).ok_or_else(|| format!("no machine action is called {kind}"))?;
        let starts = at + self.clock.scaled(5 * SECOND);
        self.actions.push(Action {
            id: ids::guid(self.seed, &format!("story action {}", self.actions.len())),
            kind,
            scope,
            requestor: who.into(),
            source: "Portal",
            comment: text.into(),
            machine,
            created: at,
            starts,
            ends: starts + self.clock.scaled(75 * SECOND),
            outcome: "Succeeded",
            cancelled: None,
            more: None,
        });
        Ok(())
    }
}
