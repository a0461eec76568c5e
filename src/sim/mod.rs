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
//! | `make`, `persona` | from settings to tenants, and what sets them apart |
//! | `state`, `steps` | the journal that survives, and what is kept in it |
//! | `handle` | what a test or a program does with a running tenant |
//! | `entra` | discovery, sign-in, keys; tokens that are verified on every request |
//! | `graph` | incidents, alerts, hunting |
//! | `defender` | machines, actions, alerts, indicators, live response, statistics |
//! | `world`, `build`, `people` | what exists, how it is made, who is there |
//! | `churn` | believable change on demand |
//! | `noise` | everyday alerts from recipes, and when they come |
//! | `life` | what becomes of them: a team, automation, merges |
//! | `stories`, `scenario`, `check` | the attacks as data, read and checked |
//! | `cast`, `story`, `evidence`, `shapes` | their entities, how they unfold, what evidence is made of |
//! | `sessions` | what is done to accounts reaches the sign-in service |
//! | `accounts`, `mail`, `tasks` | what was done to accounts, mail and the experts' tasks |
//! | `odata`, `json`, `words`, `clock`, `ids` | the wire: filters, writing, spelling, time, seeded ids |
//! | `tables` | the hunting tables, telling the same story |
//! | `faults`, `mishap`, `spoil` | bad days on demand: which requests, what happens to them, and to bodies |
//! | `trouble` | faults written as words |
//! | `quota` | documented limits |
//! | `admin`, `log` | the administrator's door, the access log |
//! | `quirks` | facts that nobody has verified, and which way they go |

mod accounts;
mod admin;
mod build;
mod cast;
mod check;
mod churn;
mod clock;
mod clouds;
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
mod life;
mod log;
mod mail;
mod make;
mod mishap;
mod noise;
mod odata;
mod people;
mod persona;
mod quirks;
mod quota;
mod scenario;
mod server;
mod sessions;
mod shapes;
mod spoil;
mod state;
mod steps;
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
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use clock::Ticks;
pub use clouds::Cloud;
pub use entra::Audience;
pub use faults::{ALWAYS, Fault, FaultKind, RetryAfter, Service};
pub use handle::{SimHandle, Snapshot, TenantInfo};
use host::Host;
pub use quirks::{QUIRKS, Quirk, Quirks};
use server::Door;
pub use state::StateError;
pub use stories::{Synopsis, Tale};
pub use tables::{HuntingFile, TablesError};
pub use tls::TlsFault;

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
    /// How many times the usual number of them comes; the team that works them grows with it.
    pub rate: f64,
    /// Whether HTTPS is served, with a certificate of an authority made for the run.
    pub tls: bool,
    /// What is wrong with the certificate of HTTPS.
    pub tls_fault: Option<TlsFault>,
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
    /// The national cloud, which decides what Graph has and what tokens are for.
    pub cloud: Cloud,
    /// Whether the documented call limits are kept.
    pub throttle: bool,
    /// The call limits are the documented ones times this.
    pub throttle_scale: f64,
    /// Whether the administrator's door `/_sim/` opens without a bearer.
    pub open_admin: bool,
    /// Whether log lines are JSON.
    pub log_json: bool,
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
    /// How many tenants, each with a world of its own.
    pub tenants: usize,
    /// Whether nothing but their names sets the tenants apart: all in one cloud, healthy, fully licensed.
    pub alike: bool,
    /// The file that everything accepted is kept in, and begun from when it is there.
    pub state: Option<PathBuf>,
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
            rate: 1.0,
            tls: false,
            tls_fault: None,
            ca_file: None,
            token_lifetime: Duration::from_secs(3600),
            withheld_roles: Vec::new(),
            audience: Audience::default(),
            certificates: Vec::new(),
            federated: Vec::new(),
            quirks: Quirks::default(),
            cloud: Cloud::default(),
            throttle: false,
            throttle_scale: 1.0,
            open_admin: false,
            log_json: false,
            faults: Vec::new(),
            fault_seed: 1,
            prepare_hunting: false,
            hunting_rows: None,
            hunting_cpu: None,
            hidden_tables: Vec::new(),
            start: None,
            tenants: 1,
            alike: false,
            state: None,
            start_ago: Duration::ZERO,
            clock_rate: 1.0,
            log: None,
        }
    }
}

impl SimConfig {
    /// The same tenant in another size: at 1 a company of 2,000 machines with thirty days behind it in
    /// which as much has happened as is going to.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let times = |n: usize| ((n as f64 * factor).round() as usize).max(1);
        Self {
            incidents: times(21_000),
            alerts: times(57_000),
            machines: times(2_000),
            rate: factor,
            ..self
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
    /// The state could not be used. The file is as it was.
    #[error("{}: {why}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
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
        let wanted = config.listen;
        let listen = |source| SimError::Listen {
            addr: wanted,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let identity = config.tls.then(|| identity(&config, addr)).transpose()?;
        let base: Arc<str> = match identity {
            Some(_) => format!("https://localhost:{}", addr.port()).into(),
            None => format!("http://{addr}").into(),
        };
        let host = Arc::new(Host::open(config).await?);
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
    let identity = tls::Identity::new(config.tls_fault).map_err(|e| wrong(e.to_string()))?;
    identity
        .write_authority(&path)
        .map_err(|e| wrong(e.to_string()))?;
    Ok((identity, path))
}

/// What the administrator's door has, for people.
pub const ADMIN_HELP: &str = admin::HELP;

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

/// Every refusal of sign-in for a list: AADSTS number, error and finer reason, and how it is met.
pub fn sign_in_refusals() -> String {
    use std::fmt::Write as _;
    let all = entra::REFUSALS.iter();
    all.fold(String::new(), |mut out, kind| {
        let _ = write!(out, "  AADSTS{:<8} {}", kind.code, kind.error);
        if !kind.suberror.is_empty() {
            let _ = write!(out, " ({})", kind.suberror);
        }
        let _ = writeln!(out, ": {}", kind.how);
        out
    })
}

/// Reads a span of time such as `90s`, `5m`, `2h`, `8d`.
pub fn span(text: &str) -> Option<Duration> {
    clock::span(text).map(ticks_to_duration)
}

/// Reads a moment such as `2026-08-01T00:00:00Z`.
pub fn moment(text: &str) -> Option<Ticks> {
    clock::parse(text)
}

/// Reads how fast tenant time runs: `real`, `frozen` or `60x`.
pub fn pace(text: &str) -> Option<f64> {
    clock::pace(text)
}

fn ticks_to_duration(ticks: Ticks) -> Duration {
    Duration::from_nanos(u64::try_from(ticks).unwrap_or(0).saturating_mul(100))
}
