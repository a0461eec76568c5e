//! How the text is drawn.
//!
//! Colours are real tokens, handed in once per change of the text; only lines that can be on screen
//! are handed on to the widget. Its highlights are byte ranges of a line and do not nest across each
//! other's ends, so tokens, findings and the selection are cut into pieces that never overlap.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::TextArea;

use super::{Editor, Mark, words};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::paint;

impl Editor {
    /// Draws the text with the colours of the lines that can be on screen: the caret always is, so
    /// none is farther from it than the height.
    ///
    /// Returns where the terminal's cursor belongs.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return None;
        }
        self.height.set(area.height);
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
        let mut cursor = widget.rendered_cursor_position();
        // it stays scrolled to the right after a long line: back, where the caret's line is short
        let digits = self.lines.len().to_string().len() as u16;
        let start = words::line_start(&self.text, self.caret_of(&widget));
        let before = paint::width(&self.text[start..self.caret_of(&widget)]);
        let home = area.x.saturating_add(digits + 2).saturating_add(before);
        if cursor.is_some_and(|at| at.x < home) && home < area.right() {
            widget.scroll((0, -i16::MAX));
            Widget::render(&*widget, area, buf);
            cursor = widget.rendered_cursor_position();
        }
        drop(widget);
        if let (Some(cursor), Some(lit)) = (cursor, &self.lit) {
            self.light(lit, cursor, area, buf, theme);
        }
        cursor
    }

    fn caret_of(&self, widget: &TextArea<'static>) -> usize {
        let (line, column) = widget.cursor();
        self.offset(line, column)
    }

    /// Lights the numbers of lines on screen.
    fn light(
        &self,
        lit: &Range<usize>,
        cursor: Position,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let digits = self.lines.len().to_string().len() as u16 + 1;
        let (caret, _) = self.place();
        for y in area.top()..area.bottom() {
            let line = (caret + usize::from(y)).checked_sub(usize::from(cursor.y));
            if line.is_some_and(|line| lit.contains(&line)) {
                let number = Rect::new(area.x, y, digits, 1);
                paint::tint(buf, number.intersection(area), theme.style(Role::Lit));
            }
        }
    }

    /// The styled pieces of a byte range: sorted, on one line each, never overlapping.
    pub(super) fn pieces(
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
        // the later, the stronger: what is noted, what is found wrong, what vim has selected
        let vim = selection.clone().filter(|_| self.vim.is_some());
        let vim = vim.map(|range| Mark {
            range,
            role: Role::Selected,
        });
        let selection = selection.filter(|_| vim.is_none());
        let left = |range: &Range<usize>| Mark {
            range: range.clone(),
            role: Role::Occurrence,
        };
        let left: Vec<Mark> = self.left_to_fill().map(left).collect();
        let marks: Vec<(Range<usize>, Role)> = self
            .notes
            .iter()
            .chain(&left)
            .chain(&self.marks)
            .chain(&vim)
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
