//! Shares of a whole as one bar and a list; a row as figures.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::{ChartStyles, ChartView, fill_of, paint, window};
use crate::hunt::chart::{Chart, letter, scale};

/// The whole as one bar, then each share with its part of it.
pub(super) fn pie(view: &ChartView, buf: &mut Buffer, area: Rect, styles: &ChartStyles) {
    let chart = view.chart();
    let Some(series) = chart.series.first() else {
        return;
    };
    let whole: f64 = series.points.iter().filter_map(|it| it.y).sum();
    if whole <= 0.0 || area.height < 2 {
        return;
    }
    let bar = if area.height >= 10 { 2 } else { 1 };
    let mut sum = 0.0;
    for (nth, point) in series.points.iter().enumerate() {
        let value = point.y.unwrap_or(0.0);
        let place = |part: f64| (part / whole * f64::from(area.width)).round() as u16;
        let (from, to) = (area.x + place(sum), area.x + place(sum + value));
        sum += value;
        let ink = styles.of(nth % styles.series.len());
        for y in area.y..area.y + bar {
            for x in from..to {
                paint::text(buf, area, x, y, 1, fill_of(nth), ink);
            }
        }
        if to > from {
            let style = ink.add_modifier(Modifier::REVERSED | Modifier::BOLD);
            let middle = u16::midpoint(from, to - 1);
            paint::text(
                buf,
                area,
                middle,
                area.y,
                1,
                &letter(nth).to_string(),
                style,
            );
        }
    }
    let list = Rect {
        y: area.y + bar + u16::from(area.height >= 12),
        height: area.height - bar - u16::from(area.height >= 12),
        ..area
    };
    let count = series.points.len();
    let first = window(&view.first, view.slot, count, usize::from(list.height));
    let names = chart.names.iter().map(|it| paint::width(it)).max();
    let names = names.unwrap_or(1).min(area.width / 2);
    for (line, nth) in (first..count).take(usize::from(list.height)).enumerate() {
        let point = &series.points[nth];
        let value = point.y.unwrap_or(0.0);
        let share = value / whole;
        let y = list.y + line as u16;
        let here = nth == view.slot;
        let style = if here { styles.focus } else { styles.text };
        let ink = styles.of(nth % styles.series.len());
        if here {
            paint::text(buf, list, list.x, y, 1, "▌", styles.focus);
        }
        let sign = letter(nth).to_string();
        let mut x = list.x + 1;
        paint::text(buf, list, x, y, 1, &sign, ink.add_modifier(Modifier::BOLD));
        x += 2;
        paint::text(buf, list, x, y, names, &chart.names[nth], style);
        x += names + 1;
        let percent = format!("{:.1}%", share * 100.0);
        paint::text_right(buf, list, x, y, 6, &percent, style);
        paint::text_right(buf, list, x + 7, y, 8, &scale::short(value), styles.dim);
        x += 17;
        let room = list.right().saturating_sub(x);
        let filled = (share * f64::from(room)).round() as u16;
        for at in 0..filled.max(u16::from(value > 0.0)).min(room) {
            paint::text(buf, list, x + at, y, 1, fill_of(nth), ink);
        }
    }
}

/// Names and values, as many beside one another as have room.
pub(super) fn card(chart: &Chart, buf: &mut Buffer, area: Rect, styles: &ChartStyles) {
    let across = usize::from((area.width / 26).max(1)).min(chart.figures.len().max(1));
    let wide = area.width / across as u16;
    for (nth, (name, value)) in chart.figures.iter().enumerate() {
        let x = area.x + wide * (nth % across) as u16;
        let y = area.y + 3 * (nth / across) as u16;
        if y + 1 >= area.bottom() {
            break;
        }
        let style = styles.focus.add_modifier(Modifier::BOLD);
        paint::text(buf, area, x, y, wide - 2, value, style);
        paint::text(buf, area, x, y + 1, wide - 2, name, styles.dim);
    }
}
