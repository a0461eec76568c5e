//! `nightjar doctor`: what works in each tenant, what will not, why, and what cures it.

use std::io::{self, IsTerminal as _, Write as _};

use tokio::sync::mpsc;

use super::args::{DoctorArgs, Global, Output};
use super::failure::{Done, Failure};
use super::{logging, runtime, say, settings};
use crate::config::{Config, Loaded, Paths};
use crate::doctor::{self, News, Outcome, Report, Subject};
use crate::domain::text;

/// Lines are broken here where standard output is no terminal.
const WIDTH: usize = 80;

/// Examines the profile and writes the report.
pub(crate) fn run(args: &DoctorArgs, global: &Global) -> Done {
    let paths = Paths::resolve();
    let loaded = Config::load(&paths);
    let names = names(&loaded.config, global)?;
    let _log = logging::start(&paths.state, global.log_level.as_deref())?;
    let subjects: Vec<Subject> = names
        .iter()
        .map(|name| subject(&loaded, name, &paths, args.offline))
        .collect();
    let reports = runtime()?.block_on(async {
        tokio::select! {
            reports = examine(subjects) => Ok(reports),
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        }
    })?;
    let out = &mut io::stdout().lock();
    if args.json || matches!(global.output, Output::Json | Output::Jsonl) {
        let document = doctor::json(&reports);
        let line = match global.output {
            Output::Jsonl => document.to_string(),
            _ => format!("{document:#}"),
        };
        writeln!(out, "{line}")?;
    } else {
        for (index, report) in reports.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            write!(out, "{}", text::clean_block(&doctor::text(report, WIDTH)))?;
        }
    }
    // The report has said everything.
    match reports.iter().map(|report| report.outcome).max() {
        None | Some(Outcome::Works) => Ok(()),
        Some(worst) => Err(Failure::silent(worst.code())),
    }
}

/// Every profile is examined by itself, side by side; words of progress where somebody watches.
async fn examine(subjects: Vec<Subject>) -> Vec<Report> {
    let watched = io::stderr().is_terminal();
    let several = subjects.len() > 1;
    let examinations = subjects.into_iter().map(|subject| async move {
        let name = subject.name.clone();
        let (news, mut heard) = mpsc::unbounded_channel();
        let tell = async {
            while let Some(news) = heard.recv().await {
                if watched {
                    let of = if several {
                        format!("{name}: ")
                    } else {
                        String::new()
                    };
                    say(&match news {
                        News::Check(check) => {
                            format!("{of}{} {}", check.sign.mark(), check.title)
                        }
                        News::Feature(row) => {
                            format!("{of}{} {}", row.standing.mark(), row.feature.title)
                        }
                    });
                }
            }
        };
        let (report, ()) = tokio::join!(doctor::examine(subject, news), tell);
        report
    });
    futures_util::future::join_all(examinations).await
}

/// The profiles to look at: those that cannot be used too, because that is what the doctor is for.
fn names(config: &Config, global: &Global) -> Done<Vec<String>> {
    let chosen = settings::chosen(global);
    let names = config.names(&chosen).map_err(settings::profile_failure)?;
    let known =
        |name: &String| config.profiles.contains_key(name) || config.unusable.contains_key(name);
    match names.iter().find(|name| !known(name)) {
        // The same words as elsewhere, with the nearest name.
        Some(unknown) => Err(config
            .profile(Some(unknown))
            .err()
            .map_or_else(|| Failure::usage(unknown), settings::profile_failure)),
        None => Ok(names),
    }
}

fn subject(loaded: &Loaded, name: &str, paths: &Paths, offline: bool) -> Subject {
    let config = &loaded.config;
    let unusable = config.unusable.get(name).cloned().unwrap_or_default();
    let problems = loaded
        .problems
        .iter()
        .filter(|problem| {
            // Those of profiles are told with their profile.
            !config
                .unusable
                .values()
                .flatten()
                .any(|own| own == *problem)
        })
        .cloned()
        .collect();
    Subject {
        name: name.to_owned(),
        file: config.file.clone(),
        profile: match config.profiles.get(name) {
            Some(profile) => Ok(profile.clone()),
            None => Err(unusable),
        },
        problems,
        paths: paths.clone(),
        offline,
    }
}
