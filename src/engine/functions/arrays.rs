//! Arrays, sets and series.

use std::cmp::Ordering;

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::args::{bool_cell, int_cell, json_cell, real_cell};
use super::{Args, Row};
use crate::engine::dynamic;

type Answer = rusqlite::Result<Cell>;

/// The functions of this file. Arrays are cells of type dynamic; anything else gives null.
pub const TABLE: &[Row] = &[
    ("k_array_length", |a| {
        Ok(int_cell(array(a, 0).map(|v| v.len() as i64)))
    }),
    // Counted values as `hll` keeps them; nothing is no values.
    ("k_set_length", |a| {
        Ok(Cell::Integer(array(a, 0).map_or(0, |v| v.len() as i64)))
    }),
    ("k_array_concat", |a| {
        let all: Vec<Json> = (0..a.len()).filter_map(|i| array(a, i)).flatten().collect();
        Ok(json_cell(&Json::Array(all)))
    }),
    ("k_array_slice", |a| {
        let (Some(items), Some(from), Some(to)) = (array(a, 0), a.int(1), a.int(2)) else {
            return Ok(Cell::Null);
        };
        let n = items.len() as i64;
        let at = |i: i64| if i < 0 { i + n } else { i };
        let (from, to) = (at(from).max(0), at(to).min(n - 1));
        let out = if from > to {
            Vec::new()
        } else {
            items[from as usize..=to as usize].to_vec()
        };
        Ok(json_cell(&Json::Array(out)))
    }),
    ("k_array_split", array_split),
    ("k_array_index_of", |a| {
        let Some(items) = array(a, 0) else {
            return Ok(Cell::Null);
        };
        let n = items.len() as i64;
        let start = a
            .int(2)
            .map_or(0, |s| if s < 0 { (s + n).max(0) } else { s });
        let length = a.int(3).filter(|l| *l >= 0).unwrap_or(n);
        let occurrence = a.int(4).unwrap_or(1).max(1) as usize;
        let wanted = a.json(1);
        let found = items
            .iter()
            .enumerate()
            .skip(start as usize)
            .take(length as usize)
            .filter(|(_, v)| dynamic::equal(v, &wanted))
            .nth(occurrence - 1);
        Ok(Cell::Integer(found.map_or(-1, |(i, _)| i as i64)))
    }),
    ("k_array_iff", |a| {
        let Some(conditions) = array(a, 0) else {
            return Ok(Cell::Null);
        };
        let pick = |value: &Json, i: usize| match value {
            Json::Array(items) => items.get(i).cloned().unwrap_or(Json::Null),
            one => one.clone(),
        };
        let (yes, no) = (a.json(1), a.json(2));
        let out = conditions
            .iter()
            .enumerate()
            .map(|(i, c)| match dynamic::to_bool(c) {
                Some(true) => pick(&yes, i),
                Some(false) => pick(&no, i),
                None => Json::Null,
            });
        Ok(json_cell(&Json::Array(out.collect())))
    }),
    ("k_array_reverse", |a| {
        Ok(array(a, 0).map_or(Cell::Null, |mut v| {
            v.reverse();
            json_cell(&Json::Array(v))
        }))
    }),
    ("k_array_rotate_left", |a| rotate(a, 1)),
    ("k_array_rotate_right", |a| rotate(a, -1)),
    ("k_array_shift_left", |a| shift(a, 1)),
    ("k_array_shift_right", |a| shift(a, -1)),
    ("k_array_sum", |a| {
        let Some(items) = array(a, 0) else {
            return Ok(Cell::Null);
        };
        let sum: Option<f64> = items
            .iter()
            .filter(|v| !v.is_null())
            .map(dynamic::to_real)
            .sum();
        Ok(real_cell(sum))
    }),
    ("k_array_sort", array_sort),
    ("k_set_has_element", |a| {
        let wanted = a.json(1);
        Ok(array(a, 0).map_or(Cell::Null, |v| {
            bool_cell(v.iter().any(|x| dynamic::equal(x, &wanted)))
        }))
    }),
    ("k_set_union", |a| {
        let mut out = Vec::new();
        for items in (0..a.len()).filter_map(|i| array(a, i)) {
            for v in items {
                add(&mut out, v);
            }
        }
        Ok(json_cell(&Json::Array(out)))
    }),
    ("k_set_intersect", |a| {
        let Some(first) = array(a, 0) else {
            return Ok(Cell::Null);
        };
        let rest: Vec<Vec<Json>> = (1..a.len()).filter_map(|i| array(a, i)).collect();
        let mut out = Vec::new();
        for v in first {
            if rest.iter().all(|r| r.iter().any(|x| dynamic::equal(x, &v))) {
                add(&mut out, v);
            }
        }
        Ok(json_cell(&Json::Array(out)))
    }),
    ("k_set_difference", |a| {
        let Some(first) = array(a, 0) else {
            return Ok(Cell::Null);
        };
        let rest: Vec<Json> = (1..a.len()).filter_map(|i| array(a, i)).flatten().collect();
        let mut out = Vec::new();
        for v in first {
            if !rest.iter().any(|x| dynamic::equal(x, &v)) {
                add(&mut out, v);
            }
        }
        Ok(json_cell(&Json::Array(out)))
    }),
    ("k_set_equals", |a| {
        let (Some(x), Some(y)) = (array(a, 0), array(a, 1)) else {
            return Ok(Cell::Null);
        };
        let within =
            |x: &[Json], y: &[Json]| x.iter().all(|v| y.iter().any(|w| dynamic::equal(v, w)));
        Ok(bool_cell(within(&x, &y) && within(&y, &x)))
    }),
    ("k_jaccard_index", |a| {
        let (Some(x), Some(y)) = (array(a, 0), array(a, 1)) else {
            return Ok(Cell::Null);
        };
        let (mut left, mut all) = (Vec::new(), Vec::new());
        for v in x {
            add(&mut left, v);
        }
        let mut right = Vec::new();
        for v in y {
            add(&mut right, v);
        }
        let common = left
            .iter()
            .filter(|v| right.iter().any(|w| dynamic::equal(v, w)))
            .count();
        left.into_iter().chain(right).for_each(|v| add(&mut all, v));
        Ok(real_cell(Some(if all.is_empty() {
            f64::NAN
        } else {
            common as f64 / all.len() as f64
        })))
    }),
    ("k_repeat", |a| {
        let Some(n) = a.int(1) else {
            return Ok(Cell::Null);
        };
        Ok(json_cell(&Json::Array(vec![
            a.json(0);
            n.clamp(0, 1_048_576) as usize
        ])))
    }),
    ("k_zip", |a| {
        let columns: Vec<Vec<Json>> = (0..a.len())
            .map(|i| match a.json(i) {
                Json::Array(items) => items,
                Json::Null => Vec::new(),
                one => vec![one],
            })
            .collect();
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        let row = |i: usize| {
            Json::Array(
                columns
                    .iter()
                    .map(|c| c.get(i).cloned().unwrap_or(Json::Null))
                    .collect(),
            )
        };
        Ok(json_cell(&Json::Array((0..rows).map(row).collect())))
    }),
    // Series: numbers of one or two arrays, element by element: (operation, x[, y]).
    ("k_series", series),
    ("k_series_dot_product", |a| {
        let Some((x, y)) = two_series(a, 0, 1) else {
            return Ok(Cell::Null);
        };
        let sum: Option<f64> = x.iter().zip(&y).map(|(x, y)| Some((*x)? * (*y)?)).sum();
        Ok(real_cell(sum))
    }),
    ("k_series_sum", |a| {
        Ok(real_cell(
            numbers(a, 0).map(|v| v.into_iter().flatten().sum()),
        ))
    }),
    ("k_series_product", |a| {
        Ok(real_cell(
            numbers(a, 0).map(|v| v.into_iter().flatten().product()),
        ))
    }),
    ("k_series_cosine_similarity", |a| {
        let Some((x, y)) = two_series(a, 0, 1) else {
            return Ok(Cell::Null);
        };
        let dot: f64 = x
            .iter()
            .zip(&y)
            .map(|(x, y)| x.unwrap_or(0.0) * y.unwrap_or(0.0))
            .sum();
        let norm = |v: &[Option<f64>]| v.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
        Ok(real_cell(Some(dot / (norm(&x) * norm(&y)))))
    }),
    ("k_series_pearson", |a| {
        let Some((x, y)) = two_series(a, 0, 1) else {
            return Ok(Cell::Null);
        };
        let pairs: Vec<(f64, f64)> = x
            .iter()
            .zip(&y)
            .filter_map(|(x, y)| Some(((*x)?, (*y)?)))
            .collect();
        let n = pairs.len() as f64;
        let (mx, my) = (
            pairs.iter().map(|p| p.0).sum::<f64>() / n,
            pairs.iter().map(|p| p.1).sum::<f64>() / n,
        );
        let cov: f64 = pairs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        let (vx, vy): (f64, f64) = (
            pairs.iter().map(|p| (p.0 - mx).powi(2)).sum(),
            pairs.iter().map(|p| (p.1 - my).powi(2)).sum(),
        );
        Ok(real_cell(Some(cov / (vx * vy).sqrt())))
    }),
    ("k_series_fill", series_fill),
    // The statistics in the order of the columns of `series_stats`.
    ("k_series_stats_array", |a| {
        let Some(stats) = series_stats(a) else {
            return Ok(Cell::Null);
        };
        Ok(json_cell(
            &stats.into_iter().map(|(_, v)| v).collect::<Vec<_>>().into(),
        ))
    }),
    ("k_series_stats", |a| {
        let Some(stats) = series_stats(a) else {
            return Ok(Cell::Null);
        };
        let bag = stats.into_iter().map(|(k, v)| (k.to_owned(), v));
        Ok(json_cell(&Json::Object(bag.collect())))
    }),
];

