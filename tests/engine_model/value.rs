//! Values of the model: their equality, order, text and conversions, as the language documents them.

use std::cmp::Ordering;

use nightjar::kql::types::{TICKS_PER_DAY, Type, Value};
use serde_json::Value as Json;

/// Why the model gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The documentation leaves the result open.
    Open(&'static str),
    /// The model does not know this feature.
    Unknown(String),
}

/// An answer, or why there is none.
pub type Answer<T> = Result<T, Stop>;

/// The result is left open by the documentation.
pub const fn open<T>(why: &'static str) -> Answer<T> {
    Err(Stop::Open(why))
}

/// A value; `int` and `long` are one, their type stands on the expression.
#[derive(Debug, Clone, PartialEq)]
pub enum V {
    /// Null of any type but string.
    Null,
    /// `bool`
    Bool(bool),
    /// `int`, `long`
    Long(i64),
    /// `real`
    Real(f64),
    /// `string`
    Str(String),
    /// `datetime` in ticks
    Date(i64),
    /// `timespan` in ticks
    Span(i64),
    /// `guid`
    Guid(String),
    /// `dynamic`, never JSON null
    Dyn(Json),
}

impl V {
    /// Text.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// A dynamic value; JSON null is null.
    pub fn json(json: Json) -> Self {
        if json.is_null() {
            Self::Null
        } else {
            Self::Dyn(json)
        }
    }

    /// A value of the tree or of a result.
    pub fn of(value: &Value, ty: Type) -> Answer<Self> {
        Ok(match value {
            Value::Null if ty == Type::String => Self::str(""),
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(i) => Self::Long(i64::from(*i)),
            Value::Long(i) => Self::Long(*i),
            Value::Real(r) => Self::Real(*r),
            Value::String(s) => Self::Str(s.clone()),
            Value::DateTime(t) => Self::Date(*t),
            Value::TimeSpan(t) => Self::Span(*t),
            Value::Guid(g) => Self::Guid(g.clone()),
            Value::Dynamic(d) => match serde_json::from_str(d) {
                Ok(json) => Self::json(json),
                Err(_) => return Err(Stop::Unknown(format!("dynamic({d})"))),
            },
            Value::Decimal(_) => return Err(Stop::Unknown("decimal".into())),
        })
    }

    /// The value as the engine stores it.
    pub fn engine(&self, ty: Type) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Long(i) if ty == Type::Int => i32::try_from(*i).map_or(Value::Null, Value::Int),
            Self::Long(i) => Value::Long(*i),
            Self::Real(r) => Value::Real(*r),
            Self::Str(s) => Value::String(s.clone()),
            Self::Date(t) => Value::DateTime(*t),
            Self::Span(t) => Value::TimeSpan(*t),
            Self::Guid(g) => Value::Guid(g.clone()),
            Self::Dyn(j) => Value::Dynamic(j.to_string()),
        }
    }

    /// As a literal of the language.
    pub fn literal(&self, ty: Type) -> String {
        match self {
            Self::Null => format!("{}(null)", ty.name()),
            Self::Bool(b) => b.to_string(),
            Self::Long(i) => format!("{}({i})", ty.name()),
            Self::Real(r) if r.is_nan() => "real(nan)".into(),
            Self::Real(r) if r.is_infinite() => {
                if *r > 0.0 { "real(+inf)" } else { "real(-inf)" }.into()
            }
            Self::Real(r) => format!("real({r:?})"),
            Self::Str(s) => serde_json::to_string(s).unwrap_or_default(),
            Self::Date(t) => format!("datetime({})", datetime_text(*t)),
            Self::Span(t) => format!("timespan({})", timespan_text(*t)),
            Self::Guid(g) => format!("guid({g})"),
            Self::Dyn(j) => format!("dynamic({j})"),
        }
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// True, false or null.
    pub fn truth(&self) -> Answer<Option<bool>> {
        match self {
            Self::Null => Ok(None),
            Self::Bool(b) => Ok(Some(*b)),
            Self::Long(i) => Ok(Some(*i != 0)),
            other => Err(Stop::Unknown(format!("{other:?} as a condition"))),
        }
    }

    /// Text; the empty one for null.
    pub fn text(&self) -> Answer<String> {
        Ok(match self {
            Self::Null => String::new(),
            Self::Str(s) | Self::Guid(s) => s.clone(),
            // Sources disagree on the case of the letters.
            Self::Bool(_) => return open("the text of a boolean"),
            Self::Long(i) => i.to_string(),
            Self::Real(r) => return real_text(*r),
            Self::Date(t) => datetime_text(*t),
            Self::Span(t) => timespan_text(*t),
            Self::Dyn(Json::String(s)) => s.clone(),
            Self::Dyn(Json::Bool(_)) => return open("the text of a boolean"),
            Self::Dyn(Json::Number(n)) if n.is_f64() => {
                return real_text(n.as_f64().unwrap_or(f64::NAN));
            }
            Self::Dyn(j) => j.to_string(),
        })
    }

    /// An integer, if it is one.
    pub const fn long(&self) -> Option<i64> {
        match self {
            Self::Long(i) => Some(*i),
            _ => None,
        }
    }

    /// A number as a real.
    pub const fn real(&self) -> Option<f64> {
        match self {
            Self::Long(i) => Some(*i as f64),
            Self::Real(r) => Some(*r),
            _ => None,
        }
    }

    /// The JSON it has inside a dynamic value.
    pub fn to_json(&self) -> Answer<Json> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Long(i) => Json::from(*i),
            Self::Real(r) if r.is_finite() => Json::from(*r),
            Self::Real(_) => return open("not-a-number inside a dynamic value"),
            Self::Dyn(j) => j.clone(),
            other => Json::String(other.text()?),
        })
    }
}

