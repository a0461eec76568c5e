//! Results as rows of SQLite and back: the types of an answer, its cells in the engine's own form, and the
//! engine's values as a result like any other.

use std::ops::ControlFlow;

use rusqlite::types::Value as SqlCell;

use super::tables::ticks;
use crate::domain::hunting::{Cell, Column, ColumnKind};
use crate::domain::{ResultTable, Timestamp};
use crate::engine::time::{self, datetime_text, parse_timespan, timespan_text};
use crate::engine::{self, RowSink, Type, Value};

/// The type a column of an answer has in queries about it. A column whose cells are not what its type
/// says is text, as it is shown.
pub(super) fn type_of(column: &Column) -> Type {
    let every = |fits: fn(&str) -> bool| {
        (0..column.len()).all(|row| match column.cell(row) {
            Cell::Null => true,
            Cell::Text(text) => fits(text),
            _ => false,
        })
    };
    let name = column.wire_type.strip_prefix("System.");
    let name = name.unwrap_or(&column.wire_type).to_ascii_lowercase();
    match column.kind {
        ColumnKind::Long => match name.as_str() {
            "int32" | "int16" | "byte" | "int" => Type::Int,
            _ => Type::Long,
        },
        ColumnKind::Real => Type::Real,
        ColumnKind::Bool => Type::Bool,
        ColumnKind::Time => Type::DateTime,
        ColumnKind::Dynamic => Type::Dynamic,
        ColumnKind::Span if every(|text| parse_timespan(text).is_some()) => Type::TimeSpan,
        ColumnKind::Text if name == "guid" && every(|text| uuid::Uuid::parse_str(text).is_ok()) => {
            Type::Guid
        }
        ColumnKind::Text if name == "decimal" && every(is_decimal) => Type::Decimal,
        ColumnKind::Text | ColumnKind::Span => Type::String,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(part) && digits.len() <= 34
}

/// A cell as a column of this type holds it.
pub(super) fn to_sql(cell: Cell<'_>, ty: Type) -> SqlCell {
    match (ty, cell) {
        (Type::String, cell) => SqlCell::Text(cell.text().into_owned()),
        (_, Cell::Null) => SqlCell::Null,
        (Type::Int, Cell::Long(number)) => {
            i32::try_from(number).map_or(SqlCell::Null, |it| SqlCell::Integer(it.into()))
        }
        (_, Cell::Long(number)) => SqlCell::Integer(number),
        (_, Cell::Bool(flag)) => SqlCell::Integer(flag.into()),
        (_, Cell::Real(number)) => engine::to_cell(&Value::Real(number)),
        (_, Cell::Time(at)) => SqlCell::Integer(ticks(at)),
        (Type::TimeSpan, Cell::Text(text)) => {
            parse_timespan(text).map_or(SqlCell::Null, SqlCell::Integer)
        }
        (Type::Guid, Cell::Text(text)) => match uuid::Uuid::parse_str(text) {
            Ok(guid) => SqlCell::Text(guid.to_string()),
            Err(_) => SqlCell::Null,
        },
        (Type::Dynamic, Cell::Text(text)) => SqlCell::Text(json_of(text)),
        (_, Cell::Text(text)) => SqlCell::Text(text.to_owned()),
    }
}

/// Dynamic values are JSON; a service sends a text among them without its quotes.
fn json_of(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// What the service calls a type.
pub(super) fn wire_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "SByte",
        Type::Int => "Int32",
        Type::Long => "Int64",
        Type::Real => "Double",
        Type::Decimal => "Decimal",
        Type::DateTime => "DateTime",
        Type::TimeSpan => "TimeSpan",
        Type::Guid => "Guid",
        Type::Dynamic => "Object",
        _ => "String",
    }
}

/// How much a result may be; what is more is left out and told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// Gathers the engine's rows as a result.
#[derive(Debug)]
pub(super) struct Gather {
    columns: Vec<Column>,
    most: Most,
    bytes: usize,
    rows: usize,
    /// There was more.
    pub(super) cut: bool,
}

impl Gather {
    pub(super) fn new(most: Most) -> Self {
        Self {
            columns: Vec::new(),
            most,
            bytes: 0,
            rows: 0,
            cut: false,
        }
    }

    pub(super) fn table(self) -> ResultTable {
        ResultTable::new(self.columns)
    }
}

