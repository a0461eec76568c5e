//! A partner's console: 25 tenants with 2,000 incidents each in one process, five of them throttled, two
//! down. Are the other eighteen as fresh as a tenant alone, and what does it cost? The tenants are
//! simulated, in a process of their own on loopback.
//!
//!     cargo bench --bench many_tenants [-- --minutes 1 --alerts 4000]
//!
//! Freshness is how old the shown truth has become when it is renewed: the interval of the polls, and
//! whatever makes them late. It is taken just before each renewal, so that how the two polls of a
//! tenant lie against each other does not matter.

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness::{Home, PROGRAM};
use nightjar::config::{Config, FeedSettings, Paths, Profile};
use nightjar::domain::{AlertRow, IncidentRow};
use nightjar::feed::{Feed, FeedEvent, FeedHandle, FeedState, Habits};
use nightjar::tenant::Tenant;
use support::{judged, option, resident_mb, say, status_field};
use tokio::sync::mpsc;

/// Tenants of the console, and what each holds.
const TENANTS: usize = 25;
const INCIDENTS: usize = 2_000;
const THROTTLED: usize = 5;
const DOWN: usize = 2;
/// As often as settings may ask.
const EVERY: Duration = Duration::from_secs(5);
/// Personas without consent or without the service are left out, so there are more than are used.
const SIMULATED: usize = 32;

/// What is known of one feed.
#[derive(Default)]
struct Seen {
    synced: bool,
    state: Option<FeedState>,
    as_of: Option<nightjar::domain::Timestamp>,
    fresh: Option<Instant>,
    gaps: Vec<Duration>,
}

struct Running {
    tenant: Arc<Tenant>,
    feed: FeedHandle,
    seen: Arc<Mutex<Seen>>,
    /// The rows a console shows.
    rows: (Vec<IncidentRow>, Vec<AlertRow>),
}

