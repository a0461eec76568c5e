//! The file: opening, migrating, locking, and who reads and writes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{Access, Result, StoreError};

/// One step a version; `user_version` counts the steps a file has behind it.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// Readers kept for reuse; more are opened when needed and closed again.
const POOL: usize = 3;

/// The connections of one file.
pub(super) struct Db {
    path: Option<PathBuf>,
    pub(super) access: Access,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
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
            make_private_folder(folder).map_err(io)?;
        }
        let lock_path = beside(path, ".lock");
        let lock = open_private(&lock_path).map_err(io)?;
        let access = match lock.try_lock() {
            Ok(()) => Access::Owner,
            Err(TryLockError::WouldBlock) => Access::Reader,
            Err(TryLockError::Error(source)) => return Err(io(source)),
        };
        match access {
            Access::Owner => drop(open_private(path).map_err(io)?),
            Access::Reader => wait_until_made(path),
        }
        let told = |error| explain(path, error);
        let mut writer = connect(path, access).map_err(told)?;
        match access {
            Access::Owner => migrate(&mut writer, path)?,
            Access::Reader => check_version(&writer, path)?,
        }
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
        migrate(&mut writer, Path::new(":memory:"))?;
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

    /// Runs in one transaction; an error undoes all of it. A crash of the machine may lose the newest
    /// such transactions, never a part of one: what was polled is polled again.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.writer()?;
        self.transact(&mut connection, work)
    }

    /// The same, and on the disk before it returns.
    pub(super) fn write_synced<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.writer()?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let done = self.transact(&mut connection, work);
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        done
    }

    fn transact<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| self.explain(error))?;
        let value = work(&transaction)?;
        transaction.commit().map_err(|error| self.explain(error))?;
        Ok(value)
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
        let value = work(&connection);
        let mut pool = pool();
        if pool.len() < POOL {
            pool.push(connection);
        }
        value
    }

    fn explain(&self, error: rusqlite::Error) -> StoreError {
        match &self.path {
            Some(path) => explain(path, error),
            None => error.into(),
        }
    }
}

/// Damage is told apart from everything else SQLite may say.
fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            path: path.to_owned(),
            why: error.to_string(),
        },
        _ => error.into(),
    }
}

fn connect(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let mode = match access {
        Access::Owner => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    if access == Access::Owner {
        connection.pragma_update(None, "page_size", 8192)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Fewer, larger checkpoints: a first sync writes hundreds of megabytes.
        connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        connection.pragma_update(None, "cache_size", -8192)?;
    } else {
        connection.pragma_update(None, "cache_size", -2048)?;
    }
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn version(connection: &Connection, path: &Path) -> Result<i64> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let done = version(connection, path)?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    // Reads the schema, so that a file whose pages are not a database is told now.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(|error| explain(path, error))
}

/// A second console comes a moment after the first, which may still be making the file.
fn wait_until_made(path: &Path) {
    for _ in 0..100 {
        let ready = connect(path, Access::Reader).and_then(|connection| {
            connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        });
        if matches!(ready, Ok(made) if made > 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn check_version(connection: &Connection, path: &Path) -> Result<()> {
    match version(connection, path)? {
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

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the file readable by its owner alone; SQLite gives its companions the same rights.
fn open_private(path: &Path) -> std::io::Result<File> {
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
