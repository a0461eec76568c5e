//! The language against the verdicts of the official Kusto language service, read in place from
//! `../shared/kql`; and against any text at all.

#![expect(
    clippy::print_stderr,
    reason = "what is skipped, and the figures, are said aloud"
)]

use std::collections::HashMap;
use std::path::PathBuf;

use nightjar::kql::diagnostics::CodePoints;
use nightjar::kql::{Schema, analyze, classify, complete, parse};
use proptest::prelude::*;
use serde_json::Value;

/// The rows of a file of verdicts, or nothing where the files are not there.
fn rows(file: &str) -> Option<Vec<Value>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared", "kql", file]
        .iter()
        .collect();
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    Some(
        text.lines()
            .map(|l| serde_json::from_str(l).expect("a JSON line"))
            .collect(),
    )
}

#[derive(Debug, Default)]
struct Score {
    rows: usize,
    parse: usize,
    known: usize,
    ok: usize,
    wrong: usize,
    first: usize,
    columns: usize,
    columns_right: usize,
}

fn score(rows: &[Value]) -> Score {
    let mut score = Score::default();
    for row in rows {
        let query = row["query"].as_str().expect("a query");
        let analysis = analyze(query, Schema::hunting());
        score.rows += 1;
        score.parse += usize::from(analysis.parses() == (row["parse_ok"] == true));
        let ok = row["ok"] == true;
        if row.get("tables_known") != Some(&Value::Bool(false)) {
            score.known += 1;
            score.ok += usize::from(analysis.is_ok() == ok);
        }
        if !ok && !analysis.is_ok() {
            let points = CodePoints::new(query);
            let ours = analysis
                .diagnostics
                .iter()
                .filter(|d| d.is_error())
                .map(|d| points.of(d.span.start))
                .min();
            let theirs = row["errors"]
                .as_array()
                .expect("errors")
                .iter()
                .filter_map(|e| e["start"].as_u64())
                .min();
            score.wrong += 1;
            score.first += usize::from(ours.map(|o| o as u64) == theirs);
        }
        if let (true, Some(expected)) = (ok, row["result_columns"].as_array()) {
            score.columns += 1;
            let ours: Vec<Value> = analysis
                .result
                .iter()
                .flat_map(|r| &r.columns)
                .map(|c| serde_json::json!([c.name, c.ty.name()]))
                .collect();
            score.columns_right += usize::from(&ours == expected);
        }
        assert!(
            analysis.bound.is_none() || analysis.is_ok(),
            "a bound tree with errors: {query}"
        );
    }
    score
}

/// `part` is at least this share of `whole`, in tenths of a percent.
fn at_least(part: usize, whole: usize, tenths: usize, what: &str) {
    assert!(part * 1000 >= whole * tenths, "{what}: {part} of {whole}");
}

#[test]
fn real_queries_are_judged_as_the_service_judges_them() {
    let Some(rows) = rows("corpus-dev.jsonl") else {
        return;
    };
    let s = score(&rows);
    at_least(s.parse, s.rows, 998, "parse verdict");
    at_least(s.ok, s.known, 995, "ok verdict");
    at_least(s.columns_right, s.columns, 995, "result columns");
    at_least(s.first, s.wrong, 990, "first error at the same place");
}

#[test]
fn broken_queries_are_judged_as_the_service_judges_them() {
    let Some(rows) = rows("mutants-dev.jsonl") else {
        return;
    };
    let s = score(&rows);
    at_least(s.parse, s.rows, 998, "parse verdict");
    at_least(s.ok, s.known, 995, "ok verdict");
    at_least(s.columns_right, s.columns, 990, "result columns");
    at_least(s.first, s.wrong, 990, "first error at the same place");
}

#[test]
fn colours_are_those_of_the_service() {
    let Some(rows) = rows("classify-dev.jsonl") else {
        return;
    };
    let (mut same, mut all) = (0, 0);
    for row in &rows {
        let query = row["query"].as_str().expect("a query");
        let points = CodePoints::new(query);
        let mut ours: HashMap<usize, &str> = HashMap::new();
        for (span, kind) in classify(query, Schema::hunting()) {
            let (start, length) = points.span(span);
            ours.extend((start..start + length).map(|i| (i, kind.name())));
        }
        for part in row["classifications"].as_array().expect("parts") {
            let (start, length) = (part[0].as_u64().unwrap_or(0), part[1].as_u64().unwrap_or(0));
            for i in start..start + length {
                all += 1;
                same += usize::from(ours.get(&(i as usize)).copied() == part[2].as_str());
            }
        }
    }
    at_least(same, all, 990, "characters of the same kind");
}

/// Brackets and the like are not counted: an engine may well leave them out.
const PUNCTUATION: [&str; 13] = [
    "(", ")", "[", "]", "{", "}", ".", ",", ";", "@", ":", "=", "..",
];

/// A name as the verdicts write it: without arguments and a last `=`.
fn bare(label: &str) -> &str {
    let name = label.split('(').next().unwrap_or_default().trim();
    let name = if name.is_empty() { label.trim() } else { name };
    let short = name.trim_end_matches('=').trim();
    if short.is_empty() { name } else { short }
}

