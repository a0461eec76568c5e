//! How long until the analyst sees the queue: from opening the cache of 20,000 incidents and
//! 100,000 alerts to the first drawn frame, and what memory that takes.
//!
//!     cargo bench --bench first_frame
//!
//! Each round is a fresh process of this program, so nothing is warm but the system's file cache.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

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
use support::{Samples, judged, queue, resident_mb, say};

const ROUNDS: usize = 15;
const SIZE: Rect = Rect::new(0, 0, 200, 60);

fn main() {
    let file = queue::file();
    if std::env::args().any(|arg| arg == "--one-round") {
        return one_round(&file);
    }
    let mut times = Samples::default();
    let mut memory: f64 = 0.0;
    for _ in 0..ROUNDS {
        let round = Command::new(std::env::current_exe().expect("a path"))
            .arg("--one-round")
            .output()
            .expect("a round");
        let words = String::from_utf8_lossy(&round.stdout).into_owned();
        let mut figures = words.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(micros)), Some(Ok(mb))) = (figures.next(), figures.next()) else {
            panic!(
                "a round said {words:?} {}",
                String::from_utf8_lossy(&round.stderr)
            );
        };
        times.add(Duration::from_secs_f64(micros / 1e6));
        memory = memory.max(mb);
    }
    say(&format!(
        "first frame of {} incidents and {} alerts at 200x60",
        queue::INCIDENTS,
        queue::ALERTS
    ));
    say(&format!(
        "  open to drawn    {}  (aim p50 < 60 ms: {})",
        times.report(),
        judged(times.at(0.5) < Duration::from_millis(60))
    ));
    say(&format!(
        "  resident memory  {memory:.1} MB  (aim < 80 MB: {})",
        judged(memory < 80.0)
    ));
}

/// Opens, loads, draws; writes microseconds and resident MB.
fn one_round(file: &std::path::Path) {
    let begun = Instant::now();
    let store = Store::open(file).expect("the cache");
    let settings = Settings {
        tenants: vec![TenantFacts {
            me: "you@contoso.com".to_owned(),
            ..TenantFacts::default()
        }],
        ..Settings::default()
    };
    let mut state = State::new(settings, Keymap::default(), Theme::default());
    let now = jiff::Timestamp::now();
    state.size = SIZE;
    for effect in start(&mut state, now) {
        if matches!(effect, Effect::LoadQueue) {
            let rows = store.incident_rows().expect("rows");
            let _ = update(&mut state, Msg::Queue(TenantNo(0), rows), now);
        }
    }
    let mut frame = Buffer::empty(SIZE);
    let drawn = draw(&state, &mut frame, now);
    let took = begun.elapsed();
    std::hint::black_box(drawn);
    assert!(
        frame.content().iter().any(|cell| cell.symbol() != " "),
        "something was drawn"
    );
    say(&format!("{} {}", took.as_micros(), resident_mb("self")));
}
