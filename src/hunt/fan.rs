//! One query in several tenants at once: each asked with its own budget, answers put together as the
//! language's `union` would, with the tenant's name and id before the columns of the query.
//!
//! A tenant that fails costs its own rows and nothing else; [`Fanned::parts`] says who answered.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::{HuntError, HuntErrorKind, HuntResult, Hunter, MOST_ROWS, Render, Timespan, language};
use crate::domain::hunting::{Cell, Column, ColumnKind};
use crate::domain::{ResultTable, Timestamp};

/// The column that says whose a row is: the profile's name.
pub const TENANT_NAME: &str = "TenantName";
/// The column with the directory id. Where a query has a column of this name (six tables of the
/// hunting schema do), that one becomes `TenantId1`, as the language's `join` does with equal names.
pub const TENANT_ID: &str = "TenantId";

/// Rows that are kept of all tenants together; what is more is cut from the largest answers.
pub const MOST_TOGETHER: usize = 500_000;

/// What one tenant gave.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its profile.
    pub tenant: String,
    /// Its directory id.
    pub id: String,
    /// From question to answer.
    pub took: Duration,
    /// Its rows in numbers, or why there are none.
    pub outcome: Result<Given, HuntError>,
}

/// The answer of one tenant in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Rows of the answer.
    pub rows: usize,
    /// Of these, rows in the table.
    pub kept: usize,
    /// Rows that were no rows and were passed over.
    pub bad_rows: usize,
    /// The service's clock when it answered.
    pub as_of: Timestamp,
}

impl Given {
    /// Whether the service may have had more.
    pub fn is_capped(&self) -> bool {
        self.rows >= MOST_ROWS
    }
}

/// What all of them gave.
#[derive(Clone, Debug)]
pub struct Fanned {
    /// The rows, tenant after tenant; with the two leading columns where several were asked.
    pub table: Arc<ResultTable>,
    /// Each tenant in the order of asking.
    pub parts: Vec<Part>,
    /// From question to the last answer.
    pub took: Duration,
    /// How the query asks to be drawn.
    pub render: Option<Render>,
}

impl Fanned {
    /// How many tenants answered.
    pub fn answered(&self) -> usize {
        self.parts
            .iter()
            .filter(|part| part.outcome.is_ok())
            .count()
    }

    /// The oldest of the moments the answers are of.
    pub fn as_of(&self) -> Option<Timestamp> {
        let given = self
            .parts
            .iter()
            .filter_map(|part| part.outcome.as_ref().ok());
        given.map(|given| given.as_of).min()
    }
}

/// Who answered, and why others did not, in a line: `3 of 4 tenants, fabrikam: quota used up until
/// 12:30`. Nothing where a single tenant was asked.
pub fn summary(parts: &[Part], zone: &jiff::tz::TimeZone) -> String {
    if parts.len() < 2 {
        return String::new();
    }
    let answered = parts.iter().filter(|part| part.outcome.is_ok()).count();
    let mut out = match (answered, parts.len()) {
        (answered, asked) if answered == asked => format!("{asked} tenants"),
        (answered, asked) => format!("{answered} of {asked} tenants"),
    };
    for part in parts {
        let Err(error) = &part.outcome else { continue };
        let _ = write!(out, ", {}: {}", part.tenant, error.kind.title());
        if let Some(at) = error.retry_at {
            let at = at.to_zoned(zone.clone());
            let _ = write!(out, " until {}", at.strftime("%H:%M"));
        }
    }
    out
}

