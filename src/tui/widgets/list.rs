//! Choosing one of a few: the rows of a picker.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;

/// A row to choose.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// What is said about it, dim, behind.
    pub detail: String,
    /// Whether it is how things are now.
    pub current: bool,
    /// Whether it takes something away from somebody.
    pub danger: bool,
}

/// Draws the rows with the cursor on one; scrolls to keep it in sight.
pub fn draw(buf: &mut Buffer, area: Rect, rows: &[Row], cursor: usize, ctx: &Ctx<'_>) {
    let height = usize::from(area.height);
    if height == 0 {
        return;
    }
    let top = cursor.saturating_sub(height - 1);
    let widest = rows.iter().map(|row| paint::width(&row.label)).max();
    let labels = widest.unwrap_or(0).min(area.width.saturating_sub(4));
    for (line, (index, row)) in rows.iter().enumerate().skip(top).take(height).enumerate() {
        let y = area.y + line as u16;
        let style = ctx.style(if row.danger { Role::Bad } else { Role::Text });
        let sign = if row.current { "•" } else { " " };
        let at = paint::text(buf, area, area.x, y, 2, sign, ctx.style(Role::Accent));
        let x = (area.x + 2).max(at);
        paint::text(buf, area, x, y, labels, &row.label, style);
        let x = x + labels + 2;
        let room = area.right().saturating_sub(x);
        paint::text(buf, area, x, y, room, &row.detail, ctx.style(Role::Dim));
        if index == cursor {
            let whole = Rect {
                y,
                height: 1,
                ..area
            };
            paint::tint(buf, whole, ctx.style(Role::Selected));
        }
    }
}
