use super::*;
use crate::domain::hunting::{Cell, Column};
use crate::hunt::language::render;

/// A table of columns `name:type` and rows of cells as text; `-` is null.
fn table(columns: &str, rows: &[&str]) -> ResultTable {
    let mut made: Vec<Column> = columns
        .split(' ')
        .map(|it| it.split_once(':').expect("a type"))
        .map(|(name, kind)| Column::new(name, kind))
        .collect();
    for row in rows {
        let cells = row.split('|').map(str::trim);
        for (column, cell) in made.iter_mut().zip(cells) {
            use crate::domain::hunting::ColumnKind as K;
            match column.kind {
                _ if cell == "-" => column.push(Cell::Null),
                K::Long => column.push(Cell::Long(cell.parse().expect("a number"))),
                K::Real => column.push(Cell::Real(cell.parse().expect("a number"))),
                K::Time => {
                    column.push(Cell::Time(crate::domain::parse_time(cell).expect("a time")));
                }
                _ => column.push(Cell::Text(cell)),
            }
        }
    }
    ResultTable::new(made)
}

fn drawn(table: &ResultTable, query: &str) -> Result<Chart, String> {
    let render = render(query);
    let of = Subject {
        table,
        rows: None,
        render: render.as_ref(),
        focus: None,
    };
    let look = render.as_ref().and_then(Look::of);
    build(of, look.unwrap_or_else(|| suited(of)))
}

