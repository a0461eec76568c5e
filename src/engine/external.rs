//! Data outside of the tables (`externaldata`, `FileProfile`): who opens it or knows it, and how the
//! text of a file becomes rows.
//!
//! The engine opens nothing itself. Its caller says what a name in a query stands for, mostly a
//! local file that the user allowed.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::dynamic;
use crate::kql::bound::Column;
use crate::kql::types::{Type, Value};

/// Most bytes read of one file: what the service takes.
const MOST_BYTES: u64 = 100 << 20;

/// What opens data: nothing where the user allowed nothing under that name.
type Opener = dyn Fn(&str) -> io::Result<Option<Box<dyn Read>>> + Send + Sync;

/// Says what the names in `externaldata` stand for. By default nothing is allowed.
#[derive(Clone, Default)]
pub struct External(Option<Arc<Opener>>);

impl External {
    /// Asks `open` for each name as the query has it; `None` stands for "not allowed".
    pub fn new(
        open: impl Fn(&str) -> io::Result<Option<Box<dyn Read>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(open)))
    }

    /// Opens what a name stands for.
    pub fn open(&self, uri: &str) -> io::Result<Option<Box<dyn Read>>> {
        self.0.as_ref().map_or(Ok(None), |open| open(uri))
    }
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.0.is_some() { "asks" } else { "nothing" };
        f.debug_tuple("External").field(&what).finish()
    }
}

/// Knows a file by one of its hashes: values by the names `FileProfile` gives its columns.
type Profiler = dyn Fn(&str) -> Option<Vec<(&'static str, Value)>> + Send + Sync;

/// What is known of files (`invoke FileProfile`). By default nothing is.
#[derive(Clone, Default)]
pub struct FileFacts(Option<Arc<Profiler>>);

impl FileFacts {
    /// Asks `profile` for each hash of the rows that are looked up.
    pub fn new(
        profile: impl Fn(&str) -> Option<Vec<(&'static str, Value)>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(profile)))
    }

    /// Whether anything is known at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is known of the file with a hash.
    pub fn of(&self, hash: &str) -> Option<Vec<(&'static str, Value)>> {
        self.0.as_ref().and_then(|profile| profile(hash))
    }
}

impl fmt::Debug for FileFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileFacts").field(&!self.is_empty()).finish()
    }
}

/// Knows where an address lies: JSON of a bag.
type Locator = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where addresses lie (`geo_info_from_ip_address`). By default nothing is known.
#[derive(Clone, Default)]
pub struct Places(Option<Arc<Locator>>);

impl Places {
    /// Asks `locate` for addresses; its answer is the JSON of a bag with `country`, `state`, `city`,
    /// `latitude` and `longitude`.
    pub fn new(locate: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(locate)))
    }

    /// Whether anything is known at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Where an address lies.
    pub fn of(&self, address: &str) -> Option<String> {
        self.0.as_ref().and_then(|locate| locate(address))
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&!self.is_empty()).finish()
    }
}

/// A name without what follows it in a connection string: keys and tokens are shown to nobody.
pub fn bare(uri: &str) -> &str {
    uri.split([';', '?']).next().unwrap_or(uri)
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells between separators, quoted as RFC 4180 has it.
    Separated(u8),
    /// One line a row, in the first column.
    Text,
    /// The whole file as one cell.
    Raw,
    /// Objects, one after the other or in arrays; properties fill columns of their name.
    Json,
}

impl Format {
    /// The format of a name in `with (format=…)` or of a file's ending.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "csv" => Self::Separated(b','),
            "tsv" => Self::Separated(b'\t'),
            "psv" => Self::Separated(b'|'),
            "scsv" => Self::Separated(b';'),
            "sohsv" => Self::Separated(1),
            "txt" => Self::Text,
            "raw" => Self::Raw,
            "json" | "jsonl" | "ndjson" | "multijson" => Self::Json,
            _ => return None,
        })
    }

    /// The format a file's name tells: its ending, before the one of its packing.
    pub fn of_file(uri: &str) -> Option<Self> {
        let name = bare(uri);
        let name = match name.rsplit_once('.') {
            Some((name, packed)) if packed.eq_ignore_ascii_case("gz") => name,
            _ => name,
        };
        Self::named(name.rsplit(['/', '\\']).next()?.rsplit_once('.')?.1)
    }
}

