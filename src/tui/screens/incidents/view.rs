//! The queue drawn: table, filter line, and the story beside or below it by width.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Incidents, story};
use crate::domain::{IncidentRow, Of, Severity};
use crate::tui::commands::Command;
use crate::tui::data::filter::incident_status;
use crate::tui::screen::Ctx;
use crate::tui::screens::tenants::Columns;
use crate::tui::theme::Role;
use crate::tui::widgets::paint;
use crate::tui::widgets::table::{CellText, Column, Rows, Width};

pub(super) const COLUMNS: Columns = Columns::new(OWN, 2);

const OWN: &[Column] = &[
    Column::new("SEV", Width::Fixed(3)),
    Column::new("SLA", Width::Fixed(6)).right(),
    Column::new("ID", Width::Fixed(6)).falls(1),
    Column::new("TITLE", Width::Flex(34)),
    Column::new("STATUS", Width::Fixed(11)).falls(7),
    Column::new("OWNER", Width::Fixed(9)).falls(2),
    Column::new("AL", Width::Fixed(3)).right().falls(3),
    Column::new("DEV", Width::Fixed(3)).right().falls(4),
    Column::new("USR", Width::Fixed(3)).right().falls(5),
    Column::new("TAGS", Width::Flex(10)).falls(9),
    Column::new("CHG", Width::Fixed(4)).right().falls(8),
];

/// Severity as shape, letter and ink.
pub(in crate::tui) fn severity(severity: &Severity) -> (&'static str, Role) {
    match severity {
        Severity::High => ("▲H", Role::SeverityHigh),
        Severity::Medium => ("■M", Role::SeverityMedium),
        Severity::Low => ("●L", Role::SeverityLow),
        Severity::Informational => ("·i", Role::SeverityInformational),
        Severity::Unknown => ("?u", Role::SeverityUnknown),
        Severity::Other(_) => ("??", Role::SeverityUnknown),
    }
}

pub(super) fn sign<'a>(row: &IncidentRow, ctx: &Ctx<'_>) -> Option<CellText<'a>> {
    match row.last_viewed {
        None if row.created >= ctx.data.started => Some(CellText::new("+", ctx.style(Role::New))),
        Some(viewed) if row.updated > viewed => Some(CellText::new("~", ctx.style(Role::New))),
        _ => None,
    }
}

/// A title without the words in which the service begins most of them: in a narrow column they would be
/// all that is seen. The panel beside the list has the title whole.
fn short_title(title: &str) -> Cow<'_, str> {
    match title.strip_prefix("Multi-stage incident involving ") {
        Some(what) => format!("Multi-stage: {what}").into(),
        None => title.into(),
    }
}

pub(super) fn cell<'a>(row: &'a Of<IncidentRow>, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
    let Some(column) = COLUMNS.own(column, ctx.data) else {
        return Columns::cell(row.tenant, ctx);
    };
    let open = row.status.is_open();
    let plain = ctx.style(if open { Role::Text } else { Role::Dim });
    match column {
        0 => {
            let (text, role) = severity(&row.severity);
            CellText::new(text, ctx.style(if open { role } else { Role::Dim }))
        }
        1 => match ctx.data.due(row) {
            Some(due) => {
                let left = due.duration_since(ctx.now).as_secs();
                let whole = due.duration_since(row.created).as_secs();
                let role = match left {
                    ..0 => Role::SlaBreached,
                    left if left * 4 < whole => Role::SlaSoon,
                    _ => Role::SlaOk,
                };
                CellText::new(ctx.countdown(due), ctx.style(role))
            }
            None => CellText::new("—", ctx.style(Role::Dim)),
        },
        2 => CellText::new(row.id.as_str(), plain),
        3 => {
            let waits = open && row.assigned_to.is_none() && row.severity == Severity::High;
            let role = if waits {
                ctx.style(Role::Bright)
            } else {
                plain
            };
            CellText::new(short_title(&row.title), role)
        }
        4 => {
            let (text, role) = incident_status(&row.status);
            CellText::new(text, ctx.style(role))
        }
        5 => {
            let owner = row.assigned_to.as_deref();
            let role = match owner {
                Some(owner) if ctx.data.is_me(row.tenant, owner) => Role::Accent,
                Some(_) => Role::Text,
                None => Role::Dim,
            };
            CellText::new(ctx.data.owner(row.tenant, owner), ctx.style(role))
        }
        6..=8 => {
            let count = [row.alerts, row.devices, row.users][column - 6];
            let style = if count == 0 {
                ctx.style(Role::Dim)
            } else {
                plain
            };
            let text = if count > 999 {
                "999".to_owned()
            } else {
                count.to_string()
            };
            CellText::new(text, style)
        }
        9 => {
            let tags = row.tags.join(" ");
            CellText::new(tags, ctx.style(Role::Tag))
        }
        _ => CellText::new(ctx.ago(row.updated), ctx.style(Role::Dim)),
    }
}

