//! Choosing the rows of one page: filter, order, continuation.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::super::clock::Ticks;
use super::super::odata::{Cursor, Field, Key, Options};
use super::super::world::Index;

/// A collection that can be listed.
pub struct Rows<'a> {
    /// Its indexes.
    pub index: &'a Index,
    /// Place of the creation time among the properties.
    pub created: usize,
    /// Place of the time of last update among the properties.
    pub updated: usize,
    /// A value of a row: place of the row, place of the property.
    pub field: &'a dyn Fn(u32, usize) -> Field<'a>,
}

/// One page.
#[derive(Debug)]
pub struct Page {
    /// Places of its rows.
    pub rows: Vec<u32>,
    /// Where the next one begins.
    pub next: Option<Cursor>,
    /// Rows in all, when that was asked.
    pub count: Option<usize>,
}

impl Rows<'_> {
    /// The page that the options ask for, `size` rows long.
    pub fn page(&self, options: &Options, size: usize) -> Page {
        let (order, descending) = options.order.unwrap_or((self.created, true));
        let passes = |row: u32| match &options.filter {
            Some(filter) => filter.passes(&|property| (self.field)(row, property)),
            None => true,
        };
        let bounds = |property| {
            options
                .filter
                .as_ref()
                .map_or((Ticks::MIN, Ticks::MAX), |f| f.bounds(property))
        };
        let count = options.count.then(|| {
            if options.filter.is_none() {
                return self.index.created.len();
            }
            let (low, high) = bounds(self.updated);
            between(&self.index.updated, low, high)
                .filter(|(_, row)| passes(*row))
                .count()
        });
        // A continuation has already skipped.
        let skip = if options.cursor.is_some() {
            0
        } else {
            options.skip
        };
        let sent = options.cursor.as_ref().map_or(skip, |c| c.sent);
        let mut found: Vec<(Key, u32)>;
        let narrow = order == self.created && bounds(self.updated).0 > Ticks::MIN;
        if (order == self.created || order == self.updated) && !narrow {
            let set = if order == self.created {
                &self.index.created
            } else {
                &self.index.updated
            };
            let (mut low, mut high) = bounds(order);
            let mut edge = None;
            if let Some(Cursor {
                key: Key::Number(at),
                place,
                ..
            }) = options.cursor
            {
                if descending {
                    high = high.min(at);
                } else {
                    low = low.max(at);
                }
                edge = Some((at, place));
            }
            let range = between(set, low, high);
            let after = |entry: &(Ticks, u32)| match edge {
                None => true,
                Some(edge) if descending => *entry < edge,
                Some(edge) => *entry > edge,
            };
            let take = |entries: &mut dyn Iterator<Item = &(Ticks, u32)>| {
                entries
                    .filter(|e| after(e) && passes(e.1))
                    .skip(skip)
                    .take(size + 1)
                    .map(|(at, row)| (Key::Number(*at), *row))
                    .collect::<Vec<_>>()
            };
            found = if descending {
                take(&mut range.rev())
            } else {
                take(&mut range.into_iter())
            };
        } else {
            let (low, high) = bounds(self.updated);
            found = between(&self.index.updated, low, high)
                .filter(|(_, row)| passes(*row))
                .map(|(_, row)| (Key::of((self.field)(*row, order)), *row))
                .collect();
            if descending {
                found.sort_unstable_by(|a, b| b.cmp(a));
            } else {
                found.sort_unstable();
            }
            if let Some(cursor) = &options.cursor {
                let edge = (&cursor.key, cursor.place);
                let from = found.partition_point(|(key, row)| {
                    if descending {
                        (key, *row) >= edge
                    } else {
                        (key, *row) <= edge
                    }
                });
                found.drain(..from);
            }
            found.drain(..skip.min(found.len()));
            found.truncate(size + 1);
        }
        let more = found.len() > size;
        found.truncate(size);
        let next = match found.last() {
            Some((key, place)) if more => Some(Cursor {
                key: key.clone(),
                place: *place,
                sent: sent + size,
            }),
            _ => None,
        };
        Page {
            rows: found.into_iter().map(|(_, row)| row).collect(),
            next,
            count,
        }
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
