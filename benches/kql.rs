//! What the language service costs: queries a second and time a query for parsing, checking, colouring
//! and completion, cost with the size of a text, and deep nesting. Aims: parse and check 100 times as
//! fast as the official language service, completion 200 times, ten times the text at most eleven times
//! the time.
//!
//!     cargo bench --bench kql
//!
//! Queries are those of `../shared/kql/corpus-dev.jsonl`, or of the file `KQL_CORPUS` names (lines
//! `{"query": …}`), or a few of its own. `KQL_ORACLE` names a folder with `oracle.mjs` and the official
//! service installed beside it (npm: `@kusto/language-service-next`); with Node it is measured on the same
//! queries in the same run, between two runs of ours. `KQL_SAMPLE` is how many queries are taken, spread
//! evenly.

mod support;

use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nightjar::kql::classify::classify_analysis;
use nightjar::kql::format::Style;
use nightjar::kql::{self, Schema};
use serde_json::Value;
use support::{Samples, judged, say};

/// Queries measured, where nothing else is asked for: the official service takes a minute for so many.
const SAMPLE: usize = 200;

/// Rounds of ours; the official service makes one after one to warm up.
const ROUNDS: usize = 5;

/// The largest growth of time for ten times the text.
const GROWTH: f64 = 11.0;

/// What is measured: the name, the official service's name of it, how many times as fast it should be.
const PHASES: &[(&str, &str, Option<f64>)] = &[
    ("parse", "a_parse", Some(100.0)),
    ("check", "b_parse_and_diagnose", Some(100.0)),
    ("check and classify", "c_with_classification", None),
    ("complete at the end", "d_completion_at_end", Some(200.0)),
];

fn main() {
    let queries = queries();
    let ours = speed(&queries);
    match official(&queries) {
        Ok(theirs) => compare(&queries, ours, &theirs),
        Err(why) => {
            say(&format!("{} queries; ours alone: {why}", queries.len()));
            for ((name, ..), samples) in PHASES.iter().zip(&ours) {
                say(&format!("  {name:20} {}", figures(samples)));
            }
        }
    }
    lint_and_format(&queries);
    sizes();
    nesting();
}

/// Queries of the corpus, else a few of our own.
fn queries() -> Vec<String> {
    let named = std::env::var_os("KQL_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kql/corpus-dev.jsonl");
    let text = std::fs::read_to_string(named.unwrap_or(beside)).unwrap_or_default();
    let all: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|row| row["query"].as_str().map(str::to_owned))
        .collect();
    if all.is_empty() {
        say("no corpus is there: a few queries of our own");
        return OWN.iter().map(|it| (*it).to_owned()).collect();
    }
    let wanted: usize = std::env::var("KQL_SAMPLE")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(SAMPLE);
    let step = (all.len() / wanted.max(1)).max(1);
    all.into_iter().step_by(step).take(wanted).collect()
}

const OWN: &[&str] = &[
    "DeviceProcessEvents\n| where Timestamp > ago(7d)\n| where FileName =~ 'rundll32.exe' and ProcessCommandLine has_any ('javascript:', 'http')\n| project Timestamp, DeviceName, AccountName, ProcessCommandLine\n| top 100 by Timestamp",
    "let since = ago(1d);\nlet rare = DeviceNetworkEvents\n| where Timestamp > since and RemoteIPType == 'Public'\n| summarize Devices = dcount(DeviceId) by RemoteIP\n| where Devices < 3;\nDeviceNetworkEvents\n| where Timestamp > since\n| join kind=inner rare on RemoteIP\n| summarize arg_max(Timestamp, *) by DeviceId, RemoteIP",
    "EmailEvents\n| where Timestamp > ago(3d) and ThreatTypes has 'Phish'\n| join kind=leftouter EmailUrlInfo on NetworkMessageId\n| summarize Urls = make_set(Url, 10), Mails = count() by SenderFromDomain\n| order by Mails desc",
];

