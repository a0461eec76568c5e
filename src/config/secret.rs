//! Where a secret is kept, and reading it from there.
//!
//! A secret is read when it is needed, held in memory that is wiped, and never printed.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use secrecy::SecretString;

/// How long a command may take to print a secret; a password manager may ask for its own.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);
/// No secret is longer than this.
const LONGEST: u64 = 64 * 1024;

/// Where a secret is kept.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file only its owner can read (mode 0600 or stricter).
    File(PathBuf),
    /// In the configuration itself: for hosts on this machine alone.
    Value(SecretString),
    /// The first line a program prints, given with its arguments; no shell in between.
    Command(Vec<String>),
    /// Typed by whoever starts the program; then in memory alone, where clones share it.
    Prompt(Typed),
}

/// A secret somebody types; empty until they have.
pub type Typed = Arc<OnceLock<SecretString>>;

/// Why a secret could not be read; names the place, never the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or empty.
    #[error("the environment variable {0} is not set; export it before starting")]
    NotSet(String),
    /// The file could not be read.
    #[error("the secret file {path} cannot be read: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("the secret file {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The program could not be started, failed, or took too long.
    #[error("the secret command `{program}` {why}")]
    Command {
        /// Which.
        program: String,
        /// Why.
        why: String,
    },
    /// Nobody typed it.
    #[error("the secret is asked for on the terminal, and nobody was asked")]
    NotTyped,
    /// What was read is empty.
    #[error("{0} holds no secret: it is empty")]
    Empty(String),
}

impl SecretSource {
    /// Reads the secret. May block on a file or a program: keep it off the threads that draw.
    ///
    /// # Errors
    /// Where there is no secret to read, or where it lies open to others.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .ok()
                .filter(|value| !value.trim().is_empty())
                .ok_or_else(|| SecretError::NotSet(name.clone()))?,
            Self::File(path) => read_file(path)?,
            Self::Value(secret) => return Ok(secret.clone()),
            Self::Command(words) => run(words)?,
            Self::Prompt(typed) => return typed.get().cloned().ok_or(SecretError::NotTyped),
        };
        let secret = text.trim();
        if secret.is_empty() {
            return Err(SecretError::Empty(self.place()));
        }
        Ok(SecretString::from(secret))
    }

    /// Where the secret is kept, in words; never the secret.
    pub fn place(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
            Self::Value(_) => "the configuration".to_owned(),
            Self::Command(words) => {
                format!("the command `{}`", words.first().map_or("", String::as_str))
            }
            Self::Prompt(_) => "the keyboard".to_owned(),
        }
    }
}

/// Refuses a secret file others may read.
///
/// # Errors
/// Where the file is missing or its mode grants group or others anything.
pub fn check_file(path: &Path) -> Result<(), SecretError> {
    let file = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(file)?;
    if !metadata.is_file() {
        return Err(file(std::io::Error::other("it is not a file")));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<String, SecretError> {
    check_file(path)?;
    let file = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let opened = std::fs::File::open(path).map_err(file)?;
    opened
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(file)?;
    Ok(text)
}

fn run(words: &[String]) -> Result<String, SecretError> {
    let program = words.first().cloned().unwrap_or_default();
    let failed = |why: String| SecretError::Command {
        program: program.clone(),
        why,
    };
    let mut child = Command::new(&program)
        .args(words.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let Some(stdout) = child.stdout.take() else {
        return Err(failed("has no output".to_owned()));
    };
    // Read beside the wait, so that a full pipe cannot hold the program up.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.take(LONGEST).read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + COMMAND_PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!(
                    "took longer than {} seconds",
                    COMMAND_PATIENCE.as_secs()
                )));
            }
            Err(error) => return Err(failed(error.to_string())),
        }
    };
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    let text = reader
        .join()
        .map_err(|_| failed("could not be read".to_owned()))?
        .map_err(|error| failed(format!("printed no text: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_file_others_can_read_is_refused_with_the_cure() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("secret");
        std::fs::write(&path, "s3cret\n").expect("writes");
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode(0o644)).expect("chmod");
        let source = SecretSource::File(path.clone());
        let error = source.read().expect_err("exposed").to_string();
        assert!(error.contains("mode 644"), "{error}");
        assert!(error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, mode(0o600)).expect("chmod");
        assert_eq!(source.read().expect("reads").expose_secret(), "s3cret");
    }

    #[test]
    fn a_command_gives_its_first_line_and_its_failure_is_named() {
        let words = |words: &[&str]| {
            SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect())
        };
        let echo = words(&["printf", "one\\ntwo"]);
        assert_eq!(echo.read().expect("reads").expose_secret(), "one");
        assert!(words(&["false"]).read().is_err());
        let missing = words(&["no-such-program-here"]).read().expect_err("none");
        assert!(missing.to_string().contains("cannot be started"));
        let silent = words(&["true"]).read().expect_err("empty");
        assert!(silent.to_string().contains("is empty"));
    }

    #[test]
    fn what_was_typed_is_shared_by_clones_and_asked_for_before() {
        let typed = Typed::default();
        let source = SecretSource::Prompt(Arc::clone(&typed));
        let clone = source.clone();
        assert!(matches!(source.read(), Err(SecretError::NotTyped)));
        typed.set(SecretString::from("hunter2")).expect("once");
        assert_eq!(clone.read().expect("typed").expose_secret(), "hunter2");
        assert!(!format!("{clone:?} {}", clone.place()).contains("hunter2"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let source = SecretSource::Value(SecretString::from("hunter2"));
        assert!(!format!("{source:?} {}", source.place()).contains("hunter2"));
    }
}
