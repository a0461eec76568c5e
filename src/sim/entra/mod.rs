//! Microsoft Entra as the tenant serves it: what libraries discover, how they sign in, and tokens that
//! anybody can verify with the published key.
//!
//! Facts: the Defender for Endpoint sheet, sections 1 to 4. Knows nothing of incidents or devices.
//!
//! | file | what it is for |
//! |---|---|
//! | `resources` | audiences and permissions, as tables |
//! | `directory` | applications and people |
//! | `claims` | what a token says, and what the services ask of it |
//! | `keys` | the signing key and what is published about it |
//! | `discovery` | OpenID configuration, keys, instances |
//! | `token` | the token endpoints, both generations |
//! | `refusals` | AADSTS documents |

#![allow(dead_code, reason = "what people sign in with follows")]

mod claims;
mod directory;
mod discovery;
mod keys;
mod refusals;
mod resources;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::clock::{self, Ticks};
use super::http::{Ask, Reply};
pub use claims::{Claims, DIRECTORY_ROLES};
use directory::{App, DOMAINS, Directory};
use keys::Keys;
use refusals::{Aadsts, NO_TENANT_TO_DISCOVER};
pub use resources::{DEFENDER, GRAPH, Resource};

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
    /// How long tokens live.
    lifetime: RwLock<Duration>,
    /// Roles the application was not given.
    withheld: RwLock<Vec<String>>,
    seed: u64,
    keys: Keys,
    directory: Directory,
    /// Tokens issued so far: what makes each one's id its own.
    issued: AtomicU64,
}

impl Entra {
    /// The token service of the tenant with this id.
    pub fn new(seed: u64, tenant: String, lifetime: Duration, withheld: Vec<String>) -> Self {
        let directory = Directory::of(seed);
        let own = &directory.apps[0];
        Self {
            tenant,
            client_id: own.id.clone(),
            client_secret: own.secret.clone(),
            lifetime: RwLock::new(lifetime),
            withheld: RwLock::new(withheld),
            seed,
            keys: Keys::of(seed),
            directory,
            issued: AtomicU64::new(0),
        }
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
        *self
            .withheld
            .write()
            .unwrap_or_else(PoisonError::into_inner) = roles;
    }

    /// Whether a path segment names this tenant: its id or one of its domains.
    pub fn is_named(&self, segment: &str) -> bool {
        segment.eq_ignore_ascii_case(&self.tenant)
            || DOMAINS.iter().any(|d| d.eq_ignore_ascii_case(segment))
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
            _ => return None,
        };
        Some(outcome.unwrap_or_else(|refusal| refusal.reply(ask, now)))
    }

    /// A token an application holds in its own name.
    fn application_token(
        &self,
        base: &str,
        app: &App,
        proof: &str,
        resource: Resource,
        aud: &str,
        now: Ticks,
    ) -> (String, Duration) {
        let withheld = self.withheld.read().unwrap_or_else(PoisonError::into_inner);
        let roles: Vec<String> = resource
            .granted_roles()
            .filter(|r| app.consented && !withheld.iter().any(|w| w.eq_ignore_ascii_case(r)))
            .map(str::to_owned)
            .collect();
        drop(withheld);
        let lifetime = *self.lifetime.read().unwrap_or_else(PoisonError::into_inner);
        let issued = clock::to_unix(now);
        let claims = Claims {
            aud: aud.into(),
            iss: self.issuer(base, Version::V1),
            iat: issued,
            nbf: issued,
            exp: issued + lifetime.as_secs() as i64,
            appid: app.id.clone(),
            app_displayname: app.name.clone(),
            appidacr: proof.into(),
            idtyp: "app".into(),
            sub: app.principal.clone(),
            oid: app.principal.clone(),
            roles,
            tid: self.tenant.clone(),
            uti: self.unique_id(now),
            ver: "1.0".into(),
            ..Claims::default()
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
        self.keys.sign(&json!(claims), claims.ver == "1.0")
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
            vec!["Machine.Scan".into()],
        )
    }

    fn issue(entra: &Entra) -> String {
        entra
            .application_token(
                "http://127.0.0.1:1",
                &entra.directory.apps[0],
                "1",
                DEFENDER,
                "https://api.securitycenter.microsoft.com",
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
