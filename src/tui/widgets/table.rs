//! The one virtual table: it asks for the visible rows alone, keeps cursor and marks by id through
//! refreshes, and lets columns fall away in their declared order where there is no room.
//!
//! A screen keeps a [`TableState`], answers [`Rows`], and calls [`TableState::sync`] whenever its
//! rows changed (never while drawing).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::hash::Hash;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::paint;
use crate::tui::commands::Command;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;

/// A column's width in cells.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    /// Always this wide.
    Fixed(u16),
    /// At least this wide; shares what is left over.
    Flex(u16),
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width.
    pub width: Width,
    /// Numbers stand at the right.
    pub right: bool,
    /// 0 stays always; the highest falls away first.
    pub falls: u8,
}

impl Column {
    /// A column that always stays, text to the left.
    pub const fn new(title: &'static str, width: Width) -> Self {
        Self {
            title,
            width,
            right: false,
            falls: 0,
        }
    }

    /// The same, falling away in this order (highest first) where room is scarce.
    #[must_use]
    pub const fn falls(self, falls: u8) -> Self {
        Self { falls, ..self }
    }

    /// The same, text to the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self {
            right: true,
            ..self
        }
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub struct CellText<'a> {
    /// What it says; sanitised when drawn.
    pub text: Cow<'a, str>,
    /// How it looks.
    pub style: Style,
}

impl<'a> CellText<'a> {
    /// A cell.
    pub fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// What a table shows. Only visible rows are asked for.
pub trait Rows {
    /// What a row is recognised by.
    type Key: Clone + Eq + Hash;

    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a row.
    fn key(&self, row: usize) -> Self::Key;

    /// Where the row with a key is now; the default looks through all, override it where there is
    /// an index.
    fn position(&self, key: &Self::Key) -> Option<usize> {
        (0..self.len()).find(|row| self.key(*row) == *key)
    }

    /// A cell.
    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a>;

    /// Whether a group of rows ends with this one: a line is drawn under it.
    fn ends_group(&self, _row: usize) -> bool {
        false
    }

    /// A sign before the first column, such as `+` for new.
    fn sign(&self, _row: usize, _ctx: &Ctx<'_>) -> Option<CellText<'_>> {
        None
    }
}

/// A table's memory: cursor and marks by key, and where the last frame stood.
#[derive(Clone, Debug)]
pub struct TableState<K> {
    cursor: Option<K>,
    row: usize,
    marks: HashSet<K>,
    /// The first row shown by the last frame, its height and its place: a memory of drawing, which
    /// decides nothing but how far a page goes and what a click hit.
    top: Cell<usize>,
    height: Cell<u16>,
    body: Cell<Rect>,
}

impl<K> Default for TableState<K> {
    fn default() -> Self {
        Self {
            cursor: None,
            row: 0,
            marks: HashSet::new(),
            top: Cell::new(0),
            height: Cell::new(20),
            body: Cell::new(Rect::ZERO),
        }
    }
}

impl<K: Clone + Eq + Hash> TableState<K> {
    /// The key under the cursor.
    pub fn cursor(&self) -> Option<&K> {
        self.cursor.as_ref()
    }

    /// The row under the cursor.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The first row of the last frame.
    pub fn top(&self) -> usize {
        self.top.get()
    }

    /// The marked keys.
    pub fn marks(&self) -> &HashSet<K> {
        &self.marks
    }

    /// Takes all marks away.
    pub fn clear_marks(&mut self) {
        self.marks.clear();
    }

    /// Takes the marks off rows that are not among these: what is written to is what can be seen.
    pub fn keep_marks(&mut self, rows: &impl Rows<Key = K>) {
        if self.marks.is_empty() {
            return;
        }
        let shown: HashSet<K> = (0..rows.len()).map(|row| rows.key(row)).collect();
        self.marks.retain(|key| shown.contains(key));
    }

    /// After rows changed: the cursor stays on its row wherever that is now; where the row is gone
    /// it stays where it was on the screen.
    pub fn sync(&mut self, rows: &impl Rows<Key = K>) {
        if rows.is_empty() {
            // The key is kept: an empty moment (a filter being typed) must not lose the place.
            self.row = 0;
            return;
        }
        let was = self.row;
        let found = self.cursor.as_ref().and_then(|key| {
            if self.row < rows.len() && rows.key(self.row) == *key {
                Some(self.row)
            } else {
                rows.position(key)
            }
        });
        self.row = found.unwrap_or(self.row.min(rows.len() - 1));
        if found.is_none() {
            self.cursor = Some(rows.key(self.row));
        }
        // The eye stays: what arrived above moves the window, not the row.
        let top = self.top.get() as i64 + (self.row as i64 - was as i64);
        self.top.set(top.max(0) as usize);
    }

