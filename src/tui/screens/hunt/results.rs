//! The keys of the results: moving, sorting, hiding, exporting, and what the row in focus is about.

use super::tab::{Shown, Tab};
use super::working::Worked;
use super::{Focus, HuntAsk, HuntScreen, charting, inspect, slicing};
use crate::domain::TenantNo;
use crate::domain::hunting::Cell;
use crate::hunt::export::Format;
use crate::hunt::fan::TENANT_NAME;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Level;
use crate::tui::msg::Effect;
use crate::tui::screen::Cx;
use crate::tui::widgets::grid::{Grid, Step};

impl HuntScreen {
    pub(super) fn grid(&self) -> Option<&Grid> {
        self.tab().shown().map(|shown| &shown.grid)
    }

    pub(super) fn grid_mut(&mut self) -> Option<&mut Grid> {
        self.tab_mut().shown_mut().map(|shown| &mut shown.grid)
    }

    pub(super) fn sort(&mut self, cx: &mut Cx<'_>) {
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
        if !shown.tools.conditions.is_empty() {
            // rows and order are one question
            slicing::slice_by(shown, next.map(|descending| (column, descending)), cx);
        } else if let Some(descending) = next {
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

    pub(super) fn export(&mut self, format: Format, cx: &mut Cx<'_>) {
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

    /// Whose keys work on the result.
    pub(super) fn result_scope(&self) -> Scope {
        match self.tab().shown() {
            Some(shown) if shown.tools.charting.is_some() => Scope::Chart,
            Some(_) if self.in_panel() => Scope::Groups,
            _ => Scope::Grid,
        }
    }

    /// Goes back to the query.
    pub(super) fn focus_editor(&mut self) {
        self.focus = Focus::Editor;
    }

    /// A result whose query asks for a chart is drawn at once.
    pub(super) fn draw_as_asked(&mut self, nth: usize, cx: &mut Cx<'_>) {
        let shown = self.tabs.get_mut(nth).and_then(|tab| tab.shown_mut());
        let asks = |shown: &Shown| {
            let render = shown.result.render.as_ref();
            render.is_some_and(|it| !it.wants_rows()) && shown.grid.rows() > 0
        };
        if let Some(shown) = shown.filter(|shown| asks(shown)) {
            charting::ask(shown, None, cx);
        }
    }

    /// Hands what a worker found to the result that waits for it.
    pub(super) fn worked(&mut self, ticket: u64, answer: &Worked, cx: &mut Cx<'_>) {
        for shown in self.tabs.iter_mut().filter_map(Tab::shown_mut) {
            if charting::answered(shown, ticket, answer)
                || slicing::answered(shown, ticket, answer, cx)
            {
                return;
            }
        }
        self.show_worked(ticket, answer, cx);
    }

    pub(super) fn in_grid(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match self.result_scope() {
            Scope::Chart => return self.in_chart(command, cx),
            Scope::Groups => return self.in_groups(command, cx),
            _ => {}
        }
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

    pub(super) fn on_result(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
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
            Command::GridTakeLocal => self.take_local(cx),
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
            Command::GridChart => self.open_chart(cx),
            Command::GridGroups => self.open_groups(cx),
            Command::GridStats => self.ask_stats(cx),
            Command::GridEntities => self.ask_entities(cx),
            Command::GridQuery => self.offer_query(cx),
            Command::GridCompare => self.offer_compare(cx),
            Command::GridJson => self.open_json(cx),
            Command::GridKeep => self.by_cell(true, cx),
            Command::GridDrop => self.by_cell(false, cx),
            Command::FilterClear => return self.take_back(true, cx),
            Command::GridPin
            | Command::GridMoveLeft
            | Command::GridMoveRight
            | Command::Mark
            | Command::MarkNone
            | Command::GridMarkAll => {
                if let Some(grid) = self.grid_mut() {
                    match command {
                        Command::GridPin => grid.toggle_pin(),
                        Command::GridMoveLeft => grid.move_column(false),
                        Command::GridMoveRight => grid.move_column(true),
                        Command::Mark => grid.toggle_mark(),
                        Command::MarkNone => grid.unmark_all(),
                        _ => grid.mark_all(),
                    }
                }
            }
            Command::NextPane if self.focus_panel() => {}
            Command::GridEditor | Command::NextPane | Command::PreviousPane => self.focus_editor(),
            // esc stops a running query before it means anything else
            Command::Back => {
                return self.cancel(cx) || self.take_back(false, cx) || self.close_panel();
            }
            _ => return false,
        }
        true
    }

    /// The row in focus as one line of JSON.
    pub(super) fn row_json(&self) -> Option<String> {
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
    pub(super) fn row_tenant(&self) -> Option<TenantNo> {
        let row = self.grid().and_then(Grid::table_row);
        self.tenant_of(row)
    }

    /// Whose a row is.
    pub(super) fn tenant_of(&self, row: Option<usize>) -> Option<TenantNo> {
        let shown = self.tab().shown()?;
        if let [one] = shown.tenants.as_slice() {
            return Some(*one);
        }
        let row = row?;
        let column = shown.grid.table().column(TENANT_NAME)?;
        let cell = shown.grid.table().cell(row, column);
        let mut parts = shown.parts.iter().zip(&shown.tenants);
        parts
            .find(|(part, _)| part.tenant == cell.text())
            .map(|(_, tenant)| *tenant)
    }

    /// The text of a named column in the row in focus.
    pub(super) fn field(&self, names: &[&str]) -> Option<String> {
        let grid = self.grid()?;
        let row = grid.table_row()?;
        names.iter().find_map(
            |name| match grid.table().cell(row, grid.table().column(name)?) {
                Cell::Null => None,
                cell => Some(cell.text().into_owned()).filter(|it| !it.is_empty()),
            },
        )
    }
}
