//! The table: clouds, hosts and audiences (`defender-endpoint` sheet sections 1.1 to 1.3 and 12,
//! `graph-security` sheet "National clouds").

use super::audience::AudienceClass::{self, Defender, Graph, Xdr};
use super::hosts::Service;
use super::hosts::Standing::{self, Current, Legacy, Retired};

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
    /// The audience the documentation names for Defender for Endpoint, which is not its base.
    pub defender_audience: &'static str,
    /// Audiences other sources name for it, in the order to try them.
    pub other_audiences: &'static [&'static str],
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
        other_audiences: &["https://api.security.microsoft.com"],
        portals: &["security.microsoft.com"],
        regions: &["us", "eu", "uk", "au", "swa", "ina", "aea"],
        closed: None,
    },
    Cloud {
        id: "gcc",
        title: "US Government GCC",
        // Commercial sign-in and Graph, a government host for Defender for Endpoint.
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        defender: "https://api-gcc.securitycenter.microsoft.us",
        defender_audience: "https://api-gcc.securitycenter.microsoft.us",
        other_audiences: &["https://api-gcc.security.microsoft.us"],
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
        other_audiences: &["https://api-gov.security.microsoft.us"],
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
        other_audiences: &["https://api-gov.security.microsoft.us"],
        portals: &["security.apps.mil"],
        regions: &[],
        closed: None,
    },
    Cloud {
        id: "china",
        title: "China (21Vianet)",
        authority: "https://login.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        // Not there: no requests are made, `closed` says why.
        defender: "https://api.security.microsoft.com",
        defender_audience: "https://api.securitycenter.microsoft.com",
        other_audiences: &[],
        portals: &[],
        regions: &[],
        closed: Some(
            "the cloud run by 21Vianet has no security API: no incidents, alerts or hunting",
        ),
    },
];

/// Host of the geo bases: `https://eu.api.security.microsoft.com`.
pub(super) const GEO_SUFFIX: &str = "api.security.microsoft.com";

type Clouds = &'static [&'static str];

const COMMERCIAL: Clouds = &["commercial"];
const GCC: Clouds = &["gcc"];
const HIGH: Clouds = &["gcc-high"];
const DOD: Clouds = &["dod"];
const GOV: Clouds = &["gcc-high", "dod"];
const WORLD: Clouds = &["commercial", "gcc"];
const CHINA: Clouds = &["china"];

/// A host: its name, the service behind it, the clouds it serves, what it is, and the host to use now
/// where it is not current. The geo hosts of [`GEO_SUFFIX`] are made from the regions.
pub(super) type HostRow = (&'static str, Service, Clouds, Standing, &'static str);

/// Every host known.
pub(super) static HOSTS: &[HostRow] = &[
    (
        "login.microsoftonline.com",
        Service::SignIn,
        WORLD,
        Current,
        "",
    ),
    (
        "login.microsoft.com",
        Service::SignIn,
        WORLD,
        Legacy,
        "login.microsoftonline.com",
    ),
    (
        "login.windows.net",
        Service::SignIn,
        WORLD,
        Legacy,
        "login.microsoftonline.com",
    ),
    (
        "login.microsoftonline.us",
        Service::SignIn,
        GOV,
        Current,
        "",
    ),
    (
        "login.chinacloudapi.cn",
        Service::SignIn,
        CHINA,
        Current,
        "",
    ),
    (
        "login.partner.microsoftonline.cn",
        Service::SignIn,
        CHINA,
        Current,
        "",
    ),
    ("graph.microsoft.com", Service::Graph, WORLD, Current, ""),
    (
        "graph.windows.net",
        Service::Graph,
        WORLD,
        Retired,
        "graph.microsoft.com",
    ),
    ("graph.microsoft.us", Service::Graph, HIGH, Current, ""),
    ("dod-graph.microsoft.us", Service::Graph, DOD, Current, ""),
    (
        "microsoftgraph.chinacloudapi.cn",
        Service::Graph,
        CHINA,
        Current,
        "",
    ),
    (
        "api.security.microsoft.com",
        Service::Defender,
        COMMERCIAL,
        Current,
        "",
    ),
    (
        "api.securitycenter.microsoft.com",
        Service::Defender,
        COMMERCIAL,
        Legacy,
        "api.security.microsoft.com",
    ),
    (
        "api.securitycenter.windows.com",
        Service::Defender,
        COMMERCIAL,
        Legacy,
        "api.security.microsoft.com",
    ),
    (
        "api-us.securitycenter.microsoft.com",
        Service::Defender,
        COMMERCIAL,
        Legacy,
        "us.api.security.microsoft.com",
    ),
    (
        "api-eu.securitycenter.microsoft.com",
        Service::Defender,
        COMMERCIAL,
        Legacy,
        "eu.api.security.microsoft.com",
    ),
    (
        "api-uk.securitycenter.microsoft.com",
        Service::Defender,
        COMMERCIAL,
        Legacy,
        "uk.api.security.microsoft.com",
    ),
    (
        "api-gcc.securitycenter.microsoft.us",
        Service::Defender,
        GCC,
        Current,
        "",
    ),
    (
        "api-gov.securitycenter.microsoft.us",
        Service::Defender,
        GOV,
        Current,
        "",
    ),
    (
        "api.securitycenter.windows.us",
        Service::Defender,
        GOV,
        Legacy,
        "api-gov.securitycenter.microsoft.us",
    ),
    // Hosts of the older SIEM interface, which answer nothing the console asks.
    (
        "wdatp-alertexporter-us.windows.com",
        Service::Defender,
        COMMERCIAL,
        Retired,
        "us.api.security.microsoft.com",
    ),
    (
        "wdatp-alertexporter-eu.windows.com",
        Service::Defender,
        COMMERCIAL,
        Retired,
        "eu.api.security.microsoft.com",
    ),
    (
        "wdatp-alertexporter-uk.windows.com",
        Service::Defender,
        COMMERCIAL,
        Retired,
        "uk.api.security.microsoft.com",
    ),
    (
        "wdatp-alertexporter-us.gcc.securitycenter.windows.us",
        Service::Defender,
        GCC,
        Retired,
        "api-gcc.securitycenter.microsoft.us",
    ),
    (
        "wdatp-alertexporter-us.securitycenter.windows.us",
        Service::Defender,
        GOV,
        Retired,
        "api-gov.securitycenter.microsoft.us",
    ),
    (
        "api-gcc.security.microsoft.us",
        Service::Xdr,
        GCC,
        Current,
        "api-gcc.securitycenter.microsoft.us",
    ),
    (
        "api-gov.security.microsoft.us",
        Service::Xdr,
        GOV,
        Current,
        "api-gov.securitycenter.microsoft.us",
    ),
];

