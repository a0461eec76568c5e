//! Hunt: a KQL editor over a grid of results, in tabs.
//!
//! Must not know how a hunt is carried out: it asks ([`HuntAsk`]) and is told ([`HuntMsg`]).

mod ask;
mod charting;
mod completion;
mod find_bar;
mod finding;
mod held;
mod help;
mod history;
mod inspect;
mod json;
mod kept_list;
pub mod language;
mod learn;
mod library;
mod local;
mod offering;
mod panes;
mod parameters;
pub(in crate::tui) mod predicate;
mod queries;
mod results;
mod running;
mod sending;
mod slicing;
mod stats;
mod tab;
mod tabs;
mod tree;
mod typing;
mod view;
pub mod work;
pub mod working;

use std::cell::Cell as Remembered;
use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use self::ask::{Answer, HuntAsk, HuntMsg, Kept as KeptNow, OpenTab, Parts};
use self::find_bar::Finder;
use self::learn::Kept;
use self::local::Shelf;
use self::tab::Tab;
use self::tree::SchemaTree;
use crate::domain::hunting::Cell;
use crate::domain::{IncidentId, Of, TenantNo, text};
use crate::hunt::{Place, Timespan};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::keys::Chord;
use crate::tui::msg::{DeviceRef, Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::editor::vim::Mode;
use crate::tui::widgets::grid::Step;

/// Tabs beyond this many are not opened.
pub const MOST_TABS: usize = 9;

/// Which half has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Editor,
    Schema,
    Grid,
}

/// The screen.
#[derive(Debug)]
pub struct HuntScreen {
    tabs: Vec<Tab>,
    active: usize,
    focus: Focus,
    timespan: Timespan,
    kept: Kept,
    shelf: Shelf,
    tree: Option<SchemaTree>,
    find: Finder,
    // where the halves were drawn last, for the mouse
    places: Remembered<(Rect, Rect)>,
}

impl Default for HuntScreen {
    fn default() -> Self {
        Self::new()
    }
}

impl HuntScreen {
    /// The screen with one empty tab.
    pub fn new() -> Self {
        Self {
            tabs: vec![Tab::default()],
            active: 0,
            focus: Focus::Editor,
            timespan: Timespan::default(),
            kept: Kept::default(),
            shelf: Shelf::default(),
            tree: None,
            find: Finder::default(),
            places: Remembered::default(),
        }
    }

    fn tab(&self) -> &Tab {
        &self.tabs[self.active]
    }

    fn tab_mut(&mut self) -> &mut Tab {
        &mut self.tabs[self.active]
    }

    fn open(&mut self, tenants: &[TenantNo], title: &str, query: &str, run: bool, cx: &mut Cx<'_>) {
        if !self.tab().is_blank() {
            if self.tabs.len() < MOST_TABS {
                self.tabs.push(Tab::new(self.kept.schema()));
                self.active = self.tabs.len() - 1;
            } else if self.tab().running.is_some() {
                cx.notice(Level::Warning, "all tabs are in use: close one first (F12)");
                return;
            }
        }
        let tab = self.tab_mut();
        tab.title = text::clean(title).into_owned();
        tab.tenants = tenants.to_vec();
        tab.place = Place::Defender;
        tab.editor.set_text(query);
        tab.text_changed();
        self.focus = Focus::Editor;
        if run {
            self.run(false, cx);
        }
    }

    fn close_tab(&mut self, cx: &mut Cx<'_>) {
        self.cancel(cx);
        self.tabs.remove(self.active);
        if self.tabs.is_empty() {
            self.tabs.push(Tab::new(self.kept.schema()));
        }
        self.active = self.active.min(self.tabs.len() - 1);
        self.focus = Focus::Editor;
    }

    /// What follows a change of tabs: each has the keys of the settings, and the one in front is read.
    fn follow(&mut self, cx: &mut Cx<'_>) {
        self.set_keys(cx.data.settings.vim_keys);
        self.settle_places(cx);
        self.look_around();
        self.ask_to_read(cx);
    }

    /// Turns vim's keys on in every tab, or off, as the settings say.
    fn set_keys(&mut self, vim: bool) {
        for tab in &mut self.tabs {
            tab.editor.set_vim(vim);
        }
    }
}

impl Screen for HuntScreen {
    fn scope(&self) -> Scope {
        match self.focus {
            Focus::Editor if self.find.open => Scope::Find,
            Focus::Editor if self.tab().popup.is_some() => Scope::Completion,
            Focus::Editor => match self.tab().editor.vim_mode() {
                None | Some(Mode::Insert) => Scope::Editor,
                Some(_) => Scope::Vim,
            },
            Focus::Schema => Scope::Schema,
            Focus::Grid => self.result_scope(),
        }
    }

