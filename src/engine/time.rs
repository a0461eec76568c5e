//! Datetimes and timespans as 64-bit counts of 100 ns ticks: calendar, reading and writing.
//!
//! A datetime counts ticks since 0001-01-01T00:00:00Z (proleptic Gregorian calendar, no leap
//! seconds), a timespan is a signed count. Both are what SQLite stores, so comparing and adding
//! are plain integer SQL; only calendar work and text come here.

mod format;
mod parse;

use std::fmt::Write as _;

pub use format::{format_datetime, format_timespan};
pub use parse::{parse_datetime, parse_timespan, timespan_unit};

/// Ticks in one microsecond.
pub const MICROSECOND: i64 = 10;
/// Ticks in one millisecond.
pub const MILLISECOND: i64 = 10_000;
/// Ticks in one second.
pub const SECOND: i64 = 10_000_000;
/// Ticks in one minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Ticks in one hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Ticks in one day.
pub const DAY: i64 = 24 * HOUR;
/// Ticks of 1970-01-01T00:00:00Z.
pub const UNIX_EPOCH: i64 = 719_162 * DAY;
/// The greatest datetime, 9999-12-31T23:59:59.9999999Z.
pub const MAX_DATETIME: i64 = 3_652_059 * DAY - 1;

/// A datetime taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// 1 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// Ticks within the second, 0 to 9,999,999.
    pub fraction: i64,
}

/// Days since 0001-01-01 of a calendar date (month and day are not checked).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Counting years from March puts the leap day last.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let doy = (153 * shifted + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 306
}

/// The calendar date of a number of days since 0001-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let shifted = (5 * doy + 2) / 153;
    let day = doy - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days in a month of a year.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0
            && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) =>
        {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Takes a datetime apart.
pub fn parts(ticks: i64) -> Parts {
    let (year, month, day) = civil_from_days(ticks.div_euclid(DAY));
    let t = ticks.rem_euclid(DAY);
    Parts {
        year,
        month,
        day,
        hour: t / HOUR,
        minute: t / MINUTE % 60,
        second: t / SECOND % 60,
        fraction: t % SECOND,
    }
}

/// A datetime from checked parts; `None` where a part is out of its range.
pub fn from_parts(p: Parts) -> Option<i64> {
    let ok = (1..=9999).contains(&p.year)
        && (1..=12).contains(&p.month)
        && p.day >= 1
        && p.day <= days_in_month(p.year, p.month)
        && (0..24).contains(&p.hour)
        && (0..60).contains(&p.minute)
        && (0..60).contains(&p.second)
        && (0..SECOND).contains(&p.fraction);
    ok.then(|| {
        days_from_civil(p.year, p.month, p.day) * DAY
            + p.hour * HOUR
            + p.minute * MINUTE
            + p.second * SECOND
            + p.fraction
    })
}

/// `2017-01-01T00:00:00.0000000Z`.
pub fn datetime_text(ticks: i64) -> String {
    let p = parts(ticks);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        p.year, p.month, p.day, p.hour, p.minute, p.second, p.fraction
    )
}

/// `[-][d.]hh:mm:ss[.fffffff]`.
pub fn timespan_text(ticks: i64) -> String {
    let mut out = String::new();
    if ticks < 0 {
        out.push('-');
    }
    let t = ticks.unsigned_abs();
    let (day, hour, minute, second) = (DAY as u64, HOUR as u64, MINUTE as u64, SECOND as u64);
    if t >= day {
        let _ = write!(out, "{}.", t / day);
    }
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        t / hour % 24,
        t / minute % 60,
        t / second % 60
    );
    if !t.is_multiple_of(second) {
        let _ = write!(out, ".{:07}", t % second);
    }
    out
}

/// Rounds down to a whole multiple of `size` since zero (year 1 for a datetime); `None` for a size of 0.
pub fn bin(value: i64, size: i64) -> Option<i64> {
    if size <= 0 {
        return None;
    }
    value.checked_sub(value.rem_euclid(size))
}

/// The calendar units of `startof…`, `endof…`, `datetime_diff` and `datetime_add`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calendar year.
    Year,
    /// Three months from January, April, July, October.
    Quarter,
    /// Calendar month.
    Month,
    /// Seven days from Sunday.
    Week,
    /// A fixed number of ticks: day, hour, minute, second, millisecond, microsecond.
    Fixed(i64),
    /// A hundredth of a tick.
    Nanosecond,
}

