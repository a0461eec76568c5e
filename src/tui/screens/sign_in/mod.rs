//! The popup in which a person signs in to a tenant: in the browser, or with a code entered elsewhere.
//! It lies over the cached queue, which stays as usable as it was. Closed, it calls the sign-in off.

mod letters;
pub mod work;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::auth::SignInStep;
use crate::config::SignIn;
use crate::domain::TenantNo;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// What is asked of the worker.
#[derive(Debug)]
pub struct SignInAsk {
    /// Which tenant.
    pub tenant: TenantNo,
    /// For the answers to carry.
    pub ticket: u64,
    /// In place of the profile's way.
    pub way: Option<SignIn>,
    /// Cancelled where the popup is closed.
    pub cancel: CancellationToken,
}

/// What the worker and the feeds tell.
#[derive(Debug)]
pub enum SignInMsg {
    /// A tenant waits for a person; told once until it works again.
    Needed(TenantNo, String),
    /// What the person has to do.
    Step(u64, SignInStep),
    /// How it ended.
    Ended {
        /// Which tenant.
        tenant: TenantNo,
        /// Of which popup.
        ticket: u64,
        /// Who "me" is now; or why not and what to do.
        found: Result<String, (String, String)>,
    },
}

/// How far it is.
enum Stage {
    /// Nothing is asked for yet.
    Offered(String),
    /// The service is asked.
    Beginning,
    /// A code waits to be entered.
    Code {
        code: String,
        page: String,
        expires: Timestamp,
    },
    /// A page waits in the browser.
    Page {
        page: String,
        opened: bool,
        expires: Timestamp,
    },
    /// It did not work.
    Failed { why: String, cure: String },
}

/// The popup.
pub struct SignInPopup {
    tenant: TenantNo,
    /// Of the question under way.
    ticket: u64,
    stage: Stage,
    warning: Option<String>,
    /// Calls off what is under way when the popup goes.
    under_way: Option<DropGuard>,
    /// To be begun when shown.
    begin: bool,
}

impl SignInPopup {
    /// Begins at once, as the profile says.
    pub fn begin(tenant: TenantNo) -> Self {
        Self {
            tenant,
            ticket: 0,
            stage: Stage::Beginning,
            warning: None,
            under_way: None,
            begin: true,
        }
    }

    /// Says why somebody has to sign in, and waits to be told how.
    pub fn offer(tenant: TenantNo, why: impl Into<String>) -> Self {
        Self {
            stage: Stage::Offered(why.into()),
            begin: false,
            ..Self::begin(tenant)
        }
    }

    fn start(&mut self, way: Option<SignIn>, cx: &mut Cx<'_>) {
        // What was under way is called off.
        self.under_way = None;
        let cancel = CancellationToken::new();
        self.under_way = Some(cancel.clone().drop_guard());
        self.ticket = cx.ticket();
        self.stage = Stage::Beginning;
        self.warning = None;
        cx.effect(Effect::SignIn(SignInAsk {
            tenant: self.tenant,
            ticket: self.ticket,
            way,
            cancel,
        }));
    }

    fn page(&self) -> Option<&str> {
        match &self.stage {
            Stage::Code { page, .. } | Stage::Page { page, .. } => Some(page),
            _ => None,
        }
    }
}

/// The tenant a sign-in is most likely meant for: the first that waits for one, else the first shown.
pub fn meant(data: &Data) -> TenantNo {
    let waits = |tenant: &crate::tui::data::Tenant| {
        tenant
            .health
            .as_ref()
            .is_some_and(|health| matches!(health.state, crate::feed::FeedState::SignIn { .. }))
    };
    let mut shown = data.tenants.shown();
    let waiting = shown.find(|tenant| waits(tenant.it));
    waiting
        .or_else(|| data.tenants.shown().next())
        .map_or(TenantNo::default(), |tenant| tenant.tenant)
}

impl Screen for SignInPopup {
    fn scope(&self) -> Scope {
        Scope::SignIn
    }

