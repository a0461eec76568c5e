//! Mishaps on demand: what services do on bad days, and which requests they strike.
//!
//! Only the choice is made here; `mishap` carries it out. The choice depends on the seed and on the
//! requests that came before, never on the wall clock, so that a bad day can be repeated.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::Ticks;
use super::http::Ask;
use super::ids::Dice;

/// How a `Retry-After` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// As a number of seconds.
    Seconds(u64),
    /// As an HTTP date this many seconds ahead.
    Date(u64),
    /// Not at all.
    Missing,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// 429.
    Throttle(RetryAfter),
    /// Another status, with the service's own error document.
    Status(u16),
    /// A status with a body of HTML, as gateways answer.
    Gateway(u16),
    /// A status with no body at all.
    Empty(u16),
    /// Whoever owns the network answers in place of the service: 200 with a page to sign in to it or, with
    /// an origin, a redirect there.
    Portal(Option<String>),
    /// A proxy wants to know who asks: 407 with a page of its own.
    Proxy,
    /// The sign-in service refuses with this AADSTS number, in its own words.
    Aadsts(u32),
    /// The request is read and never answered.
    Timeout,
    /// The connection closes before the request is carried out.
    DropBefore,
    /// The request is carried out, then the connection closes without an answer.
    DropAfter,
    /// The answer comes this much later.
    Slow(Duration),
    /// The body comes in small pieces, this long apart.
    Drip(Duration),
    /// The connection closes in the middle of the body.
    Cut,
    /// The answer is cut in the middle of its JSON, and the length says so.
    Garbage,
    /// The body is JSON, but not of the documented shape.
    WrongShape,
    /// A text of the body is not UTF-8.
    NotUtf8,
    /// One row of the page is not what the schema says.
    BadRow,
    /// The token is said to be expired, whatever it says itself.
    ExpiredToken,
    /// The access token is called back, if its client takes that (continuous access evaluation).
    Challenge,
    /// `Date` headers and the times of new tokens are this many seconds off.
    Skew(i64),
    /// Lists do not show yet what came or changed less than this long ago in tenant time.
    Late(Duration),
    /// Times of last update are told in whole steps of this length, so that many rows share one.
    SameTime(Duration),
    /// A row comes twice, also across the edge of a page.
    Duplicates,
    /// The rows of a page come in another order.
    Reordered,
    /// A page comes empty, with a link to the rows that belong on it.
    EmptyPage,
    /// The answer is behind this many redirects.
    Redirects(u32),
    /// The answer is a redirect to itself.
    RedirectLoop,
    /// The answer is a redirect to this origin (`https://elsewhere.example`).
    RedirectTo(String),
    /// The next link leads to this origin.
    NextLinkTo(String),
    /// A machine action that was under way is said to be pending again.
    ActionBack,
    /// Of the machine actions of an answer, the oldest that is over is said to be still in progress, so
    /// that younger ones are over first.
    ActionOrder,
    /// 206 with a `Warning`: part of the answer is said to be missing.
    Partial,
}

impl FaultKind {
    /// Whether a path can be struck so: only the sign-in service speaks of AADSTS.
    fn strikes(&self, path: &str) -> bool {
        !matches!(self, Self::Aadsts(_)) || Service::of(path) == Service::Entra
    }

    /// Whether it sends the client elsewhere for the answer.
    fn puts_off(&self) -> bool {
        matches!(
            self,
            Self::EmptyPage | Self::Redirects(_) | Self::RedirectLoop | Self::RedirectTo(_)
        )
    }
}

/// A service of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The token service.
    Entra,
    /// Microsoft Graph.
    Graph,
    /// Defender for Endpoint.
    Defender,
}

impl Service {
    /// The service a path belongs to.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/api/") {
            Self::Defender
        } else if path.starts_with("/v1.0/") || path.starts_with("/beta/") {
            Self::Graph
        } else {
            Self::Entra
        }
    }
}

/// As many strikes as there are requests.
pub const ALWAYS: u32 = u32::MAX;
/// The rate of a fault that strikes every request it could, in millionths.
const EVERY: u32 = 1_000_000;

/// One mishap and where it strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method, any when `None`.
    pub method: Option<String>,
    /// A part of the path, any when empty; with a `*` in it a pattern of the whole path.
    pub path: String,
    /// The tenants, separated by commas: ids, domains, numbers (from 1) or ranges of numbers (`3-7`); any
    /// when `None`.
    pub tenant: Option<String>,
    /// The service, any when `None`.
    pub service: Option<Service>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it strikes; [`ALWAYS`] is without end.
    pub times: u32,
    /// How many of a million matching requests it strikes.
    pub rate: u32,
    /// It strikes only every so many-th matching request.
    pub nth: u32,
    /// How many matching requests pass unharmed first.
    pub after: u32,
    /// It strikes only from this tenant time on, counted from the start.
    pub from: Option<Ticks>,
    /// It strikes only before this tenant time, counted from the start.
    pub until: Option<Ticks>,
}

