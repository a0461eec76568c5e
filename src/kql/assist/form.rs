//! The form of the operator around the caret, for those with clauses worth a reminder.

use super::signature::Bracket;
use super::words::{self, Topic};
use super::{Signature, SignatureHelp};
use crate::kql::lexer::{Token, TokenKind};

/// Operators whose form is shown while they are written.
const SHOWN: &[&str] = &[
    "join",
    "lookup",
    "make-series",
    "mv-apply",
    "mv-expand",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "range",
    "sample-distinct",
    "scan",
    "top",
    "top-hitters",
    "top-nested",
];

/// Words that start a clause of a form.
const CLAUSES: &[&str] = &[
    "as", "by", "declare", "from", "in", "limit", "of", "on", "step", "to", "with",
];

/// The form of the operator the caret is in, directly inside a bracket.
pub(super) fn help(
    text: &str,
    tokens: &[Token],
    bracket: &Bracket,
    caret: u32,
) -> Option<SignatureHelp> {
    let (word, at) = bracket.operator?;
    let keyword = tokens.get(at)?;
    // the word itself may still be written
    if !SHOWN.contains(&word) || caret <= keyword.span.end {
        return None;
    }
    let entry = words::about(Topic::Operator, word)?;
    let (starts, parameters) = clauses(entry.form, word);
    let mut active = 0;
    let mut depth = 0usize;
    for token in tokens[at + 1..].iter().take_while(|t| t.span.end < caret) {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::Comma if depth == 0 && word == "top-nested" => active = 0,
            TokenKind::Keyword if depth == 0 => {
                let written = token.span.text(text);
                if let Some(i) = starts.iter().position(|s| *s == written) {
                    active = i;
                }
            }
            _ => {}
        }
    }
    Some(SignatureHelp {
        parameter: (active < parameters.len()).then_some(active),
        signatures: vec![Signature {
            label: entry.form.to_owned(),
            parameters,
        }],
        active: 0,
        summary: entry.sentence.to_owned(),
    })
}

/// The clauses of a form: the word each starts with (the first with none), and their places.
fn clauses<'f>(form: &'f str, word: &str) -> (Vec<&'f str>, Vec<std::ops::Range<usize>>) {
    let mut starts = vec![""];
    let mut places = vec![word.len()];
    let mut at = 0;
    let mut depth = 0usize;
    for part in form.split(' ') {
        let bare = part.trim_start_matches('[');
        let outside = depth == 0 || (depth == 1 && part.starts_with('['));
        if at > 0 && outside && CLAUSES.contains(&bare) {
            starts.push(bare);
            places.push(at);
        }
        let opened = part.matches(['(', '[']).count();
        let closed = part.matches([')', ']']).count();
        depth = (depth + opened).saturating_sub(closed);
        at += part.len() + 1;
    }
    places.push(form.len() + 1);
    let trimmed = |from: usize, to: usize| {
        let part = &form[from..to.min(form.len())];
        let start = from + (part.len() - part.trim_start().len());
        start..start + part.trim().len()
    };
    let ranges = places.windows(2).map(|w| trimmed(w[0], w[1])).collect();
    (starts, ranges)
}
