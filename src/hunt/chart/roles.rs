//! Which columns are x, y and series: what the query says, else what Kusto's documentation of `render`
//! says of each kind.
//!
//! A result the query says nothing of is counted where it is rows rather than figures.

use super::{Kind, Look, Stack, Subject};
use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, Column, ColumnKind};

/// A result of more columns than this is rows, not figures: unless the query asks to draw its numbers,
/// its rows are counted.
const MOST_FIGURES: usize = 6;

/// Cells of a column looked at to see what it holds.
const LOOKED_AT: usize = 50;

/// What each column is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// Along the x axis; none: the place in the result.
    pub(super) x: Option<usize>,
    /// Up the y axis; none: rows are counted.
    pub(super) ys: Vec<usize>,
    /// What the series are called by.
    pub(super) series: Vec<usize>,
    /// Where anomalies are told, one for each of the first y columns.
    pub(super) anomalies: Vec<usize>,
    /// Every row is a series: its cells are arrays.
    pub(super) arrays: bool,
}

/// What a column can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Number,
    Time,
    Numbers,
    Times,
    Word,
}

fn holds(column: &Column, of: Subject<'_>) -> Holds {
    match column.kind {
        ColumnKind::Long | ColumnKind::Real => Holds::Number,
        ColumnKind::Time => Holds::Time,
        ColumnKind::Dynamic => array(column, of),
        ColumnKind::Text | ColumnKind::Bool | ColumnKind::Span => Holds::Word,
    }
}

/// What the arrays of a column hold.
fn array(column: &Column, of: Subject<'_>) -> Holds {
    let cells = of.each_row().take(LOOKED_AT).map(|row| column.cell(row));
    for cell in cells {
        let Cell::Text(text) = cell else { continue };
        if !text.starts_with('[') {
            return Holds::Word;
        }
        let Ok(serde_json::Value::Array(items)) = serde_json::from_str(text) else {
            return Holds::Word;
        };
        match items.iter().find(|it| !it.is_null()) {
            None => {}
            Some(serde_json::Value::Number(_)) => return Holds::Numbers,
            Some(serde_json::Value::String(it)) if crate::domain::parse_time(it).is_some() => {
                return Holds::Times;
            }
            Some(_) => return Holds::Word,
        }
    }
    Holds::Word
}

/// The look a result has where the query does not say.
pub fn suited(of: Subject<'_>) -> Look {
    let plain = |kind| Look {
        kind,
        stack: Stack::None,
    };
    let columns = of.table.columns();
    let held: Vec<Holds> = columns.iter().map(|it| holds(it, of)).collect();
    let has = |what| held.contains(&what);
    if has(Holds::Numbers) {
        return plain(if has(Holds::Times) {
            Kind::Time
        } else {
            Kind::Line
        });
    }
    if counted(of, &held) {
        let timed = of
            .focus
            .map_or(has(Holds::Time), |at| held.get(at) == Some(&Holds::Time));
        return plain(if timed { Kind::Time } else { Kind::Bar });
    }
    if of.count() == 1 && held.iter().all(|it| *it == Holds::Number) {
        return plain(Kind::Card);
    }
    if has(Holds::Time) {
        plain(Kind::Time)
    } else if held.first() == Some(&Holds::Number) && columns.len() > 1 {
        plain(if has(Holds::Word) {
            Kind::Bar
        } else {
            Kind::Line
        })
    } else {
        plain(Kind::Bar)
    }
}

/// Whether the rows are counted, rather than their figures drawn.
fn counted(of: Subject<'_>, held: &[Holds]) -> bool {
    let figures = held
        .iter()
        .any(|it| matches!(it, Holds::Number | Holds::Numbers));
    let arrays = held.contains(&Holds::Numbers) && held.len() <= MOST_FIGURES * 2;
    of.render.is_none() && !arrays && (!figures || held.len() > MOST_FIGURES)
}

