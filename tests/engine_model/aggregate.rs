//! Aggregates over the rows of a group.

use std::cmp::Ordering;

use nightjar::kql::bound::{AggregateItem, BinaryOp, Expr};
use serde_json::Value as Json;

use super::expr::{Env, binary};
use super::rel::{Model, Rows};
use super::value::{Answer, Stop, V, compare, open, same, same_group, same_json};

impl Model<'_> {
    /// The columns of one item of `summarize`.
    pub fn aggregate_item(&self, item: &AggregateItem, group: &Rows) -> Answer<Vec<V>> {
        match item {
            AggregateItem::One(e) => {
                let env = Env {
                    row: &[],
                    around: None,
                    group: Some(group),
                };
                Ok(vec![self.eval(e, env)?])
            }
            AggregateItem::Many {
                function,
                args,
                width,
            } => {
                let all = group
                    .rows
                    .iter()
                    .map(|r| {
                        args.iter()
                            .map(|a| self.eval(a, Env::of(r)))
                            .collect::<Answer<Vec<V>>>()
                    })
                    .collect::<Answer<Vec<_>>>()?;
                match function.as_str() {
                    "arg_max" | "arg_min" => best(&all, function == "arg_max", *width),
                    "take_any" => sole(&all, *width, "which row is taken"),
                    other => Err(Stop::Unknown(format!("{other}()"))),
                }
            }
        }
    }

    /// An aggregate within an expression.
    pub fn aggregate(&self, name: &str, args: &[Expr], group: &Rows) -> Answer<V> {
        let each = |x: &Expr| {
            group
                .rows
                .iter()
                .map(|r| self.eval(x, Env::of(r)))
                .collect::<Answer<Vec<V>>>()
        };
        let (base, condition) = match name {
            "countif" => ("count", Some(0)),
            "sumif" | "avgif" | "minif" | "maxif" | "dcountif" | "make_list_if" | "make_set_if" => {
                (name.trim_end_matches("if").trim_end_matches('_'), Some(1))
            }
            _ => (name, None),
        };
        let kept: Vec<bool> = match condition {
            None => vec![true; group.rows.len()],
            Some(at) => each(&args[at])?
                .iter()
                .map(|v| Ok(v.truth()? == Some(true)))
                .collect::<Answer<_>>()?,
        };
        if base == "count" {
            return Ok(V::Long(kept.iter().filter(|k| **k).count() as i64));
        }
        let all = each(&args[0])?;
        let values: Vec<V> = all
            .into_iter()
            .zip(kept)
            .filter(|(v, k)| *k && !v.is_null())
            .map(|(v, _)| v)
            .collect();
        match base {
            "sum" | "avg" => {
                if values.iter().any(|v| matches!(v, V::Dyn(_))) {
                    return open("the sum of dynamic values");
                }
                let far = |v: &V| v.real().is_some_and(|r| r.abs() > 1e15 || !r.is_finite());
                if values.iter().filter(|v| far(v)).count() > 1 {
                    return open("the sum of far numbers");
                }
                let mut sum: Option<V> = None;
                for v in &values {
                    sum = Some(match sum {
                        None => v.clone(),
                        Some(s) => binary(BinaryOp::Add, &s, v)?,
                    });
                }
                let Some(sum) = sum else { return Ok(V::Null) };
                if base == "sum" {
                    return Ok(sum);
                }
                let n = values.len() as i64;
                match sum {
                    V::Span(t) => Ok(V::Span(t / n)),
                    v => Ok(V::Real(v.real().unwrap_or(f64::NAN) / n as f64)),
                }
            }
            "min" | "max" => {
                let mut best: Option<V> = None;
                for v in values {
                    best = Some(match best {
                        None => v,
                        Some(b) => match compare(&v, &b)? {
                            Some(o) if o == Ordering::Greater && base == "max" => v,
                            Some(o) if o == Ordering::Less && base == "min" => v,
                            Some(_) => b,
                            None => return open("not-a-number among values compared"),
                        },
                    });
                }
                if matches!(best, Some(V::Real(r)) if r.is_nan()) {
                    return open("not-a-number among values compared");
                }
                Ok(best.unwrap_or(V::Null))
            }
            "dcount" | "count_distinct" => {
                let mut seen: Vec<V> = Vec::new();
                for v in values {
                    let mut new = true;
                    for s in &seen {
                        new = new && !same_group(s, &v)?;
                    }
                    same_group(&v, &v)?;
                    if new {
                        seen.push(v);
                    }
                }
                Ok(V::Long(seen.len() as i64))
            }
            "make_list" | "make_set" => {
                if args.len() > condition.map_or(1, |_| 2) {
                    return open("which elements a list has room for");
                }
                let mut list: Vec<Json> = Vec::new();
                for v in &values {
                    match v.to_json()? {
                        Json::Array(a) if base == "make_set" => list.extend(a),
                        j => list.push(j),
                    }
                }
                if base == "make_set" {
                    let mut set: Vec<Json> = Vec::new();
                    for j in list {
                        if j.is_null() {
                            return open("null in a set");
                        }
                        if !set.iter().any(|s| same_json(s, &j)) {
                            set.push(j);
                        }
                    }
                    list = set;
                }
                let ordered = base == "make_list" && group.determined();
                if self.any_order.get() == 0 && !ordered && list.len() > 1 {
                    return open("the order of a list");
                }
                Ok(V::Dyn(Json::Array(list)))
            }
            "take_any" => {
                let mut values = values.into_iter();
                let Some(first) = values.next() else {
                    return Ok(V::Null);
                };
                if values.any(|v| !same(&v, &first)) {
                    return open("which value is taken");
                }
                Ok(first)
            }
            _ => Err(Stop::Unknown(format!("{name}()"))),
        }
    }
}

fn sole(rows: &[Vec<V>], width: usize, why: &'static str) -> Answer<Vec<V>> {
    let Some(first) = rows.first() else {
        return Ok(vec![V::Null; width]);
    };
    let one = rows.iter().all(|r| super::value::same_row(r, first));
    if one { Ok(first.clone()) } else { open(why) }
}

/// The row of the greatest or least first value; rows whose first value is null lose.
fn best(rows: &[Vec<V>], max: bool, width: usize) -> Answer<Vec<V>> {
    let mut best: Vec<Vec<V>> = Vec::new();
    for row in rows.iter().filter(|r| !r[0].is_null()) {
        if matches!(row[0], V::Dyn(_)) || matches!(row[0], V::Real(r) if r.is_nan()) {
            return open("the greatest of such values");
        }
        let order = match best.first() {
            None => Ordering::Greater,
            Some(b) => {
                let o = compare(&row[0], &b[0])?.unwrap_or(Ordering::Equal);
                if max { o } else { o.reverse() }
            }
        };
        match order {
            Ordering::Greater => best = vec![row.clone()],
            Ordering::Equal => best.push(row.clone()),
            Ordering::Less => {}
        }
    }
    if best.is_empty() {
        return sole(rows, width, "which row of nulls");
    }
    sole(&best, width, "which of the equal rows")
}
