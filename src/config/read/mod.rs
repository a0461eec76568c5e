//! From TOML to [`Config`]: walks the parsed tree beside the tables of [`fields`](super::fields).
//! Here are the file and its tables; single values and profiles are in rooms of their own.

mod profiles;
mod sign_in;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::fields;
use crate::config::problem::{Problem, nearest, position};
use crate::config::read::values::type_of;
use crate::config::{
    Config, FeedSettings, Hunt, KeyBinding, KeyScope, KeyTable, Loaded, Sla, TokenStore, Ui,
};

/// A secret file to look at, with where the profile names it.
pub(super) struct SecretFile {
    profile: String,
    path: PathBuf,
    at: usize,
    check: sign_in::Check,
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
        if let Err(error) = (secret.check)(&secret.path) {
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
                "hunt" => config.hunt = Hunt::from(&self.table(value, "hunt", fields::HUNT)),
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
        config.token_store = values.text("token_store").and_then(TokenStore::of);
        for profile in config.profiles.values_mut() {
            profile.token_store = config.token_store;
        }
        for (name, at) in values.names("default_profile") {
            let known = || config.profiles.keys().chain(config.unusable.keys());
            if !known().any(|it| it == name) {
                let names: Vec<&str> = known().map(String::as_str).collect();
                self.report(
                    *at,
                    format!("default_profile names \"{name}\", which is not set up"),
                    match names.as_slice() {
                        [] => "a [profiles.NAME] table in this file".to_owned(),
                        names => format!("one of {}", names.join(", ")),
                    },
                    nearest(name, names.iter().copied()),
                    false,
                );
            }
            config.default_profile.push(name.clone());
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
