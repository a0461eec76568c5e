//! Signing in for each resource, and what the tokens say. Never the tokens themselves.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::{Check, Notes, Section, Sign};
use crate::auth::{
    AuthError, AuthErrorKind, Claims, Cure, Needs, Reason, Resource, TokenSource, foresee,
    profile_consent,
};
use crate::cloud::{AudienceClass, Endpoints, RETIREMENTS};
use crate::config::Profile;
use crate::domain::text::clean;

/// How long getting a token may take: a command or a file on a slow share may be in it.
const SIGN_IN: Duration = Duration::from_secs(40);

/// What a token says about itself, sanitised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFacts {
    /// Whose token: `Microsoft Graph` or `WindowsDefenderATP`.
    pub resource: &'static str,
    /// Its audience.
    pub audience: String,
    /// What that audience is.
    pub audience_class: &'static str,
    /// The tenant it was issued in.
    pub tenant: Option<String>,
    /// The application it was issued to.
    pub application: Option<String>,
    /// The person, where it stands for one.
    pub person: Option<String>,
    /// Application permissions.
    pub roles: Vec<String>,
    /// Delegated permissions.
    pub scopes: Vec<String>,
    /// When it expires.
    pub expires: Timestamp,
    /// Whether nothing can be read from it.
    pub opaque: bool,
}

/// What a token says and when it expires, or why there is none.
type Answer = Result<(Option<Claims>, Timestamp), AuthError>;

/// What came of signing in.
pub(super) struct Held {
    answers: [Answer; 2],
}

impl Held {
    /// The claims of a resource's token.
    pub(super) fn claims(&self, resource: Resource) -> Option<&Claims> {
        self.answers[resource as usize].as_ref().ok()?.0.as_ref()
    }

    /// Why there is no token.
    pub(super) fn error(&self, resource: Resource) -> Option<&AuthError> {
        self.answers[resource as usize].as_ref().err()
    }

    /// Whether somebody has to do something before there are tokens.
    pub(super) fn sign_in_fails(&self) -> bool {
        Resource::ALL
            .into_iter()
            .filter_map(|resource| self.error(resource))
            .any(|error| !error.is_passing())
    }

    /// What the tokens say.
    pub(super) fn facts(&self) -> Vec<TokenFacts> {
        let safe = |text: &str| clean(text).into_owned();
        Resource::ALL
            .into_iter()
            .filter_map(|resource| {
                let (claims, expires) = self.answers[resource as usize].as_ref().ok()?;
                let none = Claims::default();
                let said = claims.as_ref().unwrap_or(&none);
                let audience = said.aud.as_deref().unwrap_or_default();
                Some(TokenFacts {
                    resource: resource.api_name(),
                    audience: safe(audience),
                    audience_class: AudienceClass::of(audience).title(),
                    tenant: said.tid.as_deref().map(safe),
                    application: said.app_id.as_deref().map(safe),
                    person: said.upn.as_deref().map(safe),
                    roles: said.roles.iter().map(|name| safe(name)).collect(),
                    scopes: said.scopes.iter().map(|name| safe(name)).collect(),
                    expires: *expires,
                    opaque: claims.is_none(),
                })
            })
            .collect()
    }
}

pub(super) async fn look(
    profile: &Profile,
    endpoints: &Endpoints,
    tokens: &TokenSource,
    notes: &mut Notes,
) -> Held {
    let get = |resource| one(tokens, resource);
    let (graph, defender) = tokio::join!(get(Resource::Graph), get(Resource::Defender));
    for (resource, (answer, took)) in Resource::ALL.into_iter().zip([&graph, &defender]) {
        notes.add(sign_in(profile, endpoints, resource, answer).took(*took));
    }
    let held = Held {
        answers: [graph.0, defender.0],
    };
    for resource in Resource::ALL {
        if let Ok((claims, expires)) = &held.answers[resource as usize] {
            for check in says(profile, endpoints, resource, claims.as_ref(), *expires) {
                notes.add(check);
            }
        }
    }
    retirements(endpoints, &held, notes);
    held
}

/// A token of one resource, or why there is none; and how long that took.
async fn one(tokens: &TokenSource, resource: Resource) -> (Answer, Duration) {
    let started = Instant::now();
    let answer = match tokio::time::timeout(SIGN_IN, tokens.token(resource)).await {
        Ok(Ok(token)) => Ok((token.claims.clone(), token.expires)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(AuthError {
            kind: AuthErrorKind::Offline,
            aadsts: None,
            message: format!("no token within {} seconds", SIGN_IN.as_secs()),
            advice: "check what the profile's secret comes from, and the network".to_owned(),
            trace_id: None,
        }),
    };
    (answer, started.elapsed())
}

fn id(resource: Resource, graph: &'static str, defender: &'static str) -> &'static str {
    match resource {
        Resource::Graph => graph,
        Resource::Defender => defender,
    }
}

fn sign_in(profile: &Profile, endpoints: &Endpoints, resource: Resource, answer: &Answer) -> Check {
    let id = id(resource, "sign-in.graph", "sign-in.defender");
    let check = |sign, says: String| Check::new(id, Section::SignIn, resource.title(), sign, says);
    let Err(error) = answer else {
        return check(Sign::Good, "a token was issued".to_owned());
    };
    let code = error
        .aadsts
        .map_or_else(String::new, |code| format!(" (AADSTS{code})"));
    let audience = match resource {
        Resource::Graph => &endpoints.graph_audience,
        Resource::Defender => &endpoints.defender_audience,
    };
    let advice = match (&*error.advice, error.kind) {
        ("", AuthErrorKind::Interaction) => {
            format!("sign in: nightjar login --profile {}", profile.name)
        }
        ("", _) => "check the profile's sign-in settings".to_owned(),
        (advice, _) => advice.to_owned(),
    };
    // Consent cures these: none given, no such application in the tenant, no such resource.
    let consent = matches!(error.aadsts, Some(65_001 | 700_016 | 650_056 | 650_057));
    check(Sign::Bad, format!("{}{code}", error.message)).with(Cure {
        advice,
        resource: consent.then_some(resource),
        consent_link: consent
            .then(|| profile_consent(profile, endpoints, audience, &[".default".to_owned()])),
        ..Cure::default()
    })
}

