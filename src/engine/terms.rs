//! Words in text: terms (`has`), affixes and substrings, with and without regard to case.
//!
//! A term is a maximal run of letters and digits. A searched text may hold punctuation of its own; it
//! then has to match as it is, with a border of a term wherever it begins or ends with a letter or
//! digit. Ignoring case compares simple lower-case forms; ASCII on both sides goes without copying.

/// A text to search for, folded once.
#[derive(Debug, Clone)]
pub struct Needle {
    text: String,
    fold: bool,
    ascii: bool,
    /// Where its rarest byte is: what is looked for first.
    rare: usize,
}

/// Bytes by how often they are in paths, names and command lines, the most frequent first.
const FREQUENT: &[u8] = b"eiosrtnac\\.l mdpu-wfgh/x\":bvy0k1=32_54678zj9q,";

/// The place of the byte that is rarest by [`FREQUENT`].
fn rarest(text: &str) -> usize {
    let rank = |b: u8| {
        let b = b.to_ascii_lowercase();
        FREQUENT
            .iter()
            .position(|f| *f == b)
            .unwrap_or(FREQUENT.len())
    };
    let places = text.bytes().enumerate().max_by_key(|(_, b)| rank(*b));
    places.map_or(0, |(at, _)| at)
}

/// The first place from `from` on of a byte that is `low` once the bits of `mask` are set. Looks at
/// several bytes at a time, in a way that compilers turn into vector instructions.
fn next_byte(hay: &[u8], from: usize, low: u8, mask: u8) -> Option<usize> {
    const STEP: usize = 32;
    let mut at = from;
    while let Some(chunk) = hay.get(at..at + STEP) {
        let hit = chunk
            .iter()
            .fold(0, |hit, b| hit | u8::from((b | mask) == low));
        if hit != 0 {
            break;
        }
        at += STEP;
    }
    let rest = hay.get(at..)?;
    rest.iter()
        .position(|b| (b | mask) == low)
        .map(|place| at + place)
}

/// Which ends of the match must be a border of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `contains`.
    None,
    /// `hasprefix`.
    Start,
    /// `hassuffix`.
    End,
    /// `has`.
    Both,
}

/// Lower case, character by character (no character becomes two).
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn is_term_char(c: char) -> bool {
    c.is_alphanumeric()
}

impl Needle {
    /// A needle; `ignore_case` folds it now and every searched text later.
    pub fn new(text: &str, ignore_case: bool) -> Self {
        let text = if ignore_case {
            fold(text)
        } else {
            text.to_owned()
        };
        Self {
            ascii: text.is_ascii(),
            fold: ignore_case,
            rare: rarest(&text),
            text,
        }
    }

    /// Whether the needle occurs in text that may not be UTF-8; ASCII is neither checked nor copied.
    pub fn found_in_bytes(&self, hay: &[u8], bound: Bound) -> bool {
        if self.ascii && hay.is_ascii() && !self.text.is_empty() {
            return self.search_ascii(hay, bound);
        }
        self.found_in(&String::from_utf8_lossy(hay), bound)
    }

    /// Whether the needle occurs in `hay` with the asked borders.
    pub fn found_in(&self, hay: &str, bound: Bound) -> bool {
        if self.text.is_empty() {
            return true;
        }
        if self.ascii && hay.is_ascii() {
            return self.search_ascii(hay.as_bytes(), bound);
        }
        if self.fold {
            return Self::search(&fold(hay), &self.text, bound);
        }
        Self::search(hay, &self.text, bound)
    }

    /// Searches ASCII for ASCII.
    fn search_ascii(&self, hay: &[u8], bound: Bound) -> bool {
        let needle = self.text.as_bytes();
        let low = needle[self.rare];
        let mask = if self.fold && low.is_ascii_lowercase() {
            0x20
        } else {
            0
        };
        let open = |inner: u8, outer: Option<&u8>| {
            !inner.is_ascii_alphanumeric() || !outer.is_some_and(u8::is_ascii_alphanumeric)
        };
        let mut from = self.rare;
        while let Some(place) = next_byte(hay, from, low, mask) {
            let start = place - self.rare;
            let end = start + needle.len();
            let Some(here) = hay.get(start..end) else {
                return false;
            };
            let starts = || open(needle[0], start.checked_sub(1).and_then(|i| hay.get(i)));
            let ends = || open(needle[needle.len() - 1], hay.get(end));
            if Self::same(here, needle, self.fold)
                && match bound {
                    Bound::None => true,
                    Bound::Start => starts(),
                    Bound::End => ends(),
                    Bound::Both => starts() && ends(),
                }
            {
                return true;
            }
            from = place + 1;
        }
        false
    }

    /// Whether `hay` begins with the needle.
    pub fn starts(&self, hay: &str) -> bool {
        if self.fold && !(self.ascii && hay.is_ascii()) {
            return fold(hay).starts_with(&self.text);
        }
        let n = self.text.len();
        hay.len() >= n && Self::same(&hay.as_bytes()[..n], self.text.as_bytes(), self.fold)
    }

