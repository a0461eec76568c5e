//! The Hunt screen: keys in, effects and frames out.

#[path = "support/console.rs"]
mod console;

use std::sync::Arc;
use std::time::Duration;

use console::Console;
use jiff::Timestamp;
use nightjar::domain::hunting::{Cell, Column};
use nightjar::domain::{Of, ResultTable, TenantNo};
use nightjar::hunt::export::Format;
use nightjar::hunt::library;
use nightjar::hunt::schema::Wanted;
use nightjar::hunt::{HuntError, HuntErrorKind, HuntResult, Place, Timespan, language};
use nightjar::kql::Type;
use nightjar::kql::bound::Column as KqlColumn;
use nightjar::kql::schema::Learnt;
use nightjar::store::HuntRecord;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg, OpenTab};
use nightjar::tui::widgets::grid;

const QUERY: &str = "DeviceProcessEvents\n| where FileName =~ \"powershell.exe\" // ä\n| summarize count() by DeviceName";

fn open() -> Console {
    let mut console = Console::new(120, 40);
    console.keys("3");
    console.effects();
    console
}

fn ticket(console: &mut Console) -> (u64, String, Timespan) {
    let run = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Run {
                ticket,
                query,
                timespan,
                ..
            }) => Some((ticket, query, timespan)),
            _ => None,
        });
    run.expect("a query was run")
}

fn table(rows: usize) -> ResultTable {
    let mut columns = vec![
        Column::new("Timestamp", "DateTime"),
        Column::new("DeviceName", "String"),
        Column::new("DeviceId", "String"),
        Column::new("count_", "Int64"),
        Column::new("AdditionalFields", "Object"),
        Column::new("ProcessCommandLine", "String"),
    ];
    let start: Timestamp = "2026-08-19T20:58:00Z".parse().expect("a time");
    for row in 0..rows {
        let at = Timestamp::from_second(start.as_second() + row as i64 * 61).expect("a time");
        let name = format!("fin-{:02}.contoso.com", (row * 7) % rows.max(1));
        let id = format!("{row:040x}");
        let bag = format!("{{\"a\":{row},\"b\":[\"x\",{{\"c\":\"\\u202e\"}}]}}");
        let line = format!("powershell -nop -w hidden -enc {}", "QQBi".repeat(row % 40));
        let cells = [
            Cell::Time(at),
            Cell::Text(&name),
            Cell::Text(&id),
            Cell::Long(row as i64),
            Cell::Text(&bag),
            Cell::Text(&line),
        ];
        for (nth, (column, cell)) in columns.iter_mut().zip(cells).enumerate() {
            column.push(if nth == 3 && row % 5 == 4 {
                Cell::Null
            } else {
                cell
            });
        }
    }
    ResultTable::new(columns)
}

fn finish(console: &mut Console, ticket: u64, table: ResultTable, query: &str) {
    let table = Arc::new(table);
    let widths = grid::measure(&table);
    let result = HuntResult {
        table,
        bad_rows: 0,
        took: Duration::from_millis(1830),
        as_of: "2026-08-19T21:44:02Z".parse().expect("a time"),
        render: language::render(query),
        place: Place::Defender,
        over: None,
    };
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket,
        answer: Ok((Arc::new(result), widths)),
        parts: Arc::default(),
    }));
}

fn with_result(rows: usize) -> Console {
    let mut console = open();
    console.type_text(QUERY).keys("F5");
    let (ticket, _, _) = ticket(&mut console);
    finish(&mut console, ticket, table(rows), QUERY);
    console
}

#[test]
fn writing_and_running_a_query() {
    let mut console = open();
    console.type_text(QUERY);
    insta::assert_snapshot!("editing_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("editing_80x24", console.screen_at(80, 24));
    console.keys("F4 F5");
    let (_, query, timespan) = ticket(&mut console);
    assert_eq!(query, QUERY);
    assert_eq!(timespan, Timespan::Hour);
    console.now =
        Timestamp::from_millisecond(console.now.as_millisecond() + 3_200).expect("a time");
    insta::assert_snapshot!("running_80x24", console.screen_at(80, 24));
}

#[test]
fn only_the_statement_under_the_caret_runs() {
    let mut console = open();
    console
        .type_text("DeviceInfo | take 1\n\nDeviceEvents | take 2")
        .keys("up up ctrl-r");
    assert_eq!(ticket(&mut console).1, "DeviceInfo | take 1");
    console.keys("down down F5");
    let effects = console.effects();
    let cancelled = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Hunt(HuntAsk::Cancel(_))));
    assert!(
        cancelled,
        "running anew stops the query before: {effects:?}"
    );
    let run = effects.iter().any(|effect| matches!(effect, Effect::Hunt(HuntAsk::Run { query, .. }) if query == "DeviceEvents | take 2"));
    assert!(run, "{effects:?}");
}

