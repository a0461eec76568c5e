//! A chart as an SVG file: plain shapes and text, nothing that runs or loads.
//!
//! Every text of the result passes the sanitiser, then XML's escapes.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::{Axis, Chart, Kind, Series, Stack, letter, scale};
use crate::domain::text;

/// The picture's size.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;

/// Inks of the series, apart from one another for most eyes; others are grey.
const INKS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7b3294", "#5a5a5a",
];
const OTHERS: &str = "#9aa0a8";

/// Dashes of the lines, so that they are told apart in print.
const DASHES: [&str; 8] = [
    "", "6 3", "2 3", "10 4", "8 3 2 3", "4 4", "12 3 3 3", "1 4",
];

/// A place in the picture.
#[derive(Clone, Copy)]
struct Room {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Room {
    fn width(self) -> f64 {
        self.right - self.left
    }
    fn height(self) -> f64 {
        self.bottom - self.top
    }
}

/// The document of a chart; `source` is said below it: where and when the rows are from.
pub fn write(chart: &Chart, source: &str, zone: &TimeZone) -> String {
    let mut out = String::with_capacity(32 * 1024);
    let title = chart.title.clone().unwrap_or_else(|| {
        match (chart.y_title.as_str(), chart.x_title.as_str()) {
            ("", "") => chart.look.name().to_owned(),
            (y, "") => y.to_owned(),
            ("", x) => format!("by {x}"),
            (y, x) => format!("{y} by {x}"),
        }
    });
    let _ = write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(&title)
    );
    words(
        &mut out,
        24.0,
        28.0,
        "start",
        16,
        "#1b1f26",
        &cut(&title, 100),
    );
    let mut notes = chart.told.clone();
    notes.push(source.to_owned());
    notes.retain(|it| !it.is_empty());
    let below = cut(&notes.join(" · "), 150);
    words(
        &mut out,
        24.0,
        HEIGHT - 10.0,
        "start",
        11,
        "#6c7482",
        &below,
    );
    let legend =
        !chart.hide_legend && chart.look.kind != Kind::Pie && chart.look.kind != Kind::Card;
    let mut room = Room {
        left: 70.0,
        top: 48.0,
        right: WIDTH
            - if legend && chart.series.len() > 1 {
                220.0
            } else {
                30.0
            },
        bottom: HEIGHT - 66.0,
    };
    match chart.look.kind {
        Kind::Card => figures(&mut out, chart),
        Kind::Pie => pie(&mut out, chart),
        Kind::Bar => {
            room.left = 220.0;
            bars(&mut out, chart, room, zone);
        }
        _ => {
            let panels = chart.panels.len().max(1);
            let each = room.height() / panels as f64;
            for panel in 0..panels {
                let top = room.top + each * panel as f64;
                let gap = if panels > 1 { 18.0 } else { 0.0 };
                let place = Room {
                    top: top + gap,
                    bottom: top + each,
                    ..room
                };
                if panels > 1 {
                    let name = cut(&chart.panels[panel], 80);
                    words(
                        &mut out,
                        place.left,
                        place.top - 4.0,
                        "start",
                        11,
                        "#3a4150",
                        &name,
                    );
                }
                plot(&mut out, chart, panel, place, panel + 1 == panels, zone);
            }
        }
    }
    if legend && chart.series.len() > 1 {
        for (nth, series) in chart.series.iter().enumerate() {
            let y = room.top + 14.0 + 20.0 * nth as f64;
            let x = WIDTH - 205.0;
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" fill=\"{}\"/>",
                y - 10.0,
                ink(nth, series)
            );
            let name = format!("{} {}", letter(nth), cut(&series.name, 26));
            words(&mut out, x + 18.0, y, "start", 12, "#1b1f26", &name);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn ink(nth: usize, series: &Series) -> &'static str {
    if series.folded > 0 {
        OTHERS
    } else {
        INKS[nth % INKS.len()]
    }
}

fn cut(content: &str, most: usize) -> String {
    let content = text::clean(content);
    if content.chars().count() <= most {
        return content.into_owned();
    }
    let mut out: String = content.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// Text as XML carries it, sanitised.
fn escape(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for c in text::clean(content).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // noncharacters are not XML
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn words(out: &mut String, x: f64, y: f64, anchor: &str, size: u32, ink: &str, content: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{ink}\">{}</text>",
        escape(content)
    );
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), ink: &str) {
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{ink}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn block(out: &mut String, room: Room, ink: &str, name: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{ink}\"><title>{}</title></rect>",
        room.left,
        room.top,
        room.width().max(0.5),
        room.height().max(0.0),
        escape(name)
    );
}

/// What a value is called when it is pointed at.
fn tip(chart: &Chart, series: &Series, slot: usize, value: f64, zone: &TimeZone) -> String {
    let place = chart.slot_name(slot, zone);
    format!("{} · {place}: {}", series.name, scale::exact(value))
}

/// Axes, and lines, points, areas or columns in them.
fn plot(out: &mut String, chart: &Chart, panel: usize, room: Room, labels: bool, zone: &TimeZone) {
    let range = chart.range(panel);
    let y_of = |y: f64| room.bottom - chart.height(y, range).clamp(0.0, 1.0) * room.height();
    for tick in chart.y_ticks(range, 6) {
        let y = y_of(tick.at);
        line(out, (room.left, y), (room.right, y), "#e3e6eb");
        words(
            out,
            room.left - 8.0,
            y + 4.0,
            "end",
            11,
            "#3a4150",
            &tick.label,
        );
    }
    line(
        out,
        (room.left, room.bottom),
        (room.right, room.bottom),
        "#6c7482",
    );
    let slots = chart.slots.len().max(1);
    let banded = chart.look.kind == Kind::Column || chart.axis == Axis::Category;
    let band = room.width() / slots as f64;
    let (low, high) = chart.span();
    let x_of = |slot: usize| {
        if banded {
            room.left + band * (slot as f64 + 0.5)
        } else if high > low {
            room.left + (chart.slots[slot] - low) / (high - low) * room.width()
        } else {
            room.left + room.width() / 2.0
        }
    };
    if labels {
        if banded {
            let every = (slots as f64 / (room.width() / 80.0)).ceil().max(1.0) as usize;
            for slot in (0..slots).step_by(every) {
                let name = match chart.axis {
                    Axis::Number => scale::short(chart.slots[slot]),
                    _ => chart.slot_name(slot, zone),
                };
                let name = cut(&name, 16);
                words(
                    out,
                    x_of(slot),
                    room.bottom + 16.0,
                    "middle",
                    11,
                    "#3a4150",
                    &name,
                );
            }
        } else {
            let ticks = match chart.axis {
                Axis::Time => scale::times(low, high, 7, zone),
                _ => scale::numbers(low, high, 8),
            };
            for tick in ticks {
                let part = if high > low {
                    (tick.at - low) / (high - low)
                } else {
                    0.5
                };
                let x = room.left + part * room.width();
                line(out, (x, room.bottom), (x, room.bottom + 4.0), "#6c7482");
                words(
                    out,
                    x,
                    room.bottom + 16.0,
                    "middle",
                    11,
                    "#3a4150",
                    &tick.label,
                );
            }
        }
        words(
            out,
            f64::midpoint(room.left, room.right),
            room.bottom + 34.0,
            "middle",
            11,
            "#6c7482",
            &cut(&chart.x_title, 80),
        );
    }
    match chart.look.kind {
        Kind::Column => columns(out, chart, room, range, band, zone),
        Kind::Area if chart.is_stacked() => layers(out, chart, &x_of, &y_of),
        _ => {
            for (nth, series) in chart.series.iter().enumerate() {
                if series.panel == panel {
                    curve(out, chart, nth, series, (&x_of, &y_of), zone);
                }
            }
        }
    }
}

/// One series as a line, filled or not, or as points.
fn curve(
    out: &mut String,
    chart: &Chart,
    nth: usize,
    series: &Series,
    (x_of, y_of): (&dyn Fn(usize) -> f64, &dyn Fn(f64) -> f64),
    zone: &TimeZone,
) {
    let ink = ink(nth, series);
    let dots = chart.look.kind == Kind::Scatter;
    // a null breaks the line
    for run in series.points.split(|it| it.y.is_none()) {
        let places: Vec<(f64, f64)> = run
            .iter()
            .filter_map(|it| Some((x_of(it.slot as usize), y_of(it.y?))))
            .collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            continue;
        };
        if !dots && places.len() > 1 {
            let path: Vec<String> = places
                .iter()
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let path = path.join(" ");
            if chart.look.kind == Kind::Area {
                let ground = y_of(0.0);
                let _ = writeln!(
                    out,
                    "<polygon points=\"{:.1},{ground:.1} {path} {:.1},{ground:.1}\" fill=\"{ink}\" fill-opacity=\"0.25\"/>",
                    first.0, last.0
                );
            }
            let dash = DASHES[nth % DASHES.len()];
            let _ = writeln!(
                out,
                "<polyline points=\"{path}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.6\" stroke-dasharray=\"{dash}\"/>"
            );
        }
        let few = series.points.len() <= 120;
        for point in run {
            let Some(y) = point.y else { continue };
            let (x, at) = (x_of(point.slot as usize), y_of(y));
            let tip = || escape(&tip(chart, series, point.slot as usize, y, zone));
            if dots || few || places.len() == 1 {
                let size = if dots || places.len() == 1 { 3.0 } else { 1.8 };
                let _ = writeln!(
                    out,
                    "<circle cx=\"{x:.1}\" cy=\"{at:.1}\" r=\"{size}\" fill=\"{ink}\"><title>{}</title></circle>",
                    tip()
                );
            }
            if point.mark != 0 {
                let _ = writeln!(
                    out,
                    "<circle cx=\"{x:.1}\" cy=\"{at:.1}\" r=\"6\" fill=\"none\" stroke=\"#b3141c\" stroke-width=\"2\"><title>anomaly · {}</title></circle>",
                    tip()
                );
            }
        }
    }
}

