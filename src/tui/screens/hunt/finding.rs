//! Commands of the line in which a text to find is typed, and going on from match to match.

use super::HuntScreen;
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::screen::Cx;
use crate::tui::widgets::editor::find::TooLong;

impl HuntScreen {
    /// Commands of the line in which a text to find is typed.
    pub(super) fn in_finder(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let editor = &mut self.tabs[self.active].editor;
        let mut changed = false;
        match command {
            Command::FindForward => {
                self.find.step(editor, false);
            }
            Command::FindBackward => {
                self.find.step(editor, true);
            }
            Command::FindEnter if self.find.is_replacing() => changed = self.find.replace(editor),
            // as vim's own line: the caret is at the match already, and `n` goes on
            Command::FindEnter if editor.vim_mode().is_some() => self.find.close(editor),
            Command::FindEnter => {
                self.find.step(editor, false);
            }
            Command::FindField => self.find.switch(),
            Command::FindAll => match self.find.replace_all(editor) {
                Ok(count) => {
                    changed = count > 0;
                    cx.notice(Level::Info, format!("{count} replaced"));
                }
                Err(TooLong) => cx.notice(
                    Level::Warning,
                    "none replaced: the text would be too long for the editor",
                ),
            },
            Command::FindCase => self.find.how.case = !self.find.how.case,
            Command::FindWhole => self.find.how.word = !self.find.how.word,
            Command::FindRegex => self.find.how.regex = !self.find.how.regex,
            Command::FindClose => self.find.close(editor),
            _ => return false,
        }
        if matches!(
            command,
            Command::FindCase | Command::FindWhole | Command::FindRegex
        ) {
            self.looked(true);
        }
        self.after(changed, None, cx);
        true
    }

    /// The next match, or the one before.
    pub(super) fn find_again(&mut self, back: bool, cx: &mut Cx<'_>) {
        let editor = &mut self.tabs[self.active].editor;
        if !self.find.step(editor, back) {
            cx.notice(Level::Info, "no match; look for something first");
        }
    }

    /// What is looked for changed.
    pub(super) fn looked(&mut self, anew: bool) {
        let editor = &mut self.tabs[self.active].editor;
        if anew {
            self.find.typed(editor);
        }
    }
}
