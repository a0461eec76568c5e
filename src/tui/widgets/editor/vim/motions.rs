//! Where motions lead and what text objects cover.

use std::ops::Range;

use super::super::pairs;
use super::super::words::{self, Class};
use super::Operator;

/// What an operator takes of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Up to the place.
    Before,
    /// With the character at the place.
    With,
    /// Whole lines.
    Lines,
}

/// Where a motion leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Motion {
    pub(super) to: usize,
    pub(super) reach: Reach,
}

fn before(to: usize) -> Motion {
    Motion {
        to,
        reach: Reach::Before,
    }
}

fn with(to: usize) -> Motion {
    Motion {
        to,
        reach: Reach::With,
    }
}

fn lines(to: usize) -> Motion {
    Motion {
        to,
        reach: Reach::Lines,
    }
}

/// The motion of a letter.
pub(super) fn letter(
    text: &str,
    at: usize,
    c: char,
    count: Option<usize>,
    operator: Option<Operator>,
) -> Option<Motion> {
    let times = count.unwrap_or(1);
    let again = |step: fn(&str, usize) -> usize| (0..times).fold(at, |at, _| step(text, at));
    let (start, end) = (words::line_start(text, at), words::line_end(text, at));
    Some(match c {
        'h' => before(again(words::left).max(start)),
        'l' | ' ' => before(again(words::right).min(end)),
        'w' if operator == Some(Operator::Change) => change_word(text, at, times),
        'w' => {
            let to = again(words::next_word);
            // the last word of a line ends with it for an operator
            let line_end = words::line_end(text, at.max(words::left(text, to)));
            match operator {
                Some(_) if to > end && words::first_letter(text, to) == to => {
                    let of = words::line_end(text, last_line_before(text, to));
                    before(of.max(at).min(line_end))
                }
                _ => before(to),
            }
        }
        'b' => before(again(words::previous_word)),
        'e' => {
            let to = (0..times).fold(at, |at, _| {
                words::left(text, words::word_end(text, words::right(text, at)))
            });
            with(to)
        }
        '0' => before(start),
        '^' => before(words::first_letter(text, at)),
        '$' => {
            let line = words::vertical(text, at, times as isize - 1, 0)?;
            with(words::line_end(text, line))
        }
        'G' => match count {
            Some(line) => to_line(text, line),
            None => lines(words::first_letter(text, text.len())),
        },
        '+' => {
            let line = words::vertical(text, at, times as isize, 0)?;
            lines(words::first_letter(text, line))
        }
        '{' => before(again(words::paragraph_up)),
        '}' => before(again(words::paragraph_down)),
        '%' => {
            let (offset, open) = text[at..end]
                .char_indices()
                .find(|(_, c)| "()[]{}".contains(*c))?;
            with(pairs::partner(text, at + offset, open, |_| false)?)
        }
        _ => return None,
    })
}

/// The start of the last line before a place that has letters.
fn last_line_before(text: &str, to: usize) -> usize {
    let mut start = words::line_start(text, to);
    while start > 0 {
        start = words::line_start(text, start - 1);
        if !text[start..words::line_end(text, start)].trim().is_empty() {
            break;
        }
    }
    start
}

/// `cw` changes to the end of the word, not to the next one.
fn change_word(text: &str, at: usize, times: usize) -> Motion {
    let on_space = words::after(text, at).is_none_or(|c| words::class(c) == Class::Space);
    if on_space {
        let end = words::line_end(text, at);
        return before(words::next_word(text, at).min(end));
    }
    before((0..times).fold(at, |at, _| words::word_end(text, at)))
}

/// A line by its number, from 1.
pub(super) fn to_line(text: &str, line: usize) -> Motion {
    let place = words::vertical(text, 0, line.max(1) as isize - 1, 0);
    lines(words::first_letter(text, place.unwrap_or(text.len())))
}

/// Lines down or up, in a column.
pub(super) fn vertical(
    text: &str,
    at: usize,
    times: usize,
    down: bool,
    goal: usize,
) -> Option<Motion> {
    let mut to = None;
    // as far as there are lines
    for step in 1..=times as isize {
        let step = if down { step } else { -step };
        match words::vertical(text, at, step, goal) {
            Some(place) => to = Some(place),
            None => break,
        }
    }
    to.map(lines)
}

