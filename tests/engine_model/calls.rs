//! Built-in scalar functions, each as its page describes it.

use nightjar::kql::bound::Expr;
use nightjar::kql::types::TICKS_PER_DAY;
use serde_json::{Map, Value as Json};

use super::expr::{Env, regex};
use super::rel::Model;
use super::value::{Answer, Stop, V, civil, compare, convert, days, open};

/// The start of the year, month, week or day of a moment, so many of them later.
fn start(unit: &str, ticks: i64, more: i64) -> Answer<V> {
    let day = ticks.div_euclid(TICKS_PER_DAY);
    let (y, m, _) = civil(day);
    let day = match unit {
        "day" => day + more,
        // 0001-01-01 was a Monday; weeks start on Sunday.
        "week" => day - (day + 1).rem_euclid(7) + 7 * more,
        "month" => {
            let months = y * 12 + m - 1 + more;
            days(months.div_euclid(12), months.rem_euclid(12) + 1, 1)
        }
        _ => days(y + more, 1, 1),
    };
    if day < 0 || day > days(9999, 12, 31) {
        return open("a datetime out of range");
    }
    Ok(V::Date(day * TICKS_PER_DAY))
}

/// The count of whole units since year 1.
fn border(unit: &str, ticks: i64) -> Answer<i64> {
    let (y, m, _) = civil(ticks.div_euclid(TICKS_PER_DAY));
    Ok(match unit {
        "year" => y,
        "quarter" => y * 4 + (m - 1) / 3,
        "month" => y * 12 + m - 1,
        "week" => (ticks.div_euclid(TICKS_PER_DAY) + 1).div_euclid(7),
        "day" => ticks.div_euclid(TICKS_PER_DAY),
        "hour" => ticks.div_euclid(36_000_000_000),
        "minute" => ticks.div_euclid(600_000_000),
        "second" => ticks.div_euclid(10_000_000),
        other => return Err(Stop::Unknown(format!("datetime_diff of {other}"))),
    })
}

