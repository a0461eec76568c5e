//! What fits inside the clauses of each operator.

use super::ItemKind;
use super::expression::expression;
use super::place::{Part, Place};
use super::slot::{Offer, Side, Slot, VALUE, Wanted};
use super::words;

/// What fits after an operator's word and `rest`.
pub(super) fn operator(place: &Place<'_>, word: &'static str, rest: &[Part]) -> Slot {
    let (rest, value) = parameters(place, word, rest);
    if let Some(parameter) = value {
        let values = words::values(word, parameter);
        return Slot::only("parameter", &[Offer::Words(values, ItemKind::Value)]);
    }
    let mut slot = clause(place, word, rest);
    if rest.is_empty() {
        slot.add(Offer::Parameters(words::parameters(word)));
    }
    slot
}

/// What is left after the operator's parameters; the second is the parameter whose value is missing.
fn parameters<'p, 't>(
    place: &Place<'t>,
    word: &str,
    rest: &'p [Part],
) -> (&'p [Part], Option<&'t str>) {
    let mut rest = rest;
    while let [name, equal, tail @ ..] = rest {
        if place.part(Some(equal)) != "=" || !words::is_parameter(word, place.part(Some(name))) {
            break;
        }
        match tail {
            [] => return (tail, Some(place.part(Some(name)))),
            [_, tail @ ..] => rest = tail,
        }
    }
    (rest, None)
}

const ROW: Wanted = Wanted {
    context: "value",
    ..VALUE
};

