//! A hunting result as a grid that draws only what is seen: 100,000 rows × 40 columns cost what the
//! screen costs.
//!
//! Sorting is a permutation worked out elsewhere (a worker); this widget only follows it. Column
//! widths are measured once from the header and rows taken evenly from the whole result, so that
//! columns do not jump while scrolling.

use std::borrow::Cow;
use std::cell::Cell as Remembered;
use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

use super::paint;
use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, ColumnKind};

/// Rows looked at to find column widths.
const SAMPLE: usize = 240;
/// A column's width before the slack of a wide screen is given out.
const WIDEST: u16 = 44;
/// The width no column needs more than.
const WANTED: u16 = 400;

/// How the parts of a grid look.
#[derive(Clone, Copy, Debug, Default)]
pub struct GridStyles {
    /// Column names.
    pub header: Style,
    /// The name of the column the cursor is in.
    pub header_cursor: Style,
    /// Cells.
    pub cell: Style,
    /// Cells without a value.
    pub null: Style,
    /// The row under the cursor.
    pub row: Style,
    /// The cell under the cursor.
    pub cursor: Style,
    /// The sign of a marked row.
    pub marked: Style,
    /// The line behind pinned columns.
    pub line: Style,
}

/// A result, the way it is looked at, and where the cursor is.
#[derive(Clone, Debug)]
pub struct Grid {
    table: Arc<ResultTable>,
    /// Wanted width of each column of the table.
    widths: Arc<[u16]>,
    /// Row numbers in the visible order; `None` is the service's.
    order: Option<Arc<[u32]>>,
    /// The column sorted by and whether descending.
    sort: Option<(usize, bool)>,
    /// The order that is being worked out.
    expected: Option<(usize, bool)>,
    /// Columns of the table in the visible order.
    columns: Vec<usize>,
    /// So many of them stay at the left.
    pinned: usize,
    /// Rows of the table.
    marked: BTreeSet<u32>,
    row: usize,
    /// Place among `columns`.
    column: usize,
    // what the last frame showed: page keys and the next frame start from it
    top: Remembered<usize>,
    left: Remembered<usize>,
    page: Remembered<u16>,
}

/// A step of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One column left.
    Left,
    /// One column right.
    Right,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// First column.
    First,
    /// Last column.
    Last,
}

impl Grid {
    /// A grid over a result; `widths` come from [`measure`].
    pub fn new(table: Arc<ResultTable>, widths: Arc<[u16]>) -> Self {
        Self {
            columns: (0..table.columns().len()).collect(),
            table,
            widths,
            order: None,
            sort: None,
            expected: None,
            pinned: 0,
            marked: BTreeSet::new(),
            row: 0,
            column: 0,
            top: Remembered::new(0),
            left: Remembered::new(0),
            page: Remembered::new(10),
        }
    }

    /// The result.
    pub fn table(&self) -> &Arc<ResultTable> {
        &self.table
    }

    /// How many rows are shown.
    pub fn rows(&self) -> usize {
        self.order.as_ref().map_or(self.table.rows(), |it| it.len())
    }

    /// Row numbers in the visible order; `None` is the service's, and all of them.
    pub fn order(&self) -> Option<&Arc<[u32]>> {
        self.order.as_ref()
    }

    /// The column sorted by, and whether descending.
    pub fn sort(&self) -> Option<(usize, bool)> {
        self.sort
    }

    /// Remembers the order that is being worked out together with the rows to show.
    pub fn expect_sort(&mut self, sort: Option<(usize, bool)>) {
        self.expected = sort;
    }

    /// The order that was being worked out.
    pub fn expected_sort(&self) -> Option<(usize, bool)> {
        self.expected
    }

    /// Takes an order, which may leave rows out. The cursor stays on its row of the result, or near where
    /// that stood.
    pub fn set_order(&mut self, sort: Option<(usize, bool)>, order: Option<Arc<[u32]>>) {
        let at = self.table_row();
        let last = self.table.rows();
        self.order = order.filter(|order| order.iter().all(|row| (*row as usize) < last));
        self.sort = sort.filter(|_| self.order.is_some());
        if let Some(at) = at {
            self.row = match &self.order {
                Some(order) => order
                    .iter()
                    .position(|&row| row as usize == at)
                    .unwrap_or_else(|| self.row.min(order.len().saturating_sub(1))),
                None => at,
            };
        } else {
            self.row = 0;
        }
    }

