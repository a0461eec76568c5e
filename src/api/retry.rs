//! Whether to try again: one pure function, and the waits it speaks of.

use std::time::{Duration, SystemTime};

use super::error::Reached;

/// How a call bears being sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A read: sent again as often as sensible.
    Read,
    /// A hunt: a read that costs, so only where the service turned it away (429, 503) or never got it.
    Hunt,
    /// A write: only where it surely was not carried out.
    Write,
}

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// No answer: the connection failed.
    Failed(Reached),
    /// No answer in time.
    TimedOut(Reached),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take the answer.
    Accept,
    /// Get a new token and send again at once.
    Renew,
    /// Wait this long and send again.
    Again(Duration),
    /// Tell the caller.
    GiveUp,
}

/// What is known when a verdict is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What came of the attempt.
    pub outcome: Outcome,
    /// What the service asked for.
    pub retry_after: Option<Duration>,
    /// Attempts made, this one included: 1 after the first.
    pub attempt: u32,
    /// Attempts at most.
    pub attempts: u32,
    /// Whether the token has been renewed for this call already.
    pub renewed: bool,
    /// How the call bears being sent twice.
    pub repeat: Repeat,
    /// The longest wait the caller bears.
    pub patience: Duration,
    /// 0 to 1, at random.
    pub jitter: f64,
}

/// Whether to send a call again.
pub fn verdict(case: Case) -> Verdict {
    let again = |least: Option<Duration>| {
        let wait = backoff(case.attempt, case.jitter);
        let wait = least.map_or(wait, |least| least.max(Duration::from_millis(50)));
        if case.attempt < case.attempts && wait <= case.patience {
            Verdict::Again(wait)
        } else {
            Verdict::GiveUp
        }
    };
    match (case.outcome, case.repeat) {
        (Outcome::Status(200..=299), _) => Verdict::Accept,
        // The token was refused before anything was done, whatever the call.
        (Outcome::Status(401), _) if !case.renewed => Verdict::Renew,
        // So was the call itself.
        (Outcome::Status(429), _) => again(case.retry_after),
        (Outcome::Status(503), Repeat::Read | Repeat::Hunt)
        | (Outcome::Status(500 | 502 | 504 | 509), Repeat::Read) => again(case.retry_after),
        (Outcome::Status(_), _) => Verdict::GiveUp,
        (Outcome::Failed(Reached::No) | Outcome::TimedOut(Reached::No), _) => again(None),
        (Outcome::Failed(_), Repeat::Read) => again(None),
        // A read that was slow once may be quick now; twice is enough.
        (Outcome::TimedOut(_), Repeat::Read) if case.attempt < 2 => again(None),
        (Outcome::Failed(_) | Outcome::TimedOut(_), _) => Verdict::GiveUp,
    }
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The wait after an attempt where the service named none: 1 s doubling to 60 s, less up to half of
/// it at random so that callers spread.
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    let whole = FIRST
        .saturating_mul(1 << attempt.saturating_sub(1).min(10))
        .min(LONGEST);
    whole.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

/// Reads `Retry-After`: seconds (a fraction is rounded up) or an HTTP date, of which the past is zero.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0)
            .then(|| Duration::from_secs(seconds.ceil().min(86_400.0) as u64));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Option<Duration> = Some(Duration::from_secs(2));
    const LONG: Option<Duration> = Some(Duration::from_secs(300));

    fn case(outcome: Outcome, repeat: Repeat) -> Case {
        Case {
            outcome,
            retry_after: None,
            attempt: 1,
            attempts: 4,
            renewed: false,
            repeat,
            patience: Duration::from_secs(30),
            jitter: 0.0,
        }
    }

    #[test]
    fn a_write_is_sent_again_only_where_it_surely_was_not_carried_out() {
        let write = |outcome| verdict(case(outcome, Repeat::Write));
        for outcome in [
            Outcome::Failed(Reached::Maybe),
            Outcome::TimedOut(Reached::Maybe),
            Outcome::Status(500),
            Outcome::Status(502),
            Outcome::Status(503),
            Outcome::Status(504),
            Outcome::Status(400),
            Outcome::Status(409),
        ] {
            assert_eq!(write(outcome), Verdict::GiveUp, "{outcome:?}");
        }
        for outcome in [
            Outcome::Failed(Reached::No),
            Outcome::TimedOut(Reached::No),
            Outcome::Status(429),
        ] {
            assert!(matches!(write(outcome), Verdict::Again(_)), "{outcome:?}");
        }
        assert_eq!(write(Outcome::Status(401)), Verdict::Renew);
        assert_eq!(write(Outcome::Status(201)), Verdict::Accept);
    }

    #[test]
    fn reads_come_back_after_trouble_and_hunts_only_after_a_refusal() {
        for status in [429, 500, 502, 503, 504, 509] {
            let read = verdict(case(Outcome::Status(status), Repeat::Read));
            assert!(matches!(read, Verdict::Again(_)), "{status}");
            let hunt = verdict(case(Outcome::Status(status), Repeat::Hunt));
            assert_eq!(
                matches!(hunt, Verdict::Again(_)),
                matches!(status, 429 | 503),
                "{status}"
            );
        }
        for status in [400, 403, 404, 409, 302] {
            assert_eq!(
                verdict(case(Outcome::Status(status), Repeat::Read)),
                Verdict::GiveUp
            );
        }
    }

    #[test]
    fn the_service_decides_the_wait_and_the_caller_whether_to_bear_it() {
        let throttled = case(Outcome::Status(429), Repeat::Read);
        let wait = |retry_after| {
            verdict(Case {
                retry_after,
                ..throttled
            })
        };
        assert_eq!(wait(SHORT), Verdict::Again(Duration::from_secs(2)));
        assert_eq!(wait(LONG), Verdict::GiveUp);
        assert_eq!(wait(None), Verdict::Again(Duration::from_secs(1)));
    }

    #[test]
    fn attempts_and_renewals_end() {
        let last = Case {
            attempt: 4,
            ..case(Outcome::Status(503), Repeat::Read)
        };
        assert_eq!(verdict(last), Verdict::GiveUp);
        let renewed = Case {
            renewed: true,
            ..case(Outcome::Status(401), Repeat::Read)
        };
        assert_eq!(verdict(renewed), Verdict::GiveUp);
        let slow = Case {
            attempt: 2,
            ..case(Outcome::TimedOut(Reached::Maybe), Repeat::Read)
        };
        assert_eq!(verdict(slow), Verdict::GiveUp);
    }

    #[test]
    fn waits_double_spread_and_stop_growing() {
        let seconds = |attempt, jitter| backoff(attempt, jitter).as_secs_f64();
        assert!((seconds(1, 0.0) - 1.0).abs() < 1e-9);
        assert!((seconds(3, 0.0) - 4.0).abs() < 1e-9);
        assert!((seconds(3, 1.0) - 2.0).abs() < 1e-9);
        assert!((seconds(40, 0.0) - 60.0).abs() < 1e-9);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = httpdate::parse_http_date("Wed, 19 Aug 2026 08:00:00 GMT").expect("a date");
        let cases = [
            ("17", Some(17)),
            (" 0 ", Some(0)),
            ("1.2", Some(2)),
            ("Wed, 19 Aug 2026 08:00:42 GMT", Some(42)),
            ("Wed, 19 Aug 2026 07:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("inf", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                retry_after(text, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
