//! Microsoft Entra as the tenant serves it: what libraries discover, how they sign in, and tokens that
//! anybody can verify with the published key.
//!
//! Facts: the Defender for Endpoint sheet, sections 1 to 4. Knows nothing of incidents or devices.
//!
//! | file | what it is for |
//! |---|---|
//! | `resources` | audiences and permissions, as tables |
//! | `directory` | applications and people |
//! | `scopes` | what a token is asked for |
//! | `claims` | what a token says, and what the services ask of it |
//! | `keys` | the signing key and what is published about it |
//! | `discovery` | OpenID configuration, keys, instances |
//! | `token` | the token endpoints, both generations |
//! | `client`, `credentials` | how an application proves itself |
//! | `people`, `authorize`, `device` | how people sign in |
//! | `consent` | what applications are given, and who may give it |
//! | `standing` | who is disabled, whose sessions and tokens were called back |
//! | `managed` | managed identities: tokens for whoever runs on a machine |
//! | `pages` | what people see |
//! | `refusals` | AADSTS documents |

mod authorize;
mod claims;
mod client;
mod consent;
mod credentials;
mod device;
mod directory;
mod discovery;
mod keys;
mod managed;
mod pages;
mod people;
mod refusals;
mod resources;
mod scopes;
mod standing;
mod token;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::clock::Ticks;
use super::http::{Ask, Reply};
use super::quirks::{AssertionReplay, DefenderCae, Quirks, TokenFormat};
pub use claims::{Claims, DIRECTORY_ROLES};
use client::Proof;
pub use consent::Consent;
use credentials::{Certificate, Federated};
use device::Devices;
pub use directory::{Account, App};
use directory::{DOMAINS, Directory, Trouble};
use keys::Keys;
pub use refusals::{ALL as REFUSALS, Kind as Refusal};
use refusals::{APP_DISABLED, Aadsts, NO_APP, NO_TENANT_TO_DISCOVER, NOT_MULTI_TENANT};
pub use resources::{Audience, DEFENDER, GRAPH, Grants, Resource, XDR};
use scopes::Wanted;
use standing::Standings;
use token::Form;

/// Generation of an endpoint or format of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `resource=`, `appid`.
    V1,
    /// `scope=`, `azp`.
    V2,
}

/// The token service of one tenant.
#[derive(Debug)]
pub struct Entra {
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// The domain it is named by, when it is not the usual ones.
    domain: Option<String>,
    /// How long tokens live.
    lifetime: RwLock<Duration>,
    /// What the applications were given.
    grants: RwLock<Grants>,
    seed: u64,
    keys: Keys,
    directory: Directory,
    credentials: RwLock<Credentials>,
    format: TokenFormat,
    assertion_replay: AssertionReplay,
    /// Assertions that came, with their ends, where a second time is refused.
    seen: Mutex<HashMap<String, i64>>,
    /// Numbers of authorization codes that were redeemed.
    used: Mutex<HashSet<u64>>,
    /// Device codes under way.
    devices: Mutex<Devices>,
    /// What became of people and applications.
    standings: RwLock<Standings>,
    /// Whether Defender for Endpoint calls back tokens as Graph does.
    defender_cae: DefenderCae,
    /// What was consented to and is not kept yet.
    new_consents: Mutex<Vec<Consent>>,
    /// Ids and names of the tenants of this host, when they are several.
    neighbours: RwLock<Vec<(String, String)>>,
    /// Tokens and codes issued so far: what makes each one's id its own.
    issued: AtomicU64,
    /// Every token and code handed out: what it is, and its text.
    handed_out: Mutex<Vec<(&'static str, String)>>,
}

/// Everybody of the directory who works in the tenant: user principal name, name, whether disabled.
pub fn staff() -> Vec<(String, String, bool)> {
    Directory::of(0)
        .accounts
        .into_iter()
        .filter(|a| a.trouble != Some(Trouble::OtherTenant))
        .map(|a| (a.upn, a.name, a.trouble == Some(Trouble::Disabled)))
        .collect()
}

/// The refusal with this AADSTS number.
pub fn refusal(code: u32) -> Option<Refusal> {
    REFUSALS.iter().copied().find(|kind| kind.code == code)
}

/// What applications can prove themselves with beside their secret.
#[derive(Debug, Default)]
struct Credentials {
    certificates: Vec<Certificate>,
    federated: Vec<Federated>,
}

impl Entra {
    /// The token service of the tenant with this id.
    pub fn new(
        seed: u64,
        tenant: String,
        lifetime: Duration,
        grants: Grants,
        quirks: Quirks,
    ) -> Self {
        let directory = Directory::of(seed);
        let own = &directory.apps[0];
        let entra = Self {
            tenant,
            client_id: own.id.clone(),
            client_secret: own.secret.clone(),
            domain: None,
            lifetime: RwLock::new(lifetime),
            grants: RwLock::new(grants),
            seed,
            keys: Keys::of(seed),
            directory,
            credentials: RwLock::default(),
            format: quirks.token_format,
            assertion_replay: quirks.assertion_replay,
            seen: Mutex::default(),
            used: Mutex::default(),
            devices: Mutex::default(),
            standings: RwLock::default(),
            defender_cae: quirks.defender_cae,
            new_consents: Mutex::default(),
            neighbours: RwLock::default(),
            issued: AtomicU64::new(0),
            handed_out: Mutex::default(),
        };
        entra.forget();
        entra
    }

