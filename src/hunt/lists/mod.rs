//! The lists of the console and the command line as tables of the language, so that a predicate can be
//! asked of their rows.
//!
//! A column's name is the hunting schema's where that has one for the same thing. What a column holds is
//! said in `assets/kql/words.txt`, under the table's name.

mod desk;
mod rows;
mod view;

pub use desk::{Batch, Desk, Judge, Judged, Verdict};
pub use view::{View, Views};

use crate::domain::{Of, TenantNo, Timestamp};
use crate::engine::mirror::{self, Mirror};
use crate::engine::{Column, EngineError, Options, Type, Value, time};
use crate::hunt::Finding;
use crate::kql::classify::{Kind, classify_analysis};
use crate::kql::{Schema, Span, analyze};

/// What rows do not say themselves: whose tenant is whose, when a first action is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The tenants by number: name, and who "me" is there.
    pub tenants: Vec<(String, String)>,
    /// Seconds to the first action for high, medium, low and informational.
    pub sla: [i64; 4],
}

impl Facts {
    fn name(&self, tenant: TenantNo) -> &str {
        self.tenants.get(tenant.index()).map_or("", |it| &it.0)
    }

    fn is_me(&self, tenant: TenantNo, owner: Option<&str>) -> bool {
        let me = self.tenants.get(tenant.index()).map_or("", |it| &it.1);
        !me.is_empty() && owner.is_some_and(|owner| owner.eq_ignore_ascii_case(me))
    }
}

/// A column of a list.
pub struct Col<R> {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// A row's cell.
    value: fn(&Of<R>, &Facts) -> Value,
}

/// A row of a list.
pub trait Listed: Sized + Clone + Send + std::fmt::Debug + 'static {
    /// The list's name as a table.
    const LIST: &'static str;
    /// Its columns in their order.
    const COLUMNS: &'static [Col<Self>];
}

/// Names and types of a list's columns.
pub fn columns<R: Listed>() -> Vec<Column> {
    let all = R::COLUMNS.iter();
    all.map(|column| Column::new(column.name, column.ty))
        .collect()
}

/// The schema a predicate over a list is written against.
pub fn schema<R: Listed>() -> Schema {
    let mut schema = Schema::with_hunting_functions();
    schema.add_table(R::LIST, columns::<R>());
    schema
}

/// An empty table for a list's rows.
///
/// # Errors
/// SQLite cannot hold it.
pub fn mirror<R: Listed>() -> Result<Mirror, EngineError> {
    Mirror::new(R::LIST, &columns::<R>())
}

/// A row's cells, in the order of the columns.
pub fn cells<R: Listed>(row: &Of<R>, facts: &Facts) -> Vec<Value> {
    let all = R::COLUMNS.iter();
    all.map(|column| (column.value)(row, facts)).collect()
}

/// Which of a few rows pass a predicate, without keeping them. `lacking` names columns that nothing is
/// known of here: a predicate that names one is refused.
///
/// # Errors
/// What is wrong with the predicate, with its place.
pub fn passing<R: Listed>(
    predicate: &str,
    rows: &[Of<R>],
    facts: &Facts,
    now: Timestamp,
    lacking: &[&str],
) -> Result<Vec<bool>, Finding> {
    let known = |name: &str| !lacking.contains(&name);
    let mut columns = columns::<R>();
    columns.retain(|column| known(&column.name));
    let cells = |row: &Of<R>| -> Vec<Value> {
        let all = R::COLUMNS.iter().filter(|column| known(column.name));
        all.map(|column| (column.value)(row, facts)).collect()
    };
    let judge = || -> Result<Vec<bool>, EngineError> {
        let mut mirror = Mirror::new(R::LIST, &columns)?;
        mirror.put((0..).zip(rows.iter().map(cells)), rows.len())?;
        let options = Options {
            now: Some(ticks(now)),
            ..Options::default()
        };
        let mut passes = vec![false; rows.len()];
        for place in mirror.passing(predicate, &options)? {
            if let Some(it) = passes.get_mut(place as usize) {
                *it = true;
            }
        }
        Ok(passes)
    };
    judge().map_err(|error| desk::finding(&error, predicate.len()))
}

/// What is known of a predicate's text without asking it.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Pieces of the text and what they are.
    pub kinds: Vec<(Span, Kind)>,
    /// Faults by place.
    pub findings: Vec<Finding>,
}

impl Reading {
    /// The first thing wrong.
    pub fn problem(&self) -> Option<&Finding> {
        self.findings.iter().find(|it| it.error)
    }
}

/// Reads a predicate over the table of this name.
pub fn read(table: &str, text: &str, schema: &Schema) -> Reading {
    if let Some(fault) = mirror::not_a_predicate(text) {
        let long = text.len() > mirror::LONGEST_PREDICATE;
        let kinds = if long {
            Vec::new()
        } else {
            kinds(table, text, schema).0
        };
        let finding = Finding {
            start: fault.span.start as usize,
            end: fault.span.end as usize,
            error: true,
            code: String::new(),
            message: fault.message,
            fix: None,
        };
        return Reading {
            kinds,
            findings: vec![finding],
        };
    }
    let (kinds, findings) = kinds(table, text, schema);
    Reading { kinds, findings }
}

fn kinds(table: &str, text: &str, schema: &Schema) -> (Vec<(Span, Kind)>, Vec<Finding>) {
    let asked = mirror::ask(table, text);
    let analysis = analyze(&asked.query, schema);
    let inside = |at: usize| at.saturating_sub(asked.at).min(text.len());
    let kinds = classify_analysis(&asked.query, &analysis);
    let kinds = kinds.into_iter().filter_map(|(span, kind)| {
        let place = Span::new(inside(span.start as usize), inside(span.end as usize));
        (place.start < place.end).then_some((place, kind))
    });
    let findings = super::language::found(&analysis, 0);
    let findings = findings.into_iter().map(|it| Finding {
        start: inside(it.start),
        end: inside(it.end),
        fix: None,
        ..it
    });
    (kinds.collect(), findings.collect())
}

/// A moment as the language counts it.
pub fn ticks(at: Timestamp) -> i64 {
    time::UNIX_EPOCH + i64::try_from(at.as_nanosecond() / 100).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests;
