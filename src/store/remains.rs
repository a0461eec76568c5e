//! What a profile leaves on the disk: looked at without opening it, and deleted on demand.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::codec::time;
use super::{Result, StoreError, db};
use crate::domain::Timestamp;

/// What there is of a profile's cache and journal. Nothing is locked, made or changed by looking, so that
/// a console that starts meanwhile finds everything as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Bytes of the cache.
    pub cache: u64,
    /// Bytes of the journal with the query history.
    pub journal: u64,
    /// Everything the service showed before this moment was in the cache; none where nothing was read yet.
    pub as_of: Option<Timestamp>,
}

/// Looks at what a profile's cache (`contoso.sqlite`) and its journal are.
pub fn look(path: &Path) -> Remains {
    let size = |path: &Path| -> u64 {
        let files = companions(path).into_iter();
        files
            .filter_map(|file| fs::metadata(file).ok())
            .map(|found| found.len())
            .sum()
    };
    Remains {
        cache: size(path),
        journal: size(&db::journal_file(path)),
        as_of: as_of(path),
    }
}

fn as_of(path: &Path) -> Option<Timestamp> {
    if !path.exists() {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = || -> rusqlite::Result<Option<i64>> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.query_row(
            "SELECT min(as_of) FROM sync WHERE endpoint IN ('incidents', 'alerts')",
            [],
            |row| row.get(0),
        )
    };
    // A file that cannot be read has nothing to say.
    read().ok().flatten().filter(|nanos| *nanos > 0).map(time)
}

/// Where the journal of a profile's cache is.
pub fn journal_of(path: &Path) -> PathBuf {
    db::journal_file(path)
}

/// Deletes a profile's cache, its journal, or both; gives the files.
///
/// # Errors
/// Where another console is using them, and then nothing is deleted; or where the system refuses.
pub fn delete(path: &Path, cache: bool, journal: bool) -> Result<Vec<PathBuf>> {
    let io = |path: &Path, source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let lock = db::beside(path, ".lock");
    let held = match fs::File::open(&lock) {
        Ok(file) => match file.try_lock() {
            Ok(()) => Some(file),
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::ReadOnly),
            Err(fs::TryLockError::Error(source)) => return Err(io(&lock, source)),
        },
        Err(_) => None,
    };
    let mut doomed = Vec::new();
    if cache {
        doomed.extend(companions(path));
        doomed.push(db::suspect(path));
        doomed.push(lock);
    }
    if journal {
        doomed.extend(companions(&db::journal_file(path)));
    }
    let mut gone = Vec::new();
    for file in doomed {
        match fs::remove_file(&file) {
            Ok(()) => gone.push(file),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(io(&file, source)),
        }
    }
    drop(held);
    Ok(gone)
}

/// A database with what SQLite keeps beside it.
fn companions(path: &Path) -> Vec<PathBuf> {
    let beside = ["-wal", "-shm"].map(|suffix| db::beside(path, suffix));
    std::iter::once(path.to_owned()).chain(beside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_is_in_use_is_not_deleted_and_the_journal_only_on_demand() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("contoso.sqlite");
        assert_eq!(look(&path), Remains::default());
        assert_eq!(delete(&path, true, true).expect("nothing there").len(), 0);
        let store = Store::open(&path).expect("opens");
        assert!(matches!(
            delete(&path, true, true),
            Err(StoreError::ReadOnly)
        ));
        let found = look(&path);
        assert!(found.cache > 0 && found.journal > 0 && found.as_of.is_none());
        drop(store);
        delete(&path, true, false).expect("deleted");
        let left = look(&path);
        assert_eq!((left.cache, left.as_of), (0, None));
        assert!(left.journal > 0);
        delete(&path, false, true).expect("deleted");
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 0);
    }
}
