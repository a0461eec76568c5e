//! Colours and findings of the editor's text: each statement read by itself, once a change.

use std::collections::BTreeSet;

use crate::hunt::schema::tables_of;
use crate::hunt::{Finding, language, prepared};
use crate::kql::classify::{Kind, classify_analysis, classify_syntax};
use crate::kql::{self, Schema};
use crate::tui::theme::Role;
use crate::tui::widgets::editor::Paint;

/// A longer statement is coloured by its grammar alone, so that typing never waits.
const MOST_CHECKED: usize = 32 * 1024;

/// What a text is made of.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) paints: Vec<Paint>,
    pub(super) findings: Vec<Finding>,
    /// The tables it names, known or not.
    pub(super) tables: BTreeSet<String>,
}

/// Reads a text.
pub(super) fn read(text: &str, schema: &Schema) -> Read {
    let mut out = Read::default();
    for part in prepared::statements(text) {
        let query = &text[part.clone()];
        let kinds = if query.len() > MOST_CHECKED {
            classify_syntax(query, &kql::parse(query))
        } else {
            let analysis = language::analyze(query, schema);
            out.tables.extend(tables_of(query, &analysis));
            out.findings.extend(language::found(&analysis, part.start));
            classify_analysis(query, &analysis)
        };
        out.paints
            .extend(kinds.into_iter().map(|(span, kind)| Paint {
                range: part.start + span.start as usize..part.start + span.end as usize,
                role: role_of(kind),
            }));
    }
    out
}

pub(super) fn role_of(kind: Kind) -> Role {
    match kind {
        Kind::Comment | Kind::Directive => Role::KqlComment,
        Kind::Punctuation | Kind::MathOperator => Role::KqlOperator,
        Kind::ScalarOperator | Kind::QueryOperator | Kind::Keyword | Kind::QueryParameter => {
            Role::KqlKeyword
        }
        Kind::Literal => Role::KqlNumber,
        Kind::StringLiteral => Role::KqlString,
        Kind::Type => Role::KqlType,
        Kind::Column => Role::KqlColumn,
        Kind::Table | Kind::Database => Role::KqlTable,
        Kind::Function => Role::KqlFunction,
        Kind::Variable | Kind::Parameter => Role::KqlVariable,
        Kind::Identifier | Kind::PlainText => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read {
        super::read(text, Schema::hunting())
    }

    fn role_at(text: &str, word: &str) -> Option<Role> {
        let at = text.find(word).expect("is there");
        let read = read(text);
        read.paints
            .iter()
            .find(|paint| paint.range.start <= at && at < paint.range.end)
            .map(|paint| paint.role)
    }

    #[test]
    fn statements_are_read_apart_and_placed_in_the_whole_text() {
        let text = "// ä comment\nDeviceInfo | take 5\n\nDeviceInfo | where ==\n\nlet x = \"日本\"; DeviceEvents | where DeviceId == x";
        assert_eq!(role_at(text, "// ä comment"), Some(Role::KqlComment));
        assert_eq!(role_at(text, "where"), Some(Role::KqlKeyword));
        assert_eq!(role_at(text, "\"日本\""), Some(Role::KqlString));
        assert_eq!(role_at(text, "DeviceEvents"), Some(Role::KqlTable));
        assert_eq!(role_at(text, "DeviceId"), Some(Role::KqlColumn));
        let read = read(text);
        let broken = text.find("DeviceInfo | where ==").expect("is there");
        assert!(!read.findings.is_empty());
        assert!(
            read.findings
                .iter()
                .all(|it| (broken..=broken + 22).contains(&it.start)),
            "{:?}",
            read.findings
        );
        let mut end = 0;
        for paint in &read.paints {
            assert!(
                paint.range.start >= end && text.get(paint.range.clone()).is_some(),
                "{paint:?}"
            );
            end = paint.range.end;
        }
    }
}