    /// Begins anew: nobody was disabled or consented to anything since the start.
    pub fn forget(&self) {
        *self
            .standings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = self.first_standings();
        self.grants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .given
            .clear();
        self.take_consents();
    }

    /// Lets everybody sign in who works there, by user principal name, name and object id.
    pub fn welcome(&mut self, people: impl Iterator<Item = (String, String, String)>) {
        for (upn, name, id) in people {
            if self.directory.account(&upn).is_none() {
                self.directory.others.push(Account {
                    upn,
                    name,
                    id,
                    roles: Vec::new(),
                    trouble: None,
                    device_groups: Vec::new(),
                });
            }
        }
    }

    /// The device groups that the role of a person (object id) in Defender is for; all when empty.
    pub fn device_groups(&self, person: &str) -> &[String] {
        let mut accounts = self.directory.accounts.iter();
        accounts
            .find(|a| a.id == person)
            .map_or(&[], |a| &a.device_groups)
    }

    /// The application with an id, if it is in the tenant and may sign in.
    fn app(&self, id: &str) -> Result<&App, Aadsts> {
        let unknown = || NO_APP.of(&[id]);
        let app = self.directory.app(id).ok_or_else(unknown)?;
        let own = app.id == self.client_id;
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        if !grants.has(app, own) {
            return Err(unknown());
        }
        drop(grants);
        if self.standing(&app.id).disabled {
            return Err(APP_DISABLED.of(&[&app.id, &app.name]));
        }
        Ok(app)
    }

    /// Refuses an application of one tenant at an address of all.
    fn check_tenancy(&self, segment: &str, form: &Form) -> Result<(), Aadsts> {
        let app = form.get("client_id").and_then(|id| self.directory.app(id));
        match app {
            Some(app) if is_common(segment) && !app.multi_tenant => {
                Err(NOT_MULTI_TENANT.of(&[&app.id, &app.name]))
            }
            _ => Ok(()),
        }
    }

    /// Remembers a token or code that is handed out.
    fn hand_out(&self, what: &'static str, text: String) -> String {
        let mut all = self
            .handed_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push((what, text.clone()));
        text
    }

    /// Every secret of the tenant and every token and code it handed out: what it is, and its text.
    pub fn secrets(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("password", self.directory.password.clone())];
        let apps = self.directory.apps.iter();
        all.extend(apps.map(|app| ("client secret", app.secret.clone())));
        all.push(("identity header", self.identity_header()));
        let handed_out = self
            .handed_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.extend(handed_out.iter().cloned());
        all
    }

    /// Every registered application.
    pub fn applications(&self) -> &[App] {
        &self.directory.apps
    }

    /// Everybody who can sign in.
    pub fn accounts(&self) -> &[Account] {
        &self.directory.accounts
    }

    /// Everybody's password.
    pub fn password_of_all(&self) -> &str {
        &self.directory.password
    }

    /// Becomes a tenant of this domain, in which the application of another one is registered too: what a
    /// partner's customers look like.
    pub fn join(&mut self, other_seed: u64, domain: &str, consented: bool) {
        let shared = Directory::of(other_seed).apps.swap_remove(0);
        let own = &mut self.directory.apps[0];
        own.id.clone_from(&shared.id);
        own.secret.clone_from(&shared.secret);
        own.consented = consented;
        self.client_id = shared.id;
        self.client_secret = shared.secret;
        self.domain = Some(domain.into());
    }

