//! Asks for the values of a query of the library; what is left as it is stays as it is.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::library::opened;
use crate::hunt::library::{Entry, fill};
use crate::tui::commands::{Command, Scope};
use crate::tui::keys::Chord;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{input::Input, paint, popup};

/// The popup.
#[derive(Debug)]
pub(super) struct ParameterForm {
    entry: Arc<Entry>,
    inputs: Vec<Input>,
    field: usize,
    run: bool,
}

impl ParameterForm {
    /// Asks for the values of an entry, which has some.
    pub(super) fn new(entry: Arc<Entry>, run: bool) -> Self {
        let defaults = entry.parameters.iter().map(|it| it.default.as_str());
        Self {
            inputs: defaults.map(Input::new).collect(),
            entry,
            field: 0,
            run,
        }
    }

    fn wrong(&self, at: usize) -> Option<String> {
        let parameter = &self.entry.parameters[at];
        let value = self.inputs[at].text().trim();
        if value == parameter.default {
            return None;
        }
        parameter.literal(value).err().map(|refused| refused.why)
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        if let Some(at) = (0..self.inputs.len()).find(|at| self.wrong(*at).is_some()) {
            // What is wrong is said on its line.
            self.field = at;
            return;
        }
        let inputs = self.inputs.iter();
        let values: Vec<String> = inputs.map(|it| it.text().trim().to_owned()).collect();
        if let Ok(query) = fill(&self.entry.query, &self.entry.parameters, &values) {
            cx.close();
            cx.act(opened(&self.entry, query, self.run));
        }
    }
}

impl Screen for ParameterForm {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn title(&self) -> String {
        self.entry.title.clone()
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        self.inputs[self.field].key(chord);
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.inputs[self.field].paste(text);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let count = self.inputs.len();
        match command {
            Command::FormNext => self.field = (self.field + 1) % count,
            Command::FormPrevious => self.field = (self.field + count - 1) % count,
            Command::FormSubmit => self.submit(cx),
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let rows = self.inputs.len() as u16;
        let width = area.width.saturating_sub(2).min(110);
        let place = popup::place(area, width, (rows * 2 + 3).min(area.height));
        let what = if self.run {
            "runs then"
        } else {
            "opens in a tab"
        };
        let inside = popup::frame(buf, place, &self.entry.title, what, false, ctx);
        let parameters = &self.entry.parameters;
        let names = parameters.iter().map(|it| paint::width(&it.name)).max();
        let names = names.unwrap_or(0).min(inside.width / 3);
        // Two lines each where there is room, else one; the field in focus stays in sight.
        let tall = if inside.height > rows * 2 { 2 } else { 1 };
        let shown = usize::from((inside.height.saturating_sub(1) / tall).max(1));
        let top = (self.field + 1).saturating_sub(shown);
        for (line, at) in (top..parameters.len()).take(shown).enumerate() {
            let parameter = &parameters[at];
            let y = inside.y + line as u16 * tall;
            let focused = at == self.field;
            let name = if focused { Role::Bright } else { Role::Text };
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                names,
                &parameter.name,
                ctx.style(name),
            );
            let field = Rect {
                x: inside.x + names + 2,
                y,
                width: inside.width.saturating_sub(names + 2),
                height: 1,
            };
            let style = ctx.style(if focused {
                Role::InputFocused
            } else {
                Role::Input
            });
            self.inputs[at].draw(buf, field, style, focused, ctx);
            let (word, role) = match self.wrong(at) {
                Some(why) => (why, Role::NoticeError),
                None => (
                    format!("{} · {}", parameter.about, parameter.form()),
                    Role::Dim,
                ),
            };
            if tall == 2 {
                paint::text(
                    buf,
                    inside,
                    field.x,
                    y + 1,
                    field.width,
                    &word,
                    ctx.style(role),
                );
            } else if focused {
                let last = inside.bottom().saturating_sub(1);
                paint::text(
                    buf,
                    inside,
                    inside.x,
                    last,
                    inside.width,
                    &word,
                    ctx.style(role),
                );
            }
        }
    }
}
