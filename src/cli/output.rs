//! Rows to standard output, as a table, JSON, JSON lines or CSV; nothing leaves unsanitised.
//!
//! Rows are the services' own JSON. JSON forms repeat it field for field; a character that could
//! move, hide or reorder text on a terminal is written as its `\u` escape, which says the same.
//! Tables and CSV show chosen columns, named by where they are in the JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::args::Output;
use crate::domain::text;

/// A column of a table or CSV.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its head in a table. In CSV the head is the field's own name.
    pub(crate) head: &'static str,
    /// Where the value is, as a JSON pointer without the first slash.
    pub(crate) field: &'static str,
    /// The most cells it takes in a table; longer text is cut with `…`. JSON and CSV are never cut.
    pub(crate) width: usize,
}

/// A column that is shown whole.
pub(crate) const fn whole(head: &'static str, field: &'static str) -> Column {
    Column {
        head,
        field,
        width: usize::MAX,
    }
}

/// A column of text that may be cut.
pub(crate) const fn cut(head: &'static str, field: &'static str, width: usize) -> Column {
    Column { head, field, width }
}

/// Writes rows of service JSON.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_rows(
    out: &mut dyn Write,
    form: Output,
    columns: &[Column],
    rows: &[String],
) -> io::Result<()> {
    match form {
        Output::Json => {
            out.write_all(b"[")?;
            for (index, row) in rows.iter().enumerate() {
                out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
                out.write_all(json_line(row).as_bytes())?;
            }
            out.write_all(if rows.is_empty() { b"]\n" } else { b"\n]\n" })
        }
        Output::Jsonl => {
            for row in rows {
                writeln!(out, "{}", json_line(row))?;
            }
            Ok(())
        }
        Output::Csv => {
            let heads: Vec<&str> = columns.iter().map(|column| column.field).collect();
            write_csv(out, &heads, rows.iter().map(|row| cells(columns, row)))
        }
        Output::Table => {
            let heads: Vec<&str> = columns.iter().map(|column| column.head).collect();
            let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
            let rows: Vec<Vec<String>> = rows.iter().map(|row| cells(columns, row)).collect();
            write_table(out, &heads, &widths, &rows)
        }
    }
}

/// Writes one object: JSON as it is, else every field on a line of its own.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_object(
    out: &mut dyn Write,
    form: Output,
    columns: &[Column],
    json: &str,
) -> io::Result<()> {
    match form {
        Output::Table => match serde_json::from_str::<Value>(json) {
            Ok(value) => write_fields(out, &value, 0),
            Err(_) => writeln!(out, "{}", text::clean(json)),
        },
        Output::Json => {
            let pretty = serde_json::from_str::<Value>(json)
                .and_then(|value| serde_json::to_string_pretty(&value))
                .unwrap_or_else(|_| json.to_owned());
            for line in pretty.lines() {
                writeln!(out, "{}", escape(line))?;
            }
            Ok(())
        }
        Output::Jsonl | Output::Csv => {
            write_rows(out, form, columns, std::slice::from_ref(&json.to_owned()))
        }
    }
}

/// CSV with disarmed formulas.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_csv(
    out: &mut dyn Write,
    heads: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(heads.iter().map(|head| text::csv_cell(head).into_owned()))?;
    for row in rows {
        csv.write_record(row.iter().map(|cell| text::csv_cell(cell).into_owned()))?;
    }
    csv.flush()
}

