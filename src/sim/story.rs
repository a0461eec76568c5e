//! The story: one attack as data, unfolding over time.

use super::clock::{SECOND, Ticks};
use super::ids::Dice;
use super::world::World;

/// What is still to happen.
#[derive(Debug, Default)]
pub struct Story {
    trickle: Option<(u64, Ticks)>,
}

impl Story {
    /// A tenant in which only everyday things happen, or nothing at all.
    pub fn quiet(trickle: bool) -> Self {
        Self {
            trickle: trickle.then_some((0, 0)),
        }
    }
}

/// Everyday incidents come this far apart, in story time.
const TRICKLE: (i64, u64) = (40, 70);

impl World {
    /// When something happens next.
    pub fn next_event(&self) -> Ticks {
        self.story.trickle.map_or(Ticks::MAX, |(_, at)| at)
    }

    /// Lets everything happen that is due.
    pub fn advance(&mut self, now: Ticks) {
        if let Some((n, at)) = self.story.trickle
            && at == 0
        {
            self.story.trickle = Some((n, self.next_trickle(n, self.clock.start())));
        }
        while let Some((n, at)) = self.story.trickle
            && at <= now
        {
            self.trickle(n, at);
            self.story.trickle = Some((n + 1, self.next_trickle(n + 1, at)));
        }
    }

    fn next_trickle(&self, n: u64, after: Ticks) -> Ticks {
        let seconds = TRICKLE.0 + Dice::of(self.seed, 4, n).below(TRICKLE.1) as i64;
        after + self.clock.scaled(seconds * SECOND).max(SECOND)
    }
}
