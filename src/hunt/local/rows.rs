//! The rows of a file, streamed: CSV and TSV, JSON lines, an array of JSON. What is no row is passed over
//! and told.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::files::BadRow;
use crate::engine::Cancel;

/// Bad rows that are told one by one; of the others their number.
const MOST_TOLD: usize = 20;
/// The longest line of JSON that is read.
const LONGEST_LINE: u64 = 64 << 20;

/// Rows that were passed over.
#[derive(Default)]
pub(super) struct Bad {
    pub(super) rows: Vec<BadRow>,
    pub(super) count: u64,
}

impl Bad {
    fn add(&mut self, line: u64, why: impl Into<String>) {
        self.count += 1;
        if self.rows.len() < MOST_TOLD {
            let why = why.into();
            self.rows.push(BadRow { line, why });
        }
    }
}

/// A row of a file.
pub(super) enum Row<'a> {
    Texts(&'a [&'a str]),
    Object(Map<String, Json>),
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Separated(u8),
    Lines,
    Array,
}

pub(super) type Each<'e> = &'e mut dyn FnMut(u64, Row<'_>) -> std::result::Result<(), String>;

impl Form {
    /// By the name's ending; JSON by how it begins.
    pub(super) fn of(path: &Path, file: File) -> std::io::Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        Ok(match ending.to_ascii_lowercase().as_str() {
            "csv" => Self::Separated(b','),
            "tsv" | "tab" => Self::Separated(b'\t'),
            "jsonl" | "ndjson" => Self::Lines,
            _ => {
                let mut head = Vec::new();
                file.take(4096).read_to_end(&mut head)?;
                let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
                match head.trim_ascii_start().first() {
                    Some(b'[') => Self::Array,
                    Some(b'{') => Self::Lines,
                    _ if head
                        .split(|byte| *byte == b'\n')
                        .next()
                        .unwrap_or_default()
                        .contains(&b'\t') =>
                    {
                        Self::Separated(b'\t')
                    }
                    _ => Self::Separated(b','),
                }
            }
        })
    }

    /// Hands on every row with its line. Ends early where it is cancelled.
    pub(super) fn read(
        self,
        file: File,
        cancel: &Cancel,
        bad: &mut Bad,
        each: Each<'_>,
    ) -> std::result::Result<(), String> {
        match self {
            Self::Separated(delimiter) => separated(file, delimiter, cancel, bad, each),
            Self::Lines => lines(file, cancel, bad, each),
            Self::Array => array(file, cancel, bad, each),
        }
    }
}

fn reader(file: File, delimiter: u8) -> csv::Reader<BufReader<File>> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(BufReader::with_capacity(1 << 17, file))
}

/// The names in the first line; empty and repeated ones are numbered.
pub(super) fn header(file: File, delimiter: u8) -> std::result::Result<Vec<String>, String> {
    let mut first = csv::ByteRecord::new();
    let mut reader = reader(file, delimiter);
    let any = reader.read_byte_record(&mut first);
    if !any.map_err(|why| why.to_string())? {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for (nth, cell) in first.iter().enumerate() {
        let cell = cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell);
        let given = String::from_utf8_lossy(cell).trim().to_owned();
        let base = if given.is_empty() {
            format!("Column{}", nth + 1)
        } else {
            given
        };
        let mut name = base.clone();
        let mut again = 0;
        while names.contains(&name) {
            again += 1;
            name = format!("{base}{again}");
        }
        names.push(name);
    }
    Ok(names)
}

fn separated(
    file: File,
    delimiter: u8,
    cancel: &Cancel,
    bad: &mut Bad,
    each: Each<'_>,
) -> std::result::Result<(), String> {
    let mut reader = reader(file, delimiter);
    let mut record = csv::ByteRecord::new();
    let mut width = None;
    let mut nth = 0_u64;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(why) => return Err(why.to_string()),
        }
        let line = record.position().map_or(0, csv::Position::line);
        let Some(width) = width else {
            width = Some(record.len());
            continue;
        };
        nth += 1;
        if nth.is_multiple_of(1024) && cancel.is_cancelled() {
            return Ok(());
        }
        if record.len() != width {
            let cells = record.len();
            bad.add(line, format!("it has {cells} cells, the header {width}"));
            continue;
        }
        let texts: std::result::Result<Vec<&str>, _> =
            record.iter().map(std::str::from_utf8).collect();
        match texts {
            Ok(texts) => each(line, Row::Texts(&texts))?,
            Err(_) => bad.add(line, "it is not UTF-8"),
        }
    }
}

fn lines(
    file: File,
    cancel: &Cancel,
    bad: &mut Bad,
    each: Each<'_>,
) -> std::result::Result<(), String> {
    let mut reader = BufReader::with_capacity(1 << 17, file);
    let mut buffer = Vec::new();
    for line in 1_u64.. {
        buffer.clear();
        let mut some = (&mut reader).take(LONGEST_LINE);
        let read = some.read_until(b'\n', &mut buffer);
        if read.map_err(|why| why.to_string())? == 0 {
            break;
        }
        if buffer.len() as u64 == LONGEST_LINE && !buffer.ends_with(b"\n") {
            return Err(format!(
                "line {line} is longer than {} MB",
                LONGEST_LINE >> 20
            ));
        }
        if line.is_multiple_of(1024) && cancel.is_cancelled() {
            break;
        }
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&buffer);
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(text) {
            Ok(Json::Object(object)) => each(line, Row::Object(object))?,
            Ok(_) => bad.add(line, "it is no JSON object"),
            Err(why) => bad.add(line, format!("it is no JSON: {why}")),
        }
    }
    Ok(())
}

fn array(
    mut file: File,
    cancel: &Cancel,
    bad: &mut Bad,
    each: Each<'_>,
) -> std::result::Result<(), String> {
    let mut mark = [0; 3];
    let marked = file.read(&mut mark).is_ok_and(|read| read == 3) && mark == *b"\xef\xbb\xbf";
    if !marked {
        file.rewind().map_err(|why| why.to_string())?;
    }
    let reader = BufReader::with_capacity(1 << 17, file);
    let mut rows = Rows {
        cancel,
        bad,
        each,
        nth: 0,
        ended: None,
    };
    let mut source = serde_json::Deserializer::from_reader(reader);
    let read = source.deserialize_seq(&mut rows);
    match (rows.ended, read) {
        (Some(why), _) => Err(why),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) if cancel.is_cancelled() => Ok(()),
        (None, Err(why)) => {
            rows.bad
                .add(rows.nth + 1, format!("from here on it is no JSON: {why}"));
            Ok(())
        }
    }
}

/// Hands on the elements of an array one by one.
struct Rows<'a, 'e> {
    cancel: &'a Cancel,
    bad: &'a mut Bad,
    each: Each<'e>,
    nth: u64,
    ended: Option<String>,
}

impl<'de> Visitor<'de> for &mut Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        use serde::de::Error as _;
        while let Some(element) = seq.next_element::<Json>()? {
            self.nth += 1;
            if self.nth.is_multiple_of(1024) && self.cancel.is_cancelled() {
                return Err(A::Error::custom("cancelled"));
            }
            match element {
                Json::Object(object) => {
                    if let Err(why) = (self.each)(self.nth, Row::Object(object)) {
                        self.ended = Some(why);
                        return Err(A::Error::custom("ended"));
                    }
                }
                _ => self.bad.add(self.nth, "it is no JSON object"),
            }
        }
        Ok(())
    }
}
