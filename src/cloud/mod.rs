//! National clouds and regions: hosts, authorities, audiences and portals, all as one table.
//!
//! Request base and audience are two separate settings and neither is derived from the other: the
//! host `api.security.microsoft.com`, taken as an audience, names another Entra resource than the one
//! that answers there. Facts: `defender-endpoint` sheet sections 1 and 2, `graph-security` sheet
//! "National clouds".
//!
//! This room knows nothing of files, profiles or requests. [`resolve`] turns a choice of cloud with
//! its overrides into [`Endpoints`]; `config::Profile::endpoints` calls it.

mod audience;
mod hosts;
mod retirements;
mod table;

use url::Url;

pub use audience::{AudienceClass, CloudKind};
pub use hosts::{Host, Service, Standing};
pub use retirements::{Concerns, RETIREMENTS, Retirement};
pub use table::{CLOUDS, Cloud};

use table::GEO_SUFFIX;

/// The cloud of an id, case ignored.
pub fn find(id: &str) -> Option<&'static Cloud> {
    CLOUDS
        .iter()
        .find(|cloud| cloud.id.eq_ignore_ascii_case(id))
}

/// What a profile chooses: a cloud, a region, and addresses of its own where it must.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    /// Id of a cloud.
    pub cloud: &'a str,
    /// One of the cloud's regions.
    pub region: Option<&'a str>,
    /// Replaces the authority.
    pub authority: Option<&'a str>,
    /// Replaces Graph's base; its audience stays the cloud's.
    pub graph: Option<&'a str>,
    /// Replaces Graph's audience.
    pub graph_audience: Option<&'a str>,
    /// Replaces Defender for Endpoint's base; its audience stays the cloud's.
    pub defender: Option<&'a str>,
    /// Replaces Defender for Endpoint's audience.
    pub defender_audience: Option<&'a str>,
}

/// Where a tenant's services are and what their tokens are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The cloud they belong to.
    pub cloud: &'static Cloud,
    /// Base of the token endpoint, without the tenant.
    pub authority: Url,
    /// Base of Graph, without version.
    pub graph: Url,
    /// Base of Defender for Endpoint, without `/api`.
    pub defender: Url,
    /// Audience of a Graph token: an identifier URI or an application id.
    pub graph_audience: String,
    /// Audience of a Defender for Endpoint token: an identifier URI or an application id.
    pub defender_audience: String,
    /// Audiences to try where the service refuses that one, in order; none where the profile chose it.
    pub other_audiences: &'static [&'static str],
    /// Hosts whose pages may be opened in a browser.
    pub portal_hosts: &'static [&'static str],
}

impl Endpoints {
    /// Whether every service is on this machine, as with the simulated tenant.
    pub fn is_loopback(&self) -> bool {
        [&self.authority, &self.graph, &self.defender]
            .into_iter()
            .all(is_loopback)
    }

    /// What a person should know of addresses that work and are not the ones to use any more.
    pub fn notices(&self) -> Vec<String> {
        [&self.authority, &self.graph, &self.defender]
            .into_iter()
            .filter_map(hosts::legacy)
            .collect()
    }
}

/// Why a choice leads nowhere; each message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// No such cloud.
    #[error("there is no cloud \"{found}\"{}; known are {}", nearest_text(*nearest), ids())]
    UnknownCloud {
        /// What was asked for.
        found: String,
        /// The nearest known name.
        nearest: Option<&'static str>,
    },
    /// A cloud the console cannot be used in.
    #[error("{title} cannot be used: {why}")]
    Closed {
        /// The cloud.
        title: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A region the cloud does not have.
    #[error(
        "the cloud \"{cloud}\" has no region \"{found}\"; {}",
        regions_text(cloud)
    )]
    UnknownRegion {
        /// The cloud.
        cloud: &'static str,
        /// What was asked for.
        found: String,
    },
    /// An address that cannot be used.
    #[error("{field} \"{found}\" {why}")]
    Address {
        /// The setting it stands in.
        field: &'static str,
        /// What was given.
        found: String,
        /// What is wrong and what is expected.
        why: &'static str,
    },
    /// A known host in the wrong place: of another cloud, of another service, or retired.
    #[error("{field} \"{found}\" {why}")]
    Misplaced {
        /// The setting it stands in.
        field: &'static str,
        /// What was given.
        found: String,
        /// What it is and what is expected.
        why: String,
    },
}

