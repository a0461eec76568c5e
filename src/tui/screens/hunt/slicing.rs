//! A result cut down: conditions on its columns, and the panel of a column's values beside it.

use std::cell::Cell as Remembered;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::charting::Charting;
use super::tab::Shown;
use super::working::{Work, Worked};
use super::{HuntAsk, HuntScreen, charting};
use crate::hunt::slice::{self, Condition, Group, Groups, Value};
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::msg::Effect;
use crate::tui::screen::{Ctx, Cx};
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// What an analyst has laid upon a result.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// It is shown as a chart.
    pub(super) charting: Option<Charting>,
    /// What its rows must meet.
    pub(super) conditions: Vec<Condition>,
    /// The question for the rows that do.
    pub(super) slicing: Option<u64>,
    /// The values of a column beside it.
    pub(super) panel: Option<Panel>,
    /// A question whose answer is a popup: ticket and what is waited for.
    pub(super) waits: Option<(u64, &'static str)>,
}

/// The values of a column.
#[derive(Debug)]
pub(super) struct Panel {
    column: usize,
    ticket: Option<u64>,
    groups: Option<Arc<Groups>>,
    /// By value rather than by count.
    by_value: bool,
    /// It has the keyboard.
    pub(super) focused: bool,
    cursor: usize,
    top: Remembered<usize>,
    page: Remembered<usize>,
}

impl Panel {
    fn len(&self) -> usize {
        self.groups.as_ref().map_or(0, |it| it.groups.len())
    }

    fn group(&self, at: usize) -> Option<&Group> {
        let groups = self.groups.as_ref()?;
        let at = if self.by_value {
            *groups.by_value.get(at)? as usize
        } else {
            at
        };
        groups.groups.get(at)
    }
}

/// Asks for the rows that meet the conditions, in the order the grid has.
fn slice(shown: &mut Shown, cx: &mut Cx<'_>) {
    let sort = shown
        .sorting
        .take()
        .map(|(_, column, descending)| (column, descending))
        .or(shown.grid.sort());
    slice_by(shown, sort, cx);
}

/// The same in another order.
pub(super) fn slice_by(shown: &mut Shown, sort: Option<(usize, bool)>, cx: &mut Cx<'_>) {
    if shown.tools.conditions.is_empty() && sort.is_none() {
        shown.tools.slicing = None;
        shown.grid.set_order(None, None);
        refresh(shown, cx);
        return;
    }
    let ticket = cx.ticket();
    shown.tools.slicing = Some(ticket);
    shown.grid.expect_sort(sort);
    cx.effect(Effect::Hunt(HuntAsk::Work {
        ticket,
        table: shown.grid.table().clone(),
        rows: None,
        work: Work::Slice {
            conditions: shown.tools.conditions.clone(),
            sort,
        },
    }));
}

/// What stands beside the rows follows them.
fn refresh(shown: &mut Shown, cx: &mut Cx<'_>) {
    if let Some(column) = shown.tools.panel.as_ref().map(|it| it.column) {
        ask_groups(shown, column, cx);
    }
    if let Some(look) = shown.tools.charting.as_ref().and_then(|it| it.look) {
        charting::ask(shown, Some(look), cx);
    }
}

fn ask_groups(shown: &mut Shown, column: usize, cx: &mut Cx<'_>) {
    let ticket = cx.ticket();
    let rows = shown.grid.order().cloned();
    let panel = shown.tools.panel.get_or_insert(Panel {
        column,
        ticket: None,
        groups: None,
        by_value: false,
        focused: true,
        cursor: 0,
        top: Remembered::new(0),
        page: Remembered::new(10),
    });
    if panel.column != column {
        panel.column = column;
        panel.groups = None;
        panel.cursor = 0;
    }
    panel.ticket = Some(ticket);
    cx.effect(Effect::Hunt(HuntAsk::Work {
        ticket,
        table: shown.grid.table().clone(),
        rows,
        work: Work::Groups(column),
    }));
}

/// Hands an answer of a worker to the result that asked for it.
pub(super) fn answered(shown: &mut Shown, ticket: u64, answer: &Worked, cx: &mut Cx<'_>) -> bool {
    match answer {
        Worked::Slice(rows) if shown.tools.slicing == Some(ticket) => {
            shown.tools.slicing = None;
            let sort = shown.grid.expected_sort();
            shown.grid.set_order(sort, Some(rows.clone()));
            refresh(shown, cx);
            true
        }
        Worked::Groups(groups) => match &mut shown.tools.panel {
            Some(panel) if panel.ticket == Some(ticket) => {
                panel.ticket = None;
                panel.cursor = panel.cursor.min(groups.groups.len().saturating_sub(1));
                panel.groups = Some(groups.clone());
                true
            }
            _ => false,
        },
        _ => false,
    }
}

