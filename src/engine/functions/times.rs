//! Calendar functions.

use rusqlite::types::Value as Cell;

use super::args::{int_cell, text_cell};
use super::{Args, Row, refuse};
use crate::engine::time::{self, DAY, Parts, Unit};

type Answer = rusqlite::Result<Cell>;

/// The functions of this file. Datetimes and timespans are ticks; null gives null.
pub const TABLE: &[Row] = &[
    ("k_datetime_text", |a| {
        Ok(text_cell(
            a.int(0).map(time::datetime_text).unwrap_or_default(),
        ))
    }),
    ("k_timespan_text", |a| {
        Ok(text_cell(
            a.int(0).map(time::timespan_text).unwrap_or_default(),
        ))
    }),
    ("k_parse_datetime", |a| {
        Ok(int_cell(time::parse_datetime(&a.text(0))))
    }),
    ("k_parse_timespan", |a| {
        Ok(int_cell(time::parse_timespan(&a.text(0))))
    }),
    ("k_format_datetime", |a| {
        Ok(text_cell(
            a.int(0)
                .map(|t| time::format_datetime(t, &a.text(1)))
                .unwrap_or_default(),
        ))
    }),
    ("k_format_timespan", |a| {
        let Some(ticks) = a.int(0) else {
            return Ok(text_cell(""));
        };
        Ok(text_cell(if a.len() > 1 {
            time::format_timespan(ticks, &a.text(1))
        } else {
            time::timespan_text(ticks)
        }))
    }),
    ("k_startofday", |a| start(a, Unit::Fixed(DAY))),
    ("k_startofweek", |a| start(a, Unit::Week)),
    ("k_startofmonth", |a| start(a, Unit::Month)),
    ("k_startofyear", |a| start(a, Unit::Year)),
    ("k_endofday", |a| end(a, Unit::Fixed(DAY))),
    ("k_endofweek", |a| end(a, Unit::Week)),
    ("k_endofmonth", |a| end(a, Unit::Month)),
    ("k_endofyear", |a| end(a, Unit::Year)),
    ("k_dayofweek", |a| {
        Ok(int_cell(a.int(0).map(|t| time::day_of_week(t) * DAY)))
    }),
    ("k_dayofmonth", |a| part(a, |p| p.day)),
    ("k_dayofyear", |a| {
        Ok(int_cell(a.int(0).map(time::day_of_year)))
    }),
    ("k_hourofday", |a| part(a, |p| p.hour)),
    ("k_getmonth", |a| part(a, |p| p.month)),
    ("k_getyear", |a| part(a, |p| p.year)),
    ("k_week_of_year", |a| {
        Ok(int_cell(a.int(0).map(time::week_of_year)))
    }),
    ("k_datetime_part", datetime_part),
    ("k_datetime_diff", |a| {
        let unit = unit(a, 0)?;
        Ok(match (a.int(1), a.int(2)) {
            (Some(x), Some(y)) => Cell::Integer(time::datetime_diff(unit, x, y)),
            _ => Cell::Null,
        })
    }),
    ("k_datetime_add", |a| {
        let unit = unit(a, 0)?;
        Ok(match (a.int(1), a.int(2)) {
            (Some(n), Some(t)) => int_cell(time::datetime_add(unit, n, t)),
            _ => Cell::Null,
        })
    }),
    ("k_make_datetime", make_datetime),
    ("k_make_timespan", make_timespan),
    ("k_bin", |a| {
        Ok(match (a.int(0), a.int(1)) {
            (Some(v), Some(size)) => int_cell(time::bin(v, size)),
            _ => Cell::Null,
        })
    }),
    ("k_bin_at", |a| {
        Ok(match (a.int(0), a.int(1), a.int(2)) {
            (Some(v), Some(size), Some(at)) => int_cell(
                v.checked_sub(at)
                    .and_then(|d| time::bin(d, size))
                    .and_then(|d| d.checked_add(at)),
            ),
            _ => Cell::Null,
        })
    }),
    ("k_unixtime", |a| {
        // (value, ticks a unit) ; nanoseconds come with a negative divisor of a tick
        let Some(per) = a.int(1) else {
            return Ok(Cell::Null);
        };
        let ticks = match a.int(0) {
            _ if a.is_null(0) => None,
            Some(v) if per > 0 => match a.cell(0) {
                rusqlite::types::ValueRef::Real(r) => {
                    crate::engine::dynamic::real_to_long((r * per as f64).round())
                }
                _ => v.checked_mul(per),
            },
            Some(v) => Some(v / -per),
            None => None,
        };
        let moved = ticks.and_then(|t| t.checked_add(time::UNIX_EPOCH));
        Ok(int_cell(
            moved.filter(|t| (0..=time::MAX_DATETIME).contains(t)),
        ))
    }),
];

