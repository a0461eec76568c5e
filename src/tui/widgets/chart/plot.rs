//! Lines, areas and points between two axes.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line, Points};

use super::{ChartStyles, ChartView, fill_of, paint};
use crate::hunt::chart::scale::{self, Tick};
use crate::hunt::chart::{Axis, Chart, Kind, Series, letter};

/// Draws the panels, one below the other, with one x axis.
pub(super) fn draw(
    view: &ChartView,
    buf: &mut Buffer,
    area: Rect,
    styles: &ChartStyles,
    zone: &TimeZone,
) {
    let chart = view.chart();
    let panels = chart.panels.len().max(1);
    if area.height < 4 {
        return;
    }
    // as many panels as have room to be read
    let shown = panels.min(usize::from((area.height - 2) / 4).max(1));
    let ranges: Vec<(f64, f64)> = (0..shown).map(|panel| chart.range(panel)).collect();
    let each = (area.height - 2) / shown as u16;
    let ticks: Vec<Vec<Tick>> = ranges
        .iter()
        .map(|range| chart.y_ticks(*range, usize::from(each / 3).max(2)))
        .collect();
    let labels = ticks.iter().flatten().map(|it| paint::width(&it.label));
    let left = labels.max().unwrap_or(1).min(10) + 1;
    let x_axis = Rect {
        x: area.x + left,
        y: area.bottom() - 2,
        width: area.width - left,
        height: 2,
    };
    for (panel, range) in ranges.iter().enumerate() {
        let place = Rect {
            y: area.y + each * panel as u16,
            height: each,
            ..x_axis
        };
        for tick in &ticks[panel] {
            let part = chart.height(tick.at, *range);
            if !(0.0..=1.0).contains(&part) {
                continue;
            }
            let y = place.bottom() - 1 - (part * f64::from(place.height - 1)).round() as u16;
            let room = left - 1;
            paint::text_right(buf, area, area.x, y, room, &tick.label, styles.dim);
            paint::text(buf, area, place.x - 1, y, 1, "┤", styles.line);
        }
        one(view, panel, *range, place, buf, styles);
        if panels > 1 {
            let name = &chart.panels[panel];
            paint::text(
                buf,
                place,
                place.x + 1,
                place.y,
                place.width,
                name,
                styles.dim,
            );
        }
    }
    axis(view, buf, x_axis, styles, zone);
}

/// Where a slot stands, from 0 to 1.
fn part_of(chart: &Chart, slot: usize) -> f64 {
    let (low, high) = chart.span();
    if high > low {
        (chart.slots[slot] - low) / (high - low)
    } else {
        0.5
    }
}

fn axis(view: &ChartView, buf: &mut Buffer, area: Rect, styles: &ChartStyles, zone: &TimeZone) {
    let chart = view.chart();
    for x in area.left()..area.right() {
        paint::text(buf, area, x, area.y, 1, "─", styles.line);
    }
    let (low, high) = chart.span();
    let wanted = usize::from(area.width / 14).max(2);
    let ticks: Vec<Tick> = match chart.axis {
        Axis::Time => scale::times(low, high, wanted, zone),
        Axis::Number => scale::numbers(low, high, wanted),
        Axis::Category => (0..chart.slots.len())
            .map(|slot| Tick {
                at: slot as f64,
                label: chart.slot_name(slot, zone),
            })
            .collect(),
    };
    let mut free = area.x;
    for tick in ticks {
        let part = if high > low {
            (tick.at - low) / (high - low)
        } else {
            0.5
        };
        let x = area.x + (part * f64::from(area.width - 1)).round() as u16;
        let size = paint::width(&tick.label).min(16);
        let start = x.saturating_sub(size / 2).max(area.x);
        let start = start.min(area.right().saturating_sub(size));
        paint::text(buf, area, x, area.y, 1, "┬", styles.line);
        if start >= free {
            paint::text(buf, area, start, area.y + 1, size, &tick.label, styles.dim);
            free = start + size + 2;
        }
    }
    if !chart.slots.is_empty() {
        let part = part_of(chart, view.slot);
        let x = area.x + (part * f64::from(area.width - 1)).round() as u16;
        paint::text(buf, area, x, area.y, 1, "▲", styles.focus);
    }
}

