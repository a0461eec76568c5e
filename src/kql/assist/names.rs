//! Where a name comes from, and everywhere it stands.

use std::collections::{BTreeSet, HashMap};

use crate::kql::binder::Reference;
use crate::kql::literals;
use crate::kql::symbols::{Mention, Origin, Source, Symbol, SymbolKind};
use crate::kql::{Analysis, Span, Symbols};

/// Where the name at byte `at` was defined in the query (a `let`, a parameter, an `as`, an `extend`).
/// For a name the language made up, the expression it is made of.
pub fn definition(text: &str, analysis: &Analysis, at: u32) -> Option<Span> {
    let mention = mention_at(text, analysis, at)?;
    let symbol = symbol_of(&analysis.symbols, mention.origin)?;
    Some(symbol.span)
}

/// The name at byte `at` everywhere it stands, its definition included, by place. Names that must change
/// together are one name: a column two legs of a union have, the key of a join.
pub fn occurrences(text: &str, analysis: &Analysis, at: u32) -> Vec<Span> {
    let known = mention_at(text, analysis, at).filter(|m| m.origin != Origin::UNKNOWN);
    let Some(mention) = known else {
        return spelled_alike(text, analysis, at);
    };
    let symbols = &analysis.symbols;
    let group = group(symbols, mention.origin);
    let name = unquoted(mention.span.text(text));
    symbols
        .mentions
        .iter()
        .filter(|m| match m.origin.source() {
            Source::Unknown => false,
            Source::Table { .. } => {
                group.contains(&table_of(m.origin)) && unquoted(m.span.text(text)) == name
            }
            Source::Symbol(_) => group.contains(&m.origin),
        })
        .map(|m| m.span)
        .collect()
}

/// Tables, and columns of tables nothing is known of: the same name is the same thing.
fn spelled_alike(text: &str, analysis: &Analysis, at: u32) -> Vec<Span> {
    let list = &analysis.references;
    let i = list.partition_point(|(s, _)| s.start <= at);
    let Some((span, what)) = list[..i].last().filter(|(s, _)| at <= s.end) else {
        return Vec::new();
    };
    let traced = |span: &Span| {
        analysis
            .symbols
            .at(span.start)
            .is_some_and(|m| m.span == *span && m.origin != Origin::UNKNOWN)
    };
    if !matches!(what, Reference::Table | Reference::Column)
        || span.end as usize > text.len()
        || traced(span)
    {
        return Vec::new();
    }
    let name = unquoted(span.text(text));
    list.iter()
        .filter(|(s, w)| w == what && unquoted(s.text(text)) == name && !traced(s))
        .map(|(s, _)| *s)
        .collect()
}

/// A `let`, function or the like of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineEntry {
    /// Its name.
    pub name: String,
    /// Where the name is given.
    pub span: Span,
    /// What it stands for: the expression or body; the name where there is none.
    pub value: Span,
    /// What kind of name.
    pub kind: SymbolKind,
}

/// What the query defines for others to find: lets, functions, query parameters, `as` names, patterns.
pub fn outline(text: &str, analysis: &Analysis) -> Vec<OutlineEntry> {
    let mut entries: Vec<OutlineEntry> = analysis
        .symbols
        .defined
        .iter()
        .filter(|s| {
            !matches!(
                s.kind,
                SymbolKind::Column | SymbolKind::Step | SymbolKind::Parameter
            )
        })
        .map(|s| OutlineEntry {
            name: name_of(text, s),
            span: s.span,
            value: if s.value.is_empty() { s.span } else { s.value },
            kind: s.kind,
        })
        .collect();
    entries.sort_by_key(|e| e.span);
    entries
}

/// The mention of a name at a byte, if the text is the one that was analysed.
pub(super) fn mention_at<'a>(text: &str, analysis: &'a Analysis, at: u32) -> Option<&'a Mention> {
    let mention = analysis.symbols.at(at)?;
    (mention.span.end as usize <= text.len()).then_some(mention)
}

/// What the query defines, of this origin.
pub(super) fn symbol_of(symbols: &Symbols, origin: Origin) -> Option<&Symbol> {
    symbols.defined.get(origin.as_symbol()?)
}

/// A symbol's name.
pub(super) fn name_of(text: &str, symbol: &Symbol) -> String {
    match &symbol.made_up {
        Some(name) => name.to_string(),
        None => unquoted(symbol.span.text(text)),
    }
}

/// A name without brackets and quotes.
pub(super) fn unquoted(raw: &str) -> String {
    let inner = raw
        .strip_prefix('[')
        .map(|r| r.strip_suffix(']').unwrap_or(r).trim());
    match inner {
        Some(inner) => literals::string(inner),
        None if raw.starts_with(['"', '\'']) => literals::string(raw),
        None => raw.to_owned(),
    }
}

/// What the query defines that must change together with a name; for a column of a table, that table.
pub(super) fn group(symbols: &Symbols, origin: Origin) -> BTreeSet<Origin> {
    let mut group = BTreeSet::from([table_of(origin)]);
    let mut neighbours: HashMap<Origin, Vec<Origin>> = HashMap::new();
    for (a, b) in &symbols.same {
        // a table's columns are many: only what the query defines leads on
        if a.as_symbol().is_some() && b.as_symbol().is_some() {
            neighbours.entry(*a).or_default().push(*b);
            neighbours.entry(*b).or_default().push(*a);
        }
    }
    let mut ahead = vec![origin];
    while let Some(next) = ahead.pop() {
        for other in neighbours.get(&next).into_iter().flatten() {
            if group.insert(*other) {
                ahead.push(*other);
            }
        }
    }
    group
}

/// The same origin, whether or not other tables give rows to the column as well.
fn table_of(origin: Origin) -> Origin {
    match origin.source() {
        Source::Table { index, .. } => Origin::table(index),
        _ => origin,
    }
}
