//! A text a client has open: its changes, its queries, its places.

use std::ops::Range;

use gen_lsp_types as lsp;
use serde::Deserialize;

use crate::hunt::lines::{Lines, Unit, Walk};
use crate::hunt::sheet::{Part, Sheet};
use crate::kql::diagnostics::Edit;
use crate::kql::{Analysis, Schema, Span};

/// One change of a text; without a range it is the whole new text.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    range: Option<lsp::Range>,
    text: String,
}

/// An open text.
#[derive(Debug)]
pub(super) struct Document {
    /// The client's name of it.
    pub(super) uri: lsp::Uri,
    /// As the client counts.
    pub(super) version: i32,
    /// What it says.
    pub(super) text: String,
    /// Its findings were not sent since it changed.
    pub(super) unsaid: bool,
    lines: Lines,
    unit: Unit,
    sheet: Sheet,
    /// The text changed since its queries were read.
    stale: bool,
}

/// A place in a query.
pub(super) struct Here<'d> {
    /// The query's text.
    pub(super) query: &'d str,
    /// What is known of it.
    pub(super) analysis: &'d Analysis,
    /// The place, in bytes of the query.
    pub(super) at: u32,
    /// Where the query begins in the document.
    pub(super) base: usize,
}

impl Document {
    /// A text as it was opened.
    pub(super) fn new(uri: lsp::Uri, version: i32, text: String, unit: Unit) -> Self {
        Self {
            uri,
            version,
            lines: Lines::new(&text),
            text,
            unsaid: true,
            unit,
            sheet: Sheet::default(),
            stale: true,
        }
    }

    /// Applies changes, one after the other.
    pub(super) fn change(&mut self, version: i32, changes: Vec<Change>) {
        for Change { range, text } in changes {
            match range {
                None => self.text = text,
                Some(range) => {
                    let (start, end) = (self.byte(range.start), self.byte(range.end));
                    self.text
                        .replace_range(start.min(end)..start.max(end), &text);
                }
            }
            self.lines = Lines::new(&self.text);
        }
        self.version = version;
        self.stale = true;
        self.unsaid = true;
    }

    /// Reads what changed.
    pub(super) fn refresh(&mut self, schema: &Schema) {
        if std::mem::take(&mut self.stale) {
            self.sheet.update(&self.text, schema);
        }
    }

    /// Its queries, as they were when it was refreshed.
    pub(super) fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Its lines.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Places for spans in rising order.
    pub(super) fn walk(&self) -> Walk<'_> {
        self.lines.walk(&self.text, self.unit)
    }

    /// The byte of a place; a place that is none is brought back into the text.
    pub(super) fn byte(&self, at: lsp::Position) -> usize {
        let (line, column) = (at.line as usize, at.character as usize);
        self.lines.byte(&self.text, line, column, self.unit)
    }

    /// The bytes of a range.
    pub(super) fn bytes(&self, range: lsp::Range) -> Range<usize> {
        let (start, end) = (self.byte(range.start), self.byte(range.end));
        start.min(end)..start.max(end)
    }

    /// The range of bytes.
    pub(super) fn range(&self, bytes: Range<usize>) -> lsp::Range {
        range(&mut self.walk(), bytes)
    }

    /// The range of a span in the part of the text that begins at `base`.
    pub(super) fn range_of(&self, base: usize, span: Span) -> lsp::Range {
        self.range(moved(base, span))
    }

    /// Edits of the part of the text that begins at `base`.
    pub(super) fn edits(&self, base: usize, edits: &[Edit]) -> Vec<lsp::TextEdit> {
        let mut walk = self.walk();
        edits
            .iter()
            .map(|edit| lsp::TextEdit {
                range: range(&mut walk, moved(base, edit.span)),
                new_text: edit.text.clone(),
            })
            .collect()
    }

    /// The query at a place.
    pub(super) fn here(&self, at: lsp::Position) -> Option<Here<'_>> {
        let byte = self.byte(at);
        let part: &Part = self.sheet.part_at(byte)?;
        Some(Here {
            query: part.text(&self.text),
            analysis: &part.query.analysis,
            at: (byte - part.range.start) as u32,
            base: part.range.start,
        })
    }
}

/// The range of bytes, asked for in rising order.
pub(super) fn range(walk: &mut Walk<'_>, bytes: Range<usize>) -> lsp::Range {
    let mut place = |byte| {
        let (line, column) = walk.place(byte);
        lsp::Position {
            line: line as u32,
            character: column as u32,
        }
    };
    lsp::Range {
        start: place(bytes.start),
        end: place(bytes.end),
    }
}

fn moved(base: usize, span: Span) -> Range<usize> {
    base + span.start as usize..base + span.end as usize
}
