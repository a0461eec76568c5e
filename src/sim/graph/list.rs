//! Choosing the rows of one page: filter, order, continuation; and the document around them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::super::clock::Ticks;
use super::super::http::{Ask, Reply};
use super::super::json::Object;
use super::super::odata::{Cursor, Field, Key, Options, order_of};
use super::super::world::Index;

/// A collection that can be listed.
pub struct Rows<'a> {
    /// How many rows there are.
    pub len: usize,
    /// Its indexes; without any the rows stand in the order of their places.
    pub times: Option<Times<'a>>,
    /// A value of a row: place of the row, place of the property.
    pub field: &'a dyn Fn(u32, usize) -> Field<'a>,
}

/// The indexes of a collection.
#[derive(Clone, Copy)]
pub struct Times<'a> {
    /// The indexes.
    pub index: &'a Index,
    /// Place of the creation time among the properties.
    pub created: usize,
    /// Place of the time of last update among the properties.
    pub updated: usize,
}

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// Places of its rows.
    pub rows: Vec<u32>,
    /// Where the next one begins.
    pub next: Option<Cursor>,
    /// Rows in all, when that was asked.
    pub count: Option<usize>,
}

impl Rows<'_> {
    fn bounds(options: &Options, property: usize) -> (Ticks, Ticks) {
        options
            .filter
            .as_ref()
            .map_or((Ticks::MIN, Ticks::MAX), |f| f.bounds(property))
    }

    fn passes(&self, options: &Options, row: u32) -> bool {
        match &options.filter {
            Some(filter) => filter.passes(&|property| (self.field)(row, property)),
            None => true,
        }
    }

    /// What must be looked at for a filter: the index whose bounds the filter narrows.
    fn candidates(&self, options: &Options) -> Box<dyn Iterator<Item = u32> + '_> {
        let Some(times) = self.times else {
            return Box::new(0..self.len as u32);
        };
        let (created, updated) = (
            Self::bounds(options, times.created),
            Self::bounds(options, times.updated),
        );
        let everything = (Ticks::MIN, Ticks::MAX);
        if created == everything && updated == everything {
            // No time narrows it: rows are read in the order they lie in memory.
            return Box::new(0..self.len as u32);
        }
        let by_creation = created.0 > Ticks::MIN && updated.0 == Ticks::MIN;
        let (set, (low, high)) = if by_creation {
            (&times.index.created, created)
        } else {
            (&times.index.updated, updated)
        };
        Box::new(between(set, low, high).map(|(_, row)| *row))
    }

    /// How many rows pass.
    pub fn count(&self, options: &Options) -> usize {
        if options.filter.is_none() {
            return self.len;
        }
        self.candidates(options)
            .filter(|row| self.passes(options, *row))
            .count()
    }

    /// The page that the options ask for, `size` rows long.
    pub fn page(&self, options: &Options, size: usize) -> Page {
        let count = options.count.then(|| self.count(options));
        if size == 0 {
            return Page {
                count,
                ..Page::default()
            };
        }
        let newest_first = self.times.map(|t| (t.created, true));
        let mut keys: Vec<(usize, bool)> = options.order.or(newest_first).into_iter().collect();
        keys.extend(&options.then);
        // A continuation has already skipped.
        let skip = match &options.cursor {
            Some(_) => 0,
            None => options.skip,
        };
        let sent = options.cursor.as_ref().map_or(skip, |c| c.sent);
        let mut rows = match self.indexed(options, &keys) {
            Some(set) => self.along(options, keys[0], set, skip, size),
            None => self.sorted(options, &keys, skip, size),
        };
        let more = rows.len() > size;
        rows.truncate(size);
        let next = match rows.last() {
            Some(place) if more => Some(Cursor {
                keys: keys
                    .iter()
                    .map(|(property, _)| Key::of((self.field)(*place, *property)))
                    .collect(),
                place: *place,
                sent: sent.saturating_add(size),
            }),
            _ => None,
        };
        Page { rows, next, count }
    }

    /// The index that already has the order asked for, unless the filter narrows the other one.
    fn indexed(
        &self,
        options: &Options,
        keys: &[(usize, bool)],
    ) -> Option<&BTreeSet<(Ticks, u32)>> {
        let ([(order, _)], Some(times)) = (keys, self.times) else {
            return None;
        };
        let (own, other, set) = if *order == times.created {
            (times.created, times.updated, &times.index.created)
        } else if *order == times.updated {
            (times.updated, times.created, &times.index.updated)
        } else {
            return None;
        };
        let narrowed = |property| Self::bounds(options, property).0 > Ticks::MIN;
        (narrowed(own) || !narrowed(other)).then_some(set)
    }

    /// Walks an index and stops when the page is full.
    fn along(
        &self,
        options: &Options,
        (order, descending): (usize, bool),
        set: &BTreeSet<(Ticks, u32)>,
        skip: usize,
        size: usize,
    ) -> Vec<u32> {
        let (mut low, mut high) = Self::bounds(options, order);
        let mut edge = None;
        if let Some(cursor) = &options.cursor
            && let [Key::Number(at)] = cursor.keys[..]
        {
            if descending {
                high = high.min(at);
            } else {
                low = low.max(at);
            }
            edge = Some((at, cursor.place));
        }
        let after = |entry: &(Ticks, u32)| match edge {
            None => true,
            Some(edge) if descending => *entry < edge,
            Some(edge) => *entry > edge,
        };
        let take = |entries: &mut dyn Iterator<Item = &(Ticks, u32)>| {
            entries
                .filter(|e| after(e) && self.passes(options, e.1))
                .skip(skip)
                .take(size + 1)
                .map(|(_, row)| *row)
                .collect()
        };
        let mut range = between(set, low, high);
        if descending {
            take(&mut range.rev())
        } else {
            take(&mut range)
        }
    }

    /// Gathers what passes and sorts no more of it than the page needs.
    fn sorted(
        &self,
        options: &Options,
        keys: &[(usize, bool)],
        skip: usize,
        size: usize,
    ) -> Vec<u32> {
        let turned = |order: Ordering, descending: bool| {
            if descending { order.reverse() } else { order }
        };
        // Rows with equal keys keep the direction of the first key.
        let last = keys.first().is_some_and(|key| key.1);
        let order = |a: &u32, b: &u32| {
            keys.iter()
                .map(|(property, descending)| {
                    turned(
                        order_of((self.field)(*a, *property), (self.field)(*b, *property)),
                        *descending,
                    )
                })
                .find(|o| *o != Ordering::Equal)
                .unwrap_or_else(|| turned(a.cmp(b), last))
        };
        let after = |row: &u32| match &options.cursor {
            None => true,
            Some(cursor) => {
                keys.iter()
                    .zip(&cursor.keys)
                    .map(|((property, descending), key)| {
                        turned(key.order((self.field)(*row, *property)), *descending)
                    })
                    .find(|o| *o != Ordering::Equal)
                    .unwrap_or_else(|| turned(row.cmp(&cursor.place), last))
                    == Ordering::Greater
            }
        };
        let mut found: Vec<u32> = self
            .candidates(options)
            .filter(|row| self.passes(options, *row) && after(row))
            .collect();
        let wanted = skip.saturating_add(size + 1);
        if wanted < found.len() {
            found.select_nth_unstable_by(wanted, order);
            found.truncate(wanted);
        }
        found.sort_unstable_by(order);
        found.drain(..skip.min(found.len()));
        found
    }
}

