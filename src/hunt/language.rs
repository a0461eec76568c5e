//! What the language room says of a query, in the words of this one.

use std::ops::Range;

use crate::kql::diagnostics::{Fix, Severity};
use crate::kql::lexer::{self, TokenKind};
use crate::kql::{self, Analysis, Diagnostic, Schema, Span};

use super::error::{Finding, Repair};
use crate::domain::text;

/// How the query asks to be drawn: `render timechart with (title = "x")`. A hint, no row changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Render {
    /// `timechart`, `piechart`…
    pub kind: String,
    /// Properties in order; strings without their quotes.
    pub properties: Vec<(String, String)>,
}

/// Reads a query against the tables that are known.
pub fn analyze(query: &str, schema: &Schema) -> Analysis {
    kql::analyze(query, schema)
}

/// Faults of a query, by place. `at` is where the query begins in the text it is part of.
pub fn findings(query: &str, at: usize, schema: &Schema) -> Vec<Finding> {
    found(&analyze(query, schema), at)
}

/// The faults of an analysis, by place; one that is said twice is said once.
pub fn found(analysis: &Analysis, at: usize) -> Vec<Finding> {
    let mut found: Vec<Finding> = analysis
        .diagnostics
        .iter()
        .map(|it| finding(it, at))
        .collect();
    found.sort_by_key(|finding| finding.start);
    found.dedup();
    found
}

/// What the hunting lints say of an analysis, by place.
pub fn advice(query: &str, analysis: &Analysis, schema: &Schema) -> Vec<Finding> {
    let said = kql::lint(query, analysis, schema);
    said.iter().map(|it| finding(it, 0)).collect()
}

/// The comment that silences a lint where it is said. `at` is where the query begins in the text that the
/// finding and the repair are placed in.
pub fn silence(query: &str, at: usize, analysis: &Analysis, found: &Finding) -> Option<Repair> {
    let start = found.start.checked_sub(at)?;
    let fix = kql::lint::silence(query, &analysis.syntax, &found.code, start)?;
    Some(repair(&fix, at))
}

fn repair(fix: &Fix, at: usize) -> Repair {
    let edits = fix.edits.iter();
    Repair {
        title: text::clean(&fix.title).into_owned(),
        edits: edits
            .map(|edit| (place(edit.span, at), edit.text.clone()))
            .collect(),
    }
}

fn place(span: Span, at: usize) -> Range<usize> {
    at + span.start as usize..at + span.end as usize
}

fn finding(diagnostic: &Diagnostic, at: usize) -> Finding {
    let span = place(diagnostic.span, at);
    Finding {
        start: span.start,
        end: span.end,
        error: diagnostic.severity == Severity::Error,
        code: diagnostic.code.to_owned(),
        // it quotes the query, which may be text of a service
        message: text::clean(&diagnostic.message).into_owned(),
        fix: diagnostic.fix.as_ref().map(|fix| repair(fix, at)),
    }
}

/// The last `render` of a query, if it has one.
pub fn render(query: &str) -> Option<Render> {
    let (tokens, _) = lexer::tokenize(query);
    let text = |at: usize| {
        let span = tokens[at].span;
        &query[span.start as usize..span.end as usize]
    };
    let start = (0..tokens.len().saturating_sub(2)).rev().find(|&at| {
        tokens[at].kind == TokenKind::Bar
            && text(at + 1) == "render"
            && tokens[at + 2].kind != TokenKind::End
    })?;
    let mut render = Render {
        kind: text(start + 2).to_owned(),
        ..Render::default()
    };
    let mut at = start + 3;
    while at + 2 < tokens.len() && tokens[at].kind != TokenKind::Semicolon {
        if tokens[at + 1].kind == TokenKind::Equal {
            let name = text(at).to_owned();
            at += 2;
            let mut value = String::new();
            // a value is one token, a sign and a number, or names with commas between
            while at < tokens.len() {
                let sign = value.ends_with(',') || value.is_empty();
                let plain = text(at).trim_matches(['"', '\'']);
                value.push_str(if sign { plain.trim() } else { plain });
                at += 1;
                let named = tokens.get(at + 2).map(|it| it.kind) == Some(TokenKind::Equal);
                let more = tokens.get(at).map(|it| it.kind) == Some(TokenKind::Comma) && !named;
                if more {
                    value.push(',');
                    at += 1;
                } else if value != "-" {
                    break;
                }
            }
            render.properties.push((name, value));
        } else {
            at += 1;
        }
    }
    Some(render)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_a_query_asks_for_is_read() {
        let it = render("T | summarize count() by bin(Timestamp, 1h) | render timechart with (title=\"a b\", ymin=0)")
            .expect("asks for one");
        assert_eq!(it.kind, "timechart");
        assert_eq!(
            it.properties,
            [
                ("title".to_owned(), "a b".to_owned()),
                ("ymin".to_owned(), "0".to_owned())
            ]
        );
        assert_eq!(
            render("T | render piechart").expect("asks for one").kind,
            "piechart"
        );
        for none in [
            "T",
            "T | where x == 'render piechart'",
            "// | render x",
            "T | render",
            "",
        ] {
            assert_eq!(render(none), None, "{none}");
        }
    }

    #[test]
    fn faults_are_placed_in_the_whole_text() {
        let findings = |query: &str, at| findings(query, at, Schema::hunting());
        let found = findings("T | where (", 100);
        assert!(!found.is_empty());
        assert!(
            found
                .iter()
                .all(|it| it.start >= 100 && it.end <= 111 && it.start <= it.end && it.error)
        );
        assert_eq!(findings("DeviceInfo | take 1", 0), []);
        let near = findings("DeviceInfo | where DeviceNmae == 'x'", 10);
        assert_eq!(near.len(), 1, "{near:?}");
        assert_eq!((near[0].start, near[0].end), (29, 39));
        assert!(near[0].message.contains("DeviceName"), "{near:?}");
        let fix = near[0].fix.as_ref().expect("a repair");
        assert_eq!(fix.edits, [(29..39, "DeviceName".to_owned())]);
        assert_eq!(fix.title, "Write DeviceName");
    }
}
