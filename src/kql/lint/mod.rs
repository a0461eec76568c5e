//! Hunting lints: what runs, but slowly, wrongly or not for long. Each has a reason and, where it
//! can be done safely, a repair.
//!
//! Lints are warnings ([`Severity::Warning`]) with codes of our own (`NJ001`…), apart from what the
//! language service says. A comment silences them: `// nightjar: allow(no-time-filter)` on the line above
//! or at the end of the line, or before the first token for the whole query ([`allow`]).
//! `// nightjar: detection` anywhere asks what the query lacks for a custom detection ([`detection`]).
//!
//! Most need names and types and are silent on queries with errors; a false alarm is the worse fault.

mod allow;
mod cx;
mod detection;
mod filters;
mod functions;
mod joins;
mod order;
mod rules;
mod sources;
mod text;
mod time;
mod unused;
mod volume;
mod walk;

use super::diagnostics::Severity;
use super::{Analysis, Diagnostic, Schema, stack};
pub use allow::silence;
pub use rules::{Rule, rules};

use cx::Cx;
use walk::Node;

/// What the lints say of a query, by place. Silent on queries that do not parse.
pub fn lint(text: &str, analysis: &Analysis, schema: &Schema) -> Vec<Diagnostic> {
    if !analysis.parses() {
        return Vec::new();
    }
    stack::with_room(analysis.syntax.depth, || look(text, analysis, schema))
}

fn look(text: &str, analysis: &Analysis, schema: &Schema) -> Vec<Diagnostic> {
    let mut cx = Cx::new(text, analysis, schema);
    walk::walk(&analysis.syntax.statements, &mut |node| match node {
        Node::Expr(e) => text::expr(&mut cx, e),
        Node::Pipeline(ops, source) => {
            sources::pipeline(&mut cx, ops, source);
            order::pipeline(&mut cx, ops);
            filters::pipeline(&mut cx, ops);
            joins::pipeline(&mut cx, ops, source);
        }
        Node::Call(call) => functions::call(&mut cx, call),
    });
    if analysis.is_ok() {
        time::query(&mut cx);
        filters::backwards(&mut cx);
        unused::lets(&mut cx);
        unused::columns(&mut cx);
        detection::query(&mut cx);
    }
    let allowed = allow::read(text, &analysis.syntax);
    let mut found = cx.found;
    found.retain(|d| !allowed.covers(d));
    found.extend(allowed.unknown);
    found.sort_by_key(|d| (d.span.start, d.span.end, d.code));
    debug_assert!(found.iter().all(|d| d.severity == Severity::Warning));
    found
}

#[cfg(test)]
mod tests;
