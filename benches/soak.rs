//! A long shift: the built program in a pseudo-terminal on a simulated tenant whose time runs sixty times as
//! fast, and beside it a feed in a runtime of its own, whose tasks can be counted. Prints a line a
//! simulated hour and whether memory, tasks and file descriptors stand still.
//!
//!     cargo bench --bench soak -- --minutes 8

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::pty::{Start, Terminal};
use harness::{Home, PROGRAM};
use nightjar::config::{Config, FeedSettings};
use nightjar::feed::Feed;
use nightjar::sim::{Sim, SimConfig};
use nightjar::store::Store;
use nightjar::tenant::Tenant;
use support::{judged, option, resident_mb, say};

/// One look at what is used.
struct Look {
    resident: f64,
    descriptors: usize,
    tasks: usize,
}

fn main() {
    let minutes = option("--minutes", 8);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sim = runtime
        .block_on(Sim::start(SimConfig {
            alerts: 3_000,
            incidents: 900,
            clock_rate: 60.0,
            ..SimConfig::default()
        }))
        .expect("the simulated tenant starts");
    let settings = format!(
        "default_profile = \"sim\"\n{}\n[feed]\nincidents_every = \"5s\"\nalerts_every = \"5s\"\n",
        sim.profile_toml("sim")
    );
    let home = Home::new().with_settings(&settings);
    let variables = home.variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let terminal = Terminal::start(&Start {
        program: PROGRAM,
        args: &[],
        env: &variables,
        size: (120, 40),
    });
    terminal.wait_for("live");
    let pid = terminal.pid();

    // The core alone, in a runtime that runs nothing else.
    let core = tokio::runtime::Runtime::new().expect("a runtime");
    let loaded = Config::parse(&settings, Path::new("soak.toml"));
    let profile = loaded.config.profile(None).expect("a profile").clone();
    let store = Store::in_memory().expect("opens");
    let tenant = Tenant::with_store(profile, store, Vec::new()).expect("connected");
    let (events, mut hearing) = tokio::sync::mpsc::channel(64);
    let feed = {
        let _inside = core.enter();
        core.spawn(async move { while hearing.recv().await.is_some() {} });
        let soon = Duration::from_secs(5);
        let settings = FeedSettings {
            incidents_every: soon,
            alerts_every: soon,
            ..FeedSettings::default()
        };
        Feed::start(tenant, settings, events)
    };

    say(&format!(
        "{minutes} minutes at 60x, {minutes} simulated hours, 3,000 alerts at the start"
    ));
    say("  hour   resident   descriptors   tasks");
    let begun = Instant::now();
    let mut hours: Vec<Look> = Vec::new();
    for hour in 1..=minutes {
        // Somebody works: every list is walked through in each hour.
        for screen in [
            "1 j j j e <esc>",
            "2 j j j <enter> <esc>",
            "4",
            "5",
            "6",
            "1",
        ] {
            terminal.keys(screen);
            terminal.wait_silent(Duration::from_millis(200));
        }
        let end = Duration::from_secs(60 * hour);
        std::thread::sleep(end.saturating_sub(begun.elapsed()));
        let look = Look {
            resident: resident_mb(&pid.to_string()),
            descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count),
            tasks: core.metrics().num_alive_tasks(),
        };
        say(&format!(
            "  {hour:>4}   {:>5.1} MB   {:>11}   {:>5}",
            look.resident, look.descriptors, look.tasks
        ));
        hours.push(look);
    }
    // The first hour reads everything; from the second on nothing should grow.
    if let (Some(second), Some(last)) = (hours.get(1), hours.last()) {
        let growth = (last.resident / second.resident - 1.0) * 100.0;
        say(&format!(
            "memory of the last hour against the second: {growth:+.1} % (aim within 5: {})",
            judged(growth.abs() <= 5.0)
        ));
        // Readers of the two files are kept for reuse, up to three each, opened when first wanted: two more
        // of each than at the start, with two descriptors a reader, are no growth.
        say(&format!(
            "descriptors {} to {} ({}), tasks {} to {} ({})",
            second.descriptors,
            last.descriptors,
            judged(last.descriptors <= second.descriptors + 8),
            second.tasks,
            last.tasks,
            judged(last.tasks <= second.tasks + 2),
        ));
    }
    core.block_on(feed.shutdown());
    terminal.keys("<c-c>");
    terminal.wait_exit();
}
