//! What the values of a column come to, as a popup.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::ResultTable;
use crate::domain::hunting::ColumnKind;
use crate::hunt::chart::scale;
use crate::hunt::slice::{PERCENTILES, Stats};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{grid, paint, popup};

/// The popup.
#[derive(Debug)]
pub(super) struct StatsPopup {
    table: Arc<ResultTable>,
    stats: Arc<Stats>,
}

impl StatsPopup {
    pub(super) fn new(table: Arc<ResultTable>, stats: Arc<Stats>) -> Self {
        Self { table, stats }
    }

    fn name(&self) -> &str {
        let column = self.table.columns().get(self.stats.column);
        column.map_or("", |it| &it.name)
    }

    /// A number of the column in its own words.
    fn say(number: f64, kind: ColumnKind) -> String {
        match kind {
            ColumnKind::Time => scale::instant(number).map_or_else(String::new, grid::short_time),
            ColumnKind::Span => format!("{} s", scale::exact(number)),
            _ => scale::exact(number),
        }
    }

    /// Names and values, in the order they are read.
    fn lines(&self) -> Vec<(String, String)> {
        let stats = &self.stats;
        let kind = self
            .table
            .columns()
            .get(stats.column)
            .map_or(ColumnKind::Text, |it| it.kind);
        let line = |name: &str, value: String| (name.to_owned(), value);
        let count = |it: usize| scale::exact(it as f64);
        let share = |it: usize| {
            let share = it as f64 / stats.rows.max(1) as f64 * 100.0;
            format!("{} ({share:.1}%)", count(it))
        };
        let mut lines = vec![
            line("rows", count(stats.rows)),
            line("null", share(stats.nulls)),
            line("distinct", count(stats.distinct)),
        ];
        if let Some((low, high)) = stats.ends {
            let cell = |row: u32| {
                let cell = self.table.cell(row as usize, stats.column);
                match cell {
                    crate::domain::hunting::Cell::Time(at) => grid::short_time(at),
                    other => other.text().chars().take(60).collect(),
                }
            };
            lines.push(line("least", cell(low)));
            lines.push(line("greatest", cell(high)));
        }
        if let Some((least, mean, most)) = stats.lengths {
            let text = format!("{least} to {most}, mean {}", scale::exact(mean));
            lines.push(line("characters", text));
        }
        if let Some(numbers) = &stats.numbers {
            lines.push(line("mean", Self::say(numbers.mean, kind)));
            if kind == ColumnKind::Time {
                let first = self.stats.ends.map(|(low, high)| {
                    let at = |row: u32| match self.table.cell(row as usize, stats.column) {
                        crate::domain::hunting::Cell::Time(at) => at.as_millisecond() as f64,
                        _ => 0.0,
                    };
                    at(high) - at(low)
                });
                if let Some(span) = first {
                    lines.push(line("span", scale::step_word(span)));
                }
            } else {
                lines.push(line("sum", Self::say(numbers.sum, kind)));
                lines.push(line("deviation", Self::say(numbers.deviation, kind)));
            }
            for (percent, value) in PERCENTILES.iter().zip(numbers.percentiles) {
                let name = if *percent == 50 {
                    "median".to_owned()
                } else {
                    format!("p{percent}")
                };
                lines.push((name, Self::say(value, kind)));
            }
        }
        lines
    }
}

impl Screen for StatsPopup {
    fn scope(&self) -> Scope {
        Scope::Popup
    }

    fn title(&self) -> String {
        "Statistics".to_owned()
    }

    fn command(&mut self, _command: Command, _cx: &mut Cx<'_>) -> bool {
        false
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        let lines = self.lines();
        let lines = lines.iter().map(|(name, value)| format!("{name}\t{value}"));
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let lines = self.lines();
        let bins = self.stats.numbers.as_ref().map(|it| &it.bins);
        let more = if bins.is_some() { 3 } else { 0 };
        let height = lines.len() as u16 + 2 + more;
        let place = popup::place(area, 56, height);
        let title = format!("Statistics: {}", self.name());
        let inside = popup::frame(buf, place, &title, "", false, ctx);
        let mut y = inside.y;
        if let Some(bins) = bins.filter(|_| inside.height > 6) {
            let most = bins.iter().copied().max().unwrap_or(1).max(1);
            let signs = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
            for (nth, count) in bins.iter().enumerate() {
                // two lines of eighths
                let eighths = (f64::from(*count) / f64::from(most) * 16.0).ceil() as usize;
                let x = inside.x + nth as u16;
                let style = ctx.style(Role::Chart1);
                if eighths > 8 {
                    paint::text(buf, inside, x, y, 1, signs[eighths - 9], style);
                }
                if eighths > 0 {
                    paint::text(buf, inside, x, y + 1, 1, signs[eighths.min(8) - 1], style);
                }
            }
            let x = inside.x + bins.len() as u16 + 2;
            let note = "least to greatest";
            let room = inside.right().saturating_sub(x);
            paint::text(buf, inside, x, y + 1, room, note, ctx.style(Role::Dim));
            y += 3;
        }
        for (name, value) in lines {
            if y >= inside.bottom() {
                break;
            }
            paint::text(buf, inside, inside.x, y, 12, &name, ctx.style(Role::Dim));
            let room = inside.width.saturating_sub(13);
            paint::text(
                buf,
                inside,
                inside.x + 13,
                y,
                room,
                &value,
                ctx.style(Role::Text),
            );
            y += 1;
        }
    }
}
