//! Whole queries, each with the rows it must give.

mod outside;

use super::*;
use crate::engine::time::parse_datetime;

fn run(query: &str) -> ResultSet {
    let engine = Engine::in_memory().expect("works");
    match engine.run(query, &Catalog::new(), &Options::default()) {
        Ok(result) => result,
        Err(error) => {
            let sql = engine.explain(query, &Catalog::new(), &Options::default());
            panic!("{query}\n{error}\n{}", sql.unwrap_or_default())
        }
    }
}

/// Rows as text: cells by `|`, rows by `; `.
fn rows(query: &str) -> String {
    let rows: Vec<String> = run(query)
        .rows
        .iter()
        .map(|row| row.iter().map(to_text).collect::<Vec<_>>().join("|"))
        .collect();
    rows.join("; ")
}

fn refused(query: &str) -> String {
    let engine = Engine::in_memory().expect("works");
    match engine.run(query, &Catalog::new(), &Options::default()) {
        Ok(result) => panic!("{query} gave {:?}", result.rows),
        Err(error) => error.to_string(),
    }
}

const PEOPLE: &str = "let P = datatable(name:string, team:string, age:long)
  ['ann', 'red', 31, 'bob', 'red', long(null), 'cid', 'blue', 25, 'dee', '', 40];";

#[test]
fn rows_are_kept_made_and_named() {
    assert_eq!(
        rows(&format!("{PEOPLE} P | where team == 'red' | project name")),
        "ann; bob"
    );
    assert_eq!(rows(&format!("{PEOPLE} P | where age != 31 | count")), "3");
    assert_eq!(
        rows(&format!("{PEOPLE} P | where age > 30 or age <= 30 | count")),
        "3"
    );
    assert_eq!(
        rows("print a = 1, b = 'x' | extend c = a + 1, a = 5"),
        "5|x|2"
    );
    assert_eq!(
        rows("print a = 1, b = 2, c = 3 | project-away b | project-rename z = c"),
        "1|3"
    );
    assert_eq!(rows("range x from 3 to -1 step -2"), "3; 1; -1");
    assert_eq!(rows("print x = 1 | where x > 1"), "");
}

#[test]
fn groups_and_aggregates() {
    assert_eq!(
        rows(&format!(
            "{PEOPLE} P | summarize n = count(), s = sum(age), m = avg(age) by team | sort by team asc"
        )),
        "|1|40|40; blue|1|25|25; red|2|31|31"
    );
    assert_eq!(
        rows(&format!(
            "{PEOPLE} P | summarize arg_max(age, *) by team | sort by team asc | project team, name"
        )),
        "|dee; blue|cid; red|ann"
    );
    assert_eq!(
        rows(&format!(
            "{PEOPLE} P | summarize arg_max(age, name), arg_min(age, name), max(name)"
        )),
        "40|dee|25|cid|dee"
    );
    assert_eq!(
        rows(&format!("{PEOPLE} P | summarize countif(age > 30) / 2.0")),
        "1"
    );
    assert_eq!(
        rows("range x from 1 to 5 step 1 | sort by x desc | summarize make_list(x), dcount(x % 2)"),
        "[5,4,3,2,1]|2"
    );
    assert_eq!(
        rows("datatable(x:long)[] | summarize count(), sum(x), make_set(x)"),
        "0||[]"
    );
}

#[test]
fn order_and_limits() {
    assert_eq!(
        rows(&format!("{PEOPLE} P | sort by age desc | project name")),
        "dee; ann; cid; bob"
    );
    assert_eq!(
        rows(&format!(
            "{PEOPLE} P | top 1 by age asc nulls last | project name"
        )),
        "cid"
    );
    assert_eq!(
        rows("range x from 1 to 9 step 1 | top 3 by x | where x != 8"),
        "9; 7"
    );
    assert_eq!(
        rows("range x from 1 to 9 step 1 | take 3 | summarize sum(x)"),
        "6"
    );
    assert_eq!(
        rows(
            "range x from 1 to 4 step 1 | sort by x desc | extend r = row_number(), p = prev(x), c = row_cumsum(x)"
        ),
        "4|1||4; 3|2|4|7; 2|3|3|9; 1|4|2|10"
    );
    assert_eq!(
        rows(
            "range x from 1 to 6 step 1 | sort by x asc | extend r = row_number(1, x % 3 == 0) | project r"
        ),
        "1; 2; 1; 2; 3; 1"
    );
}

