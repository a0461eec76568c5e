//! The first line: tenant, feed, open incidents in numbers, time. What there is no room for falls
//! away from the least important on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::screen::Ctx;
use super::theme::Role;
use super::widgets::{paint, time};

/// Draws it.
pub fn draw(buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let data = ctx.data;
    let counts = &data.counts;
    // (importance: the highest falls away first, text, style)
    let mut left: Vec<(u8, String, Style)> = Vec::new();
    left.push((8, "nightjar ".into(), ctx.style(Role::Dim)));
    if !data.settings.tenant.is_empty() {
        left.push((0, data.settings.tenant.clone(), ctx.style(Role::Tenant)));
    }
    if data.settings.demo {
        left.push((3, " demo".into(), ctx.style(Role::Demo)));
    }
    if data.settings.read_only {
        left.push((0, " ".into(), ctx.style(Role::Header)));
        left.push((0, " read-only ".into(), ctx.style(Role::ReadOnly)));
    }
    if data.settings.connected {
        left.push((1, "   ".into(), ctx.style(Role::Header)));
        for (sign, count, role) in [
            ("▲", counts.high, Role::SeverityHigh),
            ("■", counts.medium, Role::SeverityMedium),
            ("●", counts.low, Role::SeverityLow),
            ("·", counts.other, Role::SeverityInformational),
        ] {
            let importance = if sign == "·" { 6 } else { 2 };
            left.push((importance, format!("{sign}{count} "), ctx.style(role)));
        }
        left.push((4, "  unassigned ".into(), ctx.style(Role::Dim)));
        let role = if counts.unassigned > 0 {
            Role::Bright
        } else {
            Role::Dim
        };
        left.push((4, counts.unassigned.to_string(), ctx.style(role)));
        if let Some(oldest) = counts.oldest_unassigned {
            ctx.wake_next_minute();
            let age = time::minute_of(ctx.now).duration_since(oldest).as_secs();
            left.push((5, "  oldest ".into(), ctx.style(Role::Dim)));
            left.push((5, time::exact(age), ctx.style(Role::Text)));
        }
    }
    ctx.wake_next_minute();
    let zone = if data.local_time { "local" } else { "UTC" };
    let clock = format!("{} {zone}", ctx.clock(ctx.now));
    let right = paint::width(&clock) + 2;
    let mut limit = 9;
    let total = |limit: u8| -> u16 {
        let kept = left
            .iter()
            .filter(|(importance, _, _)| *importance <= limit);
        kept.map(|(_, text, _)| paint::width(text)).sum()
    };
    while limit > 0 && total(limit) + right + 1 > area.width {
        limit -= 1;
    }
    let mut x = area.x + 1;
    for (_, text, style) in left
        .iter()
        .filter(|(importance, _, _)| *importance <= limit)
    {
        let room = area.right().saturating_sub(x);
        x = paint::text(buf, area, x, area.y, room, text, *style);
    }
    if x + right <= area.right() {
        paint::text(
            buf,
            area,
            area.right() - right + 1,
            area.y,
            right,
            &clock,
            ctx.style(Role::Text),
        );
    }
}
