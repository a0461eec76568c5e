//! The permissions the services ask for: what each is called in a person's token, which role the person
//! needs besides, and which licence (`defender-endpoint` sheet section 4, `graph-security` sheet
//! "Endpoints at a glance").

use super::Resource;

use Resource::{Defender, Graph};

/// A permission. Names are compared without regard to case: the documents write some both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The resource it is picked under in an app registration.
    pub resource: Resource,
    /// As an application holds it.
    pub application: &'static str,
    /// As a person's token holds it; `None` where people cannot have it.
    pub delegated: Option<&'static str>,
    /// What the signed-in person needs besides: a role in Entra ID or in the Defender portal.
    pub role: &'static str,
    /// What the tenant has to have bought, where that is known to matter.
    pub licence: Option<&'static str>,
}

const READER: &str = "Security Reader in Entra ID (Global Reader, Security Operator and Security Administrator hold it too)";
const OPERATOR: &str = "Security Operator in Entra ID, or Security Administrator";
const ADMINISTRATOR: &str = "Security Administrator in Entra ID";
const ACCOUNTS: &str =
    "an Entra ID role that may do this to the account; for holders of admin roles a higher one";
const VIEW: &str = "\"View data\" in the Defender portal, and access to the device's group";
const REMEDIATE: &str =
    "\"Active remediation actions\" in the Defender portal, and access to the device's group";
const INVESTIGATE: &str =
    "\"Alerts investigation\" in the Defender portal, and access to the device's group";
const SETTINGS: &str = "\"Manage security settings\" in the Defender portal";
const LIVE: &str = "\"Live response\" in the Defender portal (advanced, for scripts), and access to the device's group";

const HUNTING: Option<&str> = Some(
    "advanced hunting: Defender XDR or Defender for Endpoint Plan 2; Defender for Business has none",
);
const PLAN_2: Option<&str> = Some("Defender for Endpoint Plan 2");
const QUARANTINE: Option<&str> =
    Some("Defender for Endpoint; Defender for Business cannot stop and quarantine files");
const TVM: Option<&str> =
    Some("Defender Vulnerability Management (in Defender for Endpoint Plan 2)");
const RISK: Option<&str> = Some("Microsoft Entra ID P2");
const IDENTITY: Option<&str> = Some("Defender for Identity");

const fn graph(
    name: &'static str,
    role: &'static str,
    licence: Option<&'static str>,
) -> Permission {
    Permission {
        resource: Graph,
        application: name,
        delegated: Some(name),
        role,
        licence,
    }
}

/// Mail is read and remediated by applications alone.
const fn mail(name: &'static str) -> Permission {
    Permission {
        delegated: None,
        ..graph(name, "", None)
    }
}

const fn endpoint(
    application: &'static str,
    delegated: &'static str,
    role: &'static str,
    licence: Option<&'static str>,
) -> Permission {
    Permission {
        resource: Defender,
        application,
        delegated: Some(delegated),
        role,
        licence,
    }
}

