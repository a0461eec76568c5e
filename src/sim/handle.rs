//! The handle of a running simulated tenant: its address and keys, time, mishaps, and the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use tokio::sync::oneshot;

use super::clouds::Cloud;
use super::entra::{Claims, DIRECTORY_ROLES};
use super::faults::Fault;
use super::host::{self, Host};
use super::http::Ask;
use super::state::StateError;
use super::stories::Tale;
use super::tenant::Tenant;
use super::{clock, ids};

/// One tenant of a host, for people and tests.
#[derive(Debug, Clone)]
pub struct TenantInfo {
    /// Tenant id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The domain it is named by in sign-in addresses.
    pub domain: String,
    /// The national cloud it is in.
    pub cloud: Cloud,
    /// What it bought.
    pub licence: String,
    /// How it is, in a word.
    pub health: String,
    /// Settings of a profile that connects to it, as TOML.
    pub profile: String,
}

/// What the services serve at one moment, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Incidents, without their alerts.
    pub incidents: BTreeMap<String, Value>,
    /// Alerts.
    pub alerts: BTreeMap<String, Value>,
    /// Machine actions.
    pub actions: BTreeMap<String, Value>,
}

/// A running simulated tenant. Dropping it stops it.
#[derive(Debug)]
pub struct SimHandle {
    pub(super) addr: SocketAddr,
    pub(super) base: Arc<str>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) host: Arc<Host>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) server: tokio::task::JoinHandle<()>,
}

