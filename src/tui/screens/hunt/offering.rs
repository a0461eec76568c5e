//! When words are offered, narrowed and taken.

use super::completion::{self, Popup};
use super::language::AT_ONCE;
use super::{HuntAsk, HuntScreen};
use crate::hunt::prepared;
use crate::kql;
use crate::kql::complete::Completions;
use crate::tui::data::Level;
use crate::tui::msg::Effect;
use crate::tui::screen::Cx;
use crate::tui::theme::Role;
use crate::tui::widgets::editor::vim::Mode;
use crate::tui::widgets::editor::words;

impl HuntScreen {
    /// Narrows the words offered, ends the offer, or opens one.
    pub(super) fn offer(&mut self, changed: bool, typed: Option<char>, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        if typed.is_some_and(|c| words::class(c) != words::Class::Word) {
            tab.muted = false;
        }
        if let Some(mut popup) = tab.popup.take() {
            if popup.narrow(tab.editor.text(), caret) {
                tab.popup = Some(popup);
                self.look_up_word();
                return;
            }
            tab.completing = None;
        }
        let Some(c) = typed.filter(|_| changed) else {
            return;
        };
        if tab.muted
            || matches!(
                tab.editor.vim_mode(),
                Some(Mode::Normal | Mode::Visual | Mode::Lines)
            )
        {
            return;
        }
        let before = &tab.editor.text()[..caret];
        let last = before.trim_end().len().checked_sub(1);
        let role = last.and_then(|at| tab.editor.role_at(at));
        let here = caret.checked_sub(1).and_then(|at| tab.editor.role_at(at));
        let quoted = matches!(here, Some(Role::KqlComment | Role::KqlString));
        if !quoted && completion::opens(before, c, role) {
            self.complete(false, cx);
        }
    }

    /// Asks what can be written at the caret.
    pub(super) fn complete(&mut self, asked: bool, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        let range = prepared::statement_around(tab.editor.text(), caret);
        let text = &tab.editor.text()[range.clone()];
        let at = caret - range.start;
        if text.len() <= AT_ONCE {
            let words = completion::own(kql::complete(text, at as u32, &tab.schema));
            self.show_words(words, range.start, asked, cx);
        } else {
            let text = text.to_owned();
            let schema = tab.schema.clone();
            let ticket = cx.ticket();
            self.tab_mut().completing = Some((ticket, range.start, asked));
            cx.effect(Effect::Hunt(HuntAsk::Complete {
                ticket,
                text,
                caret: at,
                schema,
            }));
        }
    }

    pub(super) fn show_words(
        &mut self,
        words: Completions<'static>,
        base: usize,
        asked: bool,
        cx: &mut Cx<'_>,
    ) {
        let tab = self.tab_mut();
        let (text, caret) = (tab.editor.text(), tab.editor.caret());
        tab.popup = Popup::new(words, base, text, caret, asked);
        if tab.popup.is_none() && asked {
            cx.notice(Level::Info, "nothing to offer here");
        }
        self.look_up_word();
    }

    /// Words for a long statement have come.
    pub(super) fn words_came(
        &mut self,
        ticket: u64,
        words: &Completions<'static>,
        cx: &mut Cx<'_>,
    ) {
        let asked = self.tab().completing.filter(|(of, _, _)| *of == ticket);
        if let Some((_, base, by_key)) = asked {
            self.tab_mut().completing = None;
            let start = base + words.replace.start as usize;
            let tab = self.tab();
            let word = tab.editor.text().get(start..tab.editor.caret());
            if word.is_some_and(|it| it.chars().all(|c| words::class(c) == words::Class::Word)) {
                self.show_words(words.clone(), base, by_key, cx);
            }
        }
    }

    /// Looks up what is known of the word in focus.
    pub(super) fn look_up_word(&mut self) {
        let tab = self.tab_mut();
        let Some(popup) = &mut tab.popup else { return };
        let range = prepared::statement_around(tab.editor.text(), popup.start);
        let text = &tab.editor.text()[range.clone()];
        if text.len() <= AT_ONCE {
            popup.look_up(text, range.start, &tab.schema);
        }
    }

    pub(super) fn step_words(&mut self, by: isize) {
        if let Some(popup) = &mut self.tab_mut().popup {
            popup.step(by);
        }
        self.look_up_word();
    }

    pub(super) fn page_of_words(&self) -> isize {
        self.tab().popup.as_ref().map_or(1, Popup::page)
    }

    /// Writes the word in focus.
    pub(super) fn take_word(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let Some(popup) = tab.popup.take() else {
            return;
        };
        let caret = tab.editor.caret();
        if let Some(taken) = popup.taken(tab.editor.text(), caret) {
            tab.editor.apply(taken.change);
            if let Some((open, close)) = taken.closed {
                tab.editor.closes(open, close);
            }
            tab.editor.fill_in(taken.stops);
        }
        // what ends in a space may be followed by something to offer
        let caret = tab.editor.caret();
        let last = tab.editor.text()[..caret].chars().next_back();
        let space = last.filter(|c| *c == ' ');
        self.tab_mut().spaced = space.map(|_| caret);
        self.after(true, space, cx);
    }
}
