//! The lints over real queries: every repair gives a query as good as before, with the same columns, and
//! what it repairs is not said again.

#![expect(
    clippy::print_stderr,
    reason = "what is skipped, and the counts, are said aloud"
)]

use std::collections::BTreeMap;
use std::path::Path;

use nightjar::kql::diagnostics::{Edit, Severity};
use nightjar::kql::{Analysis, Schema, analyze, lint};

fn columns(analysis: &Analysis) -> Option<Vec<String>> {
    analysis.result.as_ref().map(|shape| {
        let columns = shape.columns.iter();
        columns
            .map(|c| format!("{}:{}", c.name, c.ty.name()))
            .collect()
    })
}

#[test]
fn repairs_of_real_queries() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kql/corpus-dev.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let schema = Schema::hunting();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        let query = row["query"].as_str().expect("a query");
        let before = analyze(query, schema);
        for found in lint(query, &before, schema) {
            assert_eq!(found.severity, Severity::Warning);
            *counts.entry(found.code).or_default() += 1;
            let Some(fix) = &found.fix else {
                continue;
            };
            let repaired = Edit::apply(query, &fix.edits);
            let after = analyze(&repaired, schema);
            let what = format!("{} {} of {}\n{repaired}", found.code, fix.title, row["id"]);
            assert!(after.parses(), "{what}");
            if before.is_ok() {
                assert!(after.is_ok(), "{what}\n{}", after.report(&repaired));
                assert_eq!(columns(&before), columns(&after), "{what}");
            }
            let again = lint(&repaired, &after, schema);
            let same = |d: &&nightjar::kql::Diagnostic| {
                d.code == found.code
                    && d.span.start == found.span.start
                    && d.message == found.message
            };
            assert!(again.iter().find(same).is_none(), "still there: {what}");
        }
    }
    eprintln!("{counts:?}");
    assert!(counts.len() > 10, "{counts:?}");
}

/// Ten times the text costs little more than ten times the time.
#[test]
fn cost_grows_with_the_text() {
    let stage = "| where FileName == 'a.exe' and ProcessCommandLine contains 'word'\n\
                 | extend a = strcat(FileName, '-', ProcessCommandLine), b = tolower(FileName)\n\
                 | join kind=leftsemi (DeviceInfo | where Timestamp > ago(1d)) on DeviceId\n\
                 | sort by Timestamp | where ProcessId == 4\n";
    let time = |stages: usize| {
        let text = format!("DeviceProcessEvents\n{}", stage.repeat(stages));
        let schema = Schema::hunting();
        let analysis = analyze(&text, schema);
        (0..20)
            .map(|_| {
                let start = std::time::Instant::now();
                assert!(!lint(&text, &analysis, schema).is_empty());
                start.elapsed()
            })
            .min()
            .expect("twenty")
    };
    let (small, large) = (time(10), time(100));
    assert!(large < small * 60, "{small:?}, then {large:?}");
}