/// `name: slot=value …` of every series.
fn said(chart: &Chart) -> Vec<String> {
    let zone = TimeZone::UTC;
    chart
        .series
        .iter()
        .map(|series| {
            let points = series.points.iter().map(|it| {
                let place = chart.slot_name(it.slot as usize, &zone);
                let place = place.rsplit(' ').next().unwrap_or_default().to_owned();
                let value = it.y.map_or("-".to_owned(), scale::exact);
                let mark = match it.mark {
                    0 => "",
                    1 => "!",
                    _ => "?",
                };
                format!("{place}={value}{mark}")
            });
            format!("{}: {}", series.name, points.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

const HOURS: &[&str] = &[
    "powershell.exe | 2026-08-19T20:00:00Z | 4",
    "cmd.exe | 2026-08-19T20:00:00Z | 1",
    "powershell.exe | 2026-08-19T22:00:00Z | -",
    "powershell.exe | 2026-08-19T23:00:00Z | -7",
];

#[test]
fn a_time_chart_finds_its_time_and_one_column_of_words_wherever_they_stand() {
    let it = table("FileName:String Timestamp:DateTime count_:Int64", HOURS);
    let chart = drawn(&it, "T | render timechart").expect("is drawn");
    assert_eq!(
        said(&chart),
        [
            "powershell.exe: 20:00=4 22:00=- 23:00=-7",
            "cmd.exe: 20:00=1"
        ]
    );
    assert_eq!(
        (chart.axis, chart.x_title.as_str()),
        (Axis::Time, "Timestamp")
    );
    assert_eq!(chart.range(0), (-7.0, 4.0));
    let other = drawn(
        &it,
        "T | render timechart with (xcolumn=timestamp, ycolumns=count_, series=FileName)",
    );
    assert_eq!(said(&other.expect("is drawn")), said(&chart));
}

#[test]
fn what_the_query_names_and_the_result_lacks_is_told() {
    let it = table("FileName:String Timestamp:DateTime count_:Int64", HOURS);
    for (query, why) in [
        (
            "T | render barchart with (ycolumns=total)",
            "ycolumns names total",
        ),
        (
            "T | render barchart with (ycolumns=FileName)",
            "FileName is no number",
        ),
        (
            "T | render timechart with (series=Nobody)",
            "series names Nobody",
        ),
    ] {
        let said = drawn(&it, query).expect_err("cannot be drawn");
        assert!(said.contains(why), "{query}: {said}");
    }
    let words = table("A:String B:String", &["x | y"]);
    let said = drawn(&words, "T | render piechart").expect_err("cannot be drawn");
    assert!(said.contains("needs a numeric column"), "{said}");
    let said = drawn(
        &table("A:String n:Int64", &["x | 1"]),
        "T | render timechart",
    );
    assert!(
        said.expect_err("no time")
            .contains("needs a datetime column")
    );
    let empty = table("A:String n:Int64", &[]);
    assert!(
        drawn(&empty, "T | render piechart")
            .expect_err("none")
            .contains("no rows")
    );
    let nulls = table("A:String n:Int64", &["x | -"]);
    assert!(
        drawn(&nulls, "T | render barchart")
            .expect_err("none")
            .contains("null")
    );
    let below = table("A:String n:Int64", &["x | -4"]);
    assert!(
        drawn(&below, "T | render piechart")
            .expect_err("none")
            .contains("above zero")
    );
}

#[test]
fn several_figures_are_several_series_and_panels_where_they_are_split() {
    let it = table(
        "t:DateTime sent:Int64 got:Int64",
        &["2026-08-19T20:00:00Z|1|100", "2026-08-19T21:00:00Z|2|200"],
    );
    let chart = drawn(&it, "T | render linechart").expect("is drawn");
    assert_eq!(
        said(&chart),
        ["sent: 20:00=1 21:00=2", "got: 20:00=100 21:00=200"]
    );
    let split = drawn(&it, "T | render timechart with (ysplit=panels)").expect("is drawn");
    assert_eq!(split.panels, ["sent", "got"]);
    assert_eq!((split.range(0).1, split.range(1).1), (2.0, 200.0));
    let one = drawn(&it, "T | render timechart with (ycolumns=got)").expect("is drawn");
    assert_eq!(said(&one), ["got: 20:00=100 21:00=200"]);
}

#[test]
fn bars_of_one_name_are_added_up_and_hours_without_rows_are_seen() {
    let it = table(
        "t:DateTime n:Int64",
        &[
            "2026-08-19T20:00:00Z|1",
            "2026-08-19T20:00:00Z|2",
            "2026-08-19T21:00:00Z|5",
            "2026-08-19T23:00:00Z|7",
        ],
    );
    let chart = drawn(&it, "T | render columnchart").expect("is drawn");
    assert_eq!(said(&chart), ["n: 20:00=3 21:00=5 23:00=7"]);
    assert_eq!(chart.slots.len(), 4, "22:00 has a place");
    assert!(
        chart.told.iter().any(|it| it.contains("added up")),
        "{:?}",
        chart.told
    );
}

#[test]
fn stacks_reach_their_sum_and_a_hundred_percent() {
    let it = table(
        "k:String s:String n:Int64",
        &["a|x|30", "a|y|10", "b|x|5", "b|y|-5"],
    );
    let chart = drawn(&it, "T | render columnchart with (kind=stacked)").expect("is drawn");
    assert_eq!(said(&chart), ["x: a=30 b=5", "y: a=10 b=-5"]);
    assert_eq!(chart.range(0), (-5.0, 40.0));
    let full = drawn(&it, "T | render barchart with (kind=stacked100)").expect("is drawn");
    assert_eq!(full.drawn(&full.series[0], 0), Some(75.0));
    assert_eq!(full.drawn(&full.series[1], 1), Some(-50.0));
    assert_eq!(full.y_ticks((0.0, 100.0), 2)[1].label, "50%");
}

#[test]
fn many_series_become_others_and_that_is_told() {
    let rows: Vec<String> = (0..40)
        .flat_map(|at| {
            (0..2).map(move |hour| format!("p{at:02} | 2026-08-19T2{hour}:00:00Z | {}", 100 - at))
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let it = table("FileName:String Timestamp:DateTime n:Int64", &rows);
    let chart = drawn(&it, "T | render timechart").expect("is drawn");
    assert_eq!(chart.series.len(), MOST_SERIES + 1);
    let others = chart.series.last().expect("others");
    assert_eq!((&*others.name, others.folded), ("others (32)", 32));
    let sum: f64 = (8..40).map(|at| f64::from(100 - at)).sum();
    assert_eq!(others.value(0), Some(sum));
    assert!(
        chart.told[0].contains("others are 32 smaller series"),
        "{:?}",
        chart.told
    );
}

#[test]
fn a_pie_has_shares_of_a_whole() {
    let rows: Vec<String> = (0..30).map(|at| format!("k{at} | {at}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let chart = drawn(&table("k:String n:Int64", &rows), "T | render piechart").expect("is drawn");
    assert_eq!(chart.names.len(), 12);
    assert_eq!(&*chart.names[0], "k29");
    assert!(chart.names[11].starts_with("others"), "{:?}", chart.names);
    let whole: f64 = chart.series[0].points.iter().filter_map(|it| it.y).sum();
    assert!((whole - f64::from((0..30).sum::<i32>())).abs() < 1e-9);
}

#[test]
fn arrays_of_make_series_unfold_with_their_anomalies() {
    let it = table(
        "DeviceName:String num:Object Timestamp:Object flags_ad_flag:Object flags_ad_score:Object baseline:Object",
        &[
            r#"ws-1 | [1,null,90] | ["2026-08-19T20:00:00Z","2026-08-19T21:00:00Z","2026-08-19T22:00:00Z"] | [0,0,1] | [0.1,0.0,9.5] | [1,1,2]"#,
            r#"ws-2 | [3,4,-5] | ["2026-08-19T20:00:00Z","2026-08-19T21:00:00Z","2026-08-19T22:00:00Z"] | [0,0,-1] | [0,0,-3] | [3,3,3]"#,
        ],
    );
    let chart = drawn(
        &it,
        "T | render anomalychart with (anomalycolumns=flags_ad_flag)",
    );
    assert_eq!(
        said(&chart.expect("is drawn")),
        [
            "ws-1: num: 20:00=1 21:00=- 22:00=90!",
            "ws-1: baseline: 20:00=1 21:00=1 22:00=2",
            "ws-2: num: 20:00=3 21:00=4 22:00=-5?",
            "ws-2: baseline: 20:00=3 21:00=3 22:00=3",
        ]
    );
    let plain = drawn(&it, "T | render timechart with (ycolumns=num)").expect("is drawn");
    assert_eq!(said(&plain)[0], "ws-1: 20:00=1 21:00=- 22:00=90");
    assert_eq!(plain.axis, Axis::Time);
}

#[test]
fn rows_are_counted_where_a_result_has_no_figures_of_its_own() {
    let rows: Vec<String> = (0..100)
        .map(|at| {
            format!(
                "2026-08-19T{:02}:{:02}:00Z|ws-{}|cmd.exe|{at}|a|b|c",
                at / 60,
                at % 60,
                at % 3
            )
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let it = table(
        "Timestamp:DateTime DeviceName:String FileName:String ProcessId:Int64 a:String b:String c:String",
        &rows,
    );
    let of = |focus| Subject {
        table: &it,
        rows: None,
        render: None,
        focus: Some(focus),
    };
    let timed = build(of(0), suited(of(0))).expect("is drawn");
    assert_eq!((timed.look.kind, timed.axis), (Kind::Time, Axis::Time));
    let sum: f64 = timed.series[0].points.iter().filter_map(|it| it.y).sum();
    assert!((sum - 100.0).abs() < 1e-9, "{:?}", said(&timed));
    let bars = build(of(1), suited(of(1))).expect("is drawn");
    assert_eq!(said(&bars), ["rows: ws-0=34 ws-1=33 ws-2=33"]);
    assert!(bars.told[0].contains("counted"), "{:?}", bars.told);
    let by_device = Look {
        kind: Kind::Time,
        stack: Stack::None,
    };
    assert_eq!(build(of(1), by_device).expect("is drawn").series.len(), 3);
    // only the rows that are shown
    let some: Vec<u32> = (0..10).collect();
    let some = Subject {
        rows: Some(&some),
        ..of(1)
    };
    let chart = build(some, suited(some)).expect("is drawn");
    assert_eq!(said(&chart), ["rows: ws-0=4 ws-1=3 ws-2=3"]);
}

#[test]
fn a_hundred_thousand_points_are_thinned_out_and_keep_their_extremes() {
    let mut at = Column::new("Timestamp", "DateTime");
    let mut n = Column::new("n", "Int64");
    for row in 0..100_000 {
        let time = jiff::Timestamp::from_second(1_700_000_000 + row).expect("a time");
        at.push(Cell::Time(time));
        n.push(Cell::Long(if row == 54_321 { 9_999 } else { row % 7 }));
    }
    let it = ResultTable::new(vec![at, n]);
    let chart = drawn(&it, "T | render timechart").expect("is drawn");
    assert!(chart.slots.len() <= MOST_SLOTS, "{}", chart.slots.len());
    assert_eq!(chart.range(0), (0.0, 9_999.0));
    assert!(chart.told[0].contains("100000 places"), "{:?}", chart.told);
}

#[test]
fn one_point_and_one_figure_are_drawn() {
    let it = table("t:DateTime n:Int64", &["2026-08-19T20:00:00Z|5"]);
    let chart = drawn(&it, "T | render timechart").expect("is drawn");
    let (low, high) = chart.range(0);
    assert!(
        low < 5.0 && high > 5.0 || low == 0.0 && high >= 5.0,
        "{low} {high}"
    );
    let card = drawn(
        &table("a:Int64 b:Real", &["1200|0.5", "3|4"]),
        "T | render card",
    );
    let card = card.expect("is drawn");
    assert_eq!(card.figures[0], ("a".to_owned(), "1,200".to_owned()));
    assert!(card.told[0].contains("1 more"), "{:?}", card.told);
}

#[test]
fn spans_of_time_are_figures_where_there_are_no_others() {
    let it = table("k:String took:TimeSpan", &["a|00:01:30", "b|1.00:00:00.5"]);
    let chart = drawn(&it, "T | render barchart").expect("is drawn");
    assert_eq!(
        said(&chart),
        ["took: a=90 b=86,400.5"].map(|it| it.replace("86,400.5", "86400.5"))
    );
}

/// Every look of a hostile result is a document any XML reader takes, and says what it was given.
#[test]
fn the_file_is_xml_whatever_the_result_says() {
    let hostile = "<script>alert(1)</script>&amp;\"']]>\u{1b}[31m\u{202e}\u{fffe}\u{0}";
    let mut k = Column::new("k<&\"\u{1b}", "String");
    let mut s = Column::new("s", "String");
    let mut n = Column::new("n", "Int64");
    for row in 0..20 {
        k.push(Cell::Text(&format!("{hostile}{}", row % 5)));
        s.push(Cell::Text(&format!("{hostile}{}", row % 3)));
        n.push(if row == 7 {
            Cell::Null
        } else {
            Cell::Long(row - 6)
        });
    }
    let it = ResultTable::new(vec![k, s, n]);
    let render = render("T | render columnchart with (title=\"<b>&\")");
    for (look, name) in LOOKS {
        let of = Subject {
            table: &it,
            rows: None,
            render: None,
            focus: None,
        };
        let of = Subject {
            render: render.as_ref().filter(|_| look.kind == Kind::Column),
            ..of
        };
        let chart = build(of, *look).unwrap_or_else(|why| panic!("{name}: {why}"));
        let file = svg::write(&chart, hostile, &TimeZone::UTC);
        let read = roxmltree::Document::parse(&file);
        let read = read.unwrap_or_else(|why| panic!("{name}: {why}\n{file}"));
        let names: std::collections::BTreeSet<&str> = read
            .descendants()
            .filter(roxmltree::Node::is_element)
            .map(|it| it.tag_name().name())
            .collect();
        let plain = [
            "svg", "title", "rect", "text", "line", "circle", "polyline", "polygon", "path",
        ];
        assert!(
            names.iter().all(|it| plain.contains(it)),
            "{name}: {names:?}"
        );
        assert!(
            file.chars()
                .all(|c| c == '\n' || crate::domain::text::is_safe(c)),
            "{name}"
        );
        assert!(names.len() > 3, "{name}: {names:?}");
    }
}
