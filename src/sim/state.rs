//! State that survives: a journal of accepted writes and steps, with their times.
//!
//! A file of JSON lines: the first says what kind of tenant it is, every other is one thing that happened.
//! Replaying them at their times through the same handlers makes the same tenant again. A line is on the
//! disk before its write is answered; a torn last line was never answered and is dropped.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::clock::{Hands, Ticks};

/// What the first line calls itself.
const FORMAT: &str = "nightjar simulated tenant";
/// Changes when older files can no longer be replayed.
const VERSION: u32 = 1;

/// What a tenant is made from: with the same, the same steps lead to the same tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The seed.
    pub seed: u64,
    /// How many tenants.
    pub tenants: usize,
    /// Whether nothing but their names sets them apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alike: bool,
    /// Everyday incidents, alerts and machines of each.
    pub scale: (usize, usize, usize),
    /// Whether stories are told.
    pub story: bool,
    /// The stories: name and text.
    pub scenarios: Vec<(String, String)>,
    /// Whether everyday incidents keep coming.
    pub trickle: bool,
    /// How many times the usual number of them.
    pub everyday: f64,
    /// Pace of the story.
    pub speed: f64,
    /// Every quirk, as `NAME=VALUE`.
    pub quirks: Vec<String>,
    /// The moment it began at, if it was given.
    pub start: Option<Ticks>,
    /// How long before that it was started, in ticks.
    pub start_ago: Ticks,
    /// How fast its time began to run.
    pub rate: f64,
}

impl Made {
    /// Names of what differs from another, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |made: &Self| match serde_json::to_value(made) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        let theirs = fields(other);
        fields(self)
            .into_iter()
            .filter(|(name, value)| theirs.get(name) != Some(value))
            .map(|(name, _)| name)
            .collect()
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    format: String,
    version: u32,
    /// The version of the program that made it.
    program: String,
    /// What it was made from.
    pub made: Made,
    /// When the tenant was started.
    pub start: Ticks,
    /// Its clock at that moment.
    pub hands: Hands,
}

impl Head {
    /// The first line of a tenant that begins now.
    pub fn new(made: Made, start: Ticks, hands: Hands) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            made,
            start,
            hands,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Step {
    /// A write that a service accepted.
    Write {
        /// Place of the tenant.
        tenant: usize,
        /// What the token said. The token itself is not kept.
        by: serde_json::Value,
        /// Method.
        method: String,
        /// Path, decoded.
        path: String,
        /// Query.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        query: String,
        /// Headers that handlers may look at.
        headers: Vec<(String, String)>,
        /// Body; base64 when `binary`.
        body: String,
        /// Whether the body is not text.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        binary: bool,
    },
    /// Believable changes on demand.
    Churn {
        /// Place of the tenant.
        tenant: usize,
        /// How many.
        n: u32,
        /// Chosen by this.
        seed: u64,
    },
    /// One change of a named sort.
    Change {
        /// Place of the tenant.
        tenant: usize,
        /// Its sort.
        sort: String,
        /// Chosen by this.
        seed: u64,
    },
    /// A further story.
    Tell {
        /// Place of the tenant.
        tenant: usize,
        /// Its name.
        name: String,
        /// Its text.
        text: String,
    },
    /// An application was given permissions.
    Consent {
        /// Place of the tenant.
        tenant: usize,
        /// Which.
        consent: super::entra::Consent,
    },
    /// Something was done to the sessions of a person or an application.
    Sessions {
        /// Place of the tenant.
        tenant: usize,
        /// Whose.
        who: String,
        /// What.
        deed: String,
    },
    /// The clock was set.
    Clock {
        /// To this.
        hands: Hands,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Tenant time.
    pub at: Ticks,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

/// Why a state cannot be used. The file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Another process has it.
    #[error("another simulated tenant is using it")]
    InUse,
    /// It is something else.
    #[error("this is not the state of a simulated tenant; it is left as it is")]
    Foreign,
    /// Another version wrote it.
    #[error("this state has format {0}, this program writes {VERSION}; it is left as it is")]
    Version(u32),
    /// A line cannot be read.
    #[error("line {line}: {why}; the file is left as it is")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It is about another tenant.
    #[error(
        "this state was made with another {0}: start the simulated tenant with the same options"
    )]
    Other(String),
}

/// A state as read.
pub type Read = (Head, Vec<Entry>);

/// Reads a state, up to the last whole line.
pub fn read(text: &[u8]) -> Result<Read, StateError> {
    #[derive(Deserialize)]
    struct Mark {
        format: String,
        version: u32,
    }
    let whole = text
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let mut lines = text[..whole].split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    let mark: Mark = serde_json::from_slice(first).map_err(|_| StateError::Foreign)?;
    if mark.format != FORMAT {
        return Err(StateError::Foreign);
    }
    if mark.version != VERSION {
        return Err(StateError::Version(mark.version));
    }
    let wrong = |line: usize, e: serde_json::Error| StateError::Line {
        line,
        why: e.to_string(),
    };
    let head = serde_json::from_slice(first).map_err(|e| wrong(1, e))?;
    let entries = lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| serde_json::from_slice(line).map_err(|e| wrong(at + 2, e)))
        .collect::<Result<_, _>>()?;
    Ok((head, entries))
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    /// Open and locked for as long as it is used.
    file: File,
}

#[derive(Debug, Default)]
struct Inner {
    disk: Option<Disk>,
    /// The lines, when they are on no disk.
    memory: Vec<u8>,
}

/// The journal of a running host, on disk or in memory alone.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Inner>);

