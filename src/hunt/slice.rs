//! A result cut down and counted: rows that meet conditions, values of a column with how often each is
//! there, and what its numbers come to. Walks every row: not for the loop.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, ColumnKind};

/// The value of a cell, by its text; `None` is null.
pub type Value = Option<Arc<str>>;

/// A condition on a column. All of a result's must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column of the table.
    pub column: usize,
    /// The values it is about.
    pub values: Vec<Value>,
    /// Rows with one of them stay; else they go.
    pub keep: bool,
}

/// The value of a cell.
pub fn value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => None,
        other => Some(other.text().into()),
    }
}

/// What a value is called where it is shown; hostile.
pub fn value_name(value: &Value) -> &str {
    match value.as_deref() {
        None => "(null)",
        Some("") => "(empty)",
        Some(text) => text,
    }
}

/// Rows that meet all conditions, in the order of a column or as they came.
pub fn rows(
    table: &ResultTable,
    conditions: &[Condition],
    sort: Option<(usize, bool)>,
) -> Vec<u32> {
    let wanted: Vec<(usize, HashSet<Option<&str>>, bool)> = conditions
        .iter()
        .map(|it| {
            let values = it.values.iter().map(Option::as_deref).collect();
            (it.column, values, it.keep)
        })
        .collect();
    let holds = |row: &u32| {
        wanted.iter().all(|(column, values, keep)| {
            let cell = table.cell(*row as usize, *column);
            let text = cell.text();
            let of = (cell != Cell::Null).then_some(&*text);
            values.contains(&of) == *keep
        })
    };
    match sort {
        Some((column, descending)) => {
            let mut order = table.order_by(column, descending);
            order.retain(holds);
            order
        }
        None => (0..table.rows() as u32).filter(holds).collect(),
    }
}

/// A value with how often it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The value; hostile.
    pub value: Value,
    /// Rows with it.
    pub rows: u32,
    /// The first of them.
    pub first: u32,
}

/// The values of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The column.
    pub column: usize,
    /// Rows looked at.
    pub rows: usize,
    /// Every distinct value, the most frequent first; ties by value.
    pub groups: Vec<Group>,
    /// The same by value: numbers of `groups`.
    pub by_value: Vec<u32>,
}

/// Counts the values of a column in the rows given; `None` is all of them.
pub fn groups(table: &ResultTable, rows: Option<&[u32]>, column: usize) -> Groups {
    let mut by_text: HashMap<Arc<str>, usize> = HashMap::new();
    let mut null: Option<usize> = None;
    let mut groups: Vec<Group> = Vec::new();
    let mut count = 0;
    each_row(table, rows, |row| {
        count += 1;
        let cell = table.cell(row, column);
        let text = cell.text();
        let found = match cell {
            Cell::Null => null,
            _ => by_text.get(&*text).copied(),
        };
        if let Some(nth) = found {
            groups[nth].rows += 1;
            return;
        }
        let value = value(cell);
        match &value {
            None => null = Some(groups.len()),
            Some(text) => {
                by_text.insert(Arc::clone(text), groups.len());
            }
        }
        groups.push(Group {
            value,
            rows: 1,
            first: row as u32,
        });
    });
    let compare = |a: &Group, b: &Group| {
        let cell = |it: &Group| table.cell(it.first as usize, column);
        cell(a).compare(cell(b))
    };
    groups.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| compare(a, b)));
    let mut by_value: Vec<u32> = (0..groups.len() as u32).collect();
    by_value.sort_by(|a, b| compare(&groups[*a as usize], &groups[*b as usize]));
    Groups {
        column,
        rows: count,
        groups,
        by_value,
    }
}

fn each_row(table: &ResultTable, rows: Option<&[u32]>, mut each: impl FnMut(usize)) {
    match rows {
        Some(rows) => rows
            .iter()
            .map(|row| *row as usize)
            .filter(|row| *row < table.rows())
            .for_each(each),
        None => (0..table.rows()).for_each(&mut each),
    }
}

