//! National clouds and regions: hosts, authorities, audiences and portals, all as one table.
//!
//! Request base and audience are two separate settings and neither is derived from the other: the
//! host `api.security.microsoft.com`, taken as an audience, names another Entra resource than the one
//! that answers there. Facts: `defender-endpoint` sheet sections 1 and 2, `graph-security` sheet
//! "National clouds".
//!
//! This room knows nothing of files, profiles or requests. [`resolve`] turns a choice of cloud with
//! its overrides into [`Endpoints`]; `config::Profile::endpoints` calls it.

use url::{Host, Url};

/// One national cloud.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// What a profile calls it.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where tokens come from.
    pub authority: &'static str,
    /// Base of Graph; also the audience of its tokens.
    pub graph: &'static str,
    /// Base of Defender for Endpoint.
    pub defender: &'static str,
    /// Audience of Defender for Endpoint, which is not its base.
    pub defender_audience: &'static str,
    /// Hosts of its Defender portal.
    pub portals: &'static [&'static str],
    /// Regions its Defender base can be narrowed to.
    pub regions: &'static [&'static str],
    /// Why the console cannot be used there, where it cannot.
    pub closed: Option<&'static str>,
}

/// Every cloud known.
pub static CLOUDS: &[Cloud] = &[
    Cloud {
        id: "commercial",
        title: "Commercial (global)",
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        defender: "https://api.security.microsoft.com",
        defender_audience: "https://api.securitycenter.microsoft.com",
        portals: &["security.microsoft.com"],
        regions: &["us", "eu", "uk", "au", "swa", "ina", "aea"],
        closed: None,
    },
    Cloud {
        id: "gcc",
        title: "US Government GCC",
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        defender: "https://api-gcc.securitycenter.microsoft.us",
        defender_audience: "https://api-gcc.securitycenter.microsoft.us",
        portals: &["security.microsoft.com"],
        regions: &[],
        closed: None,
    },
    Cloud {
        id: "gcc-high",
        title: "US Government GCC High (L4)",
        authority: "https://login.microsoftonline.us",
        graph: "https://graph.microsoft.us",
        defender: "https://api-gov.securitycenter.microsoft.us",
        defender_audience: "https://api-gov.securitycenter.microsoft.us",
        portals: &["security.microsoft.us"],
        regions: &[],
        closed: None,
    },
    Cloud {
        id: "dod",
        title: "US Government DoD (L5)",
        authority: "https://login.microsoftonline.us",
        graph: "https://dod-graph.microsoft.us",
        defender: "https://api-gov.securitycenter.microsoft.us",
        defender_audience: "https://api-gov.securitycenter.microsoft.us",
        portals: &["security.apps.mil"],
        regions: &[],
        closed: None,
    },
    Cloud {
        id: "china",
        title: "China (21Vianet)",
        authority: "https://login.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        defender: "https://api.security.microsoft.com",
        defender_audience: "https://api.securitycenter.microsoft.com",
        portals: &[],
        regions: &[],
        closed: Some(
            "the cloud run by 21Vianet has no security API: no incidents, alerts or hunting",
        ),
    },
];

/// Host prefixes of the geo bases: `https://eu.api.security.microsoft.com`.
const GEO_SUFFIX: &str = "api.security.microsoft.com";

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
    Ok(Endpoints {
        cloud,
        authority: address("authority", choice.authority.unwrap_or(cloud.authority))?,
        graph: address("graph_url", choice.graph.unwrap_or(cloud.graph))?,
        defender: address("defender_url", defender)?,
        graph_audience: bare(graph_audience),
        defender_audience: bare(audience),
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
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost")
                || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
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
    let Some(Host::Domain(host)) = url.host() else {
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
