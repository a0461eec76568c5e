//! The simulated tenant: an HTTP server that speaks the wire protocols of Entra, Graph security and
//! Defender for Endpoint over a believable, living story.
//!
//! A stranger to the rest of the crate: it may use `kql` and `engine`, and nothing else. It builds its
//! JSON from its own scenario, so that a mistake in how the clients read the protocols shows.
//!
//! | file | what it is for |
//! |---|---|
//! | `server` | a port: mishaps, log |
//! | `tls` | the same over HTTPS |
//! | `host`, `tenant` | several tenants behind a port, and one of them |
//! | `handle` | what a test or a program does with a running tenant |
//! | `entra` | discovery, sign-in, keys; tokens that are verified on every request |
//! | `graph` | incidents, alerts, hunting |
//! | `defender` | machines, actions, alerts, indicators, live response, statistics |
//! | `world`, `build`, `people` | what exists, how it is made, who is there |
//! | `churn` | believable change on demand |
//! | `noise` | everyday alerts from recipes |
//! | `stories`, `scenario`, `check` | the attacks as data, read and checked |
//! | `cast`, `story`, `evidence`, `shapes` | their entities, how they unfold, what evidence is made of |
//! | `accounts`, `mail`, `tasks` | what was done to accounts, mail and the experts' tasks |
//! | `odata`, `json`, `words`, `clock`, `ids` | the wire: filters, writing, spelling, time, seeded ids |
//! | `tables` | the hunting tables, telling the same story |
//! | `faults`, `mishap`, `spoil` | bad days on demand: which requests, what happens to them, and to bodies |
//! | `trouble` | faults written as words |
//! | `quota` | documented limits |
//! | `quirks` | facts that nobody has verified, and which way they go |

mod accounts;
mod build;
mod cast;
mod check;
mod churn;
mod clock;
mod defender;
mod entra;
mod evidence;
mod faults;
mod graph;
mod handle;
mod host;
mod http;
mod ids;
mod json;
mod mail;
mod mishap;
mod noise;
mod odata;
mod people;
mod quirks;
mod quota;
mod scenario;
mod server;
mod shapes;
mod spoil;
mod stories;
mod story;
mod tables;
mod tasks;
mod tenant;
mod tls;
mod trouble;
mod words;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use build::Scale;
pub use clock::Ticks;
use clock::{Clock, Hands};
pub use entra::Audience;
use entra::{Entra, Grants};
pub use faults::{ALWAYS, Fault, FaultKind, RetryAfter, Service};
pub use graph::routes::Cloud;
pub use handle::{SimHandle, Snapshot};
use host::Host;
pub use quirks::{QUIRKS, Quirks};
use server::Door;
pub use stories::{Synopsis, Tale};
use tenant::Tenant;
use world::World;

/// Takes one line of the tenant's log.
pub type LogLine = Arc<dyn Fn(&str) + Send + Sync>;

/// What kind of tenant to start.
#[derive(Clone)]
pub struct SimConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides every id, name and number.
    pub seed: u64,
    /// How fast the story runs: 2 is twice as fast.
    pub speed: f64,
    /// Everyday incidents at the start; those of the story come on top.
    pub incidents: usize,
    /// Everyday alerts at the start.
    pub alerts: usize,
    /// Devices.
    pub machines: usize,
    /// Whether attacks are told.
    pub story: bool,
    /// The stories that are told; the overdue invoice alone when empty.
    pub scenarios: Vec<Tale>,
    /// Whether new everyday incidents keep coming.
    pub trickle: bool,
    /// Whether HTTPS is served, with a certificate of an authority made for the run.
    pub tls: bool,
    /// Where that authority's certificate is written; in the folder for temporary files when `None`.
    pub ca_file: Option<PathBuf>,
    /// How long tokens live.
    pub token_lifetime: Duration,
    /// Application roles that tokens come without.
    pub withheld_roles: Vec<String>,
    /// Which tokens the Defender for Endpoint API takes.
    pub audience: Audience,
    /// Certificates applications may sign in with: PEM texts.
    pub certificates: Vec<String>,
    /// Foreign issuers whose word is taken for an application's.
    pub federated: Vec<Trust>,
    /// Which way the unverified facts go.
    pub quirks: Quirks,
    /// The national cloud, which decides what Graph has.
    pub cloud: Cloud,
    /// Whether the documented call limits are kept.
    pub throttle: bool,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// Decides which requests faults with a rate strike.
    pub fault_seed: u64,
    /// Whether the hunting tables are made in the background at the start; if not, the first query
    /// waits for them.
    pub prepare_hunting: bool,
    /// Roughly how many everyday rows the hunting tables hold, up to 5,000,000; they go back further the
    /// more there are, up to thirty days. `None`: some ten thousand of the last week.
    pub hunting_rows: Option<u64>,
    /// Processing time that hunting queries may use in a quarter of an hour; without end when `None`.
    pub hunting_cpu: Option<Duration>,
    /// Hunting tables that the tenant has no licence for: queries find no table of the name.
    pub hidden_tables: Vec<String>,
    /// The moment the tenant believes it is now, at the start; wall time when `None`.
    pub start: Option<Ticks>,
    /// How long ago it was started, as the tenant believes: so much of the story has happened already.
    pub start_ago: Duration,
    /// Tenant time runs this many times as fast as wall time; 0 is frozen.
    pub clock_rate: f64,
    /// Where log lines go.
    pub log: Option<LogLine>,
}

