//! Another name for what the query defines, and the proof that the query means the same.

use std::collections::{BTreeMap, BTreeSet};

use super::RenameRefused;
use super::describe::place;
use super::names::{group, mention_at, name_of, symbol_of, unquoted};
use crate::kql::diagnostics::Edit;
use crate::kql::keywords::{self, AsName};
use crate::kql::lexer::{is_name_char, is_name_start};
use crate::kql::symbols::{Mention, Origin, Source, SymbolKind};
use crate::kql::{Analysis, Schema, Span, Symbols, analyze};

/// The edits that give the name at byte `at`, which the query defines, another name everywhere. The text
/// they make is analysed once, to be sure that it means the same. Names the language makes up after it
/// (`max_x`) stay as they are: they are written out.
///
/// # Errors
/// Where the query does not define it, the new name is none, or it is taken.
pub fn rename(
    text: &str,
    analysis: &Analysis,
    schema: &Schema,
    at: u32,
    to: &str,
) -> Result<Vec<Edit>, RenameRefused> {
    let refuse = |words: String| Err(RenameRefused(words));
    let symbols = &analysis.symbols;
    let Some(mention) = mention_at(text, analysis, at) else {
        return refuse("There is no name here that the query defines.".to_owned());
    };
    let written = unquoted(mention.span.text(text));
    match mention.origin.source() {
        Source::Symbol(_) => {}
        Source::Table { index, .. } => {
            let of = schema
                .tables()
                .get(index)
                .map_or_else(String::new, |t| format!(" of {}", t.name));
            return refuse(format!(
                "`{written}` is a column{of}: only names the query defines can be renamed."
            ));
        }
        Source::Unknown => {
            return refuse(format!(
                "`{written}` is not defined in the query: it cannot be renamed."
            ));
        }
    }
    let (new, spelled) = new_name(to)?;
    let group = group(symbols, mention.origin);
    if let Some(words) = tied(text, analysis, schema, &group) {
        return refuse(words);
    }
    let Some(symbol) = symbol_of(symbols, mention.origin) else {
        return refuse(format!("`{written}` is not defined in the query."));
    };
    let old = name_of(text, symbol);
    if new == old {
        return Ok(Vec::new());
    }
    let of_group = |m: &&Mention| group.contains(&m.origin);
    let mut edits: Vec<Edit> = Vec::new();
    for m in symbols.mentions.iter().filter(of_group) {
        let name = unquoted(m.span.text(text));
        let written = if name == old {
            spelled.clone()
        } else if let Some(number) = name
            .strip_prefix(&old)
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
        {
            // the second of two columns of one name: `X1`
            spell(&format!("{new}{number}"))
        } else {
            return refuse(format!(
                "`{name}` at {} is named after `{old}`: give it a name of its own first.",
                place(text, m.span.start)
            ));
        };
        edits.push(Edit {
            span: m.span,
            text: written,
        });
    }
    edits.extend(written_out(symbols, &group, &spelled));
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    prove(text, analysis, schema, &edits, &old, &new)?;
    Ok(edits)
}

/// Names the language made up, written out before their expressions: those that are renamed, and those
/// named after what is renamed, which keep their names.
fn written_out(symbols: &Symbols, group: &BTreeSet<Origin>, new: &str) -> Vec<Edit> {
    let mut places: BTreeMap<u32, (bool, Vec<String>)> = BTreeMap::new();
    for (i, symbol) in symbols.defined.iter().enumerate() {
        let Some(name) = &symbol.made_up else {
            continue;
        };
        let itself = group.contains(&Origin::symbol(i));
        let after = group.contains(&symbol.after);
        let (wanted, names) = places.entry(symbol.span.start).or_default();
        // named after it and renamed with it: the language makes the new name up as well
        *wanted |= itself != after;
        names.push(if itself { new.to_owned() } else { spell(name) });
    }
    places
        .into_iter()
        .filter(|(_, (wanted, _))| *wanted)
        .map(|(start, (_, names))| Edit {
            span: Span { start, end: start },
            text: match &names[..] {
                [name] => format!("{name} = "),
                names => format!("({}) = ", names.join(", ")),
            },
        })
        .collect()
}

