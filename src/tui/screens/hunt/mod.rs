//! Hunt: a KQL editor over a grid of results, in tabs.
//!
//! Must not know how a hunt is carried out: it asks ([`HuntAsk`]) and is told ([`HuntMsg`]).

mod ask;
mod history;
mod inspect;
mod language;
mod tab;
mod view;
pub mod work;

use std::cell::Cell as Remembered;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio_util::sync::CancellationToken;

pub use self::ask::{Answer, HuntAsk, HuntMsg, Parts};
use self::tab::{Outcome, Running, Shown, Tab};
use super::doctor::refusal_of_hunt;
use super::picker::Picker;
use crate::domain::hunting::Cell;
use crate::domain::{IncidentId, MachineId, Of, TenantNo, Timestamp, text};
use crate::hunt::export::Format;
use crate::hunt::fan::TENANT_NAME;
use crate::hunt::{Timespan, prepared};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, DeviceRef, Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::grid::{Grid, Step};
use crate::tui::widgets::list::Row;

/// Tabs beyond this many are not opened.
pub const MOST_TABS: usize = 9;

/// Which half has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Editor,
    Grid,
}

/// The screen.
#[derive(Debug)]
pub struct HuntScreen {
    tabs: Vec<Tab>,
    active: usize,
    focus: Focus,
    timespan: Timespan,
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
            places: Remembered::default(),
        }
    }

    fn tab(&self) -> &Tab {
        &self.tabs[self.active]
    }

    fn tab_mut(&mut self) -> &mut Tab {
        &mut self.tabs[self.active]
    }

    fn grid(&self) -> Option<&Grid> {
        self.tab().shown().map(|shown| &shown.grid)
    }

    fn grid_mut(&mut self) -> Option<&mut Grid> {
        self.tab_mut().shown_mut().map(|shown| &mut shown.grid)
    }

    /// Whom the tab in front asks: those chosen for it, else the one tenant that is shown.
    fn asked(&self, data: &Data) -> Vec<TenantNo> {
        let chosen = &self.tab().tenants;
        if chosen.is_empty() {
            data.tenants.only().into_iter().collect()
        } else {
            chosen.clone()
        }
    }

    /// Asks which tenant the tab in front shall ask.
    fn choose_tenant(&self, run: bool, cx: &mut Cx<'_>) {
        let opened = || {
            let tenants = cx.data.tenants.iter();
            tenants.filter(|tenant| tenant.facts.broken.is_none())
        };
        let numbers: Vec<TenantNo> = opened().map(|tenant| tenant.tenant).collect();
        let current = self.asked(cx.data);
        let shown = cx.data.tenants.shown();
        let shown = shown.filter(|tenant| tenant.facts.broken.is_none());
        let all: Vec<TenantNo> = shown.map(|tenant| tenant.tenant).collect();
        let together = (all.len() > 1).then(|| Row {
            label: format!("all {} shown", all.len()),
            detail: "one result, each row with its tenant".to_owned(),
            current: current == all,
            ..Row::default()
        });
        let rows = opened().map(|tenant| Row {
            label: tenant.facts.name.clone(),
            detail: tenant.condition().word().to_owned(),
            current: current == [tenant.tenant],
            ..Row::default()
        });
        let rows = rows.chain(together).collect();
        let picker = Picker::new("Hunt where?", rows, move |index, cx| {
            // After the single ones stands the row for all of them.
            let tenants = numbers
                .get(index)
                .map_or_else(|| all.clone(), |one| vec![*one]);
            let msg = HuntMsg::Where { tenants, run };
            cx.act(Act::Tell(Msg::Hunt(msg)));
        });
        cx.popup(Box::new(picker));
    }

    /// Starts what is selected, else the statement under the caret.
    fn run(&mut self, cx: &mut Cx<'_>) {
        let timespan = self.timespan;
        let asked = self.asked(cx.data);
        let tab = self.tab_mut();
        let range = tab
            .editor
            .selection()
            .unwrap_or_else(|| prepared::statement_at(tab.editor.text(), tab.editor.caret()));
        let query = tab.editor.text()[range.clone()].trim().to_owned();
        if query.is_empty() {
            cx.notice(Level::Info, "nothing to run: write a query first");
            return;
        }
        if asked.is_empty() {
            self.choose_tenant(true, cx);
            return;
        }
        let mut opened = asked.clone();
        for &tenant in &asked {
            let facts = cx.data.tenants.get(tenant);
            if let Some(why) = facts.and_then(|it| it.facts.broken.as_deref()) {
                let text = cx.data.tenants.named(tenant, format!("not opened: {why}"));
                cx.notice(Level::Warning, text);
                opened.retain(|other| *other != tenant);
            }
        }
        if opened.is_empty() {
            return;
        }
        let tab = self.tab_mut();
        if let Some(running) = tab.running.take() {
            cx.effect(Effect::Hunt(HuntAsk::Cancel(running.cancel)));
        }
        let ticket = cx.ticket();
        let cancel = CancellationToken::new();
        tab.running = Some(Running {
            ticket,
            tenants: opened.clone(),
            since: cx.now,
            range,
            cancel: cancel.clone(),
        });
        cx.effect(Effect::Hunt(HuntAsk::Run {
            ticket,
            tenants: opened,
            query,
            timespan,
            cancel,
        }));
    }

    /// Stops waiting for the running query; false when none runs.
    fn cancel(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(running) = self.tab_mut().running.take() else {
            return false;
        };
        cx.effect(Effect::Hunt(HuntAsk::Cancel(running.cancel)));
        cx.notice(Level::Info, "cancelled; the service may still finish it");
        true
    }

    fn open(&mut self, tenants: &[TenantNo], title: &str, query: &str, run: bool, cx: &mut Cx<'_>) {
        if !self.tab().is_blank() {
            if self.tabs.len() < MOST_TABS {
                self.tabs.push(Tab::default());
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
            self.tabs.push(Tab::default());
        }
        self.active = self.active.min(self.tabs.len() - 1);
        self.focus = Focus::Editor;
    }

    fn sort(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        let Some(shown) = self.tab_mut().shown_mut() else {
            return;
        };
        let (_, column) = shown.grid.cursor();
        // one being worked out counts as the present one: keys may come faster than answers
        let present = shown
            .sorting
            .map(|(_, column, descending)| (column, descending));
        let next = match present.or(shown.grid.sort()) {
            Some((at, false)) if at == column => Some(true),
            Some((at, true)) if at == column => None,
            _ => Some(false),
        };
        if let Some(descending) = next {
            shown.sorting = Some((ticket, column, descending));
            cx.effect(Effect::Hunt(HuntAsk::Sort {
                ticket,
                table: shown.grid.table().clone(),
                column,
                descending,
            }));
        } else {
            shown.sorting = None;
            shown.grid.set_order(None, None);
        }
    }

    fn export(&mut self, format: Format, cx: &mut Cx<'_>) {
        let stem = format!("hunt-{}", cx.now.strftime("%Y%m%d-%H%M%S"));
        let Some(grid) = self.grid() else {
            cx.notice(Level::Info, "no result to export");
            return;
        };
        cx.effect(Effect::Hunt(HuntAsk::Export {
            table: grid.table().clone(),
            order: grid.order().cloned(),
            columns: grid.columns().to_vec(),
            format,
            stem,
        }));
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

    fn in_grid(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let step = match command {
            Command::Up => Step::Up,
            Command::Down => Step::Down,
            Command::PageUp => Step::PageUp,
            Command::PageDown => Step::PageDown,
            Command::Top => Step::Top,
            Command::Bottom => Step::Bottom,
            Command::GridLeft => Step::Left,
            Command::GridRight => Step::Right,
            Command::GridFirst => Step::First,
            Command::GridLast => Step::Last,
            _ => return self.on_result(command, cx),
        };
        if let Some(grid) = self.grid_mut() {
            grid.step(step);
        }
        true
    }

    fn on_result(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::GridInspect => {
                if let Some((grid, row)) =
                    self.grid().and_then(|grid| Some((grid, grid.table_row()?)))
                {
                    let popup =
                        inspect::Inspect::new(grid.table().clone(), row, grid.cursor_column());
                    cx.popup(Box::new(popup));
                }
            }
            Command::GridSort => self.sort(cx),
            Command::GridHide => {
                if let Some(grid) = self.grid_mut() {
                    grid.hide_column();
                }
            }
            Command::GridShowAll => {
                if let Some(grid) = self.grid_mut() {
                    grid.show_all();
                }
            }
            Command::GridExportCsv => self.export(Format::Csv, cx),
            Command::GridExportJson => self.export(Format::Json, cx),
            Command::GridExportJsonl => self.export(Format::Jsonl, cx),
            Command::GridCopyRow => match self.row_json() {
                Some(json) => cx.copy(json),
                None => cx.notice(Level::Info, "no row to copy"),
            },
            Command::GridEditor | Command::NextPane | Command::PreviousPane => {
                self.focus = Focus::Editor;
            }
            // esc stops a running query before it means anything else
            Command::Back => return self.cancel(cx),
            _ => return false,
        }
        true
    }

    /// The row in focus as one line of JSON.
    fn row_json(&self) -> Option<String> {
        let grid = self.grid()?;
        let row = [grid.table_row()? as u32];
        let view = crate::hunt::export::View {
            rows: Some(&row),
            columns: Some(grid.columns()),
        };
        let mut out = Vec::new();
        crate::hunt::export::jsonl(grid.table(), view, &mut out).ok()?;
        Some(String::from_utf8(out).ok()?.trim_end().to_owned())
    }

    /// Whose the row in focus is.
    fn row_tenant(&self) -> Option<TenantNo> {
        let shown = self.tab().shown()?;
        if let [one] = shown.tenants.as_slice() {
            return Some(*one);
        }
        let row = shown.grid.table_row()?;
        let column = shown.grid.table().column(TENANT_NAME)?;
        let cell = shown.grid.table().cell(row, column);
        let mut parts = shown.parts.iter().zip(&shown.tenants);
        parts
            .find(|(part, _)| part.tenant == cell.text())
            .map(|(_, tenant)| *tenant)
    }

    /// The text of a named column in the row in focus.
    fn field(&self, names: &[&str]) -> Option<String> {
        let grid = self.grid()?;
        let row = grid.table_row()?;
        names.iter().find_map(
            |name| match grid.table().cell(row, grid.table().column(name)?) {
                Cell::Null => None,
                cell => Some(cell.text().into_owned()).filter(|it| !it.is_empty()),
            },
        )
    }

    /// Whom a running query asks.
    fn asked_by(&self, ticket: u64) -> Vec<TenantNo> {
        let running = self.tabs.iter().filter_map(|tab| tab.running.as_ref());
        let mut of = running.filter(|running| running.ticket == ticket);
        of.next().map_or_else(Vec::new, |it| it.tenants.clone())
    }

    /// Keeps what each tenant refused, to be explained.
    fn keep_refusals(&self, ticket: u64, answer: &Answer, parts: &Parts, data: &mut Data) {
        let failed = parts.iter().map(|part| part.outcome.as_ref().err());
        let alone = parts.is_empty().then_some(answer.as_ref().err());
        let alone = alone.map(|error| error.map(|error| &**error));
        for (tenant, error) in self.asked_by(ticket).into_iter().zip(failed.chain(alone)) {
            if let Some(refused) = error.and_then(refusal_of_hunt) {
                data.keep_refusal(Of::new(tenant, refused));
            }
        }
    }

    fn finished(&mut self, ticket: u64, answer: &Answer, parts: &Parts, now: Timestamp) {
        let active = self.active;
        let found = self.tabs.iter_mut().enumerate().find(|(_, tab)| {
            tab.running
                .as_ref()
                .is_some_and(|running| running.ticket == ticket)
        });
        let Some((nth, tab)) = found else { return };
        let running = tab.running.take();
        let (start, tenants) =
            running.map_or_else(Default::default, |it| (it.range.start, it.tenants));
        tab.outcome = Some(match answer {
            Ok((result, widths)) => Outcome::Rows(Box::new(Shown {
                tenants,
                parts: Arc::clone(parts),
                grid: Grid::new(result.table.clone(), widths.clone()),
                result: result.clone(),
                sorting: None,
            })),
            Err(error) => Outcome::Failed {
                error: error.clone(),
                at: now,
                start,
            },
        });
        if nth == active
            && matches!(&tab.outcome, Some(Outcome::Rows(shown)) if shown.result.table.rows() > 0)
        {
            self.focus = Focus::Grid;
        }
    }
}

impl Screen for HuntScreen {
    fn scope(&self) -> Scope {
        match self.focus {
            Focus::Editor => Scope::Editor,
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
        match command {
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
                    self.tabs.push(Tab::default());
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
        self.focus == Focus::Editor
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        if tab.editor.key(chord) {
            tab.text_changed();
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        tab.editor.paste(text);
        tab.text_changed();
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

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
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
            _ => {}
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        view::draw(self, buf, area, ctx);
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
