//! Sessions of people and applications, from the world's side: what is done to an account in Graph or at
//! the administrator's door reaches the sign-in service.

use super::accounts::Account;
use super::clock::{self, Ticks};
use super::tenant::Tenant;

/// What can be done to a person or an application, and what it means.
pub const DEEDS: &[(&str, &str)] = &[
    (
        "revoke",
        "ends the sessions: refresh tokens and callable access tokens are worth nothing",
    ),
    (
        "challenge",
        "calls back access tokens; the session goes on with new ones",
    ),
    ("disable", "switches signing in off, and ends the sessions"),
    ("enable", "switches signing in on again"),
    ("password", "a new password: ends the sessions"),
];

impl Tenant {
    /// Tells the sign-in service what the world knows about accounts.
    pub fn learn_accounts(&self) {
        let world = self.world();
        for (person, account) in world.accounts.all() {
            let id = &world.people[person as usize].object_id;
            let ended = account.sessions_from.max(account.reset);
            let ended = if ended > 0 { clock::to_unix(ended) } else { 0 };
            let off = match account.disabled_since {
                0 => 0,
                since => clock::to_unix(since),
            };
            self.entra.change_standing(id, |standing| {
                standing.disabled = account.disabled;
                standing.sessions_until = standing.sessions_until.max(ended);
                standing.access_until = standing.access_until.max(ended).max(off);
            });
        }
    }

    /// Does one of [`DEEDS`] to a person (object id or user principal name) or an application (its id). The
    /// error says what there is.
    pub fn do_to_sessions(&self, who: &str, deed: &str, now: Ticks) -> Result<(), String> {
        if !DEEDS.iter().any(|(name, _)| *name == deed) {
            let names: Vec<&str> = DEEDS.iter().map(|(name, _)| *name).collect();
            return Err(format!("do is one of {}, not {deed}", names.join(", ")));
        }
        let person = self.world().find_person(who);
        if let Some(person) = person {
            let mut world = self.world_mut();
            if deed == "challenge" {
                self.entra
                    .call_back(&world.people[person as usize].object_id, now);
                return Ok(());
            }
            to_account(world.accounts.change(person), deed, now);
            drop(world);
            self.learn_accounts();
            return Ok(());
        }
        let app = self.entra.applications().iter();
        let app = app.map(|a| &a.id).find(|id| id.eq_ignore_ascii_case(who));
        let id =
            app.ok_or_else(|| format!("{who} is no person and no application of this tenant"))?;
        match deed {
            "challenge" => self.entra.call_back(id, now),
            "disable" => {
                self.entra.end_sessions(id, now);
                self.entra.change_standing(id, |s| s.disabled = true);
            }
            "enable" => self.entra.change_standing(id, |s| s.disabled = false),
            _ => self.entra.end_sessions(id, now),
        }
        Ok(())
    }
}

fn to_account(account: &mut Account, deed: &str, now: Ticks) {
    match deed {
        "disable" => {
            account.disabled = true;
            account.disabled_since = now;
            account.sessions_from = now;
        }
        "enable" => {
            account.disabled = false;
            account.disabled_since = 0;
        }
        "password" => account.reset = now,
        _ => account.sessions_from = now,
    }
}
