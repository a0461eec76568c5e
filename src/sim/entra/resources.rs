//! The resources tokens can be asked for, as tables: audiences and permissions.
//!
//! Facts: the Defender for Endpoint sheet, sections 1.2 and 4; the Graph sheet, "Endpoints at a glance".

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
    /// Whether the tenant's own application was given it.
    pub granted: bool,
}

const fn row(
    role: &'static str,
    scope: &'static str,
    capability: Capability,
    granted: bool,
) -> Permission {
    Permission {
        role,
        scope,
        capability,
        granted,
    }
}

/// A resource that tokens can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// Its application id, which is an audience too.
    pub app_id: &'static str,
    /// Identifier URIs. The first is the one documents name.
    pub audiences: &'static [&'static str],
    /// What it lets applications and people do.
    pub permissions: &'static [Permission],
}

/// Microsoft Graph.
pub const GRAPH: Resource = Resource {
    app_id: "00000003-0000-0000-c000-000000000000",
    audiences: &["https://graph.microsoft.com"],
    permissions: &[
        row(
            "SecurityIncident.Read.All",
            "SecurityIncident.Read.All",
            View,
            true,
        ),
        row(
            "SecurityIncident.ReadWrite.All",
            "SecurityIncident.ReadWrite.All",
            Investigate,
            true,
        ),
        row(
            "SecurityAlert.Read.All",
            "SecurityAlert.Read.All",
            View,
            true,
        ),
        row(
            "SecurityAlert.ReadWrite.All",
            "SecurityAlert.ReadWrite.All",
            Investigate,
            true,
        ),
        row(
            "ThreatHunting.Read.All",
            "ThreatHunting.Read.All",
            View,
            true,
        ),
        row(
            "SecurityData.Manage.All",
            "SecurityData.Manage.All",
            Investigate,
            true,
        ),
        // Mail is for applications alone.
        row("SecurityAnalyzedMessage.Read.All", "", View, true),
        row("SecurityAnalyzedMessage.ReadWrite.All", "", Respond, true),
        row(
            "SecurityIdentitiesAccount.Read.All",
            "SecurityIdentitiesAccount.Read.All",
            View,
            true,
        ),
        row(
            "SecurityIdentitiesActions.ReadWrite.All",
            "SecurityIdentitiesActions.ReadWrite.All",
            Settings,
            true,
        ),
        row(
            "IdentityRiskyUser.Read.All",
            "IdentityRiskyUser.Read.All",
            View,
            true,
        ),
        row(
            "IdentityRiskyUser.ReadWrite.All",
            "IdentityRiskyUser.ReadWrite.All",
            Respond,
            true,
        ),
        row(
            "User.RevokeSessions.All",
            "User.RevokeSessions.All",
            Respond,
            true,
        ),
        row(
            "User.EnableDisableAccount.All",
            "User.EnableDisableAccount.All",
            Respond,
            true,
        ),
        row("User.Read.All", "User.Read.All", View, true),
        row("", "User.Read", View, true),
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
    permissions: &[
        row("Machine.Read.All", "Machine.Read", View, true),
        row("Machine.ReadWrite.All", "Machine.ReadWrite", Settings, true),
        row("Machine.Isolate", "Machine.Isolate", Respond, true),
        row(
            "Machine.RestrictExecution",
            "Machine.RestrictExecution",
            Respond,
            true,
        ),
        row("Machine.Scan", "Machine.Scan", Respond, true),
        row(
            "Machine.CollectForensics",
            "Machine.CollectForensics",
            Investigate,
            true,
        ),
        row("Machine.Offboard", "Machine.Offboard", Settings, true),
        row(
            "Machine.StopAndQuarantine",
            "Machine.StopAndQuarantine",
            Respond,
            true,
        ),
        row(
            "Machine.LiveResponse",
            "Machine.LiveResponse",
            Respond,
            true,
        ),
        row("Library.Manage", "Library.Manage", Settings, true),
        row("Alert.Read.All", "Alert.Read", View, true),
        row("Alert.ReadWrite.All", "Alert.ReadWrite", Investigate, true),
        row("Ti.Read.All", "", View, true),
        row("Ti.ReadWrite", "Ti.ReadWrite", Settings, true),
        row("Ti.ReadWrite.All", "Ti.ReadWrite", Settings, true),
        row("AdvancedQuery.Read.All", "AdvancedQuery.Read", View, true),
        // These keep `.All` in a person's token.
        row("File.Read.All", "File.Read.All", View, true),
        row("Ip.Read.All", "Ip.Read.All", View, true),
        row("Url.Read.All", "Url.Read.All", View, true),
        row("User.Read.All", "User.Read.All", View, true),
        row("Software.Read.All", "Software.Read", View, true),
        row("Vulnerability.Read.All", "Vulnerability.Read", View, true),
        row(
            "SecurityRecommendation.Read.All",
            "SecurityRecommendation.Read",
            View,
            true,
        ),
        row("Score.Read.All", "Score.Read", View, true),
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
    permissions: &[
        row("Incident.Read.All", "Incident.Read", View, true),
        row(
            "Incident.ReadWrite.All",
            "Incident.ReadWrite",
            Investigate,
            true,
        ),
        row(
            "AdvancedHunting.Read.All",
            "AdvancedHunting.Read",
            View,
            true,
        ),
    ],
};

/// What a v1 request without `resource` gets a token for: the directory's old Graph, where the
/// application has no permission at all. A well-known trap of mixing both generations.
pub const DIRECTORY: Resource = Resource {
    app_id: "00000002-0000-0000-c000-000000000000",
    audiences: &["https://graph.windows.net"],
    permissions: &[],
};

/// Every resource the tenant has.
pub const ALL: &[Resource] = &[GRAPH, DEFENDER, XDR, DIRECTORY];

impl Resource {
    /// The resource an audience names, whatever its case and trailing slash.
    pub fn of_audience(aud: &str) -> Option<Self> {
        ALL.iter().copied().find(|r| r.is_audience(aud))
    }

    /// Whether an `aud` names this resource, whatever its case and trailing slash.
    pub fn is_audience(&self, aud: &str) -> bool {
        let aud = aud.strip_suffix('/').unwrap_or(aud);
        aud.eq_ignore_ascii_case(self.app_id)
            || self.audiences.iter().any(|a| a.eq_ignore_ascii_case(aud))
    }

    /// Application permissions the tenant's application was given.
    pub fn granted_roles(&self) -> impl Iterator<Item = &'static str> {
        self.permissions
            .iter()
            .filter(|p| p.granted && !p.role.is_empty())
            .map(|p| p.role)
    }

    /// Delegated permissions the tenant consented to for its application, each once.
    pub fn granted_scopes(&self) -> Vec<&'static str> {
        let mut scopes: Vec<&'static str> = Vec::new();
        for permission in self.permissions.iter().filter(|p| p.granted) {
            if !permission.scope.is_empty() && !scopes.contains(&permission.scope) {
                scopes.push(permission.scope);
            }
        }
        scopes
    }
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
    fn no_audience_names_two_resources() {
        let all: Vec<&str> = ALL
            .iter()
            .flat_map(|r| r.audiences.iter().copied().chain([r.app_id]))
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
