//! Finding a query by a few letters.

use std::sync::Arc;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::Entry;

/// Places of the entries that fit, best first; all of them in their order where nothing is wanted.
/// Either all words stand somewhere in the title, the description, its tactics, techniques and tables,
/// or the title alone has their letters in order; what fits the title stands first.
pub fn search(entries: &[Arc<Entry>], wanted: &str) -> Vec<usize> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        return (0..entries.len()).collect();
    }
    // Letters scattered over a whole description would fit nearly all of them.
    let (case, plain) = (CaseMatching::Ignore, Normalization::Smart);
    let whole_words = Pattern::new(wanted, case, plain, AtomKind::Substring);
    let letters = Pattern::parse(wanted, case, plain);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, usize)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let whole = [
            entry.title.as_str(),
            &entry.group,
            &entry.tactics.join(" "),
            &entry.techniques.join(" "),
            &entry.tags.join(" "),
            &entry.tables.join(" "),
            &entry.needs,
            &entry.about,
        ]
        .join(" · ");
        let score = whole_words.score(Utf32Str::new(&whole, &mut buffer), &mut matcher);
        let title = letters.score(Utf32Str::new(&entry.title, &mut buffer), &mut matcher);
        if score.is_some() || title.is_some() {
            found.push((score.unwrap_or(0) + 3 * title.unwrap_or(0), at));
        }
    }
    found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    found.into_iter().map(|(_, at)| at).collect()
}
