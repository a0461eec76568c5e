//! The cached queue as tables: what queries ask of incidents, alerts and their evidence, taken out of the
//! services' JSON once and kept in a file of its own, a set of tables a profile.
//!
//! Reading 100,000 alerts out of compressed JSON takes seconds, so it is done for what changed alone: every
//! object has a stamp in the cache, and the one it was made with here. The file can be made anew at any
//! time; whoever has no local hunts has no such file.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value as SqlCell;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params_from_iter};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::tables::TABLES;
use super::{LocalError, Result, ident};
use crate::domain::{Tactic, Timestamp};
use crate::engine::{Cancel, Type, Value, to_cell};
use crate::store::hunted::{Kind, Peek};
use crate::store::private_file;

/// Raised whenever the tables of the file change; an older file is begun anew.
const LAYOUT: i64 = 1;
/// Objects in one transaction.
const TOGETHER: usize = 2_000;
/// Entries of the journal that are shown.
const JOURNAL: usize = 20_000;

/// Indexes, by kind of rows: what filters and joins ask for.
const INDEXES: [(&str, &str); 6] = [
    ("alert", "Timestamp"),
    ("alert", "AlertId"),
    ("alert", "IncidentId"),
    ("evidence", "n"),
    ("incident", "LastUpdateTime"),
    ("incident", "IncidentId"),
];

/// One profile's cache, as local hunting is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The profile.
    pub tenant: String,
    /// Its directory id.
    pub id: String,
    /// Its cache; it need not be there.
    pub cache: PathBuf,
}

/// The file, and what is known of the caches it was made of.
#[derive(Debug)]
pub(super) struct Queue {
    path: PathBuf,
    watched: Mutex<HashMap<PathBuf, Watched>>,
}

/// A cache that was read before.
#[derive(Debug)]
struct Watched {
    peek: Peek,
    /// What it was when its alerts and incidents were read last.
    versions: [Option<i64>; 2],
    /// What its short lists were.
    small: Option<u64>,
}

/// What a profile's tables hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// The profile's number, which its tables' names end with.
    pub(super) number: i64,
    /// Everything the service showed before this moment is there.
    pub(super) as_of: Option<Timestamp>,
}

impl Queue {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            watched: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings those of a profile's tables up to what its cache holds that show these kinds of rows. `None`
    /// where it has no cache.
    pub(super) fn fill(
        &self,
        seat: &Seat,
        kinds: &BTreeSet<&str>,
        cancel: &Cancel,
    ) -> Result<Option<Filled>> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !seat.cache.is_file() {
            all.remove(&seat.cache);
            return Ok(None);
        }
        let watched = match all.entry(seat.cache.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let Some(peek) = Peek::open(&seat.cache)? else {
                    return Ok(None);
                };
                new.insert(Watched {
                    peek,
                    versions: [None; 2],
                    small: None,
                })
            }
        };
        let mut db = open(&self.path)?;
        let number = number(&mut db, &seat.tenant)?;
        let wanted = |some: &[&str]| some.iter().any(|kind| kinds.contains(kind));
        // Asked before the rows are read: what is written meanwhile is read the next time.
        let version = watched.peek.version()?;
        let filled = Filled {
            number,
            as_of: watched.peek.as_of()?,
        };
        for (at, kind, rows) in [
            (0, Kind::Alerts, ["alert", "evidence", "comment"].as_slice()),
            (1, Kind::Incidents, &["incident", "comment"]),
        ] {
            if wanted(rows) && watched.versions[at] != Some(version) {
                let mut filler = Filler {
                    db: &mut db,
                    peek: &watched.peek,
                    number,
                    cancel,
                };
                filler.objects(kind)?;
                watched.versions[at] = Some(version);
            }
        }
        if wanted(&["action", "journal"]) {
            watched.small = Some(small(&mut db, watched, &seat.cache, number)?);
        }
        Ok(Some(filled))
    }
}

/// Forgets a profile's tables. Nothing to do where there is no such file.
pub(super) fn forget(path: &Path, tenant: &str) -> Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let db = open(path)?;
    let number: Option<i64> = db
        .query_row(
            "SELECT number FROM profile WHERE name = ?1",
            [tenant],
            |row| row.get(0),
        )
        .optional()?;
    let Some(number) = number else {
        return Ok(false);
    };
    for kind in TABLES.rows.keys() {
        db.execute_batch(&format!("DROP TABLE IF EXISTS {}", table(kind, number)))?;
    }
    db.execute("DELETE FROM profile WHERE number = ?1", [number])?;
    db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(true)
}

