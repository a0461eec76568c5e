//! The preflight card: what is about to be asked of which device, in which state it is, what takes
//! it back; then a reason and, where it takes something away from somebody, the device's name typed.
//! Nothing leaves before the analyst confirmed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Of, TenantNo};
use crate::respond::{self, Conflict, Danger, Operation, Outcome, Permission};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Level;
use crate::tui::keys::Chord;
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::{paint, popup};

enum Card {
    Asking,
    Ready(Box<respond::Preflight>),
    Failed(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Reason,
    Name,
}

/// The popup.
pub struct Preflight {
    operation: Of<Operation>,
    ticket: u64,
    card: Card,
    reason: Input,
    typed: Input,
    field: Field,
    /// The answer of a submission is awaited.
    sending: Option<u64>,
    problem: Option<String>,
}

impl Preflight {
    /// Asks for the card of an operation; its comment is filled in here.
    pub fn new(operation: Of<Operation>, reason: String, cx: &mut Cx<'_>) -> Self {
        let ticket = cx.ticket();
        cx.effect(Effect::Preflight {
            ticket,
            operation: operation.clone(),
        });
        Self {
            operation,
            ticket,
            card: Card::Asking,
            reason: Input::new(reason),
            typed: Input::default(),
            field: Field::Reason,
            sending: None,
            problem: None,
        }
    }

    fn confirm_text(&self) -> Option<&str> {
        match &self.card {
            Card::Ready(card) => card.confirm_text.as_deref(),
            _ => None,
        }
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        let Card::Ready(card) = &self.card else {
            return;
        };
        if self.sending.is_some() {
            return;
        }
        if card.read_only {
            self.problem = Some("read-only: nothing can be sent".into());
            return;
        }
        if let Some(Conflict::Redirected(_)) = &card.conflict {
            self.problem = Some("it was merged away: nothing can be sent to it".into());
            return;
        }
        if self.reason.text().trim().is_empty() {
            self.field = Field::Reason;
            self.problem =
                Some("a reason is asked for: the service keeps it with the action".into());
            return;
        }
        let wanted = card.confirm_text.clone();
        if let Some(wanted) = &wanted {
            if self.field == Field::Reason && self.typed.text().is_empty() {
                self.field = Field::Name;
                self.problem = None;
                return;
            }
            if !self.typed.text().trim().eq_ignore_ascii_case(wanted) {
                self.field = Field::Name;
                self.problem = Some(format!("to confirm, type {wanted}"));
                return;
            }
        }
        let ticket = cx.ticket();
        self.sending = Some(ticket);
        self.problem = None;
        let comment = self.reason.text().trim().to_owned();
        cx.effect(Effect::Submit {
            ticket,
            label: card.title.clone(),
            operation: self.operation.with(with_comment(&self.operation, comment)),
            typed: wanted.map(|_| self.typed.text().trim().to_owned()),
            seen: None,
        });
    }
}

/// The operation with the analyst's reason in it.
fn with_comment(operation: &Operation, reason: String) -> Operation {
    let mut operation = operation.clone();
    match &mut operation {
        Operation::Isolate { comment, .. }
        | Operation::Unisolate { comment, .. }
        | Operation::Scan { comment, .. }
        | Operation::CancelAction { comment, .. } => *comment = reason,
        Operation::UpdateIncident { .. }
        | Operation::UpdateAlert { .. }
        | Operation::CommentIncident { .. }
        | Operation::CommentAlert { .. } => {}
    }
    operation
}

impl Screen for Preflight {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn title(&self) -> String {
        match &self.card {
            Card::Ready(card) => card.title.clone(),
            _ => respond::spec(&self.operation).title.to_owned(),
        }
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        if self.sending.is_none() {
            let input = if self.field == Field::Reason {
                &mut self.reason
            } else {
                &mut self.typed
            };
            input.key(chord);
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        // A confirmation is typed, not pasted: pasting would take the thought out of it.
        if self.sending.is_none() && self.field == Field::Reason {
            self.reason.paste(text);
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::FormNext | Command::FormPrevious => {
                let other = self.field == Field::Reason && self.confirm_text().is_some();
                self.field = if other { Field::Name } else { Field::Reason };
            }
            Command::FormSubmit => self.submit(cx),
            Command::FormCancel => {
                if self.sending.is_some() {
                    let text =
                        "it was sent already; its outcome will be shown and is in the journal";
                    cx.notice(Level::Warning, text);
                }
                cx.close();
            }
            _ => return false,
        }
        true
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::Preflight(ticket, answer) if *ticket == self.ticket => {
                self.card = match answer {
                    Ok(card) => Card::Ready(card.clone()),
                    Err(why) => Card::Failed(why.clone()),
                };
            }
            Msg::Outcome {
                ticket, outcome, ..
            } if Some(*ticket) == self.sending => {
                self.sending = None;
                match outcome {
                    Outcome::Refused { why, .. } => self.problem = Some(why.clone()),
                    Outcome::NotConfirmed => {
                        self.problem = Some("the name does not match: nothing was sent".into());
                        self.field = Field::Name;
                    }
                    // What else came of it is said on the last line; the card has done its work.
                    _ => cx.act(crate::tui::msg::Act::CloseTicket(self.ticket)),
                }
            }
            _ => {}
        }
    }

