//! What was done to accounts: disabled, sessions revoked, passwords reset, risk decided on.
//!
//! Keeps only what was changed; who exists is in `people`. Knows nothing of HTTP.

use std::collections::BTreeMap;

use super::clock::Ticks;
use super::people::Person;
use super::words;
use super::world::{Body, World};

/// What an administrator said about a person's risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The account is in the wrong hands.
    Compromised,
    /// What was seen was the person.
    Safe,
    /// Nobody cares.
    Dismissed,
}

/// What was done to one account.
#[derive(Debug, Default)]
pub struct Account {
    /// Disabled in Entra.
    pub disabled: bool,
    /// Since when it has been disabled in Entra; 0 is not.
    pub disabled_since: Ticks,
    /// Disabled in Active Directory.
    pub directory_disabled: bool,
    /// Disabled in Okta.
    pub okta_disabled: bool,
    /// Sessions from before this moment have ended; 0 is never.
    pub sessions_from: Ticks,
    /// Okta sessions from before this moment have ended; 0 is never.
    pub okta_sessions_from: Ticks,
    /// When a new password was demanded last; 0 is never.
    pub reset: Ticks,
    /// The last decision on its risk, and when.
    pub decision: Option<(Decision, Ticks)>,
}

static UNTOUCHED: Account = Account {
    disabled: false,
    disabled_since: 0,
    directory_disabled: false,
    okta_disabled: false,
    sessions_from: 0,
    okta_sessions_from: 0,
    reset: 0,
    decision: None,
};

/// What was done to accounts, by the person's place.
#[derive(Debug, Default)]
pub struct Accounts {
    changed: BTreeMap<u32, Account>,
    /// Operations so far, which number their correlation ids.
    pub operations: u64,
}

impl Accounts {
    /// A person's account as it is now.
    pub fn get(&self, person: u32) -> &Account {
        self.changed.get(&person).unwrap_or(&UNTOUCHED)
    }

    /// Every account something was done to, by the person's place.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Account)> {
        self.changed
            .iter()
            .map(|(person, account)| (*person, account))
    }

    /// A person's account, to change it.
    pub fn change(&mut self, person: u32) -> &mut Account {
        self.changed.entry(person).or_default()
    }
}

/// A person at risk, or who was.
#[derive(Debug, Clone, Copy)]
pub struct Risk {
    /// Place of the person.
    pub person: u32,
    /// Place in [`words::RISK_LEVEL`].
    pub level: u8,
    /// Place in [`words::RISK_STATE`].
    pub state: u8,
    /// `riskDetail`.
    pub detail: &'static str,
    /// When it changed last.
    pub updated: Ticks,
}

fn place(list: &[&str], member: &str) -> u8 {
    words::place(list, member).expect("a member of the list")
}

/// What alerts of identity protection say about one person.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    newest: Ticks,
    changed: Ticks,
    /// Highest severity among those still open.
    open: Option<u8>,
    false_alarm: bool,
}

impl World {
    /// Makes sure that these work here: user principal name, name, and whether the account is disabled.
    pub fn employ(&mut self, staff: Vec<(String, String, bool)>) {
        for (upn, name, disabled) in staff {
            let person = self.find_person(&upn).unwrap_or_else(|| {
                let number = self.people.len() as u32;
                let account = name.to_lowercase();
                let account: String = account.chars().filter(char::is_ascii_alphabetic).collect();
                let person = Person::with_upn(self.seed, number, &name, &account, upn);
                self.people.push(person);
                number
            });
            if disabled {
                self.accounts.change(person).disabled = true;
            }
        }
    }

    /// The place of the person with this object id or user principal name.
    pub fn find_person(&self, id: &str) -> Option<u32> {
        self.people
            .iter()
            .position(|p| p.object_id.eq_ignore_ascii_case(id) || p.upn.eq_ignore_ascii_case(id))
            .map(|at| at as u32)
    }

    /// Everybody about whom identity protection has or had something to say, by place.
    pub fn risks(&self) -> Vec<Risk> {
        let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
        for alert in &self.alerts {
            if self.shell(alert).source.name != "identity-protection" {
                continue;
            }
            for person in self.people_of(&alert.body) {
                let one = seen.entry(person).or_default();
                one.newest = one.newest.max(alert.created);
                one.changed = one.changed.max(alert.updated);
                if alert.resolved == 0 {
                    one.open = Some(one.open.unwrap_or(0).max(alert.severity));
                } else {
                    one.false_alarm |=
                        words::CLASSIFICATION[alert.classification as usize] == "falsePositive";
                }
            }
        }
        for (person, account) in &self.accounts.changed {
            if account.decision.is_some() {
                seen.entry(*person).or_default();
            }
        }
        seen.into_iter()
            .map(|(person, seen)| self.risk(person, seen))
            .collect()
    }

    fn risk(&self, person: u32, seen: Seen) -> Risk {
        let make = |level, state, detail, updated| Risk {
            person,
            level: place(words::RISK_LEVEL, level),
            state: place(words::RISK_STATE, state),
            detail,
            updated,
        };
        match self.accounts.get(person).decision {
            // A decision holds until something new is seen.
            Some((decision, at)) if at >= seen.newest => match decision {
                Decision::Compromised => make(
                    "high",
                    "confirmedCompromised",
                    "adminConfirmedUserCompromised",
                    at,
                ),
                Decision::Safe => make("none", "confirmedSafe", "adminConfirmedAccountSafe", at),
                Decision::Dismissed => {
                    make("none", "dismissed", "adminDismissedAllRiskForUser", at)
                }
            },
            _ => match seen.open.map(|s| words::SEVERITY[s as usize]) {
                Some("high") => make("high", "atRisk", "none", seen.newest),
                Some("medium") => make("medium", "atRisk", "none", seen.newest),
                Some(_) => make("low", "atRisk", "none", seen.newest),
                None if seen.false_alarm => make(
                    "none",
                    "dismissed",
                    "adminDismissedAllRiskForUser",
                    seen.changed,
                ),
                None => make(
                    "none",
                    "remediated",
                    "userPerformedSecuredPasswordReset",
                    seen.changed,
                ),
            },
        }
    }

    /// Places of the people an alert is about.
    fn people_of(&self, body: &Body) -> Vec<u32> {
        match body {
            Body::Everyday { person, .. } => vec![*person],
            Body::Told(told) => told
                .evidence
                .iter()
                .filter(|e| e.kind == "userEvidence")
                .filter_map(|e| self.find_person(e.id("azureAdUserId")?))
                .collect(),
        }
    }
}
