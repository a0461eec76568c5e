//! What fits in an expression: before an operand, behind it, among the arguments of a call.

use super::place::{Frame, Part, Place, Role};
use super::slot::{Infix, Offer, Side, Slot, VALUE, Wanted};
use super::words;
use crate::kql::builtins::{Kind, ParamKind, builtins};
use crate::kql::lexer::TokenKind;
use crate::kql::types::Type;

/// How expressions are wanted around an argument, a group: what the operator says of the row.
pub(super) fn scalar(place: &Place<'_>) -> Wanted {
    let Some((word, _, depth)) = place.around() else {
        return Wanted {
            columns: None,
            ..VALUE
        };
    };
    let parts = place.body(&place.frames[depth]).0;
    let columns = match word {
        "print" | "range" => None,
        "join" | "lookup" if place.has(parts, "on") => Some(Side::Common),
        "join" | "lookup" | "union" => None,
        "search" | "find" if !place.frames[depth].piped => Some(Side::All),
        "graph-match" | "graph-shortest-paths" => None,
        _ => Some(Side::Row),
    };
    Wanted { columns, ..VALUE }
}

/// Inside `( ... )` around a value: as outside.
pub(super) fn group(place: &Place<'_>, frame: &Frame) -> Slot {
    let mut wanted = scalar(place);
    wanted.named = false;
    if aggregating(place) {
        wanted.aggregates = true;
        wanted.columns = None;
    }
    let mut depth = place.frames.len() - 1;
    while depth > 0 && place.frames[depth].role == Role::Group {
        depth -= 1;
    }
    let outer = &place.frames[depth];
    if let Role::Call(name) = outer.role {
        let index = commas(place, &outer.parts);
        wanted.condition = wants_condition(place.word(name), index);
        wanted.context = "argument";
    } else if let Some((word, _)) = place.operator(outer) {
        wanted.condition = matches!(word, "where" | "filter" | "search" | "find");
        wanted.context = if wanted.condition { "where" } else { "value" };
    } else if outer.role == Role::LetGroup || matches!(outer.role, Role::Text | Role::Block) {
        wanted.anything = true;
        wanted.context = "let";
    }
    expression(place, place.item(&frame.parts), wanted)
}

/// How many commas are among the parts.
fn commas(place: &Place<'_>, parts: &[Part]) -> usize {
    parts.iter().filter(|p| place.part(Some(p)) == ",").count()
}

