//! The user's own queries: a folder of `.kql` files. Waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::prepared::editable;
use super::{Library, OWN, delivered, entry, parts, read, slug};
use crate::config::edit::replace;
use crate::domain::text;

/// Files read at most, folders below folders included.
const MOST_FILES: usize = 2_000;
/// How deep folders are looked into.
const DEEPEST: usize = 4;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// All queries: those delivered, and those of the folders.
pub fn load(folders: &[PathBuf]) -> Library {
    let mut library = Library {
        entries: delivered().iter().map(|entry| (**entry).clone()).collect(),
        problems: Vec::new(),
    };
    for folder in folders {
        let mut files = Vec::new();
        walk(folder, 0, &mut files, &mut library.problems);
        files.sort();
        for file in files {
            match text_of(&file) {
                Ok(text) => {
                    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                    for mut entry in read(&text, &text::clean(&stem), OWN) {
                        entry.file = Some(file.clone());
                        // Its own name, also where one delivered has it.
                        while library.get(&entry.name).is_some() {
                            entry.name.push_str("-own");
                        }
                        library.entries.push(entry);
                    }
                }
                Err(why) => library.problems.push(told(&file, &why)),
            }
        }
    }
    library
}

fn told(path: &Path, why: &io::Error) -> String {
    text::clean(&format!("{}: {why}", path.display())).into_owned()
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, problems: &mut Vec<String>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nobody has to have one.
        Err(why) if why.kind() == io::ErrorKind::NotFound && depth == 0 => return,
        Err(why) => return problems.push(told(folder, &why)),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if files.len() >= MOST_FILES {
            let why = io::Error::other(format!("only {MOST_FILES} files are read"));
            return problems.push(told(folder, &why));
        }
        if path.is_dir() {
            if depth < DEEPEST {
                walk(&path, depth + 1, files, problems);
            }
        } else if path.extension().is_some_and(|it| it == "kql") {
            files.push(path);
        }
    }
}

fn text_of(file: &Path) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no file"));
    }
    let mut bytes = Vec::new();
    File::open(file)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("larger than 1 MB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8"))
}

/// Keeps a query under a title, with what its head says of it, and gives the file. A query whose head has
/// this title already was opened from the folder: it takes the place of the one it was. Any other is
/// written into a file of its own, never over another.
///
/// # Errors
/// Where the folder or the file cannot be made or written.
pub fn save(folder: &Path, title: &str, text: &str) -> io::Result<PathBuf> {
    let title = text::clean(title.trim());
    let mut kept = entry(&editable(text.trim()), "", OWN);
    let again = kept.title == title;
    kept.title = title.to_string();
    let text = format!("{}\n", kept.headed(&kept.query));
    if again && let Some(path) = put_back(folder, &title, &text)? {
        return Ok(path);
    }
    fs::create_dir_all(folder)?;
    let mut stem = slug(&title);
    if stem.is_empty() {
        "query".clone_into(&mut stem);
    }
    for again in 1..1_000 {
        let name = match again {
            1 => format!("{stem}.kql"),
            again => format!("{stem}-{again}.kql"),
        };
        let path = folder.join(name);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        };
        file.write_all(text.as_bytes())?;
        return Ok(path);
    }
    Err(io::Error::other("too many files of this name"))
}

/// Writes a query over the one of the same title, where the folder has exactly one; the others of its file
/// stay.
fn put_back(folder: &Path, title: &str, text: &str) -> io::Result<Option<PathBuf>> {
    let mut files = Vec::new();
    walk(folder, 0, &mut files, &mut Vec::new());
    let mut places = Vec::new();
    for file in files {
        // One that cannot be read is not where this one came from.
        let Ok(whole) = text_of(&file) else { continue };
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let parts = parts(&whole);
        for (at, part) in parts.iter().enumerate() {
            let there = entry(part, &text::clean(&stem), OWN);
            if there.title == title && !there.query.is_empty() {
                places.push((file.clone(), parts.clone(), at));
            }
        }
    }
    let [(file, parts, at)] = &mut places[..] else {
        return Ok(None);
    };
    let behind = &parts[*at][parts[*at].trim_end().len()..];
    parts[*at] = format!("{}{behind}", text.trim_end());
    if !parts[*at].ends_with('\n') {
        parts[*at].push('\n');
    }
    replace(file, &parts.concat())?;
    Ok(Some(file.clone()))
}

impl Library {
    /// The entries, shared.
    pub fn shared(self) -> (Vec<Arc<super::Entry>>, Vec<String>) {
        (
            self.entries.into_iter().map(Arc::new).collect(),
            self.problems,
        )
    }
}
