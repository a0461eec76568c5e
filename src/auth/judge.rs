//! Why a service refused, and what cures it: the advice beside every 401 and 403
//! (`defender-endpoint` sheet sections 1.2, 2 and 4; `graph-security` sheet "Errors").
//!
//! Data in, data out: [`judge`] is given what the service answered ([`Refusal`]), what the token says
//! ([`Claims`]) and what the call needs ([`Needs`]); [`foresee`] reads the token alone, before anything
//! is sent. Both give a [`Verdict`]: `reason` for programs, `why` for people, `cure` in parts
//! (permission, its kind, the resource it is picked under, role, licence, setting, consent link), with
//! `cure.advice` putting them into one sentence. It is a reading of hints: the service has the last word.

mod words;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use url::Url;

use super::consent::{ConsentAsk, consent_url};
use super::permissions::Permission;
use super::wording::{Named, Subject, parse_forbidden, subject};
use super::{Claims, Resource};
use crate::cloud::{AudienceClass, CloudKind, Endpoints};
use crate::domain::text::clean;

pub(crate) use words::clock;
use words::{
    application_only, blind_verdict, challenge, is_blind, role_verdict, subject_verdict, unknown,
};

/// A clock this far off spoils tokens and time filters.
pub const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What kind of reason; a stable word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The token is for another Entra resource.
    Audience,
    /// Token and host belong to different clouds.
    Cloud,
    /// The token was issued in another tenant.
    Tenant,
    /// This machine's clock is off.
    Clock,
    /// The token has expired.
    Expired,
    /// The token carries no permission at all.
    NoPermission,
    /// The token lacks the permission.
    Permission,
    /// Applications alone may do this.
    ApplicationOnly,
    /// The signed-in person lacks a role, or the device group.
    Role,
    /// The tenant lacks a licence.
    Licence,
    /// The service was never set up in the tenant, or is switched off.
    Provisioning,
    /// A feature is switched off in the portal, or a device group's automation level forbids it.
    Feature,
    /// The service wants a fresh sign-in that answers its challenge.
    Challenge,
    /// The token is not taken, and nothing says why.
    Token,
    /// Refused, and nothing says why.
    Unknown,
}

/// The two ways of holding a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PermissionKind {
    /// The application itself holds it.
    Application,
    /// It acts for a signed-in person.
    Delegated,
}

impl PermissionKind {
    /// As the portal calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Delegated => "delegated",
        }
    }
}

/// What makes it right. Parts that do not apply are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cure {
    /// What to do, in one sentence that holds the parts below.
    pub advice: String,
    /// Permissions of which one is enough, spelled as their kind spells them.
    pub permissions: Vec<String>,
    /// Which kind of permission.
    pub kind: Option<PermissionKind>,
    /// The resource they are picked under in the portal: [`Resource::api_name`].
    pub resource: Option<Resource>,
    /// The role the signed-in person needs.
    pub role: Option<&'static str>,
    /// What the tenant has to have bought.
    pub licence: Option<&'static str>,
    /// The setting of the profile to change, and to what where that is known.
    pub setting: Option<(&'static str, Option<String>)>,
    /// Where an administrator grants consent.
    pub consent_link: Option<Url>,
}

/// Why, and what cures it. Texts are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The kind of reason.
    pub reason: Reason,
    /// What is wrong, one clause.
    pub why: String,
    /// What makes it right.
    pub cure: Cure,
}

impl fmt::Display for Verdict {
    /// Why and advice, one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.why, &*self.cure.advice) {
            ("", advice) => f.write_str(advice),
            (why, "") => f.write_str(why),
            (why, advice) => write!(f, "{why}; {advice}"),
        }
    }
}

/// What a service answered. Hostile until sanitised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusal<'a> {
    /// HTTP status: 401 or 403.
    pub status: u16,
    /// The service's code.
    pub code: &'a str,
    /// Its message.
    pub message: &'a str,
    /// It came with a claims challenge.
    pub challenged: bool,
    /// How far this machine's clock is ahead of the service's, where known.
    pub skew: Option<SignedDuration>,
}

/// What an operation needs of its token.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// The service.
    pub resource: Resource,
    /// Permissions of which one is enough, named as applications hold them; empty where not known.
    pub any_of: &'a [&'a str],
    /// The tenant the profile names, id or domain.
    pub tenant: &'a str,
    /// The service has taken tokens of this audience before, so the audience is not what is wrong.
    pub settled: bool,
}