/// Least, greatest, where they are, average, deviation and variance of a series of numbers.
fn series_stats(a: &Args<'_, '_>) -> Option<[(&'static str, Json); 7]> {
    let all = numbers(a, 0)?;
    let known: Vec<(usize, f64)> = all
        .iter()
        .enumerate()
        .filter_map(|(i, v)| Some((i, (*v)?)))
        .collect();
    let first = *known.first()?;
    let n = known.len() as f64;
    let avg = known.iter().map(|k| k.1).sum::<f64>() / n;
    let squares: f64 = known.iter().map(|k| (k.1 - avg).powi(2)).sum();
    let variance = if known.len() > 1 {
        squares / (n - 1.0)
    } else {
        0.0
    };
    let (mut least, mut most) = (first, first);
    for k in &known {
        if k.1 < least.1 {
            least = *k;
        }
        if k.1 > most.1 {
            most = *k;
        }
    }
    Some([
        ("min", dynamic::real(least.1)),
        ("min_idx", Json::from(least.0)),
        ("max", dynamic::real(most.1)),
        ("max_idx", Json::from(most.0)),
        ("avg", dynamic::real(avg)),
        ("stdev", dynamic::real(variance.sqrt())),
        ("variance", dynamic::real(variance)),
    ])
}
fn array(a: &Args<'_, '_>, i: usize) -> Option<Vec<Json>> {
    match a.json(i) {
        Json::Array(items) => Some(items),
        _ => None,
    }
}

/// Adds a value to a set kept in order of arrival.
fn add(set: &mut Vec<Json>, value: Json) {
    if !set.iter().any(|v| dynamic::equal(v, &value)) {
        set.push(value);
    }
}

fn array_split(a: &Args<'_, '_>) -> Answer {
    let Some(items) = array(a, 0) else {
        return Ok(Cell::Null);
    };
    let cuts: Vec<i64> = match a.json(1) {
        Json::Array(cuts) => cuts.iter().filter_map(dynamic::to_long).collect(),
        one => dynamic::to_long(&one).into_iter().collect(),
    };
    let n = items.len();
    let mut parts = Vec::new();
    let mut from = 0;
    for cut in cuts {
        let cut = if cut < 0 { cut + n as i64 } else { cut };
        let cut = (cut.max(0) as usize).clamp(from, n);
        parts.push(Json::Array(items[from..cut].to_vec()));
        from = cut;
    }
    parts.push(Json::Array(items[from..].to_vec()));
    Ok(json_cell(&Json::Array(parts)))
}

fn rotate(a: &Args<'_, '_>, sign: i64) -> Answer {
    let (Some(mut items), Some(n)) = (array(a, 0), a.int(1)) else {
        return Ok(Cell::Null);
    };
    if !items.is_empty() {
        let by = (n * sign).rem_euclid(items.len() as i64) as usize;
        items.rotate_left(by);
    }
    Ok(json_cell(&Json::Array(items)))
}

fn shift(a: &Args<'_, '_>, sign: i64) -> Answer {
    let (Some(items), Some(n)) = (array(a, 0), a.int(1)) else {
        return Ok(Cell::Null);
    };
    // Strings shift in empty strings, anything else null.
    let fill = if a.len() > 2 && !a.is_null(2) {
        a.json(2)
    } else if matches!(items.first(), Some(Json::String(_))) {
        Json::from("")
    } else {
        Json::Null
    };
    let by = n * sign;
    let out = (0..items.len() as i64).map(|i| {
        usize::try_from(i + by)
            .ok()
            .and_then(|i| items.get(i))
            .cloned()
            .unwrap_or_else(|| fill.clone())
    });
    Ok(json_cell(&Json::Array(out.collect())))
}

/// `(descending, nulls last, which, array…)`: sorts the first array and arranges the others like it;
/// gives array number `which`.
fn array_sort(a: &Args<'_, '_>) -> Answer {
    let (descending, nulls_last) = (a.bool(0) == Some(true), a.bool(1) != Some(false));
    let which = a.int(2).unwrap_or(0) as usize;
    let Some(keys) = array(a, 3) else {
        return Ok(Cell::Null);
    };
    let Some(items) = array(a, 3 + which) else {
        return Ok(Cell::Null);
    };
    if items.len() != keys.len() {
        return Ok(Cell::Null);
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|x, y| {
        let (x, y) = (&keys[*x], &keys[*y]);
        match (x.is_null(), y.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if nulls_last {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, true) => {
                if nulls_last {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            _ => {
                let o = dynamic::compare(x, y).unwrap_or(Ordering::Equal);
                if descending { o.reverse() } else { o }
            }
        }
    });
    Ok(json_cell(
        &order
            .into_iter()
            .map(|i| items[i].clone())
            .collect::<Vec<_>>()
            .into(),
    ))
}

/// Numbers of a series; `None` for elements that are none.
type Numbers = Vec<Option<f64>>;

/// The numbers of the series in arguments `i` and `j`; a bare number stands for as many as the other has.
fn two_series(a: &Args<'_, '_>, i: usize, j: usize) -> Option<(Numbers, Numbers)> {
    let number = |i: usize| match a.json(i) {
        Json::Number(n) => n.as_f64(),
        _ => None,
    };
    match (numbers(a, i), numbers(a, j)) {
        (Some(x), Some(y)) => Some((x, y)),
        (Some(x), None) => {
            let y = vec![Some(number(j)?); x.len()];
            Some((x, y))
        }
        (None, Some(y)) => {
            let x = vec![Some(number(i)?); y.len()];
            Some((x, y))
        }
        (None, None) => None,
    }
}

pub(super) fn numbers(a: &Args<'_, '_>, i: usize) -> Option<Numbers> {
    array(a, i).map(|v| {
        v.iter()
            .map(|x| match x {
                Json::Number(n) => n.as_f64(),
                Json::Bool(b) => Some(f64::from(u8::from(*b))),
                _ => None,
            })
            .collect()
    })
}

fn series(a: &Args<'_, '_>) -> Answer {
    let op = a.text(0);
    let number = |v: Option<f64>| v.map_or(Json::Null, dynamic::real);
    if a.len() == 2 {
        let Some(x) = numbers(a, 1) else {
            return Ok(Cell::Null);
        };
        let f = |x: f64| match &*op {
            "abs" => x.abs(),
            "acos" => x.acos(),
            "asin" => x.asin(),
            "atan" => x.atan(),
            "ceiling" => x.ceil(),
            "cos" => x.cos(),
            "exp" => x.exp(),
            "floor" => x.floor(),
            "log" => x.ln(),
            "sign" => {
                if x == 0.0 {
                    0.0
                } else {
                    x.signum()
                }
            }
            "sin" => x.sin(),
            _ => x.tan(),
        };
        return Ok(json_cell(
            &x.into_iter()
                .map(|v| number(v.map(f)))
                .collect::<Vec<_>>()
                .into(),
        ));
    }
    let Some((x, y)) = two_series(a, 1, 2) else {
        return Ok(Cell::Null);
    };
    let n = x.len().max(y.len());
    let out = (0..n).map(|i| {
        let (Some(Some(x)), Some(Some(y))) = (x.get(i), y.get(i)) else {
            return Json::Null;
        };
        match &*op {
            "add" => number(Some(x + y)),
            "subtract" => number(Some(x - y)),
            "multiply" => number(Some(x * y)),
            "divide" => number(Some(x / y)),
            "pow" => number(Some(x.powf(*y))),
            "equals" => Json::Bool(x == y),
            "not_equals" => Json::Bool(x != y),
            "less" => Json::Bool(x < y),
            "less_equals" => Json::Bool(x <= y),
            "greater" => Json::Bool(x > y),
            _ => Json::Bool(x >= y),
        }
    });
    Ok(json_cell(&Json::Array(out.collect())))
}

/// `(how, series, placeholder[, constant])` with how `forward`, `backward`, `const`, `linear`.
fn series_fill(a: &Args<'_, '_>) -> Answer {
    let Some(mut items) = array(a, 1) else {
        return Ok(Cell::Null);
    };
    let placeholder = a.json(2);
    let missing =
        |v: &Json| v.is_null() || (!placeholder.is_null() && dynamic::equal(v, &placeholder));
    match &*a.text(0) {
        "const" => {
            let with = a.json(3);
            items
                .iter_mut()
                .filter(|v| missing(v))
                .for_each(|v| *v = with.clone());
        }
        "linear" => {
            let known: Vec<(usize, f64)> = items
                .iter()
                .enumerate()
                .filter(|(_, v)| !missing(v))
                .filter_map(|(i, v)| Some((i, dynamic::to_real(v)?)))
                .collect();
            let (Some(first), Some(last)) = (known.first().copied(), known.last().copied()) else {
                return Ok(json_cell(&Json::Array(items)));
            };
            for (i, v) in items.iter_mut().enumerate().filter(|(_, v)| missing(v)) {
                let value = if i < first.0 {
                    first.1
                } else if i > last.0 {
                    last.1
                } else {
                    let after = known.partition_point(|k| k.0 < i);
                    let ((x0, y0), (x1, y1)) = (known[after - 1], known[after]);
                    y0 + (y1 - y0) * (i - x0) as f64 / (x1 - x0) as f64
                };
                *v = dynamic::real(value);
            }
        }
        how => {
            let backward = how == "backward";
            let mut last: Option<Json> = None;
            let n = items.len();
            for i in 0..n {
                let i = if backward { n - 1 - i } else { i };
                if missing(&items[i]) {
                    if let Some(last) = &last {
                        items[i] = last.clone();
                    }
                } else {
                    last = Some(items[i].clone());
                }
            }
        }
    }
    Ok(json_cell(&Json::Array(items)))
}
