//! `?`: the keys that work here, from the one table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{COMMANDS, Command, Danger, Scope};
use crate::tui::keymap::Keymap;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

enum Line {
    Scope(&'static str),
    Key {
        keys: String,
        title: &'static str,
        help: &'static str,
        danger: Danger,
    },
    Gap,
}

/// The popup.
pub struct Help {
    lines: Vec<Line>,
    top: usize,
}

impl Help {
    /// The keys of a scope and of those around it.
    pub fn new(scope: Scope, keymap: &Keymap) -> Self {
        let mut lines = Vec::new();
        for scope in scope.chain() {
            let mut rows = Vec::new();
            for spec in COMMANDS.iter().filter(|spec| spec.scope == scope) {
                let keys = keymap.keys_of(spec.command).join(", ");
                let keys = if keys.is_empty() {
                    format!(":{}", spec.name)
                } else {
                    keys
                };
                rows.push(Line::Key {
                    keys,
                    title: spec.title,
                    help: spec.help,
                    danger: spec.danger,
                });
            }
            if rows.is_empty() {
                continue;
            }
            if !lines.is_empty() {
                lines.push(Line::Gap);
            }
            lines.push(Line::Scope(scope.title()));
            lines.extend(rows);
        }
        Self { lines, top: 0 }
    }
}

impl Screen for Help {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        "Help".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::PickerDown => self.top += 1,
            Command::PickerUp => self.top = self.top.saturating_sub(1),
            Command::PopupDown => self.top += 12,
            Command::PopupUp => self.top = self.top.saturating_sub(12),
            Command::PickerChoose | Command::Help | Command::HelpAnywhere => cx.close(),
            _ => return false,
        }
        self.top = self.top.min(self.lines.len().saturating_sub(1));
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let place = popup::place(area, area.width.min(116), area.height);
        let room = usize::from(place.height.saturating_sub(2));
        let top = self.top.min(self.lines.len().saturating_sub(room));
        let extra = format!(
            "{}–{} of {}",
            top + 1,
            (top + room).min(self.lines.len()),
            self.lines.len()
        );
        let inside = popup::frame(buf, place, "Keys that work here", &extra, false, ctx);
        for (line, content) in self
            .lines
            .iter()
            .skip(top)
            .take(usize::from(inside.height))
            .enumerate()
        {
            let y = inside.y + line as u16;
            match content {
                Line::Gap => {}
                Line::Scope(title) => {
                    paint::text(
                        buf,
                        inside,
                        inside.x,
                        y,
                        inside.width,
                        title,
                        ctx.style(Role::PopupTitle),
                    );
                }
                Line::Key {
                    keys,
                    title,
                    help,
                    danger,
                } => {
                    paint::text(buf, inside, inside.x, y, 14, keys, ctx.style(Role::HintKey));
                    let role = if *danger == Danger::High {
                        Role::Bad
                    } else {
                        Role::Text
                    };
                    let titles = inside.width.saturating_sub(16).min(30);
                    paint::text(
                        buf,
                        inside,
                        inside.x + 15,
                        y,
                        titles,
                        title,
                        ctx.style(role),
                    );
                    let x = inside.x + 15 + titles + 1;
                    let room = inside.right().saturating_sub(x);
                    paint::text(buf, inside, x, y, room, help, ctx.style(Role::Dim));
                }
            }
        }
    }
}