impl Model<'_> {
    /// A call of a built-in function.
    pub fn call(&self, name: &str, args: &[Expr], e: &Expr, env: Env<'_>) -> Answer<V> {
        let arg = |i: usize| self.eval(&args[i], env);
        match name {
            "iff" => {
                let yes = arg(0)?.truth()? == Some(true);
                return convert(self.eval(&args[if yes { 1 } else { 2 }], env)?, e.ty);
            }
            "case" => {
                for pair in args.chunks(2) {
                    let [when, then] = pair else {
                        return convert(self.eval(&pair[0], env)?, e.ty);
                    };
                    if self.eval(when, env)?.truth()? == Some(true) {
                        return convert(self.eval(then, env)?, e.ty);
                    }
                }
                return Ok(V::Null);
            }
            "coalesce" => {
                for x in args {
                    let v = self.eval(x, env)?;
                    if !v.is_null() && v != V::str("") {
                        return convert(v, e.ty);
                    }
                }
                return Ok(V::Null);
            }
            "row_number" | "row_cumsum" | "prev" | "next" => return self.window(name, args, env),
            "array_sort_asc" if args.len() == 1 => {
                // The order of the elements is of no account here.
                self.any_order.set(self.any_order.get() + 1);
                let v = arg(0);
                self.any_order.set(self.any_order.get() - 1);
                return sorted(v?);
            }
            _ => {}
        }
        let vs = args
            .iter()
            .map(|a| self.eval(a, env))
            .collect::<Answer<Vec<V>>>()?;
        let text = |i: usize| vs[i].text();
        Ok(match name {
            "not" => vs[0].truth()?.map_or(V::Null, |b| V::Bool(!b)),
            "isnull" => V::Bool(vs[0].is_null()),
            "isnotnull" => V::Bool(!vs[0].is_null()),
            "isempty" | "isnotempty" => {
                let empty = vs[0].is_null() || vs[0] == V::str("");
                V::Bool(empty == (name == "isempty"))
            }
            "tostring" => V::str(text(0)?),
            "tolong" | "toint" | "todouble" | "toreal" | "tobool" | "todatetime" | "totimespan" => {
                convert(vs[0].clone(), e.ty)?
            }
            "strlen" => V::Long(text(0)?.chars().count() as i64),
            "string_size" => V::Long(text(0)?.len() as i64),
            "strcat" => {
                let mut out = String::new();
                for v in &vs {
                    out += &v.text()?;
                }
                V::Str(out)
            }
            "strcat_delim" => {
                let parts = vs[1..].iter().map(V::text).collect::<Answer<Vec<_>>>()?;
                V::Str(parts.join(&text(0)?))
            }
            "tolower" => V::Str(text(0)?.to_lowercase()),
            "toupper" => V::Str(text(0)?.to_uppercase()),
            "reverse" => V::Str(text(0)?.chars().rev().collect()),
            "substring" => {
                let t = text(0)?;
                let (Some(from), most) = (vs[1].long(), vs.get(2).map(V::long)) else {
                    return open("a null place in a text");
                };
                if from < 0 || most.is_some_and(|m| m.is_none_or(|m| m < 0)) {
                    return open("a negative place in a text");
                }
                let most = most.flatten().unwrap_or(i64::MAX);
                V::Str(t.chars().skip(from as usize).take(most as usize).collect())
            }
            "indexof" if vs.len() == 2 => {
                let (t, s) = (text(0)?, text(1)?);
                if s.is_empty() {
                    return open("the place of an empty text");
                }
                V::Long(t.find(&s).map_or(-1, |at| t[..at].chars().count() as i64))
            }
            "countof" if vs.len() == 2 => {
                let (t, s) = (text(0)?, text(1)?);
                if s.is_empty() {
                    return open("the count of an empty text");
                }
                // Occurrences of plain text may overlap.
                V::Long(
                    (0..t.len())
                        .filter(|i| t.as_bytes()[*i..].starts_with(s.as_bytes()))
                        .count() as i64,
                )
            }
            "replace_string" => {
                if text(1)?.is_empty() {
                    return open("an empty text replaced");
                }
                V::Str(text(0)?.replace(&text(1)?, &text(2)?))
            }
            "replace_regex" => {
                if text(2)?.contains(['$', '\\']) {
                    return open("a reference in a replacement");
                }
                V::Str(
                    regex(&text(1)?)?
                        .replace_all(&text(0)?, text(2)?.as_str())
                        .into_owned(),
                )
            }
            "trim" | "trim_start" | "trim_end" => {
                let (re, mut t) = (text(0)?, text(1)?);
                if name != "trim_end" {
                    t = regex(&format!("^(?:{re})"))?.replace(&t, "").into_owned();
                }
                if name != "trim_start" {
                    t = regex(&format!("(?:{re})$"))?.replace(&t, "").into_owned();
                }
                V::Str(t)
            }
            "extract" if vs.len() == 3 => {
                let Some(group) = vs[1].long() else {
                    return open("a null group");
                };
                let t = text(2)?;
                let re = regex(&text(0)?)?;
                let found = re.captures(&t).and_then(|c| c.get(group as usize));
                V::str(found.map_or("", |m| m.as_str()))
            }
            "split" if vs.len() == 2 => {
                let (t, by) = (text(0)?, text(1)?);
                if by.is_empty() || t.is_empty() {
                    return open("an empty text split");
                }
                V::Dyn(t.split(&by).map(Json::from).collect())
            }
            "strcat_array" => match &vs[0] {
                V::Dyn(Json::Array(a)) => {
                    let parts = a
                        .iter()
                        .map(|j| V::json(j.clone()).text())
                        .collect::<Answer<Vec<_>>>()?;
                    V::Str(parts.join(&text(1)?))
                }
                _ => return open("strcat_array of no array"),
            },
            "parse_json" => match &vs[0] {
                V::Str(s) if s.is_empty() => return open("JSON of an empty text"),
                V::Str(s) => {
                    serde_json::from_str(s).map_or_else(|_| V::Dyn(Json::from(s.as_str())), V::json)
                }
                other => other.clone(),
            },
            "array_length" => match &vs[0] {
                V::Dyn(Json::Array(a)) => V::Long(a.len() as i64),
                _ => V::Null,
            },
            "pack_array" => V::Dyn(
                vs.iter()
                    .map(V::to_json)
                    .collect::<Answer<Vec<_>>>()?
                    .into(),
            ),
            "bag_pack" | "pack" => {
                let mut bag = Map::new();
                for pair in vs.chunks(2) {
                    let key = pair[0].text()?;
                    if bag.contains_key(&key) {
                        return open("one key twice in a bag");
                    }
                    bag.insert(key, pair[1].to_json()?);
                }
                V::Dyn(Json::Object(bag))
            }
            "array_concat" => {
                let mut all = Vec::new();
                for v in &vs {
                    match v {
                        V::Dyn(Json::Array(a)) => all.extend(a.clone()),
                        _ => return open("array_concat of no array"),
                    }
                }
                V::Dyn(Json::Array(all))
            }
            "abs" => match &vs[0] {
                V::Null => V::Null,
                V::Long(i) => i
                    .checked_abs()
                    .map_or_else(|| open("overflow"), |i| Ok(V::Long(i)))?,
                V::Real(r) => V::Real(r.abs()),
                V::Span(t) => V::Span(t.abs()),
                v => return Err(Stop::Unknown(format!("abs({v:?})"))),
            },
            "sign" => match vs[0].real() {
                Some(r) if !r.is_nan() => V::Real(if r == 0.0 { 0.0 } else { r.signum() }),
                Some(_) => return open("the sign of not-a-number"),
                None => V::Null,
            },
            "sqrt" => match vs[0].real() {
                Some(r) if r >= 0.0 => V::Real(r.sqrt()),
                Some(_) => return open("the root of a negative number"),
                None => V::Null,
            },
            "floor" | "bin" => bin(&vs[0], &vs[1])?,
            "ceiling" => vs[0].real().map_or(V::Null, |r| V::Real(r.ceil())),
            "isnan" | "isinf" | "isfinite" => match vs[0].real() {
                Some(r) if name == "isnan" => V::Bool(r.is_nan()),
                Some(r) if name == "isinf" => V::Bool(r.is_infinite()),
                Some(r) => V::Bool(r.is_finite()),
                None => return open("whether null is a number"),
            },
            "max_of" | "min_of" => {
                let mut best = V::Null;
                for v in vs {
                    if v.is_null() {
                        return open("null among the values compared");
                    }
                    let v = convert(v, e.ty)?;
                    let better = best.is_null()
                        || match compare(&v, &best)? {
                            Some(o) => {
                                if name == "max_of" {
                                    o.is_gt()
                                } else {
                                    o.is_lt()
                                }
                            }
                            None => return open("not-a-number compared"),
                        };
                    if better {
                        best = v;
                    }
                }
                best
            }
            "startofday" | "startofweek" | "startofmonth" | "startofyear" | "endofday"
            | "endofweek" | "endofmonth" | "endofyear" => {
                let V::Date(t) = vs[0] else {
                    return Ok(V::Null);
                };
                let more = match vs.get(1) {
                    None => 0,
                    Some(V::Long(i)) if i.abs() < 100 => *i,
                    Some(_) => return open("a far or null offset"),
                };
                let (end, unit) = match name.strip_prefix("startof") {
                    Some(unit) => (false, unit),
                    None => (true, &name[5..]),
                };
                match start(unit, t, more + i64::from(end))? {
                    V::Date(t) if end => V::Date(t - 1),
                    v => v,
                }
            }
            "datetime_diff" => match (&vs[1], &vs[2]) {
                (V::Date(a), V::Date(b)) => {
                    V::Long(border(&text(0)?, *a)? - border(&text(0)?, *b)?)
                }
                _ => V::Null,
            },
            "datetime_part" | "getyear" | "getmonth" | "monthofyear" | "hourofday"
            | "dayofmonth" | "dayofyear" | "dayofweek" => part(name, &vs)?,
            _ => return Err(Stop::Unknown(format!("{name}()"))),
        })
    }

    fn window(&self, name: &str, args: &[Expr], env: Env<'_>) -> Answer<V> {
        let Some((rows, at)) = env.around else {
            return Err(Stop::Unknown(format!("{name}() here")));
        };
        if !rows.determined() {
            return open("the order of the rows");
        }
        let there = |i: usize, x: &Expr| {
            self.eval(
                x,
                Env {
                    row: &rows.rows[i],
                    around: Some((rows, i)),
                    group: None,
                },
            )
        };
        let constant = |i: usize, default: i64| match args.get(i) {
            Some(x) => self.eval(x, env).map(|v| v.long()),
            None => Ok(Some(default)),
        };
        match name {
            "row_number" if args.len() < 2 => {
                let Some(from) = constant(0, 1)? else {
                    return open("a null start");
                };
                Ok(V::Long(from + at as i64))
            }
            "row_cumsum" if args.len() == 1 => {
                let mut sum = V::Null;
                for i in 0..=at {
                    let v = there(i, &args[0])?;
                    if v.is_null() {
                        return open("null in a running sum");
                    }
                    sum = if i == 0 {
                        v
                    } else {
                        super::expr::binary(nightjar::kql::bound::BinaryOp::Add, &sum, &v)?
                    };
                }
                Ok(sum)
            }
            "prev" | "next" => {
                let Some(by) = constant(1, 1)? else {
                    return open("a null offset");
                };
                if by < 1 {
                    return open("an offset below one");
                }
                let place = if name == "prev" {
                    at as i64 - by
                } else {
                    at as i64 + by
                };
                match usize::try_from(place).ok().filter(|i| *i < rows.rows.len()) {
                    Some(i) => there(i, &args[0]),
                    None => args.get(2).map_or(Ok(V::Null), |d| self.eval(d, env)),
                }
            }
            _ => Err(Stop::Unknown(format!("{name}() so"))),
        }
    }
}