/// A foreign issuer of assertions and one subject of it.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `iss` of its assertions.
    pub issuer: String,
    /// `sub` of its assertions.
    pub subject: String,
    /// The certificate whose key signs them: a PEM text.
    pub certificate: String,
}

impl std::fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimConfig")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("incidents", &self.incidents)
            .field("alerts", &self.alerts)
            .field("machines", &self.machines)
            .finish_non_exhaustive()
    }
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            speed: 1.0,
            incidents: 120,
            alerts: 400,
            machines: 60,
            story: true,
            scenarios: Vec::new(),
            trickle: true,
            tls: false,
            ca_file: None,
            token_lifetime: Duration::from_secs(3600),
            withheld_roles: Vec::new(),
            audience: Audience::default(),
            certificates: Vec::new(),
            federated: Vec::new(),
            quirks: Quirks::default(),
            cloud: Cloud::default(),
            throttle: false,
            faults: Vec::new(),
            fault_seed: 1,
            prepare_hunting: false,
            hunting_rows: None,
            hunting_cpu: None,
            hidden_tables: Vec::new(),
            start: None,
            start_ago: Duration::ZERO,
            clock_rate: 1.0,
            log: None,
        }
    }
}

/// Why a simulated tenant did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Secrets travel in the clear here, so only loopback is served.
    #[error("{0} is not a loopback address: the simulated tenant answers only on this computer")]
    NotLoopback(SocketAddr),
    /// The certificate that clients must trust could not be made or written.
    #[error("{}: {why}", path.display())]
    Certificate {
        /// Where it was to be.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A certificate that applications are to sign in with cannot be used.
    #[error("certificate: {0}")]
    Credential(String),
    /// The scenario could not be read.
    #[error("scenario: {0}")]
    Scenario(String),
}

/// The simulated tenant.
#[derive(Debug)]
pub struct Sim;

impl Sim {
    /// Builds the tenant and serves it until the handle is stopped or dropped.
    pub async fn start(config: SimConfig) -> Result<SimHandle, SimError> {
        if !config.listen.ip().is_loopback() {
            return Err(SimError::NotLoopback(config.listen));
        }
        let listen = |source| SimError::Listen {
            addr: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let identity = config.tls.then(|| identity(&config, addr)).transpose()?;
        let base: Arc<str> = match identity {
            Some(_) => format!("https://localhost:{}", addr.port()).into(),
            None => format!("http://{addr}").into(),
        };
        let clock = Arc::new(clock_of(&config));
        let tenant = Arc::new(open(&config, &clock).await?);
        if config.prepare_hunting {
            graph::hunting::prepare(&tenant);
        }
        let host = Arc::new(Host {
            tenants: vec![tenant],
            clock,
            faults: faults::Faults::new(config.fault_seed),
            requests: AtomicU64::new(0),
            log: config.log,
            stopping: tokio_util::sync::CancellationToken::new(),
        });
        for fault in config.faults {
            host.faults.add(fault);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let door = Door {
            host: Arc::clone(&host),
            base: Arc::clone(&base),
        };
        let stopped = async move {
            let _ = stopped.await;
        };
        let (ca_file, server) = if let Some((identity, ca_file)) = identity {
            let listener =
                tls::Secure::new(listener, &identity, door.host.log.clone()).map_err(listen)?;
            let server = tokio::spawn(server::serve(listener, door, stopped));
            (Some(ca_file), server)
        } else {
            // Answers are written whole: waiting for more to send only costs time.
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            (None, tokio::spawn(server::serve(listener, door, stopped)))
        };
        Ok(SimHandle {
            addr,
            base,
            ca_file,
            host,
            stop: Some(stop),
            server,
        })
    }
}

/// What HTTPS is served with, and where the certificate that clients must trust was written.
fn identity(config: &SimConfig, addr: SocketAddr) -> Result<(tls::Identity, PathBuf), SimError> {
    let path = config
        .ca_file
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("nightjar-sim-{}.pem", addr.port())));
    let wrong = |why: String| SimError::Certificate {
        path: path.clone(),
        why,
    };
    let identity = tls::Identity::new().map_err(|e| wrong(e.to_string()))?;
    identity
        .write_authority(&path)
        .map_err(|e| wrong(e.to_string()))?;
    Ok((identity, path))
}

