//! The keys of the query editor: what each command does to the text, and what follows a change of it.
//!
//! After every key, in this order: the language reads what changed, the words offered are narrowed or
//! opened, the call and the names at the caret are looked up. Nothing of it happens while drawing, and
//! what would take long is asked of a worker.

use super::super::prompt::Prompt;
use super::completion::Popup;
use super::help::{self, About};
use super::language::AT_ONCE;
use super::{Focus, HuntAsk, HuntMsg, HuntScreen};
use crate::hunt::prepared;
use crate::kql::assist;
use crate::kql::format::{self, Style};
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::keys::Chord;
use crate::tui::msg::{Act, Effect, Msg};
use crate::tui::screen::Cx;
use crate::tui::theme::Role;
use crate::tui::widgets::editor::change::{Caret, Change, difference};
use crate::tui::widgets::editor::vim::{Mode, Wish};
use crate::tui::widgets::editor::{Mark, Took, words};

/// A name at more places is not marked.
const MOST_MARKED: usize = 500;

impl HuntScreen {
    /// Commands of the editor and of the words offered in it.
    pub(super) fn in_editor(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        self.tab_mut().about = None;
        let open = self.tab().popup.is_some();
        let text = self.tab().editor.text().len();
        let caret = self.tab().editor.caret();
        let mut changed = false;
        match command {
            Command::CompleteNext if open => self.step_words(1),
            Command::CompletePrevious if open => self.step_words(-1),
            Command::CompletePageDown if open => self.step_words(self.page_of_words()),
            Command::CompletePageUp if open => self.step_words(-self.page_of_words()),
            Command::CompleteAccept if open => {
                let tab = self.tab();
                let stands = |popup: &Popup| popup.stands(tab.editor.text(), caret);
                if tab.editor.fills_in() && tab.popup.as_ref().is_some_and(stands) {
                    self.tab_mut().popup = None;
                    self.tab_key(cx);
                } else {
                    self.take_word(cx);
                }
                return true;
            }
            Command::CompleteEnter => {
                let tab = self.tab();
                let takes = |popup: &Popup| popup.takes_enter(tab.editor.text(), caret);
                if tab.popup.as_ref().is_some_and(takes) {
                    self.take_word(cx);
                } else {
                    self.tab_mut().popup = None;
                    self.typed(enter(), cx);
                }
                return true;
            }
            Command::CompleteClose | Command::HuntLeave => {
                self.escape(cx);
                return true;
            }
            Command::HuntFix => {
                self.tab_key(cx);
                return true;
            }
            Command::Complete => {
                self.complete(true, cx);
                return true;
            }
            Command::Hover => {
                self.hover(cx);
                return true;
            }
            Command::Definition => self.go_to_definition(cx),
            Command::RenameLet => self.ask_name(cx),
            Command::FindText | Command::ReplaceText => {
                let tab = &self.tabs[self.active];
                self.find.open(&tab.editor, command == Command::ReplaceText);
                self.looked(true);
            }
            Command::FindAgain => self.find_again(false, cx),
            Command::FindBack => self.find_again(true, cx),
            Command::ProblemNext => self.go_to_problem(false, cx),
            Command::ProblemPrevious => self.go_to_problem(true, cx),
            Command::QuickFix => {
                changed = self.tab_mut().apply_any_fix();
                if !changed {
                    cx.notice(Level::Info, "no repair is known for this line");
                }
            }
            Command::SilenceLint => {
                changed = self.tab_mut().silence();
                if !changed {
                    cx.notice(
                        Level::Info,
                        "there is no warning on this line to be silenced",
                    );
                }
            }
            Command::FormatQuery => self.format(cx),
            Command::ToggleComment => changed = self.tab_mut().editor.comment(),
            Command::EditUndo => changed = self.undo(false, cx),
            Command::EditRedo | Command::VimRedo => changed = self.undo(true, cx),
            Command::Dedent if self.tab_mut().editor.next_stop(true) => {
                self.at_stop(cx);
                return true;
            }
            Command::Dedent => changed = self.tab_mut().editor.dedent(),
            Command::DoubleLine => changed = self.tab_mut().editor.double(),
            Command::LineUp => changed = self.tab_mut().editor.shift_lines(true),
            Command::LineDown => changed = self.tab_mut().editor.shift_lines(false),
            Command::SelectAll => self.tab_mut().editor.select_all(),
            Command::EditCopy => {
                let taken = self.tab_mut().editor.copy();
                cx.copy(taken);
            }
            Command::EditCut => {
                let taken = self.tab_mut().editor.cut();
                cx.act(Act::Effect(Effect::Copy(
                    crate::domain::text::clean_block(&taken).into_owned(),
                )));
                changed = true;
            }
            Command::BracketMatch => {
                if !self.tab_mut().editor.go_to_match() {
                    cx.notice(
                        Level::Info,
                        "no bracket at the caret, or none belongs to it",
                    );
                }
            }
            Command::EditOutside => self.edit_outside(cx),
            Command::VimDown | Command::VimPageDown => self.page(command == Command::VimDown, true),
            Command::VimUp | Command::VimPageUp => self.page(command == Command::VimUp, false),
            _ => return false,
        }
        changed |= self.tab().editor.text().len() != text;
        if changed {
            self.tab_mut().popup = None;
        }
        self.after(changed, None, cx);
        true
    }