fn nearest_text(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean \"{name}\"?)"))
}

fn ids() -> String {
    let ids: Vec<_> = CLOUDS.iter().map(|cloud| cloud.id).collect();
    ids.join(", ")
}

fn regions_text(cloud: &str) -> String {
    match find(cloud).map_or(&[][..], |cloud| cloud.regions) {
        [] => "it has none, leave region out".to_owned(),
        regions => format!("it has {}", regions.join(", ")),
    }
}

/// The endpoints of a choice.
///
/// # Errors
/// Where the cloud, its region or an address of its own cannot be used.
pub fn resolve(choice: &Choice<'_>) -> Result<Endpoints, CloudError> {
    let cloud = find(choice.cloud).ok_or_else(|| CloudError::UnknownCloud {
        found: choice.cloud.to_owned(),
        nearest: CLOUDS
            .iter()
            .map(|cloud| cloud.id)
            .find(|id| strsim::damerau_levenshtein(id, &choice.cloud.to_lowercase()) <= 3),
    })?;
    if let Some(why) = cloud.closed {
        return Err(CloudError::Closed {
            title: cloud.title,
            why,
        });
    }
    let regional = match choice.region {
        None => None,
        Some(region) if cloud.regions.contains(&region) => {
            Some(format!("https://{region}.{GEO_SUFFIX}"))
        }
        Some(region) => {
            return Err(CloudError::UnknownRegion {
                cloud: cloud.id,
                found: region.to_owned(),
            });
        }
    };
    let defender = choice
        .defender
        .or(regional.as_deref())
        .unwrap_or(cloud.defender);
    let audience = choice.defender_audience.unwrap_or(cloud.defender_audience);
    check_audience("defender_audience", audience)?;
    let graph_audience = choice.graph_audience.unwrap_or(cloud.graph);
    check_audience("graph_audience", graph_audience)?;
    let base = |field, text, service| {
        let url = address(field, text)?;
        match hosts::misplaced(&url, service, cloud) {
            None => Ok(url),
            Some(why) => Err(CloudError::Misplaced {
                field,
                found: text.to_owned(),
                why,
            }),
        }
    };
    let authority = choice.authority.unwrap_or(cloud.authority);
    let graph = choice.graph.unwrap_or(cloud.graph);
    Ok(Endpoints {
        cloud,
        authority: base("authority", authority, Service::SignIn)?,
        graph: base("graph_url", graph, Service::Graph)?,
        defender: base("defender_url", defender, Service::Defender)?,
        graph_audience: bare(graph_audience),
        defender_audience: bare(audience),
        other_audiences: match choice.defender_audience {
            Some(_) => &[],
            None => cloud.other_audiences,
        },
        portal_hosts: cloud.portals,
    })
}

/// The audience in what may have been written as a scope.
fn bare(audience: &str) -> String {
    audience
        .strip_suffix("/.default")
        .unwrap_or(audience)
        .to_owned()
}

/// The scope that asks the v2 endpoint for an audience: `https://host` → `https://host/.default`. An
/// audience with a slash at its end keeps it, because Entra tells the two apart: `https://host//.default`.
pub fn scope_of(audience: &str) -> String {
    format!("{audience}/.default")
}