impl HuntScreen {
    /// Whether the panel of values has the keyboard.
    pub(super) fn in_panel(&self) -> bool {
        let panel = self.tab().shown().and_then(|it| it.tools.panel.as_ref());
        panel.is_some_and(|it| it.focused)
    }

    /// Gives the keyboard to the panel; false where there is none.
    pub(super) fn focus_panel(&mut self) -> bool {
        let shown = self.tab_mut().shown_mut();
        let panel = shown.and_then(|it| it.tools.panel.as_mut());
        panel.map(|it| it.focused = true).is_some()
    }

    /// Takes the panel away; false where there is none.
    pub(super) fn close_panel(&mut self) -> bool {
        let shown = self.tab_mut().shown_mut();
        shown.and_then(|it| it.tools.panel.take()).is_some()
    }

    /// Shows the values of the column under the cursor and goes there.
    pub(super) fn open_groups(&mut self, cx: &mut Cx<'_>) {
        if let Some(shown) = self.tab_mut().shown_mut()
            && !shown.grid.table().columns().is_empty()
        {
            let column = shown.grid.cursor_column();
            ask_groups(shown, column, cx);
            if let Some(panel) = &mut shown.tools.panel {
                panel.focused = true;
            }
        }
    }

    /// Keeps, or drops, the rows with the value of the cell under the cursor.
    pub(super) fn by_cell(&mut self, keep: bool, cx: &mut Cx<'_>) {
        if let Some(shown) = self.tab_mut().shown_mut()
            && shown.grid.table_row().is_some()
        {
            let value = slice::value(shown.grid.cell());
            let column = shown.grid.cursor_column();
            condition(shown, column, value, keep, cx);
        }
    }

    /// Takes the last condition away; false where there is none.
    pub(super) fn take_back(&mut self, all: bool, cx: &mut Cx<'_>) -> bool {
        let Some(shown) = self.tab_mut().shown_mut() else {
            return false;
        };
        if shown.tools.conditions.is_empty() {
            return false;
        }
        if all {
            shown.tools.conditions.clear();
        } else {
            shown.tools.conditions.pop();
        }
        slice(shown, cx);
        true
    }

    /// Commands of the panel of values.
    pub(super) fn in_groups(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let Some(shown) = self.tab_mut().shown_mut() else {
            return false;
        };
        let Some(panel) = &mut shown.tools.panel else {
            return false;
        };
        let last = panel.len().saturating_sub(1);
        let page = panel.page.get().max(1);
        match command {
            Command::Down => panel.cursor = (panel.cursor + 1).min(last),
            Command::Up => panel.cursor = panel.cursor.saturating_sub(1),
            Command::PageDown => panel.cursor = (panel.cursor + page).min(last),
            Command::PageUp => panel.cursor = panel.cursor.saturating_sub(page),
            Command::Top => panel.cursor = 0,
            Command::Bottom => panel.cursor = last,
            Command::GroupKeep | Command::GroupDrop => {
                let keep = command == Command::GroupKeep;
                let column = panel.column;
                if let Some(value) = panel.group(panel.cursor).map(|it| it.value.clone()) {
                    panel.focused = !keep;
                    condition(shown, column, value, keep, cx);
                }
            }
            Command::GroupOrder => {
                panel.by_value = !panel.by_value;
                panel.cursor = 0;
            }
            Command::GroupCopy => {
                let all = (0..panel.len()).filter_map(|at| panel.group(at));
                let lines: Vec<String> = all
                    .take(1_000)
                    .map(|it| format!("{}\t{}", slice::value_name(&it.value), it.rows))
                    .collect();
                if lines.is_empty() {
                    cx.notice(Level::Info, "nothing to copy yet");
                } else {
                    cx.copy(lines.join("\n"));
                }
            }
            Command::PreviousPane => panel.focused = false,
            Command::NextPane => {
                panel.focused = false;
                self.focus_editor();
            }
            Command::Back => {
                return self.cancel(cx) || self.close_panel();
            }
            _ => return false,
        }
        true
    }
}

fn condition(shown: &mut Shown, column: usize, value: Value, keep: bool, cx: &mut Cx<'_>) {
    let conditions = &mut shown.tools.conditions;
    let same = Condition {
        column,
        values: vec![value.clone()],
        keep,
    };
    if conditions.contains(&same) {
        return;
    }
    // what is dropped one by one is one condition
    match conditions.last_mut() {
        Some(last) if last.column == column && !last.keep && !keep => last.values.push(value),
        _ => conditions.push(same),
    }
    slice(shown, cx);
}

