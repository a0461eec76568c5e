//! Microsoft Graph security as the tenant serves it: `/v1.0/security/…`.
//!
//! Facts: the Graph fact sheet. What a page of documentation and the field disagree on follows the field.

pub mod alerts;
pub mod hunting;
pub mod incidents;
pub mod list;

use std::sync::Arc;

use axum::http::Method;

use super::clock;
use super::entra::{Claims, GRAPH};
use super::http::{Ask, Reply};
use super::json;
use super::odata::{self, Cursor};
use super::server::Tenant;

/// What documents say they were made from.
pub const METADATA: &str = "https://graph.microsoft.com/v1.0/$metadata#";

/// A refusal on its way to a client.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Service code.
    pub code: &'static str,
    /// The service's sentence.
    pub message: String,
    /// What the log says, when the client is told less.
    pub why: Option<String>,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            why: None,
        }
    }

    /// 400 with the usual code.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The body Graph sends.
    pub fn reply(self, ask: &Ask, now: clock::Ticks) -> Reply {
        let date = clock::graph(now - now.rem_euclid(clock::SECOND));
        let client = ask.header("client-request-id").unwrap_or(&ask.request_id);
        let body = format!(
            "{{\"error\":{{\"code\":{},\"message\":{},\"innerError\":{{\"date\":\"{}\",\"request-id\":{},\"client-request-id\":{}}}}}}}",
            json::quoted(self.code),
            json::quoted(&self.message),
            date.trim_end_matches('Z'),
            json::quoted(&ask.request_id),
            json::quoted(client),
        );
        let mut reply = Reply::json(self.status, body.into_bytes());
        reply.content_type = "application/json";
        if self.status == 401 {
            reply.headers.push((
                "www-authenticate",
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
                 client_id=\"00000003-0000-0000-c000-000000000000\""
                    .into(),
            ));
        }
        reply.why = Some(match self.why {
            Some(why) => why,
            None if self.code.is_empty() => self.message,
            None => format!("{}: {}", self.code, self.message),
        });
        reply
    }
}

/// Answers a request below `/v1.0`.
pub async fn answer(tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    let now = tenant.clock.now();
    match route(tenant, ask).await {
        Ok(reply) => reply,
        Err(refusal) => refusal.reply(ask, now),
    }
}

async fn route(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    let claims = authorize(tenant, ask)?;
    let parts: Vec<&str> = ask.path.split('/').filter(|p| !p.is_empty()).collect();
    let unknown = || {
        Refusal::bad(format!(
            "Resource not found for the segment '{}'.",
            parts.last().copied().unwrap_or_default()
        ))
    };
    if parts.first().copied() != Some("v1.0") {
        return Err(Refusal::bad(format!(
            "Invalid version: {}",
            parts.first().copied().unwrap_or_default()
        )));
    }
    if parts.get(1).map(|p| p.to_ascii_lowercase()).as_deref() != Some("security") {
        return Err(unknown());
    }
    // Keys come as `incidents/4127` or as `incidents('4127')`.
    let (collection, inline) = parts.get(2).map_or(("", None), |p| key_of(p));
    let mut rest: Vec<&str> = inline.into_iter().collect();
    rest.extend(parts.iter().skip(3));
    let need = |roles: &[&str]| {
        claims
            .need(roles)
            .map_err(|m| Refusal::new(403, "Forbidden", m))
    };
    let read_incidents = [
        "SecurityIncident.Read.All",
        "SecurityIncident.ReadWrite.All",
    ];
    let read_alerts = ["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
    match (
        &ask.method,
        collection.to_ascii_lowercase().as_str(),
        rest.as_slice(),
    ) {
        (&Method::GET, "incidents", []) => {
            need(&read_incidents)?;
            incidents::list(tenant, ask)
        }
        (&Method::GET, "incidents", [id]) => {
            need(&read_incidents)?;
            incidents::get(tenant, ask, id)
        }
        (&Method::PATCH, "incidents", [id]) => {
            need(&["SecurityIncident.ReadWrite.All"])?;
            incidents::patch(tenant, ask, id, &claims)
        }
        (&Method::POST, "incidents", [id, "comments"]) => {
            need(&["SecurityIncident.ReadWrite.All"])?;
            incidents::comment(tenant, ask, id, &claims)
        }
        (&Method::GET, "alerts_v2", []) => {
            need(&read_alerts)?;
            alerts::list(tenant, ask)
        }
        (&Method::GET, "alerts_v2", [id]) => {
            need(&read_alerts)?;
            alerts::get(tenant, ask, id)
        }
        (&Method::PATCH, "alerts_v2", [id]) => {
            need(&["SecurityAlert.ReadWrite.All"])?;
            alerts::patch(tenant, ask, id)
        }
        (&Method::POST, "alerts_v2", [id, "comments"]) => {
            need(&["SecurityAlert.ReadWrite.All"])?;
            alerts::comment(tenant, ask, id, &claims)
        }
        (&Method::POST, "runhuntingquery" | "microsoft.graph.security.runhuntingquery", []) => {
            need(&["ThreatHunting.Read.All"])?;
            hunting::run(tenant, ask).await
        }
        (_, "incidents" | "alerts_v2" | "runhuntingquery", [] | [_]) => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The request method is not allowed for this resource.",
        )),
        _ => Err(unknown()),
    }
}

