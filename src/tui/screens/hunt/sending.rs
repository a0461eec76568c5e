//! Rows sent on: what they name to the console's actions, they themselves into a new query, and two runs
//! of a query against each other.

use std::sync::Arc;

use super::super::picker::Picker;
use super::tab::{Outcome, Shown};
use super::working::{Work, Worked};
use super::{Focus, HuntAsk, HuntMsg, HuntScreen, MOST_TABS, Tab, json, stats};
use crate::domain::hunting::Cell;
use crate::domain::{MachineId, Of};
use crate::hunt::HuntResult;
use crate::hunt::diff::Compared;
use crate::hunt::pick::{self, Entity, Written};
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::msg::{Act, DeviceRef, Effect, Msg};
use crate::tui::screen::Cx;
use crate::tui::widgets::grid::Grid;
use crate::tui::widgets::list::Row;

impl HuntScreen {
    /// The marked rows, else the one in focus.
    pub(super) fn picked(&self) -> Vec<u32> {
        let Some(grid) = self.grid() else {
            return Vec::new();
        };
        if grid.marked().is_empty() {
            grid.table_row().map(|row| row as u32).into_iter().collect()
        } else {
            grid.marked().iter().copied().collect()
        }
    }

    /// The devices of the picked rows.
    pub(super) fn picked_devices(&self) -> Vec<Of<DeviceRef>> {
        let Some(grid) = self.grid() else {
            return Vec::new();
        };
        let found = pick::entities(grid.table(), &self.picked());
        let devices = found.into_iter().filter(|it| is_device(it.kind));
        devices
            .filter_map(|it| {
                // each is its own tenant's
                let tenant = self.tenant_of(Some(it.first as usize))?;
                let device = DeviceRef {
                    id: MachineId::new(&*it.id),
                    name: it.name.to_string(),
                };
                Some(Of::new(tenant, device))
            })
            .collect()
    }

    /// Asks a worker for something that a popup shows.
    fn ask_popup(
        &mut self,
        what: &'static str,
        rows: Option<Vec<u32>>,
        work: Work,
        cx: &mut Cx<'_>,
    ) {
        let Some(shown) = self.tab_mut().shown_mut() else {
            cx.notice(Level::Info, "no result yet");
            return;
        };
        let ticket = cx.ticket();
        shown.tools.waits = Some((ticket, what));
        cx.effect(Effect::Hunt(HuntAsk::Work {
            ticket,
            table: shown.grid.table().clone(),
            rows: rows.map_or_else(|| shown.grid.order().cloned(), |it| Some(it.into())),
            work,
        }));
    }

    /// The statistics of the column under the cursor.
    pub(super) fn ask_stats(&mut self, cx: &mut Cx<'_>) {
        if let Some(column) = self.grid().map(Grid::cursor_column) {
            self.ask_popup("statistics", None, Work::Stats(column), cx);
        }
    }

    /// What the picked rows name.
    pub(super) fn ask_entities(&mut self, cx: &mut Cx<'_>) {
        let rows = self.picked();
        self.ask_popup("entities", Some(rows), Work::Entities, cx);
    }

    /// The cell under the cursor as a tree.
    pub(super) fn open_json(&mut self, cx: &mut Cx<'_>) {
        let tree = self.grid().and_then(|grid| {
            let column = &grid.table().columns()[grid.table_row().map(|_| grid.cursor_column())?];
            match grid.cell() {
                Cell::Text(cell) => json::JsonTree::of(&column.name, cell),
                _ => None,
            }
        });
        match tree {
            Some(tree) => cx.popup(Box::new(tree)),
            None => cx.notice(Level::Info, "the cell holds no JSON list or bag"),
        }
    }

    /// Offers what the picked rows can be in a new query.
    pub(super) fn offer_query(&mut self, cx: &mut Cx<'_>) {
        let rows = self.picked();
        let Some(grid) = self.grid().filter(|_| !rows.is_empty()) else {
            cx.notice(Level::Info, "no row to make a query of");
            return;
        };
        let table = Arc::clone(grid.table());
        let columns = grid.columns().to_vec();
        let column = grid.cursor_column();
        let name = table.columns()[column].name.to_string();
        let count = match rows.len() {
            1 => "the row".to_owned(),
            many => format!("{many} rows"),
        };
        let row = |label: String, detail: &str| Row {
            label,
            detail: detail.to_owned(),
            ..Row::default()
        };
        let list = vec![
            row(
                format!("let … = dynamic([…]) of {name}"),
                "a list to ask for",
            ),
            row(format!("| where {name} in (…)"), "a condition"),
            row(format!("datatable of {count}"), "with the columns shown"),
        ];
        let tenants = self.tab().shown().map(|it| it.tenants.clone());
        let tenants = tenants.unwrap_or_default();
        let picker = Picker::new(format!("A query of {count}"), list, move |index, cx| {
            let written = match index {
                0 => pick::as_list(&table, &rows, column),
                1 => pick::as_condition(&table, &rows, column),
                _ => Ok(pick::as_datatable(&table, &rows, &columns)),
            };
            match written {
                Ok(written) => open_query(tenants, format!("from {count}"), written, cx),
                Err(why) => cx.notice(Level::Info, why),
            }
        });
        cx.popup(Box::new(picker));
    }

