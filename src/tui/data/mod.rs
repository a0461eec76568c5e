//! What the console knows, shared by all screens: the queue, alerts, actions, stories, messages.
//! Compact rows alone; whole objects are read from the store when looked at.

pub mod arrange;
mod collection;
pub mod filter;
mod notices;
mod schemas;
mod story;
pub mod tenants;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use collection::{Collection, Keyed};
pub use notices::{Level, Note, Notices};
pub use schemas::Schemas;
pub use story::{Entity, Stories, Story};
pub use tenants::{Condition, Tenant, TenantFacts, Tenants};

use crate::doctor::Refused;
use crate::domain::{
    Alert, AlertRow, Change, Evidence, IncidentId, IncidentRow, MachineAction, Of, Severity,
    TenantNo,
};
use crate::feed::FeedState;
use crate::respond::Operation;

/// What is settled when the console starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tenants, in the order of their numbers; none shows the first screen.
    pub tenants: Vec<TenantFacts>,
    /// The tenants are simulated.
    pub demo: bool,
    /// The local zone.
    pub local_zone: TimeZone,
    /// Seconds to the first action for high, medium, low and informational.
    pub sla: [i64; 4],
    /// The configuration file, for what to write where.
    pub config_file: String,
    /// The query editor has vim's keys.
    pub vim_keys: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenants: Vec::new(),
            demo: false,
            local_zone: TimeZone::UTC,
            sla: [30 * 60, 2 * 3600, 8 * 3600, 24 * 3600],
            config_file: String::new(),
            vim_keys: false,
        }
    }
}

/// Open incidents in numbers; recomputed when the queue changes, never while drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// High.
    pub high: u32,
    /// Medium.
    pub medium: u32,
    /// Low.
    pub low: u32,
    /// Informational, unknown and members we do not know.
    pub other: u32,
    /// Nobody's.
    pub unassigned: u32,
    /// When the oldest of those was made.
    pub oldest_unassigned: Option<Timestamp>,
}

/// What the console knows.
#[derive(Debug, Default)]
pub struct Data {
    /// What is settled when the console starts.
    pub settings: Settings,
    /// The tenants and how they are doing.
    pub tenants: Tenants,
    /// The queue of all tenants.
    pub incidents: Collection<IncidentRow>,
    /// Alerts; read when first shown.
    pub alerts: Collection<AlertRow>,
    /// Machine actions.
    pub actions: Collection<MachineAction>,
    /// Open incidents of the tenants shown, in numbers.
    pub counts: Counts,
    /// Whole incidents with their alerts, those looked at last.
    pub stories: Stories,
    /// The tenants' hunting schemas, as far as they are known.
    pub schemas: Schemas,
    /// The message log.
    pub notices: Notices,
    /// Whether times are shown in the local zone.
    pub local_time: bool,
    /// The last refusal of each tenant, to be explained; the newest last.
    pub refused: Vec<Of<Refused>>,
    /// When this console started: what was made since is new.
    pub started: Timestamp,
    /// What takes the last changes back, newest last.
    pub undo: Vec<Undo>,
    /// Writes whose answer is awaited: ticket, batch, words.
    pub writing: Vec<(u64, u64, String)>,
    tickets: u64,
}

/// What takes a change back: all that was done with one key.
#[derive(Clone, Debug)]
pub struct Undo {
    /// Which key press it was.
    pub batch: u64,
    /// What was done, in words.
    pub label: String,
    /// What takes it back.
    pub operations: Vec<Of<Operation>>,
}

impl Data {
    /// Keeps a refusal, to be explained on a key.
    pub fn keep_refusal(&mut self, refused: Of<Refused>) {
        self.refused.retain(|known| known.tenant != refused.tenant);
        self.refused.push(refused);
    }