impl Unit {
    /// The unit of a name such as `'month'` (case ignored).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" => Self::Year,
            "quarter" => Self::Quarter,
            "month" => Self::Month,
            "week" => Self::Week,
            "day" => Self::Fixed(DAY),
            "hour" => Self::Fixed(HOUR),
            "minute" => Self::Fixed(MINUTE),
            "second" => Self::Fixed(SECOND),
            "millisecond" => Self::Fixed(MILLISECOND),
            "microsecond" => Self::Fixed(MICROSECOND),
            "nanosecond" => Self::Nanosecond,
            _ => return None,
        })
    }
}

/// Months since year 0.
fn month_index(ticks: i64) -> i64 {
    let p = parts(ticks);
    p.year * 12 + p.month - 1
}

/// Days since the Sunday on or before 0001-01-01 (a Monday).
fn week_index(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).div_euclid(7)
}

fn start_of_month_index(index: i64) -> i64 {
    days_from_civil(index.div_euclid(12), index.rem_euclid(12) + 1, 1) * DAY
}

/// The first tick of the unit that holds `ticks`, moved by `offset` units.
pub fn start_of(unit: Unit, ticks: i64, offset: i64) -> Option<i64> {
    if offset.abs() > 4_000_000 {
        return None;
    }
    let start = match unit {
        Unit::Year => start_of_month_index((month_index(ticks) / 12 + offset) * 12),
        Unit::Quarter => start_of_month_index((month_index(ticks) / 3 + offset) * 3),
        Unit::Month => start_of_month_index(month_index(ticks) + offset),
        Unit::Week => ((week_index(ticks) + offset) * 7 - 1) * DAY,
        Unit::Fixed(size) => bin(ticks, size)?.checked_add(offset.checked_mul(size)?)?,
        Unit::Nanosecond => ticks,
    };
    (-DAY * 7..=MAX_DATETIME + DAY)
        .contains(&start)
        .then_some(start)
}

/// The last tick of the unit that holds `ticks`, moved by `offset` units.
pub fn end_of(unit: Unit, ticks: i64, offset: i64) -> Option<i64> {
    start_of(unit, ticks, offset + 1).map(|next| next - 1)
}

/// Borders of `unit` crossed going from `b` to `a`.
pub fn datetime_diff(unit: Unit, a: i64, b: i64) -> i64 {
    match unit {
        Unit::Year => month_index(a).div_euclid(12) - month_index(b).div_euclid(12),
        Unit::Quarter => month_index(a).div_euclid(3) - month_index(b).div_euclid(3),
        Unit::Month => month_index(a) - month_index(b),
        Unit::Week => week_index(a) - week_index(b),
        Unit::Fixed(size) => a.div_euclid(size) - b.div_euclid(size),
        Unit::Nanosecond => (a - b).saturating_mul(100),
    }
}

/// `ticks` moved by `amount` units; a day past the end of the month becomes its last day.
pub fn datetime_add(unit: Unit, amount: i64, ticks: i64) -> Option<i64> {
    if amount.abs() > i64::MAX / DAY {
        return None;
    }
    let months = |n: i64| {
        let index = month_index(ticks) + n;
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let day = parts(ticks).day.min(days_in_month(year, month));
        Some(days_from_civil(year, month, day) * DAY + ticks.rem_euclid(DAY))
    };
    let moved = match unit {
        Unit::Year => months(amount * 12)?,
        Unit::Quarter => months(amount * 3)?,
        Unit::Month => months(amount)?,
        Unit::Week => ticks.checked_add(amount.checked_mul(7 * DAY)?)?,
        Unit::Fixed(size) => ticks.checked_add(amount.checked_mul(size)?)?,
        Unit::Nanosecond => ticks.checked_add(amount / 100)?,
    };
    (0..=MAX_DATETIME).contains(&moved).then_some(moved)
}

/// Day of the week as days since Sunday, 0 to 6.
pub fn day_of_week(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).rem_euclid(7)
}

/// Day of the year from 1.
pub fn day_of_year(ticks: i64) -> i64 {
    ticks.div_euclid(DAY) - days_from_civil(parts(ticks).year, 1, 1) + 1
}

