//! Reading JSON that may lack fields, carry nulls where none are announced, or change a type.
//!
//! Used through `#[serde(deserialize_with)]`; none of these fails because of a value's shape, so one
//! odd field never costs the row.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A string; numbers and booleans become their text, everything else is `None`.
pub(crate) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Arc<str>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        _ => None,
    })
}

/// An instant, with 0 to 9 fraction digits; a missing zone means UTC; anything else is `None`.
pub(crate) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(parse_time))
}

/// Parses a service timestamp; `None` where it is not one. Year 1 (a service's "never") is `None`.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let parsed: Option<Timestamp> = text.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    });
    parsed.filter(|time| time.as_second() > -62_135_500_000)
}

/// Strings of an array, whatever else stands in it; null is empty.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| match item {
                Value::String(text) => Some(text.into()),
                Value::Null => None,
                other => Some(other.to_string().into()),
            })
            .collect(),
        Value::String(text) => vec![text.into()],
        _ => Vec::new(),
    })
}

/// The well-formed members of an array; the others are passed over, null is empty.
pub(crate) fn items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| serde_json::from_value(item).ok())
            .collect(),
        _ => Vec::new(),
    })
}

/// An optional enum; null and non-strings are `None`, unknown members are kept by the enum itself.
pub(crate) fn option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
