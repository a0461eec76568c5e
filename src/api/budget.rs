//! What the services still let us ask: cool-downs shared by everybody who draws on a quota, and the
//! hunts of the last minute.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A quota of the services: who exceeds one cools down alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quota {
    /// Incidents, alerts and the rest of Graph security.
    GraphSecurity,
    /// `runHuntingQuery`.
    GraphHunting,
    /// Defender for Endpoint.
    Defender,
}

impl Quota {
    /// Every quota.
    pub const ALL: [Self; 3] = [Self::GraphSecurity, Self::GraphHunting, Self::Defender];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::GraphSecurity => "Graph security",
            Self::GraphHunting => "hunting",
            Self::Defender => "Defender for Endpoint",
        }
    }
}

/// What is left, as of the last request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budgets {
    cool_down: [Option<Timestamp>; 3],
    /// Hunts sent in the last minute.
    pub hunts_used: u32,
    /// Hunts a minute, as far as known.
    pub hunts_limit: u32,
}

/// "At least 45 calls a minute per tenant" (`graph-security` sheet, "Hunting").
const HUNTS_A_MINUTE: u32 = 45;
const MINUTE: Duration = Duration::from_secs(60);

impl Default for Budgets {
    fn default() -> Self {
        Self {
            cool_down: [None; 3],
            hunts_used: 0,
            hunts_limit: HUNTS_A_MINUTE,
        }
    }
}

impl Budgets {
    /// When the service will listen again, where it asked for patience and that is yet to come.
    pub fn cool_down(&self, quota: Quota, now: Timestamp) -> Option<Timestamp> {
        self.cool_down[quota as usize].filter(|until| *until > now)
    }

    /// Hunts left in this minute.
    pub fn hunts_left(&self) -> u32 {
        self.hunts_limit.saturating_sub(self.hunts_used)
    }
}

/// The books.
pub(super) struct Ledger {
    state: Mutex<State>,
    news: watch::Sender<Budgets>,
}

struct State {
    cool: [Option<Instant>; 3],
    hunts: VecDeque<Instant>,
    hunts_limit: u32,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                cool: [None; 3],
                hunts: VecDeque::new(),
                hunts_limit: HUNTS_A_MINUTE,
            }),
            news: watch::Sender::new(Budgets::default()),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Budgets> {
        self.news.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left now.
    pub(super) fn now(&self) -> Budgets {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Budgets {
        self.state().budgets(now, Timestamp::now())
    }

    /// How long a call has to wait for its quota; `None` = it may go.
    pub(super) fn wait(&self, quota: Quota) -> Option<Duration> {
        self.wait_at(quota, Instant::now())
    }

    fn wait_at(&self, quota: Quota, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let cool = state.cool[quota as usize].map(|until| until.saturating_duration_since(now));
        let pace = if quota == Quota::GraphHunting {
            state.forget(now);
            let full = state.hunts.len() as u32 >= state.hunts_limit;
            let oldest = state.hunts.front().filter(|_| full);
            oldest.map(|sent| (*sent + MINUTE).saturating_duration_since(now))
        } else {
            None
        };
        cool.max(pace).filter(|wait| !wait.is_zero())
    }

    /// A call goes out.
    pub(super) fn sent(&self, quota: Quota) {
        self.sent_at(quota, Instant::now());
    }

    fn sent_at(&self, quota: Quota, now: Instant) {
        if quota == Quota::GraphHunting {
            self.change(now, |state| {
                state.forget(now);
                state.hunts.push_back(now);
            });
        }
    }

    /// The service asked for patience: everybody who draws on the quota waits.
    pub(super) fn cool(&self, quota: Quota, wait: Duration) {
        self.cool_at(quota, wait, Instant::now());
    }

    fn cool_at(&self, quota: Quota, wait: Duration, now: Instant) {
        self.change(now, |state| {
            let until = now + wait;
            let slot = &mut state.cool[quota as usize];
            *slot = Some(slot.map_or(until, |old| old.max(until)));
        });
    }

    /// The service named its limit of hunts a minute.
    pub(super) fn limit_hunts(&self, limit: u32) {
        self.change(Instant::now(), |state| state.hunts_limit = limit.max(1));
    }

    fn change(&self, now: Instant, change: impl FnOnce(&mut State)) {
        let budgets = {
            let mut state = self.state();
            change(&mut state);
            state.budgets(now, Timestamp::now())
        };
        self.news.send_if_modified(|old| {
            let changed = *old != budgets;
            *old = budgets;
            changed
        });
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        while self
            .hunts
            .front()
            .is_some_and(|sent| now.duration_since(*sent) >= MINUTE)
        {
            self.hunts.pop_front();
        }
    }

    fn budgets(&mut self, now: Instant, clock: Timestamp) -> Budgets {
        self.forget(now);
        let until = |until: &Option<Instant>| {
            let left = until.as_ref()?.checked_duration_since(now)?;
            let left = SignedDuration::try_from(left).ok()?;
            clock.checked_add(left).ok()
        };
        Budgets {
            cool_down: [
                until(&self.cool[0]),
                until(&self.cool[1]),
                until(&self.cool[2]),
            ],
            hunts_used: self.hunts.len() as u32,
            hunts_limit: self.hunts_limit,
        }
    }
}

/// What the text of a hunting 429 says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HuntQuota {
    /// "maximum allowed 45 per 00:01:00": calls a minute.
    pub(super) per_minute: Option<u32>,
    /// "You can run queries again in 12 minutes".
    pub(super) again_in: Option<Duration>,
    /// Whether it is the processing budget rather than the number of calls.
    pub(super) processing: bool,
}

