//! The token endpoints: `/{tenant}/oauth2/v2.0/token` and `/{tenant}/oauth2/token`.
//!
//! Facts: the Defender for Endpoint sheet, sections 1.3 and 3.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};
use super::directory::App;
use super::refusals::{
    Aadsts, BAD_GRANT_TYPE, BAD_SCOPE, BAD_SECRET, MISSING, NO_APP, NO_PROOF, NO_RESOURCE,
    NO_TENANT, OLD_SECRET, RESOURCE_ON_V2, TENANTLESS, TWICE,
};
use super::resources::{DIRECTORY, Resource};
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

/// What a token is wanted for: the resource and the audience as it was written.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The resource.
    pub resource: Resource,
    /// Its name as asked for: tokens of the first format echo it.
    pub aud: String,
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
        let grant = request.form.need("grant_type")?;
        if version == Version::V2 && request.form.get("resource").is_some() {
            return Err(RESOURCE_ON_V2.into());
        }
        match grant {
            "client_credentials" if is_common(segment) => Err(TENANTLESS.into()),
            "client_credentials" => self.client_credentials(&request),
            _ => Err(BAD_GRANT_TYPE.of(&[grant])),
        }
    }

    fn client_credentials(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let basic = basic(request.ask);
        let id = match &basic {
            Some((id, _)) => id,
            None => request.form.need("client_id")?,
        };
        let app = self.directory.app(id).ok_or_else(|| NO_APP.of(&[id]))?;
        let secret = basic
            .as_ref()
            .map(|(_, secret)| secret.as_str())
            .or_else(|| request.form.get("client_secret"))
            .ok_or_else(|| Aadsts::from(NO_PROOF))?;
        check_secret(app, secret)?;
        let wanted = match request.version {
            Version::V1 => wanted_v1(&request.form)?,
            Version::V2 => wanted_by_default_scope(request.form.need("scope")?)?,
        };
        let (token, lifetime) = self.application_token(
            &request.ask.base,
            app,
            "1",
            wanted.resource,
            &wanted.aud,
            request.now,
        );
        Ok(answer(request, &wanted, token, lifetime, Map::new()))
    }
}

/// Id and secret of an `Authorization: Basic` header; each is form-encoded before it is joined (RFC 6749, 2.3.1).
fn basic(ask: &Ask) -> Option<(String, String)> {
    let text = ask.header("authorization")?;
    let (scheme, value) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        url::form_urlencoded::parse(format!("v={}", text.replace('&', "%26")).as_bytes())
            .next()
            .map(|(_, v)| v.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

fn check_secret(app: &App, secret: &str) -> Result<(), Aadsts> {
    if secret != app.secret {
        return Err(BAD_SECRET.of(&[&app.id]));
    }
    if app.secret_expired {
        return Err(OLD_SECRET.of(&[&app.id]));
    }
    Ok(())
}

/// The resource of a v1 request. `/.default` is no part of a resource's name there, and whoever sends
/// `scope` instead gets a token for the directory's old Graph.
fn wanted_v1(form: &Form) -> Result<Wanted, Aadsts> {
    let Some(aud) = form.get("resource") else {
        return Ok(Wanted {
            resource: DIRECTORY,
            aud: DIRECTORY.app_id.into(),
        });
    };
    resource_named(aud)
}

/// The resource of a scope that ends in `/.default`, which must be the only one.
fn wanted_by_default_scope(scope: &str) -> Result<Wanted, Aadsts> {
    let bad = || BAD_SCOPE.of(&[scope]);
    let mut scopes = scope.split_whitespace();
    let (Some(only), None) = (scopes.next(), scopes.next()) else {
        return Err(bad());
    };
    resource_named(only.strip_suffix("/.default").ok_or_else(bad)?)
}

/// The resource of an identifier, however its case and trailing slash are.
pub fn resource_named(aud: &str) -> Result<Wanted, Aadsts> {
    let resource = Resource::of_audience(aud).ok_or_else(|| NO_RESOURCE.of(&[aud]))?;
    Ok(Wanted {
        resource,
        aud: aud.into(),
    })
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
