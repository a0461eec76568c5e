//! A list narrowed by a KQL condition: what is in force, what a worker said of it, and the line it is
//! typed into. One for each list; the list asks it of every place.
//!
//! Answers of older questions are passed over. A row that took its place after the rows were judged is
//! not shown until it has been judged too; one that changed keeps its verdict until then.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::hunt::predicate::Predicate;
use super::views::{ViewAsk, ViewsMsg, ViewsPopup};
use crate::domain::Timestamp;
use crate::engine::mirror::asks_the_time;
use crate::hunt::lists::{self, Batch, Desk, Facts, Judge, Judged, Listed, Verdict, View};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Collection, Data, Keyed, Level};
use crate::tui::keys::Chord;
use crate::tui::msg::{Effect, Msg};
use crate::tui::screen::{Ctx, Cx};
use crate::tui::screens::prompt::Prompt;
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, time};

/// What a command did to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// It is not the line's.
    Nothing,
    /// The line alone.
    Line,
    /// The condition is another.
    Changed,
    /// The list is to go a row on or back.
    Step(Command),
}

/// A list's condition.
pub(super) struct Narrow<R: Listed + Keyed> {
    /// In force; empty where there is none.
    text: String,
    /// Its answer changes with the time.
    timed: bool,
    typing: Option<Typing>,
    desk: Arc<Desk<R>>,
    /// The version of the rows that lie on the desk.
    laid: u64,
    asked: Option<Judge>,
    /// The minute it was asked in.
    minute: Timestamp,
    verdict: Option<Arc<Verdict>>,
    /// Why the condition in force has no answer.
    trouble: Option<String>,
    /// The ticket of the question for kept filters.
    views: Option<u64>,
}

struct Typing {
    line: Predicate,
    /// What was in force before.
    former: (String, Option<Arc<Verdict>>),
}

impl<R: Listed + Keyed> Default for Narrow<R> {
    fn default() -> Self {
        Self {
            text: String::new(),
            timed: false,
            typing: None,
            desk: Arc::default(),
            laid: 0,
            asked: None,
            minute: Timestamp::UNIX_EPOCH,
            verdict: None,
            trouble: None,
            views: None,
        }
    }
}

impl<R: Listed + Keyed> Narrow<R> {
    /// The condition in force; empty where there is none.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is being typed.
    pub(super) fn typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Where keys are looked up while it is typed.
    pub(super) fn scope(&self) -> Option<Scope> {
        let typing = self.typing.as_ref()?;
        Some(if typing.line.offers() {
            Scope::PredicateWords
        } else {
            Scope::Predicate
        })
    }

    /// What the list's title says of it.
    pub(super) fn title(&self) -> String {
        if self.text.is_empty() || self.typing() {
            return String::new();
        }
        let why = self.trouble.as_ref();
        let why = why.map_or_else(String::new, |why| format!(" (not in force: {why})"));
        format!(" · where {}{why}", self.text)
    }

    /// Begins to type.
    pub(super) fn open(&mut self) {
        let line = Predicate::new(R::LIST, lists::schema::<R>(), &self.text);
        let former = (self.text.clone(), self.verdict.clone());
        self.typing = Some(Typing { line, former });
    }

    /// Sets the condition.
    pub(super) fn set(&mut self, text: &str) {
        if self.text == text {
            return;
        }
        text.clone_into(&mut self.text);
        self.timed = asks_the_time(text);
        self.trouble = None;
        if let Some(asked) = self.asked.take() {
            asked.cancel.cancel();
        }
        if text.is_empty() {
            self.verdict = None;
        }
    }

    /// Takes a key; true when the condition is another.
    pub(super) fn key(&mut self, chord: Chord) -> bool {
        let changed = self
            .typing
            .as_mut()
            .is_some_and(|typing| typing.line.key(chord));
        changed && self.typed()
    }

