//! The resources tokens can be asked for, as tables: audiences and permissions.
//!
//! Facts: the Defender for Endpoint sheet, sections 1.2 and 4; the Graph sheet, "Endpoints at a glance".

use std::collections::HashMap;

use super::super::clouds::Cloud::{self, China, Dod, Gcc, GccHigh};
use super::super::quirks::{ConsentState, ForeignResource};
use super::directory::App;

/// What a permission lets a person do; the person's own role must allow it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Look at anything.
    View,
    /// Work on alerts and incidents.
    Investigate,
    /// Act on devices and accounts.
    Respond,
    /// Change settings: indicators, tags, the live response library.
    Settings,
}

use Capability::{Investigate, Respond, Settings, View};

/// A permission of a resource in both its forms.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// Application permission; empty where there is none.
    pub role: &'static str,
    /// Delegated permission; empty where there is none.
    pub scope: &'static str,
    /// What it stands for in a person's hands.
    pub capability: Capability,
}

const fn row(role: &'static str, scope: &'static str, capability: Capability) -> Permission {
    Permission {
        role,
        scope,
        capability,
    }
}

/// A resource that tokens can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// Its application id, which is an audience too.
    pub app_id: &'static str,
    /// Identifier URIs in the global cloud. The first is the one documents name.
    pub audiences: &'static [&'static str],
    /// Identifier URIs in other clouds, each with those that have it.
    pub national: &'static [(&'static str, &'static [Cloud])],
    /// What it lets applications and people do.
    pub permissions: &'static [Permission],
}

/// Microsoft Graph.
pub const GRAPH: Resource = Resource {
    app_id: "00000003-0000-0000-c000-000000000000",
    audiences: &["https://graph.microsoft.com"],
    national: &[
        ("https://graph.microsoft.com", &[Gcc]),
        ("https://graph.microsoft.us", &[GccHigh]),
        ("https://dod-graph.microsoft.us", &[Dod]),
        ("https://microsoftgraph.chinacloudapi.cn", &[China]),
    ],
    permissions: &[
        row(
            "SecurityIncident.Read.All",
            "SecurityIncident.Read.All",
            View,
        ),
        row(
            "SecurityIncident.ReadWrite.All",
            "SecurityIncident.ReadWrite.All",
            Investigate,
        ),
        row("SecurityAlert.Read.All", "SecurityAlert.Read.All", View),
        row(
            "SecurityAlert.ReadWrite.All",
            "SecurityAlert.ReadWrite.All",
            Investigate,
        ),
        row("ThreatHunting.Read.All", "ThreatHunting.Read.All", View),
        row(
            "SecurityData.Manage.All",
            "SecurityData.Manage.All",
            Investigate,
        ),
        // Mail is for applications alone.
        row("SecurityAnalyzedMessage.Read.All", "", View),
        row("SecurityAnalyzedMessage.ReadWrite.All", "", Respond),
        row(
            "SecurityIdentitiesAccount.Read.All",
            "SecurityIdentitiesAccount.Read.All",
            View,
        ),
        row(
            "SecurityIdentitiesActions.ReadWrite.All",
            "SecurityIdentitiesActions.ReadWrite.All",
            Settings,
        ),
        row(
            "IdentityRiskyUser.Read.All",
            "IdentityRiskyUser.Read.All",
            View,
        ),
        row(
            "IdentityRiskyUser.ReadWrite.All",
            "IdentityRiskyUser.ReadWrite.All",
            Respond,
        ),
        row(
            "User.RevokeSessions.All",
            "User.RevokeSessions.All",
            Respond,
        ),
        row(
            "User.EnableDisableAccount.All",
            "User.EnableDisableAccount.All",
            Respond,
        ),
        row("User.Read.All", "User.Read.All", View),
        row("", "User.Read", View),
    ],
};

