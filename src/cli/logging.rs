//! The log file: what happened, for whoever has to find out later. Never the terminal, which
//! belongs to the console, and never a token or a secret, which the rooms that know them keep out.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

use super::failure::{Done, Failure};

/// What is logged where nothing else is asked for.
const DEFAULT: &str = "info";

/// How many days of logs are kept.
const DAYS: usize = 7;

/// Starts logging into a folder. The log is written as long as the guard lives.
///
/// # Errors
/// Where the level cannot be read. A folder that cannot be written to is no error: a console
/// without a log is better than none.
pub(crate) fn start(folder: &Path, level: Option<&str>) -> Done<Option<WorkerGuard>> {
    let level = level.map(str::trim).filter(|level| !level.is_empty());
    let filter = EnvFilter::try_new(level.unwrap_or(DEFAULT)).map_err(|error| {
        Failure::usage(format!(
            "--log-level {:?}: {error}",
            level.unwrap_or_default()
        ))
        .advise("It is one of off, error, warn, info, debug, trace, or a list such as info,nightjar::api=debug.")
    })?;
    if make_private(folder).is_err() {
        return Ok(None);
    }
    let built = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("nightjar")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder);
    let Ok(file) = built else {
        return Ok(None);
    };
    let (writer, guard) = tracing_appender::non_blocking(file);
    let set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init();
    Ok(set.is_ok().then_some(guard))
}

/// Makes a folder that only its owner can look into.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_nobody_knows_is_refused_with_what_there_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = start(folder.path(), Some("nightjar=loud")).expect_err("no such level");
        let words = refused.words().expect("words");
        assert!(words.contains("off, error, warn"), "{words}");
    }
}
