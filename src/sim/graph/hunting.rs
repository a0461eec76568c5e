//! Hunting: `runHuntingQuery`, answered by the engine over the tenant's own tables.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;

use super::super::clock::{self, DAY, HOUR, MINUTE, SECOND, Ticks};
use super::super::http::{Ask, Reply};
use super::super::json::{self, push_str};
use super::super::server::Tenant;
use super::super::tables::{Tables, TablesError};
use super::{METADATA, Refusal};
use crate::engine::{Cancel, Column, EngineError, Options, RowSink, Type, Value, to_text};
use crate::kql::Diagnostic;

/// No answer has more rows; nothing in it says that there were more.
const MOST_ROWS: usize = 100_000;
/// No query runs longer.
const LONGEST: Duration = Duration::from_secs(180);

/// The tables, made when they are first needed.
#[derive(Debug, Default)]
pub struct Hunting(Arc<Mutex<Option<Tables>>>);

/// Cancels the query when nobody waits for its answer any more.
struct Waiting(Cancel);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Makes the tables ahead of the first query, so that it does not wait for them.
pub fn prepare(tenant: &Arc<Tenant>) {
    let tenant = Arc::clone(tenant);
    tokio::task::spawn_blocking(move || {
        let mut tables = tenant
            .hunting
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = ready(&tenant, &mut tables, tenant.clock.now())
            && let Some(log) = &tenant.log
        {
            log(&format!("hunting tables: {error}"));
        }
    });
}

/// The tables with everything in them that is due. The world is held only while rows are made.
fn ready<'a>(
    tenant: &Tenant,
    slot: &'a mut Option<Tables>,
    now: Ticks,
) -> Result<&'a mut Tables, TablesError> {
    let world = tenant.world();
    let tables = match slot {
        Some(tables) => tables,
        None => slot.insert(Tables::new(&world)?),
    };
    let rows = tables.due(&world, now);
    drop(world);
    tables.insert(&rows)?;
    Ok(tables)
}

/// Runs the query of a request.
pub async fn run(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    let body = super::object(ask)?;
    // Parameters of an action are matched without regard to case.
    let field = |name: &str| {
        body.iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    };
    if let Some(name) = body.keys().find(|k| {
        !["query", "timespan"]
            .iter()
            .any(|n| k.eq_ignore_ascii_case(n))
            && !k.contains("@odata.")
    }) {
        return Err(Refusal::bad(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the operation 'runHuntingQuery'."
        )));
    }
    let query = field("query")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    if query.trim().is_empty() {
        return Err(Refusal::bad("Query must not be empty."));
    }
    let now = tenant.clock.now();
    let span = match field("timespan") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(
            timespan(text, now)
                .ok_or_else(|| Refusal::bad(format!("Invalid timespan '{text}'.")))?,
        ),
        Some(_) => return Err(Refusal::bad("Invalid timespan: a string is expected.")),
    };
    let cancel = Cancel::new();
    let waiting = Waiting(cancel.clone());
    let shared = Arc::clone(tenant);
    let answer = tokio::task::spawn_blocking(move || {
        let mut slot = shared
            .hunting
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let tables = ready(&shared, &mut slot, now)?;
        let (engine, catalog) = tables.within(span)?;
        let options = Options {
            max_rows: Some(MOST_ROWS),
            timeout: Some(LONGEST),
            cancel,
            now: Some(now),
        };
        let mut document = Document::default();
        engine
            .stream(&query, &catalog, &options, &mut document)
            .map_err(|e| Failed {
                error: e.into(),
                query,
            })?;
        Ok(document.finish())
    })
    .await;
    drop(waiting);
    match answer {
        Ok(Ok(body)) => Ok(Reply::json(200, body)),
        Ok(Err(failed)) => Err(refusal(failed)),
        Err(_) => Err(Refusal::new(500, "UnknownError", "")),
    }
}

struct Failed {
    error: TablesError,
    query: String,
}

impl From<TablesError> for Failed {
    fn from(error: TablesError) -> Self {
        Self {
            error,
            query: String::new(),
        }
    }
}

/// A failure in the service's words: one sentence, no place.
fn refusal(failed: Failed) -> Refusal {
    match failed.error {
        TablesError::Engine(EngineError::Query(faults)) => {
            let Some(fault) = faults.first() else {
                return Refusal::bad("Fix semantic errors in your query.");
            };
            // The grammar's faults are told apart from those of names and types.
            let syntax = crate::kql::parse(&failed.query)
                .errors
                .iter()
                .any(Diagnostic::is_error);
            let message = service_words(
                &fault.message,
                failed
                    .query
                    .get(..fault.span.start as usize)
                    .unwrap_or_default(),
            );
            let kind = if syntax { "syntax" } else { "semantic" };
            Refusal::bad(format!("{message}. Fix {kind} errors in your query."))
        }
        TablesError::Engine(
            error @ (EngineError::Unsupported { .. } | EngineError::Failed { .. }),
        ) => Refusal::bad(format!("{error}. Fix semantic errors in your query.")),
        // A query that runs too long is answered so, without a word.
        TablesError::Engine(EngineError::TimedOut) => Refusal::new(504, "UnknownError", ""),
        error => {
            let mut refusal = Refusal::new(500, "UnknownError", "");
            refusal.why = Some(error.to_string());
            refusal
        }
    }
}

