//! `summarize` and the aggregates.

use super::frag::{Col, Frag, Order, Sx};
use super::{Planner, expr};
use crate::engine::error::Result;
use crate::kql::bound::{AggregateItem, Column, Expr, ExprKind};
use crate::kql::types::Type;

impl Planner<'_> {
    /// Plans `summarize`: keys first, then aggregates.
    pub(super) fn summarize(
        &mut self,
        frag: Frag,
        by: &[Expr],
        aggregates: &[AggregateItem],
        columns: &[Column],
    ) -> Result<Frag> {
        let mut frag = self.open(frag);
        let mut exprs: Vec<&Expr> = by.iter().collect();
        for item in aggregates {
            match item {
                AggregateItem::One(e) => exprs.push(e),
                AggregateItem::Many { args, .. } => exprs.extend(args),
            }
        }
        let mut uses = vec![0usize; frag.cols.len()];
        for e in &exprs {
            expr::columns_used(e, &frag, &mut uses);
        }
        if uses
            .iter()
            .zip(&frag.cols)
            .any(|(n, c)| *n > 1 && !c.simple)
        {
            frag = self.wrap(frag);
        }
        let mut cols = Vec::with_capacity(columns.len());
        for (e, column) in by.iter().zip(columns) {
            let sx = self.expr(e, &frag)?;
            let literal = None;
            cols.push(Col {
                name: column.name.clone(),
                sx: Sx { literal, ..sx },
                simple: false,
            });
        }
        // One `arg_max` alone: SQLite gives the row of a lone max() with it.
        let alone = aggregates.len() == 1 && !by.is_empty();
        for item in aggregates {
            match item {
                AggregateItem::One(e) => {
                    let column = &columns[cols.len()];
                    let sx = self.expr(e, &frag)?;
                    cols.push(Col {
                        name: column.name.clone(),
                        sx: Sx {
                            literal: None,
                            ..sx
                        },
                        simple: false,
                    });
                }
                AggregateItem::Many {
                    function,
                    args,
                    width,
                } => {
                    let made = self.several(function, args, *width, alone, &frag)?;
                    for sx in made {
                        let name = columns
                            .get(cols.len())
                            .map_or_else(String::new, |c| c.name.clone());
                        cols.push(Col {
                            name,
                            sx,
                            simple: false,
                        });
                    }
                }
            }
        }
        let mut group = frag.parts.clone();
        group.extend((1..=by.len()).map(|i| i.to_string()));
        frag.set_cols(cols);
        frag.order.clear();
        frag.serial = false;
        frag.group = Some(group);
        Ok(frag)
    }

    /// An aggregate with several columns.
    fn several(
        &mut self,
        function: &str,
        args: &[Expr],
        width: usize,
        alone: bool,
        frag: &Frag,
    ) -> Result<Vec<Sx>> {
        let mut values = Vec::with_capacity(args.len());
        for a in args {
            values.push(self.expr(a, frag)?);
        }
        let span = args.first().map(|a| a.span).unwrap_or_default();
        match function {
            "arg_max" | "arg_min" | "argmax" | "argmin" => {
                let max = function.ends_with("max");
                let key = &values[0];
                if key.ty == Type::Decimal || key.ty == Type::Dynamic {
                    return Self::refuse(
                        format!("{function}() by a {} value", key.ty.name()),
                        span,
                    );
                }
                if alone && !key.nan {
                    let best = best_key(key, max);
                    let mut out = vec![Sx {
                        literal: None,
                        ..Sx {
                            sql: best,
                            ..key.clone()
                        }
                    }];
                    out.extend(values[1..].iter().map(|v| Sx {
                        literal: None,
                        ..v.clone()
                    }));
                    return Ok(out);
                }
                let all: Vec<String> = values.iter().map(|v| v.sql.clone()).collect();
                let name = if max { "k_arg_max" } else { "k_arg_min" };
                let packed = format!(
                    "{name}({}, {}{})",
                    key.sql,
                    all.join(", "),
                    order_within(frag, false)
                );
                Ok(values
                    .iter()
                    .enumerate()
                    .map(|(i, v)| unpacked(&packed, i, v))
                    .collect())
            }
            "take_any" | "any" => {
                let all: Vec<String> = values.iter().map(|v| v.sql.clone()).collect();
                let packed = format!("k_any({})", all.join(", "));
                Ok(values
                    .iter()
                    .enumerate()
                    .map(|(i, v)| unpacked(&packed, i, v))
                    .collect())
            }
            "percentiles" | "percentilesw" => {
                let weighted = function == "percentilesw";
                let first = if weighted { 2 } else { 1 };
                let weight = if weighted {
                    format!(", {}", values[1].sql)
                } else {
                    String::new()
                };
                let x = &values[0];
                if x.ty == Type::Dynamic || x.ty == Type::Decimal {
                    return Self::refuse(format!("{function}() of a {} value", x.ty.name()), span);
                }
                Ok(values[first..]
                    .iter()
                    .take(width)
                    .map(|p| {
                        let sql = format!("k_percentile({}, {}{weight})", x.sql, p.sql);
                        Sx {
                            nan: x.nan,
                            ..Sx::new(sql, if x.ty == Type::Int { Type::Long } else { x.ty })
                        }
                    })
                    .collect())
            }
            _ => Self::refuse(format!("aggregate '{function}'"), span),
        }
    }

    /// An aggregate within an expression.
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        args: &[Expr],
        e: &Expr,
        frag: &Frag,
    ) -> Result<Sx> {
        // `sumif(x, p)` and its like are `sum(x)` of the rows with p.
        let (base, condition) = match split_if(name) {
            Some((base, at)) => {
                let Some(p) = args.get(at) else {
                    return Self::refuse(format!("{name}() so"), e.span);
                };
                (base, Some(self.condition(p, frag)?))
            }
            None => (name, None),
        };
        let condition = match (condition, self.only_where.clone()) {
            (Some(a), Some(b)) => Some(format!("{a} AND {b}")),
            (a, b) => a.or(b),
        };
        let filter = condition
            .map(|c| format!(" FILTER (WHERE {c})"))
            .unwrap_or_default();
        // What is left of the arguments once the condition is out.
        let args: Vec<&Expr> = match split_if(name) {
            Some((_, at)) => args
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != at)
                .map(|(_, a)| a)
                .collect(),
            None => args.iter().collect(),
        };
        let long = |sql: String| Ok(Sx::new(sql, Type::Long).solid());
        if base == "count" {
            return long(format!("count(*){filter}"));
        }
        let Some(first) = args.first() else {
            return Self::refuse(format!("{name}() without arguments"), e.span);
        };
        let x = self.expr(first, frag)?;
        match base {
            "dcount" | "count_distinct" => long(format!("count(DISTINCT {}){filter}", x.sql)),
            "sum" | "avg" | "min" | "max" => self.measure(base, x, &filter, e),
            "take_any" | "any" => {
                let packed = format!("k_any({}){filter}", x.sql);
                Ok(unpacked(&packed, 0, &x))
            }
            "arg_max" | "arg_min" => {
                let packed = format!("k_{base}({0}, {0}){filter}", x.sql);
                Ok(unpacked(&packed, 0, &x))
            }
            "make_list" | "make_set" | "make_list_with_nulls" | "makelist" | "makeset" => {
                let function = match base {
                    "make_set" | "makeset" => "k_set",
                    "make_list_with_nulls" => "k_list_nulls",
                    _ => "k_list",
                };
                let cells = function != "k_list_nulls"
                    && matches!(
                        x.ty,
                        Type::String
                            | Type::Int
                            | Type::Long
                            | Type::Bool
                            | Type::DateTime
                            | Type::TimeSpan
                            | Type::Guid
                    );
                // Of cells of one such type JSON is written only where it is kept.
                let (function, item) = if cells {
                    let item = format!("{}, '{}'", x.sql, x.ty.name());
                    (format!("{function}_cells"), item)
                } else {
                    let item = self.convert(x, Type::Dynamic, e.span)?.sql;
                    (function.to_owned(), item)
                };
                let most = match args.get(1) {
                    Some(a) => format!(", {}", self.one(a, 'i', frag)?),
                    None => String::new(),
                };
                let order = order_within(frag, true);
                let sql = format!("{function}({item}{most}{order}){filter}");
                // A filter that lets nothing through still gives the empty list.
                Ok(Sx::new(sql, Type::Dynamic).solid())
            }
            "make_bag" | "make_dictionary" => {
                let item = self.convert(x, Type::Dynamic, e.span)?.sql;
                Ok(Sx::new(format!("k_bag_of({item}){filter}"), Type::Dynamic).solid())
            }
            "percentile" | "percentilew" | "percentiles" | "percentilesw" => {
                let rest: Vec<String> = args[1..]
                    .iter()
                    .map(|a| self.one(a, 'r', frag))
                    .collect::<Result<_>>()?;
                let list = match rest.as_slice() {
                    [p] => p.clone(),
                    // percentilew(x, weight, percentile)
                    [w, p] => format!("{p}, {w}"),
                    _ => return Self::refuse(format!("{name}() so"), e.span),
                };
                if matches!(x.ty, Type::Dynamic | Type::Decimal) {
                    return Self::refuse(format!("{name}() of a {} value", x.ty.name()), e.span);
                }
                let sql = format!("k_percentile({}, {list}){filter}", x.sql);
                Ok(Sx {
                    nan: x.nan,
                    ..Sx::new(sql, if x.ty == Type::Int { Type::Long } else { x.ty })
                })
            }
            "percentiles_array" | "percentilesw_array" => {
                let weighted = base == "percentilesw_array";
                let weight = if weighted {
                    self.one(args[1], 'i', frag)?
                } else {
                    "1".to_owned()
                };
                let mut items = Vec::new();
                for a in &args[if weighted { 2 } else { 1 }..] {
                    items.push(format!("k_as_array({})", self.one(a, 'd', frag)?));
                }
                let sql = format!(
                    "k_percentiles_array({}, '{}', {weight}, k_array_concat({})){filter}",
                    x.sql,
                    x.ty.name(),
                    items.join(", ")
                );
                Ok(Sx::new(sql, Type::Dynamic))
            }
            // An estimate elsewhere; here the values themselves, so that counts are exact.
            "hll" | "hll_merge" => {
                let item = self.convert(x, Type::Dynamic, e.span)?.sql;
                Ok(Sx::new(format!("k_set({item}){filter}"), Type::Dynamic).solid())
            }
            "buildschema" => {
                let item = self.convert(x, Type::Dynamic, e.span)?.sql;
                Ok(Sx::new(format!("k_schema({item}){filter}"), Type::Dynamic))
            }
            "covariance" | "covariancep" => {
                let item = self.convert(x, Type::Real, e.span)?.sql;
                let Some(other) = args.get(1) else {
                    return Self::refuse(format!("{name}() of one value"), e.span);
                };
                let other = self.one(other, 'r', frag)?;
                let sql = format!("k_{base}({item}, {other}){filter}");
                Ok(Sx::new(sql, Type::Real).wild())
            }
            "stdev" | "stdevp" | "variance" | "variancep" => {
                let item = self.convert(x, Type::Real, e.span)?.sql;
                Ok(Sx::new(format!("k_{base}({item}){filter}"), Type::Real).wild())
            }
            "binary_all_and" | "binary_all_or" | "binary_all_xor" => {
                let function = base.replace("binary_all", "k_bits");
                Ok(Sx::new(
                    format!("{function}({}){filter}", x.sql),
                    Type::Long,
                ))
            }
            _ => Self::refuse(format!("aggregate '{name}'"), e.span),
        }
    }

    fn measure(&mut self, base: &str, x: Sx, filter: &str, e: &Expr) -> Result<Sx> {
        let x = match x.ty {
            Type::Dynamic | Type::Unknown => self.convert(x, Type::Real, e.span)?,
            Type::Decimal => return Self::refuse(format!("{base}() of decimal values"), e.span),
            _ => x,
        };
        let bound = matches!(base, "min" | "max");
        if x.nan {
            return Ok(Sx::new(format!("k_{base}({}){filter}", x.sql), Type::Real).wild());
        }
        let sql = format!("{base}({}){filter}", x.sql);
        Ok(match x.ty {
            Type::String if bound => Sx::new(format!("coalesce({sql}, '')"), Type::String),
            Type::String | Type::Guid if !bound => {
                return Self::refuse(format!("{base}() of {} values", x.ty.name()), e.span);
            }
            ty if bound => Sx::new(sql, ty),
            Type::DateTime | Type::TimeSpan if base == "avg" => {
                Sx::new(format!("CAST({sql} AS INTEGER)"), x.ty)
            }
            ty if base == "avg" && ty.is_number() => Sx::new(sql, Type::Real),
            Type::Int | Type::Bool => Sx::new(sql, Type::Long),
            ty => Sx::new(sql, ty),
        })
    }
}

