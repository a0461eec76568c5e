//! Queries written for the analyst: text of a service put into KQL safely.
//!
//! A template names evidence fields in braces, `{fileDetails.sha256}`; each becomes a KQL literal,
//! quoted and escaped, so that no value can end its string and add an operator.

use std::fmt::Write as _;

use crate::domain::text;
use crate::kql::lexer::{self, TokenKind};

/// A KQL string literal of any text. What must not reach a terminal is escaped too.
pub fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if text::is_safe(c) => out.push(c),
            c => push_escape(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// Query text from outside (a file, the clipboard, history) as the editor may hold it: line breaks
/// are `\n`, and a character that must not reach a terminal raw becomes its KQL escape, which means
/// the same in an ordinary string literal; in `@"…"` and ``` strings, which know no escapes, it is seen as what it is.
pub fn editable(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    let mut chars = query.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            // spaces of other scripts' typography and byte order marks are plain space to KQL
            '\u{feff}' => {}
            c if text::is_safe(c) => out.push(c),
            c => push_escape(&mut out, c),
        }
    }
    out
}

fn push_escape(out: &mut String, c: char) {
    let code = c as u32;
    let _ = if code > 0xffff {
        write!(out, "\\U{code:08X}")
    } else {
        write!(out, "\\u{code:04X}")
    };
}

/// Fills a template; `None` where a field it names is absent or empty.
///
/// `{path}` becomes a string literal, `{path:datetime}` a datetime literal, `{path:long}` a number.
/// `{{` and `}}` stand for the braces themselves.
pub fn fill<'v>(
    template: &str,
    field: impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>,
) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(doubled) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = doubled;
            continue;
        }
        let end = after.find('}')?;
        let (path, form) = after[..end].split_once(':').unwrap_or((&after[..end], ""));
        let value = field(path).filter(|value| !value.is_empty())?;
        match form {
            "datetime" => {
                let time = crate::domain::parse_time(&value)?;
                let _ = write!(out, "datetime({time})");
            }
            "long" => {
                let number: i64 = value.parse().ok()?;
                let _ = write!(out, "{number}");
            }
            _ => out.push_str(&literal(&value)),
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Some(out.trim().to_owned())
}

/// The part of a text that runs when the caret is at a byte offset: queries in one text are split by
/// empty lines, as in the portal; a part that ends in `;` (a `let`) keeps what follows, and a line
/// that starts with `|` belongs to what stands before. Byte range, without surrounding blank lines.
pub fn statement_at(text: &str, caret: usize) -> std::ops::Range<usize> {
    let parts = statements(text);
    // spaces behind the last word are of its line
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |it| at + it);
    let found = parts
        .iter()
        .find(|part| caret <= line_end(part.end))
        .or(parts.last())
        .cloned();
    found.unwrap_or(0..text.len())
}

/// The part of a text that is being written where the caret is: what stands there and, where the caret is
/// behind its end, up to the caret. Empty at the caret where a new query would begin.
pub fn statement_around(text: &str, caret: usize) -> std::ops::Range<usize> {
    let parts = statements(text);
    let Some(part) = parts.iter().rev().find(|part| part.start <= caret) else {
        return caret..caret;
    };
    if caret <= part.end {
        return part.clone();
    }
    let between = &text[part.end..caret];
    if between.matches('\n').count() < 2 || continues(&text[part.clone()]) {
        part.start..caret
    } else {
        caret..caret
    }
}

/// All such parts of a text, in order.
pub fn statements(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    let mut gap = true;
    // does what stands so far of the last part go on behind a gap?
    let mut open = true;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, body) = (at, line.trim_end());
        at += line.len();
        if body.is_empty() {
            gap = true;
            continue;
        }
        let end = start + body.len();
        let belongs = !gap || open || body.trim_start().starts_with(['|', ')']);
        match parts.last_mut() {
            Some(part) if belongs => part.end = end,
            _ => {
                parts.push(start..end);
                open = true;
            }
        }
        open = is_open(body).unwrap_or(open);
        gap = false;
    }
    parts
}

