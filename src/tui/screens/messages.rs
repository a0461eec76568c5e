//! The message log: what was said, newest first.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::TextPopup;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level, Notices};
use crate::tui::msg::Msg;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::paint;
use crate::tui::widgets::table::{CellText, Column, Rows, TableState, Width};
use crate::tui::widgets::time;

/// The screen.
#[derive(Debug, Default)]
pub struct Messages {
    table: TableState<u64>,
}

impl Rows for Notices {
    type Key = u64;

    fn len(&self) -> usize {
        Notices::len(self)
    }

    fn key(&self, row: usize) -> u64 {
        self.get(row).map_or(0, |note| note.id)
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        let Some(note) = self.get(row) else {
            return CellText::new("", ctx.style(Role::Text));
        };
        let role = match note.level {
            Level::Info => Role::NoticeInfo,
            Level::Warning => Role::NoticeWarning,
            Level::Error => Role::NoticeError,
        };
        match column {
            0 => CellText::new(
                time::clock_seconds(note.at, ctx.zone()),
                ctx.style(Role::Time),
            ),
            1 => {
                let word = match note.level {
                    Level::Info => "info",
                    Level::Warning => "warning",
                    Level::Error => "error",
                };
                CellText::new(word, ctx.style(role))
            }
            2 if note.times > 1 => {
                CellText::new(format!("{} ×{}", note.text, note.times), ctx.style(role))
            }
            _ => CellText::new(&*note.text, ctx.style(role)),
        }
    }
}

const COLUMNS: &[Column] = &[
    Column::new("TIME", Width::Fixed(8)),
    Column::new("LEVEL", Width::Fixed(7)).falls(1),
    Column::new("MESSAGE", Width::Flex(20)),
];

impl Screen for Messages {
    fn scope(&self) -> Scope {
        Scope::Messages
    }

    fn title(&self) -> String {
        "Messages".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        if self.table.command(command, &cx.data.notices) {
            return true;
        }
        match command {
            Command::MessageInspect => {
                if let Some(note) = cx.data.notices.get(self.table.row()) {
                    let text = note.text.clone();
                    let title = time::stamp(note.at, cx.data.zone());
                    cx.popup(Box::new(TextPopup::new(title, text)));
                }
            }
            Command::MessagesClear => {
                cx.data.notices.clear();
                self.table.sync(&cx.data.notices);
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.table.command(Command::Down, &cx.data.notices);
            }
            MouseEventKind::ScrollUp => {
                self.table.command(Command::Up, &cx.data.notices);
            }
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(row) = self.table.hit(event.column, event.row, &cx.data.notices) {
                    self.table.go(row, &cx.data.notices);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, _msg: &Msg, cx: &mut Cx<'_>) {
        self.table.sync(&cx.data.notices);
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.table.sync(&cx.data.notices);
        self.table.go(0, &cx.data.notices);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let notices = &ctx.data.notices;
        let title = format!("Messages {}", notices.len());
        paint::rule(buf, area, area.y, &title, "", ctx.rule(true));
        let below = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        if notices.is_empty() {
            paint::text(
                buf,
                below,
                below.x + 2,
                below.y + 1,
                below.width,
                "Nothing has been said yet.",
                ctx.style(Role::Dim),
            );
            return;
        }
        self.table
            .draw(buf, below, COLUMNS, notices, None, true, ctx);
    }

    fn copied(&self, _raw: bool, data: &Data) -> Option<String> {
        data.notices
            .get(self.table.row())
            .map(|note| note.text.clone())
    }
}
