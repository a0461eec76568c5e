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
            text,
        }
    }

    /// Whether the needle occurs in `hay` with the asked borders.
    pub fn found_in(&self, hay: &str, bound: Bound) -> bool {
        if self.text.is_empty() {
            return true;
        }
        if self.fold && !(self.ascii && hay.is_ascii()) {
            return Self::search(&fold(hay), &self.text, bound, false);
        }
        Self::search(hay, &self.text, bound, self.fold)
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

    /// Searches bytes; with `ascii_fold` both sides are ASCII and the needle is lower case.
    fn search(hay: &str, needle: &str, bound: Bound, ascii_fold: bool) -> bool {
        if !ascii_fold {
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
            return false;
        }
        let (h, n) = (hay.as_bytes(), needle.as_bytes());
        if n.len() > h.len() {
            return false;
        }
        let (low, high) = (n[0], n[0].to_ascii_uppercase());
        (0..=h.len() - n.len()).any(|i| {
            (h[i] == low || h[i] == high)
                && h[i..i + n.len()].eq_ignore_ascii_case(n)
                && (bound == Bound::None || Self::bordered(hay, i, needle, bound))
        })
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
