//! The user's own queries: a folder of `.kql` files. Waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Library, OWN, delivered, read, slug};
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

/// Writes a query under a title into a file of its own; never over another. Gives the file.
///
/// # Errors
/// Where the folder or the file cannot be made.
pub fn save(folder: &Path, title: &str, query: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let title = text::clean(title);
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
        write!(file, "// title: {title}\n{}\n", query.trim())?;
        return Ok(path);
    }
    Err(io::Error::other("too many files of this name"))
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
