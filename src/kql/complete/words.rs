//! The closed lists of words that fit a place, as the official language service offers them.

use crate::kql::keywords::{PIPED_OPERATORS, REST_OPERATORS, values as kinds};

/// The operator of this word.
pub(super) fn operator(word: &str) -> Option<&'static str> {
    PIPED_OPERATORS
        .iter()
        .chain(REST_OPERATORS)
        .chain(&["project-smart"]) // a part of `find`
        .find(|o| **o == word)
        .copied()
}

/// Operators a query may start with.
pub(super) fn starts_query(word: &str) -> bool {
    matches!(
        word,
        "find" | "print" | "range" | "search" | "union" | "evaluate" | "invoke"
    )
}

/// What a query may start with, tables aside.
pub(super) const SOURCES: &[&str] = &[
    "datatable",
    "evaluate",
    "externaldata",
    "find",
    "inline_external_table",
    "macro-expand",
    "print",
    "search",
    "union",
];

/// What a joined table may be, tables aside.
pub(super) const LITERAL_TABLES: &[&str] = &["datatable", "externaldata", "inline_external_table"];

/// Functions that give tables or lead to them.
pub(super) const TABLE_FUNCTIONS: &[&str] = &[
    "cluster",
    "database",
    "entity_group",
    "external_table",
    "graph",
    "materialized_view",
    "stored_query_result",
    "table",
];

/// Words a value may start with: typed literals and `toscalar`.
pub(super) const VALUE_STARTS: &[&str] = &[
    "datetime", "decimal", "double", "dynamic", "guid", "int", "long", "real", "timespan",
    "toscalar",
];

/// Names of types in declarations.
pub(super) const TYPES: &[&str] = &[
    "bool", "datetime", "decimal", "dynamic", "guid", "int", "long", "real", "string", "timespan",
];

/// Operators after a string.
pub(super) const TEXT_TESTS: &[&str] = &[
    "!=",
    "!contains",
    "!contains_cs",
    "!endswith",
    "!endswith_cs",
    "!has",
    "!has_cs",
    "!hasprefix",
    "!hasprefix_cs",
    "!hassuffix",
    "!hassuffix_cs",
    "!in",
    "!in~",
    "!startswith",
    "!startswith_cs",
    "!~",
    "==",
    "=~",
    "contains",
    "contains_cs",
    "endswith",
    "endswith_cs",
    "has",
    "has_all",
    "has_any",
    "has_cs",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "in",
    "in~",
    "matches regex",
    "startswith",
    "startswith_cs",
];

/// Operators after a number or a time.
pub(super) const COMPARISONS: &[&str] = &[
    "!=", "!between", "!in", "<", "<=", "==", ">", ">=", "between", "in",
];

/// What [`COMPARISONS`] has and [`TEXT_TESTS`] lacks.
pub(super) const ORDER_TESTS: &[&str] = &["!between", "<", "<=", ">", ">=", "between"];

/// Operators after a value of unknown type.
pub(super) const ANY_TESTS: &[&str] = &[
    "!=", "!between", "!in", "!in~", "<", "<=", "==", ">", ">=", "between", "has_all", "has_any",
    "in", "in~",
];

/// Operators that calculate.
pub(super) const ARITHMETIC: &[&str] = &["%", "*", "+", "-", "/"];

/// Operators between conditions.
pub(super) const LOGIC: &[&str] = &["and", "or"];

/// How a column is sorted.
pub(super) const DIRECTIONS: &[&str] = &["asc", "desc", "nulls"];

/// Charts.
pub(super) const CHARTS: &[&str] = &[
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
];

/// Properties of `render ... with (`.
pub(super) const CHART_PROPERTIES: &[&str] = &[
    "accumulate",
    "anomalycolumns",
    "kind",
    "legend",
    "series",
    "title",
    "xaxis",
    "xcolumn",
    "xmax",
    "xmin",
    "xtitle",
    "yaxis",
    "ycolumns",
    "ymax",
    "ymin",
    "ysplit",
    "ytitle",
];

/// Properties of `parse-kv ... with (`.
pub(super) const PAIR_PROPERTIES: &[&str] = &[
    "escape",
    "greedy",
    "kv_delimiter",
    "pair_delimiter",
    "quote",
    "regex",
];

