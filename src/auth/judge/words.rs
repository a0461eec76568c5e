//! The verdicts, each in its own words.

use jiff::{SignedDuration, Timestamp};

use super::{
    Cure, Needs, PermissionKind, Reason, Verdict, advice, foresee, grant, row_of, spelled,
};
use crate::auth::wording::{Named, Subject};
use crate::auth::{Claims, Resource};
use crate::cloud::{AudienceClass, Endpoints};

pub(super) fn challenge(service: &str, claims: Option<&Claims>) -> Verdict {
    let person = claims.is_none_or(|claims| claims.roles.is_empty());
    Verdict {
        reason: Reason::Challenge,
        why: format!("{service} wants a fresh sign-in (a claims challenge)"),
        cure: advice(if person {
            "sign in again; if that changes nothing, ask whoever keeps the Conditional Access policies"
        } else {
            "an application cannot answer it: look at the Conditional Access policies for workload identities, \
             and whether the application or its secret was revoked"
        }),
    }
}

/// The clock's own words, with how far it is off.
pub(crate) fn clock(skew: SignedDuration) -> Verdict {
    let minutes = (skew.as_secs().abs() + 30) / 60;
    let side = if skew.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    Verdict {
        reason: Reason::Clock,
        why: format!("this machine's clock is {minutes} minutes {side} the service's"),
        cure: advice("set the clock (switch on time synchronisation), then try again"),
    }
}

pub(super) fn subject_verdict(
    subject: Subject,
    service: &str,
    claims: Option<&Claims>,
    needs: Needs<'_>,
    endpoints: &Endpoints,
) -> Verdict {
    let row = row_of(needs);
    let licence = |fallback| row.and_then(|row| row.licence).unwrap_or(fallback);
    let tenant = "this is about the tenant's licence or provisioning, not about the token";
    match subject {
        Subject::Licence(fallback) => {
            let licence = licence(fallback);
            Verdict {
                reason: Reason::Licence,
                why: format!("the tenant is not licensed for this: {tenant}"),
                cure: Cure {
                    licence: Some(licence),
                    ..advice(format!("the tenant needs {licence}"))
                },
            }
        }
        Subject::Provisioning => Verdict {
            reason: Reason::Provisioning,
            why: format!("{service} is not set up in this tenant: {tenant}"),
            cure: Cure {
                licence: Some("an active subscription that includes the service"),
                ..advice(
                    "open the Defender portal once as an administrator to set it up, and check the subscription \
                     and tenant_id",
                )
            },
        },
        Subject::Feature => Verdict {
            reason: Reason::Feature,
            why: "the feature is switched off in this tenant".to_owned(),
            cure: Cure {
                role: Some(SETTINGS_ROLE),
                ..advice(
                    "switch it on in the Defender portal: Settings → Endpoints → Advanced features",
                )
            },
        },
        Subject::Automation => Verdict {
            reason: Reason::Feature,
            why: "the device group has no automation level, which this action needs".to_owned(),
            cure: Cure {
                role: Some(SETTINGS_ROLE),
                ..advice(
                    "give the device group a remediation level in the Defender portal: Settings → Endpoints → Device groups",
                )
            },
        },
        Subject::Audience => blind_verdict(claims, needs.resource, endpoints),
        Subject::ApplicationOnly => application_only(needs),
        Subject::PersonRole => role_verdict(needs),
        Subject::NotYetValid => Verdict {
            reason: Reason::Clock,
            why: "the token is not valid yet by the service's clock".to_owned(),
            cure: advice(
                "set this machine's clock (switch on time synchronisation), then try again",
            ),
        },
        Subject::Expired => Verdict {
            reason: Reason::Expired,
            why: "the token has expired by the service's clock".to_owned(),
            cure: advice("check the clock of this machine, then try again"),
        },
        Subject::Missing => {
            // Names no permission: what the call is known to need stands in.
            let mine =
                claims.and_then(|claims| foresee(claims, needs, endpoints, Timestamp::now()));
            mine.unwrap_or_else(|| match claims {
                Some(claims) if claims.is_delegated() => role_verdict(needs),
                claims => unknown(service, needs, claims, endpoints),
            })
        }
    }
}

