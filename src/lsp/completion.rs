//! What can be written at a place, and the words about one of it.

use std::fmt::Write as _;

use gen_lsp_types as lsp;
use serde_json::json;

use super::client::Client;
use super::document::Document;
use super::help;
use crate::domain::text::clean;
use crate::kql::complete::{self, Item, ItemKind};
use crate::kql::schema::Presence;
use crate::kql::{Schema, Span, analyze, assist};

/// What was offered last, for the words about one of it.
pub(super) struct Offered {
    uri: String,
    version: i32,
    /// The query, as written then, before and after what an item replaces.
    around: (String, String),
    /// What each item writes.
    inserts: Vec<String>,
}

impl Offered {
    /// The text it was offered in.
    pub(super) fn uri(&self) -> &str {
        &self.uri
    }
}

/// Everything that fits a place, best first; the client narrows it down as typing goes on.
pub(super) fn complete(
    document: &Document,
    params: lsp::CompletionParams,
    schema: &Schema,
    client: &Client,
) -> (lsp::CompletionList, Offered) {
    let byte = document.byte(params.text_document_position_params.position);
    let query = document.sheet().written_at(&document.text, byte);
    let text = &document.text[query.clone()];
    let offered = complete::complete(text, (byte - query.start) as u32, schema);
    let range = document.range_of(query.start, offered.replace);
    let phrases = offered.snippets.iter().filter(|_| client.snippets);
    let all: Vec<&Item<'_>> = offered.items.iter().chain(phrases).collect();
    let items = all
        .iter()
        .enumerate()
        .map(|(place, it)| item(it, place, range, client))
        .collect();
    let kept = Offered {
        uri: document.uri.0.clone(),
        version: document.version,
        around: (
            text[..offered.replace.start as usize].to_owned(),
            text[offered.replace.end as usize..].to_owned(),
        ),
        inserts: all.iter().map(|it| it.insert.to_string()).collect(),
    };
    let list = lsp::CompletionList {
        is_incomplete: false,
        items,
        ..Default::default()
    };
    (list, kept)
}

fn item(item: &Item<'_>, place: usize, range: lsp::Range, client: &Client) -> lsp::CompletionItem {
    let open = item.open();
    let fills_in = client.snippets && !open.is_empty();
    let new_text = if fills_in {
        snippet(&item.insert, &open)
    } else {
        item.insert.clone().into_owned()
    };
    let lacks = item.presence == Presence::NotSeen;
    let ty = item.ty.map(crate::kql::Type::name);
    let detail = match (ty, lacks) {
        (ty, false) => ty.map(str::to_owned),
        (Some(ty), true) => Some(format!("{ty}, not seen in this tenant")),
        (None, true) => Some("not seen in this tenant".to_owned()),
    };
    let name = item.label.split('(').next().unwrap_or_default().trim_end();
    lsp::CompletionItem {
        label: clean(&item.label).into_owned(),
        kind: Some(kind(item.kind)),
        detail,
        // clients sort by text: the order here is the order of use
        sort_text: Some(format!("{place:05}")),
        filter_text: Some(if name.is_empty() { &*item.label } else { name }.to_owned()),
        insert_text_format: fills_in.then_some(lsp::InsertTextFormat::Snippet),
        text_edit: Some(lsp::CompletionItemTextEdit::TextEdit(lsp::TextEdit {
            range,
            new_text,
        })),
        data: Some(json!(place)),
        ..Default::default()
    }
}

/// A text with places to be filled in, the last of them the end.
fn snippet(insert: &str, open: &[Span]) -> String {
    let mut out = String::with_capacity(insert.len() + 8 * open.len());
    let mut at = 0;
    for (nth, stop) in open.iter().enumerate() {
        let (start, end) = (stop.start as usize, stop.end as usize);
        out.push_str(&escaped(&insert[at..start]));
        if nth + 1 == open.len() {
            out.push_str("$0");
        } else if start == end {
            let _ = write!(out, "${}", nth + 1);
        } else {
            let _ = write!(out, "${{{}:{}}}", nth + 1, escaped(&insert[start..end]));
        }
        at = end;
    }
    out.push_str(&escaped(&insert[at..]));
    out
}

/// Text of a snippet that stands for itself.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '$' | '}' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn kind(kind: ItemKind) -> lsp::CompletionItemKind {
    use lsp::CompletionItemKind as K;
    match kind {
        ItemKind::Column => K::Field,
        ItemKind::Table => K::Class,
        ItemKind::Variable | ItemKind::Parameter => K::Variable,
        ItemKind::Function | ItemKind::Aggregate | ItemKind::PlugIn => K::Function,
        ItemKind::Operator | ItemKind::Keyword => K::Keyword,
        ItemKind::ScalarOperator => K::Operator,
        ItemKind::Value => K::EnumMember,
        ItemKind::Type => K::TypeParameter,
        ItemKind::Snippet => K::Snippet,
    }
}

/// An item with words about it: those of a hover over it, were it written.
pub(super) fn resolve(
    mut item: lsp::CompletionItem,
    offered: Option<&Offered>,
    document: Option<&Document>,
    schema: &Schema,
    client: &Client,
) -> lsp::CompletionItem {
    let place = item.data.as_ref().and_then(serde_json::Value::as_u64);
    let (Some(offered), Some(document), Some(place)) = (offered, document, place) else {
        return item;
    };
    let insert = usize::try_from(place)
        .ok()
        .and_then(|place| offered.inserts.get(place));
    let Some(insert) = insert.filter(|_| offered.version == document.version) else {
        return item;
    };
    let (before, after) = &offered.around;
    let query = format!("{before}{insert}{after}");
    let analysis = analyze(&query, schema);
    if let Some(hover) = assist::hover(&query, &analysis, schema, before.len() as u32) {
        let markup = help::markup(&hover.title, &hover.body, client.markdown.1);
        item.documentation = Some(lsp::Documentation::MarkupContent(markup));
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_puts_the_caret_where_it_says() {
        let offered = Item {
            label: "f(x)".into(),
            insert: "f($}\\)".into(),
            caret: 2,
            stops: std::borrow::Cow::Borrowed(&[]),
            kind: ItemKind::Function,
            ty: None,
            presence: Presence::Documented,
        };
        let text = |client: &Client| {
            let item = item(&offered, 3, lsp::Range::default(), client);
            let Some(lsp::CompletionItemTextEdit::TextEdit(edit)) = item.text_edit else {
                panic!("an edit");
            };
            (
                edit.new_text,
                item.insert_text_format,
                item.filter_text,
                item.sort_text,
            )
        };
        let mut client = Client::default();
        let (plain, format, filter, sort) = text(&client);
        assert_eq!((plain.as_str(), format), ("f($}\\)", None));
        assert_eq!(
            (filter.as_deref(), sort.as_deref()),
            (Some("f"), Some("00003"))
        );
        client.snippets = true;
        let (snippet, format, ..) = text(&client);
        assert_eq!(snippet, "f($1\\$\\}\\\\)$0");
        assert_eq!(format, Some(lsp::InsertTextFormat::Snippet));
    }
}
