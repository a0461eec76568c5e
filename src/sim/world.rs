//! What exists in the simulated tenant at this moment, and how it changes.
//!
//! Rows are compact and carry no ready JSON; two sorted indexes keep time filters and paging cheap.
//! Knows nothing of HTTP. `build` makes it, `story` and the requests change it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::accounts::Accounts;
use super::churn::Churn;
use super::clock::{Clock, Ticks};
use super::defender::actions::Action;
use super::defender::state::Endpoint;
use super::evidence::Evidence;
use super::life::Life;
use super::mail::Mail;
use super::noise::{About, Catalogue, Shell};
use super::people::{Machine, Person};
use super::story::Story;
use super::tasks::Tasks;
use super::{ids, words};

/// A text that many rows share (an assignee): its place in [`World::names`]; 0 is nobody.
pub type Name = u32;

/// Rows by the two times that queries sort and filter on.
#[derive(Debug, Default)]
pub struct Index {
    /// By creation.
    pub created: BTreeSet<(Ticks, u32)>,
    /// By last update.
    pub updated: BTreeSet<(Ticks, u32)>,
}

/// A comment on an incident or an alert.
#[derive(Debug, Clone)]
pub struct Comment {
    /// What was written.
    pub text: String,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: Ticks,
}

/// What few incidents have.
#[derive(Debug, Default)]
pub struct IncidentExtra {
    /// A title given by a person or the story.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Summary.
    pub summary: Option<String>,
    /// Why it was resolved.
    pub resolving_comment: Option<String>,
    /// Tags set by people.
    pub custom_tags: Vec<String>,
    /// Tags set by the service.
    pub system_tags: Vec<String>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
}

/// One incident.
#[derive(Debug)]
pub struct Incident {
    /// The id, a number written as text.
    pub id: u32,
    /// When it was created.
    pub created: Ticks,
    /// When it changed last.
    pub updated: Ticks,
    /// Place in [`words::SEVERITY`].
    pub severity: u8,
    /// Place in [`words::INCIDENT_STATUS`].
    pub status: u8,
    /// Place in [`words::CLASSIFICATION`].
    pub classification: u8,
    /// Place in [`words::DETERMINATION`].
    pub determination: u8,
    /// 0 to 100; `None` is pending.
    pub priority: Option<u8>,
    /// Who works on it.
    pub assigned: Name,
    /// Who changed it last.
    pub modified_by: Name,
    /// Id of the incident this one was merged into; 0 is none.
    pub redirect: u32,
    /// Places of its alerts.
    pub alerts: Vec<u32>,
    /// What few have.
    pub extra: Option<Box<IncidentExtra>>,
}

impl Incident {
    /// What few have, made when it is first needed.
    pub fn extra_mut(&mut self) -> &mut IncidentExtra {
        self.extra.get_or_insert_default()
    }
}

/// What an alert is about.
#[derive(Debug)]
pub enum Body {
    /// An everyday alert: recipe, machine and person are enough to write it.
    Everyday {
        /// Place in [`Catalogue::recipes`].
        recipe: u16,
        /// Place in [`World::machines`].
        machine: u32,
        /// Place in [`World::people`].
        person: u32,
    },
    /// An alert of the story, with evidence of its own that grows.
    Told(Box<Told>),
}

/// An alert of the story.
#[derive(Debug)]
pub struct Told {
    /// What it says.
    pub shell: Arc<Shell>,
    /// Its evidence so far.
    pub evidence: Vec<Evidence>,
    /// `additionalData`, ready JSON.
    pub additional: String,
    /// `customDetails`, ready JSON.
    pub custom: String,
    /// `actorDisplayName`.
    pub actor: Option<String>,
    /// `systemTags`.
    pub tags: Vec<String>,
}

