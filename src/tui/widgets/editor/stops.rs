//! Places of a written phrase that are to be filled in, gone through one by one.
//!
//! They follow the text as it changes and are gone as soon as the caret is elsewhere.

use std::ops::Range;

use super::change::{Caret, Change};
use super::{Editor, pairs, words};

/// Places still to be gone to, and the one the caret is in.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// In order; where writing goes on comes last.
    places: Vec<Range<usize>>,
    /// The caret's.
    at: usize,
}

impl Stops {
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.at = 0;
    }

    /// All of them, from the first place to the last.
    fn span(&self) -> Option<Range<usize>> {
        let (first, last) = (self.places.first()?, self.places.last()?);
        Some(first.start..last.end)
    }

    /// Forgets them where the caret left them, or came to their end.
    pub(super) fn keep_near(&mut self, caret: usize) {
        let inside = self
            .span()
            .is_some_and(|it| it.start <= caret && caret < it.end);
        if !inside {
            self.clear();
        }
    }

    /// Moves them with the text; what is written in the caret's place makes it longer.
    pub(super) fn carry(&mut self, change: &Change) {
        for (range, with) in change.edits.iter().rev() {
            let moved = |place: usize| place + with.len() - range.len();
            for (nth, place) in self.places.iter_mut().enumerate() {
                let here = nth == self.at;
                let after = if here {
                    range.start < place.start && range.end <= place.start
                } else {
                    range.end <= place.start && nth > self.at || range.end < place.start
                };
                let (start, end) = (place.start, place.end);
                if after {
                    *place = moved(start)..moved(end);
                    continue;
                }
                if range.start < start && start < range.end {
                    // its beginning was written over
                    place.start = range.start + with.len();
                }
                if here && range.start <= end && range.end <= end || range.end < end {
                    place.end = moved(end);
                } else if range.start < end {
                    place.end = range.start + with.len();
                }
                place.end = place.end.max(place.start);
            }
        }
    }
}

impl Editor {
    /// Begins to fill in places of what was just written, the last one where writing goes on. What is
    /// being filled in around them is gone on with afterwards.
    pub fn fill_in(&mut self, places: Vec<Range<usize>>) {
        let Some(first) = places.first().cloned() else {
            return;
        };
        let stops = &mut self.stops;
        let within = stops.places.get(stops.at);
        if within.is_some_and(|it| it.start <= first.start && first.end <= it.end) {
            let next = stops.at + 1;
            stops.places.splice(next..next, places);
            stops.at = next;
        } else {
            (stops.places, stops.at) = (places, 0);
        }
        self.at_stop();
    }

    /// Whether a phrase is being filled in.
    pub fn fills_in(&self) -> bool {
        !self.stops.places.is_empty()
    }

    /// Places still to be gone to that have a text of their own.
    pub(super) fn left_to_fill(&self) -> impl Iterator<Item = &Range<usize>> {
        let rest = self.stops.places.get(self.stops.at + 1..);
        rest.into_iter().flatten().filter(|it| !it.is_empty())
    }

    /// Goes to the next place, or the one before; false where there is none.
    pub fn next_stop(&mut self, back: bool) -> bool {
        let caret = self.caret();
        loop {
            let next = if back {
                self.stops.at.checked_sub(1)
            } else {
                Some(self.stops.at + 1)
            };
            let place = next.and_then(|at| Some((at, self.stops.places.get(at)?)));
            let Some((at, place)) = place else {
                if !back {
                    self.stops.clear();
                }
                return false;
            };
            // the caret may be there already: behind a bracket that was typed
            let there = place.is_empty() && place.start == caret;
            self.stops.at = at;
            if !there {
                break;
            }
        }
        self.history.rest();
        self.at_stop();
        true
    }

    /// Ends it.
    pub fn stop_filling(&mut self) {
        self.stops.clear();
    }

    /// Puts the caret into its place, and lets what closes around it be typed over.
    fn at_stop(&mut self) {
        let Some(place) = self.stops.places.get(self.stops.at).cloned() else {
            return;
        };
        let whole = self.stops.span().unwrap_or_default();
        self.set_caret(Caret {
            at: place.end,
            anchor: Some(place.start),
        });
        if let Some((open, close)) = pairs::around(&self.text, place.end, '(', ')')
            && whole.start <= open + 1
            && close < whole.end
        {
            self.closes(open, close);
        }
        let quotes = words::before(&self.text, place.start) == Some('"')
            && words::after(&self.text, place.end) == Some('"');
        if quotes {
            self.closes(place.start - 1, place.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase() -> Editor {
        let mut editor = Editor::new("T | top 10 by  desc");
        editor.fill_in(vec![8..10, 14..14, 19..19]);
        editor
    }

    fn write(editor: &mut Editor, text: &str) {
        let range = editor.selection().unwrap_or(editor.caret()..editor.caret());
        editor.apply(Change::replace(range, text));
    }

    #[test]
    fn places_are_filled_in_one_by_one() {
        let mut editor = phrase();
        assert_eq!(editor.selection(), Some(8..10), "what it says is selected");
        write(&mut editor, "5");
        assert!(editor.next_stop(false));
        write(&mut editor, "Time");
        write(&mut editor, "stamp");
        assert_eq!(editor.text(), "T | top 5 by Timestamp desc");
        assert!(editor.next_stop(true));
        assert_eq!(editor.selection(), Some(8..9));
        assert!(editor.next_stop(false));
        assert_eq!(editor.selection(), Some(13..22));
        assert!(editor.next_stop(false));
        assert_eq!(editor.caret(), editor.text().len());
        assert!(!editor.fills_in(), "the end is the end");
    }

    #[test]
    fn a_call_within_is_filled_in_first() {
        let mut editor = phrase();
        assert!(editor.next_stop(false));
        write(&mut editor, "strlen()");
        editor.fill_in(vec![21..21, 22..22]);
        write(&mut editor, "Name");
        assert!(editor.next_stop(false));
        assert_eq!(editor.caret(), 26);
        assert!(editor.next_stop(false));
        assert_eq!(editor.caret(), editor.text().len());
    }

    #[test]
    fn it_ends_where_the_caret_leaves_it() {
        let mut editor = phrase();
        editor.go_to(2);
        assert!(!editor.fills_in());
        let mut editor = phrase();
        editor.go_to(12);
        assert!(editor.fills_in(), "still in it");
        editor.undo(false);
        editor.go_to(19);
        assert!(!editor.fills_in());
        assert!(!editor.next_stop(false));
    }
}
