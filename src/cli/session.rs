//! The connected tenants of one headless command, and what their refusals mean to a shell.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::args::Global;
use super::failure::{Done, Failure};
use super::several::Tenants;
use super::{logging, runtime, say, secrets, settings};
use crate::api::{ApiError, ApiErrorKind};
use crate::config::{Chosen, Paths};
use crate::domain::parse_time;
use crate::tenant::{Tenant, TenantError};

/// Runs headless work on the one tenant that is chosen, until it is done or Ctrl-C.
///
/// # Errors
/// Where several are chosen, before any is opened: such work has one place to go.
pub(crate) fn with_tenant(global: &Global, work: impl AsyncFnOnce(Arc<Tenant>) -> Done) -> Done {
    begin(
        global,
        &settings::chosen(global),
        true,
        async |tenants: Tenants| work(tenants.only()?).await,
    )
}

/// Runs headless work on the tenants that are chosen, until it is done or Ctrl-C.
pub(crate) fn with_tenants(global: &Global, work: impl AsyncFnOnce(Tenants) -> Done) -> Done {
    begin(global, &settings::chosen(global), false, work)
}

/// The same on tenants chosen otherwise.
pub(crate) fn with_these(
    global: &Global,
    chosen: &Chosen,
    work: impl AsyncFnOnce(Tenants) -> Done,
) -> Done {
    begin(global, chosen, false, work)
}

fn begin(
    global: &Global,
    chosen: &Chosen,
    one: bool,
    work: impl AsyncFnOnce(Tenants) -> Done,
) -> Done {
    let paths = Paths::resolve();
    let _log = logging::start(&paths.state, global.log_level.as_deref())?;
    let config = settings::load(&paths);
    let mut picked = settings::picked(&config, chosen)?;
    for profile in &mut picked.profiles {
        profile.read_only |= global.read_only;
    }
    if one {
        picked.one().map_err(Failure::usage)?;
    }
    secrets::ask(&picked.profiles)?;
    runtime()?.block_on(async {
        let tenants = Tenants::open(picked, &paths).await;
        let learned = tenants.learned();
        let done = tokio::select! {
            done = work(tenants) => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        };
        for news in learned {
            if let Some(learned) = &*news.borrow() {
                say(&learned.to_string());
            }
        }
        done
    })
}

/// Why a tenant could not be opened.
pub(crate) fn tenant_failure(error: TenantError) -> Failure {
    Failure::usage(error)
}

/// What a refusal of a service means to a shell: status 3 where a sign-in would help, else 1.
pub(crate) fn api_failure(error: ApiError) -> Failure {
    let failure = match error.kind {
        ApiErrorKind::SignIn => Failure::sign_in(&error),
        ApiErrorKind::Cancelled => Failure::interrupted(),
        _ => Failure::refused(&error),
    };
    failure.advise(&error.advice)
}

/// `me` is the profile's analyst.
pub(crate) fn person(tenant: &Tenant, given: &str) -> String {
    if given == "me" {
        return tenant.who();
    }
    given.to_owned()
}

/// A moment given as a time (`2026-08-19T07:00Z`) or as an age (`36h`, `7d`).
pub(crate) fn moment(given: &str, now: Timestamp) -> Done<Timestamp> {
    if let Some(age) = span(given) {
        return now
            .checked_sub(age)
            .map_err(|error| Failure::usage(format!("--since {given:?}: {error}")));
    }
    parse_time(given)
        .or_else(|| parse_time(&format!("{given}T00:00:00Z")))
        .ok_or_else(|| {
            Failure::usage(format!("{given:?} is neither a time nor an age")).advise(
                "A time looks like 2026-08-19T07:00:00Z or 2026-08-19, an age like 45m, 36h or 7d.",
            )
        })
}

/// An age such as `45m`, `36h`, `7d`, `2w`.
pub(crate) fn span(given: &str) -> Option<SignedDuration> {
    let unit = given.chars().last()?;
    let count: i64 = given[..given.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        'w' => 604_800,
        _ => return None,
    };
    (count > 0).then(|| SignedDuration::from_secs(count.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_ages() {
        let now: Timestamp = "2026-08-19T12:00:00Z".parse().expect("a time");
        let at = |given| moment(given, now).map(|time| time.to_string()).ok();
        assert_eq!(at("36h").as_deref(), Some("2026-08-18T00:00:00Z"));
        assert_eq!(
            at("2026-08-19T07:00:00Z").as_deref(),
            Some("2026-08-19T07:00:00Z")
        );
        assert_eq!(at("2026-08-19").as_deref(), Some("2026-08-19T00:00:00Z"));
        for wrong in ["", "soon", "-3h", "0h", "h", "3 fortnights", "日"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