/// An audience without the slash at its end, the resource it names, and the clouds it belongs to; `None`
/// for those that are the same everywhere.
pub(super) type AudienceRow = (&'static str, AudienceClass, Option<Clouds>);

/// Every audience known.
pub(super) static AUDIENCES: &[AudienceRow] = &[
    ("https://graph.microsoft.com", Graph, Some(WORLD)),
    ("https://graph.microsoft.us", Graph, Some(HIGH)),
    ("https://dod-graph.microsoft.us", Graph, Some(DOD)),
    (
        "https://microsoftgraph.chinacloudapi.cn",
        Graph,
        Some(CHINA),
    ),
    ("00000003-0000-0000-c000-000000000000", Graph, None),
    ("fc780465-2017-40d4-a0c5-307022471b92", Defender, None),
    (
        "https://api.securitycenter.microsoft.com",
        Defender,
        Some(COMMERCIAL),
    ),
    (
        "https://api-us.securitycenter.microsoft.com",
        Defender,
        Some(COMMERCIAL),
    ),
    (
        "https://api-eu.securitycenter.microsoft.com",
        Defender,
        Some(COMMERCIAL),
    ),
    (
        "https://api-uk.securitycenter.microsoft.com",
        Defender,
        Some(COMMERCIAL),
    ),
    (
        "https://api-gcc.securitycenter.microsoft.us",
        Defender,
        Some(GCC),
    ),
    (
        "https://api-gov.securitycenter.microsoft.us",
        Defender,
        Some(GOV),
    ),
    (
        "https://api.securitycenter.windows.com",
        Defender,
        Some(COMMERCIAL),
    ),
    ("https://api.securitycenter.windows.us", Defender, Some(GOV)),
    (
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        Defender,
        None,
    ),
    (
        "https://securitycenter.onmicrosoft.us/windowsatpservice",
        Defender,
        Some(GOV),
    ),
    ("https://securitycenter.microsoft.com/mtp", Defender, None),
    ("https://securityoperations.microsoft.com", Defender, None),
    (
        "https://managementapi.securitycenter.windows.com",
        Defender,
        None,
    ),
    ("https://publicapi-prd.trafficmanager.net", Defender, None),
    (
        "https://userrequestsgraphapiep-prd.trafficmanager.net",
        Defender,
        None,
    ),
    ("8ee8fdad-f234-4243-8f3b-15c294843740", Xdr, None),
    ("https://api.security.microsoft.com", Xdr, Some(COMMERCIAL)),
    (
        "https://api-us.security.microsoft.com",
        Xdr,
        Some(COMMERCIAL),
    ),
    (
        "https://api-eu.security.microsoft.com",
        Xdr,
        Some(COMMERCIAL),
    ),
    (
        "https://api-uk.security.microsoft.com",
        Xdr,
        Some(COMMERCIAL),
    ),
    ("https://api-gcc.security.microsoft.us", Xdr, Some(GCC)),
    ("https://api-gov.security.microsoft.us", Xdr, Some(GOV)),
    ("https://security.microsoft.com/mtp", Xdr, None),
];
