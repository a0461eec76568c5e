//! One cheap read a feature, and what the answers and the token say about the rest.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::card::{linked, verdict_of};
use super::features::{FEATURES, Feature, Plan};
use super::tokens::Held;
use super::{News, Row, Standing};
use crate::api::{ApiError, ApiErrorKind, Transport};
use crate::auth::{AuthError, Cure, Needs, Permission, Reason, Verdict, foresee};
use crate::cloud::Endpoints;
use crate::config::Profile;

/// How long one read may take, waiting for its turn included.
const READ: Duration = Duration::from_secs(25);
/// The read that names a device.
const DEVICES: &str = "devices.read";

/// What is at hand while judging.
struct Ward<'a> {
    profile: &'a Profile,
    endpoints: &'a Endpoints,
    transport: &'a Transport,
    held: &'a Held,
}

pub(super) async fn look(
    profile: &Profile,
    endpoints: &Endpoints,
    transport: &Transport,
    held: &Held,
    news: &UnboundedSender<News>,
) -> Vec<Row> {
    let ward = Ward {
        profile,
        endpoints,
        transport,
        held,
    };
    let tell = |row: &Row| {
        // Nobody may be listening.
        let _ = news.send(News::Feature(row.clone()));
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut plan = None;
    let mut device: Option<String> = None;
    for of_device in [false, true] {
        let known = device.clone();
        let mut reads: FuturesUnordered<_> = FEATURES
            .iter()
            .filter(|feature| feature.probe().is_some() && feature.is_of_machine() == of_device)
            .filter(|_| !of_device || known.is_some())
            .map(|feature| ward.read(feature, known.as_deref()))
            .collect();
        while let Some((row, answer)) = reads.next().await {
            match answer {
                Ok(answer) if row.feature.id == DEVICES => {
                    let id = answer.pointer("/value/0/id").and_then(Value::as_str);
                    device = id.map(str::to_owned);
                }
                Ok(_) => {}
                Err(error) => plan = plan.or_else(|| plan_in(&error)),
            }
            tell(&row);
            rows.push(row);
        }
    }
    let judged: Vec<Row> = FEATURES
        .iter()
        .filter(|feature| !rows.iter().any(|row| row.feature.id == feature.id))
        .map(|feature| ward.judge(feature, &rows, plan))
        .collect();
    judged.iter().for_each(tell);
    rows.extend(judged);
    rows.sort_by_key(|row| {
        FEATURES
            .iter()
            .position(|feature| feature.id == row.feature.id)
    });
    rows
}

/// The plan a refusal names as the one that does not include something.
fn plan_in(error: &ApiError) -> Option<Plan> {
    let lower = error.message.to_ascii_lowercase();
    let about = lower.contains("not included") || lower.contains("licen");
    Plan::ALL
        .into_iter()
        .filter(|plan| *plan != Plan::Two)
        .find(|plan| about && lower.contains(&plan.title().to_ascii_lowercase()))
}

impl Ward<'_> {
    fn needs<'n>(&'n self, feature: &'n Feature) -> Needs<'n> {
        Needs {
            resource: feature.resource,
            any_of: feature.any_of(),
            tenant: &self.profile.tenant_id,
            settled: false,
        }
    }

    async fn read(
        &self,
        feature: &'static Feature,
        machine: Option<&str>,
    ) -> (Row, Result<Value, ApiError>) {
        let probe = feature
            .probe()
            .expect("only features with a read come here");
        if let Some(error) = self.held.error(feature.resource) {
            let row = no_token(feature, error);
            return (row, Err(error.clone().into()));
        }
        let read = self.transport.probe(&probe, machine);
        let answer = match tokio::time::timeout(READ, read).await {
            Ok(answer) => answer,
            Err(_) => Err(ApiError::out_of_time(READ.as_secs())),
        };
        (self.row(feature, &answer), answer)
    }

    fn row(&self, feature: &'static Feature, answer: &Result<Value, ApiError>) -> Row {
        let row = |standing, why: String| Row {
            feature,
            standing,
            tried: true,
            why,
            verdict: None,
            cure: None,
        };
        let error = match answer {
            Ok(_) => return row(Standing::Works, "tried: the service answered".to_owned()),
            // The service answers 404 where no device matches.
            Err(error) if error.kind == ApiErrorKind::NotFound && error.status == Some(404) => {
                return row(
                    Standing::Works,
                    "tried: the service answered, there is none".to_owned(),
                );
            }
            Err(error) => error,
        };
        let claims = self.held.claims(feature.resource);
        if let Some(verdict) = verdict_of(
            error,
            claims,
            self.needs(feature),
            self.profile,
            self.endpoints,
        ) {
            return Row {
                verdict: Some(verdict.clone()),
                ..row(Standing::WillNot, verdict.why)
            };
        }
        let standing = if error.is_passing() {
            Standing::Unknown
        } else {
            Standing::WillNot
        };
        Row {
            cure: advice(&error.advice),
            ..row(standing, error.to_string())
        }
    }

    /// Judges what only doing it would tell.
    fn judge(&self, feature: &'static Feature, read: &[Row], plan: Option<Plan>) -> Row {
        if let Some(error) = self.held.error(feature.resource) {
            return no_token(feature, error);
        }
        let row = |standing, why: String| Row {
            feature,
            standing,
            tried: false,
            why,
            verdict: None,
            cure: None,
        };
        let refused = |verdict: Verdict| {
            let verdict = linked(verdict, self.profile, self.endpoints);
            Row {
                verdict: Some(verdict.clone()),
                ..row(Standing::WillNot, verdict.why)
            }
        };
        let resource = feature.resource;
        let of_resource = || {
            read.iter()
                .filter(move |row| row.feature.resource == resource && row.tried)
        };
        let shut = of_resource()
            .filter_map(|row| row.verdict.as_ref())
            .find(|verdict| {
                matches!(
                    verdict.reason,
                    Reason::Audience
                        | Reason::Cloud
                        | Reason::Tenant
                        | Reason::Clock
                        | Reason::Expired
                        | Reason::Provisioning
                        | Reason::Challenge
                        | Reason::Token
                )
            });
        // Where one read works, the door is open.
        let open = of_resource().any(|row| row.standing == Standing::Works);
        if let Some(verdict) = shut.filter(|_| !open) {
            return refused(verdict.clone());
        }
        let Some(claims) = self.held.claims(feature.resource) else {
            return row(
                Standing::Unknown,
                "not tried, and nothing can be read from the token".to_owned(),
            );
        };
        let needs = self.needs(feature);
        if let Some(verdict) = foresee(claims, needs, self.endpoints, Timestamp::now()) {
            return refused(verdict);
        }
        if let Some(plan) = plan.filter(|plan| !feature.plans.contains(plan)) {
            let needed = plans(feature.plans);
            return refused(Verdict {
                reason: Reason::Licence,
                why: format!("{} does not include it", plan.title()),
                cure: Cure {
                    advice: format!("the tenant needs {needed}"),
                    licence: feature
                        .permission()
                        .and_then(|permission| permission.licence)
                        .or(Some("Defender for Endpoint Plan 2")),
                    ..Cure::default()
                },
            });
        }
        if let Some(trouble) = of_resource()
            .find(|row| row.standing == Standing::Unknown)
            .filter(|_| !open)
        {
            return Row {
                cure: trouble.cure.clone(),
                ..row(Standing::Unknown, trouble.why.clone())
            };
        }
        let held: Vec<&str> = claims
            .permissions()
            .filter(|held| {
                let own = feature.any_of().iter();
                own.clone().any(|name| name.eq_ignore_ascii_case(held))
                    || own
                        .filter_map(|name| Permission::find(feature.resource, name)?.delegated)
                        .any(|name| name.eq_ignore_ascii_case(held))
            })
            .collect();
        let mut why = format!("not tried: the token carries {}", held.join(", "));
        if claims.is_delegated()
            && let Some(role) = feature
                .permission()
                .map(|permission| permission.role)
                .filter(|role| !role.is_empty())
        {
            why += "; you need the role ";
            why += role;
        }
        if feature.plans.len() < Plan::ALL.len() {
            why += "; needs ";
            why += &plans(feature.plans);
        }
        row(Standing::Judged, why)
    }
}

/// `Defender for Endpoint Plan 1 or Plan 2`.
fn plans(plans: &[Plan]) -> String {
    let names: Vec<&str> = plans.iter().map(|plan| plan.title()).collect();
    names.join(" or ")
}

fn no_token(feature: &'static Feature, error: &AuthError) -> Row {
    let standing = if error.is_passing() {
        Standing::Unknown
    } else {
        Standing::WillNot
    };
    Row {
        feature,
        standing,
        tried: false,
        why: format!("no token: {}", error.message),
        verdict: None,
        cure: advice(&error.advice),
    }
}

fn advice(text: &str) -> Option<Cure> {
    (!text.is_empty()).then(|| Cure {
        advice: text.to_owned(),
        ..Cure::default()
    })
}
