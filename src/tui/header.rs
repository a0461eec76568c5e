//! The first line: tenant, feed, open incidents in numbers, time. What there is no room for falls
//! away from the least important on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::data::{Condition, Tenant};
use super::screen::Ctx;
use super::screens::tenants::condition;
use super::theme::Role;
use super::widgets::{paint, time};
use crate::feed::FeedState;

/// Draws it.
pub fn draw(buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let data = ctx.data;
    let counts = &data.counts;
    // (importance: the highest falls away first, text, style)
    let mut left: Vec<(u8, String, Style)> = Vec::new();
    left.push((8, "nightjar ".into(), ctx.style(Role::Dim)));
    let only = data.tenants.only().and_then(|no| data.tenants.get(no));
    let name = only.map(|tenant| tenant.facts.name.as_str());
    let (shown, all) = (data.tenants.shown().count(), data.tenants.len());
    match name {
        Some(name) => left.push((0, name.to_owned(), ctx.style(Role::Tenant))),
        None if all == 0 => {}
        None if shown < all => {
            let text = format!("{shown} of {all} tenants");
            left.push((0, text, ctx.style(Role::Tenant)));
        }
        None => left.push((0, format!("{all} tenants"), ctx.style(Role::Tenant))),
    }
    if name.is_some() && all > 1 {
        left.push((2, format!(" 1 of {all}"), ctx.style(Role::Dim)));
    }
    if data.settings.demo && name != Some("demo") {
        left.push((3, " demo".into(), ctx.style(Role::Demo)));
    }
    if data.tenants.all_read_only() {
        left.push((0, " ".into(), ctx.style(Role::Header)));
        left.push((0, " read-only ".into(), ctx.style(Role::ReadOnly)));
    }
    if !data.tenants.is_empty() {
        left.push((1, "   ".into(), ctx.style(Role::Header)));
        match only {
            Some(tenant) => {
                let (text, role) = feed(tenant, ctx);
                left.push((1, text, ctx.style(role)));
            }
            None => conditions(ctx, &mut left),
        }
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
    if let Some(budgets) = only.and_then(|tenant| tenant.budgets.as_ref()) {
        let (used, allowed) = (budgets.hunts_used, budgets.hunts_limit);
        left.push((7, "  hunts ".into(), ctx.style(Role::Dim)));
        left.push((7, format!("{used}/{allowed}"), ctx.style(Role::Text)));
    }
    if !data.writing.is_empty() {
        left.push((
            2,
            format!("  sending {}…", data.writing.len()),
            ctx.style(Role::ActionOpen),
        ));
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

/// How many of the tenants shown are in which condition, the worst last: it stays the longest.
fn conditions(ctx: &Ctx<'_>, left: &mut Vec<(u8, String, Style)>) {
    let mut each: Vec<(Condition, usize)> = Vec::new();
    for tenant in ctx.data.tenants.shown() {
        let now = tenant.condition();
        match each.iter_mut().find(|(known, _)| *known == now) {
            Some((_, count)) => *count += 1,
            None => each.push((now, 1)),
        }
    }
    each.sort_unstable();
    let last = each.len().saturating_sub(1);
    for (at, (now, count)) in each.into_iter().enumerate() {
        let importance = if at == last { 1 } else { 3 };
        let (sign, role) = condition(now);
        let text = format!("{sign} {count} {}", now.word());
        left.push((importance, text, ctx.style(role)));
        if at < last {
            left.push((3, " · ".into(), ctx.style(Role::Dim)));
        }
    }
}

/// How the feed of a tenant is, and since when.
fn feed(tenant: &Tenant, ctx: &Ctx<'_>) -> (String, Role) {
    if tenant.facts.broken.is_some() {
        return ("✗ not opened".into(), Role::FeedOffline);
    }
    let Some(health) = &tenant.health else {
        return ("○ starting".into(), Role::Dim);
    };
    let as_of = health
        .as_of
        .map(|at| (time::ago(at, ctx.now), ctx.clock(at)));
    if let Some(progress) = health.syncing
        && matches!(health.state, FeedState::Live | FeedState::Starting)
    {
        let rows = progress.incidents + progress.alerts;
        return (format!("◐ first read, {rows} rows"), Role::FeedLagging);
    }
    match &health.state {
        FeedState::Starting => ("○ starting".into(), Role::Dim),
        FeedState::Live => match as_of {
            // Within a minute it is simply live: a count of seconds would draw a frame for each.
            Some((age, _)) if age != "now" => (format!("● live {age}"), Role::FeedLive),
            _ => ("● live".into(), Role::FeedLive),
        },
        FeedState::Lagging { since } => {
            (format!("◌ lagging {}", ctx.ago(*since)), Role::FeedLagging)
        }
        FeedState::Throttled { until } => {
            let left = until.duration_since(ctx.now).as_secs().max(0);
            ctx.wake_at(*until);
            let left = if left < 60 {
                format!("until {}", time::clock_seconds(*until, ctx.zone()))
            } else {
                time::exact(left)
            };
            (format!("◌ told to wait {left}"), Role::FeedLagging)
        }
        FeedState::Offline { since, .. } => {
            let seen = as_of
                .map(|(_, clock)| format!(", as of {clock}"))
                .unwrap_or_default();
            (
                format!("✗ offline {}{seen}", ctx.ago(*since)),
                Role::FeedOffline,
            )
        }
        FeedState::SignIn { .. } => ("✗ sign-in refused".into(), Role::FeedOffline),
    }
}
