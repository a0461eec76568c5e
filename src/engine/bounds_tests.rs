//! How far a query goes: which conditions reach an index, what is read at all, how soon it stops, and how much
//! it may keep.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;

/// A little over a year of ticks, an hour apart, on ten machines.
const EVENTS: i64 = 10_000;
const HOUR: i64 = 36_000_000_000;
const NOW: i64 = 638_500_000_000_000_000;

fn filled(events: i64) -> (Engine, Catalog) {
    let columns = [
        ("Timestamp", Type::DateTime),
        ("Device", Type::String),
        ("Port", Type::Long),
        ("Line", Type::String),
        ("Fields", Type::Dynamic),
    ];
    let engine = Engine::in_memory().expect("works");
    let mut catalog = Catalog::new();
    for name in ["A", "B"] {
        let table = TableDef::native(name, columns);
        let db = engine.connection();
        db.execute_batch(&table.create_sql()).expect("works");
        db.execute_batch(&format!(
            "CREATE INDEX \"{name}~Timestamp\" ON {name} (Timestamp);
             CREATE INDEX \"{name}~Device\" ON {name} (Device);
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {events})
             INSERT INTO {name} SELECT {NOW} - i * {HOUR}, 'host-' || (i % 10), i % 100,
                 'line ' || i || ' of {name}', json_array(i, 'x') FROM n;"
        ))
        .expect("works");
        catalog.insert(table);
    }
    engine.connection().execute_batch("ANALYZE").expect("works");
    (engine, catalog)
}

fn options() -> Options {
    Options {
        now: Some(NOW),
        ..Options::default()
    }
}

/// How SQLite carries a query out.
fn steps(engine: &Engine, catalog: &Catalog, query: &str) -> String {
    let sql = engine.explain(query, catalog, &options()).expect(query);
    let mut statement = engine
        .connection()
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("works");
    let rows = statement.query_map([], |row| row.get::<_, String>(3));
    let all: Vec<String> = rows.expect("works").map(|r| r.expect("text")).collect();
    all.join("\n")
}

#[test]
fn conditions_reach_the_index_through_what_stands_between() {
    let (engine, catalog) = filled(EVENTS);
    for query in [
        "A | where Timestamp > ago(1d)",
        "A | where Timestamp between (ago(2d) .. ago(1d)) | count",
        "A | where Device == 'host-3' and Line has 'line'",
        "A | where Device in ('host-3', 'host-4') | count",
        "A | extend Host = Device, At = Timestamp | where At > ago(1d) | project Host",
        "A | project At = Timestamp, Line | where At > ago(1d)",
        "A | project At = Timestamp, Line | extend Two = strcat(Line, Line) | where Two has 'x' and At > ago(1d)",
        "let V = A | where Port > 5; V | where Timestamp > ago(1d) | count",
        "let V = A | where Port > 5; V | where Timestamp > ago(1d) | union (V | where Timestamp > ago(2d)) | count",
        "let F = (d: string) { A | where Device == d }; F('host-1') | count",
        "A | sort by Port asc | where Timestamp > ago(1d)",
        "A | where Timestamp > ago(1d) | join kind=inner (A | where Timestamp > ago(1d)) on Device | count",
        "A | join kind=inner (B | where Timestamp > ago(1d)) on Device | where Timestamp > ago(1d) | count",
    ] {
        let steps = steps(&engine, &catalog, query);
        assert!(steps.contains("SEARCH A USING"), "{query}\n{steps}");
    }
}

#[test]
fn conditions_reach_the_legs_of_a_union() {
    let (engine, catalog) = filled(EVENTS);
    for query in [
        "union A, B | where Timestamp > ago(1d)",
        "union withsource=Which A, B | where Timestamp > ago(1d) | summarize count() by Which",
        "A | union B | where Timestamp > ago(1d) and Device == 'host-1' | summarize count() by Device",
        "union (A | where Port > 3), (B | project Timestamp, Port) | where Timestamp > ago(1d) | count",
    ] {
        let steps = steps(&engine, &catalog, query);
        for table in ["A", "B"] {
            assert!(
                steps.contains(&format!("SEARCH {table} USING")),
                "{query}\n{steps}"
            );
        }
    }
}

