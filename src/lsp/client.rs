//! What the client can do, and what it asked for when it came.

use serde_json::Value;

use crate::hunt::lines::Unit;
use crate::kql::format::Style;

/// The client's abilities that change an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// What it counts columns in.
    pub(super) unit: Unit,
    /// It fills in `$0`.
    pub(super) snippets: bool,
    /// It shows Markdown in a hover; in the words of a completion; in those of a signature.
    pub(super) markdown: (bool, bool, bool),
    /// It takes parameters as places in a signature's label.
    pub(super) label_places: bool,
    /// It takes edits with the version they are for.
    pub(super) versioned_edits: bool,
    /// It takes symbols within symbols.
    pub(super) nested_symbols: bool,
    /// It shows what is out of date or of no use as such.
    pub(super) tags: bool,
    /// Hunting lints are wanted.
    pub(super) lints: bool,
    /// How long lines may be.
    pub(super) width: usize,
    /// The profiles whose tenants' tables are wanted.
    pub(super) profiles: Vec<String>,
}

impl Client {
    /// Reads `initialize`; what is absent or odd counts as not asked for.
    pub(super) fn read(params: &Value, lints: bool) -> Self {
        let at = |path: &str| params.pointer(path);
        let can = |path: &str| {
            let path = format!("/capabilities/textDocument/{path}");
            at(&path).is_some_and(|it| it == &Value::Bool(true) || it.is_object())
        };
        let lists = |path: &str, word: &str| {
            at(path)
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|it| it == word))
        };
        let markdown =
            |path: &str| lists(&format!("/capabilities/textDocument/{path}"), "markdown");
        let option = |path: &str| at(&format!("/initializationOptions/{path}"));
        let bytes = lists("/capabilities/general/positionEncodings", "utf-8");
        Self {
            unit: if bytes { Unit::Byte } else { Unit::Utf16 },
            snippets: can("completion/completionItem/snippetSupport"),
            markdown: (
                markdown("hover/contentFormat"),
                markdown("completion/completionItem/documentationFormat"),
                markdown("signatureHelp/signatureInformation/documentationFormat"),
            ),
            label_places: can(
                "signatureHelp/signatureInformation/parameterInformation/labelOffsetSupport",
            ),
            versioned_edits: at("/capabilities/workspace/workspaceEdit/documentChanges")
                .is_some_and(|it| it == true),
            nested_symbols: can("documentSymbol/hierarchicalDocumentSymbolSupport"),
            tags: can("publishDiagnostics/tagSupport"),
            lints: option("lints").and_then(Value::as_bool).unwrap_or(lints),
            width: option("format/width")
                .and_then(Value::as_u64)
                .and_then(|it| usize::try_from(it).ok())
                .filter(|it| (20..=1000).contains(it))
                .unwrap_or(Style::default().width),
            profiles: match option("profile") {
                Some(Value::String(name)) => vec![name.clone()],
                Some(Value::Array(names)) => names
                    .iter()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            },
        }
    }
}
