//! Local tabs: what they may name, how a tab changes between Defender and here, and how a result of Defender
//! is gone on with here.

use std::cell::OnceCell;
use std::sync::Arc;

use super::super::prompt::Prompt;
use super::kept_list::KeptList;
use super::slicing::Tools;
use super::tab::{Outcome, Running, Shown, Tab};
use super::{Answer, Focus, HuntAsk, HuntMsg, HuntScreen, MOST_TABS, OpenTab, Parts};
use crate::domain::{TenantNo, text};
use crate::hunt::local::{Held, KeptResult, Over, OverTable};
use crate::hunt::{HuntResult, Place, SharedSchema};
use crate::tui::data::{Data, Level};
use crate::tui::msg::Effect;
use crate::tui::screen::Cx;

/// What is held here, as it was told last.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    held: Arc<Held>,
    /// The schema of a tab that asks one tenant, and of one that asks several.
    schemas: [OnceCell<SharedSchema>; 2],
    /// It was asked for.
    asked: bool,
}

impl Shelf {
    fn put(&mut self, held: &Arc<Held>) {
        self.asked = true;
        if self.held != *held {
            self.held = Arc::clone(held);
            self.schemas = Default::default();
        }
    }

    fn schema(&self, several: bool) -> &SharedSchema {
        self.schemas[usize::from(several)].get_or_init(|| self.held.schema(several))
    }
}

/// What became of keeping a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is one of here, or none that is kept.
    #[default]
    Not,
    /// It is being written.
    Writing {
        /// It is to be gone on with as soon as it is there.
        wanted: bool,
    },
    /// As a table of this name, as it is written in a query.
    As(String),
}

impl HuntScreen {
    /// Whom a local tab is of: those chosen for it, else all that are shown.
    pub(super) fn seats(tab: &Tab, data: &Data) -> Vec<TenantNo> {
        let open = |tenant: &TenantNo| {
            let facts = data.tenants.get(*tenant);
            facts.is_some_and(|it| it.facts.broken.is_none())
        };
        let chosen = tab.tenants.iter().copied();
        let shown = data.tenants.shown().map(|it| it.tenant);
        if tab.tenants.is_empty() {
            shown.filter(open).collect()
        } else {
            chosen.filter(open).collect()
        }
    }

    /// Gives every tab the schema of its place; reads a text again where that is another one.
    pub(super) fn settle_places(&mut self, cx: &mut Cx<'_>) {
        let local = |tab: &Tab| tab.place == Place::Local;
        if self.tabs.iter().any(local) && !std::mem::replace(&mut self.shelf.asked, true) {
            cx.effect(Effect::Hunt(HuntAsk::Held));
        }
        let cloud = self.kept.schema();
        for tab in &mut self.tabs {
            let schema = match tab.place {
                Place::Defender => &cloud,
                Place::Local => self.shelf.schema(Self::seats(tab, cx.data).len() > 1),
            };
            if !tab.schema.is(schema) {
                tab.schema = schema.clone();
                tab.text_changed();
            }
        }
        let schema = self.tabs[self.active].schema.clone();
        if let Some(tree) = &mut self.tree {
            tree.take_schema(&schema);
        }
    }

    /// Changes where the tab in front asks.
    pub(super) fn switch_place(&mut self) {
        let tab = self.tab_mut();
        tab.place = tab.place.other();
        tab.popup = None;
    }

    /// Has a result of Defender kept.
    pub(super) fn keep_result(
        ticket: u64,
        running: &Running,
        answer: &Answer,
        parts: &Parts,
        cx: &mut Cx<'_>,
    ) {
        let Ok((result, _)) = answer else { return };
        if running.place != Place::Defender || result.table.columns().is_empty() {
            return;
        }
        let answered =
            |(nth, _): &(usize, &TenantNo)| parts.get(*nth).is_none_or(|part| part.outcome.is_ok());
        let tenants = running.tenants.iter().enumerate().filter(answered);
        cx.effect(Effect::Hunt(HuntAsk::Keep {
            ticket,
            tenants: tenants.map(|(_, no)| *no).collect(),
            query: running.query.as_str().into(),
            result: Arc::clone(result),
        }));
    }

    /// News of what is held here.
    pub(super) fn heard_of_held(&mut self, msg: &HuntMsg, cx: &mut Cx<'_>) {
        match msg {
            HuntMsg::Held { held, told } => {
                match held {
                    Ok(held) => self.shelf.put(held),
                    Err(why) => {
                        let why = format!("what is kept here cannot be read: {why}");
                        cx.notice(Level::Warning, text::clean(&why));
                    }
                }
                if let Some((level, words)) = told {
                    cx.notice(*level, text::clean(words));
                }
            }
            HuntMsg::Kept { ticket, keeping } => self.was_kept(*ticket, keeping, cx),
            HuntMsg::Again(kept, run) => self.again(kept, *run, cx),
            _ => {}
        }
    }

    /// Opens a query where it was asked before.
    fn again(&mut self, kept: &OpenTab, run: bool, cx: &mut Cx<'_>) {
        if !self.new_tab(cx) {
            return;
        }
        let tab = self.tab_mut();
        tab.place = kept.place;
        tab.title = text::clean(&kept.title).into_owned();
        tab.tenants.clone_from(&kept.tenants);
        tab.editor.set_text(&kept.query);
        tab.text_changed();
        self.settle_places(cx);
        if run {
            self.run(false, cx);
        }
    }

