//! `make-series`.

use super::frag::{Col, Frag, Sx};
use super::{Hint, Planner, expr};
use crate::engine::error::Result;
use crate::kql::bound::{Expr, Op, OpKind};
use crate::kql::types::{Type, Value};

impl Planner<'_> {
    /// Plans `make-series`: rows are grouped by bin, then each group's bins become one array.
    pub(super) fn make_series(&mut self, frag: Frag, op: &Op) -> Result<Frag> {
        let OpKind::MakeSeries {
            aggregates,
            axis,
            from,
            to,
            step,
            by,
            nonempty,
        } = &op.kind
        else {
            return Self::refuse("this operator", op.span);
        };
        let mut exprs: Vec<&Expr> = by.iter().collect();
        exprs.push(axis);
        exprs.extend(aggregates.iter().map(|a| &a.expr));
        let mut frag = self.open(frag);
        let mut uses = vec![0usize; frag.cols.len()];
        for e in &exprs {
            expr::columns_used(e, &frag, &mut uses);
        }
        if uses
            .iter()
            .zip(&frag.cols)
            .any(|(n, c)| *n > 0 && !c.simple)
            || from.is_none()
            || to.is_none()
        {
            frag = self.wrap(frag);
        }
        let axis_sx = self.expr(axis, &frag)?;
        let ty = axis_sx.ty;
        let step_ty = match ty {
            Type::DateTime => Type::TimeSpan,
            Type::Real => Type::Real,
            Type::TimeSpan | Type::Long | Type::Int => ty,
            _ => return Self::refuse(format!("make-series on {}", ty.name()), axis.span),
        };
        let empty = Frag::default();
        let mut constant = |e: &Expr, ty: Type| {
            let sx = self.expr(e, &empty)?;
            self.convert(sx, ty, e.span).map(|s| s.sql)
        };
        let step_sql = constant(step, step_ty)?;
        let from_sql = from.as_ref().map(|e| constant(e, ty)).transpose()?;
        let to_sql = to.as_ref().map(|e| constant(e, ty)).transpose()?;
        let real = i32::from(ty == Type::Real);
        // Without bounds the series spans the rows: from the bin of the least to that of the greatest.
        let rows = frag.from.clone();
        let start = from_sql.unwrap_or_else(|| {
            let bin = if real == 1 { "k_bin_real" } else { "k_bin" };
            format!(
                "(SELECT {bin}(min({}), {step_sql}) FROM {rows})",
                axis_sx.sql
            )
        });
        let bins = match &to_sql {
            // The end is not included.
            Some(end) if real == 1 => {
                format!("CAST(ceiling(({end} - {start}) / {step_sql} - 1e-9) AS INTEGER)")
            }
            Some(end) => format!("(({end} - {start} + {step_sql} - 1) / {step_sql})"),
            None => format!(
                "k_range_count({real}, {start}, (SELECT max({}) FROM {rows}), {step_sql})",
                axis_sx.sql
            ),
        };
        let index = if real == 1 {
            format!(
                "CAST(floor(({} - {start}) / {step_sql}) AS INTEGER)",
                axis_sx.sql
            )
        } else {
            format!("(({} - {start}) / {step_sql})", axis_sx.sql)
        };
        frag.filters.push(format!("{} >= {start}", axis_sx.sql));
        if let Some(end) = &to_sql {
            frag.filters.push(format!("{} < {end}", axis_sx.sql));
        }
        let mut cols = Vec::new();
        for (e, column) in by.iter().zip(&op.columns) {
            let sx = self.expr(e, &frag)?;
            cols.push(Col {
                name: column.name.clone(),
                sx,
                simple: false,
            });
        }
        let keys = cols.len();
        cols.push(Col {
            name: String::new(),
            sx: Sx::new(index, Type::Long),
            simple: false,
        });
        let mut defaults = Vec::with_capacity(aggregates.len());
        for item in aggregates {
            let sx = self.expr(&item.expr, &frag)?;
            let default = match &item.default {
                Some(e) => self.expr(e, &empty)?,
                None if sx.ty == Type::Real => Self::literal(&Value::Real(0.0), Type::Real),
                None => Self::literal(&Value::Long(0), Type::Long),
            };
            defaults.push(self.convert(default, Type::Dynamic, op.span)?.sql);
            cols.push(Col {
                name: String::new(),
                sx,
                simple: false,
            });
        }
        let mut group = frag.parts.clone();
        group.extend((1..=keys + 1).map(|i| i.to_string()));
        frag.set_cols(cols);
        frag.order.clear();
        frag.group = Some(group);
        let stored = self.store(&frag, Hint::None);
        let mut frag = self.over(&stored);

        let bin = frag.cols[keys].sx.sql.clone();
        let mut cols: Vec<Col> = frag.cols[..keys].to_vec();
        for (i, default) in defaults.iter().enumerate() {
            let value = frag.cols[keys + 1 + i].sx.clone();
            let value = self.convert(value, Type::Dynamic, op.span)?.sql;
            let sql = format!("k_make_series({bin}, {value}, {bins}, {default})");
            let sql = if *nonempty {
                format!("coalesce(nullif({sql}, '[]'), k_repeat({default}, {bins}))")
            } else {
                sql
            };
            let name = op.columns[keys + i].name.clone();
            cols.push(Col {
                name,
                sx: Sx::new(sql, Type::Dynamic).solid(),
                simple: false,
            });
        }
        let last = format!("{start} + ({bins} - 1) * {step_sql}");
        let range_ty = if ty == Type::Int { Type::Long } else { ty };
        let axis_array = format!(
            "k_range('{}', {start}, {last}, {step_sql})",
            range_ty.name()
        );
        let name = op.columns[keys + defaults.len()].name.clone();
        cols.push(Col {
            name,
            sx: Sx::new(axis_array, Type::Dynamic),
            simple: false,
        });
        let mut group = frag.parts.clone();
        group.extend(frag.cols[..keys].iter().map(|c| c.sx.sql.clone()));
        if group.is_empty() && !nonempty {
            // A constant group: without rows there is no series either.
            group.push("''".to_owned());
        }
        frag.set_cols(cols);
        frag.group = Some(group);
        Ok(frag)
    }
}