/// The name of a profile's table of a kind of rows.
pub(super) fn table(kind: &str, number: i64) -> String {
    format!("{kind}_{number}")
}

fn open(path: &Path) -> Result<Connection> {
    let file = |source| LocalError::Io {
        path: path.to_owned(),
        source,
    };
    drop(private_file(path).map_err(file)?);
    let db = super::connect(path)?;
    let layout: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout != LAYOUT {
        let old: Vec<String> = db
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for name in old {
            db.execute_batch(&format!("DROP TABLE {}", ident(&name)))?;
        }
        db.execute_batch("CREATE TABLE IF NOT EXISTS profile (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")?;
        db.pragma_update(None, "user_version", LAYOUT)?;
    }
    Ok(db)
}

/// The profile's number; its tables are made where it had none.
fn number(db: &mut Connection, tenant: &str) -> Result<i64> {
    let known: Option<i64> = db
        .query_row(
            "SELECT number FROM profile WHERE name = ?1",
            [tenant],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    let tx = db.transaction()?;
    tx.execute("INSERT INTO profile (name) VALUES (?1)", [tenant])?;
    let number = tx.last_insert_rowid();
    for (kind, columns) in &TABLES.rows {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!(", {} {}", ident(&column.name), declared(column.ty)))
            .collect();
        let key = match kind.as_str() {
            "alert" | "incident" => "n INTEGER PRIMARY KEY, stamp INTEGER NOT NULL",
            _ => "n INTEGER NOT NULL",
        };
        let name = table(kind, number);
        tx.execute_batch(&format!("CREATE TABLE {name} ({key}{})", columns.concat()))?;
        for (_, column) in INDEXES.iter().filter(|(of, _)| of == kind) {
            tx.execute_batch(&format!(
                "CREATE INDEX {name}_{column} ON {name} ({column})"
            ))?;
        }
    }
    tx.commit()?;
    Ok(number)
}

fn declared(ty: Type) -> &'static str {
    match ty {
        Type::String => "TEXT NOT NULL DEFAULT ''",
        Type::Bool | Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => "INTEGER",
        Type::Real => "REAL",
        _ => "TEXT",
    }
}

struct Filler<'a> {
    db: &'a mut Connection,
    peek: &'a Peek,
    number: i64,
    cancel: &'a Cancel,
}

impl Filler<'_> {
    /// Makes anew what changed, and lets go of what is gone.
    fn objects(&mut self, kind: Kind) -> Result<()> {
        let word = match kind {
            Kind::Alerts => "alert",
            Kind::Incidents => "incident",
        };
        let now = self.peek.stamps(kind)?;
        let name = table(word, self.number);
        let mut stale: Vec<i64> = Vec::new();
        let mut known = 0;
        {
            let sql = format!("SELECT n, stamp FROM {name}");
            let mut statement = self.db.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut here = HashMap::new();
            while let Some(row) = rows.next()? {
                here.insert(row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
                known += 1;
            }
            stale.extend(here.keys().filter(|n| !now.contains_key(n)));
            let fresh = now.iter().filter(|(n, stamp)| here.get(n) != Some(stamp));
            stale.extend(fresh.map(|(n, _)| *n));
        }
        stale.sort_unstable();
        if known == 0 && !stale.is_empty() {
            tracing::info!(objects = stale.len(), %name, "the cached queue is being laid out");
        }
        for some in stale.chunks(TOGETHER) {
            let tx = self.db.transaction()?;
            for &n in some {
                if self.cancel.is_cancelled() {
                    return Err(LocalError::Cancelled);
                }
                drop_object(&tx, word, self.number, n)?;
                if let Some(stamp) = now.get(&n) {
                    put_object(&tx, self.peek, kind, self.number, n, *stamp)?;
                }
            }
            tx.commit()?;
        }
        Ok(())
    }
}

fn drop_object(tx: &Transaction<'_>, word: &str, number: i64, n: i64) -> Result<()> {
    let delete = |kind: &str, n: i64| -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE n = ?1", table(kind, number));
        tx.prepare_cached(&sql)?.execute([n])?;
        Ok(())
    };
    delete(word, n)?;
    if word == "alert" {
        delete("evidence", n)?;
    }
    // Comments of alerts have their numbers, those of incidents the numbers below zero.
    delete("comment", if word == "alert" { n } else { -n - 1 })
}

