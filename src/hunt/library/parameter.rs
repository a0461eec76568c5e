//! What can be set in a query: leading `let`s of a plain value with a comment behind.

use std::ops::Range;

use super::super::prepared;
use crate::kql::{self, Schema, Type};

/// The longest `let` that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// A value that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the query.
    pub name: String,
    /// Its type; a list of texts is `dynamic`.
    pub ty: Type,
    /// What it is, in words.
    pub about: String,
    /// Its value in the query, as a person writes it: texts without quotes, lists with commas.
    pub default: String,
    /// Where the value stands in the query, in bytes.
    place: Range<usize>,
}

/// A value that is none of the parameter's type. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct Refused {
    /// Which parameter.
    pub name: String,
    /// What it wants.
    pub why: String,
}

/// The parameters at the head of a query.
pub(super) fn read(query: &str) -> Vec<Parameter> {
    let mut found = Vec::new();
    let mut at = 0;
    // A `let` that is laid out over several lines ends where its `;` is.
    let mut begun: Option<usize> = None;
    for line in query.split_inclusive('\n') {
        let start = begun.unwrap_or(at);
        at += line.len();
        let line = line.trim_end();
        if begun.is_none() && (line.is_empty() || line.starts_with("//")) {
            continue;
        }
        let ends = line.ends_with(';') || line.contains("; //");
        if !ends && at - start < LONGEST && (begun.is_some() || line.starts_with("let ")) {
            begun = Some(start);
            continue;
        }
        begun = None;
        match of_statement(query[start..at].trim_end(), start) {
            Some(parameter) => found.push(parameter),
            None => break,
        }
    }
    found
}

fn of_statement(line: &str, start: usize) -> Option<Parameter> {
    let rest = line.strip_prefix("let ")?;
    let (name, rest) = rest.split_once('=')?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    // The comment is behind the last `;`: a text may hold both signs.
    let (value, about) = rest.rsplit_once("; //")?;
    let from = start + (line.len() - rest.len()) + (value.len() - value.trim_start().len());
    let value = value.trim();
    let ty = type_of(value)?;
    Some(Parameter {
        name: name.to_owned(),
        ty,
        about: about.trim().to_owned(),
        default: written(value, ty),
        place: from..from + value.len(),
    })
}

/// The type of a plain value; `None` where it is none.
fn type_of(value: &str) -> Option<Type> {
    // No column and no table can be named here: what is right is a constant.
    let text = format!("print it_ = {value}");
    let analysis = kql::analyze(&text, Schema::hunting());
    let shape = analysis.result.as_ref().filter(|_| analysis.is_ok())?;
    match shape.columns.as_ref() {
        [column] if column.name == "it_" => Some(column.ty),
        _ => None,
    }
}

/// A value of a query as a person writes it.
fn written(value: &str, ty: Type) -> String {
    match ty {
        Type::String => text_of(value).unwrap_or_else(|| value.to_owned()),
        Type::DateTime => within(value, "datetime").unwrap_or(value).to_owned(),
        Type::Dynamic => {
            let items = within(value, "dynamic").and_then(list);
            items.map_or_else(|| value.to_owned(), |items| items.join(", "))
        }
        _ => value.to_owned(),
    }
}

fn within<'a>(value: &'a str, call: &str) -> Option<&'a str> {
    let inner = value.strip_prefix(call)?.trim_start();
    let inner = inner.strip_prefix('(')?.strip_suffix(')')?;
    Some(inner.trim())
}

/// The text of a literal in double quotes or of a verbatim one, where it holds nothing escaped.
fn text_of(literal: &str) -> Option<String> {
    let quoted = literal.strip_prefix('@').unwrap_or(literal);
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let escaped = inner.contains('"') || (quoted.len() == literal.len() && inner.contains('\\'));
    (!escaped).then(|| inner.to_owned())
}

/// The items of a list of plain texts.
fn list(inner: &str) -> Option<Vec<String>> {
    let items: Vec<serde_json::Value> = serde_json::from_str(inner).ok()?;
    let text = |item: &serde_json::Value| {
        let text = item.as_str()?;
        (!text.contains(',') && text.trim() == text && !text.is_empty()).then(|| text.to_owned())
    };
    items.iter().map(text).collect()
}

impl Parameter {
    /// What its values look like.
    pub fn form(&self) -> &'static str {
        match self.ty {
            Type::TimeSpan => "a time span: 30m, 12h, 7d",
            Type::DateTime => "a time: 2026-11-20 14:30, or ago(2d)",
            Type::Long | Type::Int => "a whole number",
            Type::Real | Type::Decimal => "a number",
            Type::Bool => "true or false",
            Type::Dynamic => "a list: one, two, three",
            _ => "a text",
        }
    }

    /// A value a person wrote, as KQL of the parameter's type.
    ///
    /// # Errors
    /// Where it is no such value.
    pub fn literal(&self, value: &str) -> Result<String, Refused> {
        let value = value.trim();
        let refused = || Refused {
            name: self.name.clone(),
            why: format!("“{value}” is not {}", self.form()),
        };
        self.spelled(value).ok_or_else(refused)
    }

    fn spelled(&self, value: &str) -> Option<String> {
        let literal = match self.ty {
            Type::String => return Some(prepared::literal(value)),
            Type::DateTime if value.contains('(') => value.to_owned(),
            Type::DateTime => {
                let time = value.trim_end_matches('Z').replace('T', " ");
                let digit = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | ' ');
                if !time.chars().all(digit) || !is_time(&time) {
                    return None;
                }
                format!("datetime({value})")
            }
            Type::Dynamic if value.starts_with(['[', '{']) => format!("dynamic({value})"),
            Type::Dynamic if value.starts_with("dynamic(") => value.to_owned(),
            Type::Dynamic => {
                let items = value.split(',').map(str::trim).filter(|it| !it.is_empty());
                let items: Vec<String> = items.map(prepared::literal).collect();
                return Some(format!("dynamic([{}])", items.join(", ")));
            }
            _ => value.to_owned(),
        };
        // One value, not the beginning of a query of its own.
        if literal.contains([';', '\n', '|']) && self.ty != Type::Dynamic {
            return None;
        }
        let ty = type_of(&literal)?;
        let number = |ty| matches!(ty, Type::Real | Type::Long | Type::Int);
        let fits = ty == self.ty || (self.ty == Type::Real && number(ty));
        fits.then_some(literal)
    }
}

/// `2026-11-20`, `2026-11-20 14:30`, `2026-11-20 14:30:05.5`.
fn is_time(text: &str) -> bool {
    let (date, time) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let date_fits = date.parse::<jiff::civil::Date>().is_ok();
    date_fits && (time.is_empty() || time.trim().parse::<jiff::civil::Time>().is_ok())
}

/// The query with these values in the place of its own, in the order of its parameters.
///
/// # Errors
/// The first value that is none of its parameter's type.
pub fn fill(query: &str, parameters: &[Parameter], values: &[String]) -> Result<String, Refused> {
    let mut out = String::with_capacity(query.len() + 64);
    let mut at = 0;
    for (parameter, value) in parameters.iter().zip(values) {
        let (Some(before), Some(own)) = (
            query.get(at..parameter.place.start),
            query.get(parameter.place.clone()),
        ) else {
            continue;
        };
        out.push_str(before);
        if value.trim() == parameter.default {
            out.push_str(own);
        } else {
            out.push_str(&parameter.literal(value)?);
        }
        at = parameter.place.end;
    }
    out.push_str(&query[at..]);
    Ok(out)
}
