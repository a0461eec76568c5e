//! Ages, clocks and durations in as few cells as they need.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long ago: `now`, `12m`, `3h`, `2d`, `14w`. A time to come is `now`.
///
/// Ages count from the start of the current minute, so that all on a screen change together, once
/// a minute, and an idle screen has one reason to wake.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = minute_of(now).duration_since(then).as_secs().max(0);
    short(seconds)
}

/// A length of time: `now` (under a minute), `12m`, `3h`, `2d`, `14w`.
pub fn short(seconds: i64) -> String {
    let minutes = seconds / 60;
    match minutes {
        ..1 => "now".to_owned(),
        1..60 => format!("{minutes}m"),
        60..2880 => format!("{}h", minutes / 60),
        2880..201_600 => format!("{}d", minutes / 1440),
        _ => format!("{}w", minutes / 10_080),
    }
}

/// The same with minutes on hours: `2h13`, for what counts down or matters most.
pub fn exact(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    match minutes {
        ..60 => format!("{minutes}m"),
        60..2880 => format!("{}h{:02}", minutes / 60, minutes % 60),
        _ => short(seconds),
    }
}

/// Time left or overdue: `0:48`, `-0:12`, `-3d`.
pub fn countdown(due: Timestamp, now: Timestamp) -> String {
    let seconds = due.duration_since(minute_of(now)).as_secs();
    let sign = if seconds < 0 { "-" } else { "" };
    let minutes = seconds.abs() / 60;
    if minutes >= 2880 {
        format!("{sign}{}d", minutes / 1440)
    } else {
        format!("{sign}{}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A length of time while waiting: `0.4 s`, `12 s`, `1:05`.
pub fn elapsed(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..60_000 => format!("{} s", milliseconds / 1000),
        _ => {
            let seconds = milliseconds / 1000;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
    }
}

/// The start of the minute an instant is in.
pub fn minute_of(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}

/// `20:58`.
pub fn clock(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = zone.to_datetime(time);
    format!("{:02}:{:02}", zoned.hour(), zoned.minute())
}

/// `20:58:41`.
pub fn clock_seconds(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = zone.to_datetime(time);
    format!(
        "{:02}:{:02}:{:02}",
        zoned.hour(),
        zoned.minute(),
        zoned.second()
    )
}

/// `08-19 20:58`, and the year where it is not this one.
pub fn day(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let zoned = zone.to_datetime(time);
    let clock = format!("{:02}:{:02}", zoned.hour(), zoned.minute());
    if zone.to_datetime(now).year() == zoned.year() {
        format!("{:02}-{:02} {clock}", zoned.month(), zoned.day())
    } else {
        format!(
            "{}-{:02}-{:02} {clock}",
            zoned.year(),
            zoned.month(),
            zoned.day()
        )
    }
}

/// `2026-08-19 20:58:41Z`, or with the offset of the local zone.
pub fn stamp(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = zone.to_datetime(time);
    let offset = zone.to_offset(time);
    let suffix = if offset.seconds() == 0 {
        "Z".to_owned()
    } else {
        offset.to_string()
    };
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}{suffix}",
        zoned.year(),
        zoned.month(),
        zoned.day(),
        zoned.hour(),
        zoned.minute(),
        zoned.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn ages_are_short_and_change_on_the_minute() {
        let now = at("2026-08-19T21:42:07Z");
        assert_eq!(ago(at("2026-08-19T21:42:01Z"), now), "now");
        assert_eq!(ago(at("2026-08-19T21:30:30Z"), now), "11m");
        assert_eq!(ago(at("2026-08-19T18:00:00Z"), now), "3h");
        assert_eq!(ago(at("2026-08-17T18:00:00Z"), now), "2d");
        assert_eq!(ago(at("2026-08-20T18:00:00Z"), now), "now");
        let later = at("2026-08-19T21:42:59Z");
        assert_eq!(
            ago(at("2026-08-19T21:30:30Z"), now),
            ago(at("2026-08-19T21:30:30Z"), later)
        );
    }

    #[test]
    fn countdowns_have_a_sign() {
        let now = at("2026-08-19T21:42:00Z");
        assert_eq!(countdown(at("2026-08-19T22:30:00Z"), now), "0:48");
        assert_eq!(countdown(at("2026-08-19T21:30:00Z"), now), "-0:12");
        assert_eq!(countdown(at("2026-08-10T21:30:00Z"), now), "-9d");
    }

    #[test]
    fn stamps_name_their_zone() {
        let time = at("2026-08-19T21:42:07.1234567Z");
        assert_eq!(stamp(time, &TimeZone::UTC), "2026-08-19 21:42:07Z");
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(stamp(time, &zone), "2026-08-19 23:42:07+02");
    }
}
