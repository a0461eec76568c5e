//! Alerts drawn: table and filter line, the alert in focus in full beside or below by width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Alerts;
use crate::domain::{Alert, AlertRow, AlertStatus, Classification, Determination, Of};
use crate::tui::commands::Command;
use crate::tui::screen::Ctx;
use crate::tui::screens::incidents::{Line, severity, verdict};
use crate::tui::screens::tenants::Columns;
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Column, Rows, Width};
use crate::tui::widgets::{paint, time};

const COLUMNS: Columns = Columns::new(OWN, 2);

const OWN: &[Column] = &[
    Column::new("SEV", Width::Fixed(3)),
    Column::new("FIRST", Width::Fixed(11)).falls(3),
    Column::new("SRC", Width::Fixed(4)).falls(1),
    Column::new("TITLE", Width::Flex(24)),
    Column::new("ON", Width::Flex(12)).falls(2),
    Column::new("STATUS", Width::Fixed(10)).falls(4),
    Column::new("OWNER", Width::Fixed(9)).falls(6),
    Column::new("INC", Width::Fixed(6)).falls(9),
    Column::new("EV", Width::Fixed(3)).right().falls(8),
    Column::new("CHG", Width::Fixed(4)).right().falls(7),
];

pub(super) fn status(status: &AlertStatus) -> (&str, Role) {
    match status {
        AlertStatus::New => ("new", Role::StatusActive),
        AlertStatus::InProgress => ("in progr.", Role::StatusProgress),
        AlertStatus::Resolved => ("resolved", Role::StatusResolved),
        AlertStatus::Unknown => ("unknown", Role::Text),
        AlertStatus::Other(text) => (text, Role::Text),
    }
}

pub(super) fn cell<'a>(row: &'a Of<AlertRow>, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
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
        1 => CellText::new(
            time::day(row.first_activity, ctx.now, ctx.zone()),
            ctx.style(Role::Time),
        ),
        2 => CellText::new(row.source.short(), ctx.style(Role::Source)),
        3 => CellText::new(&*row.title, plain),
        4 => CellText::new(
            &*row.subject,
            ctx.style(if open { Role::EntityDevice } else { Role::Dim }),
        ),
        5 => {
            let (text, role) = status(&row.status);
            CellText::new(text, ctx.style(role))
        }
        6 => {
            let owner = row.assigned_to.as_deref();
            let role = match owner {
                Some(owner) if ctx.data.is_me(row.tenant, owner) => Role::Accent,
                Some(_) => Role::Text,
                None => Role::Dim,
            };
            CellText::new(ctx.data.owner(row.tenant, owner), ctx.style(role))
        }
        7 => CellText::new(
            row.incident.as_ref().map_or("—", |id| id.as_str()),
            ctx.style(Role::Dim),
        ),
        8 => CellText::new(row.evidence.to_string(), ctx.style(Role::Dim)),
        _ => CellText::new(ctx.ago(row.updated), ctx.style(Role::Dim)),
    }
}

