//! `kill -9` at any moment: the store opens, the journal comes to know what the tenant has, and the
//! tenant saw nothing twice.
//!
//! `NIGHTJAR_KILLS` makes it longer, `NIGHTJAR_KILL_SEED` another one; a failure names its seed.

#![allow(
    clippy::print_stdout,
    reason = "seeds and tallies, shown when a test fails or is asked"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nightjar::config::{Config, Paths, Profile};
use nightjar::respond::{Patience, Responder};
use nightjar::sim::{LogLine, Sim, SimConfig, SimHandle, Snapshot};
use nightjar::store::{Endpoint, JournalEntry, JournalState, Store};
use nightjar::tenant::Tenant;
use serde_json::Value;
use support::Home;
use support::tenant::{Fed, assert_same, hurried, until};

/// Consoles at a time, each with a profile of its own.
const LANES: usize = 3;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// A tenant that counts what it was told to change.
struct Service {
    runtime: tokio::runtime::Runtime,
    sim: SimHandle,
    answered: Arc<AtomicUsize>,
    writes: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start(seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (answered, writes) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (count, kept) = (answered.clone(), writes.clone());
        let log: LogLine = Arc::new(move |line: &str| {
            let method = line.split_whitespace().nth(1).unwrap_or_default();
            if matches!(method, "POST" | "PATCH") && !line.contains("/oauth2/") {
                kept.lock().expect("no panic").push(line.to_owned());
            }
            count.fetch_add(1, Ordering::SeqCst);
        });
        let sim = runtime
            .block_on(Sim::start(SimConfig {
                seed,
                incidents: 200,
                alerts: 600,
                machines: 40,
                story: false,
                trickle: false,
                log: Some(log),
                ..SimConfig::default()
            }))
            .expect("the simulated tenant starts");
        Self {
            runtime,
            sim,
            answered,
            writes,
        }
    }

    /// Waits until everything that arrived has been carried out.
    fn settle(&self) {
        let mut quiet = 0;
        while quiet < 4 {
            std::thread::sleep(Duration::from_millis(15));
            let arrived = usize::try_from(self.sim.requests()).expect("few");
            if self.answered.load(Ordering::SeqCst) == arrived {
                quiet += 1;
            } else {
                quiet = 0;
            }
        }
    }

    fn truth(&self) -> Snapshot {
        self.runtime.block_on(self.sim.snapshot())
    }
}

/// A console's folders.
struct Place {
    home: Home,
    settings: String,
}

impl Place {
    fn new(sim: &SimHandle) -> Self {
        let settings = format!("{}analyst = \"you@contoso.com\"\n", sim.profile_toml("sim"));
        Self {
            home: Home::new().with_settings(&settings),
            settings,
        }
    }

    fn profile(&self) -> Profile {
        let loaded = Config::parse(&self.settings, Path::new("sim.toml"));
        loaded.config.profile(None).expect("a profile").clone()
    }

    fn paths(&self) -> Paths {
        Paths {
            config: self.home.path("config"),
            data: self.home.path("data"),
            state: self.home.path("state"),
        }
    }

    fn file(&self) -> PathBuf {
        self.paths().store_file("sim")
    }

    /// Opens the store as a restart does, and looks at every page of it.
    fn reopen(&self) -> Arc<Tenant> {
        let tenant = Tenant::connect(self.profile(), &self.paths()).expect("the store opens");
        assert!(tenant.set_aside.is_empty(), "a kill damages nothing");
        tenant
    }

    fn check(&self) {
        let folder = self.paths().data;
        for file in std::fs::read_dir(folder).expect("a folder") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|end| end != "sqlite") {
                continue;
            }
            let db = rusqlite::Connection::open(&path).expect("opens");
            let word: String = db
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .expect("reads");
            assert_eq!(word, "ok", "{}", path.display());
        }
    }
}

/// What a run was to do.
#[derive(Clone, Debug)]
enum Intent {
    /// A machine action with a comment nobody else writes.
    Act { comment: String },
    /// An owner nobody else sets.
    Assign { alert: String, owner: String },
    /// A comment nobody else writes.
    Comment { alert: String, text: String },
}