/// Reads one fault, written as `rate=0.2 kind=reset path=/v1.0/security/*`.
pub fn fault(text: &str) -> Result<Fault, String> {
    trouble::from_text(text)
}

/// Reads a script of faults: TOML, one `[[fault]]` each, `from` and `until` being times since the start.
pub fn fault_script(text: &str) -> Result<Vec<Fault>, String> {
    trouble::from_script(text)
}

/// The kinds of faults for a help text: one line each, with own words and their defaults.
pub fn fault_kinds() -> String {
    use std::fmt::Write as _;
    trouble::KINDS.iter().fold(String::new(), |mut out, row| {
        let words = row.words.iter().map(|(n, v)| format!(" {n}={v}"));
        let _ = writeln!(
            out,
            "  {:<16}{}{}",
            row.name,
            row.help,
            words.collect::<String>()
        );
        out
    })
}

/// Reads a span of time such as `90s`, `5m`, `2h`, `8d`.
pub fn span(text: &str) -> Option<Duration> {
    let ticks = u64::try_from(clock::span(text)?).ok()?;
    Some(Duration::from_nanos(ticks.checked_mul(100)?))
}

/// Reads a moment such as `2026-08-01T00:00:00Z`.
pub fn moment(text: &str) -> Option<Ticks> {
    clock::parse(text)
}

/// Reads how fast tenant time runs: `real`, `frozen` or `60x`.
pub fn pace(text: &str) -> Option<f64> {
    clock::pace(text)
}

fn clock_of(config: &SimConfig) -> Clock {
    let wall = clock::wall();
    let at = config.start.unwrap_or(wall);
    let ago = Ticks::try_from(config.start_ago.as_nanos() / 100).unwrap_or(0);
    let hands = Hands {
        at,
        wall,
        rate: config.clock_rate,
    };
    Clock::with(at.saturating_sub(ago), hands, config.speed)
}

/// Makes one tenant.
async fn open(config: &SimConfig, clock: &Arc<Clock>) -> Result<Tenant, SimError> {
    let id = ids::guid(config.seed, "tenant");
    let entra = Entra::new(
        config.seed,
        id.clone(),
        config.token_lifetime,
        Grants {
            withheld: config.withheld_roles.clone(),
            audience: config.audience,
        },
        config.quirks,
    );
    for pem in &config.certificates {
        entra
            .register_certificates(pem)
            .map_err(SimError::Credential)?;
    }
    for trust in &config.federated {
        entra
            .register_federated(&trust.issuer, &trust.subject, &trust.certificate)
            .map_err(SimError::Credential)?;
    }
    let world = {
        let (config, clock) = (config.clone(), Arc::clone(clock));
        tokio::task::spawn_blocking(move || make(&config, &id, clock))
            .await
            .map_err(|e| SimError::Scenario(e.to_string()))?
            .map_err(SimError::Scenario)?
    };
    Ok(Tenant {
        seed: config.seed,
        quirks: config.quirks,
        cloud: config.cloud,
        entra,
        quotas: config.throttle.then(quota::Quotas::default),
        log: config.log.clone(),
        next_event: AtomicI64::new(world.next_event()),
        turn: tokio::sync::RwLock::default(),
        world: RwLock::new(world),
        hunting: graph::hunting::Hunting::new(graph::hunting::Settings {
            rows: config.hunting_rows,
            cpu: config.hunting_cpu,
            hidden: config.hidden_tables.iter().cloned().collect(),
        }),
        clock: Arc::clone(clock),
    })
}

fn make(config: &SimConfig, tenant: &str, clock: Arc<Clock>) -> Result<World, String> {
    let scale = Scale {
        incidents: config.incidents,
        alerts: config.alerts,
        machines: config.machines,
    };
    let now = clock.now();
    let mut tales = config.scenarios.clone();
    if tales.is_empty() {
        tales.extend(Tale::named("invoice"));
    }
    if !config.story {
        tales.clear();
    }
    let scenarios = tales.iter().map(Tale::scenario).collect::<Result<_, _>>()?;
    let mut world = World::build(config.seed, tenant, clock, scale, config.trickle, scenarios)?;
    world.actions = defender::actions::history(&world);
    world.endpoint = defender::state::Endpoint::new(&world);
    world.advance(now)?;
    Ok(world)
}
