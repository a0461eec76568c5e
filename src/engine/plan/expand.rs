//! `mv-expand`, `mv-apply` and `partition`.

use super::frag::{Col, Frag, Order, Sx};
use super::{Hint, Planner};
use crate::engine::error::Result;
use crate::kql::bound::{ApplyOutput, Column, ExpandItem, Expr, Op, OpKind, Rel};
use crate::kql::types::Type;

impl Planner<'_> {
    /// Plans `mv-expand`.
    pub(super) fn mv_expand(
        &mut self,
        frag: Frag,
        items: &[ExpandItem],
        bag_as_array: bool,
        item_index: Option<usize>,
        limit: Option<&Expr>,
        columns: &[Column],
    ) -> Result<Frag> {
        let frag = self.wrap(frag);
        self.expanded(frag, items, bag_as_array, item_index, limit, columns)
    }

    /// Rows of a table expression, each repeated for the elements of its arrays. The table must be
    /// plain: `json_each` brings columns of its own.
    fn expanded(
        &mut self,
        mut frag: Frag,
        items: &[ExpandItem],
        bag_as_array: bool,
        item_index: Option<usize>,
        limit: Option<&Expr>,
        columns: &[Column],
    ) -> Result<Frag> {
        let mut arrays = Vec::with_capacity(items.len());
        for item in items {
            let sx = self.expr(&item.expr, &frag)?;
            arrays.push(self.convert(sx, Type::Dynamic, item.expr.span)?.sql);
        }
        let each = self.name('j');
        let element = |i: usize| {
            if items.len() == 1 {
                format!("{each}.value")
            } else {
                format!("json_extract({each}.value, '$[{i}]')")
            }
        };
        let new = |i: usize, item: &ExpandItem, column: &Column| {
            let sx = match item.to {
                Some(ty) if ty != Type::Dynamic => {
                    Sx::new(format!("k_to({}, '{}')", element(i), ty.name()), ty)
                }
                _ => Sx::new(element(i), Type::Dynamic),
            };
            let simple = items.len() == 1 && sx.ty == Type::Dynamic;
            Col {
                name: column.name.clone(),
                sx,
                simple,
            }
        };
        // The columns that are neither expanded nor the index pass in their order.
        let mut passing = frag.known.iter().copied().enumerate();
        let given = frag.known.len();
        let mut cols = Vec::with_capacity(columns.len());
        for (o, column) in columns.iter().enumerate() {
            if let Some(i) = items.iter().position(|item| item.index == o) {
                if o < given {
                    passing.next();
                }
                cols.push(new(i, &items[i], column));
            } else if item_index == Some(o) {
                let sx = Sx::new(format!("{each}.key"), Type::Long).solid();
                cols.push(Col {
                    name: column.name.clone(),
                    sx,
                    simple: true,
                });
            } else if let Some((_, place)) = passing.next() {
                cols.push(Col {
                    name: column.name.clone(),
                    ..frag.cols[place].clone()
                });
            }
        }
        let known = (0..cols.len()).collect();
        // Columns only the running query shows pass too.
        for (place, col) in frag.cols.iter().enumerate() {
            if !frag.known.contains(&place) && !cols.iter().any(|c| c.name == col.name) {
                cols.push(col.clone());
            }
        }
        frag.cols = cols;
        frag.known = known;
        frag.from = format!(
            "{}, json_each(k_expand({}, {})) AS {each}",
            frag.from,
            i32::from(bag_as_array),
            arrays.join(", ")
        );
        if let Some(limit) = limit {
            let limit = self.expr(limit, &Frag::default())?;
            frag.filters.push(format!("{each}.key < {}", limit.sql));
        }
        if !frag.order.is_empty() {
            frag.order.push(Order {
                sql: format!("{each}.key"),
                descending: false,
                nulls_first: true,
            });
            frag.serial = false;
        }
        Ok(frag)
    }

    /// Plans `mv-apply`: rows are numbered, expanded, and go through the sub-query in parts by number.
    pub(super) fn mv_apply(&mut self, frag: Frag, op: &Op) -> Result<Frag> {
        let OpKind::MvApply {
            items,
            item_index,
            limit,
            piped,
            body,
            output,
        } = &op.kind
        else {
            return Self::refuse("this operator", op.span);
        };
        let mut frag = self.open(frag);
        let number = frag.cols.len();
        let over = match frag.order.as_slice() {
            [] => "row_number() OVER ()".to_owned(),
            keys => {
                let terms: Vec<String> = keys.iter().map(Order::term).collect();
                format!("row_number() OVER (ORDER BY {})", terms.join(", "))
            }
        };
        frag.cols.push(Col {
            name: "\u{0}row".to_owned(),
            sx: Sx::new(over, Type::Long).solid(),
            simple: false,
        });
        frag.sealed = true;
        let stored = self.store(&frag, Hint::Materialized);
        let outer = self.over(&stored);
        let mut inner = self.over(&stored);
        let row = inner.cols[number].sx.sql.clone();
        inner.cols.truncate(number);
        inner.order = vec![Order {
            sql: row.clone(),
            descending: false,
            nulls_first: true,
        }];
        inner.parts.push(row);
        let inner = self.expanded(inner, items, false, *item_index, limit.as_ref(), piped)?;
        self.piped.push(inner);
        let planned = self.rel(body);
        self.piped.pop();
        let done = self.wrap(planned?);
        let Some(part) = done.parts.last().cloned() else {
            return Self::refuse(
                "a sub-query of 'mv-apply' that does not use its rows",
                body.span,
            );
        };
        let mut cols = Vec::with_capacity(output.len());
        for (from, column) in output.iter().zip(&op.columns) {
            let col = match from {
                ApplyOutput::Input(i) => &outer.cols[outer.known[*i]],
                ApplyOutput::Body(i) => &done.cols[done.known[*i]],
            };
            cols.push(Col {
                name: column.name.clone(),
                ..col.clone()
            });
        }
        let row = &outer.cols[number].sx.sql;
        let mut result = Frag::new(
            format!("{} JOIN {} ON {part} = {row}", outer.from, done.from),
            cols,
        );
        result.order = vec![Order {
            sql: row.clone(),
            descending: false,
            nulls_first: true,
        }];
        result.order.extend(done.order.clone());
        result.parts.clone_from(&outer.parts);
        result.depth = done.depth;
        Ok(result)
    }

    /// Plans `partition by key (sub-query)`.
    pub(super) fn partition(
        &mut self,
        frag: Frag,
        by: &Expr,
        body: &Rel,
        columns: &[Column],
    ) -> Result<Frag> {
        let mut frag = self.wrap(frag);
        let key = self.expr(by, &frag)?;
        frag.parts.push(key.sql);
        self.piped.push(frag);
        let planned = self.rel(body);
        self.piped.pop();
        let mut done = self.wrap(planned?);
        if done.parts.pop().is_none() {
            return Self::refuse(
                "a sub-query of 'partition' that does not use its rows",
                body.span,
            );
        }
        for (place, column) in done.known.clone().into_iter().zip(columns) {
            done.cols[place].name.clone_from(&column.name);
        }
        Ok(done)
    }
}