    /// Puts the cursor on a row.
    pub fn go(&mut self, row: usize, rows: &impl Rows<Key = K>) {
        if rows.is_empty() {
            return;
        }
        self.row = row.min(rows.len() - 1);
        self.cursor = Some(rows.key(self.row));
    }

    /// Puts the cursor on the row with a key, now or as soon as it is there.
    pub fn go_to(&mut self, key: K, rows: &impl Rows<Key = K>) -> bool {
        let found = rows.position(&key);
        self.cursor = Some(key);
        if let Some(row) = found {
            self.row = row;
        }
        found.is_some()
    }

    /// Does what the commands of scope List ask of a table; true when it was one of them.
    pub fn command(&mut self, command: Command, rows: &impl Rows<Key = K>) -> bool {
        let page = usize::from(self.height.get().saturating_sub(1).max(1));
        let row = match command {
            Command::Down => self.row + 1,
            Command::Up => self.row.saturating_sub(1),
            Command::PageDown => self.row + page,
            Command::PageUp => self.row.saturating_sub(page),
            Command::Top => 0,
            Command::Bottom => usize::MAX,
            Command::Mark => {
                if let Some(key) = self.cursor.clone().filter(|_| !rows.is_empty())
                    && !self.marks.remove(&key)
                {
                    self.marks.insert(key);
                }
                self.row + 1
            }
            Command::MarkNone => {
                self.marks.clear();
                return true;
            }
            _ => return false,
        };
        self.go(row, rows);
        true
    }

    /// The row a click at a cell means.
    pub fn hit(&self, x: u16, y: u16, rows: &impl Rows<Key = K>) -> Option<usize> {
        let body = self.body.get();
        if !body.contains((x, y).into()) {
            return None;
        }
        let row = self.top.get() + usize::from(y - body.y);
        (row < rows.len()).then_some(row)
    }

    /// Draws headings and visible rows. `sort` is the sorted column and whether it runs down.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one plain fact of a frame"
    )]
    pub fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        columns: &[Column],
        rows: &impl Rows<Key = K>,
        sort: Option<(usize, bool)>,
        focused: bool,
        ctx: &Ctx<'_>,
    ) {
        if area.height == 0 || area.width < 3 {
            return;
        }
        let widths = layout(columns, area.width.saturating_sub(2));
        let heading = area.height > 2;
        if heading {
            let mut x = area.x + 2;
            for (index, column) in columns.iter().enumerate() {
                let Some(width) = widths[index] else { continue };
                let (sign, role) = match sort {
                    Some((sorted, down)) if sorted == index => {
                        (if down { "▾" } else { "▴" }, Role::Accent)
                    }
                    _ => ("", Role::Column),
                };
                let title = format!("{}{sign}", column.title);
                if column.right {
                    paint::text_right(buf, area, x, area.y, width, &title, ctx.style(role));
                } else {
                    paint::text(buf, area, x, area.y, width, &title, ctx.style(role));
                }
                x += width + 1;
            }
        }
        let body = Rect {
            y: area.y + u16::from(heading),
            height: area.height - u16::from(heading),
            ..area
        };
        self.body.set(body);
        self.height.set(body.height);
        let height = usize::from(body.height);
        let mut top = self.top.get().min(rows.len().saturating_sub(height));
        if self.row < top {
            top = self.row;
        } else if self.row >= top + height {
            top = self.row + 1 - height;
        }
        self.top.set(top);
        for line in 0..height.min(rows.len().saturating_sub(top)) {
            let row = top + line;
            let y = body.y + line as u16;
            let key = rows.key(row);
            let selected = row == self.row;
            if self.marks.contains(&key) {
                paint::text(buf, body, body.x, y, 1, "✓", ctx.style(Role::Marked));
            } else if let Some(sign) = rows.sign(row, ctx) {
                paint::text(buf, body, body.x, y, 1, &sign.text, sign.style);
            } else if selected && focused {
                paint::text(buf, body, body.x, y, 1, "▌", ctx.style(Role::Accent));
            }
            let mut x = body.x + 2;
            for (index, column) in columns.iter().enumerate() {
                let Some(width) = widths[index] else { continue };
                let cell = rows.cell(row, index, ctx);
                if column.right {
                    paint::text_right(buf, body, x, y, width, &cell.text, cell.style);
                } else {
                    paint::text(buf, body, x, y, width, &cell.text, cell.style);
                }
                x += width + 1;
            }
            if rows.ends_group(row) && line + 1 < height {
                let whole = Rect {
                    y,
                    height: 1,
                    ..body
                };
                paint::tint(buf, whole, Style::new().underlined());
            }
            if selected {
                let role = if focused {
                    Role::Selected
                } else {
                    Role::SelectedUnfocused
                };
                let whole = Rect {
                    y,
                    height: 1,
                    ..body
                };
                paint::tint(buf, whole, ctx.style(role));
            }
        }
    }
}

