//! From TOML to [`Config`]: walks the parsed tree beside the tables of [`fields`](super::fields).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{self, Field, Shape};
use super::problem::{Problem, nearest, position};
use super::secret::{SecretSource, check_file};
use super::{
    Config, FeedSettings, KeyBinding, KeyScope, KeyTable, Loaded, Profile, Sla, TimeZone, Ui, span,
};
use crate::cloud;

/// A secret file to look at, with where the profile names it.
pub(super) struct SecretFile {
    profile: String,
    path: PathBuf,
    at: usize,
}

pub(super) fn load(file: &Path) -> Loaded {
    let text = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return parse("", file).0;
        }
        Err(error) => {
            let mut loaded = parse("", file).0;
            loaded.problems.push(Problem {
                file: file.to_owned(),
                line: 0,
                column: 0,
                what: format!("the file cannot be read: {error}"),
                expected: String::new(),
                nearest: None,
                fatal: true,
            });
            return loaded;
        }
    };
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let good = String::from_utf8_lossy(&bytes[..valid]).into_owned();
            let (line, column) = position(&good, good.len());
            let mut loaded = parse("", file).0;
            loaded.problems.push(Problem {
                file: file.to_owned(),
                line,
                column,
                what: "the file is not UTF-8 text".to_owned(),
                expected: "TOML in UTF-8".to_owned(),
                nearest: None,
                fatal: true,
            });
            return loaded;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut loaded, secrets) = parse(text, file);
    for secret in secrets {
        if let Err(error) = check_file(&secret.path) {
            let (line, column) = position(text, secret.at);
            let problem = Problem {
                file: file.to_owned(),
                line,
                column,
                what: error.to_string(),
                expected: "a file only you can read (mode 600)".to_owned(),
                nearest: None,
                fatal: true,
            };
            loaded.config.profiles.remove(&secret.profile);
            loaded
                .config
                .unusable
                .entry(secret.profile)
                .or_default()
                .push(problem.clone());
            loaded.problems.push(problem);
        }
    }
    loaded.problems.sort_by_key(|it| (it.line, it.column));
    loaded
}

/// Reads a text; also gives the secret files it names, which only [`load`] looks at.
pub(super) fn parse(text: &str, file: &Path) -> (Loaded, Vec<SecretFile>) {
    let mut reader = Reader {
        text,
        file,
        problems: Vec::new(),
        secrets: Vec::new(),
    };
    let config = reader.config();
    let mut problems = reader.problems;
    problems.sort_by_key(|it| (it.line, it.column));
    (Loaded { config, problems }, reader.secrets)
}

/// A value that passed its shape, with where it stands.
enum Found {
    Text(String),
    Flag(bool),
    Span(Duration),
    Secret(SecretSource),
}

#[derive(Default)]
struct Values {
    found: BTreeMap<&'static str, (Found, usize)>,
}

