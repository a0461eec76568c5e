//! Why a hunt gave no rows, told apart so that each kind carries its own advice.
//!
//! The service answers in prose (`hunting.md` section 3): the HTTP status decides first, the words
//! only tell apart what shares a status. Texts can change, so a 400 we do not recognise is still a
//! refused query with the service's own words.

use std::fmt;
use std::time::Duration;

use crate::domain::{Timestamp, text};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HuntErrorKind {
    /// The text is not KQL (400).
    Syntax,
    /// A name or type does not fit; also a table that is not licensed or not permitted (400).
    Semantic,
    /// The answer or the query grew over a size limit (400).
    TooLarge,
    /// The service stopped the query while it ran: resources or time.
    Preempted,
    /// The tenant's budget of calls or processing time is used up (429).
    Quota,
    /// The service failed (5xx), or gave up after its three minutes (504).
    Service,
    /// The token was refused or could not be had.
    SignIn,
    /// The token lacks `ThreatHunting.Read.All`, or the account a role.
    Forbidden,
    /// The service could not be reached or the answer did not come whole.
    Connection,
    /// The analyst cancelled it.
    Cancelled,
    /// Local diagnostics refuse it: nothing was sent.
    Local,
    /// A local hunt whose text has errors.
    Refused,
    /// A local hunt that asks what the engine does not do.
    Unsupported,
    /// A local hunt that failed while it ran.
    Engine,
}

impl HuntErrorKind {
    /// Two or three words for a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Syntax => "syntax error",
            Self::Semantic => "name or type error",
            Self::TooLarge => "too large",
            Self::Preempted => "stopped by the service",
            Self::Quota => "quota used up",
            Self::Service => "service error",
            Self::SignIn => "sign-in needed",
            Self::Forbidden => "not permitted",
            Self::Connection => "no connection",
            Self::Cancelled => "cancelled",
            Self::Local => "not sent",
            Self::Refused => "errors in the query",
            Self::Unsupported => "not supported locally",
            Self::Engine => "failed locally",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Syntax => {
                "The service gives no position: see the marked places, and the end of the line before."
            }
            Self::Semantic => {
                "Check the spelling. A table that does not resolve can also mean a missing licence or role."
            }
            Self::TooLarge => {
                "Ask for less: `project` the columns you need, `summarize`, or `take` fewer rows. Name tables instead of `search *` or `union *`."
            }
            Self::Preempted => {
                "Filter on Timestamp first, prefer `has` to `contains`, put the small table left of a join, shorten the time span."
            }
            Self::Quota => {
                "Wait for the time named, or use fewer and narrower queries; portal and API have separate budgets."
            }
            Self::Service => {
                "Try again. If it ran for minutes, shorten the time span: one query may run for three minutes."
            }
            Self::SignIn => "Check the profile's sign-in settings.",
            Self::Forbidden => {
                "Hunting needs ThreatHunting.Read.All with admin consent, and a role that may read the data."
            }
            Self::Connection => "Nothing was changed; run it again when the connection is back.",
            Self::Cancelled => {
                "The service may still finish it; its share of the quota is spent either way."
            }
            Self::Local | Self::Refused => "Correct the marked places.",
            Self::Unsupported => "Write it otherwise, or run it at Defender.",
            Self::Engine => {
                "Ask for less: filter on time first, `project` the columns you need, `take` fewer rows."
            }
        }
    }

    /// Whether the same text can give rows later without a change.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Quota | Self::Service | Self::Connection)
    }
}

/// A place in the query text a local diagnostic points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Byte range in the query.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Whether the service would refuse the query for it.
    pub error: bool,
    /// The language service's code, `KS142`.
    pub code: String,
    /// In words, the nearest name included where there is one.
    pub message: String,
    /// What would repair it.
    pub fix: Option<Repair>,
}

/// A repair of a query that can be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What it does, as an order: `write DeviceName`.
    pub title: String,
    /// Byte ranges and what takes their place, by place; they do not overlap.
    pub edits: Vec<(std::ops::Range<usize>, String)>,
}

/// A hunt that gave no rows.
#[derive(Clone, Debug, PartialEq)]
pub struct HuntError {
    /// What went wrong.
    pub kind: HuntErrorKind,
    /// The service's own words, sanitised; never empty.
    pub message: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The service's code.
    pub code: String,
    /// When it may be asked again, where the service said so.
    pub retry_at: Option<Timestamp>,
    /// For a support case.
    pub request_id: Option<String>,
    /// What local diagnostics say of the text.
    pub findings: Vec<Finding>,
}

impl HuntError {
    /// An error of a kind with words of our own.
    pub fn new(kind: HuntErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
            code: String::new(),
            retry_at: None,
            request_id: None,
            findings: Vec::new(),
        }
    }

    /// What a refusal of the service means. `now` anchors waits given as durations.
    pub fn from_service(status: u16, code: &str, message: &str, now: Timestamp) -> Self {
        let kind = kind_of(status, message);
        let retry_at = (kind == HuntErrorKind::Quota)
            .then(|| wait_in(message))
            .flatten()
            .and_then(|wait| now.checked_add(wait).ok());
        let message = message.trim();
        let message = if message.is_empty() {
            match (kind, status) {
                (HuntErrorKind::Service, 504) => {
                    "The service gave up waiting for the query.".to_owned()
                }
                _ => format!("The service answered {status} without a word."),
            }
        } else {
            text::clean_block(message).into_owned()
        };
        Self {
            status: Some(status),
            code: text::clean(code).into_owned(),
            retry_at,
            ..Self::new(kind, message)
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        self.kind.advice()
    }
}

