//! Microsoft Graph security as the tenant serves it: `/v1.0/security/…` and `/beta/…`.
//!
//! Facts: the Graph fact sheet. What a page of documentation and the field disagree on follows the field.
//! `routes` is the table of endpoints; this file checks tokens and media types and finds the row.

pub mod alerts;
pub mod batch;
mod bodies;
pub mod hunting;
mod hunting_schema;
pub mod identities;
pub mod incidents;
pub mod list;
pub mod mail;
mod mail_json;
mod merge;
pub mod risky;
pub mod routes;
pub mod tasks;
pub mod users;

use std::sync::Arc;

use super::clock;
use super::clouds::Cloud;
use super::entra::{Claims, GRAPH};
use super::http::{Ask, Reply};
use super::json;
use super::odata::{self, Cursor};
use super::quirks::RawQuotes;
use super::tenant::Tenant;
pub use bodies::object;
use routes::{Call, Target};

/// What documents of version 1 say they were made from.
pub const METADATA: &str = "https://graph.microsoft.com/v1.0/$metadata#";

/// What documents of a version say they were made from.
pub fn metadata(ask: &Ask) -> &'static str {
    if is_beta(ask) {
        "https://graph.microsoft.com/beta/$metadata#"
    } else {
        METADATA
    }
}

/// Whether a request is for the beta version.
pub fn is_beta(ask: &Ask) -> bool {
    ask.path
        .get(..6)
        .is_some_and(|p| p.eq_ignore_ascii_case("/beta/"))
}

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
    /// The claims that the next token must have, base64url: what a challenge carries.
    pub claims: Option<String>,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            why: None,
            claims: None,
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
            let mut challenge = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
                 client_id=\"00000003-0000-0000-c000-000000000000\""
                .to_owned();
            if let Some(claims) = &self.claims {
                challenge += ", error=\"insufficient_claims\", claims=\"";
                challenge += claims;
                challenge.push('"');
            }
            reply.headers.push(("www-authenticate", challenge));
        }
        reply.why = Some(match self.why {
            Some(why) => why,
            None if self.code.is_empty() => self.message,
            None => format!("{}: {}", self.code, self.message),
        });
        reply
    }
}

/// Answers a request below `/v1.0` or `/beta`.
pub async fn answer(tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    let now = tenant.clock.now();
    let mut reply = match route(tenant, ask).await {
        Ok(reply) => {
            if ask.method != axum::http::Method::GET {
                tenant.learn_accounts();
            }
            reply
        }
        Err(refusal) => refusal.reply(ask, now),
    };
    for (name, value) in &mut reply.headers {
        if *name == "www-authenticate" {
            *value = value.replace(Cloud::Global.authority(), tenant.cloud.authority());
        }
    }
    if ask.takes_unknown_members() && reply.status < 300 {
        reply.headers.push((
            "preference-applied",
            "include-unknown-enum-members".to_owned(),
        ));
    }
    if ask.header("client-request-id").is_none() {
        reply
            .headers
            .push(("client-request-id", ask.request_id.clone()));
    }
    reply
}