    /// Puts the cursor on a row of the table, if it is shown.
    pub fn go_to_row(&mut self, row: usize) {
        let place = match &self.order {
            Some(order) => order.iter().position(|&it| it as usize == row),
            None => Some(row).filter(|row| *row < self.table.rows()),
        };
        self.row = place.unwrap_or(self.row);
    }

    /// The marked rows of the table.
    pub fn marked(&self) -> &BTreeSet<u32> {
        &self.marked
    }

    /// Marks the row under the cursor, or takes its mark away, and goes on to the next.
    pub fn toggle_mark(&mut self) {
        if let Some(row) = self.table_row() {
            let row = row as u32;
            if !self.marked.remove(&row) {
                self.marked.insert(row);
            }
            self.step(Step::Down);
        }
    }

    /// Marks every row shown.
    pub fn mark_all(&mut self) {
        match &self.order {
            Some(order) => self.marked.extend(order.iter().copied()),
            None => self.marked = (0..self.table.rows() as u32).collect(),
        }
    }

    /// Takes all marks away.
    pub fn unmark_all(&mut self) {
        self.marked.clear();
    }

    /// The pinned columns of the table.
    pub fn pinned(&self) -> &[usize] {
        &self.columns[..self.pinned]
    }

    /// Pins the column under the cursor behind those pinned already, or lets it go.
    pub fn toggle_pin(&mut self) {
        if self.column >= self.columns.len() {
            return;
        }
        let column = self.columns.remove(self.column);
        if self.column < self.pinned {
            self.pinned -= 1;
            self.column = self.pinned;
        } else {
            self.column = self.pinned;
            self.pinned += 1;
        }
        self.columns.insert(self.column, column);
    }

    /// Moves the column under the cursor by one place, among the pinned or among the others.
    pub fn move_column(&mut self, right: bool) {
        let (from, to) = if self.column < self.pinned {
            (0, self.pinned)
        } else {
            (self.pinned, self.columns.len())
        };
        let other = if right {
            Some(self.column + 1).filter(|it| *it < to)
        } else {
            self.column.checked_sub(1).filter(|it| *it >= from)
        };
        if let Some(other) = other.filter(|_| self.column < self.columns.len()) {
            self.columns.swap(self.column, other);
            self.column = other;
        }
    }

    /// Looks at this result as at another one of the same columns: order of columns, pins, what is hidden,
    /// the column in focus.
    pub fn look_like(&mut self, other: &Self) {
        let names = |grid: &Self| -> Vec<Arc<str>> {
            let columns = grid.table.columns().iter();
            columns.map(|it| Arc::clone(&it.name)).collect()
        };
        if names(self) == names(other) {
            self.columns.clone_from(&other.columns);
            self.pinned = other.pinned;
            self.column = other.column;
        }
    }

    /// Columns of the table in the visible order.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The cursor: place in the visible order of rows, column of the table.
    pub fn cursor(&self) -> (usize, usize) {
        (self.row, self.cursor_column())
    }

    /// The column of the table under the cursor.
    pub fn cursor_column(&self) -> usize {
        self.columns.get(self.column).copied().unwrap_or(0)
    }

    /// The cursor's place among the visible columns.
    pub fn place_of_cursor(&self) -> usize {
        self.column
    }

    /// Hides the column under the cursor, unless it is the last one shown.
    pub fn hide_column(&mut self) {
        if self.columns.len() > 1 {
            self.columns.remove(self.column);
            self.pinned -= usize::from(self.column < self.pinned);
            self.column = self.column.min(self.columns.len() - 1);
        }
    }

    /// Shows all columns again, as they came behind those pinned, the cursor staying on its own.
    pub fn show_all(&mut self) {
        let at = self.cursor_column();
        self.columns.truncate(self.pinned);
        let others = (0..self.table.columns().len()).filter(|it| !self.columns.contains(it));
        let others: Vec<usize> = others.collect();
        self.columns.extend(others);
        self.column = self.columns.iter().position(|it| *it == at).unwrap_or(0);
    }

    /// The row of the result under the cursor; `None` in an empty result.
    pub fn table_row(&self) -> Option<usize> {
        let row = match &self.order {
            Some(order) => *order.get(self.row)? as usize,
            None => self.row,
        };
        (row < self.table.rows()).then_some(row)
    }

