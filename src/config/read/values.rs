//! Single settings: each value judged by its field's shape, and the defaults of those left out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::DeValue;

use crate::cloud;
use crate::config::fields::{self, Field, Shape};
use crate::config::problem::nearest;
use crate::config::read::Reader;
use crate::config::secret::{SecretSource, Typed};
use crate::config::{FeedSettings, Hunt, Sla, TimeZone, Ui, span};

/// A value that passed its shape, with where it stands.
pub(super) enum Found {
    Text(String),
    /// Names, each with where it stands.
    Names(Vec<(String, usize)>),
    Flag(bool),
    Span(Duration),
    Count(u64),
    Secret(SecretSource),
    File(PathBuf),
}

#[derive(Default)]
pub(super) struct Values {
    pub(super) found: BTreeMap<&'static str, (Found, usize)>,
}

impl Values {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.found.get(name) {
            Some((Found::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        match self.found.get(name) {
            Some((Found::File(path), _)) => Some(path.clone()),
            _ => None,
        }
    }

    pub(super) fn names(&self, name: &str) -> &[(String, usize)] {
        match self.found.get(name) {
            Some((Found::Names(names), _)) => names,
            _ => &[],
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.found.get(name), Some((Found::Flag(true), _)))
    }

    pub(super) fn span(&self, name: &str) -> Duration {
        match self.found.get(name) {
            Some((Found::Span(span), _)) => *span,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn count(&self, name: &str) -> u64 {
        match self.found.get(name) {
            Some((Found::Count(count), _)) => *count,
            _ => 0,
        }
    }

    pub(super) fn at(&self, name: &str) -> Option<usize> {
        self.found.get(name).map(|(_, at)| *at)
    }

    /// The values of settings left out.
    pub(super) fn fill(&mut self, fields: &'static [Field]) {
        for field in fields.iter().filter(|field| !field.default.is_empty()) {
            self.found.entry(field.name).or_insert_with(|| {
                let found = match field.shape {
                    Shape::Flag => Found::Flag(field.default == "true"),
                    Shape::Span { .. } => {
                        Found::Span(span::read(field.default).unwrap_or_default())
                    }
                    Shape::Count { .. } => Found::Count(field.default.parse().unwrap_or_default()),
                    _ => Found::Text(field.default.to_owned()),
                };
                (found, usize::MAX)
            });
        }
    }

    fn defaults(fields: &'static [Field]) -> Self {
        let mut values = Self::default();
        values.fill(fields);
        values
    }
}

impl Reader<'_> {
    /// A table of plain settings; what is wrong or left out gets its default.
    pub(super) fn table(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        name: &str,
        fields: &'static [Field],
    ) -> Values {
        let mut values = match value.get_ref() {
            DeValue::Table(table) => {
                self.values(table.iter(), fields, &[], &format!("in [{name}]"), false)
            }
            other => {
                self.report(
                    value.span().start,
                    format!("{name} is {}", type_of(other)),
                    format!("a table: [{name}]"),
                    None,
                    false,
                );
                Values::default()
            }
        };
        values.fill(fields);
        values
    }

    pub(super) fn values<'t, 'i: 't>(
        &mut self,
        entries: impl Iterator<
            Item = (
                &'t Spanned<toml::de::DeString<'i>>,
                &'t Spanned<DeValue<'i>>,
            ),
        >,
        fields: &'static [Field],
        more: &[&str],
        place: &str,
        fatal: bool,
    ) -> Values {
        let mut values = Values::default();
        for (key, value) in entries {
            let name = &**key.get_ref();
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let known = || {
                    fields
                        .iter()
                        .map(|field| field.name)
                        .chain(more.iter().copied())
                };
                let near = nearest(name, known());
                let expected = format!("one of {}", known().collect::<Vec<_>>().join(", "));
                self.report(
                    key.span().start,
                    format!("unknown setting \"{name}\" {place}"),
                    expected,
                    near,
                    fatal,
                );
                continue;
            };
            if let Some(found) = self.value(field, value, fatal) {
                values.found.insert(field.name, (found, value.span().start));
            }
        }
        values
    }

