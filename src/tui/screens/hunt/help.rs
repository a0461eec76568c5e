//! Help at the caret: the call being written, and what a name is.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use super::completion::beside;
use crate::hunt::Finding;
use crate::kql::assist::{Hover, SignatureHelp};
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// Bytes before the caret in which the bracket of a call is looked for.
const REACH: usize = 4_000;

/// What stands at the caret, in words.
#[derive(Debug, Default)]
pub(super) struct About {
    lines: Vec<(String, Role)>,
}

impl About {
    /// What is wrong at the caret, and what the thing there is; none where there is nothing to say.
    pub(super) fn new<'f>(
        findings: impl Iterator<Item = &'f Finding>,
        hover: Option<Hover>,
    ) -> Option<Self> {
        let mut lines = Vec::new();
        for finding in findings {
            let role = if finding.error {
                Role::NoticeError
            } else {
                Role::NoticeWarning
            };
            lines.push((format!("{} {}", finding.code, finding.message), role));
        }
        if let Some(hover) = hover {
            lines.push((hover.title, Role::Bright));
            lines.extend(hover.body.into_iter().map(|it| (it, Role::Text)));
        }
        (!lines.is_empty()).then_some(Self { lines })
    }

    /// Draws it by the caret.
    pub(super) fn draw(&self, buf: &mut Buffer, area: Rect, caret: Position, ctx: &Ctx<'_>) {
        let inner = area.width.saturating_sub(4).min(76);
        let lines: Vec<(String, Role)> = self
            .lines
            .iter()
            .flat_map(|(text, role)| {
                let lines = paint::wrap(text, inner).into_iter();
                lines.map(|line| (line, *role))
            })
            .collect();
        let widest = lines.iter().map(|(line, _)| paint::width(line)).max();
        let size = (widest.unwrap_or(0) + 2, lines.len() as u16);
        let Some(place) = beside(area, caret, 1, size) else {
            return;
        };
        let ground = ctx.style(Role::Popup);
        paint::fill(buf, place, ground);
        for (nth, (line, role)) in lines.iter().take(usize::from(place.height)).enumerate() {
            let style = ground.patch(ctx.style(*role));
            paint::text(
                buf,
                place,
                place.x + 1,
                place.y + nth as u16,
                inner,
                line,
                style,
            );
        }
    }
}

/// Whether a call may be open at the end of a text: an opening bracket is not closed.
pub(super) fn in_call(before: &str) -> bool {
    let mut depth = 0_i32;
    for byte in before.bytes().rev().take(REACH) {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => return true,
            b'(' => depth -= 1,
            b';' => return false,
            _ => {}
        }
    }
    false
}

/// Draws the call around the caret on one line, its present parameter emphasised: below the caret's
/// line, or above where `taken` stands below.
pub(super) fn draw_signature(
    help: &SignatureHelp,
    buf: &mut Buffer,
    area: Rect,
    caret: Position,
    taken: Rect,
    ctx: &Ctx<'_>,
) {
    let Some(signature) = help.signatures.get(help.active) else {
        return;
    };
    let below = caret.y + 1;
    let free = |y: u16| {
        y >= area.top()
            && y < area.bottom()
            && !(taken.height > 0 && (taken.top()..taken.bottom()).contains(&y))
    };
    let Some(y) = [Some(below), caret.y.checked_sub(1)]
        .into_iter()
        .flatten()
        .find(|y| free(*y))
    else {
        return;
    };
    let active = help
        .parameter
        .and_then(|nth| signature.parameters.get(nth))
        .cloned();
    let active = active.filter(|range| signature.label.get(range.clone()).is_some());
    let count = if help.signatures.len() > 1 {
        format!("{}/{} ", help.active + 1, help.signatures.len())
    } else {
        String::new()
    };
    let label = &signature.label;
    let (head, parameter, tail) = match active {
        Some(range) => (
            &label[..range.start],
            &label[range.clone()],
            &label[range.end..],
        ),
        None => (label.as_str(), "", ""),
    };
    let summary = if help.summary.is_empty() {
        String::new()
    } else {
        format!("  {}", help.summary)
    };
    let ground = ctx.style(Role::Popup);
    let strong = ground
        .patch(ctx.style(Role::Accent))
        .add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let plain = ground.patch(ctx.style(Role::Text));
    let dim = ground.patch(ctx.style(Role::Dim));
    let pieces = [
        (count.as_str(), dim),
        (head, plain),
        (parameter, strong),
        (tail, plain),
        (summary.as_str(), dim),
    ];
    let whole: u16 = pieces
        .iter()
        .map(|(text, _)| paint::width(text))
        .fold(2, u16::saturating_add);
    let width = whole.min(area.width);
    // a parameter far to the right is more than the head of the call
    let x = (caret.x.saturating_sub(2))
        .min(area.right() - width)
        .max(area.x);
    let place = Rect {
        x,
        y,
        width,
        height: 1,
    };
    paint::fill(buf, place, ground);
    let inner = Rect {
        x: x + 1,
        width: width.saturating_sub(1),
        ..place
    };
    let over = paint::width(&count) + paint::width(head) + paint::width(parameter);
    if over + 2 > width {
        let cut = paint::middle(
            head,
            width.saturating_sub(paint::width(parameter) + 4).max(4),
        );
        paint::pieces(
            buf,
            inner,
            inner.x,
            y,
            &[(&cut, plain), (parameter, strong), (tail, plain)],
        );
    } else {
        paint::pieces(buf, inner, inner.x, y, &pieces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_open_until_its_bracket_is_closed() {
        for (before, open) in [
            ("T | where ago(", true),
            ("T | where ago(1d", true),
            ("f(a, (b)", true),
            ("f(a)", false),
            ("let f = (x); T", false),
            ("T", false),
        ] {
            assert_eq!(in_call(before), open, "{before}");
        }
    }
}
