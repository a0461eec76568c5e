//! Colours: what each part of a text is, in the protocol's words.

use std::ops::Range;

use gen_lsp_types as lsp;

use super::document::Document;
use crate::kql::classify::{Kind, classify_analysis};

/// The protocol's words; a token says which by its place here.
const LEGEND: &[&str] = &[
    "comment",
    "keyword",
    "operator",
    "number",
    "string",
    "type",
    "property",
    "class",
    "namespace",
    "function",
    "variable",
    "parameter",
    "macro",
    "decorator",
];

/// The word for a kind; brackets, unknown names and unreadable text have none and stay uncoloured.
fn word(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Comment => "comment",
        Kind::QueryOperator | Kind::Keyword => "keyword",
        Kind::MathOperator | Kind::ScalarOperator => "operator",
        Kind::Literal => "number",
        Kind::StringLiteral => "string",
        Kind::Type => "type",
        Kind::Column => "property",
        Kind::Table => "class",
        Kind::Database => "namespace",
        Kind::Function => "function",
        Kind::Variable => "variable",
        Kind::Parameter => "parameter",
        Kind::QueryParameter => "decorator",
        Kind::Directive => "macro",
        Kind::Punctuation | Kind::Identifier | Kind::PlainText => return None,
    })
}

/// What the server says it can do.
pub(super) fn provider() -> lsp::SemanticTokensProvider {
    lsp::SemanticTokensProvider::SemanticTokensOptions(lsp::SemanticTokensOptions {
        legend: lsp::SemanticTokensLegend {
            token_types: LEGEND.iter().map(|it| (*it).to_owned()).collect(),
            token_modifiers: Vec::new(),
        },
        range: Some(lsp::SemanticTokensOptionsRange::Bool(true)),
        full: Some(lsp::Full::Bool(true)),
        ..Default::default()
    })
}

/// The colours of a whole text.
pub(super) fn all(document: &Document) -> lsp::SemanticTokens {
    tokens(document, &(0..document.text.len()))
}

/// The colours of a range.
pub(super) fn within(
    document: &Document,
    params: lsp::SemanticTokensRangeParams,
) -> lsp::SemanticTokens {
    tokens(document, &document.bytes(params.range))
}

fn tokens(document: &Document, asked: &Range<usize>) -> lsp::SemanticTokens {
    let mut data = Vec::new();
    let mut walk = document.walk();
    let mut last = (0, 0);
    for part in document.sheet().parts() {
        if part.range.end < asked.start || asked.end < part.range.start {
            continue;
        }
        let text = part.text(&document.text);
        for (span, kind) in classify_analysis(text, &part.query.analysis) {
            let start = part.range.start + span.start as usize;
            let end = part.range.start + span.end as usize;
            let Some(word) = word(kind) else { continue };
            if end < asked.start || asked.end < start {
                continue;
            }
            let kind = LEGEND.iter().position(|it| *it == word).unwrap_or(0);
            // a token stays within its line
            for line in document.lines().line_of(start)..=document.lines().line_of(end) {
                let from = start.max(document.lines().start(&document.text, line));
                let to = end.min(document.lines().end(&document.text, line));
                if from >= to {
                    continue;
                }
                let (line, column) = walk.place(from);
                let length = walk.place(to).1 - column;
                data.push(lsp::SemanticToken {
                    delta_line: (line - last.0) as u32,
                    delta_start: (if line == last.0 {
                        column - last.1
                    } else {
                        column
                    }) as u32,
                    length: length as u32,
                    token_type: kind as u32,
                    token_modifiers_bitset: 0,
                });
                last = (line, column);
            }
        }
    }
    lsp::SemanticTokens {
        result_id: None,
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::lines::Unit;
    use crate::kql::Schema;

    #[test]
    fn colours_are_placed_line_by_line() {
        let text = "// é😀\r\nDeviceInfo | where DeviceName == ```a\r\nb```".to_owned();
        let mut document = Document::new("x".into(), 1, text, Unit::Utf16);
        document.refresh(Schema::hunting());
        let data: Vec<(u32, u32, u32, &str)> = all(&document)
            .data
            .iter()
            .map(|it| {
                (
                    it.delta_line,
                    it.delta_start,
                    it.length,
                    LEGEND[it.token_type as usize],
                )
            })
            .collect();
        assert_eq!(
            data,
            [
                (0, 0, 6, "comment"),
                (1, 0, 10, "class"),
                (0, 13, 5, "keyword"),
                (0, 6, 10, "property"),
                (0, 11, 2, "operator"),
                (0, 3, 4, "string"),
                (1, 0, 4, "string"),
            ]
        );
        let range = serde_json::json!({
            "textDocument": {"uri": "x"},
            "range": {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 9}},
        });
        let range = serde_json::from_value(range).expect("a range");
        assert_eq!(
            within(&document, range).data.len(),
            2,
            "the string's two lines"
        );
    }
}
