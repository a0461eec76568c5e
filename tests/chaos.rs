//! The feed under a hail of changes and mishaps: what it claims is true while it runs, and in the end
//! the cache is the tenant.
//!
//! `NIGHTJAR_CHAOS_CHANGES` makes it longer, `NIGHTJAR_CHAOS_SEED` another one; a failure names its seed.

#![allow(
    clippy::print_stdout,
    reason = "seeds and tallies, shown when a test fails or is asked"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use nightjar::domain::{
    ActionId, AlertId, AlertRow, Change, EntityKey, IncidentId, IncidentRow, IsolationType,
    MachineId, ScanType, Timestamp,
};
use nightjar::feed::{Feed, FeedEvent, FeedHealth, FeedState};
use nightjar::sim::{Fault, FaultKind, RetryAfter, SimConfig, SimHandle};
use nightjar::store::{Endpoint, Store};
use nightjar::tenant::Tenant;
use support::tenant::{Fed, Rig, assert_same, hurried, quiet, until};
use tokio::sync::mpsc;

/// How much of the hail is meant to hit: one request in so many.
const ONE_IN: u64 = 5;

/// Time stamps of the tenant and of this test come from the same clock, read one after the other.
const TICK: SignedDuration = SignedDuration::from_millis(5);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// Something that changed at the tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Incident(IncidentId),
    Alert(AlertId),
}

/// A change: after `at` by the tenant's clock, and for all to see before `visible`.
struct Made {
    thing: Thing,
    at: Timestamp,
    visible: Timestamp,
    words: String,
}

/// What `SimHandle::churn` says it did: `assign 4127`, `merge 4127 into 4130`, `alert da…`, `bulk vip`.
fn things(line: &str) -> Vec<Thing> {
    line.split_whitespace()
        .skip(1)
        .filter_map(|word| {
            if word.bytes().all(|byte| byte.is_ascii_digit()) {
                Some(Thing::Incident(word.into()))
            } else {
                // Two letters, a GUID and what may follow it.
                (word.len() >= 38).then(|| Thing::Alert(word.into()))
            }
        })
        .collect()
}

/// What the cache holds of it: when it changed last.
fn cached(store: &Store, thing: &Thing) -> Option<Timestamp> {
    match thing {
        Thing::Incident(id) => store
            .incident_row(id)
            .expect("reads")
            .map(|row| row.updated),
        Thing::Alert(id) => store.alert_row(id).expect("reads").map(|row| row.updated),
    }
}

/// Listens to the feed, holds every claim of freshness against what was made, and keeps the rows as a
/// screen would.
#[derive(Default)]
struct Listener {
    /// Changes not yet covered by a claim, in the order they were made.
    made: Mutex<Vec<Made>>,
    lies: Mutex<Vec<String>>,
    claims: Mutex<usize>,
    health: Mutex<Option<FeedHealth>>,
    incidents: Mutex<BTreeMap<IncidentId, IncidentRow>>,
    alerts: Mutex<BTreeMap<AlertId, AlertRow>>,
}

impl Listener {
    /// Notes changes that became visible between two times.
    fn note(&self, lines: &[String], at: Timestamp, visible: Timestamp) {
        let made = lines.iter().flat_map(|line| {
            things(line).into_iter().map(|thing| Made {
                thing,
                at,
                visible,
                words: line.clone(),
            })
        });
        self.made.lock().expect("no panic").extend(made);
    }

    fn hear(&self, event: FeedEvent, store: &Store) {
        match event {
            FeedEvent::Health(health) => {
                // The first sync says of itself that it is not complete.
                if let (Some(as_of), None) = (health.as_of, health.syncing) {
                    self.hold(as_of, store);
                }
                *self.health.lock().expect("no panic") = Some(health);
            }
            FeedEvent::Changes(changes) => {
                for change in changes {
                    match change {
                        Change::Incident(row) => {
                            let mut rows = self.incidents.lock().expect("no panic");
                            rows.insert(row.id.clone(), row);
                        }
                        Change::Alert(row) => {
                            let mut rows = self.alerts.lock().expect("no panic");
                            rows.insert(row.id.clone(), row);
                        }
                        _ => {}
                    }
                }
            }
            FeedEvent::Notice(_) => {}
        }
    }

