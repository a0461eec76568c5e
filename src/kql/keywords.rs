//! The reserved words of the language, as a table.
//!
//! Words holding other characters than letters (`mv-expand`, `hint.strategy`, `matches regex`,
//! `!in~`) are words as well: the longest one that fits wins.

/// Where a word may also serve as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsName {
    /// nowhere without brackets
    Never,
    /// where only a name can stand: left of `=`, in declarations
    InDeclarations,
    /// anywhere
    Anywhere,
}

use AsName::{Anywhere, InDeclarations, Never};

/// All reserved words in order of their bytes.
pub const WORDS: &[(&str, AsName)] = &[
    ("!between", Never),
    ("!contains", Never),
    ("!contains_cs", Never),
    ("!endswith", Never),
    ("!endswith_cs", Never),
    ("!has", Never),
    ("!has_cs", Never),
    ("!hasprefix", Never),
    ("!hasprefix_cs", Never),
    ("!hassuffix", Never),
    ("!hassuffix_cs", Never),
    ("!in", Never),
    ("!in~", Never),
    ("!startswith", Never),
    ("!startswith_cs", Never),
    ("3Dchart", Never),
    ("__contextual_datatable", Never),
    ("__crossCluster", Never),
    ("__crossDB", Never),
    ("__executeAndCache", Never),
    ("__id", Never),
    ("__isFuzzy", Never),
    ("__noWithSource", Never),
    ("__packedColumn", Never),
    ("__partitionby", Anywhere),
    ("__projectAway", Never),
    ("__sourceColumnIndex", Never),
    ("access", Anywhere),
    ("accumulate", InDeclarations),
    ("alias", Anywhere),
    ("and", Never),
    ("anomalychart", Never),
    ("areachart", Never),
    ("as", InDeclarations),
    ("asc", Never),
    ("assert-schema", Never),
    ("bagexpansion", Never),
    ("barchart", Never),
    ("best_effort", Anywhere),
    ("between", Never),
    ("bin", Anywhere),
    ("bin_legacy", Never),
    ("bool", Anywhere),
    ("boolean", Never),
    ("by", InDeclarations),
    ("byte", Never),
    ("cachingpolicy", Never),
    ("callout", Never),
    ("cancel", Never),
    ("card", Never),
    ("char", Never),
    ("columnchart", Never),
    ("commands-and-queries", Never),
    ("consume", Anywhere),
    ("contains", InDeclarations),
    ("contains_cs", Never),
    ("containscs", Never),
    ("count", Anywhere),
    ("cycles", Never),
    ("database", Anywhere),
    ("dataexport", Never),
    ("dataformat", Anywhere),
    ("datascope", Never),
    ("datatable", InDeclarations),
    ("date", Never),
    ("datetime", Never),
    ("datetime_pattern", Anywhere),
    ("decimal", Never),
    ("declare", Anywhere),
    ("decodeblocks", Never),
    ("default", Anywhere),
    ("desc", Never),
    ("distinct", Anywhere),
    ("double", Never),
    ("dynamic", Never),
    ("earliest", InDeclarations),
    ("edges", Anywhere),
    ("encodingpolicy", Never),
    ("endswith", Never),
    ("endswith_cs", Never),
    ("entity_group", Anywhere),
    ("evaluate", Anywhere),
    ("expandoutput", Never),
    ("extend", Anywhere),
    ("extent_tags_retention", Never),
    ("external_data", Never),
    ("externaldata", InDeclarations),
    ("facet", Anywhere),
    ("filter", Anywhere),
    ("find", InDeclarations),
    ("first", Never),
    ("flags", Never),
    ("float", Never),
    ("force_remote", Never),
    ("fork", Anywhere),
    ("from", Anywhere),
    ("getschema", Anywhere),
    ("granny-asc", Never),
    ("granny-desc", Never),
    ("graph", Anywhere),
    ("graph-mark-components", Never),
    ("graph-match", Never),
    ("graph-shortest-paths", Never),
    ("graph-to-table", Never),
    ("graph-where-edges", Never),
    ("graph-where-nodes", Never),
    ("guid", Anywhere),
    ("harddelete", Never),
    ("hardretention", Never),
    ("has", InDeclarations),
    ("has_all", Never),
    ("has_any", Never),
    ("has_cs", Never),
    ("hasprefix", Never),
    ("hasprefix_cs", Never),
    ("hassuffix", Never),
    ("hassuffix_cs", Never),
    ("hint.concurrency", Never),
    ("hint.distribution", Never),
    ("hint.materialized", Never),
    ("hint.num_partitions", Never),
    ("hint.progressive_top", Never),
    ("hint.remote", Never),
    ("hint.shufflekey", Never),
    ("hint.spread", Never),
    ("hint.strategy", Never),
    ("hotcache", Never),
    ("id", Anywhere),
    ("in", InDeclarations),
    ("inline_external_table", Anywhere),
    ("int", Never),
    ("int16", Never),
    ("int32", Never),
    ("int64", Never),
    ("int8", Never),
    ("invoke", InDeclarations),
    ("in~", Never),
    ("isfuzzy", Never),
    ("join", Anywhere),
    ("journal", Never),
    ("kind", Never),
    ("ladderchart", Never),
    ("last", Never),
    ("latest", InDeclarations),
    ("let", Anywhere),
    ("like", Never),
    ("likecs", Never),
    ("limit", Anywhere),
    ("linechart", Never),
    ("long", Never),
    ("lookup", Anywhere),
    ("macro-expand", Never),
    ("make-graph", Never),
    ("make-series", Never),
    ("matches regex", Never),
    ("materialize", InDeclarations),
    ("materialized-view-combine", Never),
    ("materialized-views", Never),
    ("mdm", InDeclarations),
    ("missing", Never),
    ("mv-apply", Never),
    ("mv-expand", Never),
    ("mvapply", Anywhere),
    ("mvexpand", Anywhere),
    ("nodes", Anywhere),
    ("nooptimization", Never),
    ("notcontains", Never),
    ("notcontainscs", Never),
    ("notlike", Never),
    ("notlikecs", Never),
    ("null", Anywhere),
    ("nulls", Anywhere),
    ("of", InDeclarations),
    ("on", Anywhere),
    ("optional", Anywhere),
    ("or", Never),
    ("order", Anywhere),
    ("others", Never),
    ("output", Anywhere),
    ("pack", Anywhere),
    ("parse", Anywhere),
    ("parse-kv", Never),
    ("parse-where", Never),
    ("partition", Anywhere),
    ("partitioned-by", Never),
    ("pathformat", Never),
    ("pattern", Anywhere),
    ("piechart", Never),
    ("pivotchart", Never),
    ("plotly", Anywhere),
    ("print", InDeclarations),
    ("project", Never),
    ("project-away", Never),
    ("project-by-names", Never),
    ("project-keep", Never),
    ("project-rename", Never),
    ("project-reorder", Never),
    ("project-smart", Never),
    ("queries", Never),
    ("query_parameters", Anywhere),
    ("query_results", Never),
    ("range", Anywhere),
    ("real", Never),
    ("reduce", Anywhere),
    ("regex", Anywhere),
    ("relaxed", Never),
    ("render", Anywhere),
    ("restrict", Anywhere),
    ("restricted_view_access", Never),
    ("row_level_security", Never),
    ("rowstore", Never),
    ("rowstore_references", Never),
    ("rowstore_sealinfo", Never),
    ("rowstorepolicy", Never),
    ("rowstores", Never),
    ("sample", InDeclarations),
    ("sample-distinct", InDeclarations),
    ("scan", Anywhere),
    ("scatterchart", Never),
    ("seal", Never),
    ("seals", Never),
    ("search", InDeclarations),
    ("serialize", Anywhere),
    ("set", InDeclarations),
    ("set-or-append", Never),
    ("set-or-replace", Never),
    ("shards", Never),
    ("simple", Never),
    ("softdelete", Never),
    ("softretention", Never),
    ("sort", Anywhere),
    ("sql", InDeclarations),
    ("stackedareachart", Never),
    ("startswith", Never),
    ("startswith_cs", Never),
    ("statistics", Never),
    ("step", Anywhere),
    ("storedqueryresultcontainers", Never),
    ("string", Never),
    ("summarize", Anywhere),
    ("tablepurge", Never),
    ("take", Anywhere),
    ("time", Never),
    ("timechart", Never),
    ("timeline", Never),
    ("timepivot", Never),
    ("timespan", Never),
    ("title", InDeclarations),
    ("to", InDeclarations),
    ("top", Anywhere),
    ("top-hitters", InDeclarations),
    ("top-nested", InDeclarations),
    ("toscalar", InDeclarations),
    ("totable", InDeclarations),
    ("treemap", Never),
    ("typeof", Anywhere),
    ("uint", Never),
    ("uint16", Never),
    ("uint32", Never),
    ("uint64", Never),
    ("uint8", Never),
    ("ulong", Never),
    ("union", Never),
    ("uniqueid", Never),
    ("unrestrictedviewers", Never),
    ("uuid", Anywhere),
    ("verbose", InDeclarations),
    ("view", Anywhere),
    ("viewers", InDeclarations),
    ("views", Never),
    ("where", InDeclarations),
    ("with", Anywhere),
    ("with_itemindex", Never),
    ("with_match_id", Never),
    ("with_node_id", Anywhere),
    ("with_source", Never),
    ("with_step_name", Never),
    ("withsource", Never),
    ("writeaheadlog", Never),
];

