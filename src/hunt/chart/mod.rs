//! A result as a chart: which columns are axes and series, what is drawn, and what is left out.
//!
//! Pure: a table and what the query asks for in, something to draw (or a clear word why not) out. What
//! it is drawn with is not known here: the console draws it in cells, [`svg`] in a file.

mod fold;
pub mod kind;
mod read;
mod roles;
pub mod scale;
pub mod svg;

use std::sync::Arc;

use jiff::tz::TimeZone;

pub use self::kind::{Kind, LOOKS, Look, Stack};
pub(crate) use self::read::seconds;
pub use self::roles::suited;
use self::scale::Tick;
use crate::domain::ResultTable;
use crate::hunt::Render;

/// Series with an ink of their own; what is beyond is one series, "others".
pub const MOST_SERIES: usize = 8;

/// Places along the x axis that are kept; of more, those that show the extremes.
pub const MOST_SLOTS: usize = 2_000;

/// What the x axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Milliseconds since 1970.
    Time,
    /// Numbers.
    Number,
    /// Names, one beside the other.
    Category,
}

/// A value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Which place along the x axis.
    pub slot: u32,
    /// The value; none where the result has none: a line is broken there.
    pub y: Option<f64>,
    /// The row of the table it came of, where it came of one.
    pub row: Option<u32>,
    /// An anomaly: above (1) or below (-1) what was expected.
    pub mark: i8,
}

/// Values that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name; hostile.
    pub name: Arc<str>,
    /// Its values, in the order of their slots.
    pub points: Vec<Point>,
    /// The panel it is drawn in.
    pub panel: usize,
    /// What was folded into it; 0 for a series of the result's own.
    pub folded: usize,
}

impl Series {
    /// The sum of its values' sizes.
    fn weight(&self) -> f64 {
        self.points.iter().filter_map(|it| it.y).map(f64::abs).sum()
    }

    /// Its points at a slot.
    pub fn at(&self, slot: usize) -> &[Point] {
        let start = self.points.partition_point(|it| (it.slot as usize) < slot);
        let end = self.points.partition_point(|it| (it.slot as usize) <= slot);
        &self.points[start..end]
    }

    /// Its value at a slot: the sum, where there are several.
    pub fn value(&self, slot: usize) -> Option<f64> {
        let mut values = self.at(slot).iter().filter_map(|it| it.y);
        let first = values.next()?;
        Some(values.fold(first, |sum, it| sum + it))
    }
}

/// Something to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// How.
    pub look: Look,
    /// Its title, if the query gives one; hostile.
    pub title: Option<String>,
    /// What x is called; hostile.
    pub x_title: String,
    /// What y is called; hostile.
    pub y_title: String,
    /// What x counts.
    pub axis: Axis,
    /// Where each slot stands on the x axis, rising.
    pub slots: Vec<f64>,
    /// What each slot is called, where x is no number; hostile.
    pub names: Vec<Arc<str>>,
    /// The series, the heaviest first.
    pub series: Vec<Series>,
    /// Names of the panels, one below the other; one without a name where nothing is split.
    pub panels: Vec<String>,
    /// The least and greatest of y the query wants to see.
    pub bounds: (Option<f64>, Option<f64>),
    /// The y axis counts powers of ten.
    pub log: bool,
    /// What was folded, left out or counted, in words; hostile.
    pub told: Vec<String>,
    /// What a card shows: names and values; hostile.
    pub figures: Vec<(String, String)>,
    /// The legend is not wanted.
    pub hide_legend: bool,
}

/// What to draw a chart of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The result.
    pub table: &'a ResultTable,
    /// The rows of it, in order; none: all.
    pub rows: Option<&'a [u32]>,
    /// What the query asks for.
    pub render: Option<&'a Render>,
    /// The column the analyst looks at, for results that are counted.
    pub focus: Option<usize>,
}

impl Subject<'_> {
    fn count(&self) -> usize {
        self.rows.map_or(self.table.rows(), <[u32]>::len)
    }

    fn each_row(&self) -> impl Iterator<Item = usize> {
        let given = self.rows.unwrap_or_default();
        let all = if self.rows.is_some() {
            0
        } else {
            self.table.rows()
        };
        let rows = self.table.rows();
        let given = given.iter().map(|row| *row as usize);
        given.filter(move |row| *row < rows).chain(0..all)
    }
}

/// Makes a chart of a result.
///
/// # Errors
/// A sentence saying why it cannot be drawn like that.
pub fn build(of: Subject<'_>, look: Look) -> Result<Chart, String> {
    if of.table.columns().is_empty() || of.count() == 0 {
        return Err("There are no rows to draw.".to_owned());
    }
    if look.kind == Kind::Card {
        return Ok(card(of, look));
    }
    let roles = roles::assign(of, look)?;
    let mut chart = read::read(of, look, &roles)?;
    fold::finish(&mut chart, of.render);
    if chart
        .series
        .iter()
        .all(|series| series.points.iter().all(|it| it.y.is_none()))
    {
        return Err(if look.kind == Kind::Pie {
            "A pie has nothing to share: no value is above zero.".to_owned()
        } else {
            "Every value to draw is null.".to_owned()
        });
    }
    Ok(chart)
}

/// The first row as figures: its numbers, or all of it where there are none.
fn card(of: Subject<'_>, look: Look) -> Chart {
    let mut chart = Chart::empty(look, of.render);
    if let Some(row) = of.each_row().next() {
        let cells = of.table.columns().iter();
        chart.figures = cells
            .take(40)
            .map(|column| {
                let value = match column.cell(row) {
                    crate::domain::hunting::Cell::Long(it) => scale::exact(it as f64),
                    crate::domain::hunting::Cell::Real(it) => scale::exact(it),
                    crate::domain::hunting::Cell::Null => "null".to_owned(),
                    other => other.text().into_owned(),
                };
                (column.name.to_string(), value)
            })
            .collect();
    }
    let more = of.count().saturating_sub(1);
    if more > 0 {
        chart.told.push(format!(
            "a card shows the first row: {more} more are not shown"
        ));
    }
    chart
}

