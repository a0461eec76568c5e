//! `nightjar sim`: the simulated tenant alone.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::failure::{Done, Failure};
use crate::sim::{self, Cloud, Quirks, Sim, SimConfig, SimError, Tale};

/// Options of `nightjar sim`.
#[derive(Debug, Args)]
#[command(after_long_help = after_help())]
pub(crate) struct SimArgs {
    /// Where to listen; loopback only. Port 0 takes a free one.
    #[arg(
        long,
        default_value = "127.0.0.1:8484",
        value_name = "ADDRESS",
        help_heading = "Where"
    )]
    pub(crate) listen: SocketAddr,
    /// Chooses ids, people, machines and noise; the same seed gives the same tenant.
    #[arg(long, default_value_t = 7, help_heading = "What")]
    pub(crate) seed: u64,
    /// How many times faster than life the story unfolds.
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "FACTOR",
        help_heading = "Time"
    )]
    pub(crate) speed: f64,
    /// How tenant time runs: real, 60x (tokens, actions, quotas, stories: all of it), or frozen.
    #[arg(long, default_value = "real", value_name = "PACE", value_parser = pace, help_heading = "Time")]
    pub(crate) clock: f64,
    /// The moment the tenant believes it is, at the start; now unless given.
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Time")]
    pub(crate) start: Option<sim::Ticks>,
    /// The tenant was started so long ago, as 8d: so much of its stories has happened.
    #[arg(long, value_name = "SPAN", value_parser = span, help_heading = "Time")]
    pub(crate) start_ago: Option<Duration>,
    /// How many tenants, each with a world of its own.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200), help_heading = "What")]
    pub(crate) tenants: u16,
    /// Nothing but their names sets several tenants apart: one cloud, every licence, in good health.
    #[arg(long, help_heading = "What")]
    pub(crate) alike: bool,
    /// Keeps everything that is accepted in this file, and goes on from it when it is there.
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub(crate) state: Option<PathBuf>,
    /// How large the tenant is: 1 is a company of 2,000 machines with a month of about 1,900 alerts a
    /// day behind it and as many to come. Without it the month is a small sample.
    #[arg(long, value_name = "FACTOR", help_heading = "What")]
    pub(crate) scale: Option<f64>,
    /// How many everyday incidents the tenant holds at the start; 120 unless --scale says more.
    #[arg(long, value_name = "N", help_heading = "What")]
    pub(crate) incidents: Option<usize>,
    /// How many everyday alerts the tenant holds at the start; 400 unless --scale says more.
    #[arg(long, value_name = "N", help_heading = "What")]
    pub(crate) alerts: Option<usize>,
    /// How many machines the tenant holds; 60 unless --scale says more.
    #[arg(long, value_name = "N", help_heading = "What")]
    pub(crate) machines: Option<usize>,
    /// Which stories are told: a name, a file, or "all"; can be repeated. "list" prints the names.
    #[arg(
        long,
        default_value = "all",
        value_name = "NAME|FILE",
        help_heading = "What"
    )]
    pub(crate) scenario: Vec<String>,
    /// Everyday noise only: no attack.
    #[arg(long, help_heading = "What")]
    pub(crate) no_story: bool,
    /// Nothing new comes by itself besides the story.
    #[arg(long, help_heading = "What")]
    pub(crate) no_trickle: bool,
    /// Roughly how many everyday rows the hunting tables hold; above a million they go back thirty days.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=5_000_000), help_heading = "What")]
    pub(crate) hunting_rows: Option<u64>,
    /// Seconds of processing time that hunting queries may use in a quarter of an hour: 429 beyond them.
    #[arg(long, value_name = "SECONDS", help_heading = "What")]
    pub(crate) hunting_cpu: Option<u64>,
    /// Leaves a hunting table out, as for a tenant without the licence; can be repeated.
    #[arg(long, value_name = "TABLE", help_heading = "What")]
    pub(crate) without_table: Vec<String>,
    /// Keeps the documented call limits: 429 with Retry-After beyond them.
    #[arg(long, help_heading = "Trouble")]
    pub(crate) throttle: bool,
    /// Chooses how an unverified fact goes, as NAME=VALUE; can be repeated. "list" prints them with their
    /// values and meanings.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What")]
    pub(crate) quirk: Vec<String>,
    /// The national cloud of the tenant: global, gcc, gcc-high, dod or china. It decides what Graph has, what
    /// tokens are for and where the portal is.
    #[arg(
        long,
        default_value = "global",
        value_name = "CLOUD",
        help_heading = "What"
    )]
    pub(crate) cloud: String,
    /// Serves HTTPS, with a certificate of an authority made for the run.
    #[arg(long, help_heading = "Where")]
    pub(crate) tls: bool,
    /// Serves HTTPS with a wrong certificate: expired, name (of another host) or issuer (an authority that
    /// clients were not told to trust).
    #[arg(long, value_name = "WHAT", requires = "tls", help_heading = "Trouble")]
    pub(crate) tls_fault: Option<sim::TlsFault>,
    /// Where the authority's certificate is written; in the folder for temporary files unless given.
    #[arg(long, value_name = "FILE", requires = "tls", help_heading = "Where")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Lets applications sign in with the certificates of a PEM file; can be repeated.
    #[arg(long, value_name = "FILE", help_heading = "What")]
    pub(crate) certificate: Vec<PathBuf>,
    /// Takes a foreign issuer's word for an application: its assertions about the subject, signed with the
    /// key of the certificate in a PEM file; can be repeated.
    #[arg(long, num_args = 3, value_names = ["ISSUER", "SUBJECT", "FILE"], help_heading = "What")]
    pub(crate) federated: Vec<String>,
    /// Which tokens the Defender for Endpoint API takes: documented (its own resource's), migrated (the
    /// Defender XDR resource's) or both.
    #[arg(
        long,
        default_value = "documented",
        value_name = "WHICH",
        help_heading = "What"
    )]
    pub(crate) audience: sim::Audience,
    /// How long tokens live, in seconds.
    #[arg(
        long,
        default_value_t = 3600,
        value_name = "SECONDS",
        help_heading = "What"
    )]
    pub(crate) token_lifetime: u64,
    /// Issues tokens without this application role; can be repeated.
    #[arg(long, value_name = "ROLE", help_heading = "What")]
    pub(crate) without_role: Vec<String>,
    /// Lets something go wrong: `'rate=0.2 kind=reset path=/v1.0/security/*'`; can be repeated. The end of
    /// this text lists the kinds and words; "list" prints them, and how every refusal of sign-in is met.
    #[arg(long, value_name = "WORDS", help_heading = "Trouble")]
    pub(crate) fault: Vec<String>,
    /// Lets happen what a file of `[[fault]]` tables says, `from` and `until` being times since the start.
    #[arg(long, value_name = "FILE", help_heading = "Trouble")]
    pub(crate) fault_script: Option<PathBuf>,
    /// Decides which requests faults with a rate strike.
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Trouble")]
    pub(crate) fault_seed: u64,
    /// The call limits of --throttle are the documented ones times this.
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "FACTOR",
        requires = "throttle"
    )]
    pub(crate) throttle_scale: f64,
    /// Lets anybody on this computer use /_sim/ without the bearer that is printed otherwise.
    #[arg(long, help_heading = "Where")]
    pub(crate) open_admin: bool,
    /// How the lines about requests are written: text or json.
    #[arg(long, default_value = "text", value_name = "FORMAT", value_parser = ["text", "json"], help_heading = "Where")]
    pub(crate) log_format: String,
    /// Says nothing about requests.
    #[arg(long, help_heading = "Where")]
    pub(crate) quiet: bool,
}

