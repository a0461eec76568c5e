//! The Kusto query language: tokens, error-tolerant tree, binder, diagnostics, classification,
//! completion, help at a place, formatting, hunting lints.
//!
//! Stands on nothing but the standard library and `assets/kql`.

pub mod assist;
pub mod binder;
pub mod bound;
pub mod builtins;
pub mod classify;
pub mod columns;
pub mod complete;
pub mod diagnostics;
pub mod format;
pub mod keywords;
pub mod lexer;
pub mod lint;
pub mod literals;
pub mod parser;
pub mod schema;
pub mod stack;
pub mod symbols;
pub mod syntax;
pub mod types;

pub use binder::{Reference, ResultShape};
pub use bound::BoundQuery;
pub use classify::{classify, classify_analysis};
pub use columns::Columns;
pub use complete::complete;
pub use diagnostics::Diagnostic;
pub use format::format;
pub use lint::lint;
pub use parser::parse;
pub use schema::Schema;
pub use symbols::Symbols;
pub use syntax::{Span, Syntax};
pub use types::{Type, Value};

/// Everything known about a query text.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Tokens and tree.
    pub syntax: Syntax,
    /// All findings, by place: those of the grammar and those of names and types.
    pub diagnostics: Vec<Diagnostic>,
    /// What names refer to, by place.
    pub references: Vec<(Span, Reference)>,
    /// Where names come from.
    pub symbols: Symbols,
    /// The query ready to be planned; `None` where there are errors or nothing to run.
    pub bound: Option<BoundQuery>,
    /// The result's columns, where the query gives a table; best effort where there are errors.
    pub result: Option<ResultShape>,
}

impl Analysis {
    /// The grammar finds no fault.
    pub fn parses(&self) -> bool {
        let fault = |d: &&Diagnostic| d.is_error() && d.phase == diagnostics::Phase::Syntax;
        !self.syntax.errors.iter().any(|d| fault(&d))
    }

    /// Nothing is wrong.
    pub fn is_ok(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// All errors in one text for a person: `line:column code message`, one a line.
    pub fn report(&self, text: &str) -> String {
        use std::fmt::Write as _;

        let mut out = String::new();
        for found in self.diagnostics.iter().filter(|d| d.is_error()) {
            let before = &text[..found.span.start as usize];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            if !out.is_empty() {
                out.push('\n');
            }
            let _ = write!(out, "{line}:{column} {} {}", found.code, found.message);
        }
        out
    }
}

/// Parses and binds a query text against a schema.
pub fn analyze(text: &str, schema: &Schema) -> Analysis {
    let syntax = parse(text);
    let binding = binder::bind(text, &syntax, schema);
    let mut diagnostics = syntax.errors.clone();
    diagnostics.extend(binding.diagnostics);
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    let ok = !diagnostics.iter().any(Diagnostic::is_error);
    Analysis {
        syntax,
        diagnostics,
        references: binding.references,
        symbols: binding.symbols,
        bound: binding.bound.filter(|_| ok),
        result: binding.result,
    }
}

#[cfg(test)]
mod tests;
