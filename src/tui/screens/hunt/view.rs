//! How the Hunt screen is drawn: tabs and the query above, what came of it below.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::local::Kept;
use super::tab::{Outcome, Shown, Tab};
use super::{Focus, HuntScreen, charting, help, slicing, took};
use crate::domain::Timestamp;
use crate::hunt::fan::{self, Part};
use crate::hunt::local::NOT_HELD;
use crate::hunt::{HuntError, HuntErrorKind, MOST_ROWS, Place};
use crate::tui::commands::Command;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::grid::GridStyles;
use crate::tui::widgets::{paint, time};

/// Draws the screen.
pub(super) fn draw(screen: &HuntScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let tab = screen.tab();
    let editing = screen.focus == Focus::Editor;
    let (mut editor, findings, results) = split(area, tab, editing);
    tab_line(screen, buf, Rect { height: 1, ..area }, ctx);
    let bar = screen.find.height().min(editor.height.saturating_sub(1));
    editor.height -= bar;
    let bar = Rect {
        y: editor.bottom(),
        height: bar,
        ..editor
    };
    let caret = tab.editor.draw(editor, buf, ctx.theme);
    if let Some(at) = caret.filter(|_| editing && !screen.find.open) {
        ctx.show_cursor(at.x, at.y);
    }
    if screen.find.open {
        screen.find.draw(buf, bar, ctx);
    }
    draw_findings(tab, buf, findings, ctx);
    let grid = draw_results(screen, buf, results, ctx);
    screen.places.set((editor, grid));
    if let Some(at) = caret.filter(|_| editing && ctx.focused) {
        let room = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        over_the_text(tab, buf, room, at, ctx);
    }
}

/// What stands over the text by the caret: the words offered, the call, what was asked about.
fn over_the_text(tab: &Tab, buf: &mut Buffer, room: Rect, at: Position, ctx: &Ctx<'_>) {
    if let Some(about) = &tab.about {
        about.draw(buf, room, at, ctx);
        return;
    }
    let mut taken = Rect::default();
    if let Some(popup) = &tab.popup {
        let word = tab.editor.text().get(popup.start..tab.editor.caret());
        taken = popup.draw(buf, room, at, word.map_or(0, paint::width), ctx);
    }
    if let Some(signature) = &tab.signature {
        help::draw_signature(signature, buf, room, at, taken, ctx);
    }
}

/// The editor grows with its text while it has the focus; the result keeps the greater half.
fn split(area: Rect, tab: &Tab, editing: bool) -> (Rect, Rect, Rect) {
    let room = area.height.saturating_sub(1);
    let found = (tab.findings.len() as u16).min(if room >= 20 { 3 } else { 1 });
    let nothing_yet = tab.outcome.is_none() && tab.running.is_none();
    let most = match (editing, nothing_yet) {
        (_, true) => room.saturating_sub(4),
        (true, false) => room / 2,
        (false, false) => room / 4,
    };
    let wanted = (tab.editor.line_count().min(200) as u16 + 1).max(5);
    let lines = wanted.min(most.saturating_sub(found)).max(room.min(2));
    let lines = lines.min(room);
    let found = found.min(room - lines);
    let editor = Rect {
        y: area.y + 1,
        height: lines,
        ..area
    };
    let findings = Rect {
        y: editor.bottom(),
        height: found,
        ..area
    };
    let results = Rect {
        y: findings.bottom(),
        height: room - lines - found,
        ..area
    };
    (editor, findings, results)
}