    /// A key that is no command.
    pub(super) fn typed(&mut self, chord: Chord, cx: &mut Cx<'_>) {
        self.tab_mut().about = None;
        if self.find.open {
            if self.find.input().key(chord) {
                self.looked(true);
            }
            self.after(false, None, cx);
            return;
        }
        let tab = self.tab_mut();
        let spaced = tab.spaced.take();
        if chord.code == crossterm::event::KeyCode::Char(' ')
            && chord.modifiers.is_empty()
            && spaced == Some(tab.editor.caret())
        {
            // the space came with the word
            return;
        }
        let took = self.tab_mut().editor.key(chord);
        self.after(took.changed, took.typed, cx);
        if let Took {
            wish: Some(wish), ..
        } = took
        {
            self.wished(wish, cx);
        }
    }

    /// Pasted text.
    pub(super) fn pasted(&mut self, text: &str, cx: &mut Cx<'_>) {
        if self.find.open {
            self.find.input().paste(text);
            self.looked(true);
            self.after(false, None, cx);
            return;
        }
        let tab = self.tab_mut();
        tab.popup = None;
        tab.editor.paste(text);
        self.after(true, None, cx);
    }

    /// What vim's keys ask for.
    fn wished(&mut self, wish: Wish, cx: &mut Cx<'_>) {
        let command = match wish {
            Wish::Find => Command::FindText,
            Wish::FindNext { back } => {
                self.find_again(back, cx);
                return self.after(false, None, cx);
            }
            Wish::FindWord { back } => {
                let editor = &mut self.tabs[self.active].editor;
                let word = words::word_at(editor.text(), editor.caret());
                if !word.is_empty() {
                    self.find.look_for(&editor.text()[word.clone()]);
                    editor.go_to(word.start);
                    self.find.step(editor, back);
                }
                return self.after(false, None, cx);
            }
            Wish::Hover => Command::Hover,
            Wish::Definition => Command::Definition,
            Wish::Rename => Command::RenameLet,
            Wish::Problem { back: true } => Command::ProblemPrevious,
            Wish::Problem { back: false } => Command::ProblemNext,
            Wish::Format => Command::FormatQuery,
            Wish::Palette => Command::PaletteAnywhere,
            Wish::NextTab => Command::HuntNextTab,
        };
        cx.act(Act::Run(command));
    }

