//! Everyday rows from data: what a row of a table looks like, how often it comes, about whom.
//!
//! `assets/sim/rows-*.toml` hold `[[rows]]`, which come all the time, and `[[state]]`, which are there
//! once for each device, person or tenant. Columns are [templates](super::template).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::clock::{HOUR, SECOND, Ticks};
use super::super::ids::Dice;
use super::estate::{Class, Estate, number};
use super::processes::{Columns, Process};
use super::programs::{Programs, classes};
use super::row::{Cell, Row};
use super::template::{Host, Lists, Scene, Template};
use crate::kql::schema::{Schema, Table};

/// Names, addresses and documents that rows pick from.
const LISTS: &str = include_str!("../../../assets/sim/lists.toml");
/// The rows, by topic.
const ROWS: &[(&str, &str)] = &[
    (
        "rows-device",
        include_str!("../../../assets/sim/rows-device.toml"),
    ),
    (
        "rows-identity",
        include_str!("../../../assets/sim/rows-identity.toml"),
    ),
    (
        "rows-cloud",
        include_str!("../../../assets/sim/rows-cloud.toml"),
    ),
    (
        "rows-posture",
        include_str!("../../../assets/sim/rows-posture.toml"),
    ),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListsFile {
    lists: BTreeMap<String, Vec<String>>,
    hosts: BTreeMap<String, Vec<(String, String, i64)>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    #[serde(default)]
    rows: Vec<RecipeFile>,
    #[serde(default)]
    state: Vec<RecipeFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    table: String,
    /// Of a thousand everyday rows; percentage of devices or people for a state.
    #[serde(default)]
    share: Option<f64>,
    /// At all hours, not only when people work.
    #[serde(default)]
    always: bool,
    /// Kinds of device.
    #[serde(default)]
    on: Vec<String>,
    /// Programs that do it.
    #[serde(default)]
    by: Vec<String>,
    /// Addresses it speaks to.
    hosts: Option<String>,
    /// Documents it is about.
    files: Option<String>,
    /// Whose turn it is: `machine`, `person` or `tenant`.
    #[serde(default)]
    each: String,
    /// Every variant in turn instead of one by chance.
    #[serde(default)]
    all: bool,
    columns: toml::Table,
    #[serde(default)]
    vary: Vec<toml::Table>,
    #[serde(default)]
    also: Vec<AlsoFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlsoFile {
    table: String,
    #[serde(default = "certain")]
    chance: u64,
    #[serde(default)]
    after: i64,
    columns: toml::Table,
}

fn certain() -> u64 {
    100
}

/// A column and what it becomes.
type Column = (&'static str, Template);

/// Columns of one table.
#[derive(Debug)]
struct Shape {
    table: &'static str,
    timed: bool,
    columns: Vec<Column>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// Anybody's.
    Any,
    /// Each device.
    Machine,
    /// Each person.
    Person,
    /// Once.
    Tenant,
}

/// One kind of row.
#[derive(Debug)]
pub struct Recipe {
    shape: Shape,
    /// Of a thousand everyday rows; percentage for a state.
    pub share: f64,
    /// At all hours.
    pub always: bool,
    /// Whose turn.
    pub each: Each,
    on: Vec<Class>,
    by: Vec<usize>,
    device: bool,
    initiating: Columns,
    hosts: Vec<Host>,
    files: Vec<Arc<str>>,
    all: bool,
    vary: Vec<(u64, Vec<Column>)>,
    also: Vec<(Shape, u64, Ticks)>,
}

/// All kinds of row.
#[derive(Debug)]
pub struct Recipes {
    /// Those that come all the time.
    pub rows: Vec<Recipe>,
    /// Those that are there once.
    pub state: Vec<Recipe>,
}

struct Reader<'a> {
    seed: u64,
    lists: &'a Lists,
    hosts: &'a BTreeMap<String, Vec<(String, String, i64)>>,
    programs: &'a Programs,
}

/// The lists rows pick from.
pub fn lists() -> Result<Lists, String> {
    Ok(read_lists()?
        .lists
        .into_iter()
        .map(|(name, list)| (name, list.into_iter().map(Arc::from).collect()))
        .collect())
}

fn read_lists() -> Result<ListsFile, String> {
    toml::from_str(LISTS).map_err(|e| format!("lists: {e}"))
}

impl Recipes {
    /// Reads the data files. The error names file and table.
    pub fn load(estate: &Estate, lists: &Lists, programs: &Programs) -> Result<Self, String> {
        let hosts = read_lists()?.hosts;
        let reader = Reader {
            seed: estate.seed,
            lists,
            hosts: &hosts,
            programs,
        };
        let mut recipes = Self {
            rows: Vec::new(),
            state: Vec::new(),
        };
        for (name, text) in ROWS {
            let file: RowsFile = toml::from_str(text).map_err(|e| format!("{name}: {e}"))?;
            for (from, to) in [
                (file.rows, &mut recipes.rows),
                (file.state, &mut recipes.state),
            ] {
                for recipe in from {
                    let table = recipe.table.clone();
                    to.push(
                        reader
                            .recipe(recipe)
                            .map_err(|e| format!("{name}: {table}: {e}"))?,
                    );
                }
            }
        }
        Ok(recipes)
    }
}

impl Reader<'_> {
    fn columns(&self, table: &'static Table, from: &toml::Table) -> Result<Vec<Column>, String> {
        from.iter()
            .filter(|(name, _)| *name != "weight")
            .map(|(name, value)| {
                let column = table
                    .columns
                    .iter()
                    .find(|c| c.name == *name)
                    .ok_or_else(|| format!("{} has no column {name}", table.name))?;
                let text = match value {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Ok((
                    column.name.as_str(),
                    Template::parse(&text, self.seed, self.lists)?,
                ))
            })
            .collect()
    }

    fn shape(&self, table: &str, columns: &toml::Table) -> Result<Shape, String> {
        let table = find(table)?;
        Ok(Shape {
            table: &table.name,
            timed: has(table, "Timestamp") && !columns.contains_key("Timestamp"),
            columns: self.columns(table, columns)?,
        })
    }

    fn recipe(&self, file: RecipeFile) -> Result<Recipe, String> {
        let table = find(&file.table)?;
        let by = file
            .by
            .iter()
            .map(|key| {
                self.programs
                    .place(key)
                    .ok_or_else(|| format!("no program is called {key}"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let hosts = match &file.hosts {
            Some(group) => self
                .hosts
                .get(group)
                .ok_or_else(|| format!("no hosts are called {group}"))?
                .iter()
                .map(|(name, ip, port)| Host {
                    name: name.as_str().into(),
                    ip: ip.as_str().into(),
                    port: *port,
                })
                .collect(),
            None => Vec::new(),
        };
        let files = match &file.files {
            Some(list) => self
                .lists
                .get(list)
                .cloned()
                .ok_or_else(|| format!("no list is called {list}"))?,
            None => Vec::new(),
        };
        let vary = file
            .vary
            .iter()
            .map(|variant| {
                let weight = variant
                    .get("weight")
                    .and_then(toml::Value::as_integer)
                    .unwrap_or(1);
                Ok((weight.max(1) as u64, self.columns(table, variant)?))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let also = file
            .also
            .iter()
            .map(|also| {
                Ok((
                    self.shape(&also.table, &also.columns)?,
                    also.chance,
                    also.after * SECOND,
                ))
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Recipe {
            shape: self.shape(&file.table, &file.columns)?,
            share: file
                .share
                .unwrap_or(if file.each.is_empty() { 1.0 } else { 100.0 }),
            always: file.always,
            each: match file.each.as_str() {
                "" => Each::Any,
                "machine" => Each::Machine,
                "person" => Each::Person,
                "tenant" => Each::Tenant,
                other => return Err(format!("{other} takes no turns")),
            },
            on: classes(&file.on)?,
            device: !by.is_empty()
                && !file.columns.contains_key("DeviceId")
                && has(table, "DeviceId"),
            by,
            initiating: Columns::of(|name| has(table, name)),
            hosts,
            files,
            all: file.all,
            vary,
            also,
        })
    }
}

fn find(name: &str) -> Result<&'static Table, String> {
    Schema::hunting()
        .table(name)
        .ok_or_else(|| format!("no table is called {name}"))
}

fn has(table: &Table, column: &str) -> bool {
    table.columns.iter().any(|c| c.name == column)
}

fn add(row: &mut Row, columns: &[Column], scene: &mut Scene<'_>) {
    for (name, template) in columns {
        let cell = template.fill(scene);
        // What a variant says stands before what all say.
        if let Some(old) = row.cells.iter_mut().find(|(n, _)| n == name) {
            old.1 = cell;
        } else {
            row.cells.push((name, cell));
        }
    }
}

impl Shape {
    fn row(&self, at: Ticks) -> Row {
        let mut row = Row::timeless(self.table, at);
        row.cells.reserve(48);
        if self.timed {
            row.cells.push(("Timestamp", Cell::Time(at)));
        }
        row
    }
}

impl Recipe {
    /// Adds the rows of one time. `turn` is whose turn it is, where turns are taken.
    pub fn make(
        &self,
        estate: &Estate,
        programs: &Programs,
        mut dice: Dice,
        at: Ticks,
        turn: i64,
        out: &mut Vec<Row>,
    ) {
        let fits = |class: Class| self.on.is_empty() || self.on.contains(&class);
        let device = match self.each {
            Each::Machine => {
                let device = estate.turns[turn.rem_euclid(estate.turns.len() as i64) as usize];
                fits(estate.devices[device].class).then_some(device)
            }
            _ => estate.device(&mut dice, at, fits),
        };
        let Some(device) = device else { return };
        let person = match self.each {
            Each::Person => turn.rem_euclid(estate.people.len() as i64) as usize,
            _ => estate.devices[device].person,
        };
        let file = if self.files.is_empty() {
            Arc::from("")
        } else {
            Arc::clone(dice.pick(&self.files))
        };
        let mut scene = Scene {
            estate,
            at,
            person,
            other: dice.index(estate.people.len()),
            device,
            server: estate.servers[dice.index(estate.servers.len())],
            host: (!self.hosts.is_empty()).then(|| dice.pick(&self.hosts).clone()),
            file: (file, dice.below(400)),
            ids: [dice.wide(), dice.wide(), dice.wide()],
            dice,
        };
        let by = if self.by.is_empty() {
            None
        } else {
            let able: Vec<usize> = self
                .by
                .iter()
                .copied()
                .filter(|p| programs.has(device, *p))
                .collect();
            if able.is_empty() {
                return;
            }
            let program = *scene.dice.pick(&able);
            Some(programs.run(&mut scene, program, out))
        };
        if self.all {
            for (_, variant) in &self.vary {
                self.one(&mut scene, variant, by.as_ref(), programs, out);
            }
        } else {
            let mut rest = scene
                .dice
                .below(self.vary.iter().map(|(weight, _)| weight).sum());
            let variant = self.vary.iter().find(|(weight, _)| {
                let found = rest < *weight;
                rest = rest.saturating_sub(*weight);
                found
            });
            let variant = variant.map_or(&[][..], |(_, columns)| columns);
            self.one(&mut scene, variant, by.as_ref(), programs, out);
        }
    }

    fn one(
        &self,
        scene: &mut Scene<'_>,
        variant: &[Column],
        by: Option<&Process>,
        programs: &Programs,
        out: &mut Vec<Row>,
    ) {
        let mut row = self.shape.row(scene.at);
        if self.device {
            let device = &scene.estate.devices[scene.device];
            row = row
                .with("DeviceId", &device.id)
                .with("DeviceName", &device.dns);
        }
        if let Some(by) = by {
            row = programs.initiated(row, scene, by, self.initiating);
        }
        add(&mut row, &self.shape.columns, scene);
        add(&mut row, variant, scene);
        out.push(row);
        for (shape, chance, after) in &self.also {
            if scene.dice.chance(*chance) {
                let at = scene.at;
                scene.at += after;
                let mut row = shape.row(scene.at);
                add(&mut row, &shape.columns, scene);
                scene.at = at;
                out.push(row);
            }
        }
    }

    /// How many turns a round has.
    pub fn turns(&self, estate: &Estate) -> i64 {
        match self.each {
            Each::Any | Each::Tenant => 1,
            Each::Machine => estate.devices.len() as i64,
            Each::Person => estate.people.len() as i64,
        }
    }

    /// Adds the rows of a state for one turn, some hours old.
    pub fn state(
        &self,
        estate: &Estate,
        programs: &Programs,
        kind: u64,
        turn: i64,
        out: &mut Vec<Row>,
    ) {
        let n = number(estate.seed, 90, kind, turn as u64);
        if (n >> 8) % 1_000 >= (self.share * 10.0) as u64 {
            return;
        }
        let at = estate.start - HOUR - (n % (20 * HOUR as u64)) as i64;
        self.make(estate, programs, Dice::of(n, 91, kind), at, turn, out);
    }
}
