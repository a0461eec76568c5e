//! What a token says, and what the services ask of it.
//!
//! Knows the tables of permissions and roles; knows nothing of keys, grants or HTTP.

use serde::{Deserialize, Serialize};

use super::resources::{ALL, Capability, Resource};

/// What a token says. Tokens of the first format (`ver` 1.0) name the application `appid`, those of the
/// second `azp`; a person's token has `scp`, an application's `roles`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Audience.
    pub aud: String,
    /// Issuer.
    pub iss: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Not before, Unix seconds.
    pub nbf: i64,
    /// Expires, Unix seconds.
    pub exp: i64,
    /// How a person signed in: `pwd`, `mfa`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Application id, format 1.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub appid: String,
    /// Application name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_displayname: String,
    /// How the application proved itself, format 1: 0 not at all, 1 by a secret, 2 by a certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub appidacr: String,
    /// Application id, format 2.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub azp: String,
    /// The same as `appidacr`, format 2.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub azpacr: String,
    /// `app` or `user`.
    pub idtyp: String,
    /// Object id of the service principal or the person.
    pub oid: String,
    /// Display name of the person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The person's name, format 2.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub preferred_username: String,
    /// Application permissions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Delegated permissions, separated by spaces.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scp: String,
    /// The same as `oid` for an application; for a person one id an application.
    pub sub: String,
    /// Tenant.
    pub tid: String,
    /// The person's name, format 1.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unique_name: String,
    /// User principal name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upn: String,
    /// A unique id.
    pub uti: String,
    /// Format version.
    pub ver: String,
    /// What the client said it can do: `cp1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub xms_cc: Vec<String>,
    /// Directory roles of the person, by template id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wids: Vec<String>,
}

/// A directory role, and what Defender lets its holders do.
#[derive(Debug)]
pub struct DirectoryRole {
    /// What people call it.
    pub name: &'static str,
    /// Template id, as `wids` lists it.
    pub wid: &'static str,
    /// What it allows.
    pub allows: &'static [Capability],
}

use Capability::{Investigate, Respond, Settings, View};

/// The directory roles that mean something here (Graph sheet, "Endpoints at a glance"; Defender sheet, section 4).
pub const DIRECTORY_ROLES: &[DirectoryRole] = &[
    DirectoryRole {
        name: "Global Administrator",
        wid: "62e90394-69f5-4237-9190-012177145e10",
        allows: &[View, Investigate, Respond, Settings],
    },
    DirectoryRole {
        name: "Security Reader",
        wid: "5d6b6bb7-de71-4623-b4af-96380a352509",
        allows: &[View],
    },
    DirectoryRole {
        name: "Global Reader",
        wid: "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
        allows: &[View],
    },
    DirectoryRole {
        name: "Security Operator",
        wid: "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f",
        allows: &[View, Investigate, Respond],
    },
    DirectoryRole {
        name: "Security Administrator",
        wid: "194ae4cb-b126-40b2-bd5b-6091b380977d",
        allows: &[View, Investigate, Respond, Settings],
    },
];

impl Claims {
    /// Whether the token has any of these application permissions or, for a person, the delegated
    /// permission that stands for one and a role that allows it; if not, the service's sentence (the newer wording).
    pub fn need(&self, any_of: &[&str]) -> Result<(), String> {
        if self.has(any_of) {
            return Ok(());
        }
        if !self.is_person() {
            return Err(format!(
                "Missing application roles. API required roles: {}, application roles: {}.",
                any_of.join(","),
                self.roles.join(",")
            ));
        }
        if any_of.iter().any(|role| self.holds_scope(role)) {
            return Err(format!(
                "The user {} has no role that allows this. Assign a role in Microsoft Entra ID or in Microsoft Defender XDR.",
                self.user()
            ));
        }
        let scopes: Vec<&str> = any_of
            .iter()
            .map(|role| self.row(role).0)
            .filter(|scope| !scope.is_empty())
            .collect();
        Err(format!(
            "Missing delegated scopes. API required scopes: {}, token scopes: {}.",
            scopes.join(","),
            self.scp.replace(' ', ",")
        ))
    }

    /// Whether the token has any of these application permissions, or what stands for one in a person's hands.
    pub fn has(&self, any_of: &[&str]) -> bool {
        if !self.is_person() {
            return any_of
                .iter()
                .any(|role| self.roles.iter().any(|r| r.eq_ignore_ascii_case(role)));
        }
        any_of
            .iter()
            .any(|role| self.holds_scope(role) && self.may(self.row(role).1))
    }

    /// Who is named where Graph says who did something.
    pub fn actor(&self) -> String {
        if self.is_person() {
            self.user().to_owned()
        } else {
            format!("API-App:{}", self.requestor())
        }
    }

