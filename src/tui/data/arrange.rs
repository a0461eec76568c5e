//! The order of a list: which rows pass the filter, sorted by keys that cost little to compare.
//!
//! Knows nothing of screens. The order of all rows is kept while a filter is typed, since only what
//! passes changes then; it is not made while rows stream in, when each batch would sort everything.

use std::collections::HashMap;

use super::filter::{Asker, Filtered};

/// What a row is sorted by; the smallest comes first.
pub type Key = (i64, i64, i64);

/// A text that goes before the key; rows without one come first.
pub type TextOf<R> = fn(&R) -> Option<&str>;

/// Everything the order of all rows was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis<S> {
    /// The collection's version.
    pub version: u64,
    /// What is sorted by.
    pub sort: S,
    /// Whether the other way round.
    pub reverse: bool,
    /// Whether the rows of a tenant stand together, in the order of the tenants.
    pub grouped: bool,
    /// The minute, where the order depends on what time it is; 0 where it does not.
    pub minute: i64,
}

/// Places of all rows in order, and what that order was made from.
#[derive(Debug)]
pub struct Arrangement<S> {
    all: Option<(Basis<S>, Vec<u32>)>,
}

impl<S> Default for Arrangement<S> {
    fn default() -> Self {
        Self { all: None }
    }
}

impl<S: Copy + PartialEq> Arrangement<S> {
    /// Places of the rows that pass, in order. Ties are broken by id, so that the order is one and
    /// the eye stays. `keep` says that more filters over the same rows are to be expected.
    pub fn order<R: Filtered>(
        &mut self,
        rows: &[R],
        basis: Basis<S>,
        keep: bool,
        mut asker: Asker<'_>,
        text: Option<TextOf<R>>,
        key: impl Fn(&R) -> Key,
    ) -> Vec<u32> {
        if self.all.as_ref().is_some_and(|(of, _)| *of != basis) {
            self.all = None;
        }
        if keep && self.all.is_none() {
            let all = sorted(rows, 0..rows.len() as u32, &basis, text, &key);
            self.all = Some((basis, all));
        }
        let mut passes = |at: &u32| asker.lets(*at) && asker.passes(&rows[*at as usize]);
        if let Some((_, all)) = &self.all {
            return all.iter().copied().filter(|at| passes(at)).collect();
        }
        let passing = (0..rows.len() as u32).filter(passes);
        sorted(rows, passing, &basis, text, &key)
    }
}

fn sorted<R: Filtered, S>(
    rows: &[R],
    places: impl Iterator<Item = u32>,
    &Basis {
        reverse, grouped, ..
    }: &Basis<S>,
    text: Option<TextOf<R>>,
    key: impl Fn(&R) -> Key,
) -> Vec<u32> {
    // Turned numbers sort the other way round, and ties still go by id.
    let turn = |(a, b, c): Key| if reverse { (!a, !b, !c) } else { (a, b, c) };
    let group = |at: u32| {
        let tenant = rows[at as usize].tenant();
        if grouped { tenant.0 } else { 0 }
    };
    let mut keyed: Vec<((u16, i64), Key, u32)> = places
        .map(|at| ((group(at), 0), turn(key(&rows[at as usize])), at))
        .collect();
    if let Some(text) = text {
        let of = |at: u32| text(&rows[at as usize]);
        let ranks = ranks(keyed.iter().filter_map(|(_, _, at)| of(*at)));
        for ((_, rank), _, at) in &mut keyed {
            let place = of(*at).map_or(-1, |text| ranks[text]);
            *rank = if reverse { !place } else { place };
        }
    }
    keyed.sort_unstable_by(|(a, key, at), (b, other, bt)| {
        (a, key).cmp(&(b, other)).then_with(|| {
            let (a, b) = (&rows[*at as usize], &rows[*bt as usize]);
            (a.id(), a.tenant()).cmp(&(b.id(), b.tenant()))
        })
    });
    keyed.into_iter().map(|(_, _, at)| at).collect()
}

/// The place of each text among the others in alphabetical order: comparing numbers is cheap,
/// and titles that begin alike are not.
fn ranks<'a>(texts: impl Iterator<Item = &'a str>) -> HashMap<&'a str, i64> {
    let mut ranks: HashMap<&str, i64> = texts.map(|text| (text, 0)).collect();
    let mut distinct: Vec<&str> = ranks.keys().copied().collect();
    distinct.sort_unstable();
    for (rank, text) in distinct.into_iter().enumerate() {
        ranks.insert(text, rank as i64);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Tenants;
    use super::super::filter::Filter;
    use super::*;
    use crate::domain::{Severity, TenantNo};

    struct Row {
        id: String,
        title: String,
        severity: Severity,
    }

    impl Filtered for Row {
        fn tenant(&self) -> TenantNo {
            TenantNo(0)
        }
        fn id(&self) -> &str {
            &self.id
        }
        fn title(&self) -> &str {
            &self.title
        }
        fn status(&self) -> &'static str {
            "new"
        }
        fn is_open(&self) -> bool {
            true
        }
        fn severity(&self) -> &Severity {
            &self.severity
        }
        fn owner(&self) -> Option<&str> {
            None
        }
        fn texts(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
            false
        }
    }

    proptest! {
        /// The kept order filtered is what sorting the filtered rows gives.
        #[test]
        fn keeping_the_order_changes_nothing(
            titles in prop::collection::vec("[ab]{1,3}", 0..40),
            reverse: bool,
            word in "[ab]{0,2}",
        ) {
            let rows: Vec<Row> = titles.iter().enumerate().map(|(at, title)| Row {
                id: format!("{:02}", (at * 7) % 41),
                title: title.clone(),
                severity: Severity::Low,
            }).collect();
            let text: Option<TextOf<Row>> = Some(|row| Some(&row.title));
            let key = |_: &Row| (0, 0, 0);
            let basis = Basis { version: 1, sort: (), reverse, grouped: false, minute: 0 };
            let filter = Filter::new(&word);
            let all = Filter::default();
            let tenants = Tenants::default();
            let mut kept = Arrangement::default();
            prop_assert_eq!(
                kept.order(&rows, basis, true, all.asker(&tenants), text, key).len(),
                rows.len()
            );
            let plain = Arrangement::default().order(&rows, basis, false, filter.asker(&tenants), text, key);
            prop_assert_eq!(&kept.order(&rows, basis, true, filter.asker(&tenants), text, key), &plain);
            for pair in plain.windows(2) {
                let (a, b) = (&rows[pair[0] as usize], &rows[pair[1] as usize]);
                let ordering = a.title.cmp(&b.title);
                let ordering = if reverse { ordering.reverse() } else { ordering };
                prop_assert!(ordering.then(a.id.cmp(&b.id)).is_lt());
            }
        }
    }
}
