//! What was done to mail after its delivery: every move an administrator asked for, in its order.
//!
//! Lists of mail, evidence and hunting tables all read it here. Knows nothing of HTTP.

use std::collections::HashMap;

use super::clock::Ticks;

/// What can be done to mail.
#[derive(Debug, PartialEq, Eq)]
pub struct Remedy {
    /// `remediationAction`.
    pub action: &'static str,
    /// `deliveryLocation` afterwards.
    pub location: &'static str,
    /// `EmailPostDeliveryEvents.Action` and the location there.
    pub table: (&'static str, &'static str),
    /// Whether the mail is out of the recipient's reach then.
    pub removes: bool,
}

/// Every action that is supported.
pub const REMEDIES: &[Remedy] = &[
    remedy(
        "moveToJunk",
        "junkFolder",
        ("Moved to junk folder", "Junk folder"),
        true,
    ),
    remedy(
        "moveToInbox",
        "inbox_folder",
        ("Moved to inbox", "Inbox/folder"),
        false,
    ),
    remedy(
        "moveToDeletedItems",
        "deletedFolder",
        ("Moved to deleted items", "Deleted items"),
        true,
    ),
    remedy(
        "softDelete",
        "others",
        ("Soft deleted", "SoftDeleted"),
        true,
    ),
    remedy(
        "hardDelete",
        "others",
        ("Hard deleted", "HardDeleted"),
        true,
    ),
];

const fn remedy(
    action: &'static str,
    location: &'static str,
    table: (&'static str, &'static str),
    removes: bool,
) -> Remedy {
    Remedy {
        action,
        location,
        table,
        removes,
    }
}

/// One mail moved once.
#[derive(Debug)]
pub struct Move {
    /// `NetworkMessageId`.
    pub message: String,
    /// Recipient, as the mail names it.
    pub recipient: String,
    /// What was done.
    pub remedy: &'static Remedy,
    /// When.
    pub at: Ticks,
    /// Who asked for it.
    pub by: String,
    /// What the remediation is called.
    pub name: String,
}

/// All moves.
#[derive(Debug, Default)]
pub struct Mail {
    /// In the order they were asked for.
    pub moves: Vec<Move>,
    /// The last move of a mail: message id and recipient, lower case.
    last: HashMap<(String, String), usize>,
    /// Remediations so far, which number the ids of their approvals.
    pub remediations: u64,
}

fn key(message: &str, recipient: &str) -> (String, String) {
    (message.to_lowercase(), recipient.to_lowercase())
}

impl Mail {
    /// Notes a move.
    pub fn push(&mut self, one: Move) {
        let key = key(&one.message, &one.recipient);
        self.last.insert(key, self.moves.len());
        self.moves.push(one);
    }

    /// The last move of a mail.
    pub fn last(&self, message: &str, recipient: &str) -> Option<&Move> {
        // Most tenants never move anything: no key is made then.
        if self.moves.is_empty() {
            return None;
        }
        self.last
            .get(&key(message, recipient))
            .map(|at| &self.moves[*at])
    }

    /// Every move of a mail, oldest first.
    pub fn of(&self, message: &str, recipient: &str) -> impl Iterator<Item = &Move> {
        let key = key(message, recipient);
        self.moves
            .iter()
            .filter(move |m| self::key(&m.message, &m.recipient) == key)
    }
}
