//! The language alone, and what the targets ask of it.

#[path = "../src/kql/mod.rs"]
pub mod kql;

use kql::lexer::{TokenKind, tokenize};

/// Tokens and comments in order, without the white space between them.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut list = Vec::new();
    for token in tokenize(text).0 {
        let trivia = &text[token.trivia as usize..token.span.start as usize];
        for line in trivia.split(['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            if let Some(at) = line.find("//") {
                list.push(line[at..].trim_end());
            }
        }
        if token.kind != TokenKind::End {
            list.push(token.span.text(text));
        }
    }
    list
}
