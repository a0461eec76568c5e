//! The token endpoints: `/{tenant}/oauth2/v2.0/token` and `/{tenant}/oauth2/token`.
//!
//! Facts: the Defender for Endpoint sheet, sections 1.3 and 3.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};
use super::refusals::{
    Aadsts, BAD_GRANT_TYPE, MISSING, NO_TENANT, RESOURCE_ON_V2, TENANTLESS, TWICE,
};
use super::scopes::{self, Wanted};
use super::standing::capabilities;
use super::{Entra, Version, is_common};

/// The fields of a form, each once.
#[derive(Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form; a field that stands there twice is refused.
    pub fn read(bytes: &[u8]) -> Result<Self, Aadsts> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(bytes).into_owned() {
            if fields.iter().any(|(n, _)| *n == name) {
                return Err(TWICE.of(&[&name]));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// Every field, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// A form with one field.
    pub fn of(name: &str, value: &str) -> Self {
        Self(vec![(name.into(), value.into())])
    }

    /// A field that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// A field that must be there.
    pub fn need(&self, name: &str) -> Result<&str, Aadsts> {
        self.get(name).ok_or_else(|| MISSING.of(&[name]))
    }
}

/// One request to a token endpoint.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// The request.
    pub ask: &'a Ask,
    /// Its body.
    pub form: Form,
    /// Which endpoint.
    pub version: Version,
    /// When.
    pub now: Ticks,
}

impl Entra {
    /// Answers a token endpoint.
    pub(super) fn token(
        &self,
        ask: &Ask,
        segment: &str,
        version: Version,
        now: Ticks,
    ) -> Result<Reply, Aadsts> {
        let request = TokenRequest {
            form: Form::read(&ask.body)?,
            ask,
            version,
            now,
        };
        if !self.is_named(segment) && !is_common(segment) {
            return Err(NO_TENANT.of(&[segment]));
        }
        self.check_tenancy(segment, &request.form)?;
        let grant = request.form.need("grant_type")?;
        if version == Version::V2 && request.form.get("resource").is_some() {
            return Err(RESOURCE_ON_V2.into());
        }
        match grant {
            "client_credentials" if is_common(segment) => Err(TENANTLESS.into()),
            "client_credentials" => self.client_credentials(&request),
            "password" => self.password(&request),
            "refresh_token" => self.refresh(&request),
            "authorization_code" => self.redeem(&request),
            // The second is how the first generation writes it.
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => self.poll(&request),
            _ => Err(BAD_GRANT_TYPE.of(&[grant])),
        }
    }

    fn client_credentials(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let (app, proof) = self.client(request)?;
        let wanted = {
            let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
            match request.version {
                Version::V1 => scopes::of_resource(&request.form, &grants)?,
                Version::V2 => scopes::of_default_scope(request.form.need("scope")?, &grants)?,
            }
        };
        let capabilities = capabilities(&request.form)?;
        let base = &request.ask.base;
        let (token, lifetime) =
            self.application_token(base, app, proof, &wanted, request.now, &capabilities);
        Ok(answer(request, &wanted, token, lifetime, Map::new()))
    }
}

/// A granted token. The first endpoint writes numbers as text and says what the token is for.
pub fn answer(
    request: &TokenRequest<'_>,
    wanted: &Wanted,
    token: String,
    lifetime: Duration,
    more: Map<String, Value>,
) -> Reply {
    // Entra rounds down: a token of an hour says 3599.
    let seconds = lifetime.as_secs().saturating_sub(1).max(1);
    let mut body = match request.version {
        Version::V1 => {
            let now = clock::to_unix(request.now);
            json!({
                "token_type": "Bearer",
                "expires_in": seconds.to_string(),
                "ext_expires_in": seconds.to_string(),
                "expires_on": (now + lifetime.as_secs() as i64).to_string(),
                "not_before": now.to_string(),
                "resource": wanted.aud,
            })
        }
        Version::V2 => json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
        }),
    };
    body["access_token"] = Value::String(token);
    if let Value::Object(body) = &mut body {
        body.extend(more);
    }
    let mut reply = Reply::value(200, &body);
    reply.content_type = "application/json; charset=utf-8";
    reply
        .headers
        .push(("cache-control", "no-store, no-cache".into()));
    reply
}