impl SimHandle {
    /// The first tenant, which is the only one unless more were asked for.
    fn first(&self) -> &Tenant {
        &self.host.tenants[0]
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`: authority, Graph and Defender are all served here.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Where the certificate is that clients must trust; `None` where plain HTTP is served.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.first().entra.tenant
    }

    /// The registered application's id.
    pub fn client_id(&self) -> &str {
        &self.first().entra.client_id
    }

    /// The registered application's secret.
    pub fn client_secret(&self) -> &str {
        &self.first().entra.client_secret
    }

    /// Every registered application: name, id and secret. The first is the one of [`Self::client_id`].
    pub fn applications(&self) -> Vec<(String, String, String)> {
        let apps = self.first().entra.applications().iter();
        apps.map(|a| (a.name.clone(), a.id.clone(), a.secret.clone()))
            .collect()
    }

    /// Everybody who can sign in: user principal name, display name and directory roles.
    pub fn people(&self) -> Vec<(String, String, Vec<String>)> {
        let accounts = self.first().entra.accounts().iter();
        accounts
            .map(|a| (a.upn.clone(), a.name.clone(), a.roles.clone()))
            .collect()
    }

    /// Everybody's password.
    pub fn password(&self) -> &str {
        self.first().entra.password_of_all()
    }

    /// Everything secret the host has or handed out so far: what it is, and its text. Secrets of applications,
    /// the password, the administrator's bearer, tokens of every kind and codes.
    pub fn issued(&self) -> Vec<(&'static str, String)> {
        let admin = self.host.admin.iter();
        let admin = admin.map(|bearer| ("administrator's bearer", bearer.clone()));
        let tenants = self.host.tenants.iter();
        admin
            .chain(tenants.flat_map(|tenant| tenant.entra.secrets()))
            .collect()
    }

    /// Registers the certificates of a PEM text for applications to sign in with; their thumbprints.
    pub fn register_certificates(&self, pem: &str) -> Result<Vec<String>, String> {
        self.first().entra.register_certificates(pem)
    }

    /// Ends the sessions of a person (object id): refresh tokens got until now are refused.
    pub fn revoke_sessions(&self, person: &str) {
        let now = self.host.clock.now();
        self.first().entra.end_sessions(person, now);
    }

    /// Does something to the sessions of a person (object id or user principal name) or an application of
    /// the tenant with a number (from 1): `revoke`, `challenge` (access tokens alone are called back),
    /// `disable`, `enable` or `password`.
    pub async fn sessions(&self, tenant: usize, who: &str, deed: &str) -> Result<(), String> {
        let place = tenant.checked_sub(1);
        let place = place.filter(|place| *place < self.host.tenants.len());
        let place = place.ok_or("there is no tenant with that number")?;
        self.host.do_to_sessions(place, who, deed).await
    }

    /// What `X-IDENTITY-HEADER` of the App Service endpoint for managed identities must say.
    pub fn identity_header(&self) -> String {
        self.first().entra.identity_header()
    }

    /// Settings of a profile that connects to this tenant, as TOML.
    pub fn profile_toml(&self, name: &str) -> String {
        self.settings(name, self.first())
    }

    /// Every tenant, with settings that connect to it: the first as profile `sim`, the others by the first
    /// label of their domain.
    pub fn tenants(&self) -> Vec<TenantInfo> {
        let info = |tenant: &Arc<Tenant>| {
            let persona = &tenant.persona;
            let label = persona.domain.split('.').next().unwrap_or("tenant");
            let name = match tenant.place {
                0 => "sim".to_owned(),
                _ => format!("sim-{label}"),
            };
            TenantInfo {
                id: tenant.entra.tenant.clone(),
                name: persona.name.clone(),
                domain: persona.domain.clone(),
                cloud: tenant.cloud,
                licence: tenant.licence().into(),
                health: persona.health.clone(),
                profile: self.settings(&name, tenant),
            }
        };
        self.host.tenants.iter().map(info).collect()
    }

    fn settings(&self, name: &str, tenant: &Tenant) -> String {
        let base = self.base_url();
        let mut settings = format!(
            "[profiles.{name}]\ncloud = \"{}\"\ntenant_id = \"{}\"\nclient_id = \"{}\"\n\
             client_secret = \"{}\"\nauthority = \"{base}\"\ngraph_url = \"{base}\"\ndefender_url = \"{base}\"\n",
            tenant.cloud.setting(),
            tenant.entra.tenant,
            tenant.entra.client_id,
            tenant.entra.client_secret
        );
        if let Some(path) = &self.ca_file {
            let path = toml::Value::from(path.display().to_string());
            let _ = writeln!(settings, "ca_file = {path}");
        }
        settings
    }

    /// Lets something go wrong with requests to come.
    pub fn inject(&self, fault: Fault) {
        self.host.faults.add(fault);
    }

    /// Forgets the mishaps that have not struck yet.
    pub fn clear_faults(&self) {
        self.host.faults.clear();
    }

    /// How many injected strikes are still to come.
    pub fn pending_faults(&self) -> u32 {
        self.host.faults.pending()
    }

    /// Moves the tenant's time forward: the story goes on, actions end, tokens expire.
    pub fn advance(&self, by: Duration) {
        self.host.advance(by);
    }

    /// Lets tenant time run this many times as fast as wall time from now on; 0 freezes it.
    pub fn set_rate(&self, rate: f64) {
        self.host.set_rate(rate);
    }

    /// Tenant time.
    pub fn now(&self) -> clock::Ticks {
        self.host.clock.now()
    }

    /// Begins a further story in the first tenant, now.
    pub async fn tell(&self, tale: &Tale) -> Result<(), String> {
        self.host.tell(0, tale).await
    }

    /// The bearer of the administrator's door `/_sim/`; `None` where nobody needs one.
    pub fn admin_token(&self) -> Option<&str> {
        self.host.admin.as_deref()
    }

    /// Everything that happened so far, as a state file has it.
    pub fn export(&self) -> Result<Vec<u8>, StateError> {
        self.host.export()
    }

    /// Becomes the tenant whose state this is, which must have been made with the same settings.
    pub async fn import(&self, text: &[u8]) -> Result<(), String> {
        self.host.import(text).await
    }

    /// Begins anew, as at the first start.
    pub async fn reset(&self) -> Result<(), String> {
        self.host.reset().await
    }

    /// From now on tokens come without these application roles.
    pub fn withhold_roles(&self, roles: &[&str]) {
        self.first()
            .entra
            .withhold(roles.iter().map(|r| (*r).to_owned()).collect());
    }

    /// From now on tokens live this long.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.first().entra.set_lifetime(lifetime);
    }

    /// A token signed by this tenant for any audience, tenant and roles, valid for `lifetime` seconds
    /// from now (negative: expired).
    pub fn mint(&self, aud: &str, tid: &str, roles: &[&str], lifetime: i64) -> String {
        let now = clock::to_unix(self.host.clock.now());
        let oid = ids::guid(self.first().seed, "service principal");
        self.first().entra.sign(&Claims {
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
            ..Claims::default()
        })
    }

    /// A token for a signed-in person of this tenant with these delegated permissions and one directory
    /// role, by its name (none when empty), valid for `lifetime` seconds from now.
    pub fn mint_person(&self, aud: &str, scopes: &[&str], role: &str, lifetime: i64) -> String {
        let now = clock::to_unix(self.host.clock.now());
        let oid = ids::guid(self.first().seed, "signed-in person");
        self.first().entra.sign(&Claims {
            aud: aud.into(),
            iss: format!("https://sts.windows.net/{}/", self.tenant_id()),
            iat: now - 60,
            nbf: now - 60,
            exp: now + lifetime,
            appid: self.client_id().into(),
            app_displayname: "nightjar".into(),
            appidacr: "0".into(),
            idtyp: "user".into(),
            sub: oid.clone(),
            oid,
            scp: scopes.join(" "),
            tid: self.tenant_id().into(),
            upn: "dana.whitfield@contoso.com".into(),
            unique_name: "dana.whitfield@contoso.com".into(),
            uti: "minted".into(),
            ver: "1.0".into(),
            wids: DIRECTORY_ROLES
                .iter()
                .filter(|r| r.name == role)
                .map(|r| r.wid.to_owned())
                .collect(),
            ..Claims::default()
        })
    }

    /// Makes `n` believable changes to incidents and alerts of the first tenant, chosen by `seed`: status,
    /// assignment, severity, comments, tags, new alerts and incidents, merges, late evidence, resolutions
    /// and reopenings. Gives one line a change.
    pub async fn churn(&self, n: u32, seed: u64) -> Vec<String> {
        self.host.churn(0, n, seed).await
    }

    /// Makes one change of a named sort (`merge`, `reopen` …; the error lists them all) to some incident or
    /// alert of the first tenant. Gives what changed.
    pub async fn change(&self, sort: &str, seed: u64) -> Result<String, String> {
        self.host.change(0, sort, seed).await
    }

    /// Every incident, alert and machine action of the first tenant as the services serve them now. Asked
    /// like a client asks, but past mishaps, quotas and the log.
    pub async fn snapshot(&self) -> Snapshot {
        let tenant = &self.host.tenants[0];
        let cloud = tenant.cloud;
        let (graph, defender) = (cloud.graph(), cloud.defender().unwrap_or_default());
        let id = self.tenant_id();
        let roles = ["SecurityIncident.Read.All", "SecurityAlert.Read.All"];
        let graph = self.mint(graph, id, &roles, 3600);
        let defender = self.mint(defender, id, &["Machine.Read.All"], 3600);
        Snapshot {
            incidents: self
                .read_all(tenant, &graph, "/v1.0/security/incidents", "$top=50")
                .await,
            alerts: self
                .read_all(tenant, &graph, "/v1.0/security/alerts_v2", "$top=500")
                .await,
            actions: self
                .read_all(tenant, &defender, "/api/machineactions", "")
                .await,
        }
    }

    async fn read_all(
        &self,
        tenant: &Arc<Tenant>,
        token: &str,
        path: &str,
        query: &str,
    ) -> BTreeMap<String, Value> {
        let mut rows = BTreeMap::new();
        let mut query = query.to_owned();
        loop {
            let mut headers = HeaderMap::new();
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            headers.insert("authorization", bearer.expect("tokens are ASCII"));
            headers.insert(
                "prefer",
                HeaderValue::from_static("include-unknown-enum-members"),
            );
            let ask = Ask {
                method: Method::GET,
                path: path.into(),
                query: query.clone(),
                headers,
                body: Vec::new(),
                base: self.base.to_string(),
                request_id: "snapshot".into(),
            };
            let reply = host::services(tenant, &ask).await;
            let mut page: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            assert_eq!(reply.status, 200, "{path}: {page}");
            for row in page["value"].as_array_mut().into_iter().flatten() {
                rows.insert(row["id"].as_str().unwrap_or_default().into(), row.take());
            }
            match page["@odata.nextLink"].as_str() {
                Some(link) => {
                    link.split_once('?')
                        .map_or("", |(_, q)| q)
                        .clone_into(&mut query);
                }
                None => return rows,
            }
        }
    }

    /// Requests received so far.
    pub fn requests(&self) -> u64 {
        self.host.requests.load(Ordering::Relaxed)
    }

    /// Stops serving and waits until open requests are answered, at most two seconds.
    pub async fn stop(mut self) {
        self.host.stopping.cancel();
        drop(self.stop.take());
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut self.server).await;
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.host.stopping.cancel();
        drop(self.stop.take());
        self.server.abort();
    }
}
