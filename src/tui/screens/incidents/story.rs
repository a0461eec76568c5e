//! The story of the incident in focus: facts, tactics, the alerts in time, entities, comments, what
//! is still arriving and what was merged.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::view::severity;
use crate::domain::{
    Classification, Determination, IncidentId, IncidentRow, Of, Tactic, TenantNo, Verdict,
};
use crate::tui::data::Story;
use crate::tui::data::filter::incident_status;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, time};

/// A line of pieces in their inks; the last piece may stand at the right edge.
#[derive(Default)]
pub(in crate::tui) struct Line {
    pieces: Vec<(String, Style)>,
    right: Option<(String, Style)>,
}

impl Line {
    pub(in crate::tui) fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            pieces: vec![(text.into(), style)],
            right: None,
        }
    }

    pub(in crate::tui) fn push(&mut self, text: impl Into<String>, style: Style) {
        self.pieces.push((text.into(), style));
    }

    pub(in crate::tui) fn width(&self) -> u16 {
        self.pieces.iter().map(|(text, _)| paint::width(text)).sum()
    }

    pub(in crate::tui) fn draw(&self, buf: &mut Buffer, area: Rect, y: u16) {
        let mut area = area;
        if let Some((text, style)) = &self.right {
            let size = paint::width(text);
            if size + 8 < area.width {
                paint::text(buf, area, area.right() - size, y, size, text, *style);
                area.width -= size + 1;
            }
        }
        let mut x = area.x;
        for (text, style) in &self.pieces {
            let room = area.right().saturating_sub(x);
            x = paint::text(buf, area, x, y, room, text, *style);
        }
    }
}

/// A verdict as shape and ink.
pub(in crate::tui) fn verdict(verdict: &Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Malicious => ("▲", Role::VerdictMalicious),
        Verdict::Suspicious => ("■", Role::VerdictSuspicious),
        Verdict::NoThreatsFound => ("✓", Role::VerdictClean),
        Verdict::Unknown => ("", Role::VerdictUnknown),
        Verdict::Other(_) => ("?", Role::VerdictUnknown),
    }
}

/// `classification: determination`, where somebody has decided.
pub(in crate::tui) fn decided(row: &IncidentRow) -> Option<String> {
    if row.classification == Classification::Unknown {
        return None;
    }
    let mut text = row.classification.to_string();
    if row.determination != Determination::Unknown {
        text.push_str(": ");
        text.push_str(row.determination.as_str());
    }
    Some(text)
}

pub(super) fn draw(
    row: &Of<IncidentRow>,
    top: usize,
    buf: &mut Buffer,
    area: Rect,
    beside: bool,
    ctx: &Ctx<'_>,
) {
    let (status, _) = incident_status(&row.status);
    let owner = match row.assigned_to.as_deref() {
        None => "unassigned".to_owned(),
        owner => ctx.data.owner(row.tenant, owner).to_owned(),
    };
    let title = if beside && ctx.data.tenants.several() {
        format!("{} · {}", row.id, ctx.data.tenants.name(row.tenant))
    } else if beside {
        row.id.to_string()
    } else {
        let tactics = row.tactics.to_string();
        format!(
            "{} · {status} · {owner} · {} devices {} users{}{tactics}",
            row.id,
            row.devices,
            row.users,
            if tactics.is_empty() { "" } else { " · " },
        )
    };
    paint::rule(buf, area, area.y, &title, "", ctx.rule(false));
    let body = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    let story = ctx.data.stories.get(&row.key());
    let mut lines: Vec<Line> = Vec::new();
    if beside {
        head(row, status, &owner, body.width, ctx, &mut lines);
    }
    if let Some(story) = story {
        tell(row, story, body.width, ctx, &mut lines);
    } else {
        {
            let dim = ctx.style(Role::Dim);
            let line = match ctx.data.stories.problem(&row.key()) {
                Some(problem) => Line::new(
                    format!("The story cannot be read: {problem}"),
                    ctx.style(Role::Bad),
                ),
                None if ctx.data.stories.is_missing(&row.key()) => {
                    Line::new("Its details have not arrived yet.", dim)
                }
                None => Line::new("reading…", dim),
            };
            lines.push(line);
        }
    }
    let room = usize::from(body.height);
    let top = top.min(lines.len().saturating_sub(room));
    for (line, content) in lines.iter().skip(top).take(room).enumerate() {
        content.draw(buf, body, body.y + line as u16);
    }
    if lines.len() > top + room && room > 1 {
        let more = format!(" {} more, J ", lines.len() - top - room);
        let size = paint::width(&more);
        if size < body.width {
            let (x, y) = (body.right() - size, body.bottom() - 1);
            paint::text(buf, body, x, y, size, &more, ctx.style(Role::Dim));
        }
    }
}

