//! Every endpoint of Graph security as one table: method, path, versions, who may call it, which
//! clouds have it.
//!
//! Facts: the Graph fact sheet, "Endpoints at a glance" and "National clouds". Knows nothing of how an
//! endpoint is carried out.

use axum::http::Method;

use super::super::clouds::Cloud;
use super::super::entra::Claims;
use super::Refusal;

/// What an endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// GET incidents.
    Incidents,
    /// GET incidents/$count.
    IncidentCount,
    /// GET one incident.
    Incident,
    /// PATCH one incident.
    UpdateIncident,
    /// POST a comment on an incident.
    CommentIncident,
    /// POST mergeIncidents.
    MergeIncidents,
    /// GET alerts.
    Alerts,
    /// GET alerts/$count.
    AlertCount,
    /// GET one alert.
    Alert,
    /// PATCH one alert.
    UpdateAlert,
    /// POST a comment on an alert.
    CommentAlert,
    /// POST moveAlerts.
    MoveAlerts,
    /// POST runHuntingQuery.
    Hunt,
    /// GET getHuntingSchema.
    HuntingSchema,
    /// GET mails.
    Mails,
    /// GET one mail.
    Mail,
    /// POST remediate.
    RemediateMails,
    /// GET identities.
    Identities,
    /// GET one identity.
    Identity,
    /// POST invokeAction.
    InvokeAction,
    /// GET users.
    Users,
    /// GET one user.
    User,
    /// PATCH one user.
    UpdateUser,
    /// POST revokeSignInSessions.
    RevokeSessions,
    /// GET risky users.
    RiskyUsers,
    /// GET riskyUsers/$count.
    RiskyUserCount,
    /// GET one risky user.
    RiskyUser,
    /// POST confirmCompromised.
    ConfirmCompromised,
    /// POST confirmSafe.
    ConfirmSafe,
    /// POST dismiss.
    DismissRisk,
    /// GET incident tasks.
    Tasks,
    /// GET one incident task.
    Task,
    /// POST executeResponseAction.
    ExecuteTask,
    /// POST $batch.
    Batch,
}

/// Where an endpoint is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v1.0` and `beta`.
    Both,
    /// `beta` alone.
    Beta,
}

/// Which clouds have an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every cloud.
    Everywhere,
    /// Global and US Gov.
    NotChina,
    /// Global and GCC alone.
    Global,
}

impl Reach {
    fn has(self, cloud: Cloud) -> bool {
        match self {
            Self::Everywhere => true,
            Self::NotChina => cloud != Cloud::China,
            Self::Global => matches!(cloud, Cloud::Global | Cloud::Gcc),
        }
    }
}

/// In whose words a missing permission is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Security,
    Directory,
    IdentityProtection,
}

/// One endpoint.
#[derive(Debug)]
pub struct Route {
    method: &'static str,
    /// Segments below the version; `{}` is a key.
    path: &'static [&'static str],
    version: Version,
    reach: Reach,
    words: Words,
    /// Any of these will do; the first is the least.
    permissions: &'static [&'static str],
    /// Whether a signed-in person can call it at all.
    delegated: bool,
    /// What it does.
    pub call: Call,
}

const fn on(
    method: &'static str,
    path: &'static [&'static str],
    call: Call,
    permissions: &'static [&'static str],
) -> Route {
    Route {
        method,
        path,
        version: Version::Both,
        reach: Reach::NotChina,
        words: Words::Security,
        permissions,
        delegated: true,
        call,
    }
}

impl Route {
    const fn beta(mut self) -> Self {
        self.version = Version::Beta;
        self
    }

    const fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    const fn applications_only(mut self) -> Self {
        self.delegated = false;
        self
    }

    const fn directory(mut self) -> Self {
        self.words = Words::Directory;
        self.reach = Reach::Everywhere;
        self
    }

    const fn identity_protection(mut self) -> Self {
        self.words = Words::IdentityProtection;
        self.reach = Reach::Everywhere;
        self
    }
}