/// WindowsDefenderATP, the resource of Defender for Endpoint.
pub const DEFENDER: Resource = Resource {
    app_id: "fc780465-2017-40d4-a0c5-307022471b92",
    audiences: &[
        "https://api.securitycenter.microsoft.com",
        "https://api-us.securitycenter.microsoft.com",
        "https://api-eu.securitycenter.microsoft.com",
        "https://api-uk.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://securitycenter.microsoft.com/mtp",
        "https://securityoperations.microsoft.com",
        "https://managementapi.securitycenter.windows.com",
        "https://publicapi-prd.trafficmanager.net",
        "https://userrequestsgraphapiep-prd.trafficmanager.net",
    ],
    national: &[
        ("https://api-gcc.securitycenter.microsoft.us", &[Gcc]),
        (
            "https://api-gov.securitycenter.microsoft.us",
            &[GccHigh, Dod],
        ),
        ("https://api.securitycenter.windows.us", &[GccHigh, Dod]),
        (
            "https://securitycenter.onmicrosoft.us/windowsatpservice",
            &[GccHigh, Dod],
        ),
    ],
    permissions: &[
        row("Machine.Read.All", "Machine.Read", View),
        row("Machine.ReadWrite.All", "Machine.ReadWrite", Settings),
        row("Machine.Isolate", "Machine.Isolate", Respond),
        row(
            "Machine.RestrictExecution",
            "Machine.RestrictExecution",
            Respond,
        ),
        row("Machine.Scan", "Machine.Scan", Respond),
        row(
            "Machine.CollectForensics",
            "Machine.CollectForensics",
            Investigate,
        ),
        row("Machine.Offboard", "Machine.Offboard", Settings),
        row(
            "Machine.StopAndQuarantine",
            "Machine.StopAndQuarantine",
            Respond,
        ),
        row("Machine.LiveResponse", "Machine.LiveResponse", Respond),
        row("Library.Manage", "Library.Manage", Settings),
        row("Alert.Read.All", "Alert.Read", View),
        row("Alert.ReadWrite.All", "Alert.ReadWrite", Investigate),
        row("Ti.Read.All", "", View),
        row("Ti.ReadWrite", "Ti.ReadWrite", Settings),
        row("Ti.ReadWrite.All", "Ti.ReadWrite", Settings),
        row("AdvancedQuery.Read.All", "AdvancedQuery.Read", View),
        // These keep `.All` in a person's token.
        row("File.Read.All", "File.Read.All", View),
        row("Ip.Read.All", "Ip.Read.All", View),
        row("Url.Read.All", "Url.Read.All", View),
        row("User.Read.All", "User.Read.All", View),
        row("Software.Read.All", "Software.Read", View),
        row("Vulnerability.Read.All", "Vulnerability.Read", View),
        row(
            "SecurityRecommendation.Read.All",
            "SecurityRecommendation.Read",
            View,
        ),
        row("Score.Read.All", "Score.Read", View),
    ],
};

/// Microsoft Threat Protection: the host name of Defender for Endpoint, used as an audience, names this.
pub const XDR: Resource = Resource {
    app_id: "8ee8fdad-f234-4243-8f3b-15c294843740",
    audiences: &[
        "https://api.security.microsoft.com",
        "https://api-us.security.microsoft.com",
        "https://api-eu.security.microsoft.com",
        "https://api-uk.security.microsoft.com",
        "https://security.microsoft.com/mtp",
    ],
    national: &[
        ("https://api-gcc.security.microsoft.us", &[Gcc]),
        ("https://api-gov.security.microsoft.us", &[GccHigh, Dod]),
    ],
    permissions: &[
        row("Incident.Read.All", "Incident.Read", View),
        row("Incident.ReadWrite.All", "Incident.ReadWrite", Investigate),
        row("AdvancedHunting.Read.All", "AdvancedHunting.Read", View),
    ],
};

/// What a v1 request without `resource` gets a token for: the directory's old Graph, where the
/// application has no permission at all. A well-known trap of mixing both generations.
pub const DIRECTORY: Resource = Resource {
    app_id: "00000002-0000-0000-c000-000000000000",
    audiences: &["https://graph.windows.net"],
    national: &[("https://graph.windows.net", &[Gcc, GccHigh, Dod, China])],
    permissions: &[],
};

/// Every resource the tenant has.
pub const ALL: &[Resource] = &[GRAPH, DEFENDER, XDR, DIRECTORY];

impl Resource {
    /// The resource an audience names in whichever cloud, whatever its case and trailing slash.
    pub fn of_audience(aud: &str) -> Option<Self> {
        ALL.iter().copied().find(|r| r.is_audience(aud))
    }

    /// Whether an `aud` names this resource in any cloud, whatever its case and trailing slash.
    pub fn is_audience(&self, aud: &str) -> bool {
        let aud = aud.strip_suffix('/').unwrap_or(aud);
        self.is_global(aud) || (self.national.iter()).any(|(a, _)| a.eq_ignore_ascii_case(aud))
    }

