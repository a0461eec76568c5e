//! A result on its way to a file or to standard output, in the order and columns the analyst sees.
//!
//! CSV is for spreadsheets: every cell passes [`text::csv_cell`], so no cell is a formula and no
//! control character survives. JSON loses nothing: what a terminal must not see raw is written as a
//! `\u` escape, which is the same string to every JSON reader.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use crate::domain::hunting::{Cell, ColumnKind};
use crate::domain::{ResultTable, text};

/// Which rows and columns, in which order; `None` is all, as the service sent them.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// Row numbers of the table.
    pub rows: Option<&'a [u32]>,
    /// Column numbers of the table.
    pub columns: Option<&'a [usize]>,
}

impl View<'_> {
    fn columns(&self, table: &ResultTable) -> Vec<usize> {
        let all = 0..table.columns().len();
        match self.columns {
            Some(columns) => columns
                .iter()
                .copied()
                .filter(|it| all.contains(it))
                .collect(),
            None => all.collect(),
        }
    }

    fn for_each_row(
        &self,
        table: &ResultTable,
        mut each: impl FnMut(usize) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.rows {
            Some(rows) => rows
                .iter()
                .map(|&row| row as usize)
                .filter(|row| *row < table.rows())
                .try_for_each(each),
            None => (0..table.rows()).try_for_each(&mut each),
        }
    }
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated, with a header line.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Jsonl,
}

impl Format {
    /// The file name's ending.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }

    /// Writes a table in this format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(self, table: &ResultTable, view: View<'_>, out: impl Write) -> io::Result<()> {
        match self {
            Self::Csv => csv(table, view, out),
            Self::Json => json(table, view, out),
            Self::Jsonl => jsonl(table, view, out),
        }
    }
}

/// Writes a table as CSV with a header line; formulas are disarmed.
///
/// # Errors
/// Those of the writer.
pub fn csv(table: &ResultTable, view: View<'_>, out: impl Write) -> io::Result<()> {
    let columns = view.columns(table);
    let mut writer = csv::Writer::from_writer(out);
    let header = columns
        .iter()
        .map(|&at| text::csv_cell(&table.columns()[at].name));
    write_record(&mut writer, header)?;
    view.for_each_row(table, |row| {
        let cells = columns.iter().map(|&at| match table.cell(row, at) {
            Cell::Text(it) => text::csv_cell(it),
            other => other.text(),
        });
        write_record(&mut writer, cells)
    })?;
    writer.flush()
}

fn write_record<'a>(
    writer: &mut csv::Writer<impl Write>,
    cells: impl Iterator<Item = std::borrow::Cow<'a, str>>,
) -> io::Result<()> {
    for cell in cells {
        writer.write_field(cell.as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}

/// Writes a table as one JSON array of objects, a line an object.
///
/// # Errors
/// Those of the writer.
pub fn json(table: &ResultTable, view: View<'_>, mut out: impl Write) -> io::Result<()> {
    let columns = view.columns(table);
    let mut first = true;
    out.write_all(b"[")?;
    view.for_each_row(table, |row| {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        write_row(table, &columns, row, &mut out)
    })?;
    out.write_all(b"\n]\n")?;
    out.flush()
}

/// Writes a table as JSON lines.
///
/// # Errors
/// Those of the writer.
pub fn jsonl(table: &ResultTable, view: View<'_>, mut out: impl Write) -> io::Result<()> {
    let columns = view.columns(table);
    view.for_each_row(table, |row| {
        write_row(table, &columns, row, &mut out)?;
        out.write_all(b"\n")
    })?;
    out.flush()
}

fn write_row(
    table: &ResultTable,
    columns: &[usize],
    row: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(b"{")?;
    for (nth, &at) in columns.iter().enumerate() {
        if nth > 0 {
            out.write_all(b",")?;
        }
        let column = &table.columns()[at];
        to_json(&*column.name, out)?;
        out.write_all(b":")?;
        match table.cell(row, at) {
            Cell::Null => out.write_all(b"null")?,
            Cell::Long(number) => to_json(&number, out)?,
            Cell::Real(number) if number.is_finite() => to_json(&number, out)?,
            Cell::Bool(flag) => to_json(&flag, out)?,
            // JSON text stands as JSON; what is none stays a string
            Cell::Text(it) if column.kind == ColumnKind::Dynamic => {
                match serde_json::from_str::<serde_json::Value>(it) {
                    Ok(value) => to_json(&value, out)?,
                    Err(_) => to_json(it, out)?,
                }
            }
            other => to_json(&*other.text(), out)?,
        }
    }
    out.write_all(b"}")
}

/// Writes a value as compact JSON in which every character that must not reach a terminal is a
/// `\u` escape.
///
/// # Errors
/// Those of the writer.
pub fn to_json<T: Serialize + ?Sized>(value: &T, out: &mut impl Write) -> io::Result<()> {
    let mut serializer =
        serde_json::Serializer::with_formatter(out, Escaping(serde_json::ser::CompactFormatter));
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// The same with line breaks and two spaces a level.
pub fn pretty_json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    let formatter = Escaping(serde_json::ser::PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if value.serialize(&mut serializer).is_err() {
        return String::new();
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Pretty JSON of JSON text; the text itself, sanitised, where it is no JSON.
pub fn pretty_text(json: &str) -> String {
    match serde_json::from_str::<&RawValue>(json)
        .and_then(|_| serde_json::from_str::<serde_json::Value>(json))
    {
        Ok(value) => pretty_json(&value),
        Err(_) => text::clean_block(json).into_owned(),
    }
}

/// A JSON formatter that escapes what is not safe to show.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !text::is_safe(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// Writes a table to a new file of the folder and says which. Readable by its owner alone; an
/// existing file is never touched: the name gets `-2`, `-3` instead. A file that could not be
/// written whole is removed.
///
/// # Errors
/// Those of the file system.
pub fn to_file(
    folder: &Path,
    stem: &str,
    format: Format,
    table: &ResultTable,
    view: View<'_>,
) -> io::Result<PathBuf> {
    new_file(folder, stem, format.extension(), |out| {
        format.write(table, view, out)
    })
}

/// Writes a text, a chart for one, to a new file in the same way.
///
/// # Errors
/// Those of the file system.
pub fn text_to_file(folder: &Path, stem: &str, extension: &str, text: &str) -> io::Result<PathBuf> {
    new_file(folder, stem, extension, |out| {
        out.write_all(text.as_bytes())
    })
}

fn new_file(
    folder: &Path,
    stem: &str,
    extension: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let (path, file) = create(folder, stem, extension)?;
    let mut out = BufWriter::new(file);
    let written = write(&mut out)
        .and_then(|()| out.flush())
        .and_then(|()| out.get_ref().sync_all());
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            drop(out);
            let _ = std::fs::remove_file(&path);
            Err(error)
        }
    }
}

fn create(folder: &Path, stem: &str, extension: &str) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut nth = 1;
    loop {
        let name = if nth == 1 {
            format!("{stem}.{extension}")
        } else {
            format!("{stem}-{nth}.{extension}")
        };
        let path = folder.join(name);
        match options.open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && nth < 10_000 => nth += 1,
            Err(error) => return Err(error),
        }
    }
}
