//! What fits the place of the caret, as lists still without names: which columns, functions, words.
//!
//! The rules are those of the official language service, found by asking it about many places.

use super::ItemKind;
use super::clause::operator;
use super::place::{Frame, Part, Place, Role};
use super::words;
use crate::kql::binder::probe::Question;
use crate::kql::builtins::{Kind, ParamKind, builtins};
use crate::kql::lexer::TokenKind;
use crate::kql::types::Type;

/// Columns of which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Those piped in; where nothing is, those of all tables if the flag is set.
    Row,
    /// Those of a join's left side.
    Left,
    /// Those of its right side.
    Right,
    /// Those both sides have.
    Common,
    /// Those of all tables.
    All,
}

/// A list of things that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Columns.
    Columns(Side),
    /// Tables, functions that give tables, declared tables.
    Tables,
    /// Scalar functions and declared values.
    Functions,
    /// Aggregates.
    Aggregates,
    /// Plug-ins of `evaluate`.
    PlugIns,
    /// Functions that take piped rows.
    Invoked,
    /// `datetime(`, `toscalar(` and the like.
    ValueStarts,
    /// Operators between operands, by the type of the operand before.
    Infix(Infix),
    /// `true`, `false` if the operand before is a bool.
    Truth,
    /// These words.
    Words(&'static [&'static str], ItemKind),
    /// Names of parameters, written with `=`.
    Parameters(&'static [&'static str]),
    /// Functions that give tables, where a call is written.
    Calls,
    /// Values the parameter of a function may have.
    Values(&'static [&'static str]),
}

/// What is known of the operand before an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Infix {
    /// A condition is wanted.
    pub(super) condition: bool,
    /// Anything is wanted (`let x = `).
    pub(super) anything: bool,
    /// There is an `and`, `or` before.
    pub(super) chained: bool,
    /// It was compared already.
    pub(super) compared: bool,
    /// It was calculated with.
    pub(super) calculated: bool,
    /// It ends in a list: `in (...)`.
    pub(super) listed: bool,
    /// It is a member of a dynamic value.
    pub(super) member: bool,
    /// It is a call.
    pub(super) called: bool,
}

/// What fits.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// The place's name in the ranking table.
    pub(super) context: &'static str,
    /// The operator before the pipe the caret is after.
    pub(super) after: Option<&'static str>,
    /// The lists.
    pub(super) offers: Vec<Offer>,
    /// Where the operator's word starts whose row is seen.
    pub(super) operator: Option<u32>,
    /// Where the operand ends whose type counts.
    pub(super) operand: Option<u32>,
    /// Where the function's body opens that the caret is in.
    pub(super) body: Option<u32>,
    /// The type that is wanted, where the function's argument says it.
    pub(super) wanted: Option<Type>,
    /// Names written already that are not wanted again: places in the text.
    pub(super) written: Vec<usize>,
}

/// What an expression is written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) context: &'static str,
    pub(super) condition: bool,
    pub(super) anything: bool,
    pub(super) aggregates: bool,
    pub(super) columns: Option<Side>,
    /// Words that may follow an operand.
    pub(super) then: &'static [&'static str],
    /// `name =` heads the item.
    pub(super) named: bool,
}

pub(super) const VALUE: Wanted = Wanted {
    context: "value",
    condition: false,
    anything: false,
    aggregates: false,
    columns: Some(Side::Row),
    then: &[],
    named: true,
};

impl Slot {
    /// What the binder is asked.
    pub(super) fn question(&self) -> Question {
        Question {
            operator: self.operator,
            operand: self.operand,
            body: self.body,
        }
    }

    pub(super) fn add(&mut self, offer: Offer) {
        self.offers.push(offer);
    }

    pub(super) fn words(&mut self, words: &'static [&'static str]) {
        self.add(Offer::Words(words, ItemKind::Keyword));
    }

    pub(super) fn only(context: &'static str, offers: &[Offer]) -> Self {
        Self {
            context,
            offers: offers.to_vec(),
            ..Self::default()
        }
    }
}

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
            let operators = Offer::Words(words::OPERATORS, ItemKind::Operator);
            return Slot {
                after: Some(frame.before),
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

/// How expressions are wanted around an argument, a group: what the operator says of the row.
fn scalar(place: &Place<'_>) -> Wanted {
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
        _ => Some(Side::Row),
    };
    Wanted { columns, ..VALUE }
}

/// Inside `( ... )` around a value: as outside.
fn group(place: &Place<'_>, frame: &Frame) -> Slot {
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
fn argument(place: &Place<'_>, frame: &Frame, name: usize) -> Slot {
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
    let mut slot = expression(place, item, wanted);
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
            return Slot::default();
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
