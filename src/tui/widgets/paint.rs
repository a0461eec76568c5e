//! The one way text reaches the buffer: sanitised, cut to width with `…`, wide characters whole.
//!
//! Screens draw through these functions alone, so that no string of a service can reach the
//! terminal raw, whoever forgot what.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::text::clean;

/// Cells a text takes once sanitised.
pub fn width(text: &str) -> u16 {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.len().min(usize::from(u16::MAX)) as u16;
    }
    let text = clean(text);
    let cells: usize = text.graphemes(true).map(cells).sum();
    cells.min(usize::from(u16::MAX)) as u16
}

fn cells(grapheme: &str) -> usize {
    grapheme.width().min(2)
}

/// Writes text at a cell, at most `max` cells of it and never outside `area`; cuts with `…`.
/// Returns the column after the last cell written.
pub fn text(
    buf: &mut Buffer,
    area: Rect,
    x: u16,
    y: u16,
    max: u16,
    text: &str,
    style: Style,
) -> u16 {
    let area = area.intersection(buf.area);
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() || max == 0 {
        return x;
    }
    let room = usize::from(max.min(area.right() - x));
    let text = clean(text);
    if text.is_ascii() {
        // Nearly everything: one byte a cell.
        let cut = text.len() > room;
        let take = if cut { room - 1 } else { text.len() };
        let mut at = x;
        for index in 0..take {
            buf[(at, y)]
                .set_symbol(&text[index..=index])
                .set_style(style);
            at += 1;
        }
        if cut {
            buf[(at, y)].set_symbol("…").set_style(style);
            at += 1;
        }
        return at;
    }
    let total: usize = text.graphemes(true).map(cells).sum();
    let (limit, cut) = if total > room {
        (room - 1, true)
    } else {
        (room, false)
    };
    let mut at = x;
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let size = cells(grapheme);
        if size == 0 {
            continue;
        }
        if used + size > limit {
            break;
        }
        buf[(at, y)].set_symbol(grapheme).set_style(style);
        if size == 2 {
            buf[(at + 1, y)].set_symbol(" ").set_style(style);
        }
        at += size as u16;
        used += size;
    }
    if cut {
        buf[(at, y)].set_symbol("…").set_style(style);
        at += 1;
    }
    at
}

/// The same, ending at the right edge of `max` cells; text that is too long is cut at its end.
pub fn text_right(
    buf: &mut Buffer,
    area: Rect,
    x: u16,
    y: u16,
    max: u16,
    content: &str,
    style: Style,
) {
    let size = width(content).min(max);
    text(buf, area, x + (max - size), y, size, content, style);
}

/// Writes pieces one after another; returns the column after the last.
pub fn pieces(buf: &mut Buffer, area: Rect, x: u16, y: u16, pieces: &[(&str, Style)]) -> u16 {
    let mut at = x;
    for (content, style) in pieces {
        let room = area.right().saturating_sub(at);
        at = text(buf, area, at, y, room, content, *style);
    }
    at
}

/// Lays a style over cells that are already written.
pub fn tint(buf: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            buf[(x, y)].set_style(style);
        }
    }
}

/// Empties cells and gives them a style.
pub fn fill(buf: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            buf[(x, y)].reset();
            buf[(x, y)].set_style(style);
        }
    }
}

/// A rule across the area's line `y` with a title in it: `─ Incidents 42/118 ─────`. `extra` stands
/// at its right end where there is room.
pub fn rule(buf: &mut Buffer, area: Rect, y: u16, title: &str, extra: &str, styles: RuleStyles) {
    if y < area.top() || y >= area.bottom() {
        return;
    }
    for x in area.left()..area.right().min(buf.area.right()) {
        if y < buf.area.bottom() {
            buf[(x, y)].set_symbol("─").set_style(styles.rule);
        }
    }
    let mut at = area.left() + 1;
    if !title.is_empty() && area.width > 6 {
        at = text(buf, area, at, y, 1, " ", styles.rule);
        at = text(
            buf,
            area,
            at,
            y,
            area.width.saturating_sub(4),
            title,
            styles.title,
        );
        at = text(buf, area, at, y, 1, " ", styles.rule);
    }
    let size = width(extra);
    if size > 0 && at + size + 4 < area.right() {
        let x = area.right() - size - 3;
        let next = text(buf, area, x, y, 1, " ", styles.rule);
        let next = text(buf, area, next, y, size, extra, styles.extra);
        text(buf, area, next, y, 1, " ", styles.rule);
    }
}

