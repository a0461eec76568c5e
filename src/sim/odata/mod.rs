//! The part of OData 4 that the services take: `$filter`, `$orderby`, `$top`, `$skip`, `$select`,
//! `$count`, `$expand` and opaque continuation tokens. A clause is read whole or refused with the
//! sentence of the services' own parser.
//!
//! Knows property names and their kinds, not where the values come from.

mod filter;

use std::borrow::Cow;
use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::clock::Ticks;
pub use filter::Filter;

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared without regard to case as both services do.
    Text,
    /// A date-time, written without quotes.
    Time,
    /// One of the members of this list.
    Member(&'static [&'static str]),
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A collection of texts.
    Many,
    /// Something that can be selected and nothing else.
    Other,
}

/// One property of an entity type.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether `$filter` and `$orderby` take it.
    pub filterable: bool,
}

/// A property that can be filtered on.
pub const fn filterable(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        filterable: true,
    }
}

/// A property that can only be read.
pub const fn readable(name: &'static str) -> Property {
    Property {
        name,
        kind: Kind::Other,
        filterable: false,
    }
}

/// An entity type as `$filter` sees it.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// Its full name, for messages.
    pub name: &'static str,
    /// Its properties.
    pub properties: &'static [Property],
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Field<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// A time.
    Time(Ticks),
    /// A number.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// Place in the members of the property.
    Member(u8),
    /// Several texts.
    Many(&'a [String]),
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
}

/// A text without regard to case; a copy is made only where there is something to fold.
fn folded(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// The order of two texts without regard to case.
fn text_order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return a
            .bytes()
            .map(|c| c.to_ascii_lowercase())
            .cmp(b.bytes().map(|c| c.to_ascii_lowercase()));
    }
    folded(a).cmp(&folded(b))
}

/// What rows are sorted by: numbers (times, members, flags; null is the least) before texts.
#[derive(Debug, Clone, Copy)]
enum Rank<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'a> Rank<'a> {
    fn of(field: Field<'a>) -> Self {
        match field {
            Field::Null | Field::Many(_) => Self::Number(i64::MIN),
            Field::Text(text) => Self::Text(text),
            Field::Time(ticks) => Self::Number(ticks),
            Field::Number(number) => Self::Number(number),
            Field::Flag(flag) => Self::Number(i64::from(flag)),
            Field::Member(member) => Self::Number(i64::from(member)),
        }
    }

    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(&b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => text_order(a, b),
        }
    }
}

/// The order of two values of one property: null first, texts without regard to case.
pub fn order_of(a: Field<'_>, b: Field<'_>) -> Ordering {
    Rank::of(a).order(Rank::of(b))
}

/// The value a page was cut at: the sort key and the row's place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// A time, a number or a member.
    #[serde(rename = "n")]
    Number(i64),
    /// Text.
    #[serde(rename = "t")]
    Text(String),
}

impl Key {
    /// The key of a field; null sorts first.
    pub fn of(field: Field<'_>) -> Self {
        match Rank::of(field) {
            Rank::Number(number) => Self::Number(number),
            Rank::Text(text) => Self::Text(folded(text).into_owned()),
        }
    }

    /// How a field lies to this key.
    pub fn order(&self, field: Field<'_>) -> Ordering {
        let own = match self {
            Self::Number(number) => Rank::Number(*number),
            Self::Text(text) => Rank::Text(text),
        };
        Rank::of(field).order(own)
    }
}

/// Where the next page begins: after these keys and this row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Sort keys of the last row sent, in the order of `$orderby`.
    pub keys: Vec<Key>,
    /// Its place.
    pub place: u32,
    /// Rows sent on earlier pages.
    pub sent: usize,
}

