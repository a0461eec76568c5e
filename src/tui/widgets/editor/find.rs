//! Finding and replacing in a text: plain or by regular expression.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::change::{Caret, Change};

/// More matches are not listed.
pub const MOST: usize = 10_000;

/// A text would be longer than the editor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

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

    /// The places it stands, [`MOST`] of them, empty ones passed over.
    pub fn all(&self, text: &str) -> Vec<Range<usize>> {
        self.every(text).take(MOST).collect()
    }

    fn every<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        let found = self.regex.find_iter(text).map(|it| it.range());
        found.filter(|it| !it.is_empty())
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

    /// Replaces all, however many, as one step.
    ///
    /// # Errors
    /// [`TooLong`] where more than `most` bytes would be written.
    pub fn replace_all(
        &self,
        text: &str,
        caret: Caret,
        with: &str,
        most: usize,
    ) -> Result<Change, TooLong> {
        let mut edits = Vec::new();
        let mut written = 0;
        for range in self.every(text) {
            let with = self.replacement(text, &range, with);
            written += with.len();
            if written > most {
                return Err(TooLong);
            }
            edits.push((range, with));
        }
        Ok(Change::around(edits, Caret::at(caret.at)))
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
        let change = pattern
            .replace_all(text, Caret::at(7), "<$1>", 6)
            .expect("it fits");
        assert_eq!(
            change.edits,
            [(0..2, "<1>".to_owned()), (7..9, "<3>".to_owned())]
        );
        let long = pattern.replace_all(text, Caret::at(7), "<$1>", 5);
        assert_eq!(long, Err(TooLong));
        let plain = Pattern::new("b22", How::default()).expect("a pattern");
        assert_eq!(plain.replace(text, 3..6, "$1").edits[0].1, "$1");
    }

    #[test]
    fn more_are_replaced_than_are_listed() {
        let text = "x ".repeat(MOST + 5);
        let pattern = Pattern::new("x", How::default()).expect("a pattern");
        assert_eq!(pattern.all(&text).len(), MOST);
        let change = pattern.replace_all(&text, Caret::at(0), "y", text.len());
        assert_eq!(change.expect("it fits").edits.len(), MOST + 5);
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
