//! What stands beside and over the query: the schema tree, and the question for a title.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::prompt::Prompt;
use super::tree::{SchemaTree, Wish};
use super::{Focus, HuntAsk, HuntScreen, view};
use crate::hunt::{library, prepared};
use crate::tui::commands::Command;
use crate::tui::data::Level;
use crate::tui::keys::Chord;
use crate::tui::msg::Effect;
use crate::tui::screen::{Ctx, Cx};

impl HuntScreen {
    /// Shows the tree and goes to it; from the tree, takes it away.
    pub(super) fn toggle_tree(&mut self) {
        if self.focus == Focus::Schema {
            self.tree = None;
            self.focus = Focus::Editor;
            return;
        }
        let schema = self.tab().schema.clone();
        self.tree.get_or_insert_with(|| SchemaTree::new(schema));
        self.focus = Focus::Schema;
    }

    /// Commands of the tree.
    pub(super) fn in_tree(&mut self, command: Command) -> bool {
        let Some(tree) = &mut self.tree else {
            self.focus = Focus::Editor;
            return false;
        };
        match tree.command(command) {
            None => return false,
            Some(Wish::Nothing) => {}
            Some(Wish::Leave) => self.focus = Focus::Editor,
            Some(Wish::Insert(name)) => {
                let tab = self.tab_mut();
                let range = tab.editor.selection();
                let caret = tab.editor.caret();
                tab.editor.replace(range.unwrap_or(caret..caret), &name);
                tab.text_changed();
            }
        }
        true
    }

    pub(super) fn tree_key(&mut self, chord: Chord) -> bool {
        let here = self.focus == Focus::Schema;
        if let (true, Some(tree)) = (here, &mut self.tree) {
            tree.key(chord);
        }
        here
    }

    pub(super) fn tree_paste(&mut self, text: &str) -> bool {
        let here = self.focus == Focus::Schema;
        if let (true, Some(tree)) = (here, &mut self.tree) {
            tree.paste(text);
        }
        here
    }

    /// Keeps the query under the caret in the user's folder, once it has a title.
    pub(super) fn ask_title(&mut self, cx: &mut Cx<'_>) {
        let tab = self.tab();
        let text = tab.editor.text();
        let part = || library::with_head(text, prepared::statement_at(text, tab.editor.caret()));
        let query = text[tab.editor.selection().unwrap_or_else(part)]
            .trim()
            .to_owned();
        if query.is_empty() {
            cx.notice(Level::Info, "nothing to keep: write a query first");
            return;
        }
        let titled = library::title_of(&query);
        let hint = match titled {
            None => {
                "It goes to your own queries; comments like // about: above it are kept with it."
            }
            Some(_) => {
                "It replaces the one of yours with this title; with another title it is a new one."
            }
        };
        let title = titled.unwrap_or_else(|| tab.title.clone());
        let popup = Prompt::new("Keep the query as", hint, title, |title, cx| {
            cx.effect(Effect::Hunt(HuntAsk::Save { title, query }));
        });
        cx.popup(Box::new(popup));
    }

    /// Draws the query with its results, and the tree beside or over it.
    pub(super) fn draw_panes(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let Some(tree) = &self.tree else {
            view::draw(self, buf, area, ctx);
            return;
        };
        let (main, side) = SchemaTree::split(area);
        let over = main == area;
        view::draw(self, buf, main, ctx);
        let focused = self.focus == Focus::Schema;
        if focused || !over {
            tree.draw(buf, side, over, focused, ctx);
        }
    }
}
