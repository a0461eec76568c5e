//! Tenants drawn: the table, and the card of the tenant in focus.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Tenants, View, condition, ink};
use crate::api::Quota;
use crate::domain::Of;
use crate::feed::FeedState;
use crate::tui::data::{Condition, Level, Tenant};
use crate::tui::msg::TokenFacts;
use crate::tui::screen::Ctx;
use crate::tui::screens::incidents::Line;
use crate::tui::theme::Role;
use crate::tui::widgets::table::{CellText, Column, Rows, Width};
use crate::tui::widgets::{paint, time};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", Width::Flex(14)),
    Column::new("FEED", Width::Fixed(16)),
    Column::new("AGE", Width::Fixed(4)).right().falls(2),
    Column::new("▲", Width::Fixed(4)).right(),
    Column::new("■", Width::Fixed(4)).right(),
    Column::new("●", Width::Fixed(4)).right(),
    Column::new("HUNTS", Width::Fixed(6)).right().falls(4),
    Column::new("WRITES", Width::Fixed(9)).falls(3),
    Column::new("CLOUD", Width::Fixed(10)).falls(6),
    Column::new("SIGN-IN", Width::Fixed(16)).falls(7),
    Column::new("TROUBLE", Width::Flex(16)).falls(1),
];

/// What is the matter with it, in words; empty where nothing is.
fn trouble(tenant: Of<&Tenant>) -> &str {
    if let Some(why) = &tenant.it.facts.broken {
        return why;
    }
    let state = tenant.it.health.as_ref().map(|health| &health.state);
    match state {
        Some(FeedState::Offline { why, .. } | FeedState::SignIn { why }) => why,
        _ => "",
    }
}

pub(super) fn cell<'a>(tenant: Of<&'a Tenant>, column: usize, ctx: &Ctx<'_>) -> CellText<'a> {
    let dim = ctx.style(Role::Dim);
    let count = |count: u32, role: Role| {
        let style = if count == 0 { dim } else { ctx.style(role) };
        CellText::new(count.to_string(), style)
    };
    match column {
        0 => CellText::new(&*tenant.it.facts.name, ctx.style(ink(tenant.tenant))),
        1 => {
            let now = tenant.condition();
            let (sign, role) = condition(now);
            CellText::new(format!("{sign} {}", now.word()), ctx.style(role))
        }
        2 => {
            let as_of = tenant.health.as_ref().and_then(|health| health.as_of);
            CellText::new(as_of.map(|at| ctx.ago(at)).unwrap_or_default(), dim)
        }
        3 => count(tenant.counts.high, Role::SeverityHigh),
        4 => count(tenant.counts.medium, Role::SeverityMedium),
        5 => count(tenant.counts.low, Role::SeverityLow),
        6 => {
            let hunts = tenant.budgets.as_ref();
            let text = hunts.map(|it| format!("{}/{}", it.hunts_used, it.hunts_limit));
            CellText::new(text.unwrap_or_default(), dim)
        }
        7 if tenant.read_only => CellText::new("read-only", ctx.style(Role::SlaSoon)),
        7 => CellText::new("", dim),
        8 => CellText::new(&*tenant.it.facts.cloud, dim),
        9 => CellText::new(&*tenant.it.facts.way, dim),
        _ => CellText::new(trouble(tenant), ctx.style(Role::Bad)),
    }
}

/// Table and card: beside each other on wide terminals, else one above the other.
fn layout(area: Rect, rows: usize) -> (Rect, Option<Rect>, bool) {
    if area.width >= 150 {
        let left = area.width * 5 / 8;
        let card = Rect {
            x: area.x + left + 1,
            width: area.width - left - 1,
            ..area
        };
        let table = Rect {
            width: left,
            ..area
        };
        return (table, Some(card), true);
    }
    if area.height >= 14 {
        let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
        let top = wanted.clamp(4, area.height - 9);
        let card = Rect {
            y: area.y + top,
            height: area.height - top,
            ..area
        };
        let table = Rect {
            height: top,
            ..area
        };
        return (table, Some(card), false);
    }
    (area, None, false)
}

pub(super) fn draw(screen: &Tenants, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let tenants = &ctx.data.tenants;
    let rows = View(ctx.data);
    let (table, card, beside) = layout(area, rows.len());
    let shown = tenants.shown().count();
    let title = if shown == tenants.len() {
        format!("Tenants {shown}")
    } else {
        format!("Tenants {} · {shown} shown", tenants.len())
    };
    paint::rule(buf, area, area.y, "", "", ctx.rule(false));
    paint::rule(buf, table, table.y, &title, "", ctx.rule(true));
    let body = Rect {
        y: table.y + 1,
        height: table.height.saturating_sub(1),
        width: table.width - u16::from(beside),
        ..table
    };
    screen
        .table
        .draw(buf, body, COLUMNS, &rows, None, true, ctx);
    let Some(card) = card else { return };
    if beside {
        let x = card.x - 1;
        let edge = ctx.style(Role::Rule);
        paint::text(buf, area, x, area.y, 1, "┬", edge);
        for y in area.y + 1..area.bottom() {
            paint::text(buf, area, x, y, 1, "│", edge);
        }
    }
    let Some(tenant) = screen.focus(ctx.data) else {
        return;
    };
    paint::rule(buf, card, card.y, &tenant.facts.title, "", ctx.rule(false));
    let body = Rect {
        x: card.x + 1,
        y: card.y + 1,
        width: card.width.saturating_sub(2),
        height: card.height.saturating_sub(1),
    };
    let tokens = screen
        .tokens
        .as_ref()
        .filter(|tokens| tokens.tenant == tenant.tenant);
    let lines = tell(tenant, tokens.map(|it| it.it.as_slice()), body.width, ctx);
    for (line, content) in lines.iter().take(usize::from(body.height)).enumerate() {
        content.draw(buf, body, body.y + line as u16);
    }
}

