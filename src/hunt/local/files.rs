//! Files as tables: CSV, TSV, JSON and JSON lines, streamed into a database of this run that its owner alone
//! can read and that goes with it.
//!
//! A file is read twice: once for the types of its columns, which are guessed from all rows, once for the
//! rows. A row that is none is passed over and told with its line and the reason.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::params_from_iter;
use rusqlite::types::Value as SqlCell;

use super::guess::{self, Guess};
use super::kept::{check_name, declared, is_plain};
use super::rows::{Bad, Form, Row, header};
use super::{LocalError, Result};
use crate::domain::Timestamp;
use crate::engine::{Cancel, Type};
use crate::store::private_file;

/// The largest file that is read.
const MOST_BYTES: u64 = 4 << 30;
/// A file of more columns is refused.
const MOST_COLUMNS: usize = 1_000;

/// A file somebody wants as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The table's name.
    pub name: String,
    /// Columns whose type is not to be guessed.
    pub types: Vec<(String, Type)>,
    /// The file.
    pub path: PathBuf,
}

impl Wanted {
    /// Reads `NAME=FILE` or `NAME(COLUMN:TYPE, …)=FILE`. A file alone is called after itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(given: &str) -> std::result::Result<Self, String> {
        let head = given.find(['=', '(']);
        let (name, types, path) = match head {
            Some(at) if given[at..].starts_with('(') && is_plain(given[..at].trim()) => {
                let close = given[at..].find(")=").map(|end| at + end);
                let close = close.ok_or("after the columns comes )=FILE")?;
                (
                    &given[..at],
                    types_of(&given[at + 1..close])?,
                    &given[close + 2..],
                )
            }
            Some(at) if is_plain(given[..at].trim()) => {
                (&given[..at], Vec::new(), &given[at + 1..])
            }
            Some(at) if given[at..].contains(")=") => {
                return Err(format!("{:?} is no name of a table", given[..at].trim()));
            }
            _ => ("", Vec::new(), given),
        };
        let path = PathBuf::from(path.trim());
        if path.as_os_str().is_empty() {
            return Err("no file is named".to_owned());
        }
        let name = match name.trim() {
            "" => named_after(&path),
            name => name.to_owned(),
        };
        check_name(&name).map_err(|why| why.to_string())?;
        Ok(Self { name, types, path })
    }
}

fn types_of(given: &str) -> std::result::Result<Vec<(String, Type)>, String> {
    let columns = given.split(',').filter(|it| !it.trim().is_empty());
    columns
        .map(|column| {
            let (name, ty) = column
                .rsplit_once(':')
                .ok_or_else(|| format!("{column:?} is not COLUMN:TYPE"))?;
            let ty = Type::from_name(ty.trim())
                .ok_or_else(|| format!("{:?} is no type of the language", ty.trim()))?;
            Ok((name.trim().to_owned(), ty))
        })
        .collect()
}

/// A table's name for a file: its own without the ending, as far as that can be one.
fn named_after(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut name: String = stem
        .chars()
        .take(60)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if !is_plain(&name) {
        name.insert(0, '_');
    }
    name
}

/// A row that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line; in an array of JSON its number.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// A file that is a table.
#[derive(Clone, Debug, PartialEq)]
pub struct FileTable {
    /// Its name in queries.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Names and types.
    pub columns: Vec<(String, Type)>,
    /// How many rows.
    pub rows: u64,
    /// The first rows that were passed over.
    pub bad: Vec<BadRow>,
    /// How many there were.
    pub bad_rows: u64,
    /// Cells that are not what their column was said to be, and are null: column, how many, first line.
    pub misfits: Vec<(String, u64, u64)>,
    /// When the file was written.
    pub written: Option<Timestamp>,
    /// The SQLite table.
    pub(super) sql_name: String,
}

impl FileTable {
    /// What became of the file, in lines: its columns first, then what is not in the table.
    pub fn words(&self) -> Vec<String> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, ty)| format!("{name}:{}", ty.name()))
            .collect();
        let mut lines = vec![format!(
            "{}: {} rows of {} ({})",
            self.name,
            self.rows,
            self.path.display(),
            columns.join(", ")
        )];
        for bad in &self.bad {
            lines.push(format!("{}: line {}: {}", self.name, bad.line, bad.why));
        }
        let more = self.bad_rows.saturating_sub(self.bad.len() as u64);
        if more > 0 {
            lines.push(format!("{}: {more} more rows were passed over", self.name));
        }
        for (column, count, line) in &self.misfits {
            lines.push(format!(
                "{}: {count} cells of {column} are not of its type and are null, the first in line {line}",
                self.name
            ));
        }
        lines
    }
}

