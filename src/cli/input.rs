//! Text a command is given: an argument, a file, or standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::failure::{Done, Failure};

/// What standard input is called in messages.
const STDIN: &str = "<stdin>";

/// The text of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Done<(String, String)> {
    if path == Path::new("-") {
        return Ok((STDIN.to_owned(), read_stdin()?));
    }
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok((name, strip_mark(text))),
            Err(_) => Err(Failure::usage(format!("{name}: not UTF-8 text"))),
        },
        Err(error) => Err(Failure::usage(format!("{name}: {error}"))),
    }
}

/// All of standard input.
pub(crate) fn read_stdin() -> Done<String> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    String::from_utf8(bytes)
        .map(strip_mark)
        .map_err(|_| Failure::usage("standard input is not UTF-8 text"))
}

/// An argument, or standard input where it is `-`.
pub(crate) fn argument(given: &str) -> Done<String> {
    if given == "-" {
        return read_stdin();
    }
    Ok(given.to_owned())
}

/// Does something with each file's text; with standard input where there is no file.
pub(crate) fn each(files: &[PathBuf], mut one: impl FnMut(&str, &str) -> Done) -> Done {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    for file in files {
        let (name, text) = read(file)?;
        one(&name, &text)?;
    }
    Ok(())
}

/// Without a byte order mark.
fn strip_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}
