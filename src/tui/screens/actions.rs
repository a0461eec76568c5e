//! Machine actions: everything asked of machines, live, by whoever asked.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::narrow::{self, Did, Narrow};
use crate::domain::{ActionId, ActionStatus, EntityKey, MachineAction, MachineId, Of, TenantNo};
use crate::hunt::lists::{Listed, View as KeptView};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, DeviceRef, Effect, Msg, Sightings};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::screens::tenants::Columns;
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Column, Rows, TableState, Width};
use crate::tui::widgets::{paint, time};

/// The screen.
#[derive(Default)]
pub struct Actions {
    table: TableState<Of<ActionId>>,
    order: Vec<u32>,
    running_only: bool,
    /// The condition it is narrowed by.
    narrow: Narrow<MachineAction>,
    version: u64,
    asked: bool,
    /// The device whose newest incident was asked for.
    looking: Option<Of<EntityKey>>,
}

struct View<'a> {
    rows: &'a [Of<MachineAction>],
    order: &'a [u32],
}

/// Goes to the incident of the newest alert of its tenant that names the device.
fn show_newest(device: &Of<EntityKey>, answer: &Sightings, cx: &mut Cx<'_>) {
    let own = |tenant| tenant == device.tenant;
    if let Some(why) = answer.unread.iter().find(|why| own(why.tenant)) {
        cx.notice(Level::Error, why.it.clone());
        return;
    }
    let newest = answer
        .found
        .iter()
        .filter(|sighting| own(sighting.tenant) && sighting.incident.is_some())
        .max_by_key(|sighting| sighting.created);
    match newest.and_then(|sighting| Some(sighting.with(sighting.incident.clone()?))) {
        Some(id) => cx.act(Act::ShowIncident(id)),
        None => cx.notice(Level::Info, "no cached incident names this device"),
    }
}

impl View<'_> {
    fn row(&self, row: usize) -> &Of<MachineAction> {
        &self.rows[self.order[row] as usize]
    }
}

const COLUMNS: Columns = Columns::new(OWN, 3);

const OWN: &[Column] = &[
    Column::new("ASKED", Width::Fixed(11)),
    Column::new("AGE", Width::Fixed(4)).right().falls(2),
    Column::new("STATUS", Width::Fixed(11)),
    Column::new("ACTION", Width::Fixed(28)),
    Column::new("DEVICE", Width::Flex(14)),
    Column::new("BY", Width::Flex(12)).falls(3),
    Column::new("REASON", Width::Flex(20)).falls(4),
    Column::new("CHG", Width::Fixed(4)).right().falls(5),
];

/// A status as sign, word and ink.
pub(in crate::tui) fn status(status: &ActionStatus) -> (&'static str, &str, Role) {
    match status {
        ActionStatus::Pending => ("○", "pending", Role::ActionOpen),
        ActionStatus::InProgress => ("◐", "running", Role::ActionOpen),
        ActionStatus::Succeeded => ("✓", "succeeded", Role::ActionSucceeded),
        ActionStatus::Failed => ("✗", "failed", Role::ActionFailed),
        ActionStatus::TimeOut => ("✗", "timed out", Role::ActionFailed),
        ActionStatus::Cancelled => ("–", "cancelled", Role::ActionCancelled),
        ActionStatus::Other(text) => ("?", text, Role::Text),
    }
}

