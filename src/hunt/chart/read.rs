//! Rows into points: along a time, a number or names; arrays unfolded; rows counted.

use std::collections::HashMap;
use std::sync::Arc;

use super::roles::Roles;
use super::scale::{step_word, time_step};
use super::{Axis, Chart, Kind, Look, Point, Series, Stack, Subject};
use crate::domain::hunting::{Cell, ColumnKind};

/// Points read at most: what a series of arrays can come to.
const MOST_POINTS: usize = 500_000;

/// Bins that rows are counted in, about.
const BINS: usize = 60;

/// What a series without a name is called.
const NO_NAME: &str = "(none)";

/// A point before the places along x are known.
struct Raw {
    series: usize,
    x: f64,
    y: Option<f64>,
    row: u32,
    mark: i8,
}

/// What is gathered while the rows are read.
#[derive(Default)]
struct Gathered {
    raw: Vec<Raw>,
    series: Vec<(Arc<str>, usize)>,
    by_name: HashMap<(String, usize), usize>,
    names: Vec<Arc<str>>,
    by_word: HashMap<String, usize>,
    /// Rows without a place along x.
    nowhere: usize,
    /// Points that are too many.
    beyond: bool,
}

impl Gathered {
    /// The series of a name and y column.
    fn series(&mut self, name: &str, y: usize) -> usize {
        if let Some(at) = self.by_name.get(&(name.to_owned(), y)) {
            return *at;
        }
        let at = self.series.len();
        self.by_name.insert((name.to_owned(), y), at);
        self.series.push((name.into(), y));
        at
    }

    /// The place of a name along x.
    fn place(&mut self, name: &str) -> f64 {
        if let Some(at) = self.by_word.get(name) {
            return *at as f64;
        }
        let at = self.names.len();
        self.by_word.insert(name.to_owned(), at);
        self.names.push(name.into());
        at as f64
    }

    fn push(&mut self, raw: Raw) {
        if self.raw.len() < MOST_POINTS {
            self.raw.push(raw);
        } else {
            self.beyond = true;
        }
    }
}

/// Reads the rows.
///
/// # Errors
/// A sentence saying what cannot be drawn of them.
pub(super) fn read(of: Subject<'_>, look: Look, roles: &Roles) -> Result<Chart, String> {
    let mut chart = Chart::empty(look, of.render);
    let columns = of.table.columns();
    let mut found = Gathered::default();
    chart.axis = match roles.x.map(|at| columns[at].kind) {
        Some(ColumnKind::Time) => Axis::Time,
        Some(ColumnKind::Long | ColumnKind::Real) | None => Axis::Number,
        Some(ColumnKind::Dynamic) if roles.arrays => Axis::Number,
        Some(_) => Axis::Category,
    };
    if look.kind == Kind::Pie {
        chart.axis = Axis::Category;
    }
    if roles.ys.is_empty() {
        count(of, roles, &mut chart, &mut found);
    } else if roles.arrays {
        chart.axis = unfold(of, roles, &mut found)?;
    } else {
        rows(of, roles, chart.axis, &mut found);
    }
    let name = |at: &usize| columns[*at].name.to_string();
    if chart.x_title.is_empty() {
        chart.x_title = roles.x.as_ref().map(name).unwrap_or_default();
    }
    if chart.y_title.is_empty() {
        chart.y_title = match roles.ys.as_slice() {
            [] => "rows".to_owned(),
            [one] => name(one),
            _ => String::new(),
        };
    }
    if found.nowhere > 0 {
        let x = &chart.x_title;
        chart
            .told
            .push(format!("{} rows without {x} are left out", found.nowhere));
    }
    if found.beyond {
        chart
            .told
            .push(format!("the first {MOST_POINTS} points are drawn"));
    }
    let split = of
        .render
        .and_then(|it| it.property("ysplit"))
        .filter(|it| matches!(it.to_ascii_lowercase().as_str(), "panels" | "axes"));
    let lines = matches!(
        look.kind,
        Kind::Time | Kind::Line | Kind::Area | Kind::Scatter | Kind::Anomaly
    );
    if split.is_some() && lines && roles.ys.len() > 1 {
        chart.panels = roles.ys.iter().map(name).collect();
        if split.is_some_and(|it| it.eq_ignore_ascii_case("axes")) {
            chart.told.push("ysplit=axes is drawn as panels".to_owned());
        }
    }
    place(&mut chart, found, roles, of);
    Ok(chart)
}