/// Areas on one another.
fn layers(out: &mut String, chart: &Chart, x_of: &dyn Fn(usize) -> f64, y_of: &dyn Fn(f64) -> f64) {
    let mut ground = vec![0.0; chart.slots.len()];
    for (nth, series) in chart.series.iter().enumerate() {
        let top: Vec<f64> = ground
            .iter()
            .enumerate()
            .map(|(slot, below)| below + chart.drawn(series, slot).unwrap_or(0.0))
            .collect();
        let mut path = String::new();
        for (slot, y) in top.iter().enumerate() {
            let _ = write!(path, "{:.1},{:.1} ", x_of(slot), y_of(*y));
        }
        for (slot, y) in ground.iter().enumerate().rev() {
            let _ = write!(path, "{:.1},{:.1} ", x_of(slot), y_of(*y));
        }
        let _ = writeln!(
            out,
            "<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"0.75\"><title>{}</title></polygon>",
            path.trim_end(),
            ink(nth, series),
            escape(&series.name)
        );
        ground = top;
    }
}

/// Where the bars of a slot begin and end, as (series, from, to, value): beside one another from the
/// axis, or upon one another.
fn segments(chart: &Chart, slot: usize) -> Vec<(usize, f64, f64, f64)> {
    let (mut up, mut down) = (0.0, 0.0);
    let mut found = Vec::new();
    for (nth, series) in chart.series.iter().enumerate() {
        let (Some(drawn), Some(value)) = (chart.drawn(series, slot), series.value(slot)) else {
            continue;
        };
        if chart.look.stack == Stack::None {
            found.push((nth, 0.0, drawn, value));
        } else {
            let side = if drawn >= 0.0 { &mut up } else { &mut down };
            found.push((nth, *side, *side + drawn, value));
            *side += drawn;
        }
    }
    found
}

