//! A popup that shows a text: a message in full, a journal entry, JSON as it came.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup. Hostile text is sanitised when drawn.
#[derive(Clone, Debug)]
pub struct TextPopup {
    title: String,
    text: String,
    top: usize,
}

impl TextPopup {
    /// Shows `text`, broken into lines as there is room.
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            top: 0,
        }
    }
}

impl Screen for TextPopup {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::PickerDown => self.top += 1,
            Command::PickerUp => self.top = self.top.saturating_sub(1),
            Command::PopupDown => self.top += 10,
            Command::PopupUp => self.top = self.top.saturating_sub(10),
            Command::PickerChoose => cx.close(),
            Command::Copy | Command::CopyRaw => cx.copy(self.text.clone()),
            _ => return false,
        }
        self.top = self
            .top
            .min(self.text.len() / 8 + self.text.lines().count());
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(110);
        let lines = paint::wrap(&self.text, width.saturating_sub(4));
        let height = (lines.len() as u16)
            .saturating_add(2)
            .min(area.height.saturating_sub(1));
        let place = popup::place(area, width, height.max(3));
        let room = usize::from(place.height.saturating_sub(2));
        let top = self.top.min(lines.len().saturating_sub(room));
        let extra = if lines.len() > room {
            format!(
                "{}–{} of {}",
                top + 1,
                (top + room).min(lines.len()),
                lines.len()
            )
        } else {
            String::new()
        };
        let inside = popup::frame(buf, place, &self.title, &extra, false, ctx);
        for (line, text) in lines
            .iter()
            .skip(top)
            .take(usize::from(inside.height))
            .enumerate()
        {
            let y = inside.y + line as u16;
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                text,
                ctx.style(Role::Text),
            );
        }
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        Some(self.text.clone())
    }
}
