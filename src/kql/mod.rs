//! The Kusto query language: tokens, error-tolerant tree, binder, diagnostics, classification.
//!
//! Stands on nothing but the standard library and `assets/kql`.

pub mod bound;
pub mod syntax;
pub mod types;
