//! A simulated tenant, a console's connection to it, and what its feed says.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nightjar::config::{Config, FeedSettings, Paths, Profile};
use nightjar::domain::{AlertId, Change, IncidentId};
use nightjar::feed::{Feed, FeedEvent, FeedHandle, FeedHealth, Habits, Notice};
use nightjar::sim::{Sim, SimConfig, SimHandle, Snapshot};
use nightjar::store::Store;
use nightjar::tenant::Tenant;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A tenant and a place for the caches of its consoles.
pub struct Rig {
    /// The service.
    pub sim: SimHandle,
    folder: TempDir,
}

/// A quiet tenant of this size: no story, nothing new by itself.
pub fn quiet(incidents: usize, alerts: usize) -> SimConfig {
    SimConfig {
        incidents,
        alerts,
        machines: 20,
        story: false,
        trickle: false,
        ..SimConfig::default()
    }
}

impl Rig {
    /// Starts the service.
    pub async fn start(config: SimConfig) -> Self {
        Self {
            sim: Sim::start(config)
                .await
                .expect("the simulated tenant starts"),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The profile that connects to it.
    pub fn profile(&self) -> Profile {
        let loaded = Config::parse(&self.sim.profile_toml("sim"), Path::new("sim.toml"));
        let mut profile = loaded.config.profile(None).expect("a profile").clone();
        profile.analyst = Some("dana@contoso.com".to_owned());
        profile
    }

    /// The folders of its consoles.
    pub fn paths(&self) -> Paths {
        let at = |below: &str| self.folder.path().join(below);
        Paths {
            config: at("config"),
            data: at("data"),
            state: at("state"),
        }
    }

    /// Connects a console; the cache is the same each time.
    pub fn connect(&self) -> Arc<Tenant> {
        Tenant::connect(self.profile(), &self.paths()).expect("connected")
    }
}

/// Settings of a feed in a hurry.
pub fn hurried() -> (FeedSettings, Habits) {
    let soon = Duration::from_millis(40);
    let settings = FeedSettings {
        incidents_every: soon,
        alerts_every: soon,
        actions_every: soon,
        open_actions_every: soon,
        backlog: Duration::from_secs(400 * 86_400),
        retention: Duration::from_secs(400 * 86_400),
        ..FeedSettings::default()
    };
    let habits = Habits {
        retry_after: Duration::from_millis(20),
        watched_every: Duration::from_secs(3600),
        ladder: Vec::new(),
        ..Habits::default()
    };
    (settings, habits)
}

/// A running feed and everything it said.
pub struct Fed {
    /// The feed.
    pub feed: FeedHandle,
    heard: Arc<Mutex<Vec<FeedEvent>>>,
}

impl Fed {
    /// Starts a feed.
    pub fn start(tenant: &Arc<Tenant>, (settings, habits): (FeedSettings, Habits)) -> Self {
        let (events, mut hearing) = mpsc::channel(64);
        let feed = Feed::start_with(tenant.clone(), settings, habits, events);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Some(event) = hearing.recv().await {
                kept.lock().expect("no panic").push(event);
            }
        });
        Self { feed, heard }
    }

    fn collect<T>(&self, pick: impl Fn(&FeedEvent) -> Vec<T>) -> Vec<T> {
        self.heard
            .lock()
            .expect("no panic")
            .iter()
            .flat_map(pick)
            .collect()
    }

    /// Every change told so far.
    pub fn changes(&self) -> Vec<Change> {
        self.collect(|event| match event {
            FeedEvent::Changes(changes) => changes.clone(),
            _ => Vec::new(),
        })
    }

    /// Every state of health told so far.
    pub fn healths(&self) -> Vec<FeedHealth> {
        self.collect(|event| match event {
            FeedEvent::Health(health) => vec![health.clone()],
            _ => Vec::new(),
        })
    }

    /// The newest state of health.
    pub fn health(&self) -> Option<FeedHealth> {
        self.healths().pop()
    }

    /// Every notice so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.collect(|event| match event {
            FeedEvent::Notice(notice) => vec![notice.clone()],
            _ => Vec::new(),
        })
    }
}

/// The cache holds exactly the tenant's incidents and alerts, each as the service serves it.
#[track_caller]
pub fn assert_same(store: &Store, truth: &Snapshot, of: &str) {
    let counts = (
        store.incident_rows().expect("reads").len(),
        store.alert_rows().expect("reads").len(),
    );
    assert_eq!(
        counts,
        (truth.incidents.len(), truth.alerts.len()),
        "{of}: none lost, none twice"
    );
    let same = |what: &str, id: &str, ours: Option<String>, theirs: &Value| {
        let ours = ours.unwrap_or_else(|| panic!("{of}: {what} {id} is missing"));
        let ours = serde_json::from_str(&ours).expect("JSON");
        assert_eq!(bare(ours), bare(theirs.clone()), "{of}: {what} {id}");
    };
    for (id, theirs) in &truth.incidents {
        let ours = store.incident_json(&IncidentId::new(id.as_str()));
        same("incident", id, ours.expect("reads"), theirs);
    }
    for (id, theirs) in &truth.alerts {
        let ours = store.alert_json(&AlertId::new(id.as_str()));
        same("alert", id, ours.expect("reads"), theirs);
    }
}

/// Without what differs between a row of a list and the object alone.
fn bare(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !name.contains("@odata."));
    }
    value
}