    fn ticket(&self) -> Option<u64> {
        Some(self.ticket)
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let danger = respond::spec(&self.operation).danger == Danger::High;
        let width = area.width.min(98);
        let inner = width.saturating_sub(4);
        let labels = 11;
        let mut lines: Vec<(&str, String, Role)> = Vec::new();
        let title = ctx.data.tenants.title(self.operation.tenant);
        lines.push(("Tenant", title.to_owned(), Role::Bright));
        match &self.card {
            Card::Asking => lines.push(("", "asking for the device's state…".into(), Role::Dim)),
            Card::Failed(why) => {
                lines.push((
                    "",
                    format!("The card cannot be filled in: {why}"),
                    Role::Bad,
                ));
                lines.push((
                    "",
                    "Nothing can be sent without it. esc closes; try again.".into(),
                    Role::Dim,
                ));
            }
            Card::Ready(card) => {
                // With the reason as it is being typed: what is shown is what leaves.
                let reason = self.reason.text().trim().to_owned();
                let (method, path, body) = with_comment(&self.operation, reason).request();
                let request = format!("{method} {path} {body}");
                facts(self.operation.tenant, card, request, ctx, &mut lines);
            }
        }
        let mut rows: Vec<(String, String, Role)> = Vec::new();
        for (label, text, role) in lines {
            let label_width = if label.is_empty() { 0 } else { labels };
            let wrapped = paint::wrap(&text, inner.saturating_sub(label_width).max(8));
            for (index, part) in wrapped.into_iter().take(4).enumerate() {
                let label = if index == 0 { label } else { " " };
                rows.push((label.to_owned(), part, role));
            }
        }
        let ready = matches!(self.card, Card::Ready(_));
        let fields = if ready {
            1 + u16::from(self.confirm_text().is_some())
        } else {
            0
        };
        let extra = u16::from(self.problem.is_some() || self.sending.is_some());
        let height = rows.len() as u16 + fields + extra + 3;
        let place = popup::place(area, width, height);
        let tenant = format!("tenant {}", ctx.data.tenants.name(self.operation.tenant));
        let inside = popup::frame(buf, place, &self.title(), &tenant, danger, ctx);
        let room = usize::from(inside.height.saturating_sub(fields + extra + 1));
        for (line, (label, text, role)) in rows.iter().take(room).enumerate() {
            let y = inside.y + line as u16;
            let mut x = inside.x;
            if !label.is_empty() {
                paint::text(buf, inside, x, y, labels - 1, label, ctx.style(Role::Dim));
                x += labels;
            }
            let width = inside.right().saturating_sub(x);
            paint::text(buf, inside, x, y, width, text, ctx.style(*role));
        }
        let mut y = inside.y + rows.len().min(room) as u16;
        let below = |area: Rect, y: u16| Rect {
            y,
            height: area.bottom().saturating_sub(y),
            ..area
        };
        if ready {
            self.field_line(buf, below(inside, y), "Reason", Field::Reason, ctx);
            y += 1;
            if let Some(name) = self.confirm_text() {
                let label = format!("Type {name} to confirm");
                self.field_line(buf, below(inside, y), &label, Field::Name, ctx);
                y += 1;
            }
        }
        if self.sending.is_some() {
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inner,
                "sending…",
                ctx.style(Role::ActionOpen),
            );
            y += 1;
        } else if let Some(problem) = &self.problem {
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inner,
                problem,
                ctx.style(Role::Bad),
            );
            y += 1;
        }
        let hint = if ready {
            "⏎ confirms   tab next field   esc cancels, nothing is sent"
        } else {
            "esc cancels"
        };
        paint::text(buf, inside, inside.x, y, inner, hint, ctx.style(Role::Dim));
    }
}