#[test]
fn conditions_stay_behind_what_they_would_change() {
    let (engine, catalog) = filled(200);
    let count = |query: &str| engine.run(query, &catalog, &options()).expect(query).rows;
    // the first ten rows, not ten rows of the last day
    assert_eq!(
        count("A | top 10 by Timestamp asc | where Timestamp > ago(1d) | count"),
        [[Value::Long(0)]]
    );
    assert_eq!(
        count("A | sort by Timestamp asc | take 10 | where Timestamp > ago(1d) | count"),
        [[Value::Long(0)]]
    );
    // numbers are given before rows go
    assert_eq!(
        count(
            "A | sort by Timestamp asc | extend n = row_number() | where Timestamp > ago(1h) | project n"
        ),
        [[Value::Long(200)]]
    );
    // the latest of each, of which none is old
    assert_eq!(
        count(
            "A | summarize arg_max(Timestamp, Line) by Device | where Timestamp < ago(2d) | count"
        ),
        [[Value::Long(0)]]
    );
    // one row of each key on the left, chosen before the condition
    assert_eq!(
        count(
            "A | where Timestamp > ago(100h) | join B on Device | summarize dcount(Line) by Device | where dcount_Line != 1 | count"
        ),
        [[Value::Long(0)]]
    );
    // rows without a partner stay, whatever is asked of the partner's side before
    assert_eq!(
        count(
            "A | join kind=leftouter (B | where Port == 777) on Device | where isnull(Port1) | count"
        ),
        [[Value::Long(200)]]
    );
    assert_eq!(
        count(
            "A | join kind=leftouter (B | where Port == 7) on Device, Port | where Port1 == 7 | count"
        ),
        [[Value::Long(4)]]
    );
}

#[test]
fn what_nobody_reads_is_not_carried_along() {
    let (engine, catalog) = filled(10);
    for query in [
        "A | join B on Device | summarize count() by Port1",
        "A | serialize n = row_number() | where n > 3 | project Port",
        "let V = materialize(A | where Line has 'line'); V | summarize count() by Port | union (V | summarize count() by Port)",
        "A | mv-apply f = Fields to typeof(long) on (summarize s = sum(f)) | summarize count() by s",
    ] {
        let sql = engine.explain(query, &catalog, &options()).expect(query);
        let read = sql.matches("\"Line\"").count() - usize::from(query.contains("has"));
        assert_eq!(read, 0, "{query}\n{sql}");
    }
}

#[test]
fn what_is_left_out_changes_no_rows() {
    let (engine, catalog) = filled(50);
    let text = |query: &str| {
        let result = engine.run(query, &catalog, &options()).expect(query);
        let rows: Vec<String> = result
            .rows
            .iter()
            .map(|row| row.iter().map(to_text).collect::<Vec<_>>().join("|"))
            .collect();
        rows.join("; ")
    };
    // keys that nobody reads still part the rows
    assert_eq!(
        text("A | summarize c = count() by Device, Port | summarize sum(c), count()"),
        "50|50"
    );
    assert_eq!(text("A | distinct Device, Port | count"), "50");
    assert_eq!(
        text(
            "A | summarize arg_max(Timestamp, Line) by Device | where Line has '3' | project Line"
        ),
        "line 3 of A"
    );
    assert_eq!(text("A | summarize count(), max(Port) | project 1"), "1");
    assert_eq!(text("A | top 2 by Timestamp | project Port"), "0; 1");
    assert_eq!(text("A | top-nested 1 of Device by sum(Port) | count"), "1");
    assert_eq!(
        text("A | partition by Device (top 1 by Timestamp | project Port) | summarize sum(Port)"),
        "45"
    );
    assert_eq!(text("union A, B | distinct Port | count"), "50");
    assert_eq!(
        text("range x from 1 to 3 step 1 | extend y = x * 2 | project y"),
        "2; 4; 6"
    );
}

#[test]
fn take_stops_the_scan() {
    let (engine, catalog) = filled(EVENTS);
    let slow = "A | where Line matches regex 'of (A|B)$'";
    let rows = |query: &str| {
        let begun = Instant::now();
        let rows = engine
            .run(query, &catalog, &options())
            .expect(query)
            .rows
            .len();
        (rows, begun.elapsed())
    };
    let steps = |query: &str| {
        let sql = engine.explain(query, &catalog, &options()).expect(query);
        let mut statement = engine.connection().prepare(&sql).expect("works");
        let mut rows = statement.query([]).expect("works");
        while rows.next().expect("works").is_some() {}
        drop(rows);
        statement.get_status(rusqlite::StatementStatus::VmStep)
    };
    assert_eq!(rows(&format!("{slow} | take 3")).0, 3);
    assert!(steps(&format!("{slow} | take 3")) * 100 < steps(slow));
    assert!(
        steps(&format!("{slow} | project Port | take 3 | extend x = Port")) * 100 < steps(slow)
    );
}