    /// Whether an `aud` names this resource in one cloud: tokens of one do not work in another, but for
    /// those whose audience is the application id, which is the same everywhere.
    pub fn is_audience_in(&self, cloud: Cloud, aud: &str) -> bool {
        if self.app_id == DEFENDER.app_id && cloud.defender().is_none() {
            return false;
        }
        let aud = aud.strip_suffix('/').unwrap_or(aud);
        if cloud == Cloud::Global {
            return self.is_global(aud);
        }
        let national = self.national.iter();
        aud.eq_ignore_ascii_case(self.app_id)
            || national
                .filter(|(_, clouds)| clouds.contains(&cloud))
                .any(|(a, _)| a.eq_ignore_ascii_case(aud))
    }

    fn is_global(&self, aud: &str) -> bool {
        aud.eq_ignore_ascii_case(self.app_id)
            || self.audiences.iter().any(|a| a.eq_ignore_ascii_case(aud))
    }
}

/// Which tokens the Defender for Endpoint API takes (sheet, section 2: documentation and field disagree).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// Those of its own resource, as documented.
    #[default]
    Documented,
    /// Those of the Defender XDR resource, which then carries its permissions too.
    Migrated,
    /// Either.
    Both,
}

impl std::str::FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "documented" => Ok(Self::Documented),
            "migrated" => Ok(Self::Migrated),
            "both" => Ok(Self::Both),
            _ => Err("write documented, migrated or both".into()),
        }
    }
}

impl Audience {
    /// Whether the Defender for Endpoint API of a cloud takes a token for this audience.
    pub fn takes(self, cloud: Cloud, aud: &str) -> bool {
        let own = self != Self::Migrated && DEFENDER.is_audience_in(cloud, aud);
        own || (self != Self::Documented && XDR.is_audience_in(cloud, aud))
    }
}

/// What the tenant granted to its applications.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Permissions that were not granted, by either name.
    pub withheld: Vec<String>,
    /// Which tokens Defender for Endpoint takes.
    pub audience: Audience,
    /// The cloud it is in, whose resources alone have names here.
    pub cloud: Cloud,
    /// What becomes of a request for another cloud's.
    pub foreign: ForeignResource,
    /// What was consented to from the beginning.
    pub consent: ConsentState,
    /// What was consented to since, by application id and then by resource; it stands in the place of all
    /// that was before.
    pub given: HashMap<String, HashMap<&'static str, Given>>,
}

/// What an application was given of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Application permissions.
    pub roles: Vec<&'static str>,
    /// Delegated permissions.
    pub scopes: Vec<&'static str>,
}

impl Grants {
    /// The resource that tokens are issued for under this name.
    pub fn resource(&self, aud: &str) -> Option<Resource> {
        let own = ALL
            .iter()
            .copied()
            .find(|r| r.is_audience_in(self.cloud, aud));
        own.or_else(|| match self.foreign {
            ForeignResource::Unknown => None,
            ForeignResource::Issued => Resource::of_audience(aud),
        })
    }

    /// What a resource lets applications and people do in this tenant.
    pub fn permissions(&self, resource: Resource) -> impl Iterator<Item = &'static Permission> {
        let migrated = self.audience != Audience::Documented && resource.app_id == XDR.app_id;
        let more = if migrated { DEFENDER.permissions } else { &[] };
        resource.permissions.iter().chain(more)
    }

    /// What an application has of a resource in this tenant.
    pub fn of(&self, app: &App, resource: Resource) -> Given {
        match self.given.get(&app.id) {
            Some(given) => given.get(resource.app_id).cloned().unwrap_or_default(),
            None if app.consented && self.covers(resource) => self.first(resource),
            None => Given::default(),
        }
    }

    /// Whether an application is in the tenant at all; `own` says that it is the tenant's first.
    pub fn has(&self, app: &App, own: bool) -> bool {
        !own || self.consent != ConsentState::Absent || self.given.contains_key(&app.id)
    }

    /// Gives an application everything of a resource, or single delegated permissions. From now on it has
    /// what it has here, and no longer what it had from the beginning.
    pub fn give(&mut self, app: &App, resource: Resource, scopes: Option<&[String]>) {
        if !self.given.contains_key(&app.id) {
            let before = ALL.iter().map(|r| (r.app_id, self.of(app, *r)));
            let before: HashMap<_, _> = before.collect();
            self.given.insert(app.id.clone(), before);
        }
        let all = each(self.permissions(resource));
        let given = self.given.entry(app.id.clone()).or_default();
        let given = given.entry(resource.app_id).or_default();
        match scopes {
            None => *given = all,
            Some(names) => {
                let named = |s: &&str| names.iter().any(|n| n.eq_ignore_ascii_case(s));
                for scope in all.scopes.into_iter().filter(named) {
                    if !given.scopes.contains(&scope) {
                        given.scopes.push(scope);
                    }
                }
            }
        }
    }

    /// Whether the consent of the beginning reaches a resource.
    fn covers(&self, resource: Resource) -> bool {
        let graph = resource.app_id == GRAPH.app_id;
        match self.consent {
            ConsentState::Full => true,
            ConsentState::GraphOnly => graph,
            ConsentState::DefenderOnly => !graph,
            ConsentState::WrongResource => resource.app_id != DEFENDER.app_id,
            ConsentState::Nothing | ConsentState::Absent => false,
        }
    }

    /// Everything but what is withheld: a delegated permission goes with the application permission it
    /// stands for.
    fn first(&self, resource: Resource) -> Given {
        each(self.granted(resource))
    }

    fn granted(&self, resource: Resource) -> impl Iterator<Item = &'static Permission> {
        self.permissions(resource).filter(move |p| {
            !self
                .withheld
                .iter()
                .any(|w| w.eq_ignore_ascii_case(p.role) || w.eq_ignore_ascii_case(p.scope))
        })
    }
}