/// ISO 8601 week of the year.
pub fn week_of_year(ticks: i64) -> i64 {
    let day = ticks.div_euclid(DAY);
    // The week belongs to the year of its Thursday; 0001-01-01 was a Monday.
    let thursday = day - day.rem_euclid(7) + 3;
    let (year, _, _) = civil_from_days(thursday);
    (thursday - days_from_civil(year, 1, 1)) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dt(text: &str) -> i64 {
        parse_datetime(text).expect("works")
    }

    #[test]
    fn days_and_dates_are_inverse() {
        assert_eq!(days_from_civil(1, 1, 1), 0);
        assert_eq!(days_from_civil(1970, 1, 1) * DAY, UNIX_EPOCH);
        for days in (0..3_652_059).step_by(97) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert_eq!(datetime_text(MAX_DATETIME), "9999-12-31T23:59:59.9999999Z");
    }

    #[test]
    fn datetimes_are_read_in_many_forms() {
        let want = dt("2014-11-08T15:05:02.0000000Z");
        for text in [
            "2014-11-08 15:05:02",
            "2014-11-08T17:05:02+02:00",
            "Sat, 8 Nov 2014 15:05:02 GMT",
            "Sat, 8 Nov 14 15:05:02 GMT",
            "Saturday, 08-Nov-14 15:05:02 UTC",
            "8 Nov 2014 15:05:02",
            "11/08/2014 3:05:02 PM",
        ] {
            assert_eq!(parse_datetime(text), Some(want), "{text}");
        }
        assert_eq!(
            datetime_text(dt("2014-05-25")),
            "2014-05-25T00:00:00.0000000Z"
        );
        assert_eq!(dt("2024-01-01 00:00:00.1234567") % SECOND, 1_234_567);
        for text in [
            "soon",
            "",
            "2014-13-01",
            "2014-02-30",
            "12abc",
            "2014-11-08 25:00",
            "1",
        ] {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
    }

    #[test]
    fn timespans_are_read_and_written() {
        for (text, want) in [
            ("1.02:03:04", "1.02:03:04"),
            ("00:00:01.5", "00:00:01.5000000"),
            ("-1d", "-1.00:00:00"),
            ("1.5h", "01:30:00"),
            ("1tick", "00:00:00.0000001"),
            ("2", "2.00:00:00"),
            ("12:30", "12:30:00"),
        ] {
            assert_eq!(
                parse_timespan(text).map(timespan_text).as_deref(),
                Some(want),
                "{text}"
            );
        }
        assert_eq!(parse_timespan("x"), None);
        assert_eq!(parse_timespan("1.2:3:4:5:6"), None);
    }

    #[test]
    fn units_start_end_and_are_counted() {
        let t = dt("2024-03-06 10:20:30");
        let text = |t: Option<i64>| t.map(datetime_text).expect("works");
        assert_eq!(
            text(start_of(Unit::Week, t, 0)),
            "2024-03-03T00:00:00.0000000Z"
        );
        assert_eq!(
            text(start_of(Unit::Month, t, -1)),
            "2024-02-01T00:00:00.0000000Z"
        );
        assert_eq!(
            text(end_of(Unit::Month, t, -1)),
            "2024-02-29T23:59:59.9999999Z"
        );
        assert_eq!(
            text(end_of(Unit::Year, t, 0)),
            "2024-12-31T23:59:59.9999999Z"
        );
        assert_eq!(
            datetime_diff(
                Unit::Fixed(HOUR),
                dt("2024-01-01 10:01"),
                dt("2024-01-01 09:59")
            ),
            1
        );
        assert_eq!(
            datetime_diff(Unit::Quarter, dt("2017-07-01"), dt("2017-03-30")),
            2
        );
        assert_eq!(
            datetime_diff(Unit::Week, dt("2017-10-29"), dt("2017-09-30 23:59")),
            5
        );
        assert_eq!(
            text(datetime_add(Unit::Month, 1, dt("2024-01-31"))),
            "2024-02-29T00:00:00.0000000Z"
        );
        assert_eq!(week_of_year(dt("2024-12-30")), 1);
        assert_eq!(day_of_week(t), 3);
    }

    #[test]
    fn patterns_are_followed() {
        let t = dt("2017-01-29 09:00:05.617");
        assert_eq!(
            format_datetime(t, "yy-MM-dd [hh:mm:ss tt] fff FFFF"),
            "17-01-29 [09:00:05 AM] 617 617"
        );
        let span = parse_timespan("29.09:00:05.12345").expect("works");
        assert_eq!(
            format_timespan(span, "ddd.h:mm:ss [fffffff]"),
            "029.9:00:05 [1234500]"
        );
    }
}
