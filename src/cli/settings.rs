//! `nightjar config …`, and the settings every other command starts from.

use std::io::Write;

use super::args::{ConfigCommand, Global};
use super::failure::{Done, Failure};
use super::say;
use crate::config::{Chosen, Config, Paths, Picked, ProfileError};
use crate::domain::text;
use crate::tui::keymap::Keymap;
use crate::tui::run::overrides;
use crate::tui::theme::{Depth, Theme};

/// Does one of the `config` commands.
pub(crate) fn run(command: ConfigCommand, global: &Global, out: &mut dyn Write) -> Done {
    let paths = Paths::resolve();
    match command {
        ConfigCommand::Path => {
            let file = paths.config_file();
            writeln!(out, "config  {}", file.display())?;
            writeln!(out, "themes  {}", paths.themes().display())?;
            writeln!(out, "data    {}", paths.data.display())?;
            writeln!(out, "logs    {}", paths.state.display())?;
            if !file.exists() {
                say(&format!("{} does not exist yet", file.display()));
            }
            Ok(())
        }
        ConfigCommand::Schema => Ok(writeln!(out, "{}", Config::schema().trim_end())?),
        ConfigCommand::Check => check(&paths, global, out),
    }
}

/// Says everything that is wrong, one line each; with nothing wrong, what there is.
fn check(paths: &Paths, global: &Global, out: &mut dyn Write) -> Done {
    let loaded = Config::load(paths);
    let mut problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    problems.extend(console_problems(&loaded.config, paths));
    for problem in &problems {
        writeln!(out, "{}", text::clean(problem))?;
    }
    if let Chosen::Named(names) = chosen(global) {
        for name in names {
            let one = Chosen::Named(vec![name]);
            loaded.config.profiles(&one).map_err(profile_failure)?;
        }
    }
    if !problems.is_empty() {
        return Err(Failure::usage(format!(
            "{} problem{} in the settings",
            problems.len(),
            if problems.len() == 1 { "" } else { "s" }
        )));
    }
    let names: Vec<&str> = loaded.config.profiles.keys().map(String::as_str).collect();
    let file = &loaded.config.file;
    if file.exists() {
        say(&format!(
            "{}: right; profiles: {}",
            file.display(),
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        ));
    } else {
        say(&format!(
            "{} does not exist; everything is at its default",
            file.display()
        ));
    }
    Ok(())
}

/// What the console finds wrong in names only it knows: commands, keys, themes.
fn console_problems(config: &Config, paths: &Paths) -> Vec<String> {
    let (_, mut problems) =
        Keymap::new(&overrides(&config.keys, &config.file.display().to_string()));
    let (_, theme) = Theme::load(&config.ui.theme, Some(&paths.themes()), Depth::True);
    if let (Some((line, column)), false) = (config.ui.theme_at, theme.is_empty()) {
        let place = format!("{}:{line}:{column}", config.file.display());
        problems.extend(theme.iter().map(|problem| format!("{place}: {problem}")));
    } else {
        problems.extend(theme);
    }
    problems
}

/// The settings, with what is wrong in them said on standard error.
pub(crate) fn load(paths: &Paths) -> Config {
    let loaded = Config::load(paths);
    for problem in &loaded.problems {
        say(&problem.to_string());
    }
    loaded.config
}

/// Which profiles are asked for: by the options, else by `NIGHTJAR_PROFILE`, else nobody says.
pub(crate) fn chosen(global: &Global) -> Chosen {
    if global.all_profiles {
        return Chosen::All;
    }
    if !global.profiles.is_empty() {
        return Chosen::Named(global.profiles.clone());
    }
    // Not read by the parser: there it would contradict --all-profiles.
    let named = std::env::var("NIGHTJAR_PROFILE").unwrap_or_default();
    let names = named.split(',').map(str::trim).filter(|it| !it.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        Chosen::Default
    } else {
        Chosen::Named(names)
    }
}

/// The profiles to use, with what to do where there are none.
pub(crate) fn profiles(config: &Config, global: &Global) -> Done<Picked> {
    picked(config, &chosen(global))
}

/// The same of a choice.
pub(crate) fn picked(config: &Config, chosen: &Chosen) -> Done<Picked> {
    config.profiles(chosen).map_err(profile_failure)
}

/// Why there is no profile to use, with what to do next.
pub(crate) fn profile_failure(error: ProfileError) -> Failure {
    let failure = Failure::usage(&error);
    match error {
        ProfileError::None { file } => failure.advise(example(&file.display().to_string())),
        ProfileError::Unusable { .. } => {
            failure.advise("`nightjar config check` lists everything that is wrong.")
        }
        _ => failure,
    }
}

/// The shortest settings that reach a tenant.
fn example(file: &str) -> String {
    format!(
        "\nThe shortest one, in {file}:\n\n\
         [profiles.contoso]\n\
         tenant_id     = \"00000000-0000-0000-0000-000000000000\"   # directory (tenant) id\n\
         client_id     = \"00000000-0000-0000-0000-000000000000\"   # application (client) id\n\
         client_secret = {{ env = \"NIGHTJAR_SECRET\" }}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_example_is_a_profile_that_works() {
        let example = example("config.toml");
        let text = example.split_once("\n\n").expect("words, then settings").1;
        let loaded = Config::parse(text, Path::new("config.toml"));
        assert_eq!(loaded.problems, []);
        assert!(loaded.config.profiles.contains_key("contoso"));
    }

    #[test]
    fn without_a_profile_it_says_what_to_write_and_where() {
        let config = Config {
            file: "/etc/xdg/nightjar/config.toml".into(),
            ..Config::default()
        };
        let failure = profiles(&config, &Global::default()).expect_err("there is none");
        let words = failure.words().expect("words");
        assert!(words.contains("[profiles.contoso]"), "{words}");
        assert!(words.contains("/etc/xdg/nightjar/config.toml"), "{words}");
        assert!(words.contains("nightjar demo"), "{words}");
    }
}