/// What a token says, held against the profile.
fn says(
    profile: &Profile,
    endpoints: &Endpoints,
    resource: Resource,
    claims: Option<&Claims>,
    expires: Timestamp,
) -> Vec<Check> {
    let name = resource.title();
    let check = |id, sign, what: &str, says: String| {
        Check::new(
            id,
            Section::Tokens,
            format!("{name}: {what}"),
            sign,
            clean(&says),
        )
    };
    let Some(claims) = claims else {
        let id = id(resource, "token.graph.opaque", "token.defender.opaque");
        let says = "nothing can be read from it: it is opaque".to_owned();
        return vec![check(id, Sign::Warning, "token", says)];
    };
    let needs = Needs {
        resource,
        any_of: &[],
        tenant: &profile.tenant_id,
        settled: false,
    };
    let verdict = foresee(claims, needs, endpoints, Timestamp::now());
    let wrong = |reasons: &[Reason]| {
        verdict
            .as_ref()
            .filter(|verdict| reasons.contains(&verdict.reason))
    };
    let mut out = Vec::new();
    let mut tell = |id, what: &str, reasons: &[Reason], says: String| {
        out.push(match wrong(reasons) {
            Some(verdict) => {
                check(id, Sign::Bad, what, verdict.why.clone()).with(verdict.cure.clone())
            }
            None => check(id, Sign::Good, what, says),
        });
    };
    let aud = claims.aud.as_deref().unwrap_or("nobody");
    tell(
        id(resource, "token.graph.audience", "token.defender.audience"),
        "audience",
        &[Reason::Audience, Reason::Cloud],
        format!("{aud}: {}", AudienceClass::of(aud).title()),
    );
    let tid = claims.tid.as_deref().unwrap_or("not said");
    let own = if tid.eq_ignore_ascii_case(&profile.tenant_id) {
        ", the profile's"
    } else {
        ""
    };
    tell(
        id(resource, "token.graph.tenant", "token.defender.tenant"),
        "tenant",
        &[Reason::Tenant],
        format!("{tid}{own}"),
    );
    let app = claims.app_id.as_deref().unwrap_or("not said");
    let who = match &claims.upn {
        Some(upn) => format!("{upn}, through application {app}"),
        None => format!("application {app}"),
    };
    out.push(
        if app.eq_ignore_ascii_case(&profile.client_id) || claims.app_id.is_none() {
            check(
                id(resource, "token.graph.for", "token.defender.for"),
                Sign::Good,
                "issued to",
                who,
            )
        } else {
            // The Azure CLI signs in with an application of its own.
            check(
                id(resource, "token.graph.for", "token.defender.for"),
                Sign::Warning,
                "issued to",
                format!(
                    "{who}, not to the profile's client_id {}",
                    profile.client_id
                ),
            )
        },
    );
    let kind = if claims.is_delegated() {
        "delegated permissions"
    } else {
        "application permissions"
    };
    let mut names: Vec<&str> = claims.permissions().collect();
    names.sort_unstable();
    let listed = names.join(", ");
    let permissions = id(
        resource,
        "token.graph.permissions",
        "token.defender.permissions",
    );
    out.push(match wrong(&[Reason::NoPermission]) {
        Some(verdict) => {
            check(permissions, Sign::Bad, kind, verdict.why.clone()).with(verdict.cure.clone())
        }
        None => check(
            permissions,
            Sign::Good,
            kind,
            format!("{}: {listed}", names.len()),
        ),
    });
    let left = expires.duration_since(Timestamp::now()).as_secs() / 60;
    out.push(match wrong(&[Reason::Expired]) {
        Some(verdict) => check(
            id(resource, "token.graph.expiry", "token.defender.expiry"),
            Sign::Bad,
            "expires",
            verdict.why.clone(),
        )
        .with(verdict.cure.clone()),
        None => check(
            id(resource, "token.graph.expiry", "token.defender.expiry"),
            Sign::Good,
            "expires",
            format!("{}, in {left} minutes", expires.strftime("%F %T UTC")),
        ),
    });
    out
}

/// What ends soon and concerns this profile: its hosts, or what its tokens carry.
fn retirements(endpoints: &Endpoints, held: &Held, notes: &mut Notes) {
    let carries = |name: &str| {
        Resource::ALL
            .into_iter()
            .filter_map(|resource| held.claims(resource))
            .any(|claims| claims.holds(name))
    };
    for row in RETIREMENTS {
        if row.concerns(endpoints, carries) {
            let when = match row.ends {
                Some(day) => format!("ends on {day}"),
                None => "is superseded, without an announced end".to_owned(),
            };
            let carried: Vec<&str> = row
                .permissions
                .iter()
                .copied()
                .filter(|name| carries(name))
                .collect();
            let why = if carried.is_empty() {
                String::new()
            } else {
                format!(" (the token carries {})", carried.join(", "))
            };
            notes.add(
                Check::new(
                    "retirement",
                    Section::Retirements,
                    row.what,
                    Sign::Warning,
                    format!("{when}{why}"),
                )
                .cured(row.instead),
            );
        }
    }
}
