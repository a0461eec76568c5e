//! Where the program keeps its files.

use std::path::PathBuf;

use etcetera::{AppStrategy, AppStrategyArgs};

/// The folders of the program; made when first written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Configuration, themes and key files a person edits.
    pub config: PathBuf,
    /// Caches and journals, one SQLite file a profile.
    pub data: PathBuf,
    /// Logs.
    pub state: PathBuf,
}

impl Paths {
    /// The folders of this user: `NIGHTJAR_CONFIG_DIR`, `NIGHTJAR_DATA_DIR` and
    /// `NIGHTJAR_STATE_DIR` where set, else what XDG or the platform says. Without a home folder,
    /// a folder beside the temporary files.
    pub fn resolve() -> Self {
        Self::with(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn with(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let own = |name: &str, fallback: PathBuf| variable(name).map_or(fallback, PathBuf::from);
        let (config, data, state) = platform_folders();
        Self {
            config: own("NIGHTJAR_CONFIG_DIR", config),
            data: own("NIGHTJAR_DATA_DIR", data),
            state: own("NIGHTJAR_STATE_DIR", state),
        }
    }

    /// The one configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// Themes a person added.
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// Queries a person keeps, one or more a file; a link to another folder is followed.
    pub fn queries(&self) -> PathBuf {
        self.config.join("queries")
    }

    /// Filters of lists, kept under names.
    pub fn views(&self) -> PathBuf {
        self.config.join("views.toml")
    }

    /// The SQLite file of a profile.
    pub fn store_file(&self, profile: &str) -> PathBuf {
        self.data.join(format!("{profile}.sqlite"))
    }
}

fn platform_folders() -> (PathBuf, PathBuf, PathBuf) {
    let args = AppStrategyArgs {
        top_level_domain: "io".into(),
        author: "nightjar".into(),
        app_name: "nightjar".into(),
    };
    let Ok(strategy) = etcetera::choose_app_strategy(args) else {
        let base = std::env::temp_dir().join("nightjar");
        return (base.join("config"), base.join("data"), base.join("state"));
    };
    let data = strategy.data_dir();
    let state = strategy.state_dir().unwrap_or_else(|| data.join("logs"));
    (strategy.config_dir(), data, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_moves_each_folder_alone() {
        let paths =
            Paths::with(|name| (name == "NIGHTJAR_DATA_DIR").then(|| "/srv/nightjar".into()));
        assert_eq!(paths.data, PathBuf::from("/srv/nightjar"));
        assert_ne!(paths.config, paths.data);
        assert_eq!(
            paths.store_file("contoso"),
            PathBuf::from("/srv/nightjar/contoso.sqlite")
        );
    }
}
