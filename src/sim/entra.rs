//! Microsoft Entra as the tenant serves it: the v2 token endpoint, and tokens that can be verified.
//!
//! Tokens are signed with a key of this run. Refusals are AADSTS documents, as Entra writes them.

use std::sync::RwLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::clock::{self, Ticks};
use super::http::{Ask, Reply};
use super::{ids, json};

/// A resource that tokens can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// Its application id, which is an audience too.
    pub app_id: &'static str,
    /// Identifier URIs. The first is the one documents name.
    pub audiences: &'static [&'static str],
    /// Application roles it defines, which the tenant's own application was given.
    pub roles: &'static [&'static str],
}

/// Microsoft Graph.
pub const GRAPH: Resource = Resource {
    app_id: "00000003-0000-0000-c000-000000000000",
    audiences: &["https://graph.microsoft.com"],
    roles: &[
        "SecurityIncident.Read.All",
        "SecurityIncident.ReadWrite.All",
        "SecurityAlert.Read.All",
        "SecurityAlert.ReadWrite.All",
        "ThreatHunting.Read.All",
    ],
};

/// WindowsDefenderATP, the resource of Defender for Endpoint.
pub const DEFENDER: Resource = Resource {
    app_id: "fc780465-2017-40d4-a0c5-307022471b92",
    audiences: &[
        "https://api.securitycenter.microsoft.com",
        "https://api-us.securitycenter.microsoft.com",
        "https://api-eu.securitycenter.microsoft.com",
        "https://api-uk.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://securitycenter.microsoft.com/mtp",
    ],
    roles: &[
        "Machine.Read.All",
        "Machine.ReadWrite.All",
        "Machine.Isolate",
        "Machine.RestrictExecution",
        "Machine.Scan",
        "Machine.CollectForensics",
        "Alert.Read.All",
        "User.Read.All",
    ],
};

/// Microsoft Threat Protection: the host name of Defender for Endpoint, used as an audience, names this.
pub const XDR: Resource = Resource {
    app_id: "8ee8fdad-f234-4243-8f3b-15c294843740",
    audiences: &[
        "https://api.security.microsoft.com",
        "https://api-us.security.microsoft.com",
        "https://api-eu.security.microsoft.com",
        "https://api-uk.security.microsoft.com",
    ],
    roles: &["Incident.Read.All", "AdvancedHunting.Read.All"],
};

impl Resource {
    /// Whether an `aud` names this resource, whatever its case and trailing slash.
    pub fn is_audience(&self, aud: &str) -> bool {
        let aud = aud.trim_end_matches('/');
        aud.eq_ignore_ascii_case(self.app_id)
            || self.audiences.iter().any(|a| a.eq_ignore_ascii_case(aud))
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Audience.
    pub aud: String,
    /// Issuer.
    pub iss: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Not before, Unix seconds.
    pub nbf: i64,
    /// Expires, Unix seconds.
    pub exp: i64,
    /// Application id.
    pub appid: String,
    /// Application name.
    pub app_displayname: String,
    /// How the application proved itself: 1 is a secret.
    pub appidacr: String,
    /// Application or user.
    pub idtyp: String,
    /// Object id of the service principal.
    pub oid: String,
    /// Application roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The same as `oid`.
    pub sub: String,
    /// Tenant.
    pub tid: String,
    /// A unique id.
    pub uti: String,
    /// Format version.
    pub ver: String,
}

impl Claims {
    /// Whether the token has any of these roles; if not, the service's sentence (the newer wording).
    pub fn need(&self, any_of: &[&str]) -> Result<(), String> {
        if self.has(any_of) {
            return Ok(());
        }
        Err(format!(
            "Missing application roles. API required roles: {}, application roles: {}.",
            any_of.join(","),
            self.roles.join(",")
        ))
    }

    /// Whether the token has any of these roles.
    pub fn has(&self, any_of: &[&str]) -> bool {
        any_of
            .iter()
            .any(|role| self.roles.iter().any(|r| r.eq_ignore_ascii_case(role)))
    }

    /// How the application is named where a person would be.
    pub fn actor(&self) -> String {
        format!("API-App:{}", self.app_displayname)
    }
}

/// The token service of one run.
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
    key: [u8; 32],
}

/// What an application must present.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Tenant id.
    pub tenant: String,
    /// Application id.
    pub client_id: String,
    /// Secret.
    pub client_secret: String,
}

/// The domain a tenant can be named by, beside its id.
const DOMAINS: &[&str] = &["contoso.com", "contoso.onmicrosoft.com"];

