//! Rows of a list kept as a table in memory, to be asked by predicates: which of them pass.
//!
//! A predicate is what stands behind `where`. It is judged by the engine like any query, so it means
//! here what it means in a hunt. Rows are known by their place in the list; those that change are
//! written anew, the others stay.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use rusqlite::params_from_iter;

use super::catalog::{Catalog, ColumnDef, TableDef};
use super::error::{EngineError, Fault, Result};
use super::run::{Engine, Options, RowSink};
use super::sql::{ident, type_affinity};
use super::value::to_cell;
use crate::kql::bound::Column;
use crate::kql::lexer::{self, TokenKind};
use crate::kql::types::{Type, Value};
use crate::kql::{Schema, Span, analyze};

/// The longest predicate, in bytes.
pub const LONGEST_PREDICATE: usize = 8 * 1024;

/// The column that holds a row's place. No predicate can name it: it is bound without.
const PLACE: &str = "__place";

/// A list's rows as a table.
#[derive(Debug)]
pub struct Mirror {
    engine: Engine,
    name: String,
    catalog: Catalog,
    /// What a predicate may name, and the same with the places.
    schema: Schema,
    placed: Schema,
    insert: String,
}

/// A predicate inside the query that asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The query.
    pub query: String,
    /// Where in it the predicate begins.
    pub at: usize,
}

/// The query that asks a predicate of a table. Brackets and line breaks keep it one expression, whatever
/// operators or comments are in it.
pub fn ask(table: &str, predicate: &str) -> Asked {
    let mut query = format!("{table} | where (\n");
    let at = query.len();
    query.push_str(predicate);
    query.push_str("\n)");
    Asked { query, at }
}

/// Why a text is no predicate at all, whatever its words mean: it goes on after the condition, or would
/// end the brackets it stands in. Places are the text's own.
pub fn not_a_predicate(text: &str) -> Option<Fault> {
    let fault = |span: Span, message: &str| {
        Some(Fault {
            code: None,
            span,
            message: message.to_owned(),
        })
    };
    if text.len() > LONGEST_PREDICATE {
        let message = format!("longer than {LONGEST_PREDICATE} bytes: a hunt takes more");
        return fault(Span::new(0, text.len()), &message);
    }
    let (tokens, _) = lexer::tokenize(text);
    let mut open = 0_usize;
    for token in &tokens {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => open += 1,
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                match open.checked_sub(1) {
                    Some(less) => open = less,
                    None => return fault(token.span, "this bracket was never opened"),
                }
            }
            TokenKind::Bar if open == 0 => {
                return fault(
                    token.span,
                    "a condition alone, without |: what could stand behind where",
                );
            }
            TokenKind::Semicolon if open == 0 => {
                return fault(token.span, "one condition alone, without ;");
            }
            _ if text.get(token.span.start as usize..token.span.end as usize)
                == Some("pack_all") =>
            {
                return fault(token.span, "name the columns: pack_all() is not for lists");
            }
            _ => {}
        }
    }
    (open > 0)
        .then(|| fault(Span::new(text.len(), text.len()), "a bracket is still open"))
        .flatten()
}

/// Whether the answer to a predicate depends on what time it is.
pub fn asks_the_time(text: &str) -> bool {
    let (tokens, _) = lexer::tokenize(text);
    tokens.iter().any(|token| {
        let word = text.get(token.span.start as usize..token.span.end as usize);
        matches!(word, Some("now" | "ago"))
    })
}

impl Mirror {
    /// An empty table of this name and these columns.
    ///
    /// # Errors
    /// SQLite cannot hold it.
    pub fn new(name: &str, columns: &[Column]) -> Result<Self> {
        let engine = Engine::in_memory()?;
        let mut create = format!("CREATE TABLE {} ({PLACE} INTEGER PRIMARY KEY", ident(name));
        for column in columns {
            let solid = if column.ty == Type::String {
                " NOT NULL DEFAULT ''"
            } else {
                ""
            };
            // Writing to a text cannot fail.
            let _ = write!(
                create,
                ", {} {}{solid}",
                ident(&column.name),
                type_affinity(column.ty)
            );
        }
        create.push(')');
        engine.connection().execute_batch(&create)?;
        let places = vec!["?"; columns.len() + 1].join(", ");
        let insert = format!("INSERT OR REPLACE INTO {} VALUES ({places})", ident(name));
        let mut schema = Schema::with_hunting_functions();
        schema.add_table(name, columns.iter().cloned());
        let mut placed = Schema::with_hunting_functions();
        let place = Column::new(PLACE, Type::Long);
        placed.add_table(name, columns.iter().cloned().chain([place]));
        let all = columns
            .iter()
            .map(|column| (String::from(&*column.name), column.ty));
        let all = all.chain([(PLACE.to_owned(), Type::Long)]);
        let table = TableDef {
            name: name.to_owned(),
            sql_name: name.to_owned(),
            columns: all.map(|(name, ty)| ColumnDef::native(name, ty)).collect(),
        };
        Ok(Self {
            engine,
            name: name.to_owned(),
            catalog: [table].into_iter().collect(),
            schema,
            placed,
            insert,
        })
    }

