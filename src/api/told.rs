//! What a caller is told of a call that brought no answer, or one that is no refusal of the token.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::budget::{Quota, read_hunt_quota};
use super::error::{ApiError, ApiErrorKind, Reached, Said};
use super::retry::{Outcome, Repeat};
use super::transport::Call;
use crate::auth::trouble::Trouble;

/// Somebody else answered in the service's place: that is no data, and whether the call reached the service
/// is not known.
pub(super) fn somebody_else(status: u16, trouble: Trouble) -> ApiError {
    let error = ApiError::local(ApiErrorKind::Decode, trouble.why)
        .advise(trouble.cure)
        .reached(Reached::Maybe);
    ApiError {
        status: Some(status),
        ..error
    }
}

/// What to do about an answer that is no refusal of the token.
pub(super) fn what_to_do(
    call: &Call,
    kind: ApiErrorKind,
    status: u16,
    said: &Said,
    service: &str,
) -> String {
    match kind {
        ApiErrorKind::Throttled { .. } if call.quota == Quota::GraphHunting => {
            let quota = read_hunt_quota(&said.message);
            if quota.processing {
                "the tenant's processing budget for hunting is used up; wait for the next 15 minutes and narrow the query (time, columns, rows)".to_owned()
            } else {
                "too many hunts; wait, and run one at a time".to_owned()
            }
        }
        ApiErrorKind::Throttled { .. } => {
            format!("{service} asks for patience; it is asked again by itself")
        }
        ApiErrorKind::Conflict => "read again what is there before trying anew".to_owned(),
        ApiErrorKind::Service if call.quota == Quota::GraphHunting && status == 504 => {
            "the query ran too long (3 minutes at most): narrow its time or its rows".to_owned()
        }
        ApiErrorKind::Service if call.repeat == Repeat::Write => {
            "whether it was carried out is not known: look at what is there before trying anew"
                .to_owned()
        }
        ApiErrorKind::Service => format!("{service} is troubled; try again later"),
        ApiErrorKind::NotFound => "it does not exist, or not in this cloud or tenant".to_owned(),
        _ => String::new(),
    }
}

pub(super) fn after(wait: Duration) -> Option<Timestamp> {
    let wait = SignedDuration::try_from(wait).ok()?;
    Timestamp::now().checked_add(wait).ok()
}

/// Told before anything is sent.
pub(super) fn throttled(quota: Quota, wait: Duration) -> ApiError {
    let kind = ApiErrorKind::Throttled {
        retry_at: after(wait),
    };
    let seconds = wait.as_secs() + 1;
    ApiError::local(
        kind,
        format!(
            "the {} quota is used up for another {seconds} s",
            quota.title()
        ),
    )
    .advise("wait; nothing was sent")
}

pub(super) fn lost_error(
    call: &Call,
    outcome: Outcome,
    why: &str,
    cure: &'static str,
    too_large: bool,
) -> ApiError {
    let (kind, reached) = match outcome {
        Outcome::TimedOut(reached) => (ApiErrorKind::Timeout, reached),
        Outcome::Failed(reached) if too_large => (ApiErrorKind::Decode, reached),
        Outcome::Failed(reached) => (ApiErrorKind::Offline, reached),
        Outcome::Status(_) => (ApiErrorKind::Service, Reached::Maybe),
    };
    let host = call.url.host_str().unwrap_or_default();
    let advice = match (kind, call.repeat, reached) {
        (_, Repeat::Write, Reached::Maybe) => {
            "whether it was carried out is not known: look at what is there before trying anew"
        }
        (ApiErrorKind::Timeout, Repeat::Hunt, _) => {
            "the query ran too long (3 minutes at most): narrow its time or its rows"
        }
        _ => cure,
    };
    let message = if too_large {
        why.to_owned()
    } else {
        format!("{host} cannot be reached: {why}")
    };
    ApiError::local(kind, message)
        .advise(advice)
        .reached(reached)
}
