//! Tables and operators, each row by row.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use nightjar::kql::bound::{
    ApplyOutput, BoundQuery, ExpandItem, Expr, JoinKey, JoinKind, LetValue, Op, OpKind, Rel,
    SortKey, Source, Union,
};
use nightjar::kql::types::Type;
use serde_json::{Map, Value as Json};

use super::expr::Env;
use super::value::{Answer, Stop, V, compare, convert, open, same_group, same_row};

/// Rows, with what is known of their order.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The cells.
    pub rows: Vec<Vec<V>>,
    /// After a sort: rows of a lower rank come first, those of one rank in any order.
    pub rank: Option<Vec<usize>>,
}

impl Rows {
    const fn unordered(rows: Vec<Vec<V>>) -> Self {
        Self { rows, rank: None }
    }

    /// Whether every row has its place (rows that are the same may change places).
    pub fn determined(&self) -> bool {
        let Some(rank) = &self.rank else {
            return self.rows.windows(2).all(|w| same_row(&w[0], &w[1]));
        };
        (1..self.rows.len())
            .all(|i| rank[i - 1] != rank[i] || same_row(&self.rows[i - 1], &self.rows[i]))
    }

    /// Whether a cut before row `n` parts rows that may change places.
    pub fn tied(&self, n: usize) -> bool {
        if n == 0 || n >= self.rows.len() {
            return false;
        }
        let one = match &self.rank {
            Some(rank) => rank[n - 1] == rank[n],
            None => true,
        };
        let first = self
            .rank
            .as_ref()
            .map_or(0, |r| r.partition_point(|x| *x < r[n]));
        let last = self
            .rank
            .as_ref()
            .map_or(self.rows.len(), |r| r.partition_point(|x| *x <= r[n]));
        one && !self.rows[first..last]
            .windows(2)
            .all(|w| same_row(&w[0], &w[1]))
    }

    fn keep(&self, which: &[usize]) -> Self {
        Self {
            rows: which.iter().map(|i| self.rows[*i].clone()).collect(),
            rank: self
                .rank
                .as_ref()
                .map(|r| which.iter().map(|i| r[*i]).collect()),
        }
    }
}

/// The interpreter of one query over some tables.
pub struct Model<'a> {
    /// The query.
    pub query: &'a BoundQuery,
    /// Tables by name.
    pub tables: &'a BTreeMap<String, Vec<Vec<V>>>,
    /// Within something that does not look at the order of a list.
    pub any_order: Cell<u32>,
}

