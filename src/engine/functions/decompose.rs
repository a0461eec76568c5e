//! Series taken apart: seasons, trends, lines fitted to them, outliers.
//!
//! As the language documents it, a season is the median of the values in the same phase, the trend is
//! worked out of what is left, and the baseline is their sum. How a period is found by itself is only
//! told in outline; here it is the best local maximum of the autocorrelation.

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::args::json_cell;
use super::arrays::numbers;
use super::{Row, refuse};
use crate::engine::dynamic;

pub(super) type Numbers = Vec<Option<f64>>;

/// The functions of this file. Those with several results give an array of them.
pub const TABLE: &[Row] = &[
    ("k_series_seasonal", |a| {
        let Some(series) = numbers(a, 0) else {
            return Ok(Cell::Null);
        };
        let period = period(&series, a.int(1), SCORE);
        Ok(json_cell(&list(&seasonal(&series, period))))
    }),
    ("k_series_decompose", |a| {
        let Some(series) = numbers(a, 0) else {
            return Ok(Cell::Null);
        };
        let parts = Parts::of(&series, a.int(1), &a.text(2), a.int(3), a.real(4))?;
        let all = [
            &parts.baseline,
            &parts.seasonal,
            &parts.trend,
            &parts.residual,
        ];
        Ok(json_cell(&all.map(|part| list(part)).to_vec().into()))
    }),
    ("k_series_decompose_anomalies", |a| {
        let Some(series) = numbers(a, 0) else {
            return Ok(Cell::Null);
        };
        let threshold = a.real(1).unwrap_or(1.5);
        let parts = Parts::of(&series, a.int(2), &a.text(3), a.int(4), a.real(6))?;
        let (low, high) = match &*a.text(5) {
            "" | "ctukey" => (10.0, 90.0),
            "tukey" => (25.0, 75.0),
            other => return refuse(format!("series_decompose_anomalies: method '{other}'")),
        };
        let scores = outliers(&parts.residual, None, low, high);
        let flags: Vec<Json> = scores
            .iter()
            .map(|score| match score {
                Some(s) if *s > threshold => 1.into(),
                Some(s) if *s < -threshold => (-1).into(),
                _ => 0.into(),
            })
            .collect();
        let all = vec![Json::Array(flags), list(&scores), list(&parts.baseline)];
        Ok(json_cell(&all.into()))
    }),
    ("k_series_decompose_forecast", |a| {
        let (Some(series), Some(points)) = (numbers(a, 0), a.int(1)) else {
            return Ok(Cell::Null);
        };
        let parts = Parts::of(&series, a.int(2), &a.text(3), Some(points), a.real(4))?;
        let all = [
            &parts.baseline,
            &parts.seasonal,
            &parts.trend,
            &parts.residual,
        ];
        Ok(json_cell(&all.map(|part| list(part)).to_vec().into()))
    }),
    ("k_series_outliers", |a| {
        let Some(series) = numbers(a, 0) else {
            return Ok(Cell::Null);
        };
        let (low, high) = match &*a.text(1) {
            "" | "ctukey" => (a.real(3).unwrap_or(10.0), a.real(4).unwrap_or(90.0)),
            "tukey" => (25.0, 75.0),
            other => return refuse(format!("series_outliers: method '{other}'")),
        };
        Ok(json_cell(&list(&outliers(&series, a.real(2), low, high))))
    }),
    ("k_series_fit_line", |a| {
        let Some(fit) = numbers(a, 0).as_deref().and_then(Line::fit) else {
            return Ok(Cell::Null);
        };
        let values = fit.values();
        Ok(json_cell(&values.map(|(_, v)| v).to_vec().into()))
    }),
    ("k_series_fit_line_dynamic", |a| {
        let Some(fit) = numbers(a, 0).as_deref().and_then(Line::fit) else {
            return Ok(Cell::Null);
        };
        let bag = fit.values().into_iter().map(|(k, v)| (k.to_owned(), v));
        Ok(json_cell(&Json::Object(bag.collect())))
    }),
    ("k_series_fit_2lines", |a| {
        let Some(found) = numbers(a, 0).as_deref().and_then(two_lines) else {
            return Ok(Cell::Null);
        };
        let all: Vec<Json> = found.into_iter().map(|(_, v)| v).collect();
        Ok(json_cell(&all.into()))
    }),
    ("k_series_fit_poly", |a| {
        let (Some(y), Some(degree)) = (numbers(a, 0), a.int(a.len() - 1)) else {
            return Ok(Cell::Null);
        };
        let x = match a.len() {
            2 => (0..y.len()).map(|i| Some(i as f64)).collect(),
            _ => numbers(a, 1).unwrap_or_default(),
        };
        let Some(fit) = polynomial(&x, &y, degree) else {
            return Ok(Cell::Null);
        };
        Ok(json_cell(&fit.into()))
    }),
    ("k_series_magnitude", |a| {
        let Some(series) = numbers(a, 0) else {
            return Ok(Cell::Null);
        };
        let squares: f64 = series.iter().flatten().map(|x| x * x).sum();
        Ok(Cell::Real(squares.sqrt()))
    }),
];

