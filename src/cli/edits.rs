//! Writes without the screen: what an update asks for, its preflight, and what came of it in words.

use std::sync::Arc;

use super::args::Edit;
use super::failure::{Done, Failure};
use super::narrow::{alert_statuses, incident_statuses, member, names};
use super::say;
use super::session::{api_failure, person};
use crate::api::{AlertPatch, IncidentPatch};
use crate::domain::{AlertStatus, Classification, Determination, IncidentStatus, MachineAction};
use crate::respond::{Operation, Outcome, Permission, Preflight, Responder};
use crate::store::Access;
use crate::tenant::Tenant;

/// What an incident update asks for.
pub(crate) fn incident_patch(tenant: &Tenant, edit: &Edit) -> Done<IncidentPatch> {
    let (classification, determination) = verdict(edit)?;
    Ok(IncidentPatch {
        status: word("--status", edit.status.as_deref(), &incident_statuses())?
            .map(|name| IncidentStatus::parse(&name)),
        assigned_to: owner(tenant, edit),
        classification,
        determination,
        custom_tags: (!edit.tags.is_empty()).then(|| edit.tags.clone()),
        ..IncidentPatch::default()
    })
}

/// What an alert update asks for.
pub(crate) fn alert_patch(tenant: &Tenant, edit: &Edit) -> Done<AlertPatch> {
    if !edit.tags.is_empty() {
        return Err(Failure::usage("alerts have no custom tags; incidents have"));
    }
    let (classification, determination) = verdict(edit)?;
    Ok(AlertPatch {
        status: word("--status", edit.status.as_deref(), &alert_statuses())?
            .map(|name| AlertStatus::parse(&name)),
        assigned_to: owner(tenant, edit),
        classification,
        determination,
    })
}

fn word(option: &str, given: Option<&str>, known: &[String]) -> Done<Option<String>> {
    given.map(|given| member(option, given, known)).transpose()
}

/// `Some(None)` takes the owner away.
#[expect(
    clippy::option_option,
    reason = "the shape of the patch: absent, null and a value"
)]
fn owner(tenant: &Tenant, edit: &Edit) -> Option<Option<String>> {
    edit.assign.as_deref().map(|given| match given {
        "nobody" => None,
        given => Some(person(tenant, given)),
    })
}

/// Classification and determination, checked against each other where both are given.
fn verdict(edit: &Edit) -> Done<(Option<Classification>, Option<Determination>)> {
    let classification = word(
        "--classification",
        edit.classification.as_deref(),
        &names(Classification::KNOWN),
    )?
    .map(|name| Classification::parse(&name));
    let determination = word(
        "--determination",
        edit.determination.as_deref(),
        &names(Determination::KNOWN),
    )?
    .map(|name| Determination::parse(&name));
    if let (Some(class), Some(what)) = (&classification, &determination) {
        let legal = class.legal_determinations();
        if !legal.contains(what) {
            return Err(
                Failure::usage(format!("{what} is not a determination of {class}"))
                    .advise(format!("{class} takes {}.", names(legal).join(", "))),
            );
        }
    }
    Ok((classification, determination))
}