/// An argument of a call.
pub(super) fn argument(place: &Place<'_>, frame: &Frame, name: usize) -> Slot {
    let function = place.word(name);
    let index = commas(place, &frame.parts);
    let item = place.item(&frame.parts);
    let mut wanted = Wanted {
        context: "argument",
        ..scalar(place)
    };
    let depth = place.frames.len() - 1;
    let outer = &place.frames[depth - 1];
    let evaluated = matches!(place.operator(outer), Some(("evaluate", _)));
    let (kind, found) = if evaluated {
        (Kind::PlugIn, builtins().get(Kind::PlugIn, function))
    } else if let Some(aggregate) = builtins().get(Kind::Aggregate, function) {
        (Kind::Aggregate, Some(aggregate))
    } else {
        (Kind::Function, builtins().get(Kind::Function, function))
    };
    let aggregate = kind == Kind::Aggregate;
    if aggregate {
        wanted.context = "aggregate-argument";
    } else if !evaluated && aggregating(place) {
        wanted.aggregates = true;
        wanted.columns = None;
    }
    let mut examples: Option<Offer> = None;
    let mut expected = None;
    if let Some(found) = found {
        if let Some(signature) = found.signatures.iter().max_by_key(|s| s.params.len()) {
            let layout = signature.layout(
                index.max(signature.params.len().saturating_sub(1)) + 1,
                false,
            );
            let param = layout
                .get(index)
                .copied()
                .flatten()
                .and_then(|p| signature.params.get(p));
            if let Some(param) = param {
                if !param.values.is_empty() && item.is_empty() {
                    let quoted = param.values.first().is_some_and(|v| v.starts_with('\''));
                    let values = Offer::Values(words::quoted_values(function, index));
                    if !quoted && matches!(values, Offer::Values(v) if v.is_empty()) {
                        return Slot::default();
                    }
                    return Slot::only("constant", &[values]);
                }
                if let ParamKind::Types(types) = &param.kind
                    && let [ty] = types.as_slice()
                {
                    expected = Some(*ty);
                }
            }
        }
        if aggregate && function == "count" {
            return Slot::default();
        }
    }
    if evaluated && index == 0 {
        let offers: &[Offer] = if place.operand(item.last()) {
            &[]
        } else {
            &[Offer::Columns(Side::Row)]
        };
        return Slot::only("argument", offers);
    }
    if evaluated && function == "pivot" && index == 1 {
        wanted.aggregates = true;
        wanted.columns = None;
    }
    match expected {
        Some(Type::Bool) => {
            wanted.condition = true;
            examples = Some(Offer::Values(&["true", "false"]));
        }
        Some(Type::TimeSpan) if function == "ago" => {
            examples = Some(Offer::Values(&["1d", "1h", "30min"]));
        }
        _ => {}
    }
    wanted.condition |= wants_condition(function, index);
    // a condition or value of each step: the columns of what is stepped over
    let steps = matches!(function, "all" | "any" | "map") && index == 1 && matches(place);
    if steps {
        wanted.columns = Some(Side::Element);
        wanted.condition |= function != "map";
    }
    let mut slot = expression(place, item, wanted);
    if steps && let Some(Part::Token(element)) = frame.parts.first() {
        slot.element = Some(*element);
    }
    if item.is_empty()
        && let Some(examples) = examples
    {
        slot.add(examples);
    }
    slot.wanted = expected;
    slot
}

/// Is the caret among the aggregates of an operator, and in no aggregate yet?
fn aggregating(place: &Place<'_>) -> bool {
    let Some((word, _, depth)) = place.around() else {
        return false;
    };
    let parts = place.body(&place.frames[depth]).0;
    let clause = match word {
        "summarize" => !place.has(parts, "by"),
        "make-series" => !place.has(parts, "on"),
        "top-nested" => place.has(parts, "by"),
        _ => false,
    };
    clause
        && !place.frames[depth + 1..].iter().any(|f| {
            matches!(f.role, Role::Call(name) if builtins().get(Kind::Aggregate, place.word(name)).is_some())
        })
}

/// Does this argument want a condition?
fn wants_condition(function: &str, index: usize) -> bool {
    match function {
        "iff" | "iif" | "not" | "countif" => index == 0,
        "case" => index.is_multiple_of(2),
        "dcountif" | "sumif" | "avgif" | "minif" | "maxif" | "make_set_if" | "make_list_if"
        | "take_anyif" | "stdevif" | "varianceif" | "make_bag_if" | "count_distinctif" => {
            index == 1
        }
        _ => false,
    }
}

