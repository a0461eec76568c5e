//! Which tenants are shown: all, one or several, narrowed by what is typed.

use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{condition, ink};
use crate::domain::TenantNo;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::{paint, popup};

/// The popup.
pub(in crate::tui) struct Choose {
    input: Input,
    names: Vec<String>,
    /// Those that match; where nothing is typed, "all" stands before them.
    found: Vec<TenantNo>,
    marked: Vec<TenantNo>,
    cursor: usize,
}

impl Choose {
    /// The cursor on the one that is shown alone, those shown of several marked.
    pub(in crate::tui) fn new(data: &Data) -> Self {
        let tenants = &data.tenants;
        let names = tenants.iter().map(|it| it.facts.name.clone()).collect();
        let shown: Vec<TenantNo> = tenants.shown().map(|it| it.tenant).collect();
        let alone = tenants.only();
        let marked = if alone.is_some() || shown.len() == tenants.len() {
            Vec::new()
        } else {
            shown
        };
        let mut choose = Self {
            input: Input::default(),
            names,
            found: Vec::new(),
            marked,
            cursor: 0,
        };
        choose.narrow();
        choose.cursor = alone.map_or(0, |no| no.index() + 1);
        choose
    }

    /// Whether "all" is offered: while nothing is typed.
    fn offers_all(&self) -> bool {
        self.input.text().trim().is_empty()
    }

    fn rows(&self) -> usize {
        self.found.len() + usize::from(self.offers_all())
    }

    /// The tenant in focus; none on "all".
    fn focus(&self) -> Option<TenantNo> {
        let at = self.cursor.checked_sub(usize::from(self.offers_all()))?;
        self.found.get(at).copied()
    }

    fn narrow(&mut self) {
        let numbers = TenantNo::first(self.names.len());
        self.cursor = 0;
        if self.offers_all() {
            self.found = numbers.collect();
            return;
        }
        let wanted = self.input.text().trim();
        let pattern = Pattern::parse(wanted, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, TenantNo)> = numbers
            .zip(&self.names)
            .filter_map(|(no, name)| {
                let score = pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher)?;
                Some((score, no))
            })
            .collect();
        scored.sort_by_key(|(score, no)| (std::cmp::Reverse(*score), *no));
        self.found = scored.into_iter().map(|(_, no)| no).collect();
    }

    fn mark(&mut self) {
        if let Some(no) = self.focus() {
            match self.marked.iter().position(|known| *known == no) {
                Some(at) => {
                    self.marked.remove(at);
                }
                None => self.marked.push(no),
            }
            self.cursor = (self.cursor + 1).min(self.rows().saturating_sub(1));
        }
    }
}

impl Screen for Choose {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        "Tenants".into()
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        match chord.code {
            KeyCode::Tab => self.mark(),
            _ if self.input.key(chord) => self.narrow(),
            _ => {}
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.input.paste(text);
        self.narrow();
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.rows().saturating_sub(1);
        match command {
            Command::PickerDown => self.cursor = (self.cursor + 1).min(last),
            Command::PickerUp => self.cursor = self.cursor.saturating_sub(1),
            Command::PopupDown => self.cursor = (self.cursor + 10).min(last),
            Command::PopupUp => self.cursor = self.cursor.saturating_sub(10),
            Command::PickerChoose => {
                let these = match self.focus() {
                    _ if self.rows() == 0 => return true,
                    // "all", whatever is marked
                    None => Vec::new(),
                    Some(_) if !self.marked.is_empty() => self.marked.clone(),
                    Some(no) => vec![no],
                };
                cx.close();
                cx.act(Act::Tell(Msg::Show(these)));
            }
            _ => return false,
        }
        true
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let height = (self.names.len() as u16 + 5).min(area.height.saturating_sub(2));
        let place = popup::place(area, area.width.min(72), height.max(6));
        let extra = if self.marked.is_empty() {
            format!("{} of {}", self.found.len(), self.names.len())
        } else {
            format!("{} marked", self.marked.len())
        };
        let inside = popup::frame(buf, place, "Show which tenants?", &extra, false, ctx);
        let line = Rect {
            height: inside.height.min(1),
            ..inside
        };
        let at = paint::text(buf, line, line.x, line.y, 2, "/", ctx.style(Role::Accent));
        let field = Rect {
            x: at,
            width: line.right().saturating_sub(at),
            ..line
        };
        self.input
            .draw(buf, field, ctx.style(Role::Popup), true, ctx);
        let list = Rect {
            y: inside.y + 1,
            height: inside.height.saturating_sub(2),
            ..inside
        };
        let room = usize::from(list.height);
        let top = self.cursor.saturating_sub(room.saturating_sub(1));
        let all = usize::from(self.offers_all());
        for (line, row) in (top..self.rows()).take(room).enumerate() {
            let y = list.y + line as u16;
            match row.checked_sub(all).and_then(|at| self.found.get(at)) {
                None => {
                    let text = format!("all {} tenants", self.names.len());
                    let x = list.x + 2;
                    paint::text(buf, list, x, y, 40, &text, ctx.style(Role::Bright));
                }
                Some(no) => self.row(
                    *no,
                    buf,
                    Rect {
                        y,
                        height: 1,
                        ..list
                    },
                    ctx,
                ),
            }
            if row == self.cursor {
                let whole = Rect {
                    y,
                    height: 1,
                    ..list
                };
                paint::tint(buf, whole, ctx.style(Role::Selected));
            }
        }
        let hint = "⏎ shows   tab marks several   esc changes nothing";
        let y = inside.bottom().saturating_sub(1);
        let width = inside.width;
        paint::text(buf, inside, inside.x, y, width, hint, ctx.style(Role::Dim));
    }
}

impl Choose {
    fn row(&self, no: TenantNo, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let Some(tenant) = ctx.data.tenants.get(no) else {
            return;
        };
        let y = area.y;
        let mark = if self.marked.contains(&no) {
            "✓"
        } else {
            " "
        };
        paint::text(buf, area, area.x, y, 1, mark, ctx.style(Role::Marked));
        let names = area.width.saturating_sub(38).max(12);
        let name = &tenant.facts.name;
        paint::text(buf, area, area.x + 2, y, names, name, ctx.style(ink(no)));
        let x = area.x + 3 + names;
        let counts = &tenant.counts;
        let pieces = [
            (format!("▲{:<4}", counts.high), Role::SeverityHigh),
            (format!("■{:<4}", counts.medium), Role::SeverityMedium),
            (format!("●{:<4}", counts.low), Role::SeverityLow),
        ];
        let mut at = x;
        for (text, role) in &pieces {
            at = paint::text(buf, area, at, y, 6, text, ctx.style(*role));
        }
        let (sign, role) = condition(tenant.condition());
        let text = format!(" {sign} {}", tenant.condition().word());
        let room = area.right().saturating_sub(at);
        paint::text(buf, area, at, y, room, &text, ctx.style(role));
    }
}
