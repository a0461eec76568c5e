//! The file: opening, migrating, locking, and who reads and writes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{Access, Result, StoreError};

/// One step a version; `user_version` counts the steps a file has behind it.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// The same for the journal's file.
const JOURNAL_MIGRATIONS: &[&str] = &[
    include_str!("journal_1.sql"),
    include_str!("journal_2.sql"),
    include_str!("journal_3.sql"),
];

/// The step of the cache that lets go of what the journal's file has taken over.
const JOURNAL_MOVED: i64 = 3;

/// Says in a file's head that it is ours: `njar`.
const OURS: i64 = 0x6e6a_6172;

/// Readers kept for reuse; more are opened when needed and closed again.
const POOL: usize = 3;

/// The connections of one file.
pub(super) struct Db {
    path: Option<PathBuf>,
    pub(super) access: Access,
    readers: Mutex<Vec<Connection>>,
    /// Closed after the readers: the last to close brings the log into the file, and must be able to.
    writer: Mutex<Connection>,
    /// Held while this console owns the file; the system lets go of it when the process ends, however.
    _lock: Option<File>,
}

impl Db {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let io = |source| StoreError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(io)?;
        }
        let lock_path = beside(path, ".lock");
        let lock = private_file(&lock_path).map_err(io)?;
        let access = match lock.try_lock() {
            Ok(()) => Access::Owner,
            Err(TryLockError::WouldBlock) => Access::Reader,
            Err(TryLockError::Error(source)) => return Err(io(source)),
        };
        match access {
            Access::Owner => drop(private_file(path).map_err(io)?),
            Access::Reader => wait_until_made(path),
        }
        if access == Access::Owner && suspect(path).exists() {
            return Err(damaged(path, "it could not be read when it was used last"));
        }
        let writer = match access {
            Access::Owner => {
                let mut writer = open_cache(path, access)?;
                let known = version(&writer, path, "main", MIGRATIONS)?;
                drop(
                    private_file(&journal_file(path)).map_err(|source| StoreError::Io {
                        path: journal_file(path),
                        source,
                    })?,
                );
                attach(&writer, path)?;
                migrate_journal(&mut writer, path)?;
                migrate(&mut writer, path, known)?;
                writer
            }
            Access::Reader => {
                let writer = connect(path, access).map_err(|error| explain(path, error))?;
                check_version(&writer, path)?;
                writer
            }
        };
        Ok(Self {
            path: Some(path.to_owned()),
            access,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            _lock: Some(lock),
        })
    }

    pub(super) fn in_memory() -> Result<Self> {
        let mut writer = Connection::open_in_memory()?;
        writer.set_prepared_statement_cache_capacity(64);
        writer.execute("ATTACH ':memory:' AS keep", [])?;
        let path = Path::new(":memory:");
        migrate_journal(&mut writer, path)?;
        migrate(&mut writer, path, 0)?;
        Ok(Self {
            path: None,
            access: Access::Owner,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            _lock: None,
        })
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>> {
        if self.access == Access::Reader {
            return Err(StoreError::ReadOnly);
        }
        // A panic while writing rolled its transaction back: the connection is still good.
        Ok(self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs in one transaction; an error undoes all of it. What is written to the journal is on the disk
    /// before this returns. A crash of the machine may lose the newest writes to the cache, never a part of
    /// one: what was polled is polled again.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.writer()?;
        let transact = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        transact().map_err(|error| match error {
            StoreError::Sql(error) => self.explain(error),
            other => other,
        })
    }

    /// Runs on a reader of its own, beside whatever is being written.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let Some(path) = &self.path else {
            return work(&self.writer.lock().unwrap_or_else(PoisonError::into_inner));
        };
        let pool = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = pool().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(path, Access::Reader).map_err(|error| self.explain(error))?,
        };
        let value = work(&connection).map_err(|error| match error {
            StoreError::Sql(error) => self.explain(error),
            // A row that is no row any more, in pages that look whole.
            StoreError::Content(why) => self.suspected(damaged(path, &why)),
            other => other,
        });
        let mut pool = pool();
        if pool.len() < POOL {
            pool.push(connection);
        }
        value
    }

    /// Gives back the pages the connections keep.
    pub(super) fn release_memory(&self) -> Result<()> {
        let shrink = |connection: &Connection| connection.execute_batch("PRAGMA shrink_memory");
        shrink(&self.writer.lock().unwrap_or_else(PoisonError::into_inner))?;
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.iter().try_for_each(shrink)?;
        Ok(())
    }

    fn explain(&self, error: rusqlite::Error) -> StoreError {
        match &self.path {
            Some(path) => self.suspected(explain(path, error)),
            None => error.into(),
        }
    }

    /// Damage found while the file is used is remembered: the next start sets the file aside.
    fn suspected(&self, error: StoreError) -> StoreError {
        if let (StoreError::Damaged { path, .. }, Access::Owner) = (&error, self.access)
            && let Err(error) = std::fs::write(suspect(path), "")
        {
            tracing::warn!(%error, "the damage cannot be remembered");
        }
        error
    }
}

