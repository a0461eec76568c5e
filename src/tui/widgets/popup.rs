//! The ground, edge and title of a popup.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;

/// A popup's place: as large as asked, within the screen, centred, a little above the middle.
pub fn place(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(screen.height);
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 3,
        width,
        height,
    }
}

/// Draws ground, edge and title; returns the room inside. `danger` gives it the look of what takes
/// something away from somebody.
pub fn frame(
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    extra: &str,
    danger: bool,
    ctx: &Ctx<'_>,
) -> Rect {
    paint::fill(buf, area, ctx.style(Role::Popup));
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let role = if danger {
        Role::Danger
    } else {
        Role::PopupBorder
    };
    let edge = ctx.style(role);
    let (left, right) = (area.left(), area.right() - 1);
    let (top, bottom) = (area.top(), area.bottom() - 1);
    for x in left..=right {
        paint::text(buf, area, x, top, 1, "─", edge);
        paint::text(buf, area, x, bottom, 1, "─", edge);
    }
    for y in top..=bottom {
        let (a, b) = match y {
            y if y == top => ("┌", "┐"),
            y if y == bottom => ("└", "┘"),
            _ => ("│", "│"),
        };
        paint::text(buf, area, left, y, 1, a, edge);
        paint::text(buf, area, right, y, 1, b, edge);
    }
    let titled = Rect {
        width: area.width - 2,
        ..area
    };
    let style = if danger {
        edge
    } else {
        ctx.style(Role::PopupTitle)
    };
    let at = paint::text(
        buf,
        titled,
        left + 2,
        top,
        area.width.saturating_sub(4),
        &format!(" {title} "),
        style,
    );
    let size = paint::width(extra) + 2;
    if !extra.is_empty() && at + size < right {
        paint::text(
            buf,
            titled,
            right - size - 1,
            top,
            size,
            &format!(" {extra} "),
            edge,
        );
    }
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 4,
        height: area.height - 2,
    }
}