/// One round of each phase over all queries to warm up, then the measured ones.
fn speed(queries: &[String]) -> Vec<Samples> {
    let schema = Schema::hunting();
    let work: [&dyn Fn(&str); 4] = [
        &|query| drop(black_box(kql::parse(query))),
        &|query| drop(black_box(kql::analyze(query, schema))),
        &|query| {
            let analysis = kql::analyze(query, schema);
            drop(black_box(classify_analysis(query, &analysis)));
        },
        &|query| drop(black_box(kql::complete(query, query.len() as u32, schema))),
    ];
    work.iter().map(|work| timed(queries, work)).collect()
}

fn timed(queries: &[String], work: &dyn Fn(&str)) -> Samples {
    let mut samples = Samples::default();
    for round in 0..=ROUNDS {
        for query in queries {
            let began = Instant::now();
            work(query);
            if round > 0 {
                samples.add(began.elapsed());
            }
        }
    }
    samples
}

/// `49210 queries/s  median 0.015 ms  p95 0.050 ms`.
fn figures(samples: &Samples) -> String {
    format!(
        "{:8.0} queries/s  median {}  p95 {}",
        samples.per_second(),
        fine(samples.at(0.5)),
        fine(samples.at(0.95))
    )
}

fn fine(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}

/// The official service over the same queries: its own report.
fn official(queries: &[String]) -> Result<Value, String> {
    let folder = std::env::var_os("KQL_ORACLE").ok_or("KQL_ORACLE names no folder")?;
    let script = Path::new(&folder).join("oracle.mjs");
    if !script.is_file() {
        return Err(format!("{} is not there", script.display()));
    }
    let mut command = Command::new("node");
    command
        .arg(&script)
        .args(["--bench", "1"])
        .current_dir(&folder);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/hunting-schema.json");
    if schema.is_file() {
        command.arg("--schema").arg(schema);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| format!("node: {why}"))?;
    let mut input = child.stdin.take().ok_or("no input")?;
    for query in queries {
        let line = serde_json::json!({"id": 0, "query": query});
        writeln!(input, "{line}").map_err(|why| why.to_string())?;
    }
    drop(input);
    let said = child.wait_with_output().map_err(|why| why.to_string())?;
    serde_json::from_slice(&said.stdout).map_err(|why| format!("its report: {why}"))
}

fn compare(queries: &[String], before: Vec<Samples>, theirs: &Value) {
    let after = speed(queries);
    say(&format!(
        "{} queries, one thread; the official service in the same run",
        queries.len()
    ));
    for (((name, theirs_name, aim), before), after) in PHASES.iter().zip(before).zip(after) {
        let mut ours = before;
        ours.join(after);
        let phase = &theirs["phases"][theirs_name];
        let number = |name: &str| phase[name].as_f64().unwrap_or(f64::NAN);
        let many = ours.per_second() / number("queries_per_s");
        let median = number("median_ms") / (ours.at(0.5).as_secs_f64() * 1000.0);
        say(&format!("  {name:20} ours     {}", figures(&ours)));
        say(&format!(
            "  {:20} official {:8.0} queries/s  median {:.3} ms  p95 {:.3} ms",
            "",
            number("queries_per_s"),
            number("median_ms"),
            number("p95_ms")
        ));
        let verdict = aim.map_or(String::new(), |aim| {
            format!(" (aim {aim:.0}: {})", judged(many >= aim))
        });
        say(&format!(
            "  {:20} {many:.0} times the queries, {median:.0} times at the median{verdict}",
            ""
        ));
    }
}

/// What the official service has no counterpart of.
fn lint_and_format(queries: &[String]) {
    let schema = Schema::hunting();
    let lint = timed(queries, &|query| {
        let analysis = kql::analyze(query, schema);
        drop(black_box(kql::lint(query, &analysis, schema)));
    });
    say(&format!(
        "  {:20} ours     {}",
        "check and lint",
        figures(&lint)
    ));
    let format = timed(queries, &|query| {
        drop(black_box(kql::format(query, Style::default())));
    });
    say(&format!("  {:20} ours     {}", "format", figures(&format)));
}

/// Makes a text of about so many bytes.
type Make = fn(usize) -> String;

