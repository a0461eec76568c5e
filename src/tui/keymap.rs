//! Keys → commands, per scope: the table's defaults with the user's changes over them.

use std::collections::BTreeMap;

use super::commands::{COMMANDS, Command, Scope, Spec, default_keys};
use super::keys::{self, Chord};

/// A user's wish: these keys for this command, in place of its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The scope as written.
    pub scope: String,
    /// The command's name as written.
    pub command: String,
    /// Key sequences as written; none unbinds.
    pub keys: Vec<String>,
    /// Where it is written: `config.toml:12`.
    pub place: String,
}

/// What a key press means where it was pressed.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A command.
    Command(Command),
    /// The beginning of sequences: what may follow.
    Prefix,
    /// Nothing.
    Nothing,
}

#[derive(Clone, Debug)]
struct Binding {
    chords: Vec<Chord>,
    command: Command,
}

/// The keys in force.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: BTreeMap<Scope, Vec<Binding>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&[]).0
    }
}

impl Keymap {
    /// The defaults with the user's changes; what is wrong with them in words, and those ignored.
    pub fn new(overrides: &[Override]) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut wished: BTreeMap<Command, (Vec<Vec<Chord>>, &str)> = BTreeMap::new();
        for wish in overrides {
            match read_override(wish) {
                Ok((command, sequences)) => {
                    wished.insert(command, (sequences, &wish.place));
                }
                Err(problem) => problems.push(format!("{}: {problem}", wish.place)),
            }
        }
        let mut bindings: BTreeMap<Scope, Vec<Binding>> = BTreeMap::new();
        // The user's keys first: a default gives way to them, and that is said.
        for user in [true, false] {
            for spec in COMMANDS {
                let wish = wished.get(&spec.command);
                if wish.is_some() != user {
                    continue;
                }
                let sequences: Vec<Vec<Chord>> = match wish {
                    Some((sequences, _)) => sequences.clone(),
                    None => default_keys(spec).collect(),
                };
                let place = wish.map(|(_, place)| *place);
                let list = bindings.entry(spec.scope).or_default();
                for chords in sequences {
                    let clash = list.iter().find(|other| {
                        other.chords.starts_with(&chords) || chords.starts_with(&other.chords)
                    });
                    if let Some(other) = clash {
                        let first = other.command.spec();
                        let place = wished
                            .get(&first.command)
                            .map_or(place.unwrap_or_default(), |(_, place)| *place);
                        problems.push(format!(
                            "{place}: key `{}` in scope `{}` is bound to both `{}` and `{}`; `{}` keeps it",
                            keys::show_sequence(&chords),
                            spec.scope.name(),
                            first.name,
                            spec.name,
                            first.name,
                        ));
                        continue;
                    }
                    list.push(Binding {
                        chords,
                        command: spec.command,
                    });
                }
            }
        }
        // Inside a scope, in the order of the table, so that the first key shown is the first written.
        for list in bindings.values_mut() {
            list.sort_by_key(|binding| binding.command);
        }
        (Self { bindings }, problems)
    }

    /// What the keys pressed so far mean in a scope. Inner scopes win over outer ones.
    pub fn find(&self, scope: Scope, pressed: &[Chord]) -> Found {
        for scope in scope.chain() {
            let Some(list) = self.bindings.get(&scope) else {
                continue;
            };
            for binding in list {
                if binding.chords == pressed {
                    return Found::Command(binding.command);
                }
            }
            if list
                .iter()
                .any(|binding| binding.chords.starts_with(pressed))
            {
                return Found::Prefix;
            }
        }
        Found::Nothing
    }

    /// What may follow the keys pressed so far: the rest of each sequence and its command.
    pub fn following(&self, scope: Scope, pressed: &[Chord]) -> Vec<(String, Command)> {
        let mut out: Vec<(String, Command)> = Vec::new();
        for scope in scope.chain() {
            for binding in self.bindings.get(&scope).into_iter().flatten() {
                if binding.chords.len() > pressed.len() && binding.chords.starts_with(pressed) {
                    let rest = keys::show_sequence(&binding.chords[pressed.len()..]);
                    if !out.iter().any(|(known, _)| *known == rest) {
                        out.push((rest, binding.command));
                    }
                }
            }
        }
        out
    }

    /// The key shown for a command: its first; `None` where it has none.
    pub fn key_of(&self, command: Command) -> Option<String> {
        let list = self.bindings.get(&command.spec().scope)?;
        let of_command = |binding: &&Binding| binding.command == command;
        list.iter()
            .find(of_command)
            .map(|binding| keys::show_sequence(&binding.chords))
    }

    /// All keys of a command, for help.
    pub fn keys_of(&self, command: Command) -> Vec<String> {
        self.bindings
            .get(&command.spec().scope)
            .into_iter()
            .flatten()
            .filter(|binding| binding.command == command)
            .map(|binding| keys::show_sequence(&binding.chords))
            .collect()
    }

    /// The commands alive in a scope, innermost first, in table order.
    pub fn alive(scope: Scope) -> impl Iterator<Item = &'static Spec> {
        scope
            .chain()
            .flat_map(|scope| COMMANDS.iter().filter(move |spec| spec.scope == scope))
    }
}

