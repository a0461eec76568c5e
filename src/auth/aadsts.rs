//! What Entra's refusals mean and what cures them (`defender-endpoint` sheet section 3).

use super::AuthErrorKind;

use AuthErrorKind::{Busy, Interaction, Refused};

/// Code, what kind of trouble it is, what it means, what to do. [`Interaction`] needs a person to sign in,
/// [`Busy`] passes by itself, [`Refused`] stays until somebody changes the profile or the registration.
static CODES: &[(u32, AuthErrorKind, &str, &str)] = &[
    // The application's proof.
    (
        7_000_215,
        Refused,
        "the application secret is wrong",
        "use the secret's value, not its id; make a new one under Certificates & secrets of the app registration",
    ),
    (
        7_000_222,
        Refused,
        "the application secret has expired",
        "make a new secret under Certificates & secrets of the app registration and put it where the profile reads it",
    ),
    (
        7_000_216,
        Refused,
        "no secret was sent for a confidential application",
        "set client_secret, certificate or federated_token_file in the profile",
    ),
    (
        7_000_218,
        Refused,
        "the registration does not allow public client flows",
        "allow public client flows under Authentication of the app registration, or use an application secret",
    ),
    (
        7_000_112,
        Refused,
        "the application is disabled",
        "an administrator must enable it under Enterprise applications",
    ),
    (
        7_000_229,
        Refused,
        "the application has no service principal in this tenant",
        "an administrator must consent to it here first (nightjar tenants consent-link)",
    ),
    (
        700_016,
        Refused,
        "the application is not in this tenant",
        "check client_id and tenant_id; a registration of another tenant needs an administrator's consent here first",
    ),
    (
        700_027,
        Refused,
        "the client assertion is not valid",
        "check the certificate: it must be registered with the application and not expired",
    ),
    (
        700_021,
        Refused,
        "the client assertion speaks for another application",
        "check client_id in the profile",
    ),
    (
        700_023,
        Refused,
        "the client assertion is addressed to another authority",
        "check tenant_id, cloud and authority in the profile",
    ),
    (
        700_024,
        Refused,
        "the client assertion is outside its time: this machine's clock is off, or the federated token is old",
        "set the clock (switch on time synchronisation); a federated token file must be renewed by whoever writes it",
    ),
    (
        50_027,
        Refused,
        "the client assertion is malformed",
        "check the certificate and its key, or the federated token file",
    ),
    (
        5_002_738,
        Refused,
        "the client assertion's signature algorithm is not accepted",
        "use a certificate with an RSA key of 2048 bits or more",
    ),
    (
        50_012,
        Refused,
        "the client assertion's signature cannot be checked",
        "register the certificate under Certificates & secrets of the app registration",
    ),
    (
        700_211,
        Refused,
        "no federated credential is registered for this issuer",
        "compare issuer, subject and audience under Certificates & secrets → Federated credentials with the token file's",
    ),
    (
        700_212,
        Refused,
        "no federated credential is registered for this audience",
        "compare issuer, subject and audience under Certificates & secrets → Federated credentials with the token file's",
    ),
    (
        700_213,
        Refused,
        "no federated credential is registered for this subject",
        "compare issuer, subject and audience under Certificates & secrets → Federated credentials with the token file's",
    ),
    // Where the sign-in goes.
    (
        90_002,
        Refused,
        "the tenant does not exist",
        "check tenant_id, and whether cloud names the cloud the tenant lives in",
    ),
    (
        900_023,
        Refused,
        "the tenant id is not valid",
        "check tenant_id: a GUID or a verified domain",
    ),
    (
        50_059,
        Refused,
        "nothing says which tenant is meant",
        "set tenant_id in the profile to a GUID or a verified domain; \"common\" will not do for an application",
    ),
    (
        90_072,
        Refused,
        "the account is of another tenant and not a guest here",
        "sign in with an account of this tenant, or check tenant_id",
    ),
    (
        50_020,
        Refused,
        "the account is of another tenant or identity provider and not a guest here",
        "sign in with an account of this tenant, or have it invited",
    ),
    (
        50_194,
        Refused,
        "the application belongs to one tenant alone",
        "set tenant_id to its tenant, or make the registration multi-tenant",
    ),
    (
        900_432,
        Refused,
        "a confidential application cannot sign in across clouds",
        "check cloud and authority in the profile",
    ),
    (
        500_011,
        Refused,
        "the service is not known in this tenant",
        "Defender for Endpoint was never set up in this tenant, or cloud or defender_audience names the wrong one",
    ),
    (
        650_052,
        Refused,
        "the tenant has no subscription for the service",
        "Defender for Endpoint or Defender XDR must be bought and set up in this tenant first",
    ),
    (
        500_113,
        Refused,
        "no reply address is registered",
        "add http://localhost as a public client redirect address to the app registration",
    ),
    (
        50_011,
        Refused,
        "the reply address is not registered",
        "add http://localhost under Mobile and desktop applications of the app registration",
    ),
    // What is asked for.
    (
        65_001,
        Refused,
        "nobody has consented to the permissions",
        "an administrator must grant consent under API permissions of the app registration (nightjar tenants consent-link)",
    ),
    (
        65_004,
        Refused,
        "consent was declined",
        "sign in again and accept, or have an administrator grant consent",
    ),
    (
        90_094,
        Refused,
        "an administrator has to consent",
        "have an administrator grant consent (nightjar tenants consent-link prints the page)",
    ),
    (
        90_093,
        Refused,
        "the person may not consent to this",
        "have an administrator grant consent (nightjar tenants consent-link prints the page)",
    ),
    (
        650_053,
        Refused,
        "a permission was asked for that the service does not have",
        "check graph_audience and defender_audience: an identifier URI without a permission behind it",
    ),
    (
        650_057,
        Refused,
        "the service is not among the permissions of the registration",
        "add its permissions under API permissions of the app registration: Microsoft Graph, or WindowsDefenderATP",
    ),
    (
        50_105,
        Refused,
        "the person is not assigned to the application",
        "an administrator must assign them under Enterprise applications → Users and groups",
    ),
    (
        501_051,
        Refused,
        "the application is not assigned to the service",
        "an administrator must assign it, or switch off \"assignment required\" under Enterprise applications",
    ),
    (
        70_011,
        Refused,
        "the scope is not valid",
        "check defender_audience: an identifier URI without /.default, without a second slash",
    ),
    (
        1_002_012,
        Refused,
        "the scope is not valid for an application",
        "check defender_audience: an identifier URI; the program adds /.default itself",
    ),
    (
        28_000,
        Refused,
        "the scope names more than one service",
        "check graph_audience and defender_audience: one identifier URI each",
    ),
    (
        901_002,
        Refused,
        "the request used the old resource parameter",
        "set token_endpoint = \"v1\" for a v1 sign-in address, or check authority: https://login.microsoftonline.com",
    ),
    (
        9_002_326,
        Refused,
        "the reply address is registered for single-page applications",
        "register http://localhost under Mobile and desktop applications instead",
    ),
    (
        900_144,
        Refused,
        "the request lacks a parameter",
        "check client_id, tenant_id and the credential of the profile; one of them is empty",
    ),
    // The person's account.
    (
        50_126,
        Refused,
        "user name or password is wrong",
        "check both; a federated account cannot sign in by password: use sign_in = \"browser\" or \"device-code\"",
    ),
    (
        50_034,
        Refused,
        "the account does not exist in this tenant",
        "check tenant_id and the account's name",
    ),
    (
        50_053,
        Refused,
        "the account is locked, or signs in from an address with a bad name",
        "wait, or ask an administrator to unlock it",
    ),
    (
        50_055,
        Interaction,
        "the password has expired",
        "sign in once in a browser and set a new one",
    ),
    (
        50_056,
        Refused,
        "the account has no password here",
        "use sign_in = \"browser\" or \"device-code\"",
    ),
    (
        50_057,
        Refused,
        "the account is disabled",
        "ask an administrator",
    ),
    (
        50_128,
        Refused,
        "the domain of the account is not known to any tenant",
        "check the account's name and tenant_id",
    ),
    (
        50_144,
        Refused,
        "the password in Active Directory has expired",
        "set a new one there, then sign in again",
    ),
    (
        7_000_012,
        Interaction,
        "the sign-in was made in another tenant",
        "sign in again; check tenant_id",
    ),
    // What a person has to do.
    (50_058, Interaction, "nobody is signed in", "sign in"),
    (
        50_072,
        Interaction,
        "a second factor has to be set up",
        "sign in once in a browser and set it up",
    ),
    (
        50_074,
        Interaction,
        "a second factor is needed",
        "sign in again and answer it",
    ),
    (
        50_076,
        Interaction,
        "a second factor is needed",
        "sign in again and answer it; with sign_in = \"password\" that is not possible: use \"browser\" or \"device-code\"",
    ),
    (
        50_078,
        Interaction,
        "the second factor has lapsed",
        "sign in again and answer it",
    ),
    (
        50_079,
        Interaction,
        "a second factor has to be set up",
        "sign in once in a browser and set it up",
    ),
    (
        50_097,
        Interaction,
        "the device has to prove itself",
        "sign in in a browser of a device that is registered with the tenant",
    ),
    (
        50_132,
        Interaction,
        "the sign-in was revoked: the password changed, or an administrator ended it",
        "sign in again",
    ),
    (
        50_133,
        Interaction,
        "the sign-in was ended: the password changed or expired",
        "sign in again",
    ),
    (
        50_158,
        Interaction,
        "an outside security challenge has to be met",
        "sign in again interactively",
    ),
    (
        50_173,
        Interaction,
        "the sign-in was revoked: the password changed, or an administrator ended it",
        "sign in again",
    ),
    (
        50_199,
        Interaction,
        "the sign-in has to be confirmed",
        "sign in again and confirm",
    ),
    (
        70_008,
        Interaction,
        "the code or the sign-in has expired",
        "sign in again",
    ),
    (
        70_016,
        Interaction,
        "the device code was not entered yet",
        "enter the code on the page shown",
    ),
    (
        70_018,
        Interaction,
        "the device code is wrong or was used",
        "begin the sign-in again",
    ),
    (
        70_019,
        Interaction,
        "the device code has expired",
        "begin the sign-in again and enter the code within 15 minutes",
    ),
    (
        70_020,
        Interaction,
        "the device code has expired",
        "begin the sign-in again and enter the code within 15 minutes",
    ),
    (
        54_005,
        Interaction,
        "the code of the sign-in was used before",
        "sign in again",
    ),
    (
        70_043,
        Interaction,
        "the sign-in has lapsed by a Conditional Access policy for its length",
        "sign in again",
    ),
    (
        700_081,
        Interaction,
        "the sign-in has reached its longest life",
        "sign in again",
    ),
    (
        700_082,
        Interaction,
        "the sign-in has lapsed after long disuse",
        "sign in again",
    ),
    (
        700_084,
        Interaction,
        "the sign-in of a single-page application has reached its fixed life",
        "register http://localhost under Mobile and desktop applications, then sign in again",
    ),
    (
        9_002_313,
        Interaction,
        "the request is malformed, most often a damaged refresh token",
        "sign in again",
    ),
    (
        700_003,
        Interaction,
        "the device is not known in the tenant any more",
        "sign in again in a browser of a device that is registered",
    ),
    // Conditional Access and protection.
    (
        53_000,
        Refused,
        "Conditional Access wants a compliant device",
        "sign in from a device your organisation manages; device codes do not carry the device: use sign_in = \"browser\"",
    ),
    (
        53_001,
        Refused,
        "Conditional Access wants a domain-joined device",
        "sign in from such a device with sign_in = \"browser\"",
    ),
    (
        53_003,
        Refused,
        "Conditional Access blocked the sign-in",
        "ask whoever keeps the Conditional Access policies; workload identities can be limited to named locations, and device codes blocked",
    ),
    (
        53_004,
        Interaction,
        "the second factor cannot be set up because the sign-in looks risky",
        "sign in in a browser from a place you use often",
    ),
    (
        53_011,
        Refused,
        "the account is blocked because it looks risky",
        "ask an administrator to look at it under Identity Protection",
    ),
    (
        530_032,
        Refused,
        "a security policy of the tenant blocked the sign-in",
        "ask whoever keeps the Conditional Access policies",
    ),
    (
        50_131,
        Refused,
        "Conditional Access does not allow this place, device or state",
        "ask whoever keeps the Conditional Access policies",
    ),
    // Troubles that pass.
    (
        90_033,
        Busy,
        "Entra is troubled for the moment",
        "wait; it is tried again by itself",
    ),
    (
        90_055,
        Busy,
        "Entra asks for fewer requests",
        "wait; it is tried again by itself",
    ),
    (
        50_196,
        Busy,
        "Entra saw the same request too often",
        "wait a few minutes; two programs may be asking with the same registration",
    ),
    (
        90_006,
        Busy,
        "Entra could not be reached from within",
        "wait; it is tried again by itself",
    ),
    (
        90_024,
        Busy,
        "Entra is troubled for the moment",
        "wait; it is tried again by itself",
    ),
];

