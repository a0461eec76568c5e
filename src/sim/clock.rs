//! Time as the simulated services keep it: ticks of 100 ns since 0001-01-01, and the story clock.
//!
//! Knows nothing of HTTP or of the story; it turns story minutes into wall time and ticks into text.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// 100-nanosecond steps since 0001-01-01T00:00:00Z, as .NET and Kusto count.
pub type Ticks = i64;

/// Ticks in a second.
pub const SECOND: Ticks = 10_000_000;
/// Ticks in a minute.
pub const MINUTE: Ticks = 60 * SECOND;
/// Ticks in an hour.
pub const HOUR: Ticks = 60 * MINUTE;
/// Ticks in a day.
pub const DAY: Ticks = 24 * HOUR;

const UNIX_EPOCH_TICKS: Ticks = 621_355_968_000_000_000;

/// Ticks from seconds since 1970.
#[cfg(test)]
pub fn from_unix(seconds: i64) -> Ticks {
    UNIX_EPOCH_TICKS + seconds * SECOND
}

/// Whole seconds since 1970.
pub fn to_unix(ticks: Ticks) -> i64 {
    (ticks - UNIX_EPOCH_TICKS).div_euclid(SECOND)
}

/// Wall time.
pub fn wall() -> Ticks {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UNIX_EPOCH_TICKS + i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX / 2)
}

/// Where the hands of a clock stand, and how fast they move: all there is to know about it beside its start.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Hands {
    /// Tenant time at a moment.
    pub at: Ticks,
    /// Wall time at that moment.
    pub wall: Ticks,
    /// Tenant time runs this many times as fast as wall time; 0 is frozen.
    pub rate: f64,
}

/// The clock of a host. Tenant time runs `rate` times as fast as wall time, or not at all; the story runs
/// `speed` times as fast as tenant time.
#[derive(Debug)]
pub struct Clock {
    start: AtomicI64,
    speed: f64,
    state: RwLock<(Hands, Instant)>,
}

impl Clock {
    /// For tests: a clock in wall time that starts now, or at `start` when given (so that a run can be repeated to
    /// the letter).
    #[cfg(test)]
    pub fn new(start: Option<Ticks>, speed: f64) -> Self {
        let wall = wall();
        let hands = Hands {
            at: start.unwrap_or(wall),
            wall,
            rate: 1.0,
        };
        Self::with(hands.at, hands, speed)
    }

    /// A clock of a tenant that was started at `start`, with its hands where they are or once were.
    pub fn with(start: Ticks, hands: Hands, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 {
            speed
        } else {
            1.0
        };
        let mut hands = hands;
        let now = wall();
        hands.at += scale((now - hands.wall).max(0), hands.rate);
        hands.wall = now;
        Self {
            start: AtomicI64::new(start),
            speed,
            state: RwLock::new((hands, Instant::now())),
        }
    }

    /// The moment the tenant was started.
    pub fn start(&self) -> Ticks {
        self.start.load(Ordering::Acquire)
    }

    /// Pace of the story.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Becomes the clock of a tenant that was started at `start`.
    pub fn restart(&self, start: Ticks, hands: Hands) {
        let other = Self::with(start, hands, self.speed);
        self.start.store(start, Ordering::Release);
        self.set(|hands| *hands = other.hands());
    }

    /// The tenant's time: that of the request being answered, or what the clock shows.
    pub fn now(&self) -> Ticks {
        NOW.try_with(|now| *now).unwrap_or_else(|_| self.hands().at)
    }

    /// Where the hands stand now.
    pub fn hands(&self) -> Hands {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        moved(&state)
    }

    /// How fast tenant time runs; 0 is frozen.
    pub fn rate(&self) -> f64 {
        self.hands().rate
    }

    /// Moves the tenant's time forward, so that nobody need wait.
    pub fn advance(&self, by: Duration) {
        let by = Ticks::try_from(by.as_nanos() / 100).unwrap_or(0);
        self.set(|hands| hands.at = hands.at.saturating_add(by));
    }

    /// Lets tenant time run this many times as fast as wall time from now on; 0 freezes it.
    pub fn set_rate(&self, rate: f64) {
        self.set(|hands| hands.rate = rate);
    }

    /// Puts the hands forward to where they once were; never back.
    pub fn catch_up(&self, to: Ticks) {
        self.set(|hands| hands.at = hands.at.max(to));
    }