pub(super) fn draw(screen: &Alerts, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let beside = area.width >= 140;
    let rows = screen.rows(ctx.data);
    let (table, side) = if beside {
        let left = area.width * 11 / 20;
        let side = Rect {
            x: area.x + left + 1,
            width: area.width - left - 1,
            ..area
        };
        (
            Rect {
                width: left,
                ..area
            },
            Some(side),
        )
    } else if area.height >= 14 {
        // A short list leaves the room to the alert in focus.
        let wanted = rows.len().min(100) as u16 + 3;
        let top = wanted.clamp(6, area.height / 2);
        let side = Rect {
            y: area.y + top,
            height: area.height - top,
            ..area
        };
        (
            Rect {
                height: top,
                ..area
            },
            Some(side),
        )
    } else {
        (area, None)
    };
    let total = screen.source(ctx.data).len();
    let mut title = match &screen.of {
        Some(id) => {
            let name = ctx.data.incidents.get(id).map_or("", |row| &*row.title);
            let of = if ctx.data.tenants.several() {
                format!("{}: ", ctx.data.tenants.name(id.tenant))
            } else {
                String::new()
            };
            format!("{of}Alerts {} of incident {id} {name}", rows.len())
        }
        None if !ctx.data.alerts.is_loaded() => "Alerts, reading the cache…".to_owned(),
        None => format!("Alerts {} of {total}", rows.len()),
    };
    if !screen.filter.is_empty() && screen.editing.is_none() {
        title = format!("{title} · {}", screen.filter.text());
    }
    title.push_str(&screen.narrow.title());
    let sort = screen.sort.row();
    title = format!("{title} · by {}", sort.1);
    if !screen.table.marks().is_empty() {
        title = format!("{title} · {} marked", screen.table.marks().len());
    }
    paint::rule(buf, area, area.y, "", "", ctx.rule(false));
    paint::rule(buf, table, table.y, &title, "", ctx.rule(true));
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
        let key = ctx.keymap.key_of(Command::FilterClear).unwrap_or_default();
        let text = match &screen.of {
            _ if total > 0 => format!("None of {total} alerts passes the filter. {key} clears it."),
            Some(id) if ctx.data.stories.get(id).is_none() => {
                let problem = ctx.data.stories.problem(id);
                problem.map_or("reading…".to_owned(), |why| {
                    format!("Cannot be read: {why}")
                })
            }
            Some(_) => {
                "No alert of it is in the cache yet; the feed is asking for them.".to_owned()
            }
            None if !ctx.data.alerts.is_loaded() => "reading the cache…".to_owned(),
            None => ctx.data.feed_word_when_empty(),
        };
        paint::text(
            buf,
            body,
            body.x + 2,
            body.y + 1,
            body.width.saturating_sub(4),
            &text,
            ctx.style(Role::Text),
        );
    } else {
        let sorted = sort.2.map(|column| {
            let place = COLUMNS.place(column, ctx.data);
            (place, (column == 3) == screen.reverse)
        });
        screen.table.draw(
            buf,
            body,
            &COLUMNS.all(ctx.data),
            &rows,
            sorted,
            screen.editing.is_none() && !screen.narrow.typing(),
            ctx,
        );
    }
    if let Some(side) = side {
        if beside {
            let x = side.x - 1;
            paint::text(buf, area, x, area.y, 1, "┬", ctx.style(Role::Rule));
            for y in area.y + 1..area.bottom() {
                paint::text(buf, area, x, y, 1, "│", ctx.style(Role::Rule));
            }
        }
        detail(screen, buf, side, ctx);
    }
    screen.narrow.draw_words(buf, area, caret, ctx);
}

fn detail(screen: &Alerts, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let Some(row) = screen.focus(ctx.data) else {
        paint::rule(buf, area, area.y, "", "", ctx.rule(false));
        return;
    };
    paint::rule(buf, area, area.y, row.id.as_str(), "", ctx.rule(false));
    let body = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    let mut lines = Vec::new();
    if let Some(alert) = screen.detail(ctx.data) {
        tell(row, alert, body.width, ctx, &mut lines);
    } else {
        {
            let answer = screen.details.iter().find(|(id, _)| *id == row.key());
            let text = match answer.map(|(_, answer)| answer) {
                Some(Err(why)) => format!("Cannot be read: {why}"),
                Some(Ok(None)) => "It has left the cache.".to_owned(),
                _ => "reading…".to_owned(),
            };
            lines.push(Line::new(text, ctx.style(Role::Dim)));
        }
    }
    let room = usize::from(body.height);
    let top = screen.detail_top.min(lines.len().saturating_sub(room));
    for (line, content) in lines.iter().skip(top).take(room).enumerate() {
        content.draw(buf, body, body.y + line as u16);
    }
    if lines.len() > top + room && room > 1 {
        let more = format!(" {} more, J ", lines.len() - top - room);
        let size = paint::width(&more);
        if size < body.width {
            let (x, y) = (body.right() - size, body.bottom() - 1);
            paint::text(buf, body, x, y, size, &more, ctx.style(Role::Dim));
        }
    }
}