/// The tables of this run's files, and the database they lie in. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Held while the program runs, so that no other takes the database for a leftover.
    lock: Option<File>,
    tables: Vec<FileTable>,
    made: usize,
}

impl Files {
    /// Nothing is made before the first file is read.
    pub(super) fn new(folder: &Path) -> Self {
        let name = format!("files-{}.sqlite", uuid::Uuid::new_v4().simple());
        Self {
            path: folder.join(name),
            lock: None,
            tables: Vec::new(),
            made: 0,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn tables(&self) -> &[FileTable] {
        &self.tables
    }

    /// A table's name in the database that no other has.
    pub(super) fn begin(&mut self) -> Result<String> {
        if self.lock.is_none() {
            let io = |path: &Path, source| LocalError::Io {
                path: path.to_owned(),
                source,
            };
            if let Some(folder) = self.path.parent() {
                sweep(folder);
            }
            let lock = self.path.with_extension("lock");
            let file = private_file(&lock).map_err(|why| io(&lock, why))?;
            file.try_lock()
                .map_err(|why| io(&lock, std::io::Error::other(why.to_string())))?;
            drop(private_file(&self.path).map_err(|why| io(&self.path, why))?);
            self.lock = Some(file);
        }
        self.made += 1;
        Ok(format!("f{}", self.made))
    }

    /// Takes a table in, in the place of one of its name.
    pub(super) fn put(&mut self, table: FileTable) {
        self.tables.retain(|other| other.name != table.name);
        self.tables.push(table);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.lock.is_some() {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    for suffix in ["sqlite", "sqlite-wal", "sqlite-shm", "lock"] {
        // What is not there need not go; what cannot go is tried again by the next run.
        let _ = std::fs::remove_file(path.with_extension(suffix));
    }
}

/// Removes databases whose program ended without doing so.
fn sweep(folder: &Path) {
    let Ok(found) = std::fs::read_dir(folder) else {
        return;
    };
    for path in found.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("files-")
            && name.ends_with(".lock")
            && let Ok(lock) = File::open(&path)
            && lock.try_lock().is_ok()
        {
            remove(&path);
        }
    }
}

/// Reads a file into a table of a database.
pub(super) fn load(
    db: &Path,
    sql_name: String,
    wanted: &Wanted,
    cancel: &Cancel,
) -> Result<FileTable> {
    let refuse = |why: String| LocalError::File {
        path: wanted.path.clone(),
        why,
    };
    let open = || File::open(&wanted.path).map_err(|why| refuse(why.to_string()));
    let facts = open()?.metadata().map_err(|why| refuse(why.to_string()))?;
    if !facts.is_file() {
        return Err(refuse("it is no file".to_owned()));
    }
    if facts.len() > MOST_BYTES {
        return Err(refuse(format!(
            "it has {} MB, more than the {} MB that are read",
            facts.len() >> 20,
            MOST_BYTES >> 20
        )));
    }
    let form = Form::of(&wanted.path, open()?).map_err(|why| refuse(why.to_string()))?;
    let mut columns = Columns::default();
    if let Form::Separated(delimiter) = form {
        // The header's columns come first, whether or not a row has them.
        for name in header(open()?, delimiter).map_err(refuse)? {
            columns.place(&name).map_err(refuse)?;
        }
    }
    let mut bad = Bad::default();
    let guessing = form.read(open()?, cancel, &mut bad, &mut |_, row| {
        match row {
            Row::Texts(texts) => {
                for (guess, text) in columns.guesses.iter_mut().zip(texts) {
                    guess.text(text);
                }
            }
            Row::Object(object) => {
                for (name, value) in object {
                    let at = columns.place(&name)?;
                    columns.guesses[at].json(&value);
                }
            }
        }
        Ok(())
    });
    guessing.map_err(refuse)?;
    stop(cancel)?;
    if columns.names.is_empty() {
        return Err(refuse(match bad.rows.first() {
            Some(first) => format!(
                "no row of it can be read: line {}: {}",
                first.line, first.why
            ),
            None => "it is empty".to_owned(),
        }));
    }
    let mut types: Vec<Type> = columns.guesses.iter().copied().map(Guess::ty).collect();
    for (name, ty) in &wanted.types {
        let at = columns.places.get(name);
        let at = at.ok_or_else(|| refuse(format!("it has no column {name}")))?;
        types[*at] = *ty;
    }
    let mut table = FileTable {
        name: wanted.name.clone(),
        path: wanted.path.clone(),
        columns: columns.names.iter().cloned().zip(types).collect(),
        rows: 0,
        bad: bad.rows,
        bad_rows: bad.count,
        misfits: Vec::new(),
        written: facts.modified().ok().and_then(|at| at.try_into().ok()),
        sql_name,
    };
    fill(db, &mut table, &columns, form, open()?, cancel)?;
    Ok(table)
}

/// Writes the rows.
fn fill(
    db: &Path,
    table: &mut FileTable,
    columns: &Columns,
    form: Form,
    file: File,
    cancel: &Cancel,
) -> Result<()> {
    let mut db = super::connect(db)?;
    // It lives as long as the program: nothing of it need survive a crash.
    db.pragma_update(None, "synchronous", "OFF")?;
    let tx = db.transaction()?;
    let name = &table.sql_name;
    let declared: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, (_, ty))| format!("c{at} {}", declared(*ty)))
        .collect();
    tx.execute_batch(&format!("CREATE TABLE {name} ({})", declared.join(", ")))?;
    let holes = vec!["?"; table.columns.len()].join(", ");
    let mut insert = tx.prepare(&format!("INSERT INTO {name} VALUES ({holes})"))?;
    let types: Vec<Type> = table.columns.iter().map(|(_, ty)| *ty).collect();
    let mut misfits: Vec<(u64, u64)> = vec![(0, 0); types.len()];
    let mut failed = None;
    let mut told = Bad::default();
    let mut rows = 0;
    let written = form.read(file, cancel, &mut told, &mut |line, row| {
        let mut cells: Vec<SqlCell> = types.iter().map(|ty| guess::empty(*ty)).collect();
        let mut put = |at: usize, cell: Option<SqlCell>| {
            if let Some(cell) = cell {
                cells[at] = cell;
                return;
            }
            let (count, first) = &mut misfits[at];
            *count += 1;
            if *count == 1 {
                *first = line;
            }
        };
        match row {
            Row::Texts(texts) => {
                for (at, text) in texts.iter().enumerate().take(types.len()) {
                    put(at, guess::of_text(text, types[at]));
                }
            }
            Row::Object(object) => {
                for (name, value) in object {
                    // A file that is written to meanwhile may have got columns since.
                    if let Some(at) = columns.places.get(&name) {
                        put(*at, guess::of_json(value, types[*at]));
                    }
                }
            }
        }
        rows += 1;
        insert.execute(params_from_iter(cells)).map_err(|why| {
            let words = why.to_string();
            failed = Some(why);
            words
        })?;
        Ok(())
    });
    if let Some(why) = failed {
        return Err(why.into());
    }
    stop(cancel)?;
    written.map_err(|why| LocalError::File {
        path: table.path.clone(),
        why,
    })?;
    drop(insert);
    tx.commit()?;
    table.rows = rows;
    let misfits = misfits.into_iter().zip(&table.columns);
    table.misfits = misfits
        .filter(|((count, _), _)| *count > 0)
        .map(|((count, first), (name, _))| (name.clone(), count, first))
        .collect();
    Ok(())
}

fn stop(cancel: &Cancel) -> Result<()> {
    if cancel.is_cancelled() {
        return Err(LocalError::Cancelled);
    }
    Ok(())
}

/// The columns of a file as they turn up.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    places: HashMap<String, usize>,
    guesses: Vec<Guess>,
}

