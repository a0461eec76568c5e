//! `search` and `find`: rows of many tables in which something stands.

use super::Planner;
use super::frag::{Col, Frag, Sx};
use crate::engine::error::Result;
use crate::engine::sql;
use crate::kql::bound::{Column, Expr, FindColumn, Op, Rel, Source, Union};
use crate::kql::columns::Columns;
use crate::kql::types::Type;

impl Planner<'_> {
    /// Keeps rows for which a predicate is true; terms without a column do not look into column `but`,
    /// which holds the name of the table.
    pub(super) fn filter_but(&mut self, frag: Frag, predicate: &Expr, but: usize) -> Result<Frag> {
        let outer = self.unsearched.replace(but);
        let filtered = self.filter(frag, predicate);
        self.unsearched = outer;
        filtered
    }

    /// `T | search ...`: rows that match, each with the name of the table before it.
    pub(super) fn searched(
        &mut self,
        frag: Frag,
        predicate: &Expr,
        source: &Source,
        op: &Op,
    ) -> Result<Frag> {
        let mut frag = self.filter(frag, predicate)?;
        let (Some(column), true) = (op.columns.first(), op.columns.len() > frag.known.len()) else {
            return Ok(frag);
        };
        let name = match source {
            Source::Table { name } => name.as_str(),
            _ => "",
        };
        let sx = Sx::new(sql::text(name), Type::String);
        frag.cols.insert(
            0,
            Col {
                name: column.name.clone(),
                sx,
                simple: true,
            },
        );
        for place in &mut frag.known {
            *place += 1;
        }
        frag.known.insert(0, 0);
        Ok(frag)
    }

    /// `find`: the rows of all tables laid over each other, of which some columns come out.
    pub(super) fn find(
        &mut self,
        rel: &Rel,
        union: &Union,
        all: &Columns,
        predicate: &Expr,
        output: &[FindColumn],
    ) -> Result<Frag> {
        let mut columns = vec![Column::new("", Type::String)];
        columns.extend(all.iter().cloned());
        let mut frag = self.union(None, union, &columns)?;
        // The predicate is over the columns without the table's name.
        frag.known.remove(0);
        let mut frag = self.filter_but(frag, predicate, 0)?;
        let mut cols = Vec::with_capacity(output.len());
        for (from, column) in output.iter().zip(&rel.source_columns) {
            let sx = match from {
                FindColumn::Source => frag.cols[0].sx.clone(),
                FindColumn::Of(Some(i)) => {
                    let sx = frag.cols[frag.known[*i]].sx.clone();
                    self.convert(sx, column.ty, rel.span)?
                }
                FindColumn::Of(None) => Self::literal(&crate::kql::types::Value::Null, column.ty),
                FindColumn::Pack => {
                    let mut list = Vec::new();
                    for (i, column) in all.iter().enumerate() {
                        if output.contains(&FindColumn::Of(Some(i))) {
                            continue;
                        }
                        let sx = frag.cols[frag.known[i]].sx.clone();
                        list.push(sql::text(&column.name));
                        list.push(self.convert(sx, Type::Dynamic, rel.span)?.sql);
                    }
                    Sx::new(format!("k_bag_full({})", list.join(", ")), Type::Dynamic).solid()
                }
            };
            cols.push(Col {
                name: column.name.clone(),
                simple: *from != FindColumn::Pack,
                sx,
            });
        }
        frag.set_cols(cols);
        Ok(frag)
    }
}
