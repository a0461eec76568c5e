//! How the list of words is drawn, and what is known of the one in focus beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Popup, ROWS, beside};
use crate::kql::complete::ItemKind;
use crate::kql::schema::Presence;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::paint;

/// Cells of what is said beside the list.
const BESIDE: u16 = 48;

impl Popup {
    /// Draws it by the caret's cell; `before` cells of the word stand before that.
    pub(in super::super) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        caret: Position,
        before: u16,
        ctx: &Ctx<'_>,
    ) -> Rect {
        // phrases far down do not widen the list
        let items = self.shown.iter().take(200).map(|at| &self.all.items[*at]);
        let labels = items
            .enumerate()
            .filter(|(nth, it)| *nth < usize::from(ROWS) || it.kind != ItemKind::Snippet)
            .map(|(_, it)| paint::width(&it.label))
            .max();
        let width = (labels.unwrap_or(0).clamp(12, 44) + 13).min(area.width);
        let rows = (self.shown.len() as u16).min(ROWS);
        let Some(place) = beside(area, caret, before + 2, (width, rows)) else {
            self.place.set(Rect::default());
            return Rect::default();
        };
        let top = self.top.get();
        let height = usize::from(place.height);
        let top = top.min(self.at).max((self.at + 1).saturating_sub(height));
        self.top.set(top);
        self.place.set(place);
        paint::fill(buf, place, ctx.style(Role::Popup));
        for (line, at) in self.shown.iter().skip(top).take(height).enumerate() {
            let item = &self.all.items[*at];
            let y = place.y + line as u16;
            let row = Rect {
                y,
                height: 1,
                ..place
            };
            let (sign, role) = sign(item.kind);
            let lacks = item.presence == Presence::NotSeen;
            let ground = |role| ctx.style(Role::Popup).patch(ctx.style(role));
            paint::text(buf, row, row.x + 1, y, 1, sign, ground(role));
            let room = place.width.saturating_sub(13);
            paint::text(
                buf,
                row,
                row.x + 3,
                y,
                room,
                &item.label,
                ground(if lacks { Role::Dim } else { Role::Text }),
            );
            let kind = match item.ty {
                _ if lacks => "not seen",
                Some(ty) => ty.name(),
                None => word_of(item.kind),
            };
            let x = row.x + 3 + room;
            paint::text_right(buf, row, x, y, 9, kind, ground(Role::Dim));
            if top + line == self.at {
                paint::tint(buf, row, ctx.style(Role::Selected));
            }
        }
        if self.shown.len() > height {
            // where in the list this is
            let span = (height * height / self.shown.len()).max(1);
            let last = self.shown.len() - height;
            let from = (height - span) * top / last.max(1);
            for line in from..(from + span).min(height) {
                let (x, y) = (place.right() - 1, place.y + line as u16);
                paint::text(
                    buf,
                    place,
                    x,
                    y,
                    1,
                    "▐",
                    ctx.style(Role::Popup).patch(ctx.style(Role::Rule)),
                );
            }
        }
        self.draw_about(buf, area, place, ctx);
        place
    }

    /// What is known of the word in focus, beside the list where there is room.
    fn draw_about(&self, buf: &mut Buffer, area: Rect, list: Rect, ctx: &Ctx<'_>) {
        let Some(about) = &self.about else { return };
        let right = area.right() - list.right();
        let left = list.x - area.x;
        let width = right.max(left).min(BESIDE);
        if width < 24 {
            return;
        }
        let inner = width - 2;
        let mut lines: Vec<(String, Role)> = Vec::new();
        lines.extend(
            paint::wrap(&about.title, inner)
                .into_iter()
                .map(|it| (it, Role::Bright)),
        );
        for paragraph in &about.body {
            lines.extend(
                paint::wrap(paragraph, inner)
                    .into_iter()
                    .map(|it| (it, Role::Text)),
            );
        }
        // as long as the list, or longer where there is room
        let below = list.y >= area.y && list.bottom() < area.bottom();
        let most = if below {
            area.bottom() - list.y
        } else {
            list.height
        };
        let height = (lines.len() as u16)
            .min(most.max(list.height))
            .min(ROWS + 2);
        let place = Rect {
            x: if right >= left {
                list.right()
            } else {
                list.x - width
            },
            y: list.y,
            width,
            height: height.max(list.height).min(most),
        };
        let ground = ctx.style(Role::Popup);
        paint::fill(buf, place, ground);
        for y in place.top()..place.bottom() {
            paint::text(
                buf,
                place,
                place.x,
                y,
                1,
                "│",
                ground.patch(ctx.style(Role::Rule)),
            );
        }
        for (nth, (line, role)) in lines.iter().take(usize::from(place.height)).enumerate() {
            let y = place.y + nth as u16;
            let cut = nth + 1 == usize::from(place.height) && lines.len() > nth + 1;
            let line = if cut {
                format!("{line} …")
            } else {
                line.clone()
            };
            paint::text(
                buf,
                place,
                place.x + 2,
                y,
                inner,
                &line,
                ground.patch(ctx.style(*role)),
            );
        }
    }
}

fn sign(kind: ItemKind) -> (&'static str, Role) {
    match kind {
        ItemKind::Column => ("c", Role::KqlColumn),
        ItemKind::Table => ("t", Role::KqlTable),
        ItemKind::Variable => ("v", Role::KqlVariable),
        ItemKind::Parameter => ("p", Role::KqlVariable),
        ItemKind::Function | ItemKind::PlugIn => ("f", Role::KqlFunction),
        ItemKind::Aggregate => ("Σ", Role::KqlFunction),
        ItemKind::Operator => ("|", Role::KqlKeyword),
        ItemKind::ScalarOperator => ("=", Role::KqlKeyword),
        ItemKind::Keyword => ("k", Role::KqlKeyword),
        ItemKind::Value => ("#", Role::KqlNumber),
        ItemKind::Type => ("T", Role::KqlType),
        ItemKind::Snippet => ("…", Role::Accent),
    }
}

fn word_of(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Column => "column",
        ItemKind::Table => "table",
        ItemKind::Variable => "let",
        ItemKind::Parameter => "parameter",
        ItemKind::Function => "function",
        ItemKind::Aggregate => "aggregate",
        ItemKind::PlugIn => "plug-in",
        ItemKind::Operator | ItemKind::ScalarOperator => "operator",
        ItemKind::Keyword => "keyword",
        ItemKind::Value => "value",
        ItemKind::Type => "type",
        ItemKind::Snippet => "phrase",
    }
}
