//! Help at a place of a query: at any place of any text, and renames that change no meaning.

#![expect(
    clippy::print_stderr,
    reason = "what is skipped, and the figures, are said aloud"
)]

use std::path::PathBuf;

use nightjar::kql::assist::{definition, hover, occurrences, outline, rename, signature_help};
use nightjar::kql::diagnostics::Edit;
use nightjar::kql::symbols::SymbolKind;
use nightjar::kql::{Analysis, Schema, analyze};
use serde_json::Value;

/// Texts of every kind: whole, broken off, broken, and in many scripts.
const TEXTS: &[&str] = &[
    "",
    "DeviceInfo",
    "let since = ago(1d);\nlet Tools = dynamic(['a.exe', 'b.exe']);\nDeviceProcessEvents\n| where Timestamp > since and FileName in~ (Tools)\n| summarize Runs = count(), max(Timestamp) by DeviceName, bin(Timestamp, 1h)\n| where Runs > 3 and max_Timestamp > since\n| project-rename Host = DeviceName\n| sort by Runs desc",
    "let f = (T: (DeviceId: string), n: long = 3) { let k = n + 1; T | take k | extend Twice = n * 2 };\nDeviceInfo | invoke f(5) | where Twice > 4 | union (f(DeviceInfo, n = 2))",
    "let A = DeviceInfo | extend K = strcat(DeviceId, 'x');\nlet B = materialize(DeviceEvents | extend K = DeviceId);\nA | join kind=inner B on $left.K == $right.K | lookup (B | distinct K) on K | project K, K1",
    "declare query_parameters(host: string = 'pc', days: long = 7);\nDeviceEvents | where DeviceName has host and Timestamp > ago(1d * days)\n| extend F = parse_json(AdditionalFields) | extend U = tostring(F.User.Name), V = F['a b'][0]\n| mv-expand with_itemindex = i F to typeof(string) | where i > 0 | as Rows | union (Rows | count)",
    "DeviceEvents | parse kind=regex AdditionalFields with * 'a' A: long 'b' B | parse-kv AdditionalFields as (c: int) with (quote = '\"') | where A > c",
    "DeviceEvents | make-series N = count() default = 0 on Timestamp from ago(7d) to now() step 1h by DeviceName | extend (flags, score, base) = series_decompose_anomalies(N, 1.5)",
    "union withsource = T Device*, (EmailEvents | extend DeviceName = 'x') | where T has 'Device' | summarize arg_max(Timestamp, *) by DeviceName",
    "DeviceEvents | sort by Timestamp asc | scan with_match_id = m declare (n: long = 0) with (step s1: true => n = 1; step s2: s1.n == n => n = s1.n + 1;) | where m > 0",
    "search in (DeviceEvents, DeviceInfo) \"a\" and DeviceName: \"b\" | take 10",
    "print a = 1, ['b c'] = dynamic({'x': [1, 2.5, datetime(2024-01-01)]}), 0xFF, 1.5h, -3, h'secret', @'c:\\'",
    "let ['two words'] = 5; range i from 1 to ['two words'] step 1 | evaluate pivot(i)",
    "DeviceInfo | where DeviceName == \"ÄÖÜ 😀\" | extend Größe = strlen(DeviceName) | where Größe > 3 // kommentar ¦ 😀",
    "DeviceInfo | summarize arg_max(Timestamp, ",
    "let f = (a: string, ) { strcat(a, (b , [ } ; f( \"x\", | where ((( ]]] }}}",
    "let x = x; let y = y(y); let f = () { f() }; x | y | f",
    "DeviceInfo | where 'unclosed | extend X = strcat(\"a,(",
    "| | ;; let = ; let let = 3; $left.x == $right.y . . .. ['",
    "datatable (a: long, a: string) [1, 'x'] | extend a = a, b = a | project a, a1 = b | distinct a",
    "let T = DeviceInfo; T | join (T) on DeviceId, $left.DeviceName == $right.DeviceName | project-away *1 | project-reorder Time*, *",
    "\r\nDeviceInfo\r\n| where Timestamp > ago(1d)\r\n// x\r\n| take 5\r\n",
];

