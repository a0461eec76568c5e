//! Finding and replacing in a text: plain or by regular expression.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::change::{Caret, Change};

/// More matches are not listed.
pub const MOST: usize = 10_000;

/// How a text is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Capitals count.
    pub case: bool,
    /// Whole words alone.
    pub word: bool,
    /// It is a regular expression.
    pub regex: bool,
}

/// What is looked for, ready to be looked for.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    plain: bool,
}

impl Pattern {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the regular expression, in a line.
    pub fn new(what: &str, how: How) -> Result<Self, String> {
        let mut expression = if how.regex {
            what.to_owned()
        } else {
            regex::escape(what)
        };
        if how.word {
            expression = format!(r"\b(?:{expression})\b");
        }
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(!how.case)
            .multi_line(true)
            .size_limit(1 << 20)
            .build();
        let regex = regex.map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })?;
        Ok(Self {
            regex,
            plain: !how.regex,
        })
    }

    /// Every place it stands, empty ones passed over.
    pub fn all(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.regex.find_iter(text).map(|it| it.range());
        found.filter(|it| !it.is_empty()).take(MOST).collect()
    }

    /// What a match is replaced by: `$1` and `$name` mean groups of a regular expression.
    fn replacement(&self, text: &str, range: &Range<usize>, with: &str) -> String {
        if self.plain {
            return with.to_owned();
        }
        let mut out = String::new();
        match self.regex.captures_at(text, range.start) {
            Some(groups) => groups.expand(with, &mut out),
            None => out.push_str(with),
        }
        out
    }

    /// Replaces one match.
    pub fn replace(&self, text: &str, range: Range<usize>, with: &str) -> Change {
        let with = self.replacement(text, &range, with);
        Change::replace(range, with)
    }

    /// Replaces all, as one step.
    pub fn replace_all(&self, text: &str, caret: Caret, with: &str) -> Option<(Change, usize)> {
        let edits: Vec<_> = self
            .all(text)
            .into_iter()
            .map(|range| {
                let with = self.replacement(text, &range, with);
                (range, with)
            })
            .collect();
        let count = edits.len();
        let caret = Caret::at(caret.at);
        (count > 0).then(|| (Change::around(edits, caret), count))
    }
}

/// The match at or after a place, else the first; back: the one before, else the last.
pub fn next(matches: &[Range<usize>], at: usize, back: bool) -> Option<usize> {
    if matches.is_empty() {
        return None;
    }
    let split = matches.partition_point(|it| it.start < at);
    Some(if back {
        split.checked_sub(1).unwrap_or(matches.len() - 1)
    } else {
        split % matches.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, what: &str, how: How) -> Vec<String> {
        let pattern = Pattern::new(what, how).expect("a pattern");
        let all = pattern.all(text).into_iter();
        all.map(|it| text[it].to_owned()).collect()
    }

    #[test]
    fn plain_words_cases_and_expressions() {
        let text = "Device device_x (device) d.vice";
        let how = How::default();
        assert_eq!(found(text, "device", how).len(), 3);
        assert_eq!(found(text, "d.vice", how).len(), 1);
        let case = How { case: true, ..how };
        assert_eq!(found(text, "device", case).len(), 2);
        let word = How { word: true, ..case };
        assert_eq!(found(text, "device", word), ["device"]);
        let regex = How { regex: true, ..how };
        assert_eq!(found(text, "d.vice$", regex), ["d.vice"]);
        assert_eq!(found(text, "z*", regex).len(), 0, "empty ones are none");
        let wrong = Pattern::new("(", regex).expect_err("is none");
        assert!(wrong.contains("unclosed group"), "{wrong}");
    }

    #[test]
    fn all_are_replaced_in_one_step() {
        let text = "a1 b22 a3";
        let how = How {
            regex: true,
            ..How::default()
        };
        let pattern = Pattern::new(r"a(\d)", how).expect("a pattern");
        let (change, count) = pattern
            .replace_all(text, Caret::at(7), "<$1>")
            .expect("some");
        assert_eq!(count, 2);
        assert_eq!(
            change.edits,
            [(0..2, "<1>".to_owned()), (7..9, "<3>".to_owned())]
        );
        let plain = Pattern::new("b22", How::default()).expect("a pattern");
        assert_eq!(plain.replace(text, 3..6, "$1").edits[0].1, "$1");
    }

    #[test]
    fn the_next_one_goes_round() {
        let all = [1..2, 5..6, 9..10];
        assert_eq!(next(&all, 2, false), Some(1));
        assert_eq!(next(&all, 10, false), Some(0));
        assert_eq!(next(&all, 5, true), Some(0));
        assert_eq!(next(&all, 0, true), Some(2));
        assert_eq!(next(&[], 0, false), None);
    }
}
