//! Whether the language service keeps what it should let go: live heap before and after a thousand
//! rounds of parsing, checking, linting, colouring, completing, formatting and asking for help, each a
//! query of its own kind. Aim: not a byte.
//!
//!     cargo bench --bench kql_heap

mod support;

use std::hint::black_box;

use nightjar::kql::classify::classify_analysis;
use nightjar::kql::format::Style;
use nightjar::kql::{self, Schema, assist};
use peak_alloc::PeakAlloc;
use support::{judged, say};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const ROUNDS: usize = 1_000;

const QUERIES: &[&str] = &[
    "DeviceProcessEvents | where Timestamp > ago(1d) and FileName =~ 'cmd.exe' | summarize count() by DeviceName",
    "let f = (n: long) { print m = n }; let x = dynamic([1, 2]); f(1) | join kind=inner (print m = 1) on m",
    "DeviceNmae | where (",
    "EmailEvents | mv-expand x = split(Subject, ' ') | extend y = tostring(x) | where y ma",
    "",
];

fn round() {
    let schema = Schema::hunting();
    for query in QUERIES {
        let analysis = kql::analyze(query, schema);
        black_box(kql::lint(query, &analysis, schema));
        black_box(classify_analysis(query, &analysis));
        black_box(assist::hover(
            query,
            &analysis,
            schema,
            (query.len() / 2) as u32,
        ));
        black_box(assist::signature_help(query, query.len() as u32, schema));
        black_box(kql::complete(query, query.len() as u32, schema).items.len());
        let _ = black_box(kql::format(query, Style::default()));
    }
}

fn main() {
    // What is made once and kept (the schema, the lists of functions) is made now.
    for _ in 0..10 {
        round();
    }
    // The first line brings the output's own buffer.
    say("live heap before and after");
    let before = HEAP.current_usage();
    for _ in 0..ROUNDS {
        round();
    }
    let after = HEAP.current_usage();
    let grown = after as i128 - before as i128;
    say(&format!(
        "  {before} bytes, {after} bytes after {ROUNDS} rounds of {} queries: {grown} more ({})",
        QUERIES.len(),
        judged(grown <= 0)
    ));
}