/// Options of `set`.
pub(super) const OPTIONS: &[&str] = &[
    "best_effort",
    "maxmemoryconsumptionperiterator",
    "norequesttimeout",
    "notruncation",
    "query_datetimescope_column",
    "query_datetimescope_from",
    "query_datetimescope_to",
    "query_now",
    "query_results_cache_max_age",
    "query_take_max_records",
    "servertimeout",
    "truncationmaxrecords",
    "truncationmaxsize",
];

/// The parameters of an operator.
pub(super) fn parameters(operator: &str) -> &'static [&'static str] {
    match operator {
        "join" => &[
            "hint.num_partitions",
            "hint.remote",
            "hint.shufflekey",
            "hint.strategy",
            "kind",
        ],
        "lookup" | "getschema" => &["kind"],
        "union" => &[
            "best_effort",
            "hint.concurrency",
            "hint.spread",
            "isfuzzy",
            "kind",
            "withsource",
        ],
        "summarize" | "distinct" => &["hint.num_partitions", "hint.shufflekey", "hint.strategy"],
        "make-series" => &["hint.shufflekey", "kind"],
        "mv-expand" | "mvexpand" => &["kind", "with_itemindex"],
        "mv-apply" | "mvapply" => &["with_itemindex"],
        "parse" | "parse-where" => &["flags", "kind"],
        "evaluate" => &["hint.distribution", "hint.remote"],
        "search" | "reduce" => &["kind"],
        "partition" => &[
            "hint.concurrency",
            "hint.materialized",
            "hint.shufflekey",
            "hint.spread",
            "hint.strategy",
        ],
        "as" => &["hint.materialized"],
        "top" => &["hint.progressive_top"],
        "make-graph" => &["hint.strategy"],
        "scan" => &["with_match_id"],
        "find" => &["withsource"],
        _ => &[],
    }
}

/// The values of an operator's parameter.
pub(super) fn values(operator: &str, parameter: &str) -> &'static [&'static str] {
    match (operator, parameter) {
        ("join", "kind") => kinds::JOIN_KINDS,
        ("lookup", "kind") => kinds::LOOKUP_KINDS,
        ("union", "kind") => kinds::UNION_KINDS,
        ("union", "isfuzzy" | "best_effort") => &["false", "true"],
        ("join", "hint.strategy") => kinds::STRATEGIES,
        ("partition", "hint.strategy") => kinds::PARTITION_STRATEGIES,
        (_, "hint.strategy") => kinds::SUMMARIZE_STRATEGIES,
        ("mv-expand" | "mvexpand", "kind" | "bagexpansion") => kinds::BAG_KINDS,
        ("parse" | "parse-where", "kind") => kinds::PARSE_KINDS,
        ("search", "kind") => kinds::SEARCH_KINDS,
        ("render", "kind") => kinds::CHART_KINDS,
        ("render", "legend") => kinds::LEGENDS,
        ("render", "xaxis" | "yaxis") => kinds::AXES,
        ("render", "accumulate") => &["false", "true"],
        ("render", "ysplit") => kinds::SPLITS,
        _ => &[],
    }
}

/// Is this the name of an operator's parameter?
pub(super) fn is_parameter(operator: &str, word: &str) -> bool {
    word.starts_with("hint.")
        || matches!(word, "bagexpansion" | "with_source" | "__isFuzzy")
        || parameters(operator).contains(&word)
}

/// The closed lists of string arguments.
pub(super) fn quoted_values(function: &str, index: usize) -> &'static [&'static str] {
    match (function, index) {
        ("datetime_diff" | "datetime_add", 0) => &[
            "'day'",
            "'hour'",
            "'microsecond'",
            "'millisecond'",
            "'minute'",
            "'month'",
            "'nanosecond'",
            "'quarter'",
            "'second'",
            "'week'",
            "'year'",
        ],
        ("datetime_part", 0) => &[
            "'day'",
            "'dayofyear'",
            "'hour'",
            "'microsecond'",
            "'millisecond'",
            "'minute'",
            "'month'",
            "'nanosecond'",
            "'quarter'",
            "'second'",
            "'week_of_year'",
            "'year'",
        ],
        _ => &[],
    }
}