/// What fits in an expression after `item`.
pub(super) fn expression(place: &Place<'_>, item: &[Part], wanted: Wanted) -> Slot {
    let named = wanted.named && item.len() >= 2 && place.part(item.get(1)) == "=";
    let value = if named { &item[2..] } else { item };
    // what stands after the last `and`, `or`
    let joint = value
        .iter()
        .rposition(|p| matches!(place.part(Some(p)), "and" | "or"));
    let segment = joint.map_or(value, |at| &value[at + 1..]);
    let last = segment.last();
    if let Some(Part::Token(i)) = last {
        let kind = place.tokens[*i].kind;
        if matches!(kind, TokenKind::Dot) {
            return member(place, segment);
        }
        if matches!(
            kind,
            TokenKind::Colon | TokenKind::Question | TokenKind::Bad
        ) {
            return Slot::default();
        }
    }
    if place.operand(last) {
        return after_operand(place, segment, joint.is_some(), wanted);
    }
    let test = last.is_some_and(|p| matches!(p, Part::Token(i) if place.is_test(*i)));
    if test
        && matches!(
            place.part(last),
            "in" | "in~" | "!in" | "!in~" | "has_any" | "has_all" | "between" | "!between"
        )
    {
        return Slot::default();
    }
    let context = match wanted.context {
        "where" if test => "where-value",
        "where" if joint.is_some() => "where-more",
        "extend" if named => "extend-value",
        "project" if named => "project-value",
        "summarize" if named => "summarize-value",
        "by" if named => "by-value",
        _ if test => "where-value",
        context => context,
    };
    let mut slot = Slot::only(context, &[Offer::Functions, Offer::ValueStarts]);
    if wanted.aggregates {
        slot.add(Offer::Aggregates);
    }
    if let Some(side) = wanted.columns {
        slot.add(Offer::Columns(side));
    }
    if matches(place) {
        slot.add(Offer::Elements);
    }
    if test {
        slot.add(Offer::Truth);
        if let Some(before) = segment.len().checked_sub(2) {
            slot.operand = Some(place.tokens[segment[before].last()].span.end);
        }
    } else if let [.., before, Part::Token(i)] = segment
        && place.is_infix(*i)
    {
        slot.operand = Some(place.tokens[before.last()].span.end);
    }
    slot
}

/// Is the caret where the pattern of a graph is asked about?
fn matches(place: &Place<'_>) -> bool {
    let Some(("graph-match" | "graph-shortest-paths", _, depth)) = place.around() else {
        return false;
    };
    let parts = &place.frames[depth].parts;
    place.has(parts, "where") || place.has(parts, "project")
}

/// Behind a dot: the columns of a node or edge of a pattern; of other values nothing is known.
fn member(place: &Place<'_>, segment: &[Part]) -> Slot {
    let (before, element) = match segment {
        [before @ .., Part::Token(element), _] => (before.last(), *element),
        _ => return Slot::default(),
    };
    if !matches(place) || place.part(before) == "." {
        return Slot::default();
    }
    Slot {
        element: Some(element),
        ..Slot::only("value", &[Offer::Columns(Side::Element)])
    }
}

fn after_operand(place: &Place<'_>, segment: &[Part], chained: bool, wanted: Wanted) -> Slot {
    let Some(last) = segment.last() else {
        return Slot::default();
    };
    let tests = |p: &Part| matches!(p, Part::Token(i) if place.is_test(*i));
    let before = segment.len().checked_sub(2).map(|at| &segment[at]);
    let group = matches!(last, Part::Group(..));
    let listed = group
        && matches!(
            place.part(before),
            "in" | "in~" | "!in" | "!in~" | "has_any" | "has_all" | "between" | "!between"
        );
    let index = group
        && place.tokens[match last {
            Part::Group(open, _) => *open,
            Part::Token(i) => *i,
        }]
        .kind
            == TokenKind::OpenBracket;
    let called = group
        && !index
        && matches!(before, Some(Part::Token(i)) if place.operand(before) && !place.tokens[*i].is_literal());
    let infix = Infix {
        condition: wanted.condition,
        anything: wanted.anything,
        chained,
        compared: segment.iter().any(tests),
        calculated: segment.iter().any(|p| {
            matches!(p, Part::Token(i) if place.is_infix(*i) && !place.is_test(*i) && place.word(*i) != "=")
        }),
        listed,
        member: index || place.part(before) == ".",
        called,
    };
    if wanted.context == "search" {
        return Slot::default();
    }
    let context = if infix.compared {
        "joints"
    } else if wanted.condition {
        "tests"
    } else {
        "value-end"
    };
    let mut slot = Slot::only(context, &[Offer::Infix(infix)]);
    slot.operand = Some(place.tokens[last.last()].span.end);
    if !wanted.then.is_empty() {
        slot.words(wanted.then);
        slot.context = "then";
    }
    slot
}
