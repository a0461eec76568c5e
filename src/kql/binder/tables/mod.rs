//! Tables from text and from several tables. Here are those written out in the query (datatable,
//! externaldata) and what the others share; union, join and search have rooms of their own.

mod join;
mod search;
mod union;

use std::collections::HashMap;

use crate::kql::binder::values::convert;
use crate::kql::binder::{Binder, Val, constant_text};
use crate::kql::bound::{Column, Source};
use crate::kql::columns::NameIndex;
use crate::kql::syntax::{self, ExprKind, Operator, Parameter, ParameterValue, Span};

/// Numbers names that repeat; a name that stands further on is never taken for it, so
/// `c, c, c1` gives `c, c2, c1`.
pub(super) fn make_unique(columns: &mut [Column]) {
    let mut index = NameIndex::default();
    let repeated: Vec<usize> = (0..columns.len())
        .filter(|i| !index.insert(*i, |i| columns[i].name.as_str()))
        .collect();
    // the number last given to a name
    let mut last: HashMap<String, usize> = HashMap::new();
    for i in repeated {
        let number = last.entry(columns[i].name.clone()).or_insert(0);
        loop {
            *number += 1;
            let name = format!("{}{number}", columns[i].name);
            if index.find(&name, |i| columns[i].name.as_str()).is_none() {
                columns[i].name = name;
                index.insert(i, |i| columns[i].name.as_str());
                break;
            }
        }
    }
}

/// `isfuzzy=true`
pub(super) fn fuzzy(op: &Operator) -> bool {
    op.parameters.iter().any(|p| {
        matches!(
            p.name.text.as_str(),
            "isfuzzy" | "__isFuzzy" | "best_effort"
        ) && matches!(&p.value, ParameterValue::Expr(e) if e.span.end - e.span.start == 4)
    })
}

impl Binder<'_> {
    pub(super) fn datatable(
        &mut self,
        columns: &[syntax::ColumnDeclaration],
        values: &[syntax::Expr],
        list: Span,
        span: Span,
    ) -> Val {
        let columns = self.declared_columns(columns);
        let mut cells = Vec::new();
        for value in values {
            let val = self.scalar_expr(value);
            cells.push(val.expr);
        }
        let width = columns.len();
        if width > 0 && !cells.len().is_multiple_of(width) {
            let place = values
                .first()
                .zip(values.last())
                .map_or(list, |(a, b)| a.span.to(b.span));
            let message =
                format!("Each row has {width} values: their number must be a multiple of {width}.");
            self.report("KS173", place, message);
        }
        let mut rows = Vec::new();
        if width > 0 {
            for row in cells.chunks(width) {
                rows.push(
                    row.iter()
                        .zip(&columns)
                        .map(|(e, c)| convert(e.clone(), c.ty))
                        .collect(),
                );
            }
        }
        let table = Self::source(Source::Datatable(rows), columns, false, span, None);
        Self::table_val(table, span)
    }

    pub(super) fn external_data(
        &mut self,
        columns: &[syntax::ColumnDeclaration],
        uris: &[syntax::Expr],
        properties: &[Parameter],
        span: Span,
    ) -> Val {
        let columns = self.declared_columns(columns);
        let mut list = Vec::new();
        for uri in uris {
            let val = self.expr(uri, false);
            list.push(constant_text(&val.expr).unwrap_or_default().to_owned());
        }
        let options = properties
            .iter()
            .map(|p| {
                let value = match &p.value {
                    ParameterValue::Expr(e) if matches!(e.kind, syntax::ExprKind::Strings(_)) => {
                        let val = self.expr(e, false);
                        constant_text(&val.expr)
                            .map_or_else(|| e.span.text(self.text).to_owned(), str::to_owned)
                    }
                    ParameterValue::Expr(e) => e.span.text(self.text).to_owned(),
                    ParameterValue::Word(s) => s.text(self.text).to_owned(),
                    _ => String::new(),
                };
                (p.name.text.clone(), value)
            })
            .collect();
        let source = Source::ExternalData {
            uris: list,
            options,
        };
        Self::table_val(Self::source(source, columns, false, span, None), span)
    }

    /// A parameter whose value is one of some words.
    fn check_word(&mut self, op: &Operator, name: &str, words: &[&str]) {
        let quoted = op.parameters.iter().any(|p| {
            p.name.text == name && matches!(&p.value, ParameterValue::Expr(e) if matches!(e.kind, ExprKind::Strings(_)))
        });
        if let Some((word, span)) = self.parameter_word(op, name)
            && (quoted || !words.contains(&word.as_str()))
        {
            self.report(
                "KS005",
                span,
                format!("One of these is expected here: {}.", words.join(", ")),
            );
        }
    }
}
