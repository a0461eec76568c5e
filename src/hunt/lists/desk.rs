//! Where a list's rows are judged: whoever shows the list lays changed rows here, a worker writes them
//! into the table and asks the predicate.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Facts, Listed, cells, mirror, ticks};
use crate::domain::{Of, Timestamp};
use crate::engine::mirror::Mirror;
use crate::engine::{Cancel, EngineError, Options};
use crate::hunt::Finding;

/// Rows that changed, each with its place, and how many there are in all since.
#[derive(Debug)]
pub struct Batch<R> {
    /// The list's version they bring the table to.
    pub version: u64,
    /// Those that changed.
    pub rows: Vec<(u32, Of<R>)>,
    /// How many rows the list has.
    pub len: usize,
    /// What rows do not say themselves.
    pub facts: Arc<Facts>,
}

/// What one list's rows are judged on. Laying rows on it costs nothing; judging is for a worker.
pub struct Desk<R> {
    laid: Mutex<VecDeque<Batch<R>>>,
    table: Mutex<Option<(Mirror, u64, usize)>>,
}

impl<R> Default for Desk<R> {
    fn default() -> Self {
        Self {
            laid: Mutex::default(),
            table: Mutex::default(),
        }
    }
}

/// Which rows pass, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The version of the rows that were judged.
    pub version: u64,
    /// Whether the row of a place passes.
    pub passes: Vec<bool>,
    /// How many pass.
    pub count: usize,
}

/// A predicate to be asked of the rows on a desk.
#[derive(Clone)]
pub struct Judge {
    /// For the answer to carry.
    pub ticket: u64,
    /// The predicate.
    pub predicate: Arc<str>,
    /// What `now()` is.
    pub now: Timestamp,
    /// Raised when nobody wants the answer any more.
    pub cancel: Cancel,
    desk: Arc<dyn Judging>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The ticket of the question.
    pub ticket: u64,
    /// Which rows pass, or what is wrong with the predicate; nothing where nobody wanted it any more.
    pub answer: Option<Result<Arc<Verdict>, Finding>>,
}

trait Judging: Send + Sync {
    fn judge(&self, asked: &Judge) -> Result<Verdict, EngineError>;
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("ticket", &self.ticket)
            .field("predicate", &self.predicate)
            .finish_non_exhaustive()
    }
}

impl<R: Listed> Desk<R> {
    /// Lays changed rows on it.
    pub fn lay(&self, batch: Batch<R>) {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        laid.push_back(batch);
    }

    /// A question about its rows.
    pub fn ask(self: &Arc<Self>, ticket: u64, predicate: &str, now: Timestamp) -> Judge {
        let desk: Arc<dyn Judging> = Arc::<Self>::clone(self);
        Judge {
            ticket,
            predicate: predicate.into(),
            now,
            cancel: Cancel::new(),
            desk,
        }
    }
}

impl<R: Listed> Judging for Desk<R> {
    fn judge(&self, asked: &Judge) -> Result<Verdict, EngineError> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let (mirror, version, len) = match &mut *table {
            Some(table) => table,
            none => none.insert((mirror::<R>()?, 0, 0)),
        };
        loop {
            let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(batch) = laid.pop_front() else {
                break;
            };
            drop(laid);
            let rows = batch.rows.iter();
            let rows = rows.map(|(place, row)| (*place, cells(row, &batch.facts)));
            mirror.put(rows, batch.len)?;
            (*version, *len) = (batch.version, batch.len);
        }
        let options = Options {
            cancel: asked.cancel.clone(),
            now: Some(ticks(asked.now)),
            ..Options::default()
        };
        let found = mirror.passing(&asked.predicate, &options)?;
        let mut passes = vec![false; *len];
        for place in &found {
            if let Some(it) = passes.get_mut(*place as usize) {
                *it = true;
            }
        }
        Ok(Verdict {
            version: *version,
            passes,
            count: found.len(),
        })
    }
}

impl Judge {
    /// Judges; takes its time, so it is for a worker. Rows laid meanwhile are taken in.
    pub fn run(&self) -> Judged {
        let answer = match self.desk.judge(self) {
            Ok(verdict) => Some(Ok(Arc::new(verdict))),
            Err(EngineError::Cancelled) => None,
            Err(error) => Some(Err(finding(&error, self.predicate.len()))),
        };
        Judged {
            ticket: self.ticket,
            answer,
        }
    }
}

/// A fault in words, with its place.
pub(super) fn finding(error: &EngineError, len: usize) -> Finding {
    let span = match error {
        EngineError::Query(faults) => faults.first().map(|fault| fault.span),
        EngineError::Unsupported { span, .. } => Some(*span),
        EngineError::Failed { span, .. } => *span,
        _ => None,
    };
    let (start, end) = span.map_or((0, len), |it| (it.start as usize, it.end as usize));
    Finding {
        start,
        end,
        error: true,
        code: String::new(),
        message: crate::domain::text::clean(&error.to_string()).into_owned(),
        fix: None,
    }
}