/// Where the cell of each column is found, if not by its place or name.
pub type Mapping = Vec<Option<String>>;

/// What a file's rows are made into.
pub struct Shape<'a> {
    /// How the file is written.
    pub format: Format,
    /// Its first record holds no data.
    pub skip_first: bool,
    /// Columns wanted.
    pub columns: &'a [Column],
    /// For each column the ordinal (separated text) or path (JSON) its cell lies at.
    pub mapping: Option<Mapping>,
}

/// Takes a row; an error stops the reading.
pub type Taker<'a, E> = &'a mut dyn FnMut(Vec<Cell>) -> Result<(), E>;

/// Hands the rows of a file on, each with one cell a column in the engine's own form.
pub fn read<E: From<io::Error>>(
    reader: Box<dyn Read>,
    shape: &Shape<'_>,
    row: Taker<'_, E>,
) -> Result<(), E> {
    // One byte more than allowed tells a full file from one cut short.
    let mut limited = BufReader::new(reader.take(MOST_BYTES + 1));
    if limited.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        limited.consume(3);
    }
    match shape.format {
        Format::Separated(by) => separated(&mut limited, by, shape, row)?,
        Format::Text => {
            let mut line = Vec::new();
            let mut skip = shape.skip_first;
            while limited.read_until(b'\n', &mut line)? > 0 {
                let text = String::from_utf8_lossy(&line);
                let text = text.strip_suffix('\n').unwrap_or(&text);
                if !std::mem::take(&mut skip) {
                    row(only(shape, text.strip_suffix('\r').unwrap_or(text)))?;
                }
                line.clear();
            }
        }
        Format::Raw => {
            let mut all = Vec::new();
            limited.read_to_end(&mut all)?;
            row(only(shape, &String::from_utf8_lossy(&all)))?;
        }
        Format::Json => objects(&mut limited, shape, row)?,
    }
    if limited.get_ref().limit() == 0 {
        let words = format!("the file is larger than {} MB", MOST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words).into());
    }
    Ok(())
}

/// A row of a file whose records are one text.
fn only(shape: &Shape<'_>, text: &str) -> Vec<Cell> {
    let texts = shape.columns.iter().enumerate();
    texts
        .map(|(i, c)| typed(if i == 0 { text } else { "" }, c.ty))
        .collect()
}

fn separated<E: From<io::Error>>(
    reader: &mut dyn Read,
    by: u8,
    shape: &Shape<'_>,
    row: Taker<'_, E>,
) -> Result<(), E> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(shape.skip_first)
        .flexible(true)
        .delimiter(by)
        .from_reader(reader);
    let places: Vec<usize> = (0..shape.columns.len())
        .map(|i| match &shape.mapping {
            Some(mapping) => mapping[i]
                .as_deref()
                .and_then(|place| place.parse().ok())
                .unwrap_or(usize::MAX),
            None => i,
        })
        .collect();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(into_io)? {
        let cells = places.iter().zip(shape.columns).map(|(place, column)| {
            let text = String::from_utf8_lossy(record.get(*place).unwrap_or_default());
            typed(&text, column.ty)
        });
        row(cells.collect())?;
    }
    Ok(())
}

