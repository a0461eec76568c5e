//! An entity as the service sent it: JSON, scrollable. What must not reach a terminal stands there as
//! `\u` escapes, which is the same JSON.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup.
#[derive(Debug)]
pub(super) struct Source {
    title: String,
    json: String,
    /// Where each line starts.
    lines: Vec<usize>,
    top: usize,
    left: usize,
}

impl Source {
    pub(super) fn new(title: &str, json: String) -> Self {
        let lines = std::iter::once(0)
            .chain(json.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            title: title.to_owned(),
            json,
            lines,
            top: 0,
            left: 0,
        }
    }

    fn line(&self, nth: usize) -> &str {
        let start = self.lines[nth];
        let end = self
            .lines
            .get(nth + 1)
            .map_or(self.json.len(), |next| next - 1);
        &self.json[start..end]
    }
}

impl Screen for Source {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        "Source".to_owned()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::PickerDown => self.top += 1,
            Command::PickerUp => self.top = self.top.saturating_sub(1),
            Command::PopupDown => self.top += 10,
            Command::PopupUp => self.top = self.top.saturating_sub(10),
            Command::PopupLeft => self.left = self.left.saturating_sub(16),
            Command::PopupRight => self.left += 16,
            Command::PickerChoose => cx.close(),
            _ => return false,
        }
        self.top = self.top.min(self.lines.len().saturating_sub(1));
        self.left = self.left.min(4096);
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(140);
        let height = (self.lines.len() as u16)
            .saturating_add(2)
            .min(area.height.saturating_sub(1))
            .max(3);
        let place = popup::place(area, width, height);
        let room = usize::from(height.saturating_sub(2));
        let top = self.top.min(self.lines.len().saturating_sub(room));
        let end = (top + room).min(self.lines.len());
        let extra = format!("{}–{end} of {}", top + 1, self.lines.len());
        let inside = popup::frame(
            buf,
            place,
            &format!("Source: {}", self.title),
            &extra,
            false,
            ctx,
        );
        for (nth, at) in (top..end).enumerate() {
            let y = inside.y + nth as u16;
            let line = self.line(at);
            let from = line
                .char_indices()
                .nth(self.left)
                .map_or(line.len(), |(at, _)| at);
            // a key is dim, its value not
            let key = line.find("\": ").map_or(0, |end| end + 3).max(from);
            let x = paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                &line[from..key],
                ctx.style(Role::Dim),
            );
            let room = inside.right().saturating_sub(x);
            paint::text(buf, inside, x, y, room, &line[key..], ctx.style(Role::Text));
        }
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        Some(self.json.clone())
    }
}
