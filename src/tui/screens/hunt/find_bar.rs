//! The line in which a text to find is typed, and what it is replaced by.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::editor::find::{self, How, Pattern, TooLong};
use crate::tui::widgets::editor::{Editor, LONGEST, Mark};
use crate::tui::widgets::input::Input;
use crate::tui::widgets::paint;

/// What is looked for, and where it was found.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// The line is shown and has the keyboard.
    pub(super) open: bool,
    what: Input,
    with: Input,
    /// The replacement is shown.
    replacing: bool,
    /// The replacement has the keyboard.
    in_with: bool,
    pub(super) how: How,
    pattern: Option<Pattern>,
    wrong: Option<String>,
    matches: Vec<Range<usize>>,
    at: Option<usize>,
    /// Where the caret was when the search began.
    origin: usize,
}

impl Finder {
    /// Opens it, with what is selected on one line.
    pub(super) fn open(&mut self, editor: &Editor, replace: bool) {
        let selected = editor.selection().map(|range| &editor.text()[range]);
        if let Some(text) = selected.filter(|it| !it.contains('\n')) {
            self.what = Input::new(text);
        }
        self.open = true;
        self.replacing |= replace;
        self.in_with = false;
        self.origin = editor.selection().map_or(editor.caret(), |it| it.start);
    }

    /// Looks for this word.
    pub(super) fn look_for(&mut self, word: &str) {
        self.what = Input::new(word);
        self.how.regex = false;
        self.how.word = true;
        self.how.case = true;
    }