/// Why a service refused and what to do. What it said itself goes before what the token lets one guess.
pub fn judge(
    refusal: Refusal<'_>,
    claims: Option<&Claims>,
    needs: Needs<'_>,
    endpoints: &Endpoints,
) -> Verdict {
    let service = needs.resource.title();
    if refusal.challenged {
        return challenge(service, claims);
    }
    // What the tenant has not got is no matter of time.
    let said = subject(refusal.code, refusal.message);
    let is_the_tenants = matches!(said, Some(Subject::Licence(_) | Subject::Provisioning));
    if let Some(skew) = refusal.skew.filter(|skew| skew.abs() > SKEW)
        && refusal.status == 401
        && !is_the_tenants
    {
        return clock(skew);
    }
    let named = parse_forbidden(refusal.message);
    let required: Vec<&str> = match &named {
        Some(Named { required, .. }) if !required.is_empty() => {
            required.iter().map(String::as_str).collect()
        }
        _ => needs.any_of.to_vec(),
    };
    let needs = Needs {
        any_of: &required,
        ..needs
    };
    let foreseen = claims.and_then(|claims| foresee(claims, needs, endpoints, Timestamp::now()));
    // A token for somebody else meets every kind of words, those about the tenant's state among them.
    if let Some(verdict) = &foreseen
        && matches!(
            verdict.reason,
            Reason::Audience | Reason::Cloud | Reason::Tenant
        )
    {
        return verdict.clone();
    }
    // The tenant's state comes before the token's: no permission helps there.
    if let Some(subject) = said {
        return subject_verdict(subject, service, claims, needs, endpoints);
    }
    match foreseen {
        Some(verdict) => verdict,
        None if !needs.settled && is_blind(named.as_ref(), claims) => {
            blind_verdict(claims, needs.resource, endpoints)
        }
        None if claims.is_some_and(Claims::is_delegated) && refusal.status == 403 => {
            role_verdict(needs)
        }
        None if refusal.status == 401 => Verdict {
            reason: Reason::Token,
            why: format!("{service} did not take the token, not even a new one"),
            cure: advice("check the profile's cloud and the clock of this machine"),
        },
        None => unknown(service, needs, claims, endpoints),
    }
}

/// What about a token will be refused, in order of likelihood; `None` where nothing about it is wrong.
pub fn foresee(
    claims: &Claims,
    needs: Needs<'_>,
    endpoints: &Endpoints,
    now: Timestamp,
) -> Option<Verdict> {
    if !needs.settled
        && let Some(verdict) = audience(claims, needs.resource, endpoints)
    {
        return Some(verdict);
    }
    let is_guid = |text: &str| text.len() == 36 && text.matches('-').count() == 4;
    if let Some(tid) = claims.tid.as_deref()
        && is_guid(needs.tenant)
        && !tid.eq_ignore_ascii_case(needs.tenant)
    {
        return Some(Verdict {
            reason: Reason::Tenant,
            why: format!(
                "the token was issued in tenant {}, the profile names {}",
                clean(tid),
                needs.tenant
            ),
            cure: Cure {
                setting: Some(("tenant_id", None)),
                ..advice("check tenant_id in the profile")
            },
        });
    }
    if let Some(expired) = claims.expires.filter(|expires| *expires <= now) {
        return Some(Verdict {
            reason: Reason::Expired,
            why: format!("the token expired at {}", expired.strftime("%F %T UTC")),
            cure: advice("get a new one, and check the clock of this machine"),
        });
    }
    if claims.permissions().next().is_none() {
        let mut cure = grant(claims, needs, endpoints);
        if needs.any_of.is_empty() {
            cure.advice = format!(
                "add some under API permissions → {} of the app registration, have an administrator grant \
                 consent, then get a new token",
                needs.resource.api_name()
            );
        }
        return Some(Verdict {
            reason: Reason::NoPermission,
            why: "the token carries no permission at all".to_owned(),
            cure,
        });
    }
    if needs.any_of.is_empty()
        || needs
            .any_of
            .iter()
            .any(|name| claims.carries(needs.resource, name))
    {
        return None;
    }
    if claims.is_delegated() && spelled(needs, PermissionKind::Delegated).is_empty() {
        return Some(application_only(needs));
    }
    let cure = grant(claims, needs, endpoints);
    Some(Verdict {
        reason: Reason::Permission,
        why: format!("the token lacks {}", cure.permissions.join(" or ")),
        cure,
    })
}