struct Targets {
    machines: Vec<(String, String)>,
    alerts: Vec<String>,
}

impl Targets {
    fn of(place: &Place, truth: &Snapshot) -> Self {
        let listed = place
            .home
            .run(&["machines", "list", "--top", "100", "-o", "jsonl"])
            .expect(0);
        let machines = listed
            .out
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|row| {
                row["onboardingStatus"] == "Onboarded"
                    && row["osPlatform"]
                        .as_str()
                        .is_some_and(|os| os.starts_with("Windows1"))
            })
            .filter_map(|row| {
                let name = row["computerDnsName"].as_str()?.split('.').next()?;
                Some((row["id"].as_str()?.to_owned(), name.to_owned()))
            })
            .collect();
        Self {
            machines,
            alerts: truth.alerts.keys().cloned().collect(),
        }
    }

    /// The intent number `n` of a lane and how it is asked for. Each alert is used once.
    fn intent(&self, dice: &mut fastrand::Rng, lane: usize, n: usize) -> (Intent, Vec<String>) {
        let own = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect();
        let alert = &self.alerts[(n * LANES + lane) % self.alerts.len()];
        match dice.u8(..6) {
            0 | 1 => {
                let owner = format!("lane{lane}.run{n}@contoso.com");
                let args = own(&["alerts", "update", alert, "--assign", &owner]);
                let alert = alert.clone();
                (Intent::Assign { alert, owner }, args)
            }
            2 => {
                let text = format!("lane {lane} run {n}");
                let args = own(&["alerts", "comment", alert, &text]);
                let alert = alert.clone();
                (Intent::Comment { alert, text }, args)
            }
            what => {
                // Every lane has devices of its own, so that it meets its own actions again.
                let own_ones = self.machines.iter().skip(lane).step_by(LANES);
                let (machine, name) = dice.choice(own_ones).expect("devices");
                let comment = format!("lane {lane} run {n}");
                let action = ["isolate", "release", "scan-quick"][usize::from(what) - 3];
                let mut args: Vec<String> =
                    own(&["actions", "run", action, machine, "-m", &comment]);
                if action == "isolate" {
                    args.extend(own(&["--confirm", name]));
                }
                (Intent::Act { comment }, args)
            }
        }
    }
}

fn spawn(place: &Place, args: &[String]) -> std::process::Child {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = place.home.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

fn mentions<'a>(journal: &'a [JournalEntry], words: &str) -> Vec<&'a JournalEntry> {
    let quoted = format!("\"{words}\"");
    journal
        .iter()
        .filter(|entry| entry.request.contains(&quoted))
        .collect()
}

/// Holds the journal's word for one intent against what the tenant has.
fn judge(
    intent: &Intent,
    journal: &[JournalEntry],
    truth: &Snapshot,
) -> Result<&'static str, String> {
    use JournalState::{Accepted, Cancelled, Failed, NotSent, Succeeded};
    let (words, there) = match intent {
        Intent::Act { comment, .. } => {
            let ours = |action: &&Value| action["requestorComment"] == **comment;
            (comment, truth.actions.values().filter(ours).count())
        }
        Intent::Assign { alert, owner } => (
            owner,
            usize::from(truth.alerts[alert]["assignedTo"] == **owner),
        ),
        Intent::Comment { alert, text } => {
            let says = |comment: &&Value| comment["comment"] == **text;
            let comments = truth.alerts[alert]["comments"].as_array();
            (
                text,
                comments.map_or(0, |all| all.iter().filter(says).count()),
            )
        }
    };
    let entries = mentions(journal, words);
    let states: Vec<_> = entries
        .iter()
        .map(|entry| (entry.state, entry.detail.as_str()))
        .collect();
    match (there, entries.as_slice()) {
        (2.., _) => Err(format!("{intent:?} was done {there} times")),
        (_, [_, _, ..]) => Err(format!(
            "{intent:?} is in the journal more than once: {states:?}"
        )),
        (1, []) => Err(format!(
            "{intent:?} was done and the journal knows nothing of it"
        )),
        (0, []) => Ok("never begun"),
        (_, [entry]) => match (there, entry.state) {
            (1, Accepted | Succeeded | Failed | Cancelled) => {
                let Intent::Act { .. } = intent else {
                    return Ok("done");
                };
                let id = entry.action.as_ref().map(ToString::to_string);
                let action = id.and_then(|id| truth.actions.get(&id));
                match action {
                    Some(action) if action["requestorComment"] == **words => Ok("done"),
                    _ => Err(format!("{intent:?} became another action: {entry:?}")),
                }
            }
            (0, NotSent) => Ok("not sent"),
            // The same was open already, and the entry follows that one.
            (0, Accepted | Succeeded | Failed | Cancelled)
                if matches!(intent, Intent::Act { .. })
                    && entry.action.is_some()
                    && truth
                        .actions
                        .contains_key(&entry.action.as_ref().expect("some").to_string()) =>
            {
                Ok("attached")
            }
            (0, JournalState::Refused) => Ok("refused"),
            _ => Err(format!(
                "{intent:?}: the tenant has it {there} times, the journal says {states:?}"
            )),
        },
    }
}

