//! Choosing one of a few: status, classification, device.

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Scope};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::list::{self, Row};
use crate::tui::widgets::{paint, popup};

type Choose = Box<dyn FnOnce(usize, &mut Cx<'_>) + Send>;

/// The popup. What is chosen is handed to the closure it was made with; the popup is closed then.
pub struct Picker {
    title: String,
    rows: Vec<Row>,
    cursor: usize,
    choose: Option<Choose>,
}

impl Picker {
    /// Offers rows, the cursor on the current one.
    pub fn new(
        title: impl Into<String>,
        rows: Vec<Row>,
        choose: impl FnOnce(usize, &mut Cx<'_>) + Send + 'static,
    ) -> Self {
        let cursor = rows.iter().position(|row| row.current).unwrap_or(0);
        Self {
            title: title.into(),
            rows,
            cursor,
            choose: Some(Box::new(choose)),
        }
    }
}

impl Screen for Picker {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.rows.len().saturating_sub(1);
        match command {
            Command::PickerDown => {
                self.cursor = if self.cursor == last {
                    0
                } else {
                    self.cursor + 1
                }
            }
            Command::PickerUp => self.cursor = self.cursor.checked_sub(1).unwrap_or(last),
            Command::PopupDown => self.cursor = (self.cursor + 10).min(last),
            Command::PopupUp => self.cursor = self.cursor.saturating_sub(10),
            Command::PickerChoose => {
                cx.close();
                if self.cursor < self.rows.len()
                    && let Some(choose) = self.choose.take()
                {
                    choose(self.cursor, cx);
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.command(Command::PickerDown, cx);
            }
            MouseEventKind::ScrollUp => {
                self.command(Command::PickerUp, cx);
            }
            _ => {}
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let labels = self
            .rows
            .iter()
            .map(|row| paint::width(&row.label))
            .max()
            .unwrap_or(0);
        let details = self
            .rows
            .iter()
            .map(|row| paint::width(&row.detail))
            .max()
            .unwrap_or(0);
        let width = (labels + details + 8)
            .max(paint::width(&self.title) + 8)
            .min(area.width);
        let height = (self.rows.len() as u16).saturating_add(2).min(area.height);
        let place = popup::place(area, width, height);
        let inside = popup::frame(buf, place, &self.title, "", false, ctx);
        list::draw(buf, inside, &self.rows, self.cursor, ctx);
    }
}
