//! Lists narrowed by a KQL condition: typed, kept, refreshed, kept under a name.

use nightjar::domain::{Change, TenantNo};
use nightjar::hunt::lists::{Judge, Judged, Verdict, View, Views};
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::views::{ViewAsk, ViewsMsg};

use crate::harness::{Console, incident, now, of, queue, story};

impl Console {
    /// The newest question about rows.
    fn question(&mut self) -> Option<Judge> {
        let judges = self
            .effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Judge(judge) => Some(judge),
                _ => None,
            });
        judges.last()
    }

    /// Does what a worker does with the questions about rows.
    fn judge(&mut self) -> &mut Self {
        let judge = self.question().expect("a worker is asked");
        self.tell(Msg::Judged(judge.run()))
    }

    fn typed(width: u16, height: u16, text: &str) -> Self {
        let mut console = Console::new(width, height);
        console.keys("\\ f").text(text);
        console
    }
}

fn title(console: &Console) -> String {
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains("Incidents "));
    line.unwrap_or_default().to_owned()
}

#[test]
fn a_condition_while_it_is_typed() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut console = Console::typed(width, height, "SeverityRank >= 3 and not(IsMine)");
        console.judge();
        insta::assert_snapshot!(format!("where_{width}x{height}"), console.screen());
        let mut console = Console::typed(width, height, "IsOpen and De");
        insta::assert_snapshot!(format!("where_words_{width}x{height}"), console.screen());
        console.keys("esc").text("x == 3 | take 5");
        insta::assert_snapshot!(format!("where_wrong_{width}x{height}"), console.screen());
    }
}

#[test]
fn counts_follow_the_keys_and_enter_keeps_the_condition() {
    let mut console = Console::typed(120, 40, "Severity == 'High'");
    console.judge();
    assert!(
        title(&console).contains("Incidents 3 of 9"),
        "{}",
        title(&console)
    );
    assert!(console.screen().contains("3 of 9"));
    console.text(" and AlertCount > 5").judge();
    assert!(title(&console).contains("Incidents 1 of 9"));
    console.keys("enter");
    let kept = title(&console);
    assert!(
        kept.contains("where Severity == 'High' and AlertCount > 5"),
        "{kept}"
    );
    // both filters narrow, and one key clears both
    console.keys("/").text("mailbox").keys("enter");
    assert!(title(&console).contains("Incidents 0 of 9"));
    assert!(console.screen().contains("clears it"));
    console.keys("\\");
    assert!(title(&console).contains("Incidents 9 of 9"));
}

#[test]
fn escape_brings_the_former_condition_back() {
    let mut console = Console::typed(120, 40, "Severity == 'High'");
    console.judge().keys("enter");
    console.keys("f").text(" and AlertCount > 5").judge();
    assert!(title(&console).contains("Incidents 1 of 9"));
    console.keys("esc");
    assert!(title(&console).contains("Incidents 3 of 9"), "at once");
    console.judge();
    assert!(title(&console).contains("Incidents 3 of 9"));
    assert!(title(&console).contains("where Severity == 'High' ·"));
}

#[test]
fn what_is_no_condition_yet_changes_nothing_and_is_not_kept() {
    let mut console = Console::typed(120, 40, "Severity == 'High'");
    console.judge();
    console.effects();
    console.text(" | take 1");
    assert!(console.question().is_none(), "nothing is asked");
    assert!(title(&console).contains("Incidents 3 of 9"));
    assert!(console.screen().contains("without |"));
    console.keys("enter");
    assert!(console.screen().contains("not a condition yet"));
    assert!(console.state.front().typing());
}

#[test]
fn answers_of_older_questions_are_passed_over() {
    let mut console = Console::typed(120, 40, "AlertCount > 7");
    let older = console.question().expect("asked");
    console.text("0");
    let newer = console.question().expect("asked");
    assert!(older.cancel.is_cancelled(), "nobody wants it");
    console.tell(Msg::Judged(newer.run()));
    assert!(title(&console).contains("Incidents 0 of 9"));
    let every = Verdict {
        version: u64::MAX,
        passes: vec![true; 9],
        count: 9,
    };
    let late = Judged {
        ticket: older.ticket,
        answer: Some(Ok(every.into())),
    };
    console.tell(Msg::Judged(late));
    assert!(title(&console).contains("Incidents 0 of 9"));
}

