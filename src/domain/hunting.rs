//! A hunting result: typed columns, stored by column so that 100,000 × 40 cells stay small.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;

/// The type of a column, as far as showing and sorting need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Text, GUIDs, decimals and types we do not know.
    Text,
    /// `Int32`, `Int64`: numbers that sort as such.
    Long,
    /// `Double`, `Decimal` read as a float.
    Real,
    /// `SByte` and `Boolean`: the service sends 0 or 1.
    Bool,
    /// `DateTime`.
    Time,
    /// `TimeSpan`, as text in the service's form.
    Span,
    /// `Object`: compact JSON text.
    Dynamic,
}

impl ColumnKind {
    /// The kind a `schema[].type` names; `System.` and case do not matter (`hunting.md` section 2).
    pub fn from_wire(name: &str) -> Self {
        let name = name.strip_prefix("System.").unwrap_or(name);
        match name.to_ascii_lowercase().as_str() {
            "int32" | "int64" | "int16" | "byte" | "uint32" | "uint64" | "int" | "long" => {
                Self::Long
            }
            "double" | "single" | "decimal" | "real" => Self::Real,
            "sbyte" | "boolean" | "bool" => Self::Bool,
            "datetime" | "datetimeoffset" | "date" => Self::Time,
            "timespan" | "time" => Self::Span,
            "object" | "dynamic" => Self::Dynamic,
            _ => Self::Text,
        }
    }
}

/// One cell. Text is hostile until sanitised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// Text, a span or JSON.
    Text(&'a str),
    /// A whole number.
    Long(i64),
    /// A float.
    Real(f64),
    /// A truth value.
    Bool(bool),
    /// An instant.
    Time(Timestamp),
}

impl<'a> Cell<'a> {
    /// The cell as text; null is empty, times are RFC 3339 in UTC.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Long(number) => Cow::Owned(number.to_string()),
            Self::Real(number) => Cow::Owned(number.to_string()),
            Self::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Self::Time(time) => Cow::Owned(time.to_string()),
        }
    }

    /// Nulls first, then by value; text without regard to ASCII case, ties by bytes.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a
                .bytes()
                .map(|byte| byte.to_ascii_lowercase())
                .cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
                .then_with(|| a.cmp(b)),
            (Self::Long(a), Self::Long(b)) => a.cmp(&b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(&b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            (Self::Time(a), Self::Time(b)) => a.cmp(&b),
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (a, b) => a.text().cmp(&b.text()),
        }
    }
}

/// The cells of one column.
#[derive(Clone, Debug, PartialEq)]
enum Cells {
    /// All texts run together; `ends[row]` is where a row's text ends.
    Text {
        bytes: String,
        ends: Vec<u32>,
    },
    Long(Vec<i64>),
    Real(Vec<f64>),
    Bool(Vec<bool>),
    Time(Vec<Timestamp>),
}

/// A column: name, kind and cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name; unique in a result.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ColumnKind,
    /// The type as the service named it.
    pub wire_type: Arc<str>,
    cells: Cells,
    /// One bit a row, set where the cell is null.
    nulls: Vec<u64>,
    rows: usize,
}

impl Column {
    /// An empty column of the kind its wire type names.
    pub fn new(name: &str, wire_type: &str) -> Self {
        let kind = ColumnKind::from_wire(wire_type);
        let cells = match kind {
            ColumnKind::Long => Cells::Long(Vec::new()),
            ColumnKind::Real => Cells::Real(Vec::new()),
            ColumnKind::Bool => Cells::Bool(Vec::new()),
            ColumnKind::Time => Cells::Time(Vec::new()),
            ColumnKind::Text | ColumnKind::Span | ColumnKind::Dynamic => Cells::Text {
                bytes: String::new(),
                ends: Vec::new(),
            },
        };
        Self {
            name: name.into(),
            kind,
            wire_type: wire_type.into(),
            cells,
            nulls: Vec::new(),
            rows: 0,
        }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The cell of a row; null past the end.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        if row >= self.rows || self.nulls[row / 64] & (1 << (row % 64)) != 0 {
            return Cell::Null;
        }
        match &self.cells {
            Cells::Text { bytes, ends } => {
                let start = if row == 0 { 0 } else { ends[row - 1] as usize };
                Cell::Text(&bytes[start..ends[row] as usize])
            }
            Cells::Long(cells) => Cell::Long(cells[row]),
            Cells::Real(cells) => Cell::Real(cells[row]),
            Cells::Bool(cells) => Cell::Bool(cells[row]),
            Cells::Time(cells) => Cell::Time(cells[row]),
        }
    }

