//! The lines of a text: from bytes to lines and columns and back, in whatever a reader counts in.

/// What columns are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8.
    Byte,
    /// Units of UTF-16, two for characters beyond the basic plane.
    Utf16,
    /// Unicode code points.
    #[default]
    CodePoint,
}

impl Unit {
    fn count(self, text: &str) -> usize {
        match self {
            Self::Byte => text.len(),
            _ if text.is_ascii() => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::CodePoint => text.chars().count(),
        }
    }

    /// The byte of a column; a column inside a character is that character's start, one past the end
    /// the end.
    fn byte(self, text: &str, column: usize) -> usize {
        if self == Self::Byte || text.is_ascii() {
            let mut at = column.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            return at;
        }
        let mut left = column;
        for (at, c) in text.char_indices() {
            let width = if self == Self::Utf16 {
                c.len_utf16()
            } else {
                1
            };
            if left < width {
                return at;
            }
            left -= width;
        }
        text.len()
    }
}

/// Where the lines of a text begin. Lines end with `\n`, `\r\n` or a lone `\r`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<usize>,
}

/// Places of one text, cheaply when asked in rising order: a line is counted through once, however
/// long it is.
#[derive(Debug)]
pub struct Walk<'t> {
    text: &'t str,
    lines: &'t Lines,
    unit: Unit,
    /// The byte asked for last, and its line and column.
    at: (usize, usize, usize),
}

impl Walk<'_> {
    /// As [`Lines::place`].
    pub fn place(&mut self, byte: usize) -> (usize, usize) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.lines.line_of(byte);
        let (last, last_line, column) = self.at;
        let (from, before) = if line == last_line && last <= byte {
            (last, column)
        } else {
            (self.lines.starts[line], 0)
        };
        let column = before + self.unit.count(&self.text[from..byte]);
        self.at = (byte, line, column);
        (line, column)
    }
}

impl Lines {
    /// Of this text.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let breaks = bytes.iter().enumerate().filter(|(at, byte)| {
            **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        });
        let mut starts = vec![0];
        starts.extend(breaks.map(|(at, _)| at + 1));
        Self { starts }
    }

    /// Places of the text these are the lines of.
    pub fn walk<'t>(&'t self, text: &'t str, unit: Unit) -> Walk<'t> {
        Walk {
            text,
            lines: self,
            unit,
            at: (0, 0, 0),
        }
    }

    /// How many there are; an empty text has one.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The line, from 0, that a byte is in.
    pub fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) - 1
    }

    /// The first byte of a line; the end of the text where there is no such line.
    pub fn start(&self, text: &str, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(text.len())
    }

    /// One past the last byte of a line, its line break left out.
    pub fn end(&self, text: &str, line: usize) -> usize {
        let start = self.start(text, line);
        let next = self.start(text, line + 1);
        start + text[start..next].trim_end_matches(['\r', '\n']).len()
    }

    /// Line and column, from 0, of a byte; a byte inside a character is its start.
    pub fn place(&self, text: &str, byte: usize, unit: Unit) -> (usize, usize) {
        self.walk(text, unit).place(byte)
    }

    /// The byte of a line and column, from 0. A column past the end of its line is that end, a line
    /// past the last the end of the text.
    pub fn byte(&self, text: &str, line: usize, column: usize, unit: Unit) -> usize {
        let start = self.start(text, line);
        start + unit.byte(&text[start..self.end(text, line)], column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\r\né😀b\r\rx\n";

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let lines = Lines::new(TEXT);
        assert_eq!(lines.count(), 5);
        let parts: Vec<&str> = (0..5)
            .map(|line| &TEXT[lines.start(TEXT, line)..lines.end(TEXT, line)])
            .collect();
        assert_eq!(parts, ["a", "é😀b", "", "x", ""]);
        assert_eq!(Lines::new("").count(), 1);
    }

    #[test]
    fn columns_are_counted_as_asked() {
        let lines = Lines::new(TEXT);
        let b = TEXT.find('b').expect("there");
        assert_eq!(lines.place(TEXT, b, Unit::Byte), (1, 6));
        assert_eq!(lines.place(TEXT, b, Unit::Utf16), (1, 3));
        assert_eq!(lines.place(TEXT, b, Unit::CodePoint), (1, 2));
        for unit in [Unit::Byte, Unit::Utf16, Unit::CodePoint] {
            let mut walk = lines.walk(TEXT, unit);
            for (at, _) in TEXT.char_indices() {
                let (line, column) = lines.place(TEXT, at, unit);
                assert_eq!(walk.place(at), (line, column));
                let back = lines.byte(TEXT, line, column, unit);
                // between \r and \n there is no place
                assert!(back == at || TEXT[..at].ends_with('\r'), "{at} {unit:?}");
            }
        }
    }

    #[test]
    fn places_that_are_none_are_brought_back() {
        let lines = Lines::new(TEXT);
        let smile = TEXT.find('😀').expect("there");
        assert_eq!(lines.byte(TEXT, 1, 2, Unit::Utf16), smile, "half of a pair");
        assert_eq!(
            lines.byte(TEXT, 1, 4, Unit::Byte),
            smile,
            "inside a character"
        );
        assert_eq!(
            lines.byte(TEXT, 0, 99, Unit::Utf16),
            1,
            "before the line break"
        );
        assert_eq!(lines.byte(TEXT, 99, 0, Unit::Utf16), TEXT.len());
        assert_eq!(lines.place(TEXT, smile + 1, Unit::CodePoint), (1, 1));
        assert_eq!(lines.place(TEXT, 999, Unit::CodePoint), (4, 0));
    }
}
