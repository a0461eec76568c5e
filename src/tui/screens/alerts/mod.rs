//! Alerts: of all incidents, or of one; the alert in focus in full beside or below.

mod view;

use std::collections::VecDeque;
use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::incidents::defang_words;
use super::narrow::{self, Did, Narrow};
use crate::domain::{Alert, AlertId, AlertRow, IncidentId, Of, TenantNo};
use crate::hunt::lists::{Listed, View as KeptView};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::arrange::{Arrangement, Basis, TextOf};
use crate::tui::data::filter::Filter;
use crate::tui::data::{Collection, Data, devices_of};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, DeviceRef, Effect, EvidenceOf, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::input::Input;
use crate::tui::widgets::table::{CellText, Rows, TableState};

/// What alerts are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Happened,
    Severity,
    Updated,
    Title,
}

impl Sort {
    const ALL: [(Sort, &'static str, Option<usize>); 4] = [
        (Sort::Happened, "first activity", Some(1)),
        (Sort::Severity, "severity", Some(0)),
        (Sort::Updated, "updated", Some(9)),
        (Sort::Title, "title", Some(3)),
    ];

    fn row(self) -> &'static (Sort, &'static str, Option<usize>) {
        let at = Self::ALL.iter().position(|(sort, _, _)| *sort == self);
        &Self::ALL[at.unwrap_or(0)]
    }

    fn named(name: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(_, known, _)| *known == name);
        row.map(|(sort, _, _)| *sort)
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|(sort, _, _)| *sort == self);
        Self::ALL[at.map_or(0, |at| (at + 1) % Self::ALL.len())].0
    }
}

/// The screen.
pub struct Alerts {
    /// Of this incident alone, in the order they happened.
    of: Option<Of<IncidentId>>,
    /// The incident's rows, made from its story; of all incidents they are in the shared data.
    own: Collection<AlertRow>,
    table: TableState<Of<AlertId>>,
    order: Vec<u32>,
    filter: Filter,
    editing: Option<Input>,
    /// The condition it is narrowed by.
    narrow: Narrow<AlertRow>,
    arrangement: Arrangement<Sort>,
    sort: Sort,
    reverse: bool,
    version: u64,
    asked: bool,
    /// Alerts in full, those looked at last.
    details: VecDeque<(Of<AlertId>, Answer)>,
    wanted: Option<Of<AlertId>>,
    detail_top: usize,
}

/// An alert in full, nothing where it has left the cache, or why it cannot be read.
type Answer = Result<Option<Arc<Alert>>, String>;

const DETAILS_KEPT: usize = 24;

/// The rows as the table asks for them.
pub(super) struct View<'a> {
    rows: &'a [Of<AlertRow>],
    order: &'a [u32],
}

impl View<'_> {
    fn row(&self, row: usize) -> &Of<AlertRow> {
        &self.rows[self.order[row] as usize]
    }
}

impl Rows for View<'_> {
    type Key = Of<AlertId>;

    fn len(&self) -> usize {
        self.order.len()
    }

    fn key(&self, row: usize) -> Of<AlertId> {
        self.row(row).key()
    }

    fn position(&self, key: &Of<AlertId>) -> Option<usize> {
        self.order.iter().position(|at| {
            let row = &self.rows[*at as usize];
            row.tenant == key.tenant && row.id == key.it
        })
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        view::cell(self.row(row), column, ctx)
    }
}

impl Alerts {
    fn new(of: Option<Of<IncidentId>>) -> Self {
        let filter = if of.is_some() { "" } else { "status:open" };
        Self {
            reverse: of.is_some(),
            of,
            own: Collection::default(),
            table: TableState::default(),
            order: Vec::new(),
            filter: Filter::new(filter),
            editing: None,
            narrow: Narrow::default(),
            arrangement: Arrangement::default(),
            sort: Sort::Happened,
            version: 0,
            asked: false,
            details: VecDeque::new(),
            wanted: None,
            detail_top: 0,
        }
    }

    /// Alerts of all incidents.
    pub fn all() -> Self {
        Self::new(None)
    }

    /// Alerts of one incident.
    pub fn of(incident: Of<IncidentId>) -> Self {
        Self::new(Some(incident))
    }

    fn collection<'a>(&'a self, data: &'a Data) -> &'a Collection<AlertRow> {
        if self.of.is_some() {
            &self.own
        } else {
            &data.alerts
        }
    }

    fn source<'a>(&'a self, data: &'a Data) -> &'a [Of<AlertRow>] {
        self.collection(data).rows()
    }