/// Every row has one point for each y.
fn rows(of: Subject<'_>, roles: &Roles, axis: Axis, found: &mut Gathered) {
    let table = of.table;
    for (nth, row) in of.each_row().enumerate() {
        let x = match roles.x {
            None => nth as f64,
            Some(at) => match (axis, table.cell(row, at)) {
                (Axis::Category, Cell::Null) => found.place(NO_NAME),
                (Axis::Category, cell) => found.place(&cell.text()),
                (_, cell) => {
                    let Some(x) = number(cell) else {
                        found.nowhere += 1;
                        continue;
                    };
                    x
                }
            },
        };
        let name = series_name(of, roles, row);
        for (nth, y) in roles.ys.iter().enumerate() {
            let flag = roles.anomalies.get(nth);
            let mark = flag.and_then(|at| number(table.cell(row, *at)));
            let series = found.series(&name, nth);
            found.push(Raw {
                series,
                x,
                y: number(table.cell(row, *y)),
                row: row as u32,
                mark: mark.map_or(0, sign),
            });
        }
    }
}

/// Every row is as many series as it has arrays.
fn unfold(of: Subject<'_>, roles: &Roles, found: &mut Gathered) -> Result<Axis, String> {
    let mut axis = Axis::Number;
    for row in of.each_row() {
        let mut xs: Vec<Option<f64>> = Vec::new();
        if let Some(at) = roles.x {
            for item in items(of.table.cell(row, at)) {
                let time = item.as_str().and_then(crate::domain::parse_time);
                if let Some(time) = time {
                    axis = Axis::Time;
                    xs.push(Some(time.as_microsecond() as f64 / 1000.0));
                } else {
                    xs.push(item.as_f64());
                }
            }
            if xs.is_empty() {
                found.nowhere += 1;
                continue;
            }
        }
        let name = series_name(of, roles, row);
        for (nth, y) in roles.ys.iter().enumerate() {
            let series = found.series(&name, nth);
            let marks = roles.anomalies.get(nth);
            let marks = marks.map(|at| items(of.table.cell(row, *at)));
            for (place, item) in items(of.table.cell(row, *y)).iter().enumerate() {
                let x = match roles.x {
                    None => Some(place as f64),
                    Some(_) => xs.get(place).copied().flatten(),
                };
                let mark = marks.as_ref().and_then(|it| it.get(place)?.as_f64());
                if let Some(x) = x {
                    found.push(Raw {
                        series,
                        x,
                        y: item.as_f64(),
                        row: row as u32,
                        mark: mark.map_or(0, sign),
                    });
                }
            }
        }
    }
    if found.raw.is_empty() {
        return Err("The arrays of the result hold nothing to draw.".to_owned());
    }
    Ok(axis)
}

fn items(cell: Cell<'_>) -> Vec<serde_json::Value> {
    match cell {
        Cell::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Rows are counted: by bins of a time, or by each value.
fn count(of: Subject<'_>, roles: &Roles, chart: &mut Chart, found: &mut Gathered) {
    let Some(at) = roles.x else { return };
    let cell = |row: usize| of.table.cell(row, at);
    let mut counts: HashMap<(usize, i64), (u32, u32)> = HashMap::new();
    if chart.axis == Axis::Time {
        let times = of.each_row().filter_map(|row| number(cell(row)));
        let (low, high) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
            (low.min(it), high.max(it))
        });
        let step = time_step((high - low).max(1.0), BINS).max(1000.0);
        chart
            .told
            .push(format!("rows counted by {}", step_word(step)));
        for row in of.each_row() {
            let Some(x) = number(cell(row)) else {
                found.nowhere += 1;
                continue;
            };
            let name = series_name(of, roles, row);
            let series = found.series(&name, 0);
            let bin = (x / step).floor() as i64;
            counts.entry((series, bin)).or_insert((0, row as u32)).0 += 1;
        }
        // a bin without a row is nothing, not a gap
        if low.is_finite() {
            let bins = (low / step).floor() as i64..=(high / step).floor() as i64;
            let many = found.series.len().max(1) * (bins.clone().count());
            if many <= MOST_POINTS {
                for series in 0..found.series.len() {
                    for bin in bins.clone() {
                        let got = counts.get(&(series, bin));
                        found.push(Raw {
                            series,
                            x: bin as f64 * step,
                            y: Some(got.map_or(0.0, |it| f64::from(it.0))),
                            row: got.map_or(u32::MAX, |it| it.1),
                            mark: 0,
                        });
                    }
                }
                return;
            }
        }
        for ((series, bin), (count, row)) in counts {
            found.push(Raw {
                series,
                x: bin as f64 * step,
                y: Some(f64::from(count)),
                row,
                mark: 0,
            });
        }
        return;
    }
    chart.axis = Axis::Category;
    chart.told.push("rows counted by value".to_owned());
    let series = found.series("", 0);
    for row in of.each_row() {
        let place = match cell(row) {
            Cell::Null => found.place(NO_NAME),
            cell => found.place(&cell.text()),
        };
        let count = counts.entry((series, place as i64));
        count.or_insert((0, row as u32)).0 += 1;
    }
    // the most frequent first
    let mut order: Vec<(i64, u32, u32)> = counts
        .into_iter()
        .map(|((_, place), (count, row))| (place, count, row))
        .collect();
    order.sort_by_key(|(place, count, _)| (std::cmp::Reverse(*count), *place));
    let names = std::mem::take(&mut found.names);
    for (nth, (place, count, row)) in order.into_iter().enumerate() {
        found.names.push(names[place as usize].clone());
        found.push(Raw {
            series,
            x: nth as f64,
            y: Some(f64::from(count)),
            row,
            mark: 0,
        });
    }
}