    /// "As of T" means: what was there for all to see before T is in the cache. What the service hides
    /// from its lists for a while nobody can claim.
    fn hold(&self, as_of: Timestamp, store: &Store) {
        let shown = as_of - SignedDuration::try_from(LATE).expect("short");
        let mut made = self.made.lock().expect("no panic");
        let covered = made.partition_point(|made| made.visible < shown);
        for made in made.drain(..covered) {
            let has = cached(store, &made.thing);
            if has.is_none_or(|has| has < made.at - TICK) {
                self.lies.lock().expect("no panic").push(format!(
                    "as of {as_of} is claimed, but {:?} ({}) of {} is not there: the cache has {has:?}",
                    made.thing, made.words, made.at
                ));
            }
        }
        *self.claims.lock().expect("no panic") += usize::from(covered > 0);
    }
}

/// How long a row may be hidden from lists after it came, at most: less than the overlap.
const LATE: Duration = Duration::from_millis(800);

/// Every sort of mishap but those that only cost time: an answer that never comes costs a minute.
fn mishap(dice: &mut fastrand::Rng) -> FaultKind {
    let nowhere = || "http://127.0.0.1:9".to_owned();
    let kinds = [
        FaultKind::Throttle(RetryAfter::Seconds(1)),
        FaultKind::Throttle(RetryAfter::Date(1)),
        FaultKind::Throttle(RetryAfter::Missing),
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::Status(401),
        FaultKind::Status(403),
        FaultKind::Gateway(502),
        FaultKind::Gateway(504),
        FaultKind::Empty(500),
        FaultKind::Empty(200),
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::Slow(Duration::from_millis(400)),
        FaultKind::Drip(Duration::from_millis(1)),
        FaultKind::Cut,
        FaultKind::Garbage,
        FaultKind::WrongShape,
        FaultKind::NotUtf8,
        FaultKind::BadRow,
        FaultKind::ExpiredToken,
        FaultKind::Skew(3600),
        FaultKind::Skew(-3600),
        FaultKind::Late(LATE),
        FaultKind::Duplicates,
        FaultKind::Reordered,
        FaultKind::EmptyPage,
        FaultKind::Redirects(2),
        FaultKind::RedirectLoop,
        FaultKind::RedirectTo(nowhere()),
        FaultKind::NextLinkTo(nowhere()),
        FaultKind::Partial,
        FaultKind::ActionBack,
        FaultKind::ActionOrder,
    ];
    dice.choice(kinds).expect("some")
}

