//! Axes: where their marks stand and what they say, in as few characters as a person needs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A mark of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where, in the axis' own unit.
    pub at: f64,
    /// What it says.
    pub label: String,
}

/// A number in a few characters: `0`, `12`, `1.2k`, `-3.4M`, `0.05`.
pub fn short(number: f64) -> String {
    let size = number.abs();
    let (unit, word) = match size {
        _ if !number.is_finite() => return "∞".to_owned(),
        1e15.. => return format!("{number:.0e}"),
        1e12.. => (1e12, "T"),
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e3.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    let value = number / unit;
    let size = value.abs();
    let decimals = match size {
        0.0 => 0,
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.01.. => 3,
        _ => return format!("{number:.1e}"),
    };
    let mut out = format!("{value:.decimals$}");
    if out.contains('.') {
        out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
    }
    if out == "-0" {
        "0".clone_into(&mut out);
    }
    out + word
}

/// A number whole where that is readable, for reading a value off: `12,345`, `0.0512`.
pub fn exact(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let digits = format!("{:.0}", number.abs());
        let mut out = String::new();
        for (nth, c) in digits.chars().enumerate() {
            if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
                out.push(',');
            }
            out.push(c);
        }
        if number < 0.0 { format!("-{out}") } else { out }
    } else if number.abs() >= 0.001 && number.abs() < 1e15 {
        let out = format!("{number:.3}");
        out.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{number:.3e}")
    }
}

/// Round marks between two numbers, about `wanted` of them.
pub fn numbers(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![Tick {
            at: low,
            label: short(low),
        }];
    }
    let rough = span / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|it| it * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(power * 10.0);
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    let mut ticks = Vec::new();
    let mut nth = first;
    while nth <= last && ticks.len() < 100 {
        // a multiple, not a sum: no drift
        let at = nth * step;
        ticks.push(Tick {
            at,
            label: short(at),
        });
        nth += 1.0;
    }
    ticks
}

/// Steps of a time axis, in milliseconds.
const STEPS: &[f64] = &[
    1.0,
    10.0,
    100.0,
    1_000.0,
    5_000.0,
    15_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    900_000.0,
    1_800_000.0,
    3_600_000.0,
    10_800_000.0,
    21_600_000.0,
    43_200_000.0,
    86_400_000.0,
    172_800_000.0,
    604_800_000.0,
    1_209_600_000.0,
    2_592_000_000.0,
    7_776_000_000.0,
    31_536_000_000.0,
];

/// A round step that goes about `wanted` times into a span of milliseconds.
pub fn time_step(span: f64, wanted: usize) -> f64 {
    let rough = span / wanted.max(1) as f64;
    let found = STEPS.iter().copied().find(|step| *step >= rough);
    found.unwrap_or_else(|| (rough / 31_536_000_000.0).ceil() * 31_536_000_000.0)
}

/// `5m`, `1h`, `7d`: a step in words.
pub fn step_word(step: f64) -> String {
    let (unit, word) = match step {
        86_400_000.0.. => (86_400_000.0, "d"),
        3_600_000.0.. => (3_600_000.0, "h"),
        60_000.0.. => (60_000.0, "m"),
        1_000.0.. => (1_000.0, "s"),
        _ => (1.0, "ms"),
    };
    format!("{}{word}", short(step / unit))
}

/// An instant of a time axis.
pub fn instant(at: f64) -> Option<Timestamp> {
    let whole = at.is_finite().then_some(at)?;
    Timestamp::from_microsecond((whole * 1000.0).round() as i64).ok()
}

fn written(at: f64, form: &str, zone: &TimeZone) -> String {
    instant(at).map_or_else(String::new, |at| {
        at.to_zoned(zone.clone()).strftime(form).to_string()
    })
}

/// Round marks between two instants (milliseconds since 1970), about `wanted` of them; the labels are
/// as long as the span needs, and the first of a day tells the day.
pub fn times(low: f64, high: f64, wanted: usize, zone: &TimeZone) -> Vec<Tick> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![Tick {
            at: low,
            label: moment(low, zone),
        }];
    }
    let step = time_step(span, wanted);
    // round in the zone shown, as far as one offset does
    let shift = instant(low).map_or(0.0, |at| f64::from(zone.to_offset(at).seconds()) * 1000.0);
    let mut at = ((low + shift) / step - 1e-9).ceil() * step - shift;
    let form = match step {
        31_536_000_000.0.. => "%Y",
        86_400_000.0.. => "%m-%d",
        60_000.0.. => "%H:%M",
        1_000.0.. => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    let days = step < 86_400_000.0 && written(low, "%F", zone) != written(high, "%F", zone);
    let mut ticks = Vec::new();
    let mut day = String::new();
    while at <= high + step * 1e-9 && ticks.len() < 100 {
        let mut label = written(at, form, zone);
        if days {
            let of = written(at, "%m-%d", zone);
            if of != day {
                // midnight is the day itself
                label = if label == "00:00" {
                    of.clone()
                } else {
                    format!("{of} {label}")
                };
                day = of;
            }
        }
        ticks.push(Tick { at, label });
        at += step;
    }
    ticks
}

/// An instant for reading it off.
pub fn moment(at: f64, zone: &TimeZone) -> String {
    let second = at.rem_euclid(60_000.0);
    let form = match second {
        0.0 => "%Y-%m-%d %H:%M",
        _ if second.rem_euclid(1_000.0) == 0.0 => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M:%S%.3f",
    };
    written(at, form, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, said) in [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (950.0, "950"),
            (1234.0, "1.23k"),
            (1200.0, "1.2k"),
            (12_345.0, "12.3k"),
            (-3_400_000.0, "-3.4M"),
            (0.05, "0.05"),
            (0.000_012, "1.2e-5"),
            (2.5e9, "2.5G"),
            (1e18, "1e18"),
        ] {
            assert_eq!(short(number), said);
        }
        assert_eq!(exact(-1_234_567.0), "-1,234,567");
        assert_eq!(exact(0.0512), "0.051");
    }

    #[test]
    fn marks_are_round_and_within() {
        let at = |low, high, wanted| -> Vec<String> {
            let ticks = numbers(low, high, wanted);
            ticks.into_iter().map(|it| it.label).collect()
        };
        assert_eq!(at(0.0, 10.0, 5), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(at(-3.0, 4.0, 4), ["-2", "0", "2", "4"]);
        assert_eq!(at(0.0, 0.3, 3), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(at(5.0, 5.0, 3), ["5"]);
    }

    #[test]
    fn times_are_labelled_by_their_span() {
        let of = |text: &str| text.parse::<Timestamp>().expect("a time").as_millisecond() as f64;
        let at = |low: &str, high: &str, wanted| -> Vec<String> {
            let ticks = times(of(low), of(high), wanted, &TimeZone::UTC);
            ticks.into_iter().map(|it| it.label).collect()
        };
        assert_eq!(
            at("2026-08-19T20:58:00Z", "2026-08-19T21:44:00Z", 4),
            ["21:00", "21:15", "21:30"]
        );
        assert_eq!(
            at("2026-08-18T20:00:00Z", "2026-08-19T10:00:00Z", 4),
            ["08-19", "06:00"]
        );
        assert_eq!(
            at("2026-08-01T00:00:00Z", "2026-08-29T00:00:00Z", 4),
            ["08-06", "08-13", "08-20", "08-27"]
        );
        assert_eq!(step_word(3_600_000.0), "1h");
        assert_eq!(step_word(604_800_000.0), "7d");
    }
}
