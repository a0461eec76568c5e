//! Carries out what the Hunt screen asks for. Runs on the workers' side: it waits, reads and writes.

use std::path::PathBuf;
use std::sync::Arc;

use super::{HuntAsk, HuntMsg};
use crate::hunt::Hunter;
use crate::hunt::export::{self, View};
use crate::store::{self, HuntRecord, Store};
use crate::tenant::Tenant;
use crate::tui::msg::Msg;
use crate::tui::widgets::grid;

/// How many earlier queries are read.
const HISTORY: usize = 1_000;

/// Carries out one question; `None` where it wants no answer. `tenants` are the connected ones in the
/// order of their numbers; exports are written to `exports`.
pub async fn carry_out(ask: HuntAsk, tenants: Vec<Arc<Tenant>>, exports: PathBuf) -> Option<Msg> {
    let msg = match ask {
        HuntAsk::Run {
            ticket,
            tenant,
            query,
            timespan,
            cancel,
        } => {
            let tenant = tenants.get(tenant.index())?;
            let answer = Hunter::new(Arc::clone(tenant))
                .run(&query, Some(timespan), cancel)
                .await;
            let answer = match answer {
                Ok(result) => {
                    let table = result.table.clone();
                    // a width for a column is a guess worth no failure
                    let widths = tokio::task::spawn_blocking(move || grid::measure(&table)).await;
                    Ok((Arc::new(result), widths.unwrap_or_else(|_| Arc::new([]))))
                }
                Err(error) => Err(Arc::new(error)),
            };
            Msg::Hunt(HuntMsg::Finished { ticket, answer })
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
        HuntAsk::History(of) => {
            let stores: Vec<Store> = of
                .iter()
                .filter_map(|no| Some(tenants.get(no.index())?.store.clone()))
                .collect();
            let read = tokio::task::spawn_blocking(move || history(&stores)).await;
            let answer = match read {
                Ok(read) => read.map(Arc::new).map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            Msg::Hunt(HuntMsg::History(answer))
        }
    };
    Some(msg)
}

/// What was asked of these tenants, newest first.
fn history(stores: &[Store]) -> store::Result<Vec<HuntRecord>> {
    let mut all = Vec::new();
    for store in stores {
        all.extend(store.hunts("", HISTORY)?);
    }
    all.sort_by_key(|record| std::cmp::Reverse(record.at));
    all.truncate(HISTORY);
    Ok(all)
}
