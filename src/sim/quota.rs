//! The documented call limits, when the tenant is asked to keep them.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::clock::{HOUR, MINUTE, SECOND, Ticks};

/// One limit: so many calls in so long.
#[derive(Debug)]
struct Window {
    calls: usize,
    span: Ticks,
    words: &'static str,
}

/// A quota and its windows.
#[derive(Debug)]
struct Quota {
    windows: &'static [Window],
    taken: VecDeque<Ticks>,
}

const SECURITY: &[Window] = &[Window {
    calls: 150,
    span: MINUTE,
    words: "150 per 00:01:00",
}];
const HUNTING: &[Window] = &[
    Window {
        calls: 45,
        span: MINUTE,
        words: "45 per 00:01:00",
    },
    Window {
        calls: 1500,
        span: HOUR,
        words: "1500 per 01:00:00",
    },
];
const DEFENDER: &[Window] = &[
    Window {
        calls: 100,
        span: MINUTE,
        words: "100 per 00:01:00",
    },
    Window {
        calls: 1500,
        span: HOUR,
        words: "1500 per 01:00:00",
    },
];

/// Which quota a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Incidents and alerts.
    Security,
    /// Hunting queries.
    Hunting,
    /// Defender for Endpoint.
    Defender,
}

/// All quotas of a tenant.
#[derive(Debug)]
pub struct Quotas(Mutex<[Quota; 3]>);

impl Default for Quotas {
    fn default() -> Self {
        let quota = |windows| Quota {
            windows,
            taken: VecDeque::new(),
        };
        Self(Mutex::new([
            quota(SECURITY),
            quota(HUNTING),
            quota(DEFENDER),
        ]))
    }
}

impl Quotas {
    /// Counts a call. Over the limit: seconds to wait and the limit's words. Refused calls count too.
    pub fn take(&self, which: Which, now: Ticks) -> Result<(), (u64, &'static str)> {
        let mut quotas = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let quota = &mut quotas[which as usize];
        let longest = quota.windows.iter().map(|w| w.span).max().unwrap_or(0);
        while quota.taken.front().is_some_and(|at| *at <= now - longest) {
            quota.taken.pop_front();
        }
        quota.taken.push_back(now);
        for window in quota.windows {
            let inside = quota
                .taken
                .iter()
                .rev()
                .take_while(|at| **at > now - window.span)
                .count();
            if inside > window.calls {
                let oldest = quota.taken[quota.taken.len() - inside];
                let wait = (oldest + window.span - now).max(SECOND);
                return Err(((wait as u64).div_ceil(SECOND as u64), window.words));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forty_sixth_query_of_a_minute_waits() {
        let quotas = Quotas::default();
        for n in 0..45 {
            assert_eq!(quotas.take(Which::Hunting, n * SECOND), Ok(()));
        }
        assert_eq!(
            quotas.take(Which::Hunting, 45 * SECOND),
            Err((15, "45 per 00:01:00"))
        );
        assert_eq!(quotas.take(Which::Security, 45 * SECOND), Ok(()));
        assert_eq!(quotas.take(Which::Hunting, 107 * SECOND), Ok(()));
    }
}
