//! Which incidents are shown, in which order.

use crate::domain::{IncidentRow, Of, Timestamp};
use crate::tui::data::Data;
use crate::tui::data::arrange::{Arrangement, Basis, Key, TextOf};
use crate::tui::data::filter::Filter;

/// What the queue is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// What is overdue or due within the hour, worst first; then what falls due first.
    Sla,
    /// What is worst; then what changed last.
    Severity,
    /// What was made last.
    Created,
    /// What changed last.
    Updated,
    /// By owner, nobody's first.
    Owner,
    /// What has the most alerts.
    Alerts,
    /// By title.
    Title,
}

/// Seconds left at which an incident stands with the overdue.
const SOON: i64 = 3_600;
/// Seconds overdue after which an incident is backlog.
const STALE: i64 = 86_400;

impl Sort {
    const ALL: [(Sort, &'static str, Option<usize>); 7] = [
        (Sort::Sla, "SLA", Some(1)),
        (Sort::Severity, "severity", Some(0)),
        (Sort::Created, "created", None),
        (Sort::Updated, "updated", Some(10)),
        (Sort::Owner, "owner", Some(5)),
        (Sort::Alerts, "alerts", Some(6)),
        (Sort::Title, "title", Some(3)),
    ];

    pub(super) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|(sort, _, _)| *sort == self);
        let next = at.map_or(0, |at| (at + 1) % Self::ALL.len());
        Self::ALL[next].0
    }

    pub(super) fn name(self) -> &'static str {
        let row = Self::ALL.iter().find(|(sort, _, _)| *sort == self);
        row.map_or("", |(_, name, _)| name)
    }

    /// The order of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(_, known, _)| *known == name);
        row.map(|(sort, _, _)| *sort)
    }

    /// The column that carries the sign.
    pub(super) fn column(self) -> Option<usize> {
        let row = Self::ALL.iter().find(|(sort, _, _)| *sort == self);
        row.and_then(|(_, _, column)| *column)
    }
}

/// Places in the collection of the rows that pass, in order.
pub(super) fn order(
    arrangement: &mut Arrangement<Sort>,
    data: &Data,
    (filter, judged): (&Filter, Option<&dyn Fn(u32) -> bool>),
    keep: bool,
    (sort, reverse, grouped): (Sort, bool, bool),
    now: Timestamp,
) -> Vec<u32> {
    let rows = data.incidents.rows();
    let seconds = |time: Timestamp| time.as_second();
    let text: Option<TextOf<Of<IncidentRow>>> = match sort {
        Sort::Title => Some(|row| Some(&row.title)),
        Sort::Owner => Some(|row| row.assigned_to.as_deref()),
        _ => None,
    };
    let key = |row: &Of<IncidentRow>| -> Key {
        let worst = -i64::from(row.severity.rank());
        let newest = -seconds(row.updated);
        match sort {
            // What is overdue or nearly so comes worst first, so that a forgotten low one does not
            // stand above a fresh high one; of one severity the backlog of days ago comes behind what
            // today's watch can still save.
            Sort::Sla => match data
                .due(row)
                .map(|due| (seconds(due), seconds(due) - seconds(now)))
            {
                Some((due, left)) if left <= SOON => {
                    let stale = left < -STALE;
                    let place = if stale { -due } else { due };
                    (i64::MIN, 2 * worst + i64::from(stale), place)
                }
                Some((due, _)) => (due, worst, newest),
                None => (i64::MAX, worst, newest),
            },
            Sort::Severity => (worst, i64::from(!row.status.is_open()), newest),
            Sort::Created => (-seconds(row.created), worst, newest),
            Sort::Updated => (newest, worst, 0),
            Sort::Alerts => (-i64::from(row.alerts), worst, newest),
            Sort::Owner => (worst, 0, 0),
            Sort::Title => (0, 0, 0),
        }
    };
    let basis = Basis {
        version: data.incidents.version(),
        sort,
        reverse,
        grouped,
        minute: match sort {
            Sort::Sla => seconds(now).div_euclid(60),
            _ => 0,
        },
    };
    let asker = filter.asker(&data.tenants).judged(judged);
    arrangement.order(rows, basis, keep, asker, text, key)
}
