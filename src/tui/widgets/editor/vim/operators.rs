//! What operators and single commands do to the text.

use std::ops::Range;

use super::super::change::{Caret, Change};
use super::super::{lines, words};
use super::{Act, Mode, Operator, Register, Vim, Wish, caret_over, on_letter, whole_lines};

impl Vim {
    /// An operator over a range, or over whole lines.
    pub(super) fn over(
        &mut self,
        text: &str,
        at: usize,
        operator: Operator,
        range: Range<usize>,
        whole: bool,
    ) -> Vec<Act> {
        if matches!(
            operator,
            Operator::Delete | Operator::Change | Operator::Yank
        ) {
            self.register = Register {
                text: text[range.clone()].to_owned(),
                lines: whole,
            };
        }
        let first = |text: &str, change: &mut Change| {
            // the caret goes to the first letter of what is there afterwards
            let after = after(text, change);
            let at = change.caret.at.min(after.len());
            change.caret = Caret::at(words::first_letter(&after, at));
        };
        match operator {
            Operator::Yank => vec![Act::Go(on_letter(
                text,
                if whole { at } else { range.start },
            ))],
            Operator::Delete => {
                let gone = if whole {
                    whole_lines(text, &range)
                } else {
                    range
                };
                let mut change = Change::replace(gone.clone(), "");
                if whole {
                    // the last lines went with the break before them
                    let last = gone.end == text.len() && text[gone.clone()].starts_with('\n');
                    change.caret.at = if last {
                        words::line_start(text, gone.start)
                    } else {
                        gone.start
                    };
                    first(text, &mut change);
                } else {
                    let after = after(text, &change);
                    change.caret = Caret::at(on_letter(&after, change.caret.at));
                }
                vec![Act::Change(change)]
            }
            Operator::Change => {
                let from = if whole {
                    words::first_letter(text, range.start).min(range.end)
                } else {
                    range.start
                };
                let insert = self.begin_insert(from);
                vec![insert, Act::Change(Change::replace(from..range.end, ""))]
            }
            Operator::Right | Operator::Left | Operator::Comment => {
                let over = caret_over(&range);
                let change = match operator {
                    Operator::Right => Some(lines::indent(text, over)),
                    Operator::Left => lines::dedent(text, over),
                    _ => lines::comment(text, over),
                };
                let Some(mut change) = change else {
                    return Vec::new();
                };
                change.caret = Caret::at(words::line_start(text, range.start));
                first(text, &mut change);
                vec![Act::Change(change)]
            }
            Operator::Format => vec![Act::Wish(Wish::Format)],
        }
    }

    /// Commands of one letter that are no motion.
    pub(super) fn command(&mut self, text: &str, at: usize, c: char, visual: bool) -> Vec<Act> {
        let times = self.times();
        let waiting = self.operator.is_some();
        self.forget();
        if waiting {
            return Vec::new();
        }
        if visual {
            return self.in_visual(text, at, c);
        }
        let end = words::line_end(text, at);
        let ahead = (0..times).fold(at, |at, _| words::right(text, at)).min(end);
        match c {
            'i' => vec![self.begin_insert(at)],
            'a' => self.insert_at(words::right(text, at).min(end)),
            'I' => self.insert_at(words::first_letter(text, at)),
            'A' => self.insert_at(end),
            'o' => {
                let change = lines::break_line(text, Caret::at(end));
                let insert = self.begin_insert(change.caret.at);
                vec![insert, Act::Change(change)]
            }
            'O' => {
                let start = words::line_start(text, at);
                let indent = &text[start..words::first_letter(text, at)];
                let mut change = Change::replace(start..start, format!("{indent}\n"));
                change.caret = Caret::at(start + indent.len());
                let insert = self.begin_insert(change.caret.at);
                vec![insert, Act::Change(change)]
            }
            'x' if at < end => self.over(text, at, Operator::Delete, at..ahead, false),
            'X' => {
                let start = words::line_start(text, at);
                let from = (0..times)
                    .fold(at, |at, _| words::left(text, at))
                    .max(start);
                self.over(text, at, Operator::Delete, from..at, false)
            }
            's' => self.over(text, at, Operator::Change, at..ahead, false),
            'S' => {
                let line = words::line_start(text, at)..end;
                self.over(text, at, Operator::Change, line, true)
            }
            'D' => self.over(text, at, Operator::Delete, at..end, false),
            'C' => self.over(text, at, Operator::Change, at..end, false),
            'Y' => {
                let line = words::line_start(text, at)..end;
                self.over(text, at, Operator::Yank, line, true)
            }
            'p' | 'P' => self.put(text, at, c == 'p', times).into_iter().collect(),
            'J' => lines::join(text, at).map(Act::Change).into_iter().collect(),
            '~' if at < end => vec![Act::Change(swap_case(text, at..ahead))],
            'u' => vec![Act::Undo { redo: false }],
            'v' | 'V' => {
                self.start = at;
                self.mode = if c == 'v' { Mode::Visual } else { Mode::Lines };
                Vec::new()
            }
            '.' => match self.last.clone() {
                Some((keys, inserted)) => vec![Act::Again(keys, inserted)],
                None => Vec::new(),
            },
            '/' => vec![Act::Wish(Wish::Find)],
            'n' | 'N' => vec![Act::Wish(Wish::FindNext { back: c == 'N' })],
            '*' | '#' => vec![Act::Wish(Wish::FindWord { back: c == '#' })],
            'K' => vec![Act::Wish(Wish::Hover)],
            ':' => vec![Act::Wish(Wish::Palette)],
            _ => Vec::new(),
        }
    }

