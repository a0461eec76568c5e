//! Sentences about the language and the hunting tables, read once from `assets/kql/words.txt` (whose head
//! describes the format).

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::kql::builtins;

/// What a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A table of advanced hunting.
    Table,
    /// A column of advanced hunting.
    Column,
    /// A scalar function.
    Function,
    /// An aggregate.
    Aggregate,
    /// A plug-in of `evaluate`.
    PlugIn,
    /// A function of advanced hunting.
    HuntingFunction,
    /// A query operator, with its form.
    Operator,
    /// An operator between operands, a keyword, the value of an operator's parameter.
    Word,
}

/// What is said of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A sentence.
    pub sentence: &'static str,
    /// How it is written: `top count by expression [asc|desc]`; empty where there is none.
    pub form: &'static str,
    /// An example; empty where there is none.
    pub example: &'static str,
}

/// Tables that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `Devices`, `Email and collaboration`...
    pub name: &'static str,
    /// The tables in it.
    pub tables: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Words {
    entries: HashMap<Topic, HashMap<&'static str, Entry>>,
    groups: Vec<Group>,
}

fn words() -> &'static Words {
    static ALL: OnceLock<Words> = OnceLock::new();
    ALL.get_or_init(|| read(include_str!("../../../assets/kql/words.txt")))
}

/// What is said of a thing. A function's other spelling says what its usual one says.
pub fn about(topic: Topic, name: &str) -> Option<&'static Entry> {
    let entries = words().entries.get(&topic)?;
    if let Some(entry) = entries.get(name) {
        return Some(entry);
    }
    let kind = match topic {
        Topic::Function => builtins::Kind::Function,
        Topic::Aggregate => builtins::Kind::Aggregate,
        Topic::PlugIn => builtins::Kind::PlugIn,
        _ => return None,
    };
    let builtin = builtins::builtins().get(kind, name)?;
    let usual = builtin
        .obsolete
        .unwrap_or_else(|| builtins::canonical(builtin.name));
    entries.get(usual)
}

/// What is said of a column, of a certain table first.
pub fn about_column(table: Option<&str>, name: &str) -> Option<&'static Entry> {
    let own = table.and_then(|table| about(Topic::Column, &format!("{table}.{name}")));
    own.or_else(|| about(Topic::Column, name))
}

/// The groups of hunting tables in the order to show them.
pub fn table_groups() -> &'static [Group] {
    &words().groups
}

/// The group of a hunting table.
pub fn table_group(name: &str) -> Option<&'static str> {
    let of = |g: &&Group| g.tables.contains(&name);
    table_groups().iter().find(of).map(|g| g.name)
}

/// How many things of a topic have a sentence.
pub fn count(topic: Topic) -> usize {
    words().entries.get(&topic).map_or(0, HashMap::len)
}

