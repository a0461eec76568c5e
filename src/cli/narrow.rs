//! What `list` can be narrowed by, as a question to the rows: the same words for incidents and alerts.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::Narrow;
use super::failure::{Done, Failure};
use super::{say, session};
use crate::api::ListQuery;
use crate::config::nearest;
use crate::domain::{AlertStatus, BadRow, IncidentStatus, Of, Severity, TenantNo};
use crate::hunt::lists::{self, Facts, Listed};
use crate::tenant::Tenant;

/// Whose rows are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Anybody's and nobody's.
    #[default]
    Any,
    /// Nobody's.
    Nobody,
    /// This person's.
    Person(String),
}

/// The conditions of one `list`.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) status: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) owner: Owner,
    pub(crate) since: Option<Timestamp>,
    pub(crate) top: usize,
}

impl Conditions {
    /// Reads the options; `known` are the statuses there are.
    pub(crate) fn read(
        narrow: &Narrow,
        status: Option<&str>,
        known: &[String],
        tenant: &Tenant,
        now: Timestamp,
    ) -> Done<Self> {
        let severities = names(Severity::KNOWN);
        Ok(Self {
            status: status
                .map(|given| member("--status", given, known))
                .transpose()?,
            severity: narrow
                .severity
                .as_deref()
                .map(|given| member("--severity", given, &severities))
                .transpose()?,
            owner: match (&narrow.assigned_to, narrow.unassigned) {
                (_, true) => Owner::Nobody,
                (Some(given), _) => Owner::Person(session::person(tenant, given)),
                (None, false) => Owner::Any,
            },
            since: narrow
                .since
                .as_deref()
                .map(|given| session::moment(given, now))
                .transpose()?,
            top: narrow.top,
        })
    }

    /// What the service is asked: everything it filters surely, and the newest change first. The
    /// rest is asked of each row ([`Self::keeps`]).
    pub(crate) fn query(&self) -> ListQuery {
        let equals = |field: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("{field} eq '{value}'"))
        };
        let conditions: Vec<String> = [
            equals("status", &self.status),
            equals("severity", &self.severity),
        ]
        .into_iter()
        .flatten()
        .collect();
        ListQuery {
            updated_since: self.since,
            filter: (!conditions.is_empty()).then(|| conditions.join(" and ")),
            ..ListQuery::default()
        }
    }

    /// Whether a row with these values is wanted.
    pub(crate) fn keeps(
        &self,
        status: Option<&str>,
        severity: Option<&Severity>,
        owner: Option<&Arc<str>>,
        updated: Option<Timestamp>,
    ) -> bool {
        let is = |wanted: &str, found: Option<&str>| {
            found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        };
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is(wanted, found))
        };
        let owner = owner
            .map(AsRef::as_ref)
            .filter(|name: &&str| !name.trim().is_empty());
        same(&self.status, status)
            && same(&self.severity, severity.map(Severity::as_str))
            && match &self.owner {
                Owner::Any => true,
                Owner::Nobody => owner.is_none(),
                Owner::Person(wanted) => is(wanted, owner),
            }
            && match (self.since, updated) {
                (Some(since), Some(updated)) => updated >= since,
                _ => true,
            }
    }
}

/// A KQL condition, asked of the rows of each page.
#[derive(Debug)]
pub(crate) struct Condition<R> {
    predicate: Option<String>,
    /// Columns the service's rows say nothing of.
    lacking: &'static [&'static str],
    facts: Facts,
    now: Timestamp,
    rows: std::marker::PhantomData<R>,
}

impl<R: Listed> Condition<R> {
    /// Reads `--where`; a fault in it is told before anything is asked.
    pub(crate) fn read(
        narrow: &Narrow,
        tenant: &Tenant,
        now: Timestamp,
        lacking: &'static [&'static str],
    ) -> Done<Self> {
        let condition = Self {
            predicate: narrow.predicate.clone(),
            lacking,
            facts: Facts {
                tenants: vec![(tenant.profile.name.clone(), tenant.who())],
                sla: [0; 4],
            },
            now,
            rows: std::marker::PhantomData,
        };
        condition.passing(&[])?;
        Ok(condition)
    }

    /// Which rows are wanted.
    pub(crate) fn passing(&self, rows: &[R]) -> Done<Vec<bool>> {
        let Some(predicate) = &self.predicate else {
            return Ok(vec![true; rows.len()]);
        };
        let rows = rows.iter().map(|row| Of::new(TenantNo(0), row.clone()));
        let rows: Vec<Of<R>> = rows.collect();
        let found = lists::passing(predicate, &rows, &self.facts, self.now, self.lacking);
        found.map_err(|it| {
            let at = predicate
                .get(..it.start)
                .map_or(0, |head| head.chars().count())
                + 1;
            let failure = Failure::usage(format!("--where, character {at}: {}", it.message));
            let names = R::COLUMNS.iter().map(|column| column.name);
            let names: Vec<&str> = names.filter(|it| !self.lacking.contains(it)).collect();
            failure.advise(format!("It is a condition over {}.", names.join(", ")))
        })
    }
}

/// Says that rows were left out because they could not be understood.
pub(crate) fn say_bad(bad: &[BadRow]) {
    for row in bad {
        say(&format!(
            "a row was not understood and is left out: {}",
            row.why
        ));
    }
}

/// Statuses an incident can have.
pub(crate) fn incident_statuses() -> Vec<String> {
    names(IncidentStatus::KNOWN)
}

/// Statuses an alert can have.
pub(crate) fn alert_statuses() -> Vec<String> {
    names(AlertStatus::KNOWN)
}

/// The wire names of an open enum's known members.
pub(crate) fn names<T: Display>(known: &[T]) -> Vec<String> {
    known.iter().map(ToString::to_string).collect()
}

/// The wire name of a member, case ignored; a word nobody knows is refused with the nearest.
pub(crate) fn member(option: &str, given: &str, known: &[String]) -> Done<String> {
    if let Some(name) = known.iter().find(|name| name.eq_ignore_ascii_case(given)) {
        return Ok(name.clone());
    }
    let failure = Failure::usage(format!(
        "{option} {given:?} is not one of {}",
        known.join(", ")
    ));
    Err(match nearest(given, known.iter().map(String::as_str)) {
        Some(near) => failure.advise(format!("Did you mean {near}?")),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_the_service_spells_them() {
        let known = incident_statuses();
        assert_eq!(
            member("--status", "INPROGRESS", &known).ok().as_deref(),
            Some("inProgress")
        );
        let refused = member("--status", "inprogres", &known).expect_err("no such status");
        let words = refused.words().expect("words");
        assert!(words.contains("Did you mean inProgress?"), "{words}");
    }

    #[test]
    fn nobody_somebody_and_anybody_are_three_questions() {
        let kept = |owner: Owner, found: Option<&str>| {
            let conditions = Conditions {
                owner,
                ..Conditions::default()
            };
            let found: Option<Arc<str>> = found.map(Into::into);
            conditions.keeps(None, None, found.as_ref(), None)
        };
        let me = || Owner::Person("Me@contoso.com".to_owned());
        assert!(kept(Owner::Any, None) && kept(Owner::Any, Some("a")));
        assert!(
            kept(Owner::Nobody, None)
                && kept(Owner::Nobody, Some(" "))
                && !kept(Owner::Nobody, Some("a"))
        );
        assert!(
            kept(me(), Some("me@contoso.com")) && !kept(me(), Some("you")) && !kept(me(), None)
        );
    }
}
