//! Finding a query by a few letters.

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::Entry;

/// Places of the entries that fit, best first; all of them in their order where nothing is wanted.
/// Each word has to fit the title, the description, a tactic, a technique or a table; what fits the
/// title stands first.
pub fn search(entries: &[Arc<Entry>], wanted: &str) -> Vec<usize> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        return (0..entries.len()).collect();
    }
    let pattern = Pattern::parse(wanted, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, usize)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let whole = [
            entry.title.as_str(),
            &entry.group,
            &entry.tactics.join(" "),
            &entry.techniques.join(" "),
            &entry.tables.join(" "),
            &entry.about,
        ]
        .join(" · ");
        let score = pattern.score(Utf32Str::new(&whole, &mut buffer), &mut matcher);
        let Some(score) = score else { continue };
        let title = pattern.score(Utf32Str::new(&entry.title, &mut buffer), &mut matcher);
        found.push((score + 3 * title.unwrap_or(0), at));
    }
    found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    found.into_iter().map(|(_, at)| at).collect()
}
