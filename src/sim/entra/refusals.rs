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

/// An assertion comes with its type.
pub const BAD_ASSERTION_TYPE: Kind = kind(
    70_002,
    400,
    "invalid_request",
    "The request body must contain the following parameter: 'client_assertion_type' with the value 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
);
/// An assertion is no JWT, or lacks a claim.
pub const BAD_JWT: Kind = kind(
    50_027,
    400,
    "invalid_request",
    "JWT token is invalid or malformed.",
);
/// The assertion's algorithm is not taken.
pub const BAD_ALGORITHM: Kind = kind(
    5_002_738,
    401,
    "invalid_client",
    "Invalid JWT token. '{0}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, PS256, ES256'.",
);
/// No registered certificate has this thumbprint.
pub const NO_KEY: Kind = kind(
    700_027,
    401,
    "invalid_client",
    "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{0}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app.]",
);
/// The signature is not of the certificate it names.
pub const BAD_SIGNATURE: Kind = kind(
    700_027,
    401,
    "invalid_client",
    "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value., Thumbprint of key used by client: '{0}']",
);
/// The assertion speaks for another application.
pub const ASSERTION_CLIENT: Kind = kind(
    700_021,
    401,
    "invalid_client",
    "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
);
/// The assertion is addressed to somebody else.
pub const ASSERTION_AUDIENCE: Kind = kind(
    700_023,
    401,
    "invalid_client",
    "Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
);
/// The assertion is too old or too young.
pub const ASSERTION_TIME: Kind = kind(
    700_024,
    401,
    "invalid_client",
    "Client assertion is not within its valid time range. Current time: {0}, expiry time of assertion {1}. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
);
/// The assertion was used before.
pub const ASSERTION_REPLAYED: Kind = kind(
    700_024,
    401,
    "invalid_client",
    "Client assertion has been used before.",
);
/// Nobody registered this foreign issuer.
pub const FOREIGN_ISSUER: Kind = kind(
    700_211,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion issuer '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
);
/// The foreign assertion is addressed to somebody else.
pub const FOREIGN_AUDIENCE: Kind = kind(
    700_212,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion audience '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
);
/// Nobody registered this subject.
pub const FOREIGN_SUBJECT: Kind = kind(
    700_213,
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion subject '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
);
/// The scopes name several resources.
pub const TWO_RESOURCES: Kind = kind(
    28_000,
    400,
    "invalid_request",
    "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {0} is not valid.",
);
/// `.default` stands beside single scopes.
pub const MIXED_DEFAULT: Kind = kind(
    70_011,
    400,
    "invalid_scope",
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. .default scope can't be combined with resource-specific scopes. The scope {0} is not valid.",
);
/// The resource has no such permission.
pub const NO_SCOPE: Kind = kind(
    650_053,
    400,
    "invalid_client",
    "The application '{0}' asked for scope '{1}' that doesn't exist on the resource '{2}'. Contact the app vendor.",
);
/// Nobody has this name.
pub const NO_USER: Kind = kind(
    50_034,
    400,
    "invalid_grant",
    "The user account {0} does not exist in the Contoso directory. To sign into this application, the account must be added to the directory.",
);
/// The password is wrong.
pub const BAD_PASSWORD: Kind = kind(
    50_126,
    400,
    "invalid_grant",
    "Error validating credentials due to invalid username or password.",
);
/// A second factor is needed.
pub const NEEDS_MFA: Kind = sub(
    kind(
        50_076,
        400,
        "invalid_grant",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
    ),
    "basic_action",
);
/// The same in the words of the first generation.
pub const NEEDS_MFA_V1: Kind = Kind {
    error: "interaction_required",
    ..NEEDS_MFA
};
/// Conditional Access blocks.
pub const BLOCKED: Kind = sub(
    kind(
        53_003,
        400,
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    "message_only",
);
/// The account is disabled.
pub const DISABLED: Kind = kind(
    50_057,
    400,
    "invalid_grant",
    "The user account is disabled.",
);
/// The account is locked.
pub const LOCKED: Kind = kind(
    50_053,
    400,
    "invalid_grant",
    "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
);
/// The password has run out.
pub const OLD_PASSWORD: Kind = sub(
    kind(50_055, 400, "invalid_grant", "The password is expired."),
    "user_password_expired",
);
/// A code or refresh token is none of ours, or another application's.
pub const BAD_GRANT: Kind = kind(
    70_000,
    400,
    "invalid_grant",
    "Provided grant is invalid or malformed.",
);
/// A code or refresh token is too old.
pub const OLD_GRANT: Kind = kind(
    70_008,
    400,
    "invalid_grant",
    "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
);
/// The person's sessions were revoked.
pub const REVOKED: Kind = sub(
    kind(
        50_173,
        400,
        "invalid_grant",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{0}'.",
    ),
    "bad_token",
);
/// A code was used before.
pub const USED_CODE: Kind = kind(
    54_005,
    400,
    "invalid_grant",
    "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
);
/// The code was sent to another address.
pub const OTHER_ADDRESS: Kind = kind(
    500_112,
    400,
    "invalid_grant",
    "The reply address '{0}' does not match the reply address '{1}' provided when requesting Authorization code.",
);
/// PKCE: the verifier does not fit, or is missing.
pub const BAD_VERIFIER: Kind = kind(
    501_481,
    400,
    "invalid_grant",
    "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
);
/// PKCE: an unknown method.
pub const BAD_CHALLENGE: Kind = kind(
    501_491,
    400,
    "invalid_request",
    "Invalid size or method of Code_Challenge parameter.",
);
/// The reply address is not registered.
pub const BAD_ADDRESS: Kind = kind(
    50_011,
    400,
    "invalid_request",
    "The redirect URI '{0}' specified in the request does not match the redirect URIs configured for the application '{1}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
);
/// Another response type than a code.
pub const BAD_RESPONSE_TYPE: Kind = kind(
    700_054,
    400,
    "unsupported_response_type",
    "response_type '{0}' is not enabled for the application.",
);
/// A silent request without a session.
pub const NOT_SIGNED_IN: Kind = kind(
    50_058,
    400,
    "login_required",
    "A silent sign-in request was sent but no user is signed in.",
);
/// The person declined.
pub const DECLINED_CONSENT: Kind = kind(
    65_004,
    400,
    "access_denied",
    "User declined to consent to access the app.",
);
/// Only an administrator can consent.
pub const NEEDS_ADMIN: Kind = kind(
    90_094,
    400,
    "access_denied",
    "Admin consent is required for the permissions requested by this application.",
);
/// Device code: nobody has decided yet.
pub const PENDING: Kind = kind(
    70_016,
    400,
    "authorization_pending",
    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
);
/// Device code: asked too often.
pub const SLOW_DOWN: Kind = kind(
    70_016,
    400,
    "slow_down",
    "OAuth 2.0 device flow error. Polling too often. Slow down.",
);
/// Device code: the person declined.
pub const DECLINED: Kind = kind(
    70_017,
    400,
    "authorization_declined",
    "OAuth 2.0 device flow error. The user declined the authorization.",
);
/// Device code: unknown.
pub const BAD_DEVICE_CODE: Kind = kind(
    70_018,
    400,
    "bad_verification_code",
    "Invalid verification code due to User typing in wrong user code for device code flow. Authorization is not approved.",
);
/// Device code: too old.
pub const OLD_DEVICE_CODE: Kind = kind(
    70_019,
    400,
    "expired_token",
    "Verification code expired. Have the user retry the sign-in.",
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