/// Texts of one shape.
const SHAPES: &[(&str, Make)] = &[
    ("pipes", |size| {
        let step = "| where DeviceId == 'a'\n";
        format!("DeviceInfo\n{}", step.repeat(size / step.len()))
    }),
    ("extends", |size| {
        let steps = (0..size / 40).map(|i| format!("| extend c{i} = strlen(DeviceName)\n"));
        format!("DeviceInfo\n{}", steps.collect::<String>())
    }),
    ("or", |size| {
        format!(
            "DeviceInfo | where {}",
            vec!["DeviceId == 'a'"; size / 19].join(" or ")
        )
    }),
    ("sum", |size| {
        format!("print x = {}", vec!["1"; size / 4].join(" + "))
    }),
    ("list", |size| {
        format!(
            "DeviceInfo | where DeviceId in ({})",
            vec!["'abcdef'"; size / 10].join(", ")
        )
    }),
    ("lets", |size| {
        let lets = (0..size / 24).map(|i| format!("let v{i} = {i} + 1;\n"));
        format!("{}print v0", lets.collect::<String>())
    }),
    ("functions", |size| {
        let lets =
            (0..size / 60).map(|i| format!("let f{i} = (n: long) {{ print m = n + {i} }};\n"));
        format!("{}f0(1)", lets.collect::<String>())
    }),
    ("union", |size| {
        format!("union {}", vec!["DeviceInfo"; size / 12].join(", "))
    }),
    ("members", |size| {
        format!("print d = dynamic({{}}){}", ".abc".repeat(size / 4))
    }),
    ("comments", |size| {
        let line = "// nothing is said here\n";
        format!("{}print 1", line.repeat(size / line.len()))
    }),
    ("broken", |size| {
        let step = "| where DeviceNmae = = 'a' (\n";
        format!("DeviceInfo\n{}", step.repeat(size / step.len()))
    }),
];

/// The time for ten times the text, a line a shape.
fn sizes() {
    let schema = Schema::hunting();
    say("cost with size, check: 10 KB, 100 KB, 1 MB; the growth from each to the next");
    for (name, make) in SHAPES {
        let times: Vec<f64> = [10_000, 100_000, 1_000_000]
            .map(|size| {
                let text = make(size);
                let rounds = (2_000_000 / size).clamp(9, 50);
                let once = |_| {
                    let began = Instant::now();
                    drop(black_box(kql::analyze(&text, schema)));
                    began.elapsed().as_secs_f64() * 1000.0
                };
                (0..rounds).map(once).fold(f64::INFINITY, f64::min)
            })
            .into();
        let growth = [times[1] / times[0], times[2] / times[1]];
        say(&format!(
            "  {name:10} {:8.2} ms {:8.2} ms {:8.2} ms   x{:.1} x{:.1}  {}",
            times[0],
            times[1],
            times[2],
            growth[0],
            growth[1],
            judged(growth.iter().all(|it| *it <= GROWTH))
        ));
    }
}

/// Ten thousand brackets within one another, on a thread with the smallest usual stack.
fn nesting() {
    say("10,000 nested brackets: check, classify, complete, format");
    for (open, close) in [
        ("(", ")"),
        ("f(", ")"),
        ("dynamic([", "])"),
        ("toscalar(", ")"),
        ("a[", "]"),
        ("-(", ")"),
    ] {
        let text = format!("print {}1{}", open.repeat(10_000), close.repeat(10_000));
        let work = move || {
            let schema = Schema::hunting();
            let middle = (text.len() / 2) as u32;
            let began = Instant::now();
            let analysis = kql::analyze(&text, schema);
            let colours = classify_analysis(&text, &analysis).len();
            let offered = kql::complete(&text, middle, schema).items.len();
            let _ = black_box(kql::format(&text, Style::default()));
            (
                began.elapsed(),
                analysis.diagnostics.len(),
                colours,
                offered,
            )
        };
        match std::thread::spawn(work).join() {
            Ok((took, found, colours, _)) => say(&format!(
                "  {open:10} {}  {found} findings, {colours} colours",
                fine(took)
            )),
            Err(_) => say(&format!("  {open:10} failed")),
        }
    }
}
