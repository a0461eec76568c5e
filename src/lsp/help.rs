//! Words about the thing at a place, and the call around it.

use gen_lsp_types as lsp;

use super::client::Client;
use super::document::Document;
use crate::domain::text::clean_block;
use crate::kql::{Schema, assist};

/// What the thing at a place is.
pub(super) fn hover(
    document: &Document,
    params: lsp::HoverParams,
    schema: &Schema,
    client: &Client,
) -> Option<lsp::Hover> {
    let here = document.here(params.text_document_position_params.position)?;
    let found = assist::hover(here.query, here.analysis, schema, here.at)?;
    Some(lsp::Hover {
        contents: lsp::Contents::MarkupContent(markup(
            &found.title,
            &found.body,
            client.markdown.0,
        )),
        range: Some(document.range_of(here.base, found.span)),
    })
}

/// A declaration and paragraphs about it, as the client shows them.
pub(super) fn markup(title: &str, body: &[String], markdown: bool) -> lsp::MarkupContent {
    let title = clean_block(title);
    let paragraphs = body.iter().map(|it| clean_block(it));
    if !markdown {
        let parts: Vec<_> = std::iter::once(title).chain(paragraphs).collect();
        return lsp::MarkupContent {
            kind: lsp::MarkupKind::PlainText,
            value: parts.join("\n\n"),
        };
    }
    // a fence longer than any in the title, which may quote the query
    let mut fence = "```".to_owned();
    while title.contains(&fence) {
        fence.push('`');
    }
    let mut value = format!("{fence}kusto\n{title}\n{fence}");
    for words in paragraphs {
        value.push_str("\n\n");
        for c in words.chars() {
            if matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~'
            ) {
                value.push('\\');
            }
            value.push(c);
        }
    }
    lsp::MarkupContent {
        kind: lsp::MarkupKind::Markdown,
        value,
    }
}

/// The call around a place.
pub(super) fn signature(
    document: &Document,
    params: lsp::SignatureHelpParams,
    schema: &Schema,
    client: &Client,
) -> Option<lsp::SignatureHelp> {
    let byte = document.byte(params.text_document_position_params.position);
    let query = document.sheet().written_at(&document.text, byte);
    let text = &document.text[query.clone()];
    let found = assist::signature_help(text, (byte - query.start) as u32, schema)?;
    let documentation = (!found.summary.is_empty())
        .then(|| lsp::Documentation::String(clean_block(&found.summary).into_owned()));
    let active = found.parameter.map(|it| it as u32);
    let signatures = found
        .signatures
        .iter()
        .map(|it| lsp::SignatureInformation {
            label: it.label.clone(),
            documentation: documentation.clone(),
            parameters: Some(
                it.parameters
                    .iter()
                    .map(|at| parameter(&it.label, at, client))
                    .collect(),
            ),
            active_parameter: None,
        })
        .collect();
    Some(lsp::SignatureHelp {
        signatures,
        active_signature: Some(found.active as u32),
        active_parameter: active.map(lsp::ActiveParameter::Int),
    })
}

fn parameter(
    label: &str,
    at: &std::ops::Range<usize>,
    client: &Client,
) -> lsp::ParameterInformation {
    let units = |end: usize| {
        let before = label.get(..end).unwrap_or(label);
        before.encode_utf16().count() as u32
    };
    lsp::ParameterInformation {
        label: if client.label_places {
            lsp::ParameterInformationLabel::Tuple((units(at.start), units(at.end)))
        } else {
            let text = label.get(at.clone()).unwrap_or_default();
            lsp::ParameterInformationLabel::String(text.to_owned())
        },
        documentation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_in_markdown() {
        let body = vec!["a *b* <i> `c`\u{1b}".to_owned()];
        let shown = markup("x: ```y```", &body, true).value;
        assert_eq!(
            shown,
            "````kusto\nx: ```y```\n````\n\na \\*b\\* \\<i\\> \\`c\\`⟪U+001B⟫"
        );
        assert_eq!(
            markup("t", &body, false).value,
            "t\n\na *b* <i> `c`⟪U+001B⟫"
        );
    }
}
