//! Profiles, settings and paths.
//!
//! The file is read once and handed down. Reading never fails: what is right is used, everything
//! else becomes a [`Problem`] naming file, line, column, what was found, what is expected and the
//! nearest valid name. A profile with a problem is not used, but stays named with its reason.
//!
//! Which settings there are is a table ([`fields`]); the reader, the defaults and the JSON schema
//! all come from it. This room knows no network; of the console it knows no themes and no commands:
//! those names are checked by whoever owns them.

mod choose;
pub mod edit;
mod fields;
mod paths;
mod problem;
mod read;
mod schema;
mod secret;
mod span;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use choose::{Chosen, Picked, ProfileError};
pub use paths::Paths;
pub use problem::{Problem, nearest, position};
pub use secret::{SecretError, SecretSource, Typed, check_file};

use crate::cloud::{self, CloudError, Endpoints};

/// Everything a person can set.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The file it came from, whether it exists or not.
    pub file: PathBuf,
    /// The profiles used where none is named, in the order they are shown; mostly one.
    pub default_profile: Vec<String>,
    /// Where a person's sign-in is kept, where that is said.
    pub token_store: Option<TokenStore>,
    /// Profiles that can be used.
    pub profiles: BTreeMap<String, Profile>,
    /// Profiles that cannot, with what is wrong in them.
    pub unusable: BTreeMap<String, Vec<Problem>>,
    /// How the console looks and listens.
    pub ui: Ui,
    /// How queries are written.
    pub hunt: Hunt,
    /// How the cache is kept true.
    pub feed: FeedSettings,
    /// Time to the first action.
    pub sla: Sla,
    /// Key bindings in place of the built-in ones.
    pub keys: KeyTable,
}

/// A configuration and what was wrong in its file.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What can be used.
    pub config: Config,
    /// What could not, in the order of the file.
    pub problems: Vec<Problem>,
}

/// One tenant and how to sign in to it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name: letters, digits, `.`, `_` and `-`, so that it can name a file.
    pub name: String,
    /// Id of a national cloud.
    pub cloud: String,
    /// Region of Defender for Endpoint.
    pub region: Option<String>,
    /// The tenant's id or domain.
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// How to sign in, where it is said; see [`Profile::sign_in`].
    pub sign_in: Option<SignIn>,
    /// Where the application's secret is kept.
    pub client_secret: Option<SecretSource>,
    /// The application's certificate: a PEM file, or a PFX file with its key inside.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, where it is not in the same file.
    pub certificate_key: Option<PathBuf>,
    /// What opens the key or the PFX file.
    pub certificate_password: Option<SecretSource>,
    /// A file with a token of another issuer, read anew each time: workload identity.
    pub federated_token_file: Option<PathBuf>,
    /// Who signs in by password.
    pub username: Option<String>,
    /// Where that password is kept.
    pub password: Option<SecretSource>,
    /// The password grant is meant, with all it gives up.
    pub allow_password_grant: bool,
    /// Which generation of the token endpoint is spoken to.
    pub token_endpoint: TokenEndpoint,
    /// Sign-in address in place of the cloud's.
    pub authority: Option<String>,
    /// A standard OpenID Connect server that signs in in place of Entra, by the name it gives itself.
    pub issuer: Option<String>,
    /// Base of Graph in place of the cloud's.
    pub graph_url: Option<String>,
    /// Audience of Graph in place of the cloud's.
    pub graph_audience: Option<String>,
    /// Base of Defender for Endpoint in place of the cloud's.
    pub defender_url: Option<String>,
    /// Audience of Defender for Endpoint in place of the cloud's.
    pub defender_audience: Option<String>,
    /// Certificates trusted beside the system's, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Who "me" is.
    pub analyst: Option<String>,
    /// Refuse every write.
    pub read_only: bool,
    /// Where a person's sign-in is kept; the file says it once for all profiles.
    pub token_store: Option<TokenStore>,
}

impl Profile {
    /// A profile of the commercial cloud with nothing but its ids; for tests and the demo.
    pub fn new(
        name: impl Into<String>,
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            cloud: "commercial".to_owned(),
            region: None,
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            sign_in: None,
            client_secret: None,
            certificate: None,
            certificate_key: None,
            certificate_password: None,
            federated_token_file: None,
            username: None,
            password: None,
            allow_password_grant: false,
            token_endpoint: TokenEndpoint::V2,
            authority: None,
            issuer: None,
            graph_url: None,
            graph_audience: None,
            defender_url: None,
            defender_audience: None,
            ca_file: None,
            analyst: None,
            read_only: false,
            token_store: None,
        }
    }

    /// How it signs in: as it says, else by the credential it names, else as a person: in the browser
    /// where there may be one, with a device code over SSH.
    pub fn sign_in(&self) -> SignIn {
        if let Some(way) = self.sign_in {
            return way;
        }
        if self.client_secret.is_some() {
            SignIn::Secret
        } else if self.certificate.is_some() {
            SignIn::Certificate
        } else if self.federated_token_file.is_some() {
            SignIn::Federated
        } else if std::env::var_os("SSH_CONNECTION").is_some() {
            SignIn::DeviceCode
        } else {
            SignIn::Browser
        }
    }

    /// Where its services are.
    ///
    /// # Errors
    /// Where its cloud, region or addresses cannot be used; [`Config::parse`] has said so already.
    pub fn endpoints(&self) -> Result<Endpoints, CloudError> {
        cloud::resolve(&cloud::Choice {
            cloud: &self.cloud,
            region: self.region.as_deref(),
            authority: self.issuer.as_deref().or(self.authority.as_deref()),
            graph: self.graph_url.as_deref(),
            graph_audience: self.graph_audience.as_deref(),
            defender: self.defender_url.as_deref(),
            defender_audience: self.defender_audience.as_deref(),
        })
    }
}

