//! Analysing, colouring and linting any text: no panic, spans inside the text, repairs that apply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar_fuzz::kql::diagnostics::Edit;
use nightjar_fuzz::kql::{Schema, analyze, classify_analysis, lint};

fuzz_target!(|text: &str| {
    let schema = Schema::hunting();
    let analysis = analyze(text, schema);
    let lints = lint(text, &analysis, schema);
    for found in analysis.diagnostics.iter().chain(&lints) {
        let _ = found.span.text(text);
        if let Some(fix) = &found.fix {
            let _ = Edit::apply(text, &fix.edits);
        }
    }
    for found in &lints {
        assert!(!found.is_error());
    }
    for (span, _) in classify_analysis(text, &analysis) {
        let _ = span.text(text);
    }
    let mut at = 0;
    for token in &analysis.syntax.tokens {
        assert_eq!(token.trivia, at, "every byte belongs to one token or the trivia before it");
        at = token.span.end;
    }
    assert_eq!(at as usize, text.len());
});