/// Asks the service about everything that is open.
fn recover(service: &Service, tenant: &Arc<Tenant>) {
    let patience = Patience {
        no_trace_after: Duration::ZERO,
        ..Patience::default()
    };
    let responder = Responder::with_patience(tenant.clone(), false, patience);
    service.runtime.block_on(responder.recover());
}

/// One lane: runs, kills, restarts; gives its intents.
fn lane(
    service: &Service,
    place: &Place,
    targets: &Targets,
    lane: usize,
    kills: usize,
    seed: u64,
) -> Vec<Intent> {
    let mut dice = fastrand::Rng::with_seed(seed ^ (lane as u64) << 32);
    let mut intents = Vec::with_capacity(kills);
    let mut usual = Duration::from_millis(100);
    for n in 0..kills {
        let (intent, args) = targets.intent(&mut dice, lane, n);
        let begun = Instant::now();
        let mut child = spawn(place, &args);
        // Now and then one is left alone: that is how long it takes.
        if n % 12 == 0 {
            child.wait().expect("it ends");
            usual = begun.elapsed();
        } else {
            // Most of the time goes by before anything is sent: the end is looked at more closely.
            let from = if dice.u8(..4) == 0 { 0.0 } else { 0.6 };
            std::thread::sleep(usual.mul_f64(from + dice.f64() * (1.1 - from)));
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().expect("it ends");
        }
        service.settle();
        let tenant = place.reopen();
        recover(service, &tenant);
        let open = tenant.store.journal_unsettled().expect("reads");
        let unknown = open
            .iter()
            .find(|entry| entry.state != JournalState::Accepted);
        assert!(unknown.is_none(), "seed {seed}: not settled: {unknown:?}");
        drop(tenant);
        if n % 10 == 9 {
            place.check();
        }
        intents.push(intent);
    }
    place.check();
    intents
}

#[test]
fn killed_around_writes_the_journal_comes_to_know_the_truth() {
    let kills = usize::try_from(number("NIGHTJAR_KILLS", 200)).expect("few");
    let seed = number("NIGHTJAR_KILL_SEED", 7);
    println!("kills {kills}, seed {seed}");
    let service = Service::start(seed);
    let places: Vec<Place> = (0..LANES).map(|_| Place::new(&service.sim)).collect();
    let targets = Targets::of(&places[0], &service.truth());
    assert!(targets.machines.len() >= 2 * LANES);
    let done: Vec<Vec<Intent>> = std::thread::scope(|scope| {
        let (service, targets) = (&service, &targets);
        let lanes: Vec<_> = places
            .iter()
            .enumerate()
            .map(|(at, place)| {
                scope.spawn(move || lane(service, place, targets, at, kills.div_ceil(LANES), seed))
            })
            .collect();
        let ended = lanes.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.map(|lane| lane.expect("no panic")).collect()
    });
    service.settle();
    let truth = service.truth();
    let mut tally = std::collections::BTreeMap::new();
    let mut wrong = Vec::new();
    for (place, intents) in places.iter().zip(&done) {
        let tenant = place.reopen();
        recover(&service, &tenant);
        let journal = tenant.store.journal(100_000).expect("reads");
        for intent in intents {
            match judge(intent, &journal, &truth) {
                Ok(word) => *tally.entry(word).or_insert(0_usize) += 1,
                Err(why) => wrong.push(why),
            }
        }
    }
    println!("{tally:?}");
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    // Every write the tenant carried out is one of the intents.
    let carried_out = service.writes.lock().expect("no panic");
    let good = carried_out
        .iter()
        .filter(|line| line.starts_with('2'))
        .count();
    let known = tally.get("done").copied().unwrap_or(0);
    assert!(
        good <= known,
        "seed {seed}: {good} writes for {known} intents: {carried_out:#?}"
    );
    for outcome in ["done", "never begun"] {
        assert!(
            tally.contains_key(outcome),
            "seed {seed}: no kill hit {outcome:?}: {tally:?}"
        );
    }
}