const READ_INCIDENT: &[&str] = &[
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
];
const WRITE_INCIDENT: &[&str] = &["SecurityIncident.ReadWrite.All"];
const READ_ALERT: &[&str] = &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
const WRITE_ALERT: &[&str] = &["SecurityAlert.ReadWrite.All"];
const MANAGE: &[&str] = &["SecurityData.Manage.All"];
const HUNT: &[&str] = &["ThreatHunting.Read.All"];
const READ_MAIL: &[&str] = &[
    "SecurityAnalyzedMessage.Read.All",
    "SecurityAnalyzedMessage.ReadWrite.All",
];
const WRITE_MAIL: &[&str] = &["SecurityAnalyzedMessage.ReadWrite.All"];
const READ_IDENTITY: &[&str] = &["SecurityIdentitiesAccount.Read.All"];
const ACT_IDENTITY: &[&str] = &["SecurityIdentitiesActions.ReadWrite.All"];
const READ_USER: &[&str] = &[
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const ENABLE_USER: &[&str] = &[
    "User.EnableDisableAccount.All",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
];
const REVOKE: &[&str] = &[
    "User.RevokeSessions.All",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
];
const READ_RISK: &[&str] = &["IdentityRiskyUser.Read.All"];
const WRITE_RISK: &[&str] = &["IdentityRiskyUser.ReadWrite.All"];

const MAILS: &str = "analyzedEmails";
const ACCOUNTS: &str = "identityAccounts";

/// Every endpoint. Operations stand before the keys they look like.
pub const ROUTES: &[Route] = &[
    on(
        "GET",
        &["security", "incidents"],
        Call::Incidents,
        READ_INCIDENT,
    ),
    on(
        "GET",
        &["security", "incidents", "$count"],
        Call::IncidentCount,
        READ_INCIDENT,
    ),
    on(
        "POST",
        &["security", "incidents", "mergeIncidents"],
        Call::MergeIncidents,
        MANAGE,
    ),
    on(
        "GET",
        &["security", "incidents", "{}"],
        Call::Incident,
        READ_INCIDENT,
    ),
    on(
        "PATCH",
        &["security", "incidents", "{}"],
        Call::UpdateIncident,
        WRITE_INCIDENT,
    ),
    on(
        "POST",
        &["security", "incidents", "{}", "comments"],
        Call::CommentIncident,
        WRITE_INCIDENT,
    ),
    on("GET", &["security", "alerts_v2"], Call::Alerts, READ_ALERT),
    on(
        "GET",
        &["security", "alerts_v2", "$count"],
        Call::AlertCount,
        READ_ALERT,
    ),
    on(
        "POST",
        &["security", "alerts_v2", "moveAlerts"],
        Call::MoveAlerts,
        MANAGE,
    ),
    on(
        "GET",
        &["security", "alerts_v2", "{}"],
        Call::Alert,
        READ_ALERT,
    ),
    on(
        "PATCH",
        &["security", "alerts_v2", "{}"],
        Call::UpdateAlert,
        WRITE_ALERT,
    ),
    on(
        "POST",
        &["security", "alerts_v2", "{}", "comments"],
        Call::CommentAlert,
        WRITE_ALERT,
    ),
    on("POST", &["security", "runHuntingQuery"], Call::Hunt, HUNT),
    // The permissions of beta's own endpoints are not published; these are the likely ones.
    on(
        "GET",
        &["security", "getHuntingSchema"],
        Call::HuntingSchema,
        HUNT,
    )
    .beta()
    .reaching(Reach::Global),
    on(
        "GET",
        &["security", "collaboration", MAILS],
        Call::Mails,
        READ_MAIL,
    )
    .reaching(Reach::Global)
    .applications_only(),
    on(
        "POST",
        &["security", "collaboration", MAILS, "remediate"],
        Call::RemediateMails,
        WRITE_MAIL,
    )
    .reaching(Reach::Global)
    .applications_only(),
    on(
        "GET",
        &["security", "collaboration", MAILS, "{}"],
        Call::Mail,
        READ_MAIL,
    )
    .reaching(Reach::Global)
    .applications_only(),
    on(
        "GET",
        &["security", "identities", ACCOUNTS],
        Call::Identities,
        READ_IDENTITY,
    )
    .reaching(Reach::Global),
    on(
        "GET",
        &["security", "identities", ACCOUNTS, "{}"],
        Call::Identity,
        READ_IDENTITY,
    )
    .reaching(Reach::Global),
    on(
        "POST",
        &["security", "identities", ACCOUNTS, "{}", "invokeAction"],
        Call::InvokeAction,
        ACT_IDENTITY,
    )
    .reaching(Reach::Global),
    on("GET", &["users"], Call::Users, READ_USER).directory(),
    on("GET", &["users", "{}"], Call::User, READ_USER).directory(),
    on("PATCH", &["users", "{}"], Call::UpdateUser, ENABLE_USER).directory(),
    on(
        "POST",
        &["users", "{}", "revokeSignInSessions"],
        Call::RevokeSessions,
        REVOKE,
    )
    .directory(),
    on(
        "GET",
        &["identityProtection", "riskyUsers"],
        Call::RiskyUsers,
        READ_RISK,
    )
    .identity_protection(),
    on(
        "GET",
        &["identityProtection", "riskyUsers", "$count"],
        Call::RiskyUserCount,
        READ_RISK,
    )
    .identity_protection(),
    on(
        "POST",
        &["identityProtection", "riskyUsers", "confirmCompromised"],
        Call::ConfirmCompromised,
        WRITE_RISK,
    )
    .identity_protection(),
    on(
        "POST",
        &["identityProtection", "riskyUsers", "confirmSafe"],
        Call::ConfirmSafe,
        WRITE_RISK,
    )
    .identity_protection(),
    on(
        "POST",
        &["identityProtection", "riskyUsers", "dismiss"],
        Call::DismissRisk,
        WRITE_RISK,
    )
    .identity_protection(),
    on(
        "GET",
        &["identityProtection", "riskyUsers", "{}"],
        Call::RiskyUser,
        READ_RISK,
    )
    .identity_protection(),
    on(
        "GET",
        &["security", "incidentTasks"],
        Call::Tasks,
        READ_INCIDENT,
    )
    .beta()
    .reaching(Reach::Global),
    on(
        "GET",
        &["security", "incidentTasks", "{}"],
        Call::Task,
        READ_INCIDENT,
    )
    .beta()
    .reaching(Reach::Global),
    on(
        "POST",
        &["security", "incidentTasks", "{}", "executeResponseAction"],
        Call::ExecuteTask,
        WRITE_INCIDENT,
    )
    .beta()
    .reaching(Reach::Global),
    on("POST", &["$batch"], Call::Batch, &[]).directory(),
];

/// A path taken apart: names and keys in the order they stand.
#[derive(Debug)]
pub struct Target<'a> {
    /// The version segment.
    pub beta: bool,
    parts: Vec<&'a str>,
}