/// One panel.
fn one(
    view: &ChartView,
    panel: usize,
    range: (f64, f64),
    area: Rect,
    buf: &mut Buffer,
    styles: &ChartStyles,
) {
    let chart = view.chart();
    if area.width < 2 || area.height == 0 || chart.slots.is_empty() {
        return;
    }
    let (wide, high) = (
        f64::from(area.width) * 2.0 - 1.0,
        f64::from(area.height) * 4.0 - 1.0,
    );
    let dot = |slot: usize, y: f64| {
        let up = chart.height(y, range).clamp(-0.5, 1.5);
        (part_of(chart, slot) * wide, up * high)
    };
    let cell = |slot: usize, y: f64| {
        let (x, up) = dot(slot, y);
        let up = up.clamp(0.0, high);
        (
            area.x + (x / 2.0) as u16,
            area.bottom() - 1 - (up / 4.0) as u16,
        )
    };
    // zero, where it is inside; then the cursor
    let zero = chart.height(0.0, range);
    if zero > 0.02 && zero < 1.0 && !chart.log {
        let y = area.bottom() - 1 - (zero * high / 4.0) as u16;
        for x in area.left()..area.right() {
            paint::text(buf, area, x, y, 1, "┈", styles.line);
        }
    }
    let (x, _) = cell(view.slot, 0.0);
    for y in area.top()..area.bottom() {
        paint::text(buf, area, x, y, 1, "┊", styles.line);
    }
    let of = |nth: &usize| chart.series[*nth].panel == panel;
    let shown: Vec<usize> = (0..chart.series.len()).filter(of).collect();
    match chart.look.kind {
        Kind::Scatter => {
            for &nth in &shown {
                let sign = if chart.series.len() > 1 {
                    letter(nth).to_string()
                } else {
                    "•".to_owned()
                };
                for point in &chart.series[nth].points {
                    let Some(y) = point.y.filter(|y| *y >= range.0 && *y <= range.1) else {
                        continue;
                    };
                    let (x, y) = cell(point.slot as usize, y);
                    paint::text(buf, area, x, y, 1, &sign, styles.of(nth));
                }
            }
        }
        Kind::Area if chart.is_stacked() => layers(chart, range, area, buf, styles),
        kind => {
            if kind == Kind::Area {
                for &nth in &shown {
                    shade(chart, nth, range, area, buf, styles);
                }
            }
            let inked = |nth: usize| styles.of(nth).fg.unwrap_or(Color::Reset);
            Canvas::default()
                .marker(Marker::Braille)
                .x_bounds([0.0, wide])
                .y_bounds([0.0, high])
                .paint(|context| {
                    for &nth in &shown {
                        lines(&chart.series[nth], inked(nth), &dot, context);
                        context.layer();
                    }
                })
                .render(area, buf);
            if shown.len() > 1 {
                letters(chart, &shown, &cell, area, buf, styles);
            }
            for &nth in &shown {
                for point in chart.series[nth].points.iter().filter(|it| it.mark != 0) {
                    let Some(y) = point.y else { continue };
                    let (x, y) = cell(point.slot as usize, y);
                    let sign = if point.mark > 0 { "▲" } else { "▼" };
                    paint::text(buf, area, x, y, 1, sign, styles.mark);
                }
            }
        }
    }
    if !chart.is_stacked() {
        for &nth in &shown {
            let value = chart.series[nth].at(view.slot).iter().find_map(|it| it.y);
            let Some(y) = value.filter(|y| *y >= range.0 && *y <= range.1) else {
                continue;
            };
            let (x, y) = cell(view.slot, y);
            let sign = if chart.series.len() > 1 {
                letter(nth).to_string()
            } else {
                "●".to_owned()
            };
            let style = styles
                .of(nth)
                .add_modifier(Modifier::BOLD | Modifier::REVERSED);
            paint::text(buf, area, x, y, 1, &sign, style);
        }
    }
}

/// A series as a line that nulls break; a value alone is a point.
fn lines(
    series: &Series,
    color: Color,
    dot: &dyn Fn(usize, f64) -> (f64, f64),
    context: &mut ratatui::widgets::canvas::Context<'_>,
) {
    for run in series.points.split(|it| it.y.is_none()) {
        let mut places = run
            .iter()
            .filter_map(|it| Some(dot(it.slot as usize, it.y?)));
        let Some(mut at) = places.next() else {
            continue;
        };
        context.draw(&Points {
            coords: &[at],
            color,
        });
        for next in places {
            context.draw(&Line::new(at.0, at.1, next.0, next.1, color));
            at = next;
        }
    }
}

