//! The doctor in the console: the checks as they come in, the matrix, and the explanation of a refusal.
//!
//! The screen is pushed over what is shown; a [`Card`] comes as a popup. What is looked at and why
//! something is refused is the doctor's room; here it is shown, scrolled and copied.

pub mod work;

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::TextPopup;
use crate::auth::Resource;
use crate::doctor::{self, Card, FEATURES, News, Refused, Report, Standing};
use crate::domain::{Of, TenantNo};
use crate::feed::FeedRefusal;
use crate::hunt::{HuntError, HuntErrorKind};
use crate::respond::{self, Outcome};
use crate::store::Endpoint;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// What the doctor is asked.
#[derive(Debug)]
pub enum DoctorAsk {
    /// Examine a tenant.
    Examine {
        /// For the answers to carry.
        ticket: u64,
        /// Which.
        tenant: TenantNo,
    },
    /// Explain a refusal.
    Explain(Box<Of<Refused>>),
}

impl DoctorAsk {
    /// Whom it is about.
    pub fn tenant(&self) -> TenantNo {
        match self {
            Self::Examine { tenant, .. } => *tenant,
            Self::Explain(refused) => refused.tenant,
        }
    }
}

/// What the doctor says.
#[derive(Clone, Debug)]
pub enum DoctorMsg {
    /// A result, as it comes.
    News(u64, Box<News>),
    /// All of them.
    Report(u64, Box<Report>),
    /// An explanation.
    Card(Box<Card>),
}

/// The refusal a message brings, to be explained on a key.
pub fn refusal_in(msg: &Msg) -> Option<Of<Refused>> {
    match msg {
        Msg::Refused(refused) => Some((**refused).clone()),
        Msg::Outcome {
            operation,
            outcome: Outcome::Refused {
                error: Some(error), ..
            },
            ..
        } => {
            let spec = respond::spec(operation);
            Refused::new(spec.title, spec.resource, spec.permission, error)
                .map(|refused| operation.with(refused))
        }
        _ => None,
    }
}

/// The refusal of a feed's read.
pub fn refusal_of_feed(refusal: &FeedRefusal) -> Option<Refused> {
    let feature = match refusal.what {
        Endpoint::Incidents => "incidents.read",
        Endpoint::Alerts => "alerts.read",
        Endpoint::Actions => "actions.read",
    };
    let feature = FEATURES.iter().find(|known| known.id == feature)?;
    Refused::new(
        feature.title,
        feature.resource,
        feature.any_of(),
        &refusal.error,
    )
}

/// The refusal of a hunt.
pub fn refusal_of_hunt(error: &HuntError) -> Option<Refused> {
    let (Some(status), HuntErrorKind::SignIn | HuntErrorKind::Forbidden) =
        (error.status, error.kind)
    else {
        return None;
    };
    Some(Refused::said(
        "Hunting",
        Resource::Graph,
        &["ThreatHunting.Read.All"],
        status,
        &error.code,
        &error.message,
    ))
}

/// The popup of an explanation.
pub fn card(card: &Card) -> TextPopup {
    TextPopup::new("Why it was refused", card.text())
}

/// The screen.
#[derive(Debug)]
pub struct DoctorScreen {
    tenant: TenantNo,
    ticket: Option<u64>,
    running: bool,
    report: Report,
    top: usize,
}

impl DoctorScreen {
    /// Of a tenant.
    pub fn new(tenant: TenantNo) -> Self {
        Self {
            tenant,
            ticket: None,
            running: false,
            report: Report::empty(""),
            top: 0,
        }
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        self.ticket = Some(ticket);
        self.running = true;
        self.report = Report::empty(cx.data.tenants.name(self.tenant));
        self.top = 0;
        cx.effect(Effect::Doctor(DoctorAsk::Examine {
            ticket,
            tenant: self.tenant,
        }));
    }

    fn text(&self, width: usize) -> String {
        doctor::text(&self.report, width)
    }

    fn scroll(&mut self, by: isize) {
        // The last lines are kept in sight when drawing.
        let most = self.text(80).lines().count();
        self.top = self.top.saturating_add_signed(by).min(most);
    }
}

/// The ink of a line: what fails stands out, what is fine stays quiet.
fn ink(line: &str) -> Role {
    let indented = line.starts_with("  ") && !line.starts_with("   ");
    match line.trim_start().chars().next() {
        Some('✗') if indented => Role::NoticeError,
        Some('!') if indented => Role::NoticeWarning,
        Some('✓') if indented => Role::Good,
        _ if line.starts_with(' ') => Role::Text,
        _ => Role::Title,
    }
}

impl Screen for DoctorScreen {
    fn scope(&self) -> Scope {
        Scope::Doctor
    }

    fn title(&self) -> String {
        "Doctor".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::Down => self.scroll(1),
            Command::Up => self.scroll(-1),
            Command::PageDown => self.scroll(15),
            Command::PageUp => self.scroll(-15),
            Command::Top => self.top = 0,
            Command::Bottom => self.scroll(isize::MAX),
            Command::DoctorAgain => self.start(cx),
            Command::DoctorCopy => cx.copy(self.text(80)),
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, _cx: &mut Cx<'_>) {
        match event.kind {
            MouseEventKind::ScrollDown => self.scroll(3),
            MouseEventKind::ScrollUp => self.scroll(-3),
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, _cx: &mut Cx<'_>) {
        match msg {
            Msg::Doctor(DoctorMsg::News(ticket, news)) if self.ticket == Some(*ticket) => {
                match &**news {
                    News::Check(check) => self.report.checks.push(check.clone()),
                    News::Feature(row) => self.report.rows.push(row.clone()),
                }
            }
            Msg::Doctor(DoctorMsg::Report(ticket, report)) if self.ticket == Some(*ticket) => {
                self.report = (**report).clone();
                self.running = false;
            }
            _ => {}
        }
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        if self.ticket.is_none() {
            self.start(cx);
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let title = format!("Doctor {}", ctx.data.tenants.name(self.tenant));
        let bad = self
            .report
            .rows
            .iter()
            .filter(|row| row.standing == Standing::WillNot)
            .count();
        let extra = if self.running {
            "looking…".to_owned()
        } else {
            format!("{bad} of {} will not", self.report.rows.len())
        };
        paint::rule(buf, area, area.y, &title, &extra, ctx.rule(true));
        let width = area.width.saturating_sub(2).min(110);
        let mut text = self.text(usize::from(width));
        if self.running {
            // The last line sums up what is not known yet.
            text.truncate(text.trim_end().rfind('\n').unwrap_or(0));
        }
        let lines = paint::wrap(&text, width);
        let room = usize::from(area.height.saturating_sub(1));
        let top = self.top.min(lines.len().saturating_sub(room));
        for (at, line) in lines.iter().skip(top).take(room).enumerate() {
            let y = area.y + 1 + at as u16;
            let style = ctx.style(ink(line));
            paint::text(buf, area, area.x + 1, y, width, line, style);
        }
    }

    fn tenant(&self, _data: &Data) -> Option<TenantNo> {
        Some(self.tenant)
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        Some(self.text(80))
    }
}
