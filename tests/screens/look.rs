//! What each screen looks like, narrow, normal and wide.

use nightjar::domain::{Change, TenantNo};
use nightjar::store::{JournalEntry, JournalId, JournalState};
use nightjar::tui::data::{Level, Settings};
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::theme::{Depth, Role, Theme};
use ratatui::style::Modifier;

use crate::harness::{Console, ago, incident, now, of, settings, story};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn snapshot(name: &str, make: impl Fn(&mut Console)) {
    for (width, height) in SIZES {
        let mut console = Console::new(width, height);
        make(&mut console);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.screen());
    }
}

fn alerts() -> Msg {
    let rows = story()
        .alerts
        .iter()
        .map(|alert| alert.to_row(now()))
        .collect();
    Msg::Alerts(TenantNo(0), rows)
}

fn action(id: &str, kind: &str, status: &str, minutes: i64) -> nightjar::domain::MachineAction {
    serde_json::from_value(serde_json::json!({
        "id": id, "type": kind, "scope": "Full", "requestor": "you@contoso.com",
        "requestorComment": "containment, incident 4211", "status": status, "machineId": "m1",
        "computerDnsName": "fin-07.contoso.com", "creationDateTimeUtc": ago(minutes),
    }))
    .expect("an action")
}

fn journal() -> Vec<JournalEntry> {
    let entry =
        |id: i64, title: &str, target: &str, state: JournalState, detail: &str| JournalEntry {
            id: JournalId(id),
            at: ago(10 - id).parse().expect("a time"),
            updated: now(),
            who: "you@contoso.com".into(),
            tenant: "contoso.com".into(),
            operation: "machine.isolate".into(),
            title: title.into(),
            target: target.into(),
            request: "{}".into(),
            state,
            detail: detail.into(),
            action: None,
            client_request_id: "c-1".into(),
            request_id: Some("r-1".into()),
        };
    vec![
        entry(
            3,
            "Isolate device, full",
            "fin-07 (m1)",
            JournalState::Accepted,
            "Pending",
        ),
        entry(
            2,
            "Update incident",
            "incident 4211",
            JournalState::Succeeded,
            "",
        ),
        entry(
            1,
            "Update incident",
            "incident 4190",
            JournalState::Refused,
            "403 Forbidden: missing SecurityIncident.ReadWrite.All",
        ),
    ]
}

#[test]
fn incidents() {
    snapshot("incidents", |_| {});
}

#[test]
fn incidents_while_filtering() {
    snapshot("incidents_filter", |console| {
        console.keys("/").text("ransom");
    });
}

#[test]
fn alerts_of_all() {
    snapshot("alerts", |console| {
        console.keys("2").tell(alerts());
        let alert = story().alerts.remove(3);
        let id = alert.id.clone();
        console.tell(Msg::Alert(of(id), Ok(Some(alert.into()))));
    });
}

#[test]
fn alerts_of_one_incident() {
    snapshot("incident_alerts", |console| {
        console.keys("enter j");
    });
}

#[test]
fn actions() {
    snapshot("actions", |console| {
        console.keys("4").tell(Msg::Actions(
            TenantNo(0),
            vec![
                action("x1", "Isolate", "Pending", 2),
                action("x2", "RunAntiVirusScan", "Succeeded", 90),
                action("x3", "Defenestrate", "Wobbling", 4000),
            ],
        ));
    });
}

#[test]
fn the_journal() {
    snapshot("journal", |console| {
        console
            .keys("5")
            .tell(Msg::Journal(TenantNo(0), Ok(journal())));
    });
}

#[test]
fn messages() {
    snapshot("messages", |console| {
        console.tell(Msg::Notice(
            Level::Error,
            "Graph refuses: 403, grant SecurityAlert.Read.All".into(),
        ));
        console.tell(Msg::Notice(Level::Info, "back again".into()));
        console.tell(Msg::Notice(Level::Info, "back again".into()));
        console.keys("6");
    });
}

#[test]
fn help_palette_and_which_key() {
    snapshot("help", |console| {
        console.keys("?");
    });
    snapshot("palette", |console| {
        console.keys(":").text("isol");
    });
    snapshot("which_key", |console| {
        console.keys("x");
    });
}

#[test]
fn the_first_screen() {
    for (width, height) in SIZES {
        let settings = Settings {
            tenants: Vec::new(),
            ..settings()
        };
        let console = Console::with(settings, width, height);
        insta::assert_snapshot!(format!("first_run_{width}x{height}"), console.screen());
    }
}

