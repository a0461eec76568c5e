//! Arithmetic SQL lacks or does otherwise.

use rusqlite::types::{Value as Cell, ValueRef};

use super::args::{bool_cell, int_cell, real_cell};
use super::{Args, Row};
use crate::engine::dynamic;

type Answer = rusqlite::Result<Cell>;

/// The functions of this file; null gives null.
pub const TABLE: &[Row] = &[
    ("k_add", |a| two(a, |x, y| x + y)),
    ("k_sub", |a| two(a, |x, y| x - y)),
    ("k_mul", |a| two(a, |x, y| x * y)),
    ("k_div", |a| two(a, |x, y| x / y)),
    ("k_neg", |a| one(a, |x| -x)),
    ("k_mod", modulo),
    ("k_compare", |a| {
        // (operator, x, y) for reals that may be not-a-number
        let op = a.text(0);
        let (x, y) = match (a.real(1), a.real(2)) {
            (Some(x), Some(y)) => (x, y),
            // A null is unequal to every value; against another, or by order, it says nothing.
            (None, None) => return Ok(Cell::Null),
            _ if op == "=" => return Ok(bool_cell(false)),
            _ if op == "!=" => return Ok(bool_cell(true)),
            _ => return Ok(Cell::Null),
        };
        Ok(bool_cell(match &*op {
            "=" => x == y,
            "!=" => x != y,
            "<" => x < y,
            "<=" => x <= y,
            ">" => x > y,
            _ => x >= y,
        }))
    }),
    ("k_bin_real", |a| {
        two(a, |x, size| {
            if size == 0.0 {
                f64::NAN
            } else {
                (x / size).floor() * size
            }
        })
    }),
    ("k_bin_at_real", |a| {
        Ok(match (a.real(0), a.real(1), a.real(2)) {
            (Some(x), Some(size), Some(at)) if size != 0.0 => {
                real_cell(Some(((x - at) / size).floor() * size + at))
            }
            _ => Cell::Null,
        })
    }),
    ("k_real_text", |a| {
        Ok(Cell::Text(
            a.real(0)
                .map(crate::engine::value::real_text)
                .unwrap_or_default(),
        ))
    }),
    ("k_real_to_long", |a| {
        Ok(int_cell(a.real(0).and_then(dynamic::real_to_long)))
    }),
    ("k_real_to_int", |a| {
        Ok(int_cell(
            a.real(0)
                .and_then(dynamic::real_to_long)
                .filter(|i| i32::try_from(*i).is_ok()),
        ))
    }),
    ("k_span_scale", |a| {
        // timespan × number, timespan ÷ number (third argument 1)
        let (Some(t), Some(f)) = (a.real(0), a.real(1)) else {
            return Ok(Cell::Null);
        };
        let scaled = if a.int(2) == Some(1) { t / f } else { t * f };
        Ok(int_cell(dynamic::real_to_long(scaled.round())))
    }),
    ("k_parse_long", |a| {
        Ok(int_cell(dynamic::parse_long(&a.text(0))))
    }),
    ("k_parse_int", |a| {
        Ok(int_cell(
            dynamic::parse_long(&a.text(0)).filter(|i| i32::try_from(*i).is_ok()),
        ))
    }),
    ("k_parse_real", |a| {
        Ok(real_cell(dynamic::parse_real(&a.text(0))))
    }),
    ("k_parse_bool", |a| {
        Ok(int_cell(dynamic::parse_bool(&a.text(0)).map(i64::from)))
    }),
    ("k_parse_guid", |a| {
        Ok(dynamic::parse_guid(&a.text(0)).map_or(Cell::Null, Cell::Text))
    }),
    ("k_isnan", |a| {
        Ok(bool_cell(a.real(0).is_some_and(f64::is_nan)))
    }),
    ("k_isinf", |a| {
        Ok(bool_cell(a.real(0).is_some_and(f64::is_infinite)))
    }),
    ("k_isfinite", |a| {
        Ok(bool_cell(a.real(0).is_some_and(f64::is_finite)))
    }),
    ("k_acos", |a| one(a, f64::acos)),
    ("k_asin", |a| one(a, f64::asin)),
    ("k_atan", |a| one(a, f64::atan)),
    ("k_atan2", |a| two(a, f64::atan2)),
    ("k_cos", |a| one(a, f64::cos)),
    ("k_sin", |a| one(a, f64::sin)),
    ("k_tan", |a| one(a, f64::tan)),
    ("k_cot", |a| one(a, |x| 1.0 / x.tan())),
    ("k_degrees", |a| one(a, f64::to_degrees)),
    ("k_radians", |a| one(a, f64::to_radians)),
    ("k_exp", |a| one(a, f64::exp)),
    ("k_exp2", |a| one(a, f64::exp2)),
    ("k_exp10", |a| one(a, |x| 10f64.powf(x))),
    ("k_log", |a| one(a, f64::ln)),
    ("k_log2", |a| one(a, f64::log2)),
    ("k_log10", |a| one(a, f64::log10)),
    ("k_sqrt", |a| one(a, f64::sqrt)),
    ("k_pow", |a| two(a, f64::powf)),
    ("k_gamma", |a| one(a, gamma)),
    ("k_loggamma", |a| one(a, log_gamma)),
    ("k_round", |a| {
        let Some(x) = a.real(0) else {
            return Ok(Cell::Null);
        };
        let scale = 10f64.powi(a.int(1).unwrap_or(0).clamp(-300, 300) as i32);
        let scaled = x * scale;
        Ok(real_cell(Some(if scaled.is_finite() {
            scaled.round_ties_even() / scale
        } else {
            x
        })))
    }),
    ("k_ceiling", |a| one(a, f64::ceil)),
    ("k_floor", |a| one(a, f64::floor)),
    ("k_abs", |a| {
        Ok(match a.cell(0) {
            // What an integer cannot hold is null.
            ValueRef::Integer(x) => int_cell(x.checked_abs()),
            _ => real_cell(a.real(0).map(f64::abs)),
        })
    }),
    ("k_sign", |a| {
        Ok(real_cell(a.real(0).map(|x| {
            if x == 0.0 || x.is_nan() {
                x
            } else {
                x.signum()
            }
        })))
    }),
    ("k_shift_left", |a| bits(a, |x, n| x.wrapping_shl(n as u32))),
    ("k_shift_right", |a| {
        bits(a, |x, n| x.wrapping_shr(n as u32))
    }),
    ("k_binary_xor", |a| bits(a, |x, y| x ^ y)),
    ("k_bit_count", |a| {
        Ok(int_cell(a.int(0).map(|x| i64::from(x.count_ones()))))
    }),
];

