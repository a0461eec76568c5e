//! From one type to another.

use super::Planner;
use super::frag::Sx;
use crate::engine::error::Result;
use crate::engine::{dynamic, sql, time};
use crate::kql::syntax::Span;
use crate::kql::types::{Type, Value};

impl Planner<'_> {
    /// A value as another type, null where it does not convert.
    #[expect(
        clippy::unused_self,
        reason = "planning reads as one voice; every step is a method"
    )]
    pub(super) fn convert(&self, x: Sx, to: Type, span: Span) -> Result<Sx> {
        let from = x.ty;
        if from == to || matches!(to, Type::Unknown | Type::Null | Type::TypeLiteral) {
            return Ok(x);
        }
        if let Some(value) = x.literal.as_ref().and_then(|v| constant(v, to)) {
            return Ok(Self::literal(&value, to));
        }
        let nullable = x.nullable;
        let made = |sql: String| Sx::new(sql, to);
        Ok(match (from, to) {
            (_, Type::Dynamic) => match from {
                Type::Int | Type::Long => made(format!("CAST({} AS TEXT)", x.sql)).maybe(nullable),
                Type::Unknown | Type::Null => made(x.sql),
                _ => made(format!("k_json({}, '{}')", x.sql, from.name())).maybe(nullable),
            },
            (Type::Dynamic | Type::Unknown | Type::Null, Type::String) => {
                made(format!("k_json_text({})", x.sql))
            }
            (Type::Dynamic | Type::Unknown | Type::Null, _) => {
                made(format!("k_to({}, '{}')", x.sql, to.name())).wild()
            }
            (_, Type::String) => {
                let text = match from {
                    Type::Int | Type::Long if nullable => {
                        format!("coalesce(CAST({} AS TEXT), '')", x.sql)
                    }
                    Type::Int | Type::Long => format!("CAST({} AS TEXT)", x.sql),
                    Type::Real => format!("k_real_text({})", x.sql),
                    Type::Bool => {
                        format!(
                            "(CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END)",
                            x.sql
                        )
                    }
                    Type::DateTime => format!("k_datetime_text({})", x.sql),
                    Type::TimeSpan => format!("k_timespan_text({})", x.sql),
                    _ => format!("coalesce({}, '')", x.sql),
                };
                made(text)
            }
            (Type::Int, Type::Long) | (Type::Bool, Type::Int | Type::Long) => {
                made(x.sql).maybe(nullable)
            }
            (Type::Long | Type::DateTime | Type::TimeSpan, Type::Int) => made(format!(
                "(CASE WHEN {0} BETWEEN -2147483648 AND 2147483647 THEN {0} END)",
                x.sql
            )),
            (Type::DateTime | Type::TimeSpan, Type::Long)
            | (Type::Int | Type::Long, Type::DateTime | Type::TimeSpan) => {
                made(x.sql).maybe(nullable)
            }
            (Type::Real, Type::Int) => made(format!("k_real_to_int({})", x.sql)),
            (Type::Real, Type::Long) => made(format!("k_real_to_long({})", x.sql)),
            (Type::Decimal, Type::Int) => made(format!("k_real_to_int(CAST({} AS REAL))", x.sql)),
            (Type::Decimal, Type::Long) => made(format!("k_real_to_long(CAST({} AS REAL))", x.sql)),
            (
                Type::Int
                | Type::Long
                | Type::Bool
                | Type::TimeSpan
                | Type::DateTime
                | Type::Decimal,
                Type::Real,
            ) => made(format!("CAST({} AS REAL)", x.sql)).maybe(nullable),
            (Type::Real, Type::TimeSpan) => made(format!("k_span_scale({}, {})", x.sql, time::DAY)),
            (Type::String, Type::Bool) => made(format!("k_parse_bool({})", x.sql)),
            (Type::String, Type::Int) => made(format!("k_parse_int({})", x.sql)),
            (Type::String, Type::Long) => made(format!("k_parse_long({})", x.sql)),
            (Type::String, Type::Real) => made(format!("k_parse_real({})", x.sql)).wild(),
            (Type::String, Type::DateTime) => made(format!("k_parse_datetime({})", x.sql)),
            (Type::String, Type::TimeSpan) => made(format!("k_parse_timespan({})", x.sql)),
            (Type::String, Type::Guid) => made(format!("k_parse_guid({})", x.sql)),
            (Type::String, Type::Decimal) => {
                made(format!("k_to(k_json({}, 'string'), 'decimal')", x.sql))
            }
            (Type::Int | Type::Long | Type::Real, Type::Bool) => {
                made(format!("({} <> 0)", x.sql)).maybe(nullable)
            }
            (Type::Int | Type::Long, Type::Decimal) => made(format!("CAST({} AS TEXT)", x.sql)),
            (Type::Real, Type::Decimal) => made(format!("k_real_text({})", x.sql)),
            _ => {
                let what = format!("conversion of {} to {}", from.name(), to.name());
                return Self::refuse(what, span);
            }
        })
    }

    /// The text of a value, as word operators and `strcat` see it.
    pub(super) fn text(&self, x: Sx, span: Span) -> Result<Sx> {
        self.convert(x, Type::String, span)
    }
}

/// Converts constants while planning, so that indexes see constants.
fn constant(value: &Value, to: Type) -> Option<Value> {
    Some(match (value, to) {
        (Value::Null, Type::String) => Value::String(String::new()),
        (Value::Null, _) => Value::Null,
        (Value::Int(i), Type::Long) => Value::Long(i64::from(*i)),
        (Value::Long(i), Type::Int) => i32::try_from(*i).map_or(Value::Null, Value::Int),
        (Value::Int(i), Type::Real) => Value::Real(f64::from(*i)),
        (Value::Long(i), Type::Real) => Value::Real(*i as f64),
        (Value::Int(i), Type::String) => Value::String(i.to_string()),
        (Value::Long(i), Type::String) => Value::String(i.to_string()),
        (Value::Int(i), Type::Decimal) => Value::Decimal(i.to_string()),
        (Value::Long(i), Type::Decimal) => Value::Decimal(i.to_string()),
        (Value::String(s), Type::DateTime) => {
            time::parse_datetime(s).map_or(Value::Null, Value::DateTime)
        }
        (Value::String(s), Type::TimeSpan) => {
            time::parse_timespan(s).map_or(Value::Null, Value::TimeSpan)
        }
        (Value::String(s), Type::Guid) => dynamic::parse_guid(s).map_or(Value::Null, Value::Guid),
        (Value::String(s), Type::Long) => dynamic::parse_long(s).map_or(Value::Null, Value::Long),
        (Value::String(s), Type::Dynamic) => {
            Value::Dynamic(serde_json::Value::from(s.as_str()).to_string())
        }
        (Value::DateTime(t), Type::String) => Value::String(time::datetime_text(*t)),
        (Value::TimeSpan(t), Type::String) => Value::String(time::timespan_text(*t)),
        _ => return None,
    })
}

/// A JSON array literal of constants, for functions that take one.
pub(super) fn json_array(values: &[String]) -> String {
    let items = values
        .iter()
        .map(|v| serde_json::Value::from(v.as_str()))
        .collect();
    sql::text(&serde_json::Value::Array(items).to_string())
}
