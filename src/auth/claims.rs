//! Reading a token offline: the payload of a JWT, unverified, a hint for people and nothing more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::{Permission, Resource};

/// What a token says about itself (`defender-endpoint` sheet section 3). Hostile until sanitised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Whom it is for.
    pub aud: Option<String>,
    /// The tenant it was issued in.
    pub tid: Option<String>,
    /// The application it was issued to: `appid`, or `azp` in v2 tokens.
    pub app_id: Option<String>,
    /// Application permissions.
    pub roles: Vec<String>,
    /// Delegated permissions.
    pub scopes: Vec<String>,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it was issued.
    pub issued: Option<Timestamp>,
    /// The person, for a delegated token.
    pub upn: Option<String>,
    /// It may be revoked before it expires: its holder said that it heeds claims challenges (`cp1` among
    /// `xms_cc`).
    pub revocable: bool,
}

/// The payload of a JWT, whatever it says; `None` where the text is none.
pub(super) fn payload(jwt: &str) -> Option<Value> {
    let payload = jwt.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl Claims {
    /// Reads the payload; `None` where the token is opaque. The signature is not checked: only the
    /// service can decide what a token is good for.
    pub fn read(jwt: &str) -> Option<Self> {
        let claims = payload(jwt)?;
        let text = |name: &str| {
            let text = claims.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let time = |name: &str| {
            let seconds = claims.get(name)?.as_i64()?;
            Timestamp::from_second(seconds).ok()
        };
        let roles = match claims.get("roles") {
            Some(Value::Array(roles)) => roles
                .iter()
                .filter_map(|role| role.as_str().map(str::to_owned))
                .collect(),
            Some(Value::String(role)) => vec![role.clone()],
            _ => Vec::new(),
        };
        let aud = match claims.get("aud") {
            Some(Value::Array(all)) => all.first().and_then(Value::as_str).map(str::to_owned),
            _ => text("aud"),
        };
        claims.is_object().then(|| Self {
            aud,
            tid: text("tid"),
            app_id: text("appid").or_else(|| text("azp")),
            roles,
            scopes: text("scp").map_or_else(Vec::new, |scopes| {
                scopes.split_whitespace().map(str::to_owned).collect()
            }),
            expires: time("exp"),
            issued: time("iat"),
            upn: text("upn")
                .or_else(|| text("preferred_username"))
                .or_else(|| text("unique_name")),
            revocable: match claims.get("xms_cc") {
                Some(Value::Array(all)) => all.iter().any(is_cp1),
                Some(one) => is_cp1(one),
                None => false,
            },
        })
    }

    /// Whether it stands for a person rather than an application.
    pub fn is_delegated(&self) -> bool {
        !self.scopes.is_empty() && self.roles.is_empty()
    }

    /// The permissions it carries, of either kind.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().chain(&self.scopes).map(String::as_str)
    }

    /// Whether it carries a permission of a service, under the name applications have for it or the one
    /// people have.
    pub fn carries(&self, resource: Resource, permission: &str) -> bool {
        self.holds(permission)
            || match Permission::find(resource, permission) {
                Some(row) => row.delegated.is_some_and(|name| self.holds(name)),
                None => self.holds(permission.strip_suffix(".All").unwrap_or(permission)),
            }
    }

    /// Whether it carries a permission; case does not matter.
    pub fn holds(&self, permission: &str) -> bool {
        self.permissions()
            .any(|held| held.eq_ignore_ascii_case(permission))
    }
}

fn is_cp1(capability: &Value) -> bool {
    let words = capability.as_str().unwrap_or_default();
    words
        .split_whitespace()
        .any(|word| word.eq_ignore_ascii_case("cp1"))
}

#[cfg(test)]
pub(super) fn jwt(payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    format!("{}.{}.c2ln", part(&header), part(payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_token_versions_and_both_kinds_are_read() {
        let app = Claims::read(&jwt(&json!({
            "aud": "https://graph.microsoft.com", "tid": "t", "appid": "a",
            "roles": ["SecurityAlert.Read.All"], "exp": 1_790_000_000, "xms_cc": ["CP1"]
        })))
        .expect("reads");
        assert!(!app.is_delegated());
        assert!(app.revocable);
        assert!(app.holds("securityalert.read.all"));
        assert_eq!(app.app_id.as_deref(), Some("a"));
        assert_eq!(app.expires.expect("a time").as_second(), 1_790_000_000);
        let user = Claims::read(&jwt(&json!({
            "aud": "00000003-0000-0000-c000-000000000000", "azp": "b",
            "scp": "ThreatHunting.Read.All User.Read", "preferred_username": "dana@example.com"
        })))
        .expect("reads");
        assert!(user.is_delegated());
        assert_eq!(user.scopes.len(), 2);
        assert_eq!(user.upn.as_deref(), Some("dana@example.com"));
    }

    #[test]
    fn opaque_tokens_are_no_error() {
        for opaque in ["", "abc", "a.b.c", "a.!!!.c", "a.bnVsbA.c"] {
            assert_eq!(Claims::read(opaque), None, "{opaque:?}");
        }
    }
}