#[test]
fn joins_of_every_kind() {
    let both = "let L = datatable(k:string, v:long)['a', 1, 'b', 2, 'b', 3, 'c', 4];
      let R = datatable(k:string, w:long)['b', 20, 'b', 21, 'd', 40];";
    let joined = |kind: &str| {
        rows(&format!(
            "{both} L | join {kind} R on k | sort by v asc, w asc | project v, w"
        ))
    };
    assert_eq!(joined(""), "2|20; 2|21");
    assert_eq!(joined("kind=inner"), "2|20; 2|21; 3|20; 3|21");
    assert_eq!(joined("kind=leftouter"), "1|; 2|20; 2|21; 3|20; 3|21; 4|");
    assert_eq!(joined("kind=rightouter"), "|40; 2|20; 2|21; 3|20; 3|21");
    assert_eq!(
        joined("kind=fullouter"),
        "|40; 1|; 2|20; 2|21; 3|20; 3|21; 4|"
    );
    assert_eq!(
        rows(&format!(
            "{both} L | join kind=leftanti R on k | sort by v asc | project v"
        )),
        "1; 4"
    );
    assert_eq!(
        rows(&format!(
            "{both} L | join kind=leftsemi R on k | sort by v asc | project v"
        )),
        "2; 3"
    );
    assert_eq!(
        rows(&format!(
            "{both} L | join kind=rightanti R on k | project w"
        )),
        "40"
    );
    assert_eq!(
        rows(&format!(
            "{both} L | join kind=rightsemi R on k | sort by w asc | project w"
        )),
        "20; 21"
    );
    assert_eq!(
        rows(&format!(
            "{both} L | lookup R on k | where isnull(w) | sort by v asc | project k, v"
        )),
        "a|1; c|4"
    );
}

#[test]
fn sets_of_rows() {
    assert_eq!(
        rows("union (print a = 1), (print b = 'x') | sort by a asc"),
        "|x; 1|"
    );
    assert_eq!(
        rows("let T = range x from 1 to 3 step 1; T | where x in ((T | where x > 1)) | count"),
        "2"
    );
    assert_eq!(
        rows("let m = toscalar(range x from 1 to 4 step 1 | summarize max(x)); print m * 2"),
        "8"
    );
    assert_eq!(
        rows("range x from 1 to 6 step 1 | distinct y = x % 2 | sort by y asc"),
        "0; 1"
    );
}

#[test]
fn dynamic_values_and_their_rows() {
    assert_eq!(
        rows("print d = dynamic({'a': [1, {'b': 'x'}]}) | project d.a[1].b, d.a[-2], d.no.such"),
        "\"x\"|1|"
    );
    assert_eq!(
        rows(
            "datatable(k:long, a:dynamic)[1, dynamic([5, 6]), 2, dynamic([]), 3, dynamic(null)] | mv-expand a to typeof(long)"
        ),
        "1|5; 1|6; 3|"
    );
    assert_eq!(
        rows(
            "datatable(k:long, a:dynamic)[1, dynamic([5, 9, 7]), 2, dynamic([4])]
          | mv-apply a to typeof(long) on (top 1 by a) | sort by k asc"
        ),
        "1|9; 2|4"
    );
    assert_eq!(
        rows(
            "print d = dynamic({'z': 1, 'a': 'x'}), k = 7 | evaluate bag_unpack(d) | project k, a, z"
        ),
        "7|x|1"
    );
    assert_eq!(
        rows(
            "datatable(s:string)['u=bob id=7', 'nothing'] | parse s with 'u=' u ' id=' id:long | project u, id"
        ),
        "bob|7; |"
    );
    assert_eq!(
        rows("range x from 1 to 6 step 1 | partition by x (take 1) | summarize sum(x)"),
        "21"
    );
}