    /// A value judged by its field's shape; what does not fit is reported and left out.
    fn value(
        &mut self,
        field: &'static Field,
        value: &Spanned<DeValue<'_>>,
        fatal: bool,
    ) -> Option<Found> {
        let at = value.span().start;
        let wrong = |reader: &mut Self, found: &str, near: Option<&str>| {
            reader.report(
                at,
                format!("{} is {found}", field.name),
                field.shape.expected(),
                near,
                fatal,
            );
            None
        };
        if matches!(field.shape, Shape::Secret) {
            return self.secret(field, value, fatal).map(Found::Secret);
        }
        if matches!(field.shape, Shape::Names) {
            let one = |value: &Spanned<DeValue<'_>>| {
                let name = value.get_ref().as_str()?.trim();
                (!name.is_empty()).then(|| (name.to_owned(), value.span().start))
            };
            let names = match value.get_ref() {
                DeValue::Array(names) => names.iter().map(one).collect(),
                _ => one(value).map(|name| vec![name]),
            };
            return match names {
                Some(names) => Some(Found::Names(names)),
                None => wrong(self, type_of(value.get_ref()), None),
            };
        }
        if let (Shape::Flag, DeValue::Boolean(flag)) = (field.shape, value.get_ref()) {
            return Some(Found::Flag(*flag));
        }
        if let (Shape::Count { min, max }, DeValue::Integer(number)) =
            (field.shape, value.get_ref())
        {
            let read = u64::from_str_radix(number.as_str(), number.radix());
            return match read {
                Ok(count) if (min..=max).contains(&count) => Some(Found::Count(count)),
                _ => wrong(self, number.as_str(), None),
            };
        }
        let DeValue::String(text) = value.get_ref() else {
            return wrong(self, type_of(value.get_ref()), None);
        };
        let text = text.trim();
        let quoted = || format!("\"{text}\"");
        match field.shape {
            Shape::Flag | Shape::Secret | Shape::Names | Shape::Count { .. } => {
                wrong(self, &quoted(), None)
            }
            Shape::Text | Shape::File if text.is_empty() => wrong(self, "empty", None),
            Shape::File => Some(Found::File(self.resolve_path(text))),
            Shape::Text => Some(Found::Text(text.to_owned())),
            Shape::Span { min, max } => match span::read(text) {
                Some(span) if (min..=max).contains(&span.as_secs()) => Some(Found::Span(span)),
                _ => wrong(self, &quoted(), None),
            },
            Shape::Choice(words) => {
                let words = words();
                if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                    return Some(Found::Text((*word).to_owned()));
                }
                let near = nearest(text, words);
                wrong(self, &quoted(), near)
            }
            Shape::Guid if uuid::Uuid::parse_str(text).is_ok() => {
                Some(Found::Text(text.to_owned()))
            }
            Shape::Guid => wrong(self, &quoted(), None),
            Shape::Tenant => {
                let domain = text.contains('.')
                    && text
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
                if domain || uuid::Uuid::parse_str(text).is_ok() {
                    Some(Found::Text(text.to_owned()))
                } else {
                    wrong(self, &quoted(), None)
                }
            }
            Shape::Address => match cloud::address(field.name, text) {
                Ok(_) => Some(Found::Text(text.trim_end_matches('/').to_owned())),
                Err(error) => {
                    self.report(at, error.to_string(), field.shape.expected(), None, fatal);
                    None
                }
            },
            Shape::Audience => {
                let choice = cloud::Choice {
                    cloud: "commercial",
                    defender_audience: Some(text),
                    ..cloud::Choice::default()
                };
                match cloud::resolve(&choice) {
                    Ok(_) => Some(Found::Text(text.to_owned())),
                    Err(error) => {
                        self.report(at, error.to_string(), field.shape.expected(), None, fatal);
                        None
                    }
                }
            }
        }
    }

    fn secret(
        &mut self,
        field: &'static Field,
        value: &Spanned<DeValue<'_>>,
        fatal: bool,
    ) -> Option<SecretSource> {
        let at = value.span().start;
        let wrong = |reader: &mut Self, at, what: String, near| {
            reader.report(at, what, field.shape.expected(), near, fatal);
            None
        };
        let table = match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => {
                return Some(SecretSource::Value(SecretString::from(text.trim())));
            }
            DeValue::Table(table) => table,
            // Never quote what stands here: it may be a secret.
            other => {
                return wrong(
                    self,
                    at,
                    format!("{} is {}", field.name, type_of(other)),
                    None,
                );
            }
        };
        let mut entries = table.iter();
        let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
            let what = format!("{} names {} places", field.name, table.len());
            return wrong(self, at, what, None);
        };
        match (&**key.get_ref(), inner.get_ref()) {
            ("env", DeValue::String(name)) if !name.trim().is_empty() => {
                Some(SecretSource::Env(name.trim().to_owned()))
            }
            ("file", DeValue::String(path)) if !path.trim().is_empty() => {
                Some(SecretSource::File(self.resolve_path(path.trim())))
            }
            ("command", DeValue::Array(words)) => {
                let words: Option<Vec<String>> = words
                    .iter()
                    .map(|word| word.get_ref().as_str().map(str::to_owned))
                    .collect();
                match words {
                    Some(words) if words.first().is_some_and(|word| !word.is_empty()) => {
                        Some(SecretSource::Command(words))
                    }
                    _ => {
                        let what = format!("{}.command is not a list of words", field.name);
                        wrong(self, inner.span().start, what, None)
                    }
                }
            }
            ("prompt", DeValue::Boolean(true)) => Some(SecretSource::Prompt(Typed::default())),
            (name @ ("env" | "file" | "command" | "prompt"), other) => {
                let what = format!("{}.{name} is {}", field.name, type_of(other));
                wrong(self, inner.span().start, what, None)
            }
            (name, _) => {
                let what = format!("unknown place \"{name}\" of {}", field.name);
                let near = nearest(name, ["env", "file", "command", "prompt"]);
                wrong(self, key.span().start, what, near)
            }
        }
    }

    /// `~/x` from the home folder, anything relative from the configuration's folder.
    fn resolve_path(&self, path: &str) -> PathBuf {
        if let (Some(rest), Ok(home)) = (path.strip_prefix("~/"), etcetera::home_dir()) {
            return home.join(rest);
        }
        self.file
            .parent()
            .map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }
}

