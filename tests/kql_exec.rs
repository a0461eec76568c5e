//! What queries must return, measured against case files that lie beside the project: they are read
//! in place by their own comparison tool, and the share that passes may not fall.

#![expect(
    clippy::print_stderr,
    reason = "what is skipped, and the figures, are said aloud"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the case files, if it is there.
fn cases() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kql");
    folder.join("compare.py").is_file().then_some(folder)
}

/// Runs a case file through the built program and compares the answers; `floor` is the least
/// percentage that must pass.
fn floor(file: &str, selection: &[&str], floor: &str) {
    let Some(folder) = cases() else {
        eprintln!("skipped: {file} is not here");
        return;
    };
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: {file} needs python3 to be compared");
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder for the answers");
    let answers = scratch.path().join("answers.jsonl");
    let status = Command::new(env!("CARGO_BIN_EXE_nightjar"))
        .args(["kql", "run", "--jsonl"])
        .stdin(File::open(folder.join(file)).expect("the case file opens"))
        .stdout(File::create(&answers).expect("the answers can be written"))
        .stderr(Stdio::inherit())
        .status()
        .expect("the program runs");
    assert!(status.success(), "the program failed: {status}");
    let lines = |path: &Path| fs::read_to_string(path).expect("readable").lines().count();
    assert_eq!(
        lines(&answers),
        lines(&folder.join(file)),
        "one answer a line"
    );
    let compared = Command::new("python3")
        .arg(folder.join("compare.py"))
        .arg(folder.join(file))
        .arg(&answers)
        .args(selection)
        .args(["--min", floor])
        .output()
        .expect("the comparison runs");
    let words = String::from_utf8_lossy(&compared.stdout);
    eprintln!("{}", words.lines().take(12).collect::<Vec<_>>().join("\n"));
    assert!(
        compared.status.success(),
        "{file} {selection:?} fell below {floor} %:\n{words}"
    );
}

#[test]
fn rules_easy_to_get_wrong() {
    floor("traps.jsonl", &[], "100");
}

#[test]
fn queries_of_features_in_common_use() {
    floor("exec-dev.jsonl", &["--tier", "1,2"], "97");
}

#[test]
fn documented_queries_but_those_of_geography() {
    floor("exec-dev.jsonl", &["--without", "fn:geo_"], "90");
}
