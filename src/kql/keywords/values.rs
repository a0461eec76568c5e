//! The words an operator's parameter may be: what stands right of `=`.
//!
//! In the order of letters, as they are offered; a parameter that is not here takes anything, or no word.

/// Of `join`.
pub const JOIN_KINDS: &[&str] = &[
    "anti",
    "fullouter",
    "inner",
    "innerunique",
    "leftanti",
    "leftantisemi",
    "leftouter",
    "leftsemi",
    "rightanti",
    "rightantisemi",
    "rightouter",
    "rightsemi",
];
/// Of `lookup`.
pub const LOOKUP_KINDS: &[&str] = &["inner", "leftouter"];
/// Of `union`.
pub const UNION_KINDS: &[&str] = &["inner", "outer"];
/// Of `mv-expand`, as `kind` or `bagexpansion`.
pub const BAG_KINDS: &[&str] = &["array", "bag"];
/// Of `parse` and `parse-where`.
pub const PARSE_KINDS: &[&str] = &["regex", "relaxed", "simple"];
/// Of `search`.
pub const SEARCH_KINDS: &[&str] = &["case_insensitive", "case_sensitive", "default"];

/// How the work of a join is parted, and of any operator without a list of its own.
pub const STRATEGIES: &[&str] = &["auto", "broadcast", "centralized", "shuffle"];
/// Of `partition`.
pub const PARTITION_STRATEGIES: &[&str] = &["legacy", "native", "shuffle"];
/// Of `summarize`, and what others are offered.
pub const SUMMARIZE_STRATEGIES: &[&str] = &["shuffle"];

/// Of `render`.
pub const CHART_KINDS: &[&str] = &["default", "map", "stacked", "stacked100", "unstacked"];
/// Of `render`: `xaxis` and `yaxis`.
pub const AXES: &[&str] = &["linear", "log"];
/// Of `render`: `legend`.
pub const LEGENDS: &[&str] = &["hidden", "visible"];
/// Of `render`: `ysplit`.
pub const SPLITS: &[&str] = &["axes", "none", "panels"];
