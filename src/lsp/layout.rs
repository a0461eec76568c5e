//! The shape of a text: formatting, folding, the list of its queries.

use std::ops::Range;

use gen_lsp_types as lsp;

use super::client::Client;
use super::document::Document;
use super::server::{Answer, Refused};
use crate::domain::text::clean;
use crate::hunt::sheet::{self, Part};
use crate::kql::format::Style;
use crate::kql::syntax::{LetValue, StatementKind};

/// Letters of a query's first line that name it.
const NAME: usize = 80;

fn style(tab: Option<u32>, client: &Client) -> Style {
    let default = Style::default();
    Style {
        indent: tab.map_or(default.indent, |tab| tab.min(16) as usize),
        width: client.width,
    }
}

/// Lays the whole text out, as `nightjar kql format` does.
pub(super) fn format(
    document: &Document,
    params: lsp::DocumentFormattingParams,
    client: &Client,
) -> Answer<Vec<lsp::TextEdit>> {
    let style = style(Some(params.options.tab_size), client);
    let laid = document.sheet().format(&document.text, style);
    if laid.text == document.text
        && let Some(fault) = laid.refused.first()
    {
        return Err(unparsed(fault));
    }
    let edits = sheet::layout_edits(&document.text, &laid.text);
    Ok(document.edits(0, &edits))
}

fn unparsed(fault: &crate::kql::Diagnostic) -> Refused {
    Refused::cannot(format!("it does not parse: {}", clean(&fault.message)))
}

/// Lays out the queries that a range touches.
pub(super) fn format_range(
    document: &Document,
    params: lsp::DocumentRangeFormattingParams,
    client: &Client,
) -> Answer<Vec<lsp::TextEdit>> {
    let asked = document.bytes(params.range);
    let style = style(Some(params.options.tab_size), client);
    let mut edits = Vec::new();
    for part in touched(document, &asked) {
        edits.extend(part_edits(document, part, style).map_err(|fault| unparsed(&fault))?);
    }
    Ok(edits)
}

fn touched<'d>(document: &'d Document, asked: &Range<usize>) -> impl Iterator<Item = &'d Part> {
    let (start, end) = (asked.start, asked.end);
    document
        .sheet()
        .parts()
        .iter()
        .filter(move |part| part.range.start <= end && start <= part.range.end)
}

fn part_edits(
    document: &Document,
    part: &Part,
    style: Style,
) -> Result<Vec<lsp::TextEdit>, crate::kql::Diagnostic> {
    let text = part.text(&document.text);
    let laid = sheet::format_query(text, style, sheet::line_end(&document.text))?;
    Ok(document.edits(part.range.start, &sheet::layout_edits(text, &laid)))
}

/// The edits that lay out the query at a byte; none where it does not parse.
pub(super) fn query_edits(document: &Document, byte: usize, client: &Client) -> Vec<lsp::TextEdit> {
    touched(document, &(byte..byte))
        .next()
        .and_then(|part| part_edits(document, part, style(None, client)).ok())
        .unwrap_or_default()
}

/// What can be folded: queries, and what they define over several lines.
pub(super) fn folds(document: &Document) -> Vec<lsp::FoldingRange> {
    let mut walk = document.walk();
    let mut fold = |bytes: Range<usize>| {
        let (start, end) = (walk.place(bytes.start).0, walk.place(bytes.end).0);
        (start < end).then_some(lsp::FoldingRange {
            start_line: start as u32,
            end_line: end as u32,
            start_character: None,
            end_character: None,
            kind: Some(lsp::FoldingRangeKind::Region),
            collapsed_text: None,
        })
    };
    let mut folds = Vec::new();
    for part in document.sheet().parts() {
        let statements = &part.query.analysis.syntax.statements;
        folds.extend(fold(part.range.clone()));
        if statements.len() < 2 {
            continue;
        }
        for statement in statements {
            let base = part.range.start;
            let span = statement.span;
            folds.extend(fold(base + span.start as usize..base + span.end as usize));
        }
    }
    folds.dedup();
    folds
}

/// The queries, and in each what it defines.
pub(super) fn symbols(document: &Document, client: &Client) -> lsp::DocumentSymbolResponse {
    let symbols = document
        .sheet()
        .parts()
        .iter()
        .map(|part| query_symbol(document, part))
        .collect();
    if client.nested_symbols {
        return lsp::DocumentSymbolResponse::DocumentSymbolList(symbols);
    }
    let mut flat = Vec::new();
    for symbol in symbols {
        let within = symbol.name.clone();
        let children = symbol.children.clone().unwrap_or_default();
        flat.push(flattened(document, symbol, None));
        flat.extend(
            children
                .into_iter()
                .map(|child| flattened(document, child, Some(within.clone()))),
        );
    }
    lsp::DocumentSymbolResponse::SymbolInformationList(flat)
}

fn flattened(
    document: &Document,
    symbol: lsp::DocumentSymbol,
    within: Option<String>,
) -> lsp::SymbolInformation {
    #[expect(deprecated, reason = "the field must be given")]
    lsp::SymbolInformation {
        deprecated: None,
        location: lsp::Location {
            uri: document.uri.clone(),
            range: symbol.range,
        },
        base_symbol_information: lsp::BaseSymbolInformation {
            name: symbol.name,
            kind: symbol.kind,
            tags: None,
            container_name: within,
        },
    }
}

fn query_symbol(document: &Document, part: &Part) -> lsp::DocumentSymbol {
    let text = part.text(&document.text);
    let base = part.range.start;
    let children = part
        .query
        .analysis
        .syntax
        .statements
        .iter()
        .filter_map(|statement| {
            let StatementKind::Let { name, value } = &statement.kind else {
                return None;
            };
            if name.is_missing() || name.text.trim().is_empty() {
                return None;
            }
            let kind = match value {
                LetValue::Function(_) => lsp::SymbolKind::Function,
                _ => lsp::SymbolKind::Variable,
            };
            let (whole, own) = (statement.span.to(name.span), name.span);
            let range = document.range_of(base, whole);
            Some(symbol(
                &name.text,
                kind,
                range,
                document.range_of(base, own),
            ))
        })
        .collect();
    let first = text.lines().next().unwrap_or_default();
    let title = first.trim_start_matches(['/', ' ', '\t']);
    let title = if title.trim().is_empty() {
        "query"
    } else {
        title
    };
    let range = document.range(part.range.clone());
    let selection = document.range(base..base + first.len());
    lsp::DocumentSymbol {
        children: Some(children),
        ..symbol(title, lsp::SymbolKind::Event, range, selection)
    }
}

fn symbol(
    name: &str,
    kind: lsp::SymbolKind,
    range: lsp::Range,
    selection_range: lsp::Range,
) -> lsp::DocumentSymbol {
    let name: String = clean(name).chars().take(NAME).collect();
    #[expect(deprecated, reason = "the field must be given")]
    lsp::DocumentSymbol {
        name,
        kind,
        range,
        selection_range,
        detail: None,
        tags: None,
        deprecated: None,
        children: None,
    }
}