    /// Takes pasted text; true when the condition is another.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        let Some(typing) = &mut self.typing else {
            return false;
        };
        typing.line.paste(text);
        self.typed()
    }

    /// The line says something else: what is sound comes into force.
    fn typed(&mut self) -> bool {
        let sound = self.typing.as_ref().and_then(|typing| typing.line.sound());
        let Some(text) = sound.map(str::to_owned) else {
            return false;
        };
        let other = text != self.text;
        self.set(&text);
        other
    }

    /// Does a command of the line.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Did {
        let Some(typing) = &mut self.typing else {
            return Did::Nothing;
        };
        let line = &mut typing.line;
        let changed = match command {
            Command::WordNext => {
                line.step(1);
                false
            }
            Command::WordPrevious => {
                line.step(-1);
                false
            }
            Command::WordTake => line.take(),
            Command::WordEnter if line.takes_enter() => line.take(),
            Command::WordClose => {
                line.close();
                false
            }
            Command::PredicateComplete => {
                if !line.complete(true) {
                    cx.notice(Level::Info, "nothing to offer here");
                }
                false
            }
            Command::PredicateUndo => line.undo(),
            Command::PredicateKeep | Command::WordEnter => {
                line.close();
                match line.problem() {
                    // what does not stand is not kept in silence
                    Some(why) => cx.notice(Level::Warning, format!("not a condition yet: {why}")),
                    None => self.typing = None,
                }
                return Did::Changed;
            }
            Command::PredicateCancel => {
                if let Some(typing) = self.typing.take() {
                    let (text, verdict) = typing.former;
                    self.set(&text);
                    self.verdict = verdict;
                }
                return Did::Changed;
            }
            Command::PredicateDown => return Did::Step(Command::Down),
            Command::PredicateUp => return Did::Step(Command::Up),
            _ => return Did::Nothing,
        };
        if changed && self.typed() {
            Did::Changed
        } else {
            Did::Line
        }
    }

    /// What a worker has to be asked, where what is known is not of the condition, the rows or the time.
    pub(super) fn ask(
        &mut self,
        rows: &Collection<R>,
        data: &Data,
        now: Timestamp,
        ticket: u64,
    ) -> Option<Effect> {
        let minute = time::minute_of(now);
        let late = self.timed && self.minute != minute;
        let current = self
            .asked
            .as_ref()
            .is_some_and(|it| *it.predicate == *self.text);
        if self.text.is_empty() || (current && self.laid == rows.version() && !late) {
            return None;
        }
        if self.laid != rows.version() {
            let tenants = data.tenants.iter();
            let tenants = tenants.map(|it| (it.facts.name.clone(), it.facts.me.clone()));
            let changed = rows.changed_since(self.laid);
            self.desk.lay(Batch {
                version: rows.version(),
                rows: changed
                    .map(|at| (at, rows.rows()[at as usize].clone()))
                    .collect(),
                len: rows.rows().len(),
                facts: Arc::new(Facts {
                    tenants: tenants.collect(),
                    sla: data.settings.sla,
                }),
            });
            self.laid = rows.version();
        }
        if let Some(older) = &self.asked {
            older.cancel.cancel();
        }
        self.minute = minute;
        let judge = self.desk.ask(ticket, &self.text, now);
        self.asked = Some(judge.clone());
        Some(Effect::Judge(judge))
    }

    /// Takes an answer; true where it is to what was asked last.
    pub(super) fn answered(&mut self, judged: &Judged) -> bool {
        let ours = self.asked.as_ref().map(|asked| asked.ticket);
        if ours != Some(judged.ticket) {
            return false;
        }
        match &judged.answer {
            Some(Ok(verdict)) => {
                self.verdict = Some(Arc::clone(verdict));
                self.trouble = None;
            }
            Some(Err(why)) => {
                self.verdict = None;
                self.trouble = Some(why.message.clone());
            }
            None => return false,
        }
        true
    }

    /// Whether the row at a place passes; nothing where there is no condition, or no answer yet.
    pub(super) fn judged<'a>(
        &'a self,
        rows: &'a Collection<R>,
    ) -> Option<impl Fn(u32) -> bool + use<'a, R>> {
        let verdict = self.verdict.as_ref().filter(|_| !self.text.is_empty())?;
        Some(move |at: u32| {
            verdict.passes.get(at as usize) == Some(&true) && rows.placed(at) <= verdict.version
        })
    }

    /// Asks for the kept filters of the list, to choose one.
    pub(super) fn choose_view(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        self.views = Some(ticket);
        cx.effect(Effect::Views(ViewAsk::Load(ticket)));
    }

    /// Learns of kept filters; the one that was chosen comes back.
    pub(super) fn views_came<'a>(&mut self, msg: &'a Msg, cx: &mut Cx<'_>) -> Option<&'a View> {
        let Msg::Views(msg) = msg else { return None };
        match msg {
            ViewsMsg::Loaded(ticket, answer) if self.views == Some(*ticket) => {
                match answer {
                    Ok(views) if views.of(R::LIST).next().is_none() => {
                        cx.notice(Level::Info, "no filter of this list was kept yet");
                    }
                    Ok(views) => cx.popup(Box::new(ViewsPopup::new(*ticket, R::LIST, views))),
                    Err(why) => cx.notice(Level::Error, why.clone()),
                }
                None
            }
            ViewsMsg::Use(ticket, view) if self.views == Some(*ticket) => {
                self.typing = None;
                self.set(view.predicate.trim());
                Some(view)
            }
            _ => None,
        }
    }

    /// Draws the line and what is to be said of it; the rest of the area and the caret come back.
    pub(super) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        (shown, total): (usize, usize),
        ctx: &Ctx<'_>,
    ) -> (Rect, Option<Position>) {
        let Some(typing) = &self.typing else {
            return (area, None);
        };
        if area.height < 3 {
            return (area, None);
        }
        let line = Rect { height: 1, ..area };
        let caret = typing.line.draw(buf, line, " f ", ctx);
        let problem = typing.line.problem().or(self.trouble.as_deref());
        let (said, role) = match problem {
            Some(why) => (why.to_owned(), Role::NoticeWarning),
            None if typing.line.text().trim().is_empty() => {
                let names = R::COLUMNS.iter().map(|column| column.name);
                let names: Vec<&str> = names.take(12).collect();
                (
                    format!("a KQL condition over {}…", names.join(", ")),
                    Role::Dim,
                )
            }
            None => (format!("{shown} of {total}"), Role::Text),
        };
        let y = area.y + 1;
        let room = area.width.saturating_sub(4);
        paint::text(buf, area, area.x + 3, y, room, &said, ctx.style(role));
        let rest = Rect {
            y: area.y + 2,
            height: area.height - 2,
            ..area
        };
        (rest, caret)
    }

    /// Draws the words offered, over everything else.
    pub(super) fn draw_words(
        &self,
        buf: &mut Buffer,
        area: Rect,
        caret: Option<Position>,
        ctx: &Ctx<'_>,
    ) {
        if let Some(typing) = &self.typing {
            typing.line.draw_words(buf, area, caret, ctx);
        }
    }
}

/// Asks for a name and keeps a filter under it. `view` is what the list does now.
pub(super) fn keep_view(view: View, cx: &mut Cx<'_>) {
    let mut what = Vec::new();
    if !view.words.is_empty() {
        what.push(view.words.clone());
    }
    if !view.predicate.is_empty() {
        what.push(format!("where {}", view.predicate));
    }
    let reverse = if view.reverse { ", reversed" } else { "" };
    if !view.sort.is_empty() {
        what.push(format!("by {}{reverse}", view.sort));
    }
    let prompt = Prompt::new(
        "Keep the filter as",
        what.join(" · "),
        "",
        move |name: String, cx: &mut Cx<'_>| {
            let view = View { name, ..view };
            cx.effect(Effect::Views(ViewAsk::Put(view)));
        },
    );
    cx.popup(Box::new(prompt));
}