#[test]
fn sequences_and_nested_tops() {
    assert_eq!(
        rows("range x from 1 to 4 step 1 | sort by x asc
          | scan with_match_id=m declare (total:long = 0) with (step s: true => total = x + s.total;)
          | project x, total"),
        "1|1; 2|3; 3|6; 4|10"
    );
    assert_eq!(
        rows("datatable(k:string, v:long)['a', 1, 'a', 5, 'b', 2, 'b', 9, 'c', 3]
          | top-nested 2 of k by s = sum(v), top-nested 1 of v by m = max(v) | sort by s desc | project k, s, v"),
        "b|11|9; a|6|5"
    );
    assert_eq!(
        rows(
            "range x from 1 to 6 step 1 | make-series n = count() default = 0 on x from 0 to 8 step 2"
        ),
        "[1,2,2,1]|[0,2,4,6]"
    );
    assert_eq!(
        rows(
            "datatable(k:string, c:string)['a', 'x', 'a', 'y', 'b', 'x'] | evaluate pivot(c) | sort by k asc"
        ),
        "a|1|1; b|1|0"
    );
}

#[test]
fn expressions_that_name_a_column_twice_do_not_grow_without_bound() {
    let mut query = "print a = 1".to_owned();
    for _ in 0..40 {
        query.push_str(" | extend a = a + a");
    }
    assert_eq!(rows(&query), (1u64 << 40).to_string());
    let deep = format!("print a = 1{}", " | extend a = a + 1".repeat(400));
    assert_eq!(rows(&deep), "401");
}

#[test]
fn time_is_counted_in_ticks() {
    let engine = Engine::in_memory().expect("works");
    let options = Options {
        now: parse_datetime("2024-05-06 07:08:09"),
        ..Options::default()
    };
    let result = engine
        .run(
            "print now(), ago(1d), now() - ago(2h)",
            &Catalog::new(),
            &options,
        )
        .expect("works");
    let text: Vec<String> = result.rows[0].iter().map(to_text).collect();
    assert_eq!(
        text,
        [
            "2024-05-06T07:08:09.0000000Z",
            "2024-05-05T07:08:09.0000000Z",
            "02:00:00"
        ]
    );
    assert_eq!(
        rows("print bin(datetime(2024-03-05 13:47), 1h)"),
        "2024-03-05T13:00:00.0000000Z"
    );
}

#[test]
fn what_is_not_done_is_named() {
    assert!(
        refused("print geo_distance_2points(1.0, 2.0, 3.0, 4.0)").contains("geo_distance_2points")
    );
    assert!(refused("NoSuchTable | take 1").contains("NoSuchTable"));
    assert!(refused("print 'a' matches regex '('").contains("regular expression"));
}

#[test]
fn a_query_can_be_stopped_and_has_a_time_limit() {
    let engine = Engine::in_memory().expect("works");
    let endless = "range x from 1 to 1000000000000 step 1 | summarize sum(x)";
    let options = Options {
        timeout: Some(std::time::Duration::from_millis(20)),
        ..Options::default()
    };
    assert!(matches!(
        engine.run(endless, &Catalog::new(), &options),
        Err(EngineError::TimedOut)
    ));
    let options = Options::default();
    let cancel = options.cancel.clone();
    let stopper = std::thread::spawn(move || cancel.cancel());
    assert!(matches!(
        engine.run(endless, &Catalog::new(), &options),
        Err(EngineError::Cancelled)
    ));
    stopper.join().expect("works");
    // The engine is as good as new.
    assert!(
        engine
            .run("print 1", &Catalog::new(), &Options::default())
            .is_ok()
    );
    let options = Options {
        max_rows: Some(3),
        ..Options::default()
    };
    let few = engine
        .run("range x from 1 to 10 step 1", &Catalog::new(), &options)
        .expect("works");
    assert_eq!((few.rows.len(), few.truncated), (3, true));
}

#[test]
fn tables_of_sqlite_are_queried_and_indexes_used() {
    let engine = Engine::in_memory().expect("works");
    let table = TableDef::native(
        "DeviceEvents",
        [
            ("Timestamp", Type::DateTime),
            ("DeviceName", Type::String),
            ("Port", Type::Int),
            ("More", Type::Dynamic),
        ],
    );
    let db = engine.connection();
    db.execute_batch(&table.create_sql()).expect("works");
    db.execute_batch("CREATE INDEX by_time ON DeviceEvents(Timestamp); CREATE INDEX by_name ON DeviceEvents(DeviceName)").expect("works");
    let start = parse_datetime("2024-01-01").expect("works");
    for i in 0..100i64 {
        let row = [
            Value::DateTime(start + i * time::HOUR),
            Value::String(format!("host-{}", i % 5)),
            if i % 2 == 0 {
                Value::Int(443)
            } else {
                Value::Null
            },
            Value::Dynamic(format!("{{\"n\":{i}}}")),
        ];
        db.execute(
            &table.insert_sql(),
            rusqlite::params_from_iter(row.iter().map(to_cell)),
        )
        .expect("works");
    }
    let catalog: Catalog = [table].into_iter().collect();
    let options = Options {
        now: Some(start + 100 * time::HOUR),
        ..Options::default()
    };
    let result = engine
        .run(
            "DeviceEvents | where Timestamp > ago(10h) and DeviceName =~ 'HOST-1' | project Port, n = tolong(More.n)",
            &catalog,
            &options,
        )
        .expect("works");
    assert_eq!(
        result.rows,
        [
            [Value::Null, Value::Long(91)],
            [Value::Int(443), Value::Long(96)]
        ]
    );
    for (query, index) in [
        (
            "DeviceEvents | where Timestamp > ago(10h) | project Port",
            "by_time",
        ),
        (
            "DeviceEvents | extend x = Port * 2 | where DeviceName == 'host-1' | take 3",
            "by_name",
        ),
        (
            "let T = DeviceEvents | where Port == 443; T | where DeviceName in ('host-1', 'host-2')",
            "by_name",
        ),
    ] {
        let sql = engine.explain(query, &catalog, &options).expect("works");
        let mut statement = db
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("works");
        let plan: Vec<String> = statement
            .query_map([], |r| r.get(3))
            .expect("works")
            .map(|line| line.expect("works"))
            .collect();
        assert!(
            plan.iter().any(|line| line.contains(index)),
            "{query}\n{sql}\n{plan:?}"
        );
    }
}

#[test]
fn a_long_pipeline_is_computed_in_parts_that_do_not_grow() {
    let sql = |pipes: usize| {
        let query = format!("print x = 1 {}", "| extend x = x + 1 ".repeat(pipes));
        let engine = Engine::in_memory().expect("works");
        let sql = engine.explain(&query, &Catalog::new(), &Options::default());
        (rows(&query), sql.expect("planned").len())
    };
    let (short, long) = (sql(400), sql(2000));
    assert_eq!((short.0.as_str(), long.0.as_str()), ("401", "2001"));
    assert!(long.1 < 2 * short.1, "{} against {}", long.1, short.1);
}

#[test]
fn a_long_pipeline_is_computed_in_few_parts() {
    let engine = Engine::in_memory().expect("works");
    let catalog = Catalog::new();
    let query = format!("print x = 1 {}", "| extend x = x + 1 ".repeat(1000));
    let bound = bind(&query, &catalog).expect("sound");
    let mut parts = Vec::new();
    let planner = plan::Planner::new(engine.connection(), &catalog, &bound, 0, &|| Ok(()));
    planner.finish(&mut parts).expect("planned");
    assert!((1..=4).contains(&parts.len()), "{parts:?}");
}

#[test]
fn planning_stops_between_operators() {
    let engine = Engine::in_memory().expect("works");
    let catalog = Catalog::new();
    let query = format!("print x = 1 {}", "| extend x = x + 1 ".repeat(600));
    let bound = bind(&query, &catalog).expect("sound");
    let looks = std::cell::Cell::new(0);
    let check = || {
        looks.set(looks.get() + 1);
        if looks.get() > 3 {
            Err(EngineError::Cancelled)
        } else {
            Ok(())
        }
    };
    let planner = plan::Planner::new(engine.connection(), &catalog, &bound, 0, &check);
    let stopped = planner.finish(&mut Vec::new());
    assert!(matches!(stopped, Err(EngineError::Cancelled)));
    assert_eq!(looks.get(), 4);
}

#[test]
fn lists_and_sets_end_at_the_documented_number_of_elements() {
    assert_eq!(
        rows(
            "range x from 1 to 1048600 step 1 | summarize l = make_list(x), s = make_set(x), f = make_list(x, 2000000), n = make_set(x, 2) | project array_length(l), array_length(s), array_length(f), n"
        ),
        "1048576|1048576|1048576|[1,2]"
    );
}

#[test]
fn reals_that_may_be_no_number_against_null() {
    let t = "let T = datatable(r:real, i:long) [1.0, 0, 2.0, 1, real(null), 1];
        T | extend i = iff(i == 0, long(null), i)";
    assert_eq!(rows(&format!("{t} | where (r / i) != r | project r")), "1");
    assert_eq!(
        rows(&format!("{t} | project a = (r / i) == r, b = (r / i) != r")),
        "false|true; true|false; |"
    );
}

#[test]
fn infinities_that_cancel_out_are_not_a_number() {
    let t = "let T = datatable(r:real, s:real) [real(+inf), 0.0, real(+inf), real(-inf)]; T";
    assert_eq!(
        rows(&format!("{t} | project r * s, r + s, r - r, 2 * r")),
        "NaN|Infinity|NaN|Infinity; -Infinity|NaN|NaN|Infinity"
    );
    // Not-a-number is in no list, loses against numbers and stays in a running sum.
    let t = format!("{t} | extend n = r * s");
    assert_eq!(
        rows(&format!(
            "{t} | project n in (0.0, real(nan)), max_of(n, 1.0), abs(n)"
        )),
        "false|1|NaN; false|1|Infinity"
    );
    assert_eq!(
        rows(&format!("{t} | serialize c = row_cumsum(n) | project c")),
        "NaN; NaN"
    );
}

#[test]
fn an_order_by_a_constant_orders_nothing() {
    let t = "let T = datatable(x:long) [5]; T";
    for by in ["7", "tolong('7')", "-(-7)", "toint(3)", "1 + 2"] {
        assert_eq!(rows(&format!("{t} | sort by {by}")), "5", "{by}");
        assert_eq!(rows(&format!("{t} | top 1 by {by}")), "5", "{by}");
        assert_eq!(
            rows(&format!("{t} | extend c = {by} | sort by c | project x")),
            "5",
            "{by}"
        );
    }
}

#[test]
fn abs_is_a_long_and_null_where_none_holds_it() {
    let made = run("print a = abs(getyear(datetime(2020-01-01)))");
    assert_eq!(made.columns[0].ty, Type::Long);
    assert_eq!(to_text(&made.rows[0][0]), "2020");
    assert_eq!(
        rows("print x = tolong('-9223372036854775808') | project abs(x), abs(x + 1)"),
        "|9223372036854775807"
    );
}

#[test]
fn stored_reals_may_be_no_number() {
    let engine = Engine::in_memory().expect("works");
    let def = TableDef::native("T", [("r", Type::Real)]);
    let connection = engine.connection();
    connection.execute_batch(&def.create_sql()).expect("made");
    for r in [f64::NAN, 1.0] {
        connection
            .execute(&def.insert_sql(), [to_cell(&Value::Real(r))])
            .expect("stored");
    }
    let catalog: Catalog = [def].into_iter().collect();
    let made = engine
        .run("T | where r >= r", &catalog, &Options::default())
        .expect("runs");
    assert_eq!(made.rows, [[Value::Real(1.0)]]);
}