    fn set(&self, change: impl FnOnce(&mut Hands)) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut hands = moved(&state);
        change(&mut hands);
        *state = (hands, Instant::now());
    }

    /// When a story moment happens: what lies before the start is not scaled, what follows is.
    pub fn at(&self, story: Ticks) -> Ticks {
        if story <= 0 {
            self.start() + story
        } else {
            self.start() + self.scaled(story)
        }
    }

    /// How long a span of story time takes.
    pub fn scaled(&self, span: Ticks) -> Ticks {
        (span as f64 / self.speed) as Ticks
    }
}

tokio::task_local! {
    static NOW: Ticks;
    static AHEAD: i64;
}

/// Lets the service's clock be so many seconds ahead of this computer's for as long as `work` takes: for
/// what compares times that a client wrote.
pub async fn ahead<F: Future>(seconds: i64, work: F) -> F::Output {
    AHEAD.scope(seconds, work).await
}

/// This computer's time as the service has it, Unix seconds.
pub fn own_unix() -> i64 {
    to_unix(wall()) + AHEAD.try_with(|seconds| *seconds).unwrap_or(0)
}

/// Lets the tenant's clock stand still at `now` for as long as `work` takes. Work handed to other threads
/// is not covered: it takes its time along.
pub async fn at<F: Future>(now: Ticks, work: F) -> F::Output {
    NOW.scope(now, work).await
}

fn scale(span: Ticks, rate: f64) -> Ticks {
    // The usual rates keep every tick.
    if rate.fract() == 0.0 && rate.abs() < 1e9 {
        span.saturating_mul(rate as Ticks)
    } else {
        (span as f64 * rate) as Ticks
    }
}

fn moved((hands, then): &(Hands, Instant)) -> Hands {
    let run = Ticks::try_from(then.elapsed().as_nanos() / 100).unwrap_or(0);
    Hands {
        at: hands.at.saturating_add(scale(run, hands.rate)),
        wall: hands.wall.saturating_add(run),
        rate: hands.rate,
    }
}