fn main() {
    let minutes = option("--minutes", 1);
    let alerts = option("--alerts", 4_000);
    let begun = Instant::now();
    let service = Service::start(alerts);
    say(&format!(
        "{TENANTS} tenants of {INCIDENTS} incidents and {alerts} alerts, polled every {} s ({SIMULATED} simulated, up in {:.1} s)",
        EVERY.as_secs(),
        begun.elapsed().as_secs_f64()
    ));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let profiles: Vec<Profile> = service.profiles.values().take(TENANTS).cloned().collect();
    let look = Duration::from_secs(60 * minutes);

    let alone = runtime.block_on(async { observe(begin(&profiles[..1]).await, look).await });
    let (alone, _) = alone[0].judge();
    say(&format!(
        "  alone      worst {:>6.2} s  mean {:>6.2} s between fresh moments",
        alone.0.as_secs_f64(),
        alone.1.as_secs_f64()
    ));

    let sick: Vec<(String, &str)> = profiles[TENANTS - THROTTLED - DOWN..]
        .iter()
        .enumerate()
        .map(|(at, profile)| {
            let kind = if at < THROTTLED {
                r#""kind":"throttle","seconds":2,"rate":0.9"#
            } else {
                r#""kind":"status","status":503,"rate":1.0"#
            };
            (profile.tenant_id.clone(), kind)
        })
        .collect();
    let faults: Vec<String> = sick
        .iter()
        .map(|(tenant, kind)| format!(r#"{{"tenant":"{tenant}",{kind}}}"#))
        .collect();
    let all = runtime.block_on(async {
        let running = begin(&profiles).await;
        shown(&running);
        service
            .post("faults", &format!("{{\"add\":[{}]}}", faults.join(",")))
            .await;
        observe(running, look).await
    });
    let well = &all[..TENANTS - THROTTLED - DOWN];
    let mut worst = (0.0_f64, 0.0_f64);
    for one in well {
        let ((max, mean), count) = one.judge();
        assert!(count > 0, "{} was never fresh", one.name);
        worst.0 = worst.0.max(max.as_secs_f64() / alone.0.as_secs_f64());
        worst.1 = worst.1.max(mean.as_secs_f64() / alone.1.as_secs_f64());
    }
    let told: BTreeMap<String, usize> =
        all[well.len()..]
            .iter()
            .fold(BTreeMap::new(), |mut told, one| {
                *told.entry(one.state.clone()).or_default() += 1;
                told
            });
    say(&format!(
        "  the sick   {}",
        told.iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    say(&format!(
        "  the well   lag ratio of the worst of {}: mean {:.2}, longest {:.2}  (aim ≤ 1.1: {})",
        well.len(),
        worst.1,
        worst.0,
        judged(worst.1 <= 1.1 && worst.0 <= 1.1)
    ));
    let peak = status_field("self", "VmHWM").unwrap_or_default() as f64 / 1024.0;
    let now = all[0].resident;
    say(&format!(
        "  memory     {now:.0} MB resident, {peak:.0} MB at its highest, {} threads  (aim < 200 MB: {})",
        status_field("self", "Threads").unwrap_or_default(),
        judged(now < 200.0 && peak < 200.0)
    ));
}

/// What came of watching one tenant.
struct Watched {
    name: String,
    gaps: Vec<Duration>,
    state: String,
    resident: f64,
}

impl Watched {
    /// The longest and the mean gap, and how many there were.
    fn judge(&self) -> ((Duration, Duration), usize) {
        let count = self.gaps.len();
        let sum: Duration = self.gaps.iter().sum();
        let max = self.gaps.iter().max().copied().unwrap_or_default();
        ((max, sum / u32::try_from(count.max(1)).unwrap_or(1)), count)
    }
}

/// Connects them and waits until each has read everything.
async fn begin(profiles: &[Profile]) -> (Home, Vec<Running>) {
    let home = Home::new();
    let paths = Paths {
        config: home.path("config"),
        data: home.path("data"),
        state: home.path("state"),
    };
    let settings = FeedSettings {
        incidents_every: EVERY,
        alerts_every: EVERY,
        ..FeedSettings::default()
    };
    let habits = Habits {
        // What is compared must not differ by chance.
        jitter: 0.0,
        ..Habits::default()
    };
    let begun = Instant::now();
    let mut running = Vec::new();
    for profile in profiles {
        let tenant = Tenant::connect(profile.clone(), &paths).expect("connected");
        let (events, hearing) = mpsc::channel(64);
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(listen(hearing, Arc::clone(&seen)));
        let feed = Feed::start_with(
            Arc::clone(&tenant),
            settings.clone(),
            habits.clone(),
            events,
        );
        running.push(Running {
            tenant,
            feed,
            seen,
            rows: (Vec::new(), Vec::new()),
        });
    }
    for one in &running {
        while !lock(&one.seen).synced {
            assert!(
                begun.elapsed() < Duration::from_secs(900),
                "{} is not read after a quarter of an hour: {:?}",
                one.tenant.profile.name,
                lock(&one.seen).state
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    for one in &mut running {
        let store = one.tenant.store.clone();
        let read = move || (store.incident_rows(), store.alert_rows());
        let (incidents, alerts) = tokio::task::spawn_blocking(read).await.expect("read");
        one.rows = (incidents.expect("rows"), alerts.expect("rows"));
    }
    say(&format!(
        "  {:>2} read    {:>6.2} s, {:.0} MB resident",
        running.len(),
        begun.elapsed().as_secs_f64(),
        resident_mb("self")
    ));
    (home, running)
}

fn shown((_, running): &(Home, Vec<Running>)) {
    let incidents: usize = running.iter().map(|one| one.rows.0.len()).sum();
    let alerts: usize = running.iter().map(|one| one.rows.1.len()).sum();
    say(&format!(
        "  shown      {incidents} incidents, {alerts} alerts"
    ));
}

/// Looks at them for a while, then stops them.
async fn observe((home, running): (Home, Vec<Running>), look: Duration) -> Vec<Watched> {
    // What just happened is no part of it.
    tokio::time::sleep(EVERY * 2).await;
    for one in &running {
        lock(&one.seen).gaps.clear();
    }
    tokio::time::sleep(look).await;
    let resident = resident_mb("self");
    let mut out = Vec::new();
    for one in running {
        let name = one.tenant.profile.name.clone();
        {
            let mut seen = lock(&one.seen);
            if let Some(fresh) = seen.fresh {
                // What is late still counts while it is waited for.
                let waiting = fresh.elapsed();
                if waiting > EVERY * 2 {
                    seen.gaps.push(waiting);
                }
            }
            out.push(Watched {
                name,
                gaps: std::mem::take(&mut seen.gaps),
                state: match &seen.state {
                    Some(FeedState::Throttled { .. }) => "throttled".to_owned(),
                    Some(FeedState::Offline { .. }) => "offline".to_owned(),
                    Some(FeedState::Lagging { .. }) => "lagging".to_owned(),
                    Some(FeedState::Live) => "live".to_owned(),
                    other => format!("{other:?}"),
                },
                resident,
            });
        }
        one.feed.shutdown().await;
    }
    drop(home);
    out
}

async fn listen(mut hearing: mpsc::Receiver<FeedEvent>, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = hearing.recv().await {
        let FeedEvent::Health(health) = event else {
            continue;
        };
        let mut seen = lock(&seen);
        if health.as_of > seen.as_of {
            seen.fresh = Some(Instant::now());
            if let Some(before) = seen.as_of {
                let age = nightjar::domain::Timestamp::now().duration_since(before);
                seen.gaps.push(age.unsigned_abs());
            }
            seen.as_of = health.as_of;
        }
        seen.synced |= health.as_of.is_some() && health.syncing.is_none();
        seen.state = Some(health.state);
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The simulated tenants in a process of their own.
struct Service {
    child: Child,
    profiles: BTreeMap<String, Profile>,
    base: String,
}

impl Service {
    fn start(alerts: u64) -> Self {
        let count = |count: usize| count.to_string();
        let mut child = Command::new(PROGRAM)
            .args(["sim", "--listen", "127.0.0.1:0", "--open-admin"])
            .args(["--no-story", "--no-trickle", "--quiet"])
            .args(["--tenants", &count(SIMULATED)])
            .args(["--incidents", &count(INCIDENTS)])
            .args(["--alerts", &alerts.to_string()])
            .args(["--machines", "200", "--hunting-rows", "1000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulated tenants start");
        let mut settings = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        while settings.matches("defender_url").count() < SIMULATED {
            let line = lines.next().expect("settings").expect("text");
            settings.push_str(&line);
            settings.push('\n');
        }
        let config = Config::parse(&settings, std::path::Path::new("sim.toml")).config;
        let base = config.profiles["sim"]
            .graph_url
            .clone()
            .expect("an address");
        let profiles: BTreeMap<String, Profile> = config
            .profiles
            .into_iter()
            .filter(|(name, _)| !name.contains("woodgrove") && !name.contains("adventure-works"))
            .collect();
        assert!(profiles.len() >= TENANTS, "{} of them", profiles.len());
        let service = Self {
            child,
            profiles,
            base,
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(service.post("faults", r#"{"clear":true}"#));
        service
    }

    async fn post(&self, what: &str, body: &str) {
        let profile = self.profiles.values().next().expect("a profile");
        let endpoints = profile.endpoints().expect("addresses");
        let http = nightjar::api::http_client(&endpoints, None).expect("a client");
        let answer = http
            .post(format!("{}/_sim/{what}", self.base))
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        let said = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "{status}: {said}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