/// Plain numbers have one text; how the far ones are written is left open.
fn real_text(r: f64) -> Answer<String> {
    let plain = r == 0.0 && r.is_sign_positive() || (1e-4..1e14).contains(&r.abs());
    if plain {
        Ok(r.to_string())
    } else {
        open("the text of a far real number")
    }
}

/// Days since 0001-01-01 as year, month, day.
pub const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

/// Days since 0001-01-01 of a date.
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 306
}

/// ISO text with seven digits.
#[expect(clippy::many_single_char_names, reason = "the parts of a date")]
pub fn datetime_text(ticks: i64) -> String {
    let (y, m, d) = civil(ticks.div_euclid(TICKS_PER_DAY));
    let t = ticks.rem_euclid(TICKS_PER_DAY);
    let (s, f) = (t / 10_000_000, t % 10_000_000);
    let (h, min, s) = (s / 3600, s / 60 % 60, s % 60);
    format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}.{f:07}Z")
}

/// `[-][d.]hh:mm:ss[.fffffff]`.
pub fn timespan_text(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let t = ticks.unsigned_abs();
    let day = TICKS_PER_DAY.unsigned_abs();
    let (d, t) = (t / day, t % day);
    let (s, f) = (t / 10_000_000, t % 10_000_000);
    let days = if d == 0 {
        String::new()
    } else {
        format!("{d}.")
    };
    let rest = if f == 0 {
        String::new()
    } else {
        format!(".{f:07}")
    };
    format!(
        "{sign}{days}{:02}:{:02}:{:02}{rest}",
        s / 3600,
        s / 60 % 60,
        s % 60
    )
}

/// Whether two JSON values are one, numbers by value and bags in any order.
pub fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x == y,
            _ => x.as_f64().zip(y.as_f64()).is_some_and(|(x, y)| near(x, y)),
        },
        (Json::Array(x), Json::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(k, v)| y.get(k).is_some_and(|w| same_json(v, w)))
        }
        _ => a == b,
    }
}

/// Whether two reals differ by no more than their sums in another order may.
#[expect(clippy::float_cmp, reason = "infinities are equal to themselves")]
pub fn near(a: f64, b: f64) -> bool {
    let close =
        |a: f64, b: f64| (a - b).is_finite() && (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    a == b || a.is_nan() && b.is_nan() || close(a, b)
}

/// Whether two cells of a result are the same.
pub fn same(a: &V, b: &V) -> bool {
    match (a, b) {
        (V::Real(x), V::Real(y)) => near(*x, *y),
        (V::Dyn(x), V::Dyn(y)) => same_json(x, y),
        _ => a == b,
    }
}

/// Whether two rows are the same.
pub fn same_row(a: &[V], b: &[V]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y))
}

/// Whether two values are one group: null is a group of its own.
pub fn same_group(a: &V, b: &V) -> Answer<bool> {
    match (a, b) {
        (V::Null, V::Null) => Ok(true),
        (V::Null, _) | (_, V::Null) => Ok(false),
        (V::Real(x), V::Real(y)) if x.is_nan() || y.is_nan() => open("not-a-number as a key"),
        (V::Dyn(_), _) | (_, V::Dyn(_)) => open("a dynamic value as a key"),
        _ => Ok(compare(a, b)? == Some(Ordering::Equal)),
    }
}