fn bin(v: &V, size: &V) -> Answer<V> {
    let whole = |v: i64, s: i64, make: fn(i64) -> V| {
        let down = (s > 0).then(|| v.checked_sub(v.rem_euclid(s)));
        down.flatten()
            .map_or_else(|| open("a bin of no size or out of range"), |v| Ok(make(v)))
    };
    match (v, size) {
        (V::Null, _) | (_, V::Null) => Ok(V::Null),
        (V::Long(v), V::Long(s)) => whole(*v, *s, V::Long),
        (V::Date(v), V::Span(s)) => whole(*v, *s, V::Date),
        (V::Span(v), V::Span(s)) => whole(*v, *s, V::Span),
        _ => match (v.real(), size.real()) {
            (Some(v), Some(s)) if s > 0.0 && v.is_finite() => Ok(V::Real((v / s).floor() * s)),
            _ => open("a bin of no size"),
        },
    }
}

fn part(name: &str, vs: &[V]) -> Answer<V> {
    let at = vs.len() - 1;
    let V::Date(t) = vs[at] else {
        return Ok(V::Null);
    };
    let unit = if at == 0 {
        name.to_owned()
    } else {
        vs[0].text()?.to_lowercase()
    };
    let day = t.div_euclid(TICKS_PER_DAY);
    let (y, m, d) = civil(day);
    let of_day = t.rem_euclid(TICKS_PER_DAY);
    Ok(V::Long(match unit.as_str() {
        "year" | "getyear" => y,
        "month" | "getmonth" | "monthofyear" => m,
        "day" | "dayofmonth" => d,
        "quarter" => (m - 1) / 3 + 1,
        "dayofyear" => day - days(y, 1, 1) + 1,
        "hour" | "hourofday" => of_day / 36_000_000_000,
        "minute" => of_day / 600_000_000 % 60,
        "second" => of_day / 10_000_000 % 60,
        "dayofweek" => return Ok(V::Span((day + 1).rem_euclid(7) * TICKS_PER_DAY)),
        _ => return Err(Stop::Unknown(format!("datetime_part of {unit}"))),
    }))
}

fn sorted(v: V) -> Answer<V> {
    let V::Dyn(Json::Array(a)) = v else {
        return Ok(V::Null);
    };
    let mut all: Vec<V> = a.into_iter().map(V::json).collect();
    let numbers = all.iter().all(|v| matches!(v, V::Dyn(Json::Number(_))));
    let texts = all.iter().all(|v| matches!(v, V::Dyn(Json::String(_))));
    if !numbers && !texts {
        return open("the order of mixed elements");
    }
    let texts_of: Vec<String> = all.iter().filter_map(|v| v.text().ok()).collect();
    if texts && texts_of.iter().any(|t| t.contains(':')) {
        return open("the order of times as texts");
    }
    all.sort_by(|a, b| match (a, b) {
        (V::Dyn(Json::Number(a)), V::Dyn(Json::Number(b))) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .unwrap_or(0.0)
                .total_cmp(&b.as_f64().unwrap_or(0.0)),
        },
        (V::Dyn(Json::String(a)), V::Dyn(Json::String(b))) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    });
    Ok(V::Dyn(
        all.iter()
            .map(V::to_json)
            .collect::<Answer<Vec<_>>>()?
            .into(),
    ))
}