/// The service names the operator and the name that it could not resolve; before is the text up to it.
fn service_words(message: &str, before: &str) -> String {
    let Some(name) = message
        .strip_prefix("The name '")
        .and_then(|rest| rest.split('\'').next())
    else {
        return message.trim_end_matches('.').to_owned();
    };
    if !message.contains("does not refer to any known") {
        return message.trim_end_matches('.').to_owned();
    }
    let operator = before
        .rsplit('|')
        .next()
        .filter(|_| before.contains('|'))
        .and_then(|part| {
            part.split(|c: char| !c.is_alphanumeric() && c != '-')
                .find(|w| !w.is_empty())
        });
    match operator {
        Some(operator) if message.contains("table") && !message.contains("column") => {
            format!("'{operator}' operator: Failed to resolve table expression named '{name}'")
        }
        Some(operator) => {
            format!("'{operator}' operator: Failed to resolve scalar expression named '{name}'")
        }
        None => format!("Failed to resolve table or column expression named '{name}'"),
    }
}

/// `P7D`, `start/end`, `start/duration`, `duration/end`, `start`: the two times it spans.
pub fn timespan(text: &str, now: Ticks) -> Option<(Ticks, Ticks)> {
    let text = text.trim();
    match text.split_once('/') {
        None => match duration(text) {
            Some(span) => Some((now - span, now)),
            None => clock::parse(text).map(|start| (start, now)),
        },
        Some((left, right)) => match (clock::parse(left), clock::parse(right)) {
            (Some(start), Some(end)) => Some((start, end)),
            (Some(start), None) => Some((start, start + duration(right)?)),
            (None, Some(end)) => Some((end - duration(left)?, end)),
            (None, None) => None,
        },
    }
}

/// An ISO 8601 duration of weeks, days, hours, minutes and seconds.
fn duration(text: &str) -> Option<Ticks> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut total = 0;
    let mut any = false;
    for (part, units) in [
        (days, &[('W', 7 * DAY), ('D', DAY)][..]),
        (time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)][..]),
    ] {
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            let (_, unit) = units.iter().find(|(name, _)| *name == c)?;
            total += number.parse::<i64>().ok()?.checked_mul(*unit)?;
            number.clear();
            any = true;
        }
        if !number.is_empty() {
            return None;
        }
    }
    any.then_some(total)
}

/// The document of a result, written as rows come.
#[derive(Debug, Default)]
struct Document {
    out: Vec<u8>,
    /// `"Name":` of each column, the name alone, its type.
    columns: Vec<(String, String, Type)>,
    rows: usize,
}

/// The .NET name of a type, as `schema` has it.
fn net_type(ty: Type) -> &'static str {
    match ty {
        // Booleans are told as numbers of a byte.
        Type::Bool => "SByte",
        Type::Int => "Int32",
        Type::Long => "Int64",
        Type::Real => "Double",
        Type::Decimal => "SqlDecimal",
        Type::DateTime => "DateTime",
        Type::TimeSpan => "TimeSpan",
        Type::Guid => "Guid",
        Type::String => "String",
        Type::Dynamic | Type::TypeLiteral | Type::Null | Type::Unknown => "Object",
    }
}

impl RowSink for Document {
    fn columns(&mut self, columns: &[Column]) {
        self.out.extend_from_slice(b"{\"@odata.context\":\"");
        self.out.extend_from_slice(METADATA.as_bytes());
        self.out
            .extend_from_slice(b"microsoft.graph.security.huntingQueryResults\",\"schema\":[");
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(b"{\"name\":");
            push_str(&mut self.out, &column.name);
            self.out.extend_from_slice(b",\"type\":\"");
            self.out.extend_from_slice(net_type(column.ty).as_bytes());
            self.out.extend_from_slice(b"\"}");
            self.columns.push((
                format!("{}:", json::quoted(&column.name)),
                column.name.clone(),
                column.ty,
            ));
        }
        self.out.extend_from_slice(b"],\"results\":[");
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.out
            .extend_from_slice(if self.rows == 0 { b"{" } else { b",{" });
        self.rows += 1;
        for (at, (value, (key, name, ty))) in row.iter().zip(&self.columns).enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            let annotation = match value {
                Value::Bool(_) => Some("#SByte"),
                Value::Long(_) => Some("#Int64"),
                Value::Guid(_) => Some("#Guid"),
                Value::Decimal(_) => Some("#Decimal"),
                Value::Dynamic(text) if text.starts_with('[') => Some("#Collection(String)"),
                _ => None,
            };
            if let Some(annotation) = annotation {
                push_str(&mut self.out, &format!("{name}@odata.type"));
                self.out.push(b':');
                push_str(&mut self.out, annotation);
                self.out.push(b',');
            }
            self.out.extend_from_slice(key.as_bytes());
            push_value(&mut self.out, value, *ty);
        }
        self.out.push(b'}');
        ControlFlow::Continue(())
    }
}