    /// What follows a key: a change is read, the words offered and what is marked follow it.
    pub(super) fn after(&mut self, changed: bool, typed: Option<char>, cx: &mut Cx<'_>) {
        if changed {
            self.tab_mut().text_changed();
            if self.find.open {
                self.find.refresh(self.tabs[self.active].editor.text());
            }
        }
        self.offer(changed, typed, cx);
        self.look_around();
        self.ask_to_read(cx);
    }

    /// Ends what is under way, the innermost first; then stops a query, or goes to the results.
    fn escape(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        tab.completing = None;
        let vim = tab.editor.vim_mode();
        if tab.popup.take().is_some() {
            tab.muted = true;
            if vim.is_none() {
                return;
            }
        }
        tab.editor.stop_filling();
        if tab.editor.escape() || (vim.is_none() && tab.editor.unselect()) {
            self.look_around();
            return;
        }
        if self.cancel(cx) {
            return;
        }
        if vim.is_some() {
            // pressed by habit, it must not change where the keys go
            cx.notice(Level::Info, "tab goes to the results");
        } else {
            self.focus = Focus::Grid;
        }
    }

    /// Tab: the next place of a phrase, the repair at the caret, else indenting; in vim's normal mode
    /// the results.
    fn tab_key(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        if tab.editor.next_stop(false) {
            self.at_stop(cx);
            return;
        }
        let tab = self.tab_mut();
        let several = tab.editor.selection().is_some();
        let changed = if !several && tab.apply_fix() {
            true
        } else if matches!(tab.editor.vim_mode(), Some(Mode::Normal)) {
            self.focus = Focus::Grid;
            return;
        } else {
            tab.editor.tab()
        };
        self.after(changed, None, cx);
    }

    /// At a place of a phrase: an empty one is offered what fits it.
    fn at_stop(&mut self, cx: &mut Cx<'_>) {
        let editor = &self.tab().editor;
        let before = editor.text()[..editor.caret()].chars().next_back();
        let empty = editor.fills_in() && editor.selection().is_none();
        self.tab_mut().muted = false;
        self.after(false, None, cx);
        if empty && before.is_some_and(|c| c == ' ' || c == '(') {
            self.complete(false, cx);
        }
    }

    fn undo(&mut self, redo: bool, cx: &mut Cx<'_>) -> bool {
        let changed = self.tab_mut().editor.undo(redo);
        if !changed {
            let what = if redo {
                "nothing to do again"
            } else {
                "nothing to undo"
            };
            cx.notice(Level::Info, what);
        }
        changed
    }

    fn page(&mut self, half: bool, down: bool) {
        self.tab_mut().editor.page(half, down);
    }

    fn hover(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        tab.popup = None;
        let hover = tab.known.at(caret).and_then(|(base, read)| {
            let analysis = read.analysis.as_ref()?;
            assist::hover(&read.text, analysis, &tab.schema, (caret - base) as u32)
        });
        let here = tab.findings.iter();
        let here = here.filter(|it| it.start <= caret && caret <= it.end);
        tab.about = About::new(here, hover);
        if tab.about.is_none() {
            cx.notice(Level::Info, "nothing is known of what stands here");
        }
    }

    fn go_to_definition(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        let place = tab.known.at(caret).and_then(|(base, read)| {
            let analysis = read.analysis.as_ref()?;
            let span = assist::definition(&read.text, analysis, (caret - base) as u32)?;
            Some(base + span.start as usize)
        });
        match place {
            Some(place) => tab.editor.go_to(place),
            None => cx.notice(Level::Info, "the query does not define what stands here"),
        }
    }

    fn ask_name(&mut self, cx: &mut Cx<'_>) {
        let editor = &self.tab().editor;
        let word = words::word_at(editor.text(), editor.caret());
        if word.is_empty() {
            cx.notice(Level::Info, "no name at the caret");
            return;
        }
        let name = editor.text()[word].to_owned();
        let hint = "everywhere the name stands in this query";
        let prompt = Prompt::new(format!("Rename {name}"), hint, name, |to, cx| {
            cx.act(Act::Tell(Msg::Hunt(HuntMsg::Rename(to))));
        });
        cx.popup(Box::new(prompt));
    }