fn tell(row: &Of<AlertRow>, alert: &Alert, width: u16, ctx: &Ctx<'_>, lines: &mut Vec<Line>) {
    let (dim, text) = (ctx.style(Role::Dim), ctx.style(Role::Text));
    for title in paint::wrap(&row.title, width).into_iter().take(2) {
        lines.push(Line::new(title, ctx.style(Role::Bright)));
    }
    let (_, role) = severity(&row.severity);
    let mut facts = Line::new(row.severity.to_string(), ctx.style(role));
    let (status, _) = status(&row.status);
    let owner = row.assigned_to.as_deref().map_or("unassigned", |owner| {
        ctx.data.owner(row.tenant, Some(owner))
    });
    facts.push(format!(" · {status} · {owner}"), text);
    if row.classification != Classification::Unknown {
        let why = alert
            .determination
            .clone()
            .unwrap_or(Determination::Unknown);
        facts.push(
            format!(" · {}: {why}", row.classification),
            ctx.style(Role::Good),
        );
    }
    lines.push(facts);
    let mut field = |label: &str, value: String| {
        if !value.is_empty() {
            let mut line = Line::new(format!("{label:<11}"), dim);
            line.push(value, text);
            lines.push(line);
        }
    };
    let source = alert.product_name.as_deref().unwrap_or(row.source.as_str());
    let detection = alert.detection_source.as_deref().unwrap_or("—");
    field("source", format!("{source} ({detection})"));
    let first = time::day(row.first_activity, ctx.now, ctx.zone());
    let last = alert
        .last_activity_date_time
        .map(|at| time::day(at, ctx.now, ctx.zone()));
    let age = ctx.ago(row.created);
    let until = last
        .filter(|last| *last != first)
        .map(|last| format!(" to {last}"));
    field(
        "activity",
        format!("{first}{}   made {age} ago", until.unwrap_or_default()),
    );
    field("category", alert.categories.join(", "));
    field("techniques", alert.mitre_techniques.join(" "));
    field(
        "threat",
        alert
            .threat_display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    );
    field(
        "actor",
        alert
            .actor_display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    );
    if let Some(state) = alert.investigation_state.as_deref() {
        field("investig.", state.to_owned());
    }
    field("tags", alert.system_tags.join(" · "));
    paragraph("", alert.description.as_deref(), width, ctx, lines);
    if !alert.evidence.is_empty() {
        lines.push(Line::default());
        lines.push(Line::new(format!("evidence {}", alert.evidence.len()), dim));
        for evidence in &alert.evidence {
            use crate::domain::EvidenceKind as K;
            let verdict_of = evidence.verdict();
            let (sign, role) = verdict(&verdict_of);
            let mut line = Line::new(
                format!("{:<2}", if sign.is_empty() { "·" } else { sign }),
                ctx.style(role),
            );
            line.push(format!("{:<12} ", evidence.kind.label()), dim);
            let title = evidence.title();
            let network = matches!(evidence.kind, K::Ip | K::Url | K::Dns);
            let title = if network {
                crate::domain::text::defang(&title)
            } else {
                title.into_owned()
            };
            line.push(
                paint::middle(&title, width.saturating_sub(line.width() + 14).max(12)),
                text,
            );
            let remediation = evidence.remediation();
            if remediation != crate::domain::RemediationStatus::None_ {
                line.push(format!("  {remediation}"), dim);
            }
            lines.push(line);
        }
    }
    paragraph(
        "what to do",
        alert.recommended_actions.as_deref(),
        width,
        ctx,
        lines,
    );
    for comment in &alert.comments {
        let who = ctx
            .data
            .owner(row.tenant, comment.created_by_display_name.as_deref());
        let when = comment
            .created_date_time
            .map(|at| ctx.clock(at))
            .unwrap_or_default();
        let text = format!("{who}: {}", comment.comment.as_deref().unwrap_or_default());
        paragraph(&format!("comment {when}"), Some(&text), width, ctx, lines);
    }
}

fn paragraph(label: &str, content: Option<&str>, width: u16, ctx: &Ctx<'_>, lines: &mut Vec<Line>) {
    let Some(content) = content.filter(|content| !content.trim().is_empty()) else {
        return;
    };
    lines.push(Line::default());
    if !label.is_empty() {
        lines.push(Line::new(label, ctx.style(Role::Dim)));
    }
    for text in paint::wrap(content.trim(), width) {
        lines.push(Line::new(text, ctx.style(Role::Text)));
    }
}
