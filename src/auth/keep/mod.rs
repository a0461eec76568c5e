//! Keeping a person's sign-in between runs: its refresh token, and who it belongs to. Never a password,
//! never a secret of an application.
//!
//! A small file of the profile (`NAME.sign-in.json`, mode 0600) says who signed in and where the token is:
//! in the system's keyring, or, where the person agreed to that, in the file itself. It is written beside
//! its place and renamed into it, so that a reader finds the old one or the new one whole. Who renews a
//! token holds the lock beside it from reading to writing, so that of two programs that renew at once none
//! loses the token that came last.

mod file;
mod keyring;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use self::file::Record;
pub use self::keyring::available as keyring_available;
use crate::config::{Profile, TokenStore};

/// How long another program may hold the lock: longer than a token endpoint may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(45);
/// Between looks at the lock.
const LOCK_AGAIN: Duration = Duration::from_millis(25);

/// Who signed in, as the ID token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// What people know them by: `preferred_username`, else the user principal name. Hostile.
    pub username: String,
    /// Their object id in the tenant; empty where the server knows none.
    pub oid: String,
    /// The tenant they signed in to; empty where the server knows none.
    pub tid: String,
}

/// A person's sign-in.
#[derive(Clone)]
pub struct Kept {
    /// What the next token is got with.
    pub refresh_token: SecretString,
    /// Whose it is.
    pub who: Who,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// Why a sign-in could not be kept, read or removed; never tells the token.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file cannot be read or written.
    #[error("the kept sign-in {} cannot be {doing}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried: `read`, `written`, `removed`, `locked`.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The file was damaged, and was moved out of the way.
    #[error("the kept sign-in was damaged and set aside as {}", to.display())]
    Damaged {
        /// Where it is now.
        to: PathBuf,
    },
    /// Others may read the file.
    #[error("the kept sign-in {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system's keyring does not do it.
    #[error("the system's keyring cannot be used: {0}")]
    Keyring(String),
}

/// Where the sign-in of one profile, in one tenant, with one application, is kept.
#[derive(Debug)]
pub struct Keeper {
    /// What it belongs to.
    of: Of,
    /// The profile's file; none: memory alone.
    file: Option<PathBuf>,
    /// Whether the token may stand in the file.
    in_file: bool,
}

/// What a sign-in belongs to: with another tenant or application it is another's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Of {
    profile: String,
    tenant: String,
    client: String,
}

/// The right to renew, until dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held for its drop")] Option<std::fs::File>);

impl Keeper {
    /// Keeps nothing: the sign-in ends with the program.
    pub fn memory() -> Self {
        Self {
            of: Of::default(),
            file: None,
            in_file: false,
        }
    }

    /// Keeps as the profile says, in this folder: in the keyring where it says nothing.
    pub fn new(profile: &Profile, data: &Path) -> Self {
        let store = profile.token_store.unwrap_or(TokenStore::Keyring);
        if store == TokenStore::Memory {
            return Self::memory();
        }
        Self {
            of: Of {
                profile: profile.name.clone(),
                tenant: profile.tenant_id.to_ascii_lowercase(),
                client: profile.client_id.to_ascii_lowercase(),
            },
            file: Some(data.join(format!("{}.sign-in.json", profile.name))),
            in_file: store == TokenStore::File,
        }
    }

    /// Whether anything outlives the program.
    pub fn outlives(&self) -> bool {
        self.file.is_some()
    }

    /// Where it is kept, in words.
    pub fn place(&self) -> String {
        match &self.file {
            None => "memory, until the program ends".to_owned(),
            Some(path) if self.in_file => path.display().to_string(),
            Some(_) => "the system's keyring".to_owned(),
        }
    }

    /// Who is signed in, as far as the file tells: asks no keyring.
    pub fn who(&self) -> Option<Who> {
        let found = file::glance(self.file.as_deref()?);
        found
            .filter(|record| self.is_ours(record))
            .map(|record| record.who)
    }

    /// Waits until no other program renews.
    ///
    /// # Errors
    /// Where the lock cannot be had; renewing without it may lose a token to another program.
    pub async fn lock(&self) -> Result<Lock, KeepError> {
        let Some(path) = &self.file else {
            return Ok(Lock(None));
        };
        let path = path.with_extension("lock");
        let begun = std::time::Instant::now();
        loop {
            if let Some(file) = file::try_lock(&path)? {
                return Ok(Lock(Some(file)));
            }
            if begun.elapsed() > LOCK_PATIENCE {
                return Err(KeepError::File {
                    path,
                    doing: "locked",
                    source: std::io::ErrorKind::TimedOut.into(),
                });
            }
            tokio::time::sleep(LOCK_AGAIN).await;
        }
    }

