//! What is said of a query: code, place, words, and where possible the repair.

use super::syntax::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The service will refuse the query.
    Error,
    /// The query runs, but perhaps not as meant.
    Warning,
}

/// Which step found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Tokens and grammar.
    Syntax,
    /// Names and types.
    Semantic,
}

/// One change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced, in bytes (empty: an insertion).
    pub span: Span,
    /// By what.
    pub text: String,
}

impl Edit {
    /// Carries out edits that do not overlap, in any order.
    pub fn apply(text: &str, edits: &[Self]) -> String {
        let mut edits: Vec<&Self> = edits.iter().collect();
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            out.push_str(&text[at..edit.span.start as usize]);
            out.push_str(&edit.text);
            at = edit.span.end as usize;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// A repair that can be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an order: `Write DeviceName`.
    pub title: String,
    /// The changes, by place; they do not overlap.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// Writes something else at one place.
    pub fn replace(title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            edits: vec![Edit {
                span,
                text: text.into(),
            }],
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Code of the official language service (`KS142`), the same for the same fault.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Found by.
    pub phase: Phase,
    /// Where, in bytes; empty for a place between tokens.
    pub span: Span,
    /// In words.
    pub message: String,
    /// How to repair it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A fault of the text.
    pub fn error(code: &'static str, span: Span, message: String) -> Self {
        Self {
            code,
            severity: Severity::Error,
            phase: Phase::Syntax,
            span,
            message,
            fix: None,
        }
    }

    /// A fault of names or types.
    pub fn semantic(code: &'static str, span: Span, message: String) -> Self {
        Self {
            code,
            severity: Severity::Error,
            phase: Phase::Semantic,
            span,
            message,
            fix: None,
        }
    }

    /// Refuses the query.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Turns byte offsets of one text into Unicode code points and back, in any order, each at the cost of
/// [`STEP`] bytes.
#[derive(Debug)]
pub struct CodePoints<'t> {
    text: &'t str,
    /// Code points before each [`STEP`] bytes; none for a text of ASCII.
    counts: Vec<u32>,
}

/// Bytes between two places whose code points are counted beforehand.
const STEP: usize = 256;

/// Is this the first byte of a code point?
fn is_first(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

impl<'t> CodePoints<'t> {
    /// For this text.
    pub fn new(text: &'t str) -> Self {
        let mut counts = Vec::new();
        if !text.is_ascii() {
            let mut count = 0;
            for block in text.as_bytes().chunks(STEP) {
                counts.push(count);
                count += block.iter().filter(|b| is_first(**b)).count() as u32;
            }
        }
        Self { text, counts }
    }

    /// The number of code points before byte `offset`.
    pub fn of(&self, offset: u32) -> usize {
        let mut end = (offset as usize).min(self.text.len());
        if self.counts.is_empty() {
            return end;
        }
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let block = (end / STEP).min(self.counts.len() - 1);
        let rest = &self.text.as_bytes()[block * STEP..end];
        self.counts[block] as usize + rest.iter().filter(|b| is_first(**b)).count()
    }

    /// Start and length in code points.
    pub fn span(&self, span: Span) -> (usize, usize) {
        let start = self.of(span.start);
        (start, self.of(span.end) - start)
    }

    /// The byte offset of code point `index`.
    pub fn byte(&self, index: usize) -> usize {
        if self.counts.is_empty() {
            return index.min(self.text.len());
        }
        let block = self.counts.partition_point(|c| *c as usize <= index) - 1;
        let from = block * STEP;
        let left = index - self.counts[block] as usize;
        let bytes = self.text.as_bytes()[from..].iter().enumerate();
        bytes
            .filter(|(_, b)| is_first(**b))
            .nth(left)
            .map_or(self.text.len(), |(i, _)| from + i)
    }
}

/// The candidate most like `word`, if one is near enough to be meant: at most a third of the letters
/// differ (insert, delete, replace, swap), case aside.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).clamp(1, 4);
    // the only one that goes on from the word, where it is long enough to say something
    let mut goes_on: Option<&str> = None;
    let mut several = word.chars().count() < 3;
    let near = candidates
        .filter_map(|c| {
            let lower = c.to_lowercase();
            if lower.starts_with(&word) {
                several |= goes_on.is_some_and(|other| other != c);
                goes_on = Some(c);
            }
            let alike = c.len().abs_diff(word.len()) <= limit;
            let far = alike.then(|| distance(&word, &lower, limit))??;
            Some((far, c))
        })
        .min_by_key(|(d, c)| (*d, c.len()))
        .map(|(_, c)| c);
    near.or(goes_on.filter(|_| !several))
}

/// Edit distance with swaps of neighbours, or `None` above `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        if row.iter().min().is_some_and(|m| *m > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    let d = last[b.len()];
    (d <= limit).then_some(d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["DeviceName", "DeviceId", "Timestamp"];
        assert_eq!(nearest("DeviceNmae", names.into_iter()), Some("DeviceName"));
        assert_eq!(nearest("timestamp", names.into_iter()), Some("Timestamp"));
        assert_eq!(nearest("Whatever", names.into_iter()), None);
        assert_eq!(nearest("Times", names.into_iter()), Some("Timestamp"));
        assert_eq!(nearest("Ti", names.into_iter()), None, "too short");
        assert_eq!(nearest("Dev", names.into_iter()), None, "two go on");
    }

    #[test]
    fn code_points() {
        let text = "aé😀b";
        let cp = CodePoints::new(text);
        assert_eq!(cp.of(3), 2);
        assert_eq!(cp.span(Span::new(3, 7)), (2, 1));
        assert_eq!(cp.of(1), 1);
        assert_eq!(cp.byte(3), 7);
        // long texts, in any order
        let text = "aé😀b\n".repeat(500);
        let cp = CodePoints::new(&text);
        for (count, (byte, _)) in text
            .char_indices()
            .enumerate()
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            assert_eq!(cp.of(*byte as u32), *count);
            assert_eq!(cp.byte(*count), *byte);
        }
        assert_eq!(cp.byte(99_999), text.len());
        assert_eq!(cp.of(text.len() as u32), 2500);
    }

    #[test]
    fn edits_are_carried_out_in_order_of_place() {
        let edit = |start, end, text: &str| Edit {
            span: Span::new(start, end),
            text: text.to_owned(),
        };
        let edits = [edit(3, 4, "D"), edit(0, 1, "A"), edit(2, 2, "-")];
        assert_eq!(Edit::apply("abcd", &edits), "Ab-cD");
        assert_eq!(Edit::apply("abcd", &[]), "abcd");
    }
}