    /// Adds a cell. A value that does not fit the column's kind turns the whole column into text,
    /// so that nothing is lost; text of a column past 4 GiB is dropped to null.
    pub fn push(&mut self, cell: Cell<'_>) {
        if self.rows.is_multiple_of(64) {
            self.nulls.push(0);
        }
        let fits = match (&mut self.cells, cell) {
            (Cells::Text { bytes, ends }, cell) => {
                let text = cell.text();
                let fits = u32::try_from(bytes.len() + text.len()).is_ok();
                if fits {
                    bytes.push_str(&text);
                }
                ends.push(bytes.len() as u32);
                if !fits || cell == Cell::Null {
                    self.nulls[self.rows / 64] |= 1 << (self.rows % 64);
                }
                true
            }
            (Cells::Long(cells), Cell::Long(value)) => {
                cells.push(value);
                true
            }
            (Cells::Real(cells), Cell::Real(value)) => {
                cells.push(value);
                true
            }
            (Cells::Real(cells), Cell::Long(value)) => {
                cells.push(value as f64);
                true
            }
            (Cells::Bool(cells), Cell::Bool(value)) => {
                cells.push(value);
                true
            }
            (Cells::Bool(cells), Cell::Long(value @ (0 | 1))) => {
                cells.push(value == 1);
                true
            }
            (Cells::Time(cells), Cell::Time(value)) => {
                cells.push(value);
                true
            }
            (cells, Cell::Null) => {
                match cells {
                    Cells::Long(cells) => cells.push(0),
                    Cells::Real(cells) => cells.push(0.0),
                    Cells::Bool(cells) => cells.push(false),
                    Cells::Time(cells) => cells.push(Timestamp::UNIX_EPOCH),
                    Cells::Text { .. } => unreachable!("text takes every cell above"),
                }
                self.nulls[self.rows / 64] |= 1 << (self.rows % 64);
                true
            }
            _ => false,
        };
        if fits {
            self.rows += 1;
        } else {
            self.turn_to_text();
            self.push_after_turn(cell);
        }
    }

    fn push_after_turn(&mut self, cell: Cell<'_>) {
        if let Cells::Text { bytes, ends } = &mut self.cells {
            bytes.push_str(&cell.text());
            ends.push(bytes.len() as u32);
        }
        self.rows += 1;
    }

    fn turn_to_text(&mut self) {
        let mut bytes = String::new();
        let mut ends = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            bytes.push_str(&self.cell(row).text());
            ends.push(bytes.len() as u32);
        }
        self.cells = Cells::Text { bytes, ends };
        self.kind = ColumnKind::Text;
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        let cells = match &self.cells {
            Cells::Text { bytes, ends } => bytes.capacity() + ends.capacity() * 4,
            Cells::Long(cells) => cells.capacity() * 8,
            Cells::Real(cells) => cells.capacity() * 8,
            Cells::Bool(cells) => cells.capacity(),
            Cells::Time(cells) => cells.capacity() * size_of::<Timestamp>(),
        };
        cells + self.nulls.capacity() * 8
    }
}

/// A whole result: columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultTable {
    columns: Vec<Column>,
}

impl ResultTable {
    /// A table of the given columns, which must be equally long.
    pub fn new(columns: Vec<Column>) -> Self {
        debug_assert!(
            columns
                .windows(2)
                .all(|pair| pair[0].len() == pair[1].len())
        );
        Self { columns }
    }

    /// The columns, in the service's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns for filling.
    pub fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// A cell; null outside the table.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        self.columns
            .get(column)
            .map_or(Cell::Null, |it| it.cell(row))
    }

    /// The column of a name, case ignored.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Row numbers in the order of a column, stable; nulls last when ascending.
    pub fn order_by(&self, column: usize, descending: bool) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows() as u32).collect();
        if let Some(column) = self.columns.get(column) {
            order.sort_by(|&a, &b| {
                let (a, b) = (column.cell(a as usize), column.cell(b as usize));
                match (a, b) {
                    (Cell::Null, Cell::Null) => Ordering::Equal,
                    (Cell::Null, _) => Ordering::Greater,
                    (_, Cell::Null) => Ordering::Less,
                    _ if descending => b.compare(a),
                    _ => a.compare(b),
                }
            });
        }
        order
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.columns.iter().map(Column::memory).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_types_in_all_spellings() {
        assert_eq!(ColumnKind::from_wire("System.SByte"), ColumnKind::Bool);
        assert_eq!(ColumnKind::from_wire("dateTime"), ColumnKind::Time);
        assert_eq!(ColumnKind::from_wire("Quaternion"), ColumnKind::Text);
    }

    #[test]
    fn a_value_that_does_not_fit_turns_the_column_into_text_and_loses_nothing() {
        let mut column = Column::new("n", "Int64");
        column.push(Cell::Long(1));
        column.push(Cell::Null);
        column.push(Cell::Text("two"));
        column.push(Cell::Null);
        let cells: Vec<_> = (0..4).map(|row| column.cell(row)).collect();
        assert_eq!(
            cells,
            [Cell::Text("1"), Cell::Null, Cell::Text("two"), Cell::Null]
        );
    }

    #[test]
    fn sorting_is_stable_and_puts_nulls_last() {
        let mut column = Column::new("n", "Int64");
        for cell in [Cell::Long(2), Cell::Null, Cell::Long(1), Cell::Long(2)] {
            column.push(cell);
        }
        let table = ResultTable::new(vec![column]);
        assert_eq!(table.order_by(0, false), [2, 0, 3, 1]);
        assert_eq!(table.order_by(0, true), [0, 3, 2, 1]);
    }
}