impl Entra {
    /// A token service with one registered application.
    pub fn new(
        seed: u64,
        registration: Registration,
        lifetime: Duration,
        withheld: Vec<String>,
    ) -> Self {
        // The key differs in every run, so that a token of an earlier run is refused.
        let mut hasher = Sha256::new();
        hasher.update(uuid::Uuid::new_v4().as_bytes());
        hasher.update(uuid::Uuid::new_v4().as_bytes());
        Self {
            tenant: registration.tenant,
            client_id: registration.client_id,
            client_secret: registration.client_secret,
            lifetime: RwLock::new(lifetime),
            withheld: RwLock::new(withheld),
            seed,
            key: hasher.finalize().into(),
        }
    }

    /// Whether a name means this tenant: its id, or one of its domains.
    pub fn is_named(&self, tenant: &str) -> bool {
        tenant.eq_ignore_ascii_case(&self.tenant)
            || DOMAINS.iter().any(|d| d.eq_ignore_ascii_case(tenant))
    }

    /// From now on tokens live this long.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *self
            .lifetime
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = lifetime;
    }

    /// From now on tokens come without these roles.
    pub fn withhold(&self, roles: Vec<String>) {
        *self
            .withheld
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = roles;
    }

    /// A token for any audience, as the endpoint would issue it.
    pub fn issue(&self, resource: Resource, aud: &str, now: Ticks) -> (String, Duration) {
        let lifetime = *self
            .lifetime
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let withheld = self
            .withheld
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let roles = resource
            .roles
            .iter()
            .filter(|r| !withheld.iter().any(|w| w.eq_ignore_ascii_case(r)));
        let issued = clock::to_unix(now);
        let oid = ids::guid(self.seed, "service principal");
        let claims = Claims {
            aud: aud.into(),
            iss: format!("https://sts.windows.net/{}/", self.tenant),
            iat: issued,
            nbf: issued,
            exp: issued + lifetime.as_secs() as i64,
            appid: self.client_id.clone(),
            app_displayname: "nightjar".into(),
            appidacr: "1".into(),
            idtyp: "app".into(),
            sub: oid.clone(),
            oid,
            roles: roles.map(|r| (*r).to_owned()).collect(),
            tid: self.tenant.clone(),
            uti: URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes()),
            ver: "1.0".into(),
        };
        (self.sign(&claims), lifetime)
    }

    /// A signed token with any claims at all.
    pub fn sign(&self, claims: &Claims) -> String {
        let header =
            URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256","kid":"simulated-tenant"}"#);
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).expect("claims are JSON"));
        let signature =
            URL_SAFE_NO_PAD.encode(hmac(&self.key, format!("{header}.{payload}").as_bytes()));
        format!("{header}.{payload}.{signature}")
    }

    /// Reads a token of this run back. The error says what is wrong with its form.
    pub fn verify(&self, token: &str) -> Result<Claims, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("not a token")?;
        let (_, payload) = signed.split_once('.').ok_or("not a token")?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| "signature is not base64url")?;
        if signature != hmac(&self.key, signed.as_bytes()) {
            return Err("signature does not match");
        }
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| "payload is not base64url")?;
        serde_json::from_slice(&payload).map_err(|_| "payload is not a claim set")
    }

    /// Answers `POST /{tenant}/oauth2/v2.0/token`.
    pub fn token(&self, ask: &Ask, tenant: &str, now: Ticks) -> Reply {
        match self.grant(ask, tenant, now) {
            Ok(reply) => reply,
            Err(refusal) => refusal.reply(ask, now),
        }
    }

    fn grant(&self, ask: &Ask, tenant: &str, now: Ticks) -> Result<Reply, Aadsts> {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&ask.body)
            .into_owned()
            .collect();
        let field = |name: &str| {
            form.iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        if !self.is_named(tenant) {
            return Err(Aadsts::new(
                400,
                "invalid_request",
                90_002,
                format!(
                    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
                ),
            ));
        }
        let missing = |name: &str| {
            Aadsts::new(
                400,
                "invalid_request",
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        };
        let grant = field("grant_type").ok_or_else(|| missing("grant_type"))?;
        if grant != "client_credentials" {
            return Err(Aadsts::new(
                400,
                "unsupported_grant_type",
                70_003,
                format!("The app requested an unsupported grant type '{grant}'."),
            ));
        }
        let client = field("client_id").ok_or_else(|| missing("client_id"))?;
        if field("resource").is_some() {
            return Err(Aadsts::new(
                400,
                "invalid_request",
                901_002,
                "The 'resource' request parameter is not supported.".into(),
            ));
        }
        if !client.eq_ignore_ascii_case(&self.client_id) {
            return Err(Aadsts::new(
                400,
                "unauthorized_client",
                700_016,
                format!(
                    "Application with identifier '{client}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
                ),
            ));
        }
        let secret = field("client_secret").filter(|s| !s.is_empty()).ok_or_else(|| {
            Aadsts::new(401, "invalid_client", 7_000_216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.".into())
        })?;
        if secret != self.client_secret {
            return Err(Aadsts::new(
                401,
                "invalid_client",
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
                ),
            ));
        }
        let scope = field("scope").ok_or_else(|| missing("scope"))?;
        let bad_scope = || {
            Aadsts::new(
                400,
                "invalid_scope",
                70_011,
                format!(
                    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
                ),
            )
        };
        let mut scopes = scope.split_whitespace();
        let (Some(only), None) = (scopes.next(), scopes.next()) else {
            return Err(bad_scope());
        };
        let wanted = only.strip_suffix("/.default").ok_or_else(bad_scope)?;
        let resource = [GRAPH, DEFENDER, XDR].into_iter().find(|r| r.is_audience(wanted)).ok_or_else(|| {
            Aadsts::new(400, "invalid_resource", 500_011, format!(
                "The resource principal named {wanted} was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
            ))
        })?;
        let (token, lifetime) = self.issue(resource, wanted, now);
        // Entra rounds down: a token of an hour says 3599.
        let seconds = lifetime.as_secs().saturating_sub(1).max(1);
        let body = format!(
            "{{\"token_type\":\"Bearer\",\"expires_in\":{seconds},\"ext_expires_in\":{seconds},\"access_token\":{}}}",
            json::quoted(&token)
        );
        let mut reply = Reply::json(200, body.into_bytes());
        reply.content_type = "application/json; charset=utf-8";
        reply
            .headers
            .push(("cache-control", "no-store, no-cache".into()));
        Ok(reply)
    }
}