fn read(text: &'static str) -> Words {
    let mut words = Words::default();
    let mut last = None;
    for line in text.lines() {
        let Some((mark, rest)) = line.split_once(' ') else {
            continue;
        };
        let (name, sentence) = rest.split_once(": ").unwrap_or((rest, ""));
        let topic = match mark {
            "G" => {
                words.groups.push(Group {
                    name: rest,
                    tables: Vec::new(),
                });
                continue;
            }
            "=" | ">" => {
                let entry = last.and_then(|(topic, name): (Topic, &str)| {
                    words.entries.get_mut(&topic)?.get_mut(name)
                });
                if let Some(Entry { form, example, .. }) = entry {
                    *(if mark == "=" { form } else { example }) = rest;
                }
                continue;
            }
            "T" => {
                if let Some(group) = words.groups.last_mut() {
                    group.tables.push(name);
                }
                Topic::Table
            }
            "C" => Topic::Column,
            "F" => Topic::Function,
            "A" => Topic::Aggregate,
            "P" => Topic::PlugIn,
            "H" => Topic::HuntingFunction,
            "O" => Topic::Operator,
            "W" => Topic::Word,
            _ => continue,
        };
        // several names may share a sentence: `C A, B: ...`
        for name in name.split(", ") {
            last = Some((topic, name));
            let entry = Entry {
                sentence,
                form: "",
                example: "",
            };
            words.entries.entry(topic).or_default().insert(name, entry);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::builtins::{Kind, builtins};
    use crate::kql::keywords::{self, WORDS};
    use crate::kql::{Schema, analyze};

    #[test]
    fn everything_that_is_offered_has_a_sentence() {
        let schema = Schema::hunting();
        for table in schema.tables() {
            assert!(about(Topic::Table, &table.name).is_some(), "{}", table.name);
            assert!(table_group(&table.name).is_some(), "{}", table.name);
        }
        for function in schema.functions() {
            let name = &function.name;
            assert!(about(Topic::HuntingFunction, name).is_some(), "{name}");
        }
        for (kind, topic) in [
            (Kind::Function, Topic::Function),
            (Kind::Aggregate, Topic::Aggregate),
            (Kind::PlugIn, Topic::PlugIn),
        ] {
            for builtin in builtins().of(kind).filter(|b| !b.hidden) {
                assert!(about(topic, builtin.name).is_some(), "{}", builtin.name);
            }
        }
        for (i, (word, _)) in WORDS.iter().enumerate() {
            if crate::kql::parser::is_operator(word) && !word.starts_with("__") {
                assert!(about(Topic::Operator, word).is_some(), "{word}");
            }
            if keywords::roles(i).has(keywords::Roles::TEXT_OPERATOR) {
                assert!(about(Topic::Word, word).is_some(), "{word}");
            }
        }
    }

    #[test]
    fn sentences_are_of_something() {
        let schema = Schema::hunting();
        for (topic, entries) in &words().entries {
            for (name, entry) in entries {
                assert!(entry.sentence.len() < 160, "{name}: too long");
                assert!(
                    entry.sentence.is_empty() || entry.sentence.ends_with('.'),
                    "{name}"
                );
                let exists = match topic {
                    Topic::Table => schema.table(name).is_some(),
                    Topic::HuntingFunction => schema.function(name).is_some(),
                    Topic::Function => builtins().get(Kind::Function, name).is_some(),
                    Topic::Aggregate => builtins().get(Kind::Aggregate, name).is_some(),
                    Topic::PlugIn => builtins().get(Kind::PlugIn, name).is_some(),
                    Topic::Column => {
                        let of = |t: &crate::kql::schema::Table, n: &str| {
                            t.columns.iter().chain(&t.former).any(|c| c.name == n)
                        };
                        match name.split_once('.') {
                            Some((table, n)) => match schema.table(table) {
                                Some(t) => of(t, n),
                                // lists of the console; the room of their columns walks them
                                None => ["Incidents", "Alerts", "Actions"].contains(&table),
                            },
                            None => {
                                schema.tables().iter().any(|t| of(t, name))
                                    || schema
                                        .functions()
                                        .iter()
                                        .any(|f| f.columns.iter().any(|c| c.name == *name))
                            }
                        }
                    }
                    Topic::Operator | Topic::Word => true,
                };
                assert!(exists, "{topic:?} {name}");
            }
        }
    }

    #[test]
    fn examples_are_right() {
        let schema = Schema::hunting();
        for (topic, entries) in &words().entries {
            for (name, entry) in entries.iter().filter(|(_, e)| !e.example.is_empty()) {
                let example = entry.example;
                let starts = example.split(' ').next().is_some_and(|w| {
                    schema.table(w).is_some()
                        || matches!(w, "print" | "range" | "union" | "search" | "find" | "let")
                });
                let text = match topic {
                    Topic::Function => format!("DeviceProcessEvents | extend Example = {example}"),
                    Topic::Aggregate => format!("DeviceProcessEvents | summarize {example}"),
                    Topic::Operator if !starts && !example.starts_with("datatable") => {
                        format!("DeviceProcessEvents | {example}")
                    }
                    Topic::Word if !starts && !example.starts_with("datatable") => {
                        format!("DeviceProcessEvents | where {example}")
                    }
                    _ => example.to_owned(),
                };
                let analysis = analyze(&text, schema);
                // an operator's example may name columns of its own
                let right = if *topic == Topic::Operator || *topic == Topic::Word {
                    analysis.parses()
                } else {
                    analysis.is_ok()
                };
                assert!(
                    right,
                    "{topic:?} {name}: {text}: {:?}",
                    analysis.diagnostics
                );
            }
        }
    }
}
