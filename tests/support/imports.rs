//! Reads which modules and crates a Rust source refers to, without compiling it: a small tokenizer
//! that knows comments, strings and inline modules, and a reader of `use` trees and paths.

use std::collections::BTreeSet;

/// A reference from a source to a room of this crate, or to an outside crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Line, from 1.
    pub line: usize,
    /// The room or crate.
    pub target: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    PathSep,
    Mark(char),
}

/// The room a file of `src/` belongs to; none for `lib.rs` and `main.rs`.
pub fn room_of(path: &str) -> Option<String> {
    module_path(path)?.into_iter().next()
}

/// The module a file of `src/` is: `src/a/b.rs` is `a::b`, `src/a/mod.rs` is `a`.
fn module_path(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    match parts.first().map(String::as_str) {
        Some("lib" | "main") | None => None,
        Some(_) => Some(parts),
    }
}

/// Every room of this crate that the source names through `crate::` or by climbing `super::` to
/// the root; each room once a line.
pub fn crate_references(path: &str, text: &str) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    let Some(module) = module_path(path) else {
        return found;
    };
    let tokens = tokens(text);
    for_each_path(&tokens, |at, inline| {
        let mut here = module.clone();
        here.extend(inline.iter().cloned());
        let mut next = at;
        loop {
            match word(&tokens, next) {
                Some("crate") => here.clear(),
                Some("super") => {
                    here.pop();
                }
                Some("self") if next == at => {}
                _ => break,
            }
            if tokens.get(next + 1).map(|(token, _)| token) != Some(&Token::PathSep) {
                // `pub(super)`, `use super as x`: nothing is named
                return;
            }
            next += 2;
        }
        if next > at && here.is_empty() {
            heads(&tokens, next, &mut |line, name| {
                found.insert(Reference {
                    line,
                    target: name.to_owned(),
                });
            });
        }
    });
    found
}

/// Every first word of a path outside test code: outside crates, and whatever else leads a path.
pub fn outside_references(path: &str, text: &str) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    let module = module_path(path).unwrap_or_default();
    if module.iter().any(|part| part == "tests") {
        return found;
    }
    let tokens = tokens(text);
    for_each_path(&tokens, |at, inline| {
        if inline.iter().any(|part| part == "tests") {
            return;
        }
        let (Some(name), line) = (word(&tokens, at), tokens[at].1) else {
            return;
        };
        found.insert(Reference {
            line,
            target: name.to_owned(),
        });
    });
    found
}

/// Calls `visit` with the index of every word that starts a path (`a::…`) or a `use`, and the
/// inline modules around it.
fn for_each_path(tokens: &[(Token, usize)], mut visit: impl FnMut(usize, &[String])) {
    let mut depth = 0usize;
    let mut inline: Vec<(String, usize)> = Vec::new();
    for at in 0..tokens.len() {
        match &tokens[at].0 {
            Token::Mark('{') => {
                depth += 1;
                if at >= 2
                    && word(tokens, at - 2) == Some("mod")
                    && let Some(name) = word(tokens, at - 1)
                {
                    inline.push((name.to_owned(), depth));
                }
            }
            Token::Mark('}') => {
                if inline.last().is_some_and(|(_, opened)| *opened == depth) {
                    inline.pop();
                }
                depth = depth.saturating_sub(1);
            }
            Token::Word(_) => {
                let after_path = at > 0 && tokens[at - 1].0 == Token::PathSep;
                let leads = tokens.get(at + 1).map(|(token, _)| token) == Some(&Token::PathSep);
                let used = at > 0 && word(tokens, at - 1) == Some("use");
                if !after_path && (leads || used) {
                    let names: Vec<String> = inline.iter().map(|(name, _)| name.clone()).collect();
                    visit(at, &names);
                }
            }
            _ => {}
        }
    }
}