    /// Writes rows at their places and drops what lies at or behind `len`.
    ///
    /// # Errors
    /// SQLite cannot hold them; nothing is changed then.
    pub fn put(
        &mut self,
        rows: impl IntoIterator<Item = (u32, Vec<Value>)>,
        len: usize,
    ) -> Result<()> {
        let drop = format!("DELETE FROM {} WHERE {PLACE} >= ?", ident(&self.name));
        let work = self.engine.connection_mut().transaction()?;
        {
            let mut insert = work.prepare_cached(&self.insert)?;
            for (place, row) in rows {
                let place = Value::Long(place.into());
                let cells = std::iter::once(&place).chain(&row).map(to_cell);
                insert.execute(params_from_iter(cells))?;
            }
            work.execute(&drop, [i64::try_from(len).unwrap_or(i64::MAX)])?;
        }
        work.commit()?;
        Ok(())
    }

    /// The places of the rows that pass, in no order.
    ///
    /// # Errors
    /// Faults of the predicate, with places in it; what the engine does not do; cancelled.
    pub fn passing(&self, predicate: &str, options: &Options) -> Result<Vec<u32>> {
        if let Some(fault) = not_a_predicate(predicate) {
            return Err(EngineError::Query(vec![fault]));
        }
        let asked = ask(&self.name, predicate);
        let found = self.run(&asked, options);
        found.map_err(|error| within(error, asked.at, predicate.len()))
    }

    fn run(&self, asked: &Asked, options: &Options) -> Result<Vec<u32>> {
        let faults = |query: &str, schema: &Schema| {
            let analysis = analyze(query, schema);
            let wrong = analysis.diagnostics.iter().filter(|it| it.is_error());
            let wrong: Vec<Fault> = wrong
                .map(|it| Fault {
                    code: Some(it.code.to_owned()),
                    span: it.span,
                    message: it.message.clone(),
                })
                .collect();
            (analysis.bound, wrong)
        };
        let (_, wrong) = faults(&asked.query, &self.schema);
        if !wrong.is_empty() {
            return Err(EngineError::Query(wrong));
        }
        let query = format!("{} | project {PLACE}", asked.query);
        let (Some(bound), _) = faults(&query, &self.placed) else {
            let message = "it is no condition".to_owned();
            return Err(EngineError::Failed {
                message,
                span: None,
            });
        };
        let mut places = Places::default();
        self.engine
            .stream_bound(&bound, &self.catalog, options, &mut places)?;
        Ok(places.0)
    }
}

#[derive(Default)]
struct Places(Vec<u32>);

impl RowSink for Places {
    fn columns(&mut self, _: &[Column]) {}

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        if let Some(Value::Long(place)) = row.first() {
            self.0.extend(u32::try_from(*place));
        }
        ControlFlow::Continue(())
    }
}

