//! A decoded row beside the JSON it came from, so that nothing the service sent is lost.

use serde_json::value::RawValue;

/// A row as we understand it and as it came.
#[derive(Clone, Debug)]
pub struct Raw<T> {
    /// What we made of it.
    pub value: T,
    /// What the service sent.
    pub json: Box<RawValue>,
}

/// A row that could not be understood: a warning with its JSON, never an empty screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// What the service sent; hostile until sanitised.
    pub json: String,
    /// Why it was not understood.
    pub why: String,
}
