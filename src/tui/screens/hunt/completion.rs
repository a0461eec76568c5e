//! The words offered while a query is typed: which, and when they are taken.
//!
//! Opened by what was typed, the list never takes enter from a fast typist: enter takes a word that was
//! chosen, or one that is being typed and not yet whole. Tab takes the word in focus, always.

mod draw;

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use ratatui::layout::{Position, Rect};

use crate::kql::assist::{self, Hover};
use crate::kql::complete::{Completions, Item};
use crate::kql::keywords::{self, Roles};
use crate::kql::{self, Schema, Span};
use crate::tui::theme::Role;
use crate::tui::widgets::editor::change::{Caret, Change};
use crate::tui::widgets::editor::words;

/// Rows of the list.
const ROWS: u16 = 10;

/// The list.
#[derive(Debug)]
pub(super) struct Popup {
    /// Where in the text the word begins that is replaced.
    pub(super) start: usize,
    all: Completions<'static>,
    /// Those that fit what is typed, best first.
    shown: Vec<usize>,
    at: usize,
    /// What was typed when it was narrowed last.
    typed: Option<String>,
    /// The analyst asked for the list, or went through it.
    chosen: bool,
    /// What is known of the word in focus.
    about: Option<Hover>,
    // where it was drawn last
    top: Cell<usize>,
    place: Cell<Rect>,
}

/// The same words without a schema behind them.
pub(super) fn own(from: Completions<'_>) -> Completions<'static> {
    let own = |item: Item<'_>| Item {
        label: Cow::Owned(item.label.into_owned()),
        insert: Cow::Owned(item.insert.into_owned()),
        stops: Cow::Owned(item.stops.into_owned()),
        ..item
    };
    // phrases stand behind the words that begin like them
    let all = from.items.into_iter().chain(from.snippets);
    Completions {
        replace: from.replace,
        items: all.map(own).collect(),
        snippets: Vec::new(),
    }
}

/// What taking a word does.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) change: Change,
    /// Where a bracket was opened and closed with it.
    pub(super) closed: Option<(usize, usize)>,
    /// Places of the new text to be filled in, and last where writing goes on.
    pub(super) stops: Vec<Range<usize>>,
}

