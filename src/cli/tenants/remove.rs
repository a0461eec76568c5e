//! `nightjar tenants remove`: a profile leaves the settings, and what it left behind is asked about.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::cli::args::RemoveArgs;
use crate::cli::failure::{Done, Failure};
use crate::cli::{login, say, settings};
use crate::config::edit::{change, without_profile};
use crate::config::{Config, Paths, Profile, ProfileError};
use crate::hunt::local;
use crate::store::remains;

/// Removes one profile.
pub(crate) fn run(args: &RemoveArgs) -> Done {
    let paths = Paths::resolve();
    let config = settings::load(&paths);
    let profile = known(&config, &args.name)?;
    let store = paths.store_file(&args.name);
    let left = remains::look(&store);
    let file = paths.config_file();
    let tenant = profile.map_or("cannot be used", |profile| &profile.tenant_id);
    if !args.yes {
        if !io::stdin().is_terminal() {
            return Err(
                Failure::usage(format!("{}: nothing was removed", args.name))
                    .advise("Say it with --yes where nobody can be asked."),
            );
        }
        let question = format!(
            "Remove the profile {} (tenant {tenant}) from {}? Type yes:",
            args.name,
            file.display()
        );
        if answer(&question)? != "yes" {
            return Err(Failure::usage(format!(
                "{}: nothing was removed",
                args.name
            )));
        }
    }
    // The settings first: a profile without its sign-in asks for one, a sign-in without its profile is
    // kept for nobody.
    change(&file, |text| without_profile(text, &args.name)).map_err(Failure::refused)?;
    say(&format!("{} is no longer in {}", args.name, file.display()));
    // One that cannot be used may have been of use before.
    let unusable = || Profile::new(&args.name, "", "");
    let signed_out = login::forget(&profile.cloned().unwrap_or_else(unusable), &paths);
    let asked = |given: bool, bytes: u64, what: &str| -> Done<bool> {
        if given || bytes == 0 || args.yes {
            return Ok(given);
        }
        let question = format!(
            "Delete its {what} too ({} kB)? yes/no:",
            bytes.div_ceil(1000)
        );
        Ok(matches!(answer(&question)?.as_str(), "yes" | "y"))
    };
    let cache = asked(args.cache, left.cache, "cache, which can be read anew")?;
    let journal = asked(
        args.journal,
        left.journal,
        "journal, the record of what was changed",
    )?;
    if cache || journal {
        let gone = remains::delete(&store, cache, journal).map_err(Failure::refused)?;
        if cache {
            let left = local::forget(&paths.data, &args.name).map_err(Failure::refused)?;
            if left.results > 0 {
                say(&format!("deleted {} kept results of hunts", left.results));
            }
        }
        for file in gone {
            say(&format!("deleted {}", file.display()));
        }
    }
    for (kept, bytes, what, file) in [
        (!cache, left.cache, "cache", store.clone()),
        (
            !journal,
            left.journal,
            "journal",
            remains::journal_of(&store),
        ),
    ] {
        if kept && bytes > 0 {
            say(&format!("its {what} stays in {}", file.display()));
        }
    }
    signed_out.map(drop)
}

/// The profile of that name; none where it is set up but cannot be used, which is no reason to keep it.
fn known<'a>(config: &'a Config, name: &str) -> Done<Option<&'a Profile>> {
    match config.profile(Some(name)) {
        Ok(profile) => Ok(Some(profile)),
        Err(ProfileError::Unusable { .. }) => Ok(None),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// A line that was typed, without the spaces around it.
fn answer(question: &str) -> Done<String> {
    say(question);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_lowercase())
}