/// Runs a query in every tenant at once and writes it to each one's history. `told` hears of each
/// answer as it comes, with its place in the list of tenants. Cancelling cancels all that still run;
/// what has come is kept.
pub async fn run(
    hunters: &[Hunter],
    query: &str,
    timespan: Option<Timespan>,
    cancel: &CancellationToken,
    mut told: impl FnMut(usize, &Part),
) -> Fanned {
    let started = Instant::now();
    let mut asking: FuturesUnordered<_> = hunters
        .iter()
        .enumerate()
        .map(async |(at, hunter)| {
            let begun = Instant::now();
            let answer = hunter.run(query, timespan, cancel.clone()).await;
            (at, begun.elapsed(), answer)
        })
        .collect();
    let mut parts: Vec<Option<(Part, Option<HuntResult>)>> = vec![None; hunters.len()];
    while let Some((at, took, answer)) = asking.next().await {
        let tenant = hunters[at].tenant();
        let (outcome, result) = match answer {
            Ok(result) => {
                let rows = result.table.rows();
                let given = Given {
                    rows,
                    kept: rows,
                    bad_rows: result.bad_rows,
                    as_of: result.as_of,
                };
                (Ok(given), Some(result))
            }
            Err(error) => (Err(error), None),
        };
        let part = Part {
            tenant: tenant.profile.name.clone(),
            id: tenant.id(),
            took,
            outcome,
        };
        told(at, &part);
        parts[at] = Some((part, result));
    }
    drop(asking);
    let (mut parts, results): (Vec<Part>, Vec<Option<HuntResult>>) =
        parts.into_iter().flatten().unzip();
    let shares = shares(
        &results
            .iter()
            .map(|result| result.as_ref().map_or(0, |it| it.table.rows()))
            .collect::<Vec<_>>(),
        MOST_TOGETHER,
    );
    for (part, share) in parts.iter_mut().zip(&shares) {
        if let Ok(given) = &mut part.outcome {
            given.kept = *share;
        }
    }
    let table = if let [only] = results.as_slice() {
        only.as_ref()
            .map(|it| Arc::clone(&it.table))
            .unwrap_or_default()
    } else {
        let sources: Vec<Source> = parts
            .iter()
            .zip(results)
            .zip(shares)
            .filter_map(|((part, result), rows)| {
                Some(Source {
                    tenant: part.tenant.clone(),
                    id: part.id.clone(),
                    table: result?.table,
                    rows,
                })
            })
            .collect();
        // A million cells are no work for a thread that answers keys.
        match tokio::task::spawn_blocking(move || together(&sources)).await {
            Ok(table) => Arc::new(table),
            Err(why) => {
                let error = HuntError::new(HuntErrorKind::Local, why.to_string());
                for part in &mut parts {
                    part.outcome = Err(error.clone());
                }
                Arc::default()
            }
        }
    };
    Fanned {
        table,
        parts,
        took: started.elapsed(),
        render: language::render(query),
    }
}

/// The rows of one tenant.
struct Source {
    tenant: String,
    id: String,
    table: Arc<ResultTable>,
    /// How many of its rows are taken.
    rows: usize,
}

/// How many rows of each answer are kept, so that small answers stay whole.
fn shares(rows: &[usize], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| rows[*at]);
    let mut shares = vec![0; rows.len()];
    let (mut left, mut tenants) = (most, rows.len());
    for at in order {
        let share = rows[at].min(left / tenants);
        shares[at] = share;
        left -= share;
        tenants -= 1;
    }
    shares
}

/// All rows in one table: columns of a name and a type are one column, columns of a name and several
/// types are one column a type, named `Name_type` as `union` names them.
fn together(sources: &[Source]) -> ResultTable {
    let mut columns: Vec<(Column, ColumnKind)> = Vec::new();
    let mut kinds: HashMap<&str, Vec<ColumnKind>> = HashMap::new();
    for column in sources.iter().flat_map(|source| source.table.columns()) {
        let kind = ColumnKind::from_wire(&column.wire_type);
        let known = kinds.entry(&column.name).or_default();
        if !known.contains(&kind) {
            known.push(kind);
            columns.push((Column::new(&column.name, &column.wire_type), kind));
        }
    }
    let find = |name: &str, kind| {
        let mut at = columns.iter();
        at.position(|(column, its)| &*column.name == name && *its == kind)
    };
    // For each source, which of its columns fills each column of the whole.
    let from: Vec<Vec<Option<usize>>> = sources
        .iter()
        .map(|source| {
            let mut from = vec![None; columns.len()];
            for (at, column) in source.table.columns().iter().enumerate() {
                let kind = ColumnKind::from_wire(&column.wire_type);
                if let Some(to) = find(&column.name, kind) {
                    from[to] = Some(at);
                }
            }
            from
        })
        .collect();
    let mut taken = vec![TENANT_NAME.to_owned(), TENANT_ID.to_owned()];
    let names: Vec<String> = columns
        .iter()
        .map(|(column, kind)| {
            let mut name = column.name.to_string();
            if kinds[&*column.name].len() > 1 {
                name = format!("{name}_{}", word(*kind));
            }
            let name = unique(name, &taken);
            taken.push(name.clone());
            name
        })
        .collect();
    let mut table = vec![
        Column::new(TENANT_NAME, "String"),
        Column::new(TENANT_ID, "String"),
    ];
    for source in sources {
        for _ in 0..source.rows {
            table[0].push(Cell::Text(&source.tenant));
            table[1].push(Cell::Text(&source.id));
        }
    }
    for (to, ((column, _), name)) in columns.iter().zip(&names).enumerate() {
        let mut filled = Column::new(name, &column.wire_type);
        for (source, from) in sources.iter().zip(&from) {
            for row in 0..source.rows {
                filled.push(match from[to] {
                    Some(at) => source.table.cell(row, at),
                    None => Cell::Null,
                });
            }
        }
        table.push(filled);
    }
    ResultTable::new(table)
}

