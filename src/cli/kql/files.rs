//! The texts a command is given: files, what is in folders, standard input, and of Markdown its blocks.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::cli::input;
use crate::domain::text;

/// Endings of files that hold queries.
const QUERIES: &[&str] = &["kql", "csl", "kusto"];

/// Endings of files that hold queries in fenced blocks.
const MARKDOWN: &[&str] = &["md", "markdown"];

/// The languages of blocks that are queries.
const LANGUAGES: &[&str] = &["kql", "kusto"];

/// A text with queries in it.
pub(super) struct Source {
    /// As it is called in findings; safe to be printed.
    pub(super) name: String,
    /// Where it is; standard input is nowhere.
    pub(super) path: Option<PathBuf>,
    /// It begins with a byte order mark, which `text` does not have.
    pub(super) mark: bool,
    /// What it says.
    pub(super) text: String,
    /// Where its queries are: everywhere, or in the blocks of a Markdown file.
    pub(super) regions: Vec<Range<usize>>,
}

impl Source {
    fn new(name: &str, path: Option<PathBuf>, full: String) -> Self {
        let (mark, text) = match full.strip_prefix('\u{feff}') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, full),
        };
        let regions = if path.as_deref().is_some_and(|path| ends_in(path, MARKDOWN)) {
            blocks(&text)
        } else {
            std::iter::once(0..text.len()).collect()
        };
        Self {
            name: text::clean(name).into_owned(),
            path,
            mark,
            text,
            regions,
        }
    }

    /// The same source with another text.
    pub(super) fn with(&self, text: String) -> Self {
        Self {
            mark: self.mark,
            ..Self::new(&self.name, self.path.clone(), text)
        }
    }

    /// Puts another text in its place, whole or not at all.
    pub(super) fn write(&self, text: &str) -> std::io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mark = if self.mark { "\u{feff}" } else { "" };
        crate::config::edit::replace(path, &format!("{mark}{text}"))
    }
}

/// What was found of what was asked for.
#[derive(Default)]
pub(super) struct Found {
    /// In the order of the arguments, folders by name.
    pub(super) sources: Vec<Source>,
    /// What cannot be read, and why.
    pub(super) unread: Vec<String>,
}

/// Reads files, what is in folders, and standard input for `-` or nothing.
pub(super) fn gather(given: &[PathBuf]) -> Found {
    let stdin = [PathBuf::from("-")];
    let given = if given.is_empty() { &stdin } else { given };
    let mut found = Found::default();
    for path in given {
        if path == Path::new("-") {
            match input::read_stdin() {
                Ok(text) => found.sources.push(Source::new("<stdin>", None, text)),
                Err(why) => found.unread.extend(why.words()),
            }
        } else if path.is_dir() {
            let mut paths = Vec::new();
            walk(path, &mut paths, &mut found.unread);
            for path in paths {
                read(&path, &mut found, true);
            }
        } else {
            read(path, &mut found, false);
        }
    }
    found
}

/// The files below a folder that may hold queries, by name. Hidden ones are passed over, links to folders
/// not followed.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>, unread: &mut Vec<String>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) => {
            unread.push(format!("{}: {why}", folder.display()));
            return;
        }
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, paths, unread);
        } else if path.is_file() && (ends_in(&path, QUERIES) || ends_in(&path, MARKDOWN)) {
            paths.push(path);
        }
    }
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    endings.iter().any(|it| ending.eq_ignore_ascii_case(it))
}

/// Reads one file; Markdown without a query is left out of what a folder gives.
fn read(path: &Path, found: &mut Found, of_folder: bool) {
    let name = path.display().to_string();
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let source = Source::new(&name, Some(path.to_owned()), text);
            if !of_folder || !source.regions.is_empty() {
                found.sources.push(source);
            }
        }
        Ok(Err(_)) => found.unread.push(format!("{name}: not UTF-8 text")),
        Err(why) => found.unread.push(format!("{name}: {why}")),
    }
}

/// The insides of the blocks of a Markdown text that are fenced as queries.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<(&str, Option<usize>)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, bare) = (at, line.trim());
        at += line.len();
        let marks = bare.len() - bare.trim_start_matches(['`', '~']).len();
        let (fence, info) = bare.split_at(marks);
        match open {
            None if marks >= 3 => {
                let language = info
                    .split([' ', '{', '\t', ','])
                    .find(|word| !word.is_empty());
                let query = language
                    .is_some_and(|it| LANGUAGES.iter().any(|known| it.eq_ignore_ascii_case(known)));
                open = Some((fence, query.then_some(at)));
            }
            Some((fence, begins)) if info.is_empty() && bare.starts_with(fence) => {
                found.extend(begins.map(|begins| begins..start));
                open = None;
            }
            _ => {}
        }
    }
    if let Some((_, Some(begins))) = open {
        found.push(begins..text.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_markdown_are_in_their_blocks() {
        let text = "# A\n```kql\nDeviceInfo\n```\n~~~ text\n```kusto\n~~~\n````Kusto title=x\na\n```\nb\n````\n```KQL\nopen";
        let found: Vec<&str> = blocks(text).into_iter().map(|it| &text[it]).collect();
        assert_eq!(found, ["DeviceInfo\n", "a\n```\nb\n", "open"]);
        assert!(blocks("no block").is_empty());
    }
}
