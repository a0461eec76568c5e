//! Steps that are kept: writes, changes on demand and the clock, from journal to world and back.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::churn::Sort;
use super::clock::{self, Hands, Ticks};
use super::entra::{self, Claims};
use super::host::{self, Host};
use super::http::Ask;
use super::make;
use super::quota::Quotas;
use super::state::{self, Entry, StateError, Step};
use super::stories::Tale;
use super::tenant::Tenant;

/// Headers that say nothing about what a write does, or too much.
const DROPPED: &[&str] = &[
    "authorization",
    "host",
    "connection",
    "content-length",
    "accept-encoding",
    "user-agent",
    "traceparent",
];

/// What is kept of an accepted write.
pub fn write(tenant: usize, ask: &Ask) -> Step {
    let headers = ask.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        (!DROPPED.contains(&name.as_str())).then(|| (name.to_string(), value.to_owned()))
    });
    let (body, binary) = match std::str::from_utf8(&ask.body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(&ask.body), true),
    };
    Step::Write {
        tenant,
        by: claims_of(ask).unwrap_or_default(),
        method: ask.method.to_string(),
        path: ask.path.clone(),
        query: ask.query.clone(),
        headers: headers.collect(),
        body,
        binary,
    }
}

/// What the token of a request says.
pub fn claims_of(ask: &Ask) -> Option<Value> {
    let token = ask.header("authorization")?.split_once(' ')?.1;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

impl Host {
    /// Keeps what has just happened.
    fn keep(&self, at: Ticks, step: Step) {
        if let Err(error) = self.journal.add(&Entry { at, step })
            && let Some(log) = &self.log
        {
            log(&format!("state: a step could not be written: {error}"));
        }
    }

    /// Keeps an accepted write. To be called while it is its turn.
    pub fn keep_write(&self, at: Ticks, tenant: usize, ask: &Ask) {
        self.keep(at, write(tenant, ask));
    }

    /// Keeps a consent. To be called while it is its turn.
    pub fn keep_consent(&self, at: Ticks, tenant: usize, consent: entra::Consent) {
        self.keep(at, Step::Consent { tenant, consent });
    }

    /// Does something to the sessions of a person or an application of one tenant.
    pub async fn do_to_sessions(&self, tenant: usize, who: &str, deed: &str) -> Result<(), String> {
        let step = Step::Sessions {
            tenant,
            who: who.into(),
            deed: deed.into(),
        };
        self.act(tenant, step, |t, now| t.do_to_sessions(who, deed, now))
            .await
    }

    /// Moves time forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.clock.advance(by);
        self.keep_clock();
    }

    /// Lets time run at another pace.
    pub fn set_rate(&self, rate: f64) {
        self.clock.set_rate(rate);
        self.keep_clock();
    }

    fn keep_clock(&self) {
        let hands = self.clock.hands();
        self.keep(hands.at, Step::Clock { hands });
    }

    /// Makes `n` believable changes in one tenant.
    pub async fn churn(&self, tenant: usize, n: u32, seed: u64) -> Vec<String> {
        let step = Step::Churn { tenant, n, seed };
        self.act(tenant, step, |t, now| Ok(t.world_mut().churn(n, seed, now)))
            .await
            .unwrap_or_default()
    }

    /// Makes one change of a named sort in one tenant.
    pub async fn change(&self, tenant: usize, sort: &str, seed: u64) -> Result<String, String> {
        let named = Sort::named(sort)?;
        let step = Step::Change {
            tenant,
            sort: sort.into(),
            seed,
        };
        self.act(tenant, step, |t, now| {
            let done = t.world_mut().change_some(named, seed, now);
            done.ok_or_else(|| "there is nothing to change so".into())
        })
        .await
    }

    /// Begins a further story in one tenant.
    pub async fn tell(&self, tenant: usize, tale: &Tale) -> Result<(), String> {
        let step = Step::Tell {
            tenant,
            name: tale.name.clone(),
            text: tale.text.clone(),
        };
        self.act(tenant, step, |t, now| t.tell(tale, now)).await
    }

    async fn act<T>(
        &self,
        tenant: usize,
        step: Step,
        act: impl FnOnce(&Tenant, Ticks) -> Result<T, String>,
    ) -> Result<T, String> {
        let tenant = &self.tenants[tenant];
        let _turn = tenant.turn.write().await;
        let now = self.clock.now();
        let done = clock::at(now, async { act(tenant, now) }).await?;
        self.keep(now, step);
        Ok(done)
    }

    /// Everything that happened so far, as a state file.
    pub fn export(&self) -> Result<Vec<u8>, StateError> {
        self.journal.text()
    }

    /// Begins anew: as at the first start.
    pub async fn reset(&self) -> Result<(), String> {
        let head = make::head(&self.config);
        self.begin(&head, &[]).await
    }

    /// Takes over a state that was made with the same settings.
    pub async fn import(&self, text: &[u8]) -> Result<(), String> {
        let (head, entries) = state::read(text).map_err(|e| e.to_string())?;
        let differences = make::head(&self.config).made.differences(&head.made);
        if !differences.is_empty() {
            return Err(StateError::Other(differences.join(", ")).to_string());
        }
        self.begin(&head, &entries).await
    }

    async fn begin(&self, head: &state::Head, entries: &[Entry]) -> Result<(), String> {
        let mut turns = Vec::new();
        for tenant in &self.tenants {
            turns.push(tenant.turn.write().await);
        }
        self.clock.restart(head.start, hands_after(head, entries));
        let done = self.rebuild(head, entries).await;
        if done.is_err() {
            let head = make::head(&self.config);
            self.clock.restart(head.start, head.hands);
            self.rebuild(&head, &[]).await?;
            self.journal
                .replace(&head, &[])
                .map_err(|e| e.to_string())?;
            return done.map_err(|e| format!("{e}; the tenant began anew"));
        }
        self.journal
            .replace(head, entries)
            .map_err(|e| e.to_string())
    }

    async fn rebuild(&self, head: &state::Head, entries: &[Entry]) -> Result<(), String> {
        for (place, tenant) in self.tenants.iter().enumerate() {
            let (config, clock) = (self.config.clone(), Arc::clone(&self.clock));
            let now = head.hands.at;
            let made = tokio::task::spawn_blocking(move || make::world(&config, place, clock, now));
            let world = made.await.map_err(|e| e.to_string())??;
            tenant
                .next_event
                .store(world.next_event(), Ordering::Release);
            *tenant.world.write().unwrap_or_else(PoisonError::into_inner) = world;
            tenant.hunting.forget();
            tenant.quotas.iter().for_each(Quotas::forget);
            tenant.entra.forget();
        }
        self.replay(entries).await
    }

    /// Lets happen again what happened, each at its time. The error names the line.
    pub async fn replay(&self, entries: &[Entry]) -> Result<(), String> {
        let mut tokens = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            clock::at(entry.at, self.again(&entry.step, &mut tokens))
                .await
                .map_err(|e| format!("line {}: {e}", at + 2))?;
        }
        if let Some(last) = entries.last() {
            self.clock.catch_up(last.at);
        }
        Ok(())
    }

    async fn again(&self, step: &Step, tokens: &mut HashMap<String, String>) -> Result<(), String> {
        let now = self.clock.now();
        let tenant = |place: usize| {
            let tenant = self.tenants.get(place);
            tenant.ok_or_else(|| format!("there is no tenant {}", place + 1))
        };
        match step {
            Step::Write {
                tenant: place,
                by,
                method,
                path,
                query,
                headers,
                body,
                binary,
            } => {
                let tenant = tenant(*place)?;
                let token = tokens.entry(by.to_string()).or_insert_with(|| {
                    let claims: Claims = serde_json::from_value(by.clone()).unwrap_or_default();
                    tenant.entra.sign(&claims)
                });
                let body = if *binary {
                    STANDARD.decode(body).map_err(|e| e.to_string())?
                } else {
                    body.clone().into_bytes()
                };
                let ask = Ask {
                    method: method.parse::<Method>().map_err(|e| e.to_string())?,
                    path: path.clone(),
                    query: query.clone(),
                    headers: header_map(headers, token)?,
                    body,
                    base: String::new(),
                    request_id: "replay".into(),
                };
                let reply = host::services(tenant, &ask).await;
                if reply.status >= 300 {
                    let why = reply.why.unwrap_or_default();
                    return Err(format!(
                        "{method} {path} was accepted once and is refused now ({}: {why})",
                        reply.status
                    ));
                }
            }
            Step::Churn {
                tenant: place,
                n,
                seed,
            } => {
                tenant(*place)?.world_mut().churn(*n, *seed, now);
            }
            Step::Change {
                tenant: place,
                sort,
                seed,
            } => {
                let sort = Sort::named(sort)?;
                tenant(*place)?.world_mut().change_some(sort, *seed, now);
            }
            Step::Tell {
                tenant: place,
                name,
                text,
            } => {
                let tale = Tale {
                    name: name.clone(),
                    text: text.clone(),
                };
                tenant(*place)?.tell(&tale, now)?;
            }
            Step::Consent {
                tenant: place,
                consent,
            } => tenant(*place)?.entra.give(consent),
            Step::Sessions {
                tenant: place,
                who,
                deed,
            } => tenant(*place)?.do_to_sessions(who, deed, now)?,
            // Where the clock ended up was read beforehand.
            Step::Clock { .. } => {}
        }
        Ok(())
    }
}

fn header_map(headers: &[(String, String)], token: &str) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    let bearer = ("authorization".to_owned(), format!("Bearer {token}"));
    for (name, value) in headers.iter().chain([&bearer]) {
        let name = HeaderName::try_from(name).map_err(|e| e.to_string())?;
        map.append(
            name,
            HeaderValue::try_from(value).map_err(|e| e.to_string())?,
        );
    }
    Ok(map)
}

/// Where the clock stood after all that.
pub fn hands_after(head: &state::Head, entries: &[Entry]) -> Hands {
    let set = entries.iter().rev().find_map(|entry| match entry.step {
        Step::Clock { hands } => Some(hands),
        _ => None,
    });
    set.unwrap_or(head.hands)
}
