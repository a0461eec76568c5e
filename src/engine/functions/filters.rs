//! Series filtered and transformed.

use rusqlite::types::Value as Cell;

use super::args::json_cell;
use super::arrays::numbers;
use super::decompose::{Numbers, list};
use super::{Args, Row, refuse};

type Answer = rusqlite::Result<Cell>;

/// The functions of this file.
pub const TABLE: &[Row] = &[
    ("k_series_fir", fir),
    ("k_series_iir", iir),
    ("k_series_fft", |a| fourier(a, false)),
    ("k_series_ifft", |a| fourier(a, true)),
];

/// `(series, filter[, normalize[, center]])`: values before the first count as 0.
fn fir(a: &Args<'_, '_>) -> Answer {
    let (Some(series), Some(filter)) = (numbers(a, 0), numbers(a, 1)) else {
        return Ok(Cell::Null);
    };
    let mut filter: Vec<f64> = filter.into_iter().map(|f| f.unwrap_or(0.0)).collect();
    let negative = filter.iter().any(|f| *f < 0.0);
    if a.bool(2).unwrap_or(!negative) {
        let sum: f64 = filter.iter().sum();
        if negative || sum == 0.0 {
            return Ok(Cell::Null);
        }
        for f in &mut filter {
            *f /= sum;
        }
    }
    let ahead = if a.bool(3).unwrap_or(false) {
        filter.len() / 2
    } else {
        0
    };
    let value = |i: usize| {
        let terms = filter.iter().enumerate().filter_map(|(k, f)| {
            let at = (i + ahead).checked_sub(k)?;
            Some(f * series.get(at).copied().flatten().unwrap_or(0.0))
        });
        Some(terms.sum::<f64>())
    };
    let all: Numbers = (0..series.len()).map(value).collect();
    Ok(json_cell(&list(&all)))
}

/// `(series, numerators, denominators)`.
fn iir(a: &Args<'_, '_>) -> Answer {
    let (Some(series), Some(up), Some(down)) = (numbers(a, 0), numbers(a, 1), numbers(a, 2)) else {
        return Ok(Cell::Null);
    };
    let first = down.first().copied().flatten().unwrap_or(0.0);
    if first == 0.0 {
        return refuse("series_iir: the first denominator is 0");
    }
    let mut out: Vec<f64> = Vec::with_capacity(series.len());
    for i in 0..series.len() {
        let mut sum = 0.0;
        for (k, b) in up.iter().enumerate().take(i + 1) {
            sum += b.unwrap_or(0.0) * series[i - k].unwrap_or(0.0);
        }
        for (k, d) in down.iter().enumerate().take(i + 1).skip(1) {
            sum -= d.unwrap_or(0.0) * out[i - k];
        }
        out.push(sum / first);
    }
    let all: Numbers = out.into_iter().map(Some).collect();
    Ok(json_cell(&list(&all)))
}

/// `(real[, imaginary])`: the Fourier transform, or back.
fn fourier(a: &Args<'_, '_>, back: bool) -> Answer {
    // A length that is no power of 2 costs its square.
    const MOST: usize = 8192;
    let Some(real) = numbers(a, 0) else {
        return Ok(Cell::Null);
    };
    let n = real.len();
    let imaginary = numbers(a, 1).unwrap_or_else(|| vec![Some(0.0); n]);
    if imaginary.len() != n {
        return Ok(Cell::Null);
    }
    if n > MOST {
        return refuse(format!("series_fft: more than {MOST} values"));
    }
    let x: Vec<(f64, f64)> = real
        .iter()
        .zip(&imaginary)
        .map(|(r, i)| (r.unwrap_or(0.0), i.unwrap_or(0.0)))
        .collect();
    let sign = if back { 1.0 } else { -1.0 };
    let scale = if back { 1.0 / n as f64 } else { 1.0 };
    let turns: Vec<(f64, f64)> = (0..n)
        .map(|k| {
            let angle = sign * std::f64::consts::TAU * k as f64 / n as f64;
            (angle.cos(), angle.sin())
        })
        .collect();
    let mut out = (Numbers::with_capacity(n), Numbers::with_capacity(n));
    for k in 0..n {
        let (mut re, mut im) = (0.0, 0.0);
        for (j, (r, i)) in x.iter().enumerate() {
            let (c, s) = turns[k * j % n];
            re += r * c - i * s;
            im += r * s + i * c;
        }
        out.0.push(Some(re * scale));
        out.1.push(Some(im * scale));
    }
    Ok(json_cell(&vec![list(&out.0), list(&out.1)].into()))
}
