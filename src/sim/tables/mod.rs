//! The hunting tables: every table of advanced hunting as SQLite rows, telling the same story as the alerts.
//!
//! Rows come when their time has come: before a query runs, everything that is due is added. What an
//! alert's evidence names is taken from the alert itself, what the story does from its cast.
//!
//! | file | what it is for |
//! |---|---|
//! | `store` | where rows lie: a temporary file, one writer, many readers |
//! | `background`, `recipes`, `template` | everyday rows as streams, from the data files in `assets/sim` |
//! | `estate`, `programs`, `processes`, `mail`, `software` | who and what they are about, and what needs more than a template |
//! | `from_story`, `from_alerts` | what the stories did and the alerts saw |
//! | `own` | the tenant's schema: the published one, and what this tenant has beyond it |
//! | `file` | some tables as a file that stays, for measurements |
//! | `afterwards` | what administrators did, as far as rows show it |

mod afterwards;
mod background;
mod estate;
mod file;
mod from_alerts;
mod from_story;
mod mail;
mod own;
mod processes;
mod programs;
mod recipes;
mod row;
mod software;
mod store;
mod template;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::engine::EngineError;

use super::clock::{HOUR, Ticks};
use super::world::World;
use background::Background;
pub use background::KEPT;
pub use estate::Class;
pub use file::HuntingFile;
pub use own::schema;
pub use programs::classes;
pub use row::{Cell, Row};
pub use software::{Cve, Installed, Item, Software};
use store::Writer;
pub use store::{Readers, names};

/// Why the tables could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The engine or SQLite failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// SQLite failed.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// No folder for the tables.
    #[error("temporary folder: {0}")]
    Folder(std::io::Error),
    /// A row names what its table does not have.
    #[error("{table} has no column {column}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The scenario or a data file refers to nothing.
    #[error("scenario: {0}")]
    Scenario(String),
}

/// Lets the world be looked at, as shortly as the look takes.
pub type Look<'a> = &'a dyn Fn(&mut dyn FnMut(&World));

/// Alerts that are read in one look at the world.
const ALERTS_AT_ONCE: usize = 500;

/// Everyday rows of so much time are made before they are added.
const SLICE: Ticks = 3 * HOUR;
/// A clock that runs faster than rows can be made is caught up with so often, and no more.
const MOST_TURNS: usize = 8;

/// The tables of one tenant.
#[derive(Debug)]
pub struct Tables {
    writer: Writer,
    background: Option<Background>,
    story: from_story::Pending,
    alerts: from_alerts::Seen,
    /// Moves of mail that are told.
    moves: usize,
    start: Ticks,
    /// Everyday rows are there up to this time.
    reached: Ticks,
}

impl Tables {
    /// Makes all tables, empty. `rows`: roughly how many everyday rows there are before the start.
    pub fn new(world: &World, rows: Option<u64>) -> Result<Self, TablesError> {
        Ok(Self {
            writer: Writer::new()?,
            background: Background::new(world, rows).map_err(TablesError::Scenario)?,
            story: from_story::Pending::new(world).map_err(TablesError::Scenario)?,
            alerts: from_alerts::Seen::default(),
            moves: 0,
            start: world.clock.start(),
            reached: world.clock.start(),
        })
    }