fn between(
    set: &BTreeSet<(Ticks, u32)>,
    low: Ticks,
    high: Ticks,
) -> std::collections::btree_set::Range<'_, (Ticks, u32)> {
    if low > high {
        return set.range((Bound::Excluded((Ticks::MAX, u32::MAX)), Bound::Unbounded));
    }
    set.range((Bound::Included((low, 0)), Bound::Included((high, u32::MAX))))
}

/// A page as a document: annotations, then what `push` writes for each row.
pub fn document(
    ask: &Ask,
    context: &str,
    page: &Page,
    room: usize,
    mut push: impl FnMut(&mut Vec<u8>, u32),
) -> Reply {
    let mut out = Vec::with_capacity(page.rows.len() * room + 512);
    let mut document = Object::open(&mut out, None);
    document.str(
        "@odata.context",
        &format!("{}{context}", super::metadata(ask)),
    );
    if let Some(count) = page.count {
        document.int("@odata.count", count as i64);
    }
    if let Some(next) = &page.next {
        document.str("@odata.nextLink", &super::next_link(ask, next));
    }
    document.always("value");
    document.out.push(b'[');
    for (at, row) in page.rows.iter().enumerate() {
        if at > 0 {
            document.out.push(b',');
        }
        push(document.out, *row);
    }
    document.out.push(b']');
    document.close();
    Reply::json(200, out)
}
