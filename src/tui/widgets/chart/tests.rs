use super::*;
use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, Column};
use crate::domain::text;
use crate::hunt::chart::{LOOKS, Subject, build};
use crate::hunt::{Render, language};

fn table(rows: usize, series: usize) -> ResultTable {
    let mut time = Column::new("Timestamp", "DateTime");
    let mut name = Column::new("FileName", "String");
    let mut count = Column::new("count_", "Int64");
    for row in 0..rows {
        for of in 0..series {
            let at = 1_787_169_600 + row as i64 * 3_600;
            time.push(Cell::Time(
                jiff::Timestamp::from_second(at).expect("a time"),
            ));
            name.push(Cell::Text(&format!("process-{of}.exe")));
            let value = ((row * (of + 3)) % 17) as i64 * (of as i64 + 1) - 5;
            count.push(if (row + of) % 11 == 10 {
                Cell::Null
            } else {
                Cell::Long(value)
            });
        }
    }
    ResultTable::new(vec![time, name, count])
}

fn screen(view: &ChartView, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    view.draw(area, &mut buf, &ChartStyles::default(), &TimeZone::UTC);
    let line = |y: u16| {
        let cells = (0..width).map(|x| buf[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn view(table: &ResultTable, render: Option<&Render>, look: crate::hunt::chart::Look) -> ChartView {
    let of = Subject {
        table,
        rows: None,
        render,
        focus: None,
    };
    ChartView::new(Arc::new(build(of, look).expect("is drawn")))
}

#[test]
fn every_look_fits_every_size_and_shows_nothing_raw() {
    let mut hostile = Column::new("k\u{1b}[31m", "String");
    let mut number = Column::new("n", "Int64");
    for row in 0..30i64 {
        hostile.push(Cell::Text(&format!("\u{202e}x\u{1b}[2J宽{row}")));
        number.push(Cell::Long(row - 3));
    }
    let hostile = ResultTable::new(vec![hostile, number]);
    for (look, name) in LOOKS {
        for table in [&table(40, 3), &table(1, 1), &table(2, 12), &hostile] {
            if look.kind == Kind::Pie && table.rows() < 3 {
                // it has no shares
                continue;
            }
            let mut view = view(table, None, *look);
            for (width, height) in [(80, 16), (120, 30), (20, 3), (25, 5), (200, 50), (3, 2)] {
                let shown = screen(&view, width, height);
                assert!(
                    shown.chars().all(|c| c == '\n' || text::is_safe(c)),
                    "{name} {width}x{height}: {shown}"
                );
                view.along(1);
                view.other_series(false);
            }
            view.to_end(false);
            view.along(-1);
            screen(&view, 80, 16);
        }
    }
}

#[test]
fn the_cursor_reads_values() {
    let render = language::render("T | render timechart");
    let table = table(40, 3);
    let look = crate::hunt::chart::Look::of(render.as_ref().expect("renders")).expect("drawn");
    let mut view = view(&table, render.as_ref(), look);
    view.to_end(false);
    let (place, values) = view.reading(&TimeZone::UTC);
    assert_eq!(place, "2026-08-19 20:00");
    assert_eq!(
        values,
        [
            (0, "-5".to_owned()),
            (1, "-5".to_owned()),
            (2, "-5".to_owned())
        ]
    );
    view.along(2);
    view.other_series(false);
    let (place, values) = view.reading(&TimeZone::UTC);
    assert_eq!(
        (place.as_str(), &values[0]),
        ("2026-08-19 22:00", &(1, "11".to_owned()))
    );
    assert_eq!(view.row(), Some(7));
    view.to_end(false);
    view.along(10);
    assert!(
        view.reading(&TimeZone::UTC)
            .1
            .contains(&(0, "null".to_owned()))
    );
}

#[test]
fn negative_bars_go_the_other_way_and_zero_is_a_place() {
    let mut k = Column::new("k", "String");
    let mut n = Column::new("n", "Int64");
    for (name, value) in [("up", 4), ("zero", 0), ("down", -4)] {
        k.push(Cell::Text(name));
        n.push(Cell::Long(value));
    }
    let table = ResultTable::new(vec![k, n]);
    let bar = LOOKS
        .iter()
        .find(|(_, name)| *name == "bar chart")
        .expect("there")
        .0;
    let shown = screen(&view(&table, None, bar), 40, 6);
    let lines: Vec<&str> = shown.lines().collect();
    let place = |line: &str| line.find('█').map(|at| line[..at].chars().count());
    assert!(
        lines[0].contains("up") && lines[2].contains("down"),
        "{shown}"
    );
    assert!(place(lines[0]) > place(lines[2]), "{shown}");
    assert!(lines[1].contains('0') && !lines[1].contains('█'), "{shown}");
}

/// A hundred thousand rows cost a frame what the chart that came of them does.
#[test]
fn a_frame_costs_what_is_seen() {
    let table = table(100_000, 1);
    let some = |look: &crate::hunt::chart::Look| {
        matches!(look.kind, Kind::Time | Kind::Bar | Kind::Scatter)
    };
    for (look, name) in LOOKS.iter().filter(|(look, _)| some(look)) {
        let view = view(&table, None, *look);
        let start = std::time::Instant::now();
        for _ in 0..3 {
            screen(&view, 200, 50);
        }
        let each = start.elapsed() / 3;
        assert!(each.as_millis() < 1_000, "{name}: {each:?}");
    }
}
