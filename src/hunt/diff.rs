//! Two runs of one query side by side: rows that came, went or changed, as a table of its own.
//!
//! Rows are told apart by key columns; without a key a row is itself alone, and cannot change. Rows of
//! one key are matched in their order. Walks every row: not for the loop.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, Column};

/// The first column of the table: what became of the row.
pub const CHANGE: &str = "Change";
/// The second, where rows have a key: what is different, each as `column: before → now`.
pub const DIFFERENCE: &str = "Difference";

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Rows that are different, with [`CHANGE`] and [`DIFFERENCE`] before their own columns.
    pub table: ResultTable,
    /// Rows that were not there.
    pub added: usize,
    /// Rows that are no more.
    pub gone: usize,
    /// Rows of one key that are different.
    pub changed: usize,
    /// Rows that are the same.
    pub same: usize,
}

/// Compares the rows of two results; `key` are columns of both, none: all.
///
/// # Errors
/// A sentence saying why they cannot be compared.
pub fn compare(before: &ResultTable, now: &ResultTable, key: &[usize]) -> Result<Compared, String> {
    let names = |table: &ResultTable| -> Vec<String> {
        let columns = table.columns().iter();
        columns.map(|it| it.name.to_string()).collect()
    };
    let (old, new) = (names(before), names(now));
    // columns may stand elsewhere, not be others
    let places: Option<Vec<usize>> = new.iter().map(|name| before.column(name)).collect();
    let Some(places) = places.filter(|_| old.len() == new.len()) else {
        let gone: Vec<&String> = old.iter().filter(|it| !new.contains(it)).collect();
        let came: Vec<&String> = new.iter().filter(|it| !old.contains(it)).collect();
        let mut why = "The runs have different columns".to_owned();
        if !came.is_empty() {
            let _ = write!(why, "; new: {}", join(&came));
        }
        if !gone.is_empty() {
            let _ = write!(why, "; gone: {}", join(&gone));
        }
        return Err(why + ".");
    };
    let whole = key.is_empty();
    let all: Vec<usize> = (0..new.len()).collect();
    let key = if whole { &all } else { key };
    let old_key: Vec<usize> = key.iter().map(|at| places[*at]).collect();
    let mut waiting: HashMap<String, Vec<u32>> = HashMap::new();
    // backwards, so that the first is taken first
    for row in (0..before.rows()).rev() {
        let rows = waiting.entry(identity(before, row, &old_key)).or_default();
        rows.push(row as u32);
    }
    let mut out = Compared::default();
    let mut met = vec![false; before.rows()];
    let mut found: Vec<(&str, bool, u32, String)> = Vec::new();
    for row in 0..now.rows() {
        let was = waiting.get_mut(&identity(now, row, key)).and_then(Vec::pop);
        let Some(was) = was else {
            out.added += 1;
            found.push(("added", true, row as u32, String::new()));
            continue;
        };
        met[was as usize] = true;
        let said = if whole {
            String::new()
        } else {
            difference(before, was as usize, now, row, &places)
        };
        if said.is_empty() {
            out.same += 1;
        } else {
            out.changed += 1;
            found.push(("changed", true, row as u32, said));
        }
    }
    for (row, met) in met.into_iter().enumerate() {
        if !met {
            out.gone += 1;
            found.push(("gone", false, row as u32, String::new()));
        }
    }
    out.table = table(before, now, &places, whole, &found);
    Ok(out)
}

fn join(names: &[&String]) -> String {
    let few: Vec<&str> = names.iter().take(4).map(|it| it.as_str()).collect();
    let more = names.len().saturating_sub(4);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", few.join(", "))
}

/// What a row is told apart by: lengths keep two cells from running together.
fn identity(table: &ResultTable, row: usize, key: &[usize]) -> String {
    let mut out = String::new();
    for at in key {
        match table.cell(row, *at) {
            Cell::Null => out.push('-'),
            cell => {
                let text = cell.text();
                let _ = write!(out, "{}:{text}", text.len());
            }
        }
    }
    out
}