/// What a child does: reads the tenant into its store until it is killed.
const CHILD: &str = "NIGHTJAR_TEST_SYNC_AT";

#[test]
fn sync_until_killed() {
    let Ok(folder) = std::env::var(CHILD) else {
        return; // not the child
    };
    let folder = Path::new(&folder);
    let settings = std::fs::read_to_string(folder.join("config/config.toml")).expect("reads");
    let loaded = Config::parse(&settings, Path::new("sim.toml"));
    let profile = loaded.config.profile(None).expect("a profile").clone();
    let paths = Paths {
        config: folder.join("config"),
        data: folder.join("data"),
        state: folder.join("state"),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let tenant = Tenant::connect(profile, &paths).expect("the store opens");
        let fed = Fed::start(&tenant, small_pages());
        tokio::time::sleep(Duration::from_secs(30)).await;
        fed.feed.shutdown().await;
    });
}

/// Many pages, so that a kill finds itself between two.
fn small_pages() -> (nightjar::config::FeedSettings, nightjar::feed::Habits) {
    let (settings, mut habits) = hurried();
    (habits.incidents_page, habits.alerts_page) = (10, 20);
    (settings, habits)
}

fn complete(store: &Store) -> bool {
    [Endpoint::Incidents, Endpoint::Alerts]
        .into_iter()
        .all(|endpoint| {
            let mark = store.watermark(endpoint).expect("reads");
            mark.is_some_and(|mark| mark.floor.is_none() && mark.as_of.is_some())
        })
}

#[test]
fn killed_in_the_middle_of_a_sync_nothing_is_lost_and_nothing_twice() {
    let kills = number("NIGHTJAR_KILLS", 200) / 8;
    let seed = number("NIGHTJAR_KILL_SEED", 7);
    let service = Service::start(seed);
    let place = Place::new(&service.sim);
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut interrupted = 0;
    for n in 0..kills {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "sync_until_killed", "--nocapture"])
            .env(CHILD, place.home.path(""))
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(dice.u64(20..400)));
        let _ = child.kill();
        child.wait().expect("it ends");
        service.runtime.block_on(service.sim.churn(5, seed ^ n));
        if place.file().exists() {
            let tenant = place.reopen();
            interrupted += usize::from(!complete(&tenant.store));
            drop(tenant);
            place.check();
        }
        // From the beginning, some time after it was complete.
        if n % 6 == 5 {
            assert_equal(&service, &place, seed);
            std::fs::remove_dir_all(place.paths().data).expect("removed");
        }
    }
    println!("{kills} kills, {interrupted} before the first sync was complete");
    assert_equal(&service, &place, seed);
    assert!(interrupted > 0, "seed {seed}: no kill came in the middle");
}

/// Lets the feed finish, and compares.
fn assert_equal(service: &Service, place: &Place, seed: u64) {
    let tenant = place.reopen();
    service.runtime.block_on(async {
        let begun = nightjar::domain::Timestamp::now();
        let fed = Fed::start(&tenant, small_pages());
        until("it is complete and up to date", || {
            complete(&tenant.store)
                && fed
                    .health()
                    .is_some_and(|health| health.as_of.is_some_and(|as_of| as_of > begun))
        })
        .await;
        fed.feed.shutdown().await;
    });
    let truth = service.truth();
    assert_same(&tenant.store, &truth, &format!("seed {seed}"));
}