fn put_object(
    tx: &Transaction<'_>,
    peek: &Peek,
    kind: Kind,
    number: i64,
    n: i64,
    stamp: i64,
) -> Result<()> {
    // What went between two looks is gone at the next.
    let Some(text) = peek.json(kind, n)? else {
        return Ok(());
    };
    let mut object: Json = serde_json::from_str(&text).unwrap_or_default();
    match kind {
        Kind::Alerts => {
            put(
                tx,
                "alert",
                number,
                &[n, stamp],
                &TABLES.values("alert", &object),
            )?;
            let raw: Entities<'_> = serde_json::from_str(&text).unwrap_or_default();
            for entity in raw.evidence {
                let item: Json = serde_json::from_str(entity.get()).unwrap_or_default();
                let values = TABLES.entity(&item, entity.get());
                put(tx, "evidence", number, &[n], &values)?;
            }
            let (alert, incident) = (object["id"].clone(), object["incidentId"].clone());
            put_comments(tx, number, n, &mut object, &incident, &alert)
        }
        Kind::Incidents => {
            if let Some(row) = peek.incident(n)? {
                let tactics: Vec<&str> = row.tactics.iter().map(Tactic::name).collect();
                object["@alerts"] = row.alerts.into();
                object["@devices"] = row.devices.into();
                object["@users"] = row.users.into();
                object["@tactics"] = tactics.into();
                object["@tags"] = json!(row.tags);
                object["@firstSeen"] = row.first_seen.to_string().into();
                object["@lastViewed"] = json!(row.last_viewed.map(|at| at.to_string()));
            }
            put(
                tx,
                "incident",
                number,
                &[n, stamp],
                &TABLES.values("incident", &object),
            )?;
            let incident = object["id"].clone();
            put_comments(tx, number, -n - 1, &mut object, &incident, &Json::Null)
        }
    }
}

/// The entities of an alert as they came.
#[derive(Default, serde::Deserialize)]
struct Entities<'a> {
    #[serde(borrow, default)]
    evidence: Vec<&'a RawValue>,
}

fn put_comments(
    tx: &Transaction<'_>,
    number: i64,
    n: i64,
    object: &mut Json,
    incident: &Json,
    alert: &Json,
) -> Result<()> {
    let Some(comments) = object.get_mut("comments").and_then(Json::as_array_mut) else {
        return Ok(());
    };
    for comment in comments.iter_mut().filter(|it| it.is_object()) {
        comment["@incident"] = incident.clone();
        comment["@alert"] = alert.clone();
        put(
            tx,
            "comment",
            number,
            &[n],
            &TABLES.values("comment", comment),
        )?;
    }
    Ok(())
}

fn put(
    tx: &Transaction<'_>,
    kind: &str,
    number: i64,
    keys: &[i64],
    values: &[Value],
) -> Result<()> {
    let holes = vec!["?"; keys.len() + values.len()].join(", ");
    let sql = format!("INSERT INTO {} VALUES ({holes})", table(kind, number));
    let keys = keys.iter().map(|key| SqlCell::Integer(*key));
    let cells = keys.chain(values.iter().map(to_cell));
    tx.prepare_cached(&sql)?.execute(params_from_iter(cells))?;
    Ok(())
}

/// The short lists, made anew where they changed; gives what they are now.
fn small(db: &mut Connection, watched: &Watched, cache: &Path, number: i64) -> Result<u64> {
    let entries = watched.peek.journal(cache, JOURNAL)?;
    let actions = watched.peek.actions()?;
    let mut hasher = DefaultHasher::new();
    format!("{entries:?}{actions:?}").hash(&mut hasher);
    let now = hasher.finish();
    if watched.small == Some(now) {
        return Ok(now);
    }
    let tx = db.transaction()?;
    for kind in ["action", "journal"] {
        tx.execute(&format!("DELETE FROM {}", table(kind, number)), [])?;
    }
    for action in &actions {
        let object = serde_json::to_value(action).unwrap_or_default();
        let values = TABLES.values("action", &object);
        put(&tx, "action", number, &[0], &values)?;
    }
    for entry in &entries {
        let mut object = serde_json::to_value(entry).unwrap_or_default();
        object["state"] = entry.state.as_str().into();
        if let Ok(request) = serde_json::from_str(&entry.request) {
            object["request"] = request;
        }
        let values = TABLES.values("journal", &object);
        put(&tx, "journal", number, &[0], &values)?;
    }
    tx.commit()?;
    Ok(now)
}