/// The aggregate behind an `…if` and where its condition stands among the arguments.
fn split_if(name: &str) -> Option<(&str, usize)> {
    Some(match name {
        "countif" => ("count", 0),
        "dcountif" => ("dcount", 1),
        "count_distinctif" => ("count_distinct", 1),
        "sumif" => ("sum", 1),
        "avgif" => ("avg", 1),
        "minif" => ("min", 1),
        "maxif" => ("max", 1),
        "take_anyif" | "anyif" => ("take_any", 1),
        "make_list_if" => ("make_list", 1),
        "make_set_if" => ("make_set", 1),
        "make_bag_if" => ("make_bag", 1),
        "stdevif" => ("stdev", 1),
        "varianceif" => ("variance", 1),
        "variancepif" => ("variancep", 1),
        "stdevpif" => ("stdevp", 1),
        "hll_if" => ("hll", 1),
        "covarianceif" => ("covariance", 2),
        "covariancepif" => ("covariancep", 2),
        _ => return None,
    })
}

/// The greatest or least key beside which SQLite gives the other columns of its row. Of nulls alone
/// the first row is wanted, so a null counts as the worst value there is.
fn best_key(key: &Sx, max: bool) -> String {
    let function = if max { "max" } else { "min" };
    if !key.nullable {
        return format!("{function}({})", key.sql);
    }
    let worst = match (key.ty, max) {
        (Type::Real, true) => "-9e999",
        (Type::Real, false) => "9e999",
        (Type::Guid, true) => "''",
        (Type::Guid, false) => "'~'",
        (_, true) => "(-9223372036854775807-1)",
        (_, false) => "9223372036854775807",
    };
    format!(
        "(CASE WHEN {function}(coalesce({0}, {worst})) IS NOT NULL THEN {0} END)",
        key.sql
    )
}

/// One cell of a packed row.
fn unpacked(packed: &str, i: usize, like: &Sx) -> Sx {
    let sql = format!("k_unpack({packed}, {i})");
    // A group without rows has no row to unpack.
    let sql = if like.ty == Type::String {
        format!("coalesce({sql}, '')")
    } else {
        sql
    };
    Sx {
        nan: like.nan,
        ..Sx::new(sql, like.ty)
    }
}

/// The order in which a list is gathered.
fn order_within(frag: &Frag, wanted: bool) -> String {
    if !wanted || frag.order.is_empty() {
        return String::new();
    }
    let terms: Vec<String> = frag.order.iter().map(Order::term).collect();
    format!(" ORDER BY {}", terms.join(", "))
}

/// Whether an expression holds an aggregate.
pub(super) fn has_aggregate(e: &Expr) -> bool {
    let mut found = false;
    expr::walk(e, &mut |x| {
        found |= matches!(x.kind, ExprKind::Aggregate { .. });
    });
    found
}