fn columns(
    out: &mut String,
    chart: &Chart,
    room: Room,
    range: (f64, f64),
    band: f64,
    zone: &TimeZone,
) {
    let y_of = |y: f64| room.bottom - chart.height(y, range).clamp(0.0, 1.0) * room.height();
    let beside = if chart.is_stacked() {
        1
    } else {
        chart.series.len().max(1)
    };
    let wide = band * 0.8 / beside as f64;
    for slot in 0..chart.slots.len() {
        for (nth, from, to, value) in segments(chart, slot) {
            let place = if beside > 1 { nth as f64 } else { 0.0 };
            let left = room.left + band * (slot as f64 + 0.1) + wide * place;
            let (a, b) = (y_of(from), y_of(to));
            let series = &chart.series[nth];
            let bar = Room {
                left,
                right: left + wide,
                top: a.min(b),
                bottom: a.max(b),
            };
            let tip = tip(chart, series, slot, value, zone);
            block(out, bar, ink(nth, series), &tip);
        }
    }
}

/// Most lying bars drawn in one picture.
const MOST_BARS: usize = 40;

fn bars(out: &mut String, chart: &Chart, room: Room, zone: &TimeZone) {
    let slots = chart.slots.len().min(MOST_BARS);
    let range = chart.range(0);
    let x_of = |y: f64| room.left + chart.height(y, range).clamp(0.0, 1.0) * room.width();
    for tick in chart.y_ticks(range, 6) {
        let x = x_of(tick.at);
        line(out, (x, room.top), (x, room.bottom), "#e3e6eb");
        words(
            out,
            x,
            room.bottom + 16.0,
            "middle",
            11,
            "#3a4150",
            &tick.label,
        );
    }
    let band = room.height() / slots.max(1) as f64;
    let beside = if chart.is_stacked() {
        1
    } else {
        chart.series.len().max(1)
    };
    let wide = band * 0.8 / beside as f64;
    for slot in 0..slots {
        let middle = room.top + band * (slot as f64 + 0.5) + 4.0;
        let name = cut(&chart.slot_name(slot, zone), 28);
        words(out, room.left - 8.0, middle, "end", 11, "#3a4150", &name);
        for (nth, from, to, value) in segments(chart, slot) {
            let place = if beside > 1 { nth as f64 } else { 0.0 };
            let top = room.top + band * (slot as f64 + 0.1) + wide * place;
            let (a, b) = (x_of(from), x_of(to));
            let series = &chart.series[nth];
            let bar = Room {
                left: a.min(b),
                right: a.max(b),
                top,
                bottom: top + wide,
            };
            let tip = tip(chart, series, slot, value, zone);
            block(out, bar, ink(nth, series), &tip);
        }
    }
    let more = chart.slots.len() - slots;
    if more > 0 {
        let text = format!("{more} more bars are not drawn");
        words(out, room.right, room.top - 6.0, "end", 11, "#6c7482", &text);
    }
}

