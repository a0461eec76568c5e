//! The simulated tenant: an HTTP server that speaks the wire protocols of Entra, Graph security and
//! Defender for Endpoint over a believable, living story.
//!
//! A stranger to the rest of the crate: it may use `kql` and `engine`, and nothing else. It builds its
//! JSON from its own scenario, so that a mistake in how the clients read the protocols shows.
//!
//! | file | what it is for |
//! |---|---|
//! | `server` | the port: mishaps, quotas, dispatch, log |
//! | `entra` | token endpoint; tokens that are verified on every request |
//! | `graph` | incidents, alerts, hunting |
//! | `defender` | machines and machine actions |
//! | `world`, `build`, `people` | what exists, how it is made, who is there |
//! | `noise` | everyday alerts from recipes |
//! | `scenario`, `cast`, `story`, `evidence` | the attack as data, its entities, and how it unfolds |
//! | `odata`, `json`, `words`, `clock`, `ids` | the wire: filters, writing, spelling, time, seeded ids |
//! | `tables` | the hunting tables, telling the same story |
//! | `faults`, `quota` | bad days on demand, documented limits |

mod build;
mod cast;
mod clock;
mod defender;
mod entra;
mod evidence;
mod faults;
mod graph;
mod http;
mod ids;
mod json;
mod noise;
mod odata;
mod people;
mod quota;
mod scenario;
mod server;
mod story;
mod tables;
mod words;
mod world;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use build::Scale;
use clock::Clock;
pub use clock::Ticks;
use entra::{Claims, Entra, Registration};
pub use faults::{Fault, FaultKind, RetryAfter};
use scenario::Scenario;
use server::{Port, Tenant};
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
    /// Whether the attack is told.
    pub story: bool,
    /// Another story than the usual one: the text of a scenario file.
    pub scenario: Option<String>,
    /// Whether new everyday incidents keep coming.
    pub trickle: bool,
    /// How long tokens live.
    pub token_lifetime: Duration,
    /// Application roles that tokens come without.
    pub withheld_roles: Vec<String>,
    /// Whether the documented call limits are kept.
    pub throttle: bool,
    /// Whether the hunting tables are made in the background at the start; if not, the first query
    /// waits for them.
    pub prepare_hunting: bool,
    /// The moment the tenant believes it is started at; now when `None`.
    pub start: Option<Ticks>,
    /// Where log lines go.
    pub log: Option<LogLine>,
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
            scenario: None,
            trickle: true,
            token_lifetime: Duration::from_secs(3600),
            withheld_roles: Vec::new(),
            throttle: false,
            prepare_hunting: false,
            start: None,
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
        let clock = Arc::new(Clock::new(config.start, config.speed));
        let registration = Registration {
            tenant: ids::guid(config.seed, "tenant"),
            client_id: ids::guid(config.seed, "application"),
            client_secret: secret(config.seed),
        };
        let tenant = registration.tenant.clone();
        let entra = Entra::new(
            config.seed,
            registration,
            config.token_lifetime,
            config.withheld_roles.clone(),
        );
        let world = {
            let (config, clock) = (config.clone(), Arc::clone(&clock));
            tokio::task::spawn_blocking(move || make(&config, &tenant, clock))
                .await
                .map_err(|e| SimError::Scenario(e.to_string()))?
                .map_err(SimError::Scenario)?
        };
        let tenant = Arc::new(Tenant {
            seed: config.seed,
            entra,
            faults: faults::Faults::default(),
            requests: std::sync::atomic::AtomicU64::new(0),
            quotas: config.throttle.then(quota::Quotas::default),
            base: format!("http://{addr}"),
            log: config.log,
            next_event: AtomicI64::new(world.next_event()),
            world: RwLock::new(world),
            hunting: graph::hunting::Hunting::default(),
            clock,
        });
        if config.prepare_hunting {
            graph::hunting::prepare(&tenant);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(server::serve(
            Port(listener),
            Arc::clone(&tenant),
            async move {
                let _ = stopped.await;
            },
        ));
        Ok(SimHandle {
            addr,
            tenant,
            stop: Some(stop),
            server,
        })
    }
}