/// Whether a text goes on behind an empty line: nothing but comments introduce what follows, and some
/// signs want something after them.
fn continues(text: &str) -> bool {
    text.lines().rev().find_map(is_open).unwrap_or(true)
}

/// Whether a line ends with a sign that wants something after it; `None` for one without code.
fn is_open(line: &str) -> Option<bool> {
    let code = if line.contains("//") {
        // a comment, or an address in a string
        let (tokens, _) = lexer::tokenize(line);
        let last = tokens.iter().rfind(|it| it.kind != TokenKind::End)?;
        &line[..last.span.end as usize]
    } else {
        line.trim_end()
    };
    (!code.is_empty()).then(|| code.ends_with([';', '|', ',', '(']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn a_value_cannot_leave_its_literal() {
        let hostile = "x\" | where 1==1 \\ \u{202e}\n'";
        let query = fill("T | where A == {a}", |_| Some(Cow::Borrowed(hostile))).expect("fills");
        assert_eq!(query, r#"T | where A == "x\" | where 1==1 \\ \u202E\n'""#);
    }

    #[test]
    fn a_template_needs_all_its_fields() {
        let field = |path: &str| match path {
            "id" => Some(Cow::Borrowed("7")),
            "at" => Some(Cow::Borrowed("2026-08-19T06:58:41.22Z")),
            _ => None,
        };
        assert_eq!(
            fill("x == {id:long} and t > {at:datetime} {{}}", field).as_deref(),
            Some("x == 7 and t > datetime(2026-08-19T06:58:41.22Z) {}")
        );
        assert_eq!(fill("{id} {missing}", field), None);
        assert_eq!(fill("{at:long}", field), None);
    }

    #[test]
    fn the_statement_under_the_caret_is_found() {
        let text = "// all\nA\n| take 1\n\n\nlet x = 1;\n\nB | where y == x\n\n| count\n\nC";
        let parts: Vec<_> = statements(text)
            .into_iter()
            .map(|part| &text[part])
            .collect();
        assert_eq!(
            parts,
            [
                "// all\nA\n| take 1",
                "let x = 1;\n\nB | where y == x\n\n| count",
                "C"
            ]
        );
        assert_eq!(&text[statement_at(text, 0)], parts[0]);
        assert_eq!(&text[statement_at(text, text.len())], "C");
        assert_eq!(statement_at("", 0), 0..0);
        let trailing = "A | take 1  \n\nB";
        assert_eq!(&trailing[statement_at(trailing, 12)], "A | take 1");
    }

    #[test]
    fn an_address_is_no_comment() {
        let list = "datatable(u: string) [\n\"https://a.example\",\n\n\"https://b.example\"]";
        let whole = 0..list.len();
        assert_eq!(statements(list), std::slice::from_ref(&whole));
        let ended = "print 'https://a.example' // and,\n\n// b,\n\nprint 2";
        assert_eq!(statements(ended).len(), 2);
    }

    #[test]
    fn a_long_text_is_cut_in_one_go() {
        let remarks = "// so\n\n".repeat(200_000);
        assert_eq!(statements(&remarks).len(), 1);
        let queries = "print 1 // so\n\n".repeat(100_000);
        assert_eq!(statements(&queries).len(), 100_000);
    }

    #[test]
    fn what_is_being_written_reaches_up_to_the_caret() {
        for (marked, around) in [
            ("A | take 1^\n\nB", "A | take 1"),
            ("A | ^", "A | "),
            ("A\n| ^", "A\n| "),
            ("A\n  ^", "A\n  "),
            ("A\n\n^", ""),
            ("A\n\n^\nB", ""),
            ("let x = 1;\n\n^", "let x = 1;\n\n"),
            ("^A", "A"),
            ("^\nA", ""),
        ] {
            let caret = marked.find('^').expect("a caret");
            let text = marked.replacen('^', "", 1);
            assert_eq!(&text[statement_around(&text, caret)], around, "{marked}");
        }
    }

    #[test]
    fn text_from_outside_is_made_editable() {
        assert_eq!(
            editable("a\r\nb\rc\u{202e}\u{e0041}\t"),
            "a\nb\nc\\u202E\\U000E0041\t"
        );
    }
}
