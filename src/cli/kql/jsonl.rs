//! The language service line by line: one JSON object in, one out. Places count Unicode code points.
//!
//! A line that cannot be answered is answered `{"id", "failed": "why"}`, and the next one is read.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::cli::failure::Done;
use crate::kql::diagnostics::CodePoints;
use crate::kql::format::Style;
use crate::kql::{Diagnostic, Schema, analyze, assist, classify, complete, format, lint};

/// A question: the query, and where its line has one, the caret in code points.
struct Question<'t> {
    query: &'t str,
    caret: Option<u64>,
}

impl Question<'_> {
    /// The caret in bytes; one past the end is the end.
    fn caret(&self, points: &CodePoints<'_>) -> Result<u32, Value> {
        let caret = self
            .caret
            .ok_or_else(|| failed("the line has no \"caret\""))?;
        let caret = usize::try_from(caret).unwrap_or(usize::MAX);
        Ok(points.byte(caret) as u32)
    }
}

fn failed(why: impl std::fmt::Display) -> Value {
    json!({"id": null, "failed": why.to_string()})
}

/// Answers every line of `input` with one line, written out at once.
fn each_line(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    answer: impl Fn(&Question<'_>) -> Result<Value, Value>,
) -> Done {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let reply = match serde_json::from_slice::<Value>(&line) {
            Err(cause) => failed(cause),
            Ok(request) => {
                let mut reply = match request.get("query").and_then(Value::as_str) {
                    None => failed("the line has no \"query\""),
                    Some(query) => {
                        let caret = request.get("caret").and_then(Value::as_u64);
                        answer(&Question { query, caret }).unwrap_or_else(|failed| failed)
                    }
                };
                reply["id"] = request.get("id").cloned().unwrap_or(Value::Null);
                reply
            }
        };
        serde_json::to_writer(&mut *out, &reply).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}

/// `{"id", "query"}`: the verdict of the checker, and with `lints` the warnings.
pub(super) fn check(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    schema: &Schema,
    lints: bool,
) -> Done {
    each_line(input, out, |question| {
        let query = question.query;
        let analysis = analyze(query, schema);
        let points = CodePoints::new(query);
        let mut finding = |it: &Diagnostic| {
            let (start, length) = points.span(it.span);
            json!({"code": it.code, "start": start, "length": length, "message": it.message})
        };
        let errors: Vec<Value> = analysis
            .diagnostics
            .iter()
            .filter(|it| it.is_error())
            .map(&mut finding)
            .collect();
        let columns = analysis.result.as_ref().map(|shape| {
            let columns = shape.columns.iter();
            columns
                .map(|c| json!([c.name, c.ty.name()]))
                .collect::<Vec<_>>()
        });
        let open = analysis.result.as_ref().is_some_and(|s| s.open);
        let mut reply = json!({
            "id": null,
            "parse_ok": analysis.parses(),
            "ok": analysis.is_ok(),
            "errors": errors,
            "result_columns": columns,
            "result_open": open,
        });
        if lints {
            let warnings: Vec<Value> = lint(query, &analysis, schema)
                .iter()
                .map(&mut finding)
                .collect();
            reply["warnings"] = warnings.into();
        }
        Ok(reply)
    })
}

/// `{"id", "query"}`: what each part of the query is.
pub(super) fn classified(input: &mut dyn BufRead, out: &mut dyn Write, schema: &Schema) -> Done {
    each_line(input, out, |question| {
        let points = CodePoints::new(question.query);
        let parts: Vec<Value> = classify(question.query, schema)
            .into_iter()
            .map(|(span, kind)| {
                let (start, length) = points.span(span);
                json!([start, length, kind.name()])
            })
            .collect();
        Ok(json!({"id": null, "classifications": parts}))
    })
}

/// `{"id", "query", "caret"}`: what can be written there, best first.
pub(super) fn completed(input: &mut dyn BufRead, out: &mut dyn Write, schema: &Schema) -> Done {
    each_line(input, out, |question| {
        let points = CodePoints::new(question.query);
        let caret = question.caret(&points)?;
        let offered = complete(question.query, caret, schema);
        let (start, length) = points.span(offered.replace);
        let labels: Vec<&str> = offered.items.iter().map(|it| it.label.as_ref()).collect();
        let kinds: Vec<String> = offered
            .items
            .iter()
            .map(|it| format!("{:?}", it.kind))
            .collect();
        Ok(json!({
            "id": null,
            "completions": labels,
            "kinds": kinds,
            "edit_start": start,
            "edit_length": length,
        }))
    })
}

/// `{"id", "query", "caret"}`: what the thing there is, and the call around it.
pub(super) fn hovered(input: &mut dyn BufRead, out: &mut dyn Write, schema: &Schema) -> Done {
    each_line(input, out, |question| {
        let query = question.query;
        let points = CodePoints::new(query);
        let caret = question.caret(&points)?;
        let analysis = analyze(query, schema);
        let hover = assist::hover(query, &analysis, schema, caret).map(|it| {
            let (start, length) = points.span(it.span);
            json!({"start": start, "length": length, "title": it.title, "body": it.body})
        });
        let signature = assist::signature_help(query, caret, schema).map(|it| {
            let labels: Vec<&str> = it.signatures.iter().map(|s| s.label.as_str()).collect();
            json!({
                "signatures": labels,
                "active": it.active,
                "parameter": it.parameter,
                "summary": it.summary,
            })
        });
        Ok(json!({"id": null, "hover": hover, "signature": signature}))
    })
}

/// `{"id", "query"}`: the query laid out.
pub(super) fn formatted(input: &mut dyn BufRead, out: &mut dyn Write, style: Style) -> Done {
    each_line(input, out, |question| match format(question.query, style) {
        Ok(text) => Ok(json!({"id": null, "formatted": text})),
        Err(fault) => Err(failed(format!("{}: {}", fault.code, fault.message))),
    })
}
