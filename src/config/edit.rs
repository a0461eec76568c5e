//! Changing the settings file for a person: what they wrote stays as it stands, to the letter, and the
//! file is replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

/// A value to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A text.
    Text(String),
    /// Where a secret is kept: the place and its name, such as `env` and `NIGHTJAR_SECRET`.
    Secret(&'static str, String),
    /// A secret that is asked for.
    Prompt,
}

/// Why the settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is no TOML.
    #[error("the settings file is not TOML, so nothing was changed in it: {0}")]
    Toml(String),
    /// Something stands where a table of profiles should be.
    #[error("profiles is not written as tables [profiles.NAME], so none can be added")]
    NotTables,
    /// There is no such profile.
    #[error("the settings file has no profile \"{0}\"")]
    Missing(String),
    /// There is one of that name.
    #[error("there is a profile \"{0}\" already")]
    Exists(String),
    /// The file cannot be read or written.
    #[error("the settings file {path} cannot be {doing}: {source}")]
    File {
        /// Which.
        path: String,
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The settings with one profile more.
///
/// # Errors
/// Where they are no TOML, or there is a profile of that name.
pub fn with_profile(
    text: &str,
    name: &str,
    settings: &[(&str, Setting)],
) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let profiles = document.entry("profiles").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let profiles = profiles.as_table_mut().ok_or(EditError::NotTables)?;
    if profiles.contains_key(name) {
        return Err(EditError::Exists(name.to_owned()));
    }
    let mut table = Table::new();
    for (key, setting) in settings {
        table.insert(key, setting.item());
    }
    if !text.trim().is_empty() {
        table.decor_mut().set_prefix("\n");
    }
    profiles.insert(name, Item::Table(table));
    Ok(document.to_string())
}

/// The settings with one setting before the first table changed or added.
///
/// # Errors
/// Where they are no TOML.
pub fn with_root(text: &str, key: &str, setting: &Setting) -> Result<String, EditError> {
    let mut document = parse(text)?;
    document.insert(key, setting.item());
    Ok(document.to_string())
}

/// The settings without a profile; the defaults do not name it any more either.
///
/// # Errors
/// Where they are no TOML or have no such profile.
pub fn without_profile(text: &str, name: &str) -> Result<String, EditError> {
    let mut document = parse(text)?;
    profiles(&mut document)
        .and_then(|profiles| profiles.remove(name))
        .ok_or_else(|| EditError::Missing(name.to_owned()))?;
    match document.get_mut("default_profile") {
        Some(only) if only.as_str() == Some(name) => {
            document.remove("default_profile");
        }
        Some(several) => {
            if let Some(names) = several.as_array_mut() {
                names.retain(|it| it.as_str() != Some(name));
                if names.is_empty() {
                    document.remove("default_profile");
                }
            }
        }
        None => {}
    }
    Ok(document.to_string())
}

/// The settings with a copy of a profile for another tenant.
///
/// # Errors
/// Where they are no TOML, have no such profile, or have one of the new name.
pub fn with_copy(text: &str, from: &str, name: &str, tenant_id: &str) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let missing = || EditError::Missing(from.to_owned());
    let profiles = profiles(&mut document).ok_or_else(missing)?;
    if profiles.contains_key(name) {
        return Err(EditError::Exists(name.to_owned()));
    }
    let mut copy = profiles.get(from).ok_or_else(missing)?.clone();
    let table = copy.as_table_like_mut().ok_or_else(missing)?;
    table.insert("tenant_id", value(tenant_id));
    if let Item::Table(table) = &mut copy {
        // Behind everything else, and without the words that introduced the other.
        table.set_position(None);
        table.decor_mut().set_prefix("\n");
    }
    profiles.insert(name, copy);
    Ok(document.to_string())
}

/// Changes the settings file as it is now.
///
/// # Errors
/// Where it cannot be read, changed or written; what stood there still does.
pub fn change(
    path: &Path,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<(), EditError> {
    write(path, &edit(&read(path)?)?)
}

/// What stands in the settings file; nothing where there is none.
///
/// # Errors
/// Where it cannot be read.
pub fn read(path: &Path) -> Result<String, EditError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(failed(path, "read", source)),
    }
}

/// Puts a text in the place of the settings file, whole or not at all: its owner's alone where it is
/// new, else with the permissions it had; where it is a link, the file behind it.
///
/// # Errors
/// Where it cannot be written; what stood there still does.
pub fn write(path: &Path, text: &str) -> Result<(), EditError> {
    replace(path, text).map_err(|source| failed(path, "written", source))
}

