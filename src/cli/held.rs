//! `nightjar hunt --local`: what is held here, asked without a connection; and what cloud hunts leave to be
//! asked again.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing_appender::non_blocking::WorkerGuard;

use super::args::{Global, HuntArgs};
use super::failure::{Done, Failure};
use super::hunt::{hunt_failure, write};
use super::output::{Column, cut, whole, write_rows};
use super::{chart, logging, runtime, say, settings};
use crate::config::{Chosen, Config, Paths, ProfileError};
use crate::domain::{ResultTable, Timestamp};
use crate::engine::Cancel;
use crate::hunt::HuntResult;
use crate::hunt::local::{self, Bounds, Fresh, Keeping, Local, Seat, Wanted};
use crate::store::{Access, Store};

/// What the list of tables shows.
const COLUMNS: &[Column] = &[
    whole("NAME", "name"),
    whole("ROWS", "rows"),
    whole("AS OF", "asOf"),
    cut("OF", "of", 30),
    cut("WHAT", "what", 80),
];

/// What is needed to ask what is held.
struct Desk {
    local: Arc<Local>,
    seats: Vec<Seat>,
    _log: Option<WorkerGuard>,
}

impl Desk {
    /// Nothing is connected, and no profile need be set up.
    fn open(args: &HuntArgs, global: &Global) -> Done<Self> {
        let paths = Paths::resolve();
        let log = logging::start(&paths.state, global.log_level.as_deref())?;
        let config = settings::load(&paths);
        let chosen = settings::chosen(global);
        let profiles = match config.profiles(&chosen) {
            Err(ProfileError::None { .. }) if chosen == Chosen::Default => Vec::new(),
            _ => settings::picked(&config, &chosen)?.profiles,
        };
        let seats = profiles.into_iter().map(|profile| Seat {
            cache: paths.store_file(&profile.name),
            tenant: profile.name,
            id: profile.tenant_id,
        });
        let bounds = Bounds {
            external: args.external.opener(),
            ..Bounds::from(&config)
        };
        Ok(Self {
            seats: seats.collect(),
            local: Arc::new(Local::new(&paths.data, bounds)),
            _log: log,
        })
    }

    /// The history of the first profile that has a cache; none is made for it.
    fn history(&self) -> Option<Store> {
        let mut caches = self.seats.iter().map(|seat| &seat.cache);
        let store = Store::open(caches.find(|cache| cache.is_file())?).ok()?;
        // Where a console has it open, it alone writes there.
        (store.access() == Access::Owner).then_some(store)
    }
}

/// Runs a query over what is held and writes its rows.
pub(super) fn hunt(args: &HuntArgs, global: &Global, query: &str) -> Done {
    let desk = Desk::open(args, global)?;
    for given in &args.table {
        open_file(&desk.local, given)?;
    }
    let history = desk.history();
    let found = runtime()?.block_on(async {
        let token = CancellationToken::new();
        let seats = desk.seats.clone();
        let hunt = desk.local.hunt(query, seats, history, token.clone());
        tokio::select! {
            found = hunt => found.map_err(hunt_failure),
            _ = tokio::signal::ctrl_c() => {
                token.cancel();
                Err(Failure::interrupted())
            }
        }
    })?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.chart {
        let as_of = found.as_of.to_string();
        let svg = chart::svg(&found.table, found.render.as_ref(), Some(&as_of))?;
        out.write_all(svg.as_bytes())?;
    } else {
        write(&found.table, global.output, &mut out)?;
    }
    out.flush()?;
    told(&found);
    Ok(())
}

/// Says how much came, over what, and where it is not all.
fn told(found: &HuntResult) {
    let mut words = format!(
        "{} rows in {:.1} s, local",
        found.table.rows(),
        found.took.as_secs_f64()
    );
    if let Some(over) = &found.over {
        if !over.tables.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(words, ", over {}, as of {}", over.words(), found.as_of);
        }
        if let Some(cut) = &over.cut {
            let _ = write!(words, ", {cut}");
        }
    }
    say(&words);
}

/// Reads a file as a table and says what it is, and which rows are none.
fn open_file(local: &Local, given: &str) -> Done {
    let wanted =
        Wanted::read(given).map_err(|why| Failure::usage(format!("--table {given:?}: {why}")))?;
    let table = local
        .open_file(&wanted, &Cancel::new())
        .map_err(Failure::refused)?;
    for line in table.words() {
        say(&line);
    }
    Ok(())
}

/// Lists what can be asked, or drops kept results.
pub(super) fn manage(args: &HuntArgs, global: &Global) -> Done {
    let desk = Desk::open(args, global)?;
    let held = desk.local.held().map_err(Failure::refused)?;
    for label in &args.drop {
        let found = held.find(label);
        let kept = found.ok_or_else(|| Failure::refused(format!("{label} is not kept")))?;
        desk.local.drop_result(kept.id).map_err(Failure::refused)?;
        say(&format!("{} is dropped", kept.label()));
    }
    if !args.tables {
        return Ok(());
    }
    for given in &args.table {
        open_file(&desk.local, given)?;
    }
    let rows = listed(&desk).map_err(Failure::refused)?;
    let out = &mut io::stdout().lock();
    Ok(write_rows(out, global.output, COLUMNS, &rows)?)
}

/// Everything that can be asked, a JSON object each.
fn listed(desk: &Desk) -> local::Result<Vec<String>> {
    let held = desk.local.held()?;
    let caches: Vec<&str> = desk
        .seats
        .iter()
        .filter(|seat| seat.cache.is_file())
        .map(|seat| seat.tenant.as_str())
        .collect();
    let caches = caches.join(", ");
    let queue =
        local::queue_tables().map(|(name, what)| json!({"name": name, "of": caches, "what": what}));
    let kept = held.kept.iter().map(|kept| {
        json!({
            "name": kept.label(),
            "number": kept.number(),
            "rows": kept.rows,
            "bytes": kept.bytes,
            "asOf": kept.as_of.to_string(),
            "of": kept.tenants.join(", "),
            "what": kept.query,
        })
    });
    let files = held.files.iter().map(|file| {
        json!({
            "name": file.name,
            "rows": file.rows,
            "asOf": file.written.map(|at| at.to_string()),
            "of": file.path.display().to_string(),
            "what": "file",
        })
    });
    Ok(queue
        .chain(kept)
        .chain(files)
        .map(|row| row.to_string())
        .collect())
}

/// Keeps what a cloud hunt gave, and says as what. That it could not be kept costs nobody the rows.
pub(super) async fn keep(
    table: Arc<ResultTable>,
    query: String,
    name: Option<String>,
    tenants: Vec<String>,
    as_of: Timestamp,
) {
    let keeping = tokio::task::spawn_blocking(move || {
        let paths = Paths::resolve();
        let local = Local::new(&paths.data, Bounds::from(&Config::load(&paths).config));
        let fresh = Fresh {
            name: name.as_deref(),
            query: &query,
            tenants: &tenants,
            as_of,
            table: &table,
        };
        local.keep(fresh, Timestamp::now())
    });
    match keeping.await {
        Ok(Ok(Some(Keeping { kept, dropped }))) => {
            say(&format!(
                "kept as {}: nightjar hunt --local '{} | …' asks it again",
                kept.label(),
                kept.written()
            ));
            for old in dropped {
                say(&format!("{} made room for it", old.label()));
            }
        }
        Ok(Ok(None)) => {}
        Ok(Err(why)) => say(&format!("the result is not kept: {why}")),
        Err(why) => say(&format!("the result is not kept: {why}")),
    }
}
