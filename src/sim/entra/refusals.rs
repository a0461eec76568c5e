//! The refusals of the sign-in service: AADSTS documents, as a table.
//!
//! Facts: the Defender for Endpoint sheet, section 3 "Token-endpoint errors". Nothing is decided here.

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};

/// One kind of refusal. `{0}`, `{1}` … in the sentence are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The number after `AADSTS`.
    pub code: u32,
    /// HTTP status.
    pub status: u16,
    /// OAuth 2 error.
    pub error: &'static str,
    /// A finer reason that identity libraries act on; empty where there is none.
    pub suberror: &'static str,
    /// The sentence.
    pub text: &'static str,
}

const fn kind(code: u32, status: u16, error: &'static str, text: &'static str) -> Kind {
    Kind {
        code,
        status,
        error,
        suberror: "",
        text,
    }
}

const fn sub(kind: Kind, suberror: &'static str) -> Kind {
    Kind { suberror, ..kind }
}

/// The tenant does not exist.
pub const NO_TENANT: Kind = kind(
    90_002,
    400,
    "invalid_request",
    "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
);
/// The same, where a discovery document was asked for.
pub const NO_TENANT_TO_DISCOVER: Kind = kind(90_002, 400, "invalid_tenant", NO_TENANT.text);
/// An application cannot sign in without saying where.
pub const TENANTLESS: Kind = kind(
    50_059,
    400,
    "invalid_request",
    "No tenant-identifying information found in either the request or implied by any provided credentials.",
);
/// The authority asked about is none of Entra's.
pub const BAD_INSTANCE: Kind = kind(
    50_049,
    400,
    "invalid_instance",
    "Unknown or invalid instance.",
);
/// A parameter is missing.
pub const MISSING: Kind = kind(
    900_144,
    400,
    "invalid_request",
    "The request body must contain the following parameter: '{0}'.",
);
/// A parameter stands there twice.
pub const TWICE: Kind = kind(
    9_000_411,
    400,
    "invalid_request",
    "The request is not properly formatted. The parameter '{0}' is duplicated.",
);
/// The grant is unknown.
pub const BAD_GRANT_TYPE: Kind = kind(
    70_003,
    400,
    "unsupported_grant_type",
    "The app requested an unsupported grant type '{0}'.",
);
/// `resource` does not exist at the v2 endpoint.
pub const RESOURCE_ON_V2: Kind = kind(
    901_002,
    400,
    "invalid_request",
    "The 'resource' request parameter is not supported.",
);
/// The application is not in this tenant.
pub const NO_APP: Kind = kind(
    700_016,
    400,
    "unauthorized_client",
    "Application with identifier '{0}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
);
/// An application came without any proof.
pub const NO_PROOF: Kind = kind(
    7_000_216,
    401,
    "invalid_client",
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
);
/// The registration takes no public clients.
pub const NOT_PUBLIC: Kind = kind(
    7_000_218,
    401,
    "invalid_client",
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
);
/// The secret is wrong.
pub const BAD_SECRET: Kind = kind(
    7_000_215,
    401,
    "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'.",
);
/// The secret has expired.
pub const OLD_SECRET: Kind = kind(
    7_000_222,
    401,
    "invalid_client",
    "The provided client secret keys for app '{0}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
);
/// The scope cannot be read.
pub const BAD_SCOPE: Kind = kind(
    70_011,
    400,
    "invalid_scope",
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
);
/// The resource is not in this tenant.
pub const NO_RESOURCE: Kind = kind(
    500_011,
    400,
    "invalid_resource",
    "The resource principal named {0} was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
);
/// Nobody consented.
pub const NO_CONSENT: Kind = sub(
    kind(
        65_001,
        400,
        "invalid_grant",
        "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
    ),
    "consent_required",
);

/// A refusal on its way to a client.
#[derive(Debug)]
pub struct Aadsts {
    /// What kind.
    pub kind: Kind,
    /// The sentence, filled in.
    pub message: String,
}

impl Kind {
    /// A refusal of this kind with the blanks of its sentence filled in.
    pub fn of(self, blanks: &[&str]) -> Aadsts {
        let mut message = self.text.to_owned();
        for (at, blank) in blanks.iter().enumerate() {
            message = message.replace(&format!("{{{at}}}"), blank);
        }
        Aadsts {
            kind: self,
            message,
        }
    }
}

impl From<Kind> for Aadsts {
    fn from(kind: Kind) -> Self {
        kind.of(&[])
    }
}

impl Aadsts {
    /// The sentence as it appears in documents and on pages.
    pub fn sentence(&self, ask: &Ask, now: Ticks) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.kind.code,
            self.message,
            ask.request_id,
            correlation(ask),
            stamp(now)
        )
    }

    /// The document Entra sends.
    pub fn reply(self, ask: &Ask, now: Ticks) -> Reply {
        let mut body = serde_json::json!({
            "error": self.kind.error,
            "error_description": self.sentence(ask, now),
            "error_codes": [self.kind.code],
            "timestamp": stamp(now),
            "trace_id": ask.request_id,
            "correlation_id": correlation(ask),
            "error_uri": format!("{}/error?code={}", ask.base, self.kind.code),
        });
        if !self.kind.suberror.is_empty() {
            body["suberror"] = self.kind.suberror.into();
        }
        let mut reply = Reply::value(self.kind.status, &body);
        reply.content_type = "application/json; charset=utf-8";
        reply
            .headers
            .push(("cache-control", "no-store, no-cache".into()));
        reply.why = Some(format!("AADSTS{}: {}", self.kind.code, self.message));
        reply
    }
}

fn correlation(ask: &Ask) -> &str {
    ask.header("client-request-id").unwrap_or(&ask.request_id)
}

/// `2026-08-19 07:02:10Z`.
fn stamp(now: Ticks) -> String {
    clock::graph(now - now.rem_euclid(clock::SECOND)).replace('T', " ")
}
