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
//! | `pages` | what people see |
//! | `refusals` | AADSTS documents |

mod authorize;
mod claims;
mod client;
mod credentials;
mod device;
mod directory;
mod discovery;
mod keys;
mod pages;
mod people;
mod refusals;
mod resources;
mod scopes;
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

use super::clock::{self, Ticks};
use super::http::{Ask, Reply};
use super::quirks::{AssertionReplay, Quirks, TokenFormat};
pub use claims::{Claims, DIRECTORY_ROLES};
use client::Proof;
use credentials::{Certificate, Federated};
use device::Devices;
pub use directory::{Account, App};
use directory::{DOMAINS, Directory};
use keys::Keys;
pub use refusals::{ALL as REFUSALS, Kind as Refusal};
use refusals::{Aadsts, NO_TENANT_TO_DISCOVER};
pub use resources::{Audience, GRAPH, Grants, Resource, XDR};
use scopes::Wanted;

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
    /// People whose sessions were ended, by object id, and when.
    revoked: RwLock<HashMap<String, i64>>,
    /// Tokens and codes issued so far: what makes each one's id its own.
    issued: AtomicU64,
    /// Every token and code handed out: what it is, and its text.
    handed_out: Mutex<Vec<(&'static str, String)>>,
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
        Self {
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
            revoked: RwLock::default(),
            issued: AtomicU64::new(0),
            handed_out: Mutex::default(),
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
            "oauth2/v2.0/authorize" if get => {
                known().map(|()| self.authorize(ask, Version::V2, now))
            }
            "oauth2/authorize" if get => known().map(|()| self.authorize(ask, Version::V1, now)),
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
    ) -> (String, Duration) {
        let roles = if app.consented {
            let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
            grants.roles(wanted.resource)
        } else {
            Vec::new()
        };
        let lifetime = *self.lifetime.read().unwrap_or_else(PoisonError::into_inner);
        let issued = clock::to_unix(now);
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
                clock::from_unix(1_000),
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