    /// Offers what rows of two runs are told apart by.
    pub(super) fn offer_compare(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab();
        let (Some(shown), Some(former)) = (tab.shown(), &tab.former) else {
            let why = "no run before to compare with: run the query a second time";
            cx.notice(Level::Info, why);
            return;
        };
        let before = Arc::clone(&former.table);
        let columns = shown.grid.table().columns();
        let pinned = shown.grid.pinned().to_vec();
        let name = |at: &usize| columns[*at].name.to_string();
        let mut keys: Vec<(String, Vec<usize>)> = Vec::new();
        if !pinned.is_empty() {
            let names: Vec<String> = pinned.iter().map(name).collect();
            keys.push((format!("by {} (pinned)", names.join(", ")), pinned));
        }
        keys.push(("whole rows".to_owned(), Vec::new()));
        let here = shown.grid.cursor_column();
        let others = (0..columns.len()).filter(|at| *at != here);
        for at in std::iter::once(here).chain(others) {
            keys.push((format!("by {}", name(&at)), vec![at]));
        }
        let rows = keys.iter().map(|(label, _)| Row {
            label: label.clone(),
            ..Row::default()
        });
        let title = "Compare with the run before: rows are told apart";
        let rows = rows.collect();
        let picker = Picker::new(title, rows, move |index, cx| {
            let key = keys.swap_remove(index).1;
            cx.act(Act::Tell(Msg::Hunt(HuntMsg::CompareBy { before, key })));
        });
        cx.popup(Box::new(picker));
    }

    /// Compares with the run before.
    pub(super) fn compare(
        &mut self,
        before: &Arc<crate::domain::ResultTable>,
        key: &[usize],
        cx: &mut Cx<'_>,
    ) {
        let work = Work::Compare {
            before: Arc::clone(before),
            key: key.to_vec(),
        };
        self.ask_popup("comparison", None, work, cx);
    }

    /// Shows what a worker found, if this tab waits for it.
    pub(super) fn show_worked(&mut self, ticket: u64, answer: &Worked, cx: &mut Cx<'_>) {
        let waits = |tab: &Tab| {
            let shown = tab.shown();
            shown.is_some_and(|it| it.tools.waits.is_some_and(|(it, _)| it == ticket))
        };
        let Some(nth) = self.tabs.iter().position(waits) else {
            return;
        };
        let Some(shown) = self.tabs[nth].shown_mut() else {
            return;
        };
        shown.tools.waits = None;
        match answer {
            Worked::Stats(found) => {
                let popup = stats::StatsPopup::new(shown.grid.table().clone(), found.clone());
                cx.popup(Box::new(popup));
            }
            Worked::Entities(found) => {
                let tenants = shown.tenants.clone();
                entities(found, tenants, self.picked_devices(), cx);
            }
            Worked::Compared(Ok((compared, widths))) => {
                let result = Arc::clone(&shown.result);
                let tenants = shown.tenants.clone();
                self.show_compared(nth, &result, tenants, compared, widths, cx);
            }
            Worked::Compared(Err(why)) => cx.notice(Level::Warning, why.clone()),
            _ => {}
        }
    }

    /// The rows that are different, in a tab of their own.
    fn show_compared(
        &mut self,
        nth: usize,
        now: &HuntResult,
        tenants: Vec<crate::domain::TenantNo>,
        compared: &Compared,
        widths: &Arc<[u16]>,
        cx: &mut Cx<'_>,
    ) {
        let Compared {
            added,
            gone,
            changed,
            same,
            ..
        } = compared;
        let said = format!("{added} added, {gone} gone, {changed} changed, {same} the same");
        if compared.table.rows() == 0 {
            cx.notice(Level::Info, format!("no difference: {said}"));
            return;
        }
        if self.tabs.len() >= MOST_TABS {
            let text = format!("{said}: close a tab to see them");
            cx.notice(Level::Warning, text);
            return;
        }
        let mut tab = Tab::new(self.kept.schema());
        tab.title = format!("compared: +{added} −{gone} ~{changed}");
        tab.tenants.clone_from(&tenants);
        tab.editor.set_text(self.tabs[nth].editor.text());
        tab.text_changed();
        let table = Arc::new(compared.table.clone());
        let mut grid = Grid::new(table.clone(), widths.clone());
        grid.toggle_pin();
        let result = HuntResult {
            table,
            render: None,
            bad_rows: 0,
            ..now.clone()
        };
        tab.outcome = Some(Outcome::Rows(Box::new(Shown {
            ticket: cx.ticket(),
            kept: super::local::Kept::Not,
            tenants,
            parts: Arc::default(),
            result: Arc::new(result),
            grid,
            sorting: None,
            tools: super::slicing::Tools::default(),
        })));
        self.tabs.push(tab);
        self.active = self.tabs.len() - 1;
        self.focus = Focus::Grid;
        cx.notice(Level::Info, said);
    }
}

