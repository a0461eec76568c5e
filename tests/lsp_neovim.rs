//! The language server tried with a real editor: Neovim, headless, driven by `tests/editors/neovim.lua`.
//! Skipped where there is no `nvim`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long an editor may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn neovim_is_helped() {
    if Command::new("nvim")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        // a test has no other way to say that it did nothing
        let _ = writeln!(std::io::stdout(), "skipped: there is no nvim here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/editors/neovim.lua");
    let report = folder.path().join("report.json");
    let mut child = Command::new("nvim")
        .args(["--headless", "--clean", "-n", "-S", script])
        .env("NIGHTJAR", env!("CARGO_BIN_EXE_nightjar"))
        .env("REPORT", &report)
        .env("HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("its state") {
            break status;
        }
        if began.elapsed() > PATIENCE {
            // nobody else waits for it
            let _ = child.kill();
            panic!("neovim did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let report = std::fs::read_to_string(report).unwrap_or_default();
    assert!(status.success(), "{report}");
    let said: Value = serde_json::from_str(&report).expect("a report");

    let findings = said["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{said:#}");
    // Neovim counts columns in bytes, the server in UTF-16: the é before it is two of the one
    assert_eq!(findings[0]["lnum"], 2);
    assert_eq!(findings[0]["col"], 25);
    assert_eq!(findings[0]["end_col"], 35);
    let words = said["words"].as_array().expect("words");
    assert!(words.iter().any(|it| it == "summarize"), "{said:#}");
    let hover = said["hover"].as_str().expect("a hover");
    assert!(hover.contains("DeviceInfo"), "{hover}");
    assert_eq!(said["definition"], serde_json::json!([0, 4]));
    assert_eq!(
        said["renamed"],
        serde_json::json!([
            "let threshold = 'é';",
            "DeviceInfo",
            "| where 'é' == threshold and DeviceNmae == 'x'|take 1"
        ])
    );
    let repaired = said["repaired"].as_array().expect("lines");
    assert!(
        repaired[2]
            .as_str()
            .is_some_and(|it| it.contains("DeviceName == 'x'")),
        "{said:#}"
    );
    let formatted = said["formatted"].as_array().expect("lines");
    assert!(formatted.iter().any(|it| it == "| take 1"), "{said:#}");
    assert_eq!(said["findings_after"], 0);
    assert_eq!(said["stopped"], true);
}
