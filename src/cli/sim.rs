//! `nightjar sim`: the simulated tenant alone.

use clap::Args;

use super::failure::{Done, Failure};

/// Options of `nightjar sim`.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {}

/// Serves until interrupted. `super::runtime()` gives the asynchronous runtime.
pub(crate) fn run(_args: SimArgs) -> Done {
    Err(Failure::refused(
        "the simulated tenant is not part of this build yet",
    ))
}
