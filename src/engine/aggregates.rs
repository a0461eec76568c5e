//! Aggregates SQL lacks.

use rusqlite::Connection;

/// Adds all aggregates to a connection.
pub fn register(_connection: &Connection) -> rusqlite::Result<()> {
    Ok(())
}