/// Damage is told apart from everything else SQLite may say.
fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            damaged(path, &error.to_string())
        }
        Some(ErrorCode::DiskFull) => StoreError::Full {
            path: path.to_owned(),
        },
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied,
        ) => StoreError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error.to_string()),
        },
        _ => error.into(),
    }
}

fn damaged(path: &Path, why: &str) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// Says that the cache was found damaged while it was used.
pub(super) fn suspect(path: &Path) -> PathBuf {
    beside(path, ".damaged")
}

/// `contoso.sqlite` keeps its journal in `contoso.journal.sqlite`.
pub(super) fn journal_file(path: &Path) -> PathBuf {
    path.with_extension("journal.sqlite")
}

fn connect(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let connection = open(path, access)?;
    tune(&connection, access, "main")?;
    attach_file(&connection, path)?;
    Ok(connection)
}

fn open(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let mode = match access {
        Access::Owner => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn tune(connection: &Connection, access: Access, which: &str) -> rusqlite::Result<()> {
    if access == Access::Owner {
        connection.pragma_update(Some(which), "page_size", 8192)?;
        connection.pragma_update(Some(which), "journal_mode", "WAL")?;
        connection.pragma_update(Some(which), "synchronous", "NORMAL")?;
        // Fewer, larger checkpoints: a first sync writes hundreds of megabytes.
        connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
        connection.pragma_update(Some(which), "journal_size_limit", 64 * 1024 * 1024)?;
        connection.pragma_update(Some(which), "cache_size", -8192)
    } else {
        connection.pragma_update(Some(which), "cache_size", -2048)
    }
}

/// Opens the cache, and refuses a database that is somebody else's before anything is written to it.
fn open_cache(path: &Path, access: Access) -> Result<Connection> {
    let told = |error| explain(path, error);
    let connection = open(path, access).map_err(told)?;
    let number = |name: &str| -> Result<i64> {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
            .map_err(told)
    };
    let (mark, made) = (number("application_id")?, number("user_version")?);
    let table = |name: &str| {
        connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE ?1 IN ('', name))",
                [name],
                |row| row.get::<_, bool>(0),
            )
            .map_err(told)
    };
    // Files of the first versions bear no mark.
    let ours = mark == OURS
        || (mark == 0
            && if made == 0 {
                !table("")?
            } else {
                table("incident_json")?
            });
    if !ours {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    tune(&connection, access, "main").map_err(told)?;
    if access == Access::Owner && mark != OURS {
        connection
            .pragma_update(None, "application_id", OURS)
            .map_err(told)?;
    }
    Ok(connection)
}

/// Reads a cache without opening it for writing; `None` where there is no such file.
pub(super) fn peek<T>(
    path: &Path,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<Option<T>> {
    peek_open(path)?
        .map(|connection| work(&connection))
        .transpose()
}

/// The same, to be read more than once.
pub(super) fn peek_open(path: &Path) -> Result<Option<Connection>> {
    if !path.is_file() {
        return Ok(None);
    }
    open_cache(path, Access::Reader).map(Some)
}

/// Opens the journal's file beside a cache.
pub(super) fn attach_file(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let journal = journal_file(path);
    connection.execute("ATTACH ?1 AS keep", [journal.to_string_lossy()])?;
    Ok(())
}

/// Opens the journal's file beside the cache and looks at all of it: it is small, and it is what
/// cannot be read again.
fn attach(connection: &Connection, path: &Path) -> Result<()> {
    let journal = journal_file(path);
    let told = |error| explain(&journal, error);
    attach_file(connection, path).map_err(told)?;
    let word: String = connection
        .query_row("PRAGMA keep.quick_check(1)", [], |row| row.get(0))
        .map_err(told)?;
    if word != "ok" {
        return Err(damaged(&journal, &word));
    }
    connection
        .pragma_update(Some("keep"), "journal_mode", "WAL")
        .map_err(told)?;
    // What is about to be sent is written down for certain.
    connection
        .pragma_update(Some("keep"), "synchronous", "FULL")
        .map_err(told)
}

fn version(connection: &Connection, path: &Path, which: &str, steps: &[&str]) -> Result<i64> {
    let found: i64 = connection
        .query_row(&format!("PRAGMA {which}.user_version"), [], |row| {
            row.get(0)
        })
        .map_err(|error| explain(path, error))?;
    let known = steps.len() as i64;
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

/// The journal's tables; and, once, what a cache of an earlier version held of them. That copy is
/// committed before the cache lets go of its own.
fn migrate_journal(connection: &mut Connection, path: &Path) -> Result<()> {
    let journal = journal_file(path);
    let done = version(connection, &journal, "keep", JOURNAL_MIGRATIONS)?;
    let told = |error| explain(&journal, error);
    for (index, step) in JOURNAL_MIGRATIONS.iter().enumerate().skip(done as usize) {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(told)?;
        transaction.execute_batch(step).map_err(told)?;
        transaction
            .pragma_update(Some("keep"), "user_version", index as i64 + 1)
            .map_err(told)?;
        transaction
            .pragma_update(Some("keep"), "application_id", OURS)
            .map_err(told)?;
        transaction.commit().map_err(told)?;
    }
    let cached: i64 = connection.query_row("PRAGMA main.user_version", [], |row| row.get(0))?;
    if cached > 0 && cached < JOURNAL_MOVED {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(
            "DELETE FROM keep.journal_step WHERE entry IN (SELECT id FROM main.journal);
             INSERT OR REPLACE INTO keep.journal SELECT * FROM main.journal;
             INSERT INTO keep.journal_step SELECT * FROM main.journal_step;
             INSERT OR REPLACE INTO keep.hunt SELECT * FROM main.hunt;",
        )?;
        transaction.commit()?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path, done: i64) -> Result<()> {
    let told = |error| explain(path, error);
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done as usize) {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(told)?;
        transaction.execute_batch(step).map_err(told)?;
        transaction
            .pragma_update(None, "user_version", index as i64 + 1)
            .map_err(told)?;
        transaction.commit().map_err(told)?;
    }
    // Reads the schema, so that a file whose pages are not a database is told now.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(told)
}

/// A second console comes a moment after the first, which may still be making the file.
fn wait_until_made(path: &Path) {
    for _ in 0..100 {
        let ready = connect(path, Access::Reader).and_then(|connection| {
            connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        });
        if matches!(ready, Ok(made) if made >= JOURNAL_MOVED) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn check_version(connection: &Connection, path: &Path) -> Result<()> {
    match version(connection, path, "main", MIGRATIONS)? {
        0 => Err(StoreError::ReadOnly),
        _ => Ok(()),
    }
}

/// `cache.db` and `.lock` give `cache.db.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes a folder, and those above it, that its owner alone may enter.
///
/// # Errors
/// Those of the system.
pub fn private_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens, and where it is not there makes, a file that its owner alone may read; SQLite gives the
/// companions of a database the same rights.
///
/// # Errors
/// Those of the system.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut rights = file.metadata()?.permissions();
        if rights.mode() & 0o077 != 0 {
            rights.set_mode(0o600);
            file.set_permissions(rights)?;
        }
    }
    Ok(file)
}
