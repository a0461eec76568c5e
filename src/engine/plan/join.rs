//! `join` and `lookup`.

use super::frag::{Col, Frag, Sx};
use super::{Hint, Planner};
use crate::engine::error::Result;
use crate::kql::bound::{Column, JoinKey, JoinKind, Rel};
use crate::kql::types::Type;

/// A column of the side that may have no row.
fn absent(col: &Col) -> Col {
    let sx = match col.sx.ty {
        Type::String => Sx::new(format!("coalesce({}, '')", col.sx.sql), Type::String),
        ty => Sx {
            nan: col.sx.nan,
            ..Sx::new(col.sx.sql.clone(), ty)
        },
    };
    Col { sx, ..col.clone() }
}

impl Planner<'_> {
    /// Plans a join; `lookup` names the ordinals of the right side that come out (all for `join`).
    pub(super) fn join(
        &mut self,
        left: Frag,
        kind: JoinKind,
        right: &Rel,
        on: &[JoinKey],
        columns: &[Column],
        lookup: Option<&[usize]>,
    ) -> Result<Frag> {
        let piped = std::mem::take(&mut self.piped);
        let planned = self.rel(right);
        self.piped = piped;
        let right_frag = planned?;
        if !left.parts.is_empty()
            && matches!(
                kind,
                JoinKind::RightOuter
                    | JoinKind::FullOuter
                    | JoinKind::RightAnti
                    | JoinKind::RightSemi
            )
        {
            return Self::refuse(
                "this kind of join inside 'mv-apply' or 'partition'",
                right.span,
            );
        }
        // SQLite indexes columns, not expressions, while it joins: a side it looks rows up in by
        // computed keys is computed first.
        let looked_up = matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter);
        let (mut l, left_keys) = self.side(left, on.iter().map(|k| &k.left), looked_up)?;
        let (r, right_keys) = self.side(right_frag, on.iter().map(|k| &k.right), true)?;
        if kind == JoinKind::InnerUnique {
            l = self.unique(l, &left_keys);
        }
        let left_keys: Vec<Sx> = left_keys.iter().map(|i| l.cols[*i].sx.clone()).collect();
        let right_keys: Vec<Sx> = right_keys.iter().map(|i| r.cols[*i].sx.clone()).collect();
        let mut conditions = Vec::with_capacity(on.len());
        let (mut left_sql, mut right_sql) = (Vec::new(), Vec::new());
        for ((a, b), key) in left_keys.into_iter().zip(right_keys).zip(on) {
            let (a, b) = if a.ty == b.ty || (a.ty.is_number() && b.ty.is_number()) {
                (a, b)
            } else if a.ty == Type::Dynamic || b.ty == Type::Dynamic {
                (self.text(a, key.left.span)?, self.text(b, key.right.span)?)
            } else {
                let what = format!("joining {} with {}", a.ty.name(), b.ty.name());
                return Self::refuse(what, key.left.span);
            };
            conditions.push(format!("{} = {}", a.sql, b.sql));
            left_sql.push(a.sql);
            right_sql.push(b.sql);
        }
        let l = Self::drop_hidden(l);
        let r = Self::drop_hidden(r);
        match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => {
                return Ok(membership(
                    l,
                    &r,
                    &left_sql,
                    &right_sql,
                    kind == JoinKind::LeftSemi,
                ));
            }
            JoinKind::RightSemi | JoinKind::RightAnti => {
                return Ok(membership(
                    r,
                    &l,
                    &right_sql,
                    &left_sql,
                    kind == JoinKind::RightSemi,
                ));
            }
            _ => {}
        }
        let (word, left_absent, right_absent) = match kind {
            JoinKind::LeftOuter => ("LEFT JOIN", false, true),
            JoinKind::RightOuter => ("RIGHT JOIN", true, false),
            JoinKind::FullOuter => ("FULL JOIN", true, true),
            _ => ("JOIN", false, false),
        };
        let condition = if conditions.is_empty() {
            "1".to_owned()
        } else {
            conditions.join(" AND ")
        };
        let side = |frag: &Frag, gone: bool| -> Vec<Col> {
            frag.cols
                .iter()
                .map(|c| if gone { absent(c) } else { c.clone() })
                .collect()
        };
        let mut cols = side(&l, left_absent);
        let offset = cols.len();
        let mut known = l.known.clone();
        let right_cols = side(&r, right_absent);
        match lookup {
            None => {
                known.extend(r.known.iter().map(|i| i + offset));
                cols.extend(right_cols);
            }
            Some(ordinals) => {
                for ordinal in ordinals {
                    known.push(cols.len());
                    cols.push(right_cols[r.known[*ordinal]].clone());
                }
            }
        }
        for (place, column) in known.iter().zip(columns) {
            cols[*place].name.clone_from(&column.name);
        }
        // `innerunique` filters its left side; every other side is a whole table expression.
        let filters = l.filters.clone();
        Ok(Frag {
            from: format!("{} {word} {} ON {condition}", l.from, r.from),
            filters,
            cols,
            known,
            depth: l.depth.max(r.depth),
            parts: l.parts,
            ..Frag::default()
        })
    }

    /// A side of a join as a table expression with its keys among its columns (hidden ones last);
    /// gives the places of the keys.
    fn side<'e>(
        &mut self,
        frag: Frag,
        keys: impl Iterator<Item = &'e crate::kql::bound::Expr>,
        looked_up: bool,
    ) -> Result<(Frag, Vec<usize>)> {
        let mut frag = self.open(frag);
        let mut places = Vec::new();
        for key in keys {
            if let Some(place) = super::expr::plain_column(key, &frag) {
                places.push(place);
                continue;
            }
            let sx = self.expr(key, &frag)?;
            places.push(frag.cols.len());
            let name = format!("\u{0}{}", self.name('k'));
            frag.cols.push(Col {
                name,
                sx,
                simple: false,
            });
        }
        frag.order.clear();
        frag.serial = false;
        let computed = places
            .iter()
            .any(|p| self.weight(&frag.cols[*p].sx.sql) > 0);
        let hint = if looked_up && computed {
            Hint::Materialized
        } else {
            Hint::None
        };
        let stored = self.store(&frag, hint);
        Ok((self.over(&stored), places))
    }

    /// The first row of each key.
    fn unique(&mut self, mut frag: Frag, keys: &[usize]) -> Frag {
        let sqls: Vec<String> = keys.iter().map(|i| frag.cols[*i].sx.sql.clone()).collect();
        let number = format!("row_number() {}", frag.window(&sqls, ""));
        frag.cols.push(Col {
            name: "\u{0}n".to_owned(),
            sx: Sx::new(number, Type::Long),
            simple: false,
        });
        frag.sealed = true;
        let stored = self.store(&frag, Hint::None);
        let mut frag = self.over(&stored);
        let number = frag.cols.pop().map(|c| c.sx.sql).unwrap_or_default();
        frag.filters.push(format!("{number} = 1"));
        frag
    }
}

/// Rows of one side with (or without) a match on the other; they are never multiplied.
fn membership(
    mut keep: Frag,
    other: &Frag,
    keys: &[String],
    others: &[String],
    wanted: bool,
) -> Frag {
    let list = others.join(", ");
    let known: Vec<String> = others.iter().map(|k| format!("{k} IS NOT NULL")).collect();
    let mut filters = other.filters.clone();
    filters.extend(known);
    let left = if keys.len() == 1 {
        keys[0].clone()
    } else {
        format!("({})", keys.join(", "))
    };
    let test = format!(
        "({left} IN (SELECT {list} FROM {} WHERE {}))",
        other.from,
        filters.join(" AND ")
    );
    keep.filters.push(if wanted {
        test
    } else {
        format!("({test} IS NOT TRUE)")
    });
    keep
}
