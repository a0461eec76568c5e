//! What SQL lacks: scalar functions registered on the connection under names that begin with `k_`.
//!
//! A function takes cells in the engine's own form and gives one; the planner has already brought
//! arguments to the form a function names (text, JSON, number). Everything here is deterministic but
//! what says otherwise, so SQLite may compute a call on constants once.

#![expect(
    clippy::unnecessary_wraps,
    clippy::float_cmp,
    reason = "functions share one signature, and the language compares reals exactly"
)]

mod args;
mod arrays;
pub mod codes;
mod decompose;
mod encode;
mod filters;
mod json;
mod math;
mod misc;
mod net;
mod parse;
mod text;
mod times;
mod xml;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Error};

pub use args::{Args, json_cell, real_cell};

use super::error::EngineError;
use super::limits::Control;

/// One scalar function: its name and what it does. It takes any number of arguments; the planner
/// knows how many.
pub type Row = (&'static str, fn(&Args<'_, '_>) -> rusqlite::Result<Cell>);

const TABLES: [&[Row]; 13] = [
    text::TABLE,
    encode::TABLE,
    times::TABLE,
    math::TABLE,
    json::TABLE,
    arrays::TABLE,
    decompose::TABLE,
    filters::TABLE,
    codes::TABLE,
    net::TABLE,
    misc::TABLE,
    parse::TABLE,
    xml::TABLE,
];

/// Adds all functions and aggregates to a connection that nobody stops.
#[cfg(test)]
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    register_with(connection, &Control::default())
}

/// Adds all functions and aggregates to a connection. They fail when they are told to stop.
pub fn register_with(connection: &Connection, control: &Control) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    for (name, function) in TABLES.into_iter().flatten() {
        let control = control.clone();
        connection.create_scalar_function(*name, -1, flags, move |context| {
            if control.is_stopped() {
                return refuse("stopped");
            }
            function(&Args::new(context))
        })?;
    }
    let random = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    for (name, function) in misc::RANDOM {
        let control = control.clone();
        connection.create_scalar_function(*name, -1, random, move |context| {
            if control.is_stopped() {
                return refuse("stopped");
            }
            function(&Args::new(context))
        })?;
    }
    super::aggregates::register(connection, control)
}

/// An error a function gives up with; the query fails with these words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Fails the query with words of our own.
pub fn refuse<T>(message: impl Into<String>) -> rusqlite::Result<T> {
    Err(Error::UserFunctionError(Box::new(Refusal(message.into()))))
}

/// Turns what SQLite says of a failed function into our error.
pub fn explain(error: Error) -> EngineError {
    match &error {
        Error::SqliteFailure(code, Some(message))
            if code.code == rusqlite::ErrorCode::Unknown && !message.starts_with("no such") =>
        {
            EngineError::Failed {
                message: message.clone(),
                span: None,
            }
        }
        _ => EngineError::Storage(error),
    }
}
