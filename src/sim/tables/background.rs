//! Everyday rows: what devices, mailboxes and accounts do all day.
//!
//! Every kind of row is a stream. Row number `n` of a stream has its time and content from the seed, so
//! the past weeks and the minutes to come are made the same way, when they are asked for.

use std::collections::HashSet;

use super::super::clock::{DAY, Ticks};
use super::super::ids::{Dice, mix};
use super::super::world::World;
use super::estate::{Estate, Week, number};
use super::mail::Mail;
use super::programs::Programs;
use super::recipes::{self, Recipes};
use super::row::{Cell, Row};
use super::software::Software;
use super::template::Scene;
use crate::kql::schema::Schema;

/// Everyday rows where nobody asks for a number.
const USUAL: u64 = 30_000;
/// How far back they go.
const USUAL_SPAN: Ticks = 7 * DAY;
/// From so many rows on they go back as far as the service keeps them.
const MANY: u64 = 1_000_000;
/// No row is kept longer.
pub const KEPT: Ticks = 30 * DAY;
/// Of a thousand everyday rows, those of devices that start …
const BOOT: f64 = 70.0;
/// … of programs that come and go …
const PROCESS: f64 = 190.0;
/// … of signed files …
const CERTIFICATE: f64 = 12.0;
/// … and of mail.
const MAIL: f64 = 130.0;
/// Rows of a device that starts, roughly.
const BOOT_ROWS: i64 = 22;
/// Rows that are made before they are handed on.
const BATCH: u64 = 4_000;

#[derive(Debug, Clone, Copy)]
enum Make {
    Boot,
    Process,
    Certificate,
    Mail,
    Recipe(usize),
}

/// One kind of row.
#[derive(Debug)]
struct Stream {
    make: Make,
    /// Place in [`Background::weeks`].
    week: usize,
    /// Activity time of the first row's slot.
    from: Ticks,
    /// Activity time between two.
    step: Ticks,
    next: i64,
}

/// All everyday rows.
#[derive(Debug)]
pub struct Background {
    estate: Estate,
    programs: Programs,
    recipes: Recipes,
    mail: Mail,
    software: Software,
    streams: Vec<Stream>,
    weeks: [Week; 2],
    /// Rows that were made with others but are seen later.
    held: Vec<Row>,
    /// Tables whose rows are numbered.
    numbered: HashSet<&'static str>,
    span: Ticks,
    rows: u64,
    /// Only kinds that make rows of these tables; all where empty.
    only: &'static [&'static str],
}

impl Background {
    /// Nothing made yet; `None` where nobody is there. The error names the entry of the data files that
    /// cannot be read.
    pub fn new(world: &World, rows: Option<u64>) -> Result<Option<Self>, String> {
        Self::only(world, rows, &[])
    }