    fn was_kept(
        &mut self,
        ticket: u64,
        keeping: &Result<Option<Arc<super::ask::Kept>>, String>,
        cx: &mut Cx<'_>,
    ) {
        let told = match keeping {
            Ok(Some(kept)) => {
                self.shelf.put(&kept.held);
                let dropped = &kept.keeping.dropped;
                (!dropped.is_empty()).then(|| {
                    let names: Vec<String> = dropped.iter().map(KeptResult::label).collect();
                    let words = format!(
                        "{} made room for {}",
                        names.join(", "),
                        kept.keeping.kept.number()
                    );
                    (Level::Info, words)
                })
            }
            Ok(None) => None,
            Err(why) => Some((
                Level::Warning,
                format!("the result is not kept here: {why}"),
            )),
        };
        if let Some((level, words)) = told {
            cx.notice(level, text::clean(&words));
        }
        let name = match keeping {
            Ok(Some(kept)) => Kept::As(kept.keeping.kept.written()),
            _ => Kept::Not,
        };
        let shown = self.tabs.iter_mut().enumerate().find_map(|(nth, tab)| {
            let shown = tab.shown_mut().filter(|shown| shown.ticket == ticket)?;
            Some((nth, shown))
        });
        if let Some((nth, shown)) = shown {
            let before = std::mem::replace(&mut shown.kept, name);
            if before == (Kept::Writing { wanted: true }) && nth == self.active {
                self.take_local(cx);
            }
        }
    }

    /// Goes on with the result in front here: a tab with its table ready to be asked, and its rows below.
    pub(super) fn take_local(&mut self, cx: &mut Cx<'_>) {
        let Some(shown) = self.tab_mut().shown_mut() else {
            cx.notice(Level::Info, "no result to go on with");
            return;
        };
        let name = match &mut shown.kept {
            Kept::As(name) => name.clone(),
            Kept::Writing { wanted } => {
                *wanted = true;
                cx.notice(
                    Level::Info,
                    "the result is being kept: the tab opens in a moment",
                );
                return;
            }
            Kept::Not => {
                let words = match shown.result.place {
                    Place::Local => "this is a local result already",
                    Place::Defender => {
                        "the result is not kept here: see keep_results in the settings"
                    }
                };
                cx.notice(Level::Info, words);
                return;
            }
        };
        let (result, parts) = (Arc::clone(&shown.result), Arc::clone(&shown.parts));
        let tenants = shown.tenants.clone();
        let grid = shown.grid.clone();
        let of: Vec<&str> = tenants.iter().map(|no| cx.data.tenants.name(*no)).collect();
        let over = Over {
            tables: vec![OverTable {
                name: name.clone(),
                rows: result.table.rows() as u64,
                of: of.join(", "),
                as_of: Some(result.as_of),
            }],
            cut: None,
        };
        let here = HuntResult {
            place: Place::Local,
            over: Some(Arc::new(over)),
            ..(*result).clone()
        };
        if !self.new_tab(cx) {
            return;
        }
        let tab = self.tab_mut();
        tab.place = Place::Local;
        tab.tenants.clone_from(&tenants);
        let query = format!("{name}\n| ");
        tab.editor.set_text(&query);
        tab.editor.go_to(query.len());
        tab.outcome = Some(Outcome::Rows(Box::new(Shown {
            ticket: cx.ticket(),
            tenants,
            parts,
            grid,
            result: Arc::new(here),
            sorting: None,
            kept: Kept::Not,
            tools: Tools::default(),
        })));
        self.settle_places(cx);
        self.tab_mut().text_changed();
        self.focus = Focus::Editor;
    }

    /// Goes to an empty tab; false, and told, where there is no room for one.
    pub(super) fn new_tab(&mut self, cx: &mut Cx<'_>) -> bool {
        self.focus = Focus::Editor;
        if self.tab().is_blank() {
            return true;
        }
        if self.tabs.len() >= MOST_TABS {
            cx.notice(Level::Info, "nine tabs are open: close one first");
            return false;
        }
        self.tabs.push(Tab::new(self.kept.schema()));
        self.active = self.tabs.len() - 1;
        true
    }

    /// Shows what is kept.
    pub(super) fn show_kept(&mut self, cx: &mut Cx<'_>) {
        self.shelf.asked = true;
        cx.effect(Effect::Hunt(HuntAsk::Held));
        cx.popup(Box::new(KeptList::default()));
    }

    /// Asks for a file to be read as a table.
    pub(super) fn ask_file(cx: &mut Cx<'_>) {
        let hint = "CSV, TSV, JSON, JSON lines: FILE, NAME=FILE or NAME(COLUMN:TYPE, …)=FILE";
        let popup = Prompt::new("A file as a table", hint, "", |given, cx| {
            cx.notice(Level::Info, "reading the file…");
            cx.effect(Effect::Hunt(HuntAsk::OpenFile(given)));
        });
        cx.popup(Box::new(popup));
    }
}