/// Aligned columns; the last one is not padded.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_table(
    out: &mut dyn Write,
    heads: &[&str],
    most: &[usize],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(most)
                .map(|(cell, most)| shorten(&text::clean(cell), *most))
                .collect()
        })
        .collect();
    // Hunting results name their own columns.
    let heads: Vec<_> = heads.iter().map(|head| text::clean(head)).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        line.truncate(line.trim_end().len());
        line
    };
    writeln!(out, "{}", line(&mut heads.iter().map(AsRef::as_ref)))?;
    for row in &rows {
        writeln!(out, "{}", line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}

/// JSON on one line whose every unsafe character is a `\u` escape.
pub(crate) fn json_line(json: &str) -> String {
    // A raw line break or tab in JSON is only ever white space between tokens.
    let flat: String = json
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .collect();
    escape(&flat)
}

/// Unsafe characters as JSON escapes; a character beyond 16 bits as its two surrogates.
fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if text::is_safe(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// The chosen cells of one row; text that is not JSON gives empty cells.
fn cells(columns: &[Column], row: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(row).unwrap_or(Value::Null);
    columns
        .iter()
        .map(|column| cell(value.pointer(&format!("/{}", column.field))))
        .collect()
}

/// A value as one cell: text bare, lists joined, objects as JSON, absent as nothing.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// `name  value` lines, nested objects indented below their name.
fn write_fields(out: &mut dyn Write, value: &Value, indent: usize) -> io::Result<()> {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            let width = fields
                .iter()
                .filter(|(_, value)| is_leaf(value))
                .map(|(name, _)| text::clean(name).width())
                .max()
                .unwrap_or(0);
            for (name, value) in fields {
                let name = text::clean(name);
                if is_leaf(value) {
                    let shown = cell(Some(value));
                    let shown = text::clean_block(&shown);
                    let gap = " ".repeat(width.saturating_sub(name.width()) + 2);
                    let under = " ".repeat(indent + width + 2);
                    let shown = shown.trim_end().replace('\n', &format!("\n{under}"));
                    let line = format!("{pad}{name}{gap}{shown}");
                    writeln!(out, "{}", line.trim_end())?;
                } else {
                    writeln!(out, "{pad}{name}")?;
                    write_fields(out, value, indent + 2)?;
                }
            }
            Ok(())
        }
        Value::Array(items) => {
            for item in items {
                if is_leaf(item) {
                    writeln!(out, "{pad}- {}", text::clean(&cell(Some(item))))?;
                } else {
                    writeln!(out, "{pad}-")?;
                    write_fields(out, item, indent + 2)?;
                }
            }
            Ok(())
        }
        leaf => writeln!(out, "{pad}{}", text::clean(&cell(Some(leaf)))),
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => true,
    }
}

/// Cut at the end with `…` to at most `most` cells.
fn shorten(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        let width = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + width > most {
            break;
        }
        used += width;
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[whole("ID", "id"), cut("TITLE", "displayName", 12)];

    fn written(form: Output, rows: &[&str]) -> String {
        let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        let mut out = Vec::new();
        write_rows(&mut out, form, COLUMNS, &rows).expect("writes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn json_keeps_unknown_fields_and_escapes_what_is_unsafe() {
        let row = "{\"id\":\"7\",\n \"displayName\":\"a\u{202e}b\u{9b}c\u{e0041}\",\"new\":{}}";
        let line = written(Output::Jsonl, &[row]);
        assert_eq!(
            line,
            "{\"id\":\"7\",  \"displayName\":\"a\\u202eb\\u009bc\\udb40\\udc41\",\"new\":{}}\n"
        );
        let back: Value = serde_json::from_str(&line).expect("still JSON");
        assert_eq!(back["displayName"], "a\u{202e}b\u{9b}c\u{e0041}");
        let list: Value = serde_json::from_str(&written(Output::Json, &[row, row])).expect("JSON");
        assert_eq!(list.as_array().map(Vec::len), Some(2));
        assert_eq!(written(Output::Json, &[]), "[]\n");
    }

    #[test]
    fn tables_line_up_and_show_hostile_text() {
        let mut out = Vec::new();
        let row = vec!["x".to_owned()];
        write_table(&mut out, &["a\u{1b}[31m"], &[9], &[row]).expect("writes");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), "a⟪U+001B⟫[31m\nx\n");
        let rows = [
            r#"{"id":"7","displayName":"\u001b[2J xyz"}"#,
            r#"{"id":"4211","displayName":"東京 attack on a machine"}"#,
        ];
        assert_eq!(
            written(Output::Table, &rows),
            "ID    TITLE\n7     ⟪U+001B⟫[2J…\n4211  東京 attack…\n"
        );
    }

    #[test]
    fn csv_disarms_formulas_and_names_fields_as_the_service_does() {
        let rows = [r#"{"id":"7","displayName":"=1+1,\u202e"}"#, "not json"];
        assert_eq!(
            written(Output::Csv, &rows),
            "id,displayName\n7,\"'=1+1,⟪U+202E⟫\"\n,\n"
        );
    }

    #[test]
    fn an_object_is_shown_field_by_field() {
        let json = r#"{"id":"7","tags":["a","b"],"host":{"name":"FIN\u001b-07"},"text":"x\ny"}"#;
        let mut out = Vec::new();
        write_object(&mut out, Output::Table, COLUMNS, json).expect("writes");
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            "id    7\ntags  a, b\nhost\n  name  FIN⟪U+001B⟫-07\ntext  x\n      y\n"
        );
    }
}