    /// How many lines it takes.
    pub(super) fn height(&self) -> u16 {
        match (self.open, self.replacing) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        }
    }

    /// Whether the replacement has the keyboard.
    pub(super) fn is_replacing(&self) -> bool {
        self.in_with
    }

    /// Goes to the replacement and back.
    pub(super) fn switch(&mut self) {
        self.in_with = !(self.replacing && self.in_with);
        self.replacing = true;
    }

    /// The line that has the keyboard.
    pub(super) fn input(&mut self) -> &mut Input {
        if self.in_with {
            &mut self.with
        } else {
            &mut self.what
        }
    }

    /// Where the matches are in the text as it is now.
    pub(super) fn refresh(&mut self, text: &str) {
        self.pattern = None;
        self.wrong = None;
        if !self.what.text().is_empty() {
            match Pattern::new(self.what.text(), self.how) {
                Ok(pattern) => self.pattern = Some(pattern),
                Err(why) => self.wrong = Some(why),
            }
        }
        self.matches = self
            .pattern
            .as_ref()
            .map_or_else(Vec::new, |pattern| pattern.all(text));
        self.at = self.at.filter(|at| *at < self.matches.len());
    }

    /// What was typed changed: goes to the match at the place where the search began, or after it.
    pub(super) fn typed(&mut self, editor: &mut Editor) {
        self.refresh(editor.text());
        self.at = find::next(&self.matches, self.origin, false);
        match self.at {
            Some(at) => editor.go_to(self.matches[at].start),
            None => editor.go_to(self.origin),
        }
    }

    /// Goes to the next match, or the one before; false where there is none.
    pub(super) fn step(&mut self, editor: &mut Editor, back: bool) -> bool {
        self.refresh(editor.text());
        let caret = editor.caret();
        let on_it = |it: &&Range<usize>| it.start == caret;
        let from = if !back && self.matches.iter().any(|it| on_it(&it)) {
            caret + 1
        } else {
            caret
        };
        self.at = find::next(&self.matches, from, back);
        let Some(at) = self.at else { return false };
        editor.go_to(self.matches[at].start);
        self.origin = editor.caret();
        true
    }

    /// Replaces the match in focus and goes to the next one; false where none is.
    pub(super) fn replace(&mut self, editor: &mut Editor) -> bool {
        self.refresh(editor.text());
        let (Some(pattern), Some(at)) = (&self.pattern, self.at) else {
            return false;
        };
        let change = pattern.replace(editor.text(), self.matches[at].clone(), self.with.text());
        let end = change.caret.at;
        editor.apply(change);
        self.refresh(editor.text());
        self.at = find::next(&self.matches, end, false);
        if let Some(at) = self.at {
            editor.go_to(self.matches[at].start);
        }
        true
    }

    /// Replaces all; how many there were.
    ///
    /// # Errors
    /// [`TooLong`] where the text would be too long: nothing changes.
    pub(super) fn replace_all(&mut self, editor: &mut Editor) -> Result<usize, TooLong> {
        self.refresh(editor.text());
        let caret = crate::tui::widgets::editor::change::Caret::at(editor.caret());
        let Some(pattern) = &self.pattern else {
            return Ok(0);
        };
        let change = pattern.replace_all(editor.text(), caret, self.with.text(), LONGEST)?;
        let count = change.edits.len();
        if count > 0 && !editor.apply(change) {
            return Err(TooLong);
        }
        self.refresh(editor.text());
        self.at = None;
        Ok(count)
    }

    /// Closes it, the match in focus selected.
    pub(super) fn close(&mut self, editor: &mut Editor) {
        self.open = false;
        if let Some(at) = self.at.take()
            && editor.vim_mode().is_none()
            && let Some(range) = self.matches.get(at)
        {
            editor.select(range.clone());
        }
        self.matches.clear();
    }

    /// The matches, to be marked.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        self.matches.iter().enumerate().map(|(nth, range)| Mark {
            range: range.clone(),
            role: if Some(nth) == self.at {
                Role::FoundHere
            } else {
                Role::Found
            },
        })
    }

    /// Draws it.
    pub(super) fn draw(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        if area.height == 0 {
            return;
        }
        let count = match (&self.wrong, self.what.text().is_empty(), self.at) {
            (Some(why), _, _) => why.clone(),
            (None, true, _) => String::new(),
            (None, false, _) if self.matches.is_empty() => "none".to_owned(),
            (None, false, at) => {
                let place = at.map_or_else(|| "–".to_owned(), |at| (at + 1).to_string());
                let more = if self.matches.len() >= find::MOST {
                    "+"
                } else {
                    ""
                };
                format!("{place}/{}{more}", self.matches.len())
            }
        };
        let ways = [
            (self.how.case, "capitals"),
            (self.how.word, "words"),
            (self.how.regex, "regex"),
        ];
        let ways: Vec<&str> = ways
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, word)| *word)
            .collect();
        let tail = [count, ways.join(" ")];
        let tail: Vec<&str> = tail
            .iter()
            .map(String::as_str)
            .filter(|it| !it.is_empty())
            .collect();
        let tail = tail.join("  ");
        let role =
            if self.wrong.is_some() || self.matches.is_empty() && !self.what.text().is_empty() {
                Role::NoticeWarning
            } else {
                Role::Dim
            };
        let room = area.width.saturating_sub(11);
        let size = paint::width(&tail).min(room.saturating_sub(16));
        let width = room.saturating_sub(size + 2);
        let mut line = |y: u16, name: &str, input: &Input, focused: bool| {
            paint::text(buf, area, area.x + 1, y, 8, name, ctx.style(Role::Dim));
            let place = Rect {
                x: area.x + 9,
                y,
                width,
                height: 1,
            };
            let style = ctx.style(if focused {
                Role::InputFocused
            } else {
                Role::Input
            });
            input.draw(buf, place, style, focused && ctx.focused, ctx);
        };
        line(area.y, "find", &self.what, !self.in_with);
        if self.replacing && area.height > 1 {
            line(area.y + 1, "replace", &self.with, self.in_with);
        }
        let x = area.x + 9 + width + 2;
        paint::text(buf, area, x, area.y, size, &tail, ctx.style(role));
    }
}