/// Every permission known.
pub static PERMISSIONS: &[Permission] = &[
    graph("SecurityIncident.Read.All", READER, None),
    graph("SecurityIncident.ReadWrite.All", OPERATOR, None),
    graph("SecurityAlert.Read.All", READER, None),
    graph("SecurityAlert.ReadWrite.All", OPERATOR, None),
    graph("SecurityData.Manage.All", OPERATOR, None),
    graph("ThreatHunting.Read.All", READER, HUNTING),
    mail("SecurityAnalyzedMessage.Read.All"),
    mail("SecurityAnalyzedMessage.ReadWrite.All"),
    graph("SecurityIdentitiesAccount.Read.All", READER, IDENTITY),
    graph(
        "SecurityIdentitiesActions.ReadWrite.All",
        ADMINISTRATOR,
        IDENTITY,
    ),
    graph("IdentityRiskyUser.Read.All", READER, RISK),
    graph("IdentityRiskyUser.ReadWrite.All", OPERATOR, RISK),
    graph("User.RevokeSessions.All", ACCOUNTS, None),
    graph("User.EnableDisableAccount.All", ACCOUNTS, None),
    graph("User.Read.All", "", None),
    graph("User.ReadWrite.All", ACCOUNTS, None),
    graph("Directory.ReadWrite.All", ACCOUNTS, None),
    endpoint("Machine.Read.All", "Machine.Read", VIEW, None),
    endpoint("Machine.ReadWrite.All", "Machine.ReadWrite", SETTINGS, None),
    endpoint("Machine.Isolate", "Machine.Isolate", REMEDIATE, None),
    endpoint(
        "Machine.RestrictExecution",
        "Machine.RestrictExecution",
        REMEDIATE,
        PLAN_2,
    ),
    endpoint("Machine.Scan", "Machine.Scan", REMEDIATE, None),
    endpoint(
        "Machine.StopAndQuarantine",
        "Machine.StopAndQuarantine",
        REMEDIATE,
        QUARANTINE,
    ),
    endpoint(
        "Machine.CollectForensics",
        "Machine.CollectForensics",
        INVESTIGATE,
        PLAN_2,
    ),
    endpoint("Machine.Offboard", "Machine.Offboard", SETTINGS, None),
    endpoint("Machine.LiveResponse", "Machine.LiveResponse", LIVE, PLAN_2),
    endpoint("Library.Manage", "Library.Manage", LIVE, PLAN_2),
    endpoint("Alert.Read.All", "Alert.Read", VIEW, None),
    endpoint("Alert.ReadWrite.All", "Alert.ReadWrite", INVESTIGATE, None),
    endpoint("Ti.Read.All", "Ti.ReadWrite", SETTINGS, None),
    endpoint("Ti.ReadWrite", "Ti.ReadWrite", SETTINGS, None),
    endpoint("Ti.ReadWrite.All", "Ti.ReadWrite", SETTINGS, None),
    endpoint(
        "AdvancedQuery.Read.All",
        "AdvancedQuery.Read",
        VIEW,
        HUNTING,
    ),
    endpoint("File.Read.All", "File.Read.All", VIEW, None),
    endpoint("Ip.Read.All", "Ip.Read.All", VIEW, None),
    endpoint("Url.Read.All", "Url.Read.All", VIEW, None),
    endpoint("User.Read.All", "User.Read.All", VIEW, None),
    endpoint("Software.Read.All", "Software.Read", VIEW, TVM),
    endpoint("Vulnerability.Read.All", "Vulnerability.Read", VIEW, TVM),
    endpoint(
        "SecurityRecommendation.Read.All",
        "SecurityRecommendation.Read",
        VIEW,
        TVM,
    ),
    endpoint("Score.Read.All", "Score.Read", VIEW, TVM),
];

impl Permission {
    /// The permission of a name, application or delegated.
    pub fn find(resource: Resource, name: &str) -> Option<&'static Self> {
        let of = |named: fn(&Self) -> Option<&'static str>| {
            PERMISSIONS.iter().find(|row| {
                row.resource == resource
                    && named(row).is_some_and(|known| known.eq_ignore_ascii_case(name))
            })
        };
        of(|row| Some(row.application)).or_else(|| of(|row| row.delegated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_either_form_and_any_case() {
        let delegated = |name| Permission::find(Defender, name).and_then(|row| row.delegated);
        assert_eq!(delegated("Machine.Read.All"), Some("Machine.Read"));
        assert_eq!(delegated("machine.read"), Some("Machine.Read"));
        assert_eq!(delegated("URL.Read.All"), Some("Url.Read.All"));
        assert_eq!(delegated("Ti.ReadWrite.All"), Some("Ti.ReadWrite"));
        assert_eq!(Permission::find(Graph, "Machine.Isolate"), None);
        let mail = Permission::find(Graph, "SecurityAnalyzedMessage.Read.All");
        assert_eq!(mail.map(|row| row.delegated), Some(None));
    }
}
