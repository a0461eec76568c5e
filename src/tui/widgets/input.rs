//! One line to type into. What is pasted or typed is kept as it is and shown sanitised.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::paint;
use crate::tui::keys::Chord;
use crate::tui::screen::Ctx;

/// A line of text with a cursor.
#[derive(Clone, Debug, Default)]
pub struct Input {
    text: String,
    /// Byte offset of the cursor, on a grapheme boundary.
    at: usize,
}

impl Input {
    /// A line that already says something, the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let at = text.len();
        Self { text, at }
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces what it says; the cursor goes to its end.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Takes a key; true when the text changed.
    pub fn key(&mut self, chord: Chord) -> bool {
        use crossterm::event::KeyModifiers as M;
        let control = chord.modifiers == M::CONTROL;
        match chord.code {
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Char('u') if control => {
                let changed = self.at > 0;
                self.text.drain(..self.at);
                self.at = 0;
                return changed;
            }
            KeyCode::Char('k') if control => {
                let changed = self.at < self.text.len();
                self.text.truncate(self.at);
                return changed;
            }
            KeyCode::Char('w') if control => {
                let head = self.text[..self.at].trim_end();
                let start = head.rfind(' ').map_or(0, |space| space + 1);
                let changed = start < self.at;
                self.text.drain(start..self.at);
                self.at = start;
                return changed;
            }
            KeyCode::Char(c) if chord.prints() => {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
                return true;
            }
            KeyCode::Backspace => {
                let start = self.before();
                let changed = start < self.at;
                self.text.drain(start..self.at);
                self.at = start;
                return changed;
            }
            KeyCode::Delete => {
                let end = self.after();
                let changed = end > self.at;
                self.text.drain(self.at..end);
                return changed;
            }
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.after(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            _ => {}
        }
        false
    }

    /// Takes pasted text; line breaks become spaces.
    pub fn paste(&mut self, text: &str) {
        let text = text.replace(['\r', '\n', '\t'], " ");
        self.text.insert_str(self.at, &text);
        self.at += text.len();
    }

    fn before(&self) -> usize {
        let last = self.text[..self.at].grapheme_indices(true).next_back();
        last.map_or(0, |(index, _)| index)
    }

    fn after(&self) -> usize {
        let next = self.text[self.at..].graphemes(true).next();
        self.at + next.map_or(0, str::len)
    }

    /// Draws it on one line, scrolled so that the cursor is seen; asks for the terminal's cursor
    /// when `focused`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, style: Style, focused: bool, ctx: &Ctx<'_>) {
        if area.width == 0 || area.height == 0 {
            return;
        }
        let line = Rect { height: 1, ..area };
        paint::fill(buf, line, style);
        let room = area.width.saturating_sub(1).max(1);
        let mut start = 0;
        // The text before the cursor must fit: drop characters from its left until it does.
        for (index, _) in self.text[..self.at].grapheme_indices(true) {
            start = index;
            if paint::width(&self.text[index..self.at]) <= room {
                break;
            }
        }
        if paint::width(&self.text[start..self.at]) > room {
            start = self.at;
        }
        paint::text(
            buf,
            line,
            area.x,
            area.y,
            area.width,
            &self.text[start..],
            style,
        );
        if focused {
            let x = area.x + paint::width(&self.text[start..self.at]).min(area.width - 1);
            ctx.show_cursor(x, area.y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(input: &mut Input, keys: &str) {
        for part in keys.split_whitespace() {
            input.key(Chord::parse(part).expect("a key"));
        }
    }

    #[test]
    fn editing_moves_by_what_people_see() {
        let mut input = Input::new("a👩‍👩‍👧b");
        typed(&mut input, "left backspace");
        assert_eq!(input.text(), "ab");
        typed(&mut input, "home X end Y left left delete");
        assert_eq!(input.text(), "XaY");
        typed(&mut input, "ctrl-u");
        assert_eq!(input.text(), "Y");
    }

    #[test]
    fn words_are_deleted_and_pastes_stay_on_one_line() {
        let mut input = Input::new("status:open owner:me");
        typed(&mut input, "ctrl-w");
        assert_eq!(input.text(), "status:open ");
        input.paste("a\nb");
        assert_eq!(input.text(), "status:open a b");
    }
}
