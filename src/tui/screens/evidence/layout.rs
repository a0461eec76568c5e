//! How each kind of evidence reads: tables from `assets/evidence`, read once, and the lines they
//! make of an entity.
//!
//! A kind without a table, known to us or not, is shown whole as keys and values; so are the fields
//! a table does not name. Nothing the service sent is left out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::evidence::BASE_FIELDS;
use crate::domain::{Evidence, EvidenceKind, Timestamp, parse_time, text};
use crate::hunt::{export, prepared};

const FILES: &[(&str, &str)] = &[
    (
        "endpoint.toml",
        include_str!("../../../../assets/evidence/endpoint.toml"),
    ),
    (
        "identity.toml",
        include_str!("../../../../assets/evidence/identity.toml"),
    ),
    (
        "mail.toml",
        include_str!("../../../../assets/evidence/mail.toml"),
    ),
    (
        "network.toml",
        include_str!("../../../../assets/evidence/network.toml"),
    ),
];

/// How the value at a path is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As it is.
    #[default]
    Text,
    /// An identifier or hash: whole, never cut in the middle.
    Id,
    /// An address or host nobody must click.
    Defang,
    /// An address of the organisation: sanitised, left clickable.
    Address,
    /// The strings of an array, on one line.
    List,
    /// The strings of an array, defanged, on one line.
    DefangList,
    /// The strings of an array, a line each.
    Lines,
    /// The strings of an array, a line each, defanged.
    Urls,
    /// An `emailSender`: display name and address.
    Sender,
    /// A `userAccount` or `loggedOnUser`: `DOMAIN\account`.
    Account,
    /// An array of them, on one line.
    Accounts,
    /// An instant.
    Time,
    /// Bytes.
    Size,
    /// A folder or registry path.
    Path,
    /// A command line or query: wrapped, never cut.
    Code,
}

/// One line of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Shown before the value; may be empty.
    pub label: String,
    /// Dotted path of the service's property names.
    pub path: String,
    /// How.
    #[serde(default)]
    pub format: Format,
    /// Shown after the value.
    #[serde(default)]
    pub note: String,
}

/// Lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Empty for the first group of most kinds.
    pub title: String,
    /// The lines.
    pub fields: Vec<Field>,
}

/// A query prepared for a kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What it looks for.
    pub title: String,
    /// KQL with `{path}` for values.
    pub query: String,
}

/// How a kind reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The kind's short wire name.
    pub name: String,
    /// Groups in order.
    #[serde(default)]
    pub group: Vec<Group>,
    /// Queries in order of preference.
    #[serde(default)]
    pub hunt: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<Layout>,
}

/// All layouts by kind, read once.
pub fn layouts() -> &'static HashMap<String, Layout> {
    static ALL: OnceLock<HashMap<String, Layout>> = OnceLock::new();
    ALL.get_or_init(|| {
        FILES
            .iter()
            .flat_map(|(name, text)| {
                let file: File = toml::from_str(text).unwrap_or_else(|error| {
                    unreachable!("assets/evidence/{name}, held by a test: {error}")
                });
                file.kind
            })
            .map(|layout| (layout.name.clone(), layout))
            .collect()
    })
}

/// The layout of a kind, where there is one.
pub fn layout_of(kind: &EvidenceKind) -> Option<&'static Layout> {
    layouts().get(kind.name())
}

/// What a line means, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A value.
    Plain,
    /// A group's title.
    Title,
    /// Less important: notes, generic fields.
    Dim,
    /// Against the entity: a mismatch, a failed check.
    Bad,
    /// In its favour.
    Good,
    /// Loading, waiting.
    Wait,
}

/// One line of details: sanitised, not yet cut or wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Before the value.
    pub label: String,
    /// The value.
    pub value: String,
    /// After the value: notes, each with its tone.
    pub notes: Vec<(String, Tone)>,
    /// The value's tone.
    pub tone: Tone,
    /// Wrapped over lines rather than cut.
    pub wrap: bool,
}

