//! A plain interpreter of bound queries, row by row and without any plan, to hold the engine against.
//!
//! It is written from the documentation of the language. Where that leaves a result open (which row
//! of equal ones, the order of unsorted rows, overflow, ...) it stops and says so: such a case is
//! not compared.

pub mod aggregate;
pub mod calls;
pub mod expr;
pub mod generate;
mod phrases;
pub mod rel;
pub mod value;
