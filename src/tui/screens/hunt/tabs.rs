//! Tabs that outlive the program: what of them is kept, and the worker that keeps it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ask::OpenTab;
use super::tab::Tab;
use crate::domain::TenantNo;
use crate::hunt::{Place, SharedSchema};
use crate::store::{Access, KeptTab, Result, Store};
use crate::tenant::Tenant;

/// How long typing goes on before it is written down.
const SOON: Duration = Duration::from_millis(800);

impl Tab {
    /// A tab with nothing in it.
    pub(super) fn new(schema: SharedSchema) -> Self {
        Self {
            schema,
            ..Self::default()
        }
    }

    /// A tab of the last run.
    pub(super) fn reopened(kept: &OpenTab, schema: SharedSchema) -> Self {
        let mut tab = Self {
            title: kept.title.clone(),
            tenants: kept.tenants.clone(),
            place: kept.place,
            ..Self::new(schema)
        };
        tab.editor.set_text(&kept.query);
        tab.editor.go_to(kept.caret);
        tab.text_changed();
        tab
    }

    /// What is kept of it.
    pub(super) fn kept(&self, active: bool) -> OpenTab {
        OpenTab {
            title: self.title.clone(),
            query: Arc::clone(&self.kept_text),
            caret: self.editor.caret(),
            active,
            tenants: self.tenants.clone(),
            place: self.place,
        }
    }
}

/// The console's tabs are kept with its first tenant whose cache it may write.
fn keeper(tenants: &[Arc<Tenant>]) -> Option<&Store> {
    let mut stores = tenants.iter().map(|tenant| &tenant.store);
    stores.find(|store| store.access() == Access::Owner)
}

/// The tabs of the last run. Waits for the disk.
pub(super) fn kept(tenants: &[Arc<Tenant>]) -> Result<Vec<OpenTab>> {
    let Some(store) = keeper(tenants) else {
        return Ok(Vec::new());
    };
    let number = |name: &String| {
        let mut numbered = TenantNo::first(tenants.len()).zip(tenants);
        numbered
            .find(|(_, tenant)| tenant.profile.name == *name)
            .map(|(no, _)| no)
    };
    let open = |tab: KeptTab| OpenTab {
        title: tab.title,
        query: tab.query.into(),
        caret: tab.caret,
        active: tab.active,
        tenants: tab.tenants.iter().filter_map(number).collect(),
        place: Place::named(&tab.engine),
    };
    Ok(store.tabs()?.into_iter().map(open).collect())
}

fn write(tenants: &[Arc<Tenant>], tabs: &[OpenTab]) -> Result<()> {
    let Some(store) = keeper(tenants) else {
        return Ok(());
    };
    let name = |no: &TenantNo| Some(tenants.get(no.index())?.profile.name.clone());
    let tabs: Vec<KeptTab> = tabs
        .iter()
        .map(|tab| KeptTab {
            title: tab.title.clone(),
            query: tab.query.to_string(),
            caret: tab.caret,
            active: tab.active,
            tenants: tab.tenants.iter().filter_map(name).collect(),
            engine: tab.place.name().to_owned(),
        })
        .collect();
    store.put_tabs(&tabs)
}

/// Writes the tabs down a moment after they changed, and at once when the program ends.
pub async fn keep(
    tenants: Vec<Arc<Tenant>>,
    mut wanted: watch::Receiver<Vec<OpenTab>>,
    stop: CancellationToken,
) {
    let mut last = Vec::new();
    loop {
        let ends = tokio::select! {
            changed = wanted.changed() => changed.is_err(),
            () = stop.cancelled() => true,
        };
        if !ends {
            let _ = tokio::time::timeout(SOON, stop.cancelled()).await;
        }
        let tabs = wanted.borrow_and_update().clone();
        if tabs != last {
            last.clone_from(&tabs);
            let tenants = tenants.clone();
            let written = tokio::task::spawn_blocking(move || write(&tenants, &tabs)).await;
            if let Ok(Err(why)) = written {
                tracing::warn!(%why, "the queries being written are not kept");
            }
        }
        if ends {
            return;
        }
    }
}
