//! The query editor: `tui-textarea` with KQL colours and marked findings.
//!
//! Colours are real tokens, handed in once per change of the text; only lines that can be on screen
//! are handed on to the widget. Its highlights are byte ranges of a line and do not nest across each
//! other's ends, so tokens, findings and the selection are cut into pieces that never overlap.
//! Nothing unsafe gets into the text: see [`prepared::editable`].

use std::cell::RefCell;
use std::ops::Range;

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::{CursorMove, CursorRenderMode, TextArea};

use crate::hunt::prepared;
use crate::tui::keys::Chord;
use crate::tui::theme::{Role, Theme};

/// The longest text the editor takes, in bytes; the service's own limit lies far below.
pub const LONGEST: usize = 1 << 20;

/// A coloured piece of the text: bytes and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Byte range in the whole text.
    pub range: Range<usize>,
    /// What it is.
    pub role: Role,
}

/// A finding to underline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte range in the whole text; an empty one marks the character before it.
    pub range: Range<usize>,
    /// [`Role::KqlError`] or [`Role::KqlWarning`].
    pub role: Role,
}

/// A text being edited.
pub struct Editor {
    // a cell, because the widget keeps the colours of the lines it is about to draw
    area: RefCell<TextArea<'static>>,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    paints: Vec<Paint>,
    marks: Vec<Mark>,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor")
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

impl Default for Editor {
    fn default() -> Self {
        Self::new("")
    }
}

impl Editor {
    /// An editor with a text, the caret at its end.
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::default();
        area.set_tab_length(4);
        area.set_max_histories(500);
        area.set_undo_coalescing(true);
        area.set_cursor_line_style(Style::new());
        area.set_cursor_render_mode(CursorRenderMode::Hidden);
        let mut editor = Self {
            area: RefCell::new(area),
            text: String::new(),
            lines: vec![0],
            paints: Vec::new(),
            marks: Vec::new(),
        };
        editor.set_text(text);
        editor
    }

    /// Replaces the whole text; `undo` brings the old one back. The caret goes to the end.
    pub fn set_text(&mut self, text: &str) {
        let text = limited(prepared::editable(text));
        let area = self.area.get_mut();
        if area.is_empty() {
            // nothing to undo: the text is the beginning
            let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
            let end = (
                lines.len() - 1,
                lines.last().map_or(0, |line| line.chars().count()),
            );
            area.set_lines(lines, end);
        } else {
            area.select_all();
            area.insert_str(&text);
        }
        self.changed();
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many lines it has.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The caret as a byte offset of the text.
    pub fn caret(&self) -> usize {
        let (line, column) = self.area.borrow().cursor();
        self.offset(line, column)
    }

    /// The caret as line and column, both from 1, columns in characters.
    pub fn place(&self) -> (usize, usize) {
        let (line, column) = self.area.borrow().cursor();
        (line + 1, column + 1)
    }

    /// The line and column, both from 1, of a byte offset.
    pub fn place_of(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset).max(1) - 1;
        let column = self
            .text
            .get(self.lines[line]..offset)
            .map_or(0, |before| before.chars().count());
        (line + 1, column + 1)
    }

    /// The selected part of the text, if any is selected.
    pub fn selection(&self) -> Option<Range<usize>> {
        let (start, end) = self.area.borrow().selection_range()?;
        let range = self.offset(start.0, start.1)..self.offset(end.0, end.1);
        (!range.is_empty()).then_some(range)
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        let line = rest.split('\n').next().unwrap_or_default();
        start
            + line
                .char_indices()
                .nth(column)
                .map_or(line.len(), |(at, _)| at)
    }

    /// Takes a key; says whether the text changed.
    pub fn key(&mut self, chord: Chord) -> bool {
        let typed = chord.modifiers - KeyModifiers::SHIFT;
        let area = self.area.get_mut();
        let changed = match chord.code {
            KeyCode::Char(c) if typed.is_empty() && !crate::domain::text::is_safe(c) => {
                area.insert_str(prepared::editable(c.encode_utf8(&mut [0; 4])))
            }
            KeyCode::Enter => {
                let (line, column) = area.cursor();
                let before = area.lines()[line].chars().take(column);
                let indent: String = before.take_while(|c| *c == ' ').collect();
                area.insert_newline();
                area.insert_str(&indent);
                true
            }
            KeyCode::Home if typed.is_empty() => {
                self.home(chord.modifiers.contains(KeyModifiers::SHIFT));
                false
            }
            KeyCode::Char(_) if typed.is_empty() && self.text.len() >= LONGEST => false,
            _ => area.input(chord.event()),
        };
        if changed {
            self.changed();
        }
        changed
    }