fn pie(out: &mut String, chart: &Chart) {
    let Some(series) = chart.series.first() else {
        return;
    };
    let whole: f64 = series.points.iter().filter_map(|it| it.y).sum();
    let (x, y, size) = (270.0, 270.0, 180.0);
    let mut turned = 0.0f64;
    for (nth, point) in series.points.iter().enumerate() {
        let value = point.y.unwrap_or(0.0);
        let share = if whole > 0.0 { value / whole } else { 0.0 };
        let end = turned + share;
        let at = |part: f64| {
            let angle = (part - 0.25) * std::f64::consts::TAU;
            (x + size * angle.cos(), y + size * angle.sin())
        };
        let ink = if nth + 1 == series.points.len() && nth >= INKS.len() {
            OTHERS
        } else {
            INKS[nth % INKS.len()]
        };
        let name = chart.names.get(point.slot as usize);
        let name = name.map_or("", |it| &**it);
        let label = format!(
            "{} {} · {} · {:.1}%",
            letter(nth),
            cut(name, 34),
            scale::exact(value),
            share * 100.0
        );
        if share > 0.9999 {
            let _ = writeln!(
                out,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{size}\" fill=\"{ink}\"/>"
            );
        } else if share > 0.0 {
            let (from, to) = (at(turned), at(end));
            let _ = writeln!(
                out,
                "<path d=\"M{x},{y} L{:.2},{:.2} A{size},{size} 0 {} 1 {:.2},{:.2} Z\" fill=\"{ink}\" stroke=\"#ffffff\"><title>{}</title></path>",
                from.0,
                from.1,
                i32::from(share > 0.5),
                to.0,
                to.1,
                escape(&label)
            );
        }
        let row = 90.0 + 28.0 * nth as f64;
        let _ = writeln!(
            out,
            "<rect x=\"520\" y=\"{:.1}\" width=\"14\" height=\"14\" fill=\"{ink}\"/>",
            row - 12.0
        );
        words(out, 544.0, row, "start", 12, "#1b1f26", &label);
        turned = end;
    }
}

fn figures(out: &mut String, chart: &Chart) {
    let across = if chart.figures.len() > 3 {
        3
    } else {
        chart.figures.len().max(1)
    };
    let wide = (WIDTH - 60.0) / across as f64;
    for (nth, (name, value)) in chart.figures.iter().take(12).enumerate() {
        let x = 30.0 + wide * ((nth % across) as f64 + 0.5);
        let y = 150.0 + 100.0 * (nth / across) as f64;
        words(out, x, y, "middle", 34, "#0b0e14", &cut(value, 22));
        words(out, x, y + 24.0, "middle", 13, "#6c7482", &cut(name, 36));
    }
}