#[test]
fn completion_offers_what_the_service_offers_and_what_the_author_wrote() {
    let Some(rows) = rows("complete-dev.jsonl") else {
        return;
    };
    let (mut recall, mut precision, mut asked) = (0.0, 0.0, 0);
    let (mut ours_first, mut theirs_first, mut written) = (0, 0, 0);
    for row in &rows {
        let query = row["query"].as_str().expect("a query");
        let caret = row["caret"].as_u64().expect("a caret") as usize;
        let caret = CodePoints::new(query).byte(caret);
        let prefix = row["prefix"].as_str().unwrap_or_default().to_lowercase();
        let completions = complete(query, caret as u32, Schema::hunting());
        let mut ours: Vec<&str> = Vec::new();
        for item in &completions.items {
            let name = bare(&item.label);
            if name.to_lowercase().starts_with(&prefix)
                && !PUNCTUATION.contains(&name)
                && !ours.contains(&name)
            {
                ours.push(name);
            }
        }
        let mut theirs: Vec<&str> = Vec::new();
        for name in row["names"].as_array().expect("names") {
            let name = name.as_str().expect("a name");
            if !PUNCTUATION.contains(&name) && !theirs.contains(&name) {
                theirs.push(name);
            }
        }
        if theirs.is_empty() {
            assert!(ours.is_empty(), "nothing fits at {}: {ours:?}", row["id"]);
            continue;
        }
        asked += 1;
        let both = theirs.iter().filter(|n| ours.contains(n)).count() as f64;
        recall += both / theirs.len() as f64;
        precision += both / ours.len().max(1) as f64;
        if let (Some(truth), Some(_)) = (row["truth"].as_str(), row["truth_rank"].as_u64())
            && !PUNCTUATION.contains(&truth)
        {
            let truth = [truth, truth.trim_matches(['\'', '"'])];
            let early = |names: &[&str]| names.iter().take(10).any(|n| truth.contains(n));
            written += 1;
            ours_first += usize::from(early(&ours));
            theirs_first += usize::from(early(&theirs));
        }
    }
    let share = |sum: f64| 100.0 * sum / f64::from(asked);
    eprintln!(
        "recall {:.1} %, precision {:.1} %, the author's word in the first ten {ours_first} of {written}, \
         of the service {theirs_first}",
        share(recall),
        share(precision)
    );
    assert!(share(recall) >= 98.0, "recall {:.2}", share(recall));
    assert!(
        share(precision) >= 98.5,
        "precision {:.2}",
        share(precision)
    );
    at_least(
        ours_first,
        written,
        850,
        "the author's word in the first ten",
    );
}

/// Trivia and tokens, put together again, are the text.
fn assert_lossless(text: &str) {
    let syntax = parse(text);
    let mut at = 0;
    for token in &syntax.tokens {
        assert_eq!(token.trivia, at, "{text:?}");
        assert!(token.span.start >= token.trivia && token.span.end >= token.span.start);
        at = token.span.end;
    }
    assert_eq!(at as usize, text.len());
}

/// Pieces that make texts which are nearly queries.
const PIECES: &[&str] = &[
    "DeviceInfo",
    " | ",
    "where ",
    "extend ",
    "summarize ",
    "by ",
    "join ",
    "on ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "let x = ",
    ";",
    ",",
    "=",
    "==",
    " and ",
    " or ",
    "\"a\"",
    "'",
    "\"",
    "1d",
    "5",
    "DeviceId",
    "Timestamp",
    "count()",
    "arg_max(",
    "*",
    "$left.",
    "in ",
    "between ",
    "..",
    "dynamic(",
    "datetime(",
    "union ",
    "mv-expand ",
    "mv-apply ",
    "parse ",
    "with ",
    "project-away ",
    "make-series ",
    "default=0",
    " step ",
    "// c\n",
    "```",
    "é",
    "\u{a0}",
    "😀",
    "@'",
    "h\"",
    "evaluate ",
    "toscalar(",
    "materialize(",
    "invoke ",
    "scan ",
    "step ",
    "top-nested ",
    "of ",
    "fork ",
    "search ",
    "find ",
    "!",
    "~",
];

proptest! {
    #[test]
    fn any_text_is_read_without_loss(text in any::<String>()) {
        assert_lossless(&text);
        analyze(&text, Schema::hunting());
        classify(&text, Schema::hunting());
    }

    #[test]
    fn near_queries_are_read_without_loss(parts in prop::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = parts.into_iter().map(|i| PIECES[i]).collect();
        assert_lossless(&text);
        analyze(&text, Schema::hunting());
        classify(&text, Schema::hunting());
    }
}

#[test]
fn deep_and_long_texts_end() {
    for (open, close) in [
        ("(", ")"),
        ("f(", ")"),
        ("dynamic([", "])"),
        ("-(", ")"),
        ("toscalar(", ")"),
        ("a[", "]"),
    ] {
        let text = format!("print {}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(!analyze(&text, Schema::hunting()).is_ok(), "{open}");
    }
    let long = [
        format!("DeviceInfo {}", "| where DeviceId == 'a' ".repeat(5_000)),
        format!(
            "DeviceInfo | where {}",
            vec!["DeviceId == 'a'"; 10_000].join(" or ")
        ),
        format!("print x = {}", vec!["1"; 10_000].join(" + ")),
        format!("{} print x", "let x = 1;\n".repeat(2_000)),
        format!("print d{}", ".a".repeat(10_000)),
        format!("union {}", vec!["DeviceInfo"; 500].join(", ")),
    ];
    for text in &long {
        analyze(text, Schema::hunting());
    }
}
