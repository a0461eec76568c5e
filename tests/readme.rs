//! The README keeps its word: its settings are right and complete, its keys are those of the
//! command table, its two commands are what the checks run.
//!
//! After a change of the command table, `UPDATE_README=1 cargo test --test readme` writes the keys anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use nightjar::config::Config;
use nightjar::tui::commands::{COMMANDS, Scope};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const OPEN: &str = "<!-- keys: generated, see tests/readme.rs -->\n";
const CLOSE: &str = "<!-- /keys -->";

fn readme() -> String {
    std::fs::read_to_string(README).expect("README.md")
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = text.split_once(open).expect("it opens");
    rest.split_once(close).expect("it closes").0
}

/// Every command that has a word on the hint line, a row a scope.
fn keys() -> String {
    let mut out = String::from("\n| where | keys |\n|---|---|\n");
    for (scope, _, title) in Scope::ALL {
        let cells: Vec<String> = COMMANDS
            .iter()
            .filter(|spec| spec.scope == scope && !spec.hint.is_empty())
            .filter_map(|spec| Some(format!("`{}` {}", spec.keys.first()?, spec.hint)))
            .collect();
        if !cells.is_empty() {
            let _ = writeln!(
                out,
                "| {title} | {} |",
                cells.join(" · ").replace("`|`", "`\\|`")
            );
        }
    }
    out.push('\n');
    out
}

#[test]
fn its_keys_are_those_of_the_command_table() {
    let text = readme();
    let shown = between(&text, OPEN, CLOSE);
    if shown != keys() && std::env::var_os("UPDATE_README").is_some() {
        let renewed = text.replacen(
            &format!("{OPEN}{shown}{CLOSE}"),
            &format!("{OPEN}{}{CLOSE}", keys()),
            1,
        );
        std::fs::write(README, renewed).expect("written");
        return;
    }
    assert_eq!(
        shown,
        keys(),
        "run UPDATE_README=1 cargo test --test readme"
    );
}

#[test]
fn its_settings_are_right() {
    let text = readme();
    let example = between(&text, "```toml\n", "```");
    let loaded = Config::parse(example, Path::new("config.toml"));
    assert_eq!(loaded.problems, []);
    assert!(loaded.config.profile(None).is_ok());
}

/// Every setting of the schema stands in the example, in the table of ways to sign in, or in the short
/// list of those that are for the simulated tenant and national clouds alone.
#[test]
fn its_settings_are_complete() {
    let text = readme();
    let example: toml::Table = between(&text, "```toml\n", "```").parse().expect("TOML");
    let schema: serde_json::Value = serde_json::from_str(&Config::schema()).expect("JSON");
    let sign_in = between(&text, "\n### Ways to sign in\n", "\n## ");
    let mut missing = BTreeSet::new();
    for (table, shown) in [
        ("ui", &example["ui"]),
        ("feed", &example["feed"]),
        ("sla", &example["sla"]),
        ("profiles", &example["profiles"]["contoso"]),
    ] {
        let described = &schema["properties"][table];
        let fields = described
            .get("properties")
            .or_else(|| described["additionalProperties"].get("properties"))
            .and_then(serde_json::Value::as_object)
            .expect("a table of settings");
        for name in fields.keys() {
            let told = table == "profiles" && sign_in.contains(&format!("`{name}"));
            if shown.get(name).is_none() && !told {
                missing.insert(format!("{table}.{name}"));
            }
        }
    }
    let addresses = [
        "defender_audience",
        "defender_url",
        "graph_audience",
        "graph_url",
    ];
    let left_out: BTreeSet<String> = addresses
        .iter()
        .map(|name| format!("profiles.{name}"))
        .collect();
    assert_eq!(missing, left_out);
}

#[test]
fn its_test_command_is_the_one_the_checks_run() {
    let checks = include_str!("../.ci/run");
    assert!(readme().contains("\n    cargo test --locked "));
    let command = |line: &str| line.split(" 2>&1").next() == Some("cargo test --locked");
    assert!(checks.lines().any(command));
}

#[test]
fn the_options_it_names_for_the_simulated_tenant_are_there() {
    let text = readme();
    let chapter = between(&text, "\n### Options by group\n", "\n### ");
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_nightjar"))
        .args(["sim", "--help"])
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let known: BTreeSet<&str> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .collect();
    let mut named = 0;
    for part in chapter.split('`').skip(1).step_by(2) {
        for word in part.split_whitespace().filter(|w| w.starts_with("--")) {
            named += 1;
            assert!(known.contains(word), "{word} is no option of nightjar sim");
        }
    }
    assert!(named > 20, "the table of options is read");
}
