//! The queue: what is new and what is worst, with the story of the incident in focus.

mod order;
mod story;
mod view;

pub(in crate::tui) use story::{Line, verdict};
pub(in crate::tui) use view::severity;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::order::Sort;
use super::narrow::{self, Did, Narrow};
use crate::domain::text::defang;
use crate::domain::{IncidentId, IncidentRow, IncidentStatus, Of, TenantNo, Timestamp};
use crate::hunt::lists::{Listed, View as KeptView};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::arrange::Arrangement;
use crate::tui::data::filter::Filter;
use crate::tui::data::{Data, Level, devices_of};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, DeviceRef, Effect, EvidenceOf, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::input::Input;
use crate::tui::widgets::table::{CellText, Rows, TableState};

/// The screen.
pub struct Incidents {
    table: TableState<Of<IncidentId>>,
    /// Which rows are shown, in order: places in the collection. Made when data, filter or sort
    /// change, never while drawing.
    order: Vec<u32>,
    arrangement: Arrangement<Sort>,
    filter: Filter,
    /// The filter line, while it is being typed.
    editing: Option<Input>,
    /// The condition it is narrowed by.
    narrow: Narrow<IncidentRow>,
    sort: Sort,
    reverse: bool,
    /// The incidents of a tenant stand together.
    grouped: bool,
    /// The collection's version `order` was made from.
    version: u64,
    /// Rows that came while the console ran and were not on screen yet.
    arrived: Vec<Of<IncidentId>>,
    story_top: usize,
    /// A key was pressed here: from now on the cursor belongs to the analyst.
    touched: bool,
    /// Where to go as soon as it is there.
    wanted: Option<Of<IncidentId>>,
}

impl Default for Incidents {
    fn default() -> Self {
        Self {
            table: TableState::default(),
            order: Vec::new(),
            arrangement: Arrangement::default(),
            filter: Filter::new("status:open"),
            editing: None,
            narrow: Narrow::default(),
            sort: Sort::Sla,
            reverse: false,
            grouped: false,
            version: 0,
            arrived: Vec::new(),
            story_top: 0,
            touched: false,
            wanted: None,
        }
    }
}

/// The rows as the table asks for them.
pub(super) struct View<'a> {
    data: &'a Data,
    order: &'a [u32],
    grouped: bool,
}

impl View<'_> {
    fn row(&self, row: usize) -> &Of<IncidentRow> {
        &self.data.incidents.rows()[self.order[row] as usize]
    }
}

impl Rows for View<'_> {
    type Key = Of<IncidentId>;

    fn len(&self) -> usize {
        self.order.len()
    }

    fn key(&self, row: usize) -> Of<IncidentId> {
        self.row(row).key()
    }

    fn position(&self, key: &Of<IncidentId>) -> Option<usize> {
        let at = self.data.incidents.position(key)?;
        self.order.iter().position(|place| *place == at)
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        view::cell(self.row(row), column, ctx)
    }

    fn ends_group(&self, row: usize) -> bool {
        self.grouped
            && row + 1 < self.order.len()
            && self.row(row).tenant != self.row(row + 1).tenant
    }

    fn sign(&self, row: usize, ctx: &Ctx<'_>) -> Option<CellText<'_>> {
        view::sign(self.row(row), ctx)
    }
}

impl Incidents {
    fn rows<'a>(&'a self, data: &'a Data) -> View<'a> {
        View {
            data,
            order: &self.order,
            grouped: self.grouped,
        }
    }