impl Line {
    /// A plain line.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            notes: Vec::new(),
            tone: Tone::Plain,
            wrap: false,
        }
    }

    /// A group's title; empty for a gap.
    pub fn title(title: impl Into<String>) -> Self {
        Self {
            tone: Tone::Title,
            ..Self::new("", title)
        }
    }

    /// With a tone.
    #[must_use]
    pub fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// With a note.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>, tone: Tone) -> Self {
        self.notes.push((note.into(), tone));
        self
    }

    /// Wrapped.
    #[must_use]
    pub fn wrapped(mut self) -> Self {
        self.wrap = true;
        self
    }
}

/// An entity's own fields as lines: its layout, then what the layout does not name. `stamp` writes
/// an instant the way the console does.
pub fn lines(evidence: &Evidence, stamp: &dyn Fn(Timestamp) -> String) -> Vec<Line> {
    let mut out = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    if let Some(layout) = layout_of(&evidence.kind) {
        for group in &layout.group {
            let before = out.len();
            for field in &group.fields {
                named.push(&field.path);
                field_lines(evidence, field, stamp, &mut out);
            }
            if out.len() > before && !group.title.is_empty() {
                out.insert(before, Line::title(&group.title));
            }
        }
    }
    let mut rest = Vec::new();
    for (name, value) in &evidence.fields {
        if !name.contains('@') && !BASE_FIELDS.contains(&name.as_str()) {
            generic(name, value, &named, stamp, &mut rest);
        }
    }
    if !rest.is_empty() && !out.is_empty() {
        out.push(Line::title("Other fields"));
        for line in rest.iter_mut().filter(|line| line.tone == Tone::Plain) {
            line.tone = Tone::Dim;
        }
    }
    out.append(&mut rest);
    out
}

fn field_lines(
    evidence: &Evidence,
    field: &Field,
    stamp: &dyn Fn(Timestamp) -> String,
    out: &mut Vec<Line>,
) {
    let Some(value) = evidence.get(&field.path) else {
        return;
    };
    let label = field.label.as_str();
    let before = out.len();
    let each = |value: &Value, show: &dyn Fn(&str) -> String| -> Vec<String> {
        let items = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        items.iter().filter_map(plain).map(|it| show(&it)).collect()
    };
    let clean = |it: &str| text::clean(it).into_owned();
    let mut line = match field.format {
        Format::Sender => sender(value).map(|it| Line::new(label, it)),
        Format::Account => account(value).map(|it| Line::new(label, it)),
        Format::Accounts => {
            let all: Vec<String> = value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(account)
                .collect();
            (!all.is_empty()).then(|| Line::new(label, all.join(", ")).wrapped())
        }
        Format::List | Format::DefangList => {
            let all = if field.format == Format::List {
                each(value, &clean)
            } else {
                each(value, &text::defang)
            };
            (!all.is_empty()).then(|| Line::new(label, all.join(", ")).wrapped())
        }
        Format::Lines | Format::Urls => {
            let all = if field.format == Format::Lines {
                each(value, &clean)
            } else {
                each(value, &text::defang)
            };
            for (nth, it) in all.into_iter().enumerate() {
                out.push(Line::new(if nth == 0 { label } else { "" }, it).wrapped());
            }
            None
        }
        Format::Time => plain(value)
            .map(|it| Line::new(label, parse_time(&it).map_or_else(|| clean(&it), stamp))),
        Format::Size => {
            plain(value).map(|it| Line::new(label, it.parse().map_or_else(|_| clean(&it), size)))
        }
        Format::Defang => plain(value).map(|it| Line::new(label, text::defang(&it)).wrapped()),
        Format::Code => plain(value).map(|it| Line::new(label, text::clean_block(&it)).wrapped()),
        Format::Text | Format::Id | Format::Address | Format::Path => {
            plain(value).map(|it| Line::new(label, clean(&it)).wrapped())
        }
    };
    // a shape the layout did not expect is shown rather than lost
    let empty = value.as_array().is_some_and(Vec::is_empty);
    if line.is_none() && out.len() == before && !empty && (value.is_object() || value.is_array()) {
        generic(&field.path, value, &[], stamp, out);
    }
    if let (Some(line), false) = (&mut line, field.note.is_empty()) {
        line.notes.push((field.note.clone(), Tone::Dim));
    }
    out.extend(line);
}

