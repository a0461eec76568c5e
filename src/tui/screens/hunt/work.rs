//! Carries out what the Hunt screen asks for. Runs on the workers' side: it waits, reads and writes.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use super::tabs::keep as keep_tabs;
use super::{HuntAsk, HuntMsg, completion, held, language, tabs};
use crate::domain::{Of, Timestamp};
use crate::hunt::export::{self, View};
use crate::hunt::fan::{self, Fanned, Part};
use crate::hunt::library;
use crate::hunt::local::Local;
use crate::hunt::{HuntError, HuntErrorKind, HuntResult, Hunter, Place, schema};
use crate::kql;
use crate::store::{self, HuntRecord, Store};
use crate::tenant::Tenant;
use crate::tui::msg::Msg;
use crate::tui::widgets::grid;

/// How many earlier queries are read.
const HISTORY: usize = 1_000;

/// Carries out one question; `None` where it wants no answer. `tenants` are the connected ones in the
/// order of their numbers; `local` is what is held here; exports are written to `exports`.
pub async fn carry_out(
    ask: HuntAsk,
    tenants: Vec<Arc<Tenant>>,
    local: Arc<Local>,
    exports: PathBuf,
) -> Option<Msg> {
    let msg = match ask {
        HuntAsk::Run {
            ticket,
            place,
            tenants: asked,
            query,
            timespan,
            cancel,
        } => {
            let asked = asked.iter().filter_map(|no| tenants.get(no.index()));
            let asked: Vec<Arc<Tenant>> = asked.cloned().collect();
            let hunters: Vec<Hunter> = asked.iter().cloned().map(Hunter::new).collect();
            let (answer, parts) = if place == Place::Local {
                (held::run(&local, &asked, &query, cancel).await, Vec::new())
            } else if let [hunter] = hunters.as_slice() {
                let answer = hunter.run(&query, Some(timespan), cancel).await;
                (answer, Vec::new())
            } else {
                let found = fan::run(&hunters, &query, Some(timespan), &cancel, |_, _| {}).await;
                together(found)
            };
            let answer = match answer {
                Ok(result) => {
                    let table = result.table.clone();
                    // a width for a column is a guess worth no failure
                    let widths = tokio::task::spawn_blocking(move || grid::measure(&table)).await;
                    Ok((Arc::new(result), widths.unwrap_or_else(|_| Arc::new([]))))
                }
                Err(error) => Err(Arc::new(error)),
            };
            let parts = parts.into();
            Msg::Hunt(HuntMsg::Finished {
                ticket,
                answer,
                parts,
            })
        }
        HuntAsk::Cancel(cancel) => {
            cancel.cancel();
            return None;
        }
        HuntAsk::Sort {
            ticket,
            table,
            column,
            descending,
        } => {
            let order =
                tokio::task::spawn_blocking(move || table.order_by(column, descending)).await;
            Msg::Hunt(HuntMsg::Sorted {
                ticket,
                order: order.ok()?.into(),
            })
        }
        HuntAsk::Work {
            ticket,
            table,
            rows,
            work,
        } => {
            let done = move || work.carry_out(&table, rows.as_deref());
            let answer = tokio::task::spawn_blocking(done).await.ok()?;
            Msg::Hunt(HuntMsg::Worked { ticket, answer })
        }
        HuntAsk::Picture(picture) => {
            let written = tokio::task::spawn_blocking(move || {
                export::text_to_file(&exports, &picture.stem, "svg", &picture.svg())
            })
            .await;
            let answer = match written {
                Ok(written) => written.map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            Msg::Exported("chart", answer)
        }
        HuntAsk::Export {
            table,
            order,
            columns,
            format,
            stem,
        } => {
            let written = tokio::task::spawn_blocking(move || {
                let view = View {
                    rows: order.as_deref(),
                    columns: Some(&columns),
                };
                export::to_file(&exports, &stem, format, &table, view)
            })
            .await;
            let answer = match written {
                Ok(written) => written.map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            Msg::Exported("result", answer)
        }
        HuntAsk::Read {
            ticket,
            text,
            schema,
        } => {
            let read = move || language::read(text, &schema);
            let read = tokio::task::spawn_blocking(read).await.ok()?;
            let read = Arc::new(read);
            Msg::Hunt(HuntMsg::Read { ticket, read })
        }
        HuntAsk::Complete {
            ticket,
            text,
            caret,
            schema,
        } => {
            let complete = move || {
                let words = kql::complete(&text, caret as u32, &schema);
                completion::own(words)
            };
            let words = tokio::task::spawn_blocking(complete).await.ok()?;
            Msg::Hunt(HuntMsg::Completed { ticket, words })
        }
        // the loop itself does that: it owns the terminal
        HuntAsk::Outside { .. } => return None,
        HuntAsk::History(of) => {
            let stores: Vec<Of<Store>> = of
                .iter()
                .filter_map(|no| Some(Of::new(*no, tenants.get(no.index())?.store.clone())))
                .collect();
            let read = tokio::task::spawn_blocking(move || history(&stores)).await;
            let answer = match read {
                Ok(read) => read.map(Arc::new).map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            Msg::Hunt(HuntMsg::History(answer))
        }
        HuntAsk::Schema(no) => {
            let store = tenants.get(no.index())?.store.clone();
            let read = tokio::task::spawn_blocking(move || schema::known(&store)).await;
            let learnt = match read.ok()? {
                Ok(learnt) => Ok(Arc::new(learnt)),
                Err(why) => Err(why.to_string()),
            };
            Msg::Hunt(HuntMsg::Learnt {
                tenant: no,
                learnt,
                told: None,
            })
        }
        HuntAsk::Learn {
            tenant,
            wanted,
            told,
        } => {
            let hunter = Hunter::new(Arc::clone(tenants.get(tenant.index())?));
            let never = CancellationToken::new();
            let taught = schema::learn(&hunter, &wanted, Timestamp::now(), &never).await;
            let (learnt, asked) = match taught {
                Ok(taught) if taught.asked == 0 && !told => return None,
                Ok(taught) => (Ok(Arc::new(taught.learnt)), taught.asked),
                Err(why) => (Err(why.to_string()), 0),
            };
            Msg::Hunt(HuntMsg::Learnt {
                tenant,
                learnt,
                told: told.then_some(asked),
            })
        }
        HuntAsk::Keep {
            ticket,
            tenants: of,
            query,
            result,
        } => {
            let of = of.iter().filter_map(|no| tenants.get(no.index()));
            let of: Vec<String> = of.map(|tenant| tenant.profile.name.clone()).collect();
            let keep = move || held::keep(&local, &of, &query, &result);
            let keeping = match tokio::task::spawn_blocking(keep).await {
                Ok(keeping) => keeping.map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            Msg::Hunt(HuntMsg::Kept { ticket, keeping })
        }
        ask @ (HuntAsk::Held
        | HuntAsk::RenameKept(..)
        | HuntAsk::DropKept(_)
        | HuntAsk::OpenFile(_)) => {
            let done = tokio::task::spawn_blocking(move || held::manage(&local, ask)).await;
            Msg::Hunt(done.ok()?)
        }
        HuntAsk::Tabs => {
            let read = tokio::task::spawn_blocking(move || tabs::kept(&tenants)).await;
            Msg::Hunt(HuntMsg::Tabs(read.ok()?.map_err(|why| why.to_string())))
        }
        // kept by a worker of its own: see `tabs::keep`; the library is in the console's folders
        HuntAsk::KeepTabs(_) | HuntAsk::Library | HuntAsk::Save { .. } => return None,
    };
    Some(msg)
}

/// The answers of several tenants as one; where nobody answered, why the first one did not.
fn together(found: Fanned) -> (Result<HuntResult, HuntError>, Vec<Part>) {
    let Some(as_of) = found.as_of() else {
        let first = found
            .parts
            .iter()
            .find_map(|part| part.outcome.clone().err());
        let none = || HuntError::new(HuntErrorKind::Local, "no tenant was asked".to_owned());
        return (Err(first.unwrap_or_else(none)), found.parts);
    };
    let given = found
        .parts
        .iter()
        .filter_map(|part| part.outcome.as_ref().ok());
    let result = HuntResult {
        bad_rows: given.map(|given| given.bad_rows).sum(),
        table: found.table,
        took: found.took,
        as_of,
        render: found.render,
        place: Place::Defender,
        over: None,
    };
    (Ok(result), found.parts)
}

/// What was asked of these tenants, newest first.
fn history(stores: &[Of<Store>]) -> store::Result<Vec<Of<HuntRecord>>> {
    let mut all = Vec::new();
    for store in stores {
        let found = store.hunts("", HISTORY)?.into_iter();
        all.extend(found.map(|record| store.with(record)));
    }
    all.sort_by_key(|record| std::cmp::Reverse(record.at));
    all.truncate(HISTORY);
    Ok(all)
}

/// Reads the query library with the user's folder. Waits for the disk.
pub fn library(folder: PathBuf) -> Msg {
    Msg::Hunt(HuntMsg::Library(Arc::new(library::load(&[folder]))))
}

/// Writes a query into the user's folder. Waits for the disk.
pub fn save(folder: &std::path::Path, title: &str, query: &str) -> Msg {
    let saved = library::save(folder, title, query);
    Msg::Hunt(HuntMsg::Saved(saved.map_err(|why| why.to_string())))
}
