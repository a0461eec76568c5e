//! `nightjar sim`: the simulated tenant alone.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::failure::{Done, Failure};
use crate::sim::{Quirks, Sim, SimConfig, SimError, Tale};

/// Options of `nightjar sim`.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// Where to listen; loopback only. Port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8484", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Chooses ids, people, machines and noise; the same seed gives the same tenant.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// How many times faster than life the story unfolds.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
    /// How many everyday incidents the tenant holds at the start.
    #[arg(long, default_value_t = 120, value_name = "N")]
    pub(crate) incidents: usize,
    /// How many everyday alerts the tenant holds at the start.
    #[arg(long, default_value_t = 400, value_name = "N")]
    pub(crate) alerts: usize,
    /// How many machines the tenant holds.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) machines: usize,
    /// Which stories are told: a name, a file, or "all"; can be repeated. "list" prints the names.
    #[arg(long, default_value = "all", value_name = "NAME|FILE")]
    pub(crate) scenario: Vec<String>,
    /// Everyday noise only: no attack.
    #[arg(long)]
    pub(crate) no_story: bool,
    /// Nothing new comes by itself besides the story.
    #[arg(long)]
    pub(crate) no_trickle: bool,
    /// Keeps the documented call limits: 429 with Retry-After beyond them.
    #[arg(long)]
    pub(crate) throttle: bool,
    /// Chooses how an unverified fact goes, as NAME=VALUE; can be repeated. A wrong one lists them all.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) quirk: Vec<String>,
    /// How long tokens live, in seconds.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub(crate) token_lifetime: u64,
    /// Issues tokens without this application role; can be repeated.
    #[arg(long, value_name = "ROLE")]
    pub(crate) without_role: Vec<String>,
    /// Says nothing about requests.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Serves until interrupted: settings of a profile to standard output, one line a request to
/// standard error.
pub(crate) fn run(args: SimArgs) -> Done {
    super::runtime()?.block_on(serve(args))
}

async fn serve(args: SimArgs) -> Done {
    if args.scenario.iter().any(|name| name == "list") {
        return list();
    }
    let scenarios = tales(&args.scenario)?;
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::usage("--speed must be a number above 0"));
    }
    let mut quirks = Quirks::default();
    for quirk in &args.quirk {
        quirks.set(quirk).map_err(Failure::usage)?;
    }
    let log: Option<crate::sim::LogLine> =
        (!args.quiet).then(|| Arc::new(|line: &str| super::say(line)) as crate::sim::LogLine);
    let config = SimConfig {
        listen: args.listen,
        seed: args.seed,
        speed: args.speed,
        incidents: args.incidents,
        alerts: args.alerts,
        machines: args.machines,
        story: !args.no_story,
        scenarios,
        trickle: !args.no_trickle,
        token_lifetime: Duration::from_secs(args.token_lifetime),
        withheld_roles: args.without_role,
        quirks,
        throttle: args.throttle,
        prepare_hunting: true,
        log,
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.map_err(|error| match error {
        SimError::Listen { .. } => Failure::refused(error),
        SimError::NotLoopback(_) | SimError::Scenario(_) => Failure::usage(error),
    })?;
    {
        let mut out = io::stdout().lock();
        out.write_all(sim.profile_toml("sim").as_bytes())?;
        out.flush()?;
    }
    super::say(&format!(
        "the simulated tenant listens on {}; put the settings above into nightjar's configuration, then: nightjar --profile sim",
        sim.base_url()
    ));
    // Ctrl-C is how it ends: nothing has failed.
    let _ = tokio::signal::ctrl_c().await;
    sim.stop().await;
    Ok(())
}

/// The stories that were chosen, each once, in the order of choosing.
fn tales(chosen: &[String]) -> Result<Vec<Tale>, Failure> {
    let mut tales: Vec<Tale> = Vec::new();
    for name in chosen {
        let found = if name == "all" {
            Tale::all()
        } else if let Some(tale) = Tale::named(name) {
            vec![tale]
        } else {
            let text = std::fs::read_to_string(name).map_err(|e| {
                Failure::usage(format!(
                    "{name} is no story (see --scenario list), and as a file: {e}"
                ))
            })?;
            vec![Tale {
                name: name.clone(),
                text,
            }]
        };
        for tale in found {
            if !tales.contains(&tale) {
                tales.push(tale);
            }
        }
    }
    Ok(tales)
}

/// What there is to choose from: data, so to standard output.
fn list() -> Done {
    let mut out = io::stdout().lock();
    for tale in Tale::all() {
        let told = tale.synopsis().map_err(Failure::usage)?;
        writeln!(out, "{}  {}\n    {}", told.name, told.title, told.summary)?;
        for (title, tactic) in told.stages {
            writeln!(out, "    - {title} ({tactic})")?;
        }
    }
    Ok(())
}