/// The name meant by what was typed, and how it is written in a query.
fn new_name(to: &str) -> Result<(String, String), RenameRefused> {
    let to = to.trim();
    let name = unquoted(to);
    if name.is_empty() {
        return Err(RenameRefused("A name cannot be empty.".to_owned()));
    }
    if name.chars().any(char::is_control) {
        return Err(RenameRefused(
            "A name cannot hold line breaks or control characters.".to_owned(),
        ));
    }
    let spelled = spell(&name);
    Ok((name, spelled))
}

/// A name as it is written: in brackets where it would be read as something else.
pub(super) fn spell(name: &str) -> String {
    let plain = name.starts_with(is_name_start)
        && name.chars().skip(1).all(is_name_char)
        && !name.starts_with('$');
    let is_word = keywords::find(name)
        .and_then(|i| keywords::WORDS.get(i))
        .is_some_and(|(_, as_name)| *as_name != AsName::Anywhere);
    if plain && !is_word {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 4);
    out.push_str("['");
    for c in name.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push_str("']");
    out
}

/// Why some of what would change is not the query's to change.
fn tied(
    text: &str,
    analysis: &Analysis,
    schema: &Schema,
    group: &BTreeSet<Origin>,
) -> Option<String> {
    let symbols = &analysis.symbols;
    for (a, b) in &symbols.same {
        let (symbol, other) = if a.as_symbol().is_some() {
            (a, b)
        } else {
            (b, a)
        };
        let Source::Table { index, .. } = other.source() else {
            continue;
        };
        if !group.contains(symbol) {
            continue;
        }
        let symbol = symbol_of(symbols, *symbol)?;
        let table = schema.tables().get(index).map_or("", |t| t.name.as_str());
        let name = name_of(text, symbol);
        return Some(format!(
            "`{name}` ({}) is one column with `{name}` of {table}, which cannot be renamed.",
            place(text, symbol.span.start)
        ));
    }
    None
}

/// Analyses the new text: every name must stand for what it stood for, and nothing new be wrong.
fn prove(
    text: &str,
    before: &Analysis,
    schema: &Schema,
    edits: &[Edit],
    old: &str,
    new: &str,
) -> Result<(), RenameRefused> {
    let changed = Edit::apply(text, edits);
    let after = analyze(&changed, schema);
    let moved = Moved::new(edits);
    let known = after.symbols.mentions.iter();
    let written_out = moved.written_out();
    let known = known.filter(|m| {
        let i = written_out.partition_point(|r| r.end <= m.span.start);
        written_out
            .get(i)
            .is_none_or(|r| !r.contains(&m.span.start))
    });
    for (a, b) in before.symbols.mentions.iter().zip(known) {
        if a.ty == b.ty && same_origin(before, a.origin, &after, b.origin, &moved) {
            continue;
        }
        let at = place(text, a.span.start);
        let renamed = moved.replaces(a.span);
        let words = match symbol_of(&after.symbols, b.origin) {
            _ if !renamed => format!(
                "`{}` at {at} would not mean the same, were `{old}` called `{new}`.",
                a.span.text(text)
            ),
            Some(taken) if taken.kind == SymbolKind::Column => format!(
                "`{new}` is already a column where `{old}` is used, at {at}: it would be read instead."
            ),
            Some(taken) => format!(
                "`{new}` is already taken by the {} at {}.",
                kind_word(taken.kind),
                place(&changed, taken.span.start)
            ),
            None if matches!(b.origin.source(), Source::Table { .. }) => format!(
                "`{new}` is a column of the table at {at}: it would be read instead of `{old}`."
            ),
            None => format!("`{new}` would mean something else at {at}."),
        };
        return Err(RenameRefused(words));
    }
    let faults = |a: &Analysis| -> Vec<&'static str> {
        let mut codes: Vec<_> = a.diagnostics.iter().map(|d| d.code).collect();
        codes.sort_unstable();
        codes
    };
    let (was, is) = (faults(before), faults(&after));
    if was != is {
        let fresh = after
            .diagnostics
            .iter()
            .find(|d| !was.contains(&d.code) && d.is_error())
            .or_else(|| after.diagnostics.iter().find(|d| d.is_error()));
        let why = fresh.map_or_else(String::new, |d| format!(": {}", d.message));
        return Err(RenameRefused(format!(
            "With the name `{new}` the query would not be right{why}"
        )));
    }
    let same_result = match (&before.result, &after.result) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.open == b.open
                && a.columns.len() == b.columns.len()
                && a.columns.iter().zip(&b.columns).all(|(a, b)| {
                    a.ty == b.ty
                        && (a.name == b.name
                            || (a.name.starts_with(old) && b.name.starts_with(new)))
                })
        }
        _ => false,
    };
    let counts = |a: &Analysis| (a.references.len(), a.symbols.mentions.len());
    let added: usize = edits
        .iter()
        .filter(|e| e.span.is_empty())
        .map(|e| e.text.matches(',').count() + 1)
        .sum();
    let (names, mentions) = counts(before);
    let (names_after, mentions_after) = counts(&after);
    let all_there =
        mentions_after == mentions + added && (names..=names + added).contains(&names_after);
    if !same_result || !all_there {
        return Err(RenameRefused(format!(
            "With the name `{new}` the query would give another result."
        )));
    }
    Ok(())
}

