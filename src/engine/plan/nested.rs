//! `top-nested`: the best values of one expression, within each the best of the next, and so on.

use super::frag::{Col, Frag, Sx};
use super::{Hint, Planner};
use crate::engine::error::Result;
use crate::kql::bound::{Column, Expr, TopNestedLevel};
use crate::kql::types::Type;

impl Planner<'_> {
    /// Plans `top-nested`. Output: for each level its value and its aggregate.
    pub(super) fn top_nested(
        &mut self,
        frag: Frag,
        levels: &[TopNestedLevel],
        columns: &[Column],
    ) -> Result<Frag> {
        let mut exprs: Vec<&Expr> = levels.iter().map(|l| &l.of).collect();
        exprs.extend(levels.iter().map(|l| &l.by));
        let frag = self.open_for(frag, &exprs);
        if !frag.parts.is_empty() {
            return Self::refuse(
                "operator 'top-nested' inside 'mv-apply' or 'partition'",
                levels[0].of.span,
            );
        }
        let mut tables: Vec<Frag> = Vec::with_capacity(levels.len());
        for (i, level) in levels.iter().enumerate() {
            if let Some(others) = &level.others {
                return Self::refuse("'with others' of top-nested", others.span);
            }
            // One group for each value within those of the levels above.
            let mut grouped = frag.clone();
            let mut cols = Vec::with_capacity(i + 2);
            for above in &levels[..=i] {
                let sx = self.expr(&above.of, &frag)?;
                cols.push(Col {
                    name: String::new(),
                    sx: Sx {
                        literal: None,
                        ..sx
                    },
                    simple: false,
                });
            }
            let by = self.expr(&level.by, &frag)?;
            cols.push(Col {
                name: String::new(),
                sx: Sx {
                    literal: None,
                    ..by
                },
                simple: false,
            });
            grouped.set_cols(cols);
            grouped.order.clear();
            grouped.group = Some((1..=i + 1).map(|n| n.to_string()).collect());
            let stored = self.store(&grouped, Hint::None);
            let mut ranked = self.over(&stored);
            if let Some(count) = &level.count {
                let count = self.expr(count, &Frag::default())?;
                let parts: Vec<String> =
                    ranked.cols[..i].iter().map(|c| c.sx.sql.clone()).collect();
                let partition = if parts.is_empty() {
                    String::new()
                } else {
                    format!("PARTITION BY {} ", parts.join(", "))
                };
                let direction = if level.ascending { "" } else { " DESC" };
                let by = &ranked.cols[i + 1].sx.sql;
                let number = format!("row_number() OVER ({partition}ORDER BY {by}{direction})");
                let sx = Sx::new(number, Type::Long);
                ranked.cols.push(Col {
                    name: String::new(),
                    sx,
                    simple: false,
                });
                ranked.sealed = true;
                let stored = self.store(&ranked, Hint::None);
                let mut best = self.over(&stored);
                let number = best.cols[i + 2].sx.sql.clone();
                best.filters.push(format!("{number} <= {}", count.sql));
                ranked = best;
            }
            tables.push(ranked);
        }
        // Each level joins the one above on all values so far; nulls are values too.
        let mut from = tables[0].from.clone();
        let mut filters = tables[0].filters.clone();
        for i in 1..tables.len() {
            let on: Vec<String> = (0..i)
                .map(|n| {
                    format!(
                        "{} IS {}",
                        tables[i].cols[n].sx.sql,
                        tables[i - 1].cols[n].sx.sql
                    )
                })
                .collect();
            from = format!("{from} JOIN {} ON {}", tables[i].from, on.join(" AND "));
            filters.extend(tables[i].filters.clone());
        }
        let mut cols = Vec::with_capacity(columns.len());
        for (i, table) in tables.iter().enumerate() {
            cols.push(table.cols[i].clone());
            cols.push(table.cols[i + 1].clone());
        }
        for (col, column) in cols.iter_mut().zip(columns) {
            col.name.clone_from(&column.name);
        }
        let mut out = Frag::new(from, cols);
        out.filters = filters;
        Ok(out)
    }
}
