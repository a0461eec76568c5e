//! Operators of a pipeline that keep to one table.

use super::frag::{Col, Frag, Order, Sx};
use super::{Planner, expr};
use crate::engine::error::Result;
use crate::engine::sql;
use crate::kql::bound::{Column, ColumnSetter, Expr, ExprKind, Op, OpKind, SortKey};
use crate::kql::types::Type;

/// The .NET name `getschema` gives a type.
const fn system_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "System.SByte",
        Type::Int => "System.Int32",
        Type::Long => "System.Int64",
        Type::Real => "System.Double",
        Type::Decimal => "System.Data.SqlTypes.SqlDecimal",
        Type::String => "System.String",
        Type::DateTime => "System.DateTime",
        Type::TimeSpan => "System.TimeSpan",
        Type::Guid => "System.Guid",
        _ => "System.Object",
    }
}

impl Planner<'_> {
    /// Plans one operator over the rows so far.
    pub(super) fn op(&mut self, frag: Frag, op: &Op) -> Result<Frag> {
        match &op.kind {
            OpKind::Where(predicate) | OpKind::Search(predicate) => self.filter(frag, predicate),
            OpKind::Extend(setters) => self.extend(frag, setters, &op.columns),
            OpKind::Project { exprs, rest } => self.project(frag, exprs, *rest, &op.columns),
            OpKind::Distinct(exprs) => {
                let mut frag = self.project(frag, exprs, false, &op.columns)?;
                if frag.is_finished() {
                    frag = self.wrap(frag);
                }
                frag.order.clear();
                frag.distinct = true;
                Ok(frag)
            }
            OpKind::Summarize { by, aggregates } => {
                self.summarize(frag, by, aggregates, &op.columns)
            }
            OpKind::Count => {
                let mut frag = self.open(frag);
                let count = Sx::new("count(*)", Type::Long).solid();
                frag.set_cols(vec![Col {
                    name: op.columns[0].name.clone(),
                    sx: count,
                    simple: false,
                }]);
                frag.order.clear();
                frag.group = Some(frag.parts.clone());
                Ok(frag)
            }
            OpKind::Sort(keys) => self.sort(frag, keys),
            OpKind::Top { count, keys } => {
                let frag = self.sort(frag, keys)?;
                self.take(frag, count)
            }
            OpKind::Take(count) => self.take(frag, count),
            OpKind::Sample(count) => {
                let mut frag = self.open(frag);
                frag.order = vec![Order {
                    sql: "random()".into(),
                    descending: false,
                    nulls_first: true,
                }];
                frag.serial = false;
                let mut frag = self.take(frag, count)?;
                frag = self.wrap(frag);
                frag.order.clear();
                Ok(frag)
            }
            OpKind::SampleDistinct { count, of } => {
                let mut frag = self.project(frag, std::slice::from_ref(of), false, &op.columns)?;
                frag = self.open(frag);
                frag.order.clear();
                frag.distinct = true;
                let frag = self.wrap(frag);
                self.take(frag, count)
            }
            OpKind::Join { kind, right, on } => {
                self.join(frag, *kind, right, on, &op.columns, None)
            }
            OpKind::Lookup {
                kind,
                right,
                on,
                right_columns,
            } => self.join(frag, *kind, right, on, &op.columns, Some(right_columns)),
            OpKind::Union(union) => self.union(Some(frag), union, &op.columns),
            OpKind::MvExpand {
                items,
                bag_as_array,
                item_index,
                limit,
            } => self.mv_expand(
                frag,
                items,
                *bag_as_array,
                *item_index,
                limit.as_ref(),
                &op.columns,
            ),
            OpKind::MvApply { .. } => self.mv_apply(frag, op),
            OpKind::Partition { by, body } => self.partition(frag, by, body, &op.columns),
            OpKind::Parse {
                source,
                mode,
                pattern,
                filter,
            } => self.parse(frag, source, mode, pattern, *filter, &op.columns),
            OpKind::ParseKv {
                source,
                keys,
                options,
            } => self.parse_kv(frag, source, keys, options, &op.columns),
            OpKind::MakeSeries { .. } => self.make_series(frag, op),
            OpKind::Serialize => Ok(self.serialize(frag)),
            OpKind::GetSchema => Ok(self.get_schema(&frag, &op.columns)),
            OpKind::As(id) => Ok(self.define(*id, &frag)),
            OpKind::Evaluate {
                plugin,
                args,
                declared,
            } => self.evaluate(frag, plugin, args, declared.as_deref(), op),
            OpKind::Consume => {
                let mut frag = self.open(frag);
                frag.filters.push("0".to_owned());
                Ok(frag)
            }
            OpKind::TopHitters { count, of, by } => {
                self.top_hitters(frag, count, of, by.as_ref(), &op.columns)
            }
            OpKind::TopNested(levels) => self.top_nested(frag, levels, &op.columns),
            OpKind::Scan { .. } => self.scan(frag, op),
            OpKind::Fork(_) => Self::refuse("operator 'fork'", op.span),
            OpKind::Facet { .. } => Self::refuse("operator 'facet'", op.span),
            OpKind::Reduce { .. } => Self::refuse("operator 'reduce'", op.span),
            OpKind::Invoke { function, args } => self.invoke(frag, function, args, op),
            OpKind::Unsupported { what } => Self::refuse(what.clone(), op.span),
        }
    }

    /// Keeps rows for which a predicate is true.
    pub(super) fn filter(&mut self, frag: Frag, predicate: &Expr) -> Result<Frag> {
        let (frag, rewritten) = self.hoist_whole(frag, predicate)?;
        let visible = frag.cols.len();
        let predicate = &rewritten[0];
        // Each condition of a conjunction stands by itself, so that only what it needs is repeated.
        let parts: Vec<&Expr> = match &predicate.kind {
            ExprKind::And(parts) => parts.iter().collect(),
            _ => vec![predicate],
        };
        let mut frag = self.open_for(frag, &parts);
        for part in parts {
            let condition = self.condition(part, &frag)?;
            frag.filters.push(condition);
        }
        debug_assert_eq!(visible, frag.cols.len());
        Ok(Self::drop_hidden(frag))
    }

    fn extend(&mut self, frag: Frag, setters: &[ColumnSetter], columns: &[Column]) -> Result<Frag> {
        let exprs: Vec<&Expr> = setters.iter().map(|s| &s.expr).collect();
        let (frag, rewritten) = self.hoist(frag, &exprs)?;
        let refs: Vec<&Expr> = rewritten.iter().collect();
        let mut frag = self.open_for(frag, &refs);
        let windows = refs.iter().any(|e| super::window::has_window(e));
        if windows {
            frag = self.serialize(frag);
        }
        let mut made = Vec::with_capacity(setters.len());
        for (setter, e) in setters.iter().zip(&refs) {
            let sx = self.expr(e, &frag)?;
            let simple = sx.literal.is_some() || matches!(e.kind, ExprKind::Column(_));
            let name = columns[setter.index].name.clone();
            made.push((setter.index, Col { name, sx, simple }));
        }
        frag = Self::drop_hidden(frag);
        frag.sealed |= windows;
        for (index, col) in made {
            if index < frag.known.len() {
                let place = frag.known[index];
                frag.cols[place] = col;
            } else if let Some(place) = frag.cols.iter().position(|c| c.name == col.name) {
                // A column only the running query showed is given a new value.
                frag.cols[place] = col;
                frag.known.push(place);
            } else {
                frag.known.push(frag.cols.len());
                frag.cols.push(col);
            }
        }
        Ok(frag)
    }

    fn project(
        &mut self,
        frag: Frag,
        exprs: &[Expr],
        rest: bool,
        columns: &[Column],
    ) -> Result<Frag> {
        let refs: Vec<&Expr> = exprs.iter().collect();
        let (mut frag, rewritten) = self.hoist(frag, &refs)?;
        let refs: Vec<&Expr> = rewritten.iter().collect();
        frag = self.open(frag);
        // A column that costs may be named once: then it just moves.
        let mut uses = vec![0usize; frag.cols.len()];
        let mut inside = vec![0usize; frag.cols.len()];
        for e in &refs {
            expr::columns_used(e, &frag, &mut uses);
            if !matches!(e.kind, ExprKind::Column(_) | ExprKind::OpenColumn(_)) {
                expr::columns_used(e, &frag, &mut inside);
            }
        }
        let costs = (0..uses.len()).any(|i| !frag.cols[i].simple && (uses[i] > 1 || inside[i] > 0));
        if costs {
            frag = self.wrap(frag);
        }
        let windows = refs.iter().any(|e| super::window::has_window(e));
        if windows {
            frag = self.serialize(frag);
        }
        let mut cols = Vec::with_capacity(refs.len());
        for (i, e) in refs.iter().enumerate() {
            let place = expr::plain_column(e, &frag);
            let sx = self.expr(e, &frag)?;
            let simple = match place {
                Some(place) => frag.cols[place].simple,
                None => sx.literal.is_some(),
            };
            let name = columns.get(i).map_or_else(String::new, |c| c.name.clone());
            cols.push(Col { name, sx, simple });
        }
        let known = (0..cols.len()).collect();
        if rest {
            // Columns only the running query shows pass behind those the query names.
            let seen: Vec<usize> = frag.known.clone();
            for (place, col) in frag.cols.iter().enumerate() {
                let named = seen.contains(&place)
                    || refs
                        .iter()
                        .any(|e| expr::plain_column(e, &frag) == Some(place))
                    || cols.iter().any(|c| c.name == col.name);
                if !named {
                    cols.push(col.clone());
                }
            }
        }
        frag.cols = cols;
        frag.known = known;
        frag.sealed |= windows;
        Ok(frag)
    }

    fn sort(&mut self, frag: Frag, keys: &[SortKey]) -> Result<Frag> {
        let exprs: Vec<&Expr> = keys.iter().map(|k| &k.expr).collect();
        let (frag, rewritten) = self.hoist(frag, &exprs)?;
        let mut frag = self.open(frag);
        let mut order = Vec::with_capacity(keys.len());
        for (key, e) in keys.iter().zip(&rewritten) {
            let sx = self.expr(e, &frag)?;
            if sx.ty == Type::Dynamic {
                // The service refuses to sort by dynamic values as well.
                return Self::refuse("sorting by a dynamic value", key.expr.span);
            }
            if sx.literal.is_some() {
                continue;
            }
            let sql = match sx.ty {
                Type::Decimal => format!("CAST({} AS REAL)", sx.sql),
                Type::Real if sx.nan => {
                    format!("CASE WHEN {0} = 'NaN' THEN -9e999 ELSE {0} END", sx.sql)
                }
                _ => sx.sql,
            };
            order.push(Order {
                sql,
                descending: key.descending,
                nulls_first: key.nulls_first,
            });
        }
        frag.order = order;
        frag.serial = false;
        Ok(Self::drop_hidden(frag))
    }

    /// At most so many rows (of each part).
    pub(super) fn take(&mut self, frag: Frag, count: &Expr) -> Result<Frag> {
        let count = self.expr(count, &Frag::default())?;
        let mut frag = self.open(frag);
        if frag.parts.is_empty() {
            frag.limit = Some(format!("max(0, {})", count.sql));
            return Ok(frag);
        }
        let number = format!("row_number() {}", frag.window(&[], ""));
        let visible = frag.cols.len();
        let known = frag.known.clone();
        frag.cols.push(Col {
            name: String::new(),
            sx: Sx::new(number, Type::Long),
            simple: false,
        });
        frag.sealed = true;
        let mut frag = self.wrap(frag);
        let number = frag.cols[visible].sx.sql.clone();
        frag.cols.truncate(visible);
        frag.known = known;
        frag.filters.push(format!("{number} <= {}", count.sql));
        Ok(frag)
    }

    /// Gives the rows numbers in their order, so that all windows see the same order.
    pub(super) fn serialize(&mut self, frag: Frag) -> Frag {
        if frag.serial {
            return frag;
        }
        let mut frag = self.open(frag);
        let over = if frag.order.is_empty() {
            "row_number() OVER ()".to_owned()
        } else {
            let terms: Vec<String> = frag.order.iter().map(Order::term).collect();
            format!("row_number() OVER (ORDER BY {})", terms.join(", "))
        };
        frag.order = vec![Order {
            sql: over,
            descending: false,
            nulls_first: true,
        }];
        frag.serial = true;
        frag.sealed = true;
        self.wrap(frag)
    }

    fn get_schema(&mut self, frag: &Frag, columns: &[Column]) -> Frag {
        let rows: Vec<String> = frag
            .cols
            .iter()
            .enumerate()
            .map(|(i, c)| {
                let (name, ty) = (sql::text(&c.name), c.sx.ty);
                format!("({name}, {i}, '{}', '{}')", system_name(ty), ty.name())
            })
            .collect();
        let alias = self.name('t');
        let from = if rows.is_empty() {
            format!(
                "(SELECT '' AS column1, 0 AS column2, '' AS column3, '' AS column4 WHERE 0) AS {alias}"
            )
        } else {
            format!("(VALUES {}) AS {alias}", rows.join(", "))
        };
        let cols = columns.iter().enumerate().map(|(i, c)| Col {
            name: c.name.clone(),
            sx: Sx::new(format!("{alias}.column{}", i + 1), c.ty).solid(),
            simple: true,
        });
        Frag::new(from, cols.collect())
    }

    fn top_hitters(
        &mut self,
        frag: Frag,
        count: &Expr,
        of: &Expr,
        by: Option<&Expr>,
        columns: &[Column],
    ) -> Result<Frag> {
        let mut exprs = vec![of];
        exprs.extend(by);
        let mut frag = self.open_for(frag, &exprs);
        let key = self.expr(of, &frag)?;
        let weight = match by {
            Some(by) => {
                let sx = self.expr(by, &frag)?;
                Sx::new(format!("sum({})", sx.sql), columns[1].ty)
            }
            None => Sx::new("count(*)", Type::Long).solid(),
        };
        let group = key.sql.clone();
        frag.set_cols(vec![
            Col {
                name: columns[0].name.clone(),
                sx: key,
                simple: false,
            },
            Col {
                name: columns[1].name.clone(),
                sx: weight,
                simple: false,
            },
        ]);
        let mut terms = frag.parts.clone();
        terms.push(group);
        frag.group = Some(terms);
        frag.order.clear();
        let mut frag = self.wrap(frag);
        frag.order = vec![Order {
            sql: frag.cols[1].sx.sql.clone(),
            descending: true,
            nulls_first: false,
        }];
        self.take(frag, count)
    }

    /// Forgets columns that were only there for an operator ([`Planner::hoist`]).
    pub(super) fn drop_hidden(mut frag: Frag) -> Frag {
        while frag
            .cols
            .last()
            .is_some_and(|c| c.name.starts_with('\u{0}'))
        {
            frag.cols.pop();
        }
        frag
    }
}
