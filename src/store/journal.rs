//! The console's own audit: who asked what of which service when, and what came of it.
//!
//! An entry is written and synced before the request leaves, so that a request whose answer was lost is
//! known to have been sent.

use std::collections::HashSet;
use std::io::Write;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Result, Store, StoreError, codec};
use crate::domain::{ActionId, Timestamp, text};

/// The number of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournalId(pub i64);

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalState {
    /// Written down; the request may or may not have left.
    Intended,
    /// The service took it on and will work on it (machine actions).
    Accepted,
    /// Done.
    Succeeded,
    /// The service tried and failed.
    Failed,
    /// Called off before it was done.
    Cancelled,
    /// The service said no; nothing happened.
    Refused,
    /// The request certainly never reached the service.
    NotSent,
    /// The answer was lost: the service has to be asked.
    Unknown,
}

impl JournalState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Intended,
        Self::Accepted,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
        Self::NotSent,
        Self::Unknown,
    ];

    /// The word in the file and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Accepted => "accepted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::NotSent => "not sent",
            Self::Unknown => "unknown",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the outcome is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Intended | Self::Accepted | Self::Unknown)
    }
}

/// What is written down before a request leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// When.
    pub at: Timestamp,
    /// Who asked: the analyst of the profile.
    pub who: String,
    /// Tenant of the profile.
    pub tenant: String,
    /// The operation's id in the catalogue, `machine.isolate`.
    pub operation: String,
    /// Its title, "Isolate device, full".
    pub title: String,
    /// What it is done to, in words: `incident 4211`, `fin-07 (1f3c…)`.
    pub target: String,
    /// The operation as JSON, for recovery.
    pub request: String,
    /// The `client-request-id` the request carries.
    pub client_request_id: String,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JournalEntry {
    /// Number.
    pub id: JournalId,
    /// When it was intended.
    pub at: Timestamp,
    /// When its state last changed.
    pub updated: Timestamp,
    /// Who asked.
    pub who: String,
    /// Tenant.
    pub tenant: String,
    /// The operation's id in the catalogue.
    pub operation: String,
    /// Its title.
    pub title: String,
    /// What it was done to.
    pub target: String,
    /// The operation as JSON.
    pub request: String,
    /// Where it stands.
    pub state: JournalState,
    /// The service's words, or ours; empty where there is nothing to add.
    pub detail: String,
    /// The machine action it became.
    pub action: Option<ActionId>,
    /// The id we sent.
    pub client_request_id: String,
    /// The service's id, to quote to its support.
    pub request_id: Option<String>,
}

/// A move of an entry to a new state.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalStep {
    /// When.
    pub at: Timestamp,
    /// To which state.
    pub state: JournalState,
    /// The service's words, or ours.
    pub detail: String,
    /// The machine action it became, when just learnt.
    pub action: Option<ActionId>,
    /// The service's id, when just learnt.
    pub request_id: Option<String>,
}

const COLUMNS: &str = "id, at, updated, who, tenant, operation, title, target, request, state, detail, \
                       action, client_request_id, request_id";

impl Store {
    /// Writes an entry in state [`JournalState::Intended`]; on disk when this returns.
    pub fn journal_append(&self, entry: &NewEntry) -> Result<JournalEntry> {
        self.db().write(|tx| {
            let at = codec::nanos(entry.at);
            let state = JournalState::Intended.as_str();
            tx.prepare_cached(
                "INSERT INTO journal (at, updated, who, tenant, operation, title, target, request, state, \
                 detail, client_request_id) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9)",
            )?
            .execute(params![
                at,
                entry.who,
                entry.tenant,
                entry.operation,
                entry.title,
                entry.target,
                entry.request,
                state,
                entry.client_request_id
            ])?;
            let id = tx.last_insert_rowid();
            tx.prepare_cached("INSERT INTO journal_step (entry, at, state, detail) VALUES (?1, ?2, ?3, '')")?
                .execute(params![id, at, state])?;
            one(tx, JournalId(id))?.ok_or_else(|| StoreError::Content(format!("journal entry {id}")))
        })
    }

    /// Moves an entry on; on disk when this returns.
    pub fn journal_step(&self, id: JournalId, step: &JournalStep) -> Result<JournalEntry> {
        self.db().write(|tx| self::step(tx, id, step))
    }

    /// The journal, newest first, at most `limit`.
    pub fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>> {
        self.db().read(|db| read(db, limit))
    }