/// The width of each column, `None` where it falls away.
pub fn layout(columns: &[Column], room: u16) -> Vec<Option<u16>> {
    let least = |column: &Column| match column.width {
        Width::Fixed(width) | Width::Flex(width) => width,
    };
    let mut shown = vec![true; columns.len()];
    loop {
        let needed: u16 = columns
            .iter()
            .zip(&shown)
            .filter(|(_, shown)| **shown)
            .map(|(column, _)| least(column) + 1)
            .sum::<u16>()
            .saturating_sub(1);
        if needed <= room {
            break;
        }
        let next = columns
            .iter()
            .enumerate()
            .filter(|(index, column)| shown[*index] && column.falls > 0)
            .max_by_key(|(_, column)| column.falls);
        match next {
            Some((index, _)) => shown[index] = false,
            None => break,
        }
    }
    let used: u16 = columns
        .iter()
        .zip(&shown)
        .filter(|(_, shown)| **shown)
        .map(|(column, _)| least(column) + 1)
        .sum::<u16>()
        .saturating_sub(1);
    let flexible = columns
        .iter()
        .zip(&shown)
        .filter(|(column, shown)| **shown && matches!(column.width, Width::Flex(_)))
        .count() as u16;
    let mut spare = room.saturating_sub(used);
    let share = spare.checked_div(flexible).unwrap_or(0);
    let mut left = flexible;
    let mut widths = Vec::with_capacity(columns.len());
    for (column, shown) in columns.iter().zip(&shown) {
        if !shown {
            widths.push(None);
            continue;
        }
        let width = match column.width {
            Width::Fixed(width) => width,
            Width::Flex(width) => {
                left -= 1;
                // The last takes what rounding left over.
                let extra = if left == 0 { spare } else { share };
                spare -= extra;
                width + extra
            }
        };
        widths.push(Some(width));
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(Vec<u32>);

    impl Rows for Numbers {
        type Key = u32;
        fn len(&self) -> usize {
            self.0.len()
        }
        fn key(&self, row: usize) -> u32 {
            self.0[row]
        }
        fn cell<'a>(&'a self, row: usize, _column: usize, _ctx: &Ctx<'_>) -> CellText<'a> {
            CellText::new(self.0[row].to_string(), Style::new())
        }
    }

    #[test]
    fn the_cursor_stays_on_its_row_through_refreshes() {
        let mut table = TableState::default();
        let rows = Numbers(vec![10, 20, 30]);
        table.sync(&rows);
        table.command(Command::Down, &rows);
        assert_eq!(table.cursor(), Some(&20));
        let rows = Numbers(vec![5, 6, 10, 20, 30]);
        table.sync(&rows);
        assert_eq!((table.cursor(), table.row()), (Some(&20), 3));
        let rows = Numbers(vec![5, 6, 10, 30]);
        table.sync(&rows);
        assert_eq!((table.cursor(), table.row()), (Some(&30), 3));
        table.sync(&Numbers(vec![]));
        assert_eq!(table.cursor(), Some(&30));
        table.sync(&Numbers(vec![1]));
        assert_eq!(table.cursor(), Some(&1));
    }

    #[test]
    fn rows_that_are_hidden_lose_their_marks() {
        let mut table = TableState::default();
        let rows = Numbers(vec![1, 2, 3]);
        table.sync(&rows);
        table.command(Command::Mark, &rows);
        table.command(Command::Mark, &rows);
        table.keep_marks(&Numbers(vec![2, 3]));
        assert_eq!(table.marks().iter().collect::<Vec<_>>(), [&2]);
    }

    #[test]
    fn marks_are_kept_by_key() {
        let mut table = TableState::default();
        let rows = Numbers(vec![10, 20, 30]);
        table.sync(&rows);
        table.command(Command::Mark, &rows);
        table.command(Command::Mark, &rows);
        assert_eq!(table.marks().len(), 2);
        table.command(Command::Top, &rows);
        table.command(Command::Mark, &rows);
        assert_eq!(table.marks().iter().copied().collect::<Vec<_>>(), [20]);
    }

    #[test]
    fn columns_fall_away_in_their_order_and_flex_takes_the_rest() {
        let columns = [
            Column::new("id", Width::Fixed(4)),
            Column::new("title", Width::Flex(10)),
            Column::new("owner", Width::Fixed(8)).falls(2),
            Column::new("tags", Width::Flex(6)).falls(9),
        ];
        assert_eq!(layout(&columns, 41), [Some(4), Some(15), Some(8), Some(11)]);
        assert_eq!(layout(&columns, 26), [Some(4), Some(12), Some(8), None]);
        assert_eq!(layout(&columns, 20), [Some(4), Some(15), None, None]);
        assert_eq!(layout(&columns, 3), [Some(4), Some(10), None, None]);
    }
}
