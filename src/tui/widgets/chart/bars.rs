//! Standing and lying bars: beside one another, or on one another.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{ChartStyles, ChartView, fill_of, paint, window};
use crate::hunt::chart::{Axis, Chart, Stack, letter, scale};

const UP: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const RIGHT: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/// A part of a bar: series, and from where to where of the whole length, from 0 to 1.
type Part = (usize, f64, f64);

/// The parts of a slot, from the axis outwards.
fn parts(chart: &Chart, slot: usize, range: (f64, f64)) -> Vec<Part> {
    let place = |y: f64| chart.height(y, range).clamp(0.0, 1.0);
    let (mut up, mut down) = (0.0, 0.0);
    let mut found = Vec::new();
    for (nth, series) in chart.series.iter().enumerate() {
        let Some(value) = chart.drawn(series, slot) else {
            continue;
        };
        if chart.look.stack == Stack::None {
            found.push((nth, place(0.0), place(value)));
        } else {
            let side = if value >= 0.0 { &mut up } else { &mut down };
            found.push((nth, place(*side), place(*side + value)));
            *side += value;
        }
    }
    found
}

/// What a cell shows of a bar that covers it from `from` to `to` eighths.
fn eighths(
    from: f64,
    to: f64,
    signs: &[&'static str; 9],
    ink: Style,
) -> Option<(&'static str, Style)> {
    let (from, to) = (
        from.clamp(0.0, 8.0).round() as usize,
        to.clamp(0.0, 8.0).round() as usize,
    );
    if to <= from {
        None
    } else if from == 0 {
        Some((signs[to], ink))
    } else if to == 8 {
        // the other part of the cell, turned inside out
        Some((signs[from], ink.add_modifier(Modifier::REVERSED)))
    } else {
        Some((signs[to - from], ink))
    }
}

/// Standing bars, each slot with its label below.
pub(super) fn standing(
    view: &ChartView,
    buf: &mut Buffer,
    area: Rect,
    styles: &ChartStyles,
    zone: &TimeZone,
) {
    let chart = view.chart();
    if area.height < 4 || chart.slots.is_empty() {
        return;
    }
    let range = chart.range(0);
    let height = area.height - 2;
    let ticks = chart.y_ticks(range, usize::from(height / 3).max(2));
    let labels = ticks.iter().map(|it| paint::width(&it.label)).max();
    let left = labels.unwrap_or(1).min(10) + 1;
    let plot = Rect {
        x: area.x + left,
        width: area.width - left,
        height,
        ..area
    };
    for tick in &ticks {
        let part = chart.height(tick.at, range);
        if (0.0..=1.0).contains(&part) {
            let y = plot.bottom() - 1 - (part * f64::from(height - 1)).round() as u16;
            paint::text_right(buf, area, area.x, y, left - 1, &tick.label, styles.dim);
            paint::text(buf, area, plot.x - 1, y, 1, "┤", styles.line);
        }
    }
    let beside = if chart.is_stacked() {
        1
    } else {
        chart.series.len().max(1) as u16
    };
    let slots = chart.slots.len();
    // as wide as all have room, a bar at least
    let band = (plot.width / slots.min(usize::from(plot.width)) as u16).max(beside);
    let band = band.min(beside * 10 + 2);
    let gap = u16::from(band > beside);
    let bar = ((band - gap) / beside).max(1);
    let fit = usize::from(plot.width / band).max(1);
    let first = window(&view.first, view.slot, slots, fit);
    let base = plot.bottom();
    let mut free = plot.x;
    for (nth, slot) in (first..slots.min(first + fit)).enumerate() {
        let x = plot.x + band * nth as u16;
        for (series, from, to) in parts(chart, slot, range) {
            let at = if beside > 1 { series as u16 } else { 0 };
            let place = Rect {
                x: x + bar * at,
                width: bar,
                ..plot
            };
            upright(
                chart,
                (series, from, to),
                place,
                buf,
                styles,
                slot == view.slot,
            );
        }
        for column in x..(x + band).min(plot.right()) {
            paint::text(buf, area, column, base, 1, "─", styles.line);
        }
        let here = slot == view.slot;
        if here {
            let middle = x + (bar * beside) / 2;
            paint::text(buf, area, middle, base, 1, "▲", styles.focus);
        }
        let label = label(chart, slot, zone);
        let size = paint::width(&label).min(band.max(12));
        let start = x.min(plot.right().saturating_sub(size));
        if start >= free {
            let style = if here { styles.focus } else { styles.dim };
            let wide = if chart.axis == Axis::Category && fit >= slots {
                size.min(band.saturating_sub(1).max(3))
            } else {
                size
            };
            paint::text(buf, area, start, base + 1, wide, &label, style);
            free = start + wide + 1;
        }
    }
    for x in plot.x + band * (slots.min(first + fit) - first) as u16..plot.right() {
        paint::text(buf, area, x, base, 1, "─", styles.line);
    }
    if fit < slots {
        let text = format!(" {}–{} of {slots} ", first + 1, slots.min(first + fit));
        let size = paint::width(&text);
        let at = plot.right().saturating_sub(size);
        paint::text(buf, area, at, plot.y, size, &text, styles.dim);
    }
}

/// A slot's label below a bar: short, the readout has the whole.
fn label(chart: &Chart, slot: usize, zone: &TimeZone) -> String {
    match chart.axis {
        Axis::Number => scale::short(chart.slots[slot]),
        Axis::Category => chart.slot_name(slot, zone),
        Axis::Time => {
            let gaps = chart.slots.windows(2).map(|pair| pair[1] - pair[0]);
            let step = gaps.fold(f64::INFINITY, f64::min);
            let whole = scale::moment(chart.slots[slot], zone);
            // 2026-08-19 20:00:00
            let (day, clock) = whole.split_once(' ').unwrap_or((&whole, ""));
            if (86_400_000.0..f64::INFINITY).contains(&step) || clock == "00:00" {
                day.get(5..).unwrap_or(day).to_owned()
            } else {
                clock.to_owned()
            }
        }
    }
}

fn upright(
    chart: &Chart,
    (series, from, to): Part,
    place: Rect,
    buf: &mut Buffer,
    styles: &ChartStyles,
    here: bool,
) {
    let rows = f64::from(place.height);
    let (low, high) = (from.min(to) * rows * 8.0, from.max(to) * rows * 8.0);
    let mut ink = styles.of(series);
    if here {
        ink = ink.add_modifier(Modifier::BOLD);
    }
    let stacked = chart.is_stacked();
    let middle = (f64::midpoint(low, high) / 8.0) as u16;
    for row in 0..place.height {
        let start = f64::from(row) * 8.0;
        let y = place.bottom() - 1 - row;
        let shown = if stacked {
            // a cell has one ink: that of the part which has its middle
            let inside = low <= start + 4.0 && start + 4.0 < high;
            inside.then_some((fill_of(series), ink))
        } else {
            eighths(low - start, high - start, &UP, ink)
        };
        let Some((sign, style)) = shown else { continue };
        for x in place.left()..place.right() {
            paint::text(buf, place, x, y, 1, sign, style);
        }
        if (stacked || chart.series.len() > 1) && row == middle {
            let style = ink.add_modifier(Modifier::REVERSED | Modifier::BOLD);
            let x = place.x + place.width / 2;
            paint::text(buf, place, x, y, 1, &letter(series).to_string(), style);
        }
    }
    if high - low < 0.5 && !stacked {
        // nothing is still a place
        let y = place.bottom() - 1 - ((from * rows) as u16).min(place.height - 1);
        paint::text(buf, place, place.x, y, 1, "▁", styles.line);
    }
}

/// Lying bars, a line each, with name and value beside.
pub(super) fn lying(
    view: &ChartView,
    buf: &mut Buffer,
    area: Rect,
    styles: &ChartStyles,
    zone: &TimeZone,
) {
    let chart = view.chart();
    let beside = if chart.is_stacked() {
        1
    } else {
        chart.series.len().max(1)
    };
    let slots = chart.slots.len();
    let fit = (usize::from(area.height) / beside).max(1);
    let first = window(&view.first, view.slot, slots, fit);
    let shown = first..slots.min(first + fit);
    let names: Vec<String> = shown
        .clone()
        .map(|slot| chart.slot_name(slot, zone))
        .collect();
    let widest = names.iter().map(|it| paint::width(it)).max().unwrap_or(1);
    let left = widest.min(area.width * 2 / 5) + 2;
    let sign = if beside > 1 { 2 } else { 0 };
    let tail = 9;
    let range = chart.range(0);
    let room = Rect {
        x: area.x + left + sign,
        width: area.width.saturating_sub(left + sign + tail),
        ..area
    };
    if room.width < 4 {
        return;
    }
    for (nth, slot) in shown.enumerate() {
        let top = area.y + (nth * beside) as u16;
        let here = slot == view.slot;
        let style = if here { styles.focus } else { styles.text };
        if here {
            paint::text(buf, area, area.x, top, 1, "▌", styles.focus);
        }
        paint::text(buf, area, area.x + 1, top, left - 2, &names[nth], style);
        let found = parts(chart, slot, range);
        let mut end = room.x;
        for &(series, from, to) in &found {
            let at = if beside > 1 { series as u16 } else { 0 };
            let line = Rect {
                y: top + at,
                height: 1,
                ..room
            };
            if line.y >= area.bottom() {
                break;
            }
            if sign > 0 {
                let ink = styles.of(series).add_modifier(Modifier::BOLD);
                let x = area.x + left;
                paint::text(buf, area, x, line.y, 1, &letter(series).to_string(), ink);
            }
            end = end.max(level(chart, (series, from, to), line, buf, styles));
            if !chart.is_stacked() {
                let value = chart.series[series].value(slot);
                let value = value.map_or_else(|| "null".to_owned(), scale::short);
                let x = end.max(room.x) + 1;
                paint::text(buf, area, x, line.y, tail, &value, style);
                end = room.x;
            }
        }
        if chart.is_stacked() {
            let whole: f64 = chart.series.iter().filter_map(|it| it.value(slot)).sum();
            paint::text(buf, area, end + 1, top, tail, &scale::short(whole), style);
        }
    }
    if fit < slots && area.width > 40 {
        let text = format!(" {}–{} of {slots}", first + 1, slots.min(first + fit));
        let y = area.bottom() - 1;
        let size = paint::width(&text);
        paint::text(buf, area, area.right() - size, y, size, &text, styles.dim);
    }
}

/// One lying bar or part of one; where it ends.
fn level(
    chart: &Chart,
    (series, from, to): Part,
    line: Rect,
    buf: &mut Buffer,
    styles: &ChartStyles,
) -> u16 {
    let cells = f64::from(line.width);
    let (low, high) = (from.min(to) * cells * 8.0, from.max(to) * cells * 8.0);
    let stacked = chart.is_stacked();
    let mut end = line.x;
    for x in 0..line.width {
        let start = f64::from(x) * 8.0;
        let ink = styles.of(series);
        let shown = if stacked {
            let inside = low <= start + 4.0 && start + 4.0 < high;
            inside.then_some((fill_of(series), ink))
        } else {
            eighths(low - start, high - start, &RIGHT, ink)
        };
        if let Some((sign, style)) = shown {
            paint::text(buf, line, line.x + x, line.y, 1, sign, style);
            end = line.x + x + 1;
        }
    }
    if stacked && high - low >= 8.0 {
        let middle = line.x + ((f64::midpoint(low, high) / 8.0) as u16).min(line.width - 1);
        let ink = styles
            .of(series)
            .add_modifier(Modifier::REVERSED | Modifier::BOLD);
        paint::text(
            buf,
            line,
            middle,
            line.y,
            1,
            &letter(series).to_string(),
            ink,
        );
    }
    end
}