fn one(a: &Args<'_, '_>, f: fn(f64) -> f64) -> Answer {
    Ok(real_cell(a.real(0).map(f)))
}

fn two(a: &Args<'_, '_>, f: fn(f64, f64) -> f64) -> Answer {
    Ok(match (a.real(0), a.real(1)) {
        (Some(x), Some(y)) => real_cell(Some(f(x, y))),
        _ => Cell::Null,
    })
}

fn bits(a: &Args<'_, '_>, f: fn(i64, i64) -> i64) -> Answer {
    Ok(match (a.int(0), a.int(1)) {
        (Some(x), Some(y)) => Cell::Integer(f(x, y)),
        _ => Cell::Null,
    })
}

/// The remainder that is never negative, of integers or reals.
fn modulo(a: &Args<'_, '_>) -> Answer {
    Ok(match (a.cell(0), a.cell(1)) {
        (ValueRef::Integer(_), ValueRef::Integer(0)) => Cell::Null,
        (ValueRef::Integer(x), ValueRef::Integer(y)) => {
            int_cell(x.checked_rem_euclid(y).or(Some(0)))
        }
        _ => match (a.real(0), a.real(1)) {
            (Some(x), Some(y)) => real_cell(Some(x.rem_euclid(y))),
            _ => Cell::Null,
        },
    })
}

/// Lanczos coefficients (g = 7, n = 9).
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

fn gamma(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x < 0.5 {
        return PI / ((PI * x).sin() * gamma(1.0 - x));
    }
    // Whole numbers have exact factorials as long as a double holds them.
    if x.fract() == 0.0 && x <= 21.0 {
        return (1..x as u64).product::<u64>() as f64;
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = LANCZOS
        .iter()
        .enumerate()
        .skip(1)
        .fold(LANCZOS[0], |s, (i, c)| s + c / (x + i as f64));
    (2.0 * PI).sqrt() * t.powf(x + 0.5) * (-t).exp() * sum
}

pub(super) fn log_gamma(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x < 0.5 {
        return (PI / (PI * x).sin().abs()).ln() - log_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = LANCZOS
        .iter()
        .enumerate()
        .skip(1)
        .fold(LANCZOS[0], |s, (i, c)| s + c / (x + i as f64));
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_known_points() {
        assert!((gamma(5.0) - 24.0).abs() < 1e-9);
        assert!((gamma(0.5) - std::f64::consts::PI.sqrt()).abs() < 1e-12);
        assert!((log_gamma(10.0) - 362_880f64.ln()).abs() < 1e-10);
    }
}