#[test]
fn escape_stops_a_query_and_late_answers_are_dropped() {
    let mut console = open();
    console.type_text(QUERY).keys("F5");
    let (ticket, _, _) = ticket(&mut console);
    console.keys("esc");
    assert!(matches!(
        console.effects()[..],
        [Effect::Hunt(HuntAsk::Cancel(_))]
    ));
    finish(&mut console, ticket, table(3), QUERY);
    assert!(!console.screen().contains("3 rows"), "{}", console.screen());
}

#[test]
fn results_are_a_grid() {
    let mut console = with_result(37);
    insta::assert_snapshot!("results_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("results_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("results_200x60", console.screen_at(200, 60));
    console.keys("j j right right right");
    assert!(
        console.screen().contains("3/37 · column 4/6"),
        "{}",
        console.screen()
    );
    console.keys("- enter");
    insta::assert_snapshot!("inspect_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("inspect_80x24", console.screen_at(80, 24));
}

#[test]
fn sorting_goes_through_a_worker_and_keeps_the_cursor_on_its_row() {
    let mut console = with_result(37);
    console.keys("j j right s");
    let (ticket, order) = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Sort {
                ticket,
                table,
                column,
                descending,
            }) => Some((ticket, table.order_by(column, descending))),
            _ => None,
        })
        .expect("an order was asked for");
    let place = order.iter().position(|row| *row == 2).expect("is there") + 1;
    console.tell(Msg::Hunt(HuntMsg::Sorted {
        ticket,
        order: order.into(),
    }));
    let screen = console.screen();
    assert!(
        screen.contains(&format!("{place}/37")) && screen.contains("DeviceName↑"),
        "{screen}"
    );
    console.keys("s s");
    let screen = console.screen();
    assert!(
        !screen.contains("DeviceName↑") && screen.contains("3/37"),
        "{screen}"
    );
    console.tell(Msg::Hunt(HuntMsg::Sorted {
        ticket,
        order: Arc::new([0]),
    }));
    assert!(
        !console.screen().contains("DeviceName↑"),
        "an order nobody waits for is dropped"
    );
}

#[test]
fn what_is_seen_is_what_is_exported_and_copied() {
    let mut console = with_result(5);
    console.keys("right - E c");
    let export = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Export {
                columns,
                format,
                stem,
                ..
            }) => Some((columns, format, stem)),
            _ => None,
        });
    let (columns, format, stem) = export.expect("exported");
    assert_eq!(
        (columns.as_slice(), format),
        (&[0, 2, 3, 4, 5][..], Format::Csv)
    );
    assert_eq!(stem, "hunt-20260819-214405");
    console.keys("y");
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Copy(text) if text.len() == 40))
    );
    console.keys("C");
    let row = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
    let row: serde_json::Value = serde_json::from_str(&row.expect("copied")).expect("is JSON");
    assert!(
        row.get("DeviceName").is_none() && row["AdditionalFields"]["a"] == 0,
        "{row}"
    );
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let mut console = open();
    let query = "DeviceProcessEvents\n| where FilName == \"x\"";
    console.type_text(query).keys("F5");
    let (ticket, _, _) = ticket(&mut console);
    let words = "'where' operator: Failed to resolve column or scalar expression named 'FilName'. Fix semantic errors in your query.";
    let mut error = HuntError::from_service(400, "BadRequest", words, console.now);
    assert_eq!(error.kind, HuntErrorKind::Semantic);
    error.findings = language::findings(query, 0, nightjar::kql::Schema::hunting());
    error.request_id = Some("6f0a5c0e-0000-4000-8000-00000000a001".to_owned());
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket,
        answer: Err(Arc::new(error)),
        parts: Arc::default(),
    }));
    insta::assert_snapshot!("error_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("error_120x40", console.screen_at(120, 40));
}

