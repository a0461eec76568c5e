//! Defender for Endpoint as the tenant serves it: `/api/…`.
//!
//! `routes` is the table of all paths; every path's file says what it answers. Facts: the Defender for
//! Endpoint fact sheet.

pub mod actions;
mod alert_create;
mod alert_write;
mod alerts;
pub mod blobs;
mod call;
pub mod effects;
mod facts;
mod hunting;
mod indicator_batch;
mod indicators;
mod inventory;
mod investigations;
mod library;
mod live;
mod machine_write;
mod machines;
mod pivots;
pub mod routes;
pub mod state;
mod support;

use std::sync::Arc;

use super::clock;
use super::entra::{Claims, DEFENDER, XDR};
use super::http::{Ask, Reply};
use super::json;
use super::quirks::{
    Account, DefenderCae, ForbiddenWords, ReadRoles, VulnerabilityLicence, WrongAudience,
};
use super::tenant::Tenant;
use call::Call;
pub use pivots::{place as place_of, profile as file_profile};
use routes::{Does, Route};

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
    /// Why, for the log alone, where that is not the sentence.
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
        if let Some(claims) = &self.claims {
            let challenge = format!(
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
                 client_id=\"{}\", error=\"insufficient_claims\", claims=\"{claims}\"",
                DEFENDER.app_id
            );
            reply.headers.push(("www-authenticate", challenge));
        }
        reply.why = Some(format!(
            "{}: {}",
            self.code,
            self.why.as_deref().unwrap_or(&self.message)
        ));
        reply
    }
}

/// Answers a request below `/api`.
pub async fn answer(tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    let answer = route(tenant, ask).await;
    answer.unwrap_or_else(|refusal| refusal.reply(ask))
}

async fn route(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    let parts = routes::segments(&ask.path);
    let found = routes::find(ask.method.as_str(), &parts);
    let claims = authorize(tenant, ask)?;
    let found = found.map_err(|other_method| {
        if other_method {
            return Refusal::new(
                405,
                "MethodNotAllowed",
                format!(
                    "The requested resource does not support http method '{}'.",
                    ask.method
                ),
            );
        }
        Refusal::new(
            404,
            "NotFound",
            format!(
                "No HTTP resource was found that matches the request URI '{}'.",
                ask.path
            ),
        )
    })?;
    audience(tenant, &claims, found.route)?;
    bought(tenant, found.route)?;
    permit(tenant, &claims, found.route)?;
    reach(tenant, &claims, &parts)?;
    let call = Call {
        tenant,
        ask,
        claims: &claims,
        args: found.args,
        counting: found.counting,
        now: tenant.clock.now(),
    };
    match found.route.does {
        Does::Now(answer) => answer(&call),
        Does::Upload => library::upload(&call).await,
        Does::FromRow => alert_create::by_reference(&call).await,
        Does::Query(service) => hunting::run(&call, service).await,
    }
}

/// Whether the tenant has what the path belongs to.
fn bought(tenant: &Tenant, route: &Route) -> Result<(), Refusal> {
    let reason = match tenant.quirks.account {
        Account::Inactive => "Account mode is inactive",
        Account::Unprovisioned => "Account is not provisioned",
        Account::Active
            if tenant.quirks.vulnerability_licence == VulnerabilityLicence::Missing
                && routes::is_vulnerability_management(route) =>
        {
            "No Tvm license"
        }
        Account::Active => return Ok(()),
    };
    Err(Refusal::new(
        401,
        "Unauthorized",
        format!("Unauthorized request - reason of failure: {reason}"),
    ))
}

/// Whether the token allows a path. Reads are refused in the newer words, writes in the older ones.
fn permit(tenant: &Tenant, claims: &Claims, route: &Route) -> Result<(), Refusal> {
    let need = route.need;
    let roles = match tenant.quirks.read_roles {
        _ if claims.is_person() && !need.people.is_empty() => need.people,
        ReadRoles::Rewritten if need.rewritten => &need.roles[need.roles.len() - 1..],
        _ => need.roles,
    };
    let Err(message) = claims.need(roles) else {
        return Ok(());
    };
    let older = match tenant.quirks.forbidden_words {
        ForbiddenWords::Mixed => need.older_words,
        ForbiddenWords::Newer => false,
        ForbiddenWords::Older => true,
    };
    let message = if older && !claims.is_person() {
        format!(
            "The application does not have any of the required application permissions ({}) to access the resource.",
            roles.join(", ")
        )
    } else {
        message
    };
    Err(Refusal::new(403, "Forbidden", message))
}

/// Whether the person's role reaches the device that a path names: roles are given for device groups.
fn reach(tenant: &Tenant, claims: &Claims, parts: &[&str]) -> Result<(), Refusal> {
    let groups = tenant.entra.device_groups(&claims.oid);
    let [set, id, ..] = parts else {
        return Ok(());
    };
    if groups.is_empty() || !set.eq_ignore_ascii_case("machines") {
        return Ok(());
    }
    let world = tenant.world();
    let machine = world.find_machine(id);
    let machine = machine.map(|place| &world.machines[place as usize]);
    match machine {
        Some(machine) if !groups.contains(&machine.group) => Err(Refusal::new(
            403,
            "Forbidden",
            format!(
                "The user {} has no permission for devices of the group {}.",
                claims.actor(),
                machine.group
            ),
        )),
        _ => Ok(()),
    }
}

/// Checks the token, whatever it is for, in this service's own words.
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
    if tenant.quirks.defender_cae == DefenderCae::On
        && let Some(wanted) = tenant.entra.challenge(&claims)
    {
        let mut refusal = denied(
            "Unauthorized request - reason of failure: Continuous access evaluation resulted in challenge.",
        );
        refusal.claims = Some(wanted);
        return Err(refusal);
    }
    Ok(claims)
}

/// Checks in this service's own words that the token is for it: another audience is 403, not 401. The roles
/// of a token for another resource never match: the sentence names those the path asks for, and those.
fn audience(tenant: &Tenant, claims: &Claims, route: &Route) -> Result<(), Refusal> {
    let taken = match route.does {
        Does::Query(hunting::Service::Xdr) => XDR.is_audience_in(tenant.cloud, &claims.aud),
        _ => tenant.entra.defender_takes(&claims.aud),
    };
    if taken {
        return Ok(());
    }
    let mut refusal = permit(tenant, claims, route).err().unwrap_or_else(|| {
        let words = "Token audience is not accepted by this resource.";
        Refusal::new(403, "Forbidden", words)
    });
    if tenant.quirks.wrong_audience == WrongAudience::Unauthorized {
        (refusal.status, refusal.code) = (401, "Unauthorized");
    }
    refusal.why = Some(format!(
        "the token is for {}, not for this service",
        claims.aud
    ));
    Err(refusal)
}
