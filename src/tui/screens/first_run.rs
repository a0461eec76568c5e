//! The first screen of a console without a profile: the demo one key away, and what to write where.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::commands::{Command, Scope};
use crate::tui::msg::Effect;
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// The screen.
pub struct FirstRun;

const EXAMPLE: &str = r#"default_profile = "work"

[profiles.work]
tenant_id = "contoso.com"
client_id = "00000000-0000-0000-0000-000000000000"
client_secret = { env = "NIGHTJAR_SECRET" }
analyst = "you@contoso.com""#;

impl Screen for FirstRun {
    fn scope(&self) -> Scope {
        Scope::FirstRun
    }

    fn title(&self) -> String {
        "Welcome".into()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        match command {
            Command::StartDemo => cx.effect(Effect::Demo),
            Command::Quit | Command::Back => cx.effect(Effect::Quit),
            Command::Copy => cx.copy(EXAMPLE),
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        paint::rule(buf, area, area.y, "Welcome to nightjar", "", ctx.rule(true));
        let (bright, text, dim) = (
            ctx.style(Role::Bright),
            ctx.style(Role::Text),
            ctx.style(Role::Dim),
        );
        let mut lines: Vec<(String, ratatui::style::Style)> = vec![
            (String::new(), text),
            (
                "No profile can be used yet, so there is no tenant to show.".into(),
                bright,
            ),
            (String::new(), text),
        ];
        let key = ctx
            .keymap
            .key_of(Command::StartDemo)
            .unwrap_or_else(|| ":start-demo".into());
        lines.push((
            format!(
                "{key}   try it: a simulated tenant inside this process, nothing leaves the machine"
            ),
            ctx.style(Role::Accent),
        ));
        lines.push((String::new(), text));
        lines.push(("or describe your tenant in".into(), text));
        lines.push((format!("    {}", ctx.data.settings.config_file), bright));
        lines.push((String::new(), text));
        for line in EXAMPLE.lines() {
            lines.push((format!("    {line}"), ctx.style(Role::KqlString)));
        }
        lines.push((String::new(), text));
        let needs = "The application needs SecurityIncident.ReadWrite.All, \
                     SecurityAlert.ReadWrite.All and ThreatHunting.Read.All of Microsoft Graph; \
                     Machine.Read.All, Machine.Isolate and Machine.Scan of WindowsDefenderATP. \
                     “nightjar config check” says what is wrong with the file.";
        lines.push((needs.into(), dim));
        for note in ctx.data.notices.iter() {
            lines.push((String::new(), text));
            for line in paint::wrap(&note.text, area.width.saturating_sub(6)) {
                lines.push((line, ctx.style(Role::NoticeWarning)));
            }
        }
        let below = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        let room = below.width.saturating_sub(4);
        let wrapped = lines.iter().flat_map(|(content, style)| {
            // Settings to be typed are never broken.
            let whole = content.starts_with("    ") || content.is_empty();
            let parts = if whole {
                vec![content.clone()]
            } else {
                paint::wrap(content, room)
            };
            parts.into_iter().map(move |part| (part, *style))
        });
        for (line, (content, style)) in wrapped.take(usize::from(below.height)).enumerate() {
            let y = below.y + line as u16;
            paint::text(buf, below, below.x + 2, y, room, &content, style);
        }
    }
}