/// The inks of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleStyles {
    /// The line.
    pub rule: Style,
    /// Its title.
    pub title: Style,
    /// What stands at its right end.
    pub extra: Style,
}

/// Cuts a text to width in the middle, for paths: `C:\Users\…\invoice.docm`.
pub fn middle(content: &str, max: u16) -> String {
    let content = clean(content);
    if width(&content) <= max {
        return content.into_owned();
    }
    if max < 5 {
        return content.graphemes(true).take(usize::from(max)).collect();
    }
    let keep = usize::from(max) - 1;
    let tail = keep * 2 / 3;
    let head = keep - tail;
    let all: Vec<&str> = content.graphemes(true).collect();
    let mut start = String::new();
    let mut used = 0;
    for grapheme in &all {
        if used + cells(grapheme) > head {
            break;
        }
        used += cells(grapheme);
        start.push_str(grapheme);
    }
    let mut end: Vec<&str> = Vec::new();
    let mut used = 0;
    for grapheme in all.iter().rev() {
        if used + cells(grapheme) > tail {
            break;
        }
        used += cells(grapheme);
        end.push(grapheme);
    }
    end.reverse();
    format!("{start}…{}", end.concat())
}

/// Breaks text into lines of at most `max` cells, at spaces where possible; keeps its own breaks.
/// The result is sanitised.
pub fn wrap(content: &str, max: u16) -> Vec<String> {
    let max = usize::from(max.max(1));
    let mut out = Vec::new();
    for line in crate::domain::text::clean_block(content).lines() {
        let mut current = String::new();
        let mut used = 0;
        for word in line.split_inclusive(' ') {
            let size: usize = word.trim_end().graphemes(true).map(cells).sum();
            if used > 0 && used + size > max {
                out.push(current.trim_end().to_owned());
                current = String::new();
                used = 0;
            }
            for grapheme in word.graphemes(true) {
                let size = cells(grapheme);
                if used + size > max {
                    if grapheme == " " {
                        continue;
                    }
                    out.push(std::mem::take(&mut current));
                    used = 0;
                }
                current.push_str(grapheme);
                used += size;
            }
        }
        out.push(current.trim_end().to_owned());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(width: u16, content: &str) -> String {
        let area = Rect::new(0, 0, width, 1);
        let mut buf = Buffer::empty(area);
        text(&mut buf, area, 0, 0, width, content, Style::new());
        buf.content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }

    #[test]
    fn text_is_cut_at_its_width_and_wide_characters_stay_whole() {
        assert_eq!(line(5, "abcdef"), "abcd…");
        assert_eq!(line(6, "abcdef"), "abcdef");
        assert_eq!(line(5, "東京都庁"), "東 京 …");
        assert_eq!(line(4, "東京都"), "東 … ");
    }

    #[test]
    fn nothing_hostile_reaches_the_buffer() {
        assert_eq!(line(14, "a\u{1b}[2Jb"), "a⟪U+001B⟫[2Jb ");
        assert!(!line(20, "x\u{202e}y").contains('\u{202e}'));
    }

    #[test]
    fn nothing_is_written_outside() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 3, 1));
        let area = Rect::new(0, 0, 10, 10);
        text(&mut buf, area, 2, 0, 9, "abc", Style::new());
        text(&mut buf, area, 5, 5, 9, "abc", Style::new());
        rule(
            &mut buf,
            area,
            0,
            "title",
            "extra",
            RuleStyles {
                rule: Style::new(),
                title: Style::new(),
                extra: Style::new(),
            },
        );
    }

    #[test]
    fn paths_are_cut_in_the_middle() {
        assert_eq!(
            middle("C:\\Users\\jane\\ivoice.docm", 16),
            "C:\\Us…voice.docm"
        );
        assert_eq!(middle("short", 16), "short");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_where_they_must() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\nb", 10), ["a", "b"]);
    }
}
