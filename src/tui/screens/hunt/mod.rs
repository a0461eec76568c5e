//! Hunt: a KQL editor over a grid of results, in tabs.
//!
//! Must not know how a hunt is carried out: it asks ([`HuntAsk`]) and is told ([`HuntMsg`]).

mod ask;
mod history;
mod inspect;
mod language;
mod learn;
mod library;
mod panes;
mod parameters;
mod queries;
mod results;
mod running;
mod tab;
mod tabs;
mod tree;
mod view;
pub mod work;

use std::cell::Cell as Remembered;
use std::time::Duration;

use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use self::ask::{Answer, HuntAsk, HuntMsg, OpenTab, Parts};
use self::learn::Kept;
use self::tab::Tab;
use self::tree::SchemaTree;
use crate::domain::hunting::Cell;
use crate::domain::{IncidentId, MachineId, Of, TenantNo, text};
use crate::hunt::Timespan;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::keys::Chord;
use crate::tui::msg::{DeviceRef, Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
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
    tree: Option<SchemaTree>,
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
            tree: None,
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
        tab.editor.set_text(query);
        tab.text_changed();
        self.focus = Focus::Editor;
        if run {
            self.run(cx);
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

    fn in_editor(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::HuntLeave => {
                if !self.cancel(cx) {
                    self.focus = Focus::Grid;
                }
            }
            Command::HuntFix => {
                let tab = self.tab_mut();
                if !tab.apply_fix() {
                    tab.editor.key(Chord {
                        code: KeyCode::Tab,
                        modifiers: crossterm::event::KeyModifiers::NONE,
                    });
                }
                tab.text_changed();
            }
            _ => return false,
        }
        true
    }
}

impl Screen for HuntScreen {
    fn scope(&self) -> Scope {
        match self.focus {
            Focus::Editor => Scope::Editor,
            Focus::Schema => Scope::Schema,
            Focus::Grid => Scope::Grid,
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
        match command {
            Command::HuntLearn => Self::learn_all(cx),
            Command::HuntSchema => self.toggle_tree(),
            Command::HuntLibrary => {
                cx.effect(Effect::Hunt(HuntAsk::Library));
                cx.popup(Box::new(library::LibraryPopup::default()));
            }
            Command::HuntSave => self.ask_title(cx),
            _ if self.focus == Focus::Schema => return self.in_tree(command),
            Command::HuntRun => self.run(cx),
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
            _ if self.focus == Focus::Editor => return self.in_editor(command, cx),
            _ => return self.in_grid(command, cx),
        }
        true
    }

    fn typing(&self) -> bool {
        self.focus != Focus::Grid
    }

    fn key(&mut self, chord: Chord, cx: &mut Cx<'_>) {
        if self.tree_key(chord) {
            return;
        }
        let tab = self.tab_mut();
        if tab.editor.key(chord) {
            tab.text_changed();
        }
        self.settle(cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        if self.tree_paste(text) {
            return;
        }
        let tab = self.tab_mut();
        tab.editor.paste(text);
        tab.text_changed();
        self.settle(cx);
    }

    fn mouse(&mut self, event: MouseEvent, _cx: &mut Cx<'_>) {
        let at = Position {
            x: event.column,
            y: event.row,
        };
        let (editor, grid) = self.places.get();
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) if editor.contains(at) => {
                self.focus = Focus::Editor;
                self.tab_mut().editor.point(at);
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

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.begin(cx);
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
                self.finished(*ticket, answer, parts, cx.now);
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
            Msg::Hunt(HuntMsg::Where { tenants, run }) => {
                self.tab_mut().tenants.clone_from(tenants);
                if *run {
                    self.run(cx);
                }
            }
            Msg::OpenQuery {
                tenants,
                title,
                query,
                run,
            } => self.open(tenants, title, query, *run, cx),
            Msg::Hunt(HuntMsg::Tabs(tabs)) => self.reopen(tabs, cx),
            _ => {}
        }
        self.settle(cx);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        self.draw_panes(buf, area, ctx);
    }

    fn devices(&self, _data: &Data) -> Vec<Of<DeviceRef>> {
        let found = self
            .field(&["DeviceId"])
            .filter(|_| self.focus == Focus::Grid)
            .zip(self.row_tenant());
        let Some((id, tenant)) = found else {
            return Vec::new();
        };
        let name = self.field(&["DeviceName"]).unwrap_or_else(|| id.clone());
        let id = MachineId::new(id.as_str());
        vec![Of::new(tenant, DeviceRef { id, name })]
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