/// Where an administrator of a tenant consents to everything the registration asks for. `tenant` is an id,
/// a domain or `organizations`.
pub fn consent_link(endpoints: &Endpoints, tenant: &str, client_id: &str) -> Option<Url> {
    Some(consent_url(
        &endpoints.authority,
        &ConsentAsk {
            tenant,
            client_id,
            scopes: &[],
            redirect: None,
            state: None,
        },
    ))
}

fn advice(text: impl Into<String>) -> Cure {
    Cure {
        advice: text.into(),
        ..Cure::default()
    }
}

/// The needed permissions as a kind spells them, each once.
fn spelled(needs: Needs<'_>, kind: PermissionKind) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in needs.any_of {
        let row = Permission::find(needs.resource, name);
        let name = match (kind, row) {
            (PermissionKind::Application, Some(row)) => Some(row.application),
            (PermissionKind::Delegated, Some(row)) => row.delegated,
            (_, None) => Some(*name),
        };
        if let Some(name) = name.map(|name| clean(name).into_owned())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The first row of the permissions needed.
fn row_of(needs: Needs<'_>) -> Option<&'static Permission> {
    let mut names = needs.any_of.iter();
    names.find_map(|name| Permission::find(needs.resource, name))
}

/// How a missing permission is granted.
fn grant(claims: &Claims, needs: Needs<'_>, endpoints: &Endpoints) -> Cure {
    let kind = if claims.is_delegated() {
        PermissionKind::Delegated
    } else {
        PermissionKind::Application
    };
    let permissions = spelled(needs, kind);
    let api = needs.resource.api_name();
    let tenant = claims.tid.as_deref().unwrap_or(needs.tenant);
    let consent_link = claims
        .app_id
        .as_deref()
        .and_then(|app| consent_link(endpoints, tenant, app));
    let row = row_of(needs);
    Cure {
        advice: format!(
            "add the {} permission {} under API permissions → {api} of the app registration, have an \
             administrator grant consent, then get a new token",
            kind.word(),
            permissions.join(" or ")
        ),
        permissions,
        kind: Some(kind),
        resource: Some(needs.resource),
        role: row.filter(|_| claims.is_delegated()).map(|row| row.role),
        licence: row.and_then(|row| row.licence),
        setting: None,
        consent_link,
    }
}

/// Whether the token is for the service and its cloud.
fn audience(claims: &Claims, resource: Resource, endpoints: &Endpoints) -> Option<Verdict> {
    let aud = claims.aud.as_deref().unwrap_or_default();
    let shown = clean(aud);
    let verdict = |reason, why, cure| Some(Verdict { reason, why, cure });
    match (resource, AudienceClass::of(aud)) {
        (Resource::Defender, AudienceClass::Xdr) => {
            let expected = endpoints.cloud.defender_audience;
            verdict(
                Reason::Audience,
                format!(
                    "the token is for {shown}, which is the Defender XDR resource and carries none of these permissions"
                ),
                Cure {
                    resource: Some(Resource::Defender),
                    setting: Some(("defender_audience", Some(expected.to_owned()))),
                    ..advice(format!(
                        "set defender_audience to {expected} in the profile (the permissions are probably fine)"
                    ))
                },
            )
        }
        (Resource::Defender, AudienceClass::Graph)
        | (Resource::Graph, AudienceClass::Defender | AudienceClass::Xdr) => {
            let (setting, expected) = match resource {
                Resource::Graph => ("graph_audience", endpoints.cloud.graph),
                Resource::Defender => ("defender_audience", endpoints.cloud.defender_audience),
            };
            verdict(
                Reason::Audience,
                format!(
                    "the token is for {shown}, which is not {}",
                    resource.title()
                ),
                Cure {
                    setting: Some((setting, Some(expected.to_owned()))),
                    ..advice(format!(
                        "check {setting} in the profile (expected {expected})"
                    ))
                },
            )
        }
        (_, AudienceClass::Defender | AudienceClass::Graph) => {
            let cloud = CloudKind::of_audience(aud)?;
            if endpoints.is_loopback() || cloud.has(endpoints.cloud) {
                return None;
            }
            let host = match resource {
                Resource::Graph => &endpoints.graph,
                Resource::Defender => &endpoints.defender,
            };
            let setting = match resource {
                Resource::Graph => "graph_audience",
                Resource::Defender => "defender_audience",
            };
            verdict(
                Reason::Cloud,
                format!(
                    "the token is for {shown}, the request went to {}: these belong to different clouds",
                    host.host_str().unwrap_or_default()
                ),
                Cure {
                    setting: Some(("cloud", None)),
                    ..advice(format!("check cloud and {setting} in the profile"))
                },
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