/// One alert.
#[derive(Debug)]
pub struct Alert {
    /// The bits of the GUID inside its id.
    pub key: u128,
    /// Place of its incident.
    pub incident: u32,
    /// When it was created.
    pub created: Ticks,
    /// When it changed last.
    pub updated: Ticks,
    /// First activity.
    pub first: Ticks,
    /// Newest activity.
    pub last: Ticks,
    /// When it was resolved; 0 is never.
    pub resolved: Ticks,
    /// Place in [`words::SEVERITY`].
    pub severity: u8,
    /// Place in [`words::ALERT_STATUS`].
    pub status: u8,
    /// Place in [`words::CLASSIFICATION`].
    pub classification: u8,
    /// Place in [`words::DETERMINATION`].
    pub determination: u8,
    /// Place in [`words::INVESTIGATION`].
    pub investigation: u8,
    /// Who works on it.
    pub assigned: Name,
    /// What it is about.
    pub body: Body,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
}

/// Everything the tenant holds.
#[derive(Debug)]
pub struct World {
    /// The seed everything is derived from.
    pub seed: u64,
    /// The tenant's id.
    pub tenant: String,
    /// Where addresses of its portal begin.
    pub portal: &'static str,
    /// The tenant's clock.
    pub clock: Arc<Clock>,
    /// Recipes and names.
    pub catalogue: Catalogue,
    /// Everybody.
    pub people: Vec<Person>,
    /// Every device.
    pub machines: Vec<Machine>,
    /// Shared texts; the first is empty.
    pub names: Vec<String>,
    /// Incidents, oldest id first.
    pub incidents: Vec<Incident>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// Incidents by time.
    pub incident_index: Index,
    /// Alerts by time.
    pub alert_index: Index,
    /// Machine actions, oldest first.
    pub actions: Vec<Action>,
    /// What was done to accounts.
    pub accounts: Accounts,
    /// What was done to mail.
    pub mail: Mail,
    /// Which incident tasks were carried out.
    pub tasks: Tasks,
    /// What is still to happen.
    pub story: Story,
    /// What changes on demand have left behind.
    pub churn: Churn,
    /// What is still to happen to everyday incidents.
    pub life: Life,
    /// What only the endpoint service keeps.
    pub endpoint: Endpoint,
    pub(super) alert_places: HashMap<u128, u32>,
    pub(super) machine_places: HashMap<String, u32>,
    pub(super) first_incident: u32,
}

impl World {
    /// The place of a shared text, kept once.
    pub fn name(&mut self, text: &str) -> Name {
        if let Some(at) = self.names.iter().position(|n| n == text) {
            return at as Name;
        }
        self.names.push(text.into());
        (self.names.len() - 1) as Name
    }

    /// The text of a name, `None` for nobody.
    pub fn text(&self, name: Name) -> Option<&str> {
        (name != 0).then(|| self.names[name as usize].as_str())
    }

    /// The place of the incident with this id.
    pub fn find_incident(&self, id: &str) -> Option<u32> {
        let number: u32 = id.parse().ok()?;
        let place = number.checked_sub(self.first_incident)?;
        (place < self.incidents.len() as u32 && id == number.to_string()).then_some(place)
    }

    /// The id incident number `place` has or will have.
    pub fn incident_id(&self, place: u32) -> u32 {
        self.first_incident + place
    }

    /// The place of the alert with this id.
    pub fn find_alert(&self, id: &str) -> Option<u32> {
        let key = ids::parse_guid(id.get(2..38)?)?;
        let place = *self.alert_places.get(&key)?;
        (self.alert_id(place) == id).then_some(place)
    }

    /// The id of an alert.
    pub fn alert_id(&self, place: u32) -> String {
        let alert = &self.alerts[place as usize];
        let source = self.shell(alert).source;
        format!(
            "{}{}{}",
            source.prefix,
            ids::guid_of(alert.key),
            source.suffix
        )
    }