/// The least autocorrelation that makes a period, where a query gives none.
const SCORE: f64 = 0.6;

pub(super) fn list(values: &[Option<f64>]) -> Json {
    values
        .iter()
        .map(|v| v.map_or(Json::Null, dynamic::real))
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum) = (0.0, 0.0);
    for v in values {
        n += 1.0;
        sum += v;
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

/// The `p`th percentile of sorted values, between neighbours in proportion.
fn percentile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = (p / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

/// The period asked for: 0 for none, less for the one that shows.
fn period(series: &[Option<f64>], asked: Option<i64>, score: f64) -> usize {
    match asked {
        Some(p) if p >= 0 => usize::try_from(p).unwrap_or(0),
        _ => detect(series, score),
    }
}

/// The lag of the greatest local maximum of the autocorrelation, if that reaches a score. Periods have
/// at least four values, and at most half of the series.
fn detect(series: &[Option<f64>], score: f64) -> usize {
    let average = mean(series.iter().flatten().copied());
    let x: Vec<f64> = series
        .iter()
        .map(|v| v.map_or(0.0, |v| v - average))
        .collect();
    let n = x.len();
    let power: f64 = x.iter().map(|v| v * v).sum();
    if n < 4 || power <= f64::EPSILON {
        return 0;
    }
    // Long periods are not looked for in long series: the cost is the square.
    let most = (n / 2).min(4096);
    let correlation = |lag: usize| -> f64 {
        let pairs = x.iter().zip(&x[lag..]);
        let sum = pairs.map(|(a, b)| a * b).sum::<f64>();
        // So many pairs as there are, for power of all values.
        sum / (n - lag) as f64 * n as f64 / power
    };
    let all: Vec<f64> = (0..=most).map(correlation).collect();
    let mut best = (0, score);
    for lag in 4..all.len().saturating_sub(1) {
        let peak = all[lag] >= all[lag - 1] && all[lag] >= all[lag + 1];
        if peak && all[lag] >= best.1 && (best.0 == 0 || all[lag] > best.1) {
            best = (lag, all[lag]);
        }
    }
    best.0
}

/// The median of the values in the same phase; zeros where there is no period.
fn seasonal(series: &[Option<f64>], period: usize) -> Numbers {
    if period < 2 || period > series.len() {
        return vec![Some(0.0); series.len()];
    }
    let phases: Vec<f64> = (0..period)
        .map(|phase| {
            let values = series.iter().skip(phase).step_by(period).flatten();
            let mut values: Vec<f64> = values.copied().collect();
            values.sort_by(f64::total_cmp);
            percentile(&values, 50.0)
        })
        .collect();
    (0..series.len())
        .map(|i| Some(phases[i % period]))
        .collect()
}

/// A series taken apart.
struct Parts {
    baseline: Numbers,
    seasonal: Numbers,
    trend: Numbers,
    residual: Numbers,
}

impl Parts {
    /// `tests`: so many values at the end are not learnt from.
    fn of(
        series: &[Option<f64>],
        seasonality: Option<i64>,
        trend: &str,
        tests: Option<i64>,
        score: Option<f64>,
    ) -> rusqlite::Result<Self> {
        let tests = usize::try_from(tests.unwrap_or(0).max(0)).unwrap_or(usize::MAX);
        let learnt = series.len().saturating_sub(tests);
        let period = period(&series[..learnt], seasonality, score.unwrap_or(SCORE));
        let of_learnt = seasonal(&series[..learnt], period);
        let seasonal: Numbers = (0..series.len())
            .map(|i| match of_learnt.get(i) {
                Some(v) => *v,
                None if period >= 2 && period <= learnt => of_learnt[i % period],
                None => Some(0.0),
            })
            .collect();
        let left: Numbers = series[..learnt]
            .iter()
            .zip(&seasonal)
            .map(|(x, s)| Some((*x)? - (*s)?))
            .collect();
        let trend: Numbers = match trend {
            "" | "avg" => {
                let average = mean(left.iter().flatten().copied());
                vec![Some(average); series.len()]
            }
            "linefit" => {
                let Some(line) = Line::fit(&left) else {
                    return refuse("series_decompose: too few values for a line");
                };
                (0..series.len()).map(|i| Some(line.at(i))).collect()
            }
            "none" => vec![Some(0.0); series.len()],
            other => return refuse(format!("series_decompose: trend '{other}'")),
        };
        let baseline: Numbers = seasonal
            .iter()
            .zip(&trend)
            .map(|(s, t)| Some((*s)? + (*t)?))
            .collect();
        let residual = series
            .iter()
            .zip(&baseline)
            .map(|(x, b)| Some((*x)? - (*b)?))
            .collect();
        Ok(Self {
            baseline,
            seasonal,
            trend,
            residual,
        })
    }
}

/// How far each value lies outside of the range between two percentiles, in lengths of that range; 0 within.
fn outliers(series: &[Option<f64>], ignored: Option<f64>, low: f64, high: f64) -> Numbers {
    let mut sorted: Vec<f64> = series
        .iter()
        .flatten()
        .copied()
        .filter(|v| v.is_finite() && ignored.is_none_or(|i| (i - v).abs() > f64::EPSILON))
        .collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (percentile(&sorted, low), percentile(&sorted, high));
    let range = high - low;
    let score = |v: f64| {
        let outside = if v > high {
            v - high
        } else if v < low {
            v - low
        } else {
            return 0.0;
        };
        // Values that are all but one alike have no range: the one is as far out as can be told.
        if range > 0.0 {
            outside / range
        } else {
            outside.signum() * 100.0
        }
    };
    // What is missing is no outlier.
    let missing = |v: &f64| ignored.is_some_and(|i| (i - v).abs() <= f64::EPSILON);
    series
        .iter()
        .map(|v| Some(v.filter(|v| !missing(v)).map_or(0.0, score)))
        .collect()
}

/// A line fitted to a series by least squares.
struct Line {
    slope: f64,
    start: f64,
    count: usize,
    variance: f64,
    rest: f64,
}

impl Line {
    fn fit(series: &[Option<f64>]) -> Option<Self> {
        let known: Vec<(f64, f64)> = series
            .iter()
            .enumerate()
            .filter_map(|(i, v)| Some((i as f64, (*v)?)))
            .collect();
        let n = known.len() as f64;
        if known.len() < 2 {
            return None;
        }
        let (mx, my) = (
            mean(known.iter().map(|k| k.0)),
            mean(known.iter().map(|k| k.1)),
        );
        let xx: f64 = known.iter().map(|k| (k.0 - mx).powi(2)).sum();
        let xy: f64 = known.iter().map(|k| (k.0 - mx) * (k.1 - my)).sum();
        let yy: f64 = known.iter().map(|k| (k.1 - my).powi(2)).sum();
        let slope = xy / xx;
        let start = my - slope * mx;
        let left: f64 = known
            .iter()
            .map(|k| (k.1 - start - slope * k.0).powi(2))
            .sum();
        Some(Self {
            slope,
            start,
            count: series.len(),
            variance: yy / (n - 1.0),
            rest: left / (n - 1.0),
        })
    }

    fn at(&self, i: usize) -> f64 {
        self.start + self.slope * i as f64
    }

    /// How much of the variance the line explains.
    fn rsquare(&self) -> f64 {
        if self.variance > 0.0 {
            1.0 - self.rest / self.variance
        } else {
            1.0
        }
    }

    fn values(&self) -> [(&'static str, Json); 6] {
        let line: Json = (0..self.count).map(|i| dynamic::real(self.at(i))).collect();
        [
            ("rsquare", dynamic::real(self.rsquare())),
            ("slope", dynamic::real(self.slope)),
            ("variance", dynamic::real(self.variance)),
            ("rvariance", dynamic::real(self.rest)),
            ("interception", dynamic::real(self.start)),
            ("line_fit", line),
        ]
    }
}

/// The two lines, one behind the other, that leave the least.
fn two_lines(series: &[Option<f64>]) -> Option<Vec<(&'static str, Json)>> {
    // Each place where the lines may meet is tried: the cost is the square.
    const MOST: usize = 4096;
    if series.len() > MOST {
        return None;
    }
    let whole = Line::fit(series)?;
    let left_over = |line: &Line, part: &[Option<f64>]| -> f64 {
        let off = part.iter().enumerate();
        off.filter_map(|(i, v)| Some(((*v)? - line.at(i)).powi(2)))
            .sum()
    };
    let mut best: Option<(f64, usize, Line, Line)> = None;
    for split in 2..series.len().saturating_sub(1) {
        let (a, b) = series.split_at(split);
        let (Some(left), Some(right)) = (Line::fit(a), Line::fit(b)) else {
            continue;
        };
        let rest = left_over(&left, a) + left_over(&right, b);
        if best.as_ref().is_none_or(|b| rest < b.0) {
            best = Some((rest, split, left, right));
        }
    }
    let (rest, split, left, right) = best?;
    let known = series.iter().flatten().count() as f64;
    let rest = rest / (known - 1.0);
    let both = Line {
        rest,
        variance: whole.variance,
        ..whole
    };
    let fit: Json = (0..split)
        .map(|i| dynamic::real(left.at(i)))
        .chain((0..series.len() - split).map(|i| dynamic::real(right.at(i))))
        .collect();
    Some(vec![
        ("rsquare", dynamic::real(both.rsquare())),
        ("split_idx", split.into()),
        ("variance", dynamic::real(both.variance)),
        ("rvariance", dynamic::real(rest)),
        ("line_fit", fit),
        ("right_rsquare", dynamic::real(right.rsquare())),
        ("right_slope", dynamic::real(right.slope)),
        ("right_interception", dynamic::real(right.start)),
        ("right_variance", dynamic::real(right.variance)),
        ("right_rvariance", dynamic::real(right.rest)),
        ("left_rsquare", dynamic::real(left.rsquare())),
        ("left_slope", dynamic::real(left.slope)),
        ("left_interception", dynamic::real(left.start)),
        ("left_variance", dynamic::real(left.variance)),
        ("left_rvariance", dynamic::real(left.rest)),
    ])
}

/// A polynomial by least squares: rsquare, coefficients from the highest power, variance, rest, values.
fn polynomial(x: &[Option<f64>], y: &[Option<f64>], degree: i64) -> Option<Vec<Json>> {
    let width = usize::try_from(degree).ok().filter(|d| *d <= 20)? + 1;
    let known: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .filter_map(|(x, y)| Some(((*x)?, (*y)?)))
        .collect();
    if known.len() < width || x.len() != y.len() {
        return None;
    }
    // Values about their middle keep the powers small.
    let middle = mean(known.iter().map(|k| k.0));
    let scale = known
        .iter()
        .map(|k| (k.0 - middle).abs())
        .fold(0.0, f64::max)
        .max(1e-300);
    let mut m = vec![vec![0.0; width + 1]; width];
    for (x, y) in &known {
        let t = (x - middle) / scale;
        for (i, row) in m.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                let value = if j == width { *y } else { t.powi(j as i32) };
                *cell += value * t.powi(i as i32);
            }
        }
    }
    let scaled = solve(m)?;
    // Σ cᵢ ((x - m) / s)ⁱ written in powers of x.
    let mut plain = vec![0.0; width];
    for (i, c) in scaled.iter().enumerate() {
        let mut binomial = 1.0;
        for k in 0..=i {
            plain[i - k] += c / scale.powi(i as i32) * binomial * (-middle).powi(k as i32);
            binomial *= (i - k) as f64 / (k + 1) as f64;
        }
    }
    let at = |x: f64| {
        let t = (x - middle) / scale;
        scaled.iter().rev().fold(0.0, |sum, c| sum * t + c)
    };
    let average = mean(known.iter().map(|k| k.1));
    let n = (known.len() as f64 - 1.0).max(1.0);
    let variance = known.iter().map(|k| (k.1 - average).powi(2)).sum::<f64>() / n;
    let rest = known.iter().map(|k| (k.1 - at(k.0)).powi(2)).sum::<f64>() / n;
    let rsquare = if variance > 0.0 {
        1.0 - rest / variance
    } else {
        1.0
    };
    let fit: Numbers = x.iter().map(|x| x.map(at)).collect();
    let coefficients: Json = plain.iter().rev().map(|c| dynamic::real(*c)).collect();
    Some(vec![
        dynamic::real(rsquare),
        coefficients,
        dynamic::real(variance),
        dynamic::real(rest),
        list(&fit),
    ])
}

/// Gaussian elimination; rows end in the right side.
fn solve(mut m: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = m.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| m[*a][i].abs().total_cmp(&m[*b][i].abs()))?;
        m.swap(i, pivot);
        if m[i][i].abs() < 1e-12 {
            return None;
        }
        let row = m[i].clone();
        for (k, other) in m.iter_mut().enumerate().filter(|(k, _)| *k != i) {
            debug_assert_ne!(k, i);
            let by = other[i] / row[i];
            for (cell, x) in other.iter_mut().zip(&row) {
                *cell -= by * x;
            }
        }
    }
    Some((0..n).map(|i| m[i][n] / m[i][i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Numbers {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn seasons_are_medians_of_phases() {
        let series = some(&[1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 7.0, 9.0]);
        assert_eq!(period(&series, None, SCORE), 0, "one value in eight is off");
        assert_eq!(seasonal(&series, 2)[..2], some(&[1.0, 9.0])[..]);
        let steady = some(&[5.0, 1.0, 1.0, 2.0].repeat(4));
        assert_eq!(period(&steady, None, SCORE), 4);
        let short = some(&[5.0, 1.0, 1.0].repeat(5));
        assert_eq!(period(&short, None, SCORE), 6, "three values are no period");
        assert_eq!(seasonal(&steady, 0), vec![Some(0.0); 16]);
        assert_eq!(period(&[Some(4.0); 12], None, SCORE), 0);
    }

    #[test]
    fn parts_add_up() {
        let series = some(&[5.0, 1.0, 1.0, 6.0, 2.0, 2.0, 7.0, 3.0, 3.0, 8.0, 4.0, 4.0]);
        let parts = Parts::of(&series, Some(3), "linefit", None, None).expect("works");
        for (i, value) in series.iter().enumerate() {
            let sum = parts.seasonal[i].unwrap_or(9e9)
                + parts.trend[i].unwrap_or(9e9)
                + parts.residual[i].unwrap_or(9e9);
            assert!((sum - value.unwrap_or(0.0)).abs() < 1e-9);
        }
        // What is not learnt from is foretold.
        let parts = Parts::of(&series, Some(3), "none", Some(3), None).expect("works");
        assert_eq!(parts.baseline[9..], parts.baseline[..3]);
        assert!(Parts::of(&series, Some(0), "other", None, None).is_err());
    }

    #[test]
    fn a_spike_stands_out() {
        let mut series = some(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        series[4] = Some(50.0);
        let scores = outliers(&series, None, 10.0, 90.0);
        assert!(scores[4].is_some_and(|s| s > 1.5));
        assert!(
            scores
                .iter()
                .enumerate()
                .all(|(i, s)| i == 4 || s.is_some_and(|s| s.abs() < 1.5))
        );
    }

    #[test]
    fn lines_and_curves() {
        let line = Line::fit(&some(&[1.0, 3.0, 5.0, 7.0])).expect("a line");
        assert!((line.slope - 2.0).abs() < 1e-12 && (line.start - 1.0).abs() < 1e-12);
        assert!((line.rsquare() - 1.0).abs() < 1e-12);
        let found = two_lines(&some(&[0.0, 1.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0])).expect("two");
        assert_eq!(found[1].1, Json::from(4));
        let x = some(&[0.0, 1.0, 2.0, 3.0]);
        let y = some(&[2.0, 3.0, 6.0, 11.0]);
        let fit = polynomial(&x, &y, 2).expect("a curve");
        let c: Vec<f64> = fit[1]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_f64)
            .collect();
        assert!(
            c.iter()
                .zip([1.0, 0.0, 2.0])
                .all(|(a, b)| (a - b).abs() < 1e-9),
            "{c:?}"
        );
    }
}
