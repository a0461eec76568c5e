//! Helpers of the behaviour tests: the built program with folders of its own, headless or in a
//! pseudo-terminal.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod pty;
pub mod tenant;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_nightjar");

/// Folders for one test: settings, data and logs that are nobody else's.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Empty folders.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("home")).expect("a folder");
        Self { folder }
    }

    /// Writes the settings file.
    pub fn with_settings(self, text: &str) -> Self {
        let folder = self.path("config");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.toml"), text).expect("written");
        self
    }

    /// A path below the folders.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The variables that move the program's folders here.
    pub fn variables(&self) -> Vec<(String, String)> {
        let at = |below: &str| self.path(below).display().to_string();
        vec![
            ("NIGHTJAR_CONFIG_DIR".to_owned(), at("config")),
            ("NIGHTJAR_DATA_DIR".to_owned(), at("data")),
            ("NIGHTJAR_STATE_DIR".to_owned(), at("state")),
            ("HOME".to_owned(), at("home")),
        ]
    }

    /// The program with arguments, to be run without a terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .envs(self.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("the program runs"))
    }

    /// Runs the program to its end with text on standard input.
    pub fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("standard input");
        let text = input.to_owned();
        let feed = std::thread::spawn(move || {
            // A program that ends early closes its input; what it said is what counts.
            let _ = stdin.write_all(text.as_bytes());
        });
        let output = child.wait_with_output().expect("it ends");
        feed.join().expect("the input was written");
        Ran::from(output)
    }
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Asserts the exit status, with everything said in the message.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}