/// What a cell was and is, for each that is different.
fn difference(
    before: &ResultTable,
    was: usize,
    now: &ResultTable,
    row: usize,
    places: &[usize],
) -> String {
    let mut out = String::new();
    for (at, column) in now.columns().iter().enumerate() {
        let (old, new) = (before.cell(was, places[at]), column.cell(row));
        let null = (old == Cell::Null) != (new == Cell::Null);
        if !null && old.text() == new.text() {
            continue;
        }
        let word = |cell: Cell<'_>| match cell {
            Cell::Null => "null".to_owned(),
            other => other.text().into_owned(),
        };
        if !out.is_empty() {
            out.push_str("; ");
        }
        let _ = write!(out, "{}: {} → {}", column.name, word(old), word(new));
    }
    out
}

fn table(
    before: &ResultTable,
    now: &ResultTable,
    places: &[usize],
    whole: bool,
    found: &[(&str, bool, u32, String)],
) -> ResultTable {
    let free = |name: &str| {
        // the result may have a column of that name
        let mut name = name.to_owned();
        while now.column(&name).is_some() {
            name.push('_');
        }
        name
    };
    let mut columns = vec![Column::new(&free(CHANGE), "String")];
    if !whole {
        columns.push(Column::new(&free(DIFFERENCE), "String"));
    }
    for (change, _, _, said) in found {
        columns[0].push(Cell::Text(change));
        if !whole {
            columns[1].push(if said.is_empty() {
                Cell::Null
            } else {
                Cell::Text(said)
            });
        }
    }
    for (at, of) in now.columns().iter().enumerate() {
        let mut column = Column::new(&of.name, &of.wire_type);
        for (_, is_new, row, _) in found {
            let row = *row as usize;
            column.push(if *is_new {
                of.cell(row)
            } else {
                before.cell(row, places[at])
            });
        }
        columns.push(column);
    }
    ResultTable::new(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str], rows: &[&[&str]]) -> ResultTable {
        let columns = names.iter().enumerate().map(|(at, name)| {
            let mut column = Column::new(name, "String");
            for row in rows {
                column.push(match row[at] {
                    "-" => Cell::Null,
                    text => Cell::Text(text),
                });
            }
            column
        });
        ResultTable::new(columns.collect())
    }

    fn lines(compared: &Compared) -> Vec<String> {
        let table = &compared.table;
        (0..table.rows())
            .map(|row| {
                let cells = (0..table.columns().len()).map(|at| table.cell(row, at).text());
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    #[test]
    fn rows_come_go_and_change_by_their_key() {
        let before = table(
            &["id", "n", "s"],
            &[&["a", "1", "x"], &["b", "2", "-"], &["c", "3", "z"]],
        );
        let now = table(
            &["id", "n", "s"],
            &[&["b", "5", ""], &["d", "4", "w"], &["c", "3", "z"]],
        );
        let by_id = compare(&before, &now, &[0]).expect("compared");
        assert_eq!(
            lines(&by_id),
            [
                "changed|n: 2 → 5; s: null → |b|5|",
                "added||d|4|w",
                "gone||a|1|x"
            ]
        );
        assert_eq!(
            (by_id.added, by_id.gone, by_id.changed, by_id.same),
            (1, 1, 1, 1)
        );
        let whole = compare(&before, &now, &[]).expect("compared");
        assert_eq!(
            (whole.added, whole.gone, whole.changed, whole.same),
            (2, 2, 0, 1)
        );
        assert_eq!(whole.table.columns().len(), 4);
    }

    #[test]
    fn rows_that_are_there_twice_are_counted() {
        let before = table(&["id"], &[&["a"], &["a"]]);
        let now = table(&["id"], &[&["a"], &["a"], &["a"]]);
        let it = compare(&before, &now, &[]).expect("compared");
        assert_eq!((it.added, it.gone, it.same), (1, 0, 2));
    }

    #[test]
    fn cells_do_not_run_together() {
        let before = table(&["a", "b"], &[&["x", "yz"]]);
        let now = table(&["a", "b"], &[&["xy", "z"]]);
        let it = compare(&before, &now, &[]).expect("compared");
        assert_eq!((it.added, it.gone), (1, 1));
    }

    #[test]
    fn columns_may_stand_elsewhere_and_not_be_others() {
        let before = table(&["a", "b"], &[&["1", "2"]]);
        let moved = table(&["b", "a"], &[&["2", "1"]]);
        assert_eq!(compare(&before, &moved, &[]).expect("compared").same, 1);
        let other = table(&["a", "c"], &[&["1", "2"]]);
        let why = compare(&before, &other, &[]).expect_err("other columns");
        assert!(why.contains("new: c") && why.contains("gone: b"), "{why}");
    }
}