    /// The same with only the kinds of rows that some tables need. Their rows come as often as beside
    /// all others; rows of other tables that are made together with them come too.
    pub fn only(
        world: &World,
        rows: Option<u64>,
        only: &'static [&'static str],
    ) -> Result<Option<Self>, String> {
        let Some(estate) = Estate::of(world) else {
            return Ok(None);
        };
        let rows = rows.unwrap_or(USUAL).max(1_000);
        let span = if rows <= USUAL {
            USUAL_SPAN
        } else {
            let more = (KEPT - USUAL_SPAN) as f64 * (rows as f64 / MANY as f64).min(1.0);
            USUAL_SPAN + more as Ticks
        };
        let begin = estate.start - span;
        let lists = recipes::lists()?;
        let boots = (rows as f64 * BOOT / 1_000.0) as i64 / BOOT_ROWS + 1;
        let up = (i128::from(span) * estate.devices.len() as i128 / i128::from(boots)) as Ticks;
        let programs = Programs::load(&estate, &lists, begin, up)?;
        let recipes = Recipes::load(&estate, &lists, &programs)?;
        let mut background = Self {
            mail: Mail::load(estate.seed)?,
            software: Software::load()?,
            programs,
            recipes,
            streams: Vec::new(),
            weeks: [Week::flat(), Week::office()],
            held: Vec::new(),
            numbered: Schema::hunting()
                .tables()
                .iter()
                .filter(|t| t.columns.iter().any(|c| c.name == "ReportId"))
                .map(|t| t.name.as_str())
                .collect(),
            estate,
            span,
            rows,
            only,
        };
        background.plan(begin);
        Ok(Some(background))
    }

    /// Decides how often each kind comes, from its share and from how many rows one of it makes.
    fn plan(&mut self, begin: Ticks) {
        let mut kinds = vec![
            (Make::Boot, BOOT, false),
            (Make::Process, PROCESS, false),
            (Make::Certificate, CERTIFICATE, false),
            (Make::Mail, MAIL, false),
        ];
        for (at, recipe) in self.recipes.rows.iter().enumerate() {
            kinds.push((Make::Recipe(at), recipe.share, recipe.always));
        }
        let shares: f64 = kinds.iter().map(|(_, share, _)| share).sum();
        for (kind, (make, share, always)) in kinds.into_iter().enumerate() {
            let week = usize::from(!always);
            let from = self.weeks[week].activity(begin);
            let length = self.weeks[week].activity(self.estate.start) - from;
            let step = if matches!(make, Make::Boot) {
                self.programs.step(&self.estate)
            } else {
                const SAMPLES: i64 = 40;
                let mut sample = Vec::new();
                for n in 0..SAMPLES {
                    self.one(make, kind, n * 977, self.estate.start - DAY, &mut sample);
                }
                let wanted = |row: &Row| self.only.contains(&row.table);
                if !self.only.is_empty() && !sample.iter().any(wanted) {
                    continue;
                }
                let each = (sample.len() as f64 / SAMPLES as f64).max(0.2);
                let turns = match make {
                    Make::Recipe(at) => self.recipes.rows[at].turns(&self.estate).max(4),
                    _ => 4,
                };
                let count = (self.rows as f64 * share / shares / each) as i64;
                (length / count.max(turns)).max(1)
            };
            self.streams.push(Stream {
                make,
                week,
                from,
                step,
                next: 0,
            });
        }
    }

    /// Roughly how many rows come before the tenant starts.
    pub fn expected(&self) -> u64 {
        self.rows
    }

    /// How far back rows go.
    pub fn span(&self) -> Ticks {
        self.span
    }

    /// Everything up to the start of the tenant, in batches. `take` says whether to go on.
    pub fn past(&mut self, take: &mut dyn FnMut(Vec<Row>) -> bool) {
        if self.only.is_empty() && !self.state(take) {
            return;
        }
        let mut rows = Vec::new();
        let slices = (self.rows / BATCH).max(1) as i64;
        for slice in 1..=slices {
            let limit = self.estate.start - self.span + self.span / slices * slice;
            let limit = if slice == slices {
                self.estate.start
            } else {
                limit
            };
            self.until(limit, &mut rows);
            if !take(std::mem::take(&mut rows)) {
                return;
            }
        }
    }

    /// What is there once for each device, person or tenant. Says whether to go on.
    fn state(&mut self, take: &mut dyn FnMut(Vec<Row>) -> bool) -> bool {
        let mut rows = Vec::new();
        for (kind, recipe) in self.recipes.state.iter().enumerate() {
            for turn in 0..recipe.turns(&self.estate) {
                recipe.state(&self.estate, &self.programs, kind as u64, turn, &mut rows);
                if rows.len() as u64 >= BATCH {
                    self.number(&mut rows, kind as u64, turn as u64);
                    if !take(std::mem::take(&mut rows)) {
                        return false;
                    }
                }
            }
            self.number(&mut rows, kind as u64, u64::MAX);
        }
        self.software.once(&self.estate, &mut rows);
        for device in 0..self.estate.devices.len() {
            self.software.installed(&self.estate, device, &mut rows);
            if rows.len() as u64 >= BATCH && !take(std::mem::take(&mut rows)) {
                return false;
            }
        }
        take(rows)
    }

    /// Adds every everyday row up to a time, oldest first.
    pub fn until(&mut self, limit: Ticks, out: &mut Vec<Row>) {
        let mut rows = std::mem::take(&mut self.held);
        for kind in 0..self.streams.len() {
            loop {
                let stream = &self.streams[kind];
                let n = stream.next;
                let at = if matches!(stream.make, Make::Boot) {
                    self.programs.start(&self.estate, n).1
                } else {
                    let slot = stream.from + n * stream.step;
                    let part = number(self.estate.seed, 30, kind as u64, n as u64);
                    let activity = slot + (part % stream.step as u64) as i64;
                    self.weeks[stream.week].time(activity)
                };
                if at > limit {
                    break;
                }
                let before = rows.len();
                self.one(stream.make, kind, n, at, &mut rows);
                self.number(&mut rows[before..], 1_000 + kind as u64, n as u64);
                self.streams[kind].next += 1;
            }
        }
        rows.sort_by_key(|row| row.at);
        self.held = rows.split_off(rows.partition_point(|row| row.at <= limit));
        out.append(&mut rows);
    }

    /// The rows of number `n` of a kind.
    fn one(&self, make: Make, kind: usize, n: i64, at: Ticks, out: &mut Vec<Row>) {
        let estate = &self.estate;
        let mut dice = Dice::of(estate.seed, 1_000 + kind as u64, n as u64);
        match make {
            Make::Recipe(recipe) => {
                self.recipes.rows[recipe].make(estate, &self.programs, dice, at, n, out);
            }
            Make::Mail => self.mail.one(estate, &mut dice, at, out),
            Make::Boot | Make::Process | Make::Certificate => {
                let Some(device) = estate.device(&mut dice, at, |_| true) else {
                    return;
                };
                let mut scene = Scene {
                    estate,
                    at,
                    person: estate.devices[device].person,
                    other: dice.index(estate.people.len()),
                    device,
                    server: estate.servers[dice.index(estate.servers.len())],
                    host: None,
                    file: (self.mail.document(&mut dice), dice.below(400)),
                    ids: [0; 3],
                    dice,
                };
                match make {
                    Make::Boot => self.programs.boot(&mut scene, n, out),
                    Make::Certificate => self.programs.certificate(&mut scene, out),
                    _ => {
                        if let Some(program) = self.programs.passing(&mut scene) {
                            self.programs.run(&mut scene, program, out);
                        }
                    }
                }
            }
        }
    }

    /// Numbers rows: `ReportId` follows from the seed and the row's own number.
    fn number(&self, rows: &mut [Row], kind: u64, n: u64) {
        for (at, row) in rows.iter_mut().enumerate() {
            if self.numbered.contains(row.table)
                && !row.cells.iter().any(|(name, _)| *name == "ReportId")
            {
                let report = number(self.estate.seed, kind, n, at as u64) % 900_000_000;
                row.cells
                    .push(("ReportId", Cell::Number(1_000 + report as i64)));
            }
        }
    }
}

/// The number of a row nobody has numbered: from its time and what it says first.
pub fn number_of(row: &Row) -> i64 {
    let mut hash = mix(row.at as u64);
    for (_, cell) in row.cells.iter().take(12) {
        hash = match cell {
            Cell::Number(n) | Cell::Time(n) => mix(hash ^ *n as u64),
            cell => cell
                .text()
                .unwrap_or_default()
                .bytes()
                .fold(hash, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                }),
        };
    }
    1_000 + (mix(hash) % 900_000_000) as i64
}
