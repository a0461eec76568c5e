//! What formatting promises for any query: the same tokens and comments, the same meaning, and
//! nothing more to do when it is done.

#![expect(clippy::print_stderr, reason = "what is skipped is said aloud")]

use std::fs;
use std::path::{Path, PathBuf};

use nightjar::kql::format::{Style, format};
use nightjar::kql::lexer::{TokenKind, tokenize};
use nightjar::kql::{Analysis, Schema, analyze};
use proptest::prelude::*;

/// Tokens and comments in order, without the white space between them.
fn pieces(text: &str) -> Vec<String> {
    let mut list = Vec::new();
    for token in tokenize(text).0 {
        let trivia = &text[token.trivia as usize..token.span.start as usize];
        for line in trivia.split(['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            if let Some(at) = line.find("//") {
                list.push(line[at..].trim_end().to_owned());
            }
        }
        if token.kind != TokenKind::End {
            list.push(token.span.text(text).to_owned());
        }
    }
    list
}

/// Names and types of the result's columns.
type Columns = Option<Vec<(String, String)>>;

/// Verdict, codes of the findings in order, and result columns.
fn meaning(analysis: &Analysis) -> (bool, Vec<&'static str>, Columns) {
    let columns = analysis.result.as_ref().map(|shape| {
        let columns = shape.columns.iter();
        columns
            .map(|c| (c.name.clone(), c.ty.name().to_owned()))
            .collect()
    });
    let codes = analysis.diagnostics.iter().map(|d| d.code).collect();
    (analysis.is_ok(), codes, columns)
}

/// Everything that must hold; false where the text does not parse.
fn holds(text: &str, style: Style) -> Result<bool, String> {
    let Ok(out) = format(text, style) else {
        return Ok(false);
    };
    let fail = |what: &str, a: &str, b: &str| Err(format!("{what}:\n{a}\n--- became\n{b}"));
    if pieces(text) != pieces(&out) {
        return fail("tokens or comments changed", text, &out);
    }
    match format(&out, style) {
        Ok(again) if again == out => {}
        Ok(again) => return fail("formatting twice changes something", &out, &again),
        Err(fault) => return fail(&fault.message, text, &out),
    }
    if out.lines().any(|l| l.ends_with([' ', '\t'])) && !text.contains("```") {
        return fail("blanks at the end of a line", text, &out);
    }
    let schema = Schema::hunting();
    let (before, after) = (analyze(text, schema), analyze(&out, schema));
    if meaning(&before) != meaning(&after) {
        return fail("another meaning", text, &out);
    }
    Ok(true)
}

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kql/corpus-dev.jsonl");
    path.is_file().then_some(path)
}

#[test]
fn real_queries() {
    let Some(path) = corpus() else {
        eprintln!("skipped: no ../shared/kql");
        return;
    };
    let text = fs::read_to_string(path).expect("corpus");
    let mut formatted = 0;
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        let query = row["query"].as_str().expect("a query");
        for style in [
            Style::default(),
            Style {
                indent: 2,
                width: 40,
            },
        ] {
            match holds(query, style) {
                Ok(done) => formatted += usize::from(done),
                Err(why) => panic!("{}: {why}", row["id"]),
            }
        }
    }
    assert!(formatted > 2_400, "only {formatted} formatted");
}

/// White space and comments an author may leave anywhere.
fn trivia() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\n\n\n".to_owned()),
        1 => Just(" \r\n\t".to_owned()),
        1 => "[ -~]{0,9}".prop_map(|t| format!(" //{t}\n")),
        1 => "[ -~]{0,9}".prop_map(|t| format!("\n  // {t} \n")),
    ]
}

fn scalar() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "FileName",
            "DeviceName",
            "Timestamp",
            "1",
            "-1",
            "2.5",
            "1d",
            "'a'",
            "\"b c\"",
            "true",
            "dynamic(['a', {'b': -1}])",
            "h@'x\\'",
            "ago(7d)",
            "datetime(2024-01-01)",
            "['x y']",
            "```two\nlines```",
            "toscalar(DeviceInfo | count)",
            "count()",
            "now()",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            (
                inner.clone(),
                inner.clone(),
                prop::sample::select(vec![
                    "and",
                    "or",
                    "==",
                    "!=",
                    "<",
                    "+",
                    "-",
                    "*",
                    "=~",
                    "has",
                    "!contains",
                    "matches regex",
                ])
            )
                .prop_map(|(a, b, op)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("not({a})")),
            prop::collection::vec(inner.clone(), 1..12)
                .prop_map(|list| format!("FileName in~ ({})", list.join(", "))),
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|list| format!("strcat({})", list.join(","))),
            prop::collection::vec(inner.clone(), 3..7)
                .prop_map(|list| format!("case({})", list.join(" , "))),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("Timestamp between ({a}..{b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("x [{a}] . y ['{}']", b.len())),
        ]
    })
}

