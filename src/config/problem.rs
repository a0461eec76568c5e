//! What is wrong in a file a person wrote, said so that they can put it right.

use std::fmt;
use std::path::PathBuf;

/// One thing wrong in a configuration, theme or key file. Its `Display` is one clear line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters, counted from 1; 0 where the file as a whole is meant.
    pub column: usize,
    /// What was found.
    pub what: String,
    /// What would be right there.
    pub expected: String,
    /// The valid name nearest to the one found.
    pub nearest: Option<String>,
    /// Whether something had to be left out because of it: the profile it stands in, or the file.
    /// Otherwise the default is used instead.
    pub fatal: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.what)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean \"{nearest}\"?")?;
        }
        Ok(())
    }
}

/// The valid name nearest to a found one, where one is near enough to be meant.
pub fn nearest<'a>(found: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.collect::<String>().to_lowercase()
    };
    valid
        .into_iter()
        .map(|name| {
            let distance = if plain(name) == plain(&found) {
                0
            } else {
                strsim::damerau_levenshtein(&name.to_lowercase(), &found)
            };
            (distance, name)
        })
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Line and column, both from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not_guessed() {
        let valid = ["tenant_id", "client_id", "read_only"];
        assert_eq!(nearest("tennant_id", valid), Some("tenant_id"));
        assert_eq!(nearest("tenant-id", valid), Some("tenant_id"));
        assert_eq!(nearest("readOnly", valid), Some("read_only"));
        assert_eq!(nearest("password", valid), None);
    }

    #[test]
    fn positions_count_characters() {
        let text = "a = 1\nü = 2\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, text.find('2').expect("there")), (2, 5));
        assert_eq!(position(text, 999), (3, 1));
    }
}
