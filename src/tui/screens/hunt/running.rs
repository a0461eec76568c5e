//! Whom a tab asks, starting and stopping its query, and what comes of it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::super::doctor::refusal_of_hunt;
use super::super::picker::Picker;
use super::local::Kept;
use super::slicing::Tools;
use super::tab::{Outcome, Running, Shown};
use super::{Answer, Focus, HuntAsk, HuntMsg, HuntScreen, Parts};
use crate::domain::{Of, TenantNo};
use crate::hunt::{Place, prepared};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Act, Effect, Msg};
use crate::tui::screen::Cx;
use crate::tui::widgets::grid::Grid;
use crate::tui::widgets::list::Row;

impl HuntScreen {
    /// Whom the tab in front asks: those chosen for it, else the one tenant that is shown.
    pub(super) fn asked(&self, data: &Data) -> Vec<TenantNo> {
        let chosen = &self.tab().tenants;
        if chosen.is_empty() {
            data.tenants.only().into_iter().collect()
        } else {
            chosen.clone()
        }
    }

    /// Asks which tenant the tab in front shall ask.
    pub(super) fn choose_tenant(&self, run: bool, cx: &mut Cx<'_>) {
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

    /// Starts what is selected, else the statement under the caret; or the whole text.
    pub(super) fn run(&mut self, whole: bool, cx: &mut Cx<'_>) {
        let timespan = self.timespan;
        let place = self.tab().place;
        let asked = match place {
            Place::Defender => self.asked(cx.data),
            Place::Local => Self::seats(self.tab(), cx.data),
        };
        let tab = self.tab_mut();
        let range = match tab.editor.selection() {
            _ if whole => 0..tab.editor.text().len(),
            Some(range) => range,
            None => prepared::statement_at(tab.editor.text(), tab.editor.caret()),
        };
        let query = tab.editor.text()[range.clone()].trim().to_owned();
        if query.is_empty() {
            cx.notice(Level::Info, "nothing to run: write a query first");
            return;
        }
        if asked.is_empty() && place == Place::Defender {
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
        if opened.is_empty() && place == Place::Defender {
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
            place,
            since: cx.now,
            query: query.clone(),
            range,
            left: (tab.editor.text().len(), tab.editor.caret()),
            cancel: cancel.clone(),
        });
        cx.effect(Effect::Hunt(HuntAsk::Run {
            ticket,
            place,
            tenants: opened,
            query,
            timespan,
            cancel,
        }));
    }

    /// Stops waiting for the running query; false when none runs.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(running) = self.tab_mut().running.take() else {
            return false;
        };
        cx.effect(Effect::Hunt(HuntAsk::Cancel(running.cancel)));
        let words = match running.place {
            Place::Defender => "cancelled; the service may still finish it",
            Place::Local => "cancelled",
        };
        cx.notice(Level::Info, words);
        true
    }

    /// Whom a running query asks.
    pub(super) fn asked_by(&self, ticket: u64) -> Vec<TenantNo> {
        let running = self.tabs.iter().filter_map(|tab| tab.running.as_ref());
        let mut of = running.filter(|running| running.ticket == ticket);
        of.next().map_or_else(Vec::new, |it| it.tenants.clone())
    }

    /// Keeps what each tenant refused, to be explained.
    pub(super) fn keep_refusals(
        &self,
        ticket: u64,
        answer: &Answer,
        parts: &Parts,
        data: &mut Data,
    ) {
        let failed = parts.iter().map(|part| part.outcome.as_ref().err());
        let alone = parts.is_empty().then_some(answer.as_ref().err());
        let alone = alone.map(|error| error.map(|error| &**error));
        for (tenant, error) in self.asked_by(ticket).into_iter().zip(failed.chain(alone)) {
            if let Some(refused) = error.and_then(refusal_of_hunt) {
                data.keep_refusal(Of::new(tenant, refused));
            }
        }
    }

    /// Takes the answer of a query; the tab it was asked in.
    pub(super) fn finished(
        &mut self,
        ticket: u64,
        answer: &Answer,
        parts: &Parts,
        cx: &mut Cx<'_>,
    ) -> Option<usize> {
        let active = self.active;
        let found = self.tabs.iter_mut().enumerate().find(|(_, tab)| {
            tab.running
                .as_ref()
                .is_some_and(|running| running.ticket == ticket)
        });
        let (nth, tab) = found?;
        let running = tab.running.take()?;
        let waited = running.left == (tab.editor.text().len(), tab.editor.caret());
        let start = running.range.start;
        if tab.ran != running.query {
            tab.former = None;
            tab.ran.clone_from(&running.query);
        } else if let Some(before) = tab.shown() {
            tab.former = Some(Arc::clone(&before.result));
        }
        tab.outcome = Some(match answer {
            Ok((result, widths)) => {
                let mut grid = Grid::new(result.table.clone(), widths.clone());
                if let Some(before) = tab.shown() {
                    grid.look_like(&before.grid);
                }
                let kept = match running.place {
                    Place::Defender if !result.table.columns().is_empty() => {
                        Kept::Writing { wanted: false }
                    }
                    _ => Kept::Not,
                };
                Outcome::Rows(Box::new(Shown {
                    ticket,
                    kept,
                    tenants: running.tenants.clone(),
                    parts: Arc::clone(parts),
                    grid,
                    result: result.clone(),
                    sorting: None,
                    tools: Tools::default(),
                }))
            }
            Err(error) => Outcome::Failed {
                error: error.clone(),
                at: cx.now,
                start,
            },
        });
        if nth == active
            && waited
            && matches!(&tab.outcome, Some(Outcome::Rows(shown)) if shown.result.table.rows() > 0)
        {
            self.focus = Focus::Grid;
        }
        Self::keep_result(ticket, &running, answer, parts, cx);
        Some(nth)
    }
}
