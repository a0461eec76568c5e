//! Names the query declared (`let`, `as`, parameters, steps): frames of names that grow, and places in them
//! that functions remember, so that a declaration costs the same however many came before it.

use std::rc::Rc;

use super::{Local, UserFunction};
use crate::kql::columns::NameIndex;
use crate::kql::symbols::Origin;

/// A place in the frames: names declared later are not seen from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    frame: u32,
    seen: u32,
}

#[derive(Debug, Default)]
struct Frame {
    outer: Option<Place>,
    entries: Vec<Entry>,
    /// The last entry of each name.
    index: NameIndex,
}

#[derive(Debug)]
struct Entry {
    name: Rc<str>,
    local: Rc<Local>,
    origin: Origin,
    /// An earlier one of the same name.
    hides: Option<u32>,
}

/// All frames of a query; one of them is where names are declared now.
#[derive(Debug)]
pub(super) struct Scopes {
    frames: Vec<Frame>,
    here: u32,
}

impl Default for Scopes {
    fn default() -> Self {
        Self {
            frames: vec![Frame::default()],
            here: 0,
        }
    }
}

impl Scopes {
    /// What is visible now.
    pub(super) fn place(&self) -> Place {
        Place {
            frame: self.here,
            seen: self.frames[self.here as usize].entries.len() as u32,
        }
    }

    /// Opens a frame that sees what is visible from `outer` (nothing: no name at all);
    /// gives what [`Scopes::leave`] wants.
    pub(super) fn enter(&mut self, outer: Option<Place>) -> u32 {
        let before = self.here;
        self.here = self.frames.len() as u32;
        self.frames.push(Frame {
            outer,
            ..Frame::default()
        });
        before
    }

    /// Closes the frame and all names in it.
    pub(super) fn leave(&mut self, before: u32) {
        self.frames.truncate(self.here as usize);
        self.here = before;
    }

    pub(super) fn push(&mut self, name: &str, local: Local, origin: Origin) {
        let frame = &mut self.frames[self.here as usize];
        let place = frame.entries.len();
        let hides = frame
            .index
            .find(name, |i| &frame.entries[i].name)
            .map(|i| i as u32);
        frame.entries.push(Entry {
            name: Rc::from(name),
            local: Rc::new(local),
            origin,
            hides,
        });
        let names = |i: usize| &*frame.entries[i].name;
        if hides.is_some() {
            frame.index.replace(place, names);
        } else {
            frame.index.insert(place, names);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<(&Rc<Local>, Origin)> {
        let mut at = Some(self.place());
        while let Some(place) = at {
            let frame = &self.frames[place.frame as usize];
            if !frame.entries.is_empty() {
                let mut found = frame.index.find(name, |i| &frame.entries[i].name);
                while let Some(i) = found {
                    if (i as u32) < place.seen {
                        let entry = &frame.entries[i];
                        return Some((&entry.local, entry.origin));
                    }
                    found = frame.entries[i].hides.map(|i| i as usize);
                }
            }
            at = frame.outer;
        }
        None
    }

    /// All visible names, the nearest first; hidden ones too.
    pub(super) fn visible(&self) -> impl Iterator<Item = (&str, &Local)> {
        let mut at = Some(self.place());
        std::iter::from_fn(move || {
            let place = at?;
            let frame = &self.frames[place.frame as usize];
            at = frame.outer;
            Some(&frame.entries[..place.seen as usize])
        })
        .flat_map(|entries| entries.iter().rev().map(|e| (&*e.name, &*e.local)))
    }

    /// Views whose names a test accepts, in order of declaration.
    pub(super) fn views(&self, fits: impl Fn(&str) -> bool) -> Vec<Rc<UserFunction>> {
        let mut views: Vec<_> = self
            .visible()
            .filter_map(|(name, local)| match local {
                Local::Function(f) if f.declaration.view && fits(name) => Some(Rc::clone(f)),
                _ => None,
            })
            .collect();
        views.reverse();
        views
    }
}