fn head(
    row: &IncidentRow,
    status: &str,
    owner: &str,
    width: u16,
    ctx: &Ctx<'_>,
    lines: &mut Vec<Line>,
) {
    for text in paint::wrap(&row.title, width).into_iter().take(2) {
        lines.push(Line::new(text, ctx.style(Role::Bright)));
    }
    let (_, role) = severity(&row.severity);
    let mut facts = Line::new(row.severity.to_string(), ctx.style(role));
    facts.push(format!(" · {status} · {owner}"), ctx.style(Role::Text));
    lines.push(facts);
    let age = ctx.ago(row.created);
    let since = time::day(row.created, ctx.now, ctx.zone());
    let changed = ctx.ago(row.updated);
    let times = format!("since {since} ({age}) · changed {changed}");
    lines.push(Line::new(times, ctx.style(Role::Dim)));
    if let Some(text) = decided(row) {
        lines.push(Line::new(text, ctx.style(Role::Good)));
    }
    if let Some(priority) = row.priority {
        lines.push(Line::new(
            format!("priority {priority} of 100"),
            ctx.style(Role::Dim),
        ));
    }
    if !row.tags.is_empty() {
        lines.push(Line::new(row.tags.join(" · "), ctx.style(Role::Tag)));
    }
    let mut strip = Line::default();
    for (tactic, _, mark) in Tactic::ALL {
        let seen = row.tactics.contains(tactic);
        let role = if seen {
            Role::Tactic
        } else {
            Role::TacticMissing
        };
        let cell = format!("{mark}{} ", if seen { "■" } else { "□" });
        if strip.width() + 4 > width {
            lines.push(std::mem::take(&mut strip));
        }
        strip.push(cell, ctx.style(role));
    }
    lines.push(strip);
    lines.push(Line::default());
}

/// Evidence that arrived so lately means that the incident is still filling in.
const FILLING_SECONDS: i64 = 15 * 60;

fn tell(row: &Of<IncidentRow>, story: &Story, width: u16, ctx: &Ctx<'_>, lines: &mut Vec<Line>) {
    if let Some(to) = &row.redirected_to {
        let text = format!("merged into {to}; ⏎ goes there");
        lines.push(Line::new(text, ctx.style(Role::NoticeWarning)));
    }
    let mut day = None;
    for alert in &story.alerts {
        let at = alert.first_activity_date_time.or(alert.created_date_time);
        let mut line = Line::default();
        if let Some(at) = at {
            let date = ctx.zone().to_datetime(at).date();
            let today = ctx.zone().to_datetime(ctx.now).date();
            if day != Some(date) && (day.is_some() || date != today) {
                lines.push(Line::new(date.to_string(), ctx.style(Role::Dim)));
            }
            day = Some(date);
            line.push(format!("{} ", ctx.clock(at)), ctx.style(Role::Time));
        } else {
            line.push("--:-- ", ctx.style(Role::Time));
        }
        let source = alert
            .service_source
            .as_ref()
            .map_or("—", |source| source.short());
        line.push(format!("{source:<4} "), ctx.style(Role::Source));
        let open = alert
            .status
            .as_ref()
            .is_none_or(crate::domain::AlertStatus::is_open);
        let role = if open { Role::Text } else { Role::Dim };
        let title = alert.title.as_deref().unwrap_or("(no title)");
        line.push(title, ctx.style(role));
        let unknown = crate::domain::Severity::Unknown;
        let (sign, role) = severity(alert.severity.as_ref().unwrap_or(&unknown));
        let shape: String = sign.chars().take(1).collect();
        let viewed = row.last_viewed;
        let new = alert
            .created_date_time
            .is_some_and(|at| viewed.is_some_and(|viewed| at > viewed));
        let text = if new { format!("{shape} new") } else { shape };
        line.right = Some((text, ctx.style(if open { role } else { Role::Dim })));
        lines.push(line);
    }
    if story.alerts.is_empty() {
        lines.push(Line::new(
            "No alert of it is in the cache yet.",
            ctx.style(Role::Dim),
        ));
    }
    let arriving = story.arrived_within(FILLING_SECONDS, ctx.now);
    if arriving > 0 && row.status.is_open() {
        ctx.wake_next_minute();
        let plural = if arriving == 1 { "entity" } else { "entities" };
        let text = format!("filling in: {arriving} {plural} in the last 15 min");
        lines.push(Line::default());
        lines.push(Line::new(text, ctx.style(Role::New)));
    }
    let merged = ctx.data.merged_into(&row.key());
    if !merged.is_empty() {
        let names: Vec<&str> = merged.iter().map(IncidentId::as_str).collect();
        let text = format!("{} ← {} merged into this one", row.id, names.join(", "));
        lines.push(Line::new(text, ctx.style(Role::Dim)));
    }
    entities(story, width, ctx, lines);
    comments(row.tenant, story, width, ctx, lines);
}

