//! What administrators did and rows show: mail that was moved after its delivery, and sign-ins of
//! accounts that were disabled or whose sessions were ended.

use super::super::clock::{HOUR, Ticks};
use super::super::world::World;
use super::TablesError;
use super::row::Row;
use super::store::Writer;

/// A mail moved once.
#[derive(Debug)]
pub struct Moved {
    message: String,
    recipient: String,
    report: String,
    action: &'static str,
    location: &'static str,
    at: Ticks,
}

/// The moves up to now after the first `done`.
pub fn moves(world: &World, done: usize, now: Ticks) -> Vec<Moved> {
    let moves = world.mail.moves.iter().skip(done);
    moves
        .take_while(|m| m.at <= now)
        .map(|m| {
            let person = world.find_person(&m.recipient);
            let number = person.map_or("00000000", |p| &world.people[p as usize].object_id[..8]);
            Moved {
                message: m.message.clone(),
                recipient: m.recipient.clone(),
                report: format!("{}-{number}-1", m.message),
                action: m.remedy.table.0,
                location: m.remedy.table.1,
                at: m.at,
            }
        })
        .collect()
}

impl Moved {
    /// Adds the row of the move, and lets the row of the mail say where it is now.
    pub fn tell(&self, writer: &mut Writer) -> Result<(), TablesError> {
        let delivered = writer.mail(&self.message, &self.recipient)?;
        let mut row = Row::new("EmailPostDeliveryEvents", self.at)
            .with("NetworkMessageId", &self.message)
            .with("RecipientEmailAddress", &self.recipient)
            .with("Action", self.action)
            .with("ActionType", "Manual remediation")
            .with("ActionTrigger", "AdminAction")
            .with("ActionResult", "Success")
            .with("DeliveryLocation", self.location)
            .with("ReportId", &self.report);
        if let Some([internet, sender, direction, location, threats]) = delivered {
            row = row
                .with("InternetMessageId", internet)
                .with("SenderFromAddress", sender)
                .with("EmailDirection", direction)
                .with("SourceLocation", location)
                .with("ThreatTypes", threats);
        }
        writer.insert(&[row])?;
        writer.move_mail(&self.message, &self.recipient, self.action, self.location)
    }
}

/// An account that cannot sign in, or had to do it again.
#[derive(Debug)]
pub struct Stop {
    object_id: String,
    /// Disabled since; 0 is not.
    disabled: Ticks,
    /// Sessions ended at; 0 is never.
    sessions: Ticks,
}

/// Every account that something was done to.
pub fn stops(world: &World) -> Vec<Stop> {
    world
        .accounts
        .all()
        .filter(|(_, account)| account.disabled_since != 0 || account.sessions_from != 0)
        .map(|(person, account)| Stop {
            object_id: world.people[person as usize].object_id.clone(),
            disabled: account.disabled_since,
            sessions: account.sessions_from,
        })
        .collect()
}

/// Tables whose rows say that somebody was signed in.
const SIGNED_IN: [&str; 4] = [
    "EntraIdSignInEvents",
    "CloudAppEvents",
    "IdentityLogonEvents",
    "GraphAPIAuditEvents",
];

impl Stop {
    /// Whether a row cannot be because of it.
    pub fn stops(&self, row: &Row) -> bool {
        if !SIGNED_IN.contains(&row.table) {
            return false;
        }
        let text = |column: &str| {
            row.cells
                .iter()
                .find(|(name, _)| *name == column)
                .and_then(|(_, cell)| cell.text())
        };
        if text("AccountObjectId") != Some(&self.object_id) {
            return false;
        }
        let disabled = self.disabled != 0 && row.at >= self.disabled;
        // What went on by itself needs a person again; that is done within the hour.
        let ended = self.sessions != 0
            && (self.sessions..self.sessions + HOUR).contains(&row.at)
            && text("LogonType").is_some_and(|kind| kind.contains("nonInteractive"));
        disabled || ended
    }
}
