//! Hostile texts: deep ones on a small stack, long ones in linear time.

use std::time::{Duration, Instant};

use super::diagnostics::{CodePoints, Phase};
use super::parser::MAX_DEPTH;
use super::{Schema, analyze, classify, parse};

/// Ways to nest: what comes first, a level, the middle, the end of a level, what comes last.
const NESTS: &[[&str; 5]] = &[
    ["print ", "(", "1", ")", ""],
    ["print ", "-(", "1", ")", ""],
    ["print a", "[", "1", "]", ""],
    ["print ", "strcat(", "'x'", ")", ""],
    ["print ", "case(true, 1, ", "1", ")", ""],
    ["print ", "1 == 1 and not(", "true", ")", ""],
    ["print 1 ", "in (1 ", "in (1)", ")", ""],
    ["print 1 ", "between (1 .. 1 ", "+ 1", ")", ""],
    ["print dynamic(", "[", "1", "]", ")"],
    ["print dynamic(", "{'k': ", "1", "}", ")"],
    ["print ", "dynamic(", "1", ")", ""],
    ["print ", "toscalar(print ", "1", ")", ""],
    ["", "(DeviceInfo | union ", "DeviceInfo", ")", ""],
    [
        "DeviceInfo ",
        "| join (DeviceInfo ",
        "",
        ") on DeviceId ",
        "",
    ],
    [
        "DeviceInfo ",
        "| where DeviceId in (DeviceInfo ",
        "",
        " | project DeviceId) ",
        "",
    ],
    [
        "print a = 1 ",
        "| mv-apply a on (where 1 == 1 ",
        "",
        ") ",
        "",
    ],
    [
        "print a = 1 ",
        "| partition by a (where 1 == 1 ",
        "",
        ") ",
        "",
    ],
    [
        "print a = 1 ",
        "| partition by a {print a = 1 ",
        "",
        "} ",
        "",
    ],
    ["print a = 1 ", "| fork (where 1 == 1 ", "", ") ", ""],
    [
        "print a = 1 ",
        "| facet by a with (where 1 == 1 ",
        "",
        ") ",
        "",
    ],
    [
        "let f = ()",
        "{ let f = () ",
        "{ print a = 1 }",
        "; f() }",
        "; f()",
    ],
    ["let f = (a: ", "(a: ", "long", ")", ") { print 1 }; f(1)"],
    ["", "macro-expand E (", "print 1", ")", ""],
];

fn nested(nest: &[&str; 5], levels: usize) -> String {
    let [first, open, middle, close, last] = nest;
    let (open, close) = (open.repeat(levels), close.repeat(levels));
    format!("{first}{open}{middle}{close}{last}")
}

/// Everything that walks a tree, on the 2 MB that threads have.
fn on_a_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn_scoped(scope, work)
            .expect("a thread")
            .join()
            .expect("no overflow");
    });
}

fn walk(text: &str) -> super::Analysis {
    let analysis = analyze(text, Schema::hunting());
    drop(analysis.clone());
    drop(format!("{:?}", analysis.syntax.statements));
    super::classify_analysis(text, &analysis);
    analysis
}

#[test]
fn deep_texts_are_answered_on_a_small_stack() {
    on_a_small_stack(|| {
        for nest in NESTS {
            let text = nested(nest, 10_000);
            let analysis = walk(&text);
            let too_deep: Vec<Phase> = analysis
                .diagnostics
                .iter()
                .filter(|d| d.code == "KS245")
                .map(|d| d.phase)
                .collect();
            assert_eq!(too_deep, [Phase::Semantic], "{nest:?}");
            assert!(!analysis.is_ok() && analysis.bound.is_none(), "{nest:?}");
            // never closed, never opened, closed by another bracket
            let [first, open, ..] = nest;
            for broken in [
                format!("{first}{}", open.repeat(2_000)),
                format!("{first}{}", ")".repeat(2_000)),
                format!("{first}{open}]").repeat(2_000),
            ] {
                assert!(!walk(&broken).is_ok(), "{nest:?}");
            }
        }
    });
}

#[test]
fn a_text_as_deep_as_allowed_is_read_whole() {
    on_a_small_stack(|| {
        for nest in NESTS {
            let text = nested(nest, MAX_DEPTH - 2);
            let analysis = walk(&text);
            assert!(analysis.syntax.depth > 64, "{nest:?}");
            assert!(
                !analysis.diagnostics.iter().any(|d| d.code == "KS245"),
                "{nest:?}"
            );
            assert!(
                analysis.parses() || nest[0].starts_with("print a") || nest[1].starts_with("macro"),
                "{nest:?}: {:?}",
                analysis.syntax.errors.first()
            );
        }
    });
}

#[test]
fn brackets_closed_for_others_do_not_deepen_without_bound() {
    // a list without its bracket takes the one of an outer level, so that levels outnumber open brackets
    let text = format!("print {}", "(1 in ) and ".repeat(10_000));
    on_a_small_stack(|| assert!(!walk(&text).is_ok()));
}

/// Texts that once cost, or could cost, more than their length: what comes first, and what is repeated.
const LONG: &[[&str; 2]] = &[
    ["T | where ", "a == 1 or b and c + 2 * 3 > d or "],
    ["T | where a in (", "'abc', "],
    ["T ", "| where a "],
    ["", "let x = 5; "],
    ["", "let x = 5 "],
    ["T ", "// words\n"],
    ["T // é ", "words "],
    ["print ", "("],
    ["print ", "([{"],
    ["print ", "f("],
    ["print ", ")"],
    ["print 1 ", "in (1 "],
    ["print 1 ", "or 1 in 1 "],
    ["print ", "(1 in ) and "],
    ["T ", "| where a in (T | project a) "],
    ["T ", "\u{201c}x\u{201d} "],
    ["T ", "| where | "],
    ["T | extend ", "a=1 b=2 "],
    ["T ", "| where a == \"b\n"],
    ["T | where a == \"", "b c "],
    ["print ", "~~"],
    ["print ", "```"],
    ["", "let f = () { "],
    ["print dynamic([", "{'a': [1, 2.5, null]}, "],
    ["print dynamic(", "[{'a':"],
    ["print [", "'a' "],
    ["T | project-away ", "a*"],
    ["T | project ", "a-"],
    ["T | project a", ".b"],
    ["T | extend ", "(a, b, "],
    ["print ", "datetime(2024-01-01) + "],
    ["print ", "datetime( + "],
    ["print ", "74be27de-1e4e-49d9-b579-fe0b331d364 "],
    ["print ", "1"],
    ["datatable(a:long) [", "1, "],
    ["", "inline_external_table (a "],
    ["T | join ", "hint.pass_filters=x hint. "],
    ["", "project where in by "],
    ["T", ";"],
];

#[test]
fn cost_grows_with_the_text() {
    let cost = |[first, unit]: &[&str; 2], size: usize| {
        let text = format!("{first}{}", unit.repeat(size / unit.len()));
        let start = Instant::now();
        let syntax = parse(&text);
        let points = CodePoints::new(&text);
        for (span, _) in classify::classify_syntax(&text, &syntax) {
            std::hint::black_box(points.span(span));
        }
        start.elapsed()
    };
    // ten times the text may take four times as long as it should, on a machine that does other things;
    // what costs the square takes ten times as long
    let fair = |long: &[&str; 2]| {
        let small = cost(long, 20_000).max(Duration::from_millis(2));
        cost(long, 200_000) < small * 40
    };
    for long in LONG {
        assert!((0..5).any(|_| fair(long)), "{long:?}");
    }
}