impl Rows for View<'_> {
    type Key = Of<ActionId>;

    fn len(&self) -> usize {
        self.order.len()
    }

    fn key(&self, row: usize) -> Of<ActionId> {
        self.row(row).key()
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        let row = self.row(row);
        let Some(column) = COLUMNS.own(column, ctx.data) else {
            return Columns::cell(row.tenant, ctx);
        };
        let dim = ctx.style(Role::Dim);
        let open = !row.status.is_final();
        let plain = ctx.style(if open { Role::Bright } else { Role::Text });
        match column {
            0 => {
                let asked = row.creation_date_time_utc;
                let text = asked.map(|at| time::day(at, ctx.now, ctx.zone()));
                CellText::new(text.unwrap_or_default(), ctx.style(Role::Time))
            }
            1 => CellText::new(
                row.creation_date_time_utc
                    .map(|at| ctx.ago(at))
                    .unwrap_or_default(),
                dim,
            ),
            2 => {
                let (sign, word, role) = status(&row.status);
                CellText::new(format!("{sign} {word}"), ctx.style(role))
            }
            3 => {
                let scope = row.scope.as_deref().map(|scope| format!(" ({scope})"));
                CellText::new(format!("{}{}", row.kind, scope.unwrap_or_default()), plain)
            }
            4 => {
                let name = row.computer_dns_name.as_deref();
                let id = row.machine_id.as_ref().map(MachineId::as_str);
                CellText::new(name.or(id).unwrap_or("—"), ctx.style(Role::EntityDevice))
            }
            5 => {
                let who = row
                    .cancellation_requestor
                    .as_deref()
                    .or(row.requestor.as_deref());
                CellText::new(ctx.data.owner(row.tenant, who), ctx.style(Role::Text))
            }
            6 => {
                let why = row
                    .cancellation_comment
                    .as_deref()
                    .or(row.requestor_comment.as_deref());
                CellText::new(why.unwrap_or_default(), dim)
            }
            _ => CellText::new(
                row.last_update_date_time_utc
                    .map(|at| ctx.ago(at))
                    .unwrap_or_default(),
                dim,
            ),
        }
    }
}

impl Actions {
    fn arrange(&mut self, data: &Data) {
        let rows = data.actions.rows();
        let judged = self.narrow.judged(&data.actions);
        let passes = |at: u32| judged.as_ref().is_none_or(|judged| judged(at));
        let mut order: Vec<u32> = (0..rows.len() as u32)
            .filter(|at| {
                let row = &rows[*at as usize];
                data.tenants.shows(row.tenant)
                    && !(self.running_only && row.status.is_final())
                    && passes(*at)
            })
            .collect();
        order.sort_by(|a, b| {
            let (a, b) = (&rows[*a as usize], &rows[*b as usize]);
            let key = |row: &Of<MachineAction>| (row.creation_date_time_utc, row.key());
            key(b).cmp(&key(a))
        });
        self.order = order;
        self.version = data.actions.version();
        let view = View {
            rows,
            order: &self.order,
        };
        self.table.sync(&view);
    }

    /// The condition, the rows or the time are others: a worker is asked.
    fn judge(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        let ask = self.narrow.ask(&cx.data.actions, cx.data, cx.now, ticket);
        if let Some(ask) = ask {
            cx.effect(ask);
        }
    }

    /// The condition is another.
    fn narrowed(&mut self, cx: &mut Cx<'_>) {
        self.judge(cx);
        self.arrange(cx.data);
    }

    fn focus<'a>(&self, data: &'a Data) -> Option<&'a Of<MachineAction>> {
        let at = self.order.get(self.table.row())?;
        data.actions.rows().get(*at as usize)
    }
}

impl Screen for Actions {
    fn scope(&self) -> Scope {
        self.narrow.scope().unwrap_or(Scope::Actions)
    }

    fn typing(&self) -> bool {
        self.narrow.typing()
    }

    fn key(&mut self, chord: Chord, cx: &mut Cx<'_>) {
        if self.narrow.key(chord) {
            self.narrowed(cx);
        }
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        if self.narrow.paste(text) {
            self.narrowed(cx);
        }
    }