impl Model<'_> {
    /// The rows of a table expression.
    pub fn rel(&self, rel: &Rel, piped: Option<&Rows>) -> Answer<Rows> {
        let mut rows = self.source(&rel.source, piped)?;
        blank(&mut rows.rows, &rel.source_columns);
        let mut width = rel.source_columns.len();
        for op in &rel.ops {
            rows = self.op(op, rows, width)?;
            blank(&mut rows.rows, &op.columns);
            width = op.columns.len();
        }
        Ok(rows)
    }

    fn source(&self, source: &Source, piped: Option<&Rows>) -> Answer<Rows> {
        Ok(match source {
            Source::Table { name } => Rows::unordered(
                self.tables
                    .get(name)
                    .cloned()
                    .ok_or_else(|| Stop::Unknown(name.clone()))?,
            ),
            Source::Let(id) => match &self.query.lets[id.0 as usize].value {
                LetValue::Table { rel, .. } => self.rel(rel, None)?,
                LetValue::Scalar(_) => return Err(Stop::Unknown("a value as a table".into())),
            },
            Source::Print(all) => {
                let row = all
                    .iter()
                    .map(|e| self.eval(e, Env::of(&[])))
                    .collect::<Answer<_>>()?;
                Rows::unordered(vec![row])
            }
            Source::Datatable(rows) => {
                let mut out = Vec::new();
                for row in rows {
                    out.push(
                        row.iter()
                            .map(|e| self.eval(e, Env::of(&[])))
                            .collect::<Answer<_>>()?,
                    );
                }
                Rows::unordered(out)
            }
            Source::Range { from, to, step } => {
                let v = |e: &Expr| self.eval(e, Env::of(&[])).map(|v| v.long());
                let (Some(from), Some(to), Some(step)) = (v(from)?, v(to)?, v(step)?) else {
                    return Err(Stop::Unknown("a range of other than long".into()));
                };
                let (mut at, mut out) = (from, Vec::new());
                while step > 0 && at <= to || step < 0 && at >= to {
                    out.push(vec![V::Long(at)]);
                    at += step;
                }
                Rows::unordered(out)
            }
            Source::Union(union) => self.union(union, None)?,
            Source::Nested(rel) => self.rel(rel, piped)?,
            Source::Piped => piped
                .cloned()
                .ok_or_else(|| Stop::Unknown("nothing piped".into()))?,
            other => return Err(Stop::Unknown(format!("{other:?}"))),
        })
    }

    fn each(&self, rows: &Rows, exprs: &[&Expr]) -> Answer<Vec<Vec<V>>> {
        let mut out = Vec::new();
        for (i, row) in rows.rows.iter().enumerate() {
            let env = Env {
                row,
                around: Some((rows, i)),
                group: None,
            };
            out.push(
                exprs
                    .iter()
                    .map(|e| self.eval(e, env))
                    .collect::<Answer<_>>()?,
            );
        }
        Ok(out)
    }

    fn number(&self, e: &Expr) -> Answer<usize> {
        match self.eval(e, Env::of(&[]))?.long().map(usize::try_from) {
            Some(Ok(n)) => Ok(n),
            _ => open("a count that is none"),
        }
    }

    fn op(&self, op: &Op, rows: Rows, width: usize) -> Answer<Rows> {
        Ok(match &op.kind {
            OpKind::Where(predicate) => {
                let truths = self.each(&rows, &[predicate])?;
                let mut kept = Vec::new();
                for (i, t) in truths.iter().enumerate() {
                    if t[0].truth()? == Some(true) {
                        kept.push(i);
                    }
                }
                rows.keep(&kept)
            }
            OpKind::Extend(setters) => {
                let exprs: Vec<&Expr> = setters.iter().map(|s| &s.expr).collect();
                let values = self.each(&rows, &exprs)?;
                let mut rows = rows;
                for (row, values) in rows.rows.iter_mut().zip(values) {
                    row.resize(op.columns.len(), V::Null);
                    for (setter, v) in setters.iter().zip(values) {
                        row[setter.index] = v;
                    }
                }
                rows
            }
            OpKind::Project { exprs, .. } => {
                let exprs: Vec<&Expr> = exprs.iter().collect();
                Rows {
                    rows: self.each(&rows, &exprs)?,
                    rank: rows.rank,
                }
            }
            OpKind::Distinct(exprs) => {
                let exprs: Vec<&Expr> = exprs.iter().collect();
                let keys = self.each(&rows, &exprs)?;
                let groups = groups(&keys)?;
                Rows::unordered(groups.iter().map(|g| keys[g[0]].clone()).collect())
            }
            OpKind::Count => Rows::unordered(vec![vec![V::Long(rows.rows.len() as i64)]]),
            OpKind::Sort(keys) => self.sort(rows, keys)?,
            OpKind::Top { count, keys } => {
                let n = self.number(count)?;
                take(self.sort(rows, keys)?, n)?
            }
            OpKind::Take(count) => take(rows, self.number(count)?)?,
            OpKind::Summarize { by, aggregates } => {
                let by: Vec<&Expr> = by.iter().collect();
                let keys = self.each(&rows, &by)?;
                let mut groups = groups(&keys)?;
                if by.is_empty() && groups.is_empty() {
                    groups.push(Vec::new());
                }
                let mut out = Vec::new();
                for group in groups {
                    let mut row = group.first().map_or_else(Vec::new, |i| keys[*i].clone());
                    let members = rows.keep(&group);
                    for item in aggregates {
                        row.extend(self.aggregate_item(item, &members)?);
                    }
                    out.push(row);
                }
                Rows::unordered(out)
            }
            OpKind::Join { kind, right, on } => {
                let right_width = right.columns().len();
                self.join(&rows, *kind, right, on, (width, right_width), None)?
            }
            OpKind::Lookup {
                kind,
                right,
                on,
                right_columns,
            } => {
                let right_width = right.columns().len();
                let widths = (width, right_width);
                self.join(&rows, *kind, right, on, widths, Some(right_columns))?
            }
            OpKind::Union(union) => self.union(union, Some(&rows))?,
            OpKind::MvExpand {
                items,
                bag_as_array: false,
                item_index: None,
                limit: None,
            } => self.expand(&rows, items, op.columns.len())?,
            OpKind::MvApply {
                items,
                item_index: None,
                limit: None,
                piped,
                body,
                output,
            } => {
                let mut out = Vec::new();
                for row in &rows.rows {
                    let one = Rows {
                        rows: vec![row.clone()],
                        rank: Some(vec![0]),
                    };
                    let mut inner = self.expand(&one, items, piped.len())?;
                    blank(&mut inner.rows, piped);
                    let whole = |op: &Op| matches!(op.kind, OpKind::Summarize { .. });
                    if inner.rows.is_empty() && body.ops.iter().any(whole) {
                        // Summarizing no rows gives one, yet a record without elements is said
                        // to be dropped.
                        return open("mv-apply that summarizes no rows");
                    }
                    for made in self.rel(body, Some(&inner))?.rows {
                        let cell = |o: &ApplyOutput| match o {
                            ApplyOutput::Input(i) => row[*i].clone(),
                            ApplyOutput::Body(i) => made[*i].clone(),
                        };
                        out.push(output.iter().map(cell).collect());
                    }
                }
                Rows::unordered(out)
            }
            OpKind::Partition { by, body } => {
                let keys = self.each(&rows, &[by])?;
                let mut out = Vec::new();
                for group in groups(&keys)? {
                    if keys[group[0]][0].is_null() {
                        return open("a partition of null");
                    }
                    out.extend(self.rel(body, Some(&rows.keep(&group)))?.rows);
                }
                Rows::unordered(out)
            }
            OpKind::Serialize | OpKind::As(_) => rows,
            other => return Err(Stop::Unknown(format!("{other:?}"))),
        })
    }

    fn sort(&self, rows: Rows, keys: &[SortKey]) -> Answer<Rows> {
        let exprs: Vec<&Expr> = keys.iter().map(|k| &k.expr).collect();
        let values = self.each(&rows, &exprs)?;
        if values
            .iter()
            .flatten()
            .any(|v| matches!(v, V::Dyn(_)) || matches!(v, V::Real(r) if r.is_nan()))
        {
            return open("an order of such values");
        }
        let order = |a: usize, b: usize| {
            for (i, key) in keys.iter().enumerate() {
                let (x, y) = (&values[a][i], &values[b][i]);
                let first = if key.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
                let found = match (x.is_null(), y.is_null()) {
                    (true, true) => Ordering::Equal,
                    (true, false) => first,
                    (false, true) => first.reverse(),
                    _ => {
                        let o = compare(x, y).ok().flatten().unwrap_or(Ordering::Equal);
                        if key.descending { o.reverse() } else { o }
                    }
                };
                if found.is_ne() {
                    return found;
                }
            }
            Ordering::Equal
        };
        let mut places: Vec<usize> = (0..rows.rows.len()).collect();
        places.sort_by(|a, b| order(*a, *b));
        let mut rank: Vec<usize> = Vec::new();
        for (n, place) in places.iter().enumerate() {
            let new = n > 0 && order(places[n - 1], *place).is_ne();
            rank.push(rank.last().map_or(0, |r| r + usize::from(new)));
        }
        let mut sorted = rows.keep(&places);
        sorted.rank = Some(rank);
        Ok(sorted)
    }

    fn join(
        &self,
        left: &Rows,
        kind: JoinKind,
        right: &Rel,
        on: &[JoinKey],
        (left_width, right_width): (usize, usize),
        right_columns: Option<&[usize]>,
    ) -> Answer<Rows> {
        let right = self.rel(right, None)?;
        let left_keys = self.each(left, &on.iter().map(|k| &k.left).collect::<Vec<_>>())?;
        let right_keys = self.each(&right, &on.iter().map(|k| &k.right).collect::<Vec<_>>())?;
        // A null key equals nothing, as `==` has it.
        let meet = |a: &[V], b: &[V]| -> Answer<bool> {
            for (x, y) in a.iter().zip(b) {
                if x.is_null() || y.is_null() || compare(x, y)? != Some(Ordering::Equal) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let mut lefts: Vec<usize> = (0..left.rows.len()).collect();
        if kind == JoinKind::InnerUnique {
            lefts.clear();
            for group in groups(&left_keys)? {
                let matched = right_keys.iter().map(|r| meet(&left_keys[group[0]], r));
                let differ = group
                    .iter()
                    .any(|i| !same_row(&left.rows[*i], &left.rows[group[0]]));
                if differ && matched.collect::<Answer<Vec<_>>>()?.contains(&true) {
                    return open("which left row of a key stays");
                }
                lefts.push(group[0]);
            }
        }
        let mut out = Vec::new();
        let mut met = vec![false; right.rows.len()];
        let all: Vec<usize> = (0..right_width).collect();
        let picked = right_columns.unwrap_or(&all);
        let pair = |l: Option<&Vec<V>>, r: Option<&Vec<V>>| {
            let mut row = l.cloned().unwrap_or_else(|| vec![V::Null; left_width]);
            row.extend(picked.iter().map(|i| r.map_or(V::Null, |r| r[*i].clone())));
            row
        };
        for l in lefts {
            let mut found = false;
            for (r, row) in right.rows.iter().enumerate() {
                if !meet(&left_keys[l], &right_keys[r])? {
                    continue;
                }
                found = true;
                met[r] = true;
                if !matches!(
                    kind,
                    JoinKind::LeftSemi
                        | JoinKind::LeftAnti
                        | JoinKind::RightSemi
                        | JoinKind::RightAnti
                ) {
                    out.push(pair(Some(&left.rows[l]), Some(row)));
                }
            }
            match kind {
                JoinKind::LeftSemi if found => out.push(left.rows[l].clone()),
                JoinKind::LeftAnti if !found => out.push(left.rows[l].clone()),
                JoinKind::LeftOuter | JoinKind::FullOuter if !found => {
                    out.push(pair(Some(&left.rows[l]), None));
                }
                _ => {}
            }
        }
        for (r, row) in right.rows.iter().enumerate() {
            match kind {
                JoinKind::RightSemi if met[r] => out.push(row.clone()),
                JoinKind::RightAnti if !met[r] => out.push(row.clone()),
                JoinKind::RightOuter | JoinKind::FullOuter if !met[r] => {
                    out.push(pair(None, Some(row)));
                }
                _ => {}
            }
        }
        Ok(Rows::unordered(out))
    }

    fn union(&self, union: &Union, piped: Option<&Rows>) -> Answer<Rows> {
        let mut out = Vec::new();
        for leg in &union.legs {
            let rows = match &leg.rel {
                Some(rel) => self.rel(rel, None)?,
                None => piped
                    .cloned()
                    .ok_or_else(|| Stop::Unknown("nothing piped".into()))?,
            };
            for row in rows.rows {
                let name = union.with_source.then(|| V::str(leg.name.clone()));
                let cells = leg
                    .mapping
                    .iter()
                    .map(|m| m.map_or(V::Null, |i| row[i].clone()));
                out.push(name.into_iter().chain(cells).collect());
            }
        }
        Ok(Rows::unordered(out))
    }

    fn expand(&self, rows: &Rows, items: &[ExpandItem], width: usize) -> Answer<Rows> {
        let mut out = Rows {
            rows: Vec::new(),
            rank: rows.rank.as_ref().map(|_| Vec::new()),
        };
        for (n, row) in rows.rows.iter().enumerate() {
            let mut lists = Vec::new();
            for item in items {
                let list: Vec<V> = match self.eval(&item.expr, Env::of(row))? {
                    V::Dyn(Json::Array(a)) => a.into_iter().map(V::json).collect(),
                    V::Dyn(Json::Object(o)) => o
                        .into_iter()
                        .map(|(k, v)| V::Dyn(Json::Object(Map::from_iter([(k, v)]))))
                        .collect(),
                    v => vec![v],
                };
                if list.is_empty() && items.len() > 1 {
                    return open("an empty array beside another");
                }
                lists.push(list);
            }
            if lists.iter().any(Vec::is_empty) {
                continue;
            }
            for i in 0..lists.iter().map(Vec::len).max().unwrap_or(0) {
                let mut made = row.clone();
                made.resize(width, V::Null);
                for (item, list) in items.iter().zip(&lists) {
                    let v = list.get(i).cloned().unwrap_or(V::Null);
                    made[item.index] = match item.to {
                        Some(ty) => convert(v, ty)?,
                        None => v,
                    };
                }
                out.rows.push(made);
                if let (Some(rank), Some(of)) = (&mut out.rank, &rows.rank) {
                    rank.push(of[n]);
                }
            }
        }
        // The elements of one row come in their order; of rows of one rank that is not seen here.
        if rows.determined() && rows.rank.is_some() {
            out.rank = Some((0..out.rows.len()).collect());
        }
        Ok(out)
    }
}

/// Null strings are empty ones.
pub fn blank(rows: &mut [Vec<V>], columns: &[nightjar::kql::bound::Column]) {
    for row in rows {
        for (v, column) in row.iter_mut().zip(columns) {
            if v.is_null() && column.ty == Type::String {
                *v = V::str("");
            }
        }
    }
}

/// The places of the rows of each group, in order of first appearance.
fn groups(keys: &[Vec<V>]) -> Answer<Vec<Vec<usize>>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    'rows: for (i, key) in keys.iter().enumerate() {
        for v in key {
            same_group(v, v)?;
        }
        for group in &mut groups {
            let mut same = true;
            for (x, y) in key.iter().zip(&keys[group[0]]) {
                same = same && same_group(x, y)?;
            }
            if same {
                group.push(i);
                continue 'rows;
            }
        }
        groups.push(vec![i]);
    }
    Ok(groups)
}

fn take(rows: Rows, n: usize) -> Answer<Rows> {
    if rows.tied(n) {
        return open("which rows are taken");
    }
    let kept: Vec<usize> = (0..n.min(rows.rows.len())).collect();
    Ok(rows.keep(&kept))
}
