//! What an analyst does with a hunting result: charts, values, slices, comparison, sending on. Keys in,
//! effects and frames out; what a worker would work out is worked out here.

#[path = "support/console.rs"]
mod console;

use std::sync::Arc;
use std::time::Duration;

use console::Console;
use jiff::Timestamp;
use nightjar::domain::ResultTable;
use nightjar::domain::hunting::{Cell, Column};
use nightjar::hunt::{HuntResult, Place, language};
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg};
use nightjar::tui::widgets::grid;

const SUMMARY: &str = "DeviceProcessEvents\n| summarize count() by bin(Timestamp, 1h), FileName\n| render timechart with (title=\"Starts\")";

/// Counts of three programs by the hour.
fn summary() -> ResultTable {
    let mut columns = vec![
        Column::new("Timestamp", "DateTime"),
        Column::new("FileName", "String"),
        Column::new("count_", "Int64"),
    ];
    for hour in 0..24i64 {
        for (nth, name) in ["powershell.exe", "cmd.exe", "rundll32.exe"]
            .iter()
            .enumerate()
        {
            let at = Timestamp::from_second(1_787_097_600 + hour * 3_600).expect("a time");
            columns[0].push(Cell::Time(at));
            columns[1].push(Cell::Text(name));
            let count = (hour * (nth as i64 + 2) * 7) % 23 + 20 * nth as i64;
            columns[2].push(if hour == 9 && nth == 1 {
                Cell::Null
            } else {
                Cell::Long(count)
            });
        }
    }
    ResultTable::new(columns)
}

const EVENTS: &str = "DeviceProcessEvents\n| where FileName in (\"cmd.exe\", \"powershell.exe\")";

/// Rows as events are, `skip` of them gone, the rest as before but for one.
fn events(rows: usize, skip: usize) -> ResultTable {
    let mut columns = vec![
        Column::new("Timestamp", "DateTime"),
        Column::new("DeviceId", "String"),
        Column::new("DeviceName", "String"),
        Column::new("FileName", "String"),
        Column::new("ProcessId", "Int64"),
        Column::new("AccountUpn", "String"),
        Column::new("AdditionalFields", "Object"),
    ];
    for row in skip..rows {
        let at = Timestamp::from_second(1_787_097_600 + row as i64 * 61).expect("a time");
        let device = row % 7;
        let id = format!("{device:040x}");
        let name = format!("fin-{device:02}.contoso.com");
        let file = ["cmd.exe", "powershell.exe", "wscript.exe"][row % 3];
        let bag = format!(
            "{{\"Mark\":{row},\"Rules\":[{{\"Name\":\"r{row}\",\"Hit\":true}}],\"Note\":\"\"}}"
        );
        let cells = [
            Cell::Time(at),
            Cell::Text(&id),
            Cell::Text(&name),
            Cell::Text(file),
            Cell::Long(if skip > 0 && row == 20 {
                1
            } else {
                row as i64 * 4
            }),
            Cell::Text("j.doe@contoso.com"),
            Cell::Text(&bag),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
    ResultTable::new(columns)
}

/// Runs a query that gives this result, and what workers do with it.
fn run(console: &mut Console, query: &str, table: ResultTable) {
    console.keys("F5");
    let ticket = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Run { ticket, .. }) => Some(ticket),
            _ => None,
        });
    let table = Arc::new(table);
    let widths = grid::measure(&table);
    let result = HuntResult {
        table,
        bad_rows: 0,
        took: Duration::from_millis(640),
        as_of: "2026-08-19T21:44:02Z".parse().expect("a time"),
        render: language::render(query),
        place: Place::Defender,
        over: None,
    };
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket: ticket.expect("a query was run"),
        answer: Ok((Arc::new(result), widths)),
        parts: Arc::default(),
    }));
    work(console);
}

/// Works out what is asked for, until nothing is; the other effects are handed back.
fn work(console: &mut Console) -> Vec<Effect> {
    let mut others = Vec::new();
    loop {
        let mut asked = false;
        for effect in console.effects() {
            match effect {
                Effect::Hunt(HuntAsk::Work {
                    ticket,
                    table,
                    rows,
                    work,
                }) => {
                    asked = true;
                    let answer = work.carry_out(&table, rows.as_deref());
                    console.tell(Msg::Hunt(HuntMsg::Worked { ticket, answer }));
                }
                other => others.push(other),
            }
        }
        if !asked {
            return others;
        }
    }
}

fn with(query: &str, table: ResultTable) -> Console {
    let mut console = Console::new(120, 40);
    console.keys("3").type_text(query);
    console.effects();
    run(&mut console, query, table);
    console
}

fn keys(console: &mut Console, keys: &str) -> Vec<Effect> {
    let mut others = Vec::new();
    for key in keys.split_whitespace() {
        console.keys(key);
        others.extend(work(console));
    }
    others
}

#[test]
fn a_render_is_drawn_and_read() {
    let mut console = with(SUMMARY, summary());
    insta::assert_snapshot!("timechart_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("timechart_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("timechart_200x60", console.screen_at(200, 60));
    keys(&mut console, "0 right right down");
    let screen = console.screen_at(120, 40);
    assert!(screen.contains("2026-08-19 02:00  B 39"), "{screen}");
    let copied = keys(&mut console, "y")
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
    assert!(copied.expect("copied").contains("cmd.exe: 39"));
    keys(&mut console, "enter");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("8/72 · column"),
        "the row behind it: {screen}"
    );
}

