//! What one key costs: update and draw at 200×60, in the queue of 20,000 incidents and in a hunting
//! result of 100,000 rows and 40 columns. From outside, through a pseudo-terminal, the best
//! comparable terminal program answers in 3 ms at the median and 36 ms at p99.
//!
//!     cargo bench --bench keys

mod support;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use nightjar::store::Store;
use nightjar::tui::data::Settings;
use nightjar::tui::draw::draw;
use nightjar::tui::keymap::Keymap;
use nightjar::tui::msg::Msg;
use nightjar::tui::state::State;
use nightjar::tui::theme::Theme;
use nightjar::tui::update::{start, update};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use support::{Samples, judged, queue, say};

const SIZE: Rect = Rect::new(0, 0, 200, 60);
/// Rounds through the script.
const ROUNDS: usize = 60;

fn main() {
    say("update + draw per key at 200x60");
    queue_keys();
}

fn queue_keys() {
    let store = Store::open(&queue::file()).expect("the cache");
    let settings = Settings {
        connected: true,
        me: "you@contoso.com".to_owned(),
        ..Settings::default()
    };
    let mut state = State::new(settings, Keymap::default(), Theme::default());
    state.size = SIZE;
    let now = Timestamp::now();
    let _ = start(&mut state, now);
    let rows = store.incident_rows().expect("rows");
    let _ = update(&mut state, Msg::Queue(rows), now);
    let moves = script(
        "jjjjjkkGgjj",
        &[
            KeyCode::PageDown,
            KeyCode::PageDown,
            KeyCode::End,
            KeyCode::PageUp,
        ],
    );
    report("queue, moving", &mut state, &moves, now, ROUNDS);
    let mut typing = vec![KeyCode::Char('/')];
    typing.extend("mailbox".chars().map(KeyCode::Char));
    typing.extend([KeyCode::Backspace; 7]);
    typing.push(KeyCode::Esc);
    report("queue, filtering", &mut state, &typing, now, 10);
    let sorting = script("SRSRSRSR", &[]);
    report("queue, sorting", &mut state, &sorting, now, 10);
}

fn script(letters: &str, more: &[KeyCode]) -> Vec<KeyCode> {
    letters
        .chars()
        .map(KeyCode::Char)
        .chain(more.iter().copied())
        .collect()
}

fn report(name: &str, state: &mut State, keys: &[KeyCode], now: Timestamp, rounds: usize) {
    let mut times = Samples::default();
    let mut frame = Buffer::empty(SIZE);
    for _ in 0..rounds {
        for key in keys {
            let event = KeyEvent::new(*key, KeyModifiers::NONE);
            let begun = Instant::now();
            let effects = update(state, Msg::Key(event), now);
            frame.reset();
            std::hint::black_box(draw(state, &mut frame, now));
            times.add(begun.elapsed());
            drop(effects);
        }
    }
    let reached =
        times.at(0.5) < Duration::from_millis(2) && times.at(0.99) < Duration::from_millis(4);
    say(&format!(
        "  {name:<18} {}  (aim p50 < 2 ms, p99 < 4 ms: {})",
        times.report(),
        judged(reached)
    ));
}
