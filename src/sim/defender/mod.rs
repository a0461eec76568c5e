//! Defender for Endpoint as the tenant serves it: `/api/…`.
//!
//! Facts: the Defender for Endpoint fact sheet.

pub mod actions;
pub mod machines;

use axum::http::Method;

use super::clock::{self, Ticks};
use super::entra::{Claims, DEFENDER};
use super::http::{Ask, Reply};
use super::json;
use super::quirks::WrongAudience;
use super::server::Tenant;

/// What documents say they were made from.
pub const METADATA: &str = "https://api.security.microsoft.com/api/$metadata#";

/// A refusal on its way to a client.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Service code.
    pub code: &'static str,
    /// The service's sentence.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The body the service sends: `target` is the id to quote to support.
    pub fn reply(self, ask: &Ask) -> Reply {
        let body = format!(
            "{{\"error\":{{\"code\":{},\"message\":{},\"target\":{}}}}}",
            json::quoted(self.code),
            json::quoted(&self.message),
            json::quoted(&ask.request_id)
        );
        let mut reply = Reply::json(self.status, body.into_bytes());
        reply.content_type = "application/json; charset=utf-8";
        reply.why = Some(format!("{}: {}", self.code, self.message));
        reply
    }
}

/// Answers a request below `/api`.
pub fn answer(tenant: &Tenant, ask: &Ask) -> Reply {
    route(tenant, ask).unwrap_or_else(|refusal| refusal.reply(ask))
}

fn route(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let claims = authorize(tenant, ask)?;
    let mut parts: Vec<&str> = ask
        .path
        .split('/')
        .filter(|p| !p.is_empty())
        .skip(1)
        .collect();
    if parts
        .first()
        .is_some_and(|p| p.eq_ignore_ascii_case("v1.0"))
    {
        parts.remove(0);
    }
    let lower: Vec<String> = parts.iter().map(|p| p.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    // Reads answer in the newer wording, writes in the older one: both are met in the field.
    let read = |roles: &[&str]| {
        claims
            .need(roles)
            .map_err(|m| Refusal::new(403, "Forbidden", m))
    };
    let write = |roles: &[&str]| {
        if claims.has(roles) {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "Forbidden",
            format!(
                "The application does not have any of the required application permissions ({}) to access the resource.",
                roles.join(", ")
            ),
        ))
    };
    let read_machines = ["Machine.Read.All", "Machine.ReadWrite.All"];
    match (&ask.method, lower.as_slice()) {
        (&Method::GET, ["machines"]) => {
            read(&read_machines)?;
            machines::list(tenant, ask)
        }
        (&Method::GET, ["machines", "$count"]) => {
            read(&read_machines)?;
            machines::count(tenant, ask)
        }
        (&Method::GET, ["machines", _]) => {
            read(&read_machines)?;
            machines::get(tenant, parts[1])
        }
        (&Method::GET, ["machines", _, "logonusers"]) => {
            read(&["User.Read.All"])?;
            machines::logon_users(tenant, parts[1])
        }
        (&Method::POST, ["machines", _, verb]) => {
            let kind = actions::Kind::of_path(verb).ok_or_else(|| {
                Refusal::new(
                    404,
                    "NotFound",
                    format!(
                        "No HTTP resource was found that matches the request URI '{}'.",
                        ask.path
                    ),
                )
            })?;
            write(&[kind.role()])?;
            actions::start(tenant, ask, parts[1], kind, &claims)
        }
        (&Method::GET, ["machineactions"]) => {
            read(&read_machines)?;
            actions::list(tenant, ask)
        }
        (&Method::GET, ["machineactions", _]) => {
            read(&read_machines)?;
            actions::get(tenant, parts[1])
        }
        (&Method::POST, ["machineactions", _, "cancel"]) => {
            write(&[
                "Machine.CollectForensics",
                "Machine.Isolate",
                "Machine.RestrictExecution",
                "Machine.Scan",
                "Machine.Offboard",
                "Machine.StopAndQuarantine",
                "Machine.LiveResponse",
            ])?;
            actions::cancel(tenant, ask, parts[1], &claims)
        }
        _ => Err(Refusal::new(
            404,
            "NotFound",
            format!(
                "No HTTP resource was found that matches the request URI '{}'.",
                ask.path
            ),
        )),
    }
}

/// Checks the token in this service's own words: another audience is 403, not 401.
fn authorize(tenant: &Tenant, ask: &Ask) -> Result<Claims, Refusal> {
    let denied = |message: &str| Refusal::new(401, "Unauthorized", message);
    let token = ask
        .header("authorization")
        .and_then(|v| {
            v.strip_prefix("Bearer ")
                .or_else(|| v.strip_prefix("bearer "))
        })
        .ok_or_else(|| {
            denied("Unauthorized request - reason of failure: Authorization header is missing.")
        })?;
    let claims = tenant
        .entra
        .verify(token)
        .map_err(|_| denied("Invalid Authorization payload."))?;
    let now = clock::to_unix(tenant.clock.now());
    if claims.exp <= now {
        return Err(denied(
            "Unauthorized request - reason of failure: The token is expired.",
        ));
    }
    if claims.tid != tenant.entra.tenant {
        return Err(denied(
            "Unauthorized request - reason of failure: Account is not provisioned.",
        ));
    }
    if !DEFENDER.is_audience(&claims.aud) {
        // The roles of a token for another resource never match: the same sentence, with those roles in its tail.
        let message = claims
            .need(&["Machine.Read.All", "Machine.ReadWrite.All"])
            .err()
            .unwrap_or_else(|| "Token audience is not accepted by this resource.".into());
        return Err(match tenant.quirks.wrong_audience {
            WrongAudience::Forbidden => Refusal::new(403, "Forbidden", message),
            WrongAudience::Unauthorized => Refusal::new(401, "Unauthorized", message),
        });
    }
    Ok(claims)
}

/// Reads the body of an action: an object whose names are case-sensitive.
pub fn body(ask: &Ask) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
    match serde_json::from_slice(&ask.body) {
        Ok(serde_json::Value::Object(map)) => Ok(map),
        _ => Err(Refusal::new(
            400,
            "InvalidRequestBody",
            "Request body is incorrect: a JSON object is expected.",
        )),
    }
}

/// The absolute address of the next page.
pub fn next_link(ask: &Ask, skip: usize) -> String {
    let mut link = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in super::odata::pairs(&ask.query) {
        if name.trim_start_matches('$') != "skip" {
            link.append_pair(&name, &value);
        }
    }
    link.append_pair("$skip", &skip.to_string());
    format!(
        "{}{}?{}",
        ask.base,
        ask.path,
        link.finish().replace("%24", "$")
    )
}

/// A time as a JSON string with seven digits, or null for 0.
pub fn push_time(out: &mut Vec<u8>, at: Ticks) {
    if at == 0 {
        out.extend_from_slice(b"null");
    } else {
        json::push_str(out, &clock::defender(at));
    }
}
