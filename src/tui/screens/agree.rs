//! A yes before a change that reaches into several tenants: which they are and what it comes to in
//! each. One key press must not change more of the world than the eye was on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::TenantNo;
use crate::tui::commands::{Command, Scope};
use crate::tui::msg::{Act, Write};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup.
pub(in crate::tui) struct Agree {
    write: Option<Write>,
    label: String,
    /// How many changes in which tenant.
    each: Vec<(TenantNo, usize)>,
}

impl Agree {
    /// Asks about changes; what is agreed to is sent as it is.
    pub(in crate::tui) fn new(write: Write) -> Self {
        let mut each: Vec<(TenantNo, usize)> = Vec::new();
        for (operation, _) in &write.operations {
            match each.iter_mut().find(|(no, _)| *no == operation.tenant) {
                Some((_, count)) => *count += 1,
                None => each.push((operation.tenant, 1)),
            }
        }
        each.sort_unstable();
        Self {
            label: write.label.clone(),
            write: Some(Write {
                agreed: true,
                ..write
            }),
            each,
        }
    }
}

impl Screen for Agree {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn title(&self) -> String {
        "Several tenants".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::FormSubmit => {
                cx.close();
                if let Some(write) = self.write.take() {
                    cx.act(Act::Write(write));
                }
            }
            Command::FormNext | Command::FormPrevious => {}
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let tenants = &ctx.data.tenants;
        let titles = self
            .each
            .iter()
            .map(|(no, _)| paint::width(tenants.title(*no)));
        let width = titles.max().unwrap_or(0).max(paint::width(&self.label)) + 16;
        let height = self.each.len() as u16 + 6;
        let place = popup::place(area, width.clamp(48, area.width.max(48)), height);
        let title = format!("In {} tenants", self.each.len());
        let inside = popup::frame(buf, place, &title, "", false, ctx);
        let mut y = inside.y;
        let mut line = |text: &str, role: Role| {
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                text,
                ctx.style(role),
            );
            y += 1;
        };
        line(&self.label, Role::Bright);
        line("", Role::Text);
        let room = usize::from(inside.height.saturating_sub(4));
        for (no, count) in self.each.iter().take(room) {
            let refused = if tenants.is_read_only(*no) {
                "  read-only: nothing will be sent"
            } else {
                ""
            };
            let role = if refused.is_empty() {
                Role::Text
            } else {
                Role::Bad
            };
            line(
                &format!("{count:>4}  {}{refused}", tenants.title(*no)),
                role,
            );
        }
        if let Some(rest) = self.each.get(room..).filter(|rest| !rest.is_empty()) {
            line(&format!("      and {} more tenants", rest.len()), Role::Dim);
        } else {
            line("", Role::Text);
        }
        line("⏎ sends   esc cancels, nothing is sent", Role::Dim);
    }
}