/// What the values of a column come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The column.
    pub column: usize,
    /// Rows looked at.
    pub rows: usize,
    /// Those without a value.
    pub nulls: usize,
    /// Different values.
    pub distinct: usize,
    /// Least and greatest value, as rows of the table.
    pub ends: Option<(u32, u32)>,
    /// What its numbers come to, where it has numbers.
    pub numbers: Option<Numbers>,
    /// Characters of its texts: least, mean, most; where it has texts.
    pub lengths: Option<(usize, f64, usize)>,
}

/// What numbers come to; times count in milliseconds since 1970, spans in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sum.
    pub sum: f64,
    /// The sample's standard deviation; 0 of one value.
    pub deviation: f64,
    /// The nearest-rank percentiles [`PERCENTILES`], each a value that is there.
    pub percentiles: [f64; PERCENTILES.len()],
    /// Values in [`BARS`] even bins from the least to the greatest.
    pub bins: Vec<u32>,
}

/// The percentiles worked out.
pub const PERCENTILES: [u32; 7] = [1, 5, 25, 50, 75, 95, 99];

/// Bins of a distribution.
pub const BARS: usize = 32;

/// Works out what a column's values come to, in the rows given; `None` is all of them.
pub fn stats(table: &ResultTable, rows: Option<&[u32]>, column: usize) -> Stats {
    let mut stats = Stats {
        column,
        ..Stats::default()
    };
    let Some(of) = table.columns().get(column) else {
        return stats;
    };
    let mut numbers: Vec<f64> = Vec::new();
    let mut distinct: HashSet<u64> = HashSet::new();
    let mut texts: HashSet<&str> = HashSet::new();
    let (mut letters, mut least, mut most) = (0usize, usize::MAX, 0usize);
    each_row(table, rows, |row| {
        stats.rows += 1;
        let cell = of.cell(row);
        match cell {
            Cell::Null => {
                stats.nulls += 1;
                return;
            }
            Cell::Long(it) => {
                distinct.insert(it as u64);
                numbers.push(it as f64);
            }
            Cell::Real(it) => {
                distinct.insert(it.to_bits());
                if it.is_finite() {
                    numbers.push(it);
                }
            }
            Cell::Bool(it) => {
                distinct.insert(u64::from(it));
            }
            Cell::Time(it) => {
                distinct.insert(it.as_nanosecond() as u64);
                numbers.push(it.as_microsecond() as f64 / 1000.0);
            }
            Cell::Text(it) => {
                texts.insert(it);
                let size = it.chars().count();
                letters += size;
                least = least.min(size);
                most = most.max(size);
                if of.kind == ColumnKind::Span
                    && let Some(seconds) = super::chart::seconds(it)
                {
                    numbers.push(seconds);
                }
            }
        }
        let better = |than: u32, wanted: Ordering| cell.compare(of.cell(than as usize)) == wanted;
        let (mut low, mut high) = stats.ends.unwrap_or((row as u32, row as u32));
        if better(low, Ordering::Less) {
            low = row as u32;
        }
        if better(high, Ordering::Greater) {
            high = row as u32;
        }
        stats.ends = Some((low, high));
    });
    stats.distinct = distinct.len() + texts.len();
    let valued = stats.rows - stats.nulls;
    if valued > 0 && most > 0 && of.kind != ColumnKind::Span {
        stats.lengths = Some((least, letters as f64 / valued as f64, most));
    }
    stats.numbers = what_they_come_to(numbers);
    stats
}