impl Preflight {
    fn field_line(&self, buf: &mut Buffer, area: Rect, label: &str, field: Field, ctx: &Ctx<'_>) {
        let y = area.y;
        let input = if field == Field::Reason {
            &self.reason
        } else {
            &self.typed
        };
        let focused = self.field == field && self.sending.is_none();
        let role = if focused {
            Role::InputFocused
        } else {
            Role::Input
        };
        let label_role = if focused { Role::Bright } else { Role::Dim };
        let at = paint::text(
            buf,
            area,
            area.x,
            y,
            area.width,
            label,
            ctx.style(label_role),
        );
        let x = at.max(area.x + 10) + 1;
        let line = Rect {
            x,
            y,
            width: area.right().saturating_sub(x),
            height: 1,
        };
        if area.height > 0 {
            input.draw(buf, line, ctx.style(role), focused, ctx);
        }
    }
}

fn facts(
    tenant: TenantNo,
    card: &respond::Preflight,
    request: String,
    ctx: &Ctx<'_>,
    lines: &mut Vec<(&str, String, Role)>,
) {
    let mut target = card.target.iter();
    let name = target.next().map(|(_, name)| name.clone());
    lines.push(("Target", name.unwrap_or_default(), Role::Bright));
    let rest: Vec<String> = target
        .map(|(label, value)| format!("{label} {value}"))
        .collect();
    if !rest.is_empty() {
        lines.push((" ", rest.join("   "), Role::Text));
    }
    if let Some(state) = &card.state {
        lines.push(("State", state.clone(), Role::Text));
    }
    if card.pending.is_empty() {
        lines.push(("Pending", "none".into(), Role::Dim));
    }
    for action in &card.pending {
        let by = ctx.data.owner(tenant, action.requestor.as_deref());
        let age = action
            .creation_date_time_utc
            .map(|at| ctx.ago(at))
            .unwrap_or_default();
        let text = format!("{} {} by {by}, {age} ago", action.kind, action.status);
        lines.push(("Pending", text, Role::ActionOpen));
    }
    match &card.logged_on {
        Some(users) if users.is_empty() => lines.push(("On it now", "nobody".into(), Role::Dim)),
        Some(users) => lines.push(("On it now", users.join(", "), Role::Text)),
        None => lines.push(("On it now", "could not be read".into(), Role::Dim)),
    }
    match &card.permission {
        Permission::Held(name) => {
            lines.push(("Permission", format!("{name} ✓ in the token"), Role::Good));
        }
        Permission::Missing(any) => {
            let text = format!("missing: the token holds none of {}", any.join(", "));
            lines.push(("Permission", text, Role::Bad));
        }
        Permission::Unknown => {
            lines.push((
                "Permission",
                "the token could not be read".into(),
                Role::Dim,
            ));
        }
    }
    let undo = card
        .undo
        .clone()
        .unwrap_or_else(|| "nothing takes it back".into());
    lines.push(("Undo", undo, Role::Text));
    lines.push(("Will send", request, Role::Dim));
    match &card.conflict {
        Some(Conflict::InProgress(action)) => {
            let text = format!(
                "{} is {} already: confirming follows that one",
                action.kind, action.status
            );
            lines.push(("Note", text, Role::NoticeWarning));
        }
        Some(Conflict::Opposite(action)) => {
            let text = format!(
                "{} is {}: which of the two ends last decides",
                action.kind, action.status
            );
            lines.push(("Note", text, Role::NoticeWarning));
        }
        Some(Conflict::Redirected(to)) => {
            let to = to.as_ref().map_or("another", |id| id.as_str());
            lines.push(("Note", format!("merged into {to}"), Role::Bad));
        }
        None => {}
    }
    for warning in &card.warnings {
        lines.push(("Note", warning.clone(), Role::NoticeWarning));
    }
}