    /// The id of an alert at the service that raised it. At the endpoint service: ticks of its creation,
    /// and a number that may be negative.
    pub fn provider_alert_id(&self, place: u32) -> String {
        let alert = &self.alerts[place as usize];
        let source = self.shell(alert).source;
        if source.service == ENDPOINT_SERVICE {
            return format!("da{}_{}", alert.created, alert.key as u32 as i32);
        }
        format!("{}{}", ids::guid_of(alert.key), source.suffix)
    }

    /// What an alert says.
    pub fn shell<'a>(&'a self, alert: &'a Alert) -> &'a Shell {
        match &alert.body {
            Body::Everyday { recipe, .. } => &self.catalogue.recipes[*recipe as usize].shell,
            Body::Told(told) => &told.shell,
        }
    }

    /// What an everyday alert is about.
    pub fn about(&self, place: u32, unknown_members: bool) -> Option<(u16, About<'_>)> {
        let alert = &self.alerts[place as usize];
        let Body::Everyday {
            recipe,
            machine,
            person,
        } = alert.body
        else {
            return None;
        };
        Some((
            recipe,
            About {
                seed: self.seed,
                n: u64::from(place),
                machine: &self.machines[machine as usize],
                person: &self.people[person as usize],
                people: &self.people,
                created: alert.created,
                closed: words::ALERT_STATUS[alert.status as usize] == "resolved",
                unknown_members,
                mail: &self.mail,
            },
        ))
    }

    /// The place of the machine with this id or DNS name.
    pub fn find_machine(&self, id: &str) -> Option<u32> {
        self.machine_places.get(&id.to_ascii_lowercase()).copied()
    }

    /// The title of an incident, as the service composes it from its alerts.
    pub fn incident_title(&self, incident: &Incident) -> String {
        if let Some(title) = incident.extra.as_ref().and_then(|e| e.title.clone()) {
            return title;
        }
        let Some(first) = incident.alerts.first().map(|a| &self.alerts[*a as usize]) else {
            return "Incident without alerts".into();
        };
        let shell = self.shell(first);
        let device = matches!(&first.body, Body::Everyday { recipe, .. }
            if self.catalogue.recipes[*recipe as usize].evidence.contains(&super::noise::Kind::Device));
        let scope = if device {
            "on one endpoint"
        } else {
            "involving one user"
        };
        let mut categories: Vec<&str> = Vec::new();
        for alert in incident.alerts.iter().take(12) {
            let category = self
                .shell(&self.alerts[*alert as usize])
                .categories
                .first()
                .map_or("", String::as_str);
            if !categories.contains(&category) {
                categories.push(category);
            }
        }
        match categories.len() {
            0 | 1 => format!("{} {scope}", shell.title),
            _ => format!(
                "Multi-stage incident involving {} & {} {scope} reported by multiple sources",
                spaced(categories[0]),
                spaced(categories[1])
            ),
        }
    }

    /// Adds an incident and gives its place.
    pub fn push_incident(&mut self, incident: Incident) -> u32 {
        let place = self.incidents.len() as u32;
        debug_assert_eq!(incident.id, self.incident_id(place));
        self.incident_index
            .created
            .insert((incident.created, place));
        self.incident_index
            .updated
            .insert((incident.updated, place));
        self.incidents.push(incident);
        place
    }

    /// Adds an alert to its incident and gives its place.
    pub fn push_alert(&mut self, alert: Alert) -> u32 {
        let place = self.alerts.len() as u32;
        self.alert_index.created.insert((alert.created, place));
        self.alert_index.updated.insert((alert.updated, place));
        self.alert_places.insert(alert.key, place);
        self.incidents[alert.incident as usize].alerts.push(place);
        self.alerts.push(alert);
        place
    }

    /// Notes that an incident changed at `at`, by whom.
    pub fn touch_incident(&mut self, place: u32, at: Ticks, by: Name) {
        let incident = &mut self.incidents[place as usize];
        self.incident_index
            .updated
            .remove(&(incident.updated, place));
        incident.updated = at.max(incident.updated + 1);
        incident.modified_by = by;
        self.incident_index
            .updated
            .insert((incident.updated, place));
    }

