//! Results of cloud hunts kept as tables: `$1`, `$2`, … or a name of the analyst's, each with its query,
//! tenants and time, in a file that outlives the program. The oldest make room for new ones.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::cells::{to_sql, type_of};
use super::{LocalError, Result, ident};
use crate::domain::{ResultTable, Timestamp};
use crate::engine::Type;
use crate::store::private_file;

const LAYOUT: i64 = 1;

/// What a file made by this version holds.
const SCHEMA: &str = "
CREATE TABLE result (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT UNIQUE,
    at      INTEGER NOT NULL,
    as_of   INTEGER NOT NULL,
    query   TEXT NOT NULL,
    tenants TEXT NOT NULL,
    columns TEXT NOT NULL,
    rows    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL
);";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Results; none keeps nothing.
    pub results: usize,
    /// Bytes of all their rows.
    pub bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            results: 50,
            bytes: 512 * 1024 * 1024,
        }
    }
}

/// A result that is kept, without its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptResult {
    /// Its number; numbers are never given twice.
    pub id: i64,
    /// The analyst's name for it.
    pub name: Option<String>,
    /// When it was kept.
    pub at: Timestamp,
    /// The service's clock when it answered.
    pub as_of: Timestamp,
    /// KQL.
    pub query: String,
    /// The profiles it is of.
    pub tenants: Vec<String>,
    /// Names and types.
    pub columns: Vec<(String, Type)>,
    /// How many rows.
    pub rows: u64,
    /// Bytes of them, roughly.
    pub bytes: u64,
}

impl KeptResult {
    /// `$7`.
    pub fn number(&self) -> String {
        format!("${}", self.id)
    }

    /// What it is called in queries: the analyst's name, else its number.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.number())
    }

    /// The same as it is written in a query.
    pub fn written(&self) -> String {
        match &self.name {
            Some(name) if !is_plain(name) => format!("['{}']", name.replace('\'', "\\'")),
            _ => self.label(),
        }
    }
}

/// What is to be kept of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// The analyst's name for it.
    pub name: Option<&'a str>,
    /// KQL.
    pub query: &'a str,
    /// The profiles it is of.
    pub tenants: &'a [String],
    /// The service's clock when it answered.
    pub as_of: Timestamp,
    /// Its rows.
    pub table: &'a ResultTable,
}

/// What keeping an answer did.
#[derive(Clone, Debug, PartialEq)]
pub struct Keeping {
    /// What is kept now.
    pub kept: KeptResult,
    /// What made room for it.
    pub dropped: Vec<KeptResult>,
}

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Results {
    path: PathBuf,
}

impl Results {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> Result<Connection> {
        let io = |source| LocalError::Io {
            path: self.path.clone(),
            source,
        };
        let new = !self.path.exists();
        drop(private_file(&self.path).map_err(io)?);
        let mut db = super::connect(&self.path)?;
        if new {
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        // What is dropped is gone from the disk too.
        db.pragma_update(None, "secure_delete", "ON")?;
        let tx = db.transaction()?;
        let layout: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match layout {
            0 => {
                tx.execute_batch(SCHEMA)?;
                tx.pragma_update(None, "user_version", LAYOUT)?;
            }
            LAYOUT => {}
            found => return Err(LocalError::Newer(self.path.clone(), found)),
        }
        tx.commit()?;
        Ok(db)
    }

    /// Everything that is kept, the newest first; nothing where there is no file.
    pub(super) fn list(&self) -> Result<Vec<KeptResult>> {
        if !self.path.is_file() {
            return Ok(Vec::new());
        }
        list(&self.open()?)
    }