#[test]
fn a_quota_counts_down() {
    let mut console = open();
    console.type_text("DeviceInfo").keys("F5");
    let (ticket, _, _) = ticket(&mut console);
    let words = "API calls quota exceeded! maximum allowed 45 per 00:01:00";
    let error = HuntError::from_service(429, "TooManyRequests", words, console.now);
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket,
        answer: Err(Arc::new(error)),
        parts: Arc::default(),
    }));
    let screen = console.screen();
    assert!(
        screen.contains("quota used up") && screen.contains("Again at 21:45:05, in 1:00"),
        "{screen}"
    );
}

#[test]
fn the_repair_at_the_caret_is_applied_by_tab() {
    let mut console = open();
    console.type_text("DeviceInfo | where DeviceNmae");
    assert!(
        console.screen().contains("DeviceName"),
        "{}",
        console.screen()
    );
    console.keys("tab F5");
    assert_eq!(ticket(&mut console).1, "DeviceInfo | where DeviceName");
}

#[test]
fn earlier_queries_are_found_fuzzily_and_open_in_a_tab() {
    let mut console = open();
    console.type_text("DeviceInfo").keys("F6");
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Hunt(HuntAsk::History(_))))
    );
    let record = |id: i64, query: &str, rows: Option<u64>| {
        let record = HuntRecord {
            id,
            at: "2026-08-19T20:00:00Z".parse().expect("a time"),
            query: query.to_owned(),
            took: Duration::from_millis(900),
            rows,
            error: rows.is_none().then(|| "syntax error: x".to_owned()),
            engine: "defender".to_owned(),
        };
        Of::new(TenantNo(0), record)
    };
    let records = vec![
        record(3, "EmailEvents | where Subject has 'invoice'", Some(12)),
        record(2, "DeviceProcessEvents | take 10", None),
        record(1, "EmailEvents | where Subject has 'invoice'", Some(9)),
    ];
    console.tell(Msg::Hunt(HuntMsg::History(Ok(Arc::new(records)))));
    insta::assert_snapshot!("history_80x24", console.screen_at(80, 24));
    console.type_text("procev");
    console.keys("enter");
    let screen = console.screen();
    assert!(
        screen.contains("2 DeviceProcessEvents") && screen.contains("| take 10"),
        "{screen}"
    );
    console.keys("F10 F5");
    assert_eq!(
        ticket(&mut console).1,
        "DeviceInfo",
        "the first tab is as it was"
    );
    console.keys("F6");
    console.effects();
    console.tell(Msg::Hunt(HuntMsg::History(Ok(Arc::new(vec![record(
        4,
        "AlertInfo | take 3",
        Some(3),
    )])))));
    console.keys("F5");
    assert_eq!(
        ticket(&mut console).1,
        "AlertInfo | take 3",
        "one key runs it again"
    );
}

#[test]
fn hostile_cells_and_texts_are_shown_harmless() {
    let mut console = open();
    console
        .tell(Msg::Paste(
            "DeviceInfo | where DeviceName == '\u{202e}\u{1b}[2J'".to_owned(),
        ))
        .keys("F5");
    let (ticket, query, _) = ticket(&mut console);
    assert_eq!(query, r"DeviceInfo | where DeviceName == '\u202E\u001B[2J'");
    let mut column = Column::new("a\u{1b}]0;x\u{7}", "String");
    column.push(Cell::Text("x\u{202e}\u{9b}31m\u{0}"));
    finish(&mut console, ticket, ResultTable::new(vec![column]), &query);
    for keys in ["", "enter"] {
        let screen = console.keys(keys).screen();
        assert!(
            screen
                .chars()
                .all(|c| c == '\n' || nightjar::domain::text::is_safe(c)),
            "{screen}"
        );
        assert!(screen.contains("⟪U+202E⟫"), "{screen}");
    }
}

#[test]
fn a_row_leads_to_its_device_and_no_result_is_no_trouble() {
    let console = with_result(3);
    assert_eq!(
        console.state.front().devices(&console.state.data)[0]
            .id
            .as_str(),
        format!("{:040x}", 0)
    );
    let mut console = with_result(0);
    assert!(
        console.screen().contains("No rows."),
        "{}",
        console.screen()
    );
    console.keys("esc enter j k right s E c y C - + $ 0 G g");
    console.screen();
}

