//! The query library on the command line: `nightjar hunt --library`, which lists it, and
//! `nightjar hunt --library NAME`, which runs one of its queries.

use std::io::{self, Write as _};
use std::sync::Arc;

use super::args::Output;
use super::failure::{Done, Failure};
use super::output::write_table;
use super::settings;
use crate::config::{Paths, nearest};
use crate::hunt::library::{self, Entry, Library};

/// The most cells a column takes in a list.
const WIDEST: usize = 72;

fn load() -> Library {
    let paths = Paths::resolve();
    let library = library::load(&[settings::load(&paths).hunt.folder(&paths)]);
    for problem in &library.problems {
        super::say(problem);
    }
    library
}

/// The text of a query with values (`name=value`) in the place of its own.
pub(crate) fn query(name: &str, set: &[String]) -> Done<String> {
    let library = load();
    let Some(entry) = library.get(name) else {
        let names = library.entries.iter().map(|entry| entry.name.as_str());
        let near = nearest(name, names);
        let meant = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let words = format!("no query of the library is called {name}{meant}");
        return Err(Failure::usage(words));
    };
    let parameters = entry.parameters.iter();
    let mut values: Vec<String> = parameters.map(|it| it.default.clone()).collect();
    for given in set {
        let (wanted, value) = given
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("{given}: expected NAME=VALUE")))?;
        let names = || entry.parameters.iter().map(|it| it.name.as_str());
        let Some(at) = names().position(|it| it == wanted) else {
            let all: Vec<&str> = names().collect();
            let words = format!("{name} has no {wanted}; it has {}", all.join(", "));
            return Err(Failure::usage(words));
        };
        value.clone_into(&mut values[at]);
    }
    library::fill(&entry.query, &entry.parameters, &values)
        .map_err(|refused| Failure::usage(refused.to_string()))
}

/// Lists what there is, or what of it fits.
pub(crate) fn list(search: &str, form: Output) -> Done {
    let (entries, _) = load().shared();
    let found = library::search(&entries, search);
    let found: Vec<&Arc<Entry>> = found.into_iter().map(|at| &entries[at]).collect();
    let mut out = io::stdout().lock();
    let json = |entry: &Entry| {
        let parameters = entry.parameters.iter().map(|it| {
            serde_json::json!({"name": it.name, "type": it.ty.name(), "default": it.default, "about": it.about})
        });
        serde_json::json!({
            "name": entry.name,
            "title": entry.title,
            "about": entry.about,
            "group": entry.group,
            "tactics": entry.tactics,
            "techniques": entry.techniques,
            "tags": entry.tags,
            "needs": entry.needs,
            "tables": entry.tables,
            "parameters": parameters.collect::<Vec<_>>(),
            "query": entry.query,
            "file": entry.file,
        })
    };
    match form {
        Output::Jsonl => {
            for entry in found {
                writeln!(out, "{}", json(entry))?;
            }
        }
        Output::Json => {
            let all: Vec<serde_json::Value> = found.iter().map(|entry| json(entry)).collect();
            serde_json::to_writer_pretty(&mut out, &all).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Output::Table | Output::Csv => {
            let rows: Vec<Vec<String>> = found
                .iter()
                .map(|entry| vec![entry.name.clone(), entry.group.clone(), entry.title.clone()])
                .collect();
            write_table(&mut out, &["NAME", "GROUP", "TITLE"], &[WIDEST; 3], &rows)?;
        }
    }
    Ok(())
}
