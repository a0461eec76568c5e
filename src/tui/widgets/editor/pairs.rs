//! Brackets and quotes: which belong together, and closing them while typing without being in the way.

use std::ops::Range;

use super::change::{Caret, Change};
use super::words;

const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// What a place of a line is inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Neither of the others.
    Code,
    /// A string in these quotes.
    String(char),
    /// A comment.
    Comment,
}

/// What the end of a piece of a line is inside of; strings and comments end with their line.
pub fn inside(line: &str) -> Inside {
    let mut now = Inside::Code;
    let mut verbatim = false;
    let mut chars = line.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        match now {
            Inside::Code if c == '"' || c == '\'' => {
                now = Inside::String(c);
                verbatim = last == '@';
            }
            Inside::Code if c == '/' && chars.peek() == Some(&'/') => return Inside::Comment,
            Inside::String(_) if c == '\\' && !verbatim => {
                chars.next();
            }
            Inside::String(quote) if c == quote => now = Inside::Code,
            _ => {}
        }
        last = c;
    }
    now
}

fn context(text: &str, at: usize) -> Inside {
    inside(&text[words::line_start(text, at)..at])
}

/// What typing `c` does beyond writing it: closes what it opens, steps over what closes already, or
/// puts itself around what is selected. None: it is just written.
///
/// `closers` are the places of closing signs that were written for the analyst and still stand.
pub fn typed(text: &str, caret: Caret, c: char, closers: &[usize]) -> Option<Change> {
    let at = caret.at;
    let quote = c == '"' || c == '\'';
    let close = match c {
        '(' | '[' | '{' => BRACKETS.iter().find(|(open, _)| *open == c)?.1,
        ')' | ']' | '}' => {
            return steps_over(text, caret, c, closers);
        }
        _ if quote => c,
        _ => return None,
    };
    if let Some(range) = caret.selection() {
        // around what is selected, which stays selected
        let start = range.start + c.len_utf8();
        let (from, to) = (start, start + range.len());
        let edits = vec![
            (range.start..range.start, c.to_string()),
            (range.end..range.end, close.to_string()),
        ];
        let forward = caret.at == range.end;
        let (at, anchor) = if forward { (to, from) } else { (from, to) };
        let anchor = Some(anchor);
        return Some(Change {
            edits,
            caret: Caret { at, anchor },
        });
    }
    if quote && let Some(over) = steps_over(text, caret, c, closers) {
        return Some(over);
    }
    if context(text, at) != Inside::Code {
        return None;
    }
    let next = words::after(text, at);
    let free = next.is_none_or(|next| next.is_whitespace() || ")]},;|".contains(next));
    if !free {
        return None;
    }
    if quote {
        // after a word it ends something, unless the word says how the string is meant
        let word = words::word_at(text, at);
        let before = &text[word.start..at];
        let means = before.is_empty() || before.eq_ignore_ascii_case("h");
        if !means || words::before(text, at) == Some(c) {
            return None;
        }
    }
    Some(Change {
        edits: vec![(at..at, format!("{c}{close}"))],
        caret: Caret::at(at + c.len_utf8()),
    })
}

fn steps_over(text: &str, caret: Caret, c: char, closers: &[usize]) -> Option<Change> {
    let here = caret.selection().is_none() && words::after(text, caret.at) == Some(c);
    (here && closers.contains(&caret.at)).then(|| Change {
        edits: Vec::new(),
        caret: Caret::at(caret.at + c.len_utf8()),
    })
}

/// What backspace takes away between two signs that belong together: both.
pub fn both(text: &str, at: usize) -> Option<Range<usize>> {
    let (before, after) = (words::before(text, at)?, words::after(text, at)?);
    let pair = BRACKETS.contains(&(before, after));
    // two quotes are a string that is empty only where no string ends at the first of them
    let quotes = before == after && (before == '"' || before == '\'') && {
        context(text, at) == Inside::String(before)
    };
    (pair || quotes).then(|| at - 1..at + 1)
}

/// The bracket at the caret (behind it, else before it) and the one that belongs to it. `skip` says
/// which bytes are in strings and comments.
pub fn matching(text: &str, at: usize, skip: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    let behind = words::after(text, at).map(|c| (at, c));
    let ahead = words::before(text, at).map(|c| (at - c.len_utf8(), c));
    [behind, ahead]
        .into_iter()
        .flatten()
        .find_map(|(place, c)| {
            if skip(place) {
                return None;
            }
            partner(text, place, c, &skip).map(|other| (place, other))
        })
}

/// The bracket that belongs to the one at a place.
pub fn partner(text: &str, place: usize, c: char, skip: impl Fn(usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    if let Some((open, close)) = BRACKETS.iter().find(|(open, _)| *open == c) {
        for (offset, it) in text[place..].char_indices() {
            if (it == *open || it == *close) && !skip(place + offset) {
                depth = if it == *open { depth + 1 } else { depth - 1 };
                if depth == 0 {
                    return Some(place + offset);
                }
            }
        }
    } else if let Some((open, close)) = BRACKETS.iter().find(|(_, close)| *close == c) {
        for (offset, it) in text[..=place].char_indices().rev() {
            if (it == *open || it == *close) && !skip(offset) {
                depth = if it == *close { depth + 1 } else { depth - 1 };
                if depth == 0 {
                    return Some(offset);
                }
            }
        }
    }
    None
}

/// The innermost brackets of a kind around a place: the bytes of the two.
pub fn around(text: &str, at: usize, open: char, close: char) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    let from = right_or(text, at, open);
    let start = text[..from].char_indices().rev().find_map(|(offset, c)| {
        if c == close {
            depth += 1;
        } else if c == open {
            if depth == 0 {
                return Some(offset);
            }
            depth -= 1;
        }
        None
    })?;
    let end = partner(text, start, open, |_| false)?;
    (end >= at).then_some((start, end))
}

