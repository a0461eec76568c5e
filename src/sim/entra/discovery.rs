//! What the sign-in service says about itself: OpenID configuration, keys, and which hosts are its own.
//!
//! Every address in these documents is under the tenant's own base, so that an identity library that
//! follows them stays here.

use serde_json::{Value, json};

use super::super::http::{Ask, Reply};
use super::refusals::{Aadsts, BAD_INSTANCE, MISSING};
use super::{DOMAINS, Entra, Version};

/// Hosts of the real service: an authority that names one is accepted as the real service accepts it.
const CLOUD_HOSTS: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
];

/// A document that may be kept for a day.
fn document(body: &Value) -> Reply {
    let mut reply = Reply::value(200, body);
    reply.content_type = "application/json; charset=utf-8";
    reply
        .headers
        .push(("cache-control", "max-age=86400, private".into()));
    reply
        .headers
        .push(("access-control-allow-origin", "*".into()));
    reply
}

impl Entra {
    /// Who issues tokens of a format: a name for the first, an address for the second.
    pub fn issuer(&self, base: &str, version: Version) -> String {
        match version {
            Version::V1 => format!("https://sts.windows.net/{}/", self.tenant),
            Version::V2 => format!("{base}/{}/v2.0", self.tenant),
        }
    }

    /// `/{tenant}[/v2.0]/.well-known/openid-configuration`. `common` names no tenant: its issuer is a pattern.
    pub(super) fn configuration(&self, ask: &Ask, segment: &str, version: Version) -> Reply {
        let base = &ask.base;
        let common = !self.is_named(segment);
        let tenant = if common { segment } else { &self.tenant };
        let oauth = match version {
            Version::V1 => format!("{base}/{tenant}/oauth2"),
            Version::V2 => format!("{base}/{tenant}/oauth2/v2.0"),
        };
        let issuer = match (common, version) {
            (true, Version::V1) => "https://sts.windows.net/{tenantid}/".to_owned(),
            (true, Version::V2) => format!("{base}/{{tenantid}}/v2.0"),
            (false, _) => self.issuer(base, version),
        };
        let keys = match version {
            Version::V1 => format!("{base}/common/discovery/keys"),
            Version::V2 => format!("{base}/{tenant}/discovery/v2.0/keys"),
        };
        let mut body = json!({
            "token_endpoint": format!("{oauth}/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": keys,
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{oauth}/authorize"),
            "device_authorization_endpoint": format!("{oauth}/devicecode"),
            "http_logout_supported": false,
            "frontchannel_logout_supported": false,
            "end_session_endpoint": format!("{oauth}/logout"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "oid", "tid", "ver", "email"],
            "tenant_region_scope": if common { Value::Null } else { json!("EU") },
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": host(base),
        });
        if version == Version::V1 {
            body["microsoft_multi_refresh_token"] = json!(true);
            body["scopes_supported"] = json!(["openid"]);
        }
        document(&body)
    }

    /// `/common/userrealm/{user}`: whether the tenant itself checks a person's password.
    pub(super) fn realm(user: &str) -> Reply {
        let domain = user.rsplit_once('@').map_or(user, |(_, domain)| domain);
        let own = DOMAINS.iter().any(|d| d.eq_ignore_ascii_case(domain));
        document(&json!({
            "ver": "1.0",
            "account_type": if own { "Managed" } else { "Unknown" },
            "domain_name": domain,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        }))
    }

    /// `/{tenant}/discovery[/v2.0]/keys`.
    pub(super) fn published_keys(&self, ask: &Ask) -> Reply {
        document(&json!({ "keys": [self.keys.jwk(&self.issuer(&ask.base, Version::V2))] }))
    }

    /// `/common/discovery/instance`: whether an authority is one of Entra's, and where it describes itself.
    pub(super) fn instance(ask: &Ask) -> Result<Reply, Aadsts> {
        let endpoint = url::form_urlencoded::parse(ask.query.as_bytes())
            .find(|(name, _)| name == "authorization_endpoint")
            .map(|(_, value)| value.into_owned())
            .ok_or_else(|| MISSING.of(&["authorization_endpoint"]))?;
        let asked = url::Url::parse(&endpoint).map_err(|_| BAD_INSTANCE.of(&[]))?;
        let name = asked.host_str().unwrap_or_default();
        if !is_loopback(name) && !CLOUD_HOSTS.contains(&name) {
            return Err(BAD_INSTANCE.into());
        }
        let tenant = asked
            .path()
            .split('/')
            .find(|p| !p.is_empty())
            .unwrap_or("common");
        let version = if asked.path().contains("/v2.0/") {
            "/v2.0"
        } else {
            ""
        };
        let own = host(&ask.base);
        let (_, port) = own.rsplit_once(':').unwrap_or((own, "443"));
        Ok(document(&json!({
            "tenant_discovery_endpoint": format!("{}/{tenant}{version}/.well-known/openid-configuration", ask.base),
            "api-version": "1.1",
            "metadata": [{
                "preferred_network": own,
                "preferred_cache": own,
                // Libraries compare with the host alone or with its port.
                "aliases": [format!("localhost:{port}"), format!("127.0.0.1:{port}"), "localhost", "127.0.0.1"],
            }],
        })))
    }
}

/// `localhost:8484` of `https://localhost:8484`.
fn host(base: &str) -> &str {
    base.split_once("://").map_or(base, |(_, host)| host)
}

/// Whether a host name means this computer.
pub fn is_loopback(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "[::1]" | "::1")
}
