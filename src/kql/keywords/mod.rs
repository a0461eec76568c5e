//! The reserved words of the language, as a table.
//!
//! Words holding other characters than letters (`mv-expand`, `hint.strategy`, `matches regex`,
//! `!in~`) are words as well: the longest one that fits wins.

pub mod values;
mod words;

/// Where a word may also serve as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsName {
    /// nowhere without brackets
    Never,
    /// where only a name can stand: left of `=`, in declarations
    InDeclarations,
    /// anywhere
    Anywhere,
}

use words::{PARAMETERS, TEXT_OPERATORS, UNLED_OPERATORS};
pub use words::{PIPED_OPERATORS, REST_OPERATORS, WORDS};

/// What a word can do, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Begins a query operator.
    pub const OPERATOR: Self = Self(1);
    /// Stands between two texts.
    pub const TEXT_OPERATOR: Self = Self(2);
    /// Names a parameter of any operator.
    pub const PARAMETER: Self = Self(4);

    /// Has all of these roles.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The roles of each word of [`WORDS`].
static ROLES: [Roles; WORDS.len()] = {
    let mut table = [Roles(0); WORDS.len()];
    let lists = [
        (PIPED_OPERATORS, Roles::OPERATOR),
        (REST_OPERATORS, Roles::OPERATOR),
        (UNLED_OPERATORS, Roles::OPERATOR),
        (TEXT_OPERATORS, Roles::TEXT_OPERATOR),
        (PARAMETERS, Roles::PARAMETER),
    ];
    let mut list = 0;
    while list < lists.len() {
        let (words, role) = lists[list];
        let mut at = 0;
        while at < words.len() {
            let mut word = 0;
            while !same(WORDS[word].0, words[at]) {
                word += 1;
            }
            table[word].0 |= role.0;
            at += 1;
        }
        list += 1;
    }
    table
};

/// What the word at this place of [`WORDS`] can do.
pub fn roles(word: usize) -> Roles {
    ROLES[word]
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Slots of the table that finds a word: a power of two, a few times the number of words.
const SLOTS: usize = 2048;

/// The slot where the search for these bytes begins; from three of them and the length, so that a name
/// that is no word is seldom compared at all.
const fn slot(text: &[u8]) -> usize {
    let n = text.len();
    let (first, middle, last) = (text[0] as usize, text[n / 2] as usize, text[n - 1] as usize);
    (first * 131 + middle * 1031 + last * 37 + n * 517) % SLOTS
}

/// Places in [`WORDS`] plus one, by [`slot`]; 0 is a free slot.
static TABLE: [u16; SLOTS] = {
    let mut table = [0u16; SLOTS];
    let mut word = 0;
    while word < WORDS.len() {
        let mut at = slot(WORDS[word].0.as_bytes());
        while table[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        word += 1;
        table[at] = word as u16;
    }
    table
};

fn exactly(text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let mut at = slot(text);
    loop {
        let word = usize::from(TABLE[at]).checked_sub(1)?;
        if WORDS[word].0.as_bytes() == text {
            return Some(word);
        }
        at = (at + 1) % SLOTS;
    }
}

/// The longest reserved word that `text` starts with, not shorter than its first `run` bytes (a run of
/// letters): its length and its place in [`WORDS`].
pub fn at(text: &[u8], run: usize) -> Option<(usize, usize)> {
    let name = text.get(..run)?;
    // words with other characters than letters: `mv-expand`, `hint.strategy`, `in~`, `matches regex`
    let compound = match text.get(run) {
        Some(b'-') => true,
        Some(b'.') => name == b"hint",
        Some(b'~') => matches!(name, b"in" | b"!in"),
        Some(b' ') => name == b"matches",
        _ => false,
    };
    if compound {
        let from = WORDS.partition_point(|(word, _)| word.as_bytes() < name);
        let longest = WORDS[from..]
            .iter()
            .enumerate()
            .take_while(|(_, (word, _))| word.as_bytes().starts_with(name))
            .filter(|(_, (word, _))| word.len() > run && text.starts_with(word.as_bytes()))
            .max_by_key(|(_, (word, _))| word.len());
        if let Some((i, (word, _))) = longest {
            return Some((word.len(), from + i));
        }
    }
    exactly(name).map(|word| (run, word))
}

/// Is this the word of a query operator?
pub fn is_operator(word: &str) -> bool {
    find(word).is_some_and(|word| roles(word).has(Roles::OPERATOR))
}

/// The place of exactly this word in [`WORDS`].
pub fn find(word: &str) -> Option<usize> {
    exactly(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_and_found() {
        assert!(
            WORDS
                .windows(2)
                .all(|w| w[0].0.as_bytes() < w[1].0.as_bytes())
        );
        for (i, (word, _)) in WORDS.iter().enumerate() {
            assert_eq!(find(word), Some(i));
        }
        let word = |t: &str, run| at(t.as_bytes(), run).map(|(_, i)| WORDS[i].0);
        assert_eq!(word("project-away x", 7), Some("project-away"));
        assert_eq!(word("project - x", 7), Some("project"));
        assert_eq!(word("!in~ (1)", 3), Some("!in~"));
        assert_eq!(word("matches regex", 7), Some("matches regex"));
        assert_eq!(word("hint.strategy=x", 4), Some("hint.strategy"));
        assert_eq!(word("zebra", 5), None);
        assert_eq!(word("", 0), None);
    }

    #[test]
    fn words_know_their_roles() {
        let of = |word| roles(find(word).expect("a word"));
        assert!(of("where").has(Roles::OPERATOR) && !of("where").has(Roles::PARAMETER));
        assert!(of("kind").has(Roles::PARAMETER) && !of("kind").has(Roles::OPERATOR));
        assert!(of("!has_cs").has(Roles::TEXT_OPERATOR));
    }
}
