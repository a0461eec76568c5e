//! No size, no text and no sequence of keys brings the console down or gets raw text through.

use nightjar::tui::commands::{COMMANDS, default_keys};
use nightjar::tui::keys::Chord;
use nightjar::tui::msg::{Effect, Msg};
use proptest::prelude::*;

use crate::harness::{Console, HOSTILE, text_of};

/// Every way a test knows to get somewhere.
const PLACES: [&str; 16] = [
    "g", "enter", "enter e", "e", "2", "3", "4", "5", "6", "?", ":", "x", "c", "s", "m", "/",
];

#[test]
fn no_size_is_too_small() {
    for place in PLACES {
        for width in [1, 2, 3, 5, 8, 12, 20, 33] {
            for height in 1..=7 {
                let mut console = Console::new(width, height);
                console.keys(place);
                let (buf, drawn) = console.frame();
                assert_eq!((buf.area.width, buf.area.height), (width, height));
                if let Some(at) = drawn.cursor {
                    assert!(at.x < width && at.y < height, "{place} at {width}×{height}");
                }
            }
        }
    }
}

#[test]
fn resizing_in_the_middle_of_things_is_fine() {
    for place in PLACES {
        let mut console = Console::new(120, 40);
        console.keys(place);
        for (width, height) in [(3, 3), (200, 60), (0, 0), (1, 1), (80, 24)] {
            console.tell(Msg::Resize(width, height));
            console.frame();
        }
    }
}

fn assert_clean(console: &Console, place: &str) {
    let (buf, _) = console.frame();
    for cell in &buf.content {
        for c in cell.symbol().chars() {
            assert!(
                nightjar::domain::text::is_safe(c),
                "{place}: {c:?} reaches the terminal"
            );
        }
    }
}

#[test]
fn hostile_text_is_shown_and_never_sent() {
    let mut console = Console::new(120, 40);
    console.keys("/").text("id:4177").keys("enter");
    assert_clean(&console, "queue");
    assert!(
        text_of(&console.frame().0).contains("U+001B"),
        "it is shown that it was there"
    );
    for place in PLACES {
        console.tell(Msg::Notice(
            nightjar::tui::data::Level::Error,
            HOSTILE.into(),
        ));
        assert_clean(&console, place);
        console.keys(place);
        assert_clean(&console, place);
        console.tell(Msg::Paste(HOSTILE.into()));
        assert_clean(&console, place);
        console.keys("esc esc 1");
    }
}

#[test]
fn what_is_copied_is_sanitised() {
    let mut console = Console::new(120, 40);
    console.keys("/").text("id:4177").keys("enter");
    console.effects();
    console.keys("Y");
    let effects = console.effects();
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.expect("something is copied");
    assert!(
        copied
            .chars()
            .all(|c| c == '\n' || nightjar::domain::text::is_safe(c)),
        "{copied:?}"
    );
}

fn chords() -> Vec<Chord> {
    let mut all: Vec<Chord> = COMMANDS.iter().flat_map(default_keys).flatten().collect();
    let more = [
        "a",
        "Z",
        "1",
        "space",
        "backspace",
        "delete",
        "left",
        "end",
        "F11",
        "alt-x",
    ];
    all.extend(more.iter().filter_map(|key| Chord::parse(key)));
    all.retain(|chord| {
        !["ctrl-c", "ctrl-z"]
            .iter()
            .any(|key| Chord::parse(key) == Some(*chord))
    });
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is pressed, nothing panics, nothing raw is drawn, and nothing that asks for a
    /// confirmation is sent without one.
    #[test]
    fn no_sequence_of_keys_does_harm(picks in prop::collection::vec(0usize..10_000, 1..120), size in 0usize..4) {
        let (width, height) = [(80, 24), (120, 40), (33, 9), (7, 3)][size];
        let chords = chords();
        let mut console = Console::new(width, height);
        for pick in picks {
            console.press(chords[pick % chords.len()]);
            console.frame();
        }
        assert_clean(&console, "random keys");
        for effect in console.effects() {
            if let Effect::Submit { operation, typed, .. } = effect {
                use nightjar::respond::{Confirm, spec};
                prop_assert!(spec(&operation).confirm == Confirm::None || typed.is_some());
            }
        }
    }
}
