//! Local tabs of the Hunt screen: keys in, effects and frames out.

#[path = "support/console.rs"]
mod console;

use std::sync::Arc;
use std::time::Duration;

use console::Console;
use jiff::Timestamp;
use nightjar::domain::ResultTable;
use nightjar::domain::hunting::{Cell, Column};
use nightjar::hunt::local::{FileTable, Held, Keeping, KeptResult, Over, OverTable};
use nightjar::hunt::{HuntResult, Place};
use nightjar::kql::Type;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg, KeptNow, OpenTab};
use nightjar::tui::widgets::grid;

const QUERY: &str = "DeviceInfo\n| summarize count() by OSPlatform";

fn open() -> Console {
    let mut console = Console::new(120, 40);
    console.keys("3");
    console.effects();
    console
}

fn table() -> ResultTable {
    let mut platform = Column::new("OSPlatform", "String");
    let mut count = Column::new("count_", "Int64");
    for (name, number) in [("Windows11", 41), ("Linux", 7), ("macOS", 3)] {
        platform.push(Cell::Text(name));
        count.push(Cell::Long(number));
    }
    ResultTable::new(vec![platform, count])
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn kept(id: i64, name: Option<&str>) -> KeptResult {
    KeptResult {
        id,
        name: name.map(str::to_owned),
        at: at("2026-08-19T21:44:02Z"),
        as_of: at("2026-08-19T20:14:02Z"),
        query: QUERY.to_owned(),
        tenants: vec!["contoso.com".to_owned()],
        columns: vec![
            ("OSPlatform".to_owned(), Type::String),
            ("count_".to_owned(), Type::Long),
        ],
        rows: 3,
        bytes: 4_200 * id.unsigned_abs(),
    }
}

fn held() -> Arc<Held> {
    Arc::new(Held {
        kept: vec![kept(7, None), kept(3, Some("platforms"))],
        files: Vec::new(),
    })
}

fn tell_held(console: &mut Console, held: Arc<Held>) {
    console.tell(Msg::Hunt(HuntMsg::Held {
        held: Ok(held),
        told: None,
    }));
}

fn run(console: &mut Console) -> (u64, Place, String) {
    let found = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Run {
                ticket,
                place,
                query,
                ..
            }) => Some((ticket, place, query)),
            _ => None,
        });
    found.expect("a query was run")
}

fn finish(console: &mut Console, ticket: u64, place: Place) {
    let table = Arc::new(table());
    let widths = grid::measure(&table);
    let over = Over {
        tables: vec![OverTable {
            name: "$7".to_owned(),
            rows: 3,
            of: "contoso.com".to_owned(),
            as_of: None,
        }],
        cut: None,
    };
    let result = HuntResult {
        table,
        bad_rows: 0,
        took: Duration::from_millis(12),
        as_of: at("2026-08-19T20:14:02Z"),
        render: None,
        place,
        over: (place == Place::Local).then(|| Arc::new(over)),
    };
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket,
        answer: Ok((Arc::new(result), widths)),
        parts: Arc::default(),
    }));
}

fn tell_kept(console: &mut Console, ticket: u64) {
    let keeping = Keeping {
        kept: kept(7, None),
        dropped: Vec::new(),
    };
    let kept = KeptNow {
        keeping,
        held: held(),
    };
    console.tell(Msg::Hunt(HuntMsg::Kept {
        ticket,
        keeping: Ok(Some(Arc::new(kept))),
    }));
}