#[test]
fn every_kind_is_a_key_away() {
    let mut console = with(SUMMARY, summary());
    keys(&mut console, "v v");
    insta::assert_snapshot!("columns_80x24", console.screen_at(80, 24));
    keys(&mut console, "V down enter");
    insta::assert_snapshot!("columns_stacked_80x24", console.screen_at(80, 24));
    keys(&mut console, "V down down enter");
    insta::assert_snapshot!("bars_80x24", console.screen_at(80, 24));
    keys(&mut console, "esc");
    assert!(console.screen().contains("72 rows"), "{}", console.screen());
    keys(&mut console, "right v");
    let screen = console.screen();
    assert!(screen.contains("time chart"), "as the query asks: {screen}");
}

#[test]
fn a_chart_becomes_a_file() {
    let mut console = with(SUMMARY, summary());
    let written = keys(&mut console, "E")
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Picture(picture)) => Some((picture.svg(), picture.stem)),
            _ => None,
        });
    let (svg, stem) = written.expect("written");
    assert_eq!(stem, "chart-20260819-214405");
    let read = roxmltree::Document::parse(&svg).expect("is XML");
    let texts: Vec<&str> = read.descendants().filter_map(|it| it.text()).collect();
    assert!(texts.contains(&"Starts"), "{texts:?}");
    assert!(
        texts
            .iter()
            .any(|it| it.contains("as of 2026-08-19T21:44:02Z")),
        "{texts:?}"
    );
}

#[test]
fn values_of_a_column_filter_the_rows_and_escape_takes_that_back() {
    let mut console = with(EVENTS, events(60, 0));
    keys(&mut console, "right right b");
    insta::assert_snapshot!("values_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("values_120x40", console.screen_at(120, 40));
    keys(&mut console, "j enter");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("9 of 60 rows · DeviceName = fin-01.contoso.com"),
        "{screen}"
    );
    keys(&mut console, "right ~");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("6 of 60 rows") && screen.contains("FileName ≠ "),
        "{screen}"
    );
    keys(&mut console, "s");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("FileName↑") && screen.contains("6 of 60 rows"),
        "{screen}"
    );
    keys(&mut console, "esc");
    assert!(console.screen_at(120, 40).contains("9 of 60 rows"));
    keys(&mut console, "esc");
    assert!(
        console.screen_at(120, 40).contains(" 60 rows"),
        "{}",
        console.screen()
    );
    keys(&mut console, "= \\");
    assert!(console.screen_at(120, 40).contains(" 60 rows"));
}

#[test]
fn columns_are_pinned_and_figures_told() {
    let mut console = with(EVENTS, events(60, 0));
    keys(&mut console, "right right p $");
    insta::assert_snapshot!("pinned_80x24", console.screen_at(80, 24));
    keys(&mut console, "left left B");
    insta::assert_snapshot!("statistics_80x24", console.screen_at(80, 24));
}

#[test]
fn a_dynamic_cell_is_a_tree() {
    let mut console = with(EVENTS, events(5, 0));
    keys(&mut console, "$ J");
    insta::assert_snapshot!("json_80x24", console.screen_at(80, 24));
    keys(&mut console, "/");
    console.type_text("hit");
    keys(&mut console, "enter");
    let copied = keys(&mut console, "Y")
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
    assert_eq!(copied.as_deref(), Some("AdditionalFields.Rules[0].Hit"));
}

#[test]
fn two_runs_are_compared() {
    let mut console = with(EVENTS, events(40, 0));
    keys(&mut console, "d");
    assert!(
        console.screen().contains("no run before"),
        "{}",
        console.screen()
    );
    run(&mut console, EVENTS, events(43, 2));
    keys(&mut console, "d");
    insta::assert_snapshot!("compare_80x24", console.screen_at(80, 24));
    keys(&mut console, "down enter");
    let screen = console.screen_at(120, 40);
    assert!(screen.contains("3 added, 2 gone, 1 changed"), "{screen}");
    assert!(screen.contains("ProcessId: 80 → 1"), "{screen}");
}

#[test]
fn marked_rows_are_sent_on() {
    let mut console = with(EVENTS, events(60, 0));
    keys(&mut console, "space space e");
    insta::assert_snapshot!("entities_80x24", console.screen_at(80, 24));
    keys(&mut console, "enter");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("let devices = dynamic([") && screen.contains("DeviceId in (devices)"),
        "{screen}"
    );
    let mut console = with(EVENTS, events(60, 0));
    keys(&mut console, "space space $ left Q down down enter");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("let picked = datatable(Timestamp: datetime"),
        "{screen}"
    );
    let mut console = with(EVENTS, events(60, 0));
    keys(&mut console, "space space x i");
    let screen = console.screen_at(120, 40);
    assert!(
        screen.contains("fin-00.contoso.com") && screen.contains("fin-01.contoso.com"),
        "which of the two: {screen}"
    );
}

/// No key walks a hundred thousand rows by itself: workers are asked.
#[test]
fn a_hundred_thousand_rows_wait_for_a_worker_alone() {
    let mut console = with(EVENTS, events(100_000, 0));
    let mut asked = 0;
    for key in "right right b j enter esc esc = s v v esc M B d J e".split_whitespace() {
        console.keys(key);
        if key != "M" {
            console.screen_at(120, 40);
        }
        asked += console
            .effects()
            .iter()
            .filter(|it| matches!(it, Effect::Hunt(HuntAsk::Work { .. })))
            .count();
    }
    assert!(asked > 5, "{asked} questions to a worker");
}