fn clause(place: &Place<'_>, word: &'static str, rest: &[Part]) -> Slot {
    let item = place.item(rest);
    let last_of = |words: &[&'static str]| -> Option<(&'static str, usize)> {
        words
            .iter()
            .filter_map(|w| place.find(rest, w).map(|at| (*w, at)))
            .max_by_key(|(_, at)| *at)
    };
    match word {
        "where" | "filter" | "graph-where-nodes" | "graph-where-edges" => {
            let wanted = Wanted {
                context: "where",
                condition: true,
                ..ROW
            };
            expression(place, rest, wanted)
        }
        "extend" | "serialize" => {
            let mut slot = expression(
                place,
                item,
                Wanted {
                    context: "extend",
                    ..ROW
                },
            );
            slot.written = names(rest);
            slot
        }
        "project" | "project-rename" | "distinct" => {
            let mut slot = expression(
                place,
                item,
                Wanted {
                    context: "project",
                    ..ROW
                },
            );
            slot.written = names(rest);
            slot
        }
        "print" => {
            let wanted = Wanted {
                columns: None,
                ..ROW
            };
            expression(place, item, wanted)
        }
        "project-away" | "project-keep" | "project-reorder" | "project-by-names" => {
            let mut slot = if place.operand(item.last()) || !item.is_empty() {
                let mut slot = Slot::only("direction", &[]);
                if word == "project-reorder" && place.operand(item.last()) {
                    slot.words(&["asc", "desc", "granny-asc", "granny-desc"]);
                }
                slot
            } else {
                Slot::only("project", &[Offer::Columns(Side::Row), Offer::Functions])
            };
            slot.written = names(rest);
            slot
        }
        "summarize" => summarize(place, rest, &["by"]),
        "make-series" => series(place, rest),
        "sort" | "order" => match rest {
            [] => by("by"),
            [_, rest @ ..] => {
                let mut slot = sorted(place, place.item(rest));
                slot.written = names(rest);
                slot
            }
        },
        "top" => match last_of(&["by"]) {
            None => count(place, rest, &["by"], true),
            Some((_, at)) => sorted(place, &rest[at + 1..]),
        },
        "take" | "limit" => count(place, rest, &[], true),
        "sample" => count(place, rest, &[], false),
        "sample-distinct" => match last_of(&["of"]) {
            None => count(place, rest, &["of"], false),
            Some((_, at)) => expression(
                place,
                &rest[at + 1..],
                Wanted {
                    context: "by",
                    ..ROW
                },
            ),
        },
        "top-hitters" => match last_of(&["of", "by"]) {
            None => count(place, rest, &["of"], true),
            Some(("of", at)) => {
                let then: &[&str] = &["by"];
                expression(
                    place,
                    &rest[at + 1..],
                    Wanted {
                        context: "by",
                        then,
                        ..ROW
                    },
                )
            }
            Some((_, at)) => expression(
                place,
                &rest[at + 1..],
                Wanted {
                    context: "by",
                    ..ROW
                },
            ),
        },
        "top-nested" => match last_of(&["of", "by", ","]) {
            Some(("of", at)) => {
                let then: &[&str] = &["by", "with"];
                expression(
                    place,
                    &rest[at + 1..],
                    Wanted {
                        context: "by",
                        then,
                        ..ROW
                    },
                )
            }
            Some(("by", at)) => {
                let wanted = Wanted {
                    context: "summarize",
                    aggregates: true,
                    columns: None,
                    then: words::DIRECTIONS,
                    ..ROW
                };
                expression(place, &rest[at + 1..], wanted)
            }
            _ => count(place, item, &["of"], false),
        },
        "join" | "lookup" => match place.find(rest, "on") {
            None if rest.is_empty() => {
                let mut slot = Slot::only("join", &[Offer::Tables]);
                slot.words(words::LITERAL_TABLES);
                slot
            }
            None if place.operand(rest.last()) => by("on"),
            None => Slot::default(),
            Some(at) => joined_on(place, &rest[at + 1..]),
        },
        "union" => {
            if item.is_empty() {
                Slot::only("union", &[Offer::Tables])
            } else {
                Slot::default()
            }
        }
        "mv-expand" | "mvexpand" | "mv-apply" | "mvapply" => expanded(place, word, rest),
        "parse" | "parse-where" => match place.find(rest, "with") {
            None => {
                let wanted = Wanted {
                    context: "parse",
                    then: &["with"],
                    named: false,
                    ..ROW
                };
                expression(place, rest, wanted)
            }
            Some(_) if place.part(rest.last()) == ":" => {
                Slot::only("type", &[Offer::Words(words::TYPES, ItemKind::Type)])
            }
            Some(_) => Slot::default(),
        },
        "parse-kv" => match place.find(rest, "as") {
            None => {
                let wanted = Wanted {
                    context: "parse",
                    then: &["as"],
                    named: false,
                    ..ROW
                };
                expression(place, rest, wanted)
            }
            Some(_) => Slot::default(),
        },
        "evaluate" if rest.is_empty() => Slot::only("evaluate", &[Offer::PlugIns]),
        "invoke" if rest.is_empty() => Slot::only("invoke", &[Offer::Invoked]),
        "render" => match rest {
            [] => Slot::only("render", &[Offer::Words(words::CHARTS, ItemKind::Value)]),
            [_] => by("with"),
            _ => Slot::default(),
        },
        "search" | "find" => searched(place, word, rest),
        "range" => match last_of(&["from", "to", "step"]) {
            None => match rest {
                [_] => by("from"),
                _ => Slot::default(),
            },
            Some((clause, at)) => {
                let then: &[&str] = match clause {
                    "from" => &["to"],
                    "to" => &["step"],
                    _ => &[],
                };
                let wanted = Wanted {
                    then,
                    columns: None,
                    named: false,
                    ..ROW
                };
                expression(place, &rest[at + 1..], wanted)
            }
        },
        "reduce" => match last_of(&["by", "with"]) {
            None => by("by"),
            Some(("by", at)) => {
                let then: &[&str] = &["with"];
                expression(
                    place,
                    &rest[at + 1..],
                    Wanted {
                        context: "by",
                        then,
                        ..ROW
                    },
                )
            }
            Some((_, at)) if at + 1 == rest.len() => {
                Slot::only("reduce", &[Offer::Parameters(&["characters", "threshold"])])
            }
            Some(_) => Slot::default(),
        },
        "facet" | "partition" => match rest {
            [] => by("by"),
            [_] => Slot::only("by", &[Offer::Columns(Side::Row), Offer::Functions]),
            _ => Slot::default(),
        },
        "make-graph" => {
            let nodes = place.has(rest, "with");
            if place.part(rest.last()) == "with" || nodes && item.is_empty() {
                let mut slot = Slot::only("join", &[Offer::Tables]);
                slot.words(words::LITERAL_TABLES);
                slot
            } else if nodes && place.has(item, "on") {
                Slot::default()
            } else if nodes {
                by("on")
            } else if rest.len() < 2 || matches!(place.part(rest.last()), "on" | ">") {
                Slot::only("by", &[Offer::Columns(Side::Row)])
            } else {
                by("with")
            }
        }
        "graph-match" | "graph-shortest-paths" => match last_of(&["where", "project"]) {
            None => Slot::only(
                "graph",
                &[Offer::Words(&["project", "where"], ItemKind::Keyword)],
            ),
            Some((clause, at)) => {
                let wanted = Wanted {
                    condition: clause == "where",
                    columns: None,
                    ..ROW
                };
                expression(place, place.item(&rest[at + 1..]), wanted)
            }
        },
        "graph-to-table" => match item {
            [] => Slot::only(
                "graph",
                &[Offer::Words(&["edges", "nodes"], ItemKind::Keyword)],
            ),
            [_] => Slot::only("then", &[Offer::Words(&["as"], ItemKind::Keyword)]),
            _ => Slot::default(),
        },
        "scan" if rest.is_empty() => Slot::only(
            "scan",
            &[Offer::Words(&["declare", "with"], ItemKind::Keyword)],
        ),
        _ => Slot::default(),
    }
}