    /// The incident in focus.
    fn focus<'a>(&self, data: &'a Data) -> Option<&'a Of<IncidentRow>> {
        if self.order.is_empty() {
            return None;
        }
        data.incidents.get(self.table.cursor()?)
    }

    /// What a bulk command works on: the marked ones, else the one in focus.
    fn chosen(&self, data: &Data) -> Vec<Of<IncidentId>> {
        if !self.table.marks().is_empty() {
            let mut ids: Vec<Of<IncidentId>> = self.table.marks().iter().cloned().collect();
            ids.retain(|id| data.incidents.get(id).is_some());
            ids.sort();
            return ids;
        }
        self.focus(data).map(Of::key).into_iter().collect()
    }

    fn arrange(&mut self, data: &Data, now: Timestamp) {
        let typing = self.editing.is_some() || self.narrow.typing();
        let judged = self.narrow.judged(&data.incidents);
        let judged = judged.as_ref().map(|it| it as &dyn Fn(u32) -> bool);
        self.order = order::order(
            &mut self.arrangement,
            data,
            (&self.filter, judged),
            typing,
            (self.sort, self.reverse, self.grouped),
            now,
        );
        self.version = data.incidents.version();
        let view = View {
            data,
            order: &self.order,
            grouped: self.grouped,
        };
        self.table.sync(&view);
        if !typing {
            self.table.keep_marks(&view);
        }
        // While the first read runs and nobody has touched a key, the worst stays in focus.
        if !self.touched && data.is_filling() {
            self.table.go(0, &view);
        }
        if let Some(id) = self.wanted.take()
            && !self.table.go_to(id.clone(), &view)
        {
            self.wanted = Some(id);
        }
    }

    /// The condition, the rows or the time are others: a worker is asked.
    fn judge(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        let ask = self.narrow.ask(&cx.data.incidents, cx.data, cx.now, ticket);
        if let Some(ask) = ask {
            cx.effect(ask);
        }
    }

    /// The condition is another.
    fn narrowed(&mut self, cx: &mut Cx<'_>) {
        self.judge(cx);
        self.arrange(cx.data, cx.now);
        self.focused(cx);
    }

    /// What the list does now, without a name.
    fn as_view(&self) -> KeptView {
        KeptView {
            list: IncidentRow::LIST.to_owned(),
            predicate: self.narrow.text().to_owned(),
            words: self.filter.text().to_owned(),
            sort: self.sort.name().to_owned(),
            reverse: self.reverse,
            ..KeptView::default()
        }
    }

    fn refilter(&mut self, filter: Filter, cx: &mut Cx<'_>) {
        self.filter = filter;
        self.arrange(cx.data, cx.now);
        self.focused(cx);
    }

    /// The cursor may stand on another incident now: ask for its story.
    fn focused(&mut self, cx: &mut Cx<'_>) {
        let top = self.table.top();
        let rows = View {
            data: cx.data,
            order: &self.order,
            grouped: self.grouped,
        };
        self.arrived
            .retain(|id| rows.position(id).is_some_and(|row| row < top));
        if let Some(row) = self.focus(cx.data) {
            let id = row.key();
            if cx.data.stories.wants(&id) {
                cx.data.stories.asked(&id);
                cx.effect(Effect::LoadStory(id));
            }
        }
    }

    /// Goes to the incident that falls due next among those nobody has and those that are mine.
    fn next_breach(&mut self, cx: &mut Cx<'_>) {
        let due = |row: &&Of<IncidentRow>| row.status.is_open();
        let mine = |row: &&Of<IncidentRow>| {
            row.assigned_to
                .as_deref()
                .is_none_or(|owner| cx.data.is_me(row.tenant, owner))
        };
        let current = self.table.cursor().cloned();
        let mut waiting: Vec<(Timestamp, &Of<IncidentRow>)> = self
            .order
            .iter()
            .map(|at| &cx.data.incidents.rows()[*at as usize])
            .filter(due)
            .filter(mine)
            .filter_map(|row| cx.data.due(row).map(|due| (due, row)))
            .collect();
        waiting.sort_by_key(|(due, _)| *due);
        let at = waiting
            .iter()
            .position(|(_, row)| Some(row.key()) == current);
        let next = at.map_or(0, |at| at + 1);
        match waiting.get(next).or(waiting.first()) {
            Some((_, row)) => {
                let id = row.key();
                let view = View {
                    data: cx.data,
                    order: &self.order,
                    grouped: self.grouped,
                };
                self.table.go_to(id, &view);
                self.story_top = 0;
                self.focused(cx);
            }
            None => cx.notice(Level::Info, "no incident shown waits for a first action"),
        }
    }

    fn open(&mut self, cx: &mut Cx<'_>) {
        let Some(row) = self.focus(cx.data) else {
            return;
        };
        if let (IncidentStatus::Redirected, Some(to)) = (&row.status, row.redirected_to.clone()) {
            let from = row.id.clone();
            self.show(row.with(to.clone()), cx);
            cx.notice(Level::Info, format!("{from} was merged into {to}"));
            return;
        }
        let id = row.key();
        cx.effect(Effect::MarkViewed(id.clone()));
        cx.effect(Effect::Watch(Some(id.clone())));
        if let Some(mut row) = cx.data.incidents.get(&id).cloned() {
            row.it.last_viewed = Some(cx.now);
            cx.data.incidents.put(row);
            self.version = cx.data.incidents.version();
        }
        cx.push(Box::new(super::alerts::Alerts::of(id)));
    }

    /// Puts the cursor on an incident, lifting the filter where it hides it.
    fn show(&mut self, id: Of<IncidentId>, cx: &mut Cx<'_>) {
        if !cx.data.tenants.shows(id.tenant) {
            cx.act(Act::Tell(Msg::Show(Vec::new())));
            cx.act(Act::Tell(Msg::ShowIncident(id)));
            return;
        }
        let view = View {
            data: cx.data,
            order: &self.order,
            grouped: self.grouped,
        };
        if view.position(&id).is_none() && cx.data.incidents.get(&id).is_some() {
            self.filter = Filter::default();
            self.narrow.set("");
            self.arrange(cx.data, cx.now);
        }
        let view = View {
            data: cx.data,
            order: &self.order,
            grouped: self.grouped,
        };
        if !self.table.go_to(id.clone(), &view) {
            self.wanted = Some(id.clone());
            cx.notice(Level::Info, format!("incident {id} is not in the cache"));
        }
        self.story_top = 0;
        self.focused(cx);
    }
}

