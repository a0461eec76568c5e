//! How far an endpoint has been read, and the rows that were refused on the way.

use rusqlite::{Transaction, params};

use super::codec::nanos;
use super::digest;
use super::{Endpoint, Mark, Put, Result, Store};
use crate::domain::Timestamp;

/// Refused rows kept; the oldest go first.
const REJECTED_KEPT: i64 = 1000;

impl Store {
    /// Moves a watermark past rows that stay what they are, however often they are asked for: `span` is
    /// that of the page they were on.
    pub fn move_mark(
        &self,
        endpoint: Endpoint,
        mark: Mark,
        span: Option<(Timestamp, Timestamp)>,
        now: Timestamp,
    ) -> Result<()> {
        self.db()
            .write(|tx| move_mark(tx, endpoint, mark, span, now))
    }
}

/// Keeps refused rows and moves the watermark.
pub(super) fn finish(
    tx: &Transaction<'_>,
    endpoint: Endpoint,
    put: &mut Put,
    mark: Option<Mark>,
    now: Timestamp,
) -> Result<()> {
    if !put.bad.is_empty() {
        keep_rejected(tx, endpoint, put, now)?;
    }
    match mark {
        Some(mark) if put.ordered && put.doubtful == 0 => {
            move_mark(tx, endpoint, mark, put.span, now)
        }
        _ => Ok(()),
    }
}

/// Keeps refused rows, each once; `put` is left with those that are new.
fn keep_rejected(
    tx: &Transaction<'_>,
    endpoint: Endpoint,
    put: &mut Put,
    now: Timestamp,
) -> Result<()> {
    for row in std::mem::take(&mut put.bad) {
        let json = digest::pack(&row.json);
        let known = tx
            .prepare_cached("UPDATE rejected SET at = ?3 WHERE endpoint = ?1 AND json = ?2")?
            .execute(params![endpoint.name(), json, nanos(now)])?
            > 0;
        if !known || !names_its_object(&row.json) {
            put.doubtful += 1;
        }
        if known {
            continue;
        }
        tx.prepare_cached(
            "INSERT INTO rejected (at, endpoint, why, json) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![nanos(now), endpoint.name(), row.why, json])?;
        put.bad.push(row);
    }
    tx.execute(
        "DELETE FROM rejected WHERE n <= (SELECT max(n) FROM rejected) - ?1",
        [REJECTED_KEPT],
    )?;
    Ok(())
}

/// Whether a refused row carries the id of an object: then the row is what the service holds, and not
/// an answer gone wrong on its way.
fn names_its_object(json: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_str::<Named>(json).is_ok_and(|named| !named.id.is_empty())
}

fn move_mark(
    tx: &Transaction<'_>,
    endpoint: Endpoint,
    mark: Mark,
    span: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
) -> Result<()> {
    let name = endpoint.name();
    // A time of 0 stands for none: nothing has been read completely yet.
    let begin = |forward: Timestamp, floor: Option<Timestamp>, target: Timestamp| {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO sync (endpoint, forward, floor, target, as_of) VALUES (?1, ?2, ?3, ?4, 0)",
        )?
        .execute(params![name, nanos(forward), floor.map(nanos), nanos(target)])
    };
    let moved =
        |sql: &str, to: Timestamp| tx.prepare_cached(sql)?.execute(params![name, nanos(to)]);
    let forward = |to: Timestamp| {
        moved(
            "UPDATE sync SET forward = max(forward, ?2) WHERE endpoint = ?1",
            to,
        )
    };
    match (mark, span) {
        (Mark::Begin { target }, Some((oldest, newest))) => {
            begin(newest, Some(oldest), target)?;
        }
        // Nothing there yet: whatever comes is newer than the answer.
        (Mark::Begin { target }, None) => {
            begin(now, None, target)?;
        }
        (Mark::Down, Some((oldest, _))) => {
            moved(
                "UPDATE sync SET floor = min(floor, ?2) WHERE endpoint = ?1 AND floor IS NOT NULL",
                oldest,
            )?;
        }
        (Mark::Bottom, _) => {
            tx.prepare_cached("UPDATE sync SET floor = NULL WHERE endpoint = ?1")?
                .execute([name])?;
        }
        (Mark::Up { .. }, Some((_, newest))) => {
            forward(newest)?;
        }
        (Mark::News { forward: to }, _) => {
            forward(to)?;
        }
        (Mark::Down | Mark::Up { .. }, None) => {}
        (Mark::All { forward, target }, _) => {
            begin(forward, None, target)?;
        }
    }
    if matches!(
        mark,
        Mark::Up { last: true } | Mark::News { .. } | Mark::All { .. }
    ) {
        moved(
            "UPDATE sync SET as_of = max(as_of, ?2) WHERE endpoint = ?1",
            now,
        )?;
    }
    Ok(())
}
