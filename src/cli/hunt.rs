//! `nightjar hunt`: a query in the tenant, its rows on standard output. What asks no tenant is in `held`.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::{Global, HuntArgs, Output, Span};
use super::failure::{Done, Failure};
use super::output::write_table;
use super::session::with_tenants;
use super::{chart, held, input, library, say};
use crate::domain::ResultTable;
use crate::hunt::export::{Format, View};
use crate::hunt::fan::{self, Given, MOST_TOGETHER};
use crate::hunt::{HuntError, HuntErrorKind, Hunter, Timespan, local};

/// The most cells a column takes in a table; the other forms are never cut.
const WIDEST: usize = 60;

/// Runs the query and writes its rows.
pub(crate) fn run(args: HuntArgs, global: &Global) -> Done {
    let form = global.output;
    if let Some(search) = args.library.as_deref().and_then(|it| it.strip_prefix('?')) {
        return library::list(search, form);
    }
    if args.tables || !args.drop.is_empty() {
        return held::manage(&args, global);
    }
    let query = match (&args.file, &args.query) {
        _ if args.library.is_some() => {
            library::query(args.library.as_deref().unwrap_or_default(), &args.set)?
        }
        (Some(file), _) => input::read(file)?.1,
        (None, Some(given)) => input::argument(given)?,
        (None, None) => return Err(Failure::usage("no query")),
    };
    if query.trim().is_empty() {
        return Err(Failure::usage("the query is empty"));
    }
    if args.local {
        return held::hunt(&args, global, &query);
    }
    if !args.external.external.is_empty() {
        return Err(Failure::usage(
            "--external is for --local: the service reads its own",
        ));
    }
    if let Some(name) = &args.keep {
        local::check_name(name).map_err(Failure::usage)?;
    }
    let span = args.timespan.map(|span| match span {
        Span::Hour => Timespan::Hour,
        Span::Day => Timespan::Day,
        Span::Week => Timespan::Week,
        Span::Month => Timespan::Month,
    });
    with_tenants(global, async move |mut tenants| {
        let several = tenants.several();
        let hunters = tenants
            .all()
            .iter()
            .map(|tenant| Hunter::new(Arc::clone(tenant)));
        let hunters: Vec<Hunter> = hunters.collect();
        let never = CancellationToken::new();
        let found = fan::run(&hunters, &query, span, &never, |_, _| {}).await;
        for part in &found.parts {
            if part.outcome.is_ok() {
                tenants.answered();
            }
        }
        if found.answered() > 0 {
            let mut out = BufWriter::new(io::stdout().lock());
            if args.chart {
                let as_of = found.as_of().map(|it| it.to_string());
                let svg = chart::svg(&found.table, found.render.as_ref(), as_of.as_deref())?;
                out.write_all(svg.as_bytes())?;
            } else {
                write(&found.table, form, &mut out)?;
            }
            out.flush()?;
        }
        if let Some(as_of) = found.as_of() {
            let table = Arc::clone(&found.table);
            let answered = found.parts.iter().filter(|part| part.outcome.is_ok());
            let tenants = answered.map(|part| part.tenant.clone()).collect();
            held::keep(table, query, args.keep, tenants, as_of).await;
        }
        for part in found.parts {
            match part.outcome {
                Ok(given) => {
                    let whose = if several {
                        format!("{}: ", part.tenant)
                    } else {
                        String::new()
                    };
                    told(&whose, &given, part.took);
                }
                Err(error) => tenants.failed(&part.tenant, hunt_failure(error)),
            }
        }
        tenants.finish()
    })
}

/// Says how much came, and where it may not be all.
fn told(whose: &str, given: &Given, took: Duration) {
    say(&format!(
        "{whose}{} rows in {:.1} s, as of {}",
        given.rows,
        took.as_secs_f64(),
        given.as_of
    ));
    if given.bad_rows > 0 {
        say(&format!(
            "{whose}{} rows were not understood and are left out",
            given.bad_rows
        ));
    }
    if given.is_capped() {
        say(&format!(
            "{whose}the service gives no more rows than this: there may be others"
        ));
    }
    if given.kept < given.rows {
        say(&format!(
            "{whose}only {} of these rows are shown: together the tenants gave more than {MOST_TOGETHER}",
            given.kept
        ));
    }
}

pub(super) fn write(table: &ResultTable, form: Output, out: &mut dyn Write) -> io::Result<()> {
    let format = match form {
        Output::Csv => Format::Csv,
        Output::Json => Format::Json,
        Output::Jsonl => Format::Jsonl,
        Output::Table => {
            let heads: Vec<&str> = table.columns().iter().map(|column| &*column.name).collect();
            let rows: Vec<Vec<String>> = (0..table.rows())
                .map(|row| {
                    (0..heads.len())
                        .map(|column| table.cell(row, column).text().into_owned())
                        .collect()
                })
                .collect();
            return write_table(out, &heads, &vec![WIDEST; heads.len()], &rows);
        }
    };
    format.write(table, View::default(), out)
}

/// Why there are no rows, in the service's words, with the places local diagnostics find.
pub(super) fn hunt_failure(error: HuntError) -> Failure {
    let failure = match error.kind {
        HuntErrorKind::SignIn => Failure::sign_in(&error),
        HuntErrorKind::Cancelled => Failure::interrupted(),
        _ => Failure::refused(&error),
    };
    let mut advice: Vec<String> = error
        .findings
        .iter()
        .map(|finding| finding.message.clone())
        .collect();
    advice.push(error.kind.advice().to_owned());
    failure.advise(advice.join("\n"))
}
