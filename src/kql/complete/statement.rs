//! What fits at the start of a query, a statement, a table, and in the brackets that are no values.

use super::ItemKind;
use super::clause::operator;
use super::expression::{argument, expression, group, scalar};
use super::place::{Frame, Part, Place, Role};
use super::slot::{Offer, Slot, VALUE, Wanted};
use super::words;
use crate::kql::keywords::PIPED_OPERATORS;
use crate::kql::lexer::TokenKind;
use crate::kql::types::Type;

/// What fits where the text of `place` ends.
pub(super) fn slot(place: &Place<'_>) -> Slot {
    let mut slot = innermost(place);
    if let Some((_, token, _)) = place.around() {
        slot.operator = Some(place.tokens[token].span.start);
    }
    let frame = place.frame();
    let (parts, of_let) = place.body(frame);
    if !frame.piped
        && matches!(
            frame.role,
            Role::Text | Role::Table | Role::Block | Role::LetGroup | Role::List
        )
        && place.operand(parts.last())
        && (of_let || !matches!(place.part(parts.first()), "let" | "set" | "declare"))
    {
        if slot.offers.is_empty() {
            slot.context = "source";
        }
        slot.add(Offer::Words(&["|"], ItemKind::Operator));
    }
    slot.body = place
        .frames
        .iter()
        .rev()
        .find(|f| f.role == Role::Block)
        .map(|f| place.tokens[f.open].span.start);
    slot
}

fn innermost(place: &Place<'_>) -> Slot {
    let frame = place.frame();
    if frame.piped || frame.role == Role::Body {
        if frame.parts.is_empty() {
            let operators = Offer::Words(PIPED_OPERATORS, ItemKind::Operator);
            let last = place.tokens.iter().rfind(|t| t.kind != TokenKind::End);
            return Slot {
                after: Some(frame.before),
                pipe: last.map(|it| it.span.end),
                ..Slot::only("pipe", &[operators])
            };
        }
        return match place.operator(frame) {
            Some((word, _)) => operator(place, word, &frame.parts[1..]),
            None => Slot::default(),
        };
    }
    match frame.role {
        Role::Text | Role::Block | Role::LetGroup => statement(place, frame),
        Role::Table => {
            if let Some((word, _)) = place.operator(frame) {
                operator(place, word, &frame.parts[1..])
            } else if frame.parts.is_empty() {
                sources("table", true)
            } else {
                Slot::default()
            }
        }
        Role::Group => group(place, frame),
        Role::Call(name) => argument(place, frame, name),
        Role::List => {
            if let Some((word, _)) = place.operator(frame) {
                return operator(place, word, &frame.parts[1..]);
            }
            let first = !place.has(&frame.parts, ",");
            let item = place.item(&frame.parts);
            if item.is_empty() && first {
                return listed(place);
            }
            if first && !item.is_empty() && place.operand(item.last()) {
                return Slot::default();
            }
            let wanted = Wanted {
                context: "list",
                named: false,
                ..scalar(place)
            };
            expression(place, item, wanted)
        }
        Role::Between => {
            let item = match frame
                .parts
                .iter()
                .rposition(|p| place.part(Some(p)) == "..")
            {
                Some(at) => &frame.parts[at + 1..],
                None => &frame.parts[..],
            };
            let wanted = Wanted {
                context: "between",
                named: false,
                ..scalar(place)
            };
            let mut slot = expression(place, item, wanted);
            slot.wanted = Some(Type::DateTime);
            slot
        }
        Role::Tables => {
            if place.operand(frame.parts.last()) {
                Slot::default()
            } else {
                Slot::only("union", &[Offer::Tables])
            }
        }
        Role::Declarations => match frame.parts.last() {
            Some(Part::Token(i)) if place.word(*i) == ":" => types(),
            _ => Slot::default(),
        },
        Role::Types => Slot::only("type", &[Offer::Words(words::TYPES, ItemKind::Type)]),
        Role::Properties => properties(place, frame),
        Role::Body | Role::Json | Role::Index | Role::Other => Slot::default(),
    }
}