    /// Entries whose outcome is open: intended, accepted, unknown; oldest first.
    pub fn journal_unsettled(&self) -> Result<Vec<JournalEntry>> {
        self.db().read(|db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM journal \
                 WHERE state IN ('intended', 'accepted', 'unknown') ORDER BY id"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], entry)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The machine actions that other entries than this one became: no two requests became the same.
    pub fn journal_actions(&self, except: JournalId) -> Result<HashSet<ActionId>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT DISTINCT action FROM journal WHERE action IS NOT NULL AND id <> ?1",
            )?;
            let found = statement.query_map([except.0], |row| row.get::<_, String>(0))?;
            found
                .map(|id| Ok(ActionId::new(id?)))
                .collect::<Result<_>>()
        })
    }

    /// How often the same as in this entry was asked since `since` and known to be done.
    pub fn journal_repeats(&self, entry: &JournalEntry, since: Timestamp) -> Result<usize> {
        self.db().read(|db| {
            let count: i64 = db
                .prepare_cached(
                    "SELECT count(*) FROM journal WHERE id <> ?1 AND operation = ?2 AND target = ?3 \
                     AND request = ?4 AND state = 'succeeded' AND at >= ?5",
                )?
                .query_row(
                    params![
                        entry.id.0,
                        entry.operation,
                        entry.target,
                        entry.request,
                        codec::nanos(since)
                    ],
                    |row| row.get(0),
                )?;
            Ok(usize::try_from(count).unwrap_or_default())
        })
    }

    /// One entry.
    pub fn journal_entry(&self, id: JournalId) -> Result<Option<JournalEntry>> {
        self.db().read(|db| one(db, id))
    }

    /// Every move of an entry, oldest first: when, to which state, with which words.
    pub fn journal_steps(&self, id: JournalId) -> Result<Vec<JournalStep>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT at, state, detail FROM journal_step WHERE entry = ?1 ORDER BY rowid",
            )?;
            let rows = statement.query_map([id.0], |row| {
                Ok(JournalStep {
                    at: codec::time(row.get(0)?),
                    state: state(row, 1)?,
                    detail: row.get(2)?,
                    action: None,
                    request_id: None,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// The journal, newest first, at most `limit`.
pub(super) fn read(db: &Connection, limit: usize) -> Result<Vec<JournalEntry>> {
    let sql = format!("SELECT {COLUMNS} FROM journal ORDER BY id DESC LIMIT ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([limit as i64], entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Moves an entry on, within a transaction.
pub(super) fn step(
    tx: &Transaction<'_>,
    id: JournalId,
    step: &JournalStep,
) -> Result<JournalEntry> {
    let (at, state) = (codec::nanos(step.at), step.state.as_str());
    tx.prepare_cached(
        "UPDATE journal SET updated = ?2, state = ?3, detail = ?4, action = coalesce(?5, action), \
         request_id = coalesce(?6, request_id) WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        at,
        state,
        step.detail,
        step.action.as_ref().map(ActionId::as_str),
        step.request_id
    ])?;
    tx.prepare_cached(
        "INSERT INTO journal_step (entry, at, state, detail) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![id.0, at, state, step.detail])?;
    one(tx, id)?.ok_or_else(|| StoreError::Content(format!("no journal entry {}", id.0)))
}

fn one(db: &Connection, id: JournalId) -> Result<Option<JournalEntry>> {
    let sql = format!("SELECT {COLUMNS} FROM journal WHERE id = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([id.0], entry)
        .optional()?)
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<JournalState> {
    let word: String = row.get(column)?;
    JournalState::parse(&word).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            format!("no such journal state: {word}").into(),
        )
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        id: JournalId(row.get(0)?),
        at: codec::time(row.get(1)?),
        updated: codec::time(row.get(2)?),
        who: row.get(3)?,
        tenant: row.get(4)?,
        operation: row.get(5)?,
        title: row.get(6)?,
        target: row.get(7)?,
        request: row.get(8)?,
        state: state(row, 9)?,
        detail: row.get(10)?,
        action: row.get::<_, Option<String>>(11)?.map(ActionId::new),
        client_request_id: row.get(12)?,
        request_id: row.get(13)?,
    })
}

/// One JSON object a line, oldest first, every text sanitised.
pub fn export_jsonl(entries: &[JournalEntry], out: &mut impl Write) -> std::io::Result<()> {
    for entry in in_order(entries) {
        let fields = cells(entry);
        let mut object = serde_json::Map::with_capacity(HEADERS.len());
        for (name, value) in HEADERS.into_iter().zip(fields) {
            object.insert(name.to_owned(), text::clean(&value).into_owned().into());
        }
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A table with a header, oldest first, every cell sanitised and harmless in a spreadsheet.
pub fn export_csv(entries: &[JournalEntry], out: &mut impl Write) -> std::io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(HEADERS)?;
    for entry in in_order(entries) {
        table.write_record(
            cells(entry)
                .iter()
                .map(|cell| text::csv_cell(cell).into_owned()),
        )?;
    }
    table.flush()
}

const HEADERS: [&str; 14] = [
    "id",
    "at",
    "updated",
    "who",
    "tenant",
    "operation",
    "title",
    "target",
    "state",
    "detail",
    "action",
    "clientRequestId",
    "requestId",
    "request",
];

fn cells(entry: &JournalEntry) -> [String; 14] {
    [
        entry.id.0.to_string(),
        entry.at.to_string(),
        entry.updated.to_string(),
        entry.who.clone(),
        entry.tenant.clone(),
        entry.operation.clone(),
        entry.title.clone(),
        entry.target.clone(),
        entry.state.as_str().to_owned(),
        entry.detail.clone(),
        entry
            .action
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        entry.client_request_id.clone(),
        entry.request_id.clone().unwrap_or_default(),
        entry.request.clone(),
    ]
}

fn in_order(entries: &[JournalEntry]) -> Vec<&JournalEntry> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|entry| entry.id);
    entries
}