    /// Whether `hay` ends with the needle.
    pub fn ends(&self, hay: &str) -> bool {
        if self.fold && !(self.ascii && hay.is_ascii()) {
            return fold(hay).ends_with(&self.text);
        }
        let (n, h) = (self.text.len(), hay.len());
        h >= n && Self::same(&hay.as_bytes()[h - n..], self.text.as_bytes(), self.fold)
    }

    /// Whether `hay` is the needle.
    pub fn equals(&self, hay: &str) -> bool {
        if self.fold && !(self.ascii && hay.is_ascii()) {
            return fold(hay) == self.text;
        }
        Self::same(hay.as_bytes(), self.text.as_bytes(), self.fold)
    }

    fn same(a: &[u8], b: &[u8], fold: bool) -> bool {
        if fold {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    }

    /// Searches text as it is.
    fn search(hay: &str, needle: &str, bound: Bound) -> bool {
        if bound == Bound::None {
            return hay.contains(needle);
        }
        let mut from = 0;
        while let Some(at) = hay[from..].find(needle) {
            let start = from + at;
            if Self::bordered(hay, start, needle, bound) {
                return true;
            }
            // Step over one character, not one byte.
            from = start + hay[start..].chars().next().map_or(1, char::len_utf8);
        }
        false
    }

    fn bordered(hay: &str, start: usize, needle: &str, bound: Bound) -> bool {
        let end = start + needle.len();
        let open_start = || {
            !needle.chars().next().is_some_and(is_term_char)
                || !hay[..start].chars().next_back().is_some_and(is_term_char)
        };
        let open_end = || {
            !needle.chars().next_back().is_some_and(is_term_char)
                || !hay[end..].chars().next().is_some_and(is_term_char)
        };
        match bound {
            Bound::None => true,
            Bound::Start => open_start(),
            Bound::End => open_end(),
            Bound::Both => open_start() && open_end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(hay: &str, needle: &str) -> bool {
        Needle::new(needle, true).found_in(hay, Bound::Both)
    }

    #[test]
    fn has_wants_whole_terms() {
        assert!(has("powershell.exe -enc", "PowerShell"));
        assert!(!has("powershell.exe", "power"));
        assert!(has(r"C:\Windows\cmd.exe", "cmd"));
        assert!(has("run Net.WebClient now", "net.webclient"));
        assert!(!has("MyNet.WebClients", "net.webclient"));
        assert!(has("a /add b", "/add"));
        assert!(!has("net32", "net"));
        assert!(has("x_net_y", "net"));
        assert!(has("", ""));
        assert!(has("ÄPFEL und", "äpfel"));
        assert!(!has("bäpfel", "äpfel"));
        // the second occurrence counts when the first has no border
        assert!(has("catalog cat", "cat"));
        assert!(has("ééé é", "é"));
    }

    #[test]
    fn the_quick_search_is_the_slow_one() {
        // every needle of up to four bytes of a text with repeats, at every bound, against a plain search
        let hay = "aXbx-aab.B0aabx_abX aab-aXbx-aab.B0aabx_abX--aaB";
        for length in 1..=4 {
            for start in 0..hay.len() - length {
                let text = &hay[start..start + length];
                for fold in [true, false] {
                    let needle = Needle::new(text, fold);
                    for shift in 0..40 {
                        let hay = format!("{}{hay}", &hay[shift..]);
                        for bound in [Bound::None, Bound::Start, Bound::End, Bound::Both] {
                            let (h, n) = if fold {
                                (super::fold(&hay), super::fold(text))
                            } else {
                                (hay.clone(), text.to_owned())
                            };
                            assert_eq!(
                                needle.found_in_bytes(hay.as_bytes(), bound),
                                Needle::search(&h, &n, bound),
                                "{text} in {hay} {bound:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_too() {
        let n = Needle::new("cmd", true);
        assert!(n.found_in_bytes(b"\xff cmd \xff", Bound::Both));
        assert!(!n.found_in_bytes(b"\xff cmdx", Bound::Both));
        assert!(Needle::new("", true).found_in_bytes(b"\xff", Bound::Both));
    }

    #[test]
    fn one_border() {
        let n = Needle::new("ame", true);
        assert!(n.found_in("North America", Bound::Start));
        assert!(!n.found_in("North America", Bound::End));
        assert!(Needle::new("ica", true).found_in("North America", Bound::End));
    }

    #[test]
    fn affixes_and_equality() {
        let n = Needle::new("fab", true);
        assert!(n.starts("Fabrikam") && !n.ends("Fabrikam"));
        assert!(Needle::new("KAM", true).ends("Fabrikam"));
        assert!(!Needle::new("KAM", false).ends("Fabrikam"));
        assert!(Needle::new("straße", true).equals("STRAßE"));
        assert!(!Needle::new("a", true).equals("aa"));
    }
}
