//! KQL run locally: bound tree → plan → SQL on SQLite, with the functions SQL lacks.
//!
//! Stands on `kql` and SQLite alone.
