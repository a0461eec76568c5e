//! Filters kept under a name: `views.toml` beside the configuration, a person may write it too.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A filter with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Its name, unique in its list without regard to case.
    pub name: String,
    /// The list it is of: `Incidents`, `Alerts`, …
    pub list: String,
    /// The predicate; empty where there is none.
    #[serde(default, rename = "where", skip_serializing_if = "String::is_empty")]
    pub predicate: String,
    /// What `/` asks; empty where it asks nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// What the list is sorted by, as its title says it; empty leaves the sort.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sort: String,
    /// Whether the other way round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
}

/// All views of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// The views.
    #[serde(default)]
    pub view: Vec<View>,
}

impl Views {
    /// Reads a file; one that is not there has none.
    ///
    /// # Errors
    /// In words: it cannot be read, or what is wrong in it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message()))
    }

    /// Writes a file whole, or leaves the one there as it is.
    ///
    /// # Errors
    /// In words.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let beside = path.with_extension("toml.new");
            let mut file = fs::File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };
        write().map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The views of a list.
    pub fn of<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a View> {
        let all = self.view.iter();
        all.filter(move |view| view.list.eq_ignore_ascii_case(list))
    }

    /// The view of a list with this name.
    pub fn find<'a>(&'a self, list: &'a str, name: &str) -> Option<&'a View> {
        self.of(list).find(|view| same(&view.name, name))
    }

    /// Adds a view, or puts it in the place of the one of its list and name.
    pub fn put(&mut self, view: View) {
        let known = self
            .view
            .iter_mut()
            .find(|it| it.list.eq_ignore_ascii_case(&view.list) && same(&it.name, &view.name));
        match known {
            Some(known) => *known = view,
            None => self.view.push(view),
        }
    }

    /// Takes a view away; says whether it was there.
    pub fn remove(&mut self, list: &str, name: &str) -> bool {
        let before = self.view.len();
        self.view
            .retain(|it| !(it.list.eq_ignore_ascii_case(list) && same(&it.name, name)));
        self.view.len() < before
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
