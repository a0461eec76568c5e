//! Kept filters of a list: chosen, renamed, forgotten.

use std::path::Path;

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::prompt::Prompt;
use crate::hunt::lists::{View, Views};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Level;
use crate::tui::msg::{Act, Effect, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::list::{self, Row};
use crate::tui::widgets::{paint, popup};

/// What is asked of the file of kept filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewAsk {
    /// All of them, for the question of this ticket.
    Load(u64),
    /// Keep one, in the place of the one of its list and name.
    Put(View),
    /// Forget the one of this list and name.
    Remove(String, String),
    /// Give the one of this list and name another name.
    Rename(String, String, String),
}

/// What a list is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewsMsg {
    /// All of them, or why they cannot be read.
    Loaded(u64, Result<Views, String>),
    /// The one chosen.
    Use(u64, View),
}

/// Does what is asked with the file; for a worker.
pub fn carry_out(ask: ViewAsk, file: &Path) -> Msg {
    let done = |change: &dyn Fn(&mut Views) -> Result<String, String>| {
        let mut views = Views::load(file)?;
        let said = change(&mut views)?;
        views.save(file)?;
        Ok(said)
    };
    let answer: Result<String, String> = match ask {
        ViewAsk::Load(ticket) => return Msg::Views(ViewsMsg::Loaded(ticket, Views::load(file))),
        ViewAsk::Put(view) => done(&|views| {
            let said = format!("kept as “{}”", view.name);
            views.put(view.clone());
            Ok(said)
        }),
        ViewAsk::Remove(list, name) => done(&|views| {
            views.remove(&list, &name);
            Ok(format!("“{name}” is forgotten"))
        }),
        ViewAsk::Rename(list, from, to) => done(&|views| {
            let other = views.find(&list, &to).filter(|it| it.name != from);
            if other.is_some() && from.to_lowercase() != to.to_lowercase() {
                return Err(format!("there is a “{to}” already"));
            }
            let Some(view) = views.find(&list, &from).cloned() else {
                return Err(format!("“{from}” is gone"));
            };
            views.remove(&list, &from);
            views.put(View {
                name: to.clone(),
                ..view
            });
            Ok(format!("“{from}” is now “{to}”"))
        }),
    };
    match answer {
        Ok(said) => Msg::Notice(Level::Info, said),
        Err(why) => Msg::Notice(Level::Error, why),
    }
}

/// The popup.
pub(super) struct ViewsPopup {
    /// Whose question it answers.
    ticket: u64,
    list: &'static str,
    views: Vec<View>,
    cursor: usize,
}

impl ViewsPopup {
    pub(super) fn new(ticket: u64, list: &'static str, views: &Views) -> Self {
        Self {
            ticket,
            list,
            views: views.of(list).cloned().collect(),
            cursor: 0,
        }
    }

    fn row(view: &View) -> Row {
        let mut parts = Vec::new();
        if !view.words.is_empty() {
            parts.push(view.words.clone());
        }
        if !view.predicate.is_empty() {
            parts.push(format!("where {}", view.predicate));
        }
        if !view.sort.is_empty() {
            parts.push(format!("by {}", view.sort));
        }
        Row {
            label: view.name.clone(),
            detail: parts.join(" · "),
            ..Row::default()
        }
    }
}

impl Screen for ViewsPopup {
    fn scope(&self) -> Scope {
        Scope::Views
    }

    fn title(&self) -> String {
        "Kept filters".to_owned()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.views.len().saturating_sub(1);
        match command {
            Command::PickerDown => {
                self.cursor = if self.cursor == last {
                    0
                } else {
                    self.cursor + 1
                }
            }
            Command::PickerUp => self.cursor = self.cursor.checked_sub(1).unwrap_or(last),
            Command::PopupDown => self.cursor = (self.cursor + 10).min(last),
            Command::PopupUp => self.cursor = self.cursor.saturating_sub(10),
            Command::PickerChoose => {
                cx.close();
                if let Some(view) = self.views.get(self.cursor) {
                    let chosen = ViewsMsg::Use(self.ticket, view.clone());
                    cx.act(Act::Tell(Msg::Views(chosen)));
                }
            }
            Command::ViewDelete => {
                if self.cursor < self.views.len() {
                    let view = self.views.remove(self.cursor);
                    self.cursor = self.cursor.min(self.views.len().saturating_sub(1));
                    let ask = ViewAsk::Remove(view.list, view.name);
                    cx.effect(Effect::Views(ask));
                }
                if self.views.is_empty() {
                    cx.close();
                }
            }
            Command::ViewRename => {
                if let Some(view) = self.views.get(self.cursor).cloned() {
                    cx.close();
                    let prompt = Prompt::new(
                        "Call the filter",
                        Self::row(&view).detail,
                        view.name.clone(),
                        move |name, cx: &mut Cx<'_>| {
                            let ask = ViewAsk::Rename(view.list, view.name, name);
                            cx.effect(Effect::Views(ask));
                        },
                    );
                    cx.popup(Box::new(prompt));
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, cx: &mut Cx<'_>) {
        match event.kind {
            MouseEventKind::ScrollDown => {
                self.command(Command::PickerDown, cx);
            }
            MouseEventKind::ScrollUp => {
                self.command(Command::PickerUp, cx);
            }
            _ => {}
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let rows: Vec<Row> = self.views.iter().map(Self::row).collect();
        let labels = rows.iter().map(|row| paint::width(&row.label)).max();
        let details = rows.iter().map(|row| paint::width(&row.detail)).max();
        let width = labels.unwrap_or(0).saturating_add(details.unwrap_or(0));
        let width = width.saturating_add(8).max(44).min(area.width);
        let height = (rows.len() as u16).saturating_add(2).min(area.height);
        let place = popup::place(area, width, height);
        let title = format!("{}: kept filters", self.list);
        let inside = popup::frame(buf, place, &title, "", false, ctx);
        list::draw(buf, inside, &rows, self.cursor, ctx);
    }
}
