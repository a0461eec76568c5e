//! The documented call limits, when the tenant is asked to keep them.
//!
//! Facts: the Graph sheet, "Throttling and retry"; the Defender sheet, 5.3 (its limits stand in its own
//! table of paths). Refused calls count too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::clock::{HOUR, MINUTE, SECOND, Ticks};
use super::defender::routes::quota_of;
use super::http::Ask;

/// So many calls in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    calls: u32,
    span: Ticks,
}

const fn window(calls: u32, span: Ticks) -> Window {
    Window { calls, span }
}

/// A limit of Graph.
struct Row {
    name: &'static str,
    /// Parts of the path, in lower case, any of which brings a request here.
    path: &'static [&'static str],
    /// Whether only writes count.
    writes: bool,
    /// Whether each application has its own.
    each_app: bool,
    /// Whether a refusal says when to come back.
    says_when: bool,
    windows: &'static [Window],
}

/// The limits of Graph; the first that fits counts.
const GRAPH: &[Row] = &[
    Row {
        name: "hunting",
        path: &["runhuntingquery"],
        writes: false,
        each_app: false,
        says_when: true,
        windows: &[window(45, MINUTE), window(1500, HOUR)],
    },
    Row {
        name: "identity protection",
        path: &["/riskyusers", "/identityprotection/"],
        writes: false,
        each_app: false,
        says_when: false,
        windows: &[window(1, SECOND)],
    },
    Row {
        name: "users",
        path: &["/users/"],
        writes: true,
        each_app: true,
        says_when: true,
        windows: &[window(3000, 150 * SECOND)],
    },
    Row {
        name: "security",
        path: &["/security/"],
        writes: false,
        each_app: true,
        says_when: true,
        windows: &[window(150, MINUTE)],
    },
];

/// A call that is one too many.
#[derive(Debug, PartialEq, Eq)]
pub struct Over {
    /// Seconds of tenant time to wait; `None` where the service does not say.
    pub wait: Option<u64>,
    /// The limit in the service's words: `45 per 00:01:00`.
    pub words: String,
}

/// All quotas of a tenant: the times of the calls of each.
#[derive(Debug)]
pub struct Quotas {
    scale: f64,
    taken: Mutex<BTreeMap<String, VecDeque<Ticks>>>,
}

impl Quotas {
    /// The documented limits, times `scale`.
    pub fn new(scale: f64) -> Self {
        Self {
            scale,
            taken: Mutex::default(),
        }
    }

    /// Counts a request of an application.
    pub fn ask(&self, ask: &Ask, app: &str, now: Ticks) -> Result<(), Over> {
        let path = ask.path.to_ascii_lowercase();
        if path.starts_with("/api/") {
            let Some((name, quota)) = quota_of(ask.method.as_str(), &ask.path) else {
                return Ok(());
            };
            let windows = [window(quota.minute, MINUTE), window(quota.hour, HOUR)];
            let windows: Vec<Window> = windows.into_iter().filter(|w| w.calls > 0).collect();
            return self.count(format!("defender {name} {app}"), &windows, true, now);
        }
        let reads = matches!(ask.method.as_str(), "GET" | "HEAD");
        let row = GRAPH
            .iter()
            .find(|row| !(row.writes && reads) && row.path.iter().any(|p| path.contains(p)));
        row.map_or(Ok(()), |row| self.row(row, app, now))
    }

    /// How many calls of the last hour are remembered, by quota.
    pub fn used(&self) -> BTreeMap<String, usize> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().map(|(n, t)| (n.clone(), t.len())).collect()
    }

    /// Forgets all calls.
    pub fn forget(&self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.clear();
    }

    fn row(&self, row: &Row, app: &str, now: Ticks) -> Result<(), Over> {
        let name = if row.each_app {
            format!("{} {app}", row.name)
        } else {
            row.name.to_owned()
        };
        self.count(name, row.windows, row.says_when, now)
    }

    fn count(
        &self,
        name: String,
        windows: &[Window],
        says_when: bool,
        now: Ticks,
    ) -> Result<(), Over> {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(name).or_default();
        let longest = windows.iter().map(|w| w.span).max().unwrap_or(0);
        while taken.front().is_some_and(|at| *at <= now - longest) {
            taken.pop_front();
        }
        taken.push_back(now);
        for window in windows {
            let calls = (f64::from(window.calls) * self.scale).round().max(1.0) as usize;
            let since = taken.partition_point(|at| *at <= now - window.span);
            let inside = taken.len() - since;
            if inside > calls {
                let wait = (taken[since] + window.span - now).max(SECOND);
                let wait = (wait as u64).div_ceil(SECOND as u64);
                let seconds = window.span / SECOND;
                return Err(Over {
                    wait: says_when.then_some(wait),
                    words: format!(
                        "{calls} per {:02}:{:02}:{:02}",
                        seconds / 3600,
                        seconds / 60 % 60,
                        seconds % 60
                    ),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(quotas: &Quotas, path: &str, now: Ticks) -> Result<(), String> {
        let ask = Ask {
            method: axum::http::Method::POST,
            path: path.into(),
            query: String::new(),
            headers: axum::http::HeaderMap::new(),
            body: Vec::new(),
            base: String::new(),
            request_id: String::new(),
        };
        let over = quotas.ask(&ask, "app", now);
        over.map_err(|over| format!("{:?} {}", over.wait, over.words))
    }

    #[test]
    fn the_forty_sixth_query_of_a_minute_waits() {
        let quotas = Quotas::new(1.0);
        let (hunt, list) = ("/v1.0/security/runHuntingQuery", "/v1.0/security/incidents");
        for n in 0..45 {
            assert_eq!(calls(&quotas, hunt, n * SECOND), Ok(()));
        }
        assert_eq!(
            calls(&quotas, hunt, 45 * SECOND),
            Err("Some(15) 45 per 00:01:00".into())
        );
        assert_eq!(calls(&quotas, list, 45 * SECOND), Ok(()));
        assert_eq!(calls(&quotas, hunt, 107 * SECOND), Ok(()));
        let tenth = Quotas::new(0.1);
        for _ in 0..15 {
            assert_eq!(calls(&tenth, list, 0), Ok(()));
        }
        assert_eq!(
            calls(&tenth, list, 0),
            Err("Some(60) 15 per 00:01:00".into())
        );
    }
}