fn open_query(
    tenants: Vec<crate::domain::TenantNo>,
    title: String,
    written: Written,
    cx: &mut Cx<'_>,
) {
    if written.left_out > 0 {
        let text = format!(
            "{} did not fit into the query and are left out",
            written.left_out
        );
        cx.notice(Level::Warning, text);
    }
    cx.act(Act::Hunt {
        tenants,
        title,
        query: written.query,
        run: false,
    });
}

/// Whether entities of this kind are devices by id: what device commands are for.
fn is_device(kind: usize) -> bool {
    pick::kind_of("DeviceId") == Some(kind)
}

/// What can be done with what the rows name.
enum Choice {
    /// A query about all of a kind.
    Hunt(usize, Vec<Arc<str>>),
    /// All ids of a kind to the clipboard.
    Copy(Vec<Arc<str>>),
    /// One of the console's own commands on the devices.
    Device(Command),
}

/// Offers what the rows name: by kind, with what can be done.
fn entities(
    found: &[Entity],
    tenants: Vec<crate::domain::TenantNo>,
    devices: Vec<Of<DeviceRef>>,
    cx: &mut Cx<'_>,
) {
    if found.is_empty() {
        let why =
            "these rows name no device, user, file, message or address that is known by its column";
        cx.notice(Level::Info, why);
        return;
    }
    let mut rows = Vec::new();
    let mut choices = Vec::new();
    for (kind, of) in pick::kinds().iter().enumerate() {
        let all: Vec<&Entity> = found.iter().filter(|it| it.kind == kind).collect();
        let Some(first) = all.first() else { continue };
        let label = match all.len() {
            1 => format!("{} {}", of.kind, first.name),
            many => format!("{many} {}", of.kinds),
        };
        let ids: Vec<Arc<str>> = all.iter().map(|it| Arc::clone(&it.id)).collect();
        if is_device(kind) && !devices.is_empty() {
            for command in [
                Command::DeviceIsolateFull,
                Command::DeviceIsolateSelective,
                Command::DeviceRelease,
                Command::DeviceScanQuick,
                Command::DeviceScanFull,
            ] {
                let spec = command.spec();
                rows.push(Row {
                    label: label.clone(),
                    detail: spec.title.to_owned(),
                    danger: spec.danger == crate::tui::commands::Danger::High,
                    ..Row::default()
                });
                choices.push(Choice::Device(command));
            }
        }
        let row = |detail: &str| Row {
            label: label.clone(),
            detail: detail.to_owned(),
            ..Row::default()
        };
        rows.push(row("hunt around"));
        choices.push(Choice::Hunt(kind, ids.clone()));
        rows.push(row("copy, defanged"));
        choices.push(Choice::Copy(ids));
    }
    // the harmless first: the cursor starts there
    let start = choices
        .iter()
        .position(|it| matches!(it, Choice::Hunt(..)))
        .unwrap_or(0);
    let mut order: Vec<(Row, Choice)> = rows.into_iter().zip(choices).collect();
    order.rotate_left(start);
    let (rows, choices): (Vec<Row>, Vec<Choice>) = order.into_iter().unzip();
    let mut choices: Vec<Option<Choice>> = choices.into_iter().map(Some).collect();
    let picker = Picker::new("What these rows name", rows, move |index, cx| match choices
        .get_mut(index)
        .and_then(Option::take)
    {
        Some(Choice::Hunt(kind, ids)) => {
            if let Some(written) = pick::hunt(kind, &ids) {
                let of = &pick::kinds()[kind];
                open_query(tenants, of.kinds.clone(), written, cx);
            }
        }
        Some(Choice::Copy(ids)) => {
            let lines: Vec<String> = ids
                .iter()
                .map(|it| crate::domain::text::defang(it))
                .collect();
            cx.copy(lines.join("\n"));
        }
        Some(Choice::Device(command)) => cx.act(Act::Run(command)),
        None => {}
    });
    cx.popup(Box::new(picker));
}
