//! What lists of queries have in common: a query drawn in its colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::language::role_of;
use crate::kql::classify;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// A longer text is drawn without colours.
const MOST_COLOURED: usize = 8 * 1024;

/// Draws the first lines of a query in its colours, each cut at the edge.
pub(super) fn draw_code(query: &str, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let schema = ctx.data.schemas.shared();
    let parts = if query.len() <= MOST_COLOURED {
        classify(query, schema)
    } else {
        Vec::new()
    };
    let mut parts = parts.into_iter().peekable();
    let mut start = 0;
    for (row, line) in query.split('\n').take(usize::from(area.height)).enumerate() {
        let y = area.y + row as u16;
        let end = start + line.len();
        let mut x = area.x;
        let mut at = start;
        let mut put = |piece: &str, role: Role| {
            let room = area.right().saturating_sub(x);
            x = paint::text(buf, area, x, y, room, piece, ctx.style(role));
        };
        while let Some((span, kind)) = parts.peek() {
            let (from, to) = (span.start as usize, span.end as usize);
            if from >= end {
                break;
            }
            if let Some(between) = query.get(at..from.max(at)) {
                put(between, Role::Text);
            }
            if let Some(piece) = query.get(from.max(at)..to.min(end)) {
                put(piece, role_of(*kind));
            }
            at = to.min(end).max(at);
            if to > end {
                // It goes on in the next line.
                break;
            }
            parts.next();
        }
        if let Some(rest) = query.get(at..end) {
            put(rest, Role::Text);
        }
        start = end + 1;
    }
}
