//! Places in a text: letters, words, lines, paragraphs. Byte offsets, always between characters.

use std::ops::Range;

/// What a character is to a motion by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Space, tabs, line breaks.
    Space,
    /// Letters, digits and `_`.
    Word,
    /// The rest.
    Sign,
}

/// The class of a character.
pub fn class(c: char) -> Class {
    if c.is_whitespace() {
        Class::Space
    } else if c.is_alphanumeric() || c == '_' {
        Class::Word
    } else {
        Class::Sign
    }
}

/// The character that ends at a place.
pub fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character that begins at a place.
pub fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// One character back.
pub fn left(text: &str, at: usize) -> usize {
    at - before(text, at).map_or(0, char::len_utf8)
}

/// One character on.
pub fn right(text: &str, at: usize) -> usize {
    at + after(text, at).map_or(0, char::len_utf8)
}

/// Where the line around a place begins.
pub fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |it| it + 1)
}

/// Where it ends, before its break.
pub fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |it| at + it)
}

/// The first character of the line that is no space, or its end.
pub fn first_letter(text: &str, at: usize) -> usize {
    let (start, end) = (line_start(text, at), line_end(text, at));
    let indent = text[start..end].len() - text[start..end].trim_start().len();
    start + indent
}

/// The place so many characters into the line that begins at `start`, or its end.
pub fn at_column(text: &str, start: usize, column: usize) -> usize {
    let line = &text[start..line_end(text, start)];
    let place = line.char_indices().nth(column);
    start + place.map_or(line.len(), |(at, _)| at)
}

/// Characters between the start of the line and a place.
pub fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// So many lines down, or up where negative, in a column; none past the ends.
pub fn vertical(text: &str, at: usize, lines: isize, column: usize) -> Option<usize> {
    let mut start = line_start(text, at);
    for _ in 0..lines.unsigned_abs() {
        if lines > 0 {
            let end = line_end(text, start);
            if end == text.len() {
                return None;
            }
            start = end + 1;
        } else {
            if start == 0 {
                return None;
            }
            start = line_start(text, start - 1);
        }
    }
    Some(at_column(text, start, column))
}

/// The start of the next word.
pub fn next_word(text: &str, at: usize) -> usize {
    let mut chars = text[at..].char_indices().peekable();
    let Some(&(_, first)) = chars.peek() else {
        return text.len();
    };
    let here = class(first);
    while here != Class::Space && chars.next_if(|(_, c)| class(*c) == here).is_some() {}
    while chars.next_if(|(_, c)| class(*c) == Class::Space).is_some() {}
    chars.next().map_or(text.len(), |(offset, _)| at + offset)
}

/// The end of this word or the next one: behind its last character, past `at`.
pub fn word_end(text: &str, at: usize) -> usize {
    let mut chars = text[at..].char_indices().peekable();
    while chars.next_if(|(_, c)| class(*c) == Class::Space).is_some() {}
    let Some(&(_, first)) = chars.peek() else {
        return text.len();
    };
    while chars.next_if(|(_, c)| class(*c) == class(first)).is_some() {}
    chars.next().map_or(text.len(), |(offset, _)| at + offset)
}

/// The start of this word or the one before.
pub fn previous_word(text: &str, at: usize) -> usize {
    let mut chars = text[..at].char_indices().rev().peekable();
    let mut found = 0;
    while chars.next_if(|(_, c)| class(*c) == Class::Space).is_some() {}
    let Some(&(_, first)) = chars.peek() else {
        return 0;
    };
    while let Some((offset, _)) = chars.next_if(|(_, c)| class(*c) == class(first)) {
        found = offset;
    }
    found
}

/// The word around a place, empty where there is none.
pub fn word_at(text: &str, at: usize) -> Range<usize> {
    let is_word = |c: char| class(c) == Class::Word;
    let start = at
        - text[..at]
            .chars()
            .rev()
            .take_while(|c| is_word(*c))
            .map(char::len_utf8)
            .sum::<usize>();
    let end = at
        + text[at..]
            .chars()
            .take_while(|c| is_word(*c))
            .map(char::len_utf8)
            .sum::<usize>();
    start..end
}

/// The next empty line down, or the end.
pub fn paragraph_down(text: &str, at: usize) -> usize {
    let mut line = line_end(text, at);
    let mut seen = !text[line_start(text, at)..line].trim().is_empty();
    while line < text.len() {
        let start = line + 1;
        line = line_end(text, start);
        let empty = text[start..line].trim().is_empty();
        if empty && seen {
            return start;
        }
        seen |= !empty;
    }
    text.len()
}

/// The next empty line up, or the start.
pub fn paragraph_up(text: &str, at: usize) -> usize {
    let mut start = line_start(text, at);
    let mut seen = !text[start..line_end(text, at)].trim().is_empty();
    while start > 0 {
        let end = start - 1;
        start = line_start(text, end);
        let empty = text[start..end].trim().is_empty();
        if empty && seen {
            return start;
        }
        seen |= !empty;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_and_end_where_people_see_it() {
        let text = "let ä_1 = (Dev, 2)\n  | x";
        let hop = |from: usize, step: fn(&str, usize) -> usize| step(text, from);
        assert_eq!(hop(0, next_word), 4);
        assert_eq!(hop(4, next_word), 9);
        assert_eq!(hop(11, next_word), 12);
        assert_eq!(hop(17, next_word), 18);
        assert_eq!(hop(18, next_word), 22, "over the line break");
        assert_eq!(hop(0, word_end), 3);
        assert_eq!(hop(3, word_end), 8);
        assert_eq!(hop(8, previous_word), 4);
        assert_eq!(hop(22, previous_word), 18);
        assert_eq!(&text[word_at(text, 6)], "ä_1");
        assert!(word_at(text, 10).is_empty());
    }

    #[test]
    fn lines_and_columns_count_characters() {
        let text = "日本\n  ab\n\nend";
        assert_eq!(vertical(text, 6, 1, 2), Some(9));
        assert_eq!(vertical(text, 9, -1, 2), Some(6));
        assert_eq!(vertical(text, 0, -1, 0), None);
        assert_eq!(vertical(text, text.len(), 1, 0), None);
        assert_eq!(first_letter(text, 7), 9);
        assert_eq!(paragraph_down(text, 0), 12);
        assert_eq!(paragraph_up(text, text.len()), 12);
        assert_eq!(paragraph_up(text, 9), 0);
    }
}