fn pace(text: &str) -> Result<f64, String> {
    sim::pace(text).ok_or_else(|| "write real, frozen, or a factor such as 60x".into())
}

fn moment(text: &str) -> Result<sim::Ticks, String> {
    sim::moment(text).ok_or_else(|| "write a time such as 2026-08-01T00:00:00Z".into())
}

fn span(text: &str) -> Result<Duration, String> {
    sim::span(text).ok_or_else(|| "write a span such as 90s, 5m, 2h or 8d".into())
}

/// The part of the long help that no single option explains.
fn after_help() -> String {
    format!(
        "{}\nFaults are written as words: kind=KIND, and where it strikes: method=, path= (a part of the path, or a \
         pattern with *), tenant= (ids, domains, numbers or ranges such as 2,5-7), service=entra|graph|defender, rate=0..1, nth=, times=, \
         after=, from= and until= (time since the start, such as 90s or 2h).\nKinds, with their own words and defaults:\n{}",
        sim::ADMIN_HELP,
        sim::fault_kinds()
    )
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
    if args.quirk.iter().any(|quirk| quirk == "list") {
        return quirks_list();
    }
    if args.fault.iter().any(|fault| fault == "list") {
        return faults_list();
    }
    let scenarios = tales(&args.scenario)?;
    let mut faults = Vec::new();
    for words in &args.fault {
        let fault =
            sim::fault(words).map_err(|e| Failure::usage(format!("--fault '{words}': {e}")))?;
        faults.push(fault);
    }
    if let Some(path) = &args.fault_script {
        let wrong = |e: String| Failure::usage(format!("{}: {e}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        faults.extend(sim::fault_script(&text).map_err(wrong)?);
    }
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path)
            .map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
    };
    let certificates = args
        .certificate
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let federated = args
        .federated
        .chunks_exact(3)
        .map(|words| {
            Ok(sim::Trust {
                issuer: words[0].clone(),
                subject: words[1].clone(),
                certificate: read(words[2].as_ref())?,
            })
        })
        .collect::<Result<_, Failure>>()?;
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::usage("--speed must be a number above 0"));
    }
    let mut quirks = Quirks::default();
    for quirk in &args.quirk {
        quirks.set(quirk).map_err(Failure::usage)?;
    }
    let cloud = Cloud::named(&args.cloud).ok_or_else(|| {
        Failure::usage(format!(
            "--cloud is one of {}, not {}",
            Cloud::names(),
            args.cloud
        ))
    })?;
    let mut size = SimConfig::default();
    if let Some(factor) = args.scale {
        if !(factor.is_finite() && factor > 0.0) {
            return Err(Failure::usage("--scale must be a number above 0"));
        }
        size = size.scaled(factor);
    }
    let log: Option<crate::sim::LogLine> =
        (!args.quiet).then(|| Arc::new(|line: &str| super::say(line)) as crate::sim::LogLine);
    #[allow(
        clippy::needless_update,
        reason = "what has no option keeps its default"
    )]
    let config = SimConfig {
        listen: args.listen,
        seed: args.seed,
        speed: args.speed,
        incidents: args.incidents.unwrap_or(size.incidents),
        alerts: args.alerts.unwrap_or(size.alerts),
        machines: args.machines.unwrap_or(size.machines),
        story: !args.no_story,
        scenarios,
        trickle: !args.no_trickle,
        rate: size.rate,
        tls: args.tls,
        tls_fault: args.tls_fault,
        ca_file: args.ca_file,
        token_lifetime: Duration::from_secs(args.token_lifetime),
        withheld_roles: args.without_role,
        audience: args.audience,
        certificates,
        federated,
        quirks,
        cloud,
        throttle: args.throttle,
        throttle_scale: args.throttle_scale,
        open_admin: args.open_admin,
        log_json: args.log_format == "json",
        faults,
        fault_seed: args.fault_seed,
        tenants: args.tenants.into(),
        alike: args.alike,
        state: args.state,
        start: args.start,
        start_ago: args.start_ago.unwrap_or_default(),
        clock_rate: args.clock,
        prepare_hunting: true,
        hidden_tables: args.without_table,
        hunting_rows: args.hunting_rows,
        hunting_cpu: args.hunting_cpu.map(Duration::from_secs),
        log,
    };
    let sim = Sim::start(config).await.map_err(|error| match error {
        SimError::Listen { .. } | SimError::Certificate { .. } | SimError::State { .. } => {
            Failure::refused(error)
        }
        SimError::NotLoopback(_) | SimError::Scenario(_) | SimError::Credential(_) => {
            Failure::usage(error)
        }
    })?;
    {
        let mut out = io::stdout().lock();
        for tenant in sim.tenants() {
            out.write_all(tenant.profile.as_bytes())?;
        }
        out.flush()?;
    }
    super::say(&format!(
        "the simulated tenant listens on {}; put the settings above into nightjar's configuration, then: nightjar --profile sim",
        sim.base_url()
    ));
    super::say(&format!(
        "people sign in with the password {}: {}",
        sim.password(),
        sim.people()
            .iter()
            .map(|(upn, _, _)| upn.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    if let Some(path) = sim.ca_file() {
        super::say(&format!(
            "clients must trust the certificate in {}",
            path.display()
        ));
    }
    if let Some(token) = sim.admin_token() {
        super::say(&format!(
            "administrator's bearer for {}/_sim/: {token}",
            sim.base_url()
        ));
    }
    // Ctrl-C is how it ends, or being told to: nothing has failed.
    told_to_end().await;
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

/// Every kind of fault, and every refusal of sign-in.
fn faults_list() -> Done {
    let mut out = io::stdout().lock();
    write!(
        out,
        "Kinds of faults:\n{}\nRefusals of sign-in; any of them also with kind=aadsts code=NUMBER:\n{}",
        sim::fault_kinds(),
        sim::sign_in_refusals()
    )?;
    Ok(())
}

/// Every quirk with its values, the default first.
fn quirks_list() -> Done {
    let mut out = io::stdout().lock();
    for quirk in crate::sim::QUIRKS {
        writeln!(out, "{}\n    {}", quirk.name, quirk.about.trim())?;
        for (at, (value, meaning)) in quirk.values.iter().enumerate() {
            let default = if at == 0 { " (default)" } else { "" };
            writeln!(out, "    - {value}{default}: {}", meaning.trim())?;
        }
    }
    Ok(())
}

/// Waits for Ctrl-C, or for the signal that asks a service to end.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
