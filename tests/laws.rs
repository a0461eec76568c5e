//! The laws of the house, held by reading the sources: who may import whom, which room may touch
//! which outside crate, how long a file may grow. The map and the laws are in `src/lib.rs`.
//!
//! The checker is a function over (path, text) pairs, so the tests at the end can feed it made-up
//! sources and see it object.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "support/imports.rs"]
mod imports;

use imports::Reference;

/// Law 1 and 2: the rooms each room may import. Everything absent is uphill or a stranger.
const DOWNHILL: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // The two rooms of one level that are ordered: the table of clouds knows nothing of profiles,
    // a profile turns its cloud's name into addresses.
    ("cloud", &["domain"]),
    ("config", &["cloud", "domain"]),
    ("auth", &["cloud", "config", "domain"]),
    ("api", &["auth", "cloud", "config", "domain"]),
    ("store", &["config", "domain"]),
    (
        "tenant",
        &["api", "store", "auth", "cloud", "config", "domain"],
    ),
    (
        "feed",
        &[
            "tenant", "api", "store", "auth", "cloud", "config", "domain",
        ],
    ),
    (
        "respond",
        &[
            "tenant", "api", "store", "auth", "cloud", "config", "domain",
        ],
    ),
    (
        "hunt",
        &[
            "tenant", "api", "store", "auth", "cloud", "config", "domain", "kql", "engine",
        ],
    ),
    ("lsp", &["hunt", "domain", "kql"]),
    (
        "doctor",
        &[
            "respond", "tenant", "api", "store", "auth", "cloud", "config", "domain",
        ],
    ),
    (
        "tui",
        &[
            "doctor", "feed", "respond", "hunt", "tenant", "api", "store", "auth", "cloud",
            "config", "domain", "kql", "engine",
        ],
    ),
    (
        "cli",
        &[
            "tui", "doctor", "feed", "respond", "hunt", "tenant", "api", "store", "auth", "cloud",
            "config", "domain", "kql", "engine", "sim", "lsp",
        ],
    ),
    ("kql", &[]),
    ("engine", &["kql"]),
    ("sim", &["kql", "engine"]),
];

/// Law 4 and the foundations: outside crates that only some rooms may touch.
const CRATES: &[(&str, &[&str])] = &[
    // One way out: requests are built by the transport; tokens are fetched by auth.
    ("reqwest", &["api", "auth", "tenant"]),
    ("axum", &["sim"]),
    // SQLite is the cache's and the local engine's; the simulated tenant and local hunting fill tables for
    // the engine.
    ("rusqlite", &["store", "engine", "sim", "hunt"]),
    // Only the console draws.
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("tui_textarea", &["tui"]),
    // Arguments are the command line's.
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("anyhow", &["cli"]),
    // The wire of the language server is spoken in one room.
    ("lsp_server", &["lsp"]),
    ("gen_lsp_types", &["lsp"]),
];

/// `kql` stands on the standard library alone, outside its tests.
const STD_ONLY: &[&str] = &["kql"];

/// The longest a source file may be without a reason.
const LINES: usize = 700;

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[(
    "src/kql/bound.rs",
    "one contract, two thirds of it documentation",
)];

/// One broken law, as a line a person can act on.
type Fault = String;

fn check_rooms(sources: &[(String, String)]) -> Vec<Fault> {
    let table: BTreeMap<&str, &[&str]> = DOWNHILL.iter().copied().collect();
    let mut faults = Vec::new();
    for (path, text) in sources {
        let Some(room) = imports::room_of(path) else {
            continue;
        };
        let Some(allowed) = table.get(room.as_str()) else {
            faults.push(format!(
                "{path}: room {room} has no row in the table of law 1"
            ));
            continue;
        };
        for Reference { line, target } in imports::crate_references(path, text) {
            let unknown = !table.contains_key(target.as_str());
            if target != room && (unknown || !allowed.contains(&target.as_str())) {
                faults.push(format!(
                    "{path}:{line}: {room} imports {target}, which is not downhill of it"
                ));
            }
        }
    }
    faults
}

