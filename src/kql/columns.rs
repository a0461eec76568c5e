//! Columns in order, shared between the operators that pass them on, and names found without
//! walking all of them.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::bound::Column;

/// Columns in order. A copy costs nothing: operators that change no column share those of their input.
#[derive(Clone, Default)]
pub struct Columns(Arc<Shared>);

#[derive(Default)]
struct Shared {
    list: Vec<Column>,
    /// Made when a name is first asked for among many columns.
    index: OnceLock<NameIndex>,
}

/// So many names are found by looking at each.
const FEW: usize = 24;

impl Columns {
    /// The place of the first column of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let list = &self.0.list;
        if list.len() <= FEW {
            return list.iter().position(|c| c.name == name);
        }
        self.0
            .index
            .get_or_init(|| {
                let mut index = NameIndex::default();
                for i in 0..list.len() {
                    index.insert(i, |i| list[i].name.as_str());
                }
                index
            })
            .find(name, |i| list[i].name.as_str())
    }

    /// Is there a column of this name?
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Adds a column at the end: in place where nobody else holds these columns.
    pub fn push(&mut self, column: Column) {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.list.push(column);
            let list = &shared.list;
            if let Some(index) = shared.index.get_mut() {
                index.insert(list.len() - 1, |i| list[i].name.as_str());
            }
        } else {
            let mut list = Vec::with_capacity(self.len() + 1);
            list.extend_from_slice(self);
            list.push(column);
            *self = list.into();
        }
    }

    /// Puts a column in the place of the one of the same name: in place where nobody else holds these.
    pub fn set(&mut self, at: usize, column: Column) {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            if shared.list[at].name != column.name {
                shared.index.take();
            }
            shared.list[at] = column;
        } else {
            let mut list = self.to_vec();
            list[at] = column;
            *self = list.into();
        }
    }

    /// The very same columns, not merely equal ones.
    pub fn shares(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Nobody else holds these columns: [`Columns::push`] and [`Columns::set`] copy nothing.
    pub fn is_alone(&mut self) -> bool {
        Arc::get_mut(&mut self.0).is_some()
    }
}

impl Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.0.list
    }
}

impl From<Vec<Column>> for Columns {
    fn from(list: Vec<Column>) -> Self {
        Self(Arc::new(Shared {
            list,
            index: OnceLock::new(),
        }))
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        Vec::from_iter(columns).into()
    }
}

impl<'c> IntoIterator for &'c Columns {
    type Item = &'c Column;
    type IntoIter = std::slice::Iter<'c, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Columns {}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Finds names in a list held elsewhere: open addressing over places in that list.
/// Names that repeat lead to the first.
#[derive(Clone, Debug, Default)]
pub struct NameIndex {
    /// Place + 1; 0 is free. A power of two long, at most half full.
    slots: Vec<u32>,
    used: usize,
}

impl NameIndex {
    /// The place of a name; `names` tells the name at a place.
    pub fn find<'n>(&self, name: &str, names: impl Fn(usize) -> &'n str) -> Option<usize> {
        self.slot(name, names).ok()
    }

    /// Makes the name at a place known; false where it is known already.
    pub fn insert<'n>(&mut self, place: usize, names: impl Fn(usize) -> &'n str) -> bool {
        if self.used * 2 >= self.slots.len() {
            self.grow(&names);
        }
        match self.slot(names(place), names) {
            Ok(_) => false,
            Err(free) => {
                self.slots[free] = place as u32 + 1;
                self.used += 1;
                true
            }
        }
    }

    /// Leads a name to a later place with that name.
    pub fn replace<'n>(&mut self, place: usize, names: impl Fn(usize) -> &'n str) {
        let name = names(place);
        let mut at = hash(name) as usize & (self.slots.len().max(1) - 1);
        while let Some(slot) = self.slots.get_mut(at).filter(|s| **s != 0) {
            if names(*slot as usize - 1) == name {
                *slot = place as u32 + 1;
                return;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn slot<'n>(&self, name: &str, names: impl Fn(usize) -> &'n str) -> Result<usize, usize> {
        if self.slots.is_empty() {
            return Err(0);
        }
        let mask = self.slots.len() - 1;
        let mut at = hash(name) as usize & mask;
        loop {
            match self.slots[at] {
                0 => return Err(at),
                place if names(place as usize - 1) == name => return Ok(place as usize - 1),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow<'n>(&mut self, names: &impl Fn(usize) -> &'n str) {
        let mask = (self.slots.len() * 2).max(64) - 1;
        let old = std::mem::replace(&mut self.slots, vec![0; mask + 1]);
        for place in old.into_iter().filter(|p| *p != 0) {
            let mut at = hash(names(place as usize - 1)) as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = place;
        }
    }
}

/// Quick and good enough for names; not for text that wants to collide to be kept for long.
fn hash(name: &str) -> u64 {
    let mut hash = name.len() as u64;
    for chunk in name.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::types::Type;

    fn columns(count: usize) -> Columns {
        (0..count)
            .map(|i| Column::new(format!("c{i}"), Type::Long))
            .collect()
    }

    #[test]
    fn names_are_found_in_short_and_long_lists() {
        for count in [0, 3, FEW, FEW + 1, 500] {
            let columns = columns(count);
            for i in 0..count {
                assert_eq!(columns.find(&format!("c{i}")), Some(i));
            }
            assert_eq!(columns.find("other"), None);
        }
    }

    #[test]
    fn the_first_of_a_name_is_found() {
        let mut list = columns(100).to_vec();
        list[70].name = "c5".to_owned();
        assert_eq!(Columns::from(list).find("c5"), Some(5));
    }

    #[test]
    fn growth_is_in_place_only_where_nobody_sees_it() {
        let mut grown = columns(100);
        assert_eq!(grown.find("c9"), Some(9));
        let before = grown.clone();
        assert!(!grown.is_alone());
        grown.push(Column::new("new", Type::Bool));
        assert!(grown.is_alone());
        grown.push(Column::new("newer", Type::Bool));
        grown.set(3, Column::new("c3", Type::String));
        assert_eq!((before.len(), grown.len()), (100, 102));
        assert_eq!((before.find("new"), grown.find("newer")), (None, Some(101)));
        assert_eq!((before[3].ty, grown[3].ty), (Type::Long, Type::String));
    }
}
