//! When things happen: people work by day and on weekdays, and so do alerts about them.
//!
//! The shape is our own estimate, in UTC, for a company whose people sit in Europe.

use super::super::clock::{DAY, HOUR, Ticks};

/// How busy each hour of a weekday is, in percent of the average hour of a week.
const WEEKDAY: [u32; 24] = [
    55, 50, 50, 50, 55, 65, 85, 130, 180, 190, 185, 175, 150, 175, 185, 180, 165, 130, 105, 90, 80,
    75, 65, 60,
];

/// A day of the weekend has this share of a weekday's hour, in percent.
const WEEKEND: u32 = 62;

/// How busy a moment is, 1 being the average of a week.
pub fn busy(at: Ticks) -> f64 {
    let hour = WEEKDAY[(at.rem_euclid(DAY) / HOUR) as usize];
    let share = if is_weekend(at) { WEEKEND } else { 100 };
    f64::from(hour * share) / 10_000.0
}

/// Whether a moment lies on a Saturday or Sunday. Day 0 of the ticks was a Monday.
pub fn is_weekend(at: Ticks) -> bool {
    at.div_euclid(DAY).rem_euclid(7) >= 5
}

/// How many people work the queue at a moment.
pub fn staff(at: Ticks) -> u32 {
    let day: u32 = match at.rem_euclid(DAY) / HOUR {
        7..=15 => 5,
        16..=21 => 2,
        _ => 1,
    };
    if is_weekend(at) { day.div_ceil(2) } else { day }
}

/// A stretch of time that can be cut into parts that are equally busy.
#[derive(Debug)]
pub struct Stretch {
    from: Ticks,
    /// How much has happened at the end of each hour.
    mass: Vec<f64>,
}

impl Stretch {
    /// The stretch between two moments.
    pub fn new(from: Ticks, to: Ticks) -> Self {
        let hours = ((to - from) / HOUR).max(1);
        let mut sum = 0.0;
        let mass = (0..hours)
            .map(|n| {
                sum += busy(from + n * HOUR);
                sum
            })
            .collect();
        Self { from, mass }
    }

    /// The moment by which this share (0 to 1) of everything has happened.
    pub fn moment(&self, share: f64) -> Ticks {
        let all = self.mass.last().copied().unwrap_or(1.0);
        let wanted = share.clamp(0.0, 1.0) * all;
        let hour = self.mass.partition_point(|m| *m < wanted);
        let hour = hour.min(self.mass.len() - 1);
        let before = if hour == 0 { 0.0 } else { self.mass[hour - 1] };
        let part = (wanted - before) / (self.mass[hour] - before);
        self.from + hour as Ticks * HOUR + (part * HOUR as f64) as Ticks
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::clock::parse;
    use super::*;

    #[test]
    fn the_days_are_busy_and_the_nights_and_weekends_are_not() {
        let at = |text| parse(text).expect("a time");
        assert!(is_weekend(at("2026-08-01T12:00:00Z")), "a Saturday");
        assert!(!is_weekend(at("2026-08-03T00:00:00Z")), "a Monday");
        assert!(busy(at("2026-08-03T09:30:00Z")) > 3.0 * busy(at("2026-08-03T02:00:00Z")));
        assert!(staff(at("2026-08-03T09:30:00Z")) > staff(at("2026-08-01T09:30:00Z")));
        let week = at("2026-08-03T00:00:00Z");
        let mean = (0..168).map(|h| busy(week + h * HOUR)).sum::<f64>() / 168.0;
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn a_stretch_is_cut_where_as_much_has_happened() {
        let week = parse("2026-08-03T00:00:00Z").expect("a time");
        let stretch = Stretch::new(week, week + 7 * DAY);
        let all: Vec<Ticks> = (0..=1000)
            .map(|n| stretch.moment(f64::from(n) / 1000.0))
            .collect();
        assert!(all.is_sorted());
        assert_eq!((all[0], all[1000]), (week, week + 7 * DAY));
        let by_day = all.iter().filter(|t| (7..17).contains(&(**t % DAY / HOUR)));
        assert!(by_day.count() > 550);
    }
}