#[test]
fn new_rows_are_judged_before_they_are_shown() {
    let mut console = Console::typed(120, 40, "Severity == 'Low'");
    console.judge().keys("enter");
    assert!(title(&console).contains("Incidents 2 of 9"));
    let row = |id: &str, severity: &str| {
        let row = incident(id, severity, "active", 1, "Fresh one", None, [1, 0, 0]);
        of(Change::Incident(row))
    };
    console.tell(Msg::Changes(vec![row("5001", "low"), row("5002", "high")]));
    assert!(
        title(&console).contains("Incidents 2 of 11"),
        "{}",
        title(&console)
    );
    console.judge();
    assert!(title(&console).contains("Incidents 3 of 11"));
    // one that changes stays until it was judged
    console.tell(Msg::Changes(vec![row("5001", "high")]));
    assert!(title(&console).contains("Incidents 3 of 11"));
    console.judge();
    assert!(title(&console).contains("Incidents 2 of 11"));
}

#[test]
fn a_condition_about_the_time_is_judged_again_every_minute() {
    let mut console = Console::typed(120, 40, "CreatedTime > ago(9m)");
    console.judge().keys("enter");
    assert!(title(&console).contains("Incidents 1 of 9"));
    console.effects();
    console.tell(Msg::Tick);
    assert!(console.question().is_none(), "the same minute");
    console.now = now()
        .checked_add(jiff::SignedDuration::from_mins(2))
        .expect("a time");
    console.tell(Msg::Tick);
    console.judge();
    assert!(title(&console).contains("Incidents 0 of 9"));
    console.tell(Msg::Tick);
    assert!(console.question().is_none());
}

#[test]
fn a_condition_that_fails_on_the_rows_says_so_and_hides_nothing() {
    let mut console = Console::typed(200, 40, "Title matches regex '('");
    if let Some(judge) = console.question() {
        console.tell(Msg::Judged(judge.run()));
    }
    assert!(title(&console).contains("Incidents 9 of 9"));
}

#[test]
fn a_very_long_text_is_refused_and_does_no_harm() {
    let mut console = Console::typed(80, 24, "");
    console.tell(Msg::Paste("IsOpen and ".repeat(40_000)));
    assert!(console.question().is_none());
    assert!(console.screen().contains("longer than"));
    console.tell(Msg::Paste("\u{1b}]0;owned\u{7}".into()));
    console.keys("esc");
    assert!(title(&console).contains("Incidents 9 of 9"));
}

#[test]
fn twenty_thousand_rows_are_narrowed() {
    let mut console = Console::empty(120, 40);
    let rows = (0..20_000).map(|at| {
        let severity = ["high", "low"][at % 2];
        incident(
            &format!("{}", 30_000 + at),
            severity,
            "active",
            60,
            "One of many",
            None,
            [0; 3],
        )
    });
    console.tell(Msg::Queue(TenantNo(0), rows.collect()));
    console.keys("\\ f").text("Severity == 'High'").judge();
    assert!(title(&console).contains("Incidents 10000 of 20000"));
}

#[test]
fn alerts_of_all_and_of_one_incident_are_narrowed_alike() {
    let mut console = Console::new(120, 40);
    console
        .keys("enter f")
        .text("ServiceSource has 'Endpoint'")
        .judge();
    assert!(
        console.screen().contains("Alerts 2 of incident 4211"),
        "{}",
        console.screen()
    );
    console.keys("enter esc 2");
    let rows = story()
        .alerts
        .iter()
        .map(|alert| alert.to_row(now()))
        .collect();
    console.tell(Msg::Alerts(TenantNo(0), rows));
    console.keys("f").text("Tactics has 'Execution'").judge();
    assert!(
        console.screen().contains("Alerts 1 of 4"),
        "{}",
        console.screen()
    );
}

#[test]
fn a_filter_is_kept_under_a_name_and_chosen_again() {
    let mut console = Console::typed(120, 40, "Severity == 'High'");
    console
        .judge()
        .keys("enter S z V")
        .text("Worst")
        .keys("enter");
    let kept = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Views(ViewAsk::Put(view)) => Some(view),
            _ => None,
        });
    let kept = kept.expect("it is kept");
    assert_eq!(
        kept,
        View {
            name: "Worst".into(),
            list: "Incidents".into(),
            predicate: "Severity == 'High'".into(),
            words: String::new(),
            sort: "severity".into(),
            reverse: false,
        }
    );
    let mut console = Console::new(120, 40);
    console.tell(Msg::Queue(TenantNo(0), queue())).keys("z v");
    let asked = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Views(ViewAsk::Load(ticket)) => Some(ticket),
            _ => None,
        });
    let ticket = asked.expect("they are asked for");
    let mut views = Views::default();
    views.put(kept);
    console.tell(Msg::Views(ViewsMsg::Loaded(ticket, Ok(views))));
    insta::assert_snapshot!("views_120x40", console.screen());
    console.keys("enter").judge();
    let title = title(&console);
    assert!(
        title.contains("Incidents 3 of 9") && title.contains("by severity"),
        "{title}"
    );
    console.keys("z v");
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|it| matches!(it, Effect::Views(ViewAsk::Load(_))))
    );
}