/// What the series of a row is called: the values of its columns.
fn series_name(of: Subject<'_>, roles: &Roles, row: usize) -> String {
    let cells = roles.series.iter().map(|at| of.table.cell(row, *at));
    let words: Vec<String> = cells
        .map(|cell| match cell.text() {
            it if it.is_empty() => NO_NAME.to_owned(),
            it => it.into_owned(),
        })
        .collect();
    words.join(", ")
}

/// A cell as a number of an axis: times in milliseconds, spans in seconds.
fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Long(it) => Some(it as f64),
        Cell::Real(it) => it.is_finite().then_some(it),
        Cell::Bool(it) => Some(f64::from(u8::from(it))),
        Cell::Time(it) => Some(it.as_microsecond() as f64 / 1000.0),
        Cell::Text(it) => seconds(it),
        Cell::Null => None,
    }
}

/// A span as the service writes it, `[-][d.]hh:mm:ss[.fffffff]`, in seconds.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) if clock.contains(':') => (days.parse::<f64>().ok()?, clock),
        _ => (0.0, text),
    };
    let mut parts = clock.split(':');
    let mut next = || parts.next()?.parse::<f64>().ok();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Some(sign * (days * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds))
}

fn sign(mark: f64) -> i8 {
    match mark {
        it if it > 0.0 => 1,
        it if it < 0.0 => -1,
        _ => 0,
    }
}

/// Gives every point its slot and every series its name.
fn place(chart: &mut Chart, found: Gathered, roles: &Roles, of: Subject<'_>) {
    let columns = of.table.columns();
    if chart.axis == Axis::Category {
        chart.slots = (0..found.names.len()).map(|at| at as f64).collect();
        chart.names = found.names;
    } else {
        let mut slots: Vec<f64> = found.raw.iter().map(|it| it.x).collect();
        slots.sort_by(f64::total_cmp);
        slots.dedup();
        chart.slots = slots;
    }
    chart.series = found
        .series
        .iter()
        .map(|(name, y)| {
            let column = roles.ys.get(*y).map(|at| &*columns[*at].name);
            let name: Arc<str> = match (name.is_empty(), column) {
                (false, Some(column)) if roles.ys.len() > 1 => format!("{name}: {column}").into(),
                (false, _) => Arc::clone(name),
                (true, Some(column)) => column.into(),
                (true, None) => "rows".into(),
            };
            Series {
                name,
                points: Vec::new(),
                panel: if chart.panels.len() > 1 { *y } else { 0 },
                folded: 0,
            }
        })
        .collect();
    for raw in found.raw {
        let slot = chart.slots.partition_point(|it| *it < raw.x);
        chart.series[raw.series].points.push(Point {
            slot: slot as u32,
            y: raw.y,
            row: (raw.row != u32::MAX).then_some(raw.row),
            mark: raw.mark,
        });
    }
    for series in &mut chart.series {
        series.points.sort_by_key(|it| it.slot);
    }
    if chart.look.stack != Stack::None && chart.panels.len() > 1 {
        // what stands on one another is one picture
        chart.panels = vec![String::new()];
        for series in &mut chart.series {
            series.panel = 0;
        }
    }
}