    fn title(&self) -> String {
        let tab = self.tab();
        if tab.title.is_empty() {
            "Hunt".to_owned()
        } else {
            format!("Hunt: {}", tab.title)
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        self.settle(cx);
        if command.spec().scope == Scope::Hunt {
            // what is done to the whole query ends what was going on in it
            let tab = self.tab_mut();
            tab.popup = None;
            tab.about = None;
        }
        match command {
            Command::HuntLearn => Self::learn_all(cx),
            Command::HuntSchema => self.toggle_tree(),
            Command::HuntLibrary => {
                cx.effect(Effect::Hunt(HuntAsk::Library));
                cx.popup(Box::new(library::LibraryPopup::default()));
            }
            Command::HuntSave => self.ask_title(cx),
            _ if self.focus == Focus::Schema => return self.in_tree(command),
            Command::HuntRun => self.run(false, cx),
            Command::HuntRunAll => self.run(true, cx),
            Command::HuntCancel => {
                if !self.cancel(cx) {
                    cx.notice(Level::Info, "no query is running in this tab");
                }
            }
            Command::HuntHistory => {
                let mut asked = self.asked(cx.data);
                if asked.is_empty() {
                    asked = cx.data.tenants.shown().map(|it| it.tenant).collect();
                }
                cx.effect(Effect::Hunt(HuntAsk::History(asked)));
                cx.popup(Box::new(history::History::default()));
            }
            Command::HuntTenant if cx.data.tenants.several() => self.choose_tenant(false, cx),
            Command::HuntPlace => self.switch_place(),
            Command::HuntKept => self.show_kept(cx),
            Command::HuntOpenFile => Self::ask_file(cx),
            Command::HuntSpan => self.timespan = self.timespan.next(),
            Command::HuntNewTab => {
                if self.tabs.len() < MOST_TABS {
                    self.tabs.push(Tab::new(self.kept.schema()));
                    self.active = self.tabs.len() - 1;
                    self.focus = Focus::Editor;
                } else {
                    cx.notice(Level::Info, "nine tabs are open: close one first");
                }
            }
            Command::HuntNextTab => {
                self.active = (self.active + 1) % self.tabs.len();
            }
            Command::HuntCloseTab => self.close_tab(cx),
            _ if self.focus == Focus::Editor && self.find.open => {
                return self.in_finder(command, cx);
            }
            _ if self.focus == Focus::Editor => return self.in_editor(command, cx),
            _ => return self.in_grid(command, cx),
        }
        self.follow(cx);
        true
    }

    fn typing(&self) -> bool {
        self.focus != Focus::Grid
    }

    fn splits_alt(&self) -> bool {
        // pressed quickly, escape and a letter arrive as one: in insert mode that is what they are
        self.focus == Focus::Editor && self.tab().editor.vim_mode() == Some(Mode::Insert)
    }

    fn key(&mut self, chord: Chord, cx: &mut Cx<'_>) {
        if self.tree_key(chord) {
            return;
        }
        self.typed(chord, cx);
        self.settle(cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        if self.tree_paste(text) {
            return;
        }
        self.pasted(text, cx);
        self.settle(cx);
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.begin(cx);
        self.follow(cx);
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        let at = Position {
            x: event.column,
            y: event.row,
        };
        let (editor, grid) = self.places.get();
        let wheel = match event.kind {
            MouseEventKind::ScrollDown => Some(true),
            MouseEventKind::ScrollUp => Some(false),
            _ => None,
        };
        if let Some(popup) = &mut self.tab_mut().popup
            && popup.contains(at)
        {
            if let Some(down) = wheel {
                popup.scroll(down);
            } else if event.kind == MouseEventKind::Down(MouseButton::Left) && popup.point(at) {
                self.take_word(cx);
            }
            return;
        }
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) if editor.contains(at) => {
                self.focus = Focus::Editor;
                let tab = self.tab_mut();
                tab.popup = None;
                tab.about = None;
                tab.editor.point(at);
                self.look_around();
            }
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp if editor.contains(at) => {
                let tab = self.tab_mut();
                tab.popup = None;
                tab.editor.scroll(wheel == Some(true));
                self.look_around();
            }
            MouseEventKind::Down(MouseButton::Left) if grid.contains(at) => {
                self.focus = Focus::Grid;
                if let Some(it) = self.grid_mut() {
                    it.point(at.x - grid.x, at.y - grid.y, grid.width);
                }
            }
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp if grid.contains(at) => {
                let step = if event.kind == MouseEventKind::ScrollDown {
                    Step::Down
                } else {
                    Step::Up
                };
                if let Some(it) = self.grid_mut() {
                    (0..3).for_each(|_| it.step(step));
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        self.learn(msg, cx);
        match msg {
            Msg::Hunt(HuntMsg::Finished {
                ticket,
                answer,
                parts,
            }) => {
                self.keep_refusals(*ticket, answer, parts, cx.data);
                if let Some(nth) = self.finished(*ticket, answer, parts, cx) {
                    self.draw_as_asked(nth, cx);
                }
            }
            Msg::Hunt(HuntMsg::Sorted { ticket, order }) => {
                for shown in self.tabs.iter_mut().filter_map(Tab::shown_mut) {
                    if let Some((asked, column, descending)) = shown.sorting
                        && asked == *ticket
                    {
                        shown.sorting = None;
                        shown
                            .grid
                            .set_order(Some((column, descending)), Some(order.clone()));
                    }
                }
            }
            Msg::Hunt(HuntMsg::Worked { ticket, answer }) => self.worked(*ticket, answer, cx),
            Msg::Hunt(HuntMsg::DrawAs(look)) => self.draw_as(*look, cx),
            Msg::Hunt(HuntMsg::CompareBy { before, key }) => self.compare(before, key, cx),
            Msg::Hunt(HuntMsg::Where { tenants, run }) => {
                self.tab_mut().tenants.clone_from(tenants);
                if *run {
                    self.run(false, cx);
                }
            }
            Msg::Hunt(HuntMsg::Read { ticket, read }) => {
                let of = |tab: &&mut Tab| tab.reading == Some(*ticket);
                if let Some(tab) = self.tabs.iter_mut().find(of) {
                    tab.reading = None;
                    if tab.known.install(read) {
                        tab.show_language();
                        self.look_around();
                    }
                }
                self.ask_to_read(cx);
            }
            Msg::Hunt(HuntMsg::Completed { ticket, words }) => self.words_came(*ticket, words, cx),
            Msg::Hunt(HuntMsg::Outside { ticket, answer }) => self.came_back(*ticket, answer, cx),
            Msg::Hunt(HuntMsg::Rename(to)) => self.rename(to, cx),
            Msg::OpenQuery {
                tenants,
                title,
                query,
                run,
            } => self.open(tenants, title, query, *run, cx),
            Msg::Hunt(HuntMsg::Tabs(tabs)) => self.reopen(tabs, cx),
            Msg::Hunt(
                news @ (HuntMsg::Held { .. } | HuntMsg::Kept { .. } | HuntMsg::Again(..)),
            ) => self.heard_of_held(news, cx),
            _ => {}
        }
        self.follow(cx);
        self.settle(cx);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        self.draw_panes(buf, area, ctx);
    }

    fn devices(&self, _data: &Data) -> Vec<Of<DeviceRef>> {
        if self.focus == Focus::Grid {
            self.picked_devices()
        } else {
            Vec::new()
        }
    }

    fn incident(&self, _data: &Data) -> Option<Of<IncidentId>> {
        let id = self.field(&["IncidentId"])?;
        Some(Of::new(self.row_tenant()?, IncidentId::new(id.as_str())))
    }

    fn tenant(&self, _data: &Data) -> Option<TenantNo> {
        self.row_tenant()
    }

    fn copied(&self, raw: bool, _data: &Data) -> Option<String> {
        let grid = self.grid()?;
        grid.table_row()?;
        let column = &grid.table().columns()[grid.cursor_column()];
        let cell = grid.cell();
        let whole = match cell {
            Cell::Text(it) if column.kind == crate::domain::hunting::ColumnKind::Dynamic => {
                crate::hunt::export::pretty_text(it)
            }
            other => other.text().into_owned(),
        };
        let link = ["url", "ip", "domain", "address"]
            .iter()
            .any(|word| column.name.to_ascii_lowercase().contains(word));
        Some(if raw || !(link || whole.contains("://")) {
            whole
        } else {
            text::defang(&whole)
        })
    }
}

/// How long a hunt took: `1.8 s`, `640 ms`, `2:05`.
fn took(duration: Duration) -> String {
    match duration.as_millis() {
        0..1000 => format!("{} ms", duration.as_millis()),
        1000..60_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{}:{:02}", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}