/// A field no layout names: objects become `name.part` lines, arrays a line an item.
fn generic(
    name: &str,
    value: &Value,
    named: &[&str],
    stamp: &dyn Fn(Timestamp) -> String,
    out: &mut Vec<Line>,
) {
    if named.contains(&name) || name.matches('.').count() > 8 {
        return;
    }
    let label = text::clean(name).into_owned();
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (part, value) in fields.iter().filter(|(part, _)| !part.contains("@odata")) {
                generic(&format!("{name}.{part}"), value, named, stamp, out);
            }
        }
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            let all: Vec<String> = items
                .iter()
                .filter_map(plain)
                .map(|it| text::clean(&it).into_owned())
                .collect();
            if !all.is_empty() {
                out.push(Line::new(label, all.join(", ")).wrapped());
            }
        }
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                generic(&format!("{name}[{nth}]"), item, named, stamp, out);
            }
        }
        scalar => {
            let Some(it) = plain(scalar) else { return };
            let shown = match parse_time(&it) {
                Some(time) if it.len() >= 19 => stamp(time),
                _ if risky(name, &it) => text::defang(&it),
                _ => text::clean_block(&it).into_owned(),
            };
            out.push(Line::new(label, shown).wrapped());
        }
    }
}

/// Whether a value of a kind we know nothing of could turn into a link.
fn risky(name: &str, value: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    value.contains("://")
        || ["url", "uri", "ip", "domain", "address", "link", "host"]
            .iter()
            .any(|word| last.contains(word))
}

fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(it) if it.is_empty() => None,
        Value::String(it) => Some(Cow::Borrowed(it)),
        Value::Number(it) => Some(Cow::Owned(it.to_string())),
        Value::Bool(it) => Some(Cow::Borrowed(if *it { "true" } else { "false" })),
        _ => None,
    }
}

fn part<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str().filter(|it| !it.is_empty())
}

fn sender(value: &Value) -> Option<String> {
    let address = part(value, "emailAddress").map(text::defang);
    let name = part(value, "displayName").map(|it| text::clean(it).into_owned());
    match (name, address) {
        (Some(name), Some(address)) => Some(format!("{name} <{address}>")),
        (name, address) => name
            .or(address)
            .or_else(|| part(value, "domainName").map(text::defang)),
    }
}

fn account(value: &Value) -> Option<String> {
    let name = part(value, "accountName").or_else(|| part(value, "userPrincipalName"))?;
    let whole = match part(value, "domainName") {
        Some(domain) => format!("{domain}\\{name}"),
        None => name.to_owned(),
    };
    Some(text::clean(&whole).into_owned())
}

/// Bytes as a person reads them, with the exact number.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit.is_empty() {
        format!("{bytes} bytes")
    } else {
        format!("{value:.1} {unit} ({bytes} bytes)")
    }
}

/// The first prepared query whose fields the entity has: its title and the text. `at` stands for
/// the time of the alert.
pub fn hunt_around(evidence: &Evidence, at: Option<Timestamp>) -> Option<(String, String)> {
    let field = |path: &str| match path {
        "@time" => at.map(|time| Cow::Owned(time.to_string())),
        path => evidence.text(path),
    };
    let templates = &layout_of(&evidence.kind)?.hunt;
    templates.iter().find_map(|template| {
        Some((
            template.title.clone(),
            prepared::fill(&template.query, field)?,
        ))
    })
}

/// The entity as the service sent it, laid out, safe for a terminal.
pub fn source(evidence: &Evidence) -> String {
    export::pretty_json(&evidence.fields)
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