const LABEL: usize = 12;

struct Lines<'a, 'b> {
    out: Vec<Line>,
    width: u16,
    ctx: &'a Ctx<'b>,
}

impl Lines<'_, '_> {
    /// A fact, over several lines where it is long.
    fn field(&mut self, label: &str, value: &str, role: Role) {
        if value.is_empty() {
            return;
        }
        let room = self.width.saturating_sub(LABEL as u16).max(12);
        for (nth, part) in paint::wrap(value, room).into_iter().take(4).enumerate() {
            let label = if nth == 0 { label } else { "" };
            let mut line = Line::new(format!("{label:<LABEL$}"), self.ctx.style(Role::Dim));
            line.push(part, self.ctx.style(role));
            self.out.push(line);
        }
    }
}

fn tell(
    tenant: Of<&Tenant>,
    tokens: Option<&[TokenFacts]>,
    width: u16,
    ctx: &Ctx<'_>,
) -> Vec<Line> {
    let mut lines = Lines {
        out: Vec::new(),
        width,
        ctx,
    };
    let facts = &tenant.it.facts;
    if let Some(why) = &facts.broken {
        lines.field("not opened", why, Role::Bad);
        return lines.out;
    }
    let (_, role) = condition(tenant.condition());
    lines.field("feed", &feed(tenant, ctx), role);
    lines.field("trouble", trouble(tenant), Role::Bad);
    if let Some((at, level, text)) = &tenant.it.trouble
        && text != trouble(tenant)
    {
        let role = if *level == Level::Error {
            Role::NoticeError
        } else {
            Role::NoticeWarning
        };
        lines.field("last said", &format!("{} {text}", ctx.clock(*at)), role);
    }
    let writes = match (facts.read_only, tenant.read_only) {
        (true, _) => "read-only, by its profile or the command line",
        (false, true) => "read-only for this session; w allows them again",
        (false, false) => "allowed; w forbids them for this session",
    };
    lines.field("writes", writes, Role::Text);
    lines.field("limits", &limits(tenant, ctx), Role::Text);
    lines.field("cloud", &facts.cloud, Role::Text);
    lines.field("sign-in", &facts.way, Role::Text);
    lines.field("you", &facts.me, Role::Text);
    match tokens {
        None => lines.field("tokens", "reading…", Role::Dim),
        Some([]) => lines.field("tokens", "none is held yet", Role::Dim),
        Some(tokens) => {
            for token in tokens {
                let left = token.expires.duration_since(ctx.now).as_secs();
                let until = if left > 0 {
                    ctx.wake_next_minute();
                    format!("good for {}", time::exact(left))
                } else {
                    "expired".to_owned()
                };
                lines.out.push(Line::default());
                let held = format!("{}, {until}", token.resource);
                lines.field("token", &held, Role::Bright);
                lines.field("  as", &token.who, Role::Text);
                lines.field("  audience", &token.audience, Role::Text);
                lines.field("  may", &token.may.join(", "), Role::Text);
            }
        }
    }
    lines.out
}

fn feed(tenant: Of<&Tenant>, ctx: &Ctx<'_>) -> String {
    let word = tenant.condition().word();
    let Some(health) = &tenant.it.health else {
        return word.to_owned();
    };
    let mut text = match &health.state {
        FeedState::Lagging { since } | FeedState::Offline { since, .. } => {
            format!("{word} for {}", ctx.ago(*since))
        }
        FeedState::Throttled { until } => {
            ctx.wake_at(*until);
            format!("{word} until {}", time::clock_seconds(*until, ctx.zone()))
        }
        _ => word.to_owned(),
    };
    if let Some(progress) = health.syncing {
        let (incidents, alerts) = (progress.incidents, progress.alerts);
        let _ = write!(text, ", first read: {incidents} incidents, {alerts} alerts");
    }
    if let Some(at) = health.as_of
        && tenant.condition() != Condition::Starting
    {
        let at = time::clock_seconds(at, ctx.zone());
        let _ = write!(text, ", as of {at}");
    }
    if health.rejected > 0 {
        let _ = write!(text, ", {} rows not understood", health.rejected);
    }
    text
}

fn limits(tenant: Of<&Tenant>, ctx: &Ctx<'_>) -> String {
    let Some(budgets) = &tenant.it.budgets else {
        return String::new();
    };
    let mut text = format!(
        "{} of {} hunts used this minute",
        budgets.hunts_used, budgets.hunts_limit
    );
    for quota in Quota::ALL {
        if let Some(until) = budgets.cool_down(quota, ctx.now) {
            ctx.wake_at(until);
            let until = time::clock_seconds(until, ctx.zone());
            let _ = write!(text, ", {} listens again at {until}", quota.title());
        }
    }
    text
}