impl Screen for Incidents {
    fn scope(&self) -> Scope {
        if self.editing.is_some() {
            Scope::Form
        } else {
            self.narrow.scope().unwrap_or(Scope::Incidents)
        }
    }

    fn title(&self) -> String {
        "Incidents".into()
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
        self.touched = true;
        if self.editing.is_some() {
            match command {
                Command::FormSubmit => {
                    self.editing = None;
                    self.arrange(cx.data, cx.now);
                }
                Command::FormCancel => {
                    self.editing = None;
                    self.refilter(Filter::new("status:open"), cx);
                }
                Command::FormNext | Command::FormPrevious => {
                    let step = if command == Command::FormNext {
                        Command::Down
                    } else {
                        Command::Up
                    };
                    let view = View {
                        data: cx.data,
                        order: &self.order,
                        grouped: self.grouped,
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
                    let view = View {
                        data: cx.data,
                        order: &self.order,
                        grouped: self.grouped,
                    };
                    self.table.command(step, &view);
                    self.focused(cx);
                }
            }
            return true;
        }
        let view = View {
            data: cx.data,
            order: &self.order,
            grouped: self.grouped,
        };
        if self.table.command(command, &view) {
            if command == Command::Top {
                self.arrived.clear();
            }
            self.story_top = 0;
            self.focused(cx);
            return true;
        }
        match command {
            Command::IncidentOpen => self.open(cx),
            Command::IncidentEvidence => {
                if let Some(row) = self.focus(cx.data) {
                    let id = row.key();
                    cx.effect(Effect::Watch(Some(id.clone())));
                    cx.act(Act::Evidence(EvidenceOf::Incident(id)));
                }
            }
            Command::NextBreach => self.next_breach(cx),
            Command::ToggleOpen => self.refilter(self.filter.toggled("status:open"), cx),
            Command::ToggleMine => self.refilter(self.filter.toggled("owner:me"), cx),
            Command::StoryDown => self.story_top += 1,
            Command::StoryUp => self.story_top = self.story_top.saturating_sub(1),
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
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Command::SortReverse => {
                self.reverse = !self.reverse;
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Command::GroupTenants => {
                self.grouped = !self.grouped;
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Command::Assign => {
                let ids = self.chosen(cx.data);
                super::triage::assign_incidents(&ids, cx);
            }
            Command::Status => {
                let ids = self.chosen(cx.data);
                super::triage::incident_status(ids, cx);
            }
            Command::Classify => {
                let ids = self.chosen(cx.data);
                super::triage::classify_incidents(ids, cx);
            }
            Command::Comment => {
                if let Some(row) = self.focus(cx.data) {
                    super::triage::comment_incident(row.key(), cx);
                }
            }
            Command::HuntAround => {
                if let Some(row) = self.focus(cx.data) {
                    let (title, query) = super::triage::hunt_incident(&row.key(), cx.data);
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
        let view = View {
            data: cx.data,
            order: &self.order,
            grouped: self.grouped,
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
        self.story_top = 0;
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
        match msg {
            Msg::Judged(judged) if self.narrow.answered(judged) => {
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Msg::Queue(..) => self.arrange(cx.data, cx.now),
            Msg::Show(_) => {
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Msg::Changes(changes) => {
                use crate::domain::Change;
                if self.version == cx.data.incidents.version() {
                    return;
                }
                for change in changes {
                    match &change.it {
                        Change::Incident(row)
                            if row.created >= cx.data.started && row.last_viewed.is_none() =>
                        {
                            let id = change.with(row.id.clone());
                            if !self.arrived.contains(&id) {
                                self.arrived.push(id);
                            }
                        }
                        Change::Redirected { from, to: Some(to) }
                            if self.table.cursor() == Some(&change.with(from.clone())) =>
                        {
                            // A merge leads the cursor to where the alerts are now.
                            self.wanted = Some(change.with(to.clone()));
                            let text = format!("{from} was merged into {to}");
                            cx.notice(Level::Warning, text);
                        }
                        _ => {}
                    }
                }
                self.arrange(cx.data, cx.now);
                self.focused(cx);
            }
            Msg::ShowIncident(id) => self.show(id.clone(), cx),
            _ => {}
        }
        if matches!(msg, Msg::Queue(..)) {
            self.focused(cx);
        }
        self.judge(cx);
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        if self.version != cx.data.incidents.version() {
            self.arrange(cx.data, cx.now);
        }
        self.judge(cx);
        self.focused(cx);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        view::draw(self, buf, area, ctx);
    }

    fn devices(&self, data: &Data) -> Vec<Of<DeviceRef>> {
        let Some(row) = self.focus(data) else {
            return Vec::new();
        };
        let story = data.stories.get(&row.key());
        story
            .map(|story| devices_of(row.tenant, story.alerts.iter()))
            .unwrap_or_default()
    }

    fn portal(&self, data: &Data) -> Option<String> {
        let row = self.focus(data)?;
        let story = data.stories.get(&row.key())?;
        story
            .incident
            .incident_web_url
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
        self.focus(data).map(Of::key)
    }

    fn tenant(&self, data: &Data) -> Option<TenantNo> {
        let chosen = self.chosen(data);
        let first = chosen.first()?.tenant;
        chosen.iter().all(|id| id.tenant == first).then_some(first)
    }
}

/// A line of prose with the links and hosts in it defanged.
pub(super) fn defang_words(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let host = word.contains("://")
            || (word.contains('.')
                && word.split('.').all(|part| !part.is_empty())
                && !word.ends_with('.'));
        if host { defang(word) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}