/// One keyword.
fn by(word: &'static str) -> Slot {
    let words: &'static [&'static str] = match word {
        "by" => &["by"],
        "on" => &["on"],
        "with" => &["with"],
        _ => &["from"],
    };
    Slot::only("then", &[Offer::Words(words, ItemKind::Keyword)])
}

/// The tokens that are names on their own.
fn names(parts: &[Part]) -> Vec<usize> {
    parts
        .iter()
        .filter_map(|p| match p {
            Part::Token(i) => Some(*i),
            Part::Group(..) => None,
        })
        .collect()
}

/// How many rows.
fn count(place: &Place<'_>, rest: &[Part], then: &'static [&'static str], examples: bool) -> Slot {
    let wanted = Wanted {
        context: "count",
        then,
        ..ROW
    };
    let mut slot = expression(place, rest, wanted);
    if rest.is_empty() && examples {
        slot.add(Offer::Values(&["10", "100", "1000"]));
    }
    slot
}

/// A key to sort by, and how.
fn sorted(place: &Place<'_>, item: &[Part]) -> Slot {
    match place.part(item.last()) {
        "asc" | "desc" | "granny-asc" | "granny-desc" => {
            return Slot::only("direction", &[Offer::Words(&["nulls"], ItemKind::Keyword)]);
        }
        "nulls" => {
            return Slot::only(
                "direction",
                &[Offer::Words(&["first", "last"], ItemKind::Keyword)],
            );
        }
        "first" | "last" if item.len() > 1 => return Slot::default(),
        _ => {}
    }
    let wanted = Wanted {
        context: "sort",
        then: words::DIRECTIONS,
        ..ROW
    };
    expression(place, item, wanted)
}

fn summarize(place: &Place<'_>, rest: &[Part], then: &'static [&'static str]) -> Slot {
    if let Some(at) = place.find(rest, "by") {
        let rest = &rest[at + 1..];
        let mut slot = expression(
            place,
            place.item(rest),
            Wanted {
                context: "by",
                ..ROW
            },
        );
        slot.written = names(rest);
        return slot;
    }
    let wanted = Wanted {
        context: "summarize",
        aggregates: true,
        columns: None,
        then,
        ..ROW
    };
    let mut slot = expression(place, place.item(rest), wanted);
    if rest.is_empty() {
        slot.words(&["by"]);
    }
    slot
}

fn series(place: &Place<'_>, rest: &[Part]) -> Slot {
    let clause = ["on", "from", "to", "step", "by"]
        .into_iter()
        .filter_map(|w| place.find(rest, w).map(|at| (w, at)))
        .max_by_key(|(_, at)| *at);
    let Some((clause, at)) = clause else {
        let item = place.item(rest);
        if place.part(item.last()) == "default" {
            return Slot::default();
        }
        if place.has(item, "default") {
            return by("on");
        }
        return summarize(place, rest, &["default", "on"]);
    };
    let rest = &rest[at + 1..];
    let (context, then): (_, &'static [&'static str]) = match clause {
        "on" => ("by", &["from", "step", "to"]),
        "from" => ("value", &["step", "to"]),
        "to" => ("value", &["step"]),
        "step" => ("value", &["by"]),
        _ => ("by", &[]),
    };
    let wanted = Wanted {
        context,
        then,
        named: matches!(clause, "on" | "by"),
        ..ROW
    };
    let item = if clause == "by" {
        place.item(rest)
    } else {
        rest
    };
    let mut slot = expression(place, item, wanted);
    slot.written = names(rest);
    if clause == "on" && rest.is_empty() {
        slot.wanted = Some(crate::kql::types::Type::DateTime);
    }
    slot
}

fn expanded(place: &Place<'_>, word: &str, rest: &[Part]) -> Slot {
    let item = place.item(rest);
    let applies = matches!(word, "mv-apply" | "mvapply");
    if place.part(item.last()) == "on" && applies || place.part(item.last()) == "to" {
        return Slot::default();
    }
    if let Some(at) = place.find(item, "limit") {
        let wanted = Wanted {
            named: false,
            then: if applies { &["on"] } else { &[] },
            ..ROW
        };
        return expression(place, &item[at + 1..], wanted);
    }
    if place.has(item, "to") {
        return if applies {
            Slot::only("then", &[Offer::Words(&["limit", "on"], ItemKind::Keyword)])
        } else {
            Slot::only("then", &[Offer::Words(&["limit"], ItemKind::Keyword)])
        };
    }
    let wanted = Wanted {
        context: "expand",
        then: if applies {
            &["limit", "on", "to"]
        } else {
            &["limit", "to"]
        },
        ..ROW
    };
    expression(place, item, wanted)
}

fn searched(place: &Place<'_>, word: &str, rest: &[Part]) -> Slot {
    let piped = place.frame().piped;
    let rest = match rest {
        [first, Part::Group(..), rest @ ..] if place.part(Some(first)) == "in" => rest,
        _ => rest,
    };
    let rest = match rest {
        [first, rest @ ..] if place.part(Some(first)) == "where" => rest,
        _ if word == "find" => {
            let mut slot = Slot::only("find", &[Offer::Columns(Side::All)]);
            slot.words(&["in", "where"]);
            return if rest.is_empty() {
                slot
            } else {
                Slot::default()
            };
        }
        _ => rest,
    };
    let wanted = Wanted {
        context: if word == "search" { "search" } else { "where" },
        condition: true,
        columns: Some(if piped { Side::Row } else { Side::All }),
        named: false,
        then: if word == "find" { &["project"] } else { &[] },
        ..ROW
    };
    let mut slot = expression(place, rest, wanted);
    if rest.is_empty() && word == "search" {
        slot.words(&["in"]);
    }
    slot
}

/// The condition of a join.
fn joined_on(place: &Place<'_>, rest: &[Part]) -> Slot {
    let item = place.item(rest);
    let item = match place.find(item, "and") {
        Some(at) => &item[at + 1..],
        None => item,
    };
    let sides = Offer::Words(&["$left", "$right"], ItemKind::Variable);
    if let [.., side, dot] = item
        && place.part(Some(dot)) == "."
    {
        let side = match place.part(Some(side)) {
            "$left" => Side::Left,
            "$right" => Side::Right,
            _ => return Slot::default(),
        };
        return Slot::only("on", &[Offer::Columns(side)]);
    }
    match item {
        [] => {
            let mut slot = Slot::only("on", &[Offer::Columns(Side::Common), sides]);
            slot.written = names(rest);
            slot
        }
        [.., test] if place.part(Some(test)) == "==" => Slot::only(
            "on",
            &[
                Offer::Columns(Side::Common),
                sides,
                Offer::Functions,
                Offer::ValueStarts,
            ],
        ),
        [side, _, _] if place.part(Some(side)).starts_with('$') => {
            Slot::only("tests", &[Offer::Words(&["=="], ItemKind::ScalarOperator)])
        }
        _ => Slot::default(),
    }
}