impl Journal {
    /// Opens or makes a file that belongs to its owner alone, and keeps others away from it. Gives what
    /// was in it.
    pub fn open(path: &Path) -> Result<(Self, Option<Read>), StateError> {
        let mut file = private(path, false)?;
        lock(&file)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let read = if text.is_empty() {
            None
        } else {
            let read = read(&text)?;
            // A torn last line goes, so that the next one does not continue it.
            let whole = text
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
            file.set_len(whole as u64)?;
            Some(read)
        };
        file.seek(SeekFrom::End(0))?;
        let disk = Disk {
            path: path.into(),
            file,
        };
        let inner = Inner {
            disk: Some(disk),
            memory: Vec::new(),
        };
        Ok((Self(Mutex::new(inner)), read))
    }

    /// Adds a line, on the disk before this returns.
    pub fn add(&self, entry: &Entry) -> Result<(), StateError> {
        self.lock().line(&serde_json::json!(entry))
    }

    /// Begins anew: with this first line, and these entries.
    pub fn replace(&self, head: &Head, entries: &[Entry]) -> Result<(), StateError> {
        let mut inner = self.lock();
        // The old file stays until the new one is whole.
        let old = match &inner.disk {
            None => None,
            Some(disk) => {
                let mut name = disk.path.clone().into_os_string();
                name.push(".new");
                let path = PathBuf::from(name);
                let file = private(&path, true)?;
                lock(&file)?;
                Some((path, file))
            }
        };
        let mut text = serde_json::to_vec(head).map_err(std::io::Error::from)?;
        text.push(b'\n');
        for entry in entries {
            serde_json::to_writer(&mut text, entry).map_err(std::io::Error::from)?;
            text.push(b'\n');
        }
        let Inner { disk, memory } = &mut *inner;
        match (disk, old) {
            (Some(disk), Some((path, mut file))) => {
                file.write_all(&text)?;
                file.sync_all()?;
                std::fs::rename(&path, &disk.path)?;
                disk.file = file;
            }
            _ => *memory = text,
        }
        Ok(())
    }

    /// All of it, as [`read`] reads it.
    pub fn text(&self) -> Result<Vec<u8>, StateError> {
        let mut inner = self.lock();
        let Some(disk) = &mut inner.disk else {
            return Ok(inner.memory.clone());
        };
        let mut text = Vec::new();
        disk.file.seek(SeekFrom::Start(0))?;
        disk.file.read_to_end(&mut text)?;
        Ok(text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn line(&mut self, value: &serde_json::Value) -> Result<(), StateError> {
        let mut text = value.to_string().into_bytes();
        text.push(b'\n');
        match &mut self.disk {
            Some(disk) => {
                disk.file.seek(SeekFrom::End(0))?;
                disk.file.write_all(&text)?;
                disk.file.sync_data()?;
            }
            None => self.memory.extend_from_slice(&text),
        }
        Ok(())
    }
}

/// Opens a file that its owner alone may read.
fn private(path: &Path, fresh: bool) -> Result<File, StateError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(fresh);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?)
}

fn lock(file: &File) -> Result<(), StateError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StateError::InUse,
        TryLockError::Error(error) => StateError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let made = Made {
            seed: 1,
            tenants: 1,
            alike: false,
            scale: (1, 2, 3),
            story: true,
            scenarios: Vec::new(),
            trickle: false,
            everyday: 1.0,
            speed: 1.0,
            quirks: vec!["a=b".into()],
            start: None,
            start_ago: 0,
            rate: 0.0,
        };
        Head::new(
            made,
            5,
            Hands {
                at: 5,
                wall: 6,
                rate: 0.0,
            },
        )
    }

    fn entry(at: Ticks) -> Entry {
        Entry {
            at,
            step: Step::Churn {
                tenant: 0,
                n: 3,
                seed: 4,
            },
        }
    }

    #[test]
    fn lines_survive_and_a_torn_one_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let (journal, before) = Journal::open(&path).expect("a new file");
        assert_eq!(before, None);
        assert!(matches!(Journal::open(&path), Err(StateError::InUse)));
        journal.replace(&head(), &[entry(1)]).expect("written");
        assert!(
            matches!(Journal::open(&path), Err(StateError::InUse)),
            "the new file is locked too"
        );
        journal.add(&entry(2)).expect("written");
        drop(journal);
        let mut text = std::fs::read(&path).expect("the file");
        text.extend_from_slice(b"{\"at\":3,\"wha");
        std::fs::write(&path, &text).expect("written");
        let (journal, before) = Journal::open(&path).expect("the file");
        assert_eq!(before, Some((head(), vec![entry(1), entry(2)])));
        journal.add(&entry(4)).expect("written");
        let (_, entries) = read(&journal.text().expect("text")).expect("whole lines");
        assert_eq!(entries, [entry(1), entry(2), entry(4)]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path)
                .expect("the file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let first = serde_json::to_string(&head()).expect("JSON");
        for (text, part) in [
            ("dear diary\n".to_owned(), "not the state"),
            ("no line end".to_owned(), "not the state"),
            (
                "{\"format\":\"other\",\"version\":1}\n".to_owned(),
                "not the state",
            ),
            (
                first.replace("\"version\":1", "\"version\":9") + "\n",
                "format 9",
            ),
            (format!("{first}\nwhat?\n"), "line 2"),
            (
                format!("{first}\n{{\"at\":1,\"what\":\"explode\"}}\n"),
                "line 2",
            ),
        ] {
            std::fs::write(&path, &text).expect("written");
            let error = Journal::open(&path).expect_err("refused").to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
        }
        let mut other = head().made;
        other.seed = 9;
        assert_eq!(head().made.differences(&other), ["seed"]);
    }
}