    /// From now on tokens live this long.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *self
            .lifetime
            .write()
            .unwrap_or_else(PoisonError::into_inner) = lifetime;
    }

    /// From now on tokens come without these application permissions, or what stands for them in a
    /// person's hands.
    pub fn withhold(&self, roles: Vec<String>) {
        self.grants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .withheld = roles;
    }

    /// Whether the Defender for Endpoint API takes a token for this audience.
    pub fn defender_takes(&self, aud: &str) -> bool {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        grants.audience.takes(grants.cloud, aud)
    }

    /// Whether a path segment names this tenant: its id or one of its domains.
    pub fn is_named(&self, segment: &str) -> bool {
        segment.eq_ignore_ascii_case(&self.tenant)
            || match &self.domain {
                Some(domain) => domain.eq_ignore_ascii_case(segment),
                None => DOMAINS.iter().any(|d| d.eq_ignore_ascii_case(segment)),
            }
    }

    /// Answers whatever begins with a tenant (or `common`) and is none of the services'; `None` where
    /// the sign-in service has no such path.
    pub fn answer(&self, ask: &Ask, now: Ticks) -> Option<Reply> {
        if let Some(reply) = self.managed(ask, now) {
            return Some(reply);
        }
        let mut parts = ask.path.trim_start_matches('/').splitn(2, '/');
        let (segment, rest) = (parts.next()?, parts.next()?.to_ascii_lowercase());
        let get = ask.method == Method::GET || ask.method == Method::HEAD;
        let post = ask.method == Method::POST;
        let known = || {
            if self.is_named(segment) || is_common(segment) {
                Ok(())
            } else {
                Err(NO_TENANT_TO_DISCOVER.of(&[segment]))
            }
        };
        let outcome: Result<Reply, Aadsts> = match rest.trim_end_matches('/') {
            "oauth2/v2.0/token" if post => self.token(ask, segment, Version::V2, now),
            "oauth2/token" if post => self.token(ask, segment, Version::V1, now),
            "v2.0/.well-known/openid-configuration" if get => {
                known().map(|()| self.configuration(ask, segment, Version::V2))
            }
            ".well-known/openid-configuration" if get => {
                known().map(|()| self.configuration(ask, segment, Version::V1))
            }
            "discovery/v2.0/keys" | "discovery/keys" if get => {
                known().map(|()| self.published_keys(ask))
            }
            "discovery/instance" if get && is_common(segment) => Self::instance(ask),
            "oauth2/v2.0/authorize" if get || post => {
                known().map(|()| self.authorize(ask, segment, Version::V2, now))
            }
            "oauth2/authorize" if get || post => {
                known().map(|()| self.authorize(ask, segment, Version::V1, now))
            }
            "v2.0/adminconsent" if get || post => {
                known().map(|()| self.admin_consent(ask, segment, Version::V2, now))
            }
            "adminconsent" if get || post => {
                known().map(|()| self.admin_consent(ask, segment, Version::V1, now))
            }
            "oauth2/v2.0/devicecode" if post => self.device_code(ask, segment, Version::V2, now),
            "oauth2/devicecode" if post || get => self.device_code(ask, segment, Version::V1, now),
            "oauth2/deviceauth" if (post || get) && is_common(segment) => {
                Ok(self.device_page(ask, now))
            }
            "oauth2/v2.0/logout" | "oauth2/logout" if get => known().map(|()| Self::logout(ask)),
            "oauth2/nativeclient" if get && is_common(segment) => {
                Ok(pages::page(200, "You have signed in", ""))
            }
            realm if get && is_common(segment) && realm.starts_with("userrealm/") => {
                Ok(Self::realm(&realm["userrealm/".len()..]))
            }
            _ => return None,
        };
        Some(outcome.unwrap_or_else(|refusal| refusal.reply(ask, now)))
    }

    /// Refuses a request with an AADSTS number, whatever it asks: where a browser waits for an answer at the
    /// application's address, there.
    pub fn refuse(&self, ask: &Ask, code: u32, now: Ticks) -> Reply {
        let refusal = Aadsts::from(refusal(code).unwrap_or(refusals::UNAVAILABLE));
        let path = ask.path.to_ascii_lowercase();
        if path.ends_with("/authorize") {
            self.refuse_to_authorize(ask, refusal, now)
        } else if path.ends_with("/deviceauth") {
            pages::refusal(refusal, ask, now)
        } else {
            refusal.reply(ask, now)
        }
    }

    /// A token an application holds in its own name.
    fn application_token(
        &self,
        base: &str,
        app: &App,
        proof: Proof,
        wanted: &Wanted,
        now: Ticks,
        capabilities: &[String],
    ) -> (String, Duration) {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let roles = grants.of(app, wanted.resource).roles;
        drop(grants);
        let lifetime = self.lifetime(wanted.resource, capabilities);
        let issued = self.issues(&[&app.id, &app.principal], now);
        let common = Claims {
            iat: issued,
            nbf: issued,
            exp: issued + lifetime.as_secs() as i64,
            idtyp: "app".into(),
            sub: app.principal.clone(),
            oid: app.principal.clone(),
            roles: roles.into_iter().map(str::to_owned).collect(),
            tid: self.tenant.clone(),
            uti: self.unique_id(now),
            xms_cc: capabilities.to_vec(),
            ..Claims::default()
        };
        let claims = match self.format {
            TokenFormat::V1 => Claims {
                aud: wanted.aud.clone(),
                iss: self.issuer(base, Version::V1),
                appid: app.id.clone(),
                app_displayname: app.name.clone(),
                appidacr: proof.text().into(),
                ver: "1.0".into(),
                ..common
            },
            TokenFormat::V2 => Claims {
                aud: wanted.resource.app_id.into(),
                iss: self.issuer(base, Version::V2),
                azp: app.id.clone(),
                azpacr: proof.text().into(),
                ver: "2.0".into(),
                ..common
            },
        };
        (self.sign(&claims), lifetime)
    }

    /// How long a token lives: longer where the resource can call it back and the client takes that.
    fn lifetime(&self, resource: Resource, capabilities: &[String]) -> Duration {
        let usual = *self.lifetime.read().unwrap_or_else(PoisonError::into_inner);
        let graph = resource.app_id == GRAPH.app_id;
        if !capabilities.is_empty() && (graph || self.defender_cae == DefenderCae::On) {
            usual * standing::LONGER
        } else {
            usual
        }
    }

    /// The id of the next token: its own, and the same when the same requests come at the same times.
    fn unique_id(&self, now: Ticks) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(format!("{} {number} {now} uti", self.seed));
        URL_SAFE_NO_PAD.encode(&digest[..16])
    }

    /// A signed token with any claims at all.
    pub fn sign(&self, claims: &Claims) -> String {
        let token = self.keys.sign(&json!(claims), claims.ver == "1.0");
        self.hand_out("access token", token)
    }

    /// Reads a token of this tenant back. The error says what is wrong with its form.
    pub fn verify(&self, token: &str) -> Result<Claims, &'static str> {
        let payload = self.keys.verify(token)?;
        serde_json::from_slice(&payload).map_err(|_| "payload is not a claim set")
    }
}

