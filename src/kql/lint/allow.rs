//! `// nightjar: allow(name, name)`: lints silenced by a comment.

use super::rules::{UNKNOWN_ALLOW, rules};
use crate::kql::diagnostics::{Phase, Severity, nearest};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{Span, Syntax};
use crate::kql::{Diagnostic, diagnostics::Fix};

/// Which lints are silent where.
#[derive(Default)]
pub(super) struct Allowed {
    /// Code and the bytes of the lines it is silent on.
    places: Vec<(&'static str, Span)>,
    /// Names that are no lint's.
    pub unknown: Vec<Diagnostic>,
}

impl Allowed {
    pub fn covers(&self, found: &Diagnostic) -> bool {
        self.places.iter().any(|(code, lines)| {
            *code == found.code && lines.start <= found.span.start && found.span.start <= lines.end
        })
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
            line_of(text, syntax.tokens[token].span.start as usize)
        } else {
            line_of(text, at)
        };
        let offset = at + (list.as_ptr() as usize - comment.as_ptr() as usize);
        let mut start = offset;
        for word in list.split(',') {
            let name = word.trim();
            let from = start + (word.len() - word.trim_start().len());
            start += word.len() + 1;
            match rules().iter().find(|r| r.name == name || r.code == name) {
                Some(rule) => allowed.places.push((rule.code, lines)),
                None => allowed
                    .unknown
                    .push(unknown(name, Span::new(from, from + name.len()))),
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

fn unknown(name: &str, span: Span) -> Diagnostic {
    let like = nearest(name, rules().iter().map(|r| r.name));
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