fn read_override(wish: &Override) -> Result<(Command, Vec<Vec<Chord>>), String> {
    let Some(scope) = Scope::parse(&wish.scope) else {
        let names = Scope::ALL.iter().map(|(_, name, _)| *name);
        return Err(format!(
            "no scope `{}`{}",
            wish.scope,
            did_you_mean(&wish.scope, names)
        ));
    };
    let Some(command) = Command::by_name(&wish.command) else {
        let names = COMMANDS.iter().map(|spec| spec.name);
        return Err(format!(
            "no command `{}`{}",
            wish.command,
            did_you_mean(&wish.command, names)
        ));
    };
    let spec = command.spec();
    if spec.scope != scope {
        return Err(format!(
            "command `{}` belongs to scope `{}`, not `{}`",
            spec.name,
            spec.scope.name(),
            scope.name()
        ));
    }
    let mut sequences = Vec::new();
    for text in &wish.keys {
        let chords = keys::parse_sequence(text)
            .map_err(|part| format!("`{part}` names no key (for `{}`)", spec.name))?;
        let types = scope.chain().any(|scope| scope == Scope::Text) || scope == Scope::Anywhere;
        if types && chords[0].prints() {
            return Err(format!(
                "key `{text}` for `{}` would keep that letter from being typed",
                spec.name
            ));
        }
        sequences.push(chords);
    }
    Ok((command, sequences))
}

/// `; did you mean `x`?` where a known name is near, else nothing.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// The nearest known name, where one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(scope: &str, command: &str, keys: &[&str]) -> Override {
        Override {
            scope: scope.into(),
            command: command.into(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            place: "config.toml:7".into(),
        }
    }

    fn press(text: &str) -> Vec<Chord> {
        keys::parse_sequence(text).expect("keys")
    }

    #[test]
    fn defaults_have_no_problems_and_inner_scopes_win() {
        let (map, problems) = Keymap::new(&[]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            map.find(Scope::Incidents, &press("enter")),
            Found::Command(Command::IncidentOpen)
        );
        assert_eq!(
            map.find(Scope::Incidents, &press("ctrl-c")),
            Found::Command(Command::QuitNow)
        );
        assert_eq!(map.find(Scope::Incidents, &press("x")), Found::Prefix);
        assert_eq!(map.find(Scope::Text, &press("enter")), Found::Nothing);
    }

    #[test]
    fn a_user_rebinds_and_unbinds() {
        let (map, problems) = Keymap::new(&[
            wish("items", "isolate-full", &["x x"]),
            wish("main", "quit", &[]),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            map.find(Scope::Alerts, &press("x x")),
            Found::Command(Command::DeviceIsolateFull)
        );
        assert_eq!(map.find(Scope::Alerts, &press("x i")), Found::Nothing);
        assert_eq!(map.find(Scope::Alerts, &press("q")), Found::Nothing);
    }

    #[test]
    fn a_conflict_names_both_commands_and_the_place() {
        let (map, problems) = Keymap::new(&[wish("items", "assign", &["c"])]);
        assert_eq!(problems.len(), 1);
        for part in ["config.toml:7", "`assign`", "`classify`", "`items`"] {
            assert!(problems[0].contains(part), "{}", problems[0]);
        }
        assert_eq!(
            map.find(Scope::Incidents, &press("c")),
            Found::Command(Command::Assign)
        );
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_name() {
        let (_, problems) = Keymap::new(&[
            wish("items", "isolate-ful", &["X"]),
            wish("item", "assign", &["X"]),
            wish("items", "quit", &["X"]),
            wish("items", "assign", &["hyper-x"]),
            wish("form", "form-submit", &["y"]),
        ]);
        assert_eq!(problems.len(), 5, "{problems:#?}");
        assert!(problems[0].contains("did you mean `isolate-full`"));
        assert!(problems[1].contains("did you mean `items`"));
        assert!(problems[2].contains("belongs to scope `main`"));
        assert!(problems[3].contains("`hyper-x` names no key"));
    }
}