/// One paragraph a kind: its entities with verdicts and in how many alerts they occur.
fn entities(story: &Story, width: u16, ctx: &Ctx<'_>, lines: &mut Vec<Line>) {
    use crate::domain::EvidenceKind as K;
    let mut rest = story.entities.as_slice();
    if !rest.is_empty() {
        lines.push(Line::default());
    }
    while let Some(first) = rest.first() {
        let count = rest
            .iter()
            .take_while(|entity| entity.kind == first.kind)
            .count();
        let (group, tail) = rest.split_at(count);
        rest = tail;
        let label = first.kind.label().to_lowercase();
        let role = match first.kind {
            K::Device => Role::EntityDevice,
            K::User | K::Mailbox => Role::EntityUser,
            K::File | K::Process => Role::EntityFile,
            K::Ip | K::Url | K::Dns => Role::EntityNetwork,
            _ => Role::Text,
        };
        let mut line = Line::new(format!("{label} {count}  "), ctx.style(Role::Dim));
        let mut used = 0;
        for (index, entity) in group.iter().enumerate() {
            let network = matches!(entity.kind, K::Ip | K::Url | K::Dns);
            let name = if network {
                crate::domain::text::defang(&entity.title)
            } else {
                entity.title.clone()
            };
            let (sign, verdict_role) = verdict(&entity.verdict);
            let name = paint::middle(&name, 34);
            let size = paint::width(&name) + 4;
            if line.width() + size > width && index > 0 {
                used += 1;
                if used == 2 {
                    let more = format!("… {} more", count - index);
                    line.push(more, ctx.style(Role::Dim));
                    break;
                }
                lines.push(std::mem::take(&mut line));
                line.push("  ", ctx.style(Role::Dim));
            }
            line.push(name, ctx.style(role));
            if !sign.is_empty() {
                line.push(format!(" {sign}"), ctx.style(verdict_role));
            }
            if index + 1 < count {
                line.push(" · ", ctx.style(Role::Dim));
            }
        }
        lines.push(line);
    }
}

fn comments(tenant: TenantNo, story: &Story, width: u16, ctx: &Ctx<'_>, lines: &mut Vec<Line>) {
    let comments = &story.incident.comments;
    if comments.is_empty() {
        return;
    }
    lines.push(Line::default());
    lines.push(Line::new(
        format!("comments {}", comments.len()),
        ctx.style(Role::Dim),
    ));
    for comment in comments.iter().rev() {
        let who = comment.created_by_display_name.as_deref();
        let when = comment
            .created_date_time
            .map(|at| ctx.clock(at))
            .unwrap_or_default();
        let mut line = Line::new(format!("{when} "), ctx.style(Role::Time));
        line.push(
            format!("{}: ", ctx.data.owner(tenant, who)),
            ctx.style(Role::EntityUser),
        );
        let indent = line.width();
        let text = comment.comment.as_deref().unwrap_or_default();
        let wrapped = paint::wrap(text, width.saturating_sub(indent).max(10));
        for (index, text) in wrapped.into_iter().take(4).enumerate() {
            if index == 0 {
                line.push(text, ctx.style(Role::Text));
            } else {
                lines.push(std::mem::take(&mut line));
                line.push(" ".repeat(usize::from(indent)), ctx.style(Role::Text));
                line.push(text, ctx.style(Role::Text));
            }
        }
        lines.push(line);
    }
}
