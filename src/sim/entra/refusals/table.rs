//! Every refusal of the sign-in service: number, status, error (and suberror), sentence, and how a client of
//! the simulated tenant meets it.
//!
//! Facts: the Defender for Endpoint sheet, section 3 "Token-endpoint errors", and the published list of
//! error codes. `{0}`, `{1}` … in a sentence are filled in. Any row can also be brought about with the fault
//! `kind=aadsts code=…`.

use super::Kind;

/// Writes the constants and the table of all from one list.
macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $error:literal $(/ $suberror:literal)?, $text:literal, $how:literal;)+) => {
        $(
            $(#[doc = $doc])+
            pub const $name: Kind = Kind {
                code: $code,
                status: $status,
                error: $error,
                suberror: concat!($($suberror)?),
                text: $text,
                how: $how,
            };
        )+

        /// Every refusal.
        pub const ALL: &[Kind] = &[$($name),+];
    };
}

refusals! {
    /// The tenant does not exist.
    NO_TENANT = 90_002, 400, "invalid_request", "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        "a tenant id or domain that nobody has";
    /// The same, where a discovery document was asked for.
    NO_TENANT_TO_DISCOVER = 90_002, 400, "invalid_tenant", "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        "the same, asking for openid-configuration, keys or a page";
    /// An application cannot sign in without saying where.
    TENANTLESS = 50_059, 400, "invalid_request", "No tenant-identifying information found in either the request or implied by any provided credentials.",
        "client_credentials at /common or /organizations";
    /// The authority asked about is none of Entra's.
    BAD_INSTANCE = 50_049, 400, "invalid_instance", "Unknown or invalid instance.",
        "/common/discovery/instance with a foreign authority";
    /// A parameter is missing.
    MISSING = 900_144, 400, "invalid_request", "The request body must contain the following parameter: '{0}'.",
        "a token request that lacks a parameter";
    /// A parameter stands there twice.
    TWICE = 9_000_411, 400, "invalid_request", "The request is not properly formatted. The parameter '{0}' is duplicated.",
        "a parameter given twice";
    /// The grant is unknown.
    BAD_GRANT_TYPE = 70_003, 400, "unsupported_grant_type", "The app requested an unsupported grant type '{0}'.",
        "grant_type=anything";
    /// `resource` does not exist at the v2 endpoint.
    RESOURCE_ON_V2 = 901_002, 400, "invalid_request", "The 'resource' request parameter is not supported.",
        "resource= at a /v2.0/ endpoint";
    /// The application is not in this tenant.
    NO_APP = 700_016, 400, "unauthorized_client", "Application with identifier '{0}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
        "an unknown client_id; --quirk consent=absent";
    /// An application came without any proof.
    NO_PROOF = 7_000_216, 401, "invalid_client", "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        "client_credentials without secret or assertion";
    /// The registration takes no public clients.
    NOT_PUBLIC = 7_000_218, 401, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        "a person and the application \"Case portal\", without its secret";
    /// The secret is wrong.
    BAD_SECRET = 7_000_215, 401, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'.",
        "another secret";
    /// The secret has expired.
    OLD_SECRET = 7_000_222, 401, "invalid_client", "The provided client secret keys for app '{0}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
        "the application \"Weekly report\"";
    /// The scope cannot be read.
    BAD_SCOPE = 70_011, 400, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
        "an application with a scope that does not end in /.default, or two";
    /// The resource is not in this tenant.
    NO_RESOURCE = 500_011, 400, "invalid_resource", "The resource principal named {0} was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
        "another cloud's resource, or one the tenant does not have";
    /// Nobody consented.
    NO_CONSENT = 65_001, 400, "invalid_grant" / "consent_required", "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
        "a person and the application \"Trial dashboard\" with a password; --quirk consent=none";
    /// An assertion comes with its type.
    BAD_ASSERTION_TYPE = 70_002, 400, "invalid_request", "The request body must contain the following parameter: 'client_assertion_type' with the value 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
        "client_assertion without its type";
    /// An assertion is no JWT, or lacks a claim.
    BAD_JWT = 50_027, 400, "invalid_request", "JWT token is invalid or malformed.",
        "an assertion that is no JWT or lacks a claim";
    /// The assertion's algorithm is not taken.
    BAD_ALGORITHM = 5_002_738, 401, "invalid_client", "Invalid JWT token. '{0}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, PS256, ES256'.",
        "an assertion signed with HS256 or none";
    /// No registered certificate has this thumbprint.
    NO_KEY = 700_027, 401, "invalid_client", "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{0}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app.]",
        "an assertion that names a certificate nobody registered";
    /// The signature is not of the certificate it names.
    BAD_SIGNATURE = 700_027, 401, "invalid_client", "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value., Thumbprint of key used by client: '{0}']",
        "an assertion signed with another key than it names";
    /// The assertion speaks for another application.
    ASSERTION_CLIENT = 700_021, 401, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
        "an assertion with another application's iss or sub";
    /// The assertion is addressed to somebody else.
    ASSERTION_AUDIENCE = 700_023, 401, "invalid_client", "Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
        "an assertion for another tenant or address";
    /// The assertion is too old or too young.
    ASSERTION_TIME = 700_024, 401, "invalid_client", "Client assertion is not within its valid time range. Current time: {0}, expiry time of assertion {1}. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
        "an assertion of an hour ago or ahead; kind=skew by=1h";
    /// The assertion was used before.
    ASSERTION_REPLAYED = 700_024, 401, "invalid_client", "Client assertion has been used before.",
        "--quirk assertion-replay=refused, and an assertion sent twice";
    /// Nobody registered this foreign issuer.
    FOREIGN_ISSUER = 700_211, 401, "invalid_client", "No matching federated identity record found for presented assertion issuer '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        "a federated assertion of an issuer that --federated does not name";
    /// The foreign assertion is addressed to somebody else.
    FOREIGN_AUDIENCE = 700_212, 401, "invalid_client", "No matching federated identity record found for presented assertion audience '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        "a federated assertion that is not for api://AzureADTokenExchange";
    /// Nobody registered this subject.
    FOREIGN_SUBJECT = 700_213, 401, "invalid_client", "No matching federated identity record found for presented assertion subject '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        "a federated assertion about a subject that --federated does not name";
    /// The scopes name several resources.
    TWO_RESOURCES = 28_000, 400, "invalid_request", "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {0} is not valid.",
        "scopes of two resources in one request of a person";
    /// `.default` stands beside single scopes.
    MIXED_DEFAULT = 70_011, 400, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. .default scope can't be combined with resource-specific scopes. The scope {0} is not valid.",
        ".default beside single scopes";
    /// The resource has no such permission.
    NO_SCOPE = 650_053, 400, "invalid_client", "The application '{0}' asked for scope '{1}' that doesn't exist on the resource '{2}'. Contact the app vendor.",
        "a scope the resource does not have";
    /// Nobody has this name.
    NO_USER = 50_034, 400, "invalid_grant", "The user account {0} does not exist in the Contoso directory. To sign into this application, the account must be added to the directory.",
        "a person nobody knows";
    /// The password is wrong.
    BAD_PASSWORD = 50_126, 400, "invalid_grant", "Error validating credentials due to invalid username or password.",
        "another password";
    /// A second factor is needed.
    NEEDS_MFA = 50_076, 400, "invalid_grant" / "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
        "sipho.khumalo@contoso.com with a password alone";
    /// The same in the words of the first generation.
    NEEDS_MFA_V1 = 50_076, 400, "interaction_required" / "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
        "the same at the first endpoint";
    /// Conditional Access blocks.
    BLOCKED = 53_003, 400, "invalid_grant" / "message_only", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        "oskar.lund@contoso.com";
    /// The account is disabled.
    DISABLED = 50_057, 400, "invalid_grant", "The user account is disabled.",
        "petra.vogel@contoso.com; whoever is disabled through Graph";
    /// The account is locked.
    LOCKED = 50_053, 400, "invalid_grant", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
        "ravi.menon@contoso.com";
    /// The password has run out.
    OLD_PASSWORD = 50_055, 400, "invalid_grant" / "user_password_expired", "The password is expired.",
        "tessa.marin@contoso.com";
    /// A code or refresh token is none of ours, or another application's.
    BAD_GRANT = 70_000, 400, "invalid_grant", "Provided grant is invalid or malformed.",
        "a code or refresh token that is changed or of another application";
    /// A code or refresh token is too old.
    OLD_GRANT = 70_008, 400, "invalid_grant", "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
        "a code of more than ten minutes ago";
    /// The person's sessions were revoked.
    REVOKED = 50_173, 400, "invalid_grant" / "bad_token", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{0}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{1}'.",
        "a refresh token from before revokeSignInSessions, a new password, or POST /_sim/sessions";
    /// A code was used before.
    USED_CODE = 54_005, 400, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
        "a code redeemed twice";
    /// The code was sent to another address.
    OTHER_ADDRESS = 500_112, 400, "invalid_grant", "The reply address '{0}' does not match the reply address '{1}' provided when requesting Authorization code.",
        "a code redeemed with another redirect_uri";
    /// PKCE: the verifier does not fit, or is missing.
    BAD_VERIFIER = 501_481, 400, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        "a code_verifier that does not fit";
    /// PKCE: an unknown method.
    BAD_CHALLENGE = 501_491, 400, "invalid_request", "Invalid size or method of Code_Challenge parameter.",
        "a code_challenge of a wrong length or method";
    /// The reply address is not registered.
    BAD_ADDRESS = 50_011, 400, "invalid_request", "The redirect URI '{0}' specified in the request does not match the redirect URIs configured for the application '{1}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
        "a redirect_uri that is not on this computer";
    /// Another response type than a code.
    BAD_RESPONSE_TYPE = 700_054, 400, "unsupported_response_type", "response_type '{0}' is not enabled for the application.",
        "response_type other than code";
    /// A silent request without a session.
    NOT_SIGNED_IN = 50_058, 400, "login_required", "A silent sign-in request was sent but no user is signed in.",
        "prompt=none";
    /// The person declined.
    DECLINED_CONSENT = 65_004, 400, "access_denied", "User declined to consent to access the app.",
        "Cancel on the sign-in or consent page";
    /// Only an administrator can consent.
    NEEDS_ADMIN = 90_094, 400, "access_denied", "Admin consent is required for the permissions requested by this application.",
        "a person who is no administrator, signing in by hand to \"Trial dashboard\"";
    /// Device code: nobody has decided yet.
    PENDING = 70_016, 400, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        "a poll before anybody decided";
    /// Device code: asked too often.
    SLOW_DOWN = 70_016, 400, "slow_down", "OAuth 2.0 device flow error. Polling too often. Slow down.",
        "a poll sooner than the interval";
    /// Device code: the person declined.
    DECLINED = 70_017, 400, "authorization_declined", "OAuth 2.0 device flow error. The user declined the authorization.",
        "Cancel on the device page";
    /// Device code: unknown.
    BAD_DEVICE_CODE = 70_018, 400, "bad_verification_code", "Invalid verification code due to User typing in wrong user code for device code flow. Authorization is not approved.",
        "a device code nobody was given, or used already";
    /// Device code: too old.
    OLD_DEVICE_CODE = 70_019, 400, "expired_token", "Verification code expired. Have the user retry the sign-in.",
        "a device code of more than fifteen minutes ago";
    /// An application of one tenant at an address of all.
    NOT_MULTI_TENANT = 50_194, 400, "invalid_request", "Application '{0}'({1}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
        "the application \"Case portal\" at /common or /organizations";
    /// The application was switched off.
    APP_DISABLED = 7_000_112, 400, "unauthorized_client", "Application '{0}'({1}) is disabled.",
        "the application \"Old connector\"";
    /// The person belongs to another tenant.
    OTHER_TENANT = 50_020, 400, "invalid_grant", "User account '{0}' from identity provider 'https://sts.windows.net/{1}/' does not exist in tenant 'Contoso' and cannot access the application '{2}' in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
        "elena.rossi@fabrikam.com";
    /// The same, met by a token that is renewed.
    GUEST = 90_072, 400, "invalid_grant", "User account from identity provider does not exist in tenant and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
        "kind=aadsts code=90072";
    /// The device does not meet a policy.
    DEVICE_NOT_COMPLIANT = 53_000, 400, "invalid_grant" / "message_only", "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant. The user must enroll their device with an approved MDM provider like Intune.",
        "hana.sato@contoso.com";
    /// The device does not belong to the company.
    DEVICE_NOT_JOINED = 53_001, 400, "invalid_grant" / "message_only", "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined. Have the user use a domain joined device.",
        "kind=aadsts code=53001";
    /// A second factor must be set up.
    MUST_ENROL_MFA = 50_079, 400, "invalid_grant" / "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '{0}'.",
        "kofi.mensah@contoso.com with a password alone";
    /// The person was not assigned to the application.
    NOT_ASSIGNED = 50_105, 400, "invalid_grant" / "message_only", "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application. The signed in user is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator.",
        "bela.novak@contoso.com";
    /// Identity protection blocks.
    RISKY_USER = 530_034, 400, "invalid_grant" / "message_only", "Sign-in was blocked because the user is at risk.",
        "kind=aadsts code=530034";
    /// Conditional Access wants a sign-in every so often.
    SIGN_IN_FREQUENCY = 70_043, 400, "invalid_grant" / "token_expired", "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {0} and the maximum allowed lifetime for this request is {1}.",
        "vera.lindqvist@contoso.com, an hour after she signed in";
    /// A refresh token lay unused for too long.
    INACTIVE_REFRESH = 700_082, 400, "invalid_grant" / "bad_token", "The refresh token has expired due to inactivity. The token was issued on {0} and was inactive for {1}.",
        "a refresh token of ninety days ago";
    /// A refresh token of a page in a browser, which ends after a day.
    OLD_SPA_REFRESH = 700_084, 400, "invalid_grant", "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of {1}, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {0}.",
        "a code redeemed with an Origin header, and its refresh token a day later";
    /// The `claims` parameter cannot be read.
    BAD_CLAIMS = 90_013, 400, "invalid_request", "Invalid input received from the user: the request parameter 'claims' is not valid JSON.",
        "claims= anything but a JSON object";
    /// An assertion does not say whose key signed it.
    NO_THUMBPRINT = 5_002_723, 401, "invalid_client", "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.",
        "an assertion without x5t, x5t#S256 and kid";
    /// The registration does not mention the resource.
    NOT_REQUESTED = 650_057, 400, "invalid_resource", "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: {0}({1}). Resource value from request: {2}.",
        "the application \"Case portal\" and Defender XDR";
    /// The application has no service principal in the tenant.
    NO_PRINCIPAL = 7_000_229, 401, "unauthorized_client", "The client application {0} is missing service principal in the tenant {1}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
        "kind=aadsts code=7000229";
    /// Too many sign-ins.
    THROTTLED = 90_055, 429, "temporarily_unavailable", "The request was throttled due to too many requests. Please try again later.",
        "kind=aadsts code=90055";
    /// The service is not well.
    UNAVAILABLE = 90_033, 503, "temporarily_unavailable", "A transient error has occurred. Please try again.",
        "kind=aadsts code=90033";
}