fn start(a: &Args<'_, '_>, unit: Unit) -> Answer {
    let offset = a.int(1).unwrap_or(0);
    Ok(int_cell(
        a.int(0).and_then(|t| time::start_of(unit, t, offset)),
    ))
}

fn end(a: &Args<'_, '_>, unit: Unit) -> Answer {
    let offset = a.int(1).unwrap_or(0);
    Ok(int_cell(
        a.int(0).and_then(|t| time::end_of(unit, t, offset)),
    ))
}

fn part(a: &Args<'_, '_>, get: fn(Parts) -> i64) -> Answer {
    Ok(int_cell(a.int(0).map(|t| get(time::parts(t)))))
}

fn unit(a: &Args<'_, '_>, i: usize) -> rusqlite::Result<Unit> {
    let name = a.text(i);
    match Unit::named(&name) {
        Some(unit) => Ok(unit),
        None => refuse(format!("'{name}' is no unit of time")),
    }
}

fn datetime_part(a: &Args<'_, '_>) -> Answer {
    let name = a.text(0).to_ascii_lowercase();
    let Some(ticks) = a.int(1) else {
        return Ok(Cell::Null);
    };
    let p = time::parts(ticks);
    Ok(Cell::Integer(match name.as_str() {
        "year" => p.year,
        "quarter" => (p.month - 1) / 3 + 1,
        "month" => p.month,
        "week_of_year" | "weekofyear" => time::week_of_year(ticks),
        "day" => p.day,
        "dayofyear" => time::day_of_year(ticks),
        "hour" => p.hour,
        "minute" => p.minute,
        "second" => p.second,
        "millisecond" => p.fraction / 10_000,
        "microsecond" => p.fraction / 10,
        "nanosecond" => p.fraction * 100,
        _ => return refuse(format!("'{name}' is no part of a datetime")),
    }))
}

fn make_datetime(a: &Args<'_, '_>) -> Answer {
    let get = |i: usize, default: i64| if i < a.len() { a.int(i) } else { Some(default) };
    let made = (|| {
        let base = time::from_parts(Parts {
            year: get(0, 1)?,
            month: get(1, 1)?,
            day: get(2, 1)?,
            hour: get(3, 0)?,
            minute: get(4, 0)?,
            second: 0,
            fraction: 0,
        })?;
        let seconds = if a.len() > 5 { a.real(5)? } else { 0.0 };
        (0.0..60.0)
            .contains(&seconds)
            .then(|| base + (seconds * time::SECOND as f64).round() as i64)
    })();
    Ok(int_cell(made))
}

/// `make_timespan(hour, minute[, second])` or with days first.
fn make_timespan(a: &Args<'_, '_>) -> Answer {
    let made = (|| {
        let (day, hour, minute, second) = match a.len() {
            2 => (0, a.int(0)?, a.int(1)?, 0.0),
            3 => (0, a.int(0)?, a.int(1)?, a.real(2)?),
            _ => (a.int(0)?, a.int(1)?, a.int(2)?, a.real(3)?),
        };
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..60.0).contains(&second)
        {
            return None;
        }
        Some(
            day.checked_mul(DAY)?
                + hour * time::HOUR
                + minute * time::MINUTE
                + (second * time::SECOND as f64).round() as i64,
        )
    })();
    Ok(int_cell(made))
}