    /// Fills the tables with everything up to this moment, a batch at a time: memory does not grow with
    /// the rows. `now` brings the world up to date and says the time: filling takes some, in which more
    /// falls due. `say` is told how it goes, and that the tables are ready when nothing is left to add.
    pub fn fill(
        &mut self,
        look: Look<'_>,
        now: &dyn Fn() -> Ticks,
        say: &dyn Fn(&str),
    ) -> Result<(), TablesError> {
        let begun = Instant::now();
        let mut told = begun;
        let Self {
            writer, background, ..
        } = self;
        if let Some(background) = background {
            let expected = background.expected();
            let (send, receive) = mpsc::sync_channel::<Vec<Row>>(2);
            std::thread::scope(|scope| {
                scope.spawn(move || background.past(&mut |rows| send.send(rows).is_ok()));
                // When this ends early, the sender finds nobody and stops too.
                for rows in receive {
                    writer.insert(&rows)?;
                    if told.elapsed() > Duration::from_secs(2) {
                        told = Instant::now();
                        let rows: u64 = writer.counts().values().sum();
                        say(&format!(
                            "hunting tables: {rows} of about {expected} everyday rows"
                        ));
                    }
                }
                Ok::<_, TablesError>(())
            })?;
        }
        // A tenant may have been started long before anybody filled its tables. Rows go in faster
        // before the indexes are made.
        self.catch_up(look, now)?;
        self.writer.settle()?;
        self.catch_up(look, now)?;
        say(&format!(
            "hunting tables: ready, {} rows in {} tables, {:.1} s",
            self.counts().values().sum::<u64>(),
            self.counts().len(),
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// Adds what is due until little more has become due meanwhile.
    fn catch_up(&mut self, look: Look<'_>, now: &dyn Fn() -> Ticks) -> Result<(), TablesError> {
        for _ in 0..MOST_TURNS {
            let (before, to) = (self.reached, now());
            self.due(look, to)?;
            if to - before < SLICE {
                break;
            }
        }
        Ok(())
    }

    /// Adds every row whose time has come since the last call.
    pub fn due(&mut self, look: Look<'_>, now: Ticks) -> Result<(), TablesError> {
        if let Some(background) = &mut self.background {
            let mut stops = Vec::new();
            look(&mut |world| stops = afterwards::stops(world));
            let mut rows = Vec::new();
            loop {
                let limit = now.min(self.reached + SLICE);
                background.until(limit, &mut rows);
                if !stops.is_empty() {
                    rows.retain(|row| !stops.iter().any(|stop| stop.stops(row)));
                }
                self.writer.insert(&rows)?;
                rows.clear();
                self.reached = self.reached.max(limit);
                if limit >= now {
                    break;
                }
            }
        }
        self.events(look, now)
    }

    /// Rows of stories and alerts up to a time.
    fn events(&mut self, look: Look<'_>, now: Ticks) -> Result<(), TablesError> {
        let mut rows = Vec::new();
        look(&mut |world| self.story.due(world, now, &mut rows));
        self.add(&mut rows)?;
        loop {
            let mut more = false;
            look(&mut |world| more = self.alerts.due(world, now, ALERTS_AT_ONCE, &mut rows));
            self.add(&mut rows)?;
            if !more {
                break;
            }
        }
        self.moves(look, now)
    }

    /// Tells of mail that was moved.
    fn moves(&mut self, look: Look<'_>, now: Ticks) -> Result<(), TablesError> {
        let mut moves = Vec::new();
        look(&mut |world| moves = afterwards::moves(world, self.moves, now));
        for one in moves {
            one.tell(&mut self.writer)?;
            self.moves += 1;
        }
        Ok(())
    }

    /// Adds rows that nobody has numbered.
    fn add(&mut self, rows: &mut Vec<Row>) -> Result<(), TablesError> {
        for row in rows.iter_mut() {
            if self.writer.has(row.table, "ReportId")
                && !row.cells.iter().any(|(name, _)| *name == "ReportId")
            {
                let number = background::number_of(row);
                row.cells.push(("ReportId", Cell::Number(number)));
            }
        }
        self.writer.insert(rows)?;
        rows.clear();
        Ok(())
    }

    /// How many rows each table that has any has.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        self.writer.counts()
    }

    /// Everyday rows are not older than this.
    pub fn oldest(&self) -> Ticks {
        self.start - self.background.as_ref().map_or(0, Background::span)
    }

    /// Readers of the tables.
    pub fn readers(&self) -> Readers {
        self.writer.readers()
    }
}

/// Every row of a story: made once when it is read, so that a mistake in one is told then.
pub fn story_rows(cast: &super::cast::Cast) -> Result<Vec<Row>, String> {
    let rows = from_story::rows_of(cast)?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

#[cfg(test)]
mod tests;