/// `f`, `F`, `t`, `T` on the line; `again` passes over the letter next to the caret for `t` and `T`.
pub(super) fn find(
    text: &str,
    at: usize,
    kind: char,
    letter: char,
    times: usize,
    again: bool,
) -> Option<Motion> {
    let (start, end) = (words::line_start(text, at), words::line_end(text, at));
    let till = matches!(kind, 't' | 'T');
    if matches!(kind, 'f' | 't') {
        let mut from = words::right(text, at);
        if till && again && words::after(text, from) == Some(letter) {
            from = words::right(text, from);
        }
        let mut places = text.get(from..end)?.match_indices(letter);
        let place = from + places.nth(times.saturating_sub(1))?.0;
        Some(with(if till {
            words::left(text, place)
        } else {
            place
        }))
    } else {
        let mut to = at;
        if till && again && words::before(text, to) == Some(letter) {
            to = words::left(text, to);
        }
        let mut places = text.get(start..to)?.rmatch_indices(letter);
        let place = start + places.nth(times.saturating_sub(1))?.0;
        Some(before(if till {
            words::right(text, place)
        } else {
            place
        }))
    }
}

/// What an operator covers on the way of a motion, and whether that is whole lines.
pub(super) fn covered(text: &str, at: usize, motion: Motion) -> (Range<usize>, bool) {
    let (from, to) = (at.min(motion.to), at.max(motion.to));
    match motion.reach {
        Reach::Before => (from..to, false),
        Reach::With => {
            let end = words::right(text, to).min(words::line_end(text, to).max(to));
            (from..end, false)
        }
        Reach::Lines => (
            words::line_start(text, from)..words::line_end(text, to),
            true,
        ),
    }
}

/// A text object: `i` inside or `a` around; words, quotes, brackets, paragraphs.
pub(super) fn object(text: &str, at: usize, kind: char, c: char) -> Option<Range<usize>> {
    let inner = kind == 'i';
    let brackets = |open, close| {
        let (start, end) = pairs::around(text, at, open, close)?;
        Some(if inner {
            start + 1..end
        } else {
            start..end + 1
        })
    };
    match c {
        'w' => {
            let here = words::class(words::after(text, at)?);
            let same = |c: char| words::class(c) == here && c != '\n';
            let back: usize = text[..at]
                .chars()
                .rev()
                .take_while(|c| same(*c))
                .map(char::len_utf8)
                .sum();
            let on: usize = text[at..]
                .chars()
                .take_while(|c| same(*c))
                .map(char::len_utf8)
                .sum();
            let mut range = at - back..at + on;
            if !inner {
                let space: usize = text[range.end..].chars().take_while(|c| *c == ' ').count();
                if space > 0 {
                    range.end += space;
                } else {
                    let space = text[..range.start]
                        .chars()
                        .rev()
                        .take_while(|c| *c == ' ')
                        .count();
                    range.start -= space;
                }
            }
            Some(range)
        }
        '"' | '\'' => {
            let (start, end) = pairs::string_around(text, at, c)?;
            Some(if inner {
                start + 1..end
            } else {
                start..end + 1
            })
        }
        '(' | ')' | 'b' => brackets('(', ')'),
        '[' | ']' => brackets('[', ']'),
        '{' | '}' | 'B' => brackets('{', '}'),
        'p' => {
            let empty = |at: usize| {
                let line = words::line_start(text, at)..words::line_end(text, at);
                text[line].trim().is_empty()
            };
            if empty(at) {
                return None;
            }
            let up = words::paragraph_up(text, at);
            let start = if empty(up) {
                words::line_end(text, up) + 1
            } else {
                up
            };
            let down = words::paragraph_down(text, at);
            let end = if down < text.len() || empty(down) {
                down.saturating_sub(1)
            } else {
                down
            };
            let end = if inner { end } else { down.min(text.len()) };
            Some(start..end.max(start))
        }
        _ => None,
    }
}
