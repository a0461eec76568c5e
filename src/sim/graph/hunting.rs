//! Hunting: `runHuntingQuery`, answered by the engine over the tenant's own tables.

mod document;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::super::clock::{self, DAY, HOUR, MINUTE, SECOND, Ticks};
use super::super::defender::{file_profile, place_of};
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::quirks::{HuntingSize, Plan};
use super::super::tables::{KEPT, Look, Readers, Tables, TablesError, names};
use super::super::tenant::Tenant;
use super::super::world::World;
use super::Refusal;
use crate::engine::{Cancel, EngineError, FileFacts, Options, Places, RowSink};
use crate::kql::Diagnostic;
use document::Document;

/// No answer has more rows; nothing in it says that there were more.
const MOST_ROWS: usize = 100_000;
/// No query text is longer, in bytes. The service names no number; lists of indicators are far below.
const LONGEST_TEXT: usize = 1_000_000;
/// No query runs longer.
const LONGEST: Duration = Duration::from_secs(180);

/// Queries that run at the same time; others wait for a place.
const SEATS: usize = 8;
/// Processing time is counted from the beginning of each quarter of an hour.
const CYCLE: Ticks = 15 * MINUTE;
/// So long the tables are left alone while nobody asks.
const PAUSE: Duration = Duration::from_secs(5);
/// What a query costs, beside what it reads.
const BASE_COST: Duration = Duration::from_millis(20);
/// What reading a row costs.
const ROW_COST: Duration = Duration::from_micros(1);

/// How much the tables hold and what queries may use.
#[derive(Debug, Default)]
pub struct Settings {
    /// Roughly how many everyday rows there are.
    pub rows: Option<u64>,
    /// Processing time in a quarter of an hour; `None` is as much as it takes.
    pub cpu: Option<Duration>,
    /// Tables that are not there: not licensed, or not for this tenant.
    pub hidden: BTreeSet<String>,
}

/// The tables, made when they are first needed, and what their use has cost.
#[derive(Debug)]
pub struct Hunting {
    settings: Settings,
    tables: Mutex<Option<Tables>>,
    seats: Arc<Semaphore>,
    /// The quarter of an hour and what was used in it.
    spent: Mutex<(i64, Duration)>,
}

impl Hunting {
    /// Nothing made yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            tables: Mutex::default(),
            seats: Arc::new(Semaphore::new(SEATS)),
            spent: Mutex::default(),
        }
    }

    /// Whether a table is kept from everybody.
    pub fn hides(&self, table: &str) -> bool {
        self.settings.hidden.contains(table)
    }

    /// Takes what a query costs from the budget of its quarter of an hour. Over it: how long until the next.
    ///
    /// The cost is a model, so that the same requests get the same answers: what a query reads, not
    /// what the machine took for it.
    fn charge(&self, cost: Duration, now: Ticks) -> Result<(), Ticks> {
        let Some(budget) = self.settings.cpu else {
            return Ok(());
        };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let cycle = now.div_euclid(CYCLE);
        if spent.0 != cycle {
            *spent = (cycle, Duration::ZERO);
        }
        if spent.1 >= budget {
            return Err((cycle + 1) * CYCLE - now);
        }
        spent.1 += cost;
        Ok(())
    }

    /// The tables with everything in them that is due, for as long as it takes to get a reader. `now` says
    /// up to when the world is up to date.
    fn ready(
        &self,
        tenant: &Tenant,
        query: &str,
        now: &dyn Fn() -> Ticks,
    ) -> Result<Ready, TablesError> {
        let look: Look<'_> = &|see: &mut dyn FnMut(&World)| {
            see(&tenant.world.read().unwrap_or_else(PoisonError::into_inner));
        };
        let mut slot = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = match &mut *slot {
            Some(tables) => tables,
            empty => {
                let mut tables = None;
                look(&mut |world| tables = Some(Tables::new(world, self.settings.rows)));
                let mut tables = tables.expect("the world was seen")?;
                tables.fill(look, now, &|line| {
                    if let Some(log) = &tenant.log {
                        log(line);
                    }
                })?;
                empty.insert(tables)
            }
        };
        tables.due(look, now())?;
        let counts = tables.counts();
        let read: u64 = counts
            .iter()
            .filter(|(table, _)| names(query, table))
            .map(|(_, rows)| rows)
            .sum();
        Ok(Ready {
            readers: tables.readers(),
            oldest: tables.oldest(),
            cost: BASE_COST + ROW_COST * u32::try_from(read).unwrap_or(u32::MAX),
        })
    }
}

/// What a query needs of the tables.
struct Ready {
    readers: Readers,
    oldest: Ticks,
    cost: Duration,
}

