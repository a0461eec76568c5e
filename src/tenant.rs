//! One connected tenant: its profile, tokens, clients, budgets and cache. What `feed`, `respond` and
//! `hunt` are given.
//!
//! Connecting touches no network: tokens are fetched with the first request.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::api::{self, Budgets, DefenderClient, GraphClient, Transport};
use crate::auth::{Keeper, Resource, TokenSource};
use crate::cloud::{CloudError, Endpoints};
use crate::config::{Paths, Profile};
use crate::domain::Timestamp;
use crate::store::{SetAside, Store, StoreError};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// Its cloud, region or addresses are wrong.
    #[error("profile {profile}: {source}")]
    Cloud {
        /// Which profile.
        profile: String,
        /// What is wrong.
        source: CloudError,
    },
    /// No TLS or no connections at all.
    #[error("cannot set up connections: {0}")]
    Http(String),
    /// Its cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The setting of the store that names the audience Defender for Endpoint took.
const AUDIENCE: &str = "defender-audience";

/// Begins with the audience that worked before, and keeps the one that is learned.
fn remember_audience(tokens: &TokenSource, store: &Store) {
    match store.setting(AUDIENCE) {
        Ok(Some(audience)) => tokens.prefer(Resource::Defender, &audience),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the audience that worked before is not known"),
    }
    let store = store.clone();
    tokens.keep_learned(move |learned| {
        // A second console on the same cache learns it anew.
        if let Err(error) = store.set_setting(AUDIENCE, &learned.audience) {
            tracing::warn!(%error, "the audience is not kept");
        }
    });
}

/// Begins with the audience that worked before, as the cache in a file has it; a file that is not there or
/// cannot be read changes nothing, and nothing is written.
pub fn prefer_known_audience(tokens: &TokenSource, file: &Path) {
    match Store::peek_setting(file, AUDIENCE) {
        Ok(Some(audience)) => tokens.prefer(Resource::Defender, &audience),
        Ok(None) => {}
        Err(error) => tracing::info!(%error, "the audience that worked before is not known"),
    }
}

/// One connected tenant.
pub struct Tenant {
    /// Its profile.
    pub profile: Profile,
    /// Where its services are.
    pub endpoints: Endpoints,
    /// Its tokens.
    pub tokens: TokenSource,
    /// Microsoft Graph.
    pub graph: GraphClient,
    /// Defender for Endpoint.
    pub defender: DefenderClient,
    /// Its cache.
    pub store: Store,
    /// Damaged files that were moved out of the way when this was opened.
    pub set_aside: Vec<SetAside>,
    transport: Transport,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("profile", &self.profile.name)
            .finish_non_exhaustive()
    }
}

impl Tenant {
    /// Opens the profile's cache and sets up its clients. Waits for the disk, not for the network.
    pub fn connect(profile: Profile, paths: &Paths) -> Result<Arc<Self>, TenantError> {
        let (store, set_aside) =
            Store::open_or_set_aside(&paths.store_file(&profile.name), Timestamp::now())?;
        let keeper = Keeper::new(&profile, &paths.data);
        Self::assemble(profile, store, set_aside, keeper)
    }

    /// The same over a cache that is open already; for the demo and tests.
    pub fn with_store(
        profile: Profile,
        store: Store,
        set_aside: Vec<SetAside>,
    ) -> Result<Arc<Self>, TenantError> {
        Self::assemble(profile, store, set_aside, Keeper::memory())
    }

    fn assemble(
        profile: Profile,
        store: Store,
        set_aside: Vec<SetAside>,
        keeper: Keeper,
    ) -> Result<Arc<Self>, TenantError> {
        let endpoints = profile.endpoints().map_err(|source| TenantError::Cloud {
            profile: profile.name.clone(),
            source,
        })?;
        let http = api::http_client(&endpoints, profile.ca_file.as_deref())
            .map_err(|error| TenantError::Http(error.to_string()))?;
        let tokens = TokenSource::keeping(&profile, &endpoints, http.clone(), keeper);
        remember_audience(&tokens, &store);
        let transport = Transport::new(&endpoints, tokens.clone(), http);
        Ok(Arc::new(Self {
            graph: GraphClient::new(transport.clone()),
            defender: DefenderClient::new(transport.clone()),
            profile,
            endpoints,
            tokens,
            store,
            set_aside,
            transport,
        }))
    }

    /// Who "me" is: the analyst of the profile, else the person who signed in, else the profile's name.
    pub fn who(&self) -> String {
        let analyst = self.profile.analyst.clone();
        let person = || self.tokens.who().map(|who| who.username);
        analyst
            .filter(|analyst| !analyst.trim().is_empty())
            .or_else(person)
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| self.profile.name.clone())
    }

    /// Its directory id: as its tokens say, and before there is one, as the profile names the tenant.
    pub fn id(&self) -> String {
        let said = Resource::ALL.into_iter().find_map(|resource| {
            let token = self.tokens.peek(resource)?;
            token.claims.as_ref()?.tid.clone()
        });
        said.unwrap_or_else(|| self.profile.tenant_id.clone())
    }

    /// How far this machine's clock is ahead of the services' (negative: behind), as their latest answers
    /// show; `None` before the first.
    pub fn skew(&self) -> Option<SignedDuration> {
        self.transport.skew()
    }

    /// What the services still let us ask.
    pub fn budgets(&self) -> watch::Receiver<Budgets> {
        self.transport.budgets()
    }
}
