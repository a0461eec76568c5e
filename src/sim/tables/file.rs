//! Some hunting tables as a file that stays: what measurements of the engine run over.

use std::path::Path;
use std::sync::{Arc, mpsc};

use super::background::Background;
use super::row::Row;
use super::store::Writer;
use super::{TablesError, World};
use crate::sim::build::Scale;
use crate::sim::clock::{Clock, Hands, Ticks};

/// Which everyday rows a file is to hold. Nobody attacks this tenant.
#[derive(Debug, Clone, Copy)]
pub struct HuntingFile {
    /// Chooses ids, people, machines and noise.
    pub seed: u64,
    /// Devices.
    pub machines: usize,
    /// How many rows the whole tenant would have; the tables have their usual share of them.
    pub rows: u64,
    /// When the last row is, in ticks since 0001-01-01.
    pub end: Ticks,
    /// The tables.
    pub tables: &'static [&'static str],
    /// Columns that stay empty.
    pub without: &'static [&'static str],
}

impl HuntingFile {
    /// Makes the file, with the indexes the simulated tenant has. The tables that were not asked for are
    /// there without rows. `say` is told now and then how many rows there are.
    pub fn write(&self, path: &Path, say: &mut dyn FnMut(u64)) -> Result<(), TablesError> {
        // The hands stand still: the same file is made whenever it is made.
        let hands = Hands {
            at: self.end,
            wall: self.end,
            rate: 0.0,
        };
        let clock = Arc::new(Clock::with(self.end, hands, 1.0));
        let scale = Scale {
            incidents: 1,
            alerts: 1,
            machines: self.machines,
        };
        let world = World::build(self.seed, "tenant", clock, scale, false, Vec::new())
            .map_err(TablesError::Scenario)?;
        let background = Background::only(&world, Some(self.rows), self.tables)
            .map_err(TablesError::Scenario)?;
        let mut writer = Writer::new()?;
        let (send, receive) = mpsc::sync_channel::<Vec<Row>>(2);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if let Some(mut background) = background {
                    background.past(&mut |mut rows| {
                        rows.retain(|row| self.tables.contains(&row.table));
                        for row in &mut rows {
                            row.cells.retain(|(name, _)| !self.without.contains(name));
                        }
                        send.send(rows).is_ok()
                    });
                }
            });
            let mut written = 0;
            for rows in receive {
                writer.insert(&rows)?;
                written += rows.len() as u64;
                say(written);
            }
            Ok::<_, TablesError>(())
        })?;
        writer.settle()?;
        writer.keep(path)
    }
}