/// Moves places of the query into the predicate.
fn within(error: EngineError, at: usize, len: usize) -> EngineError {
    let place = |span: Span| {
        let inside = |offset: u32| (offset as usize).saturating_sub(at).min(len);
        Span::new(inside(span.start), inside(span.end))
    };
    match error {
        EngineError::Query(faults) => {
            let moved = |fault: Fault| Fault {
                span: place(fault.span),
                ..fault
            };
            EngineError::Query(faults.into_iter().map(moved).collect())
        }
        EngineError::Unsupported {
            what,
            span,
            instead,
        } => EngineError::Unsupported {
            what,
            span: place(span),
            instead,
        },
        EngineError::Failed { message, span } => EngineError::Failed {
            message,
            span: span.map(place),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Cancel;

    fn mirror() -> Mirror {
        let columns = [
            Column::new("Title", Type::String),
            Column::new("Alerts", Type::Long),
            Column::new("Tags", Type::Dynamic),
        ];
        let mut mirror = Mirror::new("Things", &columns).expect("a table");
        let row = |at: u32, title: &str, alerts: i64| {
            let tags = Value::Dynamic("[\"vip\"]".to_owned());
            let tags = if at == 0 { tags } else { Value::Null };
            (
                at,
                vec![Value::String(title.to_owned()), Value::Long(alerts), tags],
            )
        };
        let rows = [
            row(0, "Mailbox rule", 3),
            row(1, "Spray", 7),
            row(2, "mailbox", 0),
        ];
        mirror.put(rows, 3).expect("they fit");
        mirror
    }

    fn passing(mirror: &Mirror, predicate: &str) -> std::result::Result<Vec<u32>, String> {
        let found = mirror.passing(predicate, &Options::default());
        found.map_err(|error| error.to_string()).map(|mut places| {
            places.sort_unstable();
            places
        })
    }

    #[test]
    fn a_predicate_means_what_it_means_in_a_hunt() {
        let mirror = mirror();
        for (predicate, places) in [
            ("Title has 'mailbox'", vec![0, 2]),
            ("Title == 'mailbox'", vec![2]),
            ("Alerts > 2 and not(Title startswith 'm')", vec![1]),
            ("Tags has 'vip' // what matters", vec![0]),
            (
                "Title in ((Things | where Alerts == 7 | project Title))",
                vec![1],
            ),
            ("array_length(Tags) == 1", vec![0]),
            ("true", vec![0, 1, 2]),
            ("(Alerts > 1)\nor\n(Alerts < 1)", vec![0, 1, 2]),
        ] {
            assert_eq!(passing(&mirror, predicate), Ok(places), "{predicate}");
        }
    }

    #[test]
    fn rows_are_written_anew_and_dropped() {
        let mut mirror = mirror();
        let row = vec![Value::String("Spray".into()), Value::Long(9), Value::Null];
        mirror.put([(0, row)], 2).expect("it fits");
        assert_eq!(passing(&mirror, "Title == 'Spray'"), Ok(vec![0, 1]));
        assert_eq!(passing(&mirror, "true"), Ok(vec![0, 1]));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_its_place() {
        let mirror = mirror();
        for (text, at, words) in [
            ("Alerts > 1 | take 1", 11, "without |"),
            ("true) | take (1", 4, "never opened"),
            ("true; print 1", 4, "without ;"),
            ("(Alerts > 1", 11, "still open"),
            ("__place == 1", 0, "__place"),
            ("Severity == 1", 0, "Severity"),
            ("Alerts ==", 9, ""),
            ("", 0, ""),
            ("bin(Alerts, 1)", 0, ""),
            ("pack_all() has 'x'", 0, "name the columns"),
        ] {
            let error = mirror.passing(text, &Options::default());
            let Err(EngineError::Query(faults)) = error else {
                panic!("{text}: {error:?}");
            };
            assert!(faults[0].message.contains(words), "{text}: {faults:?}");
            let start = faults[0].span.start as usize;
            assert!(
                start == at || words.is_empty() && start <= text.len(),
                "{text}: {faults:?}"
            );
        }
        let long = "x".repeat(LONGEST_PREDICATE + 1);
        assert!(passing(&mirror, &long).is_err_and(|why| why.contains("longer")));
        assert!(passing(&mirror, "Title matches regex '('").is_err());
    }

    #[test]
    fn a_raised_flag_stops_it_and_now_is_what_it_is_told() {
        let mirror = mirror();
        let cancel = Cancel::new();
        cancel.cancel();
        let options = Options {
            cancel,
            ..Options::default()
        };
        let stopped = mirror.passing("true", &options);
        assert!(matches!(stopped, Err(EngineError::Cancelled)));
        let options = Options {
            now: Some(crate::engine::time::UNIX_EPOCH),
            ..Options::default()
        };
        let found = mirror.passing("now() == datetime(1970-01-01) and Alerts == 7", &options);
        assert_eq!(found.expect("it runs"), [1]);
        assert!(asks_the_time("Created > ago(1h)") && !asks_the_time("Title has 'now'"));
    }
}