fn what_they_come_to(mut numbers: Vec<f64>) -> Option<Numbers> {
    let count = numbers.len();
    if count == 0 {
        return None;
    }
    numbers.sort_by(f64::total_cmp);
    let (low, high) = (numbers[0], numbers[count - 1]);
    let sum: f64 = numbers.iter().sum();
    // from the least on: instants are large numbers close together
    let mean = low + numbers.iter().map(|it| it - low).sum::<f64>() / count as f64;
    let squares: f64 = numbers.iter().map(|it| (it - mean) * (it - mean)).sum();
    let rank = |percent: u32| {
        let at = (f64::from(percent) / 100.0 * count as f64).ceil() as usize;
        numbers[at.clamp(1, count) - 1]
    };
    let mut bins = vec![0; BARS];
    for number in &numbers {
        let part = if high > low {
            (number - low) / (high - low)
        } else {
            0.0
        };
        bins[((part * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    Some(Numbers {
        mean,
        sum,
        deviation: if count > 1 {
            (squares / (count - 1) as f64).sqrt()
        } else {
            0.0
        },
        percentiles: PERCENTILES.map(rank),
        bins,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hunting::Column;

    fn table() -> ResultTable {
        let mut name = Column::new("name", "String");
        let mut n = Column::new("n", "Int64");
        let cells = [
            (Cell::Text("b"), Cell::Long(10)),
            (Cell::Text("a"), Cell::Long(2)),
            (Cell::Null, Cell::Null),
            (Cell::Text("b"), Cell::Long(7)),
            (Cell::Text(""), Cell::Long(1)),
            (Cell::Text("B"), Cell::Long(10)),
        ];
        for (text, number) in cells {
            name.push(text);
            n.push(number);
        }
        ResultTable::new(vec![name, n])
    }

    #[test]
    fn conditions_keep_and_drop_rows_and_the_order_stays() {
        let table = table();
        let of = |column, values: &[Value], keep| Condition {
            column,
            values: values.to_vec(),
            keep,
        };
        let b = Some(Arc::from("b"));
        assert_eq!(rows(&table, &[], None), [0, 1, 2, 3, 4, 5]);
        assert_eq!(
            rows(&table, &[of(0, std::slice::from_ref(&b), true)], None),
            [0, 3]
        );
        let without = [of(0, &[b.clone(), None], false)];
        assert_eq!(rows(&table, &without, None), [1, 4, 5]);
        assert_eq!(rows(&table, &without, Some((1, true))), [5, 1, 4]);
        let ten = of(1, &[Some("10".into())], true);
        assert_eq!(rows(&table, &[of(0, &[b], true), ten], None), [0]);
        assert_eq!(rows(&table, &[of(0, &[Some("".into())], true)], None), [4]);
    }

    #[test]
    fn values_are_counted_null_and_empty_apart() {
        let table = table();
        let found = groups(&table, None, 0);
        let said: Vec<(&str, u32)> = found
            .groups
            .iter()
            .map(|it| (value_name(&it.value), it.rows))
            .collect();
        assert_eq!(
            said,
            [("b", 2), ("(null)", 1), ("(empty)", 1), ("a", 1), ("B", 1)]
        );
        assert_eq!(found.by_value, [1, 2, 3, 4, 0]);
        let some = groups(&table, Some(&[0, 3, 99]), 0);
        assert_eq!((some.rows, some.groups.len()), (2, 1));
        let numbers = groups(&table, None, 1);
        let by_value: Vec<&str> = numbers
            .by_value
            .iter()
            .map(|at| value_name(&numbers.groups[*at as usize].value))
            .collect();
        assert_eq!(
            by_value,
            ["(null)", "1", "2", "7", "10"],
            "numbers, not texts"
        );
    }

    #[test]
    fn numbers_come_to_something() {
        let table = table();
        let it = stats(&table, None, 1);
        assert_eq!((it.rows, it.nulls, it.distinct), (6, 1, 4));
        assert_eq!(it.ends, Some((4, 0)));
        let numbers = it.numbers.expect("has numbers");
        assert!((numbers.mean - 6.0).abs() < 1e-9 && (numbers.sum - 30.0).abs() < 1e-9);
        let percentiles = [1.0, 1.0, 2.0, 7.0, 10.0, 10.0, 10.0];
        for (found, expected) in numbers.percentiles.iter().zip(percentiles) {
            assert!((found - expected).abs() < 1e-9, "{:?}", numbers.percentiles);
        }
        assert_eq!(numbers.bins.iter().sum::<u32>(), 5);
        let text = stats(&table, None, 0);
        assert_eq!((text.nulls, text.distinct, text.numbers), (1, 4, None));
        assert_eq!(text.lengths, Some((0, 0.8, 1)));
    }

    #[test]
    fn an_empty_result_comes_to_nothing() {
        let empty = ResultTable::new(vec![Column::new("n", "Int64")]);
        assert_eq!(stats(&empty, None, 0).numbers, None);
        assert_eq!(groups(&empty, None, 0).groups, []);
        assert!(rows(&empty, &[], Some((0, false))).is_empty());
    }
}
