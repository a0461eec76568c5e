//! `nightjar kql run`: queries that bring their own data, run by the local engine.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::cli::args::Output;
use crate::cli::failure::{Done, Failure};
use crate::cli::output;
use crate::engine::{Catalog, Engine, EngineError, External, Options, ResultSet, to_json, to_text};

/// What one query may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The rows one query may give: past any example, short of filling memory.
const MOST_ROWS: usize = 1_000_000;

/// One line of input; fields that are not named here are ignored.
#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    id: Json,
    query: String,
}

/// Answers one JSON line an input line (`{"id", "query"}`): columns, rows, error. A query that cannot
/// be run gives its error in its line, and the next line is read. Nothing passes from one line to the
/// next: each has a database of its own.
pub(crate) fn run_jsonl(input: &mut dyn BufRead, out: &mut dyn Write, external: External) -> Done {
    let catalog = reading(external);
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str::<Question>(&text) {
            Ok(question) => answer(&question, &catalog),
            Err(error) => refusal(&Json::Null, &format!("not a line of the protocol: {error}")),
        };
        serde_json::to_writer(&mut *out, &answer).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}

fn answer(question: &Question, catalog: &Catalog) -> Json {
    match run(&question.query, catalog) {
        Ok(result) if result.truncated => refusal(
            &question.id,
            &format!("the result has more than {MOST_ROWS} rows"),
        ),
        Ok(result) => {
            let columns: Vec<Json> = result
                .columns
                .iter()
                .map(|c| json!([c.name, c.ty.name()]))
                .collect();
            let rows: Vec<Json> = result
                .rows
                .iter()
                .map(|row| Json::Array(row.iter().map(to_json).collect()))
                .collect();
            json!({"id": question.id, "columns": columns, "rows": rows, "error": null})
        }
        Err(error) => refusal(&question.id, &error.to_string()),
    }
}

fn refusal(id: &Json, error: &str) -> Json {
    json!({"id": id, "columns": [], "rows": [], "error": error})
}

/// No tables, but the files a query may read.
fn reading(external: External) -> Catalog {
    let mut catalog = Catalog::new();
    catalog.external = external;
    catalog
}

fn run(query: &str, catalog: &Catalog) -> Result<ResultSet, EngineError> {
    let options = Options {
        max_rows: Some(MOST_ROWS),
        timeout: Some(TIME_LIMIT),
        ..Options::default()
    };
    Engine::in_memory()?.run(query, catalog, &options)
}

/// Runs one query and writes its rows in the form asked for. `name` is for messages:
/// `name:line:col: message`.
pub(crate) fn run_text(
    name: &str,
    query: &str,
    form: Output,
    out: &mut dyn Write,
    external: External,
) -> Done {
    let result = run(query, &reading(external)).map_err(|error| failure(name, query, &error))?;
    if result.truncated {
        return Err(Failure::refused(format!(
            "{name}: the result has more than {MOST_ROWS} rows"
        )));
    }
    let heads: Vec<&str> = result.columns.iter().map(|c| c.name.as_str()).collect();
    match form {
        Output::Json | Output::Jsonl => {
            let rows: Vec<String> = result
                .rows
                .iter()
                .map(|row| {
                    let fields: Map<String, Json> = heads
                        .iter()
                        .map(|h| (*h).to_owned())
                        .zip(row.iter().map(to_json))
                        .collect();
                    Json::Object(fields).to_string()
                })
                .collect();
            output::write_rows(out, form, &[], &rows)?;
        }
        Output::Csv => {
            let rows = result
                .rows
                .iter()
                .map(|row| row.iter().map(to_text).collect());
            output::write_csv(out, &heads, rows)?;
        }
        Output::Table => {
            let rows: Vec<Vec<String>> = result
                .rows
                .iter()
                .map(|row| row.iter().map(to_text).collect())
                .collect();
            let most = vec![usize::MAX; heads.len()];
            output::write_table(out, &heads, &most, &rows)?;
        }
    }
    Ok(())
}

/// An error with its places in the text.
fn failure(name: &str, query: &str, error: &EngineError) -> Failure {
    let at = |offset: u32| {
        let before = query.get(..offset as usize).unwrap_or(query);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!("{name}:{line}:{column}")
    };
    let words = match error {
        EngineError::Query(faults) => {
            let lines: Vec<String> = faults
                .iter()
                .map(|f| format!("{}: {}", at(f.span.start), f.message))
                .collect();
            lines.join("\n")
        }
        EngineError::Unsupported { span, .. }
        | EngineError::Absent { span, .. }
        | EngineError::Failed {
            span: Some(span), ..
        } => {
            format!("{}: {error}", at(span.start))
        }
        _ => format!("{name}: {error}"),
    };
    Failure::refused(words)
}
