//! A chart in cells: legend, axes, a cursor that reads values off. What is drawn is [`Chart`]'s; here is
//! only how. Series are told apart by letter as well as by ink.

mod bars;
mod figures;
mod plot;

use std::cell::Cell as Remembered;
use std::sync::Arc;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::paint;
use crate::hunt::chart::{Axis, Chart, Kind, MOST_SERIES, letter, scale};

/// How the parts of a chart look.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChartStyles {
    /// Values and names.
    pub text: Style,
    /// Axes, their marks, what is told.
    pub dim: Style,
    /// What the cursor is on.
    pub focus: Style,
    /// Lines of the axes and of the cursor.
    pub line: Style,
    /// An anomaly.
    pub mark: Style,
    /// The series, in order; the last is what others share.
    pub series: [Style; MOST_SERIES + 1],
}

impl ChartStyles {
    fn of(&self, nth: usize) -> Style {
        self.series[nth.min(MOST_SERIES)]
    }
}

/// A chart and where the cursor is.
#[derive(Clone, Debug)]
pub struct ChartView {
    chart: Arc<Chart>,
    slot: usize,
    series: usize,
    // the first slot the last frame showed, where not all fit
    first: Remembered<usize>,
}

impl ChartView {
    /// The cursor on the last place of a time or number, on the first of names.
    pub fn new(chart: Arc<Chart>) -> Self {
        let names = chart.axis == Axis::Category;
        let last = chart.slots.len().saturating_sub(1);
        Self {
            slot: if names { 0 } else { last },
            chart,
            series: 0,
            first: Remembered::new(0),
        }
    }

    /// The chart.
    pub fn chart(&self) -> &Arc<Chart> {
        &self.chart
    }

    /// Whether places are listed from the top down.
    pub fn is_list(&self) -> bool {
        matches!(self.chart.look.kind, Kind::Bar | Kind::Pie)
    }

    /// Moves along x by places, a hundredth of them at least where they are many.
    pub fn along(&mut self, by: isize) {
        let last = self.chart.slots.len().saturating_sub(1);
        let stride = if self.is_list() {
            1
        } else {
            (last + 1).div_ceil(200)
        };
        let by = by.saturating_mul(stride as isize);
        self.slot = self.slot.saturating_add_signed(by).min(last);
    }

    /// To the first or the last place.
    pub fn to_end(&mut self, last: bool) {
        let end = self.chart.slots.len().saturating_sub(1);
        self.slot = if last { end } else { 0 };
    }

    /// Chooses another series, going round.
    pub fn other_series(&mut self, back: bool) {
        let count = self.chart.series.len().max(1);
        let by = if back { count - 1 } else { 1 };
        self.series = (self.series + by) % count;
    }

    /// The row the value under the cursor came of; the first of the place where it came of several.
    pub fn row(&self) -> Option<u32> {
        let mut all = self.chart.series.iter();
        let focus = self.chart.series.get(self.series);
        let row = |series: &crate::hunt::chart::Series| {
            let mut points = series.at(self.slot).iter();
            points.find_map(|it| it.row)
        };
        focus.and_then(row).or_else(|| all.find_map(row))
    }