/// Puts a text in the place of a file's, whole or not at all; the file a link leads to, with the
/// permissions it had.
///
/// # Errors
/// Those of the file system; the file is then what it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let beside = path.with_extension(format!("{kind}.new-{}", std::process::id()));
    // Left by a program of the same number that was killed.
    let _ = fs::remove_file(&beside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = (|| {
        let mut file: File = options.open(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    let first = |error: toml_edit::TomlError| {
        let message = error.message().lines().next().unwrap_or_default();
        EditError::Toml(message.to_owned())
    };
    text.parse().map_err(first)
}

fn profiles(document: &mut DocumentMut) -> Option<&mut dyn TableLike> {
    document.get_mut("profiles")?.as_table_like_mut()
}

fn failed(path: &Path, doing: &'static str, source: io::Error) -> EditError {
    EditError::File {
        path: path.display().to_string(),
        doing,
        source,
    }
}

impl Setting {
    fn item(&self) -> Item {
        let inline = |key: &str, inner: Value| {
            let mut table = InlineTable::new();
            table.insert(key, inner);
            value(table)
        };
        match self {
            Self::Text(text) => value(text),
            Self::Secret(place, name) => inline(place, name.as_str().into()),
            Self::Prompt => inline("prompt", true.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# mine\ndefault_profile = 'work' # the one\n\n[ui]\n  theme=\"dark\"\n\n# the first\n[profiles.work]\ntenant_id = \"contoso.com\"\n";

    const SEVERAL: &str = "# mine\ndefault_profile = ['work', \"other\"] # both\n\n[ui]\n  theme=\"dark\"\n\n# the first\n[profiles.work]\ntenant_id = \"contoso.com\" # ours\nclient_id = 'x'\n\n[profiles.other]\ntenant_id = 'fabrikam.com'\n";

    fn settings() -> Vec<(&'static str, Setting)> {
        vec![
            ("tenant_id", Setting::Text("fabrikam.com".to_owned())),
            (
                "client_secret",
                Setting::Secret("env", "THE_SECRET".to_owned()),
            ),
            ("password", Setting::Prompt),
        ]
    }

    #[test]
    fn what_stood_there_stays_to_the_letter() {
        let after = with_profile(BEFORE, "other", &settings()).expect("added");
        let added = after.strip_prefix(BEFORE).expect("the old text first");
        assert_eq!(
            added,
            "\n[profiles.other]\ntenant_id = \"fabrikam.com\"\nclient_secret = { env = \"THE_SECRET\" }\npassword = { prompt = true }\n"
        );
        let kept = with_root(BEFORE, "token_store", &Setting::Text("file".to_owned()));
        let kept = kept.expect("added");
        assert!(
            kept.contains("default_profile = 'work' # the one\ntoken_store = \"file\"\n"),
            "{kept}"
        );
        assert!(
            kept.ends_with(&BEFORE[BEFORE.find("\n[ui]").expect("there")..]),
            "{kept}"
        );
    }

    #[test]
    fn an_empty_file_gets_its_first_profile() {
        let after = with_profile("", "work", &settings()[..1]).expect("added");
        assert_eq!(after, "[profiles.work]\ntenant_id = \"fabrikam.com\"\n");
    }

    #[test]
    fn what_cannot_be_added_to_is_left_alone() {
        assert!(matches!(
            with_profile(BEFORE, "work", &[]),
            Err(EditError::Exists(_))
        ));
        assert!(matches!(
            with_profile("profiles = 3", "x", &[]),
            Err(EditError::NotTables)
        ));
        assert!(matches!(
            with_profile("= broken", "x", &[]),
            Err(EditError::Toml(_))
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_behind_its_link_with_the_permissions_it_had() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (
            folder.path().join("real.toml"),
            folder.path().join("config.toml"),
        );
        write(&real, "a = 1\n").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&real), 0o600, "new ones are the owner's alone");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).expect("chmod");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        write(&link, "a = 2\n").expect("written");
        assert_eq!(fs::read_to_string(&real).expect("reads"), "a = 2\n");
        assert_eq!(mode(&real), 0o644);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 2);
    }

    #[test]
    fn a_profile_goes_and_the_rest_stays_to_the_letter() {
        let after = without_profile(SEVERAL, "work").expect("removed");
        assert_eq!(
            after,
            "# mine\ndefault_profile = [ \"other\"] # both\n\n[ui]\n  theme=\"dark\"\n\n[profiles.other]\ntenant_id = 'fabrikam.com'\n"
        );
        let single = "default_profile = \"a\"\n[profiles.a]\ntenant_id = \"x\"\n";
        assert_eq!(without_profile(single, "a").expect("removed"), "");
        assert!(matches!(
            without_profile(SEVERAL, "gone"),
            Err(EditError::Missing(_))
        ));
        assert!(matches!(
            without_profile("= 3", "gone"),
            Err(EditError::Toml(_))
        ));
    }

    #[test]
    fn a_customer_gets_a_copy_with_its_own_tenant() {
        let after = with_copy(SEVERAL, "work", "third", "id-of-third").expect("copied");
        let added = after.strip_prefix(SEVERAL).expect("the old text first");
        assert_eq!(
            added,
            "\n[profiles.third]\ntenant_id = \"id-of-third\"\nclient_id = 'x'\n"
        );
        assert!(matches!(
            with_copy(SEVERAL, "work", "other", "x"),
            Err(EditError::Exists(_))
        ));
    }

    #[test]
    fn what_cannot_be_changed_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.toml");
        std::fs::write(&file, SEVERAL).expect("written");
        let refused = change(&file, |text| without_profile(text, "gone"));
        assert!(refused.is_err());
        assert_eq!(std::fs::read_to_string(&file).expect("reads"), SEVERAL);
        change(&file, |text| without_profile(text, "work")).expect("changed");
        assert!(
            !std::fs::read_to_string(&file)
                .expect("reads")
                .contains("work")
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 1);
    }
}
