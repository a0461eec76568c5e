//! Rows of hunting tables before they are stored.

use std::sync::Arc;

use super::super::clock::Ticks;

/// A cell of a row before its column's type is known.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text; for a dynamic column, JSON.
    Text(String),
    /// Text that many rows share.
    Shared(Arc<str>),
    /// Text of the program itself.
    Fixed(&'static str),
    /// A number; for a bool column, 0 or 1.
    Number(i64),
    /// A time.
    Time(Ticks),
}

impl Cell {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Shared(text) => Some(text),
            Self::Fixed(text) => Some(text),
            Self::Number(_) | Self::Time(_) => None,
        }
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) | (Self::Time(a), Self::Time(b)) => a == b,
            _ => self.text().is_some() && self.text() == other.text(),
        }
    }
}

impl From<&'static str> for Cell {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&Arc<str>> for Cell {
    fn from(text: &Arc<str>) -> Self {
        Self::Shared(Arc::clone(text))
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Number(i64::from(yes))
    }
}

/// A row of a hunting table: the columns that are not empty.
#[derive(Debug, Clone)]
pub struct Row {
    /// The table.
    pub table: &'static str,
    /// Its time: when it is there to be seen.
    pub at: Ticks,
    /// Columns and cells.
    pub cells: Vec<(&'static str, Cell)>,
}

impl Row {
    /// A row with its time.
    pub fn new(table: &'static str, at: Ticks) -> Self {
        let mut row = Self::timeless(table, at);
        row.cells.push(("Timestamp", Cell::Time(at)));
        row
    }

    /// A row of a table that has no `Timestamp`.
    pub fn timeless(table: &'static str, at: Ticks) -> Self {
        Self {
            table,
            at,
            cells: Vec::with_capacity(16),
        }
    }

    /// Adds a cell.
    pub fn with(mut self, column: &'static str, cell: impl Into<Cell>) -> Self {
        self.cells.push((column, cell.into()));
        self
    }

    /// Adds a cell when there is something to put into it.
    pub fn maybe(self, column: &'static str, cell: Option<impl Into<Cell>>) -> Self {
        match cell {
            Some(cell) => self.with(column, cell),
            None => self,
        }
    }

    /// The cell of a column.
    #[cfg(test)]
    pub fn get(&self, column: &str) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, cell)| cell)
    }
}