    /// The cell under the cursor.
    pub fn cell(&self) -> Cell<'_> {
        self.table_row()
            .map_or(Cell::Null, |row| self.table.cell(row, self.cursor_column()))
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step) {
        let page = usize::from(self.page.get()).max(1);
        let last_row = self.rows().saturating_sub(1);
        let last_column = self.columns.len().saturating_sub(1);
        match step {
            Step::Up => self.row = self.row.saturating_sub(1),
            Step::Down => self.row = (self.row + 1).min(last_row),
            Step::PageUp => self.row = self.row.saturating_sub(page),
            Step::PageDown => self.row = (self.row + page).min(last_row),
            Step::Top => self.row = 0,
            Step::Bottom => self.row = last_row,
            Step::Left => self.column = self.column.saturating_sub(1),
            Step::Right => self.column = (self.column + 1).min(last_column),
            Step::First => self.column = 0,
            Step::Last => self.column = last_column,
        }
    }

    /// Puts the cursor on a cell of the last frame, for the mouse; `x` and `y` count from the
    /// grid's corner, the header being row 0.
    pub fn point(&mut self, x: u16, y: u16, width: u16) {
        if y == 0 {
            return;
        }
        let row = self.top.get() + usize::from(y) - 1;
        if row < self.rows() {
            self.row = row;
        }
        let mut end = 1;
        for (place, wide) in self.shown(width) {
            end += wide + 2;
            if x < end {
                self.column = place;
                return;
            }
        }
    }

    /// The shown columns, as places among the visible ones, with their widths: those pinned, then as many
    /// others as have room.
    fn shown(&self, width: u16) -> Vec<(usize, u16)> {
        let columns = self.columns.len();
        let wanted = |nth: usize| {
            self.columns
                .get(nth)
                .and_then(|at| self.widths.get(*at))
                .copied()
                .unwrap_or(8)
        };
        let wide = |nth: usize| wanted(nth).clamp(1, WIDEST);
        let mut rest = width.saturating_sub(1); // the cursor's mark
        let mut shown = Vec::new();
        for at in 0..self.pinned.min(columns) {
            // what is pinned leaves room for one that is not
            let it = wide(at).min(rest.saturating_sub(if self.pinned < columns { 12 } else { 0 }));
            if it == 0 {
                break;
            }
            shown.push((at, it));
            rest = rest.saturating_sub(it + 2);
        }
        let cursor = self.column.min(columns.saturating_sub(1));
        // far enough right that the cursor's column is whole, if it can be
        let mut left = self.left.get().max(self.pinned);
        if cursor >= self.pinned {
            left = left.min(cursor);
            let mut used: u32 = (left..=cursor).map(|at| u32::from(wide(at)) + 2).sum();
            while left < cursor && used > u32::from(rest) + 2 {
                used -= u32::from(wide(left)) + 2;
                left += 1;
            }
        }
        self.left.set(left);
        let room = rest;
        for at in left..columns {
            if rest == 0 {
                break;
            }
            let it = wide(at).min(rest);
            // a sliver of a column says nothing, unless it is the only one
            if it < wide(at).min(6) && (rest < room || !shown.is_empty()) {
                break;
            }
            shown.push((at, it));
            rest = rest.saturating_sub(it + 2);
        }
        for (place, it) in &mut shown {
            let more = wanted(*place).saturating_sub(*it).min(rest);
            *it += more;
            rest -= more;
        }
        shown
    }

    /// Draws the visible part.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, styles: &GridStyles, focused: bool) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let height = usize::from(area.height.saturating_sub(1));
        self.page.set(height as u16);
        let rows = self.rows();
        let mut top = self.top.get().min(self.row);
        if height > 0 && self.row >= top + height {
            top = self.row + 1 - height;
        }
        top = top.min(rows.saturating_sub(height.max(1)));
        self.top.set(top);
        let shown = self.shown(area.width);

        let mut x = area.x + 1;
        for &(place, wide) in &shown {
            let at = self.columns[place];
            let column = &self.table.columns()[at];
            let style = if place == self.column && focused {
                styles.header_cursor
            } else {
                styles.header
            };
            let mark = match self.sort {
                Some((by, true)) if by == at => "↓",
                Some((by, false)) if by == at => "↑",
                _ => "",
            };
            let room = wide.saturating_sub(paint::width(mark));
            let size = paint::width(&column.name).min(room);
            let gap = if is_number(column.kind) {
                room - size
            } else {
                0
            };
            let after = paint::text(buf, area, x + gap, area.y, room - gap, &column.name, style);
            paint::text(buf, area, after, area.y, 1, mark, style);
            x = x.saturating_add(wide + 2);
            if place + 1 == self.pinned {
                for y in area.top()..area.bottom() {
                    paint::text(buf, area, x - 2, y, 1, "│", styles.line);
                }
            }
        }

        for line in 0..height.min(rows - top.min(rows)) {
            let nth_row = top + line;
            let row = match &self.order {
                Some(order) => order[nth_row] as usize,
                None => nth_row,
            };
            let y = area.y + 1 + line as u16;
            let on_row = nth_row == self.row;
            if on_row {
                let whole = Rect {
                    y,
                    height: 1,
                    ..area
                };
                paint::tint(buf, whole, styles.row);
                paint::text(buf, area, area.x, y, 1, "▌", styles.row);
            }
            if self.marked.contains(&(row as u32)) {
                let style = if on_row {
                    styles.row.patch(styles.marked)
                } else {
                    styles.marked
                };
                paint::text(buf, area, area.x, y, 1, "+", style);
            }
            let mut x = area.x + 1;
            for &(place, wide) in &shown {
                let at = self.columns[place];
                let cell = self.table.cell(row, at);
                let shown_text = show(cell, wide);
                let mut style = if cell == Cell::Null {
                    styles.null
                } else {
                    styles.cell
                };
                if on_row {
                    style = style.patch(styles.row);
                    if place == self.column && focused {
                        let whole = Rect {
                            x,
                            y,
                            width: wide,
                            height: 1,
                        }
                        .intersection(area);
                        paint::tint(buf, whole, styles.cursor);
                        style = style.patch(styles.cursor);
                    }
                }
                if is_number(self.table.columns()[at].kind) {
                    paint::text_right(buf, area, x, y, wide, &shown_text, style);
                } else {
                    paint::text(buf, area, x, y, wide, &shown_text, style);
                }
                x = x.saturating_add(wide + 2);
            }
        }
    }
}