    fn in_visual(&mut self, text: &str, at: usize, c: char) -> Vec<Act> {
        let Some(range) = self.selected(text, at) else {
            return Vec::new();
        };
        let whole = self.mode == Mode::Lines;
        match c {
            'v' | 'V' => {
                let wanted = if c == 'v' { Mode::Visual } else { Mode::Lines };
                self.mode = if self.mode == wanted {
                    Mode::Normal
                } else {
                    wanted
                };
                Vec::new()
            }
            'o' => {
                let other = std::mem::replace(&mut self.start, at);
                vec![Act::Go(other)]
            }
            'x' | 'X' | 's' | 'S' | 'D' | 'C' | 'Y' => {
                let operator = match c {
                    's' | 'S' | 'C' => Operator::Change,
                    'Y' => Operator::Yank,
                    _ => Operator::Delete,
                };
                self.mode = Mode::Normal;
                self.over(text, range.start, operator, range, whole)
            }
            'J' => {
                self.mode = Mode::Normal;
                lines::join(text, range.start)
                    .map(Act::Change)
                    .into_iter()
                    .collect()
            }
            '~' => {
                self.mode = Mode::Normal;
                vec![Act::Change(swap_case(text, range))]
            }
            'p' | 'P' => {
                self.mode = Mode::Normal;
                let with = std::mem::take(&mut self.register);
                let own = text[range.clone()].to_owned();
                self.register = Register {
                    text: own,
                    lines: whole,
                };
                let written = if with.lines && !whole {
                    format!("\n{}\n", with.text)
                } else {
                    with.text
                };
                let mut change = Change::replace(range.clone(), written);
                change.caret.at = on_letter(
                    &after(text, &change),
                    change.caret.at.saturating_sub(1).max(range.start),
                );
                vec![Act::Change(change)]
            }
            '*' | '#' => vec![Act::Wish(Wish::FindWord { back: c == '#' })],
            '/' => vec![Act::Wish(Wish::Find)],
            'n' | 'N' => vec![Act::Wish(Wish::FindNext { back: c == 'N' })],
            ':' => vec![Act::Wish(Wish::Palette)],
            'K' => vec![Act::Wish(Wish::Hover)],
            _ => Vec::new(),
        }
    }

    fn insert_at(&mut self, at: usize) -> Vec<Act> {
        vec![self.begin_insert(at), Act::Go(at)]
    }

    /// `r` and its letter.
    pub(super) fn replace_letter(&mut self, text: &str, at: usize, c: char) -> Vec<Act> {
        let times = self.times();
        let selected = self.selected(text, at);
        self.forget();
        let end = words::line_end(text, at);
        let range = if let Some(range) = selected {
            self.mode = Mode::Normal;
            range
        } else {
            let mut to = at;
            for _ in 0..times {
                if to >= end {
                    return Vec::new();
                }
                to = words::right(text, to);
            }
            at..to
        };
        let with: String = text[range.clone()]
            .chars()
            .map(|old| if old == '\n' { old } else { c })
            .collect();
        let start = range.start;
        let last = words::left(&with, with.len());
        let mut change = Change::replace(range, with);
        change.caret = Caret::at(start + last);
        vec![Act::Change(change)]
    }

    /// Puts what was taken behind the caret, or before it.
    fn put(&mut self, text: &str, at: usize, behind: bool, times: usize) -> Option<Act> {
        let Register { text: taken, lines } = &self.register;
        if taken.is_empty() && !lines {
            return None;
        }
        let times = times.min(1_000);
        let change = if *lines {
            let body = vec![taken.as_str(); times].join("\n");
            if behind {
                let end = words::line_end(text, at);
                let mut change = Change::replace(end..end, format!("\n{body}"));
                change.caret.at = end + 1 + body.len() - body.trim_start_matches(' ').len();
                change
            } else {
                let start = words::line_start(text, at);
                let mut change = Change::replace(start..start, format!("{body}\n"));
                change.caret.at = start + body.len() - body.trim_start_matches(' ').len();
                change
            }
        } else {
            let place = if behind {
                words::right(text, at).min(words::line_end(text, at))
            } else {
                at
            };
            let body = taken.repeat(times);
            let mut change = Change::replace(place..place, body.as_str());
            change.caret.at = place + words::left(&body, body.len());
            change
        };
        Some(Act::Change(change))
    }

    /// Keeps a text as if it had been yanked.
    pub fn keep(&mut self, text: &str) {
        self.register = Register {
            text: text.to_owned(),
            lines: false,
        };
    }
}

fn swap_case(text: &str, range: Range<usize>) -> Change {
    let swapped: String = text[range.clone()]
        .chars()
        .flat_map(|c| -> Box<dyn Iterator<Item = char>> {
            if c.is_lowercase() {
                Box::new(c.to_uppercase())
            } else {
                Box::new(c.to_lowercase())
            }
        })
        .collect();
    let mut change = Change::replace(range, swapped);
    change.caret.at = on_letter(&after(text, &change), change.caret.at);
    change
}

/// The text after a change.
fn after(text: &str, change: &Change) -> String {
    let mut out = text.to_owned();
    for (range, with) in change.edits.iter().rev() {
        out.replace_range(range.clone(), with);
    }
    out
}