impl<'a> Target<'a> {
    /// Takes a path apart: keys stand as `incidents/4127` or as `incidents('4127')`, operations with or
    /// without their namespace and empty parentheses.
    pub fn of(path: &'a str) -> Result<Self, Refusal> {
        let mut parts = path.split('/').filter(|p| !p.is_empty());
        let version = parts.next().unwrap_or_default();
        let beta = match version.to_ascii_lowercase().as_str() {
            "v1.0" => false,
            "beta" => true,
            _ => return Err(Refusal::bad(format!("Invalid version: {version}"))),
        };
        let mut out = Vec::new();
        for part in parts {
            let (name, key) = match part.split_once('(') {
                Some((name, key)) if !name.is_empty() => {
                    (name, key.strip_suffix(')').map(|k| k.trim_matches('\'')))
                }
                _ => (part, None),
            };
            let bare = name
                .strip_prefix("microsoft.graph.security.")
                .or_else(|| name.strip_prefix("microsoft.graph."))
                .unwrap_or(name);
            out.push(bare);
            out.extend(key.filter(|k| !k.is_empty()));
        }
        Ok(Self { beta, parts: out })
    }

    /// The endpoint a method and this path name, with its key.
    pub fn find(
        &self,
        method: &Method,
        cloud: Cloud,
    ) -> Result<(&'static Route, &'a str), Refusal> {
        let served = |r: &Route| self.beta || r.version == Version::Both;
        let mut other = Vec::new();
        for route in ROUTES.iter().filter(|r| served(r) && self.matches(r)) {
            if route.method == method.as_str() {
                if !route.reach.has(cloud) {
                    return Err(Refusal::new(
                        404,
                        "ResourceNotFound",
                        segment(
                            route
                                .path
                                .iter()
                                .rfind(|p| **p != "{}")
                                .copied()
                                .unwrap_or_default(),
                        ),
                    ));
                }
                let key = route.path.iter().position(|p| *p == "{}");
                return Ok((route, key.map_or("", |at| self.parts[at])));
            }
            other.push(route.method);
        }
        if !other.is_empty() {
            return Err(Refusal::new(
                405,
                "MethodNotAllowed",
                "The request method is not allowed for this resource.",
            ));
        }
        // The first segment that no endpoint has in this place.
        let known = ROUTES
            .iter()
            .filter(|r| served(r))
            .map(|r| {
                r.path
                    .iter()
                    .zip(&self.parts)
                    .take_while(|(a, b)| fits(a, b))
                    .count()
            })
            .max()
            .unwrap_or_default();
        let unknown = self.parts.get(known).or(self.parts.last());
        Err(Refusal::bad(segment(unknown.copied().unwrap_or_default())))
    }

    fn matches(&self, route: &Route) -> bool {
        route.path.len() == self.parts.len()
            && route.path.iter().zip(&self.parts).all(|(a, b)| fits(a, b))
    }
}

fn fits(pattern: &str, part: &str) -> bool {
    pattern == "{}" || pattern.eq_ignore_ascii_case(part)
}

fn segment(name: &str) -> String {
    format!("Resource not found for the segment '{name}'.")
}

impl Route {
    /// Whether a token may call this, in the service's words.
    pub fn admits(&self, claims: &Claims) -> Result<(), Refusal> {
        if self.permissions.is_empty() {
            return Ok(());
        }
        let refused = if !self.delegated && claims.is_person() {
            "The delegated permission is not supported for this resource: only application permissions are.".into()
        } else {
            match claims.need(self.permissions) {
                Ok(()) => return Ok(()),
                Err(message) => message,
            }
        };
        let (code, words) = match self.words {
            Words::Security => return Err(Refusal::new(403, "Forbidden", refused)),
            Words::Directory => (
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Words::IdentityProtection => (
                "Forbidden",
                "You cannot perform the requested operation, required scopes are missing in the token.",
            ),
        };
        let mut refusal = Refusal::new(403, code, words);
        refusal.why = Some(format!("{code}: {refused}"));
        Err(refusal)
    }
}

#[cfg(test)]
mod tests;
