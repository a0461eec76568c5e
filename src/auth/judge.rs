//! Why a service refused a token that is not expired: the advice beside every 403
//! (`defender-endpoint` sheet sections 1.2 and 2).

use super::{Claims, Resource};
use crate::cloud::Endpoints;
use crate::domain::text::clean;

/// Which Entra resource an audience names. Two have confusingly similar names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceClass {
    /// Microsoft Graph.
    Graph,
    /// WindowsDefenderATP: Defender for Endpoint, machine actions.
    Defender,
    /// Microsoft Threat Protection: the host name of the Defender API, but other permissions.
    Xdr,
    /// Something else.
    Other,
}

static GRAPH: &[&str] = &[
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "00000003-0000-0000-c000-000000000000",
];

static DEFENDER: &[&str] = &[
    "fc780465-2017-40d4-a0c5-307022471b92",
    "https://api.securitycenter.microsoft.com",
    "https://api-us.securitycenter.microsoft.com",
    "https://api-eu.securitycenter.microsoft.com",
    "https://api-uk.securitycenter.microsoft.com",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
    "https://api.securitycenter.windows.com",
    "https://api.securitycenter.windows.us",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "https://securitycenter.onmicrosoft.us/windowsatpservice",
    "https://securitycenter.microsoft.com/mtp",
    "https://securityoperations.microsoft.com",
    "https://managementapi.securitycenter.windows.com",
    "https://publicapi-prd.trafficmanager.net",
    "https://userrequestsgraphapiep-prd.trafficmanager.net",
];

static XDR: &[&str] = &[
    "8ee8fdad-f234-4243-8f3b-15c294843740",
    "https://api.security.microsoft.com",
    "https://api-us.security.microsoft.com",
    "https://api-eu.security.microsoft.com",
    "https://api-uk.security.microsoft.com",
    "https://api-gcc.security.microsoft.us",
    "https://api-gov.security.microsoft.us",
    "https://security.microsoft.com/mtp",
];

impl AudienceClass {
    /// The class of an `aud`; case and a slash at the end do not matter.
    pub fn of(aud: &str) -> Self {
        let aud = normal(aud);
        let among = |list: &[&str]| list.contains(&aud.as_str());
        if among(GRAPH) {
            Self::Graph
        } else if among(DEFENDER) {
            Self::Defender
        } else if among(XDR) {
            Self::Xdr
        } else {
            Self::Other
        }
    }
}

fn normal(aud: &str) -> String {
    aud.trim().trim_end_matches('/').to_ascii_lowercase()
}

/// What an operation needs of its token.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// The service.
    pub resource: Resource,
    /// Permissions of which one is enough; empty where not known.
    pub any_of: &'a [String],
    /// The tenant the profile names, id or domain.
    pub tenant: &'a str,
}

/// The permissions a 403 names in either documented wording: of which one was required, and what the
/// token held where the text says. `None` where the text names none.
///
/// - `Missing application roles. API required roles: A,B, application roles: X,Y.`
/// - `The application does not have any of the required application permissions (A, B) to access the resource.`
pub fn parse_forbidden(message: &str) -> Option<(Vec<String>, Option<Vec<String>>)> {
    let lower = message.to_ascii_lowercase();
    let names = |text: &str| -> Vec<String> {
        text.split([',', ';', ' ', '\n'])
            .map(|name| name.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|name| name.contains('.'))
            .map(str::to_owned)
            .collect()
    };
    if let Some(start) = lower.find("required roles:") {
        let rest = &message[start + "required roles:".len()..];
        let lower = rest.to_ascii_lowercase();
        let (required, held) = match lower.find("application roles:") {
            Some(at) => (
                &rest[..at],
                Some(names(&rest[at + "application roles:".len()..])),
            ),
            None => (rest, None),
        };
        return Some((names(required), held));
    }
    if let Some(start) = lower.find("required application permissions") {
        let rest = &message[start..];
        let open = rest.find('(')?;
        let close = rest[open..].find(')')? + open;
        return Some((names(&rest[open + 1..close]), None));
    }
    None
}