#[test]
fn a_result_of_defender_is_kept_and_gone_on_with_here() {
    let mut console = open();
    console.type_text(QUERY).keys("F5");
    let (ticket, place, _) = run(&mut console);
    assert_eq!(place, Place::Defender);
    finish(&mut console, ticket, Place::Defender);
    let asked = console.effects();
    assert!(
        asked
            .iter()
            .any(|it| matches!(it, Effect::Hunt(HuntAsk::Keep { query, .. }) if **query == *QUERY)),
        "{asked:?}"
    );
    // The key may come before the rows are written.
    console.keys("T");
    tell_kept(&mut console, ticket);
    let asked = console.effects();
    assert!(
        !asked
            .iter()
            .any(|it| matches!(it, Effect::Hunt(HuntAsk::Run { .. }))),
        "nothing runs by itself: {asked:?}"
    );
    insta::assert_snapshot!("taken_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("taken_80x24", console.screen_at(80, 24));
    console.type_text("where count_ > 3").keys("esc F5");
    let (ticket, place, query) = run(&mut console);
    assert_eq!(
        (place, query.as_str()),
        (Place::Local, "$7\n| where count_ > 3")
    );
    assert!(console.screen().contains("no error") || !console.screen().contains("error"));
    finish(&mut console, ticket, Place::Local);
    let asked = console.effects();
    assert!(
        !asked.iter().any(|it| matches!(
            it,
            Effect::Hunt(HuntAsk::Keep { .. } | HuntAsk::Learn { .. })
        )),
        "a local result is neither kept nor learnt from: {asked:?}"
    );
    let screen = console.screen();
    assert!(
        screen.contains("local · over $7 (3 rows of contoso.com)"),
        "{screen}"
    );
    console.keys("T");
    assert!(console.screen().contains("local result already"));
}

#[test]
fn a_tab_changes_between_defender_and_here_with_its_schema() {
    let mut console = open();
    console.keys("alt-e");
    assert!(
        console
            .effects()
            .iter()
            .any(|it| matches!(it, Effect::Hunt(HuntAsk::Held))),
        "what is held is asked for when it is needed first"
    );
    let mut all = (*held()).clone();
    all.files.push(file());
    tell_held(&mut console, Arc::new(all));
    console.type_text("union Incidents, platforms, logs\n| take 1\n\nDeviceProcessEvents | take 1\n\n$9 | take 1").keys("esc");
    let screen = console.screen();
    assert!(
        screen.contains("DeviceProcessEvents is not held here"),
        "{screen}"
    );
    assert!(screen.contains("$9 is not kept"), "{screen}");
    assert!(screen.contains("2 errors"), "{screen}");
    insta::assert_snapshot!("local_200x60", console.screen_at(200, 60));
    console.keys("alt-e");
    let screen = console.screen();
    assert!(
        screen.contains("Defender · last 30d") && !screen.contains("not held here"),
        "{screen}"
    );
}

fn file() -> FileTable {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("logs.csv");
    std::fs::write(&path, "a,b\n1,x\n").expect("written");
    let local =
        nightjar::hunt::local::Local::new(folder.path(), nightjar::hunt::local::Bounds::default());
    let wanted = nightjar::hunt::local::Wanted::read(&path.to_string_lossy()).expect("a file");
    local
        .open_file(&wanted, &nightjar::engine::Cancel::new())
        .expect("opens")
}

#[test]
fn kept_results_are_listed_opened_named_and_dropped() {
    let mut console = open();
    console.keys("alt-d");
    assert!(matches!(
        console.effects()[..],
        [Effect::Hunt(HuntAsk::Held)]
    ));
    tell_held(&mut console, Arc::default());
    assert!(console.screen().contains("Nothing is kept yet"));
    tell_held(&mut console, held());
    insta::assert_snapshot!("kept_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("kept_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("kept_200x60", console.screen_at(200, 60));
    console.keys("j d");
    assert!(matches!(
        console.effects()[..],
        [Effect::Hunt(HuntAsk::DropKept(3))]
    ));
    console.keys("k r").type_text("mine").keys("enter");
    let asked = console.effects();
    assert!(
        matches!(&asked[..], [Effect::Hunt(HuntAsk::RenameKept(7, name))] if name == "mine"),
        "{asked:?}"
    );
    console.keys("enter");
    let (_, place, query) = run(&mut console);
    assert_eq!((place, query.as_str()), (Place::Local, "$7"));
}

#[test]
fn the_last_runs_tabs_ask_where_they_asked() {
    let mut console = open();
    let tab = OpenTab {
        query: "$3 | take 1".into(),
        place: Place::Local,
        active: true,
        ..OpenTab::default()
    };
    console.tell(Msg::Hunt(HuntMsg::Tabs(Ok(vec![tab]))));
    assert!(
        console
            .effects()
            .iter()
            .any(|it| matches!(it, Effect::Hunt(HuntAsk::Held)))
    );
    tell_held(&mut console, held());
    let screen = console.screen();
    assert!(
        screen.contains(" local ") && !screen.contains("error"),
        "{screen}"
    );
    console.keys("F5");
    assert_eq!(run(&mut console).1, Place::Local);
}

#[test]
fn a_file_is_asked_for_by_its_path() {
    let mut console = open();
    console
        .keys("alt-i")
        .type_text("logs=~/logs.csv")
        .keys("enter");
    let asked = console.effects();
    assert!(
        asked.iter().any(
            |it| matches!(it, Effect::Hunt(HuntAsk::OpenFile(given)) if given == "logs=~/logs.csv")
        ),
        "{asked:?}"
    );
}
