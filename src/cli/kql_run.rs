//! `nightjar kql run`: queries that bring their own data, run by the local engine.

use std::io::{BufRead, Write};

use super::args::Output;
use super::failure::{Done, Failure};

/// Answers one JSON line an input line (`{"id", "query"}`): columns, rows, error.
pub(crate) fn run_jsonl(_input: &mut dyn BufRead, _out: &mut dyn Write) -> Done {
    Err(Failure::refused("the engine is not part of this build yet"))
}

/// Runs one query and writes its rows in the form asked for. `name` is for messages:
/// `name:line:col: message`.
pub(crate) fn run_text(_name: &str, _query: &str, _form: Output, _out: &mut dyn Write) -> Done {
    Err(Failure::refused("the engine is not part of this build yet"))
}
