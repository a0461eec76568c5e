//! What an idle console costs: the built program in a pseudo-terminal on a quiet simulated tenant
//! of its own process, nothing typed. Prints bytes written to the terminal, processor time and
//! wake-ups, for a silent feed and for one that polls as delivered.
//!
//!     cargo bench --bench idle -- --seconds 60

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::time::Duration;

use harness::pty::{Start, Terminal};
use harness::{Home, PROGRAM};
use nightjar::sim::{Sim, SimConfig, SimHandle};
use support::{cost, judged, option, say};

fn main() {
    let seconds = option("--seconds", 60);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sim = runtime
        .block_on(Sim::start(SimConfig {
            story: false,
            trickle: false,
            ..SimConfig::default()
        }))
        .expect("the simulated tenant starts");
    say(&format!("idle for {seconds} s at 120x40, nothing typed"));
    measure(
        "polling once an hour",
        &sim,
        "[feed]\nincidents_every = \"1h\"\nalerts_every = \"1h\"\nactions_every = \"1h\"\nidle_every = \"1h\"\n",
        seconds,
    );
    measure("polling as delivered", &sim, "", seconds);
}

fn measure(name: &str, sim: &SimHandle, settings: &str, seconds: u64) {
    let home = Home::new().with_settings(&format!(
        "default_profile = \"sim\"\n{}\n{settings}",
        sim.profile_toml("sim")
    ));
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
    // The first synchronisation is over when the screen has been still for a while.
    terminal.wait_silent(Duration::from_secs(3));
    let pid = terminal.pid();
    let (bytes, before) = (terminal.received(), cost(pid));
    std::thread::sleep(Duration::from_secs(seconds));
    let (spent, written) = (cost(pid).since(&before), terminal.received() - bytes);
    let share = spent.cpu.as_secs_f64() / seconds as f64 * 100.0;
    say(&format!(
        "  {name:<22} {written} bytes written  {share:.3} % CPU (aim < 0.05: {})  {} wake-ups ({:.1} a second)  {:.1} MB resident",
        judged(share < 0.05),
        spent.wakeups,
        spent.wakeups as f64 / seconds as f64,
        support::resident_mb(&pid.to_string()),
    ));
    terminal.keys("<c-c>");
    terminal.wait_exit();
}
