//! Tenants: one row each, how it is doing and what it lets us do; the one in focus in full below or
//! beside.

mod choose;
mod column;
mod view;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Of, TenantNo};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Condition, Data, Level, Tenant};
use crate::tui::msg::{Act, Effect, Msg, TokenFacts};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Rows, TableState};

pub(in crate::tui) use choose::Choose;
pub(in crate::tui) use column::Columns;

/// The screen.
#[derive(Debug, Default)]
pub struct Tenants {
    table: TableState<TenantNo>,
    /// What the tokens of the tenant in focus say.
    tokens: Option<Of<Vec<TokenFacts>>>,
}

/// The rows as the table asks for them.
struct View<'a>(&'a Data);

impl View<'_> {
    fn get(&self, row: usize) -> Option<Of<&Tenant>> {
        let no = TenantNo(u16::try_from(row).ok()?);
        Some(Of::new(no, self.0.tenants.get(no)?))
    }
}

impl Rows for View<'_> {
    type Key = TenantNo;

    fn len(&self) -> usize {
        self.0.tenants.len()
    }

    fn key(&self, row: usize) -> TenantNo {
        TenantNo(u16::try_from(row).unwrap_or(u16::MAX))
    }

    fn cell<'a>(&'a self, row: usize, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
        match self.get(row) {
            Some(tenant) => view::cell(tenant, column, ctx),
            None => CellText::new("", ctx.style(Role::Text)),
        }
    }

    fn sign(&self, row: usize, ctx: &Ctx<'_>) -> Option<CellText<'_>> {
        let tenant = self.get(row)?;
        // Where all are shown, none is marked.
        let some = self.0.tenants.iter().any(|tenant| !tenant.shown);
        (some && tenant.shown).then(|| CellText::new("•", ctx.style(Role::Accent)))
    }
}

/// The ink of a tenant: the same wherever it is named.
pub(in crate::tui) fn ink(no: TenantNo) -> Role {
    const INKS: [Role; 8] = [
        Role::Tenant1,
        Role::Tenant2,
        Role::Tenant3,
        Role::Tenant4,
        Role::Tenant5,
        Role::Tenant6,
        Role::Tenant7,
        Role::Tenant8,
    ];
    INKS[no.index() % INKS.len()]
}

/// A condition as sign and ink.
pub(in crate::tui) fn condition(condition: Condition) -> (&'static str, Role) {
    match condition {
        Condition::Live => ("●", Role::FeedLive),
        Condition::Starting => ("○", Role::Dim),
        Condition::Lagging | Condition::Throttled => ("◌", Role::FeedLagging),
        Condition::SignIn | Condition::Offline | Condition::Broken => ("✗", Role::FeedOffline),
    }
}

impl Tenants {
    fn focus<'a>(&self, data: &'a Data) -> Option<Of<&'a Tenant>> {
        let no = TenantNo(u16::try_from(self.table.row()).ok()?);
        Some(Of::new(no, data.tenants.get(no)?))
    }

    /// Asks what the tokens of the tenant in focus say.
    fn focused(&mut self, cx: &mut Cx<'_>) {
        let Some(no) = self.focus(cx.data).map(|tenant| tenant.tenant) else {
            return;
        };
        if self.tokens.as_ref().is_none_or(|known| known.tenant != no) {
            self.tokens = None;
        }
        cx.effect(Effect::LoadTokens(no));
    }

    /// Makes writing there impossible for this session, or takes that back.
    fn toggle_read_only(no: TenantNo, cx: &mut Cx<'_>) {
        let Some(tenant) = cx.data.tenants.get_mut(no) else {
            return;
        };
        if tenant.facts.read_only {
            let text = "read-only by its profile or the command line: only they can change that";
            let text = cx.data.tenants.named(no, text);
            cx.notice(Level::Info, text);
            return;
        }
        tenant.read_only = !tenant.read_only;
        let on = tenant.read_only;
        let what = if on {
            "read-only until nightjar ends, or w"
        } else {
            "may be written to again"
        };
        let text = format!("{} {what}", tenant.facts.title);
        cx.effect(Effect::ReadOnly(no, on));
        cx.notice(Level::Info, text);
    }
}

impl Screen for Tenants {
    fn scope(&self) -> Scope {
        Scope::Tenants
    }

    fn title(&self) -> String {
        "Tenants".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        if self.table.command(command, &View(cx.data)) {
            self.focused(cx);
            return true;
        }
        let Some(no) = self.focus(cx.data).map(|tenant| tenant.tenant) else {
            return false;
        };
        match command {
            Command::TenantOnly => {
                let these = if cx.data.tenants.only() == Some(no) {
                    Vec::new()
                } else {
                    vec![no]
                };
                cx.act(Act::Tell(Msg::Show(these)));
            }
            Command::TenantRefresh => {
                cx.effect(Effect::Refresh(vec![no]));
                let text = cx.data.tenants.named(no, "asking the services…");
                cx.notice(Level::Info, text);
            }
            Command::TenantReadOnly => Self::toggle_read_only(no, cx),
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        let view = View(cx.data);
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
            _ => return,
        }
        self.focused(cx);
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        if let Msg::Tokens(tokens) = msg
            && self
                .focus(cx.data)
                .is_some_and(|it| it.tenant == tokens.tenant)
        {
            self.tokens = Some(tokens.clone());
        }
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.table.sync(&View(cx.data));
        self.focused(cx);
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        view::draw(self, buf, area, ctx);
    }

    fn tenant(&self, data: &Data) -> Option<TenantNo> {
        self.focus(data).map(|tenant| tenant.tenant)
    }

    fn copied(&self, _raw: bool, data: &Data) -> Option<String> {
        let tenant = self.focus(data)?;
        Some(format!(
            "{} {}",
            tenant.facts.title,
            tenant.condition().word()
        ))
    }
}
