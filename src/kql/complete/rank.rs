//! The order of the items: what would the author write next?
//!
//! An item's score is the share of its class at such a place times its share inside the class. Both are
//! counted over public hunting queries (`assets/kql/ranking.txt`); columns are weighed further by what
//! the query itself shows: names it made and uses, names already in the list, types that fit.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::offer::{Candidate, Class, Surroundings};
use super::slot::Slot;
use crate::kql::binder::probe::Answer;
use crate::kql::schema::{Presence, Schema};
use crate::kql::types::Type;

/// Counts of one place.
#[derive(Debug, Default)]
struct Place {
    classes: [f32; CLASSES],
    columns: HashMap<&'static str, f32>,
    words: HashMap<&'static str, f32>,
    /// How many columns were counted.
    all_columns: f32,
}

/// All counts.
#[derive(Debug, Default)]
struct Counts {
    places: HashMap<&'static str, Place>,
    /// After a pipe, by the operator before it.
    pipes: HashMap<&'static str, Place>,
    /// Over all places.
    all: Place,
}

const CLASSES: usize = 9;

fn class_index(class: Class) -> usize {
    match class {
        Class::Column => 0,
        Class::Table => 1,
        Class::OwnTable => 2,
        Class::Value => 3,
        Class::OwnFunction => 4,
        Class::Function => 5,
        Class::Aggregate => 6,
        Class::Word => 7,
        Class::Example => 8,
    }
}

/// Their names in the table.
const CLASS_NAMES: [&str; CLASSES] = [
    "column",
    "table",
    "own-table",
    "value",
    "own-function",
    "function",
    "aggregate",
    "word",
    "example",
];

fn counts() -> &'static Counts {
    static COUNTS: OnceLock<Counts> = OnceLock::new();
    COUNTS.get_or_init(|| read(include_str!("../../../assets/kql/ranking.txt")))
}

/// `place sort name count`, parted by tabs, where a place after a pipe is `|` and the operator before, and sort is `class`, `column` or `word`.
fn read(text: &'static str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut parts = line.split('\t');
        let (Some(name), Some(sort), Some(item), Some(count)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Ok(count) = count.parse::<f32>() else {
            continue;
        };
        let place = match name.strip_prefix('|') {
            Some(operator) => counts.pipes.entry(operator).or_default(),
            None => counts.places.entry(name).or_default(),
        };
        let all = &mut counts.all;
        match sort {
            "class" => {
                if let Some(i) = CLASS_NAMES.iter().position(|c| *c == item) {
                    place.classes[i] += count;
                    all.classes[i] += count;
                }
            }
            "column" => {
                *place.columns.entry(item).or_default() += count;
                place.all_columns += count;
                *all.columns.entry(item).or_default() += count;
                all.all_columns += count;
            }
            _ => {
                *place.words.entry(item).or_default() += count;
                *all.words.entry(item).or_default() += count;
            }
        }
    }
    counts
}

/// The place's name in the table: where an operand's type says more, that too.
pub(super) fn context(slot: &Slot, known: &Answer) -> &'static str {
    let ty = match known.operand {
        Some(Type::DateTime) => 0,
        Some(Type::String) => 1,
        Some(Type::Bool) => 2,
        Some(Type::Dynamic | Type::Unknown) => 3,
        Some(t) if t.is_summable() => 4,
        _ => return slot.context,
    };
    match slot.context {
        "where-value" => [
            "value-time",
            "value-text",
            "value-bool",
            "value-any",
            "value-number",
        ][ty],
        "tests" => [
            "tests-time",
            "tests-text",
            "tests-bool",
            "tests-any",
            "tests-number",
        ][ty],
        other => other,
    }
}

