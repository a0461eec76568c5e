//! The query library: found by a few letters, looked at, opened with its parameters set.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::HuntMsg;
use super::parameters::ParameterForm;
use super::queries::{Picker, draw_code};
use crate::hunt::library::{self, Entry};
use crate::tui::commands::{Command, Scope};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{input::Input, paint, popup};

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// The name of a group, before this entry.
    Group(usize),
    /// An entry.
    Entry(usize),
}

/// The popup.
#[derive(Debug, Default)]
pub(super) struct LibraryPopup {
    input: Input,
    /// Empty while they are being read.
    entries: Vec<Arc<Entry>>,
    problems: Vec<String>,
    read: bool,
    lines: Vec<Line>,
    /// Place in `lines`, on an entry.
    cursor: usize,
}

impl Picker for LibraryPopup {
    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn narrow(&mut self) {
        let wanted = self.input.text().trim();
        let found = library::search(&self.entries, wanted);
        self.lines.clear();
        let mut group = None;
        for at in found {
            if wanted.is_empty() && group != Some(&self.entries[at].group) {
                group = Some(&self.entries[at].group);
                self.lines.push(Line::Group(at));
            }
            self.lines.push(Line::Entry(at));
        }
        self.cursor = 0;
        self.step(0);
    }

    /// Moves by so many lines and on to the next entry that way.
    fn step(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        let mut at = self.cursor.saturating_add_signed(by).min(last);
        let is_entry = |at: usize| matches!(self.lines.get(at), Some(Line::Entry(_)));
        if by < 0 {
            while at > 0 && !is_entry(at) {
                at -= 1;
            }
        }
        while at < last && !is_entry(at) {
            at += 1;
        }
        self.cursor = at;
    }

    fn open(&self, run: bool, cx: &mut Cx<'_>) {
        let Some(entry) = self.chosen().cloned() else {
            return;
        };
        cx.close();
        if entry.parameters.is_empty() {
            cx.act(opened(&entry, entry.query.clone(), run));
        } else {
            cx.popup(Box::new(ParameterForm::new(entry, run)));
        }
    }
}

impl LibraryPopup {
    fn chosen(&self) -> Option<&Arc<Entry>> {
        match self.lines.get(self.cursor)? {
            Line::Entry(at) => self.entries.get(*at),
            Line::Group(_) => None,
        }
    }
}

/// A query of the library in a tab.
pub(super) fn opened(entry: &Entry, query: String, run: bool) -> Act {
    Act::Hunt {
        tenants: Vec::new(),
        title: entry.title.clone(),
        // with its head: what is known of it is kept with what is made of it
        query: entry.headed(&query),
        run,
    }
}

impl Screen for LibraryPopup {
    fn scope(&self) -> Scope {
        Scope::Queries
    }

    fn title(&self) -> String {
        "Query library".to_owned()
    }

    fn typing(&self) -> bool {
        true
    }

    fn key(&mut self, chord: Chord, _cx: &mut Cx<'_>) {
        self.typed(chord);
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.pasted(text);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        self.commanded(command, cx)
    }

