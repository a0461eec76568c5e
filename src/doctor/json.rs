//! The reports as JSON: one document, `version` 1. Names stay and are only ever added to.
//!
//! ```text
//! {"version": 1, "profiles": [{
//!   "profile", "tenant", "cloud", "signIn",
//!   "outcome": "works" | "will-not" | "sign-in" | "unusable", "exit": 0..3,
//!   "checks": [{"id", "section", "title", "state": "good" | "warning" | "bad" | "skipped", "says",
//!               "milliseconds"?, "cure"?}],
//!   "tokens": [{"resource", "audience", "audienceClass", "tenant", "application", "person",
//!               "roles", "scopes", "expires", "opaque"}],
//!   "features": [{"id", "title", "resource", "permissions",
//!                 "state": "works" | "judged" | "will-not" | "unknown", "tried", "why",
//!                 "reason"?, "cure"?, "spec"}]
//! }]}
//! cure: {"advice", "permissions"?, "kind"?: "application" | "delegated", "resource"?, "role"?,
//!        "licence"?, "setting"?: {"name", "value"}, "consentLink"?}
//! ```

use serde_json::{Map, Value, json};

use super::{Outcome, Report};
use crate::auth::Cure;

/// The document of some reports.
pub fn json(reports: &[Report]) -> Value {
    let profiles: Vec<Value> = reports.iter().map(one).collect();
    json!({ "version": 1, "profiles": profiles })
}

fn one(report: &Report) -> Value {
    let outcome = match report.outcome {
        Outcome::Works => "works",
        Outcome::WillNot => "will-not",
        Outcome::SignIn => "sign-in",
        Outcome::Unusable => "unusable",
    };
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            let mut value = json!({
                "id": check.id, "section": check.section, "title": check.title,
                "state": check.sign, "says": check.says,
            });
            if let Some(took) = check.took {
                value["milliseconds"] = json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            }
            if let Some(found) = &check.cure {
                value["cure"] = cure(found);
            }
            value
        })
        .collect();
    let features: Vec<Value> = report
        .rows
        .iter()
        .map(|row| {
            let feature = row.feature;
            let mut value = json!({
                "id": feature.id, "title": feature.title,
                "resource": feature.resource.api_name(), "permissions": feature.any_of(),
                "state": row.standing, "tried": row.tried, "why": row.why, "spec": feature.spec,
            });
            if let Some(verdict) = &row.verdict {
                value["reason"] = json!(verdict.reason);
            }
            if let Some(found) = row.cure() {
                value["cure"] = cure(found);
            }
            value
        })
        .collect();
    json!({
        "profile": report.profile, "tenant": report.tenant, "cloud": report.cloud,
        "signIn": report.sign_in, "outcome": outcome, "exit": report.outcome.code(),
        "checks": checks, "tokens": report.tokens, "features": features,
    })
}

fn cure(cure: &Cure) -> Value {
    let mut out = Map::new();
    out.insert("advice".to_owned(), json!(cure.advice));
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    if !cure.permissions.is_empty() {
        put("permissions", json!(cure.permissions));
    }
    if let Some(kind) = cure.kind {
        put("kind", json!(kind));
    }
    if let Some(resource) = cure.resource {
        put("resource", json!(resource.api_name()));
    }
    if let Some(role) = cure.role.filter(|role| !role.is_empty()) {
        put("role", json!(role));
    }
    if let Some(licence) = cure.licence {
        put("licence", json!(licence));
    }
    if let Some((name, value)) = &cure.setting {
        put("setting", json!({ "name": name, "value": value }));
    }
    if let Some(link) = &cure.consent_link {
        put("consentLink", json!(link.as_str()));
    }
    Value::Object(out)
}