fn codes(analysis: &Analysis) -> Vec<&'static str> {
    let mut codes: Vec<_> = analysis.diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn every_place_of_every_text_is_answered() {
    let schema = Schema::hunting();
    for text in TEXTS {
        let analysis = analyze(text, schema);
        let _ = outline(text, &analysis);
        for at in 0..=text.len() as u32 + 2 {
            let hovered = hover(text, &analysis, schema, at);
            if let Some(hover) = hovered {
                assert!(!hover.title.is_empty());
                assert!(
                    hover.span.start <= at && at <= hover.span.end,
                    "{text} {at}"
                );
            }
            if let Some(help) = signature_help(text, at, schema) {
                let signature = &help.signatures[help.active];
                if let Some(parameter) = help.parameter {
                    let range = signature.parameters[parameter].clone();
                    assert!(signature.label.get(range).is_some(), "{text} {at}");
                }
            }
            let places = occurrences(text, &analysis, at);
            if let Some(place) = definition(text, &analysis, at) {
                assert!(text.get(place.start as usize..place.end as usize).is_some());
                assert!(!places.is_empty());
            }
            for place in &places {
                let again = occurrences(text, &analysis, place.start);
                assert_eq!(again, places, "{text} {at}");
            }
            if let Ok(edits) = rename(text, &analysis, schema, at, "a new name") {
                let after = analyze(&Edit::apply(text, &edits), schema);
                assert_eq!(codes(&after), codes(&analysis), "{text} {at}");
            }
        }
        // texts broken off anywhere
        for end in (0..text.len()).filter(|i| text.is_char_boundary(*i)) {
            let cut = &text[..end];
            let _ = signature_help(cut, end as u32, schema);
            let analysis = analyze(cut, schema);
            let _ = hover(cut, &analysis, schema, end as u32);
        }
    }
}

/// A name as long as the old one, so that places stay; the first letter differs.
fn sibling(name: &str) -> Option<String> {
    let mut chars = name.chars();
    let first = chars.next().filter(char::is_ascii_alphabetic)?;
    let other = if first == 'Q' { 'Z' } else { 'Q' };
    Some(format!("{other}{}", chars.as_str()))
}

/// Renames what a query defines, one name after the other: the plan must be the same but for the name.
/// Gives the names renamed and refused.
fn rename_all(text: &str, refused: &mut Vec<String>) -> usize {
    let schema = Schema::hunting();
    let analysis = analyze(text, schema);
    let mut renamed = 0;
    for symbol in &analysis.symbols.defined {
        let written = symbol.span.text(text);
        let Some(other) = sibling(written) else {
            continue;
        };
        if symbol.made_up.is_some() || text.contains(&other) {
            continue;
        }
        let edits = match rename(text, &analysis, schema, symbol.span.start, &other) {
            Ok(edits) => edits,
            Err(why) => {
                refused.push(format!("{written}: {why}"));
                continue;
            }
        };
        renamed += 1;
        let changed = Edit::apply(text, &edits);
        let after = analyze(&changed, schema);
        assert_eq!(codes(&after), codes(&analysis), "{changed}");
        if symbol.kind == SymbolKind::Column {
            continue;
        }
        let names = |a: &Analysis| a.result.as_ref().map(|r| r.columns.to_vec());
        assert_eq!(names(&after), names(&analysis), "{changed}");
        if edits
            .iter()
            .all(|e| e.span.end - e.span.start == other.len() as u32)
        {
            let plan = |a: &Analysis| format!("{:?}", a.bound);
            assert_eq!(
                plan(&after).replace(&format!("\"{other}\""), &format!("\"{written}\"")),
                plan(&analysis),
                "{changed}"
            );
        }
    }
    renamed
}

#[test]
fn renames_change_no_meaning() {
    let mut refused = Vec::new();
    let renamed: usize = TEXTS.iter().map(|t| rename_all(t, &mut refused)).sum();
    assert!(renamed > 30, "{renamed} {refused:#?}");
}

#[test]
fn renames_in_real_queries() {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "..",
        "shared",
        "kql",
        "corpus-dev.jsonl",
    ]
    .iter()
    .collect();
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut refused = Vec::new();
    let mut renamed = 0;
    // all of them take a minute unless the code is optimised
    let step = if std::env::var_os("ALL").is_some() {
        1
    } else {
        10
    };
    for line in text.lines().step_by(step) {
        let row: Value = serde_json::from_str(line).expect("a JSON line");
        renamed += rename_all(row["query"].as_str().expect("a query"), &mut refused);
    }
    eprintln!("renamed {renamed}, refused {}", refused.len());
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{refused:#?}");
    }
    assert!(refused.len() * 50 <= renamed, "{refused:#?}");
}