/// Best first.
pub(super) fn sort(
    items: &mut [Candidate<'_>],
    slot: &Slot,
    known: &Answer,
    around: &Surroundings<'_>,
    schema: &Schema,
) {
    let counts = counts();
    let none = Place::default();
    let name = context(slot, known);
    let place = match slot.after {
        Some(operator) => counts.pipes.get(operator),
        None => counts.places.get(name),
    };
    let place = place
        .or_else(|| counts.places.get(slot.context))
        .unwrap_or(&none);
    let mut used: HashMap<&str, f32> = HashMap::new();
    for name in &around.used {
        *used.entry(name).or_default() += 1.0;
    }
    // what the author made is handed to functions more often than it is filtered by
    let own_columns = if slot.context.ends_with("argument") {
        0.025
    } else {
        0.012
    };
    let tables = of_tables(items, &counts.all, schema);
    let mut sums = [0.0_f32; CLASSES];
    let mut own = 0.0;
    for candidate in items.iter_mut() {
        let name = candidate.item.name();
        let seen = used.get(name).copied().unwrap_or_default();
        let weight = match candidate.class {
            Class::Column => {
                let mut weight = column(name, place, &counts.all, own_columns);
                weight *= 1.0 + seen.min(4.0) * 1.2;
                if let Some(of) = candidate.table.and_then(|it| tables.get(&it)) {
                    weight *= of.leaning(name, &counts.all);
                }
                if around.written.contains(&name) {
                    weight *= 0.02;
                }
                if let Some(wanted) = fitting(slot, known)
                    && let Some(ty) = candidate.item.ty
                    && ty != wanted
                    && !(ty.is_number() && wanted.is_number())
                {
                    weight *= if ty == Type::Unknown || ty == Type::Dynamic {
                        0.6
                    } else {
                        0.25
                    };
                }
                weight
            }
            Class::OwnTable | Class::Value | Class::OwnFunction => {
                own += 1.0;
                let fresh = if seen < 2.0 { 3.0 } else { 1.0 };
                fresh / (1.0 + 0.15 * own)
            }
            Class::Example => 1.0,
            _ => {
                let here = place.words.get(name).copied().unwrap_or_default();
                let all = counts.all.words.get(name).copied().unwrap_or_default();
                here + 0.02 * all + 0.01
            }
        };
        candidate.score = weight;
        sums[class_index(candidate.class)] += weight;
    }
    let shares = &place.classes;
    for candidate in items.iter_mut() {
        let i = class_index(candidate.class);
        candidate.score *= (shares[i] + 0.3) / sums[i].max(f32::MIN_POSITIVE);
    }
    // what the tenant was asked for and lacks comes last
    let lacks = |it: &Candidate<'_>| it.item.presence == Presence::NotSeen;
    items.sort_by(|a, b| {
        lacks(a)
            .cmp(&lacks(b))
            .then_with(|| b.score.total_cmp(&a.score))
            .then_with(|| a.order.cmp(&b.order))
    });
}

/// How columns are used in one table.
struct OfTable {
    /// Queries that name a column of it, by column.
    columns: &'static HashMap<&'static str, f32>,
    /// Their sum over the columns offered, for one use of these columns anywhere.
    scale: f32,
}

/// So many uses in a table are taken for what is usual anywhere.
const USUAL: f32 = 6.0;

impl OfTable {
    /// How much more, or less, a column is used in this table than anywhere.
    fn leaning(&self, name: &str, all: &Place) -> f32 {
        let here = self.columns.get(name).copied().unwrap_or_default();
        let expected = all.columns.get(name).copied().unwrap_or(1.0) * self.scale;
        (here + USUAL) / (expected + USUAL)
    }
}

/// The tables that columns are offered of, by index.
fn of_tables(items: &[Candidate<'_>], all: &Place, schema: &Schema) -> HashMap<usize, OfTable> {
    let mut sums: HashMap<usize, (f32, f32)> = HashMap::new();
    let mut found: HashMap<usize, &'static HashMap<&'static str, f32>> = HashMap::new();
    for candidate in items {
        let Some(index) = candidate.table else {
            continue;
        };
        let columns = *found.entry(index).or_insert_with(|| {
            let table = schema.tables().get(index);
            table.map_or_else(nothing, |it| hunted(&it.name))
        });
        let name = candidate.item.name();
        let (here, anywhere) = sums.entry(index).or_default();
        *here += columns.get(name).copied().unwrap_or_default();
        *anywhere += all.columns.get(name).copied().unwrap_or(1.0);
    }
    let of = |(index, (here, anywhere)): (usize, (f32, f32))| {
        let columns = found.get(&index).copied()?;
        let scale = here / anywhere;
        Some((index, OfTable { columns, scale }))
    };
    sums.into_iter().filter_map(of).collect()
}

fn nothing() -> &'static HashMap<&'static str, f32> {
    static NOTHING: OnceLock<HashMap<&'static str, f32>> = OnceLock::new();
    NOTHING.get_or_init(HashMap::new)
}

/// How many public queries name each column of a table.
fn hunted(table: &str) -> &'static HashMap<&'static str, f32> {
    static HUNTED: OnceLock<HashMap<&'static str, HashMap<&'static str, f32>>> = OnceLock::new();
    let all = HUNTED.get_or_init(|| {
        let mut all: HashMap<&str, HashMap<&str, f32>> = HashMap::new();
        for line in include_str!("../../../assets/kql/hunted.txt").lines() {
            let mut parts = line.split('\t');
            if let (Some(table), Some(column), Some(count)) =
                (parts.next(), parts.next(), parts.next())
                && let Ok(count) = count.parse()
            {
                all.entry(table).or_default().insert(column, count);
            }
        }
        all
    });
    all.get(table).unwrap_or_else(nothing)
}

/// How often a column is written at such a place.
fn column(name: &str, place: &Place, all: &Place, own: f32) -> f32 {
    let total = place.all_columns.max(50.0);
    match all.columns.get(name) {
        Some(n) => {
            let here = place.columns.get(name).copied().unwrap_or_default();
            here + 0.3 * total * n / all.all_columns.max(1.0) + 0.0005 * total
        }
        // made by the author, or rare
        None => own * total,
    }
}

/// The type that a column should have here.
fn fitting(slot: &Slot, known: &Answer) -> Option<Type> {
    slot.wanted
        .or(match slot.context {
            "where-value" => known.operand,
            _ => None,
        })
        .filter(|t| *t != Type::Unknown && *t != Type::Dynamic)
}