fn tab_line(screen: &HuntScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let role = if screen.focus == Focus::Editor {
        Role::RuleFocused
    } else {
        Role::Rule
    };
    let rule = ctx.style(role);
    for x in area.left()..area.right() {
        paint::text(buf, area, x, area.y, 1, "─", rule);
    }
    let mut where_to = match screen.tab().place {
        Place::Defender => format!(" Defender · last {} ", screen.timespan),
        Place::Local => " local ".to_owned(),
    };
    let (errors, warnings) = screen.tab().counts();
    for (count, one, many) in [
        (warnings, "warning", "warnings"),
        (errors, "error", "errors"),
    ] {
        if count > 0 {
            let word = if count == 1 { one } else { many };
            where_to = format!(" {count} {word} ·{where_to}");
        }
    }
    if let Some(mode) = screen.tab().editor.vim_mode() {
        let pressed = screen.tab().editor.vim_pressed();
        let gap = if pressed.is_empty() { "" } else { " " };
        where_to = format!(" {}{gap}{pressed} ·{where_to}", mode.word());
    }
    if ctx.data.tenants.several() {
        let asked = match screen.tab().place {
            Place::Defender => screen.asked(ctx.data),
            Place::Local => HuntScreen::seats(screen.tab(), ctx.data),
        };
        let asked = match asked.as_slice() {
            [] => "which tenant?".to_owned(),
            [one] => ctx.data.tenants.name(*one).to_owned(),
            many => format!("{} tenants", many.len()),
        };
        where_to = format!(" {asked} ·{where_to}");
    }
    let size = paint::width(&where_to);
    let room = area.width.saturating_sub(size + 2);
    let tabs = Rect {
        width: room,
        ..area
    };
    let mut x = area.x + 1;
    for (nth, tab) in screen.tabs.iter().enumerate() {
        let active = nth == screen.active;
        let mark = if tab.running.is_some() { "…" } else { "" };
        let label = format!(" {} {}{mark} ", nth + 1, tab.label());
        let style = ctx.style(if active { Role::Title } else { Role::Dim });
        x = paint::text(
            buf,
            tabs,
            x,
            area.y,
            tabs.right().saturating_sub(x),
            &label,
            style,
        );
        if nth + 1 < screen.tabs.len() {
            x = paint::text(buf, tabs, x, area.y, 1, "·", rule);
        }
    }
    if room > 8 {
        paint::text(
            buf,
            area,
            area.right().saturating_sub(size + 1),
            area.y,
            size,
            &where_to,
            ctx.style(Role::Dim),
        );
    }
}

fn draw_findings(tab: &Tab, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let here = tab.finding_here();
    let rest = (0..tab.findings.len()).filter(|at| Some(*at) != here);
    for (line, at) in here
        .into_iter()
        .chain(rest)
        .take(usize::from(area.height))
        .enumerate()
    {
        let finding = &tab.findings[at];
        let y = area.y + line as u16;
        let (row, column) = tab.editor.place_of(finding.start);
        let role = if finding.error {
            Role::NoticeError
        } else {
            Role::NoticeWarning
        };
        let place = format!(" {row}:{column} ");
        let mut x = paint::text(
            buf,
            area,
            area.x + 1,
            y,
            10,
            &place,
            ctx.style(Role::LineNumber),
        );
        x = paint::text(buf, area, x, y, 8, &finding.code, ctx.style(Role::Dim));
        x = paint::text(buf, area, x, y, 1, " ", ctx.style(Role::Text));
        let can_fix = finding.fix.is_some() && Some(at) == here;
        let fix = match (&finding.fix, can_fix) {
            (Some(fix), true) => {
                let key = if finding.error {
                    Some("tab".to_owned())
                } else {
                    ctx.keymap.key_of(Command::QuickFix)
                };
                key.map_or_else(String::new, |key| format!("  ({key}: {})", fix.title))
            }
            _ if finding.message.contains(NOT_HELD) => {
                let key = ctx.keymap.key_of(Command::HuntPlace);
                key.map_or_else(String::new, |key| format!("  ({key}: Defender)"))
            }
            _ => String::new(),
        };
        let more = tab.findings.len() - usize::from(area.height).min(tab.findings.len());
        let more = if line + 1 == usize::from(area.height) && more > 0 {
            format!("  +{more}")
        } else {
            String::new()
        };
        let tail = paint::width(&fix) + paint::width(&more);
        let room = area.right().saturating_sub(x + tail + 1);
        x = paint::text(buf, area, x, y, room, &finding.message, ctx.style(role));
        x = paint::text(
            buf,
            area,
            x,
            y,
            paint::width(&fix),
            &fix,
            ctx.style(Role::HintKey),
        );
        paint::text(
            buf,
            area,
            x,
            y,
            paint::width(&more),
            &more,
            ctx.style(Role::Dim),
        );
    }
}

