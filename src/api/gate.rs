//! Who goes next: at most so many requests at once, and people before polling.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whether somebody waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A person waits: goes first, and is told at once rather than kept waiting for long.
    Interactive,
    /// Nobody waits: goes when no person does, and bears longer waits.
    Background,
}

/// A gate of so many places, of which polling may hold only some: a person always finds one that is
/// free or soon will be.
pub(super) struct Gate {
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    background_free: usize,
    people: VecDeque<oneshot::Sender<Permit>>,
    polls: VecDeque<oneshot::Sender<Permit>>,
}

/// A place; given back when dropped.
pub(super) struct Permit {
    gate: Arc<Mutex<State>>,
    priority: Priority,
}

impl Gate {
    pub(super) fn new(places: usize, background: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                free: places,
                background_free: background,
                people: VecDeque::new(),
                polls: VecDeque::new(),
            })),
        }
    }

    /// Waits for a place. Dropping the future gives up the turn.
    pub(super) async fn enter(&self, priority: Priority) -> Permit {
        let turn = {
            let mut state = lock(&self.state);
            let first = match priority {
                Priority::Interactive => state.people.is_empty(),
                Priority::Background => state.people.is_empty() && state.polls.is_empty(),
            };
            if first && state.take(priority) {
                return Permit {
                    gate: Arc::clone(&self.state),
                    priority,
                };
            }
            let (sender, turn) = oneshot::channel();
            match priority {
                Priority::Interactive => state.people.push_back(sender),
                Priority::Background => state.polls.push_back(sender),
            }
            turn
        };
        // The sender is dropped only with a permit sent through it.
        turn.await
            .expect("the gate keeps every waiter until its turn")
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn take(&mut self, priority: Priority) -> bool {
        let background = priority == Priority::Background;
        if self.free == 0 || (background && self.background_free == 0) {
            return false;
        }
        self.free -= 1;
        if background {
            self.background_free -= 1;
        }
        true
    }

    fn next(&mut self) -> Option<(oneshot::Sender<Permit>, Priority)> {
        self.people.retain(|waiter| !waiter.is_closed());
        self.polls.retain(|waiter| !waiter.is_closed());
        if !self.people.is_empty() {
            return self
                .take(Priority::Interactive)
                .then(|| self.people.pop_front())
                .flatten()
                .map(|waiter| (waiter, Priority::Interactive));
        }
        if self.polls.is_empty() || !self.take(Priority::Background) {
            return None;
        }
        let waiter = self.polls.pop_front()?;
        Some((waiter, Priority::Background))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.gate);
            state.free += 1;
            if self.priority == Priority::Background {
                state.background_free += 1;
            }
        }
        loop {
            // Sent without the lock: a permit nobody takes comes back through this very function.
            let Some((waiter, priority)) = lock(&self.gate).next() else {
                return;
            };
            let permit = Permit {
                gate: Arc::clone(&self.gate),
                priority,
            };
            let _ = waiter.send(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{Background, Interactive};
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn people_go_before_polls_that_waited_longer() {
        let gate = Gate::new(1, 1);
        let held = gate.enter(Background).await;
        let mut poll = Box::pin(gate.enter(Background));
        assert!((&mut poll).now_or_never().is_none());
        let mut person = Box::pin(gate.enter(Interactive));
        assert!((&mut person).now_or_never().is_none());
        drop(held);
        assert!((&mut poll).now_or_never().is_none());
        let permit = (&mut person).now_or_never().expect("a person's turn");
        drop(permit);
        assert!((&mut poll).now_or_never().is_some());
    }

    #[tokio::test]
    async fn polling_leaves_places_for_people() {
        let gate = Gate::new(3, 2);
        let _one = gate.enter(Background).await;
        let two = gate.enter(Background).await;
        let mut third = Box::pin(gate.enter(Background));
        assert!((&mut third).now_or_never().is_none());
        assert!(gate.enter(Interactive).now_or_never().is_some());
        drop(two);
        assert!((&mut third).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_loses_no_place() {
        let gate = Gate::new(1, 1);
        let held = gate.enter(Interactive).await;
        for _ in 0..100 {
            let mut waiting = Box::pin(gate.enter(Interactive));
            assert!((&mut waiting).now_or_never().is_none());
        }
        // One that was handed its permit and never looked at it.
        let mut handed = Box::pin(gate.enter(Interactive));
        assert!((&mut handed).now_or_never().is_none());
        drop(held);
        drop(handed);
        assert!(gate.enter(Background).now_or_never().is_some());
    }
}