/// A refusal of the token endpoint.
struct Aadsts {
    status: u16,
    error: &'static str,
    code: u32,
    message: String,
}

impl Aadsts {
    fn new(status: u16, error: &'static str, code: u32, message: String) -> Self {
        Self {
            status,
            error,
            code,
            message,
        }
    }

    fn reply(self, ask: &Ask, now: Ticks) -> Reply {
        let stamp = clock::graph(now - now.rem_euclid(clock::SECOND)).replace('T', " ");
        let correlation = ask.header("client-request-id").unwrap_or(&ask.request_id);
        let description = format!(
            "AADSTS{}: {} Trace ID: {} Correlation ID: {correlation} Timestamp: {stamp}",
            self.code, self.message, ask.request_id
        );
        let body = serde_json::json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": ask.request_id,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        let mut reply = Reply::value(self.status, &body);
        reply.content_type = "application/json; charset=utf-8";
        reply.why = Some(format!("AADSTS{}: {}", self.code, self.message));
        reply
    }
}

/// HMAC-SHA-256 (RFC 2104), for a key no longer than a block.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (slot, k) in block.iter_mut().zip(key) {
            *slot ^= k;
        }
        block
    };
    let mut inner = Sha256::new();
    inner.update(pad(0x36));
    inner.update(message);
    let mut outer = Sha256::new();
    outer.update(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entra() -> Entra {
        let registration = Registration {
            tenant: "t".into(),
            client_id: "c".into(),
            client_secret: "s".into(),
        };
        Entra::new(
            1,
            registration,
            Duration::from_secs(3600),
            vec!["Machine.Scan".into()],
        )
    }

    #[test]
    fn tokens_are_verified() {
        let entra = entra();
        let (token, _) = entra.issue(
            DEFENDER,
            "https://api.securitycenter.microsoft.com",
            clock::from_unix(1_000),
        );
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
        assert!(
            self::entra().verify(&token).is_err(),
            "a token of another run"
        );
    }

    #[test]
    fn the_signature_is_the_standard_one() {
        // RFC 4231, test case 2, its key padded to the key length used here.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            ids::hex(&hmac(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn audiences_are_compared_loosely() {
        assert!(DEFENDER.is_audience("HTTPS://api.securitycenter.microsoft.com/"));
        assert!(!DEFENDER.is_audience("https://api.security.microsoft.com"));
        assert!(XDR.is_audience("https://api.security.microsoft.com"));
    }
}