impl Fault {
    /// Strikes the next request whose path contains `path`.
    pub fn once(path: &str, kind: FaultKind) -> Self {
        Self {
            method: None,
            path: path.into(),
            tenant: None,
            service: None,
            kind,
            times: 1,
            rate: EVERY,
            nth: 1,
            after: 0,
            from: None,
            until: None,
        }
    }

    /// Strikes every request whose path contains `path`, until it is cleared.
    pub fn always(path: &str, kind: FaultKind) -> Self {
        Self::once(path, kind).times(ALWAYS)
    }

    /// Strikes only this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Strikes this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Strikes this share of the requests it could (0 to 1), chosen by the host's fault seed.
    #[must_use]
    pub fn rate(mut self, share: f64) -> Self {
        self.rate = (share.clamp(0.0, 1.0) * f64::from(EVERY)) as u32;
        self
    }

    /// Strikes only every `nth` matching request.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = nth.max(1);
        self
    }

    /// Lets so many matching requests pass unharmed first.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Strikes only requests for these tenants: ids, domains, numbers (from 1) or ranges of numbers, with
    /// commas between them.
    #[must_use]
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Strikes only this service.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    fn matches(&self, ask: &Ask, since: Ticks, is_tenant: &dyn Fn(&str) -> bool) -> bool {
        self.times > 0
            && self
                .method
                .as_deref()
                .is_none_or(|m| m.eq_ignore_ascii_case(ask.method.as_str()))
            && self.service.is_none_or(|s| s == Service::of(&ask.path))
            && self.from.is_none_or(|from| since >= from)
            && self.until.is_none_or(|until| since < until)
            && (self.tenant.as_deref()).is_none_or(|names| any_named(names, is_tenant))
            && (self.kind.strikes(&ask.path))
            && if self.path.contains('*') {
                fits(&self.path, &ask.path)
            } else {
                ask.path.contains(&self.path)
            }
    }
}

/// Whether a list of tenants has the one that `is_tenant` knows.
fn any_named(names: &str, is_tenant: &dyn Fn(&str) -> bool) -> bool {
    names.split(',').map(str::trim).any(|name| {
        let ends = name.split_once('-');
        let range = ends.and_then(|(a, b)| Some(a.parse::<u16>().ok()?..=b.parse::<u16>().ok()?));
        match range {
            Some(mut numbers) => numbers.any(|n| is_tenant(&n.to_string())),
            None => is_tenant(name),
        }
    })
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    /// Which rule of this host it is, in the order they were added.
    number: u64,
    /// Matching requests so far.
    seen: u32,
}

#[derive(Debug, Default)]
struct Inner {
    seed: u64,
    added: u64,
    rules: Vec<Rule>,
    /// Queries put behind a made-up `$skiptoken`.
    held: HashMap<String, String>,
    /// The last row of the newest page of a collection that was struck by [`FaultKind::Duplicates`].
    last_rows: HashMap<String, serde_json::Value>,
}

/// One strike: what goes wrong, and a number that decides how exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Differs from strike to strike, and is the same when a run is repeated.
    pub salt: u64,
}

/// The mishaps that are still to come.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Inner>);