/// The permissions of a list in both forms, each once.
fn each(list: impl Iterator<Item = &'static Permission>) -> Given {
    let mut given = Given::default();
    for permission in list {
        if !permission.role.is_empty() {
            given.roles.push(permission.role);
        }
        if !permission.scope.is_empty() && !given.scopes.contains(&permission.scope) {
            given.scopes.push(permission.scope);
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_compared_loosely() {
        assert!(DEFENDER.is_audience("HTTPS://api.securitycenter.microsoft.com/"));
        assert!(DEFENDER.is_audience("FC780465-2017-40d4-a0c5-307022471b92"));
        assert!(!DEFENDER.is_audience("https://api.security.microsoft.com"));
        assert!(XDR.is_audience("https://api.security.microsoft.com"));
        assert!(!GRAPH.is_audience("https://graph.microsoft.com/.default"));
    }

    #[test]
    fn what_a_cloud_is_asked_for_names_its_resource_there() {
        for cloud in [Cloud::Global, Gcc, GccHigh, Dod, China] {
            assert!(GRAPH.is_audience_in(cloud, cloud.graph()));
            let defender = cloud.defender().unwrap_or(DEFENDER.app_id);
            assert_eq!(
                DEFENDER.is_audience_in(cloud, defender),
                cloud.defender().is_some()
            );
        }
        assert!(!GRAPH.is_audience_in(Dod, GccHigh.graph()));
        assert!(!DEFENDER.is_audience_in(Gcc, DEFENDER.audiences[0]));
    }

    #[test]
    fn where_the_audience_moved_its_permissions_moved_along() {
        let role = "Machine.Isolate";
        for (audience, own, other) in [
            (Audience::Documented, true, false),
            (Audience::Migrated, false, true),
            (Audience::Both, true, true),
        ] {
            let grants = Grants {
                audience,
                ..Grants::default()
            };
            assert_eq!(audience.takes(Cloud::Global, DEFENDER.audiences[0]), own);
            assert_eq!(audience.takes(Cloud::Global, XDR.audiences[0]), other);
            assert_eq!(grants.first(XDR).roles.contains(&role), other);
        }
    }

    #[test]
    fn no_audience_names_two_resources() {
        let all: Vec<&str> = ALL
            .iter()
            .flat_map(|r| {
                let national = r.national.iter().map(|(aud, _)| *aud);
                r.audiences
                    .iter()
                    .copied()
                    .chain(national)
                    .chain([r.app_id])
            })
            .collect();
        for aud in &all {
            assert_eq!(
                ALL.iter().filter(|r| r.is_audience(aud)).count(),
                1,
                "{aud}"
            );
        }
    }

    #[test]
    fn people_hold_the_same_permissions_without_all_in_defender() {
        let scope = |role| {
            DEFENDER
                .permissions
                .iter()
                .find(|p| p.role == role)
                .map(|p| p.scope)
        };
        assert_eq!(scope("Machine.Read.All"), Some("Machine.Read"));
        assert_eq!(scope("User.Read.All"), Some("User.Read.All"));
        assert!(
            GRAPH
                .permissions
                .iter()
                .all(|p| p.scope == p.role || p.scope.is_empty() || p.role.is_empty())
        );
    }
}