impl Columns {
    fn place(&mut self, name: &str) -> std::result::Result<usize, String> {
        if let Some(at) = self.places.get(name) {
            return Ok(*at);
        }
        if self.names.len() >= MOST_COLUMNS {
            return Err(format!("it has more than {MOST_COLUMNS} columns"));
        }
        self.names.push(name.to_owned());
        self.guesses.push(Guess::default());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        Ok(self.names.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(name: &str, text: &str) -> Result<(FileTable, Vec<Vec<String>>)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let mut files = Files::new(folder.path());
        let sql = files.begin()?;
        let wanted = Wanted::read(&path.to_string_lossy()).expect("a file");
        let table = load(files.path(), sql, &wanted, &Cancel::new())?;
        let db = rusqlite::Connection::open(files.path()).expect("opens");
        let mut statement = db.prepare("SELECT * FROM f1").expect("there");
        let width = table.columns.len();
        let rows = statement.query_map([], |row| {
            let cell = |at| row.get::<_, SqlCell>(at).map(|it| format!("{it:?}"));
            (0..width).map(cell).collect()
        });
        let rows = rows.expect("read").collect::<rusqlite::Result<_>>();
        Ok((table, rows.expect("rows")))
    }

    fn types(table: &FileTable) -> Vec<String> {
        let columns = table.columns.iter();
        columns
            .map(|(name, ty)| format!("{name}:{}", ty.name()))
            .collect()
    }

    #[test]
    fn a_table_is_named_with_its_file_and_types_of_columns() {
        let read = |given: &str| Wanted::read(given);
        let it = read("logs(Time:datetime, Bytes:long)=/tmp/a=b.csv").expect("reads");
        assert_eq!(it.name, "logs");
        assert_eq!(
            it.types,
            [
                ("Time".to_owned(), Type::DateTime),
                ("Bytes".to_owned(), Type::Long)
            ]
        );
        assert_eq!(it.path, PathBuf::from("/tmp/a=b.csv"));
        assert_eq!(
            read("/var/log/7 days (old).csv").expect("reads").name,
            "_7_days__old_"
        );
        for wrong in [
            "",
            "x=",
            "9x(a:long)=f",
            "x(a)=f",
            "x(a:quark)=f",
            "Incidents=f.csv",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn types_are_guessed_from_all_rows_and_bad_rows_named() {
        let text = "\u{feff}At,Id,Size,Odd,At\n2026-01-02T03:04:05Z,007,1,x,\n,8,,1\n2026-01-02,9,2.5,{\"a\":1},no\n";
        let (table, rows) = loaded("some.csv", text).expect("loads");
        assert_eq!(
            types(&table),
            [
                "At:datetime",
                "Id:string",
                "Size:real",
                "Odd:string",
                "At1:string"
            ]
        );
        assert_eq!((table.rows, rows.len()), (2, 2));
        assert_eq!(
            table.bad,
            [BadRow {
                line: 3,
                why: "it has 4 cells, the header 5".to_owned()
            }]
        );
        assert_eq!(rows[0][1], "Text(\"007\")");
        assert_eq!(rows[1][2], "Real(2.5)");
    }

    #[test]
    fn lines_and_arrays_of_json_are_the_same_table() {
        let lines = "{\"a\":1,\"b\":{\"c\":[]}}\n\n{\"b\":null,\"d\":true}\nnonsense\n7\n";
        let (of_lines, rows) = loaded("x.jsonl", lines).expect("loads");
        assert_eq!(types(&of_lines), ["a:long", "b:dynamic", "d:bool"]);
        assert_eq!(rows[0], ["Integer(1)", "Text(\"{\\\"c\\\":[]}\")", "Null"]);
        assert_eq!(rows[1], ["Null", "Null", "Integer(1)"]);
        assert_eq!(of_lines.bad_rows, 2);
        assert_eq!(of_lines.bad[0].line, 4);
        let array = " [{\"a\":1,\"b\":{\"c\":[]}},{\"b\":null,\"d\":true},7,{\"a\":";
        let (of_array, again) = loaded("x.json", array).expect("loads");
        assert_eq!((types(&of_array), again), (types(&of_lines), rows));
        assert_eq!(of_array.bad[0].line, 3);
        assert!(of_array.bad[1].why.contains("from here on"), "{of_array:?}");
    }

    #[test]
    fn what_is_no_table_is_refused_by_name() {
        for (name, text) in [("a.csv", ""), ("b.jsonl", "x\ny\n"), ("c.json", "[]")] {
            let why = loaded(name, text).expect_err("refused").to_string();
            assert!(why.contains(name), "{why}");
        }
    }

    #[test]
    fn the_database_goes_with_the_program_and_leftovers_with_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join("files-0.lock");
        std::fs::write(&left, "").expect("written");
        std::fs::write(left.with_extension("sqlite"), "").expect("written");
        let mut files = Files::new(folder.path());
        files.begin().expect("made");
        assert!(!left.exists() && files.path().exists());
        let mut other = Files::new(folder.path());
        other.begin().expect("made");
        assert!(files.path().exists(), "it is in use");
        drop((files, other));
        assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 0);
    }
}