    fn title(&self) -> String {
        "Sign in".into()
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.begin) {
            self.start(None, cx);
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::SignInStart => {
                if matches!(self.stage, Stage::Offered(_) | Stage::Failed { .. }) {
                    self.start(None, cx);
                }
            }
            Command::SignInBrowser => self.start(Some(SignIn::Browser), cx),
            Command::SignInDevice => self.start(Some(SignIn::DeviceCode), cx),
            Command::SignInCopy | Command::PopupCopy => match &self.stage {
                Stage::Code { code, .. } => cx.copy(code.clone()),
                Stage::Page { page, .. } => cx.copy(page.clone()),
                _ => cx.notice(Level::Info, "there is nothing to copy yet"),
            },
            Command::SignInOpen => match self.page() {
                Some(page) => cx.effect(Effect::OpenPortal(page.to_owned())),
                None => cx.notice(Level::Info, "there is no page to open yet"),
            },
            _ => return false,
        }
        true
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        let Msg::SignIn(msg) = msg else { return };
        match msg {
            SignInMsg::Step(ticket, step) if *ticket == self.ticket => match step {
                SignInStep::Code {
                    user_code,
                    page,
                    expires,
                } => {
                    self.stage = Stage::Code {
                        code: user_code.clone(),
                        page: page.clone(),
                        expires: *expires,
                    }
                }
                SignInStep::Page {
                    url,
                    opened,
                    expires,
                } => {
                    self.stage = Stage::Page {
                        page: url.to_string(),
                        opened: *opened,
                        expires: *expires,
                    }
                }
                SignInStep::Warning(words) => self.warning = Some(words.clone()),
            },
            SignInMsg::Ended { ticket, found, .. } if *ticket == self.ticket => match found {
                Ok(who) => {
                    let text = format!(
                        "signed in to {} as {who}",
                        cx.data.tenants.title(self.tenant)
                    );
                    cx.notice(Level::Info, text);
                    if let Some(warning) = self.warning.take() {
                        cx.notice(Level::Warning, warning);
                    }
                    if let Some(tenant) = cx.data.tenants.get_mut(self.tenant) {
                        tenant.facts.me.clone_from(who);
                    }
                    cx.effect(Effect::Refresh(vec![self.tenant]));
                    cx.acts.push(crate::tui::msg::Act::CloseTicket(self.ticket));
                }
                Err((why, cure)) => {
                    self.stage = Stage::Failed {
                        why: why.clone(),
                        cure: cure.clone(),
                    }
                }
            },
            _ => {}
        }
    }

    fn ticket(&self) -> Option<u64> {
        Some(self.ticket)
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.min(78);
        let room = width.saturating_sub(6);
        let lines = self.lines(room, ctx);
        let height = (lines.len() as u16).saturating_add(2).min(area.height);
        let place = popup::place(area, width, height);
        let tenant = paint::middle(ctx.data.tenants.title(self.tenant), room / 2);
        let failed = matches!(self.stage, Stage::Failed { .. });
        let inside = popup::frame(buf, place, "Sign in", &tenant, failed, ctx);
        for (line, (text, style)) in lines.iter().take(usize::from(inside.height)).enumerate() {
            let y = inside.y + line as u16;
            paint::text(buf, inside, inside.x + 1, y, room, text, *style);
        }
    }
}

impl SignInPopup {
    fn lines(&self, room: u16, ctx: &Ctx<'_>) -> Vec<(String, Style)> {
        let mut lines = Lines {
            room,
            text: ctx.style(Role::Text),
            rows: Vec::new(),
        };
        let (bright, dim) = (ctx.style(Role::Bright), ctx.style(Role::Dim));
        let key = |command| ctx.keymap.key_of(command).unwrap_or_default();
        let (browser, device) = (key(Command::SignInBrowser), key(Command::SignInDevice));
        let (copy, open) = (key(Command::SignInCopy), key(Command::SignInOpen));
        let other_ways =
            format!("{browser} in the browser · {device} with a code on another device");
        lines.gap();
        let keys = match &self.stage {
            Stage::Offered(why) => {
                lines.say(
                    "Somebody has to sign in; what is cached can be worked with meanwhile.",
                    bright,
                );
                lines.gap();
                lines.say(why, lines.text);
                let start = key(Command::SignInStart);
                format!("{start} sign in · {other_ways}")
            }
            Stage::Beginning => {
                lines.say("Asking the sign-in service…", lines.text);
                other_ways
            }
            Stage::Code {
                code,
                page,
                expires,
            } => {
                lines.say("In any browser, open", lines.text);
                lines.say(page, bright);
                lines.say("and enter this code:", lines.text);
                lines.gap();
                if let Some(rows) = letters::large(code, usize::from(room)) {
                    for row in rows {
                        lines.rows.push((row, ctx.style(Role::Accent)));
                    }
                    lines.gap();
                }
                let spaced: Vec<String> = code.chars().map(String::from).collect();
                lines.say(&spaced.join(" "), bright);
                lines.gap();
                lines.say(&waiting(*expires, ctx), dim);
                format!(
                    "{copy} copy the code · {open} open the page · {browser} sign in in the browser here"
                )
            }
            Stage::Page {
                page,
                opened,
                expires,
            } => {
                if *opened {
                    lines.say(
                        "Sign in in the browser that opens. Where none does, open this page in it:",
                        lines.text,
                    );
                } else {
                    lines.say(
                        "No browser opens by itself. Open this page in a browser of this machine:",
                        lines.text,
                    );
                }
                lines.gap();
                // The whole of it is on the clipboard's key: here it only has to be recognised.
                lines.say(&paint::middle(page, room.saturating_mul(2)), bright);
                lines.gap();
                lines.say(&waiting(*expires, ctx), dim);
                format!(
                    "{copy} copy the address · {open} open it again · {device} with a code on another device"
                )
            }
            Stage::Failed { why, cure } => {
                lines.say(why, bright);
                if !cure.is_empty() {
                    lines.gap();
                    lines.say(cure, lines.text);
                }
                let start = key(Command::SignInStart);
                format!("{start} again · {other_ways}")
            }
        };
        if let Some(warning) = &self.warning {
            lines.gap();
            lines.say(warning, ctx.style(Role::NoticeWarning));
        }
        lines.gap();
        let close = key(Command::PopupClose);
        lines.say(&format!("{keys} · {close} later"), dim);
        lines.rows
    }
}

/// How long it is still waited for, and a frame each second.
fn waiting(expires: Timestamp, ctx: &Ctx<'_>) -> String {
    ctx.wake_in(1000);
    let left = expires.duration_since(ctx.now).as_secs().max(0);
    format!("waiting for you · {}:{:02} left", left / 60, left % 60)
}

struct Lines {
    room: u16,
    text: Style,
    rows: Vec<(String, Style)>,
}

impl Lines {
    fn say(&mut self, words: &str, style: Style) {
        let wrapped = paint::wrap(words, self.room).into_iter();
        self.rows.extend(wrapped.map(|line| (line, style)));
    }

    fn gap(&mut self) {
        self.rows.push((String::new(), self.text));
    }
}
