//! One row of a result as a list of fields, JSON unfolded.

use std::cell::{Cell as Remembered, RefCell};
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::hunting::{Cell, ColumnKind};
use crate::domain::{ResultTable, text};
use crate::hunt::export;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The longest value unfolded; what is longer is cut and said to be.
const LONGEST: usize = 64 * 1024;

/// For a width: each line's field and text.
type Laid = (u16, Vec<(usize, String)>);

/// The popup.
#[derive(Debug)]
pub(super) struct Inspect {
    table: Arc<ResultTable>,
    row: usize,
    /// The field in focus: a column.
    field: usize,
    top: Remembered<usize>,
    // lines for a width: field, name (first line of a field alone), text
    laid: RefCell<Option<Laid>>,
}

impl Inspect {
    pub(super) fn new(table: Arc<ResultTable>, row: usize, field: usize) -> Self {
        Self {
            table,
            row,
            field,
            top: Remembered::new(0),
            laid: RefCell::new(None),
        }
    }

    fn value(&self, column: usize) -> String {
        let kind = self.table.columns()[column].kind;
        match self.table.cell(self.row, column) {
            Cell::Null => "·".to_owned(),
            Cell::Text(it) if it.len() > LONGEST => {
                let mut end = LONGEST;
                while !it.is_char_boundary(end) {
                    end -= 1;
                }
                format!(
                    "{}… ({} bytes in all)",
                    text::clean_block(&it[..end]),
                    it.len()
                )
            }
            // JSON stands in columns of text as well
            Cell::Text(it) if kind == ColumnKind::Dynamic || it.starts_with(['{', '[']) => {
                export::pretty_text(it)
            }
            Cell::Text(it) => text::clean_block(it).into_owned(),
            other => other.text().into_owned(),
        }
    }

    fn lay(&self, width: u16) {
        if self
            .laid
            .borrow()
            .as_ref()
            .is_some_and(|(for_width, _)| *for_width == width)
        {
            return;
        }
        let mut lines = Vec::new();
        for column in 0..self.table.columns().len() {
            let value = self.value(column);
            let mut wrapped = Vec::new();
            for line in value.lines() {
                // JSON keeps its indents: wrapping at spaces would eat them
                let indent = line.len() - line.trim_start().len();
                let room = width.saturating_sub(indent as u16).max(8);
                wrapped.extend(
                    paint::wrap(line.trim_start(), room)
                        .into_iter()
                        .map(|it| format!("{}{it}", " ".repeat(indent))),
                );
            }
            if wrapped.is_empty() {
                wrapped.push(String::new());
            }
            lines.extend(wrapped.into_iter().map(|line| (column, line)));
        }
        *self.laid.borrow_mut() = Some((width, lines));
    }
}

impl Screen for Inspect {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        format!("row {}", self.row + 1)
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.table.columns().len().saturating_sub(1);
        match command {
            Command::PickerDown => self.field = (self.field + 1).min(last),
            Command::PickerUp => self.field = self.field.saturating_sub(1),
            Command::PopupDown => self.field = (self.field + 10).min(last),
            Command::PopupUp => self.field = self.field.saturating_sub(10),
            Command::PickerChoose => cx.close(),
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let columns = self.table.columns();
        let names = columns
            .iter()
            .map(|column| paint::width(&column.name))
            .max()
            .unwrap_or(0);
        let width = area.width.saturating_sub(4).min(140);
        let names = names.min(width / 3);
        let room = width.saturating_sub(names + 6);
        self.lay(room);
        let laid = self.laid.borrow();
        let Some((_, lines)) = laid.as_ref() else {
            return;
        };
        let height = (lines.len() as u16)
            .saturating_add(2)
            .min(area.height.saturating_sub(1))
            .max(3);
        let place = popup::place(area, width, height);
        let extra = format!("field {} of {}", self.field + 1, columns.len());
        let inside = popup::frame(
            buf,
            place,
            &format!("Row {}", self.row + 1),
            &extra,
            false,
            ctx,
        );
        let shown = usize::from(inside.height);
        let first = lines.partition_point(|(column, _)| *column < self.field);
        let end = lines.partition_point(|(column, _)| *column <= self.field);
        let mut top = self.top.get().min(first);
        if end > top + shown {
            // the whole field where it fits, its beginning where it does not
            top = (end - shown.min(end)).min(first);
        }
        self.top.set(top);
        for (line, (column, value)) in lines.iter().skip(top).take(shown).enumerate() {
            let y = inside.y + line as u16;
            if line == 0
                && lines[..top]
                    .last()
                    .is_none_or(|(before, _)| before != column)
                || line > 0 && lines[top + line - 1].0 != *column
            {
                let style = ctx.style(if *column == self.field {
                    Role::Accent
                } else {
                    Role::Dim
                });
                paint::text(
                    buf,
                    inside,
                    inside.x,
                    y,
                    names,
                    &columns[*column].name,
                    style,
                );
            }
            let null = self.table.cell(self.row, *column) == Cell::Null;
            let style = ctx.style(if null { Role::Null } else { Role::Text });
            paint::text(buf, inside, inside.x + names + 2, y, room, value, style);
            if *column == self.field {
                paint::tint(
                    buf,
                    Rect {
                        y,
                        height: 1,
                        ..inside
                    },
                    ctx.style(Role::SelectedUnfocused),
                );
            }
        }
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        Some(self.value(self.field))
    }
}