fn make(config: &SimConfig, tenant: &str, clock: Arc<Clock>) -> Result<World, String> {
    let scale = Scale {
        incidents: config.incidents,
        alerts: config.alerts,
        machines: config.machines,
    };
    let now = clock.start();
    let scenario = match (&config.scenario, config.story) {
        (Some(text), true) => Some(Scenario::parse(text)?),
        (None, true) => Some(Scenario::parse(scenario::INVOICE)?),
        (_, false) => None,
    };
    let mut world = World::build(config.seed, tenant, clock, scale, config.trickle, scenario)?;
    world.actions = defender::actions::history(&world);
    world.advance(now)?;
    Ok(world)
}

fn secret(seed: u64) -> String {
    format!("sim~{}", &ids::sha256(seed, "client secret")[..36])
}

/// A running simulated tenant. Dropping it stops it.
#[derive(Debug)]
pub struct SimHandle {
    addr: SocketAddr,
    tenant: Arc<Tenant>,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<()>,
}

impl SimHandle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`: authority, Graph and Defender are all served here.
    pub fn base_url(&self) -> &str {
        &self.tenant.base
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.tenant.entra.tenant
    }

    /// The registered application's id.
    pub fn client_id(&self) -> &str {
        &self.tenant.entra.client_id
    }

    /// The registered application's secret.
    pub fn client_secret(&self) -> &str {
        &self.tenant.entra.client_secret
    }

    /// Settings of a profile that connects to this tenant, as TOML.
    pub fn profile_toml(&self, name: &str) -> String {
        let base = self.base_url();
        format!(
            "[profiles.{name}]\ncloud = \"commercial\"\ntenant_id = \"{}\"\nclient_id = \"{}\"\n\
             client_secret = \"{}\"\nauthority = \"{base}\"\ngraph_url = \"{base}\"\ndefender_url = \"{base}\"\n",
            self.tenant_id(),
            self.client_id(),
            self.client_secret()
        )
    }

    /// Lets something go wrong with requests to come.
    pub fn inject(&self, fault: Fault) {
        self.tenant.faults.add(fault);
    }

    /// Forgets the mishaps that have not struck yet.
    pub fn clear_faults(&self) {
        self.tenant.faults.clear();
    }

    /// How many injected strikes are still to come.
    pub fn pending_faults(&self) -> u32 {
        self.tenant.faults.pending()
    }

    /// Moves the tenant's time forward: the story goes on, actions end, tokens expire.
    pub fn advance(&self, by: Duration) {
        self.tenant.clock.advance(by);
    }

    /// From now on tokens come without these application roles.
    pub fn withhold_roles(&self, roles: &[&str]) {
        self.tenant
            .entra
            .withhold(roles.iter().map(|r| (*r).to_owned()).collect());
    }

    /// From now on tokens live this long.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.tenant.entra.set_lifetime(lifetime);
    }

    /// A token signed by this tenant for any audience, tenant and roles, valid for `lifetime` seconds
    /// from now (negative: expired).
    pub fn mint(&self, aud: &str, tid: &str, roles: &[&str], lifetime: i64) -> String {
        let now = clock::to_unix(self.tenant.clock.now());
        let oid = ids::guid(self.tenant.seed, "service principal");
        self.tenant.entra.sign(&Claims {
            aud: aud.into(),
            iss: format!("https://sts.windows.net/{tid}/"),
            iat: now - 60,
            nbf: now - 60,
            exp: now + lifetime,
            appid: self.client_id().into(),
            app_displayname: "nightjar".into(),
            appidacr: "1".into(),
            idtyp: "app".into(),
            sub: oid.clone(),
            oid,
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
            tid: tid.into(),
            uti: "minted".into(),
            ver: "1.0".into(),
        })
    }

    /// Requests received so far.
    pub fn requests(&self) -> u64 {
        self.tenant.requests.load(Ordering::Relaxed)
    }

    /// Stops serving and waits until open requests are answered, at most two seconds.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut self.server).await;
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.server.abort();
    }
}