fn check_crates(sources: &[(String, String)], dependencies: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in sources {
        let Some(room) = imports::room_of(path) else {
            continue;
        };
        for Reference { line, target } in imports::outside_references(path, text) {
            if STD_ONLY.contains(&room.as_str()) && dependencies.contains(&target) {
                faults.push(format!(
                    "{path}:{line}: {room} uses {target}; it stands on the standard library alone"
                ));
            }
            if let Some((_, rooms)) = CRATES.iter().find(|(name, _)| *name == target)
                && !rooms.contains(&room.as_str())
            {
                faults.push(format!(
                    "{path}:{line}: {room} uses {target}, which belongs to {rooms:?}"
                ));
            }
        }
    }
    faults
}

fn check_sizes(sources: &[(String, String)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in sources {
        let lines = text.lines().count();
        let listed = LONG.iter().any(|(long, _)| long == path);
        if lines > LINES && !listed {
            faults.push(format!("{path}: {lines} lines, more than {LINES}"));
        }
        if lines <= LINES && listed {
            faults.push(format!(
                "{path}: {lines} lines, no longer needs its exception"
            ));
        }
    }
    faults
}

/// Places that exist on one machine alone must not be written down.
fn check_machine_paths(sources: &[(String, String)]) -> Vec<Fault> {
    // In two halves, so that this file does not find itself.
    let here = env!("CARGO_MANIFEST_DIR");
    let marks = [
        concat!("/wo", "rk/").to_owned(),
        concat!("/ro", "ot/.").to_owned(),
        concat!("CARGO", "_TARGET_DIR=").to_owned(),
        format!("{here}/"),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources {
        for (number, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(mark.as_str())) {
                faults.push(format!(
                    "{path}:{}: names a machine path ({mark})",
                    number + 1
                ));
            }
        }
    }
    faults
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file below `folder` with one of the endings, as (path from the root, text).
fn read_tree(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(dir: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(dir) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, endings, out);
            } else if endings
                .iter()
                .any(|ending| path.extension().is_some_and(|found| found == *ending))
            {
                out.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join(folder), endings, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file is UTF-8");
            let name = path.strip_prefix(root()).expect("below the root");
            (name.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

/// The dependencies Cargo.toml names, spelled as Rust spells them.
fn dependencies() -> Vec<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = text.parse().expect("Cargo.toml is TOML");
    let named = manifest["dependencies"].as_table().expect("dependencies");
    named.keys().map(|name| name.replace('-', "_")).collect()
}

fn assert_none(faults: &[Fault]) {
    let mut list = String::new();
    for fault in faults {
        let _ = writeln!(list, "  {fault}");
    }
    assert!(faults.is_empty(), "broken laws:\n{list}");
}

#[test]
fn rooms_import_only_downhill() {
    let sources = read_tree("src", &["rs"]);
    assert!(sources.len() > 30, "the sources were found");
    assert_none(&check_rooms(&sources));
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    assert_none(&check_crates(&read_tree("src", &["rs"]), &dependencies()));
}

#[test]
fn files_stay_short() {
    assert_none(&check_sizes(&read_tree("src", &["rs"])));
}

#[test]
fn nothing_names_a_machine() {
    let mut sources = read_tree("src", &["rs", "toml", "md"]);
    for folder in ["tests", "benches", "assets", "themes", ".ci"] {
        sources.extend(read_tree(
            folder,
            &["rs", "toml", "md", "sh", "snap", "kql"],
        ));
    }
    for file in ["README.md", "CHANGELOG.md", "Cargo.toml", ".ci/run"] {
        if let Ok(text) = fs::read_to_string(root().join(file)) {
            sources.push((file.to_owned(), text));
        }
    }
    assert_none(&check_machine_paths(&sources));
}

#[test]
fn every_room_of_the_map_has_a_row() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    for line in map.lines().filter(|line| line.starts_with("pub mod ")) {
        let room = line.trim_start_matches("pub mod ").trim_end_matches(';');
        assert!(
            DOWNHILL.iter().any(|(name, _)| *name == room),
            "{room} is in lib.rs and not in the table of law 1"
        );
        assert!(map.contains(&format!("[`{room}`]")), "{room} is on the map");
    }
}

mod the_checker {
    use super::*;

    fn source(path: &str, text: &str) -> Vec<(String, String)> {
        vec![(path.to_owned(), text.to_owned())]
    }

    fn objects(path: &str, text: &str) -> Vec<Fault> {
        check_rooms(&source(path, text))
    }

    #[test]
    fn objects_to_uphill_imports_however_they_are_written() {
        for text in [
            "use crate::tui::State;",
            "use crate::{domain::Alert, tui::{self, State}};",
            "use crate::\n    // a word\n    tui::State;",
            "fn f() -> crate::tui::State { todo!() }",
            "use super::super::tui::State;",
            "mod inner { use super::super::super::tui::State; }",
            "use super::super::{domain, tui};",
            "pub(in crate::tui) struct A;",
            "use self::super::super::tui;",
            "use crate::r#tui::State;",
        ] {
            let faults = objects("src/store/rows.rs", text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            assert!(faults[0].contains("store imports tui"), "{faults:?}");
        }
    }

    #[test]
    fn allows_downhill_own_room_comments_and_strings() {
        for text in [
            "use crate::domain::{Alert, Incident};",
            "use crate::store::rows; use super::rows; use super::super::store::rows;",
            "//! See [`crate::tui`].\n/* crate::tui /* nested crate::cli */ crate::sim */",
            r##"const A: &str = "crate::tui"; const B: &str = r#"crate::"tui"#;"##,
            "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' } // crate::tui",
            "mod tests { use super::*; use super::super::rows; }",
        ] {
            assert_eq!(objects("src/store/rows.rs", text), Vec::<Fault>::new());
        }
    }

    #[test]
    fn keeps_the_levels_apart_and_the_stranger_strange() {
        assert_eq!(
            objects("src/api/mod.rs", "use crate::store::Store;").len(),
            1
        );
        assert_eq!(
            objects("src/feed/mod.rs", "use crate::respond::X;").len(),
            1
        );
        for room in [
            "api", "domain", "feed", "respond", "auth", "config", "store",
        ] {
            let text = format!("use crate::{room}::X;");
            assert_eq!(objects("src/sim/http.rs", &text).len(), 1, "{room}");
        }
        assert_eq!(objects("src/sim/http.rs", "use crate::kql::bind;").len(), 0);
        assert_eq!(objects("src/kql/lex.rs", "use crate::domain::X;").len(), 1);
        assert_eq!(objects("src/tenant.rs", "use crate::feed::Feed;").len(), 1);
        assert_eq!(
            objects("src/attic/mod.rs", "").len(),
            1,
            "a room without a row"
        );
    }

    #[test]
    fn keeps_outside_crates_in_their_rooms() {
        let known = ["reqwest".to_owned(), "serde_json".to_owned()];
        let faults = |path: &str, text: &str| check_crates(&source(path, text), &known);
        assert_eq!(faults("src/feed/poll.rs", "use reqwest::Client;").len(), 1);
        assert_eq!(faults("src/api/mod.rs", "use reqwest::Client;").len(), 0);
        assert_eq!(
            faults("src/kql/lex.rs", "fn f() { serde_json::to_string(&1); }").len(),
            1
        );
        let tests_may = "#[cfg(test)] mod tests { use serde_json::json; }";
        assert_eq!(faults("src/kql/lex.rs", tests_may).len(), 0);
        assert_eq!(
            faults("src/kql/tests/a.rs", "use serde_json::json;").len(),
            0
        );
    }

    #[test]
    fn sees_long_files_and_machine_paths() {
        let long = "x\n".repeat(LINES + 1);
        assert_eq!(check_sizes(&source("src/api/mod.rs", &long)).len(), 1);
        assert_eq!(check_sizes(&source("src/kql/bound.rs", "short")).len(), 1);
        let text = format!("let a = \"{}\";", concat!("/wo", "rk/x"));
        assert_eq!(check_machine_paths(&source("src/a.rs", &text)).len(), 1);
    }
}