#[test]
fn no_size_is_too_small() {
    for mut console in [open(), with_result(30)] {
        for (width, height) in [(1, 1), (2, 3), (5, 4), (8, 6), (20, 5), (30, 9), (40, 3)] {
            console.screen_at(width, height);
        }
        console.keys("esc enter");
        for (width, height) in [(1, 1), (2, 3), (5, 4), (8, 6), (20, 5), (30, 9)] {
            console.screen_at(width, height);
        }
    }
}

#[test]
fn tabs_come_back_and_every_change_is_handed_on_to_be_kept() {
    let mut console = Console::new(120, 40);
    console.keys("3");
    let asked = |effects: &[Effect]| {
        let mut asks = effects.iter();
        asks.any(|effect| matches!(effect, Effect::Hunt(HuntAsk::Tabs)))
    };
    assert!(asked(&console.effects()));
    console.type_text("AlertInfo");
    let kept = |console: &mut Console| {
        let effects = console.effects().into_iter();
        let kept = effects.filter_map(|effect| match effect {
            Effect::Hunt(HuntAsk::KeepTabs(tabs)) => Some(tabs),
            _ => None,
        });
        kept.last()
    };
    assert_eq!(
        kept(&mut console),
        None,
        "nothing takes the place of what is still being read"
    );
    let tab = |query: &str, caret, active| OpenTab {
        query: query.into(),
        caret,
        active,
        ..OpenTab::default()
    };
    let before = vec![
        tab("DeviceInfo | take 1", 3, true),
        tab("DeviceEvents", 99, false),
    ];
    console.tell(Msg::Hunt(HuntMsg::Tabs(Ok(before))));
    let tabs = kept(&mut console).expect("three tabs now");
    let texts: Vec<&str> = tabs.iter().map(|tab| &*tab.query).collect();
    assert_eq!(texts, ["DeviceInfo | take 1", "DeviceEvents", "AlertInfo"]);
    assert_eq!(
        tabs.iter().map(|tab| tab.caret).collect::<Vec<_>>(),
        [3, 12, 9]
    );
    assert!(tabs[2].active, "what was being written stays in front");
    console.type_text(" ");
    assert_eq!(&*kept(&mut console).expect("kept")[2].query, "AlertInfo ");
    console.keys("F10 F9");
    assert_eq!(
        kept(&mut console).map(|tabs| tabs.len()),
        Some(3),
        "of the key before"
    );
    console.tell(Msg::Hunt(HuntMsg::Tabs(Ok(Vec::new()))));
    assert_eq!(kept(&mut console).map(|tabs| tabs.len()), Some(4));
}

