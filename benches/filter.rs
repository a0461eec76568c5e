//! A KQL condition typed over 100,000 alerts: from the key to the list that passes, the worker's share
//! included. Every prefix that is a condition is judged.
//!
//!     cargo bench --bench filter

mod support;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use nightjar::domain::TenantNo;
use nightjar::store::Store;
use nightjar::tui::data::{Settings, TenantFacts};
use nightjar::tui::draw::draw;
use nightjar::tui::keymap::Keymap;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::state::State;
use nightjar::tui::theme::Theme;
use nightjar::tui::update::{start, update};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use support::{Samples, judged, queue, say};

const SIZE: Rect = Rect::new(0, 0, 200, 60);

const CONDITIONS: &[&str] = &[
    "Severity == \"High\" and Title has \"mailbox\"",
    "SeverityRank >= 3 and not(IsMine) and IsOpen",
    "Title contains \"power\" or Subject startswith \"ws-00\"",
    "Timestamp > ago(7d) and Category =~ \"execution\"",
    "Title matches regex \"case [0-9]+7\"",
    "Subject in~ (\"ws-0001.contoso.com\", \"ws-0002.contoso.com\")",
    "Tactics has \"Execution\" and EvidenceCount > 2",
];

fn main() {
    let store = Store::open(&queue::file()).expect("the cache");
    let settings = Settings {
        tenants: vec![TenantFacts {
            me: "you@contoso.com".to_owned(),
            ..TenantFacts::default()
        }],
        ..Settings::default()
    };
    let mut state = State::new(settings, Keymap::default(), Theme::default());
    state.size = SIZE;
    let now = Timestamp::now();
    let _ = start(&mut state, now);
    let rows = store.alert_rows().expect("rows");
    say(&format!("a condition over {} alerts, typed", rows.len()));
    let _ = update(&mut state, Msg::Key(KeyCode::Char('2').into()), now);
    let _ = update(&mut state, Msg::Alerts(TenantNo(0), rows), now);
    let mut frame = Buffer::empty(SIZE);
    let mut press = |state: &mut State, code: KeyCode| -> (Duration, Option<Duration>) {
        let begun = Instant::now();
        let key = Msg::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let mut effects = update(state, key, now);
        frame.reset();
        std::hint::black_box(draw(state, &mut frame, now));
        let own = begun.elapsed();
        effects.retain(|effect| matches!(effect, Effect::Judge(_)));
        let Some(Effect::Judge(judge)) = effects.pop() else {
            return (own, None);
        };
        let answer = judge.run();
        let _ = update(state, Msg::Judged(answer), now);
        frame.reset();
        std::hint::black_box(draw(state, &mut frame, now));
        (own, Some(begun.elapsed()))
    };
    let (mut keys, mut answers) = (Samples::default(), Samples::default());
    for (nth, condition) in CONDITIONS.iter().enumerate() {
        let mut of_this = Samples::default();
        press(&mut state, KeyCode::Char('\\'));
        press(&mut state, KeyCode::Char('f'));
        let mut first = nth == 0;
        for c in condition.chars() {
            // a bracket or quote that was closed by itself is typed over
            let (own, answer) = press(&mut state, KeyCode::Char(c));
            let Some(answer) = answer else {
                keys.add(own);
                continue;
            };
            if first {
                first = false;
                say(&format!(
                    "  the first answer, table filled  {answer:?}, key {own:?}"
                ));
                continue;
            }
            keys.add(own);
            of_this.add(answer);
        }
        say(&format!("  {condition:<62} {}", of_this.report()));
        answers.join(of_this);
        for _ in 0..2 {
            press(&mut state, KeyCode::Esc);
        }
    }
    say(&format!("  a key alone    {}", keys.report()));
    let p95 = answers.at(0.95);
    say(&format!(
        "  key to answer  {}  p95 {p95:?}  (aim p95 < 30 ms: {})",
        answers.report(),
        judged(p95 < Duration::from_millis(30))
    ));
}
