//! `nightjar kql check` and `classify`: what the language service says of queries.

use std::io::{BufRead, Write};
use std::path::Path;

use super::failure::{Done, Failure};

/// Answers one JSON line an input line (`{"id", "query"}`): the verdict of the checker.
pub(crate) fn check_jsonl(_: &mut dyn BufRead, _: &mut dyn Write, _schema: Option<&Path>) -> Done {
    Err(Failure::refused(
        "the checker is not part of this build yet",
    ))
}

/// Writes `name:line:col: message` for every problem of one query; true where there is none.
pub(crate) fn check_text(
    _name: &str,
    _query: &str,
    _: &mut dyn Write,
    _: Option<&Path>,
) -> Done<bool> {
    Err(Failure::refused(
        "the checker is not part of this build yet",
    ))
}

/// Answers one JSON line an input line: what each part of the query is.
pub(crate) fn classify_jsonl(_: &mut dyn BufRead, _: &mut dyn Write, _: Option<&Path>) -> Done {
    Err(Failure::refused(
        "the classifier is not part of this build yet",
    ))
}

/// Writes `name:line:col: kind text` for every part of one query.
pub(crate) fn classify_text(
    _name: &str,
    _query: &str,
    _: &mut dyn Write,
    _: Option<&Path>,
) -> Done {
    Err(Failure::refused(
        "the classifier is not part of this build yet",
    ))
}
