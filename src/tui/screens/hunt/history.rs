//! Earlier queries, narrowed by what is typed.

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::queries::{Picker, draw_code};
use super::{HuntMsg, OpenTab, took};
use crate::domain::Of;
use crate::hunt::Place;
use crate::store::HuntRecord;
use crate::tui::commands::{Command, Scope};
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{input::Input, paint, popup};

/// The popup.
#[derive(Debug, Default)]
pub(super) struct History {
    input: Input,
    /// `None` while it is being read.
    records: Option<Result<Arc<Vec<Of<HuntRecord>>>, String>>,
    /// Places in `records`, best first.
    found: Vec<usize>,
    cursor: usize,
}

impl History {
    fn all(&self) -> &[Of<HuntRecord>] {
        match &self.records {
            Some(Ok(records)) => records,
            _ => &[],
        }
    }
}

impl Picker for History {
    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Narrows. The newest run of a text stands for all its runs.
    fn narrow(&mut self) {
        let mut seen = std::collections::HashSet::new();
        let records = self.all();
        let distinct = (0..records.len()).filter(|&at| seen.insert(records[at].query.as_str()));
        let wanted = self.input.text().trim();
        let mut found: Vec<(u32, usize)> = if wanted.is_empty() {
            distinct.map(|at| (0, at)).collect()
        } else {
            let pattern = Pattern::parse(wanted, CaseMatching::Smart, Normalization::Smart);
            let mut matcher = Matcher::new(Config::DEFAULT);
            let mut buffer = Vec::new();
            distinct
                .filter_map(|at| {
                    let text = Utf32Str::new(&records[at].query, &mut buffer);
                    pattern.score(text, &mut matcher).map(|score| (score, at))
                })
                .collect()
        };
        found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.found = found.into_iter().map(|(_, at)| at).collect();
        self.cursor = 0;
    }

    fn step(&mut self, by: isize) {
        let last = self.found.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    /// The query in a tab; run again, it asks whom it asked before.
    fn open(&self, run: bool, cx: &mut Cx<'_>) {
        let record = self
            .found
            .get(self.cursor)
            .map(|&at| self.all()[at].clone());
        cx.close();
        if let Some(record) = record.clone()
            && Place::named(&record.engine) == Place::Local
        {
            let tab = OpenTab {
                tenants: vec![record.tenant],
                query: record.it.query.into(),
                place: Place::Local,
                ..OpenTab::default()
            };
            cx.act(Act::Tell(Msg::Hunt(HuntMsg::Again(tab, run))));
        } else if let Some(record) = record {
            let several = cx.data.tenants.several();
            cx.act(Act::Hunt {
                tenants: if several {
                    vec![record.tenant]
                } else {
                    Vec::new()
                },
                title: String::new(),
                query: record.it.query,
                run,
            });
        }
    }
}

impl Screen for History {
    fn scope(&self) -> Scope {
        Scope::Queries
    }

    fn title(&self) -> String {
        "History".to_owned()
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
        if let Msg::Hunt(HuntMsg::History(answer)) = msg {
            self.records = Some(answer.clone());
            self.narrow();
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(120);
        let height = area.height.saturating_sub(2).min(26);
        let place = popup::place(area, width, height.max(6));
        let extra = match &self.records {
            None => "reading…".to_owned(),
            Some(Err(_)) => "not read".to_owned(),
            Some(Ok(_)) => format!("{} of {}", self.found.len(), self.all().len()),
        };
        let inside = popup::frame(buf, place, "Earlier queries", &extra, false, ctx);
        let field = Rect {
            height: 1,
            ..inside
        };
        self.input
            .draw(buf, field, ctx.style(Role::InputFocused), true, ctx);
        let preview = match inside.height {
            ..13 => 0,
            13..20 => 6,
            _ => inside.height / 2,
        };
        let list = Rect {
            y: inside.y + 1,
            height: inside.height.saturating_sub(1 + preview),
            ..inside
        };
        if let Some(Err(why)) = &self.records {
            paint::text(
                buf,
                list,
                list.x,
                list.y,
                list.width,
                why,
                ctx.style(Role::NoticeError),
            );
            return;
        }
        if self.found.is_empty() && self.records.is_some() {
            let word = if self.all().is_empty() {
                "nothing has been run yet"
            } else {
                "no query matches"
            };
            paint::text(
                buf,
                list,
                list.x,
                list.y,
                list.width,
                word,
                ctx.style(Role::Dim),
            );
        }
        let shown = usize::from(list.height).max(1);
        let top = self.cursor.saturating_sub(shown - 1);
        for (line, &at) in self
            .found
            .iter()
            .skip(top)
            .take(usize::from(list.height))
            .enumerate()
        {
            let record = &self.all()[at];
            let y = list.y + line as u16;
            let age = ctx.ago(record.at);
            let result = match (&record.rows, &record.error) {
                (Some(rows), _) => format!("{rows} rows"),
                (None, Some(_)) => "failed".to_owned(),
                (None, None) => "—".to_owned(),
            };
            let role = if record.error.is_some() {
                Role::Bad
            } else {
                Role::Dim
            };
            paint::text_right(buf, list, list.x, y, 4, &age, ctx.style(Role::Time));
            paint::text_right(buf, list, list.x + 5, y, 11, &result, ctx.style(role));
            paint::text_right(
                buf,
                list,
                list.x + 17,
                y,
                7,
                &took(record.took),
                ctx.style(Role::Dim),
            );
            let mut x = list.x + 26;
            if ctx.data.tenants.several() {
                let name = ctx.data.tenants.short(record.tenant);
                paint::text(buf, list, x, y, 12, name, ctx.style(Role::Dim));
                x += 14;
            }
            if Place::named(&record.engine) == Place::Local {
                x = paint::text(buf, list, x, y, 6, "local ", ctx.style(Role::Dim));
            }
            let words = record.query.split_whitespace();
            let line: String = words.collect::<Vec<_>>().join(" ");
            let room = list.right().saturating_sub(x);
            paint::text(buf, list, x, y, room, &line, ctx.style(Role::Text));
            if top + usize::from(y - list.y) == self.cursor {
                paint::tint(
                    buf,
                    Rect {
                        y,
                        height: 1,
                        ..list
                    },
                    ctx.style(Role::Selected),
                );
            }
        }
        if let (1.., Some(&at)) = (preview, self.found.get(self.cursor)) {
            let y = list.bottom();
            let whole = Rect {
                y: y + 1,
                height: preview - 1,
                ..inside
            };
            let record = &self.all()[at];
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                &"─".repeat(usize::from(inside.width)),
                ctx.style(Role::Rule),
            );
            let mut code = whole;
            if let Some(why) = &record.error {
                // Why it failed is worth more than its last lines.
                let line = why.lines().next().unwrap_or_default();
                let style = ctx.style(Role::Bad);
                paint::text(buf, whole, whole.x, whole.y, whole.width, line, style);
                code.y += 1;
                code.height = code.height.saturating_sub(1);
            }
            draw_code(&record.query, buf, code, ctx);
        }
    }
}
