//! How far this machine's clock is off, as the answers of the services show it.
//!
//! The machine has one clock, so this is kept for the whole program, a figure a host.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use url::Url;

use super::judge::SKEW;

static SEEN: Mutex<BTreeMap<String, SignedDuration>> = Mutex::new(BTreeMap::new());

fn name(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The service's clock when it wrote an answer; `None` where it does not say.
pub(crate) fn stamped(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(date).ok()?).ok()
}

/// Takes in what an answer's `Date` says: `now` is this machine's clock when the answer began.
pub(crate) fn note(url: &Url, headers: &HeaderMap, now: Timestamp) {
    let (Some(host), Some(date)) = (name(url), stamped(headers)) else {
        return;
    };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert(host, now.duration_since(date));
}

/// How far this machine's clock is ahead of a host's (negative: behind), by its latest answer; `None`
/// before the first. Good to a second or two.
pub fn skew(url: &Url) -> Option<SignedDuration> {
    let host = name(url)?;
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.get(&host).copied()
}

/// The same where it is far enough off to spoil tokens and time filters.
pub fn off(url: &Url) -> Option<SignedDuration> {
    skew(url).filter(|skew| skew.abs() > SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_answer_of_a_host_counts() {
        let url: Url = "https://clock.example:1/x".parse().expect("a url");
        assert_eq!(skew(&url), None);
        let now: Timestamp = "2026-08-19T09:00:00Z".parse().expect("a time");
        let mut headers = HeaderMap::new();
        note(&url, &headers, now);
        assert_eq!(skew(&url), None);
        for (date, seconds, is_off) in [
            ("Wed, 19 Aug 2026 08:00:00 GMT", 3600, true),
            ("Wed, 19 Aug 2026 09:06:00 GMT", -360, true),
            ("Wed, 19 Aug 2026 08:58:00 GMT", 120, false),
        ] {
            headers.insert(DATE, date.parse().expect("a header"));
            note(&url, &headers, now);
            assert_eq!(skew(&url), Some(SignedDuration::from_secs(seconds)));
            assert_eq!(off(&url).is_some(), is_off);
        }
    }
}
