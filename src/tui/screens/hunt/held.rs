//! Carries out what a local tab asks for. Runs on the workers' side.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::ask::Kept;
use super::{HuntAsk, HuntMsg};
use crate::domain::Timestamp;
use crate::engine::Cancel;
use crate::hunt::local::{Fresh, Local, Result, Seat, Wanted};
use crate::hunt::{HuntError, HuntErrorKind, HuntResult};
use crate::tenant::Tenant;
use crate::tui::data::Level;

/// Runs a query over the caches of these tenants, kept results and files. It is in the history of the first.
pub(super) async fn run(
    local: &Arc<Local>,
    tenants: &[Arc<Tenant>],
    query: &str,
    cancel: CancellationToken,
) -> Result<HuntResult, HuntError> {
    let seat = |tenant: &Arc<Tenant>| {
        Some(Seat {
            tenant: tenant.profile.name.clone(),
            id: tenant.id(),
            cache: tenant.store.path()?.to_owned(),
        })
    };
    let seats: Vec<Seat> = tenants.iter().filter_map(seat).collect();
    if seats.len() < tenants.len() {
        let words = "A cache that is in memory alone cannot be asked.";
        return Err(HuntError::new(HuntErrorKind::Engine, words));
    }
    let history = tenants.first().map(|tenant| tenant.store.clone());
    local.hunt(query, seats, history, cancel).await
}

/// Keeps a result.
pub(super) fn keep(
    local: &Local,
    tenants: &[String],
    query: &str,
    result: &HuntResult,
) -> Result<Option<Arc<Kept>>> {
    let fresh = Fresh {
        name: None,
        query,
        tenants,
        as_of: result.as_of,
        table: &result.table,
    };
    let Some(keeping) = local.keep(fresh, Timestamp::now())? else {
        return Ok(None);
    };
    let held = Arc::new(local.held()?);
    Ok(Some(Arc::new(Kept { keeping, held })))
}

/// Does something with what is held, and says what is held then.
pub(super) fn manage(local: &Local, ask: HuntAsk) -> HuntMsg {
    let told = |done: Result<String>| match done {
        Ok(words) => Some((Level::Info, words)),
        Err(why) => Some((Level::Warning, why.to_string())),
    };
    let told = match ask {
        HuntAsk::RenameKept(id, name) => told(
            local
                .rename(id, Some(&name))
                .map(|()| format!("${id} is {name}")),
        ),
        HuntAsk::DropKept(id) => told(local.drop_result(id).map(|()| format!("${id} is dropped"))),
        HuntAsk::OpenFile(given) => Some(open(local, &given)),
        _ => None,
    };
    let held = local.held().map(Arc::new).map_err(|why| why.to_string());
    HuntMsg::Held { held, told }
}

fn open(local: &Local, given: &str) -> (Level, String) {
    let wanted = Wanted::read(given).map(|wanted| Wanted {
        path: home(wanted.path),
        ..wanted
    });
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(why) => return (Level::Warning, why),
    };
    match local.open_file(&wanted, &Cancel::new()) {
        Ok(table) => {
            let whole = table.bad_rows == 0 && table.misfits.is_empty();
            let level = if whole { Level::Info } else { Level::Warning };
            (level, table.words().join("\n"))
        }
        Err(why) => (Level::Warning, why.to_string()),
    }
}

/// No shell stands between a person and this field.
fn home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path,
    }
}