const SETTINGS_ROLE: &str = "\"Manage security settings\" in the Defender portal";

pub(super) fn application_only(needs: Needs<'_>) -> Verdict {
    let permissions = spelled(needs, PermissionKind::Application);
    Verdict {
        reason: Reason::ApplicationOnly,
        why: "no signed-in person may do this, only an application".to_owned(),
        cure: Cure {
            advice: format!(
                "use a profile that signs in as an application with the permission {} under {}",
                permissions.join(" or "),
                needs.resource.api_name()
            ),
            permissions,
            kind: Some(PermissionKind::Application),
            resource: Some(needs.resource),
            setting: Some(("sign_in", Some("secret".to_owned()))),
            ..Cure::default()
        },
    }
}

/// The token is right, the person is not.
pub(super) fn role_verdict(needs: Needs<'_>) -> Verdict {
    let role = row_of(needs)
        .map(|row| row.role)
        .filter(|role| !role.is_empty());
    let lacks = match needs.resource {
        Resource::Defender => "a Defender role or access to the device group",
        Resource::Graph => "a role in Entra ID or in Defender XDR",
    };
    Verdict {
        reason: Reason::Role,
        why: format!("the token carries the permission, so the signed-in person lacks {lacks}"),
        cure: Cure {
            role,
            ..advice(match role {
                Some(role) => format!("have an administrator give them {role}"),
                None => "have an administrator give them the role".to_owned(),
            })
        },
    }
}

/// Whether the service did not see what the token carries: it names a permission the application's token
/// holds, or says that it holds none.
pub(super) fn is_blind(named: Option<&Named>, claims: Option<&Claims>) -> bool {
    let (Some(named), Some(claims)) = (named, claims) else {
        return false;
    };
    let denied = named.required.iter().any(|name| claims.holds(name));
    let none = named.held.as_ref().is_some_and(Vec::is_empty);
    !claims.is_delegated() && (denied || none && claims.permissions().next().is_some())
}

/// The service did not see what the token carries.
pub(super) fn blind_verdict(
    claims: Option<&Claims>,
    resource: Resource,
    endpoints: &Endpoints,
) -> Verdict {
    let cloud = endpoints.cloud;
    let own = claims
        .and_then(|claims| claims.aud.as_deref())
        .is_some_and(|aud| AudienceClass::of(aud) == AudienceClass::Defender);
    let (setting, expected) = match resource {
        Resource::Graph => ("graph_audience", cloud.graph),
        // The documented one is not taken: the other may be.
        Resource::Defender if own => (
            "defender_audience",
            cloud
                .other_audiences
                .first()
                .copied()
                .unwrap_or(cloud.defender_audience),
        ),
        Resource::Defender => ("defender_audience", cloud.defender_audience),
    };
    Verdict {
        reason: Reason::Audience,
        why: format!(
            "{} saw no role in the token though it carries some: the audience is likely wrong",
            resource.title()
        ),
        cure: Cure {
            resource: Some(resource),
            setting: Some((setting, Some(expected.to_owned()))),
            ..advice(format!(
                "set {setting} to {expected} in the profile, or leave it out"
            ))
        },
    }
}

pub(super) fn unknown(
    service: &str,
    needs: Needs<'_>,
    claims: Option<&Claims>,
    endpoints: &Endpoints,
) -> Verdict {
    let none = Claims::default();
    let cure = grant(claims.unwrap_or(&none), needs, endpoints);
    let needed = if cure.permissions.is_empty() {
        "the permission".to_owned()
    } else {
        cure.permissions.join(" or ")
    };
    let licence = match cure.licence {
        Some(licence) => format!("or a licence may be missing ({licence})"),
        None => "or a licence may be missing".to_owned(),
    };
    Verdict {
        reason: Reason::Unknown,
        why: format!("{service} wants {needed}"),
        cure: Cure {
            advice: format!("a permission granted just now needs a new token, {licence}"),
            ..cure
        },
    }
}