impl Document {
    fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

fn push_value(out: &mut Vec<u8>, value: &Value, ty: Type) {
    match value {
        // The service sends an empty object where these are null.
        Value::Null if matches!(ty, Type::DateTime | Type::Dynamic) => out.extend_from_slice(b"{}"),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(yes) => out.push(if *yes { b'1' } else { b'0' }),
        Value::Int(n) => json::push_int(out, i64::from(*n)),
        Value::Long(n) => json::push_int(out, *n),
        Value::Real(n) if n.is_finite() => {
            out.extend_from_slice(serde_json::json!(n).to_string().as_bytes());
        }
        Value::Real(_) | Value::TimeSpan(_) => push_str(out, &to_text(value)),
        Value::Decimal(text) => out.extend_from_slice(text.as_bytes()),
        Value::DateTime(at) => {
            out.push(b'"');
            clock::push_graph(out, *at);
            out.push(b'"');
        }
        Value::String(text) | Value::Guid(text) => push_str(out, text),
        Value::Dynamic(text) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(map)) => {
                out.extend_from_slice(
                    b"{\"@odata.type\":\"#microsoft.graph.security.dynamicColumnValue\"",
                );
                for (name, value) in map {
                    out.push(b',');
                    push_str(out, &name);
                    out.push(b':');
                    out.extend_from_slice(value.to_string().as_bytes());
                }
                out.push(b'}');
            }
            // An array comes as texts, each of which is JSON.
            Ok(Json::Array(list)) => {
                let texts: Vec<String> = list
                    .into_iter()
                    .map(|item| match item {
                        Json::String(text) => text,
                        other => other.to_string(),
                    })
                    .collect();
                json::push_list(out, &texts);
            }
            Ok(other) => out.extend_from_slice(other.to_string().as_bytes()),
            Err(_) => push_str(out, text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_of_a_timespan_is_read() {
        let now = clock::parse("2026-08-20T00:00:00Z").expect("valid");
        let day = |text: &str| clock::parse(text).expect("valid");
        for (text, expected) in [
            ("P7D", Some((now - 7 * DAY, now))),
            ("PT90M", Some((now - 90 * MINUTE, now))),
            ("P1DT2H", Some((now - DAY - 2 * HOUR, now))),
            (
                "P7D/2026-08-15T00:00:00Z",
                Some((day("2026-08-08"), day("2026-08-15"))),
            ),
            (
                "2026-08-01T00:00:00Z/P7D",
                Some((day("2026-08-01"), day("2026-08-08"))),
            ),
            (
                "2026-08-01/2026-08-02",
                Some((day("2026-08-01"), day("2026-08-02"))),
            ),
            ("2026-08-19T00:00:00Z", Some((day("2026-08-19"), now))),
            ("7 days", None),
            ("P", None),
            ("P7", None),
        ] {
            assert_eq!(timespan(text, now), expected, "{text}");
        }
    }

    #[test]
    fn cells_are_written_as_the_service_does() {
        let mut document = Document::default();
        let column = |name: &str, ty| Column::new(name, ty);
        document.columns(&[
            column("A", Type::Bool),
            column("B", Type::Long),
            column("C", Type::DateTime),
            column("D", Type::Dynamic),
            column("E", Type::Dynamic),
            column("F", Type::String),
        ]);
        let _ = document.row(vec![
            Value::Bool(true),
            Value::Long(7),
            Value::Null,
            Value::Dynamic("{\"x\":1}".into()),
            Value::Dynamic("[\"p\",{\"q\":2}]".into()),
            Value::String("a\u{1b}\"".into()),
        ]);
        let value: Json = serde_json::from_slice(&document.finish()).expect("JSON");
        assert_eq!(
            value["schema"][0],
            serde_json::json!({"name": "A", "type": "SByte"})
        );
        let row = &value["results"][0];
        assert_eq!(
            (&row["A"], &row["A@odata.type"]),
            (&Json::from(1), &Json::from("#SByte"))
        );
        assert_eq!(row["C"], serde_json::json!({}));
        assert_eq!(
            row["D"]["@odata.type"],
            "#microsoft.graph.security.dynamicColumnValue"
        );
        assert_eq!(row["E"], serde_json::json!(["p", "{\"q\":2}"]));
        assert_eq!(row["F"], "a\u{1b}\"");
    }

    #[test]
    fn errors_are_told_in_the_services_words() {
        let words = service_words(
            "The name 'Foo' does not refer to any known column, table, variable or function.",
            "T | where ",
        );
        assert_eq!(
            words,
            "'where' operator: Failed to resolve scalar expression named 'Foo'"
        );
        let words = service_words(
            "The name 'T' does not refer to any known table, tabular variable or function.",
            "",
        );
        assert_eq!(
            words,
            "Failed to resolve table or column expression named 'T'"
        );
    }
}
