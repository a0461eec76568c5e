//! Damaged files: moved out of the way, never deleted, and emptied of what can still be read.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{SetAside, Store, db};
use crate::domain::Timestamp;

/// Moves a file and its companions to a name that says when and why.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut aside = db::beside(path, &format!(".damaged-{stamp}"));
    for again in 1.. {
        if !aside.exists() {
            break;
        }
        aside = db::beside(path, &format!(".damaged-{stamp}-{again}"));
    }
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let companion = db::beside(path, suffix);
        if companion.exists() {
            std::fs::rename(companion, db::beside(&aside, suffix))?;
        }
    }
    let suspect = db::suspect(path);
    if suspect.exists() {
        std::fs::remove_file(suspect)?;
    }
    Ok(aside)
}

/// The tables of a journal and how many columns each has.
const TABLES: [(&str, &str, usize); 5] = [
    ("journal", "id", 14),
    ("journal_step", "rowid", 4),
    ("hunt", "id", 7),
    ("tab", "place", 6),
    ("tab_engine", "place", 2),
];

/// Copies the journal's rows that a damaged file still gives into the new one: from both ends, as far
/// as they can be read. Caches of early versions hold a journal as well.
pub(super) fn carry_over(store: &Store, path: &Path, aside: &mut SetAside) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(old) = Connection::open_with_flags(&aside.to, flags) else {
        return;
    };
    for (table, key, columns) in TABLES {
        let mut rows = std::collections::BTreeMap::new();
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT {key}, * FROM {table} ORDER BY {key} {order}");
            let Ok(mut statement) = old.prepare(&sql) else {
                continue;
            };
            let Ok(mut found) = statement.query([]) else {
                continue;
            };
            while let Ok(Some(row)) = found.next() {
                let values: rusqlite::Result<Vec<rusqlite::types::Value>> =
                    (1..=columns).map(|column| row.get(column)).collect();
                let (Ok(key), Ok(values)) = (row.get::<_, i64>(0), values) else {
                    continue;
                };
                rows.insert(key, values);
            }
        }
        let holes = vec!["?"; columns].join(", ");
        let written = store.db().write(|tx| {
            let mut insert = tx.prepare(&format!(
                "INSERT OR IGNORE INTO keep.{table} VALUES ({holes})"
            ))?;
            let mut count = 0;
            for values in rows.into_values() {
                count += insert.execute(params_from_iter(values))?;
            }
            Ok(count)
        });
        match written {
            Ok(count) if table == "journal" => aside.entries = count,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, table, path = %path.display(), "not carried over");
            }
        }
    }
}