/// First index in [`WORDS`] of words that start with each byte (and one past the last).
const fn index() -> [u16; 129] {
    let mut table = [0u16; 129];
    let mut byte = 0;
    let mut at = 0;
    while byte < 128 {
        table[byte] = at as u16;
        while at < WORDS.len() && WORDS[at].0.as_bytes()[0] == byte as u8 {
            at += 1;
        }
        byte += 1;
    }
    table[128] = at as u16;
    table
}

static INDEX: [u16; 129] = index();

/// The longest reserved word that `text` starts with: its length and its place in [`WORDS`].
pub fn longest(text: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*text.first()?);
    if first >= 128 {
        return None;
    }
    let (from, to) = (usize::from(INDEX[first]), usize::from(INDEX[first + 1]));
    WORDS[from..to]
        .iter()
        .enumerate()
        .filter(|(_, (word, _))| text.starts_with(word.as_bytes()))
        .map(|(i, (word, _))| (word.len(), from + i))
        .max()
}

/// The place of exactly this word in [`WORDS`].
pub fn find(word: &str) -> Option<usize> {
    WORDS
        .binary_search_by(|(w, _)| w.as_bytes().cmp(word.as_bytes()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_and_found() {
        assert!(
            WORDS
                .windows(2)
                .all(|w| w[0].0.as_bytes() < w[1].0.as_bytes())
        );
        for (i, (word, _)) in WORDS.iter().enumerate() {
            assert_eq!(find(word), Some(i));
        }
        let word = |t: &str| longest(t.as_bytes()).map(|(_, i)| WORDS[i].0);
        assert_eq!(word("project-away x"), Some("project-away"));
        assert_eq!(word("!in~ (1)"), Some("!in~"));
        assert_eq!(word("zebra"), None);
    }
}