/// What an `AADSTS` code means and what cures it: kind of trouble, meaning, advice.
pub fn explain(code: u32) -> Option<(AuthErrorKind, &'static str, &'static str)> {
    CODES
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, kind, meaning, advice)| (*kind, *meaning, *advice))
}

/// The code in an error text: `AADSTS7000215: Invalid client secret …`.
pub(super) fn find(text: &str) -> Option<u32> {
    let start = text.find("AADSTS")? + "AADSTS".len();
    let digits = text[start..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(&text[start..], |end| &text[start..start + end]);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_with_meaning_and_cure() {
        let mut codes: Vec<u32> = CODES.iter().map(|(code, ..)| *code).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all, "a code stands twice");
        for (code, _, meaning, advice) in CODES {
            assert!(!meaning.is_empty() && !advice.is_empty(), "{code}");
            assert!(!meaning.ends_with('.') && !advice.ends_with('.'), "{code}");
        }
        for documented in [
            7_000_215, 7_000_222, 700_016, 90_002, 500_011, 65_001, 70_011, 901_002, 7_000_218,
            50_076, 50_079, 53_003, 50_126,
        ] {
            assert!(explain(documented).is_some(), "{documented}");
        }
    }

    #[test]
    fn what_needs_a_person_and_what_passes_by_itself_are_told_apart() {
        let kind = |code| explain(code).map(|(kind, ..)| kind);
        for person in [
            50_058, 50_074, 50_076, 50_079, 50_132, 50_173, 70_008, 700_082, 70_043,
        ] {
            assert_eq!(kind(person), Some(Interaction), "{person}");
        }
        for passing in [90_033, 90_055, 50_196] {
            assert_eq!(kind(passing), Some(Busy), "{passing}");
        }
        for lasting in [7_000_215, 700_016, 65_001, 53_003, 50_105, 700_024, 500_011] {
            assert_eq!(kind(lasting), Some(Refused), "{lasting}");
        }
        assert!(explain(700_024).is_some_and(|(_, meaning, _)| meaning.contains("clock")));
    }

    #[test]
    fn codes_are_found_in_the_text() {
        assert_eq!(
            find("AADSTS7000215: Invalid client secret provided."),
            Some(7_000_215)
        );
        assert_eq!(find("x AADSTS90002"), Some(90_002));
        assert_eq!(find("AADSTS"), None);
        assert_eq!(find("no code"), None);
    }
}