    /// To the first letter of the line, or to its start from there.
    fn home(&mut self, select: bool) {
        let area = self.area.get_mut();
        let (line, column) = area.cursor();
        let indent = area.lines()[line].chars().take_while(|c| *c == ' ').count();
        if select && !area.is_selecting() {
            area.start_selection();
        } else if !select {
            area.cancel_selection();
        }
        let to = if column == indent { 0 } else { indent };
        area.move_cursor(CursorMove::Jump(line as u16, to as u16));
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        let mut text = prepared::editable(text);
        text.truncate(floor(&text, LONGEST.saturating_sub(self.text.len())));
        self.area.get_mut().insert_str(text);
        self.changed();
    }

    /// Selects the whole text.
    pub fn select_all(&mut self) {
        self.area.get_mut().select_all();
    }

    /// Takes back the last change, or makes it again. Says whether there was one.
    pub fn undo(&mut self, redo: bool) -> bool {
        let area = self.area.get_mut();
        let changed = if redo { area.redo() } else { area.undo() };
        if changed {
            self.changed();
        }
        changed
    }

    /// Replaces a byte range, as one step of undo; the caret goes behind it.
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        let with = prepared::editable(with);
        let place = |editor: &Self, offset: usize| {
            let (line, column) = editor.place_of(offset);
            CursorMove::Jump((line - 1) as u16, (column - 1) as u16)
        };
        let (start, end) = (place(self, range.start), place(self, range.end));
        let area = self.area.get_mut();
        area.cancel_selection();
        area.move_cursor(start);
        if !range.is_empty() {
            area.start_selection();
            area.move_cursor(end);
        }
        area.insert_str(with);
        area.cancel_selection();
        self.changed();
    }

    /// Puts the caret at a byte offset.
    pub fn go_to(&mut self, offset: usize) {
        let (line, column) = self.place_of(offset);
        let area = self.area.get_mut();
        area.cancel_selection();
        area.move_cursor(CursorMove::Jump((line - 1) as u16, (column - 1) as u16));
    }

    /// Moves the caret to a place of the last frame; the mouse does.
    pub fn point(&mut self, at: Position) {
        let area = self.area.get_mut();
        if let Some((line, column)) = area.cursor_at_position(at) {
            area.cancel_selection();
            area.move_cursor(CursorMove::Jump(line as u16, column as u16));
        }
    }

    fn changed(&mut self) {
        self.text = self.area.get_mut().lines().join("\n");
        self.lines.clear();
        self.lines.push(0);
        self.lines
            .extend(self.text.match_indices('\n').map(|(at, _)| at + 1));
        // the old ranges no longer fit; new ones follow in the same update
        self.paints.clear();
        self.marks.clear();
    }

    /// Takes the colours and findings of the present text. Ranges outside it are passed over.
    pub fn set_language(&mut self, mut paints: Vec<Paint>, marks: Vec<Mark>) {
        paints.retain(|paint| self.fits(&paint.range));
        paints.sort_by_key(|paint| paint.range.start);
        self.paints = paints;
        self.marks = marks;
        self.marks.retain(|mark| {
            self.text
                .is_char_boundary(mark.range.start.min(self.text.len()))
        });
    }

    fn fits(&self, range: &Range<usize>) -> bool {
        range.start < range.end && self.text.get(range.clone()).is_some()
    }

    /// Draws the text with the colours of the lines that can be on screen: the caret always is, so
    /// none is farther from it than the height.
    ///
    /// Returns where the terminal's cursor belongs.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return None;
        }
        let selection = self.selection();
        let mut widget = self.area.borrow_mut();
        widget.set_style(theme.style(Role::Text));
        widget.set_line_number_style(theme.style(Role::LineNumber));
        widget.set_selection_style(theme.style(Role::Selected));
        widget.clear_custom_highlight();
        let (caret, _) = widget.cursor();
        let reach = usize::from(area.height);
        let first = caret.saturating_sub(reach);
        let last = (caret + reach).min(self.lines.len() - 1);
        let end = self
            .lines
            .get(last + 1)
            .map_or(self.text.len(), |next| next - 1);
        for (range, style) in self.pieces(&(self.lines[first]..end), selection, theme) {
            let line = self.lines.partition_point(|start| *start <= range.start) - 1;
            let start = self.lines[line];
            widget.custom_highlight(
                ((line, range.start - start), (line, range.end - start)),
                style,
                1,
            );
        }
        Widget::render(&*widget, area, buf);
        widget.rendered_cursor_position()
    }

    /// The styled pieces of a byte range: sorted, on one line each, never overlapping.
    fn pieces(
        &self,
        bytes: &Range<usize>,
        selection: Option<Range<usize>>,
        theme: &Theme,
    ) -> Vec<(Range<usize>, Style)> {
        let from = self
            .paints
            .partition_point(|paint| paint.range.end <= bytes.start);
        let paints = || {
            self.paints[from..]
                .iter()
                .take_while(|paint| paint.range.start < bytes.end)
        };
        let marks: Vec<(Range<usize>, Role)> = self
            .marks
            .iter()
            .map(|mark| (self.visible_mark(&mark.range), mark.role))
            .filter(|(range, _)| {
                range.start < bytes.end && range.end > bytes.start && self.fits(range)
            })
            .collect();
        let mut edges: Vec<usize> = vec![bytes.start, bytes.end];
        for range in paints()
            .map(|paint| &paint.range)
            .chain(marks.iter().map(|(range, _)| range))
            .chain(&selection)
        {
            edges.extend([range.start, range.end]);
        }
        // a line break ends every piece
        let lines = self.lines.partition_point(|start| *start <= bytes.start);
        for start in self.lines[lines..]
            .iter()
            .take_while(|start| **start <= bytes.end)
        {
            edges.extend([start - 1, *start]);
        }
        edges.retain(|edge| bytes.start <= *edge && *edge <= bytes.end);
        edges.sort_unstable();
        edges.dedup();

        let mut pieces = Vec::new();
        let mut paints = paints().peekable();
        for pair in edges.windows(2) {
            let range = pair[0]..pair[1];
            while paints
                .next_if(|paint| paint.range.end <= range.start)
                .is_some()
            {}
            let selected = selection
                .as_ref()
                .is_some_and(|it| it.start <= range.start && range.end <= it.end);
            if selected || self.text.as_bytes()[range.start] == b'\n' {
                continue;
            }
            let mut style: Option<Style> = paints
                .peek()
                .filter(|paint| paint.range.start <= range.start)
                .map(|paint| theme.style(paint.role));
            for (mark, role) in &marks {
                if mark.start <= range.start && range.end <= mark.end {
                    style = Some(
                        style
                            .unwrap_or_else(|| theme.style(Role::Text))
                            .patch(theme.style(*role)),
                    );
                }
            }
            if let Some(style) = style {
                pieces.push((range, style));
            }
        }
        pieces
    }

    /// A finding between characters is shown on the character before it, or after at a line's start.
    fn visible_mark(&self, range: &Range<usize>) -> Range<usize> {
        if range.start < range.end {
            return range.clone();
        }
        let at = range.start.min(self.text.len());
        let before = self.text[..at].chars().next_back().filter(|c| *c != '\n');
        let after = self.text[at..].chars().next().filter(|c| *c != '\n');
        match (before, after) {
            (Some(c), _) => at - c.len_utf8()..at,
            (None, Some(c)) => at..at + c.len_utf8(),
            (None, None) => at..at,
        }
    }
}