/// Lets about one read in [`ONE_IN`] go wrong until told to stop; gives how many did.
async fn hail(sim: Arc<SimHandle>, seed: u64, stop: Arc<AtomicBool>) -> u64 {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut struck, mut last) = (0, sim.requests());
    while !stop.load(Ordering::Relaxed) {
        let now = sim.requests();
        if now >= last + ONE_IN && sim.pending_faults() == 0 {
            last = now;
            struck += 1;
            let fault = if dice.u8(..20) == 0 {
                Fault::once("/oauth2/", mishap(&mut dice)).method("POST")
            } else {
                Fault::once("", mishap(&mut dice)).method("GET")
            };
            sim.inject(fault);
        }
        // A token is asked for rarely: what waits for that must not keep the others away.
        if sim.pending_faults() > 0 && now >= last + 4 * ONE_IN {
            sim.clear_faults();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sim.clear_faults();
    struck
}

fn complete(store: &Store) -> bool {
    [Endpoint::Incidents, Endpoint::Alerts]
        .into_iter()
        .all(|endpoint| {
            let mark = store.watermark(endpoint).expect("reads");
            mark.is_some_and(|mark| mark.floor.is_none())
        })
}

/// As the service gave it, without what is this console's own.
fn served(mut row: IncidentRow) -> IncidentRow {
    row.first_seen = Timestamp::UNIX_EPOCH;
    row.last_viewed = None;
    row
}

fn rows(store: &Store) -> (Vec<IncidentRow>, Vec<AlertRow>) {
    let mut incidents = store.incident_rows().expect("reads");
    let mut alerts = store.alert_rows().expect("reads");
    incidents.sort_by(|a, b| a.id.cmp(&b.id));
    alerts.sort_by(|a, b| a.id.cmp(&b.id));
    (incidents, alerts)
}

/// Machine actions asked for by somebody else.
async fn act(other: &Tenant, machines: &[MachineId], round: usize) {
    let machine = &machines[round % machines.len()];
    let comment = format!("round {round}");
    // Refusals (it is isolated already) are as good as any.
    let _ = match round % 3 {
        0 => {
            other
                .defender
                .isolate(machine, IsolationType::Full, &comment)
                .await
        }
        1 => {
            other
                .defender
                .scan(machine, ScanType::Quick, &comment)
                .await
        }
        _ => other.defender.unisolate(machine, &comment).await,
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_changes_among_mishaps_end_in_a_cache_that_is_the_tenant() {
    let changes = number("NIGHTJAR_CHAOS_CHANGES", 5000);
    let seed = number("NIGHTJAR_CHAOS_SEED", 20_260_819);
    println!("changes {changes}, seed {seed}");
    let rig = Rig::start(SimConfig {
        seed,
        ..quiet(150, 450)
    })
    .await;
    let paths = rig.paths();
    let profile = rig.profile();
    let sim = Arc::new(rig.sim);
    let other = Tenant::with_store(
        profile.clone(),
        Store::in_memory().expect("opens"),
        Vec::new(),
    )
    .expect("connected");
    let machines = other
        .defender
        .machines(
            &nightjar::api::MachineFilter::default(),
            nightjar::api::Priority::Interactive,
        )
        .await
        .expect("listed");
    let machines: Vec<MachineId> = machines.iter().map(|raw| raw.value.id.clone()).collect();

    let tenant = Tenant::connect(profile.clone(), &paths).expect("connected");
    let stop = Arc::new(AtomicBool::new(false));
    let storm = tokio::spawn(hail(sim.clone(), seed, stop.clone()));
    let (mut settings, mut habits) = hurried();
    // Short, so that the overlap does not hide what the watermark loses; and pages of which there are many.
    settings.overlap = Duration::from_secs(2);
    (habits.incidents_page, habits.alerts_page) = (50, 100);
    habits.ladder = vec![Duration::from_millis(700)];
    habits.rest = Duration::from_millis(300);
    let listener = Arc::new(Listener::default());
    let (events, mut hearing) = mpsc::channel(64);
    let (hears, store) = (listener.clone(), tenant.store.clone());
    let listening = tokio::spawn(async move {
        while let Some(event) = hearing.recv().await {
            hears.hear(event, &store);
        }
    });
    let feed = Feed::start_with(tenant.clone(), settings, habits, events);

    let begun = Instant::now();
    let (mut done, mut round) = (0, 0_usize);
    while done < changes {
        let count = (changes - done).min(20);
        let at = Timestamp::now();
        let lines = sim
            .churn(u32::try_from(count).expect("few"), seed ^ done)
            .await;
        let visible = Timestamp::now();
        listener.note(&lines, at, visible);
        done += count;
        round += 1;
        if round % 8 == 0 {
            act(&other, &machines, round / 8).await;
        }
        tokio::time::sleep(Duration::from_millis(160)).await;
    }
    let last = Timestamp::now();
    stop.store(true, Ordering::Relaxed);
    let struck = storm.await.expect("no panic");
    println!(
        "{done} changes in {:.1?}, {struck} mishaps on {} requests, {} claims",
        begun.elapsed(),
        sim.requests(),
        listener.claims.lock().expect("no panic")
    );

    feed.refresh();
    until("everything has been read", || {
        let health = listener.health.lock().expect("no panic").clone();
        complete(&tenant.store)
            && health.is_some_and(|health| {
                health.state == FeedState::Live
                    && health.syncing.is_none()
                    && health.as_of.is_some_and(|as_of| as_of > last)
            })
    })
    .await;
    // The actions are not part of that claim.
    let truth = loop {
        let truth = sim.snapshot().await;
        let known = tenant.store.actions().expect("reads").len();
        if known == truth.actions.len() {
            break truth;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(600),
            "seed {seed}: actions are missing"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    feed.shutdown().await;
    listening.await.expect("no panic");

    let lies = listener.lies.lock().expect("no panic").clone();
    assert!(
        lies.is_empty(),
        "seed {seed}: {} lies, first {:#?}",
        lies.len(),
        &lies[..lies.len().min(5)]
    );
    let claims = *listener.claims.lock().expect("no panic");
    assert!(
        claims > 5,
        "seed {seed}: only {claims} claims of freshness to hold against the changes"
    );
    assert!(
        struck * 12 > sim.requests(),
        "seed {seed}: {struck} mishaps are too few"
    );

    let store = &tenant.store;
    assert_same(store, &truth, &format!("seed {seed}"));
    let (incidents, alerts) = rows(store);
    for id in truth.actions.keys() {
        let ours = store.action(&ActionId::new(id.as_str())).expect("reads");
        assert!(ours.is_some(), "seed {seed}: action {id} is missing");
    }

    // What the screens were told is what the cache holds.
    let told: Vec<IncidentRow> = listener
        .incidents
        .lock()
        .expect("no panic")
        .values()
        .cloned()
        .collect();
    assert!(
        told == incidents,
        "seed {seed}: {}",
        first_difference(&told, &incidents)
    );
    let told: Vec<AlertRow> = listener
        .alerts
        .lock()
        .expect("no panic")
        .values()
        .cloned()
        .collect();
    assert!(
        told == alerts,
        "seed {seed}: {}",
        first_difference(&told, &alerts)
    );

    // And all that is derived is as if it had been read at once, in peace.
    let fresh = Tenant::with_store(profile, Store::in_memory().expect("opens"), Vec::new())
        .expect("connected");
    let peace = Fed::start(&fresh, hurried());
    until("the fresh cache is complete", || complete(&fresh.store)).await;
    peace.feed.shutdown().await;
    let (fresh_incidents, fresh_alerts) = rows(&fresh.store);
    let incidents: Vec<IncidentRow> = incidents.into_iter().map(served).collect();
    let fresh_incidents: Vec<IncidentRow> = fresh_incidents.into_iter().map(served).collect();
    assert!(
        incidents == fresh_incidents,
        "seed {seed}: {}",
        first_difference(&incidents, &fresh_incidents)
    );
    assert!(
        alerts == fresh_alerts,
        "seed {seed}: {}",
        first_difference(&alerts, &fresh_alerts)
    );
    for machine in &machines {
        let key = EntityKey {
            kind: "device".into(),
            value: machine.as_str().into(),
        };
        let seen = |store: &Store| {
            let found = store.where_else(&key, 10_000).expect("reads");
            let mut ids: Vec<AlertId> = found.into_iter().map(|sighting| sighting.alert).collect();
            ids.sort();
            ids
        };
        assert_eq!(
            seen(store),
            seen(&fresh.store),
            "seed {seed}: sightings of {machine}"
        );
    }
}

fn first_difference<T: std::fmt::Debug + PartialEq>(ours: &[T], theirs: &[T]) -> String {
    match ours.iter().zip(theirs).find(|(a, b)| a != b) {
        Some((a, b)) => format!("{a:#?}\nis not\n{b:#?}"),
        None => format!("{} rows are not {}", ours.len(), theirs.len()),
    }
}