    /// What the cursor reads: the place, then the value of each series there, the chosen one first.
    pub fn reading(&self, zone: &TimeZone) -> (String, Vec<(usize, String)>) {
        let chart = &self.chart;
        let place = chart.slot_name(self.slot, zone);
        let count = chart.series.len();
        let first = self.series.min(count.saturating_sub(1));
        let order = std::iter::once(first).chain((0..count).filter(|at| *at != first));
        let values = order.filter_map(|nth| {
            let series = chart.series.get(nth)?;
            let points = series.at(self.slot);
            let point = points.first()?;
            let mark = match point.mark {
                0 => "",
                1 => " anomaly, above",
                _ => " anomaly, below",
            };
            let value = series.value(self.slot);
            let several = points.len() > 1 && !chart.is_stacked();
            let said = match value {
                None => "null".to_owned(),
                Some(_) if several => {
                    let (low, high) = points
                        .iter()
                        .filter_map(|it| it.y)
                        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
                            (low.min(y), high.max(y))
                        });
                    format!("{}…{}", scale::exact(low), scale::exact(high))
                }
                Some(y) => match chart.drawn(series, self.slot) {
                    Some(share) if (share - y).abs() > 1e-12 => {
                        format!("{} ({share:.1}%)", scale::exact(y))
                    }
                    _ => scale::exact(y),
                },
            };
            Some((nth, format!("{said}{mark}")))
        });
        (place, values.collect())
    }

    /// Draws it.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, styles: &ChartStyles, zone: &TimeZone) {
        let area = area.intersection(buf.area);
        if area.height < 3 || area.width < 20 {
            return;
        }
        let chart = &*self.chart;
        let mut room = Rect {
            x: area.x + 1,
            width: area.width - 2,
            ..area
        };
        if !chart.told.is_empty() && room.height >= 8 {
            let told = chart.told.join(" · ");
            let y = room.bottom() - 1;
            paint::text(buf, room, room.x, y, room.width, &told, styles.dim);
            room.height -= 1;
        }
        if chart.look.kind == Kind::Card {
            figures::card(chart, buf, room, styles);
            return;
        }
        let lines = if chart.hide_legend || chart.series.len() < 2 {
            0
        } else {
            self.legend(buf, room, styles)
        };
        room.y += lines;
        room.height -= lines;
        self.readout(buf, room, styles, zone);
        room.height -= 1;
        match chart.look.kind {
            Kind::Pie => figures::pie(self, buf, room, styles),
            Kind::Bar => bars::lying(self, buf, room, styles, zone),
            Kind::Column => bars::standing(self, buf, room, styles, zone),
            _ => plot::draw(self, buf, room, styles, zone),
        }
    }

    /// The series by letter and name, in one line or two; how many lines it took.
    fn legend(&self, buf: &mut Buffer, area: Rect, styles: &ChartStyles) -> u16 {
        let most = if area.height >= 14 { 2 } else { 1 };
        let count = self.chart.series.len();
        let widest = (area.width / 2).clamp(8, 28);
        let mut x = area.x;
        let mut line = 0;
        for (nth, series) in self.chart.series.iter().enumerate() {
            let name = paint::width(&series.name).min(widest);
            let size = name + 4;
            let left = count - nth;
            let tail = if left > 1 { 5 } else { 0 };
            if x + size + tail > area.right() {
                if line + 1 < most && x > area.x {
                    line += 1;
                    x = area.x;
                } else {
                    let more = format!("+{left}");
                    paint::text(buf, area, x, area.y + line, 4, &more, styles.dim);
                    break;
                }
            }
            let y = area.y + line;
            let mut ink = styles.of(nth).add_modifier(Modifier::BOLD);
            let mut text = styles.text;
            if nth == self.series {
                ink = ink.add_modifier(Modifier::REVERSED);
                text = styles.focus;
            }
            let sign = letter(nth).to_string();
            let at = paint::text(buf, area, x, y, 1, &sign, ink);
            paint::text(buf, area, at + 1, y, name, &series.name, text);
            x += size;
        }
        line + 1
    }

    /// What the cursor reads, on the last line.
    fn readout(&self, buf: &mut Buffer, area: Rect, styles: &ChartStyles, zone: &TimeZone) {
        let (place, values) = self.reading(zone);
        let y = area.bottom() - 1;
        let most = area.width / 2;
        let mut x = paint::text(buf, area, area.x, y, most, &place, styles.focus);
        x += 2;
        let single = self.chart.series.len() < 2;
        for (nth, value) in values {
            if x + 4 >= area.right() {
                break;
            }
            if !single {
                let ink = styles.of(nth).add_modifier(Modifier::BOLD);
                x = paint::text(buf, area, x, y, 1, &letter(nth).to_string(), ink) + 1;
            }
            let style = if nth == self.series {
                styles.focus
            } else {
                styles.text
            };
            let room = area.right().saturating_sub(x);
            x = paint::text(buf, area, x, y, room, &value, style) + 2;
        }
        let title = if single {
            let name = self.chart.series.first().map(|it| &*it.name);
            name.unwrap_or_default()
        } else {
            &self.chart.y_title
        };
        let size = paint::width(title);
        if size > 0 && x + size + 1 < area.right() {
            let at = area.right() - size;
            paint::text(buf, area, at, y, size, title, styles.dim);
        }
    }
}

/// Which of so many places are shown where `fit` have room: as before, so far as the cursor is among them.
fn window(first: &Remembered<usize>, cursor: usize, count: usize, fit: usize) -> usize {
    let fit = fit.max(1);
    let mut start = first.get().min(cursor);
    if cursor >= start + fit {
        start = cursor + 1 - fit;
    }
    start = start.min(count.saturating_sub(fit));
    first.set(start);
    start
}

/// The fill of a part that stands on another: neighbours differ without colour too.
fn fill_of(nth: usize) -> &'static str {
    if nth.is_multiple_of(2) { "█" } else { "▒" }
}

#[cfg(test)]
mod tests;