fn key_of(segment: &str) -> (&str, Option<&str>) {
    match segment.split_once('(') {
        Some((name, key)) => (name, key.strip_suffix(')').map(|k| k.trim_matches('\''))),
        None => (segment, None),
    }
}

/// Checks the token in Graph's own words.
fn authorize(tenant: &Tenant, ask: &Ask) -> Result<Claims, Refusal> {
    let denied = |message: &str| Refusal::new(401, "InvalidAuthenticationToken", message);
    let token = ask
        .header("authorization")
        .and_then(|v| {
            v.strip_prefix("Bearer ")
                .or_else(|| v.strip_prefix("bearer "))
        })
        .ok_or_else(|| denied("Access token is empty."))?;
    let claims = tenant
        .entra
        .verify(token)
        .map_err(|_| denied("IDX10516: Signature validation failed."))?;
    let now = clock::to_unix(tenant.clock.now());
    if claims.exp <= now {
        return Err(denied("Lifetime validation failed, the token is expired."));
    }
    if claims.nbf > now + 300 {
        return Err(denied(
            "Lifetime validation failed, the token is not yet valid.",
        ));
    }
    if claims.tid != tenant.entra.tenant {
        return Err(denied("Access token validation failure. Invalid tenant."));
    }
    if !GRAPH.is_audience(&claims.aud) {
        return Err(denied("Access token validation failure. Invalid audience."));
    }
    Ok(claims)
}

/// The absolute address of the next page: the same options, with where to go on.
pub fn next_link(ask: &Ask, cursor: &Cursor) -> String {
    let mut link = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in odata::pairs(&ask.query) {
        let bare = name.trim_start_matches('$').to_ascii_lowercase();
        if bare != "skip" && bare != "skiptoken" && bare != "count" {
            link.append_pair(&name, &value);
        }
    }
    link.append_pair("$skiptoken", &cursor.token());
    // Graph leaves the dollar signs as they are.
    format!(
        "{}{}?{}",
        ask.base,
        ask.path,
        link.finish().replace("%24", "$")
    )
}

/// Reads a JSON object from a body.
pub fn object(ask: &Ask) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
    match serde_json::from_slice(&ask.body) {
        Ok(serde_json::Value::Object(map)) => Ok(map),
        Ok(_) => Err(Refusal::bad("Empty Payload. JSON content expected.")),
        Err(error) => Err(Refusal::bad(format!(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format. {error}"
        ))),
    }
}

/// The text of a posted comment: one object, or (as generated clients send it) an array with one.
pub fn comment_text(ask: &Ask) -> Result<String, Refusal> {
    let body: serde_json::Value = serde_json::from_slice(&ask.body)
        .map_err(|_| Refusal::bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."))?;
    let comment = match &body {
        serde_json::Value::Array(list) => list.first(),
        other => Some(other),
    };
    let text = comment
        .and_then(|c| c.get("comment"))
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::bad("Comment cannot be empty."));
    }
    if text.chars().count() > 30_000 {
        return Err(Refusal::bad(
            "Comment is too long: at most 30000 characters are allowed.",
        ));
    }
    Ok(text.into())
}

/// Appends comments as an array.
pub fn push_comments(out: &mut Vec<u8>, comments: &[super::world::Comment]) {
    out.push(b'[');
    for (at, comment) in comments.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let mut object = json::Object::open(out, None);
        object.str("@odata.type", "#microsoft.graph.security.alertComment");
        object.str("comment", &comment.text);
        object.str("createdByDisplayName", &comment.by);
        object.time("createdDateTime", comment.at);
        object.close();
    }
    out.push(b']');
}

/// The value of a member in a PATCH, checked.
pub fn member(
    name: &str,
    value: &serde_json::Value,
    members: &[&str],
    writable: &[&str],
    of: &str,
) -> Result<u8, Refusal> {
    let text = value.as_str().unwrap_or_default();
    let place = super::words::place(members, text).ok_or_else(|| {
        Refusal::bad(format!("Requested value '{text}' was not found. Cannot convert it to the expected type 'microsoft.graph.security.{of}'."))
    })?;
    let member = members[place as usize];
    if !writable.is_empty() && !writable.contains(&member) {
        return Err(Refusal::bad(format!(
            "The value '{member}' of property '{name}' is set by the service and cannot be written."
        )));
    }
    Ok(place)
}

/// An assignee in a PATCH: a text, or null (or nothing) for nobody.
pub fn assignee(value: &serde_json::Value) -> Result<&str, Refusal> {
    match value {
        serde_json::Value::Null => Ok(""),
        serde_json::Value::String(text) => Ok(text.trim()),
        _ => Err(Refusal::bad(
            "Cannot convert the literal of property 'assignedTo' to the expected type 'Edm.String'.",
        )),
    }
}

/// A text in a PATCH.
pub fn text_or_null(name: &str, value: &serde_json::Value) -> Result<Option<String>, Refusal> {
    match value {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Refusal::bad(format!(
            "Cannot convert the literal of property '{name}' to the expected type 'Edm.String'."
        ))),
    }
}

/// The refusal of a property that is not written by clients.
pub fn not_writable(name: &str, of: odata::Type) -> Refusal {
    if of.properties.iter().any(|p| p.name == name) {
        Refusal::bad(format!(
            "The property '{name}' on type '{}' is read-only and cannot be updated.",
            of.name
        ))
    } else {
        Refusal::bad(format!(
            "The property '{name}' does not exist on type '{}'. Make sure to only use property names that are defined by the type.",
            of.name
        ))
    }
}
