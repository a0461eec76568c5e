//! Names: where they come from, where they stand, another one in their place.

use gen_lsp_types as lsp;

use super::client::Client;
use super::document::{Document, Here};
use super::server::{Answer, Refused};
use crate::kql::{Schema, Span, assist};

/// Where the name at a place was defined in its query.
pub(super) fn definition(
    document: &Document,
    params: lsp::DefinitionParams,
) -> Option<lsp::Location> {
    let here = document.here(params.text_document_position_params.position)?;
    let span = assist::definition(here.query, here.analysis, here.at)?;
    Some(location(document, &here, span))
}

fn location(document: &Document, here: &Here<'_>, span: Span) -> lsp::Location {
    lsp::Location {
        uri: document.uri.clone(),
        range: document.range_of(here.base, span),
    }
}

/// Everywhere the name at a place stands.
pub(super) fn references(
    document: &Document,
    params: lsp::ReferenceParams,
) -> Option<Vec<lsp::Location>> {
    let here = document.here(params.text_document_position_params.position)?;
    let defined = assist::definition(here.query, here.analysis, here.at);
    let wanted = |span: &Span| params.context.include_declaration || Some(*span) != defined;
    let all = assist::occurrences(here.query, here.analysis, here.at);
    Some(
        all.into_iter()
            .filter(wanted)
            .map(|span| location(document, &here, span))
            .collect(),
    )
}

/// The same, to be marked in the text.
pub(super) fn highlight(
    document: &Document,
    params: lsp::DocumentHighlightParams,
) -> Option<Vec<lsp::DocumentHighlight>> {
    let here = document.here(params.text_document_position_params.position)?;
    let defined = assist::definition(here.query, here.analysis, here.at);
    let all = assist::occurrences(here.query, here.analysis, here.at);
    Some(
        all.into_iter()
            .map(|span| lsp::DocumentHighlight {
                range: document.range_of(here.base, span),
                kind: Some(if Some(span) == defined {
                    lsp::DocumentHighlightKind::Write
                } else {
                    lsp::DocumentHighlightKind::Read
                }),
            })
            .collect(),
    )
}

/// Whether the name at a place can be given another name, and what it is.
pub(super) fn prepare(
    document: &Document,
    params: lsp::PrepareRenameParams,
) -> Answer<Option<lsp::PrepareRenameResult>> {
    let Some(here) = document.here(params.text_document_position_params.position) else {
        return Ok(None);
    };
    let all = assist::occurrences(here.query, here.analysis, here.at);
    let under = all
        .iter()
        .find(|span| span.start <= here.at && here.at <= span.end);
    let (Some(span), Some(_)) = (
        under,
        assist::definition(here.query, here.analysis, here.at),
    ) else {
        return Err(Refused::cannot("the query defines no name here"));
    };
    Ok(Some(lsp::PrepareRenameResult::PrepareRenamePlaceholder(
        lsp::PrepareRenamePlaceholder {
            range: document.range_of(here.base, *span),
            placeholder: span.text(here.query).to_owned(),
        },
    )))
}

/// Gives the name at a place another name everywhere in its query.
pub(super) fn rename(
    document: &Document,
    params: lsp::RenameParams,
    schema: &Schema,
    client: &Client,
) -> Answer<Option<lsp::WorkspaceEdit>> {
    let Some(here) = document.here(params.text_document_position_params.position) else {
        return Ok(None);
    };
    let to = params.new_name.trim();
    let edits = assist::rename(here.query, here.analysis, schema, here.at, to)
        .map_err(|refused| Refused::cannot(refused.0))?;
    let edits = document.edits(here.base, &edits);
    Ok(Some(workspace_edit(document, edits, client)))
}

/// Edits of one text, for its present version where the client can tell.
pub(super) fn workspace_edit(
    document: &Document,
    edits: Vec<lsp::TextEdit>,
    client: &Client,
) -> lsp::WorkspaceEdit {
    if !client.versioned_edits {
        return lsp::WorkspaceEdit {
            changes: Some(std::iter::once((document.uri.clone(), edits)).collect()),
            ..Default::default()
        };
    }
    let text_document = lsp::OptionalVersionedTextDocumentIdentifier {
        version: Some(document.version),
        text_document_identifier: lsp::TextDocumentIdentifier {
            uri: document.uri.clone(),
        },
    };
    let edits = edits.into_iter().map(lsp::Edit::TextEdit).collect();
    lsp::WorkspaceEdit {
        document_changes: Some(vec![lsp::DocumentChange::TextDocumentEdit(
            lsp::TextDocumentEdit {
                text_document,
                edits,
            },
        )]),
        ..Default::default()
    }
}
