//! What a host is: whose, in which cloud, and whether it is still the one to use.

use url::Url;

use super::audience::CloudKind;
use super::table::{self, Cloud};

/// The service behind a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Microsoft Entra ID: tokens.
    SignIn,
    /// Microsoft Graph.
    Graph,
    /// Defender for Endpoint.
    Defender,
    /// The Defender XDR interface outside Graph, which nothing here speaks to.
    Xdr,
}

impl Service {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Graph => "Microsoft Graph",
            Self::Defender => "Defender for Endpoint",
            Self::Xdr => "the Defender XDR interface outside Graph",
        }
    }
}

/// What has become of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The documented one.
    Current,
    /// The documented one of a region.
    Geo,
    /// Works, and another has taken its place.
    Legacy,
    /// Answers nothing the console asks.
    Retired,
}

/// A host that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The service behind it.
    pub service: Service,
    /// The clouds it serves.
    pub clouds: CloudKind,
    /// What has become of it.
    pub standing: Standing,
    /// The host to use in its place, where it is not the one to use.
    pub instead: Option<&'static str>,
}

impl Host {
    /// What is known about a host name; `None` where nothing is.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('.');
        let listed = table::HOSTS
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name));
        if let Some((_, service, clouds, standing, instead)) = listed {
            return Some(Self {
                service: *service,
                clouds: CloudKind(clouds),
                standing: *standing,
                instead: (!instead.is_empty()).then_some(*instead),
            });
        }
        let (region, suffix) = name.split_once('.')?;
        let cloud = table::CLOUDS.iter().find(|cloud| {
            let mut regions = cloud.regions.iter();
            regions.any(|known| known.eq_ignore_ascii_case(region))
        })?;
        suffix
            .eq_ignore_ascii_case(table::GEO_SUFFIX)
            .then_some(Self {
                service: Service::Defender,
                clouds: CloudKind(std::slice::from_ref(&cloud.id)),
                standing: Standing::Geo,
                instead: None,
            })
    }

    /// The clouds it serves, as a profile calls them.
    pub fn cloud_ids(&self) -> &'static [&'static str] {
        self.clouds.0
    }
}

/// Why a known host cannot be what a profile makes of it; `None` where it can, or is not known.
pub(super) fn misplaced(url: &Url, service: Service, cloud: &Cloud) -> Option<String> {
    let host = Host::find(url.host_str()?)?;
    let instead = match service {
        Service::SignIn => cloud.authority,
        Service::Graph => cloud.graph,
        Service::Defender | Service::Xdr => cloud.defender,
    };
    if host.service != service {
        return Some(format!(
            "is a host of {}, not of {}; expected {instead}, which is used where the setting is left out",
            host.service.title(),
            service.title()
        ));
    }
    if !host.clouds.has(cloud) {
        return Some(format!(
            "belongs to the cloud {}, the profile's is {}; set cloud to the one the tenant lives in, or leave the address out ({instead} is used then)",
            host.cloud_ids().join(" or "),
            cloud.id
        ));
    }
    if host.standing == Standing::Retired {
        return Some(format!(
            "is a retired host; use https://{}",
            host.instead.unwrap_or(instead)
        ));
    }
    None
}

/// What to say of a host that works and is not the one to use any more.
pub(super) fn legacy(url: &Url) -> Option<String> {
    let name = url.host_str()?;
    let host = Host::find(name).filter(|host| host.standing == Standing::Legacy)?;
    let instead = host.instead?;
    Some(format!(
        "{name} is a legacy host of {}: it still works; the current one is https://{instead}",
        host.service.title()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_with_its_cloud_and_standing() {
        let cases = [
            (
                "api.security.microsoft.com",
                Standing::Current,
                "commercial",
            ),
            ("EU.api.security.microsoft.com", Standing::Geo, "commercial"),
            (
                "aea.api.security.microsoft.com.",
                Standing::Geo,
                "commercial",
            ),
            (
                "api.securitycenter.windows.com",
                Standing::Legacy,
                "commercial",
            ),
            (
                "api-gcc.securitycenter.microsoft.us",
                Standing::Current,
                "gcc",
            ),
            (
                "api.securitycenter.windows.us",
                Standing::Legacy,
                "gcc-high",
            ),
            (
                "wdatp-alertexporter-eu.windows.com",
                Standing::Retired,
                "commercial",
            ),
        ];
        for (name, standing, cloud) in cases {
            let host = Host::find(name).expect(name);
            assert_eq!(host.standing, standing, "{name}");
            assert_eq!(host.service, Service::Defender, "{name}");
            assert!(host.cloud_ids().contains(&cloud), "{name}");
        }
        for unknown in [
            "xx.api.security.microsoft.com",
            "localhost",
            "eu.example.com",
            "",
        ] {
            assert_eq!(Host::find(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_host_a_cloud_uses_is_current_and_its_own() {
        for cloud in table::CLOUDS.iter().filter(|cloud| cloud.closed.is_none()) {
            for (base, service) in [
                (cloud.authority, Service::SignIn),
                (cloud.graph, Service::Graph),
                (cloud.defender, Service::Defender),
            ] {
                let url: Url = base.parse().expect("a url");
                assert_eq!(misplaced(&url, service, cloud), None, "{base}");
                assert_eq!(legacy(&url), None, "{base}");
            }
        }
    }

    #[test]
    fn what_stands_in_place_of_a_host_is_known_and_current() {
        for (name, .., standing, instead) in table::HOSTS {
            if *standing != Standing::Current {
                let host = Host::find(instead).expect(name);
                assert!(matches!(host.standing, Standing::Current | Standing::Geo));
            }
        }
    }
}