/// Reads the text of a hunting 429: the body alone tells a rate limit from a processing limit.
pub(super) fn read_hunt_quota(message: &str) -> HuntQuota {
    let lower = message.to_ascii_lowercase();
    let per_minute = lower.split_once("maximum allowed").and_then(|(_, rest)| {
        let mut words = rest.split_whitespace();
        let calls: u32 = words.next()?.parse().ok()?;
        let span = words.find(|word| word.contains(':'))?;
        let parts: Vec<u32> = span
            .trim_matches(|c: char| !c.is_ascii_digit() && c != ':')
            .split(':')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let [hours, minutes, seconds] = parts[..] else {
            return None;
        };
        let seconds = hours * 3600 + minutes * 60 + seconds;
        (seconds == 60).then_some(calls)
    });
    let again_in = lower.split_once("again in").and_then(|(_, rest)| {
        let digits = rest.find(|c: char| c.is_ascii_digit())?;
        let rest = &rest[digits..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        let unit = match rest[end..].trim_start().chars().next() {
            Some('m') => 60,
            Some('h') => 3600,
            _ => 1,
        };
        Some(Duration::from_secs(number.min(86_400) * unit))
    });
    HuntQuota {
        per_minute,
        again_in,
        processing: lower.contains("processing resources") || lower.contains("cpu"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_hunting_quotas_are_told_apart() {
        assert_eq!(
            read_hunt_quota("API calls quota exceeded! maximum allowed 45 per 00:01:00."),
            HuntQuota {
                per_minute: Some(45),
                ..HuntQuota::default()
            }
        );
        assert_eq!(
            read_hunt_quota("API calls quota exceeded! maximum allowed 1500 per 01:00:00."),
            HuntQuota::default()
        );
        assert_eq!(
            read_hunt_quota(
                "You have exceeded processing resources allocated to this tenant. You can run queries again in 12 minutes."
            ),
            HuntQuota {
                again_in: Some(Duration::from_secs(720)),
                processing: true,
                ..HuntQuota::default()
            }
        );
        assert_eq!(
            read_hunt_quota("maximum allowed lots"),
            HuntQuota::default()
        );
    }

    #[test]
    fn a_cool_down_is_shared_and_ends() {
        let ledger = Ledger::new();
        let news = ledger.subscribe();
        let start = Instant::now();
        let seconds = Duration::from_secs;
        assert_eq!(ledger.wait_at(Quota::GraphSecurity, start), None);
        ledger.cool_at(Quota::GraphSecurity, seconds(30), start);
        ledger.cool_at(Quota::GraphSecurity, seconds(5), start);
        assert_eq!(
            ledger.wait_at(Quota::GraphSecurity, start),
            Some(seconds(30))
        );
        assert_eq!(ledger.wait_at(Quota::Defender, start), None);
        let told = news.borrow().clone();
        assert!(
            told.cool_down(Quota::GraphSecurity, Timestamp::now())
                .is_some()
        );
        let later = start + seconds(31);
        assert_eq!(ledger.wait_at(Quota::GraphSecurity, later), None);
    }

    #[test]
    fn hunts_keep_the_pace_the_service_named() {
        let ledger = Ledger::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        ledger.limit_hunts(2);
        ledger.sent_at(Quota::GraphHunting, at(0));
        ledger.sent_at(Quota::GraphHunting, at(10));
        assert_eq!(ledger.at(at(10)).hunts_left(), 0);
        assert_eq!(
            ledger.wait_at(Quota::GraphHunting, at(10)),
            Some(Duration::from_secs(50))
        );
        assert_eq!(ledger.wait_at(Quota::GraphHunting, at(60)), None);
        assert_eq!(ledger.at(at(60)).hunts_left(), 1);
    }
}