impl Cursor {
    /// The opaque token.
    pub fn token(&self) -> String {
        let text = serde_json::to_vec(self).expect("keys are JSON");
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads a token back.
    pub fn parse(token: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
    }
}

/// The options of one request.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `$filter`.
    pub filter: Option<Filter>,
    /// `$orderby`: property and whether it descends.
    pub order: Option<(usize, bool)>,
    /// Further keys of `$orderby`.
    pub then: Vec<(usize, bool)>,
    /// `$top`.
    pub top: Option<usize>,
    /// `$skip`.
    pub skip: usize,
    /// `$select`.
    pub select: Option<Vec<String>>,
    /// `$count=true`.
    pub count: bool,
    /// `$expand`.
    pub expand: Option<String>,
    /// `$skiptoken`.
    pub cursor: Option<Cursor>,
}

/// The query options of a URL, decoded, in their order.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect()
}

impl Options {
    /// Reads the options; the error is the service's sentence.
    pub fn parse(query: &str, of: Type) -> Result<Self, String> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs(query) {
            let whole = || {
                value.parse::<usize>().map_err(|_| {
                    format!("Invalid value '{value}' for {name} query option found. The {name} query option requires a non-negative integer value.")
                })
            };
            let bare = name.trim_start_matches('$').to_ascii_lowercase();
            let known = matches!(
                bare.as_str(),
                "filter" | "orderby" | "top" | "skip" | "count" | "select" | "expand" | "skiptoken"
            );
            if known && seen.contains(&bare) {
                return Err(format!(
                    "Query option '{name}' was specified more than once, but it must be specified at most once."
                ));
            }
            match bare.as_str() {
                "filter" => {
                    options.filter = Some(
                        Filter::parse(&value, of)
                            .map_err(|e| format!("Invalid filter clause: {e}"))?,
                    );
                }
                "orderby" => {
                    let mut keys = order(&value, of)?.into_iter();
                    options.order = keys.next();
                    options.then = keys.collect();
                }
                "top" => options.top = Some(whole()?),
                "skip" => options.skip = whole()?,
                "count" => match value.as_str() {
                    "true" => options.count = true,
                    "false" => options.count = false,
                    _ => {
                        return Err(format!(
                            "Invalid value '{value}' for $count query option found. The $count query option requires a value of true or false."
                        ));
                    }
                },
                "select" => options.select = Some(select(&value, of)?),
                "expand" => options.expand = Some(value),
                "skiptoken" => {
                    options.cursor = Some(
                        Cursor::parse(&value)
                            .ok_or("Invalid skiptoken: the token cannot be read.")?,
                    );
                }
                _ if name.starts_with('$') => {
                    return Err(format!("The query parameter '{name}' is not supported."));
                }
                _ => {}
            }
            if known {
                seen.push(bare);
            }
        }
        if let Some(cursor) = &options.cursor
            && cursor.keys.len() > 1 + options.then.len()
        {
            return Err("Invalid skiptoken: the token belongs to another query.".into());
        }
        // `$select=*` is everything.
        options.select = options.select.filter(|names| !names.is_empty());
        Ok(options)
    }
}

fn order(value: &str, of: Type) -> Result<Vec<(usize, bool)>, String> {
    let mut at = 0;
    value
        .split(',')
        .map(|key| {
            let from = at;
            at += key.len() + 1;
            let mut words = key.split_whitespace();
            let name = words.next().unwrap_or_default();
            let syntax = || {
                format!(
                    "Syntax error at position {} in '{value}'.",
                    from + key.len()
                )
            };
            if name.is_empty() {
                return Err(syntax());
            }
            let place = of
                .properties
                .iter()
                .position(|p| p.name == name && !matches!(p.kind, Kind::Other | Kind::Many))
                .ok_or_else(|| {
                    format!(
                        "Could not find a property named '{name}' on type '{}'.",
                        of.name
                    )
                })?;
            let descending = match words.next().map(str::to_ascii_lowercase).as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(syntax()),
            };
            match words.next() {
                Some(_) => Err(syntax()),
                None => Ok((place, descending)),
            }
        })
        .collect()
}

fn select(value: &str, of: Type) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "*")
        .map(|name| {
            if of.properties.iter().any(|p| p.name == name) {
                Ok(name.to_owned())
            } else {
                Err(format!(
                    "Could not find a property named '{name}' on type '{}'.",
                    of.name
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