    /// Gives the name at the caret another.
    pub(super) fn rename(&mut self, to: &str, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        let edits = tab.known.at(caret).and_then(|(base, read)| {
            let analysis = read.analysis.as_ref()?;
            let edits =
                assist::rename(&read.text, analysis, &tab.schema, (caret - base) as u32, to);
            Some(edits.map(|edits| (base, edits)))
        });
        match edits {
            Some(Ok((base, edits))) => {
                let mut edits: Vec<_> = edits
                    .into_iter()
                    .map(|it| {
                        (
                            base + it.span.start as usize..base + it.span.end as usize,
                            it.text,
                        )
                    })
                    .collect();
                edits.sort_by_key(|(range, _)| range.start);
                let places = edits.len();
                let at = Caret::at(caret);
                tab.editor.apply(Change::around(edits, at));
                cx.notice(Level::Info, format!("renamed in {places} places"));
            }
            Some(Err(why)) => cx.notice(Level::Warning, why.0),
            None => cx.notice(Level::Info, "the statement is still being read"),
        }
        self.after(true, None, cx);
    }

    fn go_to_problem(&mut self, back: bool, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        match tab.problem(back).map(|it| it.start) {
            Some(place) => tab.editor.go_to(place),
            None => cx.notice(Level::Info, "no errors and no warnings"),
        }
    }

    /// Lays out what is selected, else the statement at the caret.
    fn format(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab_mut();
        let caret = tab.editor.caret();
        let range = tab
            .editor
            .selection()
            .unwrap_or_else(|| prepared::statement_at(tab.editor.text(), caret));
        let query = &tab.editor.text()[range.clone()];
        match format::format(query, Style::default()) {
            Ok(laid) => {
                let laid = laid.trim_end().to_owned();
                let Some((changed, with)) = difference(query, &laid) else {
                    cx.notice(Level::Info, "laid out already");
                    return;
                };
                let inner = caret.clamp(range.start, range.end) - range.start;
                let at = range.start + same_word(query, inner, &laid);
                let place = range.start + changed.start..range.start + changed.end;
                tab.editor.apply(Change {
                    edits: vec![(place, with)],
                    caret: Caret::at(at),
                });
                tab.text_changed();
            }
            Err(fault) => {
                let at = range.start + fault.span.start as usize;
                let (line, column) = tab.editor.place_of(at);
                let message = crate::domain::text::clean(&fault.message).into_owned();
                cx.notice(
                    Level::Warning,
                    format!("not laid out, {line}:{column} is in the way: {message}"),
                );
            }
        }
    }

    fn edit_outside(&mut self, cx: &mut Cx<'_>) {
        let ticket = cx.ticket();
        let tab = self.tab_mut();
        tab.outside = Some(ticket);
        let text = tab.editor.text().to_owned();
        cx.effect(Effect::Hunt(HuntAsk::Outside { ticket, text }));
    }

    /// The text comes back from another editor.
    pub(super) fn came_back(
        &mut self,
        ticket: u64,
        answer: &Result<String, String>,
        cx: &mut Cx<'_>,
    ) {
        let of = |tab: &super::tab::Tab| tab.outside == Some(ticket);
        let Some(nth) = self.tabs.iter().position(of) else {
            return;
        };
        self.tabs[nth].outside = None;
        match answer {
            Ok(text) => {
                // files end with a line break, queries need none
                let own = self.tabs[nth].editor.text();
                let text = match text.strip_suffix('\n') {
                    Some(cut) if !own.ends_with('\n') => cut,
                    _ => text,
                };
                self.tabs[nth].editor.turn_into(text);
                self.tabs[nth].text_changed();
            }
            Err(why) => cx.notice(Level::Warning, why.as_str()),
        }
        self.after(false, None, cx);
    }