    /// Who is named where Defender for Endpoint says who asked: a person, or an application by its name
    /// (its id where the token does not tell the name).
    pub fn requestor(&self) -> String {
        if self.is_person() {
            self.user().to_owned()
        } else if self.app_displayname.is_empty() {
            self.application().to_owned()
        } else {
            self.app_displayname.clone()
        }
    }

    /// Whether it stands for a person rather than an application.
    pub fn is_person(&self) -> bool {
        self.idtyp == "user" || !self.scp.is_empty()
    }

    /// The person's name, whatever the format.
    fn user(&self) -> &str {
        if self.upn.is_empty() {
            &self.preferred_username
        } else {
            &self.upn
        }
    }

    /// The application it was issued to, whatever the format.
    pub fn application(&self) -> &str {
        if self.appid.is_empty() {
            &self.azp
        } else {
            &self.appid
        }
    }

    /// Whether the person's directory roles allow something.
    fn may(&self, capability: Capability) -> bool {
        DIRECTORY_ROLES
            .iter()
            .any(|r| r.allows.contains(&capability) && self.wids.iter().any(|w| w == r.wid))
    }

    fn holds_scope(&self, role: &str) -> bool {
        let scope = self.row(role).0;
        !scope.is_empty()
            && self
                .scp
                .split(' ')
                .any(|held| held.eq_ignore_ascii_case(scope))
    }

    /// The delegated permission that stands for an application permission of the token's resource (or
    /// another's), and what it lets people do. A permission that no table has is the same in both forms and takes an administrator.
    fn row<'a>(&self, role: &'a str) -> (&'a str, Capability) {
        let own = Resource::of_audience(&self.aud).into_iter();
        own.chain(ALL.iter().copied())
            .flat_map(|resource| resource.permissions)
            .find(|p| p.role.eq_ignore_ascii_case(role))
            .map_or((role, Settings), |p| (p.scope, p.capability))
    }
}

#[cfg(test)]
mod tests {
    use super::super::resources::{DEFENDER, GRAPH};
    use super::*;

    fn person(aud: &str, scp: &str, role: &str) -> Claims {
        let wid = DIRECTORY_ROLES.iter().find(|r| r.name == role);
        Claims {
            aud: aud.into(),
            scp: scp.into(),
            upn: "dana@contoso.com".into(),
            wids: wid.into_iter().map(|r| r.wid.to_owned()).collect(),
            ..Claims::default()
        }
    }

    #[test]
    fn applications_are_asked_for_roles() {
        let claims = Claims {
            roles: vec!["Machine.Scan".into()],
            app_displayname: "nightjar".into(),
            ..Claims::default()
        };
        assert!(claims.need(&["machine.scan"]).is_ok());
        assert_eq!(
            claims
                .need(&["Machine.Isolate", "X.Y"])
                .expect_err("refused"),
            "Missing application roles. API required roles: Machine.Isolate,X.Y, application roles: Machine.Scan."
        );
        assert_eq!(claims.actor(), "API-App:nightjar");
    }

    #[test]
    fn people_need_the_scope_and_the_role() {
        let read = ["Machine.Read.All", "Machine.ReadWrite.All"];
        let aud = DEFENDER.audiences[0];
        for (scp, role, roles, fine) in [
            ("Machine.Read", "Security Reader", &read[..], true),
            ("Machine.Read.All", "Security Reader", &read, false),
            ("Machine.Read", "", &read, false),
            (
                "Machine.Isolate",
                "Security Reader",
                &["Machine.Isolate"],
                false,
            ),
            (
                "Machine.Isolate",
                "Security Operator",
                &["Machine.Isolate"],
                true,
            ),
            ("Machine.ReadWrite", "Security Operator", &read[1..], false),
            (
                "Machine.ReadWrite",
                "Security Administrator",
                &read[1..],
                true,
            ),
        ] {
            let claims = person(aud, scp, role);
            assert_eq!(claims.has(roles), fine, "{scp} {role} {roles:?}");
            assert_eq!(claims.need(roles).is_ok(), fine);
        }
        let lacking = person(aud, "Machine.Scan", "Security Reader");
        assert_eq!(
            lacking.need(&read).expect_err("refused"),
            "Missing delegated scopes. API required scopes: Machine.Read,Machine.ReadWrite, token scopes: Machine.Scan."
        );
        assert!(
            person(aud, "Machine.Isolate", "Security Reader")
                .need(&["Machine.Isolate"])
                .expect_err("refused")
                .contains("no role")
        );
        assert_eq!(lacking.actor(), "dana@contoso.com");
    }

    #[test]
    fn mail_is_for_applications_alone() {
        let claims = person(
            GRAPH.audiences[0],
            "SecurityAnalyzedMessage.Read.All",
            "Security Administrator",
        );
        assert!(!claims.has(&["SecurityAnalyzedMessage.Read.All"]));
    }
}
