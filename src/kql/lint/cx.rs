//! What every lint is given, and how it speaks.

use crate::kql::binder::Reference;
use crate::kql::diagnostics::{Fix, Phase, Severity};
use crate::kql::literals;
use crate::kql::symbols::Mention;
use crate::kql::syntax::{Expr, ExprKind, Name, Span};
use crate::kql::{Analysis, Diagnostic, Schema, Type, analyze};

/// How many repairs of one query are proved by analysing what they give.
const PROOFS: usize = 12;

pub(super) struct Cx<'a> {
    pub text: &'a str,
    pub analysis: &'a Analysis,
    pub schema: &'a Schema,
    /// Without errors: names and types can be relied on.
    pub ok: bool,
    pub found: Vec<Diagnostic>,
    proofs: usize,
}

impl<'a> Cx<'a> {
    pub fn new(text: &'a str, analysis: &'a Analysis, schema: &'a Schema) -> Self {
        Self {
            text,
            analysis,
            schema,
            ok: analysis.is_ok(),
            found: Vec::new(),
            proofs: 0,
        }
    }

    pub fn say(&mut self, code: &'static str, span: Span, message: String, fix: Option<Fix>) {
        self.found.push(Diagnostic {
            code,
            severity: Severity::Warning,
            phase: Phase::Semantic,
            span,
            message,
            fix,
        });
    }

    /// The text at a place.
    pub fn at(&self, span: Span) -> &'a str {
        span.text(self.text)
    }

    /// What the name at exactly this place refers to.
    pub fn reference(&self, span: Span) -> Option<Reference> {
        let list = &self.analysis.references;
        let from = list.partition_point(|(s, _)| s.start < span.start);
        list[from..]
            .iter()
            .take_while(|(s, _)| s.start == span.start)
            .find(|(s, _)| *s == span)
            .map(|(_, r)| *r)
    }

    /// The mention at exactly this place.
    pub fn mention(&self, span: Span) -> Option<&'a Mention> {
        let list = &self.analysis.symbols.mentions;
        let from = list.partition_point(|m| m.span.start < span.start);
        list[from..]
            .iter()
            .take_while(|m| m.span.start == span.start)
            .find(|m| m.span == span)
    }

    /// The column an expression consists of.
    pub fn column<'e>(&self, e: &'e Expr) -> Option<&'e Name> {
        match &e.kind {
            ExprKind::Name(name) if self.reference(name.span) == Some(Reference::Column) => {
                Some(name)
            }
            _ => None,
        }
    }

    /// A column of this type.
    pub fn column_of<'e>(&self, e: &'e Expr, ty: Type) -> Option<&'e Name> {
        self.column(e)
            .filter(|name| self.mention(name.span).is_some_and(|m| m.ty == ty))
    }

    /// The value of a string literal.
    pub fn string(&self, e: &Expr) -> Option<String> {
        match &e.kind {
            ExprKind::Strings(parts) if parts.len() == 1 => {
                Some(literals::string(self.at(parts[0])))
            }
            _ => None,
        }
    }

    /// Does a comment stand inside this place?
    pub fn has_comment(&self, span: Span) -> bool {
        let tokens = &self.analysis.syntax.tokens;
        let from = tokens.partition_point(|t| t.span.start <= span.start);
        tokens[from..]
            .iter()
            .take_while(|t| t.span.start < span.end)
            .any(|t| self.text[t.trivia as usize..t.span.start as usize].contains("//"))
    }

    /// The repair, if what it gives is a query without errors and with the same columns.
    pub fn proved(&mut self, fix: Fix) -> Option<Fix> {
        self.proofs += 1;
        if self.proofs > PROOFS || !self.ok {
            return None;
        }
        let after = analyze(
            &crate::kql::diagnostics::Edit::apply(self.text, &fix.edits),
            self.schema,
        );
        let same = match (&self.analysis.result, &after.result) {
            (Some(a), Some(b)) => {
                a.open == b.open
                    && a.columns.len() == b.columns.len()
                    && a.columns
                        .iter()
                        .zip(b.columns.iter())
                        .all(|(a, b)| a.name == b.name && a.ty == b.ty)
            }
            (None, None) => true,
            _ => false,
        };
        (after.is_ok() && same).then_some(fix)
    }
}