impl Values {
    fn text(&self, name: &str) -> Option<&str> {
        match self.found.get(name) {
            Some((Found::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.found.get(name), Some((Found::Flag(true), _)))
    }

    fn span(&self, name: &str) -> Duration {
        match self.found.get(name) {
            Some((Found::Span(span), _)) => *span,
            _ => Duration::ZERO,
        }
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.found.get(name).map(|(_, at)| *at)
    }

    /// The values of settings left out.
    fn fill(&mut self, fields: &'static [Field]) {
        for field in fields.iter().filter(|field| !field.default.is_empty()) {
            self.found.entry(field.name).or_insert_with(|| {
                let found = match field.shape {
                    Shape::Flag => Found::Flag(field.default == "true"),
                    Shape::Span { .. } => {
                        Found::Span(span::read(field.default).unwrap_or_default())
                    }
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

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
    problems: Vec<Problem>,
    secrets: Vec<SecretFile>,
}

impl Reader<'_> {
    fn report(
        &mut self,
        at: usize,
        what: String,
        expected: String,
        nearest: Option<&str>,
        fatal: bool,
    ) {
        let (line, column) = position(self.text, at);
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            what,
            expected,
            nearest: nearest.map(str::to_owned),
            fatal,
        });
    }

    fn config(&mut self) -> Config {
        let (tree, errors) = DeTable::parse_recoverable(self.text);
        let mut broken: BTreeMap<String, Vec<Problem>> = BTreeMap::new();
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let profile = profile_around(self.text, at);
            let what = error.message().lines().next().unwrap_or("not TOML").trim();
            self.report(
                at,
                format!("not TOML here: {what}"),
                "name = value, or [table]".to_owned(),
                None,
                profile.is_some(),
            );
            if let (Some(profile), Some(problem)) = (profile, self.problems.last()) {
                broken.entry(profile).or_default().push(problem.clone());
            }
        }
        let tree = tree.into_inner();
        let mut config = Config {
            file: self.file.to_owned(),
            unusable: broken,
            ..Config::default()
        };
        let mut root: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = Vec::new();
        for (key, value) in &tree {
            match &**key.get_ref() {
                "profiles" => self.profiles(value, &mut config),
                "keys" => config.keys = self.keys(value),
                "ui" => config.ui = self.ui(value),
                "feed" => {
                    config.feed = FeedSettings::from(&self.table(value, "feed", fields::FEED));
                }
                "sla" => config.sla = Sla::from(&self.table(value, "sla", fields::SLA)),
                _ => root.push((key, value)),
            }
        }
        let tables = fields::TABLES.iter().map(|(name, _)| *name);
        let more: Vec<&str> = tables.chain(["profiles", "keys"]).collect();
        let values = self.values(root.into_iter(), fields::ROOT, &more, "at the top", false);
        config.default_profile = values.owned("default_profile");
        if let (Some(name), Some(at)) = (&config.default_profile, values.at("default_profile")) {
            let known = || config.profiles.keys().chain(config.unusable.keys());
            if !known().any(|it| it == name) {
                let names: Vec<&str> = known().map(String::as_str).collect();
                self.report(
                    at,
                    format!("default_profile names \"{name}\", which is not set up"),
                    match names.as_slice() {
                        [] => "a [profiles.NAME] table in this file".to_owned(),
                        names => format!("one of {}", names.join(", ")),
                    },
                    nearest(name, names.iter().copied()),
                    false,
                );
            }
        }
        config
    }

    fn ui(&mut self, value: &Spanned<DeValue<'_>>) -> Ui {
        let values = self.table(value, "ui", fields::UI);
        let mut ui = Ui::from(&values);
        ui.theme_at = values
            .at("theme")
            .filter(|at| *at != usize::MAX)
            .map(|at| position(self.text, at));
        ui
    }

    /// A table of plain settings; what is wrong or left out gets its default.
    fn table(
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

    fn values<'t, 'i: 't>(
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
        if let (Shape::Flag, DeValue::Boolean(flag)) = (field.shape, value.get_ref()) {
            return Some(Found::Flag(*flag));
        }
        let DeValue::String(text) = value.get_ref() else {
            return wrong(self, type_of(value.get_ref()), None);
        };
        let text = text.trim();
        let quoted = || format!("\"{text}\"");
        match field.shape {
            Shape::Flag | Shape::Secret => wrong(self, &quoted(), None),
            Shape::Text if text.is_empty() => wrong(self, "empty", None),
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
            (name @ ("env" | "file" | "command"), other) => {
                let what = format!("{}.{name} is {}", field.name, type_of(other));
                wrong(self, inner.span().start, what, None)
            }
            (name, _) => {
                let what = format!("unknown place \"{name}\" of {}", field.name);
                let near = nearest(name, ["env", "file", "command"]);
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

    fn profiles(&mut self, value: &Spanned<DeValue<'_>>, config: &mut Config) {
        let DeValue::Table(profiles) = value.get_ref() else {
            self.report(
                value.span().start,
                format!("profiles is {}", type_of(value.get_ref())),
                "tables: [profiles.NAME]".to_owned(),
                None,
                true,
            );
            return;
        };
        for (key, value) in profiles {
            let name = key.get_ref().to_string();
            let before = self.problems.len();
            let profile = self.profile(&name, key.span().start, value);
            let problems: Vec<Problem> = self.problems[before..].to_vec();
            match profile {
                Some(profile) if problems.is_empty() && !config.unusable.contains_key(&name) => {
                    config.profiles.insert(name, profile);
                }
                _ => config.unusable.entry(name).or_default().extend(problems),
            }
        }
    }

    fn profile(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Option<Profile> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(legal) {
            self.report(
                at,
                format!("\"{name}\" cannot name a profile"),
                "letters, digits, '.', '_' and '-', at most 64".to_owned(),
                None,
                true,
            );
            return None;
        }
        let DeValue::Table(table) = value.get_ref() else {
            self.report(
                value.span().start,
                format!("the profile {name} is {}", type_of(value.get_ref())),
                format!("a table: [profiles.{name}]"),
                None,
                true,
            );
            return None;
        };
        let place = format!("in [profiles.{name}]");
        let mut values = self.values(table.iter(), fields::PROFILE, &[], &place, true);
        for field in fields::PROFILE.iter().filter(|field| field.required) {
            if !table.iter().any(|(key, _)| &**key.get_ref() == field.name) {
                self.report(
                    at,
                    format!("the profile {name} lacks {}", field.name),
                    format!("{} = {}", field.name, field.shape.expected()),
                    None,
                    true,
                );
            }
        }
        values.fill(fields::PROFILE);
        let secret_at = values.at("client_secret").unwrap_or(at);
        let client_secret = match values.found.remove("client_secret") {
            Some((Found::Secret(secret), _)) => Some(secret),
            _ => None,
        };
        let profile = Profile {
            name: name.to_owned(),
            cloud: values.owned("cloud").unwrap_or_default(),
            region: values.owned("region"),
            tenant_id: values.owned("tenant_id").unwrap_or_default(),
            client_id: values.owned("client_id").unwrap_or_default(),
            client_secret,
            authority: values.owned("authority"),
            graph_url: values.owned("graph_url"),
            defender_url: values.owned("defender_url"),
            defender_audience: values.owned("defender_audience"),
            analyst: values.owned("analyst"),
            read_only: values.flag("read_only"),
        };
        let endpoints = match profile.endpoints() {
            Ok(endpoints) => endpoints,
            Err(error) => {
                let at = ["region", "cloud"]
                    .iter()
                    .find_map(|name| values.at(name).filter(|at| *at != usize::MAX))
                    .unwrap_or(at);
                self.report(at, error.to_string(), String::new(), None, true);
                return None;
            }
        };
        match &profile.client_secret {
            Some(SecretSource::Value(_)) if !endpoints.is_loopback() => {
                self.report(
                    secret_at,
                    "client_secret stands in the file, which only a tenant simulated on this machine may do"
                        .to_owned(),
                    Shape::Secret.expected(),
                    None,
                    true,
                );
                return None;
            }
            Some(SecretSource::File(path)) => self.secrets.push(SecretFile {
                profile: name.to_owned(),
                path: path.clone(),
                at: secret_at,
            }),
            _ => {}
        }
        Some(profile)
    }

    fn keys(&mut self, value: &Spanned<DeValue<'_>>) -> KeyTable {
        let mut keys = KeyTable::default();
        let DeValue::Table(scopes) = value.get_ref() else {
            self.report(
                value.span().start,
                format!("keys is {}", type_of(value.get_ref())),
                "tables: [keys.SCOPE]".to_owned(),
                None,
                false,
            );
            return keys;
        };
        for (scope, value) in scopes {
            let DeValue::Table(commands) = value.get_ref() else {
                self.report(
                    scope.span().start,
                    format!(
                        "the key scope {} is {}",
                        scope.get_ref(),
                        type_of(value.get_ref())
                    ),
                    "a table of command = keys below [keys.SCOPE]".to_owned(),
                    None,
                    false,
                );
                continue;
            };
            let mut read = KeyScope {
                at: position(self.text, scope.span().start),
                ..KeyScope::default()
            };
            for (command, value) in commands {
                if let Some(list) = self.key_list(command.get_ref(), value) {
                    read.commands.insert(
                        command.get_ref().to_string(),
                        KeyBinding {
                            keys: list,
                            at: position(self.text, command.span().start),
                        },
                    );
                }
            }
            keys.scopes.insert(scope.get_ref().to_string(), read);
        }
        keys
    }

    fn key_list(
        &mut self,
        command: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Vec<(String, (usize, usize))>> {
        let place = |value: &Spanned<DeValue<'_>>| position(self.text, value.span().start);
        let one = |value: &Spanned<DeValue<'_>>| {
            let key = value.get_ref().as_str()?.trim();
            (!key.is_empty()).then(|| (key.to_owned(), place(value)))
        };
        let list = match value.get_ref() {
            DeValue::String(_) => one(value).map(|key| vec![key]),
            DeValue::Array(keys) => keys.iter().map(one).collect(),
            _ => None,
        };
        if list.is_none() {
            self.report(
                value.span().start,
                format!("the keys of {command} are {}", type_of(value.get_ref())),
                "keys in quotes, such as [\"a i\", \"ctrl+r\"], or [] for none".to_owned(),
                None,
                false,
            );
        }
        list
    }
}

/// The profile whose table an offset stands in, by the last header before it: where the text is
/// broken the tree cannot be asked.
fn profile_around(text: &str, at: usize) -> Option<String> {
    let line_end = text[at.min(text.len())..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline);
    let header = text[..line_end]
        .lines()
        .rev()
        .map(str::trim_start)
        .find(|line| line.starts_with('['))?;
    let rest = header.trim_start_matches('[').trim_start();
    let rest = rest.strip_prefix("profiles")?.trim_start();
    let rest = rest.strip_prefix('.')?.trim();
    let name = rest
        .trim_start_matches(['"', '\''])
        .split([']', '"', '\'', '.'])
        .next()?
        .trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn type_of(value: &DeValue<'_>) -> &'static str {
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