fn is_number(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::Long | ColumnKind::Real)
}

/// A cell as the grid shows it, no longer than needed to fill `width` cells; not yet sanitised.
fn show(cell: Cell<'_>, width: u16) -> Cow<'_, str> {
    match cell {
        Cell::Null => Cow::Borrowed("·"),
        Cell::Text(it) => Cow::Borrowed(prefix(it, usize::from(width) + 1)),
        Cell::Time(time) => Cow::Owned(short_time(time)),
        other => other.text(),
    }
}

/// An instant without the fraction it does not need: `2026-08-19 06:41:30.120Z`.
pub fn short_time(time: crate::domain::Timestamp) -> String {
    let whole = time.subsec_nanosecond() == 0;
    let form = if whole {
        "%Y-%m-%d %H:%M:%SZ"
    } else {
        "%Y-%m-%d %H:%M:%S%.3fZ"
    };
    time.strftime(form).to_string()
}

/// At least the first `width` terminal cells of a text, without walking the rest.
fn prefix(text: &str, width: usize) -> &str {
    if text.len() <= width {
        return text;
    }
    let mut used = 0;
    for (nth, (at, c)) in text.char_indices().enumerate() {
        used += c.width().unwrap_or(1).max(usize::from(nth % 4 == 0));
        if used > width {
            return &text[..at + c.len_utf8()];
        }
    }
    text
}

/// Wanted widths of all columns: the header and rows taken evenly from the whole result. Costs the
/// sample, not the result; call it off the loop all the same.
pub fn measure(table: &ResultTable) -> Arc<[u16]> {
    let rows = table.rows();
    let step = (rows / SAMPLE).max(1);
    (0..table.columns().len())
        .map(|at| {
            let header = paint::width(&table.columns()[at].name).saturating_add(1);
            let widest = (0..rows)
                .step_by(step)
                .map(|row| paint::width(&show(table.cell(row, at), WANTED)))
                .max()
                .unwrap_or(0);
            header.max(widest).clamp(3, WANTED)
        })
        .collect()
}

#[cfg(test)]
mod tests;