impl Hunting {
    /// Lets the tables be made anew: the world is another one.
    pub fn forget(&self) {
        *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Cancels the query when nobody waits for its answer any more.
struct Waiting(Cancel);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Makes the tables ahead of the first query, which waits until all of them are filled, and adds to them
/// from time to time, so that no query after a pause has much to wait for.
pub fn prepare(tenant: &Arc<Tenant>) {
    let tenant = Arc::downgrade(tenant);
    tokio::spawn(async move {
        // Whoever stops the tenant need not stop this.
        while let Some(tenant) = tenant.upgrade() {
            let done = tokio::task::spawn_blocking(move || {
                let reached = Cell::new(tenant.clock.start());
                let now = || {
                    reached.set(tenant.settled().unwrap_or(reached.get()));
                    reached.get()
                };
                let done = tenant.hunting.ready(&tenant, "", &now);
                if let (Err(error), Some(log)) = (&done, &tenant.log) {
                    log(&format!("hunting tables: {error}"));
                }
                done.is_ok()
            });
            if !matches!(done.await, Ok(true)) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

/// Why a query was not answered.
pub enum Failed {
    /// The tables or the query.
    Tables(TablesError, String),
    /// The tenant's processing time is used up for so long.
    Spent(Ticks),
    /// The answer would be too large.
    TooLarge,
    /// The query is too large.
    TooLong,
    /// Something of ours broke.
    Broken,
}

impl From<TablesError> for Failed {
    fn from(error: TablesError) -> Self {
        Self::Tables(error, String::new())
    }
}

/// Runs a query over rows of a span of time (the last thirty days where none is given), and hands its
/// rows to `sink`. Several run beside each other; one that nobody waits for any more is stopped.
pub async fn query<S: RowSink + Send + 'static>(
    tenant: &Arc<Tenant>,
    query: String,
    span: Option<(Ticks, Ticks)>,
    mut sink: S,
) -> Result<S, Failed> {
    if query.len() > LONGEST_TEXT {
        return Err(Failed::TooLong);
    }
    let now = tenant.clock.now();
    let cancel = Cancel::new();
    let waiting = Waiting(cancel.clone());
    let shared = Arc::clone(tenant);
    let seats = Arc::clone(&tenant.hunting.seats);
    let seat = seats.acquire_owned().await.map_err(|_| Failed::Broken)?;
    let answer = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        let hunting = &shared.hunting;
        let ready = hunting.ready(&shared, &query, &|| now)?;
        hunting.charge(ready.cost, now).map_err(Failed::Spent)?;
        let (from, to) = span.unwrap_or((now - KEPT, now));
        let from = from.max(now - KEPT);
        let reader = ready.readers.take()?;
        let mut catalog = reader.within(
            &query,
            (from, to),
            from <= ready.oldest,
            &hunting.settings.hidden,
        )?;
        let knowing = Arc::clone(&shared);
        catalog.file_facts =
            FileFacts::new(move |hash| Some(file_profile(&knowing.world(), hash, now)));
        let (knowing, known) = (Arc::clone(&shared), Mutex::new(HashMap::new()));
        catalog.places = Places::new(move |address| {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let place = known.entry(address.to_owned());
            place
                .or_insert_with(|| place_of(&knowing.world(), address))
                .clone()
        });
        let options = Options {
            max_rows: Some(MOST_ROWS),
            timeout: Some(LONGEST),
            max_bytes: None,
            cancel,
            now: Some(now),
        };
        reader
            .engine()
            .stream(&query, &catalog, &options, &mut sink)
            .map_err(|error| Failed::Tables(error.into(), query))?;
        Ok(sink)
    })
    .await;
    drop(waiting);
    answer.unwrap_or(Err(Failed::Broken))
}

/// Runs the query of a request.
pub async fn run(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    // Endpoint facts 4: Defender for Business has no advanced hunting. The words are ours.
    if tenant.quirks.plan == Plan::Business {
        return Err(Refusal::new(
            403,
            "Forbidden",
            "Advanced hunting is not included in Microsoft Defender for Business.",
        ));
    }
    let body = super::object(ask)?;
    // Parameters of an action are matched without regard to case.
    let field = |name: &str| {
        body.iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    };
    let beta = ask.path.starts_with("/beta/");
    let known: &[&str] = if beta {
        &["query", "timespan", "workspaceId"]
    } else {
        &["query", "timespan"]
    };
    if let Some(name) = body
        .keys()
        .find(|k| !known.iter().any(|n| k.eq_ignore_ascii_case(n)) && !k.contains("@odata."))
    {
        return Err(Refusal::bad(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the operation 'runHuntingQuery'."
        )));
    }
    if let Some(workspace) = field("workspaceId").filter(|v| !v.is_null())
        && workspace.as_str().and_then(ids::parse_guid).is_none()
    {
        return Err(Refusal::bad(format!(
            "Cannot convert the literal '{workspace}' to the expected type 'Edm.Guid'."
        )));
    }
    let text = field("query")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    if text.trim().is_empty() {
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
    let most = match tenant.quirks.hunting_size {
        HuntingSize::Fifty => Some(50_000_000),
        HuntingSize::Older => Some(124_000_000),
        HuntingSize::Unlimited => None,
    };
    match query(tenant, text, span, Document::new(most)).await {
        Ok(document) if document.too_large => Err(refusal(Failed::TooLarge)),
        Ok(document) => Ok(Reply::json(200, document.finish())),
        Err(failed) => Err(refusal(failed)),
    }
}

/// A failure in the service's words: one sentence, no place.
pub fn refusal(failed: Failed) -> Refusal {
    let (error, query) = match failed {
        Failed::Tables(error, query) => (error, query),
        Failed::Spent(wait) => {
            let seconds = (wait + SECOND - 1) / SECOND;
            return Refusal::new(
                429,
                "TooManyRequests",
                format!(
                    "You have exceeded processing resources allocated to this tenant. You can run queries again in {:02}:{:02}:{:02}.",
                    seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60
                ),
            );
        }
        Failed::TooLarge => {
            return Refusal::bad(
                "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
            );
        }
        Failed::TooLong => {
            return Refusal::bad(
                "The query cannot run because it exceeds the allowed size limit when processed.",
            );
        }
        Failed::Broken => return Refusal::new(500, "UnknownError", ""),
    };
    match error {
        TablesError::Engine(EngineError::Query(faults)) => {
            let Some(fault) = faults.first() else {
                return Refusal::bad("Fix semantic errors in your query.");
            };
            // The grammar's faults are told apart from those of names and types.
            let syntax = crate::kql::parse(&query)
                .errors
                .iter()
                .any(Diagnostic::is_error);
            let (start, end) = (fault.span.start as usize, fault.span.end as usize);
            let message = service_words(
                fault.code.as_deref(),
                query.get(start..end).unwrap_or_default(),
                &fault.message,
                query.get(..start).unwrap_or_default(),
            );
            let kind = if syntax { "syntax" } else { "semantic" };
            Refusal::bad(format!("{message}. Fix {kind} errors in your query."))
        }
        TablesError::Engine(
            error @ (EngineError::Unsupported { .. }
            | EngineError::Absent { .. }
            | EngineError::Failed { .. }),
        ) => Refusal::bad(format!("{error}. Fix semantic errors in your query.")),
        TablesError::Engine(EngineError::TooLarge { .. }) => Refusal::bad(
            "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
        ),
        // A query that runs too long is answered so, without a word.
        TablesError::Engine(EngineError::TimedOut) => Refusal::new(504, "UnknownError", ""),
        error => {
            let mut refusal = Refusal::new(500, "UnknownError", "");
            refusal.why = Some(error.to_string());
            refusal
        }
    }
}

/// The service names the operator and the name that it could not resolve; before is the text up to it. Other
/// messages stay as they are, their full stop included: the service adds its own to it.
fn service_words(code: Option<&str>, name: &str, message: &str, before: &str) -> String {
    let name = name.trim_matches(['[', ']', '\'', '"']);
    let table = match code {
        Some("KS204") => true,
        Some("KS142") => false,
        _ => return message.to_owned(),
    };
    let operator = before
        .rsplit('|')
        .next()
        .filter(|_| before.contains('|'))
        .and_then(|part| {
            part.split(|c: char| !c.is_alphanumeric() && c != '-')
                .find(|w| !w.is_empty())
        });
    match operator {
        Some(operator) if table => {
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
    fn errors_are_told_in_the_services_words() {
        let words = service_words(Some("KS142"), "Foo", "No column.", "T | where ");
        assert_eq!(
            words,
            "'where' operator: Failed to resolve scalar expression named 'Foo'"
        );
        let words = service_words(Some("KS204"), "T", "No table.", "");
        assert_eq!(
            words,
            "Failed to resolve table or column expression named 'T'"
        );
        let syntax = crate::kql::parse("T | wher x").errors;
        let fault = EngineError::Query(vec![crate::engine::Fault {
            code: None,
            span: syntax[0].span,
            message: syntax[0].message.clone(),
        }]);
        let told = refusal(Failed::Tables(fault.into(), "T | wher x".into()));
        assert_eq!(
            told.message,
            "Query operator expected.. Fix syntax errors in your query."
        );
    }
}
