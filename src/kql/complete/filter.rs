//! Narrowing a list to what is typed.

use super::Completions;

impl Completions<'_> {
    /// The items that fit what was typed of the word, as places in `items`: those that begin with it
    /// first, then those where it follows the humps of the name (`dn`, `DevNa` for `DeviceName`), then
    /// those that hold it, and where there are none of these those that hold its letters in order. Case
    /// is ignored; inside each class the order stays.
    pub fn matching(&self, typed: &str) -> Vec<usize> {
        let typed: Vec<char> = typed.chars().flat_map(char::to_lowercase).collect();
        let mut found: Vec<(Class, usize)> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(i, item)| Some((class(item.name(), &typed)?, i)))
            .collect();
        found.sort_unstable();
        if let Some((best, _)) = found.first()
            && *best != Class::Letters
        {
            found.retain(|(class, _)| *class != Class::Letters);
        }
        found.into_iter().map(|(_, i)| i).collect()
    }
}

impl super::Item<'_> {
    /// The label without arguments.
    pub fn name(&self) -> &str {
        let name = self.label.split('(').next().unwrap_or_default().trim();
        if name.is_empty() { &self.label } else { name }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Prefix,
    Humps,
    Inside,
    Letters,
}

/// How `typed` (in lower case) fits a name.
fn class(name: &str, typed: &[char]) -> Option<Class> {
    let letters: Vec<char> = name.chars().collect();
    let lower: Vec<char> = name
        .chars()
        .map(|c| c.to_lowercase().next().unwrap_or(c))
        .collect();
    if lower.starts_with(typed) {
        return Some(Class::Prefix);
    }
    if in_humps(&letters, &lower, typed) {
        return Some(Class::Humps);
    }
    if typed.len() > 1 && lower.windows(typed.len()).any(|part| part == typed) {
        return Some(Class::Inside);
    }
    let mut rest = lower.iter();
    // one letter in the middle of a name says nothing
    (typed.len() > 1 && typed.iter().all(|t| rest.any(|c| c == t))).then_some(Class::Letters)
}

/// Does each letter go on where the last one stands, or start a later part of the name?
fn in_humps(letters: &[char], lower: &[char], typed: &[char]) -> bool {
    let heads: Vec<bool> = (0..letters.len())
        .map(|i| {
            letters[i].is_alphanumeric()
                && (i == 0
                    || !letters[i - 1].is_alphanumeric()
                    || (letters[i].is_uppercase() && !letters[i - 1].is_uppercase())
                    || (letters[i].is_uppercase()
                        && letters.get(i + 1).is_some_and(|c| c.is_lowercase())))
        })
        .collect();
    // the places in the name where the letter typed last may stand
    let mut ends: Vec<usize> = Vec::new();
    for (n, t) in typed.iter().enumerate() {
        let first = if n == 0 { None } else { ends.first().copied() };
        if n > 0 && first.is_none() {
            return false;
        }
        ends = (0..lower.len())
            .filter(|&i| {
                lower[i] == *t
                    && match first {
                        None => heads[i],
                        Some(first) => {
                            (heads[i] && i > first)
                                || (i > 0 && ends.binary_search(&(i - 1)).is_ok())
                        }
                    }
            })
            .collect();
    }
    !ends.is_empty()
}