pub(super) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(text) if text.trim().is_empty() => "empty",
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number without unit",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl From<&Values> for Ui {
    fn from(values: &Values) -> Self {
        Self {
            theme: values.owned("theme").unwrap_or_default(),
            theme_at: None,
            time_zone: match values.text("time_zone") {
                Some("local") => TimeZone::Local,
                _ => TimeZone::Utc,
            },
            mouse: values.flag("mouse"),
        }
    }
}

impl From<&Values> for Hunt {
    fn from(values: &Values) -> Self {
        Self {
            vim: values.text("keys") == Some("vim"),
            keep_results: usize::try_from(values.count("keep_results")).unwrap_or(usize::MAX),
            keep_bytes: values.count("keep_megabytes") << 20,
            local_time: values.span("local_time"),
            queries: values.file("queries"),
        }
    }
}

impl From<&Values> for FeedSettings {
    fn from(values: &Values) -> Self {
        Self {
            incidents_every: values.span("incidents_every"),
            alerts_every: values.span("alerts_every"),
            actions_every: values.span("actions_every"),
            open_actions_every: values.span("open_actions_every"),
            idle_every: values.span("idle_every"),
            overlap: values.span("overlap"),
            backlog: values.span("backlog"),
            retention: values.span("retention"),
        }
    }
}

impl From<&Values> for Sla {
    fn from(values: &Values) -> Self {
        Self {
            high: values.span("high"),
            medium: values.span("medium"),
            low: values.span("low"),
            informational: values.span("informational"),
        }
    }
}

impl Default for Hunt {
    fn default() -> Self {
        Self::from(&Values::defaults(fields::HUNT))
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self::from(&Values::defaults(fields::UI))
    }
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self::from(&Values::defaults(fields::FEED))
    }
}

impl Default for Sla {
    fn default() -> Self {
        Self::from(&Values::defaults(fields::SLA))
    }
}
