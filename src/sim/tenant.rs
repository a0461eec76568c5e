//! One tenant as requests see it: its token service, its clock and its world, which is brought up to
//! date before anybody looks at it.
//!
//! Knows nothing of ports or of the other tenants of its host.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::clock::{Clock, Ticks};
use super::clouds::Cloud;
use super::entra::Entra;
use super::persona::Persona;
use super::quirks::{Quirks, UnknownEvidence};
use super::quota::Quotas;
use super::stories::{Tale, keep_published};
use super::world::World;
use super::{LogLine, graph};

/// The tenant as requests see it.
pub struct Tenant {
    /// Its place in the host, from 0.
    pub place: usize,
    /// What sets it apart from the others of its host: name, licence, health.
    pub persona: Persona,
    /// The seed of everything in it.
    pub seed: u64,
    /// Which way the unverified facts go.
    pub quirks: Quirks,
    /// The national cloud it is in, which decides what Graph has and what tokens are for.
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
    /// What the tenant bought, for people: `E5`, `Defender for Business` …
    pub fn licence(&self) -> &str {
        &self.persona.licence
    }

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

    /// Brings the tenant up to date outside of any request, and says up to when: all writes before that are
    /// done. `None` while a write is under way, which may wait for the one who asks.
    pub fn settled(&self) -> Option<Ticks> {
        let _turn = self.turn.try_read().ok()?;
        let now = self.clock.now();
        self.catch_up();
        Some(now)
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

    /// Begins a further story at `now`.
    pub fn tell(&self, tale: &Tale, now: Ticks) -> Result<(), String> {
        let mut scenario = tale.scenario()?;
        if self.quirks.unknown_evidence == UnknownEvidence::Off {
            keep_published(&mut scenario);
        }
        let mut world = self.world_mut();
        world.tell_at(scenario, now)?;
        self.next_event.store(world.next_event(), Ordering::Release);
        drop(world);
        self.hunting.forget();
        Ok(())
    }
}
