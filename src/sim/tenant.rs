//! One tenant as requests see it: its token service, its clock and its world, which is brought up to
//! date before anybody looks at it.
//!
//! Knows nothing of ports or of the other tenants of its host.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::churn::Sort;
use super::clock::{self, Clock};
use super::entra::Entra;
use super::graph::routes::Cloud;
use super::quirks::Quirks;
use super::quota::Quotas;
use super::world::World;
use super::{LogLine, graph};

/// The tenant as requests see it.
pub struct Tenant {
    /// The seed of everything in it.
    pub seed: u64,
    /// Which way the unverified facts go.
    pub quirks: Quirks,
    /// The national cloud it is in, which decides what Graph has.
    pub cloud: Cloud,
    /// The clock, which all tenants of a host share.
    pub clock: Arc<Clock>,
    /// The token service.
    pub entra: Entra,
    pub(super) quotas: Option<Quotas>,
    pub(super) log: Option<LogLine>,
    pub(super) world: RwLock<World>,
    pub(super) next_event: AtomicI64,
    /// Whose turn it is: writes go one at a time, and take their time stamp while nobody else does.
    pub(super) turn: tokio::sync::RwLock<()>,
    pub(super) hunting: graph::hunting::Hunting,
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenant")
            .field("id", &self.entra.tenant)
            .finish_non_exhaustive()
    }
}

impl Tenant {
    /// Lets happen what is due, so that every answer shows the tenant as it is at this moment.
    pub fn catch_up(&self) {
        let now = self.clock.now();
        if now >= self.next_event.load(Ordering::Acquire) {
            let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = world.advance(now)
                && let Some(log) = &self.log
            {
                log(&format!("story: {error}"));
            }
            self.next_event.store(world.next_event(), Ordering::Release);
        }
    }

    /// The world, to read.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.catch_up();
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, to change.
    pub fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.catch_up();
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `n` believable changes.
    pub async fn churn(&self, n: u32, seed: u64) -> Vec<String> {
        let _turn = self.turn.write().await;
        let now = self.clock.now();
        clock::at(now, async { self.world_mut().churn(n, seed, now) }).await
    }

    /// Makes one change of a named sort.
    pub async fn change(&self, sort: &str, seed: u64) -> Result<String, String> {
        let sort = Sort::named(sort)?;
        let _turn = self.turn.write().await;
        let now = self.clock.now();
        clock::at(now, async { self.world_mut().change_some(sort, seed, now) })
            .await
            .ok_or_else(|| "there is nothing to change so".into())
    }
}