#[test]
fn a_table_is_asked_for_when_it_is_used_and_learnt_columns_are_no_errors() {
    let mut console = open();
    let learnt = |console: &mut Console| {
        let effects = console.effects().into_iter();
        effects
            .filter_map(|effect| match effect {
                Effect::Hunt(HuntAsk::Learn { wanted, .. }) => Some(wanted),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    console.type_text("DeviceInfo\n| where Wing == 'x'\n| take 1");
    let wanted = learnt(&mut console);
    assert_eq!(
        wanted,
        [Wanted::Used(["DeviceInfo".to_owned()].into())],
        "once"
    );
    assert!(console.screen().contains("Wing"), "{}", console.screen());
    let fault = |console: &mut Console| console.screen().contains("KS142");
    assert!(fault(&mut console));
    let columns = ["Timestamp", "Wing"].map(|name| KqlColumn::new(name, Type::String));
    let tables = [("DeviceInfo".to_owned(), Some(columns.to_vec()))].into();
    console.tell(Msg::Hunt(HuntMsg::Learnt {
        tenant: TenantNo(0),
        learnt: Ok(Arc::new(Learnt { tables })),
        told: None,
    }));
    assert!(!fault(&mut console), "{}", console.screen());
    console.keys("alt-y");
    assert_eq!(learnt(&mut console), [Wanted::All]);
    console.tell(Msg::Hunt(HuntMsg::Learnt {
        tenant: TenantNo(0),
        learnt: Err("not permitted\u{1b}[31m".to_owned()),
        told: Some(0),
    }));
    assert!(
        console.screen().contains("not permitted"),
        "{}",
        console.screen()
    );
    assert!(!fault(&mut console), "what is known stays known");
}

fn library() -> Msg {
    Msg::Hunt(HuntMsg::Library(Arc::new(library::load(&[]))))
}

#[test]
fn the_library_is_looked_through_and_its_parameters_are_asked_for() {
    let mut console = open();
    console.keys("alt-l");
    let asked = console.effects();
    assert!(
        matches!(asked[..], [Effect::Hunt(HuntAsk::Library)]),
        "{asked:?}"
    );
    console.tell(library());
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let screen = console.screen_at(width, height);
        insta::assert_snapshot!(format!("library_{width}x{height}"), screen);
    }
    console.screen_at(80, 24);
    console.type_text("many accounts password");
    let screen = console.screen();
    assert!(
        screen.contains("One password tried on many accounts"),
        "{screen}"
    );
    console.keys("enter");
    insta::assert_snapshot!("parameters_80x24", console.screen_at(80, 24));
    console.keys("ctrl-u").type_text("soon");
    console.keys("enter");
    let screen = console.screen();
    assert!(screen.contains("is not a time span"), "{screen}");
    console.keys("ctrl-u").type_text("5d");
    console.keys("tab ctrl-u").type_text("30").keys("enter");
    console.keys("F5");
    let (_, query, _) = ticket(&mut console);
    assert!(
        query.starts_with("// title: One password tried on many accounts\n// about: ")
            && query.contains("\nlet lookback = 5d; // how far back\nlet least = 30; //"),
        "{query}"
    );
    assert!(
        console.screen().contains("One password"),
        "the tab bears its title"
    );
    console
        .keys("alt-l")
        .tell(library())
        .type_text("lsass")
        .keys("F5 enter");
    let (_, query, _) = ticket(&mut console);
    assert!(
        query.contains("comsvcs"),
        "run as soon as its values are agreed: {query}"
    );
}

#[test]
fn a_query_is_kept_under_a_title() {
    let mut console = open();
    console.keys("alt-s");
    assert!(console.screen().contains("write a query first"));
    console
        .type_text("DeviceInfo\n| take 1\n\nAlertInfo")
        .keys("up up alt-s");
    console.type_text("all devices").keys("enter");
    let saved = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Save { title, query }) => Some((title, query)),
            _ => None,
        });
    let (title, query) = saved.expect("to be written");
    assert_eq!(
        (title.as_str(), query.as_str()),
        ("all devices", "DeviceInfo\n| take 1")
    );
    // what is said of a query above it goes with it, and says its title
    console
        .keys("alt-a")
        .type_text("AlertInfo\n\n// title: Mine\n// tags: weekly\n\nDeviceInfo\n| take 2");
    console.keys("alt-s");
    assert!(console.screen().contains("replaces the one of yours"));
    console.keys("enter");
    let saved = console.effects();
    assert!(
        saved.iter().any(|effect| matches!(
            effect,
            Effect::Hunt(HuntAsk::Save { title, query })
                if title == "Mine" && query == "// title: Mine\n// tags: weekly\n\nDeviceInfo\n| take 2"
        )),
        "{saved:?}"
    );
    console.tell(Msg::Hunt(HuntMsg::Saved(Err("no room".to_owned()))));
    assert!(console.screen().contains("not kept: no room"));
}

#[test]
fn the_schema_stands_beside_the_query_or_over_it() {
    let mut console = open();
    console.type_text("DeviceInfo\n| where ").keys("alt-t");
    console.type_text("emailev").keys("enter");
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let screen = console.screen_at(width, height);
        insta::assert_snapshot!(format!("schema_{width}x{height}"), screen);
    }
    console
        .keys("esc")
        .type_text("LoggedOnUs")
        .keys("down enter esc esc");
    console.keys("F5");
    let (_, query, _) = ticket(&mut console);
    assert_eq!(query, "DeviceInfo\n| where LoggedOnUsers");
    console.screen_at(120, 40);
    assert!(console.screen().contains("schema"), "it stays beside");
    console.keys("alt-t alt-t");
    assert!(
        !console.screen().contains("─ schema"),
        "{}",
        console.screen()
    );
}
