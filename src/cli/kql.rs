//! `nightjar kql check` and `classify`: what the language service says of queries.

use std::borrow::Cow;
use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::failure::{Done, Failure};
use crate::kql::bound::Column;
use crate::kql::diagnostics::CodePoints;
use crate::kql::{Schema, Type, analyze, classify};

/// The schema of a file (`{"tables": [{"name", "columns": [{"name", "type"}]}]}`), or the built-in one.
fn schema(file: Option<&Path>) -> Done<Cow<'static, Schema>> {
    let Some(file) = file else {
        return Ok(Cow::Borrowed(Schema::hunting()));
    };
    let read = || -> anyhow::Result<Schema> {
        let text = std::fs::read_to_string(file).context("reading the schema")?;
        let value: Value = serde_json::from_str(&text).context("the schema is not JSON")?;
        let tables = value["tables"]
            .as_array()
            .context("the schema has no \"tables\" list")?;
        let mut schema = Schema::with_hunting_functions();
        for table in tables {
            let name = table["name"].as_str().context("a table has no \"name\"")?;
            let columns = table["columns"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let columns = columns.iter().filter_map(|c| {
                let ty = c["type"]
                    .as_str()
                    .and_then(Type::from_name)
                    .unwrap_or(Type::String);
                Some(Column::new(c["name"].as_str()?, ty))
            });
            schema.add_table(name, columns);
        }
        Ok(schema)
    };
    match read() {
        Ok(schema) => Ok(Cow::Owned(schema)),
        Err(cause) => Err(Failure::refused(format!("{}: {cause:#}", file.display()))),
    }
}

/// Answers every line of `input` with one line, written out at once.
fn each_line(input: &mut dyn BufRead, out: &mut dyn Write, answer: impl Fn(&str) -> Value) -> Done {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let request: Result<Value, _> = serde_json::from_slice(&line);
        let reply = match request {
            Err(cause) => json!({"id": null, "failed": cause.to_string()}),
            Ok(request) => {
                let id = request.get("id").cloned().unwrap_or(Value::Null);
                match request.get("query").and_then(Value::as_str) {
                    None => json!({"id": id, "failed": "the line has no \"query\""}),
                    Some(query) => {
                        let mut reply = answer(query);
                        reply["id"] = id;
                        reply
                    }
                }
            }
        };
        serde_json::to_writer(&mut *out, &reply).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}

/// Answers one JSON line an input line (`{"id", "query"}`): the verdict of the checker.
pub(crate) fn check_jsonl(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    schema_file: Option<&Path>,
) -> Done {
    let schema = schema(schema_file)?;
    each_line(input, out, |query| {
        let analysis = analyze(query, &schema);
        let mut points = CodePoints::new(query);
        let errors: Vec<Value> = analysis
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .map(|d| {
                let (start, length) = points.span(d.span);
                json!({"code": d.code, "start": start, "length": length, "message": d.message})
            })
            .collect();
        let columns = analysis.result.as_ref().map(|shape| {
            shape
                .columns
                .iter()
                .map(|c| json!([c.name, c.ty.name()]))
                .collect::<Vec<_>>()
        });
        let open = analysis.result.as_ref().is_some_and(|s| s.open);
        json!({
            "id": null,
            "parse_ok": analysis.parses(),
            "ok": analysis.is_ok(),
            "errors": errors,
            "result_columns": columns,
            "result_open": open,
        })
    })
}

/// Writes `name:line:col: message` for every problem of one query; true where there is none.
pub(crate) fn check_text(
    name: &str,
    query: &str,
    out: &mut dyn Write,
    schema_file: Option<&Path>,
) -> Done<bool> {
    let schema = schema(schema_file)?;
    let analysis = analyze(query, &schema);
    for found in &analysis.diagnostics {
        let (line, column) = place(query, found.span.start as usize);
        let message = crate::domain::text::clean(&found.message);
        writeln!(out, "{name}:{line}:{column}: {} [{}]", message, found.code)?;
    }
    Ok(analysis.is_ok())
}

/// Line and column, from 1, of a byte.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

/// Answers one JSON line an input line: what each part of the query is.
pub(crate) fn classify_jsonl(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    schema_file: Option<&Path>,
) -> Done {
    let schema = schema(schema_file)?;
    each_line(input, out, |query| {
        let mut points = CodePoints::new(query);
        let parts: Vec<Value> = classify(query, &schema)
            .into_iter()
            .map(|(span, kind)| {
                let (start, length) = points.span(span);
                json!([start, length, kind.name()])
            })
            .collect();
        json!({"id": null, "classifications": parts})
    })
}

/// Writes `name:line:col: kind text` for every part of one query.
pub(crate) fn classify_text(
    name: &str,
    query: &str,
    out: &mut dyn Write,
    schema_file: Option<&Path>,
) -> Done {
    let schema = schema(schema_file)?;
    for (span, kind) in classify(query, &schema) {
        let (line, column) = place(query, span.start as usize);
        let text = crate::domain::text::clean(span.text(query));
        writeln!(out, "{name}:{line}:{column}: {} {text}", kind.name())?;
    }
    Ok(())
}
