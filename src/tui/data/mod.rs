//! What the console knows, shared by all screens: the queue, alerts, actions, stories, messages.
//! Compact rows alone; whole objects are read from the store when looked at.

pub mod arrange;
mod collection;
pub mod filter;
mod notices;
mod story;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use collection::{Collection, Keyed};
pub use notices::{Level, Note, Notices};
pub use story::{Entity, Stories, Story};

use crate::domain::{Alert, AlertRow, Change, Evidence, IncidentRow, MachineAction, Severity};
use crate::feed::{FeedHealth, FeedState};
use crate::respond::Operation;

/// What is settled when the console starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tenant as the header names it.
    pub tenant: String,
    /// Who "me" is.
    pub me: String,
    /// No write is possible.
    pub read_only: bool,
    /// The tenant is simulated.
    pub demo: bool,
    /// Whether there is a tenant at all.
    pub connected: bool,
    /// The local zone.
    pub local_zone: TimeZone,
    /// Seconds to the first action for high, medium, low and informational.
    pub sla: [i64; 4],
    /// The configuration file, for what to write where.
    pub config_file: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: String::new(),
            me: String::new(),
            read_only: false,
            demo: false,
            connected: false,
            local_zone: TimeZone::UTC,
            sla: [30 * 60, 2 * 3600, 8 * 3600, 24 * 3600],
            config_file: String::new(),
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
    /// The queue.
    pub incidents: Collection<IncidentRow>,
    /// Alerts; read when first shown.
    pub alerts: Collection<AlertRow>,
    /// Machine actions.
    pub actions: Collection<MachineAction>,
    /// Open incidents in numbers.
    pub counts: Counts,
    /// Whole incidents with their alerts, those looked at last.
    pub stories: Stories,
    /// The message log.
    pub notices: Notices,
    /// Whether times are shown in the local zone.
    pub local_time: bool,
    /// How the feed is doing.
    pub health: Option<FeedHealth>,
    /// Hunting calls used and allowed in the current window.
    pub hunts: Option<(u32, u32)>,
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
    pub operations: Vec<Operation>,
}

impl Data {
    /// Empty, with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
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

    /// Whether an owner is the analyst at this console.
    pub fn is_me(&self, owner: &str) -> bool {
        !self.settings.me.is_empty() && owner.eq_ignore_ascii_case(&self.settings.me)
    }

    /// An owner as lists show it: `you`, `—`, or the part before the `@`.
    pub fn owner<'a>(&self, owner: Option<&'a str>) -> &'a str {
        match owner {
            None => "—",
            Some(owner) if self.is_me(owner) => "you",
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
    pub fn merged_into(&self, id: &crate::domain::IncidentId) -> &[crate::domain::IncidentId] {
        self.stories.merged(id)
    }

    /// Why a list is empty, in words: never as if there were nothing where nothing is known.
    pub fn feed_word_when_empty(&self) -> String {
        match self
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

    /// Takes news in. Screens look at the collections' versions to see what concerns them.
    pub fn apply(&mut self, changes: &[Change]) {
        let mut queue = false;
        for change in changes {
            match change {
                Change::Incident(row) => {
                    self.incidents.put(row.clone());
                    self.stories.stale(&row.id);
                    queue = true;
                }
                Change::Alert(row) => {
                    if self.alerts.is_loaded() {
                        self.alerts.put(row.clone());
                    }
                    if let Some(incident) = &row.incident {
                        self.stories.stale(incident);
                    }
                }
                Change::Redirected { from, to } => {
                    if let Some(row) = self.incidents.get(from) {
                        let mut row = row.clone();
                        row.status = crate::domain::IncidentStatus::Redirected;
                        row.redirected_to.clone_from(to);
                        self.incidents.put(row);
                    }
                    self.stories.stale(from);
                    if let Some(to) = to {
                        self.stories.stale(to);
                    }
                    queue = true;
                }
                Change::Action(action) => self.actions.put(action.clone()),
                Change::IncidentGone(id) => {
                    self.incidents.remove(id);
                    queue = true;
                }
                Change::AlertGone(id) => self.alerts.remove(id),
            }
        }
        if queue {
            self.recount();
        }
    }

    /// Counts the open incidents afresh.
    pub fn recount(&mut self) {
        let mut counts = Counts::default();
        for row in self.incidents.rows() {
            if !row.status.is_open() {
                continue;
            }
            match row.severity {
                Severity::High => counts.high += 1,
                Severity::Medium => counts.medium += 1,
                Severity::Low => counts.low += 1,
                _ => counts.other += 1,
            }
            if row.assigned_to.is_none() {
                counts.unassigned += 1;
                let oldest = counts
                    .oldest_unassigned
                    .map_or(row.created, |t| t.min(row.created));
                counts.oldest_unassigned = Some(oldest);
            }
        }
        self.counts = counts;
    }
}

/// The devices among an alert's evidence, each once.
pub fn devices_of<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<super::msg::DeviceRef> {
    let mut out: Vec<super::msg::DeviceRef> = Vec::new();
    let is_device = |evidence: &&Evidence| evidence.kind == crate::domain::EvidenceKind::Device;
    for evidence in alerts
        .flat_map(|alert| alert.evidence.iter())
        .filter(is_device)
    {
        if let Some(id) = evidence.machine()
            && !out.iter().any(|known| known.id == id)
        {
            out.push(super::msg::DeviceRef {
                id,
                name: evidence.title().into_owned(),
            });
        }
    }
    out
}
