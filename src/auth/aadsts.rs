//! What Entra's refusals mean and what cures them (`defender-endpoint` sheet section 3).

use super::AuthErrorKind;

use AuthErrorKind::{Busy, Interaction, Refused};

/// Code, what kind of trouble it is, what it means, what to do.
static CODES: &[(u32, AuthErrorKind, &str, &str)] = &[
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
        "set client_secret in the profile",
    ),
    (
        7_000_218,
        Refused,
        "the registration does not allow public client flows",
        "allow public client flows under Authentication of the app registration, or use an application secret",
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
        500_011,
        Refused,
        "the service is not known in this tenant",
        "Defender for Endpoint was never set up in this tenant, or cloud or defender_audience names the wrong one",
    ),
    (
        500_113,
        Refused,
        "no reply address is registered",
        "add http://localhost as a public client redirect address to the app registration",
    ),
    (
        65_001,
        Refused,
        "nobody has consented to the permissions",
        "an administrator must grant consent under API permissions of the app registration",
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
        901_002,
        Refused,
        "the request used the old resource parameter",
        "check authority: it must be a v2.0 sign-in address such as https://login.microsoftonline.com",
    ),
    (
        53_003,
        Refused,
        "Conditional Access blocked the sign-in",
        "ask whoever keeps the Conditional Access policies; workload identities can be limited to named locations",
    ),
    (
        50_126,
        Refused,
        "user name or password is wrong",
        "sign in again",
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
        "the account is locked",
        "wait, or ask an administrator to unlock it",
    ),
    (
        50_057,
        Refused,
        "the account is disabled",
        "ask an administrator",
    ),
    (
        50_076,
        Interaction,
        "a second factor is needed",
        "sign in again interactively",
    ),
    (
        50_079,
        Interaction,
        "a second factor has to be set up",
        "sign in once in a browser and set it up",
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
        "the sign-in was revoked",
        "sign in again",
    ),
    (
        700_082,
        Interaction,
        "the sign-in has lapsed after long disuse",
        "sign in again",
    ),
    (
        7_000_112,
        Refused,
        "the application is disabled",
        "an administrator must enable it under Enterprise applications",
    ),
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
    fn the_documented_codes_all_have_a_cure() {
        for code in [
            7_000_215, 7_000_222, 700_016, 90_002, 500_011, 65_001, 70_011, 901_002, 7_000_218,
            50_076, 50_079, 53_003, 50_126,
        ] {
            let (_, meaning, advice) = explain(code).unwrap_or_else(|| panic!("{code}"));
            assert!(!meaning.is_empty() && !advice.is_empty());
        }
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
