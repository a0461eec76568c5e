//! What is wrong with a text, and what can be done about it.

use gen_lsp_types as lsp;

use super::client::Client;
use super::document::{Document, range};
use super::{layout, names};
use crate::domain::text::clean;
use crate::hunt::sheet;
use crate::kql::diagnostics::Fix;
use crate::kql::{Diagnostic, Schema};

/// Findings sent of one text at most; a person mends the first ones first.
const MOST: usize = 1_000;

/// What findings are said to come from.
const SOURCE: &str = "nightjar";

/// The findings of a text, as the client shows them.
pub(super) fn diagnostics(
    document: &Document,
    schema: &Schema,
    client: &Client,
) -> Vec<lsp::Diagnostic> {
    let found = document
        .sheet()
        .findings(&document.text, schema, client.lints);
    let mut walk = document.walk();
    found
        .iter()
        .take(MOST)
        .map(|it| {
            let range = range(&mut walk, shown(&document.text, it));
            diagnostic(it, range, client)
        })
        .collect()
}

/// Where a finding is shown: a place between tokens takes a character, or there is nothing to see.
fn shown(text: &str, found: &Diagnostic) -> std::ops::Range<usize> {
    let (start, end) = (found.span.start as usize, found.span.end as usize);
    if start < end {
        return start..end;
    }
    let visible = |c: &char| !matches!(c, '\r' | '\n');
    if let Some(c) = text[end..].chars().next().filter(visible) {
        return start..end + c.len_utf8();
    }
    match text[..start].chars().next_back().filter(visible) {
        Some(c) => start - c.len_utf8()..end,
        None => start..end,
    }
}

fn diagnostic(found: &Diagnostic, range: lsp::Range, client: &Client) -> lsp::Diagnostic {
    lsp::Diagnostic {
        range,
        severity: Some(if found.is_error() {
            lsp::DiagnosticSeverity::Error
        } else {
            lsp::DiagnosticSeverity::Warning
        }),
        code: Some(lsp::Code::String(found.code.to_owned())),
        source: Some(SOURCE.to_owned()),
        message: lsp::Message::String(clean(&found.message).into_owned()),
        tags: tags(found).filter(|_| client.tags),
        ..Default::default()
    }
}

/// Lints about what is out of date or of no use are drawn as such.
fn tags(found: &Diagnostic) -> Option<Vec<lsp::DiagnosticTag>> {
    let rule = crate::kql::lint::rules()
        .iter()
        .find(|rule| rule.code == found.code)?;
    if rule.name.starts_with("old-") {
        Some(vec![lsp::DiagnosticTag::Deprecated])
    } else if rule.name.starts_with("unused-") {
        Some(vec![lsp::DiagnosticTag::Unnecessary])
    } else {
        None
    }
}

/// What can be done at a range: the repairs of its findings, and for its query the layout.
pub(super) fn actions(
    document: &Document,
    params: lsp::CodeActionParams,
    schema: &Schema,
    client: &Client,
) -> Vec<lsp::CodeAction> {
    let asked = document.bytes(params.range);
    let only = params.context.only.as_deref();
    let wanted = |kind: &lsp::CodeActionKind| {
        only.is_none_or(|only| only.iter().any(|it| is_within(kind, it)))
    };
    let mut actions = Vec::new();
    let mut silences = Vec::new();
    if wanted(&lsp::CodeActionKind::QuickFix) {
        for it in document
            .sheet()
            .findings(&document.text, schema, client.lints)
        {
            let at = shown(&document.text, &it);
            if at.start > asked.end || asked.start > at.end {
                continue;
            }
            let said = diagnostic(&it, document.range(at), client);
            let action = |fix: &Fix, preferred: bool| lsp::CodeAction {
                title: clean(&fix.title).into_owned(),
                kind: Some(lsp::CodeActionKind::QuickFix),
                diagnostics: Some(vec![said.clone()]),
                is_preferred: preferred.then_some(true),
                edit: Some(names::workspace_edit(
                    document,
                    document.edits(0, &fix.edits),
                    client,
                )),
                ..Default::default()
            };
            actions.extend(it.fix.as_ref().map(|fix| action(fix, true)));
            let silence = document.sheet().silence(&document.text, &it);
            silences.extend(silence.map(|fix| action(&fix, false)));
        }
        // a repair is worth more than silence
        actions.append(&mut silences);
    }
    if wanted(&lsp::CodeActionKind::RefactorRewrite) {
        let edits = layout::query_edits(document, asked.start, client);
        if !edits.is_empty() {
            actions.push(lsp::CodeAction {
                title: "Format this query".to_owned(),
                kind: Some(lsp::CodeActionKind::RefactorRewrite),
                edit: Some(names::workspace_edit(document, edits, client)),
                ..Default::default()
            });
        }
    }
    // A whole text is repaired only where somebody asks for that.
    if only.is_some() && wanted(&lsp::CodeActionKind::SourceFixAll) {
        actions.extend(repair_all(document, schema, client));
    }
    actions
}

/// Whether a kind of action is one of those another kind names: `source` names `source.fixAll`.
fn is_within(kind: &lsp::CodeActionKind, named: &lsp::CodeActionKind) -> bool {
    let (kind, named) = (kind.to_string(), named.to_string());
    kind.strip_prefix(&named)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || named.is_empty())
}

/// Every repair of a lint that leaves less to say. Errors are guessed at one by one, by a person.
fn repair_all(document: &Document, schema: &Schema, client: &Client) -> Option<lsp::CodeAction> {
    let lint = |found: &Diagnostic| client.lints && !found.is_error();
    let (repaired, done) = sheet::repair(&document.text, schema, lint);
    if done.is_empty() {
        return None;
    }
    let edit = lsp::TextEdit {
        range: document.range(0..document.text.len()),
        new_text: repaired,
    };
    Some(lsp::CodeAction {
        title: format!("Make all {} repairs", done.len()),
        kind: Some(lsp::CodeActionKind::SourceFixAll),
        edit: Some(names::workspace_edit(document, vec![edit], client)),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_within_their_families() {
        use lsp::CodeActionKind as K;
        assert!(is_within(&K::SourceFixAll, &K::Source));
        assert!(is_within(&K::QuickFix, &K::QuickFix));
        assert!(is_within(&K::QuickFix, &K::Empty));
        assert!(!is_within(&K::Source, &K::SourceFixAll));
        assert!(!is_within(&K::QuickFix, &K::Custom("quick".into())));
    }
}