#[test]
fn the_first_screen_offers_the_demo() {
    let settings = Settings {
        tenants: Vec::new(),
        ..settings()
    };
    let mut console = Console::with(settings, 80, 24);
    console.effects();
    console.keys("enter");
    assert!(matches!(console.effects().as_slice(), [Effect::Demo]));
    console.keys("1");
    assert!(console.effects().is_empty(), "there is no queue to go to");
}

#[test]
fn choosing() {
    snapshot("classify", |console| {
        console.keys("c");
    });
}

#[test]
fn an_empty_queue_says_why() {
    use nightjar::feed::{FeedHealth, FeedState};
    let health = |state| FeedHealth {
        state,
        as_of: None,
        syncing: None,
        failures: 3,
        rejected: 0,
    };
    let mut console = Console::empty(100, 24);
    assert!(console.screen().contains("reading the cache"));
    console.tell(Msg::Queue(TenantNo(0), Vec::new()));
    assert!(console.screen().contains("Nothing is cached yet"));
    let why = "no route to graph.microsoft.com".to_owned();
    console.tell(Msg::Health(of(health(FeedState::Offline {
        since: now(),
        why,
    }))));
    let screen = console.screen();
    assert!(
        screen.contains("no route to graph.microsoft.com"),
        "{screen}"
    );
    assert!(screen.contains("offline"), "{screen}");
    console.tell(Msg::Health(of(health(FeedState::Live))));
    assert!(console.screen().contains("The service knows of none."));
}

#[test]
fn severity_is_shape_letter_and_ink() {
    let console = Console::new(120, 40);
    let (buf, _) = console.frame();
    let theme = Theme::load("dark", None, Depth::True).0;
    let row = (0..40).find(|y| buf[(2, *y)].symbol() == "▲" && buf[(3, *y)].symbol() == "H");
    let row = row.expect("a row of high severity");
    assert_eq!(
        buf[(2, row)].fg,
        theme.style(Role::SeverityHigh).fg.expect("a colour")
    );
    assert!(buf[(2, row)].modifier.contains(Modifier::BOLD));
}

#[test]
fn without_colour_nothing_has_colour_and_the_cursor_is_seen() {
    let mut console = Console::new(120, 40);
    console.state.theme = Theme::load("dark", None, Depth::None).0;
    for keys in ["r", "2", "x", "esc", "?", "esc", "1"] {
        console.keys(keys);
        let (buf, _) = console.frame();
        for cell in &buf.content {
            assert_eq!(cell.fg, ratatui::style::Color::Reset);
            assert_eq!(cell.bg, ratatui::style::Color::Reset);
        }
    }
    let (buf, _) = console.frame();
    let reversed = buf
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::REVERSED));
    assert!(
        reversed.count() > 20,
        "the row under the cursor is reversed"
    );
    insta::assert_snapshot!("monochrome_120x40", console.screen());
}

#[test]
fn what_arrives_above_is_counted_and_the_eye_stays() {
    let mut console = Console::new(80, 20);
    let rows: Vec<_> = (0..60)
        .map(|n| {
            incident(
                &format!("{}", 5000 + n),
                "medium",
                "active",
                n,
                "Steady",
                None,
                [1, 1, 1],
            )
        })
        .collect();
    console.tell(Msg::Changes(
        rows.into_iter().map(Change::Incident).map(of).collect(),
    ));
    console.keys("G");
    let before = console.screen();
    let line = |screen: &str| screen.lines().position(|line| line.starts_with('▌'));
    let new = |id: &str| {
        let mut row = incident(id, "high", "active", 0, "Brand new", None, [1, 1, 1]);
        row.created = now();
        of(Change::Incident(row))
    };
    console.tell(Msg::Changes(vec![new("9001"), new("9002"), new("9003")]));
    let after = console.screen();
    assert!(after.contains("↑ 3 new"), "{after}");
    assert_eq!(
        line(&before),
        line(&after),
        "the row under the cursor did not move"
    );
    console.keys("g");
    let top = console.screen();
    assert!(
        !top.contains("new ──") && top.contains("Brand new"),
        "{top}"
    );
    assert!(top.contains("\n+ ▲H") || top.contains("+ ▲H"), "{top}");
}

#[test]
fn an_idle_screen_wakes_once_a_minute() {
    let console = Console::new(120, 40);
    let (_, drawn) = console.frame();
    let wake = drawn.wake.expect("ages are on screen");
    assert_eq!(wake.to_string(), "2026-08-19T21:43:00Z");
    let mut later = Console::new(120, 40);
    later.now = "2026-08-19T21:42:58Z".parse().expect("a time");
    assert_eq!(
        console.screen(),
        later.screen(),
        "nothing changes before that"
    );
}
