//! Completion, hover and signature help at any place of any text. The first two bytes choose the place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar_fuzz::kql::{Schema, analyze, assist, complete};

fuzz_target!(|data: &[u8]| {
    let Some((place, text)) = data.split_at_checked(2) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let mut caret = usize::from(u16::from_le_bytes([place[0], place[1]])) % (text.len() + 1);
    while !text.is_char_boundary(caret) {
        caret -= 1;
    }
    let (schema, caret) = (Schema::hunting(), caret as u32);
    let found = complete(text, caret, schema);
    let _ = found.replace.text(text);
    assert!(found.replace.start <= caret && caret <= found.replace.end);
    let analysis = analyze(text, schema);
    let _ = assist::hover(text, &analysis, schema, caret);
    let _ = assist::signature_help(text, caret, schema);
});