/// Why a token may have been refused and what to do, in order of likelihood; `None` where nothing
/// about it explains a refusal. Reads the token only: the service has the last word.
pub fn judge(claims: &Claims, needs: Needs<'_>, endpoints: &Endpoints) -> Option<String> {
    let aud = claims.aud.as_deref().unwrap_or_default();
    let class = AudienceClass::of(aud);
    let shown = clean(aud);
    match (needs.resource, class) {
        (Resource::Defender, AudienceClass::Xdr) => {
            return Some(format!(
                "the token is for {shown}, which is the Defender XDR resource and carries none of these permissions; \
                 set defender_audience to {} in the profile (the permissions are probably fine)",
                endpoints.cloud.defender_audience
            ));
        }
        (Resource::Defender, AudienceClass::Graph)
        | (Resource::Graph, AudienceClass::Defender | AudienceClass::Xdr) => {
            return Some(format!(
                "the token is for {shown}, which is not {}; check defender_audience in the profile",
                needs.resource.title()
            ));
        }
        (Resource::Defender, AudienceClass::Defender) if aud.starts_with("https://") => {
            let government =
                |text: &str| normal(text).contains(".us") && !normal(text).contains(".us.");
            let host = endpoints.defender.host_str().unwrap_or_default();
            if !endpoints.is_loopback() && government(aud) != host.strip_suffix(".us").is_some() {
                return Some(format!(
                    "the token is for {shown}, the request went to {host}: these belong to different clouds; \
                     check cloud and defender_audience in the profile"
                ));
            }
        }
        _ => {}
    }
    let is_guid = |text: &str| text.len() == 36 && text.matches('-').count() == 4;
    if let Some(tid) = claims.tid.as_deref()
        && is_guid(needs.tenant)
        && !tid.eq_ignore_ascii_case(needs.tenant)
    {
        return Some(format!(
            "the token was issued in tenant {}, the profile names {}; check tenant_id",
            clean(tid),
            needs.tenant
        ));
    }
    let api = needs.resource.api_name();
    if claims.permissions().next().is_none() {
        return Some(format!(
            "the token carries no permission at all; add some under API permissions → {api} of the app \
             registration, have an administrator grant consent, then get a new token"
        ));
    }
    if needs.any_of.is_empty() {
        return None;
    }
    let held = |name: &String| {
        claims.holds(name) || claims.holds(name.strip_suffix(".All").unwrap_or(name))
    };
    if !needs.any_of.iter().any(held) {
        let wanted = needs.any_of.join(" or ");
        let kind = if claims.is_delegated() {
            "delegated"
        } else {
            "application"
        };
        return Some(format!(
            "the token lacks {wanted}; add the {kind} permission under API permissions → {api} of the app \
             registration, have an administrator grant consent, then get a new token"
        ));
    }
    if claims.is_delegated() {
        return Some(
            "the token carries the permission, so the signed-in person lacks a Defender role or access to the device group"
                .to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Choice, resolve};

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    fn endpoints(cloud: &str) -> Endpoints {
        let choice = Choice {
            cloud,
            ..Choice::default()
        };
        resolve(&choice).expect("resolves")
    }

    fn claims(aud: &str, roles: &[&str], scopes: &[&str]) -> Claims {
        let own = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect();
        Claims {
            aud: Some(aud.to_owned()),
            tid: Some(TENANT.to_owned()),
            roles: own(roles),
            scopes: own(scopes),
            ..Claims::default()
        }
    }

    fn verdict(claims: &Claims, resource: Resource, any_of: &[&str]) -> String {
        let any_of: Vec<String> = any_of.iter().map(|&it| it.to_owned()).collect();
        let needs = Needs {
            resource,
            any_of: &any_of,
            tenant: TENANT,
        };
        judge(claims, needs, &endpoints("commercial")).unwrap_or_default()
    }

    #[test]
    fn audiences_are_told_apart_whatever_their_slash_and_case() {
        let cases = [
            (
                "https://API.securitycenter.microsoft.com/",
                AudienceClass::Defender,
            ),
            (
                "fc780465-2017-40d4-a0c5-307022471b92",
                AudienceClass::Defender,
            ),
            ("https://api.security.microsoft.com", AudienceClass::Xdr),
            ("https://graph.microsoft.com", AudienceClass::Graph),
            ("00000003-0000-0000-C000-000000000000", AudienceClass::Graph),
            ("https://vault.azure.net", AudienceClass::Other),
        ];
        for (aud, class) in cases {
            assert_eq!(AudienceClass::of(aud), class, "{aud}");
        }
    }

    #[test]
    fn the_audience_trap_is_named_with_its_cure() {
        let token = claims(
            "https://api.security.microsoft.com",
            &["Incident.Read.All"],
            &[],
        );
        let said = verdict(&token, Resource::Defender, &["Machine.Isolate"]);
        assert!(
            said.contains("set defender_audience to https://api.securitycenter.microsoft.com"),
            "{said}"
        );
    }

    #[test]
    fn each_finding_has_its_own_words() {
        let mde = "https://api.securitycenter.microsoft.com";
        let lacking = claims(mde, &["Machine.Read.All"], &[]);
        let said = verdict(&lacking, Resource::Defender, &["Machine.Isolate"]);
        assert!(
            said.contains("lacks Machine.Isolate") && said.contains("WindowsDefenderATP"),
            "{said}"
        );
        let person = claims(mde, &[], &["Machine.Isolate"]);
        let said = verdict(&person, Resource::Defender, &["Machine.Isolate"]);
        assert!(said.contains("device group"), "{said}");
        let empty = claims(mde, &[], &[]);
        assert!(verdict(&empty, Resource::Defender, &[]).contains("no permission at all"));
        let mut foreign = claims(mde, &["Machine.Isolate"], &[]);
        foreign.tid = Some("99999999-2222-4333-8444-555555555555".to_owned());
        assert!(verdict(&foreign, Resource::Defender, &[]).contains("check tenant_id"));
        let government = claims(
            "https://api-gcc.securitycenter.microsoft.us",
            &["Machine.Isolate"],
            &[],
        );
        assert!(verdict(&government, Resource::Defender, &[]).contains("different clouds"));
        let fine = claims(mde, &["machine.isolate"], &[]);
        assert_eq!(verdict(&fine, Resource::Defender, &["Machine.Isolate"]), "");
    }

    #[test]
    fn both_documented_wordings_are_read() {
        let (required, held) = parse_forbidden(
            "Missing application roles. API required roles: Machine.Isolate,Machine.Scan, application roles: Incident.Read.All.",
        )
        .expect("names them");
        assert_eq!(required, ["Machine.Isolate", "Machine.Scan"]);
        assert_eq!(held.expect("named"), ["Incident.Read.All"]);
        let (required, held) = parse_forbidden(
            "The application does not have any of the required application permissions (Machine.Read.All, Machine.ReadWrite.All) to access the resource.",
        )
        .expect("names them");
        assert_eq!(required, ["Machine.Read.All", "Machine.ReadWrite.All"]);
        assert_eq!(held, None);
        assert_eq!(parse_forbidden("no"), None);
    }
}