/// Where table and story go: beside each other on wide terminals, else one above the other.
fn layout(area: Rect) -> (Rect, Option<Rect>, bool) {
    if area.width >= 110 && area.height >= 6 {
        let left = (area.width * 5 / 8).clamp(70, 130);
        let table = Rect {
            width: left,
            ..area
        };
        let story = Rect {
            x: area.x + left + 1,
            width: area.width - left - 1,
            ..area
        };
        return (table, Some(story), true);
    }
    if area.height >= 14 {
        let top = area.height * 11 / 20;
        let table = Rect {
            height: top,
            ..area
        };
        let story = Rect {
            y: area.y + top,
            height: area.height - top,
            ..area
        };
        return (table, Some(story), false);
    }
    (area, None, false)
}

pub(super) fn draw(screen: &Incidents, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let (table, side, beside) = layout(area);
    let rows = screen.rows(ctx.data);
    let total = ctx.data.incidents.rows().len();
    let loaded = ctx.data.incidents.is_loaded();
    let mut title = if loaded {
        format!("Incidents {} of {total}", rows.len())
    } else {
        "Incidents, reading the cache…".to_owned()
    };
    if !screen.filter.is_empty() && screen.editing.is_none() {
        title.push_str(" · ");
        title.push_str(screen.filter.text());
    }
    title.push_str(&screen.narrow.title());
    title.push_str(" · by ");
    title.push_str(screen.sort.name());
    if screen.grouped && ctx.data.tenants.only().is_none() {
        title.push_str(", by tenant");
    }
    if !screen.table.marks().is_empty() {
        title = format!("{title} · {} marked", screen.table.marks().len());
    }
    let above = screen
        .arrived
        .iter()
        .filter(|id| {
            rows.position(id)
                .is_some_and(|row| row < screen.table.top())
        })
        .count();
    let extra = if above > 0 {
        format!("↑ {above} new")
    } else {
        String::new()
    };
    paint::rule(buf, area, area.y, "", "", ctx.rule(false));
    let mut inks = ctx.rule(true);
    inks.extra = ctx.style(Role::New);
    paint::rule(buf, table, table.y, &title, &extra, inks);
    let mut body = Rect {
        y: table.y + 1,
        height: table.height.saturating_sub(1),
        width: table.width - u16::from(beside),
        ..table
    };
    if let Some(input) = &screen.editing {
        let at = paint::text(buf, body, body.x, body.y, 4, " / ", ctx.style(Role::Accent));
        let line = Rect {
            x: at,
            width: body.right().saturating_sub(at),
            ..body
        };
        input.draw(buf, line, ctx.style(Role::InputFocused), ctx.focused, ctx);
        body.y += 1;
        body.height = body.height.saturating_sub(1);
    }
    let (body, caret) = screen.narrow.draw(buf, body, (rows.len(), total), ctx);
    if rows.is_empty() {
        empty(screen, buf, body, ctx);
    } else {
        let sort = screen.sort.column().map(|column| {
            let text = matches!(column, 1 | 3 | 5);
            (COLUMNS.place(column, ctx.data), text == screen.reverse)
        });
        screen.table.draw(
            buf,
            body,
            &COLUMNS.all(ctx.data),
            &rows,
            sort,
            screen.editing.is_none() && !screen.narrow.typing(),
            ctx,
        );
    }
    if let Some(side) = side {
        if beside {
            let x = side.x - 1;
            let edge = ctx.style(Role::Rule);
            paint::text(buf, area, x, area.y, 1, "┬", edge);
            for y in area.y + 1..area.bottom() {
                paint::text(buf, area, x, y, 1, "│", edge);
            }
        }
        match screen.focus(ctx.data) {
            Some(row) => story::draw(row, screen.story_top, buf, side, beside, ctx),
            None => paint::rule(buf, side, side.y, "", "", ctx.rule(false)),
        }
    }
    screen.narrow.draw_words(buf, area, caret, ctx);
}

/// An empty queue is never just empty: it says why.
fn empty(screen: &Incidents, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let total = ctx.data.incidents.rows().len();
    let key = |command: Command| ctx.keymap.key_of(command).unwrap_or_default();
    let text = if !ctx.data.incidents.is_loaded() {
        "Reading the cache…".to_owned()
    } else if total > 0 {
        let change = if screen.narrow.text().is_empty() {
            Command::Filter
        } else {
            Command::Where
        };
        let filter = format!("{}{}", screen.filter.text(), screen.narrow.title());
        format!(
            "None of {total} incidents passes the filter “{}”. {} clears it, {} changes it.",
            filter.trim_start_matches(" · "),
            key(Command::FilterClear),
            key(change)
        )
    } else {
        ctx.data.feed_word_when_empty()
    };
    let width = area.width.saturating_sub(4);
    for (line, text) in paint::wrap(&text, width).iter().enumerate().take(6) {
        let y = area.y + 1 + line as u16;
        paint::text(buf, area, area.x + 2, y, width, text, ctx.style(Role::Text));
    }
}
