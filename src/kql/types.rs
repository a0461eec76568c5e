//! Scalar types and literal values of the language.
//!
//! Must not know: tables, columns, functions.

use std::fmt;

/// A scalar type of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `bool`
    Bool,
    /// 32-bit integer
    Int,
    /// 64-bit integer
    Long,
    /// 64-bit floating point
    Real,
    /// 128-bit decimal
    Decimal,
    /// UTF-8 text, never null
    String,
    /// an instant, UTC, in ticks of 100 ns
    DateTime,
    /// a duration in ticks of 100 ns
    TimeSpan,
    /// a 128-bit identifier
    Guid,
    /// JSON
    Dynamic,
    /// the type of `typeof(..)` itself; no value has it
    TypeLiteral,
    /// the untyped `null` inside dynamic literals
    Null,
    /// cannot be told: a column of a table without known columns, or the result of an error
    Unknown,
}

impl Type {
    /// The name the official language service prints (`long`, `datetime`, `unknown`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::DateTime => "datetime",
            Self::TimeSpan => "timespan",
            Self::Guid => "guid",
            Self::Dynamic => "dynamic",
            Self::TypeLiteral => "type",
            Self::Null => "null",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a type name with all its spellings (`boolean`, `int64`, `double`, `date`, `uniqueid`...).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int" | "int32" | "int16" | "int8" | "uint16" | "uint32" | "uint8" => Self::Int,
            "long" | "int64" | "uint64" | "ulong" | "uint" => Self::Long,
            "real" | "double" | "float" => Self::Real,
            "decimal" => Self::Decimal,
            "string" => Self::String,
            "datetime" | "date" => Self::DateTime,
            "timespan" | "time" => Self::TimeSpan,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "dynamic" => Self::Dynamic,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }

    /// `int`, `long`, `real`, `decimal`.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Long | Self::Real | Self::Decimal)
    }

    /// `int`, `long`.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int | Self::Long)
    }

    /// Numbers, `datetime`, `timespan`: what `sum` and `bin` take.
    pub const fn is_summable(self) -> bool {
        self.is_number() || matches!(self, Self::DateTime | Self::TimeSpan)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Ticks of 100 ns in one second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks of 100 ns in one day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// The Unix epoch in ticks since 0001-01-01.
pub const UNIX_EPOCH_TICKS: i64 = 719_162 * TICKS_PER_DAY;

/// The value of a literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `long(null)` and its like; the type stands on the expression
    Null,
    /// `true`
    Bool(bool),
    /// `int(3)`
    Int(i32),
    /// `3`
    Long(i64),
    /// `3.0`
    Real(f64),
    /// digits as written, e.g. `12.50`
    Decimal(String),
    /// text, escapes already undone
    String(String),
    /// ticks of 100 ns since 0001-01-01T00:00:00Z
    DateTime(i64),
    /// ticks of 100 ns
    TimeSpan(i64),
    /// lower-case text with hyphens
    Guid(String),
    /// JSON text (RFC 8259; single-quoted strings and KQL literals inside already converted)
    Dynamic(String),
}
