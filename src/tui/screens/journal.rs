//! The journal: what this console asked of which service when, and what came of it.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::TextPopup;
use crate::domain::Of;
use crate::store::{JournalEntry, JournalId, JournalState};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::screens::tenants::Columns;
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Column, Rows, TableState, Width};
use crate::tui::widgets::{paint, time};

/// The screen.
#[derive(Debug, Default)]
pub struct Journal {
    table: TableState<Of<i64>>,
    /// The entries of all tenants, newest first.
    known: Vec<Of<JournalEntry>>,
    /// Those shown: places in `known`.
    order: Vec<u32>,
    /// Whose journal could not be read, and why.
    problems: Vec<Of<String>>,
    read: bool,
}

/// The rows as the table asks for them.
struct View<'a> {
    known: &'a [Of<JournalEntry>],
    order: &'a [u32],
}

impl<'a> View<'a> {
    fn get(&self, row: usize) -> Option<&'a Of<JournalEntry>> {
        self.known.get(*self.order.get(row)? as usize)
    }
}

const COLUMNS: Columns = Columns::new(OWN, 2);

const OWN: &[Column] = &[
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

impl Rows for View<'_> {
    type Key = Of<i64>;

    fn len(&self) -> usize {
        self.order.len()
    }

    fn key(&self, row: usize) -> Of<i64> {
        let entry = &self.known[self.order[row] as usize];
        let JournalId(id) = entry.id;
        entry.with(id)
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        let entry = &self.known[self.order[row] as usize];
        let Some(column) = COLUMNS.own(column, ctx.data) else {
            return Columns::cell(entry.tenant, ctx);
        };
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
            4 => CellText::new(
                ctx.data.owner(entry.tenant, Some(&entry.who)),
                ctx.style(Role::Text),
            ),
            _ => CellText::new(&*entry.detail, ctx.style(Role::Dim)),
        }
    }
}

impl Journal {
    fn rows(&self) -> View<'_> {
        View {
            known: &self.known,
            order: &self.order,
        }
    }

    fn arrange(&mut self, data: &Data) {
        let shown = |at: &u32| data.tenants.shows(self.known[*at as usize].tenant);
        self.order = (0..self.known.len() as u32).filter(shown).collect();
        let view = View {
            known: &self.known,
            order: &self.order,
        };
        self.table.sync(&view);
    }

    fn focus(&self) -> Option<&Of<JournalEntry>> {
        self.rows().get(self.table.row())
    }

    fn inspect(entry: &Of<JournalEntry>, data: &Data) -> TextPopup {
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
        field("tenant", &entry.it.tenant);
        field("profile", data.tenants.title(entry.tenant));
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
        let view = View {
            known: &self.known,
            order: &self.order,
        };
        if self.table.command(command, &view) {
            return true;
        }
        match command {
            Command::JournalInspect => {
                if let Some(entry) = self.focus() {
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
        let view = View {
            known: &self.known,
            order: &self.order,
        };
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.table.command(Command::Down, &view);
            }
            MouseEventKind::ScrollUp => {
                self.table.command(Command::Up, &view);
            }
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(row) = self.table.hit(event.column, event.row, &view) {
                    self.table.go(row, &view);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::Journal(tenant, answer) => {
                self.problems.retain(|problem| problem.tenant != *tenant);
                match answer {
                    Ok(entries) => {
                        self.known.retain(|entry| entry.tenant != *tenant);
                        let entries = entries.iter().map(|it| Of::new(*tenant, it.clone()));
                        self.known.extend(entries);
                        let newest = |entry: &Of<JournalEntry>| (entry.at, entry.id.0);
                        self.known.sort_by_key(|entry| Reverse(newest(entry)));
                    }
                    Err(why) => self.problems.push(Of::new(*tenant, why.clone())),
                }
                self.read = true;
                self.arrange(cx.data);
            }
            Msg::Show(_) => self.arrange(cx.data),
            Msg::JournalChanged(tenant) if self.read => cx.effect(Effect::LoadJournal(*tenant)),
            _ => {}
        }
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.read = true;
        for tenant in cx.data.tenants.numbers() {
            cx.effect(Effect::LoadJournal(tenant));
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let rows = self.rows();
        let open = (0..rows.len())
            .filter_map(|row| rows.get(row))
            .filter(|entry| entry.state.is_open())
            .count();
        let title = format!("Journal {}", rows.len());
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
        if rows.is_empty() {
            let text = match self.problems.first() {
                Some(why) => {
                    let text = format!("The journal cannot be read: {}", why.it);
                    ctx.data.tenants.named(why.tenant, text)
                }
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
            .draw(buf, body, &COLUMNS.all(ctx.data), &rows, None, true, ctx);
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        let entry = self.focus()?;
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
