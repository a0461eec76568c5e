//! A text edited in the editor of the environment: `$VISUAL`, `$EDITOR`, else vi.
//!
//! Must not know whose text it is. The terminal is the program's while this runs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest text taken back, in bytes.
const LONGEST: u64 = 8 << 20;

/// Writes the text to a file of its own that nobody else can read, waits for the editor, and reads the
/// file again. Where the text cannot be taken back and was changed, the file stays, and the answer says
/// where.
///
/// # Errors
/// Why there is no text, in words.
pub fn edit(text: &str) -> Result<String, String> {
    edit_with(text, &editor(|name| std::env::var(name).ok()))
}

/// The command, as a shell reads it.
fn editor(variable: impl Fn(&str) -> Option<String>) -> String {
    ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| variable(name))
        .find(|value| !value.trim().is_empty())
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_owned())
}

fn edit_with(text: &str, editor: &str) -> Result<String, String> {
    let (path, mut file) =
        create().map_err(|why| format!("no file for the editor could be made: {why}"))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        if text.ends_with('\n') {
            Ok(())
        } else {
            file.write_all(b"\n")
        }
    });
    drop(file);
    if let Err(why) = written {
        let _ = std::fs::remove_file(&path);
        return Err(format!(
            "the text could not be written for the editor: {why}"
        ));
    }
    let status = command(editor, &path).status();
    let read = read(&path);
    let changed = !matches!(&read, Ok(now) if now.trim_end() == text.trim_end());
    let trouble = match (status, read) {
        (Ok(status), Ok(now)) if status.success() => {
            let _ = std::fs::remove_file(&path);
            return Ok(now);
        }
        (Ok(status), Ok(_)) => format!("{editor} ended with {status}"),
        (Err(why), _) => format!("{editor} could not be started: {why}"),
        (_, Err(why)) => format!("what {editor} wrote cannot be read: {why}"),
    };
    if changed {
        return Err(format!(
            "{trouble}; what was written is in {}",
            path.display()
        ));
    }
    let _ = std::fs::remove_file(&path);
    Err(format!("{trouble}; the text is as it was"))
}

/// A new file with a name that nobody could guess, for the owner alone.
fn create() -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let folder = std::env::temp_dir();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        let path = folder.join(format!("nightjar-{:016x}.kql", fastrand::u64(..)));
        match options.open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn command(editor: &str, path: &Path) -> Command {
    // as others do it: the variable may hold arguments and quotes
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{editor} \"$@\""), editor])
        .arg(path);
    command
}

#[cfg(not(unix))]
fn command(editor: &str, path: &Path) -> Command {
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("notepad"));
    command.args(words).arg(path);
    command
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_asked_in_their_order() {
        let of = |visual: &str, plain: &str| {
            editor(|name| {
                let value = if name == "VISUAL" { visual } else { plain };
                (!value.is_empty()).then(|| value.to_owned())
            })
        };
        assert_eq!(of("code --wait", "nano"), "code --wait");
        assert_eq!(of(" ", "nano"), "nano");
        assert_eq!(of("", ""), "vi");
    }

    #[test]
    fn what_the_editor_wrote_comes_back_and_the_file_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = folder.path().join("seen");
        let script = format!(
            "f() {{ stat -c '%a %n' \"$1\" > '{}'; printf 'DeviceEvents\\n' > \"$1\"; }}; f",
            seen.display()
        );
        assert_eq!(
            edit_with("DeviceInfo", &script),
            Ok("DeviceEvents\n".to_owned())
        );
        let seen = std::fs::read_to_string(seen).expect("was called");
        let (mode, path) = seen.trim().split_once(' ').expect("both");
        assert_eq!(mode, "600");
        let path = Path::new(path);
        assert_eq!(path.extension().and_then(|it| it.to_str()), Some("kql"));
        assert!(!path.exists(), "{}", path.display());
    }

    #[test]
    fn nothing_is_lost_where_the_editor_fails() {
        let unchanged = edit_with("T", "false").expect_err("it failed");
        assert!(unchanged.contains("the text is as it was"), "{unchanged}");
        let script = "f() { printf 'work' > \"$1\"; return 3; }; f";
        let kept = edit_with("T", script).expect_err("it failed");
        let path = kept.rsplit(' ').next().expect("a path");
        assert_eq!(std::fs::read_to_string(path).expect("is kept"), "work");
        std::fs::remove_file(path).expect("is there");
        let script = "f() { printf '\\377' > \"$1\"; }; f";
        let kept = edit_with("T", script).expect_err("is no text");
        assert!(kept.contains("cannot be read"), "{kept}");
        std::fs::remove_file(kept.rsplit(' ').next().expect("a path")).expect("is there");
    }
}