fn types() -> Slot {
    Slot::only("type", &[Offer::Words(words::TYPES, ItemKind::Type)])
}

/// What a query or a table in brackets may start with.
fn sources(context: &'static str, range: bool) -> Slot {
    let mut slot = Slot::only(context, &[Offer::Tables]);
    slot.words(words::SOURCES);
    if range {
        slot.words(&["range"]);
    }
    slot
}

/// The head of a list after `in`.
fn listed(place: &Place<'_>) -> Slot {
    let wanted = scalar(place);
    let mut slot = sources("list", false);
    slot.add(Offer::Functions);
    slot.add(Offer::ValueStarts);
    if let Some(side) = wanted.columns {
        slot.add(Offer::Columns(side));
    }
    if let Some(outer) = place.frames.len().checked_sub(2) {
        let parts = &place.frames[outer].parts;
        if let Some(before) = parts.len().checked_sub(2) {
            slot.operand = Some(place.tokens[parts[before].last()].span.end);
        }
    }
    slot
}

/// A statement that starts no operator.
fn statement(place: &Place<'_>, frame: &Frame) -> Slot {
    let (parts, of_let) = place.body(frame);
    if let Some((word, _)) = place.operator(frame) {
        return operator(place, word, &parts[1..]);
    }
    let first = place.part(frame.parts.first());
    let block = frame.role != Role::Text;
    if !of_let && !block {
        if parts.is_empty() {
            let mut slot = sources("start", true);
            slot.words(&["let", "set"]);
            return slot;
        }
        return match first {
            "set" if parts.len() == 1 => {
                Slot::only("set", &[Offer::Words(words::OPTIONS, ItemKind::Value)])
            }
            "declare" if parts.len() == 1 => Slot::only(
                "declare",
                &[Offer::Words(
                    &["pattern", "query_parameters"],
                    ItemKind::Keyword,
                )],
            ),
            _ => source_operand(place, parts),
        };
    }
    if first == "let" && !of_let {
        return Slot::default();
    }
    if parts.is_empty() {
        let mut slot = sources(if of_let { "let" } else { "block" }, false);
        slot.add(Offer::Functions);
        slot.add(Offer::ValueStarts);
        if of_let {
            slot.words(&["entity_group", "materialize", "view"]);
        } else if frame.role == Role::Block {
            slot.words(&["let"]);
        }
        return slot;
    }
    if frame.role == Role::LetGroup && place.part(parts.last()) == ":" {
        return types();
    }
    if frame.role == Role::LetGroup && place.has(parts, ":") {
        return Slot::default();
    }
    let mut slot = source_operand(place, parts);
    if !slot.offers.is_empty() {
        return slot;
    }
    let wanted = Wanted {
        context: "let",
        anything: true,
        columns: None,
        named: false,
        ..VALUE
    };
    slot = expression(place, parts, wanted);
    slot
}

/// After a written-out table.
fn source_operand(place: &Place<'_>, parts: &[Part]) -> Slot {
    if place.part(parts.first()) == "externaldata"
        && parts.len() > 2
        && matches!(parts.last(), Some(Part::Group(..)))
    {
        return Slot::only("with", &[Offer::Words(&["with"], ItemKind::Keyword)]);
    }
    Slot::default()
}

/// `with ( ... )` of the operator.
fn properties(place: &Place<'_>, frame: &Frame) -> Slot {
    let outer = &place.frames[place.frames.len() - 2];
    let Some((word, _)) = place.operator(outer) else {
        return Slot::default();
    };
    let item = place.item(&frame.parts);
    match (word, item) {
        ("render", []) => Slot::only("chart", &[Offer::Parameters(words::CHART_PROPERTIES)]),
        ("parse-kv", []) => Slot::only("pairs", &[Offer::Parameters(words::PAIR_PROPERTIES)]),
        (_, [name, equal]) if place.part(Some(equal)) == "=" => Slot::only(
            "chart",
            &[Offer::Words(
                words::values(word, place.part(Some(name))),
                ItemKind::Value,
            )],
        ),
        _ => Slot::default(),
    }
}