/// A way to sign in (`defender-endpoint` sheet section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignIn {
    /// The application, with a secret.
    Secret,
    /// The application, with a certificate.
    Certificate,
    /// The application, with a token of another issuer.
    Federated,
    /// The machine this runs on, by its platform's identity endpoint.
    ManagedIdentity,
    /// A person, in the browser.
    Browser,
    /// A person, in a browser elsewhere.
    DeviceCode,
    /// A person's name and password, typed into this program.
    Password,
    /// Whoever is signed in to the Azure CLI.
    AzureCli,
}

impl SignIn {
    /// Every way.
    pub const ALL: [Self; 8] = [
        Self::Secret,
        Self::Certificate,
        Self::Federated,
        Self::ManagedIdentity,
        Self::Browser,
        Self::DeviceCode,
        Self::Password,
        Self::AzureCli,
    ];

    /// As the file writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::Federated => "federated",
            Self::ManagedIdentity => "managed-identity",
            Self::Browser => "browser",
            Self::DeviceCode => "device-code",
            Self::Password => "password",
            Self::AzureCli => "azure-cli",
        }
    }

    /// The way of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }

    /// Whether a person signs in, so that permissions are delegated ones.
    pub fn is_person(self) -> bool {
        matches!(
            self,
            Self::Browser | Self::DeviceCode | Self::Password | Self::AzureCli
        )
    }
}

/// Where a person's sign-in is kept between runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenStore {
    /// In the system's keyring.
    Keyring,
    /// In a file only its owner can read.
    File,
    /// Nowhere: it ends with the program.
    Memory,
}

impl TokenStore {
    /// Every place.
    pub const ALL: [Self; 3] = [Self::Keyring, Self::File, Self::Memory];

    /// As the file writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Memory => "memory",
        }
    }

    /// The place of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.word() == word)
    }
}

/// A generation of Entra's token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenEndpoint {
    /// `/oauth2/token` with `resource=`.
    V1,
    /// `/oauth2/v2.0/token` with `scope=`.
    #[default]
    V2,
}

/// Zone of the times on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeZone {
    /// UTC.
    #[default]
    Utc,
    /// The zone of this machine.
    Local,
}

/// How the console looks and listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// Name of a theme.
    pub theme: String,
    /// Where `theme` was set, for whoever finds that there is no such theme.
    pub theme_at: Option<(usize, usize)>,
    /// Zone of the times on screen.
    pub time_zone: TimeZone,
    /// Whether the mouse is listened to.
    pub mouse: bool,
}

/// How queries are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunt {
    /// The editor has vim's keys.
    pub vim: bool,
    /// How many results are kept as local tables; none keeps nothing.
    pub keep_results: usize,
    /// How many bytes of them.
    pub keep_bytes: u64,
    /// How long one local hunt may take.
    pub local_time: Duration,
    /// The folder of the user's own queries in place of [`Paths::queries`].
    pub queries: Option<PathBuf>,
}

/// How the cache is kept true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSettings {
    /// Between polls of incidents.
    pub incidents_every: Duration,
    /// Between polls of alerts.
    pub alerts_every: Duration,
    /// Between polls of machine actions while none of ours is open.
    pub actions_every: Duration,
    /// Between polls of machine actions while one of ours is open.
    pub open_actions_every: Duration,
    /// Between polls of incidents and alerts while nobody looks.
    pub idle_every: Duration,
    /// How far behind the newest change each poll begins.
    pub overlap: Duration,
    /// How far back the first poll begins.
    pub backlog: Duration,
    /// How long after its last change a closed incident stays in the cache.
    pub retention: Duration,
}

/// Time to the first action, by severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sla {
    /// High.
    pub high: Duration,
    /// Medium.
    pub medium: Duration,
    /// Low.
    pub low: Duration,
    /// Informational.
    pub informational: Duration,
}

/// Key bindings as written: scope → command → keys. Scopes and commands are checked by the keymap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTable {
    /// Scopes in the order of their names.
    pub scopes: BTreeMap<String, KeyScope>,
}

/// One `[keys.SCOPE]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyScope {
    /// Where the scope's name stands: line and column from 1.
    pub at: (usize, usize),
    /// Command → keys.
    pub commands: BTreeMap<String, KeyBinding>,
}

/// The keys of one command; none takes its keys away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyBinding {
    /// Each key or sequence as written, with its line and column from 1.
    pub keys: Vec<(String, (usize, usize))>,
    /// Where the command's name stands.
    pub at: (usize, usize),
}

impl Hunt {
    /// The folder of the user's own queries.
    pub fn folder(&self, paths: &Paths) -> PathBuf {
        self.queries.clone().unwrap_or_else(|| paths.queries())
    }
}

impl Config {
    /// Reads the file of these folders. No file is an empty configuration, not a problem.
    pub fn load(paths: &Paths) -> Loaded {
        read::load(&paths.config_file())
    }

    /// Reads a text as if it stood in `file`. No other file is touched.
    pub fn parse(text: &str, file: &Path) -> Loaded {
        read::parse(text, file).0
    }

    /// The JSON schema of the file, for editors that check TOML with one.
    pub fn schema() -> String {
        schema::text()
    }
}
