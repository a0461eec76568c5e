//! Managed identities: the two local endpoints that hand tokens to whoever runs on an Azure machine (IMDS)
//! or in App Service, without a secret of its own.
//!
//! Facts: Microsoft's pages "How to use managed identities … to acquire an access token" and "Use managed
//! identities for App Service". The identities are the applications of the directory that are `managed`; the
//! first is the one of the machine, the others are asked for by client, object or resource id.
//!
//! The addresses are `/metadata/identity/oauth2/token` and `/msi/token`. Real machines reach the first at
//! 169.254.169.254; clients take another from `AZURE_POD_IDENTITY_AUTHORITY_HOST`, and the second with its
//! header from `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.

use serde_json::{Value, json};

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::client::Proof;
use super::directory::App;
use super::token::Form;
use super::{Entra, scopes};

/// Path of the machine's endpoint.
pub const MACHINE: &str = "/metadata/identity/oauth2/token";
/// Path of App Service's endpoint.
pub const APP_SERVICE: &str = "/msi/token";

fn refused(status: u16, body: &Value, why: &str) -> Reply {
    let mut reply = Reply::value(status, body);
    reply.content_type = "application/json; charset=utf-8";
    reply.why = Some(why.into());
    reply
}

impl Entra {
    /// What App Service's endpoint wants in `X-IDENTITY-HEADER`.
    pub fn identity_header(&self) -> String {
        ids::sha256(self.seed, "identity header")[..32].to_uppercase()
    }

    /// Answers the endpoints of managed identities; `None` for any other path.
    pub(super) fn managed(&self, ask: &Ask, now: Ticks) -> Option<Reply> {
        let machine = match ask.path.trim_end_matches('/') {
            MACHINE => true,
            APP_SERVICE => false,
            _ => return None,
        };
        let refuse = |status, error: &str, message: &str| {
            let body = if machine {
                json!({"error": error, "error_description": message})
            } else {
                json!({"statusCode": status, "message": message, "correlationId": ask.request_id})
            };
            refused(status, &body, message)
        };
        if ask.method != axum::http::Method::GET {
            return Some(refuse(405, "bad_request", "Only GET is allowed."));
        }
        if machine {
            // Nobody may be led to ask on another's behalf.
            if ask.header("x-forwarded-for").is_some() {
                let words = "Requests with an X-Forwarded-For header are not served.";
                return Some(refuse(400, "bad_request_101", words));
            }
            if ask.header("metadata") != Some("true") {
                let words = "Required metadata header not specified";
                return Some(refuse(400, "bad_request_102", words));
            }
        } else if ask.header("x-identity-header") != Some(&self.identity_header()) {
            return Some(refuse(
                401,
                "",
                "Unauthorized: X-IDENTITY-HEADER is not this site's.",
            ));
        }
        let Ok(form) = Form::read(ask.query.as_bytes()) else {
            return Some(refuse(
                400,
                "invalid_request",
                "A parameter is given twice.",
            ));
        };
        let version = form.get("api-version");
        let oldest = if machine { "2018-02-01" } else { "2019-08-01" };
        if version.is_none_or(|v| v.len() != 10 || v < oldest) {
            let words = format!(
                "The api-version '{}' is invalid or missing; use {oldest}.",
                version.unwrap_or_default()
            );
            return Some(refuse(400, "invalid_request", &words));
        }
        let Some(resource) = form.get("resource") else {
            return Some(refuse(
                400,
                "invalid_request",
                "Required query parameter 'resource' not specified",
            ));
        };
        let Some(app) = self.identity(&form) else {
            return Some(refuse(400, "invalid_request", "Identity not found"));
        };
        let wanted = {
            let grants = self
                .grants
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            scopes::resource_named(resource, &grants)
        };
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(refusal) => {
                return Some(refuse(400, "invalid_resource", &refusal.sentence(ask, now)));
            }
        };
        let (token, lifetime) =
            self.application_token(&ask.base, app, Proof::Certificate, &wanted, now, &[]);
        let expires = clock::to_unix(now) + lifetime.as_secs() as i64;
        let mut body = json!({
            "access_token": token,
            "client_id": app.id,
            "expires_on": expires.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        if machine {
            body["expires_in"] = (lifetime.as_secs().saturating_sub(1)).to_string().into();
            body["ext_expires_in"] = body["expires_in"].clone();
            body["not_before"] = clock::to_unix(now).to_string().into();
        }
        let mut reply = Reply::value(200, &body);
        reply.content_type = "application/json; charset=utf-8";
        reply.headers.push(("cache-control", "no-store".into()));
        Some(reply)
    }

    /// The identity a request means: the machine's own, unless it names another.
    fn identity(&self, form: &Form) -> Option<&App> {
        let mut all = self.directory.apps.iter().filter(|app| app.managed);
        let named = |name: &str| form.get(name);
        if let Some(id) = named("client_id") {
            return all.find(|app| app.id.eq_ignore_ascii_case(id));
        }
        if let Some(id) = named("object_id").or(named("principal_id")) {
            return all.find(|app| app.principal.eq_ignore_ascii_case(id));
        }
        if let Some(id) = named("msi_res_id").or(named("mi_res_id")) {
            let name = id.rsplit('/').next().unwrap_or_default();
            return all.find(|app| app.name.eq_ignore_ascii_case(name));
        }
        all.next()
    }
}