impl Faults {
    /// No mishaps yet; those with a rate will be chosen by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            seed,
            ..Inner::default()
        }))
    }

    /// Adds one. Where several match, the one added first strikes.
    pub fn add(&self, fault: Fault) {
        let mut inner = self.lock();
        let number = inner.added;
        inner.added += 1;
        inner.rules.push(Rule {
            fault,
            number,
            seen: 0,
        });
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// How many counted strikes are still to come; faults without end do not count.
    pub fn pending(&self) -> u32 {
        let rules = &self.lock().rules;
        rules
            .iter()
            .map(|r| r.fault.times)
            .filter(|t| *t != ALWAYS)
            .sum()
    }

    /// What is still to come, and how many requests each could have struck so far.
    pub fn list(&self) -> Vec<(Fault, u32)> {
        let inner = self.lock();
        let rules = inner.rules.iter();
        rules.map(|r| (r.fault.clone(), r.seen)).collect()
    }

    /// The mishap of this request, if there is one. `due` says that it was put off before: it is not put
    /// off again, so that whoever follows arrives. `since` is tenant time since the start; `is_tenant` says
    /// whether a name means the tenant the request is for.
    pub fn strike(
        &self,
        ask: &Ask,
        due: bool,
        since: Ticks,
        is_tenant: &dyn Fn(&str) -> bool,
    ) -> Option<Strike> {
        let mut inner = self.lock();
        let seed = inner.seed;
        let mut found = None;
        for rule in &mut inner.rules {
            if !rule.fault.matches(ask, since, is_tenant) || (due && rule.fault.kind.puts_off()) {
                continue;
            }
            // Every rule counts what it could have struck, so that rules do not disturb each other.
            rule.seen += 1;
            let mut dice = Dice::of(seed, 50 + rule.number, u64::from(rule.seen));
            let fault = &mut rule.fault;
            if found.is_some()
                || rule.seen <= fault.after
                || !(rule.seen - fault.after).is_multiple_of(fault.nth)
                || dice.below(u64::from(EVERY)) >= u64::from(fault.rate)
            {
                continue;
            }
            if fault.times != ALWAYS {
                fault.times -= 1;
            }
            found = Some(Strike {
                kind: fault.kind.clone(),
                salt: dice.next(),
            });
        }
        inner.rules.retain(|r| r.fault.times > 0);
        found
    }

    /// Puts a query behind a made-up `$skiptoken`, and gives the token.
    pub fn hold(&self, query: &str) -> String {
        let mut inner = self.lock();
        let token = format!("held-{}", inner.held.len());
        inner.held.insert(token.clone(), query.into());
        token
    }

    /// The query behind a made-up `$skiptoken`.
    pub fn held(&self, query: &str) -> Option<String> {
        let (_, token) = super::odata::pairs(query)
            .into_iter()
            .find(|(name, _)| name == "$skiptoken")?;
        self.lock().held.get(&token).cloned()
    }

    /// Remembers the last row of a page, and gives the one of the page before.
    pub fn last_row(&self, of: &str, row: serde_json::Value) -> Option<serde_json::Value> {
        self.lock().last_rows.insert(of.into(), row)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(faults: &Faults, method: &str, path: &str) -> Option<FaultKind> {
        let ask = Ask {
            method: method.parse().expect("a method"),
            path: path.into(),
            query: String::new(),
            headers: axum::http::HeaderMap::new(),
            body: Vec::new(),
            base: String::new(),
            request_id: String::new(),
        };
        faults
            .strike(&ask, false, 0, &|name| name == "2")
            .map(|strike| strike.kind)
    }

    #[test]
    fn a_fault_strikes_where_it_should_and_as_often() {
        let faults = Faults::default();
        faults.add(
            Fault::once("/isolate", FaultKind::DropAfter)
                .method("post")
                .times(2),
        );
        assert_eq!(strikes(&faults, "GET", "/api/machines/x/isolate"), None);
        let post = || strikes(&faults, "POST", "/api/machines/x/isolate");
        assert_eq!(post(), Some(FaultKind::DropAfter));
        assert_eq!(faults.pending(), 1);
        assert_eq!(post(), Some(FaultKind::DropAfter));
        assert_eq!(post(), None);
        for (fault, hits) in [
            (Fault::always("/v1.0/*/incidents", FaultKind::Cut), true),
            (Fault::always("/v1.0/*/alerts", FaultKind::Cut), false),
            (Fault::always("*", FaultKind::Cut).tenant("2"), true),
            (Fault::always("", FaultKind::Cut).tenant("1"), false),
            (Fault::always("", FaultKind::Cut).tenant("5, 1-3"), true),
            (Fault::always("", FaultKind::Cut).tenant("3-9,1"), false),
            (Fault::always("", FaultKind::Aadsts(53_003)), false),
            (
                Fault::always("", FaultKind::Cut).service(Service::Graph),
                true,
            ),
            (
                Fault::always("", FaultKind::Cut).service(Service::Entra),
                false,
            ),
            (Fault::always("", FaultKind::Cut).after(1), false),
            (Fault::always("", FaultKind::Cut).rate(0.0), false),
        ] {
            let faults = Faults::default();
            faults.add(fault.clone());
            let struck = strikes(&faults, "GET", "/v1.0/security/incidents").is_some();
            assert_eq!(struck, hits, "{fault:?}");
        }
    }

    #[test]
    fn a_rate_is_kept_and_repeats_with_its_seed() {
        let run = |seed| {
            let faults = Faults::new(seed);
            faults.add(Fault::always("", FaultKind::Timeout).rate(0.2));
            (0..1000)
                .map(|_| strikes(&faults, "GET", "/").is_some())
                .collect::<Vec<_>>()
        };
        let struck = run(1).iter().filter(|s| **s).count();
        assert!((150..250).contains(&struck), "{struck}");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let faults = Faults::new(1);
        faults.add(Fault::always("", FaultKind::Timeout).nth(3));
        let every: Vec<bool> = (0..6)
            .map(|_| strikes(&faults, "GET", "/").is_some())
            .collect();
        assert_eq!(every, [false, false, true, false, false, true]);
    }
}