    /// Empty, with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            tenants: Tenants::new(settings.tenants.clone()),
            settings,
            ..Self::default()
        }
    }

    /// A number no earlier question had.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The zone times are shown in.
    pub fn zone(&self) -> &TimeZone {
        static UTC: TimeZone = TimeZone::UTC;
        if self.local_time {
            &self.settings.local_zone
        } else {
            &UTC
        }
    }

    /// Whether an owner in a tenant is the analyst at this console.
    pub fn is_me(&self, tenant: TenantNo, owner: &str) -> bool {
        let me = self.tenants.me(tenant);
        !me.is_empty() && owner.eq_ignore_ascii_case(me)
    }

    /// An owner in a tenant as lists show it: `you`, `—`, or the part before the `@`.
    pub fn owner<'a>(&self, tenant: TenantNo, owner: Option<&'a str>) -> &'a str {
        match owner {
            None => "—",
            Some(owner) if self.is_me(tenant, owner) => "you",
            Some(owner) => owner.split('@').next().unwrap_or(owner),
        }
    }

    /// When the first action on an incident is due; `None` once somebody has begun, or where its
    /// severity has no such time.
    pub fn due(&self, row: &IncidentRow) -> Option<Timestamp> {
        use crate::domain::IncidentStatus as S;
        let waiting = matches!(row.status, S::Active) && row.assigned_to.is_none();
        let index = match row.severity {
            Severity::High => 0,
            Severity::Medium => 1,
            Severity::Low => 2,
            Severity::Informational => 3,
            Severity::Unknown | Severity::Other(_) => return None,
        };
        let target = jiff::SignedDuration::from_secs(self.settings.sla[index]);
        waiting
            .then(|| row.created.checked_add(target).ok())
            .flatten()
    }

    /// The incidents that were merged into this one.
    pub fn merged_into(&self, id: &Of<IncidentId>) -> &[IncidentId] {
        self.stories.merged(id)
    }

    /// Whether the first read of a shown tenant is still under way, or not one of them is live.
    pub fn is_filling(&self) -> bool {
        let mut conditions = self.tenants.shown().map(|tenant| tenant.condition());
        let starting = |condition: Condition| condition == Condition::Starting;
        !self
            .tenants
            .shown()
            .any(|tenant| tenant.condition() == Condition::Live)
            || conditions.any(starting)
    }

    /// Why a list is empty, in words: never as if there were nothing where nothing is known.
    pub fn feed_word_when_empty(&self) -> String {
        let words: Vec<Of<String>> = self
            .tenants
            .shown()
            .map(|tenant| tenant.with(word_when_empty(tenant.it)))
            .collect();
        match words.as_slice() {
            [] => "Nothing is connected.".to_owned(),
            [first, rest @ ..] if rest.iter().all(|word| word.it == first.it) => first.it.clone(),
            all => {
                let words = all
                    .iter()
                    .map(|word| self.tenants.named(word.tenant, word.it.as_str()));
                words.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Takes news in. Screens look at the collections' versions to see what concerns them.
    pub fn apply(&mut self, changes: &[Of<Change>]) {
        let mut queue = false;
        for change in changes {
            match &change.it {
                Change::Incident(row) => {
                    self.stories.stale(&change.with(row.id.clone()));
                    self.incidents.put(change.with(row.clone()));
                    queue = true;
                }
                Change::Alert(row) => {
                    if self.alerts.is_loaded() {
                        self.alerts.put(change.with(row.clone()));
                    }
                    if let Some(incident) = &row.incident {
                        self.stories.stale(&change.with(incident.clone()));
                    }
                }
                Change::Redirected { from, to } => {
                    let from = change.with(from.clone());
                    if let Some(row) = self.incidents.get(&from) {
                        let mut row = row.clone();
                        row.it.status = crate::domain::IncidentStatus::Redirected;
                        row.it.redirected_to.clone_from(to);
                        self.incidents.put(row);
                    }
                    self.stories.stale(&from);
                    if let Some(to) = to {
                        self.stories.stale(&change.with(to.clone()));
                    }
                    queue = true;
                }
                Change::Action(action) => self.actions.put(change.with(action.clone())),
                Change::IncidentGone(id) => {
                    self.incidents.remove(&change.with(id.clone()));
                    queue = true;
                }
                Change::AlertGone(id) => self.alerts.remove(&change.with(id.clone())),
            }
        }
        if queue {
            self.recount();
        }
    }

    /// Counts the open incidents afresh, of each tenant and of those shown.
    pub fn recount(&mut self) {
        let mut each = vec![Counts::default(); self.tenants.len()];
        for row in self.incidents.rows() {
            if let Some(counts) = each.get_mut(row.tenant.index())
                && row.status.is_open()
            {
                counts.add(row);
            }
        }
        self.counts = Counts::default();
        for (no, counts) in self.tenants.numbers().zip(each) {
            if self.tenants.shows(no) {
                self.counts.sum(&counts);
            }
            if let Some(tenant) = self.tenants.get_mut(no) {
                tenant.counts = counts;
            }
        }
    }
}

impl Counts {
    fn add(&mut self, row: &IncidentRow) {
        match row.severity {
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            _ => self.other += 1,
        }
        if row.assigned_to.is_none() {
            self.unassigned += 1;
            self.oldest_unassigned = earlier(self.oldest_unassigned, Some(row.created));
        }
    }

    fn sum(&mut self, other: &Self) {
        self.high += other.high;
        self.medium += other.medium;
        self.low += other.low;
        self.other += other.other;
        self.unassigned += other.unassigned;
        self.oldest_unassigned = earlier(self.oldest_unassigned, other.oldest_unassigned);
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Why a tenant's list is empty.
fn word_when_empty(tenant: &Tenant) -> String {
    if let Some(why) = &tenant.facts.broken {
        return format!("It could not be opened: {why}");
    }
    match tenant
        .health
        .as_ref()
        .map(|health| (&health.state, health.syncing))
    {
        Some((FeedState::Offline { why, .. }, _)) => {
            format!("Nothing is cached and the service cannot be reached: {why}")
        }
        Some((FeedState::SignIn { why }, _)) => {
            format!("Nothing is cached and sign-in is refused: {why}")
        }
        Some((_, Some(progress))) => format!(
            "First read: {} incidents and {} alerts so far…",
            progress.incidents, progress.alerts
        ),
        Some((FeedState::Live, None)) => "The service knows of none.".to_owned(),
        _ => "Nothing is cached yet; asking the service…".to_owned(),
    }
}

/// The devices among the evidence of a tenant's alerts, each once.
pub fn devices_of<'a>(
    tenant: TenantNo,
    alerts: impl Iterator<Item = &'a Alert>,
) -> Vec<Of<super::msg::DeviceRef>> {
    let mut out: Vec<Of<super::msg::DeviceRef>> = Vec::new();
    let is_device = |evidence: &&Evidence| evidence.kind == crate::domain::EvidenceKind::Device;
    for evidence in alerts
        .flat_map(|alert| alert.evidence.iter())
        .filter(is_device)
    {
        if let Some(id) = evidence.machine()
            && !out.iter().any(|known| known.id == id)
        {
            let name = evidence.title().into_owned();
            out.push(Of::new(tenant, super::msg::DeviceRef { id, name }));
        }
    }
    out
}
