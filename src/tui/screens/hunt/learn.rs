//! What the screen remembers beyond the moment: the tenants' schemas, and the tabs of the last run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ask::OpenTab;
use super::tab::Tab;
use super::{HuntAsk, HuntMsg, HuntScreen, MOST_TABS};
use crate::domain::{TenantNo, text};
use crate::hunt::schema::Wanted;
use crate::hunt::{HuntErrorKind, Place, SharedSchema};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::Cx;

/// What was asked for and handed out already.
#[derive(Debug, Default)]
pub(super) struct Kept {
    schema: SharedSchema,
    /// The screen has been looked at: stores were read.
    begun: bool,
    /// The tabs of the last run are here, or there are none.
    reopened: bool,
    /// Tables that were asked for in this run.
    asked: BTreeSet<(TenantNo, String)>,
    /// The tabs as they were handed to be kept.
    tabs: Vec<OpenTab>,
}

impl Kept {
    /// The schema of the tenants shown.
    pub(super) fn schema(&self) -> SharedSchema {
        self.schema.clone()
    }
}

impl HuntScreen {
    /// Reads what is known, once: what nobody looks at costs nothing.
    pub(super) fn begin(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.kept.begun, true) {
            return;
        }
        for tenant in cx.data.tenants.numbers() {
            cx.effect(Effect::Hunt(HuntAsk::Schema(tenant)));
        }
        cx.effect(Effect::Hunt(HuntAsk::Tabs));
    }

    /// Brings back the tabs of the last run. What was opened meanwhile stays, and stays in front.
    pub(super) fn reopen(&mut self, tabs: &Result<Vec<OpenTab>, String>, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.kept.reopened, true) {
            return;
        }
        let tabs = match tabs {
            Ok(tabs) => tabs.as_slice(),
            Err(why) => {
                let why = format!("the queries of the last time cannot be read: {why}");
                cx.notice(Level::Warning, text::clean(&why));
                &[]
            }
        };
        let blank = self.tabs.iter().all(Tab::is_blank);
        let room = MOST_TABS - if blank { 0 } else { self.tabs.len() };
        let tabs = &tabs[..tabs.len().min(room)];
        if tabs.is_empty() {
            return;
        }
        let schema = self.kept.schema();
        let mut all: Vec<Tab> = tabs
            .iter()
            .map(|tab| Tab::reopened(tab, schema.clone()))
            .collect();
        if blank {
            self.active = tabs.iter().position(|tab| tab.active).unwrap_or(0);
        } else {
            self.active += all.len();
            all.append(&mut self.tabs);
        }
        self.tabs = all;
    }

    /// After anything that may have changed a text: hands out what is to be kept, and asks for tables
    /// that are used for the first time.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        self.keep(cx);
        // A name that is no table yet may be half a name: it is asked for when it is run.
        if self.tab().place == Place::Local {
            // The tables of here are no tenant's.
            return;
        }
        let schema = &self.kept.schema;
        let used = self.tab().tables.iter();
        let used = used.filter(|it| schema.table(it).is_some());
        let used: BTreeSet<String> = used.cloned().collect();
        for tenant in self.asked(cx.data) {
            let new = |name: &&String| !self.kept.asked.contains(&(tenant, (*name).clone()));
            let new: BTreeSet<String> = used.iter().filter(new).cloned().collect();
            if !new.is_empty() {
                let asked = new.iter().map(|name| (tenant, name.clone()));
                self.kept.asked.extend(asked);
                let wanted = Wanted::Used(new);
                cx.effect(learn(tenant, wanted, false));
            }
        }
    }

    fn keep(&mut self, cx: &mut Cx<'_>) {
        if !self.kept.reopened {
            // Nothing may take the place of tabs that are still being read.
            return;
        }
        let active = self.active;
        let tabs = self.tabs.iter().enumerate();
        let tabs: Vec<OpenTab> = tabs.map(|(at, tab)| tab.kept(at == active)).collect();
        if tabs != self.kept.tabs {
            self.kept.tabs.clone_from(&tabs);
            cx.effect(Effect::Hunt(HuntAsk::KeepTabs(tabs)));
        }
    }

    /// Asks every tenant shown for everything it has.
    pub(super) fn learn_all(cx: &mut Cx<'_>) {
        let shown: Vec<TenantNo> = cx.data.tenants.shown().map(|it| it.tenant).collect();
        for tenant in shown {
            cx.effect(learn(tenant, Wanted::All, true));
        }
        cx.notice(Level::Info, "asking for the tables of the tenant…");
    }

    /// News of schemas, and of hunts that tell something about them.
    pub(super) fn learn(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::Hunt(HuntMsg::Learnt {
                tenant,
                learnt,
                told,
            }) => {
                match learnt {
                    Ok(learnt) => cx.data.schemas.put(*tenant, Arc::clone(learnt)),
                    Err(why) => tracing::info!(%why, "a tenant's schema was not learnt"),
                }
                let words = match (learnt, told) {
                    (_, None) => None,
                    (Ok(_), Some(asked)) => Some((
                        Level::Info,
                        format!("{asked} tables of the tenant are known now"),
                    )),
                    (Err(why), Some(_)) => Some((
                        Level::Warning,
                        format!("its tables cannot be asked for: {why}"),
                    )),
                };
                if let Some((level, words)) = words {
                    let words = cx.data.tenants.named(*tenant, text::clean(&words));
                    cx.notice(level, words);
                }
            }
            Msg::Hunt(HuntMsg::Finished { ticket, answer, .. }) => {
                let running = |tab: &&Tab| {
                    let running = tab.running.as_ref();
                    running.is_some_and(|running| running.ticket == *ticket)
                };
                let tab = self.tabs.iter().find(running);
                let here = tab.and_then(|tab| tab.running.as_ref());
                if here.is_some_and(|running| running.place == Place::Local) {
                    return;
                }
                let tables = tab.map(|tab| tab.tables.clone()).unwrap_or_default();
                let wanted = match answer {
                    Ok(_) => Wanted::Used(tables),
                    Err(error) if error.kind == HuntErrorKind::Semantic => Wanted::Refused(tables),
                    Err(_) => return,
                };
                for tenant in self.asked_by(*ticket) {
                    cx.effect(learn(tenant, wanted.clone(), false));
                }
            }
            Msg::Hunt(HuntMsg::Saved(saved)) => match saved {
                Ok(path) => cx.notice(Level::Info, format!("kept as {}", path.display())),
                Err(why) => cx.notice(Level::Error, format!("the query was not kept: {why}")),
            },
            _ => {}
        }
        self.take_schema(cx.data);
    }

    /// Reads all texts again where the schema is another one.
    fn take_schema(&mut self, data: &mut Data) {
        let shown = data.tenants.shown().map(|it| it.tenant).collect();
        data.schemas.show(shown);
        let schema = data.schemas.shared();
        if schema.is(&self.kept.schema) {
            return;
        }
        self.kept.schema = schema.clone();
        for tab in &mut self.tabs {
            if tab.place == Place::Defender {
                tab.schema = schema.clone();
                tab.text_changed();
            }
        }
    }
}

fn learn(tenant: TenantNo, wanted: Wanted, told: bool) -> Effect {
    Effect::Hunt(HuntAsk::Learn {
        tenant,
        wanted,
        told,
    })
}
