//! The part of OData 4 that the services take: `$filter`, `$orderby`, `$top`, `$skip`, `$select`,
//! `$count`, `$expand` and opaque continuation tokens.
//!
//! Knows property names and their kinds, not where the values come from.

mod filter;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

/// The value a page was cut at: the sort key and the row's place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A time, a number or a member.
    Number(i64),
    /// Text.
    Text(String),
}

impl Key {
    /// The key of a field; null sorts first.
    pub fn of(field: Field<'_>) -> Self {
        match field {
            Field::Null | Field::Many(_) => Self::Number(i64::MIN),
            Field::Text(text) => Self::Text(text.to_lowercase()),
            Field::Time(ticks) => Self::Number(ticks),
            Field::Number(number) => Self::Number(number),
            Field::Member(member) => Self::Number(i64::from(member)),
        }
    }
}

/// Where the next page begins: after this key and row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Sort key of the last row sent.
    pub key: Key,
    /// Its place.
    pub place: u32,
    /// Rows sent on earlier pages.
    pub sent: usize,
}

impl Cursor {
    /// The opaque token.
    pub fn token(&self) -> String {
        let text = match &self.key {
            Key::Number(n) => format!("n{n}\n{}\n{}", self.place, self.sent),
            Key::Text(t) => format!("t{t}\n{}\n{}", self.place, self.sent),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads a token back.
    pub fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut parts = text.rsplitn(3, '\n');
        let sent = parts.next()?.parse().ok()?;
        let place = parts.next()?.parse().ok()?;
        let key = parts.next()?;
        let key = match key.split_at_checked(1)? {
            ("n", number) => Key::Number(number.parse().ok()?),
            ("t", text) => Key::Text(text.into()),
            _ => return None,
        };
        Some(Self { key, place, sent })
    }
}

/// The options of one request.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `$filter`.
    pub filter: Option<Filter>,
    /// `$orderby`: property and whether it descends.
    pub order: Option<(usize, bool)>,
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
        for (name, value) in pairs(query) {
            let whole = || {
                value.parse::<usize>().map_err(|_| {
                    format!("Invalid value '{value}' for {name} query option found. The {name} query option requires a non-negative integer value.")
                })
            };
            match name.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "filter" => {
                    options.filter = Some(
                        Filter::parse(&value, of)
                            .map_err(|e| format!("Invalid filter clause: {e}"))?,
                    );
                }
                "orderby" => options.order = Some(order(&value, of)?),
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
        }
        Ok(options)
    }
}

fn order(value: &str, of: Type) -> Result<(usize, bool), String> {
    let first = value.split(',').next().unwrap_or_default();
    let mut words = first.split_whitespace();
    let name = words.next().unwrap_or_default();
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
    match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => Ok((place, false)),
        Some("desc") => Ok((place, true)),
        Some(_) => Err(format!(
            "Syntax error at position {} in '{value}'.",
            name.len() + 1
        )),
    }
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