/// Finds out what each column is for.
///
/// # Errors
/// A sentence saying what the kind needs and the result does not have.
pub(super) fn assign(of: Subject<'_>, look: Look) -> Result<Roles, String> {
    let columns = of.table.columns();
    let held: Vec<Holds> = columns.iter().map(|it| holds(it, of)).collect();
    if counted(of, &held) {
        return Ok(count_by(of, look, &held));
    }
    let named = |property: &str| -> Result<Vec<usize>, String> {
        let names = of.render.map(|it| it.columns(property)).unwrap_or_default();
        let find = |name: &str| {
            let found = of.table.column(name.trim_matches(['[', ']', '\'', '"']));
            found.ok_or_else(|| format!("{property} names {name}, which the result does not have."))
        };
        names.into_iter().map(find).collect()
    };
    let x = named("xcolumn")?.first().copied();
    let series = named("series")?;
    let ys = named("ycolumns")?;
    let mut anomalies = named("anomalycolumns")?;
    let taken = |at: usize, x: Option<usize>| x == Some(at) || series.contains(&at);
    let first = |what: &[Holds]| {
        let free = (0..held.len()).filter(|at| !series.contains(at) && !ys.contains(at));
        free.into_iter().find(|at| what.contains(&held[*at]))
    };
    let arrays = x.map_or(held.contains(&Holds::Numbers), |at| {
        matches!(held[at], Holds::Numbers | Holds::Times)
    }) && ys
        .iter()
        .all(|at| matches!(held[*at], Holds::Numbers | Holds::Word));

    let x = if x.is_some() {
        x
    } else if arrays {
        first(&[Holds::Times]).or_else(|| rising(of, &held))
    } else {
        let timed = first(&[Holds::Time]);
        match look.kind {
            Kind::Time | Kind::Anomaly => {
                // what has no time has at least an order
                if timed.is_none() && of.render.is_some() {
                    let name = look.name();
                    return Err(format!(
                        "A {name} needs a datetime column; the result has none."
                    ));
                }
                timed.or_else(|| first(&[Holds::Number, Holds::Word]))
            }
            Kind::Line | Kind::Area | Kind::Scatter => {
                // the first column, if it is one that can be counted along
                let number = held.first() == Some(&Holds::Number) && held.len() > 1;
                let number = number && !ys.contains(&0) && !series.contains(&0);
                if number {
                    Some(0)
                } else {
                    timed.or_else(|| first(&[Holds::Word])).or_else(|| {
                        let numbers = held.iter().filter(|it| **it == Holds::Number);
                        (numbers.count() > 1)
                            .then(|| first(&[Holds::Number]))
                            .flatten()
                    })
                }
            }
            Kind::Column | Kind::Bar | Kind::Pie | Kind::Card => {
                let mut free =
                    (0..held.len()).filter(|at| !series.contains(at) && !ys.contains(at));
                let words = free.find(|at| {
                    let number = held[*at] == Holds::Number;
                    !number || *at == 0 && held[1..].contains(&Holds::Number)
                });
                words.filter(|at| !matches!(held[*at], Holds::Numbers | Holds::Times))
            }
        }
    };

    let figure = if arrays {
        Holds::Numbers
    } else {
        Holds::Number
    };
    let flags = |at: &usize| {
        let name = columns[*at].name.to_ascii_lowercase();
        name.ends_with("_ad_flag") || name.contains("anomal")
    };
    let mut ys = if ys.is_empty() {
        let all = (0..held.len()).filter(|at| held[*at] == figure && !taken(*at, x));
        let all: Vec<usize> = all.filter(|at| !anomalies.contains(at)).collect();
        if look.kind == Kind::Anomaly && anomalies.is_empty() {
            anomalies = all.iter().copied().filter(flags).collect();
        }
        let mut left = all;
        left.retain(|at| !anomalies.contains(at));
        if look.kind == Kind::Anomaly && !anomalies.is_empty() && left.len() > 1 {
            // how sure it is of an anomaly stands on another scale
            left.retain(|at| !columns[*at].name.ends_with("_ad_score"));
        }
        left
    } else {
        ys
    };
    if ys.is_empty() {
        // spans of time are figures where there are no others
        let spans = (0..held.len()).filter(|at| columns[*at].kind == ColumnKind::Span);
        ys = spans.filter(|at| !taken(*at, x)).collect();
    }
    for at in &ys {
        let span = columns[*at].kind == ColumnKind::Span;
        if held[*at] != figure && !span && !(arrays && held[*at] == Holds::Word) {
            let (name, kind) = (&columns[*at].name, &columns[*at].wire_type);
            return Err(format!("{name} is no number to draw, it is {kind}."));
        }
    }
    if ys.is_empty() {
        let name = look.name();
        return Err(format!(
            "A {name} needs a numeric column; the result has none."
        ));
    }
    if look.kind == Kind::Pie {
        ys.truncate(1);
    }
    let series = if series.is_empty() && look.kind != Kind::Pie {
        let words = (0..held.len()).filter(|at| {
            held[*at] == Holds::Word
                && x != Some(*at)
                && !ys.contains(at)
                && columns[*at].kind != ColumnKind::Dynamic
        });
        // of several words the first tells the series apart; an array is named by all
        words.take(if arrays { 3 } else { 1 }).collect()
    } else {
        series
    };
    Ok(Roles {
        x,
        ys,
        series,
        anomalies: if look.kind == Kind::Anomaly {
            anomalies
        } else {
            Vec::new()
        },
        arrays,
    })
}

/// The array of numbers that only rises: what a `make-series` over numbers counts along.
fn rising(of: Subject<'_>, held: &[Holds]) -> Option<usize> {
    let row = of.each_row().next()?;
    let all: Vec<usize> = (0..held.len())
        .filter(|at| held[*at] == Holds::Numbers)
        .collect();
    if all.len() < 2 {
        return None;
    }
    all.into_iter().find(|at| {
        let Cell::Text(text) = of.table.cell(row, *at) else {
            return false;
        };
        let numbers: Vec<f64> = serde_json::from_str(text).unwrap_or_default();
        numbers.len() > 1 && numbers.windows(2).all(|pair| pair[0] < pair[1])
    })
}

/// What rows are counted by: the column looked at, else the first there is a use for.
fn count_by(of: Subject<'_>, look: Look, held: &[Holds]) -> Roles {
    let time = held.iter().position(|it| *it == Holds::Time);
    let word = wordy(of.table, held);
    let focus = of.focus.filter(|at| *at < held.len());
    let along_time = !matches!(look.kind, Kind::Bar | Kind::Pie);
    let timed = focus.filter(|at| held[*at] == Holds::Time).or(time);
    let other = focus.filter(|at| held[*at] != Holds::Time);
    if along_time && timed.is_some() {
        return Roles {
            x: timed,
            series: other.into_iter().collect(),
            ..Roles::default()
        };
    }
    Roles {
        x: focus.or(word).or(time).or(Some(0)),
        ..Roles::default()
    }
}

fn wordy(table: &ResultTable, held: &[Holds]) -> Option<usize> {
    let words = (0..held.len()).find(|at| held[*at] == Holds::Word);
    words.filter(|at| *at < table.columns().len())
}
