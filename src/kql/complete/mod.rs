//! Completion: what can be written at a place, best first.
//!
//! Must not know how a list is shown or filtered while typing goes on.

mod clause;
mod expression;
mod filter;
mod offer;
mod place;
mod rank;
mod slot;
mod snippets;
mod statement;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use super::binder::probe::probe;
use super::keywords::WORDS;
use super::lexer::{TokenKind, is_name_char, is_name_start, is_space};
use super::schema::Presence;
use super::{Schema, Span, Type};
use offer::Surroundings;
use place::Place;
use slot::{Offer, Slot};

/// What an offered word is. The names are those of the official language service where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ItemKind {
    Column,
    Table,
    Variable,
    Parameter,
    Function,
    Aggregate,
    PlugIn,
    Operator,
    ScalarOperator,
    Keyword,
    /// a value of an operator's parameter, a member of a closed list
    Value,
    Type,
    /// a whole phrase ready to be filled in
    Snippet,
}

/// One thing that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// As it is shown and filtered by: `ago(timespan)`, `DeviceName`. Its name is the text before the first `(`.
    pub label: Cow<'a, str>,
    /// What is written in the place of [`Completions::replace`].
    pub insert: Cow<'a, str>,
    /// Where the caret stands afterwards, in bytes of `insert` (between the brackets of a call).
    pub caret: u32,
    /// What is to be filled in, in order, and last where writing goes on: bytes of `insert`. Nothing
    /// for words that leave nothing open; see [`Item::open`].
    pub stops: Cow<'a, [Span]>,
    /// What it is.
    pub kind: ItemKind,
    /// The type of a column, variable or function's result, where it is known.
    pub ty: Option<Type>,
    /// Whether the tenant has it; what it was asked for and lacks comes last.
    pub presence: Presence,
}

impl<'a> Item<'a> {
    fn new(
        label: Cow<'a, str>,
        insert: Cow<'a, str>,
        caret: u32,
        kind: ItemKind,
        ty: Option<Type>,
    ) -> Self {
        Self {
            label,
            insert,
            caret,
            stops: Cow::Borrowed(&[]),
            kind,
            ty,
            presence: Presence::Documented,
        }
    }

    /// What is to be filled in, and last where writing goes on, in bytes of `insert`: between the
    /// brackets of a call, then behind it. Nothing where the caret goes to the end.
    pub fn open(&self) -> Cow<'_, [Span]> {
        if !self.stops.is_empty() || self.caret as usize >= self.insert.len() {
            return Cow::Borrowed(&self.stops);
        }
        let place = |at: usize| Span::new(at, at);
        let caret = self.caret as usize;
        let mut stops = vec![place(caret)];
        // the other end of a range
        if self.insert[caret..].starts_with(" .. )") {
            stops.push(place(caret + " .. ".len()));
        }
        stops.push(place(self.insert.len()));
        Cow::Owned(stops)
    }
}

/// What can be written at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions<'a> {
    /// What an accepted item replaces: the word at the caret, whole.
    pub replace: Span,
    /// Everything that fits the place, best first; what was typed of the word is not applied.
    pub items: Vec<Item<'a>>,
    /// Whole phrases that fit: offered behind the words.
    pub snippets: Vec<Item<'a>>,
}

/// What can be written at `caret` (in bytes) of `text`. Nothing inside comments and strings.
pub fn complete<'a>(text: &str, caret: u32, schema: &'a Schema) -> Completions<'a> {
    let (replace, read) = read(text, caret, |slot, place, replace| {
        let known = probe(place.text, place.syntax, schema, slot.question());
        let around = Surroundings::new(text, replace, place, slot);
        let mut items = offer::items(slot, &known, schema, &around);
        rank::sort(&mut items, slot, &known, &around, schema);
        let snippets = snippets::items(slot, &known, &text[replace.end as usize..]);
        (items.into_iter().map(|c| c.item).collect(), snippets)
    });
    let (items, snippets) = read.unwrap_or_default();
    Completions {
        replace,
        items,
        snippets,
    }
}

/// What the ranking table calls the place at `caret`; nothing where nothing is offered.
pub fn context(text: &str, caret: u32, schema: &Schema) -> Option<String> {
    read(text, caret, |slot, read, _| {
        let known = probe(read.text, read.syntax, schema, slot.question());
        match slot.after {
            Some(operator) => format!("|{operator}"),
            None => rank::context(slot, &known).to_owned(),
        }
    })
    .1
}

