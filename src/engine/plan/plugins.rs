//! `evaluate`: plug-ins whose columns only the running query knows. The rows so far are computed and
//! looked at; then planning goes on.

use std::collections::BTreeMap;

use super::frag::{Col, Frag, Sx};
use super::{Hint, Planner, expr};
use crate::engine::error::{EngineError, Result};
use crate::engine::sql;
use crate::kql::bound::{Argument, Column, Expr, ExprKind, Op};
use crate::kql::types::{Type, Value};

/// The most columns a plug-in may bring: SQLite's own limit is 2000.
const MOST_COLUMNS: usize = 1000;

impl Planner<'_> {
    /// Plans `evaluate`.
    pub(super) fn evaluate(
        &mut self,
        frag: Frag,
        plugin: &str,
        args: &[Argument],
        declared: Option<&[Column]>,
        op: &Op,
    ) -> Result<Frag> {
        if !frag.parts.is_empty() {
            return Self::refuse(
                "operator 'evaluate' inside 'mv-apply' or 'partition'",
                op.span,
            );
        }
        match plugin {
            "bag_unpack" => self.bag_unpack(frag, args, declared, op),
            "pivot" => self.pivot(frag, args, declared, op),
            "ipv4_lookup" => self.ipv4_lookup(frag, args, op),
            "narrow" => self.narrow(frag, op),
            _ => Self::refuse(format!("plugin '{plugin}'"), op.span),
        }
    }

    /// Computes the rows so far into a temporary table.
    pub(super) fn settle(&mut self, frag: &Frag) -> Result<Frag> {
        let name = self.name('q');
        let unique = format!("k_rows_{name}");
        let select = self.statement(&frag.select(true, false));
        self.connection
            .execute_batch(&format!("CREATE TEMP TABLE {unique} AS {select}"))?;
        self.temporary.push(unique.clone());
        let stored = super::Stored {
            name: format!("temp.{unique}"),
            frag: frag.clone(),
            weights: Vec::new(),
        };
        // Nothing is below a table.
        Ok(Frag {
            depth: 0,
            ..self.over(&stored)
        })
    }

    fn bag_unpack(
        &mut self,
        frag: Frag,
        args: &[Argument],
        declared: Option<&[Column]>,
        op: &Op,
    ) -> Result<Frag> {
        let mut bag = None;
        let (mut prefix, mut conflict, mut ignored) = (String::new(), String::new(), Vec::new());
        for (i, arg) in args.iter().enumerate() {
            let (name, e) = match arg {
                Argument::Scalar(e) => (
                    [
                        "bag",
                        "outputColumnPrefix",
                        "columnsConflict",
                        "ignoredProperties",
                    ]
                    .get(i)
                    .copied()
                    .unwrap_or_default(),
                    e,
                ),
                Argument::Named(name, e) => (name.as_str(), e),
                _ => return Self::refuse("this argument of bag_unpack", op.span),
            };
            match name.to_ascii_lowercase().as_str() {
                "bag" => bag = Some(e),
                "outputcolumnprefix" => prefix = self.constant_text(e)?,
                "columnsconflict" => conflict = self.constant_text(e)?,
                "ignoredproperties" => {
                    if let Ok(serde_json::Value::Array(items)) =
                        serde_json::from_str(&self.constant_text(e)?)
                    {
                        ignored = items
                            .iter()
                            .filter_map(|v| v.as_str().map(str::to_owned))
                            .collect();
                    }
                }
                _ => return Self::refuse(format!("argument '{name}' of bag_unpack"), e.span),
            }
        }
        let Some(bag) = bag else {
            return Self::refuse("bag_unpack without a column", op.span);
        };
        let frag = self.wrap(frag);
        let mut frag = self.settle(&frag)?;
        let Some(place) = expr::plain_column(bag, &frag) else {
            return Self::refuse("bag_unpack of an expression", bag.span);
        };
        let bag_sql = frag.cols[place].sx.sql.clone();
        let found = self.properties(&frag, &bag_sql)?;
        let wanted: Vec<(String, String, Type)> = match declared {
            Some(columns) => columns
                .iter()
                .filter(|c| {
                    found.contains_key(&c.name) || !frag.cols.iter().any(|f| f.name == c.name)
                })
                .map(|c| (c.name.clone(), c.name.clone(), c.ty))
                .collect(),
            None => found
                .into_iter()
                .filter(|(k, _)| !ignored.contains(k))
                .map(|(k, ty)| (k.clone(), format!("{prefix}{k}"), ty))
                .collect(),
        };
        if wanted.len() > MOST_COLUMNS {
            return Err(EngineError::failed(
                "bag_unpack: too many different properties",
                op.span,
            ));
        }
        // The binder's ordinals leave out the bag.
        frag.known.retain(|p| *p != place);
        for p in &mut frag.known {
            *p -= usize::from(*p > place);
        }
        frag.cols.remove(place);
        for (key, name, ty) in wanted {
            let value = Sx::new(
                format!("k_path({bag_sql}, {})", sql::text(&key)),
                Type::Dynamic,
            );
            let sx = self.convert(value, ty, op.span)?;
            let col = Col {
                name: name.clone(),
                sx,
                simple: false,
            };
            match frag.cols.iter().position(|c| c.name == name) {
                None => frag.cols.push(col),
                Some(place) => match conflict.as_str() {
                    "replace_source" => frag.cols[place] = col,
                    "keep_source" => {}
                    _ => {
                        let message = format!("bag_unpack: there is a column '{name}' already");
                        return Err(EngineError::failed(message, op.span));
                    }
                },
            }
        }
        // What the binder knows beyond the input are the declared columns, by name.
        for column in op.columns.iter().skip(frag.known.len()) {
            if let Some(place) = frag.cols.iter().position(|c| c.name == column.name) {
                frag.known.push(place);
            }
        }
        Ok(self.wrap(frag))
    }

    /// Names and types of the properties of a column of bags, by name.
    fn properties(&self, frag: &Frag, bag: &str) -> Result<BTreeMap<String, Type>> {
        let sql = self.statement(&format!(
            "SELECT j.key, j.type FROM {}, json_each(CASE WHEN json_type({bag}) = 'object' THEN {bag} ELSE '{{}}' END) AS j \
             GROUP BY 1, 2",
            frag.from
        ));
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut found: BTreeMap<String, Option<Type>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (key, kind): (String, String) = (row.get(0)?, row.get(1)?);
            let ty = match kind.as_str() {
                "integer" => Some(Type::Long),
                "real" => Some(Type::Real),
                "text" => Some(Type::String),
                "true" | "false" => Some(Type::Bool),
                "null" => None,
                _ => Some(Type::Dynamic),
            };
            let slot = found.entry(key).or_insert(ty);
            *slot = match (*slot, ty) {
                (None, t) | (t, None) => t,
                (Some(a), Some(b)) if a == b => Some(a),
                (Some(a), Some(b)) if a.is_number() && b.is_number() => Some(Type::Real),
                _ => Some(Type::Dynamic),
            };
        }
        Ok(found
            .into_iter()
            .map(|(k, ty)| (k, ty.unwrap_or(Type::Dynamic)))
            .collect())
    }

    fn constant_text(&mut self, e: &Expr) -> Result<String> {
        let sx = self.expr(e, &Frag::default())?;
        match sx.literal {
            Some(Value::String(s) | Value::Dynamic(s)) => Ok(s),
            _ => Self::refuse("an argument that is no constant", e.span),
        }
    }

    /// `pivot(column[, aggregate][, columns…])`.
    fn pivot(
        &mut self,
        frag: Frag,
        args: &[Argument],
        declared: Option<&[Column]>,
        op: &Op,
    ) -> Result<Frag> {
        let mut scalars = Vec::new();
        for arg in args {
            match arg {
                Argument::Scalar(e) => scalars.push(e),
                _ => return Self::refuse("this argument of pivot", op.span),
            }
        }
        let Some((pivot, rest)) = scalars.split_first() else {
            return Self::refuse("pivot without a column", op.span);
        };
        let (aggregate, keys) = match rest.split_first() {
            Some((first, keys)) if super::aggregate::has_aggregate(first) => (Some(*first), keys),
            _ => (None, rest),
        };
        let frag = self.wrap(frag);
        let mut frag = self.settle(&frag)?;
        let pivot_sx = self.expr(pivot, &frag)?;
        let pivot_text = self.text(pivot_sx, pivot.span)?.sql;
        // The rest of the columns are the keys, but for what the aggregate is about.
        let mut used = vec![0usize; frag.cols.len()];
        expr::columns_used(pivot, &frag, &mut used);
        if let Some(a) = aggregate {
            expr::columns_used(a, &frag, &mut used);
        }
        let places: Vec<usize> = if keys.is_empty() {
            (0..frag.cols.len()).filter(|i| used[*i] == 0).collect()
        } else {
            keys.iter()
                .filter_map(|k| expr::plain_column(k, &frag))
                .collect()
        };
        let values = {
            let sql = self.statement(&format!(
                "SELECT DISTINCT {pivot_text} FROM {} ORDER BY 1",
                frag.from
            ));
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], |r| r.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()?
        };
        if values.len() > MOST_COLUMNS {
            return Err(EngineError::failed(
                "pivot: too many different values",
                op.span,
            ));
        }
        let mut cols: Vec<Col> = places.iter().map(|p| frag.cols[*p].clone()).collect();
        let group = (1..=cols.len()).map(|i| i.to_string()).collect::<Vec<_>>();
        for value in values {
            self.only_where = Some(format!("{pivot_text} = {}", sql::text(&value)));
            let planned = if let Some(e) = aggregate {
                self.expr(e, &frag)
            } else {
                let filter = self.only_where.clone().unwrap_or_default();
                Ok(Sx::new(format!("count(*) FILTER (WHERE {filter})"), Type::Long).solid())
            };
            self.only_where = None;
            let mut sx = planned?;
            let sums = aggregate.is_some_and(|e| {
                matches!(&e.kind, ExprKind::Aggregate { function, .. } if function == "sum" || function == "sumif")
            });
            if sums {
                sx = Sx::new(format!("coalesce({}, 0)", sx.sql), sx.ty).solid();
            }
            cols.push(Col {
                name: value,
                sx,
                simple: false,
            });
        }
        let known = places.len().min(op.columns.len());
        frag.set_cols(cols);
        frag.known.truncate(known);
        frag.group = Some(group);
        let mut frag = self.wrap(frag);
        if declared.is_some() {
            // The columns the query declared come first, in its order; what the rows lack is null.
            let mut rest = std::mem::take(&mut frag.cols);
            let mut cols = Vec::with_capacity(op.columns.len());
            for column in &op.columns {
                let found = rest.iter().position(|c| c.name == column.name);
                let sx = match found.map(|place| rest.remove(place)) {
                    Some(col) => self.convert(col.sx, column.ty, op.span)?,
                    None => Self::literal(&Value::Null, column.ty),
                };
                cols.push(Col {
                    name: column.name.clone(),
                    sx,
                    simple: true,
                });
            }
            frag.set_cols(cols);
            if op.open {
                frag.cols.extend(rest);
            }
        }
        Ok(frag)
    }

    /// `ipv4_lookup(table, address, network[, keys…][, return_unmatched=…])`.
    fn ipv4_lookup(&mut self, frag: Frag, args: &[Argument], op: &Op) -> Result<Frag> {
        let (mut table, mut columns, mut unmatched) = (None, Vec::new(), false);
        for arg in args {
            match arg {
                Argument::Table(rel) => table = Some(rel),
                Argument::Scalar(e) => columns.push(e),
                Argument::Named(_, e) => {
                    unmatched = self.expr(e, &Frag::default())?.literal == Some(Value::Bool(true));
                }
                Argument::Star => {}
            }
        }
        let (Some(table), [address, network, rest @ ..]) = (table, columns.as_slice()) else {
            return Self::refuse("ipv4_lookup with these arguments", op.span);
        };
        if !rest.is_empty() {
            return Self::refuse("ipv4_lookup with further keys", op.span);
        }
        let right = self.rel(table)?;
        let stored = self.store(&right, Hint::None);
        let right = self.over(&stored);
        let mut left = self.wrap(frag);
        left.order.clear();
        let address = self.one(address, 't', &left)?;
        let name = match &network.kind {
            ExprKind::OpenColumn(name) => Some(name.clone()),
            _ => None,
        };
        let place = name
            .and_then(|n| right.cols.iter().position(|c| c.name == n))
            .or_else(|| expr::plain_column(network, &right));
        let Some(place) = place else {
            return Self::refuse("this network column of ipv4_lookup", network.span);
        };
        let word = if unmatched { "LEFT JOIN" } else { "JOIN" };
        left.from = format!(
            "{} {word} {} ON k_ipv4_is_in_range({address}, {})",
            left.from, right.from, right.cols[place].sx.sql
        );
        for col in &right.cols {
            let mut col = col.clone();
            if unmatched && col.sx.ty == Type::String {
                col.sx.sql = format!("coalesce({}, '')", col.sx.sql);
            }
            left.known.push(left.cols.len());
            left.cols.push(col);
        }
        for (place, column) in left.known.clone().into_iter().zip(&op.columns) {
            left.cols[place].name.clone_from(&column.name);
        }
        Ok(left)
    }

    /// `narrow()`: one row a cell.
    fn narrow(&mut self, frag: Frag, op: &Op) -> Result<Frag> {
        let frag = self.wrap(frag);
        let frag = self.serialize(frag);
        let mut legs = Vec::new();
        let row = frag
            .order
            .first()
            .map(|o| o.sql.clone())
            .unwrap_or_default();
        for col in &frag.cols {
            let text = self.text(col.sx.clone(), op.span)?.sql;
            let name = sql::text(&col.name);
            legs.push(format!(
                "SELECT {row} - 1 AS c0, {name} AS c1, {text} AS c2 FROM {}",
                frag.from
            ));
        }
        let name = self.name('q');
        self.with.push(super::with::Entry {
            name: name.clone(),
            how: " AS ".to_owned(),
            body: super::with::Body::Text(legs.join(" UNION ALL ")),
        });
        let alias = self.name('t');
        let cols = op.columns.iter().enumerate().map(|(i, c)| Col {
            name: c.name.clone(),
            sx: Sx::new(format!("{alias}.c{i}"), c.ty).solid(),
            simple: true,
        });
        Ok(Frag::new(format!("{name} AS {alias}"), cols.collect()))
    }
}