impl fmt::Display for HuntError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.title(), self.message)
    }
}

impl std::error::Error for HuntError {}

fn kind_of(status: u16, message: &str) -> HuntErrorKind {
    use HuntErrorKind as Kind;
    let text = message.to_ascii_lowercase();
    let any = |patterns: &[&str]| patterns.iter().any(|pattern| text.contains(pattern));
    if status == 429 || any(&["exceeded processing resources", "calls quota exceeded"]) {
        return Kind::Quota;
    }
    match status {
        401 => Kind::SignIn,
        403 => Kind::Forbidden,
        500.. => Kind::Service,
        _ if any(&["result size", "allowed size limit"]) => Kind::TooLarge,
        _ if any(&[
            "query stopped",
            "excessive resource",
            "timeout period",
            "preempted",
            "low memory",
        ]) =>
        {
            Kind::Preempted
        }
        _ if any(&[
            "fix syntax errors",
            "recognition error",
            "operator expected",
        ]) =>
        {
            Kind::Syntax
        }
        400 => Kind::Semantic,
        _ => Kind::Service,
    }
}

/// The wait a quota text names: `again in 00:12:30`, `again in 9 minutes`, `per 00:01:00`.
fn wait_in(message: &str) -> Option<Duration> {
    let after = |word: &str| {
        let at = message.find(word)? + word.len();
        Some(message[at..].trim_start())
    };
    let rest = after("again in").or_else(|| after(" per "))?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')))
        .unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches('.');
    if number.contains(':') {
        let mut seconds = 0.0;
        for part in number.split(':') {
            seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
        }
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let count: f64 = number.parse().ok()?;
    let unit = match rest[end..].trim_start().to_ascii_lowercase() {
        it if it.starts_with("hour") => 3600.0,
        it if it.starts_with("min") => 60.0,
        it if it.starts_with("sec") => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(count * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use HuntErrorKind as Kind;

    fn now() -> Timestamp {
        "2026-08-19T07:00:00Z".parse().expect("a time")
    }

    #[test]
    fn the_five_kinds_are_told_apart() {
        for (status, message, kind) in [
            (
                400,
                "A recognition error occurred.. Fix syntax errors in your query.",
                Kind::Syntax,
            ),
            (
                400,
                "Query operator expected.. Fix syntax errors in your query.",
                Kind::Syntax,
            ),
            (
                400,
                "'where' operator: Failed to resolve table or column expression named 'X'. Fix semantic errors in your query.",
                Kind::Semantic,
            ),
            (400, "Something new", Kind::Semantic),
            (
                400,
                "Query execution has exceeded the allowed result size. Optimize",
                Kind::TooLarge,
            ),
            (
                400,
                "The query cannot run because it exceeds the allowed size limit when processed.",
                Kind::TooLarge,
            ),
            (
                400,
                "Query stopped due to excessive resource consumption.",
                Kind::Preempted,
            ),
            (400, "Query exceeded the timeout period.", Kind::Preempted),
            (
                429,
                "API calls quota exceeded! maximum allowed 45 per 00:01:00",
                Kind::Quota,
            ),
            (
                400,
                "You have exceeded processing resources allocated to this tenant. You can run queries again in 9 minutes.",
                Kind::Quota,
            ),
            (504, "", Kind::Service),
            (500, "", Kind::Service),
            (403, "", Kind::Forbidden),
        ] {
            let error = HuntError::from_service(status, "BadRequest", message, now());
            assert_eq!(error.kind, kind, "{status} {message}");
            assert!(!error.message.is_empty() && !error.advice().is_empty());
        }
    }

    #[test]
    fn a_quota_says_when_again() {
        let at = |text: &str| HuntError::from_service(429, "", text, now()).retry_at;
        let in_seconds = |seconds: i64| {
            Some(Timestamp::from_second(now().as_second() + seconds).expect("a time"))
        };
        assert_eq!(at("maximum allowed 45 per 00:01:00"), in_seconds(60));
        assert_eq!(
            at("You can run queries again in 00:09:30."),
            in_seconds(570)
        );
        assert_eq!(
            at("You can run queries again in 7 minutes."),
            in_seconds(420)
        );
        assert_eq!(at("slow down"), None);
    }

    #[test]
    fn hostile_words_are_cleaned() {
        let error = HuntError::from_service(400, "Bad\u{1b}", "no\u{202e}pe\u{1b}[2J", now());
        assert!(!error.message.contains('\u{1b}') && !error.message.contains('\u{202e}'));
        assert!(!error.code.contains('\u{1b}'));
    }
}