    fn message(&mut self, msg: &Msg, _cx: &mut Cx<'_>) {
        if let Msg::Hunt(HuntMsg::Library(found)) = msg {
            let (entries, problems) = (**found).clone().shared();
            self.entries = entries;
            self.problems = problems;
            self.read = true;
            self.narrow();
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(2).min(150);
        let height = area.height.saturating_sub(1).min(50);
        let place = popup::place(area, width, height.max(6));
        let count = self.lines.iter().filter(|it| matches!(it, Line::Entry(_)));
        let extra = match (self.read, self.problems.len()) {
            (false, _) => "reading…".to_owned(),
            (true, 0) => format!("{} of {}", count.count(), self.entries.len()),
            (true, bad) => format!(
                "{} of {}, {bad} not read",
                count.count(),
                self.entries.len()
            ),
        };
        let inside = popup::frame(buf, place, "Query library", &extra, false, ctx);
        let field = Rect {
            height: 1.min(inside.height),
            ..inside
        };
        self.input
            .draw(buf, field, ctx.style(Role::InputFocused), true, ctx);
        let below = Rect {
            y: inside.y + 1,
            height: inside.height.saturating_sub(1),
            ..inside
        };
        // Wide: the query beside its title; else below the list.
        let (list, preview) = if below.width >= 100 {
            let list = below.width * 2 / 5;
            (
                Rect {
                    width: list,
                    ..below
                },
                Rect {
                    x: below.x + list + 2,
                    width: below.width - list - 2,
                    ..below
                },
            )
        } else {
            let list = (below.height * 2 / 5).max(3).min(below.height);
            (
                Rect {
                    height: list,
                    ..below
                },
                Rect {
                    y: below.y + list,
                    height: below.height - list,
                    ..below
                },
            )
        };
        self.draw_list(buf, list, ctx);
        if let Some(entry) = self.chosen() {
            draw_entry(entry, buf, preview, below.width < 100, ctx);
        } else if self.read && self.entries.is_empty() {
            let (x, y, width) = (preview.x, preview.y, preview.width);
            paint::text(
                buf,
                preview,
                x,
                y,
                width,
                "no query matches",
                ctx.style(Role::Dim),
            );
        }
    }
}

impl LibraryPopup {
    fn draw_list(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let height = usize::from(area.height).max(1);
        // The head of the first group stays in sight with its first entry.
        let top = self.cursor.saturating_sub(height - 1);
        let top = if self.cursor == 1 { 0 } else { top };
        for (row, line) in self.lines.iter().skip(top).take(height).enumerate() {
            let y = area.y + row as u16;
            match line {
                Line::Group(at) => {
                    let group = &self.entries[*at].group;
                    paint::text(
                        buf,
                        area,
                        area.x,
                        y,
                        area.width,
                        group,
                        ctx.style(Role::Title),
                    );
                }
                Line::Entry(at) => {
                    let entry = &self.entries[*at];
                    let x = area.x + 2;
                    let room = area.width.saturating_sub(2);
                    let end =
                        paint::text(buf, area, x, y, room, &entry.title, ctx.style(Role::Text));
                    if !self.input.text().trim().is_empty() {
                        let room = area.right().saturating_sub(end + 2);
                        let style = ctx.style(Role::Dim);
                        paint::text_right(buf, area, end + 2, y, room, &entry.group, style);
                    }
                    if top + row == self.cursor {
                        let whole = Rect {
                            y,
                            height: 1,
                            ..area
                        };
                        paint::tint(buf, whole, ctx.style(Role::Selected));
                    }
                }
            }
        }
    }
}

fn draw_entry(entry: &Entry, buf: &mut Buffer, area: Rect, rule: bool, ctx: &Ctx<'_>) {
    let mut y = area.y;
    if rule && area.height > 0 {
        let line = "─".repeat(usize::from(area.width));
        paint::text(
            buf,
            area,
            area.x,
            y,
            area.width,
            &line,
            ctx.style(Role::Rule),
        );
        y += 1;
    }
    let mut put = |text: &str, role: Role, most: usize| {
        for line in paint::wrap(text, area.width).iter().take(most) {
            if y < area.bottom() {
                paint::text(buf, area, area.x, y, area.width, line, ctx.style(role));
                y += 1;
            }
        }
    };
    put(&entry.about, Role::Text, 3);
    let mut facts: Vec<&str> = Vec::new();
    let tactics = entry.tactics.join(" ");
    let techniques = entry.techniques.join(" ");
    let tags = entry.tags.join(" ");
    facts.extend([&*tactics, &*techniques, &*tags, entry.needs.as_str()]);
    let file = entry.file.as_ref().map(|file| file.display().to_string());
    facts.extend(file.as_deref());
    facts.retain(|it| !it.is_empty());
    put(&facts.join(" · "), Role::Dim, 2);
    let code = Rect {
        y: y.min(area.bottom()),
        height: area.bottom().saturating_sub(y),
        ..area
    };
    draw_code(&entry.query, buf, code, ctx);
}