/// Draws what came of the query; returns where the grid is.
fn draw_results(screen: &HuntScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) -> Rect {
    if area.height == 0 {
        return Rect::default();
    }
    let tab = screen.tab();
    let focused = screen.focus == Focus::Grid;
    let styles = paint::RuleStyles {
        rule: ctx.style(if focused {
            Role::RuleFocused
        } else {
            Role::Rule
        }),
        title: ctx.style(Role::Title),
        extra: ctx.style(Role::Dim),
    };
    let below = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    let running = tab.running.as_ref().map(|running| {
        let waited = ctx.now.duration_since(running.since).as_millis() as i64;
        // tenths for ten seconds, then seconds
        ctx.wake_in(if waited < 10_000 {
            100 - waited.rem_euclid(100)
        } else {
            1000 - waited.rem_euclid(1000)
        });
        format!("running {}", time::elapsed(waited))
    });
    match &tab.outcome {
        Some(Outcome::Rows(shown)) => {
            let (title, extra) = result_title(shown, running.as_deref(), ctx);
            if let Some(charting) = &shown.tools.charting {
                let title = format!("{} · {title}", charting::title(charting));
                paint::rule(buf, area, area.y, &title, "", styles);
                charting::draw(charting, buf, below, ctx);
                return Rect::default();
            }
            paint::rule(buf, area, area.y, &title, &extra, styles);
            let (grid, panel) = slicing::split(shown, below);
            let focused = focused && ctx.focused;
            draw_grid(shown, buf, grid, focused && !screen.in_panel(), ctx);
            if let Some(panel) = panel {
                slicing::draw(shown, buf, panel, ctx);
            }
            return grid;
        }
        Some(Outcome::Failed { error, at, start }) => {
            let title = match running {
                Some(running) => format!("{running} · before: {}", error.kind.title()),
                None => format!(
                    "{} · {}",
                    error.kind.title(),
                    time::clock_seconds(*at, ctx.zone())
                ),
            };
            paint::rule(buf, area, area.y, &title, "", styles);
            draw_error(error, *at, *start, tab, buf, below, ctx);
        }
        None => {
            let title = running.clone().unwrap_or_else(|| "results".to_owned());
            paint::rule(buf, area, area.y, &title, "", styles);
            let here = tab.place == Place::Local;
            let lines: &[&str] = if running.is_some() && here {
                &["It runs here. esc stops it."]
            } else if running.is_some() {
                &["The service has it. esc stops waiting."]
            } else {
                &[
                    "Nothing has been run in this tab.",
                    "F5 runs the statement under the caret; statements are split by empty lines.",
                ]
            };
            for (nth, line) in lines.iter().enumerate() {
                paint::text(
                    buf,
                    below,
                    below.x + 2,
                    below.y + nth as u16,
                    below.width.saturating_sub(2),
                    line,
                    ctx.style(Role::Dim),
                );
            }
        }
    }
    below
}

fn result_title(shown: &Shown, running: Option<&str>, ctx: &Ctx<'_>) -> (String, String) {
    let rows = shown.result.table.rows();
    let left = shown.grid.rows();
    let mut count = match rows {
        _ if !shown.tools.conditions.is_empty() => format!("{left} of {rows} rows"),
        1 => "1 row".to_owned(),
        _ => format!("{rows} rows"),
    };
    if !shown.tools.conditions.is_empty() {
        let _ = write!(count, " · {}", slicing::words(shown));
    }
    let mut title = format!(
        "{count} · {} · as of {} · {}",
        took(shown.result.took),
        as_of(shown.result.as_of, ctx),
        shown.result.place.label()
    );
    if let Some(over) = &shown.result.over {
        if !over.tables.is_empty() {
            let _ = write!(title, " · over {}", over.words());
        }
        if let Some(cut) = &over.cut {
            let _ = write!(title, " · {cut}");
        }
    }
    if let Kept::As(name) = &shown.kept {
        let _ = write!(title, " · {name}");
        if let Some(key) = ctx.keymap.key_of(Command::GridTakeLocal) {
            let _ = write!(title, " ({key}: ask it here)");
        }
    }
    let tenants = fan::summary(&shown.parts, ctx.zone());
    if !tenants.is_empty() {
        let _ = write!(title, " · {tenants}");
    }
    let cut = |part: &Part| {
        let given = part.outcome.as_ref();
        given.is_ok_and(|given| given.is_capped() || given.kept < given.rows)
    };
    if shown.parts.is_empty() && rows >= MOST_ROWS || shown.parts.iter().any(cut) {
        title.push_str(" · cut at the service's limit");
    }
    if shown.result.bad_rows > 0 {
        let _ = write!(title, " · {} rows not understood", shown.result.bad_rows);
    }
    if let Some(running) = running {
        title = format!("{running} · below: {title}");
    }
    let mut extra = Vec::new();
    if shown.sorting.is_some() {
        extra.push("sorting…".to_owned());
    }
    if shown.tools.slicing.is_some() {
        extra.push("filtering…".to_owned());
    }
    if let Some((_, what)) = shown.tools.waits {
        extra.push(format!("{what}…"));
    }
    if !shown.grid.marked().is_empty() {
        extra.push(format!("{} marked", shown.grid.marked().len()));
    }
    if let Some(render) = &shown.result.render {
        extra.push(format!("render {}", render.kind));
    }
    let hidden = shown.result.table.columns().len() - shown.grid.columns().len();
    if hidden > 0 {
        extra.push(format!("{hidden} hidden"));
    }
    if rows > 0 {
        let (row, _) = shown.grid.cursor();
        extra.push(format!(
            "{}/{left} · column {}/{}",
            row + 1,
            shown.grid.place_of_cursor() + 1,
            shown.grid.columns().len()
        ));
    }
    (title, extra.join(" · "))
}