/// On an opening bracket the place itself counts as inside.
fn right_or(text: &str, at: usize, open: char) -> usize {
    if words::after(text, at) == Some(open) {
        at + open.len_utf8()
    } else {
        at
    }
}

/// The string around a place of its line: the bytes of its two quotes.
pub fn string_around(text: &str, at: usize, quote: char) -> Option<(usize, usize)> {
    let start = words::line_start(text, at);
    let end = words::line_end(text, at);
    let mut open: Option<usize> = None;
    let mut escaped = false;
    for (offset, c) in text[start..end].char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && open.is_some() {
            escaped = true;
        } else if c == quote {
            match open.take() {
                Some(first) if start + offset >= at => return Some((first, start + offset)),
                Some(_) => {}
                None if start + offset > at => {
                    // none around the place: the next on the line
                    open = Some(start + offset);
                }
                None => open = Some(start + offset),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The caret is `|`, what is selected lies between `<` and `>`.
    fn at(marked: &str) -> (String, Caret) {
        if let (Some(from), Some(to)) = (marked.find('<'), marked.find('>')) {
            let text = marked.replace(['<', '>'], "");
            let caret = Caret {
                at: to - 1,
                anchor: Some(from),
            };
            return (text, caret);
        }
        let place = marked.find('|').expect("a caret");
        (marked.replacen('|', "", 1), Caret::at(place))
    }

    fn shown(text: &str, change: &Change) -> String {
        let mut out = text.to_owned();
        for (range, with) in change.edits.iter().rev() {
            out.replace_range(range.clone(), with);
        }
        out.insert(change.caret.at, '|');
        out
    }

    #[test]
    fn what_is_opened_is_closed_where_it_helps() {
        for (before, c, after) in [
            ("count|", '(', Some("count(|)")),
            ("|", '"', Some("\"|\"")),
            ("has |", '\'', Some("has '|'")),
            ("h|", '"', Some("h\"|\"")),
            ("(|)", '[', Some("([|])")),
            ("|name", '(', None),
            ("| name", '(', Some("(|) name")),
            ("\"a|\"", '(', None),
            ("\"it|", '\'', None),
            ("// it|", '\'', None),
            ("don|", '\'', None),
            ("\"\"|", '"', None),
            ("x|", 'y', None),
        ] {
            let (text, caret) = at(before);
            let change = typed(&text, caret, c, &[]);
            assert_eq!(
                change.map(|it| shown(&text, &it)).as_deref(),
                after,
                "{before} {c}"
            );
        }
    }

    #[test]
    fn a_closing_sign_is_stepped_over_only_where_it_was_written_for_the_analyst() {
        let (text, caret) = at("f(x|)");
        assert_eq!(typed(&text, caret, ')', &[]), None);
        let over = typed(&text, caret, ')', &[3]).expect("steps over");
        assert_eq!(shown(&text, &over), "f(x)|");
        let (text, caret) = at("\"x|\"");
        let over = typed(&text, caret, '"', &[2]).expect("steps over");
        assert_eq!(shown(&text, &over), "\"x\"|");
    }

    #[test]
    fn a_selection_is_put_into_brackets_and_stays_selected() {
        let (text, caret) = at("where <a or b> and c");
        let change = typed(&text, caret, '(', &[]).expect("surrounds");
        assert_eq!(shown(&text, &change), "where (a or b|) and c");
        assert_eq!(change.caret.selection(), Some(7..13));
    }

    #[test]
    fn backspace_takes_an_empty_pair() {
        for (marked, both_go) in [
            ("f(|)", true),
            ("\"|\"", true),
            ("x == \"a\"|\"b\"", false),
            ("(|]", false),
            ("(a|)", false),
        ] {
            let (text, caret) = at(marked);
            assert_eq!(both(&text, caret.at).is_some(), both_go, "{marked}");
        }
    }

    #[test]
    fn brackets_find_each_other_over_strings() {
        let text = "f(a, \")\", [b])";
        let skip = |place: usize| (5..8).contains(&place);
        assert_eq!(matching(text, 1, skip), Some((1, 13)));
        assert_eq!(matching(text, 14, skip), Some((13, 1)));
        assert_eq!(matching(text, 10, skip), Some((10, 12)));
        assert_eq!(matching(text, 6, skip), None);
        assert_eq!(
            around(text, 11, '(', ')'),
            None,
            "the quoted one counts here"
        );
        assert_eq!(around("f(a(b)c)", 6, '(', ')'), Some((1, 7)));
        assert_eq!(string_around("x == \"ab\" or", 7, '"'), Some((5, 8)));
        assert_eq!(string_around("x == \"ab\" or", 0, '"'), Some((5, 8)));
    }

    #[test]
    fn a_line_knows_what_it_is_inside_of() {
        for (line, is) in [
            ("a \"b\\\" c", Inside::String('"')),
            ("a \"b\" // c", Inside::Comment),
            ("@\"c:\\\" ", Inside::Code),
            ("'http://x", Inside::String('\'')),
        ] {
            assert_eq!(inside(line), is, "{line}");
        }
    }
}