/// The first words of a use tree: `a::b` gives a, `{a::b, c}` gives a and c.
fn heads(tokens: &[(Token, usize)], at: usize, give: &mut impl FnMut(usize, &str)) {
    match tokens.get(at) {
        Some((Token::Word(name), line)) => give(*line, name),
        Some((Token::Mark('{'), _)) => {
            let mut depth = 1usize;
            let mut start = true;
            for (token, line) in tokens.iter().skip(at + 1) {
                match token {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') => {
                        depth -= 1;
                        if depth == 0 {
                            return;
                        }
                    }
                    Token::Mark(',') if depth == 1 => {
                        start = true;
                        continue;
                    }
                    Token::Word(name) if start && depth == 1 => give(*line, name),
                    _ => {}
                }
                start = false;
            }
        }
        _ => {}
    }
}

fn word(tokens: &[(Token, usize)], at: usize) -> Option<&str> {
    match tokens.get(at) {
        Some((Token::Word(name), _)) => Some(name),
        _ => None,
    }
}

/// Words, `::` and single marks with their lines; comments, strings, characters and lifetimes left out.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut line = 1;
    let mut at = 0;
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let c = chars[at];
        match c {
            '\n' => {
                line += 1;
                at += 1;
            }
            '/' if peek(at + 1) == '/' => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
            }
            '/' if peek(at + 1) == '*' => {
                let mut depth = 0usize;
                while at < chars.len() {
                    if chars[at] == '/' && peek(at + 1) == '*' {
                        depth += 1;
                        at += 2;
                    } else if chars[at] == '*' && peek(at + 1) == '/' {
                        depth -= 1;
                        at += 2;
                        if depth == 0 {
                            break;
                        }
                    } else {
                        line += usize::from(chars[at] == '\n');
                        at += 1;
                    }
                }
            }
            '"' => at = skip_string(&chars, at + 1, &mut line),
            '\'' => {
                // 'x', '\n', '\u{1f}' are characters; 'a without a closing quote is a lifetime
                if peek(at + 1) == '\\' {
                    at += 3;
                    while at < chars.len() && chars[at] != '\'' {
                        at += 1;
                    }
                    at += 1;
                } else if peek(at + 2) == '\'' {
                    at += 3;
                } else {
                    at += 2;
                }
            }
            ':' if peek(at + 1) == ':' => {
                out.push((Token::PathSep, line));
                at += 2;
            }
            c if c == '_' || c.is_alphanumeric() => {
                let start = at;
                while at < chars.len() && (chars[at] == '_' || chars[at].is_alphanumeric()) {
                    at += 1;
                }
                let name: String = chars[start..at].iter().collect();
                let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
                let raw = matches!(name.as_str(), "r" | "br" | "cr");
                if raw && peek(at + hashes) == '"' {
                    at = skip_raw_string(&chars, at + hashes + 1, hashes, &mut line);
                } else if name == "r" && hashes == 1 {
                    at += 1; // r#type: the word follows
                } else if matches!(name.as_str(), "b" | "c") && peek(at) == '"' {
                    at = skip_string(&chars, at + 1, &mut line);
                } else {
                    out.push((Token::Word(name), line));
                }
            }
            c => {
                if !c.is_whitespace() {
                    out.push((Token::Mark(c), line));
                }
                at += 1;
            }
        }
    }
    out
}

fn skip_string(chars: &[char], mut at: usize, line: &mut usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => {
                *line += usize::from(chars.get(at + 1) == Some(&'\n'));
                at += 2;
            }
            '"' => return at + 1,
            c => {
                *line += usize::from(c == '\n');
                at += 1;
            }
        }
    }
    at
}

fn skip_raw_string(chars: &[char], mut at: usize, hashes: usize, line: &mut usize) -> usize {
    while at < chars.len() {
        let closes = chars[at] == '"'
            && chars[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        if closes {
            return at + 1 + hashes;
        }
        *line += usize::from(chars[at] == '\n');
        at += 1;
    }
    at
}
