//! What became of people and applications since they signed in: disabled, sessions ended, access tokens
//! called back before their end (continuous access evaluation).
//!
//! Facts: Microsoft's pages on continuous access evaluation, claims challenges and client capabilities.
//! A client that says it can (`xms_cc` with `cp1`) gets access tokens that live a day and can be called
//! back: the resource then answers 401 with the claims that the next token must have. Who cannot keeps its
//! token to its end.

use std::collections::HashMap;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::super::clock::{self, Ticks};
use super::Entra;
use super::claims::Claims;
use super::directory::Trouble;
use super::refusals::{Aadsts, BAD_CLAIMS};
use super::token::Form;

/// What a client says that understands claims challenges.
const CAPABLE: &str = "cp1";
/// How many times as long its access tokens live: a day for an hour.
pub const LONGER: u32 = 24;

/// What became of one person or application. Times are Unix seconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether signing in is switched off.
    pub disabled: bool,
    /// Refresh tokens and codes of this moment and before are worth nothing.
    pub sessions_until: i64,
    /// Access tokens of this moment and before are called back.
    pub access_until: i64,
}

/// Everybody's standing, by object id of a person or id of an application.
pub type Standings = HashMap<String, Standing>;

impl Entra {
    /// The standing of a person (object id) or an application (its id).
    pub(super) fn standing(&self, id: &str) -> Standing {
        let all = self
            .standings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(&id.to_ascii_lowercase())
            .copied()
            .unwrap_or_default()
    }

    /// Changes somebody's standing.
    pub fn change_standing(&self, id: &str, change: impl FnOnce(&mut Standing)) {
        let mut all = self
            .standings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        change(all.entry(id.to_ascii_lowercase()).or_default());
    }

    /// Ends sessions: refresh tokens and codes got until now are refused, access tokens called back.
    pub fn end_sessions(&self, id: &str, now: Ticks) {
        let now = clock::to_unix(now);
        self.change_standing(id, |standing| {
            standing.sessions_until = standing.sessions_until.max(now);
            standing.access_until = standing.access_until.max(now);
        });
    }

    /// Calls back access tokens, as when a policy changes: the session goes on with new ones.
    pub fn call_back(&self, id: &str, now: Ticks) {
        let now = clock::to_unix(now);
        self.change_standing(id, |standing| {
            standing.access_until = standing.access_until.max(now);
        });
    }

    /// Standings as at the start: those who are disabled from the beginning.
    pub(super) fn first_standings(&self) -> Standings {
        let disabled = Standing {
            disabled: true,
            ..Standing::default()
        };
        let people = self.directory.accounts.iter();
        let people = people.filter(|a| a.trouble == Some(Trouble::Disabled));
        let apps = self.directory.apps.iter().filter(|a| a.disabled);
        people
            .map(|a| &a.id)
            .chain(apps.map(|a| &a.id))
            .map(|id| (id.to_ascii_lowercase(), disabled))
            .collect()
    }

    /// When a session that begins now has begun: after the end of those before, whose time is told in
    /// whole seconds.
    pub(super) fn begins(&self, person: &str, app: &str, now: Ticks) -> i64 {
        let ended = [person, app].map(|id| self.standing(id).sessions_until + 1);
        ended.into_iter().fold(clock::to_unix(now), i64::max)
    }

    /// The moment a token for these is issued: after the last one that was called back.
    pub(super) fn issues(&self, ids: &[&str], now: Ticks) -> i64 {
        let back = ids.iter().map(|id| self.standing(id).access_until + 1);
        back.fold(clock::to_unix(now), i64::max)
    }

    /// The claims a resource asks for in place of this token: base64url of a JSON object. `None` while the
    /// token is good, or cannot be called back.
    pub fn challenge(&self, claims: &Claims) -> Option<String> {
        if !claims.xms_cc.iter().any(|c| c == CAPABLE) {
            return None;
        }
        let (person, app) = (
            self.standing(&claims.oid),
            self.standing(claims.application()),
        );
        let until = person.access_until.max(app.access_until);
        if claims.nbf > until && !person.disabled && !app.disabled {
            return None;
        }
        let wanted =
            json!({"access_token": {"nbf": {"essential": true, "value": (until + 1).to_string()}}});
        Some(URL_SAFE.encode(wanted.to_string()))
    }
}

/// What the `claims` parameter of a request says about the client: its capabilities.
pub fn capabilities(form: &Form) -> Result<Vec<String>, Aadsts> {
    let Some(text) = form.get("claims") else {
        return Ok(Vec::new());
    };
    let claims: Value = serde_json::from_str(text).map_err(|_| Aadsts::from(BAD_CLAIMS))?;
    if !claims.is_object() {
        return Err(BAD_CLAIMS.into());
    }
    let wanted = &claims["access_token"]["xms_cc"];
    let values = wanted["values"].as_array().into_iter().flatten();
    Ok(values
        .chain(wanted.get("value"))
        .filter_map(Value::as_str)
        .filter(|value| value.eq_ignore_ascii_case(CAPABLE))
        .map(|_| CAPABLE.to_owned())
        .take(1)
        .collect())
}
