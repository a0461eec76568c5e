//! Formatting any text that parses: the same tokens and comments, and nothing left to do.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar_fuzz::kql::format::{Style, format};
use nightjar_fuzz::pieces;

fuzz_target!(|text: &str| {
    for style in [Style::default(), Style { indent: 2, width: 30 }] {
        let Ok(once) = format(text, style) else {
            return;
        };
        assert_eq!(pieces(text), pieces(&once), "tokens or comments changed");
        let twice = format(&once, style).expect("still a query");
        assert_eq!(once, twice, "formatting twice changes something");
    }
});
