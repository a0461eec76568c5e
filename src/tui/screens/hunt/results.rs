//! The keys of the results: moving, sorting, hiding, exporting, and what the row in focus is about.

use super::{Focus, HuntAsk, HuntScreen, inspect};
use crate::domain::TenantNo;
use crate::domain::hunting::Cell;
use crate::hunt::export::Format;
use crate::hunt::fan::TENANT_NAME;
use crate::tui::commands::Command;
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

    pub(super) fn in_grid(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
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