/// Looks before, asks for the confirmation, sends, and says what came of it. Gives the machine
/// action where one was begun.
pub(crate) async fn submit(
    tenant: &Arc<Tenant>,
    operation: Operation,
    confirmation: Option<&str>,
) -> Done<Option<MachineAction>> {
    let responder = Responder::new(Arc::clone(tenant), tenant.profile.read_only);
    if responder.read_only() {
        return Err(read_only(tenant));
    }
    for settled in responder.recover_lost().await {
        let entry = &settled.entry;
        say(&format!(
            "looked into: {} on {}: {}",
            entry.title,
            entry.target,
            entry.state.as_str()
        ));
    }
    let card = responder.preflight(&operation).await.map_err(api_failure)?;
    refuse_early(tenant, &card, confirmation)?;
    match responder.submit(operation, confirmation, None).await {
        Outcome::Done { .. } => {
            say(&format!("{}: done, in {}", card.title, full_name(tenant)));
            Ok(None)
        }
        Outcome::Accepted {
            action, attached, ..
        } => {
            let how = if attached {
                "already under way"
            } else {
                "accepted"
            };
            say(&format!(
                "{}: {how}, action {}, in {}",
                card.title,
                action.id,
                full_name(tenant)
            ));
            Ok(Some(action))
        }
        Outcome::Refused { why, error, .. } => Err(match error {
            Some(error) => api_failure(error),
            None => Failure::refused(format!("{}: {why}", card.title)),
        }),
        Outcome::Unknown { why, .. } => Err(Failure::refused(format!(
            "{}: the outcome is unknown: {why}",
            card.title
        ))
        .advise("It was not sent again. Look at the target before you repeat it.")),
        Outcome::Changed { theirs, .. } => {
            let fields: Vec<String> = theirs
                .iter()
                .map(|(field, seen, now)| format!("{field}: {seen} is now {now}"))
                .collect();
            Err(
                Failure::refused(format!("{}: somebody changed it meanwhile", card.title))
                    .advise(fields.join("\n")),
            )
        }
        Outcome::NotConfirmed => Err(Failure::usage(format!(
            "{}: the confirmation does not match: nothing was sent",
            card.title
        ))),
        Outcome::ReadOnly => Err(read_only(tenant)),
    }
}

/// A tenant so that it cannot be taken for another: its profile and its directory id.
fn full_name(tenant: &Tenant) -> String {
    format!("{} ({})", tenant.profile.name, tenant.id())
}

fn read_only(tenant: &Tenant) -> Failure {
    if tenant.store.access() == Access::Reader && !tenant.profile.read_only {
        return Failure::refused("another console is using this profile: nothing was sent")
            .advise("It keeps the journal of what is sent. Do it there, or close it first.");
    }
    Failure::usage("read-only: nothing was sent")
        .advise("Leave out --read-only, or set read_only = false in the profile.")
}

/// Says the card and refuses what needs no question to the service.
fn refuse_early(tenant: &Tenant, card: &Preflight, confirmation: Option<&str>) -> Done {
    if card.read_only {
        return Err(read_only(tenant));
    }
    if let Permission::Missing(any_of) = &card.permission {
        return Err(
            Failure::refused(format!("{}: the token lacks a permission", card.title)).advise(
                format!("Grant the application one of: {}.", any_of.join(", ")),
            ),
        );
    }
    let Some(wanted) = &card.confirm_text else {
        return Ok(());
    };
    say(&format!("{:<12}{}", "Tenant", full_name(tenant)));
    for (label, value) in &card.target {
        say(&format!("{label:<12}{value}"));
    }
    if let Some(state) = &card.state {
        say(&format!("{:<12}{state}", "State"));
    }
    for warning in &card.warnings {
        say(&format!("warning: {warning}"));
    }
    match confirmation {
        Some(given) if given.eq_ignore_ascii_case(wanted) => Ok(()),
        Some(given) => Err(Failure::usage(format!(
            "--confirm says {given:?}, the device is {wanted:?}: nothing was sent"
        ))),
        None => Err(Failure::usage(format!("{}: nothing was sent", card.title))
            .advise(format!("Confirm with --confirm {wanted}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_determination_must_belong_to_its_classification() {
        let edit = |class: &str, what: &str| Edit {
            classification: Some(class.to_owned()),
            determination: Some(what.to_owned()),
            ..Edit::default()
        };
        assert!(verdict(&edit("truePositive", "phishing")).is_ok());
        let refused = verdict(&edit("falsePositive", "phishing")).expect_err("illegal");
        let words = refused.words().expect("words");
        assert!(words.contains("notMalicious"), "{words}");
    }
}
