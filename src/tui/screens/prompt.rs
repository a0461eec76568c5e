//! A popup that asks for one line of text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Scope};
use crate::tui::keys::Chord;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::{paint, popup};

type Take = Box<dyn FnOnce(String, &mut Cx<'_>) + Send>;

/// The popup. The text is handed to the closure it was made with; an empty one is not taken.
pub struct Prompt {
    title: String,
    hint: String,
    input: Input,
    take: Option<Take>,
}

impl Prompt {
    /// Asks under a title, with a word below the line.
    pub fn new(
        title: impl Into<String>,
        hint: impl Into<String>,
        text: impl Into<String>,
        take: impl FnOnce(String, &mut Cx<'_>) + Send + 'static,
    ) -> Self {
        Self {
            title: title.into(),
            hint: hint.into(),
            input: Input::new(text),
            take: Some(Box::new(take)),
        }
    }
}

impl Screen for Prompt {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        self.input.key(chord);
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.input.paste(text);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::FormSubmit => {
                let text = self.input.text().trim().to_owned();
                if text.is_empty() {
                    return true;
                }
                cx.close();
                if let Some(take) = self.take.take() {
                    take(text, cx);
                }
            }
            Command::FormNext | Command::FormPrevious => {}
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let place = popup::place(area, area.width.min(84), 5);
        let inside = popup::frame(buf, place, &self.title, "", false, ctx);
        let line = Rect {
            height: 1.min(inside.height),
            ..inside
        };
        self.input
            .draw(buf, line, ctx.style(Role::InputFocused), true, ctx);
        if inside.height > 2 {
            let y = inside.bottom() - 1;
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                &self.hint,
                ctx.style(Role::Dim),
            );
        }
    }
}
