//! The Kusto query language: tokens, error-tolerant tree, binder, diagnostics, classification.
//!
//! Stands on nothing but the standard library and `assets/kql`.

pub mod bound;
pub mod diagnostics;
pub mod keywords;
pub mod lexer;
pub mod literals;
pub mod parser;
pub mod syntax;
pub mod types;

pub use diagnostics::Diagnostic;
pub use parser::parse;
pub use syntax::{Span, Syntax};
pub use types::{Type, Value};