/// The letters of the series along their lines, each in its own turn.
fn letters(
    chart: &Chart,
    shown: &[usize],
    cell: &dyn Fn(usize, f64) -> (u16, u16),
    area: Rect,
    buf: &mut Buffer,
    styles: &ChartStyles,
) {
    let stride = 6 * shown.len().max(3) as u16;
    for (turn, &nth) in shown.iter().enumerate() {
        let mut next = area.x + 3 + 6 * turn as u16;
        let points = &chart.series[nth].points;
        let only = points.len() == 1;
        for (at, point) in points.iter().enumerate() {
            let Some(y) = point.y else { continue };
            let (x, y) = cell(point.slot as usize, y);
            // the last one always carries it, for short lines
            if x < next && !(at + 1 == points.len() && next <= area.x + 3 + 6 * turn as u16 || only)
            {
                continue;
            }
            let ink = styles.of(nth).add_modifier(Modifier::BOLD);
            paint::text(buf, area, x, y, 1, &letter(nth).to_string(), ink);
            next = x + stride;
        }
    }
}

/// The value of a series at a place between its points; none in a gap and outside.
fn between(chart: &Chart, series: &Series, part: f64) -> Option<f64> {
    let (low, high) = chart.span();
    let at = low + (high - low) * part;
    let slot = chart.slots.partition_point(|it| *it <= at);
    let next = series
        .points
        .partition_point(|it| (it.slot as usize) < slot);
    let before = series.points.get(next.checked_sub(1)?)?;
    let from = chart.slots[before.slot as usize];
    let Some(after) = series.points.get(next) else {
        return before.y.filter(|_| from >= at);
    };
    let to = chart.slots[after.slot as usize];
    let part = if to > from {
        (at - from) / (to - from)
    } else {
        0.0
    };
    Some(before.y? + (after.y? - before.y?) * part)
}

/// The ground below a line.
fn shade(
    chart: &Chart,
    nth: usize,
    range: (f64, f64),
    area: Rect,
    buf: &mut Buffer,
    styles: &ChartStyles,
) {
    let rows = f64::from(area.height);
    let zero = chart.height(0.0, range).clamp(0.0, 1.0) * rows;
    for x in area.left()..area.right() {
        let part = f64::from(x - area.x) / f64::from((area.width - 1).max(1));
        let Some(y) = between(chart, &chart.series[nth], part) else {
            continue;
        };
        let top = chart.height(y, range).clamp(0.0, 1.0) * rows;
        let (from, to) = (zero.min(top), zero.max(top));
        for row in 0..area.height {
            let middle = f64::from(row) + 0.5;
            if middle > from && middle < to {
                let y = area.bottom() - 1 - row;
                paint::text(buf, area, x, y, 1, "░", styles.of(nth));
            }
        }
    }
}

/// Areas on one another.
fn layers(chart: &Chart, range: (f64, f64), area: Rect, buf: &mut Buffer, styles: &ChartStyles) {
    let slots = chart.slots.len();
    // values by slot, once: what is asked for below lies between them
    let values: Vec<Vec<f64>> = chart
        .series
        .iter()
        .map(|series| {
            let value = |slot| chart.drawn(series, slot).unwrap_or(0.0).max(0.0);
            (0..slots).map(value).collect()
        })
        .collect();
    let (low, high) = chart.span();
    let mut named = vec![false; chart.series.len()];
    for x in area.left()..area.right() {
        let part = f64::from(x - area.x) / f64::from((area.width - 1).max(1));
        let at = low + (high - low) * part;
        let next = chart.slots.partition_point(|it| *it <= at).min(slots - 1);
        let before = next.saturating_sub(1);
        let gap = chart.slots[next] - chart.slots[before];
        let part = if gap > 0.0 {
            ((at - chart.slots[before]) / gap).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let mut ground = 0.0;
        for (nth, of) in values.iter().enumerate() {
            let top = ground + of[before] + (of[next] - of[before]) * part;
            let row = |y: f64| chart.height(y, range).clamp(0.0, 1.0) * f64::from(area.height);
            let (from, to) = (row(ground).round() as u16, row(top).round() as u16);
            for row in from..to {
                let y = area.bottom() - 1 - row;
                let middle = row == u16::midpoint(from, to.saturating_sub(1));
                let turn = usize::from(x - area.x) % 24 == 3 + (nth * 5) % 20;
                if middle && (turn || !named[nth] && x + 3 > area.right()) {
                    named[nth] = true;
                    let style = styles
                        .of(nth)
                        .add_modifier(Modifier::REVERSED | Modifier::BOLD);
                    paint::text(buf, area, x, y, 1, &letter(nth).to_string(), style);
                } else {
                    paint::text(buf, area, x, y, 1, fill_of(nth), styles.of(nth));
                }
            }
            ground = top;
        }
    }
}