/// Year, month, day of a day count since 1970-01-01 (Howard Hinnant's civil calendar).
fn civil(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Writes `2026-08-19T07:02:10.98Z`: `digits` fraction digits, trailing zeros dropped when `trim`.
fn write(out: &mut Vec<u8>, ticks: Ticks, trim: bool) {
    fn pad(out: &mut Vec<u8>, value: u64, width: usize) {
        let mut digits = [b'0'; 7];
        let mut rest = value;
        for slot in digits[..width].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&digits[..width]);
    }
    let since = ticks - UNIX_EPOCH_TICKS;
    let (year, month, day) = civil(since.div_euclid(DAY));
    let rest = since.rem_euclid(DAY) as u64;
    pad(out, year.clamp(0, 9999) as u64, 4);
    out.push(b'-');
    pad(out, u64::from(month), 2);
    out.push(b'-');
    pad(out, u64::from(day), 2);
    out.push(b'T');
    pad(out, rest / HOUR as u64, 2);
    out.push(b':');
    pad(out, rest / MINUTE as u64 % 60, 2);
    out.push(b':');
    pad(out, rest / SECOND as u64 % 60, 2);
    let fraction = rest % SECOND as u64;
    if !trim || fraction > 0 {
        out.push(b'.');
        pad(out, fraction, 7);
        if trim {
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
    out.push(b'Z');
}

/// Appends a time as Graph writes it: up to seven fraction digits, trailing zeros dropped.
pub fn push_graph(out: &mut Vec<u8>, ticks: Ticks) {
    write(out, ticks, true);
}

/// A time as Graph writes it.
pub fn graph(ticks: Ticks) -> String {
    let mut out = Vec::with_capacity(28);
    write(&mut out, ticks, true);
    String::from_utf8(out).expect("digits are ASCII")
}

/// A time as Defender for Endpoint writes it: always seven fraction digits.
pub fn defender(ticks: Ticks) -> String {
    let mut out = Vec::with_capacity(28);
    write(&mut out, ticks, false);
    String::from_utf8(out).expect("digits are ASCII")
}

/// Reads how fast tenant time runs: `real`, `frozen`, or `60x`.
pub fn pace(text: &str) -> Option<f64> {
    match text {
        "real" => Some(1.0),
        "frozen" => Some(0.0),
        _ => {
            let rate = text.strip_suffix('x')?.parse::<f64>().ok()?;
            (rate.is_finite() && rate > 0.0 && rate <= 1e6).then_some(rate)
        }
    }
}

/// Reads a span such as `250ms`, `90s`, `5m`, `2h`, `8d`.
pub fn span(text: &str) -> Option<Ticks> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: Ticks = text[..digits].parse().ok()?;
    number.checked_mul(match &text[digits..] {
        "ms" => SECOND / 1000,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return None,
    })
}

/// Reads an OData date-time or date: any number of fraction digits, `Z` or an offset; no zone is UTC.
pub fn parse(text: &str) -> Option<Ticks> {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = text.get(range)?;
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse().ok())?
    };
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut ticks = UNIX_EPOCH_TICKS + days_of(year, month, day) * DAY;
    let Some(rest) = text.get(10..).filter(|r| !r.is_empty()) else {
        return Some(ticks);
    };
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    if rest.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let part = |range: std::ops::Range<usize>| rest.get(range).and_then(|p| p.parse::<i64>().ok());
    ticks += part(0..2).filter(|h| *h < 24)? * HOUR + part(3..5).filter(|m| *m < 60)? * MINUTE;
    let mut tail = rest.get(5..)?;
    if let Some(after) = tail.strip_prefix(':') {
        ticks += after.get(0..2)?.parse::<i64>().ok().filter(|s| *s < 60)? * SECOND;
        tail = after.get(2..)?;
        if let Some(after) = tail.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            let mut unit = SECOND;
            for digit in after.bytes().take(digits.min(7)) {
                unit /= 10;
                ticks += i64::from(digit - b'0') * unit;
            }
            tail = after.get(digits..)?;
        }
    }
    match tail {
        "" | "Z" | "z" => Some(ticks),
        offset => {
            let sign = match offset.as_bytes().first()? {
                b'+' | b' ' => 1,
                b'-' => -1,
                _ => return None,
            };
            let hours: i64 = offset.get(1..3)?.parse().ok()?;
            let minutes: i64 = offset.get(4..6)?.parse().ok()?;
            Some(ticks - sign * (hours * HOUR + minutes * MINUTE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_back() {
        for text in [
            "2026-08-19T07:02:10.98Z",
            "2026-02-28T23:59:59.0000001Z",
            "2024-02-29T00:00:00Z",
        ] {
            assert_eq!(graph(parse(text).expect("valid")), text);
        }
        let ticks = parse("2026-08-19T07:02:10.98Z").expect("valid");
        assert_eq!(defender(ticks), "2026-08-19T07:02:10.9800000Z");
        assert_eq!(parse("2026-08-19T09:02:10.98+02:00"), Some(ticks));
        assert_eq!(parse("2026-08-19"), Some(ticks - ticks.rem_euclid(DAY)));
        assert_eq!(to_unix(from_unix(1_700_000_000)), 1_700_000_000);
        assert_eq!(span("250ms"), Some(SECOND / 4));
        assert_eq!(span("8d"), Some(8 * DAY));
        for wrong in [
            "",
            "5",
            "m",
            "-5m",
            "5 m",
            "99999999999999999999d",
            "999999999999999d",
        ] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
        for wrong in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-08-19T25:00:00Z",
            "2026-08-19T07:02:10.Z",
            "2026-08-19T07",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_past_is_not_scaled_and_the_future_is() {
        let clock = Clock::new(Some(from_unix(1_000_000)), 10.0);
        assert_eq!(clock.at(-MINUTE), clock.start() - MINUTE);
        assert_eq!(clock.at(MINUTE), clock.start() + 6 * SECOND);
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() - before >= HOUR);
    }

    #[test]
    fn a_clock_runs_as_fast_as_it_is_told_and_goes_on_where_it_was() {
        let start = from_unix(1_000_000);
        let then = Hands {
            at: start + HOUR,
            wall: wall() - MINUTE,
            rate: 60.0,
        };
        let fast = Clock::with(start, then, 1.0);
        // A minute has passed on the wall since, and a little more.
        assert!(fast.now() - start >= 2 * HOUR);
        assert!(fast.now() - start < 3 * HOUR);
        fast.set_rate(0.0);
        let frozen = fast.now();
        assert_eq!(fast.now(), frozen);
        fast.advance(Duration::from_secs(60));
        assert_eq!(fast.now(), frozen + MINUTE);
        fast.catch_up(frozen);
        assert_eq!(fast.now(), frozen + MINUTE);
        let again = Clock::with(start, fast.hands(), 1.0);
        assert_eq!(again.now(), frozen + MINUTE);
        assert_eq!(pace("60x"), Some(60.0));
        assert_eq!(pace("frozen"), Some(0.0));
        assert_eq!(pace("real"), Some(1.0));
        for wrong in ["", "x", "60", "-1x", "nanx", "infx", "0x"] {
            assert_eq!(pace(wrong), None, "{wrong}");
        }
    }
}