/// Whether what was typed last opens the list. `before` is the text up to the caret, `word` the role of
/// what stands before a space.
pub(super) fn opens(before: &str, typed: char, word: Option<Role>) -> bool {
    let mut chars = before.chars().rev();
    let last = chars.next();
    match typed {
        '|' => true,
        // not in a number, and behind something that can have members
        '.' => chars.next().is_some_and(|c| {
            c == ')' || c == ']' || c.is_alphabetic() || c == '_' || {
                let word = words::word_at(before, before.len() - 1);
                !before[word].starts_with(|c: char| c.is_ascii_digit())
            }
        }),
        ' ' => {
            let line = before.rsplit('\n').next().unwrap_or_default();
            let code = line.trim_end();
            !code.is_empty()
                && code.len() + 1 == line.len()
                && (code.ends_with(['|', ',', '=', '<', '>', '~', '('])
                    || word == Some(Role::KqlKeyword) && !wants_text(code))
        }
        c if c.is_alphanumeric() || c == '_' => {
            let word = &before[words::word_at(before, before.len())];
            last == Some(c)
                && word.chars().count() == 2
                && !word.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// Whether code ends in an operator that stands before a text, as `has`: a quote is typed there mostly, and
/// a column where somebody asks for it.
fn wants_text(code: &str) -> bool {
    let word = code.rsplit([' ', '\t']).next().unwrap_or_default();
    // the one of two words
    let word = if word == "regex" {
        "matches regex"
    } else {
        word
    };
    keywords::find(word).is_some_and(|it| keywords::roles(it).has(Roles::TEXT_OPERATOR))
}

impl Popup {
    /// The list for a text and its caret; none where nothing fits. `base` is where the text that was
    /// asked about begins, `asked` that the analyst pressed a key for it.
    pub(super) fn new(
        all: Completions<'static>,
        base: usize,
        text: &str,
        caret: usize,
        asked: bool,
    ) -> Option<Self> {
        let start = base + all.replace.start as usize;
        let mut popup = Self {
            start,
            all,
            shown: Vec::new(),
            at: 0,
            typed: None,
            chosen: asked,
            about: None,
            top: Cell::new(0),
            place: Cell::default(),
        };
        popup.narrow(text, caret).then_some(popup)
    }

    /// Narrows the list to what is typed now; false where that is the end of it.
    pub(super) fn narrow(&mut self, text: &str, caret: usize) -> bool {
        let Some(word) = text.get(self.start..caret) else {
            return false;
        };
        if !word.chars().all(|c| words::class(c) == words::Class::Word) {
            return false;
        }
        // the same word: what is in focus stays
        if self.typed.as_deref() == Some(word) {
            return !self.shown.is_empty();
        }
        self.typed = Some(word.to_owned());
        self.shown = self.all.matching(word);
        // a word that is whole goes first: enter behind it is a new line
        let whole = |at: &usize| self.all.items[*at].name().eq_ignore_ascii_case(word);
        if let Some(found) = self.shown.iter().position(whole) {
            let found = self.shown.remove(found);
            self.shown.insert(0, found);
        }
        self.at = 0;
        self.top.set(0);
        if self.chosen {
            return !self.shown.is_empty();
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        // by itself it shows only what begins as the word does, and more than the word itself
        let Some(first) = self.item() else {
            return false;
        };
        let begins = |c: char| {
            first
                .name()
                .starts_with(|it: char| it.eq_ignore_ascii_case(&c))
        };
        let fits = word.chars().next().is_none_or(begins);
        // a word that is whole is not helped, unless others go on from it
        let more = self.shown.get(1).is_some_and(|at| {
            let head = self.all.items[*at].name().get(..word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        fits && (first.insert.trim_end() != word || more)
    }

    fn item(&self) -> Option<&Item<'static>> {
        self.all.items.get(*self.shown.get(self.at)?)
    }

    /// Goes through the list: round at its ends by one, to the ends by pages.
    pub(super) fn step(&mut self, by: isize) {
        let count = self.shown.len() as isize;
        let to = self.at as isize + by;
        let to = if by.abs() == 1 {
            to.rem_euclid(count.max(1))
        } else {
            to.clamp(0, (count - 1).max(0))
        };
        self.at = to as usize;
        self.chosen = true;
    }

    /// Moves the list by the wheel; what is in focus goes along.
    pub(super) fn scroll(&mut self, down: bool) {
        let last = self.shown.len().saturating_sub(1);
        self.at = if down {
            (self.at + 3).min(last)
        } else {
            self.at.saturating_sub(3)
        };
    }

    /// A page of it.
    pub(super) fn page(&self) -> isize {
        isize::from(self.place.get().height.max(2) as i16 - 1)
    }

    /// Puts the focus on a row of the last frame; false where there is none.
    pub(super) fn point(&mut self, at: Position) -> bool {
        let place = self.place.get();
        if !place.contains(at) {
            return false;
        }
        self.at = (self.top.get() + usize::from(at.y - place.y)).min(self.shown.len() - 1);
        self.chosen = true;
        true
    }

    /// Whether a place of the last frame is on the list.
    pub(super) fn contains(&self, at: Position) -> bool {
        self.place.get().contains(at)
    }

    /// Whether the word in focus stands there as it would be written.
    pub(super) fn stands(&self, text: &str, caret: usize) -> bool {
        let word = text.get(self.start..caret);
        self.item().is_some_and(|it| word == Some(&*it.insert))
    }

    /// Whether enter takes the word in focus.
    pub(super) fn takes_enter(&self, text: &str, caret: usize) -> bool {
        let Some((item, word)) = self.item().zip(text.get(self.start..caret)) else {
            return false;
        };
        if self.chosen {
            return item.insert != word;
        }
        // `project` and enter is a new line, whatever space the word would bring along
        let typing = !word.is_empty() && item.insert.trim_end() != word;
        let begins = item.name().get(..word.len());
        typing && begins.is_some_and(|head| head.eq_ignore_ascii_case(word))
    }

    /// What taking the word in focus does.
    pub(super) fn taken(&self, text: &str, caret: usize) -> Option<Taken> {
        let item = self.item()?;
        let end = words::word_at(text, caret).end.max(caret);
        let mut insert = item.insert.to_string();
        let mut to = item.caret as usize;
        let mut open = item.open().into_owned();
        // the brackets of a call that stand there already
        if text[end..].starts_with('(')
            && let Some(bracket) = insert.find('(')
        {
            insert.truncate(bracket);
            to = to.min(bracket + 1);
            open.clear();
        }
        let gap = text[..self.start].ends_with(['|', ',']) && !insert.starts_with(' ');
        if gap {
            insert.insert(0, ' ');
            to += 1;
        }
        let closed = insert[..to.min(insert.len())].ends_with('(') && insert[to..].starts_with(')');
        let caret = Caret::at(self.start + to);
        let closed = closed.then(|| (caret.at - 1, caret.at));
        let base = self.start + usize::from(gap);
        let place = |it: &Span| base + it.start as usize..base + it.end as usize;
        let stops = open.iter().map(place).collect();
        let edits = vec![(self.start..end, insert)];
        Some(Taken {
            change: Change { edits, caret },
            closed,
            stops,
        })
    }

    /// Looks up what is known of the word in focus, by reading the statement as if it stood there.
    pub(super) fn look_up(&mut self, statement: &str, base: usize, schema: &Schema) {
        self.about = self.item().and_then(|item| {
            let at = self.start.checked_sub(base)?;
            let mut text = statement.get(..at)?.to_owned();
            text.push_str(&item.insert);
            let analysis = kql::analyze(&text, schema);
            assist::hover(&text, &analysis, schema, at as u32)
        });
    }
}

/// Room by the caret for so many columns and rows: below it, above where there is no room below, moved
/// left where it would leave the area. `back` columns of it stand left of the caret.
pub(super) fn beside(area: Rect, caret: Position, back: u16, size: (u16, u16)) -> Option<Rect> {
    let below = area.bottom().saturating_sub(caret.y + 1);
    let above = caret.y.saturating_sub(area.y);
    let (wide, high) = size;
    let under = below >= high || below >= above;
    let height = high.min(if under { below } else { above });
    let width = wide.min(area.width);
    if height == 0 || width == 0 {
        return None;
    }
    let x = caret.x.saturating_sub(back).max(area.x);
    Some(Rect {
        x: x.min(area.right() - width),
        y: if under { caret.y + 1 } else { caret.y - height },
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::complete::ItemKind;
    use crate::kql::schema::Presence;

    fn item(label: &'static str, insert: &'static str, caret: u32) -> Item<'static> {
        Item {
            label: label.into(),
            insert: insert.into(),
            caret,
            stops: Cow::Borrowed(&[]),
            kind: ItemKind::Column,
            ty: None,
            presence: Presence::Documented,
        }
    }

    fn popup(text: &str, start: usize, asked: bool) -> Option<Popup> {
        let items = vec![
            item("DeviceNameLong", "DeviceNameLong", 14),
            item("DeviceName", "DeviceName", 10),
            item("count()", "count()", 6),
            item("where", "where ", 6),
        ];
        let replace = Span::new(start, text.len());
        let all = Completions {
            replace,
            items,
            snippets: Vec::new(),
        };
        Popup::new(all, 0, text, text.len(), asked)
    }

    fn changed(popup: &Popup, text: &str) -> String {
        let change = popup.taken(text, text.len()).expect("a word").change;
        let mut out = text.to_owned();
        for (range, with) in change.edits {
            out.replace_range(range, &with);
        }
        out.insert(change.caret.at, '^');
        out
    }

    #[test]
    fn the_list_opens_where_something_is_expected() {
        let keyword = Some(Role::KqlKeyword);
        for (before, word, opened) in [
            ("T |", None, true),
            ("T | ", None, true),
            ("T | where ", keyword, true),
            ("T | where  ", keyword, false),
            ("T | where A has ", keyword, false),
            ("T | where A !contains_cs ", keyword, false),
            ("T | where A matches regex ", keyword, false),
            ("T | parse kind=regex ", keyword, true),
            ("T | where A has \"x\" and ", keyword, true),
            ("T | where A ", Some(Role::KqlColumn), false),
            ("T | where A == ", Some(Role::KqlOperator), true),
            ("T | project A, ", None, true),
            ("T | where a.", None, true),
            ("T | where f().", None, true),
            ("T | where 0.", None, false),
            ("T | where x2.", None, true),
            ("De", None, true),
            ("Dev", None, false),
            ("D", None, false),
            ("T | take 10", None, false),
            ("\n ", None, false),
            ("T;", None, false),
        ] {
            let typed = before.chars().next_back().expect("a letter");
            assert_eq!(opens(before, typed, word), opened, "{before:?}");
        }
    }

    #[test]
    fn enter_is_a_new_line_unless_a_word_is_chosen_or_being_typed() {
        for (text, asked, steps, takes) in [
            ("T | ", false, 0, false),
            ("T | ", false, 1, true),
            ("T | ", true, 0, true),
            ("T | Dev", false, 0, true),
            ("T | DeviceName", false, 0, false),
            ("T | cou", false, 0, true),
            ("T | wher", false, 0, true),
        ] {
            let mut popup = popup(text, 4, asked).expect("some fit");
            (0..steps).for_each(|_| popup.step(1));
            assert_eq!(popup.takes_enter(text, text.len()), takes, "{text} {steps}");
        }
        assert!(popup("T | wx", 4, false).is_none(), "nothing fits");
        assert!(popup("T | where", 4, false).is_none(), "it is whole");
    }

    #[test]
    fn a_word_that_is_taken_stands_as_if_it_had_been_typed() {
        let list = |text| popup(text, text.len(), false).expect("some fit");
        let mut first = list("T |");
        assert_eq!(changed(&first, "T |"), "T | DeviceNameLong^");
        first.step(1);
        first.step(1);
        assert_eq!(changed(&first, "T |"), "T | count(^)");
        let call = first.taken("T |", 3).expect("a word");
        assert_eq!(call.closed, Some((9, 10)));
        assert_eq!(call.stops, [10..10, 11..11]);
        first.step(1);
        first.step(1);
        assert_eq!(changed(&first, "T |"), "T | DeviceNameLong^", "round");
        let text = "T | c(x)";
        let mut call = popup("T | c", 4, true).expect("some fit");
        assert!(call.narrow(text, 5));
        let taken = call.taken(text, 5).expect("a word");
        let written = taken.change.edits[0].1.as_str();
        assert_eq!((written, taken.closed), ("count", None));
        assert!(taken.stops.is_empty(), "the brackets stand there");
    }

    #[test]
    fn the_list_stays_on_the_screen() {
        let area = Rect::new(0, 1, 80, 22);
        for (x, y) in [(0, 1), (79, 1), (40, 22), (79, 22), (3, 12)] {
            let caret = Position { x, y };
            for size in [(40, 10), (200, 3), (10, 60)] {
                let place = beside(area, caret, 5, size).expect("room");
                assert_eq!(place.intersection(area), place, "{caret:?} {size:?}");
                assert!(!(place.y..place.bottom()).contains(&y), "it hides its line");
            }
        }
        assert_eq!(
            beside(Rect::new(0, 0, 10, 1), Position { x: 1, y: 0 }, 0, (5, 5)),
            None
        );
    }
}
