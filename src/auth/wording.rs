//! What the services' free texts say, matched loosely: the words may change at any time.

/// The permissions a refusal names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Of which one was required.
    pub required: Vec<String>,
    /// What the token held, where the text says.
    pub held: Option<Vec<String>>,
}

/// Words before the permissions that were required, and before those the token held, in lower case.
static LISTS: &[(&str, &str)] = &[
    // Missing application roles. API required roles: A,B, application roles: X,Y.
    ("api required roles:", "application roles:"),
    // Missing delegated scopes. API required scopes: A,B, token scopes: X,Y.
    ("api required scopes:", "token scopes:"),
    // Missing scope permissions on the request. API requires one of 'A, B'. Scopes on the request 'X, Y'
    ("api requires one of", "scopes on the request"),
    ("api requires one of", "roles on the request"),
    ("required roles:", "application roles:"),
    // The application does not have any of the required application permissions (A, B) to access the resource.
    ("required application permissions", "to access the resource"),
    ("required delegated permissions", "to access the resource"),
];

/// The permissions a 403 names, in any of the known wordings. `None` where the text names none.
pub fn parse_forbidden(message: &str) -> Option<Named> {
    let lower = message.to_ascii_lowercase();
    for (before, between) in LISTS {
        let Some(start) = lower.find(before) else {
            continue;
        };
        let from = start + before.len();
        let rest = &message[from..];
        let cut = lower[from..].find(between);
        let held_said = cut.is_some() && !between.starts_with("to access");
        let required = names(cut.map_or(rest, |at| &rest[..at]));
        let held = cut
            .filter(|_| held_said)
            .map(|at| names(&rest[at + between.len()..]));
        if !required.is_empty() || held.is_some() {
            return Some(Named { required, held });
        }
    }
    None
}

fn names(text: &str) -> Vec<String> {
    text.split([',', ';', ' ', '\n', '\''])
        .map(|name| name.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|name| name.contains('.'))
        .map(str::to_owned)
        .collect()
}

/// What a refusal is about where it is not about the permissions of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The tenant has not bought it; what it probably lacks.
    Licence(&'static str),
    /// The service is not set up in the tenant, or its subscription has lapsed.
    Provisioning,
    /// A feature is switched off.
    Feature,
    /// A device group has no automation level.
    Automation,
    /// People may not, applications may.
    ApplicationOnly,
    /// The person has no role that allows it.
    PersonRole,
    /// The token is for somebody else.
    Audience,
    /// The token's time has not come.
    NotYetValid,
    /// The token's time is over.
    Expired,
    /// A permission is missing and not named.
    Missing,
}

/// Words of a code or message, in lower case, and what they are about. The first row that fits counts.
static SUBJECTS: &[(&str, Subject)] = &[
    (
        "no tvm license",
        Subject::Licence("Defender Vulnerability Management"),
    ),
    ("account mode is inactive", Subject::Provisioning),
    ("not provisioned", Subject::Provisioning),
    ("tenant is not registered", Subject::Provisioning),
    (
        "not licensed",
        Subject::Licence("a licence that includes this feature"),
    ),
    (
        "premium license",
        Subject::Licence("a licence that includes this feature"),
    ),
    (
        "does not have a valid license",
        Subject::Licence("a licence that includes this feature"),
    ),
    (
        "is not included in",
        Subject::Licence("Defender for Endpoint Plan 2"),
    ),
    ("disabledfeature", Subject::Feature),
    ("remediation level", Subject::Automation),
    (
        "delegated permission is not supported",
        Subject::ApplicationOnly,
    ),
    ("has no role that allows", Subject::PersonRole),
    ("user does not have", Subject::PersonRole),
    ("not yet valid", Subject::NotYetValid),
    ("audience is not accepted", Subject::Audience),
    ("audience validation failed", Subject::Audience),
    ("invalid audience", Subject::Audience),
    ("token is expired", Subject::Expired),
    ("token has expired", Subject::Expired),
    ("lifetime validation failed", Subject::Expired),
    ("required scopes are missing", Subject::Missing),
    ("missing scopes", Subject::Missing),
    ("authorization_requestdenied", Subject::Missing),
    ("insufficient privileges", Subject::Missing),
];

pub(super) fn subject(code: &str, message: &str) -> Option<Subject> {
    let said = format!("{code} {message}").to_ascii_lowercase();
    SUBJECTS
        .iter()
        .find(|(words, _)| said.contains(words))
        .map(|(_, subject)| *subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_wording_is_read() {
        type Case<'a> = (&'a str, &'a [&'a str], Option<&'a [&'a str]>);
        let cases: &[Case<'_>] = &[
            (
                "Missing application roles. API required roles: Machine.Isolate,Machine.Scan, application roles: Incident.Read.All.",
                &["Machine.Isolate", "Machine.Scan"],
                Some(&["Incident.Read.All"]),
            ),
            (
                "Missing application roles. API required roles: SecurityIncident.Read.All, application roles: .",
                &["SecurityIncident.Read.All"],
                Some(&[]),
            ),
            (
                "The application does not have any of the required application permissions (Machine.Read.All, Machine.ReadWrite.All) to access the resource.",
                &["Machine.Read.All", "Machine.ReadWrite.All"],
                None,
            ),
            (
                "Missing delegated scopes. API required scopes: Machine.Isolate, token scopes: Machine.Read.",
                &["Machine.Isolate"],
                Some(&["Machine.Read"]),
            ),
            (
                "Missing scope permissions on the request. API requires one of 'User.Read.All, User.ReadWrite.All'. Scopes on the request 'openid, User.Read'",
                &["User.Read.All", "User.ReadWrite.All"],
                Some(&["User.Read"]),
            ),
        ];
        for (message, required, held) in cases {
            let named = parse_forbidden(message).unwrap_or_else(|| panic!("{message}"));
            assert_eq!(named.required, *required, "{message}");
            assert_eq!(
                named.held.as_deref(),
                held.map(|held| held.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{message}"
            );
        }
        assert_eq!(parse_forbidden("no"), None);
        assert_eq!(parse_forbidden("API required roles: ."), None);
    }

    #[test]
    fn the_words_of_a_tenant_that_lacks_something_are_told_from_a_missing_permission() {
        let cases = [
            (
                "Unauthorized request - reason of failure: No Tvm license",
                Subject::Licence("Defender Vulnerability Management"),
            ),
            (
                "Unauthorized request - reason of failure: Account mode is inactive",
                Subject::Provisioning,
            ),
            (
                "Unauthorized request - reason of failure: Account is not provisioned.",
                Subject::Provisioning,
            ),
            (
                "Your tenant is not licensed for this feature.",
                Subject::Licence("a licence that includes this feature"),
            ),
            (
                "Advanced hunting is not included in Microsoft Defender for Business.",
                Subject::Licence("Defender for Endpoint Plan 2"),
            ),
            (
                "Insufficient privileges to complete the operation.",
                Subject::Missing,
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(
                subject("Unauthorized", message),
                Some(expected),
                "{message}"
            );
        }
        assert_eq!(subject("Forbidden", "no"), None);
    }
}