    /// Keeps an answer. What is over the room is dropped, the oldest without a name first.
    pub(super) fn keep(&self, fresh: Fresh<'_>, room: Room, now: Timestamp) -> Result<Keeping> {
        let bytes = fresh.table.memory() as u64;
        if bytes > room.bytes {
            return Err(LocalError::TooLarge {
                bytes,
                most: room.bytes,
            });
        }
        if let Some(name) = fresh.name {
            check_name(name)?;
        }
        let mut db = self.open()?;
        let tx = db.transaction()?;
        // A name always means the newest result that was given it.
        if let Some(name) = fresh.name {
            tx.execute("UPDATE result SET name = NULL WHERE name = ?1", [name])?;
        }
        let columns: Vec<(String, Type)> = unique(fresh.table);
        let words: Vec<(&str, &str)> = columns
            .iter()
            .map(|(name, ty)| (name.as_str(), ty.name()))
            .collect();
        tx.execute(
            "INSERT INTO result (name, at, as_of, query, tenants, columns, rows, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                fresh.name,
                nanos(now),
                nanos(fresh.as_of),
                fresh.query,
                fresh.tenants.join("\n"),
                serde_json::to_string(&words).unwrap_or_default(),
                fresh.table.rows() as i64,
                bytes as i64
            ],
        )?;
        let id = tx.last_insert_rowid();
        let declared: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, (_, ty))| format!("c{at} {}", declared(*ty)))
            .collect();
        // A table has at least one column.
        let declared = if declared.is_empty() {
            "nothing".to_owned()
        } else {
            declared.join(", ")
        };
        tx.execute_batch(&format!("CREATE TABLE r{id} ({declared})"))?;
        if !columns.is_empty() {
            let holes = vec!["?"; columns.len()].join(", ");
            let mut insert = tx.prepare(&format!("INSERT INTO r{id} VALUES ({holes})"))?;
            for row in 0..fresh.table.rows() {
                let cells = columns.iter().enumerate();
                let cells = cells.map(|(at, (_, ty))| to_sql(fresh.table.cell(row, at), *ty));
                insert.execute(params_from_iter(cells))?;
            }
        }
        let mut all = list(&tx)?;
        let kept = all.iter().find(|it| it.id == id).cloned();
        let kept = kept.ok_or_else(|| LocalError::Unknown(format!("${id}")))?;
        let mut dropped = Vec::new();
        // The newest stands first; those with a name go last.
        all.sort_by_key(|it| (it.id != id, it.name.is_none(), std::cmp::Reverse(it.id)));
        let held = |all: &[KeptResult]| all.iter().map(|it| it.bytes).sum::<u64>();
        while all.len() > room.results.max(1) || held(&all) > room.bytes {
            let Some(oldest) = all.pop().filter(|it| it.id != id) else {
                break;
            };
            remove(&tx, oldest.id)?;
            dropped.push(oldest);
        }
        tx.commit()?;
        if !dropped.is_empty() {
            db.execute_batch("PRAGMA incremental_vacuum")?;
        }
        Ok(Keeping { kept, dropped })
    }

    /// Gives a result a name, or takes it away.
    pub(super) fn rename(&self, id: i64, name: Option<&str>) -> Result<()> {
        if let Some(name) = name {
            check_name(name)?;
        }
        let db = self.open()?;
        let taken: Option<i64> = db
            .query_row(
                "SELECT id FROM result WHERE name = ?1 AND id <> ?2",
                params![name, id],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(other) = taken {
            return Err(LocalError::Name(format!("${other} has that name")));
        }
        db.execute(
            "UPDATE result SET name = ?2 WHERE id = ?1",
            params![id, name],
        )?;
        Ok(())
    }

    /// Drops a result.
    pub(super) fn drop_one(&self, id: i64) -> Result<()> {
        let mut db = self.open()?;
        let tx = db.transaction()?;
        remove(&tx, id)?;
        tx.commit()?;
        db.execute_batch("PRAGMA incremental_vacuum")?;
        Ok(())
    }

    /// Drops everything that is of a profile, alone or among others; says how many results that were.
    pub(super) fn forget(&self, tenant: &str) -> Result<usize> {
        if !self.path.is_file() {
            return Ok(0);
        }
        let mut db = self.open()?;
        let tx = db.transaction()?;
        let all = list(&tx)?.into_iter();
        let its: Vec<i64> = all
            .filter(|it| it.tenants.iter().any(|of| of == tenant))
            .map(|it| it.id)
            .collect();
        for id in &its {
            remove(&tx, *id)?;
        }
        tx.commit()?;
        db.execute_batch("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(its.len())
    }
}

fn remove(db: &Connection, id: i64) -> Result<()> {
    db.execute("DELETE FROM result WHERE id = ?1", [id])?;
    db.execute_batch(&format!("DROP TABLE IF EXISTS r{id}"))?;
    Ok(())
}

fn list(db: &Connection) -> Result<Vec<KeptResult>> {
    let mut statement = db.prepare(
        "SELECT id, name, at, as_of, query, tenants, columns, rows, bytes FROM result ORDER BY id DESC",
    )?;
    let rows = statement.query_map([], |row| {
        let columns: String = row.get(6)?;
        let columns: Vec<(String, String)> = serde_json::from_str(&columns).unwrap_or_default();
        let columns = columns.into_iter().map(|(name, ty)| {
            let ty = Type::from_name(&ty).unwrap_or(Type::String);
            (name, ty)
        });
        let tenants: String = row.get(5)?;
        Ok(KeptResult {
            id: row.get(0)?,
            name: row.get(1)?,
            at: time(row.get(2)?),
            as_of: time(row.get(3)?),
            query: row.get(4)?,
            tenants: tenants.lines().map(str::to_owned).collect(),
            columns: columns.collect(),
            rows: row.get::<_, i64>(7)?.unsigned_abs(),
            bytes: row.get::<_, i64>(8)?.unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The columns of an answer with their types; a name that is there twice is numbered.
fn unique(table: &ResultTable) -> Vec<(String, Type)> {
    let mut taken: HashSet<String> = HashSet::new();
    let columns = table.columns().iter().map(|column| {
        let mut name = column.name.to_string();
        let mut nth = 0;
        while name.is_empty() || !taken.insert(name.clone()) {
            nth += 1;
            name = format!("{}{nth}", column.name);
        }
        (name, type_of(column))
    });
    columns.collect()
}

/// The SQLite type a column of this type is declared with.
pub(super) fn declared(ty: Type) -> &'static str {
    match ty {
        Type::String => "TEXT NOT NULL DEFAULT ''",
        Type::Bool | Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => "INTEGER",
        Type::Real => "REAL",
        _ => "TEXT",
    }
}

/// The column of a kept result's table, by its place.
pub(super) fn column(at: usize) -> String {
    ident(&format!("c{at}"))
}

/// Whether a name needs no brackets in a query.
pub(super) fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a table may be called so.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<()> {
    let wrong = |why: &str| Err(LocalError::Name(format!("{name:?}: {why}")));
    if !is_plain(name) {
        return wrong(
            "a name is letters, digits and underscores, and begins with none of the digits",
        );
    }
    if name.len() > 60 {
        return wrong("a name has at most 60 letters");
    }
    if super::tables::TABLES.about(name).is_some() {
        return wrong("the cached queue has a table of that name");
    }
    Ok(())
}

fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(0)
}

fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hunting::{Cell, Column};

    fn table(rows: usize) -> ResultTable {
        let mut name = Column::new("Name", "String");
        let mut count = Column::new("Name", "Int64");
        for row in 0..rows {
            name.push(Cell::Text("x"));
            count.push(Cell::Long(row as i64));
        }
        ResultTable::new(vec![name, count])
    }

    fn keep(results: &Results, name: Option<&str>, tenant: &str, most: usize) -> Keeping {
        let fresh = Fresh {
            name,
            query: "T",
            tenants: &[tenant.to_owned()],
            as_of: Timestamp::UNIX_EPOCH,
            table: &table(3),
        };
        let room = Room {
            results: most,
            ..Room::default()
        };
        results
            .keep(fresh, room, Timestamp::UNIX_EPOCH)
            .expect("kept")
    }

    fn labels(results: &Results) -> Vec<String> {
        let all = results.list().expect("read");
        all.iter().map(KeptResult::label).collect()
    }

    #[test]
    fn numbers_go_up_names_stay_and_the_oldest_without_a_name_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = Results::new(folder.path().join("results.sqlite"));
        assert!(labels(&results).is_empty());
        keep(&results, Some("mine"), "a", 2);
        keep(&results, None, "a", 2);
        let third = keep(&results, None, "a", 2);
        assert_eq!(third.kept.number(), "$3");
        assert_eq!(third.dropped.len(), 1);
        assert_eq!(third.dropped[0].number(), "$2");
        assert_eq!(labels(&results), ["$3", "mine"]);
        assert_eq!(
            third.kept.columns,
            [
                ("Name".to_owned(), Type::String),
                ("Name1".to_owned(), Type::Long)
            ]
        );
        results.drop_one(3).expect("dropped");
        let fourth = keep(&results, Some("mine"), "a", 9);
        assert_eq!(fourth.kept.id, 4, "a number is never given twice");
        assert_eq!(
            labels(&results),
            ["mine", "$1"],
            "the newer one has the name"
        );
        assert!(matches!(
            results.rename(1, Some("mine")),
            Err(LocalError::Name(_))
        ));
        assert!(matches!(
            results.rename(1, Some("Incidents")),
            Err(LocalError::Name(_))
        ));
        results.rename(1, Some("old_one")).expect("renamed");
        assert_eq!(labels(&results), ["mine", "old_one"]);
    }

    #[test]
    fn a_profile_that_goes_takes_its_results_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.sqlite");
        let results = Results::new(path.clone());
        keep(&results, None, "a", 9);
        keep(&results, None, "b", 9);
        assert_eq!(results.forget("a").expect("forgotten"), 1);
        assert_eq!(labels(&results), ["$2"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_over_the_room_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = Results::new(folder.path().join("results.sqlite"));
        let fresh = Fresh {
            name: None,
            query: "T",
            tenants: &[],
            as_of: Timestamp::UNIX_EPOCH,
            table: &table(100),
        };
        let room = Room {
            results: 9,
            bytes: 100,
        };
        let kept = results.keep(fresh, room, Timestamp::UNIX_EPOCH);
        assert!(matches!(kept, Err(LocalError::TooLarge { .. })), "{kept:?}");
        assert!(labels(&results).is_empty());
    }
}
