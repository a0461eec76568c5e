//! A change of a text as a value: what is replaced by what, and where the caret stands afterwards.

use std::ops::Range;

/// Where the caret is, and where a selection began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caret {
    /// Byte offset of the caret.
    pub at: usize,
    /// Byte offset of the other end of a selection.
    pub anchor: Option<usize>,
}

impl Caret {
    /// Without a selection.
    pub fn at(at: usize) -> Self {
        Self { at, anchor: None }
    }

    /// What is selected, if anything is.
    pub fn selection(self) -> Option<Range<usize>> {
        let anchor = self.anchor.filter(|anchor| *anchor != self.at)?;
        Some(anchor.min(self.at)..anchor.max(self.at))
    }
}

/// One step of editing, taken back as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is replaced by what, by place, not overlapping.
    pub edits: Vec<(Range<usize>, String)>,
    /// Where the caret stands in the new text.
    pub caret: Caret,
}

impl Change {
    /// Replaces one range; the caret goes behind what was written.
    pub fn replace(range: Range<usize>, with: impl Into<String>) -> Self {
        let with = with.into();
        let caret = Caret::at(range.start + with.len());
        Self {
            edits: vec![(range, with)],
            caret,
        }
    }

    /// Edits that carry caret and selection with the text around them.
    pub fn around(edits: Vec<(Range<usize>, String)>, caret: Caret) -> Self {
        let caret = Caret {
            at: shifted(&edits, caret.at),
            anchor: caret.anchor.map(|anchor| shifted(&edits, anchor)),
        };
        Self { edits, caret }
    }
}

/// Where a place of the old text is in the new one. What is written at the place itself comes before it.
pub fn shifted(edits: &[(Range<usize>, String)], place: usize) -> usize {
    let mut out = place;
    for (range, with) in edits {
        if range.end <= place {
            out = out + with.len() - range.len();
        } else if range.start < place {
            out = out + with.len() - (place - range.start);
        }
    }
    out
}

/// The smallest one replacement that turns one text into another; none where they are equal.
pub fn difference(before: &str, after: &str) -> Option<(Range<usize>, String)> {
    if before == after {
        return None;
    }
    let (a, b) = (before.as_bytes(), after.as_bytes());
    let mut start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    while !before.is_char_boundary(start) || !after.is_char_boundary(start) {
        start -= 1;
    }
    let most = (a.len() - start).min(b.len() - start);
    let ends = a.iter().rev().zip(b.iter().rev());
    let mut end = ends.take(most).take_while(|(x, y)| x == y).count();
    while !before.is_char_boundary(a.len() - end) || !after.is_char_boundary(b.len() - end) {
        end -= 1;
    }
    Some((start..a.len() - end, after[start..b.len() - end].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_text_around_them() {
        let edits = vec![(2..4, "xyz".to_owned()), (6..6, "--".to_owned())];
        for (before, after) in [(0, 0), (2, 2), (3, 5), (4, 5), (5, 6), (6, 9), (7, 10)] {
            assert_eq!(shifted(&edits, before), after, "{before}");
        }
    }

    #[test]
    fn the_difference_of_two_texts_is_small_and_whole_letters() {
        for (before, after, range, with) in [
            ("abc", "abXc", 2..2, "X"),
            ("aaa", "aa", 2..3, ""),
            ("é", "è", 0..2, "è"),
            ("x日y", "x本y", 1..4, "本"),
        ] {
            assert_eq!(
                difference(before, after),
                Some((range, with.to_owned())),
                "{before} {after}"
            );
        }
        assert_eq!(difference("same", "same"), None);
    }
}
