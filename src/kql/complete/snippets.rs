//! Whole phrases ready to be filled in: an operator with its usual frame, as data.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::slot::Slot;
use super::{Item, ItemKind};
use crate::kql::binder::probe::Answer;
use crate::kql::syntax::Span;

/// A phrase of `assets/kql/snippets.txt`.
#[derive(Debug)]
struct Snippet {
    /// Where it fits, as the ranking table calls the place.
    place: &'static str,
    /// The columns that must be there.
    needs: Vec<&'static str>,
    /// As it is shown.
    label: String,
    /// What it writes.
    insert: String,
    /// What is to be filled in, in order, and where writing goes on.
    stops: Vec<Span>,
}

impl Snippet {
    /// `place columns body`, parted by tabs; none for a line that is none.
    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.splitn(3, '\t');
        let (place, needs, body) = (parts.next()?, parts.next()?, parts.next()?);
        let mut snippet = Self {
            place,
            needs: needs.split(',').filter(|it| *it != "-").collect(),
            label: String::new(),
            insert: String::new(),
            stops: Vec::new(),
        };
        let mut rest = body;
        while let Some((before, after)) = rest.split_once('$') {
            snippet.label.push_str(before);
            snippet.insert.push_str(before);
            let start = snippet.insert.len();
            // `{1:text}` or `1`
            let (shown, text, behind) = match after.strip_prefix('{') {
                Some(inner) => {
                    let (inner, behind) = inner.split_once('}')?;
                    let (_, text) = inner.split_once(':')?;
                    (text, text, behind)
                }
                None => ("…", "", after.get(1..)?),
            };
            snippet.label.push_str(shown);
            snippet.insert.push_str(text);
            snippet.stops.push(Span::new(start, snippet.insert.len()));
            rest = behind;
        }
        snippet.label.push_str(rest);
        snippet.insert.push_str(rest);
        let end = Span::new(snippet.insert.len(), snippet.insert.len());
        if snippet.stops.last() != Some(&end) {
            snippet.stops.push(end);
        }
        Some(snippet)
    }

    fn item(&'static self) -> Item<'static> {
        let caret = self.stops.first().map_or(0, |it| it.start);
        let (label, insert) = (self.label.as_str().into(), self.insert.as_str().into());
        Item {
            stops: Cow::Borrowed(&self.stops),
            ..Item::new(label, insert, caret, ItemKind::Snippet, None)
        }
    }
}

fn all() -> &'static [Snippet] {
    static ALL: OnceLock<Vec<Snippet>> = OnceLock::new();
    ALL.get_or_init(|| {
        include_str!("../../../assets/kql/snippets.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(Snippet::read)
            .collect()
    })
}

/// The phrases that fit, where nothing else stands `behind` the caret on its line.
pub(super) fn items(slot: &Slot, known: &Answer, behind: &str) -> Vec<Item<'static>> {
    let line = behind.lines().next().unwrap_or_default();
    if !line.chars().all(|c| c.is_whitespace() || ")};".contains(c)) {
        return Vec::new();
    }
    let has = |name: &&str| known.row.as_ref().is_some_and(|row| row.has(name));
    all()
        .iter()
        .filter(|it| it.place == slot.context && it.needs.iter().all(has))
        .map(Snippet::item)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_a_phrase() {
        let text = include_str!("../../../assets/kql/snippets.txt");
        let lines = text.lines().filter(|it| !it.starts_with('#')).count();
        assert_eq!(all().len(), lines);
        for snippet in all() {
            assert!(!snippet.insert.contains('$'), "{}", snippet.insert);
            assert!(!snippet.stops.is_empty(), "{}", snippet.insert);
            assert!(
                snippet.stops.windows(2).all(|two| two[0].end < two[1].start
                    || two[0].end == two[1].start && !two[0].is_empty()),
                "{}: places that touch cannot be told apart",
                snippet.insert
            );
        }
    }

    #[test]
    fn a_phrase_is_read() {
        let it = Snippet::read("pipe\tA,B\ttop ${1:10} by $2 desc").expect("a phrase");
        assert_eq!(it.label, "top 10 by … desc");
        assert_eq!(it.insert, "top 10 by  desc");
        assert_eq!(it.needs, ["A", "B"]);
        let stops = [Span::new(4, 6), Span::new(10, 10), Span::new(15, 15)];
        assert_eq!(it.stops, stops);
    }
}
