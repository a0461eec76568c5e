//! What is done to whole lines: comments, indents, moving, doubling, joining.

use std::ops::Range;

use super::change::{Caret, Change};
use super::words;

/// Columns of one step to the right.
pub const STEP: usize = 4;

/// The lines a caret and its selection touch, without the last break. A selection that ends at the
/// start of a line does not touch it.
pub fn touched(text: &str, caret: Caret) -> Range<usize> {
    let range = caret.selection().unwrap_or(caret.at..caret.at);
    let end = if range.end > range.start && words::line_start(text, range.end) == range.end {
        range.end - 1
    } else {
        range.end
    };
    words::line_start(text, range.start)..words::line_end(text, end)
}

/// Each of these lines: where it starts, and its text.
fn each<'t>(text: &'t str, lines: &Range<usize>) -> impl Iterator<Item = (usize, &'t str)> {
    let mut at = lines.start;
    text[lines.clone()].split('\n').map(move |line| {
        let start = at;
        at += line.len() + 1;
        (start, line)
    })
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Puts `//` before the lines, or takes it away where all of them have it.
pub fn comment(text: &str, caret: Caret) -> Option<Change> {
    let lines = touched(text, caret);
    let written = || each(text, &lines).filter(|(_, line)| !line.trim().is_empty());
    let least = written().map(|(_, line)| indent_of(line)).min()?;
    let all = written().all(|(_, line)| line.trim_start().starts_with("//"));
    let edits = written().map(|(start, line)| {
        if all {
            let at = start + indent_of(line);
            let sign = if line.trim_start().starts_with("// ") {
                3
            } else {
                2
            };
            (at..at + sign, String::new())
        } else {
            (start + least..start + least, "// ".to_owned())
        }
    });
    Some(Change::around(edits.collect(), caret))
}

/// Moves the lines one step to the right.
pub fn indent(text: &str, caret: Caret) -> Change {
    let lines = touched(text, caret);
    let edits = each(text, &lines)
        .filter(|(_, line)| !line.is_empty())
        .map(|(start, _)| (start..start, " ".repeat(STEP)));
    Change::around(edits.collect(), caret)
}

/// Moves the lines one step back; none where they stand at the left already.
pub fn dedent(text: &str, caret: Caret) -> Option<Change> {
    let lines = touched(text, caret);
    let edits: Vec<_> = each(text, &lines)
        .filter_map(|(start, line)| {
            let spaces = line.len() - line.trim_start_matches(' ').len();
            let gone = if line.starts_with('\t') {
                1
            } else {
                spaces.min(STEP)
            };
            (gone > 0).then(|| (start..start + gone, String::new()))
        })
        .collect();
    (!edits.is_empty()).then(|| Change::around(edits, caret))
}

/// Writes what is selected a second time behind itself, else the line below itself.
pub fn double(text: &str, caret: Caret) -> Change {
    if let Some(range) = caret.selection() {
        let again = text[range.clone()].to_owned();
        let size = again.len();
        return Change {
            edits: vec![(range.end..range.end, again)],
            caret: Caret {
                at: caret.at + size,
                anchor: caret.anchor.map(|anchor| anchor + size),
            },
        };
    }
    let line = touched(text, caret);
    let again = format!("\n{}", &text[line.clone()]);
    Change {
        caret: Caret::at(caret.at + again.len()),
        edits: vec![(line.end..line.end, again)],
    }
}

/// Moves the lines past the one above or below.
pub fn shift(text: &str, caret: Caret, up: bool) -> Option<Change> {
    let lines = touched(text, caret);
    let own = &text[lines.clone()];
    let (range, with, by) = if up {
        let start = words::line_start(text, lines.start.checked_sub(1)?);
        let other = &text[start..lines.start - 1];
        let by = -isize::try_from(other.len() + 1).unwrap_or(0);
        (start..lines.end, format!("{own}\n{other}"), by)
    } else {
        if lines.end == text.len() {
            return None;
        }
        let end = words::line_end(text, lines.end + 1);
        let other = &text[lines.end + 1..end];
        let by = isize::try_from(other.len() + 1).unwrap_or(0);
        (lines.start..end, format!("{other}\n{own}"), by)
    };
    Some(Change {
        edits: vec![(range, with)],
        caret: Caret {
            at: caret.at.saturating_add_signed(by),
            anchor: caret.anchor.map(|anchor| anchor.saturating_add_signed(by)),
        },
    })
}

/// Puts the next line behind this one, one space between.
pub fn join(text: &str, at: usize) -> Option<Change> {
    let end = words::line_end(text, at);
    if end == text.len() {
        return None;
    }
    let start = end - (text[..end].len() - text[..end].trim_end_matches([' ', '\t']).len());
    let start = start.max(words::line_start(text, at));
    let next = end + 1 + indent_of(&text[end + 1..]);
    let gap = if words::after(text, next).is_none_or(|c| c == ')' || c == '\n') {
        ""
    } else {
        " "
    };
    let mut change = Change::replace(start..next, gap);
    change.caret = Caret::at(start);
    Some(change)
}

/// A line break at the caret, in place of what is selected: the new line begins where the old one
/// does, a step further behind an opening bracket. Between a bracket and the one that closes it there
/// is room for two.
pub fn break_line(text: &str, caret: Caret) -> Change {
    let range = caret.selection().unwrap_or(caret.at..caret.at);
    let start = words::line_start(text, range.start);
    let line = &text[start..range.start];
    let indent = &line[..indent_of(line)];
    let opens = line.trim_end().chars().next_back();
    let close = match opens {
        Some('(') => ')',
        Some('[') => ']',
        Some('{') => '}',
        _ => return Change::replace(range, format!("\n{indent}")),
    };
    let inner = format!("\n{indent}{}", " ".repeat(STEP));
    if words::after(text, range.end) == Some(close) {
        let at = Caret::at(range.start + inner.len());
        return Change {
            edits: vec![(range, format!("{inner}\n{indent}"))],
            caret: at,
        };
    }
    Change::replace(range, inner)
}

/// The indent a line should have once `c` is its first letter: a pipe goes under the pipe before it,
/// a closing bracket under the line that opened it. None where it is well as it is.
pub fn lead(text: &str, at: usize, c: char) -> Option<Change> {
    let start = words::line_start(text, at);
    if !text[start..at].chars().all(|c| c == ' ' || c == '\t') || start == 0 {
        return None;
    }
    let wanted = match c {
        '|' => pipe_indent(text, start)?,
        ')' | ']' | '}' => {
            let open = match c {
                ')' => '(',
                ']' => '[',
                _ => '{',
            };
            let place = opened_by(&text[..start], open, c)?;
            let line = &text[words::line_start(text, place)..];
            indent_of(line)
        }
        _ => return None,
    };
    // never to the right of where the analyst put it
    if wanted >= at - start {
        return None;
    }
    let mut with = " ".repeat(wanted);
    with.push(c);
    Some(Change::replace(start..at, with))
}

/// Where the open bracket of this place is.
fn opened_by(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().rev() {
        if c == close {
            depth += 1;
        } else if c == open {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

/// The indent of the nearest line above that begins with a pipe and is of the same query; else of the
/// line the query begins with.
fn pipe_indent(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_i32;
    let mut found = None;
    for line in text[..start].trim_end_matches('\n').rsplit('\n') {
        let code = line.split("//").next().unwrap_or_default();
        if line.trim().is_empty() {
            break;
        }
        if code.trim().is_empty() {
            continue;
        }
        for c in code.chars().rev() {
            match c {
                ')' | '}' | ']' => depth += 1,
                '(' | '{' | '[' => depth -= 1,
                _ => {}
            }
        }
        if depth < 0 {
            // the bracket that holds the query was opened on this line
            return found;
        }
        if depth == 0 {
            found = Some(indent_of(line));
            if code.trim_start().starts_with('|') {
                return found;
            }
        }
        if code.trim_end().ends_with(';') && depth == 0 {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The caret is `^`, a selection lies between `<` and `>`.
    fn at(marked: &str) -> (String, Caret) {
        if let (Some(from), Some(to)) = (marked.find('<'), marked.find('>')) {
            let anchor = Some(from);
            (marked.replace(['<', '>'], ""), Caret { at: to - 1, anchor })
        } else {
            let place = marked.find('^').expect("a caret");
            (marked.replacen('^', "", 1), Caret::at(place))
        }
    }

    fn done(text: &str, change: &Change) -> String {
        let mut out = text.to_owned();
        for (range, with) in change.edits.iter().rev() {
            out.replace_range(range.clone(), with);
        }
        if let Some(range) = change.caret.selection() {
            out.insert(range.end, '>');
            out.insert(range.start, '<');
        } else {
            out.insert(change.caret.at, '^');
        }
        out
    }

    #[test]
    fn comments_go_on_and_off() {
        for (before, after) in [
            ("a\n  b^c\nd", "a\n  // b^c\nd"),
            ("  // b^c", "  b^c"),
            ("//b^", "b^"),
            ("<a\n\n  b>", "// <a\n\n//   b>"),
            ("<// a\n// b\n>c", "<a\nb\n>c"),
            ("<// a\nb>", "// <// a\n// b>"),
        ] {
            let (text, caret) = at(before);
            let change = comment(&text, caret).expect("a line");
            assert_eq!(done(&text, &change), after, "{before}");
        }
    }

    #[test]
    fn lines_step_right_and_back() {
        let (text, caret) = at("x\n<a\n  b>\n");
        let right = indent(&text, caret);
        assert_eq!(done(&text, &right), "x\n    <a\n      b>\n");
        let (text, caret) = at("      a^");
        assert_eq!(done(&text, &dedent(&text, caret).expect("moves")), "  a^");
        let (text, caret) = at("a^");
        assert_eq!(dedent(&text, caret), None);
    }

    #[test]
    fn lines_are_doubled_moved_and_joined() {
        let (text, caret) = at("ab^c\nd");
        assert_eq!(done(&text, &double(&text, caret)), "abc\nab^c\nd");
        let (text, caret) = at("x<ab>y");
        assert_eq!(done(&text, &double(&text, caret)), "xab<ab>y");
        let (text, caret) = at("a\nb^\nc");
        let up = shift(&text, caret, true).expect("moves");
        assert_eq!(done(&text, &up), "b^\na\nc");
        let down = shift(&text, caret, false).expect("moves");
        assert_eq!(done(&text, &down), "a\nc\nb^");
        let (text, caret) = at("b^\nc");
        assert_eq!(shift(&text, caret, true), None);
        let join = join("a  \n    b", 0).expect("joins");
        assert_eq!(done("a  \n    b", &join), "a^ b");
    }

    #[test]
    fn a_new_line_keeps_its_indent() {
        for (before, after) in [
            ("  | where x^", "  | where x\n  ^"),
            ("let f = (^", "let f = (\n    ^"),
            ("let f = (^)", "let f = (\n    ^\n)"),
            ("a<b>c", "a\n^c"),
        ] {
            let (text, caret) = at(before);
            assert_eq!(done(&text, &break_line(&text, caret)), after, "{before}");
        }
    }

    #[test]
    fn a_pipe_goes_under_the_pipe_before_it() {
        for (before, c, after) in [
            ("T\n    ^", '|', Some("T\n|^")),
            (
                "T\n| where (\n    a)\n    ^",
                '|',
                Some("T\n| where (\n    a)\n|^"),
            ),
            (
                "let x = (\n    T\n        ^",
                '|',
                Some("let x = (\n    T\n    |^"),
            ),
            ("T\n| project a,\n    ^", '|', Some("T\n| project a,\n|^")),
            ("let x = (\n    T\n    ^", ')', Some("let x = (\n    T\n)^")),
            ("T\n^", '|', None),
            ("let x = 1;\n    ^", '|', None),
            ("    ^", '|', None),
            ("T\n  a ^", '|', None),
        ] {
            let (text, caret) = at(before);
            let change = lead(&text, caret.at, c);
            assert_eq!(
                change.map(|it| done(&text, &it)).as_deref(),
                after,
                "{before}"
            );
        }
    }
}
