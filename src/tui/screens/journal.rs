//! The journal: what this console asked of which service when, and what came of it.

use std::fmt::Write as _;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::TextPopup;
use crate::store::{JournalEntry, JournalId, JournalState};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Column, Rows, TableState, Width};
use crate::tui::widgets::{paint, time};

/// The screen.
#[derive(Debug, Default)]
pub struct Journal {
    table: TableState<i64>,
    entries: Entries,
    problem: Option<String>,
    read: bool,
}

#[derive(Debug, Default)]
struct Entries(Vec<JournalEntry>);

const COLUMNS: &[Column] = &[
    Column::new("WHEN", Width::Fixed(11)),
    Column::new("STATE", Width::Fixed(11)),
    Column::new("WHAT", Width::Flex(22)),
    Column::new("TARGET", Width::Flex(18)),
    Column::new("WHO", Width::Fixed(12)).falls(2),
    Column::new("DETAIL", Width::Flex(20)).falls(1),
];

/// A state as sign and ink.
fn state(state: JournalState) -> (&'static str, Role) {
    match state {
        JournalState::Succeeded => ("✓", Role::ActionSucceeded),
        JournalState::Intended => ("○", Role::ActionOpen),
        JournalState::Accepted => ("◐", Role::ActionOpen),
        JournalState::Failed | JournalState::Refused => ("✗", Role::ActionFailed),
        JournalState::Unknown => ("?", Role::ActionFailed),
        JournalState::Cancelled | JournalState::NotSent => ("–", Role::ActionCancelled),
    }
}

impl Rows for Entries {
    type Key = i64;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self, row: usize) -> i64 {
        let JournalId(id) = self.0[row].id;
        id
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        let entry = &self.0[row];
        match column {
            0 => CellText::new(
                time::day(entry.at, ctx.now, ctx.zone()),
                ctx.style(Role::Time),
            ),
            1 => {
                let (sign, role) = state(entry.state);
                CellText::new(format!("{sign} {}", entry.state.as_str()), ctx.style(role))
            }
            2 => CellText::new(&*entry.title, ctx.style(Role::Bright)),
            3 => CellText::new(&*entry.target, ctx.style(Role::Text)),
            4 => CellText::new(ctx.data.owner(Some(&entry.who)), ctx.style(Role::Text)),
            _ => CellText::new(&*entry.detail, ctx.style(Role::Dim)),
        }
    }
}

impl Journal {
    fn inspect(entry: &JournalEntry, data: &Data) -> TextPopup {
        let zone = data.zone();
        let mut text = String::new();
        let mut field = |label: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(text, "{label:<18} {value}");
            }
        };
        field("what", &entry.title);
        field("operation", &entry.operation);
        field("target", &entry.target);
        field("state", entry.state.as_str());
        field("detail", &entry.detail);
        field("who", &entry.who);
        field("tenant", &entry.tenant);
        field("asked", &time::stamp(entry.at, zone));
        field("last change", &time::stamp(entry.updated, zone));
        field(
            "machine action",
            entry.action.as_ref().map_or("", |id| id.as_str()),
        );
        field("client-request-id", &entry.client_request_id);
        field(
            "request-id",
            entry.request_id.as_deref().unwrap_or_default(),
        );
        field("request", &entry.request);
        TextPopup::new(format!("Journal entry {}", entry.id.0), text)
    }
}

impl Screen for Journal {
    fn scope(&self) -> Scope {
        Scope::Journal
    }

    fn title(&self) -> String {
        "Journal".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        if self.table.command(command, &self.entries) {
            return true;
        }
        match command {
            Command::JournalInspect => {
                if let Some(entry) = self.entries.0.get(self.table.row()) {
                    let popup = Self::inspect(entry, cx.data);
                    cx.popup(Box::new(popup));
                }
            }
            Command::JournalExport => cx.effect(Effect::ExportJournal),
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, _cx: &mut Cx<'_>) {
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.table.command(Command::Down, &self.entries);
            }
            MouseEventKind::ScrollUp => {
                self.table.command(Command::Up, &self.entries);
            }
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(row) = self.table.hit(event.column, event.row, &self.entries) {
                    self.table.go(row, &self.entries);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::Journal(Ok(entries)) => {
                self.entries = Entries(entries.clone());
                self.problem = None;
                self.read = true;
                self.table.sync(&self.entries);
            }
            Msg::Journal(Err(why)) => self.problem = Some(why.clone()),
            Msg::JournalChanged if self.read => cx.effect(Effect::LoadJournal),
            _ => {}
        }
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.read = true;
        cx.effect(Effect::LoadJournal);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let open = self
            .entries
            .0
            .iter()
            .filter(|entry| entry.state.is_open())
            .count();
        let title = format!("Journal {}", self.entries.len());
        let extra = if open > 0 {
            format!("{open} open")
        } else {
            String::new()
        };
        let mut inks = ctx.rule(true);
        inks.extra = ctx.style(Role::ActionOpen);
        paint::rule(buf, area, area.y, &title, &extra, inks);
        let body = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        if self.entries.is_empty() {
            let text = match &self.problem {
                Some(why) => format!("The journal cannot be read: {why}"),
                None => "Nothing has been asked of a service yet. Every write is written here before it is sent.".to_owned(),
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
            return;
        }
        self.table
            .draw(buf, body, COLUMNS, &self.entries, None, true, ctx);
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        let entry = self.entries.0.get(self.table.row())?;
        let request = entry.request_id.as_deref().unwrap_or("—");
        Some(format!(
            "{} {} {} request-id {request} client-request-id {}",
            entry.title,
            entry.target,
            entry.state.as_str(),
            entry.client_request_id
        ))
    }
}
