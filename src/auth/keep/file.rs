//! The file of a kept sign-in: whole or not there, and its owner's alone.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{KeepError, Who};

/// No record is longer than this.
const LONGEST: u64 = 256 * 1024;
/// Room for everything in a record but its token.
const REST: usize = 4096;

/// What the file says.
pub(super) struct Record {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) who: Who,
    /// None: it is in the keyring.
    pub(super) refresh_token: Option<SecretString>,
}

/// The same as it is written; `token` is borrowed, so that no copy is left behind.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    version: u32,
    tenant: String,
    client_id: String,
    who: Who,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Cow<'a, str>>,
}

const VERSION: u32 = 1;

/// What stands there; `None` where there is no file. A damaged one is set aside.
pub(super) fn read(path: &Path) -> Result<Option<Record>, KeepError> {
    match look(path)? {
        Found::Nothing => Ok(None),
        Found::Whole(record) => Ok(Some(record)),
        Found::Damaged => {
            let to = set_aside(path).map_err(|source| KeepError::File {
                path: path.to_owned(),
                doing: "set aside",
                source,
            })?;
            tracing::warn!(to = %to.display(), "a kept sign-in was damaged and set aside");
            Err(KeepError::Damaged { to })
        }
    }
}

/// The same at a glance: whatever is wrong is left for the next reader to say.
pub(super) fn glance(path: &Path) -> Option<Record> {
    match look(path) {
        Ok(Found::Whole(record)) => Some(record),
        _ => None,
    }
}

enum Found {
    Nothing,
    Damaged,
    Whole(Record),
}

fn look(path: &Path) -> Result<Found, KeepError> {
    let failed = |source| KeepError::File {
        path: path.to_owned(),
        doing: "read",
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeepError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    // Large enough from the start: a buffer that grows leaves copies behind.
    let length = file.metadata().map_err(failed)?.len().min(LONGEST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
    match serde_json::from_slice::<Written<'_>>(&bytes) {
        Ok(written) if written.version == VERSION => Ok(Found::Whole(Record {
            tenant: written.tenant,
            client: written.client_id,
            who: written.who,
            refresh_token: written
                .refresh_token
                .map(|token| SecretString::from(token.into_owned())),
        })),
        _ => Ok(Found::Damaged),
    }
}

/// Writes beside the place and renames into it.
pub(super) fn write(path: &Path, record: &Record) -> Result<(), KeepError> {
    let failed = |source| KeepError::File {
        path: path.to_owned(),
        doing: "written",
        source,
    };
    let token = record
        .refresh_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let mut bytes = Zeroizing::new(Vec::with_capacity(REST + token.map_or(0, str::len) * 2));
    let written = Written {
        version: VERSION,
        tenant: record.tenant.clone(),
        client_id: record.client.clone(),
        who: record.who.clone(),
        refresh_token: token.map(Cow::Borrowed),
    };
    serde_json::to_writer(&mut *bytes, &written).map_err(|error| failed(error.into()))?;
    replace(path, &bytes).map_err(failed)
}

/// Removes the file; whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, KeepError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(KeepError::File {
            path: path.to_owned(),
            doing: "removed",
            source,
        }),
    }
}

/// The lock file, locked; `None` where another holds it.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, KeepError> {
    let failed = |source| KeepError::File {
        path: path.to_owned(),
        doing: "locked",
        source,
    };
    let file = own_folder(path)
        .and_then(|()| private().create(true).truncate(false).open(path))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    own_folder(path)?;
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    // Left by a program of the same number that was killed: never looked at by anybody.
    let _ = std::fs::remove_file(&beside);
    let written = (|| {
        let mut file = private().create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    // The name too shall outlive a power cut; where folders cannot be synced, it mostly does anyway.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// For writing by its owner alone, from the moment it is there.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn own_folder(path: &Path) -> std::io::Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let aside = path.with_extension(format!("damaged-{stamp}"));
    std::fs::rename(path, &aside)?;
    Ok(aside)
}