    /// The incident's alerts as its story has them.
    fn take_story(&mut self, cx: &Cx<'_>) {
        let Some(incident) = &self.of else { return };
        let story = cx.data.stories.get(incident);
        let alerts = story.map_or(&[][..], |story| story.alerts.as_slice());
        let gone: Vec<Of<AlertId>> = self
            .own
            .rows()
            .iter()
            .filter(|row| alerts.iter().all(|alert| alert.id != row.id))
            .map(Of::key)
            .collect();
        for key in &gone {
            self.own.remove(key);
        }
        for alert in alerts {
            let row = incident.with(alert.to_row(cx.now));
            if self.own.get(&row.key()) != Some(&row) {
                self.own.put(row);
            }
        }
    }

    /// The condition, the rows or the time are others: a worker is asked.
    fn judge(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        let rows = if self.of.is_some() {
            &self.own
        } else {
            &cx.data.alerts
        };
        if let Some(ask) = self.narrow.ask(rows, cx.data, cx.now, ticket) {
            cx.effect(ask);
        }
    }

    /// The condition is another.
    fn narrowed(&mut self, cx: &mut Cx<'_>) {
        self.judge(cx);
        self.arrange(cx);
        self.focused(cx);
    }

    /// What the list does now, without a name.
    fn as_view(&self) -> KeptView {
        KeptView {
            list: AlertRow::LIST.to_owned(),
            predicate: self.narrow.text().to_owned(),
            words: self.filter.text().to_owned(),
            sort: self.sort.row().1.to_owned(),
            reverse: self.reverse,
            ..KeptView::default()
        }
    }

    fn rows<'a>(&'a self, data: &'a Data) -> View<'a> {
        View {
            rows: self.source(data),
            order: &self.order,
        }
    }

    fn focus<'a>(&'a self, data: &'a Data) -> Option<&'a Of<AlertRow>> {
        let rows = self.source(data);
        self.order
            .get(self.table.row())
            .and_then(|at| rows.get(*at as usize))
    }

    /// The alert in focus in full, if it has been read.
    fn detail<'a>(&'a self, data: &'a Data) -> Option<&'a Alert> {
        let id = self.focus(data)?.key();
        if let Some(incident) = &self.of {
            let story = data.stories.get(incident)?;
            return story.alerts.iter().find(|alert| alert.id == id.it);
        }
        let found = self.details.iter().find(|(known, _)| *known == id)?;
        found.1.as_ref().ok()?.as_deref()
    }

    fn chosen(&self, data: &Data) -> Vec<Of<AlertId>> {
        if !self.table.marks().is_empty() {
            let mut ids: Vec<Of<AlertId>> = self.table.marks().iter().cloned().collect();
            ids.sort();
            return ids;
        }
        self.focus(data).map(Of::key).into_iter().collect()
    }

    fn arrange(&mut self, cx: &Cx<'_>) {
        let data: &Data = cx.data;
        let collection = if self.of.is_some() {
            &self.own
        } else {
            &data.alerts
        };
        let rows = collection.rows();
        let text: Option<TextOf<Of<AlertRow>>> = match self.sort {
            Sort::Title => Some(|row| Some(&row.title)),
            _ => None,
        };
        let key = |row: &Of<AlertRow>| {
            let worst = -i64::from(row.severity.rank());
            let happened = -row.first_activity.as_second();
            match self.sort {
                Sort::Happened => (happened, worst, 0),
                Sort::Severity => (worst, happened, 0),
                Sort::Updated => (-row.updated.as_second(), worst, 0),
                Sort::Title => (0, 0, 0),
            }
        };
        let basis = Basis {
            version: data.alerts.version(),
            sort: self.sort,
            reverse: self.reverse,
            grouped: false,
            minute: 0,
        };
        // An incident's own few are made anew each time: their collection has no version.
        let typing = self.editing.is_some() || self.narrow.typing();
        let keep = typing && self.of.is_none();
        let judged = self.narrow.judged(collection);
        let judged = judged.as_ref().map(|it| it as &dyn Fn(u32) -> bool);
        let asker = self.filter.asker(&data.tenants).judged(judged);
        self.order = self.arrangement.order(rows, basis, keep, asker, text, key);
        self.version = data.alerts.version();
        let view = View {
            rows,
            order: &self.order,
        };
        self.table.sync(&view);
        if !typing {
            self.table.keep_marks(&view);
        }
    }

    fn refilter(&mut self, filter: Filter, cx: &mut Cx<'_>) {
        self.filter = filter;
        self.arrange(cx);
        self.focused(cx);
    }

    /// The cursor may stand on another alert now: ask for it in full.
    fn focused(&mut self, cx: &mut Cx<'_>) {
        if self.of.is_some() {
            return;
        }
        let Some(id) = self.focus(cx.data).map(Of::key) else {
            return;
        };
        let known = self.details.iter().any(|(known, _)| *known == id);
        if !known && self.wanted.as_ref() != Some(&id) {
            self.wanted = Some(id.clone());
            cx.effect(Effect::LoadAlert(id));
        }
    }

