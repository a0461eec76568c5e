//! The lints as a table.

/// A lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `NJ001`.
    pub code: &'static str,
    /// Its name, as it is written to silence it: `no-time-filter`.
    pub name: &'static str,
    /// Why it matters, in a sentence or two.
    pub reason: &'static str,
}

/// All lints, by code.
pub const fn rules() -> &'static [Rule] {
    RULES
}

const fn rule(code: &'static str, name: &'static str, reason: &'static str) -> Rule {
    Rule { code, name, reason }
}

pub(super) const UNKNOWN_ALLOW: &str = "NJ000";
pub(super) const NO_TIME_FILTER: &str = "NJ001";
pub(super) const CONTAINS_WORD: &str = "NJ002";
pub(super) const ALL_TABLES: &str = "NJ003";
pub(super) const REGEX_FIRST: &str = "NJ004";
pub(super) const NEEDLESS_REGEX: &str = "NJ005";
pub(super) const LARGE_LEFT_JOIN: &str = "NJ006";
pub(super) const SORT_THEN_TAKE: &str = "NJ007";
pub(super) const LOST_SORT: &str = "NJ008";
pub(super) const NOT_A_DETECTION: &str = "NJ009";
pub(super) const OLD_TABLE: &str = "NJ010";
pub(super) const OLD_FUNCTION: &str = "NJ011";
pub(super) const JOIN_WITHOUT_KIND: &str = "NJ012";
pub(super) const CASE_OF_NAME: &str = "NJ013";
pub(super) const LOWERED: &str = "NJ014";
pub(super) const NEVER_EQUAL: &str = "NJ015";
pub(super) const HAS_WITHOUT_WORD: &str = "NJ016";
pub(super) const UNUSED_LET: &str = "NJ017";
pub(super) const UNUSED_COLUMN: &str = "NJ018";
pub(super) const LATE_FILTER: &str = "NJ019";
pub(super) const NULL_TEXT: &str = "NJ020";
pub(super) const COUNT_AFTER_TAKE: &str = "NJ021";
pub(super) const TIME_BACKWARDS: &str = "NJ022";
pub(super) const STAR_IN_NAME: &str = "NJ023";

const RULES: &[Rule] = &[
    rule(
        UNKNOWN_ALLOW,
        "unknown-allow",
        "A comment silences a lint that does not exist, so it silences nothing.",
    ),
    rule(
        NO_TIME_FILTER,
        "no-time-filter",
        "Event tables are stored by time: without a filter on it all that is kept is read, against the \
         time limit and the tenant's share of CPU.",
    ),
    rule(
        CONTAINS_WORD,
        "contains-word",
        "`contains` reads every character of every row; `has` looks a whole word up in the index.",
    ),
    rule(
        ALL_TABLES,
        "all-tables",
        "`search`, `find` and `union *` without tables read everything there is and often exceed the limits.",
    ),
    rule(
        REGEX_FIRST,
        "regex-first",
        "A regular expression is the dearest test of all; cheap ones before it leave it fewer rows.",
    ),
    rule(
        NEEDLESS_REGEX,
        "needless-regex",
        "A pattern without special characters says the same as a text operator, which is cheaper and \
         easier to read.",
    ),
    rule(
        LARGE_LEFT_JOIN,
        "large-left-join",
        "The left side of an inner join is the one that is kept in memory: the smaller table belongs there.",
    ),
    rule(
        SORT_THEN_TAKE,
        "sort-then-take",
        "`top` keeps the best rows while it reads; `sort` orders all of them first.",
    ),
    rule(
        LOST_SORT,
        "lost-sort",
        "What follows does not keep the order, so the rows are sorted for nothing.",
    ),
    rule(
        NOT_A_DETECTION,
        "not-a-detection",
        "A custom detection needs the time of the event, what identifies it, and an entity to raise the \
         alert on. Only asked of queries that say `// nightjar: detection`.",
    ),
    rule(
        OLD_TABLE,
        "old-table",
        "The table is being retired; queries kept outside the portal are not migrated.",
    ),
    rule(
        OLD_FUNCTION,
        "old-function",
        "The function is obsolete: its replacement does the same and will stay.",
    ),
    rule(
        JOIN_WITHOUT_KIND,
        "join-without-kind",
        "Without a kind, join is innerunique: of the left rows with the same key only one is kept, whichever.",
    ),
    rule(
        CASE_OF_NAME,
        "case-of-name",
        "Names of files, devices and accounts arrive in upper and lower case, as the machine reports them; \
         `==` and `in` only find the one spelling.",
    ),
    rule(
        LOWERED,
        "lowered",
        "Changing the case of every row keeps the index from being used; operators that ignore case do not.",
    ),
    rule(
        NEVER_EQUAL,
        "never-equal",
        "A text in lower case never equals one with capitals, and the other way round.",
    ),
    rule(
        HAS_WITHOUT_WORD,
        "has-without-word",
        "`has` looks for whole words; a text without letters or digits has none to look up.",
    ),
    rule(UNUSED_LET, "unused-let", "A name nobody uses."),
    rule(
        UNUSED_COLUMN,
        "unused-column",
        "The column is computed for every row, then neither used nor shown.",
    ),
    rule(
        LATE_FILTER,
        "late-filter",
        "The filter only looks at what is grouped by: before the summarize it saves the work.",
    ),
    rule(
        NULL_TEXT,
        "null-text",
        "A string is never null, only empty: `isnull` is always false for it, `isnotnull` always true.",
    ),
    rule(
        COUNT_AFTER_TAKE,
        "count-after-take",
        "Counting rows that were just cut off counts the cut, not the events.",
    ),
    rule(
        TIME_BACKWARDS,
        "time-backwards",
        "`Timestamp < ago(1d)` keeps what is older than a day; the latest day is `Timestamp > ago(1d)`.",
    ),
    rule(
        STAR_IN_NAME,
        "star-in-name",
        "No operator knows wildcards: a star is compared as it stands. startswith, endswith and contains say \
         the same without it.",
    ),
];
