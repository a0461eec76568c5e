//! A result as a chart in place of its rows: choosing how, reading values off, writing it to a file.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::picker::Picker;
use super::tab::Shown;
use super::working::{Picture, Work, Worked};
use super::{HuntAsk, HuntMsg, HuntScreen};
use crate::hunt::chart::{Chart, LOOKS, Look, Stack};
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::msg::{Act, Effect, Msg};
use crate::tui::screen::{Ctx, Cx};
use crate::tui::theme::Role;
use crate::tui::widgets::chart::{ChartStyles, ChartView};
use crate::tui::widgets::list::Row;
use crate::tui::widgets::paint;

/// A result shown as a chart.
#[derive(Debug)]
pub(super) struct Charting {
    /// The question whose answer is awaited.
    pub(super) ticket: Option<u64>,
    /// How; none until it is known.
    pub(super) look: Option<Look>,
    /// The chart, or why there is none.
    pub(super) drawn: Option<Result<ChartView, String>>,
}

/// Asks for the chart of a result.
pub(super) fn ask(shown: &mut Shown, look: Option<Look>, cx: &mut Cx<'_>) {
    let ticket = cx.ticket();
    let focus = shown.grid.cursor_column();
    let charting = shown.tools.charting.get_or_insert(Charting {
        ticket: None,
        look: None,
        drawn: None,
    });
    charting.ticket = Some(ticket);
    cx.effect(Effect::Hunt(HuntAsk::Work {
        ticket,
        table: shown.grid.table().clone(),
        rows: shown.grid.order().cloned(),
        work: Work::Chart {
            render: shown.result.render.clone().filter(|it| !it.wants_rows()),
            look,
            focus,
        },
    }));
}

/// Takes the answer, if it is to this result's question.
pub(super) fn take(
    shown: &mut Shown,
    ticket: u64,
    look: Look,
    answer: &Result<Arc<Chart>, String>,
) {
    if let Some(charting) = &mut shown.tools.charting
        && charting.ticket == Some(ticket)
    {
        charting.ticket = None;
        charting.look = Some(look);
        charting.drawn = Some(answer.clone().map(ChartView::new));
    }
}

impl HuntScreen {
    fn charting_mut(&mut self) -> Option<&mut Charting> {
        self.tab_mut().shown_mut()?.tools.charting.as_mut()
    }

    fn view_mut(&mut self) -> Option<&mut ChartView> {
        self.charting_mut()?.drawn.as_mut()?.as_mut().ok()
    }

    /// Shows the result as a chart.
    pub(super) fn open_chart(&mut self, cx: &mut Cx<'_>) {
        match self.tab_mut().shown_mut() {
            Some(shown) if shown.grid.rows() > 0 => ask(shown, None, cx),
            _ => cx.notice(Level::Info, "no rows to draw"),
        }
    }

    /// Commands of a chart.
    pub(super) fn in_chart(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let list = self.view_mut().is_some_and(|view| view.is_list());
        let mut along = |by: isize| {
            if let Some(view) = self.view_mut() {
                view.along(by);
            }
        };
        match command {
            Command::ChartLeft if !list => along(-1),
            Command::ChartRight if !list => along(1),
            Command::Up if list => along(-1),
            Command::Down if list => along(1),
            Command::PageUp => along(-10),
            Command::PageDown => along(10),
            Command::Up | Command::ChartLeft => {
                if let Some(view) = self.view_mut() {
                    view.other_series(true);
                }
            }
            Command::Down | Command::ChartRight => {
                if let Some(view) = self.view_mut() {
                    view.other_series(false);
                }
            }
            Command::Top | Command::ChartFirst | Command::Bottom | Command::ChartLast => {
                let last = matches!(command, Command::Bottom | Command::ChartLast);
                if let Some(view) = self.view_mut() {
                    view.to_end(last);
                }
            }
            Command::ChartNext => {
                let alone = self
                    .view_mut()
                    .is_some_and(|view| view.chart().series.len() < 2);
                let look = self.charting_mut().and_then(|it| it.look);
                if let (Some(look), Some(shown)) = (look, self.tab_mut().shown_mut()) {
                    let mut next = look.next();
                    // one series has nothing to stand on
                    while alone && next.stack != Stack::None {
                        next = next.next();
                    }
                    ask(shown, Some(next), cx);
                }
            }
            Command::ChartKind => self.choose_look(cx),
            Command::ChartRow => {
                let row = self.view_mut().and_then(|view| view.row());
                match (row, self.tab_mut().shown_mut()) {
                    (Some(row), Some(shown)) => {
                        shown.grid.go_to_row(row as usize);
                        shown.tools.charting = None;
                    }
                    _ => cx.notice(Level::Info, "no single row stands behind this value"),
                }
            }
            Command::ChartExport => self.export_chart(cx),
            Command::ChartCopy => match self.chart_reading(cx.data.zone()) {
                Some(text) => cx.copy(text),
                None => cx.notice(Level::Info, "nothing to copy"),
            },
            Command::Back => {
                if self.cancel(cx) {
                    return true;
                }
                if let Some(shown) = self.tab_mut().shown_mut() {
                    shown.tools.charting = None;
                }
            }
            Command::ChartEditor | Command::NextPane | Command::PreviousPane => self.focus_editor(),
            _ => return false,
        }
        true
    }