fn limited(mut text: String) -> String {
    text.truncate(floor(&text, LONGEST));
    text
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Modifier;

    fn paint(text: &str, word: &str, role: Role) -> Paint {
        let start = text.find(word).expect("is there");
        Paint {
            range: start..start + word.len(),
            role,
        }
    }

    fn draw(editor: &Editor, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        editor.draw(area, &mut buf, &Theme::default());
        buf
    }

    fn press(editor: &mut Editor, key: &str) {
        editor.key(Chord::parse(key).expect("a key"));
    }

    fn style_of(buf: &Buffer, symbol: &str) -> Style {
        buf.content()
            .iter()
            .find(|cell| cell.symbol() == symbol)
            .expect("drawn")
            .style()
    }

    #[test]
    fn colours_fall_on_their_letters_behind_wide_ones() {
        let text = "let ä = \"日本\"; Ω\n| where x";
        let mut editor = Editor::new(text);
        let theme = Theme::default();
        editor.set_language(
            vec![
                paint(text, "let", Role::KqlKeyword),
                paint(text, "\"日本\"", Role::KqlString),
                paint(text, "Ω", Role::KqlError),
                paint(text, "where", Role::KqlKeyword),
            ],
            Vec::new(),
        );
        let buf = draw(&editor, 40, 3);
        let fg = |symbol: &str| style_of(&buf, symbol).fg;
        assert_eq!(fg("l"), theme.style(Role::KqlKeyword).fg);
        assert_eq!(fg("日"), theme.style(Role::KqlString).fg);
        assert_eq!(fg("ä"), theme.style(Role::Text).fg);
        assert_eq!(fg("Ω"), theme.style(Role::KqlError).fg);
        assert_eq!(fg("w"), theme.style(Role::KqlKeyword).fg);
    }

    #[test]
    fn findings_selection_and_colours_do_not_disturb_each_other() {
        let text = "abcdefgh";
        let mut editor = Editor::new(text);
        let theme = Theme::default();
        editor.set_language(
            vec![
                Paint {
                    range: 0..4,
                    role: Role::KqlTable,
                },
                Paint {
                    range: 4..8,
                    role: Role::KqlString,
                },
            ],
            vec![Mark {
                range: 2..6,
                role: Role::KqlError,
            }],
        );
        editor.go_to(3);
        press(&mut editor, "shift-right");
        press(&mut editor, "shift-right");
        assert_eq!(editor.selection(), Some(3..5));
        let buf = draw(&editor, 20, 1);
        let is_error = |symbol: &str| {
            let error = theme.style(Role::KqlError);
            let style = style_of(&buf, symbol);
            style.add_modifier.contains(error.add_modifier)
                && (error.fg.is_none() || style.fg == error.fg)
        };
        assert_eq!(style_of(&buf, "b").fg, theme.style(Role::KqlTable).fg);
        assert!(
            is_error("c") && is_error("f"),
            "{:?} {:?}",
            style_of(&buf, "c"),
            style_of(&buf, "f")
        );
        assert_eq!(style_of(&buf, "g").fg, theme.style(Role::KqlString).fg);
        assert!(!is_error("g") && !is_error("b"));
        let selected = theme.style(Role::Selected);
        assert_eq!(
            style_of(&buf, "d").bg,
            selected.bg.or(style_of(&buf, "d").bg)
        );
        assert!(
            style_of(&buf, "d")
                .add_modifier
                .contains(selected.add_modifier)
        );
        assert!(
            !style_of(&buf, "h")
                .add_modifier
                .contains(Modifier::REVERSED)
        );
    }

    #[test]
    fn offsets_and_places_agree_in_any_script() {
        let text = "ä\n日本x\n\nend";
        let mut editor = Editor::new(text);
        for (offset, place) in [
            (0, (1, 1)),
            (2, (1, 2)),
            (3, (2, 1)),
            (9, (2, 3)),
            (10, (2, 4)),
            (11, (3, 1)),
            (15, (4, 4)),
        ] {
            assert_eq!(editor.place_of(offset), place, "{offset}");
            editor.go_to(offset);
            assert_eq!(editor.caret(), offset);
        }
    }

    #[test]
    fn a_fix_is_one_step_back() {
        let mut editor = Editor::new("T | were ä");
        editor.replace(4..8, "where");
        assert_eq!(editor.text(), "T | where ä");
        assert_eq!(editor.caret(), 9);
        editor.undo(false);
        if editor.text() != "T | were ä" {
            editor.undo(false);
        }
        assert_eq!(editor.text(), "T | were ä");
    }

    #[test]
    fn hostile_text_is_made_visible_on_the_way_in() {
        let mut editor = Editor::new("");
        editor.paste("a\u{202e}b\r\nc\u{1b}");
        editor.key(Chord {
            code: KeyCode::Char('\u{200b}'),
            modifiers: KeyModifiers::NONE,
        });
        assert_eq!(editor.text(), "a\\u202Eb\nc\\u001B\\u200B");
    }

    #[test]
    fn a_long_text_keeps_only_what_can_be_seen() {
        let text = "where x == 1\n".repeat(5_000);
        let mut editor = Editor::new(&text);
        let paints = text.match_indices("where").map(|(at, word)| Paint {
            range: at..at + word.len(),
            role: Role::KqlKeyword,
        });
        editor.set_language(paints.collect(), Vec::new());
        let theme = Theme::default();
        editor.go_to(text.len() / 2);
        let caret = editor.area.borrow().cursor().0;
        let bytes = editor.lines[caret - 10]..editor.lines[caret + 11];
        assert!(editor.pieces(&bytes, None, &theme).len() <= 21);
        let buf = draw(&editor, 20, 10);
        assert_eq!(style_of(&buf, "w").fg, theme.style(Role::KqlKeyword).fg);
    }

    #[test]
    fn no_size_is_too_small() {
        let editor = Editor::new("日本\nab");
        for width in 0..8 {
            for height in 0..4 {
                draw(&editor, width, height);
            }
        }
    }
}
