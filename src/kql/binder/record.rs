//! What the binder notes down for help at a place: definitions and mentions of names.
//!
//! A text may be bound more than once (a function's body at every call, an argument tried before it is
//! taken): a definition is known by its place and found again, a mention is noted only where the binder
//! speaks aloud.

use std::collections::HashMap;

use super::{Binder, Reference};
use crate::kql::bound::Column;
use crate::kql::symbols::{Mention, Origin, Shape, Symbol, SymbolKind, Symbols};
use crate::kql::syntax::{Name, Span};
use crate::kql::types::Type;

/// The notes.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) symbols: Symbols,
    /// Definitions by place, and number where one expression gives several.
    places: HashMap<(u32, u32), Origin>,
}

impl Record {
    pub(super) fn finish(mut self) -> Symbols {
        let mentions = &mut self.symbols.mentions;
        mentions.sort_by_key(|m| (m.span.start, m.span.end));
        mentions.dedup_by_key(|m| m.span);
        self.symbols
    }

    fn place(&mut self, span: Span, part: u32, symbol: impl FnOnce() -> Symbol) -> Origin {
        let symbols = &mut self.symbols.defined;
        *self.places.entry((span.start, part)).or_insert_with(|| {
            symbols.push(symbol());
            Origin::symbol(symbols.len() - 1)
        })
    }
}

impl Binder<'_> {
    /// A name stands here, which is this thing.
    pub(super) fn mention(&mut self, span: Span, what: Reference, ty: Type, origin: Origin) {
        self.refer(span, what);
        self.note(span, ty, origin);
    }

    /// The same for a name whose colour is known.
    pub(super) fn note(&mut self, span: Span, ty: Type, origin: Origin) {
        if self.silent == 0 && !span.is_empty() {
            let mention = Mention { span, origin, ty };
            self.record.symbols.mentions.push(mention);
        }
    }

    /// A name is given here. Not coloured.
    pub(super) fn define(
        &mut self,
        name: &Name,
        kind: SymbolKind,
        shape: Shape,
        value: Span,
    ) -> Origin {
        if name.is_missing() {
            return Origin::UNKNOWN;
        }
        let ty = match &shape {
            Shape::Scalar(ty) => *ty,
            _ => Type::Unknown,
        };
        let span = name.span;
        let origin = self.record.place(span, 0, || Symbol {
            span,
            kind,
            shape,
            value,
            made_up: None,
            after: Origin::UNKNOWN,
        });
        self.note(span, ty, origin);
        origin
    }

    /// A column is given a name here.
    pub(super) fn define_column(&mut self, name: &Name, ty: Type, value: Span) -> Column {
        let origin = self.define(name, SymbolKind::Column, Shape::Scalar(ty), value);
        Column::new(name.text.clone(), ty).from(origin)
    }

    /// The same where only the place of the name is known.
    pub(super) fn define_column_at(&mut self, name: String, span: Span, ty: Type) -> Column {
        let name = Name {
            text: name,
            span,
            form: crate::kql::syntax::NameForm::Plain,
        };
        self.define_column(&name, ty, Span::default())
    }

    /// A column got a name of its own from the language: number `part` of those `value` gives. Notes since
    /// `before` tell which name of the query it is named after.
    pub(super) fn make_up(&mut self, column: &mut Column, value: Span, part: usize, before: usize) {
        if column.origin != Origin::UNKNOWN || value.is_empty() {
            return;
        }
        let name = column.name.as_str();
        let text = self.text;
        let mentions = &self.record.symbols.mentions;
        let after = mentions
            .get(before..)
            .unwrap_or_default()
            .iter()
            .filter(|m| m.origin.as_symbol().is_some())
            .find(|m| named_after(name, m.span.text(text)));
        let after = after.map_or(Origin::UNKNOWN, |m| m.origin);
        let same = after != Origin::UNKNOWN
            && mentions[before..]
                .iter()
                .any(|m| m.origin == after && m.span.text(text) == name);
        let ty = column.ty;
        // parts of made-up names are counted from 1: 0 is a name the author gave
        let origin = self.record.place(value, part as u32 + 1, || Symbol {
            span: value,
            kind: SymbolKind::Column,
            shape: Shape::Scalar(ty),
            value,
            made_up: Some(name.into()),
            after,
        });
        column.origin = origin;
        let is_column = |s: &Symbol| s.kind == SymbolKind::Column;
        let defined = &self.record.symbols.defined;
        if same
            && after
                .as_symbol()
                .is_some_and(|i| defined.get(i).is_some_and(is_column))
        {
            self.same(origin, after);
        }
    }

    /// The name given at a place.
    pub(super) fn defined_at(&self, place: Span) -> Origin {
        let places = &self.record.places;
        places.get(&(place.start, 0)).copied().unwrap_or_default()
    }

    /// How many mentions are noted so far.
    pub(super) fn noted(&self) -> usize {
        self.record.symbols.mentions.len()
    }

    /// Two names stand for one thing.
    pub(super) fn same(&mut self, a: Origin, b: Origin) {
        let named = |o: Origin| o.as_symbol().is_some();
        if self.silent == 0
            && a != b
            && a != Origin::UNKNOWN
            && b != Origin::UNKNOWN
            && (named(a) || named(b))
        {
            self.record.symbols.same.push((a, b));
        }
    }
}

/// Is a made-up name made of this one (`max_Timestamp` of `Timestamp`)?
fn named_after(name: &str, of: &str) -> bool {
    name == of
        || name
            .strip_suffix(of)
            .is_some_and(|before| before.ends_with('_'))
        || name
            .match_indices(of)
            .any(|(i, _)| name[..i].ends_with('_') && name[i + of.len()..].starts_with('_'))
}
