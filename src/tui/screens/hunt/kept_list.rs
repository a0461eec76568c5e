//! The results that are kept here: opened, named, dropped.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::prompt::Prompt;
use super::{HuntAsk, HuntMsg, OpenTab, queries};
use crate::domain::text;
use crate::hunt::Place;
use crate::hunt::local::{Held, KeptResult};
use crate::tui::commands::{Command, Scope};
use crate::tui::msg::{Act, Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup.
#[derive(Debug, Default)]
pub(super) struct KeptList {
    /// `None` while it is being read.
    held: Option<Result<Arc<Held>, String>>,
    cursor: usize,
}

impl KeptList {
    fn all(&self) -> &[KeptResult] {
        match &self.held {
            Some(Ok(held)) => &held.kept,
            _ => &[],
        }
    }

    fn here(&self) -> Option<&KeptResult> {
        self.all().get(self.cursor)
    }
}

impl Screen for KeptList {
    fn scope(&self) -> Scope {
        Scope::Kept
    }

    fn title(&self) -> String {
        "Kept results".to_owned()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.all().len().saturating_sub(1);
        match command {
            Command::PickerDown => self.cursor = (self.cursor + 1).min(last),
            Command::PickerUp => self.cursor = self.cursor.saturating_sub(1),
            Command::PopupDown => self.cursor = (self.cursor + 10).min(last),
            Command::PopupUp => self.cursor = self.cursor.saturating_sub(10),
            Command::PickerChoose => {
                let Some(kept) = self.here() else { return true };
                let tab = OpenTab {
                    query: kept.written().into(),
                    place: Place::Local,
                    ..OpenTab::default()
                };
                cx.close();
                cx.act(Act::Tell(Msg::Hunt(HuntMsg::Again(tab, true))));
            }
            Command::KeptDrop => {
                if let Some(kept) = self.here() {
                    cx.effect(Effect::Hunt(HuntAsk::DropKept(kept.id)));
                }
            }
            Command::KeptRename => {
                let Some(kept) = self.here() else { return true };
                let (id, name) = (kept.id, kept.name.clone().unwrap_or_default());
                let hint = "Letters, digits and underscores. Its number stays too.";
                let title = format!("A name for {}", kept.number());
                let popup = Prompt::new(title, hint, name, move |name, cx| {
                    cx.effect(Effect::Hunt(HuntAsk::RenameKept(id, name)));
                });
                cx.popup(Box::new(popup));
            }
            _ => return false,
        }
        true
    }

    fn message(&mut self, msg: &Msg, _cx: &mut Cx<'_>) {
        if let Msg::Hunt(HuntMsg::Held { held, .. }) = msg {
            self.held = Some(held.clone());
            self.cursor = self.cursor.min(self.all().len().saturating_sub(1));
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(110);
        let height = area.height.saturating_sub(2).min(24);
        let place = popup::place(area, width, height.max(6));
        let all = self.all();
        let extra = match &self.held {
            None => "reading…".to_owned(),
            Some(Err(_)) => "not read".to_owned(),
            Some(Ok(_)) => {
                let bytes: u64 = all.iter().map(|it| it.bytes).sum();
                format!("{} · {}", all.len(), size(bytes))
            }
        };
        let inside = popup::frame(buf, place, "Kept results", &extra, false, ctx);
        let empty = match &self.held {
            Some(Err(why)) => Some((why.as_str(), Role::NoticeError)),
            Some(Ok(_)) if all.is_empty() => Some((
                "Nothing is kept yet: every result of Defender is, from now on.",
                Role::Dim,
            )),
            _ => None,
        };
        if let Some((words, role)) = empty {
            let words = text::clean(words);
            paint::text(
                buf,
                inside,
                inside.x,
                inside.y,
                inside.width,
                &words,
                ctx.style(role),
            );
            return;
        }
        let preview = if inside.height < 13 {
            0
        } else {
            inside.height / 3
        };
        let list = Rect {
            height: inside.height - preview,
            ..inside
        };
        let shown = usize::from(list.height).max(1);
        let top = self.cursor.saturating_sub(shown - 1);
        for (line, kept) in all.iter().skip(top).take(shown).enumerate() {
            let y = list.y + line as u16;
            draw_line(
                kept,
                buf,
                Rect {
                    y,
                    height: 1,
                    ..list
                },
                ctx,
            );
            if top + line == self.cursor {
                let row = Rect {
                    y,
                    height: 1,
                    ..list
                };
                paint::tint(buf, row, ctx.style(Role::Selected));
            }
        }
        if let (1.., Some(kept)) = (preview, self.here()) {
            let y = list.bottom();
            let rule = "─".repeat(usize::from(inside.width));
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                &rule,
                ctx.style(Role::Rule),
            );
            let code = Rect {
                y: y + 1,
                height: preview - 1,
                ..inside
            };
            queries::draw_code(&kept.query, buf, code, ctx);
        }
    }
}

fn draw_line(kept: &KeptResult, buf: &mut Buffer, line: Rect, ctx: &Ctx<'_>) {
    let y = line.y;
    let age = ctx.ago(kept.as_of);
    let rows = match kept.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    paint::text_right(buf, line, line.x, y, 4, &age, ctx.style(Role::Time));
    let number = kept.number();
    paint::text(
        buf,
        line,
        line.x + 6,
        y,
        6,
        &number,
        ctx.style(Role::Bright),
    );
    let name = kept.name.as_deref().unwrap_or_default();
    paint::text(buf, line, line.x + 12, y, 14, name, ctx.style(Role::Text));
    paint::text_right(buf, line, line.x + 27, y, 12, &rows, ctx.style(Role::Dim));
    let mut x = line.x + 41;
    if ctx.data.tenants.several() {
        let of = match kept.tenants.as_slice() {
            [one] => one.clone(),
            many => format!("{} tenants", many.len()),
        };
        paint::text(buf, line, x, y, 12, &of, ctx.style(Role::Dim));
        x += 14;
    }
    let words: Vec<&str> = kept.query.split_whitespace().collect();
    let room = line.right().saturating_sub(x);
    paint::text(
        buf,
        line,
        x,
        y,
        room,
        &words.join(" "),
        ctx.style(Role::Text),
    );
}

/// `12 kB`, `3.4 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