fn as_of(at: Timestamp, ctx: &Ctx<'_>) -> String {
    let clock = time::clock_seconds(at, ctx.zone());
    let utc = ctx.zone().to_offset(at).seconds() == 0;
    if utc { format!("{clock}Z") } else { clock }
}

fn draw_grid(shown: &Shown, buf: &mut Buffer, area: Rect, focused: bool, ctx: &Ctx<'_>) {
    if shown.result.table.rows() == 0 {
        let names: Vec<&str> = shown
            .result
            .table
            .columns()
            .iter()
            .map(|column| &*column.name)
            .collect();
        paint::text(
            buf,
            area,
            area.x + 2,
            area.y,
            area.width.saturating_sub(2),
            "No rows.",
            ctx.style(Role::Text),
        );
        let columns = format!("Columns: {}", names.join(", "));
        for (nth, line) in paint::wrap(&columns, area.width.saturating_sub(4))
            .iter()
            .enumerate()
        {
            paint::text(
                buf,
                area,
                area.x + 2,
                area.y + 1 + nth as u16,
                area.width.saturating_sub(2),
                line,
                ctx.style(Role::Dim),
            );
        }
        return;
    }
    let styles = GridStyles {
        header: ctx.style(Role::Column),
        header_cursor: ctx.style(Role::Accent),
        cell: ctx.style(Role::Text),
        null: ctx.style(Role::Null),
        row: ctx.style(if focused {
            Role::Selected
        } else {
            Role::SelectedUnfocused
        }),
        cursor: ctx
            .style(Role::Accent)
            .add_modifier(ratatui::style::Modifier::REVERSED),
        marked: ctx.style(Role::Marked),
        line: ctx.style(Role::Rule),
    };
    shown.grid.draw(area, buf, &styles, focused);
}

fn draw_error(
    error: &HuntError,
    at: Timestamp,
    start: usize,
    tab: &Tab,
    buf: &mut Buffer,
    area: Rect,
    ctx: &Ctx<'_>,
) {
    let width = area.width.saturating_sub(4);
    let mut lines: Vec<(String, Role)> = Vec::new();
    lines.extend(
        paint::wrap(&error.message, width)
            .into_iter()
            .map(|line| (line, Role::NoticeError)),
    );
    for finding in &error.findings {
        let (row, column) = tab.editor.place_of(start + finding.start);
        let text = format!("{row}:{column}  {}  {}", finding.code, finding.message);
        lines.extend(
            paint::wrap(&text, width)
                .into_iter()
                .map(|line| (line, Role::NoticeWarning)),
        );
    }
    lines.push((String::new(), Role::Text));
    if let Some(again) = error.retry_at {
        let left = again.duration_since(ctx.now).as_secs();
        let text = if left > 0 {
            ctx.wake_in(1000);
            format!(
                "Again at {}, in {}.",
                time::clock_seconds(again, ctx.zone()),
                time::elapsed(left * 1000)
            )
        } else {
            "It may be asked again now.".to_owned()
        };
        lines.push((text, Role::Bright));
    }
    lines.extend(
        paint::wrap(error.advice(), width)
            .into_iter()
            .map(|line| (line, Role::Text)),
    );
    let mut facts = Vec::new();
    if let Some(status) = error.status {
        facts.push(format!("HTTP {status}"));
    }
    if !error.code.is_empty() {
        facts.push(error.code.clone());
    }
    if let Some(id) = &error.request_id {
        facts.push(format!("request {id}"));
    }
    if error.kind != HuntErrorKind::Local {
        facts.push(format!("at {}", time::stamp(at, ctx.zone())));
    }
    lines.push((facts.join(" · "), Role::Dim));
    for (nth, (line, role)) in lines.iter().take(usize::from(area.height)).enumerate() {
        paint::text(
            buf,
            area,
            area.x + 2,
            area.y + nth as u16,
            width,
            line,
            ctx.style(*role),
        );
    }
}
