//! Which parameters the operators take, and what may stand right of their `=`: tables.

use crate::kql::keywords::values;

/// What may stand right of `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// a literal, word or name, or nothing
    Any,
    /// reported as missing under this name when absent
    Literal(&'static str),
    /// one of these words, or anything
    Word(&'static [&'static str]),
    Declaration,
    Column,
    ColumnList,
    /// a literal, function call or path
    Text,
}

use Value::{Any, Column, ColumnList, Declaration, Literal, Text, Word};

/// Which names an operator's parameters may have.
#[derive(Clone, Copy)]
pub(super) struct ParameterSet {
    /// Those of this operator.
    pub own: &'static [(&'static str, Value)],
    /// Also all known parameters of any operator.
    pub known: bool,
    /// Only where `=` follows.
    pub equals: bool,
}

const fn own(own: &'static [(&'static str, Value)], equals: bool) -> ParameterSet {
    ParameterSet {
        own,
        known: true,
        equals,
    }
}

const fn only(own: &'static [(&'static str, Value)]) -> ParameterSet {
    ParameterSet {
        own,
        known: false,
        equals: false,
    }
}

const BOOLEAN: Value = Literal("boolean");
const NUMBER: Value = Literal("number");
const STRING: Value = Literal("string");
const PLACES: Value = Word(&["auto", "left", "local", "right", "unresolved"]);

/// Only what any operator takes; the word before may be one of them without its `=`.
pub(super) const NONE: ParameterSet = own(&[], false);
/// Only what any operator takes, where `=` follows.
pub(super) const NONE_EQUALS: ParameterSet = own(&[], true);

pub(super) const JOIN: ParameterSet = own(
    &[("kind", Word(values::JOIN_KINDS)), ("hint.remote", PLACES)],
    true,
);
pub(super) const LOOKUP: ParameterSet = own(&[("kind", Word(values::LOOKUP_KINDS))], true);
pub(super) const MAKE_SERIES: ParameterSet = own(&[("kind", Word(&["nonempty"]))], true);
pub(super) const MV_EXPAND: ParameterSet = own(&[("kind", Word(values::BAG_KINDS))], true);
pub(super) const PARSE: ParameterSet = own(
    &[("kind", Word(values::PARSE_KINDS)), ("flags", Word(&[]))],
    true,
);
pub(super) const PARSE_KV: ParameterSet = only(&[
    ("pair_delimiter", STRING),
    ("kv_delimiter", STRING),
    ("regex", STRING),
    ("quote", STRING),
    ("escape", STRING),
    ("greedy", BOOLEAN),
]);
pub(super) const PARTITION: ParameterSet = own(
    &[("hint.strategy", Word(values::PARTITION_STRATEGIES))],
    false,
);
pub(super) const REDUCE: ParameterSet =
    own(&[("threshold", NUMBER), ("characters", STRING)], false);
pub(super) const SCAN: ParameterSet = own(&[("kind", Word(&["partial", "full"]))], false);
pub(super) const SEARCH: ParameterSet = own(&[("kind", Word(values::SEARCH_KINDS))], true);
pub(super) const SORT: ParameterSet = own(
    &[("hint.strategy", Word(&["splitBlock", "multipleBlocks"]))],
    false,
);
pub(super) const SUMMARIZE: ParameterSet = own(
    &[("hint.strategy", Word(values::SUMMARIZE_STRATEGIES))],
    true,
);
pub(super) const UNION: ParameterSet = own(
    &[
        ("kind", Word(values::UNION_KINDS)),
        ("best_effort", BOOLEAN),
    ],
    true,
);
pub(super) const MAKE_GRAPH: ParameterSet =
    own(&[("hint.strategy", Word(&["shuffle", "native"]))], true);
pub(super) const SHORTEST_PATHS: ParameterSet = own(&[("output", Word(&["any", "all"]))], true);
pub(super) const MARK_COMPONENTS: ParameterSet = own(
    &[
        ("kind", Word(&["weak", "strong"])),
        ("with_component_id", Declaration),
    ],
    true,
);
pub(super) const GRAPH_NODES: ParameterSet = own(&[("with_node_id", Declaration)], true);
pub(super) const GRAPH_EDGES: ParameterSet = own(
    &[
        ("with_source_id", Declaration),
        ("with_target_id", Declaration),
    ],
    true,
);

/// The kinds of a chart.
pub(super) const CHART_KIND: (&str, Value) = ("kind", Word(values::CHART_KINDS));
pub(super) const RENDER: ParameterSet = only(&[
    CHART_KIND,
    ("title", Text),
    ("accumulate", BOOLEAN),
    ("xcolumn", Column),
    ("ycolumns", ColumnList),
    ("anomalycolumns", ColumnList),
    ("series", ColumnList),
    ("xtitle", Text),
    ("ytitle", Text),
    ("xaxis", Word(values::AXES)),
    ("yaxis", Word(values::AXES)),
    ("legend", Word(values::LEGENDS)),
    ("ysplit", Word(values::SPLITS)),
    ("ymin", NUMBER),
    ("ymax", NUMBER),
    ("xmin", Literal("value")),
    ("xmax", Literal("value")),
]);

impl ParameterSet {
    /// What may be the value of a parameter of this set.
    pub fn value_of(&self, name: &str) -> Value {
        match self.own.iter().find(|(own, _)| *own == name) {
            Some((_, value)) => *value,
            None => any_operators(name),
        }
    }
}

/// The parameters of any operator.
fn any_operators(name: &str) -> Value {
    match name {
        "hint.materialized"
        | "hint.progressive_top"
        | "isfuzzy"
        | "__isFuzzy"
        | "decodeblocks"
        | "force_remote" => BOOLEAN,
        "hint.num_partitions" => NUMBER,
        "hint.pass_filters_column" | "hint.shufflekey" | "__packedColumn" => Column,
        "with_match_id" | "with_itemindex" | "withsource" | "with_source" | "with_step_name" => {
            Declaration
        }
        "kind" => Word(&[]),
        "bagexpansion" => Word(values::BAG_KINDS),
        "cycles" => Word(&["none", "all", "unique_edges"]),
        "hint.remote" | "hint.spread" => Word(&["auto", "local"]),
        "hint.strategy" => Word(values::STRATEGIES),
        "hint.concurrency" => PLACES,
        "hint.distribution" => Word(&["single", "per_node", "per_shard", "default"]),
        _ => Any,
    }
}