    /// Notes that an alert changed at `at`.
    pub fn touch_alert(&mut self, place: u32, at: Ticks) {
        let alert = &mut self.alerts[place as usize];
        self.alert_index.updated.remove(&(alert.updated, place));
        alert.updated = at.max(alert.updated + 1);
        self.alert_index.updated.insert((alert.updated, place));
    }

    /// Sets an alert's status and what follows from it.
    pub fn set_alert_status(&mut self, place: u32, status: u8, at: Ticks) {
        let alert = &mut self.alerts[place as usize];
        alert.status = status;
        alert.resolved = if words::ALERT_STATUS[status as usize] == "resolved" {
            at
        } else {
            0
        };
        // The service resolves an incident by itself once its last alert is resolved.
        let incident = alert.incident;
        let row = &self.incidents[incident as usize];
        if alert.resolved != 0 && row.status != RESOLVED && row.status != REDIRECTED {
            let all = row
                .alerts
                .iter()
                .all(|a| self.alerts[*a as usize].resolved != 0);
            if all {
                self.incidents[incident as usize].status = RESOLVED;
                let by = self.name("Microsoft 365 Defender-Automation");
                self.touch_incident(incident, at, by);
            }
        }
    }

    /// Moves an alert to another incident and gives the one it left, which keeps the title it has.
    pub fn move_alert(&mut self, alert: u32, into: u32, at: Ticks) -> Option<u32> {
        let from = self.alerts[alert as usize].incident;
        if from == into {
            return None;
        }
        let title = self.incident_title(&self.incidents[from as usize]);
        let old = &mut self.incidents[from as usize];
        old.alerts.retain(|a| *a != alert);
        old.extra_mut().title = Some(title);
        let row = &mut self.alerts[alert as usize];
        row.incident = into;
        let severity = row.severity;
        let new = &mut self.incidents[into as usize];
        new.severity = new.severity.max(severity);
        new.alerts.push(alert);
        self.touch_alert(alert, at);
        Some(from)
    }

    /// Merges `from` into `into`: its alerts move, and it stays behind as a signpost.
    pub fn merge(&mut self, from: u32, into: u32, at: Ticks) {
        if from == into || self.incidents[from as usize].status == REDIRECTED {
            return;
        }
        let by = self.name("Microsoft 365 Defender-Correlation");
        let title = self.incident_title(&self.incidents[from as usize]);
        let alerts = std::mem::take(&mut self.incidents[from as usize].alerts);
        for alert in &alerts {
            self.alerts[*alert as usize].incident = into;
            self.touch_alert(*alert, at);
        }
        let target = self.incident_id(into);
        let severity = self.incidents[from as usize].severity;
        let old = &mut self.incidents[from as usize];
        old.status = REDIRECTED;
        old.redirect = target;
        // The signpost keeps the name it had.
        old.extra_mut().title = Some(title);
        let new = &mut self.incidents[into as usize];
        new.severity = new.severity.max(severity);
        new.alerts.extend(alerts);
        self.touch_incident(from, at, by);
        self.touch_incident(into, at, by);
    }
}

/// What alerts of the endpoint service have as `serviceSource`.
pub const ENDPOINT_SERVICE: &str = "microsoftDefenderForEndpoint";
/// Place of `active` in [`words::INCIDENT_STATUS`].
pub const ACTIVE: u8 = 0;
/// Place of `resolved` in [`words::INCIDENT_STATUS`].
pub const RESOLVED: u8 = 1;
/// Place of `inProgress` in [`words::INCIDENT_STATUS`].
pub const IN_PROGRESS: u8 = 2;
/// Place of `redirected` in [`words::INCIDENT_STATUS`].
pub const REDIRECTED: u8 = 3;

/// `InitialAccess` → `Initial access`, as titles write categories.
pub fn spaced(category: &str) -> String {
    let mut out = String::with_capacity(category.len() + 2);
    for (at, c) in category.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}
