//! `// nightjar: allow(name, name)`: lints silenced by a comment.

use std::collections::BTreeMap;

use super::rules::{UNKNOWN_ALLOW, rules};
use crate::kql::diagnostics::{Phase, Severity, nearest};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{Span, Syntax};
use crate::kql::{Diagnostic, diagnostics::Fix};

/// For so many unknown names of a text a likely one is looked for: more are no slips of the pen, and each
/// costs a look at all lints.
const MOST_GUESSED: usize = 100;

/// Which lints are silent where.
#[derive(Default)]
pub(super) struct Allowed {
    /// Code and where the lines begin that it is silent on: where they end. Lines lie apart; only the whole
    /// text, from 0, holds others.
    places: BTreeMap<(&'static str, u32), u32>,
    /// Names that are no lint's.
    pub unknown: Vec<Diagnostic>,
}

impl Allowed {
    fn silence(&mut self, code: &'static str, lines: Span) {
        let end = self.places.entry((code, lines.start)).or_default();
        *end = lines.end.max(*end);
    }

    pub fn covers(&self, found: &Diagnostic) -> bool {
        let at = found.span.start;
        let near = self.places.range((found.code, 0)..=(found.code, at));
        let whole = self.places.get(&(found.code, 0));
        near.last()
            .into_iter()
            .map(|(_, end)| end)
            .chain(whole)
            .any(|end| at <= *end)
    }
}

/// The words after `// nightjar:` in a comment, with their place.
pub(super) fn directive(comment: &str) -> Option<&str> {
    comment
        .trim_start_matches('/')
        .trim_start()
        .strip_prefix("nightjar:")
}

/// All comments of a text: place, and whether each has its line to itself.
pub(super) fn comments<'t>(text: &'t str, syntax: &Syntax) -> Vec<(usize, &'t str, bool, usize)> {
    let mut list = Vec::new();
    for (n, token) in syntax.tokens.iter().enumerate() {
        let (from, to) = (token.trivia as usize, token.span.start as usize);
        let trivia = &text[from..to];
        if !trivia.contains("//") {
            continue;
        }
        let mut at = from;
        for (nth, line) in trivia.split_inclusive('\n').enumerate() {
            if let Some(start) = line.find("//") {
                let own_line = nth > 0 || n == 0;
                list.push((at + start, line[start..].trim_end(), own_line, n));
            }
            at += line.len();
        }
    }
    list
}

pub(super) fn read(text: &str, syntax: &Syntax) -> Allowed {
    let mut allowed = Allowed::default();
    // the line below the comments above a token is looked for once
    let mut below: Option<(usize, Span)> = None;
    for (at, comment, own_line, token) in comments(text, syntax) {
        let Some(list) = directive(comment)
            .map(str::trim_start)
            .and_then(|words| words.strip_prefix("allow"))
            .and_then(|words| words.trim_start().strip_prefix('('))
            .and_then(|words| words.split(')').next())
        else {
            continue;
        };
        let lines = if token == 0 {
            Span::new(0, text.len())
        } else if own_line {
            match below {
                Some((of, lines)) if of == token => lines,
                _ => {
                    let lines = line_of(text, syntax.tokens[token].span.start as usize);
                    below = Some((token, lines));
                    lines
                }
            }
        } else {
            line_of(text, at)
        };
        let offset = at + (list.as_ptr() as usize - comment.as_ptr() as usize);
        let mut start = offset;
        for word in list.split(',') {
            let name = word.trim();
            let from = start + (word.len() - word.trim_start().len());
            start += word.len() + 1;
            let rule = rules().iter().find(|r| r.name == name || r.code == name);
            if let Some(rule) = rule {
                allowed.silence(rule.code, lines);
            } else {
                let span = Span::new(from, from + name.len());
                let guess = allowed.unknown.len() < MOST_GUESSED;
                allowed.unknown.push(unknown(name, span, guess));
            }
        }
    }
    if syntax
        .tokens
        .first()
        .is_some_and(|t| t.kind == TokenKind::End)
    {
        allowed.unknown.clear();
    }
    allowed
}

/// The edit that silences one lint on the line of byte `at`, as a comment: in the list of one that is there,
/// above the line, or at its end where a comment above would speak for the whole query. None where there
/// is no such lint, or no room for a comment between the lines of a string.
pub fn silence(text: &str, syntax: &Syntax, code: &str, at: usize) -> Option<Fix> {
    let rule = rules()
        .iter()
        .find(|rule| rule.code == code && rule.code != UNKNOWN_ALLOW)?;
    let name = rule.name;
    let line = line_of(text, at);
    let (start, end) = (line.start as usize, line.end as usize);
    let first = syntax
        .tokens
        .partition_point(|token| token.span.end as usize <= start);
    let first_begins = syntax.tokens.get(first)?.span.start as usize;
    let put = |at: usize, words: String| {
        let title = format!("Silence {name} here");
        Some(Fix::replace(title, Span::new(at, at), words))
    };
    let comments = comments(text, syntax);
    // what is said of this line alone, at its end or above it
    let speaks = |&&(at, _, own_line, token): &&(usize, &str, bool, usize)| {
        (!own_line && start <= at && at < end) || (own_line && token == first && token > 0)
    };
    let closes = |comment: &str| -> Option<usize> {
        let words = directive(comment)?.trim_start().strip_prefix("allow")?;
        words.trim_start().strip_prefix('(')?;
        comment.find(')')
    };
    for (at, comment, ..) in comments.iter().filter(speaks) {
        if let Some(close) = closes(comment) {
            return put(at + close, format!(", {name}"));
        }
    }
    if first > 0 && first_begins >= start && first_begins < end {
        let indent = text[start..first_begins].trim_end_matches(|c: char| !c.is_whitespace());
        let breaks = if text[..start].ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        return put(start, format!("{indent}// nightjar: allow({name}){breaks}"));
    }
    if let Some((at, ..)) = comments
        .iter()
        .find(|(at, _, own_line, _)| !own_line && start <= *at && *at < end)
    {
        return put(*at, format!("// nightjar: allow({name}) "));
    }
    let within = |token: &crate::kql::lexer::Token| {
        (token.span.start as usize) < end && end < token.span.end as usize
    };
    if syntax.tokens.iter().any(within) {
        return None;
    }
    let end = start + text[start..end].trim_end().len();
    put(end, format!(" // nightjar: allow({name})"))
}

fn unknown(name: &str, span: Span, guess: bool) -> Diagnostic {
    let like = guess
        .then(|| nearest(name, rules().iter().map(|r| r.name)))
        .flatten();
    let message = match like {
        Some(like) => format!("There is no lint {name}; {like} may be meant."),
        None => format!("There is no lint {name}."),
    };
    Diagnostic {
        code: UNKNOWN_ALLOW,
        severity: Severity::Warning,
        phase: Phase::Semantic,
        span,
        message,
        fix: like.map(|like| Fix::replace(format!("Write {like}"), span, like)),
    }
}

fn line_of(text: &str, at: usize) -> Span {
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    Span::new(start, end)
}