    /// What is kept; waits for the disk and the keyring.
    ///
    /// # Errors
    /// Where it cannot be read; a damaged file is set aside, so that the next answer is `None`.
    pub fn load(&self) -> Result<Option<Kept>, KeepError> {
        let Some(Record {
            who, refresh_token, ..
        }) = self.record()?
        else {
            return Ok(None);
        };
        let refresh_token = match refresh_token {
            Some(token) => Some(token),
            None => keyring::get(&self.of.entry())?,
        };
        Ok(refresh_token.map(|refresh_token| Kept { refresh_token, who }))
    }

    /// Keeps a sign-in in place of the one before; waits for the disk and the keyring.
    ///
    /// # Errors
    /// Where it cannot be kept; what was kept before may still be.
    pub fn save(&self, kept: &Kept) -> Result<(), KeepError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        if !self.in_file {
            keyring::set(&self.of.entry(), &kept.refresh_token)?;
        }
        let record = Record {
            tenant: self.of.tenant.clone(),
            client: self.of.client.clone(),
            who: kept.who.clone(),
            refresh_token: self.in_file.then(|| kept.refresh_token.clone()),
        };
        file::write(path, &record)
    }

    /// Removes what is kept, wherever it is; whether there was anything.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn forget(&self) -> Result<bool, KeepError> {
        let Some(path) = &self.file else {
            return Ok(false);
        };
        let in_keyring = match file::read(path) {
            // It may be of the tenant or application that the profile had before.
            Ok(Some(record)) => record.refresh_token.is_none().then(|| Of {
                profile: self.of.profile.clone(),
                tenant: record.tenant,
                client: record.client,
            }),
            Ok(None) => None,
            // Nobody can tell what stood there: the keyring is asked as well.
            Err(_) => Some(self.of.clone()),
        };
        let removed = file::remove(path)?;
        if let Some(of) = in_keyring {
            keyring::remove(&of.entry())?;
        }
        Ok(removed)
    }

    /// The file, where it is about this tenant and application.
    fn record(&self) -> Result<Option<Record>, KeepError> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        Ok(file::read(path)?.filter(|record| self.is_ours(record)))
    }

    fn is_ours(&self, record: &Record) -> bool {
        record.tenant == self.of.tenant && record.client == self.of.client
    }
}

impl Of {
    /// What the keyring knows it by.
    fn entry(&self) -> String {
        format!("{} {} {}", self.profile, self.tenant, self.client)
    }
}

/// A sign-in shared by what runs here: in memory, and behind it what is kept.
#[derive(Debug)]
pub struct Shared {
    keeper: Keeper,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    kept: Option<Kept>,
    /// The keeper could not keep it: memory is then the truth.
    alone: bool,
}

impl Shared {
    /// Behind it this keeper.
    pub fn new(keeper: Keeper) -> Self {
        let alone = !keeper.outlives();
        Self {
            keeper,
            memory: Mutex::new(Memory { kept: None, alone }),
        }
    }

    /// Where it is kept.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Who is signed in, as far as memory and file tell.
    pub fn who(&self) -> Option<Who> {
        let known = self.memory().kept.as_ref().map(|kept| kept.who.clone());
        known.or_else(|| self.keeper.who())
    }

    /// The newest sign-in: another program may have renewed or ended it. Waits for disk and keyring.
    ///
    /// # Errors
    /// Where what is kept cannot be read.
    pub fn newest(&self) -> Result<Option<Kept>, KeepError> {
        let alone = self.memory().alone;
        if !alone {
            let read = self.keeper.load()?;
            self.memory().kept = read;
        }
        Ok(self.memory().kept.clone())
    }

    /// Takes a sign-in in and keeps it; the error is that it will not outlive the program.
    ///
    /// # Errors
    /// Where it is in memory alone now.
    pub fn put(&self, kept: Kept) -> Result<(), KeepError> {
        let saved = self.keeper.save(&kept);
        let mut memory = self.memory();
        memory.alone = saved.is_err() || !self.keeper.outlives();
        memory.kept = Some(kept);
        saved
    }

    /// Forgets, in memory and where it is kept; whether there was anything.
    ///
    /// # Errors
    /// Where what is kept cannot be removed.
    pub fn forget(&self) -> Result<bool, KeepError> {
        let had = self.memory().kept.take().is_some();
        Ok(self.keeper.forget()? || had)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