/// Whether a path segment stands for whichever tenant a person belongs to.
fn is_common(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entra(seed: u64) -> Entra {
        Entra::new(
            seed,
            "t".into(),
            Duration::from_secs(3600),
            Grants {
                withheld: vec!["Machine.Scan".into()],
                ..Grants::default()
            },
            Quirks::default(),
        )
    }

    fn issue(entra: &Entra) -> String {
        entra
            .application_token(
                "http://127.0.0.1:1",
                &entra.directory.apps[0],
                Proof::Secret,
                &scopes::resource_named(
                    "https://api.securitycenter.microsoft.com",
                    &Grants::default(),
                )
                .expect("known"),
                super::super::clock::from_unix(1_000),
                &[],
            )
            .0
    }

    #[test]
    fn tokens_are_verified() {
        let entra = entra(1);
        let token = issue(&entra);
        let claims = entra.verify(&token).expect("own token");
        assert_eq!((claims.iat, claims.exp), (1_000, 4_600));
        assert!(claims.has(&["machine.isolate"]));
        assert!(!claims.has(&["Machine.Scan"]), "withheld");
        let mut forged = token.clone().into_bytes();
        let middle = forged.len() / 2;
        forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
        assert!(
            entra
                .verify(&String::from_utf8(forged).expect("ASCII"))
                .is_err()
        );
    }

    #[test]
    fn tokens_outlive_their_process_and_nothing_else() {
        let token = issue(&entra(1));
        assert!(entra(1).verify(&token).is_ok(), "the same seed");
        assert!(entra(2).verify(&token).is_err(), "another seed");
    }

    #[test]
    fn every_token_has_an_id_of_its_own_that_repeats_with_the_requests() {
        let (one, again) = (entra(1), entra(1));
        let first = issue(&one);
        assert_eq!(first, issue(&again));
        assert_ne!(first, issue(&one));
    }
}
