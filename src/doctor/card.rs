//! The explanation of one refusal: what was asked, why it was refused, what cures it. The same in the
//! matrix and in the console.

use super::report::cure_lines;
use crate::api::{ApiError, ApiErrorKind, Reached};
use crate::auth::{Claims, Cure, Needs, Refusal, Resource, Verdict, judge, profile_consent};
use crate::cloud::Endpoints;
use crate::config::Profile;
use crate::tenant::Tenant;

/// Why a service refused; `None` where it did not refuse, but failed otherwise or did not answer.
pub(super) fn verdict_of(
    error: &ApiError,
    claims: Option<&Claims>,
    needs: Needs<'_>,
    profile: &Profile,
    endpoints: &Endpoints,
) -> Option<Verdict> {
    let status = error.status?;
    if !matches!(error.kind, ApiErrorKind::SignIn | ApiErrorKind::Forbidden) {
        return None;
    }
    let refusal = Refusal {
        status,
        code: &error.code,
        message: &error.message,
        challenged: error.code.eq_ignore_ascii_case("insufficient_claims"),
        skew: None,
    };
    let verdict = judge(refusal, claims, needs, endpoints);
    Some(linked(verdict, profile, endpoints))
}

/// The verdict with the consent page that fits how the profile signs in.
pub(super) fn linked(mut verdict: Verdict, profile: &Profile, endpoints: &Endpoints) -> Verdict {
    let cure = &mut verdict.cure;
    if let Some(resource) = cure.resource.filter(|_| !cure.permissions.is_empty()) {
        let audience = match resource {
            Resource::Graph => &endpoints.graph_audience,
            Resource::Defender => &endpoints.defender_audience,
        };
        let link = profile_consent(profile, endpoints, audience, &cure.permissions);
        cure.consent_link = Some(link);
    }
    verdict
}

/// A refusal, with what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was asked, in words: "Isolate device, full".
    pub what: String,
    /// Of whom.
    pub resource: Resource,
    /// Permissions of which one is enough; empty where not known.
    pub any_of: Vec<&'static str>,
    /// What came of it.
    pub error: ApiError,
}

impl Refused {
    /// A 401, a 403, or no token at all; `None` for an error that is no refusal.
    pub fn new(
        what: impl Into<String>,
        resource: Resource,
        any_of: &[&'static str],
        error: &ApiError,
    ) -> Option<Self> {
        matches!(error.kind, ApiErrorKind::SignIn | ApiErrorKind::Forbidden).then(|| Self {
            what: what.into(),
            resource,
            any_of: any_of.to_vec(),
            error: error.clone(),
        })
    }

    /// A refusal of which only the words are left.
    pub fn said(
        what: impl Into<String>,
        resource: Resource,
        any_of: &[&'static str],
        status: u16,
        code: &str,
        message: &str,
    ) -> Self {
        let kind = match status {
            401 => ApiErrorKind::SignIn,
            _ => ApiErrorKind::Forbidden,
        };
        Self {
            what: what.into(),
            resource,
            any_of: any_of.to_vec(),
            error: ApiError {
                kind,
                status: Some(status),
                code: code.into(),
                message: message.into(),
                request_id: None,
                client_request_id: None,
                advice: "".into(),
                reached: Reached::Yes,
            },
        }
    }

    /// Why, and what cures it, as the tenant's token tells.
    pub fn explain(&self, tenant: &Tenant) -> Card {
        let token = tenant.tokens.peek(self.resource);
        let claims = token.as_ref().and_then(|token| token.claims.as_ref());
        let needs = Needs {
            resource: self.resource,
            any_of: &self.any_of,
            tenant: &tenant.profile.tenant_id,
            settled: false,
        };
        let verdict = verdict_of(
            &self.error,
            claims,
            needs,
            &tenant.profile,
            &tenant.endpoints,
        );
        let (why, cure) = match verdict {
            Some(verdict) => (verdict.why, verdict.cure),
            None => (
                self.error.message.to_string(),
                Cure {
                    advice: self.error.advice.to_string(),
                    ..Cure::default()
                },
            ),
        };
        Card {
            asked: format!(
                "{}, of {} in {} ({})",
                self.what,
                self.resource.title(),
                tenant.profile.name,
                tenant.profile.tenant_id
            ),
            said: self.error.to_string(),
            why,
            cure,
            request_id: self.error.request_id.as_deref().map(str::to_owned),
        }
    }
}

/// The explanation of one refusal, in parts. Texts are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What was asked, of whom, in which tenant.
    pub asked: String,
    /// What the service answered.
    pub said: String,
    /// Why.
    pub why: String,
    /// What makes it right.
    pub cure: Cure,
    /// The service's id of the request, to quote to support.
    pub request_id: Option<String>,
}

impl Card {
    /// The card as text: a line a part, each named.
    pub fn text(&self) -> String {
        let mut parts = vec![
            ("asked", self.asked.clone()),
            ("answer", self.said.clone()),
            ("why", self.why.clone()),
        ];
        parts.extend(cure_lines(&self.cure));
        parts.extend(self.request_id.clone().map(|id| ("request id", id)));
        let lines: Vec<String> = parts
            .into_iter()
            .map(|(name, says)| format!("{name}: {says}"))
            .collect();
        lines.join("\n")
    }
}