fn into_io(error: csv::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn objects<E: From<io::Error>>(
    reader: &mut dyn Read,
    shape: &Shape<'_>,
    row: Taker<'_, E>,
) -> Result<(), E> {
    let mut skip = shape.skip_first;
    for value in serde_json::Deserializer::from_reader(reader).into_iter::<Json>() {
        let items = match value.map_err(io::Error::from)? {
            Json::Array(items) => items,
            one => vec![one],
        };
        for item in items {
            if std::mem::take(&mut skip) {
                continue;
            }
            let cells = shape.columns.iter().enumerate().map(|(i, column)| {
                let found = match &shape.mapping {
                    Some(mapping) => mapping[i]
                        .as_deref()
                        .and_then(|path| dynamic::json_path(&item, path))
                        .unwrap_or(&Json::Null),
                    None => dynamic::member(&item, &column.name),
                };
                dynamic::to_type(found, column.ty)
            });
            row(cells.collect())?;
        }
    }
    Ok(())
}

/// Text of a file as a cell of a type.
fn typed(text: &str, ty: Type) -> Cell {
    match ty {
        Type::String => Cell::Text(text.to_owned()),
        _ if text.is_empty() => Cell::Null,
        Type::Dynamic => dynamic::to_type(&dynamic::parse_lenient(text), ty),
        _ => dynamic::to_type(&Json::from(text), ty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, format: Format, skip_first: bool, mapping: Option<Mapping>) -> String {
        let columns = [
            Column::new("name", Type::String),
            Column::new("n", Type::Long),
            Column::new("d", Type::Dynamic),
        ];
        let shape = Shape {
            format,
            skip_first,
            columns: &columns,
            mapping,
        };
        let mut out = Vec::new();
        let reader = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        read::<io::Error>(reader, &shape, &mut |row| {
            let cells: Vec<String> = row.iter().map(|c| format!("{c:?}")).collect();
            out.push(cells.join(" "));
            Ok(())
        })
        .expect("readable");
        out.join("\n")
    }

    #[test]
    fn separated_text() {
        let text = "\u{feff}name,n,d\r\n\"a, \"\"b\"\"\",7,\"[1]\"\r\nc\n";
        let expected = "Text(\"a, \\\"b\\\"\") Integer(7) Text(\"[1]\")\nText(\"c\") Null Null";
        assert_eq!(rows(text, Format::Separated(b','), true, None), expected);
        let mapping = vec![Some("1".to_owned()), Some("0".to_owned()), None];
        assert_eq!(
            rows("5,x\n", Format::Separated(b','), false, Some(mapping)),
            "Text(\"x\") Integer(5) Null"
        );
    }

    #[test]
    fn lines_and_whole_files() {
        assert_eq!(
            rows("#\na,b\n\nc", Format::Text, true, None),
            "Text(\"a,b\") Null Null\nText(\"\") Null Null\nText(\"c\") Null Null"
        );
        assert_eq!(
            rows("a\nb", Format::Raw, false, None),
            "Text(\"a\\nb\") Null Null"
        );
    }

    #[test]
    fn objects_in_lines_and_arrays() {
        let expected = "Text(\"a\") Integer(1) Text(\"{\\\"x\\\":2}\")\nText(\"\") Null Null";
        let one = "{\"n\":1,\"name\":\"a\",\"d\":{\"x\":2}}";
        let lines = format!("{one}\n{{}}\n");
        assert_eq!(rows(&lines, Format::Json, false, None), expected);
        let array = format!("[{one},\n {{}}]");
        assert_eq!(rows(&array, Format::Json, false, None), expected);
        let mapping = vec![Some("$.d.x".to_owned()), None, None];
        assert_eq!(
            rows(one, Format::Json, false, Some(mapping)),
            "Text(\"2\") Null Null"
        );
    }

    #[test]
    fn formats_by_ending() {
        let csv = Some(Format::Separated(b','));
        assert_eq!(Format::of_file("https://x.example/a.b/list.csv?sig=1"), csv);
        assert_eq!(Format::of_file("C:\\lists\\a.CSV.gz"), csv);
        assert_eq!(Format::of_file("https://x.example/list"), None);
        assert_eq!(
            bare("https://x.example/a.csv;secret"),
            "https://x.example/a.csv"
        );
    }
}