    /// Asks for the incident's story where what is known is not the newest.
    fn freshen(&self, cx: &mut Cx<'_>) {
        if let Some(incident) = &self.of
            && cx.data.stories.wants(incident)
        {
            cx.data.stories.asked(incident);
            cx.effect(Effect::LoadStory(incident.clone()));
        }
    }

    fn open(&self, cx: &mut Cx<'_>) {
        if let Some(row) = self.focus(cx.data) {
            let id = row.key();
            cx.act(Act::Evidence(EvidenceOf::Alert(id)));
        }
    }
}

impl Screen for Alerts {
    fn scope(&self) -> Scope {
        if self.editing.is_some() {
            Scope::Form
        } else {
            self.narrow.scope().unwrap_or(Scope::Alerts)
        }
    }

    fn title(&self) -> String {
        self.of
            .as_ref()
            .map_or_else(|| "Alerts".to_owned(), ToString::to_string)
    }

    fn typing(&self) -> bool {
        self.editing.is_some() || self.narrow.typing()
    }

    fn key(&mut self, chord: Chord, cx: &mut Cx<'_>) {
        if self.narrow.typing() {
            if self.narrow.key(chord) {
                self.narrowed(cx);
            }
            return;
        }
        let Some(input) = &mut self.editing else {
            return;
        };
        if input.key(chord) {
            let filter = Filter::new(input.text());
            self.refilter(filter, cx);
        }
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        if self.narrow.paste(text) {
            self.narrowed(cx);
        }
        if let Some(input) = &mut self.editing {
            input.paste(text);
            let filter = Filter::new(input.text());
            self.refilter(filter, cx);
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        if self.editing.is_some() {
            match command {
                Command::FormSubmit => {
                    self.editing = None;
                    self.arrange(cx);
                }
                Command::FormCancel => {
                    self.editing = None;
                    let text = if self.of.is_some() { "" } else { "status:open" };
                    self.refilter(Filter::new(text), cx);
                }
                Command::FormNext | Command::FormPrevious => {
                    let step = if command == Command::FormNext {
                        Command::Down
                    } else {
                        Command::Up
                    };
                    let rows = if self.of.is_some() {
                        self.own.rows()
                    } else {
                        cx.data.alerts.rows()
                    };
                    let view = View {
                        rows,
                        order: &self.order,
                    };
                    self.table.command(step, &view);
                    self.focused(cx);
                }
                _ => return false,
            }
            return true;
        }
        if self.narrow.typing() {
            match self.narrow.command(command, cx) {
                Did::Nothing => return false,
                Did::Line => {}
                Did::Changed => self.narrowed(cx),
                Did::Step(step) => {
                    let rows = if self.of.is_some() {
                        self.own.rows()
                    } else {
                        cx.data.alerts.rows()
                    };
                    let view = View {
                        rows,
                        order: &self.order,
                    };
                    self.table.command(step, &view);
                    self.focused(cx);
                }
            }
            return true;
        }
        let rows = if self.of.is_some() {
            self.own.rows()
        } else {
            cx.data.alerts.rows()
        };
        let view = View {
            rows,
            order: &self.order,
        };
        if self.table.command(command, &view) {
            self.detail_top = 0;
            self.focused(cx);
            return true;
        }
        match command {
            Command::AlertOpen => self.open(cx),
            Command::AlertIncident => {
                let row = self.focus(cx.data);
                if let Some(id) = row.and_then(|row| Some(row.with(row.incident.clone()?))) {
                    cx.act(Act::ShowIncident(id));
                }
            }
            Command::AlertDown => self.detail_top += 1,
            Command::AlertUp => self.detail_top = self.detail_top.saturating_sub(1),
            Command::ToggleOpenAlerts => self.refilter(self.filter.toggled("status:open"), cx),
            Command::Filter => {
                let text = self.filter.text();
                let text = if text.is_empty() {
                    String::new()
                } else {
                    format!("{text} ")
                };
                self.editing = Some(Input::new(text));
            }
            Command::FilterClear => {
                self.narrow.set("");
                self.refilter(Filter::default(), cx);
            }
            Command::Where => self.narrow.open(),
            Command::Views => self.narrow.choose_view(cx),
            Command::ViewKeep => narrow::keep_view(self.as_view(), cx),
            Command::Sort => {
                self.sort = self.sort.next();
                self.reverse = false;
                self.arrange(cx);
                self.focused(cx);
            }
            Command::SortReverse => {
                self.reverse = !self.reverse;
                self.arrange(cx);
                self.focused(cx);
            }
            Command::Assign => {
                let rows: Vec<Of<AlertRow>> = self.chosen_rows(cx.data);
                super::triage::assign_alerts(&rows, cx);
            }
            Command::Status => super::triage::alert_status(self.chosen_rows(cx.data), cx),
            Command::Classify => super::triage::classify_alerts(self.chosen_rows(cx.data), cx),
            Command::Comment => {
                if let Some(row) = self.focus(cx.data) {
                    super::triage::comment_alert(row.key(), &row.title.clone(), cx);
                }
            }
            Command::HuntAround => {
                if let Some(row) = self.focus(cx.data) {
                    let (title, query) = super::triage::hunt_alert(&row.id);
                    cx.act(Act::Hunt {
                        tenants: vec![row.tenant],
                        title,
                        query,
                        run: false,
                    });
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        let rows = if self.of.is_some() {
            self.own.rows()
        } else {
            cx.data.alerts.rows()
        };
        let view = View {
            rows,
            order: &self.order,
        };
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.table.command(Command::Down, &view);
            }
            MouseEventKind::ScrollUp => {
                self.table.command(Command::Up, &view);
            }
            MouseEventKind::Down(MouseButton::Left) => {
                match self.table.hit(event.column, event.row, &view) {
                    Some(row) if row == self.table.row() => {
                        self.open(cx);
                        return;
                    }
                    Some(row) => self.table.go(row, &view),
                    None => return,
                }
            }
            _ => return,
        }
        self.detail_top = 0;
        self.focused(cx);
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        if let Some(view) = self.narrow.views_came(msg, cx) {
            self.filter = Filter::new(&view.words);
            self.editing = None;
            if let Some(sort) = Sort::named(&view.sort) {
                (self.sort, self.reverse) = (sort, view.reverse);
            }
            self.narrowed(cx);
        }
        match (msg, &self.of) {
            (Msg::Judged(judged), _) if self.narrow.answered(judged) => {
                self.arrange(cx);
                self.focused(cx);
            }
            (Msg::Story(id, _), Some(of)) if id == of => {
                self.take_story(cx);
                self.arrange(cx);
            }
            (Msg::Changes(_), Some(_)) => self.freshen(cx),
            (Msg::Alerts(..) | Msg::Show(_), None) => {
                self.arrange(cx);
                self.focused(cx);
            }
            (Msg::Changes(changes), None) => {
                for change in changes {
                    if let crate::domain::Change::Alert(row) = &change.it {
                        let id = change.with(row.id.clone());
                        self.details.retain(|(known, _)| *known != id);
                    }
                }
                if self.version != cx.data.alerts.version() {
                    self.arrange(cx);
                    self.focused(cx);
                }
            }
            (Msg::Alert(id, answer), None) if self.wanted.as_ref() == Some(id) => {
                self.wanted = None;
                self.details.push_front((id.clone(), answer.clone()));
                self.details.truncate(DETAILS_KEPT);
                self.focused(cx);
            }
            _ => {}
        }
        self.judge(cx);
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        if self.of.is_some() {
            self.freshen(cx);
        } else if !self.asked {
            // 100,000 rows are read when somebody wants to see them, not before.
            self.asked = true;
            cx.effect(Effect::LoadAlerts);
        }
        self.take_story(cx);
        self.arrange(cx);
        self.judge(cx);
        self.focused(cx);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        view::draw(self, buf, area, ctx);
    }

    fn devices(&self, data: &Data) -> Vec<Of<DeviceRef>> {
        let known = self.focus(data).zip(self.detail(data));
        known
            .map(|(row, alert)| devices_of(row.tenant, std::iter::once(alert)))
            .unwrap_or_default()
    }

    fn portal(&self, data: &Data) -> Option<String> {
        self.detail(data)?
            .alert_web_url
            .as_deref()
            .map(str::to_owned)
    }

    fn copied(&self, raw: bool, data: &Data) -> Option<String> {
        let row = self.focus(data)?;
        let title = if raw {
            row.title.to_string()
        } else {
            defang_words(&row.title)
        };
        Some(format!("{} {title}", row.id))
    }

    fn incident(&self, data: &Data) -> Option<Of<IncidentId>> {
        let of_focus = || {
            let row = self.focus(data)?;
            Some(row.with(row.incident.clone()?))
        };
        self.of.clone().or_else(of_focus)
    }

    fn tenant(&self, data: &Data) -> Option<TenantNo> {
        let chosen = self.chosen(data);
        let first = chosen.first()?.tenant;
        chosen.iter().all(|id| id.tenant == first).then_some(first)
    }
}

impl Alerts {
    fn chosen_rows(&self, data: &Data) -> Vec<Of<AlertRow>> {
        let ids = self.chosen(data);
        let rows = self.source(data);
        rows.iter()
            .filter(|row| ids.contains(&row.key()))
            .cloned()
            .collect()
    }
}