fn operator() -> impl Strategy<Value = String> {
    let list = |word: &'static str| {
        prop::collection::vec((any::<bool>(), scalar()), 1..6).prop_map(move |items| {
            let items: Vec<String> = items
                .iter()
                .enumerate()
                .map(|(n, (named, e))| {
                    if *named {
                        format!("c{n} = {e}")
                    } else {
                        e.clone()
                    }
                })
                .collect();
            format!("{word} {}", items.join(", "))
        })
    };
    prop_oneof![
        scalar().prop_map(|e| format!("where {e}")),
        list("extend"),
        list("project"),
        list("summarize"),
        (list("summarize"), scalar(), scalar()).prop_map(|(s, a, b)| format!("{s} by {a}, k={b}")),
        list("order by"),
        scalar().prop_map(|e| format!("join kind=inner (DeviceInfo | where {e}) on DeviceId")),
        scalar().prop_map(|e| format!("join hint.strategy = shuffle DeviceInfo on DeviceId, $left.a == {e}")),
        scalar().prop_map(|e| format!("union (DeviceEvents | where {e}), Device*")),
        scalar().prop_map(|e| format!("mv-apply x = {e} to typeof(string) on (where x has 'a' | take 3)")),
        scalar().prop_map(|e| format!("make-series n = count() default=0 on Timestamp step 1d by {e}")),
        scalar().prop_map(|e| format!("partition by DeviceId (where {e} | top 1 by Timestamp)")),
        scalar().prop_map(|e| format!("scan with (step s1: {e}; step s2 output=last: true => a = {e};)")),
        scalar().prop_map(|e| format!("evaluate pivot(FileName, {e}) : (a:string, *)")),
        scalar().prop_map(|e| format!("fork (where {e}) b = (take 5)")),
        Just("parse FileName with * 'a' b:long '.' *".to_owned()),
        Just("render timechart with (title = 'x', ycolumns = a, b)".to_owned()),
        Just("count".to_owned()),
        Just("make-graph a --> b with T on c | graph-match (x)-[e*1..3]->(y) where e.z == 1 project x.a, b = y.b".to_owned()),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let source = prop_oneof![
        Just("DeviceProcessEvents".to_owned()),
        Just("datatable(a:long, b:string) [1,'x', 2 , 'y']".to_owned()),
        Just(
            "externaldata(a:string) [@'https://example.com/x.csv'] with (format = 'csv')"
                .to_owned()
        ),
        Just("union isfuzzy=true DeviceEvents, (DeviceInfo | take 1)".to_owned()),
        Just("search in (DeviceEvents) 'x' or FileName:'y'".to_owned()),
    ];
    let body = (source, prop::collection::vec(operator(), 0..5))
        .prop_map(|(source, ops)| ops.iter().fold(source, |q, op| format!("{q} | {op}")))
        .boxed();
    let statement = prop_oneof![
        body.clone().prop_map(|q| format!("let a = {q}")),
        body.clone()
            .prop_map(|q| format!("let m = materialize ({q})")),
        body.clone()
            .prop_map(|q| format!("let f = (x:string, y:long=1) {{ let z = 1; {q} }}")),
        scalar().prop_map(|e| format!("let s = {e}")),
    ];
    (prop::collection::vec(statement, 0..3), body).prop_map(|(mut list, body)| {
        list.push(body);
        list.join(";\n")
    })
}

/// The same tokens with other trivia between them; words stay apart and what touched may touch.
fn respaced(text: &str, trivia: &[String]) -> String {
    let mut out = String::new();
    let mut n = 0;
    for token in tokenize(text).0 {
        if !token.is_adjacent() {
            out.push_str(&trivia[n % trivia.len()]);
            n += 1;
        }
        out.push_str(token.span.text(text));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn made_up_queries(
        query in query(),
        gaps in prop::collection::vec(trivia(), 1..20),
        width in prop::sample::select(vec![100usize, 60, 20]),
    ) {
        let style = Style { width, ..Style::default() };
        for text in [respaced(&query, &gaps), query] {
            if let Err(why) = holds(&text, style) {
                prop_assert!(false, "{why}");
            }
        }
    }

    #[test]
    fn any_text(text in "[a-z0-9 |,;(){}\\[\\]=<>'\"\\-+*./:\n\t@~!$_]{0,60}") {
        if let Err(why) = holds(&text, Style::default()) {
            prop_assert!(false, "{why}");
        }
    }
}

/// Laying out a long query costs little more than reading it, which takes linear time.
#[test]
fn cost_of_a_long_query() {
    let stage = "| where FileName in~ ('a.exe', 'b.exe') and (DeviceName has 'x' or AccountName == 'y')\n\
                 | extend a = strcat(FileName, '-', tostring(parse_json(AdditionalFields).b))\n";
    let text = format!("DeviceProcessEvents\n{}", stage.repeat(2_500));
    let time = |work: &dyn Fn()| {
        (0..3)
            .map(|_| {
                let start = std::time::Instant::now();
                work();
                start.elapsed()
            })
            .min()
            .expect("three")
    };
    let read = time(&|| assert!(nightjar::kql::parse(&text).errors.is_empty()));
    let laid_out = time(&|| assert!(format(&text, Style::default()).is_ok()));
    assert!(
        laid_out < read * 20,
        "{read:?} to read, {laid_out:?} to lay out"
    );
}