    fn title(&self) -> String {
        "Actions".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let mut command = command;
        if self.narrow.typing() {
            match self.narrow.command(command, cx) {
                Did::Nothing => return false,
                Did::Line => return true,
                Did::Changed => {
                    self.narrowed(cx);
                    return true;
                }
                Did::Step(step) => command = step,
            }
        }
        let view = View {
            rows: cx.data.actions.rows(),
            order: &self.order,
        };
        if self.table.command(command, &view) {
            return true;
        }
        match command {
            Command::ActionsToggle => {
                self.running_only = !self.running_only;
                self.arrange(cx.data);
            }
            Command::Where => self.narrow.open(),
            Command::FilterClear => {
                self.narrow.set("");
                self.arrange(cx.data);
            }
            Command::Views => self.narrow.choose_view(cx),
            Command::ViewKeep => {
                let view = KeptView {
                    list: MachineAction::LIST.to_owned(),
                    predicate: self.narrow.text().to_owned(),
                    ..KeptView::default()
                };
                narrow::keep_view(view, cx);
            }
            Command::ActionCancel => match self.focus(cx.data).cloned() {
                Some(action) if action.status.is_final() => {
                    let (_, word, _) = status(&action.status);
                    let text = format!("it has {word} already; nothing to cancel");
                    cx.notice(Level::Info, text);
                }
                Some(action) => super::triage::cancel_action(&action, cx),
                None => {}
            },
            Command::ActionDevice => {
                let action = self.focus(cx.data);
                let machine =
                    action.and_then(|action| Some(action.with(action.machine_id.clone()?)));
                if let Some(machine) = machine {
                    let value = machine.as_str().to_lowercase();
                    let key = EntityKey {
                        kind: "device".into(),
                        value: value.into(),
                    };
                    self.looking = Some(machine.with(key.clone()));
                    cx.effect(Effect::LoadSightings(key));
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        let view = View {
            rows: cx.data.actions.rows(),
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
                if let Some(row) = self.table.hit(event.column, event.row, &view) {
                    self.table.go(row, &view);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        if let Msg::Sightings(key, answer) = msg
            && let Some(device) = self.looking.take_if(|looking| looking.it == *key)
        {
            show_newest(&device, answer, cx);
        }
        let chosen = self.narrow.views_came(msg, cx).is_some();
        let judged = matches!(msg, Msg::Judged(judged) if self.narrow.answered(judged));
        let other = self.version != cx.data.actions.version();
        if chosen || judged || other || matches!(msg, Msg::Show(_)) {
            self.arrange(cx.data);
        }
        self.judge(cx);
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        if !self.asked {
            self.asked = true;
            cx.effect(Effect::LoadActions);
        }
        self.arrange(cx.data);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let rows = View {
            rows: ctx.data.actions.rows(),
            order: &self.order,
        };
        let open = rows
            .rows
            .iter()
            .filter(|row| ctx.data.tenants.shows(row.tenant) && !row.status.is_final())
            .count();
        let only = if self.running_only {
            " · running only"
        } else {
            ""
        };
        let total = rows.rows.len();
        let of = if self.narrow.text().is_empty() {
            String::new()
        } else {
            format!(" of {total}")
        };
        let title = format!("Actions {}{of}{only}{}", rows.len(), self.narrow.title());
        let extra = if open > 0 {
            format!("{open} running")
        } else {
            String::new()
        };
        let mut inks = ctx.rule(true);
        inks.extra = ctx.style(Role::ActionOpen);
        paint::rule(buf, area, area.y, &title, &extra, inks);
        let body = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        let (body, caret) = self.narrow.draw(buf, body, (rows.len(), total), ctx);
        if rows.is_empty() {
            let text = if total > 0 {
                "No action passes the filter."
            } else if ctx.data.actions.is_loaded() {
                "No machine action is known. They appear here whoever asked for them."
            } else {
                "reading the cache…"
            };
            paint::text(
                buf,
                body,
                body.x + 2,
                body.y + 1,
                body.width.saturating_sub(4),
                text,
                ctx.style(Role::Text),
            );
        } else {
            let columns = COLUMNS.all(ctx.data);
            let focused = !self.narrow.typing();
            self.table
                .draw(buf, body, &columns, &rows, None, focused, ctx);
        }
        self.narrow.draw_words(buf, area, caret, ctx);
    }

    fn devices(&self, data: &Data) -> Vec<Of<DeviceRef>> {
        let device = self.focus(data).and_then(|action| {
            let id = action.machine_id.clone()?;
            let name = action
                .computer_dns_name
                .as_deref()
                .unwrap_or(id.as_str())
                .to_owned();
            Some(action.with(DeviceRef { id, name }))
        });
        device.into_iter().collect()
    }

    fn tenant(&self, data: &Data) -> Option<TenantNo> {
        self.focus(data).map(|action| action.tenant)
    }

    fn copied(&self, _raw: bool, data: &Data) -> Option<String> {
        let action = self.focus(data)?;
        let device = action.computer_dns_name.as_deref().unwrap_or_default();
        Some(format!(
            "{} {} {device} {}",
            action.id, action.kind, action.status
        ))
    }
}
