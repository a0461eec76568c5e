//! Which Entra resource an audience names. Two have confusingly similar names
//! (`defender-endpoint` sheet section 1.2).

use super::table::{self, Cloud};

/// The resource behind an `aud`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl AudienceClass {
    /// The class of an `aud`; case and a slash at the end do not matter.
    pub fn of(aud: &str) -> Self {
        table::AUDIENCES
            .iter()
            .find(|(known, ..)| is(known, aud))
            .map_or(Self::Other, |(_, class, _)| *class)
    }

    /// What people call the resource.
    pub fn title(self) -> &'static str {
        match self {
            Self::Graph => "Microsoft Graph",
            Self::Defender => "WindowsDefenderATP (Defender for Endpoint)",
            Self::Xdr => "Microsoft Threat Protection (Defender XDR)",
            Self::Other => "another service",
        }
    }
}

/// The clouds a host or an audience belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudKind(pub(super) &'static [&'static str]);

impl CloudKind {
    /// The clouds an audience belongs to; `None` for one that is the same everywhere, or not known.
    pub fn of_audience(aud: &str) -> Option<Self> {
        table::AUDIENCES
            .iter()
            .find(|(known, ..)| is(known, aud))
            .and_then(|(.., clouds)| *clouds)
            .map(Self)
    }

    /// Whether a cloud is among them.
    pub fn has(self, cloud: &Cloud) -> bool {
        self.0.contains(&cloud.id)
    }
}

/// Whether two audiences are the same: case and a slash at the end do not matter.
pub(super) fn is(known: &str, aud: &str) -> bool {
    known.eq_ignore_ascii_case(aud.trim().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_cloud_asks_for_audiences_of_its_own() {
        for cloud in table::CLOUDS.iter().filter(|cloud| cloud.closed.is_none()) {
            assert_eq!(AudienceClass::of(cloud.graph), AudienceClass::Graph);
            assert_eq!(
                AudienceClass::of(cloud.defender_audience),
                AudienceClass::Defender
            );
            for aud in [cloud.graph, cloud.defender_audience]
                .iter()
                .chain(cloud.other_audiences)
            {
                let clouds = CloudKind::of_audience(aud).expect(aud);
                assert!(clouds.has(cloud), "{aud} in {}", cloud.id);
            }
        }
        assert_eq!(
            CloudKind::of_audience("fc780465-2017-40d4-a0c5-307022471b92"),
            None
        );
    }
}