/// The conditions in words: `FileName = cmd.exe · User ≠ (empty)`.
pub(super) fn words(shown: &Shown) -> String {
    let columns = shown.grid.table().columns();
    let one = |it: &Condition| {
        let name = columns.get(it.column).map_or("", |it| &*it.name);
        let sign = if it.keep { "=" } else { "≠" };
        let values: Vec<&str> = it.values.iter().map(slice::value_name).collect();
        let value: String = values.join(" or ").chars().take(40).collect();
        format!("{name} {sign} {value}")
    };
    let all: Vec<String> = shown.tools.conditions.iter().map(one).collect();
    all.join(" · ")
}

/// Splits the room of the grid for the panel, if there is one.
pub(super) fn split(shown: &Shown, area: Rect) -> (Rect, Option<Rect>) {
    if shown.tools.panel.is_none() || area.width < 50 {
        return (area, None);
    }
    let width = (area.width * 2 / 5).clamp(30, 60);
    let grid = Rect {
        width: area.width - width - 1,
        ..area
    };
    let panel = Rect {
        x: grid.right() + 1,
        width,
        ..area
    };
    (grid, Some(panel))
}

/// Draws the panel: each value with its count, its share and a bar.
pub(super) fn draw(shown: &Shown, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let Some(panel) = &shown.tools.panel else {
        return;
    };
    for y in area.top()..area.bottom() {
        let line = Rect {
            x: area.x - 1,
            width: 1,
            ..area
        };
        let role = if panel.focused {
            Role::RuleFocused
        } else {
            Role::Rule
        };
        paint::text(buf, line, line.x, y, 1, "│", ctx.style(role));
    }
    let name = shown.grid.table().columns().get(panel.column);
    let name = name.map_or("", |it| &*it.name);
    let order = if panel.by_value {
        "by value"
    } else {
        "by count"
    };
    let head = match &panel.groups {
        Some(groups) if panel.ticket.is_none() => {
            format!("{} values · {order} · {name}", groups.groups.len())
        }
        _ => format!("{name} · counting…"),
    };
    let style = ctx.style(Role::Title);
    paint::text(buf, area, area.x + 1, area.y, area.width - 1, &head, style);
    let Some(groups) = &panel.groups else { return };
    let height = usize::from(area.height.saturating_sub(1));
    panel.page.set(height);
    let mut top = panel.top.get().min(panel.cursor);
    if height > 0 && panel.cursor >= top + height {
        top = panel.cursor + 1 - height;
    }
    panel.top.set(top);
    let most = groups.groups.first().map_or(1, |it| it.rows).max(1);
    let counts = paint::width(&most.to_string()).max(3);
    // where there is little room, the name is worth more than a bar
    let bar = if area.width >= 44 { 8 } else { 0 };
    let room = area.width.saturating_sub(counts + bar + 9);
    for (line, at) in (top..panel.len()).take(height).enumerate() {
        let Some(group) = panel.group(at) else { break };
        let y = area.y + 1 + line as u16;
        let plain = group.value.as_deref().is_some_and(|it| !it.is_empty());
        let style = ctx.style(if plain { Role::Text } else { Role::Null });
        let name = slice::value_name(&group.value);
        paint::text(buf, area, area.x + 1, y, room, name, style);
        let mut x = area.x + 1 + room + 1;
        let count = group.rows.to_string();
        paint::text_right(buf, area, x, y, counts, &count, ctx.style(Role::Bright));
        x += counts + 1;
        let share = f64::from(group.rows) / groups.rows.max(1) as f64 * 100.0;
        let share = if share < 10.0 {
            format!("{share:.1}%")
        } else {
            format!("{share:.0}%")
        };
        paint::text_right(buf, area, x, y, 5, &share, ctx.style(Role::Dim));
        x += 6;
        let filled = f64::from(group.rows) / f64::from(most) * f64::from(bar);
        for cell in 0..(filled.round() as u16).max(1).min(bar) {
            paint::text(buf, area, x + cell, y, 1, "▪", ctx.style(Role::Chart1));
        }
        if at == panel.cursor {
            let whole = Rect {
                y,
                height: 1,
                ..area
            };
            let role = if panel.focused {
                Role::Selected
            } else {
                Role::SelectedUnfocused
            };
            paint::tint(buf, whole, ctx.style(role));
        }
    }
}