impl RowSink for Gather {
    fn columns(&mut self, columns: &[engine::Column]) {
        self.columns = columns
            .iter()
            .map(|column| Column::new(&column.name, wire_type(column.ty)))
            .collect();
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        if self.rows >= self.most.rows || self.bytes >= self.most.bytes {
            self.cut = true;
            return ControlFlow::Break(());
        }
        self.rows += 1;
        for (column, value) in self.columns.iter_mut().zip(&row) {
            self.bytes += push(column, value);
        }
        ControlFlow::Continue(())
    }
}

/// Adds a value to a column; gives the bytes it takes, roughly.
fn push(column: &mut Column, value: &Value) -> usize {
    let text = |column: &mut Column, text: &str| {
        column.push(Cell::Text(text));
        text.len() + 4
    };
    let cell = match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Int(number) => Cell::Long((*number).into()),
        Value::Long(number) => Cell::Long(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::DateTime(ticks) => match moment(*ticks) {
            Some(at) => Cell::Time(at),
            None => return text(column, &datetime_text(*ticks)),
        },
        Value::TimeSpan(ticks) => return text(column, &timespan_text(*ticks)),
        Value::Decimal(it) | Value::String(it) | Value::Guid(it) | Value::Dynamic(it) => {
            return text(column, it);
        }
    };
    column.push(cell);
    8
}

/// A moment of so many ticks.
fn moment(ticks: i64) -> Option<Timestamp> {
    let nanos = (i128::from(ticks) - i128::from(time::UNIX_EPOCH)) * 100;
    Timestamp::from_nanosecond(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(wire: &str, cells: &[Cell<'_>]) -> Column {
        let mut column = Column::new("c", wire);
        for cell in cells {
            column.push(*cell);
        }
        column
    }

    #[test]
    fn columns_have_the_types_of_the_answer_and_odd_cells_make_them_text() {
        for (wire, cells, ty) in [
            ("System.Int32", vec![Cell::Long(1)], Type::Int),
            ("Int64", vec![Cell::Null], Type::Long),
            ("Int64", vec![Cell::Long(1), Cell::Text("x")], Type::String),
            (
                "TimeSpan",
                vec![Cell::Text("1.02:03:04"), Cell::Null],
                Type::TimeSpan,
            ),
            ("TimeSpan", vec![Cell::Text("soon")], Type::String),
            (
                "Guid",
                vec![Cell::Text("74be27de-1e4e-49d9-b579-fe0b331d3642")],
                Type::Guid,
            ),
            ("Guid", vec![Cell::Text("nobody")], Type::String),
            ("Object", vec![Cell::Text("{}")], Type::Dynamic),
            ("SByte", vec![Cell::Long(1)], Type::Bool),
            ("Quaternion", vec![], Type::String),
        ] {
            assert_eq!(type_of(&column(wire, &cells)), ty, "{wire} {cells:?}");
        }
    }

    #[test]
    fn what_the_engine_gives_is_kept_and_given_again() {
        let values = [
            (Type::Bool, Value::Bool(true)),
            (Type::Long, Value::Long(-3)),
            (Type::Real, Value::Real(0.5)),
            (Type::Decimal, Value::Decimal("1.50".into())),
            (Type::DateTime, Value::DateTime(638_000_000_000_000_001)),
            (Type::TimeSpan, Value::TimeSpan(936_000_000_000)),
            (Type::Dynamic, Value::Dynamic(r#"{"a":[1]}"#.into())),
            (Type::String, Value::String("=1".into())),
        ];
        for (ty, value) in values {
            let mut it = Column::new("c", wire_type(ty));
            push(&mut it, &value);
            push(&mut it, &Value::Null);
            assert_eq!(type_of(&it), ty, "{value:?}");
            assert_eq!(to_sql(it.cell(0), ty), engine::to_cell(&value));
        }
        assert_eq!(
            to_sql(Cell::Text("plain words"), Type::Dynamic),
            SqlCell::Text("\"plain words\"".into())
        );
    }

    #[test]
    fn more_than_is_wanted_is_left_out_and_known() {
        let mut gather = Gather::new(Most {
            rows: 10,
            bytes: 20,
        });
        gather.columns(&[engine::Column::new("a", Type::String)]);
        let row = || vec![Value::String("0123456789".into())];
        assert!(gather.row(row()).is_continue());
        assert!(gather.row(row()).is_continue());
        assert!(gather.row(row()).is_break());
        assert!(gather.cut);
        assert_eq!(gather.table().rows(), 2);
    }
}
