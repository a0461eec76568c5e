//! What a query may use, and stopping it: time, memory, and the flag that somebody raises.
//!
//! Where memory goes, and what bounds it:
//!
//! | where | bound |
//! |---|---|
//! | pages of tables that are read | SQLite's page cache, a few MB |
//! | sorting, grouping, joins, table expressions computed once | the same caches; the rest goes to a temporary file that only its owner may read and that has no name |
//! | lists, sets and percentiles being gathered; a result that is kept | [`Options::max_bytes`](super::Options::max_bytes), counted here |
//! | one value | [`LONGEST_VALUE`] |

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rusqlite::InterruptHandle;

use super::error::{EngineError, Result};

/// Bytes a query may keep in memory where [`Options::max_bytes`](super::Options::max_bytes) gives none.
pub const MAX_BYTES: u64 = 192 << 20;

/// Bytes of the longest text or list there may be, the service's own bound many times over.
pub const LONGEST_VALUE: i32 = 32 << 20;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cancels a running query from another thread. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    /// The engines whose query looks at it.
    running: Mutex<Vec<Control>>,
}

impl Cancel {
    /// A flag nobody has raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the query soon; it then fails with [`EngineError::Cancelled`].
    pub fn cancel(&self) {
        self.0.raised.store(true, Ordering::Relaxed);
        for control in locked(&self.0.running).iter() {
            control.stop();
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.load(Ordering::Relaxed)
    }
}

/// The limits of the query that runs on a connection, if any: what SQLite's progress handler and the
/// engine's functions look at.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<State>);

#[derive(Default)]
struct State {
    limits: Mutex<(Option<Instant>, Cancel)>,
    /// The query is to stop. Functions look at nothing else.
    stop: AtomicBool,
    /// Ends steps of SQLite's that do not ask the progress handler.
    interrupt: OnceLock<InterruptHandle>,
    /// Bytes kept, and how many may be.
    held: AtomicU64,
    most: AtomicU64,
    /// What went over it, and the bound.
    over: Mutex<Option<(&'static str, u64)>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("stop", &self.stop)
            .field("held", &self.held)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// Gives it what ends steps of the connection it stands for.
    pub fn of(&self, interrupt: InterruptHandle) {
        // There is one connection for each engine.
        let _ = self.0.interrupt.set(interrupt);
    }

    /// Begins a query.
    pub fn begin(&self, deadline: Option<Instant>, cancel: &Cancel, most: u64) -> Result<()> {
        *locked(&self.0.limits) = (deadline, cancel.clone());
        self.0.held.store(0, Ordering::Relaxed);
        self.0.most.store(most, Ordering::Relaxed);
        *locked(&self.0.over) = None;
        self.0.stop.store(false, Ordering::Relaxed);
        locked(&cancel.0.running).push(self.clone());
        self.check()
    }

    /// Ends it: nothing is limited now.
    pub fn end(&self) {
        let mut limits = locked(&self.0.limits);
        let (_, cancel) = std::mem::take(&mut *limits);
        drop(limits);
        // Who cancels holds this list meanwhile: nothing is interrupted after it has left it.
        locked(&cancel.0.running).retain(|other| !Arc::ptr_eq(&self.0, &other.0));
        self.0.stop.store(false, Ordering::Relaxed);
        self.0.most.store(u64::MAX, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
        if let Some(interrupt) = self.0.interrupt.get() {
            interrupt.interrupt();
        }
    }

    /// Whether the query is to stop, as far as that is known without looking at the clock.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }

    /// Whether to go on.
    pub fn check(&self) -> Result<()> {
        let (deadline, cancel) = &*locked(&self.0.limits);
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        if deadline.is_some_and(|d| Instant::now() >= d) {
            return Err(EngineError::TimedOut);
        }
        Ok(())
    }

    /// Notes that something keeps so many bytes where it kept `before`. `false`: that is too much, and the
    /// query is to fail.
    pub fn keep(&self, what: &'static str, before: usize, now: usize) -> bool {
        let (before, now) = (before as u64, now as u64);
        if now <= before {
            self.0.held.fetch_sub(before - now, Ordering::Relaxed);
            return true;
        }
        let held = self.0.held.fetch_add(now - before, Ordering::Relaxed) + (now - before);
        let most = self.0.most.load(Ordering::Relaxed);
        if most == 0 || held <= most {
            return true;
        }
        locked(&self.0.over).get_or_insert((what, most));
        false
    }

    /// The error of a query that kept too much, if it did.
    pub fn too_large(&self) -> Option<EngineError> {
        let (what, limit) = (*locked(&self.0.over))?;
        Some(EngineError::TooLarge {
            what: what.to_owned(),
            limit,
        })
    }
}