fn kind_word(kind: SymbolKind) -> &'static str {
    match kind {
        SymbolKind::Let => "let",
        SymbolKind::Function => "function",
        SymbolKind::Parameter | SymbolKind::QueryParameter => "parameter",
        SymbolKind::As => "name given by `as`",
        SymbolKind::Column => "column",
        SymbolKind::Step => "step",
        SymbolKind::Element => "node or edge",
        SymbolKind::Pattern => "pattern",
    }
}

/// Do two origins in the text before and after say the same?
fn same_origin(before: &Analysis, a: Origin, after: &Analysis, b: Origin, moved: &Moved) -> bool {
    match (symbol_of(&before.symbols, a), symbol_of(&after.symbols, b)) {
        (Some(a), Some(b)) => {
            // a name that was made up may now be written out before the same expression
            let start = if a.made_up.is_some() && b.made_up.is_none() {
                b.value.start
            } else {
                b.span.start
            };
            moved.of(a.span.start) == start || moved.after(a.span.start) == start
        }
        (None, None) => a == b,
        _ => false,
    }
}

/// Where places of the old text are in the new one.
struct Moved {
    /// For each edit, by place: where it starts and ends, how far it moves what follows, all edits before
    /// it counted, and how much it inserts where it replaces nothing.
    edits: Vec<(Span, i64, u32)>,
}

impl Moved {
    fn new(edits: &[Edit]) -> Self {
        let mut moved = 0;
        let edits = edits
            .iter()
            .map(|e| {
                moved += e.text.len() as i64 - i64::from(e.span.end - e.span.start);
                let inserted = if e.span.is_empty() {
                    e.text.len() as u32
                } else {
                    0
                };
                (e.span, moved, inserted)
            })
            .collect();
        Self { edits }
    }

    /// Before what is inserted at the place.
    fn of(&self, at: u32) -> u32 {
        self.shift(at, self.edits.partition_point(|(s, ..)| s.start < at))
    }

    /// Behind what is inserted at the place.
    fn after(&self, at: u32) -> u32 {
        self.shift(
            at,
            self.edits
                .partition_point(|(s, ..)| s.start < at || (s.start == at && s.is_empty())),
        )
    }

    /// Moved by that many edits; one around the place counts for nothing, as names are replaced whole.
    fn shift(&self, at: u32, edits: usize) -> u32 {
        let moved = edits
            .checked_sub(1)
            .and_then(|i| self.edits.get(i))
            .map_or(0, |e| e.1);
        u32::try_from(i64::from(at) + moved).unwrap_or(0)
    }

    /// Is the name at a place of the old text replaced?
    fn replaces(&self, span: Span) -> bool {
        let i = self.edits.partition_point(|(s, ..)| *s < span);
        self.edits.get(i).is_some_and(|(s, ..)| *s == span)
    }

    /// The names written out before expressions: places of the new text, in order.
    fn written_out(&self) -> Vec<std::ops::Range<u32>> {
        self.edits
            .iter()
            .filter(|(_, _, inserted)| *inserted > 0)
            .map(|(s, _, inserted)| {
                let start = self.of(s.start);
                start..start + inserted
            })
            .collect()
    }
}