fn check_audience(field: &'static str, audience: &str) -> Result<(), CloudError> {
    let bad = |why| CloudError::Address {
        field,
        found: audience.to_owned(),
        why,
    };
    if audience.chars().any(char::is_whitespace) {
        return Err(bad("is not one audience: it holds white space"));
    }
    let is_uri = ["https://", "api://"]
        .iter()
        .any(|scheme| audience.starts_with(scheme));
    if !is_uri && uuid::Uuid::parse_str(audience).is_err() {
        return Err(bad(
            "is not an audience: expected an identifier URI such as https://api.securitycenter.microsoft.com",
        ));
    }
    Ok(())
}

/// A base address: https, or http on this very machine; no user, query or fragment; ends in a slash
/// only where its path is empty.
///
/// # Errors
/// Where the text is not such an address.
pub fn address(field: &'static str, text: &str) -> Result<Url, CloudError> {
    let bad = |why| CloudError::Address {
        field,
        found: text.to_owned(),
        why,
    };
    let url =
        Url::parse(text).map_err(|_| bad("is not an address: expected https://host[:port]"))?;
    if url.host().is_none() {
        return Err(bad("has no host: expected https://host[:port]"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(bad(
                "is not encrypted: http is for loopback hosts alone, expected https://",
            ));
        }
        _ => return Err(bad("is not an https:// address")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("must not hold a query or fragment"));
    }
    Ok(url)
}

/// Whether an address is on this machine: `localhost`, 127.0.0.0/8 or `::1`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost")
                || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a text is a page of a Defender portal, of any cloud, and safe to hand to a browser:
/// https, one of the portals' hosts exactly, no user name, the usual port.
pub fn is_portal_url(text: &str) -> bool {
    // The parser drops tabs and line breaks; a page the service wrote has none.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let Some(url::Host::Domain(host)) = url.host() else {
        return false;
    };
    url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && CLOUDS.iter().any(|cloud| cloud.portals.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(cloud: &str) -> Choice<'_> {
        Choice {
            cloud,
            ..Choice::default()
        }
    }

    #[test]
    fn every_open_cloud_resolves_and_keeps_base_and_audience_apart() {
        for cloud in CLOUDS.iter().filter(|cloud| cloud.closed.is_none()) {
            let endpoints = resolve(&choice(cloud.id)).expect(cloud.id);
            assert!(endpoints.defender_audience.starts_with("https://"));
            assert!(!endpoints.is_loopback());
        }
        let commercial = resolve(&choice("Commercial")).expect("resolves");
        assert_eq!(
            commercial.defender.as_str(),
            "https://api.security.microsoft.com/"
        );
        assert_eq!(
            commercial.defender_audience,
            "https://api.securitycenter.microsoft.com"
        );
        let gcc = resolve(&choice("gcc")).expect("resolves");
        assert_eq!(gcc.authority.host_str(), Some("login.microsoftonline.com"));
        assert_eq!(
            gcc.defender.host_str(),
            Some("api-gcc.securitycenter.microsoft.us")
        );
    }

    #[test]
    fn a_region_moves_the_base_and_not_the_audience() {
        let mut eu = choice("commercial");
        eu.region = Some("eu");
        let endpoints = resolve(&eu).expect("resolves");
        assert_eq!(
            endpoints.defender.as_str(),
            "https://eu.api.security.microsoft.com/"
        );
        assert_eq!(
            endpoints.defender_audience,
            "https://api.securitycenter.microsoft.com"
        );
        let mut gcc = choice("gcc");
        gcc.region = Some("eu");
        assert_eq!(
            resolve(&gcc).expect_err("gcc has no regions").to_string(),
            "the cloud \"gcc\" has no region \"eu\"; it has none, leave region out"
        );
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let cases = [
            (choice("china"), "no security API"),
            (choice("gcchigh"), "did you mean \"gcc-high\"?"),
            (
                Choice {
                    graph: Some("http://graph.example.com"),
                    ..choice("commercial")
                },
                "http is for loopback hosts alone",
            ),
            (
                Choice {
                    defender: Some("https://me:pw@api.example.com"),
                    ..choice("commercial")
                },
                "must not hold a user name",
            ),
            (
                Choice {
                    authority: Some("ftp://x.example"),
                    ..choice("commercial")
                },
                "is not an https:// address",
            ),
            (
                Choice {
                    defender: Some("https://api-gcc.securitycenter.microsoft.us"),
                    ..choice("commercial")
                },
                "belongs to the cloud gcc, the profile's is commercial",
            ),
            (
                Choice {
                    defender: Some("https://api.security.microsoft.com"),
                    ..choice("gcc-high")
                },
                "https://api-gov.securitycenter.microsoft.us is used then",
            ),
            (
                Choice {
                    authority: Some("https://login.microsoftonline.us"),
                    ..choice("gcc")
                },
                "belongs to the cloud gcc-high or dod",
            ),
            (
                Choice {
                    defender: Some("https://graph.microsoft.com"),
                    ..choice("commercial")
                },
                "is a host of Microsoft Graph",
            ),
            (
                Choice {
                    defender: Some("https://wdatp-alertexporter-eu.windows.com"),
                    ..choice("commercial")
                },
                "use https://eu.api.security.microsoft.com",
            ),
            (
                Choice {
                    defender_audience: Some("securitycenter"),
                    ..choice("commercial")
                },
                "expected an identifier URI",
            ),
        ];
        for (choice, expected) in cases {
            let error = resolve(&choice).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_legacy_host_works_and_says_what_took_its_place() {
        let legacy = Choice {
            defender: Some("https://api.securitycenter.windows.com"),
            ..choice("commercial")
        };
        let notices = resolve(&legacy).expect("resolves").notices();
        assert_eq!(notices.len(), 1);
        assert!(
            notices[0].contains("https://api.security.microsoft.com"),
            "{notices:?}"
        );
        let current = resolve(&choice("commercial")).expect("resolves");
        assert!(current.notices().is_empty());
    }

    #[test]
    fn an_audience_the_profile_chose_has_no_other_to_try() {
        let mut chosen = choice("commercial");
        let free = resolve(&chosen).expect("resolves");
        assert_eq!(free.other_audiences, ["https://api.security.microsoft.com"]);
        chosen.defender_audience = Some("https://api.securitycenter.microsoft.com");
        assert!(
            resolve(&chosen)
                .expect("resolves")
                .other_audiences
                .is_empty()
        );
    }

    #[test]
    fn loopback_may_be_plain_http() {
        for base in [
            "http://127.0.0.1:4711",
            "http://localhost:80/graph",
            "http://[::1]:9",
        ] {
            assert!(is_loopback(&address("graph_url", base).expect(base)));
        }
        assert!(address("graph_url", "http://127.0.0.1.example.com").is_err());
        assert!(address("graph_url", "http://localhost.example.com").is_err());
    }

    #[test]
    fn an_audience_keeps_its_own_slash() {
        let slashed = Choice {
            defender_audience: Some("https://api.securitycenter.microsoft.com/"),
            ..choice("commercial")
        };
        assert_eq!(
            resolve(&slashed).expect("resolves").defender_audience,
            "https://api.securitycenter.microsoft.com/"
        );
    }

    #[test]
    fn only_pages_of_a_portal_are_opened() {
        for good in [
            "https://security.microsoft.com/incident2/4127/overview?tid=1",
            "https://security.apps.mil/alerts/x",
            "https://SECURITY.microsoft.us/",
        ] {
            assert!(is_portal_url(good), "{good}");
        }
        for bad in [
            "http://security.microsoft.com/",
            "https://security.microsoft.com.evil.example/",
            "https://security.microsoft.com@evil.example/",
            "https://security.microsoft.com:8443/",
            "https://user@security.microsoft.com/",
            "https://secur\nity.microsoft.com/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "",
        ] {
            assert!(!is_portal_url(bad), "{bad}");
        }
    }
}