    fn choose_look(&mut self, cx: &mut Cx<'_>) {
        let present = self.charting_mut().and_then(|it| it.look);
        let rows = LOOKS.iter().map(|(look, name)| Row {
            label: (*name).to_owned(),
            current: present == Some(*look),
            ..Row::default()
        });
        let picker = Picker::new("Draw as", rows.collect(), move |index, cx| {
            if let Some((look, _)) = LOOKS.get(index) {
                cx.act(Act::Tell(Msg::Hunt(HuntMsg::DrawAs(*look))));
            }
        });
        cx.popup(Box::new(picker));
    }

    /// Draws the result in front in another way.
    pub(super) fn draw_as(&mut self, look: Look, cx: &mut Cx<'_>) {
        if let Some(shown) = self.tab_mut().shown_mut() {
            ask(shown, Some(look), cx);
        }
    }

    fn export_chart(&mut self, cx: &mut Cx<'_>) {
        let Some(chart) = self.view_mut().map(|view| Arc::clone(view.chart())) else {
            cx.notice(Level::Info, "no chart to export");
            return;
        };
        let source = self.tab().shown().map_or_else(String::new, |shown| {
            format!(
                "{}, as of {}",
                shown.result.place.label(),
                shown.result.as_of
            )
        });
        cx.effect(Effect::Hunt(HuntAsk::Picture(Picture {
            chart,
            source,
            zone: cx.data.zone().clone(),
            stem: format!("chart-{}", cx.now.strftime("%Y%m%d-%H%M%S")),
        })));
    }

    /// What the cursor of the chart reads, as a line for the clipboard.
    pub(super) fn chart_reading(&self, zone: &jiff::tz::TimeZone) -> Option<String> {
        let charting = self.tab().shown()?.tools.charting.as_ref()?;
        let view = charting.drawn.as_ref()?.as_ref().ok()?;
        let (place, values) = view.reading(zone);
        let values = values.into_iter().map(|(nth, value)| {
            let name = view.chart().series.get(nth).map(|it| &*it.name);
            format!("{}: {value}", name.unwrap_or_default())
        });
        Some(format!(
            "{place}\t{}",
            values.collect::<Vec<_>>().join("\t")
        ))
    }
}

/// What the rule above a chart says of it.
pub(super) fn title(charting: &Charting) -> String {
    let name = charting.look.map_or("chart", Look::name);
    let title = match &charting.drawn {
        Some(Ok(view)) => view.chart().title.clone(),
        _ => None,
    };
    let doing = if charting.ticket.is_some() {
        " · drawing…"
    } else {
        ""
    };
    match title {
        Some(title) => format!("{title} · {name}{doing}"),
        None => format!("{name}{doing}"),
    }
}

/// Draws the chart, or why there is none.
pub(super) fn draw(charting: &Charting, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    match &charting.drawn {
        Some(Ok(view)) => view.draw(area, buf, &styles(ctx), ctx.zone()),
        Some(Err(why)) => {
            let keys = [Command::ChartNext, Command::ChartKind, Command::Back];
            let keys = keys.map(|it| ctx.keymap.key_of(it).unwrap_or_default());
            let help = format!(
                "{} draws it another way, {} chooses how, {} shows the rows.",
                keys[0], keys[1], keys[2]
            );
            let width = area.width.saturating_sub(4);
            let lines = paint::wrap(why, width)
                .into_iter()
                .map(|line| (line, Role::NoticeWarning))
                .chain(
                    paint::wrap(&help, width)
                        .into_iter()
                        .map(|it| (it, Role::Dim)),
                );
            for (nth, (line, role)) in lines.enumerate().take(usize::from(area.height)) {
                let y = area.y + nth as u16;
                paint::text(buf, area, area.x + 2, y, width, &line, ctx.style(role));
            }
        }
        None => {
            let width = area.width.saturating_sub(4);
            let style = ctx.style(Role::Dim);
            paint::text(buf, area, area.x + 2, area.y, width, "drawing…", style);
        }
    }
}

fn styles(ctx: &Ctx<'_>) -> ChartStyles {
    let inks = [
        Role::Chart1,
        Role::Chart2,
        Role::Chart3,
        Role::Chart4,
        Role::Chart5,
        Role::Chart6,
        Role::Chart7,
        Role::Chart8,
        Role::Chart,
    ];
    ChartStyles {
        text: ctx.style(Role::Text),
        dim: ctx.style(Role::Dim),
        focus: ctx.style(Role::Bright),
        line: ctx.style(Role::Rule),
        mark: ctx.style(Role::ChartMark),
        series: inks.map(|role| ctx.style(role)),
    }
}

/// Hands an answer of a worker to the result that asked for it.
pub(super) fn answered(shown: &mut Shown, ticket: u64, answer: &Worked) -> bool {
    match answer {
        Worked::Chart(look, chart) => {
            let waits = shown.tools.charting.as_ref().and_then(|it| it.ticket) == Some(ticket);
            take(shown, ticket, *look, chart);
            waits
        }
        _ => false,
    }
}