/// Queries that would run for a long time, each in a step of its own kind.
const HEAVY: &[&str] = &[
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | count",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | summarize dcount(strcat(Line, Line1)) by Port",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | sort by Line1 desc, Line asc | take 5",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | summarize percentile(Port * Port1, 37) by k",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | where strcat(Line, Line1) matches regex '(a|b|c)+9{3}x' | count",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | project Line, Line1",
    "A | extend k = 1 | join kind=inner (B | extend k = 1) on k | serialize n = row_number() | summarize max(n)",
    "range x from 1 to 1000000000 step 1 | where x % 7 == 9 | count",
    "range x from 1 to 1000000000 step 1 | summarize make_set(x % 1000)",
    "range x from 1 to 1000000000 step 1 | extend s = parse_json(strcat('{\"a\":', x, '}')).a | summarize sum(tolong(s))",
    "range x from 1 to 1000000000 step 1 | mv-expand y = range(1, 100) to typeof(long) | summarize count() by y",
];

#[test]
fn a_query_is_cancelled_at_any_moment() {
    // Slow machines, and machines with much to do, may take much longer than the 50 ms that are wanted.
    const SLACK: Duration = Duration::from_secs(2);
    let (engine, catalog) = filled(EVENTS);
    let mut delays = Vec::new();
    for (place, query) in HEAVY.iter().enumerate() {
        for wait in [1, 40 + 17 * place as u64] {
            let options = options();
            let cancel = options.cancel.clone();
            let (send, receive) = mpsc::channel();
            let other = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(wait));
                cancel.cancel();
                let _ = send.send(Instant::now());
            });
            let mut rows = 0;
            let answer = engine.stream(query, &catalog, &options, &mut Counting(&mut rows));
            let ended = Instant::now();
            let raised = receive.recv().expect("it was raised");
            other.join().expect("it ends");
            assert!(
                matches!(answer, Err(EngineError::Cancelled)),
                "{query}: {answer:?}"
            );
            delays.push((ended.saturating_duration_since(raised), *query));
        }
    }
    delays.sort();
    let (worst, query) = delays[delays.len() - 1];
    assert!(worst < SLACK, "{query} took {worst:?} to stop");
    // The engine is of use afterwards.
    let count = engine
        .run("A | count", &catalog, &options())
        .expect("works");
    assert_eq!(count.rows, [[Value::Long(EVENTS)]]);
}

struct Counting<'a>(&'a mut usize);

impl RowSink for Counting<'_> {
    fn columns(&mut self, _: &[Column]) {}

    fn row(&mut self, _: Vec<Value>) -> std::ops::ControlFlow<()> {
        *self.0 += 1;
        std::ops::ControlFlow::Continue(())
    }
}

#[test]
fn a_cancelled_flag_stops_nothing_else() {
    let (engine, catalog) = filled(10);
    let first = options();
    engine.run("A | count", &catalog, &first).expect("works");
    // raised when its query is over
    first.cancel.cancel();
    engine
        .run("A | count", &catalog, &options())
        .expect("works");
    let again = engine.run("A | count", &catalog, &first);
    assert!(matches!(again, Err(EngineError::Cancelled)), "{again:?}");
}

#[test]
fn what_keeps_too_much_says_so() {
    let (engine, catalog) = filled(EVENTS);
    let small = Options {
        max_bytes: Some(100_000),
        ..options()
    };
    for (query, what) in [
        ("A | summarize make_list(Line)", "make_list()"),
        ("A | summarize make_set(Line) by Device", "make_set()"),
        ("A | summarize make_list(Fields)", "make_list()"),
        (
            "A | summarize percentile(Port, 50), percentile(Port, 90)",
            "percentile()",
        ),
        ("A", "the result"),
    ] {
        match engine.run(query, &catalog, &small) {
            Err(error @ EngineError::TooLarge { .. }) => {
                let text = error.to_string();
                assert!(
                    text.contains(what) && text.contains("memory"),
                    "{query}: {text}"
                );
            }
            other => panic!("{query}: {other:?}"),
        }
        // within the usual bound it runs
        engine.run(query, &catalog, &options()).expect(query);
    }
    // what is handed on row by row is not kept, and groups that are done are forgotten
    let mut rows = 0;
    engine
        .stream(
            "A | project Line",
            &catalog,
            &small,
            &mut Counting(&mut rows),
        )
        .expect("works");
    assert_eq!(rows as i64, EVENTS);
    engine
        .run(
            "A | summarize make_set(Line) by Port | summarize count()",
            &catalog,
            &small,
        )
        .expect("works");
}

#[test]
fn a_value_has_a_longest_length() {
    let engine = Engine::in_memory().expect("works");
    let query = "range x from 1 to 4000 step 1
        | summarize l = make_list(strcat(x, strrep('0123456789', 1000)))";
    match engine.run(query, &Catalog::new(), &Options::default()) {
        Err(EngineError::TooLarge { what, limit }) => {
            assert_eq!((what.as_str(), limit), ("one value", LONGEST_VALUE as u64));
        }
        other => panic!("{other:?}"),
    }
}