impl Chart {
    fn empty(look: Look, render: Option<&Render>) -> Self {
        let property = |name: &str| {
            let value = render.and_then(|it| it.property(name));
            value.map(str::to_owned)
        };
        let number = |name: &str| render.and_then(|it| it.number(name));
        Self {
            look,
            title: property("title"),
            x_title: property("xtitle").unwrap_or_default(),
            y_title: property("ytitle").unwrap_or_default(),
            axis: Axis::Category,
            slots: Vec::new(),
            names: Vec::new(),
            series: Vec::new(),
            panels: vec![String::new()],
            bounds: (number("ymin"), number("ymax")),
            log: property("yaxis").is_some_and(|it| it.eq_ignore_ascii_case("log")),
            told: Vec::new(),
            figures: Vec::new(),
            hide_legend: property("legend").is_some_and(|it| it.eq_ignore_ascii_case("hidden")),
        }
    }

    /// Whether its bars or areas stand on one another.
    pub fn is_stacked(&self) -> bool {
        self.look.stack != Stack::None
    }

    /// The value of a series at a slot, as it is drawn: a share where slots are 100 %.
    pub fn drawn(&self, series: &Series, slot: usize) -> Option<f64> {
        let value = series.value(slot)?;
        if self.look.stack != Stack::Full {
            return Some(value);
        }
        let whole: f64 = self
            .series
            .iter()
            .filter_map(|it| it.value(slot))
            .map(f64::abs)
            .sum();
        Some(if whole > 0.0 {
            value / whole * 100.0
        } else {
            0.0
        })
    }

    /// The least and greatest y that is drawn in a panel, and whether the query set them.
    pub fn range(&self, panel: usize) -> (f64, f64) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let of = || self.series.iter().filter(|it| it.panel == panel);
        if self.is_stacked() {
            let mut ups = vec![0.0; self.slots.len()];
            let mut downs = vec![0.0; self.slots.len()];
            for series in of() {
                for slot in 0..self.slots.len() {
                    let value = self.drawn(series, slot).unwrap_or(0.0);
                    if value >= 0.0 {
                        ups[slot] += value;
                    } else {
                        downs[slot] += value;
                    }
                }
            }
            low = downs.into_iter().fold(low, f64::min);
            high = ups.into_iter().fold(high, f64::max);
            if self.look.stack == Stack::Full {
                high = 100.0;
                low = if low < -1e-6 { -100.0 } else { 0.0 };
            }
        } else {
            for y in of().flat_map(|it| it.points.iter().filter_map(|it| it.y)) {
                low = low.min(y);
                high = high.max(y);
            }
        }
        if !low.is_finite() || !high.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        let from_axis = matches!(self.look.kind, Kind::Column | Kind::Bar | Kind::Area);
        if !self.log && (from_axis || low > 0.0 && low < high * 0.6) {
            low = low.min(0.0);
        }
        if !self.log && (from_axis || high < 0.0 && high > low * 0.6) {
            high = high.max(0.0);
        }
        low = self.bounds.0.unwrap_or(low);
        high = self.bounds.1.unwrap_or(high);
        if high <= low {
            let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
            if self.bounds.0.is_none() && low != 0.0 {
                low -= pad;
            }
            high = low + pad * if low == 0.0 { 1.0 } else { 2.0 };
        }
        (low, high)
    }

    /// How far up a value stands between the ends of a range, from 0 to 1; beyond where it is beyond.
    pub fn height(&self, y: f64, (low, high): (f64, f64)) -> f64 {
        if self.log && low > 0.0 {
            return (y.max(f64::MIN_POSITIVE).log10() - low.log10()) / (high.log10() - low.log10());
        }
        (y - low) / (high - low)
    }

    /// Marks of the y axis.
    pub fn y_ticks(&self, range: (f64, f64), wanted: usize) -> Vec<Tick> {
        if self.log && range.0 > 0.0 {
            let decades = (range.0.log10().ceil() as i32)..=(range.1.log10().floor() as i32);
            let ticks: Vec<Tick> = decades
                .map(|power| 10f64.powi(power))
                .map(|at| Tick {
                    at,
                    label: scale::short(at),
                })
                .collect();
            if ticks.len() > 1 {
                return ticks;
            }
        }
        let mut ticks = scale::numbers(range.0, range.1, wanted);
        if self.look.stack == Stack::Full {
            for tick in &mut ticks {
                tick.label.push('%');
            }
        }
        ticks
    }

    /// What a slot is called, for reading it off.
    pub fn slot_name(&self, slot: usize, zone: &TimeZone) -> String {
        match (self.axis, self.slots.get(slot)) {
            (_, None) => String::new(),
            (Axis::Time, Some(at)) => scale::moment(*at, zone),
            (Axis::Number, Some(at)) => scale::exact(*at),
            (Axis::Category, _) => self
                .names
                .get(slot)
                .map_or_else(String::new, ToString::to_string),
        }
    }

    /// The first and last place on the x axis.
    pub fn span(&self) -> (f64, f64) {
        let first = self.slots.first().copied().unwrap_or(0.0);
        (first, self.slots.last().copied().unwrap_or(first))
    }
}

/// The sign of a series, by its place: what tells it apart without colour.
pub fn letter(nth: usize) -> char {
    char::from(b'A' + (nth.min(25) as u8))
}

#[cfg(test)]
mod tests;