async fn route(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    let claims = authorize(tenant, ask)?;
    let (route, key) = Target::of(&ask.path)?.find(&ask.method, tenant.cloud)?;
    media(ask, route.call)?;
    if tenant.quirks.raw_quotes == RawQuotes::Refused && ask.query.contains('\'') {
        return Err(Refusal::bad(
            "A potentially dangerous Request.QueryString value was detected from the client.",
        ));
    }
    route.admits(&claims)?;
    match route.call {
        Call::Incidents => incidents::list(tenant, ask),
        Call::IncidentCount => incidents::count(tenant, ask),
        Call::Incident => incidents::get(tenant, ask, key),
        Call::UpdateIncident => incidents::patch(tenant, ask, key, &claims),
        Call::CommentIncident => incidents::comment(tenant, ask, key, &claims),
        Call::MergeIncidents => merge::merge(tenant, ask, &claims),
        Call::Alerts => alerts::list(tenant, ask),
        Call::AlertCount => alerts::count(tenant, ask),
        Call::Alert => alerts::get(tenant, ask, key),
        Call::UpdateAlert => alerts::patch(tenant, ask, key),
        Call::CommentAlert => alerts::comment(tenant, ask, key, &claims),
        Call::MoveAlerts => merge::relocate(tenant, ask, &claims),
        Call::Hunt => hunting::run(tenant, ask).await,
        Call::HuntingSchema => hunting_schema::get(tenant, ask),
        Call::Mails => mail::list(tenant, ask),
        Call::Mail => mail::get(tenant, ask, key),
        Call::RemediateMails => mail::remediate(tenant, ask, &claims),
        Call::Identities => identities::list(tenant, ask),
        Call::Identity => identities::get(tenant, ask, key),
        Call::InvokeAction => identities::invoke(tenant, ask, key),
        Call::Users => users::list(tenant, ask),
        Call::User => users::get(tenant, ask, key),
        Call::UpdateUser => users::patch(tenant, ask, key),
        Call::RevokeSessions => users::revoke(tenant, ask, key),
        Call::RiskyUsers => risky::list(tenant, ask),
        Call::RiskyUserCount => risky::count(tenant, ask),
        Call::RiskyUser => risky::get(tenant, ask, key),
        Call::ConfirmCompromised => risky::decide(tenant, ask, risky::Decision::Compromised),
        Call::ConfirmSafe => risky::decide(tenant, ask, risky::Decision::Safe),
        Call::DismissRisk => risky::decide(tenant, ask, risky::Decision::Dismissed),
        Call::Tasks => tasks::list(tenant, ask),
        Call::Task => tasks::get(tenant, ask, key),
        Call::ExecuteTask => tasks::execute(tenant, key, &claims),
        Call::Batch => batch::run(tenant, ask).await,
    }
}

/// Whether an `Accept` takes a media type.
fn accepts(ask: &Ask, media: &str) -> bool {
    let family = media.split('/').next().unwrap_or_default();
    let mut given = false;
    for part in ask
        .headers
        .get_all("accept")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
    {
        let kind = part.split(';').next().unwrap_or_default().trim();
        if kind.is_empty() {
            continue;
        }
        given = true;
        let any = kind == "*/*" || kind.strip_suffix("/*") == Some(family);
        if any || kind.eq_ignore_ascii_case(media) {
            return true;
        }
    }
    !given
}

/// Checks the media types: what the client takes, and what it says its body is.
fn media(ask: &Ask, call: Call) -> Result<(), Refusal> {
    let counts = matches!(
        call,
        Call::IncidentCount | Call::AlertCount | Call::RiskyUserCount
    );
    let offered = if counts {
        "text/plain"
    } else {
        "application/json"
    };
    if !accepts(ask, offered) {
        return Err(Refusal::new(
            415,
            "UnsupportedMediaType",
            format!(
                "A supported MIME type could not be found that matches the acceptable MIME types for the request. The supported type(s) '{offered}' do not match any of the acceptable MIME types '{}'.",
                ask.header("accept").unwrap_or_default()
            ),
        ));
    }
    if ask.body.is_empty() {
        return Ok(());
    }
    let Some(given) = ask.header("content-type") else {
        return Err(Refusal::bad(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration.",
        ));
    };
    let kind = given.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(
            415,
            "UnsupportedMediaType",
            format!(
                "A supported MIME type could not be found that matches the content type of the request. None of the supported type(s) 'application/json' matches the content type '{given}'."
            ),
        ));
    }
    Ok(())
}

/// The answer of a `/$count` segment: a bare number.
fn bare_count(count: usize) -> Reply {
    let mut reply = Reply::json(200, count.to_string().into_bytes());
    reply.content_type = "text/plain";
    reply
}

/// An answer without a body.
fn no_content() -> Reply {
    Reply::json(204, Vec::new())
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
    if !GRAPH.is_audience_in(tenant.cloud, &claims.aud) {
        return Err(denied("Access token validation failure. Invalid audience."));
    }
    if let Some(wanted) = tenant.entra.challenge(&claims) {
        let mut refusal = denied(
            "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
        );
        refusal.claims = Some(wanted);
        return Err(refusal);
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

/// The answer to a posted comment: all comments, newest last.
fn comment_list(ask: &Ask, of: &str, id: &str, comments: &[super::world::Comment]) -> Reply {
    let mut out = Vec::new();
    let mut document = json::Object::open(&mut out, None);
    document.str(
        "@odata.context",
        &format!("{}security/{of}('{id}')/comments", metadata(ask)),
    );
    document.always("value");
    push_comments(document.out, comments);
    document.close();
    Reply::json(200, out)
}