/// The name, with a number where it is taken.
fn unique(name: String, taken: &[String]) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let mut nth = 1;
    loop {
        let other = format!("{name}{nth}");
        if !taken.contains(&other) {
            return other;
        }
        nth += 1;
    }
}

/// What the language calls a type.
fn word(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "string",
        ColumnKind::Long => "long",
        ColumnKind::Real => "real",
        ColumnKind::Bool => "bool",
        ColumnKind::Time => "datetime",
        ColumnKind::Span => "timespan",
        ColumnKind::Dynamic => "dynamic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(tenant: &str, columns: &[(&str, &str, &[Cell<'_>])]) -> Source {
        let columns: Vec<Column> = columns
            .iter()
            .map(|(name, wire, cells)| {
                let mut column = Column::new(name, wire);
                for cell in *cells {
                    column.push(*cell);
                }
                column
            })
            .collect();
        let table = Arc::new(ResultTable::new(columns));
        Source {
            tenant: tenant.to_owned(),
            id: format!("id of {tenant}"),
            rows: table.rows(),
            table,
        }
    }

    fn shown(table: &ResultTable) -> Vec<String> {
        let heads: Vec<&str> = table.columns().iter().map(|column| &*column.name).collect();
        let rows = (0..table.rows()).map(|row| {
            let cells = (0..heads.len()).map(|at| table.cell(row, at).text().into_owned());
            cells.collect::<Vec<_>>().join("|")
        });
        std::iter::once(heads.join("|")).chain(rows).collect()
    }

    #[test]
    fn columns_of_a_name_are_one_column_and_missing_cells_are_null() {
        let table = together(&[
            source("a", &[("Device", "String", &[Cell::Text("x")])]),
            source(
                "b",
                &[
                    ("New", "Int64", &[Cell::Long(3)]),
                    ("Device", "String", &[Cell::Text("y")]),
                ],
            ),
            source("c", &[("Device", "String", &[])]),
        ]);
        assert_eq!(
            shown(&table),
            [
                "TenantName|TenantId|Device|New",
                "a|id of a|x|",
                "b|id of b|y|3"
            ]
        );
        assert_eq!(table.columns()[3].kind, ColumnKind::Long);
        assert_eq!(table.cell(0, 3), Cell::Null);
    }

    #[test]
    fn types_that_differ_are_kept_apart_and_equal_names_numbered() {
        let table = together(&[
            source(
                "a",
                &[
                    ("Count", "Int64", &[Cell::Long(3)]),
                    ("TenantId", "String", &[Cell::Text("own")]),
                ],
            ),
            source("b", &[("Count", "String", &[Cell::Text("many")])]),
        ]);
        assert_eq!(
            shown(&table),
            [
                "TenantName|TenantId|Count_long|TenantId1|Count_string",
                "a|id of a|3|own|",
                "b|id of b|||many"
            ]
        );
    }

    #[test]
    fn the_largest_answers_are_cut_and_the_small_ones_stay_whole() {
        assert_eq!(shares(&[10, 500, 90], 300), [10, 200, 90]);
        assert_eq!(shares(&[500, 500, 20], 300), [140, 140, 20]);
        assert_eq!(shares(&[5, 5], 300), [5, 5]);
        assert_eq!(shares(&[], 300), Vec::<usize>::new());
    }

    #[test]
    fn the_summary_names_who_did_not_answer_and_until_when() {
        let part = |tenant: &str, outcome| Part {
            tenant: tenant.to_owned(),
            id: String::new(),
            took: Duration::ZERO,
            outcome,
        };
        let given = Given {
            rows: 1,
            kept: 1,
            bad_rows: 0,
            as_of: Timestamp::UNIX_EPOCH,
        };
        let throttled = HuntError {
            retry_at: "2026-08-19T12:30:00Z".parse().ok(),
            ..HuntError::new(HuntErrorKind::Quota, "wait")
        };
        let utc = jiff::tz::TimeZone::UTC;
        let parts = vec![part("contoso", Ok(given)), part("fabrikam", Err(throttled))];
        assert_eq!(
            summary(&parts, &utc),
            "1 of 2 tenants, fabrikam: quota used up until 12:30"
        );
        assert_eq!(summary(&[part("contoso", Ok(given))], &utc), "");
    }
}