/// Orders two values that are not null; `None` where one is not a number.
pub fn compare(a: &V, b: &V) -> Answer<Option<Ordering>> {
    Ok(match (a, b) {
        (V::Bool(x), V::Bool(y)) => Some(x.cmp(y)),
        (V::Long(x), V::Long(y)) | (V::Date(x), V::Date(y)) | (V::Span(x), V::Span(y)) => {
            Some(x.cmp(y))
        }
        (V::Str(x), V::Str(y)) | (V::Guid(x), V::Guid(y)) => Some(x.cmp(y)),
        (V::Long(i), V::Real(_)) | (V::Real(_), V::Long(i)) if i.unsigned_abs() > 1 << 53 => {
            return open("a long beyond the digits of a real");
        }
        (V::Long(_) | V::Real(_), V::Long(_) | V::Real(_)) => {
            a.real().zip(b.real()).and_then(|(x, y)| x.partial_cmp(&y))
        }
        _ => return Err(Stop::Unknown(format!("{a:?} against {b:?}"))),
    })
}

/// A value as another type.
pub fn convert(v: V, to: Type) -> Answer<V> {
    if to == Type::String {
        return Ok(V::Str(v.text()?));
    }
    if v.is_null() {
        return Ok(V::Null);
    }
    Ok(match (v, to) {
        (v, Type::Dynamic | Type::Unknown) => V::json(v.to_json()?),
        (V::Dyn(Json::String(s)), _) => convert(V::Str(s), to)?,
        (V::Dyn(Json::Number(n)), _) => match n.as_i64() {
            Some(i) => convert(V::Long(i), to)?,
            None => convert(V::Real(n.as_f64().unwrap_or(f64::NAN)), to)?,
        },
        (V::Dyn(Json::Bool(b)), Type::Bool) => V::Bool(b),
        (V::Dyn(Json::Bool(_)), _) => return open("a dynamic boolean as something else"),
        (V::Dyn(_), _) => V::Null,
        (v @ V::Bool(_), Type::Bool)
        | (v @ V::Real(_), Type::Real)
        | (v @ V::Date(_), Type::DateTime)
        | (v @ V::Span(_), Type::TimeSpan)
        | (v @ V::Guid(_), Type::Guid)
        | (v @ V::Long(_), Type::Long) => v,
        (V::Bool(b), Type::Long | Type::Int) => V::Long(i64::from(b)),
        (V::Bool(b), Type::Real) => V::Real(f64::from(u8::from(b))),
        (V::Long(i), Type::Bool) => V::Bool(i != 0),
        (V::Long(i), Type::Int) if i32::try_from(i).is_ok() => V::Long(i),
        (V::Long(_), Type::Int) => return open("a long too great for an int"),
        (V::Long(i), Type::Real) => V::Real(i as f64),
        (V::Real(r), Type::Long | Type::Int) => {
            let most = if to == Type::Int { 2e9 } else { 9e18 };
            if r.is_nan() || r.abs() > most {
                return open("a real too great for an integer");
            }
            V::Long(r as i64)
        }
        (V::Date(t) | V::Span(t), Type::Long) => V::Long(t),
        (V::Str(s), _) => return parse(&s, to),
        (v, to) => return Err(Stop::Unknown(format!("{v:?} as {to}"))),
    })
}

/// Text read as a type: only the plain spellings are sure.
fn parse(text: &str, to: Type) -> Answer<V> {
    let plain = !text.is_empty()
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| b.is_ascii_digit() || i == 0 && b == b'-')
        && text != "-";
    let word = text
        .chars()
        .all(|c| c.is_alphabetic() || c == '-' || c == ',' || c == ' ');
    let number = text.parse::<f64>().ok().filter(|r| r.is_finite());
    Ok(match to {
        Type::Long | Type::Int if plain => match text.parse::<i64>() {
            Ok(i) => convert(V::Long(i), to)?,
            Err(_) => return open("a text too great for an integer"),
        },
        Type::Real => match number {
            Some(r) => V::Real(r),
            None if word && !text.to_lowercase().contains(['n', 'i']) => V::Null,
            None => return open("an odd text as a real"),
        },
        Type::Bool => match text {
            "true" => V::Bool(true),
            "false" => V::Bool(false),
            _ if word => V::Null,
            _ => return open("an odd text as a boolean"),
        },
        Type::DateTime => {
            let parts: Vec<&str> = text.split('-').collect();
            match parts.as_slice() {
                [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2 => {
                    let number = |t: &str| t.parse::<i64>().unwrap_or_default();
                    V::Date(days(number(y), number(m), number(d)) * TICKS_PER_DAY)
                }
                _ if word => V::Null,
                _ => return open("an odd text as a datetime"),
            }
        }
        _ if word => V::Null,
        _ => return open("an odd text as another type"),
    })
}