    /// Marks what belongs to the place of the caret: brackets, the name's other places, matches, the
    /// lines that would run; and looks up the call around it.
    pub(super) fn look_around(&mut self) {
        let finding = self.find.open;
        let tab = &mut self.tabs[self.active];
        let caret = tab.editor.caret();
        let mut notes = Vec::new();
        if let Some((one, other)) = tab.editor.brackets() {
            notes.extend([one, other].map(|at| Mark {
                range: at..at + 1,
                role: Role::Bracket,
            }));
        }
        let on_word = !words::word_at(tab.editor.text(), caret).is_empty();
        if on_word
            && let Some((base, read)) = tab.known.at(caret)
            && let Some(analysis) = &read.analysis
        {
            let all = assist::occurrences(&read.text, analysis, (caret - base) as u32);
            if (2..=MOST_MARKED).contains(&all.len()) {
                notes.extend(all.iter().map(|span| Mark {
                    range: base + span.start as usize..base + span.end as usize,
                    role: Role::Occurrence,
                }));
            }
        }
        if finding {
            notes.extend(self.find.marks());
        }
        tab.editor.set_notes(notes);
        let runs = tab
            .editor
            .selection()
            .unwrap_or_else(|| prepared::statement_at(tab.editor.text(), caret));
        let (first, last) = (
            tab.editor.place_of(runs.start).0,
            tab.editor.place_of(runs.end).0,
        );
        let whole = first == 1 && last == tab.editor.line_count();
        tab.editor.set_lit((!whole).then_some(first..last + 1));
        let writing = !matches!(
            tab.editor.vim_mode(),
            Some(Mode::Normal | Mode::Visual | Mode::Lines)
        );
        tab.signature = None;
        if writing {
            let range = prepared::statement_around(tab.editor.text(), caret);
            let text = &tab.editor.text()[range.clone()];
            let at = caret - range.start;
            if text.len() <= 4 * AT_ONCE && help::in_call(&text[..at]) {
                tab.signature = assist::signature_help(text, at as u32, &tab.schema);
            }
        }
    }

    /// Has a worker read what is too long to be read here; one at a time, the newest text.
    pub(super) fn ask_to_read(&mut self, cx: &mut Cx<'_>) {
        for tab in &mut self.tabs {
            if tab.reading.is_none()
                && let Some(text) = tab.known.waiting()
            {
                let ticket = cx.ticket();
                tab.reading = Some(ticket);
                cx.effect(Effect::Hunt(HuntAsk::Read {
                    ticket,
                    text,
                    schema: tab.schema.clone(),
                }));
            }
        }
    }
}

fn enter() -> Chord {
    Chord {
        code: crossterm::event::KeyCode::Enter,
        modifiers: crossterm::event::KeyModifiers::NONE,
    }
}

/// The place in a text laid out anew where the same letter stands: as many letters before it.
fn same_word(before: &str, at: usize, after: &str) -> usize {
    let letters = |c: &char| !c.is_whitespace();
    let mut count = before[..at].chars().filter(letters).count();
    // at the start of a word, not behind the one before it
    let starts = before[at..].chars().next().is_some_and(|c| letters(&c));
    for (place, c) in after.char_indices() {
        if count == 0 && (!starts || letters(&c)) {
            return place;
        }
        if letters(&c) {
            count = count.saturating_sub(1);
        }
    }
    after.len()
}

#[cfg(test)]
mod tests {
    use super::same_word;

    #[test]
    fn the_caret_stays_at_its_word() {
        let (before, after) = ("T|where   a==1", "T\n| where a == 1");
        for (word, offset) in [("where", 0), ("where", 2), ("a==", 0), ("==1", 0), ("1", 0)] {
            let at = before.find(word).expect("is there") + offset;
            let to = same_word(before, at, after);
            assert_eq!(
                before[at..].chars().next(),
                after[to..].chars().next(),
                "{word}"
            );
        }
        assert_eq!(same_word(before, before.len(), after), after.len());
    }
}