/// A text up to the word at the caret, read.
struct Read<'t> {
    text: &'t str,
    syntax: &'t super::Syntax,
    place: &'t Place<'t>,
}

/// Finds the word at the caret and what fits its place, and hands both on.
fn read<T>(
    text: &str,
    caret: u32,
    then: impl FnOnce(&Slot, &Read<'_>, Span) -> T,
) -> (Span, Option<T>) {
    let mut caret = (caret as usize).min(text.len());
    while !text.is_char_boundary(caret) {
        caret -= 1;
    }
    let here = Span::new(caret, caret);
    let replace = word_at(text, caret);
    let start = replace.start as usize;
    let before = &text[..start];
    if text[start..].starts_with(|c: char| c.is_ascii_digit()) && start < caret {
        return (replace, None);
    }
    let syntax = super::parse(before);
    let mut tokens = syntax.tokens.iter().rev();
    let end = tokens.next();
    let last = tokens.next();
    let in_comment = end.is_some_and(|t| {
        let trivia = &before[t.trivia as usize..];
        trivia
            .rsplit('\n')
            .next()
            .is_some_and(|line| line.contains("//"))
    });
    let in_text = last.is_some_and(|t| {
        t.span.end as usize == start
            && (t.is_literal() || matches!(t.kind, TokenKind::Directive | TokenKind::Bad))
            && !matches!(t.kind, TokenKind::Bad if matches!(t.span.text(before), "$" | "!"))
    });
    if in_comment || in_text {
        return (here, None);
    }
    let place = Place::read(before, &syntax.tokens);
    let mut slot = statement::slot(&place);
    follow(&mut slot, text, replace, &place);
    if slot.offers.is_empty() {
        return (replace, None);
    }
    let read = Read {
        text: before,
        syntax: &syntax,
        place: &place,
    };
    let then = then(&slot, &read, replace);
    (replace, Some(then))
}

/// What follows the caret narrows what fits.
fn follow(slot: &mut Slot, text: &str, replace: Span, place: &Place<'_>) {
    let after = &text[replace.end as usize..];
    let trimmed = after.trim_start_matches(is_space);
    let next = trimmed.chars().next();
    if replace.is_empty() {
        let literal = after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '\''));
        if literal && place.frame().role != place::Role::List {
            slot.offers.clear();
        }
        if after.starts_with(['=', '!', '<', '>', '+', '-', '*', '/', '%']) {
            slot.offers.retain(|o| !matches!(o, Offer::Infix(_)));
        }
        return;
    }
    let values = slot.offers.contains(&Offer::Functions);
    match next {
        Some('(') if values => {
            slot.offers.retain(|o| {
                matches!(
                    o,
                    Offer::Functions | Offer::Aggregates | Offer::Parameters(_)
                )
            });
            slot.offers.push(Offer::Calls);
        }
        Some('=') if values && !trimmed.starts_with("==") && !trimmed.starts_with("=~") => {
            slot.offers.retain(|o| matches!(o, Offer::Parameters(_)));
        }
        _ => {}
    }
}

/// The word the caret is in or at the end of, whole.
fn word_at(text: &str, caret: usize) -> Span {
    let mut start = caret;
    for (at, c) in text[..caret].char_indices().rev() {
        if !is_name_char(c) && c != '$' {
            break;
        }
        start = at;
    }
    let mut end = caret;
    for (at, c) in text[caret..].char_indices() {
        if !is_name_char(c) || (at == 0 && start == caret && !is_name_start(c)) {
            break;
        }
        end = caret + at + c.len_utf8();
    }
    // words with other characters in them: `mv-expand`, `hint.strategy`, `!has`, `in~`
    let line = text[..start]
        .char_indices()
        .rev()
        .take_while(|(_, c)| !is_space(*c) && !matches!(c, '|' | '(' | '=' | ',' | ';'))
        .last()
        .map_or(start, |(at, _)| at);
    if line < start {
        let typed = &text[line..caret];
        if WORDS.iter().any(|(w, _)| w.starts_with(typed)) {
            start = line;
        }
    }
    if start < caret || start < end {
        for (word, _) in WORDS {
            if start + word.len() > end
                && word.contains(['-', '.', '~', '!'])
                && text[start..].starts_with(word)
                && !text[start + word.len()..].starts_with(is_name_char)
            {
                end = start + word.len();
            }
        }
    }
    Span::new(start, end)
}
